"""Tables of price: cost surveys, ceilings (set here or received), fees.

Contract: tests/price/.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, Column, Index, Integer, String, select

from datong.ground.db import Fen, Instant, Tx, table

surveys = table(
    "cost_survey",
    Column("operator", String(40), nullable=False),
    Column("survey", JSON, nullable=False),
    Column("figures", JSON, nullable=False),
    Column("mpr_fen", Fen, nullable=False),
    Column("surveyed_by", String(80), nullable=False),
    Column("at", Instant, nullable=False),
)
ceilings = table(
    "price_ceiling",
    Column("survey", String(80), nullable=False),
    Column("product", String(80), nullable=False),
    Column("cap_fen", Fen, nullable=False),
    Column("forecast_count", Integer, nullable=False),
    Column("unit", String(20), nullable=False),
    Column("serial", Integer, nullable=False),  # of the product; a later ceiling supersedes an earlier one
    Column("value", JSON, nullable=False),  # as signed by the authorising body
    Column("state", String(16), nullable=False),
    Column("at", Instant, nullable=False),
    Index("ix_price_ceiling_product", "product", "state"),
)
fees = table(
    "fee",
    Column("product", String(80), nullable=False),
    Column("purpose", String(40), nullable=False),
    Column("amount_fen", Fen, nullable=False),
    Column("unit", String(20), nullable=False),
    Column("ceiling", String(80)),
    Column("cap_fen", Fen),
    Column("state", String(16), nullable=False),
    Column("set_by", String(80), nullable=False),
    Column("set_at", Instant, nullable=False),
    Column("published_at", Instant),
    Index("ix_fee_product", "product", "purpose", "state"),
)


def ceiling_of(tx: Tx, product: str) -> dict[str, Any] | None:
    """The ceiling in force of a product, or None."""
    row = tx.one(select(ceilings).where(ceilings.c.product == product, ceilings.c.state == "IN_FORCE"))
    return dict(row._mapping) if row is not None else None


def last_serial(tx: Tx, product: str) -> int:
    rows = tx.all(select(ceilings.c.serial).where(ceilings.c.product == product))
    return max((row.serial for row in rows), default=0)


def other_ceilings(tx: Tx, survey: str, product: str) -> list[tuple[int, int]]:
    """(cap, forecast) of the other products' ceilings in force under one survey."""
    query = select(ceilings).where(
        ceilings.c.survey == survey, ceilings.c.product != product, ceilings.c.state == "IN_FORCE"
    )
    return [(row.cap_fen, row.forecast_count) for row in tx.all(query)]


def fees_of(tx: Tx, product: str, *states: str, purpose: str | None = None) -> list[dict[str, Any]]:
    query = select(fees).where(fees.c.product == product, fees.c.state.in_(states)).order_by(fees.c.set_at, fees.c.id)
    if purpose is not None:
        query = query.where(fees.c.purpose == purpose)
    return [dict(row._mapping) for row in tx.all(query)]


def everything(tx: Tx) -> dict[str, list[dict[str, Any]]]:
    """All surveys, ceilings and fees, oldest first."""

    def rows(query: Any) -> list[dict[str, Any]]:
        return [dict(row._mapping) for row in tx.all(query)]

    return {
        "surveys": rows(select(surveys).order_by(surveys.c.at, surveys.c.id)),
        "ceilings": rows(select(ceilings).order_by(ceilings.c.at, ceilings.c.id)),
        "fees": rows(select(fees).order_by(fees.c.set_at, fees.c.id)),
    }
