"""The JSON form: round trip, and every wrong shape refused by its place, whatever it is."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from policy_drawn import accepted, policies

from datong.ground.refusal import Refusal
from datong.terms.policy import Constraint, Logical, Policy, Rule, checked, from_json, policy_hash, to_json
from datong.terms.policy.reading import read

GOOD = {
    "id": "p", "inherit": True,
    "permissions": [{
        "action": "read",
        "constraints": [{"left": "count", "op": "lteq", "right": "3"},
                        {"or": [{"left": "region", "op": "isPartOf", "right": ["5201"]},
                                {"left": "purpose", "op": "eq", "right": "public_welfare"}]}],
        "duties": [{"action": "anonymize"}], "target": "6X", "assignee": "91A",
    }],
    "prohibitions": [{"action": "sell"}], "obligations": [{"action": "delete"}],
}  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(policies)
def test_round_trip_with_the_same_hash(drawn):
    policy = accepted(drawn)
    if policy is None:
        return
    again = from_json(json.loads(json.dumps(to_json(policy))))
    assert again == policy
    assert policy_hash(again) == policy_hash(policy)


def test_a_policy_without_scopes_and_logic_is_written_as_ever():
    """Agreements signed before rules had targets and parties keep their hash."""
    plain = from_json({"id": "p", "permissions": [{"action": "read"}]})
    assert to_json(plain) == {
        "id": "p", "permissions": [{"action": "read", "constraints": [], "duties": []}], "prohibitions": [],
        "obligations": [], "inherit": False,
    }  # fmt: skip
    assert policy_hash(plain) == "sha256:83d33572bc949ae146fa0fc3d28c09458542dcdb6f1649124932ba2c4fab1b00"


def changed(path, value):
    """GOOD with the value at a path replaced, removed when it is None."""
    made = json.loads(json.dumps(GOOD))
    *way, last = path
    here = made
    for step in way:
        here = here[step]
    if value is None:
        del here[last]
    else:
        here[last] = value
    return made


RULE = ("permissions", 0)
FIRST = (*RULE, "constraints", 0)
BAD = [
    (("id",), None, "id: is missing"),
    (("id",), 7, "id: should be text, is number"),
    (("id",), "", "id: the id is missing"),
    (("inherit",), "yes", "inherit: should be true or false, is str"),
    (("permissions",), {}, "permissions: should be a list, is object"),
    (("permissions",), [3], "permissions[0]: should be a rule, is number"),
    (("permision",), [], "permision: there is no such member; did you mean permissions?"),
    ((*RULE, "action"), None, "permissions[0].action: is missing"),
    ((*RULE, "action"), ["read"], "permissions[0].action: should be text, is list"),
    ((*RULE, "action"), "reed", "permissions[0].action: unknown action 'reed'; did you mean read?"),
    ((*RULE, "action"), "Read", "did you mean read"),
    ((*RULE, "action"), "读取", "did you mean read?"),
    ((*RULE, "refinement"), [], "permissions[0].refinement: there is no such member"),
    ((*RULE, "target"), 6, "permissions[0].target: should be text, is number"),
    ((*RULE, "assignee"), "x" * 2000, "permissions[0].assignee: is longer than 1024 characters"),
    ((*RULE, "assignee"), "a\0b", "holds a character that cannot be kept"),
    ((*RULE, "duties"), "anonymize", "permissions[0].duties: should be a list, is str"),
    (FIRST, "count lteq 3", "permissions[0].constraints[0]: should be a constraint, is str"),
    ((*FIRST, "left"), "countt", "unknown constraint 'countt'; did you mean count?"),
    ((*FIRST, "op"), "lte", "unknown operator 'lte'; did you mean"),
    ((*FIRST, "op"), "isAnyOf", "isAnyOf does not fit count; it takes eq, gt, gteq, lt, lteq, neq"),
    ((*FIRST, "right"), 3, "permissions[0].constraints[0].right: should be text or list of texts, is number"),
    ((*FIRST, "right"), [], "wrong number of values"),
    ((*FIRST, "right"), "many", "the value 'many' is not of the form a whole number"),
    ((*FIRST, "right"), None, "permissions[0].constraints[0].right: is missing"),
    ((*RULE, "constraints", 1, "or"), [], "it joins no conditions"),
    ((*RULE, "constraints", 1, "and"), [], "constraints[1].or: there is no such member"),
    (("permissions",), [{"action": "read"}] * 501, "permissions: has more than 500 items"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value", "said"), BAD)
def test_each_wrong_shape_is_refused_by_its_place(path, value, said):
    with pytest.raises(Refusal) as refused:
        from_json(changed(path, value))
    assert refused.value.code == "POL-400"
    assert said in "\n".join(f"{p.where}: {p.en}" for p in refused.value.problems)
    assert all(p.zh for p in refused.value.problems)


def test_shape_and_words_are_told_at_once():
    wrong = {"id": "p", "permissions": [{"action": "reed"}], "prohibition": [], "inherit": 1}
    with pytest.raises(Refusal) as refused:
        from_json(wrong)
    assert [p.where for p in refused.value.problems] == ["prohibition", "inherit", "permissions[0].action"]


def test_one_wrong_shape_hides_no_wrong_word():
    wrong = {
        "id": "p",
        "permissions": [
            "read",
            {"action": "read", "constraints": [
                {"left": "dataField", "op": "isAnyOf", "right": ["a", None]},
                {"left": "count", "op": "lteq", "right": "many"},
                {"or": [{"left": "count", "op": "lteq"}, {"left": "moon", "op": "eq", "right": "full"}]},
            ], "duties": [{"action": "alrt"}, 5], "assignee": ["a"]},
            {"action": 5, "constraints": [{"left": "region", "op": "isPartOf", "right": ["520"]}]},
        ],
        "prohibitions": [{"action": "read", "constraint": []}],
    }  # fmt: skip
    with pytest.raises(Refusal) as refused:
        from_json(wrong)
    assert [p.where for p in refused.value.problems] == [
        "permissions[0]", "permissions[1].assignee", "permissions[1].constraints[0].right",
        "permissions[1].constraints[2].or[0].right", "permissions[1].duties[1]", "permissions[2].action",
        "prohibitions[0].constraint", "permissions[1].constraints[1].right", "permissions[1].duties[0].action",
        "permissions[2].constraints[0].right",
    ]  # fmt: skip


def nested(times, inside, wrap):
    for _ in range(times):
        inside = wrap(inside)
    return inside


@pytest.mark.parametrize("times", [9, 50, 5000])
def test_deep_nesting_is_refused(times):
    condition = nested(times, {"left": "count", "op": "eq", "right": "3"}, lambda one: {"and": [one, one]})
    rule = nested(times, {"action": "alert"}, lambda one: {"action": "alert", "duties": [one]})
    for permission in ({"action": "read", "constraints": [condition]}, {"action": "read", "duties": [rule]}):
        with pytest.raises(Refusal) as refused:
            from_json({"id": "p", "permissions": [permission]})
        assert "is nested too deeply" in refused.value.problems[0].en


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["id", "permissions", "action", "constraints", "left", "op", "right", "or", "duties", "target"])
        | st.text(max_size=4),
        inner, max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(anything)
def test_any_json_is_a_policy_or_refused_by_name(value):
    try:
        policy = from_json(value)
    except Refusal as refusal:
        assert refusal.code == "POL-400"
        assert refusal.problems
    else:
        assert from_json(to_json(policy)) == policy


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_part_of_a_good_policy_replaced_by_anything(data):
    paths = [
        ("permissions",),
        RULE,
        (*RULE, "constraints"),
        FIRST,
        (*FIRST, "right"),
        (*RULE, "duties", 0),
        ("inherit",),
    ]
    made = changed(data.draw(st.sampled_from(paths)), data.draw(anything.filter(lambda one: one is not None)))
    try:
        from_json(made)
    except Refusal as refusal:
        assert refusal.problems


def test_a_missing_id_hides_nothing_else() -> None:
    _, problems = read({"permissions": [{"action": "reed"}], "prohibitions": [{"action": "distribut"}]})
    assert [problem.where for problem in problems] == ["id", "permissions[0].action", "prohibitions[0].action"]


FEW = Constraint("count", "lteq", "3")


@pytest.mark.parametrize(
    ("most", "made", "told"),
    [
        (500, lambda n: Policy("p", (Rule("read"),) * n), "it has more than 500 rules"),
        (500, lambda n: Policy("p", (Rule("read", (FEW,) * n),)), "has more than 500 items"),
        (
            500, lambda n: Policy("p", (Rule("read", (Constraint("dataField", "isAnyOf", tuple(map(str, range(n)))),)),)),
            "has more than 500 values",
        ),
        (1024, lambda n: Policy("p", (Rule("read", target="x" * n),)), "is longer than 1024 characters"),
        (
            1024, lambda n: Policy("p", (Rule("read", (Constraint("dataField", "eq", "x" * n),)),)),
            "is longer than 1024 characters",
        ),
        (
            8, lambda n: Policy("p", (Rule("read", (nested(n, FEW, lambda one: Logical("or", (one, FEW))),)),)),
            "is nested too deeply",
        ),
        (
            8, lambda n: Policy("p", (Rule("read", duties=(nested(n - 1, Rule("anonymize"), lambda one: Rule(
                "anonymize", duties=(one,))),)),)),
            "is nested too deeply",
        ),
    ],
    ids=["rules", "conditions", "values", "scopes", "texts", "logic", "duties"],
)  # fmt: skip
def test_how_large_a_policy_may_be(most, made, told):
    checked(made(most))
    with pytest.raises(Refusal) as refused:
        checked(made(most + 1))
    assert told in [problem.en for problem in refused.value.problems]


def test_a_word_in_capitals_is_known_again():
    with pytest.raises(Refusal) as refused:
        checked(Policy("p", (Rule("COMPUTE"),)))
    assert "did you mean compute" in refused.value.problems[0].en


@pytest.mark.parametrize(("to", "forbidden"), [("", True), ("91A", True), ("91B", False)])
@pytest.mark.parametrize("scope", ["assignee", "target"])
def test_what_is_forbidden_outright_to_somebody_is_not_permitted_to_them(scope, to, forbidden):
    policy = Policy("p", (Rule("read", **{scope: "91A"}),), (Rule("read", **{scope: to}),))
    if not forbidden:
        checked(policy)
        return
    with pytest.raises(Refusal) as refused:
        checked(policy)
    assert "forbidden outright" in refused.value.problems[0].en
