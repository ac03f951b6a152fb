"""What wire.dsp asks about a message of a transfer before it sends it, and tells of the answer.

Tokens are made when a start is sent and are never kept in a job. Contract: tests/deliver/test_deliver_transfers.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from datong.deliver import rules
from datong.deliver import store as rows
from datong.deliver.model import (
    HTTP_ENDPOINT,
    HTTP_PULL,
    HTTP_PUSH,
    REPEATS,
    Act,
    Address,
    GrantState,
    Side,
    State,
)
from datong.deliver.service import addresses, granting
from datong.deliver.service import transfer_course as course
from datong.ground import clock, signing
from datong.ground.db import Tx

NOT_COMPLETED = "not completed"
"""Code of the end that a side is told which refused our completion: it never heard of the start, or suspended it."""
OPEN = (State.REQUESTED.value, State.STARTED.value, State.SUSPENDED.value)


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
        where = f"{course.SHARED}/{share}" if process["format"] == HTTP_PULL else "/delta-sharing"
        address = Address(signing.me(tx).address + where, token, _wall_end(tx, grant["expires"]), share)
        message["dataAddress"] = rules.data_address(address, course.ENDPOINTS[process["format"]])
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
    if process is not None and act == Act.start:
        (course.push_if_asked if process["side"] == Side.provider else addresses.fetch)(tx, process)
    if process is None or act != Act.request or process["peer_pid"] or not isinstance(answer, dict):
        return
    theirs = answer.get("providerPid")
    if isinstance(theirs, str) and 0 < len(theirs) <= rules.PID_MAX:
        process = course.learn(tx, process, theirs)
        if process["state"] == State.TERMINATED:  # ended while the request was on its way
            course.send_move(tx, process, Act.terminate)


def transfer_refused(tx: Tx, *, pid: str, act: str, text: str) -> None:
    """The counterparty refused our message: the two sides disagree, so the process ends, and the other side is told
    as far as it knows the process. Only a consumer whose resuming is refused stays suspended: the provider has
    suspended it as well, and takes it up again; or it has ended it, and says so."""
    process = tx.get(rows.processes, pid)
    if process is not None and act == Act.start and process["side"] == Side.consumer:
        if process["state"] == State.STARTED:
            told = [f"{act}: {text}"[:500]]
            course.into(tx, process, State.SUSPENDED, Side.provider, code="refused", reason=told)
        return
    if process is not None and act == Act.complete and process["state"] == State.COMPLETED:
        told = [f"{act}: {text}"[:500]]
        course.send(
            tx, process, Act.terminate, rules.move_message(Act.terminate, *course.pids(process), NOT_COMPLETED, told)
        )
    if process is None or process["state"] not in OPEN:
        return
    side = Side(process["side"])
    process = course.into(tx, process, State.TERMINATED, side, code="refused", reason=[f"{act}: {text}"[:500]])
    course.after(tx, process, Act.terminate)
    if process["peer_pid"] and act != Act.terminate:
        course.send_move(tx, process, Act.terminate)
