"""Generalisation hierarchies in ARX's CSV form: one line a value, level 0 first; whether they really are hierarchies.

A hierarchy is a tree of levels: each value once, every line as many levels as the first, and one label always below
the same label of the next level. Problems name line and level, never a value: a file may list what the table holds.
Must never know: files, tables. Contract: tests/deidentify/test_recoding_refusals.py.
"""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from datong.ground.refusal import Problem

DELIMITERS = ";,\t|"
LISTED_MAX = 10
"""Mistakes of one kind that are listed one by one."""

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Hierarchy:
    """labels[level]: its labels, in the order of the file; level 0 are the values. up[level, value]: code of a label.
    share[level, value]: (values below its label - 1) / (values - 1)."""

    labels: tuple[tuple[str, ...], ...]
    up: Array
    share: Array

    @property
    def height(self) -> int:
        return len(self.labels) - 1

    def order(self) -> Array:
        """Rank of each value: by size where all are numbers, else so that what lies below one label is adjacent."""
        numbers = numbers_of(self.labels[0])
        keys: tuple[Any, ...] = tuple(self.up) if numbers is None else (np.array(numbers),)  # lexsort: last key first
        rank = np.empty(len(self.labels[0]), np.int64)
        rank[np.lexsort(keys)] = np.arange(len(rank))
        return rank


def numbers_of(values: Sequence[str]) -> list[float] | None:
    """The values as numbers, or None where one of them is none."""
    try:
        numbers = [float(value) for value in values]
    except ValueError:
        return None
    return numbers if all(map(math.isfinite, numbers)) else None


def lines_of(text: str) -> tuple[list[tuple[int, list[str]]], str]:
    """(line, fields) of a hierarchy file and its delimiter: the one under which all lines are equally wide."""
    best: list[tuple[int, list[str]]] = []
    sign, score = DELIMITERS[0], (-1.0, 0)
    for delimiter in DELIMITERS:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        records, at = [], 1
        for fields in reader:
            if fields:
                records.append((at, fields))
            at = reader.line_num + 1
        width, times = Counter(len(fields) for _, fields in records).most_common(1)[0] if records else (0, 0)
        reached = (times / len(records) if width > 1 else 0.0, width if width > 1 else 0)
        if reached > score:
            best, sign, score = records, delimiter, reached
    return best, sign


def hierarchy_of(where: str, records: Sequence[tuple[int, list[str]]]) -> tuple[Hierarchy | None, list[Problem]]:
    """The hierarchy of lines with their fields, or everything that is wrong with it."""
    if not records:
        return None, [Problem(where, "文件为空", "is empty")]
    first_line, first = records[0]
    width = len(first)
    found: list[Problem] = []
    ragged = [(line, fields) for line, fields in records if len(fields) != width]
    found += _listed(
        (f"{where}:{line}", f"有 {len(fields)} 级，而第 {first_line} 行有 {width} 级",
         f"has {len(fields)} levels, line {first_line} has {width}")
        for line, fields in ragged
    )  # fmt: skip
    even = [(line, fields) for line, fields in records if len(fields) == width]
    found += _listed(
        (f"{where}:{line}", f"缺少第 {level} 级", f"level {level} is missing")
        for line, fields in even
        for level in range(1, width)
        if not fields[level].strip()
    )
    seen: dict[str, int] = {}
    twice = []
    for line, fields in even:
        if fields[0] in seen:
            twice.append(
                (
                    f"{where}:{line}",
                    f"其值已在第 {seen[fields[0]]} 行",
                    f"its value is on line {seen[fields[0]]} already",
                )
            )
        seen.setdefault(fields[0], line)
    found += _listed(twice)
    found += _listed(_two_parents(where, even, width))
    if found:
        return None, found
    return _built([fields for _, fields in even]), []


def _two_parents(where: str, records: Sequence[tuple[int, list[str]]], width: int) -> Iterable[tuple[str, str, str]]:
    for level in range(1, width - 1):
        above: dict[str, tuple[str, int]] = {}
        for line, fields in records:
            parent, at = above.setdefault(fields[level], (fields[level + 1], line))
            if parent != fields[level + 1]:
                yield (
                    f"{where}:{line}",
                    f"第 {level} 级的标签在第 {level + 1} 级有两个上级（另见第 {at} 行）：不是层级",
                    f"its label of level {level} has another parent at level {level + 1} than on line {at}: "
                    "that is no hierarchy",
                )


def _listed(mistakes: Iterable[tuple[str, str, str]]) -> list[Problem]:
    """The first of many mistakes, and how many more there are."""
    all_of_them = list(mistakes)
    told = [Problem(*mistake) for mistake in all_of_them[:LISTED_MAX]]
    if (more := len(all_of_them) - LISTED_MAX) > 0:
        where = told[-1].where.rpartition(":")[0]
        told.append(Problem(where, f"还有 {more} 行有同样的问题", f"{more} more lines have this problem"))
    return told


def _built(rows: Sequence[Sequence[str]]) -> Hierarchy:
    labels, up, share = [], [], []
    for column in zip(*rows, strict=True):
        codes: dict[str, int] = {}
        of = np.array([codes.setdefault(label, len(codes)) for label in column], np.int32)
        labels.append(tuple(codes))
        up.append(of)
        below = np.bincount(of, minlength=len(codes))
        share.append((below[of] - 1) / max(len(rows) - 1, 1))
    return Hierarchy(tuple(labels), np.array(up), np.array(share, np.float64))


def places_of(values: Sequence[str], hierarchy: Hierarchy) -> Array:
    """Place of each value in the hierarchy; -1: it is not there."""
    place = {value: at for at, value in enumerate(hierarchy.labels[0])}
    return np.array([place.get(value, -1) for value in values], np.int32)
