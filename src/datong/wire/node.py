"""Datong's own signed JSON between nodes, for what neither rail defines: registration cases, code assignment,
instruments, partitions, statements, witness signatures, and in a demonstration the business clock.

    POST /node/messages          {"id", "type", "version": 1, "body"}; done once per id, typed, versioned
    GET  /node/directory/{code}  a membership record signed by the function node
    POST /node/heartbeat         a member is alive; every 5 s, and three missed beats count as stopped
    GET  /node/resolve/{code}    what a code stands for and where it lives, or which node to ask next
    GET  /node                   this node's name, code, public key, address
    GET  /evidence/...           checkpoint and hash tiles of this node's log (C2SP tlog-tiles), static files; not
                                 the entries, which say who did what

Must never know: what a message means; `app` hands in who receives which type. Contract:
tests/journey/test_journey_hostile.py.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from datong.ground import clock, evidence, jobs, outbox, signing
from datong.ground.canonical import canonical, named_once, without_nul
from datong.ground.crypto.profile import require_accepted
from datong.ground.db import NODE, Actor, Store, Tx, business_clock
from datong.ground.evidence import tiles
from datong.ground.keys import PublicKey
from datong.ground.refusal import Kind, Reason, Refusal, Text
from datong.register import service as register
from datong.register.model.values import Membership
from datong.wire.http import (
    MESSAGE_BYTES_MAX,
    NOT_AUTHENTIC,
    NOT_REACHED,
    OTHER_MAKE,
    PEER_GONE,
    PEER_REFUSED,
    PEER_STUMBLED,
    STATUS,
    TOO_LARGE,
    Answer,
    Client,
    Door,
    bearer,
    limited_body,
    peer_key,
)

VERSION = 1
STRANGER_BYTES_MAX = 256 * 1024
"""Of a message that is read before its sender is known, as an application to join is: 8 MiB of JSON take ten seconds of
a core, and anybody can send them."""
NEWCOMER = "register.join"
"""The one message of a node that has no code yet."""
AWAY = frozenset({429, 502, 503, 504})
"""What stands before a node answers when the node is away or has no time."""
log = logging.getLogger(__name__)

Receiver = Callable[..., None]
"""`received_<message>(tx, *, sender: node code, body)` of a room."""

BAD_MESSAGE = Reason(
    "MSG-400",
    Kind.invalid,
    Text("消息未被接受。", "The message was not accepted."),
    Text("{why}", "{why}"),
    Text(
        "请按 docs/reference/node-protocol.md 的格式发送。",
        "Send it in the form docs/reference/node-protocol.md describes.",
    ),
)
CLOCK_REFUSED = Reason(
    "CLK-403",
    Kind.denied,
    Text("业务时钟未移动。", "The business clock was not moved."),
    Text("{why}", "{why}"),
    Text(
        "只有演示节点接受由演示密钥签名、且不倒退的时间。",
        "Only a demonstration node takes times, signed by its demonstration key and never backwards.",
    ),
)


def routes(
    store: Store,
    door: Door,
    receivers: Mapping[str, Receiver],
    *,
    clock_key: str,
    evidence_folder: Path,
    on_time: Callable[[Tx], None],
) -> list[Route]:
    """The routes of this protocol for one node. on_time: what falls due when the business clock moves."""

    async def messages(request: Request) -> Response:
        body = await limited_body(request)
        return await _answered(lambda: _receive(store, door, receivers, request.headers, body))

    async def directory(request: Request) -> Response:
        code = request.path_params["code"]
        return await _answered(lambda: _membership(store, code))

    async def heartbeat(request: Request) -> Response:
        body = await limited_body(request)
        return await _answered(lambda: _beat(store, door, request.headers, body))

    async def resolve(request: Request) -> Response:
        code = request.path_params["code"]
        return await _answered(lambda: _resolved(store, code))

    async def about(_request: Request) -> Response:
        return await _answered(lambda: _about(store))

    async def move_clock(request: Request) -> Response:
        body = await limited_body(request)
        return await _answered(lambda: _move_clock(store, clock_key, body, on_time))

    async def log_file(request: Request) -> Response:
        path = str(request.path_params["path"])
        tile = tiles.parsed_path(path)  # only a name written as the log writes it: no "." or "//" gets past
        if path != "checkpoint" and (tile is None or tile.level == tiles.ENTRIES):
            return Response(status_code=404)  # the entries say who did what: auditors get them in a bundle
        target = evidence_folder / path
        if not target.is_file():
            return Response(status_code=404)
        return FileResponse(target, media_type="text/plain" if target.name == "checkpoint" else None)

    return [
        Route("/node", about, methods=["GET"]),
        Route("/node/messages", messages, methods=["POST"]),
        Route("/node/directory/{code}", directory, methods=["GET"]),
        Route("/node/heartbeat", heartbeat, methods=["POST"]),
        Route("/node/resolve/{code}", resolve, methods=["GET"]),
        Route("/node/clock", move_clock, methods=["POST"]),
        Route("/evidence/{path:path}", log_file, methods=["GET"]),
    ]


async def _answered(call: Callable[[], Any]) -> Response:
    try:
        return JSONResponse(await run_in_threadpool(call))
    except Refusal as refusal:
        return JSONResponse({"error": refusal.as_json()}, status_code=STATUS[refusal.kind])


def _receive(
    store: Store, door: Door, receivers: Mapping[str, Receiver], headers: Mapping[str, str], data: bytes
) -> dict[str, Any]:
    if len(data) > MESSAGE_BYTES_MAX:
        raise TOO_LARGE(limit=MESSAGE_BYTES_MAX)
    authorization = headers.get("authorization", "")
    known = door.sender(authorization, data) if len(data) > STRANGER_BYTES_MAX else None
    message = _parsed(data)
    kind, body = message["type"], message["body"]
    receiver = receivers.get(kind)
    if receiver is None:
        raise BAD_MESSAGE(why=f"Messages of type {kind[:60]!r} are not received here.")
    newcomer = kind == NEWCOMER
    sender = known or (_newcomer(door, authorization, data, body) if newcomer else door.sender(authorization, data))
    code = sender.department or sender.party

    def received(tx: Tx) -> bool:
        # an application is known by its key; anybody could fill the inbox with the same one under new ids
        fresh = newcomer or outbox.first_time(tx, message["id"], code, kind, body)
        if fresh:
            receiver(tx, sender=code, body=body)
        return fresh

    fresh = store.does(sender, kind.partition(".")[0], received)
    return {"id": message["id"], "received": "now" if fresh else "before"}


def _newcomer(door: Door, authorization: str, data: bytes, body: dict[str, Any]) -> Actor:
    """A node without a code proves that it holds the key it asks to register."""
    key = str(body.get("public_key", ""))
    require_accepted(key)
    try:
        PublicKey(key).raw  # noqa: B018 - parsed for its error
    except ValueError as broken:
        raise NOT_AUTHENTIC(why="the public key in the application is none") from broken
    claims = door.check(bearer(authorization), PublicKey(key), data)
    return Actor(person="", role="peer", party=str(claims["iss"]))


def _parsed(data: bytes) -> dict[str, Any]:
    try:
        message = json.loads(data, object_pairs_hook=named_once)
        canonical(message)  # what RFC 8785 cannot write, nobody can have signed or digested
        without_nul(data)
    except (ValueError, RecursionError) as broken:
        raise BAD_MESSAGE(why="It is not JSON, or not such that it could be signed (RFC 8785) and kept.") from broken
    well_formed = (
        isinstance(message, dict)
        and isinstance(message.get("id"), str)
        and isinstance(message.get("type"), str)
        and isinstance(message.get("body"), dict)
    )
    if not well_formed:
        raise BAD_MESSAGE(why="It needs an id, a type and a body.")
    if message.get("version") != VERSION:
        raise BAD_MESSAGE(why=f"Its version is {message.get('version')!r}; this node speaks {VERSION}.")
    return dict(message)


def _membership(store: Store, code: str) -> dict[str, Any]:
    with store.read() as tx:
        return register.membership(tx, code)


def _beat(store: Store, door: Door, headers: Mapping[str, str], data: bytes) -> dict[str, Any]:
    sender = door.sender(headers.get("authorization", ""), data)
    try:
        named = json.loads(data)["node"]
    except (ValueError, KeyError, TypeError, RecursionError) as broken:
        raise BAD_MESSAGE(why="A heartbeat is of the form {node}.") from broken
    if named != sender.department:
        raise BAD_MESSAGE(why="A heartbeat names its sender.")
    with store.begin(sender, "register") as tx:
        register.mark_overdue(replace(tx, actor=NODE))
        return register.heard_beat(tx, node=sender.department or sender.party)


def _resolved(store: Store, code: str) -> dict[str, Any]:
    with store.read() as tx:
        return register.resolve(tx, code=code)


class Heart:
    """A thread that tells the function node every few seconds that this node is alive. A beat that does not arrive is
    not tried again: the next one follows."""

    def __init__(self, store: Store, client: Client, address: str, seconds: int) -> None:
        self.store, self.client, self.address, self.seconds = store, client, address, seconds
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        if self.seconds > 0 and self.address:
            self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=10)

    def _run(self) -> None:
        while not self._stop.wait(self.seconds):
            try:
                self.beat()
            except Refusal as refusal:
                log.info("heartbeat: %s", refusal.code)

    def beat(self) -> bool:
        """One beat; False when this node has no code yet or the function node did not take it."""
        with self.store.read() as tx:
            code = signing.me(tx).code
        if not code:
            return False
        answer = self.client.post(self.address, f"{self.address}/node/heartbeat", {"node": code})
        return answer.status == 200


def _about(store: Store) -> dict[str, Any]:
    with store.read() as tx:
        mine = signing.me(tx)
        key = signing.node_key(tx).public.text
        return {"name": mine.name, "code": mine.code, "party": mine.party, "address": mine.address, "key": key,
                "business_time": tx.now}  # fmt: skip


def _move_clock(store: Store, clock_key: str, data: bytes, on_time: Callable[[Tx], None]) -> dict[str, Any]:
    """{"at": ISO instant, "seq": n, "signature": over {"at", "seq"}}: all nodes of a demonstration move together."""
    if not clock_key:
        raise CLOCK_REFUSED(why="This node runs in real time.")
    try:
        value = json.loads(data)
        move: dict[str, Any] = {"at": str(value["at"]), "seq": int(value["seq"])}
        at = clock.instant(str(move["at"]))
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as broken:
        raise CLOCK_REFUSED(why="The message is not of the form {at, seq, signature}.") from broken
    if not PublicKey(clock_key).verifies_value(str(value.get("signature", "")), move):
        raise CLOCK_REFUSED(why="The signature is not the demonstration's.")
    with store.begin(NODE, "ground") as tx:
        moved = _moved(tx, at, move)
        if moved["moved"]:
            on_time(tx)
        return moved


def _moved(tx: Tx, at: datetime, move: dict[str, Any]) -> dict[str, Any]:
    row = tx.get(business_clock, "now")
    if row is not None and (row["at"], row["seq"]) == (clock.text(at), move["seq"]):
        return {"at": row["at"], "moved": False}
    if row is not None and (move["seq"] <= row["seq"] or at < clock.instant(row["at"])):
        raise CLOCK_REFUSED(why="The time is not later than the one this node stands at.")
    tx.move_clock(at, move["seq"])
    evidence.append(tx, "ground.clock_moved", business_clock, "now", at=clock.text(at))
    return {"at": clock.text(at), "moved": True}


def sender_job(store: Store, client: Client, function_node: tuple[str, str]) -> jobs.Handler:
    """The handler of "node.send" jobs: look the receiver up, sign, post; a refusal by the peer ends the job, and
    so does the silence of one whose membership was revoked."""

    def send(job: jobs.Job) -> None:
        payload = job.payload
        to = str(payload["to"])
        known = {"address": to} if to.startswith("http") else peer_key(client, store, to, function_node)
        if known.get("did"):
            raise OTHER_MAKE(to=to, type=payload["type"], make=known["make"])
        message = {"id": payload["id"], "type": payload["type"], "version": VERSION, "body": payload["body"]}
        try:
            answer = client.post(to, f"{known['address']}/node/messages", message)
            if _is_away(answer):
                raise NOT_REACHED(to=to, why=f"At its address the answer was {answer.status}.")
        except Refusal as refusal:
            if refusal.kind is Kind.unavailable and known.get("state") == Membership.revoked:
                raise PEER_GONE(to=to, type=payload["type"]) from refusal
            raise
        if answer.status == 200:
            return
        if answer.status >= 500:
            said = _refusal_text(answer.body) or "—"
            raise jobs.NotYet(PEER_STUMBLED(to=to, type=payload["type"], status=answer.status, answer=said))
        raise PEER_REFUSED(to=to, type=payload["type"], answer=_refusal_text(answer.body))

    return send


def identity_job(store: Store, client: Client, function_node: tuple[str, str]) -> jobs.Handler:
    """The handler of "register.identity_send" jobs: the message is opened here and nowhere kept."""
    send = sender_job(store, client, function_node)

    def run(job: jobs.Job) -> None:
        application = str(job.payload["application"])
        with store.read() as tx:
            body = register.identity_message(tx, application)
        payload = {"id": application, "type": "register.identity_applied", "to": job.payload["to"], "body": body}
        send(replace(job, payload=payload))

    return run


def _is_away(answer: Answer) -> bool:
    """Whether an answer holds for every message, so that later ones wait too: it is of what stands before the node, or
    the node's word on the request (NET-...) or its store (GND-5..). What a room says, or a fault (500), is of the one
    message alone."""
    try:
        code = json.loads(answer.body)["error"]["code"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return answer.status in AWAY
    return answer.status in AWAY and str(code).startswith(("NET-", "GND-5"))


def _refusal_text(body: bytes) -> str:
    try:
        error = json.loads(body)["error"]
        lines = [f"[{error['code']}] {error['what']['en']} {error['why']['en']} {error['next']['en']}"]
        return "\n".join(lines + [f"  - {p['where']}: {p['en']}" for p in error.get("problems", [])])
    except (ValueError, KeyError, TypeError, RecursionError):
        return body[:200].decode("utf-8", "replace")
