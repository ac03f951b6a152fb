"""The service platform on the national rail (TC609-6-2025-14): which one a node has, and what a node does that is one.

    which       use_platform, platform, platform_of, is_platform, issuer_of
    ids         issue_id, new_code, issued_request, require_issued
    rounds      relay, tell_refused, between, relayed_round
    filings     file, ended, filings, filing; sealed, and shown by level of access

What the two parties do stands in national.py; messages are wire.ndi's. Contract: tests/wire/ndi/test_ndi_contracts.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from weakref import WeakKeyDictionary

from datong.ground import codes, evidence, jobs, sealing, signing
from datong.ground.canonical import digest
from datong.ground.db import Store, Tx
from datong.ground.refusal import Problem
from datong.negotiate.model.national import FILING_REFUSED, ID_TAKEN, NOT_PLATFORM, NOT_YOURS, Level
from datong.negotiate.service import signatures
from datong.negotiate.service.course import require_room_to_begin
from datong.negotiate.store import national as rows
from datong.register import service as register
from datong.register.service.nodes import random_part
from datong.terms.roles import Role
from datong.terms.verbs import view

CALL = "ndi.call"
"""Kind of the jobs that carry every message of the rail but negotiation; payload {"what", ...}."""
PLATFORM_TYPES = frozenset("1234")
SEALED_FOR = "filed contracts"
_PLATFORM: WeakKeyDictionary[Store, str] = WeakKeyDictionary()


def use_platform(store: Store, code: str) -> None:
    """Tell this process which service platform (node code) issues ids and files contracts for the node of `store`."""
    _PLATFORM[store] = code


def platform(tx: Tx) -> str:
    """The node code of our service platform: the one named; else this node itself when it is one; else the function
    node of the directory; "" when none is known."""
    named, mine = _PLATFORM.get(tx.store, ""), signing.me(tx).code
    if named or is_platform(tx):
        return named or mine
    return next((code for code in register.active_codes(tx) if register.is_function_node(tx, code)), "")


def platform_of(tx: Tx, contract: str) -> str:
    """The platform that issued a contract's id, as the id itself says (type, subject and area); else our own."""
    return next((code for code in register.active_codes(tx) if code[:23] == contract[1:24]), platform(tx))


def is_platform(tx: Tx) -> bool:
    """Whether this node is a service platform: a business node or a function node."""
    return signing.me(tx).code[:1] in PLATFORM_TYPES


def issuer_of(tx: Tx, contract: str) -> str:
    """The active platform whose id `contract` is by its own words; NOT_YOURS when it is the id of none."""
    if codes.contract_code_fault(contract) is None and contract[1] in PLATFORM_TYPES:
        for code in register.active_codes(tx):
            if code[:23] == contract[1:24]:
                return code
    raise NOT_YOURS(contract=contract[:60])


def require_issued(tx: Tx, contract: str, request: Mapping[str, Any]) -> None:
    """At the platform whose id it is: the request is the one that the id was given for; NOT_YOURS, ID_TAKEN."""
    if asked_digest(issued_request(tx, contract)) != asked_digest(request):
        raise ID_TAKEN(contract=contract[:60])


def asked_digest(request: Mapping[str, Any]) -> str:
    """Digest of a contractCreate without its signature, which some algorithms make anew each time."""
    return digest({name: part for name, part in request.items() if name != "signature"})


def hash_of(message: Mapping[str, Any]) -> str:
    """合约存证码: the digest of a filed message."""
    return digest(message).partition(":")[2]


# --- at the platform ---------------------------------------------------------------------------------------------


def _at_platform(tx: Tx) -> None:
    if not is_platform(tx):
        raise NOT_PLATFORM()


def issue_id(tx: Tx, *, request: Mapping[str, Any]) -> str:
    """The 47-character id for a contractCreate its issuer signed; the same request gets the same id."""
    _at_platform(tx)
    asked = asked_digest(request)
    known = rows.issued_for(tx, asked)
    if known is not None:
        return str(known["id"])
    require_room_to_begin(tx, str(request["issuerId"]), rows.unfiled_of)
    contract = new_code(tx)
    row = {
        "id": contract,
        "request_digest": asked,
        "issuer": request["issuerId"],
        "request": dict(request),
        "at": tx.now,
    }
    tx.add(rows.issued, row)
    evidence.append(tx, "negotiate.contract_id_issued", rows.issued, contract, issuer=row["issuer"])
    return contract


def new_code(tx: Tx) -> str:
    """A contract's code (合约标识码) as this node gives it: its own type, subject and area are in it."""
    mine = signing.me(tx).code
    return codes.contract_code(mine[0], mine[1:19], mine[19:23], tx.business_now, random_part())


def issued_request(tx: Tx, contract: str) -> dict[str, Any]:
    """contractCreate for which this platform issued `contract`; NOT_YOURS when it issued no such id."""
    row = tx.get(rows.issued, contract)
    if row is None:
        raise NOT_YOURS(contract=contract[:60])
    return dict(row["request"])


def file(
    tx: Tx, *, sender: str, contract: str, message: Mapping[str, Any], content: Mapping[str, Any], given: list[Any],
    faults: Iterable[Problem] = (),
) -> str:  # fmt: skip
    """File a signed contract; its hash. FILING_REFUSED with every reason. Only the sides of an id's request may file
    under it, and its versions are of the same two.

    content: what the contract says as an agreement (SIGNED fields); given: its signatures, {"node", "party", "key",
    "signature", "over"}; faults: what else of the message cannot be filed. Filed again unchanged it is the same filing,
    changed it is the next version; what both signed is filed under one id only, though each side had one given for it.
    """
    _at_platform(tx)
    parties = {content["provider"]: content["provider_party"], content["consumer"]: content["consumer_party"]}
    if sender not in parties or issued_request(tx, contract)["issuerId"] not in parties or len(parties) != 2:
        raise NOT_YOURS(contract=contract[:60])
    before = rows.versions(tx, contract)
    problems = list(faults)
    if before and before[-1]["status"] == "06":
        problems.append(Problem("contractId", "合约已终止", "the contract has ended"))
    if before and parties.keys() != {before[-1]["provider"], before[-1]["consumer"]}:
        raise NOT_YOURS(contract=contract[:60])
    hash, signed = hash_of(message), digest(content)
    others = {row["contract"] for row in rows.filed_as(tx, signed)} - {contract}
    problems += [
        Problem("contractId", f"本合约已以 {other} 备案", f"the contract is filed already, as {other}")
        for other in sorted(others)
    ]
    if hash in [version["hash"] for version in before[:-1]]:
        problems.append(Problem("contractId", "该版本已被后续版本取代", "a later version has taken its place"))
    unsigned = [
        Problem("signatoryEntities", f"缺少 {party} 的有效签名", f"no valid signature of {party} ({node})")
        for node, party in parties.items()
        if not signatures.signed_by(content, given, party, str(register.node(tx, node)["public_key"]))
    ]
    problems += unsigned
    if problems:
        raise FILING_REFUSED(problems, contract=contract, count=len(problems))
    if before and before[-1]["hash"] == hash:
        return hash
    version = len(before) + 1
    key = f"{contract}/{version}"
    row = {
        "id": key, "contract": contract, "version": version, "filer": sender, "provider": content["provider"],
        "consumer": content["consumer"], "content": sealing.sealed(tx, SEALED_FOR, key, dict(message)), "hash": hash,
        "signed": signed, "status": "0301", "filed_at": tx.now, "ended_at": None, "ending": None,
    }  # fmt: skip
    tx.add(rows.filings, row)
    evidence.append(tx, "negotiate.contract_filed", rows.filings, key, hash=hash, filer=sender)
    for to in parties:  # both hear of each version: one side alone may have changed what no signature covers
        if to != signing.me(tx).code:
            payload, lane = {"what": "strategy", "filing": key, "to": to}, f"ndi.filed/{to}/{contract}"[:80]
            jobs.enqueue(tx, CALL, payload, key=f"strategy-{digest([key, to])[7:60]}", lane=lane)
    return hash


def is_filed(tx: Tx, contract: str) -> bool:
    return bool(rows.versions(tx, contract))


def filed_sides(tx: Tx, contract: str) -> set[str]:
    """Node codes of the two sides of a contract filed here; none when it is not."""
    filed = rows.versions(tx, contract)
    return {filed[-1]["provider"], filed[-1]["consumer"]} if filed else set()


def filed_newest(tx: Tx, contract: str) -> dict[str, Any]:
    """The newest filed message of a contract, opened; for this node's own doings."""
    return filed_message(tx, str(rows.versions(tx, contract)[-1]["id"]))


def filed_provider(tx: Tx, contract: str) -> str:
    """Node code of the provider of a contract filed here; "" when it is not."""
    filed = rows.versions(tx, contract)
    return str(filed[-1]["provider"]) if filed else ""


def ended(tx: Tx, *, sender: str, contract: str, ending: Mapping[str, Any]) -> None:
    """A party reports the end of a filed contract: {"kind", "reason", "at", ...}; told again, nothing changes."""
    _at_platform(tx)
    before = rows.versions(tx, contract)
    if not before or sender not in (before[-1]["provider"], before[-1]["consumer"]):
        raise NOT_YOURS(contract=contract[:60])
    if before[-1]["status"] == "06":
        return
    key = before[-1]["id"]
    tx.change(rows.filings, key, status="06", ended_at=tx.now, ending=dict(ending))
    evidence.append(tx, "negotiate.filing_ended", rows.filings, key, kind=ending.get("kind"))


def relay(tx: Tx, *, sender: str, message: Mapping[str, Any], to: str) -> None:
    """Keep one round of a negotiation in which this platform takes part, and pass it on; a repetition is not kept."""
    _at_platform(tx)
    contract = str(message["contractId"])
    issued_request(tx, contract)
    sent = digest([sender, message])
    kept = rows.rounds_of(tx, contract)
    if any(row["digest"] == sent for row in kept):
        return
    key = f"{contract}/r{len(kept) + 1}"
    row = {
        "id": key, "contract": contract, "number": len(kept) + 1, "sender": sender, "digest": sent,
        "signatures": len(message.get("signatureList") or []),
        "content": sealing.sealed(tx, SEALED_FOR, key, dict(message)), "at": tx.now,
    }  # fmt: skip
    tx.add(rows.rounds, row)
    evidence.append(tx, "negotiate.round_relayed", rows.rounds, key, sender=sender, to=to)
    payload = {"what": "relay", "round": key, "to": to}
    jobs.enqueue(tx, CALL, payload, key=f"relay-{digest(key)[7:60]}", lane=_in_turn(contract))


def tell_refused(tx: Tx, *, contract: str, to: str, why: str) -> None:
    """A negotiation in which this platform takes part was ended by one side, or a round refused for good: the other
    side is told, once."""
    evidence.append(tx, "negotiate.relayed_end", rows.issued, contract, to=to)
    payload = {"what": "refused", "contract": contract, "to": to, "why": why[:256]}
    jobs.enqueue(tx, CALL, payload, key=f"refused-{digest([contract, to])[7:60]}", lane=_in_turn(contract))


def _in_turn(contract: str) -> str:
    """The lane of what is passed on of one contract: an end may not overtake the round it ends."""
    return f"ndi.relay/{contract}"[:80]


def between(tx: Tx, contract: str, sides: Callable[[Mapping[str, Any], str], tuple[str, str]]) -> tuple[str, ...]:
    """The two who negotiate a contract through this platform; none when nobody does. sides: (message, sender) ->
    (provider, consumer)."""
    kept = rows.rounds_of(tx, contract)
    if not kept:
        return ()
    first = relayed_round(tx, str(kept[0]["id"]))
    return sides(first["message"], first["sender"])


def relayed_round(tx: Tx, key: str) -> dict[str, Any]:
    """{"sender", "contract", "message"} of a kept round."""
    row = tx.get(rows.rounds, key)
    assert row is not None, "only kept rounds are passed on"
    message = sealing.opened(tx, SEALED_FOR, key, row["content"])
    return {"sender": row["sender"], "contract": row["contract"], "message": message}


def filed_message(tx: Tx, key: str) -> dict[str, Any]:
    """The filed message of one version, opened; for this node's own doings."""
    row = tx.get(rows.filings, key)
    assert row is not None, "only kept filings are opened"
    return dict(sealing.opened(tx, SEALED_FOR, key, row["content"]))


_OVERSIGHT = frozenset({Role.auditor.value, Role.legal.value, Role.node.value})
_CLAUSES = frozenset({Role.registrar.value, Role.reviewer.value})


def level_of(tx: Tx, row: Mapping[str, Any]) -> Level:
    """What of a filing the acting person or peer may see: a party and the platform's auditor all of it, its registrar
    and reviewer the clauses, another function node the clauses, everybody else that it exists."""
    actor = tx.actor
    roles = set(actor.roles or {actor.role})
    if actor.role == Role.peer.value:
        if actor.department in (row["provider"], row["consumer"]):
            return Level.whole
        return Level.clauses if register.is_function_node(tx, actor.department) else Level.existence
    return Level.whole if roles & _OVERSIGHT else Level.clauses if roles & _CLAUSES else Level.existence


def shown_filing(tx: Tx, row: Mapping[str, Any]) -> dict[str, Any]:
    """A filing as far as the acting person or peer may see it."""
    level = level_of(tx, row)
    seen = {name: row[name] for name in ("contract", "version", "hash", "status", "filed_at", "ended_at")}
    seen["level"] = int(level)
    if level == Level.existence:
        return seen
    message = sealing.opened(tx, SEALED_FOR, str(row["id"]), row["content"])
    clauses = ("contractName", "strategy") if level == Level.clauses else tuple(message)
    if level == Level.clauses:
        message = {**message, "strategy": _without_extension(message["strategy"])}
    ending = {"ending": row["ending"]} if level == Level.whole else {}
    return {**seen, "provider": row["provider"], "consumer": row["consumer"], "filer": row["filer"], **ending,
            "message": {name: message[name] for name in clauses if name in message}}  # fmt: skip


def _without_extension(strategy: Any) -> Any:
    many = strategy if isinstance(strategy, list) else [strategy]
    return [{name: part for name, part in one.items() if name != "policyExpansion"} for one in many]


@view()
def filings(tx: Tx) -> list[dict[str, Any]]:
    """List the contracts filed at this platform: what everybody of the node may see of them."""
    return [
        {name: row[name] for name in ("contract", "version", "hash", "status", "filed_at", "ended_at")}
        for row in rows.versions(tx)
    ]


@view()
def filing(tx: Tx, *, contract: str) -> dict[str, Any]:
    """Show a contract filed at this platform with every version, as far as one's role may see it (多级权限)."""
    found = rows.versions(tx, contract)
    if not found:
        raise NOT_YOURS(contract=contract[:60])
    rounds = [{n: row[n] for n in ("number", "sender", "signatures", "at")} for row in rows.rounds_of(tx, contract)]
    return {"contract": contract, "versions": [shown_filing(tx, row) for row in found], "rounds": rounds}
