"""Named points at which a node can be made to die, so that tests can show that nothing is lost or doubled.

`DATONG_CRASH=deliver.before_commit,settle.after_commit` makes the process kill itself (SIGKILL) the first
time it passes each point; the points that fired are remembered in the file named by `DATONG_CRASH_LOG`, so a
restarted node passes. Without the variable a point is a dictionary look-up. Contract: tests/faults/.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

_POINTS = frozenset(filter(None, os.environ.get("DATONG_CRASH", "").split(",")))
_LOG = os.environ.get("DATONG_CRASH_LOG", "")


def point(name: str) -> None:
    if name not in _POINTS:
        return
    log = Path(_LOG)
    fired = log.read_text().split() if _LOG and log.exists() else []
    if name in fired:
        return
    with log.open("a") as out:
        out.write(name + "\n")
        out.flush()
        os.fsync(out.fileno())
    os.kill(os.getpid(), signal.SIGKILL)
