"""Keys of treatments: one for each (agreement, domain, purpose, use), all from one secret of 32 bytes.

HKDF (RFC 5869) with the node's digest: from one derived key nothing follows about another or about the root, so tokens
of two agreements, purposes or columns cannot be linked. Destroy the root and no token can be made again.
Must never know: where a root is kept. Contract: tests/deidentify/treatments/test_treatments_tokens.py.
"""

from __future__ import annotations

from datong.ground.canonical import canonical, hexdigest_bytes
from datong.ground.crypto import hashing

ROOT_BYTES = 32


def derived(root: bytes, *, agreement: str, domain: str, purpose: str, use: str) -> bytes:
    """32 bytes for one use. domain: what the values are of; columns of one domain get equal tokens for equal values."""
    if len(root) < ROOT_BYTES:
        raise ValueError("a root key has at least 32 bytes")
    info = b"datong treatment 1 " + canonical([agreement, domain, purpose, use])
    return hashing.derived(root, info)


def key_id(root: bytes) -> str:
    """A name for a root that tells nothing about it; equal for equal roots."""
    return hexdigest_bytes(hashing.derived(root, b"datong treatment key id", 16))[:16]
