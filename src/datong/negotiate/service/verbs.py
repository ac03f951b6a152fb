"""What people do in a negotiation, and what they see of it."""

from __future__ import annotations

from typing import Any

from datong.catalogue import service as catalogue
from datong.ground import signing
from datong.ground.canonical import digest
from datong.ground.db import Tx, Window, new_id
from datong.ground.refusal import Problem, Refusal, Text
from datong.negotiate import store
from datong.negotiate.model import BAD_OFFER, MOVE_REFUSED, OFFER_CHANGED, OFFER_NOT_LIVE, Act, Party, State
from datong.negotiate.rules import TERMS, open_acts, refusal_of_request
from datong.negotiate.service import national
from datong.negotiate.service.agreeing import LIVE, agreeing, verifying
from datong.negotiate.service.binding import require_bindable, terms_problems
from datong.negotiate.service.course import (
    into,
    mine,
    on_its_way,
    open_verbs,
    opened,
    own,
    reason,
    sending,
    shown,
    terminating,
)
from datong.register import service as register
from datong.terms.policy import PURPOSES, from_json, in_words, to_json
from datong.terms.roles import Role
from datong.terms.verbs import MAY_NOT, verb, view

CONSUMER_ROLES = (Role.analyst, Role.product_manager, Role.legal)
PROVIDER_ROLES = (Role.product_manager, Role.legal)


@verb(*CONSUMER_ROLES)
def request(
    tx: Tx, *, provider: str, dataset: str, offer_id: str, purpose: str, offer: dict[str, Any] | None = None,
    sign: bool = True, rail: str = "dsp",
) -> dict[str, Any]:  # fmt: skip
    """Request a contract for a provider's offer, for one purpose (发起合约请求).

    provider: node code. offer: {"policy", "terms"} as its catalogue shows it; without it the harvested catalogue
    is asked. sign: sign the agreement as soon as it equals this request; else `verify` waits for a person.
    rail: dsp (Dataspace Protocol), national (digital contract of TC609-6-2025-14 between the two connectors under a
    platform's id) or national_assisted (the platform takes part and passes every round on).
    """
    if offer is None:
        offer = catalogue.found_offer(tx, provider=provider, dataset=dataset, offer=offer_id)
    asked = _asked(dataset, offer_id, purpose, offer)
    callback = national.opening(tx, rail, asked)
    of = register.node(tx, provider)
    row = opened(
        tx, side=Party.consumer, peer=provider, peer_party=str(of["party"]), peer_pid="", callback=callback,
        offer=asked, state=State.REQUESTED, person=tx.actor.person, department=tx.actor.department, sign=sign,
    )  # fmt: skip
    return shown(sending(tx, row, Act.request, asked, opening=True))


def _asked(dataset: str, offer_id: str, purpose: str, offer: dict[str, Any]) -> dict[str, Any]:
    problems = []
    if purpose not in PURPOSES:
        known = ", ".join(PURPOSES)
        problems.append(Problem("purpose", f"未知目的；已知：{known}", f"unknown; known purposes: {known}"))
    if not isinstance(offer.get("terms"), dict) or not isinstance(offer.get("policy"), dict):
        problems.append(Problem("offer", "应含 policy 和 terms", "should have a policy and terms"))
    else:
        problems += [Problem(f"terms.{one.where}", one.zh, one.en) for one in terms_problems(offer["terms"])]
    if not dataset or not offer_id:
        problems.append(Problem("dataset, offer_id", "不能为空", "should not be empty"))
    if problems:
        raise BAD_OFFER(problems, count=len(problems))
    terms = {name: part for name, part in offer["terms"].items() if name in TERMS}
    policy = to_json(from_json({**offer["policy"], "id": offer_id}))
    return {"id": offer_id, "dataset": dataset, "policy": policy, "terms": {**terms, "purpose": purpose}}


@verb(*CONSUMER_ROLES)
def accept(tx: Tx, *, negotiation: str, seen: str = "") -> dict[str, Any]:
    """Accept the offer the provider has made (接受要约).

    seen: the offer_digest of what was read; where another offer lies there by now, nothing is accepted.
    """
    row = _in_person(tx, mine(tx, negotiation, Party.consumer), Act.accept, seen)
    return shown(sending(tx, row, Act.accept, {}))


@verb(*CONSUMER_ROLES)
def counter(
    tx: Tx, *, negotiation: str, policy: dict[str, Any] | None = None, terms: dict[str, Any] | None = None,
    seen: str = "",
) -> dict[str, Any]:  # fmt: skip
    """Answer the provider's offer with a request of one's own (还价).

    policy, terms: what is asked instead; what is left out stays as the provider offered it. seen: as for `accept`.
    """
    row = _in_person(tx, mine(tx, negotiation, Party.consumer), Act.request, seen)
    on_table = row["offer"]
    instead = {"policy": policy or on_table["policy"], "terms": {**on_table["terms"], **(terms or {})}}
    purpose = str(instead["terms"].get("purpose") or row["purpose"])
    asked = _asked(row["dataset"], row["offer_id"], purpose, instead)
    return shown(sending(tx, row, Act.request, asked))


@verb(*CONSUMER_ROLES)
def verify(tx: Tx, *, negotiation: str) -> dict[str, Any]:
    """Sign the agreement the provider has drawn up (签署确认)."""
    row = _in_person(tx, mine(tx, negotiation, Party.consumer), Act.verify)
    return shown(verifying(tx, row))


@verb(*PROVIDER_ROLES)
def agree(tx: Tx, *, negotiation: str, seen: str = "") -> dict[str, Any]:
    """Agree to a request that was left to a person (同意并签署).

    seen: the offer_digest of what was read; where another request lies there by now, nothing is signed.
    """
    row = _in_person(tx, mine(tx, negotiation, Party.provider), Act.agree, seen)
    if State(row["state"]) is State.ACCEPTED:  # over the offer this node made itself
        require_bindable(tx, row, row["offer"])
        return shown(agreeing(tx, row, row["offer"]["terms"], may_bind=True))
    published = catalogue.offer(tx, row["offer_id"])
    if published["state"] != LIVE:
        raise OFFER_NOT_LIVE(offer=row["offer_id"])
    if (refusal := refusal_of_request(published, row["offer"])) is not None:
        raise refusal
    require_bindable(tx, row, published)
    return shown(agreeing(tx, row, published["terms"], may_bind=True))


@verb(*PROVIDER_ROLES)
def finalize(tx: Tx, *, negotiation: str) -> dict[str, Any]:
    """Conclude the contract both sides have signed, where this node leaves that to a person (最终确认)."""
    row = _in_person(tx, mine(tx, negotiation, Party.provider), Act.finalize)
    return shown(sending(tx, row, Act.finalize, {}))


@verb(*PROVIDER_ROLES)
def offer(
    tx: Tx, *, policy: dict[str, Any], terms: dict[str, Any], negotiation: str = "", consumer: str = "",
    dataset: str = "", seen: str = "",
) -> dict[str, Any]:  # fmt: skip
    """Make an offer of one's own: in answer to a request, or to open a negotiation with a consumer (提出要约).

    seen: as for `agree`, in answer to a request.
    """
    offer_id = new_id("offer")
    written = to_json(from_json({**policy, "id": offer_id}))
    if negotiation:
        row = _in_person(tx, mine(tx, negotiation, Party.provider), Act.offer, seen)
        made = {"id": offer_id, "dataset": row["dataset"], "policy": written, "terms": terms}
        require_bindable(tx, row, made)
        return shown(sending(tx, row, Act.offer, made))
    of = register.node(tx, consumer)
    made = {"id": offer_id, "dataset": dataset, "policy": written, "terms": terms}
    require_bindable(tx, {"dataset": dataset, "peer": consumer, "peer_party": str(of["party"])}, made)
    row = opened(
        tx, side=Party.provider, peer=consumer, peer_party=str(of["party"]), peer_pid="", callback="", offer=made,
        state=State.OFFERED, person=tx.actor.person, department=tx.actor.department,
    )  # fmt: skip
    return shown(sending(tx, row, Act.offer, made, opening=True))


@verb(*CONSUMER_ROLES)
def terminate(tx: Tx, *, negotiation: str, reason_text: str) -> dict[str, Any]:
    """End a negotiation that is not concluded, with a reason (终止协商).

    Not while its finalisation is under way, which may have arrived: end the contract then.
    """
    row = mine(tx, negotiation)
    require_seller(tx, "negotiate.terminate", Party(row["side"]))
    if row["pending"] == Act.finalize.value:  # which may have arrived, and then the contract stands over there
        raise _under_way(row, Act.terminate)
    return shown(terminating(tx, row, reason("TERMINATED_BY_PERSON", Text(reason_text, reason_text))))


def require_seller(tx: Tx, verb_name: str, side: Party) -> None:
    """What both sides may do is done, at the provider's side, by who sells: an analyst there is nobody's buyer."""
    if side is Party.provider and not tx.actor.has(*PROVIDER_ROLES, Role.node):
        raise MAY_NOT(
            verb=verb_name, roles=", ".join(sorted(tx.actor.roles or {tx.actor.role})),
            needed=", ".join(sorted(PROVIDER_ROLES)),
        )  # fmt: skip


def _in_person(tx: Tx, row: dict[str, Any], act: Act, seen: str = "") -> dict[str, Any]:
    """`row` when `act` is open and nothing of ours is under way, MOVE_REFUSED otherwise; OFFER_CHANGED where what
    was `seen` is no longer what is answered."""
    side, state = Party(row["side"]), State(row["state"])
    if row["pending"]:
        raise _under_way(row, act)
    if act.value not in open_acts(state, side):
        raise MOVE_REFUSED(
            party=side.value, act=act.value, negotiation=row["id"], state=state.value,
            open=", ".join(open_acts(state, side)) or "nothing (无)",
        )  # fmt: skip
    if seen and seen != digest(row["offer"]):
        raise OFFER_CHANGED(negotiation=row["id"])
    return row


def _under_way(row: dict[str, Any], act: Act) -> Refusal:
    return MOVE_REFUSED(
        party=row["side"], act=act.value, negotiation=row["id"], state=f"{row['state']}, {row['pending']} under way",
        open="wait (等待)",
    )  # fmt: skip


@view()
def negotiations(
    tx: Tx, *, state: str | None = None, id: str = "", q: str = "", limit: int | None = None, offset: int = 0
) -> list[dict[str, Any]]:
    """List the negotiations of this node, oldest first.

    id: one alone. q: those whose dataset, id or party contains it. limit, offset: how many, after how many.
    """
    return [shown(row) for row in store.listed(tx, state, window=Window(id, limit, offset, register.sought(q)))]


@view()
def negotiation(tx: Tx, *, id: str) -> dict[str, Any]:
    """Show a negotiation with its policy in words and every message of every round."""
    row = mine(tx, id)
    words = in_words(from_json(row["offer"]["policy"]))
    rounds = [
        {name: message[name] for name in ("round", "direction", "act", "body", "at", "digest")}
        for message in store.messages_of(tx, id)
    ]
    told = {"words": {"zh": words.zh, "en": words.en}, "messages": rounds, "open_verbs": open_verbs(row),
            "offer_digest": digest(row["offer"])}  # fmt: skip
    return {**shown(row), **told, **on_its_way(tx, row)}


@view()
def waiting(tx: Tx, *, id: str = "", limit: int | None = None, offset: int = 0) -> list[dict[str, Any]]:
    """List the negotiations that wait, oldest first: for whom, why, until when, by what they go on, when a message is
    tried next.

    id: one alone. limit, offset: how many, after how many.
    """
    node = signing.me(tx).code
    found = []
    for row in store.listed(tx, open_only=True, window=Window(id, limit, offset)):
        ours = row["held_by"] == row["side"]
        found.append(
            {
                "negotiation": row["id"], "dataset": row["dataset"], "state": row["state"], "pending": row["pending"],
                "held_by": node if ours else row["peer"], "ours": ours, "deadline": row["deadline"],
                "why": {"zh": row["wait_zh"], "en": row["wait_en"]}, "since": row["changed_at"],
                "open_verbs": open_verbs(row), **on_its_way(tx, row),
            }
        )  # fmt: skip
    return found


def lapsed(tx: Tx, row: dict[str, Any]) -> None:
    """End a negotiation of ours whose deadline on the business clock has passed. One whose end the counterparty has not
    taken by then is over here without it."""
    if row["pending"] == Act.terminate.value:
        into(own(tx, row), row, State.TERMINATED)
        return
    words = Text(f"期限 {row['deadline']} 已过", f"the deadline {row['deadline']} has passed")
    terminating(own(tx, row), row, reason("DEADLINE", words))
