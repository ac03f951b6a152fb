"""One uninterrupted demonstration per test run, shared by all workers: five real nodes, real clients."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from world import NodeProcess

ROOT = Path(__file__).parents[1]
PORT = int(os.environ.get("DATONG_TEST_PORT", "9401"))
"""First port of the uninterrupted run; another one where two test runs share a machine."""


@dataclass(frozen=True)
class Run:
    folder: Path
    report: dict[str, Any]
    output: str


def run_demo(folder: Path, port: int, *options: str, timeout: int = 400) -> Run:
    """A demonstration in `folder` on five ports from `port`; fails the test with its output when it fails."""
    report = folder / "report.json"
    folder.mkdir(parents=True, exist_ok=True)
    command = [
        sys.executable, "examples/city-mobility/demo.py", "--once", "--folder", str(folder / "demo"),
        "--port", str(port), "--report", str(report), *options,
    ]  # fmt: skip
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        for node in (folder / "demo").iterdir():  # or the next run finds its ports in use
            kill_node(node)
        raise
    logs = "\n".join(f"== {log.parent.name}\n{log.read_text()[-1500:]}" for log in folder.glob("demo/*/node.log"))
    assert done.returncode == 0, f"{done.stdout[-4000:]}\n{done.stderr[-4000:]}\n{logs}"
    return Run(folder / "demo", json.loads(report.read_text("utf-8")), done.stdout)


def kill_node(folder: Path) -> bool:
    """Kill the node of this folder as a crash does; False when none runs."""
    pid = NodeProcess(folder.name, folder, 0).left_over()
    if pid is None:
        return False
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """The uninterrupted run. Its nodes are stopped; its folders, stores and logs are there to be read."""
    shared = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        shared = shared.parent
    folder = shared / "uninterrupted"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        kept = folder / "output.txt"
        if not kept.exists():
            run = run_demo(folder, PORT)
            kept.write_text(run.output, "utf-8")
    report = json.loads((folder / "report.json").read_text("utf-8"))
    yield Run(folder / "demo", report, kept.read_text("utf-8"))
