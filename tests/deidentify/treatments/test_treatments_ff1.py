"""FF1: the NIST samples both ways, batches against the standard written out row by row, what is refused; small domains."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from datong.deidentify.model.treatments import BadValues
from datong.deidentify.rules.treatments.ff1 import ciphered, ff1_column
from datong.deidentify.rules.treatments.small_domains import permutation, permuted_column

SAMPLES = json.loads(Path(__file__).with_name("nist_ff1_samples.json").read_text("utf-8"))["vectors"]
SIGNS = "0123456789abcdefghijklmnopqrstuvwxyz"
KEY = bytes(range(32))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: f"sample{sample['n']}")
def test_the_nist_samples_come_out_both_ways(sample: dict[str, object]) -> None:
    alphabet, key, tweak = SIGNS[: sample["radix"]], bytes.fromhex(sample["key"]), bytes.fromhex(sample["tweak"])
    made = ff1_column(pa.array([sample["pt"], None, sample["pt"]]), alphabet, key, tweak)
    assert made.to_pylist() == [sample["ct"], None, sample["ct"]]
    assert ff1_column(made, alphabet, key, tweak, back=True).to_pylist() == [sample["pt"], None, sample["pt"]]


def by_the_standard(digits: list[int], radix: int, key: bytes, tweak: bytes) -> list[int]:
    """SP 800-38G algorithm 7, step by step, one value, Python's integers; shares no line with the code under test."""

    def num(x: list[int]) -> int:
        total = 0
        for digit in x:
            total = total * radix + digit
        return total

    def string(m: int, x: int) -> list[int]:
        made = [0] * m
        for at in range(1, m + 1):
            made[m - at], x = x % radix, x // radix
        return made

    def cbc_mac(data: bytes) -> bytes:
        enciphered = Cipher(algorithms.AES(key), modes.CBC(bytes(16))).encryptor().update(data)
        return enciphered[-16:]

    n, t = len(digits), len(tweak)
    u = n // 2
    v = n - u
    a, b_half = digits[:u], digits[u:]
    b = -(-((radix**v - 1).bit_length()) // 8)
    d = 4 * -(-b // 4) + 4
    p = bytes([1, 2, 1]) + radix.to_bytes(3, "big") + bytes([10, u % 256]) + n.to_bytes(4, "big") + t.to_bytes(4, "big")
    for i in range(10):
        q = tweak + bytes((-t - b - 1) % 16) + bytes([i]) + num(b_half).to_bytes(b, "big")
        r = cbc_mac(p + q)
        s = r
        for j in range(1, -(-d // 16)):
            xored = bytes(one ^ other for one, other in zip(r, j.to_bytes(16, "big"), strict=True))
            s += Cipher(algorithms.AES(key), modes.ECB()).encryptor().update(xored)  # noqa: S305
        m = u if i % 2 == 0 else v
        c = (num(a) + int.from_bytes(s[:d], "big")) % radix**m
        a, b_half = b_half, string(m, c)
    return a + b_half


@pytest.mark.parametrize(
    ("radix", "length", "tweak"),
    [
        (2, 20, 0), (2, 112, 3), (2, 113, 0), (10, 6, 0), (10, 7, 11), (10, 18, 12), (10, 19, 16), (10, 33, 40),
        (10, 34, 5), (26, 11, 1), (36, 21, 0), (36, 22, 13), (36, 60, 7), (62, 18, 9), (256, 13, 2), (256, 16, 31),
        (65536, 2, 4), (65536, 7, 0), (65536, 8, 20), (10, 90, 1),
    ],
)  # fmt: skip
def test_a_batch_is_what_the_standard_gives_row_by_row(radix: int, length: int, tweak: int) -> None:
    """Numbers of 56 bits and more, several blocks of y, tweaks beside and over the block: both ways of computing."""
    rows = np.random.default_rng(radix * length + tweak).integers(0, radix, (7, length), dtype=np.uint32)
    rows[0], rows[1] = 0, radix - 1
    given = bytes(range(tweak))
    made = ciphered(rows, radix, KEY[:16], given)
    assert made.tolist() == [by_the_standard(row, radix, KEY[:16], given) for row in rows.tolist()]
    assert np.array_equal(ciphered(made, radix, KEY[:16], given, back=True), rows)


@pytest.mark.parametrize(("radix", "length"), [(1, 10), (65537, 2), (10, 5), (2, 19), (1000, 1), (999, 2)])
def test_where_ff1_is_undefined_it_is_refused(radix: int, length: int) -> None:
    with pytest.raises(ValueError, match=r"radix|domain"):
        ciphered(np.zeros((1, length), dtype=np.uint32), radix, KEY)


def test_a_digit_outside_the_radix_is_refused() -> None:
    with pytest.raises(ValueError, match="below the radix"):
        ciphered(np.full((1, 6), 10, dtype=np.uint32), 10, KEY)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (["123456", "12345A"], "1 values are empty or hold signs outside the alphabet (the first in row 2)"),
        (["123456", None, ""], "1 values are empty or hold signs outside the alphabet (the first in row 3)"),
        (["12345"], "there are values of 5 signs, whose domain is below one million; use permuted"),
    ],
)
def test_bad_values_are_told_by_row_and_never_shown(values: list[str | None], said: str) -> None:
    with pytest.raises(BadValues) as refused:
        ff1_column(pa.array(values), "0123456789", KEY)
    assert str(refused.value) == said


def test_chinese_signs_are_an_alphabet_too() -> None:
    alphabet = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼ABCDEFGHJK0123456789"
    plates = pa.array(["京A12345", "粤B0Z".replace("Z", "8") + "123"[:3], "京A12345"])
    made = ff1_column(plates, alphabet, KEY)
    assert made[0].as_py() == made[2].as_py() != "京A12345"
    assert set("".join(made.to_pylist())) <= set(alphabet)
    assert ff1_column(made, alphabet, KEY, back=True).to_pylist() == plates.to_pylist()


def test_a_small_domain_is_permuted_by_the_key() -> None:
    every = permutation(10_000, KEY, 4)
    assert sorted(every.tolist()) == list(range(10_000))
    assert every.tolist() != permutation(10_000, KEY[::-1], 4).tolist() != permutation(10_000, KEY, 5).tolist()
    column = pa.array(["0000", "9999", None, "0000", "12"])
    made = permuted_column(column, "0123456789", KEY).to_pylist()
    assert made[0] == made[3] == f"{every[0]:04}"
    assert made[1] == f"{every[9999]:04}"
    assert made[2] is None
    assert len(made[4]) == 2


def test_a_large_domain_is_not_permuted_by_a_table() -> None:
    with pytest.raises(BadValues, match="use ff1"):
        permuted_column(pa.array(["123456"]), "0123456789", KEY)
