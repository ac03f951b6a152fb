"""Reading the source of a mapping: whole or as a scan, and what is said when columns are not there.

Contract: tests/harmonise/test_harmonise_service.py, test_harmonise_drift.py.
"""

from __future__ import annotations

from pathlib import Path

from datong.engine.model import Plan
from datong.ground.db import Tx
from datong.ground.refusal import Problem, Refusal
from datong.harmonise.model.mappings import Mapping, SourceKind
from datong.harmonise.model.reading import Reading
from datong.harmonise.model.refusals import (
    COLUMNS_MISSING,
    NO_ROWS,
)
from datong.harmonise.rules import plain
from datong.harmonise.rules import plan as planning
from datong.harmonise.rules.places import line_of
from datong.harmonise.rules.workspace import nearest
from datong.harmonise.service import drifting
from datong.harmonise.store import scanned, sources


def explained(tx: Tx, folder: Path, mapping: Mapping, data: Path, *, scan: bool = True) -> Reading:
    """Read the source; when columns are missing that were there at the last build, say what became of them."""
    try:
        return read(mapping, data, scan=scan)
    except Refusal as refusal:
        raise drifting.explained(tx, folder, mapping, data, refusal) from None


def plan_for(mapping: Mapping, reading: Reading) -> Plan:
    main = reading.tables[mapping.main]
    if isinstance(main, scanned.Lines):
        return planning.plan_of(mapping, main.numbers, scanned=True)
    return planning.plan_of(mapping)


def read(mapping: Mapping, data: Path, *, scan: bool = True) -> Reading:
    """Read the source, or survey it where the engine is to scan it.

    COLUMNS_MISSING names every path that is not there, with the nearest names.
    """
    wanted: dict[str, list[str]] = {mapping.main: []} if mapping.source.tables else {}
    for path in mapping.paths if mapping.source.tables else ():
        table, column = path.split(".", 1)
        wanted.setdefault(table, []).append(column)
    if mapping.source.kind is SourceKind.database:
        there = sources.columns_of(mapping.source, data)
        known = [f"{table}.{column}" for table, columns in there.items() for column in columns]
        require(mapping, known, [table for table in wanted if not there[table]])
        return sources.read(mapping.source, data, wanted)
    if scan and (found := scanned.reading(mapping, data, plain.needs(mapping))) is not None:
        return found
    reading = sources.read(mapping.source, data, wanted)
    if not reading.tables[mapping.main].num_rows:
        return reading  # nothing says which columns it would have; nothing is built of it
    known = []
    for name, table in reading.tables.items():
        if not table.num_rows:
            raise NO_ROWS(source=f"{mapping.source.name}: {name}")
        known += [f"{name}.{column}" if mapping.source.tables else column for column in table.column_names[2:]]
    require(mapping, known, [])
    return reading


def require(mapping: Mapping, known: list[str], no_tables: list[str]) -> None:
    problems = []
    for at, path in asked(mapping):
        line = line_of(mapping.lines, at)
        where = f"{mapping.file}:{line}: {at}" if line else f"{mapping.file}: {at}"
        if path.split(".")[0] in no_tables:
            table = path.split(".")[0]
            problems.append(Problem(where, f"没有表 {table}", f"there is no such table: {table}"))
        elif path not in known:
            near = nearest(path, known)
            zh = f"数据源没有 {path} 列；相近：{'、'.join(near) or '无'}"
            en = f"the source has no such column: {path}; nearest: {', '.join(near) or 'none'}"
            problems.append(Problem(where, zh, en))
    if problems:
        raise COLUMNS_MISSING(problems, source=mapping.source.name, count=len(problems))


def asked(mapping: Mapping) -> list[tuple[str, str]]:
    """(where the mapping names it, path) of every path it reads."""
    asked = [(f"columns.{column.element.name}", column.path) for column in mapping.columns if column.path]
    for number, join in enumerate(mapping.joins):
        asked += [(f"joins[{number}].on", join.left), (f"joins[{number}].on", f"{join.table}.{join.right}")]
    return asked
