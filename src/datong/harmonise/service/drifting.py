"""Noticing that a source changed its shape since the last build from it, and saying how.

What touches a mapped column so that its values may mean something else refuses the build (STD-480); the rest is told
with the build. Contract: tests/harmonise/test_harmonise_drift.py.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from datong.ground import evidence
from datong.ground.db import Tx
from datong.ground.refusal import Problem, Refusal
from datong.harmonise.model.drift import DRIFTED, ColumnSeen, Difference
from datong.harmonise.model.mappings import How, Mapping
from datong.harmonise.model.reading import Reading, SampleColumn
from datong.harmonise.model.refusals import COLUMNS_MISSING
from datong.harmonise.rules import drift as rules
from datong.harmonise.rules.places import asked, where_in
from datong.harmonise.service.sampling import first_rows
from datong.harmonise.store import rereading, schemas, sources

LOOKED_AT_ROWS = 1_000


@dataclass(frozen=True)
class Drift:
    """The shape of a source now, and what is different from the one kept."""

    key: str
    source: str
    columns: tuple[ColumnSeen, ...]
    differences: tuple[Difference, ...]
    at: str

    def told(self) -> list[dict[str, Any]]:
        return [
            {"kind": d.kind, "path": d.path, "zh": d.said.zh, "en": d.said.en, "breaking": d.breaking}
            for d in self.differences
        ]

    def unmapped(self, mapping: Mapping) -> list[str]:
        """The columns that `mapping` neither reads nor names in `left`: nobody has decided that its dataset should not
        hold them. Of a table that is looked up in, it reads what it wants."""
        known = {*mapping.paths, *mapping.left}
        return [
            path
            for path in (column.path for column in self.columns)
            if not any(path == one or path.startswith(f"{one}.") for one in known)
            and (not mapping.source.tables or path.split(".", 1)[0] == mapping.main)
        ]

    def refusal(self, also: tuple[Problem, ...] = ()) -> Refusal | None:
        """STD-480 when a mapped column is touched."""
        touched = [d for d in self.differences if d.breaking]
        if not touched:
            return None
        return DRIFTED([*self.problems(), *also], source=self.source, count=len(touched), at=self.at)

    def problems(self) -> list[Problem]:
        """The differences, those that touch mapped columns first."""
        ordered = sorted(self.differences, key=lambda d: not d.breaking)
        return [Problem(d.path or self.source, d.said.zh, d.said.en) for d in ordered]

    def keep(self, tx: Tx) -> None:
        """Keep the shape, in the transaction of the build that is made of it."""
        if schemas.put(tx, self.key, self.source, self.columns):  # a leaf each time: the row is as its last one left it
            told = [f"{d.kind} {d.path}".strip() for d in self.differences]
            act, facts = ("harmonise.source_changed", {"told": told}) if told else ("harmonise.source_seen", {})
            evidence.append(tx, act, schemas.source_schemas, self.key, source=self.source, **facts)


def noticed(tx: Tx, workspace: Path, mapping: Mapping, data: Path, reading: Reading | None) -> Drift:
    """Look at the source as it is now. reading: what was read of it, which spares a second look at most sources."""
    key = schemas.id_of(workspace, mapping.source.name, mapping.name)
    columns = _columns(mapping, data, reading)
    kept = schemas.of(tx, key)
    differences = rules.differences(kept[0], columns, mapping.paths) if kept is not None else ()
    return Drift(key, mapping.source.name, columns, differences, kept[1] if kept is not None else "")


def explained(tx: Tx, workspace: Path, mapping: Mapping, data: Path, refusal: Refusal) -> Refusal:
    """The refusal of missing columns; where they were there at the last build, what became of them."""
    if refusal.code != COLUMNS_MISSING.code:
        return refusal
    try:
        told = noticed(tx, workspace, mapping, data, None)
    except Refusal:
        return refusal
    known = {d.path for d in told.differences}
    told_of = {where_in(mapping, at) for at, path in asked(mapping) if path in known}
    return told.refusal(tuple(p for p in refusal.problems if p.where not in told_of)) or refusal


def _columns(mapping: Mapping, data: Path, reading: Reading | None) -> tuple[ColumnSeen, ...]:
    source = mapping.source
    found = first_rows(mapping, data, reading, LOOKED_AT_ROWS).columns
    types = {} if source.bucket is not None else sources.declared(source, data)
    coded = {path for c in mapping.columns if c.how is How.code for path in c.paths}
    return tuple(
        rules.seen(
            replace(column, declared_type=types.get(column.path, "")),
            _codes(column, _whole(mapping, column.path, reading)) if column.path in coded else (),
        )
        for column in found
    )


def _whole(mapping: Mapping, path: str, reading: Reading | None) -> pa.ChunkedArray | None:
    """All values of a column, where all of them were read."""
    table, name = path.split(".", 1) if mapping.source.tables else (mapping.main, path)
    held = reading.tables.get(table) if reading is not None else None
    return None if held is None else rereading.column(held, name)


def _codes(column: SampleColumn, whole: pa.ChunkedArray | None) -> list[str]:
    """The values of a column that a code table maps: codes, which are nobody's."""
    values = column.values if whole is None else pc.unique(whole).to_pylist()
    there = {value for value in values if value}
    return sorted(there) if len(there) <= rules.CODES_MAX else []
