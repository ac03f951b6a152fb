"""Parquet: typed values as one canonical text each, structs as paths, lists as JSON.

Whole numbers and decimals as their digits, floating point as `floats` writes it, booleans `true` and
`false`, durations as the number of their unit, times as `2026-02-01 08:00:00` with the fraction they have and their
zone, bytes as `\\x` and hexadecimal, UUIDs in their usual form.
Contract: tests/harmonise/test_harmonise_typed_files.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datong.harmonise.model.mappings import Source
from datong.harmonise.model.reading import Sample, SampleColumn
from datong.harmonise.store.sources import floats
from datong.harmonise.store.sources.gathering import BATCH_ROWS, COLUMNS_MAX, SAMPLE_VALUES_MAX, Gathered
from datong.harmonise.store.sources.opening import unfolds_too_far
from datong.harmonise.store.sources.telling import refused

_FRACTIONS = ((r"\.0+(Z|[+-]\d{4})?$", r"\1"), (r"(\.\d*[1-9])0+(Z|[+-]\d{4})?$", r"\1\2"))


def gather(source: Source, path: Path, wanted: Iterable[str], gathered: Gathered) -> None:
    """All rows; of a file with more columns than any table has, those of the columns that are `wanted`."""
    with _opened(source, path) as file:
        columns = [name for name in wanted if name != source.named] if file.metadata.num_columns > COLUMNS_MAX else None
        for batch in file.iter_batches(BATCH_ROWS, columns=columns):
            gathered.add(_texts(source, batch), batch.num_rows)


def sample(source: Source, path: Path, rows: int) -> Sample:
    """The first rows with the types that the file declares."""
    with _opened(source, path) as file:
        width = max(1, len(file.schema_arrow.names))
        limit = max(1, min(rows, SAMPLE_VALUES_MAX // width))
        batch = next(file.iter_batches(limit), None)
        total = file.metadata.num_rows
        texts = _texts(source, batch) if batch is not None else {}
    types = declared(source, path)
    columns = tuple(
        SampleColumn(name, "", tuple(array.to_pylist()), types.get(name, "")) for name, array in texts.items()
    )
    seen = batch.num_rows if batch is not None else 0
    return Sample(columns, seen, seen >= total)


def declared(source: Source, path: Path) -> dict[str, str]:
    """path -> the type that the file declares."""
    with _opened(source, path) as file:
        found: dict[str, str] = {}
        for field in file.schema_arrow:
            _spread_types(field.name, field.type, found)
        return found


def _spread_types(name: str, kind: pa.DataType, found: dict[str, str]) -> None:
    if pa.types.is_struct(kind):
        for at in range(kind.num_fields):
            field = kind.field(at)
            _spread_types(f"{name}.{field.name}", field.type, found)
    else:
        found[name] = str(kind)


@contextmanager
def _opened(source: Source, path: Path) -> Iterator[pq.ParquetFile]:
    place = source.path or source.name
    try:
        with pq.ParquetFile(path) as file:
            names = file.schema_arrow.names
            if len(set(names)) != len(names):
                raise refused(source, place, "列名重复", "names a column twice")
            groups = (file.metadata.row_group(n).total_byte_size for n in range(file.metadata.num_row_groups))
            if unfolds_too_far(path.stat().st_size, sum(groups)):
                raise refused(source, place, "解压后过大", "unpacks to more than any real file does")
            yield file
    except FileNotFoundError:
        raise refused(source, place, "没有这个文件", "there is no such file") from None
    except (pa.ArrowException, OSError, UnicodeDecodeError):
        zh, en = "不是完整的 Parquet 文件", "is no whole Parquet file"
        raise refused(source, place, zh, en) from None


def _texts(source: Source, batch: pa.RecordBatch) -> dict[str, pa.Array]:
    found: dict[str, pa.Array] = {}
    for name, array in zip(batch.schema.names, batch.columns, strict=True):
        _spread(source, name, array, found)
    return found


def _spread(source: Source, name: str, array: pa.Array, found: dict[str, pa.Array]) -> None:
    place = f"{source.path or source.name}: {name}"
    if pa.types.is_struct(array.type):
        for at, part in enumerate(array.flatten()):
            _spread(source, f"{name}.{array.type.field(at).name}", part, found)
        return
    if name in found:
        zh, en = (
            "列与结构体的字段同名，其一会丢失",
            "a column and a field of a struct are both called so: one would be lost",
        )
        raise refused(source, place, zh, en)
    try:
        found[name] = _text(array)
        found[name].validate(full=True)
    except (pa.ArrowException, ValueError, OverflowError):  # no UTF-8; in a list a day far off or of nanoseconds
        zh, en = f"含有不能写成文本的值（{array.type}）", f"holds a value that no text can be made of ({array.type})"
        raise refused(source, place, zh, en) from None


def _text(array: pa.Array) -> pa.Array:
    kind = array.type
    if pa.types.is_dictionary(kind):
        return _text(array.dictionary_decode())
    if isinstance(kind, pa.BaseExtensionType):
        if kind.extension_name != "arrow.uuid":
            return _text(array.storage)
        return pa.array([None if v is None else str(UUID(bytes=v)) for v in array.storage.to_pylist()], pa.string())
    if pa.types.is_nested(kind):
        return pa.array([None if v is None else _json(v) for v in array.to_pylist()], pa.string())
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return pa.array([None if v is None else "\\x" + v.hex() for v in array.to_pylist()], pa.string())
    if pa.types.is_timestamp(kind) or pa.types.is_time(kind):
        text = pc.cast(array, pa.string())
        for pattern, kept in _FRACTIONS:
            text = pc.replace_substring_regex(text, pattern=pattern, replacement=kept)
        return text
    if pa.types.is_floating(kind):
        return floats.texts_of(array)
    text = pc.cast(array, pa.string())
    if pa.types.is_decimal(kind) and pc.any(pc.match_substring(text, "E")).as_py():  # as small ones are written
        return pa.array([None if v is None else f"{v:f}" for v in array.to_pylist()], pa.string())
    return text


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=_in_json)


def _in_json(value: Any) -> str:
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
