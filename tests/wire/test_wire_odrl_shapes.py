"""Any JSON in the place of an offer, of a rule or of a constraint is read or refused by name; nothing is dropped."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datong.ground.refusal import Refusal
from datong.terms.policy import Policy, Rule, checked
from datong.wire.odrl import from_odrl, to_offer
from datong.wire.odrl.compact import NO_PLACE

GOOD = {
    "@context": ["https://w3id.org/dspace/2025/1/context.jsonld"], "@id": "o", "@type": "Offer", "target": "d-1",
    "permission": [{"action": "use", "constraint": [{"leftOperand": "count", "operator": "eq", "rightOperand": "3"}],
                    "duty": [{"action": "odrl:compensate"}]}],
}  # fmt: skip
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["@id", "@value", "action", "constraint", "leftOperand", "operator", "rightOperand", "and", "or", "duty"]),
        inner, max_size=4,
    ),
    max_leaves=10,
)  # fmt: skip
PLACES = [("permission",), ("permission", 0), ("permission", 0, "action"), ("permission", 0, "constraint"),
          ("permission", 0, "constraint", 0), ("permission", 0, "constraint", 0, "rightOperand"),
          ("permission", 0, "duty"), ("@id",), ("prohibition",)]  # fmt: skip


def with_value(path, value):
    made = json.loads(json.dumps(GOOD))
    *way, last = path
    here = made
    for step in way:
        here = here[step]
    here[last] = value
    return made


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(PLACES), json_values)
def test_anything_in_any_place_is_read_or_refused_by_name(path, value):
    try:
        read = from_odrl(with_value(path, value))
    except Refusal as refusal:
        assert refusal.code == "POL-400"
        assert refusal.problems
    else:
        assert from_odrl(to_offer(read)) == read


@settings(max_examples=60, deadline=None)
@given(json_values)
def test_any_json_as_the_whole(value):
    with pytest.raises(Refusal) as refused:
        from_odrl(value)
    assert refused.value.problems


RULE = ("permission", 0)
CONSTRAINT = (*RULE, "constraint", 0)
NAMED = [
    (("conflict",), "perm", "conflict: a prohibition wins here"),
    (("inheritFrom",), "urn:other", "inheritFrom: policies it inherits from are not followed"),
    ((*RULE, "action"), {"@id": "odrl:print", "refinement": [{}]}, "permission[0].action.refinement"),
    ((*RULE, "action"), ["use", "odrl:read"], "permission[0].action: should be one action"),
    ((*RULE, "action"), [], "permission[0].action: should be one action"),
    ((*RULE, "assigner"), "urn:x", "a rule has no assigner of its own here"),
    ((*RULE, "assignee"), ["a", "b"], "permission[0].assignee: should be one id"),
    ((*RULE, "duty"), 3, "permission[0].duty[0]: is no rule"),
    (("permission",), [], "it needs a permission or a prohibition"),
    ((*CONSTRAINT, "rightOperand"), 3, 'should be text, is int; write a number as "3"'),
    ((*CONSTRAINT, "rightOperand"), [], "rightOperand: is an empty list"),
    ((*CONSTRAINT, "rightOperand"), None, "rightOperand: is missing"),
    ((*CONSTRAINT, "leftOperand"), {"x": 1}, "leftOperand: should be text"),
    ((*CONSTRAINT, "operator"), "term-lteq", "unknown operator 'term-lteq'"),
    ((*CONSTRAINT, "leftOperand"), "dcterms:creator", "unknown constraint 'dcterms:creator'"),
    (("permission",), [GOOD["permission"][0]] * 501, "permission: has more than 500 items"),
    *(((*CONSTRAINT, name), "x", name) for name in NO_PLACE),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value", "said"), NAMED)
def test_what_has_no_place_is_named(path, value, said):
    with pytest.raises(Refusal) as refused:
        from_odrl(with_value(path, value))
    assert said in "\n".join(f"{p.where}: {p.en}" for p in refused.value.problems)


def test_all_is_told_at_once():
    bad = with_value((*CONSTRAINT, "rightOperand"), 3) | {"conflict": "perm", "@id": 7}
    with pytest.raises(Refusal) as refused:
        from_odrl(bad)
    assert len(refused.value.problems) == 3


def test_empty_lists_of_the_other_kinds_are_nothing():
    assert from_odrl({**GOOD, "prohibition": [], "obligation": []}).prohibitions == ()


def test_the_target_and_parties_of_the_policy_are_not_repeated_in_its_rules():
    read = from_odrl(
        {**GOOD, "assignee": "c", "permission": [{"action": "use", "target": "d-1", "assignee": {"@id": "c"}}]}
    )
    assert read.permissions == (Rule("use"),)
    other = from_odrl({**GOOD, "permission": [{"action": "use", "target": "d-2", "assignee": "c"}]})
    assert other.permissions == (Rule("use", target="d-2", assignee="c"),)


def test_a_rule_about_another_data_set_is_refused_by_name_when_an_offer_is_written():
    policy = checked(Policy("o", (Rule("read", target="d-1"), Rule("compute", target="d-2"))))
    with pytest.raises(Refusal) as refused:
        to_offer(policy, target="d-1")
    assert refused.value.code == "POL-422"
    assert [p.where for p in refused.value.problems] == ["permissions[1].target"]


@pytest.mark.parametrize("member", ["and", "or"])
def test_deep_nesting_and_ten_thousand_constraints(member):
    deep = {"leftOperand": "count", "operator": "eq", "rightOperand": "3"}
    for _ in range(2000):
        deep = {member: [deep]}
    with pytest.raises(Refusal):
        from_odrl(with_value(CONSTRAINT, deep))
    with pytest.raises(Refusal):
        from_odrl(with_value((*RULE, "constraint"), [GOOD["permission"][0]["constraint"][0]] * 10_000))
