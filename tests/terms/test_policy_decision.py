"""Decisions: default denial, all constraints, prohibitions first, duties, and the smallest change that passes."""

import json
from dataclasses import replace

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
    Logical,
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
from datong.terms.policy.values import holds

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


UNSURE = [
    # left, op, right, given: what is not known to hold and not known to fail
    ("count", "gt", "100", "101.5"),
    ("count", "gt", "100", 101.5),
    ("count", "gt", "100", "many"),
    ("count", "gt", "100", "１０１"),
    ("count", "gt", "100", [101, 102]),
    ("count", "gt", "100", []),
    ("count", "gt", "100", ["many"]),
    ("count", "neq", "100", True),
    ("time", "gteq", "2027-01-01T00:00:00Z", "2027-06-01T00:00:00"),
    ("time", "lt", "2027-01-01T00:00:00Z", "yesterday"),
    ("timeWindow", "lteq", "P7D", "P" + "9" * 5000 + "D"),
    ("timeWindow", "lteq", "P7D", "PT"),
    ("payAmount", "gt", "100.00 CNY", "900.00 USD"),
    ("payAmount", "eq", "0.00 CNY", "0.00 USD"),
    ("payAmount", "neq", "0.00 CNY", "0.00 USD"),
    ("frequency", "lteq", "60/hour", "5/minute"),
    ("frequency", "neq", "60/hour", "1/minute"),
    ("region", "isPartOf", ("520102",), "5201"),
    ("region", "isPartOf", ("520102",), "贵阳"),
    ("region", "isAnyOf", ("520102",), "52"),
    ("region", "isNoneOf", ("520102",), "5201"),
    ("region", "isNoneOf", ("520102",), "贵阳"),
    ("region", "eq", "5201", "52"),
    ("region", "neq", "5201", "52"),
    ("region", "isAllOf", ("520102", "31"), ["5201", "31"]),
    ("region", "hasPart", ("520102",), "贵阳"),
    ("networkAddress", "isAnyOf", ("10.1.2.3",), "10.0.0.0/8"),
    ("networkAddress", "isNoneOf", ("10.1.2.3",), "10.0.0.0/8"),
    ("networkAddress", "isNoneOf", ("evil.com",), "203.0.113.5"),  # may be its address
    ("networkAddress", "neq", "evil.com", "no network"),
    ("purpose", "isAnyOf", ("credit_scoring",), "Credit_Scoring"),
    ("purpose", "isNoneOf", ("credit_scoring",), ["public_welfare", "scoring"]),
    ("purpose", "neq", "credit_scoring", "scoring"),
    ("executionEnv", "neq", "07", "other"),
    ("executionEnv", "isPartOf", ("01", "02"), ["01", "sandbox"]),
    ("dataField", "isNoneOf", ("secret",), []),
    ("dataField", "isNoneOf", ("secret",), ""),
]


@pytest.mark.parametrize(("left", "op", "right", "given"), UNSURE)
def test_in_doubt_no_permission_holds_and_no_prohibition_falls(left, op, right, given):
    about = Rule("read", (Constraint(left, op, right),))
    assert not decide(checked(Policy("p", (about,))), "read", {left: given}).allowed
    denied = decide(checked(Policy("p", (Rule("read"),), (about,))), "read", {left: given})
    assert (denied.outcome, denied.rule) == ("denied", "prohibitions[0]")


SURE = [
    ("region", "isPartOf", ("5201",), "520102", True),
    ("region", "isPartOf", ("5201",), "5202", False),
    ("region", "isNoneOf", ("520102",), "520103", True),
    ("region", "isAnyOf", ("5201",), ["52", "520102"], True),
    ("region", "isNoneOf", ("5201",), ["52", "520102"], False),
    ("region", "hasPart", ("520102",), "5201", True),
    ("region", "hasPart", ("5201",), "520102", False),
    ("region", "neq", "52", "5201", True),
    ("networkAddress", "eq", "evil.com", "Evil.COM", True),
    ("networkAddress", "neq", "Evil.com", "evil.com", False),
    ("networkAddress", "eq", "10.0.0.0/8", "10.9.9.9/8", True),
    ("networkAddress", "isPartOf", ("10.0.0.0/8",), "::ffff:10.1.2.3", True),
    ("networkAddress", "isNoneOf", ("10.0.0.0/8",), "2001:db8::1", True),
    ("purpose", "isAnyOf", ("credit_scoring",), ["credit_scoring", "scoring"], True),
    ("executionEnv", "isPartOf", ("01", "02"), ["07", "sandbox"], False),
    ("frequency", "lteq", "60/hour", ["5/minute", "61/hour"], False),
    ("frequency", "lteq", "60/hour", ["5/minute", "60/hour"], True),
    ("dataField", "isNoneOf", ("secret",), "１", True),
]  # fmt: skip


@pytest.mark.parametrize(("left", "op", "right", "given", "expected"), SURE)
def test_what_is_known(left, op, right, given, expected):
    values = (right,) if isinstance(right, str) else right
    assert holds(left, op, values, given) is expected
    assert holds(left, f"not {op}", values, given) is not expected


MISTAKES = [
    ("count", "多", "不是整数", "not of the form a whole number"),
    ("count", "１００", "含有 0-9 以外的数字", "digits other than 0-9"),
    ("time", "２０２６0101000000", "含有 0-9 以外的数字", "digits other than 0-9"),
    ("time", "soon", "不是 ISO 8601 时间", "no ISO 8601 instant"),
    ("time", "2027-01-01T00:00:00", "没有与 UTC 的时差", "without an offset from UTC"),
    ("time", "20271301000000", "不是 ISO 8601 时间", "no ISO 8601 instant"),
    ("timeWindow", "P٧D", "含有 0-9 以外的数字", "digits other than 0-9"),
    ("timeWindow", "P1Y", "不是由周、日和时间构成", "no ISO 8601 period"),
    ("timeWindow", "P" + "9" * 1000 + "D", "时长超出一切历法", "beyond all calendars"),
    ("region", "贵阳", "不是区划代码的数字", "digits of a region code"),
    ("region", "100000", "前两位不是省级区划", "a region code of no province"),
    ("region", "2501", "前两位不是省级区划", "a region code of no province"),
    ("region", "５２", "含有 0-9 以外的数字", "digits other than 0-9"),
    ("networkAddress", "a b", "不是域名、地址或网段", "a domain name, address or range"),
    ("frequency", "6", "不是 60/hour 这样的频次", "60/hour"),
    ("dataSize", "6X", "不是 10G 这样的数据量", "10G"),
    ("payAmount", "6", "不是 100.00 CNY 这样的金额", "100.00 CNY"),
    ("purpose", "fun", "公共治理 public_governance", "none of the known purposes: public_governance"),
    ("executionEnv", "99", "02 数据沙箱", "none of the codes 01, 02"),
    ("dataField", "", "空值", "empty"),
]


@pytest.mark.parametrize(("left", "value", "zh", "en"), MISTAKES)
def test_a_wrong_value_is_told_in_both_languages(left, value, zh, en):
    with pytest.raises(Refusal) as refused:
        checked(Policy("p", (Rule("read", (Constraint(left, "eq", value),)),)))
    [problem] = refused.value.problems
    assert zh in problem.zh
    assert en in problem.en
    assert "of the" not in problem.zh


def test_the_change_is_named_in_both_languages():
    decision = decide(checked(SUPPLY), "compute", {**GOOD, "purpose": "credit_scoring"})
    assert decision.needs == {"purpose": "industry_development"}
    assert "purpose = industry_development" in decision.change.en
    assert "使用目的 = industry_development" in decision.change.zh
    assert "it is credit_scoring" in decision.en


SCORING, WELFARE = (Constraint("purpose", "isAnyOf", (name,)) for name in ("credit_scoring", "public_welfare"))
FEW, MANY = Constraint("count", "lteq", "5"), Constraint("count", "gt", "100")
RECORDS = Constraint("dataRecord", "lteq", "5")


def _place(code):
    return Constraint("region", "isPartOf", (code,))


def _fields(op, *names):
    return Constraint("dataField", op, names)


SMALLEST = [
    # permissions to read, prohibitions, what is asked, the fewest operands to ask with otherwise
    ([(SCORING,), (WELFARE, FEW)], [(SCORING,)], {"purpose": "public_governance", "count": 10},
     {"purpose": "public_welfare", "count": "5"}),
    ([(Logical("or", (Logical("and", (FEW, RECORDS, _place("52"))), Logical("and", (FEW, RECORDS, _place("11"))))),),
      (_fields("isAnyOf", "a"), _fields("isAnyOf", "b"))], [], {"count": 9, "dataRecord": 9},
     {"dataField": ["a", "b"]}),
    ([()], [(MANY,), (SCORING,)], {"count": 101, "purpose": "credit_scoring"},
     {"count": "100", "purpose": "public_governance"}),
    ([()], [(MANY, SCORING)], {"count": 101, "purpose": "credit_scoring"}, {"count": "100"}),
    ([()], [(Logical("or", (MANY, SCORING)),)], {"count": 101, "purpose": "credit_scoring"},
     {"count": "100", "purpose": "public_governance"}),
    ([(Constraint("count", "lteq", "200"),)], [(MANY,), (Constraint("count", "eq", "100"),)], {"count": 300},
     {"count": "99"}),
    ([(Constraint("frequency", "lteq", "60/hour"), Constraint("frequency", "lteq", "5/minute"))], [],
     {"frequency": "9/minute"}, {"frequency": ["60/hour", "5/minute"]}),
    ([(Constraint("time", "lteq", "9999-12-31T23:59:59Z"),)], [(Constraint("time", "lt", "9999-12-31T23:59:59Z"),)],
     {"time": "2026-01-01T00:00:00Z"}, {"time": "9999-12-31T23:59:59Z"}),
    ([(Constraint("time", "gteq", "0001-01-01T00:00:00Z"),)], [(Constraint("time", "gt", "0001-01-01T00:00:00Z"),)],
     {"time": "2026-01-01T00:00:00Z"}, {"time": "0001-01-01T00:00:00Z"}),
    ([(_fields("hasPart", "b", "c"),)], [(_fields("hasPart", "a", "c"),)], {"dataField": ["a", "c"]},
     {"dataField": ["b", "c"]}),
    ([(Logical("xone", (FEW, SCORING)),)], [], {"count": 3, "purpose": "credit_scoring"},
     {"purpose": "public_governance"}),
    ([(Logical("xone", (FEW, Logical("and", (SCORING, Constraint("region", "isPartOf", ("52",)))))),)], [],
     {"count": 9, "purpose": "public_welfare", "region": "52"}, {"count": "5"}),
    ([()], [(Logical("xone", (FEW, SCORING)),)], {"count": 3, "purpose": "public_governance"}, {"count": "6"}),
    ([(_fields("isAnyOf", "a", "c"), _fields("hasPart", "b", "c"))],
     [(_fields("isPartOf", "a", "c"),), (_fields("hasPart", "a", "c"),), (_fields("eq", "b"),)], {"dataField": "a"},
     {"dataField": ["b", "c"]}),
]  # fmt: skip


@pytest.mark.parametrize(("may", "must_not", "asked", "needs"), SMALLEST)
def test_the_change_is_the_smallest_over_all_rules(may, must_not, asked, needs):
    policy = checked(Policy("p", tuple(Rule("read", c) for c in may), tuple(Rule("read", c) for c in must_not)))
    decision = decide(policy, "read", asked)
    assert (decision.outcome, decision.needs) == ("denied", needs)
    assert decide(policy, "read", {**asked, **decision.needs}).allowed


WITHOUT_VALUES = [
    ([()], [(_fields("isAnyOf", "secret"),)], {"dataField": ["secret"]}, "Ask with not (fields is any of secret).",
     "改为：避免“数据字段任意属于 secret”。"),
    ([(FEW,)], [(_fields("isAnyOf", "secret"),)], {"dataField": "secret", "count": 6},
     "Ask with count = 5 and not (fields is any of secret).", "改为：使用次数 = 5；避免“数据字段任意属于 secret”。"),
    ([(Constraint("region", "isNoneOf", ("520102",)),)], [], {"region": "5201"},
     "Ask with region is none of 520102.", "改为：限制地域不属于 520102。"),
    ([()], [(_place("520102"),)], {}, "Ask with not (region lies within 520102) (give region).",
     "改为：避免“限制地域属于部分 520102”（请提供限制地域）。"),
    ([(FEW,)], [(FEW,)], {"count": 5}, "Nothing passes under this policy; negotiate another one.",
     "本策略下无法满足，请就另一份策略重新协商。"),
    ([(Logical("xone", (FEW, Constraint("count", "lteq", "5"))),)], [], {"count": 5},
     "Nothing passes under this policy; negotiate another one.",
     "本策略下无法满足，请就另一份策略重新协商。"),
    ([(Logical("xone", (FEW,) * 7),)], [], {"count": 5},
     "No change that passes was found; negotiate another policy.",
     "未找到可以通过的改法，请就另一份策略重新协商。"),
]  # fmt: skip


@pytest.mark.parametrize(("may", "must_not", "asked", "en", "zh"), WITHOUT_VALUES)
def test_a_change_without_a_value_to_name(may, must_not, asked, en, zh):
    policy = checked(Policy("p", tuple(Rule("read", c) for c in may), tuple(Rule("read", c) for c in must_not)))
    decision = decide(policy, "read", asked)
    assert decision.needs == {}
    assert (decision.change.en, decision.change.zh) == (en, zh)


DOUBTS = [
    ({"count": 101.5}, "count is 101.5, which does not rule it out", "使用次数实际为 101.5，不能排除该情形"),
    ({}, "count was not given, which does not rule it out", "使用次数未提供，不能排除该情形"),
]


@pytest.mark.parametrize(("asked", "en", "zh"), DOUBTS)
def test_it_is_told_what_does_not_lift_a_prohibition(asked, en, zh):
    decision = decide(checked(Policy("p", (Rule("read"),), (Rule("read", (MANY,)),))), "read", asked)
    assert en in decision.en
    assert zh in decision.zh


def test_it_is_told_what_does_not_settle_a_permission():
    decision = decide(checked(Policy("p", (Rule("read", (FEW,)),))), "read", {"count": "few"})
    assert "it is few, which does not settle it" in decision.en
    assert "不足以判定" in decision.zh


HALVES = [Logical("or", (Constraint("time", "lt", f"{2030 + n}-01-01T00:00:00Z"), _place("52"))) for n in range(9)]
NEVER = Logical("or", (Constraint("count", "gteq", "10"), Constraint("count", "gt", "5")))
FITTING = [
    (_fields("hasPart", "a", "b"), _fields("isPartOf", "a", "b"), _fields("isAnyOf", "b", "c")),
    (_place("52"), Constraint("region", "neq", "52")),
    (_place("52"), Constraint("region", "isNoneOf", ("5201", "5202"))),
    (Constraint("time", "gt", "2026-01-01T00:00:00Z"), Constraint("time", "lt", "2026-01-01T00:00:01Z")),
    (Constraint("time", "gteq", "2026-01-01T00:00:00Z"), Constraint("time", "lteq", "9999-12-31T23:59:59Z")),
    (Constraint("time", "gteq", "0001-01-01T00:00:00Z"), Constraint("time", "lt", "0001-01-02T00:00:00Z")),
    (Constraint("frequency", "lteq", "60/hour"), Constraint("frequency", "lteq", "5/minute")),
    (Constraint("dataSize", "gt", "10000T"), Constraint("dataSize", "lt", "10001T")),
    (Constraint("networkAddress", "isPartOf", ("10.0.0.0/8",)), Constraint("networkAddress", "neq", "10.0.0.0/8")),
    (Constraint("networkAddress", "isPartOf", ("10.0.0.0/8",)), Constraint("networkAddress", "isNoneOf", ("evil.com",))),
    (WELFARE, SCORING),  # a request may name several purposes
    (FEW, Logical("or", (Constraint("count", "gteq", "10"), WELFARE)), *HALVES),
    (*HALVES, Constraint("time", "gt", "2050-01-01T00:00:00Z")),
]  # fmt: skip


@pytest.mark.parametrize("conditions", FITTING)
def test_what_something_satisfies_is_not_contradictory(conditions):
    assert checked(Policy("p", (Rule("read", conditions),)))


CONTRADICTORY = [
    ((FEW, MANY), "count"),
    ((FEW, NEVER), "count"),
    ((FEW, NEVER, *HALVES), "count"),
    ((_place("5201"), _place("5202")), "region"),
    ((_place("52"), Constraint("region", "isNoneOf", ("52",))), "region"),
    ((_fields("isPartOf", "a"), _fields("hasPart", "a", "b")), "dataField"),
    ((Constraint("time", "gt", "9999-12-31T23:59:59.999999Z"), Constraint("time", "neq", "2026-01-01T00:00:00Z")), "time"),
    ((Constraint("networkAddress", "isPartOf", ("10.0.0.0/9",)), Constraint("networkAddress", "isPartOf", ("10.128.0.0/9",))),
     "networkAddress"),
    ((Constraint("executionEnv", "neq", "01"), Constraint("executionEnv", "isPartOf", ("01",))), "executionEnv"),
]  # fmt: skip


@pytest.mark.parametrize(("conditions", "left"), CONTRADICTORY)
def test_what_provably_nothing_satisfies_is_refused(conditions, left):
    with pytest.raises(Refusal) as refused:
        checked(Policy("p", (Rule("read", conditions),)))
    assert [problem.en for problem in refused.value.problems] == [f"no value of {left} satisfies all its constraints"]


def test_what_has_too_many_alternatives_to_tell_is_not_refused():
    open_ = [Logical("or", (Constraint("time", "lt", "2030-01-01T00:00:00Z"), Constraint("dataSize", "lt", f"{n}G")))
             for n in range(2, 14)]  # fmt: skip
    assert checked(Policy("p", (Rule("read", (*open_, Logical("or", (MANY, RECORDS)), FEW, NEVER)),)))


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


def test_what_follows_an_unmet_duty_is_told():
    alert = (Rule("alert"),)
    words = in_words(
        Policy("p", (Rule("read", duties=(Rule("anonymize", (FEW,), alert),)),), (),
               (Rule("delete", duties=(Rule("compensate", duties=(Rule("alert", duties=alert),)),)),))
    )  # fmt: skip
    assert "May read, after anonymise if number of uses is at most 5 (else must raise an alert)." in words.en
    assert "else must pay (else must raise an alert (else must raise an alert))." in words.en
    assert "允许读取，但须先匿名化（使用次数小于或等于 5）（未履行时须异常提醒）。" in words.zh
    assert "必须删除，未履行时须补偿（未履行时须异常提醒（未履行时须异常提醒））。" in words.zh


def test_who_owes_a_duty_and_on_what_is_told():
    owed = (Rule("anonymize", (FEW,), target="6X", assignee="91A"), Rule("alert", assignee="91B"))
    words = in_words(Policy("p", (Rule("read", duties=owed, assignee="91C"),)))
    told = "91C: May read, after anonymise if number of uses is at most 5 (of 6X) (by 91A) and raise an alert (by 91B)."
    assert words.en.startswith(told)
    assert words.zh.startswith("（91C）允许读取，但须先由 91A 对 6X 匿名化（使用次数小于或等于 5）、由 91B 异常提醒。")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("re-identification", "re-identification"),
        ("贵阳市观山湖区", "贵阳市观山湖区"),
        ("x. May sell", '"x. May sell"'),
        ("甲。允许交易", '"甲。允许交易"'),
        ('a", "b\n', '"a\\", \\"b\\n"'),
        ("a\u202eb", '"a\\u202eb"'),
    ],
)
def test_a_text_of_the_writers_own_is_not_taken_for_words_of_the_sentence(text, shown):
    words = in_words(Policy("p", (Rule("read", (Constraint("application", "eq", text),), assignee=text),)))
    assert words.en.startswith(f"{shown}: May read if application is {shown}. Everything else")
    assert words.zh.startswith(f"（{shown}）允许读取（应用程序等于 {shown}）。未列明")


def test_purposes_allowed():
    assert purposes_allowed(checked(SUPPLY), "compute") == ["industry_development", "public_governance"]
    assert purposes_allowed(checked(SUPPLY)) is None  # delivery does not look at the purpose
    barred = Policy(
        "p", (Rule("read", (Constraint("purpose", "isNoneOf", ("credit_scoring", "personal_profiling")),)),)
    )
    assert purposes_allowed(checked(barred)) == ["industry_development", "public_governance", "public_welfare"]


def test_a_purpose_that_is_forbidden_is_not_admitted():
    """A contract for it would be signed and never delivered."""
    scoring = Rule("read", (Constraint("purpose", "isAnyOf", ("credit_scoring", "personal_profiling")),))
    barred = checked(
        Policy("p", (Rule("read"), Rule("compute", (WELFARE,))), (scoring, Rule("compute", (WELFARE, FEW))))
    )
    lawful = ["industry_development", "public_governance", "public_welfare"]
    assert purposes_allowed(barred, "read") == lawful
    assert purposes_allowed(barred, "compute") == ["public_welfare"]  # forbidden of the first uses only
    assert purposes_allowed(barred) == lawful
    of_one = replace(barred, prohibitions=(replace(scoring, target="6X"),))
    assert purposes_allowed(of_one, "read") is None


def test_a_prohibition_of_use_is_refused_as_it_would_forbid_nothing() -> None:
    """ODRL's `use` covers the other actions, here it covers itself: a permission is narrower then, a prohibition void."""
    with pytest.raises(Refusal) as refused:
        checked(Policy("p", (Rule("read"),), (Rule("use"),)))
    assert [problem.where for problem in refused.value.problems] == ["prohibitions[0].action"]
    assert checked(Policy("p", (Rule("use"),), (Rule("sell"),))).permissions == (Rule("use"),)


@pytest.mark.parametrize(
    "written", ["20270302080000", "20270302T080000Z", "2027-W09-2T08Z", "2027-03-02 16:00:00+08:00"]
)
def test_a_moment_is_kept_as_every_reader_reads_it(written) -> None:
    """Fourteen digits are UTC here and China time to whoever reads them on the national rail, and XML Schema has one of
    the many forms of ISO 8601."""
    read = checked(Policy("p", (Rule("read", (Constraint("time", "lt", written),)),)))
    assert read.permissions[0].constraints == (Constraint("time", "lt", "2027-03-02T08:00:00Z"),)
    with pytest.raises(Refusal) as refused:
        checked(Policy("p", (Rule("read", (Constraint("time", "lt", "20271302080000"),)),)))
    assert [problem.where for problem in refused.value.problems] == ["permissions[0].constraints[0].right"]


def test_more_than_can_be_kept_is_refused_when_written() -> None:
    """What passes here is stored, and what is stored is read back with the same bounds."""
    many = tuple(Constraint("dataField", "neq", f"f{n}") for n in range(501))
    values = Constraint("dataField", "isNoneOf", tuple(f"f{n}" for n in range(501)))
    with pytest.raises(Refusal) as refused:
        checked(Policy("p", (Rule("read", many), Rule("read", (values,)))))
    places = [problem.where for problem in refused.value.problems]
    assert places == ["permissions[0].constraints", "permissions[1].constraints[0].right"]


WITHIN = [
    ("520100", "520102", True), ("520000", "520102", True), ("520000", "5201", True), ("5200", "52", True),
    ("520102000000", "520102001", True), ("5201", "520100", True), ("520100", "520201", False),
    ("520100", "520000", None), ("520102", "520100", None), ("520100", "520", None),
]  # fmt: skip


@pytest.mark.parametrize(("wanted", "given", "within"), WITHIN)
def test_the_noughts_that_fill_up_a_region_code_are_no_place(wanted, given, within) -> None:
    """GB/T 2260 writes the prefecture 5201 as 520100: a county of it lies within, whatever the depth of the codes."""
    may, must_not = (Rule("read", (Constraint("region", "isPartOf", (wanted,)),)) for _ in range(2))
    assert decide(checked(Policy("p", (may,))), "read", {"region": given}).allowed is (within is True)
    barred = checked(Policy("p", (Rule("read"),), (must_not,)))
    assert decide(barred, "read", {"region": given}).allowed is (within is False)


@pytest.mark.parametrize(("left", "slip"), [("region", "520"), ("networkAddress", "10.0.0.256"), ("networkAddress", "01.2.3.4"),
                                            ("networkAddress", "10.0.0.0-10.0.0.255")])  # fmt: skip
def test_a_slip_of_a_code_or_an_address_is_refused_when_written(left, slip) -> None:
    with pytest.raises(Refusal) as refused:
        checked(Policy("p", (Rule("read", (Constraint(left, "isPartOf", (slip,)),)),)))
    assert [problem.where for problem in refused.value.problems] == ["permissions[0].constraints[0].right"]


DUE = [({"count": 3}, "conditional"), ({"count": 9}, "allowed"), ({}, "conditional"),
       ({"count": 3, "done": ["anonymize"]}, "allowed")]  # fmt: skip


@pytest.mark.parametrize(("asked", "outcome"), DUE)
def test_a_duty_comes_first_unless_it_is_known_not_to_be_due(asked, outcome) -> None:
    policy = checked(Policy("p", (Rule("read", duties=(Rule("anonymize", (Constraint("count", "lteq", "5"),)),)),)))
    assert decide(policy, "read", asked).outcome == outcome


@pytest.mark.parametrize(
    ("duty", "asked", "outcome"),
    [
        (Rule("compensate", (Constraint("payAmount", "eq", "10.00 CNY"),)), {"payAmount": "100.00 CNY"}, "conditional"),
        (Rule("compensate", (Constraint("payAmount", "eq", "10.00 CNY"),)), {"payAmount": "0.00 CNY"}, "conditional"),
        (Rule("anonymize", (Constraint("algorithm", "eq", "k-anonymity"),)), {"algorithm": "kmeans"}, "conditional"),
        (Rule("logRecordSend", (Constraint("frequency", "gteq", "1/day"),)), {"frequency": "0/day"}, "conditional"),
        (Rule("anonymize", (Logical("or", (_place("52"), Constraint("algorithm", "eq", "noise"))),)),
         {"algorithm": "kmeans", "region": "11"}, "conditional"),
        (Rule("anonymize", (Constraint("algorithm", "eq", "noise"), _place("52"))),
         {"algorithm": "noise", "region": "11"}, "allowed"),
        (Rule("anonymize", (MANY,)), {"count": 3}, "allowed"),
        (Rule("anonymize", (MANY,)), {}, "conditional"),
    ],
)  # fmt: skip
def test_what_a_duty_says_of_its_own_doing_does_not_lift_it(duty, asked, outcome):
    """A smaller payment for the use was once the way round paying the compensation."""
    policy = checked(Policy("p", (Rule("read", duties=(duty,)),)))
    assert decide(policy, "read", asked).outcome == outcome


def test_what_a_duty_says_of_its_own_doing_is_not_told_as_a_condition():
    amount, place = Constraint("payAmount", "eq", "5.00 CNY"), _place("52")
    owed = (Rule("compensate", (amount, place)),)
    words = in_words(Policy("p", (Rule("read", (amount,), duties=owed),), obligations=owed))
    assert (
        "May read if amount paid is 5.00 CNY, after pay (amount paid is 5.00 CNY) if region lies within 52." in words.en
    )
    assert "Must pay (amount paid is 5.00 CNY) if region lies within 52." in words.en
    assert "补偿（交易金额等于 5.00 CNY；限制地域属于部分 52）" in words.zh


SCORING = (Constraint("purpose", "eq", "credit_scoring"), Constraint("executionEnv", "eq", "07"))


@pytest.mark.parametrize(
    ("when", "context", "zh", "en"),
    [
        ((), {}, "禁止“读取”。", "'read' is forbidden."),
        (
            SCORING, {"purpose": "credit_scoring", "executionEnv": "07"},
            "禁止“读取”，当使用目的等于 信用评分且执行环境等于 其他。",
            "'read' is forbidden when purpose is credit scoring and execution environment is other.",
        ),
        (
            SCORING, {"purpose": "credit_scoring"},
            "禁止“读取”，当使用目的等于 信用评分且执行环境等于 其他；执行环境未提供，不能排除该情形。",
            "'read' is forbidden when purpose is credit scoring and execution environment is other; executionEnv was not "
            "given, which does not rule it out.",
        ),
    ],
)  # fmt: skip
def test_a_prohibition_says_when_it_forbids_and_what_is_not_known(when, context, zh, en):
    decision = decide(Policy("p", (Rule("read"),), (Rule("read", when),)), "read", context)
    assert (decision.zh, decision.en) == (zh, en)


def test_of_permissions_that_are_equally_far_the_first_is_told():
    welfare, few = Constraint("purpose", "eq", "public_welfare"), Constraint("count", "lteq", "3")
    asked = {"purpose": "credit_scoring", "count": 5}
    for first, other, needs in ((welfare, few, {"purpose": "public_welfare"}), (few, welfare, {"count": "3"})):
        decision = decide(Policy("p", (Rule("read", (first,)), Rule("read", (other,)))), "read", asked)
        assert (decision.rule, decision.needs) == ("permissions[0].constraints[0]", needs)


def test_a_duty_to_be_done_first_asks_for_no_other_values():
    decision = decide(checked(SUPPLY), "delivery", {"region": "520103"})
    assert (decision.outcome, decision.needs) == ("conditional", {})


ALIKE = [
    ("dataSize", "1K", "1024"), ("dataSize", "1KB", "1024B"), ("dataSize", "1M", "1048576"),
    ("dataSize", "1G", "1024M"), ("dataSize", "1T", "1024G"),
    ("timeWindow", "P1W", "P7D"), ("timeWindow", "P1D", "PT24H"), ("timeWindow", "PT1H", "PT60M"),
    ("timeWindow", "PT1M", "PT60S"),
    ("payAmount", "1.50 CNY", "1.50CNY"), ("payAmount", "2 CNY", "2.00 CNY"),
    ("time", "2026-03-01T08:00:00+08:00", "20260301000000"),
    ("region", "520100", "5201"), ("region", "520000", "52"), ("region", "520102000000", "520102"),
    ("networkAddress", "::ffff:10.1.2.3", "10.1.2.3"), ("networkAddress", "::ffff:10.1.2.0/120", "10.1.2.0/24"), ("networkAddress", "10.1.2.3/8", "10.0.0.0/8"),
    ("networkAddress", "A.example", "a.EXAMPLE"),
]  # fmt: skip
NEAR = [
    ("dataSize", "1K", "1023"), ("dataSize", "1G", "1023M"), ("timeWindow", "P1D", "PT23H59M59S"),
    ("payAmount", "1.50 CNY", "1.49 CNY"), ("frequency", "60/hour", "59/hour"), ("region", "5201", "5202"),
    ("time", "2026-03-01T00:00:00Z", "2026-02-28T23:59:59Z"), ("networkAddress", "2001:db8::1", "0.0.0.1"),
]  # fmt: skip


@pytest.mark.parametrize(("left", "one", "other"), ALIKE)
def test_one_value_written_in_two_ways(left, one, other):
    assert holds(left, "eq", (one,), other) is holds(left, "eq", (other,), one) is True
    assert holds(left, "neq", (one,), other) is False


@pytest.mark.parametrize(("left", "one", "other"), NEAR)
def test_the_next_value_is_another(left, one, other):
    assert holds(left, "eq", (one,), other) is holds(left, "eq", (other,), one) is False
    if left not in ("region", "networkAddress"):
        assert holds(left, "lt", (one,), other) is holds(left, "gt", (other,), one) is True
        assert holds(left, "gteq", (one,), other) is holds(left, "lteq", (other,), one) is False
