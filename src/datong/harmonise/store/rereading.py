"""Rows of a table again, with all their texts: what the late inputs of a mapping's plan are read by.

Contract: tests/harmonise/test_harmonise_quick.py.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from datong.engine.model import Reread
from datong.harmonise.model.reading import BROKEN, ROW
from datong.harmonise.store.scanned import Lines


def again(table: pa.Table | Lines) -> Reread:
    """From rows that name `_row` to those rows of `table`, in order; `_row` counts them from 1."""
    if isinstance(table, Lines):
        return table.again()

    def read(asked: Any) -> pa.Table:
        rows = asked[ROW].combine_chunks()
        return table.take(pc.subtract(rows.take(pc.sort_indices(rows)), 1))

    return read


def records(table: pa.Table | Lines, rows: list[int]) -> list[dict[str, str | None]]:
    """The whole records of `rows` (rising), with the fields that no mapping names too."""
    if isinstance(table, Lines):
        return table.records(rows)
    at = pa.array([row - 1 for row in rows], pa.int64())
    found: list[dict[str, str | None]] = table.drop_columns([ROW, BROKEN]).take(at).to_pylist()
    return found


def count(table: pa.Table | Lines) -> int:
    """How many rows `table` has."""
    return table.rows if isinstance(table, Lines) else table.num_rows
