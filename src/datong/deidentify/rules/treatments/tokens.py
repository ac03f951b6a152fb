"""Keyed tokens: the same value gives the same token under one key, and nothing else without it.

Three ways, all injective in practice and all 128 bits (privacy.md 5.1: never fewer):

    hmac    HMAC-SHA256 (RFC 2104, FIPS 198-1), on a node of profile guomi HMAC-SM3 (GB/T 15852.2), its first 16 bytes.
            For values of any length. One-way: even who holds the key must try values to undo it. Only distinct values
            are computed.
    aes     AES-256 (FIPS 197) of the value packed into one 16-byte block with its length in the last byte; so up to 15
            bytes of UTF-8. A block cipher is a permutation of the 2**128 blocks that nobody without the key can tell
            from one drawn at random (PRP): tokens never collide, and two tokens show only whether their values are
            equal. That is all that "ECB" shows too, since each value is one block of its own; longer values, whose
            blocks would repeat inside, are refused. Who holds the key can decrypt: destroy it to make it final.
    sm4     the same with SM4 (GB/T 32907-2016), whose blocks are as long, under the first 16 bytes of the key.

What both leave: equality and frequency. A column whose values are few or guessable by their frequency (sex, district)
is not hidden by tokens. Must never know: where keys come from, plans.
Contract: tests/deidentify/treatments/test_treatments_tokens.py; speed: bench/treatments.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes

from datong.deidentify.model.treatments import Remains, Trace
from datong.deidentify.rules.treatments.columns import Column, codes_of, one, require
from datong.ground.crypto import hashing
from datong.ground.refusal import Text

BLOCK = 16
LONGEST = BLOCK - 1
AT_ONCE = 1 << 20
"""Rows of one batch: its blocks stay in the processor's cache."""
Blocks = npt.NDArray[np.uint8]
BlockCipher: TypeAlias = CipherContext
_HEX = re.compile(rf"[0-9a-f]{{{2 * BLOCK}}}")

HMAC = Remains(
    frozenset((Trace.equality, Trace.frequency, Trace.presence)),
    Text("同一密钥下相等的值得到相等的假名：仍可看出相等与频次；没有密钥不能还原或重算。",
         "equal values have equal tokens under this key: equality and frequency remain; nothing else without the key"),
)  # fmt: skip
AES = Remains(
    HMAC.traces,
    Text(f"{HMAC.told.zh}持有密钥者可解密；密钥销毁后不能再生成。",
         f"{HMAC.told.en}; who holds the key can decrypt, and once it is destroyed nobody can"),
    reversible=True,
)  # fmt: skip


def hmac_tokens(column: Column, key: bytes) -> pa.Array:
    """16-byte tokens of an Array of strings; null stays null."""
    codes, values = codes_of(column)
    of = hashing.keyed(key)
    made = b"".join(of(value.encode())[:BLOCK] for value in values.to_pylist())
    distinct = np.frombuffer(made, dtype=np.uint8).reshape(-1, BLOCK)
    if not len(distinct):
        return pa.nulls(len(codes), pa.binary(BLOCK))
    return _array(distinct[codes], codes < 0)


def aes_tokens(column: Column, key: bytes) -> pa.Array:
    """16-byte tokens of an Array of strings of up to 15 bytes; null stays null. Refuses longer values."""
    return _block_tokens(column, "aes", encryptor(key))


def sm4_tokens(column: Column, key: bytes) -> pa.Array:
    """The same by SM4."""
    return _block_tokens(column, "sm4", Cipher(algorithms.SM4(key[:BLOCK]), modes.ECB()).encryptor())  # noqa: S305


def _block_tokens(column: Column, by: str, cipher: BlockCipher) -> pa.Array:
    data, starts, lengths, empty = _bytes_of(one(column))
    too_long = (lengths > LONGEST) & ~empty
    require(
        too_long, f"超过 15 字节，不能用 {by}；请用 hmac", f"are longer than the 15 bytes that {by} takes; use hmac"
    )
    made = np.empty((len(lengths), BLOCK), dtype=np.uint8)
    for first in range(0, len(lengths), AT_ONCE):
        rows = slice(first, first + AT_ONCE)
        blocks = packed(data, starts[rows], np.where(empty[rows], 0, lengths[rows]))
        encrypted(cipher, blocks, made[rows])
    return _array(made, empty)


def packed(data: Blocks, starts: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64]) -> Blocks:
    """(rows, 16) blocks: the value's bytes, zeros, its length. Injective: the length says where the value ends."""
    blocks = np.zeros((len(starts), BLOCK), dtype=np.uint8)
    longest = int(lengths.max(initial=0))
    if longest and (lengths == longest).all() and (np.diff(starts) == longest).all():
        first = int(starts[0])
        blocks[:, :longest] = data[first : first + longest * len(starts)].reshape(-1, longest)
    else:
        for place in range(longest):
            there = lengths > place
            blocks[there, place] = data[starts[there] + place]
    blocks[:, LONGEST] = lengths
    return blocks


def encryptor(key: bytes) -> BlockCipher:
    """AES of single blocks. Each block is one message of its own here, so that ECB is the block cipher itself."""
    return Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305 - one block is one value


def encrypted(cipher: BlockCipher, blocks: Blocks, into: Blocks | None = None) -> Blocks:
    """AES of every row of (rows, 16) blocks."""
    if into is not None and into.flags.c_contiguous and len(into):
        room = np.empty(into.nbytes + BLOCK - 1, dtype=np.uint8)
        cipher.update_into(blocks.reshape(-1).data, room.data)
        into[:] = room[: into.nbytes].reshape(into.shape)
        return into
    return np.frombuffer(cipher.update(blocks.tobytes()), dtype=np.uint8).reshape(-1, BLOCK)


def are_tokens(values: Iterable[str | None]) -> bool:
    """Whether these texts are tokens as `as_hex` writes them. A UUID without its dashes is none: its version stands in
    the same place of each."""
    there = [value for value in values if value is not None]
    return bool(there) and all(map(_HEX.fullmatch, there)) and len({value[12] for value in there}) > min(len(there), 2)


def as_hex(tokens: pa.Array) -> pa.Array:
    """Tokens as texts of 32 hexadecimal digits, for files that hold no bytes."""
    size = tokens.type.byte_width
    data = tokens.buffers()[1]
    raw = bytes(memoryview(data)[tokens.offset * size : (tokens.offset + len(tokens)) * size]) if data else b""
    letters = raw.hex().encode()
    offsets = np.arange(len(tokens) + 1, dtype=np.int64) * (2 * size)
    empty = _validity(np.asarray(tokens.is_null()))
    return pa.LargeStringArray.from_buffers(len(tokens), pa.py_buffer(offsets), pa.py_buffer(letters), empty)


def _validity(empty: npt.NDArray[np.bool_]) -> pa.Buffer | None:
    return pa.py_buffer(np.packbits(~empty, bitorder="little").tobytes()) if empty.any() else None


def _array(tokens: Blocks, empty: npt.NDArray[np.bool_]) -> pa.Array:
    buffers = [_validity(empty), pa.py_buffer(np.ascontiguousarray(tokens))]
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(BLOCK), len(tokens), buffers)


def _bytes_of(array: pa.Array) -> tuple[Blocks, npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """(the bytes of an Array of strings, where each value starts, its length, whether it is null)."""
    wide = pa.types.is_large_string(array.type)
    _, places, data = array.buffers()
    kind = np.int64 if wide else np.int32
    offsets = np.frombuffer(places, dtype=kind)[array.offset : array.offset + len(array) + 1].astype(np.int64)
    letters = np.frombuffer(data, dtype=np.uint8) if data else np.zeros(0, dtype=np.uint8)
    empty = np.asarray(array.is_null())
    return letters, offsets[:-1], np.diff(offsets), empty
