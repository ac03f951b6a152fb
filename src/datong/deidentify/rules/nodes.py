"""Nodes of the hierarchy: their ids, their ancestors, their place and window; groups out of passed nodes.

    node id     "<level>:<x>,<y>:<window>", e.g. "2:13,-4:2019-09-07T18"; whole area or period = "*"
    group       a passed node: what of it was not released in finer groups ("rest of ..." when something was)
    rest        a passed node of a marginal, whose number follows the levels': groups of one level told once more

Cells are squares of a local equirectangular grid, kilometres east and north of the origin. Windows (rules.windows)
begin at local midnight and count local wall-clock hours, so a day has 23 or 25 hours when the clocks change and windows
of one level still nest in those of the next. Must never know: events.
Contract: tests/deidentify/test_deidentify_nodes.py (equal to the SQL of rules.counting on random events).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from datong.deidentify.model.joint import Recipe
from datong.deidentify.rules.windows import Window, coarser, hull, window_at, window_of_text
from datong.ground.canonical import digest

KM_PER_DEGREE = 2 * math.pi * 6371.0088 / 360
"""Kilometres per degree of a great circle on the mean sphere (IUGG mean radius 6371.0088 km)."""

NODE = re.compile(r"(\d{1,2}):(?:(-?\d{1,6}),(-?\d{1,6})|\*):(\S{1,40})")


@dataclass(frozen=True)
class Node:
    level: int
    cell: tuple[int, int] | None
    window: Window | None

    def __str__(self) -> str:
        cell = f"{self.cell[0]},{self.cell[1]}" if self.cell else "*"
        return f"{self.level}:{cell}:{self.window or '*'}"


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
    finest = Node(0, (x, y) if recipe.levels[0].km else None, None)
    window = window_at(recipe.rounds[level], local.date(), local.hour)
    return Node(level, _cell(recipe, finest, level), window)


def ancestor(recipe: Recipe, node: Node, level: int) -> Node:
    """The node of a coarser (or the same) `level` that holds `node`."""
    coarse = recipe.rounds[level]
    return Node(level, _cell(recipe, node, level), coarser(coarse, node.window) if node.window else None)


def _cell(recipe: Recipe, node: Node, level: int) -> tuple[int, int] | None:
    fine, coarse = recipe.rounds[node.level], recipe.rounds[level]
    if coarse.km is None:
        return None
    assert node.cell is not None and fine.km is not None
    factor = coarse.km // fine.km
    return node.cell[0] // factor, node.cell[1] // factor


def node_of(recipe: Recipe, text: str) -> Node:
    """The node of an id; ValueError when it is none of this recipe's (malformed, unknown level, out of place)."""
    match = NODE.fullmatch(text)
    if match is None or int(match[1]) >= len(recipe.rounds):
        raise ValueError("not a node id")
    level = recipe.rounds[int(match[1])]
    cell = (int(match[2]), int(match[3])) if match[2] is not None else None
    if (cell is None) != (level.km is None) or (match[4] == "*") != level.whole:
        raise ValueError("not a node of its level")
    window = None if level.whole else window_of_text(level, match[4], recipe.since, recipe.until)
    node = Node(int(match[1]), cell, window)
    if str(node) != text:
        raise ValueError("not in its one spelling")
    return node


def is_rest(recipe: Recipe, node: Node) -> bool:
    """Whether it is of a marginal: its events are those of groups told besides."""
    return node.level >= len(recipe.levels)


def window_of(recipe: Recipe, node: Node) -> tuple[datetime, datetime]:
    """[start, end) of a node's window as UTC instants; a local time that occurs twice counts from its first.

    Like days and nights have other times between them: this is from the first to the last.
    """
    first, last = hull(recipe.rounds[node.level], node.window, recipe.since, recipe.until)
    zone = ZoneInfo(recipe.zone)
    return tuple(at.replace(tzinfo=zone, fold=0).astimezone(UTC) for at in (first, last))  # type: ignore[return-value]


def groups_of(recipe: Recipe, passed: Sequence[Iterable[str]]) -> list[Group]:
    """The released groups, finest first, then the rests, out of the passed node ids of each round."""
    nodes = [node_of(recipe, text) for level in passed for text in sorted(level)]
    shadowed = {
        str(ancestor(recipe, node, level)) for node in nodes for level in range(node.level + 1, len(recipe.levels))
    }  # a rest has no level above its own
    return [Group(node, str(node) in shadowed) for node in nodes]


def groups_digest(recipe_digest: str, passed: Sequence[Iterable[str]]) -> str:
    """What the parties agree on: the recipe and the passed nodes of every level."""
    return digest({"recipe": recipe_digest, "passed": [sorted(level) for level in passed]})
