"""All nodes of a full-domain recoding: how many there are, what each loses at least, which classes it can have.

A node is one level per quasi-identifier; without suppression its NCP, precision and entropy are sums over columns, so
they are known for every node from column histograms, before any node is looked at, and suppression only adds to them.
Must never know: values, numba. Contract: tests/deidentify/test_recoding_search.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from datong.deidentify.model.recoding import Loss
from datong.deidentify.rules.recoding.hierarchy import Hierarchy

NODES_MAX = 2_000_000
"""Largest lattice that is searched for the optimum: 64 bytes a node, about 130 MB."""

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Column:
    """A quasi-identifier as the table has it: its values, compact, and what becomes of them at each level.

    up[level, code]: compact label code; labels[level]: texts of the labels; share as in Hierarchy.
    """

    name: str
    up: Array
    labels: tuple[tuple[str, ...], ...]
    share: Array

    @property
    def height(self) -> int:
        return len(self.up) - 1


def column_of(name: str, hierarchy: Hierarchy, places: Array) -> Column:
    """The column whose value codes stand at `places` of the hierarchy; labels that the table does not have are left
    out, shares count all values of the hierarchy."""
    up, labels = [], []
    for level, codes in enumerate(hierarchy.up[:, places]):
        present, compact = np.unique(codes, return_inverse=True)
        up.append(compact)
        labels.append(tuple(hierarchy.labels[level][code] for code in present))
    return Column(name, np.array(up, np.int32), tuple(labels), np.ascontiguousarray(hierarchy.share[:, places]))


def size_of(columns: Sequence[Column]) -> int:
    return prod(column.height + 1 for column in columns)


@dataclass(frozen=True)
class Lattice:
    """digits[node]: its levels; strides: node = levels @ strides; bound[node]: least it can lose; order: by bound."""

    heights: Array
    strides: Array
    digits: Array
    bound: Array
    order: Array


def lattice_of(
    columns: Sequence[Column], counts: Sequence[Array], loss: Loss, *, distinct: int, smallest: int
) -> Lattice:
    """counts[column][code]: rows of the table; distinct: tuples; smallest: fewest rows of a class that is kept."""
    heights = np.array([column.height for column in columns], np.int64)
    strides = np.cumprod([1, *(heights[:-1] + 1)]).astype(np.int64)
    nodes = np.arange(int(np.prod(heights + 1)), dtype=np.int64)
    digits = np.stack(
        [(nodes // stride) % (height + 1) for stride, height in zip(strides, heights, strict=True)], axis=1
    )
    bound = _bounds(columns, counts, loss, digits, distinct, smallest)
    depth = digits.sum(axis=1)
    return Lattice(heights, strides, digits.astype(np.uint8), bound, np.lexsort((depth, bound)).astype(np.int64))


def _bounds(
    columns: Sequence[Column], counts: Sequence[Array], loss: Loss, digits: Array, distinct: int, smallest: int
) -> Array:
    rows = int(counts[0].sum())
    if loss in (Loss.aecs, Loss.dm):
        classes = np.ones(len(digits))
        for j, column in enumerate(columns):
            classes *= np.array([len(labels) for labels in column.labels])[digits[:, j]]
        classes = np.minimum(classes, distinct)
        if loss is Loss.dm:
            return np.asarray(rows * (rows / classes))
        return np.asarray(rows / np.minimum(classes, rows // smallest + 1))
    bound = np.zeros(len(digits))
    for j, column in enumerate(columns):
        bound += level_losses(column, counts[j], loss, len(columns))[digits[:, j]]
    return bound


def level_losses(column: Column, counts: Array, loss: Loss, columns: int) -> Array:
    """What one column of `columns` loses at each of its levels, no row suppressed."""
    rows = counts.sum()
    if loss is Loss.ncp:
        return np.asarray((column.share * counts).sum(axis=1) / rows / columns)
    if loss is Loss.precision:
        return np.arange(column.height + 1) / max(column.height, 1) / columns
    losses = []
    for up in column.up:
        together = np.bincount(up, weights=counts)[up]
        here = counts > 0
        losses.append(-(counts[here] * np.log2(counts[here] / together[here])).sum())
    return np.array(losses)


def losses_by_level(columns: Sequence[Column], counts: Sequence[Array], loss: Loss) -> list[Array]:
    """What each column loses at each of its levels, no row suppressed: a node's bound is their sum, for a lattice too
    large to be laid out. Zeros where the loss has no closed form."""
    if loss in (Loss.aecs, Loss.dm):
        return [np.zeros(column.height + 1) for column in columns]
    return [level_losses(column, count, loss, len(columns)) for column, count in zip(columns, counts, strict=True)]
