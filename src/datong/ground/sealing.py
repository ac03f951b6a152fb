"""Texts kept so that the store alone does not tell them: sealed under a key only this node can make.

A sealed text is "AES-256-GCM:<base64url of nonce and ciphertext>", bound to what it belongs to. The key is derived
from the node's private key (HKDF) for one purpose and never kept. Must never know: what is sealed.
Contract: tests/ground/test_sealing.py.
"""

from __future__ import annotations

import json
import secrets
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from datong.ground import signing
from datong.ground.db import Tx
from datong.ground.keys import b64, unb64

ALGORITHM = "AES-256-GCM"
NONCE_BYTES = 12


def sealed(tx: Tx, purpose: str, of: str, value: Any) -> str:
    """`value` (JSON) sealed for `purpose`, bound to the id `of`."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    data = json.dumps(value, ensure_ascii=False).encode()
    return f"{ALGORITHM}:{b64(nonce + _cipher(tx, purpose).encrypt(nonce, data, of.encode()))}"


def opened(tx: Tx, purpose: str, of: str, text: str) -> Any:
    """The value of a sealed text; ValueError when it was changed, moved to another id, or sealed by another node."""
    algorithm, _, value = text.partition(":")
    if algorithm != ALGORITHM:
        raise ValueError(f"sealed with {algorithm!r}, which is not known here")
    data = unb64(value)
    try:
        return json.loads(_cipher(tx, purpose).decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], of.encode()))
    except InvalidTag as broken:
        raise ValueError("it was changed, moved, or sealed by another node") from broken


def _cipher(tx: Tx, purpose: str) -> AESGCM:
    return AESGCM(signing.node_key(tx).secret(f"sealed {purpose}"))
