"""Where the rules of two policies meet: found, shown as a pair with what they share, and a request that proves it."""

import pytest
from hypothesis import given, settings
from policy_drawn import accepted, policies

from datong.terms.policy import Constraint, Logical, Policy, Rule, checked, decide
from datong.terms.policy.bounds import overlap, satisfiable
from datong.terms.policy.conflicts import conflicts, conflicts_within

UNTIL = Constraint("time", "lt", "2027-01-01T00:00:00Z")
FROM = Constraint("time", "gteq", "2026-06-01T00:00:00Z")
CARE, TRADE = (
    Constraint("purpose", "isAnyOf", ("public_welfare",)),
    Constraint("purpose", "isAnyOf", ("industry_development",)),
)


def policy(name, may=(), must_not=(), must=()):
    return checked(Policy(name, tuple(may), tuple(must_not), tuple(must)))


def pairs(found):
    return [(one.kind, str(one.first), str(one.second), one.wins) for one in found]


def test_a_grant_and_a_prohibition_with_the_interval_in_which_they_meet():
    one = policy("A", [Rule("read"), Rule("compute", (CARE, UNTIL))])
    other = policy("B", must_not=[Rule("sell"), Rule("compute", (FROM,))])
    [met] = conflicts(one, other)
    assert pairs([met]) == [("grant", "A permissions[1]", "B prohibitions[1]", "B prohibitions[1]")]
    assert met.action == "compute"
    assert met.meet == {
        "purpose": {"values": ["public_welfare"]},
        "time": {"gteq": "2026-06-01T00:00:00Z", "lt": "2027-01-01T00:00:00Z"},
    }
    assert decide(one, "compute", met.example).allowed
    assert "time ≥ 2026-06-01T00:00:00Z < 2027-01-01T00:00:00Z" in met.text.en
    assert "授权冲突" in met.text.zh
    assert met.as_json()["first"] == {"policy": "A", "rule": "permissions[1]"}


NEVER = [
    (Rule("read", (UNTIL,)), Rule("read", (Constraint("time", "gteq", "2027-01-01T00:00:00Z"),))),
    (Rule("read", (CARE,)), Rule("read", (TRADE,))),
    (Rule("read"), Rule("compute")),
    (Rule("read", target="6X"), Rule("read", target="6Y")),
    (Rule("read", assignee="91A"), Rule("read", assignee="91B")),
    (
        Rule("read", (Constraint("payAmount", "lteq", "1.00 CNY"),)),
        Rule("read", (Constraint("payAmount", "gt", "1.00 CNY"),)),
    ),
    (
        Rule("read", (Constraint("region", "isPartOf", ("52",)),)),
        Rule("read", (Constraint("region", "isPartOf", ("31",)),)),
    ),
]


@pytest.mark.parametrize(("may", "must_not"), NEVER)
def test_rules_that_never_meet_are_no_conflict(may, must_not):
    assert conflicts(policy("A", [may]), policy("B", [Rule("sell")], [must_not])) == []


MEET = [
    (Rule("read", target="6X"), Rule("read"), ("6X", "")),
    (Rule("read", assignee="91A"), Rule("read", target="6X"), ("6X", "91A")),
    (Rule("read", (Constraint("algorithm", "isNoneOf", ("a",)),)), Rule("read", (Constraint("algorithm", "isNoneOf", ("b",)),)), ("", "")),
    (Rule("read", (Constraint("region", "isPartOf", ("5201",)),)), Rule("read", (Constraint("region", "isPartOf", ("52",)),)), ("", "")),
    (Rule("read", (Logical("or", (CARE, UNTIL)),)), Rule("read", (TRADE, UNTIL)), ("", "")),
]  # fmt: skip


@pytest.mark.parametrize(("may", "must_not", "scope"), MEET)
def test_on_what_and_whom_they_meet(may, must_not, scope):
    [met] = conflicts(policy("A", [may]), policy("B", [Rule("sell")], [must_not]))
    assert (met.target, met.assignee) == scope


def test_what_is_demanded_and_forbidden():
    one = policy("A", [Rule("read", duties=(Rule("anonymize"),))], must=[Rule("delete", (FROM,))])
    other = policy("B", must_not=[Rule("delete"), Rule("anonymize")])
    assert pairs(conflicts(one, other)) == [
        ("duty", "A permissions[0].duties[0]", "B prohibitions[1]", "B prohibitions[1]"),
        ("duty", "A obligations[0]", "B prohibitions[0]", "B prohibitions[0]"),
    ]


def test_permissions_that_no_request_satisfies_and_those_of_other_scope():
    one, other = policy("A", [Rule("read", (CARE,))]), policy("B", [Rule("read", (TRADE,))])
    assert pairs(conflicts(one, other)) == [("constraint", "A permissions[0]", "B permissions[0]", "")]
    narrower = policy("B", [Rule("read", (CARE, UNTIL))])
    assert pairs(conflicts(one, narrower)) == [("scope", "A permissions[0]", "B permissions[0]", "B permissions[0]")]
    across = policy("B", [Rule("read", (UNTIL,))])
    assert pairs(conflicts(one, across)) == [("scope", "A permissions[0]", "B permissions[0]", "")]
    assert conflicts(one, one) == []


def _before(year):
    return Constraint("time", "lt", f"{year}-01-01T00:00:00Z")


COUNTS = Constraint("count", "lteq", "5"), Constraint("count", "gteq", "10")
HALVES = tuple(Logical("or", (_before(2030 + n), Constraint("region", "isPartOf", ("52",)))) for n in range(12))


def test_alternatives_hide_no_conflict():
    """What thousands of alternatives fail on is left at once."""
    may = Rule("read", (COUNTS[0], Logical("or", (COUNTS[1], CARE)), *HALVES))
    [met] = conflicts(policy("A", [may]), policy("B", [Rule("sell")], [Rule("read", (CARE,))]))
    assert (met.kind, met.example["purpose"], met.example["count"]) == ("grant", "public_welfare", "5")


def test_the_end_of_the_calendar_is_met():
    may, barred = (Constraint("time", op, "9999-12-31T23:59:59Z") for op in ("lteq", "gteq"))
    [met] = conflicts(policy("A", [Rule("read", (may,))]), policy("B", [Rule("sell")], [Rule("read", (barred,))]))
    assert met.example == {"time": "9999-12-31T23:59:59Z"}


def test_what_was_not_settled_is_told():
    never = Logical("or", (COUNTS[1], Constraint("count", "gt", "5")))
    many = tuple(Logical("or", (_before(2030 + n), Constraint("dataSize", "lt", f"{n + 1}G"))) for n in range(12))
    must_not = Rule("read", (COUNTS[0], Logical("or", (COUNTS[0], CARE))))
    one, other = (
        policy("A", [Rule("read", (*many, never))]),
        policy("B", [Rule("read", must_not.constraints)], [must_not]),
    )
    found = conflicts(one, other)
    assert pairs(found) == [
        ("unsettled", "A permissions[0]", "B prohibitions[0]", "B prohibitions[0]"),
        ("unsettled", "A permissions[0]", "B permissions[0]", ""),
    ]
    assert found[0].text.en == (
        "A permissions[0] and B prohibitions[0]: whether a request meets both, read, not settled. "
        "If one does: B prohibitions[0] decides."
    )
    assert (
        found[1].text.zh
        == "是否有请求同时符合：A permissions[0] 与 B permissions[0]，操作“读取”，未能判明；若有，须同时满足。"
    )


def test_two_units_of_one_operand_are_both_shown():
    hourly, minutely = (Constraint("frequency", "lteq", value) for value in ("60/hour", "5/minute"))
    [met] = conflicts(policy("A", [Rule("read", (hourly,))]), policy("B", [Rule("sell")], [Rule("read", (minutely,))]))
    assert met.meet == {"frequency": {"lteq": "60/hour, 5/minute"}}
    assert met.example == {"frequency": ["60/hour", "5/minute"]}


def test_the_example_is_known_to_satisfy_both_permissions():
    """Exactly one of the two: a request that leaves the region open is not known to be one."""
    either = Logical("xone", (Constraint("region", "isPartOf", ("52",)), COUNTS[0]))
    one, other = policy("A", [Rule("read", (either,))]), policy("B", [Rule("read", (COUNTS[0],))])
    [met] = conflicts(one, other)
    assert met.kind == "scope"
    assert [decide(each, "read", met.example).outcome for each in (one, other)] == ["allowed", "allowed"]


def test_a_range_that_holds_two_networks_is_found():
    holding = [policy(name, [Rule("read", (Constraint("networkAddress", "hasPart", (net,)),))])
               for name, net in (("A", "10.0.0.0/8"), ("B", "11.0.0.1"))]  # fmt: skip
    [met] = conflicts(*holding)
    assert (met.kind, met.example) == ("scope", {"networkAddress": "10.0.0.0/7"})


def test_within_one_policy_a_carve_out_is_shown():
    made = policy("A", [Rule("process")], [Rule("process", (Constraint("algorithm", "eq", "re-identification"),))])
    assert pairs(conflicts_within(made)) == [("grant", "A permissions[0]", "A prohibitions[0]", "A prohibitions[0]")]


@settings(max_examples=60, deadline=None)
@given(policies, policies)
def test_every_conflict_is_proved_by_its_example(drawn, other):
    one, two = accepted(drawn), accepted(other)
    if one is None or two is None:
        return
    for met in conflicts(one, two):
        assert met.text.zh
        assert met.text.en
        if met.kind == "grant":
            scopes = {name: value for name, value in (("target", met.target), ("assignee", met.assignee)) if value}
            forbidding = (
                one if met.second.policy == one.id and "prohibitions" in met.second.rule and one is not two else two
            )
            assert "prohibitions" in met.wins
            decided = [decide(p, met.action, {**met.example, **scopes}).outcome for p in (one, two, forbidding)]
            assert "denied" in decided


BOUNDS = [
    ("count", [("gt", ("3",)), ("gteq", ("3",)), ("lteq", ("9",))], {"gt": "3", "lteq": "9"}),
    ("count", [("eq", ("5",)), ("lt", ("9",))], {"eq": "5"}),
    ("count", [("lteq", ("9",)), ("lt", ("9",))], {"lt": "9"}),
    ("dataSize", [("lt", ("1G",)), ("lt", ("512M",))], {"lt": "512M"}),
    ("purpose", [("isNoneOf", ("credit_scoring",))], None),
]  # fmt: skip


@pytest.mark.parametrize(("left", "bounds", "kept"), BOUNDS)
def test_the_overlap_is_the_tightest_bounds(left, bounds, kept):
    found = overlap(left, bounds)
    assert found == kept if kept else "credit_scoring" not in found["values"]
    assert satisfiable(left, bounds)
