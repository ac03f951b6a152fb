"""Decisions: default denial, all constraints, prohibitions first, duties, and the smallest change that passes."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datong.ground.refusal import Refusal
from datong.terms.policy import (
    ACTIONS,
    CONSTRAINTS,
    OPERATORS,
    PURPOSES,
    Constraint,
    Outcome,
    Policy,
    Rule,
    checked,
    decide,
    from_json,
    in_words,
    policy_hash,
    purposes_allowed,
    to_json,
)

SUPPLY = Policy(
    "offer-1",
    permissions=(
        Rule(
            "compute",
            (
                Constraint("purpose", "isAnyOf", ("public_governance", "industry_development")),
                Constraint("time", "gteq", "2026-03-01T00:00:00Z"),
                Constraint("time", "lt", "2027-03-01T00:00:00Z"),
                Constraint("count", "lteq", "100"),
            ),
        ),
        Rule("delivery", (Constraint("region", "isPartOf", ("5201",)),), duties=(Rule("anonymize"),)),
    ),
    prohibitions=(Rule("compute", (Constraint("executionEnv", "eq", "07"),)), Rule("distribute")),
    obligations=(Rule("delete", (Constraint("time", "gteq", "2027-03-01T00:00:00Z"),), duties=(Rule("compensate"),)),),
    inherit=True,
)
GOOD = {"purpose": "public_governance", "time": "2026-05-01T00:00:00Z", "count": 7, "executionEnv": "01"}

CASES = [
    # action, change of the context, outcome, rule that decides
    ("compute", {}, "allowed", "permissions[0]"),
    ("compute", {"purpose": "credit_scoring"}, "denied", "permissions[0].constraints[0]"),
    ("compute", {"purpose": None}, "denied", "permissions[0].constraints[0]"),
    ("compute", {"time": "2026-02-28T23:59:59Z"}, "denied", "permissions[0].constraints[1]"),
    ("compute", {"time": "2027-03-01T08:00:00+08:00"}, "denied", "permissions[0].constraints[2]"),
    ("compute", {"time": "2027-03-01T07:59:59+08:00"}, "allowed", "permissions[0]"),
    ("compute", {"time": "20260501000000"}, "allowed", "permissions[0]"),
    ("compute", {"time": "yesterday"}, "denied", "permissions[0].constraints[1]"),
    ("compute", {"count": 100}, "allowed", "permissions[0]"),
    ("compute", {"count": 101}, "denied", "permissions[0].constraints[3]"),
    ("compute", {"count": "9"}, "allowed", "permissions[0]"),  # compared as a number, not as text
    ("compute", {"executionEnv": "07"}, "denied", "prohibitions[0]"),
    ("compute", {"executionEnv": None}, "denied", "prohibitions[0]"),  # what is unknown does not lift a prohibition
    ("distribute", {}, "denied", "prohibitions[1]"),
    ("sell", {}, "default_denied", ""),
    ("use", {}, "default_denied", ""),
    ("no such action", {}, "default_denied", ""),
    ("delivery", {"region": "520103"}, "conditional", "permissions[1]"),
    ("delivery", {"region": "520103", "done": ["anonymize"]}, "allowed", "permissions[1]"),
    ("delivery", {"region": "52"}, "denied", "permissions[1].constraints[0]"),  # the wider region is not within
]


@pytest.mark.parametrize(("action", "change", "outcome", "rule"), CASES)
def test_each_case_is_decided_by_the_first_failing_rule(action, change, outcome, rule):
    context = {name: value for name, value in {**GOOD, **change}.items() if value is not None}
    decision = decide(checked(SUPPLY), action, context)
    assert (decision.outcome, decision.rule) == (outcome, rule)
    assert decision.allowed is (outcome == "allowed")
    assert (decision.change is None) is (outcome == "allowed")
    assert decision.zh
    assert decision.en


def test_the_change_is_named_in_both_languages():
    decision = decide(checked(SUPPLY), "compute", {**GOOD, "purpose": "credit_scoring"})
    assert decision.needs == {"purpose": "industry_development"}
    assert "purpose = industry_development" in decision.change.en
    assert "使用目的 = industry_development" in decision.change.zh
    assert "it is credit_scoring" in decision.en


def test_of_two_permissions_the_one_that_holds_grants():
    two = Policy("p", (Rule("read", (Constraint("region", "eq", "5202"),)), Rule("read")))
    assert decide(checked(two), "read", {"region": "5201"}).rule == "permissions[1]"


LEFT_VALUES = {
    "count": ["1", "5", "100"],
    "dataSize": ["10G", "512M", "3"],
    "time": ["2026-03-01T00:00:00Z", "20270101000000"],
    "timeWindow": ["P7D", "PT36H"],
    "frequency": ["60/hour", "5/day"],
    "payAmount": ["100.00 CNY", "7.50 CNY"],
    "purpose": list(PURPOSES),
    "region": ["5201", "520102", "52"],
    "networkAddress": ["10.0.0.0/8", "10.1.2.3", "node.example"],
    "dataField": ["area", "starts", "ends"],
    "executionEnv": ["01", "02", "07"],
}


@st.composite
def constraints(draw):
    left = draw(st.sampled_from(sorted(LEFT_VALUES)))
    fitting = [
        name for name, op in OPERATORS.items()
        if op.ordered is None or op.ordered == (left in ("count", "dataSize", "time", "timeWindow", "frequency", "payAmount"))
    ]  # fmt: skip
    op = draw(st.sampled_from(fitting))
    values = st.sampled_from(LEFT_VALUES[left])
    if OPERATORS[op].takes_list:
        return Constraint(left, op, tuple(draw(st.lists(values, min_size=1, max_size=3))))
    return Constraint(left, op, draw(values))


rules = st.builds(
    Rule,
    st.sampled_from(sorted(ACTIONS)),
    st.lists(constraints(), max_size=4).map(tuple),
    st.lists(st.builds(Rule, st.sampled_from(["anonymize", "alert", "compensate"])), max_size=2).map(tuple),
)
policies = st.builds(
    Policy,
    st.just("p-1"),
    st.lists(rules, min_size=1, max_size=3).map(tuple),
    st.lists(rules, max_size=2).map(tuple),
    st.lists(rules, max_size=2).map(tuple),
    st.booleans(),
)
contexts = st.fixed_dictionaries(
    {}, optional={left: st.sampled_from([*values, values]) for left, values in LEFT_VALUES.items()}
)


def accepted(policy):
    try:
        return checked(policy)
    except Refusal:
        return None


@settings(max_examples=300, deadline=None)
@given(policies, contexts, st.data())
def test_the_named_change_really_passes_and_a_prohibition_never_loses(policy, context, data):
    written = accepted(policy)
    if written is None:
        return
    action = data.draw(st.sampled_from(sorted({r.action for r in written.permissions + written.prohibitions})))
    decision = decide(written, action, context)
    if decision.needs:
        again = decide(written, action, {**context, **decision.needs})
        assert again.outcome in (Outcome.allowed, Outcome.conditional)
    if decision.outcome is Outcome.allowed:
        without = Policy("p-1", (), written.prohibitions)
        assert decide(without, action, context).rule == ""  # no prohibition applies
        outright = Policy("p-1", written.permissions, (*written.prohibitions, Rule(action)))
        assert decide(outright, action, context).outcome is Outcome.denied


@settings(max_examples=300, deadline=None)
@given(policies)
def test_json_keeps_a_policy_whole_and_its_hash_leaves_the_id_out(policy):
    written = accepted(policy)
    if written is None:
        return
    assert from_json(json.loads(json.dumps(to_json(written)))) == written
    renamed = from_json({**to_json(written), "id": "another"})
    assert policy_hash(renamed) == policy_hash(written)
    fewer = from_json({**to_json(written), "inherit": not written.inherit})
    assert policy_hash(fewer) != policy_hash(written)


def test_all_mistakes_are_told_at_once():
    bad = Policy(
        "",
        (
            Rule("fly", (Constraint("moon", "eq", "full"), Constraint("purpose", "near", "x"))),
            Rule("read", (Constraint("count", "lteq", "many"), Constraint("purpose", "gt", "public_welfare"))),
            Rule("read", (Constraint("executionEnv", "eq", "99"), Constraint("purpose", "isAnyOf", ()))),
            Rule("access", (Constraint("count", "lt", "5"), Constraint("count", "gt", "5"))),
            Rule("sell"),
        ),
        (Rule("sell"),),
    )
    with pytest.raises(Refusal) as refused:
        checked(bad)
    places = [problem.where for problem in refused.value.problems]
    assert refused.value.code == "POL-400"
    assert places == [
        "id",
        "permissions[0].action",
        "permissions[0].constraints[0].left",
        "permissions[0].constraints[1].op",
        "permissions[1].constraints[0].right",
        "permissions[1].constraints[1].op",
        "permissions[2].constraints[0].right",
        "permissions[2].constraints[1].right",
        "permissions[3]",
        "permissions[4]",
    ]


HOSTILE = [
    {},
    {"id": 1},
    {"id": "x", "permissions": "read"},
    {"id": "x", "permissions": [{"action": 5}]},
    {"id": "x", "permissions": [{"action": "read", "constraints": [{"left": "count", "op": "eq", "right": 5}]}]},
    {"id": "x", "permissions": [{"action": "read", "constraints": [{"left": "count", "op": "eq"}]}]},
    {"id": "x", "permissions": [None]},
    [],
    None,
]


@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_value_is_refused_not_crashed_on(value):
    with pytest.raises(Refusal) as refused:
        from_json(value)
    assert refused.value.code == "POL-400"


def test_misprinted_words_of_the_source_are_read_as_meant():
    read = checked(Policy("p", (Rule("plicyTransmit", (Constraint("dateRecord", "lteq", "10"),)),)))
    assert read.permissions[0] == Rule("policyTransmit", (Constraint("dataRecord", "lteq", "10"),))
    assert decide(read, "plicyTransmit", {"dateRecord": 10}).allowed


def test_the_words_are_those_of_the_national_tables():
    assert len(set(ACTIONS) - {"use"}) == 20
    assert len(set(CONSTRAINTS) - {"purpose"}) == 18
    assert sorted(op.code for op in OPERATORS.values()) == [f"{n:02d}" for n in range(1, 13)]


def test_a_policy_reads_as_sentences():
    words = in_words(checked(SUPPLY))
    assert "May compute on if purpose is any of industry development, public governance" in words.en
    assert "Must not distribute to third parties." in words.en
    assert "允许交付（限制地域属于部分 5201），但须先匿名化。" in words.zh
    assert words.en.endswith("Intermediate and result data stay under this policy. Everything else is denied.")


def test_purposes_allowed():
    assert purposes_allowed(checked(SUPPLY), "compute") == ["industry_development", "public_governance"]
    assert purposes_allowed(checked(SUPPLY)) is None  # delivery does not look at the purpose
    barred = Policy(
        "p", (Rule("read", (Constraint("purpose", "isNoneOf", ("credit_scoring", "personal_profiling")),)),)
    )
    assert purposes_allowed(checked(barred)) == ["industry_development", "public_governance", "public_welfare"]
