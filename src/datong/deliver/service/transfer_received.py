"""What a counterparty says of a transfer; a repeated or overtaken message changes nothing, an error moves no state.

sender: node code of the authenticated counterparty. pid: our own pid, other_pid: the counterparty's. number: see
model.NUMBER. Contract: tests/deliver/test_deliver_transfers.py, tests/wire/test_wire_dsp_transfer_machine.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from datong.deliver import rules
from datong.deliver import store as rows
from datong.deliver.model import (
    BAD_MESSAGE,
    FORMATS,
    HTTP_ENDPOINT,
    HTTP_PUSH,
    OTHER_FORMAT,
    TOO_MANY_TRANSFERS,
    Act,
    Address,
    GrantState,
    Side,
    State,
)
from datong.deliver.service import addresses, files, handing
from datong.deliver.service import transfer_course as course
from datong.ground import clock, signing
from datong.ground.db import NODE, Tx, new_id
from datong.ground.refusal import Problem, Text
from datong.negotiate import service as negotiate
from datong.negotiate.model import NO_SUCH, REUSED
from datong.register import service as register

ENDED_PER_OPEN = 100
"""How many transfers may begin under a contract within a day for each that may be open at once: some are of minutes."""


def transfer(tx: Tx, *, sender: str, pid: str) -> dict[str, Any]:
    """TransferProcess of our process `pid`, for its counterparty."""
    return course.told(course.known(tx, pid, sender))


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
        if (known["agreement"], known["format"]) != (agreement_id, format):
            raise REUSED(id=consumer_pid[:80])
        if known["state"] == State.STARTED:
            course.send_start_again(tx, known)
        return course.told(known)
    if format not in FORMATS:
        raise OTHER_FORMAT(format=format[:80], known=", ".join(FORMATS))
    goal = rules.read_address(data_address, HTTP_ENDPOINT) if format == HTTP_PUSH else None
    if goal is not None:
        _require_data_theirs(tx, sender, goal)
    contract = _contract_for(tx, sender, agreement_id)
    most = files.place(tx.store).open_per_contract
    if rows.open_under(tx, agreement_id) >= most:
        raise TOO_MANY_TRANSFERS(agreement=agreement_id[:80], most=most, which_zh="尚未结束者", which_en="are open")
    if rows.begun_under(tx, agreement_id, clock.text(tx.business_now - timedelta(days=1))) >= ENDED_PER_OPEN * most:
        began = Text("一日之内有变动者", "began or ended within a day")
        raise TOO_MANY_TRANSFERS(
            agreement=agreement_id[:80], most=ENDED_PER_OPEN * most, which_zh=began.zh, which_en=began.en
        )
    process = course.new(
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
    return course.told(
        course.try_start(replace(tx, actor=NODE), process, contract)
    )  # what follows is the node's own deed


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
    """The contract, in force; of one that is not the sender's it is told no more than of one that never was."""
    contract = negotiate.agreement(tx, agreement)
    if (contract["consumer"], contract["provider"]) != (sender, signing.me(tx).code):
        raise NO_SUCH(id=agreement[:80])
    return dict(negotiate.in_force(tx, agreement))


def transfer_started(
    tx: Tx, *, sender: str, pid: str, data_address: dict[str, Any] | None, other_pid: str = "", number: int = 0
) -> dict[str, Any]:
    """The provider starts (with a DataAddress), or either side resumes. Another start of a started transfer replaces
    the address."""
    process = course.known(tx, pid, sender, other_pid)
    if _was_overtaken(tx, process, number):
        return course.told(process)
    if process["side"] == Side.provider:
        return _resumed_by_consumer(tx, process)
    if process["state"] == State.COMPLETED:  # a start sent again, overtaken by our completion
        return course.told(process)
    repeat = rules.repeated(State(process["state"]), Act.start)
    if not repeat:
        process = course.moved(tx, process, Act.start, Side.provider)
    if process["format"] != HTTP_PUSH and (data_address is not None or not repeat):
        address = rules.read_address(data_address, course.ENDPOINTS[process["format"]])
        _require_data_theirs(tx, process["peer"], address)
        addresses.keep_address(tx, process, address)
    return course.told(_held_back(tx, process))


def _held_back(tx: Tx, process: dict[str, Any]) -> dict[str, Any]:
    """What the other side starts while we hold the agreement is suspended at once, and goes on when the hold ends. What
    the provider stopped, it starts itself; that it does may be heard before its word that the stop is lifted."""
    hold = tx.get(rows.holds, process["agreement"])
    if hold is None or hold["state"] != "suspended":
        return process
    return course.by_us(replace(tx, actor=NODE), process, Act.suspend, "suspended", [hold["reason"]])


def _resumed_by_consumer(tx: Tx, process: dict[str, Any]) -> dict[str, Any]:
    if process["state"] == State.SUSPENDED:
        course.require_may_resume(process, Side.consumer)
    if rules.repeated(State(process["state"]), Act.start):
        return course.told(process)
    process = course.moved(tx, process, Act.start, Side.consumer)
    course.grants_follow(tx, process, GrantState.active, "")
    course.push_if_asked(tx, process)
    return course.told(_held_back(tx, process))


def transfer_completed(tx: Tx, *, sender: str, pid: str, other_pid: str = "", number: int = 0) -> dict[str, Any]:
    """The counterparty is done; what it pushed goes on to the products it is a supply of."""
    before = course.known(tx, pid, sender, other_pid)
    told = _by_them(tx, before, Act.complete, number=number)
    process = course.known(tx, pid, sender)
    if process["state"] != before["state"] and process["side"] == Side.consumer and process["format"] == HTTP_PUSH:
        handing.handed_to_compose(replace(tx, actor=NODE), pid)
    return told


def transfer_suspended(
    tx: Tx, *, sender: str, pid: str, code: str = "", reason: Sequence[str] | None = None, other_pid: str = "",
    number: int = 0,
) -> dict[str, Any]:  # fmt: skip
    """The counterparty suspends."""
    return _by_them(tx, course.known(tx, pid, sender, other_pid), Act.suspend, code, reason, number)


def transfer_terminated(
    tx: Tx, *, sender: str, pid: str, code: str = "", reason: Sequence[str] | None = None, other_pid: str = "",
    number: int = 0,
) -> dict[str, Any]:  # fmt: skip
    """The counterparty ends it."""
    return _by_them(tx, course.known(tx, pid, sender, other_pid), Act.terminate, code, reason, number)


def _by_them(
    tx: Tx, process: dict[str, Any], act: Act, code: str = "", reason: Any = None, number: int = 0
) -> dict[str, Any]:
    if _was_overtaken(tx, process, number) or rules.repeated(State(process["state"]), act):
        return course.told(process)
    by = Side.provider if process["side"] == Side.consumer else Side.consumer
    told = [str(text)[:500] for text in reason[:10]] if isinstance(reason, list) else []
    process = course.moved(tx, process, act, by, code=str(code or "")[:60], reason=told)
    course.after(tx, process, act)
    return course.told(process)


def _was_overtaken(tx: Tx, process: Mapping[str, Any], number: int) -> bool:
    """Whether a message is a copy of one that was heard, or older than one: it is answered, and changes nothing."""
    return number > 0 and not rows.is_newer(tx, process["id"], number)
