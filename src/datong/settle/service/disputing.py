"""What a buyer says against an invoice: before it is accepted a dispute, after it an objection.

An accepted invoice stands, and what is due on it is due: an objection asks for a credit note, and says why. It waits on
the seller's finance until that issues one or says in its turn why the invoice stands; both keep each word as signed.
Messages: settle.disputed, settle.objected (buyer -> seller), settle.upheld (seller -> buyer).
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from datong.ground import evidence, signing
from datong.ground.canonical import hexdigest
from datong.ground.db import Tx
from datong.settle import rules, store
from datong.settle.model import NOTHING_LEFT, OBJECTED_ALREADY, InvoiceState
from datong.settle.service import words
from datong.settle.service.invoices import invoice_shown, known, move, objection, require_party, say, word_of
from datong.terms.roles import Role
from datong.terms.verbs import verb


@verb(Role.finance)
def dispute_invoice(tx: Tx, *, invoice: str, reason: str) -> dict[str, Any]:
    """Dispute an invoice as buyer, with the reason, of which the seller is told: before it is accepted for it to be
    voided, after it for a credit note. The seller says in the same way why an accepted one stands.

    An accepted invoice stays due until a credit note of it is accepted. Refuses: TRD-403 (a seller to whom nobody
    objects), TRD-409, TRD-540 (nothing on it, or nothing left, is to be credited), TRD-541 (an objection is open).
    """
    row = known(tx, invoice)
    accepted, said = row["state"] in rules.CHARGED_AT_BUYER, objection(tx, row)
    if accepted and said and row["seller_party"] == signing.me(tx).party:
        _answer(tx, row, words.UPHELD, reason)
        return invoice_shown(tx, invoice=invoice)
    require_party(tx, row["buyer_party"], "dispute")
    if not accepted:
        say(tx, row, "dispute", "disputed", reason)
    elif row["gross_fen"] <= row["credited_fen"]:
        raise NOTHING_LEFT(invoice=invoice)
    elif said:
        raise OBJECTED_ALREADY(invoice=invoice)
    else:
        _answer(tx, row, words.OBJECTED, reason)
    return invoice_shown(tx, invoice=invoice)


def _answer(tx: Tx, row: dict[str, Any], word: str, reason: str) -> None:
    """Tell the other side of an accepted invoice, signed; it stays as it is."""
    key = f"{word}-{hexdigest([row['id'], reason, tx.now])[:32]}"
    _keep(tx, row, words.tell(tx, row, word, reason, key))


def _keep(tx: Tx, row: dict[str, Any], notice: dict[str, Any]) -> None:
    tx.change(store.invoices, row["id"], reason=notice["reason"][:500], words=words.kept(row, notice))
    evidence.append(tx, f"settle.invoice_{notice['word']}", store.invoices, row["id"], state=row["state"])


def received_disputed(tx: Tx, *, sender: str, body: dict[str, Any]) -> None:
    """settle.disputed: the buyer's signed objection to what it did not accept; the entry stays pending."""
    row, word = word_of(tx, sender, body, "disputed", "buyer_party")
    if row["state"] == InvoiceState.ISSUED:
        move(tx, row, rules.moved(row["id"], row["state"], "disputed"), "disputed", reason=word["reason"][:500],
             words=words.kept(row, word))  # fmt: skip


def received_objected(tx: Tx, *, sender: str, body: dict[str, Any]) -> None:
    """settle.objected: the buyer asks for a credit note of what it accepted, and says why; it is kept, nothing moves.
    While one is open another says nothing new: it would push out of what is kept what was said before."""
    row, word = word_of(tx, sender, body, words.OBJECTED, "buyer_party")
    if row["state"] in rules.CHARGED_AT_BUYER and not objection(tx, row):
        _keep(tx, row, word)


def received_upheld(tx: Tx, *, sender: str, body: dict[str, Any]) -> None:
    """settle.upheld: the seller says why what was objected to stands; it is kept, and nothing moves."""
    row, word = word_of(tx, sender, body, words.UPHELD, "seller_party")
    if row["state"] in rules.CHARGED_AT_BUYER and objection(tx, row):
        _keep(tx, row, word)


def objected_to(tx: Tx) -> list[str]:
    """The invoices of this seller to which an objection is open."""
    found = tx.rows(select(store.invoices).where(*store.spoken_of(signing.me(tx).party)))
    return [row["id"] for row in found if objection(tx, row)]
