"""Plans of many columns and many words: their texts grow with the columns, and none of their expressions with itself."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest
from harmonise_desk import files, mapped, prop, rows_of, run

from datong.engine.model import quoted
from datong.harmonise.model.mappings import Mapping
from datong.harmonise.rules import amounts
from datong.harmonise.rules import plan as planning

MANY = 30
WORDS = ["true", "yes", "y", "1", "是", "有", "对", "t", "真", "on"]
OTHERS = ["false", "no", "n", "0", "否", "无", "错", "f", "假", "off"]
KINDS: dict[str, tuple[dict[str, Any], str, dict[str, Any], list[tuple[str, Any]], int]] = {
    "resident_id": (
        {"as": "resident_id"}, "string", {},
        [("11010519491231002X", "11010519491231002X"), ("11010519491231002x", "11010519491231002X"),
         ("110105491231002", "11010519491231002X")], 20_000,
    ),
    "birth_date": ({"as": "birth_date", "of": "resident_id"}, "date", {}, [], 16_000),
    "phone": (
        {"as": "phone"}, "string", {},
        [("+86 138 0013 8000", "13800138000"), ("0851-8888888 - 12", "08518888888-12")], 9_000,
    ),
    "number": ({"as": "number", "thousands": ","}, "number", {}, [("１,234.5", 1234.5)], 7_000),
    "plate": ({"as": "plate"}, "string", {}, [("贵a·12345", "贵A12345"), ("贵А12345", "贵A12345")], 6_000),
    "boolean": (
        {"as": "boolean", "when_true": WORDS, "when_false": OTHERS}, "boolean", {},
        [*((word, True) for word in WORDS), *((word.upper(), False) for word in OTHERS)], 9_000,
    ),
    "enum": ({}, "string", {"enum": [{"value": f"v.{n}"} for n in range(20)]}, [(" v.3", "v.3")], 5_000),
}  # fmt: skip
"""Conversion: what the mapping says, the element, texts with their values, signs of the plan for one column."""


def wide(kind: str, columns: int) -> Mapping:
    keys, logical, more, _, _ = KINDS[kind]
    names = [f"c{number}" for number in range(columns)]
    given = {name: {"from": name, **keys} if keys else name for name in names}
    return mapped(files(given, *(prop(name, logical, **more) for name in names)))


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_of_many_columns_the_plan_is_so_long_and_comes_to_the_same(kind: str) -> None:
    _, _, _, texts, most = KINDS[kind]
    one, many = (planning.plan_of(wide(kind, columns)) for columns in (1, MANY))
    longer = sum(len(step.sql) for step in many.steps) - sum(len(step.sql) for step in one.steps)
    assert longer / (MANY - 1) < most
    rows = [dict.fromkeys((f"c{n}" for n in range(MANY)), text) for text, _ in texts]
    if rows:
        good = run(wide(kind, MANY), things=rows_of(*rows))["harmonised"].to_pylist()
        assert [set(list(row.values())[:MANY]) for row in good] == [{value} for _, value in texts]


@pytest.mark.parametrize("words", [["a"], WORDS, [*WORDS, "v.3", "a|b", "(", "\\d", "it's", "a\nb", ""]])
def test_one_of_many_words_is_asked_without_a_join(words: list[str]) -> None:
    """Of an IN with five words and more the engine makes a join; what is one of them is the same."""
    database = duckdb.connect()
    texts = [*words, "v13", "x", "aa", "a\n", "\n", None]
    database.execute("CREATE TABLE t AS SELECT unnest(?::VARCHAR[]) AS x", [texts])
    asked = f"SELECT x, {amounts.is_one_of('x', words)} AS is_one FROM t"
    assert "JOIN" not in str(database.execute(f"EXPLAIN {asked}").fetchall())
    told = database.execute(asked).fetchall()
    assert told == [(text, None if text is None else text in words) for text in texts]


MARKERS = ["-", "--", "/", "无", "N/A", "NA", "null", "NULL", "None", "不详", "未知", "暂无", "#N/A", "?", "(空)", "。", "－",
           "nan", "缺失", "^"]  # fmt: skip


def test_twenty_marks_of_missing_values_do_not_double_a_text_twenty_times() -> None:
    contents = files(
        {"a": "a", "n": {"from": "n", "as": "number", "thousands": ","}}, prop("a"), prop("n", "number"),
        missing=MARKERS,
    )  # fmt: skip
    texts = [*MARKERS, *(f" {marker} " for marker in MARKERS), "", None]
    result = run(mapped(contents), things=rows_of(*({"a": text, "n": text} for text in texts), {"a": "--x", "n": "1"}))
    good = [(row["a"], row["n"]) for row in result["harmonised"].to_pylist()]
    assert good == [*[(None, None)] * len(texts), ("--x", 1.0)]


def test_a_text_is_named_once_where_it_is_made_narrow() -> None:
    """What reads a text several times reads a column that holds it."""
    (cleaned,) = (s.sql for s in planning.plan_of(wide("number", 1)).steps if s.name == "cleaned")
    assert cleaned.count("translate(") == 1
    assert cleaned.count(quoted("from:c0")) < 12
