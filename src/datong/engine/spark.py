"""Running a plan on Spark: the same plan, inputs, balances and refusals as service.run.

    result = run(plan, {"trips": table}, master="spark://host:7077", want=("counts",))

Every step is checked and given its Spark form before a session is opened; what Spark lacks is refused by name
(ENG-410). Integers overflow and casts fail as loudly as on DuckDB (ANSI mode), times are kept to the microsecond in
UTC. Inputs go from here to Spark as Arrow; a Scan is read by DuckDB. Needs the extra `spark` and Java 17.
Must never know: what the steps mean. Contract: tests/engine/test_engine_spark.py.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from datong.engine import service as engine
from datong.engine import spark_forms
from datong.engine.model import BAD_INPUT, SPARK_LACKS, SPARK_MISSING, STEP_FAILED, Plan, Result, Scan, Step
from datong.ground.refusal import Problem

SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.sql.shuffle.partitions": "4",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}


def check(plan: Plan) -> None:
    """Refuse a plan outside the plan language (ENG-400) or with what Spark lacks (ENG-410), all at once."""
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
) -> Result:
    """As service.run, on the Spark at `master`. Refuses besides: ENG-410 (lacks), ENG-411 (no Spark)."""
    check(plan)
    values = dict(parameters or {})
    wanted = tuple(want) if want is not None else (plan.steps[-1].name,)
    engine.check_given(plan, inputs, values, wanted)
    if scans := [name for name in plan.inputs if isinstance(inputs[name], Scan)]:
        zh, en = "Spark 引擎不读扫描输入", "is a scan, which only DuckDB reads"
        raise BAD_INPUT([Problem(name, zh, en) for name in scans])
    session = _session(master)
    began = time.perf_counter()
    tables, rows = _run_steps(session, plan, inputs, values, wanted)
    return Result(tables, rows, time.perf_counter() - began)


def _session(master: str) -> Any:
    try:
        from pyspark.sql import SparkSession  # noqa: PLC0415 - an extra, and slow to load

        builder = SparkSession.builder.master(master).appName("datong")
        for name, value in SETTINGS.items():
            builder = builder.config(name, value)
        return builder.getOrCreate()
    except ImportError:
        raise SPARK_MISSING(what="pyspark") from None
    except Exception as error:  # noqa: BLE001 - py4j raises what Java threw; its text may hold addresses and settings
        raise SPARK_MISSING(what=type(error).__name__) from None


def _run_steps(
    session: Any, plan: Plan, inputs: Mapping[str, Any], values: dict[str, Any], wanted: Sequence[str]
) -> tuple[dict[str, pa.Table], dict[str, int]]:
    rows: dict[str, int] = {}
    for name in plan.inputs:
        rows |= _come(session, name, engine.arrow_of(inputs[name]))
    balanced = {name for balance in plan.balances for name in (balance.whole, *balance.parts)}
    for step in plan.steps:
        _make(session, step, values)
        if step.kept or step.name in balanced:
            rows[step.name] = _told(step, session.table(_quoted(step.name)).count)
        engine.hold(plan, rows, step)
        for late in plan.late:
            if late.asked == step.name:
                asked = _told(step, session.table(_quoted(step.name)).toArrow)
                rows |= _come(session, late.name, inputs[late.name](asked))
    named = {step.name: step for step in plan.steps}
    return {name: _fetched(session, named.get(name, Step(name, ""))) for name in wanted}, rows


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _come(session: Any, name: str, table: pa.Table) -> dict[str, int]:
    session.createDataFrame(table).createOrReplaceTempView(_quoted(name))
    return {name: table.num_rows}


def _make(session: Any, step: Step, values: dict[str, Any]) -> None:
    bound = {name: value for name, value in values.items() if engine.takes(step, name)}
    text = spark_forms.form(step.sql)
    frame = _told(step, lambda: session.sql(text, args=bound) if bound else session.sql(text))
    if step.kept:
        frame = _told(step, lambda: frame.localCheckpoint(eager=True))
    frame.createOrReplaceTempView(_quoted(step.name))


def _fetched(session: Any, step: Step) -> pa.Table:
    frame = session.table(_quoted(step.name))
    return _told(step, (frame.orderBy(step.ordered_by) if step.ordered_by else frame).toArrow)


def _told(step: Step, do: Any) -> Any:
    """An error of Spark as a refusal that names the step and the kind of failure, never a value."""
    try:
        return do()
    except Exception as error:  # noqa: BLE001 - py4j raises what Java threw
        kind = getattr(error, "getCondition", getattr(error, "getErrorClass", lambda: None))() or type(error).__name__
        raise STEP_FAILED(step=step.name, error=kind) from None
