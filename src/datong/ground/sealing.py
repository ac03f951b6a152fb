"""Texts kept so that the store alone does not tell them: sealed under a key only this node can make.

A sealed text is "AES-256-GCM:<base64url of nonce and ciphertext>" ("SM4-GCM:…" on a node of profile guomi), bound to
what it belongs to. The key is derived from the node's private key (HKDF) for one purpose and never kept. Must never
know: what is sealed.
Contract: tests/ground/test_sealing.py.
"""

from __future__ import annotations

import json
import secrets
from typing import Any

from datong.ground import signing
from datong.ground.crypto import sealing
from datong.ground.crypto.profile import running
from datong.ground.db import Tx
from datong.ground.keys import b64, unb64

NONCE_BYTES = 12


def sealed(tx: Tx, purpose: str, of: str, value: Any) -> str:
    """`value` (JSON) sealed for `purpose`, bound to the id `of`."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    data = json.dumps(value, ensure_ascii=False).encode()
    seal = running().seal
    return f"{seal}:{b64(nonce + sealing.sealed(seal, _key(tx, purpose, seal), nonce, data, of.encode()))}"


def opened(tx: Tx, purpose: str, of: str, text: str) -> Any:
    """The value of a sealed text; ValueError when it was changed, moved to another id, or sealed by another node."""
    seal, _, value = text.partition(":")
    if seal not in sealing.KEY_BYTES:
        raise ValueError(f"sealed with {seal[:20]!r}, which is not known here")
    data = unb64(value)
    try:
        key, nonce = _key(tx, purpose, seal), data[:NONCE_BYTES]
        return json.loads(sealing.opened(seal, key, nonce, data[NONCE_BYTES:], of.encode()))
    except sealing.Fault as broken:
        raise ValueError("it was changed, moved, or sealed by another node") from broken


def _key(tx: Tx, purpose: str, seal: str) -> bytes:
    return signing.node_key(tx).secret(f"sealed {purpose}")[: sealing.KEY_BYTES[seal]]
