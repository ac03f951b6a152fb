"""Names of groups that stand in their first row alone go to the rows below them, and never to rows of another group."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from harmonise_desk import files, mapped, prop, run
from hypothesis import given
from hypothesis import strategies as st
from sources_desk import read, refused, source, told

from datong.engine.model import Plan
from datong.harmonise.model.drafts import Look
from datong.harmonise.model.reading import BROKEN
from datong.harmonise.rules.plan import plan_of
from datong.harmonise.rules.workspace import _source
from datong.harmonise.service.looking import looked_at
from datong.harmonise.store import sources
from datong.harmonise.store.sources.filling import filled

TABLE: list[list[Any]] = [
    ["区", "台区", "户号", "电量"],
    ["云岩", "新华", "A1", 1], [None, None, "A2", 2], [None, "解放", "A3", 3], [None, " ", "A4", 4],
    ["南明", None, "A5", 5], [None, "城关", "A6", 6],
    [None, "小计", None, 21], [None, None, "A7", 7], ["乌当", "高新", "A8", 8], [None, None, "A9", 9],
    ["合计", None, None, 45],
]  # fmt: skip
FILLED = [
    ("云岩", "新华", "A1"), ("云岩", "新华", "A2"), ("云岩", "解放", "A3"), ("云岩", "解放", "A4"), ("南明", None, "A5"),
    ("南明", "城关", "A6"), None, (None, None, "A7"), ("乌当", "高新", "A8"), ("乌当", "高新", "A9"), None,
]  # fmt: skip
MERGED = ("A2:A5", "B2:B3", "B4:B5", "A6:A7", "A10:A11", "B10:B11")


def file(kind: str, folder: Path, table: list[list[Any]], merged: tuple[str, ...] = ()) -> dict[str, Any]:
    if kind == "excel":
        book = openpyxl.Workbook()
        for row in table:
            book.active.append(row)
        for span in merged:
            book.active.merge_cells(span)
        book.save(folder / "x")
    else:
        text = io.StringIO()
        csv.writer(text).writerows(table)
        (folder / "x").write_text(text.getvalue(), "utf-8")
    return {"kind": kind, "path": "x"}


def names(found: list[dict[str, Any]]) -> list[tuple[str | None, ...] | None]:
    of = ("区", "台区", "户号")
    return [
        None if row[BROKEN] is not None else tuple((row[name] or "").strip() or None for name in of) for row in found
    ]


@pytest.mark.parametrize(("kind", "merged"), [("csv", ()), ("excel", ()), ("excel", MERGED)])
def test_a_name_goes_to_the_rows_of_its_group(tmp_path: Path, kind: str, merged: tuple[str, ...]) -> None:
    """A new outer name ends the inner one; what is no record may have had a name, and ends both."""
    keys = file(kind, tmp_path, TABLE, merged)
    assert names(read(told(**keys, fill_down=["区", "台区"]), tmp_path)) == FILLED
    if not merged:
        as_it_was = names(read(told(**keys), tmp_path))
        assert as_it_was[1] == (None, None, "A2")


def test_cells_merged_over_rows_are_refused_where_they_are_not_filled(tmp_path: Path) -> None:
    keys = file("excel", tmp_path, TABLE, MERGED)
    assert "or say `fill_down`" in str(refused(told(**keys), tmp_path))
    assert "x B2:B3" in str(refused(told(**keys, fill_down=["区"]), tmp_path))


@pytest.mark.parametrize(
    ("span", "cell", "fill_down"),
    [("A3:A5", "云岩", ["区"]), ("A3:A5", "12", None), ("A3:A5", None, None), ("C3:C4", "12.5", None), ("A1:C1", "云岩", None)],
)  # fmt: skip
def test_a_look_at_a_workbook_tells_merged_groups(
    tmp_path: Path, span: str, cell: str | None, fill_down: list[str] | None
) -> None:
    """Figures that are merged may be of the whole group, and are not put into each row of it."""
    table = [
        ["二月台账"],
        ["区", "户号", "电量"],
        [cell, "A1", "12.5"],
        [None, "A2", None],
        [None, "A3", "3"],
        ["南明", "A4", 4],
    ]
    file("excel", tmp_path, table, (span,))
    look = looked_at(tmp_path / "x")
    assert isinstance(look, Look)
    assert look.facts.get("fill_down") == fill_down
    assert any("merged over rows" in doubt.en for doubt in look.doubts) is bool(fill_down)
    if fill_down:
        found = read(told(kind="excel", path="x", **look.facts), tmp_path)
        assert [row["区"] for row in found] == ["云岩", "云岩", "云岩", "南明"]


def test_a_name_does_not_go_from_one_file_into_the_next(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_text("区,户号\n云岩,A1\n,A2\n", "utf-8")
    (tmp_path / "2.csv").write_text("区,户号\n,B1\n南明,B2\n,B3\n", "utf-8")
    found = read(told(kind="csv", path="*.csv", fill_down=["区"]), tmp_path)
    assert [row["区"] or None for row in found] == ["云岩", "云岩", None, "南明", "南明"]


def test_sheets_that_are_tables_are_filled_each_by_its_own(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for name in ("1月", "2月"):
        sheet = book.create_sheet(name)
        for row in (["区", "户号"], [f"云岩{name}", "A1"], [None, "A2"]):
            sheet.append(row)
    book.save(tmp_path / "x")
    tables = {"a": {"path": "x", "sheet": "1月", "fill_down": ["区"]}, "b": {"path": "x", "sheet": "2月"}}
    reading = sources.read(told(kind="excel", tables=tables), tmp_path, {"a": ["区"], "b": ["区"]})
    assert [row["区"] for row in reading.tables["a"].to_pylist()] == ["云岩1月", "云岩1月"]
    assert [row["区"] for row in reading.tables["b"].to_pylist()] == ["云岩2月", None]


def test_before_columns_become_rows(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("区,户号,1月,2月\n云岩,A1,1,2\n,A2,3,4\n", "utf-8")
    unpivot = {"columns": ["*月"], "name": "month", "value": "used"}
    found = read(told(kind="csv", path="x", fill_down=["区"], unpivot=unpivot), tmp_path)
    assert [(row["区"], row["month"], row["used"]) for row in found][2:] == [("云岩", "1月", "3"), ("云岩", "2月", "4")]


def test_a_column_that_is_not_there_is_told(tmp_path: Path) -> None:
    keys = file("csv", tmp_path, TABLE)
    assert "x: 县区" in str(refused(told(**keys, fill_down=["县区"]), tmp_path))


@pytest.mark.parametrize(
    ("keys", "where"),
    [
        *(({"kind": kind, "path": "x", "fill_down": ["a"]}, "fill_down") for kind in ("json", "ndjson", "parquet")),
        ({"kind": "database", "url_from": "U", "tables": {"t": "id"}, "fill_down": ["a"]}, "fill_down"),
        ({"kind": "http", "url": "https://x.example/a", "fill_down": ["a"]}, "fill_down"),
        ({"kind": "csv", "path": "x", "fill_down": []}, "fill_down"),
        ({"kind": "csv", "path": "x", "fill_down": "a"}, "fill_down"),
        ({"kind": "csv", "path": "x", "fill_down": ["a", "a"]}, "fill_down"),
        ({"kind": "csv", "fill_down": ["a"], "tables": {"t": "x"}}, "fill_down"),
        ({"kind": "json", "tables": {"t": {"path": "x", "fill_down": ["a"]}}}, "tables.t.fill_down"),
        ({"kind": "csv", "tables": {"t": {"path": "x", "fill_down": [""]}}}, "tables.t.fill_down"),
    ],
)
def test_what_is_said_wrongly_is_told(keys: dict[str, Any], where: str) -> None:
    """Rows of a database come in no order that is theirs; in JSON and Parquet each record says what it is."""
    problems = _source("sources/things.yaml", keys)[1]
    assert [problem.where for problem in problems] == [f"sources/things.yaml: {where}"]


def test_no_row_is_left_without_what_it_needs(tmp_path: Path) -> None:
    """Where nobody knows the group a required element holds the row."""
    keys = file("csv", tmp_path, TABLE)
    contents = files({"area": "区", "no": "户号"}, prop("area", required=True), prop("no"))
    mapping = mapped({**contents, "sources/things.yaml": {**keys, "fill_down": ["区"]}})
    assert isinstance(plan_of(mapping), Plan)
    result = run(mapping, things=sources.read(mapping.source, tmp_path, {"things": ["区", "户号"]}).tables["things"])
    assert [row["no"] for row in result["harmonised"].to_pylist()] == ["A1", "A2", "A3", "A4", "A5", "A6", "A8", "A9"]
    reasons = {row["row"]: row["reason"] for row in result["quarantined"].to_pylist()}
    assert reasons == {7: "total_row", 8: "missing_value", 11: "total_row"}


@given(st.lists(st.one_of(st.none(), st.sampled_from(["a", "b", " ", "!"])), max_size=20))
def test_the_name_is_that_of_the_nearest_row_above(texts: list[str | None]) -> None:
    rows = [({}, "broken") if text == "!" else ({"g": text, "n": str(at)}, None) for at, text in enumerate(texts)]
    found = list(filled(("g",), source("csv"), rows))
    assert [row[1] for row in found] == [row[1] for row in rows]
    for at, (values, broken) in enumerate(found):
        above = [text for text in texts[: at + 1] if text in ("a", "b", "!")]
        wanted = above[-1] if above and above[-1] != "!" else texts[at]
        assert broken or (values["g"], values["n"]) == (wanted, str(at))
