"""Reading the source of a mapping: whole or as a scan, and what is said when columns are not there.

Contract: tests/harmonise/test_harmonise_service.py, test_harmonise_drift.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from datong.engine.model import Plan
from datong.ground.db import Tx
from datong.ground.refusal import Problem, Refusal
from datong.harmonise.model.mappings import Column, Mapping, SourceKind
from datong.harmonise.model.reading import Reading, Since
from datong.harmonise.model.refusals import (
    COLUMNS_MISSING,
    NO_ROWS,
)
from datong.harmonise.rules import lineage, plain
from datong.harmonise.rules import plan as planning
from datong.harmonise.rules.found import nearest
from datong.harmonise.rules.places import asked, where_in
from datong.harmonise.service import drifting
from datong.harmonise.store import rereading, scanned, sources


def explained(
    tx: Tx, folder: Path, mapping: Mapping, data: Path, *, scan: bool = True, aside: Path | None = None
) -> Reading:
    """Read the source; when columns are missing that were there at the last build, say what became of them."""
    try:
        return read(mapping, data, scan=scan, aside=aside)
    except Refusal as refusal:
        raise drifting.explained(tx, folder, mapping, data, refusal) from None


def plan_for(mapping: Mapping, reading: Reading) -> Plan:
    main = reading.tables[mapping.main]
    if isinstance(main, scanned.Lines):
        return planning.plan_of(mapping, main.numbers, scanned=True)
    return planning.plan_of(mapping)


def as_there(mapping: Mapping, reading: Reading) -> Mapping:
    """The mapping with, of the names that one field may have, those that the source has now."""

    def narrowed(column: Column) -> Column:
        table = reading.tables[column.table if mapping.source.tables else mapping.main]
        if isinstance(table, scanned.Lines):  # which has them all
            return column
        there = rereading.columns(table)
        paths = [path for path in column.paths if lineage.plain(mapping, path) in there]
        return replace(column, path=paths[0], others=tuple(paths[1:])) if paths else column

    return replace(mapping, columns=tuple(narrowed(c) if c.others else c for c in mapping.columns))


def read(mapping: Mapping, data: Path, *, scan: bool = True, aside: Path | None = None) -> Reading:
    """Read the source, or survey it where the engine is to scan it. aside: where large tables are put.

    COLUMNS_MISSING names every path that is not there, with the nearest names.
    """
    if scan and (found := scanned.reading(mapping, data, plain.needs(mapping))) is not None:
        return found
    return unscanned(mapping, data, aside)


def unscanned(
    mapping: Mapping,
    data: Path,
    aside: Path | None = None,
    since: Since | None = None,
    highest_of: tuple[str, str] | None = None,
    loaded: Sequence[str] = (),
) -> Reading:
    """What the mapping and the source's `load` need of it, read as text, once it is known to be there.

    since, highest_of: see `sources.read`; where the main table then has no rows, nothing says which columns it has.
    loaded: the columns of what was loaded before, which the few records of an API that came since may all leave out;
    not those of `load`, and none where there is a column that was not loaded: one may have been renamed."""
    wanted = _wanted(mapping)
    if mapping.source.kind is SourceKind.database:  # it says what it has before anything is read
        there = sources.columns_of(mapping.source, data)
        known = [f"{table}.{column}" for table, columns in there.items() for column in columns]
        require(mapping, known, [table for table in wanted if not there[table]])
        return sources.read(mapping.source, data, wanted, aside, since, highest_of)
    reading = sources.read(mapping.source, data, wanted, aside, since, needed=_needed(mapping, wanted))
    if not rereading.count(reading.tables[mapping.main]):
        return reading
    came = set(rereading.columns(reading.tables[mapping.main]))
    known = [name for name in loaded if name not in mapping.source.load.columns] if came <= set(loaded) else []
    for name, table in reading.tables.items():
        if not rereading.count(table):
            raise NO_ROWS(source=f"{mapping.source.name}: {name}")
        known += [f"{name}.{column}" if mapping.source.tables else column for column in rereading.columns(table)]
    require(mapping, known, [])
    return reading


def own_columns(mapping: Mapping) -> list[str]:
    """The columns of the main table that the mapping and the source's `load` need, as they are called in it."""
    return _wanted(mapping)[mapping.main]


def _wanted(mapping: Mapping) -> dict[str, list[str]]:
    wanted: dict[str, list[str]] = {mapping.main: []}
    for path in mapping.paths:
        table, column = path.split(".", 1) if mapping.source.tables else (mapping.main, path)
        wanted.setdefault(table, []).append(column)
    own = [*wanted[mapping.main], *mapping.source.load.columns]
    return {**wanted, mapping.main: list(dict.fromkeys(own))}


def _needed(mapping: Mapping, wanted: dict[str, list[str]]) -> dict[str, list[tuple[str, ...]]]:
    """By table: the columns of which each of its files has one, those alone that nothing else can stand for."""
    alone = {path for column in mapping.columns if not column.others for path in column.paths}
    alone |= {path for join in mapping.joins for path in (join.left, f"{join.table}.{join.right}")}
    several = [c.paths for c in mapping.columns if c.others]
    stood_for = {lineage.plain(mapping, path) for paths in several for path in paths if path not in alone}
    stood_for -= set(mapping.source.load.columns)
    needed: dict[str, list[tuple[str, ...]]] = {}
    for table, names in wanted.items():
        needed[table] = [(name,) for name in names if name not in stood_for]
    for paths in several:
        table = paths[0].split(".", 1)[0] if mapping.source.tables else mapping.main
        needed[table].append(tuple(lineage.plain(mapping, path) for path in paths))
    return needed


def require(mapping: Mapping, known: list[str], no_tables: list[str]) -> None:
    """COLUMNS_MISSING names every path that the mapping or the source's `load` names and that is not among `known`."""
    problems = _load_asks_for(mapping, known) if mapping.main not in no_tables else []
    either = {f"columns.{c.element.name}" for c in mapping.columns if not set(c.others).isdisjoint(known)}
    either |= {f"columns.{c.element.name}" for c in mapping.columns if c.others and c.path in known}
    for at, path in asked(mapping):
        where = where_in(mapping, at)
        if path.split(".")[0] in no_tables:
            table = path.split(".")[0]
            problems.append(Problem(where, f"没有表 {table}", f"there is no such table: {table}"))
        elif path not in known and at not in either:
            near = nearest(path, known)
            zh = f"数据源没有 {path} 列；相近：{'、'.join(near) or '无'}"
            en = f"the source has no such column: {path}; nearest: {', '.join(near) or 'none'}"
            problems.append(Problem(where, zh, en))
    if problems:
        raise COLUMNS_MISSING(problems, source=mapping.source.name, count=len(problems))


def _load_asks_for(mapping: Mapping, known: list[str]) -> list[Problem]:
    """Columns of the main table that `load` names and that are not there."""
    prefix = f"{mapping.main}." if mapping.source.tables else ""
    there = [name.removeprefix(prefix) for name in known if name.startswith(prefix)]
    problems = []
    for at, name in mapping.source.load.asked:
        if name not in there:
            near = nearest(name, there)
            zh = f"数据源没有 {name} 列；相近：{'、'.join(near) or '无'}"
            en = f"the source has no such column: {name}; nearest: {', '.join(near) or 'none'}"
            problems.append(Problem(f"sources/{mapping.source.name}.yaml: load.{at}", zh, en))
    return problems
