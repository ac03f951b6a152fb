"""Digests, HMAC and key derivation by name: official vectors, and names nobody knows."""

from __future__ import annotations

import io

import pytest

from datong.ground.canonical import digest, digest_bytes, hexdigest, is_digest_of, is_digest_of_bytes
from datong.ground.crypto import hashing
from datong.ground.crypto.profile import DEFAULT, GUOMI, as_if

ABC = "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
"""GB/T 32905-2016, annex A.1: the message "abc"."""
ABCD_16 = "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"
"""The same, A.2: "abcd" sixteen times, a block of its own after the message."""


def test_sm3_has_the_values_of_its_standard() -> None:
    assert hashing.hash_bytes(b"abc", "sm3").hex() == ABC
    assert hashing.hash_bytes(b"abcd" * 16, "sm3").hex() == ABCD_16


def test_a_hasher_gives_the_same_in_pieces_and_may_be_asked_twice() -> None:
    made = hashing.hasher("sm3")
    for piece in (b"ab", memoryview(b"c")):
        made.update(piece)
    assert made.hexdigest() == ABC
    made.update(b"d")
    assert made.digest() == hashing.hash_bytes(b"abcd", "sm3")
    assert hashing.file_hex(io.BytesIO(b"abcd" * 16), "sm3") == ABCD_16


def test_hmac_sm3_is_that_of_its_definition() -> None:
    """GB/T 15852.2 and RFC 2104: H(K ^ opad || H(K ^ ipad || m)), computed from SM3 alone."""
    key, message = bytes(range(20)), b"what is authenticated"
    padded = key.ljust(64, b"\0")
    inner = hashing.hash_bytes(bytes(b ^ 0x36 for b in padded) + message, "sm3")
    assert hashing.mac(key, message, "sm3") == hashing.hash_bytes(bytes(b ^ 0x5C for b in padded) + inner, "sm3")


def test_hmac_and_hkdf_of_the_default_profile_have_their_vectors() -> None:
    """RFC 4231 test 2, RFC 5869 A.3 (no salt, no info)."""
    assert hashing.mac(b"Jefe", b"what do ya want for nothing?").hex() == (
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    )
    assert hashing.derived(b"\x0b" * 22, b"", 42).hex() == (
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"
    )


def test_hkdf_sm3_is_hmac_sm3_twice() -> None:
    """RFC 5869: PRK = HMAC(0, secret), T(1) = HMAC(PRK, info || 1)."""
    extracted = hashing.mac(b"\0" * 32, b"secret", "sm3")
    assert hashing.derived(b"secret", b"about", 32, "sm3") == hashing.mac(extracted, b"about\x01", "sm3")


def test_the_running_profile_names_the_digest() -> None:
    value = {"b": 1, "a": [2]}
    assert digest(value).startswith("sha256:")
    with as_if(GUOMI):
        national = digest(value)
        assert national == digest_bytes(b'{"a":[2],"b":1}', "sm3")
        assert hexdigest(value) == national.removeprefix("sm3:")
        assert is_digest_of(digest(value, "sha256"), value)
    assert is_digest_of(national, value)  # who compares goes by the name
    assert not is_digest_of(national, {"a": [2], "b": 2})
    assert not is_digest_of(national.replace("sm3:", "sha256:"), value)


@pytest.mark.parametrize(
    "given",
    [f"md5:{ABC}", f"SM3:{ABC}", ABC, f"sm3:{ABC[:-1]}", f"sm3:{ABC.upper()}", f"sm3:{ABC} ", "", None, 3, "sm3:"],
)
def test_a_digest_of_an_unknown_algorithm_or_form_matches_nothing(given: object) -> None:
    assert not is_digest_of_bytes(given, b"abc")
    assert not (isinstance(given, str) and hashing.is_accepted(given))


def test_an_unknown_algorithm_is_named() -> None:
    for wrong in (lambda: hashing.hash_bytes(b"", "md5"), lambda: hashing.algorithm_of(f"md5:{ABC}")):
        with pytest.raises(ValueError, match="'md5' is not known here"):
            wrong()


def test_digests_of_profiles_that_are_not_accepted_are_no_evidence() -> None:
    assert not hashing.is_accepted(f"sm3:{ABC}")
    assert hashing.is_accepted(f"sha256:{ABC}")
    with as_if(GUOMI):
        assert hashing.is_accepted(f"sm3:{ABC}")
        assert not hashing.is_accepted(f"sha256:{ABC}")
    with as_if(DEFAULT, ["guomi"]):
        assert hashing.is_accepted(f"sm3:{ABC}")


def test_the_digest_of_the_default_profile_stays_as_it_was() -> None:
    """Ids, evidence and signatures of stores made before there were profiles are made of these."""
    assert digest({"b": 1, "a": "贵"}) == "sha256:" + digest({"b": 1, "a": "贵"}, "sha256")[7:]
    assert digest_bytes(b"abc") == "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
