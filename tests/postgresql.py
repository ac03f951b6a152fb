"""A real PostgreSQL server for the tests: Debian's, started in a temporary folder on a Unix socket and loopback.

`server()` gives its URL, or the reason why there is none. Where CI=true the reason is a failure, not a skip.
DATONG_TEST_POSTGRESQL may name a server that runs already (its user must be allowed to create databases).
"""

from __future__ import annotations

import atexit
import functools
import os
import subprocess
import uuid
from pathlib import Path

from sqlalchemy import Engine, create_engine

import servers


@functools.cache
def server() -> tuple[str, str]:
    """(URL without a database name, "") or ("", the reason)."""
    if given := os.environ.get("DATONG_TEST_POSTGRESQL"):
        return given.rstrip("/"), ""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not programs:
        return "", "Debian's package postgresql is not installed"
    folder = programs[-1].parent
    before = servers.as_user("postgres")
    if before is None:
        return "", "PostgreSQL refuses to run as root, and there is no user postgres"
    data, port = servers.folder("datong-pg-", "postgres"), servers.free_port()

    def run(*command: str) -> None:
        subprocess.run([*before, *command], check=True, capture_output=True, cwd="/")

    run(str(folder / "initdb"), "-D", str(data / "db"), "-U", "datong", "-A", "trust", "-E", "UTF8", "--no-sync")
    options = f"-p {port} -k {data} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=120"
    run(str(folder / "pg_ctl"), "-D", str(data / "db"), "-w", "-l", str(data / "log"), "-o", options, "start")
    atexit.register(
        subprocess.run, [*before, str(folder / "pg_ctl"), "-D", str(data / "db"), "-m", "immediate", "stop"],
        capture_output=True, cwd="/",
    )  # fmt: skip
    return f"postgresql+psycopg://datong@127.0.0.1:{port}", ""


def fresh_database(name: str = "", template: str = "template0") -> str:
    """URL of a new database (called `name`) with what `template` holds; skips or fails where there is no server."""
    url = servers.given_or_skip(server())
    name = name or f"t{uuid.uuid4().hex}"
    with admin(url).connect() as conn:
        conn.exec_driver_sql(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    return f"{url}/{name}"


@functools.cache
def admin(url: str) -> Engine:
    return create_engine(f"{url}/postgres", isolation_level="AUTOCOMMIT")
