"""Tables of settle: invoices, lines, billed events, ledger entries, postings, statements.

Contract: tests/settle/.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, Column, Index, Integer, String, case, func, or_, select

from datong.ground.db import EVERY, SOUGHT, Fen, Instant, Tx, Window, table
from datong.settle.model import WAIVED

invoices = table(
    "invoice",
    Column("agreement", String(200), nullable=False, info=SOUGHT),
    Column("from_at", Instant, nullable=False),
    Column("until_at", Instant, nullable=False),
    Column("seller_party", String(40), nullable=False, info=SOUGHT),
    Column("buyer_party", String(40), nullable=False, info=SOUGHT),
    Column("peer_node", String(40), nullable=False),  # the other side's node
    Column("product", String(80), nullable=False, info=SOUGHT),
    Column("purpose", String(40), nullable=False),
    Column("gross_fen", Fen, nullable=False),
    Column("paid_fen", Fen, nullable=False),
    Column("parts", JSON, nullable=False),  # the split, at the seller
    Column("state", String(12), nullable=False),
    Column("value", JSON, nullable=False),  # as signed by the seller
    Column("digest", String(80), nullable=False),
    Column("acceptance", JSON),  # as signed by the buyer
    Column("reason", String(500)),
    Column("issued_at", Instant, nullable=False),
    Column("credited_fen", Fen, nullable=False, server_default="0", info={"added": 0}),  # by accepted credit notes
    Column("words", JSON, info={"added": None}),  # what else either side said of it, as signed, in order
    Index("ix_invoice_agreement", "agreement"),
)
lines = table(
    "invoice_line",
    Column("invoice", String(80), nullable=False, index=True),
    Column("number", Integer, nullable=False),
    Column("description", String(400), nullable=False),
    Column("state", String(20), nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("unit_price_fen", Fen, nullable=False),
    Column("amount_fen", Fen, nullable=False),
    Column("events", JSON, nullable=False),
)
billed = table("billed_event", Column("invoice", String(80), nullable=False, index=True))
"""id = usage event (at the buyer: of agreement and event): the primary key makes sure that it is billed once, and, of
both under "credit-…", that it is credited once."""

entries = table(
    "ledger_entry",
    Column("kind", String(20), nullable=False),
    Column("reference", String(80), nullable=False, index=True),
    Column("narration", String(400), nullable=False),
    Column("state", String(10), nullable=False),
    Column("reverses", String(80)),
    Column("made_by", String(80), nullable=False),
    Column("at", Instant, nullable=False),
)
postings = table(
    "posting",
    Column("entry", String(80), nullable=False, index=True),
    Column("number", Integer, nullable=False),
    Column("account", String(120), nullable=False),
    Column("party", String(40), nullable=False),
    Column("amount_fen", Fen, nullable=False),  # debit positive
    Column("payee", String(200), nullable=False),  # the account a contract names, where money goes to one
)
statements = table(
    "statement",
    Column("invoice", String(80), nullable=False, index=True, info=SOUGHT),
    Column("party", String(40), nullable=False, info=SOUGHT),  # whose statement it is
    Column("issuer_party", String(40), nullable=False, info=SOUGHT),
    Column("direction", String(10), nullable=False),  # sent | unsent (no node) | received | own
    Column("gross_fen", Fen, nullable=False),
    Column("share_fen", Fen, nullable=False),
    Column("paid_fen", Fen, nullable=False),
    Column("value", JSON, nullable=False),
    Column("digest", String(80), nullable=False),
    Column("at", Instant, nullable=False),
    Column("reason", String(500), info={"added": None}),  # why money paid out on it came back to its issuer
    Column("credited_fen", Fen, nullable=False, server_default="0", info={"added": 0}),  # of the share, by credit notes
)


def lines_of(tx: Tx, invoice: str) -> list[dict[str, Any]]:
    return tx.rows(select(lines).where(lines.c.invoice == invoice).order_by(lines.c.number))


def voided_count(tx: Tx, agreement: str, start: str, end: str) -> int:
    query = select(func.count()).where(
        invoices.c.agreement == agreement, invoices.c.from_at == start, invoices.c.until_at == end,
        invoices.c.state == "VOIDED", invoices.c.gross_fen >= 0,
    )  # fmt: skip
    return int(tx.execute(query).scalar_one())


def spoken_of(seller: str) -> tuple[Any, ...]:
    """Which invoices of a seller were accepted and have a reason beside them: somebody spoke of them."""
    of = invoices.c
    return of.seller_party == seller, of.state.in_(("ACCEPTED", "PAID")), of.reason.is_not(None), of.gross_fen > 0


def credits_of(tx: Tx, row: dict[str, Any]) -> list[dict[str, Any]]:
    """The credit notes of an invoice."""
    query = select(invoices).where(invoices.c.agreement == row["agreement"], invoices.c.gross_fen < 0)
    return [one for one in tx.rows(query.order_by(invoices.c.id)) if one["value"]["credits"] == row["id"]]


def credits_received(tx: Tx, row: dict[str, Any]) -> list[dict[str, Any]]:
    """The statements of credit notes that take back from a statement."""
    of = statements.c
    query = select(statements).where(of.gross_fen < 0, of.issuer_party == row["issuer_party"], of.party == row["party"])
    return [one for one in tx.rows(query) if one["value"]["credits"]["invoice"] == row["invoice"]]


def charged_count(tx: Tx, agreement: str) -> int:
    """How many uses the invoices of an agreement charge, those that were voided left out."""
    query = (
        select(func.coalesce(func.sum(lines.c.quantity), 0))
        .join(invoices, invoices.c.id == lines.c.invoice)
        .where(invoices.c.agreement == agreement, invoices.c.state != "VOIDED", lines.c.amount_fen > 0)
    )
    return int(tx.execute(query).scalar_one())


def charged_until(tx: Tx, until: str) -> dict[str, int]:
    """Agreement -> how many uses the invoices charge or waive whose period ends by `until`, those voided left out."""
    query = _charging(invoices.c.agreement, func.sum(lines.c.quantity).label("uses"))
    found = tx.all(query.where(invoices.c.until_at <= until).group_by(invoices.c.agreement))
    return {row.agreement: int(row.uses) for row in found}


def charged_over(tx: Tx, agreement: str, instant: str) -> list[dict[str, Any]]:
    """{from_at, events} of the charged and waived lines of an agreement whose period has an instant within it."""
    of = invoices.c
    query = _charging(of.from_at, lines.c.events).where(of.agreement == agreement, of.from_at < instant)
    return tx.rows(query.where(of.until_at > instant))


def _charging(*columns: Any) -> Any:
    join = select(*columns).join(lines, lines.c.invoice == invoices.c.id)
    return join.where(invoices.c.state != "VOIDED", or_(lines.c.amount_fen > 0, lines.c.state == WAIVED))


def charged_between(tx: Tx, seller: str, products: list[str], start: str, end: str) -> dict[str, int]:
    """Product -> fen that accepted and paid invoices of a seller charge whose periods lie within `start` and `end`."""
    query = (
        select(invoices.c.product, func.sum(invoices.c.gross_fen).label("fen"))
        .where(*_earned(seller, products), invoices.c.from_at >= start, invoices.c.until_at <= end)
        .group_by(invoices.c.product)
    )
    return {row.product: int(row.fen) for row in tx.all(query)}


def charged_across(tx: Tx, seller: str, products: list[str], start: str, end: str) -> list[dict[str, Any]]:
    """Those of which the period begins or ends outside, and has a part within."""
    begun, ends = invoices.c.from_at < start, invoices.c.until_at > end
    touching = (invoices.c.from_at < end, invoices.c.until_at > start, begun | ends)
    return tx.rows(select(invoices).where(*_earned(seller, products), *touching).order_by(invoices.c.id))


def _earned(seller: str, products: list[str]) -> tuple[Any, ...]:
    of = invoices.c
    return of.seller_party == seller, of.state.in_(("ACCEPTED", "PAID")), of.product.in_(products)


def billed_among(tx: Tx, events: list[str]) -> set[str]:
    found: set[str] = set()
    for start in range(0, len(events), 500):
        part = events[start : start + 500]
        found |= {row.id for row in tx.all(select(billed.c.id).where(billed.c.id.in_(part)))}
    return found


def billed_of(tx: Tx, invoice: str) -> list[str]:
    return [row.id for row in tx.all(select(billed.c.id).where(billed.c.invoice == invoice))]


def postings_of(tx: Tx, entry: str) -> list[dict[str, Any]]:
    return tx.rows(select(postings).where(postings.c.entry == entry).order_by(postings.c.number))


def ledger(tx: Tx, reference: str | None = None, window: Window = EVERY) -> list[dict[str, Any]]:
    """Entries with their postings, in order of time."""
    query = select(entries).order_by(entries.c.at, entries.c.id)
    if reference is not None:
        query = query.where(entries.c.reference == reference)
    found = tx.rows(window.of(query, entries.c.id))
    return [{**entry, "postings": postings_of(tx, entry["id"])} for entry in found]


def receipts_of(tx: Tx, invoice: str) -> list[dict[str, Any]]:
    """The payments of an invoice that were recorded on the seller's receipt, by nobody of this node."""
    of = (entries.c.reference == invoice) & (entries.c.kind == "payment") & (entries.c.made_by == "")
    return tx.rows(select(entries).where(of).order_by(entries.c.id))


def balances(tx: Tx) -> list[dict[str, Any]]:
    """The sums of every account by the state of their entries, those voided left out; its party where it is one's."""
    state, total, party = entries.c.state, func.sum(postings.c.amount_fen), postings.c.party
    whose = case((func.min(party) == func.max(party), func.max(party)), else_="")
    query = (
        select(postings.c.account, whose.label("party"), state, total.label("amount_fen"))
        .join(entries, entries.c.id == postings.c.entry)
        .where(state != "VOIDED")
        .group_by(postings.c.account, state)
        .order_by(postings.c.account)
    )
    return tx.rows(query)


def statements_of(tx: Tx, invoice: str | None = None, window: Window = EVERY) -> list[dict[str, Any]]:
    query = select(statements).order_by(statements.c.at, statements.c.id)
    if invoice is not None:
        query = query.where(statements.c.invoice == invoice)
    return tx.rows(window.of(query, statements.c.id))
