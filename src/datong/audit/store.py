"""Reading: the log of this node and the rows of any evidenced table, digests recomputed. No table of its own.

Contract: tests/audit/.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Row, Table, inspect, literal, select
from sqlalchemy.exc import SQLAlchemyError

from datong.audit.model import Fault, Problem
from datong.ground import evidence
from datong.ground.canonical import written
from datong.ground.db import Sought, Tx, metadata
from datong.ground.evidence import log, witness
from datong.ground.evidence.leaves import covered, leaves, salts_of

_LOG = "the log itself, and what others say of theirs"
_ON_ITS_WAY = "messages and requests on their way, each of a change that has a leaf"
_COUNTED = "counts and caches, which every use or beat changes"
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
        ("protocol_peer", "register_heartbeat", "register_login_attempt", "usage_counter", "usage_served"), _COUNTED
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


def leaf_rows(tx: Tx) -> Iterator[dict[str, Any]]:
    """Leaves with a position in its order, then those that wait, in order of writing."""
    query = select(leaves).order_by(leaves.c.position.is_(None), leaves.c.position, leaves.c.seq)
    return map(_leaf, tx.execute(query.execution_options(yield_per=PAGE_ROWS)))


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
    """SQLite keeps a text in a column of bytes when somebody puts one there."""
    return value.encode() if isinstance(value, str) else bytes(value)


def levels(tx: Tx) -> tuple[list[list[bytes]], list[Problem]]:
    """All nodes by level, each level in order up to its first gap, and the gaps."""
    found: list[list[bytes]] = []
    problems = []
    for row in tx.all(select(log.nodes).order_by(log.nodes.c.id)):
        level, _, index = row.id.partition(".")
        while len(found) <= int(level):
            found.append([])
        if int(index) != len(found[int(level)]):
            problems.append(Problem(Fault.node_missing, f"node {int(level)}.{len(found[int(level)])}"))
        found[int(level)] += [b""] * (int(index) - len(found[int(level)]))
        found[int(level)].append(_bytes(row.hash))
    return found, problems


def checkpoint_rows(tx: Tx) -> list[dict[str, Any]]:
    return [dict(row._mapping) for row in tx.all(select(log.checkpoints).order_by(log.checkpoints.c.size))]


def cosignature_rows(tx: Tx) -> list[dict[str, Any]]:
    rows = tx.all(select(log.cosignatures).order_by(log.cosignatures.c.size, log.cosignatures.c.witness))
    return [dict(row._mapping) for row in rows]


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
    return [dict(found._mapping) for found in tx.all(query)]


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
