"""Nodes that die: no duplicate contract, charge or evidence, and the report equals an uninterrupted run's.

A node is made to kill itself (SIGKILL) at named points, before and after the commits of a link, or is killed
from outside at seeded random moments; its supervisor starts it again. A sample runs in `make test`; `make faults`
(--all-faults) takes each of the five nodes in each of the eleven links.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from demo_run import ROOT, Run, run_demo

NODES = ("bike-company", "traffic-bureau", "data-bureau", "data-group", "city-lab")
LINKS = (
    "register", "authorise", "harmonise", "deidentify", "compose", "price", "catalogue", "negotiate", "deliver",
    "meter", "settle", "audit",
)  # fmt: skip
RANDOM = {"id", "node_code", "code", "policy_hash", "seconds", "negotiations_ms", "bytes"}


def comparable(value: Any) -> Any:
    """The report without times, random ids, keys and hashes."""
    if isinstance(value, dict):
        return {name: comparable(part) for name, part in value.items() if name not in RANDOM}
    if isinstance(value, list):
        return [comparable(part) for part in value]
    return value


def fired(run: Run) -> dict[str, list[str]]:
    """The points at which each node really died."""
    return {log.parent.name: log.read_text().split() for log in run.folder.glob("*/crashes.log")}


def crashes(link: str) -> list[str]:
    options = []
    for node in NODES:
        for point in ("before_commit", "after_commit"):
            options += ["--crash", f"{node}:{link}.{point}"]
    return options


def test_nodes_that_die_around_their_commits_lose_and_double_nothing(finished: Run, tmp_path: Path) -> None:
    options: list[str] = []
    for link in ("authorise", "negotiate", "deliver", "settle"):
        options += crashes(link)
    run = run_demo(tmp_path, 9421, *options)
    died = fired(run)
    assert sum(len(points) for points in died.values()) >= 12, died
    assert comparable(run.report) == comparable(finished.report)


def test_a_demonstration_that_was_killed_is_taken_up_where_it_stopped(finished: Run, tmp_path: Path) -> None:
    command = [
        sys.executable, "examples/city-mobility/demo.py", "--once", "--folder", str(tmp_path / "demo"), "--port", "9431",
    ]  # fmt: skip
    first = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert first.stdout is not None
    for line in first.stdout:
        if "negotiate" in line:
            break
    kill_tree(first)
    run = run_demo(tmp_path, 9431)
    assert "taken up where it stopped" in run.output
    assert comparable(run.report) == comparable(finished.report)


@pytest.mark.parametrize("link", LINKS)
def test_each_node_in_each_link(finished: Run, tmp_path: Path, link: str, request: pytest.FixtureRequest) -> None:
    if not request.config.getoption("--all-faults"):
        pytest.skip("all links run in `make faults`; a sample ran above")
    run = run_demo(tmp_path, 9441, *crashes(link))
    died = fired(run)
    print(f"{link}: died at {died}")
    assert died, f"no node passed a commit of {link}"
    assert comparable(run.report) == comparable(finished.report)


@pytest.mark.parametrize("seed", range(5))
def test_random_moments(finished: Run, tmp_path: Path, seed: int, request: pytest.FixtureRequest) -> None:
    if not request.config.getoption("--all-faults"):
        pytest.skip("random moments run in `make faults`")
    dice = random.Random(seed)
    stop = threading.Event()
    killed: list[str] = []

    def killer() -> None:
        while not stop.wait(dice.uniform(1.0, 4.0)):
            node = dice.choice(NODES)
            for pid in serving(tmp_path / "demo" / node):
                os.kill(pid, signal.SIGKILL)
                killed.append(node)

    thread = threading.Thread(target=killer)
    thread.start()
    try:
        run = run_demo(tmp_path, 9451)
    finally:
        stop.set()
        thread.join()
    print(f"seed {seed}: killed {killed}")
    assert killed
    assert comparable(run.report) == comparable(finished.report)


def serving(folder: Path) -> list[int]:
    """Process ids of `datong serve FOLDER`."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"serve" in command and str(folder).encode() in command:
            found.append(int(entry.name))
    return found


def kill_tree(process: subprocess.Popen[str]) -> None:
    """The demonstration dies without a word, and so do its nodes (as when the machine stops)."""
    folder = Path(process.args[4])  # type: ignore[index]
    process.send_signal(signal.SIGKILL)
    process.wait()
    for node in NODES:
        for pid in serving(folder / node):
            os.kill(pid, signal.SIGKILL)
    time.sleep(0.5)
