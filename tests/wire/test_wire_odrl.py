"""Policies as ODRL: valid by the official schemas (ours and the conformance kit's older ones), and back without loss."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft201909Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT201909

from datong.ground.refusal import Refusal
from datong.terms.policy import ACTIONS, LOGIC, Constraint, Logical, Policy, Rule, checked
from datong.wire.dsp.messages import SCHEMAS, problems
from datong.wire.odrl import from_odrl, to_agreement, to_offer

GOLDEN = Path(__file__).parent / "golden" / "dsp"
STAMP = "2026-03-02T00:00:00Z"

constraint = st.one_of(
    st.builds(Constraint, st.just("purpose"), st.sampled_from(["isAnyOf", "isNoneOf", "isPartOf"]),
              st.lists(st.sampled_from(["public_governance", "public_welfare"]), min_size=1, max_size=2).map(tuple)),
    st.builds(Constraint, st.just("count"), st.sampled_from(["lteq", "lt", "eq", "neq"]), st.sampled_from(["1", "9"])),
    st.builds(Constraint, st.just("time"), st.sampled_from(["gteq", "lt"]), st.just(STAMP)),
    st.builds(Constraint, st.just("region"), st.just("isPartOf"), st.just(("5201",))),
    st.builds(Constraint, st.sampled_from(["dataField", "application", "algorithm"]), st.just("isA"), st.text(min_size=1)),
    st.builds(Constraint, st.just("payAmount"), st.just("gteq"), st.just("100.00 CNY")),
    st.builds(Constraint, st.just("executionEnv"), st.just("eq"), st.just("02")),
)  # fmt: skip
condition = st.recursive(
    constraint,
    lambda inner: st.builds(
        Logical, st.sampled_from(sorted(LOGIC)), st.lists(inner, min_size=1, max_size=3).map(tuple)
    ),
    max_leaves=3,
)
rule = st.recursive(
    st.builds(
        Rule,
        st.sampled_from(sorted(ACTIONS)),
        st.lists(condition, max_size=3).map(tuple),
        st.just(()),
        st.just(""),
        st.sampled_from(["", "91520100MA6HDATA3X"]),
    ),
    lambda inner: st.builds(
        Rule, st.sampled_from(sorted(ACTIONS)), st.just(()), st.lists(inner, max_size=2).map(tuple)
    ),
    max_leaves=4,
)
barred = rule.filter(lambda one: one.action != "use")  # as a prohibition `use` means more in ODRL, and is refused
policy = st.builds(
    Policy, st.just("offer-1"), st.lists(rule, min_size=1, max_size=3).map(tuple), st.lists(barred, max_size=2).map(tuple),
    st.lists(rule, max_size=2).map(tuple), st.booleans(),
)  # fmt: skip


def older_schemas() -> Draft201909Validator:
    """The contract schema of the conformance kit."""
    found = [
        Resource.from_contents(json.loads(file.read_text()), default_specification=DRAFT201909)
        for file in (GOLDEN / "tck" / "dsp-contract-negotiation").rglob("*-schema.json")
    ]
    registry = Registry().with_resources([(str(resource.id()), resource) for resource in found])
    return Draft201909Validator(
        {"$ref": f"{SCHEMAS}negotiation/contract-offer-message-schema.json"}, registry=registry
    )  # fmt: skip


OLDER = older_schemas()


@settings(max_examples=200, deadline=None)
@given(policy)
def test_round_trip_without_loss_and_valid(drawn):
    try:
        written = checked(drawn)
    except Refusal:
        return
    bare = to_offer(written)
    offer = to_offer(written, target="d-1")
    agreement = to_agreement(written, target="d-1", assigner="P", assignee="C", timestamp=STAMP)
    for form in (bare, offer, agreement):
        assert from_odrl(json.loads(json.dumps(form))) == written
    context = ["https://w3id.org/dspace/2025/1/context.jsonld"]
    message = {
        "@context": context, "@type": "ContractOfferMessage", "providerPid": "p", "consumerPid": "c", "offer": offer,
    }  # fmt: skip
    dataset = {
        "@context": context, "@id": "d-1", "@type": "Dataset", "hasPolicy": [bare],
        "distribution": [{"format": "f", "accessService": "s"}],
    }  # fmt: skip
    agreed = {
        "@context": context, "@type": "ContractAgreementMessage", "providerPid": "p", "consumerPid": "c",
        "agreement": agreement,
    }  # fmt: skip
    assert [problems(one) for one in (message, dataset, agreed)] == [[], [], []]
    assert list(OLDER.iter_errors(message)) == []


def test_the_terms_a_json_ld_peer_can_expand():
    written = checked(
        Policy("o", (Rule("use"), Rule("read", (Constraint("purpose", "isA", "public_welfare"),)), Rule("compute")))
    )
    assert to_offer(written)["permission"] == [
        {"action": "use"},
        {
            "action": "odrl:read",
            "constraint": [{"leftOperand": "odrl:purpose", "operator": "isA", "rightOperand": "public_welfare"}],
        },
        {"action": "urn:datong:ns:compute"},
    ]


READINGS = [
    ({"leftOperand": "dateTime", "operator": "lteq", "rightOperand": STAMP}, Constraint("time", "lteq", STAMP)),
    ({"leftOperand": "http://www.w3.org/ns/odrl/2/count", "operator": "odrl:eq", "rightOperand": {"@value": "3"}},
     Constraint("count", "eq", "3")),
    ({"leftOperand": "odrl:spatial", "operator": "isPartOf", "rightOperand": "5201"},
     Constraint("region", "isPartOf", ("5201",))),
    ({"and": [{"leftOperand": "count", "operator": "eq", "rightOperand": "3"}]}, Constraint("count", "eq", "3")),
    ({"or": [{"leftOperand": "count", "operator": "eq", "rightOperand": "3"}]}, Constraint("count", "eq", "3")),
    ({"odrl:xone": {"@list": [{"leftOperand": "count", "operator": "eq", "rightOperand": "3"},
                              {"leftOperand": "count", "operator": "eq", "rightOperand": "4"}]}},
     Logical("xone", (Constraint("count", "eq", "3"), Constraint("count", "eq", "4")))),
    ({"andSequence": [{"@list": [{"leftOperand": "count", "operator": "eq", "rightOperand": "4"},
                                 {"leftOperand": "count", "operator": "eq", "rightOperand": "4"}]}]},
     Logical("andSequence", (Constraint("count", "eq", "4"),) * 2)),
    ({"@list": [{"leftOperand": "count", "operator": "eq", "rightOperand": "3"}]}, Constraint("count", "eq", "3")),
    ({"leftOperand": ["count"], "operator": "eq", "rightOperand": "3"}, Constraint("count", "eq", "3")),
    ({"leftOperand": [{"@id": "odrl:count"}], "operator": [{"@id": "odrl:eq"}], "rightOperand": [{"@value": "3"}]},
     Constraint("count", "eq", "3")),
    ({"leftOperand": "odrl:purpose", "operator": "isAnyOf", "rightOperand": {"@set": ["public_welfare"]}},
     Constraint("purpose", "isAnyOf", ("public_welfare",))),
]  # fmt: skip


@pytest.mark.parametrize(("constraint", "meant"), READINGS)
def test_forms_other_peers_write_are_read(constraint, meant):
    offer = {"@id": "o", "@type": "Offer", "permission": [{"action": "use", "constraint": [constraint]}]}
    assert from_odrl(offer).permissions == (Rule("use", (meant,)),)


REFUSED = [
    {"or": []},
    {"or": [{"leftOperand": "count", "operator": "eq", "rightOperand": "3"}], "and": []},
    {
        "leftOperand": "count",
        "operator": "eq",
        "rightOperand": "3",
        "refinement": [{}],
    },  # it would widen what is permitted
    {"leftOperand": "count", "operator": "eq", "rightOperandReference": "https://example.org/limit"},
    {"leftOperand": "count", "operator": "eq", "rightOperand": []},
    {"leftOperand": "partner", "operator": "eq", "rightOperand": "gold"},
    {"leftOperand": "count", "operator": "eq", "rightOperand": 3},
    {"leftOperand": "count", "operator": "term-lteq", "rightOperand": "3"},
    {"leftOperand": ["count", "dateTime"], "operator": "eq", "rightOperand": "3"},
    "count eq 3",
    None,
]


@pytest.mark.parametrize("constraint", REFUSED)
def test_what_has_no_equal_is_refused_never_dropped(constraint):
    offer = {"@id": "o", "@type": "Offer", "permission": [{"action": "use", "constraint": [constraint]}]}
    with pytest.raises(Refusal) as refused:
        from_odrl(offer)
    assert refused.value.code == "POL-400"


def test_endless_nesting_is_refused():
    nested = {"leftOperand": "count", "operator": "eq", "rightOperand": "3"}
    for _ in range(200):
        nested = {"and": [nested]}
    with pytest.raises(Refusal):
        from_odrl({"@id": "o", "permission": [{"action": "use", "constraint": [nested]}]})
