"""Turtle for an evaluation: what is read, and every kind of bad input refused by name."""

import pytest

pytest.importorskip("rdflib", reason="needs the extra odrl")

from datong.ground.refusal import Refusal
from datong.terms.policy.compliance import ODRL, Term, report
from datong.wire.odrl import graphs
from datong.wire.odrl.evaluations import inputs

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
        return inputs(*paths)

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


TIMED = POLICY.replace(
    "odrl:target", "odrl:constraint [ odrl:leftOperand odrl:dateTime ; odrl:operator odrl:lt ; "
    'odrl:rightOperand "2026-01-01"^^xsd:date ] ; odrl:target',
)  # fmt: skip
EVALUATION = (
    "ex:r a sotw:EvaluationRequest ; sotw:evaluatedAction odrl:read ; sotw:evaluatedParty ex:alice ;"
    " sotw:evaluatedTarget ex:x {} ."
)


def parameter(feature, value):
    return f"; sotw:requestParameter [ sotw:describesFeature {feature} ; sotw:value {value} ]"


def test_an_evaluation_request_of_the_formal_semantics(read):
    assert outcome(read(request=EVALUATION.format(""))) == "allowed"
    assert outcome(read(request=EVALUATION.format("").replace("odrl:read", "odrl:sell"))) == "default_denied"
    older = EVALUATION.replace("evaluatedAction", "requestedAction").replace("evaluatedParty", "requestingParty")
    assert outcome(read(request=older.replace("evaluatedTarget", "requestedTarget").format(""))) == "allowed"
    _, [(name, [asked])], _ = read(request=EVALUATION.format(""))
    assert name == asked.id == "http://example.org/r"


@pytest.mark.parametrize(
    ("left", "feature", "allowed"),
    [
        ("odrl:purpose", "sotw:Purpose", True),
        ("odrl:deliveryChannel", "sotw:DeliveryChannel", True),
        ("odrl:recipient", "odrl:recipient", True),
        ("ex:role", "ex:role", True),
        ("odrl:purpose", "sotw:Recipient", False),
    ],
)
def test_a_request_parameter_gives_a_left_operand_its_value(read, left, feature, allowed):
    limited = POLICY.replace(
        "odrl:target", f"odrl:constraint [ odrl:leftOperand {left} ; odrl:operator odrl:eq ; "
        "odrl:rightOperand ex:care ] ; odrl:target",
    )  # fmt: skip
    made = outcome(read(limited, EVALUATION.format(parameter(feature, "ex:care"))))
    assert made == ("allowed" if allowed else "default_denied")
    assert outcome(read(limited, EVALUATION.format(parameter(feature, "ex:sale")))) == "default_denied"


@pytest.mark.parametrize("feature", ["sotw:TemporalData", "sotw:CurrentXSDDateTime", "odrl:dateTime"])
def test_a_request_says_its_time_where_the_world_gives_none(read, feature):
    for day, expected in (("2025-12-31", "allowed"), ("2026-01-02", "default_denied")):
        time = f'"{day}T08:00:00Z"^^xsd:dateTime'
        inputs = read(TIMED, EVALUATION.format(parameter(feature, time)), world="ex:w a sotw:SotW .")
        assert outcome(inputs) == expected
        [policy], [(name, asked)], world = inputs
        assert report(policy, name, asked, world).created.text == f"{day}T08:00:00Z"


def test_the_world_names_its_clock(read):
    for clock in ("ex:clock . ex:clock dct:issued", ""):
        world = f'ex:w a sotw:SotW ; sotw:currentTime {clock} "2025-03-02T08:00:00Z"^^xsd:dateTime .'
        assert outcome(read(TIMED, world=world)) == "allowed"


def test_who_asks_does_not_say_what_time_it_is(read):
    same = '"2026-03-02T16:00:00+08:00"^^xsd:dateTime'
    assert outcome(read(TIMED, EVALUATION.format(parameter("sotw:TemporalData", same)))) == "default_denied"
    other = '"2025-03-02T08:00:00Z"^^xsd:dateTime'
    for request in (
        EVALUATION.format(parameter("sotw:TemporalData", other)),
        REQUEST.replace("odrl:target", f"odrl:constraint [ odrl:leftOperand odrl:dateTime ; odrl:rightOperand {other} ]"
                        " ; odrl:target"),
    ):  # fmt: skip
        code, problems = refused(lambda request=request: read(TIMED, request))
        assert code == "POL-421"
        assert "r.ttl: is of the time 2025-03-02T08:00:00Z, not 2026-03-02T08:00:00Z" in problems


@pytest.mark.parametrize(
    ("op", "paid", "expected"),
    [
        ("gteq", "5.00 ; odrl:unit ex:euro", "allowed"),
        ("gteq", "4.99 ; odrl:unit ex:euro", "default_denied"),
        ("gteq", "9.00 ; odrl:unit ex:dollar", "default_denied"),
        ("gteq", "9.00", "default_denied"),
        ("neq", "4.00 ; odrl:unit ex:euro", "allowed"),
        ("neq", "4.00 ; odrl:unit ex:dollar", "default_denied"),
        ("isNoneOf", "4.00 ; odrl:unit ex:dollar", "default_denied"),
    ],
)
def test_amounts_compare_in_one_unit(read, op, paid, expected):
    """Example 22 of the ODRL Information Model: an amount in euros."""
    limit = (
        f"[ odrl:leftOperand odrl:payAmount ; odrl:operator odrl:{op} ; odrl:rightOperand 5.00 ; odrl:unit ex:euro ]"
    )
    fact = f"[ odrl:leftOperand odrl:payAmount ; odrl:operator odrl:eq ; odrl:rightOperand {paid} ]"
    limited = POLICY.replace("odrl:target", f"odrl:constraint {limit} ; odrl:target")
    refined = POLICY.replace("odrl:action odrl:read", f"odrl:action [ rdf:value odrl:read ; odrl:refinement {limit} ]")
    stated = REQUEST.replace("odrl:target", f"odrl:constraint {fact} ; odrl:target")
    assert outcome(read(limited, stated)) == outcome(read(refined, stated)) == expected
    assert outcome(read(limited, world=f"{WORLD} ex:w ex:knows {fact} .")) == expected


def refused(call):
    with pytest.raises(Refusal) as found:
        call()
    return found.value.code, "\n".join(f"{p.where}: {p.en}" for p in found.value.problems)


CONSTRAINT = "ex:p a odrl:Set ; odrl:permission [ odrl:action odrl:read ; odrl:constraint [ {} ] ] ."
RULE = "ex:p a odrl:Set ; odrl:permission [ {} ] ."
DUTY = RULE.format("odrl:action odrl:read ; odrl:duty [ {} ]")
RIGHT = CONSTRAINT.format("odrl:leftOperand odrl:version ; odrl:operator odrl:eq ; odrl:rightOperand {}")
TIME = CONSTRAINT.format("odrl:leftOperand odrl:dateTime ; odrl:operator odrl:gt ; odrl:rightOperand {}")
STATED = REQUEST.replace("odrl:target", "odrl:constraint [ odrl:leftOperand odrl:count ; {} ] ; odrl:target")
REPORT = "@prefix cr: <https://w3id.org/force/compliance-report#> . ex:r a cr:DutyReport ; cr:rule ex:d ; {} ."
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
    ({"policy": POLICY.replace("odrl:action", "odrl:actoin")}, "no place for odrl:actoin; did you mean action?"),
    ({"policy": POLICY.replace("odrl:target", "odrl:constraints [ ] ; odrl:target")},
     "no place for odrl:constraints; did you mean constraint"),
    ({"policy": POLICY[:-1] + "; odrl:prohibitions [ ] ."}, "no place for odrl:prohibitions; did you mean prohibition"),
    ({"policy": POLICY[:-1] + "; odrl:constraint [ ] ."}, "odrl:constraint is read in rules only"),
    ({"policy": DUTY.format("odrl:action odrl:pay ; odrl:constrain [ ]")}, "no place for odrl:constrain; did you mean"),
    ({"policy": DUTY.format("odrl:action odrl:pay ; odrl:consequence [ odrl:actions odrl:pay ]")}, "odrl:actions"),
    ({"policy": DUTY.format("odrl:constraint [ odrl:leftOperand odrl:count ]")}, "needs one odrl:operator, has 0"),
    ({"policy": RIGHT.format("3 ; odrl:rightOperands 4")}, "odrl:rightOperands; did you mean rightOperand"),
    ({"policy": RIGHT.format("3 ; odrl:unit ex:kilo, ex:pound")}, "odrl:unit should be one IRI"),
    ({"policy": RIGHT.format('3 ; odrl:unit "kg"')}, "odrl:unit should be one IRI"),
    ({"policy": CONSTRAINT.format("odrl:unit ex:kilo ; odrl:or [ ]")}, "has no odrl:unit of its own"),
    ({"policy": POLICY[:-1] + "; odrl:unit ex:kilo ."}, "has no place for odrl:unit"),
    ({"policy": POLICY.replace("ex:x", "[ odrl:source ex:x ; odrl:refinment [ ] ]")}, "did you mean refinement?"),
    ({"request": REQUEST.replace("odrl:target", "odrl:constraints [ ] ; odrl:target")}, "did you mean constraint"),
    ({"request": REQUEST.replace("odrl:permission", "odrl:permision [ ] ; odrl:permission")}, "did you mean permission?"),
    ({"request": EVALUATION.format("; sotw:evaluatedParti ex:bob")}, "no place for sotw:evaluatedParti; did you mean"),
    ({"request": "ex:r a sotw:EvaluationRequest ."}, "has no sotw:evaluatedAction"),
    ({"request": EVALUATION.format(parameter("sotw:Purpos", "ex:a"))}, "the unknown sotw:Purpos; did you mean Purpose"),
    ({"request": EVALUATION.format("; sotw:requestParameter [ sotw:value 3 ]")}, "needs one sotw:describesFeature, has 0"),
    ({"request": EVALUATION.format("; sotw:requestParameter [ sotw:describesFeature sotw:Count ]")},
     "needs one sotw:value, has 0"),
    ({"request": EVALUATION.format(parameter("sotw:TemporalData", '"2025-11-24T11:44.22"^^xsd:dateTime')), "world": ""},
     "which is no xsd:dateTime"),
    ({"request": EVALUATION.format(parameter("sotw:TemporalData", '"2025-11-24"^^xsd:date')), "world": ""},
     "which is no xsd:dateTime"),
    ({"world": ""}, "needs one temp:currentTime dct:issued, has 0"),
    ({"request": STATED.format("odrl:rightOperand 3 ; odrl:unit 3")}, "odrl:unit should be one IRI"),
    ({"policy": RULE.format("odrl:target ex:x")}, "has no odrl:action"),
    ({"policy": RULE.format("")}, "has no odrl:action"),
    ({"policy": RULE.format("a odrl:Permission")[:-1] + "; odrl:target ex:x ."}, "has no odrl:action"),
    ({"policy": RULE.format("odrl:action [ odrl:refinement [ ] ]")}, "is an action and needs one rdf:value, has 0"),
    ({"policy": RULE.format("odrl:action [ rdf:value odrl:read, odrl:use ]")}, "needs one rdf:value, has 2"),
    ({"request": REQUEST.replace("odrl:read", "[ ]")}, "is an action and needs one rdf:value, has 0"),
    ({"policy": POLICY.replace("ex:x", "[ a odrl:AssetCollection ]")}, "goes by no name"),
    ({"request": REQUEST.replace("ex:x", '"x"')}, "odrl:target should be an IRI"),
    ({"policy": POLICY.replace("ex:x", "()")}, "odrl:target should be an IRI"),
    ({"policy": CONSTRAINT.format('odrl:leftOperand "count" ; odrl:operator odrl:eq ; odrl:rightOperand 3')},
     "odrl:leftOperand should be an IRI"),
    ({"policy": POLICY[:-1] + "; odrl:conflict odrl:perm, odrl:prohibit ."}, "needs one odrl:conflict, has 2"),
    ({"policy": POLICY[:-1] + "; odrl:conflict odrl:permit ."}, "unknown odrl:conflict http://www.w3.org/ns/odrl/2/permit; did"),
    ({"policy": RIGHT.format("_:l") + " _:l rdf:first 1 ; rdf:rest _:l ."}, "is a list that runs in a circle or is broken"),
    ({"policy": RIGHT.format("_:l") + " _:l rdf:first 1 ; rdf:rest [ ] ."}, "is a list that runs in a circle or is broken"),
    ({"policy": RIGHT.format("_:l") + " _:l rdf:rest () ."}, "is a list that runs in a circle or is broken"),
    ({"policy": DUTY.format("odrl:action odrl:pay ; odrl:consequence ex:d")
      + " ex:d odrl:action odrl:pay ; odrl:consequence ex:d ."}, "http://example.org/d: is nested too deeply: within itself"),
    *[({"policy": RIGHT.format(f'"{text}"^^xsd:{kind}')}, f"says '{text}', which is no xsd:{kind}")
      for text, kind in [("tomorrow", "dateTime"), ("2026-03-02", "dateTime"), ("2026-02-30", "date"), ("2026-03-02Z+1", "date"),
                         ("three", "integer"), ("3.5", "integer"), ("-1", "nonNegativeInteger"), ("P", "duration"),
                         ("P1YT", "duration"), ("P1D", "yearMonthDuration"), ("25:00:00", "time"), ("yes", "boolean")]],
    ({"policy": TIME.format('"2026-03-02T08:00:00Z"')}, "compares the time with '2026-03-02T08:00:00Z', no xsd:dateTime"),
    ({"policy": TIME.format("2026")}, "compares the time with '2026', no xsd:dateTime or xsd:date"),
    ({"request": STATED.format('odrl:rightOperand "many"^^xsd:integer')}, "says 'many', which is no xsd:integer"),
    ({"request": STATED.format("odrl:operator odrl:eq")}, "has no odrl:rightOperand"),
    ({"world": 'temp:currentTime dct:issued "yesterday" .'}, "says 'yesterday', which is no xsd:dateTime"),
    ({"world": 'temp:currentTime dct:issued "yesterday"^^xsd:dateTime .'}, "says 'yesterday', which is no xsd:dateTime"),
    ({"world": 'temp:currentTime dct:issued "2026-03-02"^^xsd:date .'}, "says '2026-03-02', which is no xsd:dateTime"),
    ({"world": WORLD + REPORT.format("cr:deonticState cr:Fulfiled")}, "needs one deonticState of Violated, NonSet, Fulfilled"),
    ({"world": WORLD + REPORT.format("cr:performanceState cr:Performed, cr:Unknown")}, "needs one performanceState of"),
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
    code, problems = refused(lambda: inputs(tmp_path / "p", tmp_path / "r", tmp_path / "w"))
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


def test_members_of_other_vocabularies_and_a_profile_are_left_alone(read):
    said = 'dct:title "p" ; odrl:profile ex:own ; ex:odd 3'
    assert outcome(read(POLICY[:-1] + f"; {said} .")) == "allowed"
    assert outcome(read(POLICY.replace("odrl:target", "dct:title 'rule' ; ex:constraint 3 ; odrl:target"))) == "allowed"


def test_a_rule_of_which_nothing_is_said_but_its_type_is_reported_and_permits_nothing(read):
    assert outcome(read(RULE.format("a odrl:Permission"))) == "default_denied"
    barred = POLICY[:-1] + "; odrl:prohibition [ a odrl:Prohibition ] ."
    assert outcome(read(barred)) == "denied"


def test_an_action_goes_by_its_value_in_policies_and_requests(read):
    barred = POLICY[:-1] + "; odrl:prohibition [ odrl:action [ rdf:value odrl:use ] ] ."
    assert outcome(read(barred)) == "denied"
    valued = REQUEST.replace("odrl:read", "[ rdf:value odrl:read ]")
    assert outcome(read(request=valued)) == "allowed"
    fine = "[ odrl:leftOperand odrl:resolution ; odrl:operator odrl:{} ; odrl:rightOperand {} ]"
    limited = POLICY.replace("odrl:read", f"[ rdf:value odrl:read ; odrl:refinement {fine.format('lteq', 600)} ]")
    for resolution, expected in ((300, "allowed"), (900, "default_denied")):
        refined = f"[ rdf:value odrl:read ; odrl:refinement {fine.format('eq', resolution)} ]"
        assert outcome(read(limited, REQUEST.replace("odrl:read", refined))) == expected


@pytest.mark.parametrize("whole", ["ex:all", "ex:shelf"])
@pytest.mark.parametrize(("form", "expected"), [("csv", "allowed"), ("pdf", "default_denied")])
def test_a_refined_collection_goes_by_its_name_and_its_source(read, whole, form, expected):
    fact = "odrl:leftOperand odrl:fileFormat ; odrl:operator odrl:eq ; odrl:rightOperand"
    policy = POLICY.replace("ex:x", "ex:all") + f" ex:all odrl:source ex:shelf ; odrl:refinement [ {fact} 'csv' ] ."
    assert outcome(read(policy, world=f"{WORLD} ex:x odrl:partOf {whole} . [] {fact} '{form}' .")) == expected


def test_a_collection_without_a_name_is_found_by_its_parts_and_its_source(read):
    policy = POLICY.replace("ex:x", "_:all") + " _:all odrl:source ex:shelf . ex:x odrl:partOf _:all ."
    assert outcome(read(policy)) == "allowed"
    assert outcome(read(POLICY.replace("ex:x", "[ odrl:source ex:x ]"))) == "allowed"
    assert outcome(read(request=REQUEST.replace("ex:x", "[ odrl:uid ex:x ]"))) == "allowed"


def test_a_policy_without_a_type_beside_one_with_a_type_is_read_too(read):
    second = " ex:q odrl:uid ex:q ; odrl:prohibition ex:no . ex:no odrl:action odrl:read ; odrl:uid ex:no ; odrl:remedy ex:pay ."
    policies, _, _ = read(POLICY + second)
    assert [one.id for one in policies] == ["http://example.org/p", "http://example.org/q"]


def test_blank_nodes_of_policy_request_and_world_have_names_of_their_own(read):
    [policy], [(_, [asked])], world = read(
        world=f"{WORLD} @prefix cr: <https://w3id.org/force/compliance-report#> . [] a cr:DutyReport ; cr:rule ex:d ."
    )
    assert len({policy.rules[0].id, asked.id, world.duties["http://example.org/d"].report}) == 3


@pytest.mark.parametrize(("nodes", "ends"), [(12, True), (16, False)])
def test_nodes_that_fan_out_end_soon(read, nodes, ends):
    """Each node has all after it as parts: 2^(n - 1) constraints in all."""
    wide = " ".join(f"ex:c{n} odrl:or {', '.join(f'ex:c{m}' for m in range(n + 1, nodes))} ." for n in range(nodes - 1))
    last = f"ex:c{nodes - 1} odrl:leftOperand odrl:count ; odrl:operator odrl:eq ; odrl:rightOperand 1 ."
    policy = f"{RULE.format('odrl:action odrl:read ; odrl:constraint ex:c0')} {wide} {last}"
    if ends:
        assert outcome(read(policy)) == "default_denied"
    else:
        assert refused(lambda: read(policy))[1] == "p.ttl: has more than 10000 constraints and duties"


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
@pytest.mark.parametrize(
    ("other", "expected"),
    [("cr:deonticState cr:Violated", "default_denied"), ("cr:performanceState cr:Unperformed", "default_denied"),
     ("cr:deonticState cr:NonSet", "conditional"), ("cr:performanceState cr:Performed", "allowed")],
)  # fmt: skip
def test_of_several_reports_on_one_duty_the_worst_counts(read, order, other, expected):
    reports = {1: "cr:deonticState cr:Fulfilled ; cr:performanceState cr:Performed", 2: other}
    told = [f"ex:r{n} a cr:DutyReport ; cr:rule ex:d ; {reports[n]} ." for n in order]
    renamed = [
        line.replace(f"ex:r{n} ", f"ex:r{place} ") for place, (n, line) in enumerate(zip(order, told, strict=True))
    ]
    policy = RULE.format("odrl:action odrl:read ; odrl:duty ex:d") + " ex:d odrl:action odrl:compensate ."
    head = "@prefix cr: <https://w3id.org/force/compliance-report#> . "
    assert outcome(read(policy, world=head + WORLD + " ".join(renamed))) == expected


def test_a_report_without_a_deontic_state_leaves_it_to_the_obligation(read):
    _, _, world = read(world=WORLD + REPORT.format("cr:performanceState cr:Unperformed"))
    assert world.duties["http://example.org/d"].deontic == ""


def test_nothing_but_the_refusal_is_said_of_a_literal_that_is_not_of_its_type(read, caplog):
    refused(lambda: read(RIGHT.format('"three"^^xsd:integer')))
    assert not caplog.records


def test_who_reads_a_graph_for_something_else_is_told_of_a_broken_list():
    graph = graphs.read_turtle(
        "p.ttl", (HEAD + "ex:c odrl:rightOperand _:l . _:l rdf:first 1 ; rdf:rest _:l .").encode()
    )
    reader = graphs.Reader("p.ttl", graph)
    code, problems = refused(lambda: reader.all(graphs.iri("http://example.org/c"), "rightOperand"))
    assert (code, "runs in a circle" in problems) == ("POL-421", True)


def test_who_reads_a_graph_for_something_else_comes_to_an_end():
    said = " ".join(f"ex:c{n} odrl:or ex:c0, ex:c1, ex:c2, ex:c3 ." for n in range(4))
    reader = graphs.Reader("p.ttl", graphs.read_turtle("p.ttl", (HEAD + said).encode()))

    def told(node, depth):
        return [told(one, depth + 1) for one in reader.all(node, "or")] if depth < 16 else []

    assert "refer to each other too often" in refused(lambda: told(graphs.iri("http://example.org/c0"), 0))[1]
