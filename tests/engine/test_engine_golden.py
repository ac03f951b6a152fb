"""The golden values hold on the DuckDB that is installed; every function of the language has at least one."""

from __future__ import annotations

import json
from typing import Any

import golden
import pytest

from datong.engine import service as engine
from datong.engine import spark, spark_forms
from datong.engine.model import FUNCTIONS, Plan, Step
from datong.ground.refusal import Refusal

EXPECTED: dict[str, list[list[Any]]] = json.loads(golden.FILE.read_text("utf-8"))


def test_every_function_has_a_golden_value() -> None:
    assert {function for function, _ in golden.CASES.values()} - {""} == FUNCTIONS
    assert EXPECTED.keys() == golden.CASES.keys()


def test_on_duckdb() -> None:
    plan, names = golden.whole()
    result = engine.run(plan, {"t": golden.TABLE}, want=list(names), threads=1)
    found = {case: golden.seen(result[name]) for name, case in names.items()}
    assert {case: rows for case, rows in found.items() if rows != EXPECTED[case]} == {}


def test_what_spark_lacks_is_named_all_at_once_before_anything_runs() -> None:
    plan = Plan(
        (
            Step("one", "SELECT list_reduce(l, lambda a, e: a + e) AS v FROM t"),
            Step("two", "SELECT typeof(v), chr(v) FROM one"),
        ),
        ("t",),
    )
    with pytest.raises(Refusal) as refused:
        spark.run(plan, {"t": golden.TABLE}, master="nowhere")
    assert refused.value.code == "ENG-410"
    assert [(p.where, p.en.split(":")[0]) for p in refused.value.problems] == [
        ("one", "Spark lacks list_reduce"), ("two", "Spark lacks chr"), ("two", "Spark lacks typeof"),
    ]  # fmt: skip


def test_what_is_lacking_and_what_has_a_form_are_functions_of_the_language() -> None:
    assert spark_forms.LACKS.keys() <= FUNCTIONS
    assert spark_forms.FORMS.keys() <= FUNCTIONS
    assert not spark_forms.LACKS.keys() & spark_forms.FORMS.keys()


@pytest.mark.parametrize(
    ("duck", "on_spark"),
    [
        (
            "SELECT CAST(x AS TIMESTAMPTZ), CAST(x AS TIMESTAMP) FROM t",
            "SELECT CAST(x AS TIMESTAMP_LTZ), CAST(x AS TIMESTAMP_NTZ) FROM t",
        ),
        ("SELECT 7 // i AS v FROM t ORDER BY v", "SELECT 7 DIV i AS v FROM t ORDER BY v NULLS LAST"),
        ("SELECT $k FROM t", "SELECT :k FROM t"),
        (
            "SELECT isnan(TRY_CAST(s AS TIMESTAMP)) FROM t",
            "SELECT CASE WHEN NOT TRY_CAST(s AS TIMESTAMP_NTZ) IS NULL THEN ISNAN(TRY_CAST(s AS TIMESTAMP_NTZ)) END FROM t",
        ),
        ("SELECT isnan(n) FROM t", "SELECT CASE WHEN NOT n IS NULL THEN ISNAN(n) END FROM t"),
        ("SELECT regexp_full_match(s, 'a') FROM t", r"SELECT s RLIKE CONCAT('(?d)^(?:', 'a', ')\\z') FROM t"),
    ],
)
def test_forms_that_are_known_traps(duck: str, on_spark: str) -> None:
    assert spark_forms.form(duck) == on_spark
