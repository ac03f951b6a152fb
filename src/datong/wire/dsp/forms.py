"""Our values as negotiation messages, and messages as our values. Contract: tests/wire/test_wire_dsp_forms.py."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from datong.ground import clock, codes
from datong.ground.refusal import Problem
from datong.negotiate.model import Act
from datong.terms.policy import from_json, to_json
from datong.wire.dsp.messages import BAD_MESSAGE, out, typed
from datong.wire.odrl import from_odrl, to_agreement, to_offer

TERMS, CONTRACT, SIGNATURES = "datong:terms", "datong:contract", "datong:signatures"
NO_IDS: Mapping[str, str] = MappingProxyType({})
"""Participants are called by their node codes."""
CONTRACT_FIELDS = ("code", "offer_id", "provider_party", "consumer_party", "policy_hash", "from", "until")
ID_MAX, INSTANT_MAX = 80, 32
"""Characters of an agreement's id and of a time in it, as far as they are kept."""


def offer_message(offer: Mapping[str, Any]) -> dict[str, Any]:
    """{"id", "dataset", "policy", "terms"} as the offer of a negotiation message."""
    policy = from_json({**offer["policy"], "id": offer["id"]})
    return {**to_offer(policy, target=offer["dataset"]), TERMS: offer["terms"]}


def catalogue_offer(offer: Mapping[str, Any]) -> dict[str, Any]:
    """The same offer as a catalogue shows it, without a target."""
    return {**to_offer(from_json({**offer["policy"], "id": offer["id"]})), TERMS: offer["terms"]}


def read_offer(value: Mapping[str, Any], dataset: str = "") -> dict[str, Any]:
    """{"id", "dataset", "policy", "terms"} of an Offer; terms are {} when the peer sent none."""
    target = value.get("target", dataset)
    if not isinstance(target, str) or not target:
        raise BAD_MESSAGE([Problem("offer.target", "缺少", "the dataset id is missing")], count=1)
    policy = from_odrl(value)
    return {"id": policy.id, "dataset": target, "policy": to_json(policy), "terms": value.get(TERMS) or {}}


def agreement_message(
    agreement: Mapping[str, Any], ids: Mapping[str, str] = NO_IDS, *, signs: bool = True, terms: bool = True
) -> dict[str, Any]:
    """A signed agreement as an ODRL Agreement, with our own properties for a peer that knows them: it announced that it
    signs, or it stated terms. Any other compares the policy with the one it sent, to which they would be additions.

    ids: node code -> participant id, where they differ."""
    provider, consumer = (ids.get(agreement[side], agreement[side]) for side in ("provider", "consumer"))
    odrl = to_agreement(
        from_json(agreement["policy"]), target=agreement["dataset"], assigner=provider, assignee=consumer,
        timestamp=agreement["agreed_at"],
    )  # fmt: skip
    contract = {name: agreement[name] for name in CONTRACT_FIELDS}
    own = {TERMS: agreement["terms"], CONTRACT: contract, SIGNATURES: agreement["signatures"]}
    return {**odrl, **(own if signs or terms else {})}


def read_agreement(value: Mapping[str, Any], codes: Mapping[str, str] = NO_IDS) -> dict[str, Any]:
    """The content of an Agreement as far as it says; BAD_MESSAGE when an own property has the wrong type, or its id or
    times are none that a contract can have.

    codes: participant id -> node code, of the two that may stand in it."""
    contract, terms, signatures = value.get(CONTRACT, {}), value.get(TERMS), value.get(SIGNATURES, [])
    checks = {
        CONTRACT: isinstance(contract, dict)
        and all(contract.get(name) is None or isinstance(contract[name], str) for name in CONTRACT_FIELDS),
        TERMS: terms is None or isinstance(terms, dict),
        SIGNATURES: isinstance(signatures, list) and all(isinstance(one, dict) for one in signatures),
    }
    if wrong := [
        Problem(f"agreement.{name}", "类型不符", "has the wrong type") for name, right in checks.items() if not right
    ]:
        raise BAD_MESSAGE(wrong, count=len(wrong))
    said = {name: contract[name] for name in CONTRACT_FIELDS if contract.get(name) is not None}
    stamp = {"agreed_at": _stamp(value["timestamp"])} if "timestamp" in value else {}
    if unusable := _unusable(value["@id"], {**said, **stamp}):
        raise BAD_MESSAGE(unusable, count=len(unusable))
    provider, consumer = (codes.get(value[party], value[party]) for party in ("assigner", "assignee"))
    return {
        "id": value["@id"], "dataset": value["target"], "provider": provider, "consumer": consumer,
        "policy": to_json(from_odrl(value)), "signatures": signatures, **stamp,
        **({"terms": terms} if terms is not None else {}),
        **said,
    }  # fmt: skip


def _stamp(text: str) -> str:
    """A timestamp as instants are kept: a peer may write nanoseconds and any offset, or none, which is read as UTC."""
    try:
        found = datetime.fromisoformat(text)
        return clock.text(found if found.tzinfo is not None else found.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        return text


def _unusable(name_of: str, said: Mapping[str, str]) -> list[Problem]:
    """What of an agreement no contract can have: an id too long to be kept, times or a code that are none."""
    found = []
    if not 0 < len(name_of) <= ID_MAX:
        found.append(Problem("agreement.@id", f"应为 1 至 {ID_MAX} 字", f"should have 1 to {ID_MAX} characters"))
    for name in ("agreed_at", "from", "until"):
        if name in said and not _is_instant(said[name]):
            where = "timestamp" if name == "agreed_at" else f"{CONTRACT}.{name}"
            found.append(Problem(f"agreement.{where}", "不是历法之内的时间",
                                 "names no instant, or one that leaves the calendar"))  # fmt: skip
    if said.get("code") and codes.contract_code_fault(said["code"]) is not None:
        found.append(Problem(f"agreement.{CONTRACT}.code", "不是合约标识码", "is no contract code"))
    return found


def _is_instant(text: str) -> bool:
    try:
        return len(text) <= INSTANT_MAX and bool(clock.instant(text))
    except ValueError:
        return False


def message_of(
    outgoing: Mapping[str, Any], callback: str, ids: Mapping[str, str] = NO_IDS
) -> tuple[str, dict[str, Any]]:
    """(path below the counterparty's base, message) of what `negotiate.outgoing` gives, checked by its schema.

    callback: our own base, told to the counterparty in an opening; ids: node code -> participant id of the two.
    """
    act, body, theirs = Act(outgoing["act"]), outgoing["body"], quote(outgoing["peer_pid"], safe="")
    consumer, provider = outgoing["pid"], outgoing["peer_pid"]
    if outgoing["side"] == "provider":
        consumer, provider = provider, consumer
    pids = {"providerPid": provider, "consumerPid": consumer}
    if outgoing["opening"]:
        own = "consumerPid" if act is Act.request else "providerPid"
        pids = {own: outgoing["pid"], "callbackAddress": callback}
    knows = {name: bool(outgoing.get(name, True)) for name in ("signs", "terms")}
    kind, path, members = _spoken(act, body, ids, knows)
    message = typed(kind, **{"@id": outgoing["message"], **pids, **members})
    return f"/negotiations/{path}" if outgoing["opening"] else f"/negotiations/{theirs}/{path}", out(message)


def _spoken(
    act: Act, body: Mapping[str, Any], ids: Mapping[str, str], knows: dict[str, bool]
) -> tuple[str, str, dict[str, Any]]:
    """(@type, last part of the path, members besides the pids) of the message of an act."""
    match act:
        case Act.request:
            return "ContractRequestMessage", "request", {"offer": offer_message(body)}
        case Act.offer:
            return "ContractOfferMessage", "offers", {"offer": offer_message(body)}
        case Act.accept:
            return "ContractNegotiationEventMessage", "events", {"eventType": "ACCEPTED"}
        case Act.agree:
            return "ContractAgreementMessage", "agreement", {"agreement": agreement_message(body, ids, **knows)}
        case Act.verify:
            signed = {SIGNATURES: body["signatures"]}
            return "ContractAgreementVerificationMessage", "agreement/verification", signed
        case Act.finalize:
            return "ContractNegotiationEventMessage", "events", {"eventType": "FINALIZED"}
        case Act.terminate:
            why = {"code": body["code"], "reason": [body["en"], body["zh"]]}
            return "ContractNegotiationTerminationMessage", "termination", why
