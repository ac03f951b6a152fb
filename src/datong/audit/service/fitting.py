"""Whether the records behind an invoice line belong together: each may be proven, and still be another's.

    amount = fee of the contract x uses; each use of that contract, in the period, on no other line; allowed by the
    decision it names; delivered from a version of that product; the contract signed by both.

Contract: tests/audit/test_audit_walk.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Any

from datong.audit import rules, store
from datong.audit.model import Fault, Problem
from datong.ground import signing
from datong.ground.db import Tx
from datong.negotiate import service as negotiate

Row = dict[str, Any]


def every_line(tx: Tx, spoilt: AbstractSet[tuple[str, str]]) -> list[Problem]:
    """What does not fit, over the invoice lines of this node whose invoice and contract are not (table, id) of
    records that were found changed."""
    found: list[Problem] = []
    for line in store.rows_of(tx, "invoice_line"):
        invoice = store.row(tx, "invoice", str(line["invoice"])) or {}
        behind = {("invoice_line", line["id"]), ("invoice", line["invoice"]), ("agreement", invoice.get("agreement"))}
        if not behind & spoilt:
            found += misfits(tx, line)
    return found


def misfits(tx: Tx, line: Row) -> list[Problem]:
    """What does not fit behind one line, as far as its records are at this node; a record that is gone is named."""
    try:
        return list(_misfits(tx, line))
    except (ValueError, TypeError, LookupError, AttributeError) as fault:  # a value of a wrong kind, put there by hand
        return [Problem(Fault.chain_unfit, "invoice line", "invoice_line", str(line["id"]), detail=str(fault)[:200])]


def _misfits(tx: Tx, line: Row) -> Iterator[Problem]:
    invoice = store.row(tx, "invoice", str(line["invoice"]))
    contract = store.row(tx, "agreement", str(invoice["agreement"])) if invoice else None
    if invoice is None or contract is None:
        yield Problem(Fault.chain_broken, "invoice line", "invoice_line", str(line["id"]))
        return
    yield from rules.invoice_problems(invoice, store.rows_of(tx, "invoice_line", invoice=invoice["id"]), contract)
    yield from rules.line_problems(line, invoice, contract)
    yield from unsigned(contract)
    if contract["provider"] != signing.me(tx).code:
        return  # the uses are the seller's records
    for key in line["events"]:
        event = store.row(tx, "usage_event", str(key))
        if event is None:
            yield Problem(Fault.chain_broken, "usage event", "usage_event", str(key))
            continue
        yield from rules.event_problems(event, line, invoice)
        yield from _billed_elsewhere(tx, event, invoice)
        yield from _delivered(tx, event, contract)


def unsigned(contract: Row) -> Iterator[Problem]:
    """A contract whose content is not what both parties signed."""
    if not negotiate.signed_by_both(contract):
        detail = "it is not validly signed by both parties"
        yield Problem(Fault.chain_unfit, "agreement", "agreement", str(contract["id"]), detail=detail)


def _billed_elsewhere(tx: Tx, event: Row, invoice: Row) -> Iterator[Problem]:
    billed = store.row(tx, "billed_event", str(event["id"]))
    if invoice["state"] != "VOIDED":
        by = billed["invoice"] if billed else "none"
        credit = invoice["gross_fen"] < 0  # a credit note takes back what its invoice bills
        bills = invoice["value"]["credits"] if credit else invoice["id"]
        yield from rules.unfit("usage event", "usage_event", event["id"], invoice=(by, bills))


def _delivered(tx: Tx, event: Row, contract: Row) -> Iterator[Problem]:
    decision = store.row(tx, "decision", str(event["decision"].get("id", "")))
    if decision is None:
        yield Problem(Fault.chain_broken, "decision", "decision", str(event["decision"].get("id", "")))
    else:
        yield from rules.decision_problems(decision, event, contract)
    for row in store.rows_of(tx, "file_set", event=event["id"]):
        shared = store.row(tx, "share_table", str(row["share_table"]))
        if shared is None:
            continue  # the walk names it
        of = (shared["agreement"], contract["id"])
        yield from rules.unfit("share table", "share_table", shared["id"], agreement=of)
        version = store.row(tx, "compose_product_version", str(shared["source"].get("version", "")))
        if version is not None:
            yield from rules.unfit(
                "product version", "compose_product_version", version["id"],
                product=(version["product"], contract["dataset"]),
            )  # fmt: skip
