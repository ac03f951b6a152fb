"""Running a plan on Spark: the same plan, inputs, balances and refusals as service.run.

    result = run(plan, {"trips": table}, master="spark://host:7077", want=("counts",))

Every step is checked and given its Spark form before a session is opened; what Spark lacks is refused by name
(ENG-410). Integers overflow and casts fail as loudly as on DuckDB (ANSI mode), times are kept to the microsecond in
UTC. Inputs go from here to Spark as Arrow; a Scan is read by DuckDB. Needs the extra `spark` and Java 17.
Must never know: what the steps mean. Contract: tests/engine/test_engine_spark.py.
"""

from __future__ import annotations

import functools
import logging
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from datong.engine import service as engine
from datong.engine import spark_bound as bound
from datong.engine import spark_forms
from datong.engine.model import (
    SPARK_LACKS,
    SPARK_MISSING,
    STEP_FAILED,
    Engine,
    Plan,
    Result,
    Scan,
    Step,
)
from datong.ground.refusal import Problem, Refusal

SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.variable.substitute": "false",
    "spark.sql.decimalOperations.allowPrecisionLoss": "false",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.sql.shuffle.partitions": "4",
    "spark.ui.enabled": "false",
    "spark.eventLog.enabled": "false",
    "spark.log.level": "OFF",
    "spark.ui.showConsoleProgress": "false",
    "spark.executor.syncLogLevel.enabled": "true",
    "spark.driver.maxResultSize": "0",
}
TELLING = ("SQLQueryContextLogger", "DataFrameQueryContextLogger")
"""Loggers of pyspark that write to standard error what Java threw: with the value of the cell that it stumbled over."""
ANSWERS_SECONDS = 5
"""How long a master has to take a connection. Spark itself tries for two minutes before it gives up."""


def check(plan: Plan) -> None:
    """Refuse a plan outside the plan language (ENG-400) or with what Spark lacks whatever the types are (ENG-410)."""
    engine.check(plan)
    if found := spark_forms.problems(plan):
        raise SPARK_LACKS(found, count=len(found))


def run(
    plan: Plan,
    inputs: Mapping[str, engine.Input],
    parameters: Mapping[str, Any] | None = None,
    *,
    master: str = "local[2]",
    want: Sequence[str] | None = None,
    aside: Mapping[str, Path] | None = None,  # taken for nothing: results come through memory
) -> Result:
    """As service.run, on the Spark at `master`. Refuses besides: ENG-410 (lacks), ENG-411 (no Spark).

    A late input is asked once for no rows, to know its columns before anything runs.
    """
    check(plan)
    values = dict(parameters or {})
    wanted = tuple(want) if want is not None else (plan.steps[-1].name,)
    engine.check_given(plan, inputs, values, wanted)
    read = {name: engine.arrow_of(inputs[name]) for name in plan.inputs}
    given = {name: engine.scanned(table) if isinstance(table, Scan) else table for name, table in read.items()}
    forms, schemas = _forms(plan, given, inputs, values)
    session = _session(master).newSession()  # views are its own: a node counts for several at once
    began = time.perf_counter()
    run_ = _Run(session, forms, values)
    if lacking := run_.lacking(plan, schemas):
        raise SPARK_LACKS(lacking, count=len(lacking))
    tables, rows = run_.steps(plan, given, inputs, wanted)
    return Result({name: _as_on_duckdb(name, tables[name], schemas[name]) for name in wanted}, rows,
                  time.perf_counter() - began)  # fmt: skip


def at(master: str) -> Engine:
    """The Spark at `master`, as an engine. Its address is the operator's to name: rows are sent there."""
    return Engine("spark", functools.partial(run, master=master))


def opened(master: str) -> Engine:
    """As `at`, with the session opened now: a node that has no Spark says so when it starts, ENG-411."""
    _session(master)
    return at(master)


def _forms(
    plan: Plan, given: Mapping[str, pa.Table], inputs: Mapping[str, Any], values: Mapping[str, Any]
) -> tuple[dict[str, str], dict[str, pa.Schema]]:
    """The text of every step for Spark, and the columns of every table as DuckDB has them.

    DuckDB binds the plan over the inputs without their rows; so a step that it would refuse is refused here, too, and
    what Spark lacks for the types at hand is refused before Spark is asked.
    """
    forms, lacking = {}, []
    with bound.Bound({name: table.schema for name, table in given.items()}, values) as database:
        for step in plan.steps:
            try:
                forms[step.name] = spark_forms.form(step.sql, database.types)
            except spark_forms.Lacks as lacks:
                lacking += spark_forms.named(step.name, {lacks.what: lacks.why})
            database.make(step)
            for late in plan.late:
                if late.asked == step.name:
                    nothing = inputs[late.name](database.schema(step.name).empty_table())
                    database.come(late.name, nothing.schema)
        names = [*given, *(late.name for late in plan.late), *(step.name for step in plan.steps)]
        schemas = {name: database.schema(name) for name in names}
    if lacking:
        raise SPARK_LACKS(lacking, count=len(lacking))
    return forms, schemas


def _as_on_duckdb(name: str, table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The same values in the types that DuckDB gives them; one that does not fit would be another value."""
    try:
        return table.rename_columns(schema.names).cast(schema)
    except (pa.ArrowException, ValueError) as error:
        raise STEP_FAILED(step=name, error=type(error).__name__) from None


def _session(master: str) -> Any:
    try:
        from pyspark.sql import SparkSession  # noqa: PLC0415 - an extra, and slow to load

        if SparkSession.getActiveSession() is None and not _answers(master):
            raise SPARK_MISSING(what=f"nothing answers at {master}")
        for logger in TELLING:
            logging.getLogger(logger).disabled = True
        builder = SparkSession.builder.master(master).appName("datong")
        for name, value in SETTINGS.items():
            builder = builder.config(name, value)
        session = builder.getOrCreate()
        used = session.sparkContext.master
        if used != master:
            raise SPARK_MISSING(what=f"this process uses {used} already, not {master}")
        session.sparkContext.setLogLevel("OFF")  # errors are told as refusals; in a log they would hold values
        return session
    except ImportError:
        raise SPARK_MISSING(what="pyspark") from None
    except Refusal:
        raise
    except Exception as error:  # noqa: BLE001 - py4j raises what Java threw; its text may hold addresses and settings
        raise SPARK_MISSING(what=type(error).__name__) from None


def _answers(master: str) -> bool:
    """Whether one of the masters takes a connection; only Spark knows of other addresses than `spark://...`."""
    scheme, _, addresses = master.partition("://")
    if scheme != "spark":
        return True
    for host, _, port in (address.rpartition(":") for address in addresses.split(",")):
        try:
            socket.create_connection((host.strip("[]"), int(port)), ANSWERS_SECONDS).close()
        except (OSError, ValueError, OverflowError):
            continue
        return True
    return False


@dataclass(frozen=True)
class _Run:
    """One run of a plan in a session; its views are dropped at the end, so that the next run finds none of them."""

    session: Any
    forms: Mapping[str, str]
    values: Mapping[str, Any]

    def steps(
        self, plan: Plan, given: Mapping[str, pa.Table], inputs: Mapping[str, Any], wanted: Sequence[str]
    ) -> tuple[dict[str, pa.Table], dict[str, int]]:
        made: list[str] = []
        try:
            return self._steps(plan, given, inputs, wanted, made)
        finally:
            for name in made:
                self.session.catalog.dropTempView(name)

    def lacking(self, plan: Plan, schemas: Mapping[str, pa.Schema]) -> list[Problem]:
        """What Spark cannot make anything of, told by its reading of every step over tables without rows.

        Each step is read over what the steps before it give, not over their forms again: those grow with one another.
        """
        from pyspark.errors import PySparkException  # noqa: PLC0415 - an extra, and slow to load

        found = []
        for name in (*plan.inputs, *(late.name for late in plan.late)):
            self._come(name, schemas[name].empty_table())
        for step in plan.steps:
            try:
                columns = self._frame(step).schema
                self.session.createDataFrame([], columns).createOrReplaceTempView(_quoted(step.name))
            except PySparkException as error:
                found += spark_forms.named(step.name, {"a form of this step": error.getCondition() or "not readable"})
                self._come(step.name, schemas[step.name].empty_table())
        for name in schemas:
            self.session.catalog.dropTempView(name)
        return found

    def _steps(
        self, plan: Plan, given: Mapping[str, pa.Table], inputs: Mapping[str, Any], wanted: Sequence[str],
        made: list[str],
    ) -> tuple[dict[str, pa.Table], dict[str, int]]:  # fmt: skip
        rows: dict[str, int] = {}
        for name in plan.inputs:
            made.append(name)
            rows |= self._come(name, given[name])
        balanced = {name for balance in plan.balances for name in (balance.whole, *balance.parts)}
        for step in plan.steps:
            made.append(step.name)
            self._make(step)
            if step.kept or step.name in balanced:
                rows[step.name] = _told(step, self._table(step.name).count)
            engine.hold(plan, rows, step)
            for late in plan.late:
                if late.asked == step.name:
                    made.append(late.name)
                    rows |= self._come(late.name, inputs[late.name](_told(step, self._table(step.name).toArrow)))
        by_name = {step.name: step for step in plan.steps}
        tables = {name: self._fetched(by_name.get(name, Step(name, ""))) for name in wanted}
        return tables, {**rows, **{name: table.num_rows for name, table in tables.items()}}

    def _come(self, name: str, table: pa.Table) -> dict[str, int]:
        from pyspark.errors import PySparkTypeError  # noqa: PLC0415 - an extra, and slow to load

        try:
            frame = self.session.createDataFrame(table)
        except PySparkTypeError:
            kinds = ", ".join(sorted({str(kind) for kind in table.schema.types}))
            found = spark_forms.named(name, {"a type of a column": f"one of {kinds}"})
            raise SPARK_LACKS(found, count=1) from None
        frame.createOrReplaceTempView(_quoted(name))
        return {name: table.num_rows}

    def _make(self, step: Step) -> None:
        frame = _told(step, lambda: self._frame(step))
        if step.kept:
            frame = _told(step, lambda: frame.localCheckpoint(eager=True))
        frame.createOrReplaceTempView(_quoted(step.name))

    def _frame(self, step: Step) -> Any:
        used = {name: value for name, value in self.values.items() if engine.takes(step, name)}
        text = self.forms[step.name]
        return self.session.sql(text, args=used) if used else self.session.sql(text)

    def _table(self, name: str) -> Any:
        return self.session.table(_quoted(name))

    def _fetched(self, step: Step) -> pa.Table:
        frame = self._table(step.name)
        return _told(step, (frame.orderBy(step.ordered_by) if step.ordered_by else frame).toArrow)


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _told(step: Step, do: Any) -> Any:
    """An error of Spark as a refusal that names the step and the kind of failure, never a value."""
    try:
        return do()
    except Exception as error:  # noqa: BLE001 - py4j raises what Java threw
        kind = getattr(error, "getCondition", getattr(error, "getErrorClass", lambda: None))() or type(error).__name__
        raise STEP_FAILED(step=step.name, error=kind) from None
