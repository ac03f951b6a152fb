"""Leaves: one per deed, written in the transaction of the change.

A leaf is canonical JSON: who did what to which record, when by both clocks, and the digest of the record's
row as it stands after the deed. Columns marked `personal` (or `secret`) enter the digest as salted hashes;
deleting the salt (`forget`) makes them unprovable and leaves the log whole and the rest of the row provable.
audit recomputes the digests from the store. Every leaf is sealed with a secret of the node's key, which is not in
the store: a leaf put there past the node is not signed for (integrate) and is named (audit).
Must never know: what an act means. Contract: tests/ground/test_evidence_leaves.py.
"""

from __future__ import annotations

import hmac
import secrets
import threading
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Column, Index, Integer, LargeBinary, String, Table, select

from datong.ground import signing
from datong.ground.canonical import canonical, digest_bytes, plain, written
from datong.ground.crypto import hashing
from datong.ground.db import READ, SOUGHT, Store, Tx, new_id, table
from datong.ground.prepared import Prepared

LEAF_VERSION = 1
LEAF_BYTES_MAX = 65_535
"""An entry bundle writes the length of a leaf in two bytes."""

DELETED = "deleted"
"""The digest of a record whose row was deleted by the deed."""
FORGOTTEN = "forgotten"
"""What stands for a personal value whose salt was deleted."""

leaves = table(
    "evidence_leaf",
    Column("seq", Integer, nullable=False, unique=True),  # order of writing
    Column("position", Integer, unique=True),  # place in the tree; NULL until sequenced
    Column("act", String(80), nullable=False, info=SOUGHT),
    Column("table_name", String(60), nullable=False),
    Column("record_id", String(80), nullable=False, info=SOUGHT),
    Column("record_digest", String(80), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("seal", String(64), nullable=False),
    Column("added_at", String(32), nullable=False),
    Index("ix_evidence_leaf_record", "table_name", "record_id"),
)

salts = table("evidence_salt", Column("salt", String(64), nullable=False))
"""id = "<table>/<record id>"; emptying the salt is the erasure of the personal values in the log (the row stays
as a tombstone, so that a salt that merely vanished is noticed)."""


LAST_SEQ = "evidence.seq"
_LAST = Prepared(select(leaves.c.seq).order_by(leaves.c.seq.desc()).limit(1))


def append(tx: Tx, act: str, record: Table, key: str, **facts: Any) -> str:
    """Write the leaf of `act` on the row `key` of `record` (read back as it now stands). Returns the leaf id.

    facts: what a reader of the log should see without the store; no personal value, no secret.
    """
    row = tx.get(record, key)
    leaf_id = new_id("leaf")
    record_digest = row_digest(tx, record, row) if row is not None else DELETED
    body = {
        "v": LEAF_VERSION,
        "id": leaf_id,
        "act": act,
        "link": tx.link,
        "record": {"table": record.name, "id": key, "digest": record_digest},
        "by": {"person": tx.actor.person, "role": tx.actor.role, "party": tx.actor.party},
        "business_at": tx.now,
        "wall_at": tx.wall,
        "facts": facts,
    }
    entry = canonical(body)
    if len(entry) > LEAF_BYTES_MAX:
        raise ValueError(f"the leaf of {act} has {len(entry)} bytes; put large facts into the record instead")
    seq = _next_seq(tx)
    tx.add(
        leaves,
        {
            "id": leaf_id, "seq": seq, "act": act, "table_name": record.name, "record_id": key,
            "record_digest": record_digest, "body": entry, "seal": _sealed(_secret(tx), seq, entry),
            "added_at": tx.wall,
        },
    )  # fmt: skip
    for sequencer in _SEQUENCERS.get(tx.store, []):
        if sequencer.set not in tx.after_commit:
            tx.after_commit.append(sequencer.set)
    return leaf_id


def _next_seq(tx: Tx) -> int:
    """The place of the next leaf in the order of writing, which is this transaction's alone from its first leaf on.

    Within a savepoint it is asked anew: what is undone gives its places back.
    """
    if tx.conn.in_nested_transaction():
        tx.kept.pop(LAST_SEQ, None)
        return _last_seq(tx) + 1
    tx.kept[LAST_SEQ] = tx.kept[LAST_SEQ] + 1 if LAST_SEQ in tx.kept else _last_seq(tx) + 1
    return int(tx.kept[LAST_SEQ])


def _last_seq(tx: Tx) -> int:
    last = tx.first(_LAST)
    return int(last["seq"]) if last is not None else 0


def is_sealed(tx: Tx) -> Callable[[Any, Any, Any], bool]:
    """Of a leaf's (seq, body, seal): whether this node wrote it, at this place in the order of writing."""
    secret = _secret(tx)

    def sealed(seq: Any, body: Any, seal: Any) -> bool:
        if not (isinstance(body, bytes) and isinstance(seal, str)):
            return False
        return hmac.compare_digest(_sealed(secret, seq, body).encode(), seal.encode())

    return sealed


def _secret(tx: Tx) -> bytes:
    return signing.node_key(tx).secret("evidence leaves")


def _sealed(secret: bytes, seq: Any, body: bytes) -> str:
    return hashing.mac(secret, f"{seq}\n".encode() + body).hex()


def leaf_of(tx: Tx, record: Table, key: str) -> str:
    """The id of the newest leaf that speaks of a record; empty where there is none."""
    of = (leaves.c.table_name == record.name) & (leaves.c.record_id == key)
    return str(tx.execute(select(leaves.c.id).where(of).order_by(leaves.c.seq.desc()).limit(1)).scalar() or "")


def row_digest(tx: Tx, record: Table, row: Mapping[str, Any]) -> str:
    """Digest of a row with its personal columns salted and hashed ("sha256:…", "sm3:…")."""
    salt = _salt(tx, f"{record.name}/{row['id']}") if _hidden(record) else ""
    return digest_bytes(written(covered(record, row, salt)))


def covered(record: Table, row: Mapping[str, Any], salt: str | None) -> dict[str, Any]:
    """The plain JSON form of a row whose digest a leaf holds: personal and secret columns as salted hashes.

    salt: None when there is none (any more) and there should be; the result then has no known digest. A column that a
    migration added (`info={"added": its value in older rows}`) is left out of those rows: their leaves do not know it.
    """
    hidden, added = _hidden(record), _added(record)
    return {
        name: _hashed(salt, value) if name in hidden else plain(value)
        for name, value in row.items()
        if name not in added or value != added[name]
    }


def forget(tx: Tx, record: Table, key: str) -> None:
    """Empty the salt of a record: its personal values can no longer be proved or guessed from the log.

    Erase or change the values in the row first; the leaf written here then speaks of the row as it stands.
    """
    tx.execute(salts.update().where(salts.c.id == f"{record.name}/{key}").values(salt=""))
    append(tx, "evidence.forgotten", record, key)


def salts_of(tx: Tx, record: Table) -> dict[str, str]:
    """The salts of a table's records by record id (empty text: forgotten)."""
    prefix = f"{record.name}/"
    rows = tx.all(select(salts).where(salts.c.id.startswith(prefix, autoescape=True)))
    return {row.id.removeprefix(prefix): row.salt for row in rows}


def wakes(store: Store, sequencer: threading.Event, *, on: bool) -> None:
    """Whether commits of leaves in this process wake a sequencer of `store`."""
    waiting = _SEQUENCERS.setdefault(store, [])
    if on:
        waiting.append(sequencer)
    elif sequencer in waiting:
        waiting.remove(sequencer)


_SEQUENCERS: WeakKeyDictionary[Store, list[threading.Event]] = WeakKeyDictionary()


@cache
def _added(record: Table) -> dict[str, Any]:
    return {c.name: c.info["added"] for c in record.columns if "added" in c.info}


@cache
def _hidden(record: Table) -> frozenset[str]:
    return frozenset(c.name for c in record.columns if c.info.get("personal") or c.info.get("secret"))


def _hashed(salt: str | None, value: Any) -> str:
    if salt == "":
        return FORGOTTEN
    if salt is None:
        return "salt missing"
    return hashing.hash_bytes(canonical([salt, plain(value)])).hex()


def _salt(tx: Tx, key: str) -> str | None:
    row = tx.get(salts, key)
    if row is not None:
        return str(row["salt"])
    if tx.link == READ:
        return None
    salt = secrets.token_hex(32)
    tx.add(salts, {"id": key, "salt": salt})
    return salt
