"""Plans on Spark: value by value what DuckDB gives, and the same refusals. `make test-matrix` runs this.

DATONG_TEST_SPARK names the master; two workers of one core are started when it is not set.
"""

from __future__ import annotations

import json
import os
import shutil

import golden
import pyarrow as pa
import pytest

from datong.engine import service as engine
from datong.engine import spark, spark_forms
from datong.engine.model import Balance, Late, Plan, Step
from datong.ground.refusal import Refusal

pytest.importorskip("pyspark", reason="needs the extra spark")
pytestmark = [
    pytest.mark.spark,
    pytest.mark.skipif(shutil.which("java") is None, reason="needs Java 17 (Debian: openjdk-17-jre-headless)"),
    pytest.mark.filterwarnings("ignore"),
]
MASTER = os.environ.get("DATONG_TEST_SPARK", "local-cluster[2,1,1024]")


def test_golden_values() -> None:
    """Every function that has a form gives what DuckDB gives; the rest is on the list of what Spark lacks."""
    one = {case: golden.whole([case])[0] for case in golden.CASES}
    fit = [case for case, plan in one.items() if not spark_forms.problems(plan) and case not in golden.SPARK_LOUD]
    assert len(fit) > len(golden.CASES) / 2
    plan, names = golden.whole(fit)
    result = spark.run(plan, {"t": golden.TABLE}, master=MASTER, want=list(names))
    expected = json.loads(golden.FILE.read_text("utf-8"))
    found = {case: golden.seen(result[name]) for name, case in names.items()}
    assert {c: rows for c, rows in found.items() if rows != expected[c] and c not in golden.SPARK_DIFFERS} == {}


def test_balances_late_inputs_and_parameters() -> None:
    people = pa.table({"name": ["ann", "bob", None], "age": ["31", "x", "7"]})
    plan = Plan(
        (
            Step("asked", "SELECT name FROM people WHERE age = $odd"),
            Step("seen", "SELECT name FROM told", kept=False),
            Step("out", "SELECT name FROM seen"),
        ),
        ("people",), ("odd",), (Balance("asked", ("told",)),), (Late("told", "asked"),),
    )  # fmt: skip
    for run in (engine.run, lambda *given: spark.run(*given, master=MASTER)):
        result = run(plan, {"people": people, "told": lambda table: table}, {"odd": "x"})
        assert result["out"].to_pylist() == [{"name": "bob"}]
        assert result.rows == {"people": 3, "asked": 1, "told": 1, "out": 1}
        with pytest.raises(Refusal) as refused:
            run(plan, {"people": people, "told": lambda table: table.slice(0, 0)}, {"odd": "x"})
        assert refused.value.code == "ENG-501"


def test_errors_never_echo_values() -> None:
    people = pa.table({"name": ["secret-ann"]})
    with pytest.raises(Refusal) as refused:
        spark.run(
            Plan((Step("out", "SELECT CAST(name AS BIGINT) AS n FROM people"),), ("people",)),
            {"people": people},
            master=MASTER,
        )
    assert refused.value.code == "ENG-500"
    assert "secret" not in str(refused.value)
