"""Parquet and Excel: typed values as one canonical text, headers flattened when declared, what is no table refused."""

from __future__ import annotations

import csv
import io
import random
import re
import sqlite3
import uuid
import zipfile
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from harmonise_desk import files, mapped, prop, run
from sources_desk import read, refused, source, told

from datong.ground.refusal import Refusal
from datong.harmonise.model.reading import BROKEN, ROW
from datong.harmonise.store import sources
from datong.harmonise.store.sources import gathering, opening


def test_parquet_values_have_one_text_each(tmp_path: Path) -> None:
    noon = datetime(2026, 2, 1, 12, tzinfo=UTC).replace(tzinfo=None)
    columns: dict[str, pa.Array] = {
        "i": pa.array([1, None], pa.int64()),
        "f": pa.array([0.1, 1e20]),
        "d": pa.array([Decimal("1.50"), Decimal("-0.05")], pa.decimal128(9, 2)),
        "small": pa.array([Decimal(0), Decimal("0.0000001")], pa.decimal128(38, 10)),
        "smalls": pa.array([[Decimal("0.0000001")], None], pa.list_(pa.decimal128(38, 10))),
        "b": pa.array([True, False]),
        "day": pa.array([date(2026, 2, 1), None]),
        "at": pa.array([noon, noon + timedelta(microseconds=120_000)], pa.timestamp("us")),
        "utc": pa.array([noon.replace(tzinfo=UTC)] * 2, pa.timestamp("ms", "UTC")),
        "t": pa.array([time(8, 5), time(8, 5, 1)], pa.time64("us")),
        "raw": pa.array([b"\x00\xff", None], pa.binary()),
        "word": pa.array(["号", "号"]).dictionary_encode(),
        "list": pa.array([[1, 2], None], pa.list_(pa.int64())),
        "place": pa.array([{"x": 1, "in": {"y": "北"}}, None]),
        "took": pa.array([timedelta(seconds=61), None], pa.duration("s")),
    }
    pq.write_table(pa.table(columns), tmp_path / "x")
    first, second = read(source("parquet"), tmp_path)
    assert first == {
        ROW: 1, BROKEN: None, "i": "1", "f": "0.1", "d": "1.50", "b": "true", "day": "2026-02-01", "at": "2026-02-01 12:00:00",
        "utc": "2026-02-01 12:00:00Z", "t": "08:05:00", "raw": "\\x00ff", "word": "号", "list": "[1, 2]", "place.x": "1",
        "place.in.y": "北", "took": "61",
        "small": "0.0000000000", "smalls": '["0.0000001000"]',
    }  # fmt: skip
    assert (second["i"], second["at"], second["f"]) == (None, "2026-02-01 12:00:00.12", "1e+20")
    assert (second["place.x"], second["place.in.y"], second["b"]) == (None, None, "false")
    assert sources.declared(source("parquet"), tmp_path)["place.in.y"] == "string"


def parquet(path: Path, columns: dict[str, pa.Array]) -> None:
    pq.write_table(pa.table(columns), path / "x")


@pytest.mark.parametrize(("kind", "value", "text"), [
    (pa.float64(), 13812345678, "13812345678"), (pa.float64(), 2**53, "9007199254740992"), (pa.float64(), -1e10, "-10000000000"),
    (pa.float64(), 1234567890123456, "1234567890123456"), (pa.float64(), 2**53 + 2, "9.007199254740994e+15"),
    (pa.float64(), 123, "123"), (pa.float64(), 1e-7, "1e-7"), (pa.float64(), 12345678901.5, "1.23456789015e+10"),
    (pa.float32(), 2**24, "16777216"), (pa.float32(), 13812346000, "1.3812346e+10"), (pa.float16(), 2048, "2048"),
])  # fmt: skip
def test_an_id_in_floating_point_is_its_digits(tmp_path: Path, kind: pa.DataType, value: float, text: str) -> None:
    """As it becomes wherever a table has an empty cell: a telephone number is none with an exponent."""
    parquet(tmp_path, {"id": pa.array([None, float(value), float("nan")], pa.float64()).cast(kind, safe=False)})
    assert [row["id"] for row in read(source("parquet"), tmp_path)] == [None, text, "nan"]


def test_uuids_and_bytes_in_lists_have_their_text(tmp_path: Path) -> None:
    """Files that DuckDB, Spark and Iceberg write hold UUIDs as a type of their own."""
    name = uuid.UUID("c0ffee00-1234-4abc-8def-ffffffffffff")
    ids = pa.ExtensionArray.from_storage(pa.uuid(), pa.array([name.bytes, None], pa.binary(16)))
    parquet(tmp_path, {"id": ids, "raw": pa.array([[b"\x00\xff"], None])})
    found = read(source("parquet"), tmp_path, things=["id", "raw"])
    assert [row["id"] for row in found] == [str(name), None]
    assert found[0]["raw"] == r'["\\x00ff"]'


def test_a_column_called_as_a_field_of_a_struct_is_not_lost(tmp_path: Path) -> None:
    for names in (("a", "a.b"), ("a.b", "a")):
        parquet(tmp_path, {name: pa.array([{"b": 1}] if name == "a" else [2]) for name in names})
        assert "both called so" in str(refused(source("parquet"), tmp_path, things=["a.b"]))


NO_UTF8 = pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\1\0\0\0"), pa.py_buffer(b"\xff")])


@pytest.mark.parametrize(
    "value",
    [
        NO_UTF8, pa.ListArray.from_arrays([0, 1], NO_UTF8), pa.array([[10**7]], pa.list_(pa.date32())),
        pa.array([[1]], pa.list_(pa.timestamp("ns"))), pa.array([1], pa.timestamp("us", "Mars/Phobos")),
    ],
)  # fmt: skip
def test_a_value_of_parquet_that_no_text_can_be_made_of(tmp_path: Path, value: pa.Array) -> None:
    parquet(tmp_path, {"id": pa.array(["a"]), "v": value})
    refusal = refused(source("parquet"), tmp_path, things=["id"])
    assert (refusal.facts["place"], refusal.facts["en"][:42]) == ("x: v", "holds a value that no text can be made of ")
    with pytest.raises(Refusal):
        sources.sample(source("parquet"), tmp_path)


def test_a_struct_of_ten_thousand_fields_gives_those_wanted(tmp_path: Path) -> None:
    parquet(tmp_path, {"a": pa.array([{f"c{n}": n for n in range(10_000)}]), "b": pa.array([1])})
    found = read(source("parquet"), tmp_path, things=["a.c7", "b"])
    assert [(row["a.c7"], row["b"]) for row in found] == [("7", "1")]


def test_a_parquet_sample_has_the_declared_types(tmp_path: Path) -> None:
    pq.write_table(pa.table({"n": pa.array(range(50), pa.int32()), "s": ["a"] * 50}), tmp_path / "x")
    found = sources.sample(source("parquet"), tmp_path, rows=10)
    assert [(c.path, c.values[:2], c.declared_type) for c in found.columns] == [
        ("n", ("0", "1"), "int32"),
        ("s", ("a", "a"), "string"),
    ]
    assert (found.rows_seen, found.whole) == (10, False)


def test_a_parquet_of_ten_thousand_columns_gives_those_wanted(tmp_path: Path) -> None:
    pq.write_table(pa.table({f"c{n}": [n, n + 1] for n in range(10_000)}), tmp_path / "x")
    found = read(source("parquet"), tmp_path, things=["c7", "c9999"])
    assert found[1] == {ROW: 2, BROKEN: None, "c7": "8", "c9999": "10000"}
    sample = sources.sample(source("parquet"), tmp_path)
    assert len(sample.columns) == 10_000


def test_a_json_of_too_many_columns_is_no_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "COLUMNS_MAX", 50)
    (tmp_path / "x").write_text("[" + ",".join(f'{{"id{n}": 1}}' for n in range(60)) + "]")
    assert "more than 50 columns" in str(refused(source("json"), tmp_path))


@pytest.mark.parametrize("cut", [0, 3, 200])
def test_a_parquet_that_is_cut_short(tmp_path: Path, cut: int) -> None:
    pq.write_table(pa.table({"n": list(range(500))}), tmp_path / "whole")
    (tmp_path / "x").write_bytes((tmp_path / "whole").read_bytes()[:cut])
    assert "no whole Parquet" in str(refused(source("parquet"), tmp_path))


# --- Excel -------------------------------------------------------------------------------------------------


def workbook(folder: Path, *given: list[Any], merged: tuple[str, ...] = (), sheets: tuple[str, ...] = ("a",)) -> None:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name in sheets:
        sheet = book.create_sheet(name)
        for row in given:
            sheet.append(row)
        for span in merged:
            sheet.merge_cells(span)
    book.save(folder / "x")


TOTALS: list[tuple[list[Any], bool]] = [
    (["云岩区", 1, 2.5], False), (["小计", 1, 2.5], True), (["合 计", None, 2.5], True), (["全市合计：", 1, "4.12%"], True),
    ([None, "总计", 3], True), (["Total", 1, 2], True), (["Grand Total", "1,234", "-"], True), (["合计科", 1, 2], False),
    (["合计", "张三", 2], False), (["合计", None, None], False), (["云岩区", "小计", 3], True), (["totals", 1, 2], False),
    (["本页小计", 12, "3.5元"], True), (["上海总计算机公司", 1, 2], False), (["云岩区", "合计", "张三"], False),
    ([520102, "合计", 3], False), (["2号楼", "小计", 3], False), (["云岩区", 3, "小计"], False),
    (["新华公变小计", None, 3], True), (["1号公变 小计：", 2, 3], True), (["云岩区", "工业小计", 3], True),
    (["小计科", 1, 2], False), (["新华公变小计", "张三", 3], False), (["从业人员合计", 1, 2], False),
]  # fmt: skip
FEET = [(["制表人：李四", None, None], True), (["注：不含乌当区", None, None], True), (["审核：王五", 1, 2], False)]


@pytest.mark.parametrize("kind", ["csv", "excel"])
def test_rows_of_totals_and_what_stands_below_a_table_are_no_records(tmp_path: Path, kind: str) -> None:
    """Whoever adds up the column would count them twice. `totals: keep` lets totals in, where they are records."""
    header = ["县区", "户数", "电量"]
    every = [row for row, _ in (*TOTALS, *FEET)]
    if kind == "excel":
        workbook(tmp_path, header, *every)
    else:
        text = io.StringIO()
        csv.writer(text).writerows([header, *every])
        (tmp_path / "x").write_text(text.getvalue(), "utf-8")
    found = read(told(kind=kind, path="x"), tmp_path)
    assert [row[BROKEN] is not None for row in found] == [none for _, none in (*TOTALS, *FEET)]
    kept = read(told(kind=kind, path="x", totals="keep"), tmp_path)
    assert [row[BROKEN] is not None for row in kept] == [False] * len(TOTALS) + [none for _, none in FEET]
    mapping = mapped(
        {
            **files({"area": "县区", "n": {"from": "电量", "as": "number"}}, prop("area"), prop("n", "number")),
            "sources/things.yaml": {"kind": kind, "path": "x"},
        }
    )
    held = run(mapping, things=sources.read(mapping.source, tmp_path, {"things": ["县区", "电量"]}).tables["things"])
    reasons = {row["row"]: row["reason"] for row in held["quarantined"].to_pylist()}
    for number, (_, none) in enumerate(TOTALS, 1):
        assert (reasons.get(number) == "total_row") is none, number
    assert [reasons.get(number) for number in (25, 26, 27)] == ["not_a_record", "not_a_record", None]


def test_excel_cells_have_one_text_each(tmp_path: Path) -> None:
    at = datetime(2026, 2, 1, 8, 5, tzinfo=UTC).replace(tzinfo=None)
    workbook(
        tmp_path, ["编号", "数", "日期", "时间", "是", None], [7, 1.5, date(2026, 2, 1), at, True, None], [],
        ["x", 2e15, None, None, False, None],
    )  # fmt: skip
    found = read(source("excel"), tmp_path)
    assert found[0] == {
        ROW: 1, BROKEN: None, "编号": "7", "数": "1.5", "日期": "2026-02-01", "时间": "2026-02-01 08:05:00", "是": "true",
    }  # fmt: skip
    assert (found[1][ROW], found[1]["编号"], found[1]["日期"], found[1]["是"]) == (2, "x", None, "false")
    assert found[1]["数"] == "2000000000000000"


def test_a_card_number_in_a_cell_of_excel_is_its_digits(tmp_path: Path) -> None:
    """As programs write them; more digits than a double counts in ones are not told as if they were the ones typed."""
    whole = [6222020200112233, -(2**53), 2**53, 10**15, 10**15 - 1]
    beyond = [9558801234567892, 6222020200112233445, 1e20]
    workbook(tmp_path, ["card"], *[[number] for number in (*whole, *beyond)])
    texts = [row["card"] for row in read(source("excel"), tmp_path)]
    assert texts[: len(whole)] == [str(number) for number in whole]
    assert texts[len(whole) :] == ["9.558801234567892e+15", "6.222020200112233e+18", "1e+20"]


MIDNIGHT, MORNING = datetime(2026, 2, 3), datetime(2026, 2, 3, 8, 5)  # noqa: DTZ001 - as Excel has them


@pytest.mark.parametrize(
    ("given", "shown", "texts"),
    [
        ((MIDNIGHT, MORNING), "yyyy-mm-dd h:mm:ss", ["2026-02-03 00:00:00", "2026-02-03 08:05:00"]),
        ((MIDNIGHT, MIDNIGHT), "m/d/yy h:mm", ["2026-02-03 00:00:00"] * 2),
        ((MIDNIGHT, MIDNIGHT), 'yyyy"年"m"月"d"日" hh"时"', ["2026-02-03 00:00:00"] * 2),
        ((MIDNIGHT, MIDNIGHT), 'yyyy/m/d "has no hours"', ["2026-02-03"] * 2),
        ((MIDNIGHT, MIDNIGHT), "[$-804]yyyy/m/d", ["2026-02-03"] * 2),
        ((MIDNIGHT, MORNING, MORNING), "yyyy/m/d", ["2026-02-03 00:00:00", *["2026-02-03 08:05:00"] * 2]),
        ((MIDNIGHT, MIDNIGHT, MORNING), "yyyy/m/d", [*["2026-02-03"] * 2, "2026-02-03 08:05:00"]),
    ],
)
def test_midnight_is_a_time_where_its_cell_or_column_has_one(
    tmp_path: Path, given: tuple[datetime, ...], shown: str, texts: list[str]
) -> None:
    book = openpyxl.Workbook()
    book.active.append(["at", "day"])
    for row, at in enumerate(given, 2):
        book.active.append([at, date(2026, 2, 3)])
        book.active.cell(row, 1).number_format = shown
    book.save(tmp_path / "x")
    found = read(source("excel"), tmp_path)
    assert [row["at"] for row in found] == texts
    assert {row["day"] for row in found} == {"2026-02-03"}


def test_an_error_in_a_cell_is_its_name(tmp_path: Path) -> None:
    workbook(tmp_path, ["id", "n", "t"], [1, 2, None], ["#N/A", "#DIV/0!", None], ["#REF!"], [4, None, None, "#NAME?"])
    found = read(source("excel"), tmp_path)
    assert [(row["id"], row["n"], row["t"]) for row in found[1:3]] == [("#N/A", "#DIV/0!", None), ("#REF!", None, None)]
    assert found[3][BROKEN] == "4\t\t\t#NAME?"


def test_an_error_as_other_programs_write_it(tmp_path: Path) -> None:
    """In other quotes, and cells without their place."""
    workbook(tmp_path, ["id", "n"], [1, "#N/A"])
    with zipfile.ZipFile(tmp_path / "x") as packed:
        parts = {name: packed.read(name) for name in packed.namelist()}
    sheet = parts["xl/worksheets/sheet1.xml"].decode()
    parts["xl/worksheets/sheet1.xml"] = re.sub(r' r="[A-Z]*\d+"', "", sheet.replace('t="e"', "t='e'")).encode()
    with zipfile.ZipFile(tmp_path / "x", "w") as packed:
        for name, data in parts.items():
            packed.writestr(name, data)
    assert [(row["id"], row["n"]) for row in read(source("excel"), tmp_path)] == [("1", "#N/A")]


def test_a_formula_that_was_never_calculated_is_refused(tmp_path: Path) -> None:
    workbook(tmp_path, ["=A9", None], ["id", "n"], [1, "=1+1"], ["=A2", 4], *[[n, f"=A{n}"] for n in range(5, 20)])
    refusal = refused(source("excel", skip_lines=1), tmp_path)
    assert refusal.facts["place"] == "x B3, A4, B5, B6, B7, B8, B9, B10, B11, B12 …"
    assert "formulas have no value (17)" in str(refusal)


def test_a_formula_with_a_value_is_its_value(tmp_path: Path) -> None:
    workbook(tmp_path, ["id", "n", "t"], [1, "=1+1", '=""'])
    with zipfile.ZipFile(tmp_path / "x") as packed:
        parts = {name: packed.read(name) for name in packed.namelist()}
    sheet = parts["xl/worksheets/sheet1.xml"].decode()
    sheet = re.sub(r"(</f>)<v ?/>|(</f>)<v></v>", r"\1<v>2</v>", sheet, count=1)
    sheet = re.sub(r'<c r="C2"', '<c r="C2" t="str"', sheet)
    parts["xl/worksheets/sheet1.xml"] = sheet.encode()
    with zipfile.ZipFile(tmp_path / "x", "w") as packed:
        for name, data in parts.items():
            packed.writestr(name, data)
    assert [(row["n"], row["t"]) for row in read(source("excel"), tmp_path)] == [("2", None)]


def test_a_sheet_must_be_named_when_there_are_several(tmp_path: Path) -> None:
    workbook(tmp_path, ["id"], [1], sheets=("一月", "二月"))
    assert "一月, 二月" in str(refused(source("excel"), tmp_path))
    assert read(source("excel", sheet="二月"), tmp_path)[0]["id"] == "1"
    assert "name one" in str(refused(source("excel", sheet="三月"), tmp_path))


MERGED: list[list[Any]] = [["线路表", None, None], ["线路", "站点", None], [None, "名称", "编号"], ["1路", "东站", 5]]


def test_merged_header_cells_are_refused_with_what_to_do(tmp_path: Path) -> None:
    workbook(tmp_path, *MERGED, merged=("A1:C1", "A2:A3", "B2:C2"))
    for given in (source("excel"), source("excel", skip_lines=1)):
        refusal = refused(given, tmp_path)
        assert "header_rows" in str(refusal)
        assert "x A1:C1" in str(refusal) or "x A2:A3" in str(refusal)


def test_merged_header_cells_are_flattened_when_declared(tmp_path: Path) -> None:
    workbook(tmp_path, *MERGED, merged=("A1:C1", "A2:A3", "B2:C2"))
    found = read(told(kind="excel", path="x", skip_lines=1, header_rows=2), tmp_path)
    assert found == [{ROW: 1, BROKEN: None, "线路": "1路", "站点.名称": "东站", "站点.编号": "5"}]


def test_cells_merged_below_the_header(tmp_path: Path) -> None:
    workbook(tmp_path, ["a", "b"], [1, 2], ["注：以上为试运行数据", None], [3, 4], merged=("A3:B3",))
    found = read(source("excel"), tmp_path)
    assert [(row["a"], row[BROKEN]) for row in found] == [("1", None), (None, "注：以上为试运行数据"), ("3", None)]
    workbook(tmp_path, ["a", "b"], [1, 2], [None, 3], merged=("A2:A3",))
    assert "A2:A3" in str(refused(source("excel"), tmp_path))


def test_an_excel_row_with_a_value_beyond_the_header_is_no_record(tmp_path: Path) -> None:
    workbook(tmp_path, ["a", "b"], [1, 2], [1, 2, 3], [None, 4])
    assert [row[BROKEN] for row in read(source("excel"), tmp_path)] == [None, "1\t2\t3", None]


def test_a_header_that_comes_again_in_a_sheet_is_no_record(tmp_path: Path) -> None:
    """As at the top of every printed page; where the source names the columns it is the line that was skipped."""
    workbook(tmp_path, ["名称", "编号"], ["东站", "5"], ["名称 ", "编号"], ["名称", None], ["名称", "编号2"])
    for given in (source("excel"), told(kind="excel", path="x", skip_lines=1, columns=["名称", "编号"])):
        assert [row[BROKEN] for row in read(given, tmp_path)] == [None, "名称 \t编号", None, None]


def test_columns_of_one_name_are_told_by_their_letters(tmp_path: Path) -> None:
    workbook(tmp_path, ["编号", None, "金额", None, "金额"], [1, None, 2, None, 3])
    assert "the columns C and E have one name; rename one in the workbook" in str(refused(source("excel"), tmp_path))
    named = told(kind="excel", path="x", skip_lines=1, columns=["编号", "空", "金额", "空2", "金额2"])
    assert [row["金额2"] for row in read(named, tmp_path)] == ["3"]


def test_a_column_without_a_name_is_told_where_it_is_one_and_no_note_beside_the_table(tmp_path: Path) -> None:
    workbook(tmp_path, ["编号", None, "数"], [1, "a", 2], [2, "b", 3], [3, None, 4])
    assert "columns without a name hold values in most rows (B)" in str(refused(source("excel"), tmp_path))
    workbook(tmp_path, ["编号", "数"], [1, 2, "注：补报"], [2, 3], [3, 4])
    assert [row[BROKEN] for row in read(source("excel"), tmp_path)] == ["1\t2\t注：补报", None, None]


def test_a_code_that_is_shown_with_its_zeros_is_read_with_them(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    formats = {
        "A": "000000",
        "B": "[$-804]00000000",
        "C": "General",
        "D": '"A"000',
        "E": "000-000",
        "F": "0.00",
        "G": "00;@",
    }
    book.active.append(list(formats))
    for row, value in enumerate((123, 1234567, 0, -5, 1.5, "7", None), 2):
        for column, code in formats.items():
            book.active[f"{column}{row}"].value, book.active[f"{column}{row}"].number_format = value, code
    book.save(tmp_path / "x")
    found = read(source("excel"), tmp_path)
    assert [row["A"] for row in found] == ["000123", "1234567", "000000", "-5", "1.5", "7"]
    assert [row["B"] for row in found] == ["00000123", "01234567", "00000000", "-5", "1.5", "7"]
    assert [row["G"] for row in found] == ["123", "1234567", "00", "-5", "1.5", "7"]
    for column in "CDEF":  # what else a format shows is no part of the value
        assert [row[column] for row in found] == ["123", "1234567", "0", "-5", "1.5", "7"]


def test_below_blank_rows_each_cell_has_its_own_form_and_error(tmp_path: Path) -> None:
    """Rows above the table that hold nothing were counted twice: an error stood in the place of a good value two rows
    below, codes and midnights went to other rows, and what was merged was told of rows where nothing was."""
    book = openpyxl.Workbook()
    header = ["code", "n", "at", "took", "group"]
    rows = [[n, n * 10, MIDNIGHT, timedelta(hours=29 + n), "g" if n % 2 else None] for n in range(1, 7)]
    rows[3][1] = "#N/A"
    for at, row in enumerate([header, *rows], 3):
        for column, value in enumerate(row, 2):
            book.active.cell(at, column).value = value
    for at in range(4, 10):
        book.active[f"B{at}"].number_format = "000"
        book.active[f"D{at}"].number_format = "yyyy-mm-dd h:mm"
        book.active[f"E{at}"].number_format = "[h]:mm:ss"
    for at in (4, 6, 8):
        book.active.merge_cells(f"F{at}:F{at + 1}")
    book.save(tmp_path / "x")
    found = read(source("excel", skip_lines=2, fill_down=["group"]), tmp_path)
    assert [row["code"] for row in found] == ["001", "002", "003", "004", "005", "006"]
    assert [row["n"] for row in found] == ["10", "20", "30", "#N/A", "50", "60"]
    assert {row["at"] for row in found} == {"2026-02-03 00:00:00"}
    assert [row["took"] for row in found][:2] == ["30:00:00", "31:00:00"]
    assert [row[BROKEN] for row in found] == [None] * 6
    assert {row["group"] for row in found} == {"g"}
    book.active.merge_cells("B4:B5")
    book.save(tmp_path / "x")
    assert refused(source("excel", skip_lines=2, fill_down=["group"]), tmp_path).facts["place"] == "x B4:B5"


def test_percents_that_are_shown_beside_percents_that_are_written(tmp_path: Path) -> None:
    """0.35 shown as 35 % stands for what the text 35% stands for; a column without such texts keeps its numbers."""
    book = openpyxl.Workbook()
    for row in (["率", "比"], [0.35, 0.35], ["35%", 0.1], [0.0725, 1], [0.35, 2], [1, 3], [None, "完成98%"]):
        book.active.append(row)
    for cell in ("A2", "B2", "B3"):
        book.active[cell].number_format = "0%"
    book.active["A4"].number_format = "0.00%"
    book.active["A6"].number_format = '"约"0.0%'
    book.save(tmp_path / "x")
    assert [row["率"] for row in read(source("excel"), tmp_path)] == ["35%", "35%", "7.25%", "0.35", "100%", None]
    assert [row["比"] for row in read(source("excel"), tmp_path)] == ["0.35", "0.1", "1", "2", "3", "完成98%"]
    workbook(tmp_path, [None, None], [1, 2])
    assert "has no header" in str(refused(source("excel"), tmp_path))


def test_what_is_no_workbook(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("id,n\n1,2\n")
    assert "no workbook" in str(refused(source("excel"), tmp_path))
    workbook(tmp_path, ["a"], [1])
    whole = (tmp_path / "x").read_bytes()
    (tmp_path / "x").write_bytes(whole[: len(whole) // 2])
    assert "no workbook" in str(refused(source("excel"), tmp_path))
    assert "no such file" in str(refused(source("excel", "none"), tmp_path))


def test_a_workbook_that_is_a_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workbook(tmp_path, ["a"], [1])
    monkeypatch.setattr(opening, "UNPACKED_FREE_BYTES", 1_000_000)
    with zipfile.ZipFile(tmp_path / "x", "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet2.xml", b" " * 100_000_000)
    assert "unpacks to more" in str(refused(source("excel"), tmp_path))


# --- zip ---------------------------------------------------------------------------------------------------


def archive(folder: Path, **files: str) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, text in files.items():
            packed.writestr(name, text)
    (folder / "x").write_bytes(made.getvalue())


def written(kind: str, path: Path) -> None:
    """A small file of the kind at `path`; zip: how the archive of a csv is packed."""
    rows = [(n, f"贵{n}") for n in range(99)]
    if kind.startswith("zip"):
        with zipfile.ZipFile(path, "w", int(kind.split()[1])) as archive:
            archive.writestr("x.csv", "id,n\n" + "".join(f"{n},{text}\n" for n, text in rows))
    elif kind == "excel":
        book = openpyxl.Workbook()
        for row in (("id", "n"), *rows):
            book.active.append(row)
        book.save(path)
    elif kind == "parquet":
        parquet(path.parent, {"id": pa.array([n for n, _ in rows]), "n": pa.array([text for _, text in rows])})
    else:
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, 号 TEXT)")
            connection.executemany("INSERT INTO t VALUES (?, ?)", rows)


PACKED = [f"zip {way}" for way in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)]


@pytest.mark.parametrize("kind", [*PACKED, "excel", "parquet", "sqlite"])
def test_a_file_whose_bytes_were_changed_is_read_or_refused(tmp_path: Path, kind: str) -> None:
    written(kind, tmp_path / "x")
    content, drawn = (tmp_path / "x").read_bytes(), random.Random(7)
    given = (
        source("csv" if kind.startswith("zip") else kind)
        if kind != "sqlite"
        else source("database", tables={"t": "id"})
    )
    looks: list[Callable[[], object]] = [
        lambda: sources.read(given, tmp_path, {"t" if kind == "sqlite" else "things": ["id"]}),
        lambda: sources.sample(given, tmp_path),
        lambda: sources.declared(given, tmp_path),
    ]
    for _ in range(150):
        changed = bytearray(content)
        for _ in range(drawn.choice((1, 3))):
            back = drawn.randrange(min(300, len(changed)))  # the end is where archives and Parquet say what they hold
            changed[drawn.choice((drawn.randrange(len(changed)), -1 - back))] = drawn.randrange(256)
        (tmp_path / "x").write_bytes(changed)
        for look in looks:
            with suppress(Refusal):
                look()


def test_a_csv_in_a_zip(tmp_path: Path) -> None:
    archive(tmp_path, a="id\n1\n")
    assert read(source("csv"), tmp_path)[0]["id"] == "1"
    archive(tmp_path, a="id\n1\n", b="id\n2\n")
    assert "a, b" in str(refused(source("csv"), tmp_path))
    assert read(source("csv", member="b"), tmp_path)[0]["id"] == "2"


def test_a_zip_that_is_a_bomb_or_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "UNPACKED_FREE_BYTES", 100_000)
    archive(tmp_path, a="id\n" + "1" * 50_000_000)
    assert "unpacks to more" in str(refused(source("csv"), tmp_path))
    archive(tmp_path, a="id\n1\n")
    whole = (tmp_path / "x").read_bytes()
    (tmp_path / "x").write_bytes(whole[:40])
    assert "damaged" in str(refused(source("csv"), tmp_path))
