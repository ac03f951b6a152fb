"""A keyed random permutation of a small domain, for values whose domain is too small for FF1 (below one million).

The table of all values of one length is put into the order of their AES-256 images: a permutation that nobody without
the key can tell from one drawn at random, kept only while it is used. It hides which value is which, nothing else: of
a domain of ten values an attacker who knows frequencies reads most. Must never know: plans, where keys come from.
Contract: tests/deidentify/treatments/test_treatments_ff1.py.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from datong.deidentify.model.treatments import BadValues, Remains, Trace
from datong.deidentify.rules.treatments.columns import Column, codes_of
from datong.deidentify.rules.treatments.ff1 import SMALLEST_DOMAIN, of_lengths, written
from datong.deidentify.rules.treatments.tokens import encrypted, encryptor
from datong.ground.refusal import Text

PERMUTED = Remains(
    frozenset((Trace.equality, Trace.frequency, Trace.length, Trace.presence)),
    Text("相等、频次、长度仍在；取值很少时凭频次即可猜出；持有密钥者可还原。",
         "equality, frequency and length remain, and where values are few their frequencies tell which is which; who "
         "holds the key can undo it"),
    reversible=True,
)  # fmt: skip


def permutation(size: int, key: bytes, length: int) -> npt.NDArray[np.int64]:
    """A permutation of 0..size-1 that only the holder of the key can make; another one for every length."""
    if not 1 <= size < SMALLEST_DOMAIN:
        raise ValueError("a table is for fewer than a million values")
    blocks = np.zeros((size, 16), dtype=np.uint8)
    blocks[:, 8:] = np.arange(size, dtype=">u8").view(np.uint8).reshape(-1, 8)
    blocks[:, 4:8] = np.frombuffer(length.to_bytes(4, "big"), dtype=np.uint8)
    images = np.ascontiguousarray(encrypted(encryptor(key), blocks)).view(">u8").reshape(-1, 2)
    return np.lexsort((images[:, 1], images[:, 0])).astype(np.int64)


def permuted_column(column: Column, alphabet: str, key: bytes) -> pa.Array:
    """An Array of strings, each value put in the place of another of its length; null stays null."""
    codes, values = codes_of(column)
    known = values.to_pylist()
    made: list[str] = list(known)
    radix = len(alphabet)
    for rows, digits in of_lengths(known, alphabet, codes):
        length = digits.shape[1]
        if radix**length >= SMALLEST_DOMAIN:
            raise BadValues(
                f"有 {length} 个字符的值，其取值域不小于一百万；请用 ff1",
                f"there are values of {length} signs, whose domain is a million or more; use ff1",
            )
        numbers = digits.astype(np.int64) @ radix ** np.arange(length - 1, -1, -1, dtype=np.int64)
        images = permutation(radix**length, key, length)[numbers]
        places = radix ** np.arange(length - 1, -1, -1, dtype=np.int64)
        done = (images[:, None] // places % radix).astype(np.uint32)
        for row, text in zip(rows, written(done, alphabet), strict=True):
            made[row] = text
    return pa.array(made, pa.string()).take(pa.array(codes, mask=codes < 0))
