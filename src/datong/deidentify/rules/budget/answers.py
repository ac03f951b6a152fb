"""Groups and figures for people: labels of the public partition, answers as rows, how far off they may be.

Everything here works on figures that have their noise already, and on facts that do not depend on the data.
Must never know: data, ledgers. Contract: tests/deidentify/test_deidentify_budget_query.py.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import numpy as np
import numpy.typing as npt

from datong.deidentify.model.budget import NORM_STEPS, Bins, Cells, Classes, Dimension, Kind, Query, Windows
from datong.deidentify.rules.budget.reading import cell_range, name_of, plain, size_of
from datong.deidentify.rules.budget.sensitivity import parts

NORMAL_95 = 1.959963984540054
"""97.5 % quantile of the normal distribution."""


def groups_in(query: Query) -> int:
    return math.prod(size_of(dimension) for dimension in query.by)


def labels_of(dimension: Dimension) -> list[str]:
    """The names of a dimension's groups in the order of their numbers."""
    match dimension:
        case Classes():
            return list(dimension.values)
        case Bins():
            return [f"[{plain(a)}, {plain(b)})" for a, b in itertools.pairwise(dimension.edges)]
        case Cells():
            west, east, south, north = cell_range(dimension)
            return [f"{x},{y}" for x in range(west, east + 1) for y in range(south, north + 1)]
        case Windows(days=0):
            hours = [f"T{hour:02d}" for hour in range(0, 24, dimension.hours)]
            if dimension.weekends:
                return [f"{days} {hour}" for days in ("weekday", "weekend") for hour in hours]
            if dimension.clock:
                return hours
            days = (dimension.until - dimension.since).days
            return [f"{dimension.since + timedelta(days=n)}{hour}" for n in range(days) for hour in hours]
        case Windows():
            return [f"{dimension.since + timedelta(days=dimension.days * n)}" for n in range(size_of(dimension))]


def rows_of(query: Query, figures: Mapping[str, Sequence[int]]) -> Iterator[dict[str, Any]]:
    """The answer as rows: one column per dimension, then the figures. figures: per part, one number a group."""
    names = [name_of(dimension) for dimension in query.by]
    labels = itertools.product(*(labels_of(dimension) for dimension in query.by))
    for n, group in enumerate(labels):
        placed: dict[str, Any] = dict(zip(names, group, strict=True))
        yield placed | _shown(query, {name: figures[name][n] for name in figures})


def _shown(query: Query, figures: Mapping[str, int]) -> dict[str, Any]:
    value = query.value
    if value is None:
        return {"count": plain(Decimal(figures["count"]) / NORM_STEPS) if query.norm else figures["count"]}
    if query.kind is Kind.sum:
        return {"sum": plain(figures["sum"] * value.step)}
    if query.kind is Kind.mean:
        # the mean of nothing, or of a count that noise made zero or negative, is not told
        if figures["count"] < 1:
            return {"mean": None, "count": figures["count"]}
        steps = (Decimal(figures["sum"]) / figures["count"]).to_integral_value(ROUND_HALF_EVEN) + value.centre
        bounded = min(max(steps, Decimal(value.lower)), Decimal(value.upper))
        return {"mean": plain(bounded * value.step), "count": figures["count"]}
    return {f"q{level}": plain(figures[f"level{level}"] * value.step) for level in query.levels}


def accuracy(query: Query) -> dict[str, Any]:
    """How far a figure is off, known before it is drawn: per part, the bound that 95 of 100 figures keep.

    count, sum: `within_95` in rows or in units of the value. Quantiles: `rank_within_95`, in rows of the group.
    """
    told: dict[str, dict[str, int | str]] = {}
    for part in parts(query):
        if query.kind is Kind.quantile and query.value is not None:
            candidates = query.value.upper - query.value.lower + 1
            # P(score loses more than s (ln m + t)) <= exp(-t): the utility theorem of the exponential mechanism
            lost = part.scale * (math.log(candidates) + math.log(20))
            told[f"q{part.name.removeprefix('level')}"] = {"rank_within_95": math.ceil(lost / 1000)}
            continue
        within = math.ceil(NORMAL_95 * part.scale)
        if query.norm:
            told[part.name] = {"within_95": plain(Decimal(within) / NORM_STEPS)}
            continue
        shown = plain(within * query.value.step) if part.name == "sum" and query.value else within
        told[part.name] = {"within_95": shown}
    return told


def spread(groups: int, held: Mapping[str, npt.NDArray[np.int64]], name: str) -> npt.NDArray[np.int64]:
    """The aggregated figure `name` ("n" or "s") of every group of the partition, 0 where there are no rows."""
    whole = np.zeros(groups, dtype=np.int64)
    whole[held["g"]] = held[name]
    return whole


def scores(query: Query, held: Mapping[str, npt.NDArray[np.int64]], level: int, group: int) -> npt.NDArray[np.int64]:
    """Score of every candidate value of a group: |(1000 - l) below - l at or above|; the least is the quantile."""
    assert query.value is not None
    first, last = np.searchsorted(held["g"], [group, group + 1])
    rows = np.zeros(query.value.upper - query.value.lower + 1, dtype=np.int64)
    rows[held["v"][first:last] - query.value.lower] = held["n"][first:last]
    below = np.concatenate(([0], np.cumsum(rows)[:-1]))
    found: npt.NDArray[np.int64] = np.abs((1000 - level) * below - level * (rows.sum() - below))
    return found
