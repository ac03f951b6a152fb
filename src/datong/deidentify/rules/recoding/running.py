"""From codes and models to a recoding: the compiled search or Mondrian, and what they found.

Imports numba: import it inside a function. Must never know: files, values.
Contract: tests/deidentify/test_recoding_search.py, test_recoding_mondrian.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numba.core import event

from datong.deidentify.model.recoding import Distance, Diversity, Loss, Method, Models
from datong.deidentify.rules.recoding import kernels
from datong.deidentify.rules.recoding.lattice import Array, Column, lattice_of, losses_by_level
from datong.deidentify.rules.recoding.mondrian import mondrian

LOSSES = {
    Loss.ncp: kernels.NCP,
    Loss.aecs: kernels.AECS,
    Loss.dm: kernels.DM,
    Loss.precision: kernels.PRECISION,
    Loss.entropy: kernels.ENTROPY,
}
DIVERSITIES = {
    Diversity.distinct: kernels.DISTINCT,
    Diversity.entropy: kernels.ENTROPIC,
    Diversity.recursive: kernels.RECURSIVE,
}
DISTANCES = {
    Distance.equal: kernels.EQUAL,
    Distance.ordered: kernels.ORDERED,
    Distance.hierarchical: kernels.HIERARCHICAL,
}
DENSE_MIN = 1 << 16
SAMPLE, ALIKE = 1 << 16, 0.99
"""Rows looked at before equal rows are joined, and from which share of distinct ones on it does not pay."""


@dataclass(frozen=True)
class Tuples:
    """Distinct rows of codes: codes[column, tuple], quasi-identifiers first; w rows of the table, p of the population
    (empty without one); of_row: the tuple of each row given."""

    codes: Array
    w: Array
    p: Array
    of_row: Array


@dataclass(frozen=True)
class Sensitive:
    """A sensitive column: rows of the table by value, values in their order; tree[level, label] = label one level up
    (-1 beyond the last), for the hierarchical distance."""

    counts: Array
    tree: Array


@dataclass(frozen=True)
class Found:
    """levels per column, or None where none holds; checks: nodes looked at; fewest: rows that fail at the top node."""

    levels: tuple[int, ...] | None
    loss: float
    suppressed: int
    classes: int
    checks: int
    fewest: int = 0


@dataclass(frozen=True)
class Parts:
    """Mondrian's classes: rows in order, where each class begins, lowest and highest rank per class and column."""

    rows: Array
    starts: Array
    low: Array
    high: Array


def distinct(codes: Array, w: Array, p: Array, leaves: Sequence[int]) -> Tuples:
    """The distinct columns of `codes` with the sums of their weights; as they are where hardly any two are alike."""
    n = codes.shape[1]
    if n > 4 * SAMPLE and len(p) == 0:
        some = np.ascontiguousarray(codes[:, :: n // SAMPLE])
        ones = np.ones(some.shape[1], np.int64)
        if len(distinct(some, ones, p, leaves).w) > ALIKE * some.shape[1]:
            return Tuples(codes, w, p, np.arange(n, dtype=np.int32))
    offsets = np.zeros((len(leaves), 1), np.int64)
    offsets[1:, 0] = np.cumsum(leaves)[:-1]
    lev = np.concatenate([np.arange(size, dtype=np.int32) for size in leaves])
    labels = np.array(leaves, np.int64).reshape(-1, 1)
    zero = np.zeros(len(leaves), np.int64)
    tab, active = np.zeros((len(leaves), max(leaves)), np.int64), np.zeros(len(leaves), np.int64)
    count, space = kernels.tables(zero, offsets, lev, labels[:, 0].copy(), labels, tab, active)
    size, psize = np.empty(n, np.int64), np.empty(n, np.int64)
    rep, keys = np.empty(n, np.int64), np.empty(n, np.int64)
    slots, of_row = np.empty(_power(2 * n + 2), np.int32), np.empty(n, np.int32)
    groups = kernels.group(
        codes, 0, n, w, p, active, count, tab, space, of_row, size, psize, rep, keys,
        np.zeros(DENSE_MIN, np.int64), 1, slots, n,
    )  # fmt: skip
    first = rep[:groups]
    has_p = len(p) > 0
    codes = np.ascontiguousarray(codes[:, first])
    return Tuples(codes, size[:groups].copy(), psize[: groups if has_p else 0].copy(), of_row)


def _power(least: int) -> int:
    return 1 << max(10, (least - 1).bit_length())


def _about(sensitive: Sequence[Sensitive]) -> tuple[Array, Array, Array, Array]:
    """(dists, domain, trees, tree heights), padded to one shape."""
    wide = max((len(of.counts) for of in sensitive), default=1)
    high = max((len(of.tree) for of in sensitive), default=1)
    dists = np.zeros((len(sensitive), wide))
    trees = np.full((len(sensitive), max(high, 1), wide), -1, np.int32)
    for x, of in enumerate(sensitive):
        dists[x, : len(of.counts)] = of.counts / of.counts.sum()
        trees[x, : of.tree.shape[0], : of.tree.shape[1]] = of.tree
    heights = np.array([max(len(of.tree) - 1, 0) for of in sensitive], np.int64)
    return dists, np.array([len(of.counts) for of in sensitive], np.int64), trees, heights


def _model(models: Models) -> tuple[int, float, float, int, float]:
    diverse, close = models.diverse, models.close
    return (
        DIVERSITIES[diverse.kind] if diverse else kernels.ANY_L,
        float(diverse.l) if diverse else 0.0,
        float(diverse.c) if diverse else 0.0,
        DISTANCES[close.distance] if close else kernels.ANY_T,
        float(close.t) if close else 0.0,
    )


def ground_of(
    tuples: Tuples, columns: Sequence[Column], sensitive: Sequence[Sensitive], models: Models, loss: Loss, limit: int
) -> kernels.Ground:
    """The compiled search's view of a table. limit: rows that may be suppressed."""
    rows = int(tuples.w.sum())
    tallest = max(len(column.up) for column in columns)
    off = np.zeros((len(columns), tallest), np.int64)
    labels = np.zeros((len(columns), tallest), np.int64)
    at = 0
    for j, column in enumerate(columns):
        for level in range(len(column.up)):
            off[j, level] = at
            labels[j, level] = len(column.labels[level])
            at += column.up.shape[1]
    dists, domain, trees, heights = _about(sensitive)
    smallest = models.smallest
    cap = len(tuples.w) + 1
    if len(tuples.p) == 0:
        cap = min(cap, limit + (rows - limit) // smallest)
    present = models.present
    return kernels.Ground(
        tuples.codes, tuples.w, tuples.p, off,
        np.concatenate([column.up.ravel() for column in columns]),
        np.concatenate([column.share.ravel() for column in columns]),
        np.array([column.up.shape[1] for column in columns], np.int64), labels,
        dists, domain, trees, heights, *_model(models), rows, limit, models.k, models.k_map,
        float(present.least) if present else 0.0, float(present.most) if present else -1.0,
        bool(models.k or models.diverse), LOSSES[loss], cap,
    )  # fmt: skip


def warm(method: Method, compiling: Callable[[], None]) -> None:
    """Loads the compiled search or Mondrian, or compiles it (once per installation, half a minute), on two rows.

    compiling: called once when something has to be compiled, before that begins.
    """
    column = Column("a", np.zeros((2, 1), np.int32), (("a",), ("*",)), np.zeros((2, 1)))
    sense = Sensitive(np.array([1, 1]), np.zeros((2, 2), np.int32))
    codes = np.array([[0, 0], [0, 1]], np.int32)
    none = np.zeros(0, np.int64)
    with event.install_listener("numba:compile", _Once(compiling)):
        if method is Method.mondrian:
            parted(codes[:1], [1], codes[1:], [sense], Models(k=2))
        else:
            tuples = distinct(codes, np.ones(2, np.int64), none, [1, 2])
            searched(tuples, [column], [sense], Models(k=2), Loss.ncp, 0)


class _Once(event.Listener):
    """Tells of the first compilation only; a program in numba's cache is loaded without one."""

    def __init__(self, tell: Callable[[], None]) -> None:
        self.tell, self.told = tell, False

    def on_start(self, _: event.Event) -> None:
        if not self.told:
            self.told = True
            self.tell()

    def on_end(self, _: event.Event) -> None:
        pass


def work_for(g: kernels.Ground) -> kernels.Work:
    q, n, c = len(g.leaves), len(g.w), len(g.codes)
    has_p = len(g.p) > 0
    room = max(4 * n, 2_000_000)
    dense = min(kernels.DENSE_MAX, max(DENSE_MIN, _power(16 * n)))
    return kernels.Work(
        np.zeros((q, int(g.leaves.max())), np.int64), np.zeros(q, np.int64),
        np.empty(n, np.int32), np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.int64),
        np.empty(n, np.int64),
        np.zeros(n, np.bool_), np.zeros(n, np.bool_), np.zeros(dense, np.int64),
        np.empty(_power(2 * min(n, g.cap + 1) + 2), np.int32),
        np.empty((c, room), np.int32), np.empty(room, np.int64), np.empty(room if has_p else 0, np.int64),
        np.zeros((kernels.SNAPSHOTS_MAX, q), np.int64), np.zeros(kernels.SNAPSHOTS_MAX, np.int64),
        np.zeros(kernels.SNAPSHOTS_MAX, np.int64), np.zeros(4, np.int64),
    )  # fmt: skip


def counts_of(tuples: Tuples, columns: Sequence[Column]) -> list[Array]:
    """Rows of the table per column and value."""
    return [
        np.bincount(tuples.codes[j], weights=tuples.w, minlength=column.up.shape[1]) for j, column in enumerate(columns)
    ]


def searched(
    tuples: Tuples, columns: Sequence[Column], sensitive: Sequence[Sensitive], models: Models, loss: Loss, limit: int
) -> Found:
    """The node with the least loss of all that hold."""
    g = ground_of(tuples, columns, sensitive, models, loss, limit)
    wk = work_for(g)
    counts = counts_of(tuples, columns)
    lattice = lattice_of(columns, counts, loss, distinct=len(tuples.w), smallest=models.smallest)
    state = np.zeros(len(lattice.bound), np.uint8)
    stack = np.empty(len(lattice.bound) + 1, np.int64)
    best = kernels.search(
        g, wk, lattice.order, lattice.digits, lattice.heights, lattice.strides, lattice.bound.copy(), state, stack
    )
    checks = int(wk.counters[3])
    if best[1] < 0:
        return Found(None, 0.0, 0, 0, checks, _fewest(tuples, columns, sensitive, models))
    levels = tuple(int(level) for level in lattice.digits[int(best[1])])
    return Found(levels, float(best[0]), int(best[2]), int(best[3]), checks)


def _fewest(tuples: Tuples, columns: Sequence[Column], sensitive: Sequence[Sensitive], models: Models) -> int:
    """Rows that fail at the coarsest levels, looked at as if all of them might be suppressed: a search gives a node up
    as soon as it cannot hold, before they are counted."""
    g = ground_of(tuples, columns, sensitive, models, Loss.aecs, int(tuples.w.sum()))
    return int(kernels.check(g, work_for(g), np.array([column.height for column in columns], np.int64), 0.0)[2])


def descended(
    tuples: Tuples, columns: Sequence[Column], sensitive: Sequence[Sensitive], models: Models, loss: Loss, limit: int
) -> Found:
    """A good node of a lattice too large to lay out: from the top, one level down at a time where most is won."""
    g = ground_of(tuples, columns, sensitive, models, loss, limit)
    wk = work_for(g)
    losses = [of.tolist() for of in losses_by_level(columns, counts_of(tuples, columns), loss)]

    def bound_of(levels: Array) -> float:
        return float(sum(of[level] for of, level in zip(losses, levels.tolist(), strict=True)))

    levels = np.array([column.height for column in columns], np.int64)
    now = kernels.check(g, wk, levels, bound_of(levels))
    if now[0] != kernels.PASSED:
        return Found(None, 0.0, 0, 0, int(wk.counters[3]), _fewest(tuples, columns, sensitive, models))
    open_columns = set(range(len(columns)))
    while open_columns:
        open_columns = {j for j in open_columns if levels[j] > 0}
        trial = []
        for j in sorted(open_columns):
            levels[j] -= 1
            trial.append((bound_of(levels), j))
            levels[j] += 1
        moved = False
        for bound, j in sorted(trial):
            levels[j] -= 1
            found = kernels.check(g, wk, levels, bound)
            if found[0] == kernels.PASSED and found[1] <= now[1]:
                now, moved = found, True
                break
            levels[j] += 1
            if found[0] == kernels.FAILED:
                open_columns.discard(j)
        if not moved:
            break
    return Found(tuple(int(level) for level in levels), float(now[1]), int(now[2]), int(now[3]), int(wk.counters[3]))


def parted(ranks: Array, leaves: Sequence[int], senses: Array, sensitive: Sequence[Sensitive], models: Models) -> Parts:
    """Mondrian's classes of rows; ranks[column, row] in the order of the values."""
    dists, domain, trees, heights = _about(sensitive)
    rows, starts, low, high = mondrian(
        ranks, np.array(leaves, np.int64), models.k, senses, dists, domain, trees, heights, *_model(models)
    )
    return Parts(rows, starts, low, high)


def parts_loss(parts: Parts, leaves: Sequence[int], loss: Loss, rows: int) -> float:
    """The loss of Mondrian's classes; a cell covers what lies from its class's lowest to its highest value."""
    sizes = np.diff([*parts.starts, rows]).astype(float)
    if loss is Loss.aecs:
        return rows / len(sizes)
    if loss is Loss.dm:
        return float((sizes**2).sum())
    wide = (parts.high - parts.low) / np.maximum(np.array(leaves) - 1, 1)
    return float((wide.mean(axis=1) * sizes).sum() / rows)


def suppressed_at(
    tuples: Tuples, columns: Sequence[Column], sensitive: Sequence[Sensitive], models: Models, loss: Loss, limit: int,
    levels: Sequence[int],
) -> Array:  # fmt: skip
    """Per tuple: whether its class at the passing node `levels` is suppressed."""
    g = ground_of(tuples, columns, sensitive, models, loss, limit)
    wk = work_for(g)
    kernels.check(g, wk, np.array(levels, np.int64), 0.0)
    return np.asarray(wk.fail[wk.cls])
