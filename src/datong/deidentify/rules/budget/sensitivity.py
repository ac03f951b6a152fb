"""What one privacy unit may change in the figures of a question, and the scale of the noise that hides it.

Two data sets are neighbours when one has all rows of one unit more. After the bounds of `plan` a unit has at most M
rows, at most c in a group, so over all groups (which are fixed and public) its counts n_g satisfy n_g <= c and
sum n_g <= M; the sum of their squares is largest when as many groups as can be are full:
    (M // c) c^2 + (M mod c)^2.
Where a norm bounds the unit instead, its counts in steps are at most norm.steps long, by what `plan` does to them.
A figure that adds values of at most b a row changes by b n_g. A quantile at level l/1000 is picked by the score
|(1000 - l) below - l above|, which one row changes by at most max(l, 1000 - l). All of it is whole numbers.
Gaussian noise of standard deviation s costs squared / (2 s^2) of rho (Bun and Steinke 2016, Proposition 1.6; exact
for the discrete Gaussian, Canonne, Kamath and Steinke 2020, Theorem 4). Report-noisy-max with Gumbel noise of scale s
is the exponential mechanism of epsilon = 2 d / s, which costs epsilon^2 / 8 = d^2 / (2 s^2) (Cesar and Rogers 2021,
arXiv:2004.07223); over disjoint groups the squares add up. So both take the same scale.
Must never know: data. Contract: tests/deidentify/test_deidentify_budget_bounds.py.
"""

from __future__ import annotations

import math

from datong.deidentify.model.budget import NANO, Kind, Part, Query

UNITS_MAX = 1 << 31
"""More privacy units than there are people in any one country; with it sums cannot overflow whatever the data are."""
FIGURE_MAX = 1 << 62
"""Figures are 64-bit whole numbers, and the noise needs room above them."""


def rows_squared(rows_per_unit: int, rows_per_group: int) -> int:
    """The largest sum of squares of a unit's rows per group."""
    full, rest = divmod(rows_per_unit, rows_per_group)
    return full * rows_per_group**2 + rest**2


def per_row(query: Query, name: str) -> int:
    """By how much one row changes the figure `name` at most, in steps or rows or score points."""
    if name == "sum" and query.value is not None:
        if query.kind is Kind.mean:
            centre = query.value.centre
            return max(query.value.upper - centre, centre - query.value.lower)
        return max(abs(query.value.lower), abs(query.value.upper))
    if name.startswith("level"):
        level = int(name.removeprefix("level"))
        return max(level, 1000 - level)
    return 1


def parts(query: Query) -> tuple[Part, ...]:
    """The drawings of noise that answer a question; their costs add up to the question's, never to more."""
    names = {Kind.sum: ("sum",), Kind.mean: ("sum", "count")}.get(query.kind, ("count",))
    if query.kind is Kind.quantile:
        names = tuple(f"level{level}" for level in query.levels)
    share = query.cost_nanorho // len(names)
    rows = query.norm.steps**2 if query.norm else rows_squared(query.rows_per_unit, query.rows_per_group)
    return tuple(
        Part(name, share, (squared := rows * per_row(query, name) ** 2), scale_for(squared, share)) for name in names
    )


def scale_for(squared: int, nanorho: int) -> float:
    """The least double s with squared / (2 s^2) <= nanorho / NANO, exactly compared."""
    scale = math.sqrt(squared * NANO / (2 * nanorho))
    while not enough(scale, squared, nanorho):
        scale = math.nextafter(scale, math.inf)
    return scale


def enough(scale: float, squared: int, nanorho: int) -> bool:
    """Whether noise of `scale` costs at most `nanorho`; in whole numbers, so that nothing is rounded."""
    numerator, denominator = scale.as_integer_ratio()
    return squared * NANO * denominator**2 <= 2 * nanorho * numerator**2


def could_overflow(query: Query) -> bool:
    """Whether a figure, or a quantile's score, might leave 64 bits for some data; told before anything is spent."""
    rows = query.norm.steps if query.norm else query.rows_per_unit
    most = max(per_row(query, part.name) for part in parts(query)) * rows
    noise = max(part.scale for part in parts(query)) * 64
    return most * UNITS_MAX + noise >= FIGURE_MAX
