"""Several sheets, files or objects as one table, and the column made of what their names alone say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from harmonise_desk import files, mapped, prop, write
from hypothesis import given
from hypothesis import strategies as st
from sources_desk import FILES
from test_harmonise_bad_builds import content

from datong.ground.db import Actor, Store
from datong.ground.refusal import Refusal
from datong.harmonise import service as harmonise
from datong.harmonise.rules.workspace import mapping_of
from datong.harmonise.store import sources
from datong.harmonise.store.sources.opening import stands_for

Act = Callable[..., Actor]
Sheets = dict[str, list[list[Any]]]


def workbook(path: Path, sheets: Sheets, hidden: str = "") -> None:
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        sheet.sheet_state = "hidden" if name == hidden else "visible"
        for row in rows:
            sheet.append(row)
    book.save(path)


def read(folder: Path, **source: Any) -> list[tuple[Any, ...]]:
    """(month, kwh) of every row."""
    columns = {"kwh": "用电量"} | ({"month": source["named"]} if "named" in source else {})
    texts = files(columns, prop("kwh"), prop("month"))
    texts["sources/things.yaml"] = source
    mapping = mapped(texts)
    table = sources.read(mapping.source, folder, {"things": list(mapping.paths)}).tables["things"]
    names = [source["named"], "用电量"] if "named" in source else ["用电量"]
    return list(zip(*(table[name].to_pylist() for name in names), strict=True))


MONTHS: Sheets = {
    "1月": [["户号", "用电量"], ["a", 1], ["b", 2]], "2月": [["用电量", "户号"], [3, "a"]], "3月": [], "说明": [["制表：计量中心"]],
    "9月": [["户号", "用电量"], ["x", 9]],
}  # fmt: skip


def test_sheets_called_so_are_one_table(tmp_path: Path) -> None:
    workbook(tmp_path / "2026.xlsx", MONTHS, hidden="9月")
    given = {"kind": "excel", "path": "2026.xlsx", "sheet": "*月", "named": "月份"}
    assert read(tmp_path, **given) == [("1", "1"), ("1", "2"), ("2", "3")]
    del given["named"]
    assert read(tmp_path, **given) == [("1",), ("2",), ("3",)]


def test_sheets_of_several_workbooks_say_both_names(tmp_path: Path) -> None:
    workbook(tmp_path / "云岩-2026.xlsx", {"1月": MONTHS["1月"]})
    workbook(tmp_path / "南明-2026.xlsx", {"1月": MONTHS["1月"][:2], "2月": MONTHS["2月"]})
    given = {"kind": "excel", "path": "*-2026.xlsx", "sheet": "*月", "named": "区与月"}
    assert read(tmp_path, **given) == [("云岩 1", "1"), ("云岩 1", "2"), ("南明 1", "1"), ("南明 2", "3")]


@pytest.mark.parametrize("kind", FILES)
def test_what_a_files_name_alone_says_is_a_column(tmp_path: Path, kind: str) -> None:
    for month in ("01", "02"):
        (tmp_path / f"{month}.x").write_bytes(content(kind, [{"用电量": f"1{month}", "户号": "a"}]))
    assert read(tmp_path, kind=kind, path="*.x", named="月份") == [("01", "101"), ("02", "102")]
    with pytest.raises(Refusal) as refused:
        read(tmp_path, kind=kind, path="*.x", named="户号")
    assert refused.value.code == "STD-411" and refused.value.facts["place"].endswith("01.x: 户号")


def test_a_column_without_a_name_is_none_that_is_to_be_made(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("户号,用电量,\na,1,x\n", "utf-8")
    assert read(tmp_path, kind="csv", path="a.csv") == [("1",)]


@pytest.mark.parametrize(("sheets", "said"), [
    ({"1月": MONTHS["1月"], "2月": [["户号", "电量"], ["a", 3]]}, "2026.xlsx 2月: 用电量"), ({"一月": MONTHS["1月"]}, "*月中"),
])  # fmt: skip
def test_a_sheet_that_is_called_or_laid_out_otherwise(tmp_path: Path, sheets: Sheets, said: str) -> None:
    workbook(tmp_path / "2026.xlsx", sheets)
    given = {"kind": "excel", "path": "2026.xlsx", "sheet": "*月" if "1月" in sheets else "*月中"}
    with pytest.raises(Refusal) as refused:
        read(tmp_path, **given)
    assert refused.value.code == "STD-411" and said in refused.value.facts["place"]


BUCKET = {"kind": "s3", "endpoint": "http://127.0.0.1:1", "bucket": "b", "format": "excel"}


@pytest.mark.parametrize(("source", "at", "said"), [
    ({"kind": "csv", "path": "a.csv", "named": "m"}, "named", "no * in `path`"),
    ({"kind": "csv", "path": "a-*.csv", "named": ""}, "named", "name of a new column"),
    ({"kind": "csv", "path": "a-*.csv", "named": "_row"}, "named", "name of a new column"),
    ({"kind": "csv", "tables": {"a": "a-*.csv"}, "named": "m"}, "named", "belongs under each table"),
    ({"kind": "csv", "tables": {"a": {"path": "a.csv", "named": "m"}}}, "tables.a.named", "no * in `path`"),
    ({"kind": "database", "path": "x.db", "tables": {"a": "id"}, "named": "m"}, "named", "takes no named"),
    ({**BUCKET, "key": "a.xlsx", "named": "m"}, "named", "no `prefix`"),
    ({**BUCKET, "prefix": "a/", "sheet": "*月"}, "sheet", "without *"),
])  # fmt: skip
def test_names_that_say_nothing(source: dict[str, Any], at: str, said: str) -> None:
    texts = files(
        {"x": "a.x" if "tables" in source else "x"}, prop("x"), **({"table": "a"} if "tables" in source else {})
    )
    texts["sources/things.yaml"] = source
    problems = [p for p in mapping_of(texts, "things")[1] if p.where.startswith("sources/")]
    assert {p.where for p in problems} == {f"sources/things.yaml: {at}"} and any(said in p.en for p in problems)


def test_a_table_among_several_has_files_of_its_own(tmp_path: Path) -> None:
    texts = files({"x": "a.x", "m": "a.m"}, prop("x"), prop("m"), table="a")
    texts["sources/things.yaml"] = {"kind": "csv", "tables": {"a": {"path": "a-*.csv", "named": "m"}, "b": "b.csv"}}
    for name in ("a-1", "a-2", "b"):
        (tmp_path / f"{name}.csv").write_text(f"x\n{name}\n")
    table = sources.read(mapped(texts).source, tmp_path, {"a": ["x", "m"]}).tables["a"]
    assert table.select(["x", "m"]).to_pylist() == [{"x": "a-1", "m": "1"}, {"x": "a-2", "m": "2"}]


def test_a_month_that_came_is_new_rows(store: Store, node_folder: Path, act: Act) -> None:
    harmonise.install(store, node_folder)
    texts = files({"kwh": {"from": "用电量", "as": "number"}, "month": "月份"}, prop("kwh", "number"), prop("month"))
    texts["sources/things.yaml"] = {"kind": "excel", "path": "2026.xlsx", "sheet": "*月", "named": "月份"}
    folder = write(node_folder / "work", texts)
    for last, rows in ((1, 2), (2, 3)):
        workbook(folder / "2026.xlsx", dict(list(MONTHS.items())[:last]))
        with store.begin(act("data_engineer")) as tx:
            assert harmonise.check(tx, workspace=str(folder), mapping="things")["accepted"]
            made = harmonise.build(tx, workspace=str(folder), mapping="things")
        assert (made["read"], made["harmonised"]) == (rows, rows)


BETWEEN = st.text("ab1-/._月", min_size=1, max_size=4)


@given(st.lists(BETWEEN, min_size=2, max_size=4), st.lists(st.text("xyz9", max_size=3), min_size=3, max_size=3))
def test_a_name_with_its_parts_put_in_is_called_so(pieces: list[str], parts: list[str]) -> None:
    stars = parts[: len(pieces) - 1]
    called = pieces[0] + "".join(part + piece for part, piece in zip(stars, pieces[1:], strict=True))
    assert stands_for("*".join(pieces), called) == " ".join(part for part in stars if part)
