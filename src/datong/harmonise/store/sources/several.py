"""A source of several files of one kind: each file is a table, read by the reader of its kind.

A file may hold several tables; then it is read for each, and has the same content each time.

Contract: tests/harmonise/test_harmonise_source_tables.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from datong.ground.canonical import digest
from datong.harmonise.model.mappings import Source
from datong.harmonise.model.reading import Reading, Sample
from datong.harmonise.store.sources.opening import changed


def read(source: Source, wanted: Iterable[str], read_one: Callable[[Source], Reading]) -> Reading:
    """The wanted tables. The digest is of all of them, so that a change in a looked-up table is a new build."""
    tables: dict[str, Any] = {}
    digests: dict[str, str] = {}
    of_files: dict[str, str] = {}
    for table in wanted:
        one = source.of_table(table)
        reading = read_one(one)
        if of_files.setdefault(one.path, reading.digest) != reading.digest:
            raise changed(source, one.path)
        tables[table], digests[table] = reading.tables[table], reading.digest
    return Reading(tables, digest(digests))


def sample(source: Source, sample_one: Callable[[Source], Sample]) -> Sample:
    """The first rows of every table, their columns as table.column."""
    found = {table: sample_one(source.of_table(table)) for table in source.tables}
    columns = tuple(
        replace(column, path=f"{table}.{column.path}") for table, one in found.items() for column in one.columns
    )
    return Sample(columns, max(one.rows_seen for one in found.values()), all(one.whole for one in found.values()))


def declared(source: Source, declared_one: Callable[[Source], dict[str, str]]) -> dict[str, str]:
    """table.column -> the type that the file declares."""
    return {
        f"{table}.{path}": kind
        for table in source.tables
        for path, kind in declared_one(source.of_table(table)).items()
    }
