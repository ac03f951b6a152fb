"""What people said a column means: confirmed or rejected, by whom and when, and what was taken back.

One row per saying; a later one about the same column and element takes the place of the earlier, which stays as a
withdrawn row. Contract: tests/harmonise/matching/test_matching_service.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Column, Index, Integer, String, func, select

from datong.ground.db import EVERY, Instant, Tx, Window, new_id, table

NAME_LONGEST, ELEMENT_LONGEST = 200, 80

synonyms = table(
    "synonym",
    Column("seq", Integer, nullable=False, unique=True),
    Column("column", String(NAME_LONGEST), nullable=False),  # the column's path as the source writes it
    Column("key", String(NAME_LONGEST), nullable=False),  # what of it is the same however it is written
    Column("element", String(ELEMENT_LONGEST), nullable=False),
    Column("standard", String(40), nullable=False),  # pack or standard it was said for; for people to read
    Column("source", String(40), nullable=False),
    Column("said", String(10), nullable=False),  # confirmed | rejected
    Column("told_by", String(10), nullable=False),  # person | build
    Column("by", String(80), nullable=False),
    Column("at", Instant, nullable=False),
    Column("withdrawn_by", String(80), nullable=False),
    Column("withdrawn_at", Instant),
    Index("ix_synonym_key", "key", "withdrawn_at"),
)


def standing(tx: Tx, key: str | None = None, window: Window = EVERY) -> list[dict[str, Any]]:
    """What was said and not taken back, newest first."""
    query = select(synonyms).where(synonyms.c.withdrawn_at.is_(None)).order_by(synonyms.c.seq.desc())
    if key is not None:
        query = query.where(synonyms.c.key == key)
    return tx.rows(window.of(query, synonyms.c.id))


def all_said(tx: Tx, window: Window = EVERY) -> list[dict[str, Any]]:
    query = window.of(select(synonyms).order_by(synonyms.c.seq.desc()), synonyms.c.id)
    return tx.rows(query)


def added(tx: Tx, row: dict[str, Any]) -> str:
    """Add what was said; the id of its row."""
    key = new_id("syn")
    last = tx.execute(select(func.coalesce(func.max(synonyms.c.seq), 0))).scalar() or 0
    tx.add(synonyms, {**row, "id": key, "seq": int(last) + 1, "withdrawn_by": "", "withdrawn_at": None})
    return key


def withdraw(tx: Tx, keys: Iterable[str]) -> None:
    for key in keys:
        tx.change(synonyms, key, withdrawn_by=tx.actor.person, withdrawn_at=tx.now)
