"""One or more expressions for every function of the plan language, over one small table with awkward values.

tests/engine/golden.json holds what DuckDB 1.5 gives; every other engine and version is held to the same values.
`make test-matrix` runs them on DuckDB 2 and on Spark. To write the file anew after adding a line here:
    python tests/engine/golden.py
"""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

from datong.engine.model import Plan, Step

FILE = Path(__file__).with_name("golden.json")
UTC = dt.UTC


def _at(*parts: int) -> dt.datetime:
    return dt.datetime(*parts)  # noqa: DTZ001 - a local time is meant


TABLE = pa.table(
    {
        "k": pa.array([1, 2, 3, 4, 5, 6], pa.int64()),
        "g": pa.array(["a", "a", "b", "b", "b", None]),
        "i": pa.array([7, -7, 0, 1, None, 9007199254740993], pa.int64()),
        "j": pa.array([2, 2, 3, -3, 2, None], pa.int64()),
        "x": pa.array([0.5, -2.5, 2.5, 1.005, None, 123456.789], pa.float64()),
        "u": pa.array([0.5, -0.25, 0.0, 1.0, None, 0.75], pa.float64()),
        "n": pa.array([1.0, math.nan, math.inf, -math.inf, None, 0.0], pa.float64()),
        "s": pa.array(["Hello, World", " 两 spaces ", "贵A12345", "", None, "a.b.c"]),
        "p": pa.array(["a", "b", "a", "z", None, "b"]),
        "h": pa.array(["ff", "0A", "", "6869", None, "00"]),
        "q": pa.array(["2019-09-01 04:08:00", "2019-02-29 00:00:00", "x", "2020-12-31 23:59:59", None, "1999-01-01 00:00:00"]),
        "b": pa.array([True, False, None, True, False, True]),
        "d": pa.array([dt.date(2020, 2, 29), dt.date(2019, 12, 31), dt.date(1969, 7, 20), dt.date(2000, 1, 1), None, dt.date(2024, 12, 30)]),
        "t": pa.array([_at(2019, 9, 1, 4, 8, 0, 123456), _at(2020, 2, 29, 23, 59, 59), _at(1969, 12, 31, 23, 0), _at(2019, 11, 3, 1, 30),
                       None, _at(2024, 12, 30, 12, 0)], pa.timestamp("us")),
        "z": pa.array([dt.datetime(2019, 9, 1, 4, 8, tzinfo=UTC), dt.datetime(2019, 3, 10, 7, tzinfo=UTC), dt.datetime(1970, 1, 1, tzinfo=UTC),
                       dt.datetime(2019, 11, 3, 5, 30, tzinfo=UTC), None, dt.datetime(2024, 7, 1, 12, tzinfo=UTC)], pa.timestamp("us", tz="UTC")),
        "l": pa.array([[3, 1, 2], [], [5], [2, 2], None, [1, None]], pa.list_(pa.int64())),
        "ll": pa.array([[[1], [2, 3]], [], [[4]], [[]], None, [[5], [6]]], pa.list_(pa.list_(pa.int64()))),
    }
)  # fmt: skip

PER_ROW: dict[str, tuple[str, ...]] = {
    "abs": ("abs(i)", "abs(x)"), "acos": ("acos(u)",), "asin": ("asin(u)",), "atan": ("atan(x)",), "atan2": ("atan2(x, u)",),
    "ceil": ("CAST(ceil(x) AS BIGINT)",), "ceiling": ("CAST(ceiling(x) AS BIGINT)",), "cos": ("cos(x)",), "degrees": ("degrees(u)",),
    "exp": ("exp(u)",), "floor": ("CAST(floor(x) AS BIGINT)",), "greatest": ("greatest(i, j)", "greatest(s, p)"),
    "least": ("least(i, j)", "least(x, u)"), "ln": ("ln(abs(x))",), "log10": ("log10(abs(x))",), "mod": ("mod(i, j)", "i % j"),
    "pi": ("pi()",), "power": ("power(x, 2)", "power(j, 3)"), "radians": ("radians(x)",),
    "round": ("round(x)", "round(x, 1)", "CAST(round(x, 2) AS DECIMAL(12, 2))"), "sign": ("CAST(sign(i) AS BIGINT)",), "sin": ("sin(x)",),
    "sqrt": ("sqrt(abs(x))",), "tan": ("tan(u)",), "trunc": ("CAST(trunc(x) AS BIGINT)",), "isnan": ("isnan(n)",),
    "isfinite": ("isfinite(n)",),
    "chr": ("chr(CAST(abs(j) + 64 AS INTEGER))", "chr(36149)"), "concat": ("concat(s, '-', p)",), "concat_ws": ("concat_ws('|', s, p)",),
    "contains": ("contains(s, 'o')", "contains(s, '')"), "ends_with": ("ends_with(s, '5')",), "instr": ("instr(s, 'o')", "instr(s, '')"),
    "left": ("left(s, 2)", "left(s, 0)"), "length": ("length(s)",), "strlen": ("strlen(s)",), "lower": ("lower(s)",), "lpad": ("lpad(s, 8, '*')", "lpad(s, 3, '*')"),
    "ltrim": ("ltrim(s)", "ltrim(s, 'H ')"), "prefix": ("prefix(s, 'H')",),
    "regexp_extract": (r"regexp_extract(s, '([a-z]+)', 1)", r"regexp_extract(s, '\d+')"),
    "regexp_full_match": (r"regexp_full_match(s, '.*\d')", r"regexp_full_match(s, '[a-c.]+')", "regexp_full_match(s, '')"),
    "regexp_matches": (r"regexp_matches(s, '\d')", r"regexp_matches(s, '[\x{4E00}-\x{9FFF}]')", "regexp_matches(s, '^$')"),
    "regexp_replace": (r"regexp_replace(s, '[aeiou]', '_', 'g')", r"regexp_replace(s, 'o', '0')", r"regexp_replace(s, '(\w)\.', '\1!', 'g')"),
    "repeat": ("repeat(p, 3)",), "replace": ("replace(s, 'l', 'L')", "replace(s, '', 'x')"), "reverse": ("reverse(s)",),
    "right": ("right(s, 2)", "right(s, 0)"), "rpad": ("rpad(s, 8, '*')", "rpad(s, 3, '*')"), "rtrim": ("rtrim(s)",),
    "split_part": ("split_part(s, '.', 2)", "split_part(s, '.', 9)", "split_part(s, 'o', 1)"), "starts_with": ("starts_with(s, 'H')",),
    "string_split": ("string_split(s, '.')",), "strip_accents": ("strip_accents(s)",),
    "substr": ("substr(s, 2)", "substr(s, 2, 3)"), "substring": ("substring(s, 1, 2)",), "suffix": ("suffix(s, '5')",),
    "translate": ("translate(s, 'lo', 'L0')", "translate(s, 'l,', 'L')"), "trim": ("trim(s)", "trim('\t' || s)", "trim('\u3000' || s || '\u00a0')"), "upper": ("upper(s)",),
    "hex": ("hex(s)",), "to_hex": ("to_hex(s)",), "unhex": ("hex(unhex(h))",), "from_hex": ("hex(from_hex(h))",),
    "md5": ("md5(s)",), "sha256": ("sha256(s)",),
    "date_add": ("date_add(t, INTERVAL 1 DAY)", "d + INTERVAL 1 MONTH"),
    "date_diff": ("date_diff('day', d, DATE '2020-01-01')", "date_diff('hour', t, TIMESTAMP '2020-01-01 00:30:00')", "date_diff('month', d, DATE '2020-01-01')"),
    "date_part": ("date_part('year', t)", "date_part('hour', t)"), "date_sub": ("date_sub('day', t, TIMESTAMP '2020-01-01 00:30:00')",),
    "date_trunc": ("date_trunc('hour', t)", "CAST(date_trunc('month', t) AS DATE)", "CAST(date_trunc('week', t) AS DATE)"), "day": ("day(d)", "day(t)"),
    "dayofweek": ("dayofweek(d)",), "epoch": ("epoch(t)", "epoch(z)"), "epoch_ms": ("epoch_ms(t)", "epoch_ms(z)"), "epoch_us": ("epoch_us(t)", "epoch_us(z)"),
    "extract": ("extract(minute FROM t)", "extract(isodow FROM d)"), "hour": ("hour(t)",), "isodow": ("isodow(d)",),
    "last_day": ("last_day(d)",), "make_date": ("make_date(2020, 2, 29)",), "make_timestamp": ("make_timestamp(2020, 2, 29, 1, 2, 3.5)",),
    "minute": ("minute(t)",), "month": ("month(t)",), "quarter": ("quarter(d)",), "second": ("second(t)",),
    "strftime": ("strftime(t, '%Y-%m-%d %H:%M:%S')", "strftime(d, '%Y/%m/%d')"),
    "strptime": ("strptime('2019-09-01 04:08', '%Y-%m-%d %H:%M')",),
    "time_bucket": ("time_bucket(INTERVAL '1 hour', t)",), "timezone": ("timezone('America/New_York', t)", "timezone('Asia/Shanghai', z)"),
    "to_days": ("t + to_days(2)",), "to_hours": ("t + to_hours(2)",), "to_minutes": ("t + to_minutes(2)",), "to_seconds": ("t + to_seconds(2)",),
    "to_timestamp": ("to_timestamp(1567310880)",), "try_strptime": ("try_strptime(q, '%Y-%m-%d %H:%M:%S')",), "week": ("week(d)",),
    "weekday": ("weekday(d)",), "year": ("year(d)",), "date": ("CAST(t AS DATE)", "DATE '2020-02-29'"),
    "timestamp": ("CAST(d AS TIMESTAMP)", "TIMESTAMP '2020-02-29 01:02:03'"), "time": ("CAST(t AS TIME)",),
    "case": ("CASE WHEN i > 0 THEN 'p' WHEN i < 0 THEN 'm' END", "CASE p WHEN 'a' THEN 1 ELSE 0 END"),
    "cast": ("CAST(i AS VARCHAR)", "CAST(x AS VARCHAR)", "CAST(x AS DECIMAL(12, 2))", "CAST(i AS DOUBLE)", "CAST(b AS VARCHAR)", "CAST(z AS VARCHAR)", "CAST(x AS BIGINT)"),
    "coalesce": ("coalesce(i, j, 0)",), "if": ("if(b, 'y', 'n')",), "ifnull": ("ifnull(i, 5)",), "nullif": ("nullif(p, 'a')",),
    "try_cast": ("TRY_CAST(s AS BIGINT)", "TRY_CAST('1_000' AS BIGINT)", "TRY_CAST(' 12 ' AS BIGINT)", "TRY_CAST(q AS TIMESTAMP)", "TRY_CAST('1e3' AS DOUBLE)",
                 "TRY_CAST('2019-09-01 04:08:00+05:30' AS TIMESTAMPTZ)", "TRY_CAST('12.5' AS BIGINT)", "TRY_CAST('1d' AS DOUBLE)"),
    "typeof": ("typeof(i)",),
    "array_length": ("array_length(l)",), "element_at": ("element_at(map(['a'], [i]), 'a')",), "flatten": ("flatten(ll)",),
    "generate_series": ("generate_series(1, 3)",), "len": ("len(l)",), "list_aggregate": ("list_aggregate(l, 'sum')",),
    "list_concat": ("list_concat(l, [9])",), "list_contains": ("list_contains(l, 2)",), "list_distinct": ("list_sort(list_distinct(l))",),
    "list_extract": ("list_extract(l, 1)", "l[1]"), "list_filter": ("list_filter(l, lambda e: e > 1)",), "list_has_any": ("list_has_any(l, [2, 9])",),
    "list_position": ("list_position(l, 2)",), "list_reduce": ("list_reduce([1, 2, 3], lambda a, e: a + e)",), "list_slice": ("list_slice(l, 1, 2)",),
    "list_sort": ("list_sort(l)",), "list_transform": ("list_transform(l, lambda e: e + 1)",), "list_value": ("list_value(i, j)", "[i, j]"),
    "map": ("map_extract(map(['a'], [i]), 'a')",), "map_extract": ("map_extract(map(['a'], [i]), 'b')",), "range": ("range(1, 3)",), "row": ("struct_extract(row(i, p), 1)",),
    "struct_extract": ("struct_extract({'a': i}, 'a')",), "struct_pack": ("struct_extract(struct_pack(a := i), 'a')",),
    "to_json": ("CAST(to_json({'a': s, 'b': i}) AS VARCHAR)",),
    "unnest": ("(SELECT sum(e) FROM (SELECT unnest([1, 2]) AS e) AS r)",),
}  # fmt: skip

WINDOW = "OVER (PARTITION BY g ORDER BY k)"
WINDOWS: dict[str, tuple[str, ...]] = {
    "dense_rank": (f"dense_rank() {WINDOW}",), "first_value": (f"first_value(i) {WINDOW}",), "lag": (f"lag(i) {WINDOW}", f"lag(i, 2) {WINDOW}"),
    "last_value": (f"last_value(i) {WINDOW}",), "lead": (f"lead(i) {WINDOW}",), "ntile": ("ntile(2) OVER (ORDER BY k)",),
    "percent_rank": ("percent_rank() OVER (ORDER BY k)",), "rank": ("rank() OVER (ORDER BY p, k)", "rank() OVER (ORDER BY j)", "rank() OVER (ORDER BY j DESC)"),
    "row_number": ("row_number() OVER (ORDER BY i)", "row_number() OVER (ORDER BY i DESC, k)"),
}  # fmt: skip

AGGREGATES: dict[str, tuple[str, ...]] = {
    "any_value": ("any_value(b) FILTER (WHERE k = 1)",), "arg_max": ("arg_max(p, x)",), "arg_min": ("arg_min(p, x)",), "avg": ("avg(j)", "avg(x)"),
    "bool_and": ("bool_and(b)",), "bool_or": ("bool_or(b)",), "count": ("count(*)", "count(i)", "count(DISTINCT p)"), "count_if": ("count_if(b)",),
    "first": ("first(p ORDER BY k)",), "last": ("last(p ORDER BY k)",), "list": ("list_sort(list(j))",), "array_agg": ("list_sort(array_agg(j))",),
    "max": ("max(i)", "max(s)"), "median": ("median(j)",), "min": ("min(i)", "min(s)"), "mode": ("mode(p) FILTER (WHERE p <> 'b')",),
    "quantile_cont": ("quantile_cont(x, 0.25)",), "stddev_pop": ("stddev_pop(j)",), "stddev_samp": ("stddev_samp(j)", "stddev_samp(j) FILTER (WHERE k = 1)"),
    "string_agg": ("string_agg(p, ',' ORDER BY k)",), "sum": ("sum(j)", "sum(x)", "sum(j) FILTER (WHERE k > 9)"), "var_pop": ("var_pop(j)",),
    "var_samp": ("var_samp(j)",), "approx_count_distinct": ("approx_count_distinct(p)",),
}  # fmt: skip

OPERATORS: dict[str, tuple[str, ...]] = {
    "//": ("i // j",), "/": ("i / j",), "||": ("s || p",), "<>": ("i <> j",), "is not distinct from": ("i IS NOT DISTINCT FROM j",),
    "in": ("p IN ('a', 'z')",), "not in": ("p NOT IN ('a')",), "like": ("s LIKE 'H%'", "s LIKE '_____'"), "between": ("x NOT BETWEEN 0 AND 1",),
    "is not true": ("(i > j) IS NOT TRUE",), "nan = nan": ("n = n",), "nan > all": ("n > 1e308",),
}  # fmt: skip

CASES: dict[str, tuple[str, str]] = {
    **{f"{name} {n}": (name, f"SELECT k, {text} AS v FROM t") for part in (PER_ROW, WINDOWS) for name, texts in part.items() for n, text in enumerate(texts)},
    **{f"{name} {n}": (name, f"SELECT g, {text} AS v FROM t GROUP BY g") for name, texts in AGGREGATES.items() for n, text in enumerate(texts)},
    **{f"{name} {n}": ("", f"SELECT k, {text} AS v FROM t") for name, texts in OPERATORS.items() for n, text in enumerate(texts)},
    "order nulls": ("", "SELECT k, row_number() OVER (ORDER BY p, k) AS v FROM t"),
    "order nulls desc": ("", "SELECT k, row_number() OVER (ORDER BY p DESC, k) AS v FROM t"),
    "group all": ("", "SELECT p, count(*) AS v FROM t GROUP BY ALL"),
    "semi join": ("", "SELECT k, p AS v FROM t SEMI JOIN (SELECT p FROM t WHERE k < 2) AS o USING (p)"),
    "anti join": ("", "SELECT k, p AS v FROM t ANTI JOIN (SELECT p FROM t WHERE k < 2) AS o USING (p)"),
    "replace": ("", "SELECT * REPLACE (k + 1 AS k) FROM (SELECT k, p AS v FROM t) AS r"),
    "qualify": ("", "SELECT k, p AS v FROM t QUALIFY row_number() OVER (PARTITION BY p ORDER BY k) = 1"),
}  # fmt: skip
"""case -> (function, query)."""


SPARK_LOUD = frozenset({"cast 6", "try_cast 1", "try_cast 6"})
"""Whole numbers from texts and numbers that are none: an error on Spark, never another value."""
SPARK_DIFFERS = {
    "cast 5": "a time with a zone as text lacks its +00",
    "date_add 1": "a date and an interval make a date, not a time",
}
"""Known differences that are not refused, because a plan's text does not show the types they depend on."""


def whole(cases: Iterable[str] = tuple(CASES)) -> tuple[Plan, dict[str, str]]:
    """Cases as steps of one plan; step -> case."""
    names = {f"case_{n}": case for n, case in enumerate(cases)}
    return Plan(tuple(Step(name, CASES[case][1]) for name, case in names.items()), ("t",)), names


def seen(table: pa.Table) -> list[list[Any]]:
    """The rows of a result in an order of their own, as JSON."""
    rows = [[_plain(value) for value in row.values()] for row in table.to_pylist()]
    return sorted(rows, key=lambda row: json.dumps(row, ensure_ascii=False, default=str))


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        if not math.isfinite(value):
            return repr(value)
        return int(value) if value == int(value) else float(f"{value:.14g}")
    if isinstance(value, dict):
        return [_plain(one) for one in value.values()]
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, Decimal) and value == int(value):
        return int(value)
    if isinstance(value, bool | int | str) or value is None:
        return value
    return str(value)


def main() -> None:
    from datong.engine import service as engine

    plan, names = whole()
    result = engine.run(plan, {"t": TABLE}, want=list(names), threads=1)
    found = {case: seen(result[name]) for name, case in names.items()}
    lines = ",\n".join(f"{json.dumps(case)}: {json.dumps(rows, ensure_ascii=False)}" for case, rows in found.items())
    FILE.write_text(f"{{\n{lines}\n}}\n", "utf-8")


if __name__ == "__main__":
    main()
