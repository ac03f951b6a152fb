"""The guarded client: which addresses it calls, what it follows, how much it takes."""

from __future__ import annotations

import http.server
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from datong.ground.db import Store
from datong.ground.refusal import Refusal
from datong.wire.http import Client


class Page(http.server.BaseHTTPRequestHandler):
    """/big sends 200 kB, /away redirects, /silent closes without a word, anything else echoes its headers."""

    def do_GET(self) -> None:
        if self.path == "/silent":
            self.close_connection = True
            return
        self.send_response(302 if self.path == "/away" else 200)
        if self.path == "/away":
            self.send_header("location", "http://127.0.0.1:1/elsewhere")
        body = b"x" * 200_000 if self.path == "/big" else b"{}"
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture
def server() -> Iterator[str]:
    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{made.server_port}"
    made.shutdown()
    made.server_close()


@pytest.fixture
def inside(store: Store) -> Iterator[Client]:
    client = Client(store, allow_private=True)
    yield client
    client.close()


@pytest.fixture
def outside(store: Store) -> Iterator[Client]:
    client = Client(store, allow_private=False)
    yield client
    client.close()


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:80/x",
        "http://localhost/x",
        "http://[::1]/x",
        "http://10.0.0.8/x",
        "http://192.168.1.1/x",
        "http://172.16.5.5/x",
        "http://169.254.169.254/latest/meta-data",
        "http://0.0.0.0/x",
        "http://[fd00::1]/x",
        "http://2130706433/x",
    ],
)
def test_private_addresses_are_not_called(outside: Client, url: str) -> None:
    with pytest.raises(Refusal) as refused:
        outside.get(url)
    assert refused.value.code == "NET-403"


def test_a_name_cannot_answer_differently_after_the_check(
    outside: Client, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rebinding name: public when it is looked at first, ours when it is called."""
    port = int(server.rsplit(":", 1)[1])
    answers = iter(["8.8.8.8", "127.0.0.1", "127.0.0.1"])
    asked: list[str] = []

    def lying(host: str, port: int, *_rest: Any, **_options: Any) -> Any:
        asked.append(host)
        address = next(answers) if host == "peer.example" else host
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", lying)
    called: list[tuple[str, int]] = []

    def connected(to: tuple[str, int], *_rest: Any, **_options: Any) -> socket.socket:
        called.append(to)
        raise OSError("not from here")

    monkeypatch.setattr(socket, "create_connection", connected)
    for expected in ("NET-503", "NET-403"):
        with pytest.raises(Refusal) as refused:
            outside.get(f"http://peer.example:{port}/x")
        assert refused.value.code == expected
    assert called == [("8.8.8.8", port)]
    assert asked == ["peer.example", "peer.example"], "resolved once a connection, by the one that checks"


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://example.org/x", "gopher://x", "http:///x", "nonsense"])
def test_only_http_is_spoken(inside: Client, url: str) -> None:
    with pytest.raises(Refusal) as refused:
        inside.get(url)
    assert refused.value.code == "NET-403"


def test_redirects_are_not_followed(inside: Client, server: str) -> None:
    assert inside.get(f"{server}/away").status == 302


def test_an_answer_may_not_be_larger_than_asked_for(inside: Client, server: str) -> None:
    assert len(inside.request("GET", f"{server}/big").body) == 200_000
    with pytest.raises(Refusal) as refused:
        inside.request("GET", f"{server}/big", bytes_max=100_000)
    assert refused.value.code == "NET-413"


@pytest.mark.parametrize("path", ["/silent"])
def test_no_answer_may_be_tried_again(inside: Client, server: str, path: str) -> None:
    with pytest.raises(Refusal) as refused:
        inside.get(server + path)
    assert refused.value.code == "NET-503"
    assert refused.value.kind == "unavailable"


def test_nobody_listens(inside: Client) -> None:
    with pytest.raises(Refusal) as refused:
        inside.get("http://127.0.0.1:9/x")
    assert refused.value.code == "NET-503"
