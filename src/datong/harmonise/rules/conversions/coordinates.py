"""Coordinates: degrees as decimal numbers or as degrees, minutes and seconds, and the point in its datum."""

from __future__ import annotations

from datong.harmonise.model.mappings import Column, How
from datong.harmonise.rules import amounts, datums
from datong.harmonise.rules.conversions.names import clean, part

_DMS = r"([NSEW]?)(\d{1,3})°(\d{1,2}(?:\.\d+)?)''(?:(\d{1,2}(?:\.\d+)?)\")?([NSEW]?)"  # the quote is doubled for SQL
_DMS_WORDS = ("′’＇″”＂º度分秒东西南北经纬", "''''''\"\"\"°°''\"EWSN")
"""Signs of degrees as people write them, in SQL, and what each is read as: 东经121度28分 is E121°28'; 经 and 纬 go."""


def in_signs(text: str) -> str:
    """`text` with ° ' " and E W N S, however they were written."""
    signs, read = _DMS_WORDS
    return f"translate({text}, '{signs}', '{read}')"


def point(column: Column) -> tuple[datums.Pair, datums.Pair, list[dict[str, str]]]:
    """The point a coordinate belongs to: as it was read, as the standard wants it, and the stages between."""
    names = (column.element.name, column.meaning.partner)
    east, north = names if column.how is How.longitude else names[::-1]
    read = (part(east, "degrees"), part(north, "degrees"))
    steps, end = datums.stages(read, column.meaning.datum, column.element.datum, part(east, "{}"))
    return read, end, steps


def parts(column: Column) -> list[dict[str, str]]:
    """Degrees, minutes and seconds apart, where they are written so; of a point the way from its datum."""
    name = column.element.name
    dms = {part(name, "dms"): f"regexp_extract({clean(name)}, '^{_DMS}$', ['before', 'd', 'm', 's', 'behind'])"}
    levels = [dms] if column.notation == "dms" else []
    if not column.meaning.partner:
        return levels
    # both columns of a point stand on the same level, whatever their notation, so that the next may name both
    levels = [*(levels or [{}]), {part(name, "degrees"): _degrees(column)}]
    return [*levels, *point(column)[2]] if column.how is How.longitude else levels


def limit(column: Column) -> int:
    """The greatest number of degrees of a latitude or longitude."""
    return 90 if column.how is How.latitude else 180


def converted(column: Column) -> str:
    """The degrees of the standard's datum, or NULL."""
    if column.meaning.partner:
        return point(column)[1][0 if column.how is How.longitude else 1]
    return _degrees(column)


def _degrees(column: Column) -> str:
    """The degrees as they were read, in the datum of the source, or NULL."""
    name, most = column.element.name, limit(column)
    if column.notation == "decimal":
        number = f"TRY_CAST({clean(name)} AS DOUBLE)"
        written = f"regexp_full_match({clean(name)}, '{amounts.NUMBER}')"
        return f"CASE WHEN {written} AND abs({number}) <= {most} THEN {number} END"
    found = part(name, "dms")
    degrees, minutes = (f"TRY_CAST({found}.{field} AS DOUBLE)" for field in "dm")
    seconds = f"CASE WHEN {found}.s = '' THEN 0 ELSE TRY_CAST({found}.s AS DOUBLE) END"
    plus, minus = ("N", "S") if column.how is How.latitude else ("E", "W")
    whole, half = f"({degrees} + {minutes} / 60 + {seconds} / 3600)", f"concat({found}.before, {found}.behind)"
    sound = f"({found}.s = '' OR {found}.m NOT LIKE '%.%')"  # parts of a minute are told once
    inside = f"{half} IN ('{plus}', '{minus}') AND {sound} AND {minutes} < 60 AND {seconds} < 60 AND {whole} <= {most}"
    return f"CASE WHEN {inside} THEN CASE {half} WHEN '{minus}' THEN -1 ELSE 1 END * {whole} END"
