"""settle 结算: it prices what `meter` counted and adds up: invoices, a double-entry ledger, the split, statements.

Integer fen; every entry balanced; pending, then posted or voided; corrections by reversal only.
Must never know: protocols, what was delivered. Contract: tests/settle/.
"""
