"""Canonical JSON (RFC 8785) and digests over it.

Signatures and evidence are made over these bytes. Every digest names its algorithm ("sha256:<hex>", "sm3:<hex>"): that
of the profile this node runs, and who compares a digest of another node goes by the one it names (`is_digest_of`).
Contract: tests/ground/test_canonical.py.
"""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

import rfc8785

from datong.ground.crypto import hashing

_AS_IT_IS = frozenset({str, int, bool, float, type(None)})


def plain(value: Any) -> Any:
    """`value` with dates as ISO 8601 text, decimals as text, enums as their value, tuples as lists."""
    if type(value) in _AS_IT_IS:
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, str):  # of a kind of its own, as names of tables are
        return str(value)
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
    return written(plain(value))


def written(value: Any) -> bytes:
    """RFC 8785 bytes of a value that is `plain` already."""
    if _written_alike(value):
        try:
            return _WRITTEN(value).encode()
        except UnicodeEncodeError:  # half a character: refused in the words of the standard
            pass
    return rfc8785.dumps(value)


_WRITTEN = json.JSONEncoder(ensure_ascii=False, check_circular=False, sort_keys=True, separators=(",", ":")).encode
_WHOLE_MAX = 2**53 - 1


def _written_alike(value: Any) -> bool:
    """Whether Python's own writer, ten times as fast, gives what RFC 8785 asks for.

    It does for texts, truth values, whole numbers and what is made of them; not for other numbers (3.2.2.3), nor for
    names that sort otherwise by UTF-16 (3.2.3).
    """
    kind = type(value)
    if kind is str or value is None or kind is bool:
        return True
    if kind is int:
        return bool(-_WHOLE_MAX <= value <= _WHOLE_MAX)
    if kind is dict:
        return all(type(name) is str and name.isascii() and _written_alike(part) for name, part in value.items())
    return kind is list and all(map(_written_alike, value))


def digest_bytes(data: bytes, algorithm: str = "") -> str:
    """ "<algorithm>:<hex>"; algorithm: that of the running profile when empty."""
    return hashing.labelled(hashing.hash_bytes(data, algorithm).hex(), algorithm)


def digest(value: Any, algorithm: str = "") -> str:
    """The same over the canonical form of `value`."""
    return digest_bytes(canonical(value), algorithm)


def hexdigest(value: Any) -> str:
    """Only the 64 hexadecimal digits, for names made of a value."""
    return hashing.without_label(digest(value))


def hexdigest_bytes(data: bytes) -> str:
    return hashing.without_label(digest_bytes(data))


def is_digest_of(given: object, value: Any) -> bool:
    """Whether `given` is the digest of `value`, by the algorithm it names. One not known here matches nothing."""
    return is_digest_of_bytes(given, canonical(value))


def is_digest_of_bytes(given: object, data: bytes) -> bool:
    try:
        return isinstance(given, str) and digest_bytes(data, hashing.algorithm_of(given)) == given
    except ValueError:
        return False


def named_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON, for `object_pairs_hook` of `json.loads`; ValueError when a name occurs twice in it,
    which RFC 8785 (3.1) does not allow: two readers might go by two of them."""
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a name occurs twice in one object")
    return value


def without_nul(data: bytes) -> None:
    """ValueError when a JSON text writes the character NUL, which PostgreSQL cannot keep, or is in UTF-16 or UTF-32 (it
    holds zero bytes then), which Python's reader would take too, and RFC 8259 (8.1) does not allow between systems."""
    if b"\\u0000" in data or b"\0" in data:
        raise ValueError("it contains the character NUL, or is not written in UTF-8")
