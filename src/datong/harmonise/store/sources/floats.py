"""Floating-point numbers as text: a whole one as its digits, any other in the fewest digits that give it again.

Libraries and databases write from some size on an exponent (1.3812345678e+10 for a telephone number in a column that
has an empty cell, and so became floating point), which no id is read from. Beyond what a number of its kind counts
in ones the digits may be others than were meant: there the exponent stays, by which such ids are known
(rules.suspicions). Contract: tests/harmonise/test_harmonise_typed_files.py, test_harmonise_databases.py.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

COUNTED = {16: 2**11, 32: 2**24, 64: 2**53}
"""Bits of a number -> how far it counts in ones."""


def text_of(value: float, bits: int = 64) -> str:
    return str(int(value)) if value.is_integer() and abs(value) <= COUNTED[bits] else repr(value)


def texts_of(array: pa.Array) -> pa.Array:
    """The texts of an array of floating-point numbers."""
    texts = pc.cast(array, pa.string())
    counted = COUNTED[array.type.bit_width]
    wide = pc.cast(array, pa.float64())
    whole = pc.and_(pc.less_equal(pc.abs(wide), float(counted)), pc.match_substring(texts, "e"))
    whole = pc.fill_null(pc.and_(whole, pc.equal(pc.floor(wide), wide)), fill_value=False)
    if not pc.any(whole).as_py():
        return texts
    digits = pc.cast(pc.cast(pc.if_else(whole, wide, 0.0), pa.int64()), pa.string())
    return pc.if_else(whole, digits, texts)


def written_out(text: str | None, bits: int) -> str | None:
    """The text of a database for such a number, without the exponent of a whole one."""
    if text is None or "e" not in text:
        return text
    value = float(text)
    return str(int(value)) if value.is_integer() and abs(value) <= COUNTED[bits] else text
