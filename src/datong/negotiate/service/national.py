"""The digital contract on the national rail (TC609-6-2025-14), at its parties and at the platform.

    parties    opening, begun, opened, file_contract, bridged, told_filed, told_not_filed, heard_filed, told_of_end
    platform   issue_id, file, relay, tell_refused, filings, filing, ended_at_platform

The negotiation itself is the one state machine of this room: the contract's id is both sides' process id. What is
filed is sealed, and shown by level of access. Messages are wire.ndi's. Contract: tests/wire/ndi/test_ndi_contracts.py.
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable, Mapping
from typing import Any

from datong.ground import clock, codes, evidence, jobs, sealing, signing
from datong.ground.canonical import digest
from datong.ground.db import Store, Tx
from datong.ground.refusal import Problem, Refusal
from datong.negotiate import store
from datong.negotiate.model import NO_SUCH, State
from datong.negotiate.model.national import (
    ASSISTED,
    FILING_REFUSED,
    ID_TAKEN,
    NO_PLATFORM,
    NOT_NATIONAL,
    NOT_PLATFORM,
    NOT_YOURS,
    POINT_TO_POINT,
    STATUS_OF,
    Filing,
    Level,
)
from datong.negotiate.service import signatures
from datong.negotiate.service.course import NATIONAL
from datong.negotiate.store import national as rows
from datong.register import service as register
from datong.terms.roles import Role
from datong.terms.verbs import verb, view

CALL = "ndi.call"
"""Kind of the jobs that carry every message of the rail but negotiation; payload {"what", ...}."""
PLATFORM_TYPES = frozenset("1234")
SEALED_FOR = "filed contracts"
RAILS = {"national": POINT_TO_POINT, "national_assisted": ASSISTED}
"""Rail named in a request -> signMode."""
CARRIES: dict[str, Callable[[Mapping[str, Any]], Mapping[str, list[Problem]]]] = {}
"""Rail -> (an offer {"dataset", "policy", "terms"} -> {"noted", "lost"} on that rail); set by `app`."""
_PLATFORM: dict[int, str] = {}


def use_platform(store: Store, code: str) -> None:
    """Tell this process which service platform (node code) issues ids and files contracts for the node of `store`."""
    _PLATFORM[id(store)] = code


def platform(tx: Tx) -> str:
    """The node code of our service platform: the one named; else this node itself when it is one; else the function
    node of the directory; "" when none is known."""
    named, mine = _PLATFORM.get(id(tx.store), ""), signing.me(tx).code
    if named or is_platform(tx):
        return named or mine
    return next((code for code in register.active_codes(tx) if register.is_function_node(tx, code)), "")


def platform_of(tx: Tx, contract: str) -> str:
    """The platform that issued a contract's id, as the id itself says (type, subject and area); else our own."""
    return next((code for code in register.active_codes(tx) if code[:23] == contract[1:24]), platform(tx))


def issuer_of(tx: Tx, contract: str) -> str:
    """The active platform whose id `contract` is by its own words; NOT_YOURS when it is the id of none."""
    if codes.contract_code_fault(contract) is None and contract[1] in PLATFORM_TYPES:
        for code in register.active_codes(tx):
            if code[:23] == contract[1:24]:
                return code
    raise NOT_YOURS(contract=contract[:60])


def require_issued(tx: Tx, contract: str, request: Mapping[str, Any]) -> None:
    """At the platform whose id it is: the request is the one that the id was given for; NOT_YOURS, ID_TAKEN."""
    if _asked(issued_request(tx, contract)) != _asked(request):
        raise ID_TAKEN(contract=contract[:60])


def is_platform(tx: Tx) -> bool:
    """Whether this node is a service platform: a business node or a function node."""
    return signing.me(tx).code[:1] in PLATFORM_TYPES


# --- at a party --------------------------------------------------------------------------------------------------


def opening(tx: Tx, rail: str, asked: Mapping[str, Any]) -> str:
    """The callback a negotiation on `rail` begins with; refused when the rail cannot carry what is asked."""
    if rail == "dsp":
        return ""
    if rail not in RAILS:
        raise _no_rail(rail, "—")
    if not platform(tx):
        raise NO_PLATFORM()
    require_carried("national", asked)
    return NATIONAL + RAILS[rail]


def _no_rail(rail: str, contract: str) -> Refusal:
    zh, en = f"轨道 {rail[:20]} 未知", f"The rail {rail[:20]!r} is not known"
    return NOT_NATIONAL(contract=contract, why_zh=zh, why_en=en)


def require_carried(rail: str, offer: Mapping[str, Any]) -> None:
    """Refused with every clause the rail cannot carry, before anybody signs."""
    lost = list(CARRIES[rail](offer)["lost"]) if rail in CARRIES else []
    if lost:
        count = len(lost)
        zh, en = f"有 {count} 项条款该轨道无法承载", f"{count} of its clauses cannot be carried on that rail"
        raise NOT_NATIONAL(lost, contract=str(offer.get("id") or "—")[:80], why_zh=zh, why_en=en)


@view()
def carried(tx: Tx, *, agreement: str, rail: str = "national") -> dict[str, Any]:
    """Show what of a contract the other rail cannot carry (lost), or carries in an extension only (noted)."""
    row = _agreement(tx, agreement)
    if rail not in ("dsp", *CARRIES):
        raise _no_rail(rail, agreement)
    found = CARRIES[rail](row) if rail in CARRIES else {"noted": [], "lost": []}
    shown = {kind: [{"where": p.where, "zh": p.zh, "en": p.en} for p in found[kind]] for kind in ("noted", "lost")}
    return {"agreement": agreement, "rail": rail, **shown}


def begun(
    tx: Tx, *, contract: str, request: Mapping[str, Any], platform: str, negotiation: str = "", agreement: str = ""
) -> None:
    """Keep a contract under the id its platform gave; the same request again changes nothing.

    request: contractCreate as its issuer signed it, checked by the wire. negotiation: our pid, where we began it.
    """
    asked = _asked(request)
    known = tx.get(rows.contracts, contract)
    if known is not None:
        if known["request_digest"] != asked:
            raise ID_TAKEN(contract=contract[:60])
        return
    if store.agreement_of_code(tx, contract) is not None:  # of a contract of the other rail, or of one kept by hand
        raise ID_TAKEN(contract=contract[:60])
    row = {
        "id": contract, "name": request["contractName"], "issuer": request["issuerId"],
        "sign_mode": request["signMode"], "activation": request["activationTime"], "ends": request["endTime"],
        "request": dict(request), "request_digest": asked, "platform": platform, "negotiation": negotiation,
        "agreement": agreement, "filing": Filing.none.value, "hash": "", "why_not": "", "at": tx.now,
    }  # fmt: skip
    tx.add(rows.contracts, row)
    evidence.append(tx, "negotiate.national_begun", rows.contracts, contract, issuer=row["issuer"])


def opened(tx: Tx, *, contract: str, negotiation: str) -> None:
    """The counterparty opened the negotiation of a contract whose request it told us before."""
    tx.change(rows.contracts, contract, negotiation=negotiation)
    evidence.append(tx, "negotiate.national_opened", rows.contracts, contract, negotiation=negotiation)


def national(tx: Tx, contract: str) -> dict[str, Any]:
    """The contract under this id at a party; NOT_YOURS otherwise."""
    row = tx.get(rows.contracts, contract)
    if row is None:
        raise NOT_YOURS(contract=contract[:60])
    return row


def find(tx: Tx, contract: str) -> dict[str, Any] | None:
    return tx.get(rows.contracts, contract)


def of_agreement(tx: Tx, agreement: str) -> dict[str, Any] | None:
    """The national contract of an agreement, on whichever rail it was concluded; None when it is on no platform."""
    return rows.contract_of(tx, agreement)


def filed_sides(tx: Tx, contract: str) -> set[str]:
    """Node codes of the two sides of a contract filed here; none when it is not."""
    filed = rows.versions(tx, contract)
    return {filed[-1]["provider"], filed[-1]["consumer"]} if filed else set()


def by_request(tx: Tx, request: Mapping[str, Any]) -> dict[str, Any] | None:
    return rows.contract_by_request(tx, _asked(request))


def _asked(request: Mapping[str, Any]) -> str:
    """Digest of a contractCreate without its signature, which some algorithms make anew each time."""
    return digest({name: part for name, part in request.items() if name != "signature"})


def course_of(tx: Tx, contract: str) -> dict[str, Any] | None:
    """The negotiation under this contract id, or None."""
    return rows.negotiation_of(tx, contract)


def concluded(tx: Tx, agreement: Mapping[str, Any]) -> None:
    """On the conclusion of a contract: remembered with its id, and filed by the side that began it."""
    row = tx.get(rows.contracts, str(agreement["code"]))
    if row is None:
        return
    tx.change(rows.contracts, row["id"], agreement=agreement["id"])
    evidence.append(tx, "negotiate.national_concluded", rows.contracts, row["id"], agreement=agreement["id"])
    if row["issuer"] == signing.me(tx).code and row["platform"]:
        _file(tx, row["id"])


@verb(Role.product_manager, Role.legal, Role.analyst)
def file_contract(tx: Tx, *, agreement: str, platform_node: str = "") -> dict[str, Any]:
    """File a concluded contract at a service platform (备案), whichever rail it was concluded on.

    platform_node: node code; else the node's own setting. A contract concluded by the Dataspace Protocol first gets
    the platform's id; what cannot be carried over is refused before anything is sent.
    """
    row = _agreement(tx, agreement)
    if row["state"] != State.FINALIZED.value:
        raise NOT_NATIONAL(contract=agreement, why_zh="合约未成立或已终止", why_en="It is not concluded, or has ended")
    known = rows.contract_of(tx, agreement)
    to = platform_node or (known or {}).get("platform") or platform(tx)
    if not to:
        raise NO_PLATFORM()
    require_carried("national", row)
    if known is None:
        jobs.enqueue(tx, CALL, {"what": "bridge", "agreement": agreement, "to": to}, key=f"bridge-{agreement}"[:80])
        return {"agreement": agreement, "platform": to, "contract": "", "filing": Filing.sent.value}
    if known["filing"] == Filing.filed.value and known["issuer"] != signing.me(tx).code:  # by the other side
        return _filing(tx, known["id"])
    return _file(tx, known["id"])


def bridged(tx: Tx, *, agreement: str, contract: str, request: Mapping[str, Any], platform: str) -> None:
    """The platform gave a contract of the other rail its id: kept, and filed, unless the other side did meanwhile."""
    if rows.contract_of(tx, agreement) is not None:
        return
    begun(tx, contract=contract, request=request, platform=platform, agreement=agreement)
    _file(tx, contract)


def heard_filed(tx: Tx, *, contract: str, request: Mapping[str, Any], agreement: str, platform: str,
                filed: Mapping[str, Any]) -> None:  # fmt: skip
    """The other side filed a contract of the other rail, as the platform tells us: its id and hash are ours too.

    request: contractCreate as the other side had to say it; filed: the message filed. An id that we had given for it
    and that is not filed is let go: what both signed is filed under one id only.
    """
    known = rows.contract_of(tx, agreement)
    if known is not None:
        if known["filing"] == Filing.filed.value:
            raise NOT_YOURS(contract=contract[:60])
        tx.change(rows.contracts, known["id"], agreement="")
    begun(tx, contract=contract, request=request, platform=platform, agreement=agreement)
    told_filed(tx, contract=contract, hash=_hash(filed))


def _hash(message: Mapping[str, Any]) -> str:
    """合约存证码: the digest of a filed message."""
    return digest(message).partition(":")[2]


def _file(tx: Tx, contract: str) -> dict[str, Any]:
    tx.change(rows.contracts, contract, filing=Filing.sent.value, why_not="")
    evidence.append(tx, "negotiate.filing_sent", rows.contracts, contract)
    jobs.enqueue(tx, CALL, {"what": "file", "contract": contract})
    return _filing(tx, contract)


def _filing(tx: Tx, contract: str) -> dict[str, Any]:
    row = national(tx, contract)
    return {"agreement": row["agreement"], "platform": row["platform"], "contract": contract, "filing": row["filing"]}


def told_filed(tx: Tx, *, contract: str, hash: str) -> None:
    """The platform filed the contract and told its hash (合约存证码)."""
    tx.change(rows.contracts, contract, filing=Filing.filed.value, hash=hash[:64])
    evidence.append(tx, "negotiate.filed", rows.contracts, contract, hash=hash[:64])


def told_not_filed(tx: Tx, *, contract: str, why: str) -> None:
    tx.change(rows.contracts, contract, filing=Filing.refused.value, why_not=why[:2000])
    evidence.append(tx, "negotiate.filing_refused", rows.contracts, contract)


def told_of_end(tx: Tx, agreement: Mapping[str, Any], *, kind: str, reason: str, to_peer: bool) -> bool:
    """Queue contractTerminate for the platform and, when we ended it, for the other party. False: not on this rail.

    kind: terminateType, "01" early or "02" on expiry.
    """
    row = rows.contract_of(tx, str(agreement["id"]))
    if row is None:
        return False
    mine = signing.me(tx).code
    peer = agreement["consumer"] if agreement["provider"] == mine else agreement["provider"]
    on_rail = bool(row["id"] == agreement["code"])
    receivers = [
        *([peer] if to_peer and on_rail else []),
        *([row["platform"]] if row["platform"] not in ("", mine) else []),
    ]
    if row["platform"] == mine and rows.versions(tx, row["id"]):
        ended_at_platform(tx, sender=mine, contract=row["id"], ending={"kind": kind, "reason": reason, "at": tx.now})
    for to in dict.fromkeys(receivers):
        payload = {"what": "terminate", "contract": row["id"], "to": to, "kind": kind, "reason": reason, "at": tx.now}
        jobs.enqueue(tx, CALL, payload, key=f"end-{digest([row['id'], to])[7:60]}")
    return on_rail


def status(tx: Tx, row: Mapping[str, Any]) -> str:
    """contractStatus of a contract at a party."""
    course = rows.negotiation_of(tx, str(row["id"]))
    agreement = tx.get(store.agreements, str(row["agreement"])) if row["agreement"] else None
    if agreement is not None and agreement["state"] == State.FINALIZED.value:
        return "05" if tx.business_now >= clock.instant(agreement["from"]) else "0301"
    if agreement is not None and agreement["ended_at"]:
        return "06"
    return STATUS_OF[State(course["state"])] if course is not None else "01"


def national_card(tx: Tx, agreement: Mapping[str, Any]) -> dict[str, Any] | None:
    """What the national rail says of a contract: id, status, platform, filing and hash; None when it is not on it."""
    row = rows.contract_of(tx, str(agreement["id"]))
    if row is None:
        return None
    names = ("name", "issuer", "sign_mode", "activation", "ends", "platform", "filing", "hash", "why_not")
    return {"contract_id": row["id"], "status": status(tx, row), **{name: row[name] for name in names}}


def _agreement(tx: Tx, id: str) -> dict[str, Any]:
    row = tx.get(store.agreements, id)
    if row is None:
        raise NO_SUCH(id=id[:80])
    return row


# --- at the platform ---------------------------------------------------------------------------------------------


def _at_platform(tx: Tx) -> None:
    if not is_platform(tx):
        raise NOT_PLATFORM()


def issue_id(tx: Tx, *, request: Mapping[str, Any]) -> str:
    """The 47-character id for a contractCreate its issuer signed; the same request gets the same id."""
    _at_platform(tx)
    asked = _asked(request)
    known = rows.issued_for(tx, asked)
    if known is not None:
        return str(known["id"])
    mine = signing.me(tx).code
    random = "".join(secrets.choice(string.ascii_uppercase + string.digits) for _ in range(8))
    contract = codes.contract_code(mine[0], mine[1:19], mine[19:23], tx.business_now, random)
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


def issued_request(tx: Tx, contract: str) -> dict[str, Any]:
    """contractCreate for which this platform issued `contract`; NOT_YOURS when it issued no such id."""
    row = tx.get(rows.issued, contract)
    if row is None:
        raise NOT_YOURS(contract=contract[:60])
    return dict(row["request"])


def file(
    tx: Tx, *, sender: str, contract: str, message: Mapping[str, Any], content: Mapping[str, Any], given: list[Any]
) -> str:
    """File a signed contract; its hash. FILING_REFUSED with every reason. Only the sides of an id's request may file
    under it, and its versions are of the same two.

    content: what the contract says as an agreement (SIGNED fields); given: its signatures, {"node", "party", "key",
    "signature", "over"}. Filed again unchanged it is the same filing, changed it is the next version; what both signed
    is filed under one id only, though each side had one given for it.
    """
    _at_platform(tx)
    parties = {content["provider"]: content["provider_party"], content["consumer"]: content["consumer_party"]}
    if sender not in parties or issued_request(tx, contract)["issuerId"] not in parties or len(parties) != 2:
        raise NOT_YOURS(contract=contract[:60])
    before = rows.versions(tx, contract)
    problems = []
    if before and before[-1]["status"] == "06":
        problems.append(Problem("contractId", "合约已终止", "the contract has ended"))
    if before and parties.keys() != {before[-1]["provider"], before[-1]["consumer"]}:
        raise NOT_YOURS(contract=contract[:60])
    hash, signed = _hash(message), digest(content)
    others = {row["contract"] for row in rows.filed_as(tx, signed)} - {contract}
    problems += [
        Problem("contractId", f"本合约已以 {other} 备案", f"the contract is filed already, as {other}")
        for other in sorted(others)
    ]
    if hash in [version["hash"] for version in before[:-1]]:
        problems.append(Problem("contractId", "该版本已被后续版本取代", "a later version has taken its place"))
    for node, party in parties.items():
        if not signatures.signed_by(content, given, party, str(register.node(tx, node)["public_key"])):
            problems.append(
                Problem("signatoryEntities", f"缺少 {party} 的有效签名", f"no valid signature of {party} ({node})")
            )
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
    if version == 1:
        for to in parties:
            if to != signing.me(tx).code:
                payload = {"what": "strategy", "filing": key, "to": to}
                jobs.enqueue(tx, CALL, payload, key=f"strategy-{digest([key, to])[7:60]}")
    return hash


def is_filed(tx: Tx, contract: str) -> bool:
    return bool(rows.versions(tx, contract))


def ended_at_platform(tx: Tx, *, sender: str, contract: str, ending: Mapping[str, Any]) -> None:
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


def speaks_for(tx: Tx, contract: str, sender: str) -> bool:
    """Whether `sender` is the platform that takes part in the negotiation of a contract."""
    row = tx.get(rows.contracts, contract)
    return row is not None and (row["sign_mode"], row["platform"]) == (ASSISTED, sender)


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
