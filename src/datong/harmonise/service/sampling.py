"""The first rows of a source: over its files, for who drafts a mapping of it; for those who look at it beside a build
(drift and suspicions) those of what was read.

What was read already is not asked for again: an API or a bucket would send it twice. A database is, because of it only
the columns that are mapped were read. Contract: tests/harmonise/test_harmonise_drift.py, suspicions.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from datong.ground.refusal import Refusal
from datong.harmonise.model.mappings import Mapping, Source, SourceKind
from datong.harmonise.model.reading import Reading, Sample
from datong.harmonise.rules.several_files import Together, together
from datong.harmonise.store import rereading, sources
from datong.harmonise.store.sources.gathering import sampled


def over_files(source: Source, data: Path) -> Together:
    """The first rows of `source`, over the files that it is one table of. Refuses when the first cannot be read."""
    looked = sources.samples(source, data)
    files = [(path, found) for path, found in looked if isinstance(found, Sample) and found.columns]
    if not files:
        return Together(Sample((), 0, whole=True), {}, ())
    made = together(files, may_lack=source.format in (SourceKind.json, SourceKind.ndjson))
    unread = [found.texts()[1] for _, found in looked if isinstance(found, Refusal)]
    return replace(made, doubts=(*made.doubts, *unread))


def first_rows(mapping: Mapping, data: Path, reading: Reading | None, rows: int) -> Sample:
    """The first `rows` of every table that was read, or of every table there is; paths as a mapping names them."""
    source = mapping.source
    heads = {name: rereading.head(table, rows) for name, table in reading.tables.items()} if reading else {}
    known = {name: table for name, table in heads.items() if table is not None}
    if source.kind is SourceKind.database or not known.keys() >= (source.tables.keys() or {mapping.main}):
        return sources.sample(source, data, rows)
    if not source.tables:
        return _sampled(known[mapping.main], "")
    found = [_sampled(known[name], f"{name}.") for name in source.tables]
    columns = tuple(column for one in found for column in one.columns)
    return Sample(columns, max(one.rows_seen for one in found), whole=False)


def _sampled(table: Any, prefix: str) -> Sample:
    assert isinstance(table, pa.Table)
    found = sampled(table, whole=False)
    return replace(found, columns=tuple(replace(c, path=f"{prefix}{c.path}") for c in found.columns))
