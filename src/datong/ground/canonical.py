"""Canonical JSON (RFC 8785) and digests over it.

Signatures and evidence are made over these bytes. Every digest names its algorithm ("sha256:<hex>").
Contract: tests/ground/test_canonical.py.
"""

from __future__ import annotations

import hashlib
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

import rfc8785

DIGEST_ALGORITHM = "sha256"


def plain(value: Any) -> Any:
    """`value` with dates as ISO 8601 text, decimals as text, enums as their value, tuples as lists."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        items = sorted(value) if isinstance(value, set | frozenset) else value
        return [plain(item) for item in items]
    return value


def canonical(value: Any) -> bytes:
    """RFC 8785 bytes of `value` (after `plain`)."""
    return rfc8785.dumps(plain(value))


def digest_bytes(data: bytes) -> str:
    return f"{DIGEST_ALGORITHM}:{hashlib.sha256(data).hexdigest()}"


def digest(value: Any) -> str:
    """ "sha256:<hex>" over the canonical form of `value`."""
    return digest_bytes(canonical(value))


def without_nul(data: bytes) -> None:
    """ValueError when a JSON text writes the character NUL, which PostgreSQL cannot keep."""
    if b"\\u0000" in data:
        raise ValueError("it contains the character NUL")
