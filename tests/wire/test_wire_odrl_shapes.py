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
    (("prohibitionn",), [], "prohibitionn: is not read here; did you mean prohibition"),
    (("odrl:prohibitionn",), [], "odrl:prohibitionn: is not read here; did you mean prohibition"),
    (("http://www.w3.org/ns/odrl/2/inheritAllowed",), "x", "inheritAllowed: is not read here"),
    (("@included",), [], "@included: is not read here"),
    (("id",), "o", "id: is not read here; did you mean @id"),
    ((*RULE, "constriant"), [], "permission[0].constriant: is not read here; did you mean constraint?"),
    ((*RULE, "duty", 0, "odrl:actoin"), "use", "permission[0].duty[0].odrl:actoin: is not read here"),
    ((*RULE, "action"), {"@id": "use", "implies": "x"}, "permission[0].action.implies: is not read here"),
    ((*CONSTRAINT, "odrl:status"), "x", "permission[0].constraint[0].odrl:status: is not read here"),
    (("odrl:permission",), [], "permission: is written twice, under two spellings"),
    (("uid",), "other", "uid: is written twice, under two spellings"),
    ((*CONSTRAINT, "odrl:operator"), "gt", "constraint[0].operator: is written twice"),
    (("target",), {"@id": "d-1", "refinement": [{}]}, "target.refinement: refinements are not understood"),
    (("assignee",), ["a", "b"], "assignee: should be one id"),
    ((*RULE, "target"), {"@id": "x", "odrl:refinement": [{}]}, "permission[0].target.refinement"),
    ((*RULE, "assignee"), [{"source": "x", "refinement": [{}]}], "permission[0].assignee.source: collections"),
    (("odrl:conflict",), [{"@id": "odrl:perm"}], "conflict: a prohibition wins here"),
    (("conflict",), ["prohibit", "perm"], "conflict: a prohibition wins here"),
    (("conflict",), {}, "conflict: a prohibition wins here"),
    (("prohibition",), [{"action": "odrl:use"}], "prohibition[0].action: use covers other actions in ODRL"),
    (("@type",), "Request", "@type: is a Request, which is no policy"),
    (("@type",), ["odrl:Request"], "@type: is a Request, which is no policy"),
    (("action",), ["odrl:read", "use"], "action: should be one action"),
    ((*RULE, "duty", 0), {}, "permission[0].duty[0].action: should be one action"),
    ((*CONSTRAINT, "and"), [], "mixes more than one logic"),
    ((*CONSTRAINT, "rightOperand"), {"x": "3"}, "rightOperand[0]: should be text"),
    *(((*CONSTRAINT, name), "x", name) for name in NO_PLACE),
    (("https://www.w3.org/ns/odrl/2/prohibition",), [], "https://www.w3.org/ns/odrl/2/prohibition: is not read here"),
    (("http://w3.org/ns/odrl/vocab#prohibition",), [], "vocab#prohibition: is not read here"),
    (("ODRL:prohibition",), [], "ODRL:prohibition: is not read here; did you mean prohibition?"),
    (("o:prohibition",), [], "o:prohibition: is not read here; did you mean prohibition"),
    ((*RULE, "o:duty"), [], "permission[0].o:duty: is not read here; did you mean duty?"),
    ((*CONSTRAINT, "o:or"), [], "permission[0].constraint[0].o:or: is not read here"),
    (("datong:inherits",), True, "datong:inherits: is not read here"),
    ((*RULE, "datong:inherit"), True, "permission[0].datong:inherit: is not read here"),
    ((*RULE, "@type"), "Prohibition", "permission[0].@type: is no place for a Prohibition"),
    ((*RULE, "@type"), ["http://www.w3.org/ns/odrl/2/Duty"], "permission[0].@type: is no place for a Duty"),
    ((*RULE, "duty", 0, "@type"), "odrl:Permission", "permission[0].duty[0].@type: is no place for a Permission"),
    ((*RULE, "action"), {"@id": "odrl:read", "rdf:value": "odrl:sell"}, "permission[0].action.rdf:value"),
    ((*RULE, "target"), "_:b1", "permission[0].target: should be one id"),
    ((*CONSTRAINT, "rightOperand"), {"@value": "3", "odrl:unit": "urn:k"}, "rightOperand[0].unit: units are not read"),
    ((*CONSTRAINT, "rightOperand"), {"@value": "3", "@type": "urn:thousand"}, "rightOperand[0].@type: is no type of XML"),
    ((*CONSTRAINT, "rightOperand"), {"@value": "3", "@id": "4"}, "rightOperand[0]: has both @value and @id"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value", "said"), NAMED)
def test_what_has_no_place_is_named(path, value, said):
    with pytest.raises(Refusal) as refused:
        from_odrl(with_value(path, value))
    assert said in "\n".join(f"{p.where}: {p.en}" for p in refused.value.problems)


TOLERATED = [
    (("dct:title",), "a title"),
    (("https://schema.org/name",), "a name"),
    (("@context",), [GOOD["@context"][0], {"dct": "http://purl.org/dc/terms/", "http": "odrl:"}]),
    (("datong:terms",), {"target": "x"}),
    (("profile",), "https://example.org/profile"),
    (("timestamp",), "2026-03-02T00:00:00Z"),
    (("uid",), "o"),
    (("prohibitionn",), None),
    (("odrl:conflict",), [{"@id": "odrl:prohibit"}]),
    ((*RULE, "@type"), "Permission"),
    ((*RULE, "edc:note"), "x"),
    ((*RULE, "x-next"), "x"),
    ((*RULE, "duty", 0, "dct:title"), "x"),
    ((*RULE, "action"), {"@id": "use", "includedIn": "odrl:use"}),
    ((*CONSTRAINT, "@id"), "urn:c"),
    ((*CONSTRAINT, "rightOperand"), {"@value": "3", "@type": "xsd:integer"}),
    ((*CONSTRAINT, "rightOperand"), {"@value": "3", "@type": "http://www.w3.org/2001/XMLSchema#integer"}),
    ((*RULE, "dct:source"), "x"),
    (("https://example.org/prohibition",), [{"action": "odrl:sell"}]),
]


@pytest.mark.parametrize(("path", "value"), TOLERATED)
def test_what_changes_nothing_is_passed_over(path, value):
    assert from_odrl(with_value(path, value)) == from_odrl(GOOD)


def test_members_of_a_vocabulary_that_the_context_names_are_passed_over():
    named = {**GOOD, "@context": {"dct": "http://purl.org/dc/terms/"}, "dct:title": "a title"}
    assert from_odrl(named) == from_odrl(GOOD)


def test_a_prefix_of_the_policy_s_own_is_odrl_s():
    own = {**GOOD, "@context": {"o": "http://www.w3.org/ns/odrl/2/"}, "o:prohibition": [{"action": "odrl:sell"}]}
    assert from_odrl(own).prohibitions == (Rule("sell"),)


def test_no_context_of_the_policy_s_own_hides_a_prohibition():
    """Whatever it calls it: what JSON-LD takes for ODRL's is read, or the policy is refused."""
    forbidden, odrl = [{"action": "odrl:sell"}], "http://www.w3.org/ns/odrl/2/"
    for context, name in [
        ({"o": {"@id": odrl, "@prefix": True}}, "o:prohibition"),
        ({"w3": "http://www.w3.org/ns/", "o": "w3:odrl/2/"}, "o:prohibition"),
        ({"x:y": "odrl:prohibition"}, "x:y"),
        ([{"x:y": {"@id": odrl + "prohibition"}}], "x:y"),
        ({"part": odrl + "pro"}, "part:hibition"),
    ]:
        assert from_odrl({**GOOD, "@context": context, name: forbidden}).prohibitions == (Rule("sell"),), context


def test_a_name_that_stands_for_a_keyword_hides_nothing():
    for keyword in ("@nest", "@graph", "@included", "@reverse"):
        with pytest.raises(Refusal) as refused:
            from_odrl({**GOOD, "@context": {"x:n": keyword}, "x:n": {"prohibition": [{"action": "odrl:sell"}]}})
        assert [one.where for one in refused.value.problems] == ["x:n"], keyword


def test_a_later_context_does_not_change_what_a_name_already_stands_for():
    contexts = [{"o": "http://www.w3.org/ns/odrl/2/", "x:y": "o:prohibition"}, {"o": "https://example.org/"}]
    assert from_odrl({**GOOD, "@context": contexts, "x:y": [{"action": "odrl:sell"}]}).prohibitions == (Rule("sell"),)


def test_what_a_policy_s_own_context_shortens_is_read_in_full():
    """A prohibition on the offer's own data set, however it is spelt, is one on the offer."""
    read = from_odrl(
        {**GOOD, "@context": {"ex": "https://example.org/", "d": "urn:datong:ns:"}, "target": "https://example.org/d-1",
         "d:inherit": True, "prohibition": [
             {"action": "odrl:sell", "target": "ex:d-1", "constraint": {
                 "leftOperand": "d:application", "operator": "isAnyOf", "rightOperand": {"@id": "ex:app"}}}]}
    )  # fmt: skip
    [rule] = read.prohibitions
    assert (read.inherit, rule.target, rule.constraints[0].values) == (True, "", ("https://example.org/app",))


@pytest.mark.parametrize(
    "context",
    [
        {"permission": "odrl:prohibition"}, {"prohibition": "https://schema.org/name"}, {"lt": "odrl:gt"},
        {"distribute": {"@id": "odrl:read"}}, {"odrl": "https://example.org/"}, {"o": "odrl", "permission": "o:duty"},
        {"permission": {"@id": "odrl:permission", "@context": {"action": "odrl:target"}}},
        {"duty": {"@reverse": "odrl:duty"}}, {"permission": "a", "a": "permission"},
    ],
)  # fmt: skip
def test_a_context_that_gives_words_of_odrl_another_meaning_is_refused(context):
    with pytest.raises(Refusal) as refused:
        from_odrl({**GOOD, "@context": [GOOD["@context"][0], context]})
    assert "@context." in refused.value.problems[0].where


def test_a_context_within_a_rule_is_refused():
    with pytest.raises(Refusal) as refused:
        from_odrl(with_value((*RULE, "@context"), {"action": "odrl:target"}))
    assert [one.where for one in refused.value.problems] == ["permission[0].@context"]


def test_an_action_of_all_rules_is_that_of_each_without_one():
    read = from_odrl({"@id": "o", "action": "odrl:read", "permission": [{"target": "x"}, {"action": "use"}]})
    assert read.permissions == (Rule("read", target="x"), Rule("use"))


def test_alone_a_policy_s_target_and_assignee_are_those_of_each_rule_without_one():
    agreed = {"@id": "o", "target": "x", "assignee": {"uid": "a"}, "assigner": "o",
              "permission": [{"action": "use", "assigner": ["o"], "duty": {"action": "odrl:compensate"}},
                             {"action": "odrl:read", "target": "y", "assignee": "b"}]}  # fmt: skip
    duties = (Rule("compensate"),)
    assert from_odrl(agreed, alone=True).permissions == (
        Rule("use", duties=duties, target="x", assignee="a"), Rule("read", target="y", assignee="b")
    )  # fmt: skip
    assert from_odrl(agreed).permissions == (Rule("use", duties=duties), Rule("read", target="y", assignee="b"))


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


def test_an_offer_that_we_would_refuse_is_not_written():
    """Without targets of its own the rule about all data sets is forbidden by the one about this data set."""
    barred = checked(Policy("p", (Rule("read"), Rule("sell")), (Rule("read", target="T1"),)))
    with pytest.raises(Refusal) as refused:
        to_offer(barred, target="T1")
    assert (refused.value.code, [p.where for p in refused.value.problems]) == ("POL-422", ["permissions[0]"])


@pytest.mark.parametrize("member", ["and", "or"])
def test_deep_nesting_and_ten_thousand_constraints(member):
    deep = {"leftOperand": "count", "operator": "eq", "rightOperand": "3"}
    for _ in range(2000):
        deep = {member: [deep]}
    with pytest.raises(Refusal):
        from_odrl(with_value(CONSTRAINT, deep))
    with pytest.raises(Refusal):
        from_odrl(with_value((*RULE, "constraint"), [GOOD["permission"][0]["constraint"][0]] * 10_000))
