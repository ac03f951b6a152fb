"""A field that has several names: renamed between files or months, in one file or one database."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harmonise_desk import files, mapped, prop, rows_of, run, standard, write
from sources_desk import FILES, source
from test_harmonise_bad_builds import content
from test_harmonise_quick import same

from datong.ground.db import Actor, Store
from datong.ground.refusal import Refusal
from datong.harmonise import service as harmonise
from datong.harmonise.rules.lineage import lineage_of
from datong.harmonise.rules.workspace import mapping_of
from datong.harmonise.store import sources

Act = Callable[..., Actor]
KW = {"kw": {"from": ["功率", "负荷"], "as": "number", "thousands": ","}, "id": "id"}


def contents(**more: Any) -> dict[str, Any]:
    return files(KW, prop("kw", "number", required=True), prop("id"), missing=["-"], **more)


def test_the_name_that_has_a_value_is_read_and_two_values_hold_the_row() -> None:
    rows = [
        {"id": "a", "功率": "1", "负荷": None},
        {"id": "b", "功率": None, "负荷": "2"},
        {"id": "c", "功率": "-", "负荷": " 3"},
        {"id": "d", "功率": "4,000", "负荷": "4000"},
        {"id": "e", "功率": "5", "负荷": "6"},
        {"id": "f", "功率": "-", "负荷": ""},
        {"id": "g", "功率": "x", "负荷": None},
        {"id": "b", "功率": None, "负荷": "2"},
    ]
    result = same(mapped(contents(unique=[{"columns": ["id"]}])), things=rows_of(*rows))
    assert [(r["id"], r["kw"]) for r in result["harmonised"].to_pylist()] == [
        ("a", 1.0), ("b", 2.0), ("c", 3.0), ("d", 4000.0),
    ]  # fmt: skip
    held = [(r["row"], r["column"], r["reason"], r["original"]) for r in result["quarantined"].to_pylist()]
    assert held == [
        (5, "kw", "names_differ", "5 | 6"), (6, "kw", "missing_value", "-"), (7, "kw", "not_a_number", "x"),
        (8, "id", "duplicate", "b"),
    ]  # fmt: skip
    record = json.loads(result["quarantined"]["record"][0].as_py())
    assert (record["功率"], record["负荷"]) == ("5", "6")
    repaired = [(r["row"], r["rule"], r["original"]) for r in result["repairs"].to_pylist()]
    assert repaired == [(3, "spaces", " 3"), (4, "thousands_separator", "4,000")]


def test_both_names_are_in_the_lineage() -> None:
    field = lineage_of(mapped(contents())).fields[0]
    assert [i.column for i in field.inputs] == ["功率", "负荷"] and field.how == "number(thousands=,)"


@pytest.mark.parametrize(("given", "said"), [
    ([], "names no column"), (["a", ""], "names no column"), (["a", "a"], "names a column twice"),
    ([{"a": 1}], "list of texts"),
])  # fmt: skip
def test_names_that_are_none(given: Any, said: str) -> None:
    problems = mapping_of(files({"x": {"from": given}}, prop("x")), "things")[1]
    assert {p.where for p in problems} == {"mappings/things.yaml: columns.x.from"} and said in problems[0].en


KWH = [{"property": "unit", "value": "kW.h"}]


@pytest.mark.parametrize(("given", "said"), [
    ({"from": "电量（万千瓦时）"}, "say `unit: 万千瓦时`"), ({"from": "电量(MWh)"}, "say `unit: MW.h`"),
    ({"from": "电量/万千瓦时"}, "say `unit: 万千瓦时`"), ({"from": "用电量.万千瓦时"}, "say `unit: 万千瓦时`"),
    ({"from": ["电量(kWh)", "电量(MWh)"]}, "different units (电量(kWh), 电量(MWh))"),
    ({"from": ["电量(MWh)", "电量", "电量(kWh)"], "unit": "MW.h"}, "different units (电量(MWh), 电量(kWh))"),
])  # fmt: skip
def test_a_unit_in_a_name_is_not_read_as_another(given: dict[str, Any], said: str) -> None:
    """From March on the header says MWh: its numbers would be a thousandth of what they are, without a word."""
    (problem,) = mapping_of(
        files({"x": {**given, "as": "number"}}, prop("x", "number", customProperties=KWH)), "things"
    )[1]
    assert said in problem.en


@pytest.mark.parametrize("given", [
    {"from": "电量(kWh)"}, {"from": "电量（万千瓦时）", "unit": "万千瓦时"}, {"from": "电量(MWh)", "unit": "kW.h"},
    {"from": ["电量(kWh)", "电量（度）"]}, {"from": ["电量(MWh)", "电量_MW"], "unit": "MW.h"}, {"from": "电量(高峰)"},
    {"from": "电量(A)"}, {"from": "电量.MWh"}, {"from": "电量/度"}, {"from": "电量/次"}, {"from": "电量/万千瓦时", "unit": "kW.h"},
])  # fmt: skip
def test_a_unit_in_a_name_that_is_read_as_it_says(given: dict[str, Any]) -> None:
    assert not mapping_of(files({"x": {**given, "as": "number"}}, prop("x", "number", customProperties=KWH)), "things")[
        1
    ]


def test_names_of_one_table() -> None:
    database = {
        "sources/things.yaml": {"kind": "database", "path": "x.db", "tables": {"a": "id", "b": "id"}},
        "standards/thing.odcs.yaml": standard(prop("x")),
        "mappings/things.yaml": {
            "source": "things", "standard": "thing", "table": "a", "columns": {"x": {"from": ["a.x", "b.x"]}},
            "joins": [{"table": "b", "on": {"a.id": "b.id"}}],
        },
    }  # fmt: skip
    assert "should be of one table" in mapping_of(database, "things")[1][0].en


@pytest.fixture
def months(store: Store, node_folder: Path, act: Act) -> Path:
    harmonise.install(store, node_folder)
    written = contents()
    written["sources/things.yaml"] = {"kind": "csv", "path": "2026-*.csv"}
    folder = write(node_folder / "work", written)
    (folder / "2026-01.csv").write_text("id,功率\na,1\nb,2\n", "utf-8")
    return folder


def built(store: Store, act: Act, folder: Path) -> dict[str, Any]:
    with store.begin(act("data_engineer")) as tx:
        return harmonise.build(tx, workspace=str(folder), mapping="things")


def test_months_that_call_a_column_otherwise(store: Store, months: Path, act: Act) -> None:
    first = built(store, act, months)
    assert (first["read"], first["harmonised"]) == (2, 2)
    (months / "2026-02.csv").write_text("id,负荷\nc,3\nd,x\n", "utf-8")
    with store.begin(act("data_engineer")) as tx:
        told = harmonise.check(tx, workspace=str(months), mapping="things")
        assert told["accepted"], told["problems"]
        assert told["mappings"][0]["suspicions"] == []
    second = built(store, act, months)
    assert (second["read"], second["harmonised"], second["reasons"]) == (4, 3, {"not_a_number": 1})
    (months / "2026-01.csv").unlink()  # only the new name is left
    (months / "2026-02.csv").write_text("id,负荷\nc,3\ne,5\n", "utf-8")
    third = built(store, act, months)
    assert (third["read"], third["harmonised"]) == (2, 2)
    (months / "2026-03.csv").write_text("id,出力\nf,6\n", "utf-8")
    with pytest.raises(Refusal) as refused:
        built(store, act, months)
    assert refused.value.code == "STD-411" and "from: [old, new]" in str(refused.value.texts()[1].en)
    (months / "2026-02.csv").unlink()
    (months / "2026-03.csv").write_text("id,出力\nf,6\n", "utf-8")
    with pytest.raises(Refusal) as gone:
        built(store, act, months)
    assert gone.value.code in ("STD-412", "STD-413", "STD-480"), gone.value.code


def test_a_repair_goes_to_the_name_that_has_the_text(store: Store, months: Path, act: Act) -> None:
    (months / "2026-02.csv").write_text("id,负荷\nc,3\nd,x\n", "utf-8")
    made = built(store, act, months)
    with store.begin(act("data_engineer")) as tx:
        given = harmonise.repair(tx, build=made["id"], column="kw", row=4, text="4")
        assert given["given"] == 1
    again = built(store, act, months)
    assert (again["harmonised"], again["quarantined"]) == (4, 0)


def test_a_database_that_lacks_one_of_the_names(store: Store, node_folder: Path, act: Act) -> None:
    harmonise.install(store, node_folder)
    written = contents(table="meters")
    written["sources/things.yaml"] = {"kind": "database", "path": "x.db", "tables": {"meters": "id"}}
    written["mappings/things.yaml"]["columns"] = {
        "kw": {"from": ["meters.power", "meters.load"], "as": "number"}, "id": "meters.id",
    }  # fmt: skip
    folder = write(node_folder / "work", written)
    with sqlite3.connect(folder / "x.db") as database:
        database.execute("CREATE TABLE meters (id TEXT PRIMARY KEY, load REAL)")
        database.execute("INSERT INTO meters VALUES ('a', 1.5), ('b', 2.5)")
    made = built(store, act, folder)
    assert (made["read"], made["harmonised"]) == (2, 2)


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize(("wanted", "value"), [("id", "low"), ("ID", "up"), ("Id", "camel")])
def test_names_that_differ_in_case_alone_are_two_columns(tmp_path: Path, kind: str, wanted: str, value: str) -> None:
    """To DuckDB they are one name: the first of them would be read for whichever is mapped."""
    (tmp_path / "x").write_bytes(content(kind, [{"ID": "up", "Id": "camel", "id": "low", "n": "1"}] * 2))
    mapping = mapped(files({"x": wanted, "n": "n"}, prop("x"), prop("n")))
    table = sources.read(source(kind), tmp_path, {"things": [wanted, "n"]}).tables["things"]
    assert run(mapping, things=table)["harmonised"]["x"].to_pylist() == [value] * 2
    others = {"up", "camel", "low"} - {value}
    assert {table[name][0].as_py() for name in table.column_names} >= others  # the whole record is kept
    assert len({name.lower() for name in table.column_names}) == len(table.column_names)


@pytest.mark.parametrize(("change", "where"), [
    ({"columns": {"x": "t.ID", "y": "t.id"}}, ["mappings/things.yaml: columns.y.from"]),
    ({"columns": {"x": "t.ID", "y": {"from": ["t.k", "t.K"]}}}, ["mappings/things.yaml: columns.y.from"]),
    ({"columns": {"x": "t.a", "X": "t.b"}}, ["mappings/things.yaml: columns.X"]),
    ({"joins": [{"table": "T", "on": {"t.a": "T.b"}}]}, ["mappings/things.yaml: joins[0].table"]),
    ({"columns": {"x": "t.n", "y": "t.Key"}}, ["sources/things.yaml: load.key[0]"]),
])  # fmt: skip
def test_what_a_mapping_names_differs_in_more_than_case(change: dict[str, Any], where: list[str]) -> None:
    texts = files({"x": "t.a"}, prop("x"), prop("y"), prop("X"), table="t")
    tables = {"t": "a", "T": "a"}
    texts["sources/things.yaml"] = {
        "kind": "database", "path": "x.db", "tables": tables, "load": {"by": "snapshot", "key": "key"},
    }  # fmt: skip
    texts["mappings/things.yaml"] |= change
    problems = mapping_of(texts, "things")[1]
    assert [p.where for p in problems] == where
    assert "differ in case alone" in problems[0].en


def test_a_name_of_ours_in_other_letters_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("_Row,a\n9,1\n")
    with pytest.raises(Refusal, match="a name Datong uses itself"):
        sources.read(source("csv"), tmp_path, {"things": ["a"]})
