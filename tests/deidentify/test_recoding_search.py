"""The compiled search equals brute force over every node, for every model and loss, on small random tables.

The brute force is written from the definitions, on rows and texts, and shares no code with the search.
"""

from __future__ import annotations

from collections import Counter
from itertools import product
from math import log, log2
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datong.deidentify.model.recoding import Close, Distance, Diverse, Diversity, Loss, Models, Present
from datong.deidentify.rules.recoding.hierarchy import hierarchy_of, places_of
from datong.deidentify.rules.recoding.lattice import column_of

pytest.importorskip("numba", reason="the extra privacy is not installed")

from datong.deidentify.rules.recoding import running

TREES = (
    [["a", "ab", "*"], ["b", "ab", "*"], ["c", "cd", "*"], ["d", "cd", "*"]],
    [["1", "1-2"], ["2", "1-2"], ["3", "3-4"], ["4", "3-4"]],  # no root: the top level keeps two labels
    [["x", "*"], ["y", "*"], ["z", "*"]],
)
SENSE = [["s0", "low", "*"], ["s1", "low", "*"], ["s2", "high", "*"]]


def passes(members: list[tuple[Any, ...]], behind: int, models: Models, whole: Counter[str], rows: int) -> bool:
    """Whether a class of rows of the table, with `behind` rows of the population, meets the models."""
    n = len(members)
    if n < models.k or (models.k_map and behind < models.k_map):
        return False
    if models.present and not models.present.least <= n / behind <= models.present.most:
        return False
    counts = Counter(member[-1] for member in members)
    if (of := models.diverse) is not None:
        ranked = sorted(counts.values(), reverse=True)
        if len(ranked) < of.l - 1e-9:
            return False
        if of.kind is Diversity.entropy and -sum(c / n * log(c / n) for c in ranked) < log(of.l) - 1e-9:
            return False
        if of.kind is Diversity.recursive and not ranked[0] < of.c * sum(ranked[int(of.l) - 1 :]):
            return False
    if (to := models.close) is not None:
        gap = {v: counts[v] / n - whole[v] / rows for v in whole}
        values = sorted(whole)
        if to.distance is Distance.equal:
            distance = sum(abs(g) for g in gap.values()) / 2
        elif to.distance is Distance.ordered:
            distance = sum(abs(sum(gap[v] for v in values[: i + 1])) for i in range(len(values))) / max(
                len(values) - 1, 1
            )
        else:
            below = {row[0]: row[1] for row in SENSE}
            distance = 0.0
            for label in ("low", "high"):
                own = [gap[v] for v in values if below[v] == label]
                distance += 0.5 * min(sum(g for g in own if g > 0), -sum(g for g in own if g < 0))
            nets = [sum(gap[v] for v in values if below[v] == label) for label in ("low", "high")]
            distance += min(sum(g for g in nets if g > 0), -sum(g for g in nets if g < 0))
        if distance > to.t + 1e-9:
            return False
    return True


def brute(rows: list[tuple[Any, ...]], people: list[tuple[Any, ...]], models: Models, loss: Loss, limit: int) -> Any:
    """The least loss over all nodes, or None. (loss, set of nodes that reach it.)"""
    q, n = len(rows[0]) - 1, len(rows)
    maps = [{line[0]: line for line in tree} for tree in TREES[:q]]
    heights = [len(TREES[j][0]) - 1 for j in range(q)]
    whole = Counter(row[-1] for row in rows)
    best: float | None = None
    nodes: dict[tuple[int, ...], tuple[float, int, int]] = {}
    for levels in product(*(range(h + 1) for h in heights)):
        label = lambda row, levels=levels: tuple(maps[j][row[j]][levels[j]] for j in range(q))  # noqa: E731
        classes: dict[Any, list[Any]] = {}
        for row in rows:
            classes.setdefault(label(row), []).append(row)
        behind = Counter(label(row) for row in people)
        lenient = bool(models.k or models.diverse)
        if models.present and models.present.least > 0 and not lenient and any(c not in classes for c in behind):
            continue
        kept = {c: m for c, m in classes.items() if passes(m, behind[c], models, whole, n)}
        gone = [row for c, members in classes.items() if c not in kept for row in members]
        if len(gone) > limit:
            continue
        share = [
            {
                v: (sum(line[levels[j]] == maps[j][v][levels[j]] for line in TREES[j]) - 1) / (len(TREES[j]) - 1)
                for v in maps[j]
            }
            for j in range(q)
        ]
        if loss is Loss.ncp:
            value = (len(gone) + sum(sum(share[j][r[j]] for j in range(q)) / q for m in kept.values() for r in m)) / n
        elif loss is Loss.aecs:
            value = n / (len(kept) + bool(gone))
        elif loss is Loss.dm:
            value = sum(len(m) ** 2 for m in kept.values()) + len(gone) * n
        elif loss is Loss.precision:
            value = (len(gone) + (n - len(gone)) * sum(levels[j] / heights[j] for j in range(q)) / q) / n
        else:
            value = 0.0
            for j in range(q):
                leaf = Counter(r[j] for r in rows)
                up = Counter(maps[j][r[j]][levels[j]] for r in rows)
                value -= sum(c * log2(c / up[maps[j][v][levels[j]]]) for v, c in leaf.items())
                lost = Counter(maps[j][r[j]][levels[j]] for r in gone)
                value -= sum(c * log2(c / len(gone)) for c in lost.values())
        nodes[levels] = (value, len(gone), len(kept))
        best = value if best is None else min(best, value)
    return None if best is None else (best, {k: v for k, v in nodes.items() if abs(v[0] - best) < 1e-9})


@st.composite
def tables(draw: Any) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    q = draw(st.integers(1, 3))
    row = st.tuples(
        *(st.sampled_from([line[0] for line in TREES[j]]) for j in range(q)), st.sampled_from([r[0] for r in SENSE])
    )
    rows = draw(st.lists(row, min_size=1, max_size=24))
    people = rows + draw(st.lists(row, max_size=16))
    return rows, people


MODELS = st.one_of(
    st.builds(Models, k=st.integers(1, 5)),
    st.builds(Models, k=st.integers(0, 3), diverse=st.builds(Diverse, l=st.sampled_from([1.0, 2.0, 3.0]))),
    st.builds(Models, diverse=st.builds(Diverse, l=st.sampled_from([1.5, 2.0]), kind=st.just(Diversity.entropy))),
    st.builds(
        Models,
        diverse=st.builds(Diverse, l=st.sampled_from([1.0, 2.0]), kind=st.just(Diversity.recursive), c=st.sampled_from([0.7, 1.5, 3.0])),
    ),
    st.builds(Models, k=st.integers(0, 3), close=st.builds(Close, t=st.sampled_from([0.1, 0.25, 0.5]), distance=st.sampled_from(list(Distance)))),
    st.builds(Models, k=st.integers(0, 2), k_map=st.integers(1, 6)),
    st.builds(
        Models,
        k=st.integers(0, 2),
        present=st.builds(Present, least=st.sampled_from([0.0, 0.3, 0.5]), most=st.sampled_from([0.6, 0.8, 1.0])),
    ),
)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(tables(), MODELS, st.sampled_from(list(Loss)), st.sampled_from([0, 0, 1, 3, 8, 24]))
def test_the_search_finds_what_brute_force_finds(
    table: tuple[list[Any], list[Any]], models: Models, loss: Loss, limit: int
) -> None:
    rows, people = table
    limit = min(limit, len(rows))
    expected = brute(rows, people, models, loss, limit)
    found = searched(rows, people if models.k_map or models.present else [], models, loss, limit)
    if expected is None:
        assert found.levels is None
        return
    least, nodes = expected
    assert found.loss == pytest.approx(least, abs=1e-9)
    assert found.levels in nodes
    _, gone, kept = nodes[found.levels]
    assert (found.suppressed, found.classes) == (gone, kept)


def searched(rows: list[Any], people: list[Any], models: Models, loss: Loss, limit: int) -> running.Found:
    q = len(rows[0]) - 1
    together = [*rows, *people]
    codes, columns, leaves = [], [], []
    for j in range(q):
        values = sorted({row[j] for row in together})
        hierarchy, problems = hierarchy_of("h", list(enumerate(TREES[j], 1)))
        assert hierarchy is not None, problems
        columns.append(column_of(str(j), hierarchy, places_of(values, hierarchy)))
        codes.append([values.index(row[j]) for row in together])
        leaves.append(len(values))
    sensitive = []
    if models.diverse or models.close:
        values = sorted({row[-1] for row in rows})
        tree, problems = hierarchy_of("s", list(enumerate(SENSE, 1)))
        assert tree is not None, problems
        of = column_of("s", tree, places_of(values, tree))
        up = np.full((3, len(values)), -1, np.int32)
        for level in (1, 2):
            up[level, of.up[level - 1]] = of.up[level]
        assert list(of.up[0]) == list(range(len(values)))
        counts = np.array([sum(row[-1] == value for row in rows) for value in values])
        sensitive.append(running.Sensitive(counts, up))
        codes.append([values.index(row[-1]) for row in rows] + [0] * len(people))
        leaves.append(len(values))
    w = np.array([1] * len(rows) + [0] * len(people), np.int64)
    p = np.array([0] * len(rows) + [1] * len(people), np.int64) if people else np.zeros(0, np.int64)
    tuples = running.distinct(np.array(codes, np.int32), w, p, leaves)
    assert tuples.w.sum() == len(rows)
    return running.searched(tuples, columns, sensitive, models, loss, limit)


def test_a_key_space_beyond_62_bits_is_searched_exactly() -> None:
    """Twelve columns of 64 values: their product is 2^72, so keys are hashes that are confirmed value by value."""
    rng = np.random.default_rng(1)
    lines = [[str(v), f"h{v // 8}", "*"] for v in range(64)]
    hierarchy, _ = hierarchy_of("h", list(enumerate(lines, 1)))
    assert hierarchy is not None
    columns = [column_of(str(j), hierarchy, np.arange(64)) for j in range(12)]
    half = rng.integers(0, 64, (12, 40)).astype(np.int32)
    codes = np.concatenate([half, half], axis=1)
    tuples = running.distinct(codes, np.ones(80, np.int64), np.zeros(0, np.int64), [64] * 12)
    assert len(tuples.w) == len({tuple(row) for row in half.T})
    found = running.searched(tuples, columns, [], Models(k=2), Loss.ncp, 0)
    assert (found.levels, found.loss, found.classes) == ((0,) * 12, 0.0, 40)
