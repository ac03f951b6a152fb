"""Nodes that die: nothing is lost, nothing is done twice, and the report equals an uninterrupted run's.

Twelve links, five nodes, before and after the commit. A node kills itself (SIGKILL) the first time it passes a commit
of the link, once before and once after it; a node that commits nothing in a link is killed from outside, as the link
begins and as it ends. Its supervisor starts it again, as systemd would. The console is in test_faults_console.py.
A sample runs in `make test`, all of it in `make faults` (--all-faults).
"""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from after_faults import NODES, differences, fired
from demo_run import PORT, ROOT, Run, kill_node, run_demo

BIKE, BUREAU, REGISTRY, GROUP, LAB = NODES

COMMITS: dict[str, dict[str, tuple[str, ...]]] = {
    "register": {"register": NODES},
    "authorise": {"authorise": (BIKE, BUREAU, REGISTRY, GROUP)},
    "harmonise": {"harmonise": (BIKE, BUREAU)},
    "compose": {"deidentify": NODES, "compose": (BIKE, BUREAU, GROUP)},
    "price": {"price": (REGISTRY, GROUP)},
    "catalogue": {"catalogue": (BIKE, BUREAU, GROUP, LAB)},
    "negotiate": {"negotiate": (BIKE, BUREAU, GROUP, LAB)},
    "deliver": {"deliver": (BIKE, BUREAU, GROUP, LAB)},
    "settle": {"settle": (BIKE, BUREAU, GROUP, LAB)},
    "national": {"national": ()},
    "audit": {"audit": ()},
}
"""Link -> its rooms -> the nodes that commit something there. De-identification and composition are one link, so are
delivery and metering; the last link is the console. The national rail commits in rooms that died before."""
STEPS = {"compose": ("deidentify", "compose"), "negotiate": ("supply", "negotiate")}
"""First and last step of the demonstration for a link that has several."""
BETWEEN = ("jobs", "inbox", "evidence", "ground")
"""Commits that belong to no link: a job taken or done, a token seen, the log sequenced, the clock moved."""
SAMPLE = [
    f"{GROUP}:register", f"{BIKE}:harmonise", f"{BUREAU}:compose", f"{REGISTRY}:price", f"{LAB}:negotiate",
    f"{GROUP}:deliver", f"{LAB}:settle",
]  # fmt: skip


def points(link: str, node: str) -> list[str]:
    """Where a node dies in a link: around its first commit in each room of it, or at the link's start and end."""
    rooms = [room for room, nodes in COMMITS[link].items() if node in nodes]
    if rooms:
        return [f"{node}:{room}.{side}_commit" for room in rooms for side in ("before", "after")]
    first, last = STEPS.get(link, (link, link))
    return [f"{node}:{first}:start", f"{node}:{last}:end"]


def deaths(planned: list[str]) -> list[str]:
    """The options of the demonstration for these points."""
    return [word for point in planned for word in ("--crash" if "_commit" in point else "--kill", point)]


def survived(finished: Run, folder: Path, port: int, planned: list[str]) -> Run:
    """A run in which the nodes die at the planned points, all of which must fire, compared with the uninterrupted."""
    run = run_demo(folder, port, *deaths(planned))
    assert fired(run) == set(planned)
    assert not differences(run, finished)
    print("died at:", *sorted(planned))
    return run


def test_nodes_that_die_around_their_commits_lose_and_double_nothing(finished: Run, tmp_path: Path) -> None:
    planned = [point for entry in SAMPLE for point in points(entry.partition(":")[2], entry.partition(":")[0])]
    survived(finished, tmp_path, PORT + 300, [*planned, f"{BIKE}:audit:start"])


@pytest.mark.parametrize("link", COMMITS)
def test_each_node_in_each_link(finished: Run, tmp_path: Path, link: str, all_faults: None) -> None:
    survived(finished, tmp_path, PORT + 305, [point for node in NODES for point in points(link, node)])


def test_each_node_between_the_links(finished: Run, tmp_path: Path, all_faults: None) -> None:
    planned = [f"{node}:{name}.{side}_commit" for node in NODES for name in BETWEEN for side in ("before", "after")]
    survived(finished, tmp_path, PORT + 310, planned)


@pytest.mark.parametrize("seed", range(4))
def test_random_moments(finished: Run, tmp_path: Path, seed: int, all_faults: None) -> None:
    dice = random.Random(seed)
    stop = threading.Event()
    killed: list[str] = []

    def killer() -> None:
        """Kill one node after another, each when the last one answers again: on a slow machine they start slowly."""
        while not stop.wait(dice.uniform(1.0, 4.0)):
            number = dice.randrange(len(NODES))
            if kill_node(tmp_path / "demo" / NODES[number]):
                killed.append(NODES[number])
                while not answers(PORT + 315 + number) and not stop.wait(0.2):
                    pass

    thread = threading.Thread(target=killer)
    thread.start()
    try:
        run = run_demo(tmp_path, PORT + 315, timeout=900)
    finally:
        stop.set()
        thread.join()
    print(f"seed {seed}: killed {killed}")
    assert len(killed) >= 5
    assert not differences(run, finished)


def answers(port: int) -> bool:
    with socket.socket() as knock:
        return knock.connect_ex(("127.0.0.1", port)) == 0


def test_a_demonstration_that_was_killed_twice_is_taken_up_where_it_stopped(
    finished: Run, tmp_path: Path, all_faults: None
) -> None:
    """Once as when the machine stops (its nodes die with it), once alone, leaving nodes that go on."""
    stopped_after(tmp_path, PORT + 320, "authorise", seconds=2.0, nodes_too=True)
    stopped_after(tmp_path, PORT + 320, "supply", seconds=1.0, nodes_too=False)
    run = run_demo(tmp_path, PORT + 320)
    assert "taken up where it stopped" in run.output
    assert not differences(run, finished)


@pytest.mark.parametrize("seed", range(2))
def test_a_demonstration_that_is_killed_in_most_of_its_steps(
    finished: Run, tmp_path: Path, seed: int, all_faults: None
) -> None:
    """The demonstration and its nodes die, at a seeded moment of one step after the other, and it is taken up again."""
    dice = random.Random(seed)
    for step in (
        "prepare",
        "register",
        "harmonise",
        "supply",
        "compose",
        "catalogue",
        "negotiate",
        "deliver",
        "settle",
    ):
        stopped_after(tmp_path, PORT + 325, step, seconds=dice.uniform(0, 1.5), nodes_too=dice.random() < 0.5)
    run = run_demo(tmp_path, PORT + 325)
    assert "taken up where it stopped" in run.output
    assert not differences(run, finished)


def stopped_after(folder: Path, port: int, step: str, *, seconds: float, nodes_too: bool) -> None:
    """Run the demonstration in `folder` until `step` is done, and kill it some seconds later, in the next step."""
    command = [
        sys.executable, "examples/city-mobility/demo.py", "--once", "--folder", str(folder / "demo"), "--port", str(port),
    ]  # fmt: skip
    done = "prepar" if step == "prepare" else f" {step} "
    said = []
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as running:
        assert running.stdout is not None
        for line in running.stdout:
            said.append(line)
            if done in line and (step == "prepare" or line.startswith("✓")):
                break
        time.sleep(seconds)
        assert running.poll() is None, "".join(said)
        running.send_signal(signal.SIGKILL)
    if nodes_too:
        for node in NODES:
            kill_node(folder / "demo" / node)


@pytest.fixture
def all_faults(request: pytest.FixtureRequest) -> None:
    if not request.config.getoption("--all-faults"):
        pytest.skip("all faults run in `make faults`; a sample runs here")


assert os.name == "posix", "processes are killed by signals"
