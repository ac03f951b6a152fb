"""Tables of harmonise: builds, and which build of a resource is current. Contract: tests/harmonise/."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, Column, Index, Integer, String, and_, func, or_, select

from datong.ground.db import EVERY, Instant, Tx, Window, table
from datong.harmonise.model.builds import State

builds = table(
    "build",
    Column("seq", Integer, nullable=False, unique=True),
    Column("resource", String(80), nullable=False),
    Column("source", String(40), nullable=False),
    Column("mapping", String(40), nullable=False),
    Column("standard", String(40), nullable=False),
    Column("state", String(10), nullable=False),
    Column("read", Integer, nullable=False),
    Column("harmonised", Integer, nullable=False),
    Column("quarantined", Integer, nullable=False),
    Column("reasons", JSON, nullable=False),  # {reason: rows}
    Column("reasons_by_column", JSON, nullable=False),  # [{reason, column, rows}]
    Column("repairs", JSON, nullable=False),  # [{state, rule, column, values}] in the harmonised rows
    Column("quality", JSON, nullable=False),
    Column("elements", JSON, nullable=False),  # the standard's elements, as a listing shows them
    Column("files", JSON, nullable=False),  # {file: {digest, bytes, rows}}; empty when refused
    Column("digest", String(80), nullable=False),  # of harmonised.parquet; empty when refused
    Column("source_digest", String(80), nullable=False),
    Column("standard_digest", String(80), nullable=False),
    Column("mapping_digest", String(80), nullable=False),
    Column("plan_digest", String(80), nullable=False),
    Column("by", String(80), nullable=False),
    Column("at", Instant, nullable=False),
    Index("ix_build_resource", "resource", "state"),
)

currents = table("current_build", Column("build", String(80), nullable=False), Column("at", Instant, nullable=False))
"""id = resource: the build that readers of the resource get."""


def next_seq(tx: Tx) -> int:
    return int(tx.execute(select(func.coalesce(func.max(builds.c.seq), 0))).scalar() or 0) + 1


def all_builds(tx: Tx, resource: str | None = None, window: Window = EVERY) -> list[dict[str, Any]]:
    """Builds, newest first."""
    query = select(builds).order_by(builds.c.seq.desc())
    if resource is not None:
        query = query.where(builds.c.resource == resource)
    return tx.rows(window.of(query, builds.c.id))


def reasons_of_all(tx: Tx, window: Window = EVERY) -> list[dict[str, Any]]:
    """Why rows were held, by build, the newest first, and column: [{id, resource, state, reason, column, rows}]. Of the
    part that is asked for, only the builds it lies in are read, and of them not the figures, which are many."""
    known = (builds.c.id, builds.c.resource, builds.c.state, builds.c.reasons_by_column)
    has = func.json_array_length(builds.c.reasons_by_column)
    until = func.sum(has).over(order_by=builds.c.seq.desc())
    every = select(*known, builds.c.seq, has.label("has"), until.label("until")).subquery()
    first = max(0, window.offset)
    query = select(every).where(every.c.until > first).order_by(every.c.seq.desc())
    if window.limit is not None:
        query = query.where(every.c.until - every.c.has < first + max(0, window.limit))
    found = tx.all(query)
    told = [
        {"id": row.id, "resource": row.resource, "state": row.state, **entry}
        for row in found
        for entry in row.reasons_by_column
    ]
    before = first - (found[0].until - found[0].has) if found else 0
    return told[before:] if window.limit is None else told[before : before + max(0, window.limit)]


def current_build(tx: Tx, resource: str) -> dict[str, Any] | None:
    pointer = tx.get(currents, resource)
    return tx.get(builds, pointer["build"]) if pointer is not None else None


def refused_last(tx: Tx, resource: str) -> dict[str, Any] | None:
    """The last build of a resource, where it was refused."""
    query = select(builds).where(builds.c.resource == resource).order_by(builds.c.seq.desc()).limit(1)
    last = tx.row(query)
    return last if last is not None and last["state"] == State.refused.value else None


def of_one_source(tx: Tx, resource: str) -> list[str]:
    """Other resources that were ever built from content that this one was built from, or by the same mapping of the
    same source. Another table of one database is none of them: the digest is of what was read."""
    mine = current_build(tx, resource)
    if mine is None:
        return []
    built = builds.c.state == State.built.value
    contents = select(builds.c.source_digest).where(built, builds.c.resource == resource)
    mapped = and_(builds.c.source == mine["source"], builds.c.mapping == mine["mapping"])
    same = or_(builds.c.source_digest.in_(contents), mapped)
    rows = tx.all(select(builds.c.resource).where(built, same, builds.c.resource != resource).distinct())
    return sorted(row.resource for row in rows)


def point_to(tx: Tx, resource: str, build: str) -> bool:
    """Make `build` the current one of `resource`; False when it was already."""
    pointer = tx.get(currents, resource)
    if pointer is not None and pointer["build"] == build:
        return False
    if pointer is None:
        tx.add(currents, {"id": resource, "build": build, "at": tx.now})
    else:
        tx.change(currents, resource, build=build, at=tx.now)
    return True


def committed(tx: Tx) -> dict[str, str]:
    """build id -> resource of every build that has files."""
    rows = tx.all(select(builds.c.id, builds.c.resource).where(builds.c.state == State.built.value))
    return {row.id: row.resource for row in rows}
