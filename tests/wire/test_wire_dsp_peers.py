"""A peer that never answers, answers a byte at a time, sends us elsewhere, lies about the state or answers with what cannot
be kept: over real sockets to a hostile server. Our own state moves by messages alone."""

from __future__ import annotations

import contextlib
import http.server
import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from datong.ground import jobs
from datong.ground.db import NODE, Actor
from datong.ground.refusal import Refusal
from datong.negotiate import service as negotiate
from datong.register import store as register_rows
from datong.wire.dsp import sending
from datong.wire.dsp.messages import typed
from datong.wire.http import Client
from two_nodes import DATASET, OFFER, PARTY, Node, listed, two_nodes

Behaving = Callable[[http.server.BaseHTTPRequestHandler], None]


class Peer:
    """A server on loopback: a right version document, and to every message what `behaves` does. `asked`: its paths."""

    def __init__(self) -> None:
        self.behaves: Behaving = saying(200, {})
        self.version: Any = {"protocolVersions": [{"version": "2025-1", "path": "/dsp", "binding": "HTTPS"}]}
        self.version_status = 200
        self.asked: list[str] = []
        peer = self

        class Page(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                peer.asked.append(self.path)
                saying(peer.version_status, peer.version)(self)

            def do_POST(self) -> None:
                peer.asked.append(self.path)
                self.rfile.read(int(self.headers["content-length"]))
                with contextlib.suppress(OSError):
                    peer.behaves(self)

            def log_message(self, *_: Any) -> None:
                return

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def saying(status: int, body: Any, **headers: str) -> Behaving:
    def say(page: http.server.BaseHTTPRequestHandler) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        page.send_response(status)
        for name, value in headers.items():
            page.send_header(name, value)
        page.send_header("content-length", str(len(data)))
        page.end_headers()
        page.wfile.write(data)

    return say


def silence(_page: http.server.BaseHTTPRequestHandler) -> None:
    time.sleep(1.5)


def dripping(page: http.server.BaseHTTPRequestHandler) -> None:
    page.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n")
    for _ in range(30):
        page.wfile.write(b"{")
        time.sleep(0.05)


class Asking:
    """Our node as consumer, whose provider is the hostile peer."""

    def __init__(self, folder: Path, peer: Peer) -> None:
        provider, self.node = two_nodes(folder)
        self.offer = listed(provider)
        provider.store.dispose()
        self.provider, self.peer = provider.code, peer
        with self.node.store.begin(NODE) as tx:
            tx.change(register_rows.nodes, provider.code, address=peer.address)
        self.client = Client(self.node.store, allow_private=True)
        self.client.request = partial(self.client.request, seconds=0.4)  # type: ignore[method-assign]
        self.worker = jobs.Worker(self.node.store, {"dsp.send": sending.negotiation_job(self.node.store, self.client)})

    def ask(self) -> dict[str, Any]:
        with self.node.as_("analyst") as tx:
            negotiate.request(tx, provider=self.provider, dataset=DATASET, offer_id=OFFER,
                              purpose="industry_development", offer=self.offer)  # fmt: skip
        self.worker.run_due()
        return self.node.negotiation()

    def job(self) -> dict[str, Any]:
        with self.node.store.read() as tx:
            return tx.all(jobs.jobs.select())[-1]._asdict()

    def close(self) -> None:
        self.client.close()
        self.node.store.dispose()


@pytest.fixture
def peer() -> Iterator[Peer]:
    made = Peer()
    yield made
    made.close()


@pytest.fixture
def asking(tmp_path: Path, peer: Peer) -> Iterator[Asking]:
    made = Asking(tmp_path, peer)
    yield made
    made.close()


@pytest.mark.parametrize("status", [408, 425, 429, 503])
def test_a_version_document_that_is_not_given_now_is_asked_for_again(asking: Asking, peer: Peer, status: int) -> None:
    peer.version_status = status
    assert asking.ask()["state"] == "REQUESTED"
    assert asking.job()["state"] == "waiting"
    assert asking.job()["last_error"].startswith("[DSP-503]")


@pytest.mark.parametrize(
    "behaves", [silence, dripping, saying(503, b""), saying(429, b"later"), saying(500, b"\xff" * 99),
                saying(409, b"already leased")],
)  # fmt: skip
def test_who_does_not_answer_in_time_is_asked_again_and_nothing_has_moved(
    asking: Asking, peer: Peer, behaves: Behaving
) -> None:
    peer.behaves = behaves
    assert asking.ask()["state"] == "REQUESTED"
    assert asking.job()["state"] == "waiting"
    peer.behaves = saying(201, acknowledged())
    asking.node.wall += timedelta(seconds=120)
    asking.worker.run_due()
    assert (asking.job()["state"], asking.node.negotiation()["state"]) == ("done", "REQUESTED")


def test_a_conflict_that_stays_is_believed_after_some_tries(asking: Asking, peer: Peer) -> None:
    peer.behaves = saying(409, {"code": "409", "reason": ["it is in another state"]})
    asking.ask()
    for tries in range(1, sending.CONFLICT_TRIES):
        assert (asking.job()["state"], asking.job()["attempts"]) == ("waiting", tries)
        assert asking.node.negotiation()["state"] == "REQUESTED"
        asking.node.wall += timedelta(seconds=120)
        asking.worker.run_due()
    assert asking.job()["state"] == "done"
    row = asking.node.negotiation()
    assert (row["state"], row["reason"]["code"]) == ("TERMINATED", "409") and "another state" in row["reason"]["en"]


def acknowledged(**more: Any) -> dict[str, Any]:
    return typed("ContractNegotiation", **{"providerPid": "pp-1", "consumerPid": "c", "state": "REQUESTED", **more})


LIES: list[Any] = [
    acknowledged(state="FINALIZED"), acknowledged(state="TERMINATED"), acknowledged(state=7), acknowledged(providerPid=7),
    acknowledged(providerPid="\ud800"), acknowledged(providerPid="a\0b"), acknowledged(providerPid="x" * 5000), {}, [], None,
    b"", b"{", b"\xff", b"[" * 50_000, b'{"providerPid": NaN}', b'{"providerPid": "pp-1", "x": 1e999}', b"9" * 5000,
]  # fmt: skip


@pytest.mark.parametrize("lie", LIES, ids=range(len(LIES)))
def test_an_answer_moves_no_state_and_no_answer_is_too_wild_to_be_read(asking: Asking, peer: Peer, lie: Any) -> None:
    peer.behaves = saying(201, lie)
    row = asking.ask()
    assert row["state"] == "REQUESTED"
    assert asking.job()["state"] == "done"
    assert asking.node.agreements() == []


REFUSALS: list[Any] = [
    {"code": "\ud800", "reason": ["\udfff"]}, {"code": ["x"], "reason": {"a": 1}}, {"code": "x\0", "reason": ["\0"]},
    {"reason": [{"@value": {"@value": []}}] * 500}, {"code": "x" * 9999, "reason": ["y" * 99_999]}, [], b"\0\xff", b"[" * 50_000,
    b'{"code": NaN, "reason": [Infinity]}', b"",
]  # fmt: skip


def test_a_pid_that_is_anothers_is_none(asking: Asking, peer: Peer) -> None:
    """A provider that gives two of our negotiations one pid: the second is as if it had given none, and its messages
    under that pid are the first one's alone."""
    peer.behaves = saying(201, {"providerPid": "pp-1", "consumerPid": "x", "state": "REQUESTED"})
    first = asking.ask()
    with asking.node.as_("analyst") as tx:
        second = negotiate.request(tx, provider=asking.provider, dataset=DATASET, offer_id=OFFER,
                                   purpose="industry_development", offer=asking.offer)  # fmt: skip
    asking.worker.run_due()
    with asking.node.store.read(asking.node.by("auditor")) as tx:
        pids = {row["id"]: (row["peer_pid"], row["pending"]) for row in negotiate.negotiations(tx)}
    assert pids == {first["id"]: ("pp-1", None), second["id"]: ("", None)}
    with asking.node.store.begin(Actor("", "peer", PARTY["provider"], asking.provider), "negotiate") as tx:
        with pytest.raises(Refusal) as refused:
            negotiate.received_termination(
                tx, sender=asking.provider, message="m", pid=second["id"], peer_pid="pp-1", reasons=["x"]
            )
        assert refused.value.code == "CTR-408"


@pytest.mark.parametrize("refusal", REFUSALS, ids=range(len(REFUSALS)))
def test_a_refusal_ends_it_whatever_its_words(asking: Asking, peer: Peer, refusal: Any) -> None:
    peer.behaves = saying(400, refusal)
    row = asking.ask()
    assert row["state"] == "TERMINATED"
    assert asking.job()["state"] == "done", "a refusal that cannot be kept is not asked for again for ever"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed_and_ends_it(asking: Asking, peer: Peer, status: int) -> None:
    elsewhere = Peer()
    peer.behaves = saying(status, b"", location=f"{elsewhere.address}/secrets")
    row = asking.ask()
    assert (row["state"], elsewhere.asked) == ("TERMINATED", [])
    assert f"HTTP {status}" in row["reason"]["en"]
    elsewhere.close()


def test_an_answer_without_end_is_not_taken(asking: Asking, peer: Peer) -> None:
    peer.behaves = saying(200, b"x" * (9 * 1024 * 1024))
    asking.client.request = partial(asking.client.request, seconds=60)  # type: ignore[method-assign]
    assert asking.ask()["state"] == "TERMINATED"
    assert "NET-413" in json.dumps(asking.node.negotiation()["reason"])


@pytest.mark.parametrize(
    "path", ["/@127.0.0.1:1/x", "//127.0.0.1:1/x", "\ud800", "/a\0b", "/\r\nX: y", "x" * 100_000, 7, None]
)
def test_a_version_document_cannot_send_us_to_a_third_host(asking: Asking, peer: Peer, path: Any) -> None:
    peer.version["protocolVersions"][0]["path"] = path
    row = asking.ask()
    assert row["state"] in ("REQUESTED", "TERMINATED")
    assert asking.job()["state"] in ("done", "waiting")
    assert all(asked.startswith("/") for asked in peer.asked)
    if row["state"] == "REQUESTED" and asking.job()["state"] == "done":
        assert len(peer.asked) == 2, "the message went to the peer itself"


@pytest.mark.parametrize("node", [None])
def test_a_peer_at_a_metadata_address_is_called_by_no_setting(asking: Asking, node: None) -> None:
    with asking.node.store.begin(NODE) as tx:
        tx.change(register_rows.nodes, asking.provider, address="http://169.254.169.254")
    row = asking.ask()
    assert row["state"] == "TERMINATED"
    assert "NET-403" in json.dumps(row["reason"])


__all__ = ["Node"]
