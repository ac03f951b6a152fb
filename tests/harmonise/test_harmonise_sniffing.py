"""Looking at files nobody has described: kind, encoding, delimiter, header, records; doubts said; what is no source told."""

from __future__ import annotations

import gzip
import json
import os
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datong.harmonise.model.drafts import Look, Unfit
from datong.harmonise.model.mappings import SourceKind
from datong.harmonise.rules import sheets, sniffing
from datong.harmonise.rules.workspace import source_of
from datong.harmonise.service.looking import looked_at
from datong.harmonise.store import sources

DATA = Path(os.environ.get("DATONG_DATA") or Path(__file__).parents[2] / "../shared/data").resolve()
NO_DATA = f"the data folder is not there: {DATA} (set DATONG_DATA to test the real files)"
ROWS = [
    ("贵A12345", "2026-02-01 08:03:11", "10.5"),
    ("贵B77001", "2026-02-01 09:01:00", "7"),
    ("贵C00001", "2026-02-02 10:00:00", "3"),
]
HEADER = ("车牌号", "入场时间", "金额")


def table(delimiter: str = ",", before: str = "", after: str = "") -> str:
    return before + "".join(delimiter.join(row) + "\r\n" for row in (HEADER, *ROWS)) + after


def look(folder: Path, content: str | bytes, name: str = "x.csv") -> Look:
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    found = looked_at(folder / name)
    assert isinstance(found, Look), found
    return found


def unfit(folder: Path, content: str | bytes, name: str = "x.csv") -> str:
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    found = looked_at(folder / name)
    assert isinstance(found, Unfit), found
    assert found.why.zh and found.fix.zh and found.fix.en
    return found.why.en


@pytest.mark.parametrize(
    ("content", "facts", "doubts"),
    [
        (table(), {}, 0),
        (table().encode("utf-8-sig"), {}, 0),
        (table().encode("gb18030"), {"encoding": "gb18030"}, 0),
        (table().encode("utf-16"), {"encoding": "utf-16"}, 0),
        (gzip.compress(table("\t").encode()), {"delimiter": "\t"}, 0),
        (table(";"), {"delimiter": ";"}, 0),
        (table("|").encode("gb18030"), {"encoding": "gb18030", "delimiter": "|"}, 0),
        (table("，"), {"delimiter": "，"}, 0),
        (table("\x01"), {"delimiter": "\x01"}, 0),
        (
            table("~", before="抄见数据\r\n").encode("gb18030"),
            {"encoding": "gb18030", "delimiter": "~", "skip_lines": 1},
            2,
        ),
        (table("#"), {"delimiter": "#"}, 0),
        (table("\x1f"), {"delimiter": "\x1f"}, 0),
        (table(before="贵阳市停车明细表\r\n制表日期：2026年2月\r\n\r\n"), {"skip_lines": 3}, 2),
        (table(before="停车明细表,,\r\n"), {"skip_lines": 1}, 1),
        (table(after="合计,,20.5\r\n制表人：王\r\n"), {}, 1),
        ("编号\r\n1\r\n2\r\n", {}, 1),
        ("a,b,b\r\n1,x,z\r\n2,y,z\r\n", {"skip_lines": 1, "columns": ["a", "b", "b_2"]}, 2),
        ("车牌,速度,时间\r\n无,km/h,秒\r\n" + "".join(f"A{n},{n}.5,{n}\r\n" for n in range(30)), {}, 1),
        ("".join(f"第{n}行 " for n in range(3)) + "\n1 2 3 \n4 5 6 \n", {"delimiter": "blanks"}, 0),
        ("1,2,3\n4,5,6\n7,8,9\n", {"columns": ["c1", "c2", "c3"]}, 1),
        ("".join(f"{n % 3},红,蓝\n" for n in range(9)), {"columns": ["c1", "c2", "c3"]}, 1),
        ("1 2   3  \n4  5 6  \n7 8 9 \n", {"delimiter": "blanks", "columns": ["c1", "c2", "c3"]}, 1),
        ('name,text\r\na,"x, y\r\nz"\r\nb,"q, r"\r\n', {}, 0),
    ],
)
def test_delimited(tmp_path: Path, content: str | bytes, facts: dict[str, object], doubts: int) -> None:
    found = look(tmp_path, content)
    assert found.kind is SourceKind.csv
    assert dict(found.facts) == facts
    assert len(found.doubts) == doubts, found.doubts
    assert all(doubt.zh and doubt.en for doubt in found.doubts)


def test_a_file_that_turns_chinese_late(tmp_path: Path) -> None:
    """A million lines of ASCII say nothing of the encoding: all of the bytes are looked at."""
    lines = "a,b\n" + "1,2\n" * 1_200_000
    assert look(tmp_path, lines.encode() + "3,贵阳\n".encode("gb18030")).facts == {"encoding": "gb18030"}
    assert look(tmp_path, lines.encode() + "3,贵阳\n".encode()).facts == {}


def test_mixed_encodings_and_latin_are_said(tmp_path: Path) -> None:
    mixed = look(tmp_path, "名,值\n".encode() + "王,1\n".encode("gb18030") + "李\u20ac,2\n".encode() + b"\xff\xff,3\n")
    assert "mix" in mixed.doubts[0].en and "line 2" in mixed.doubts[0].en
    french = look(
        tmp_path, "nom,prix\nM\u00fcller \u00e9t\u00e9,1\nOb\u00e9,2\nD\u00e9j\u00e0 vu,3\n".encode("latin-1")
    )
    assert french.facts["encoding"] == "latin-1"
    assert "latin-1" in french.doubts[0].en


@pytest.mark.parametrize(
    ("content", "kind", "facts", "doubts"),
    [
        ('[{"a": 1}, {"a": 2}]', "json", {}, 0),
        ('\ufeff [\n{"a": {"b": 1}}]', "json", {}, 0),
        ('{"a": 1}\n{"a": 2}\n', "ndjson", {}, 0),
        ('{"a": 1}', "ndjson", {}, 1),
        ('{"a": {"x": 1}, "b": {"y": 1}, "c": {"z": 1}}', "ndjson", {}, 1),
        ('{"a": "k", "at": [[106.7, 26.5], [106.8, 26.6]]}', "ndjson", {}, 1),
        (
            '{"by": {"a": {"n": 1}, "b": {"n": 2}, "c": {"n": 3}}, "rows": [{"n": 1}, {"n": 2}]}',
            "json",
            {"records": "rows"},
            0,
        ),
        (
            '{"status": 0, "data": {"total": 2, "rows": [{"a": 1, "tags": [{"t": 1}]}, {"a": 2}]}}',
            "json",
            {"records": "data.rows"},
            0,
        ),
        ('{"data": {"total": 3, "rows": [{"a": 1}, {"a": 2}]}}', "json", {"records": "data.rows"}, 1),
        ('{"totalCount": "40", "rows": [{"a": 1, "total": 9}]}', "json", {"records": "rows"}, 1),
        ('{"total": 40.5, "rows": [{"a": 1, "total": 9}]}', "json", {"records": "rows"}, 0),
        ('{"列表": [{"a": 1}, {"a": 2}], "fields": [{"n": 1}, {"n": 2}, {"n": 3}]}', "json", {"records": "fields"}, 1),
        ('{"\\u5217": [{"a": 1}]}', "json", {"records": "列"}, 0),
    ],
)
def test_json(tmp_path: Path, content: str, kind: str, facts: dict[str, object], doubts: int) -> None:
    found = look(tmp_path, content, "x.json")
    assert (found.kind.value, dict(found.facts), len(found.doubts)) == (kind, facts, doubts)


def test_a_long_document_is_known_by_its_beginning(tmp_path: Path) -> None:
    rows = [{"n": n, "text": "[{" * 20} for n in range(120_000)]
    assert look(tmp_path, json.dumps({"head": {"rows": rows}})).facts == {"records": "head.rows"}


def test_parquet_excel_and_databases(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1]}), tmp_path / "x.parquet")
    assert looked_at(tmp_path / "x.parquet") == Look(SourceKind.parquet, {})
    with zipfile.ZipFile(tmp_path / "x.xlsx", "w") as archive:
        archive.writestr(
            "xl/workbook.xml",
            '<workbook><sheets><sheet name="一月 &amp; 二月" sheetId="1"/><sheet name="b" sheetId="2"/></sheets></workbook>',
        )
    found = looked_at(tmp_path / "x.xlsx")
    assert isinstance(found, Look)
    assert (found.kind, dict(found.facts), len(found.doubts)) == (SourceKind.excel, {"sheet": "一月 & 二月"}, 1)
    with closing(sqlite3.connect(tmp_path / "x.db")) as store:
        store.executescript(
            "create table a (x text, id integer primary key); create table b (y text); create view c as select 1 z;"
        )
    assert looked_at(tmp_path / "x.db") == Look(SourceKind.database, {"tables": {"a": "id", "b": "y", "c": "z"}})


TITLE = ["二月站点表", None, None, None]
GROUPS, LEAVES = ["编号", "位置", None, "备注"], [None, "道路", "门牌", None]
TWO_ROWS = ("A{0}:A{1}", "B{0}:C{0}", "D{0}:D{1}")


@pytest.mark.parametrize(
    ("rows", "facts", "said"),
    [
        ([["编号", "金额", "金额"], [1, 2, 3], [2, 3, 4]], {"skip_lines": 1, "columns": ["编号", "金额", "金额_2"]}, "C 金额_2"),
        ([["编号", None, "数"], [1, "a", 2], [2, "b", 3]], {"skip_lines": 1, "columns": ["编号", "c2", "数"]}, "B c2"),
        ([["编号", "重量", None, "备注"], [None, "毛重", "皮重", None], [1, 2.5, 3, "a"], [2, 3, 4, "b"]],
         {"skip_lines": 2, "columns": ["编号", "重量.毛重", "重量.皮重", "备注"]}, "together make the names"),
        ([["编号", "数"], [1, 2, "x"], [2, 3, "y"]], {"skip_lines": 1, "columns": ["编号", "数", "c3"]}, "C c3"),
        ([["编号", "数"], [1, 2, "注"], [2, 3], [3, 4]], {}, "without a name hold something (C)"),
        ([["编号", "数", None], [1, 2, None], [2, 3, None]], {}, ""),
    ],
)  # fmt: skip
def test_columns_of_a_sheet_that_have_one_name_or_none(
    tmp_path: Path, rows: list[Any], facts: dict[str, Any], said: str
) -> None:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(tmp_path / "x.xlsx")
    found = looked_at(tmp_path / "x.xlsx")
    assert isinstance(found, Look)
    assert dict(found.facts) == facts
    assert (said in " ".join(doubt.en for doubt in found.doubts)) if said else not found.doubts
    described, _ = source_of({"sources/x.yaml": {"kind": "excel", "path": "x.xlsx", **facts}}, "x")
    assert described is not None
    assert sources.sample(described, tmp_path).rows_seen == len(rows) - facts.get("skip_lines", 1)


def test_columns_of_a_text_that_have_one_name_or_none(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("标题\n编号,金额,,金额\n1,2.5,a,3\n2,3.5,b,4\n3,4.5,c,5\n", "utf-8")
    found = looked_at(tmp_path / "x.csv")
    assert isinstance(found, Look)
    assert dict(found.facts) == {"skip_lines": 2, "columns": ["编号", "金额", "c3", "金额_2"]}
    described, _ = source_of({"sources/x.yaml": {"kind": "csv", "path": "x.csv", **found.facts}}, "x")
    assert described is not None
    assert [column.values[0] for column in sources.sample(described, tmp_path).columns] == ["1", "2.5", "a", "3"]


def test_names_that_two_lines_of_a_text_make_together(tmp_path: Path) -> None:
    top = "治超明细,,,,,\n序号,站点,过磅,重量,,备注\n,,时间,毛重,皮重,\n"
    (tmp_path / "x.csv").write_text(top + "".join(f"{n},甲,2026-02-01,{n}.5,{n}.2,无\n" for n in range(5)), "utf-8")
    found = looked_at(tmp_path / "x.csv")
    assert isinstance(found, Look)
    names = ["序号", "站点", "过磅.时间", "重量.毛重", "重量.皮重", "备注"]
    assert dict(found.facts) == {"skip_lines": 3, "columns": names}
    assert "Lines 2 and 3 together make the names." in [doubt.en for doubt in found.doubts]


@pytest.mark.parametrize(
    ("above", "said"),
    [("单位：万元", "万元"), ("制表日期：2026年2月  计量单位：吨、万元", "吨, 万元"), ("（单位:公里）", "公里"),
     ("制表单位：省交通运输厅", ""), ("单位：个体", ""), ("填报单位：吨位局", "")],
)  # fmt: skip
def test_a_unit_that_stands_above_the_header_is_told(tmp_path: Path, above: str, said: str) -> None:
    rows = [["编号", "金额", "备注"], *([f"r{n}", f"{n}.5", "无"] for n in range(5))]
    text = "".join(",".join(row) + "\n" for row in rows)
    (tmp_path / "x.csv").write_text(f"明细,,\n{above},,\n{text}", "utf-8")
    book = openpyxl.Workbook()
    for row in [["明细"], [above], *rows]:
        book.active.append(row)
    book.save(tmp_path / "x.xlsx")
    for file in ("x.csv", "x.xlsx"):
        found = looked_at(tmp_path / file)
        assert isinstance(found, Look)
        told = [doubt.en for doubt in found.doubts if "Above the header stands a unit" in doubt.en]
        assert [f"a unit: {said}. " in one for one in told] == ([True] if said else []), file


def test_a_row_of_words_below_a_column_without_a_name_is_no_header(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("姓名,,备注\n" + "".join(f"张{n},男,无\n" for n in "一二三四五"), "utf-8")
    found = looked_at(tmp_path / "x.csv")
    assert isinstance(found, Look)
    assert dict(found.facts) == {}


@pytest.mark.parametrize(
    ("above", "header", "merged", "facts"),
    [
        ([], [["a", "b", "c", "d"]], [], {}),
        ([TITLE], [["a", "b", "c", "d"]], ["A1:D1"], {"skip_lines": 1}),
        ([TITLE, [None] * 4], [["a", "b", "c", "d"]], [], {"skip_lines": 2}),
        ([TITLE, ["制表：甲", None, "日期：2026-02", None]], [["a", "b", "c", "d"]], ["A1:D1", "A2:B2", "C2:D2"], {"skip_lines": 2}),
        ([], [GROUPS, LEAVES], [span.format(1, 2) for span in TWO_ROWS], {"header_rows": 2}),
        ([TITLE], [GROUPS, LEAVES], ["A1:D1", *(span.format(2, 3) for span in TWO_ROWS)], {"skip_lines": 1, "header_rows": 2}),
        ([TITLE], [["甲", None, "乙", None], ["a", "b", "c", "d"]], ["A1:D1", "A2:B2", "C2:D2"], {"skip_lines": 1, "header_rows": 2}),
        ([], [["a", "b", None, "d"], [None, "x", "y", None], [None, "p", "q", None]], ["A1:A3", "B1:C1", "D1:D3"], {"header_rows": 3}),
    ],
)  # fmt: skip
def test_the_header_of_a_sheet(
    tmp_path: Path, above: list[Any], header: list[Any], merged: list[str], facts: dict[str, int]
) -> None:
    """What is found reads the sheet: as many records as there are, none of them the header or a title."""
    book = openpyxl.Workbook()
    for row in [*above, *header, *([n, f"r{n}", n + 1, f"x{n}"] for n in range(5))]:
        book.active.append(row)
    for span in merged:
        book.active.merge_cells(span)
    book.create_sheet("old").sheet_state = "hidden"
    book.save(tmp_path / "x.xlsx")
    found = looked_at(tmp_path / "x.xlsx")
    assert isinstance(found, Look)
    assert (found.kind, dict(found.facts), len(found.doubts)) == (SourceKind.excel, facts, len(facts))
    described, _ = source_of({"sources/x.yaml": {"kind": "excel", "path": "x.xlsx", **facts}}, "x")
    assert described is not None
    told = sources.sample(described, tmp_path)
    assert [len(column.values) for column in told.columns] == [5] * 4
    assert [column.values[0] for column in told.columns] == ["0", "r0", "1", "x0"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"  \n\n", "empty"),
        (b"%PDF-1.7 x", "PDF"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"x" * 100, "old Office"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"\n<?xml version='1.0'?>", "XML"),
        (b"PK\x03\x04broken", "damaged"),
        (gzip.compress(b"a,b\n1,2\n" * 50, mtime=0)[:-12], "damaged"),
        (gzip.compress(b"%PDF-1.7 x", mtime=0), "PDF"),
        (b"SQLite format 3\x00" + b"\x07" * 200, "damaged"),
        (b"a,b\x00\x00\x00\n" * 50, "no text"),
        (bytes(range(256)) * 40, "no text"),
        ('{"a": {"b": 1},\n "c": [1, 2]}', "no array"),
        ("[[1, 2], [3, 4]]", "no array"),
        ('{"S1": {"name": "北", "n": 1}, "S2": {"name": "南"}, "S3": {"name": "西", "n": 3}}', "under their ids"),
        ('{"code": 0, "data": {"S1": {"n": 1},\n "S2": {"n": 2}, "S3": {"n": 3}}}', "at data are fields of one object"),
        (
            '{"columns": ["id", "n"], "data": [["a", 1], ["b", 2]]}',
            "names of columns (columns) apart from the values (data)",
        ),
        ('{"r": {"fields": [{"name": "id"}, {"name": "n"}], "rows": [["a", 1], ["b", 2]]}}', "At r it has the names"),
    ],
)
def test_what_is_no_source(tmp_path: Path, content: str | bytes, said: str) -> None:
    assert said in unfit(tmp_path, content)


def test_a_zip_of_others_names_them(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("one.csv", "a,b\n")
        archive.writestr("two.csv", "a,b\n")
    found = looked_at(tmp_path / "x.zip")
    assert isinstance(found, Unfit) and "one.csv, two.csv" in found.why.en
    assert "`member`" in found.fix.en


@pytest.mark.parametrize(
    ("name", "content", "kind", "facts"),
    [
        ("one.csv", "车牌;时间\n贵A12345;1\n".encode("gb18030"), SourceKind.csv, {"encoding": "gb18030", "delimiter": ";"}),
        ("one.json", b'{"items": [{"a": 1}, {"a": 2}]}', SourceKind.json, {"records": "items"}),
    ],
)  # fmt: skip
def test_a_zip_of_one_file_is_looked_into_as_it_is_read(
    tmp_path: Path, name: str, content: bytes, kind: SourceKind, facts: dict[str, Any]
) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    found = looked_at(tmp_path / "x.zip")
    assert isinstance(found, Look) and (found.kind, found.facts) == (kind, facts)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_bytes_are_taken_or_told(data: bytes) -> None:
    encoding, _ = sniffing.encoding_of([data])
    for whole in (True, False):
        found = sniffing.text_look(data.decode(encoding, "replace"), whole=whole)
        assert isinstance(found, Look | Unfit)
    assert sniffing.foreign(data) is None or data is not None


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet='[]{}:,"\\ab1', max_size=60))
def test_arrays_in_anything(text: str) -> None:
    assert all(count > 0 for count in sniffing.arrays_in(text).values())


REAL = [
    ("finance_berka/trans_test.csv", "csv", {"delimiter": ";"}), ("bike_shanghai_mobike/orders_od.csv.gz", "csv", {}),
    ("bike_valleybike/raw_days/VB_Routes_Data_2018_06_28.csv.gz", "csv", {"skip_lines": 2}),
    ("bike_valleybike/trips_2019_09.json", "json", {}), ("transit_shanghai/busstop_71.geojson", "json", {"records": "features"}),
    ("catalogue_dataportals/portals.jsonl.gz", "ndjson", {}), ("linkage_splink/data/transactions_origin.parquet", "parquet", {}),
    ("deid_adult/adult.csv", "csv", {"delimiter": ";"}),
]  # fmt: skip


@pytest.mark.skipif(not DATA.is_dir(), reason=NO_DATA)
@pytest.mark.parametrize(("name", "kind", "facts"), REAL)
def test_real_files(name: str, kind: str, facts: dict[str, object]) -> None:
    found = looked_at(DATA / name)
    assert isinstance(found, Look)
    assert (found.kind.value, dict(found.facts)) == (kind, facts)


@pytest.mark.skipif(not DATA.is_dir(), reason=NO_DATA)
@pytest.mark.parametrize("name", ["industry_cmapss/train_FD001.txt.gz", "deid_adult/adult_hierarchy_age.csv"])
def test_real_files_without_a_header(name: str) -> None:
    found = looked_at(DATA / name)
    assert isinstance(found, Look)
    assert "columns" in found.facts and "no header" in found.doubts[-1].en


@pytest.mark.parametrize("lines", [
    ["编号,名称,数量", *(f"{n},屏幕,{n}," for n in range(40))],
    ["编号,名称,数量", *(f"{n},屏幕,{n}" for n in range(20)), "编号,名称,数量", *(f"{n},屏幕,{n}" for n in range(20))],
    ["编号,名称,数量", "1,屏幕,2", "\ufeff编号,名称,数量", "2,屏幕,5"],
])  # fmt: skip
def test_a_header_that_comes_again_and_records_that_end_with_a_delimiter(tmp_path: Path, lines: list[str]) -> None:
    (tmp_path / "x.csv").write_text("\n".join(lines), "utf-8")
    assert looked_at(tmp_path / "x.csv") == Look(SourceKind.csv, {})


@pytest.mark.parametrize(("header", "told"), [
    ("序号,姓名,金额,序号,姓名,金额", True), ("序号,姓名,,序号,姓名,", True), ("姓名,金额,金额,姓名", False), ("金额,金额,金额,金额", False),
    ("序号,姓名,金额,备注", False),
])  # fmt: skip
def test_tables_side_by_side_are_told(header: str, told: bool) -> None:
    """The records of the second one would be no rows, without a word."""
    names = header.split(",")
    row = (["1", "王", "3"] * 2)[: len(names)]
    found = sniffing.text_look("\n".join([header, *[",".join(row)] * 9]) + "\n", whole=True)
    assert isinstance(found, Look)
    assert any("tables side by side" in doubt.en for doubt in found.doubts) is told
    _, doubts = sheets.named(names, [row] * 5, {}, str)
    assert any("tables side by side" in doubt.en for doubt in doubts) is told


@pytest.mark.parametrize(("encoding", "header", "name", "found"), [
    ("big5", "許可證編號,持牌人姓名,屆滿日期", "陳大文許功蓋", "big5hkscs"), ("big5", "编号,name,at", "陳許功蓋", "big5hkscs"),
    ("big5hkscs", "地址,電話,備註", "九龍旺角彌敦道", "big5hkscs"), ("shift_jis", "番号,氏名,日付", "田中ソ表示カナ", "cp932"),
    ("cp1252", "N°,Libellé,Montant (€)", "Facturé à l’été", "cp1252"), ("latin-1", "N°,Libellé,Montant", "Facturé à l'été", "latin-1"),
    ("gb18030", "编号,姓名,日期", "欧阳镕堃喆骉", "gb18030"), ("gb18030", "編號,姓名,日期", "張國榮陳國華黃河", "gb18030"),
])  # fmt: skip
def test_the_encoding_of_text_from_elsewhere(tmp_path: Path, encoding: str, header: str, name: str, found: str) -> None:
    """Big5 was read as gb18030 without a word, into signs of private use."""
    lines = [header.encode(encoding, "ignore"), *(f"{n},{name}{n},2026-02-01".encode(encoding) for n in range(60))]
    made = look(tmp_path, b"\n".join(lines) + b"\n")
    assert made.facts["encoding"] == found
    assert bool(made.doubts) is (found != "gb18030")
    (tmp_path / "x.csv").write_bytes(b"\n".join(lines) + b"\n")
    files = {"sources/x.yaml": {"kind": "csv", "path": "x.csv", **made.facts}}
    source, problems = source_of(files, "x")
    assert source is not None, problems
    assert f"{name}7" in {value for column in sources.sample(source, tmp_path).columns for value in column.values}
