"""Self-issued ID tokens: ours are taken, and whatever is not exactly one is refused with its fault."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from datong.ground.identity import IdentityKey, KeyRing
from datong.wire.dcp import did, tokens

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
WE, THEY = "did:web:we.cn", "did:web:they.cn"
AT = int(NOW.timestamp())
CLAIMS = {"iss": THEY, "sub": THEY, "aud": WE, "jti": "jti-1", "iat": AT, "exp": AT + 300}


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    made = KeyRing(tmp_path)
    made.rotate("EdDSA")
    made.rotate("ES256")
    return made


@pytest.fixture
def document(ring: KeyRing) -> did.Document:
    return did.read(did.document(THEY, "https://they.cn", ring.published()), THEY)


@pytest.fixture
def signed(ring: KeyRing) -> Callable[..., str]:
    def sign(kid: str = f"{THEY}#2-ES256", **more: Any) -> str:
        return ring.current().jwt({name: value for name, value in {**CLAIMS, **more}.items() if value != "-"}, kid)

    return sign


def test_a_token_of_ours_is_taken_and_says_what_was_meant(ring: KeyRing, document: did.Document) -> None:
    for key in ring.published():
        token = tokens.id_token(THEY, key, audience=WE, jti="jti-9", now=NOW, access="opaque")
        claims = tokens.id_claims(token, document, audience=WE, now=NOW + timedelta(seconds=200))
        assert (claims["sub"], claims["token"], claims["jti"]) == (THEY, "opaque", "jti-9")
        assert tokens.sender_of(token) == THEY


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"aud": "did:web:another.cn"}, "not meant"), ({"aud": "-"}, "not meant"), ({"aud": [WE, THEY]}, "not meant"),
        ({"iss": WE}, "iss and sub"), ({"sub": WE}, "iss and sub"), ({"jti": "-"}, "jti"), ({"jti": ""}, "jti"),
        ({"jti": 7}, "jti"), ({"exp": "-"}, "exp"), ({"iat": "-"}, "iat"), ({"exp": "soon"}, "exp"),
        ({"exp": True}, "exp"), ({"exp": 1e300}, "exp"), ({"exp": AT - 31}, "expired"), ({"iat": AT + 31}, "not valid yet"),
        ({"nbf": AT + 31}, "not valid yet"), ({"exp": AT + 901}, "too long"), ({"nbf": "x"}, "nbf"),
        ({"kid": "did:web:they.cn#9-EdDSA"}, "not published"), ({"kid": "did:web:evil.cn#2-ES256"}, "not published"),
    ],
)  # fmt: skip
def test_a_token_with_a_fault_is_refused_with_it(
    signed: Callable[..., str], document: did.Document, more: dict[str, Any], why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        tokens.id_claims(signed(**more), document, audience=WE, now=NOW)


@pytest.mark.parametrize(
    "more", [{"exp": AT - 29}, {"iat": AT + 29}, {"nbf": AT + 29}, {"aud": [WE]}, {"kid": "#2-ES256"}]
)
def test_clocks_may_differ_a_little_and_names_may_be_short(
    signed: Callable[..., str], document: did.Document, more: dict[str, Any]
) -> None:
    assert tokens.id_claims(signed(**more), document, audience=WE, now=NOW)["sub"] == THEY


def test_a_key_must_be_published_for_tokens(ring: KeyRing, signed: Callable[..., str]) -> None:
    value = did.document(THEY, "https://they.cn", ring.published())
    document = did.read({**value, "capabilityInvocation": [f"{THEY}#1-EdDSA"]}, THEY)
    with pytest.raises(ValueError, match="capabilityInvocation"):
        tokens.id_claims(signed(), document, audience=WE, now=NOW)


def test_without_a_kid_the_only_key_counts_and_of_two_none(ring: KeyRing, document: did.Document) -> None:
    token = jwt.encode(CLAIMS, ring.current().private, algorithm="ES256")
    with pytest.raises(ValueError, match="which key"):
        tokens.id_claims(token, document, audience=WE, now=NOW)
    ring.retire("1-EdDSA")
    alone = did.read(did.document(THEY, "https://they.cn", ring.published()), THEY)
    assert tokens.id_claims(token, alone, audience=WE, now=NOW)["sub"] == THEY


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_forgeries_by_algorithm(ring: KeyRing, document: did.Document) -> None:
    kid = f"{THEY}#2-ES256"
    none = f"{part({'alg': 'none', 'kid': kid})}.{part(CLAIMS)}."
    content = f"{part({'alg': 'HS256', 'kid': kid})}.{part(CLAIMS)}"
    x = document.methods[kid].jwk["x"]
    mac = base64.urlsafe_b64encode(hmac.new(x.encode(), content.encode(), hashlib.sha256).digest()).rstrip(b"=")
    other = jwt.encode(CLAIMS, ring.published()[0].private, algorithm="EdDSA", headers={"kid": kid})
    for forged in (none, f"{content}.{mac.decode()}", other):
        with pytest.raises(ValueError, match="algorithm"):
            tokens.id_claims(forged, document, audience=WE, now=NOW)


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
@pytest.mark.parametrize(("bits", "taken"), [(1024, False), (2048, True)])
def test_keys_of_rsa_are_long(bits: int, taken: bool) -> None:
    key = rsa.generate_private_key(65537, bits)
    jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
    value = {"id": THEY, "verificationMethod": [{"id": "#r", "publicKeyJwk": jwk}], "capabilityInvocation": ["#r"]}
    document = did.read(value, THEY)
    token = jwt.encode(CLAIMS, key, algorithm="PS256", headers={"kid": "#r"})
    if taken:
        assert tokens.id_claims(token, document, audience=WE, now=NOW)["sub"] == THEY
    else:
        with pytest.raises(ValueError, match="too short"):
            tokens.id_claims(token, document, audience=WE, now=NOW)


@cache
def one_token() -> tuple[bytes, did.Document]:
    key = IdentityKey(1, "EdDSA", ed25519.Ed25519PrivateKey.generate())
    return key.jwt(CLAIMS, f"{THEY}#1-EdDSA").encode(), did.read(did.document(THEY, "https://they.cn", [key]), THEY)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 255))
def test_no_changed_byte_survives(at: int, by: int) -> None:
    made, document = one_token()
    token = bytearray(made)
    token[at % len(token)] ^= by
    try:
        text = token.decode("ascii")
    except UnicodeDecodeError:
        return
    try:
        claims = tokens.id_claims(text, document, audience=WE, now=NOW)
    except ValueError:
        return
    assert claims == CLAIMS  # what base64 does not read changes nothing


@pytest.mark.parametrize(
    "text", ["", "a.b.c", "....", "e30.e30.", part({"alg": "EdDSA"}) + ".bnVsbA.x", "é.é.é", "x" * 300_000]
)
def test_what_is_no_token(document: did.Document, text: str) -> None:
    for read in (lambda: tokens.id_claims(text, document, audience=WE, now=NOW), lambda: tokens.sender_of(text)):
        with pytest.raises(ValueError, match=r"\w"):
            read()
