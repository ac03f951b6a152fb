"""What a value must meet however it was written: the mapping's bounds, the standard's rules, what a coordinate can be.

As conditions that are broken, which a verdict tells one by one (judging), and as conditions that hold, which plain
values must meet (rules.plain).
"""

from __future__ import annotations

from datong.engine.model import literal
from datong.harmonise.model.mappings import Column, Element, How, Type
from datong.harmonise.rules import amounts
from datong.harmonise.rules.conversions.coordinates import limit
from datong.harmonise.rules.conversions.names import value


def fits(column: Column) -> list[str]:
    """Conditions that a value itself must meet, however it was written: what a coordinate can be, the mapping's bounds
    and the standard's rules. Of several bounds on a number only the narrowest is asked. All are unknown of NULL.
    """
    element, it = column.element, value(column.element.name)
    if element.type is not Type.number:
        return [f"NOT ({condition})" for condition in (*outside(column), *standard_broken(column))]
    lows: list[tuple[float, str]] = []
    highs: list[tuple[float, str]] = []
    if column.between is not None:
        lows, highs = ([(float(end), _bound(column, end))] for end in column.between)
    if column.how in {How.latitude, How.longitude}:
        lows.append((-limit(column), f"-{limit(column)}"))
        highs.append((limit(column), f"{limit(column)}"))
    if element.minimum is not None:
        lows.append((element.minimum, repr(element.minimum)))
    if element.maximum is not None:
        highs.append((element.maximum, repr(element.maximum)))
    if lows and highs:
        bounds = [f"{it} BETWEEN {max(lows)[1]} AND {min(highs)[1]}"]
    else:
        bounds = [*(f"{it} >= {low}" for _, low in lows), *(f"{it} <= {high}" for _, high in highs)]
    return [*bounds, *(f"NOT ({condition})" for condition in _not_one_of(element, it))]


def outside(column: Column) -> list[str]:
    """The condition that the value lies outside the mapping's bounds, where there are any."""
    if column.between is None:
        return []
    low, high = (_bound(column, end) for end in column.between)
    return [f"{value(column.element.name)} NOT BETWEEN {low} AND {high}"]


def standard_broken(column: Column) -> list[str]:
    """Conditions under which the value breaks a rule of the standard's element."""
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
    return broken + _not_one_of(element, it)


def _not_one_of(element: Element, it: str) -> list[str]:
    if not element.values:
        return []
    if element.type is Type.string:
        return [f"NOT {amounts.is_one_of(it, element.values)}"]
    return [f"{it} NOT IN ({', '.join(literal(v) for v in element.values)})"]


def _bound(column: Column, end: str) -> str:
    if column.how is How.timestamp:
        # a bound without offset is meant in the column's zone, or in UTC
        aware = "T" in end and ("+" in end or end.endswith("Z") or "-" in end.split("T")[1])
        zone = "UTC" if column.zone == "offset" else column.zone
        return (
            f"CAST({literal(end)} AS TIMESTAMPTZ)" if aware else f"timezone({literal(zone)}, TIMESTAMP {literal(end)})"
        )
    if column.element.type is Type.date:
        return f"CAST({literal(end[:10])} AS DATE)"
    return f"CAST({end} AS DOUBLE)"
