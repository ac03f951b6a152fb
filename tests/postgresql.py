"""A real PostgreSQL server for the tests: Debian's, started in a temporary folder on a Unix socket and loopback.

`server()` gives its URL, or the reason why there is none. Where CI=true the reason is a failure, not a skip.
DATONG_TEST_POSTGRESQL may name a server that runs already (its user must be allowed to create databases).
"""

from __future__ import annotations

import atexit
import functools
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import uuid
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine


@functools.cache
def server() -> tuple[str, str]:
    """(URL without a database name, "") or ("", the reason)."""
    if given := os.environ.get("DATONG_TEST_POSTGRESQL"):
        return given.rstrip("/"), ""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not programs:
        return "", "Debian's package postgresql is not installed"
    folder = programs[-1].parent
    as_user: list[str] = []
    if os.geteuid() == 0:
        try:
            pwd.getpwnam("postgres")
        except KeyError:
            return "", "PostgreSQL refuses to run as root, and there is no user postgres"
        as_user = ["runuser", "-u", "postgres", "--"]
    data = Path(tempfile.mkdtemp(prefix="datong-pg-"))
    if as_user:
        shutil.chown(data, "postgres", "postgres")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    def run(*command: str) -> None:
        subprocess.run([*as_user, *command], check=True, capture_output=True, cwd="/")

    run(str(folder / "initdb"), "-D", str(data / "db"), "-U", "datong", "-A", "trust", "-E", "UTF8", "--no-sync")
    options = f"-p {port} -k {data} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=60"
    run(str(folder / "pg_ctl"), "-D", str(data / "db"), "-w", "-l", str(data / "log"), "-o", options, "start")
    atexit.register(shutil.rmtree, data, ignore_errors=True)
    atexit.register(
        subprocess.run, [*as_user, str(folder / "pg_ctl"), "-D", str(data / "db"), "-m", "immediate", "stop"],
        capture_output=True, cwd="/",
    )  # fmt: skip
    return f"postgresql+psycopg://datong@127.0.0.1:{port}", ""


def url_or_skip() -> str:
    """The server's URL; skips with the reason where there is none, and fails where CI=true."""
    url, why = server()
    if url:
        return url
    if os.environ.get("CI") == "true":
        pytest.fail(why)
    return str(pytest.skip(why))


def fresh_database() -> str:
    """URL of a new empty database; skips or fails as `url_or_skip` does."""
    url = url_or_skip()
    name = f"t{uuid.uuid4().hex}"
    engine = _admin(url)
    with engine.connect() as conn:
        conn.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE template0")
    return f"{url}/{name}"


@functools.cache
def _admin(url: str) -> Engine:
    return create_engine(f"{url}/postgres", isolation_level="AUTOCOMMIT")
