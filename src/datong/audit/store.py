"""Reading: the log of this node and the rows of any evidenced table, digests recomputed. No table of its own.

Contract: tests/audit/.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Row, Table, func, inspect, literal, select
from sqlalchemy.exc import SQLAlchemyError

from datong.audit.model import Leaf
from datong.ground import evidence
from datong.ground.canonical import written
from datong.ground.db import Sought, Tx, metadata
from datong.ground.evidence import log, witness
from datong.ground.evidence.leaves import covered, leaves, salts_of

_LOG = "the log itself, and what others say of theirs"
_ON_ITS_WAY = "messages and requests on their way, each of a change that has a leaf"
_COUNTED = "counts and caches, which every use, beat or look changes"
_NAMED = "what a build's own leaf names by digest"
VOLATILE: dict[str, str] = {
    **dict.fromkeys(
        ("evidence_asked", "evidence_checkpoint", "evidence_cosignature", "evidence_head", "evidence_leaf",
         "evidence_node", "evidence_salt", "evidence_witnessed"), _LOG,
    ),
    **dict.fromkeys(
        ("job", "inbox", "idempotent_request", "seen_token", "transfer_address", "transfer_number"), _ON_ITS_WAY
    ),
    **dict.fromkeys(
        ("node_mark", "protocol_peer", "register_heartbeat", "register_login_attempt", "usage_counter",
         "usage_served"), _COUNTED,
    ),
    **dict.fromkeys(("build_account", "harmonise_run"), _NAMED),
}  # fmt: skip
"""Tables whose rows have no leaf, and why. A row of any other table without one was put there past the node; that each
table of the migrations is one or the other holds tests/audit/test_audit_tables.py."""

PAGE_ROWS = 1000
"""Of what is read from end to end, how many rows at a time."""


def evidenced(tx: Tx) -> list[str]:
    """The tables that hold rows of which each must have a leaf, whether one has or not."""
    there = set(inspect(tx.conn).get_table_names())
    kept = [one for name, one in sorted(metadata.tables.items()) if name in there and name not in VOLATILE]
    return [one.name for one in kept if tx.execute(select(literal(1)).select_from(one).limit(1)).first() is not None]


def leaf_rows(tx: Tx, *, placed: bool | None = None) -> Iterator[dict[str, Any]]:
    """Leaves with a position in its order, then those that wait, in order of writing; or the ones or the others."""
    for these in (True, False) if placed is None else (placed,):
        query = select(leaves).order_by(leaves.c.position if these else leaves.c.seq)
        query = query.where(leaves.c.position.is_not(None) if these else leaves.c.position.is_(None))
        yield from map(_leaf, tx.execute(query.execution_options(yield_per=PAGE_ROWS)))


def leaf_tables(tx: Tx) -> set[str]:
    """The tables that leaves name in their columns."""
    return {row.table_name for row in tx.all(select(leaves.c.table_name).distinct())}


def bodies(tx: Tx, start: int, end: int) -> dict[int, bytes]:
    """The bodies of the leaves at the places [start, end), by place."""
    query = select(leaves.c.position, leaves.c.body).where(leaves.c.position >= start, leaves.c.position < end)
    return {place: _bytes(body) for place, body in map(tuple, tx.all(query))}


def leaf_at(tx: Tx, place: int) -> dict[str, Any] | None:
    row = tx.one(select(leaves).where(leaves.c.position == place))
    return None if row is None else _leaf(row)


def placed_number(tx: Tx) -> int:
    return int(tx.execute(select(func.count()).where(leaves.c.position.is_not(None))).scalar_one())


class LastLeaves:
    """The last leaf of every record, as there are as many as records: in a file of its own that goes when it is closed
    (a private database of SQLite), so that few of them are in memory."""

    def __init__(self) -> None:
        self.tables: set[str] = set()
        self._waiting: list[tuple[Any, ...]] = []
        self._db = sqlite3.connect("", isolation_level=None)
        for statement in (
            "PRAGMA journal_mode = OFF",
            "CREATE TABLE last (tbl, record, seq, id, position, act, digest, added, seen DEFAULT 0,"
            " PRIMARY KEY (tbl, record)) WITHOUT ROWID",
        ):
            self._db.execute(statement)

    def __enter__(self) -> LastLeaves:
        return self

    def __exit__(self, *_fault: object) -> None:
        self._db.close()

    def note(self, leaf: Leaf) -> None:
        """Take a leaf, in whichever order: of a record the one that was written last counts."""
        self.tables.add(leaf.table)
        self._waiting.append(
            (leaf.table, leaf.record, leaf.seq, leaf.id, leaf.position, leaf.act, leaf.digest, leaf.added_at)
        )
        if len(self._waiting) >= PAGE_ROWS:
            self._written()

    def of(self, table: str, records: Sequence[str]) -> dict[str, Leaf]:
        """The last leaves of these records, which are then known to be there."""
        self._written()
        asked = f"FROM last WHERE tbl = ? AND record IN ({', '.join('?' * len(records))})"
        found = self._db.execute(f"SELECT {_LAST} {asked}", (table, *records)).fetchall()
        seen = [(table, row[5]) for row in found]
        self._db.executemany("UPDATE last SET seen = 1 WHERE tbl = ? AND record = ?", seen)
        return {row[5]: _last(row) for row in found}

    def unseen(self, table: str) -> Iterator[Leaf]:
        """The last leaves of the records of a table that nobody has asked for."""
        self._written()
        rows = self._db.execute(f"SELECT {_LAST} FROM last WHERE tbl = ? AND seen = 0 ORDER BY record", (table,))
        return map(_last, rows)

    def _written(self) -> None:
        self._db.executemany(
            "INSERT INTO last (tbl, record, seq, id, position, act, digest, added) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET seq = excluded.seq, id = excluded.id, position = excluded.position,"
            " act = excluded.act, digest = excluded.digest, added = excluded.added WHERE excluded.seq > seq",
            self._waiting,
        )
        self._waiting.clear()


_LAST = "id, seq, position, act, tbl, record, digest, added"


def _last(row: tuple[Any, ...]) -> Leaf:
    id, seq, position, act, table, record, digest, added = row
    return Leaf(id, seq, position, act, table, record, digest, added, b"")


def newest_leaves(
    tx: Tx,
    *,
    table: str,
    record: str,
    act: str,
    limit: int,
    leaf: str = "",
    offset: int = 0,
    sought: Sought | None = None,
) -> list[dict[str, Any]]:
    query = select(leaves).order_by(leaves.c.seq.desc()).limit(limit).offset(offset)
    if table:
        query = query.where(leaves.c.table_name == table)
    if record:
        query = query.where(leaves.c.record_id == record)
    if act:
        query = query.where(leaves.c.act == act)
    if leaf:
        query = query.where(leaves.c.id == leaf)
    if sought is not None:
        query = query.where(sought.within(leaves))
    return [_leaf(row) for row in tx.all(query)]


def _leaf(row: Row[Any]) -> dict[str, Any]:
    return {**row._mapping, "body": _bytes(row.body)}


def _bytes(value: Any) -> bytes:
    """SQLite keeps a text, or a number, in a column of bytes when somebody puts one there."""
    return bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()


LEVELS_MAX = 64
"""Of a tree; a row beyond is none of its nodes."""


def levels(tx: Tx, size: int) -> list[Iterator[tuple[int, bytes]]]:
    """(index, hash) of the nodes in order, level by level, for a tree of `size` leaves and whatever lies beyond it.

    A ValueError where a row is no node.
    """
    (ends,) = tx.all(select(func.min(log.nodes.c.id), func.max(log.nodes.c.id), func.count(log.nodes.c.id)))
    lowest, highest, number = tuple(ends)
    deepest = max(int(highest.partition(".")[0]) if number else 0, size.bit_length() - 1)
    if number and not 0 <= int(lowest.partition(".")[0]) <= deepest < LEVELS_MAX:
        raise ValueError(f"{highest[:40]} is no node of a tree")
    within = sum(_within(tx, level) for level in range(deepest + 1))
    if within != number:
        raise ValueError(f"{number - within} rows are no nodes of a tree")
    return [_level(tx, level) for level in range(deepest + 1)]


def _bounds(level: int) -> tuple[str, str]:
    return log.node_id((level, 0)), log.node_id((level, 10**16 - 1))


def _within(tx: Tx, level: int) -> int:
    return int(tx.execute(select(func.count()).where(log.nodes.c.id.between(*_bounds(level)))).scalar_one())


def _level(tx: Tx, level: int) -> Iterator[tuple[int, bytes]]:
    first, last = _bounds(level)
    part = log.nodes.c.id >= first
    while True:
        query = select(log.nodes).where(part, log.nodes.c.id <= last).order_by(log.nodes.c.id).limit(PAGE_ROWS)
        rows = tx.all(query)
        for key, value in map(tuple, rows):
            yield int(key.partition(".")[2]), _bytes(value)
        if len(rows) < PAGE_ROWS:
            return
        part = log.nodes.c.id > rows[-1].id


def leaf_hashes(tx: Tx) -> Iterator[bytes | None]:
    """The stored hash of each leaf by place, None where there is none, without end."""
    place = 0
    for index, value in _level(tx, 0):
        while place < index:
            yield None
            place += 1
        if index == place:
            yield value
            place += 1
    while True:
        yield None


def node(tx: Tx, level: int, index: int) -> bytes | None:
    """The stored hash of one node."""
    row = tx.get(log.nodes, log.node_id((level, index)))
    return None if row is None else _bytes(row["hash"])


def nodes(tx: Tx, level: int, start: int, end: int) -> list[bytes]:
    """The stored hashes of the nodes [start, end) of a level, up to the last there is; empty where one is missing."""
    first, last = log.node_id((level, start)), log.node_id((level, end - 1))
    rows = tx.all(select(log.nodes).where(log.nodes.c.id.between(first, last)).order_by(log.nodes.c.id))
    known = {int(row.id.partition(".")[2]): _bytes(row.hash) for row in rows}
    return [known.get(index, b"") for index in range(start, max(known, default=start - 1) + 1)]


def checkpoint_rows(tx: Tx) -> Iterator[dict[str, Any]]:
    """Every checkpoint, in order of size."""
    query = select(log.checkpoints).order_by(log.checkpoints.c.size).execution_options(yield_per=PAGE_ROWS)
    return (dict(row._mapping) for row in tx.execute(query))


def signed_size(tx: Tx) -> Any:
    """The size of the newest checkpoint, as it stands there; 0 before the first."""
    return tx.execute(select(log.checkpoints.c.size).order_by(log.checkpoints.c.size.desc()).limit(1)).scalar() or 0


def cosignature_rows(tx: Tx) -> list[dict[str, Any]]:
    return tx.rows(select(log.cosignatures).order_by(log.cosignatures.c.size, log.cosignatures.c.witness))


def cosignatures(tx: Tx) -> Iterator[tuple[list[dict[str, Any]], dict[int, str]]]:
    """Cosignatures in parts, each with the notes by size of the checkpoints that it speaks of."""
    query = select(log.cosignatures).order_by(log.cosignatures.c.size, log.cosignatures.c.witness)
    for part in tx.execute(query.execution_options(yield_per=PAGE_ROWS)).partitions():
        sizes = log.checkpoints.c.size.in_({row.size for row in part})
        notes = {row.size: row.note for row in tx.all(select(log.checkpoints).where(sizes))}
        yield [dict(row._mapping) for row in part], notes


def wrote(tx: Tx, size: int, text: str) -> bool:
    """True when `text` is the note of the checkpoint of `size` with cosignatures of it that this node holds."""
    own = tx.one(select(log.checkpoints.c.note).where(log.checkpoints.c.size == size))
    held = {row.line for row in tx.all(select(log.cosignatures.c.line).where(log.cosignatures.c.size == size))}
    note = str(own.note) if own else ""
    return bool(note) and text.startswith(note) and held.issuperset(text[len(note) :].splitlines(keepends=True))


def cosigned_sizes(tx: Tx) -> dict[str, int]:
    """node code of a witness -> the largest size of this log it cosigned, as this node was told."""
    return {row.id: int(row.cosigned_size) for row in tx.all(select(witness.asked))}


def registered_keys(tx: Tx) -> dict[str, str]:
    """node code -> public key of the nodes in the register here."""
    return {row["id"]: row["public_key"] for row in rows_of(tx, "register_node")}


def known_table(name: str) -> Table | None:
    return metadata.tables.get(name)


def records(tx: Tx, table: Table) -> Iterator[tuple[str, dict[str, Any] | None, bytes]]:
    """(id, covered form, its canonical bytes) of every row, in order of id, a thousand in memory at a time; None where
    the row cannot be read or has no canonical form."""
    salts = salts_of(tx, table)
    last: list[Any] = []
    while True:
        part = [table.c.id > key for key in last]
        try:
            found = tx.all(select(table).where(*part).order_by(table.c.id).limit(PAGE_ROWS))
            rows: list[tuple[Any, dict[str, Any] | None]]
            names = [str(column.name) for column in table.columns]  # plain texts, which are written the faster way
            rows = [(row.id, dict(zip(names, row, strict=True))) for row in found]
        except (SQLAlchemyError, ValueError, TypeError, RecursionError):  # one torn value: read row by row to find it
            keys = tx.all(select(table.c.id).where(*part).order_by(table.c.id).limit(PAGE_ROWS))
            rows = [(row.id, _read(tx, table, row.id)) for row in keys]
        for key, each in rows:
            yield key, *_covered(table, each, salts)
        if len(rows) < PAGE_ROWS:
            return
        last = [rows[-1][0]]


def _read(tx: Tx, table: Table, key: str) -> dict[str, Any] | None:
    try:
        return tx.get(table, key)
    except (SQLAlchemyError, ValueError, TypeError, RecursionError):
        return None


def _covered(table: Table, row: dict[str, Any] | None, salts: dict[str, str]) -> tuple[dict[str, Any] | None, bytes]:
    if row is None:
        return None, b""
    form = covered(table, row, salts.get(row["id"]))
    try:
        return form, written(form)
    except (ValueError, TypeError, RecursionError):
        return None, b""


def row(tx: Tx, table: str, key: str) -> dict[str, Any] | None:
    """The row of another room's table by name; None also when no such room is in this process."""
    known = known_table(table)
    return tx.get(known, key) if known is not None else None


def rows_of(tx: Tx, table: str, **equals: Any) -> list[dict[str, Any]]:
    """Rows whose columns have these values, in order of id."""
    known = known_table(table)
    if known is None:
        return []
    query = select(known).where(*(known.c[name] == value for name, value in equals.items())).order_by(known.c.id)
    return tx.rows(query)


def last_leaf(tx: Tx, table: str, key: str) -> dict[str, Any] | None:
    of = (leaves.c.table_name == table) & (leaves.c.record_id == key)
    found = tx.one(select(leaves).where(of).order_by(leaves.c.seq.desc()).limit(1))
    return _leaf(found) if found is not None else None


def row_digest(tx: Tx, table: str, found: dict[str, Any]) -> str:
    """The digest of a row as the store has it now, to hold against its last leaf ("" when it has none)."""
    try:
        return evidence.row_digest(tx, metadata.tables[table], found)
    except (ValueError, TypeError, RecursionError):
        return ""
