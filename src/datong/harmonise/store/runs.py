"""Every attempt to build: when, of what, how it ended; lineage events and accessibility are made of them.

Contract: tests/harmonise/test_harmonise_lineage.py.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean, Column, Index, Integer, String, func, select

from datong.ground.db import Instant, Tx, table

runs = table(
    "harmonise_run",
    Column("seq", Integer, nullable=False, unique=True),
    Column("resource", String(80), nullable=False),
    Column("mapping", String(40), nullable=False),
    Column("source", String(40), nullable=False),
    Column("build", String(80), nullable=False),  # empty when it failed
    Column("read_whole", Boolean),  # NULL when it failed before the source was asked
    Column("code", String(20), nullable=False),  # of the refusal; empty when it did not fail
    Column("zh", String(1000), nullable=False),
    Column("en", String(1000), nullable=False),
    Column("began_at", Instant, nullable=False),
    Column("ended_at", Instant, nullable=False),
    Index("ix_harmonise_run_resource", "resource"),
)
"""id = the UUID of the run. Times are of the wall clock."""


def add(tx: Tx, row: dict[str, Any]) -> None:
    seq = int(tx.execute(select(func.coalesce(func.max(runs.c.seq), 0))).scalar() or 0) + 1
    tx.add(runs, {**row, "seq": seq})


def ended(tx: Tx, resource: str | None, after: int | None, limit: int) -> list[dict[str, Any]]:
    """Runs in the order they ended: the first `limit` after number `after`, or (None) the newest."""
    query = select(runs) if resource is None else select(runs).where(runs.c.resource == resource)
    if after is None:
        return tx.rows(query.order_by(runs.c.seq.desc()).limit(limit))[::-1]
    return tx.rows(query.where(runs.c.seq > after).order_by(runs.c.seq).limit(limit))


def readings(tx: Tx, source: str, resource: str) -> tuple[int, int]:
    """(attempts that read the source to its end, attempts that asked it) for one resource."""
    asked = select(runs.c.read_whole, func.count().label("asked")).where(
        runs.c.source == source, runs.c.resource == resource, runs.c.read_whole.is_not(None)
    )
    counts = {bool(row.read_whole): int(row.asked) for row in tx.all(asked.group_by(runs.c.read_whole))}
    return counts.get(True, 0), sum(counts.values())
