"""The transfer process of Dataspace Protocol 2025-1: what persons do with it, and see of it.

    transfer_received    what the counterparty says, in both roles
    transfer_sending     what wire.dsp asks when it sends, and tells of the answer
    transfer_course      the moves themselves, over TRANSFER_MOVES, and what hangs on them

Contract: tests/deliver/test_deliver_transfers.py.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from datong.deliver import rules
from datong.deliver import store as rows
from datong.deliver.model import (
    BAD_MESSAGE,
    DSP_CONTEXT,
    FORMAT,
    FORMATS,
    HTTP_PUSH,
    OTHER_FORMAT,
    TRANSFER_MOVES,
    Act,
    Address,
    GrantState,
    Side,
    State,
)
from datong.deliver.service import addresses, deciding, files, sharing
from datong.deliver.service import transfer_course as course
from datong.ground import clock, evidence, jobs, signing
from datong.ground.canonical import digest
from datong.ground.db import NODE, Store, Tx, Window, new_id
from datong.ground.refusal import Problem, Text
from datong.negotiate import service as negotiate
from datong.register import service as register
from datong.terms.roles import Role
from datong.terms.verbs import verb, view

ON_SIGNING = "deliver.on_signing"
"""Kind of the jobs that ask for a delivery because its contract was signed; payload {"agreement"}."""
LOOK_AGAIN_SECONDS = 3600.0
VERBS = {Act.start: "start_transfer", Act.complete: "complete_transfer", Act.suspend: "suspend_transfer",
         Act.terminate: "terminate"}  # fmt: skip
WAITS = {
    (State.REQUESTED, Side.consumer): Text("等待提供方开始", "the provider has to start it"),
    (State.REQUESTED, Side.provider): Text("等待数据就绪，或由本方人员开始",
                                           "the data have to lie ready, or a person has to start it"),
    (State.SUSPENDED, Side.consumer): Text("由需求方暂停，须由其恢复", "the consumer has to resume it"),
    (State.SUSPENDED, Side.provider): Text("由提供方暂停，须由其恢复", "the provider has to resume it"),
}  # fmt: skip
"""(state, our side, or when suspended the side that did it) -> why it waits."""


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
    for process in course.of_agreement(tx, agreement):
        if (process["side"], process["into"], process["format"], process["state"]) == (
            Side.consumer, into, format, State.REQUESTED,
        ):  # fmt: skip
            return process
    if into == "person":
        deciding.require(tx, agreement=agreement, action="download")
        _finish_older(tx, agreement)
    pid = new_id("transfer")
    process = course.new(tx, pid, Side.consumer, contract, into=into, peer=contract["provider"], format=format)
    if format == HTTP_PUSH:
        where = f"{signing.me(tx).address}{course.PUSHED}/{pid}"
        addresses.keep_address(tx, process, Address(where, "dt_" + secrets.token_urlsafe(32), "", ""))
    message = {"@context": [DSP_CONTEXT], "@type": "TransferRequestMessage", "consumerPid": pid,
               "agreementId": agreement, "format": format}  # fmt: skip
    course.send(tx, process, Act.request, message)
    return process


def signed(tx: Tx, agreement: Mapping[str, Any]) -> None:
    """On the conclusion of a contract: its delivery is asked for, where this node is the consumer and has it so."""
    if files.is_asked_on_signing(tx.store) and agreement["consumer"] == signing.me(tx).code:
        contract = str(agreement["id"])
        jobs.enqueue(tx, ON_SIGNING, {"agreement": contract}, key=f"signed-{digest(contract)[7:60]}")


def signed_job(store: Store) -> jobs.Handler:
    """The handler of ON_SIGNING: the contract's delivery into this node is asked for, once, when its term begins."""

    def run(job: jobs.Job) -> None:
        contract = str(job.payload["agreement"])
        with store.begin(NODE, "deliver") as tx:
            if tx.business_now < clock.instant(negotiate.agreement(tx, contract)["from"]):
                jobs.enqueue(tx, ON_SIGNING, job.payload, delay_seconds=LOOK_AGAIN_SECONDS)
                return
            if any(process["side"] == Side.consumer for process in course.of_agreement(tx, contract)):
                return
            process = request_transfer(tx, agreement=contract, into="node")
            evidence.append(tx, "deliver.asked_on_signing", rows.processes, process["id"], agreement=contract)

    return run


def _finish_older(tx: Tx, agreement: str) -> None:
    """A new profile replaces the older one: its transfer is completed, which voids its token."""
    for process in course.of_agreement(tx, agreement):
        if process["side"] == Side.consumer and process["into"] == "person" and process["state"] == State.STARTED:
            course.by_us(tx, process, Act.complete)


@verb(Role.analyst, Role.data_engineer, Role.product_manager)
def complete_transfer(tx: Tx, *, transfer: str) -> dict[str, Any]:
    """Say that a started transfer is finished; its token is void afterwards."""
    return course.by_us(tx, course.known(tx, transfer), Act.complete)


@verb(Role.data_engineer, Role.product_manager, Role.legal)
def start_transfer(tx: Tx, *, transfer: str) -> dict[str, Any]:
    """Start a transfer that was left to a person (settings: deliver.by_hand), if the decision allows it."""
    return _started_by_person(tx, course.known(tx, transfer))


@verb(Role.data_engineer, Role.product_manager, Role.legal, Role.analyst)
def resume_transfer(tx: Tx, *, transfer: str) -> dict[str, Any]:
    """Take a suspended transfer up again; the side that suspended it does so."""
    return _started_by_person(tx, course.known(tx, transfer))


def _started_by_person(tx: Tx, process: dict[str, Any]) -> dict[str, Any]:
    """The process started, for the first time or again; NOT_NOW when that is not open to our side."""
    side = Side(process["side"])
    if rules.repeated(State(process["state"]), Act.start):
        return process
    rules.moved(State(process["state"]), Act.start, side, process["id"])
    if process["state"] == State.REQUESTED:
        return course.start_now(
            tx, process, sharing.our_contract(tx, process["agreement"], "provider", "start_transfer")
        )
    course.require_may_resume(process, side)
    if side is Side.provider:
        course.grants_follow(tx, process, GrantState.active, "")
    return course.by_us(tx, process, Act.start)


@verb(Role.data_engineer, Role.product_manager, Role.legal)
def suspend_transfer(tx: Tx, *, transfer: str, reason: str) -> dict[str, Any]:
    """Suspend one transfer (deliver.suspend stops everything under an agreement)."""
    return course.by_us(tx, course.known(tx, transfer), Act.suspend, "suspended", [reason])


@verb(Role.data_engineer, Role.product_manager, Role.legal, Role.analyst)
def terminate(tx: Tx, *, transfer: str, reason: str) -> dict[str, Any]:
    """End one transfer for good, with a reason the other side is told."""
    return course.by_us(tx, course.known(tx, transfer), Act.terminate, "terminated", [reason])


@view()
def transfers(
    tx: Tx, *, agreement: str = "", state: str = "", other_make: bool = False, id: str = "", limit: int | None = None,
    offset: int = 0,
) -> list[dict[str, Any]]:  # fmt: skip
    """Transfer processes of one agreement or of all, newest first, with what each waits for and what may be done.

    deadline of what waits: the end of its contract (null: it has none), with which the transfer ends too.
    state: only those in it, COMPLETED for instance; other_make: only those with connectors of another make 异构连接器.
    id: one alone. limit, offset: how many, after how many.
    """
    if state and state not in set(State):
        states = ", ".join(State)
        raise BAD_MESSAGE([Problem("state", f"应为 {states} 之一", f"should be one of {states}")], count=1)
    where = [rows.processes.c.agreement == agreement] if agreement else []
    where += [rows.processes.c.state == state] if state else []
    if other_make:
        where.append(rows.processes.c.peer.in_([node["code"] for node in register.known_nodes(tx) if node["did"]]))
    on_the_way = {job["payload"].get("pid"): job for job in jobs.open_jobs(tx) if job["kind"] == course.SEND}
    window = Window(id, limit, offset)
    found = rows.rows(tx, rows.processes, *where, order=rows.processes.c.seq.desc(), window=window)
    waiting = {process["agreement"] for process in found if process["state"] in (State.REQUESTED, State.SUSPENDED)}
    ends = {contract: negotiate.agreement(tx, contract)["until"] for contract in waiting}
    return [
        {**process, **_waits(process, on_the_way.get(process["id"]), ends.get(process["agreement"]))}
        for process in found
    ]


def _waits(process: Mapping[str, Any], job: Mapping[str, Any] | None, until: str | None) -> dict[str, Any]:
    """Why a process waits and until when, the verbs open to a person of this node, and the next try of a message under
    way."""
    state, side = State(process["state"]), Side(process["side"])
    why = WAITS.get((state, side if state is State.REQUESTED else Side(process["suspended_by"] or side)))
    acts = [act for (at, act), (sides, _) in TRANSFER_MOVES.items() if at is state and side in sides]
    if state is State.SUSPENDED and process["suspended_by"] != side:
        acts.remove(Act.start)
    verbs = ["resume_transfer" if state is State.SUSPENDED and act is Act.start else VERBS[act] for act in acts]
    told = {"open_verbs": verbs, **({"wait": {"zh": why.zh, "en": why.en}, "deadline": until} if why else {})}
    if job is None or job["state"] == "failed":
        return told
    return {**told, "next_try": job["due_at"], "tries": job["attempts"], "last_error": job["last_error"] or ""}


def delivered_at_most(tx: Tx, agreement: str) -> list[str] | None:
    """The table versions ("flows.cells v1") that this node, as consumer, can have been delivered under an agreement;
    None when it cannot tell, because a person pulled with a profile."""
    begun = [
        process for process in course.of_agreement(tx, agreement)
        if process["side"] == Side.consumer and process["state"] != State.REQUESTED
    ]  # fmt: skip
    if any(process["into"] == "person" for process in begun):
        return None
    held = rows.rows(tx, rows.received, rows.received.c.agreement == agreement)
    found = {(row["schema_name"], row["table_name"], row["version"]) for row in held}
    return [f"{schema}.{table} v{version}" for schema, table, version in sorted(found)]
