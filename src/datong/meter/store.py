"""Tables of meter: usage events (evidenced) and two kinds of volatile counters (not evidenced).

Contract: tests/meter/.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Index, String, Table, func, select, text, update

from datong.ground import clock
from datong.ground.db import EVERY, Instant, Tx, Window, table

events = table(
    "usage_event",
    Column("agreement", String(200), nullable=False),
    Column("grant_id", String(80), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("table_name", String(200), nullable=False),
    Column("version", String(80), nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("bytes_granted", BigInteger, nullable=False),
    Column("files", JSON, nullable=False),
    Column("state", String(20), nullable=False),
    Column("decision", JSON, nullable=False),
    Column("number", BigInteger, nullable=False),  # of the use under its agreement, 1, 2, 3 …
    Column("at", Instant, nullable=False),
    Column("wall_at", Instant, nullable=False),
    Column("bytes_served", BigInteger),  # written once the grant is over
    Column("reconciled_at", Instant),
    Index("ix_usage_event_agreement", "agreement", "at"),
    Index("ix_usage_event_at", "at", "number", "id"),
)
counters = table("usage_counter", Column("used", BigInteger, nullable=False))
"""Uses per agreement and deliveries per table version; changed by one conditional statement."""

served = table("usage_served", Column("bytes", BigInteger, nullable=False))
"""Bytes sent so far per event; id = event id."""


def count_up(tx: Tx, counter: str, limit: int | None) -> int | None:
    """Count one more and return the new count; None when `limit` is reached. One statement decides."""
    _ensure(tx, "usage_counter", "used", counter)
    change = update(counters).where(counters.c.id == counter)
    if limit is not None:
        change = change.where(counters.c.used < limit)
    row = tx.execute(change.values(used=counters.c.used + 1).returning(counters.c.used)).one_or_none()
    return None if row is None else int(row.used)


def counted(tx: Tx, of: Table, keys: Sequence[str]) -> dict[str, int]:
    """What these `counters` are at, or how many bytes were `served` under these events; those at none are left out."""
    found: dict[str, int] = {}
    (_, value) = of.columns
    for start in range(0, len(keys), 500):
        part = select(of.c.id, value.label("value")).where(of.c.id.in_(keys[start : start + 500]))
        found |= {row.id: int(row.value) for row in tx.all(part)}
    return found


def add_served(tx: Tx, event: str, size: int) -> None:
    _ensure(tx, "usage_served", "bytes", event)
    tx.execute(update(served).where(served.c.id == event).values(bytes=served.c.bytes + size))


def _ensure(tx: Tx, name: str, column: str, key: str) -> None:
    tx.execute(text(f"INSERT INTO {name} (id, {column}) VALUES (:id, 0) ON CONFLICT (id) DO NOTHING"), {"id": key})


def events_between(
    tx: Tx, agreement: str | None, start: str | None, end: str | None, window: Window = EVERY
) -> list[dict[str, Any]]:
    """Events of an agreement (or all) with start <= at < end, in order of their time."""
    query = select(events).order_by(events.c.at, events.c.number, events.c.id)
    if agreement is not None:
        query = query.where(events.c.agreement == agreement)
    if start is not None:
        query = query.where(events.c.at >= clock.edge(_second(start)))
    if end is not None:
        query = query.where(events.c.at < clock.edge(_second(end, "." in end)))
    found = tx.rows(window.of(query, events.c.id))
    return sorted((row for row in found if _within(row["at"], start, end)), key=lambda row: clock.instant(row["at"]))


def _within(at: str, start: str | None, end: str | None) -> bool:
    then = clock.instant(at)
    return (start is None or clock.instant(start) <= then) and (end is None or then < clock.instant(end))


def _second(instant: str, after: bool = False) -> str:
    """The whole second in which an instant lies, or the next: texts with a fraction do not sort among the others."""
    return clock.text(clock.instant(instant).replace(microsecond=0) + timedelta(seconds=after))


def events_of(tx: Tx, keys: Sequence[str]) -> list[dict[str, Any]]:
    """These events, in order of their ids."""
    found: list[dict[str, Any]] = []
    for start in range(0, len(keys), 500):
        part = select(events).where(events.c.id.in_(keys[start : start + 500]))
        found += tx.rows(part)
    return sorted(found, key=lambda row: str(row["id"]))


def sums(tx: Tx, agreement: str | None) -> list[dict[str, Any]]:
    """Of each state the number of events of an agreement or of all, their rows and bytes, also those not reconciled."""
    summed = {"rows": events.c.rows, "bytes_granted": events.c.bytes_granted, "bytes_served": served.c.bytes}
    of = [func.coalesce(func.sum(column), 0).label(name) for name, column in summed.items()]
    query = (
        select(events.c.state, func.count().label("events"), *of)
        .outerjoin(served, served.c.id == events.c.id)
        .group_by(events.c.state)
    )
    if agreement is not None:
        query = query.where(events.c.agreement == agreement)
    return [{**row, **{name: int(row[name]) for name in summed}} for row in tx.rows(query)]


def of_state_before(tx: Tx, state: str, before: str) -> list[dict[str, Any]]:
    """Of each agreement its number of events in `state` before an instant, {agreement, events}, whose first is longest
    ago first."""
    query = select(events.c.agreement, func.count().label("events")).where(
        events.c.state == state, events.c.at < clock.edge(before)
    )
    query = query.group_by(events.c.agreement).order_by(func.min(events.c.at), events.c.agreement)
    return tx.rows(query)


def numbered(tx: Tx) -> list[dict[str, Any]]:
    """Of each agreement its number of events, how many numbers they bear, and the last of these."""
    query = select(
        events.c.agreement, func.count().label("events"), func.count(events.c.number.distinct()).label("numbers"),
        func.max(events.c.number).label("last"),
    ).group_by(events.c.agreement).order_by(events.c.agreement)  # fmt: skip
    return tx.rows(query)


def billed_again(tx: Tx, state: str) -> list[dict[str, Any]]:
    """Table versions of which more than one event of an agreement is in `state`."""
    same = (events.c.agreement, events.c.table_name, events.c.version)
    query = select(*same, func.count().label("events")).where(events.c.state == state).group_by(*same).order_by(*same)
    return tx.rows(query.having(func.count() > 1))
