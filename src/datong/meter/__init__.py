"""meter 计量: what was used, counted in the transaction that grants it, each event in exactly one state.

Must never know: invoices, protocols, how bytes are served. Contract: tests/meter/.
"""
