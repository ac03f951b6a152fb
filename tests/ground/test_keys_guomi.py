"""Keys, tokens and key files of the profile guomi, and of the one where the other is expected."""

from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from datong.ground import keys
from datong.ground.crypto import sm2
from datong.ground.crypto.profile import DEFAULT, GUOMI, Profile, as_if
from datong.ground.keys import PrivateKey, PublicKey, b64, token_claims, unb64
from datong.ground.refusal import Refusal

pytest.importorskip("tongsuopy", reason="needs the extra guomi")

NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)
CLAIMS = {"iss": "me", "aud": "you", "jti": "j-1"}


@pytest.fixture(scope="module")
def key() -> PrivateKey:
    return PrivateKey.new(GUOMI)


def test_a_key_and_its_signatures_name_their_algorithm(key: PrivateKey) -> None:
    signature = key.sign_value({"b": 1, "a": [2]})
    assert key.public.text.startswith("SM2:") and signature.startswith("SM2:")
    assert len(key.public.raw) == 33 and len(key.public.text) <= 80  # the columns that keep keys are so wide
    assert key.public.verifies_value(signature, {"a": [2], "b": 1})
    assert not key.public.verifies_value(signature, {"a": [2], "b": 2})
    assert not PrivateKey.new(GUOMI).public.verifies_value(signature, {"a": [2], "b": 1})


def test_a_key_verifies_nothing_of_another_algorithm(key: PrivateKey) -> None:
    other = PrivateKey.new(DEFAULT)
    assert not key.public.verifies(other.sign(b"x"), b"x")
    assert not other.public.verifies(key.sign(b"x"), b"x")
    relabelled = key.sign(b"x").replace("SM2:", "Ed25519:")
    assert not key.public.verifies(relabelled, b"x") and not other.public.verifies(relabelled, b"x")


def test_a_signature_has_one_form(key: PrivateKey) -> None:
    signature = key.sign(b"x")
    assert key.public.verifies(signature, b"x")
    last = signature[-1]
    twin = next(sign for sign in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
                if sign != last and unb64(signature[4:-1] + sign) == unb64(signature[4:]))  # fmt: skip
    for other in (signature[:-1] + twin, signature + "=", signature + "==", signature.replace("SM2:", "SM2: ")):
        assert not key.public.verifies(other, b"x")
    raw = unb64(signature[4:])
    r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
    for numbers in ((r, sm2.N - s), (r, 0), (0, s), (s, r)):
        made = b"".join(value.to_bytes(32, "big") for value in numbers)
        assert not key.public.verifies("SM2:" + b64(made), b"x")


@pytest.mark.parametrize(
    "text", ["SM2:", "SM2:AAAA", "SM2:" + b64(b"\x02" + (5).to_bytes(32, "big")), "SM2:" + b64(b"\x04" + bytes(64))]
)
def test_what_is_no_public_key_is_told_and_verifies_nothing(text: str, key: PrivateKey) -> None:
    with pytest.raises(ValueError, match=r"point"):
        PublicKey(text).raw  # noqa: B018 - parsed for its error
    assert not PublicKey(text).verifies(key.sign(b"x"), b"x")


def test_the_key_file_is_the_owners_and_gives_the_same_key_again(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "node.pem"
    made = PrivateKey.at(path, GUOMI)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = PrivateKey.at(path, GUOMI)
    assert again.public == made.public and again.secret("x") == made.secret("x") != made.secret("y")
    assert "PRIVATE" not in repr(made) and len(made.secret("x")) == 32


@pytest.mark.parametrize(("mine", "other"), [(DEFAULT, GUOMI), (GUOMI, DEFAULT)])
def test_a_key_file_of_the_other_profile_is_refused_with_the_next_step(
    tmp_path: Path, mine: Profile, other: Profile
) -> None:
    path = tmp_path / "node.pem"
    PrivateKey.at(path, other)
    before = path.read_bytes()
    with pytest.raises(Refusal) as refused:
        PrivateKey.at(path, mine)
    told = str(refused.value)
    assert refused.value.code == "GND-411" and other.signature in told and f"--crypto {mine.name}" in told
    assert path.read_bytes() == before


def test_the_running_profile_decides_where_none_is_named() -> None:
    with as_if(GUOMI):
        assert PrivateKey.new().public.text.startswith("SM2:")
    assert PrivateKey.new().public.text.startswith("Ed25519:")


def test_tokens_are_read_by_the_keys_algorithm_only(key: PrivateKey) -> None:
    token = key.token(CLAIMS, NOW)
    assert jwt.get_unverified_header(token)["alg"] == "SM2"
    assert token_claims(token, key.public, "you", NOW)["iss"] == "me"
    other = PrivateKey.new(DEFAULT)
    for made, by in ((token, other.public), (other.token(CLAIMS, NOW), key.public)):
        with pytest.raises(ValueError, match="alg"):
            token_claims(made, by, "you", NOW)
    none = jwt.encode({**CLAIMS, "iat": int(NOW.timestamp()), "exp": int(NOW.timestamp()) + 30}, None, algorithm="none")
    with pytest.raises(ValueError, match="alg"):
        token_claims(none, key.public, "you", NOW)
    with pytest.raises(ValueError, match="expired"):
        token_claims(token, key.public, "you", NOW + timedelta(seconds=keys.TOKEN_SECONDS + 1))
    with pytest.raises(ValueError, match=r"[Ss]ignature"):
        token_claims(token[:-4] + "AAAA", key.public, "you", NOW)
    with pytest.raises(ValueError, match=r"[Ss]ignature"):
        token_claims(token, PrivateKey.new(GUOMI).public, "you", NOW)


def test_the_secrets_of_a_default_key_stay_as_they_were() -> None:
    """Seals of leaves and keys of treatments of stores made before there were profiles are derived so."""
    own = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    before = HKDF(hashes.SHA256(), 32, None, b"datong evidence leaves").derive(bytes(range(32)))
    assert PrivateKey(own).secret("evidence leaves") == before
