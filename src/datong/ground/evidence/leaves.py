"""Leaves: one per deed, written in the transaction of the change.

A leaf is canonical JSON: who did what to which record, when by both clocks, and the digest of the record's
row as it stands after the deed. Columns marked personal enter the digest as salted hashes; deleting the salt
(`forget`) makes them unprovable and leaves the log whole. audit recomputes the digests from the store.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Column, Index, Integer, LargeBinary, String, Table, select

from datong.ground.canonical import canonical, digest, plain
from datong.ground.db import Tx, new_id, table

LEAF_VERSION = 1

leaves = table(
    "evidence_leaf",
    Column("seq", Integer, nullable=False, unique=True),  # order of writing
    Column("position", Integer, unique=True),  # place in the tree; NULL until sequenced
    Column("act", String(80), nullable=False),
    Column("table_name", String(60), nullable=False),
    Column("record_id", String(80), nullable=False),
    Column("record_digest", String(80), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("added_at", String(32), nullable=False),
    Index("ix_evidence_leaf_record", "table_name", "record_id"),
)

salts = table("evidence_salt", Column("salt", String(64), nullable=False))
"""id = "<table>/<record id>"; deleting the row is the erasure of the personal values in the log."""


def append(tx: Tx, act: str, record: Table, key: str, **facts: Any) -> str:
    """Write the leaf of `act` on the row `key` of `record` (read back as it now stands). Returns the leaf id.

    facts: what a reader of the log should see without the store; no personal value, no secret.
    """
    row = tx.get(record, key)
    leaf_id = new_id("leaf")
    record_digest = row_digest(tx, record, row) if row is not None else "deleted"
    body = {
        "v": LEAF_VERSION,
        "id": leaf_id,
        "act": act,
        "link": tx.link,
        "record": {"table": record.name, "id": key, "digest": record_digest},
        "by": {"person": tx.actor.person, "role": tx.actor.role, "party": tx.actor.party},
        "business_at": tx.now,
        "wall_at": tx.wall,
        "facts": plain(facts),
    }
    last = tx.execute(select(leaves.c.seq).order_by(leaves.c.seq.desc()).limit(1)).scalar()
    tx.add(
        leaves,
        {
            "id": leaf_id, "seq": (last or 0) + 1, "act": act, "table_name": record.name, "record_id": key,
            "record_digest": record_digest, "body": canonical(body), "added_at": tx.wall,
        },
    )  # fmt: skip
    return leaf_id


def row_digest(tx: Tx, record: Table, row: Mapping[str, Any]) -> str:
    """Digest of a row with its personal columns salted and hashed ("sha256:…")."""
    personal = [column.name for column in record.columns if column.info.get("personal")]
    if not personal:
        return digest(dict(row))
    salt = _salt(tx, f"{record.name}/{row['id']}")
    covered = {
        name: hashlib.sha256(canonical([salt, plain(value)])).hexdigest() if name in personal else value
        for name, value in row.items()
    }
    return digest(covered)


def forget(tx: Tx, record: Table, key: str) -> None:
    """Delete the salt of a record: its personal values can no longer be proved or guessed from the log."""
    tx.execute(salts.delete().where(salts.c.id == f"{record.name}/{key}"))


def _salt(tx: Tx, key: str) -> str:
    row = tx.get(salts, key)
    if row is not None:
        return str(row["salt"])
    salt = secrets.token_hex(32)
    if tx.link != "read":
        tx.add(salts, {"id": key, "salt": salt})
    return salt
