"""FF1, format-preserving encryption (NIST SP 800-38G, algorithms 7 and 8), over whole columns at once.

Values of n signs of an alphabet become other values of n signs of it. The ten Feistel rounds are the standard's; what
is done here is that each round encrypts one AES block for every row of a batch in one call. FF3 and FF3-1 are left
out: the revision of the standard (SP 800-38G r1, 2nd public draft, 2025) drops them, and demands radix**n >= 1,000,000:
less is refused here. Smaller domains get a keyed random permutation (small_domains).

Numbers: half a value as one integer. Below 2**56 that is uint64, and y mod radix**m is taken byte by byte (Horner), so
that nothing overflows; above, Python's integers in arrays of objects, slower. Must never know: plans, keys' places.
Contract: tests/deidentify/treatments/test_treatments_ff1.py (all NIST samples, both directions).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from datong.deidentify.model.treatments import BadValues, Remains, Trace
from datong.deidentify.rules.treatments.columns import Column, codes_of, require
from datong.deidentify.rules.treatments.tokens import BlockCipher, encrypted, encryptor
from datong.ground.refusal import Text

SMALLEST_DOMAIN = 1_000_000
RADIX_MAX = 1 << 16
LONGEST = 1 << 12
"""Signs of a value; the standard allows 2**32 - 1, no identifier has so many."""
ROUNDS = 10
PLAIN_BITS = 56
"""Numbers of so many bits are computed with in uint64: one more byte still fits."""
Digits = npt.NDArray[np.uint32]
Numbers = npt.NDArray[Any]

FF1 = Remains(
    frozenset((Trace.equality, Trace.frequency, Trace.length, Trace.presence)),
    Text("相等、频次、长度与字母表仍在；校验位不再成立；持有密钥者可解密。",
         "equality, frequency, length and alphabet remain; check digits no longer hold; who holds the key can decrypt"),
    reversible=True,
)  # fmt: skip


@dataclass(frozen=True)
class Shape:
    """What of FF1 depends on the length alone. u, v: signs of the two halves; b, d: bytes of a half and of y."""

    radix: int
    n: int

    @property
    def u(self) -> int:
        return self.n // 2

    @property
    def v(self) -> int:
        return self.n - self.u

    @property
    def b(self) -> int:
        return (int(self.radix**self.v - 1).bit_length() + 7) // 8

    @property
    def d(self) -> int:
        return 4 * ((self.b + 3) // 4) + 4

    @property
    def plain(self) -> bool:
        return int(self.radix**self.v) < 1 << PLAIN_BITS

    def modulus(self, number: int) -> int:
        """radix**m of round `number`."""
        return int(self.radix ** (self.u if number % 2 == 0 else self.v))


def ciphered(digits: Digits, radix: int, key: bytes, tweak: bytes = b"", *, back: bool = False) -> Digits:
    """FF1 of every row of `digits` (rows, n), all below `radix`; back: decryption. ValueError where it is undefined."""
    rows, n = digits.shape
    if not 2 <= radix <= RADIX_MAX:
        raise ValueError(f"the radix is {radix}, not 2 to {RADIX_MAX}")
    if n < 2 or n > LONGEST or radix**n < SMALLEST_DOMAIN:
        raise ValueError(f"the domain {radix}**{n} has fewer than {SMALLEST_DOMAIN} values, or the value is too long")
    if rows and int(digits.max()) >= radix:
        raise ValueError("a digit is not below the radix")
    shape, cipher = Shape(radix, n), encryptor(key)
    a, b = _number(digits[:, : shape.u], shape), _number(digits[:, shape.u :], shape)
    start = _start(shape, tweak, cipher)
    for number in reversed(range(ROUNDS)) if back else range(ROUNDS):
        modulus = shape.modulus(number)
        y = _y(shape, tweak, number, a if back else b, cipher, start, modulus)
        if back:
            a, b = (b + (modulus - y)) % modulus, a
        else:
            a, b = b, (a + y) % modulus
    return np.concatenate((_digits(a, shape.u, shape), _digits(b, shape.v, shape)), axis=1)


def _number(digits: Digits, shape: Shape) -> Numbers:
    """NUM_radix of every row (algorithm 1)."""
    number: Numbers = np.zeros(len(digits), dtype=np.uint64 if shape.plain else object)
    for place in range(digits.shape[1]):
        column = digits[:, place].astype(np.uint64) if shape.plain else digits[:, place].astype(object)
        number = number * shape.radix + column
    return number


def _digits(number: Numbers, length: int, shape: Shape) -> Digits:
    """STR^length_radix of every row (algorithm 3)."""
    made = np.empty((len(number), length), dtype=np.uint32)
    for place in reversed(range(length)):
        number, last = number // shape.radix, number % shape.radix
        made[:, place] = last
    return made


def _start(shape: Shape, tweak: bytes, cipher: BlockCipher) -> npt.NDArray[np.uint8]:
    """The CBC-MAC after P and the whole blocks of Q that no row changes."""
    first = (
        b"\x01\x02\x01" + shape.radix.to_bytes(3, "big") + bytes((ROUNDS, shape.u % 256))
        + shape.n.to_bytes(4, "big") + len(tweak).to_bytes(4, "big")
    )  # fmt: skip
    state = bytes(cipher.update(first))
    fixed = _padded(shape, tweak)
    for at in range(0, len(fixed) // 16 * 16, 16):
        mixed = bytes(one ^ other for one, other in zip(state, fixed[at : at + 16], strict=True))
        state = bytes(cipher.update(mixed))
    return np.frombuffer(state, dtype=np.uint8)


def _padded(shape: Shape, tweak: bytes) -> bytes:
    """Q up to the round's number: the tweak and its zeros."""
    return tweak + bytes((-len(tweak) - shape.b - 1) % 16)


def _y(
    shape: Shape,
    tweak: bytes,
    number: int,
    half: Numbers,
    cipher: BlockCipher,
    start: npt.NDArray[np.uint8],
    modulus: int,
) -> Numbers:
    """y of a round for every row, reduced by the modulus."""
    fixed = _padded(shape, tweak)
    tail = fixed[len(fixed) // 16 * 16 :] + bytes((number,))
    rest = np.empty((len(half), len(tail) + shape.b), dtype=np.uint8)
    rest[:, : len(tail)] = np.frombuffer(tail, dtype=np.uint8)
    rest[:, len(tail) :] = _bytes(half, shape)
    state = np.broadcast_to(start, (len(half), 16))
    for at in range(0, rest.shape[1], 16):
        state = encrypted(cipher, state ^ rest[:, at : at + 16])
    blocks = [state]
    for more in range(1, -(-shape.d // 16)):
        counter = np.frombuffer(more.to_bytes(16, "big"), dtype=np.uint8)
        blocks.append(encrypted(cipher, state ^ counter))
    return _reduced(np.concatenate(blocks, axis=1)[:, : shape.d], shape, modulus)


def _bytes(number: Numbers, shape: Shape) -> npt.NDArray[np.uint8]:
    if shape.plain:
        return number.astype(">u8").view(np.uint8).reshape(-1, 8)[:, 8 - shape.b :]
    raw = b"".join(int(one).to_bytes(shape.b, "big") for one in number)
    return np.frombuffer(raw, dtype=np.uint8).reshape(-1, shape.b)


def _reduced(data: npt.NDArray[np.uint8], shape: Shape, modulus: int) -> Numbers:
    """The rows of big-endian bytes as numbers mod `modulus`; the plain way takes what fits into 64 bits at a time."""
    if not shape.plain:
        return np.array([int.from_bytes(row.tobytes(), "big") % modulus for row in data], dtype=object)
    if shape.d == 8:
        return np.ascontiguousarray(data).view(">u8").reshape(-1).astype(np.uint64) % np.uint64(modulus)
    left = np.zeros(len(data), dtype=np.uint64)
    step = (64 - modulus.bit_length()) // 8
    for at in range(0, data.shape[1], step):
        for byte in range(at, min(at + step, data.shape[1])):
            left = (left << np.uint64(8)) + data[:, byte]
        left %= np.uint64(modulus)
    return left


# --- columns -----------------------------------------------------------------------------------------------------


def ff1_column(column: Column, alphabet: str, key: bytes, tweak: bytes = b"", *, back: bool = False) -> pa.Array:
    """An Array of strings enciphered sign by sign of `alphabet`; null stays null. Distinct values first.

    Refuses (BadValues) signs outside of the alphabet and values so short that their domain is below a million.
    """
    codes, values = codes_of(column)
    known = values.to_pylist()
    made: list[str] = list(known)
    for rows, digits in of_lengths(known, alphabet, codes):
        if len(alphabet) ** digits.shape[1] < SMALLEST_DOMAIN:
            raise BadValues(
                f"有 {digits.shape[1]} 个字符的值，其取值域不足一百万；请用 permuted",
                f"there are values of {digits.shape[1]} signs, whose domain is below one million; use permuted",
            )
        done = ciphered(digits, len(alphabet), key, tweak, back=back)
        for row, text in zip(rows, written(done, alphabet), strict=True):
            made[row] = text
    return pa.array(made, pa.string()).take(pa.array(codes, mask=codes < 0))


def of_lengths(values: list[str], alphabet: str, codes: npt.NDArray[np.int64]) -> Iterator[tuple[list[int], Digits]]:
    """(numbers of the distinct values of one length, their digits) for every length; refuses foreign signs."""
    if len(set(alphabet)) != len(alphabet) or not 2 <= len(alphabet) <= RADIX_MAX:
        raise BadValues("alphabet 应有 2 至 65536 个互不相同的字符", "alphabet should have 2 to 65536 different signs")
    known = frozenset(alphabet)
    strange = np.array([not value or not known.issuperset(value) for value in values] or [False])
    require(strange[codes] & (codes >= 0), "含字母表以外的字符或为空", "are empty or hold signs outside the alphabet")
    by_length: dict[int, list[int]] = {}
    for number, value in enumerate(values):
        by_length.setdefault(len(value), []).append(number)
    points = np.array([ord(sign) for sign in alphabet])
    order = np.argsort(points)
    for length, rows in sorted(by_length.items()):
        signs = np.array([values[row] for row in rows], dtype=f"U{length}").view(np.uint32).reshape(-1, length)
        yield rows, order[np.searchsorted(points[order], signs)].astype(np.uint32)


def written(digits: Digits, alphabet: str) -> list[str]:
    signs = np.array([ord(sign) for sign in alphabet], dtype=np.uint32)[digits]
    texts: list[str] = np.ascontiguousarray(signs).view(f"U{digits.shape[1]}").reshape(-1).tolist()
    return texts
