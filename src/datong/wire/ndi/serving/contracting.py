"""A contract of the national rail is begun, negotiated round by round and filed: contractCreate, contractNegotiate and
contractRegistrate, as the rooms answer them.

Must never know: how a message came. Contract: tests/wire/ndi/test_ndi_contracts.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from datong.ground import codes, signing
from datong.ground.canonical import digest
from datong.ground.db import Tx
from datong.ground.refusal import Kind, Problem, Reason, Text
from datong.negotiate import service as negotiate
from datong.negotiate.model import SIGNED, Party, State
from datong.negotiate.model.national import ASSISTED, FILING_REFUSED, NOT_YOURS
from datong.negotiate.service import national, platforms
from datong.register import service as register
from datong.terms.policy import from_json, policy_hash
from datong.wire.ndi import contracts, reading, strategies
from datong.wire.ndi.routes import Call
from datong.wire.ndi.serving.heard import NOT_THE_SENDER, key_of, printed, require_its_party, require_signed

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


def request_of(sent: Mapping[str, Any]) -> dict[str, Any]:
    """The nine members of contractCreate as they were signed, in printed spelling."""
    given = {**sent, "issueTime": sent.get("issueTime", sent.get("createTime"))}
    return {name: given[name] for name in contracts.CREATE if name in given}


def contract_create(tx: Tx, call: Call) -> dict[str, Any]:
    """A contract is begun. Everybody with the creator's signature may bring its request to the platform."""
    issuer = str(call.message["issuerId"])
    require_signed(tx, call, issuer, "contractId")
    require_its_party(tx, call, issuer)
    _require_period(tx, call)
    request = request_of(call.sent)
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


def _require_period(tx: Tx, call: Call) -> None:
    """A contract ends after it begins, and not before it is asked for."""
    begins, ends = (reading.instant_of(str(call.message[name])) for name in ("activationTime", "endTime"))
    if begins is not None and ends is not None and ends > max(begins, tx.business_now):
        return
    said = "应晚于 activationTime 与当前时间", "should be later than activationTime and than now"
    raise reading.refusal(call.interface, "request", (reading.Fault("format", "endTime", "5", *said),))


def contract_negotiate(tx: Tx, call: Call) -> dict[str, Any]:
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
    contract, known = str(call.message["contractId"]), {node[1:19]: (node, key_of(tx, node)) for node in sides}
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
    platforms.relay(tx, sender=call.node, message=printed(call), to=to)
    return {} if call.message.get("signatureList") else {"negotiationStatus": "1"}


def contract_registrate(tx: Tx, call: Call) -> dict[str, Any]:
    message, contract = call.message, str(call.message["contractId"])
    provider, consumer = contracts.nodes_of(message, call.node)
    if not consumer or call.node not in (provider, consumer):
        raise NOT_YOURS(contract=contract[:60])
    request = platforms.issued_request(tx, contract)
    known = {n[1:19]: (n, key_of(tx, n)) for n in (provider, consumer)}
    agreement = bridged(message)
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
        tx, sender=call.node, contract=contract, message=printed(call), content=content, given=given,
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


def bridged(message: Mapping[str, Any]) -> dict[str, Any] | None:
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
