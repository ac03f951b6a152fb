"""Contribution bounds and aggregation as plan steps over `harmonised`.

What decides which rows of a unit are kept looks at that unit's rows alone, so a neighbouring data set changes nothing
but the one unit's share. Kept are the first rows by a digest of their own content: it needs no key, because nothing of
the choice is shown but through the noise, and it does not favour early or small rows as an order by time or value
would. Rows of a unit that are alike in everything asked are counted first and stand together, so the result is the
same on every run. No step can fail on a value, nor does one change how another is read: what is no number, NaN,
infinite or a time far from the windows belongs to no group. Times are of a time type: of texts read as times, one that
names its zone would give it to those after it (DuckDB 1.5).
A norm shrinks a unit's counts instead of leaving rows out. Its arithmetic is in doubles; each length is taken MARGIN
too long and each count MARGIN too small before it is cut to whole steps, which is far more than doubles round.
Must never know: noise, budgets. Contract: tests/deidentify/test_deidentify_budget_bounds.py.
"""

from __future__ import annotations

import math
from datetime import date, timedelta

from datong.deidentify.model.budget import (
    NORM_STEPS,
    Bins,
    Cells,
    Classes,
    Dimension,
    Kind,
    Norm,
    Query,
    Value,
    Windows,
)
from datong.deidentify.rules.budget.reading import cell_range, km_factors, size_of
from datong.deidentify.rules.spelling import in_sql
from datong.engine.model import Plan, Step, literal, quoted

MARGIN = 1e-9
"""Half a million groups added in doubles round by less than a tenth of it."""


def plan_of(query: Query, unit: str) -> Plan:
    """`figures(g, v, n, s)`: rows and sum of values per group (and value, for quantiles), after the bounds.

    g: number of the group in the public order (answers.labels_of); v: the value in steps for quantiles, else 0.
    Inputs: `harmonised`, and `classes_0`, … as `classes_of` gives them.
    """
    value = _value(query.value) if query.value else "CAST(0 AS BIGINT)"
    joins = " ".join(
        f"LEFT JOIN classes_{n} ON CAST(h.{quoted(dimension.column)} AS VARCHAR) = classes_{n}.datong_label"
        for n, dimension in enumerate(query.by)
        if isinstance(dimension, Classes)
    )
    columns = f"{in_sql(f'CAST({quoted(unit)} AS VARCHAR)')} AS unit, {_group(query.by)} AS g, {value} AS v"
    placed = f"SELECT {columns} FROM harmonised h {joins}"
    alike = (
        "SELECT unit, g, v, CAST(count(*) AS BIGINT) AS n FROM placed "
        "WHERE unit IS NOT NULL AND g IS NOT NULL AND v IS NOT NULL GROUP BY unit, g, v"
    )
    if query.norm:
        return Plan(
            (
                Step("placed", placed, kept=False),
                Step("alike", alike),
                *_shrunk(query, query.norm),
                Step("figures", ADDED),
            ),
            ("harmonised", *classes_of(query)),
        )
    fewest = min(query.rows_per_unit, query.rows_per_group)
    steps = [Step("placed", placed, kept=False), Step("alike", alike), Step("units", UNITS)]
    steps.append(Step("lots", f"{LOTS} WHERE u.rows > {fewest}", kept=False))
    bounded = "lots"
    if query.rows_per_group < query.rows_per_unit:
        steps.append(Step("in_group", _first(query.rows_per_group, "unit, g", "lot, v", bounded), kept=False))
        bounded = "in_group"
    steps.append(Step("chosen", _first(query.rows_per_unit, "unit", "lot, g, v", bounded), kept=False))
    few = f"SELECT a.g, a.v, a.n FROM alike a JOIN units u ON a.unit = u.unit WHERE u.rows <= {fewest}"
    steps.append(Step("kept", f"{few} UNION ALL SELECT g, v, n FROM chosen", kept=False))
    centre = query.value.centre if query.value and query.kind is Kind.mean else 0
    shown, keys = ("v", "g, v") if query.kind is Kind.quantile else ("CAST(0 AS BIGINT) AS v", "g")
    added = f"CAST(sum(n * (v - CAST({centre} AS BIGINT))) AS BIGINT)"
    sums = f"CAST(sum(n) AS BIGINT) AS n, {'CAST(0 AS BIGINT)' if query.kind is Kind.quantile else added} AS s"
    figures = f"SELECT g, {shown}, {sums} FROM kept WHERE n > 0 GROUP BY {keys} ORDER BY {keys}"
    return Plan((*steps, Step("figures", figures)), ("harmonised", *classes_of(query)))


def classes_of(query: Query) -> dict[str, tuple[str, ...]]:
    """Name of an input `(datong_label, datong_number)` -> its labels in the order of their numbers."""
    return {f"classes_{n}": d.values for n, d in enumerate(query.by) if isinstance(d, Classes)}


UNITS = (
    "SELECT unit, rows, row_number() OVER (ORDER BY unit) AS number "
    "FROM (SELECT unit, CAST(sum(n) AS BIGINT) AS rows FROM alike GROUP BY unit) of_units"
)
"""Only units with more rows than may count need a choice; numbers of units sort faster than their texts."""
LOTS = (
    "SELECT u.number AS unit, a.g, a.v, a.n, "
    "substr(md5(concat_ws('|', a.unit, CAST(a.g AS VARCHAR), CAST(a.v AS VARCHAR))), 1, 12) AS lot "
    "FROM alike a JOIN units u ON a.unit = u.unit"
)
ADDED = (
    "SELECT g, CAST(0 AS BIGINT) AS v, CAST(sum(n) AS BIGINT) AS n, CAST(0 AS BIGINT) AS s FROM kept WHERE n > 0 "
    "GROUP BY g ORDER BY g"
)


def _shrunk(query: Query, norm: Norm) -> list[Step]:
    """`kept(g, n)`: counts in steps, of each unit at most norm.steps long.

    Squares of counts are whole numbers, which doubles add exactly up to 2^53, in any order.
    """
    window = _window_of_group(query.by) if norm.share is not None else "CAST(0 AS BIGINT)"
    lengths = (
        f"SELECT unit, {window} AS w, sqrt(sum(CAST(n AS DOUBLE) * CAST(n AS DOUBLE))) * {1 + MARGIN!r} AS length "
        f"FROM alike GROUP BY unit, {window}"
    )
    ranked = "SELECT *, row_number() OVER (PARTITION BY unit ORDER BY w) - 1 AS k FROM lengths"
    share = "" if norm.share is None else f" * sqrt({_number(norm.share)} * power({_number(1 - norm.share)}, k))"
    allowed = f"SELECT unit, w, length, {_number(norm.most)}{share} AS allowed FROM ranked"
    steps = f"CAST(n AS DOUBLE) * {float(NORM_STEPS)!r}"
    kept = (
        f"SELECT a.g, CASE WHEN b.length <= b.allowed THEN a.n * {NORM_STEPS} "
        f"ELSE CAST(floor({steps} * b.allowed / b.length * {1 - MARGIN!r}) AS BIGINT) END AS n "
        f"FROM (SELECT *, {window} AS w FROM alike) a JOIN allowed b ON a.unit = b.unit AND a.w = b.w"
    )
    return [
        Step("lengths", lengths, kept=False), Step("ranked", ranked, kept=False), Step("allowed", allowed, kept=False),
        Step("kept", kept, kept=False),
    ]  # fmt: skip


def _window_of_group(by: tuple[Dimension, ...]) -> str:
    """The number of the one window in time order, out of the group's number."""
    place = next(n for n, dimension in enumerate(by) if isinstance(dimension, Windows) and not dimension.clock)
    below = math.prod(size_of(dimension) for dimension in by[place + 1 :])
    return f"((g // {below}) % {size_of(by[place])})"


def _first(rows: int, of: str, order: str, table: str) -> str:
    """`table` with `n` cut so that each `of` has at most `rows` rows, the first in this order."""
    before = f"sum(n) OVER (PARTITION BY {of} ORDER BY {order} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
    left = f"greatest(0, {rows} - coalesce({before}, 0))"
    return f"SELECT unit, g, v, lot, CAST(least(n, {left}) AS BIGINT) AS n FROM {table}"


def _group(by: tuple[Dimension, ...]) -> str:
    """The number of a row's group: its numbers in the dimensions, first dimension slowest; NULL when it has none."""
    number = "CAST(0 AS BIGINT)"
    for n, dimension in enumerate(by):
        number = f"({number} * {size_of(dimension)} + {_place(dimension, n)})"
    return number


def _place(dimension: Dimension, n: int) -> str:
    match dimension:
        case Classes():
            return f"classes_{n}.datong_number"
        case Bins():
            column = _double(dimension.column)
            upper = dimension.edges[1:]
            cases = " ".join(f"WHEN {column} < {_number(edge)} THEN {n}" for n, edge in enumerate(upper))
            return f"CAST(CASE WHEN {column} >= {_number(dimension.edges[0])} THEN CASE {cases} END END AS BIGINT)"
        case Cells():
            return _cell(dimension)
        case Windows():
            return _window(dimension)


def _cell(cells: Cells) -> str:
    """The same arithmetic in the same order as joint partitions (rules.counting)."""
    west, _, south, north = cell_range(cells)
    factors = km_factors(cells)
    lat, lon = _double(cells.lat), _double(cells.lon)
    s, w, n, e = cells.area
    x, y = (
        f"TRY_CAST(floor(({at} - {_number(origin)}) * {_number(factor)} / {_number(cells.km)}) AS BIGINT)"
        for at, origin, factor in ((lon, cells.origin[1], factors[0]), (lat, cells.origin[0], factors[1]))
    )
    inside = f"{lat} >= {_number(s)} AND {lat} < {_number(n)} AND {lon} >= {_number(w)} AND {lon} < {_number(e)}"
    return f"(CASE WHEN {inside} THEN ({x} - ({west})) * {north - south + 1} + {y} - ({south}) END)"


def _window(windows: Windows) -> str:
    """Only times near the windows are made local: at the ends of time that fails."""
    at, apart = quoted(windows.column), timedelta(days=2)
    first, last = max(windows.since, date.min + apart) - apart, min(windows.until, date.max - apart) + apart
    within = f"{at} >= CAST('{first}' AS DATE) AND {at} < CAST('{last}' AS DATE)"
    near = f"CASE WHEN {within} THEN CAST({at} AS TIMESTAMPTZ) END"
    local = f"timezone({literal(windows.zone)}, {near})"
    window = f"CAST(extract(hour FROM {local}) AS BIGINT) // {windows.hours}"
    a_day = 24 // windows.hours
    since, until = f"CAST('{windows.since}' AS DATE)", f"CAST('{windows.until}' AS DATE)"
    day = f"CAST({local} AS DATE)"
    nth = f"date_diff('day', {since}, {day})"
    number = f"{nth} // {windows.days}" if windows.days else f"{nth} * {a_day} + {window}"
    if windows.clock:
        weekend = f"({nth} + {windows.since.weekday()}) % 7 >= 5"
        number = f"CASE WHEN {weekend} THEN {a_day} ELSE 0 END + {window}" if windows.weekends else window
    return f"(CASE WHEN {day} >= {since} AND {day} < {until} THEN {number} END)"


def _value(value: Value) -> str:
    """The value in whole steps within the bounds; NULL when it is no finite number."""
    number = _double(value.column)
    steps = f"{number} / {_number(value.step)}"
    bounded = f"greatest({_number(value.lower)}, least({_number(value.upper)}, round({steps})))"
    return f"(CASE WHEN isfinite({number}) THEN TRY_CAST({bounded} AS BIGINT) END)"


def _double(column: str) -> str:
    return f"TRY_CAST({quoted(column)} AS DOUBLE)"


def _number(value: object) -> str:
    return f"CAST({float(str(value))!r} AS DOUBLE)"
