"""What waits for a deed of this node in the room: keys by the view that lists them, the longest waiting first.

Whose deed, by role, is asked where it is shown. Contract: tests/web/test_overview.py.
"""

from __future__ import annotations

from sqlalchemy import and_, or_

from datong.ground import clock, signing
from datong.ground.db import Tx
from datong.meter import service as meter
from datong.negotiate import service as negotiate
from datong.settle import rules, store
from datong.settle.model import InvoiceState
from datong.settle.service.disputing import objected_to


def due(tx: Tx, most: int) -> dict[str, list[str]]:
    """Invoices to accept, to pay or to pay back, or that the buyer disputes and this seller has not answered; shares of
    others that are not paid out, or paid out and then credited; contracts of which uses of a month that is over are to
    be charged and not invoiced; at most so many of each."""
    bills, shares = store.invoices.c, store.statements.c
    bought = bills.state.in_((InvoiceState.RECEIVED, InvoiceState.DISPUTED))
    over = and_(
        bills.state == InvoiceState.PAID, bills.gross_fen > 0, bills.paid_fen + bills.credited_fen > bills.gross_fen
    )
    disputed = or_(
        and_(bills.state == InvoiceState.DISPUTED, bills.seller_party == signing.me(tx).party),
        bills.id.in_(objected_to(tx)),
    )
    billed = or_(
        and_(bought, bills.buyer_party == signing.me(tx).party), bills.state == InvoiceState.ACCEPTED, over, disputed
    )
    owed = and_(
        shares.direction != "own", shares.gross_fen > 0, shares.paid_fen != shares.share_fen - shares.credited_fen
    )
    return {
        "negotiate.agreements": _unbilled(tx)[:most],
        "settle.invoices": tx.longest(store.invoices, "issued_at", billed, most),
        "settle.statements": tx.longest(store.statements, "at", owed, most),
    }


def _unbilled(tx: Tx) -> list[str]:
    """The contracts this party sells under of which uses before this month (Beijing time) are to be charged and stand
    on no invoice, the longest waiting first."""
    month = clock.text(rules.period_bounds(tx.business_now.astimezone(rules.CHINA).strftime("%Y-%m"))[0])
    billed, found = store.charged_until(tx, month), []
    for agreement, uses in meter.charged_before(tx, month).items():
        left = uses - billed.get(agreement, 0)
        for row in store.charged_over(tx, agreement, month) if left else ():  # of these lines only the uses before it
            within = meter.events_between(tx, agreement=agreement, start=row["from_at"], end=month)
            left -= len({event["id"] for event in within}.intersection(row["events"]))
        if left > 0 and negotiate.agreement(tx, agreement)["provider_party"] == signing.me(tx).party:
            found.append(agreement)
    return found
