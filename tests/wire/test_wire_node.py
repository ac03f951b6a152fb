"""The doors of the node protocol, asked by somebody without a login, a node nobody knows, and nonsense."""

from __future__ import annotations

import base64
import http.client
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from sqlalchemy import select
from starlette.applications import Starlette

from asgi import Asgi
from datong.ground import clock, codes, jobs, outbox, signing
from datong.ground.canonical import digest_bytes
from datong.ground.db import NODE, Store, settings
from datong.ground.evidence import Sequencer, append
from datong.ground.keys import PrivateKey
from datong.ground.refusal import Refusal
from datong.register import service as register
from datong.register import store as register_store
from datong.register.store import nodes
from datong.wire import node
from datong.wire.http import Answer, Client, Door, peer_key

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


# --- hostile words -----------------------------------------------------------------------------------------------

CLOCK = PrivateKey.new()
BODY = b'{"id": "m-1", "type": "test.said", "version": 1, "body": {}}'


@pytest.fixture
def doors(store: Store, node_folder: Path) -> Asgi:
    return Asgi(Starlette(routes=node.routes(
        store, Door(store, None, ("", "")), {"test.said": lambda _tx, **_: None}, clock_key=CLOCK.public.text,
        evidence_folder=node_folder, on_time=lambda _tx: None,
    )))  # fmt: skip


def unsigned_token(claims: bytes) -> str:
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in (b'{"alg":"EdDSA"}', claims, b"x"))


@pytest.mark.parametrize(
    "claims", [b'{"iss": "\\ud800"}', b'{"iss": "\\u0000"}', b'{"iss": ["x"]}', b'{"iss":' + b"[" * 9000, b"7", b"\xff"]
)
def test_a_token_of_nonsense_is_refused_not_a_fault(doors: Asgi, claims: bytes) -> None:
    headers = {"authorization": f"Bearer {unsigned_token(claims)}"}
    answer = doors.post("/node/messages", content=BODY, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "NET-401")


@pytest.mark.parametrize(
    "nonsense", [b'"\\u0000"', b'"\\ud800"', b"[" * 100_000, b"1e999", b"NaN", b"\xff", b'{"y": 1, "y": 2}']
)
def test_a_message_of_nonsense_is_refused_not_a_fault(doors: Asgi, nonsense: bytes) -> None:
    answer = doors.post("/node/messages", content=BODY.replace(b"{}", b'{"x": ' + nonsense + b"}"))
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "MSG-400")


@pytest.mark.parametrize(
    "body",
    [
        b'{"at": "2026-03-02T00:00:00Z", "seq": Infinity}', b'{"at": "0001-01-01T00:00:00+23:59", "seq": 1}',
        b'{"at": 7, "seq": []}', b"[" * 100_000, b"[]", b"\xff",
    ],
)  # fmt: skip
def test_a_move_of_the_clock_of_nonsense_is_refused_not_a_fault(doors: Asgi, body: bytes) -> None:
    answer = doors.post("/node/clock", content=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "CLK-403")


# --- whom a message is meant for -------------------------------------------------------------------------------------


def said(door: Door, audience: Any) -> str:
    """What the door answers to a well-signed message to `audience`: "" or the refusal's code."""
    claims = {"iss": "x", "aud": audience, "jti": os.urandom(8).hex(), "digest": digest_bytes(BODY)}
    try:
        door.check(CLOCK.token(claims, clock.wall_clock()), CLOCK.public, BODY)
    except Refusal as refusal:
        return refusal.code
    return ""


def test_a_message_to_a_code_this_node_has_not_heard_yet_is_tried_again_later(store: Store) -> None:
    door, address, code = Door(store, None, ("", "")), "http://me.test", made_up(1)
    signing.install(store, PrivateKey.new(), signing.Me("", "x", "new node", address))
    told = [said(door, audience) for audience in (address, code, "", [address])]
    assert told == ["", "NET-504", "NET-401", "NET-401"]
    with store.begin(NODE) as tx:
        tx.add(settings, {"id": "node.code", "value": code})
    told = [said(door, audience) for audience in (address, code, made_up(2), "")]
    assert told == ["", "", "NET-401", "NET-401"]


# --- who applies to join ---------------------------------------------------------------------------------------------


def applied(key: PrivateKey) -> dict[str, Any]:
    party = "91520100MA6DATUN2U"
    bare = {"schema": "datong.application/1", "party": party, "name": "new", "address": "http://new.test",
            "public_key": key.public.text, "kind": "connector", "at": "2026-03-02T00:00:00Z"}  # fmt: skip
    one = {"node": "", "party": party, "key": key.public.text, "signature": key.sign_value(bare)}
    return {**bare, "signatures": [one]}


def test_an_application_sent_again_under_new_ids_takes_no_more_room(store: Store, node_folder: Path) -> None:
    """Whoever makes a key can apply; what is kept of it is one application."""
    home, key = "http://function.test", PrivateKey.new()
    signing.install(store, PrivateKey.new(), signing.Me("", "91520100MA6DATUN2U", "function node", home))
    with store.begin(NODE) as tx:
        mine = register.found(tx, area="5201")["code"]
    doors = Asgi(Starlette(routes=node.routes(
        store, Door(store, None, ("", "")), {"register.join": register.received_join}, clock_key="",
        evidence_folder=node_folder, on_time=lambda _tx: None,
    )))  # fmt: skip
    body = applied(key)
    for number in range(3):
        said = json.dumps({"id": f"m-{number}", "type": "register.join", "version": 1, "body": body}).encode()
        claims = {"iss": body["party"], "aud": mine, "jti": os.urandom(8).hex(), "digest": digest_bytes(said)}
        token = key.token(claims, clock.wall_clock())
        answer = doors.post("/node/messages", content=said, headers={"authorization": f"Bearer {token}"})
        assert answer.status_code == 200, answer.text
    with store.read() as tx:
        assert tx.count(register_store.applications) == 1
        assert tx.count(outbox.inbox) == 0


# --- nodes nobody knows ------------------------------------------------------------------------------------------


class Directory(Client):
    """The function node as somebody who knows nobody; counts the questions."""

    def get(self, url: str, headers: Any = None) -> Answer:
        self.asked = [*getattr(self, "asked", []), url]
        return Answer(404, {}, b"")


def made_up(number: int) -> str:
    return codes.node_code("5", "91520100MA6DATONG5", "5201", f"NODE{number:04d}")


def looked_up(client: Client, store: Store, code: str) -> str:
    with pytest.raises(Refusal) as refused:
        peer_key(client, store, code, ("http://function.test", "k"))
    return refused.value.code


def test_a_node_nobody_knows_is_not_looked_up_again_at_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = Directory(store, allow_private=True)
    assert [looked_up(directory, store, made_up(1)) for _ in range(5)] == ["NET-401"] * 5
    assert len(directory.asked) == 1
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 31)
    looked_up(directory, store, made_up(1))
    assert len(directory.asked) == 2


def test_codes_made_up_by_the_thousand_are_few_questions(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    directory = Directory(store, allow_private=True)
    told = [looked_up(directory, store, made_up(number)) for number in range(300)]
    assert len(directory.asked) == 100
    assert told == ["NET-401"] * 100 + ["NET-503"] * 200, "an honest newcomer among them tries again"


@pytest.mark.parametrize(("state", "code", "kind"), [
    ("active", "NET-503", "unavailable"), ("suspended", "NET-503", "unavailable"), ("revoked", "NET-410", "conflict"),
])  # fmt: skip
def test_only_a_silent_node_that_was_revoked_is_not_tried_again(store: Store, state: str, code: str, kind: str) -> None:
    refusal = refused_message(store, silent_peer(store, state=state))
    assert (refusal.code, refusal.kind) == (code, kind)
    assert "deliver.ended" in str(refusal) or code == "NET-503"


@pytest.mark.parametrize(("body", "code"), [
    (b'{"node": "mine"}', "IDN-424"), (b'{"node": "another"}', "MSG-400"), (b'{"node": null}', "MSG-400"),
    (b"{}", "MSG-400"), (b"[]", "MSG-400"), (b"", "MSG-400"), (b"[" * 9000, "MSG-400"),
])  # fmt: skip
def test_a_heartbeat_names_its_sender(doors: Asgi, store: Store, body: bytes, code: str) -> None:
    """(The node that is asked here is no function node, which is the last thing it looks at.)"""
    key = PrivateKey.new()
    mine = silent_peer(store, public_key=key.public.text)
    data = body.replace(b"mine", mine.encode())
    with store.read() as tx:
        me, now = signing.me(tx), tx.wall_now
    claims = {"iss": mine, "aud": me.code or me.address, "jti": "jti-1", "digest": digest_bytes(data)}
    headers = {"authorization": f"Bearer {key.token(claims, now)}"}
    assert doors.post("/node/heartbeat", content=data, headers=headers).json()["error"]["code"] == code


@contextmanager
def answering(store: Store, status_of: Callable[[dict[str, Any]], int], answer: str) -> Iterator[str]:
    """The code of a peer that answers each message with a status of its own, and always with this text."""

    class Peer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            status = status_of(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(status)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Peer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield silent_peer(store, address=f"http://127.0.0.1:{server.server_port}")
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("answer", ["[" * 100_000, '{"error": "no"}', '{"error": {"code": "X-1"}}', "<html>", ""])
def test_a_refusal_of_nonsense_is_a_refusal(store: Store, answer: str) -> None:
    """Else a peer could have a message tried again for ever, each time with a fault in the log of who sent it."""
    with answering(store, lambda _: 400, answer) as peer:
        with store.begin(NODE) as tx:
            job = outbox.send(tx, to=peer, type="first", body={})
        client = Client(store, allow_private=True)
        jobs.Worker(store, {outbox.SEND: node.sender_job(store, client, ("", ""))}).run_due()
        client.close()
    with store.read() as tx:
        row = tx.rows(select(jobs.jobs).where(jobs.jobs.c.payload["id"].as_string() == job))[0]
    assert row["state"] == "failed" and "NET-422" in row["last_error"]


IN_TURN, OVERTAKEN = ["first", "first", "second"], ["first", "second", "first"]


@pytest.mark.parametrize(("status", "answer", "heard"), [
    (429, "", IN_TURN), (502, "<html>", IN_TURN), (503, "", IN_TURN), (504, "[]", IN_TURN),
    (503, '{"error": {"code": "NET-425"}}', IN_TURN), (503, '{"error": {"code": "GND-505"}}', IN_TURN), (503, '{"error": {"code": "DID-409"}}', OVERTAKEN),
    (500, "", OVERTAKEN),
])  # fmt: skip
def test_messages_keep_their_order_when_what_stands_before_a_node_says_that_it_is_away(
    store: Store, caplog: pytest.LogCaptureFixture, status: int, answer: str, heard: list[str]
) -> None:
    """A catalogue of yesterday that arrived after today's would bring back what was taken out of it."""
    said: list[str] = []

    def first_alone(message: dict[str, Any]) -> int:
        said.append(message["type"])
        return status if len(said) == 1 else 200

    with answering(store, first_alone, answer) as peer:
        for type in ("first", "second"):
            with store.begin(NODE) as tx:
                outbox.send(tx, to=peer, type=type, body={})
        client = Client(store, allow_private=True)
        worker = jobs.Worker(store, {outbox.SEND: node.sender_job(store, client, ("", ""))})
        worker.run_due()
        with store.read() as tx:
            (waits,) = [job for job in jobs.open_jobs(tx) if job["payload"]["type"] == "first"]
        later = store.wall_clock() + timedelta(minutes=1)
        store.wall_clock = lambda: later
        worker.run_due()
        client.close()
    assert said == heard
    assert str(status) in waits["last_error"] and ("GND-520" in waits["last_error"]) == (heard == OVERTAKEN)
    told = [record for record in caplog.records if record.name == "datong.jobs"]
    assert [one.getMessage().count("\n") for one in told] == [0] * (heard == OVERTAKEN)
    assert not any(one.exc_info for one in told), "a peer's fault is no fault of this program: one line, no traceback"


def test_a_connector_of_another_make_gets_no_message_and_its_token_by_key_none_in(store: Store) -> None:
    peer = silent_peer(store, public_key="", did="did:web:id.example.cn", make="Another 1.0")
    refusal = refused_message(store, peer)
    assert (refusal.code, "Another 1.0" in str(refusal)) == ("NET-411", True)
    with store.read() as tx:
        token = PrivateKey.new().token({"iss": peer, "aud": signing.me(tx).code}, tx.wall_now)
    with pytest.raises(Refusal, match="by credentials only"):
        Door(store, None, ("", "")).sender(f"Bearer {token}", b"{}")


def silent_peer(store: Store, **changes: str) -> str:
    """The code of a member at whose address nobody listens."""
    party = codes.credit_code("9", "1", "520100", "MAXDT009")
    peer = codes.node_code("5", party, "5201", "GONE0000")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{closed.getsockname()[1]}"
    of_other_make = {name: changes.pop(name) for name in ("did", "make") if name in changes}
    row = {"party": party, "name": "gone", "address": address, "kind": "connector",
           "public_key": PrivateKey.new().public.text, "state": "active", "serial": 2, **changes}  # fmt: skip
    with store.begin(NODE) as tx:
        record = {"code": peer, **row, **of_other_make}
        tx.add(nodes, {"id": peer, **row, "record": record, "learned_at": tx.now})
    return peer


def refused_message(store: Store, to: str) -> Refusal:
    """Why a message to a peer was not sent."""
    client = Client(store, allow_private=True)
    job = jobs.Job("msg-1", "node.send", "ground", {"id": "msg-1", "to": to, "type": "deliver.ended", "body": {}}, 1, 1)
    with pytest.raises(Refusal) as caught:
        node.sender_job(store, client, ("", ""))(job)
    client.close()
    return caught.value


def test_a_large_message_is_read_once_its_sender_is_known(doors: Asgi) -> None:
    """Eight megabytes of numbers took ten seconds of a core, whoever sent them."""
    large = BODY.replace(b"{}}", b'{"n": [' + b"1," * 3_900_000 + b"1]}}")
    begun = time.process_time()
    answer = doors.post("/node/messages", content=large)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "NET-401")
    assert time.process_time() - begun < 2
