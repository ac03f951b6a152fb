"""Jobs that speak to counterparties: post the message, and tell the room how it went.

Retried: no answer, 5xx, 408, 425, 429, and 409 a few times. Final: any other refusal; the room ends the process with
the reason. Contract: tests/wire/test_wire_dsp_peers.py, tests/wire/test_wire_dsp_negotiation.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from datong.ground import jobs
from datong.ground.db import NODE, Store, Tx
from datong.ground.jobs import Handler, Job
from datong.ground.refusal import refusal_in
from datong.negotiate import service as negotiate
from datong.negotiate.model import Act
from datong.wire.dsp.forms import message_of
from datong.wire.dsp.messages import answered, error_text, out
from datong.wire.dsp.participants import BY_CODE, Participants
from datong.wire.dsp.versions import NOT_ANSWERED, Caller, base_of, known_base, own_base, require_answer
from datong.wire.http import NotTaken, not_taken_if_refused

CONFLICT = 409
CONFLICT_TRIES = 8
"""How often a message is sent before a 409 is believed, some ten seconds: Eclipse EDC (from 0.16 on) says it while it
is itself still writing the process down whose message it has just had answered. Ours say 400 of a wrong move."""
LEARN_BEFORE = frozenset({Act.request, Act.offer, Act.agree})
"""Acts before which the counterparty's version document is read: where it lives, whether it signs."""


class Transfers(Protocol):
    """What `deliver` offers to the sender of its messages."""

    def outgoing(self, tx: Tx, payload: Mapping[str, Any]) -> dict[str, Any] | None: ...
    def transfer_acknowledged(self, tx: Tx, *, pid: str, act: str, answer: Any) -> None: ...
    def transfer_refused(self, tx: Tx, *, pid: str, act: str, text: str) -> None: ...


def negotiation_job(store: Store, caller: Caller, participants: Participants = BY_CODE) -> Handler:
    """The handler of "dsp.send" jobs: payload {"message": id}."""

    def send(job: Job) -> bool:
        message_id = str(job.payload["message"])
        with store.read() as tx:
            outgoing = negotiate.outgoing(tx, message_id)
            callback = own_base(tx)
            known = known_base(tx, outgoing["peer"]) if outgoing is not None else None
            ids = participants.ids(tx, outgoing["peer"]) if outgoing is not None else {}
        if outgoing is None:
            return False
        try:
            base = str(outgoing["base"] or known or "")
            if known is None and (not base or Act(outgoing["act"]) in LEARN_BEFORE):
                base = _tried(store, caller, outgoing) if base else _learned(store, caller, outgoing["peer"])
                with store.read() as tx:  # what is said depends on what the peer has just announced
                    outgoing = negotiate.outgoing(tx, message_id)
                if outgoing is None:
                    return False
            path, message = message_of(outgoing, callback, ids)
            body = _posted(caller, outgoing["peer"], base + path, message, job.attempts)
        except NotTaken as refused:
            with store.begin(NODE, "negotiate") as tx:
                negotiate.not_accepted(tx, message=message_id, code=refused.code, answer=refused.text)
                jobs.finish(tx, job)
            return True
        with store.begin(NODE, "negotiate") as tx:
            negotiate.acknowledged(tx, message=message_id, peer_pid=_pid_in(body, outgoing["side"]))
            jobs.finish(tx, job)
        return True

    return send


def _learned(store: Store, caller: Caller, node: str) -> str:
    with not_taken_if_refused():
        return base_of(store, caller, node)


def _tried(store: Store, caller: Caller, outgoing: Mapping[str, Any]) -> str:
    """The callback the peer gave; its version document is read for what it announces, if it has one."""
    refusal_in(lambda: base_of(store, caller, outgoing["peer"]))
    return str(outgoing["base"])


def _posted(caller: Caller, node: str, url: str, message: dict[str, Any], tries: int) -> bytes:
    with not_taken_if_refused():
        answer = caller.post(node, url, message)
    busy = answer.status == CONFLICT and tries < CONFLICT_TRIES
    require_answer(node, answer)
    if busy:
        raise NOT_ANSWERED(node=node, status=answer.status)
    if not 200 <= answer.status < 300:
        code, text = error_text(answer.body)
        raise NotTaken(code or f"HTTP-{answer.status}", text or f"HTTP {answer.status}")
    return bytes(answer.body)


def _pid_in(body: bytes, side: str) -> str:
    """The counterparty's pid in its answer to an opening, "" when the answer has none."""
    answer = answered(body)
    pid = answer.get("providerPid" if side == "consumer" else "consumerPid") if isinstance(answer, dict) else None
    return pid if isinstance(pid, str) and len(pid) <= 200 else ""


def transfer_job(store: Store, caller: Caller, transfers: Transfers) -> Handler:
    """The handler of "dsp.transfer.send" jobs: payload {"to", "callback", "path", "pid", "act", "message"}."""

    def send(job: Job) -> bool:
        payload = job.payload
        with store.begin(NODE, "deliver") as tx:
            message = transfers.outgoing(tx, {**payload, "tries": job.attempts})
            callback = own_base(tx)
        if message is None:
            return False
        if message["@type"] == "TransferRequestMessage":
            message["callbackAddress"] = callback
        pid, act = str(payload["pid"]), str(payload["act"])
        try:
            base = str(payload["callback"]) or _learned(store, caller, str(payload["to"]))
            body = _posted(caller, str(payload["to"]), base + str(payload["path"]), out(message), job.attempts)
        except NotTaken as refused:
            with store.begin(NODE, "deliver") as tx:
                transfers.transfer_refused(tx, pid=pid, act=act, text=f"[{refused.code}] {refused.text}")
                jobs.finish(tx, job)
            return True
        with store.begin(NODE, "deliver") as tx:
            transfers.transfer_acknowledged(tx, pid=pid, act=act, answer=answered(body))
            jobs.finish(tx, job)
        return True

    return send
