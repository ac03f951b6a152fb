"""Tables of price: cost surveys, ceilings (set here or received), fees.

Contract: tests/price/.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, Column, Index, Integer, String, Table, bindparam, false, func, select

from datong.ground.db import EVERY, Fen, Instant, Tx, Window, table
from datong.ground.prepared import Prepared

surveys = table(
    "cost_survey",
    Column("operator", String(40), nullable=False),
    Column("serial", Integer, nullable=False),  # order of recording; the business clock may stand still
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
    Column("issuer", String(40), nullable=False),  # party of the authorising body
    Column("serial", Integer, nullable=False),  # of issuer and product; a later ceiling supersedes an earlier one
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


def ceilings_of(tx: Tx, product: str) -> list[dict[str, Any]]:
    """The ceilings in force of a product, one of each body that set one, the lowest first."""
    return tx.found(_CEILINGS_OF, product=product)


_CEILINGS_OF = Prepared(
    select(ceilings)
    .where(ceilings.c.product == bindparam("product"), ceilings.c.state == "IN_FORCE")
    .order_by(ceilings.c.cap_fen, ceilings.c.id)
)


def ceilings_by(tx: Tx, product: str, issuer: str) -> list[dict[str, Any]]:
    """All ceilings of a product that one body set, those that were superseded among them."""
    query = select(ceilings).where(ceilings.c.product == product, ceilings.c.issuer == issuer)
    return tx.rows(query.order_by(ceilings.c.serial, ceilings.c.id))


def all_ceilings(tx: Tx) -> list[dict[str, Any]]:
    """Ceilings in force and superseded ones, by product and order of setting."""
    query = select(ceilings).order_by(ceilings.c.product, ceilings.c.serial, ceilings.c.id)
    return tx.rows(query)


def last_serial(tx: Tx, product: str, issuer: str) -> int:
    of = (ceilings.c.product == product) & (ceilings.c.issuer == issuer)
    return int(tx.execute(select(func.max(ceilings.c.serial)).where(of)).scalar() or 0)


def other_ceilings(tx: Tx, issuer: str, surveys: list[str], product: str) -> list[tuple[int, int]]:
    """(cap, forecast) of the other products' ceilings in force that one body set under any of the surveys."""
    query = select(ceilings).where(
        ceilings.c.issuer == issuer, ceilings.c.survey.in_(surveys), ceilings.c.product != product,
        ceilings.c.state == "IN_FORCE",
    )  # fmt: skip
    return [(row.cap_fen, row.forecast_count) for row in tx.all(query)]


def surveys_of(tx: Tx, operator: str) -> list[dict[str, Any]]:
    """The surveys of an operator in the order they were recorded."""
    query = select(surveys).where(surveys.c.operator == operator).order_by(surveys.c.serial)
    return tx.rows(query)


def next_survey(tx: Tx) -> int:
    return int(tx.execute(select(func.max(surveys.c.serial))).scalar() or 0) + 1


def fees_of(tx: Tx, product: str, *states: str, purpose: str | None = None) -> list[dict[str, Any]]:
    query = select(fees).where(fees.c.product == product, fees.c.state.in_(states)).order_by(fees.c.set_at, fees.c.id)
    if purpose is not None:
        query = query.where(fees.c.purpose == purpose)
    return tx.rows(query)


def all_fees(tx: Tx, product: str | None, window: Window) -> list[dict[str, Any]]:
    """Fees of one product or of all, oldest first."""
    query = select(fees).order_by(fees.c.set_at, fees.c.id)
    if product is not None:
        query = query.where(false() if "\0" in product else fees.c.product == product)
    return tx.rows(window.of(query, fees.c.id))


def everything(tx: Tx, window: Window = EVERY) -> dict[str, list[dict[str, Any]]]:
    """Surveys, ceilings and fees, oldest first; of each the part that is asked for."""

    def rows(of: Table, *order: Any) -> list[dict[str, Any]]:
        return tx.rows(window.of(select(of).order_by(*order), of.c.id))

    return {
        "surveys": rows(surveys, surveys.c.serial),
        "ceilings": rows(ceilings, ceilings.c.at, ceilings.c.id),
        "fees": rows(fees, fees.c.set_at, fees.c.id),
    }
