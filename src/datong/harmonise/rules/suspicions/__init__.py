"""What a look at a sample makes one suspect: traps that are no errors of a value, found by figures over a column.

    times          not local, rounded
    numbers        two units, no unit, a number that means "none", one value alone
    codes          zeros or digits lost, birth numbers
    texts          decoded by a wrong table
    together       columns held against one another, and rows that are no records
    points         points against points of reference: a step of one datum
    enough         how many values a figure needs

Each detector takes columns of text and gives suspicions with their evidence. A suspicion is told, never acted upon, and
refuses nothing. Thresholds were set on real tables; tests/harmonise/suspicions/judged.yaml holds every suspicion they
raise there, each judged by hand. Must never know: files, engines. Contract: tests/harmonise/suspicions.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from collections.abc import Mapping as Map

from datong.harmonise.model.reading import SampleColumn
from datong.harmonise.model.suspicions import Suspicion
from datong.harmonise.rules.suspicions.codes import exponent, hidden_sex, is_postcode, leading_zeros
from datong.harmonise.rules.suspicions.enough import FEW, LEAST
from datong.harmonise.rules.suspicions.numbers import constant, mixed_units, sentinel, unit_left_out, unit_unread
from datong.harmonise.rules.suspicions.points import PAIRS, Point, datum_step, one_place, street
from datong.harmonise.rules.suspicions.texts import mojibake
from datong.harmonise.rules.suspicions.times import not_local_time, rounded
from datong.harmonise.rules.suspicions.together import (
    named_once,
    no_list,
    renamed,
    second_table,
    sums,
    swapped,
    totals,
)

__all__ = ["PAIRS", "Point", "datum_step", "no_list", "one_place", "street", "suspected", "unit_unread"]

MOST = 5000
"""Values of a column that are looked at, evenly spread."""


def suspected(
    columns: Sequence[SampleColumn], declared: Map[str, str] | None = None, numbers: Collection[str] = ()
) -> tuple[Suspicion, ...]:
    """Everything suspicious in a sample. declared: column -> "offset" or the zone its times are declared to be in.
    numbers: columns that are declared to be numbers, and so no codes, but where they are called a postcode."""
    found: list[Suspicion] = []
    zones = declared or {}
    for column in columns:
        values = [value.strip() for value in column.values if value is not None and value.strip()]
        marked = len(values) < 0.9 * len(column.values)  # √ or nothing: what is empty is the other value
        values = values[:: max(1, math.ceil(len(values) / MOST))]
        is_code = column.path not in numbers or is_postcode(column.path)
        if is_code and len(values) >= (FEW if any(value.startswith("0") for value in values) else LEAST):
            found += leading_zeros(column.path, values)
        if column.path in numbers:
            found += unit_left_out(column.path, values)
        if len(values) < LEAST:
            continue
        if zones.get(column.path) != "offset":
            found += not_local_time(column.path, values, zones.get(column.path, ""))
        found += [] if marked else constant(column.path, values)
        for detector in (hidden_sex, mixed_units, sentinel, rounded, exponent, mojibake):
            found += detector(column.path, values)
    found += [*swapped(columns), *sums(columns), *totals(columns), *named_once(columns)]
    return (*found, *renamed(columns), *second_table(columns))
