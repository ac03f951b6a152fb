"""Strict Mondrian (LeFevre, DeWitt, Ramakrishnan 2006), compiled by numba.

Values stand in the order of their hierarchy (numbers by size); a class is cut at the value nearest to its median in
the column with the widest range that can be cut, both sides meeting the model, until none can. No row is suppressed.
Must never know: values, files. Contract: tests/deidentify/test_recoding_mondrian.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from datong.deidentify.rules.recoding.kernels import ANY_L, ANY_T, SLACK, close, compiled, diverse

Array = np.ndarray[Any, Any]


def _holds(
    rows: Array, begin: int, end: int, senses: Array, dists: Array, domain: Array, trees: Array, tree_heights: Array,
    l_how: int, l_value: float, c_value: float, t_how: int, t_value: float,
) -> bool:  # fmt: skip
    """Whether the rows begin..end of `rows` are diverse and close enough in every sensitive column."""
    for x in range(len(domain)):
        counts = np.zeros(domain[x], np.int64)
        touched = np.zeros(domain[x], np.int32)
        m = 0
        for i in range(begin, end):
            v = senses[x, rows[i]]
            if counts[v] == 0:
                touched[m] = v
                m += 1
            counts[v] += 1
        total = end - begin
        if l_how != ANY_L and (m < l_value - SLACK or not diverse(counts, touched, m, total, l_how, l_value, c_value)):
            return False
        tree = trees[x, : tree_heights[x] + 1, : domain[x]]
        if t_how != ANY_T and not close(counts, touched, m, total, dists[x, : domain[x]], t_how, t_value, tree):
            return False
    return True


holds: Any = compiled(_holds)


def _part(rows: Array, begin: int, end: int, ranks: Array, cut: int, spare: Array) -> int:
    """Rows of rank up to `cut` first, the others after, each in their order; where the others begin."""
    low = begin
    high = 0
    for i in range(begin, end):
        row = rows[i]
        if ranks[row] <= cut:
            rows[low] = row
            low += 1
        else:
            spare[high] = row
            high += 1
    for i in range(high):
        rows[low + i] = spare[i]
    return low


part: Any = compiled(_part)


def _mondrian(  # noqa: PLR0912, PLR0915 - one compiled loop
    ranks: Array, leaves: Array, k: int, senses: Array, dists: Array, domain: Array, trees: Array, tree_heights: Array,
    l_how: int, l_value: float, c_value: float, t_how: int, t_value: float,
) -> Any:  # fmt: skip
    """ranks[column, row] -> (row order, where each class begins in it, low[class, column], high[class, column])."""
    q, n = ranks.shape
    rows = np.arange(n).astype(np.int32)
    spare = np.empty(n, np.int32)
    starts = np.empty(n // max(k, 1) + 2, np.int64)
    lows = np.empty((len(starts), q), np.int32)
    highs = np.empty((len(starts), q), np.int32)
    stack = np.empty((len(starts) + 2, 2), np.int64)
    stack[0] = (0, n)
    top = 1
    classes = 0
    hist = np.zeros(leaves.max() + 1, np.int64)
    width = np.empty(q, np.float64)
    plain = l_how == ANY_L and t_how == ANY_T
    while top > 0:
        top -= 1
        begin, end = stack[top]
        low = np.full(q, 2147483647, np.int32)
        high = np.full(q, -1, np.int32)
        for j in range(q):
            for i in range(begin, end):
                r = ranks[j, rows[i]]
                low[j] = min(low[j], r)
                high[j] = max(high[j], r)
            width[j] = (high[j] - low[j]) / max(leaves[j] - 1, 1)
        middle = -1
        if end - begin >= 2 * k:
            for _ in range(q):
                j = int(np.argmax(width))
                if width[j] <= 0:
                    break
                width[j] = -1.0
                for i in range(begin, end):
                    hist[ranks[j, rows[i]]] += 1
                half = (end - begin) / 2
                seen = 0
                cut = -1
                nearest = float(n)
                for r in range(low[j], high[j] + 1):
                    seen += hist[r]
                    hist[r] = 0
                    if seen >= k and end - begin - seen >= k and abs(seen - half) < nearest:
                        nearest = abs(seen - half)
                        cut = r
                if cut < 0:
                    continue
                at = part(rows, begin, end, ranks[j], cut, spare)
                if plain or (
                    holds(
                        rows, begin, at, senses, dists, domain, trees, tree_heights,
                        l_how, l_value, c_value, t_how, t_value,
                    )
                    and holds(
                        rows, at, end, senses, dists, domain, trees, tree_heights,
                        l_how, l_value, c_value, t_how, t_value,
                    )
                ):  # fmt: skip
                    middle = at
                    break
        if middle < 0:
            starts[classes] = begin
            lows[classes] = low
            highs[classes] = high
            classes += 1
        else:
            stack[top] = (middle, end)
            stack[top + 1] = (begin, middle)  # taken up first, so that classes come in the order of the rows
            top += 2
    return rows, starts[:classes], lows[:classes], highs[:classes]


mondrian: Any = compiled(_mondrian)
