"""Which of two columns of one table comes first, row by row: a start before its end, a minimum below its maximum.

`before` says it for every pair of columns that can be compared (days, times of day, numbers of one range); `support`
says how far that agrees with what it is in another table, given how likely the pairs of columns are.
Must never know: names, elements. Contract: tests/harmonise/matching/test_matching_order.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping as Map
from collections.abc import Sequence

from datong.harmonise.rules.matching.values import clean, number_of

ROWS = 160
"""So many rows are compared, evenly spread."""
_LEAST_ROWS = 8
_MOSTLY, _STRICTLY = 0.95, 0.1
_DAY = re.compile(
    r"(1[89]\d\d|20\d\d|21\d\d)(?:[-/.年]?)(\d{1,2})(?:[-/.月]?)(\d{1,2})日?(?:[T ]?\s?(\d.*))?", re.ASCII
)
_CLOCK = re.compile(r"(\d{1,2}):?(\d\d)(?::?(\d\d)(?:\.\d+)?)?(?:\s?(?:Z|[+-]\d\d:?\d\d))?", re.ASCII)

Order = Map[tuple[int, int], int]
"""(column, column) -> 1: the first is never after the second and sometimes before it; -1 the reverse."""


def before(columns: Sequence[Sequence[str | None]]) -> Order:
    """The order between columns of one table, by their places; pairs of which nothing can be said are left out."""
    points = [_points(values) for values in columns]
    found: dict[tuple[int, int], int] = {}
    for one in range(len(points)):
        for other in range(one + 1, len(points)):
            if len(columns[one]) == len(columns[other]) and points[one] and points[other]:
                said = _compared(points[one], points[other])
                if said:
                    found[one, other], found[other, one] = said, -said
    return found


def support(left: Order, right: Order, shares: Sequence[Map[int, float]]) -> dict[tuple[int, int], float]:
    """(left column, right column) -> -1..1: how far the order around the left one agrees with that around the right
    one. shares: for each left column how likely each right column is its partner."""
    found: dict[tuple[int, int], float] = {}
    beside: dict[int, list[tuple[int, int]]] = {}
    for (column, other), said in right.items():
        beside.setdefault(column, []).append((other, said))
    for (one, other), said in left.items():
        likely = shares[other]
        for column, others in beside.items():
            told = sum(said * again * likely.get(next_, 0.0) for next_, again in others)
            if told:
                found[one, column] = found.get((one, column), 0.0) + told
    return {pair: max(-1.0, min(1.0, value)) for pair, value in found.items()}


def places(order: Order, columns: Sequence[int]) -> dict[int, float]:
    """Each of the columns -> -1 (before all that it can be compared with) .. 1 (after them)."""
    found = {}
    for one in columns:
        said = [-order[one, other] for other in columns if (one, other) in order]
        if said:
            found[one] = sum(said) / len(said)
    return found


def _points(values: Sequence[str | None]) -> list[tuple[str, float] | None]:
    """Each value as (what it can be compared with, where it stands); empty when hardly any can be compared."""
    step = max(1, len(values) // ROWS)
    found = [_point(clean(value[:40])) if value else None for value in values[::step]]
    kinds = [point[0] for point in found if point]
    if len(kinds) < _LEAST_ROWS or len({point for point in found if point}) < 3:
        return []
    usual = max(sorted(set(kinds)), key=kinds.count)
    if kinds.count(usual) < 0.6 * len(kinds):
        return []
    return [point if point and point[0] == usual else None for point in found]


def _point(text: str) -> tuple[str, float] | None:
    day = _DAY.fullmatch(text) if len(text) >= 8 else None
    if day and 1 <= int(day[2]) <= 12 and 1 <= int(day[3]) <= 31:
        seconds = _seconds(day[4]) if day[4] else None
        whole = int(day[1]) * 372 + int(day[2]) * 31 + int(day[3])
        return ("day", float(whole)) if seconds is None else ("moment", whole + seconds / 86400)
    if ":" in text:
        seconds = _seconds(text)
        return None if seconds is None else ("clock", float(seconds))
    number = number_of(text)
    return None if number is None else ("number", number)


def _seconds(text: str) -> int | None:
    clock = _CLOCK.fullmatch(text.strip())
    if clock is None or int(clock[1]) > 24 or int(clock[2]) > 59:
        return None
    return int(clock[1]) * 3600 + int(clock[2]) * 60 + int(clock[3] or 0)


def _compared(one: Sequence[tuple[str, float] | None], other: Sequence[tuple[str, float] | None]) -> int:
    pairs = [(a, b) for a, b in zip(one, other, strict=True) if a and b]
    if len(pairs) < _LEAST_ROWS:
        return 0
    kinds = {pairs[0][0][0], pairs[0][1][0]}
    if kinds == {"day", "moment"}:
        rows = [(float(int(a[1])), float(int(b[1]))) for a, b in pairs]
    elif len(kinds) == 1:
        rows = [(a[1], b[1]) for a, b in pairs]
    else:
        return 0
    if kinds == {"number"} and _apart(rows):
        return 0
    total = len(rows)
    less, more = sum(a < b for a, b in rows), sum(a > b for a, b in rows)
    if total - more >= _MOSTLY * total and less >= _STRICTLY * total:
        return 1
    return -1 if total - less >= _MOSTLY * total and more >= _STRICTLY * total else 0


def _apart(rows: Sequence[tuple[float, float]]) -> bool:
    """Whether two columns of numbers hardly share a range: that one is greater says nothing then."""
    lefts, rights = sorted(a for a, _ in rows), sorted(b for _, b in rows)
    at = len(rows) // 5
    return lefts[-1 - at] < rights[at] or rights[-1 - at] < lefts[at]
