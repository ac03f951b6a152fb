"""The signed words in which the two sides of an invoice or a statement tell each other what became of it."""

from __future__ import annotations

from typing import Any

from datong.ground import outbox, signing
from datong.ground.db import Tx
from datong.ground.refusal import unless_unknown
from datong.register import service as register
from datong.register.model.values import Membership

OBJECTED, UPHELD = "objected", "upheld"
"""What a buyer says against an invoice that it accepted, and the seller's answer."""


def tell(tx: Tx, row: dict[str, Any], word: str, reason: str, key: str) -> dict[str, Any]:
    """Send the other side a signed word about an invoice, once per key; the word."""
    bare = {"invoice": row["id"], "digest": row["digest"], "word": word, "reason": reason, "at": tx.now}
    notice = signing.signed(tx, bare)
    outbox.send(tx, to=row["peer_node"], type=f"settle.{word}", body={"notice": notice}, key=key)
    return notice


KEPT = 100
"""So many signed words of an invoice are kept beside it, the newest; each said at another time is another."""


def kept(row: dict[str, Any], notice: dict[str, Any]) -> list[dict[str, Any]]:
    """The words on an invoice with this one after them, as it was signed; one that is there is not kept twice."""
    before = list(row["words"] or [])
    return before if notice in before else [*before, notice][-KEPT:]


def tell_payee(tx: Tx, row: dict[str, Any], amount_fen: int, reason: str, key: str) -> None:
    """Send the party of a statement the signed word that so much paid out on it came back, once per key; a party
    without a node is told by people."""
    bare = {"statement": row["id"], "digest": row["digest"], "amount_fen": amount_fen, "reason": reason, "at": tx.now}
    if node := node_of(tx, row["party"]):
        notice = signing.signed(tx, bare)
        outbox.send(tx, to=node, type="settle.payout_returned", body={"notice": notice}, key=f"{key}-told")


def node_of(tx: Tx, party: str) -> str:
    """The node of a party; "" where none is known here, or it was revoked: nothing reaches it any more."""
    node = unless_unknown(lambda: register.node_of_party(tx, party))
    return "" if node is None or node["state"] == Membership.revoked else str(node["code"])
