"""Running a plan on DuckDB: in memory, closed to files, network, extensions and settings.

    result = run(plan, {"trips": arrow_table_or_parquet_path}, {"key": b"..."}, want=("counts",))

Inputs given as paths are read here by pyarrow (Parquet only). A Scan is read by the database itself, to which then
exactly that file is open; what does not fit in memory goes to a folder that lasts as long as the run. A failing
step becomes a Refusal that names the step and the kind of failure, never a value of a cell.
Must never know: what the steps mean. Contract: tests/engine/test_engine_service.py.
"""

from __future__ import annotations

import functools
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias, TypeVar
from weakref import WeakKeyDictionary

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datong.engine import rules
from datong.engine.model import (
    BAD_INPUT,
    FILE,
    GROUP_ROWS,
    NOT_ALLOWED,
    OUT_OF_MEMORY,
    ROWS_LOST,
    STEP_FAILED,
    Engine,
    Late,
    Plan,
    Reread,
    Result,
    Scan,
    Step,
    literal,
    quoted,
)
from datong.ground.refusal import Problem, Refusal

Input: TypeAlias = pa.Table | Path | Scan | Reread

Asked = TypeVar("Asked")

THREADS = 2
MEMORY = "2GB"
HELD_BYTES = 256_000_000
"""A wanted table that may be put aside is, from this size on."""
STREAMED_ROWS = 65_536
"""Rows taken from the database at a time."""

_TELLABLE = (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException)
"""Errors found before any row is read: their text speaks of names and types only (literals are cut out)."""


def check(plan: Plan) -> None:
    """Refuse a plan that is outside the plan language (ENG-400), with all its problems."""
    if found := rules.problems(plan):
        raise NOT_ALLOWED(found, count=len(found))


def run(
    plan: Plan,
    inputs: Mapping[str, Input],
    parameters: Mapping[str, Any] | None = None,
    *,
    want: Sequence[str] | None = None,
    aside: Mapping[str, Path] | None = None,
    threads: int = THREADS,
    memory: str = MEMORY,
) -> Result:
    """Check `plan`, run its steps in order and return the tables named in `want` (None: the last step's).

    inputs: per declared input an Arrow table, the path of a Parquet file or a Scan; per late input a function.
    aside: per wanted table the Parquet file it goes to when it is large; it is then given as a Scan of that file.
    parameters: values bound to `$name`. Times with a zone come back as timestamp[us, tz=UTC]. Refuses: ENG-400 (plan),
    ENG-404 (inputs, parameters), ENG-500 (a step failed), ENG-501 (row counts do not add up), ENG-520 (memory).
    """
    check(plan)
    values = dict(parameters or {})
    wanted = tuple(want) if want is not None else (plan.steps[-1].name,)
    check_given(plan, inputs, values, wanted)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="datong-engine-") as spill:
        connection = _closed_database(
            {name: arrow_of(inputs[name]) for name in plan.inputs}, threads, memory, Path(spill)
        )
        try:
            tables, rows = _run_steps(connection, plan, inputs, values, wanted, aside or {})
        finally:
            connection.close()
    return Result(tables, rows, time.perf_counter() - began)


DUCKDB = Engine("duckdb", run)
_IN_USE: WeakKeyDictionary[object, Engine] = WeakKeyDictionary()


def use(store: object, engine: Engine) -> None:
    """From now on the node of `store` counts on `engine` (once, by app or a test); without this, on DuckDB."""
    _IN_USE[store] = engine


def engine_of(store: object) -> Engine:
    """The engine of the node of `store`."""
    return _IN_USE.get(store, DUCKDB)


def _run_steps(
    connection: Any,
    plan: Plan,
    inputs: Mapping[str, Input],
    values: dict[str, Any],
    wanted: Sequence[str],
    aside: Mapping[str, Path],
) -> tuple[dict[str, pa.Table | Scan], dict[str, int]]:
    """The wanted tables, and rows per input and kept step. Rows are let go after the last step that reads them."""
    rows = {name: _rows_of(connection, name, inputs[name]) for name in plan.inputs}
    slower = {name: scan for name, scan in inputs.items() if isinstance(scan, Scan) and scan.otherwise}
    last = rules.last_reads(plan, wanted)
    balanced = {name for balance in plan.balances for name in (balance.whole, *balance.parts)}
    for number, step in enumerate(plan.steps):
        _otherwise(connection, slower, functools.partial(_make, connection, step, values))
        if step.kept or (step.name in balanced and step.name not in wanted):
            rows[step.name] = _otherwise(connection, slower, functools.partial(_counted, connection, step))
        hold(plan, rows, step)
        for late in plan.late:
            if late.asked == step.name:
                given: Any = inputs[late.name]
                rows |= _come(connection, late, given(_fetched(connection, step)))
        for before in plan.steps[: number + 1]:
            if before.kept and last.get(before.name, -1) == number and before.name not in wanted:
                connection.execute(f"DROP TABLE {quoted(before.name)}")
    tables: dict[str, pa.Table | Scan] = {}
    named = {step.name: step for step in plan.steps}
    for name in wanted:
        step = named.get(name, Step(name, ""))
        ask = functools.partial(_fetched, connection, step)
        if name in aside:
            ask = functools.partial(_streamed, connection, step, aside[name])
        found = _otherwise(connection, slower, ask)
        tables[name], rows[name] = found, found.rows if isinstance(found, Scan) else found.num_rows
        if name in named:
            hold(plan, rows, named[name])
    return tables, rows


def _otherwise(connection: Any, scans: dict[str, Scan], ask: Callable[[], Asked]) -> Asked:
    """What `ask` gives; where it fails, what it gives with each of `scans` read by its other text, from then on."""
    try:
        return ask()
    except Refusal as refusal:
        if not scans or refusal.code == OUT_OF_MEMORY.code:  # the other text takes no less
            raise
    while scans:
        name, scan = scans.popitem()
        _view(connection, name, scan, scan.otherwise)
    return ask()


def _view(connection: Any, name: str, scan: Scan, sql: str) -> None:
    at = literal(str(scan.path.resolve()))
    with telling(Step(name, "")):
        connection.execute(f"CREATE OR REPLACE TEMP VIEW {quoted(name)} AS {sql.replace(FILE, at)}")


def _make(connection: Any, step: Step, values: dict[str, Any]) -> None:
    """A table of the step's rows, or a view of its text. Parameters cannot be bound in a view: such a step is kept."""
    bound = {name: value for name, value in values.items() if takes(step, name)}
    made = "TABLE" if step.kept or bound else "VIEW"
    with telling(step):
        text = step.on_duckdb or step.sql
        connection.execute(f"CREATE TEMP {made} {quoted(step.name)} AS {text}", bound or None)


def takes(step: Step, parameter: str) -> bool:
    """Whether `step` uses `parameter`."""
    return re.search(rf"\${parameter}\b", step.sql) is not None


def hold(plan: Plan, rows: dict[str, int], step: Step) -> None:
    """Refuse (ENG-501) when the rows counted up to `step` break a balance."""
    for balance, together in rules.unbalanced(rows, plan.balances):
        raise ROWS_LOST(
            step=step.name,
            whole=balance.whole,
            rows_whole=rows[balance.whole],
            parts=" + ".join(balance.parts),
            rows_parts=together,
        )


def _come(connection: Any, late: Late, table: pa.Table) -> dict[str, int]:
    """A late input, copied in: from here on it is as any other."""
    arrived = f"arrived_{late.name}"
    connection.register(arrived, table)
    connection.execute(f"CREATE TEMP TABLE {quoted(late.name)} AS SELECT * FROM {quoted(arrived)}")
    connection.unregister(arrived)
    return {late.name: table.num_rows}


def check_given(plan: Plan, inputs: Mapping[str, Any], values: Mapping[str, Any], wanted: Sequence[str]) -> None:
    declared = (*plan.inputs, *(late.name for late in plan.late))
    found = [Problem(n, "缺少此输入", "this input is missing") for n in declared if n not in inputs]
    found += [Problem(n, "缺少此参数", "this parameter is missing") for n in plan.parameters if n not in values]
    found += [Problem(n, "计划未声明", "the plan does not declare it") for n in inputs if n not in declared]
    found += [Problem(n, "计划未声明", "the plan does not declare it") for n in values if n not in plan.parameters]
    known = {*declared, *(step.name for step in plan.steps)}
    found += [Problem(n, "计划中没有此表", "the plan has no such table") for n in wanted if n not in known]
    if found:
        raise BAD_INPUT(found)


def arrow_of(given: Any) -> pa.Table | Scan:
    if not isinstance(given, Path):
        return given
    try:
        return pq.ParquetFile(given).read()
    except (OSError, pa.ArrowException):
        problem = Problem(given.name, "不是可读的 Parquet 文件", "is no Parquet file that can be read")
        raise BAD_INPUT([problem]) from None


def closed(tables: Mapping[str, pa.Table]) -> Any:
    """A database that holds `tables` and can reach nothing; for questions about a plan, not for its run."""
    return _closed_database(tables, 1, "256MB")


def scanned(scan: Scan) -> pa.Table:
    """All rows of a scan, for an engine that does not read files."""
    connection = _closed_database({"scanned": scan}, THREADS, MEMORY)
    slower = {"scanned": scan} if scan.otherwise else {}
    try:
        return _otherwise(connection, slower, functools.partial(_fetched, connection, Step("scanned", "")))
    finally:
        connection.close()


def _closed_database(
    tables: Mapping[str, pa.Table] | Mapping[str, pa.Table | Scan], threads: int, memory: str, spill: Path | None = None
) -> Any:
    """An in-memory database that holds `tables` and can reach nothing else, its settings locked.

    Scans are views over their files, which are the only paths allowed. spill: an empty folder for what does not fit
    in `memory`, the owner's alone (mode 0700) and deleted with the run. The database may read and write there, and
    finds only what it wrote; it encrypts such files only with an extension that is not here.
    """
    scans = {name: table for name, table in tables.items() if isinstance(table, Scan)}
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
            "temp_directory": str(spill) if spill else "",
        },
    )
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET allowed_paths = ?", [[str(scan.path.resolve()) for scan in scans.values()]])
    connection.execute("SET enable_external_access = false")
    for name, table in tables.items():
        if name in scans:
            _view(connection, name, scans[name], scans[name].sql)
        else:
            connection.register(name, table)
    connection.execute("SET lock_configuration = true")
    return connection


def _rows_of(connection: Any, name: str, given: Any) -> int:
    """A scan's rows were counted when it was made; counting them here would read the file once more."""
    return given.rows if isinstance(given, Scan) else _count(connection, name)


def _counted(connection: Any, step: Step) -> int:
    with telling(step):
        return _count(connection, step.name)


def _count(connection: Any, name: str) -> int:
    (row,) = connection.execute(f"SELECT count(*) FROM {quoted(name)}").fetchall()  # all: 2.0 waits for the last row
    return int(row[0])


def _fetched(connection: Any, step: Step) -> pa.Table:
    with telling(step):
        table = connection.sql(f"SELECT * FROM {quoted(step.name)}").to_arrow_table()
    if step.ordered_by and not _rising(table[step.ordered_by].combine_chunks()):
        return table.sort_by(step.ordered_by)
    return table


def _streamed(connection: Any, step: Step, path: Path) -> pa.Table | Scan:
    """The step's rows as a table, or, when they are many, in the file `path`."""
    text = f"SELECT * FROM {quoted(step.name)}"
    found = _taken(_reader(connection, step, text), step, path, step.ordered_by)
    if found is None:  # out of order: rare, so that sorting always would be paid for nothing
        found = _taken(_reader(connection, step, f"{text} ORDER BY {quoted(step.ordered_by)}"), step, path, "")
    assert found is not None
    return found


def _reader(connection: Any, step: Step, text: str) -> pa.RecordBatchReader:
    with telling(step):
        return connection.sql(text).to_arrow_reader(STREAMED_ROWS)


def _batches(reader: pa.RecordBatchReader, step: Step) -> Iterator[pa.RecordBatch]:
    """The batches; what fails on the way comes from Arrow, with the database's words, which may quote a cell."""
    while True:
        try:
            batch = reader.read_next_batch()
        except StopIteration:
            return
        except (OSError, pa.ArrowException) as error:
            if str(error).startswith("Out of Memory"):
                raise OUT_OF_MEMORY(step=step.name) from None
            kind = re.match(r"([A-Z]\w+) Error:", str(error))
            raise STEP_FAILED(step=step.name, error=kind[1] if kind else type(error).__name__) from None
        yield batch


def _taken(reader: pa.RecordBatchReader, step: Step, path: Path, ordered_by: str) -> pa.Table | Scan | None:
    """All rows of `reader`; None as soon as they are seen not to rise by `ordered_by`."""
    held: list[pa.RecordBatch] = []
    rows, size, last, writer = 0, 0, None, None
    try:
        for batch in _batches(reader, step):
            if ordered_by:
                numbers = batch.column(ordered_by)
                if not _rising(numbers) or (last is not None and len(numbers) and numbers[0].as_py() < last):
                    return None
                last = numbers[-1].as_py() if len(numbers) else last
            held.append(batch)
            rows, size = rows + len(batch), size + batch.nbytes
            if writer is None and size > HELD_BYTES:
                path.parent.mkdir(parents=True, exist_ok=True)
                writer = pq.ParquetWriter(path, reader.schema, compression="zstd")
            if writer is not None and sum(map(len, held)) >= GROUP_ROWS:
                writer.write_table(pa.Table.from_batches(held, reader.schema), row_group_size=GROUP_ROWS)
                held = []
        table = pa.Table.from_batches(held, reader.schema)
        if writer is None:
            return table
        if table.num_rows:
            writer.write_table(table, row_group_size=GROUP_ROWS)
    finally:
        if writer is not None:
            writer.close()
    return Scan(path, f"SELECT * FROM read_parquet({FILE})", rows)


def _rising(numbers: pa.Array) -> bool:
    return len(numbers) < 2 or bool(pc.all(pc.less_equal(numbers[:-1], numbers[1:])).as_py())


@contextmanager
def telling(step: Step) -> Iterator[None]:
    """An error of the database as a refusal that names the step."""
    try:
        yield
    except duckdb.OutOfMemoryException:
        raise OUT_OF_MEMORY(step=step.name) from None
    except duckdb.Error as error:
        raise STEP_FAILED(step=step.name, error=_without_values(error)) from None


def _without_values(error: duckdb.Error) -> str:
    kind = type(error).__name__.removesuffix("Exception")
    if not isinstance(error, _TELLABLE):
        return kind
    first = re.sub(r"'[^']*'", "'…'", str(error).splitlines()[0])
    return f"{kind}: {first[:160]}"
