"""Times as they are written: with an offset, by a format in a zone, or counted; and hours that a clock shows twice."""

from __future__ import annotations

import functools
import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from datong.engine.model import literal
from datong.harmonise.model.mappings import Column, How
from datong.harmonise.rules import amounts
from datong.harmonise.rules.conversions.names import clean, part, value

SECONDS = rf"{amounts.YEAR}-\d{{2}}-\d{{2}}[ T]\d{{2}}:\d{{2}}:\d{{2}}"
_OFFSET = r"\s?([zZ]|[+-]((0\d|1[0-3])(:?[0-5]\d)?|14(:?00)?))"
"""No clock is more than 14 hours from UTC."""
NANOSECONDS = r"\.\d{6}\d*[1-9]"
"""A fraction with more than microseconds, which is what a timestamp holds."""
_WITH_OFFSET = rf"{SECONDS}(\.\d{{1,9}})?{_OFFSET}"
TO_THE_MICROSECOND = rf"{SECONDS}(\.\d{{1,6}})?{_OFFSET}"
"""Times with an offset of which nothing is cut."""
LOCAL_FORMATS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S.%f")
"""Of local times, where the mapping names none: with or without a fraction, one as good as the other."""
EPOCHS = {"epoch_s": (1_000_000, r"-?\d{1,11}(\.\d+)?"), "epoch_ms": (1_000, r"-?\d{1,14}(\.\d{1,3})?")}
"""Formats of times that are counted from 1970-01-01 00:00 UTC: the microseconds of one, and how it is written."""
HALVES = {"上午": "AM", "下午": "PM"}
"""What %p reads besides: 下午12:30 is half past noon, as spreadsheets write it."""
_SIGNS = {"%b": r"\w+", "%B": r"\w+", "%a": r"\w+", "%A": r"\w+", "%p": r"\w+", "%%": "%"}


def is_local(column: Column) -> bool:
    """Whether the column is of times that a zone's clocks showed, without their offset."""
    return column.how is How.timestamp and column.zone != "offset"


def parts(column: Column) -> list[dict[str, str]]:
    """The local time."""
    name = column.element.name
    tried = ", ".join(by_format(clean(name), form, column.zone) for form in column.formats)
    return [{part(name, "local"): f"COALESCE({tried})" if len(column.formats) > 1 else tried}]


def converted(column: Column) -> str:
    """The instant, or NULL."""
    name, text = column.element.name, clean(column.element.name)
    if not is_local(column):
        tight = rf"regexp_replace(upper({text}), '\s?(Z|[+-][0-9:]+)$', '\1')"  # as the engine reads it
        return f"CASE WHEN regexp_full_match({text}, '{_WITH_OFFSET}') THEN TRY_CAST({tight} AS TIMESTAMPTZ) END"
    if column.ambiguous == "earlier":
        return _earlier(column)
    return f"timezone({literal(column.zone)}, {part(name, 'local')})"


def by_format(text: str, form: str, zone: str) -> str:
    """The local time of `zone` in a cleaned text by one format, or NULL. Of years all four digits must be there: the
    engine would take 19 for the year 19. Of fractions it takes six digits at most; more are cut, and told
    (NANOSECONDS)."""
    for half, said in HALVES.items() if "%p" in form else ():
        text = f"replace({text}, '{half}', '{said}')"
    read = f"regexp_replace({text}, '(\\.\\d{{6}})\\d+', '\\1')" if has_fraction(form) else text
    if form in EPOCHS:
        micros, written = EPOCHS[form]
        counted = f"make_timestamp(CAST(round(TRY_CAST({read} AS DOUBLE) * {micros}) AS BIGINT))"
        if zone != "UTC":
            counted = f"timezone({literal(zone)}, timezone('UTC', {counted}))"
        return f"CASE WHEN regexp_full_match({text}, '{written}') THEN {counted} END"
    if form == amounts.EXCEL:
        days = f"TRY_CAST({text} AS DOUBLE)"
        there = rf"regexp_full_match({text}, '[1-9]\d{{1,6}}(\.\d+)?') AND {days} >= 61 AND {days} < 2958466"
        return f"CASE WHEN {there} THEN make_timestamp(CAST(round(({days} - 25569) * 86400000) * 1000 AS BIGINT)) END"
    written = f"regexp_matches({text}, {literal(_written(form))})"
    return f"CASE WHEN {written} THEN TRY_STRPTIME({read}, {literal(form)}) END"


def _written(form: str) -> str:
    """A pattern of the year with all four digits where it stands; and of the whole where nothing divides the digits of
    two signs, as then all of them must be there: of 2026020108000 nobody knows which one is missing."""
    pieces = re.split(r"(%-?.)", form)
    numbers = {at for at, piece in enumerate(pieces) if re.fullmatch("%-?[YmdHIMSf]", piece)}
    tight = {at for at in numbers for other in (at - 2, at + 2) if other in numbers and not pieces[(at + other) // 2]}
    found = "^"
    for at, piece in enumerate(pieces):
        if at % 2 == 0:
            found += re.sub(" +", lambda _: r"\s*", amounts.escaped(piece))
        elif piece == "%Y":
            found += amounts.YEAR
            if not tight:
                return found
        else:
            found += r"\d{2}" if at in tight and piece[-1] in "mdHIMS" else _SIGNS.get(piece, r"\s*\d+")
    return found + "$"


def only_digits(form: str) -> bool:
    """Whether a time by `form` is digits and nothing else."""
    return form == amounts.EXCEL or (form not in EPOCHS and not re.sub("%-?[YmdHMSf]", "", form))


def has_fraction(form: str) -> bool:
    """Whether a time by `form` may have a fraction of a second."""
    return form.endswith("%S.%f") or form == "epoch_s"


def twice(column: Column, sign: str) -> str:
    """True where the clocks showed this local time twice: one step back (or on) in time they read the same."""
    it, zone, local = value(column.element.name), literal(column.zone), part(column.element.name, "local")
    same = [f"timezone({zone}, {it} {sign} {_interval(step)}) = {local}" for step in _steps_back(column.zone)]
    return f"({' OR '.join(same)})" if same else "FALSE"


def _earlier(column: Column) -> str:
    """The first of two instants with this local time (of two the engine takes the later: ICU's rule, see the tests)."""
    local, zone = part(column.element.name, "local"), literal(column.zone)
    later = f"timezone({zone}, {local})"
    befores = [f"{later} - {_interval(step)}" for step in _steps_back(column.zone)]
    whens = " ".join(f"WHEN timezone({zone}, {before}) = {local} THEN {before}" for before in befores)
    return f"CASE {whens} ELSE {later} END" if whens else later


def _interval(minutes: int) -> str:
    return f"INTERVAL '{minutes} minutes'"


@functools.cache
def _steps_back(zone: str) -> tuple[int, ...]:
    """By how many minutes the clocks of `zone` were ever put back between 1970 and 2040, e.g. (60,)."""
    start, there = datetime(1970, 1, 1, 12, tzinfo=UTC), ZoneInfo(zone)
    offsets = [(start + timedelta(days=day)).astimezone(there).utcoffset() or timedelta() for day in range(25_567)]
    minutes = {round((before - after).total_seconds() / 60) for before, after in pairwise(offsets) if after < before}
    return tuple(sorted(minutes, reverse=True))
