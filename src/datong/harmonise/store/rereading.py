"""Tables that were read, whatever they are: held, put aside as Parquet, or only scanned; their rows again.

Contract: tests/harmonise/test_harmonise_quick.py, tests/harmonise/test_harmonise_staged.py.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from datong.engine.model import Reread
from datong.harmonise.model.reading import BROKEN, ROW
from datong.harmonise.store.scanned import Lines
from datong.harmonise.store.staged import Staged

Table: TypeAlias = pa.Table | Staged | Lines


def again(table: Table) -> Reread:
    """From rows that name `_row` to those rows of `table`, in order: what the late inputs of a plan are read by."""
    if isinstance(table, Lines):
        return table.again()

    def read(asked: Any) -> pa.Table:
        rows = asked[ROW].combine_chunks()
        return _taken(table, rows.take(pc.sort_indices(rows)))

    return read


def records(table: Table, rows: list[int]) -> list[dict[str, str | None]]:
    """The whole records of `rows` (rising), with the fields that no mapping names too."""
    if isinstance(table, Lines):
        return table.records(rows)
    found: list[dict[str, str | None]] = (
        _taken(table, pa.array(rows, pa.int64())).drop_columns([ROW, BROKEN]).to_pylist()
    )
    return found


def _taken(table: pa.Table | Staged, rows: pa.Array) -> pa.Table:
    return table.take(rows) if isinstance(table, Staged) else table.take(_places(table, rows))


def _places(table: pa.Table, rows: pa.Array) -> pa.Array:
    """Where `rows` stand in `table`; a source that is loaded again has gaps where rows were removed."""
    if table.num_rows and table[ROW][-1].as_py() == table.num_rows:
        return pc.subtract(rows, 1)
    return pc.index_in(rows, value_set=table[ROW])


def head(table: Table, rows: int) -> pa.Table | None:
    """The first `rows` of a table that was read; None of one that is only scanned."""
    if isinstance(table, Lines):
        return None
    return table.head(rows) if isinstance(table, Staged) else table.slice(0, rows)


def columns(table: pa.Table | Staged) -> list[str]:
    """What was read, without the columns that are ours."""
    names = table.columns if isinstance(table, Staged) else table.column_names
    return [name for name in names if name not in (ROW, BROKEN)]


def column(table: Table, name: str) -> pa.ChunkedArray | None:
    """All values of one column, where they were read."""
    if isinstance(table, Lines) or name not in columns(table):
        return None
    return table.column(name)


def count(table: Table) -> int:
    """How many rows `table` has."""
    return int(table.num_rows) if isinstance(table, pa.Table) else table.rows
