"""The command line: help without heavy imports, a node made from nothing, refusals as text and exit code."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import psycopg
import pytest

import postgresql
import tls
from datong.app.running import Seldom
from datong.cli import rooms
from datong.cli.rooms import Structured
from datong.ground.db import SERVING
from datong.ground.refusal import Refusal
from servers import free_port

HEAVY = ("numba", "opendp", "sklearn", "pyspark", "pandas", "duckdb", "pyarrow", "fastapi", "sqlalchemy")
PARTY = "91520100MAXDT0015L"


def datong(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("LC_")}
    env = {**clean, "LANG": "C.UTF-8", **environment}
    return subprocess.run(
        [sys.executable, "-m", "datong", *arguments], capture_output=True, text=True, env=env, check=False
    )


def test_help_lists_the_rooms_and_loads_nothing_heavy() -> None:
    shown = datong("--help")
    assert shown.returncode == 0
    for room in ("register", "authorise", "harmonise", "deliver", "settle", "audit"):
        assert room in shown.stdout
    script = (
        "import sys\nfrom datong.cli.commands import datong\n"
        "try:\n    datong(['--help'])\nexcept SystemExit:\n    pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stderr.strip() == "[]"


DATA = ("pyarrow", "duckdb", "numpy", "sqlglot", "jsonschema_rs", "python_calamine")
STORE = ("sqlalchemy", "alembic")
WEB = ("fastapi", "starlette", "uvicorn", "jinja2", "httpx", "pygments", "rich")
ROOMS = ("datong.terms", "datong.register", "datong.settle", "datong.negotiate")
ABOVE_HARMONISE = ("datong.deidentify", "datong.compose", "datong.catalogue", "datong.register", "datong.wire")
NOT_SERVED = ("fastapi", "uvicorn", "jinja2", "alembic", *HEAVY[:5])


@pytest.mark.parametrize(
    ("command", "unneeded"),
    [
        ("--help", (*DATA, *STORE, *WEB, "yaml", "cryptography")),
        ("psi --help", (*DATA, *STORE, *WEB, "yaml", "cryptography")),
        ("init {folder}/new", (*DATA, *STORE, *WEB, "yaml")),
        ("ndi tables", (*DATA, *STORE, *WEB, "cryptography")),
        ("identity show {folder}", (*DATA, *WEB, "alembic")),
        ("register --help", (*DATA, *STORE, *WEB, "yaml", "cryptography", *ROOMS)),
        ("contract show c --node http://127.0.0.1:9", (*DATA, *STORE, "fastapi", "uvicorn", "jinja2", *ROOMS)),
        ("settle invoices --node http://127.0.0.1:9", (*DATA, *STORE, "fastapi", "uvicorn", "jinja2", "yaml", *ROOMS)),
        ("check --workspace {folder}", (*NOT_SERVED, "starlette", *ABOVE_HARMONISE)),
        ("quarantine x --workspace {folder}", NOT_SERVED),
    ],
)
def test_a_command_loads_only_what_it_needs(tmp_path: Path, command: str, unneeded: tuple[str, ...]) -> None:
    """How long a command takes to begin is what it imports; seconds would be the machine's."""
    node(tmp_path)
    datong("check", "--workspace", str(tmp_path / "n"))  # makes the store, for which migrations are run once
    words = command.format(folder=tmp_path / "n").split()
    script = (
        f"import sys\nsys.argv = ['datong', *{words!r}]\nfrom datong.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"print([name for name in {unneeded!r} if name in sys.modules], file=sys.stderr)"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stderr.splitlines()[-1] == "[]"


def test_serving_loads_none_of_the_optional_libraries() -> None:
    script = "import sys, datong.app.running\nprint([n for n in ('numba', 'opendp', 'sklearn', 'pyspark', 'pandas') if n in sys.modules])"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_a_node_from_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "node"
    made = datong("init", str(folder), "--name", "试验节点", "--party", PARTY, "--port", "9999")
    assert made.returncode == 0, made.stderr
    assert mode(folder) == mode(folder / "keys") == 0o700 and mode(folder / "keys" / "node.pem") == 0o600
    again = datong("init", str(folder), "--name", "x", "--party", PARTY, "--port", "9999")
    assert again.returncode == 5
    assert "APP-410" in again.stderr
    added = datong("add-operator", str(folder), "--login", "op", "--name", "运维")
    assert added.returncode == 0, added.stderr
    assert "Log in once at http://127.0.0.1:9999/enter/" in added.stdout
    assert mode(folder / "datong.db") == 0o600


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.mark.parametrize(
    ("mistyped", "meant"), [("regster", "register"), ("harmonize", "harmonise"), ("catalog", "catalogue"), ("chek", "check")]
)  # fmt: skip
def test_a_mistyped_word_is_told_what_is_near(mistyped: str, meant: str) -> None:
    refused = datong(mistyped, "people")
    assert refused.returncode == 2
    assert f"Did you mean {meant}?" in refused.stderr


@pytest.mark.parametrize("there", ["file", "file/node"])
def test_a_folder_that_cannot_be_made(tmp_path: Path, there: str) -> None:
    (tmp_path / "file").write_text("no folder")
    refused = datong("init", str(tmp_path / there))
    assert refused.returncode == 6, refused.stderr
    assert refused.stderr.startswith(
        f"[CLI-405] The command was not finished. The operating system refused: {tmp_path}"
    )


def test_the_next_step_can_be_typed_as_it_stands(tmp_path: Path) -> None:
    made = datong("init", str(tmp_path / "带 空格"))
    assert f"Next: cd '{tmp_path / '带 空格'}', then" in made.stdout


@pytest.mark.parametrize(
    ("environment", "chinese"),
    [
        ({"LANG": "zh_CN.UTF-8"}, True),
        ({"LANG": "C.UTF-8", "LC_ALL": "zh_CN.UTF-8"}, True),
        ({"LANG": "en_GB.UTF-8", "LC_MESSAGES": "zh_CN.UTF-8"}, True),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, False),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": ""}, True),
    ],
)
def test_the_language_is_that_of_the_locale(tmp_path: Path, environment: dict[str, str], chinese: bool) -> None:
    told = datong("serve", str(tmp_path), PYTHONIOENCODING="utf-8", **environment).stderr
    assert ("未被接受" in told or "节点配置" in told) is chinese, told


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (("--party", "91520100MAXDT0015X"), "party"),
        (("--port", "70000"), "port"),
        (("--region", "52"), "region"),
        (("--kind", "moon"), "kind"),
    ],
)
def test_wrong_facts_of_a_node_are_named(tmp_path: Path, wrong: tuple[str, str], said: str) -> None:
    facts = {"--name": "n", "--party": PARTY, "--port": "9999", "--region": "5201", "--kind": "connector"} | dict(
        [wrong]
    )
    refused = datong("init", str(tmp_path / "n"), *[part for pair in facts.items() for part in pair])
    assert refused.returncode == 2
    assert "APP-400" in refused.stderr
    assert f"- {said}:" in refused.stderr
    assert not (tmp_path / "n").exists()


def test_a_node_that_does_not_answer() -> None:
    refused = datong("register", "people", "--node", "http://127.0.0.1:9", "--token", "x")
    assert refused.returncode == 6
    assert "CLI-503" in refused.stderr


@pytest.mark.parametrize(
    ("status", "body"),
    [(200, b"<html>login</html>"), (200, b"\xff"), (502, b"<html>bad gateway</html>"), (404, b'{"detail": "Not Found"}'), (500, b"[]")],
)  # fmt: skip
def test_an_answer_that_is_no_nodes(status: int, body: bytes) -> None:
    class Gateway(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    with HTTPServer(("127.0.0.1", 0), Gateway) as gateway:
        threading.Thread(target=gateway.handle_request, daemon=True).start()
        node = f"http://127.0.0.1:{gateway.server_port}"
        refused = datong("register", "people", "--node", node, "--token", "x")
    assert refused.returncode == 6
    assert "[CLI-502]" in refused.stderr
    assert f"HTTP {status}" in refused.stderr


@pytest.mark.parametrize("node", ["localhost:8450", "127.0.0.1:8450", "ftp://127.0.0.1", "http://", "http://[::1"])
def test_what_is_no_address_of_a_node_is_not_told_as_silence(node: str) -> None:
    refused = datong("register", "people", "--node", node, "--token", "x")
    assert refused.returncode == 2 and f"[CLI-408] The command was not done. {node} is no" in refused.stderr


@pytest.mark.parametrize("encoding", ["latin-1", "gb2312"])
def test_a_terminal_without_the_signs_gets_escapes(tmp_path: Path, encoding: str) -> None:
    """A locale that is not UTF-8, as old servers have: even --help ended in a traceback."""
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "LANG": "C.UTF-8"}
    for command in (["--help"], ["init", f"{tmp_path}/车\u05d0"]):
        told = subprocess.run(
            [sys.executable, "-m", "datong", *command], capture_output=True, env=environment, check=False
        )
        assert told.returncode == 0, told.stderr
    assert b"\\u05d0/datong.toml written" in told.stdout


def test_a_certificate_that_is_not_trusted_is_not_told_as_silence(tmp_path: Path) -> None:
    class People(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"[]")

        def log_message(self, *_: object) -> None:
            return

    with tls.behind_tls(tmp_path, People) as (url, cert):
        refused = datong("register", "people", "--node", url, "--token", "x")
        assert refused.returncode == 6 and "[CLI-406]" in refused.stderr and "self-signed" in refused.stderr
        assert datong("register", "people", "--node", url, "--token", "x", SSL_CERT_FILE=str(cert)).stdout == "[]\n"


def test_a_node_that_is_still_at_it_is_not_told_as_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long build goes on when nobody waits for it any more; to be told to start the node would be wrong."""
    monkeypatch.setattr(rooms, "SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as busy:
        node = f"http://127.0.0.1:{busy.getsockname()[1]}"
        with pytest.raises(Refusal, match=r"CLI-407.*what came of it is not known.*--idempotency-key"):
            rooms.asked("register.people", node, "x", True, {})


def test_a_workspace_from_nothing(tmp_path: Path) -> None:
    """As a stranger's shell does it: three processes, no node running."""
    folder = tmp_path / "work"
    assert datong("init", str(folder)).returncode == 0
    (folder / "cars.csv").write_text("车牌号,金额\n贵A12345,1\n贵B12345,2\n", "utf-8")
    matched = datong("match", str(folder / "cars.csv"), "--standard", "transport", "--workspace", str(folder))
    assert matched.returncode == 0, matched.stderr
    built = datong("build", "--json", "--workspace", str(folder))
    assert built.returncode == 0, built.stderr
    assert json.loads(built.stdout)[0]["written"] == 2


def test_a_folder_that_is_no_node(tmp_path: Path) -> None:
    refused = datong("serve", str(tmp_path))
    assert refused.returncode == 2
    assert "CFG-400" in refused.stderr
    assert "datong init" in refused.stderr


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://datong:hunter2@127.0.0.1:9/datong", "[APP-413]"),
        ("sqlite:////no/such/folder/datong.db", "[APP-413]"),
        ("mysql://datong:hunter2@127.0.0.1/datong", "- store.url:"),
        ("postgresql+other://datong:hunter2@127.0.0.1/datong", "- store.url:"),
        ("hunter2", "- store.url:"),
    ],
)
def test_a_store_that_cannot_be_opened_is_told_without_its_password(tmp_path: Path, url: str, said: str) -> None:
    node(tmp_path, store=url)
    for command in (
        ("serve", str(tmp_path / "n")),
        ("add-operator", str(tmp_path / "n"), "--login", "op", "--name", "o"),
    ):
        refused = datong(*command)
        assert refused.returncode in (2, 6) and said in refused.stderr, refused.stderr
        assert "hunter2" not in refused.stderr and "Traceback" not in refused.stderr


def test_a_store_whose_driver_is_not_installed(tmp_path: Path) -> None:
    """As after `pip install datong` without its extra."""
    node(tmp_path, store="postgresql://datong@127.0.0.1:9/datong")
    script = (
        "import sys; sys.modules['psycopg'] = None\n"
        f"sys.argv = ['datong', 'serve', {str(tmp_path / 'n')!r}]\nfrom datong.cli import main\nmain()"
    )
    refused = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert refused.returncode == 6 and "[APP-413]" in refused.stderr, refused.stderr
    assert "pip install 'datong[postgresql]'" in refused.stderr


@pytest.mark.postgresql
@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_a_database_that_does_not_hold_every_name(tmp_path: Path, encoding: str) -> None:
    url = postgresql.fresh_database()
    name = f"{url.rpartition('/')[2]}_{encoding.lower()}"
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as conn:
        conn.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C'")
    node(tmp_path, store=f"{url.rpartition('/')[0]}/{name}")
    refused = datong("add-operator", str(tmp_path / "n"), "--login", "wang", "--name", "王")
    assert refused.returncode == 6 and "[APP-413]" in refused.stderr, refused.stderr
    assert f"server_encoding {encoding}, UTF8 expected" in refused.stderr


def test_a_store_that_is_no_database(tmp_path: Path) -> None:
    node(tmp_path)
    (tmp_path / "n" / "datong.db").write_text("this is no database, but as long as the header of one " * 9)
    refused = datong("serve", str(tmp_path / "n"))
    assert refused.returncode == 6 and "[APP-413]" in refused.stderr, refused.stderr


def test_a_node_says_where_it_is_served_and_ends_in_order(tmp_path: Path) -> None:
    """SIGTERM is how a service manager ends it: what is there is integrated, and the store is closed, so that
    datong.db is the whole of it."""
    port = free_port()
    node(tmp_path, port=port)
    command = [sys.executable, "-m", "datong", "serve", str(tmp_path / "n")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as served:
        for _ in range(300):
            with contextlib.suppress(httpx.HTTPError):
                assert httpx.get(f"http://127.0.0.1:{port}/node").status_code == 200
                break
            time.sleep(0.1)
        served.terminate()
        told = str(served.stderr and served.stderr.read())
        assert served.wait(30) == 0
    assert [line for line in told.splitlines() if " WARNING " not in line] == [told.splitlines()[0]]
    assert told.splitlines()[0].endswith(f"n is served at 127.0.0.1 port {port} until Ctrl-C or SIGTERM")
    assert not list((tmp_path / "n").glob("datong.db-*"))


def test_a_line_that_is_said_every_second_is_written_once_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a night without its database leaves in the journal: 12 lines a second were a million a day."""
    at = [1000.0]
    monkeypatch.setattr("datong.app.running.time.monotonic", lambda: at[0])
    seldom, written = Seldom(), []
    for second in range(3600):
        at[0] += 1
        for name in ("datong.jobs", "datong.jobs", "datong.evidence"):
            line = logging.LogRecord(name, logging.WARNING, "", 0, "it waits: %s", (f"away {second // 1800}",), None)
            written += [(name, line.getMessage())] if seldom.filter(line) else []
    assert len(written) == 2 * 60
    assert set(written) == {(n, f"it waits: away {x}") for n in ("datong.jobs", "datong.evidence") for x in (0, 1)}


@pytest.mark.parametrize(("host", "said"), [("203.0.113.7", "Cannot assign"), ("no.such.host.invalid", "")])
def test_an_address_that_is_not_this_machines(tmp_path: Path, host: str, said: str) -> None:
    node(tmp_path)
    config = tmp_path / "n" / "datong.toml"
    config.write_text(config.read_text("utf-8").replace("port = 9", f'port = {free_port()}\nhost = "{host}"'), "utf-8")
    refused = datong("serve", str(tmp_path / "n"))
    assert refused.returncode == 5, refused.stderr
    assert refused.stderr.startswith(f"[APP-416] The node was not started. {host}:") and said in refused.stderr


@pytest.mark.postgresql
def test_of_two_hosts_on_one_database_only_one_serves(tmp_path: Path) -> None:
    """A copy of the node's folder, as a second host has it, with another port."""
    url = postgresql.fresh_database()
    node(tmp_path, store=url, port=free_port())
    shutil.copytree(tmp_path / "n", tmp_path / "second")
    config = tmp_path / "second" / "datong.toml"
    config.write_text(re.sub(r"(?m)^port = \d+", f"port = {free_port()}", config.read_text("utf-8")), "utf-8")
    first = subprocess.Popen([sys.executable, "-m", "datong", "serve", str(tmp_path / "n")])
    second = None
    try:
        with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as conn:
            for _ in range(300):
                if conn.execute("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ExclusiveLock'"
                                " AND objid::bigint = %s", (SERVING & 0xFFFFFFFF,)).fetchone():  # fmt: skip
                    break
                time.sleep(0.1)
        refused = datong("serve", str(tmp_path / "second"))
        assert refused.returncode == 5 and "[APP-430]" in refused.stderr, refused.stderr
        assert "Traceback" not in refused.stderr
        first.kill()
        first.wait()
        second = subprocess.Popen([sys.executable, "-m", "datong", "serve", str(tmp_path / "second")])
        with pytest.raises(subprocess.TimeoutExpired):  # a process that was killed holds nothing
            second.wait(timeout=3)
    finally:
        for process in (first, second):
            if process is not None:
                process.kill()
                process.wait()


def test_of_two_processes_of_one_node_only_one_serves(tmp_path: Path) -> None:
    """Both are begun at once, so that neither finds the other's port in use."""
    port = free_port()
    node(tmp_path, port=port)
    command = [sys.executable, "-m", "datong", "serve", str(tmp_path / "n")]
    both = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    try:
        for _ in range(300):
            if ended := [one for one in both if one.poll() is not None]:
                break
            time.sleep(0.1)
        (loser,) = ended
        assert loser.returncode == 5 and "[APP-414]" in str(loser.stderr and loser.stderr.read())
        (winner,) = (one for one in both if one is not loser)
        for _ in range(300):
            with contextlib.suppress(httpx.HTTPError):
                assert httpx.get(f"http://127.0.0.1:{port}/node").status_code == 200
                break
            time.sleep(0.1)
        winner.kill()
        winner.wait()
        again = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        both.append(again)
        with pytest.raises(subprocess.TimeoutExpired):  # a process that was killed holds nothing
            again.wait(timeout=2)
    finally:
        for one in both:
            one.kill()
            one.communicate()


def node(tmp_path: Path, port: int = 9, store: str = "") -> None:
    made = datong("init", str(tmp_path / "n"), "--name", "n", "--party", PARTY, "--port", str(port))
    assert made.returncode == 0, made.stderr
    if store:
        with (tmp_path / "n" / "datong.toml").open("a") as out:
            out.write(f'\n[store]\nurl = "{store}"\n')


def test_structured_arguments_must_be_json() -> None:
    refused = datong("price", "survey-costs", "--survey", "{not json")
    assert refused.returncode == 2
    assert json.dumps("x")  # the message is click's own


def test_bare_dates_of_a_file_are_texts_as_in_json(tmp_path: Path) -> None:
    """YAML reads 2019-09-01 as a date, which the node's JSON cannot carry."""
    (tmp_path / "query.yaml").write_text("by: [{windows: {from: 2019-09-01, hours: 3}}]\n", "utf-8")
    assert Structured().convert(f"@{tmp_path / 'query.yaml'}", None, None) == {
        "by": [{"windows": {"from": "2019-09-01", "hours": 3}}]
    }
