"""The guarded client: which addresses it calls, what it follows, how much it takes."""

from __future__ import annotations

import contextlib
import http.server
import json
import socket
import threading
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tls
from datong.ground.db import Store
from datong.ground.refusal import Refusal
from datong.wire.http import Client


class Page(http.server.BaseHTTPRequestHandler):
    """/big sends 200 kB, /away redirects, /silent closes without a word, /drip and /drip-headers
    send a byte every tenth of a second for ever, /packed is a body that unfolds, /cookie says which
    cookies came and gives one; anything else says {}."""

    def do_GET(self) -> None:
        if self.path == "/silent":
            self.close_connection = True
            return
        if self.path.startswith("/drip"):
            self.drip(b"x-slow: " if self.path == "/drip-headers" else b"\r\n")
            return
        self.send_response(302 if self.path == "/away" else 200)
        if self.path == "/away":
            self.send_header("location", "http://127.0.0.1:1/elsewhere")
        body = b"x" * 200_000 if self.path == "/big" else b"{}"
        if self.path == "/cookie":
            body = json.dumps(self.headers.get("cookie")).encode()
            self.send_header("set-cookie", "who=you; Path=/; Max-Age=9999")
        if self.path == "/packed":
            body = zlib.compress(bytes(10_000_000))
            self.send_header("content-encoding", "deflate")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def drip(self, before: bytes) -> None:
        with contextlib.suppress(OSError):
            self.wfile.write(b"HTTP/1.1 200 OK\r\n" + before)
            for _ in range(200):
                self.wfile.write(b"x")
                time.sleep(0.1)

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
        "http://224.0.0.1/x",
        "http://[ff0e::1]/x",
        "http://[::ffff:127.0.0.1]/x",
        "http://[64:ff9b::7f00:1]/x",
        "http://[64:ff9b::a00:8]/x",
        "http://[2002:7f00:1::]/x",
        "http://[2001:0:4136:e378:8000:63bf:f5ff:fffe]/x",
        "http://0177.0.0.1/x",
        "http://0x7f.1/x",
        "http://127.1/x",
        "http://[::]/x",
        "http://[fe80::1]/x",
        "http://[::127.0.0.1]/x",
        "http://user:secret@127.0.0.1/x",
        "http://8.8.8.8@127.0.0.1/x",
        "http://168.63.129.16/machine",
        "http://100.100.100.200/latest/meta-data",
        "http://[fd00:ec2::254]/latest/meta-data",
    ],
)
def test_private_addresses_are_not_called(outside: Client, url: str) -> None:
    with pytest.raises(Refusal) as refused:
        outside.get(url)
    assert refused.value.code == "NET-403"


@pytest.mark.parametrize(
    "host", ["169.254.169.254", "2852039166", "0xa9fea9fe", "[::ffff:169.254.169.254]", "[fe80::1]", "[64:ff9b::a9fe:a9fe]",
             "[2002:a9fe:a9fe::]", "[fd00:ec2::254]", "100.100.100.200", "168.63.129.16", "224.0.0.1", "0.0.0.0", "[::]"]  # noqa: S104
)  # fmt: skip
def test_what_tells_a_machine_its_secrets_is_called_by_no_setting(inside: Client, host: str) -> None:
    with pytest.raises(Refusal) as refused:
        inside.get(f"http://{host}/latest/meta-data")
    assert refused.value.code == "NET-403"
    assert "no setting opens" in refused.value.texts()[1].en


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


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://example.org/x",
        "gopher://x",
        "http:///x",
        "nonsense",
        "http://[::1",
        "http://[x]/",
        "http://0177.0.0.1x/\ud800",
        "http://a\x00b/",
        "http://256.256.256.256/",
        "http://127.0.0.1:99999/",
        "http://a..example/",
        "http://" + "a" * 64 + ".example/",
        "http://xn--a.example/",
        "javascript:alert(1)",
    ],
)
def test_only_http_is_spoken(inside: Client, url: str) -> None:
    with pytest.raises(Refusal) as refused:
        inside.get(url)
    assert refused.value.code == "NET-403"


def test_redirects_are_not_followed(inside: Client, server: str) -> None:
    assert inside.get(f"{server}/away").status == 302


def test_a_peer_leaves_nothing_here_that_is_told_to_it_again(inside: Client, server: str) -> None:
    assert [inside.get(f"{server}/cookie").json() for _ in range(2)] == [None, None]


def test_an_answer_may_not_be_larger_than_asked_for(inside: Client, server: str) -> None:
    assert len(inside.request("GET", f"{server}/big").body) == 200_000
    with pytest.raises(Refusal) as refused:
        inside.request("GET", f"{server}/big", bytes_max=100_000)
    assert refused.value.code == "NET-413"


@pytest.mark.parametrize("path", ["/drip", "/drip-headers"])
def test_a_request_is_over_in_its_time_however_slowly_the_peer_speaks(inside: Client, server: str, path: str) -> None:
    began = time.monotonic()
    with pytest.raises(Refusal) as refused:
        inside.request("GET", server + path, seconds=0.7)
    assert (refused.value.code, refused.value.kind) == ("NET-503", "unavailable")
    assert 0.6 < time.monotonic() - began < 3
    assert inside.get(f"{server}/x").status == 200, "the next request has its own time"


def test_a_packed_answer_is_not_unfolded(inside: Client, server: str) -> None:
    assert len(inside.request("GET", f"{server}/packed", bytes_max=100_000).body) < 100_000


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


def test_an_authority_of_ones_own_is_named_by_the_environment(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As within a province: no public authority signs for addresses of its network."""
    with tls.behind_tls(tmp_path, Page) as (url, cert):
        stranger = Client(store, allow_private=True)
        with pytest.raises(Refusal, match=r"NET-503.*certificate not trusted \(SSL_CERT_FILE .*: self-signed"):
            stranger.get(f"{url}/x")
        monkeypatch.setenv("SSL_CERT_FILE", str(cert))
        knows = Client(store, allow_private=True)
        assert knows.get(f"{url}/x").status == 200
        with pytest.raises(Refusal, match=r"NET-503.*certificate not trusted.*: Hostname mismatch"):
            knows.get(f"{url.replace('127.0.0.1', 'localhost')}/x")
        for client in (stranger, knows):
            client.close()
