"""Digests, message authentication and key derivation, by the name of the digest algorithm.

    sha256   SHA-256 (FIPS 180-4), HMAC-SHA256 (RFC 2104), HKDF-SHA256 (RFC 5869)
    sm3      SM3 (GB/T 32905-2016), HMAC-SM3 and HKDF over it (GB/T 15852.2; RFC 5869 with SM3 as its hash)

An empty name means the profile this process runs. SM3 is that of OpenSSL in the wheel of `cryptography`; where a build
lacks it, that is told (GND-501). Must never know: what is digested. Contract: tests/ground/test_crypto_hashing.py.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from pathlib import Path
from typing import IO, Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from datong.ground.crypto.profile import BY_DIGEST, NO_LIBRARY, accepted, running

DIGEST_BYTES = 32
"""Of both algorithms."""
DIGEST = re.compile(r"(sha256|sm3):[0-9a-f]{64}")
"""A digest with its algorithm, as text."""
_PIECE = 1 << 20


class Hasher(Protocol):
    """A digest in the making."""

    def update(self, data: bytes | bytearray | memoryview, /) -> None: ...

    def digest(self) -> bytes: ...

    def hexdigest(self) -> str: ...


class _Sm3:
    def __init__(self) -> None:
        self._hash = _openssl_sm3()

    def update(self, data: bytes | bytearray | memoryview, /) -> None:
        self._hash.update(data)

    def digest(self) -> bytes:
        return self._hash.copy().finalize()

    def hexdigest(self) -> str:
        return self.digest().hex()


def known(algorithm: str = "") -> str:
    """`algorithm`, or that of the running profile when empty; ValueError for a name nobody here knows."""
    name = algorithm or running().digest
    if name not in BY_DIGEST:
        raise ValueError(f"digest algorithm {name[:20]!r} is not known here")
    return name


def hasher(algorithm: str = "") -> Hasher:
    return hashlib.sha256() if known(algorithm) == "sha256" else _Sm3()


def hash_bytes(data: bytes, algorithm: str = "") -> bytes:
    """The 32 bytes of the digest."""
    if known(algorithm) == "sha256":
        return hashlib.sha256(data).digest()
    made = _openssl_sm3()
    made.update(data)
    return bytes(made.finalize())


def mac(key: bytes, data: bytes, algorithm: str = "") -> bytes:
    """HMAC (32 bytes)."""
    return keyed(key, algorithm)(data)


def keyed(key: bytes, algorithm: str = "") -> Callable[[bytes], bytes]:
    """HMAC under one key, for many values."""
    if known(algorithm) == "sha256":
        return lambda data: hmac.digest(key, data, "sha256")
    try:
        begun = HMAC(key, hashes.SM3())
    except UnsupportedAlgorithm:
        raise NO_LIBRARY(algorithm="HMAC-SM3") from None

    def made(data: bytes) -> bytes:
        one = begun.copy()
        one.update(data)
        return one.finalize()

    return made


def derived(secret: bytes, info: bytes, length: int = 32, algorithm: str = "") -> bytes:
    """HKDF (RFC 5869, no salt) of `secret` for `info`: `length` bytes, at most 255 digests."""
    return HKDF(_as_class(algorithm), length, None, info).derive(secret)


def stretched(password: bytes, salt: bytes, rounds: int, algorithm: str = "") -> bytes:
    """PBKDF2 (RFC 8018 section 5.2) with HMAC: 32 bytes."""
    return PBKDF2HMAC(_as_class(algorithm), DIGEST_BYTES, salt, rounds).derive(password)


def file_hex(stream: IO[bytes], algorithm: str = "") -> str:
    """Hexadecimal digest of what is left of an open file, read in pieces."""
    made = hasher(algorithm)
    while piece := stream.read(_PIECE):
        made.update(piece)
    return made.hexdigest()


def labelled(hexadecimal: str, algorithm: str = "") -> str:
    """ "<algorithm>:<hex>" """
    return f"{known(algorithm)}:{hexadecimal}"


def file_digest(path: Path) -> str:
    """ "<algorithm>:<hex>" of a file's bytes, read in pieces."""
    with path.open("rb") as opened:
        return labelled(file_hex(opened))


def without_label(digest: str) -> str:
    """The hexadecimal digits of "<algorithm>:<hex>", for names made of a digest; a text without a name as it is."""
    return digest.rpartition(":")[2]


def algorithm_of(digest: str) -> str:
    """The algorithm that a digest names; ValueError when it is no digest or its algorithm is not known here."""
    name, colon, _ = digest.partition(":")
    if not colon or name not in BY_DIGEST:
        raise ValueError(f"digest algorithm {name[:20]!r} is not known here")
    if not DIGEST.fullmatch(digest):
        raise ValueError("not 64 hexadecimal digits")
    return name


def _as_class(algorithm: str) -> hashes.HashAlgorithm:
    return hashes.SHA256() if known(algorithm) == "sha256" else hashes.SM3()


def is_accepted(digest: str) -> bool:
    """Whether `digest` is one, by an algorithm of a profile that this node accepts."""
    return DIGEST.fullmatch(digest) is not None and BY_DIGEST[digest.partition(":")[0]].name in accepted()


def _openssl_sm3() -> hashes.Hash:
    try:
        return hashes.Hash(hashes.SM3())
    except UnsupportedAlgorithm:
        raise NO_LIBRARY(algorithm="SM3") from None
