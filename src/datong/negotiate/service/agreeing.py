"""The provider's answer and the two signatures: what makes an agreement."""

from __future__ import annotations

from typing import Any

from datong.catalogue import service as catalogue
from datong.ground import evidence, signing
from datong.ground.canonical import digest
from datong.ground.db import Tx, new_id
from datong.ground.refusal import unless_unknown
from datong.negotiate import rules, store
from datong.negotiate.model import AGREEMENT_ALTERED, OFFER_NOT_LIVE, PERSON_DECIDES, UNSIGNED, Act
from datong.negotiate.model.national import ID_TAKEN
from datong.negotiate.service import platforms, signatures
from datong.negotiate.service.binding import refusal_to_bind
from datong.negotiate.service.course import by_hand, left_to_person, noted, own, rail, reason_of, sending, terminating
from datong.register import service as register
from datong.terms.policy import from_json, policy_hash

LIVE = "live"


def answered(tx: Tx, row: dict[str, Any]) -> dict[str, Any]:
    """The provider's own answer to a request: agree when it equals a live published offer, leave it to a person when
    the listing says so or it answers an offer a person made, else end it with the first difference as the reason."""
    tx = own(tx, row)
    published = unless_unknown(lambda: catalogue.offer(tx, row["offer_id"], to=row["peer"])) or {"state": "unknown"}
    if published["state"] != LIVE and store.offered_here(tx, row["id"], row["offer_id"]):
        return left_to_person(tx, row, Act.offer)  # an answer to an offer made in this negotiation, in no catalogue
    if published["state"] != LIVE:
        return terminating(tx, row, reason_of(OFFER_NOT_LIVE(offer=row["offer_id"])))
    refusal = refusal_to_bind(tx, row, published)
    if refusal is not None:
        return terminating(tx, row, reason_of(refusal))
    if _person_decides(published) or by_hand(tx, Act.agree):
        words = PERSON_DECIDES
        return noted(tx, row, "left_to_person", wait_zh=words.zh, wait_en=words.en)
    refusal = rules.refusal_of_request(published, row["offer"])
    if refusal is not None:
        return terminating(tx, row, reason_of(refusal))
    return agreeing(tx, row, published["terms"], may_bind=True)


def offer_meant(tx: Tx, offer: dict[str, Any], to: str) -> str:
    """The id of the live offer that a request without one is about: the one it equals, else the dataset's first, whose
    differences it is then told; "" when `to` may see none."""
    shown = catalogue.offers_of(tx, offer["dataset"]) if catalogue.is_shown(tx, offer["dataset"], to) else []
    fitting = [one for one in shown if rules.refusal_of_request(one, offer) is None]
    return next((str(one["id"]) for one in (*fitting, *shown)), "")


def accepted(tx: Tx, row: dict[str, Any]) -> dict[str, Any]:
    """The provider's own answer to the acceptance of its offer: the agreement, unless a person is to draw it up."""
    tx = own(tx, row)
    if by_hand(tx, Act.agree):
        return left_to_person(tx, row, Act.agree)
    return agreeing(tx, row, row["offer"]["terms"])


def _person_decides(published: dict[str, Any]) -> bool:
    listing = published.get("listing")
    of_listing = listing.get("agree") if isinstance(listing, dict) else None
    return "person" in (published.get("agree"), published["terms"].get("agree"), of_listing)


def agreeing(tx: Tx, row: dict[str, Any], terms: dict[str, Any], *, may_bind: bool = False) -> dict[str, Any]:
    """Draw up the agreement over the offer on the table, sign it for the provider and send it; the one place where
    a provider signs, so terms to which it may not bind itself end the negotiation here.

    may_bind: the caller has asked `refusal_to_bind` for this in this transaction.
    """
    offer = {"policy": row["offer"]["policy"], "terms": terms}
    refusal = None if may_bind else refusal_to_bind(tx, row, offer)
    if refusal is not None:
        return terminating(tx, row, reason_of(refusal))
    mine = signing.me(tx)
    national = rail(row) == "national"
    agreement_id = str(row["peer_pid"]) if national else new_id("agr")
    if tx.get(store.agreements, agreement_id) is not None:  # an id that the peer brought
        return terminating(tx, row, reason_of(ID_TAKEN(contract=agreement_id[:60])))
    policy = {**row["offer"]["policy"], "id": agreement_id}
    content = {
        "id": agreement_id,
        "code": agreement_id if national else platforms.new_code(tx),
        "dataset": row["dataset"],
        "offer_id": row["offer_id"],
        "provider": mine.code,
        "consumer": row["peer"],
        "provider_party": mine.party,
        "consumer_party": row["peer_party"],
        "policy": policy,
        "policy_hash": policy_hash(from_json(policy)),
        "terms": terms,
        "from": terms.get("from") or tx.now,
        "until": terms.get("until"),
        "agreed_at": tx.now,
    }
    signed = signatures.signed(tx, content, rail(row))
    keep(tx, row, signed, {mine.code: signing.node_key(tx).public.text})
    return sending(tx, row, Act.agree, signed, agreement=agreement_id)


def keep(tx: Tx, row: dict[str, Any], signed: dict[str, Any], keys: dict[str, str]) -> None:
    """Keep an agreement as it stands now, in the state of its negotiation, with its leaf."""
    content = rules.agreement_content(signed)
    values = {
        **content, "negotiation": row["id"], "signatures": signed["signatures"], "keys": keys,
        "signed": "both" if len(keys) == 2 else "one side", "digest": digest(content), "state": row["state"],
    }  # fmt: skip
    known = tx.get(store.agreements, content["id"])
    if known is None:
        tx.add(store.agreements, values)
    elif known["negotiation"] != row["id"]:
        raise ID_TAKEN(contract=content["id"][:60])
    else:
        tx.change(store.agreements, content["id"], **{name: part for name, part in values.items() if name != "id"})
    evidence.append(
        tx, "negotiate.agreement_signed", store.agreements, content["id"],
        digest=values["digest"], signed=values["signed"], nodes=sorted(keys), policy_hash=content["policy_hash"],
    )  # fmt: skip


def judged(tx: Tx, row: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """The consumer's judgement on a received agreement: kept when it equals what was asked and is signed, and
    signed in turn when the request said so; else the negotiation ends with the reason."""
    tx = own(tx, row)
    mine = signing.me(tx)
    parties = {
        "provider": row["peer"], "consumer": mine.code,
        "provider_party": row["peer_party"], "consumer_party": mine.party,
    }  # fmt: skip
    signed = _completed(tx, row, given, parties)
    difference = rules.agreement_difference(row["offer"], signed, parties)
    if difference is None and tx.get(store.agreements, signed["id"]) is not None:
        difference = ("id", "a new id", signed["id"])
    if difference is None and signed["code"] and store.agreement_of_code(tx, signed["code"]) is not None:
        difference = ("code", "a new code", signed["code"])
    if difference is not None:
        where, expected, written = difference
        refusal = AGREEMENT_ALTERED(where=where, expected=expected[:300], given=written[:300])
        return terminating(tx, row, reason_of(refusal))
    keys = _key_of_peer(tx, row, signed)
    if keys is None:
        return terminating(tx, row, reason_of(UNSIGNED(who=row["peer"])))
    theirs = [one for one in signed["signatures"] if one.get("node") == row["peer"]]
    keep(tx, row, {**signed, "signatures": theirs}, keys)
    row = noted(tx, row, "agreement_received", agreement=signed["id"])
    return verifying(tx, row) if row["sign"] and row["pending"] is None else row


def _completed(tx: Tx, row: dict[str, Any], given: dict[str, Any], parties: dict[str, Any]) -> dict[str, Any]:
    """An agreement of a peer that sends the policy only, completed with the terms of the offer it was made of."""
    terms = row["offer"]["terms"]
    absent = {
        "code": "", "offer_id": row["offer_id"], **parties, "terms": terms, "agreed_at": tx.now, "signatures": [],
        "policy_hash": policy_hash(from_json(given["policy"])),
        "from": terms.get("from") or given.get("agreed_at") or tx.now, "until": terms.get("until"),
    }  # fmt: skip
    return {**absent, **given}


def _key_of_peer(tx: Tx, row: dict[str, Any], signed: dict[str, Any]) -> dict[str, str] | None:
    """{node: key} of the counterparty's valid signature; {} when there is none and none was announced; None when
    one was announced and is missing or wrong."""
    public = str(register.node(tx, row["peer"])["public_key"])
    if signatures.signed_by(rules.agreement_content(signed), signed["signatures"], row["peer_party"], public):
        return {row["peer"]: public}
    announced = tx.get(store.peers, row["peer"])
    return None if signed["signatures"] or (announced is not None and announced["signs"]) else {}


def verifying(tx: Tx, row: dict[str, Any]) -> dict[str, Any]:
    """Sign the agreement for the consumer and send the verification."""
    agreement = tx.get(store.agreements, row["agreement"] or "")
    assert agreement is not None, "an agreed negotiation has its agreement"
    content = rules.agreement_content(agreement)
    signed = signatures.signed(tx, {**content, "signatures": agreement["signatures"]}, rail(row))
    mine = signing.me(tx)
    row = sending(tx, row, Act.verify, {"signatures": [s for s in signed["signatures"] if s["node"] == mine.code]})
    keep(tx, row, signed, {**agreement["keys"], mine.code: signing.node_key(tx).public.text})
    return row


def confirmed(tx: Tx, row: dict[str, Any], given: list[Any]) -> dict[str, Any]:
    """The provider's judgement on a verification: the consumer's signature kept, then finalised; or ended."""
    tx = own(tx, row)
    agreement = tx.get(store.agreements, row["agreement"] or "")
    assert agreement is not None, "a verified negotiation has its agreement"
    theirs = [s for s in given if isinstance(s, dict) and s.get("node") == row["peer"]]
    candidate = {**rules.agreement_content(agreement), "signatures": theirs}
    keys = _key_of_peer(tx, row, candidate)
    if keys is None:
        return terminating(tx, row, reason_of(UNSIGNED(who=row["peer"])))
    if keys:
        both = {**candidate, "signatures": [*agreement["signatures"], *theirs]}
        keep(tx, row, both, {**agreement["keys"], **keys})
    if by_hand(tx, Act.finalize):
        return left_to_person(tx, row, Act.finalize)
    return sending(tx, row, Act.finalize, {})
