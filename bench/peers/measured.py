"""CPU, wall clock and memory of a process and of everything it starts.

    job(work)      what a peer's script calls: runs `work` in a process of its own and prints one line of JSON

CPU is that of every process the work started and waited for (wait4), so a JVM counts as soon as its script waits for
it. Memory is the highest sum of the resident pages of the whole tree, looked at five times a second, so it is no less
than the largest process and may miss a short peak. Nothing of Datong is imported here.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

PAGE = os.sysconf("SC_PAGE_SIZE")
INSIDE = "--inside"


def job(work: Callable[[list[str]], Any]) -> None:
    """Run `work(arguments)` and print {cpu_seconds, wall_seconds, peak_mb, checksum, result}."""
    arguments = sys.argv[1:]
    if INSIDE in arguments:
        arguments.remove(INSIDE)
        told = json.dumps(work(arguments))
        os.write(int(os.environ["PEER_ANSWER"]), told.encode())
        return
    answer, theirs = os.pipe()
    began = time.perf_counter()
    child = subprocess.Popen(
        [sys.executable, *sys.argv, INSIDE],
        pass_fds=[theirs], env={**os.environ, "PEER_ANSWER": str(theirs)}, stdout=sys.stderr,
    )  # fmt: skip
    os.close(theirs)
    peak = _Peak(child.pid)
    peak.start()
    with os.fdopen(answer, "rb") as opened:
        told = opened.read()
    _, status, used = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - began
    peak.stop()
    if status or not told:
        sys.exit(f"{sys.argv[0]}: the work ended with {status}")
    result = json.loads(told)
    print(json.dumps({
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 2), "wall_seconds": round(seconds, 2),
        "peak_mb": max(peak.megabytes, round(used.ru_maxrss / 1024)), "checksum": checksum(result), "result": result,
    }))  # fmt: skip


def checksum(result: Any) -> str:
    """Of a result as plain JSON; equal results have equal ones, whoever computed them."""
    plain = json.dumps(result, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return "sha256:" + hashlib.sha256(plain.encode()).hexdigest()


class _Peak(threading.Thread):
    """Looks at a tree of processes until it is stopped."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.megabytes, self._over = pid, 0, threading.Event()

    def run(self) -> None:
        while not self._over.wait(0.2):
            self.megabytes = max(self.megabytes, round(sum(map(_resident, _tree(self.pid))) * PAGE / 2**20))

    def stop(self) -> None:
        self._over.set()
        self.join()


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = tasks.read_text().split()
        except OSError:
            continue  # it ended in the meantime
        for child in children:
            yield from _tree(int(child))


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0
