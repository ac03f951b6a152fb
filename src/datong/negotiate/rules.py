"""Pure rules: what a move leads to, how an asked offer differs from the published one, what an agreement says.

Contract: tests/negotiate/test_negotiate_moves.py, tests/negotiate/test_negotiate_offers.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from datong.ground.refusal import Refusal, Text
from datong.negotiate.model import (
    MOVE_REFUSED,
    MOVES,
    OFFER_DIFFERS,
    PURPOSE_NOT_ALLOWED,
    SIGNED,
    Act,
    Party,
    State,
)
from datong.terms.policy import Policy, from_json, policy_hash, purposes_allowed
from datong.terms.policy.words import rules_in_words

TERMS = ("product", "purpose", "delivery_form", "tariff", "split", "inputs", "from", "until", "k", "p")
"""The commercial terms an offer and an agreement carry besides the policy."""


def moved(state: State, act: Act, by: Party, negotiation: str = "?") -> State:
    """The state after `act` by `by`; MOVE_REFUSED names the acts that are open now."""
    allowed, after = MOVES.get((state, act), ((), state))
    if by in allowed:
        return after
    open_now = ", ".join(open_acts(state, by)) or "nothing (无)"
    raise MOVE_REFUSED(party=by.value, act=act.value, negotiation=negotiation, state=state.value, open=open_now)


def open_acts(state: State, by: Party) -> list[str]:
    return [act.value for (at, act), (who, _) in MOVES.items() if at is state and by in who]


def received(state: State, pending: Act | None, act: Act, by: Party, negotiation: str) -> State:
    """The state after the counterparty `by` did `act`, when our own `pending` act is not acknowledged yet.

    An act that is only open after our pending one proves that the pending one arrived: the answer overtook
    the acknowledgement. So the order in which both reach us does not matter. What we have ended is not concluded any
    more: our end may have arrived, and then the counterparty does not conclude it either.
    """
    if (pending, act) == (Act.terminate, Act.finalize):
        raise MOVE_REFUSED(
            party=by.value, act=act.value, negotiation=negotiation, state=f"{state.value}, ending",
            open=Act.terminate.value,
        )  # fmt: skip
    allowed, after = MOVES.get((state, act), ((), state))
    if pending is not None and overtakes(state, pending, act, by):
        _, implied = MOVES[state, pending]
        return MOVES[implied, act][1]
    return after if by in allowed else moved(state, act, by, negotiation)


def overtakes(state: State, pending: Act, act: Act, by: Party) -> bool:
    """True when `act` of the counterparty is only open after our `pending` act, and so proves that it arrived."""
    _, implied = MOVES.get((state, pending), ((), state))
    allowed, _ = MOVES.get((implied, act), ((), state))
    direct, _ = MOVES.get((state, act), ((), state))
    return by not in direct and by in allowed


def refusal_of_request(published: Mapping[str, Any], asked: Mapping[str, Any]) -> Refusal | None:
    """Why the asked offer cannot be agreed as it stands, by its first difference from the published one; or None.

    Both are {"id", "dataset", "policy": JSON, "terms"}; terms that the asker left out are taken as published
    (peers without Datong's terms send only the policy).
    """
    dataset = str(published["dataset"])
    if asked["dataset"] != dataset:
        return _differs(published, "dataset", dataset, asked["dataset"])
    ours, theirs = from_json(published["policy"]), from_json(asked["policy"])
    purpose = asked["terms"].get("purpose", published["terms"].get("purpose", ""))
    allowed = purposes_allowed(ours)
    if purpose and allowed is not None and purpose not in allowed:
        return PURPOSE_NOT_ALLOWED(dataset=dataset, purpose=purpose, allowed=", ".join(allowed))
    if policy_hash(ours) != policy_hash(theirs):
        return _differs(published, *first_rule_difference(ours, theirs))
    for name in TERMS:
        offered, wanted = published["terms"].get(name), asked["terms"].get(name)
        if name in asked["terms"] and offered != wanted:
            return _differs(published, f"terms.{name}", offered, wanted)
    return None


def first_rule_difference(ours: Policy, theirs: Policy) -> tuple[str, str, str]:
    """(place, ours, theirs) of the first rule in which two policies differ, its duties being part of it."""
    mine, other = dict(ours.rules()), dict(theirs.rules())
    said, asked = ({place: text.en.rstrip(".") for place, text in rules_in_words(one)} for one in (ours, theirs))
    for place in dict.fromkeys([*said, *asked]):
        if mine.get(place) != other.get(place):
            return f"policy.{place}", said.get(place, "no rule"), asked.get(place, "no rule")
    return "policy.inherit", str(ours.inherit), str(theirs.inherit)


def _differs(published: Mapping[str, Any], where: str, expected: Any, given: Any) -> Refusal:
    return OFFER_DIFFERS(
        dataset=str(published["dataset"]), offer=str(published["id"]), where=where, expected=str(expected)[:300],
        given=str(given)[:300],
    )  # fmt: skip


def agreement_content(agreement: Mapping[str, Any]) -> dict[str, Any]:
    """The part of an agreement that is signed."""
    return {name: agreement[name] for name in SIGNED}


def agreement_difference(
    asked: Mapping[str, Any], agreement: Mapping[str, Any], parties: Mapping[str, Any]
) -> tuple[str, str, str] | None:
    """(place, asked, written) where an agreement first departs from the offer asked for and the two parties.

    A term that was not asked for is a departure too, whatever its name: all of them are signed.
    """
    checks = [
        ("dataset", asked["dataset"], agreement["dataset"]),
        ("offer_id", asked["id"], agreement["offer_id"]),
        *((name, parties[name], agreement[name]) for name in parties),
    ]
    for name, wanted, written in checks:
        if wanted != written:
            return name, str(wanted), str(written)
    ours, theirs = from_json(asked["policy"]), from_json(agreement["policy"])
    if policy_hash(ours) != policy_hash(theirs):
        return first_rule_difference(ours, theirs)
    if agreement["policy_hash"] != policy_hash(theirs):
        return "policy_hash", policy_hash(theirs), str(agreement["policy_hash"])
    for name in dict.fromkeys((*TERMS, *agreement["terms"])):
        if asked["terms"].get(name) != agreement["terms"].get(name):
            return f"terms.{name}", str(asked["terms"].get(name)), str(agreement["terms"].get(name))
    begins, ends = asked["terms"].get("from"), asked["terms"].get("until")
    if begins is not None and begins != agreement["from"]:
        return "from", str(begins), str(agreement["from"])
    return None if ends == agreement["until"] else ("until", str(ends), str(agreement["until"]))


CHINESE = re.compile(r"[\u3400-\u9fff]")
REASONS_MAX = 2_000


def told_in_both(reasons: Sequence[str]) -> Text:
    """A peer's reasons as one text: in both languages where it gave two, of which one is Chinese, as our nodes do."""
    chinese = [bool(CHINESE.search(text)) for text in reasons]
    if chinese in ([False, True], [True, False]):
        return Text(reasons[chinese.index(True)][:REASONS_MAX], reasons[chinese.index(False)][:REASONS_MAX])
    text = "; ".join(reasons)[:REASONS_MAX]
    return Text(text or "未说明原因", text or "no reason given")
