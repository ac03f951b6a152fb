"""What a transfer brought, handed to the products it is a supply of; safe to repeat.

Contract: tests/deliver/test_deliver_transfers.py, tests/wire/test_wire_http_data.py.
"""

from __future__ import annotations

from datong.compose import service as compose
from datong.deliver import store as rows
from datong.deliver.service import addresses, files
from datong.ground.db import Tx


def handed_to_compose(tx: Tx, pid: str) -> None:
    """Give what one transfer brought to the products it is a supply of."""
    for row in rows.rows(tx, rows.received, rows.received.c.transfer == pid, rows.received.c.state == "held"):
        files.there(tx.store, row["id"], row["path"])
        if addresses.is_supply(tx, row["agreement"]):
            compose.received_supply(
                tx, agreement=row["agreement"], resource=row["dataset"], path=row["path"], digest=row["digest"],
                rows=row["rows"],
            )  # fmt: skip
