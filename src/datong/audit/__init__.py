"""Audit (审计): proofs and reports, for people who need not trust the operator.

Reads the stores of the rooms below through the one log all of them write: `verify` recomputes everything,
`export_bundle` hands the same proof to somebody outside, `walk` leads from an invoice line back to its sources.
Changes nothing. Must never know: protocols, the web. Contract: tests/audit/ and tools/verify_evidence.py.
"""
