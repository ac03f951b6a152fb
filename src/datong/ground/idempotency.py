"""A request with an `Idempotency-Key` is done once: repeated, it gets the first answer.

The key row stands in the same transaction as the change, and keys never lapse. The same key with other
parameters is refused. An answer may hold a secret shown once (a token, a login link), so it is kept sealed
under a key derived from the idempotency key, which only the caller has: use random keys.
Must never know: what was asked. Contract: tests/ground/test_idempotency.py.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from typing import Any

from sqlalchemy import Column, LargeBinary, String

from datong.ground.canonical import digest, digest_bytes, plain
from datong.ground.crypto import hashing, sealing
from datong.ground.crypto.profile import running
from datong.ground.db import Instant, Tx, table
from datong.ground.refusal import Kind, Reason, Text

NONCE_BYTES = 12

OTHER_REQUEST = Reason(
    "GEN-409",
    Kind.conflict,
    Text("请求未执行。", "The request was not done."),
    Text(
        "同一张表单（同一个幂等键）此前已执行过一次，内容与这次不同；例如在浏览器中后退、修改后再次提交。",
        "The same form (the same idempotency key) was done once before with other content: after the browser's back "
        "button, say.",
    ),
    Text(
        "请先核对上次的结果；若这次的内容也要执行，请在重新打开的表单中提交（程序请使用新的键）。",
        "Look at what was done then; to do this as well, send it from a form opened anew (a program: under a new key).",
    ),
)

requests = table(
    "idempotent_request",
    Column("person", String(80), nullable=False),
    Column("request_digest", String(80), nullable=False),
    Column("seal", String(20), nullable=False),
    Column("answer", LargeBinary, nullable=False),
    Column("at", Instant, nullable=False),
)


def once(tx: Tx, key: str, request: Any, call: Callable[[], Any]) -> Any:
    """`call()`, or the answer it gave the first time this person sent `key` with the same `request`."""
    row_id, asked = digest_bytes(f"{tx.actor.person}/{key}".encode()), digest(request)
    if (known := tx.get(requests, row_id)) is not None:
        return _again(known, asked, key)
    answer = plain(call())
    if (known := tx.get(requests, row_id)) is not None:  # sent again while the first took long
        return _again(known, asked, key)
    tx.add(
        requests,
        {
            "id": row_id, "person": tx.actor.person, "request_digest": asked, "seal": running().seal,
            "answer": _sealed(key, row_id, answer), "at": tx.wall,
        },
    )  # fmt: skip
    return answer


def answered(tx: Tx, key: str) -> Any:
    """What this person was answered under `key`; None where nothing was done under it. Nothing is done now."""
    row_id = digest_bytes(f"{tx.actor.person}/{key}".encode())
    known = tx.get(requests, row_id)
    return None if known is None else _opened(known["seal"], key, row_id, known["answer"])


def _again(known: dict[str, Any], asked: str, key: str) -> Any:
    if known["request_digest"] != asked:
        raise OTHER_REQUEST()
    return _opened(known["seal"], key, known["id"], known["answer"])


def _key(seal: str, key: str) -> bytes:
    return hashing.mac(b"datong idempotency 1", key.encode())[: sealing.KEY_BYTES[seal]]


def _sealed(key: str, row_id: str, answer: Any) -> bytes:
    nonce, seal = secrets.token_bytes(NONCE_BYTES), running().seal
    told = json.dumps(answer, ensure_ascii=False).encode()
    return nonce + sealing.sealed(seal, _key(seal, key), nonce, told, row_id.encode())


def _opened(seal: str, key: str, row_id: str, data: bytes) -> Any:
    nonce, told = data[:NONCE_BYTES], data[NONCE_BYTES:]
    return json.loads(sealing.opened(seal, _key(seal, key), nonce, told, row_id.encode()))
