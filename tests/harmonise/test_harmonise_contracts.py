"""Data contracts: every official example read or refused with its reason, written and read back, rules run, changes."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from harmonise_desk import files, mapped, prop, standard, write
from hypothesis import given, settings
from hypothesis import strategies as some

from datong.ground.db import Actor, Store
from datong.ground.refusal import Refusal
from datong.harmonise import service as harmonise
from datong.harmonise.model.contracts import Metric, Must, Rule, RuleType
from datong.harmonise.model.mappings import Element, Standard, Type
from datong.harmonise.rules import contracts
from datong.harmonise.rules.datums import DATUMS
from datong.harmonise.rules.lineage import lineage_of
from datong.harmonise.rules.standards import problems_of, standard_of

Act = Callable[..., Actor]
EXAMPLES = sorted((Path(__file__).parent / "odcs").glob("*.yaml"))
NO_OBJECT = "it holds none"


@functools.cache
def document_of(file: Path) -> dict[str, Any]:
    return yaml.load(file.read_text("utf-8"), yaml.CSafeLoader)  # type: ignore[no-any-return]


@functools.cache
def read(file: Path, thing: str) -> tuple[Standard | None, list[Any]]:
    """One object of an example, the others left out: they would be held against the schema again each time."""
    document = document_of(file)
    return standard_of(file.name, {**document, "schema": [t for t in document["schema"] if t["name"] == thing]}, thing)


def objects(file: Path) -> list[str]:
    return [thing["name"] for thing in document_of(file).get("schema", [])]


def test_all_examples_are_here() -> None:
    assert len(EXAMPLES) == 18


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.name.split(".")[0])
def test_every_official_example_is_read_or_refused_with_its_reason(file: Path) -> None:
    """Each object by itself: read and written back the same, or refused for the very thing that cannot be built."""
    names = objects(file)
    found, problems = standard_of(file.name, document_of(file))
    if not names:
        assert NO_OBJECT in problems[0].en
    elif len(names) > 1:
        assert "name one, as file#object" in problems[0].en
        assert all(name in problems[0].en for name in names)
    for name in names:
        found, problems = read(file, name)
        if found is None:
            assert all(p.zh and ("needs a logicalType" in p.en or "no properties" in p.en) for p in problems), problems
        else:
            assert problems == []
            document = contracts.written(found)
            assert problems_of(document) == []
            again, wrong = standard_of("again", document)
            assert wrong == []
            assert again is not None
            assert (again.elements, again.rules, again.version) == (found.elements, found.rules, found.version)


def test_how_many_of_them_are_read() -> None:
    read_ones = {(file.name, name) for file in EXAMPLES for name in objects(file) if read(file, name)[0] is not None}
    assert len({file for file, _ in read_ones}) == 11
    assert len(read_ones) == 50


def test_an_older_version_needs_no_chinese_names_and_ours_does() -> None:
    table = next(file for file in EXAMPLES if file.name.startswith("schema_table-column."))
    document = document_of(table)
    found, _ = standard_of("t", document)
    assert found is not None
    assert found.elements[0].zh == found.elements[0].en
    found, problems = standard_of("t", {**document, "apiVersion": "v3.2.0"})
    assert found is None
    assert "Chinese name" in problems[0].en


@pytest.mark.parametrize("version", ["v2.2.2", "v4.0.0", "3.1.0", "", 3, None, []])
def test_other_versions_are_refused_by_name(version: Any) -> None:
    found, problems = standard_of("t", {**standard(prop("x")), "apiVersion": version})
    assert found is None
    assert "apiVersion" in problems[0].where


@pytest.mark.parametrize("document", [None, [], "x", 7, {}, {"apiVersion": "v3.2.0"}, {"schema": [None]}])
def test_what_is_no_contract_is_refused(document: Any) -> None:
    assert standard_of("t", document)[1]


def names() -> Any:
    return some.text(some.characters(categories=("Lu", "Ll", "Lo", "Nd")), min_size=1, max_size=9)


@some.composite
def standards(draw: Any) -> Standard:
    elements, rules = [], []
    for name in draw(some.lists(names(), min_size=1, max_size=4, unique=True)):
        kind = draw(some.sampled_from(sorted(Type)))
        numeric, text = kind in (Type.integer, Type.number), kind is Type.string
        elements.append(
            Element(
                name, draw(names()), draw(names()), kind, draw(some.sampled_from(["", "km"])), draw(some.booleans()),
                draw(some.booleans()), draw(some.none() | some.integers(-9, 0)) if numeric else None,
                draw(some.none() | some.integers(0, 9)) if numeric else None,
                draw(some.none() | some.integers(0, 9)) if text else None,
                draw(some.sampled_from(["", "[a-z]+"])) if text else "",
                tuple(draw(some.lists(names(), unique=True, max_size=3))) if text else (),
                draw(some.sampled_from(DATUMS)),
            )
        )  # fmt: skip
        if draw(some.booleans()):
            must = draw(some.sampled_from(sorted(Must)))
            threshold = [1, 2] if "etween" in must else draw(some.integers(0, 9))
            metric = draw(some.sampled_from(sorted(Metric)))
            arguments = {"validValues": ["a"]} if metric is Metric.invalid_values else {}
            column = draw(some.sampled_from(["", name]))
            rules.append(
                Rule(column, RuleType.library, metric, "", must, threshold, "percent", "r", "accuracy", arguments)
            )
    rules.sort(key=lambda rule: [e.name for e in elements].index(rule.column) if rule.column else -1)
    return Standard(draw(names()), "1.2.3", tuple(elements), "", tuple(rules))


@given(standards())
@settings(max_examples=60, deadline=None)
def test_what_is_written_reads_back_the_same(given_one: Standard) -> None:
    document = contracts.written(given_one)
    assert problems_of(document) == []
    again, problems = standard_of("again", json.loads(json.dumps(document)))
    assert problems == []
    assert again is not None
    for what in ("name", "version", "elements", "rules"):
        assert getattr(again, what) == getattr(given_one, what)


def test_a_contract_says_the_datum_of_its_coordinates() -> None:
    """Who reads it as ODCS and nothing else must not take GCJ-02 for WGS84."""
    gcj = {"customProperties": [{"property": "datum", "value": "GCJ-02"}]}
    point = {"notation": "decimal", "datum": "GCJ-02"}
    mapping = mapped(
        files(
            {
                "lat": {"from": "a", "as": "latitude", **point}, "lon": {"from": "b", "as": "longitude", **point},
                "seen_lat": {"from": "c", "as": "latitude", "notation": "decimal", "datum": "WGS84"}, "n": "n",
            },
            prop("lat", "number", **gcj), prop("lon", "number", **gcj), prop("seen_lat", "number"), prop("n"),
        )
    )  # fmt: skip
    document = contracts.contract_of(mapping, lineage_of(mapping), "things")
    assert problems_of(document) == []
    said = {p["name"]: p.get("customProperties", []) for p in document["schema"][0]["properties"]}
    wgs = {"property": "datum", "value": "WGS84"}
    assert said == {**dict.fromkeys(("lat", "lon"), gcj["customProperties"]), "seen_lat": [wgs], "n": []}


def test_constraints_no_row_is_held_by_become_rules() -> None:
    options = {"exclusiveMinimum": 0, "multipleOf": 5, "maximum": 100}
    found, _ = standard_of("t", standard(prop("x", "integer", logicalTypeOptions=options), prop("s", unique=True)))
    assert found is not None
    assert [(r.column, r.name, r.metric) for r in found.rules] == [
        ("x", "exclusiveMinimum", None), ("x", "multipleOf", None), ("s", "unique", Metric.duplicate_values),
    ]  # fmt: skip
    assert found.element("x").maximum == 100


QUALITY = [
    {"name": "some", "metric": "rowCount", "mustBeGreaterThan": 2},
    {"name": "many", "metric": "rowCount", "mustBeBetween": [100, 200]},
    {"name": "pairs", "metric": "duplicateValues", "arguments": {"properties": ["id", "n"]}, "mustBe": 0},
    {"name": "sum", "type": "sql", "query": "SELECT sum(n) FROM ${object}", "mustBe": 10},
    {"name": "reads files", "type": "sql", "query": "SELECT count(*) FROM read_csv('/etc/passwd')", "mustBe": 0},
    {"name": "shows a value", "type": "sql", "query": "SELECT max(id) FROM ${object}", "mustBe": "d"},
    {"name": "many figures", "type": "sql", "query": "SELECT n FROM ${object}", "mustBe": 1},
    {"name": "breaks", "type": "sql", "query": "SELECT count(none) FROM ${object}", "mustBe": 1},
    {"name": "words", "type": "text", "description": "nice data"},
    {"name": "soda", "type": "custom", "engine": "soda", "implementation": "missing_count(id) = 0"},
    {"name": "no such", "metric": "nullValues", "arguments": {"properties": ["zzz"]}, "mustBe": 0},
]
OF_N = [
    {"name": "nulls", "metric": "nullValues", "mustBeLessThan": 30, "unit": "percent"},
    {"name": "markers", "metric": "missingValues", "arguments": {"missingValues": [None, "0"]}, "mustBe": 1},
    {"name": "valid", "metric": "invalidValues", "arguments": {"validValues": [1, 2, 3]}, "mustBe": 1},
    {"name": "twice", "metric": "duplicateValues", "mustBe": 0},
    {"name": "pattern", "metric": "invalidValues", "arguments": {"pattern": "[0-9]"}, "mustBe": 0},
    {"name": "sql of it", "type": "sql", "query": "SELECT min(${property}) FROM ${object}", "mustNotBe": 9},
]


@pytest.fixture
def folder(store: Store, node_folder: Path) -> Path:
    harmonise.install(store, node_folder)
    contents = files(
        {"id": "id", "n": {"from": "n", "as": "number"}}, prop("id", required=True), prop("n", "integer", quality=OF_N),
        unique=[{"columns": ["id"]}], checks=[{"reason": "too_big", "when": "n > 100"}],
    )  # fmt: skip
    contents["standards/thing.odcs.yaml"]["schema"][0]["quality"] = QUALITY
    write(node_folder / "work", contents)
    rows = [{"id": "a", "n": "1"}, {"id": "b", "n": "3"}, {"id": "c", "n": None}, {"id": "d", "n": "6"}]
    (node_folder / "work" / "things.json").write_text(json.dumps(rows))
    return node_folder


def built(store: Store, act: Act) -> dict[str, Any]:
    with store.begin(act("data_engineer"), "harmonise") as tx:
        return harmonise.build(tx, resource="things-1", workspace="work", mapping="things")


def test_the_rules_of_a_contract_are_run_and_the_others_told(store: Store, folder: Path, act: Act) -> None:
    built(store, act)
    with store.read(act("analyst")) as tx:
        rules = {rule["name"]: rule for rule in harmonise.contract(tx, resource="things-1")["rules"]}
    run = {name: (rule["figure"], rule["holds"]) for name, rule in rules.items() if rule["executed"]}
    assert run == {
        "some": (4, True), "many": (4, False), "pairs": (0, True), "sum": (10, True), "nulls": (25.0, True),
        "markers": (1, True), "valid": (1, True), "twice": (0, True), "pattern": (0, True), "sql of it": (1, True),
    }  # fmt: skip
    why = {name: rule["why"] for name, rule in rules.items() if not rule["executed"]}
    assert set(why) == {"reads files", "shows a value", "many figures", "breaks", "words", "soda", "no such"}
    assert "outside the plan language" in why["reads files"]
    assert why["shows a value"] == "it gave no number"
    assert all(rules[name]["figure"] is None and rules[name]["holds"] is None for name in why)


def test_the_contract_of_a_resource(store: Store, folder: Path, act: Act) -> None:
    made = built(store, act)
    with store.read(act("analyst")) as tx:
        document = harmonise.contract(tx, resource="things-1")["contract"]
        with pytest.raises(Refusal, match="STD-421"):
            harmonise.contract(tx, resource="other")
    assert problems_of(document) == []
    assert (document["apiVersion"], document["id"]) == ("v3.2.0", "things-1")
    (thing,) = document["schema"]
    n = next(p for p in thing["properties"] if p["name"] == "n")
    assert (n["transformSourceObjects"], n["transformLogic"]) == (["things.n"], "number()")
    assert {q["name"] for q in thing["quality"]} >= {"too_big", "unique_id", "some"}
    facts = {c["property"]: c["value"] for c in document["customProperties"]}
    assert (facts["build"], facts["rows"]) == (made["id"], 4)
    assert (folder / document["servers"][0]["path"]).is_file()


def change(folder: Path, version: str, **more: Any) -> None:
    file = folder / "work" / "standards" / "thing.odcs.yaml"
    document = yaml.safe_load(file.read_text("utf-8"))
    document["version"] = version
    document["schema"][0]["properties"][1] |= more
    file.write_text(yaml.safe_dump(document, allow_unicode=True), "utf-8")


@pytest.mark.parametrize(
    "more",
    [
        {"required": True}, {"logicalTypeOptions": {"maximum": 50}},
        {"customProperties": [{"property": "unit", "value": "km"}]},
        {"customProperties": [{"property": "datum", "value": "GCJ-02"}]},
    ],
)  # fmt: skip
def test_a_breaking_change_that_the_version_hides_is_refused(
    store: Store, folder: Path, act: Act, more: dict[str, Any]
) -> None:
    first = built(store, act)
    change(folder, "1.1.0", **more)
    with pytest.raises(Refusal) as caught:
        built(store, act)
    assert caught.value.code == "STD-441"
    assert caught.value.problems[0].where == "n"
    with store.read(act("data_engineer")) as tx:
        told = harmonise.compare(tx, workspace="work", standard="thing", resource="things-1")
        assert harmonise.current(tx, "things-1")["build"] == first["id"]
    assert (told["needed"], told["shown"], told["breaking"]) == ("2.0.0", False, 1)
    change(folder, "2.0.0", **more)
    assert built(store, act)["id"] != first["id"]


def test_check_tells_what_a_build_would_refuse_of_a_version(store: Store, folder: Path, act: Act) -> None:
    with store.begin(act("data_engineer"), "harmonise") as tx:
        harmonise.build(tx, workspace="work", mapping="things")
    change(folder, "1.1.0", required=True)
    with store.read(act("data_engineer")) as tx:
        whole, of_n = harmonise.check(tx, workspace="work")["problems"]
    assert (whole["file"], whole["where"], of_n["file"]) == ("mappings/things.yaml", "standard", "mappings/things.yaml")
    assert whole["line"] and "2.0.0" in whole["zh"] and "2.0.0" in whole["en"] and of_n["en"].startswith("n ")
    change(folder, "2.0.0", required=True)
    with store.read(act("data_engineer")) as tx:
        assert harmonise.check(tx, workspace="work")["accepted"]


def test_a_document_that_is_not_valid_is_told_once() -> None:
    """Each branch of the schema tells it again."""
    document = standard({**prop("x"), "logicalTypeOptions": {"pattern": "a", "minimum": 1}})
    del document["schema"][0]["properties"][0]["logicalType"]
    _, problems = standard_of("t", document)
    assert problems and len(set(problems)) == len(problems)


def test_what_breaks_nothing_needs_no_new_number(store: Store, folder: Path, act: Act) -> None:
    built(store, act)
    change(folder, "1.0.0", logicalTypeOptions={"minimum": -5}, description="worded otherwise")
    with pytest.raises(Refusal, match="STD-441"):  # a bound is new: values that were right can be refused
        built(store, act)
    change(folder, "1.0.0", logicalTypeOptions={}, businessName="number")
    assert built(store, act)["state"] == "built"


def test_two_standards_are_compared(store: Store, folder: Path, act: Act) -> None:
    text = (folder / "work" / "standards" / "thing.odcs.yaml").read_text("utf-8")
    (folder / "work" / "standards" / "older.odcs.yaml").write_text(text, "utf-8")
    change(folder, "1.0.1", required=True)
    with store.read(act("data_engineer")) as tx:
        told = harmonise.compare(tx, workspace="work", standard="thing", before="older")
        assert [(c["what"], c["element"], c["level"]) for c in told["changes"]] == [("now_required", "n", "major")]
        assert harmonise.compare(tx, workspace="work", standard="thing", before="thing")["shown"]
        for wrong in ({}, {"before": "none"}, {"before": "thing", "resource": "things-1"}):
            with pytest.raises(Refusal, match="STD-503"):
                harmonise.compare(tx, workspace="work", standard="thing", **wrong)
        with pytest.raises(Refusal, match="STD-421"):
            harmonise.compare(tx, workspace="work", standard="thing", resource="none")
        with pytest.raises(Refusal, match="STD-410"):
            harmonise.compare(tx, workspace="work", standard="thing#none", before="older")


def test_one_object_of_several_is_mapped_to(tmp_path: Path) -> None:
    contents = files({"id": "id"}, prop("id"))
    document = contents["standards/thing.odcs.yaml"]
    document["schema"].append({"name": "other", "properties": [prop("id", required=True), prop("m")]})
    contents["mappings/things.yaml"]["standard"] = "thing#other"
    found = mapped(contents)
    assert (found.standard.name, [e.name for e in found.standard.elements]) == ("other", ["id", "m"])
