"""One-to-one assignment of greatest gain, where a row may stay without a partner.

Shortest augmenting paths (the Hungarian method with potentials), O(rows^2 * columns) at worst, for some hundred rows a
few milliseconds. Written here because SciPy, which has it, would weigh 60 MB in every installation for these lines.
Must never know: what is assigned. Contract: tests/harmonise/matching/test_matching_assignment.py (against every
permutation).
"""

from __future__ import annotations

from collections.abc import Mapping as Map
from collections.abc import Sequence
from math import inf


def assigned(gains: Sequence[Map[int, float]]) -> list[int | None]:
    """For each row the column it gets, or None. gains: row -> {column: gain}; only gains above 0 are taken.

    No column is given twice, and the sum of the gains is the greatest there is.
    """
    columns = sorted({column for row in gains for column, gain in row.items() if gain > 0})
    place = {column: at for at, column in enumerate(columns, 1)}
    costs = [{place[column]: -gain for column, gain in sorted(row.items()) if gain > 0} for row in gains]
    for row, cost in enumerate(costs, 1):
        cost[len(columns) + row] = 0.0  # each row has a place of its own where it stays alone
    owner = _owners(costs, len(columns) + len(gains))
    result: list[int | None] = [None] * len(gains)
    for at, column in enumerate(columns, 1):
        if owner[at]:
            result[owner[at] - 1] = column
    return result


def _owners(costs: Sequence[Map[int, float]], places: int) -> list[int]:
    """For each place (from 1) the row (from 1) that has it, 0 = none, at the least cost."""
    of_row, of_place = [0.0] * (len(costs) + 1), [0.0] * (places + 1)
    owner = [0] * (places + 1)
    for row in range(1, len(costs) + 1):
        owner[0], here = row, 0
        least, before, used = [inf] * (places + 1), [0] * (places + 1), [False] * (places + 1)
        while True:
            used[here] = True
            mover = owner[here]
            for at, cost in costs[mover - 1].items():
                left = cost - of_row[mover] - of_place[at]
                if not used[at] and left < least[at]:
                    least[at], before[at] = left, here
            step, there = min((least[at], at) for at in range(1, places + 1) if not used[at])
            for at in range(places + 1):
                if used[at]:
                    of_row[owner[at]] += step
                    of_place[at] -= step
                else:
                    least[at] -= step
            here = there
            if not owner[here]:
                break
        while here:
            owner[here] = owner[before[here]]
            here = before[here]
    return owner
