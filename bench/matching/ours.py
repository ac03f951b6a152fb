"""Datong's own matcher on the benchmark's tables: the only file here that imports Datong.

`matchers()` gives what Datong's `match_tables` says under the name `datong`, with its own verdicts, and `exact names`
beside it, which shows how far equal names alone go. Where this Datong has no matcher of two tables, only the latter is
there, and the page has no figures of ours.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from metrics import Matching
from pairs import Table

OURS, EXACT = "datong", "exact names"
Match = Callable[[Table, Table], Matching]


def exact(left: Table, right: Table) -> Matching:
    """Names that are the same once marks and case are gone."""
    plain = {name: re.sub(r"[\W_]+", "", name).lower() for name in (*left.columns, *right.columns)}
    scores = {(a, b): 1.0 for a in left.columns for b in right.columns if plain[a] == plain[b]}
    return Matching(scores, scores)


def matchers() -> dict[str, Match]:
    try:
        from datong.harmonise.model.reading import SampleColumn
        from datong.harmonise.rules.matching import match_tables
        from datong.harmonise.service import library
    except ImportError:
        return {EXACT: exact}
    elements = library()

    def columns(table: Table) -> tuple[SampleColumn, ...]:
        return tuple(
            SampleColumn(name, "", tuple(c or None for c in cells), "") for name, cells in table.columns.items()
        )

    def match(left: Table, right: Table) -> Matching:
        said = match_tables(columns(left), columns(right), elements)
        assigned = {(one.left, one.right): one.score for one in said if one.right is not None}
        return Matching(
            # a pair it assigns has the score it states for the assignment, any other one its score in the ranking
            {(one.left, name): score for one in said for name, score in one.ranked} | assigned,
            assigned,
            {one.left: str(one.verdict) for one in said},  # type: ignore[misc]
        )

    return {OURS: match, EXACT: exact}
