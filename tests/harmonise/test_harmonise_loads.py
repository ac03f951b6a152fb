"""Loads that only bring what came since: nothing twice, nothing lost, also when the node dies in between."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from harmonise_desk import files, prop, write
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, select
from test_harmonise_http import Api

import mariadb
import postgresql
from datong.engine import service as engine
from datong.ground.db import Actor, Store, sqlite_url
from datong.ground.evidence import leaves
from datong.ground.refusal import Refusal
from datong.harmonise import service as harmonise
from datong.harmonise.model.reading import BROKEN, ROW
from datong.harmonise.rules import loads as rules
from datong.harmonise.store import loads as kept
from datong.harmonise.store.sources import gathering

Act = Callable[..., Actor]
PROPERTIES = (prop("id", required=True), prop("n", "integer", required=True))
SNAPSHOT = {"by": "snapshot", "key": ["id"]}


@pytest.fixture
def folder(store: Store, node_folder: Path) -> Path:
    harmonise.install(store, node_folder)
    workspace(node_folder, {"kind": "json", "path": "things.json", "load": SNAPSHOT}, "id", "n")
    return node_folder


def workspace(folder: Path, source: dict[str, Any], id_: str, n: str, **more: Any) -> None:
    texts = files({"id": id_, "n": {"from": n, "as": "number"}}, *PROPERTIES, **more)
    texts["sources/things.yaml"] = source
    write(folder / "work", texts)


def rows(folder: Path, *given: tuple[str, Any]) -> None:
    (folder / "work" / "things.json").write_text(json.dumps([{"id": i, "n": n} for i, n in given]))


def built(store: Store, actor: Actor, **more: Any) -> dict[str, Any]:
    with store.begin(actor, "harmonise") as tx:
        made = harmonise.build(tx, resource="things-1", workspace="work", mapping="things", **more)
    assert made["read"] == made["harmonised"] + made["quarantined"]
    return made


def harmonised(store: Store) -> list[tuple[int, str, int]]:
    with store.read() as tx:
        table = pq.ParquetFile(harmonise.current(tx, "things-1")["path"]).read()
    return [(row["source_row"], row["id"], row["n"]) for row in table.to_pylist()]


def counts(made: dict[str, Any]) -> tuple[int, int, int, int]:
    load = made["load"]
    assert load["read"] == load["added"] + load["changed"] + load["unchanged"]
    return load["added"], load["changed"], load["unchanged"], load["removed"]


# --- merging, as a rule ------------------------------------------------------------------------------------

CELL = st.one_of(st.none(), st.sampled_from(["", "1", "a:1", "-", "号", "2"]))
ROWS = st.lists(st.tuples(CELL, CELL, st.one_of(st.none(), st.none(), st.just("broken {"))), max_size=7)


def table(given_rows: list[tuple[Any, ...]]) -> pa.Table:
    alone = [(None, None, b) if b else (k, v, None) for k, v, b in given_rows]
    columns = (
        [pa.array(column, pa.string()) for column in zip(*alone, strict=True)]
        if alone
        else [pa.array([], pa.string())] * 3
    )
    return pa.table(
        {ROW: pa.array(range(1, len(alone) + 1), pa.int64()), BROKEN: columns[2], "k": columns[0], "v": columns[1]}
    )


@settings(deadline=None, max_examples=40)
@given(before=ROWS, now=ROWS)
def test_a_whole_load_gives_what_is_there_now_and_rows_keep_their_number(before: Any, now: Any) -> None:
    """The rows of the result are those of now, whatever was before; a row whose text did not change keeps its number."""
    plan = rules.merging(["k", "v"], ["k", "v"], ["k"], whole=True)
    result = engine.run(plan, {"before": table(before), "now": table(now)}, {"first": 100}, want=("merged",))
    merged = result["merged"].to_pylist()
    texts = sorted(str((r["k"], r["v"], r[BROKEN])) for r in merged)
    assert texts == sorted(str((r["k"], r["v"], r[BROKEN])) for r in table(now).to_pylist())
    assert len({r[ROW] for r in merged}) == len(merged)
    old = {r[ROW]: r for r in table(before).to_pylist()}
    for row in merged:
        assert row[ROW] >= 100 or (old[row[ROW]]["k"], old[row[ROW]][BROKEN]) == (row["k"], row[BROKEN])


@settings(deadline=None, max_examples=40)
@given(before=ROWS, now=ROWS)
def test_a_part_adds_and_replaces_and_takes_nothing_away(before: Any, now: Any) -> None:
    plan = rules.merging(["k", "v"], ["k", "v"], ["k"], whole=False)
    result = engine.run(plan, {"before": table(before), "now": table(now)}, {"first": 100}, want=("merged", "absent"))
    assert result.rows["merged"] == len(now) + result.rows["absent"]
    again = engine.run(plan, {"before": result["merged"], "now": table(now)}, {"first": 200}, want=("merged",))
    if not result.rows["doubled"]:  # what came twice is there once
        assert again["merged"].to_pylist() == result["merged"].to_pylist()


def test_columns_that_come_and_go() -> None:
    before = table([("1", "x", None), ("2", "y", None)])
    now = before.rename_columns([ROW, BROKEN, "k", "w"]).slice(0, 1)
    plan = rules.merging(["k", "v"], ["k", "w"], ["k"], whole=False)
    merged = engine.run(plan, {"before": before, "now": now}, {"first": 3}, want=("merged",))["merged"].to_pylist()
    assert [(r["k"], r["v"], r["w"]) for r in merged] == [("1", None, "x"), ("2", "y", None)]


# --- snapshots ---------------------------------------------------------------------------------------------


def test_a_snapshot_is_compared_with_the_last_one(store: Store, folder: Path, act: Act) -> None:
    person = act("data_engineer")
    rows(folder, ("a", 1), ("b", 2), ("c", 3))
    assert counts(built(store, person)) == (3, 0, 0, 0)
    rows(folder, ("d", 4), ("b", 20), ("a", 1))
    second = built(store, person)
    assert counts(second) == (1, 1, 1, 1)
    assert harmonised(store) == [(1, "a", 1), (2, "b", 20), (4, "d", 4)]
    rows(folder, ("c", 3), ("a", 1))  # what was removed comes again: it is a new row
    assert counts(built(store, person)) == (1, 0, 1, 2)
    assert harmonised(store) == [(1, "a", 1), (5, "c", 3)]


def test_the_same_again_is_the_same_build(store: Store, folder: Path, act: Act) -> None:
    rows(folder, ("a", 1), ("b", 2))
    first = built(store, act("data_engineer"))
    with store.read() as tx:
        before = len(tx.all(select(leaves.c.id)))
    rows(folder, ("b", 2), ("a", 1))  # another order is no change
    second = built(store, act("data_engineer"))
    assert (second["id"], counts(second)) == (first["id"], (0, 0, 2, 0))
    with store.read() as tx:
        assert len(tx.all(select(leaves.c.id))) == before


def test_rows_in_quarantine_leave_it_when_the_source_mends_them(store: Store, folder: Path, act: Act) -> None:
    person = act("data_engineer")
    rows(folder, ("a", 1), ("b", "x"), ("c", 3), ("d", 4))
    assert built(store, person)["quarantined"] == 1
    rows(folder, ("a", 1), ("b", 2), ("d", 4))
    assert built(store, person)["quarantined"] == 0
    assert harmonised(store) == [(1, "a", 1), (2, "b", 2), (4, "d", 4)]
    rows(folder, ("a", 1), ("b", 2), ("d", "y"), ("e", 5))  # gaps in the numbers do not mix up the originals
    made = built(store, person)
    with store.read(person) as tx:
        held = harmonise.quarantined_rows(tx, build=made["id"], decision="d-1")["rows"]
    assert [(row["row"], json.loads(row["record"])) for row in held] == [(4, {"id": "d", "n": "y"})]


def test_rows_of_one_key_are_told_apart_by_their_order(store: Store, folder: Path, act: Act) -> None:
    person = act("data_engineer")
    rows(folder, ("a", 1), ("a", 2), ("b", 3))
    assert counts(built(store, person)) == (3, 0, 0, 0)
    rows(folder, ("a", 1), ("a", 5), ("b", 3), ("a", 7))
    assert counts(built(store, person)) == (1, 1, 2, 0)
    assert [(i, n) for _, i, n in harmonised(store)] == [("a", 1), ("a", 5), ("b", 3), ("a", 7)]


def test_an_empty_snapshot_is_refused_and_takes_nothing_away(store: Store, folder: Path, act: Act) -> None:
    rows(folder, ("a", 1))
    built(store, act("data_engineer"))
    rows(folder)
    with pytest.raises(Refusal) as caught:
        built(store, act("data_engineer"))
    assert caught.value.code == "STD-413"
    assert harmonised(store) == [(1, "a", 1)]


def test_a_refused_build_leaves_the_mark_and_the_files_as_they_were(store: Store, folder: Path, act: Act) -> None:
    person = act("data_engineer")
    rows(folder, ("a", 1), ("b", 2))
    built(store, person)
    before = sorted(p.name for p in (folder / "data").rglob("*"))
    with store.read() as tx:
        mark = kept.of(tx, "things-1")
    rows(folder, ("a", "x"), ("b", "y"), ("c", 3))
    with pytest.raises(Refusal) as caught:
        built(store, person, accept_changes=True)
    assert caught.value.code == "STD-420"
    assert sorted(p.name for p in (folder / "data").rglob("*")) == before
    with store.read() as tx:
        assert kept.of(tx, "things-1") == mark
    rows(folder, ("a", 1), ("b", 2), ("c", 3))
    assert counts(built(store, person)) == (1, 0, 2, 0)


def test_a_key_that_is_not_there_is_told_with_the_nearest(store: Store, folder: Path, act: Act) -> None:
    workspace(folder, {"kind": "json", "path": "things.json", "load": {"by": "snapshot", "key": ["idd"]}}, "id", "n")
    rows(folder, ("a", 1))
    with pytest.raises(Refusal) as caught:
        built(store, act("data_engineer"))
    assert (caught.value.code, caught.value.problems[0].where) == ("STD-412", "sources/things.yaml: load.key[0]")
    assert "nearest: id" in caught.value.problems[0].en


def test_rows_that_were_tampered_with_are_read_again(store: Store, folder: Path, act: Act) -> None:
    rows(folder, ("a", 1), ("b", 2))
    built(store, act("data_engineer"))
    (file,) = (folder / "data" / "loaded" / "things-1").glob("*.parquet")
    file.write_bytes(b"PAR1 tampered")
    again = built(store, act("data_engineer"))
    assert counts(again) == (2, 0, 0, 0)
    assert harmonised(store) == [(1, "a", 1), (2, "b", 2)]


# --- watermarks on real databases --------------------------------------------------------------------------

SERVERS = [
    "sqlite",
    pytest.param("postgresql", marks=pytest.mark.postgresql),
    pytest.param("mariadb", marks=pytest.mark.mariadb),
]


@pytest.fixture(params=SERVERS)
def sql(request: pytest.FixtureRequest, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run statements on a table `t` of a database; the workspace loads from it by `at`."""
    if request.param == "sqlite":
        url = f"sqlite:///{folder / 'work' / 'x.db'}"
        source: dict[str, Any] = {"kind": "database", "path": "x.db"}
    else:
        url = {"postgresql": postgresql, "mariadb": mariadb}[request.param].fresh_database()
        monkeypatch.setenv("THINGS_URL", url)
        source = {"kind": "database", "url_from": "THINGS_URL"}
    source |= {"tables": {"t": "id"}, "load": {"by": "watermark", "key": ["id"], "column": "at"}}
    workspace(folder, source, "t.id", "t.n", table="t")
    opened = create_engine(url.replace("mysql:", "mysql+pymysql:"))

    def run(*statements: str) -> None:
        with opened.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)

    kind = "timestamp(6)" if request.param == "postgresql" else "datetime(6)"
    run(
        f"CREATE TABLE t (id varchar(9), n varchar(9), at {kind if request.param != 'sqlite' else 'TEXT'}, more varchar(9))"
    )
    yield run
    opened.dispose()


def insert(*given_rows: tuple[str, Any, str]) -> str:
    return "INSERT INTO t (id, n, at) VALUES " + ", ".join(
        f"('{i}', '{n}', '2026-02-01 08:00:{at}')" for i, n, at in given_rows
    )


def test_a_watermark_load_reads_what_came_since(store: Store, folder: Path, act: Act, sql: Callable[..., None]) -> None:
    person = act("data_engineer")
    sql(insert(("a", 1, "01.5"), ("b", 2, "02.25"), ("c", 3, "03.125")))
    first = built(store, person)
    assert (counts(first), first["load"]["because"]) == ((3, 0, 0, 0), "first load")
    sql(insert(("d", 4, "04")), "UPDATE t SET n = '20', at = '2026-02-01 08:00:05' WHERE id = 'b'")
    second = built(store, person)
    assert (counts(second), second["load"]["read"]) == ((1, 1, 1, 0), 3)  # c is on the mark: read again, unchanged
    assert second["load"]["since"].startswith("2026-02-01")
    assert harmonised(store) == [(1, "a", 1), (2, "b", 20), (3, "c", 3), (4, "d", 4)]
    third = built(store, person)
    assert (third["id"], third["load"]["read"], counts(third)) == (second["id"], 1, (0, 0, 1, 0))


def test_rows_that_come_late_on_the_mark_itself_are_not_lost(
    store: Store, folder: Path, act: Act, sql: Callable[..., None]
) -> None:
    person = act("data_engineer")
    sql(insert(("a", 1, "01"), ("b", 2, "02")))
    built(store, person)
    sql(insert(("c", 3, "02")), "INSERT INTO t (id, n) VALUES ('d', '4')")  # the same instant, and one without a time
    assert counts(built(store, person)) == (2, 0, 1, 0)
    assert [i for _, i, _ in harmonised(store)] == ["a", "b", "c", "d"]


@pytest.mark.mariadb
def test_what_comes_while_a_table_without_snapshots_is_read_is_not_lost(
    store: Store, folder: Path, act: Act, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, url = act("data_engineer"), mariadb.fresh_database()
    monkeypatch.setenv("THINGS_URL", url)
    load = {"by": "watermark", "key": ["id"], "column": "at"}
    source = {"kind": "database", "url_from": "THINGS_URL", "tables": {"t": "id"}, "load": load}
    workspace(folder, source, "t.id", "t.n", table="t")
    opened = create_engine(url.replace("mysql:", "mysql+pymysql:"))
    real = gathering.Gathered.add

    def meanwhile(*given: Any) -> None:
        real(*given)
        monkeypatch.setattr(gathering.Gathered, "add", real)
        with opened.begin() as connection:
            connection.exec_driver_sql(insert(("b", 2, "02"), ("c", 3, "03")))

    with opened.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t (id varchar(9), n varchar(9), at datetime) ENGINE=MyISAM")
        connection.exec_driver_sql(insert(("a", 1, "01")))
    monkeypatch.setattr(gathering.Gathered, "add", meanwhile)
    assert counts(built(store, person)) == (1, 0, 0, 0)
    assert counts(built(store, person)) == (2, 0, 1, 0)
    opened.dispose()


def test_a_full_load_finds_what_was_removed(store: Store, folder: Path, act: Act, sql: Callable[..., None]) -> None:
    person = act("data_engineer")
    sql(insert(("a", 1, "01"), ("b", 2, "02"), ("c", 3, "03")))
    built(store, person)
    sql("DELETE FROM t WHERE id = 'b'")
    assert counts(built(store, person)) == (0, 0, 1, 0)
    assert [i for _, i, _ in harmonised(store)] == ["a", "b", "c"]
    full = built(store, person, full=True)
    assert (counts(full), full["load"]["because"]) == ((0, 0, 2, 1), "asked for")
    assert harmonised(store) == [(1, "a", 1), (3, "c", 3)]


def test_a_column_mapped_later_is_loaded_for_all_rows(
    store: Store, folder: Path, act: Act, sql: Callable[..., None]
) -> None:
    person = act("data_engineer")
    sql(insert(("a", 1, "01"), ("b", 2, "02")), "UPDATE t SET more = '7'")
    built(store, person)
    text = (folder / "work" / "mappings" / "things.yaml").read_text()
    (folder / "work" / "mappings" / "things.yaml").write_text(text.replace("t.n", "t.more"))
    made = built(store, person)
    assert made["load"]["because"] == "columns not loaded before: more"
    assert harmonised(store) == [(1, "a", 7), (2, "b", 7)]


def test_a_key_that_names_several_rows_is_refused(
    store: Store, folder: Path, act: Act, sql: Callable[..., None]
) -> None:
    sql(insert(("a", 1, "01"), ("a", 2, "02")))
    with pytest.raises(Refusal) as caught:
        built(store, act("data_engineer"))
    assert caught.value.code == "STD-483"
    assert not list((folder / "data").rglob("*.parquet"))


def test_a_watermark_of_texts_and_numbers_is_refused(store: Store, folder: Path, act: Act) -> None:
    """SQLite holds every text for greater than any number: rows with a number that come later would be lost."""
    with sqlite3.connect(folder / "work" / "x.db") as connection:
        connection.execute("CREATE TABLE t (id TEXT, n TEXT, at DATETIME)")
        connection.execute("INSERT INTO t VALUES ('a', '1', '2026-02-01 08:00:00'), ('b', '2', 1769932800)")
    load = {"by": "watermark", "key": ["id"], "column": "at"}
    workspace(
        folder, {"kind": "database", "path": "x.db", "tables": {"t": "id"}, "load": load}, "t.id", "t.n", table="t"
    )
    with pytest.raises(Refusal) as caught:
        built(store, act("data_engineer"))
    assert caught.value.code == "STD-482"


def test_a_watermark_of_whole_numbers_in_texts_is_refused_where_they_are_of_several_lengths(
    store: Store, folder: Path, act: Act, sql: Callable[..., None]
) -> None:
    """As texts 10 comes before 9: rows that come later were never seen."""
    person = act("data_engineer")
    source = yaml.safe_load((folder / "work/sources/things.yaml").read_text())
    source["load"]["column"] = "more"
    workspace(folder, source, "t.id", "t.n", table="t")
    sql("INSERT INTO t (id, n, more) VALUES ('a', '1', '8'), ('b', '2', '9')")
    assert counts(built(store, person)) == (2, 0, 0, 0)
    sql("INSERT INTO t (id, n, more) VALUES ('c', '3', '10')")
    with pytest.raises(Refusal) as caught:
        built(store, person)
    assert caught.value.code == "STD-482"


def test_a_table_that_was_filled_anew_is_read_from_its_beginning(
    store: Store, folder: Path, act: Act, sql: Callable[..., None]
) -> None:
    """Its greatest value went back: rows below the mark are rows that were never read. None is taken away for it."""
    person = act("data_engineer")
    sql(insert(("a", 1, "05"), ("b", 2, "06")))
    built(store, person)
    sql("DELETE FROM t", insert(("c", 3, "01"), ("d", 4, "02")))
    made = built(store, person)
    assert (counts(made), made["load"]["because"][:17], made["load"]["since"]) == (
        (2, 0, 0, 0),
        "its greatest valu",
        None,
    )
    assert [i for _, i, _ in harmonised(store)] == ["a", "b", "c", "d"]
    sql("DELETE FROM t")  # emptied after it was read, as some tables are: nothing is said of what was loaded
    assert counts(built(store, person)) == (0, 0, 0, 0)


# --- watermarks of APIs ------------------------------------------------------------------------------------


def test_an_api_is_asked_for_what_came_since(store: Store, folder: Path, act: Act) -> None:
    """The greatest time so far goes into the query; rows on it come again and are known; pages are walked as ever."""
    person, api = act("data_engineer"), Api()
    there: list[dict[str, Any]] = [{"id": f"r{n}", "n": n, "at": f"2026-02-01T08:00:{n:02}Z"} for n in range(7)]

    def answers(_path: str, query: dict[str, str], _headers: Any) -> Any:
        since = [row for row in there if row["at"] >= query.get("since", "")]
        start = int(query["from"])
        return 200, {}, json.dumps({"d": since[start : start + 3], "total": len(since)}).encode()

    api.answers = answers
    source = {
        "kind": "http", "url": f"{api.url}/rows?day=1", "records": "d",
        "paging": {"by": "offset", "parameter": "from", "total": "total"},
        "load": {"by": "watermark", "key": ["id"], "column": "at", "parameter": "since"},
    }  # fmt: skip
    workspace(folder, source, "id", "n")
    assert (counts(built(store, person)), len(api.asked)) == ((7, 0, 0, 0), 3)
    there[2:3] = [
        {"id": "r2", "n": 20, "at": "2026-02-01T09:00:00Z"},
        {"id": "r8", "n": 8, "at": "2026-02-01T08:30:00Z"},
    ]
    api.asked.clear()
    second = built(store, person)
    assert (counts(second), second["load"]["since"]) == ((1, 1, 1, 0), "2026-02-01T08:00:06Z")
    assert api.asked == ["/rows?day=1&since=2026-02-01T08%3A00%3A06Z&from=0"]
    assert [row[1:] for row in harmonised(store)] == [(f"r{n}", 20 if n == 2 else n) for n in range(7)] + [("r8", 8)]
    there.clear()  # nothing came since: nothing is taken away
    third = built(store, person)
    assert (third["id"], counts(third)) == (second["id"], (0, 0, 0, 0))
    api.answers = lambda *_: (200, {}, b"<html>")
    with pytest.raises(Refusal):
        built(store, person)
    assert len(harmonised(store)) == 8
    api.server.shutdown()
    api.server.server_close()


def test_what_came_since_may_leave_a_field_out(store: Store, folder: Path, act: Act) -> None:
    """Many APIs leave out what has no value: of two records none may have a field. One under another name is told."""
    person, api = act("data_engineer"), Api()
    there: list[dict[str, Any]] = [{"id": "a", "n": 1, "more": "x", "at": "2026-01-01"}]
    api.answers = lambda *_: (200, {}, json.dumps({"d": there}).encode())
    load = {"by": "watermark", "key": ["id"], "column": "at", "parameter": "since"}
    texts = files({"id": "id", "n": {"from": "n", "as": "number"}, "more": "more"}, *PROPERTIES, prop("more"))
    texts["sources/things.yaml"] = {"kind": "http", "url": f"{api.url}/rows", "records": "d", "load": load}
    write(folder / "work", texts)
    built(store, person)
    there[:] = [{"id": "b", "n": 2, "at": "2026-01-02"}]
    assert counts(built(store, person)) == (1, 0, 0, 0)
    for record in ({"id": "c", "n": 2, "at": "2026-01-03", "moar": "x"}, {"n": 2, "at": "2026-01-03"}):
        there[:] = [record]
        with pytest.raises(Refusal) as caught:
            built(store, person)
        assert caught.value.code == "STD-480"
    api.server.shutdown()
    api.server.server_close()


# --- crashes -----------------------------------------------------------------------------------------------

CHILD = """
import sys
from pathlib import Path
from datong.ground import signing
from datong.ground.db import Actor, Store, sqlite_url
from datong.ground.keys import PrivateKey
from datong.harmonise import service as harmonise
folder = Path(sys.argv[1])
store = Store(sqlite_url(folder / "datong.db"))
signing.install(store, PrivateKey.new(), signing.Me("5x", "91520100MA6DATONG5", "test", "http://test"))
harmonise.install(store, folder)
who = Actor(person="p-1", role="data_engineer", party="91520100MA6DATONG5", roles=frozenset({"data_engineer"}))
with store.begin(who, "harmonise") as tx:
    harmonise.sweep(tx)
with store.begin(who, "build") as tx:
    harmonise.build(tx, resource="things-1", workspace="work", mapping="things")
"""


@pytest.mark.parametrize("point", ["load.kept", "load.marked", "build.before_commit", "build.after_commit"])
def test_a_node_that_dies_in_a_load_loses_and_doubles_nothing(
    store: Store, folder: Path, act: Act, tmp_path: Path, point: str
) -> None:
    person = act("data_engineer")
    with sqlite3.connect(folder / "work" / "x.db") as connection:
        connection.execute("CREATE TABLE t (id TEXT, n TEXT, at TEXT)")
        connection.execute(insert(("a", 1, "01"), ("b", 2, "02")))
    load = {"by": "watermark", "key": ["id"], "column": "at"}
    workspace(
        folder, {"kind": "database", "path": "x.db", "tables": {"t": "id"}, "load": load}, "t.id", "t.n", table="t"
    )
    built(store, person)
    with sqlite3.connect(folder / "work" / "x.db") as connection:
        connection.execute(insert(("c", 3, "03")))
        connection.execute("UPDATE t SET n = '10', at = '2026-02-01 08:00:04' WHERE id = 'a'")
    environment = {**os.environ, "DATONG_CRASH": point, "DATONG_CRASH_LOG": str(tmp_path / "crashes")}
    child = [sys.executable, "-c", CHILD, str(folder)]
    died = subprocess.run(child, check=False, env=environment, capture_output=True, text=True)
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert (tmp_path / "crashes").read_text().split() == [point]
    lived = subprocess.run(child, check=False, env=environment, capture_output=True, text=True)
    assert lived.returncode == 0, lived.stderr
    assert harmonised(store) == [(1, "a", 10), (2, "b", 2), (3, "c", 3)]
    assert len(list((folder / "data" / "loaded").rglob("*.parquet"))) == 1
    assert not list((folder / "data" / "loaded").rglob(".*"))
    with store.read() as tx:
        assert len(harmonise.builds(tx, resource="things-1")) == 2
    assert Store(sqlite_url(folder / "datong.db")).url == store.url
    assert built(store, person)["load"]["read"] == 1
