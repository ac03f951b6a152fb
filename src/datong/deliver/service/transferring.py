"""The transfer process of Dataspace Protocol 2025-1, both sides, over TRANSFER_MOVES.

Our own state moves in the transaction that queues the message, so that a fast counterparty never finds us
behind; a refusal afterwards ends the process. Messages go out as jobs "dsp.transfer.send", which wire/dsp does;
tokens are made when a start is sent and are never kept in a job. Contract: tests/deliver/test_deliver_transfers.py.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from sqlalchemy import select

from datong.deliver import rules
from datong.deliver import store as rows
from datong.deliver.model import (
    BAD_MESSAGE,
    DSP_CONTEXT,
    ENDPOINT_TYPE,
    FORMAT,
    FORMATS,
    GRANT_OVER,
    HTTP_ENDPOINT,
    HTTP_PULL,
    HTTP_PUSH,
    NUMBER,
    OTHER_FORMAT,
    PATHS,
    REPEATS,
    START_BY_HAND,
    TRANSFER_MOVES,
    UNKNOWN,
    Act,
    Address,
    GrantState,
    Side,
    State,
)
from datong.deliver.service import addresses, deciding, files, granting, handing, sharing
from datong.ground import clock, evidence, jobs, signing
from datong.ground.db import NODE, Tx, new_id
from datong.ground.refusal import Problem, Refusal, Text
from datong.negotiate import service as negotiate
from datong.register import service as register
from datong.terms.roles import Role
from datong.terms.verbs import verb, view

SEND = "dsp.transfer.send"
PUSH = "deliver.push"
"""Kind of the jobs that push to a consumer; payload {"transfer": our pid}."""
VERBS = {Act.start: "start_transfer", Act.complete: "complete_transfer", Act.suspend: "suspend_transfer",
         Act.terminate: "terminate"}  # fmt: skip
"""The verb by which a person does an act."""
WAITS = {
    (State.REQUESTED, Side.consumer): Text("等待提供方开始", "the provider has to start it"),
    (State.REQUESTED, Side.provider): Text("等待数据就绪，或由本方人员开始",
                                           "the data have to lie ready, or a person has to start it"),
    (State.SUSPENDED, Side.consumer): Text("由需求方暂停，须由其恢复", "the consumer has to resume it"),
    (State.SUSPENDED, Side.provider): Text("由提供方暂停，须由其恢复", "the provider has to resume it"),
}  # fmt: skip
"""(state, our side, or when suspended the side that did it) -> why it waits."""
SHARED, PUSHED = "/http-data/shares", "/http-data/received"
"""Paths under which a share is read as one file, and under which a push is taken."""
ENDPOINTS = {FORMAT: ENDPOINT_TYPE, HTTP_PULL: HTTP_ENDPOINT, HTTP_PUSH: HTTP_ENDPOINT}
NOT_COMPLETED = "not completed"
"""Code of the end that a side is told which refused our completion: it never heard of the start, or suspended it."""
OPEN = (State.REQUESTED.value, State.STARTED.value, State.SUSPENDED.value)


# ---- what persons do


@verb(Role.analyst, Role.data_engineer, Role.product_manager)
def request_transfer(tx: Tx, *, agreement: str, into: str = "", format: str = FORMAT) -> dict[str, Any]:
    """Ask the provider of an agreement to deliver: into this node, or to a person by a profile.

    into: "node" (pulled and kept here), "person" (see deliver.profile; takes a policy that allows download), "" = node
    for a supply of a product of ours, person otherwise. format: DeltaSharing-PULL, or HttpData-PULL and HttpData-PUSH
    for a provider that knows no tables; a push always goes into the node. While a transfer of this kind is open, it is
    returned instead of a second one.
    """
    contract = sharing.our_contract(tx, agreement, "consumer", "request_transfer")
    of_itself = "node" if format == HTTP_PUSH or addresses.is_supply(tx, agreement) else "person"
    into = into or of_itself
    if format not in FORMATS:
        raise OTHER_FORMAT(format=format[:80], known=", ".join(FORMATS))
    if into not in ("node", "person") or (format == HTTP_PUSH and into != "node"):
        raise BAD_MESSAGE([Problem("into", "应为 node 或 person（推送只能为 node）",
                                   "should be node or person (a push: node)")], count=1)  # fmt: skip
    for process in _of_agreement(tx, agreement):
        if (process["side"], process["into"], process["format"], process["state"]) == (
            Side.consumer, into, format, State.REQUESTED,
        ):  # fmt: skip
            return process
    if into == "person":
        deciding.require(tx, agreement=agreement, action="download")
        _finish_older(tx, agreement)
    pid = new_id("transfer")
    process = _new(tx, pid, Side.consumer, contract, into=into, peer=contract["provider"], format=format)
    if format == HTTP_PUSH:
        where = f"{signing.me(tx).address}{PUSHED}/{pid}"
        addresses.keep_address(tx, process, Address(where, "dt_" + secrets.token_urlsafe(32), "", ""))
    message = {"@context": [DSP_CONTEXT], "@type": "TransferRequestMessage", "consumerPid": pid,
               "agreementId": agreement, "format": format}  # fmt: skip
    _send(tx, process, Act.request, message)
    return process


def _finish_older(tx: Tx, agreement: str) -> None:
    """A new profile replaces the older one: its transfer is completed, which voids its token."""
    for process in _of_agreement(tx, agreement):
        if process["side"] == Side.consumer and process["into"] == "person" and process["state"] == State.STARTED:
            _by_us(tx, process, Act.complete)


@verb(Role.analyst, Role.data_engineer, Role.product_manager)
def complete_transfer(tx: Tx, *, transfer: str) -> dict[str, Any]:
    """Say that a started transfer is finished; its token is void afterwards."""
    return _by_us(tx, _known(tx, transfer), Act.complete)


@verb(Role.data_engineer, Role.product_manager, Role.legal)
def start_transfer(tx: Tx, *, transfer: str) -> dict[str, Any]:
    """Start a transfer that was left to a person (settings: deliver.by_hand), if the decision allows it."""
    return _started_by_person(tx, _known(tx, transfer))


@verb(Role.data_engineer, Role.product_manager, Role.legal, Role.analyst)
def resume_transfer(tx: Tx, *, transfer: str) -> dict[str, Any]:
    """Take a suspended transfer up again; the side that suspended it does so."""
    return _started_by_person(tx, _known(tx, transfer))


def _started_by_person(tx: Tx, process: dict[str, Any]) -> dict[str, Any]:
    """The process started, for the first time or again; NOT_NOW when that is not open to our side."""
    side = Side(process["side"])
    if rules.repeated(State(process["state"]), Act.start):
        return process
    rules.moved(State(process["state"]), Act.start, side, process["id"])
    if process["state"] == State.REQUESTED:
        return _start_now(tx, process, sharing.our_contract(tx, process["agreement"], "provider", "start_transfer"))
    _require_may_resume(process, side)
    if side is Side.provider:
        _grants_follow(tx, process, GrantState.active, "")
    return _by_us(tx, process, Act.start)


def _require_may_resume(process: Mapping[str, Any], side: Side) -> None:
    if process["suspended_by"] != side:
        by = Side(process["suspended_by"] or side.value)
        zh = "提供方" if by is Side.provider else "需求方"
        raise GRANT_OVER(zh=f"由{zh}暂停，须由{zh}恢复。", en=f"The {by.value} suspended it and has to resume it.")


@verb(Role.data_engineer, Role.product_manager, Role.legal)
def suspend_transfer(tx: Tx, *, transfer: str, reason: str) -> dict[str, Any]:
    """Suspend one transfer (deliver.suspend stops everything under an agreement)."""
    return _by_us(tx, _known(tx, transfer), Act.suspend, "suspended", [reason])


@verb(Role.data_engineer, Role.product_manager, Role.legal, Role.analyst)
def terminate(tx: Tx, *, transfer: str, reason: str) -> dict[str, Any]:
    """End one transfer for good, with a reason the other side is told."""
    return _by_us(tx, _known(tx, transfer), Act.terminate, "terminated", [reason])


@view()
def transfers(tx: Tx, *, agreement: str = "") -> list[dict[str, Any]]:
    """Transfer processes of one agreement or of all, newest first, with what each waits for and what may be done."""
    where = [rows.processes.c.agreement == agreement] if agreement else []
    on_the_way = {job["payload"].get("pid"): job for job in jobs.open_jobs(tx) if job["kind"] == SEND}
    return [
        {**process, **_waits(process, on_the_way.get(process["id"]))}
        for process in rows.rows(tx, rows.processes, *where, order=rows.processes.c.seq.desc())
    ]


def _waits(process: Mapping[str, Any], job: Mapping[str, Any] | None) -> dict[str, Any]:
    """Why a process waits, the verbs open to a person of this node, and the next try of a message under way."""
    state, side = State(process["state"]), Side(process["side"])
    why = WAITS.get((state, side if state is State.REQUESTED else Side(process["suspended_by"] or side)))
    acts = [act for (at, act), (sides, _) in TRANSFER_MOVES.items() if at is state and side in sides]
    if state is State.SUSPENDED and process["suspended_by"] != side:
        acts.remove(Act.start)
    verbs = ["resume_transfer" if state is State.SUSPENDED and act is Act.start else VERBS[act] for act in acts]
    told = {"open_verbs": verbs, **({"wait": {"zh": why.zh, "en": why.en}} if why else {})}
    if job is None or job["state"] == "failed":
        return told
    return {**told, "next_try": job["due_at"], "tries": job["attempts"], "last_error": job["last_error"] or ""}


def delivered_at_most(tx: Tx, agreement: str) -> int | None:
    """How many table versions this node, as consumer, can have been delivered under an agreement; None when it cannot
    tell, because a person pulled with a profile."""
    begun = [
        process for process in _of_agreement(tx, agreement)
        if process["side"] == Side.consumer and process["state"] != State.REQUESTED
    ]  # fmt: skip
    if any(process["into"] == "person" for process in begun):
        return None
    held = rows.rows(tx, rows.received, rows.received.c.agreement == agreement)
    return len({(row["schema_name"], row["table_name"], row["version"]) for row in held})


# ---- what the counterparty says


def transfer(tx: Tx, *, sender: str, pid: str) -> dict[str, Any]:
    """TransferProcess of our process `pid`, for its counterparty."""
    return _told(_known(tx, pid, sender))


def transfer_requested(
    tx: Tx, *, sender: str, consumer_pid: str, agreement_id: str, format: str, callback: str,
    data_address: dict[str, Any] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """A consumer asks for delivery. Idempotent on (sender, consumer_pid): the answer and the start are repeated.

    Started at once when the data lie ready and the decision allows it; waiting for a release otherwise; a denied
    decision terminates it with the reason.
    """
    given = {"consumerPid": consumer_pid, "agreementId": agreement_id, "format": format, "callbackAddress": callback}
    rules.texts(given, given)
    rules.texts(given, ["consumerPid"], rules.PID_MAX)
    _require_theirs(tx, sender, "callbackAddress", callback)
    known = rows.first(
        tx, rows.processes, rows.processes.c.peer == sender, rows.processes.c.peer_pid == consumer_pid,
        rows.processes.c.side == Side.provider.value,
    )  # fmt: skip
    if known is not None:
        if known["state"] == State.STARTED:
            _send_start_again(tx, known)
        return _told(known)
    if format not in FORMATS:
        raise OTHER_FORMAT(format=format[:80], known=", ".join(FORMATS))
    goal = rules.read_address(data_address, HTTP_ENDPOINT) if format == HTTP_PUSH else None
    if goal is not None:
        _require_data_theirs(tx, sender, goal)
    contract = _contract_for(tx, sender, agreement_id)
    process = _new(
        tx,
        new_id("transfer"),
        Side.provider,
        contract,
        peer=sender,
        peer_pid=consumer_pid,
        callback=callback.rstrip("/"),
        format=format,
    )
    if goal is not None:
        addresses.keep_address(tx, process, goal)
    return _told(_try_start(replace(tx, actor=NODE), process, contract))  # what follows is the node's own deed


def _require_theirs(tx: Tx, peer: str, where: str, address: str) -> None:
    """We speak to a peer, and fetch from it, only at the address it registered."""
    if not (rules.web_address(address) and register.lies_at(tx, peer, address)):
        zh, en = "应在该节点的登记地址之下", "should lie at the address registered for the node"
        raise BAD_MESSAGE([Problem(where, zh, en)], count=1)


def _require_data_theirs(tx: Tx, peer: str, address: Address) -> None:
    """Data go to and come from the address a peer registered, unless this node lets its data plane live elsewhere
    (then the guarded client alone says which addresses may be called)."""
    if not files.place(tx.store).data_elsewhere:
        _require_theirs(tx, peer, "dataAddress.endpoint", address.endpoint)


def _contract_for(tx: Tx, sender: str, agreement: str) -> dict[str, Any]:
    contract = negotiate.in_force(tx, agreement)
    if contract["consumer"] != sender or contract["provider"] != signing.me(tx).code:
        raise UNKNOWN(zh="合同", en="agreement", id=agreement[:120])
    return dict(contract)


def transfer_started(
    tx: Tx, *, sender: str, pid: str, data_address: dict[str, Any] | None, other_pid: str = "", number: int = 0
) -> dict[str, Any]:
    """The provider starts (with a DataAddress), or either side resumes. Another start of a started transfer replaces
    the address."""
    process = _known(tx, pid, sender, other_pid)
    if _was_overtaken(tx, process, number):
        return _told(process)
    if process["side"] == Side.provider:
        return _resumed_by_consumer(tx, process)
    if process["state"] == State.COMPLETED:  # a start sent again, overtaken by our completion
        return _told(process)
    repeat = rules.repeated(State(process["state"]), Act.start)
    if not repeat:
        process = _moved(tx, process, Act.start, Side.provider)
    if process["format"] != HTTP_PUSH and (data_address is not None or not repeat):
        address = rules.read_address(data_address, ENDPOINTS[process["format"]])
        _require_data_theirs(tx, process["peer"], address)
        addresses.keep_address(tx, process, address)
    return _told(process)


def _resumed_by_consumer(tx: Tx, process: dict[str, Any]) -> dict[str, Any]:
    if process["state"] == State.SUSPENDED:
        _require_may_resume(process, Side.consumer)
    if rules.repeated(State(process["state"]), Act.start):
        return _told(process)
    process = _moved(tx, process, Act.start, Side.consumer)
    _grants_follow(tx, process, GrantState.active, "")
    _push_if_asked(tx, process)
    return _told(process)


def transfer_completed(tx: Tx, *, sender: str, pid: str, other_pid: str = "", number: int = 0) -> dict[str, Any]:
    """The counterparty is done; what it pushed goes on to the products it is a supply of."""
    before = _known(tx, pid, sender, other_pid)
    told = _by_them(tx, before, Act.complete, number=number)
    process = _known(tx, pid, sender)
    if process["state"] != before["state"] and process["side"] == Side.consumer and process["format"] == HTTP_PUSH:
        handing.handed_to_compose(replace(tx, actor=NODE), pid)
    return told


def transfer_suspended(
    tx: Tx, *, sender: str, pid: str, code: str = "", reason: Sequence[str] | None = None, other_pid: str = "",
    number: int = 0,
) -> dict[str, Any]:  # fmt: skip
    """The counterparty suspends."""
    return _by_them(tx, _known(tx, pid, sender, other_pid), Act.suspend, code, reason, number)


def transfer_terminated(
    tx: Tx, *, sender: str, pid: str, code: str = "", reason: Sequence[str] | None = None, other_pid: str = "",
    number: int = 0,
) -> dict[str, Any]:  # fmt: skip
    """The counterparty ends it."""
    return _by_them(tx, _known(tx, pid, sender, other_pid), Act.terminate, code, reason, number)


# ---- what wire/dsp asks when it sends


def outgoing(tx: Tx, payload: Mapping[str, Any]) -> dict[str, Any] | None:
    """The message of a "dsp.transfer.send" job as it is to be sent now, or None when it is out of date.

    A start gets its DataAddress here with its token; nothing of it is stored but the token's digest.
    """
    process, act = tx.get(rows.processes, payload["pid"]), Act(payload["act"])
    if process is None:
        return None
    if not _is_due(process, act, payload):
        return None
    message = dict(payload["message"])
    if act is Act.request and process["format"] == HTTP_PUSH and process["state"] == State.REQUESTED:
        goal = addresses.address_of(tx, process["id"])
        return None if goal is None else {**message, "dataAddress": rules.data_address(goal, HTTP_ENDPOINT)}
    if act is Act.start and process["side"] == Side.provider and process["format"] != HTTP_PUSH:
        grant = rows.first(
            tx, rows.grants, rows.grants.c.transfer == process["id"], rows.grants.c.state != GrantState.ended.value
        )
        if grant is None:
            return None
        token = granting.new_token(tx, grant["id"], str(payload.get("start", "")))
        share = rules.share_name(process["agreement"])
        where = f"{SHARED}/{share}" if process["format"] == HTTP_PULL else "/delta-sharing"
        address = Address(signing.me(tx).address + where, token, _wall_end(tx, grant["expires"]), share)
        message["dataAddress"] = rules.data_address(address, ENDPOINTS[process["format"]])
    return message


def _is_due(process: Mapping[str, Any], act: Act, payload: Mapping[str, Any]) -> bool:
    """Whether a message still says what is so. Three say more than the state of now: a start whose suspension follows
    it, without which the consumer would not know what is suspended; the request of a transfer that was ended before
    its answer came, by which alone we learn whom to tell; the end that follows a refused completion."""
    state = State(process["state"])
    match act:
        case Act.request:
            unheard = state is State.TERMINATED and not process["peer_pid"] and int(payload.get("tries", 1)) > 1
            return state is State.REQUESTED or unheard
        case Act.start if state is State.SUSPENDED:
            return bool(process["side"] == Side.provider)
        case Act.terminate if payload["message"].get("code") == NOT_COMPLETED:
            return True
    return state is REPEATS[act]


def _wall_end(tx: Tx, expires: str) -> str:
    """The wall time at which a business term would end if both clocks ran on; "" when it has no end."""
    if expires == granting.FAR:
        return ""
    return clock.text((tx.wall_now + (clock.instant(expires) - tx.business_now)).replace(microsecond=0))


def transfer_acknowledged(tx: Tx, *, pid: str, act: str, answer: Any) -> None:
    """The counterparty took our message; its answer to a request tells its own pid."""
    process = tx.get(rows.processes, pid)
    if process is not None and act == Act.start and process["side"] == Side.provider:
        _push_if_asked(tx, process)
    if process is None or act != Act.request or process["peer_pid"] or not isinstance(answer, dict):
        return
    theirs = answer.get("providerPid")
    if isinstance(theirs, str) and 0 < len(theirs) <= rules.PID_MAX:
        process = _learn(tx, process, theirs)
        if process["state"] == State.TERMINATED:  # ended while the request was on its way
            _send_move(tx, process, Act.terminate)


def transfer_refused(tx: Tx, *, pid: str, act: str, text: str) -> None:
    """The counterparty refused our message: the two sides disagree, so the process ends, and the other side is told
    as far as it knows the process."""
    process = tx.get(rows.processes, pid)
    if process is not None and act == Act.complete and process["state"] == State.COMPLETED:
        told = [f"{act}: {text}"[:500]]
        _send(tx, process, Act.terminate, rules.move_message(Act.terminate, *_pids(process), NOT_COMPLETED, told))
    if process is None or process["state"] not in OPEN:
        return
    side = Side(process["side"])
    process = _set(tx, process, State.TERMINATED, side, code="refused", reason=[f"{act}: {text}"[:500]])
    _after(tx, process, Act.terminate)
    if process["peer_pid"] and act != Act.terminate:
        _send_move(tx, process, Act.terminate)


# ---- inside


def start_waiting(tx: Tx, agreement: str) -> None:
    """Start the transfers that wait for what was just laid ready; tell running ones nothing (they see versions)."""
    for process in _of_agreement(tx, agreement):
        if process["side"] == Side.provider and process["state"] == State.REQUESTED:
            _try_start(tx, process, sharing.our_contract(tx, agreement, "provider", "start"))


def _push_if_asked(tx: Tx, process: Mapping[str, Any]) -> None:
    """Queue the push of a started transfer whose consumer named where to; after the start was heard, never before."""
    if process["format"] == HTTP_PUSH and process["state"] == State.STARTED:
        jobs.enqueue(tx, PUSH, {"transfer": process["id"]}, lane=f"push-{process['id']}"[:80])


def _try_start(tx: Tx, process: dict[str, Any], contract: Mapping[str, Any]) -> dict[str, Any]:
    """Start by itself, unless this node leaves that to a person."""
    if START_BY_HAND in files.place(tx.store).by_hand:
        return process
    return _start_now(tx, process, contract)


def _start_now(tx: Tx, process: dict[str, Any], contract: Mapping[str, Any]) -> dict[str, Any]:
    decision = deciding.decide(tx, agreement=contract["id"], action="delivery", subject=contract["consumer_party"])
    if not decision.allowed:
        return _by_us(tx, process, Act.terminate, "denied", [decision.verdict.en, decision.verdict.zh])
    if not rows.newest_tables(tx, contract["id"]):
        if not _is_product(tx, contract["dataset"]):
            return process  # waits for release_supply
        try:
            with tx.conn.begin_nested():  # a refusal leaves nothing of it behind
                sharing.offered(tx, contract)
        except Refusal as refusal:
            # Without its problems: the smallest classes of what was refused are figures that did not pass the gate.
            told = " ".join((f"[{refusal.code}]", *(text.en for text in refusal.texts())))
            return _by_us(tx, process, Act.terminate, refusal.code, [told[:500]])
    granting.new_grant(tx, contract, process["id"], decision)
    return _by_us(tx, process, Act.start)


def _is_product(tx: Tx, dataset: str) -> bool:
    try:
        register.product(tx, dataset)
    except Refusal:
        return False
    return True


def resume_transfers(tx: Tx, agreement: str) -> None:
    """Start again what our hold on the agreement suspended."""
    for process in _of_agreement(tx, agreement):
        if process["state"] == State.SUSPENDED and process["suspended_by"] == process["side"]:
            _grants_follow(tx, process, GrantState.active, "")
            _by_us(tx, process, Act.start)


def move_all(tx: Tx, agreement: str, act: Act, code: str, reason: str) -> None:
    """Suspend or terminate every transfer of an agreement for which that move is open."""
    for process in _of_agreement(tx, agreement):
        if (State(process["state"]), act) in TRANSFER_MOVES:
            _by_us(tx, process, act, code, [reason])


def _by_us(tx: Tx, process: dict[str, Any], act: Act, code: str = "", reason: Sequence[str] = ()) -> dict[str, Any]:
    process = _moved(tx, process, act, Side(process["side"]), code=code, reason=reason)
    _after(tx, process, act)
    if process["peer_pid"]:
        _send_move(tx, process, act)
    return process


def _by_them(
    tx: Tx, process: dict[str, Any], act: Act, code: str = "", reason: Any = None, number: int = 0
) -> dict[str, Any]:
    if _was_overtaken(tx, process, number) or rules.repeated(State(process["state"]), act):
        return _told(process)
    by = Side.provider if process["side"] == Side.consumer else Side.consumer
    told = [str(text)[:500] for text in reason[:10]] if isinstance(reason, list) else []
    process = _moved(tx, process, act, by, code=str(code or "")[:60], reason=told)
    _after(tx, process, act)
    return _told(process)


def _was_overtaken(tx: Tx, process: Mapping[str, Any], number: int) -> bool:
    """Whether a message is a copy of one that was heard, or older than one: it is answered, and changes nothing."""
    return number > 0 and not rows.is_newer(tx, process["id"], number)


def _after(tx: Tx, process: Mapping[str, Any], act: Act) -> None:
    """What hangs on a move: the grants of the provider, the kept address of the consumer."""
    reason = "; ".join(process["reason"]) or act.value
    if act is Act.suspend:
        _grants_follow(tx, process, GrantState.suspended, reason)
    elif act in (Act.complete, Act.terminate):
        _grants_follow(tx, process, GrantState.ended, reason)
        addresses.forget_address(tx, process["id"])


def _grants_follow(tx: Tx, process: Mapping[str, Any], state: GrantState, reason: str) -> None:
    for grant in rows.rows(tx, rows.grants, rows.grants.c.transfer == process["id"]):
        granting.set_state(tx, grant, state, reason)
        if state is GrantState.ended:
            granting.reconcile(tx, process["agreement"])


def _moved(
    tx: Tx, process: dict[str, Any], act: Act, by: Side, *, code: str = "", reason: Sequence[str] = ()
) -> dict[str, Any]:
    after = rules.moved(State(process["state"]), act, by, process["id"])
    return _set(tx, process, after, by, code=code, reason=reason)


def _set(
    tx: Tx, process: dict[str, Any], after: State, by: Side, *, code: str, reason: Sequence[str]
) -> dict[str, Any]:
    suspended_by = by.value if after is State.SUSPENDED else ""
    change = {"state": after.value, "code": code, "reason": list(reason), "suspended_by": suspended_by}
    tx.change(rows.processes, process["id"], **change)
    evidence.append(
        tx, f"deliver.transfer_{after.value.lower()}", rows.processes, process["id"], agreement=process["agreement"],
        side=process["side"], by=by.value, code=code,
    )  # fmt: skip
    return {**process, **change}


def _new(
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


def _known(tx: Tx, pid: str, sender: str | None = None, other_pid: str = "") -> dict[str, Any]:
    """Our process; for a sender only its own (USE-404 else). Learns or checks the counterparty's pid."""
    process = tx.get(rows.processes, pid[:80])
    if process is None or (sender is not None and process["peer"] != sender):
        raise UNKNOWN(zh="传输", en="transfer", id=pid[:80])
    if other_pid and process["peer_pid"] and process["peer_pid"] != other_pid:
        raise UNKNOWN(zh="传输", en="transfer", id=other_pid[:80])
    if other_pid and not process["peer_pid"]:
        process = _learn(tx, process, other_pid[: rules.PID_MAX])
    return process


def _learn(tx: Tx, process: dict[str, Any], peer_pid: str) -> dict[str, Any]:
    tx.change(rows.processes, process["id"], peer_pid=peer_pid)
    evidence.append(tx, "deliver.transfer_matched", rows.processes, process["id"], peer_pid=peer_pid)
    return {**process, "peer_pid": peer_pid}


def _of_agreement(tx: Tx, agreement: str) -> list[dict[str, Any]]:
    return rows.rows(tx, rows.processes, rows.processes.c.agreement == agreement, order=rows.processes.c.seq)


def _pids(process: Mapping[str, Any]) -> tuple[str, str]:
    """(consumerPid, providerPid)."""
    ours, theirs = process["id"], process["peer_pid"]
    return (ours, theirs) if process["side"] == Side.consumer else (theirs, ours)


def _told(process: Mapping[str, Any]) -> dict[str, Any]:
    return rules.process_message(*_pids(process), process["state"])


def _send_move(tx: Tx, process: Mapping[str, Any], act: Act) -> None:
    _send(tx, process, act, rules.move_message(act, *_pids(process), process["code"], process["reason"]))


def _send_start_again(tx: Tx, process: Mapping[str, Any]) -> None:
    """Repeat the newest start of a process with the token it had; nothing when it is still on its way."""
    payload = jobs.jobs.c.payload
    sent = tx.all(
        select(jobs.jobs)
        .where(jobs.jobs.c.kind == SEND, payload["pid"].as_string() == process["id"])
        .where(payload["act"].as_string() == Act.start.value)
        .order_by(jobs.jobs.c.added_at)
    )
    if sent and sent[-1].state in ("done", "failed"):
        jobs.enqueue(tx, SEND, sent[-1].payload, lane=_lane(process))


def _send(tx: Tx, process: Mapping[str, Any], act: Act, message: Mapping[str, Any]) -> None:
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
