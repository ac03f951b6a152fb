"""What a buyer makes of a product's groups and rests: expected numbers of events by finest cell and window.

A group's events are spread over the cells and windows it alone can hold; rests say how the groups of one level lie over
the times of the level before. Both are met by scaling rows and columns in turn (iterative proportional fitting: Deming
and Stephan 1940). What neither says is spread as the events told so far lie over the hours of like days of the week.
Nothing here knows more than the table. Must never know: events, owners.
Contract: tests/cli/test_cli_flows.py, tests/bench/test_flows.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datong.deidentify.model.joint import Level, Over, Recipe
from datong.deidentify.rules.nodes import Node, node_of
from datong.deidentify.rules.windows import window_at

Real = NDArray[np.float64]
Whole = NDArray[np.int64]
ROUNDS, CLOSE = 100, 1e-6
"""Scalings at most, and the relative change of a column that ends them."""


@dataclass(frozen=True)
class Told:
    """A level of a table: which of its cells and times each finest cell and window is in, and what was told.

    cell, time: numbers, (cells,) and (windows,); events: (cells of the level, times of the level), nan where no group;
    rest: of its groups by the times of the level before, nan where not told; None without a marginal.
    """

    cell: Whole
    time: Whole
    events: Real
    rest: Real | None = None


def fitted(levels: Sequence[Told], like: Whole) -> Real:
    """(cells, windows): expected events. like: (windows,) numbers of those that are alike, e.g. weekdays at 18 h."""
    cells, windows = len(levels[0].cell), len(levels[0].time)
    made, done = np.zeros((cells, windows)), np.zeros((cells, windows), bool)
    alike = np.bincount(like).astype(float)
    for number, level in enumerate(levels):
        place = level.cell[:, None] * level.events.shape[1] + level.time[None, :]
        there = np.isfinite(level.events.ravel())
        here = there[place] & ~done
        so_far = made.sum(0)
        profile = (np.bincount(like, weights=so_far) / alike)[like] + 0.01 * (1 + so_far.mean())
        spread = _to_groups(np.where(here, profile, 0.0), place, np.where(there, level.events.ravel(), 0.0))
        if number and level.rest is not None:
            spread = _to_both(spread, place, level, levels[number - 1].time)
        made += spread
        done |= here
    return made


def _to_groups(spread: Real, place: Whole, events: Real) -> Real:
    whole = np.bincount(place.ravel(), weights=spread.ravel(), minlength=len(events))
    factor = np.divide(events, whole, out=np.zeros(len(events)), where=whole > 0)
    scaled: Real = spread * factor[place]
    return scaled


def _to_both(spread: Real, place: Whole, level: Told, times: Whole) -> Real:
    assert level.rest is not None
    events = np.nan_to_num(level.events.ravel())
    told = np.isfinite(level.rest)
    if not told.any():
        return spread
    for _ in range(ROUNDS):
        now = np.bincount(times, weights=spread.sum(0), minlength=len(told))
        factor = np.where(told & (now > 0), np.divide(level.rest, now, out=np.ones(len(told)), where=now > 0), 1.0)
        spread = _to_groups(spread * factor[times][None, :], place, events)
        if np.abs(factor - 1).max() < CLOSE:
            break
    return spread


# --- from the rows of a delivered table ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Flows:
    """Expected events by cells (east, north) and windows (local date, first hour); events: (cells, windows)."""

    cells: tuple[tuple[int, int], ...]
    windows: tuple[tuple[date, int], ...]
    events: Real


def flows_of(recipe: Recipe, rows: Sequence[Mapping[str, Any]], figure: str) -> Flows:
    """The flows of a product's rows (group_id and the figure) in one figure of its recipe.

    Cells: those of the finest level that any row names or holds. Refuses a row that is no node of the recipe.
    """
    finest = recipe.levels[0]
    hours = finest.hours if isinstance(finest.hours, int) else 24
    days = (recipe.until - recipe.since).days
    windows = [(recipe.since + timedelta(days=day), hour) for day in range(days) for hour in range(0, 24, hours)]
    nodes = {str(row["group_id"]): node_of(recipe, str(row["group_id"])) for row in rows}
    cells = sorted({cell for node in nodes.values() for cell in _finest(recipe, node)})
    figures = {str(row["group_id"]): row[figure] for row in rows}
    names = [[str(window_at(level, *window) or "*") for window in windows] for level in recipe.levels]
    told = []
    for number, level in enumerate(recipe.levels):
        factor = level.km // (finest.km or 1) if level.km else None
        places = [f"{x // factor},{y // factor}" if factor else "*" for x, y in cells]
        rests = [n for n, marginal in enumerate(recipe.marginals, len(recipe.levels)) if marginal.of == number]
        told.append(_told(number, places, names[number], names[number - 1] if rests else [], rests, figures))
    like = [str(window_at(Level(None, hours, Over.week, alike=True), *window)) for window in windows]
    return Flows(tuple(cells), tuple(windows), fitted(told, _numbered(like)[0]))


def _finest(recipe: Recipe, node: Node) -> Iterable[tuple[int, int]]:
    level = recipe.rounds[node.level]
    if node.cell is None or level.km is None:
        return ()
    factor = level.km // (recipe.levels[0].km or 1)
    x, y = node.cell
    return ((x * factor + east, y * factor + north) for east in range(factor) for north in range(factor))


def _told(
    number: int, places: Sequence[str], times: Sequence[str], before: Sequence[str], rests: Sequence[int],
    figures: Mapping[str, Any],
) -> Told:  # fmt: skip
    (cell, cells), (time, windows) = _numbered(places), _numbered(times)
    events = [[figures.get(f"{number}:{place}:{when}", np.nan) for when in windows] for place in cells]
    rest = [figures.get(f"{rests[0]}:*:{when}", np.nan) for when in _numbered(before)[1]] if rests else None
    return Told(cell, time, np.array(events, float), None if rest is None else np.array(rest, float))


def _numbered(values: Sequence[str]) -> tuple[Whole, dict[str, int]]:
    names = {value: number for number, value in enumerate(dict.fromkeys(values))}
    return np.array([names[value] for value in values], np.int64), names
