"""A real MariaDB server for the tests: Debian's, started in a temporary folder on loopback, as no privileged user.

`server()` gives its port and the reason why there is none. Where CI=true the reason is a failure, not a skip.
"""

from __future__ import annotations

import atexit
import functools
import shutil
import subprocess
import time
import uuid

from sqlalchemy import Engine, create_engine

import servers

PASSWORD = "quince-8812-garden"


@functools.cache
def server() -> tuple[str, str]:
    """(URL without a database name, "") or ("", the reason)."""
    program, install = shutil.which("mariadbd", path="/usr/sbin:/usr/bin"), shutil.which("mariadb-install-db")
    if program is None or install is None:
        return "", "Debian's package mariadb-server is not installed"
    before = servers.as_user("mysql")
    if before is None:
        return "", "MariaDB refuses to run as root, and there is no user mysql"
    data, port = servers.folder("datong-my-", "mysql"), servers.free_port()
    first = [install, "--no-defaults", f"--datadir={data / 'db'}", "--auth-root-authentication-method=normal",
             "--skip-test-db"]  # fmt: skip
    subprocess.run([*before, *first], check=True, capture_output=True, cwd="/")
    start = data / "start.sql"
    user_host = "datong@'127.0.0.1'"
    made = (
        f"CREATE USER {user_host} IDENTIFIED BY '{PASSWORD}';",
        f"GRANT ALL ON *.* TO {user_host} WITH GRANT OPTION;",
    )
    start.write_text("\n".join(made) + "\n")  # a statement a line
    start.chmod(0o644)
    options = [f"--datadir={data / 'db'}", f"--port={port}", f"--socket={data / 'socket'}", "--bind-address=127.0.0.1",
               f"--init-file={start}", "--skip-name-resolve", "--innodb-flush-log-at-trx-commit=0",
               "--innodb-buffer-pool-size=32M", "--performance-schema=OFF", "--skip-log-bin"]  # fmt: skip
    running = subprocess.Popen(
        [*before, program, "--no-defaults", *options], cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    atexit.register(running.wait, 20)
    atexit.register(running.terminate)
    url = f"mysql://datong:{PASSWORD}@127.0.0.1:{port}"
    for _ in range(240):
        if running.poll() is not None:
            return "", "Debian's MariaDB does not start"
        try:
            with _engine(url).connect():
                return url, ""
        except Exception:  # noqa: BLE001  (not up yet)
            time.sleep(0.25)
    return "", "Debian's MariaDB does not come up"


def fresh_database() -> str:
    """URL of a new empty database; skips or fails where there is no server."""
    url = servers.given_or_skip(server())
    name = f"t{uuid.uuid4().hex}"
    with _engine(url).connect() as conn:
        conn.exec_driver_sql(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
    return f"{url}/{name}"


@functools.cache
def _engine(url: str) -> Engine:
    return create_engine(f"{url.replace('mysql:', 'mysql+pymysql:')}/", isolation_level="AUTOCOMMIT")
