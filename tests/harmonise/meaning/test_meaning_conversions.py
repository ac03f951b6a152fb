"""Units, signs, days, words and identifiers: text in, value and verdict out, the original kept."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from harmonise_desk import WANTED, files, mapped, prop, rows_of, run, standard, write
from hypothesis import given, settings
from hypothesis import strategies as st
from meaning_desk import outcomes, outcomes_of, told

from datong.harmonise.rules import units
from datong.harmonise.rules.workspace import mapping_of
from datong.harmonise.store import workspace as texts

# --- numbers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("unit", "element", "text", "value"),
    [
        ("km/h", "m/s", "36", 10.0),
        ("公里", "m", "1.1", 1100.0),
        ("万元", "CNY", "1.1", 11000.0),
        ("亿元", "CNY", "1.1", 110_000_000.0),
        ("分", "CNY", "123", 1.23),
        ("亩", "m2", "3", 2000.0),
        ("度", "kW.h", "12.5", 12.5),
        ("度", "Cel", "36.6", 36.6),
        ("度", "deg", "121.5", 121.5),
        ("吨", "kg", "1.234", 1234.0),
        ("斤", "kg", "3", 1.5),
        ("[degF]", "Cel", "98.6", 37.0),
        ("[degR]", "Cel", "491.67", 0.0),
        ("[degR]", "K", "518.67", 288.15),
        ("毫秒", "s", "1500", 1.5),
        ("分钟", "s", "90", 5400.0),
        ("万千瓦时", "kW.h", "0.3", 3000.0),
        ("[mi_i]", "km", "26.21875", 42.194988),
        ("[psi]", "kPa", "14.696", pytest.approx(101.325, abs=0.01)),
    ],
)
def test_units(unit: str, element: str, text: str, value: float) -> None:
    assert outcomes([text], {"as": "number", "unit": unit}, "number", unit=element) == [(value, "")]


@given(st.sampled_from(sorted(units.UNITS)), st.data())
@settings(max_examples=200, deadline=None)
def test_there_and_back_is_exactly_the_same(source: str, data: st.DataObject) -> None:
    target = data.draw(st.sampled_from(units.like(source)))
    there, back = units.step(source, target), units.step(target, source)
    if there is not None and back is not None and len(units.UNITS[source]) == len(units.UNITS[target]) == 1:
        x = Fraction(7, 3)
        y = (x * there.n + there.m) / there.d
        assert (y * back.n + back.m) / back.d == x
    assert units.step(source, source) == units.Step(1, 0, 1)


def test_units_of_another_kind_are_refused_with_those_that_fit() -> None:
    contents = files(
        {"x": {"from": "a", "as": "number", "unit": "kg"}},
        prop("x", "number", customProperties=[{"property": "unit", "value": "m/s"}]),
    )
    (problem,) = mapping_of(contents, "things")[1]
    assert "columns.x.unit" in problem.where
    assert "kg cannot be turned into m/s" in problem.en
    assert "km/h" in problem.en


def test_signs_behind_a_number() -> None:
    table = [
        ("1.2万", 12000.0, "fixed:multiplier"),
        ("1.1亿", 110_000_000.0, "fixed:multiplier"),
        ("-0.5万", -5000.0, "fixed:multiplier"),
        ("３.５万", 35000.0, "fixed:full_width"),
        ("123", 123.0, ""),
        ("1,234.5万", 12_345_000.0, "fixed:thousands_separator"),
        ("12千", None, "invalid:not_a_number"),
        ("万", None, "invalid:not_a_number"),
        ("1.2万万", None, "invalid:not_a_number"),
        ("1e3万", 10_000_000.0, "fixed:multiplier"),
    ]
    told(table, {"as": "number", "multipliers": ["万", "亿"], "thousands": ","}, "number")
    assert outcomes(["1.2万"], {"as": "number"}, "number") == [(None, "invalid:not_a_number")]
    assert outcomes(["1.2万"], {"as": "number", "multipliers": ["万"], "unit": "公里"}, "number", unit="m") == [
        (12_000_000.0, "fixed:multiplier")
    ]


@pytest.mark.parametrize(
    ("unit", "kind", "keys", "table"),
    [
        ("a", "number", {}, [
            ("45岁", 45.0, "fixed:unit"), ("45 周岁", 45.0, "fixed:unit"), ("3月", 0.25, "fixed:unit"), ("45", 45.0, ""),
            ("４５岁", 45.0, "fixed:full_width"), ("21天", None, "invalid:other_unit"), ("1e1岁", 10.0, "fixed:unit"),
            ("2019-09-01", None, "invalid:not_a_number"), ("45/46岁", None, "invalid:not_a_number"), ("岁", None, "invalid:not_a_number"),
        ]),
        ("a", "integer", {}, [
            ("45岁", 45, "fixed:unit"), ("45.0岁", 45, "fixed:unit"), ("45.5岁", None, "invalid:not_a_number"),
            ("12345678901234567890岁", None, "invalid:not_a_number"), ("24月", None, "invalid:other_unit"),
        ]),
        ("km", "number", {}, [
            ("3.2 km", 3.2, "fixed:unit"), ("3.2KM", 3.2, "fixed:unit"), ("800m", 0.8, "fixed:unit"), ("5公里", 5.0, "fixed:unit"),
            ("800M", None, "invalid:other_unit"), ("5kg", None, "invalid:other_unit"), ("1.2万", None, "invalid:other_unit"),
        ]),
        ("km", "number", {"unit": "m"}, [("3200", 3.2, ""), ("3.2 km", 3.2, "fixed:unit"), ("800米", 0.8, "fixed:unit")]),
        ("CNY", "number", {"thousands": ",", "multipliers": ["万"]}, [
            ("1,250.5元", 1250.5, "fixed:unit"), ("3分", 0.03, "fixed:unit"), ("1.2万元", 12000.0, "fixed:unit"), ("1.2万", 12000.0, "fixed:multiplier"),
            ("12.5元/度", None, "invalid:other_unit"), ("9007199254740993元", 9007199254740992.0, "suspect:precision"), ("1,25元", None, "invalid:not_a_number"),
        ]),
        ("Cel", "number", {}, [("36.6℃", 36.6, "fixed:unit"), ("98.6°F", 37.0, "fixed:unit"), ("309.75K", 36.6, "fixed:unit"), ("36.6C", 36.6, "fixed:unit")]),
        ("kW", "number", {}, [("5MW", 5000.0, "fixed:unit"), ("5mw", None, "invalid:other_unit"), ("5 kWh", None, "invalid:other_unit")]),
        ("kW.h", "number", {}, [("5 MWh", 5000.0, "fixed:unit"), ("5kwh", 5.0, "fixed:unit"), ("5度", 5.0, "fixed:unit"), ("3万千瓦时", 30000.0, "fixed:unit")]),
        ("mmol/L", "number", {}, [("5.6 mmol/L", 5.6, "fixed:unit"), ("5.6 mg/L", None, "invalid:other_unit")]),
        ("%", "number", {}, [("85%", None, "invalid:not_a_number"), ("85", 85.0, "")]),
        ("1", "number", {"percent": True}, [("85%", 0.85, ""), ("85人", None, "invalid:not_a_number")]),
    ],
)  # fmt: skip
def test_a_unit_behind_a_number(unit: str, kind: str, keys: dict[str, Any], table: list[tuple[str, Any, str]]) -> None:
    carries = {} if unit in ("%", "1") else {"carries_unit": True}
    facts = {"customProperties": [{"property": "unit", "value": unit}]}
    told(table, {"as": "number", **carries, **keys}, kind, **facts)
    if carries:
        undeclared = [(text, None, "invalid:not_a_number") for text, _, verdict in table if verdict == "fixed:unit"]
        told(undeclared, {"as": "number"}, kind, **facts)


def test_a_unit_is_declared_of_quantities_alone() -> None:
    for kind, unit, keys in (
        ("number", "1", {}),
        ("number", "", {}),
        ("string", "km", {}),
        ("number", "%", {"percent": True}),
    ):
        said = prop("x", kind, customProperties=[{"property": "unit", "value": unit}] if unit else [])
        (problem,) = mapping_of(
            files({"x": {"from": "a", "as": "number", "carries_unit": True, **keys}}, said), "things"
        )[1]
        assert "columns.x.carries_unit" in problem.where


@pytest.mark.parametrize(
    ("unit", "kind", "keys", "table"),
    [
        ("CNY", "number", {"thousands": ","}, [
            ("￥12,345.00", 12345.0, "fixed:currency"), ("¥12,345.00", 12345.0, "fixed:currency"), ("RMB 12,345.00", 12345.0, "fixed:currency"),
            ("rmb12", 12.0, "fixed:currency"), ("CNY 1,000", 1000.0, "fixed:currency"), ("CNY￥3", 3.0, "fixed:currency"), ("人民币 3", 3.0, "fixed:currency"),
            ("-￥3.5", -3.5, "fixed:currency"), ("￥-3.5", -3.5, "fixed:currency"), ("- ¥ 3", -3.0, "fixed:currency"), ("￥１２", 12.0, "fixed:full_width"),
            ("12", 12.0, ""), ("￥", None, "invalid:not_a_number"), ("￥￥12", None, "invalid:not_a_number"), ("-￥-3", None, "invalid:not_a_number"),
            ("$12", None, "invalid:not_a_number"), ("US$12", None, "invalid:not_a_number"), ("￥12-15", None, "invalid:not_a_number"), ("￥1,25", None, "invalid:not_a_number"),
            ("￥(12)", None, "invalid:not_a_number"), ("￥12元", 12.0, "fixed:currency"), ("12,345.00元", 12345.0, "fixed:currency"), ("12 RMB", 12.0, "fixed:currency"),
            ("12万元", None, "invalid:not_a_number"), ("12元/度", None, "invalid:not_a_number"), ("元", None, "invalid:not_a_number"), ("￥9007199254740993", 9007199254740992.0, "suspect:precision"),
        ]),
        ("CNY", "number", {"accounting": True}, [("(￥12.5)", -12.5, "fixed:accounting"), ("￥(12.5)", -12.5, "fixed:currency"), ("￥12.5-", -12.5, "fixed:accounting")]),
        ("CNY", "number", {"multipliers": ["万"], "carries_unit": True}, [("￥1.2万", 12000.0, "fixed:currency"), ("￥12元", 12.0, "fixed:unit"), ("￥3万元", 30000.0, "fixed:unit")]),
        ("CNY", "number", {"unit": "万元"}, [("￥12", 120_000.0, "fixed:currency"), ("12", 120_000.0, ""), ("12元", None, "invalid:not_a_number")]),
        ("CNY", "number", {"multipliers": ["万"]}, [("￥1.2万", 12000.0, "fixed:currency"), ("1.2万元", 12000.0, "fixed:currency"), ("1.2万", 12000.0, "fixed:multiplier")]),
        ("万元", "number", {"unit": "元"}, [("￥12,000", None, "invalid:not_a_number"), ("￥12000", 1.2, "fixed:currency")]),
        ("CNY", "number", {"decimal": ",", "thousands": "."}, [("￥1.234,56", 1234.56, "fixed:currency")]),
        ("CNY", "integer", {}, [("￥12", 12, "fixed:currency"), ("￥12.00", 12, "fixed:currency"), ("￥12.5", None, "invalid:not_a_number")]),
        ("", "number", {}, [("￥12", 12.0, "fixed:currency"), ("12元", 12.0, "fixed:currency"), ("$12", None, "invalid:not_a_number"), ("12美元", None, "invalid:not_a_number")]),
        ("", "number", {"currency": "USD", "thousands": ","}, [("$1,234.50", 1234.5, "fixed:currency"), ("US$-3", -3.0, "fixed:currency"), ("12 USD", 12.0, "fixed:currency"), ("HK$3", None, "invalid:not_a_number"), ("￥12", None, "invalid:not_a_number")]),
        ("", "number", {"currency": "EUR", "decimal": ","}, [("12,5 €", 12.5, "fixed:currency"), ("€ 12,5", 12.5, "fixed:currency")]),
        ("CNY/kW.h", "number", {}, [("￥0.52", 0.52, "fixed:currency")]),
        ("CNY/m2", "number", {"unit": "万元/亩"}, [("￥2", 30.0, "fixed:currency")]),
        ("USD", "number", {"currency": "USD"}, [("$12", 12.0, "fixed:currency"), ("12美元", 12.0, "fixed:currency"), ("￥12", None, "invalid:not_a_number")]),
        ("USD", "number", {"currency": "USD", "unit": "万美元"}, [("$1.5", 15000.0, "fixed:currency"), ("12美元", None, "invalid:not_a_number")]),
    ],
)  # fmt: skip
def test_the_sign_of_a_currency_before_a_number(
    unit: str, kind: str, keys: dict[str, Any], table: list[tuple[str, Any, str]]
) -> None:
    facts = {"customProperties": [{"property": "unit", "value": unit}]} if unit else {}
    told(table, {"as": "number", "currency": "CNY", **keys}, kind, **facts)
    plain = {key: one for key, one in keys.items() if key not in {"carries_unit", "currency"}}
    undeclared = [(text, None, "invalid:not_a_number") for text, _, verdict in table if verdict == "fixed:currency"]
    told(undeclared, {"as": "number", **plain}, kind, **facts)


def test_debit_and_credit() -> None:
    table = [
        ("225,902.50CR", 225902.5, "fixed:debit_credit"), ("12.00 Dr", -12.0, "fixed:debit_credit"), ("DR 12", -12.0, "fixed:debit_credit"),
        ("借12.00", -12.0, "fixed:debit_credit"), ("12.00 贷", 12.0, "fixed:debit_credit"), ("借：12", -12.0, "fixed:full_width"), ("12 CR.", 12.0, "fixed:debit_credit"),
        ("￥12DR", -12.0, "fixed:debit_credit"), ("DR￥12", -12.0, "fixed:debit_credit"), ("0.00", 0.0, ""), ("-5", -5.0, ""), ("5", 5.0, ""),
        ("-12DR", None, "invalid:not_a_number"), ("DR-12", None, "invalid:not_a_number"), ("(12)CR", None, "invalid:not_a_number"), ("DR 12 DR", None, "invalid:not_a_number"),
        ("CR 12 DR", None, "invalid:not_a_number"), ("DR", None, "invalid:not_a_number"), ("12 D", None, "invalid:not_a_number"), ("借贷12", None, "invalid:not_a_number"),
    ]  # fmt: skip
    unit = {"customProperties": [{"property": "unit", "value": "CNY"}]}
    keys = {"as": "number", "thousands": ",", "accounting": True, "currency": "CNY"}
    told(table, {**keys, "negative": "debit"}, "number", **unit)
    other = [
        (text, -it if verdict == "fixed:debit_credit" else it, verdict)
        for text, it, verdict in table
        if "：" not in text
    ]
    told(other, {**keys, "negative": "credit"}, "number", **unit)
    told([("225,902.50CR", None, "invalid:not_a_number")], keys, "number", **unit)


def test_a_wide_table_of_units_is_read_in_bounds() -> None:
    """Of IN with many words the engine made a join each, and of 60 such columns ran out of memory."""
    names = [f"c{number}" for number in range(60)]
    keys = {"as": "number", "thousands": ",", "carries_unit": True}
    money = [prop(name, "number", customProperties=[{"property": "unit", "value": "CNY"}]) for name in names]
    mapping = mapped(files({name: {"from": name, **keys} for name in names}, *money))
    result = run(mapping, things=rows_of(dict.fromkeys(names, "1,234.00元"), dict.fromkeys(names, "x")))
    assert [row["c59"] for row in result["harmonised"].to_pylist()] == [1234.0]


def test_currencies_and_sides_are_of_amounts_alone() -> None:
    for unit, keys, where, said in (
        ("km", {"currency": "CNY"}, "currency", "amount or a price in CNY"),
        ("CNY", {"currency": "USD"}, "currency", "amount or a price in USD"),
        ("1", {"currency": "CNY", "percent": True}, "currency", "amount"),
        ("CNY", {"currency": "CZK"}, "currency", "one of CNY"),
        ("CNY", {"currency": True}, "currency", "one of CNY"),
        ("CNY", {"currency": ["CNY"]}, "currency", "one of CNY"),
        ("CNY", {"negative": "DR"}, "negative", "one of debit, credit"),
        ("万元", {"currency": "CNY"}, "currency", "say the `unit` of the numbers (元 or 万元)"),
        ("万美元", {"currency": "USD"}, "currency", "say the `unit` of the numbers (USD or 万美元)"),
        ("CNY", {"unit": "万美元"}, "unit", "cannot be turned into CNY"),
    ):
        of = prop("x", "number", customProperties=[{"property": "unit", "value": unit}] if unit else [])
        (problem,) = mapping_of(files({"x": {"from": "a", "as": "number", **keys}}, of), "things")[1]
        assert f"columns.x.{where}" in problem.where
        assert said in problem.en


def test_a_unit_is_written_in_one_way_alone() -> None:
    """Whatever the capitals are, what stands behind a number is one unit: mW, which nobody knows here, is no MW."""
    for target in units.UNITS:
        for unit in units.like(target):
            assert units.written(target)[units.key(unit)] == units.step(unit, target), (target, unit)
        assert units.written(target, same=True)[units.key(target)] == units.Step(1, 0, 1)
    assert "5mw"[1:] not in units.written("kW")


def test_percent_signs_are_demanded_where_declared() -> None:
    table = [
        ("12.5%", 0.125, ""),
        ("５０％", 0.5, "fixed:full_width"),
        ("3‰", 0.003, ""),
        ("0.125", None, "invalid:no_percent_sign"),
        ("%", None, "invalid:not_a_number"),
    ]
    told(table, {"as": "number", "percent": True}, "number", unit="1")
    assert outcomes(["12.5%"], {"as": "number", "percent": True}, "number", unit="%") == [(12.5, "")]


def test_decimal_commas() -> None:
    table = [
        ("1.234,56", 1234.56, "fixed:thousands_separator"),
        ("-12,5", -12.5, ""),
        ("12", 12.0, ""),
        ("1.234", 1234.0, "fixed:thousands_separator"),
        ("1.234.567", 1234567.0, "fixed:thousands_separator"),
        ("1.5", None, "invalid:not_a_number"),
        ("1,234.56", None, "invalid:not_a_number"),
        ("1,234,5", None, "invalid:not_a_number"),
        ("１，５", 1.5, "fixed:full_width"),
        ("9007199254740993,0", 9007199254740992.0, "suspect:precision"),
    ]
    for keys in ({"decimal": ",", "thousands": "."}, {"thousands": "."}):
        contents = files({"x": {"from": "a", "as": "number", **keys}}, prop("x", "number"))
        typed = [(None, "invalid:not_a_number") if text == "1.234" else said for text, *said in table]
        assert [*map(tuple, typed)] == outcomes_of(contents, [{"a": text} for text, *_ in table], "x")
        contents["sources/things.yaml"] = {"kind": "csv", "path": "things.csv"}  # whose numbers are texts, all of them
        assert [said for _, *said in table] == [*map(list, outcomes_of(contents, [{"a": t} for t, *_ in table], "x"))]
    told(
        [("1 234,5", 1234.5, "fixed:thousands_separator")], {"as": "number", "decimal": ",", "thousands": " "}, "number"
    )
    told([("1,5", 1.5, ""), ("1.5", None, "invalid:not_a_number")], {"as": "number", "decimal": ","}, "number")
    told([("12,5%", 0.125, "")], {"as": "number", "decimal": ",", "percent": True}, "number", unit="1")
    told([("(1.234,5)", -1234.5, "fixed:accounting")], {"as": "number", "thousands": ".", "accounting": True}, "number")
    whole = [
        ("3,0", 3, "fixed:zero_fraction"),
        ("1.000.000", 1_000_000, "fixed:thousands_separator"),
        ("3.0", None, "invalid:not_a_number"),
    ]
    told(whole, {"as": "number", "decimal": ",", "thousands": "."}, "integer")


@pytest.mark.parametrize(("keys", "said"), [
    ({"decimal": ";"}, ". or ,"), ({"decimal": True}, ". or ,"),
    ({"decimal": ",", "thousands": ","}, "one of them"), ({"decimal": ".", "thousands": "."}, "one of them"),
])  # fmt: skip
def test_a_decimal_sign_is_a_point_or_a_comma_and_parts_no_thousands(keys: dict[str, Any], said: str) -> None:
    contents = files({"x": {"from": "a", "as": "number", **keys}}, prop("x", "number"))
    (problem,) = mapping_of(contents, "things")[1]
    assert "columns.x.decimal" in problem.where
    assert said in problem.en


def test_times_counted_in_utc_beside_local_ones() -> None:
    eight = datetime(2026, 2, 1, tzinfo=UTC)
    table = [
        ("2026-02-01 08:00:00", eight, ""),
        ("1769904000", eight, "fixed:other_format"),
        ("1769904000.5", eight + timedelta(milliseconds=500), "fixed:other_format"),
        ("2026/02/01", None, "invalid:not_a_time"),
    ]
    forms = ["%Y-%m-%d %H:%M:%S", "epoch_s"]
    told(table, {"as": "timestamp", "zone": "Asia/Shanghai", "formats": forms}, "timestamp")


@pytest.mark.parametrize(("form", "right", "short"), [
    ("%Y%m%d%H%M%S", "20260201080000", ["2026020108000", "1761010100123"]), ("%Y%m%d", "20260201", ["2026021"]),
    ("%Y%m%d %H:%M", "20260201 8:00", ["2026021 08:00"]), ("%d%m%Y", "01022026", ["1022026"]),
])  # fmt: skip
def test_of_digits_that_nothing_divides_none_is_missing_in_a_time(form: str, right: str, short: list[str]) -> None:
    got = outcomes([right, *short], {"as": "timestamp", "zone": "Asia/Shanghai", "formats": [form]}, "timestamp")
    assert got[0][0] is not None
    assert got[1:] == [(None, "invalid:not_a_time")] * len(short)


def test_accounting_negatives() -> None:
    table = [
        ("(1,234.50)", -1234.5, "fixed:accounting"),
        ("（12）", -12.0, "fixed:full_width"),
        ("12.5-", -12.5, "fixed:accounting"),
        ("-12", -12.0, ""),
        ("(-12)", None, "invalid:not_a_number"),
        ("(12", None, "invalid:not_a_number"),
        ("-", None, "invalid:not_a_number"),
        ("1,234", 1234.0, "fixed:thousands_separator"),
    ]
    told(table, {"as": "number", "accounting": True, "thousands": ","}, "number")
    assert outcomes(["(12)", "12-"], {"as": "number"}, "number") == [(None, "invalid:not_a_number")] * 2


def test_tabs_and_line_ends_around_a_text_are_spaces() -> None:
    """Banks put a tab behind a number of an account, so that a spreadsheet leaves it alone: it joined with none."""
    table = [
        ("6222021234567890000\t", "6222021234567890000", "fixed:spaces"), ("\t622", "622", "fixed:spaces"),
        ("622\r\n", "622", "fixed:spaces"), ("贵阳\t", "贵阳", "fixed:spaces"), ("\t \u3000贵阳 \t", "贵阳", "fixed:spaces"),
        ("a\u00a0\t", "a", "fixed:spaces"), ("\t", None, ""), ("a\tb", "a\tb", ""), ("\ufeff7", "7", "fixed:spaces"),
        ("7\u200b", "7", "fixed:spaces"), ("\ufeff贵阳", "贵阳", "fixed:spaces"), ("👩\u200d🔬", "👩\u200d🔬", ""), ("a\ufeffb", "a\ufeffb", ""),
    ]  # fmt: skip
    told(table, {"as": "text"})
    told([("5\t", 5.0, "fixed:spaces"), ("\t5\n", 5.0, "fixed:spaces")], {"as": "number"}, "number")


def test_lost_leading_zeros_are_put_back_where_the_digits_are_declared() -> None:
    table = [
        ("010106", "010106", ""),
        ("10106", "010106", "fixed:leading_zeros"),
        (" 106 ", "000106", "fixed:leading_zeros"),
        (" 010106", "010106", "fixed:spaces"),
        ("1010106", None, "invalid:not_so_many_digits"),
        ("10106.0", "010106", "fixed:zero_fraction"),
        ("110106.00", "110106", "fixed:zero_fraction"),
        ("10106.00", "010106", "fixed:zero_fraction"),
        ("1010.00", None, "invalid:not_so_many_digits"),  # six digits with a point among them, or four
        ("101.000", None, "invalid:not_so_many_digits"),
        ("1010106.0", None, "invalid:not_so_many_digits"),
        ("0.0", None, "invalid:not_so_many_digits"),
        ("10106.5", None, "invalid:not_so_many_digits"),
        ("1010A", None, "invalid:not_so_many_digits"),
        ("-10106", None, "invalid:not_so_many_digits"),
        ("", None, ""),
        (None, None, ""),
    ]
    told(table, {"as": "text", "digits": 6})
    contents = files({"x": {"from": "a", "as": "code", "codes": "kinds", "digits": 3}}, prop("x"), missing=["0"])
    contents["standards/kinds.codes.yaml"] = {"codes": {"001": "one", "012": "twelve"}}
    wide = [{"a": text} for text in ("001", "1", "１２", "0", "0012", "7")]
    assert outcomes_of(contents, wide, "x") == [
        ("one", ""), ("one", "fixed:leading_zeros"), ("twelve", "fixed:leading_zeros"), (None, ""),
        (None, "invalid:not_so_many_digits"), (None, "invalid:unknown_code"),
    ]  # fmt: skip


@pytest.mark.parametrize("digits", [0, 1, 41, "six", True, 6.5])
def test_how_many_digits_is_a_whole_number(digits: Any) -> None:
    problems = mapping_of(files({"x": {"from": "a", "digits": digits}}, prop("x")), "things")[1]
    assert [p.where for p in problems] == ["mappings/things.yaml: columns.x.digits"]
    of_other = mapping_of(files({"x": {"from": "a", "as": "plate", "digits": 6}}, prop("x")), "things")[1]
    assert len(of_other) == 1, "a plate has no such key"


def test_lost_zeros_of_keys_are_put_back_before_a_look_up() -> None:
    database = {
        "sources/db.yaml": {"kind": "database", "path": "x.db", "tables": {"houses": "id", "areas": "code"}},
        "standards/thing.odcs.yaml": standard(prop("x"), prop("area")),
        "mappings/things.yaml": {
            "source": "db", "standard": "thing", "table": "houses",
            "columns": {"x": "houses.id", "area": "areas.name"},
            "joins": [{"table": "areas", "on": {"houses.area": "areas.code"}, "digits": 6}],
        },
    }  # fmt: skip
    areas = rows_of({"code": "010106", "name": "东"}, {"code": "20106", "name": "西"})
    houses = rows_of({"id": "a", "area": "10106"}, {"id": "b", "area": "020106"}, {"id": "c", "area": "1"})
    result = run(mapped(database), houses=houses, areas=areas)
    assert [(r["x"], r["area"]) for r in result["harmonised"].to_pylist()] == [("a", "东"), ("b", "西")]
    assert result["quarantined"]["reason"].to_pylist() == ["no_areas"]


def test_dashes_and_invisible_signs() -> None:
    table = [
        ("−12.5", -12.5, "fixed:dashes"),
        ("–3", -3.0, "fixed:dashes"),
        ("\u200b42", 42.0, "fixed:invisible"),
        ("4\ufeff2", 42.0, "fixed:invisible"),
        ("\u202d7\u202c", 7.0, "fixed:invisible"),
        ("4\u00a02", None, "invalid:not_a_number"),
    ]
    told(table, {"as": "number"}, "number")


def test_digits_lost_before_a_sign_are_told() -> None:
    table = [
        ("900719925474099312万", 9.007199254740993e21, "suspect:precision"),
        ("9007199254740992万", 90_071_992_547_409_920_000.0, "fixed:multiplier"),
        ("0.1234567890123456789万", 1234.567890123457, "fixed:multiplier"),
    ]
    told(table, {"as": "number", "multipliers": ["万", "十万"]}, "number")
    tiny = outcomes(["1e-330%", "0%", "5%"], {"as": "number", "percent": True}, "number")
    assert tiny == [(0.0, "suspect:precision"), (0.0, ""), (0.05, "")]


# --- days, words -------------------------------------------------------------------------------------------------

DAYS = [
    ("2019-09-01", date(2019, 9, 1), ""),
    ("2019年9月1日", date(2019, 9, 1), "fixed:other_format"),
    ("２０１９年９月１日", date(2019, 9, 1), "fixed:full_width"),
    ("20190901", date(2019, 9, 1), "fixed:other_format"),
    ("43709", date(2019, 9, 1), "fixed:other_format"),
    ("61", date(1900, 3, 1), "fixed:other_format"),
    ("59", date(1900, 2, 28), "fixed:other_format"),
    ("60", None, "invalid:not_a_date"),  # 1900-02-29, which Excel believes in
    ("2019–09–01", date(2019, 9, 1), "fixed:dashes"),
    ("2019-02-29", None, "invalid:not_a_date"),
    ("2020-02-29", date(2020, 2, 29), ""),
    ("19-09-01", None, "invalid:not_a_date"),
    ("2019-13-01", None, "invalid:not_a_date"),
    ("20191301", None, "invalid:not_a_date"),
    ("2019-09-01 00:00:00", None, "invalid:not_a_date"),
    ("1899-12-31", None, "invalid:outside_period"),
    ("", None, ""),
]


def test_days() -> None:
    formats = ["%Y-%m-%d", "%Y年%m月%d日", "%Y%m%d", "excel"]
    told(DAYS, {"as": "date", "formats": formats, "between": ["1900-01-01", "2100-01-01"]}, "date")
    undeclared = outcomes(["43709", "20190901", "2019年9月1日"], {"as": "date"}, "date")
    assert undeclared == [(None, "invalid:not_a_date")] * 3


def test_every_day_by_its_excel_number() -> None:
    first = date(1900, 3, 1)
    days = [first + timedelta(days=n) for n in range(0, 60_000, 7)]
    got = outcomes([str((day - date(1899, 12, 30)).days) for day in days], {"as": "date", "formats": ["excel"]}, "date")
    assert got == [(day, "") for day in days]


def test_the_words_of_a_mapping_may_be_full_width_as_the_texts_are() -> None:
    """Texts are made half-width before they are compared, and so are the words they are compared with."""
    marked = {"missing": ["", "—", "－－", " / "]}
    contents = files({"x": {"from": "a", "as": "number"}}, prop("x", "number"), **marked)
    texts_read = ["—", "－－", "/", "3", "－"]
    read = outcomes_of(contents, [{"a": text} for text in texts_read], "x")
    assert read == [(None, "")] * 3 + [(3.0, ""), (None, "invalid:not_a_number")]
    contents = files({"x": {"from": "a", "as": "code", "codes": "cc"}}, prop("x"), **marked)
    contents["standards/cc.codes.yaml"] = {"codes": {"本科（学士）": "b", "-": "none", "Ａ1": "a"}}
    read = outcomes_of(contents, [{"a": text} for text in ("本科（学士）", "本科(学士)", "—", "-", "A1", "Ａ１")], "x")
    assert read == [
        ("b", "fixed:full_width"), ("b", ""), (None, ""), ("none", ""), ("a", ""), ("a", "fixed:full_width"),
    ]  # fmt: skip
    words = {"as": "boolean", "when_true": ["Ｙ", "√"], "when_false": ["—", "否（无）"]}
    told(
        [("Ｙ", True, "fixed:full_width"), ("y", True, ""), ("—", False, "fixed:dashes"), ("否(无)", False, "")],
        words, "boolean",
    )  # fmt: skip
    told([("1，234", 1234.0, "fixed:full_width")], {"as": "number", "thousands": "，"}, "number")
    told([("2019／9／1", date(2019, 9, 1), "fixed:full_width")], {"as": "date", "formats": ["%Y／%m／%d"]}, "date")


def test_two_codes_that_are_one_when_written_half_width_are_told() -> None:
    contents = files({"x": {"from": "a", "as": "code", "codes": "cc"}}, prop("x"))
    contents["standards/cc.codes.yaml"] = {"codes": {"A": "one", "Ａ": "two", "（b）": "b", "(b)": "b"}}
    (problem,) = mapping_of(contents, "things")[1]
    assert (problem.where, "half-width" in problem.en) == ("standards/cc.codes.yaml: codes.Ａ", True)


def test_there_is_no_year_nought() -> None:
    table = [("0000-01-01", None, "invalid:not_a_date"), ("0001-01-01", date(1, 1, 1), "")]
    told(table, {"as": "date"}, "date")


@pytest.mark.parametrize("form", ["hello", "%m-%d", "%Y-%m-%d-%d", "%Q"])
def test_forms_that_no_day_can_have_are_refused(form: str) -> None:
    (problem,) = mapping_of(files({"x": {"from": "a", "as": "date", "formats": [form]}}, prop("x", "date")), "things")[
        1
    ]
    assert "should hold %Y, %m and %d" in problem.en


@pytest.mark.parametrize(("unit", "said"), [("", "no unit;"), ("furlong", "no unit that is known: furlong;")])
def test_a_unit_of_the_standard_that_is_not_known_is_told(unit: str, said: str) -> None:
    custom = [{"property": "unit", "value": unit}] if unit else []
    contents = files({"x": {"from": "a", "as": "number", "unit": "km"}}, prop("x", "number", customProperties=custom))
    (problem,) = mapping_of(contents, "things")[1]
    assert f"the standard gives the element {said}" in problem.en


def test_a_day_of_a_code_may_stand_in_quotes() -> None:
    contents = files({"x": {"from": "a", "as": "code", "codes": "cc"}}, prop("x"))
    contents["standards/cc.codes.yaml"] = {"codes": {"1": {"to": "a", "valid_to": "2024-02-29"}}}
    codes = mapped(contents).columns[0].codes
    assert codes is not None
    assert codes.entries[0].valid_to == date(2024, 2, 29)
    contents["standards/cc.codes.yaml"] = {"codes": {"1": {"to": "a", "valid_to": "2023-02-29"}}}
    assert "should be a date" in mapping_of(contents, "things")[1][0].en


def test_years_of_two_digits_need_their_century() -> None:
    table = [
        ("930101", date(1993, 1, 1), ""),
        ("930230", None, "invalid:not_a_date"),
        ("93011", None, "invalid:not_a_date"),
    ]
    told(table, {"as": "date", "formats": ["%y%m%d"], "century": 1900}, "date")
    contents = files({"x": {"from": "a", "as": "date", "formats": ["%y%m%d"]}}, prop("x", "date"))
    (problem,) = mapping_of(contents, "things")[1]
    assert "need `century`" in problem.en


def test_yes_and_no() -> None:
    table = [("是", True, ""), ("否", False, ""), ("Y", True, ""), ("y", True, ""), ("１", True, "fixed:full_width"),
             ("0", False, ""), (" 是 ", True, "fixed:spaces"), ("2", None, "invalid:neither_true_nor_false"), ("", None, "")]  # fmt: skip
    told(table, {"as": "boolean", "when_true": ["是", "Y", "1"], "when_false": ["否", "N", "0"]}, "boolean")
    assert outcomes(["true", "False", "1"], {"as": "boolean"}, "boolean") == [
        (True, ""), (False, ""), (None, "invalid:neither_true_nor_false")
    ]  # fmt: skip
    contents = files(
        {"x": {"from": "a", "as": "boolean", "when_true": ["1"], "when_false": ["1"]}}, prop("x", "boolean")
    )
    assert "mean yes and no" in mapping_of(contents, "things")[1][0].en


# --- identifiers -------------------------------------------------------------------------------------------------


def test_resident_ids() -> None:
    table = [
        ("11010519491231002X", "11010519491231002X", ""),
        ("11010519491231002x", "11010519491231002X", "fixed:lower_case"),
        ("110105 19491231 002X", "11010519491231002X", "fixed:separators"),
        ("１１０１０５１９４９１２３１００２Ｘ", "11010519491231002X", "fixed:full_width"),
        ("110105194912310\u200b02X", "11010519491231002X", "fixed:invisible"),
        ("110105491231002", "11010519491231002X", "fixed:fifteen_digits"),
        ("110105194912310021", None, "invalid:check_character"),
        ("11010519491331002X", None, "invalid:no_such_birth"),
        ("99010519491231002X", None, "invalid:no_such_birth"),
        ("1101051949123100", None, "invalid:resident_id_format"),
        ("1234567890123456E1", None, "invalid:resident_id_format"),
    ]
    told(table, {"as": "resident_id"})


def test_credit_codes() -> None:
    table = [
        ("91350100M000100Y43", "91350100M000100Y43", ""),
        ("9135 0100 M000 100Y 43", "91350100M000100Y43", "fixed:separators"),
        ("91350100m000100y43", "91350100M000100Y43", "fixed:lower_case"),
        ("91350100M000100Y44", None, "invalid:check_character"),
        ("91350100M000100Y", None, "invalid:credit_code_format"),
        ("91520100MAXDT0015L", "91520100MAXDT0015L", ""),
        ("91520100MAXDT0016P", "91520100MAXDT0016P", "suspect:organisation_code"),
    ]
    told(table, {"as": "credit_code"})


def test_letters_that_look_like_digits_are_suggested() -> None:
    for how, text, meant in (
        ("credit_code", "9I350100M000100Y43", "91350100M000100Y43"),
        ("resident_id", "IIO10519491231002X", "11010519491231002X"),
        ("vin", "1M8GDM9AXKPO42788", "1M8GDM9AXKP042788"),
    ):
        contents = files({"x": {"from": "a", "as": how}}, prop("x"))
        (held,) = run(mapped(contents), things=rows_of({"a": text}))["quarantined"].to_pylist()
        assert (held["original"], held["suggestion"]) == (text, meant)


def test_vins() -> None:
    table = [
        ("1M8GDM9AXKP042788", "1M8GDM9AXKP042788", ""),
        ("1m8gdm9axkp042788", "1M8GDM9AXKP042788", "fixed:lower_case"),
        ("WVWZZZ1JZ3W386752", "WVWZZZ1JZ3W386752", "suspect:check_character"),
        ("1M8GDM9AXKP04278", None, "invalid:vin_format"),
    ]
    told(table, {"as": "vin"})


def test_phones() -> None:
    table = [
        ("13812345678", "13812345678", ""),
        ("+86 138 1234 5678", "13812345678", "fixed:country_code"),
        ("0086-13812345678", "13812345678", "fixed:country_code"),
        ("+86 851 8689 1234", "085186891234", "fixed:country_code"),
        ("0851-86891234", "085186891234", "fixed:separators"),
        ("(010)62781234", "01062781234", "fixed:separators"),
        ("+44 20 7946 0958", "+442079460958", "fixed:separators"),
        ("110", None, "invalid:phone_format"),
        ("010-62345678-801", "01062345678-801", "fixed:separators"),
        ("(010) 62345678 801", "01062345678-801", "fixed:separators"),
        ("+86 10 62345678-801", "01062345678-801", "fixed:country_code"),
        ("+86 10 2345678-1", "0102345678-1", "fixed:country_code"),
        ("01062345678-801", "01062345678-801", ""),
        ("01062345678801", None, "invalid:phone_format"),
        ("13812345678-1", None, "invalid:phone_format"),
    ]
    told(table, {"as": "phone"})


def test_cyrillic_letters_in_a_plate() -> None:
    table = [("贵А12345", "贵A12345", "suspect:look_alike"), ("贵а12345", "贵A12345", "suspect:look_alike"),
             ("贵A·123\u200b45", "贵A12345", "fixed:invisible"), ("贵A12345", "贵A12345", "")]  # fmt: skip
    told(table, {"as": "plate"})


# --- facts that hide in identifiers ------------------------------------------------------------------------------


def test_what_a_resident_id_tells() -> None:
    texts = ["11010519491231002X", "440524188001010014", "110105491231002", "110105194912310021"]
    born = [
        (date(1949, 12, 31), ""),
        (date(1880, 1, 1), ""),
        (date(1949, 12, 31), ""),
        (None, "invalid:not_an_identifier"),
    ]
    assert outcomes(texts, {"as": "birth_date", "of": "resident_id"}, "date") == born
    sexes = [("2", ""), ("1", ""), ("2", ""), (None, "invalid:not_an_identifier")]
    assert outcomes(texts, {"as": "sex", "of": "resident_id"}) == sexes


def test_what_a_birth_number_tells() -> None:
    texts = ["706213", "450204", "450204/123", "996213", "701350", "abc"]
    said = {"of": "birth_number", "century": 1900}
    born = [date(1970, 12, 13), date(1945, 2, 4), date(1945, 2, 4), date(1999, 12, 13), None, None]
    assert [value for value, _ in outcomes(texts, {"as": "birth_date", **said}, "date")] == born
    assert [value for value, _ in outcomes(texts, {"as": "sex", **said})] == ["2", "1", "1", "2", None, None]


@pytest.mark.parametrize("match", ["whole", "prefix"])
def test_a_table_that_is_looked_up_gives_what_is_asked_code_by_code(
    monkeypatch: pytest.MonkeyPatch, match: str
) -> None:
    contents = files({"x": {"from": "a", "as": "code", "codes": "cc"}, "y": {"constant": "c7", "as": "code", "codes": "cc"}},
                     prop("x", required=True), prop("y"), missing=["-"])  # fmt: skip
    contents["standards/cc.codes.yaml"] = {"match": match, "codes": {f"c{n}": f"it's {n % 7}" for n in range(40)}}
    texts = ["c0", " c39\t", "ｃ１２", "c40", "-", "", None, "c7", "c7", "C7", "0c1"]
    found = []
    for looked_up_from in (1, 1000):
        monkeypatch.setattr("datong.harmonise.rules.conversions.codes.LOOKED_UP_FROM", looked_up_from)
        result = run(mapped(contents), things=rows_of(*({"a": text} for text in texts)))
        found.append([result[name].to_pylist() for name in WANTED])
    assert found[0] == found[1]
    assert {row["source_row"]: row["x"] for row in found[0][0]}[2] == "it's 4"


# --- codes on a day ----------------------------------------------------------------------------------------------

DIVISIONS = {
    "110101": "东城区",
    "110103": {"to": "崇文区", "valid_to": date(2010, 6, 28), "successor": ["110101"]},
    "520181": {"to": "某县级市", "valid_from": date(1995, 1, 1)},
    "310119": {"to": "南汇区", "valid_to": date(2009, 4, 24)},
}


def test_codes_are_judged_by_the_day_of_their_row() -> None:
    contents = files(
        {"day": {"from": "d", "as": "date"}, "x": {"from": "a", "as": "code", "codes": "areas", "on": "day"}},
        prop("day", "date"),
        prop("x"),
    )
    contents["standards/areas.codes.yaml"] = {"codes": DIVISIONS}
    rows = [
        ("110103", "2010-06-27", "崇文区", ""),
        ("110103", "2010-06-28", "东城区", "fixed:code_replaced"),
        ("110101", "2020-01-01", "东城区", ""),
        ("520181", "1994-12-31", None, "invalid:code_not_yet_valid"),
        ("520181", "1995-01-01", "某县级市", ""),
        ("310119", "2015-01-01", "南汇区", "suspect:code_withdrawn"),
        ("110103", None, "崇文区", ""),
        ("999999", "2010-01-01", None, "invalid:unknown_code"),
    ]
    got = outcomes_of(contents, [{"a": code, "d": day} for code, day, _, _ in rows], "x")
    assert got == [(value, said) for _, _, value, said in rows]


def test_a_code_is_followed_from_one_successor_to_the_next() -> None:
    """GB/T 2260: 原 A until 1993, then B until 2010, then C; D ended without one; E and F name each other."""
    table = {
        "A": {"to": "a", "valid_to": date(1993, 1, 1), "successor": ["B"]},
        "B": {"to": "b", "valid_from": date(1993, 1, 1), "valid_to": date(2010, 6, 28), "successor": ["C"]},
        "C": {"to": "c", "valid_from": date(2010, 6, 28)},
        "X": {"to": "x", "valid_to": date(2000, 1, 1), "successor": ["D"]},
        "D": {"to": "d", "valid_to": date(2005, 1, 1), "successor": ["A", "C"]},
        "E": {"to": "e", "valid_to": date(2000, 1, 1), "successor": ["F"]},
        "F": {"to": "f", "valid_to": date(2001, 1, 1), "successor": ["E"]},
    }
    contents = files(
        {"day": {"from": "d", "as": "date"}, "x": {"from": "a", "as": "code", "codes": "areas", "on": "day"}},
        prop("day", "date"),
        prop("x"),
    )
    contents["standards/areas.codes.yaml"] = {"codes": table}
    rows = [
        ("A", "1992-12-31", "a", ""), ("A", "1993-01-01", "b", "fixed:code_replaced"),
        ("A", "2010-06-27", "b", "fixed:code_replaced"), ("A", "2010-06-28", "c", "fixed:code_replaced"),
        ("B", "1992-12-31", None, "invalid:code_not_yet_valid"), ("B", "2026-01-01", "c", "fixed:code_replaced"),
        ("X", "1999-12-31", "x", ""), ("X", "2004-12-31", "d", "fixed:code_replaced"),
        ("X", "2005-01-01", "d", "suspect:code_withdrawn"), ("D", "2005-01-01", "d", "suspect:code_withdrawn"),
        ("E", "2000-06-01", "f", "fixed:code_replaced"), ("E", "2001-01-01", "f", "suspect:code_withdrawn"),
        ("A", None, "a", ""),
    ]  # fmt: skip
    got = outcomes_of(contents, [{"a": code, "d": day} for code, day, _, _ in rows], "x")
    assert got == [(value, said) for _, _, value, said in rows]


def test_a_code_table_of_the_library_is_named_as_one_of_the_workspace(tmp_path: Path) -> None:
    contents = files(
        {"day": {"from": "d", "as": "date"}, "sex": {"from": "s", "as": "code", "codes": "sex"},
         "area": {"from": "a", "as": "code", "codes": "division", "on": "day"}},
        prop("day", "date"), prop("sex"), prop("area"),
    )  # fmt: skip
    read, problems = texts.files_of(write(tmp_path, contents))
    assert problems == [] and {p for p in read if p.startswith("library/")} == {
        "library/codes/sex.yaml", "library/codes/division.yaml",
    }  # fmt: skip
    rows = [
        ("1", "1"), ("男", "1"), ("女性", "2"), ("Female", "2"), ("unknown", "0"), ("7", None),
    ]  # fmt: skip
    got = outcomes_of(read, [{"s": said, "a": "110103", "d": "2010-06-28"} for said, _ in rows], "sex")
    assert [value for value, _ in got] == [value for _, value in rows]
    areas = [("110103", "2010-06-27", "110103"), ("崇文区", "2010-06-28", "110101"), ("北京市", "2026-01-01", "110000")]
    got = outcomes_of(read, [{"s": "1", "a": area, "d": day} for area, day, _ in areas], "area")
    assert [value for value, _ in got] == [value for _, _, value in areas]
    mapping, _ = mapping_of(read, "things")
    own, _ = mapping_of({**read, "standards/sex.codes.yaml": {"codes": {"1": "M"}}}, "things")
    assert mapping is not None and own is not None and mapping.digest != own.digest, "one's own table comes first"


@pytest.mark.parametrize(("name", "said"), [("snomed_ct", "does not hold its codes"), ("sexx", "nor one in the library"),
                                            ("../elements/common", "nor one in the library")])  # fmt: skip
def test_a_code_table_that_is_nowhere(tmp_path: Path, name: str, said: str) -> None:
    write(tmp_path, files({"x": {"from": "a", "as": "code", "codes": name}}, prop("x")))
    found, problems = mapping_of(texts.files_of(tmp_path)[0], "things")
    assert found is None and said in " ".join(p.en for p in problems)


def test_what_is_wrong_with_dated_codes_is_told() -> None:
    contents = files({"x": {"from": "a", "as": "code", "codes": "areas", "on": "day"}}, prop("x"))
    contents["standards/areas.codes.yaml"] = {
        "codes": {
            "1": {"to": "a", "successor": ["9"]}, "2": {"valid_to": "2010"}, "3": {"to": "c", "valid_form": "2010-01-01"},
            "4": {"to": "d", "valid_from": "2010-01-01", "valid_to": "2009-01-01"},
        }
    }  # fmt: skip
    said = " ".join(f"{p.where} {p.en}" for p in mapping_of(contents, "things")[1])
    for part in (
        "codes.1.successor 9 is not",
        "codes.1.valid_to a code with",
        "codes.2.valid_to should be",
        "codes.3.valid_form there is no such item; nearest: valid_from",
        "codes.4.valid_to a code ends",
        "columns.x.on",
    ):
        assert part in said


def test_texts_of_any_kind_stop_no_plan() -> None:
    chance = random.Random(3)
    signs = "0123456789EeXx+-.,%万() /年月日A京" + "\u200b　９"
    texts = ["".join(chance.choices(signs, k=chance.randrange(1, 20))) for _ in range(2000)]
    columns = {
        "n": {"from": "a", "as": "number", "multipliers": ["万"], "percent": True, "accounting": True, "thousands": ","},
        "d": {"from": "a", "as": "date", "formats": ["excel", "%Y%m%d", "%Y年%m月%d日"]},
        "i": {"from": "a", "as": "resident_id"}, "c": {"from": "a", "as": "credit_code"},
        "v": {"from": "a", "as": "vin"}, "p": {"from": "a", "as": "phone"},
        "b": {"from": "a", "as": "birth_date", "of": "birth_number", "century": 1900},
        "s": {"from": "a", "as": "sex", "of": "resident_id"},
    }  # fmt: skip
    kinds = {"n": "number", "d": "date", "b": "date"}
    result = run(
        mapped(files(columns, *(prop(name, kinds.get(name, "string")) for name in columns))),
        things=rows_of(*({"a": t} for t in texts)),
    )
    assert result.rows["harmonised"] + result.rows["quarantined"] == 2000


def test_a_column_has_its_own_texts_for_no_value() -> None:
    """0 is none in one column and nought in the next; - is a finding of a laboratory among others' gaps."""
    columns = {
        "x": {"from": "a", "as": "number", "missing": ["", "0"]},
        "y": {"from": "b", "as": "number"},
        "z": {"from": "c", "missing": [""]},
        "w": {"from": ["d", "e"], "missing": ["无"]},
    }
    contents = files(columns, prop("x", "number"), prop("y", "number"), prop("z"), prop("w"), missing=["", "-"])
    rows = rows_of(
        {"a": "0", "b": "0", "c": "-", "d": "无", "e": "q"}, {"a": "12", "b": "-", "c": "", "d": "-", "e": "-"}
    )
    result = run(mapped(contents), things=rows)
    assert [{name: row[name] for name in "xyzw"} for row in result["harmonised"].to_pylist()] == [
        {"x": None, "y": 0.0, "z": "-", "w": "q"},
        {"x": 12.0, "y": None, "z": None, "w": "-"},
    ]
    wrong = files({"x": {"from": "a", "missing": {"a": 1}}}, prop("x"))
    assert [p.where for p in mapping_of(wrong, "things")[1]] == ["mappings/things.yaml: columns.x.missing"]


def test_a_heading_that_says_a_scale_or_a_price_by_area_is_not_read_as_the_element() -> None:
    """1.5 of 美元值(万) was 1.5 dollars, and 2 of 评估价(万元/亩) 2 yuan a square metre, without a word."""
    for name, unit, said, value in (
        ("美元值(万)", "USD", "万美元", 15000.0), ("进口额（万美元）", "USD", "万美元", 15000.0), ("金额（万）", "CNY", "万元", 15000.0),
        ("常住人口（万）", "人", "万人", 15000.0), ("用电量（亿）", "kW.h", "亿千瓦时", 1.5e8), ("评估价(万元/亩)", "CNY/m2", "万元/亩", 22.5),
        ("收购价（元/斤）", "CNY/kg", "元/斤", 3.0), ("里程（万公里）", "km", "", 0.0), ("单价（元/㎡）", "CNY/m2", "", 1.5), ("数（万）", "", "", 1.5),
    ):  # fmt: skip
        of = prop("x", "number", customProperties=[{"property": "unit", "value": unit}] if unit else [])
        problems = mapping_of(files({"x": {"from": name, "as": "number"}}, of), "things")[1]
        assert [f"say `unit: {said}`" in problem.en for problem in problems] == [True] * bool(said), name
        if value:
            keys = {"unit": said} if said else {}
            mapping = mapped(files({"x": {"from": name, "as": "number", **keys}}, of))
            (row,) = run(mapping, things=rows_of({name: "1.5"}))["harmonised"].to_pylist()
            assert row["x"] == pytest.approx(value, rel=1e-15), name


PREFIXES = {
    "n": Fraction(1, 10**9), "u": Fraction(1, 10**6), "m": Fraction(1, 1000), "c": Fraction(1, 100), "d": Fraction(1, 10),
    "h": Fraction(100), "k": Fraction(1000), "M": Fraction(10**6), "G": Fraction(10**9),
    "Ki": Fraction(1024), "Mi": Fraction(1024**2), "Gi": Fraction(1024**3),
    "厘": Fraction(1, 100), "毫": Fraction(1, 1000), "百": Fraction(100), "千": Fraction(1000), "兆": Fraction(10**6),
    "万": Fraction(10**4), "十万": Fraction(10**5), "百万": Fraction(10**6), "千万": Fraction(10**7), "亿": Fraction(10**8),
}  # fmt: skip
PREFIXED = [
    (prefix, name[len(prefix) :])
    for name in sorted(units.UNITS) for prefix in PREFIXES
    if name.startswith(prefix) and name[len(prefix) :] in units.UNITS and units.step(name, name[len(prefix) :])
]  # fmt: skip


@pytest.mark.parametrize(("prefix", "unit"), PREFIXED)
def test_a_prefixed_unit_is_so_many_of_the_plain_one(prefix: str, unit: str) -> None:
    found = units.step(f"{prefix}{unit}", unit)
    power = int(unit[-1]) if unit in ("m2", "m3") else 1
    assert found is not None
    assert (Fraction(found.n, found.d), found.m) == (PREFIXES[prefix] ** power, 0)


def test_most_units_are_prefixed_ones() -> None:
    assert len(PREFIXED) > 200


@pytest.mark.parametrize(
    ("unit", "plain", "many"),
    [
        ("公里", "km", "1"), ("里", "m", "500"), ("海里", "km", "1.852"), ("[nmi_i]", "m", "1852"), ("[mi_i]", "km", "1.609344"),
        ("[ft_i]", "cm", "30.48"), ("[in_i]", "cm", "2.54"), ("平方公里", "km2", "1"), ("公顷", "m2", "10000"), ("har", "m2", "10000"),
        ("平方米", "m2", "1"), ("L", "dm3", "1"), ("立方米", "L", "1000"), ("升", "mL", "1000"), ("t", "kg", "1000"),
        ("吨", "t", "1"), ("公斤", "kg", "1"), ("千克", "kg", "1"), ("斤", "kg", "0.5"), ("[lb_av]", "kg", "0.45359237"),
        ("min", "s", "60"), ("h", "min", "60"), ("d", "h", "24"), ("wk", "d", "7"), ("分钟", "min", "1"), ("分", "min", "1"),
        ("小时", "h", "1"), ("时", "h", "1"), ("天", "d", "1"), ("日", "d", "1"), ("周", "wk", "1"), ("秒", "s", "1"),
        ("a", "mo", "12"), ("年", "a", "1"), ("岁", "a", "1"), ("周岁", "a", "1"), ("月", "mo", "1"), ("个月", "mo", "1"),
        ("米/秒", "km/h", "3.6"), ("[kn_i]", "km/h", "1.852"), ("节", "[kn_i]", "1"), ("公里/小时", "km/h", "1"),
        ("千米/小时", "km/h", "1"), ("[mi_i]/h", "km/h", "1.609344"), ("m3/s", "m3/h", "3600"), ("m3/s", "m3/d", "86400"),
        ("m3/s", "L/s", "1000"), ("L/s", "L/min", "60"), ("立方米/小时", "m3/h", "1"), ("立方米/秒", "m3/s", "1"),
        ("kg/s", "kg/h", "3600"), ("t/h", "kg/h", "1000"), ("[lb_av]/s", "kg/s", "0.45359237"), ("Hz", "/min", "60"),
        ("转/分", "{rev}/min", "1"), ("{rev}/min", "/min", "1"), ("赫", "Hz", "1"), ("W.h", "J", "3600"), ("cal_th", "J", "4.184"),
        ("千瓦时", "kW.h", "1"), ("度", "kW.h", "1"), ("兆焦", "MJ", "1"), ("[HP]", "W", "745.69987158227022"),
        ("瓦", "W", "1"), ("千伏安", "kV.A", "1"), ("伏", "V", "1"), ("安", "A", "1"), ("bar", "kPa", "100"),
        ("atm", "Pa", "101325"), ("mm[Hg]", "Pa", "133.322387415"), ("毫米汞柱", "mm[Hg]", "1"), ("帕", "Pa", "1"),
        ("deg", "'", "60"), ("'", "''", "60"), ("度", "分", "60"), ("分", "秒", "60"), ("度", "deg", "1"),
        ("元", "CNY", "1"), ("元", "角", "10"), ("角", "分", "10"), ("美元", "USD", "1"), ("欧元", "EUR", "1"), ("港元", "HKD", "1"),
        ("港币", "HKD", "1"), ("日元", "JPY", "1"), ("元/公顷", "CNY/har", "1"), ("CNY/m2", "CNY/har", "10000"),
        ("元/平方米", "CNY/m2", "1"), ("元/亩", "元/公顷", "15"), ("元/斤", "元/公斤", "2"), ("元/千克", "元/吨", "1000"),
        ("CNY/kg", "CNY/t", "1000"), ("CNY/kW.h", "CNY/MW.h", "1000"), ("元/度", "元/千瓦时", "1"), ("元/千瓦时", "分/千瓦时", "100"),
        ("元/千瓦时", "元/兆瓦时", "1000"), ("字节", "By", "1"), ("1", "%", "100"), ("1", "[ppth]", "1000"), ("%", "[ppm]", "10000"),
        ("百分比", "%", "1"), ("千分比", "[ppth]", "1"), ("华氏度", "[degF]", "1"), ("摄氏度", "Cel", "1"),
    ],
)  # fmt: skip
def test_what_one_unit_is_of_another(unit: str, plain: str, many: str) -> None:
    found = units.step(unit, plain)
    assert found is not None
    assert (Fraction(found.n, found.d), found.m) == (Fraction(many), 0)
