"""A value that stands in several columns: a day and its time, an amount and its side of the books, three parts of a day."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from harmonise_desk import files, mapped, prop, rows_of, write
from test_harmonise_drafting import desk, read
from test_harmonise_quick import same

from datong.ground.db import Actor, Store
from datong.harmonise import service as harmonise
from datong.harmonise.rules.lineage import lineage_of
from datong.harmonise.rules.workspace import mapping_of

Act = Callable[..., Actor]
__all__ = ["desk"]
AT = {"from": "日期", "then": "时间", "as": "timestamp", "zone": "Asia/Shanghai"}
AMOUNT = {"from": "金额", "then": ["借贷"], "as": "number", "thousands": ",", "negative": "debit"}


def made(element: dict[str, Any], column: dict[str, Any], *rows: dict[str, str | None]) -> list[Any]:
    """Per row its value, or the reason it is held for and the text that is told; the way of every row is compared."""
    result = same(mapped(files({"x": column}, element, missing=["-"])), things=rows_of(*rows))
    found = {row["source_row"]: row["x"] for row in result["harmonised"].to_pylist()}
    found |= {row["row"]: (row["reason"], row["original"]) for row in result["quarantined"].to_pylist()}
    return [found[number] for number in sorted(found)]


def test_a_day_and_its_time() -> None:
    rows = [
        ("2024-05-03", "08:30:00"),
        ("2024-05-03\t", " 08:30:01\t"),
        ("-", ""),
        (None, None),
        ("2024-05-03", "-"),
        (None, "08:30:00"),
    ]
    given = [{"日期": day, "时间": time} for day, time in rows]
    assert made(prop("x", "timestamp"), AT, *given) == [
        datetime(2024, 5, 3, 0, 30, tzinfo=UTC), datetime(2024, 5, 3, 0, 30, 1, tzinfo=UTC), None, None,
        ("not_a_time", "2024-05-03"), ("not_a_time", "08:30:00"),
    ]  # fmt: skip


def test_parts_of_a_day_and_of_an_address() -> None:
    rows = [{"a": "2024", "b": "5", "c": "13"}, {"a": "2024", "b": "13", "c": "5"}]
    day = {"from": "a", "then": ["b", "c"], "as": "date", "formats": ["%Y %m %d"]}
    assert made(prop("x", "date"), day, *rows) == [date(2024, 5, 13), ("not_a_date", "2024 13 5")]
    assert made(prop("x"), {"from": "b", "then": "a"}, *rows) == ["5 2024", "13 2024"]


@pytest.mark.parametrize(("amount", "side", "value"), [
    ("1,234.50", "贷", 1234.5), ("1,234.50", "借", -1234.5), ("5", "支出", -5.0), ("5", "收", 5.0), ("5", "D", -5.0),
    ("5", "c", 5.0), ("5", "DR", -5.0), ("５", "ＣＲ", 5.0), ("5", "借方", -5.0), ("", "", None),
    ("5", "", ("no_side", "5")), ("CNY 5", "", ("not_a_number", "CNY 5")), ("5", "不计收支", ("not_a_number", "5 不计收支")),
    ("-5", "借", ("not_a_number", "-5 借")), ("", "借", ("not_a_number", "借")),
])  # fmt: skip
def test_an_amount_and_the_mark_of_its_side(amount: str, side: str, value: Any) -> None:
    assert made(prop("x", "number"), AMOUNT, {"金额": amount, "借贷": side}) == [value]


def test_where_no_part_is_asked_for_a_number_needs_no_mark() -> None:
    column = {"from": "金额", "as": "number", "negative": "debit"}
    rows = [{"金额": text} for text in ("5", "5 DR", "5 D", "5支", "CNY 5")]
    held = [("not_a_number", text) for text in ("5 D", "5支", "CNY 5")]
    assert made(prop("x", "number"), column, *rows) == [5.0, -5.0, *held]


@pytest.mark.parametrize(("column", "said"), [
    ({**AT, "then": []}, "names no column"), ({**AT, "then": [""]}, "names no column"),
    ({**AT, "then": ["时间", "日期"]}, "names a column twice"), ({**AT, "then": {"时间": 1}}, "list"),
    ({**AT, "from": ["日期", "day"]}, "goes with one column in `from`"),
    ({"constant": "2024-05-03", "then": "时间", "as": "timestamp", "zone": "UTC"}, "goes with one column in `from`"),
])  # fmt: skip
def test_parts_that_are_none(column: dict[str, Any], said: str) -> None:
    problems = mapping_of(files({"x": column}, prop("x", "timestamp")), "things")[1]
    assert [p for p in problems if p.where == "mappings/things.yaml: columns.x.then" and said in p.en]


def test_both_columns_are_in_the_lineage() -> None:
    field = lineage_of(mapped(files({"x": {**AT, "formats": ["%Y-%m-%d %H:%M:%S"]}}, prop("x", "timestamp")))).fields[0]
    assert [i.column for i in field.inputs] == ["日期", "时间"] and field.how.endswith("then=时间)")


def test_of_a_database_both_columns_are_needed_and_a_wrong_part_is_repaired(
    store: Store, node_folder: Path, act: Act
) -> None:
    harmonise.install(store, node_folder)
    texts = files({"x": {**AT, "from": "trips.day", "then": "trips.time"}}, prop("x", "timestamp"), table="trips")
    texts["sources/things.yaml"] = {"kind": "database", "path": "x.db", "tables": {"trips": "id"}}
    folder = write(node_folder / "work", texts)
    with sqlite3.connect(folder / "x.db") as database:
        database.execute("CREATE TABLE trips (id INTEGER PRIMARY KEY, day TEXT, time TEXT)")
        database.execute("INSERT INTO trips VALUES (1, '2024-05-03', '08:30:00'), (2, '2024-05-03', '08:75:00')")

    def act_on(what: Callable[..., Any], **asked: Any) -> Any:
        with store.begin(act("data_engineer")) as tx:
            return what(tx, **asked)

    first = act_on(harmonise.build, workspace=str(folder), mapping="things")
    assert (first["harmonised"], first["reasons"]) == (1, {"not_a_time": 1})
    act_on(harmonise.repair, build=first["id"], column="time", row=2, text="08:15:00")
    assert act_on(harmonise.build, workspace=str(folder), mapping="things")["harmonised"] == 2
    proposed = act_on(harmonise.match, workspace=str(folder), source="things", standard="thing")
    assert not [found for found in proposed if found["element"]], "half a value was remembered as a name of x"
    with sqlite3.connect(folder / "x.db") as database:
        database.execute("ALTER TABLE trips RENAME COLUMN time TO clock")
    told = act_on(harmonise.check, workspace=str(folder), mapping="things")
    assert not told["accepted"] and "trips.time" in str(told["problems"])


DRAFTS: list[tuple[str, str, dict[str, Any]]] = [
    ("开始日期,开始时间\n2024-05-03,08:30:00\n2024-05-04,9:05:10\n", "started_at", {"from": "开始日期", "then": "开始时间"}),
    ("开始日期,开始时间\n20240503,083000\n20240504,235959\n", "started_at",
     {"from": "开始日期", "then": "开始时间", "formats": ["%Y%m%d %H%M%S"]}),
    ("上车日期,上车时间,下车日期,下车时间\n2024/5/3,08:30,2024/5/3,08:45\n", "arrived_at",
     {"from": "下车日期", "then": "下车时间", "formats": ["%Y/%m/%d %H:%M"]}),
]  # fmt: skip


@pytest.mark.parametrize(("csv", "element", "keys"), DRAFTS)
def test_a_day_beside_its_time_is_drafted_as_one(
    desk: Callable[..., Any], tmp_path: Path, csv: str, element: str, keys: dict[str, Any]
) -> None:
    (tmp_path / "trips.csv").write_text(csv, "utf-8")
    desk(str(tmp_path / "trips.csv"))
    mapping = read((tmp_path / "mappings" / "trips.yaml").read_text("utf-8"))
    assert mapping["columns"][element] == {**keys, "as": "timestamp", "zone": "Asia/Shanghai", "confirm": True}
    of_it = [name for name, column in mapping["columns"].items() if column.get("then") == keys["then"]]
    assert of_it == [element] and "left" not in mapping
