"""Nodes of the hierarchy: their ids, their ancestors, their place and window; groups out of passed nodes.

    node id     "<level>:<x>,<y>:<local window start>", e.g. "2:13,-4:2019-09-07T18"; whole area or period = "*"
    group       a passed node: what of it was not released in finer groups ("rest of ..." when something was)

Cells are squares of a local equirectangular grid, kilometres east and north of the origin; windows begin at
local midnight and count local wall-clock hours, so a day has 23 or 25 hours when the clocks change and windows
of one level still nest in those of the next. Must never know: events.
Contract: tests/deidentify/test_deidentify_nodes.py (equal to the SQL of rules.counting on random events).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from datong.deidentify.model.joint import Recipe
from datong.ground.canonical import digest

KM_PER_DEGREE = 2 * math.pi * 6371.0088 / 360
"""Kilometres per degree of a great circle on the mean sphere (IUGG mean radius 6371.0088 km)."""

NODE = re.compile(r"(\d{1,2}):(?:(-?\d{1,6}),(-?\d{1,6})|\*):(?:(\d{4}-\d{2}-\d{2})T(\d{2})|\*)")


@dataclass(frozen=True)
class Node:
    level: int
    cell: tuple[int, int] | None
    window: tuple[date, int] | None
    """Local date and first hour."""

    def __str__(self) -> str:
        cell = f"{self.cell[0]},{self.cell[1]}" if self.cell else "*"
        window = f"{self.window[0].isoformat()}T{self.window[1]:02d}" if self.window else "*"
        return f"{self.level}:{cell}:{window}"


@dataclass(frozen=True)
class Group:
    """A released group: its node and whether finer groups were taken out of it."""

    node: Node
    rest: bool


def km_factors(recipe: Recipe) -> tuple[float, float]:
    """(km per degree east, km per degree north) at the origin."""
    return KM_PER_DEGREE * math.cos(math.radians(recipe.origin[0])), KM_PER_DEGREE


def node_at(recipe: Recipe, level: int, lat: float, lon: float, local: datetime) -> Node:
    """The node of `level` that holds a place (degrees) at a local wall-clock time."""
    east, north = km_factors(recipe)
    km = recipe.levels[0].km or 1
    x = math.floor((lon - recipe.origin[1]) * east / km)
    y = math.floor((lat - recipe.origin[0]) * north / km)
    hours = recipe.levels[0].hours or 24
    finest = Node(
        0,
        (x, y) if recipe.levels[0].km else None,
        (local.date(), local.hour // hours * hours) if recipe.levels[0].hours else None,
    )
    return ancestor(recipe, finest, level)


def ancestor(recipe: Recipe, node: Node, level: int) -> Node:
    """The node of a coarser (or the same) `level` that holds `node`."""
    fine, coarse = recipe.levels[node.level], recipe.levels[level]
    cell = window = None
    if coarse.km is not None:
        assert node.cell is not None and fine.km is not None
        factor = coarse.km // fine.km
        cell = (node.cell[0] // factor, node.cell[1] // factor)
    if coarse.hours is not None:
        assert node.window is not None
        window = (node.window[0], node.window[1] // coarse.hours * coarse.hours)
    return Node(level, cell, window)


def node_of(recipe: Recipe, text: str) -> Node:
    """The node of an id; ValueError when it is none of this recipe's (malformed, unknown level, out of place)."""
    match = NODE.fullmatch(text)
    if match is None or int(match[1]) >= len(recipe.levels):
        raise ValueError("not a node id")
    level = recipe.levels[int(match[1])]
    cell = (int(match[2]), int(match[3])) if match[2] is not None else None
    window = (date.fromisoformat(match[4]), int(match[5])) if match[4] is not None else None
    if (cell is None) != (level.km is None) or (window is None) != (level.hours is None):
        raise ValueError("not a node of its level")
    if window is not None and (
        window[1] % (level.hours or 24) or window[1] > 23 or not recipe.since <= window[0] < recipe.until
    ):
        raise ValueError("not a window of its level and period")
    node = Node(int(match[1]), cell, window)
    if str(node) != text:
        raise ValueError("not in its one spelling")
    return node


def window_of(recipe: Recipe, node: Node) -> tuple[datetime, datetime]:
    """[start, end) of a node's window as UTC instants; a local time that occurs twice counts from its first."""
    if node.window is None:
        first, hours = datetime.combine(recipe.since, time()), 0
        last = datetime.combine(recipe.until, time())
    else:
        hours = recipe.levels[node.level].hours or 24
        first = datetime.combine(node.window[0], time(node.window[1]))
        last = first + timedelta(hours=hours)  # wall-clock arithmetic: both are naive local times
    zone = ZoneInfo(recipe.zone)
    return tuple(at.replace(tzinfo=zone, fold=0).astimezone(UTC) for at in (first, last))  # type: ignore[return-value]


def groups_of(recipe: Recipe, passed: Sequence[Iterable[str]]) -> list[Group]:
    """The released groups, finest first, out of the passed node ids of each level."""
    nodes = [node_of(recipe, text) for level in passed for text in sorted(level)]
    shadowed = {
        str(ancestor(recipe, node, level)) for node in nodes for level in range(node.level + 1, len(recipe.levels))
    }
    return [Group(node, str(node) in shadowed) for node in nodes]


def groups_digest(recipe_digest: str, passed: Sequence[Iterable[str]]) -> str:
    """What the parties agree on: the recipe and the passed nodes of every level."""
    return digest({"recipe": recipe_digest, "passed": [sorted(level) for level in passed]})
