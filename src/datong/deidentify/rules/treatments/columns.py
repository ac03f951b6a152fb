"""Columns as the treatments take them: texts, finite numbers, times; what is none is told by count and row alone.

Must never know: plans, keys. Contract: tests/deidentify/treatments/test_treatments_values.py.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from datong.deidentify.model.treatments import BadValues
from datong.deidentify.rules.spelling import one_spelling

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
NUMBER = r"^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,3})?$"
FORMATS = (
    "%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ",
    "%Y/%m/%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M", "%Y%m%d%H%M%S", "%Y年%m月%d日",
)  # fmt: skip
"""How times are written that need no `format`."""

Column: TypeAlias = pa.Array | pa.ChunkedArray


def one(column: Column) -> pa.Array:
    """A column as one Array."""
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def texts(column: Column) -> pa.Array:
    """The column as one Array of strings, nulls kept. Whole numbers are written without a fraction."""
    array = one(column)
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_string(array.type):
        return array
    if pa.types.is_nested(array.type) or pa.types.is_binary(array.type):
        raise BadValues("该列不是单个值的列", "the column holds no single values")
    if pa.types.is_floating(array.type):
        lost = pc.fill_null(pc.invert(pc.is_finite(array)), False)
        require(np.asarray(lost), "是 NaN 或无穷大", "are NaN or infinite")
    return one(written(array))


def written(array: Column) -> Column:
    """Single values as texts: a number that is whole as its digits, of whatever type. A phone number kept in a column
    of fractions (a table with gaps often has one) is the same text as elsewhere, not 1.3800138e+10."""
    text = pc.cast(array, pa.string())
    if not (pa.types.is_floating(array.type) or pa.types.is_decimal128(array.type)):
        return text
    whole = pc.fill_null(pc.equal(array, pc.floor(array)), False)
    if pa.types.is_floating(array.type):
        whole = pc.and_(whole, pc.less(pc.abs(pc.fill_null(array, 0)), 2.0**53))
    exact = pa.decimal128(38, 0) if pa.types.is_decimal(array.type) else pa.int64()
    digits = pc.cast(pc.if_else(whole, array, None), exact)
    return pc.if_else(whole, pc.cast(digits, pa.string()), text)


def persons_of(ids: Column) -> pa.Array:
    """The ids of persons, a column of strings, each in one spelling; null stays null."""
    codes, known = codes_of(ids)
    return pa.array(map(one_spelling, known.to_pylist()), pa.string()).take(pa.array(codes, mask=codes < 0))


def mask_of_null(array: Column) -> Bools:
    found: Bools = np.asarray(pc.is_null(array))
    return found


def require(bad: Bools, zh: str, en: str) -> None:
    """Refuse where `bad` has any; told are how many and the first row (from 1), never the value."""
    if not bad.any():
        return
    first, count = int(bad.argmax()) + 1, int(bad.sum())
    raise BadValues(f"{count} 个值{zh}（首个在第 {first} 行）", f"{count} values {en} (the first in row {first})")


def numbers(column: Column) -> tuple[Floats, Bools]:
    """The column's numbers as float64 and where it has none (null; the number there is 0).

    NaN, infinities, texts that are no numbers and whole numbers beyond 2**53 (which float64 would change) are refused.
    """
    array = one(column)
    if pa.types.is_boolean(array.type) or pa.types.is_temporal(array.type):
        raise BadValues("该列不是数值列", "the column is none of numbers")
    if not (pa.types.is_integer(array.type) or pa.types.is_floating(array.type) or pa.types.is_decimal(array.type)):
        array = texts(array)
        array = pc.if_else(pc.equal(array, ""), pa.scalar(None, pa.string()), array)
        formed = pc.match_substring_regex(array, NUMBER)
        require(np.asarray(pc.fill_null(pc.invert(formed), False)), "不是数值", "are no finite numbers")
    empty = mask_of_null(array)
    filled = np.asarray(pc.fill_null(pc.cast(array, pa.float64(), safe=False), 0.0), dtype=np.float64)
    require(~np.isfinite(filled), "是 NaN 或无穷大", "are NaN or infinite")
    if not pa.types.is_floating(array.type):
        large = (np.abs(filled) >= 2**53) & (filled == np.floor(filled))
        require(large, "超过 2 的 53 次方，不能精确计算", "are beyond 2**53 and cannot be computed with exactly")
    return filled, empty


def as_numbers(values: Floats, empty: Bools) -> pa.Array:
    """An Array of the computed numbers: whole where all are; an overflow is refused."""
    require(~np.isfinite(values) & ~empty, "计算溢出", "overflow")
    whole = bool(np.all((values == np.floor(values)) & (np.abs(values) < 2**53)))
    return pa.array(values.astype(np.int64) if whole else values, mask=empty)


def times(column: Column, form: str = "") -> tuple[pa.Array, str]:
    """(timestamps in seconds, the format they were written in; "" where the column is of a time type already).

    form: a strptime format; without it the one of FORMATS that every value is written in. A text that is no such time
    (30 February among them) is refused.
    """
    array = one(column)
    if pa.types.is_date(array.type) or pa.types.is_timestamp(array.type):
        return pc.cast(array, pa.timestamp("s"), safe=False), ""
    array = texts(array)
    array = pc.if_else(pc.equal(array, ""), pa.scalar(None, pa.string()), array)
    fewest, said = None, array
    for tried in (form,) if form else FORMATS:
        read = pc.strptime(array, format=tried, unit="s", error_is_null=True)
        good = pc.fill_null(pc.equal(pc.strftime(read, format=tried), said), False)
        bad = ~np.asarray(good) & ~mask_of_null(array)
        if not bad.any():
            return read, tried
        fewest = bad if fewest is None or bad.sum() < fewest.sum() else fewest
    assert fewest is not None
    require(fewest, "不是可读的时间；可用 format 写明格式", "are no times that can be read; say how by format")
    raise AssertionError("a value was bad")


def as_times(stamps: pa.Array, form: str, like: Column) -> pa.Array:
    """Timestamps written as they were: in the format, or in the type of the column `like`."""
    return pc.strftime(stamps, format=form) if form else pc.cast(stamps, one(like).type, safe=False)


def codes_of(array: Column) -> tuple[npt.NDArray[np.int64], pa.Array]:
    """(the number of each row's value among the distinct ones, -1 for null; the distinct values)."""
    whole = one(array)
    if pa.types.is_nested(whole.type):
        raise BadValues("该列不是单个值的列", "the column holds no single values")
    if pa.types.is_dictionary(whole.type):
        whole = whole.dictionary_decode()
    encoded = whole.dictionary_encode()
    return np.asarray(pc.fill_null(pc.cast(encoded.indices, pa.int64()), -1)), encoded.dictionary
