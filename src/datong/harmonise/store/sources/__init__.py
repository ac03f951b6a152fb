"""Reading sources to Arrow: every value as the text it was, with row numbers, nothing judged and nothing dropped.

telling     how what cannot be read is told of
opening     bytes and text of a file: gzip, zip, encodings, limits
documents   JSON, NDJSON: nested objects become paths (start.at)
delimited   CSV, record by record
blocks      CSV, many records at a time
parquets    Parquet
workbooks   Excel
databases   SQLite, PostgreSQL, MariaDB/MySQL
several     several files of one kind, each a table
web         the guarded way to what lies elsewhere
apis        paged HTTP APIs that answer JSON
buckets     S3-compatible storage, which holds files of the kinds above
filling     names of groups into the rows below them
unpivoting  a record to the rows that its columns are
gathering   rows to columns, in batches

What is no record (a bare number in an array, an object that names a field twice, a line with too many fields) stays as
a row whose `_broken` is its text as it stood there. A source that cannot be read to its end is refused: STD-411 says
where. Contract: tests/harmonise/test_harmonise_sources.py.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeAlias, TypeVar

from datong.ground.canonical import digest_bytes
from datong.ground.crypto import hashing
from datong.ground.refusal import Refusal
from datong.harmonise.model.mappings import FILE_KINDS, Source, SourceKind
from datong.harmonise.model.reading import Reading, Sample, Since
from datong.harmonise.store.sources import apis, blocks, databases, parquets, several
from datong.harmonise.store.sources.buckets import Listed, Storage
from datong.harmonise.store.sources.databases import columns_of
from datong.harmonise.store.sources.delimited import csv_rows
from datong.harmonise.store.sources.documents import Inner, Row, inner_of, json_rows, ndjson_rows
from datong.harmonise.store.sources.gathering import Gathered, sampled
from datong.harmonise.store.sources.opening import Content, all_inside, in_its_encoding, opened, stands_for, unchanged
from datong.harmonise.store.sources.web import Web
from datong.harmonise.store.sources.workbooks import of_sheets, workbook_rows

__all__ = ["columns_of", "declared", "read", "sample", "samples", "some_files", "some_of"]

SAMPLE_ROWS = 10_000
FILES_LOOKED_AT = 12
LOOKED_BYTES_MAX = 256_000_000
"""Of objects in a bucket, which come whole: once so much came no other is fetched to be looked at."""
One = TypeVar("One")
Named: TypeAlias = Callable[[Iterable[str]], None]
TEXTS: dict[SourceKind, Callable[[Source, Content, Inner | None, Named], Iterator[Row]]] = {
    SourceKind.json: lambda source, content, inner, _: json_rows(source, content, inner),
    SourceKind.ndjson: lambda source, content, inner, _: ndjson_rows(source, content, inner),
    SourceKind.csv: lambda source, content, _, named: csv_rows(source, content, named),
}
"""Files that are read from their first byte to their last."""


def read(
    source: Source,
    data: Path,
    wanted: Mapping[str, list[str]],
    aside: Path | None = None,
    since: Since | None = None,
    highest_of: tuple[str, str] | None = None,
    needed: Mapping[str, list[tuple[str, ...]]] | None = None,
) -> Reading:
    """All rows of `source`, whose path is looked for in the folder `data`.

    wanted: columns by table (the source's name where it has no tables). Of a database those are read that are there;
    of files the tables named, each whole (of a Parquet file with more columns than any table has, those named).
    aside: a folder into which large tables are put as Parquet; it is the caller's to empty. None: all in memory.
    since: where a database or an HTTP API (`load.parameter`) is asked to begin; files are read whole. highest_of: the
    table and column whose greatest value a database is asked for too. needed: by table the names of a field, one of
    which each of several files has; none: what is wanted.
    """
    if source.kind is SourceKind.database:
        return databases.read(source, data, wanted, aside, since, highest_of)
    if source.tables:
        return several.read(
            source, wanted, lambda one: read(one, data, {one.name: wanted[one.name]}, aside, needed=needed)
        )
    gathered = Gathered(source, aside, wanted.get(source.name, ()))
    if source.kind is SourceKind.http:
        inner = inner_of(wanted.get(source.name, ()))
        digest = apis.read_rows(source, gathered.add_rows, None if since is None else str(since.value), inner)
        return Reading({source.name: gathered.table()}, digest)
    with _files(source, data, aside) as files:
        digests = [_gather(here, path(), wanted.get(source.name, ()), gathered) for here, path in files]
    one_of = [(name,) for name in wanted.get(source.name, ())] if needed is None else needed.get(source.name, [])
    gathered.require_alike(one_of)
    of_all = digest_bytes(" ".join(digests).encode())
    return Reading({source.name: gathered.table()}, digests[0] if len(digests) == 1 else of_all)


def sample(source: Source, data: Path, rows: int = SAMPLE_ROWS) -> Sample:
    """The first rows of `source`; of a database those of every table it names. The rest is not read."""
    if source.kind is SourceKind.database:
        return databases.sample(source, data, rows)
    if source.tables:
        return several.sample(source, lambda one: sample(one, data, rows))
    if source.kind is SourceKind.http:
        return _sampled(source, rows, lambda keep: apis.read_rows(source, keep, held=False))
    with _files(source, data, None) as files:
        here, path_of = files[0]
        found = _of_file(here, path_of(), rows)
        return replace(found, whole=found.whole and len(files) == 1)


def _of_file(source: Source, path: Path, rows: int) -> Sample:
    if source.format is SourceKind.parquet:
        return parquets.sample(source, path, rows)
    if source.format is SourceKind.excel:
        return _sampled(source, rows, lambda keep: keep(workbook_rows(source, path)))
    here = in_its_encoding(source, path)
    with opened(here, path) as content:
        return _sampled(source, rows, lambda keep: keep(TEXTS[source.format](here, content, None, lambda _: None)))


def samples(source: Source, data: Path, rows: int = SAMPLE_ROWS) -> list[tuple[str, Sample | Refusal]]:
    """The first rows of files that `source` is one table of, the first and the last and some between, by their paths;
    of one that cannot be read, why. Of a database or an API, and where there is one file, of the whole."""
    several = source.bucket is not None or (source.kind in FILE_KINDS and "*" in source.path + source.sheet)
    if source.tables or not several:
        return [(source.path, sample(source, data, rows))]
    found: list[tuple[str, Sample | Refusal]] = []
    with _files(source, data, None) as files:
        share = max(rows // min(len(files), FILES_LOOKED_AT), 1)
        for here, path_of in _looked_at(files):
            try:
                found.append((here.path, _of_file(here, path_of(), share)))
            except Refusal as refusal:
                if not found:
                    raise
                found.append((here.path, refusal))
    return found


def some_of(paths: Sequence[One]) -> list[One]:
    """The first of many files, the last and some between."""
    looked = min(len(paths), FILES_LOOKED_AT)
    places = dict.fromkeys(number * (len(paths) - 1) // max(looked - 1, 1) for number in range(looked))
    return [paths[place] for place in places]


def declared(source: Source, data: Path) -> dict[str, str]:
    """path -> type, for sources that declare types; {} for those that do not."""
    if source.kind is SourceKind.database:
        found = databases.declared(source, data)
        return {
            f"{table}.{column.name}": column.type + ("" if column.nullable else " not null")
            for table, columns in found.items()
            for column in columns
        }
    if source.tables:
        return several.declared(source, lambda one: declared(one, data))
    if source.format is SourceKind.parquet:
        with _files(source, data, None) as files:
            here, path = files[0]
            return parquets.declared(here, path())
    return {}


@contextmanager
def some_files(source: Source) -> Iterator[Iterator[tuple[str, Path]]]:
    """The first object of a bucket and some of the others, one at a time: its key, and where it lies meanwhile."""
    with _files(source, Path(), None) as files:
        yield ((here.path, path_of()) for here, path_of in _looked_at(files))


def _looked_at(files: list[tuple[Source, Callable[[], Path]]]) -> Iterator[tuple[Source, Callable[[], Path]]]:
    """Those of `files` that are looked at."""
    came = 0

    def counted(path_of: Callable[[], Path]) -> Path:
        nonlocal came
        path = path_of()
        came += path.stat().st_size
        return path

    for here, path_of in some_of(files):
        if here.bucket is None:
            yield here, path_of
        elif came <= LOOKED_BYTES_MAX:
            yield here, partial(counted, path_of)


@contextmanager
def _files(source: Source, data: Path, aside: Path | None) -> Iterator[list[tuple[Source, Callable[[], Path]]]]:
    """The files that the source is made of: (the source as it is called there, where the file lies when asked for).

    Objects of a bucket are fetched one at a time, and deleted as the next one comes."""
    if source.bucket is None:
        found = [(replace(source, path=str(path.relative_to(data))), path) for path in all_inside(source, data)]
        yield [
            (one, partial(Path, path))
            for here, path in found
            for one in of_sheets(replace(here, part=stands_for(source.path, here.path)), path)
        ]
        return
    web = Web(source)
    try:
        storage = Storage(source, web)
        listed = storage.objects()
        if aside is not None:
            aside.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=aside, prefix="objects-") as folder:
            here = Path(folder) / "object"

            def fetched(entry: Listed) -> Callable[[], Path]:
                def fetch() -> Path:
                    storage.fetch(entry, here)
                    return here

                return fetch

            below = len(source.bucket.prefix)
            yield [(replace(source, path=entry.key, part=entry.key[below:]), fetched(entry)) for entry in listed]
    finally:
        web.close()


def _gather(source: Source, path: Path, wanted: Iterable[str], gathered: Gathered) -> str:
    """Add the rows of one file; the digest of its content."""
    gathered.begin(source)
    if source.format in TEXTS:
        source = in_its_encoding(source, path)
        with opened(source, path) as content:
            if source.format is SourceKind.csv:
                blocks.gather(source, content, gathered)
            else:
                gathered.add_rows(TEXTS[source.format](source, content, inner_of(wanted), gathered.named))
            return content.finish()
    with unchanged(source, path):
        if source.format is SourceKind.parquet:
            parquets.gather(source, path, wanted, gathered)
        else:
            gathered.add_rows(workbook_rows(source, path, gathered.named))
        with path.open("rb") as stream:
            return hashing.labelled(hashing.file_hex(stream))


def _sampled(source: Source, rows: int, read_into: Callable[[Callable[[Iterator[Row]], None]], object]) -> Sample:
    gathered, whole = Gathered(source), False

    def keep(found: Iterator[Row]) -> None:
        nonlocal whole
        gathered.add_rows(islice(found, rows))
        whole = next(found, None) is None

    read_into(keep)
    return sampled(gathered.table(), whole)
