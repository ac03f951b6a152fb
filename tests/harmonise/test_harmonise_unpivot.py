"""Columns that are months become rows: every cell once, in whatever kind of file; what is wrong is told."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from harmonise_desk import files, prop, write
from hypothesis import given
from hypothesis import strategies as st
from sources_desk import read, refused, told

from datong.ground.db import Actor, Store
from datong.harmonise import service as harmonise
from datong.harmonise.model.drafts import Look
from datong.harmonise.model.mappings import Unpivot
from datong.harmonise.model.reading import BROKEN, ROW
from datong.harmonise.rules.workspace import _source, mapping_of
from datong.harmonise.service.looking import looked_at
from datong.harmonise.store import scanned, sources
from datong.harmonise.store.sources.unpivoting import unpivoted

MONTHS = {"columns": ["*月"], "name": "month", "value": "used"}
TABLE = [["county", "1月", "2月"], ["East", "12.50", ""], ["West", "-", "7"]]
LONG = [("East", "1月", "12.50"), ("East", "2月", ""), ("West", "1月", "-"), ("West", "2月", "7")]


def file(kind: str, folder: Path, table: list[list[str]]) -> dict[str, Any]:
    """`table` as a file of that kind, and the keys of its source."""
    header, *records = table
    if kind == "excel":
        book = openpyxl.Workbook()
        for row in table:
            book.active.append(row)
        book.save(folder / "x")
    elif kind == "csv":
        text = io.StringIO()
        csv.writer(text).writerows(table)
        (folder / "x").write_text(text.getvalue(), "utf-8")
    else:
        objects = [json.dumps(dict(zip(header, row, strict=True))) for row in records]
        (folder / "x").write_text("\n".join(objects) if kind == "ndjson" else f"[{','.join(objects)}]", "utf-8")
    return {"kind": kind, "path": "x"}


def long(found: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(row["county"], row["month"], row["used"] or "") for row in found]


@pytest.mark.parametrize("kind", ["csv", "excel", "json", "ndjson"])
@pytest.mark.parametrize("columns", [["*月"], ["1月", "2月"]])
def test_each_cell_is_a_row(tmp_path: Path, kind: str, columns: list[str]) -> None:
    keys = file(kind, tmp_path, TABLE)
    source = told(**keys, unpivot={**MONTHS, "columns": columns})
    found = read(source, tmp_path)
    assert long(found) == LONG
    assert [row[ROW] for row in found] == [1, 2, 3, 4]
    assert [column.path for column in sources.sample(source, tmp_path).columns] == ["county", "month", "used"]


@given(
    st.lists(st.lists(st.text("ab1.", max_size=3), min_size=4, max_size=4), max_size=5),
    st.lists(st.sampled_from(["a", "b", "c", "d", "*", "x*"]), min_size=1, unique=True),
)
def test_every_value_stands_somewhere(records: list[list[str]], columns: list[str]) -> None:
    """As many rows as records times columns turned; a cell of those once, one of the others in each row."""
    rows = [(dict(zip("abcd", record, strict=True)), None) for record in records]
    found = list(unpivoted(Unpivot(tuple(columns), "name", "value"), told(kind="json", path="x"), rows))
    turned = "abcd" if "*" in columns else [name for name in "abcd" if name in columns]
    others = [name for name in "abcd" if name not in turned]
    assert len(found) == len(records) * max(1, len(turned))
    cells = [(row["name"], row["value"]) for row, _ in found if row["name"] is not None]
    assert cells == [(name, record["abcd".index(name)]) for record in records for name in turned]
    for place, (row, _) in enumerate(found):
        assert [row[name] for name in others] == [
            records[place // max(1, len(turned))]["abcd".index(n)] for n in others
        ]


def test_a_month_that_comes_is_a_row_more_and_another_file_may_have_fewer(tmp_path: Path) -> None:
    (tmp_path / "2024.csv").write_text("county,11月,12月\nEast,1,2\n", "utf-8")
    (tmp_path / "2025.csv").write_text("county,1月\nEast,3\n", "utf-8")
    source = told(kind="csv", path="20*.csv", unpivot=MONTHS)
    assert long(read(source, tmp_path)) == [("East", "11月", "1"), ("East", "12月", "2"), ("East", "1月", "3")]


def test_only_the_star_means_more_than_itself(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("county,used[kWh],usedk\nEast,1,2\n", "utf-8")
    source = told(kind="csv", path="x", unpivot={**MONTHS, "columns": ["used[kWh]"]})
    assert long(read(source, tmp_path)) == [("East", "used[kWh]", "1")]


def test_what_is_no_record_stays_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("county,1月,2月\nEast,1,2\nshort\nWest,3,4\n", "utf-8")
    found = read(told(kind="csv", path="x", unpivot=MONTHS), tmp_path)
    assert [(row[ROW], row[BROKEN], row["used"]) for row in found] == [
        (1, None, "1"), (2, None, "2"), (3, "short", None), (4, None, "3"), (5, None, "4"),
    ]  # fmt: skip


def test_a_record_of_json_without_any_of_them_is_a_row_too(tmp_path: Path) -> None:
    (tmp_path / "x").write_text('[{"county": "East", "1月": 1}, {"county": "West"}]', "utf-8")
    assert long(read(told(kind="json", path="x", unpivot=MONTHS), tmp_path)) == [
        ("East", "1月", "1"),
        ("West", None, ""),
    ]


def test_what_the_file_does_not_have_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("county,1月,used\nEast,1,2\n", "utf-8")
    said = str(refused(told(kind="csv", path="x", unpivot={**MONTHS, "columns": ["*月", "13月", "Q*"]}), tmp_path))
    assert "13月, Q*: has no columns that are called so" in said
    said = str(refused(told(kind="csv", path="x", unpivot=MONTHS), tmp_path))
    assert "used: is a column of the file already" in said


def test_a_big_file_of_lines_is_left_to_the_reader_that_turns_it(tmp_path: Path) -> None:
    keys = file("ndjson", tmp_path, TABLE)
    texts = files({"id": "county", "n": {"from": "used", "as": "number"}}, prop("id"), prop("n", "number"))
    texts["sources/things.yaml"] = keys | {"unpivot": MONTHS}
    mapping, problems = mapping_of(texts, "things")
    assert not problems
    assert scanned.reading(mapping, tmp_path, {}, scan_from=0) is None


@pytest.mark.parametrize(
    ("given", "at", "said"),
    [
        ({"kind": "parquet", "path": "x", "unpivot": MONTHS}, "unpivot", "takes no unpivot"),
        ({"kind": "database", "url_from": "X", "tables": {"t": "id"}, "unpivot": MONTHS}, "unpivot", "takes no unpivot"),
        ({"kind": "csv", "tables": {"t": "x"}, "unpivot": MONTHS}, "unpivot", "a source of its own"),
        ({"kind": "csv", "path": "x", "unpivot": {**MONTHS, "columns": "*月"}}, "unpivot.columns", "a list of columns"),
        ({"kind": "csv", "path": "x", "unpivot": {**MONTHS, "columns": ["a", "a"]}}, "unpivot.columns", "each once"),
        ({"kind": "csv", "path": "x", "unpivot": {"columns": ["a"], "name": "m"}}, "unpivot.name", "two columns"),
        ({"kind": "csv", "path": "x", "unpivot": {**MONTHS, "name": "used"}}, "unpivot.name", "two columns"),
        ({"kind": "csv", "path": "x", "unpivot": {**MONTHS, "into": "x"}}, "unpivot.into", "no such item"),
        ({"kind": "csv", "path": "x", "unpivot": ["*月"]}, "unpivot", ""),
        ({"kind": "csv", "path": "x", "unpivot": None}, "unpivot", ""),
    ],
)  # fmt: skip
def test_each_mistake_of_the_key_is_named(given: dict[str, Any], at: str, said: str) -> None:
    problems = [(p.where.partition(": ")[2], p.en) for p in _source("sources/things.yaml", given)[1]]
    assert any(where == at and said in en for where, en in problems), problems


@pytest.mark.parametrize(
    ("header", "unpivot"),
    [
        (["区县", "1月", "2月", "3月"], (["*月"], "统计期间", "指标值")),
        (["区县", "2024年11月", "2024年12月", "2025年1月"], (["*月"], "统计期间", "指标值")),
        (["出生年月", "1月", "2月", "3月"], (["1月", "2月", "3月"], "统计期间", "指标值")),
        (["区县", "一季度", "二季度", "三季度"], (["*度"], "统计期间", "指标值")),
        (["区县", "2022年", "2023年", "2024年"], (["*年"], "统计期间", "指标值")),
        (["区县", "2024-01", "2024-02", "2024-03"], (["2024-01", "2024-02", "2024-03"], "统计期间", "指标值")),
        (["County", "Jan", "Feb", "Mar"], (["Jan", "Feb", "Mar"], "统计期间", "指标值")),
        (["County", "Jan-24", "Feb-24", "Mar-24"], (["Jan-24", "Feb-24", "Mar-24"], "统计期间", "指标值")),
        (["统计期间", "1月", "2月", "3月"], (["*月"], "统计期间_2", "指标值")),
        (["区县", "1月", "2月"], None),
        (["1月", "2月", "3月"], None),
        (["区县", "本月", "上月", "同月"], None),
        (["区县", "一日", "二日", "三日"], None),
        (["County", "Mayor", "Augment", "Decision"], None),
    ],
)  # fmt: skip
def test_months_and_years_are_seen_in_a_header(
    tmp_path: Path, header: list[str], unpivot: tuple[list[str], str, str] | None
) -> None:
    rows = [[f"甲{n}", *("1,234.5" if n == 2 else "-" if n == 3 else f"{n}.5" for _ in header[1:])] for n in range(6)]
    wanted = {} if unpivot is None else {"unpivot": dict(zip(("columns", "name", "value"), unpivot, strict=True))}
    for kind, name in (("csv", "x.csv"), ("excel", "x.xlsx")):
        file(kind, tmp_path, [header, *rows])
        (tmp_path / "x").rename(tmp_path / name)
        found = looked_at(tmp_path / name)
        assert isinstance(found, Look)
        assert dict(found.facts) == wanted, kind
        assert any("one figure over time" in doubt.en for doubt in found.doubts) == bool(wanted)
        assert not _source("sources/x.yaml", {"kind": kind, "path": name, **found.facts})[1]


def test_words_below_months_are_no_figures(tmp_path: Path) -> None:
    file("csv", tmp_path, [["姓名", "1月", "2月", "3月"], *([f"甲{n}", "早班", "晚班", "休"] for n in range(5))])
    found = looked_at(tmp_path / "x")
    assert isinstance(found, Look)
    assert "unpivot" not in found.facts


def test_a_group_over_the_months_names_the_figure(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (["区县", "用电量", None, None], [None, "1月", "2月", "3月"], ["东湖", 1, 2, 3], ["西湖", 4, 5, 6]):
        book.active.append(row)
    for cells in ("A1:A2", "B1:D1"):
        book.active.merge_cells(cells)
    book.save(tmp_path / "x.xlsx")
    found = looked_at(tmp_path / "x.xlsx")
    assert isinstance(found, Look)
    assert found.facts["unpivot"] == {"columns": ["*月"], "name": "统计期间", "value": "用电量"}
    source = told(kind="excel", path="x.xlsx", **found.facts)
    assert [(row["统计期间"], row["用电量"]) for row in read(source, tmp_path)][:2] == [
        ("用电量.1月", "1"), ("用电量.2月", "2"),
    ]  # fmt: skip


def test_months_that_are_dates_of_a_workbook_and_years_over_months_are_seen(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["区县", *(date(2026, month, 1) for month in (1, 2, 3))])
    for row in (["东湖", 1, 2, 3], ["西湖", 4, 5, 6]):
        book.active.append(row)
    for cell in book.active[1]:
        cell.number_format = 'yyyy"年"m"月"'
    book.save(tmp_path / "x.xlsx")
    found = looked_at(tmp_path / "x.xlsx")
    assert isinstance(found, Look)
    assert found.facts["unpivot"]["columns"] == ["2026-01-01", "2026-02-01", "2026-03-01"]
    rows = read(told(kind="excel", path="x.xlsx", **found.facts), tmp_path)
    assert [(row["统计期间"], row["指标值"]) for row in rows][:2] == [("2026-01-01", "1"), ("2026-02-01", "2")]
    book = openpyxl.Workbook()
    for row in (
        ["区县", "2025年", None, "2026年", None],
        [None, "1月", "2月", "1月", "2月"],
        ["东湖", 1, 2, 3, 4],
        ["西湖", 4, 5, 6, 7],
    ):
        book.active.append(row)
    for cells in ("A1:A2", "B1:C1", "D1:E1"):
        book.active.merge_cells(cells)
    book.save(tmp_path / "x.xlsx")
    found = looked_at(tmp_path / "x.xlsx")
    assert isinstance(found, Look)
    rows = read(told(kind="excel", path="x.xlsx", **found.facts), tmp_path)
    assert [(row["统计期间"], row["指标值"]) for row in rows][:3] == [
        ("2025年.1月", "1"), ("2025年.2月", "2"), ("2026年.1月", "3"),
    ]  # fmt: skip


@pytest.mark.parametrize(("header", "turned"), [
    ("站号,1日,2日,3日", ["*日"]), ("站号,2026/1/1,2026/1/2,2026/1/3", ["2026/1/1", "2026/1/2", "2026/1/3"]),
    ("区县,2021,2022,2023", ["2021", "2022", "2023"]), ("站号,3月5日,3月6日,3月7日", ["*日"]), ("站号,1.5.2,1.5.3,1.5.4", []), ("站号,2026-13-01,2026-14-01,2026-15-01", []),
])  # fmt: skip
def test_days_are_points_of_time_too(tmp_path: Path, header: str, turned: list[str]) -> None:
    (tmp_path / "x.csv").write_text(f"{header}\nA,1,2,3\nB,4,5,6.5\nC,7,8,9\n", "utf-8")
    found = looked_at(tmp_path / "x.csv")
    assert isinstance(found, Look)
    assert found.facts.get("unpivot", {}).get("columns", []) == turned


def test_three_dates_in_a_first_record_are_no_header(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("".join(f"A{n},2026-01-0{n},2026-02-0{n},2026-03-0{n}\n" for n in range(1, 9)))
    found = looked_at(tmp_path / "x.csv")
    assert isinstance(found, Look)
    assert found.facts == {"columns": ["c1", "c2", "c3", "c4"]}


def test_a_snapshot_knows_the_cell_that_changed(store: Store, node_folder: Path, act: Callable[..., Actor]) -> None:
    harmonise.install(store, node_folder)
    texts = files({"id": "county", "n": {"from": "used", "as": "number"}}, prop("id"), prop("n", "number"))
    load = {"by": "snapshot", "key": ["county", "month"]}
    texts["sources/things.yaml"] = {"kind": "csv", "path": "x.csv.gz", "unpivot": MONTHS, "load": load}
    write(node_folder / "work", texts)
    made = []
    for east in ("1,2", "1,20", "1,20,5"):
        months = "1月,2月,3月"[: 3 * len(east.split(",")) - 1]
        west = ",".join("7" for _ in east.split(","))
        text = f"county,{months}\nEast,{east}\nWest,{west}\n"
        (node_folder / "work" / "x.csv.gz").write_bytes(gzip.compress(text.encode()))
        with store.begin(act("data_engineer"), "harmonise") as tx:
            build = harmonise.build(tx, resource="things-1", workspace="work", mapping="things")
        made.append(tuple(build["load"][part] for part in ("added", "changed", "unchanged", "removed")))
    assert made == [(4, 0, 0, 0), (0, 1, 3, 0), (2, 0, 4, 0)]
