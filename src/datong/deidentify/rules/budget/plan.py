"""Contribution bounds and aggregation as plan steps over `harmonised`.

What decides which rows of a unit are kept looks at that unit's rows alone, so a neighbouring data set changes nothing
but the one unit's share. Kept are the first rows by a digest of their own content: it needs no key, because nothing of
the choice is shown but through the noise, and it does not favour early or small rows as an order by time or value
would. Rows that are alike in everything asked count as interchangeable and are numbered, so that the order among them
is immaterial and the result is the same on every run. No step can fail on a value: what is no number, no time, NaN or
infinite belongs to no group.
Must never know: noise, budgets. Contract: tests/deidentify/test_deidentify_budget_bounds.py.
"""

from __future__ import annotations

from datong.deidentify.model.budget import Bins, Cells, Classes, Dimension, Kind, Query, Value, Windows
from datong.deidentify.rules.budget.reading import cell_range, km_factors, size_of
from datong.engine.model import Plan, Step, literal, quoted


def plan_of(query: Query, unit: str) -> Plan:
    """`figures(g, v, n, s)`: rows and sum of values per group (and value, for quantiles), after the bounds.

    g: number of the group in the public order (answers.labels_of); v: the value in steps for quantiles, else 0.
    """
    value = _value(query.value) if query.value else "CAST(0 AS BIGINT)"
    placed = f"SELECT CAST({quoted(unit)} AS VARCHAR) AS unit, {_group(query.by)} AS g, {value} AS v FROM harmonised"
    numbered = (
        "SELECT unit, g, v, row_number() OVER (PARTITION BY unit, g, v) AS copy FROM placed "
        "WHERE unit IS NOT NULL AND g IS NOT NULL AND v IS NOT NULL"
    )
    content = "md5(concat_ws('|', unit, CAST(g AS VARCHAR), CAST(v AS VARCHAR), CAST(copy AS VARCHAR)))"
    ranked = f"SELECT unit, g, v, copy, {content} AS lot FROM numbered"
    in_group = (
        "SELECT unit, g, v, copy, lot FROM ranked QUALIFY row_number() OVER "
        f"(PARTITION BY unit, g ORDER BY lot, v, copy) <= {query.rows_per_group}"
    )
    kept = (
        "SELECT g, v FROM in_group QUALIFY row_number() OVER "
        f"(PARTITION BY unit ORDER BY lot, g, v, copy) <= {query.rows_per_unit}"
    )
    centre = query.value.centre if query.value and query.kind is Kind.mean else 0
    figures = "SELECT g, v, count(*) AS n, CAST(0 AS BIGINT) AS s FROM kept GROUP BY g, v ORDER BY g, v"
    if query.kind is not Kind.quantile:
        figures = (
            f"SELECT g, CAST(0 AS BIGINT) AS v, count(*) AS n, CAST(sum(v - CAST({centre} AS BIGINT)) AS BIGINT) AS s "
            "FROM kept GROUP BY g ORDER BY g"
        )
    steps = (
        Step("placed", placed, kept=False), Step("numbered", numbered, kept=False), Step("ranked", ranked, kept=False),
        Step("in_group", in_group, kept=False), Step("kept", kept), Step("figures", figures),
    )  # fmt: skip
    return Plan(steps, ("harmonised",))


def _group(by: tuple[Dimension, ...]) -> str:
    """The number of a row's group: its numbers in the dimensions, first dimension slowest; NULL when it has none."""
    number = "CAST(0 AS BIGINT)"
    for dimension in by:
        number = f"({number} * {size_of(dimension)} + {_place(dimension)})"
    return number


def _place(dimension: Dimension) -> str:
    match dimension:
        case Classes():
            column = f"CAST({quoted(dimension.column)} AS VARCHAR)"
            cases = " ".join(f"WHEN {column} = {literal(text)} THEN {n}" for n, text in enumerate(dimension.values))
            return f"CAST(CASE {cases} END AS BIGINT)"
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
    local = f"timezone({literal(windows.zone)}, TRY_CAST({quoted(windows.column)} AS TIMESTAMPTZ))"
    window = f"CAST(extract(hour FROM {local}) AS BIGINT) // {windows.hours}"
    since, until = f"CAST('{windows.since}' AS DATE)", f"CAST('{windows.until}' AS DATE)"
    day = f"CAST({local} AS DATE)"
    number = window if windows.clock else f"date_diff('day', {since}, {day}) * {24 // windows.hours} + {window}"
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
