"""What a store's SQLite is asked, however it is asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from datong.ground.db import Store

_ITS_OWN = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "PRAGMA")


@contextmanager
def asked_of(store: Store) -> Iterator[list[str]]:
    """The statements that connections taken from now on execute, without those of the transaction itself."""
    found: list[str] = []

    def note(text: str) -> None:
        if not text.startswith(_ITS_OWN):
            found.append(text)

    def traced(connection: Any, *_: Any) -> None:
        connection.set_trace_callback(note)

    def untraced(connection: Any, *_: Any) -> None:
        connection.set_trace_callback(None)

    event.listen(store.engine, "checkout", traced)
    event.listen(store.engine, "checkin", untraced)
    try:
        yield found
    finally:
        event.remove(store.engine, "checkout", traced)
        event.remove(store.engine, "checkin", untraced)


def read_whole(store: Store, statements: list[str]) -> set[str]:
    """The tables of which some of these statements read every row, by SQLite's own plans for them."""
    with store.engine.connect() as conn:
        plans = [conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}").all() for text in statements]
    steps = [str(row[-1]).split() for plan in plans for row in plan]
    return {step[1] for step in steps if step[0] == "SCAN" and step[1] != "CONSTANT"}
