"""Literals of XML Schema: what each means, which are the same, which come before which. Pure.

A literal that is not of the type it claims has no meaning: a ValueError says so, and nothing compares with it. What has
no order is never put in one by its text. Must never know: graphs, rules.
Contract: tests/terms/test_policy_compliance.py.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

XSD = "http://www.w3.org/2001/XMLSchema#"
INSTANTS = frozenset({"dateTime", "dateTimeStamp", "date"})
ORDERED = frozenset({"instant", "time", "gYear", "gYearMonth", "number", ""})
"""Families of which all values stand in one order; "" is plain text, by code point. Durations have a partial order."""

_DAY = r"(?P<y>-?[0-9]{4,9})-(?P<m>[0-9]{2})-(?P<d>[0-9]{2})"
_CLOCK = r"(?P<H>[0-9]{2}):(?P<M>[0-9]{2}):(?P<S>[0-9]{2}(?:\.[0-9]+)?)"
_ZONE = r"(?P<zone>Z|[+-][0-9]{2}:[0-9]{2})"
_MOMENTS = {
    name: re.compile(form)
    for name, form in {
        "dateTime": f"{_DAY}T{_CLOCK}{_ZONE}?",
        "dateTimeStamp": f"{_DAY}T{_CLOCK}{_ZONE}",
        "date": f"{_DAY}{_ZONE}?",
        "time": f"{_CLOCK}{_ZONE}?",
        "gYear": rf"(?P<y>-?[0-9]{{4,9}}){_ZONE}?",
        "gYearMonth": rf"(?P<y>-?[0-9]{{4,9}})-(?P<m>[0-9]{{2}}){_ZONE}?",
    }.items()
}
_MONTHS, _DAYS = r"(?:(?P<Y>[0-9]{1,9})Y)?(?:(?P<N>[0-9]{1,9})M)?", r"(?:(?P<W>[0-9]{1,9})W)?(?:(?P<D>[0-9]{1,9})D)?"
_TIMES = r"(?:T(?=[0-9])(?:(?P<H>[0-9]{1,9})H)?(?:(?P<M>[0-9]{1,9})M)?(?:(?P<S>[0-9]{1,9}(?:\.[0-9]+)?)S)?)?"
_SPANS = {
    "duration": re.compile(f"(?P<minus>-?)P(?=.){_MONTHS}{_DAYS}{_TIMES}"),
    "yearMonthDuration": re.compile(f"(?P<minus>-?)P(?=.){_MONTHS}"),
    "dayTimeDuration": re.compile(f"(?P<minus>-?)P(?=.){_DAYS}{_TIMES}"),
}
"""Weeks, which ISO 8601 has and XML Schema has not, mean one thing only and are read."""

_INTEGER = re.compile(r"[+-]?[0-9]+")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
_FLOAT = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,6})?|[+-]?INF")
_BOOLEAN = re.compile("true|false|0|1")
_ANY = (None, None)
INTEGERS: dict[str, tuple[int | None, int | None]] = {
    "integer": _ANY, "nonNegativeInteger": (0, None), "positiveInteger": (1, None), "nonPositiveInteger": (None, 0),
    "negativeInteger": (None, -1),
    **{name: (-(2**bits), 2**bits - 1) for name, bits in (("byte", 7), ("short", 15), ("int", 31), ("long", 63))},
    **{f"unsigned{name}": (0, 2**bits - 1) for name, bits in (("Byte", 8), ("Short", 16), ("Int", 32), ("Long", 64))},
}  # fmt: skip
"""Whole numbers by type, with the lowest and the highest."""

_STARTS = ((1696, 9), (1697, 2), (1903, 3), (1903, 7))
"""The months from which durations are compared (XML Schema 1.1 part 2, 3.3.6.2)."""


def measured(text: str, datatype: str) -> tuple[str, Any]:
    """(family, value) of a literal; only values of one family compare.

    A date is the midnight that begins it where it is; what has no offset is taken as UTC (XPath's implicit timezone,
    F&O 3.1, 5.2, which the state of the world does not give). Of a type that is not known here, the text is the value.
    """
    kind = datatype.removeprefix(XSD)
    if datatype == f"{XSD}string":
        return "", text
    if not datatype.startswith(XSD):
        return datatype.lower() if datatype.startswith("@") else datatype, text
    plain = text.strip(" \t\r\n")
    if kind in _MOMENTS:
        return "instant" if kind in INSTANTS else kind, _moment(_matched(_MOMENTS[kind], plain))
    if kind in _SPANS:
        return "duration", _span(_matched(_SPANS[kind], plain))
    if kind in INTEGERS:
        least, most = INTEGERS[kind]
        number = int(_matched(_INTEGER, plain)[0])
        if (least is not None and number < least) or (most is not None and number > most):
            raise ValueError("out of range")
        return "number", Decimal(number)
    if kind in ("decimal", "double", "float"):  # NaN compares with nothing, and is none of them here
        found = _matched(_DECIMAL if kind == "decimal" else _FLOAT, plain)[0]
        return "number", Decimal(found.replace("INF", "Infinity"))
    if kind == "boolean":
        return "boolean", _matched(_BOOLEAN, plain)[0] in ("true", "1")
    return datatype, text


def order(one: tuple[str, Any], other: tuple[str, Any]) -> int | None:
    """-1, 0, 1: before, the same, after; None where there is no order."""
    if one[0] != other[0]:
        return None
    if one[0] == "duration":
        found = {_compared(_ends(one[1], start), _ends(other[1], start)) for start in _STARTS}
        return found.pop() if len(found) == 1 else None
    return _compared(one[1], other[1]) if one[0] in ORDERED else None


def _compared(one: Any, other: Any) -> int:
    return int(one > other) - int(one < other)


def _matched(form: re.Pattern[str], text: str) -> re.Match[str]:
    found = form.fullmatch(text)
    if found is None:
        raise ValueError("not of that form")
    return found


def _moment(found: re.Match[str]) -> Fraction:
    """Seconds since a day long ago, in UTC: exact, of any year. Hour 24 is the next day's midnight."""
    part = found.groupdict()
    seconds = Fraction(0)
    if "H" in part:
        hours, minutes, rest = int(part["H"]), int(part["M"]), Fraction(part["S"])
        if minutes > 59 or rest >= 60 or hours > 24 or (hours == 24 and (minutes or rest)):
            raise ValueError("no time of day")
        seconds = (hours % 24 if "y" not in part else hours) * 3600 + minutes * 60 + rest
    if "y" in part:
        seconds += _days(int(part["y"]), int(part.get("m") or 1), int(part.get("d") or 1)) * 86400
    return seconds - _offset(part["zone"])


def _days(year: int, month: int, day: int) -> int:
    """Days since a day long ago, of years that `date` does not reach too: the calendar repeats after 400."""
    cycle, within = divmod(year, 400)
    return cycle * 146097 + date(within + 400, month, day).toordinal()


def _offset(zone: str | None) -> int:
    if zone in (None, "Z"):
        return 0
    assert zone is not None
    hours, minutes = int(zone[1:3]), int(zone[4:])
    if minutes > 59 or hours * 60 + minutes > 14 * 60:
        raise ValueError("no offset from UTC")
    return (hours * 60 + minutes) * (-60 if zone[0] == "-" else 60)


def _span(found: re.Match[str]) -> tuple[int, Fraction]:
    """(months, seconds): neither says how long the other is."""
    part = {name: Fraction(given or 0) for name, given in found.groupdict().items() if name != "minus"}
    sign = -1 if found["minus"] else 1
    days = part.get("W", 0) * 7 + part.get("D", 0)
    seconds = days * 86400 + part.get("H", 0) * 3600 + part.get("M", 0) * 60 + part.get("S", 0)
    return sign * int(part.get("Y", 0) * 12 + part.get("N", 0)), sign * Fraction(seconds)


def _ends(span: tuple[int, Fraction], start: tuple[int, int]) -> Fraction:
    months, seconds = span
    year, month = divmod(start[0] * 12 + start[1] - 1 + months, 12)
    return _days(year, month + 1, 1) * 86400 + seconds
