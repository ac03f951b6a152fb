"""What waits for a deed of this node in the room: keys by the view that lists them, the longest waiting first.

Whose deed, by role, is asked where it is shown. Contract: tests/web/test_overview.py.
"""

from __future__ import annotations

from sqlalchemy import and_, or_

from datong.ground import signing
from datong.ground.db import Tx
from datong.settle import store
from datong.settle.model import InvoiceState


def due(tx: Tx, most: int) -> dict[str, list[str]]:
    """Invoices to accept, to pay or to pay back, and shares of others that are not paid out, or paid out and then
    credited, at most so many of each."""
    bills, shares = store.invoices.c, store.statements.c
    bought = bills.state.in_((InvoiceState.RECEIVED, InvoiceState.DISPUTED))
    over = and_(
        bills.state == InvoiceState.PAID, bills.gross_fen > 0, bills.paid_fen + bills.credited_fen > bills.gross_fen
    )
    billed = or_(and_(bought, bills.buyer_party == signing.me(tx).party), bills.state == InvoiceState.ACCEPTED, over)
    owed = and_(
        shares.direction != "own", shares.gross_fen > 0, shares.paid_fen != shares.share_fen - shares.credited_fen
    )
    return {
        "settle.invoices": tx.longest(store.invoices, "issued_at", billed, most),
        "settle.statements": tx.longest(store.statements, "at", owed, most),
    }
