"""The wires: protocols by which nodes and clients speak, side by side, over one guarded HTTP client.

Only here are JSON-LD, NDJSON and HTTP statuses of peers known. Must never know: business decisions (those
are the rooms'). Contract: tests/wire/.
"""
