"""The golden values hold on the DuckDB that is installed; every function of the language has at least one."""

from __future__ import annotations

import json
from typing import Any

import duckdb
import golden
import pytest

from datong.engine import service as engine
from datong.engine import spark, spark_forms
from datong.engine.model import FUNCTIONS, Plan, Step
from datong.engine.spark_bound import Bound
from datong.ground.refusal import Refusal

EXPECTED: dict[str, list[list[Any]]] = json.loads(golden.FILE.read_text("utf-8"))


def test_every_function_has_a_golden_value() -> None:
    assert {function for function, _ in golden.CASES.values()} - {""} == FUNCTIONS
    assert EXPECTED.keys() == golden.CASES.keys()


def test_on_duckdb() -> None:
    """1.5 gives the golden values; 2 gives them too but for what is listed, and that list is exact."""
    second = int(duckdb.__version__.split(".")[0]) >= 2
    plan, names = golden.whole(case for case in golden.CASES if not second or case not in golden.DUCKDB_2_DIFFERS)
    result = engine.run(plan, golden.TABLES, want=list(names), threads=1)
    found = {case: golden.seen(result[name]) for name, case in names.items()}
    assert {case: rows for case, rows in found.items() if rows != EXPECTED[case]} == {}
    for case in golden.DUCKDB_2_DIFFERS if second else ():
        plan, _ = golden.whole([case])
        try:
            alike = golden.seen(engine.run(plan, golden.TABLES, threads=1)["case_0"]) == EXPECTED[case]
        except Refusal:
            alike = False
        assert not alike, case


def lacking(sql: str) -> set[str]:
    """What Spark lacks of a statement over the golden tables."""
    plan = Plan((Step("out", sql),), tuple(golden.TABLES))
    with pytest.raises(Refusal) as refused:
        spark.run(plan, golden.TABLES, master="nowhere")
    if refused.value.code == "ENG-411":
        return set()
    assert refused.value.code == "ENG-410"
    return {problem.en.removeprefix("Spark lacks ").split(":")[0] for problem in refused.value.problems}


def test_what_has_no_form_is_exactly_this() -> None:
    found = {}
    with Bound({name: table.schema for name, table in golden.TABLES.items()}, {}) as database:
        for case, (_, sql) in golden.CASES.items():
            plan = Plan((Step("out", sql),), tuple(golden.TABLES))
            if problems := spark_forms.problems(plan):
                found[case] = problems[0].en.removeprefix("Spark lacks ").split(":")[0]
                continue
            try:
                spark_forms.form(sql, database.types)
            except spark_forms.Lacks as lacks:
                found[case] = lacks.what
    assert found == golden.SPARK_LACKS


def test_what_spark_lacks_is_named_all_at_once_before_anything_runs() -> None:
    plan = Plan(
        (
            Step("one", "SELECT mode(p) AS v, strip_accents(any_value(s)) AS w FROM t"),
            Step("two", "SELECT approx_count_distinct(v) AS n FROM one"),
        ),
        ("t",),
    )
    with pytest.raises(Refusal) as refused:
        spark.run(plan, {"t": golden.TABLE}, master="nowhere")
    assert refused.value.code == "ENG-410"
    assert [(p.where, p.en.split(":")[0]) for p in refused.value.problems] == [
        ("one", "Spark lacks mode"), ("one", "Spark lacks strip_accents"), ("two", "Spark lacks approx_count_distinct"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("sql", "what"),
    [
        ("SELECT first(p) AS v FROM t", "first"),
        ("SELECT list(p) AS v FROM t", "list"),
        ("SELECT list(DISTINCT p ORDER BY p) AS v FROM t", "list"),
        ("SELECT regexp_matches(s, p) AS v FROM t", "regular expressions"),
        (r"SELECT regexp_matches(s, '(?m)^a$') AS v FROM t", "regular expressions with (?m"),
        (r"SELECT regexp_replace(s, 'x*', '-', 'g') AS v FROM t", "regexp_replace"),
        ("SELECT s LIKE p AS v FROM t", "LIKE"),
        ("SELECT s ILIKE 'a%' AS v FROM t", "ILIKE"),
        ("SELECT try_strptime(s, '%Y %z') AS v FROM t", "strptime with %z"),
        ("SELECT strftime(t, '%G') AS v FROM t", "strftime with %G"),
        ("SELECT timezone(s, t) AS v FROM t", "timezone"),
        ("SELECT date_diff('century', t, t) AS v FROM t", "date_diff"),
        ("SELECT date_sub('month', t, t) AS v FROM t", "date_sub"),
        ("SELECT t - TIMESTAMP '2020-01-01' AS v FROM t", "a difference of two times"),
        ("SELECT CAST(l AS VARCHAR) AS v FROM t", "a cast from BIGINT[] to VARCHAR"),
        ("SELECT to_json({'x': x}) AS v FROM t", "to_json"),
        ("SELECT row(i, j) AS v FROM t", "row"),
        ("SELECT k FROM t, unnest([1]) AS u(v)", "unnest"),
        ("SELECT DISTINCT ON (g) g, k FROM t", "DISTINCT ON"),
        ("SELECT a.k FROM t AS a ASOF JOIN t AS b ON a.t >= b.t", "ASOF JOIN"),
        (
            "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT n FROM r",
            "WITH RECURSIVE",
        ),
        ("SELECT k FROM t UNION ALL BY NAME SELECT k FROM t", "BY NAME"),
        ("SELECT quantile_cont(t, 0.5) AS v FROM t", "quantile_cont"),
        ("SELECT s ~ 'a' AS v FROM t", "~"),
        ("SELECT s SIMILAR TO 'a' AS v FROM t", "SIMILAR TO"),
        ("SELECT k FROM t WHERE k > ALL (SELECT 1)", "ALL"),
        ("SELECT string_agg(p, ',') AS v FROM t", "string_agg"),
        ("SELECT list_distinct(l) AS v FROM t", "list_distinct"),
        ("SELECT row_number() OVER (PARTITION BY g) AS v FROM t", "row_number OVER"),
        ("SELECT lag(k) OVER () AS v FROM t", "lag OVER"),
        (
            "SELECT sum(k) OVER (ORDER BY k ROWS 1 PRECEDING EXCLUDE CURRENT ROW) AS v FROM t",
            "a frame of GROUPS or with EXCLUDE",
        ),
        ("SELECT arg_max(p, k, 2) AS v FROM t", "arg_max"),
        ("SELECT median(CAST(j AS DECIMAL(9, 2))) AS v FROM t", "median"),
        ("SELECT median(s) AS v FROM t", "median"),
        ("SELECT avg(DISTINCT CAST(j AS DECIMAL(9, 2))) AS v FROM t", "avg"),
        ("SELECT max(l) AS v FROM t", "max"),
        ("SELECT list_sort(l, 'DESC') AS v FROM t", "list_sort"),
        ("SELECT list_transform(l, lambda e, n: e * n) AS v FROM t", "list_transform"),
        ("SELECT list_filter(l, lambda e, n: n > 1) AS v FROM t", "list_filter"),
        ("SELECT time_bucket(INTERVAL '2 days', t, TIMESTAMP '2020-01-01') AS v FROM t", "time_bucket"),
        ("SELECT timezone('asia/shanghai', z) AS v FROM t", "timezone"),
        ("SELECT string_agg(DISTINCT x, ',' ORDER BY x) AS v FROM t", "string_agg"),
        ("SELECT string_agg(DISTINCT p, ',' ORDER BY p) AS v, count(DISTINCT k) AS w FROM t", "string_agg"),
        ("SELECT string_agg(p, NULL ORDER BY k) AS v FROM t", "string_agg"),
        (r"SELECT regexp_matches(s, '(?i)\pL') AS v FROM t", r"regular expressions that are folded, with \p"),
        ("SELECT s AS v FROM t UNION ALL SELECT k FROM t", "UNION"),
        ("SELECT g, sum(k) AS v FROM t GROUP BY ROLLUP (g)", "ROLLUP, CUBE and the grouping set ()"),
        ("SELECT g, sum(k) AS v FROM t GROUP BY GROUPING SETS ((g), ())", "ROLLUP, CUBE and the grouping set ()"),
        ("SELECT CAST(x AS HUGEINT) AS v FROM t", "a cast from DOUBLE to HUGEINT"),
        (r"SELECT regexp_extract(s, '[(](?:a)\((?P<n>b)', 2) AS v FROM t", "regexp_extract"),
        ("SELECT TRY_CAST(s AS HUGEINT) AS v FROM t", "a cast from VARCHAR to HUGEINT"),
        ("SELECT typeof(1.5) AS v FROM t", "typeof"),
        ("SELECT x // 2 AS v FROM t", "//"),
        ("SELECT CAST(x AS DECIMAL(38, 2)) AS v FROM t", "a cast from DOUBLE to DECIMAL(38, 2)"),
        ("SELECT substring(s, 2, -1) AS v FROM t", "substring"),
        ("SELECT split_part(s, p, 1) AS v FROM t", "split_part"),
        ("SELECT string_split(s, '') AS v FROM t", "string_split"),
        ("SELECT timezone('EST', t) AS v FROM t", "timezone"),
        ("SELECT regexp_matches(s, 'a(?i)[b-k]') AS v FROM t", "regular expressions that are folded in part"),
    ],
)
def test_constructs_without_an_equal_are_refused_by_name(sql: str, what: str) -> None:
    assert lacking(sql) == {what}


def test_a_plan_that_duckdb_would_not_bind_is_refused_as_there() -> None:
    plan = Plan((Step("out", "SELECT none FROM t"),), ("t",))
    for run in (engine.run, spark.at("nowhere").run):
        with pytest.raises(Refusal) as refused:
            run(plan, {"t": golden.TABLE})
        assert refused.value.code == "ENG-500"


def test_what_is_lacking_and_what_has_a_form_are_functions_of_the_language() -> None:
    assert spark_forms.LACKS.keys() <= FUNCTIONS
    assert spark_forms.FORMS <= FUNCTIONS
    assert not spark_forms.LACKS.keys() & spark_forms.FORMS


@pytest.mark.parametrize(
    ("duck", "on_spark"),
    [
        ("SELECT CAST(d AS TIMESTAMPTZ) FROM t", "SELECT CAST(d AS TIMESTAMP_LTZ) FROM t"),
        ("SELECT CAST(d AS TIMESTAMP) FROM t", "SELECT CAST(d AS TIMESTAMP_NTZ) FROM t"),
        ("SELECT 7 // 2 AS v FROM t ORDER BY v", "SELECT 7 DIV 2 AS v FROM t ORDER BY v NULLS LAST"),
        ("SELECT 7 // i AS v FROM t", "SELECT CASE WHEN i <> 0 THEN 7 DIV i END AS v FROM t"),
        ("SELECT $k FROM t", "SELECT :k FROM t"),
        ("SELECT isnan(n) FROM t", "SELECT CASE WHEN NOT n IS NULL THEN ISNAN(n) END FROM t"),
        ("SELECT regexp_full_match(s, 'a$') FROM t", r"SELECT s RLIKE '(?d)^(?:a\\z)\\z' FROM t"),
        ("SELECT s GLOB '[-+]5.[0-9]' FROM t", r"SELECT s RLIKE '^(?:[-+]5\\.[0-9])\\z' FROM t"),
        ("SELECT d + INTERVAL 1 MONTH FROM t", "SELECT CAST(d AS TIMESTAMP_NTZ) + INTERVAL '1' MONTH FROM t"),
        ("SELECT typeof(t) FROM t", "SELECT 'TIMESTAMP' FROM t"),
    ],
)
def test_forms_that_are_known_traps(duck: str, on_spark: str) -> None:
    with Bound({"t": golden.TABLE.schema}, {"k": 1}) as database:
        assert spark_forms.form(duck, database.types) == on_spark
