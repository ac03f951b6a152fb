"""Every conversion, as a table: text in, value and verdict out, run on a real DuckDB."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from harmonise_desk import files, mapped, prop, rows_of, run
from hypothesis import given, settings
from hypothesis import strategies as st


def outcome(text: str | None, column: dict[str, Any], kind: str = "string", **more: Any) -> tuple[Any, str]:
    """(value, "" | "fixed:rule" | "suspect:rule" | "invalid:reason") of one text under one conversion."""
    extra = {"codes": more.pop("codes", None)}
    contents = files({"x": {"from": "a", **column}}, prop("x", kind, **more), missing=["-"])
    if extra["codes"]:
        contents["standards/kinds.codes.yaml"] = extra["codes"]
    result = run(mapped(contents), things=rows_of({"a": text}))
    good, held, repairs = (result[name].to_pylist() for name in ("harmonised", "quarantined", "repairs"))
    assert len(good) + len(held) == 1
    if held:
        assert held[0]["original"] == text
        return None, f"invalid:{held[0]['reason']}"
    assert [r["original"] for r in repairs] in ([], [text])
    return good[0]["x"], f"{repairs[0]['state']}:{repairs[0]['rule']}" if repairs else ""


PLATES = [
    ("贵A12345", "贵A12345", ""),
    ("贵AD12345", "贵AD12345", ""),
    ("贵A12345D", "贵A12345D", ""),
    ("粤Z1234港", "粤Z1234港", ""),
    ("贵Ａ１２３４５", "贵A12345", "fixed:full_width"),
    ("贵A·12345", "贵A12345", "fixed:separators"),
    ("贵A 123.45", "贵A12345", "fixed:separators"),
    (" 贵A12345 ", "贵A12345", "fixed:separators"),
    ("贵a1234b", "贵A1234B", "fixed:lower_case"),
    ("贵AO1234", None, "invalid:plate_format"),
    ("贵AI1234", None, "invalid:plate_format"),
    ("贵A1234", None, "invalid:plate_format"),
    ("X12345", None, "invalid:plate_format"),
    ("'; DROP TABLE decided; --", None, "invalid:plate_format"),
    (None, None, ""),
    ("  ", None, ""),
    ("-", None, ""),
]


@pytest.mark.parametrize(("text", "value", "verdict"), PLATES)
def test_plate(text: str | None, value: str | None, verdict: str) -> None:
    assert outcome(text, {"as": "plate"}) == (value, verdict)


def test_o_and_i_are_suggested_never_applied() -> None:
    contents = files({"x": {"from": "a", "as": "plate"}}, prop("x"))
    held = run(mapped(contents), things=rows_of({"a": "贵aO12I4"}, {"a": "贵A???"}))["quarantined"].to_pylist()
    assert [(row["original"], row["suggestion"]) for row in held] == [("贵aO12I4", "贵A01214"), ("贵A???", None)]


UTC_TIMES = [
    ("2019-09-01 04:08:00+00", datetime(2019, 9, 1, 4, 8, tzinfo=UTC), ""),
    ("2019-09-01T04:08:00Z", datetime(2019, 9, 1, 4, 8, tzinfo=UTC), ""),
    ("2019-09-01 12:08:00 +0800", datetime(2019, 9, 1, 4, 8, tzinfo=UTC), ""),
    ("2019-09-01T04:08:00 z", datetime(2019, 9, 1, 4, 8, tzinfo=UTC), ""),
    ("2019-09-01 04:08:00  +00", None, "invalid:not_a_time"),
    ("2019-09-01 04:08:00.123+00", datetime(2019, 9, 1, 4, 8, 0, 123000, tzinfo=UTC), ""),
    ("2019-09-01 12:08:00+08:00", datetime(2019, 9, 1, 4, 8, tzinfo=UTC), ""),
    ("２０１９-09-01 04:08:00+00", datetime(2019, 9, 1, 4, 8, tzinfo=UTC), "fixed:full_width"),
    (" 2019-09-01 04:08:00+00", datetime(2019, 9, 1, 4, 8, tzinfo=UTC), "fixed:spaces"),
    ("2019-09-01 04:08:00", None, "invalid:no_offset"),
    ("2019-09-31 04:08:00+00", None, "invalid:not_a_time"),
    ("2019-09-01", None, "invalid:not_a_time"),
    ("2019-09-01 18:08:00+14:00", datetime(2019, 9, 1, 4, 8, tzinfo=UTC), ""),
    ("2019-08-31 14:08:00-14", datetime(2019, 9, 1, 4, 8, tzinfo=UTC), ""),
    ("2019-09-01 04:08:00.123456789+00", datetime(2019, 9, 1, 4, 8, 0, 123456, tzinfo=UTC), "fixed:nanoseconds"),
    ("2019-09-01 04:08:00.123456000+00", datetime(2019, 9, 1, 4, 8, 0, 123456, tzinfo=UTC), ""),
    ("2019-09-01 04:08:00+25:00", None, "invalid:not_a_time"),
    ("2019-09-01 04:08:00+08:60", None, "invalid:not_a_time"),
    ("2019-09-01 04:08:00-99:99", None, "invalid:not_a_time"),
    ("2019-09-01 04:08:00+14:01", None, "invalid:not_a_time"),
    ("0000-09-01 04:08:00+00", None, "invalid:not_a_time"),
    ("soon", None, "invalid:not_a_time"),
    ("1980-01-06 00:00:00+00", None, "invalid:outside_period"),
    ("-", None, ""),
]


@pytest.mark.parametrize(("text", "value", "verdict"), UTC_TIMES)
def test_timestamp_with_offset(text: str, value: datetime | None, verdict: str) -> None:
    column = {"as": "timestamp", "zone": "offset", "between": ["2018-01-01T00:00:00Z", "2020-12-31"]}
    assert outcome(text, column, "timestamp") == (value, verdict)


@pytest.mark.parametrize("last", ["2019-12-31", date(2019, 12, 31), "2019-12-31T23:59:59"])
def test_a_period_ends_with_its_last_day(last: Any) -> None:
    column = {"as": "timestamp", "zone": "Asia/Shanghai", "between": ["2019-01-01", last]}
    verdicts = [outcome(text, column, "timestamp")[1] for text in PERIOD]
    assert verdicts == ["invalid:outside_period", "", "", "invalid:outside_period"]


PERIOD = ("2018-12-31 23:59:59", "2019-01-01 00:00:00", "2019-12-31 23:59:59", "2020-01-01 00:00:00")

LOCAL_TIMES = [
    ("2019-09-01 00:08:00", datetime(2019, 9, 1, 4, 8, tzinfo=UTC), ""),
    ("2019-12-01 00:08:00", datetime(2019, 12, 1, 5, 8, tzinfo=UTC), ""),
    ("2019/9/1 0:08", datetime(2019, 9, 1, 4, 8, tzinfo=UTC), "fixed:other_format"),
    ("２０１９-０９-０１ ００:０８:００", datetime(2019, 9, 1, 4, 8, tzinfo=UTC), "fixed:full_width"),
    ("2019-03-10 01:59:59", datetime(2019, 3, 10, 6, 59, 59, tzinfo=UTC), ""),
    ("2019-03-10 02:30:00", None, "invalid:no_such_local_time"),
    ("2019-03-10 03:00:00", datetime(2019, 3, 10, 7, 0, tzinfo=UTC), ""),
    ("2019-11-03 00:59:59", datetime(2019, 11, 3, 4, 59, 59, tzinfo=UTC), ""),
    ("2019-11-03 01:30:00", None, "invalid:ambiguous_local_time"),
    ("2019-11-03 02:00:00", datetime(2019, 11, 3, 7, 0, tzinfo=UTC), ""),
    ("2019-09-31 10:00:00", None, "invalid:not_a_time"),
    ("2019-09-30 25:61:00", None, "invalid:not_a_time"),
    ("19-09-01 00:08:00", None, "invalid:not_a_time"),
]
LOCAL = {"as": "timestamp", "zone": "America/New_York", "formats": ["%Y-%m-%d %H:%M:%S", "%Y/%m/%d %H:%M"]}


@pytest.mark.parametrize(("text", "value", "verdict"), LOCAL_TIMES)
def test_local_time(text: str, value: datetime | None, verdict: str) -> None:
    assert outcome(text, LOCAL, "timestamp") == (value, verdict)


FORMS = [
    ("%m/%d/%Y %H:%M", "02/29/2024 10:00", datetime(2024, 2, 29, 10, 0, tzinfo=UTC), ""),
    ("%m/%d/%Y %H:%M", "2/9/2024 10:00", datetime(2024, 2, 9, 10, 0, tzinfo=UTC), ""),
    ("%m/%d/%Y %H:%M", "02/29/24 10:00", None, "invalid:not_a_time"),
    ("%d.%m.%Y", "29.02.2024", datetime(2024, 2, 29, tzinfo=UTC), ""),
    ("%d.%m.%Y", "29.02.24", None, "invalid:not_a_time"),
    ("%d.%m.%Y", "29x02.2024", None, "invalid:not_a_time"),
    ("%d %b %Y %I:%M %p", "29 Feb 2024 10:00 PM", datetime(2024, 2, 29, 22, 0, tzinfo=UTC), ""),
    ("%Y年%m月%d日 %p%I时%M分", "2024年2月29日 下午2时05分", datetime(2024, 2, 29, 14, 5, tzinfo=UTC), ""),
    ("%Y年%m月%d日 %p%I时%M分", "2024年2月29日 上午9时05分", datetime(2024, 2, 29, 9, 5, tzinfo=UTC), ""),
    ("%Y/%m/%d %p %I:%M:%S", "2024/2/29 下午 12:30:00", datetime(2024, 2, 29, 12, 30, tzinfo=UTC), ""),
    ("%Y/%m/%d %p %I:%M:%S", "2024/2/29 上午 12:30:00", datetime(2024, 2, 29, 0, 30, tzinfo=UTC), ""),
    ("%Y/%m/%d %p %I:%M:%S", "2024/2/29 下午 14:30:00", None, "invalid:not_a_time"),
    ("%Y/%m/%d %p %I:%M:%S", "2024/2/29 晚上 8:30:00", None, "invalid:not_a_time"),
    ("%d.%m.%Y", "01.01.0000", None, "invalid:not_a_time"),
    (None, "2024-02-29 23:59:59.999999", datetime(2024, 2, 29, 23, 59, 59, 999999, tzinfo=UTC), ""),
    (None, "2024-02-29 23:59:59.5", datetime(2024, 2, 29, 23, 59, 59, 500000, tzinfo=UTC), ""),
    (None, "2024-02-29 23:59:59.999999999", datetime(2024, 2, 29, 23, 59, 59, 999999, tzinfo=UTC), "fixed:nanoseconds"),
    (None, "2024-02-29 23:59:59.999999000", datetime(2024, 2, 29, 23, 59, 59, 999999, tzinfo=UTC), ""),
    (None, "2024-02-29 23:59:59", datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC), ""),
    ("epoch_ms", "1769904000123", datetime(2026, 2, 1, 0, 0, 0, 123000, tzinfo=UTC), ""),
    ("epoch_ms", "1769904000123.0", datetime(2026, 2, 1, 0, 0, 0, 123000, tzinfo=UTC), ""),
    ("epoch_ms", "-1", datetime(1969, 12, 31, 23, 59, 59, 999000, tzinfo=UTC), ""),
    ("epoch_ms", "１７６９９０４０００１２３", datetime(2026, 2, 1, 0, 0, 0, 123000, tzinfo=UTC), "fixed:full_width"),
    ("epoch_ms", "1769904000123.4567", None, "invalid:not_a_time"),
    ("epoch_ms", "1769904000123456", None, "invalid:not_a_time"),
    ("epoch_ms", "2026-02-01 00:00:00", None, "invalid:not_a_time"),
    ("epoch_s", "1769904000", datetime(2026, 2, 1, tzinfo=UTC), ""),
    ("epoch_s", "0", datetime(1970, 1, 1, tzinfo=UTC), ""),
    ("epoch_s", "-86399.000001", datetime(1969, 12, 31, 0, 0, 0, 999999, tzinfo=UTC), ""),
    ("epoch_s", "1769904000.1234567", datetime(2026, 2, 1, 0, 0, 0, 123456, tzinfo=UTC), "fixed:nanoseconds"),
    ("epoch_s", "1769904000123", None, "invalid:not_a_time"),
    ("epoch_s", "1.769904e9", None, "invalid:not_a_time"),
    ("excel", "46054.335543981484", datetime(2026, 2, 1, 8, 3, 11, tzinfo=UTC), ""),
    ("excel", "46054.3355439815", datetime(2026, 2, 1, 8, 3, 11, tzinfo=UTC), ""),
    ("excel", "46054", datetime(2026, 2, 1, tzinfo=UTC), ""),
    ("excel", "46054.999999", datetime(2026, 2, 1, 23, 59, 59, 914000, tzinfo=UTC), ""),
    ("excel", "61", datetime(1900, 3, 1, tzinfo=UTC), ""),
    ("excel", "60", None, "invalid:not_a_time"),
    ("excel", "2958466", None, "invalid:not_a_time"),
    ("excel", "2026-02-01 08:03:11", None, "invalid:not_a_time"),
]  # fmt: skip


@pytest.mark.parametrize(("form", "text", "value", "verdict"), FORMS)
def test_forms_of_local_times(form: str | None, text: str, value: datetime | None, verdict: str) -> None:
    column = {"as": "timestamp", "zone": "UTC", **({"formats": [form]} if form else {})}
    assert outcome(text, column, "timestamp") == (value, verdict)


def test_an_ambiguous_time_may_be_declared_the_earlier() -> None:
    value, verdict = outcome("2019-11-03 01:30:00", {**LOCAL, "ambiguous": "earlier"}, "timestamp")
    assert (value, verdict) == (datetime(2019, 11, 3, 5, 30, tzinfo=UTC), "suspect:ambiguous_local_time")
    assert outcome("2019-11-03 02:30:00", {**LOCAL, "ambiguous": "earlier"}, "timestamp")[1] == ""


@pytest.mark.parametrize(
    ("zone", "text", "verdict"),
    [
        ("Australia/Lord_Howe", "2019-04-07 01:45:00", "invalid:ambiguous_local_time"),
        ("Australia/Lord_Howe", "2019-10-06 02:15:00", "invalid:no_such_local_time"),
        ("America/Caracas", "2007-12-09 02:45:00", "invalid:ambiguous_local_time"),
        ("UTC", "2019-09-01 02:00:00", ""),
        ("Asia/Shanghai", "2019-09-01 02:00:00", ""),
        ("Asia/Shanghai", "1988-04-17 02:30:00", "invalid:no_such_local_time"),
    ],
)
def test_other_zones(zone: str, text: str, verdict: str) -> None:
    assert outcome(text, {**LOCAL, "zone": zone}, "timestamp")[1] == verdict


FIRST, LAST = datetime(1992, 1, 1), datetime(2036, 1, 1)  # noqa: DTZ001 (local times)


@settings(max_examples=15, deadline=None)
@given(
    st.sampled_from(
        ["America/New_York", "Europe/Berlin", "Asia/Shanghai", "Pacific/Apia", "Australia/Lord_Howe", "UTC"]
    ),
    st.lists(st.datetimes(FIRST, LAST), min_size=20, max_size=20),
)
def test_local_times_agree_with_the_time_zone_database(zone: str, moments: list[datetime]) -> None:
    """For every local time: the engine's verdict and instant are those of Python's zoneinfo."""
    texts = [moment.replace(microsecond=0).isoformat(" ") for moment in moments]
    contents = files({"x": {"from": "a", "as": "timestamp", "zone": zone}}, prop("x", "timestamp"))
    result = run(mapped(contents), things=rows_of(*({"a": text} for text in texts)))
    got = {row["source_row"]: row["x"] for row in result["harmonised"].to_pylist()}
    held = {row["row"]: row["reason"] for row in result["quarantined"].to_pylist()}
    for number, text in enumerate(texts, 1):
        local = datetime.fromisoformat(text)
        first, second = (local.replace(tzinfo=ZoneInfo(zone), fold=fold) for fold in (0, 1))
        if first.astimezone(UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None) != local:
            assert held[number] == "no_such_local_time"
        elif first.utcoffset() != second.utcoffset():
            assert held[number] == "ambiguous_local_time"
        else:
            assert got[number] == first.astimezone(UTC)


DEGREES = [
    ("42.380093333333335", "decimal", 42.380093333333335, ""),
    ("-12", "decimal", -12.0, ""),
    (" 42.5", "decimal", 42.5, "fixed:spaces"),
    ("91", "decimal", None, "invalid:not_a_coordinate"),
    ("nan", "decimal", None, "invalid:not_a_coordinate"),
    ("42,5", "decimal", None, "invalid:not_a_coordinate"),
    ("42°22'31.6\"N", "decimal", None, "invalid:not_a_coordinate"),
    ("42°22'31.6\"N", "dms", 42 + 22 / 60 + 31.6 / 3600, ""),
    ("42°22′31.6″N", "dms", 42 + 22 / 60 + 31.6 / 3600, ""),
    ("42° 22' 31.6\" n", "dms", 42 + 22 / 60 + 31.6 / 3600, ""),
    ("42°00'00\"S", "dms", -42.0, ""),
    ("42°22'N", "dms", 42 + 22 / 60, ""),
    ("N42°22.5'", "dms", 42 + 22.5 / 60, ""),
    ("n 42°22'31.6\"", "dms", 42 + 22 / 60 + 31.6 / 3600, ""),
    ("北纬42°22′31.6″", "dms", 42 + 22 / 60 + 31.6 / 3600, ""),
    ("南纬42度22分", "dms", -42 - 22 / 60, ""),
    ("北纬42度22分31.6秒", "dms", 42 + 22 / 60 + 31.6 / 3600, ""),
    ("东经42°22′31.6″", "dms", None, "invalid:not_a_coordinate"),
    ("N42°22'31.6\"N", "dms", None, "invalid:not_a_coordinate"),
    ("42°22'31.6\"", "dms", None, "invalid:not_a_coordinate"),
    ("42°22.5'31\"N", "dms", None, "invalid:not_a_coordinate"),
    ("42°N", "dms", None, "invalid:not_a_coordinate"),
    ("42°60'00\"N", "dms", None, "invalid:not_a_coordinate"),
    ("42°22'60\"N", "dms", None, "invalid:not_a_coordinate"),
    ("90°00'01\"N", "dms", None, "invalid:not_a_coordinate"),
    ("42°22'31.6\"E", "dms", None, "invalid:not_a_coordinate"),
    ("42.5", "dms", None, "invalid:not_a_coordinate"),
]


@pytest.mark.parametrize(("text", "notation", "value", "verdict"), DEGREES)
def test_latitude(text: str, notation: str, value: float | None, verdict: str) -> None:
    got, said = outcome(text, {"as": "latitude", "notation": notation, "datum": "WGS84"}, "number")
    assert said == verdict
    assert got == (value if value is None else pytest.approx(value, abs=1e-12))


@pytest.mark.parametrize(
    ("text", "value", "verdict"),
    [("72°31'10.2\"W", -(72 + 31 / 60 + 10.2 / 3600), ""), ("7°31'00\"W", None, "invalid:outside_area")],
)
def test_longitude_inside_an_area(text: str, value: float | None, verdict: str) -> None:
    column = {"as": "longitude", "notation": "dms", "datum": "CGCS2000", "between": [-72.9, -72.3]}
    got, said = outcome(text, column, "number")
    assert said == verdict
    assert got == (value if value is None else pytest.approx(value, abs=1e-12))


NUMBERS = [
    ("1,023", "string", "1023", "fixed:thousands_separator"),
    ("1023", "string", "1023", ""),
    ("1,023", "integer", 1023, "fixed:thousands_separator"),
    ("1,234,567.5", "number", 1234567.5, "fixed:thousands_separator"),
    ("１２３", "integer", 123, "fixed:full_width"),
    ("1,02", "integer", None, "invalid:not_a_number"),
    ("1.5", "integer", None, "invalid:not_a_number"),
    ("3.0", "integer", 3, "fixed:zero_fraction"),
    ("-3.", "integer", -3, "fixed:zero_fraction"),
    ("1,023.00", "integer", 1023, "fixed:thousands_separator"),
    ("9223372036854775807.0", "integer", 9223372036854775807, "fixed:zero_fraction"),
    ("3.01", "integer", None, "invalid:not_a_number"),
    (".0", "integer", None, "invalid:not_a_number"),
    ("3.0", "string", None, "invalid:not_a_number"),
    ("1e3", "number", 1000.0, ""),
    ("1e999", "number", None, "invalid:not_a_number"),
    ("inf", "number", None, "invalid:not_a_number"),
    ("99999999999999999999", "integer", None, "invalid:not_a_number"),
    ("9223372036854775807", "integer", 9223372036854775807, ""),
    ("-9223372036854775808", "integer", -9223372036854775808, ""),
    ("9223372036854775808", "integer", None, "invalid:not_a_number"),
    ("1234567890123456789", "string", "1234567890123456789", ""),
    ("9007199254740991", "number", 9007199254740991.0, ""),
    ("9007199254740992", "number", 9007199254740992.0, ""),
    ("9007199254740993", "number", 9007199254740992.0, "suspect:precision"),
    ("12345678901234567.89", "number", 12345678901234568.0, "suspect:precision"),
    ("1e-400", "number", 0.0, "suspect:precision"),
    ("-0.000", "number", 0.0, ""),
    ("0e5", "number", 0.0, ""),
    ("1.50e+20", "number", 1.5e20, ""),
    ("100000000000000000000", "number", 1e20, ""),
    ("42.380093333333335", "number", 42.380093333333335, ""),
    ("0.10000000000000001", "number", 0.1, ""),
    ("-", "integer", None, ""),
]


@pytest.mark.parametrize(("text", "kind", "value", "verdict"), NUMBERS)
def test_number(text: str, kind: str, value: Any, verdict: str) -> None:
    assert outcome(text, {"as": "number", "thousands": ","}, kind) == (value, verdict)


def test_number_range() -> None:
    assert outcome("11", {"as": "number", "between": [0, 10]}, "integer")[1] == "invalid:outside_range"


UNIT = {"customProperties": [{"property": "unit", "value": "m/s"}]}
CONSTANTS: list[tuple[Any, dict[str, Any], str, dict[str, Any], Any, str]] = [
    (36, {"as": "number", "unit": "km/h"}, "number", UNIT, 10.0, ""),
    ("2026-01-01 00:00:00", {"as": "timestamp", "zone": "Asia/Shanghai"}, "timestamp", {},
     datetime(2025, 12, 31, 16, tzinfo=UTC), ""),
    ("2026-01-01 00:00:00+08", {}, "timestamp", {}, datetime(2025, 12, 31, 16, tzinfo=UTC), ""),
    ("2026-01-01 00:00:00", {}, "timestamp", {}, None, "invalid:no_offset"),
    (500, {"as": "number", "between": [0, 10]}, "number", {}, None, "invalid:outside_range"),
    (99, {}, "number", {"logicalTypeOptions": {"maximum": 5}}, None, "invalid:outside_standard"),
    ("abcdef", {}, "string", {"logicalTypeOptions": {"maxLength": 3}}, None, "invalid:outside_standard"),
    ("abcdef", {}, "string", {"logicalTypeOptions": {"pattern": "[0-9]+"}}, None, "invalid:outside_standard"),
    ("贵a12345", {"as": "plate"}, "string", {}, "贵A12345", "fixed:lower_case"),
    ("H31", {"as": "code", "codes": "kinds"}, "string", {}, "truck", ""),
    (1.5, {}, "integer", {}, None, "invalid:not_a_number"),
    ("", {}, "string", {"required": True}, None, "invalid:missing_value"),
    (None, {}, "string", {"required": True}, None, "invalid:missing_value"),
    (None, {}, "string", {}, None, ""),
    ("abc", {}, "number", {}, None, "invalid:not_a_number"),
    ("5\u00a0005,55", {"as": "number", "thousands": " ", "decimal": ","}, "number", {}, 5005.55, "fixed:thousands_separator"),
    ("1\u202f234\u202f567", {"as": "number", "thousands": " "}, "number", {}, 1234567.0, "fixed:thousands_separator"),
    ("-5 005.5", {"as": "number", "thousands": " "}, "number", {}, -5005.5, "fixed:thousands_separator"),
    ("12,5\u00a0%", {"as": "number", "percent": True, "decimal": ","}, "number", {}, 0.125, ""),
    ("12.5 %", {"as": "number", "percent": True}, "number", {}, 0.125, ""),
    ("1.2 亿", {"as": "number", "multipliers": ["万", "亿"]}, "number", {}, 120000000.0, "fixed:multiplier"),
    ("12\u00a034", {"as": "number", "thousands": " "}, "number", {}, None, "invalid:not_a_number"),
    ("1,234", {"as": "number", "thousands": ","}, "number", {}, 1234.0, "fixed:thousands_separator"),
    ("5%", {"as": "number", "percent": True}, "number", {}, 0.05, ""),
    (True, {}, "boolean", {}, True, ""),
    (date(2024, 2, 29), {}, "date", {}, date(2024, 2, 29), ""),
    (7, {}, "integer", {}, 7, ""),
]  # fmt: skip


@pytest.mark.parametrize(("given", "column", "kind", "rule", "value", "verdict"), CONSTANTS)
def test_a_constant_is_as_a_column_of_that_text(
    given: Any, column: dict[str, Any], kind: str, rule: dict[str, Any], value: Any, verdict: str
) -> None:
    contents = files({"id": "a", "x": {"constant": given, **column}}, prop("id"), prop("x", kind, **rule))
    contents["standards/kinds.codes.yaml"] = CODES
    result = run(mapped(contents), things=rows_of({"a": "1"}, {"a": "2"}))
    good, held, repairs = (result[name].to_pylist() for name in ("harmonised", "quarantined", "repairs"))
    said = [f"invalid:{row['reason']}" for row in held] + [f"{row['state']}:{row['rule']}" for row in repairs]
    assert [row["x"] for row in good] == ([] if verdict.startswith("invalid:") else [value, value])
    assert said == ([verdict, verdict] if verdict else [])


CODES = {"match": "prefix", "codes": {"K": "other", "K3": {"to": "car", "zh": "小型客车"}, "H": "truck"}}


@pytest.mark.parametrize(
    ("text", "value", "verdict"),
    [
        ("K33", "car", ""),
        ("K11", "other", ""),
        ("Ｈ31", "truck", "fixed:full_width"),
        ("X1", None, "invalid:unknown_code"),
    ],
)
def test_code_by_longest_prefix(text: str, value: str | None, verdict: str) -> None:
    assert outcome(text, {"as": "code", "codes": "kinds"}, codes=CODES) == (value, verdict)


def test_code_whole() -> None:
    whole = {"codes": {"01": "large"}}
    assert outcome("01", {"as": "code", "codes": "kinds"}, codes=whole) == ("large", "")
    assert outcome("011", {"as": "code", "codes": "kinds"}, codes=whole) == (None, "invalid:unknown_code")


STANDARD_RULES = [
    ("abcd", {"logicalTypeOptions": {"maxLength": 3}}, "invalid:outside_standard"),
    ("abc", {"logicalTypeOptions": {"maxLength": 3}}, ""),
    ("abc", {"logicalTypeOptions": {"pattern": "[a-c]+"}}, ""),
    ("abd'", {"logicalTypeOptions": {"pattern": "[a-c']+"}}, "invalid:outside_standard"),
    ("x", {"enum": [{"value": "y"}, {"value": "it's"}]}, "invalid:outside_standard"),
    ("it's", {"enum": [{"value": "y"}, {"value": "it's"}]}, ""),
    (None, {"required": True}, "invalid:missing_value"),
    ("-", {"required": True}, "invalid:missing_value"),
    (" x ", {}, "fixed:spaces"),
]


@pytest.mark.parametrize(("text", "rule", "verdict"), STANDARD_RULES)
def test_rules_of_the_standard(text: str | None, rule: dict[str, Any], verdict: str) -> None:
    assert outcome(text, {}, **rule)[1] == verdict
