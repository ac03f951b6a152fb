"""The keys by which a node shows who it is to other data spaces (DID, Decentralized Claims), and their rotation.

    <folder>/keys/identity/1-EdDSA.pem    PKCS 8, mode 0600; the number rises, the highest one signs
    <folder>/keys/identity/1-EdDSA.ended  beside it when it was retired: it is no longer published

They are not the node's evidence key, which lasts as long as its log. A key that was replaced stays published, because
credentials and tokens signed with it are still on their way; retiring one makes all of them worthless at once.
Ed25519 ("EdDSA", RFC 8037), or P-256 ("ES256", RFC 7518) where a peer asks for it. Must never know: DID documents,
tokens. Contract: tests/ground/test_identity.py.
"""

from __future__ import annotations

import base64
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from datong.ground.db import Store, Tx
from datong.ground.refusal import Kind, Reason, Text

ALGORITHMS = ("EdDSA", "ES256")
"""JOSE names."""
_FILE = re.compile(r"(\d{1,6})-(EdDSA|ES256)\.pem")

NO_SUCH_KEY = Reason(
    "KEY-404",
    Kind.unknown,
    Text("密钥 {key} 未停用。", "The key {key} was not retired."),
    Text("本节点没有已发布的该密钥。", "This node publishes no such key."),
    Text("请用 datong identity 查看已发布的密钥。", "datong identity lists the keys that are published."),
)
THE_LAST_KEY = Reason(
    "KEY-409",
    Kind.conflict,
    Text("密钥 {key} 未停用。", "The key {key} was not retired."),
    Text("它是本节点签名所用的密钥。", "It is the one this node signs with."),
    Text("请先用 datong identity rotate 换新密钥。", "Make a new one first: datong identity rotate."),
)
NOT_A_KEY = Reason(
    "KEY-400",
    Kind.invalid,
    Text("身份密钥 {file} 未被读取。", "The identity key {file} was not read."),
    Text("文件内容不是 {algorithm} 私钥。", "The file holds no {algorithm} private key."),
    Text("请恢复该文件的备份，或移走它并执行 datong identity rotate。",
         "Restore the file from its backup, or move it away and run datong identity rotate."),
)  # fmt: skip


@dataclass(frozen=True)
class IdentityKey:
    """One key pair; `name` is "<number>-<algorithm>" and is what a DID document calls it."""

    number: int
    algorithm: str
    private: Any

    def __repr__(self) -> str:
        return f"IdentityKey({self.name})"

    @property
    def name(self) -> str:
        return f"{self.number}-{self.algorithm}"

    def public_jwk(self) -> dict[str, str]:
        """The public half (RFC 7517): kty OKP and crv Ed25519, or kty EC and crv P-256."""
        public = self.private.public_key()
        if self.algorithm == "EdDSA":
            return {"kty": "OKP", "crv": "Ed25519", "x": _b64(public.public_bytes_raw())}
        numbers = public.public_numbers()
        return {
            "kty": "EC", "crv": "P-256", "x": _b64(numbers.x.to_bytes(32, "big")),
            "y": _b64(numbers.y.to_bytes(32, "big")),
        }  # fmt: skip

    def jwt(self, claims: dict[str, Any], kid: str, typ: str = "JWT") -> str:
        """`claims` signed (RFC 7519); kid: how others find the key."""
        return jwt.encode(claims, self.private, algorithm=self.algorithm, headers={"kid": kid, "typ": typ})


class KeyRing:
    """The identity keys of the node in `folder`; files are read each time, so a rotation needs no restart."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "keys" / "identity"

    def current(self) -> IdentityKey:
        """The key that signs; the first (Ed25519) is made when there is none."""
        keys = self.published()
        return keys[-1] if keys else self.rotate("EdDSA")

    def published(self) -> list[IdentityKey]:
        """Keys that are not retired, oldest first."""
        return [_read(file) for _, file in self._files() if not file.with_suffix(".ended").exists()]

    def rotate(self, algorithm: str) -> IdentityKey:
        """Make a new key, which signs from now on."""
        if algorithm not in ALGORITHMS:
            raise ValueError(f"algorithm {algorithm!r} is not one of {', '.join(ALGORITHMS)}")
        number = max((number for number, _ in self._files()), default=0) + 1
        made: Any = (
            ed25519.Ed25519PrivateKey.generate() if algorithm == "EdDSA" else ec.generate_private_key(ec.SECP256R1())
        )
        data = made.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        key = IdentityKey(number, algorithm, made)
        # never over another one: two that rotate at once make two numbers, or one of them fails
        with os.fdopen(
            os.open(self.folder / f"{key.name}.pem", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb"
        ) as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        return key

    def retire(self, name: str) -> None:
        """Stop publishing a key: what it signed is worthless from now on. NO_SUCH_KEY, THE_LAST_KEY."""
        names = [key.name for key in self.published()]
        if name not in names:
            raise NO_SUCH_KEY(key=name[:40])
        if name == names[-1]:
            raise THE_LAST_KEY(key=name)
        (self.folder / f"{name}.ended").touch(0o600)

    def _files(self) -> list[tuple[int, Path]]:
        found = [(match, file) for file in self.folder.glob("*.pem") if (match := _FILE.fullmatch(file.name))]
        return sorted((int(match[1]), file) for match, file in found)


def _read(file: Path) -> IdentityKey:
    number, _, algorithm = file.stem.partition("-")
    wanted = ed25519.Ed25519PrivateKey if algorithm == "EdDSA" else ec.EllipticCurvePrivateKey
    try:
        key = serialization.load_pem_private_key(file.read_bytes(), None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, wanted) or (isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name != "secp256r1"):
        raise NOT_A_KEY(file=file.name, algorithm=algorithm)
    return IdentityKey(int(number), algorithm, key)


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


_RINGS: WeakKeyDictionary[Store, KeyRing] = WeakKeyDictionary()


def install(store: Store, ring: KeyRing) -> None:
    """Tell this process which identity keys belong to the node of `store` (once, by app or a test)."""
    _RINGS[store] = ring


def ring(tx: Tx) -> KeyRing:
    return _RINGS[tx.store]
