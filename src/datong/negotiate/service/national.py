"""The digital contract on the national rail (TC609-6-2025-14), at its parties.

    begins     opening, carried, begun, opened
    is filed   concluded, file_contract, bridged, told_filed, told_not_filed, heard_filed, heard_filed_by_issuer
    ends       told_of_end, told_end

The negotiation itself is the one state machine of this room: the contract's id is both sides' process id. What a
platform does stands in platforms.py; messages are wire.ndi's. Contract: tests/wire/ndi/test_ndi_contracts.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from datong.ground import clock, evidence, jobs, signing
from datong.ground.canonical import digest
from datong.ground.db import Tx
from datong.ground.refusal import Problem, Refusal
from datong.negotiate import store
from datong.negotiate.model import NO_SUCH, State
from datong.negotiate.model.national import (
    ASSISTED,
    ID_TAKEN,
    NO_PLATFORM,
    NOT_NATIONAL,
    NOT_YOURS,
    POINT_TO_POINT,
    STATUS_OF,
    Filing,
)
from datong.negotiate.service import platforms
from datong.negotiate.service.course import NATIONAL, require_room_to_begin
from datong.negotiate.store import national as rows
from datong.terms.roles import Role
from datong.terms.verbs import verb, view

RAILS = {"national": POINT_TO_POINT, "national_assisted": ASSISTED}
"""Rail named in a request -> signMode."""
CARRIES: dict[str, Callable[[Mapping[str, Any]], Mapping[str, list[Problem]]]] = {}
"""Rail -> (an offer {"dataset", "policy", "terms"} -> {"noted", "lost"} on that rail); set by `app`."""


def opening(tx: Tx, rail: str, asked: Mapping[str, Any]) -> str:
    """The callback a negotiation on `rail` begins with; refused when the rail cannot carry what is asked."""
    if rail == "dsp":
        return ""
    if rail not in RAILS:
        raise _no_rail(rail, "—")
    if not platforms.platform(tx):
        raise NO_PLATFORM()
    _require_carried(asked)
    return NATIONAL + RAILS[rail]


def _no_rail(rail: str, contract: str) -> Refusal:
    zh, en = f"轨道 {rail[:20]} 未知", f"The rail {rail[:20]!r} is not known"
    return NOT_NATIONAL(contract=contract, why_zh=zh, why_en=en)


def _require_carried(offer: Mapping[str, Any]) -> None:
    """Refused with every clause this rail cannot carry, before anybody signs."""
    lost = list(CARRIES["national"](offer)["lost"]) if "national" in CARRIES else []
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
    asked = platforms.asked_digest(request)
    known = tx.get(rows.contracts, contract)
    if known is not None:
        if known["request_digest"] != asked:
            raise ID_TAKEN(contract=contract[:60])
        return
    if store.agreement_of_code(tx, contract) is not None:  # of a contract of the other rail, or of one kept by hand
        raise ID_TAKEN(contract=contract[:60])
    if not (negotiation or agreement):  # a node told us, and may tell us any number of them
        require_room_to_begin(tx, str(request["issuerId"]), rows.begun_by)
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


def by_request(tx: Tx, request: Mapping[str, Any]) -> dict[str, Any] | None:
    return rows.contract_by_request(tx, platforms.asked_digest(request))


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
    to = platform_node or (known or {}).get("platform") or platforms.platform(tx)
    if not to:
        raise NO_PLATFORM()
    _require_carried(row)
    if known is None:
        jobs.enqueue(
            tx, platforms.CALL, {"what": "bridge", "agreement": agreement, "to": to}, key=f"bridge-{agreement}"[:80]
        )
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
        evidence.append(tx, "negotiate.filing_let_go", rows.contracts, known["id"], filed_as=contract)
    begun(tx, contract=contract, request=request, platform=platform, agreement=agreement)
    told_filed(tx, contract=contract, hash=platforms.hash_of(filed))


def heard_filed_by_issuer(tx: Tx, known: Mapping[str, Any], filed: Mapping[str, Any]) -> None:
    """The platform tells us what either side of a contract of this rail has filed, and of each later version: its hash
    is ours too."""
    hash, filing = platforms.hash_of(filed), known["filing"]
    newer = filing == Filing.filed.value and known["hash"] != hash
    if known["agreement"] and (filing == Filing.none.value or newer):
        told_filed(tx, contract=known["id"], hash=hash)


def _file(tx: Tx, contract: str) -> dict[str, Any]:
    tx.change(rows.contracts, contract, filing=Filing.sent.value, why_not="")
    evidence.append(tx, "negotiate.filing_sent", rows.contracts, contract)
    jobs.enqueue(tx, platforms.CALL, {"what": "file", "contract": contract})
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
        platforms.ended(tx, sender=mine, contract=row["id"], ending={"kind": kind, "reason": reason, "at": tx.now})
    for to in dict.fromkeys(receivers):
        payload = {"what": "terminate", "contract": row["id"], "to": to, "kind": kind, "reason": reason, "at": tx.now}
        jobs.enqueue(tx, platforms.CALL, payload, key=f"end-{digest([row['id'], to])[7:60]}")
    return on_rail


def told_end(tx: Tx, *, contract: str, signed: Mapping[str, Any]) -> None:
    """Our contractTerminate arrived: it is kept as we signed it, once, beside the reason for which the contract ended,
    where the other side keeps it, too."""
    row = tx.get(store.agreements, str(national(tx, contract)["agreement"]))  # none of an id that was let go
    reason = {} if row is None else row["reason"] or {}
    if row is not None and "message" not in reason:
        tx.change(store.agreements, row["id"], reason={**reason, "message": dict(signed)})
        evidence.append(tx, "negotiate.end_kept", store.agreements, row["id"])


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


def speaks_for(tx: Tx, contract: str, sender: str) -> bool:
    """Whether `sender` is the platform that takes part in the negotiation of a contract."""
    row = tx.get(rows.contracts, contract)
    return row is not None and (row["sign_mode"], row["platform"]) == (ASSISTED, sender)
