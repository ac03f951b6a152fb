"""The moves of a transfer, both sides, over TRANSFER_MOVES, with their messages, grants and addresses following.

Our own state moves in the transaction that queues the message, so that a fast counterparty never finds us behind; a
refusal afterwards ends the process. Messages go out as jobs "dsp.transfer.send", which wire.dsp does.
Contract: tests/deliver/test_deliver_transfers.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from sqlalchemy import select

from datong.deliver import rules
from datong.deliver import store as rows
from datong.deliver.model import (
    ENDPOINT_TYPE,
    FORMAT,
    GRANT_OVER,
    HTTP_ENDPOINT,
    HTTP_PULL,
    HTTP_PUSH,
    NUMBER,
    PATHS,
    START_BY_HAND,
    TRANSFER_MOVES,
    UNKNOWN,
    Act,
    GrantState,
    Side,
    State,
)
from datong.deliver.service import addresses, deciding, files, granting, sharing
from datong.ground import evidence, jobs
from datong.ground.db import Tx, new_id
from datong.ground.refusal import Refusal, unless_unknown
from datong.register import service as register

SEND = "dsp.transfer.send"
PUSH = "deliver.push"
SHARED, PUSHED = "/http-data/shares", "/http-data/received"
"""Paths under which a share is read as one file, and under which a push is taken."""
ENDPOINTS = {FORMAT: ENDPOINT_TYPE, HTTP_PULL: HTTP_ENDPOINT, HTTP_PUSH: HTTP_ENDPOINT}


def require_may_resume(process: Mapping[str, Any], side: Side) -> None:
    if process["suspended_by"] != side:
        by = Side(process["suspended_by"] or side.value)
        zh = "提供方" if by is Side.provider else "需求方"
        raise GRANT_OVER(zh=f"由{zh}暂停，须由{zh}恢复。", en=f"The {by.value} suspended it and has to resume it.")


def start_waiting(tx: Tx, agreement: str) -> None:
    """Start the transfers that wait for what was just laid ready; tell running ones nothing (they see versions)."""
    for process in of_agreement(tx, agreement):
        if process["side"] == Side.provider and process["state"] == State.REQUESTED:
            try_start(tx, process, sharing.our_contract(tx, agreement, "provider", "start"))


def push_if_asked(tx: Tx, process: Mapping[str, Any]) -> None:
    """Queue the push of a started transfer whose consumer named where to; after the start was heard, never before."""
    if process["format"] == HTTP_PUSH and process["state"] == State.STARTED:
        jobs.enqueue(tx, PUSH, {"transfer": process["id"]}, lane=f"push-{process['id']}"[:80])


def try_start(tx: Tx, process: dict[str, Any], contract: Mapping[str, Any]) -> dict[str, Any]:
    """Start by itself, unless this node leaves that to a person."""
    if START_BY_HAND in files.place(tx.store).by_hand:
        return process
    return start_now(tx, process, contract)


def start_now(tx: Tx, process: dict[str, Any], contract: Mapping[str, Any]) -> dict[str, Any]:
    decision = deciding.decide(tx, agreement=contract["id"], action="delivery", subject=contract["consumer_party"])
    if not decision.allowed:
        return by_us(tx, process, Act.terminate, "denied", [decision.verdict.en, decision.verdict.zh])
    if not rows.newest_tables(tx, contract["id"]):
        if unless_unknown(lambda: register.product(tx, contract["dataset"])) is None:
            return process  # waits for release_supply
        try:
            with tx.conn.begin_nested():  # a refusal leaves nothing of it behind
                sharing.offered(tx, contract)
        except Refusal as refusal:
            return by_us(tx, process, Act.terminate, refusal.code, [_told_of(refusal, contract)])
    granting.new_grant(tx, contract, process["id"], decision)
    return by_us(tx, process, Act.start)


OF_THE_GATE = "DID-"
"""How the codes begin of what the release gate refuses."""


def _told_of(refusal: Refusal, contract: Mapping[str, Any]) -> str:
    """Why nothing starts, for the other node. Of a release that did not pass the gate, that it did not: how small the
    classes are, how many, and how high the risk, are figures that did not pass it either."""
    if not refusal.code.startswith(OF_THE_GATE):
        return " ".join((f"[{refusal.code}]", *(text.en for text in refusal.texts())))[:500]
    said = "was not released: it does not pass the release gate of its provider, where offer_product tells why"
    return f"[{refusal.code}] {contract['dataset']} {said}."


def resume_transfers(tx: Tx, agreement: str) -> None:
    """Start again what our hold on the agreement suspended."""
    for process in of_agreement(tx, agreement):
        if process["state"] == State.SUSPENDED and process["suspended_by"] == process["side"]:
            grants_follow(tx, process, GrantState.active, "")
            by_us(tx, process, Act.start)


def move_all(tx: Tx, agreement: str, act: Act, code: str, reason: str) -> None:
    """Suspend or terminate every transfer of an agreement for which that move is open."""
    for process in of_agreement(tx, agreement):
        if (State(process["state"]), act) in TRANSFER_MOVES:
            by_us(tx, process, act, code, [reason])


def by_us(tx: Tx, process: dict[str, Any], act: Act, code: str = "", reason: Sequence[str] = ()) -> dict[str, Any]:
    process = moved(tx, process, act, Side(process["side"]), code=code, reason=reason)
    after(tx, process, act)
    if process["peer_pid"]:
        send_move(tx, process, act)
    return process


def after(tx: Tx, process: Mapping[str, Any], act: Act) -> None:
    """What hangs on a move: the grants of the provider, the kept address of the consumer."""
    reason = "; ".join(process["reason"]) or act.value
    if act is Act.suspend:
        grants_follow(tx, process, GrantState.suspended, reason)
    elif act in (Act.complete, Act.terminate):
        grants_follow(tx, process, GrantState.ended, reason)
        addresses.forget_address(tx, process["id"])


def grants_follow(tx: Tx, process: Mapping[str, Any], state: GrantState, reason: str) -> None:
    for grant in rows.rows(tx, rows.grants, rows.grants.c.transfer == process["id"]):
        granting.set_state(tx, grant, state, reason)
        if state is GrantState.ended:
            granting.reconcile(tx, process["agreement"])


def moved(
    tx: Tx, process: dict[str, Any], act: Act, by: Side, *, code: str = "", reason: Sequence[str] = ()
) -> dict[str, Any]:
    after = rules.moved(State(process["state"]), act, by, process["id"])
    return into(tx, process, after, by, code=code, reason=reason)


def into(
    tx: Tx, process: dict[str, Any], after: State, by: Side, *, code: str, reason: Sequence[str]
) -> dict[str, Any]:
    """`process` put into a state, with its leaf."""
    suspended_by = by.value if after is State.SUSPENDED else ""
    change = {"state": after.value, "code": code, "reason": list(reason), "suspended_by": suspended_by}
    tx.change(rows.processes, process["id"], **change)
    evidence.append(
        tx, f"deliver.transfer_{after.value.lower()}", rows.processes, process["id"], agreement=process["agreement"],
        side=process["side"], by=by.value, code=code,
    )  # fmt: skip
    return {**process, **change}


def new(
    tx: Tx, pid: str, side: Side, contract: Mapping[str, Any], *, peer: str, peer_pid: str = "", callback: str = "",
    into: str = "", format: str = FORMAT,
) -> dict[str, Any]:  # fmt: skip
    process = {
        "id": pid, "side": side.value, "agreement": contract["id"], "peer": peer, "peer_pid": peer_pid,
        "callback": callback, "format": format, "into": into, "state": State.REQUESTED.value, "code": "",
        "reason": [], "suspended_by": "", "by": tx.actor.person, "at": tx.now, "seq": rows.next_process(tx),
    }  # fmt: skip
    tx.add(rows.processes, process)
    evidence.append(tx, "deliver.transfer_requested", rows.processes, pid, agreement=contract["id"], side=side.value)
    return process


def known(tx: Tx, pid: str, sender: str | None = None, other_pid: str = "") -> dict[str, Any]:
    """Our process; for a sender only its own (USE-404 else). Learns or checks the counterparty's pid."""
    process = tx.get(rows.processes, pid[:80])
    if process is None or (sender is not None and process["peer"] != sender):
        raise UNKNOWN(zh="传输", en="transfer", id=pid[:80])
    if other_pid and process["peer_pid"] and process["peer_pid"] != other_pid:
        raise UNKNOWN(zh="传输", en="transfer", id=other_pid[:80])
    if other_pid and not process["peer_pid"]:
        process = learn(tx, process, other_pid[: rules.PID_MAX])
    return process


def learn(tx: Tx, process: dict[str, Any], peer_pid: str) -> dict[str, Any]:
    tx.change(rows.processes, process["id"], peer_pid=peer_pid)
    evidence.append(tx, "deliver.transfer_matched", rows.processes, process["id"], peer_pid=peer_pid)
    return {**process, "peer_pid": peer_pid}


def of_agreement(tx: Tx, agreement: str) -> list[dict[str, Any]]:
    return rows.rows(tx, rows.processes, rows.processes.c.agreement == agreement, order=rows.processes.c.seq)


def pids(process: Mapping[str, Any]) -> tuple[str, str]:
    """(consumerPid, providerPid)."""
    ours, theirs = process["id"], process["peer_pid"]
    return (ours, theirs) if process["side"] == Side.consumer else (theirs, ours)


def told(process: Mapping[str, Any]) -> dict[str, Any]:
    return rules.process_message(*pids(process), process["state"])


def send_move(tx: Tx, process: Mapping[str, Any], act: Act) -> None:
    send(tx, process, act, rules.move_message(act, *pids(process), process["code"], process["reason"]))


def send_start_again(tx: Tx, process: Mapping[str, Any]) -> None:
    """Repeat the newest start of a process with the token it had; nothing when it is still on its way."""
    payload = jobs.jobs.c.payload
    sent = tx.all(
        select(jobs.jobs)
        .where(jobs.jobs.c.lane == _lane(process), jobs.jobs.c.kind == SEND)
        .where(payload["act"].as_string() == Act.start.value)
        .order_by(jobs.jobs.c.added_at)
    )
    if sent and sent[-1].state in ("done", "failed"):
        jobs.enqueue(tx, SEND, sent[-1].payload, lane=_lane(process))


def send(tx: Tx, process: Mapping[str, Any], act: Act, message: Mapping[str, Any]) -> None:
    theirs = quote(process["peer_pid"], safe="")
    path = f"/transfers/{theirs}/{PATHS[act]}" if act is not Act.request else "/transfers/request"
    payload = {"to": process["peer"], "callback": process["callback"], "path": path, "pid": process["id"],
               "act": act.value, "message": dict(message)}  # fmt: skip
    if act is not Act.request:
        payload["message"] |= {NUMBER: rows.next_number(tx, process["id"])}
    if act is Act.start:
        payload["start"] = new_id("start")
    jobs.enqueue(tx, SEND, payload, lane=_lane(process))


def _lane(process: Mapping[str, Any]) -> str:
    """What is said about one process is said in its order."""
    return f"dsp-{process['id']}"[:80]
