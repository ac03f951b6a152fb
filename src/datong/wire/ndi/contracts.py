"""The messages of the digital contract, and what they say as offers and agreements of this house. Pure.

What is signed is the RFC 8785 form of {"contractId", "contractName", "strategy"}: the printed names, whatever spelling
came, with the values as they were sent. A signature on the wire is "<digest>;<signature>", both naming their algorithm.
What the national messages have no member for (offer, terms, term, moment of agreement) stands in the extension of the
first strategy under "contract".
Must never know: whether to agree. Contract: tests/wire/ndi/test_ndi_contracts.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from datong.ground import clock
from datong.ground.canonical import digest
from datong.ground.keys import PrivateKey, PublicKey
from datong.ground.refusal import Problem
from datong.negotiate.model import SIGNED
from datong.terms.policy import from_json, policy_hash, to_json
from datong.wire.ndi import strategies
from datong.wire.ndi.reading import instant_of, loaded, respelt
from datong.wire.ndi.tables import Interface, printed

NAME_MAX, ABSTRACT_MAX = 128, 1024
CREATE = ("contractName", "contractAbstract", "issueTime", "activationTime", "endTime", "signMode", "issuerId",
          "issuerEntityId", "signature")  # fmt: skip
OWNER = "dataProductEntityId"
"""Member of subjectInfo that only the filing has."""


# --- signatures --------------------------------------------------------------------------------------------------


def signature_text(value: Any, signature: str) -> str:
    """A signature as the messages carry it, with the digest of what it covers."""
    return f"{digest(value)};{signature}"


def signature_in(text: Any) -> str:
    """The bare signature of a text, with or without its digest before it."""
    return text.rpartition(";")[2] if isinstance(text, str) else ""


def bare(message: Mapping[str, Any], *without: str) -> dict[str, Any]:
    return {name: part for name, part in message.items() if name not in ("signature", *without)}


def signed_message(key: PrivateKey, message: Mapping[str, Any]) -> dict[str, Any]:
    """`message` with `signature` over all its other members."""
    value = bare(message)
    return {**value, "signature": signature_text(value, key.sign_value(value))}


def is_signed(message: Mapping[str, Any], key: str, *without: str) -> bool:
    """Whether `signature` is `key`'s over all other members of the message as it was sent."""
    return _signs(message.get("signature"), bare(message, *without), key)


# --- our values as messages --------------------------------------------------------------------------------------


def creation(key: PrivateKey, *, name: str, abstract: str, at: str, start: str, end: str, mode: str, node: str,
             party: str) -> dict[str, Any]:  # fmt: skip
    """contractCreate, signed by its issuer."""
    values = (name[:NAME_MAX], abstract[:ABSTRACT_MAX], at, start, end, mode, node, party)
    return signed_message(key, dict(zip(CREATE, values, strict=False)))


def asked_for(agreement: Mapping[str, Any], *, node: str, party: str) -> dict[str, Any]:
    """contractCreate, unsigned, by which a side of a contract of the other rail asks for an id to file it under."""
    name, code = name_of(agreement), agreement["code"]
    values = (name[:NAME_MAX], f"{name} {code}"[:ABSTRACT_MAX], agreement["agreed_at"], agreement["from"],
              agreement["until"], "01", node, party)  # fmt: skip
    return dict(zip(CREATE, values, strict=False))


def carrying(offer: Mapping[str, Any]) -> dict[str, list[Problem]]:
    """What of an offer or agreement {"dataset", "policy", "terms"} the national messages do not carry ("lost"), or
    carry in the extension only ("noted"). An agreement also says who "signed": a platform files what both have."""
    carried = strategies.written(from_json(offer["policy"]), {"dataProductId": str(offer["dataset"])}, {})
    lost, noted = list(carried.lost), list(carried.noted)
    terms = offer.get("terms") or {}
    if len(str(offer["dataset"])) > 65:
        lost.append(Problem("dataset", "数据产品标识码超过 65 字符", "the product's code has more than 65 characters"))
    if not (offer.get("until") or terms.get("until")):
        lost.append(Problem("terms.until", "国家合约必须有终止时间", "a national contract needs its end"))
    if offer.get("signed") == "one side":
        lost.append(Problem("signatures", "对方未签名，平台只备案双方签名的合约",
                            "the other side did not sign, and a platform files what both have signed"))  # fmt: skip
    kept = sorted(set(terms) - {"from", "until", "product"})
    if kept:
        words = "、".join(kept), ", ".join(kept)
        noted.append(Problem("terms", f"{words[0]} 只写在扩展信息中", f"{words[1]}: in the extension only"))
    return {"noted": noted, "lost": lost}


def strategy_of(said: Mapping[str, Any], provider: str, consumer: str, extension: Mapping[str, Any]) -> Any:
    """The strategy of an offer or agreement, an object as printed, a list where there are several (O10); `extension`
    goes with the first."""
    nodes = {"providerNodeId": provider, "consumerNodeId": consumer}
    carried = strategies.written(from_json(said["policy"]), {"dataProductId": said["dataset"]}, nodes)
    first, *rest = carried.strategies
    said_in_it = {**strategies.extension_of(first), "contract": dict(extension)}
    text = json.dumps(said_in_it, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    whole = {**first, "policyExpansion": text}
    return [whole, *rest] if rest else whole


def name_of(said: Mapping[str, Any]) -> str:
    return f"{said['dataset']} {said.get('terms', {}).get('purpose', '')}".strip()[:NAME_MAX]


def form(content: Mapping[str, Any], name: str = "") -> dict[str, Any]:
    """What both sides of an agreement sign on this rail. name: the contract's, as its contractCreate says it."""
    extension = {"offer": content["offer_id"], "terms": content["terms"], "from": content["from"],
                 "until": content["until"], "agreed_at": content["agreed_at"]}  # fmt: skip
    strategy = strategy_of(content, content["provider"], content["consumer"], extension)
    return {"contractId": content["code"], "contractName": name or name_of(content), "strategy": strategy}


def proposal(offer: Mapping[str, Any], contract: str, provider: str, consumer: str, name: str = "") -> dict[str, Any]:
    """contractNegotiate of an unsigned round. name: as in `form`."""
    extension = {"offer": offer["id"], "terms": offer["terms"]}
    strategy = strategy_of(offer, provider, consumer, extension)
    return {"contractId": contract, "contractName": name or name_of(offer), "strategy": strategy}


def confirmation(signatures: Iterable[Mapping[str, Any]], at: str) -> dict[str, Any]:
    """contractNegotiate with signatures, each over the same form."""
    given = list(signatures)
    over = dict(given[0]["over"])
    listed = [{"entityId": s["party"], "signature": signature_text(over, s["signature"]), "signatoryTime": at}
              for s in given]  # fmt: skip
    return {**over, "signatureList": listed}


def filing(over: Mapping[str, Any], signatures: Iterable[Mapping[str, Any]], owner: str, at: str,
           extension: Mapping[str, Any]) -> dict[str, Any]:  # fmt: skip
    """contractRegistrate of a signed contract."""
    strategy = _each(over["strategy"], lambda one: {**one, "subjectInfo": {**one["subjectInfo"], OWNER: owner}})
    entities = [{"signatoryEntityId": s["party"], "signature": signature_text(s.get("over", over), s["signature"])}
                for s in signatures]  # fmt: skip
    item = json.dumps(dict(extension), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return {"contractId": over["contractId"], "contractName": over["contractName"], "strategy": strategy,
            "signatoryEntities": entities, "signatoryTime": at, "contractExpansionItem": item}  # fmt: skip


def termination(key: PrivateKey, request: Mapping[str, Any], *, contract: str, kind: str, at: str, node: str,
                party: str) -> dict[str, Any]:  # fmt: skip
    """contractTerminate, signed. request: the contract's contractCreate."""
    message = {
        "contractName": request["contractName"], "contractId": contract, "issueTime": at, "erminateType": kind,
        "activationTime": request["activationTime"], "scheduledEndTime": request["endTime"], "issuerId": node,
        "issuerEntityId": party,
    }  # fmt: skip
    return signed_message(key, {**message, **({"agreedEndTime": at} if kind == "01" else {})})


# --- messages as our values --------------------------------------------------------------------------------------


def many(strategy: Any) -> list[dict[str, Any]]:
    """The strategies of a message in printed names, which carries one or several (O10), perhaps as text (O11)."""
    if isinstance(strategy, str):
        strategy = loaded(strategy)
    return list(strategy) if isinstance(strategy, list) else [strategy]


def _each(strategy: Any, change: Callable[[Any], Any]) -> Any:
    """Every strategy of a message changed, one or several as they were."""
    changed = [change(one) for one in many(strategy)]
    return changed if isinstance(strategy, list) else changed[0]


def as_printed(message: Mapping[str, Any], interface: Interface | None = None) -> dict[str, Any]:
    """A message with its members under their printed names and a strategy in a text as the object it says; all values
    as they were sent. What is kept, relayed or shown. interface: the one called, with the node's own corrections."""
    rows = (interface or printed().interface("contractRegistrate")).request
    return respelt(rows, message)


def over_of(message: Mapping[str, Any], interface: Interface | None = None) -> dict[str, Any]:
    """What a message's signatures cover: three members under their printed names, without what only a filing adds."""
    message = as_printed(message, interface)
    strategy = message.get("strategy")
    if isinstance(strategy, list | dict):
        strategy = _each(strategy, _without_owner)
    return {"contractId": message.get("contractId"), "contractName": message.get("contractName"), "strategy": strategy}


def _without_owner(one: Any) -> Any:
    if not isinstance(one, Mapping) or not isinstance(one.get("subjectInfo"), Mapping):
        return one
    return {**one, "subjectInfo": {name: part for name, part in one["subjectInfo"].items() if name != OWNER}}


def nodes_of(message: Mapping[str, Any], sender: str) -> tuple[str, str]:
    """(provider, consumer): node codes; the consumer may be left out and is then the sender or unknown ("")."""
    info = _first(message)["executionNodeInfo"]
    provider = str(info["providerNodeId"])
    return provider, str(info.get("consumerNodeId") or ("" if sender == provider else sender))


def dataset_of(message: Mapping[str, Any]) -> str:
    return str(_first(message)["subjectInfo"]["dataProductId"])


_ALIKE = (("subjectInfo", "dataProductId"), ("executionNodeInfo", "providerNodeId"),
          ("executionNodeInfo", "consumerNodeId"))  # fmt: skip
"""What all strategies of one message say alike: a contract is over one product, between two nodes."""


def _strategies(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    return many(as_printed(message)["strategy"])


def _first(message: Mapping[str, Any]) -> dict[str, Any]:
    """The strategy that says whose contract it is; LOST names every other that says something else."""
    first, *rest = _strategies(message)
    problems = [
        Problem(f"strategy[{number}].{group}.{name}", "与第一条策略不同；一份合约只涉及一个产品和两个节点",
                "is not that of the first strategy: a contract is over one product, between two nodes")
        for number, one in enumerate(rest, 1) for group, name in _ALIKE
        if (one[group].get(name) or "") != (first[group].get(name) or "")
    ]  # fmt: skip
    problems += [
        Problem(name, "接口表没有这一策略组，本节点不读取；请写入 strategy",
                "is a group of policies that no interface carries, and is not read; write it as a strategy")
        for name in strategies.GROUPS if message.get(name)
    ]  # fmt: skip
    strategies.require_whole(str(message["contractId"]), problems)
    return first


def _extension(message: Mapping[str, Any]) -> dict[str, Any]:
    given = strategies.extension_of(_first(message)).get("contract")
    return dict(given) if isinstance(given, Mapping) else {}


def _offer_id(extension: Mapping[str, Any], contract: str) -> str:
    given = extension.get("offer")
    return given if isinstance(given, str) and given else contract


def offer_of(message: Mapping[str, Any]) -> dict[str, Any]:
    """{"id", "dataset", "policy", "terms"} that a round asks or offers; LOST when something is not understood."""
    extension = _extension(message)
    offer = _offer_id(extension, str(message["contractId"]))
    read = strategies.understood(_strategies(message), offer)
    strategies.require_whole(str(message["contractId"]), read.lost)
    assert read.policy is not None
    terms = extension.get("terms")
    return {"id": offer, "dataset": dataset_of(message), "policy": to_json(read.policy),
            "terms": dict(terms) if isinstance(terms, Mapping) else {}}  # fmt: skip


def content_of(
    message: Mapping[str, Any], request: Mapping[str, Any], provider: str, consumer: str, at: str
) -> dict[str, Any]:
    """The agreement a signed message says (the fields of negotiate's SIGNED). request: its contractCreate; at: when it
    was signed, where the message's extension does not say so."""
    extension, contract = _extension(message), str(message["contractId"])
    read = strategies.understood(_strategies(message), contract)
    strategies.require_whole(contract, [*read.lost, *_no_instants(extension)])
    assert read.policy is not None
    policy = to_json(read.policy)
    terms = extension.get("terms")
    values = (
        contract, contract, dataset_of(message), _offer_id(extension, contract), provider, consumer,
        provider[1:19], consumer[1:19], policy, policy_hash(read.policy),
        dict(terms) if isinstance(terms, Mapping) else {},
        _time(extension.get("from"), request["activationTime"]), _time(extension.get("until"), request["endTime"]),
        _time(extension.get("agreed_at"), at),
    )  # fmt: skip
    return dict(zip(SIGNED, values, strict=True))


def _time(given: Any, otherwise: str) -> str:
    text = given if isinstance(given, str) else otherwise
    at = instant_of(text)
    return clock.text(at) if at is not None else text


def _no_instants(extension: Mapping[str, Any]) -> list[Problem]:
    """Times of the agreement that the extension says and that name no moment."""
    said = {name: extension[name] for name in ("from", "until", "agreed_at") if extension.get(name) is not None}
    return [
        Problem(f"strategy[0].policyExpansion.contract.{name}", "不是历法之内的时间",
                "names no instant, or one that leaves the calendar")
        for name, given in said.items() if not isinstance(given, str) or instant_of(given) is None
    ]  # fmt: skip


def signatures_of(
    listed: Iterable[Mapping[str, Any]], place: str, value: Mapping[str, Any], known: Mapping[str, tuple[str, str]],
    *, kept_over: bool = True,
) -> tuple[list[dict[str, Any]], list[Problem]]:  # fmt: skip
    """(signatures of a message as negotiate keeps them, every entry of the list that is none). A signature is one of
    the two sides', under its key, over `value`. known: party -> (node, public key); kept_over: keep `value` with it."""
    found: list[dict[str, Any]] = []
    problems: list[Problem] = []
    for number, one in enumerate(listed):
        party, text = str(one.get("entityId") or one.get("signatoryEntityId")), one.get("signature")
        if party not in known:
            problems.append(Problem(f"{place}[{number}]", f"{party[:40]} 不是合约的一方",
                                    f"is of {party[:40]}, which is no side of the contract"))  # fmt: skip
            continue
        node, key = known[party]
        if not _signs(text, value, key):
            problems.append(Problem(f"{place}[{number}].signature", f"不是 {party} 对本合约的有效签名",
                                    f"is not a valid signature of {party} over this contract"))  # fmt: skip
            continue
        signature = {"node": node, "party": party, "by": "", "department": "", "key": key,
                     "signature": signature_in(text)}  # fmt: skip
        found.append({**signature, "over": dict(value)} if kept_over else signature)
    return found, problems


def _signs(text: Any, value: Mapping[str, Any], key: str) -> bool:
    """Whether `text` is `key`'s signature over `value`, with its digest before it or without."""
    if isinstance(text, str) and ";" in text and text.rpartition(";")[0] != digest(value):
        return False
    return PublicKey(key).verifies_value(signature_in(text), value)
