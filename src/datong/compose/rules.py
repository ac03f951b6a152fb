"""Composing, pure: who is still to answer, what every provider holds, rows joined by group, shares kept.

Must never know: stores, files, prices. Contract: tests/compose/test_compose_rules.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from datong.ground.refusal import Problem

Row = dict[str, Any]


def supply_problems(resources: Sequence[str], supplies: Any) -> list[Problem]:
    """What is wrong with {resource, agreement, node} items that should cover `resources`, once each."""
    if not isinstance(supplies, list) or not all(isinstance(s, Mapping) for s in supplies):
        return [Problem("supplies", "应为列表", "should be a list of {resource, agreement, node}")]
    problems = []
    for number, supply in enumerate(supplies):
        for key in ("resource", "agreement", "node"):
            if not (isinstance(supply.get(key), str) and 0 < len(supply[key]) <= 80):
                problems.append(Problem(f"supplies[{number}].{key}", "缺少", "is missing"))
    given = [str(supply.get("resource")) for supply in supplies]
    problems += [Problem(r, "没有供给", "has no supply") for r in resources if r not in given]
    problems += [Problem(r, "不在配方之内", "is not in the recipe") for r in sorted(set(given) - set(resources))]
    problems += [Problem(r, "出现两次", "occurs twice") for r in sorted({r for r in given if given.count(r) > 1})]
    agreements = [str(supply.get("agreement")) for supply in supplies]
    if len(set(agreements)) < len(agreements):
        problems.append(Problem("supplies", "合约重复", "two supplies have the same agreement"))
    return problems


def waiting_on(supplies: Iterable[Mapping[str, Any]], answered: Iterable[str]) -> list[dict[str, Any]]:
    """The supplies whose resource has not answered the round that is open."""
    there = set(answered)
    return [dict(supply) for supply in supplies if supply["resource"] not in there]


def held_by_all(held: Iterable[Iterable[str]]) -> list[str]:
    """Nodes that every provider told, sorted: the groups that pass at this level."""
    first, *others = (set(nodes) for nodes in held)
    return sorted(first.intersection(*others))


def joined(places: Sequence[Row], tables: Sequence[Sequence[Row]]) -> list[Row]:
    """One row per group: its place and window, the figures of every provider, all suppressed types.

    Each table has exactly the groups of `places`; figures are put side by side and never added.
    """
    by_group = [{str(row["group_id"]): row for row in table} for table in tables]
    rows = []
    for place in places:
        row: Row = dict(place)
        marks: list[str] = []
        for table in by_group:
            figures = table[place["group_id"]]
            marks += [mark for mark in str(figures["suppressed_types"] or "").split(",") if mark]
            row |= {name: value for name, value in figures.items() if name not in {"group_id", "suppressed_types"}}
        rows.append({**row, "suppressed_types": ",".join(marks)})
    return rows


def shares_kept(rows: Iterable[Row], events: str, labels: Sequence[str], suppressed: float) -> dict[str, float]:
    """{resolution: share of the events kept at it}, finest first; `suppressed` is the share in no group."""
    by_level = [0] * len(labels)
    for row in rows:
        by_level[row["level"]] += row[events]
    total = sum(by_level)
    return {
        label: round(count / total * (1 - suppressed), 6) if total else 0.0
        for label, count in zip(labels, by_level, strict=True)
    }
