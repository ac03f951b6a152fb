"""Identity keys: made once, rotated without a restart, retired for good, never readable by others."""

from __future__ import annotations

import stat
from pathlib import Path

import jwt
import pytest

from datong.ground.identity import IdentityKey, KeyRing
from datong.ground.refusal import Refusal


def test_the_first_key_is_made_once_and_kept(tmp_path: Path) -> None:
    first, again = KeyRing(tmp_path).current(), KeyRing(tmp_path).current()
    assert first.name == again.name == "1-EdDSA"
    assert first.public_jwk() == again.public_jwk()
    (file,) = (tmp_path / "keys" / "identity").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "PRIVATE" not in repr(first)


def test_a_new_key_signs_and_the_old_one_stays_published_until_it_is_retired(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path)
    ring.current()
    ring.rotate("ES256")
    assert ring.current().name == "2-ES256"
    assert [key.name for key in ring.published()] == ["1-EdDSA", "2-ES256"]
    ring.retire("1-EdDSA")
    assert [key.name for key in KeyRing(tmp_path).published()] == ["2-ES256"]
    assert ring.rotate("EdDSA").name == "3-EdDSA"


@pytest.mark.parametrize(("name", "code"), [("1-EdDSA", "KEY-409"), ("7-EdDSA", "KEY-404"), ("../node", "KEY-404")])
def test_what_cannot_be_retired(tmp_path: Path, name: str, code: str) -> None:
    ring = KeyRing(tmp_path)
    ring.current()
    with pytest.raises(Refusal) as refused:
        ring.retire(name)
    assert refused.value.code == code
    assert len(ring.published()) == 1


@pytest.mark.parametrize("algorithm", ["EdDSA", "ES256"])
def test_its_public_half_verifies_what_it_signs(tmp_path: Path, algorithm: str) -> None:
    key = KeyRing(tmp_path).rotate(algorithm)
    token = key.jwt({"sub": "somebody"}, "did:web:here#1")
    public = jwt.PyJWK(key.public_jwk(), algorithm)
    assert jwt.decode(token, public, algorithms=[algorithm]) == {"sub": "somebody"}
    assert jwt.get_unverified_header(token) == {"alg": algorithm, "kid": "did:web:here#1", "typ": "JWT"}
    assert "d" not in key.public_jwk()


@pytest.mark.parametrize("content", [b"", b"no key", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_file_that_is_no_key_is_named(tmp_path: Path, content: bytes) -> None:
    ring = KeyRing(tmp_path)
    ring.current()
    (tmp_path / "keys" / "identity" / "2-ES256.pem").write_bytes(content)
    with pytest.raises(Refusal, match="KEY-400") as refused:
        ring.published()
    assert "2-ES256.pem" in str(refused.value)


def test_a_key_of_another_kind_than_its_name_is_none(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path)
    ring.rotate("ES256")
    (tmp_path / "keys" / "identity" / "1-ES256.pem").rename(tmp_path / "keys" / "identity" / "1-EdDSA.pem")
    with pytest.raises(Refusal, match="KEY-400"):
        ring.current()


def test_an_algorithm_that_is_none_of_ours(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="HS256"):
        KeyRing(tmp_path).rotate("HS256")
    assert isinstance(KeyRing(tmp_path).current(), IdentityKey)
