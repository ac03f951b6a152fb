"""Conversions as SQL text: from the text of a source to a value of the standard, with a verdict.

Each conversion says four things about a column, as expressions over the step before:
    cleaned    the text without what is merely another way of writing (full-width, spaces, separators)
    parts      intermediate values, where the value needs several (local time; degrees, minutes, seconds)
    value      the value of the standard's type, or NULL
    verdict    NULL = ok, "fixed:<rule>", "suspect:<rule>" or "invalid:<reason>"; NULL and no text = empty
The original stays beside them. Nothing is guessed: what could be meant is offered as a suggestion at most.
Must never know: tables, engines. Contract: tests/harmonise/test_harmonise_conversions.py.
"""

from __future__ import annotations

import functools
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from datong.engine.model import literal, quoted
from datong.harmonise.model.mappings import Codes, Column, How, Type

_WIDE = "".join(chr(code + 0xFEE0) for code in range(0x21, 0x7F)) + "\u3000"
_NARROW = "".join(chr(code) for code in range(0x21, 0x7F)) + " "
_ANY_WIDE = r"[\x{FF01}-\x{FF5E}\x{3000}]"

_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
PLATE = (
    f"[{_PROVINCES}][A-HJ-NP-Z]"
    r"([A-HJ-NP-Z0-9]{4}[A-HJ-NP-Z0-9挂学警港澳]|[A-HJK][A-HJ-NP-Z0-9]\d{4}|\d{5}[A-HJK])"
)
"""GA 36-2018: ordinary, small and large new-energy plates (policy.md 7.5)."""

_SECONDS = r"\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}:\d{2}(\.\d{1,9})?"
WITH_OFFSET = _SECONDS + r"\s?([zZ]|[+-]\d{2}(:?\d{2})?)"
NUMBER = r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?"
WHOLE = r"[+-]?\d{1,18}"
_DMS = r"(\d{1,3})°(\d{1,2})''(\d{1,2}(?:\.\d+)?)\"([NSEW])"  # the quote is doubled for SQL


def original(path: str) -> str:
    return quoted(f"from:{path}")


def clean(name: str) -> str:
    return quoted(f"clean:{name}")


def part(name: str, what: str) -> str:
    return quoted(f"part:{name}.{what}")


def value(name: str) -> str:
    return quoted(f"value:{name}")


def verdict(name: str) -> str:
    return quoted(f"verdict:{name}")


def cleaned_text(text: str, how: How, missing: tuple[str, ...] = (), thousands: str = "") -> str:
    """`text` (an expression) without other ways of writing; NULL when it is empty or a marker of missing values."""
    narrow = f"trim({text})" if how is How.text else f"trim({_half_width(text)})"
    for marker in dict.fromkeys(("", *missing)):
        narrow = f"NULLIF({narrow}, {literal(marker)})"
    if how is How.plate:
        return rf"upper(regexp_replace({narrow}, '[\s·•‧・.\-]', '', 'g'))"
    if how in {How.latitude, How.longitude}:
        return f"upper(replace(translate({narrow}, '′’＇″”＂º', {literal(_quotes())}), ' ', ''))"
    if how is How.number and thousands:
        mark = literal(thousands)
        grouped = literal(rf"[+-]?\d{{1,3}}({_escaped(thousands)}\d{{3}})+(\.\d+)?")
        return f"CASE WHEN regexp_full_match({narrow}, {grouped}) THEN replace({narrow}, {mark}, '') ELSE {narrow} END"
    return narrow


def parts(column: Column) -> dict[str, str]:
    """Intermediate expressions over the cleaned text, by name."""
    name, text = column.element.name, clean(column.element.name)
    if column.how is How.timestamp and column.zone != "offset":
        tried = ", ".join(f"TRY_STRPTIME({text}, {literal(form)})" for form in column.formats)
        local = f"CASE WHEN regexp_matches({text}, '^\\d{{4}}') THEN COALESCE({tried}) END"
        return {part(name, "local"): local}
    if column.notation == "dms":
        return {part(name, "dms"): f"regexp_extract({text}, '^{_DMS}$', ['d', 'm', 's', 'h'])"}
    return {}


def converted(column: Column) -> str:
    """The value of the standard's type, or NULL, as an expression over cleaned texts and parts."""
    name, text = column.element.name, clean(column.element.name)
    if column.constant is not None:
        return f"CAST({literal(column.constant)} AS {sql_type(column.element.type)})"
    if column.how is How.number:
        return _number(text, column.element.type)
    if column.how is How.timestamp:
        if column.zone == "offset":
            return f"CASE WHEN regexp_full_match({text}, '{WITH_OFFSET}') THEN TRY_CAST({text} AS TIMESTAMPTZ) END"
        if column.ambiguous == "earlier":
            return _earlier(column)
        return f"timezone({literal(column.zone)}, {part(name, 'local')})"
    if column.how in {How.latitude, How.longitude}:
        return _degrees(column)
    if column.how is How.plate:
        return f"CASE WHEN regexp_full_match({text}, {literal(PLATE)}) THEN {text} END"
    if column.how is How.code and column.codes is not None:
        return _decoded(text, column.codes)
    return text


def judged(column: Column) -> str:
    """The verdict on a column, as an expression over the original, the cleaned text, the parts and the value."""
    name = column.element.name
    if column.constant is not None:
        return "CAST(NULL AS VARCHAR)"
    empty = "'invalid:missing_value'" if column.element.required else "NULL"
    cases = [f"WHEN {clean(name)} IS NULL THEN {empty}"]
    cases += [
        f"WHEN {condition} THEN '{what}'" for condition, what in (*_invalid(column), *_suspect(column), *_fixed(column))
    ]
    return "CASE " + " ".join(cases) + " END"


def suggested(column: Column) -> str:
    """What could be meant by an invalid text, or NULL: for a person to confirm, never applied."""
    text = clean(column.element.name)
    if column.how is not How.plate:
        return "CAST(NULL AS VARCHAR)"
    meant = f"left({text}, 2) || translate(substr({text}, 3), 'OI', '01')"
    return f"CASE WHEN regexp_full_match({meant}, {literal(PLATE)}) THEN {meant} END"


def sql_type(kind: Type) -> str:
    return {
        Type.string: "VARCHAR", Type.integer: "BIGINT", Type.number: "DOUBLE", Type.boolean: "BOOLEAN",
        Type.date: "DATE", Type.timestamp: "TIMESTAMPTZ",
    }[kind]  # fmt: skip


Cases = list[tuple[str, str]]


def _invalid(column: Column) -> Cases:
    name, it = column.element.name, value(column.element.name)
    cases: Cases = []
    if column.how is How.timestamp and column.zone == "offset":
        cases.append((f"{it} IS NULL AND regexp_full_match({clean(name)}, '{_SECONDS}')", "invalid:no_offset"))
    unreadable = {
        How.number: "not_a_number", How.timestamp: "not_a_time", How.latitude: "not_a_coordinate",
        How.longitude: "not_a_coordinate", How.plate: "plate_format", How.code: "unknown_code",
        How.text: "missing_value",
    }[column.how]  # fmt: skip
    cases.append((f"{it} IS NULL", f"invalid:{unreadable}"))
    if column.how is How.timestamp and column.zone != "offset":
        local, zone = part(name, "local"), literal(column.zone)
        cases.append((f"timezone({zone}, {it}) <> {local}", "invalid:no_such_local_time"))
        if column.ambiguous == "quarantine":
            cases.append((_twice(column, "-"), "invalid:ambiguous_local_time"))
    if column.how is How.number and column.element.type is Type.number:
        cases.append((f"NOT isfinite({it})", "invalid:not_a_number"))
    outside = {How.timestamp: "outside_period", How.number: "outside_range"}.get(column.how, "outside_area")
    cases += [(condition, f"invalid:{outside}") for condition in _outside(column)]
    cases += [(condition, "invalid:outside_standard") for condition in _standard_broken(column)]
    return cases


def broken(column: Column) -> list[str]:
    """Conditions against a value itself, however it was written: the mapping's bounds and the standard's rules."""
    return [*_outside(column), *_standard_broken(column)]


def _outside(column: Column) -> list[str]:
    if column.between is None:
        return []
    low, high = (_bound(column, end) for end in column.between)
    return [f"{value(column.element.name)} NOT BETWEEN {low} AND {high}"]


def _suspect(column: Column) -> Cases:
    local_time = column.how is How.timestamp and column.zone != "offset"
    return (
        [(_twice(column, "+"), "suspect:ambiguous_local_time")] if local_time and column.ambiguous == "earlier" else []
    )


def _fixed(column: Column) -> Cases:
    name, raw = column.element.name, original(column.path)
    wide = (f"regexp_matches({raw}, '{_ANY_WIDE}')", "fixed:full_width")
    spaced = (f"{raw} <> trim({raw})", "fixed:spaces")
    if column.how is How.text:
        return [spaced]
    cases = [wide]
    if column.how is How.plate:
        cases += [(f"upper({raw}) <> {raw}", "fixed:lower_case"), (f"{raw} <> {clean(name)}", "fixed:separators")]
        return cases
    cases.append(spaced)
    if column.how is How.number and column.thousands:
        cases.append((f"trim({raw}) <> {clean(name)}", "fixed:thousands_separator"))
    if column.how is How.timestamp and column.zone != "offset":
        main = f"TRY_STRPTIME({clean(name)}, {literal(column.formats[0])})"
        cases.append((f"{main} IS NULL", "fixed:other_format"))
    return cases


def _twice(column: Column, sign: str) -> str:
    """True where the clocks showed this local time twice: one step back (or on) in time they read the same."""
    it, zone, local = value(column.element.name), literal(column.zone), part(column.element.name, "local")
    same = [f"timezone({zone}, {it} {sign} {_interval(step)}) = {local}" for step in steps_back(column.zone)]
    return f"({' OR '.join(same)})" if same else "FALSE"


def _earlier(column: Column) -> str:
    """The first of two instants with this local time (of two the engine takes the later: ICU's rule, see the tests)."""
    local, zone = part(column.element.name, "local"), literal(column.zone)
    later = f"timezone({zone}, {local})"
    befores = [f"{later} - {_interval(step)}" for step in steps_back(column.zone)]
    whens = " ".join(f"WHEN timezone({zone}, {before}) = {local} THEN {before}" for before in befores)
    return f"CASE {whens} ELSE {later} END" if whens else later


def _interval(minutes: int) -> str:
    return f"INTERVAL '{minutes} minutes'"


@functools.cache
def steps_back(zone: str) -> tuple[int, ...]:
    """By how many minutes the clocks of `zone` were ever put back between 1970 and 2040, e.g. (60,)."""
    start, there = datetime(1970, 1, 1, 12, tzinfo=UTC), ZoneInfo(zone)
    offsets = [(start + timedelta(days=day)).astimezone(there).utcoffset() or timedelta() for day in range(25_567)]
    minutes = {round((before - after).total_seconds() / 60) for before, after in pairwise(offsets) if after < before}
    return tuple(sorted(minutes, reverse=True))


def _standard_broken(column: Column) -> list[str]:
    element, it = column.element, value(column.element.name)
    broken = []
    if element.minimum is not None:
        broken.append(f"{it} < {element.minimum!r}")
    if element.maximum is not None:
        broken.append(f"{it} > {element.maximum!r}")
    if element.max_length is not None:
        broken.append(f"length({it}) > {element.max_length}")
    if element.pattern:
        broken.append(f"NOT regexp_full_match({it}, {literal(element.pattern)})")
    if element.values:
        broken.append(f"{it} NOT IN ({', '.join(literal(v) for v in element.values)})")
    return broken


def _bound(column: Column, end: str) -> str:
    if column.how is How.timestamp:
        # a bound without offset is meant in the column's zone, or in UTC
        aware = "T" in end and ("+" in end or end.endswith("Z") or "-" in end.split("T")[1])
        zone = "UTC" if column.zone == "offset" else column.zone
        return (
            f"CAST({literal(end)} AS TIMESTAMPTZ)" if aware else f"timezone({literal(zone)}, TIMESTAMP {literal(end)})"
        )
    return f"CAST({end} AS DOUBLE)"


def _number(text: str, kind: Type) -> str:
    if kind is Type.number:
        return f"CASE WHEN regexp_full_match({text}, '{NUMBER}') THEN TRY_CAST({text} AS DOUBLE) END"
    whole = f"CASE WHEN regexp_full_match({text}, '{WHOLE}') THEN "
    return whole + (f"TRY_CAST({text} AS BIGINT) END" if kind is Type.integer else f"{text} END")


def limit(column: Column) -> int:
    """The greatest number of degrees of a latitude or longitude."""
    return 90 if column.how is How.latitude else 180


def _degrees(column: Column) -> str:
    name, most = column.element.name, limit(column)
    if column.notation == "decimal":
        number = f"TRY_CAST({clean(name)} AS DOUBLE)"
        return f"CASE WHEN regexp_full_match({clean(name)}, '{NUMBER}') AND abs({number}) <= {most} THEN {number} END"
    found = part(name, "dms")
    degrees, minutes, seconds = (f"TRY_CAST({found}.{field} AS DOUBLE)" for field in "dms")
    plus, minus = ("N", "S") if column.how is How.latitude else ("E", "W")
    whole = f"({degrees} + {minutes} / 60 + {seconds} / 3600)"
    inside = f"{found}.h IN ('{plus}', '{minus}') AND {minutes} < 60 AND {seconds} < 60 AND {whole} <= {most}"
    return f"CASE WHEN {inside} THEN CASE {found}.h WHEN '{minus}' THEN -1 ELSE 1 END * {whole} END"


def _decoded(text: str, codes: Codes) -> str:
    whens = " ".join(
        f"WHEN {f'{text} = {literal(c.starts)}' if codes.whole else f'starts_with({text}, {literal(c.starts)})'} "
        f"THEN {literal(c.to)}"
        for c in codes.entries
    )
    return f"CASE {whens} END"


def _half_width(text: str) -> str:
    """Full-width characters made half-width; the look first keeps ordinary text fast."""
    narrow = f"translate({text}, {literal(_WIDE)}, {literal(_NARROW)})"
    return f"CASE WHEN regexp_matches({text}, '{_ANY_WIDE}') THEN {narrow} ELSE {text} END"


def _quotes() -> str:
    return "'''\"\"\"°"


def _escaped(mark: str) -> str:
    return "\\" + mark if mark in ".^$*+?()[]{}|\\" else mark
