"""Dataspace Protocol 2025-1 over HTTPS: catalogue, negotiation, transfer, version metadata, both sides.

    messages   the official schemas, checking in and out, error bodies
    forms      our values as messages and back
    routes     what a node answers          sending    jobs that speak to counterparties
    catalogue  pages of the catalogue       versions   /.well-known/dspace-version, ours and theirs

Messages are compact JSON throughout (reference: the specification's HTTPS binding). Own properties:
`datong:terms`, `datong:contract`, `datong:signatures`, `datong:inherit`; a peer may ignore them.
Must never know: whether to agree, whom to serve (those are negotiate's, catalogue's and deliver's).
Contract: tests/wire/test_wire_dsp_*.py.
"""
