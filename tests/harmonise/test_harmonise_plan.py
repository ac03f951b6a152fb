"""The plan: nothing is lost, reasons come in order, look-ups and repeats are found, originals are kept."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from harmonise_desk import files, mapped, prop, rows_of, run, standard
from hypothesis import given, settings
from hypothesis import strategies as st

from datong.engine import rules as plans
from datong.engine.model import Result
from datong.harmonise.model.mappings import Check
from datong.harmonise.model.notes import NOTES
from datong.harmonise.rules import plan as planning
from datong.harmonise.rules.workspace import mapping_of

NEEDED = {"required": True}


def held(result: Result) -> list[tuple[int, str, str, str | None]]:
    return [(r["row"], r["column"], r["reason"], r["original"]) for r in result["quarantined"].to_pylist()]


def test_one_row_one_reason_the_first_one() -> None:
    contents = files(
        {"id": "id", "n": {"from": "n", "as": "number"}, "m": {"from": "m", "as": "number"}},
        prop("id", **NEEDED), prop("n", "integer", **NEEDED), prop("m", "integer"),
        checks=[{"reason": "backwards", "when": "m < n"}],
    )  # fmt: skip
    rows = rows_of(
        {"id": "a", "n": "1", "m": "2"}, {"id": "b", "n": "x", "m": "y"}, {"id": None, "n": "x", "m": None},
        "[1, 2]", {"id": "c", "n": "3", "m": "2"}, {"id": "d", "n": "4", "m": None},
    )  # fmt: skip
    result = run(mapped(contents), things=rows)
    assert [row["id"] for row in result["harmonised"].to_pylist()] == ["a", "d"]
    assert held(result) == [
        (2, "n", "not_a_number", "x"),
        (3, "id", "missing_value", None),
        (4, "", "not_a_record", "[1, 2]"),
        (5, "n, m", "backwards", "3 | 2"),
    ]
    records = [json.loads(row["record"]) for row in result["quarantined"].to_pylist()]
    assert records[0] == {"id": "b", "n": "x", "m": "y"}
    assert {row["source"] for row in result["quarantined"].to_pylist()} == {"things"}


def test_repeats_all_but_the_first_and_all_when_they_differ() -> None:
    contents = files({"id": "id", "x": "x"}, prop("id", **NEEDED), prop("x"), unique=[{"columns": ["id"]}])
    rows = [("a", "1"), ("a", "1"), ("b", "1"), ("b", "2"), ("c", None), ("c", ""), ("d", None), ("d", "1"), ("e", "1")]
    result = run(mapped(contents), things=rows_of(*({"id": i, "x": x} for i, x in rows)))
    assert [row["source_row"] for row in result["harmonised"].to_pylist()] == [1, 5, 9]
    assert [(row, reason) for row, _, reason, _ in held(result)] == [
        (2, "duplicate"), (3, "conflicting_duplicate"), (4, "conflicting_duplicate"),
        (6, "duplicate"), (7, "conflicting_duplicate"), (8, "conflicting_duplicate"),
    ]  # fmt: skip


def test_a_held_row_is_no_duplicate_partner_and_some_columns_may_differ() -> None:
    contents = files(
        {"id": "id", "x": {"from": "x", "as": "number"}, "y": "y"},
        prop("id", **NEEDED), prop("x", "integer"), prop("y"),
        unique=[{"columns": ["id"]}, {"columns": ["x"], "apart_from": ["id"]}],
    )  # fmt: skip
    rows = rows_of(
        {"id": "a", "x": "?", "y": None}, {"id": "a", "x": "1", "y": "p"}, {"id": "b", "x": "1", "y": "p"},
        {"id": "c", "x": None, "y": "p"}, {"id": "d", "x": None, "y": "q"},
    )  # fmt: skip
    result = run(mapped(contents), things=rows)
    assert [row["id"] for row in result["harmonised"].to_pylist()] == ["a", "c", "d"]
    assert held(result) == [(1, "x", "not_a_number", "?"), (3, "x", "duplicate", "1")]


def database(**more: Any) -> dict[str, Any]:
    columns = {
        "id": "main.id", "plate": {"from": "main.plate", "as": "plate"}, "place": "gate.place", "road": "road.name",
        "kind": "car.kind",
    }  # fmt: skip
    joins = [
        {"table": "gate", "on": {"main.gate": "gate.id"}},
        {"table": "road", "on": {"gate.road": "road.id"}},
        {"table": "car", "on": {"main.plate": "car.plate"}, "as": "plate", **more},
    ]
    return {
        "sources/db.yaml": {
            "kind": "database", "path": "x.db", "tables": {"main": "id", "gate": "id", "road": "id", "car": "plate"},
        },
        "standards/thing.odcs.yaml": standard(
            prop("id", **NEEDED), prop("plate", **NEEDED), prop("place", **NEEDED), prop("road"), prop("kind")
        ),
        "mappings/db.yaml": {"source": "db", "standard": "thing", "table": "main", "columns": columns, "joins": joins},
    }  # fmt: skip


TABLES = {
    "gate": rows_of(
        {"id": "G1", "road": "R1", "place": "north"}, {"id": "G2", "road": "R9", "place": "south"},
        {"id": "G3", "road": "R1", "place": None}, {"id": "G4", "road": "R1", "place": "p"},
        {"id": "G4", "road": "R1", "place": "q"},
    ),
    "road": rows_of({"id": "R1", "name": "one"}),
    "car": rows_of({"plate": "贵a12345", "kind": "K33"}),
}  # fmt: skip
PASSAGES = rows_of(
    {"id": "1", "plate": "贵A·12345", "gate": "G1"}, {"id": "2", "plate": "贵A12345", "gate": "G9"},
    {"id": "3", "plate": "贵A12345", "gate": None}, {"id": "4", "plate": "贵A99999", "gate": "G1"},
    {"id": "5", "plate": "?", "gate": "G9"}, {"id": "6", "plate": "贵A12345", "gate": "G2"},
    {"id": "7", "plate": "贵A12345", "gate": "G3"}, {"id": "8", "plate": "贵A12345", "gate": "G4"},
)  # fmt: skip


def test_lookups_never_lose_or_double_a_row() -> None:
    result = run(mapped(database(), "db"), main=PASSAGES, **TABLES)
    good = result["harmonised"].to_pylist()
    assert [(row["id"], row["plate"], row["place"], row["kind"]) for row in good] == [("1", "贵A12345", "north", "K33")]
    assert held(result) == [
        (2, "main.gate", "no_gate", "G9"),
        (3, "place", "missing_value", None),
        (4, "main.plate", "no_car", "贵A99999"),
        (5, "plate", "plate_format", "?"),
        (6, "gate.road", "no_road", "R9"),
        (7, "place", "missing_value", None),
        (8, "main.gate", "ambiguous_gate", "G4"),
    ]


def test_a_missing_lookup_may_be_declared_harmless() -> None:
    result = run(mapped(database(missing="keep"), "db"), main=PASSAGES, **TABLES)
    assert [(row["id"], row["kind"]) for row in result["harmonised"].to_pylist()] == [("1", "K33"), ("4", None)]


TEXTS = st.one_of(
    st.none(),
    st.sampled_from(["", "-", "1", "1,000", "贵A12345", "2019-09-01 00:00:00", "K3", "42.1"]),
    st.text(max_size=12),
)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.one_of(st.text(max_size=8), st.fixed_dictionaries(dict.fromkeys("abcdef", TEXTS))), min_size=1, max_size=12
    )
)
def test_whatever_comes_in_comes_out_once(rows: list[Any]) -> None:
    """Any text in any column: every source row is harmonised or quarantined, exactly once, with its original."""
    contents = files(
        {
            "id": "a", "n": {"from": "b", "as": "number", "thousands": ","},
            "t": {"from": "c", "as": "timestamp", "zone": "America/New_York"},
            "p": {"from": "d", "as": "plate"}, "y": {"from": "e", "as": "latitude", "notation": "decimal", "datum": "WGS84"},
            "k": {"from": "f", "as": "code", "codes": "kinds"},
        },
        prop("id", **NEEDED), prop("n", "integer"), prop("t", "timestamp"), prop("p"), prop("y", "number"), prop("k"),
        missing=["-"], unique=[{"columns": ["id"]}],
    )  # fmt: skip
    contents["standards/kinds.codes.yaml"] = {"codes": {"K3": "car"}}
    table = rows_of(*rows)
    for path in "abcdef":
        if path not in table.column_names:
            table = table.append_column(path, pa.nulls(table.num_rows, pa.string()))
    result = run(mapped(contents), things=table)
    good = [row["source_row"] for row in result["harmonised"].to_pylist()]
    bad = [row["row"] for row in result["quarantined"].to_pylist()]
    assert sorted(good + bad) == list(range(1, len(rows) + 1))
    for row in result["quarantined"].to_pylist():
        given_row = rows[row["row"] - 1]
        assert row["reason"] in NOTES
        if isinstance(given_row, str):
            assert row["original"] == given_row
        else:
            assert json.loads(row["record"]) == given_row


@pytest.mark.parametrize("name", ["x y", 'quo"te', "it's", "a.b", "; DROP", "from"])
def test_odd_source_paths_stay_names(name: str) -> None:
    contents = files({"id": {"from": name}}, prop("id"))
    assert plans.problems(planning.plan_of(mapped(contents))) == []
    assert run(mapped(contents), things=rows_of({name: "v"}))["harmonised"].to_pylist()[0]["id"] == "v"


def test_a_check_cannot_reach_out() -> None:
    contents = files({"id": "id"}, prop("id"), checks=[{"reason": "spy", "when": "id = getenv('HOME')"}])
    (told,) = mapping_of(contents, "things")[1]
    assert (told.where, told.en) == ("mappings/things.yaml: checks[0].when", "the function getenv is not allowed")
    spy = replace(mapped(files({"id": "id"}, prop("id"))), checks=(Check("spy", "id = getenv('HOME')", ("id",)),))
    assert any("getenv" in problem.en for problem in plans.problems(planning.plan_of(spy)))


def test_tables_may_have_any_name() -> None:
    contents = database()
    names = {"main": "my readings", "gate": "w-2026", "road": "路", "car": 'c"ar'}
    text = json.dumps(contents, ensure_ascii=False)
    for old, new in names.items():
        text = text.replace(f'"{old}"', json.dumps(new, ensure_ascii=False))
        text = text.replace(f'"{old}.', f"{json.dumps(new, ensure_ascii=False)[:-1]}.")
    mapping = mapped(json.loads(text), "db")
    assert plans.problems(planning.plan_of(mapping)) == []
    result = run(mapping, **{names[name]: table for name, table in {"main": PASSAGES, **TABLES}.items()})
    assert [row["id"] for row in result["harmonised"].to_pylist()] == ["1"]
    assert held(result)[0] == (2, "my readings.gate", "no_w-2026", "G9")
    assert len({planning.input_name(name) for name in ("a b", "a-b", "a_b", "A-B")}) == 4


@pytest.mark.parametrize(
    ("rows", "repeated"),
    [
        ([("1", "x"), ("1", "x"), ("2", "2"), ("3", "3"), ("4", "4"), ("5", "5")], 1),
        ([("1", "x"), ("1", "1"), ("2", "2")], 1),
        ([("1", "1"), ("1", "x"), ("1", "y"), ("1 ", "2")], 4),
        ([("1", "x"), ("2", "2"), (None, "x"), (None, "x")], 0),
    ],
)
def test_repeats_among_rows_held_for_another_reason_are_counted(
    rows: list[tuple[str | None, str]], repeated: int
) -> None:
    """Of the rows as read: every one whose key another row has, the first of those that were held excepted."""
    columns = {"k": "k", "n": {"from": "n", "as": "number"}}
    contents = files(columns, prop("k"), prop("n", "integer"), unique=[{"columns": ["k"]}])
    result = run(mapped(contents), things=rows_of(*({"k": k, "n": n} for k, n in rows)))
    assert result["measured"].to_pylist()[0]["repeated"] == repeated


def test_a_constant() -> None:
    contents = files({"id": "id", "origin": {"constant": "it's here"}}, prop("id"), prop("origin", **NEEDED))
    assert run(mapped(contents), things=rows_of({"id": "1"}))["harmonised"].to_pylist()[0]["origin"] == "it's here"
