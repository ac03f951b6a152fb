"""The verbs of settle, by subject; other rooms say `from datong.settle import service as settle`.

ledger      double entry: post, void, reverse; balances; the beancount export
invoices    from metered events to an invoice, its acceptance, void and payment, both sides
disputing   what a buyer says against an invoice, accepted or not, and the seller's answer
crediting   credit notes: what an accepted invoice billed wrongly, taken back by both sides
earnings    an operator's revenue against what it may earn
statements  what each party of the split is owed, sent and checked
"""

from datong.settle.service.crediting import credit_invoice, received_credit
from datong.settle.service.disputing import (
    dispute_invoice,
    received_disputed,
    received_objected,
    received_upheld,
)
from datong.settle.service.due import due
from datong.settle.service.earnings import earnings
from datong.settle.service.invoices import (
    accept_invoice,
    invoice,
    invoice_shown,
    invoices,
    received_accepted,
    received_invoice,
    received_paid,
    received_unpaid,
    received_voided,
    record_payment,
    void_invoice,
)
from datong.settle.service.ledger import balances, export_beancount, ledger, reverse_entry
from datong.settle.service.statements import (
    received_payout_returned,
    received_statement,
    record_payout,
    settlement,
    statements,
)

__all__ = [
    "accept_invoice",
    "balances",
    "credit_invoice",
    "dispute_invoice",
    "due",
    "earnings",
    "export_beancount",
    "invoice",
    "invoice_shown",
    "invoices",
    "ledger",
    "received_accepted",
    "received_credit",
    "received_disputed",
    "received_invoice",
    "received_objected",
    "received_paid",
    "received_payout_returned",
    "received_statement",
    "received_unpaid",
    "received_upheld",
    "received_voided",
    "record_payment",
    "record_payout",
    "reverse_entry",
    "settlement",
    "statements",
    "void_invoice",
]
