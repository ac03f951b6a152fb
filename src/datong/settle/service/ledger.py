"""The double-entry ledger of one party: entries are balanced before they are written and never changed but in
state; a correction is a reversal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from datong.ground import evidence, signing
from datong.ground.canonical import hexdigest
from datong.ground.db import Tx, Window
from datong.settle import rules, store
from datong.settle.model import NOT_NOW, NOT_REVERSIBLE, REFERENCE, UNKNOWN, EntryState, InvoiceState, Posting
from datong.settle.service import words
from datong.terms.roles import Role
from datong.terms.verbs import verb, view

PAID_IN, PAID_OUT, REFUNDS = ("payment", "refund"), ("payout", "payout_refund"), ("refund", "payout_refund")
"""Kinds of entries of money that moved on an invoice, on a statement, and back on either."""


def post(
    tx: Tx, *, key: str, kind: str, reference: str, narration: str, postings: Sequence[Posting],
    state: EntryState = EntryState.POSTED, reverses: str | None = None,
) -> str:  # fmt: skip
    """Write a balanced entry under `key`, once; the same key again changes nothing. TRD-407 when unbalanced."""
    if tx.get(store.entries, key) is not None:
        return key
    kept = rules.balanced(postings, narration, narration)
    tx.add(
        store.entries,
        {
            "id": key, "kind": kind, "reference": reference, "narration": narration, "state": state.value,
            "reverses": reverses, "made_by": tx.actor.person, "at": tx.now,
        },
    )  # fmt: skip
    evidence.append(tx, "settle.entry_made", store.entries, key, kind=kind, state=state.value, postings=len(kept))
    for number, posting in enumerate(kept, 1):
        row = asdict(posting)
        posting_id = f"{key}-{number}"
        tx.add(store.postings, {"id": posting_id, "entry": key, "number": number, **row})
        evidence.append(tx, "settle.posting_made", store.postings, posting_id, **row)
    return key


def key_of_payment(tx: Tx, kind: str, of: str, reference: str, amount_fen: int) -> tuple[str, bool]:
    """(the key of the entry, whether it stands already) of money moved on an invoice or statement under a bank
    reference. A reversed entry does not stand: its reference is free again. TRD-413 when there is no reference, or it
    stands for another amount."""
    if not reference:
        raise REFERENCE(why="没有银行流水号。", why_en="It has no bank reference.")
    key, times = f"{kind}-{hexdigest([of, reference])[:32]}", 0
    while tx.get(store.entries, _reversal(key)) is not None:
        times += 1
        key = f"{kind}-{hexdigest([of, reference, times])[:32]}"
    if tx.get(store.entries, key) is None:
        return key, False
    if (recorded := _amount(tx, key)) != abs(amount_fen):
        raise REFERENCE(
            why=f"该流水号已登记 {recorded} 分（分录 {key}），与 {amount_fen} 分不同。",
            why_en=f"Its reference is recorded with {recorded} fen (entry {key}), not {amount_fen}.",
        )
    return key, True


def _amount(tx: Tx, entry: str) -> int:
    """What an entry moves: its debits."""
    return sum(max(0, posting["amount_fen"]) for posting in store.postings_of(tx, entry))


def conclude(tx: Tx, key: str, state: EntryState) -> None:
    """Post or void a pending entry; once only, a repetition of the same is nothing."""
    entry = tx.get(store.entries, key)
    if entry is None or entry["state"] == state:
        return
    if entry["state"] != EntryState.PENDING:
        raise NOT_NOW(thing=key, deed=state.value, state=entry["state"], open="—")
    tx.change(store.entries, key, state=state.value)
    evidence.append(tx, f"settle.entry_{state.value.lower()}", store.entries, key)


@verb(Role.finance, longest={"reason": 390})
def reverse_entry(tx: Tx, *, entry: str, reason: str) -> dict[str, Any]:
    """Correct a posted payment or payout by its reversal; the entry itself stays, and what was paid on its invoice or
    statement goes down with it; a buyer that had the receipt is told, and so is whom a payout was for. A charge is
    undone by voiding its invoice."""
    row = tx.get(store.entries, entry)
    if row is None:
        raise UNKNOWN(thing=entry)
    if row["state"] != EntryState.POSTED or row["reverses"]:
        raise NOT_NOW(thing=entry, deed="reverse", state=row["state"], open="—")
    if row["kind"] not in (*PAID_IN, *PAID_OUT):
        raise NOT_REVERSIBLE(entry=entry, kind=row["kind"])
    return take_back(tx, row, reason)


def take_back(tx: Tx, row: dict[str, Any], reason: str) -> dict[str, Any]:
    """Reverse a payment or payout, once, and lower what is paid on the invoice or statement that it speaks of."""
    if tx.get(store.entries, _reversal(row["id"])) is None:
        _lower(tx, row, reason)
    return reverse(tx, row["id"], reason)


def _lower(tx: Tx, row: dict[str, Any], reason: str) -> None:
    amount = _amount(tx, row["id"]) * (-1 if row["kind"] in REFUNDS else 1)
    of = store.invoices if row["kind"] in PAID_IN else store.statements
    paid = tx.get(of, row["reference"])
    if paid is None:
        raise UNKNOWN(thing=row["reference"])
    values: dict[str, Any] = {"paid_fen": paid["paid_fen"] - amount}
    if row["kind"] in PAID_IN and rules.due({**paid, **values}) > 0:  # what was credited is not due again
        values["state"] = rules.moved(paid["id"], paid["state"], "reverse").value
    receipted = row["kind"] == "payment" and paid["state"] == InvoiceState.PAID
    if receipted and paid["seller_party"] == signing.me(tx).party:
        values["words"] = words.kept(paid, words.tell(tx, paid, "unpaid", reason[:400], _reversal(row["id"])))
    tx.change(of, paid["id"], **values)
    evidence.append(tx, "settle.payment_reversed", of, paid["id"], amount_fen=amount, entry=row["id"])
    if row["kind"] == "payout" and paid["direction"] == "sent":
        words.tell_payee(tx, paid, amount, reason[:400], _reversal(row["id"]))


def reverse(tx: Tx, entry: str, reason: str) -> dict[str, Any]:
    """Post the reversal of a posted entry, once."""
    row = tx.get(store.entries, entry)
    assert row is not None
    old = [Posting(p["account"], p["party"], p["amount_fen"], p["payee"]) for p in store.postings_of(tx, entry)]
    key = _reversal(entry)
    post(
        tx, key=key, kind="reversal", reference=row["reference"], narration=f"reversal: {reason}"[:400],
        postings=rules.reversed_postings(old), reverses=entry,
    )  # fmt: skip
    return {**(tx.get(store.entries, key) or {}), "postings": store.postings_of(tx, key)}


def _reversal(entry: str) -> str:
    return f"{entry[:76]}-rev"


@view(Role.finance)
def ledger(
    tx: Tx, *, reference: str | None = None, id: str = "", limit: int | None = None, offset: int = 0
) -> list[dict[str, Any]]:
    """The entries of this party's ledger with their postings; `reference`: an invoice or statement.

    id: one alone. limit, offset: how many, after how many.
    """
    return store.ledger(tx, reference, Window(id, limit, offset))


@view(Role.finance)
def balances(tx: Tx) -> list[dict[str, Any]]:
    """The balance of every account, posted and pending (fen, debit positive)."""
    found: dict[str, dict[str, Any]] = {}
    for sums in store.balances(tx):
        side = "posted_fen" if sums["state"] == EntryState.POSTED else "pending_fen"
        empty = {"account": sums["account"], "party": sums["party"], "posted_fen": 0, "pending_fen": 0}
        found.setdefault(sums["account"], empty)[side] += int(sums["amount_fen"])
    return [found[account] for account in sorted(found)]


@view(Role.finance)
def export_beancount(tx: Tx) -> dict[str, Any]:
    """The ledger as beancount text, so that a second program can check every balance."""
    return {"name": "ledger.beancount", "text": rules.beancount(signing.me(tx).party, store.ledger(tx))}
