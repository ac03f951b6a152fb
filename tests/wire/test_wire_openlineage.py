"""Lineage events: valid against the schemas of OpenLineage, kept in files, given to a collector with a token."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from starlette.applications import Starlette

from asgi import Asgi
from datong.compose import rules
from datong.deidentify.model.joint import Form, Level, Measure, Part, Recipe, Types
from datong.ground.db import NODE, Actor, Store
from datong.ground.refusal import Refusal
from datong.harmonise import service as harmonise
from datong.register import service as register
from datong.wire import openlineage

Act = Callable[..., Actor]
HERE = Path(__file__).parent / "openlineage"
FILES = [
    json.loads(file.read_text("utf-8")) for file in (HERE / "OpenLineage.json", *sorted(HERE.glob("facets/*.json")))
]
SCHEMAS = {schema["$id"]: schema for schema in FILES}
REGISTRY: Any = Registry().with_resources((name, Resource.from_contents(schema)) for name, schema in SCHEMAS.items())
CORE = "https://openlineage.io/spec/2-0-2/OpenLineage.json"


def problems(event: dict[str, Any]) -> list[str]:
    """What is wrong with an event, its facets held each against the schema it names."""
    checker = Draft202012Validator.FORMAT_CHECKER
    found = [
        e.message
        for e in Draft202012Validator({"$ref": CORE}, registry=REGISTRY, format_checker=checker).iter_errors(event)
    ]
    for name, facet in facets(event):
        known = facet["_schemaURL"].partition("#")[0]
        assert known in SCHEMAS, f"{name}: there is no schema {known}"
        schema = {"$ref": facet["_schemaURL"]}
        found += [f"{name}: {e.message}" for e in Draft202012Validator(schema, registry=REGISTRY).iter_errors(facet)]
    return found


def facets(value: Any) -> list[tuple[str, dict[str, Any]]]:
    if isinstance(value, list):
        return [pair for item in value for pair in facets(item)]
    if not isinstance(value, dict):
        return []
    own = [(k, v) for k, v in value.items() if isinstance(v, dict) and "_schemaURL" in v]
    return own + [pair for item in value.values() for pair in facets(item)]


def column(name: str, kind: str) -> dict[str, Any]:
    named = {"name": name, "businessName": name, "synonyms": [{"synonym": "名", "locale": "zh-CN"}]}
    return {**named, "logicalType": kind, "quality": [{"type": "library", "metric": "nullValues", "mustBe": 0}]}


@pytest.fixture
def runs(store: Store, node_folder: Path, act: Act) -> list[dict[str, Any]]:
    """A build, and an attempt that was refused; kept as files."""
    harmonise.install(store, node_folder)
    harmonise.on_run(store, lambda run: openlineage.keep(node_folder, openlineage.events_of(run, "node-1")))
    standard = {
        "apiVersion": "v3.2.0", "kind": "DataContract", "id": "t", "version": "1.0.0", "status": "active",
        "schema": [{"name": "thing", "properties": [column("id", "string"), column("n", "integer")]}],
    }  # fmt: skip
    mapping = {"source": "things", "standard": "thing", "columns": {"id": "id", "n": {"from": "n", "as": "number"}}}
    texts = {
        "sources/things.yaml": {"kind": "json", "path": "things.json"}, "standards/thing.odcs.yaml": standard,
        "mappings/things.yaml": mapping,
    }  # fmt: skip
    for path, value in texts.items():
        file = node_folder / "work" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(value), "utf-8")
    for text in ('[{"id": "a", "n": "1"}, {"id": "b", "n": "x"}]', "["):
        (node_folder / "work" / "things.json").write_text(text)
        try:
            with store.begin(act("data_engineer"), "harmonise") as tx:
                harmonise.build(tx, resource="things-1", workspace="work", mapping="things")
        except Refusal as refusal:
            assert refusal.code == "STD-411"
    with store.read() as tx:
        return harmonise.lineage_runs(tx)


def test_events_are_valid(runs: list[dict[str, Any]]) -> None:
    events = [event for run in runs for event in openlineage.events_of(run, "node-1")]
    assert [e["eventType"] for e in events] == ["START", "COMPLETE", "START", "FAIL"]
    for event in events:
        assert problems(event) == []
    complete = events[1]
    lineage = complete["outputs"][0]["facets"]["columnLineage"]
    (given,) = lineage["fields"]["n"]["inputFields"]
    assert (given["name"], given["field"], given["transformations"][0]["description"]) == ("things", "n", "number()")
    assert complete["outputs"][0]["outputFacets"]["outputStatistics"]["rowCount"] == 1
    assert complete["inputs"][0]["inputFacets"]["inputStatistics"]["rowCount"] == 2
    assert [a["success"] for a in complete["outputs"][0]["facets"]["dataQualityAssertions"]["assertions"]] == [
        True,
        True,
    ]
    assert "STD-411" in events[3]["run"]["facets"]["errorMessage"]["message"]
    assert events[0]["run"]["runId"] == events[1]["run"]["runId"] != events[3]["run"]["runId"]


def test_the_check_of_validity_would_find_a_fault(runs: list[dict[str, Any]]) -> None:
    start, complete = openlineage.events_of(runs[0], "node-1")
    assert problems({**start, "eventType": "BEGUN"})
    assert problems({**start, "eventTime": 17})
    complete["outputs"][0]["facets"]["columnLineage"]["fields"]["n"]["inputFields"][0].pop("field")
    assert any("columnLineage" in problem for problem in problems(complete))


def test_the_specifications_own_example_passes_the_check() -> None:
    example = HERE.parent / "golden" / "openlineage_full_event.json"
    event = json.loads(example.read_text("utf-8"))
    assert list(Draft202012Validator({"$ref": CORE}, registry=REGISTRY).iter_errors(event)) == []


def test_they_stand_in_a_file_of_the_day(runs: list[dict[str, Any]], node_folder: Path) -> None:
    files = sorted((node_folder / "data" / "lineage").iterdir())
    lines = [json.loads(line) for file in files for line in file.read_text("utf-8").splitlines()]
    assert lines == [event for run in runs for event in openlineage.events_of(run, "node-1")]
    assert all(file.stat().st_mode & 0o077 == 0 for file in files)


def token(store: Store, *scopes: str) -> str:
    with store.begin(NODE, "register") as tx:
        people = register.people(tx)
        person = people[0]["id"] if people else register.bootstrap_operator(
            tx, login="op", name="云泰", password=None, department="平台部"
        )["id"]  # fmt: skip
        return str(register.issue_service_token(tx, person=person, label="x", scopes=list(scopes), days=1)["token"])


def test_a_collector_pulls_with_a_token(store: Store, runs: list[dict[str, Any]]) -> None:
    client = Asgi(Starlette(routes=openlineage.routes(store)))
    bearer = {"authorization": f"Bearer {token(store, 'harmonise')}"}
    answer = client.get("/openlineage/events", headers=bearer)
    assert (answer.status_code, answer.headers["x-last-seq"]) == (200, "2")
    events = [json.loads(line) for line in answer.text.splitlines()]
    assert len(events) == 4
    assert all(problems(event) == [] for event in events)
    second = client.get("/openlineage/events?after=1", headers=bearer)
    assert [json.loads(line)["eventType"] for line in second.text.splitlines()] == ["START", "FAIL"]
    assert client.get("/openlineage/events?after=2", headers=bearer).text == ""
    assert client.get("/openlineage/events?resource=other", headers=bearer).text == ""


@pytest.mark.parametrize(
    "question", ["after=x", "after=-1", "limit=0", "limit=1001", "after=%00", "limit=9999999999999"]
)
def test_bad_questions(store: Store, runs: list[dict[str, Any]], question: str) -> None:
    client = Asgi(Starlette(routes=openlineage.routes(store)))
    answer = client.get(
        f"/openlineage/events?{question}", headers={"authorization": f"Bearer {token(store, 'harmonise')}"}
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "STD-509")


def test_strangers_are_refused(store: Store, runs: list[dict[str, Any]]) -> None:
    client = Asgi(Starlette(routes=openlineage.routes(store)))
    for header in ("", "Bearer ", "Basic x", "Bearer none", f"Bearer {token(store, 'register')}"):
        assert client.get("/openlineage/events", headers={"authorization": header}).status_code in (401, 403), header


def test_a_version_of_a_product_is_told_with_its_columns() -> None:
    """The events of a composed version are valid, and name for each figure the elements it counts."""
    part = Part("bus", "R-1", "visit", (Measure("visits", "plate", "at", "y", "x", "cars", "visits"),),
                Types("kind", "visits", {"bus": ("1",)}))  # fmt: skip
    recipe = Recipe("joint", "Asia/Shanghai", date(2026, 1, 1), date(2026, 2, 1), (26.0, 106.0), (26.0, 106.0, 27.0, 107.0),
                    (Level(1, 1),), 5, (part,), ("traffic",), next(iter(Form)))  # fmt: skip
    lineage = rules.traced(rules.lineage_of(recipe), {"R-1": {"source": "gate", "fields": [
        {"element": "plate", "inputs": [{"table": "visit", "column": "no", "kind": "DIRECT", "part": "TRANSFORMATION"},
                                        {"table": "visit", "column": "key", "kind": "INDIRECT", "part": "JOIN"}]},
    ]}})  # fmt: skip
    cars = next(f for f in lineage["fields"] if f["element"] == "cars")
    assert cars["inputs"][0] == {
        "table": "R-1", "column": "plate", "kind": "DIRECT", "part": "AGGREGATION",
        "from": [{"source": "gate", "table": "visit", "column": "no"}],
    }  # fmt: skip
    made = {"id": "P-1/1", "product": "P-1", "rows": 7, "at": "2026-02-01T08:00:00Z", "lineage": lineage,
            "inputs": [{"resource": "R-1", "agreement": "a", "digest": "d", "rows": 9}]}  # fmt: skip
    start, end = openlineage.version_events(made, "node-1")
    assert [problems(event) for event in (start, end)] == [[], []]
    (output,) = end["outputs"]
    columns = output["facets"]["columnLineage"]["fields"]
    assert set(columns) == {f["element"] for f in lineage["fields"]}
    assert [(i["name"], i["field"], i["transformations"][0]["subtype"]) for i in columns["cars_bus"]["inputFields"]] == [
        ("R-1", "plate", "AGGREGATION"), ("R-1", "kind", "FILTER"), ("R-1", "at", "GROUP_BY"), ("R-1", "y", "GROUP_BY"),
        ("R-1", "x", "GROUP_BY"),
    ]  # fmt: skip
    assert start["run"]["runId"] == end["run"]["runId"] == openlineage.version_events(made, "node-1")[0]["run"]["runId"]
