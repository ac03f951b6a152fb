"""Key pairs of a node or a person, signatures that name their algorithm, and request tokens.

Default profile Ed25519. The private key lives in one file of the node's folder (mode 0600) and never leaves
it. Must never know: what is signed. Contract: tests/ground/test_keys.py.
"""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from datong.ground.canonical import canonical

ALGORITHM = "Ed25519"
TOKEN_SECONDS = 60


@dataclass(frozen=True)
class PublicKey:
    """A public key with its algorithm; `text` is "Ed25519:<base64url>"."""

    text: str

    def _key(self) -> Ed25519PublicKey:
        algorithm, _, value = self.text.partition(":")
        if algorithm != ALGORITHM:
            raise ValueError(f"algorithm {algorithm!r} is not known here")
        return Ed25519PublicKey.from_public_bytes(unb64(value))

    @property
    def raw(self) -> bytes:
        return self._key().public_bytes_raw()

    def verifies(self, signature: str, message: bytes) -> bool:
        """True when `signature` ("Ed25519:<base64url>") is this key's over `message`."""
        algorithm, _, value = signature.partition(":")
        if algorithm != ALGORITHM:
            return False
        try:
            self._key().verify(unb64(value), message)
        except (InvalidSignature, ValueError):
            return False
        return True

    def verifies_value(self, signature: str, value: Any) -> bool:
        """The same over the RFC 8785 form of `value`."""
        try:
            message = canonical(value)
        except ValueError:  # a peer's value that RFC 8785 cannot write was never signed
            return False
        return self.verifies(signature, message)


class PrivateKey:
    """A private key; its repr shows only the public half."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public = PublicKey(f"{ALGORITHM}:{b64(key.public_key().public_bytes_raw())}")

    def __repr__(self) -> str:
        return f"PrivateKey(public={self.public.text})"

    @staticmethod
    def new() -> PrivateKey:
        return PrivateKey(Ed25519PrivateKey.generate())

    @staticmethod
    def at(path: Path) -> PrivateKey:
        """The key kept in `path`, made there (mode 0600) the first time."""
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            data = Ed25519PrivateKey.generate().private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            fresh = path.with_suffix(".new")
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
                out.write(data)
                out.flush()
                os.fsync(out.fileno())
            fresh.rename(path)
        key = serialization.load_pem_private_key(path.read_bytes(), None)
        if not isinstance(key, Ed25519PrivateKey):
            raise TypeError(f"{path} holds no {ALGORITHM} key")
        return PrivateKey(key)

    def sign(self, message: bytes) -> str:
        return f"{ALGORITHM}:{b64(self._key.sign(message))}"

    def sign_raw(self, message: bytes) -> bytes:
        return self._key.sign(message)

    def sign_value(self, value: Any) -> str:
        """Signature over the RFC 8785 form of `value`."""
        return self.sign(canonical(value))

    def secret(self, purpose: str) -> bytes:
        """32 bytes that only the holder of this key can make, others for every purpose (HKDF, RFC 5869)."""
        return HKDF(hashes.SHA256(), 32, None, f"datong {purpose}".encode()).derive(self._key.private_bytes_raw())

    def token(self, claims: dict[str, Any], now: datetime, seconds: int = TOKEN_SECONDS) -> str:
        """A JWT (EdDSA) of `claims` with iat and exp."""
        times = {"iat": int(now.timestamp()), "exp": int((now + timedelta(seconds=seconds)).timestamp())}
        return jwt.encode({**claims, **times}, self._key, algorithm="EdDSA")


def unverified_claims(token: str) -> dict[str, Any]:
    """Claims of a token whose signature is not checked yet (to find whose key to check it with)."""
    try:
        claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    except jwt.InvalidTokenError as broken:
        raise ValueError("not a token") from broken
    return claims


def token_claims(token: str, key: PublicKey, audience: str, now: datetime) -> dict[str, Any]:
    """The claims of `token`, checked: signature by `key`, audience, lifetime at most 60 s around `now`.

    Raises ValueError with the reason.
    """
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            Ed25519PublicKey.from_public_bytes(key.raw),
            algorithms=["EdDSA"],
            audience=audience,
            options={"verify_exp": False, "verify_iat": False, "require": ["iss", "aud", "iat", "exp", "jti"]},
        )
    except jwt.InvalidTokenError as broken:
        raise ValueError(str(broken)) from broken
    at = now.timestamp()
    if type(claims["exp"]) is not int or type(claims["iat"]) is not int:
        raise ValueError("its times are no whole seconds")
    if claims["exp"] - claims["iat"] > TOKEN_SECONDS:
        raise ValueError("lives longer than 60 s")
    if not claims["iat"] - 5 <= at <= claims["exp"]:
        raise ValueError("expired or not yet valid")
    return claims


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
