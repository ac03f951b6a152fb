"""Policies as TC609 strategies and back: without loss for what we write, honestly for what others write."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datong.ground.refusal import Refusal
from datong.terms.policy import ACTIONS, CONSTRAINTS, OPERATORS, Constraint, Policy, Rule, checked, decide
from datong.terms.policy.vocabulary import ORDERED, Family
from datong.wire.ndi import contracts, reading, strategies
from datong.wire.ndi.tables import printed

SUBJECT = {"dataProductId": "691310000MA000000063100PRD00001W"}
NODES = {"providerNodeId": "591310000MA000000053100CN000123M"}
VALUES = {
    Family.instant: ["2026-03-02T00:00:00Z"], Family.period: ["P7D"], Family.number: ["1000"], Family.rate: ["60/hour"],
    Family.size: ["10G"], Family.amount: ["100.00 CNY"], Family.name: ["area", "[x", "行"], Family.code: ["01", "02"],
    Family.purpose: ["public_welfare", "industry_development"], Family.region: ["5201"], Family.network: ["10.0.0.1"],
}  # fmt: skip


def constraints():
    def of(left):
        family = CONSTRAINTS[left].family
        ops = [op for op, o in OPERATORS.items() if o.ordered is None or o.ordered == (family in ORDERED)]
        ops = [op for op in ops if not (family is not Family.name and op == "hasPart")]
        value = st.sampled_from(VALUES[family])

        def built(op):
            if OPERATORS[op].takes_list:
                return st.lists(value, min_size=1, max_size=2).map(lambda v: Constraint(left, op, tuple(v)))
            return value.map(lambda v: Constraint(left, op, v))

        return st.sampled_from(ops).flatmap(built)

    return st.sampled_from(sorted(CONSTRAINTS)).flatmap(of)


def rules(depth=1):
    duties = st.lists(rules(depth - 1), max_size=2) if depth else st.just([])
    return st.builds(
        lambda action, bounds, then: Rule(action, tuple(bounds), tuple(then)),
        st.sampled_from(sorted(ACTIONS)),
        st.lists(constraints(), max_size=3, unique_by=lambda c: c.left),
        duties,
    )


def policies():
    some = st.lists(rules(), max_size=2).map(tuple)
    return st.builds(
        Policy, st.just("agr-1"), st.lists(rules(), min_size=1, max_size=2).map(tuple), some, some, st.booleans()
    )


@settings(max_examples=60, deadline=None)
@given(policies())
def test_what_we_write_we_read_without_loss(policy):
    try:
        policy = checked(policy)
    except Refusal:
        return  # a contradiction by chance
    carried = strategies.written(policy, SUBJECT, NODES)
    assert carried.lost == ()
    for strategy in carried.strategies:
        message = {"contractName": "n", "contractId": "c", "strategy": strategy}
        assert reading.read(printed(), printed().interface("contractNegotiate"), "request", message).faults == ()
    back = strategies.understood(carried.strategies, "agr-1")
    assert (back.lost, back.policy) == ((), policy)


def test_every_action_and_constraint_is_written_as_printed() -> None:
    everything = Policy("p", tuple(Rule(action) for action in ACTIONS))
    written = strategies.written(everything, SUBJECT, NODES)
    actions = [s["actions"][0] for s in written.strategies]
    assert "plicyTransmit" in actions
    assert actions[-1] == {"expansionItem": {"action": "use"}}
    assert [note.where for note in written.noted] == ["permissions[20].action"]


def test_the_operator_is_its_code_and_the_value_a_string() -> None:
    rule = Rule("read", (Constraint("dataRecord", "lteq", "500"), Constraint("dataField", "isAnyOf", ("a", "b"))))
    (strategy,) = strategies.written(Policy("p", (rule,)), SUBJECT, NODES).strategies
    assert strategy["constraints"] == [
        {"constraintName": "dateRecord", "constraintOperator": "11", "constraintValue": "500"},
        {"constraintName": "dataField", "constraintOperator": "07", "constraintValue": '["a", "b"]'},
    ]


def test_what_stands_in_the_extension_only_is_named() -> None:
    bound = Constraint("purpose", "eq", "public_welfare")
    policy = Policy("p", (Rule("read", (bound,), (Rule("logRecordSend"),)),), (Rule("sell"),), inherit=True)
    carried = strategies.written(policy, SUBJECT, NODES)
    places = [note.where for note in carried.noted]
    assert places == ["permissions[0].constraints[0]", "permissions[0].duties", "prohibitions[0]", "inherit"]
    assert "does not enforce it" in carried.noted[0].en
    assert "只写在扩展信息中" in carried.noted[0].zh


@pytest.mark.parametrize("scope", [{"target": "another"}, {"assignee": "91520100MA6LAB0001"}])
def test_a_rule_of_one_party_or_product_is_lost_and_never_made_one_of_all(scope) -> None:
    """Without its scope a permission of one party would be everybody's."""
    (name,) = scope
    alone = Policy("p", (Rule("read", (), (Rule("alert", **scope),), **scope),))
    places = [problem.where for problem in strategies.written(alone, SUBJECT, NODES).lost]
    assert places == [f"permissions[0].{name}", f"permissions[0].duties[0].{name}"]


def test_a_value_too_long_for_annex_c_is_lost_and_refused() -> None:
    rule = Rule("read", (Constraint("networkAddress", "eq", "a" * 42 + ".example"),))
    carried = strategies.written(Policy("p", (rule,)), SUBJECT, NODES)
    assert [p.where for p in carried.lost] == ["permissions[0].constraints[0]"]
    with pytest.raises(Refusal) as caught:
        strategies.require_whole("C1", carried.lost)
    assert caught.value.code == "NDI-420"


def test_a_text_that_would_be_read_as_a_list_is_lost() -> None:
    rule = Rule("read", (Constraint("algorithm", "isA", "[a, b]"),))
    assert [p.where for p in strategies.written(Policy("p", (rule,)), SUBJECT, NODES).lost] == [
        "permissions[0].constraints[0]"
    ]


MOMENTS = [Constraint("time", "lt", "20270302080000"), Constraint("time", "neq", "2027-03-02T08:00:00.5Z")]
FIELDS = tuple(sorted(f"trip_duration_seconds_{n}" for n in range(200)))


@pytest.mark.parametrize("bound", [*MOMENTS, Constraint("dataField", "isAnyOf", FIELDS)])
def test_a_moment_is_the_same_on_both_rails_and_many_fields_come_through(bound) -> None:
    """Fourteen digits are UTC in a policy and China time on the national rail."""
    policy = checked(Policy("agr-1", (Rule("read", (bound,)),)))
    carried = strategies.written(policy, SUBJECT, NODES)
    assert carried.lost == ()
    back = strategies.understood(json.loads(json.dumps(carried.strategies)), "agr-1")
    assert (back.lost, back.policy) == ((), policy)
    asked = {"time": "2027-03-02T07:59:59Z", "dataField": FIELDS[0]}
    assert decide(back.policy, "read", asked).outcome == decide(policy, "read", asked).outcome == "allowed"


def strategy(action, *bounds, **more):
    rows = [{"constraintName": n, "constraintOperator": op, "constraintValue": v} for n, op, v in bounds]
    return {"subjectInfo": SUBJECT, "executionNodeInfo": NODES, "actions": [action], "constraints": rows, **more}


ANNEX_D = [
    (strategy("read", ("count", "lteq", "10000 calls per day"), ("timeWindow", "01", "P1D")),
     [Constraint("frequency", "lteq", "10000/day"), Constraint("timeWindow", "eq", "P1D")]),
    (strategy("read", ("dataField", "isA", "[field1, field2, field3]")),
     [Constraint("dataField", "isPartOf", ("field1", "field2", "field3"))]),
    (strategy("process", ("encryptMode", "eq", "02"), ("count", "lteq", "1000 times"),
              ("timeWindow", "isA", "2024-03-20 23:59:59 -- 2025-03-20 23:59:59")),
     [Constraint("encryptMode", "eq", "02"), Constraint("count", "lteq", "1000"),
      Constraint("time", "gteq", "2024-03-20T15:59:59Z"), Constraint("time", "lteq", "2025-03-20T15:59:59Z")]),
    (strategy("read", ("time", "lt", "20270302080000")), [Constraint("time", "lt", "2027-03-02T00:00:00Z")]),
]  # fmt: skip


@pytest.mark.parametrize(("given", "bounds"), ANNEX_D)
def test_the_scenarios_of_annex_d_as_a_stranger_writes_them(given, bounds) -> None:
    read = strategies.understood([given], "p")
    assert read.lost == ()
    assert list(read.policy.permissions[0].constraints) == bounds
    assert any("kind" in note.en for note in read.noted)


def test_two_actions_that_stand_as_constraints_become_duties() -> None:
    given = strategy("sell", ("payAmount", "eq", "100.00 CNY"), ("compensate", "eq", "10.00 CNY"),
                     ("logRecordSend", "eq", "数据提供方"))  # fmt: skip
    (rule,) = strategies.understood([given], "p").policy.permissions
    assert [duty.action for duty in rule.duties] == ["compensate", "logRecordSend"]
    assert rule.duties[0].constraints == (Constraint("payAmount", "eq", "10.00 CNY"),)


@pytest.mark.parametrize(
    ("given", "place"),
    [
        (strategy("export"), "strategy[0].actions[0]"),
        (strategy("read", ("colour", "eq", "red")), "strategy[0].constraints[0]"),
        (strategy("read", ("count", "99", "5")), "strategy[0].constraints[0]"),
        (strategy("read", ("count", "lteq", 5)), "strategy[0].constraints[0]"),
        (strategy("read", policyExpansion="先脱敏，再使用"), "strategy[0].policyExpansion"),
        (strategy("read", policyExpansion=json.dumps({"kind": "wish"})), "strategy[0].policyExpansion.kind"),
        (strategy("read", policyExpansion=json.dumps({"duties": ["delete"]})), "strategy[0].duties[0]"),
        (strategy("read", ("count", "lteq", "many")), "permissions[0].constraints[0].right"),
        (strategy("read", ("region", "isAnyOf", '["5201", "52010000000"]')), "strategy[0].constraints[0]"),
        (strategy("read", ("timeWindow", "eq", "P100000000D")), "strategy[0].constraints[0]"),
        (strategy("read", ("compensate", "eq", "1" * 129)), "strategy[0].constraints[0]"),
        (
            strategy("read", policyExpansion={"constraints": [{"left": "region", "op": "eq", "right": "52010000000"}]}),
            "strategy[0].policyExpansion.constraints[0]",
        ),
        (strategy("read", ("logRecordSend", "eq", "related parties")), "strategy[0].constraints[0]"),
        (strategy("read", ("logRecordSend", "eq", "data consumer")), "strategy[0].constraints[0]"),
        (strategy("read", policyExpansion='{"kind": ["permission"]}'), "strategy[0].policyExpansion.kind"),
        (strategy("read", policyExpansion={"kind": {}}), "strategy[0].policyExpansion.kind"),
        (
            strategy("read", policyExpansion={"constraints": [{"left": ["x"], "op": "eq", "right": "x"}]}),
            "strategy[0].policyExpansion.constraints[0]",
        ),
        (
            strategy("read", policyExpansion='{"contract": {"terms": {"purpose": "\\ud800"}}}'),
            "strategy[0].policyExpansion",
        ),
        (
            strategy("read", policyExpansion='{"kind": "permission", "kind": "prohibition"}'),
            "strategy[0].policyExpansion",
        ),
        (strategy("read", policyExpansion="[" * 950 + "]" * 950), "strategy[0].policyExpansion"),
        (strategy("read", ("dataField", "isAnyOf", "[" * 950 + "]" * 950 + " " * 1024)), "strategy[0].constraints[0]"),
        (strategy("read", ("time", "03", "00010101000000")), "strategy[0].constraints[0]"),
        (strategy("read", ("time", "03", "9999-12-31T23:59:59-23:59")), "strategy[0].constraints[0]"),
        (
            strategy("read", ("time", "03", "0001-01-01T00:00:00Z -- 0001-01-01T00:00:00+23:59")),
            "strategy[0].constraints[0]",
        ),
        (strategy("read", ("time", "03", "x" + " " * 200_000)), "strategy[0].constraints[0]"),
        ({**strategy("sell", policyExpansion='{"kind": "prohibition"}'), "actions": []}, "strategy[0].actions"),
        (strategy("read", policyExpansion={"duties": [{"constraints": []}]}), "strategy[0].duties[0].actions"),
        (
            strategy("read", policyExpansion={"duties": [{"actions": "alert", "when": "at once"}]}),
            "strategy[0].duties[0].when",
        ),
        (strategy("read", policyExpansion={"inherit": "true"}), "strategy[0].policyExpansion.inherit"),
        (
            strategy("read", policyExpansion='{"preObligation": "anonymize"}'),
            "strategy[0].policyExpansion.preObligation",
        ),
        (strategy("read", policyExpansion=["anonymize"]), "strategy[0].policyExpansion"),
        (
            strategy("read", ("dataField", "isAnyOf", json.dumps([f"f{n}" for n in range(501)]))),
            "permissions[0].constraints[0].right",
        ),
    ],
)
def test_what_cannot_be_understood_is_lost_with_its_place(given, place) -> None:
    read = strategies.understood([given], "p")
    assert read.policy is None
    assert place in [problem.where for problem in read.lost]


ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats() | st.text(max_size=8)
    | st.sampled_from(["kind", "{}", '{"kind": []}', "[[", "read", "time", "05", "00010101000000", "\ud800", "NaN"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(
        ["kind", "constraints", "duties", "contract", "left", "op", "right", "at", "agreed_at", "terms", "offer",
         "constraintName", "constraintOperator", "constraintValue", "actions", "expansionItem", "action", "inherit"]),
        inner, max_size=4),
    max_leaves=8,
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(["subjectInfo", "executionNodeInfo", "actions", "constraints", "policyExpansion", "kind"]), ANY,
       st.booleans())  # fmt: skip
def test_whatever_stands_in_a_member_the_readers_refuse_and_never_fail(member, value, as_text) -> None:
    """Through the table as a message comes, and without it as a stored one may."""
    request = {"activationTime": "2026-03-02T00:00:00Z", "endTime": "2027-03-02T00:00:00Z"}
    spoilt = {**strategy("read", ("count", "lteq", "5")), member: json.dumps(value) if as_text else value}
    message = {"contractName": "n", "contractId": "c", "strategy": spoilt}
    reading.read(printed(), printed().interface("contractNegotiate"), "request", message)
    try:
        strategies.understood([spoilt], "p")
        if member not in ("subjectInfo", "executionNodeInfo"):
            contracts.offer_of(message)
            contracts.content_of(message, request, "5" * 32, "5" * 32, "2026-03-02T00:00:00Z")
    except Refusal:
        pass


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+23:59", "soon", 5, {}])
def test_a_moment_of_the_agreement_that_is_none_is_refused_by_name(at) -> None:
    given = strategy("read", policyExpansion=json.dumps({"contract": {"agreed_at": at}}))
    message = {"contractName": "n", "contractId": "c", "strategy": given}
    request = {"activationTime": "2026-03-02T00:00:00Z", "endTime": "2027-03-02T00:00:00Z"}
    with pytest.raises(Refusal) as caught:
        contracts.content_of(message, request, "5" * 32, "5" * 32, "2026-03-02T00:00:00Z")
    assert [p.where for p in caught.value.problems] == ["strategy[0].policyExpansion.contract.agreed_at"]


def test_duties_nested_without_end_are_refused() -> None:
    duty: dict = {"actions": ["delete"]}
    for _ in range(20):
        duty = {"actions": ["delete"], "duties": [duty]}
    read = strategies.understood([strategy("read", policyExpansion=json.dumps({"duties": [duty]}))], "p")
    assert read.policy is None


def test_several_actions_make_several_rules() -> None:
    two = {**strategy("read"), "actions": ["read", "policyTransmit", "plicyTransmit"]}
    found = strategies.understood([two], "p").policy
    assert [rule.action for rule in found.permissions] == ["read", "policyTransmit", "policyTransmit"]
    assert replace(found, id="q") != found


RANGE = "2024-03-20 23:59:59 -- 2025-03-20 23:59:59"
SPOKEN = [
    ("a range that is to be left out", {"constraints": [("timeWindow", "12", RANGE)]}, "strategy[0].constraints[0]"),
    ("a range of which nothing may be", {"constraints": [("time", "isNoneOf", RANGE)]}, "strategy[0].constraints[0]"),
    ("other than each of a list", {"constraints": [("application", "neq", "[a, b]")]}, "strategy[0].constraints[0]"),
    ("none of a list in words", {"constraints": [("application", "isNoneOf", "a、b")]}, "strategy[0].constraints[0]"),
    ("none of a list of lists", {"constraints": [("application", "08", '[["a"]]')]}, "strategy[0].constraints[0]"),
    ("none of no list", {"constraints": [("application", "08", "[]")]}, "strategy[0].constraints[0]"),
    ("records not to the provider", {"constraints": [("logRecordSend", "12", "provider")]}, "strategy[0].constraints[0]"),
    ("a unit", {"constraints": [{"constraintName": "count", "constraintOperator": "11", "constraintValue": "3", "unit": "1000"}]},
     "strategy[0].constraints[0].unit"),
    ("duties beside the extension", {"duties": [{"actions": ["compensate"]}]}, "strategy[0].duties"),
    ("its kind under a name of its own", {"policyType": "prohibition"}, "strategy[0].policyType"),
    ("a group of annex C.2", {"prohibitionPolicies": [{"actions": ["sell"]}]}, "strategy[0].prohibitionPolicies"),
    ("annex C's name of the extension", {"expansionItem": {"kind": "prohibition"}}, "strategy[0].expansionItem"),
    ("an extension of its nodes", {"executionNodeInfo": {**NODES, "expansionItem": {"only": "x"}}}, "strategy[0].executionNodeInfo.expansionItem"),
    ("an action made narrower", {"actions": [{"expansionItem": {"action": "read", "only": "x"}}]}, "strategy[0].actions[0].expansionItem.only"),
]  # fmt: skip


@pytest.mark.parametrize(("said", "where"), [row[1:] for row in SPOKEN], ids=[row[0] for row in SPOKEN])
def test_no_clause_of_a_strategy_is_dropped_or_turned_round(said, where):
    """Each of these was once read as a permission that was wider than what the message says."""
    names = ("constraintName", "constraintOperator", "constraintValue")
    bounds = [
        one if isinstance(one, dict) else dict(zip(names, one, strict=True)) for one in said.get("constraints", ())
    ]
    strategy = {"subjectInfo": SUBJECT, "executionNodeInfo": NODES, "actions": ["read"], **said}
    read = strategies.understood([{**strategy, "constraints": bounds}], "agr-1")
    assert read.policy is None
    assert [one.where for one in read.lost] == [where]


def test_members_of_a_strategy_that_say_nothing_are_passed_over():
    """An interface may be written with all its members, annex C's among them, and most of them empty."""
    empty = {"constraints": None, "policyExpansion": "", "expansionItem": {}, "prohibitionPolicies": []}
    strategy = {
        "subjectInfo": {**SUBJECT, "dataProductAbstract": "x"},
        "executionNodeInfo": NODES,
        "actions": ["read"],
        **empty,
    }
    assert strategies.understood([strategy], "agr-1").policy == Policy("agr-1", (Rule("read"),))


def test_a_payment_keeps_its_bound():
    bound = {"constraintName": "compensate", "constraintOperator": "03", "constraintValue": "10.00 CNY"}
    strategy = {"subjectInfo": SUBJECT, "executionNodeInfo": NODES, "actions": ["sell"], "constraints": [bound]}
    [duty] = strategies.understood([strategy], "agr-1").policy.permissions[0].duties
    assert duty == Rule("compensate", (Constraint("payAmount", "gteq", "10.00 CNY"),))


def test_a_group_of_policies_beside_the_strategy_is_lost():
    strategy = {"subjectInfo": SUBJECT, "executionNodeInfo": NODES, "actions": ["read"]}
    message = {"contractId": "c-1", "strategy": strategy, "prohibitionPolicies": [{"actions": ["sell"]}]}
    with pytest.raises(Refusal) as refused:
        contracts.offer_of(message)
    assert (refused.value.code, [one.where for one in refused.value.problems]) == ("NDI-420", ["prohibitionPolicies"])
