"""The public ODRL Test Suite: our compliance reports are the expected ones, triple by triple (tests/data/odrl)."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest

rdflib = pytest.importorskip("rdflib", reason="needs the extra odrl")
from rdflib.compare import isomorphic  # noqa: E402

from datong.terms.policy.compliance import report  # noqa: E402
from datong.wire.odrl.evaluations import inputs  # noqa: E402
from datong.wire.odrl.reports import as_json_ld  # noqa: E402

SUITE = Path(__file__).parents[1] / "data/odrl"
CASES = sorted((SUITE / "test_cases").glob("*.ttl"))
EX = rdflib.Namespace("http://example.org/")
CR = rdflib.Namespace("https://w3id.org/force/compliance-report#")


@cache
def files(folder: str) -> dict[str, Path]:
    """What is described in the files of a folder -> the file."""
    return {
        str(one): file
        for file in sorted((SUITE / folder).glob("*.ttl"))
        for one in rdflib.Graph().parse(file).subjects(rdflib.RDF.type, None)
    }


def nameless(graph):
    """Every subject as a blank node: reports are the same when they are but for their ids."""
    subjects = {one: rdflib.BNode() for one in graph.subjects()}
    changed = rdflib.Graph()
    for subject, predicate, value in graph:
        changed.add((subjects[subject], predicate, subjects.get(value, value)))
    return changed


@pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated")  # rdflib's own reader of JSON-LD uses it
@pytest.mark.parametrize("case", CASES, ids=lambda file: file.stem)
def test_the_report_is_the_expected_one(case):
    expected = rdflib.Graph().parse(case)
    test = next(expected.subjects(rdflib.RDF.type, EX.TestCase))
    named = {name: str(expected.value(test, EX[name])) for name in ("policy", "request", "sotw")}
    expected.remove((test, None, None))
    policies, requests, world = inputs(
        files("policies")[named["policy"]], files("requests")[named["request"]], files("sotw")[named["sotw"]]
    )
    made = as_json_ld([report(policy, name, asked, world) for policy in policies for name, asked in requests])
    ours = rdflib.Graph().parse(data=json.dumps(made), format="json-ld")
    assert {str(one) for one in ours.objects(None, CR.policy)} == {named["policy"]}
    assert {str(one) for one in ours.objects(None, CR.policyRequest)} == {named["request"]}
    assert isomorphic(nameless(ours), nameless(expected))


def test_all_fifty_cases_are_here_and_both_ways_occur():
    assert len(CASES) == 50
    text = "".join(case.read_text("utf-8") for case in CASES)
    assert "report:Active" in text
    assert "report:Inactive" in text
