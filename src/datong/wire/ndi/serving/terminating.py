"""A contract of the national rail ends: contractTerminate, as the rooms answer it.

Must never know: how a message came. Contract: tests/wire/ndi/test_ndi_contracts.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from datong.deliver import service as deliver
from datong.ground.db import Tx
from datong.ground.refusal import Kind, Problem, Reason, Text
from datong.negotiate import service as negotiate
from datong.negotiate.model import State
from datong.negotiate.model.national import NOT_YOURS
from datong.negotiate.service import national, platforms
from datong.wire.ndi import contracts, reading
from datong.wire.ndi.routes import Call
from datong.wire.ndi.serving.heard import NOT_THE_SENDER, printed, require_its_party, require_signed

NOT_DUE = Reason(
    "NDI-415",
    Kind.conflict,
    Text("合约 {contract} 未终止。", "The contract {contract} was not ended."),
    Text("到期解除须在终止时间 {ends} 之后。", "It is due to end at {ends}, which has not come."),
    Text("请在到期后重新发送，或以提前解除（01）发送。",
         "Send it again once it is due, or as an early termination (01)."),
)  # fmt: skip
NOT_ITS_END = Reason(
    "NDI-421",
    Kind.conflict,
    Text("合约 {contract} 未终止。", "The contract {contract} was not ended."),
    Text("终止消息有 {count} 处与该合约不符。", "{count} things in the message are not that contract's."),
    Text("请按合约的名称与时间发送。", "Send it with the contract's own name and times."),
)
DUE = "02"
"""terminateType of an end on expiry."""
CLOCKS = timedelta(days=1)
"""How far the business clocks of two nodes may differ before a date is not believed."""


def contract_terminate(tx: Tx, call: Call) -> dict[str, Any]:
    message, contract = call.message, str(call.message["contractId"])
    issuer = str(message["issuerId"])
    if call.node != issuer:
        raise NOT_THE_SENDER(interface=call.interface.id, name="issuerId")
    require_its_party(tx, call, issuer)
    require_signed(tx, call, issuer)
    if message["erminateType"] == DUE:
        _require_due(tx, contract)
    _require_its_end(tx, message)
    kind, reason = str(message["erminateType"]), str(call.sent.get("reason") or "")[:256]
    done = False
    if platforms.is_platform(tx) and platforms.is_filed(tx, contract):
        ending = {"kind": kind, "reason": reason, "at": message["issueTime"], "notice": printed(call)}
        platforms.ended(tx, sender=issuer, contract=contract, ending=ending)
        done = True
    course = national.course_of(tx, contract)
    if course is not None:
        negotiate.received_national_end(
            tx, sender=issuer, contract=contract, kind=kind, reason=reason, signed=printed(call)
        )
    elif not done:  # at a platform through which the two negotiate
        both = platforms.between(tx, contract, contracts.nodes_of)
        if issuer not in both:
            raise NOT_YOURS(contract=contract[:60])
        platforms.tell_refused(tx, contract=contract, to=next(one for one in both if one != issuer), why=reason)
    return {}


def _require_due(tx: Tx, contract: str) -> None:
    """NOT_DUE while the end that the contract's request names is further away than the clocks of two nodes."""
    ends = str(_asked_for(tx, contract)["endTime"])
    at = reading.instant_of(ends)
    if at is not None and tx.business_now + CLOCKS < at:
        raise NOT_DUE(contract=contract[:60], ends=ends[:40])


def _asked_for(tx: Tx, contract: str) -> dict[str, Any]:
    known = national.find(tx, contract)
    return dict(known["request"]) if known is not None else platforms.issued_request(tx, contract)


def _require_its_end(tx: Tx, message: Mapping[str, Any]) -> None:
    """NOT_ITS_END with what of the end of a concluded contract, said by a side of it, is not that contract's, or is
    still to come. Of a negotiation that ends nothing is compared."""
    contract = str(message["contractId"])
    known = national.find(tx, contract)
    signed = negotiate.agreement(tx, known["agreement"]) if known is not None and known["agreement"] else None
    sides = platforms.filed_sides(tx, contract)
    if signed is not None and signed["state"] == State.FINALIZED.value:
        sides |= {signed["provider"], signed["consumer"]}
    if message["issuerId"] not in sides:
        return
    asked = _asked_for(tx, contract)
    wanted = {"contractName": [asked["contractName"], *_filed_names(tx, contract)],
              "activationTime": [asked["activationTime"]], "scheduledEndTime": [asked["endTime"]]}  # fmt: skip
    problems = [
        Problem(name, f"应为合约的 {of[-1]}", f"should be the contract's, {of[-1]}")
        for name, of in wanted.items()
        if not any(_same_value(str(message[name]), str(one)) for one in of)
    ]
    agreed = reading.instant_of(str(message.get("agreedEndTime") or ""))
    if agreed is not None and tx.business_now + CLOCKS < agreed:
        problems.append(Problem("agreedEndTime", "尚未到来：请届时发送", "has not come: tell it when it has"))
    if problems:
        raise NOT_ITS_END(problems, contract=contract[:60], count=len(problems))


def _filed_names(tx: Tx, contract: str) -> list[str]:
    """Under which names a contract was filed, as this node knows as its platform or has heard from it."""
    filed = [said["transactionExecutionStrategy"] for said in deliver.instructions(tx, contract)]
    filed += [platforms.filed_newest(tx, contract)] if platforms.is_filed(tx, contract) else []
    return [str(one["contractName"]) for one in filed if isinstance(one, Mapping) and "contractName" in one]


def _same_value(said: str, wanted: str) -> bool:
    """Whether two texts are one, or name one instant."""
    at = reading.instant_of(said)
    return said == wanted or (at is not None and at == reading.instant_of(wanted))
