"""Tables of authorise: instruments (own and received copies) and declared holdings of parties.

Contract: tests/authorise/.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import JSON, Column, Index, Integer, String, select

from datong.authorise.model import Instrument
from datong.ground.db import SOUGHT, Instant, Tx, Window, table
from datong.ground.prepared import Prepared

instruments = table(
    "instrument",
    Column("kind", String(20), nullable=False),
    Column("state", String(24), nullable=False),
    Column("title", String(200), nullable=False, info=SOUGHT),
    Column("grantor_party", String(40), nullable=False, info=SOUGHT),
    Column("grantee_party", String(40), nullable=False, info=SOUGHT),
    Column("grantee_node", String(40), nullable=False),
    Column("resources", JSON, nullable=False),
    Column("purposes", JSON, nullable=False),
    Column("acts", JSON, nullable=False),
    Column("from_at", Instant, nullable=False),
    Column("until_at", Instant, nullable=False),
    Column("items", JSON, nullable=False),
    Column("parents", JSON, nullable=False),
    Column("copies_to", JSON, nullable=False),
    Column("value", JSON, nullable=False),  # the content as signed, with its signatures
    Column("digest", String(80), nullable=False),
    Column("notice", JSON),  # the grantor's latest signed word on the state
    Column("serial", Integer, nullable=False),  # of that word; an older one is ignored
    Column("drafted_by", String(80), nullable=False),
    Column("drafter_let_in_by", String(80), nullable=False),  # who else handed out the drafter's way in
    Column("approved_by", String(80)),
    Column("decision", JSON),  # minutes and persons of the collective decision
    Column("filing_ref", String(200)),
    Column("reason", String(500)),
    Column("changed_at", Instant, nullable=False),
    Index("ix_instrument_kind", "kind", "state"),
)

holdings = table(
    "party_holding",
    Column("owner_party", String(40), nullable=False),
    Column("owned_party", String(40), nullable=False),
    Column("percent", String(10), nullable=False),
    Column("declared_at", Instant, nullable=False),
)


def of_kinds(tx: Tx, *kinds: str) -> list[dict[str, Any]]:
    """Instruments of these kinds (all kinds when none is named), oldest change first."""
    return tx.found(_of_kinds(kinds))


@cache
def _of_kinds(kinds: tuple[str, ...]) -> Prepared:
    query = select(instruments).order_by(instruments.c.changed_at, instruments.c.id)
    return Prepared(query.where(instruments.c.kind.in_(kinds)) if kinds else query)


def listed(tx: Tx, kind: str | None, window: Window) -> list[dict[str, Any]]:
    """The part that is asked for of the instruments, of one kind or of all, oldest change first."""
    query = select(instruments).order_by(instruments.c.changed_at, instruments.c.id)
    query = query if kind is None else query.where(instruments.c.kind == kind)
    return tx.rows(window.of(query, instruments.c.id))


def rights(tx: Tx) -> list[Instrument]:
    """The instruments as clearance reads them; plans carry no right."""
    return [
        Instrument(
            id=row["id"], kind=row["kind"], state=row["state"],
            grantor_party=row["grantor_party"], grantee_party=row["grantee_party"],
            resources=tuple(row["resources"]), purposes=tuple(row["purposes"]), acts=tuple(row["acts"]),
            from_at=row["from_at"], until_at=row["until_at"],
        )
        for row in of_kinds(tx, "agreement", "consent", "data_use", "legal_basis")
    ]  # fmt: skip


def declared(tx: Tx, *of: str) -> list[dict[str, Any]]:
    """The holdings declared, or those of the pair (owner, owned) alone."""
    query = select(holdings).order_by(holdings.c.declared_at, holdings.c.id)
    if of:
        query = query.where(holdings.c.owner_party == of[0], holdings.c.owned_party == of[1])
    return tx.rows(query)
