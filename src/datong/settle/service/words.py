"""The signed words in which the two sides of an invoice tell each other what became of it."""

from __future__ import annotations

from typing import Any

from datong.ground import outbox, signing
from datong.ground.db import Tx


def tell(tx: Tx, row: dict[str, Any], word: str, reason: str, key: str) -> dict[str, Any]:
    """Send the other side a signed word about an invoice, once per key; the word."""
    bare = {"invoice": row["id"], "digest": row["digest"], "word": word, "reason": reason, "at": tx.now}
    notice = signing.signed(tx, bare)
    outbox.send(tx, to=row["peer_node"], type=f"settle.{word}", body={"notice": notice}, key=key)
    return notice
