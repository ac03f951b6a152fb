"""Repairs that people gave for quarantined rows. Contract: tests/harmonise/test_harmonise_repairs.py."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, Column, Index, Integer, String, Text, func, select

from datong.ground.db import EVERY, Instant, Tx, Window, table
from datong.harmonise.model.repairs import State

repairs = table(
    "harmonise_repair",
    Column("seq", Integer, nullable=False, unique=True),
    Column("resource", String(80), nullable=False),
    Column("source", String(40), nullable=False),
    Column("column", String(500), nullable=False),  # of the source's main table
    Column("record", JSON, nullable=False, info={"personal": True}),  # the row's texts as the source had them
    Column("record_digest", String(80), nullable=False),
    Column("original", Text, info={"personal": True}),
    Column("text", Text, nullable=False, info={"personal": True}),
    Column("build", String(80), nullable=False),
    Column("row", Integer, nullable=False),
    Column("reason", String(80), nullable=False),
    Column("note", String(500), nullable=False),
    Column("state", String(10), nullable=False),
    Column("by", String(80), nullable=False),
    Column("at", Instant, nullable=False),
    Column("withdrawn_by", String(80), nullable=False),
    Column("withdrawn_at", Instant, nullable=False),
    Index("ix_harmonise_repair_resource", "resource", "state"),
)


def next_seq(tx: Tx) -> int:
    return int(tx.execute(select(func.coalesce(func.max(repairs.c.seq), 0))).scalar() or 0) + 1


def of_resource(
    tx: Tx, resource: str | None, *, standing: bool = False, newest: Window | None = None
) -> list[dict[str, Any]]:
    """Repairs in the order they were given; newest: that part of them, from the last one back."""
    query = select(repairs).order_by(repairs.c.seq if newest is None else repairs.c.seq.desc())
    if resource is not None:
        query = query.where(repairs.c.resource == resource)
    if standing:
        query = query.where(repairs.c.state == State.standing.value)
    return tx.rows((newest or EVERY).of(query, repairs.c.id))
