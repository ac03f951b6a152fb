"""Register (登记): parties, people, nodes; resources and products; registration cases; the one ledger (一本账).

Must never know: how data are processed, priced or delivered. Contract: tests/register/.
"""
