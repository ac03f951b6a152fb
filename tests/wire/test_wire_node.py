"""The doors of the node protocol as they stand open on a socket, asked by somebody without a login."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from starlette.applications import Starlette

from datong.ground.db import NODE, Store, settings
from datong.ground.evidence import Sequencer, append
from datong.ground.keys import PrivateKey
from datong.wire import node
from datong.wire.http import Door

LEAVES = 300


@pytest.fixture
def log(store: Store, node_folder: Path) -> Path:
    """The published files of a log of 300 leaves: a full tile, and partial ones of hashes and of entries."""
    with store.begin(NODE) as tx:
        tx.add(settings, {"id": "thing", "value": "1"})
        for _ in range(LEAVES):
            append(tx, "test.done", settings, "thing")
    folder = node_folder / "evidence"
    Sequencer(store, PrivateKey.new(), "datong/x", folder).run_once()
    return folder


@pytest.fixture
def port(store: Store, log: Path) -> Iterator[int]:
    routes = node.routes(
        store, Door(store, None, ("", "")), {}, clock_key="", evidence_folder=log, on_time=lambda _tx: None
    )
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), log_level="error"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield int(listening.getsockname()[1])
        server.should_exit = True
        thread.join(timeout=10)


def got(port: int, path: str) -> tuple[int, bytes]:
    """The answer to exactly this path: http.client sends it as written, other clients tidy it up."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body


OPEN = ("checkpoint", "tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1")
CLOSED = (
    "tile/entries/000", "tile/entries/001.p/44", "tile/./entries/000", "tile//entries/000", "./tile/entries/000",
    "tile/0/../entries/000", "tile/../tile/entries/000", "tile/%2e/entries/000", "tile/%65ntries/000",
    "tile%2fentries%2f000", "tile/./entries/001.p/44", "tile/../.lock", ".lock", "tile/../checkpoint",
    "../datong.db", "tile/../../datong.db", "tile/0/000/", "checkpoint/", "tile/0/999",
)  # fmt: skip


def test_the_hashes_of_the_log_are_open_and_neither_its_entries_nor_anything_beside_it(port: int, log: Path) -> None:
    assert {path: got(port, f"/evidence/{path}") for path in OPEN} == {
        path: (200, (log / path).read_bytes()) for path in OPEN
    }
    assert {path: got(port, f"/evidence/{path}") for path in CLOSED} == dict.fromkeys(CLOSED, (404, b""))
