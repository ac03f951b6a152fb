"""What starting a database server for the tests takes, whichever it is: a folder of its own, a user, a port, an end.

Where there is none the reason is told: a skip, or a failure where CI=true.
"""

from __future__ import annotations

import atexit
import os
import pwd
import shutil
import socket
import tempfile
from pathlib import Path

import pytest


def as_user(name: str) -> list[str] | None:
    """What stands before a command of the server, which refuses to run as root; None when there is no such user."""
    if os.geteuid() != 0:
        return []
    try:
        pwd.getpwnam(name)
    except KeyError:
        return None
    return ["runuser", "-u", name, "--"]


def folder(prefix: str, owner: str) -> Path:
    """A new folder that is deleted at the end."""
    made = Path(tempfile.mkdtemp(prefix=prefix))
    if os.geteuid() == 0:
        shutil.chown(made, owner, owner)
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def given_or_skip(server: tuple[str, str]) -> str:
    """The URL of a server that is there; skips with the reason where there is none, and fails where CI=true."""
    url, why = server
    if url:
        return url
    if os.environ.get("CI") == "true":
        pytest.fail(why)
    return str(pytest.skip(why))
