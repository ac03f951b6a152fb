"""Tables of the room: recipes, partitions with their rounds and answers, supplies, product versions, frontiers.

Must never know: rules. Contract: tests/compose/.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, Column, Index, Integer, String, select

from datong.ground.db import EVERY, Instant, Tx, Window, table

recipes = table(
    "compose_product_recipe",
    Column("product", String(80), nullable=False, index=True),
    Column("number", Integer, nullable=False),
    Column("recipe", JSON, nullable=False),
    Column("digest", String(80), nullable=False),
    Column("at", Instant, nullable=False),
)

partitions = table(
    "compose_partition",
    Column("product", String(80), nullable=False, index=True),
    Column("recipe", JSON, nullable=False),
    Column("recipe_digest", String(80), nullable=False),
    Column("supplies", JSON, nullable=False),  # [{resource, agreement, node}]
    Column("state", String(10), nullable=False),
    Column("level", Integer, nullable=False),  # the level whose round is open; the last one when agreed
    Column("groups_digest", String(80), nullable=False),
    Column("at", Instant, nullable=False),
)

holds = table(
    "compose_partition_hold",
    Column("partition", String(80), nullable=False),
    Column("level", Integer, nullable=False),
    Column("resource", String(80), nullable=False),
    Column("nodes", JSON, nullable=False),
    Index("ix_compose_partition_hold_round", "partition", "level", "resource", unique=True),
)

rounds = table(
    "compose_partition_round",
    Column("partition", String(80), nullable=False, index=True),
    Column("level", Integer, nullable=False),
    Column("passed", JSON, nullable=False),
)

supplies = table(
    "compose_supply",
    Column("partition", String(80), nullable=False, index=True),
    Column("resource", String(80), nullable=False),
    Column("agreement", String(80), nullable=False),
    Column("path", String(400), nullable=False),
    Column("digest", String(80), nullable=False),
    Column("rows", Integer, nullable=False),
    Column("number", Integer, nullable=False),
    Column("at", Instant, nullable=False),
)

versions = table(
    "compose_product_version",
    Column("product", String(80), nullable=False, index=True),
    Column("version", Integer, nullable=False),
    Column("partition", String(80), nullable=False),
    Column("recipe", JSON, nullable=False),
    Column("path", String(400), nullable=False),  # inside the node's folder
    Column("digest", String(80), nullable=False),
    Column("rows", Integer, nullable=False),
    Column("recipient_group", String(80), nullable=False),  # the intended one that the risk was computed for
    Column("risk", JSON, nullable=False),
    Column("kept", JSON, nullable=False),
    Column("account", JSON, nullable=False),
    Column("inputs", JSON, nullable=False),
    Column("at", Instant, nullable=False),
)


frontiers = table(
    "compose_product_frontier",
    Column("product", String(80), nullable=False, index=True),
    Column("number", Integer, nullable=False),
    Column("frontier", JSON, nullable=False),
    Column("digest", String(80), nullable=False),
    Column("by", String(80), nullable=False),
    Column("at", Instant, nullable=False),
)


def frontiers_of(tx: Tx, product: str) -> list[dict[str, Any]]:
    """The measured frontiers attached to a product, oldest first."""
    return tx.rows(select(frontiers).where(frontiers.c.product == product).order_by(frontiers.c.number))


def recipes_of(tx: Tx, product: str) -> list[dict[str, Any]]:
    return tx.rows(select(recipes).where(recipes.c.product == product).order_by(recipes.c.number))


def standing_partitions(tx: Tx, **of: str) -> list[dict[str, Any]]:
    """The partitions that were not cancelled, oldest first; of: column values, e.g. product."""
    conditions = [partitions.c.state != "cancelled", *(partitions.c[name] == value for name, value in of.items())]
    return tx.rows(select(partitions).where(*conditions).order_by(partitions.c.at, partitions.c.id))


def all_partitions(tx: Tx, window: Window = EVERY) -> list[dict[str, Any]]:
    query = window.of(select(partitions).order_by(partitions.c.at, partitions.c.id), partitions.c.id)
    return tx.rows(query)


def holds_of(tx: Tx, partition: str, level: int) -> dict[str, list[str]]:
    """resource -> the nodes its provider told in this round."""
    of = (holds.c.partition == partition) & (holds.c.level == level)
    return {row.resource: row.nodes for row in tx.all(select(holds).where(of))}


def passed_of(tx: Tx, partition: str) -> list[list[str]]:
    """The passed nodes of every finished round, finest level first."""
    rows = tx.all(select(rounds).where(rounds.c.partition == partition).order_by(rounds.c.level))
    return [row.passed for row in rows]


def supplies_of(tx: Tx, partition: str) -> dict[str, dict[str, Any]]:
    """resource -> the latest supply received for it."""
    rows = tx.rows(select(supplies).where(supplies.c.partition == partition).order_by(supplies.c.number))
    return {row["resource"]: row for row in rows}


def versions_of(tx: Tx, product: str) -> list[dict[str, Any]]:
    return tx.rows(select(versions).where(versions.c.product == product).order_by(versions.c.version))


def all_versions(tx: Tx, window: Window = EVERY) -> list[dict[str, Any]]:
    query = window.of(select(versions).order_by(versions.c.at, versions.c.product, versions.c.version), versions.c.id)
    return tx.rows(query)
