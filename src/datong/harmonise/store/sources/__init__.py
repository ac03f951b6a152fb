"""Reading sources to Arrow: every value as the text it was, with row numbers, nothing judged and nothing dropped.

telling     how what cannot be read is told of
opening     bytes and text of a file: gzip, zip, encodings, limits
documents   JSON, NDJSON: nested objects become paths (start.at)
delimited   CSV
databases   SQLite, PostgreSQL, MariaDB/MySQL
several     several files of one kind, each a table
gathering   rows to columns, in batches

What is no record (a bare number in an array, an object that names a field twice, a line with too many fields) stays as
a row whose `_broken` is its text as it stood there. A source that cannot be read to its end is refused: STD-411 says
where. Contract: tests/harmonise/test_harmonise_sources.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path

from datong.harmonise.model.mappings import Source, SourceKind
from datong.harmonise.model.reading import Reading, Sample
from datong.harmonise.store.sources import databases, several
from datong.harmonise.store.sources.databases import columns_of
from datong.harmonise.store.sources.delimited import csv_rows
from datong.harmonise.store.sources.documents import Row, json_rows, ndjson_rows
from datong.harmonise.store.sources.gathering import Gathered, sampled
from datong.harmonise.store.sources.opening import Content, inside, opened

__all__ = ["columns_of", "read", "sample"]

SAMPLE_ROWS = 10_000
ROWS: dict[SourceKind, Callable[[Source, Content], Iterator[Row]]] = {
    SourceKind.json: json_rows,
    SourceKind.ndjson: ndjson_rows,
    SourceKind.csv: csv_rows,
}


def read(source: Source, data: Path, wanted: Mapping[str, list[str]], aside: Path | None = None) -> Reading:
    """All rows of `source`, whose path is looked for in the folder `data`.

    wanted: by table, for sources with tables. Of a database the columns named are read (those that are there); of a
    source of several files the files of the tables named, each whole.
    aside: a folder into which large tables are put as Parquet; it is the caller's to empty. None: all in memory.
    """
    if source.kind is SourceKind.database:
        return databases.read(source, data, wanted, aside)
    if source.tables:
        return several.read(source, wanted, lambda one: read(one, data, {}, aside))
    gathered = Gathered(source, aside)
    with opened(source, inside(source, data)) as content:
        gathered.add_rows(ROWS[source.kind](source, content))
        digest = content.finish()
    return Reading({source.name: gathered.table()}, digest)


def sample(source: Source, data: Path, rows: int = SAMPLE_ROWS) -> Sample:
    """The first rows of `source`; of a database those of every table it names. The rest is not read."""
    if source.kind is SourceKind.database:
        return databases.sample(source, data, rows)
    if source.tables:
        return several.sample(source, lambda one: sample(one, data, rows))
    gathered = Gathered(source)
    with opened(source, inside(source, data)) as content:
        found = ROWS[source.kind](source, content)
        gathered.add_rows(islice(found, rows))
        whole = next(found, None) is None
    return sampled(gathered.table(), whole)
