"""Forms of casts, by the types they are between.

Must never know: what the steps mean, sessions. Contract: tests/engine/test_engine_spark.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from sqlglot import exp

from datong.engine import spark_texts as texts
from datong.engine.rules import DIALECT
from datong.engine.spark_forms.kinds import MOMENTS, SPARK_TYPES, TARGETS, WHOLE, ZONED, Lacks, kind_of, spark_type
from datong.engine.spark_forms.writing import SHARED, formed, once, quoted, raised, spark_sql


def cast(node: Any) -> Any:
    """Casts by the types they are between; a text that is no value of a type is so on both engines."""
    attempt = isinstance(node, exp.TryCast)
    to = node.to.sql(dialect=DIALECT) if node.to.this is exp.DType.DECIMAL else TARGETS.get(node.to.this, "")
    kind = kind_of(node.this)
    what = f"a cast from {kind or 'an unknown type'} to {to or node.to.sql(dialect=DIALECT)}"
    if not to or not kind or (to == "HUGEINT" and kind in {"VARCHAR", "DOUBLE"}):
        raise Lacks(what, "no form that gives the same")
    there, value = spark_type(to, what), formed(node.this)
    plain = spark_sql(f"{'TRY_CAST' if attempt else 'CAST'}(_0 AS {there})", value)
    if kind in {to, '"NULL"'} or (kind == "JSON" and to == "VARCHAR"):
        return value if kind != '"NULL"' else plain
    if isinstance(node.this, exp.Literal) and _evident(node.this, to):
        return plain
    if kind == "VARCHAR":
        return _from_text(value, to, there, attempt=attempt)
    if to == "VARCHAR":
        return _to_text(value, kind, what)
    if kind == "DOUBLE" and (to in WHOLE or to.startswith("DECIMAL")):
        return _from_double(value, to, there, what, attempt=attempt)
    if kind.startswith("DECIMAL") and to in WHOLE:
        return spark_sql(f"{'TRY_CAST' if attempt else 'CAST'}(round(_0, 0) AS {there})", value)
    numbers = {*WHOLE, "DOUBLE", "BOOLEAN"}
    times = {"DATE", "TIMESTAMP", ZONED}
    number = kind in numbers or kind.startswith("DECIMAL")
    if (number and (to in numbers or to.startswith("DECIMAL"))) or (kind in times and to in times):
        return plain
    raise Lacks(what, "no form that gives the same")


def _evident(node: Any, to: str) -> bool:
    """A literal that both engines read alike."""
    if not node.is_string:
        return False
    day = r"\d{4}-\d{2}-\d{2}"
    moment = day + r"[ T]([01]\d|2[0-3]):\d{2}:\d{2}(\.\d{1,6})?"  # of 24:00:00 Spark makes nothing
    forms = {
        "DATE": day, "TIMESTAMP": f"{moment}|{day}", ZONED: moment + r"(Z|[+-]\d{2}:\d{2})",
        "DOUBLE": r"-?\d+(\.\d+)?(e-?\d+)?",
    }  # fmt: skip
    if to in {"DATE", "TIMESTAMP", ZONED} and not _day_exists(node.name):
        return False
    return re.fullmatch(forms.get(to, r"-?\d{1,9}" if to in WHOLE else "(?!)"), node.name) is not None


def _day_exists(text: str) -> bool:
    try:
        return bool(date.fromisoformat(text[:10]))
    except ValueError:
        return False


def _from_double(value: Any, to: str, there: str, what: str, *, attempt: bool) -> Any:
    cast = "TRY_CAST" if attempt else "CAST"
    if to == "BIGINT":  # 2 to the 63 is the first that is too large; Spark takes it for the last that is not
        held = "CASE WHEN _0 = 9223372036854775808D THEN double('NaN') ELSE rint(_0) END"
        return once(value, lambda it: spark_sql(f"{cast}({held} AS BIGINT)", it))
    if to in WHOLE:
        return spark_sql(f"{cast}(rint(_0) AS {there})", value)
    width, scale = map(int, re.findall(r"\d+", to))
    if width > 18:
        raise Lacks(what, "digits that the double does not have")
    # times a power of ten as a double, rounded there, and a decimal only then: as DuckDB does it
    units, unit = f"{cast}(round(_0 * 1e{scale}D, 0) AS BIGINT)", f"DECIMAL({scale + 1}, {scale})"
    return spark_sql(f"{cast}({units} * CAST('1e-{scale}' AS {unit}) AS DECIMAL({width}, {scale}))", value)


def as_text(node: Any) -> Any:
    """A value that is put together with texts, written as DuckDB writes it."""
    kind = kind_of(node)
    if kind in {"", "VARCHAR", '"NULL"', "JSON"} or kind.endswith("]"):  # of lists, || is another
        return formed(node)
    return cast(exp.Cast(this=node, to=exp.DataType(this=exp.DType.TEXT)))


_DOUBLE_TEXT = r"""CASE WHEN _0 IS NULL THEN NULL WHEN isnan(_0) THEN 'nan' WHEN abs(_0) = double('Infinity')
  THEN CASE WHEN _0 > 0 THEN 'inf' ELSE '-inf' END
  WHEN _0 = 0 OR (abs(_0) >= 1e-3D AND abs(_0) < 1e7D) THEN CAST(_0 AS STRING)
  WHEN abs(_0) >= 1e-4D AND abs(_0) < 1e16D
  THEN regexp_replace(CAST(CAST(CAST(_0 AS STRING) AS DECIMAL(38, 21)) AS STRING), '(\\.\\d+?)0+\\z', '$1')
  ELSE regexp_replace(replace(regexp_replace(replace(CAST(_0 AS STRING), '.0E', 'E'), 'E(\\d)', 'e+$1'), 'E-', 'e-'),
    '([+-])(\\d)\\z', '$10$2') END"""


def _to_text(value: Any, kind: str, what: str) -> Any:
    if kind in {"DATE", *MOMENTS}:
        whole = "unix_date(_0)" if kind == "DATE" else "unix_micros(CAST(_0 AS TIMESTAMP_LTZ))"
        last = "2147483647" if kind == "DATE" else "9223372036854775807"
        zone = "concat(CAST(_0 AS STRING), '+00')" if kind == ZONED else "CAST(_0 AS STRING)"
        ends = f"CASE {whole} WHEN {last} THEN 'infinity' WHEN -{last} THEN '-infinity' ELSE {zone} END"
        return once(value, lambda it: spark_sql(ends, it))
    if kind == "DOUBLE":
        return once(value, lambda it: spark_sql(_DOUBLE_TEXT, it))
    if kind in {*WHOLE, "BOOLEAN"} or kind.startswith("DECIMAL"):
        return spark_sql("CAST(_0 AS STRING)", value)
    raise Lacks(what, "written otherwise")


def _from_text(value: Any, to: str, there: str, *, attempt: bool) -> Any:
    def read(it: Any) -> Any:
        found = _READ[to](it) if to in _READ else _number_of(it, to, there)
        if attempt:
            return found
        told = raised("a text is no value of the type it is cast to", there)
        return spark_sql("CASE WHEN _0 IS NOT NULL THEN coalesce(_1, _2) END", it, found, told)

    made = once(value, read)
    if attempt and to not in {"DATE", *MOMENTS}:  # those may be an error, which is not to come where nobody asked
        made.meta[SHARED] = f"{value.sql(dialect='spark')} AS {to}"
    return made


def _number_of(it: Any, to: str, there: str) -> Any:
    """Whole numbers are rounded by the first digit after the point; 0x10 and 0b101 are some."""
    if to.startswith("DECIMAL"):
        return spark_sql(
            f"CASE WHEN _0 RLIKE _1 THEN TRY_CAST(replace(_0, '_', '') AS {there}) END", it, quoted(texts.DECIMAL)
        )
    bare = "translate(_0, '_', '')"
    cut = rf"regexp_replace({bare}, '(\\.\\d)\\d+(?![\\d]*[eE])', '$1')"
    base = "CASE WHEN lower(substr(trim(BOTH FROM _b), 2, 1)) = 'x' THEN 16 ELSE 2 END"
    based = f"conv(substr(trim(BOTH FROM _b), 3), {base}, 10)"
    return spark_sql(
        f"CASE WHEN _0 RLIKE _1 THEN TRY_CAST(round(TRY_CAST({cut} AS DECIMAL(38, 18)), 0) AS {there}) "
        f"WHEN _0 RLIKE _2 THEN TRY_CAST({based.replace('_b', bare)} AS {there}) END",
        it, quoted(texts.DECIMAL), quoted(texts.BASED),
    )  # fmt: skip


def _double_of(it: Any) -> Any:
    bare = r"translate(regexp_replace(_0, '^[ \t\n\\x0B\f\r]*\\+', ''), '_', '')"
    read = f"CASE WHEN _0 RLIKE '[nN][aA][nN]' THEN double('NaN') ELSE TRY_CAST({bare} AS DOUBLE) END"
    return spark_sql(f"CASE WHEN _0 RLIKE _1 THEN {read} END", it, quoted(texts.DOUBLE))


def _truth_of(it: Any) -> Any:
    yes, no = "'true', 't', 'yes', 'y', '1'", "'false', 'f', 'no', 'n', '0'"
    return spark_sql(f"CASE WHEN lower(_0) IN ({yes}) THEN TRUE WHEN lower(_0) IN ({no}) THEN FALSE END", it)


def _midnight(pattern: str) -> str:
    year, month, day = (f"CAST(regexp_extract(_0, {pattern}, {group}) AS INT)" for group in (1, 3, 4))
    return f"try_make_timestamp_ntz({year}, {month}, {day}, 0, 0, CAST(0 AS DECIMAL(16, 6)))"


def _end_of_time(kind: str) -> str:
    """DuckDB's infinity is the last number there is of days or microseconds; so it is the same value here."""
    signed = "CASE regexp_extract(_0, _2, 1) WHEN '-' THEN -1 ELSE 1 END"
    word = "lower(_0) LIKE '%epoch%'"
    if kind == "DATE":
        return f"date_from_unix_date(CASE WHEN {word} THEN 0 ELSE {signed} * 2147483647 END)"
    micros = f"CASE WHEN {word} THEN 0 ELSE {signed} * 9223372036854775807 END"
    return f"CAST(timestamp_micros({micros}) AS {SPARK_TYPES[kind]})"


def _day_of(it: Any) -> Any:
    return spark_sql(
        f"CASE WHEN _0 RLIKE _2 THEN {_end_of_time('DATE')} WHEN _0 RLIKE _3 THEN _4 "
        f"WHEN _0 RLIKE _1 THEN CAST({_midnight('_1')} AS DATE) END",
        it, quoted(texts.DAY), quoted(texts.WORDS), quoted(texts.BEFORE_CHRIST), raised("a day before year 1", "DATE"),
    )  # fmt: skip


def _moment(it: Any, kind: str) -> Any:
    def group(number: int) -> str:
        return f"regexp_extract(_0, _1, {number})"

    def whole(number: int) -> str:
        return f"CAST(coalesce(nullif({group(number)}, ''), '0') AS INT)"

    hour, minute, second = whole(5), whole(6), whole(7)
    exact = f"CAST(concat({second}, '.', rpad(left({group(8)}, 6), 6, '0')) AS DECIMAL(16, 6))"
    on_the_clock = (
        f"{minute} < 60 AND {second} < 60 AND ({hour} < 24 OR ({hour} = 24 AND {minute} = 0 AND {exact} = 0))"
    )
    local = f"{_midnight('_1')} + make_dt_interval(0, {hour}, {minute}, {exact})"
    if kind == ZONED:
        turned = f"CASE {group(9)} WHEN '+' THEN -1 ELSE 1 END"
        minutes = f"({whole(11)} + {whole(13)})"
        offset = f"make_dt_interval(0, {turned} * {whole(10)}, {turned} * {minutes}, {turned} * {whole(12)})"
        local = f"CAST({local} AS TIMESTAMP_LTZ) + {offset}"
    spark = SPARK_TYPES[kind]
    odd = [texts.BEFORE_CHRIST, *([texts.ZONED] if kind == ZONED else [])]
    return spark_sql(
        f"CASE WHEN _0 RLIKE _2 THEN {_end_of_time(kind)} WHEN _0 RLIKE _3 THEN _4 "
        f"WHEN _0 RLIKE _1 THEN CASE WHEN {on_the_clock} THEN {local} END END",
        it, quoted(texts.MOMENT), quoted(texts.WORDS), quoted("|".join(odd)),
        raised("a time before year 1, or with the name of a zone", spark),
    )  # fmt: skip


_READ: Mapping[str, Callable[[Any], Any]] = {
    "DOUBLE": _double_of, "BOOLEAN": _truth_of, "DATE": _day_of, "TIMESTAMP": lambda it: _moment(it, "TIMESTAMP"),
    ZONED: lambda it: _moment(it, ZONED),
}  # fmt: skip
