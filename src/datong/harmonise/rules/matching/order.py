"""Which of two columns of one table comes first, row by row: a start before its end, a minimum below its maximum.

`before` says it for every pair of columns that can be compared (days, times of day, numbers of one range); `support`
says how far that agrees with what it is in another table, given how likely the pairs of columns are.
Must never know: names, elements. Contract: tests/harmonise/matching/test_matching_order.py.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping as Map
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from datong.harmonise.rules.matching.values import clean, number_of

ROWS = 160
"""So many rows are compared, evenly spread."""
_LEAST_ROWS = 8
_MOSTLY, _STRICTLY = 0.95, 0.1
_DAY = re.compile(
    r"(1[89]\d\d|20\d\d|21\d\d)(?:[-/.年]?)(\d{1,2})(?:[-/.月]?)(\d{1,2})日?(?:[T ]?\s?(\d.*))?", re.ASCII
)
_CLOCK = re.compile(r"(\d{1,2}):?(\d\d)(?::?(\d\d)(?:\.\d+)?)?(?:\s?(?:Z|[+-]\d\d:?\d\d))?", re.ASCII)

Floats = npt.NDArray[np.float64]
Order = Map[tuple[int, int], int]
"""(column, column) -> 1: the first is never after the second and sometimes before it; -1 the reverse."""


def before(columns: Sequence[Sequence[str | None]]) -> Order:
    """The order between columns of one table, by their places; pairs of which nothing can be said are left out."""
    found: dict[tuple[int, int], int] = {}
    for group in _alike(columns):
        table = np.array([points.at for _, points in group])
        days = np.floor(table)
        for first, (one, points) in enumerate(group[:-1]):
            same = np.array([later.kind == points.kind for _, later in group[first + 1 :]])
            left = np.where(same[:, None], table[first], days[first])
            right = np.where(same[:, None], table[first + 1 :], days[first + 1 :])
            for at in np.flatnonzero(said := _said(left, right)):
                if points.kind != "number" or not _apart(left[at], right[at]):
                    found[one, group[first + 1 + at][0]] = int(said[at])
    return {way: said for pair in sorted(found) for way, said in _both(pair, found[pair])}


def _both(pair: tuple[int, int], said: int) -> tuple[tuple[tuple[int, int], int], ...]:
    return (pair, said), (pair[::-1], -said)


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


@dataclass(frozen=True)
class _Points:
    """Where the values of a column stand, NaN for those that cannot be compared with the others: {rows} of floats."""

    kind: str
    at: Floats


def _alike(columns: Sequence[Sequence[str | None]]) -> list[list[tuple[int, _Points]]]:
    """The columns that can be compared with each other, by their places: of as many rows, days with moments."""
    groups: dict[tuple[int, str], list[tuple[int, _Points]]] = {}
    for place, values in enumerate(columns):
        points = _points(values)
        if points is not None:
            groups.setdefault((len(values), "day" if points.kind == "moment" else points.kind), []).append(
                (place, points)
            )
    return list(groups.values())


def _points(values: Sequence[str | None]) -> _Points | None:
    """Each value as where it stands; None when hardly any can be compared."""
    step = max(1, len(values) // ROWS)
    found = [_point(clean(value[:40])) if value else None for value in values[::step]]
    kinds = [point[0] for point in found if point]
    if len(kinds) < _LEAST_ROWS or len({point for point in found if point}) < 3:
        return None
    usual = max(sorted(set(kinds)), key=kinds.count)
    if kinds.count(usual) < 0.6 * len(kinds):
        return None
    return _Points(usual, np.array([point[1] if point and point[0] == usual else math.nan for point in found]))


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


def _said(left: Floats, right: Floats) -> npt.NDArray[np.int64]:
    """For each pair of rows of the two tables: 1 where what stands left is never after and sometimes before, -1 the
    reverse, 0 where neither is so or too few can be compared."""
    less, more = (left < right).sum(axis=1), (left > right).sum(axis=1)
    total = (~np.isnan(left) & ~np.isnan(right)).sum(axis=1)
    first = (total - more >= _MOSTLY * total) & (less >= _STRICTLY * total)
    second = (total - less >= _MOSTLY * total) & (more >= _STRICTLY * total)
    return np.where(total < _LEAST_ROWS, 0, np.where(first, 1, np.where(second, -1, 0)))


def _apart(left: Floats, right: Floats) -> bool:
    """Whether two columns of numbers hardly share a range: that one is greater says nothing then."""
    both = ~np.isnan(left) & ~np.isnan(right)
    lefts, rights = np.sort(left[both]), np.sort(right[both])
    at = len(lefts) // 5
    return bool(lefts[-1 - at] < rights[at] or rights[-1 - at] < lefts[at])
