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
    """From rows that name `_row` to those rows of `table`, in order."""
    if isinstance(table, Lines):
        return table.again()

    def read(asked: Any) -> pa.Table:
        rows = asked[ROW].combine_chunks()
        return table.take(_places(table, rows.take(pc.sort_indices(rows))))

    return read


def records(table: pa.Table | Lines, rows: list[int]) -> list[dict[str, str | None]]:
    """The whole records of `rows` (rising), with the fields that no mapping names too."""
    if isinstance(table, Lines):
        return table.records(rows)
    found: list[dict[str, str | None]] = (
        table.drop_columns([ROW, BROKEN]).take(_places(table, pa.array(rows, pa.int64()))).to_pylist()
    )
    return found


def _places(table: pa.Table, rows: pa.Array) -> pa.Array:
    """Where `rows` stand in `table`; a source that is loaded again has gaps where rows were removed."""
    if table.num_rows and table[ROW][-1].as_py() == table.num_rows:
        return pc.subtract(rows, 1)
    return pc.index_in(rows, value_set=table[ROW])


def head(table: pa.Table | Lines, rows: int) -> pa.Table | None:
    """The first `rows` of a table that was read; None of one that is only scanned."""
    return None if isinstance(table, Lines) else table.slice(0, rows)


def count(table: pa.Table | Lines) -> int:
    """How many rows `table` has."""
    return table.rows if isinstance(table, Lines) else table.num_rows
