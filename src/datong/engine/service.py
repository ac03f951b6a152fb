"""Running a plan on DuckDB: in memory, closed to files, network, extensions and settings.

    result = run(plan, {"trips": arrow_table_or_parquet_path}, {"key": b"..."}, want=("counts",))

Inputs given as paths are read here by pyarrow (Parquet only), so that the database itself needs no file. A failing
step becomes a Refusal that names the step and the kind of failure, never a value of a cell.
Must never know: what the steps mean. Contract: tests/engine/test_engine_service.py.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from datong.engine import rules
from datong.engine.model import BAD_INPUT, NOT_ALLOWED, ROWS_LOST, STEP_FAILED, Plan, Result, quoted
from datong.ground.refusal import Problem

THREADS = 2
MEMORY = "2GB"

_TELLABLE = (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException)
"""Errors found before any row is read: their text speaks of names and types only (literals are cut out)."""


def check(plan: Plan) -> None:
    """Refuse a plan that is outside the plan language (ENG-400), with all its problems."""
    if found := rules.problems(plan):
        raise NOT_ALLOWED(found, count=len(found))


def run(
    plan: Plan,
    inputs: Mapping[str, pa.Table | Path],
    parameters: Mapping[str, Any] | None = None,
    *,
    want: Sequence[str] | None = None,
    threads: int = THREADS,
    memory: str = MEMORY,
) -> Result:
    """Check `plan`, run its steps in order and return the tables named in `want` (None: the last step's).

    inputs: an Arrow table or the path of a Parquet file per declared input. parameters: values bound to `$name`.
    Times with a zone come back as timestamp[us, tz=UTC]. Refuses: ENG-400 (plan), ENG-404 (inputs, parameters),
    ENG-500 (a step failed), ENG-501 (row counts do not add up).
    """
    check(plan)
    values = dict(parameters or {})
    wanted = tuple(want) if want is not None else (plan.steps[-1].name,)
    _check_given(plan, inputs, values, wanted)
    began = time.perf_counter()
    connection = _closed_database({name: _arrow(inputs[name]) for name in plan.inputs}, threads, memory)
    try:
        rows = _run_steps(connection, plan, values, frozenset(wanted))
        tables = {name: _fetched(connection, name) for name in wanted}
    finally:
        connection.close()
    return Result(tables, rows, time.perf_counter() - began)


def _run_steps(connection: Any, plan: Plan, values: dict[str, Any], wanted: frozenset[str]) -> dict[str, int]:
    """Rows per input and step. A step's rows are let go after the last step that reads them."""
    rows = {name: _count(connection, name) for name in plan.inputs}
    last = rules.last_reads(plan)
    for number, step in enumerate(plan.steps):
        bound = {name: value for name, value in values.items() if re.search(rf"\${name}\b", step.sql)}
        try:
            connection.execute(f"CREATE TEMP TABLE {quoted(step.name)} AS {step.sql}", bound or None)
        except duckdb.Error as error:
            raise STEP_FAILED(step=step.name, error=_without_values(error)) from None
        rows[step.name] = _count(connection, step.name)
        for balance, together in rules.unbalanced(rows, plan.balances):
            raise ROWS_LOST(
                step=step.name,
                whole=balance.whole,
                rows_whole=rows[balance.whole],
                parts=" + ".join(balance.parts),
                rows_parts=together,
            )
        for before in plan.steps[: number + 1]:
            if last.get(before.name, -1) == number and before.name not in wanted:
                connection.execute(f"DROP TABLE {quoted(before.name)}")
    return rows


def _check_given(plan: Plan, inputs: Mapping[str, Any], values: Mapping[str, Any], wanted: Sequence[str]) -> None:
    found = [Problem(n, "缺少此输入", "this input is missing") for n in plan.inputs if n not in inputs]
    found += [Problem(n, "缺少此参数", "this parameter is missing") for n in plan.parameters if n not in values]
    found += [Problem(n, "计划未声明", "the plan does not declare it") for n in inputs if n not in plan.inputs]
    found += [Problem(n, "计划未声明", "the plan does not declare it") for n in values if n not in plan.parameters]
    known = {*plan.inputs, *(step.name for step in plan.steps)}
    found += [Problem(n, "计划中没有此表", "the plan has no such table") for n in wanted if n not in known]
    if found:
        raise BAD_INPUT(found)


def _arrow(given: pa.Table | Path) -> pa.Table:
    if not isinstance(given, Path):
        return given
    try:
        return pq.ParquetFile(given).read()
    except (OSError, pa.ArrowException):
        problem = Problem(given.name, "不是可读的 Parquet 文件", "is no Parquet file that can be read")
        raise BAD_INPUT([problem]) from None


def _closed_database(tables: Mapping[str, pa.Table], threads: int, memory: str) -> Any:
    """An in-memory database that holds `tables` and can reach nothing else, its settings locked."""
    connection = duckdb.connect(
        ":memory:",
        config={
            "threads": threads,
            "memory_limit": memory,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_community_extensions": False,
            "python_enable_replacements": False,
            "python_scan_all_frames": False,
        },
    )
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET enable_external_access = false")
    for name, table in tables.items():
        connection.register(name, table)
    connection.execute("SET lock_configuration = true")
    return connection


def _count(connection: Any, name: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {quoted(name)}").fetchone()[0])


def _fetched(connection: Any, name: str) -> pa.Table:
    return connection.execute(f"SELECT * FROM {quoted(name)}").to_arrow_table()


def _without_values(error: duckdb.Error) -> str:
    kind = type(error).__name__.removesuffix("Exception")
    if not isinstance(error, _TELLABLE):
        return kind
    first = re.sub(r"'[^']*'", "'…'", str(error).splitlines()[0])
    return f"{kind}: {first[:160]}"
