"""SM2 signatures over SM3: GB/T 32918.2-2016 with the recommended curve of GB/T 32918.5-2017.

The signer's id is 1234567812345678 (GM/T 0009-2012 section 7), as both parties must know it. A public key is one
compressed point (GB/T 32918.1 4.2.9: 02 or 03, then x: 33 bytes), a signature r || s (64 bytes): each has exactly one
form, so nothing can be written in a second way and still verify. Points and numbers from outside are checked here, the
curve arithmetic is that of the library of the extra `guomi` (Tongsuo).
Must never know: what is signed, where keys are kept. Contract: tests/ground/test_crypto_sm2.py.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from datong.ground.crypto.profile import NO_LIBRARY

P = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
A = P - 3
B = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
N = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
"""Field, curve y² = x³ + Ax + B, order of the base point (GB/T 32918.5-2017)."""

PUBLIC_BYTES, SIGNATURE_BYTES = 33, 64
CURVE_OID = bytes.fromhex("06082a811ccf5501822d")
"""1.2.156.10197.1.301 in DER: what a key file of SM2 names."""
_KEYS_KEPT = 256


class Sm2Key:
    """A private key of the library, with its public half as bytes."""

    def __init__(self, key: Any) -> None:
        self._key, self._library = key, _library()
        point = key.public_key().public_numbers()
        self.public = compressed(point.x, point.y)

    @staticmethod
    def new() -> Sm2Key:
        library = _library()
        return Sm2Key(library.ec.generate_private_key(library.ec.SM2()))

    @staticmethod
    def of_number(number: int) -> Sm2Key:
        """The key of the private number d: 1 <= d <= n - 2 (GB/T 32918.1 6.1)."""
        if not 1 <= number <= N - 2:
            raise ValueError("no private number of SM2")
        library = _library()
        return Sm2Key(library.ec.derive_private_key(number, library.ec.SM2()))

    @staticmethod
    def of_pem(data: bytes) -> Sm2Key:
        """The key in a PKCS #8 file without a password; ValueError when it is none of SM2."""
        library = _library()
        key = library.serialization.load_pem_private_key(data, None)
        if not isinstance(getattr(key, "curve", None), library.ec.SM2):
            raise ValueError("no key of SM2")
        return Sm2Key(key)

    def as_pem(self) -> bytes:
        form = self._library.serialization
        return bytes(self._key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()))

    def private_bytes(self) -> bytes:
        return int(self._key.private_numbers().private_value).to_bytes(32, "big")

    def sign(self, message: bytes) -> bytes:
        """r || s."""
        library = self._library
        r, s = decode_dss_signature(self._key.sign(message, library.ec.ECDSA(library.hashes.SM3())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def verifies(public: bytes, signature: bytes, message: bytes) -> bool:
    """True when `signature` is of `public` over `message`; ValueError when `public` is no point of the curve."""
    key = _public(public)
    if len(signature) != SIGNATURE_BYTES:
        return False
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    if not (0 < r < N and 0 < s < N) or (r + s) % N == 0:  # steps B1, B2 and B5 of GB/T 32918.2 7.1
        return False
    library = _library()
    try:
        key.verify(encode_dss_signature(r, s), message, library.ec.ECDSA(library.hashes.SM3()))
    except library.InvalidSignature:
        return False
    return True


@lru_cache(maxsize=_KEYS_KEPT)
def point(public: bytes) -> tuple[int, int]:
    """(x, y) of a compressed point; ValueError when it is none of the curve."""
    if len(public) != PUBLIC_BYTES or public[0] not in (2, 3):
        raise ValueError("not a compressed point of 33 bytes")
    x = int.from_bytes(public[1:], "big")
    if x >= P:
        raise ValueError("its x is not in the field")
    square = (x * x * x + A * x + B) % P
    y = pow(square, (P + 1) // 4, P)  # P = 3 mod 4
    if y * y % P != square:
        raise ValueError("not a point of the curve of SM2")
    return x, P - y if y & 1 != public[0] & 1 else y


def compressed(x: int, y: int) -> bytes:
    """The one form of a point; ValueError when it does not lie on the curve."""
    if not (0 <= x < P and 0 <= y < P) or (y * y - x * x * x - A * x - B) % P:
        raise ValueError("not a point of the curve of SM2")
    return bytes([2 + (y & 1)]) + x.to_bytes(32, "big")


class _Library:
    """The names this module uses of the library, loaded on the first use."""

    def __init__(self) -> None:
        from tongsuopy.crypto import hashes, serialization  # noqa: PLC0415 - heavy, and an extra
        from tongsuopy.crypto.asymciphers import ec  # noqa: PLC0415
        from tongsuopy.crypto.exceptions import InvalidSignature  # noqa: PLC0415

        self.hashes, self.serialization, self.ec = hashes, serialization, ec
        self.InvalidSignature = InvalidSignature


@lru_cache(maxsize=1)
def _library() -> _Library:
    try:
        return _Library()
    except ImportError:
        raise NO_LIBRARY(algorithm="SM2") from None


@lru_cache(maxsize=_KEYS_KEPT)
def _public(public: bytes) -> Any:
    x, y = point(public)
    library = _library()
    return library.ec.EllipticCurvePublicNumbers(x, y, library.ec.SM2()).public_key()
