"""Marginals: the groups of a level told once more by time, and which of these rests may be told beside the groups.

A rest says how many events of all groups of one level, the whole area together, fall into one time of the level
before. Groups and rests are the row and column sums of one table whose inner figures are withheld, and sums can
force an inner figure: of 20 starts on Monday the other groups can hold 15, so 5 are of this one. A set of rests is
told only if nothing of fewer than k persons is forced: for every set A of inner figures with fewer than k persons
behind it there is a table of whole numbers with the same sums and nothing in A. That is decided exactly:

- Such a table exists if and only if, without A, the told columns can be filled from the rows and the rows emptied into
  the columns (flows in a bipartite graph: Gale 1957, Hoffman 1960; both at once: Mendelsohn and Dulmage 1958). So what
  is forced is always a block of whole rows G by a set of columns T, by r(T) - e(rows that meet T, without G), or of
  rows S by the columns outside a told T, by e(S) - r(T).
- All T are tried (at most 2**8). For each, the largest e(G) with fewer than k persons in G x T is bounded from above:
  a person counts in each of its m rows as 1/m, rows of k persons are left out, the last row may be cut (Dantzig
  1957). The bound is at least the truth, so what is told is safe; something safe may stay untold.

Tables of other times, levels and measures have other events, so a table of one says nothing of another. Numbers of
persons are not told of rests: they would force more. Not covered is a reader who also uses that a node that was not
released holds fewer than k persons: that tells of the groups alone, with or without rests.
Must never know: engines, who asks. Contract: tests/deidentify/test_deidentify_rests.py (attacks by linear programs).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datong.deidentify.model.joint import Recipe
from datong.deidentify.rules.nodes import node_of
from datong.deidentify.rules.windows import hours_in, window_at

Whole = NDArray[np.int64]


@dataclass(frozen=True)
class Tables:
    """The tables of one marginal and measure: rows are groups, columns the times of the level before in a group.

    table_of: of each row its table, (rows,); open: per row the columns in which it may hold events, as bits, (rows,);
    width: columns of each table, (tables,); row, column, subject, events: the events, one entry per row, column and
    subject, (entries,).
    """

    table_of: Whole
    open: Whole
    width: Whole
    row: Whole
    column: Whole
    subject: Whole
    events: Whole

    @property
    def columns(self) -> int:
        return int(self.width.max(initial=0))

    def column_sums(self) -> Whole:
        """(tables, columns)."""
        key = self.table_of[self.row] * self.columns + self.column
        sums = np.bincount(key, weights=self.events, minlength=len(self.width) * self.columns)
        return sums.reshape(len(self.width), self.columns).astype(np.int64)


def forcing(tables: Tables, k: int) -> NDArray[np.bool_]:
    """(tables, 2**columns): whether telling the columns of a bit set, or some of them, forces what too few hold."""
    count, columns, rows = len(tables.width), tables.columns, len(tables.table_of)
    every = (1 << tables.width) - 1
    sums = tables.column_sums()
    held = np.bincount(tables.row, weights=tables.events, minlength=rows).astype(np.float64)
    live = held > 0
    persons = _Persons.of(tables)
    bad = np.zeros((count, 1 << columns), bool)
    for told in range(1, 1 << columns):
        bits = (told >> np.arange(columns)) & 1
        column_sum = sums @ bits
        meets = live & ((tables.open & told) != 0)
        within = persons.largest(held, meets, np.full(count, told), k)
        bad[:, told] |= within > np.bincount(tables.table_of[meets], weights=held[meets], minlength=count) - column_sum
        outside = persons.largest(held, live, every & ~told, k)
        bad[:, told] |= outside > column_sum
    for column in range(columns):
        bad[:, 1 << column] |= persons.in_column(column, count) < k
        bad[column >= tables.width, 1 << column] = True
    for column in range(columns):
        with_it = np.flatnonzero((np.arange(1 << columns) >> column) & 1)
        for told in map(int, with_it):
            bad[:, told] |= bad[:, told ^ (1 << column)]
    return bad


def most_told(bad: NDArray[np.bool_], sums: Whole) -> Whole:
    """(tables,): of the sets that force nothing the one that tells most events, as bits; the smallest of equals."""
    columns = sums.shape[1]
    worth = sums @ ((np.arange(1 << columns)[None, :] >> np.arange(columns)[:, None]) & 1)
    best: Whole = np.where(bad, -1, worth).argmax(axis=1).astype(np.int64)
    return best


@dataclass(frozen=True)
class _Persons:
    """Which columns of a row hold a person: one entry per row and person."""

    tables: Tables
    row: Whole
    person: Whole  # number of the (table, subject)
    columns: Whole  # bits

    @classmethod
    def of(cls, tables: Tables) -> _Persons:
        many = int(tables.subject.max(initial=0)) + 1
        pairs, entry = np.unique(tables.row * many + tables.subject, return_inverse=True)
        columns = np.zeros(len(pairs), np.int64)
        np.bitwise_or.at(columns, entry, 1 << tables.column)
        row = pairs // many
        person = np.unique(tables.table_of[row] * many + pairs % many, return_inverse=True)[1]
        return cls(tables, row, person, columns)

    def largest(self, held: NDArray[np.float64], rows: NDArray[np.bool_], told: Whole, k: int) -> NDArray[np.float64]:
        """(tables,): at least the most events of a set of `rows` with fewer than k persons in the columns `told`."""
        tables, count = self.tables, len(self.tables.width)
        inside = (self.columns & told[tables.table_of[self.row]]) != 0
        times = np.bincount(self.person[inside], minlength=int(self.person.max(initial=0)) + 1)
        share = np.bincount(
            self.row[inside], weights=1 / times[self.person[inside]], minlength=len(tables.table_of)
        )  # fmt: skip
        whole = np.bincount(self.row[inside], minlength=len(tables.table_of))
        chosen = np.flatnonzero(rows & (whole < k))
        if not len(chosen):
            return np.zeros(count)
        gain = np.divide(held[chosen], share[chosen], out=np.full(len(chosen), np.inf), where=share[chosen] > 0)
        chosen = chosen[np.lexsort((-gain, tables.table_of[chosen]))]
        table, cost = tables.table_of[chosen], share[chosen]
        total = np.cumsum(cost)
        first = np.flatnonzero(np.r_[True, table[1:] != table[:-1]])
        before = total - cost - np.repeat((total - cost)[first], np.diff(np.r_[first, len(table)]))
        room = k - 1 + 1e-9 - before
        taken = np.where(cost > 0, np.clip(room / np.where(cost > 0, cost, 1), 0, 1), room >= 0)
        most: NDArray[np.float64] = np.floor(np.bincount(table, weights=taken * held[chosen], minlength=count) + 1e-6)
        return most

    def in_column(self, column: int, count: int) -> Whole:
        """(tables,): persons in a column."""
        there = (self.columns >> column) & 1 == 1
        many = int(self.person.max(initial=0)) + 1
        pairs = np.unique(self.tables.table_of[self.row[there]] * many + self.person[there])
        return np.bincount(pairs // many, minlength=count)


# --- the tables of a recipe --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Grid:
    """What of a marginal's tables follows from the recipe and the released groups alone.

    row_of: group id -> row; column_of: node of the marginal -> (table, column); nodes: per table its columns' nodes.
    """

    row_of: Mapping[str, int]
    column_of: Mapping[str, tuple[int, int]]
    nodes: tuple[tuple[str, ...], ...]
    table_of: Whole
    open: Whole


def grid_of(recipe: Recipe, marginal: int, groups: Iterable[str]) -> Grid:
    """The grid of a marginal (its place in the recipe) on released groups of all levels."""
    of, by = recipe.marginals[marginal].of, recipe.marginals[marginal].by
    number = len(recipe.levels) + marginal
    released = set(groups)
    rows = sorted(group for group in released if group.startswith(f"{of}:"))
    finest: dict[tuple[str, ...], None] = {}
    for day, hour in hours_in(recipe.zone, recipe.since, recipe.until):
        finest[tuple(str(window_at(level, day, hour) or "*") for level in recipe.levels[: of + 1])] = None
    times: dict[str, list[tuple[str, ...]]] = {}
    for chain in finest:
        times.setdefault(chain[of], []).append(chain)
    windows = [row.split(":", 2)[2] for row in rows]
    tables = {window: table for table, window in enumerate(sorted(set(windows)))}
    nodes = tuple(
        tuple(dict.fromkeys(f"{number}:*:{chain[by]}" for chain in sorted(times[window]))) for window in sorted(tables)
    )
    column_of = {node: (table, column) for table, own in enumerate(nodes) for column, node in enumerate(own)}
    opened = []
    for row, window in zip(rows, windows, strict=True):
        cell = row.split(":", 2)[1]
        bits = 0
        for chain in times[window]:
            if not any(f"{level}:{cell}:{chain[level]}" in released for level in range(of)):
                bits |= 1 << column_of[f"{number}:*:{chain[by]}"][1]
        opened.append(bits)
    return Grid(
        {row: n for n, row in enumerate(rows)}, column_of, nodes,
        np.array([tables[window] for window in windows], np.int64), np.array(opened, np.int64),
    )  # fmt: skip


def tables_of(grid: Grid, rows: Sequence[Mapping[str, Any]]) -> Tables:
    """The tables of one measure; rows: group_id, node, subject, events, as `counting.rests_plan` gives them."""
    subjects = {subject: n for n, subject in enumerate(sorted({row["subject"] for row in rows}))}
    return Tables(
        grid.table_of, grid.open, np.array([len(own) for own in grid.nodes], np.int64),
        np.array([grid.row_of[row["group_id"]] for row in rows], np.int64),
        np.array([grid.column_of[row["node"]][1] for row in rows], np.int64),
        np.array([subjects[row["subject"]] for row in rows], np.int64),
        np.array([row["events"] for row in rows], np.int64),
    )  # fmt: skip


def tellable(
    recipe: Recipe, marginal: int, groups: Collection[str], rows: Sequence[Mapping[str, Any]], measures: Sequence[str]
) -> list[str]:
    """Nodes of a marginal that may be told beside the groups, sorted: those that tell most and force nothing.

    rows: group_id, node, measure, subject, events. A node is told of all measures or of none.
    """
    grid = grid_of(recipe, marginal, groups)
    if not grid.row_of:
        return []
    bad, sums = _judged(grid, rows, measures, recipe.k)
    told = most_told(bad, sums)
    return sorted(
        node for table, own in enumerate(grid.nodes) for column, node in enumerate(own) if told[table] >> column & 1
    )


def forced(
    recipe: Recipe,
    marginal: int,
    groups: Collection[str],
    told: Iterable[str],
    rows: Sequence[Mapping[str, Any]],
    measures: Sequence[str],
) -> list[str]:
    """Which of the told nodes are in a table where they, with the groups, force what fewer than k persons hold."""
    own = [node for node in told if node_of(recipe, node).level == len(recipe.levels) + marginal]
    grid = grid_of(recipe, marginal, groups)
    strange = [node for node in own if node not in grid.column_of]
    if not grid.row_of:
        return sorted(own)
    bad, _ = _judged(grid, rows, measures, recipe.k)
    sets = np.zeros(len(grid.nodes), np.int64)
    for node in own:
        if node in grid.column_of:
            table, column = grid.column_of[node]
            sets[table] |= 1 << column
    wrong = np.flatnonzero(bad[np.arange(len(sets)), sets])
    return sorted([*strange, *(node for node in own if grid.column_of.get(node, (-1, 0))[0] in wrong)])


def _judged(
    grid: Grid, rows: Sequence[Mapping[str, Any]], measures: Sequence[str], k: int
) -> tuple[NDArray[np.bool_], Whole]:
    """Sets that force something in any measure, and the events of all measures by column."""
    tables = [tables_of(grid, [row for row in rows if row["measure"] == measure]) for measure in measures]
    bad = np.logical_or.reduce([forcing(table, k) for table in tables])
    return bad, np.add.reduce([table.column_sums() for table in tables])
