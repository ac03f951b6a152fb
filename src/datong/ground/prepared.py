"""Statements that are made once and asked often.

SQLAlchemy makes, hashes and compiles a statement each time it is asked, which takes far longer than SQLite takes to
answer it. A `Prepared` one is compiled once per database and set of values, and then goes to SQLite's driver as it
is, in the transaction that is open; to another database it goes the usual way.

    _LIVE = Prepared(select(listings).where(listings.c.dataset == bindparam("dataset")))
    rows = _LIVE.rows(conn, {"dataset": "DS-1"})        # [{"id": …, …}]

What fails is asked once more the usual way, so that it is told as any other error of the database (its values hidden).
Must never know: what a statement means. Contract: tests/ground/test_prepared.py.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Delete, Insert, Select, Update
from sqlalchemy.engine.interfaces import Dialect

Convert = Callable[[Any], Any]


@dataclass(frozen=True)
class _Compiled:
    """The text for the driver; what is bound, in order, as (name or None, constant, conversion); what comes back."""

    text: str
    bound: tuple[tuple[str | None, Any, Convert | None], ...]
    columns: tuple[tuple[str, Convert | None], ...]

    def bind(self, values: Mapping[str, Any]) -> list[Any]:
        return [
            constant if name is None else values[name] if convert is None else convert(values[name])
            for name, constant, convert in self.bound
        ]


def _driver(conn: Connection) -> sqlite3.Connection:
    driver = conn.connection.dbapi_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver


class Prepared:
    """A statement whose values are named by `bindparam`, or, of an insert or update, by the columns they go into."""

    def __init__(self, statement: Select[Any] | Insert | Update | Delete) -> None:
        self.statement = statement
        self._compiled: dict[tuple[str, ...], _Compiled] = {}

    def rows(self, conn: Connection, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        """All rows it gives (a change: by RETURNING)."""
        if (cursor := self._straight(conn, values)) is None:
            return [dict(row) for row in conn.execute(self.statement, dict(values)).mappings()]
        columns = self._compiled[tuple(values)].columns
        return [
            {
                name: known if convert is None else convert(known)
                for (name, convert), known in zip(columns, row, strict=True)
            }
            for row in cursor
        ]

    def changed(self, conn: Connection, values: Mapping[str, Any]) -> int:
        """How many rows it added, changed or deleted, of a statement without RETURNING."""
        if (cursor := self._straight(conn, values)) is None:
            return conn.execute(self.statement, dict(values)).rowcount
        return cursor.rowcount

    def each(self, conn: Connection, many: Sequence[Mapping[str, Any]]) -> None:
        """The change for each of many, all with values of the same names."""
        if not many:
            return
        if conn.dialect.name == "sqlite":
            compiled = self._of(conn, many[0])
            try:
                _driver(conn).executemany(compiled.text, [compiled.bind(values) for values in many])
            except sqlite3.Error:  # some of them may have been done: only the transaction can undo them
                pass
            else:
                return
        conn.execute(self.statement, [dict(values) for values in many])

    def _straight(self, conn: Connection, values: Mapping[str, Any]) -> sqlite3.Cursor | None:
        """The driver's cursor; None where it is not SQLite's, or where it refused."""
        if conn.dialect.name != "sqlite":
            return None
        compiled = self._of(conn, values)
        bound = compiled.bind(values)
        try:
            return _driver(conn).execute(compiled.text, bound)
        except sqlite3.Error:
            return None

    def _of(self, conn: Connection, values: Mapping[str, Any]) -> _Compiled:
        return self._compiled.get(tuple(values)) or self._made(conn.dialect, tuple(values))

    def _made(self, dialect: Dialect, names: tuple[str, ...]) -> _Compiled:
        compiled = self.statement.compile(dialect=dialect, column_keys=list(names))
        state = compiled.construct_expanded_state(dict.fromkeys(names))
        bound = []
        for name in state.positiontup or ():
            kind = compiled.binds[name].type if name in names else None
            convert = kind.dialect_impl(dialect).bind_processor(dialect) if kind is not None else None
            bound.append((name if name in names else None, state.parameters[name], convert))
        columns = tuple(
            (str(column.key), column.type.dialect_impl(dialect).result_processor(dialect, None))
            for column in self.statement.exported_columns
        )
        made = _Compiled(state.statement, tuple(bound), columns)
        self._compiled[names] = made
        return made
