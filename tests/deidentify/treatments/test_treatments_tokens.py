"""Tokens: equal for equal values under one key, bound to agreement, domain and purpose, never shorter than 128 bits."""

from __future__ import annotations

import hashlib
import hmac
from itertools import combinations

import numpy as np
import pyarrow as pa
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from datong.deidentify.model.treatments import BadValues, Trace
from datong.deidentify.rules.treatments import tokens
from datong.deidentify.rules.treatments.keys import derived, key_id
from datong.ground.crypto import hashing
from datong.ground.crypto.profile import GUOMI, as_if

KEY = bytes(range(32))
IDS = ["A00000000001", "A00000000002", None, "A00000000001", "", "张三", "123456789012345"]


def test_hmac_tokens_are_the_first_half_of_hmac_sha256() -> None:
    made = tokens.hmac_tokens(pa.chunked_array([IDS[:3], [*IDS[3:], "x" * 4000]]), KEY).to_pylist()
    expected = [
        None if one is None else hmac.new(KEY, one.encode(), hashlib.sha256).digest()[:16] for one in [*IDS, "x" * 4000]
    ]
    assert made == expected


def test_aes_tokens_are_one_block_each_and_undone_by_the_key() -> None:
    made = tokens.aes_tokens(pa.array(IDS), KEY)
    assert made.type == pa.binary(16)
    decrypt = Cipher(algorithms.AES(KEY), modes.ECB()).decryptor()  # noqa: S305
    for value, token in zip(IDS, made.to_pylist(), strict=True):
        if value is None:
            assert token is None
            continue
        block = decrypt.update(token)
        assert block[: block[15]].decode() == value
        assert set(block[block[15] : 15]) <= {0}


def test_packing_is_injective_for_values_that_end_in_zero_bytes() -> None:
    values = ["", "\0", "\0\0", "a", "a\0", "a\0\0"]
    made = tokens.aes_tokens(pa.array(values), KEY).to_pylist()
    assert all(one != other for one, other in combinations(made, 2))


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_slices_and_every_width_give_the_same_tokens(kind: pa.DataType) -> None:
    values = [f"{number:012}" for number in range(3000)]
    whole = tokens.aes_tokens(pa.array(values, kind), KEY)
    assert tokens.aes_tokens(pa.array(["x", *values, "yz"], kind).slice(1, 3000), KEY).equals(whole)
    mixed = tokens.aes_tokens(pa.array(["x", *values], kind), KEY)
    assert mixed.slice(1).equals(whole)


def test_batches_do_not_change_the_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    values = pa.array([f"{number:012}" for number in range(1000)])
    whole = tokens.aes_tokens(values, KEY)
    monkeypatch.setattr(tokens, "AT_ONCE", 7)
    assert tokens.aes_tokens(values, KEY).equals(whole)


def test_a_value_of_more_than_one_block_is_refused_for_aes() -> None:
    with pytest.raises(BadValues) as refused:
        tokens.aes_tokens(pa.array(["short", None, "sixteen bytes ab", "身份证号码身"]), KEY)
    assert str(refused.value) == "2 values are longer than the 15 bytes that aes takes; use hmac (the first in row 3)"


def test_empty_columns_stay_empty() -> None:
    for make in (tokens.aes_tokens, tokens.hmac_tokens):
        assert make(pa.array([], pa.string()), KEY).to_pylist() == []
        assert make(pa.array([None, None], pa.string()), KEY).to_pylist() == [None, None]


def test_hexadecimal_is_the_token_written_out() -> None:
    made = tokens.aes_tokens(pa.array(IDS), KEY)
    expected = [None if token is None else token.hex() for token in made.to_pylist()]
    assert tokens.as_hex(made).to_pylist() == expected
    assert tokens.as_hex(made.slice(2, 3)).to_pylist() == expected[2:5]


def test_every_part_of_the_context_makes_another_key() -> None:
    given = {"agreement": "A", "domain": "d", "purpose": "p", "use": "u"}
    keys = [derived(KEY, **given)] + [derived(KEY, **{**given, name: "x"}) for name in given]
    keys += [derived(KEY[::-1], **given), derived(KEY, agreement="Ad", domain="", purpose="p", use="u")]
    assert len(set(keys)) == len(keys)
    assert all(len(key) == 32 for key in keys)
    with pytest.raises(ValueError, match="32 bytes"):
        derived(KEY[:31], **given)


def test_a_key_is_named_without_telling_it() -> None:
    assert key_id(KEY) == key_id(bytes(KEY)) != key_id(KEY[::-1])
    assert KEY.hex()[:16] != key_id(KEY)


def test_what_tokens_leave_is_said_and_true() -> None:
    """Frequency remains: the token that stands most often is the value that did."""
    values = ["m"] * 70 + ["f"] * 30
    made = tokens.hmac_tokens(pa.array(values), KEY).to_pylist()
    assert sorted(np.unique(np.array(made), return_counts=True)[1].tolist()) == [30, 70]
    assert {Trace.equality, Trace.frequency} <= tokens.HMAC.traces
    assert not tokens.HMAC.reversible
    assert tokens.AES.reversible


def test_sm4_tokens_are_one_block_each_and_undone_by_the_key() -> None:
    """GB/T 32907-2016: the value and its length are one block; the token is that block, encrypted."""
    made = tokens.sm4_tokens(pa.array(["贵A12345", None, ""]), KEY).to_pylist()
    undone = Cipher(algorithms.SM4(KEY[:16]), modes.ECB()).decryptor()  # noqa: S305
    value = "贵A12345".encode()
    assert undone.update(made[0]) == value.ljust(15, b"\0") + bytes([len(value)]) and made[1] is None
    assert undone.update(made[2]) == bytes(16)
    assert made[0] != tokens.aes_tokens(pa.array(["贵A12345"]), KEY).to_pylist()[0]
    with pytest.raises(BadValues, match="15 bytes that sm4 takes"):
        tokens.sm4_tokens(pa.array(["sixteen bytes ab"]), KEY)


def test_hmac_tokens_and_derived_keys_are_of_the_nodes_profile() -> None:
    """So that two owners of one profile join, and nothing of the other profile is made."""
    with as_if(GUOMI):
        assert tokens.hmac_tokens(pa.array(["x"]), KEY).to_pylist() == [hashing.mac(KEY, b"x", "sm3")[:16]]
        national = derived(KEY, agreement="a", domain="d", purpose="p", use="token hmac")
    assert tokens.hmac_tokens(pa.array(["x"]), KEY).to_pylist() == [hashing.mac(KEY, b"x", "sha256")[:16]]
    assert national != derived(KEY, agreement="a", domain="d", purpose="p", use="token hmac")
