"""From strengths to shares, all columns at once: how much of a pairing's weight goes to each pair when no column and no
candidate is given twice, and each may stay alone.

Counting all pairings is out of reach; messages between columns and candidates (the Bethe approximation of a matching's
sum, exact where who competes with whom has no circle) give nearly the same. Each column tells a candidate how free it
is without it, each candidate tells a column how free it is without that.
Must never know: what is paired. Contract: tests/harmonise/matching/test_matching_scores.py (against every pairing).
"""

from __future__ import annotations

from collections.abc import Mapping as Map
from collections.abc import Sequence
from math import exp

_ROUNDS = 40
_CLOSE = 1e-6
_MOST = 30.0


def shares(strengths: Sequence[Map[int, float]], least: float) -> list[dict[int, float]]:
    """For each row {candidate: share}. Candidates weaker than `least` are rivals within their row alone: too weak to be
    given, they take nothing from other rows."""
    weights = [{number: exp(min(_MOST, strength)) for number, strength in row.items()} for row in strengths]
    wanted: dict[int, list[int]] = {}
    for at, row in enumerate(strengths):
        for number, strength in row.items():
            if strength > least:
                wanted.setdefault(number, []).append(at)
    contested = {number: rows for number, rows in sorted(wanted.items()) if len(rows) > 1}
    # how free a candidate is for a row, as far as other rows go
    free = {(at, number): 1.0 for number, rows in contested.items() for at in rows}
    for _ in range(_ROUNDS):
        offers = {
            (at, number): weights[at][number] / (1 + _others(weights[at], free, at, number)) for at, number in free
        }
        moved = 0.0
        for number, rows in contested.items():
            for at in rows:
                now = 1 / (1 + sum(offers[other, number] for other in rows if other != at))
                moved = max(moved, abs(now - free[at, number]))
                free[at, number] = now
        if moved < _CLOSE:
            break
    found = []
    for at, row in enumerate(weights):
        left = {number: weight * free.get((at, number), 1.0) for number, weight in row.items()}
        whole = 1 + sum(left.values())
        found.append({number: weight / whole for number, weight in left.items()})
    return found


def _others(row: Map[int, float], free: Map[tuple[int, int], float], at: int, but: int) -> float:
    return sum(weight * free.get((at, number), 1.0) for number, weight in row.items() if number != but)
