"""Addresses a start brought: where to pull from, with a live token, kept until used, shown or ended.

Rows without a leaf, because they hold a secret and are deleted. An address for the node itself queues the pull.
Contract: tests/deliver/test_deliver_transfers.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from datong.compose import service as compose
from datong.deliver import store as rows
from datong.deliver.model import HTTP_PUSH, Address
from datong.ground import jobs
from datong.ground.canonical import hexdigest
from datong.ground.db import Tx

FETCH = "deliver.fetch"


def is_supply(tx: Tx, agreement: str) -> bool:
    """True when what the agreement delivers goes into a product composed at this node."""
    return any(s["agreement"] == agreement for row in compose.partitions(tx) for s in row["supplies"])


def keep_address(tx: Tx, process: Mapping[str, Any], address: Address) -> None:
    """Keep where to pull from, in place of an earlier address; queue the pull when it goes into the node."""
    forget_address(tx, process["id"])
    tx.add(
        rows.addresses,
        {"id": process["id"], "endpoint": address.endpoint, "token": address.token, "expires": address.expires,
         "share": address.share},
    )  # fmt: skip
    fetch(tx, process, key="fetch-" + hexdigest([process["id"], address.token]))


def fetch(tx: Tx, process: Mapping[str, Any], key: str | None = None) -> None:
    """Queue the pull of a started transfer, also of one that was suspended before its pull was done."""
    if process["into"] == "node" and process["format"] != HTTP_PUSH:  # of a push the address is our own
        jobs.enqueue(tx, FETCH, {"transfer": process["id"]}, key=key)


def forget_address(tx: Tx, pid: str) -> None:
    tx.execute(rows.addresses.delete().where(rows.addresses.c.id == pid))


def address_of(tx: Tx, pid: str) -> Address | None:
    row = tx.get(rows.addresses, pid)
    return None if row is None else Address(row["endpoint"], row["token"], row["expires"], row["share"])
