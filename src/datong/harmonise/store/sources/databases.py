"""Databases by SQLAlchemy: SQLite files, PostgreSQL and MariaDB/MySQL by a URL that an environment variable holds.

Read only, all tables in one snapshot, each column as the database's own text, in batches. A failure is told by its kind
(password, host, table); the driver's words, which may hold a password or a value, are not.
Contract: tests/harmonise/test_harmonise_sources.py, tests/harmonise/test_harmonise_databases.py.
"""

from __future__ import annotations

import re
import sqlite3
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import (
    MetaData,
    Table,
    Text,
    cast,
    create_engine,
    func,
    inspect,
    literal,
    literal_column,
    make_url,
    select,
    type_coerce,
)
from sqlalchemy import column as sql_column
from sqlalchemy import table as sql_table
from sqlalchemy import types as sql_types
from sqlalchemy.dialects import mysql
from sqlalchemy.dialects.postgresql.base import PGInspector
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.engine.reflection import Inspector
from sqlalchemy.exc import NoSuchTableError, SQLAlchemyError

from datong.ground.crypto import hashing
from datong.ground.refusal import Refusal
from datong.harmonise.model.drift import WATERMARK_TYPE
from datong.harmonise.model.mappings import Source
from datong.harmonise.model.reading import BROKEN, ROW, Reading, Sample, SampleColumn, Since
from datong.harmonise.store.sources import floats
from datong.harmonise.store.sources.gathering import SAMPLE_VALUES_MAX, Gathered
from datong.harmonise.store.sources.opening import inside
from datong.harmonise.store.sources.secrets import secret
from datong.harmonise.store.sources.telling import refused, refused_os
from datong.harmonise.store.sources.web import shown
from datong.harmonise.store.staged import Staged

SQLITE_MAGIC = b"SQLite format 3\x00"
BATCH_ROWS = 50_000
TABLES_MAX = 200
CONNECT_SECONDS = 10
ANSWER_SECONDS = 600
"""How long a database may be silent before it counts as gone (MySQL's driver waits for ever otherwise)."""

WRITTEN_AS = ("datestyle TO 'ISO, YMD'", "extra_float_digits TO 1", "bytea_output TO hex", "intervalstyle TO postgres")
"""How PostgreSQL is to write values, whatever its database or the role is set to: 01/02/2026 may be either day, and
servers before 12 cut the last digits of a double."""

DRIVERS = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg", "mysql": "mysql+pymysql",
           "mariadb": "mariadb+pymysql"}  # fmt: skip
"""What a URL says -> the driver that Datong brings (extras postgresql, mysql)."""
EXTRAS = {"psycopg": "postgresql", "pymysql": "mysql"}


@dataclass(frozen=True)
class TableColumn:
    """A column as the database declares it."""

    name: str
    type: str
    nullable: bool
    comment: str


def columns_of(source: Source, data: Path) -> dict[str, list[str]]:
    """table -> its columns, as the database says (empty for a table that is not there)."""
    return {table: [column.name for column in columns] for table, columns in declared(source, data).items()}


def declared(source: Source, data: Path) -> dict[str, list[TableColumn]]:
    """table -> its columns with their types, as the database says (empty for a table that is not there)."""
    with _connected(source, data, []) as connection:
        return _declared(connection, source)


def read(
    source: Source,
    data: Path,
    wanted: Mapping[str, list[str]],
    aside: Path | None = None,
    since: Since | None = None,
    highest_of: tuple[str, str] | None = None,
) -> Reading:
    """The wanted columns that are there of each table, in the order of its key.

    since: of one table only what grew. highest_of: (table, column) whose greatest value is told, of the same moment.
    """
    hashed = hashing.hasher()
    tables: dict[str, Any] = {}
    highest = None
    at: list[str] = []
    with _connected(source, data, at) as connection:
        there = _declared(connection, source)
        if highest_of is not None:  # first: where tables have no snapshot (MyISAM) what comes meanwhile is read again
            at[:] = [highest_of[0]]
            highest = _highest(connection, source, *highest_of)
        for name, columns in wanted.items():
            at[:] = [name]
            kept = [column.name for column in there[name] if column.name in columns]
            kept.sort(key=list(columns).index)
            gathered = Gathered(source, aside, columns)

            def told(column: str, row: int, name: str = name, gathered: Gathered = gathered) -> Refusal:
                zh, en = _SAID["text"]
                row += gathered.rows
                place = f"{name}.{column}"
                return refused(source, place, f"第 {row} 行{zh}", f"row {row} {en}", read=row - 1)

            for arrays, count in _batches(connection, name, kept, source.tables[name], since, told=told):
                gathered.add(arrays, count)
            tables[name] = gathered.table(name)
            _add_to(hashed, name, tables[name])
    return Reading(tables, hashing.labelled(hashed.hexdigest()), highest)


def _highest(connection: Connection, source: Source, name: str, column: str) -> Any:
    """The greatest value of a column, as the driver gives it."""
    table = _reflected(connection, name)
    if connection.dialect.name == "sqlite" and _mixed(connection, table.c[column]):
        raise WATERMARK_TYPE(source=source.name, column=column, type="text and number")
    as_it_comes = type_coerce(func.max(table.c[column]), sql_types.NullType())
    highest = connection.execute(select(as_it_comes)).scalar()
    if isinstance(highest, str) and re.fullmatch("[0-9]+", highest):  # as texts 10 comes before 9 and would not be seen
        longer = select(func.count()).where(func.length(type_coerce(table.c[column], Text)) > len(highest))
        if connection.execute(longer.select_from(table)).scalar():
            raise WATERMARK_TYPE(source=source.name, column=column, type="numbers as text, of several lengths")
    return highest


def _mixed(connection: Connection, column: Any) -> bool:
    """Whether texts and numbers stand in one column, as only SQLite lets them: every text is greater than any number,
    so that a number that comes later would never be seen."""
    kinds = connection.execute(select(func.typeof(column)).distinct().where(column.is_not(None))).scalars()
    return len({"number" if kind in ("integer", "real") else kind for kind in kinds}) > 1


def tables_of(source: Source, data: Path) -> dict[str, str]:
    """The tables and views that the user may see, each with its key's first column, or its first column."""
    with _connected(source, data, []) as connection:
        look = inspect(connection)
        names = sorted(_names(look))[:TABLES_MAX]
        return {
            name: str(next(iter(look.get_pk_constraint(name).get("constrained_columns") or []), columns[0]["name"]))
            for name in names
            if (columns := look.get_columns(name))
        }


def digest_of(name: str, table: pa.Table | Staged) -> str:
    """ "<algorithm>:<hex>" of a table's content."""
    hashed = hashing.hasher()
    _add_to(hashed, name, table)
    return hashing.labelled(hashed.hexdigest())


def sample(source: Source, data: Path, rows: int) -> Sample:
    """The first rows of every table that the source names."""
    found: list[SampleColumn] = []
    seen, whole = 0, True
    at: list[str] = []
    with _connected(source, data, at) as connection:
        for name, columns in _declared(connection, source).items():
            at[:] = [name]
            limit = max(1, min(rows, SAMPLE_VALUES_MAX // max(1, len(columns))))
            names = [column.name for column in columns]
            with closing(_batches(connection, name, names, source.tables[name], None, limit + 1)) as batches:
                batch = next(batches, None)
            arrays, count = batch if batch else ({c: pa.array([], pa.string()) for c in names}, 0)
            found += [
                SampleColumn(f"{name}.{c.name}", c.comment, tuple(arrays[c.name].slice(0, limit).to_pylist()), c.type)
                for c in columns
            ]
            seen, whole = max(seen, min(count, limit)), whole and count <= limit
    return Sample(tuple(found), seen, whole)


# --- connections -------------------------------------------------------------------------------------------


@contextmanager
def _connected(source: Source, data: Path, at: list[str]) -> Iterator[Connection]:
    """A connection with one snapshot and no way to write. at: the table being read, for what is told."""
    engine = _engine(source, data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # types that SQLAlchemy does not know are read as text like all others
            with engine.connect() as connection:
                begin_reading(connection)
                yield connection
                connection.rollback()
    except (SQLAlchemyError, sqlite3.Error, UnicodeDecodeError, OSError, pa.ArrowInvalid) as error:
        place = at[0] if at else source.url_from or source.password_from or shown(source.url) or source.path
        raise _unreadable(source, place, error) from None
    finally:
        engine.dispose()


def _engine(source: Source, data: Path) -> Engine:
    if not source.url_from and not source.url:
        return create_engine("sqlite://", creator=sqlite_opener(source, data))
    place = source.url_from or shown(source.url)
    url = source.url or secret(source, source.url_from)
    password = secret(source, source.password_from) if source.password_from else None
    try:
        made = _with_driver(make_url(url))
        made = made.set(password=password) if password else made
        return create_engine(made, connect_args=_arguments(made), hide_parameters=True)
    except ImportError as error:
        extra = EXTRAS.get(error.name or "", "")
        zh, en = (
            (
                f"缺少驱动 {error.name}：pip install datong[{extra}]",
                f"its driver is missing: pip install datong[{extra}]",
            )
            if extra
            else ("没有此类数据库的驱动", "there is no driver for this kind of database")
        )
        raise refused(source, place, zh, en) from None
    except (SQLAlchemyError, ValueError):
        zh, en = "不是数据库地址（如 postgresql://…、mysql://…）", "holds no database URL (postgresql://…, mysql://…)"
        raise refused(source, place, zh, en) from None


def _with_driver(url: URL) -> URL:
    return url.set(drivername=DRIVERS.get(url.drivername, url.drivername))


def _arguments(url: URL) -> dict[str, Any]:
    backend = url.get_backend_name()
    if backend in ("mysql", "mariadb"):
        asked = dict(url.query)
        return {
            "charset": asked.get("charset", "utf8mb4"),
            "connect_timeout": int(str(asked.get("connect_timeout", CONNECT_SECONDS))),
            "read_timeout": ANSWER_SECONDS,
            "local_infile": False,  # the server may not ask for files of ours
        }
    if backend == "postgresql" and "connect_timeout" not in url.query:
        return {"connect_timeout": CONNECT_SECONDS}
    return {}


def sqlite_opener(source: Source, data: Path) -> Callable[[], sqlite3.Connection]:
    path = inside(source, data)
    try:
        with path.open("rb") as opened:
            magic = opened.read(len(SQLITE_MAGIC))
    except OSError as error:
        raise refused_os(source, source.path, error) from None
    if magic != SQLITE_MAGIC:
        raise refused(source, source.path, "不是 SQLite 数据库", "is no SQLite database")

    def opened_read_only() -> sqlite3.Connection:
        address = f"file:{quote(str(path.resolve()))}?mode=ro"
        return sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)

    return opened_read_only


def begin_reading(connection: Connection) -> None:
    """One snapshot for all tables, and no way to write."""
    backend = connection.dialect.name
    if backend == "sqlite":
        connection.exec_driver_sql("BEGIN")
    elif backend == "postgresql":
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        for setting in WRITTEN_AS:
            connection.exec_driver_sql(f"SET LOCAL {setting}")
    elif backend in ("mysql", "mariadb"):
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        connection.exec_driver_sql("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")


# --- tables ------------------------------------------------------------------------------------------------


def _declared(connection: Connection, source: Source) -> dict[str, list[TableColumn]]:
    look = inspect(connection)
    there = _names(look)
    return {
        table: [
            TableColumn(
                str(column["name"]), _type_text(column["type"]), bool(column.get("nullable", True)),
                str(column.get("comment") or ""),
            )
            for column in (look.get_columns(table) if table in there else [])
        ]
        for table in source.tables
    }  # fmt: skip


def _names(look: Inspector) -> set[str]:
    """Tables and views of every kind: PostgreSQL has materialised ones and those of other servers, too."""
    more = (
        [*look.get_materialized_view_names(), *look.get_foreign_table_names()] if isinstance(look, PGInspector) else []
    )
    return {*look.get_table_names(), *look.get_view_names(), *more}


def _type_text(declared_type: Any) -> str:
    try:
        return str(declared_type).lower()
    except SQLAlchemyError:  # a type that has no text, such as a user's own
        return type(declared_type).__name__.lower()


def _reflected(connection: Connection, name: str) -> Table:
    return Table(name, MetaData(), autoload_with=connection)


def _batches(
    connection: Connection,
    name: str,
    columns: list[str],
    key: str,
    since: Since | None,
    limit: int | None = None,
    told: Callable[[str, int], Refusal] | None = None,
) -> Generator[tuple[dict[str, pa.Array], int]]:
    """The columns of a table as text, in the order of its key, some rows at a time. told: the refusal of a text that is
    none, by its column and its row of those given at once; without it (a look at the table) its bytes are given."""
    if not columns:
        return
    table = _reflected(connection, name)
    shapes = _shapes(connection, table)
    texts = (_as_text(connection, table.c[column], is_shape=column in shapes) for column in columns)
    statement = select(*(text.label(f"c{n}") for n, text in enumerate(texts)))
    if since is not None and since.table == name:
        after = table.c[since.column]
        as_it_came = type_coerce(after, sql_types.NullType())  # compared as the driver gives it, whatever was declared
        statement = statement.where((as_it_came >= since.value) | after.is_(None))
    if key in table.c:
        statement = statement.order_by(table.c[key])
    if limit is not None:
        statement = statement.limit(limit)
    if connection.dialect.name == "sqlite":  # which takes any bytes for text; _sqlite_texts tells of them
        connection.connection.driver_connection.text_factory = _as_utf8  # type: ignore[union-attr]
    streamed = statement.execution_options(stream_results=True, max_row_buffer=BATCH_ROWS)
    with connection.execute(streamed) as result:  # the server's cursor is closed, also when the reading breaks off
        for part in result.partitions(BATCH_ROWS):
            cells: Iterable[tuple[str, Iterable[Any]]] = zip(columns, zip(*part, strict=True), strict=True)
            if connection.dialect.name == "sqlite":
                cells = ((column, _sqlite_texts(column, values, told)) for column, values in cells)
            yield {column: _array(table.c[column], values) for column, values in cells}, len(part)
    if connection.dialect.name == "sqlite":  # names of tables and columns are text, or the file is damaged
        connection.connection.driver_connection.text_factory = str  # type: ignore[union-attr]


def _as_text(connection: Connection, column: Any, *, is_shape: bool) -> Any:
    """What the database itself writes for a value; bytes as PostgreSQL writes them (\\x and hexadecimal). SQLite's are
    taken as they are: it writes 15 digits of a number that has 17, and has values of any kind in any column. So does
    MySQL with 6 digits of a FLOAT that has 9; it makes `?` of bits, and nothing of a shape."""
    backend = connection.dialect.name
    if backend == "sqlite":
        return type_coerce(column, sql_types.NullType())
    if backend in ("mysql", "mariadb"):
        if isinstance(column.type, BINARIES):
            return func.concat(literal("\\x"), func.lower(func.hex(column)))
        if isinstance(column.type, mysql.FLOAT):  # `_array` writes it
            return type_coerce(column, sql_types.NullType()).op("+")(literal_column("0e0"))
        if isinstance(column.type, mysql.BIT):
            return func.concat(type_coerce(column, sql_types.NullType()).op("+")(literal_column("0")))
        if is_shape:
            return func.ST_AsText(column)
    return cast(column, Text)


BINARIES = (
    sql_types.LargeBinary,
    sql_types.BINARY,
    sql_types.VARBINARY,
    mysql.TINYBLOB,
    mysql.MEDIUMBLOB,
    mysql.LONGBLOB,
)
SHAPES = ("geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon",
          "geometrycollection", "geomcollection")  # fmt: skip


def _shapes(connection: Connection, table: Table) -> set[str]:
    """The columns of a MySQL table that hold shapes, which are types that SQLAlchemy does not know."""
    unknown = any(isinstance(column.type, sql_types.NullType) for column in table.c)
    if connection.dialect.name not in ("mysql", "mariadb") or not unknown:
        return set()
    about = sql_table("columns", *map(sql_column, ("table_schema", "table_name", "column_name", "data_type")),
                      schema="information_schema")  # fmt: skip
    here = (about.c.table_schema == func.database()) & (about.c.table_name == table.name)
    found = connection.execute(select(about.c.column_name).where(here, func.lower(about.c.data_type).in_(SHAPES)))
    return {str(name) for name in found.scalars()}


def _array(column: Any, values: Iterable[Any]) -> pa.Array:
    """Texts; of floating point as `floats` writes it (MySQL's FLOAT came as a number)."""
    if isinstance(column.type, mysql.FLOAT):
        return floats.texts_of(pa.array(values, pa.float64()).cast(pa.float32(), safe=False))
    if isinstance(column.type, sql_types.Float):
        bits = 32 if type(column.type) is sql_types.REAL else 64
        values = (floats.written_out(text, bits) for text in values)
    return pa.array(values, pa.string())


def _as_utf8(data: bytes) -> str | _NoText:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return _NoText(data)


class _NoText(bytes):
    """What SQLite calls a text and is none."""


def _sqlite_texts(column: str, values: Iterable[Any], told: Callable[[str, int], Refusal] | None) -> list[str | None]:
    """The values of a column as text."""
    texts: list[str | None] = []
    for row, value in enumerate(values, 1):
        if value is None or isinstance(value, str):
            texts.append(value)
        elif isinstance(value, bytes):
            if told is not None and isinstance(value, _NoText):
                raise told(column, row)
            texts.append("\\x" + value.hex())
        else:
            texts.append(floats.text_of(value) if isinstance(value, float) else str(value))
    return texts


def _add_to(hashed: Any, name: str, table: pa.Table | Staged) -> None:
    """Add a table's content to a digest, column by column, whatever batches it came in."""
    names = table.columns if isinstance(table, Staged) else table.column_names
    hashed.update(name.encode())
    for column in names:
        if column in (ROW, BROKEN):
            continue
        hashed.update(f"\0{column}\0".encode())
        for cells in _chunks(table, column):
            for cell in cells.to_pylist():
                text = b"" if cell is None else cell.encode()
                hashed.update(b"-" if cell is None else b"%d:" % len(text))
                hashed.update(text)


def _chunks(table: pa.Table | Staged, column: str) -> Iterator[pa.Array]:
    if isinstance(table, pa.Table):
        yield from table[column].chunks
    else:
        with pq.ParquetFile(table.path) as file:
            for batch in file.iter_batches(columns=[column]):
                yield batch.column(0)


# --- what is told of failures ------------------------------------------------------------------------------

_SAID: dict[str, tuple[str, str]] = {
    "password": ("用户名或密码不被接受", "does not take the user or password"),
    "database": ("没有这个数据库", "there is no such database"),
    "host": ("无法连接到主机", "its host cannot be reached"),
    "table": ("没有这张表，或读取时被删除", "there is no such table, or it went away while it was read"),
    "column": ("列在读取时被更改", "a column was changed while it was read"),
    "denied": ("没有读取权限", "may not be read by this user"),
    "gone": ("连接在读取时中断", "the connection was lost while it was read"),
    "text": ("含有不是文本的值", "holds text that is no text in the declared encoding"),
}
_SQLSTATES = {"28P01": "password", "28000": "password", "3D000": "database", "42P01": "table", "42703": "column",
              "42501": "denied", "57P01": "gone", "57P02": "gone", "57P03": "host"}  # fmt: skip
_MYSQL = {1045: "password", 1698: "password", 1049: "database", 1044: "denied", 2003: "host", 2005: "host",
          1146: "table", 1054: "column", 1142: "denied", 2006: "gone", 2013: "gone", 1412: "table",
          1317: "gone"}  # fmt: skip


def kind_of(error: Exception) -> str:
    """Which of the known failures this is; "" when none."""
    cause = getattr(error, "orig", None) or error
    if isinstance(error, NoSuchTableError):
        return "table"
    if isinstance(cause, UnicodeDecodeError | pa.ArrowInvalid):
        return "text"
    number = cause.args[0] if cause.args and isinstance(cause.args[0], int) else None
    if number in _MYSQL:
        return _MYSQL[number]
    if state := getattr(cause, "sqlstate", None):
        return _SQLSTATES.get(str(state), "")
    said = str(cause).lower()
    if type(cause).__module__.startswith("psycopg"):  # errors of connecting carry no state
        for sign, kind in (
            ("password authentication failed", "password"), ("no password supplied", "password"),
            ('role "', "password"), ("does not exist", "database"), ("server closed the connection", "gone"),
            ("connection", "host"), ("resolve", "host"), ("timeout", "host"),
        ):  # fmt: skip
            if sign in said:
                return kind
    if isinstance(cause, sqlite3.Error):
        return "table" if "no such table" in said else "column" if "no such column" in said else ""
    return "host" if isinstance(cause, OSError) else ""


def _unreadable(source: Source, place: str, error: Exception) -> Refusal:
    """A database error without its text: that may hold a password or a value."""
    known = _SAID.get(kind_of(error))
    if known:
        return refused(source, place, *known)
    kind = type(getattr(error, "orig", None) or error).__name__
    return refused(source, place, f"不能读取（{kind}）", f"cannot be read ({kind})")
