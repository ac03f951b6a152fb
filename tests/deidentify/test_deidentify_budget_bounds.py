"""Neighbouring data: what one unit changes after the bounds is at most what the noise was scaled for."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datong.deidentify.model.budget import Query
from datong.deidentify.rules.budget import answers
from datong.deidentify.rules.budget.reading import query_of
from datong.deidentify.rules.budget.sensitivity import enough, parts, per_row, rows_squared, scale_for
from datong.deidentify.service.budgets import aggregated

FARES = st.one_of(
    st.none(), st.floats(allow_nan=True, allow_infinity=True), st.floats(-3, 12), st.integers(-2, 9).map(float)
)
ROW = st.tuples(st.sampled_from(["a", "b", "c", "d", None]), st.sampled_from(["x", "y", "z", None]), FARES)
SCHEMA = pa.schema([("unit", pa.string()), ("kind", pa.string()), ("fare", pa.float64())])


def asked(kind: str, rows: int, per_group: int) -> Query:
    value = {} if kind == "count" else {"value": {"column": "fare", "lower": -1, "upper": 8, "step": 0.5}}
    levels = {"levels": [0.25, 0.9]} if kind == "quantile" else {}
    by = [{"classes": {"column": "kind", "values": ["x", "y"]}}]
    query, found = query_of({"kind": kind, "rows_per_unit": rows, "rows_per_group": per_group, "by": by,
                             "spend": {"rho": 0.1}, **value, **levels})  # fmt: skip
    assert query is not None, found.problems
    return query


def held(query: Query, rows: list[tuple[Any, ...]]) -> dict[str, npt.NDArray[np.int64]]:
    table = pa.Table.from_pylist([dict(zip(SCHEMA.names, row, strict=True)) for row in rows], SCHEMA)
    return aggregated(query, "unit", table)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(ROW, max_size=40),
    st.sampled_from(["count", "sum", "mean", "quantile"]),
    st.integers(1, 4),
    st.integers(1, 4),
)
def test_one_unit_changes_the_figures_by_at_most_the_bound(
    rows: list[tuple[Any, ...]], kind: str, first: int, second: int
) -> None:
    query = asked(kind, max(first, second), min(first, second))
    whole, without = held(query, rows), held(query, [row for row in rows if row[0] != "a"])
    for part in parts(query):
        if kind == "quantile":
            level = int(part.name.removeprefix("level"))
            change = [
                np.abs(answers.scores(query, whole, level, g) - answers.scores(query, without, level, g)).max()
                for g in range(2)
            ]
            assert max(change) <= per_row(query, part.name) * query.rows_per_group
        else:
            name = "s" if part.name == "sum" else "n"
            change = list(answers.spread(2, whole, name) - answers.spread(2, without, name))
        assert sum(int(one) ** 2 for one in change) <= part.squared
        assert enough(part.scale, part.squared, part.cost_nanorho)


@settings(max_examples=8, deadline=None)
@given(st.lists(ROW, max_size=30), st.randoms(use_true_random=False))
def test_the_rows_kept_do_not_depend_on_the_order_of_the_data(rows: list[tuple[Any, ...]], chance: Any) -> None:
    query = asked("sum", 2, 1)
    mixed = list(rows)
    chance.shuffle(mixed)
    one, other = held(query, rows), held(query, mixed)
    assert all((one[name] == other[name]).all() for name in one)


@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 6))
def test_the_sum_of_squares_is_the_largest_there_is(first: int, second: int, groups: int) -> None:
    rows, per_group = max(first, second), min(first, second)
    left, worst = rows, 0
    for _ in range(groups):  # the greedy choice is the largest: squares are convex
        took = min(left, per_group)
        left, worst = left - took, worst + took**2
    assert worst <= rows_squared(rows, per_group)


@pytest.mark.parametrize(("squared", "nanorho"), [(1, 1), (25, 10_000_000), (10**30, 7), (3, 99_999_999_999)])
def test_the_scale_is_the_least_that_is_enough(squared: int, nanorho: int) -> None:
    scale = scale_for(squared, nanorho)
    assert enough(scale, squared, nanorho)
    assert not enough(float(np.nextafter(np.nextafter(scale, 0), 0)), squared, nanorho) or scale < 1e-300


SINCE = 1_567_296_000_000_000
"""2019-09-01 in UTC, microseconds."""
LAST = (1 << 63) - 1
ENDS_OF_TIME = {
    "zoned": pa.array([SINCE, LAST, -LAST, LAST - 1, -LAST + 1, None], pa.timestamp("us", "UTC")),
    "local": pa.array([SINCE, LAST, -LAST, LAST - 1, -LAST + 1, None], pa.timestamp("us")),
    "days": pa.array([SINCE // 86_400_000_000, (1 << 31) - 2, -(1 << 31) + 2, 1, -1, None], pa.date32()),
}


@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai", "Pacific/Apia"])
@pytest.mark.parametrize("windows", [{"hours": 6}, {"hours": 6, "clock": True, "weekends": True}, {"days": 7}])
@pytest.mark.parametrize("column", list(ENDS_OF_TIME))
def test_no_time_of_one_unit_can_make_an_answer_fail(column: str, windows: dict[str, Any], zone: str) -> None:
    """A failure is told, so it would tell for certain that this one row is there."""
    dates = {"from": "2019-08-25", "until": "2019-09-29"}
    query, found = query_of({"kind": "count", "rows_per_unit": 2, "spend": {"rho": "0.1"},
                             "by": [{"windows": {"column": column, "zone": zone, **dates, **windows}}]})  # fmt: skip
    assert query is not None, found.problems
    table = pa.table({"unit": list("abcdef"), **ENDS_OF_TIME})
    assert aggregated(query, "unit", table)["n"].tolist() == [1]


def test_one_unit_written_in_several_ways_is_bounded_as_one() -> None:
    ways = ["u1", "ｕ１", "u\u200b1", "\ufeffu1"]
    asked, found = query_of({"kind": "count", "rows_per_unit": 2, "spend": {"rho": "0.1"}})
    assert asked is not None, found.problems
    table = pa.table({"unit": ways * 5})
    assert aggregated(asked, "unit", table)["n"].tolist() == [2]
    assert aggregated(asked, "unit", pa.table({"unit": ["u1", "U1", None]}))["n"].tolist() == [2]
