"""Numbers made coarser: rounding, top and bottom coding, noise, micro-aggregation (GB/T 37964-2019 annex A).

All take the column as float64 (columns.numbers): NaN, infinities and whole numbers beyond 2**53 are refused there, and
a result that overflows is refused here. Must never know: plans, keys' places.
Contract: tests/deidentify/treatments/test_treatments_values.py.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from datong.deidentify.model.treatments import BadValues, Remains, Trace
from datong.deidentify.rules.treatments.columns import (
    Column,
    Floats,
    as_numbers,
    codes_of,
    mask_of_null,
    numbers,
    persons_of,
    require,
    texts,
)
from datong.deidentify.rules.treatments.tokens import encrypted, encryptor
from datong.ground.crypto import hashing
from datong.ground.refusal import Text

MDAV_ROWS_MAX = 50_000
"""MDAV looks at all rows for every two groups: rows**2 / k steps."""

ROUNDED = Remains(
    frozenset((Trace.order, Trace.distribution, Trace.presence)),
    Text("留下所在区间、顺序与大致分布；少见的极值仍可辨认，请与首尾编码同用。",
         "the interval, the order and the rough distribution remain; rare extremes stand out: code the tails too"),
)  # fmt: skip
CODED = Remains(
    frozenset((Trace.value, Trace.presence)),
    Text("界限以内的值原样留下；界限以外只知其超出。",
         "values inside the bounds remain as they are; outside of them only that they are beyond"),
)  # fmt: skip
NOISE = Remains(
    frozenset((Trace.distribution, Trace.presence)),
    Text("留下真值加噪声：均值大致不变，单值在噪声尺度以内。这不是差分隐私：不给出任何 ε，不记预算。",
         "the value plus noise remains: means hold roughly, a single value within the scale of the noise. This is NOT "
         "differential privacy: it promises no epsilon and debits no budget"),
)  # fmt: skip
MICRO = Remains(
    frozenset((Trace.order, Trace.distribution, Trace.presence)),
    Text("每个值是至少 k 行的均值：总和与均值不变，组内差异不再可见；只保护这些列，不保护其余列。",
         "each value is the mean of at least k rows: sums and means hold, differences inside a group are gone; it "
         "protects these columns, not the others"),
)  # fmt: skip


def rounded(column: Column, step: float) -> pa.Array:
    """To the nearest multiple of `step`, halves to even."""
    values, empty = numbers(column)
    return as_numbers(np.round(values / step) * step, empty)


def coded(column: Column, bottom: float | None, top: float | None) -> pa.Array:
    """What is below `bottom` becomes `bottom`, what is above `top` becomes `top`."""
    values, empty = numbers(column)
    return as_numbers(np.clip(values, bottom, top), empty)


def noised(column: Column, scale: float, distribution: str, key: bytes, subjects: Column | None = None) -> pa.Array:
    """Each value with noise of standard deviation `scale` added ("normal" or "laplace").

    The noise is drawn from the AES image of the value, of how many rows before have the same, and of whose it is where
    `subjects` says so; not of where the row stands. So a table in another order, or with rows that came or went, gets
    the same noise under the same key, and many of them do not average it away; of rows with one value that holds where
    their subjects are told apart. A row whose value is another gets other noise, so that two tables under one key do
    not tell what changed in it by their difference. A value without a subject is refused where subjects are given."""
    values, empty = numbers(column)
    values = np.where(values == 0, 0.0, values)  # -0.0 is 0
    cipher = encryptor(key)
    blocks = np.empty((len(values), 2), dtype="<u8")
    blocks[:, 1] = values.view(np.uint64)
    if subjects is None:
        blocks[:, 0] = _how_many_before(values, np.where(empty, -1, 0))  # a null that comes moves no zero's noise
    else:
        names = texts(subjects)
        require(mask_of_null(names) & ~empty, "没有主体，不知是谁的", "have no subject, and are nobody's")
        whose, known = codes_of(names)
        of = hashing.keyed(key)
        own = b"".join(of(b"noise of " + name.encode())[:16] for name in known.to_pylist()) or bytes(16)
        blocks[:, 0] = _how_many_before(values, np.where(empty, -1, whose))
        blocks = encrypted(cipher, blocks.view(np.uint8)).view("<u8") ^ np.frombuffer(own, "<u8").reshape(-1, 2)[whose]
    images = np.ascontiguousarray(encrypted(cipher, blocks.view(np.uint8))).view("<u8")
    first, second = ((images[:, n] >> np.uint64(11)).astype(np.float64) * 2.0**-53 for n in (0, 1))
    length = -np.log1p(-first)  # exponential, of mean 1
    if distribution == "laplace":
        drawn = np.where(second < 0.5, length, -length) * (scale / np.sqrt(2))
    else:
        drawn = np.sqrt(2 * length) * np.cos(2 * np.pi * second) * scale  # Box and Muller 1958
    return as_numbers(values + drawn, empty)


def _how_many_before(values: Floats, whose: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Of each row, how many rows before it have the same value and the same subject."""
    order = np.lexsort((values, whose)) if whose.any() else np.argsort(values, kind="stable")
    first = np.ones(len(order), dtype=bool)
    first[1:] = (np.diff(values[order]) != 0) | (np.diff(whose[order]) != 0)
    begins = np.flatnonzero(first)
    made = np.empty(len(order), dtype=np.int64)
    made[order] = np.arange(len(order)) - np.repeat(begins, np.diff(np.append(begins, len(order))))
    return made


def micro_aggregated(columns: Sequence[Column], k: int, p: int = 0, persons: Column | None = None) -> list[pa.Array]:
    """Each column with the means of groups of at least k rows that lie near each other in all of them.

    One column: sorted and cut into groups of k, the last with what is left (2k - 1 at most). Several: MDAV
    (Domingo-Ferrer, Torra 2005) on standardised columns, in the order of what is in them: sums of doubles depend on
    their order, and whichever column is asked for first, the groups are the same. Rows with a null are refused: they
    belong to no group. p: the mean of a group is left out (null) where by the p% rule it is nearly all one row's, or
    one person's where `persons` says whose rows they are: a mean times its rows is a sum."""
    found = [numbers(column) for column in columns]
    for _, empty in found:
        require(empty, "为空，不能归组", "are null and belong to no group")
    rows = len(found[0][0])
    if rows < k:
        raise BadValues(f"只有 {rows} 行，少于 k = {k}", f"there are {rows} rows, fewer than k = {k}")
    matrix = np.column_stack([values for values, _ in found])
    in_order = matrix[:, sorted(range(len(columns)), key=lambda place: matrix[:, place].tobytes())]
    groups = _sorted_groups(matrix[:, 0], k) if len(columns) == 1 else _mdav(_standardised(in_order), k)
    sizes = np.bincount(groups)
    made = []
    for place in range(matrix.shape[1]):
        # each value is divided first, so that the sum of a group cannot overflow where its mean does not
        means = np.bincount(groups, weights=matrix[:, place] / sizes[groups]).astype(np.float64)
        told_by_one = _dominated(matrix[:, place], groups, p, persons) if p else np.zeros(len(sizes), dtype=bool)
        made.append(as_numbers(means[groups], told_by_one[groups]))
    return made


def _dominated(values: Floats, groups: npt.NDArray[np.int64], p: int, persons: Column | None) -> npt.NDArray[np.bool_]:
    """Of each group, whether all but its two largest contributors gave less than p per cent of the largest. Values
    count by their size; rows without a person are taken for one's."""
    who = np.arange(len(values)) if persons is None else codes_of(persons_of(texts(persons)))[0] + 1
    most = np.abs(values).max()
    pairs, of = np.unique(groups * (int(who.max()) + 1) + who, return_inverse=True)
    given = np.bincount(of, weights=np.abs(values) / (most if most > 0 else 1.0))
    group = pairs // (int(who.max()) + 1)
    order = np.lexsort((-given, group))
    given, group = given[order], group[order]
    nth = np.arange(len(group)) - np.searchsorted(group, group)
    size = int(groups.max()) + 1
    others = np.bincount(group, weights=np.where(nth > 1, given, 0.0), minlength=size)
    largest = np.bincount(group, weights=np.where(nth == 0, given, 0.0), minlength=size)
    broken: npt.NDArray[np.bool_] = 100 * others < p * largest
    return broken


def _sorted_groups(values: Floats, k: int) -> npt.NDArray[np.int64]:
    """The group of each row: k rows each in the order of the values, the last group with what is left over."""
    groups = np.empty(len(values), dtype=np.int64)
    groups[np.argsort(values, kind="stable")] = np.minimum(np.arange(len(values)) // k, len(values) // k - 1)
    return groups


def _standardised(matrix: Floats) -> Floats:
    spread = matrix.std(axis=0)
    require(~np.isfinite(np.append(spread, matrix.mean(axis=0))), "列的和或方差溢出", "columns overflow when they are "
            "summed")  # fmt: skip
    made: Floats = (matrix - matrix.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    return made


def _mdav(matrix: Floats, k: int) -> npt.NDArray[np.int64]:
    """Maximum distance to average vector: the k rows around the row farthest from the mean, and the k around the row
    farthest from that, again and again."""
    rows = len(matrix)
    if rows > MDAV_ROWS_MAX:
        raise BadValues(f"多列微聚集最多 {MDAV_ROWS_MAX} 行，此处有 {rows} 行",
                        f"several columns together take up to {MDAV_ROWS_MAX} rows, here are {rows}")  # fmt: skip
    groups = np.empty(rows, dtype=np.int64)
    left, group = np.arange(rows), 0

    def taken(around: Floats, left: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        nonlocal group
        near = np.argpartition(((matrix[left] - around) ** 2).sum(axis=1), k - 1)[:k]
        groups[left[near]] = group
        group += 1
        return np.delete(left, near)

    def farthest(point: Floats) -> Floats:
        far: Floats = matrix[left[int(((matrix[left] - point) ** 2).sum(axis=1).argmax())]]
        return far

    while len(left) >= 3 * k:
        first = farthest(matrix[left].mean(axis=0))
        second = farthest(first)
        left = taken(second, taken(first, left))
    if len(left) >= 2 * k:
        left = taken(farthest(matrix[left].mean(axis=0)), left)
    groups[left] = group
    return groups
