"""A large table that was read, put aside as Parquet: the database scans it from there, Python never holds it whole.

Its columns are those of any reading (`_row`, `_broken`, text), its rows stand in the order of their numbers.
Contract: tests/harmonise/test_harmonise_staged.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datong.engine.model import FILE, Scan
from datong.harmonise.model.reading import ROW

STAGED_BYTES = 256_000_000
"""From this size on a table is put aside."""
_BATCH_ROWS = 65_536


@dataclass(frozen=True)
class Staged(Scan):
    """columns: their names in order, `_row` and `_broken` first."""

    columns: tuple[str, ...] = ()

    def head(self, rows: int) -> pa.Table:
        with pq.ParquetFile(self.path) as file:
            batch = next(file.iter_batches(max(rows, 1)), None)
            return file.schema_arrow.empty_table() if batch is None else pa.Table.from_batches([batch]).slice(0, rows)

    def column(self, name: str) -> pa.ChunkedArray:
        with pq.ParquetFile(self.path) as file:
            return file.read([name])[name]

    def take(self, rows: pa.Array) -> pa.Table:
        """The rows of these numbers, in order."""
        found = [part for part in self._parts(rows) if part.num_rows]
        with pq.ParquetFile(self.path) as file:
            return pa.concat_tables([file.schema_arrow.empty_table(), *found])

    def _parts(self, rows: pa.Array) -> Iterator[pa.Table]:
        with pq.ParquetFile(self.path) as file:
            for batch in file.iter_batches(_BATCH_ROWS):
                yield pa.Table.from_batches([batch.filter(pc.is_in(batch.column(ROW), value_set=rows))])


def staged(path: Path) -> Staged:
    with pq.ParquetFile(path) as file:
        names, rows = tuple(file.schema_arrow.names), file.metadata.num_rows
    return Staged(path, f"SELECT * FROM read_parquet({FILE})", rows, names)
