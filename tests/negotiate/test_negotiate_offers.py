"""Where an asked offer departs from the published one, and an agreement from what was asked: place by place."""

from __future__ import annotations

from typing import Any

import pytest

from datong.negotiate import rules
from datong.negotiate.model import SIGNED
from datong.terms.policy import from_json, policy_hash

WELFARE, INDUSTRY = "public_welfare", "industry_development"


def policy(*purposes: str, **also: Any) -> dict[str, Any]:
    constraints = [{"left": "purpose", "op": "isAnyOf", "right": list(purposes)}] if purposes else []
    return {"id": "p", "permissions": [{"action": "delivery", "constraints": constraints}], **also}


FORBIDDEN = {"prohibitions": [{"action": "distribute"}]}
TERMS = {"product": "P-1", "purpose": INDUSTRY, "tariff": {"kind": "free", "amount_fen": 0}, "k": 5}
OFFER: dict[str, Any] = {"id": "offer-1", "dataset": "P-1", "policy": policy(INDUSTRY), "terms": TERMS}


@pytest.mark.parametrize(
    ("published", "asked", "told"),
    [
        ({}, {}, None),
        ({}, {"terms": {}}, None),  # a peer without these terms sends the policy alone
        ({}, {"terms": {"k": 5}}, None),
        ({}, {"terms": {"colour": "red"}}, None),
        ({}, {"dataset": "P-2"}, ("CTR-406", "dataset", "P-1", "P-2")),
        ({}, {"terms": {"purpose": WELFARE}}, ("CTR-405", WELFARE)),
        ({"terms": {**TERMS, "purpose": WELFARE}}, {"terms": {}}, ("CTR-405", WELFARE)),
        ({"policy": policy(), "terms": {**TERMS, "purpose": WELFARE}}, {"policy": policy(), "terms": {}}, None),
        ({"terms": {}}, {"terms": {}}, None),
        (
            {}, {"policy": policy(INDUSTRY, WELFARE)},
            ("CTR-406", "policy.permissions[0]", "industry development", "public welfare"),
        ),
        ({}, {"policy": policy(INDUSTRY, **FORBIDDEN)}, ("CTR-406", "policy.prohibitions[0]", "no rule", "distribute")),
        ({"policy": policy(INDUSTRY, **FORBIDDEN)}, {}, ("CTR-406", "policy.prohibitions[0]", "distribute", "no rule")),
        ({}, {"policy": policy(INDUSTRY, inherit=True)}, ("CTR-406", "policy.inherit", "False", "True")),
        ({}, {"terms": {"k": 3}}, ("CTR-406", "terms.k", "5", "3")),
        ({}, {"terms": {"p": 10}}, ("CTR-406", "terms.p", "None", "10")),
        ({}, {"terms": {"k": "9" * 400}}, ("CTR-406", "terms.k", "5", "9" * 300)),
    ],
)  # fmt: skip
def test_the_first_difference_from_the_published_offer(
    published: dict[str, Any], asked: dict[str, Any], told: tuple[str, ...] | None
) -> None:
    refusal = rules.refusal_of_request({**OFFER, **published}, {**OFFER, **asked})
    if told is None:
        assert refusal is None
        return
    assert refusal is not None
    if told[0] == "CTR-405":
        assert (refusal.code, refusal.facts["purpose"], refusal.facts["allowed"]) == (*told, INDUSTRY)
        return
    assert (refusal.code, refusal.facts["where"]) == told[:2]
    assert told[2] in refusal.facts["expected"]
    assert told[3] in refusal.facts["given"]
    assert len(refusal.facts["given"]) <= 300


COMMERCIAL = ("product", "purpose", "delivery_form", "tariff", "split", "inputs", "from", "until", "k", "p")


@pytest.mark.parametrize("name", COMMERCIAL)
def test_no_term_is_changed_unseen(name: str) -> None:
    offer = {**OFFER, "policy": policy(), "terms": {}}
    refusal = rules.refusal_of_request(offer, {**offer, "terms": {name: "theirs"}})
    assert refusal is not None
    assert refusal.facts["where"] == f"terms.{name}"
    ours = {**AGREEMENT, "policy": policy(), "policy_hash": policy_hash(from_json(policy())), "terms": {}}
    found = rules.agreement_difference({**offer, "terms": {name: "asked"}}, ours, PARTIES)
    assert found is not None
    assert found[0] == f"terms.{name}"


def test_rules_are_told_without_their_full_stop() -> None:
    ours, theirs = (from_json(policy(one)) for one in (INDUSTRY, WELFARE))
    place, said, asked = rules.first_rule_difference(ours, theirs)
    assert place == "policy.permissions[0]"
    assert not said.endswith(".") and not asked.endswith(".")


PARTIES = {"provider_party": "A", "consumer_party": "B"}
AGREEMENT = {
    "dataset": "P-1", "offer_id": "offer-1", **PARTIES, "policy": OFFER["policy"], "terms": TERMS,
    "policy_hash": policy_hash(from_json(OFFER["policy"])), "from": "2026-03-01T00:00:00Z", "until": None,
}  # fmt: skip
HASH = AGREEMENT["policy_hash"]
OTHER = policy(WELFARE)
LATER = "2027-03-01T00:00:00Z"


@pytest.mark.parametrize(
    ("asked", "written", "place"),
    [
        ({}, {}, None),
        ({}, {"dataset": "P-2"}, "dataset"),
        ({}, {"offer_id": "offer-2"}, "offer_id"),
        ({}, {"provider_party": "C"}, "provider_party"),
        ({}, {"consumer_party": "C"}, "consumer_party"),
        ({}, {"policy": OTHER}, "policy.permissions[0]"),
        ({}, {"policy_hash": "sha256:00"}, "policy_hash"),
        ({}, {"terms": {**TERMS, "k": 3}}, "terms.k"),
        ({}, {"terms": {name: TERMS[name] for name in TERMS if name != "k"}}, "terms.k"),
        ({}, {"terms": {**TERMS, "penalty": 9}}, "terms.penalty"),
        ({"terms": {**TERMS, "penalty": 9}}, {"terms": {**TERMS, "penalty": 9}}, None),
        ({"terms": {**TERMS, "from": LATER}}, {"terms": {**TERMS, "from": LATER}}, "from"),
        ({"terms": {**TERMS, "from": LATER}}, {"terms": {**TERMS, "from": LATER}, "from": LATER}, None),
        ({}, {"until": LATER}, "until"),
        ({"terms": {**TERMS, "until": LATER}}, {"terms": {**TERMS, "until": LATER}}, "until"),
        ({"terms": {**TERMS, "until": LATER}}, {"terms": {**TERMS, "until": LATER}, "until": LATER}, None),
    ],
)
def test_where_an_agreement_departs_from_what_was_asked(
    asked: dict[str, Any], written: dict[str, Any], place: str | None
) -> None:
    found = rules.agreement_difference({**OFFER, **asked}, {**AGREEMENT, **written}, PARTIES)
    assert (found and found[0]) == place
    assert found is None or found[1] != found[2]


def test_what_is_signed_of_an_agreement_is_all_that_is_named_and_nothing_beside() -> None:
    told = {name: f"of {name}" for name in SIGNED}
    assert rules.agreement_content({**told, "state": "AGREED", "digest": "x"}) == told
