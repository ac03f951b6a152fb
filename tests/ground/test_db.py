"""Transactions: one writer, all or nothing, hooks after the end, views that leave nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Integer, event, select, text, update
from sqlalchemy.exc import MultipleResultsFound

from datong.ground import db, evidence
from datong.ground.db import EVERY, NODE, Actor, Sought, Store, Tx, Window, new_id, settings, sqlite_url, table
from datong.ground.evidence.leaves import leaves
from datong.ground.refusal import Refusal
from stores import with_tables

counters = table("test_counter", Column("n", Integer, nullable=False))


def n(store: Store, key: str = "a") -> Any:
    with store.read() as tx:
        row = tx.get(counters, key)
    return row["n"] if row else None


def test_sqlite_is_durable_and_waits_for_its_turn(store: Store) -> None:
    if store.engine.dialect.name != "sqlite":
        pytest.skip("settings of SQLite")
    with store.read() as tx:
        pragmas = {
            name: tx.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_what_need_not_wait_for_the_disk_does_not_and_the_next_does_again(store: Store) -> None:
    if store.engine.dialect.name != "sqlite":
        pytest.skip("settings of SQLite")

    def level(tx: Any) -> Any:
        return tx.execute(text("PRAGMA synchronous")).scalar()

    for _ in range(2):
        with store.begin(NODE, flushed=False) as tx:
            assert level(tx) == 1, "NORMAL: with the next that is flushed, this is on the disk too"
            tx.add(counters, {"id": new_id("c"), "n": 1})
        with store.begin(NODE) as tx:
            assert level(tx) == 2
        with pytest.raises(RuntimeError), store.begin(NODE, flushed=False) as tx:
            raise RuntimeError("no")
        with store.begin(NODE) as tx:
            assert level(tx) == 2


def test_what_one_database_could_not_keep_none_keeps_and_all_of_it_is_told(store: Store) -> None:
    large = {"id": "x" * 81, "n": 2**31}
    with store.begin(NODE) as tx, pytest.raises(Refusal) as refused:
        tx.add(counters, large)
    assert refused.value.code == "GND-400"
    assert [(p.where, p.en) for p in refused.value.problems] == [
        ("id", "has 81 characters; at most 80"), ("n", "is beyond 2147483647"),
    ]  # fmt: skip
    with store.begin(NODE) as tx:
        tx.add(counters, {"id": "字" * 80, "n": 2**31 - 1})
        with pytest.raises(Refusal):
            tx.change(counters, "字" * 80, n=-(2**31) - 1)
    assert n(store, "字" * 80) == 2**31 - 1


def test_of_rows_of_one_moment_a_list_keeps_the_order_and_its_pages_hold_each_once(store: Store) -> None:
    written = [f"{number * 7919 % 40:02d}" for number in range(40)]
    with store.begin(NODE) as tx:
        for key in written:
            tx.add(counters, {"id": key, "n": 1})
    query = select(counters.c.id).order_by(counters.c.n)
    with store.read() as tx:
        assert [row.id for row in tx.all(EVERY.of(query, counters.c.id))] == written
        pages = [tx.all(Window("", 7, first).of(query, counters.c.id)) for first in range(0, 42, 7)]
    assert sorted(row.id for page in pages for row in page) == sorted(written)


def test_rows_are_dicts_by_the_names_of_their_columns_and_the_only_one_is_the_only_one(store: Store) -> None:
    with store.begin(NODE) as tx:
        for key in ("a", "b"):
            tx.add(counters, {"id": key, "n": 1})
    query = select(counters).order_by(counters.c.id)
    with store.read() as tx:
        assert tx.rows(query) == [{"id": "a", "n": 1}, {"id": "b", "n": 1}] == [tx.get(counters, key) for key in "ab"]
        assert tx.row(query.where(counters.c.id == "b")) == {"id": "b", "n": 1}
        assert tx.row(query.where(counters.c.id == "c")) is None
        with pytest.raises(MultipleResultsFound):
            tx.row(query)


def test_what_is_looked_for_is_text_and_no_pattern(store: Store) -> None:
    with store.begin(NODE) as tx:
        for key in ("Trip-1", "trip-2", "50%_x", "five", "six"):
            tx.add(counters, {"id": key, "n": 1})
    query = select(counters.c.id).order_by(counters.c.id)
    named = select(counters.c.id).where(counters.c.id == "six")
    with store.read() as tx:
        for sought, keys in (
            (Sought("TRIP"), {"Trip-1", "trip-2"}), (Sought("%_"), {"50%_x"}), (Sought("\0"), set()),
            (Sought("none", named), {"six"}), (Sought("five", named), {"five", "six"}),
        ):  # fmt: skip
            found = {row.id for row in tx.all(Window(sought=sought).of(query, counters.c.id))}
            assert (found, tx.count(counters, sought=sought)) == (keys, len(keys))
        part = tx.all(Window(limit=1, offset=1, sought=Sought("TRIP")).of(query, counters.c.id))
        assert [row.id for row in part] in (["Trip-1"], ["trip-2"])


def test_a_transaction_is_all_or_nothing_with_its_evidence(store: Store) -> None:
    with pytest.raises(RuntimeError), store.begin(NODE) as tx:
        tx.add(counters, {"id": "a", "n": 1})
        evidence.append(tx, "test.counted", counters, "a")
        raise RuntimeError("no")
    with store.read() as tx:
        assert n(store) is None
        assert tx.all(select(leaves)) == []


def test_hooks_run_once_after_the_end_they_belong_to(store: Store) -> None:
    said: list[str] = []

    def hooks(tx: Any) -> None:
        tx.after_commit.append(lambda: said.append(f"commit {n(store)}"))
        tx.after_rollback.append(lambda: said.append(f"rollback {n(store)}"))

    with store.begin(NODE) as tx:
        hooks(tx)
        tx.add(counters, {"id": "a", "n": 1})
        assert said == []
    with pytest.raises(RuntimeError), store.begin(NODE) as tx:
        hooks(tx)
        tx.change(counters, "a", n=2)
        raise RuntimeError("no")
    with pytest.raises(RuntimeError), store.read() as tx:
        hooks(tx)
        raise RuntimeError("no")
    with store.read() as tx:
        hooks(tx)
    assert said == ["commit 1", "rollback 1", "rollback 1"]


def test_a_hook_after_a_rollback_can_write(store: Store) -> None:
    def keep() -> None:
        with store.begin(NODE) as own:
            own.add(counters, {"id": "kept", "n": 7})

    with pytest.raises(RuntimeError), store.begin(NODE) as tx:
        tx.after_rollback.append(keep)
        raise RuntimeError("no")
    assert n(store, "kept") == 7


def test_a_view_sees_one_moment_and_leaves_nothing(store: Store) -> None:
    with store.begin(NODE) as tx:
        tx.add(counters, {"id": "a", "n": 1})
    with store.read() as view:
        assert view.get(counters, "a") == {"id": "a", "n": 1}
        with store.begin(NODE) as tx:
            tx.change(counters, "a", n=2)
        assert view.get(counters, "a") == {"id": "a", "n": 1}
    with store.read() as view:
        view.add(counters, {"id": "b", "n": 1})
    assert (n(store), n(store, "b")) == (2, None)


def test_a_long_reading_lets_others_write_and_goes_on_after_them(store: Store) -> None:
    with store.begin(NODE) as tx:
        tx.add(counters, {"id": "a", "n": 1})
    closed: list[Any] = []
    with store.begin(NODE) as tx:
        tx.closing.callback(lambda: closed.append(n(store)))
        tx.after_commit.append(lambda: closed.append("committed"))
        with tx.reading():
            assert tx.get(counters, "a") == {"id": "a", "n": 1}
            other = threading.Thread(target=set_to, args=(store, 2))
            other.start()
            other.join(20)
            assert not other.is_alive(), "it need not wait"
            with pytest.raises(AssertionError, match="while others may write"):
                tx.add(counters, {"id": "b", "n": 1})
        assert tx.get(counters, "a") == {"id": "a", "n": 2}
        tx.change(counters, "a", n=3)
        with pytest.raises(AssertionError, match="would be lost"), tx.reading():
            pass
        assert closed == []
    assert (n(store), closed) == (3, ["committed", 3])


def set_to(store: Store, value: int) -> None:
    with store.begin(NODE) as tx:
        tx.change(counters, "a", n=value)


def test_a_long_reading_that_fails_leaves_the_store_free(store: Store) -> None:
    with store.begin(NODE) as tx:
        tx.add(counters, {"id": "a", "n": 1})
    said: list[Any] = []
    with pytest.raises(RuntimeError), store.begin(NODE) as tx:
        tx.after_rollback.append(lambda: said.append(n(store)))
        tx.closing.callback(lambda: said.append("closed"))
        with tx.reading():
            raise RuntimeError("no")
    assert said == [1, "closed"]
    other = threading.Thread(target=set_to, args=(store, 2))
    other.start()
    other.join(20)
    assert n(store) == 2


def test_a_view_is_a_reading_already(store: Store) -> None:
    with store.read() as view, view.reading():
        assert view.get(counters, "a") is None


def test_what_is_done_beforehand_lets_others_write_and_everything_is_done_again_after_it(store: Store) -> None:
    with store.begin(NODE) as tx:
        tx.add(counters, {"id": "a", "n": 1})
    worked: list[int] = []

    def deed(tx: Tx) -> int:
        seen = tx.get(counters, "a")["n"]
        tx.change(counters, "a", n=seen + 10)
        evidence.append(tx, "test.counted", counters, "a")

        def work() -> int:
            worked.append(seen)
            other = threading.Thread(target=set_to, args=(store, 2))
            other.start()
            other.join(20)
            assert not other.is_alive(), "it need not wait"
            return seen * 100

        return tx.beforehand(("hundredfold", seen), work)

    assert store.does(NODE, "test", deed) == 200, "of what it was after the other had written"
    assert (worked, n(store)) == ([1, 2], 12)
    with store.read() as tx:
        assert len(tx.all(select(leaves))) == 1


def test_what_is_asked_twice_at_once_is_done_once(store: Store) -> None:
    begun, go = threading.Event(), threading.Event()
    worked: list[str] = []

    def deed(tx: Tx) -> str:
        if tx.get(counters, "a") is not None:
            return "before"
        tx.add(counters, {"id": "a", "n": 1})

        def work() -> str:
            worked.append("once")
            begun.set()
            assert go.wait(20)
            return "now"

        return tx.beforehand("work", work)

    told: list[str] = []
    asking = [threading.Thread(target=lambda: told.append(store.does(NODE, "test", deed))) for _ in range(3)]
    for thread in asking:
        thread.start()
    assert begun.wait(20)
    assert n(store) is None
    go.set()
    for thread in asking:
        thread.join(20)
    assert (sorted(told), worked) == (["before", "before", "now"], ["once"])


def test_what_fails_beforehand_leaves_nothing(store: Store) -> None:
    def fails() -> None:
        raise RuntimeError("no")

    def deed(tx: Tx) -> None:
        tx.add(counters, {"id": "a", "n": 1})
        tx.beforehand("work", fails)

    for _ in range(2):
        with pytest.raises(RuntimeError):
            store.does(NODE, "test", deed)
        assert n(store) is None
    with pytest.raises(RuntimeError), store.begin(NODE) as tx:
        deed(tx)  # at an edge that cannot begin again it is done at once
    assert n(store) is None


def test_writers_in_many_threads_lose_nothing(store: Store) -> None:
    with store.begin(NODE) as tx:
        tx.add(counters, {"id": "a", "n": 0})

    def count() -> None:
        for _ in range(15):
            with store.begin(NODE) as tx:
                row = tx.get(counters, "a")
                assert row is not None
                tx.change(counters, "a", n=row["n"] + 1)
                evidence.append(tx, "test.counted", counters, "a")

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.read() as tx:
        assert n(store) == 60
        assert [row.seq for row in tx.all(select(leaves.c.seq).order_by(leaves.c.seq))] == list(range(1, 61))


def test_a_store_of_the_tests_starts_from_a_copy_of_the_tables(tmp_path: Path) -> None:
    """Making them takes several times as long, and the suite makes thousands of stores."""
    new, said = Store(sqlite_url(tmp_path / "n.db")), list[str]()
    event.listen(new.engine, "before_cursor_execute", lambda _c, _k, statement, *_: said.append(statement))
    with with_tables(new).read() as tx:
        assert tx.count(counters) == 0
    new.dispose()
    assert not [statement for statement in said if "CREATE" in statement]


def test_two_stores_of_one_file_wait_for_each_other(tmp_path: Path) -> None:
    one, two = (Store(sqlite_url(tmp_path / "n.db")) for _ in range(2))
    with_tables(one)
    with one.begin(NODE) as tx:
        tx.add(counters, {"id": "a", "n": 0})

    def count(store: Store) -> None:
        for _ in range(10):
            with store.begin(NODE) as tx:
                tx.execute(update(counters).values(n=counters.c.n + 1))

    threads = [threading.Thread(target=count, args=(store,)) for store in (one, two)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert n(one) == 20
    one.dispose()
    two.dispose()


@pytest.mark.postgresql
def test_two_processes_on_postgresql_decide_one_after_the_other(store: Store) -> None:
    """What a transaction reads to decide by is not changed by another process before it ends."""
    if store.engine.dialect.name != "postgresql":
        pytest.skip("SQLite has one writer anyway")
    other = Store(store.url)
    with store.begin(NODE) as tx:
        tx.add(counters, {"id": "a", "n": 0})

    def count(at: Store) -> None:
        for _ in range(10):
            with at.begin(NODE) as tx:
                row = tx.get(counters, "a")
                assert row is not None
                tx.change(counters, "a", n=row["n"] + 1)

    threads = [threading.Thread(target=count, args=(at,)) for at in (store, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert n(store) == 20
    other.dispose()


@pytest.mark.postgresql
def test_of_two_hosts_on_one_postgresql_only_one_serves(store: Store) -> None:
    if store.engine.dialect.name != "postgresql":
        pytest.skip("the folder of an SQLite store is guarded by its lock")
    other = Store(store.url)
    assert store.serves() is None and store.serves() is None
    assert (held := other.serves()) and held.startswith("127.0.0.1, 20")
    with other.begin(NODE) as tx:  # a command beside the node is served by the store as before
        tx.add(counters, {"id": "beside", "n": 1})
    store.engine.dispose()  # the connections of the pool may come and go
    assert other.serves() is not None
    store.dispose()
    assert other.serves() is None
    other.dispose()


def test_a_store_that_another_process_holds_is_busy(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db, "BUSY_SECONDS", 0.05)
    other = Store(store.url)
    with store.begin(NODE), pytest.raises(Refusal, match="GND-504"), other.begin(NODE):
        pass
    other.dispose()


def test_a_full_disk_is_the_operators_to_mend_and_no_fault_of_the_program(tmp_path: Path) -> None:
    full = Store(sqlite_url(tmp_path / "n.db"))
    with_tables(full)
    event.listen(full.engine, "connect", lambda raw, _: raw.execute("PRAGMA max_page_count=1"))
    full.dispose()
    with pytest.raises(Refusal, match=r"GND-505.*disk full"), full.begin(NODE) as tx:
        for number in range(2000):
            tx.add(counters, {"id": f"{number:080}", "n": 1})
    assert n(full, f"{0:080}") is None
    full.dispose()


@pytest.mark.postgresql
def test_a_connection_that_is_cut_is_told_and_the_next_transaction_has_a_new_one(store: Store) -> None:
    if store.engine.dialect.name != "postgresql":
        pytest.skip("SQLite has no connections to cut")
    with pytest.raises(Refusal, match="GND-505"), store.begin(NODE) as tx:
        tx.add(counters, {"id": "a", "n": 1})
        mine = tx.execute(text("SELECT pg_backend_pid()")).scalar()
        with store.read() as view:
            view.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": mine})
        tx.add(counters, {"id": "b", "n": 1})
    assert n(store) is None
    with store.begin(NODE) as tx:
        tx.add(counters, {"id": "a", "n": 2})
    assert n(store) == 2


def test_changing_what_is_not_there_fails(store: Store) -> None:
    with pytest.raises(AssertionError, match="test_counter nothing"), store.begin(NODE) as tx:
        tx.change(counters, "nothing", n=1)


def test_ids_are_new_and_short_enough() -> None:
    made = {new_id("case") for _ in range(1000)}
    assert len(made) == 1000
    assert max(map(len, made)) <= 47


def test_an_actor_has_the_roles_it_has() -> None:
    actor = Actor("p", "legal", roles=frozenset({"legal", "steward"}))
    assert actor.has("steward", "analyst")
    assert not actor.has("analyst")
    assert Actor("", "peer").has("peer")


CRASHING = """
import sys
from pathlib import Path
from sqlalchemy import Column, Integer
from datong.ground.db import NODE, Store, metadata, sqlite_url, table
counters = table("test_counter", Column("n", Integer, nullable=False))
store = Store(sqlite_url(Path(sys.argv[1])))
metadata.create_all(store.engine)
with store.begin(NODE, "deliver") as tx:
    tx.add(counters, {"id": sys.argv[2], "n": 1})
print("survived")
"""


@pytest.mark.parametrize(("where", "kept"), [("before_commit", None), ("after_commit", 1)])
def test_a_node_killed_around_its_commit_has_all_or_nothing_and_dies_once(
    tmp_path: Path, where: str, kept: int | None
) -> None:
    environment = {
        **os.environ,
        "DATONG_CRASH": f"deliver.{where},settle.before_commit",
        "DATONG_CRASH_LOG": str(tmp_path / "log"),
    }

    def run(key: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", CRASHING, str(tmp_path / "n.db"), key]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)

    first = run("a")
    assert (first.returncode, first.stdout) == (-signal.SIGKILL, "")
    store = Store(sqlite_url(tmp_path / "n.db"))
    assert n(store, "a") == kept
    again = run("b")
    assert (again.returncode, again.stdout) == (0, "survived\n"), again.stderr
    assert n(store, "b") == 1
    assert (tmp_path / "log").read_text() == f"deliver.{where}\n"
    store.dispose()


def test_no_row_is_named_with_a_nul(store: Store) -> None:
    with store.read() as tx:
        assert tx.get(settings, "a\0b") is None
