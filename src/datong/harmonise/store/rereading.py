"""Rows of a table again, with all their texts: what the late inputs of a mapping's plan are read by.

Contract: tests/harmonise/test_harmonise_quick.py.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from datong.engine.model import Reread
from datong.harmonise.model.reading import ROW


def again(table: pa.Table) -> Reread:
    """From rows that name `_row` to those rows of `table`, in order; `_row` counts them from 1."""

    def read(asked: Any) -> pa.Table:
        rows = asked[ROW].combine_chunks()
        return table.take(pc.subtract(rows.take(pc.sort_indices(rows)), 1))

    return read
