"""From evidence to what each column gets: shares of a one-to-one pairing, scores, the assignment.

Strengths are those of a column's strongest candidates. Nothing depends on the order of the columns: they are assigned
in the order of their names. Must never know: names of candidates, values.
Contract: tests/harmonise/matching/test_matching_scores.py, test_matching_proposals.py.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from collections.abc import Mapping as Map

from datong.harmonise.rules.matching.assignment import assigned
from datong.harmonise.rules.matching.evidence import NAMED, Found
from datong.harmonise.rules.matching.marginals import shares
from datong.harmonise.rules.matching.scores import Model

TRIED = 12
"""So many candidates of a column take part."""

Strengths = dict[int, float]
"""Candidate -> strength, the strongest first."""


def strengths_of(model: Model, evidence: Sequence[Found], refused: Collection[int] = ()) -> Strengths:
    """The strongest candidates, best first. Evidence that candidates share is weighed once."""
    known = {id(found): model.strength(found.features) for found in {id(f): f for f in evidence}.values()}
    every = [(known[id(found)], number) for number, found in enumerate(evidence) if number not in refused]
    return {number: strength for strength, number in sorted(every, key=lambda pair: (-pair[0], pair[1]))[:TRIED]}


def shares_of(
    model: Model, paths: Sequence[str], rows: Sequence[Strengths], sure: Map[int, int]
) -> list[dict[int, float]]:
    """For each column the share of each candidate; a column in `sure` has its own whole, and nobody else has it."""
    taken = set(sure.values())
    order = sorted(range(len(paths)), key=lambda at: paths[at])
    free = [{} if at in sure else {n: s for n, s in rows[at].items() if n not in taken} for at in order]
    found: list[dict[int, float]] = [{} for _ in paths]
    for at, row in zip(order, shares(free, model.least), strict=True):
        found[at] = {sure[at]: 1.0} if at in sure else row
    return found


def chosen(model: Model, paths: Sequence[str], rows: Sequence[Strengths], sure: Map[int, int]) -> list[int | None]:
    """For each column its candidate; those in `sure` have theirs before the others are assigned."""
    taken = set(sure.values())
    order = sorted(range(len(paths)), key=lambda at: paths[at])
    gains = [
        {} if at in sure else {n: s - model.least for n, s in rows[at].items() if n not in taken and s > model.least}
        for at in order
    ]
    result: list[int | None] = [None] * len(paths)
    for at, number in zip(order, assigned(gains), strict=True):
        result[at] = number
    seen: set[int] = set()
    for at in order:
        if at in sure and sure[at] not in seen:
            result[at] = sure[at]
            seen.add(sure[at])
    return result


def scored(model: Model, row: Map[int, float], evidence: Sequence[Found]) -> list[tuple[float, int]]:
    """Scores of a column's candidates by their shares and by how far the name says it, best first."""
    scores = [(model.score(share, named(evidence[number].features)), number) for number, share in row.items()]
    return sorted(scores, key=lambda pair: (-pair[0], pair[1]))


def named(features: Sequence[float]) -> float:
    """0..1: how far the name or the comment says it."""
    return max(features[:NAMED])
