"""What DuckDB says of a plan without running it: types of expressions, columns of steps. For the forms of Spark.

    with Bound({"trips": schema}, {"key": "k"}) as database:
        database.types('SELECT CAST(x AS VARCHAR) FROM trips')      -> ["VARCHAR"]
        database.make(step)                                          later questions may name it

Over tables without rows, in memory, closed to everything as a run is. Refuses: ENG-500 (a step that cannot be bound).
Must never know: what the steps mean. Contract: tests/engine/test_engine_golden.py, test_engine_spark.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import duckdb
import pyarrow as pa

from datong.engine import service as engine
from datong.engine.model import Step, quoted


class Bound:
    """A database with the columns of a plan's tables and no row."""

    def __init__(self, schemas: Mapping[str, pa.Schema], values: Mapping[str, Any]) -> None:
        self._values = dict(values)
        self._connection = engine.closed({name: schema.empty_table() for name, schema in schemas.items()})

    def __enter__(self) -> Bound:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def types(self, query: str) -> list[str] | None:
        try:
            return [str(kind) for kind in self._connection.sql(query, params=self._used(query)).types]
        except duckdb.Error:
            return None

    def schema(self, table: str) -> pa.Schema:
        return self._connection.sql(f"SELECT * FROM {quoted(table)}").to_arrow_table().schema

    def make(self, step: Step) -> None:
        with engine.telling(step):
            self._connection.execute(f"CREATE TEMP TABLE {quoted(step.name)} AS {step.sql}", self._used(step.sql))

    def come(self, name: str, schema: pa.Schema) -> None:
        self._connection.register(name, schema.empty_table())

    def _used(self, text: str) -> dict[str, Any] | None:
        return {name: value for name, value in self._values.items() if engine.takes(Step("", text), name)} or None
