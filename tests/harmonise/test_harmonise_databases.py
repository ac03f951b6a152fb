"""Real database servers: what they hold as text, and every way in which they fail, told without a secret."""

from __future__ import annotations

import gc
import json
import socket
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pymysql.cursors import SSCursor
from sources_desk import refused, rows, told
from sqlalchemy import Engine, create_engine, make_url

import mariadb
import postgresql
from datong.harmonise.model.mappings import Source
from datong.harmonise.rules.workspace import _source
from datong.harmonise.store import sources
from datong.harmonise.store.sources import databases

SERVERS = [
    pytest.param("postgresql", marks=pytest.mark.postgresql),
    pytest.param("mariadb", marks=pytest.mark.mariadb),
]
TYPES = {
    "postgresql": "id integer primary key, name varchar(20), n numeric(9,2), at timestamp(6), day date, raw bytea, ok boolean",
    "mariadb": "id integer primary key, name varchar(20), n decimal(9,2), at datetime(6), day date, raw blob, ok boolean",
}


@pytest.fixture(params=SERVERS)
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """A database with a table `visit` of three rows; THINGS_URL names it without a driver, as people write it."""
    made = {"postgresql": postgresql, "mariadb": mariadb}[request.param].fresh_database()
    monkeypatch.setenv("THINGS_URL", made.replace("+psycopg", ""))
    opened = create_engine(made.replace("mysql:", "mysql+pymysql:"), isolation_level="AUTOCOMMIT")
    raw = "'\\x00ff'" if request.param == "postgresql" else "x'00ff'"
    with opened.connect() as connection:
        for statement in (
            f"CREATE TABLE visit ({TYPES[request.param]})",
            "INSERT INTO visit VALUES (2, '贵A12345 🚲', 1.50, '2026-02-01 08:03:11.25', '2026-02-01', NULL, true)",
            f"INSERT INTO visit VALUES (1, NULL, -0.05, '2026-02-01 08:03:11', NULL, {raw}, false), (3, '', 0, NULL, NULL, NULL, NULL)",
        ):
            connection.exec_driver_sql(statement)
    yield opened
    opened.dispose()


def source(**tables: str) -> Source:
    return told(kind="database", url_from="THINGS_URL", tables=tables or {"visit": "id"})


ALL = ["id", "name", "n", "at", "day", "raw", "ok"]


def test_values_are_the_databases_own_text(engine: Engine, tmp_path: Path) -> None:
    reading = sources.read(source(), tmp_path, {"visit": ALL})
    first, second, third = reading.tables["visit"].to_pylist()
    assert (first["id"], first["name"], first["n"], first["raw"], first["day"]) == ("1", None, "-0.05", "\\x00ff", None)
    assert (second["id"], second["name"], second["n"], second["day"]) == ("2", "贵A12345 🚲", "1.50", "2026-02-01")
    assert second["at"].startswith("2026-02-01 08:03:11.25")
    assert (third["name"], third["ok"]) == ("", None)
    assert [first["ok"], second["ok"]] in (["false", "true"], ["0", "1"])
    assert reading.digest == sources.read(source(), tmp_path, {"visit": ALL}).digest


def test_an_id_in_floating_point_is_its_digits(engine: Engine, tmp_path: Path) -> None:
    """The databases' own text has an exponent from 1e15 on, of a REAL from a million."""
    double, single = ("float8", "float4") if engine.dialect.name == "postgresql" else ("double", "float")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE TABLE f (id integer, d {double}, s {single})")
        connection.exec_driver_sql(
            "INSERT INTO f VALUES (1, 1234567890123456, 16777216), (2, 1e15, 1234567), (3, 1e16, 1e10), (4, 0.1, NULL)"
        )
    found = rows(sources.read(source(f="id"), tmp_path, {"f": ["d", "s"]}), "f")
    assert [row["d"].replace("e+", "e") for row in found] == ["1234567890123456", "1000000000000000", "1e16", "0.1"]
    assert [row["s"] for row in found] == ["16777216", "1234567", "1e+10", None]


@pytest.mark.mariadb
def test_what_mariadb_writes_for_a_value_is_not_all_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own text of a FLOAT has 6 digits, of bits and of blobs it is `?`; a shape it does not cast, and no table that
    has one could be looked at."""
    url = mariadb.fresh_database()
    monkeypatch.setenv("THINGS_URL", url)
    opened = create_engine(url.replace("mysql:", "mysql+pymysql:"))
    with opened.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE t (id int, f float, b bit(1), bits bit(8), small tinyblob, large longblob, place point, at inet6)"
        )
        connection.exec_driver_sql(
            "INSERT INTO t VALUES (1, 16777217, b'1', b'11111111', x'ff', x'00ff', point(106.5, 26.5), '::1'), "
            "(2, 3.14159274, b'0', b'0', '', '', NULL, NULL), (3, 0.1, NULL, NULL, NULL, NULL, NULL, NULL), "
            "(4, NULL, NULL, NULL, NULL, NULL, NULL, NULL)"
        )
    opened.dispose()
    names = ["f", "b", "bits", "small", "large", "place", "at"]
    found = rows(sources.read(source(t="id"), tmp_path, {"t": names}), "t")
    assert [[row[name] for name in names] for row in found] == [
        ["16777216", "1", "255", "\\xff", "\\x00ff", "POINT(106.5 26.5)", "::1"],
        ["3.1415927", "0", "0", "\\x", "\\x", None, None],
        ["0.1", *[None] * 6],
        [None] * 7,
    ]
    assert {c.path: c.values[0] for c in sources.sample(source(t="id"), tmp_path).columns}[
        "t.place"
    ] == "POINT(106.5 26.5)"


@pytest.mark.postgresql
def test_a_table_of_another_schema_is_found_by_the_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (problem,) = _source("sources/things.yaml", {"kind": "database", "url_from": "U", "tables": {"s2.t": "id"}})[1]
    assert (problem.where, "search_path%3DSCHEMA" in problem.en) == ("sources/things.yaml: tables.s2.t", True)
    url = postgresql.fresh_database()
    opened = create_engine(url)
    with opened.begin() as connection:
        connection.exec_driver_sql("CREATE SCHEMA s2")
        connection.exec_driver_sql("CREATE TABLE s2.t AS SELECT 7 AS id")
    opened.dispose()
    monkeypatch.setenv("THINGS_URL", f"{url}?options=-csearch_path%3Ds2")
    assert rows(sources.read(source(t="id"), tmp_path, {"t": ["id"]}), "t")[0]["id"] == "7"


@pytest.mark.postgresql
def test_how_a_database_is_set_to_write_values_changes_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """01/02/2026 may be either day, and 0.3 is another number than the sum of 0.1 and 0.2."""
    url = postgresql.fresh_database()
    monkeypatch.setenv("THINGS_URL", url)
    opened = create_engine(url, isolation_level="AUTOCOMMIT")
    with opened.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE t (at timestamp, d float8, raw bytea, took interval)")
        connection.exec_driver_sql(
            "INSERT INTO t VALUES ('2026-02-01 08:00', 0.1::float8 + 0.2::float8, '\\x00ff', '1 day')"
        )
        for setting in (
            "datestyle = 'SQL, DMY'",
            "extra_float_digits = 0",
            "bytea_output = escape",
            "intervalstyle = iso_8601",
        ):
            connection.exec_driver_sql(f'ALTER DATABASE "{opened.url.database}" SET {setting}')
    opened.dispose()
    (found,) = rows(sources.read(source(t="at"), tmp_path, {"t": ["at", "d", "raw", "took"]}), "t")
    assert [found[name] for name in ("at", "d", "raw", "took")] == [
        "2026-02-01 08:00:00", "0.30000000000000004", "\\x00ff", "1 day",
    ]  # fmt: skip


@pytest.mark.postgresql
def test_a_materialised_view_is_a_table_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = postgresql.fresh_database()
    monkeypatch.setenv("THINGS_URL", url)
    opened = create_engine(url)
    with opened.begin() as connection:
        connection.exec_driver_sql("CREATE MATERIALIZED VIEW kept AS SELECT 1 AS id")
    opened.dispose()
    assert rows(sources.read(source(kept="id"), tmp_path, {"kept": ["id"]}), "kept")[0]["id"] == "1"
    assert databases.tables_of(source(kept="id"), tmp_path) == {"kept": "id"}


def test_a_sample_has_comments_and_types(engine: Engine, tmp_path: Path) -> None:
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("COMMENT ON COLUMN visit.name IS '车牌号'")
        else:
            connection.exec_driver_sql("ALTER TABLE visit MODIFY name varchar(20) COMMENT '车牌号'")
    found = {c.path: c for c in sources.sample(source(), tmp_path).columns}
    assert (found["visit.name"].comment, found["visit.name"].declared_type[:11]) == ("车牌号", "varchar(20)")
    assert found["visit.id"].values == ("1", "2", "3")


def test_nothing_can_be_written_and_all_tables_are_of_one_moment(engine: Engine, tmp_path: Path) -> None:
    with databases._connected(source(), tmp_path, []) as connection:
        connection.exec_driver_sql("SELECT count(*) FROM visit").scalar()
        with engine.connect() as other:
            other.exec_driver_sql("DELETE FROM visit WHERE id = 2")
        assert connection.exec_driver_sql("SELECT count(*) FROM visit").scalar() == 3
        with pytest.raises(Exception, match=r"(?i)read.only"):
            connection.exec_driver_sql("DELETE FROM visit")


def url(engine: Engine, **parts: Any) -> str:
    return make_url(engine.url).set(**parts).render_as_string(hide_password=False)


def said(given: Source, data: Path, secret: str) -> str:
    refusal = refused(given, data, visit=["id"])
    assert secret not in json.dumps(refusal.as_json())
    assert refusal.__cause__ is None
    return str(refusal)


@pytest.fixture
def passwords_asked(engine: Engine) -> Iterator[None]:
    """The PostgreSQL server of the tests trusts everybody; for the user `reader_b` it asks for the password."""
    if engine.dialect.name != "postgresql":
        with engine.connect() as connection:
            connection.exec_driver_sql("CREATE OR REPLACE USER reader_b@'127.0.0.1' IDENTIFIED BY 'the right one'")
            connection.exec_driver_sql("GRANT SELECT ON *.* TO reader_b@'127.0.0.1'")
        yield
        return
    with engine.connect() as connection:
        file = Path(str(connection.exec_driver_sql("SHOW hba_file").scalar()))
        before = file.read_text()
        file.write_text("host all reader_b 127.0.0.1/32 scram-sha-256\n" + before)
        connection.exec_driver_sql("SELECT pg_reload_conf()")
        connection.exec_driver_sql("DROP ROLE IF EXISTS reader_b")
        connection.exec_driver_sql("CREATE ROLE reader_b LOGIN PASSWORD 'the right one'")
    yield
    file.write_text(before)


@pytest.mark.parametrize("user", ["reader_b", "nobody_4711"])
def test_a_wrong_password_or_user(
    engine: Engine, passwords_asked: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, user: str
) -> None:
    monkeypatch.setenv("THINGS_URL", url(engine, username=user, password="sesame-4711"))
    assert "user or password" in said(source(), tmp_path, "4711")


def test_an_unreachable_host(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    for parts in ({"port": port}, {"host": "nowhere.invalid"}):
        monkeypatch.setenv("THINGS_URL", url(engine, password="sesame-4711", **parts))
        assert "host cannot be reached" in said(source(), tmp_path, "4711")


def test_no_such_database(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THINGS_URL", url(engine, database="none_4711"))
    assert "no such database" in said(source(), tmp_path, "sesame")


def many(engine: Engine) -> None:
    """Rows for several batches."""
    with engine.connect() as connection:
        digits = "(" + " UNION ALL ".join(f"SELECT {n} AS d" for n in range(10)) + ")"
        joined = " CROSS JOIN ".join(f"{digits} AS t{n}" for n in range(4))
        number = "10 + t0.d + 10*t1.d + 100*t2.d + 1000*t3.d"
        connection.exec_driver_sql(f"INSERT INTO visit (id, name) SELECT {number}, 'x' FROM {joined}")


def test_a_connection_that_breaks_in_mid_read(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    many(engine)
    monkeypatch.setattr(databases, "BATCH_ROWS", 100)
    real = databases._batches

    def breaking(connection: Any, *given: Any, **more: Any) -> Iterator[Any]:
        pg = engine.dialect.name == "postgresql"
        mine = connection.exec_driver_sql("SELECT pg_backend_pid()" if pg else "SELECT connection_id()").scalar()
        for number, batch in enumerate(real(connection, *given, **more)):
            yield batch
            if number == 1:
                with engine.connect() as other:
                    other.exec_driver_sql(f"SELECT pg_terminate_backend({mine})" if pg else f"KILL {mine}")

    monkeypatch.setattr(databases, "_batches", breaking)
    assert "the connection was lost" in said(source(), tmp_path, "quince")
    for left in [thing for thing in gc.get_objects() if issubclass(type(thing), SSCursor)]:
        left.connection = None  # or it complains, as it goes, of the connection that is not there


def test_a_table_that_goes_away(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look at the columns and the reading: in a snapshot the server holds the table for its reader."""
    real = databases._declared

    def dropping(connection: Any, given: Source) -> Any:
        found = real(connection, given)
        if engine.dialect.name != "postgresql":  # PostgreSQL's look takes a lock that keeps the table there
            with engine.connect() as other:
                other.exec_driver_sql("DROP TABLE visit")
        else:
            connection.rollback()
            with engine.connect() as other:
                other.exec_driver_sql("DROP TABLE visit")
        return found

    monkeypatch.setattr(databases, "_declared", dropping)
    assert "no such table" in said(source(), tmp_path, "quince")


def test_a_user_who_may_not_read(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("DROP ROLE IF EXISTS reader_a")
            connection.exec_driver_sql("CREATE ROLE reader_a LOGIN")
        else:
            connection.exec_driver_sql("CREATE OR REPLACE USER reader_a@'127.0.0.1' IDENTIFIED BY 'pw-4711'")
            connection.exec_driver_sql("CREATE TABLE other (id integer)")
            connection.exec_driver_sql(f"GRANT SELECT ON {engine.url.database}.other TO reader_a@'127.0.0.1'")
    monkeypatch.setenv("THINGS_URL", url(engine, username="reader_a", password="pw-4711"))
    if engine.dialect.name == "postgresql":
        assert "may not be read" in said(source(), tmp_path, "4711")
    else:  # MariaDB does not even tell such a user that the table is there; a build says that the table is missing
        assert sources.columns_of(source(), tmp_path) == {"visit": []}


def test_reading_is_in_batches(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    many(engine)
    monkeypatch.setattr(databases, "BATCH_ROWS", 1000)
    with databases._connected(source(), tmp_path, []) as connection:
        sizes = [count for _, count in databases._batches(connection, "visit", ["id"], "id", None)]
    assert sum(sizes) == 10_003
    assert max(sizes) == 1000
    table = sources.read(source(), tmp_path, {"visit": ["id"]}).tables["visit"]
    assert table["id"].to_pylist()[:4] == ["1", "2", "3", "10"]


def test_a_driver_that_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: Any, **__: Any) -> Engine:
        raise ModuleNotFoundError("No module named 'pymysql'", name="pymysql")

    monkeypatch.setattr(databases, "create_engine", missing)
    monkeypatch.setenv("THINGS_URL", "mysql://me:sesame-4711@127.0.0.1/x")
    assert "pip install datong[mysql]" in said(source(), tmp_path, "4711")


def test_sqlite_that_loses_a_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with sqlite3.connect(tmp_path / "x") as connection:
        connection.executescript("CREATE TABLE visit (id INTEGER); INSERT INTO visit VALUES (1);")
    monkeypatch.setattr(databases, "_reflected", _dropping(tmp_path / "x", databases._reflected))
    assert "no such table" in said(told(kind="database", path="x", tables={"visit": "id"}), tmp_path, "quince")


def _dropping(file: Path, real: Any) -> Any:
    def reflected(connection: Any, name: str) -> Any:
        found = real(connection, name)
        connection.rollback()
        with sqlite3.connect(file) as other:
            other.execute("DROP TABLE visit")
        return found

    return reflected
