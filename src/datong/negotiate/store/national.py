"""Tables of the national rail: contracts under an id of a platform, ids issued, filings and relayed rounds.

What a platform keeps of other parties' contracts is sealed under a key that only this node can make; the columns
beside it are what every level of access may see.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, Column, Index, Integer, String, Text, UniqueConstraint, exists, func, select

from datong.ground.db import Instant, Tx, table
from datong.negotiate.store import negotiations

contracts = table(
    "national_contract",  # id = 合约标识码; at a party
    Column("name", String(128), nullable=False),
    Column("issuer", String(80), nullable=False),  # node code of who began it
    Column("sign_mode", String(2), nullable=False),
    Column("activation", Instant, nullable=False),
    Column("ends", Instant, nullable=False),
    Column("request", JSON, nullable=False),  # contractCreate as its issuer signed it
    Column("request_digest", String(80), nullable=False, unique=True),
    Column("platform", String(80), nullable=False),
    Column("negotiation", String(80), nullable=False),  # our pid of it; "" before it is opened, and on the other rail
    Column("agreement", String(200), nullable=False, index=True),  # "" until agreed
    Column("filing", String(8), nullable=False),  # "" | sent | filed | refused
    Column("hash", String(64), nullable=False),  # 合约存证码 of the platform
    Column("why_not", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Index("ix_national_contract_issuer", "issuer", "at"),
)
issued = table(
    "national_issued",  # id = 合约标识码; at a platform
    Column("request_digest", String(80), nullable=False, unique=True),
    Column("issuer", String(80), nullable=False),
    Column("request", JSON, nullable=False),
    Column("at", Instant, nullable=False),
    Index("ix_national_issued_issuer", "issuer", "at"),
)
filings = table(
    "national_filing",  # id = 合约标识码/version; at a platform
    Column("contract", String(47), nullable=False, index=True),
    Column("version", Integer, nullable=False),
    Column("filer", String(80), nullable=False),
    Column("provider", String(80), nullable=False),
    Column("consumer", String(80), nullable=False),
    Column("content", Text, nullable=False),  # the filed message, sealed
    Column("hash", String(64), nullable=False),
    # digest of what both sides signed; "" in rows from before there was this column
    Column("signed", String(80), nullable=False, server_default="", index=True, info={"added": ""}),
    Column("status", String(4), nullable=False),
    Column("filed_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("ending", JSON),
    UniqueConstraint("contract", "version"),
)
rounds = table(
    "national_round",  # at a platform that takes part (signMode 02)
    Column("contract", String(47), nullable=False),
    Column("number", Integer, nullable=False),
    Column("sender", String(80), nullable=False),
    Column("digest", String(80), nullable=False),
    Column("signatures", Integer, nullable=False),
    Column("content", Text, nullable=False),  # sealed
    Column("at", Instant, nullable=False),
    UniqueConstraint("contract", "number"),
    Index("ix_national_round_digest", "contract", "digest"),
)


def contract_of(tx: Tx, agreement: str) -> dict[str, Any] | None:
    found = tx.rows(select(contracts).where(contracts.c.agreement == agreement))
    return found[0] if found else None


def contract_by_request(tx: Tx, request_digest: str) -> dict[str, Any] | None:
    found = tx.rows(select(contracts).where(contracts.c.request_digest == request_digest))
    return found[0] if found else None


def begun_by(tx: Tx, issuer: str, since: str) -> int:
    """How many contracts that a node began from then on have neither a negotiation nor an agreement here."""
    of = contracts.c
    nothing = (of.negotiation == "") & (of.agreement == "")
    return int(tx.execute(select(func.count()).where(of.issuer == issuer, of.at >= since, nothing)).scalar_one())


def unfiled_of(tx: Tx, issuer: str, since: str) -> int:
    """How many of the ids that were issued to a node from then on have no filing."""
    filed = exists().where(filings.c.contract == issued.c.id)
    asked = (issued.c.issuer == issuer) & (issued.c.at >= since)
    return int(tx.execute(select(func.count()).select_from(issued).where(asked, ~filed)).scalar_one())


def issued_for(tx: Tx, request_digest: str) -> dict[str, Any] | None:
    found = tx.rows(select(issued).where(issued.c.request_digest == request_digest))
    return found[0] if found else None


def negotiation_of(tx: Tx, contract: str) -> dict[str, Any] | None:
    """The negotiation under this contract id, from the moment the id is told to anybody: what the counterparty does
    about our opening may be heard before its answer to it."""
    row = tx.get(contracts, contract)
    return tx.get(negotiations, row["negotiation"]) if row is not None and row["negotiation"] else None


def versions(tx: Tx, contract: str | None = None) -> list[dict[str, Any]]:
    """Filings of one contract or all, oldest version first."""
    query = select(filings).order_by(filings.c.contract, filings.c.version)
    return tx.rows(query if contract is None else query.where(filings.c.contract == contract))


def filed_as(tx: Tx, signed: str) -> list[dict[str, Any]]:
    """Filings of what both sides signed, by its digest, under whatever id."""
    return tx.rows(select(filings).where(filings.c.signed == signed))


def rounds_of(tx: Tx, contract: str) -> list[dict[str, Any]]:
    return tx.rows(select(rounds).where(rounds.c.contract == contract).order_by(rounds.c.number))


def next_round(tx: Tx, contract: str) -> int:
    last = tx.execute(select(func.max(rounds.c.number)).where(rounds.c.contract == contract)).scalar()
    return int(last or 0) + 1
