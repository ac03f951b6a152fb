"""Reading workspaces: the example's are accepted, every mistake is told with its place, all at once."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from harmonise_desk import EXAMPLE, files, prop, standard

from datong.engine import rules as plans
from datong.harmonise.model.mappings import Type
from datong.harmonise.rules import plan as planning
from datong.harmonise.rules.found import nearest
from datong.harmonise.rules.standards import standard_of
from datong.harmonise.rules.workspace import mapping_names, mapping_of
from datong.harmonise.store.workspace import files_of


@pytest.mark.parametrize(
    ("slug", "names"), [("bike-company", ["positions", "trips"]), ("traffic-bureau", ["passages"])]
)
def test_the_workspaces_of_the_example_are_accepted(slug: str, names: list[str]) -> None:
    contents, problems = files_of(EXAMPLE / "workspaces" / slug)
    assert problems == []
    assert mapping_names(contents) == names
    for name in names:
        mapping, wrong = mapping_of(contents, name)
        assert wrong == []
        assert mapping is not None
        assert plans.problems(planning.plan_of(mapping)) == []
        for element in mapping.standard.elements:
            assert any("\u4e00" <= sign <= "\u9fff" for sign in element.zh)
            assert element.en[0].isupper()


def base() -> dict[str, Any]:
    columns = {
        "id": "id", "seen_at": {"from": "at", "as": "timestamp", "zone": "Asia/Shanghai"},
        "lat": {"from": "y", "as": "latitude", "notation": "decimal", "datum": "WGS84"},
    }  # fmt: skip
    return files(columns, prop("id", required=True), prop("seen_at", "timestamp"), prop("lat", "number"))


def set_in(*path: str, to: Any) -> Callable[[dict[str, Any]], None]:
    def change(contents: dict[str, Any]) -> None:
        place = contents
        for part in path[:-1]:
            place = place[part]
        if to is ...:
            del place[path[-1]]
        else:
            place[path[-1]] = to

    return change


MAPPING, SOURCE = "mappings/things.yaml", "sources/things.yaml"
MISTAKES = [
    (set_in(MAPPING, "columns", "seen_at", "zone", to="Asia/Shanghia"), "columns.seen_at.zone", "nearest: Asia/Shanghai"),
    (set_in(MAPPING, "columns", "seen_at", "zone", to=...), "columns.seen_at.zone", "declare the zone"),
    (set_in(MAPPING, "columns", "seen_at", "formats", to=["epoch_ms"]), "columns.seen_at.zone", "counted in UTC"),
    (set_in(MAPPING, "columns", "seen_at", "formats", to=["%Y%m%d%H%M%S", "epoch_ms"]), "columns.seen_at.formats", "cannot be told apart"),
    *((set_in(MAPPING, "columns", "seen_at", "zone", to=zone), "columns.seen_at.zone", "nearest: Asia/Shanghai")
      for zone in ("+08:00", 8, "UTC+8", "Beijing", "Asia/Beijing", "北京时间", "CST")),
    (set_in(MAPPING, "columns", "seen_at", "as", to="timestmap"), "columns.seen_at.as", "nearest: timestamp"),
    (set_in(MAPPING, "columns", "seen_at", "between", to=["x", "y"]), "between", "cannot be read"),
    (set_in(MAPPING, "columns", "lat", "datum", to=...), "columns.lat.datum", "declare the datum"),
    (set_in(MAPPING, "columns", "lat", "datum", to="GCJ02"), "columns.lat.datum", "is no datum of"),
    (set_in(MAPPING, "columns", "lat", "notation", to="dsm"), "columns.lat.notation", "decimal, dms"),
    (set_in(MAPPING, "columns", "lat", "zone", to="UTC"), "columns.lat.zone", "no such item"),
    (set_in(MAPPING, "columns", "id", to={"from": "id", "constant": "x"}), "columns.id", "either"),
    (set_in(MAPPING, "columns", "id", to={"from": "id", "as": "latitude", "notation": "dms", "datum": "WGS84"}),
     "columns.id", "cannot make a string"),
    (set_in(MAPPING, "columns", "id", to=...), "columns", "required element id"),
    (set_in(MAPPING, "columns", "idd", to="id"), "columns.idd", "nearest: id"),
    (set_in(MAPPING, "colums", to={}), "colums", "nearest: columns"),
    (set_in(MAPPING, "standard", to="thin"), "standard", "there are: thing"),
    (set_in(MAPPING, "source", to="stuff"), "source", "there are: things"),
    (set_in(MAPPING, "unique", to=[{"columns": ["ids"]}]), "unique[0]", "nearest: id"),
    (set_in(MAPPING, "checks", to=[{"reason": "x", "when": "idd = 1"}]), "checks[0].when", "nearest: id"),
    (set_in(MAPPING, "checks", to=[{"reason": "x", "when": "id = = 1"}]), "checks[0].when", "cannot be read|can be read"),
    (set_in(MAPPING, "checks", to=[{"reason": "x", "when": "id IN (SELECT a FROM in_things)"}]), "checks[0].when", "condition"),
    (set_in(MAPPING, "checks", to=[{"reason": "duplicate", "when": "id = 'x'"}]), "checks[0].reason", "new name"),
    (set_in(MAPPING, "checks", to=[{"reason": "x", "when": "nofunc(id) > 1"}]), "checks[0].when", "nofunc is not allowed"),
    (set_in(MAPPING, "checks", to=[{"reason": "x", "when": "sum(lat) > 5"}]), "checks[0].when", "cannot use sum"),
    (set_in(MAPPING, "checks", to=[{"reason": "x", "when": "row_number() over () > lat"}]), "checks[0].when", "one row"),
    (set_in(MAPPING, "checks", to=[{"reason": "x", "when": "unnest([lat]) > 1"}]), "checks[0].when", "one row"),
    (set_in(MAPPING, "columns", "id", to=""), "columns.id", "names no column"),
    (set_in(MAPPING, "columns", "id", to={"from": None}), "columns.id.from", "names no column"),
    *((set_in(MAPPING, "columns", "seen_at", "formats", to=[form]), "columns.seen_at.formats", said) for form, said in (
        ("%Q", "should hold"), ("%Y-%m-%d %", "should hold"), ("epoch_us", "epoch_s or epoch_ms or excel"), ("hello", "should hold"),
        ("%H:%M:%S", "should hold"), ("%Y-%m-%d %I:%M", "%I and %p"), ("%y-%m-%d", "four digits"))),
    (set_in(MAPPING, "columns", "lat", "between", to=[9, 1]), "columns.lat.between", "lowest first"),
    (set_in(MAPPING, "columns", "seen_at", "between", to=["2020-01-01", "2019-01-01T00:00:00Z"]), "between", "lowest first"),
    (set_in(MAPPING, "columns", "lat", to={"from": "y", "as": "number", "thousands": "ab"}), "columns.lat.thousands", "one sign"),
    (set_in(MAPPING, "columns", "lat", to={"constant": [1]}), "columns.lat.constant", "one value"),
    (set_in(MAPPING, "columns", "lat", to={"constant": "1", "as": "text"}), "columns.lat", "cannot make a number"),
    (set_in("mappings/others.yaml", to={"resource": "things"}), "resource", "the mapping others has this resource"),
    (set_in(MAPPING, "joins", to=[{"table": "t", "on": {"a": "t.b"}}]), "joins", "declares no tables"),
    (set_in(SOURCE, "kind", to="xml"), "kind", "json, ndjson, csv, parquet, excel, database"),
    (set_in(SOURCE, "path", to="../../etc/passwd"), "path", "inside the data folder"),
    (set_in(SOURCE, "path", to="/etc/passwd"), "path", "inside the data folder"),
    (set_in(SOURCE, "encoding", to="utf-99"), "encoding", "no known encoding"),
    (set_in(SOURCE, "skip_lines", to=-1), "skip_lines", "0 or more"),
    (set_in(SOURCE, to=[1, 2]), "", "key: value"),
    (set_in(SOURCE, to="kind：csv path：a.csv"), "", "write : and , half-width"),
    (set_in(MAPPING, "columns", "id", to={"from：id，as：text": None}), "columns.id.from：id", "write : and , half-width"),
    (set_in("standards/thing.odcs.yaml", "kind", to="Wish"), "kind", "ODCS"),
    (set_in("standards/thing.odcs.yaml", "schema", to=[]), "schema", "one object"),
    (set_in(MAPPING, "columns", "lat", "datum", to="GCJ-02"), "columns.lat.with", "name the element with the other"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "place", "said"), MISTAKES)
def test_each_mistake_is_named(change: Callable[[dict[str, Any]], None], place: str, said: str) -> None:
    contents = copy.deepcopy(base())
    assert mapping_of(contents, "things")[1] == []
    change(contents)
    mapping, problems = mapping_of(contents, "things")
    assert mapping is None
    hits = [p for p in problems if place in p.where and any(part in p.en for part in said.split("|"))]
    assert hits, problems
    assert all(p.zh for p in problems)


def test_all_mistakes_at_once() -> None:
    contents = base()
    for change, _, _ in (MISTAKES[0], MISTAKES[4], MISTAKES[15], MISTAKES[23]):
        change(contents)
    assert len(mapping_of(contents, "things")[1]) >= 3


def test_a_misspelt_source_hides_nothing_else() -> None:
    contents = base()
    contents[MAPPING]["sorce"] = contents[MAPPING].pop("source")
    contents[MAPPING]["columns"]["seen_at"]["zone"] = "Asia/Shanghia"
    told = {problem.where.partition(": ")[2]: problem.en for problem in mapping_of(contents, "things")[1]}
    assert "nearest: source" in told["sorce"]
    assert told["source"] == "is not given; there are: things"
    assert "nearest: Asia/Shanghai" in told["columns.seen_at.zone"]


def test_a_mapping_that_is_not_there() -> None:
    _, problems = mapping_of(base(), "thing")
    assert "nearest: things" in problems[0].en


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"synonyms": []}, "Chinese name"),
        ({"businessName": None}, "ODCS|English"),
        ({"logicalType": "array"}, "logicalType"),
        ({"logicalType": None}, "ODCS|logicalType"),
    ],
)
def test_standards_name_their_elements_twice(change: dict[str, Any], said: str) -> None:
    found, problems = standard_of("s.yaml", standard({**prop("x"), **change}))
    assert found is None
    assert any(part in problems[0].en for part in said.split("|")), problems


def test_a_standard_reads_back() -> None:
    unit = [{"property": "unit", "value": "km"}]
    given = prop("x", "number", customProperties=unit, required=True, classification="personal",
                 logicalTypeOptions={"minimum": 0, "maximum": 9})  # fmt: skip
    found, problems = standard_of("s.yaml", standard(given))
    assert problems == []
    assert found is not None
    element = found.element("x")
    assert (element.type, element.unit, element.required, element.personal) == (Type.number, "km", True, True)
    assert (element.minimum, element.maximum) == (0, 9)


def test_two_elements_of_one_name() -> None:
    found = standard_of("s.yaml", standard(prop("x"), prop("y"), prop("x")))[1]
    assert [(p.where, p.en) for p in found] == [("s.yaml: schema.properties.x", "two elements have this name")]
    turned = standard(prop("x", "number", logicalTypeOptions={"minimum": 9, "maximum": 1}))
    assert "minimum is greater" in standard_of("s.yaml", turned)[1][0].en


def test_yaml_mistakes_have_a_line(tmp_path: Path) -> None:
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "a.yaml").write_text("kind: json\npath: [1, 2\nx: y\n")
    (tmp_path / "sources" / "b.yaml").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "sources" / "c.yaml").write_text("!!python/object/apply:os.system ['true']")
    files_found, problems = files_of(tmp_path)
    assert files_found == {}
    assert [p.where for p in problems] == ["sources/a.yaml:3", "sources/b.yaml:1", "sources/c.yaml:1"]


def test_a_file_that_is_no_yaml_is_not_told_to_be_missing(tmp_path: Path) -> None:
    for folder, name, text in (
        ("sources", "a.yaml", "kind: [\n"), ("standards", "sex.codes.yaml", "codes：\n  男: 1\n"),
        ("standards", "s.odcs.yaml", yaml.safe_dump(standard(prop("x")))),
        ("mappings", "m.yaml", "source: a\nstandard: s\ncolumns:\n  x: {from: a, as: code, codes: sex}\n"),
    ):  # fmt: skip
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / name).write_text(text)
    contents, problems = files_of(tmp_path)
    assert [p.where for p in problems] == ["sources/a.yaml:2", "standards/sex.codes.yaml:2"]
    assert [(p.where, p.en) for p in mapping_of(contents, "m")[1]] == [
        ("mappings/m.yaml:1: source", "sources/a.yaml cannot be read"),
        ("mappings/m.yaml:4: columns.x.codes", "standards/sex.codes.yaml cannot be read"),
    ]


def test_a_workspace_that_is_not_there(tmp_path: Path) -> None:
    assert "no such folder" in files_of(tmp_path / "none")[1][0].en


def test_nearest_looks_at_the_last_part_too() -> None:
    assert nearest("start.att", ["start.at", "end.at", "bike"])[0] == "start.at"
    assert nearest("passage.gateid", ["passage.gate_id", "gate.gate_id", "passage.plate"])[0] == "passage.gate_id"
    assert nearest("begin.lat", ["start.lat", "user"]) == ["start.lat"]
