"""Reading sources to Arrow: every value as the text it was, with row numbers, nothing judged and nothing dropped.

Files: JSON (an array of objects, or one under `records`; nested objects become paths, start.at), NDJSON, CSV; each
also gzipped. Databases by SQLAlchemy, read-only and in one transaction, from a SQLite file or a URL that an
environment variable holds. What is no record (a bare number in an array, an object that names a field twice, a line
with too many fields) stays as a row whose `_broken` is its text as it stood there. A source that cannot be read to its
end is refused: UNREADABLE says where.
Contract: tests/harmonise/test_harmonise_sources.py.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import os
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa
from sqlalchemy import MetaData, Table, Text, cast, create_engine, inspect, select
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from datong.ground.refusal import Refusal
from datong.harmonise.model.mappings import Source, SourceKind
from datong.harmonise.model.reading import BROKEN, ROW, Reading
from datong.harmonise.model.refusals import UNREADABLE

FILE_BYTES_MAX = 2_000_000_000
SQLITE_MAGIC = b"SQLite format 3\x00"
CHUNK = 1 << 20

Rows = Iterable[tuple[dict[str, str | None], str | None]]
"""(values by path, broken text) per row."""


def read(source: Source, data: Path, columns: Mapping[str, list[str]]) -> Reading:
    """All rows of `source`, whose path is looked for in the folder `data`.

    columns: for databases the columns wanted of each table (those that are there are read); files are read whole.
    """
    if source.kind is SourceKind.database:
        return _read_database(source, data, columns)
    raw = _bytes(source, data)
    digest = f"sha256:{hashlib.sha256(raw).hexdigest()}"
    rows = {SourceKind.json: _json_rows, SourceKind.ndjson: _ndjson_rows, SourceKind.csv: _csv_rows}[source.kind]
    return Reading({source.name: _table(source, rows(source, raw))}, digest)


def columns_of(source: Source, data: Path) -> dict[str, list[str]]:
    """table -> its columns, as the database says (empty for a table that is not there)."""
    engine = _engine(source, data)
    try:
        with engine.connect() as connection:
            return _columns(connection, source)
    except SQLAlchemyError as error:
        raise _unreadable(source, "数据库", "the database", error) from None
    finally:
        engine.dispose()


# --- files -------------------------------------------------------------------------------------------------


def _bytes(source: Source, data: Path) -> bytes:
    path = data / source.path
    if not path.resolve().is_relative_to(data.resolve()):
        raise _refused(source, source.path, "路径超出数据目录", "leads out of the data folder")
    try:
        packed = path.read_bytes()
        if packed[:2] != b"\x1f\x8b":
            return packed
        with gzip.open(io.BytesIO(packed)) as opened:
            raw = opened.read(FILE_BYTES_MAX + 1)
    except FileNotFoundError:
        raise _refused(source, source.path, "没有这个文件", "there is no such file") from None
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise _refused(source, source.path, "压缩文件损坏或不完整", "the gzip file is damaged or cut short") from None
    except OSError as error:
        said = error.strerror or "error"
        raise _refused(source, source.path, f"不能读取（{said}）", f"cannot be read ({said})") from None
    if len(raw) > FILE_BYTES_MAX:
        raise _refused(source, source.path, "解压后过大", f"unpacks to more than {FILE_BYTES_MAX} bytes")
    return raw


def _text(source: Source, raw: bytes) -> str:
    encoding = "utf-8-sig" if source.encoding.lower().replace("_", "-") in {"utf-8", "utf8"} else source.encoding
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        place, line = f"{source.path} @ byte {error.start}", raw[: error.start].count(b"\n")
        zh, en = f"不是 {source.encoding} 编码", f"is not {source.encoding}"
        raise _refused(source, place, zh, en, read=line) from None


def _json_rows(source: Source, raw: bytes) -> Iterator[tuple[dict[str, str | None], str | None]]:
    text = _text(source, raw)
    try:
        value = json.loads(text, **_AS_WRITTEN)
    except json.JSONDecodeError as error:
        place = f"{source.path} @ {error.lineno}:{error.colno} (character {error.pos} of {len(text)})"
        cut = error.pos >= len(text.rstrip())
        zh, en = (
            ("JSON 在此中断（文件不完整）", "the JSON ends here, unfinished")
            if cut
            else ("不是有效的 JSON", "is no JSON")
        )
        raise _refused(source, place, zh, en, read=_whole_records(text)) from None
    except RecursionError:
        raise _refused(source, source.path, "JSON 嵌套过深", "the JSON is nested too deeply") from None
    for name in filter(None, source.records.split(".")):
        value = value.get(name) if isinstance(value, dict) else None
    if not isinstance(value, list):
        at = source.records or source.path
        raise _refused(source, at, "应为对象数组", "should be an array of objects; set `records` to its path")
    for item in value:
        values = _flat(item)
        yield ({}, _written(item)) if values is None else (values, None)


def _whole_records(text: str) -> int:
    """How many whole records stand before a break, at the start of an array."""
    decoder, at, count = json.JSONDecoder(), text.find("[") + 1, 0
    while at:
        while at < len(text) and text[at] in " \t\r\n,":
            at += 1
        try:
            _, at = decoder.raw_decode(text, at)
        except (json.JSONDecodeError, RecursionError):
            return count
        count += 1
    return count


def _ndjson_rows(source: Source, raw: bytes) -> Iterator[tuple[dict[str, str | None], str | None]]:
    for line in _text(source, raw).splitlines():
        if not line.strip():
            continue
        try:
            values = _flat(json.loads(line, **_AS_WRITTEN))
        except (json.JSONDecodeError, RecursionError):
            values = None
        yield ({}, line) if values is None else (values, None)


def _flat(item: Any) -> dict[str, str | None] | None:
    """The values of an object by path; None when it is no object, or when two values stand at one path."""
    flat: dict[str, str | None] = {}
    return flat if isinstance(item, dict) and _spread(item, "", flat) else None


def _spread(item: dict[str, Any], before: str, into: dict[str, str | None]) -> bool:
    """Put the values of `item` into `into`; False when one is there already or would be lost."""
    for name, value in item.items():
        path = f"{before}{name}"
        if isinstance(value, dict):
            if not _spread(value, f"{path}.", into):
                return False
        elif isinstance(value, _Twice) or path in into:
            return False
        else:
            into[path] = value if value is None or isinstance(value, str) else _written(value)
    return True


class _Number(str):
    """A number of a JSON text, as it was written there."""

    __slots__ = ()


class _Twice(list[tuple[str, Any]]):
    """The fields of a JSON object that names one of them twice, as they stand there."""


def _object(fields: list[tuple[str, Any]]) -> dict[str, Any] | _Twice:
    found = dict(fields)
    return found if len(found) == len(fields) else _Twice(fields)


_AS_WRITTEN: dict[str, Any] = {
    "parse_float": _Number, "parse_int": _Number, "parse_constant": _Number, "object_pairs_hook": _object,
}  # fmt: skip
"""How JSON is read: numbers as they were written, no field lost."""


def _written(value: Any) -> str:
    """`value` as JSON again, its numbers as they were written."""
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, dict | _Twice):
        fields = value.items() if isinstance(value, dict) else value
        return "{" + ", ".join(f"{json.dumps(k, ensure_ascii=False)}: {_written(v)}" for k, v in fields) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_written, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _csv_rows(source: Source, raw: bytes) -> Iterator[tuple[dict[str, str | None], str | None]]:
    lines = io.StringIO(_text(source, raw), newline="")
    for _ in range(source.skip_lines):
        lines.readline()
    consumed: list[str] = []  # the lines of the record being read, as they stand in the file

    def watched() -> Iterator[str]:
        for line in lines:
            consumed.append(line)
            yield line

    reader = csv.reader(watched(), delimiter=source.delimiter)
    read_so_far = 0
    try:
        header = [name.strip() for name in next(reader, [])]
        if not header or len(set(header)) != len(header):
            zh, en = "表头缺失或列名重复", "has no header line, or one that names a column twice"
            raise _refused(source, source.path, zh, en)
        consumed.clear()
        for fields in reader:
            text = "".join(consumed).rstrip("\r\n")
            consumed.clear()
            if not fields:
                continue
            read_so_far += 1
            whole = len(fields) == len(header)
            yield (dict(zip(header, fields, strict=True)), None) if whole else ({}, text)
    except csv.Error as error:
        place = f"{source.path} @ line {reader.line_num + source.skip_lines}"
        raise _refused(source, place, f"不是 CSV：{error}", f"is no CSV: {error}", read=read_so_far) from None


def _table(source: Source, rows: Rows) -> pa.Table:
    """Columns of text in the order they first appear, `_row` from 1, `_broken`."""
    columns: dict[str, list[str | None]] = {}
    broken: list[str | None] = []
    for number, (values, text) in enumerate(rows):
        broken.append(text)
        for path, value in values.items():
            column = columns.get(path)
            if column is None:
                column = columns[path] = [None] * number
            elif len(column) < number:
                column.extend([None] * (number - len(column)))
            column.append(value)
    count = len(broken)
    for column in columns.values():
        column.extend([None] * (count - len(column)))
    return _with_rows(source, {path: pa.array(column, pa.string()) for path, column in columns.items()}, count, broken)


def _with_rows(
    source: Source, columns: dict[str, pa.Array], count: int, broken: list[str | None] | None = None
) -> pa.Table:
    if taken := sorted({ROW, BROKEN} & set(columns)):
        zh, en = "是系统使用的列名，请在数据源中改名", "is a name Datong uses itself; rename it in the source"
        raise _refused(source, f"{source.path or source.name}: {', '.join(taken)}", zh, en)
    marks = pa.nulls(count, pa.string()) if broken is None else pa.array(broken, pa.string())
    return pa.table({ROW: pa.array(range(1, count + 1), pa.int64()), BROKEN: marks, **columns})


# --- databases ---------------------------------------------------------------------------------------------


def _engine(source: Source, data: Path) -> Engine:
    if not source.url_from:
        return create_engine("sqlite://", creator=_sqlite_opener(source, data))
    url = os.environ.get(source.url_from, "")
    if not url:
        zh, en = "环境变量未设置", "this environment variable, which should hold the database URL, is not set"
        raise _refused(source, source.url_from, zh, en)
    try:
        return create_engine(url)
    except (SQLAlchemyError, ImportError) as error:
        raise _unreadable(source, source.url_from, source.url_from, error) from None


def _sqlite_opener(source: Source, data: Path) -> Callable[[], sqlite3.Connection]:
    path = data / source.path
    if not path.resolve().is_relative_to(data.resolve()):
        raise _refused(source, source.path, "路径超出数据目录", "leads out of the data folder")
    try:
        with path.open("rb") as opened:
            magic = opened.read(len(SQLITE_MAGIC))
    except OSError as error:
        said = error.strerror or "error"
        raise _refused(source, source.path, f"不能读取（{said}）", f"cannot be read ({said})") from None
    if magic != SQLITE_MAGIC:
        raise _refused(source, source.path, "不是 SQLite 数据库", "is no SQLite database")

    def opened_read_only() -> sqlite3.Connection:
        address = f"file:{quote(str(path.resolve()))}?mode=ro"
        return sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)

    return opened_read_only


def _read_database(source: Source, data: Path, wanted: Mapping[str, list[str]]) -> Reading:
    engine = _engine(source, data)
    hashed = hashlib.sha256()
    tables: dict[str, pa.Table] = {}
    name = ""
    try:
        with engine.connect() as connection:
            _begin_reading(connection)
            there = _columns(connection, source)
            for name, columns in wanted.items():
                kept = [column for column in columns if column in there[name]]
                arrays = _selected(connection, name, kept, source.tables[name], there[name])
                rows = len(next(iter(arrays.values()))) if arrays else 0
                tables[name] = _with_rows(source, arrays, rows)
                _add_to(hashed, name, tables[name])
            connection.rollback()
    except (SQLAlchemyError, sqlite3.Error, UnicodeDecodeError) as error:
        raise _unreadable(source, name or source.path, name or source.path, error) from None
    finally:
        engine.dispose()
    return Reading(tables, f"sha256:{hashed.hexdigest()}")


def _begin_reading(connection: Connection) -> None:
    """One snapshot for all tables, and no way to write."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN")
    elif connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")


def _columns(connection: Connection, source: Source) -> dict[str, list[str]]:
    look = inspect(connection)
    there = {*look.get_table_names(), *look.get_view_names()}
    return {t: [str(c["name"]) for c in look.get_columns(t)] if t in there else [] for t in source.tables}


def _selected(connection: Connection, name: str, columns: list[str], key: str, there: list[str]) -> dict[str, pa.Array]:
    """The columns of a table as text, in the order of its key."""
    if not columns:
        return {}
    table = Table(name, MetaData(), autoload_with=connection)
    statement = select(*(cast(table.c[column], Text) for column in columns))
    if key in there:
        statement = statement.order_by(table.c[key])
    arrays: dict[str, list[pa.Array]] = {column: [] for column in columns}
    for part in connection.execute(statement).partitions(50_000):
        for column, values in zip(columns, zip(*part, strict=True), strict=True):
            arrays[column].append(pa.array(values, pa.string()))
    return {column: pa.chunked_array(chunks, pa.string()) for column, chunks in arrays.items()}


def _add_to(hashed: Any, name: str, table: pa.Table) -> None:
    """Add a table's content to a digest, in Arrow's stream format."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table.combine_chunks(), max_chunksize=CHUNK)
    hashed.update(name.encode())
    hashed.update(sink.getvalue())


# --- refusals ----------------------------------------------------------------------------------------------


def _refused(source: Source, place: str, zh: str, en: str, read: int = 0) -> Refusal:
    return UNREADABLE(source=source.name, place=place, zh=zh, en=en, read=read)


def _unreadable(source: Source, zh: str, en: str, error: Exception) -> Refusal:
    """A database error without its text: that may hold a password or a value."""
    kind = type(getattr(error, "orig", None) or error).__name__
    return _refused(source, source.name, f"{zh} 不能读取（{kind}）", f"{en} cannot be read ({kind})")
