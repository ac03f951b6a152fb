"""Key pairs of a node or a person, signatures that name their algorithm, and request tokens.

Ed25519 in the default profile, SM2 in guomi (ground.crypto); a key, a signature and a token are read by the algorithm
they name, and a key verifies nothing of another one. The private key lives in one file of the node's folder (mode
0600) and never leaves it. Must never know: what is signed. Contract: tests/ground/test_keys.py, test_keys_guomi.py.
"""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from datong.ground.canonical import canonical
from datong.ground.crypto import hashing, sm2
from datong.ground.crypto.profile import BY_SIGNATURE, DEFAULT, GUOMI, Profile, running
from datong.ground.refusal import Kind, Reason, Text

ALGORITHM = DEFAULT.signature
TOKEN_SECONDS = 60
_ED25519_OID = bytes.fromhex("06032b6570")
"""1.3.101.112 in DER (RFC 8410)."""

OTHER_KEY = Reason(
    "GND-411",
    Kind.conflict,
    Text("密钥文件 {file} 未被使用。", "The key file {file} was not used."),
    Text("它是 {found} 的密钥，而本节点以密码套件 {profile}（{wanted}）运行。",
         "It holds a key of {found}, and this node runs with the crypto profile {profile} ({wanted})."),
    Text("节点的密码套件在创建时确定：请恢复 datong.toml 中的 crypto.profile，"
         "或用 datong init --crypto {profile} 新建节点。",
         "A node's profile is chosen once: set crypto.profile in datong.toml back, or make a new node with "
         "datong init --crypto {profile}."),
)  # fmt: skip

NO_KEY = Reason(
    "GND-414",
    Kind.conflict,
    Text("密钥文件 {file} 未被使用。", "The key file {file} was not used."),
    Text("其中没有可读的私钥：文件可能损坏，或受密码保护。",
         "It holds no private key that can be read: it is damaged, or kept under a password."),
    Text("请从备份恢复该文件；删除它会生成新密钥，即成为另一个节点。",
         "Put it back from a backup. To delete it makes a new key, and with it another node."),
)  # fmt: skip


@dataclass(frozen=True)
class PublicKey:
    """A public key with its algorithm; `text` is "Ed25519:<base64url>" or "SM2:<base64url of the point>"."""

    text: str

    @property
    def profile(self) -> Profile:
        """The profile whose algorithm the key names; ValueError when none has it."""
        algorithm = self.text.partition(":")[0]
        if algorithm not in BY_SIGNATURE:
            raise ValueError(f"algorithm {algorithm!r} is not known here")
        return BY_SIGNATURE[algorithm]

    @property
    def raw(self) -> bytes:
        """32 bytes (Ed25519) or the 33 of a compressed point (SM2); ValueError when it is no key."""
        value = self.text.partition(":")[2]
        if self.profile is DEFAULT:
            return Ed25519PublicKey.from_public_bytes(unb64(value)).public_bytes_raw()
        public = _unb64_strict(value)
        sm2.point(public)
        return public

    def verifies(self, signature: str, message: bytes) -> bool:
        """True when `signature` ("<algorithm>:<base64url>") is this key's over `message`."""
        algorithm, _, value = signature.partition(":")
        if algorithm != self.text.partition(":")[0]:
            return False
        try:
            return self.verifies_raw(unb64(value) if algorithm == ALGORITHM else _unb64_strict(value), message)
        except ValueError:
            return False

    def verifies_raw(self, signature: bytes, message: bytes) -> bool:
        """The same of the bytes of a signature; ValueError when this is no key."""
        public = self.raw
        if self.profile is GUOMI:
            return sm2.verifies(public, signature, message)
        try:
            Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
        except InvalidSignature:
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

    def __init__(self, key: Ed25519PrivateKey | sm2.Sm2Key) -> None:
        self._key = key
        self._secrets: dict[str, bytes] = {}
        if isinstance(key, sm2.Sm2Key):
            self.profile, public = GUOMI, key.public
        else:
            self.profile, public = DEFAULT, key.public_key().public_bytes_raw()
        self.public = PublicKey(f"{self.profile.signature}:{b64(public)}")

    def __repr__(self) -> str:
        return f"PrivateKey(public={self.public.text})"

    @staticmethod
    def new(profile: Profile | None = None) -> PrivateKey:
        """A fresh key of `profile`, else of the running one."""
        made = profile or running()
        return PrivateKey(sm2.Sm2Key.new() if made is GUOMI else Ed25519PrivateKey.generate())

    @staticmethod
    def at(path: Path, profile: Profile | None = None) -> PrivateKey:
        """The key kept in `path`, made there (mode 0600) the first time, of `profile`, else of the running one.

        OTHER_KEY when the file holds a key of another profile, NO_KEY when it holds none.
        """
        wanted = profile or running()
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            data = PrivateKey.new(wanted)._pem()
            fresh = path.with_suffix(".new")
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
                out.write(data)
                out.flush()
                os.fsync(out.fileno())
            fresh.rename(path)
        data = path.read_bytes()
        found = _algorithm_in(data)
        if found in BY_SIGNATURE and found != wanted.signature:
            raise OTHER_KEY(file=path, found=found, profile=wanted.name, wanted=wanted.signature)
        try:
            if found == GUOMI.signature:
                return PrivateKey(sm2.Sm2Key.of_pem(data))
            key = serialization.load_pem_private_key(data, None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise NO_KEY(file=path) from None
        if not isinstance(key, Ed25519PrivateKey):
            raise NO_KEY(file=path)
        return PrivateKey(key)

    def _pem(self) -> bytes:
        if isinstance(self._key, sm2.Sm2Key):
            return self._key.as_pem()
        form = serialization.PrivateFormat.PKCS8
        return self._key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())

    def sign(self, message: bytes) -> str:
        return f"{self.profile.signature}:{b64(self._key.sign(message))}"

    def sign_raw(self, message: bytes) -> bytes:
        return self._key.sign(message)

    def sign_value(self, value: Any) -> str:
        """Signature over the RFC 8785 form of `value`."""
        return self.sign(canonical(value))

    def secret(self, purpose: str) -> bytes:
        """32 bytes that only the holder of this key can make, others for every purpose (HKDF, RFC 5869)."""
        if purpose in self._secrets:
            return self._secrets[purpose]
        own = self._key.private_bytes() if isinstance(self._key, sm2.Sm2Key) else self._key.private_bytes_raw()
        made = hashing.derived(own, f"datong {purpose}".encode(), 32, self.profile.digest)
        self._secrets[purpose] = made  # asked for at every leaf
        return made

    def token(self, claims: dict[str, Any], now: datetime, seconds: int = TOKEN_SECONDS) -> str:
        """A JWT ("EdDSA" or "SM2") of `claims` with iat and exp."""
        times = {"iat": int(now.timestamp()), "exp": int((now + timedelta(seconds=seconds)).timestamp())}
        key: Any = self._key
        return jwt.encode({**claims, **times}, key, algorithm=self.profile.token)


class _Sm2Tokens(jwt.algorithms.Algorithm):
    """JWS "alg": "SM2": r || s over the signing input. No such name is registered with IANA; it is Datong's own."""

    def prepare_key(self, key: Any) -> Any:
        return key

    def sign(self, msg: bytes, key: Any) -> bytes:
        return bytes(key.sign(msg))

    def verify(self, msg: bytes, key: Any, sig: bytes) -> bool:
        return sm2.verifies(key, sig, msg)

    # No standard writes such a key as JWK, and none travels as one; PyJWT asks for both methods.
    @staticmethod
    def to_jwk(key_obj: Any, as_dict: bool = False) -> Any:
        raise NotImplementedError

    @staticmethod
    def from_jwk(jwk: Any) -> Any:
        raise NotImplementedError


jwt.register_algorithm(GUOMI.token, _Sm2Tokens())


def unverified_claims(token: str) -> dict[str, Any]:
    """Claims of a token whose signature is not checked yet (to find whose key to check it with)."""
    try:
        claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    except jwt.InvalidTokenError as broken:
        raise ValueError("not a token") from broken
    return claims


AGE_TOLD_MAX = 10**9
"""A sender may write any number for a time."""


class OutOfTime(ValueError):
    """A token that is right in all but its time by this node's clock; `claims` are what it says."""

    def __init__(self, claims: dict[str, Any], at: float) -> None:
        super().__init__("expired or not yet valid by the clock of this node")
        self.claims = claims
        self.age_seconds = max(-AGE_TOLD_MAX, min(int(at) - int(claims["iat"]), AGE_TOLD_MAX))


def token_claims(token: str, key: PublicKey, audience: str, now: datetime) -> dict[str, Any]:
    """The claims of `token`, checked: signature by `key`, audience, lifetime at most 60 s around `now`.

    Raises ValueError with the reason; OutOfTime when it is the clock alone.
    """
    try:
        by = key.profile
        claims: dict[str, Any] = jwt.decode(
            token,
            key.raw if by is GUOMI else Ed25519PublicKey.from_public_bytes(key.raw),
            algorithms=[by.token],
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
        raise OutOfTime(claims, at)
    return claims


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _unb64_strict(text: str) -> bytes:
    """base64url in its one form; ValueError otherwise, so that a signature cannot be written in a second way."""
    data = unb64(text)
    if b64(data) != text:
        raise ValueError("not base64url in its one form")
    return data


def _algorithm_in(pem: bytes) -> str:
    """The algorithm whose object identifier a key file names, found without a library that reads such keys."""
    try:
        body = base64.b64decode(b"".join(line for line in pem.splitlines() if not line.startswith(b"-----")))
    except ValueError:
        return ""
    if sm2.CURVE_OID in body:
        return GUOMI.signature
    return DEFAULT.signature if _ED25519_OID in body else ""


def key_of(folder: Path, profile: Profile) -> PrivateKey:
    """The key of the node in `folder`, made there the first time."""
    return PrivateKey.at(folder / "keys" / "node.pem", profile)
