"""The plan language: what may be said, and that nothing else may, as DuckDB would see it."""

from __future__ import annotations

import gc

import pytest
import sqlglot
from hypothesis import given
from hypothesis import strategies as st

from datong.engine import rules
from datong.engine.model import FUNCTIONS, Balance, Plan, Step, literal, quoted


def plan(sql: str, *, parameters: tuple[str, ...] = ()) -> Plan:
    return Plan((Step("out", sql),), ("a", "b"), parameters)


ALLOWED = [
    "SELECT * FROM a",
    "SELECT a.x, count(*) AS n FROM a JOIN b USING (x) GROUP BY a.x HAVING count(*) > 1",
    "WITH c AS (SELECT x FROM a) SELECT * FROM c WHERE x IN (SELECT x FROM b)",
    "SELECT *, row_number() OVER (PARTITION BY x ORDER BY y) AS n FROM a QUALIFY n = 1",
    "SELECT CAST(x AS DECIMAL(10, 2)), TRY_CAST(x AS DOUBLE), CASE WHEN (x = 1) THEN (2) ELSE (3) END FROM a",
    "SELECT {'p.q': x} AS record, to_json({'x': x}) FROM a",
    "SELECT t.k FROM (VALUES ('x', 1), ('y', 2)) AS t(k, v)",
    "SELECT x FROM a UNION ALL (SELECT x FROM b)",
    "SELECT list_transform(l, lambda x: x + 1) FROM a",
    "SELECT count(*) FILTER (WHERE x) FROM a WHERE NOT EXISTS (SELECT 1 FROM b WHERE b.x = a.x)",
    "SELECT EXTRACT(hour FROM t), t AT TIME ZONE 'UTC', INTERVAL '1 hour', INTERVAL (x) HOUR FROM a",
    "SELECT u.v FROM a, unnest(a.l) AS u(v)",
    "SELECT x, row_number() OVER (PARTITION BY (x) ORDER BY (y)) AS n FROM a ORDER BY (x), (n)",
    "SELECT x, y, count(*) AS n FROM a GROUP BY GROUPING SETS ((x), (x, y))",
    "SELECT x FROM a GROUP BY (x)",
    "SELECT 'read_csv(' || x || 'COPY' FROM a  -- read_text('/etc/passwd')",
]


@pytest.mark.parametrize("sql", ALLOWED)
def test_allowed(sql: str) -> None:
    assert rules.problems(plan(sql)) == []


REFUSED = [
    ("SELECT * FROM read_csv('/etc/passwd')", "read_csv"),
    ("SELECT * FROM \"read_csv\"('/etc/passwd')", "read_csv"),
    ("SELECT '/etc/passwd'.read_text()", "read_text"),
    ("SELECT * FROM READ_parquet ('x')", "read_parquet"),
    ("SELECT * FROM '/etc/passwd'", "/etc/passwd"),
    ("SELECT * FROM 'x.parquet'", "x.parquet"),
    ("SELECT * FROM c", "reads c"),
    ("SELECT * FROM information_schema.tables", "information_schema"),
    ("SELECT * FROM duckdb_settings()", "duckdb_settings"),
    ("SELECT getenv('HOME')", "getenv"),
    ("SELECT current_setting('threads')", "current_setting"),
    ("SELECT random(), now() FROM a", "random"),
    ("SELECT * FROM a WHERE x > current_date", "CURRENTDATE"),
    ("SELECT current_timestamp, localtime FROM a", "CURRENTTIMESTAMP"),
    ("SELECT localtimestamp FROM a", "LOCALTIMESTAMP"),
    ("SELECT query('DROP TABLE a')", "query"),
    ("FROM query_table(['a'])", "query_table"),
    ("COPY a TO '/tmp/x'", "one SELECT"),
    ("COPY (SELECT * FROM a) TO '/tmp/x'", "one SELECT"),
    ("ATTACH '/tmp/x.db'", "one SELECT"),
    ("PRAGMA database_list", "one SELECT"),
    ("INSTALL httpfs", "one SELECT"),
    ("SET threads = 1", "one SELECT"),
    ("CREATE TABLE x AS SELECT 1", "one SELECT"),
    ("INSERT INTO a SELECT * FROM b", "one SELECT"),
    ("DELETE FROM a", "one SELECT"),
    ("SELECT 1; SELECT 2", "one SELECT"),
    ("SELECT 1; COPY a TO '/tmp/x'", "one SELECT"),
    ("DESCRIBE a", "one SELECT"),
    ("SELECT * FROM (DESCRIBE a)", "DESCRIBE"),
    ("SELECT * FROM (SUMMARIZE a)", "SUMMARIZE"),
    ("SELECT * FROM a TABLESAMPLE 10%", "TABLESAMPLE"),
    ("SELECT $secret FROM a", "$secret"),
    ("SELECT ? FROM a", "?"),
    ("SELECT (", "SQL"),
]


@pytest.mark.parametrize(("sql", "said"), REFUSED)
def test_refused_by_name(sql: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = rules.problems(plan(sql))
    assert found, sql
    assert any(said.lower() in problem.en.lower() for problem in found), found
    assert all(problem.where == "out" for problem in found)


def test_all_problems_at_once() -> None:
    found = rules.problems(
        Plan(
            (
                Step("one", "SELECT random() FROM nowhere"),
                Step("one", "SELECT 1"),
                Step("Two!", "DROP TABLE a"),
                Step("three", "SELECT * FROM four"),
                Step("four", "SELECT 1"),
            ),
            ("a",),
            balances=(Balance("one", ("five",)),),
        )
    )
    assert [p.where for p in found] == ["one", "one", "one", "Two!", "Two!", "three", "balance of one"]


def test_a_declared_parameter_and_an_earlier_step_may_be_used() -> None:
    two = Plan((Step("one", "SELECT x, $k AS k FROM a"), Step("two", "SELECT * FROM one")), ("a",), ("k",))
    assert rules.problems(two) == []


def test_no_function_that_reads_the_world_is_on_the_list() -> None:
    for name in FUNCTIONS:
        assert not name.startswith(("read_", "duckdb_", "pragma_", "current_", "parquet_", "sniff_", "sqlite_"))
    assert not FUNCTIONS & {"glob", "getenv", "random", "uuid", "gen_random_uuid", "now", "today", "query", "version"}


@given(st.text())
def test_quoted_names_and_literals_stay_one_token(text: str) -> None:
    if "\0" in text or not text:
        return
    assert [t.text for t in sqlglot.tokenize(quoted(text), read="duckdb")] == [text]
    assert [t.text for t in sqlglot.tokenize(literal(text), read="duckdb")] == [text]


def test_digest_and_print() -> None:
    first = plan("SELECT x FROM a")
    assert rules.digest_of(first) == rules.digest_of(plan("SELECT x FROM a"))
    assert rules.digest_of(first) != rules.digest_of(plan("SELECT y FROM a"))
    text = rules.printed(first)
    assert "-- inputs: a, b" in text
    assert "-- 1. out" in text
    assert "FROM a;" in text


def test_a_long_text_is_printed_as_it_is_with_a_line_for_each_column() -> None:
    names = [f"c,{number}(" for number in range(600)]
    columns = ", ".join(f"concat({quoted(name)}, 'it''s, (') AS {quoted(name)}" for name in names)
    long = f"SELECT *, {columns} FROM (SELECT x, [1, 2] AS y FROM a) AS before"
    assert len(long) > rules.LONG_TEXT
    lines = rules.printed(Plan((Step("out", long),), ("a",))).splitlines()[3:]
    assert " ".join(line.strip() for line in lines) == f"{long};"
    assert lines[0] == "SELECT *,"
    assert lines[1] == """  concat("c,0(", 'it''s, (') AS "c,0(","""
    assert len(lines) == 1 + len(names) + 1
    assert lines[-1] == "  [1, 2] AS y FROM a) AS before;"


def test_what_a_text_says_is_kept_not_its_tree() -> None:
    """The trees of a plan are many times its text, and were kept for as long as the process lived."""
    rules._said.cache_clear()
    before = trees()
    assert rules.problems(plan("SELECT " + ", ".join(f"upper(x) AS c{n}" for n in range(2000)) + " FROM a")) == []
    assert trees() <= before + 10


def trees() -> int:
    """How many nodes of trees are held; by their types, as a weak reference may stand for what is gone."""
    gc.collect()
    return sum(issubclass(type(thing), sqlglot.exp.Expression) for thing in gc.get_objects())
