"""Keys, signatures and request tokens, and attacks on them."""

from __future__ import annotations

import base64
import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from datong.ground.keys import PrivateKey, PublicKey, b64, token_claims, unb64, unverified_claims
from datong.ground.refusal import Refusal

KEY = PrivateKey.new()
NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)
CLAIMS = {"iss": "me", "aud": "you", "jti": "j-1"}


def test_rfc_8032_test_vector() -> None:
    """Ed25519, section 7.1 test 2."""
    public = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
    signature = bytes.fromhex(
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )
    assert PublicKey("Ed25519:" + b64(public)).verifies("Ed25519:" + b64(signature), b"\x72")


@given(st.binary(max_size=64), st.integers(0, 63), st.integers(1, 255))
def test_one_changed_bit_of_signature_or_message_is_noticed(message: bytes, place: int, flip: int) -> None:
    signature = KEY.sign(message)
    assert KEY.public.verifies(signature, message)
    raw = bytearray(unb64(signature.partition(":")[2]))
    raw[place] ^= flip
    assert not KEY.public.verifies("Ed25519:" + b64(bytes(raw)), message)
    assert not KEY.public.verifies(signature, message + b"x")
    assert not PrivateKey.new().public.verifies(signature, message)


def locked_key() -> bytes:
    form, locked = serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"secret")
    return Ed25519PrivateKey.generate().private_bytes(serialization.Encoding.PEM, form, locked)


def rsa_key() -> bytes:
    form, bare = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return rsa.generate_private_key(65537, 2048).private_bytes(serialization.Encoding.PEM, form, bare)


@pytest.mark.parametrize(
    "signature", ["", "Ed25519:", "Ed25519:AAAA", "SM2:AAAA", "Ed25519:中文", "Ed25519:" + "A" * 5, "none"]
)
def test_what_is_no_signature_is_none(signature: str) -> None:
    assert not KEY.public.verifies(signature, b"x")


def test_values_are_signed_over_their_canonical_form() -> None:
    signature = KEY.sign_value({"b": 1, "a": [2]})
    assert KEY.public.verifies_value(signature, {"a": [2], "b": 1})
    assert not KEY.public.verifies_value(signature, {"a": [2], "b": 2})


@pytest.mark.parametrize("value", [{"n": 2**70}, {"s": "\ud800"}, {"f": float("inf")}])
def test_a_value_that_cannot_be_written_was_not_signed(value: Any) -> None:
    assert not KEY.public.verifies_value(KEY.sign(b"x"), value)


@pytest.mark.parametrize("text", ["", "SM2:AAAA", "Ed25519:AAAA", "Ed25519:!!"])
def test_what_is_no_key_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        PublicKey(text).raw  # noqa: B018


def test_the_key_file_is_private_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "node.pem"
    key = PrivateKey.at(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert PrivateKey.at(path).public == key.public
    assert [file.name for file in path.parent.iterdir()] == ["node.pem"]
    assert key.public.text in repr(key)
    assert "PRIVATE" not in repr(key)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"garbage",
        b"-----BEGIN PRIVATE KEY-----\nMC4C\n-----END PRIVATE KEY-----\n",
        rsa_key(),
        locked_key(),
    ],
    ids=["empty", "garbage", "cut", "of RSA", "locked"],
)
def test_a_file_that_holds_no_key_is_told_and_left_alone(tmp_path: Path, text: bytes) -> None:
    file = tmp_path / "node.pem"
    file.write_bytes(text)
    with pytest.raises(Refusal, match=r"GND-414.*node\.pem.*Put it back from a backup"):
        PrivateKey.at(file)
    assert file.read_bytes() == text


def test_a_half_written_key_file_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "node.new").write_bytes(b"half")
    key = PrivateKey.at(tmp_path / "node.pem")
    assert PrivateKey.at(tmp_path / "node.pem").public == key.public


def test_a_token_is_good_for_its_audience_and_minute() -> None:
    token = KEY.token(CLAIMS, NOW)
    assert token_claims(token, KEY.public, "you", NOW + timedelta(seconds=60))["jti"] == "j-1"
    assert token_claims(token, KEY.public, "you", NOW - timedelta(seconds=5))["iss"] == "me"
    for audience, at in [("he", NOW), ("you", NOW + timedelta(seconds=61)), ("you", NOW - timedelta(seconds=6))]:
        with pytest.raises(ValueError, match=r"."):
            token_claims(token, KEY.public, audience, at)


def encoded(claims: dict[str, Any], key: PrivateKey = KEY) -> str:
    return jwt.encode(claims, key._key, algorithm="EdDSA")


STAMP = int(NOW.timestamp())
WHOLE = {**CLAIMS, "iat": STAMP, "exp": STAMP + 60}


@pytest.mark.parametrize(
    "claims",
    [
        {**WHOLE, "exp": STAMP + 61},
        {**WHOLE, "exp": "9999999999"},
        {**WHOLE, "iat": "x"},
        {**WHOLE, "iat": None},
        {**WHOLE, "exp": True},
        {**WHOLE, "exp": 1e400},
        {**WHOLE, "aud": ["he"]},
        *({name: value for name, value in WHOLE.items() if name != missing} for missing in WHOLE),
    ],
)
def test_a_peers_strange_claims_are_a_value_error_and_nothing_else(claims: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        token_claims(encoded(claims), KEY.public, "you", NOW)


def test_forged_tokens_are_refused() -> None:
    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    unsigned = f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(WHOLE)}."
    with_public_as_secret = jwt.encode(WHOLE, KEY.public.text, algorithm="HS256")
    head, _body, signature = encoded(WHOLE).split(".")
    swapped = f"{head}.{part({**WHOLE, 'iss': 'boss'})}.{signature}"
    for token in (unsigned, with_public_as_secret, swapped, encoded(WHOLE, PrivateKey.new()), "", "a.b", "a.b.c"):
        with pytest.raises(ValueError, match=r"."):
            token_claims(token, KEY.public, "you", NOW)


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "....", "é.é.é"])
def test_what_is_no_token_has_no_claims(token: str) -> None:
    with pytest.raises(ValueError, match="not a token"):
        unverified_claims(token)
