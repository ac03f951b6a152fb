"""Deliver 交付: the one choke point before data, and everything that hangs on its answer.

Decisions, grants with their tokens and file addresses, shares, transfers, the end of a delivery with its proof.
Must never know: money, HTTP, the JSON-LD of peers. Contract: tests/deliver/.
"""
