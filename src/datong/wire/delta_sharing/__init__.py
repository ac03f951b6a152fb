"""Delta Sharing (PROTOCOL.md at 5c1b002): the server behind our shares, and a small client for our own pulls.

Hints of a query are only hints; what a consumer may see is in the files themselves. Every answer with file
addresses goes through the one choke point in deliver. Must never know: why something is allowed.
Contract: tests/wire/test_delta_sharing_server.py, _client.py and _stock.py (the stock client).
"""

from datong.wire.delta_sharing.client import fetch_tables
from datong.wire.delta_sharing.server import PREFIX, routes

__all__ = ["PREFIX", "fetch_tables", "routes"]
