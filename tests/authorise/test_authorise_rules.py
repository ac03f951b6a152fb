"""Moves, completeness, terms and the gaps of clearance, as pure rules."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from datong.authorise import rules
from datong.authorise.model import (
    AGREEMENT_ITEMS,
    MOVES,
    PLAN_ITEMS,
    Deed,
    Instrument,
    InstrumentKind,
    ResourceFacts,
    State,
    Use,
)
from datong.ground import codes
from datong.ground.refusal import Problem, Refusal
from datong.terms.policy import Policy, Rule

BUREAU, BODY, GROUP, BIKE = "11520000009390180H", "11520000MB1234567X", "91520000MA6GROUP01", "91520100MA6BIKE001"
GROUP_NODE = codes.node_code("5", GROUP, "5201", "NODE0003")
NOW, LATER = "2026-03-10T00:00:00Z", "2027-03-10T00:00:00Z"
PURPOSE = "industry_development"
OPEN_LICENCE = {"name": "CC BY", "commercial": True, "derivatives": True}
GATES = ResourceFacts("R-GATES", BUREAU, "交通局", True, True, "CODED", OPEN_LICENCE, "3")
TRIPS = ResourceFacts("R-TRIPS", BIKE, "单车企业", False, True, "CODED", OPEN_LICENCE, "3")


def right(kind: str, grantor: str, grantee: str = "", **changes: Any) -> Instrument:
    made = Instrument(
        f"ins-{kind}", kind, "IN_FORCE", grantor, grantee, ("R-GATES", "R-TRIPS"), (PURPOSE,), (),
        "2026-03-01T00:00:00Z", "2027-03-01T00:00:00Z",
    )  # fmt: skip
    return replace(made, **changes)


PUBLIC = [right("agreement", BODY, GROUP), right("consent", BUREAU, BODY), right("legal_basis", BUREAU)]
COMPANY = [right("data_use", BIKE, GROUP), right("legal_basis", BIKE)]


def gaps(facts: ResourceFacts, rights: list[Instrument], **changes: Any) -> list[str]:
    asked = {"purpose": PURPOSE, "act": "build", "now": NOW, "operator": GROUP, **changes}
    return [problem.en for problem in rules.gaps(facts, rights, **asked)]


def test_complete_rights_leave_no_gap() -> None:
    assert gaps(GATES, PUBLIC) == []
    assert gaps(TRIPS, COMPANY) == []
    assert gaps(GATES, PUBLIC, operator="") == []  # at the owner's node: whoever was granted it


@pytest.mark.parametrize(("facts", "rights"), [(GATES, PUBLIC), (TRIPS, COMPANY)])
def test_every_right_is_needed(facts: ResourceFacts, rights: list[Instrument]) -> None:
    """Each right alone, taken away or spoiled in each way, opens a gap that names it."""
    spoiled: list[dict[str, Any]] = [
        {"state": "WITHDRAWN"}, {"state": "SUSPENDED"}, {"state": "OFFERED"}, {"resources": ()},
        {"purposes": ("public_welfare",)}, {"acts": ("list",)}, {"until_at": NOW}, {"from_at": "2026-03-11T00:00:00Z"},
        {"grantor_party": "somebody else"},
    ]  # fmt: skip
    for index, spoil in itertools.product(range(len(rights)), [None, *spoiled]):
        left = [*rights[:index], *rights[index + 1 :]]
        if spoil is not None:
            if "grantor_party" in spoil and rights[index].kind == "agreement":
                continue  # any body may be the implementing one; its identity is the agreement's matter
            left.append(replace(rights[index], **spoil))
        found = gaps(facts, left)
        assert found, (rights[index].kind, spoil)
        named = rules.KIND_EN[rights[index].kind]
        assert any(named in text for text in found)
        if spoil in (None, {"resources": ()}):  # one of another resource is not said to be the one that lacks
            assert any(text.startswith(f"no {named} for") for text in found)


def test_rights_granted_to_another_operator_do_not_help() -> None:
    other = [right("agreement", BODY, "another group"), *PUBLIC[1:]]
    assert len(gaps(GATES, other)) == 1
    assert len(gaps(TRIPS, [right("data_use", BIKE, "another group"), COMPANY[1]])) == 1


def test_all_gaps_are_told_at_once_with_owner_and_fix() -> None:
    facts = replace(GATES, registration_state="REVIEWED", licence={"name": "all rights reserved"})
    found = gaps(facts, [replace(PUBLIC[1], state="WITHDRAWN")])
    assert len(found) == 6  # not coded, agreement, consent, legal basis, commercial use, derivatives
    assert any("ins-consent does not cover it: it is WITHDRAWN; 交通局" in text for text in found)
    chinese = [p.zh for p in rules.gaps(facts, [], purpose=PURPOSE, act="build", now=NOW, operator=GROUP)]
    assert any("实施机构签署" in text for text in chinese)


def test_public_purposes_need_no_commercial_licence() -> None:
    facts = replace(GATES, personal=False, licence={"derivatives": True})
    rights = [replace(r, purposes=("public_welfare",)) for r in PUBLIC]
    assert gaps(facts, rights, purpose="public_welfare") == []


NO_DERIVATIVES = {"name": "CC BY-ND 4.0", "commercial": True, "derivatives": False}


@pytest.mark.parametrize("act", ["build", "list", "deliver"])
def test_nothing_is_made_of_what_a_licence_lets_pass_unchanged_only(act: str) -> None:
    facts = replace(TRIPS, licence=NO_DERIVATIVES)
    (said,) = gaps(facts, COMPANY, act=act)
    assert "its licence terms (CC BY-ND 4.0) do not allow derived works" in said
    assert "单车企业" in said
    assert gaps(facts, COMPANY, act=act, unchanged=True) == []


def test_unchanged_asks_for_every_other_right_and_term() -> None:
    facts = replace(TRIPS, licence={"name": "CC BY-NC-ND 4.0", "commercial": False, "derivatives": False})
    (said,) = gaps(facts, COMPANY, act="list", unchanged=True)
    assert "do not allow commercial use" in said
    assert len(gaps(replace(TRIPS, licence=NO_DERIVATIVES), [], act="list", unchanged=True)) == len(COMPANY)


def test_a_body_that_supplies_its_own_data_needs_no_consent_of_itself() -> None:
    own = replace(GATES, owner_party=BODY, personal=False)
    assert gaps(own, [PUBLIC[0]]) == []


def test_the_operator_does_not_authorise_itself_on_a_consent_given_to_the_body() -> None:
    own = right("agreement", GROUP, GROUP, id="ins-own")
    ended = replace(PUBLIC[0], state="WITHDRAWN")
    (problem,) = gaps(GATES, [own, ended, *PUBLIC[1:]])
    assert "ins-agreement does not cover it: it is WITHDRAWN" in problem
    assert gaps(GATES, [own, *PUBLIC[1:]])
    itself = right("agreement", BUREAU, BUREAU)  # nor does the unit that supplies
    assert "no operation agreement" in gaps(GATES, [itself, PUBLIC[2]], operator=BUREAU)[0]


def test_an_agreement_of_a_body_nobody_consented_to_gives_no_right() -> None:
    friend = right("agreement", BIKE, GROUP, id="ins-a-friend")
    (problem,) = gaps(GATES, [friend, *PUBLIC[1:]])
    assert "no consent of the supplying unit" in problem
    assert gaps(GATES, [friend, *PUBLIC]) == []  # and does not spoil the true one
    (problem,) = gaps(GATES, [friend, replace(PUBLIC[0], state="WITHDRAWN"), *PUBLIC[1:]])
    assert "ins-agreement" in problem
    assert len(rules.without_consent([GATES], PUBLIC, GROUP, [PURPOSE], NOW)) == 1
    assert rules.implementing_bodies([GATES], [friend, *PUBLIC], GROUP, NOW) == {BODY}
    assert rules.implementing_bodies([GATES], [right("agreement", GROUP, GROUP), *PUBLIC[1:]], GROUP, NOW) == set()


def test_a_consent_that_ended_and_the_unit_itself_decide_whose_agreement_counts() -> None:
    friend = right("agreement", BIKE, GROUP, id="ins-a-friend")
    ended = right("consent", BUREAU, BIKE, id="ins-ended", state="WITHDRAWN")
    assert gaps(GATES, [friend, ended, *PUBLIC]) == []
    assert gaps(GATES, [friend, right("agreement", BUREAU, GROUP), PUBLIC[2]]) == []


@pytest.mark.parametrize(
    ("rights", "bodies"),
    [
        (PUBLIC, {BODY}),
        ([right("agreement", BUREAU, GROUP)], {BUREAU}),
        ([*PUBLIC, right("agreement", BUREAU, GROUP, id="ins-own")], {BODY, BUREAU}),
        ([replace(PUBLIC[0], state="WITHDRAWN"), PUBLIC[1]], set()),
        ([PUBLIC[0], replace(PUBLIC[1], until_at=NOW)], set()),
        ([PUBLIC[0], right("data_use", BUREAU, BODY)], set()),
        ([PUBLIC[0], right("consent", BIKE, BODY)], set()),
        ([right("data_use", BODY, GROUP), PUBLIC[1]], set()),
        ([right("agreement", BODY, BIKE), PUBLIC[1]], set()),
        ([right("agreement", GROUP, GROUP), right("consent", BUREAU, GROUP)], set()),
    ],
)
def test_the_bodies_under_whose_agreement_public_data_are_used(rights: list[Instrument], bodies: set[str]) -> None:
    assert rules.implementing_bodies([GATES], rights, GROUP, NOW) == bodies


@pytest.mark.parametrize(
    ("rights", "has"),
    [
        (PUBLIC, True),
        ([PUBLIC[2], right("legal_basis", BIKE, id="ins-other")], True),
        ([right("consent", BUREAU, BODY)], False),
        ([right("legal_basis", BIKE)], False),
        ([right("legal_basis", BUREAU, resources=("R-TRIPS",))], False),
        ([right("legal_basis", BUREAU, until_at=NOW)], False),
        ([], False),
    ],
)
def test_whose_basis_for_a_resource_is_in_force(rights: list[Instrument], has: bool) -> None:
    assert rules.has_basis("R-GATES", BUREAU, rights, NOW) is has


def test_who_must_sign_the_agreement_is_named_where_it_is_known() -> None:
    asked: dict[str, Any] = {
        "purpose": PURPOSE,
        "act": "build",
        "now": NOW,
        "operator": GROUP,
        "names": {BODY: "数据局"},
    }
    (lost,) = rules.gaps(GATES, PUBLIC[1:], **asked)
    assert f"数据局 ({BODY}) must sign one" in lost.en
    (ended,) = rules.gaps(GATES, [replace(PUBLIC[0], state="WITHDRAWN"), *PUBLIC[1:]], **asked)
    assert f"由实施机构 数据局 ({BODY}) 重新签署" in ended.zh


def test_a_registration_lapses_after_its_last_day_in_beijing() -> None:
    facts = replace(GATES, valid_until="2026-03-10")
    assert gaps(facts, PUBLIC, now="2026-03-10T15:59:59Z") == []
    for act in ("build", "list", "deliver"):
        (problem,) = gaps(facts, PUBLIC, now="2026-03-10T16:00:00Z", act=act)
        assert f"was valid until 2026-03-10; 交通局 ({BUREAU}) must register anew" in problem
    assert len(rules.not_registered([facts], "2026-03-11T00:00:00Z")) == 1
    (problem,) = gaps(replace(GATES, registration_state="ENDED"), PUBLIC)
    assert "was cancelled or revoked; 交通局" in problem


def test_the_moves_of_every_kind() -> None:
    for kind, state, deed in itertools.product(InstrumentKind, State, Deed):
        after = MOVES[kind].get((state, deed))
        if after is not None:
            assert rules.moved("i", kind, state, deed) is after
            continue
        with pytest.raises(Refusal) as refused:
            rules.moved("i", kind, state, deed)
        assert refused.value.code == "AUT-409"
        assert refused.value.facts["open"] == (", ".join(deed for now, deed in MOVES[kind] if now is state) or "—")


def test_nothing_leads_out_of_withdrawn_expired_and_closed() -> None:
    ends = {State.WITHDRAWN, State.EXPIRED, State.CLOSED}
    assert not [move for moves in MOVES.values() for move in moves if move[0] in ends]


@pytest.mark.parametrize(
    ("start", "end", "lawful"),
    [
        ((2026, 3, 2), (2031, 3, 2), True),
        ((2026, 3, 2), (2031, 3, 3), False),
        ((2028, 2, 29), (2033, 2, 28), True),
        ((2028, 2, 29), (2033, 3, 1), False),
    ],
)
def test_five_years(start: tuple[int, int, int], end: tuple[int, int, int], lawful: bool) -> None:
    begins, ends = datetime(*start, tzinfo=UTC), datetime(*end, tzinfo=UTC)
    if lawful:
        rules.check_term(begins, ends)
        return
    with pytest.raises(Refusal) as refused:
        rules.check_term(begins, ends)
    assert refused.value.code == "AUT-501"


def content(**changes: Any) -> dict[str, Any]:
    made = {
        "resources": ["R"], "purposes": [PURPOSE], "acts": [], "grantor_party": BODY, "grantee_party": GROUP,
        "grantee_node": GROUP_NODE, "copies_to": [], "items": {},
        "from": "2026-03-01T00:00:00Z", "until": "2027-03-01T00:00:00Z",
    }  # fmt: skip
    return {**made, **changes}


FULL = {**dict.fromkeys(AGREEMENT_ITEMS, "x"), "selection": "public_tender"}


@pytest.mark.parametrize(("kind", "items"), [("plan", PLAN_ITEMS), ("agreement", AGREEMENT_ITEMS)])
def test_every_missing_item_is_listed(kind: str, items: dict[str, str]) -> None:
    full = {**dict.fromkeys(items, "x"), "selection": "public_tender"}
    assert rules.draft_problems(kind, content(items=full), [PURPOSE]) == []
    places = {p.where for p in rules.draft_problems(kind, content(), [PURPOSE])}
    assert places >= {f"items.{name}" for name in items}
    assert len(items) == {"plan": 12, "agreement": 13}[kind]
    for name in items:
        one_less = {k: v for k, v in full.items() if k != name}
        assert [p.where for p in rules.draft_problems(kind, content(items=one_less), [PURPOSE])] == [f"items.{name}"]


@pytest.mark.parametrize(
    ("kind", "changes", "places"),
    [
        ("consent", {"grantee_party": "", "grantee_node": ""}, ["grantee_party"]),
        ("consent", {"grantee_party": "data group"}, ["grantee_party", "grantee_node"]),
        ("consent", {"grantee_party": BIKE}, ["grantee_node"]),
        ("consent", {"grantee_node": "the group's"}, ["grantee_node"]),
        ("consent", {"grantee_node": ""}, []),
        ("consent", {"copies_to": [GROUP_NODE, "nobody"]}, ["copies_to[1]"]),
        ("agreement", {"grantee_node": "", "items": FULL}, ["grantee_node"]),
        ("consent", {"grantor_party": GROUP}, ["grantee_party"]),
        ("consent", {"resources": [], "purposes": ["fun"]}, ["resources", "purposes"]),
        ("data_use", {}, ["acts"]),
        ("data_use", {"acts": ["steal"]}, ["acts"]),
        ("data_use", {"acts": ["build"]}, []),
        ("agreement", {"items": {**FULL, "selection": "by lot"}}, ["items.selection"]),
        ("agreement", {"items": {**FULL, "disputes": " "}}, ["items.disputes"]),
        ("legal_basis", {"grantee_party": "", "grantee_node": ""}, ["items.ground", "items.impact_assessment"]),
        ("legal_basis", {"items": {"ground": "consent", "impact_assessment": "PIA-1"}}, []),
        ("consent", {"purposes": []}, ["purposes"]),
        ("consent", {"until": "2026-03-01T00:00:00Z"}, ["until"]),
        ("consent", {"until": "9990-12-31T00:00:00Z"}, []),
        ("consent", {"until": "9991-01-01T00:00:00Z"}, ["until"]),
    ],
)
def test_draft_problems(kind: str, changes: dict[str, Any], places: list[str]) -> None:
    assert [p.where for p in rules.draft_problems(kind, content(**changes), [PURPOSE])] == places


@pytest.mark.parametrize(
    ("changes", "others", "refused"),
    [
        ({}, (), None),
        ({"until": "2031-03-02T00:00:00Z"}, (), "AUT-501"),
        ({"kind": "consent", "until": "2031-03-02T00:00:00Z"}, (), None),  # nothing else ends after five years
        ({"purposes": ["fun"], "until": "2031-03-02T00:00:00Z"}, (), ["purposes"]),
        ({}, (Problem("resources", "别的", "else"),), ["resources"]),
        ({"acts": ["steal"]}, (Problem("resources", "别的", "else"),), ["acts", "resources"]),
    ],
)
def test_what_is_asked_wherever_an_instrument_comes_in(
    changes: dict[str, Any], others: tuple[Problem, ...], refused: str | list[str] | None
) -> None:
    asked = content(kind="agreement", items=FULL, **changes) if "kind" not in changes else content(**changes)
    if refused is None:
        rules.require_sound(asked, [PURPOSE], others)
        return
    with pytest.raises(Refusal) as told:
        rules.require_sound(asked, [PURPOSE], others)
    assert refused in (told.value.code, [problem.where for problem in told.value.problems])
    assert isinstance(refused, str) or told.value.code == "AUT-400"


def test_a_party_gives_rights_over_its_own_registered_resources_alone() -> None:
    told = rules.not_owned(["a", "b" * 90, "c"], {"a", "x"})
    assert [problem.where for problem in told] == [f"resources: {'b' * 80}", "resources: c"]


def test_outside_the_plan_unregistered_and_without_consent() -> None:
    agreement = {"resources": ["a", "b"], "purposes": [PURPOSE], "grantor_party": BODY}
    plan = {"resources": ["a"], "purposes": [PURPOSE], "grantor_party": BODY, "state": "FILED", "until_at": LATER}
    for plans in ([plan], [plan, {**plan, "resources": ["b"], "state": "APPROVED"}]):
        assert [p.where for p in rules.outside(agreement, plans, NOW)] == ["b"]
    assert rules.outside(agreement, [plan, {**plan, "resources": ["b"]}], NOW) == []
    both = {**agreement, "purposes": [PURPOSE, "public_welfare"]}
    told = [p.en for p in rules.outside(both, [plan], NOW)]
    assert told == ["no filed plan has it for public_welfare", "not in a filed plan"]
    assert len(rules.outside(agreement, [plan], LATER)) == 2
    assert len(rules.outside(agreement, [{**plan, "grantor_party": BIKE}], NOW)) == 2
    assert rules.not_registered([GATES], NOW) == []
    assert len(rules.not_registered([replace(GATES, registration_state="DRAFT", grade="")], NOW)) == 2
    assert rules.without_consent([GATES], PUBLIC, BODY, [PURPOSE], NOW) == []
    assert len(rules.without_consent([GATES], PUBLIC, BODY, [PURPOSE, "public_welfare"], NOW)) == 1
    assert rules.without_consent([GATES], [], BUREAU, [PURPOSE], NOW) == []


@pytest.mark.parametrize(
    "other",
    [right("data_use", BUREAU, BODY), right("consent", BIKE, BODY), right("consent", BUREAU, GROUP)],
    ids=["another instrument", "another unit", "another body"],
)
def test_only_the_consent_of_the_unit_that_supplies_towards_the_body_is_consent(other: Instrument) -> None:
    assert len(rules.without_consent([GATES], [other], BODY, [PURPOSE], NOW)) == 1


BEGINS, ENDS = "2026-03-01T00:00:00Z", "2027-03-01T00:00:00Z"
"""The term of every instrument of `right`."""


@pytest.mark.parametrize(
    ("instrument", "use", "why"),
    [
        ({}, {}, []),
        ({"acts": ("list",)}, {"act": ""}, []),  # asked for the right as such, whatever is done with it
        ({}, {"act": "build"}, []),
        ({"acts": ("build", "list")}, {"act": "build"}, []),
        ({"acts": ("list",)}, {"act": "build"}, ["it does not allow to build"]),
        ({"state": "OFFERED"}, {}, ["it is OFFERED"]),
        ({"resources": ("R-TRIPS",)}, {}, ["it does not name R-GATES"]),
        ({}, {"purpose": "public_welfare"}, ["it does not allow the purpose public_welfare"]),
        ({}, {"now": BEGINS}, []),
        ({}, {"now": "2026-02-28T23:59:59Z"}, ["it begins on 2026-03-01"]),
        ({}, {"now": "2027-02-28T23:59:59Z"}, []),
        ({}, {"now": ENDS}, ["it has ended from 2027-03-01 on"]),
    ],
)
def test_each_reason_why_an_instrument_does_not_cover_a_use(
    instrument: dict[str, Any], use: dict[str, str], why: list[str]
) -> None:
    asked = {"resource": "R-GATES", "purpose": PURPOSE, "act": "", "now": NOW, **use}
    assert [en for _, en in rules.shortfalls(right("consent", BUREAU, BODY, **instrument), Use(**asked))] == why


def test_core_data_clear_no_act_of_anybody() -> None:
    """核心数据不得交易: whatever rights there are, at every door that asks clearance or registration."""
    for act in ("build", "list", "deliver"):
        (told,) = gaps(replace(TRIPS, level="core"), COMPANY, act=act)
        assert "core data" in told
    assert gaps(replace(TRIPS, level="important"), COMPANY) == []  # let out under an assessment, which the gate asks
    (told,) = rules.not_registered([replace(GATES, level="core")], NOW)
    assert "核心数据" in told.zh


def test_the_operator_is_found_through_any_chain_of_holdings() -> None:
    pairs = [(GROUP, "sub"), ("sub", "subsub"), ("other", "x"), ("subsub", GROUP)]
    assert rules.held_by(GROUP, pairs) == {GROUP, "sub", "subsub"}
    assert rules.held_by("x", pairs) == {"x"}


OWNER, OWNED = codes.credit_code("9", "1", "520000", "MA6GRAPE"), codes.credit_code("9", "1", "520100", "MA6LAB00")
HOLDINGS = [
    ((OWNER, OWNED, "12.5"), []),
    ((OWNER, OWNED, "0"), []),
    ((OWNER, OWNED, "100.00"), []),
    ((OWNER, OWNED, "100.5"), ["percent"]),
    ((OWNER, OWNED, "-1"), ["percent"]),
    ((OWNER, OWNED, "12,5"), ["percent"]),
    ((OWNER, OWNED, ""), ["percent"]),
    ((OWNER, OWNER, "50"), ["owned_party"]),
    (("", OWNED[:-1], "most"), ["owner_party", "owned_party", "percent"]),
]


@pytest.mark.parametrize(("declared", "wrong"), HOLDINGS)
def test_a_holding_is_declared_of_two_organisations_with_a_share(
    declared: tuple[str, str, str], wrong: list[str]
) -> None:
    assert [problem.where for problem in rules.holding_problems(*declared)] == wrong


def test_nought_is_nothing_held_however_it_is_written() -> None:
    assert [rules.is_held(percent) for percent in ("0", "0.00", "00", "0.01", "100", "10")] == [False] * 3 + [True] * 3


def test_what_a_policy_lets_be_made_is_told_by_its_permissions_alone() -> None:
    policy = Policy("p", (Rule("delivery"), Rule("jointDevelop"), Rule("process")), (Rule("transform"),))
    assert rules.developing(policy) == ["process", "jointDevelop"]
    assert rules.developing(Policy("p", (Rule("transform"), Rule("distribute")))) == ["transform"]


def test_of_two_that_do_not_cover_the_suspended_one_is_named_because_resuming_is_less() -> None:
    ended, held = replace(PUBLIC[0], id="ins-a", state="WITHDRAWN"), replace(PUBLIC[0], id="ins-b", state="SUSPENDED")
    for order in ([ended, held], [held, ended]):
        found = gaps(GATES, [*order, *PUBLIC[1:]])
        assert any("ins-b does not cover it: it is SUSPENDED" in text and "must resume it" in text for text in found)
    (told,) = gaps(GATES, [replace(PUBLIC[0], state="SUSPENDED", until_at=NOW), *PUBLIC[1:]])
    assert "must renew it" in told  # resumed, it would still be over
