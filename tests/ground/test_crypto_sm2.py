"""SM2: the example of the standard, and signatures and points that must not pass."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datong.ground.crypto import hashing, sm2
from datong.ground.refusal import Refusal

pytest.importorskip("tongsuopy", reason="needs the extra guomi")

D = 0x3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8
X = 0x09F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020
Y = 0xCCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13
R = 0xF5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3
S = 0xB1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA
MESSAGE = b"message digest"
"""GB/T 32918.5-2017 annex A (GM/T 0003.5-2012 annex A): key pair, message and signature; id 1234567812345678."""
PUBLIC = sm2.compressed(X, Y)


def signature(r: int, s: int) -> bytes:
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def test_the_signature_of_the_standard_verifies() -> None:
    assert sm2.verifies(PUBLIC, signature(R, S), MESSAGE)
    assert not sm2.verifies(PUBLIC, signature(R, S), MESSAGE + b".")


def test_the_key_of_the_standard_has_its_public_key_and_signs() -> None:
    key = sm2.Sm2Key.of_number(D)
    assert key.public == PUBLIC and sm2.point(PUBLIC) == (X, Y)
    assert key.private_bytes() == D.to_bytes(32, "big")
    made = key.sign(MESSAGE)
    assert len(made) == 64 and made != key.sign(MESSAGE)  # a fresh random number each time
    assert sm2.verifies(PUBLIC, made, MESSAGE)


def test_z_of_the_standard_is_what_is_signed_over() -> None:
    """ZA of annex A.2: the signer's id and curve enter the digest; another id would give another signature."""
    identity = b"1234567812345678"
    gx = 0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7
    gy = 0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0
    numbers = b"".join(value.to_bytes(32, "big") for value in (sm2.A, sm2.B, gx, gy, X, Y))
    z = hashing.hash_bytes((8 * len(identity)).to_bytes(2, "big") + identity + numbers, "sm3")
    assert z.hex() == "b2e14c5c79c6df5b85f4fe7ed8db7a262b9da7e07ccb0ea9f4747b8ccda8a4f3"
    assert hashing.hash_bytes(z + MESSAGE, "sm3").hex() == (
        "f0b43e94ba45accaace692ed534382eb17e6ab5a19ce7b31f4486fdfc0d28640"
    )


@pytest.mark.parametrize(
    ("r", "s"),
    [(0, S), (R, 0), (0, 0), (sm2.N, S), (R, sm2.N), (R + sm2.N, S), (R, S + sm2.N), (2**256 - 1, S), (R, 2**256 - 1),
     (R, sm2.N - R), (sm2.N - R, R), (R, sm2.N - S), (sm2.N - R, S), (S, R), (R, (S + 1) % sm2.N)],
)  # fmt: skip
def test_numbers_out_of_range_zero_sums_and_other_forms_do_not_verify(r: int, s: int) -> None:
    """Steps B1, B2 and B5 of GB/T 32918.2 section 7.1, and what would make signatures malleable."""
    numbers = [value % 2**256 for value in (r, s)]
    assert not sm2.verifies(PUBLIC, signature(*numbers), MESSAGE)


@pytest.mark.parametrize("made", [b"", signature(R, S)[:-1], signature(R, S) + b"\0", b"\0" + signature(R, S)])
def test_a_signature_of_another_length_does_not_verify(made: bytes) -> None:
    assert not sm2.verifies(PUBLIC, made, MESSAGE)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 63), st.integers(1, 255))
def test_one_changed_byte_is_noticed(place: int, flip: int) -> None:
    made = bytearray(signature(R, S))
    made[place] ^= flip
    assert not sm2.verifies(PUBLIC, bytes(made), MESSAGE)


@pytest.mark.parametrize(
    ("public", "why"),
    [
        (PUBLIC[:-1], "33 bytes"),
        (PUBLIC + b"\0", "33 bytes"),
        (b"\x04" + X.to_bytes(32, "big") + Y.to_bytes(32, "big"), "33 bytes"),  # the long form is not a second one
        (b"\x05" + PUBLIC[1:], "33 bytes"),
        (b"\x00" * 33, "33 bytes"),  # the point at infinity has no such form
        (b"\x02" + sm2.P.to_bytes(32, "big"), "not in the field"),
        (b"\x02" + (2**256 - 1).to_bytes(32, "big"), "not in the field"),
        (b"\x02" + (5).to_bytes(32, "big"), "not a point"),
    ],
)
def test_what_is_no_point_of_the_curve_is_no_key(public: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        sm2.point(public)
    with pytest.raises(ValueError, match=why):
        sm2.verifies(public, signature(R, S), MESSAGE)


def test_a_point_beside_the_curve_is_not_written() -> None:
    for x, y in ((X, Y + 1), (X + sm2.P, Y), (0, 0)):
        with pytest.raises(ValueError, match="not a point"):
            sm2.compressed(x, y)


@pytest.mark.parametrize("number", [0, sm2.N - 1, sm2.N, -1])
def test_private_numbers_out_of_range_are_none(number: int) -> None:
    with pytest.raises(ValueError, match="no private number"):
        sm2.Sm2Key.of_number(number)


def test_keys_are_read_from_the_form_they_are_written_in() -> None:
    key = sm2.Sm2Key.new()
    assert sm2.CURVE_OID.hex() in key_body(key.as_pem()).hex()
    assert sm2.Sm2Key.of_pem(key.as_pem()).private_bytes() == key.private_bytes()


def key_body(pem: bytes) -> bytes:
    import base64

    return base64.b64decode(b"".join(pem.splitlines()[1:-1]))


def test_without_the_extra_the_refusal_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("tongsuopy")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tongsuopy", None)
    sm2._library.cache_clear()
    try:
        with pytest.raises(Refusal, match=r"GND-501.*pip install 'datong\[guomi\]'"):
            sm2.Sm2Key.new()
    finally:
        sm2._library.cache_clear()


def test_the_library_is_loaded_only_where_it_is_used() -> None:
    code = (
        "import sys; from datong.ground.keys import PrivateKey, PublicKey; k = PrivateKey.new(); "
        "assert k.public.verifies(k.sign(b'x'), b'x'); assert PublicKey('SM2:x'); "
        "assert not [m for m in sys.modules if m.startswith('tongsuopy')]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
