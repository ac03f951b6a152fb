"""The files a recoding spec names, read and turned into codes; everything that is wrong with any of them at once.

Must never know: how a table is recoded. Contract: tests/deidentify/test_recoding_refusals.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from datong.deidentify.model.recoding import Distance, Spec
from datong.deidentify.model.recoding_refusals import BAD_FILES
from datong.deidentify.rules.recoding.hierarchy import Array, Hierarchy, numbers_of, places_of
from datong.deidentify.rules.recoding.lattice import Column, column_of
from datong.deidentify.rules.spelling import twins
from datong.deidentify.service.tables import Read, hierarchy_in, line_of_row, read_table
from datong.ground.refusal import Problem

PERSONS_MAX = 10**15
"""Of a population: far above any, and far below where sums of 64-bit whole numbers turn over."""


@dataclass(frozen=True)
class Loaded:
    """The files of a spec, read: hierarchies and columns per quasi-identifier, the table, and rows as codes."""

    read: Read
    hierarchies: dict[str, Hierarchy]
    columns: tuple[Column, ...]
    codes: Array
    leaves: tuple[int, ...]
    weights: Array
    population: Array
    sensitive: tuple[Any, ...]
    limit: int


def path_of(spec: Path, named: str, given: Path | None = None) -> Path:
    return given if given is not None else spec.parent / named


def load(spec: Path, asked: Spec, table: Path | None) -> Loaded:
    """Reads everything; all that is wrong with any file at once."""
    problems: list[Problem] = []
    hierarchies: dict[str, Hierarchy] = {}
    for column, file in asked.quasi_identifiers.items():
        hierarchy, found = hierarchy_in(path_of(spec, file), file)
        problems += found
        if hierarchy is not None:
            hierarchies[column] = hierarchy
    tree, close = None, asked.models.close
    if close and close.hierarchy:
        tree, found = hierarchy_in(path_of(spec, close.hierarchy), close.hierarchy)
        problems += found
    names = [*asked.quasi_identifiers, *asked.sensitive]
    path = path_of(spec, asked.table, table)
    read, found = read_table(path, asked.table, names, delimiter=asked.delimiter, encoding=asked.encoding)
    problems += found
    people = None
    if asked.population:
        wanted = [*asked.quasi_identifiers, *([asked.population_count] if asked.population_count else [])]
        people, found = read_table(
            path_of(spec, asked.population),
            asked.population,
            wanted,
            delimiter=asked.delimiter,
            encoding=asked.encoding,
        )
        problems += found
    if read is not None:
        problems += _outside(read, path, asked.table, hierarchies)
        problems += _senses(asked, read, path, tree)
        problems += [Problem(f"{asked.table}:1", f"没有列 {name}", f"has no column {name}")
                     for name in asked.keep if name not in read.header]  # fmt: skip
    if people is not None:
        problems += _outside(people, path_of(spec, asked.population), asked.population, hierarchies)
    if problems or read is None:
        raise BAD_FILES(problems, spec=spec.name, count=len(problems))
    return _encoded(asked, read, people, hierarchies, tree, spec.name)


def _outside(read: Read, path: Path, where: str, hierarchies: dict[str, Hierarchy]) -> list[Problem]:
    """Columns with values that their hierarchy does not have; the line of the first, never the value."""
    found = []
    for column, hierarchy in hierarchies.items():
        missing = places_of(read.values[column], hierarchy) < 0
        if missing.any():
            rows = missing[read.codes[column]]
            line = line_of_row(read, path, int(np.argmax(rows)))
            count, values = int(rows.sum()), int(missing.sum())
            empty = any(value == "" for value, gone in zip(read.values[column], missing, strict=True) if gone)
            zh = "（含空值：空值须作为一个值写入层级文件）" if empty else ""
            en = (
                "; empty cells among them: an empty cell is a value of its own, write it into the file" if empty else ""
            )
            found.append(Problem(
                f"{where}:{line}: {column}",
                f"{count} 行的 {values} 个值不在层级文件中{zh}",
                f"{values} values in {count} rows are not in its hierarchy file{en}",
            ))  # fmt: skip
    return found


def _senses(asked: Spec, read: Read, path: Path, tree: Hierarchy | None) -> list[Problem]:
    if not (asked.models.diverse or asked.models.close):
        return []
    found, close = [], asked.models.close
    for column in asked.sensitive:
        values = read.values[column]
        if "" in values:
            rows = read.codes[column] == values.index("")
            line = line_of_row(read, path, int(np.argmax(rows)))
            found.append(Problem(
                f"{asked.table}:{line}: {column}",
                f"{int(rows.sum())} 行为空：空值不是敏感值，否则会虚增 l；请填写或去掉这些行",
                f"{int(rows.sum())} rows are empty; an empty cell is no sensitive value and would make classes look "
                "more diverse: fill it in or drop the rows",
            ))  # fmt: skip
        if asked.models.diverse and (alike := set(twins(values))):
            rows = np.isin(read.codes[column], [at for at, value in enumerate(values) if value in alike])
            line = line_of_row(read, path, int(np.argmax(rows)))
            found.append(Problem(
                f"{asked.table}:{line}: {column}",
                f"{len(alike)} 个值只是写法不同（空格、全角、不可见字符），共 {int(rows.sum())} 行：会虚增 l；请统一",
                f"{len(alike)} values in {int(rows.sum())} rows differ in spaces, width or signs that are not seen "
                "alone, and would make classes look more diverse: write them in one way",
            ))  # fmt: skip
        known = tree.labels[0] if tree is not None else close.order if close and close.order else None
        if known is not None and (gone := len(set(values) - set(known))):
            found.append(Problem(
                f"{asked.table}: {column}",
                f"{gone} 个值不在 t 的 hierarchy 或 order 中",
                f"{gone} of its values are not in the hierarchy or order of t",
            ))  # fmt: skip
        if asked.models.diverse and asked.models.diverse.l > len(values):
            found.append(Problem(
                f"{asked.table}: {column}",
                f"只有 {len(values)} 个不同的值，少于 l = {asked.models.diverse.l:g}",
                f"has {len(values)} distinct values, fewer than l = {asked.models.diverse.l:g}",
            ))  # fmt: skip
    return found


def _encoded(
    asked: Spec, read: Read, people: Read | None, hierarchies: dict[str, Hierarchy], tree: Hierarchy | None, said: str
) -> Loaded:
    names, senses = list(asked.quasi_identifiers), _needed(asked)
    rows, extra = read.rows, people.rows if people else 0
    codes = np.zeros((len(names) + len(senses), rows + extra), np.int32)
    columns, leaves = [], []
    for j, name in enumerate(names):
        values = list(read.values[name])
        codes[j, :rows] = read.codes[name]
        if people is not None:
            place = {value: at for at, value in enumerate(values)}
            into = np.array([place.setdefault(value, len(place)) for value in people.values[name]], np.int32)
            values = list(place)
            codes[j, rows:] = into[people.codes[name]]
        columns.append(column_of(name, hierarchies[name], places_of(values, hierarchies[name])))
        leaves.append(len(values))
    sensitive = []
    for x, name in enumerate(senses):
        rank, of = _sensitive(asked, read, name, tree)
        codes[len(names) + x, :rows] = rank[read.codes[name]]
        sensitive.append(of)
        leaves.append(len(of.counts))
    weights = np.zeros(rows + extra, np.int64)
    weights[:rows] = 1
    population = np.zeros(rows + extra if people else 0, np.int64)
    if people is not None:
        population[rows:] = _people(asked, people, said)
    limit = int(asked.suppression_limit * rows + 1e-9)
    return Loaded(read, hierarchies, tuple(columns), codes, tuple(leaves), weights, population, tuple(sensitive), limit)


def _needed(asked: Spec) -> list[str]:
    return list(asked.sensitive) if asked.models.diverse or asked.models.close else []


def _people(asked: Spec, people: Read, said: str) -> Array:
    """How many persons each row of the population stands for."""
    column = asked.population_count
    if not column:
        return np.ones(people.rows, np.int64)
    try:
        given = [int(value) for value in people.values[column]]
        good = min(given) >= 0
    except ValueError:
        good = False
    zh, en = "应为不小于 0 的整数", "should be whole numbers from 0"
    if good:
        times = np.bincount(people.codes[column], minlength=len(given))
        if sum(n * int(often) for n, often in zip(given, times, strict=True)) <= PERSONS_MAX:
            return np.array(given, np.int64)[people.codes[column]]
        zh, en = f"合计超过 {PERSONS_MAX}", f"adds up to more than {PERSONS_MAX}, which no population is"
    raise BAD_FILES([Problem(f"{asked.population}: {column}", zh, en)], spec=said, count=1)


def _sensitive(asked: Spec, read: Read, name: str, tree: Hierarchy | None) -> tuple[Array, Any]:
    """Rank of each value of a sensitive column in its order, and the column as the models want it."""
    from datong.deidentify.rules.recoding.running import Sensitive  # noqa: PLC0415 - numba

    values, close = read.values[name], asked.models.close
    up = np.zeros((0, 0), np.int32)
    if close and close.order:  # a step of the order is one though nobody of the table stands on it
        place = {value: at for at, value in enumerate(close.order)}
        rank = np.array([place[value] for value in values], np.int32)
        return rank, Sensitive(np.bincount(rank[read.codes[name]], minlength=len(place)), up)
    keys: list[Any] = numbers_of(values) or list(values)
    rank = np.empty(len(values), np.int32)
    rank[sorted(range(len(values)), key=keys.__getitem__)] = np.arange(len(values), dtype=np.int32)
    if close and close.distance is Distance.hierarchical and tree is not None:
        column = column_of(name, tree, places_of(values, tree))
        rank = column.up[0].astype(np.int32)
        up = np.full((column.height + 1, len(values)), -1, np.int32)
        for level in range(1, column.height + 1):
            up[level, column.up[level - 1]] = column.up[level]
    return rank, Sensitive(np.bincount(rank[read.codes[name]], minlength=len(values)), up)
