"""The outbox and the inbox: messages to other nodes as jobs, messages from them done once.

`send` adds the job "node.send" in the transaction of the change that caused the message; `app` registers the
handler that signs and posts it. `first_time` remembers a message by its id and digest, so that a repeated
delivery is answered as before and an id reused for other content is refused. `fresh_token` remembers request
tokens until they expire, so that a recorded request cannot be played again.
Must never know: what a message means. Contract: tests/ground/test_outbox.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Column, String, bindparam, delete

from datong.ground import clock, jobs
from datong.ground.canonical import digest, digest_bytes
from datong.ground.db import Instant, Tx, new_id, table
from datong.ground.prepared import Prepared
from datong.ground.refusal import Kind, Reason, Text

SEND = "node.send"

REUSED_ID = Reason(
    "MSG-409",
    Kind.conflict,
    Text("消息 {id} 未被接受。", "Message {id} was not accepted."),
    Text("该编号已用于内容不同的消息。", "Its id was already used for a message with other content."),
    Text("请用新的编号重新发送。", "Send it again under a new id."),
)
REPLAYED = Reason(
    "MSG-401",
    Kind.denied,
    Text("请求未被接受。", "The request was not accepted."),
    Text("其令牌已被使用过，可能是重放。", "Its token was used before; it may be a replay."),
    Text("请为每次请求签发新的令牌。", "Issue a new token for every request."),
)

inbox = table(
    "inbox",
    Column("sender", String(40), nullable=False),
    Column("type", String(60), nullable=False),
    Column("digest", String(80), nullable=False),
    Column("at", Instant, nullable=False),
)
seen_tokens = table("seen_token", Column("until", Instant, nullable=False, index=True))


def send(tx: Tx, *, to: str, type: str, body: Mapping[str, Any], key: str | None = None) -> str:
    """Post `body` as a message of `type` to the node `to` after this transaction; returns the message id.

    Messages to one node go in the order in which they were sent. With `key` the same message is never queued twice.
    """
    message_id = key or new_id("msg")
    message = {"id": message_id, "to": to, "type": type, "body": dict(body)}
    return jobs.enqueue(tx, SEND, message, key=message_id, lane=f"{SEND}/{to}"[:80])


def first_time(tx: Tx, message_id: str, sender: str, type: str, body: Any) -> bool:
    """True and remembered when this message was not seen before; False for a repetition of the same one."""
    row_id = digest_bytes(f"{sender}/{message_id}".encode())  # never cut: long ids may differ only at the end
    known = tx.get(inbox, row_id)
    content = digest([type, body])
    if known is None:
        row = {"id": row_id, "sender": sender, "type": type, "digest": content, "at": tx.wall}
        tx.add(inbox, row)
        return True
    if known["digest"] != content:
        raise REUSED_ID(id=message_id)
    return False


def fresh_token(tx: Tx, token_id: str, until: datetime) -> None:
    """Remember a request token; REPLAYED when it was seen before."""
    _FORGET_TOKENS.changed(tx.conn, {"moment": tx.wall})
    row_id = digest_bytes(token_id.encode("utf-8", "surrogatepass"))
    if tx.get(seen_tokens, row_id) is not None:
        raise REPLAYED()
    tx.add(seen_tokens, {"id": row_id, "until": clock.text(until)})


_FORGET_TOKENS = Prepared(delete(seen_tokens).where(seen_tokens.c.until < bindparam("moment")))
