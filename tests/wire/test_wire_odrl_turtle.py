"""The model as Turtle, and back without loss, whatever its ids are; what others write is read or refused by name."""

import sys
from pathlib import Path

import pytest

rdflib = pytest.importorskip("rdflib", reason="needs the extra odrl")
sys.path.insert(0, str(Path(__file__).parents[1] / "terms"))

from hypothesis import given, settings  # noqa: E402
from policy_drawn import accepted, policies  # noqa: E402

from datong.ground.refusal import Refusal  # noqa: E402
from datong.terms.policy import Constraint, Logical, Policy, Rule, checked, policy_hash  # noqa: E402
from datong.terms.policy.compliance import report  # noqa: E402
from datong.wire.odrl.evaluations import inputs  # noqa: E402
from datong.wire.odrl.turtle import from_turtle, to_turtle  # noqa: E402


@settings(max_examples=40, deadline=None)
@given(policies)
def test_round_trip_without_loss(drawn):
    policy = accepted(drawn)
    if policy is None:
        return
    again = from_turtle("p.ttl", to_turtle(policy).encode())
    assert again == policy
    assert policy_hash(again) == policy_hash(policy)


def test_the_order_of_many_rules_and_of_duties_is_kept():
    duties = tuple(Rule(action) for action in ("desensitize", "anonymize", "alert", "desensitize"))
    policy = checked(
        Policy("p", tuple(Rule("read", (Constraint("count", "lteq", str(n)),), duties) for n in range(30, 0, -1)))
    )
    assert from_turtle("p.ttl", to_turtle(policy).encode()) == policy


HEAD = """@prefix odrl: <http://www.w3.org/ns/odrl/2/> . @prefix ex: <http://example.org/> .
@prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> .
"""


def test_the_turtle_of_others():
    text = (
        HEAD
        + """ex:p a odrl:Agreement ; odrl:target ex:x ; odrl:assignee ex:a ;
      odrl:permission [ odrl:action odrl:read ; odrl:target ex:x ;
        odrl:constraint [ odrl:or [ odrl:leftOperand odrl:count ; odrl:operator odrl:lt ; odrl:rightOperand 3 ],
                                  [ odrl:leftOperand odrl:spatial ; odrl:operator odrl:isPartOf ; odrl:rightOperand "5201" ] ] ] ."""
    )
    policy = from_turtle("p.ttl", text.encode())
    assert policy.id == "http://example.org/p"
    [rule] = policy.permissions
    assert (rule.target, rule.assignee) == ("http://example.org/x", "http://example.org/a")
    [condition] = rule.constraints
    assert isinstance(condition, Logical)
    assert set(condition.parts) == {Constraint("count", "lt", "3"), Constraint("region", "isPartOf", ("5201",))}


def test_a_list_keeps_its_order():
    parts = [f'[ odrl:leftOperand odrl:count ; odrl:operator odrl:lteq ; odrl:rightOperand "{n}" ]' for n in (3, 1, 2)]
    text = f"ex:p a odrl:Set ; odrl:permission [ odrl:action odrl:read ; odrl:constraint [ odrl:andSequence ({' '.join(parts)}) ] ] ."
    [rule] = from_turtle("p.ttl", (HEAD + text).encode()).permissions
    assert rule.constraints == (Logical("andSequence", tuple(Constraint("count", "lteq", n) for n in "312")),)


def test_a_rule_s_own_assigner_may_be_the_policy_s():
    text = "ex:p a odrl:Set ; odrl:assigner ex:o ; odrl:permission [ odrl:action [ rdf:value odrl:read ] ; odrl:assigner ex:o ] ."
    assert from_turtle("p.ttl", (HEAD + text).encode()).permissions == (Rule("read"),)


REFUSED = [
    ("", "should hold one ODRL policy, holds 0"),
    ("ex:p a odrl:Set ; odrl:permission [ odrl:action odrl:print ] .", "unknown action 'print'"),
    ("ex:p a odrl:Set ; odrl:permission [ odrl:action odrl:read, odrl:use ] .", "should be one action"),
    ("ex:p a odrl:Set ; odrl:permission [ odrl:action odrl:read ; odrl:target ex:x, ex:y ] .", "should be one id"),
    (
        "ex:p a odrl:Set ; odrl:permission ex:r . ex:r odrl:action odrl:read ; odrl:duty ex:r .",
        "permission[0].duty[0].duty: has no place there",
    ),
    ("ex:p a odrl:Set ; odrl:permission [ odrl:actoin odrl:read ] .", "permission[0].actoin: is not read here"),
    ("ex:p a odrl:Set ; odrl:permission [ odrl:action odrl:read ; odrl:target [ ] ] .", "target: should be one id"),
    (
        "ex:p a odrl:Set ; odrl:assignee [ a ex:Group ] ; odrl:permission [ odrl:action odrl:read ] .",
        "assignee: should be one id",
    ),
    (
        "ex:p a odrl:Set ; odrl:permission [ odrl:action odrl:read ; odrl:target ex:c ] . ex:c odrl:refinement [ ] .",
        "permission[0].target.refinement: refinements are not understood",
    ),
    (
        "ex:p a odrl:Set ; odrl:permission [ odrl:action [ odrl:refinement [ ] ; rdf:value odrl:read ] ] .",
        "permission[0].action.refinement: refinements are not understood",
    ),
    ("ex:p a odrl:Set ; odrl:permission [ odrl:action [ ] ] .", "permission[0].action: should be one action"),
    (
        "ex:p a odrl:Set ; odrl:permission [ odrl:action odrl:read ; odrl:constraint _:l ] . _:l rdf:first ex:c ; rdf:rest _:l .",
        "odrl:constraint: should be one list with an end",
    ),
    (
        "ex:p a odrl:Set ; odrl:permission [ odrl:action odrl:read ; odrl:constraint (ex:c), ex:d ] .",
        "odrl:constraint: should be one list with an end",
    ),
    (
        "ex:p a odrl:Set ; odrl:permission [ odrl:action odrl:read ; odrl:constraint ex:a, ex:b, ex:c, ex:d ] . "
        + " ".join(f"ex:{one} odrl:or ex:a, ex:b, ex:c, ex:d ." for one in "abcd"),
        "stand inside each other without end",
    ),
    (
        "ex:p a odrl:Set ; odrl:permission [ odrl:action odrl:read ] ; odrl:prohibition [ odrl:action odrl:use ] .",
        "prohibition[0].action: use covers other actions in ODRL",
    ),
]


@pytest.mark.parametrize(("text", "said"), REFUSED)
def test_what_the_model_has_no_place_for_is_named(text, said):
    with pytest.raises(Refusal) as refused:
        from_turtle("p.ttl", (HEAD + text).encode())
    assert said in "\n".join(f"{p.where}: {p.en}" for p in refused.value.problems)


def test_what_we_write_another_evaluator_can_judge(tmp_path):
    """The model's own Turtle goes through the general evaluation and comes out as decided."""
    policy = checked(
        Policy(
            "http://example.org/p", (Rule("read", (Constraint("count", "lteq", "3"),), target="http://example.org/x"),)
        )
    )
    (tmp_path / "p.ttl").write_text(to_turtle(policy), encoding="utf-8")
    (tmp_path / "w.ttl").write_text(
        '<http://example.com/request/currentTime> <http://purl.org/dc/terms/issued> "2026-03-02T08:00:00Z"'
        "^^<http://www.w3.org/2001/XMLSchema#dateTime> .", encoding="utf-8",
    )  # fmt: skip
    outcomes = []
    for count in (3, 4):
        (tmp_path / "r.ttl").write_text(
            HEAD + f"""ex:r a odrl:Request ; odrl:permission [ odrl:action odrl:read ; odrl:target ex:x ; odrl:constraint
            [ odrl:leftOperand odrl:count ; odrl:operator odrl:eq ; odrl:rightOperand {count} ] ] .""", encoding="utf-8",
        )  # fmt: skip
        [made], [(name, asked)], world = inputs(tmp_path / "p.ttl", tmp_path / "r.ttl", tmp_path / "w.ttl")
        outcomes.append(report(made, name, asked, world).outcome)
    assert outcomes == ["allowed", "default_denied"]


FORBIDDING = "odrl:permission [ odrl:action odrl:read ] ; "


@pytest.mark.parametrize(
    ("said", "where"),
    [
        ("<https://www.w3.org/ns/odrl/2/prohibition> [ odrl:action odrl:sell ]", "https://www.w3.org/ns/odrl/2/prohibition"),
        ("odrl:prohibition [ odrl:action <http://w3.org/ns/odrl/2/sell> ]", "http://w3.org/ns/odrl/2/sell"),
        ("odrl:prohibition [ odrl:action odrl:sell ; odrl:constraint [ odrl:leftOperand odrl:count ; odrl:operator odrl:gt ; "
         "odrl:rightOperand '3'^^ex:thousand ] ]", "prohibition[0].constraint[0].rightOperand[0].@type"),
        ("odrl:permission [ a odrl:Prohibition ; odrl:action odrl:sell ]", "@type"),
        ("ex:forbids ex:r . ex:r a odrl:Prohibition ; odrl:action odrl:sell", "http://example.org/r"),
        ("<urn:datong:ns:inherits> true", "urn:datong:ns:inherits"),
        ("odrl:prohibition [ odrl:action odrl:distribute ] . odrl:distribute rdf:value odrl:sell", "action.http"),
    ],
)  # fmt: skip
def test_no_prohibition_of_a_file_is_lost_by_a_slip(said, where):
    with pytest.raises(Refusal) as refused:
        from_turtle("p.ttl", f"{HEAD}ex:p a odrl:Set ; {FORBIDDING}{said} .".encode())
    assert any(where in one.where for one in refused.value.problems), refused.value.problems


@pytest.mark.parametrize(
    ("said", "where"),
    [
        ("<https://www.w3.org/ns/odrl/2/prohibition> [ odrl:action odrl:read ]", "https://www.w3.org/ns/odrl/2/prohibition"),
        ("ex:forbids ex:f . ex:f a odrl:Prohibition ; odrl:action odrl:read", "http://example.org/f"),
        ("odrl:permission ex:f . ex:f a odrl:Prohibition ; odrl:action odrl:read", "http://example.org/f"),
    ],
)  # fmt: skip
def test_evaluating_refuses_what_may_be_a_prohibition(tmp_path, said, where):
    """Else the request would be judged by what is left of the policy."""
    policy = f"{HEAD}ex:p a odrl:Set ; {FORBIDDING}{said} ."
    request = f"{HEAD}ex:r a odrl:Request ; odrl:permission [ odrl:action odrl:read ] ."
    world = "@prefix t: <https://w3id.org/force/temporal#> . @prefix dct: <http://purl.org/dc/terms/> ."
    files = [tmp_path / name for name in ("p.ttl", "r.ttl", "w.ttl")]
    for file, text in zip(files, (policy, request, world), strict=True):
        file.write_text(text)
    with pytest.raises(Refusal) as refused:
        inputs(*files)
    assert any(where in one.where for one in refused.value.problems)
