"""Column lineage: what the mapping says equals what SQLGlot finds in the plan; attempts are kept, good and bad."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from harmonise_desk import files, mapped, prop, write
from sqlglot import exp
from sqlglot.lineage import lineage as followed

from datong.ground.db import Actor, Store
from datong.ground.refusal import Refusal
from datong.harmonise import service as harmonise
from datong.harmonise.model.lineage import Kind, Part
from datong.harmonise.rules.lineage import lineage_of
from datong.harmonise.rules.plan import plan_of
from datong.harmonise.store import accounts

Act = Callable[..., Actor]


POINT = {"datum": "GCJ-02", "notation": "decimal"}


def joined() -> dict[str, Any]:
    contents = files(
        {
            "id": "trips.id",
            "km": {"from": "trips.km", "as": "number", "thousands": ",", "between": [0, 99]},
            "began_at": {"from": "trips.t", "as": "timestamp", "zone": "Asia/Shanghai"},
            "bike": "bikes.name",
            "maker": "makers.name",
            "city": {"constant": "贵阳"},
            "lat": {"from": "trips.y", **POINT, "as": "latitude", "with": "lon"},
            "lon": {"from": "trips.x", **POINT, "as": "longitude", "with": "lat"},
            "area": {"from": "trips.area", "as": "code", "codes": "areas", "on": "day"},
            "day": {"from": "trips.d", "as": "date", "formats": ["%Y%m%d"]},
            "load": {"from": "trips.kg", "as": "number", "unit": "吨", "multipliers": ["万"]},
        },
        prop("id", required=True), prop("km", "number"), prop("began_at", "timestamp"), prop("bike"), prop("maker"),
        prop("city"), prop("lat", "number"), prop("lon", "number"), prop("area"), prop("day", "date"),
        prop("load", "number", customProperties=[{"property": "unit", "value": "kg"}]),
        unique=[{"columns": ["id"]}],
        checks=[{"reason": "too_short", "when": "km < 0.1"}],
    )  # fmt: skip
    tables = {"trips": "id", "bikes": "no", "makers": "m"}
    ended = {"to": "a", "valid_to": "2020-01-01", "successor": "2"}
    contents["standards/areas.codes.yaml"] = {"codes": {"1": ended, "2": {"to": "b", "valid_from": "2020-01-01"}}}
    contents["sources/things.yaml"] = {"kind": "database", "path": "d.db", "tables": tables}
    contents["mappings/things.yaml"] |= {
        "table": "trips",
        "joins": [
            {"table": "bikes", "on": {"trips.bike": "bikes.no"}},
            {"table": "makers", "on": {"bikes.maker": "makers.m"}},
        ],
    }
    return contents


def test_it_says_what_sqlglot_finds_in_the_plan() -> None:
    """Two ways to the same: the mapping's word, and following each harmonised value through the SQL of the steps."""
    mapping = mapped(joined())
    plan = plan_of(mapping)
    columns = {
        "told": ["_row", "_broken", "id", "km", "t", "bike", "y", "x", "area", "d", "kg"], "in_bikes": ["_row", "_broken", "no", "name", "maker"],
        "in_makers": ["_row", "_broken", "m", "name"],
    }  # fmt: skip
    schema: dict[str, Any] = {table: dict.fromkeys(names, "VARCHAR") for table, names in columns.items()}
    # the steps that look closely at a row; the quick ones before them make the same values
    known = {"of_told", "cleaned", "parsed", "converted", "judged", "decided", "of_bikes", "of_makers"}
    steps = {step.name: step.sql for step in plan.steps if step.name in known}
    query = f"WITH {', '.join(f'{name} AS ({sql})' for name, sql in steps.items())} SELECT * FROM decided"
    found: dict[str, set[tuple[str, str]]] = {}
    for field in lineage_of(mapping).fields:
        node = followed(f"value:{field.element}", query, schema=schema, dialect="duckdb")
        leaves = [leaf for leaf in node.walk() if isinstance(leaf.expression, exp.Table)]
        found[field.element] = {
            (
                leaf.expression.name.removeprefix("in_").replace("told", "trips"),
                sqlglot.to_identifier(leaf.name.rsplit(".", 1)[-1]).name.strip('"'),
            )
            for leaf in leaves
        }
    said = {
        field.element: {
            (i.table, i.column) for i in field.inputs if i.kind is Kind.direct or i.part is Part.conditional
        }
        for field in lineage_of(mapping).fields
    }
    assert found == said
    assert said["maker"] == {("makers", "name")}
    assert said["lat"] == {("trips", "y"), ("trips", "x")}
    assert said["area"] == {("trips", "area"), ("trips", "d")}


def test_joins_and_filters_have_an_indirect_part() -> None:
    found = lineage_of(mapped(joined()))
    fields = {field.element: field for field in found.fields}
    assert [(i.table, i.column, i.part) for i in fields["maker"].inputs if i.kind is Kind.indirect] == [
        ("bikes", "maker", "JOIN"), ("makers", "m", "JOIN"), ("trips", "bike", "JOIN"), ("bikes", "no", "JOIN"),
    ]  # fmt: skip
    assert fields["city"].inputs == ()
    assert fields["city"].how == "constant(贵阳)"
    assert fields["km"].how == "number(thousands=,, between=0.0 | 99.0)"
    assert fields["began_at"].how == "timestamp(zone=Asia/Shanghai, formats=%Y-%m-%d %H:%M:%S | %Y-%m-%d %H:%M:%S.%f)"
    assert fields["id"].how == "text()"
    assert fields["lat"].how == "latitude(with=lon, datum=GCJ-02)"
    assert fields["area"].how == "code(codes=areas, on=day)"
    assert fields["day"].how == "date(formats=%Y%m%d)"
    assert fields["load"].how == "number(unit=吨, multipliers=万)"
    assert [(i.column, i.kind, i.part) for i in fields["area"].inputs] == [
        ("area", "DIRECT", "TRANSFORMATION"), ("d", "INDIRECT", "CONDITIONAL"),
    ]  # fmt: skip
    assert {(i.column, i.part) for i in found.whole if i.table == "trips"} == {
        ("bike", "JOIN"), ("id", "WINDOW"),
        *((name, "FILTER") for name in ("id", "km", "t", "y", "x", "area", "d", "kg")),
    }  # fmt: skip


@pytest.fixture
def folder(store: Store, node_folder: Path) -> Path:
    harmonise.install(store, node_folder)
    columns = {"id": "id", "n": {"from": "n", "as": "number"}}
    write(node_folder / "work", files(columns, prop("id", required=True), prop("n", "integer", required=True)))
    (node_folder / "work" / "things.json").write_text(json.dumps([{"id": "a", "n": "1"}, {"id": "b", "n": "2"}]))
    return node_folder


def built(store: Store, act: Act, **more: Any) -> dict[str, Any]:
    with store.begin(act("data_engineer"), "harmonise") as tx:
        return harmonise.build(tx, **{"resource": "things-1", "workspace": "work", "mapping": "things", **more})


def test_attempts_are_kept_and_told(store: Store, folder: Path, act: Act) -> None:
    heard: list[dict[str, Any]] = []
    harmonise.on_run(store, heard.append)
    made = built(store, act)
    (folder / "work" / "things.json").write_text("[")
    with pytest.raises(Refusal, match="STD-411"):
        built(store, act)
    with pytest.raises(Refusal, match="STD-410"):
        built(store, act, mapping="none")
    with store.read(act("analyst")) as tx:
        told = harmonise.lineage_runs(tx)
        assert harmonise.lineage_runs(tx, after=told[1]["seq"]) == told[2:]
        assert harmonise.lineage_runs(tx, resource="other") == []
        assert harmonise.lineage_runs(tx, after=0, limit=1) == told[:1]
    assert [(t["state"], t["code"], t["read_whole"], t["build"]) for t in told] == [
        ("COMPLETE", "", True, made["id"]), ("FAIL", "STD-411", False, ""), ("FAIL", "STD-410", None, ""),
    ]  # fmt: skip
    assert told == heard
    assert (told[0]["read"], told[0]["lineage"]["standard"]) == (2, "thing")


def test_a_rolled_back_build_is_no_attempt_that_ended_well(store: Store, folder: Path, act: Act) -> None:
    with pytest.raises(RuntimeError), store.begin(act("data_engineer")) as tx:
        harmonise.build(tx, resource="r", workspace="work", mapping="things")
        raise RuntimeError
    with store.read() as tx:
        assert harmonise.lineage_runs(tx) == []


def test_the_lineage_of_a_resource(store: Store, folder: Path, act: Act) -> None:
    made = built(store, act)
    with store.begin(act("analyst")) as tx:
        found = harmonise.lineage(tx, resource="things-1")
        assert (found["build"], found["source"]) == (made["id"], "things")
        assert [(f["element"], [i["column"] for i in f["inputs"]]) for f in found["fields"]] == [
            ("id", ["id"]),
            ("n", ["n"]),
        ]
        assert harmonise.lineage(tx, resource="things-1", build=made["id"]) == found
        for wrong in (
            {"resource": "other"},
            {"resource": "other", "build": made["id"]},
            {"resource": "x", "build": "\0"},
        ):
            with pytest.raises(Refusal, match="STD-421"):
                harmonise.lineage(tx, **wrong)
        tx.execute(accounts.accounts.delete())
        with pytest.raises(Refusal, match="STD-507"):
            harmonise.lineage(tx, resource="things-1")
