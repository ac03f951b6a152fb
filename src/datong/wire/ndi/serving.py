"""The ten interfaces of contract and usage control, answered by the rooms.

A node answers as a party; a business or function node also as the platform that issues ids, files contracts and passes
rounds on. Contract: tests/wire/ndi/test_ndi_contracts.py, test_ndi_control.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Protocol

from datong.deliver import service as deliver
from datong.ground import codes, signing
from datong.ground.canonical import digest
from datong.ground.db import Store, Tx
from datong.ground.refusal import Kind, Problem, Reason, Text
from datong.negotiate import service as negotiate
from datong.negotiate.model import SIGNED, Party, State
from datong.negotiate.model.national import ASSISTED, FILING_REFUSED, NOT_YOURS
from datong.negotiate.service import national, platforms
from datong.register import service as register
from datong.terms.policy import from_json, policy_hash
from datong.wire.http import is_for_now
from datong.wire.ndi import answers, contracts, reading, strategies
from datong.wire.ndi.routes import Answering, Before, Call
from datong.wire.ndi.tables import Tables
from datong.wire.ndi.templates import templates

BAD_SIGNATURE = Reason(
    "NDI-403",
    Kind.denied,
    Text("接口 {interface} 的请求未被接受。", "The request to {interface} was not accepted."),
    Text("签名与登记的密钥不符：{who}。", "Its signature is not that of the key registered for {who}."),
    Text("请对其余全部成员的 RFC 8785 形式签名后重新发送。",
         "Sign the RFC 8785 form of all other members and send it again."),
)  # fmt: skip
NOT_THE_SENDER = Reason(
    "NDI-405",
    Kind.denied,
    Text("接口 {interface} 的请求未被接受。", "The request to {interface} was not accepted."),
    Text("{name} 不是发送方。", "{name} is not its sender."),
    Text("请以发送方自己的标识填写。", "Fill in the sender's own code."),
)
NOT_DUE = Reason(
    "NDI-415",
    Kind.conflict,
    Text("合约 {contract} 未终止。", "The contract {contract} was not ended."),
    Text("到期解除须在终止时间 {ends} 之后。", "It is due to end at {ends}, which has not come."),
    Text("请在到期后重新发送，或以提前解除（01）发送。",
         "Send it again once it is due, or as an early termination (01)."),
)  # fmt: skip
NOT_AS_SIGNED = Reason(
    "NDI-416",
    Kind.conflict,
    Text("合约 {contract} 的控制指令未被接受。", "The control instruction for {contract} was not accepted."),
    Text("其中的合约与本方所签不同。", "The contract in it is not the one that was signed here."),
    Text("请下发双方所签的合约。", "Send the contract that both sides have signed."),
)
NOT_SIGNED = Reason(
    "NDI-417",
    Kind.denied,
    Text("合约 {contract} 的签署未被接受。", "The signatures under the contract {contract} were not accepted."),
    Text("其中 {count} 处不是一方的有效签名。", "{count} of them are not what a side of it signed."),
    Text("请以登记的密钥对 contractId、contractName、strategy 三项的 RFC 8785 形式签名后重新发送。",
         "Sign the RFC 8785 form of contractId, contractName and strategy with the registered key and send it again."),
)  # fmt: skip
THROUGH_PLATFORM = Reason(
    "NDI-418",
    Kind.conflict,
    Text("合约 {contract} 的这一轮协商未被接受。", "The round of the contract {contract} was not accepted."),
    Text("签署模式 02：平台 {platform} 参与协商并保存每一轮。",
         "Its signMode is 02: the platform {platform} takes part and keeps every round."),
    Text("请发送给该平台，由其转交。", "Send it to that platform, which passes it on."),
)  # fmt: skip
NOT_OF_CONTRACT = Reason(
    "NDI-419",
    Kind.conflict,
    Text(
        "合约 {contract} 的履行上报未被接受。", "The performance report under the contract {contract} was not accepted."
    ),
    Text("其策略有 {count} 处不是该合约的。", "{count} things in its strategy are not the contract's."),
    Text("请按该合约的策略上报。", "Report the strategy of that contract."),
)
NOT_ITS_END = Reason(
    "NDI-421",
    Kind.conflict,
    Text("合约 {contract} 未终止。", "The contract {contract} was not ended."),
    Text("终止消息有 {count} 处与该合约不符。", "{count} things in the message are not that contract's."),
    Text("请按合约的名称与时间发送。", "Send it with the contract's own name and times."),
)
PLATFORM_SILENT = Reason(
    "NDI-503",
    Kind.unavailable,
    Text("合约未发起。", "The contract was not begun."),
    Text("服务平台 {platform} 没有给出合约标识码：{answer}。", "The platform {platform} gave no id: {answer}."),
    Text("请稍后重试，或检查 ndi.platform。", "Try again later, or check ndi.platform."),
)

PLATFORM_REFUSED = Reason(
    "NDI-409",
    Kind.conflict,
    Text("合约未发起。", "The contract was not begun."),
    Text("服务平台 {platform} 拒绝给出合约标识码：{answer}。", "The platform {platform} gives no id: {answer}."),
    Text("请按其答复修改后重新发起。", "Mend what its answer names and begin again."),
)


DUE = "02"
"""terminateType of an end on expiry."""
CLOCKS = timedelta(days=1)
"""How far the business clocks of two nodes may differ before a date is not believed."""


class Caller(Protocol):
    def post(self, to: str, url: str, body: Mapping[str, Any]) -> Any: ...


def serving(tables: Tables) -> dict[str, Answering]:
    return {
        "contractTemplate": _template,
        "contractCreate": _create,
        "contractNegotiate": _negotiate,
        "contractRegistrate": _registrate,
        "contractExecution": _execution,
        "contractTerminate": _terminate,
        "strategySend": _strategy,
        "executionFeedback": _told(signed=True),
        "abnormalTermination": _told(),
        "fulfillmentProof": _told(signed=True),
    }


def before(store: Store, caller: Caller, tables: Tables, prefix: str) -> dict[str, Before]:
    """contractCreate at a connector: its own platform is asked for the id, when the creator has not said one."""

    def ask(call: Call) -> Call:
        if call.sent.get("contractId"):
            return call
        with store.read() as tx:
            if platforms.is_platform(tx):
                return call
            known = national.by_request(tx, _request(call.sent))
            platform = platforms.platform(tx)
            address = str(register.node(tx, platform)["address"]) if platform else ""
        if known is not None:
            return replace(call, sent={**call.sent, "contractId": known["id"]})
        if not platform:
            raise PLATFORM_SILENT(platform="—", answer="ndi.platform is not set")
        contract = issued_id(caller, tables, platform, address + prefix, call.sent)
        return replace(call, sent={**call.sent, "contractId": contract})

    return {"contractCreate": ask}


def issued_id(caller: Caller, tables: Tables, platform: str, base: str, request: Mapping[str, Any]) -> str:
    """The id that a platform gives for a contractCreate."""
    interface = tables.interface("contractCreate")
    answer = caller.post(platform, base + interface.path, dict(request))
    if is_for_now(answer.status):
        raise PLATFORM_SILENT(platform=platform, answer=f"HTTP {answer.status}")
    value = answers.json_object(answer.body)
    if not 200 <= answer.status < 300 or not answers.succeeded(tables, interface, value):
        code, text = answers.error_in(value)
        raise PLATFORM_REFUSED(platform=platform, answer=f"HTTP {answer.status} {code} {text}"[:500])
    return str(reading.checked(tables, interface, "response", value)["contractId"])


# --- contract ----------------------------------------------------------------------------------------------------


def _template(tx: Tx, call: Call) -> dict[str, Any]:
    return {"template": templates(str(call.message.get("templateId") or ""))}


def _request(sent: Mapping[str, Any]) -> dict[str, Any]:
    """The nine members of contractCreate as they were signed, in printed spelling."""
    given = {**sent, "issueTime": sent.get("issueTime", sent.get("createTime"))}
    return {name: given[name] for name in contracts.CREATE if name in given}


def _printed(call: Call) -> dict[str, Any]:
    """The message as it was sent, by the printed names: what is kept, passed on and shown."""
    return contracts.as_printed(call.sent, call.interface)


def _key(tx: Tx, code: str) -> str:
    return str(register.node(tx, code)["public_key"])


def _require_signed(tx: Tx, call: Call, code: str, *without: str) -> None:
    if not contracts.is_signed(call.sent, _key(tx, code), *without) and not contracts.is_signed(
        call.sent, _key(tx, code)
    ):
        raise BAD_SIGNATURE(interface=call.interface.id, who=code)


def _create(tx: Tx, call: Call) -> dict[str, Any]:
    """A contract is begun. Everybody with the creator's signature may bring its request to the platform."""
    issuer = str(call.message["issuerId"])
    _require_signed(tx, call, issuer, "contractId")
    _require_its_party(tx, call, issuer)
    _require_period(tx, call)
    request = _request(call.sent)
    if platforms.is_platform(tx) and not call.sent.get("contractId"):
        return {"contractId": platforms.issue_id(tx, request=request)}
    contract = str(call.sent["contractId"])
    platform = platforms.issuer_of(tx, contract)
    if call.node not in (issuer, platform):
        raise NOT_THE_SENDER(interface=call.interface.id, name="issuerId")
    if platform == signing.me(tx).code:
        platforms.require_issued(tx, contract, request)
    national.begun(tx, contract=contract, request=request, platform=platform)
    return {"contractId": contract}


def _require_its_party(tx: Tx, call: Call, issuer: str) -> None:
    if str(register.node(tx, issuer)["party"]) != call.message["issuerEntityId"]:
        raise NOT_THE_SENDER(interface=call.interface.id, name="issuerEntityId")


def _require_period(tx: Tx, call: Call) -> None:
    """A contract ends after it begins, and not before it is asked for."""
    begins, ends = (reading.instant_of(str(call.message[name])) for name in ("activationTime", "endTime"))
    if begins is not None and ends is not None and ends > max(begins, tx.business_now):
        return
    said = "应晚于 activationTime 与当前时间", "should be later than activationTime and than now"
    raise reading.refusal(call.interface, "request", (reading.Fault("format", "endTime", "5", *said),))


def _negotiate(tx: Tx, call: Call) -> dict[str, Any]:
    contract = str(call.message["contractId"])
    message = call.message
    sender = call.node
    if sender == platforms.platform_of(tx, contract) and isinstance(call.sent.get("issuerId"), str):
        sender = str(call.sent["issuerId"])  # passed on by the platform that takes part
        record = register.node(tx, sender)
        actor = replace(tx.actor, party=str(record["party"]), department=sender)
        tx = replace(tx, actor=actor)
    provider, consumer = contracts.nodes_of(message, sender)
    mine = signing.me(tx).code
    if sender not in (provider, consumer):
        raise NOT_YOURS(contract=contract[:60])
    if mine not in (provider, consumer or mine) and platforms.is_platform(tx):
        return _passed_on(tx, call, provider, consumer)
    known = _known(tx, contract)
    if sender != call.node and known["sign_mode"] != ASSISTED:
        raise NOT_YOURS(contract=contract[:60])  # the parties speak for themselves; nobody asked the platform to
    course = national.course_of(tx, contract)
    speaker = Party.provider if sender == provider else Party.consumer
    if course is not None and (course["peer"] != sender or course["side"] == speaker.value):
        raise NOT_YOURS(contract=contract[:60])
    if (provider, consumer or mine) not in ((sender, mine), (mine, sender)):
        raise NOT_YOURS(contract=contract[:60])
    if known["sign_mode"] == ASSISTED and known["platform"] not in (call.node, mine):
        raise THROUGH_PLATFORM(contract=contract[:60], platform=known["platform"])
    return _said(tx, call, known, course, speaker, (provider, consumer or mine), sender)


def _known(tx: Tx, contract: str) -> dict[str, Any]:
    """The contract under this id; one that this node issued as the platform of its own contract is begun by it."""
    if (known := national.find(tx, contract)) is not None:
        return known
    request = platforms.issued_request(tx, contract)
    national.begun(tx, contract=contract, request=request, platform=signing.me(tx).code)
    return national.national(tx, contract)


def _said(
    tx: Tx, call: Call, known: Mapping[str, Any], course: Mapping[str, Any] | None, speaker: Party,
    sides: tuple[str, str], sender: str,
) -> dict[str, Any]:  # fmt: skip
    """One round as a move of the negotiation: which, is told by who speaks, how many have signed, and the state."""
    message, contract = call.message, str(call.message["contractId"])
    listed = message.get("signatureList") or []
    signatures = _signatures(tx, call, sides)
    heard: dict[str, Any] = {"sender": sender, "message": digest([contract, call.sent]), "peer_pid": contract}
    if course is None or not listed:
        offer = contracts.offer_of(message)
        if offer["id"] == contract and speaker is Party.consumer:  # the tables have no member for an offer's id
            on_table = str(course["offer_id"]) if course is not None else negotiate.offer_meant(tx, offer, sender)
            offer = {**offer, "id": on_table or contract}
        pid = {"pid": str(course["id"])} if course is not None else {"sign_mode": str(known["sign_mode"])}
        if speaker is Party.provider:
            status = negotiate.received_offer(tx, offer=offer, **pid, **heard)
        elif course is not None and course["state"] == State.OFFERED.value and _same(course["offer"], offer):
            status = negotiate.received_event(tx, event="ACCEPTED", pid=str(course["id"]), **heard)
        else:
            status = negotiate.received_request(tx, offer=offer, **pid, **heard)
        return _flag(status["state"])
    final = speaker is Party.provider and len(listed) > 1
    _require_signatories(contract, signatures, sides if final else (sender,))
    at = str(listed[0].get("signatoryTime") or known["request"]["issueTime"])
    heard["pid"] = str(course["id"])
    if speaker is Party.consumer:
        status = negotiate.received_verification(tx, signatures=signatures, **heard)
    elif final:
        status = negotiate.received_event(tx, event="FINALIZED", **heard)
    else:
        content = contracts.content_of(message, known["request"], *sides, at)
        status = negotiate.received_agreement(tx, agreement={**content, "signatures": signatures}, **heard)
    return _flag(status["state"])


def _signatures(tx: Tx, call: Call, sides: tuple[str, str]) -> list[dict[str, Any]]:
    """The signatures of a round; NOT_SIGNED when one of them is not what a side signed, before anything moves."""
    contract, known = str(call.message["contractId"]), {node[1:19]: (node, _key(tx, node)) for node in sides}
    listed, over = call.message.get("signatureList") or [], contracts.over_of(call.sent, call.interface)
    found, problems = contracts.signatures_of(listed, "signatureList", over, known)
    if problems:
        raise NOT_SIGNED(problems, contract=contract[:60], count=len(problems))
    return found


def _require_signatories(contract: str, signatures: list[dict[str, Any]], wanted: tuple[str, ...]) -> None:
    """A contract of this rail has the signature of who agrees to it, and in the end of both."""
    missing = [node for node in wanted if node not in {one["node"] for one in signatures}]
    if missing:
        problems = [
            Problem("signatureList", f"缺少 {node[1:19]} 的签名", f"lacks the signature of {node[1:19]}")
            for node in missing
        ]
        raise NOT_SIGNED(problems, contract=contract[:60], count=len(problems))


def _same(on_table: Mapping[str, Any], offer: Mapping[str, Any]) -> bool:
    same_rules = policy_hash(from_json(on_table["policy"])) == policy_hash(from_json(offer["policy"]))
    return bool(on_table["dataset"] == offer["dataset"] and same_rules)


_AGREED = frozenset({"ACCEPTED", "AGREED", "VERIFIED", "FINALIZED"})


def _flag(state: str) -> dict[str, Any]:
    """O19: "1" is no error, the parties go on negotiating."""
    return {} if state in _AGREED else {"negotiationStatus": "1"}


def _passed_on(tx: Tx, call: Call, provider: str, consumer: str) -> dict[str, Any]:
    contract = str(call.message["contractId"])
    request = platforms.issued_request(tx, contract)
    sides, before = {provider, consumer}, set(platforms.between(tx, contract, contracts.nodes_of))
    of_its_issuer = request["signMode"] == ASSISTED and request["issuerId"] in sides
    two_known = len(sides) == 2 and sides <= set(register.active_codes(tx))
    if not of_its_issuer or not two_known or (before and sides != before):
        raise NOT_YOURS(contract=contract[:60])
    _signatures(tx, call, (provider, consumer))
    to = consumer if call.node == provider else provider
    platforms.relay(tx, sender=call.node, message=_printed(call), to=to)
    return {} if call.message.get("signatureList") else {"negotiationStatus": "1"}


def _registrate(tx: Tx, call: Call) -> dict[str, Any]:
    message, contract = call.message, str(call.message["contractId"])
    provider, consumer = contracts.nodes_of(message, call.node)
    if not consumer or call.node not in (provider, consumer):
        raise NOT_YOURS(contract=contract[:60])
    request = platforms.issued_request(tx, contract)
    known = {n[1:19]: (n, _key(tx, n)) for n in (provider, consumer)}
    agreement = _bridged(message)
    if agreement is not None:
        value = content = _same_clauses(agreement, message, contract, provider, consumer)
    else:
        content = contracts.content_of(message, request, provider, consumer, str(message["signatoryTime"]))
        value = contracts.over_of(call.sent, call.interface)
    given, faults = contracts.signatures_of(
        message["signatoryEntities"], "signatoryEntities", value, known, kept_over=agreement is None
    )
    others = faults if {one["node"] for one in given} == {provider, consumer} else []  # who lacks one, the room says
    hash = platforms.file(
        tx, sender=call.node, contract=contract, message=_printed(call), content=content, given=given,
        faults=[*others, *_not_the_owner(message, provider)],
    )  # fmt: skip
    return {"contractHash": hash}


def _not_the_owner(message: Mapping[str, Any], provider: str) -> list[Problem]:
    """Owners (所属主体标识) that a filing names beside what was signed, and who are neither the provider nor the
    subject in the product's own code."""
    found = []
    for number, one in enumerate(contracts.many(message["strategy"])):
        subject = one["subjectInfo"]
        product, owner = str(subject["dataProductId"]), subject[contracts.OWNER]
        of_code = product[1:19] if codes.data_code_fault(product) is None else ""
        if owner not in (provider[1:19], of_code):
            where = f"strategy[{number}].subjectInfo.{contracts.OWNER}"
            found.append(Problem(where, f"应为产品所属主体 {of_code or provider[1:19]}",
                                 f"should be the product's owner, {of_code or provider[1:19]}"))  # fmt: skip
    return found


def _bridged(message: Mapping[str, Any]) -> dict[str, Any] | None:
    """The agreement of the other rail that a filing carries whole in its extension, or None."""
    item = message.get("contractExpansionItem")
    try:
        value = reading.loaded(item) if isinstance(item, str) else item
    except ValueError:
        return None
    found = value.get("agreement") if isinstance(value, Mapping) else None
    return dict(found) if isinstance(found, Mapping) and set(SIGNED) <= set(found) else None


def _same_clauses(
    agreement: Mapping[str, Any], message: Mapping[str, Any], contract: str, provider: str, consumer: str
) -> dict[str, Any]:
    """The signed content of a contract of the other rail, when the strategies filed say the same as its policy."""
    content = {name: agreement[name] for name in SIGNED}
    read = strategies.understood(contracts.many(message["strategy"]), contract)
    strategies.require_whole(contract, read.lost)
    assert read.policy is not None
    problems = []
    if policy_hash(read.policy) != policy_hash(from_json(content["policy"])):
        problems.append(Problem("strategy", "与所签合约的策略不同", "does not say what the signed contract says"))
    for name, given in (("provider", provider), ("consumer", consumer), ("dataset", contracts.dataset_of(message))):
        if content[name] != given:
            problems.append(Problem(name, "与所签合约不同", "is another in the signed contract"))
    for name, node in (("provider_party", provider), ("consumer_party", consumer)):
        if content[name] != node[1:19]:
            problems.append(Problem(name, "与节点不符", "is not the party of the node"))
    if problems:
        raise FILING_REFUSED(problems, contract=contract, count=len(problems))
    return content


def _terminate(tx: Tx, call: Call) -> dict[str, Any]:
    message, contract = call.message, str(call.message["contractId"])
    issuer = str(message["issuerId"])
    if call.node != issuer:
        raise NOT_THE_SENDER(interface=call.interface.id, name="issuerId")
    _require_its_party(tx, call, issuer)
    _require_signed(tx, call, issuer)
    if message["erminateType"] == DUE:
        _require_due(tx, contract)
    _require_its_end(tx, message)
    kind, reason = str(message["erminateType"]), str(call.sent.get("reason") or "")[:256]
    done = False
    if platforms.is_platform(tx) and platforms.is_filed(tx, contract):
        ending = {"kind": kind, "reason": reason, "at": message["issueTime"], "notice": _printed(call)}
        platforms.ended(tx, sender=issuer, contract=contract, ending=ending)
        done = True
    course = national.course_of(tx, contract)
    if course is not None:
        negotiate.received_national_end(
            tx, sender=issuer, contract=contract, kind=kind, reason=reason, signed=_printed(call)
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


# --- usage control -----------------------------------------------------------------------------------------------


def _strategy(tx: Tx, call: Call) -> dict[str, Any]:
    """The platform's control instruction: kept when it is signed by our platform and says what we signed."""
    contract = str(call.message["contractId"])
    known = national.find(tx, contract) or _filed_by_other(tx, call, contract)
    if call.node != known["platform"]:
        raise NOT_YOURS(contract=contract[:60])
    _require_signed(tx, call, call.node)
    filed = call.message["transactionExecutionStrategy"]
    if not _says_what_was_signed(tx, known, filed):
        raise NOT_AS_SIGNED(contract=contract[:60])
    national.heard_filed_by_issuer(tx, known, filed)
    body = {name: part for name, part in _printed(call).items() if name != "contractId"}
    deliver.received_control(tx, sender=call.node, interface=call.interface.id, contract=contract, body=body)
    return {}


def _filed_by_other(tx: Tx, call: Call, contract: str) -> dict[str, Any]:
    """A contract of the other rail that the other side filed, as the platform whose id it is tells us; NOT_YOURS when
    it is not word for word one that this node concluded."""
    filed = call.message["transactionExecutionStrategy"]
    said = _bridged(filed) if isinstance(filed, Mapping) else None
    if said is None or filed.get("contractId") != contract or platforms.issuer_of(tx, contract) != call.node:
        raise NOT_YOURS(contract=contract[:60])
    ours = negotiate.agreement(tx, str(said["id"])[:80])
    if any(said[name] != ours[name] for name in SIGNED):
        raise NOT_YOURS(contract=contract[:60])
    _require_signed(tx, call, call.node)
    other = "consumer" if ours["provider"] == signing.me(tx).code else "provider"
    request = contracts.asked_for(ours, node=ours[other], party=ours[f"{other}_party"])
    national.heard_filed(tx, contract=contract, request=request, agreement=ours["id"], platform=call.node, filed=filed)
    return national.national(tx, contract)


def _says_what_was_signed(tx: Tx, known: Mapping[str, Any], filed: Any) -> bool:
    """Whether a contract as a platform filed it is the one this node holds; one not concluded here is not known."""
    if not isinstance(filed, Mapping) or filed.get("contractId") != known["id"] or "strategy" not in filed:
        return False
    if not known["agreement"]:
        return True
    read = strategies.understood(contracts.many(filed["strategy"]), str(known["id"]))
    signed = negotiate.agreement(tx, str(known["agreement"]))["policy"]
    return read.policy is not None and policy_hash(read.policy) == policy_hash(from_json(signed))


def _execution(tx: Tx, call: Call) -> dict[str, Any]:
    """A report of performance: kept when it is about the product and the provider of the contract it names."""
    answer = _told(deliver_body=("strategy", "executedStrategy", "reportTime", "contractStatus"))(tx, call)
    contract, message = str(call.message["contractId"]), call.message
    known = national.find(tx, contract)
    if known is not None and known["agreement"]:
        agreed = negotiate.agreement(tx, str(known["agreement"]))
        product, provider = str(agreed["dataset"]), str(agreed["provider"])
    else:
        filed = platforms.filed_newest(tx, contract)
        product, provider = contracts.dataset_of(filed), contracts.nodes_of(filed, "")[0]
    by = contracts.nodes_of(message, call.node)[0]
    said = {"subjectInfo.dataProductId": (contracts.dataset_of(message), product),
            "executionNodeInfo.providerNodeId": (by, provider)}  # fmt: skip
    problems = [
        Problem(f"strategy.{where}", f"应为合约的 {wanted}", f"should be the contract's, {wanted}")
        for where, (given, wanted) in said.items()
        if given != wanted
    ]
    if problems:
        raise NOT_OF_CONTRACT(problems, contract=contract[:60], count=len(problems))
    return dict(answer or {})


def _told(signed: bool = False, deliver_body: tuple[str, ...] = ()) -> Answering:
    def answering(tx: Tx, call: Call) -> dict[str, Any]:
        contract = str(call.message["contractId"])
        if signed or "signature" in call.sent:
            _require_signed(tx, call, call.node)
        if "connectorId" in call.message and call.message["connectorId"] != call.node:
            raise NOT_THE_SENDER(interface=call.interface.id, name="connectorId")
        names = deliver_body or tuple(name for name in call.message if name != "contractId")
        body = {name: call.message[name] for name in names if name in call.message}
        deliver.received_control(tx, sender=call.node, interface=call.interface.id, contract=contract, body=body)
        return {}

    return answering
