"""Policy templates, the fit of policy and offer, search in Chinese and English, what a peer's catalogue may say."""

from __future__ import annotations

from typing import Any

import pytest

from datong.catalogue import rules
from datong.catalogue.model import LISTING_MOVES, ListingState, Searched
from datong.ground.refusal import Refusal
from datong.terms.policy import Constraint, Policy, Rule, checked, decide, from_json, in_words, to_json

BEGINS, ENDS = "2026-03-02T00:00:00Z", "2027-03-02T00:00:00Z"


def made(template: str, **options: Any) -> Policy:
    return checked(
        rules.policy_of(template, "offer-1", purpose="industry_development", begins=BEGINS, ends=ENDS, **options)
    )


def outcome(policy: Policy, action: str, **context: Any) -> str:
    known = {"purpose": "industry_development", "time": "2026-06-01T00:00:00Z", "count": 1, "deliveryMethod": "01"}
    return decide(policy, action, {**known, **context}).outcome.value


@pytest.mark.parametrize(
    ("template", "action", "context", "expected"),
    [
        ("supply", "compute", {}, "allowed"),
        ("supply", "delivery", {}, "allowed"),
        ("supply", "compute", {"purpose": "credit_scoring"}, "denied"),
        ("supply", "download", {}, "denied"),
        ("supply", "read", {}, "default_denied"),
        ("supply", "delivery", {"time": ENDS}, "denied"),
        ("sale", "delivery", {}, "allowed"),
        ("sale", "read", {}, "allowed"),
        ("sale", "download", {}, "allowed"),
        ("sale", "delivery", {"purpose": "personal_profiling"}, "denied"),
        ("sale", "delivery", {"time": "2026-03-01T23:59:59Z"}, "denied"),
        ("sale", "distribute", {}, "denied"),
        ("sale", "compute", {}, "default_denied"),
        ("sale", "process", {"algorithm": "re-identification"}, "denied"),
        ("sale", "process", {"algorithm": "forecast"}, "allowed"),
    ],
)
def test_templates(template: str, action: str, context: dict[str, Any], expected: str) -> None:
    assert outcome(made(template), action, **context) == expected


def test_download_and_count_are_choices() -> None:
    assert outcome(made("sale", download=False), "download") == "denied"
    twice = made("sale", max_count=2)
    assert outcome(twice, "delivery", count=2) == "allowed"
    assert outcome(twice, "delivery", count=3) == "denied"


@pytest.mark.parametrize("template", rules.TEMPLATES)
def test_a_template_survives_json_and_has_words(template: str) -> None:
    policy = made(template)
    assert from_json(to_json(policy)) == policy
    words = in_words(policy)
    assert "产业发展" in words.zh
    assert "industry development" in words.en


def test_a_policy_must_deliver_for_its_purpose() -> None:
    sale = made("sale")
    assert rules.policy_problems(sale, "industry_development") == []
    assert len(rules.policy_problems(sale, "public_welfare")) == 1
    assert len(rules.policy_problems(sale, "fun")) == 2
    assert len(rules.policy_problems(Policy("p", permissions=(Rule("read"),)), "public_welfare")) == 1
    wide = Policy("p", permissions=(Rule("delivery", (Constraint("time", "gteq", BEGINS),)),))
    assert rules.policy_problems(wide, "public_welfare") == []


def test_tokens() -> None:
    assert rules.tokens("共享单车 Trips 2019-09") == ["trips", "2019", "09", "共享", "享单", "单车"]
    assert rules.tokens("车") == ["车"]


FLOWS = Searched("flows", (("title", "城市出行流量 Mobility flows"), ("description", "单车与车辆的联合计数")))
TRIPS = Searched(
    "trips", (("title", "共享单车行程"), ("description", "shared-bike trips of September, flows of bikes"))
)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["flows", "trips"]),
        ("mobility", ["flows"]),
        ("mobil", ["flows"]),
        ("单车", ["trips", "flows"]),
        ("flows", ["flows", "trips"]),
        ("共享单车 flows", ["trips", "flows"]),
        ("车", ["flows", "trips"]),
        ("地铁", []),
        ("mo", []),
    ],
)
def test_ranking(query: str, found: list[str]) -> None:
    ids = [thing for thing, _, _ in rules.ranked(query, [FLOWS, TRIPS])]
    assert (ids if query != "车" else sorted(ids)) == found


def test_a_hit_says_why() -> None:
    ((_, _, why),) = rules.ranked("mobility", [FLOWS, TRIPS])
    assert why == ["mobility in title"]


ITEM = {"id": "d", "title": "t", "description": "", "offers": [{"id": "o", "policy": {}, "terms": {}}]}


@pytest.mark.parametrize(
    ("items", "fault"),
    [
        ([], None),
        ([ITEM], None),
        ([ITEM, {**ITEM, "id": "e"}], None),
        ([ITEM, ITEM], 2),
        ([ITEM, "x"], 2),
        ([{**ITEM, "id": ""}], 1),
        ([{**ITEM, "id": 5}], 1),
        ([{**ITEM, "title": None}], 1),
        ([{**ITEM, "offers": {}}], 1),
        ([{**ITEM, "offers": [{"id": "o", "policy": "all"}]}], 1),
        ([{**ITEM, "offers": [{"id": "o" * 201, "policy": {}}]}], 1),
    ],
)
def test_harvest_fault(items: list[Any], fault: int | None) -> None:
    assert rules.harvest_fault(items) == fault


def test_moves() -> None:
    for state in ListingState:
        for deed in ("suspend", "restore", "withdraw"):
            after = LISTING_MOVES.get((state, deed))
            if after is not None:
                assert rules.moved("l", state, deed) is after
                continue
            with pytest.raises(Refusal) as refused:
                rules.moved("l", state, deed)
            assert refused.value.code == "CAT-409"
