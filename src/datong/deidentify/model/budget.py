"""A question answered with noise: what is asked, of what each person may give, what it costs.

Whole numbers only: a value is counted in steps (分, metres), a cost in nano-rho, so that neither the answers nor the
ledger round. Must never know: databases, data, who asks. Contract: tests/deidentify/test_deidentify_budget_query.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any

NANO = 1_000_000_000
"""Nano-rho in one rho of zero-concentrated differential privacy (Bun and Steinke 2016, arXiv:1605.02065)."""


class Kind(StrEnum):
    """What is asked. histogram and flow are counts whose groups have that shape."""

    rows = "count"
    sum = "sum"
    mean = "mean"
    quantile = "quantile"
    histogram = "histogram"
    flow = "flow"


class ReleaseState(StrEnum):
    """debited: paid for, not answered yet; answered; failed: paid for, and nothing will come."""

    debited = "debited"
    answered = "answered"
    failed = "failed"


class Line(StrEnum):
    """What a line of the ledger tells: a cap was set; an answer was paid for; a kept answer was given again."""

    cap = "cap"
    debit = "debit"
    again = "again"


@dataclass(frozen=True)
class Value:
    """The column that is added up or ranked, in whole steps: lower and upper are numbers of steps."""

    column: str
    lower: int
    upper: int
    step: Decimal

    @property
    def centre(self) -> int:
        """The number of steps a mean is measured from, so that a person's share of it is at most half the width."""
        return (self.lower + self.upper) // 2


@dataclass(frozen=True)
class Classes:
    """Groups by the text of a column; other texts belong to no group."""

    column: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Bins:
    """Groups by a number: [edge, next edge)."""

    column: str
    edges: tuple[Decimal, ...]


@dataclass(frozen=True)
class Cells:
    """Groups by place (WGS 84 degrees): squares of km x km from `origin` (lat, lon) that touch `area`.

    area: south, west, north, east. The same grid as joint partitions have (rules.nodes).
    """

    name: str
    lat: str
    lon: str
    km: int
    origin: tuple[Decimal, Decimal]
    area: tuple[Decimal, Decimal, Decimal, Decimal]


@dataclass(frozen=True)
class Windows:
    """Groups by local time from `since` until `until` (excluded), `hours` long.

    clock: by hour of the day, all days together; else each day has windows of its own. weekends: with clock,
    Saturdays and Sundays apart from the other days. days: windows of whole days instead of hours, 0 = none. name: of
    the column in the answer, where it is not that of the data.
    """

    column: str
    zone: str
    since: date
    until: date
    hours: int
    clock: bool
    weekends: bool = False
    days: int = 0
    name: str = ""


@dataclass(frozen=True)
class Norm:
    """What one unit may give to a count in all groups together: its rows per group are a vector, shrunk to a length.

    most: the length (2-norm) in rows, a multiple of 1 / NORM_STEPS. share: None, or between 0 and 1: the unit's k-th
    window that it has rows in may have share (1 - share)^(k - 1) of the square, and no window looks at a later one.
    """

    most: Decimal
    share: Decimal | None

    @property
    def steps(self) -> int:
        return int(self.most * NORM_STEPS)


NORM_STEPS = 1000
"""Figures under a norm are counted in thousandths of a row, rounded towards zero, so they are whole numbers too."""


Dimension = Classes | Bins | Cells | Windows


def columns_of(dimension: Dimension) -> tuple[str, ...]:
    return (dimension.lat, dimension.lon) if isinstance(dimension, Cells) else (dimension.column,)


@dataclass(frozen=True)
class Query:
    """One question over one privacy unit.

    rows_per_unit: how many rows of one unit count at all; rows_per_group: how many of them in one group.
    norm: bounds the length of a unit's counts instead, and the other two are 0.
    by: dimensions whose product is the public partition. levels: of quantiles, in thousandths.
    cost_nanorho: what it may cost. asked: the canonical JSON form, which is what makes two requests the same.
    """

    kind: Kind
    rows_per_unit: int
    rows_per_group: int
    value: Value | None
    by: tuple[Dimension, ...]
    levels: tuple[int, ...]
    cost_nanorho: int
    asked: Mapping[str, Any]
    norm: Norm | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns whose values an answer speaks of: those of its groups and its value; the unit is never shown."""
        of = [column for dimension in self.by for column in columns_of(dimension)]
        return tuple(sorted({*of, *([self.value.column] if self.value else [])}))


@dataclass(frozen=True)
class Part:
    """One drawing of noise over all groups: its name, its share of the cost, what one unit may change.

    squared: the square of the largest change of the vector of figures in the 2-norm, exact.
    scale: of the noise: the standard deviation of a Gaussian, the Gumbel scale of a quantile.
    """

    name: str
    cost_nanorho: int
    squared: int
    scale: float
