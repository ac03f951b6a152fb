"""The quick way comes to the same end as the careful one: every row, value, verdict, repair and count, on dirty data."""

from __future__ import annotations

import json
import random
from datetime import date
from typing import Any

import careful_plan
import pyarrow as pa
import pytest
from harmonise_desk import WANTED, files, mapped, prop, rows_of, run
from hypothesis import given, settings
from hypothesis import strategies as st
from test_harmonise_plan import PASSAGES, TABLES, database

from datong.engine import rules as plans
from datong.engine import service as engine
from datong.engine.model import Plan, Result, Step
from datong.harmonise.model.mappings import Mapping
from datong.harmonise.rules import plan as planning

NEEDED = {"required": True}


def carefully(mapping: Mapping, **tables: pa.Table) -> Result:
    inputs = {planning.input_name(name): table for name, table in tables.items()}
    return engine.run(careful_plan.plan_of(mapping), inputs, want=WANTED, threads=1)


def same(mapping: Mapping, **tables: pa.Table) -> Result:
    quick, careful = run(mapping, **tables), carefully(mapping, **tables)
    for name in WANTED:
        assert quick[name].schema == careful[name].schema
        assert quick[name].to_pylist() == careful[name].to_pylist(), name
    return quick


COLUMNS: dict[str, Any] = {
    "id": "a", "n": {"from": "b", "as": "number", "thousands": ","},
    "t": {"from": "c", "as": "timestamp", "zone": "offset", "between": ["2019-01-01T00:00:00Z", "2020-01-01T00:00:00Z"]},
    "p": {"from": "d", "as": "plate"},
    "y": {"from": "e", "as": "latitude", "notation": "decimal", "datum": "WGS84", "between": [40, 43]},
    "z": {"from": "e", "as": "longitude", "notation": "decimal", "datum": "WGS84"},
    "x": {"from": "f", "as": "number"}, "s": {"from": "g", "as": "number", "thousands": "."},
    "origin": {"constant": "here"},
}  # fmt: skip
SLOW: dict[str, Any] = {
    "l": {"from": "h", "as": "timestamp", "zone": "America/New_York", "ambiguous": "earlier"},
    "k": {"from": "i", "as": "code", "codes": "kinds"},
}
ELEMENTS = (
    prop("id", logicalTypeOptions={"maxLength": 6}, **NEEDED), prop("n", "integer"), prop("t", "timestamp", **NEEDED),
    prop("p"), prop("y", "number"), prop("z", "number"), prop("x", "number", logicalTypeOptions={"maximum": 1000}),
    prop("s"), prop("origin"),
)  # fmt: skip
SLOW_ELEMENTS = (prop("l", "timestamp"), prop("k"))


def things(*, slow: bool, unique: bool = True) -> Mapping:
    contents = files(
        {**COLUMNS, **(SLOW if slow else {})},
        *ELEMENTS, *(SLOW_ELEMENTS if slow else ()),
        missing=["-"], checks=[{"reason": "odd", "when": "n > x"}],
        **({"unique": [{"columns": ["id"]}, {"columns": ["n", "t"], "apart_from": ["id"]}]} if unique else {}),
    )  # fmt: skip
    contents["standards/kinds.codes.yaml"] = {"codes": {"K3": "car", "K1": "bus"}}
    return mapped(contents)


PIECES = {
    "a": ["a", "b", "c", " a", "a ", "a\t", "-", "", "ａ", "abcdefg", "a|b", "\u3000a", "a\x00", "\ufeffb", "b\u200b"],
    "b": ["1", "12", "1,000", "1,00", "+7", "-3", "007", "1.0", "1e3", "1_000", " 5", "5 ", "5\t", "١", "１２", "9" * 18,
          "9" * 19, "0x1F", "-", "", "true", "1,2,3"],
    "c": ["2019-09-01 04:08:00+00", "2019-09-01T04:08:00Z", "2019-09-01 04:08:00", "2019-09-31 04:08:00+00",
          "2019-9-01 04:08:00+00", "2019-09-01  4:08:00+00", "2019-09-01 04:08:00.123456789+05:30", "2019-09-01 24:00:00+00",
          "2019-09-01 04:08:60+00", "2018-09-01 04:08:00+00", " 2019-09-01 04:08:00+00", "2019-09-01 04:08:00 +00",
          "2019-09-01 04:08:00+00 ", "2019-09-01 04:08:00+0000", "２019-09-01 04:08:00+00", "infinity", "epoch", "-", "",
          "2019-09-01 04:08:00 UTC", "2019-09-01 04:08:00+99", "0000-09-01 04:08:00+00", "2019-09-01t04:08:00z"],
    "d": ["贵A12345", "贵A·12345", "贵a12345", "贵A1234O", "贵AD12345", "京A12345学", " 贵A12345", "贵Ａ12345", "-", "", "A12345"],
    "e": ["42.1", "42.100", "41", "90", "90.1", "-181", "180", "4.21e1", "4.21E1", "nan", "inf", "-inf", "Infinity", "42.1 ",
          "\t42.1", "42.1\n", "4_2.1", "+42.1", ".5", "5.", "42,1", "４２.1", "42.1d", "0x2A", "1e400", "-", "", "true", "43.0001"],
    "f": ["1", "1e3", "1001", "1e999", "-1e-9", "NaN", "1.5.2", "1 000", "", "-", " 1", "０"],
    "g": ["1234", "1.234", "12.34", "1.234.567", "-", "", "1"],
    "h": ["2019-09-01 00:00:00", "2019-11-03 01:30:00", "2019-03-10 02:30:00", "2019-9-1 0:00:00", "x", "", "-"],
    "i": ["K3", "K33", "K9", "k3", "Ｋ3", " K3", "", "-"],
}  # fmt: skip


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 2**32), st.booleans(), st.booleans())
def test_the_same_as_the_careful_plan(seed: int, slow: bool, unique: bool) -> None:
    chance = random.Random(seed)
    share = chance.choice([0.0, 0.1, 0.5])
    rows: list[Any] = []
    for _ in range(chance.choice([1, 40, 400])):
        if chance.random() < 0.02:
            rows.append("not {a record")
            continue
        dirty = {path: chance.choice([*pieces, None]) for path, pieces in PIECES.items()}
        clean = {path: pieces[0] for path, pieces in PIECES.items()} | {
            "a": f"r{chance.randrange(300)}",
            "b": str(chance.randrange(60)),
        }
        rows.append({path: (dirty if chance.random() < share else clean)[path] for path in PIECES})
    same(things(slow=slow, unique=unique), things=rows_of(*rows, dict.fromkeys(PIECES)))


@pytest.mark.parametrize("column", sorted(set(PIECES) - {"h", "i"}))
def test_each_way_of_writing_alone(column: str) -> None:
    """Every odd text of a column beside otherwise plain values, so that no other column hides what is said of it."""
    clean = {path: pieces[0] for path, pieces in PIECES.items()}
    rows = [{**clean, "a": f"r{n}", "b": str(n), "f": "999", column: text} for n, text in enumerate(PIECES[column])]
    same(things(slow=False), things=rows_of(*rows))


@pytest.mark.parametrize("number", ["hash", "length", "0 * length"])
def test_keys_that_several_rows_have_whatever_numbers_are_made_of_them(number: str) -> None:
    """Also where the numbers of keys that differ meet, as by a chance that no test can wait for."""
    mapping = mapped(files({"id": "a"}, prop("id"), unique=[{"columns": ["id"]}]))
    plan = planning.plan_of(mapping)
    (twins,) = [step for step in plan.steps if step.name == "twins_0"]
    assert "hash(" in twins.on_duckdb
    texts = [twins.sql, twins.on_duckdb.replace("hash(", f"{number}(")]
    typed = pa.table({"value:id": ["a", "bb", "a", None, "c", "bb", None, "d", "d"], "plain": [True] * 8 + [False]})
    found = [
        engine.run(Plan((Step("twins", "SELECT 1", on_duckdb=text),), ("typed",)), {"typed": typed}) for text in texts
    ]
    assert [sorted(one["twins"]["value:id"].to_pylist()) for one in found] == [["a", "bb"]] * 2


def test_a_plain_row_repeats_one_that_had_to_be_mended() -> None:
    clean = {path: pieces[0] for path, pieces in PIECES.items()} | {"f": "999"}
    rows = [{**clean, "a": "r1 ", "b": "1"}, {**clean, "a": "r1", "b": "1"}, {**clean, "a": "r2", "b": "2"}]
    result = same(things(slow=False), things=rows_of(*rows))
    assert [(row["row"], row["reason"]) for row in result["quarantined"].to_pylist()] == [(2, "duplicate")]
    assert json.loads(result["quarantined"].to_pylist()[0]["record"])["a"] == "r1"
    assert (result.rows["asked"], result.rows["met"]) == (1, 1)


@pytest.mark.parametrize("missing", ["keep", "quarantine"])
def test_with_lookups(missing: str) -> None:
    same(mapped(database(missing=missing), "db"), main=PASSAGES, **TABLES)


def test_a_check_that_full_rows_cannot_answer_is_not_counted_as_tested() -> None:
    contents = files(
        {"id": "id", "n": {"from": "n", "as": "number"}, "m": {"from": "m", "as": "number"}},
        prop("id", **NEEDED), prop("n", "number", **NEEDED), prop("m", "number", **NEEDED),
        checks=[{"reason": "dear", "when": "CASE WHEN m <> 0 THEN n > 9 * m END"}, {"reason": "less", "when": "n < m"}],
    )  # fmt: skip
    rows = rows_of({"id": "a", "n": "1", "m": "1"}, {"id": "b", "n": "1", "m": "0"}, {"id": "c", "n": "1", "m": "2"})
    (counts,) = same(mapped(contents), things=rows)["measured"].to_pylist()
    assert (counts["rows"], counts["checked:dear"], counts["checked:less"], counts["failed:less"]) == (3, 2, 3, 1)


def test_plain_rows_are_not_asked_for_again() -> None:
    contents = files({"id": "id", "n": {"from": "n", "as": "number"}}, prop("id", **NEEDED), prop("n", "integer"))
    result = run(
        mapped(contents), things=rows_of(*({"id": f"r{n}", "n": str(n)} for n in range(50)), {"id": "x", "n": "?"})
    )
    assert result.rows["asked"] == 1


def test_the_plan_is_within_its_language_and_readable() -> None:
    plan = planning.plan_of(things(slow=True))
    assert plans.problems(plan) == []
    printed = plans.printed(plan)
    assert "-- input told: what asked asks for" in printed
    assert "(not kept)" in printed


def test_meanings_go_the_long_way_and_come_to_the_same_end() -> None:
    def half(name: str, other: str, path: str) -> dict[str, Any]:
        return {"from": path, "as": name, "notation": "decimal", "datum": "GCJ-02", "with": other}

    columns = {
        "t": {"from": "t", "as": "timestamp", "zone": "offset"},
        "k": {"from": "k", "as": "code", "codes": "kinds", "on": "t"},
        "v": {"from": "v", "as": "number", "unit": "km/h"},
        "w": {"from": "v", "as": "number", "multipliers": ["万"]}, "d": {"from": "d", "digits": 3},
        "longitude": half("longitude", "latitude", "x"), "latitude": half("latitude", "longitude", "y"),
    }  # fmt: skip
    contents = files(
        columns, prop("t", "timestamp"), prop("k"), prop("w", "number"), prop("longitude", "number"),
        prop("v", "number", customProperties=[{"property": "unit", "value": "m/s"}]), prop("latitude", "number"),
        prop("d"), missing=["0"],
    )  # fmt: skip
    contents["standards/kinds.codes.yaml"] = {
        "codes": {"1": {"to": "old", "valid_to": date(2019, 9, 2), "successor": ["2"]}, "2": "new"}
    }
    days = ["2019-09-01 04:08:00+00", "2019-09-03 04:08:00+00", " 2019-09-03 04:08:00+00", None]
    given = [
        {"t": day, "k": code, "v": number, "x": x, "y": "31.2", "d": digits}
        for day in days
        for digits in ("012", "12", " 1", "0", "1234", "")
        for code, number, x in (("1", "36", "121.5"), ("2", "1.2万", "121.5 "), ("3", None, None))
    ]
    result = same(mapped(contents), things=rows_of(*given))
    first = result["harmonised"].to_pylist()[0]
    assert (first["k"], first["v"], first["w"]) == ("old", 10.0, 36.0)
    assert 121.49 < first["longitude"] < 121.4999
