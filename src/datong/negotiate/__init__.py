"""Negotiation and the digital contract (数字合约): one state machine, one policy model, agreements signed by both.

A contract is the order: what is delivered, metered and settled leans on it by id. The counterparty is reached
through jobs of kind "dsp.send", whose handler `app` takes from `wire.dsp`.
Must never know: HTTP, JSON-LD. Contract: tests/negotiate/, and on the wire tests/wire/test_wire_dsp_*.py.
"""
