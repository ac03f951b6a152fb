"""Turtle for an evaluation: what is read, and every kind of bad input refused by name."""

import pytest

pytest.importorskip("rdflib", reason="needs the extra odrl")

from datong.ground.refusal import Refusal
from datong.terms.policy.compliance import ODRL, Term, report
from datong.wire.odrl import graphs

HEAD = """@prefix odrl: <http://www.w3.org/ns/odrl/2/> . @prefix ex: <http://example.org/> .
@prefix dct: <http://purl.org/dc/terms/> . @prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
@prefix temp: <http://example.com/request/> . @prefix sotw: <https://w3id.org/force/sotw#> .
@prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> .
"""
POLICY = "ex:p a odrl:Set ; odrl:permission [ odrl:action odrl:read ; odrl:target ex:x ; odrl:assignee ex:alice ] ."
REQUEST = (
    "ex:r a odrl:Request ; odrl:permission [ odrl:action odrl:read ; odrl:target ex:x ; odrl:assignee ex:alice ] ."
)
WORLD = 'temp:currentTime dct:issued "2026-03-02T08:00:00Z"^^xsd:dateTime .'


@pytest.fixture
def read(tmp_path):
    def reading(policy=POLICY, request=REQUEST, world=WORLD):
        paths = []
        for name, text in (("p.ttl", policy), ("r.ttl", request), ("w.ttl", world)):
            (tmp_path / name).write_bytes(text if isinstance(text, bytes) else (HEAD + text).encode())
            paths.append(tmp_path / name)
        return graphs.inputs(*paths)

    return reading


def outcome(inputs):
    policies, requests, world = inputs
    [policy], [(name, asked)] = policies, requests
    return report(policy, name, asked, world).outcome


def test_blank_nodes_and_a_request_that_fits(read):
    assert outcome(read()) == "allowed"


def test_what_the_policy_says_of_all_its_rules_holds_for_each(read):
    shared = "ex:p a odrl:Offer ; odrl:target ex:y ; odrl:permission [ odrl:action odrl:read ] ."
    assert outcome(read(shared)) == "default_denied"
    assert outcome(read(shared.replace("ex:y", "ex:x"))) == "allowed"


def test_the_request_states_facts_by_context_or_constraint_and_the_world_too(read):
    limited = POLICY.replace(
        "odrl:target", "odrl:constraint [ odrl:leftOperand odrl:purpose ; odrl:operator odrl:isAnyOf ; "
        "odrl:rightOperand ex:care, ex:study ] ; odrl:target",
    )  # fmt: skip
    fact = "[ odrl:leftOperand odrl:purpose ; odrl:operator odrl:eq ; odrl:rightOperand ex:study ]"
    assert outcome(read(limited)) == "default_denied"
    for member in ("sotw:context", "odrl:constraint"):
        assert outcome(read(limited, REQUEST.replace("odrl:target", f"{member} {fact} ; odrl:target"))) == "allowed"
    assert outcome(read(limited, world=f"{WORLD} ex:w ex:knows {fact} .")) == "allowed"
    assert outcome(
        read(limited.replace("ex:care, ex:study", "( ex:care ex:study )"), world=f"{WORLD} {fact[:-1]}] .")
    ) == ("allowed")


def test_a_collection_goes_by_its_source_too(read):
    policy = POLICY.replace("ex:x", "ex:all") + " ex:all a odrl:AssetCollection ; odrl:source ex:shelf ."
    assert outcome(read(policy, world=f"{WORLD} ex:x odrl:partOf ex:shelf .")) == "allowed"
    assert outcome(read(policy, world=f"{WORLD} ex:x odrl:partOf ex:other .")) == "default_denied"


def test_values_stay_as_they_were_written(read):
    _, _, world = read(world=WORLD.replace("08:00:00Z", "08:00:00.000Z"))
    assert world.now == Term("2026-03-02T08:00:00.000Z", "http://www.w3.org/2001/XMLSchema#dateTime")


def refused(call):
    with pytest.raises(Refusal) as found:
        call()
    return found.value.code, "\n".join(f"{p.where}: {p.en}" for p in found.value.problems)


CONSTRAINT = "ex:p a odrl:Set ; odrl:permission [ odrl:constraint [ {} ] ] ."
BAD = [
    ({"policy": "this is no turtle"}, "p.ttl:5: is not Turtle"),
    ({"policy": b"\xff\xfe"}, "is not UTF-8"),
    ({"policy": ""}, "holds no ODRL policy"),
    ({"policy": "ex:p a odrl:Set ."}, "http://example.org/p: has no rule"),
    ({"policy": POLICY[:-1] + "; odrl:inheritFrom ex:q ."}, "inheritFrom is not followed"),
    ({"policy": CONSTRAINT.format("odrl:operator odrl:eq ; odrl:rightOperand 3")}, "needs one odrl:leftOperand, has 0"),
    ({"policy": CONSTRAINT.format("odrl:leftOperand odrl:count ; odrl:operator odrl:eq")}, "has no odrl:rightOperand"),
    ({"policy": CONSTRAINT.format("odrl:leftOperand odrl:count ; odrl:operator odrl:is ; odrl:rightOperand 3")},
     "unknown operator is"),
    ({"policy": CONSTRAINT.format("odrl:leftOperand odrl:count ; odrl:operator odrl:eq ; odrl:rightOperandReference ex:l")},
     "is not fetched"),
    ({"policy": CONSTRAINT.format("odrl:or [ ] ; odrl:and [ ]")}, "mixes more than one logic"),
    ({"policy": 'ex:p a odrl:Set ; odrl:permission [ odrl:target "x" ] .'}, "should be an IRI"),
    ({"request": ""}, "holds no odrl:Request"),
    ({"request": "ex:r a odrl:Request ."}, "asks for nothing"),
    ({"world": ""}, "needs one temp:currentTime dct:issued, has 0"),
    ({"world": f"{WORLD} temp:currentTime dct:issued 3 ."}, "has 2"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "said"), BAD)
def test_bad_input_is_refused_by_name(read, change, said):
    code, problems = refused(lambda: read(**change))
    assert code == "POL-421"
    assert said in problems


def test_all_files_are_told_at_once(read):
    _, problems = refused(lambda: read(policy="ex:p a odrl:Set .", request="", world=""))
    assert [line.split(":")[0] for line in problems.splitlines()] == ["p.ttl", "r.ttl", "w.ttl"]


def test_ten_megabytes_and_deep_nesting(read):
    assert "is larger than" in refused(lambda: read(policy=b"# " + b"x" * 10_000_000))[1]
    deep = "[ odrl:permission " * 3000 + "[]" + " ]" * 3000
    assert "is nested too deeply" in refused(lambda: read(policy=f"ex:p ex:q {deep} ."))[1]
    logic = "[ odrl:and " * 40 + "[]" + " ]" * 40
    assert (
        "is nested too deeply"
        in refused(lambda: read(policy=f"ex:p a odrl:Set ; odrl:permission [ odrl:constraint {logic} ] ."))[1]
    )


def test_a_constraint_in_a_circle_ends(read):
    circle = "ex:p a odrl:Set ; odrl:permission [ odrl:constraint ex:c ] . ex:c odrl:and ex:c ."
    assert "is nested too deeply" in refused(lambda: read(policy=circle))[1]


def test_a_missing_file_is_told(tmp_path):
    code, problems = refused(lambda: graphs.inputs(tmp_path / "p", tmp_path / "r", tmp_path / "w"))
    assert code == "POL-421"
    assert problems.count("cannot be read") == 3


def test_without_the_extra_the_refusal_names_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "rdflib", None)
    with pytest.raises(Refusal) as found:
        graphs.read_turtle("p.ttl", b"")
    assert found.value.code == "POL-420"
    assert "datong[odrl]" in str(found.value)


def test_the_operand_terms_are_those_of_odrl(read):
    [policy], _, _ = read(
        CONSTRAINT.format("odrl:leftOperand odrl:count ; odrl:operator odrl:lteq ; odrl:rightOperand 3")
    )
    [constraint] = policy.rules[0].constraints
    assert (constraint.left, constraint.op, constraint.right) == (
        f"{ODRL}count", "lteq", (Term("3", "http://www.w3.org/2001/XMLSchema#integer"),)
    )  # fmt: skip
