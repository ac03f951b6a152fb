"""Forms of what is done to numbers.

Must never know: what the steps mean, sessions. Contract: tests/engine/test_engine_spark.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlglot import exp

from datong.engine.spark_forms.kinds import MOMENTS, WHOLE, Lacks, family, kind_of
from datong.engine.spark_forms.writing import formed, once, raised, spark_sql


def only(condition: str, why: str, text: str) -> Callable[[Any], Any]:
    """A function that DuckDB has no value of outside of `condition`, where Spark has one."""

    def change(node: Any) -> Any:
        argument = node.expression if isinstance(node, exp.Log) else node.this
        return once(
            formed(argument),
            lambda it: spark_sql(f"CASE WHEN {condition} THEN _1 ELSE {text} END", it, raised(why, "DOUBLE")),
        )

    return change


def divided(node: Any) -> Any:
    """By 0: infinity or none of a double, NULL of the rest. Spark would stop. A quotient is a double whatever it is of;
    Spark's of decimals has few digits."""
    by = node.expression
    sign = {exp.Div: "/", exp.IntDiv: "DIV", exp.Mod: "%"}[type(node)]
    families = {family(node.this), family(by)}
    if sign == "DIV" and families != {"whole"}:
        raise Lacks("//", "only of whole numbers")
    if sign == "%" and not families <= {"whole", "decimal", "double"}:
        raise Lacks("%", "of an unknown type")
    here, there = formed(node.this), formed(by)
    if isinstance(by, exp.Literal) and not by.is_string and float(by.name):
        exact = sign != "/" or (family(node.this) in {"whole", "double"} and by.is_int)
        return spark_sql(f"_0 {sign} _1" if exact else "CAST(_0 AS DOUBLE) / _1", here, there)
    if sign != "/":
        none = " WHEN _0 IS NOT NULL AND _1 IS NOT NULL THEN double('NaN')" if "double" in families else ""
        return once(there, lambda it: spark_sql(f"CASE WHEN _1 <> 0 THEN _0 {sign} _1{none} END", here, it))
    endless = (
        "CASE WHEN (_0 > 0) = (CAST(CAST(_1 AS DOUBLE) AS STRING) <> '-0.0') THEN double('Infinity') "
        "ELSE double('-Infinity') END"
    )
    zero = f"WHEN _0 = 0 OR isnan(CAST(_0 AS DOUBLE)) THEN double('NaN') ELSE {endless}"
    text = f"CASE WHEN _0 IS NULL OR _1 IS NULL THEN NULL WHEN _1 <> 0 THEN CAST(_0 AS DOUBLE) / _1 {zero} END"
    return once(here, lambda a: once(there, lambda b: spark_sql(text, a, b)))


def rounded(node: Any) -> Any:
    kind, to = kind_of(node.this), node.args.get("decimals")
    value = formed(node.this)
    if kind != "DOUBLE":
        if not (kind in WHOLE or kind.startswith("DECIMAL")):
            raise Lacks("round", f"of type {kind or 'unknown'}")
        return spark_sql("round(_0)" if to is None else f"round(_0, {_digits(to)})", value)
    if to is None:
        return once(value, lambda it: spark_sql(_signed("round(_0, 0)"), it))
    digits = _digits(to)
    up = f"CAST('1e{digits}' AS DOUBLE)"
    if digits < 0:
        tens = _signed(f"round(_0 / CAST('1e{-digits}' AS DOUBLE), 0) * CAST('1e{-digits}' AS DOUBLE)")
        endless = "isnan(_0) OR abs(_0) = double('Infinity')"
        return once(value, lambda it: spark_sql(f"CASE WHEN {endless} THEN double('0') ELSE {tens} END", it))
    near = _signed(f"round(_0 * {up}, 0) / {up}")
    return once(value, lambda it: spark_sql(
        f"CASE WHEN isnan(_0) OR abs(_0 * {up}) > 9e15D THEN _0 ELSE {near} END", it))  # fmt: skip


def _signed(text: str) -> str:
    """`text`, a double computed from _0, with the sign that a nought has for DuckDB."""
    return f"CASE WHEN {text} = 0 THEN _0 * 0D ELSE {text} END"


def _digits(node: Any) -> int:
    try:
        return int(node.sql())
    except ValueError:
        raise Lacks("round", "only to digits written out") from None


def cut(how: str) -> Callable[[Any], Any]:
    """floor, ceil and trunc give a double of a double."""

    def change(node: Any) -> Any:
        kind, value = kind_of(node.this), formed(node.this)
        if kind.startswith("DECIMAL"):
            return spark_sql(f"{how}(_0)" if how != "trunc" else "CASE WHEN _0 < 0 THEN ceil(_0) ELSE floor(_0) END",
                             value)  # fmt: skip
        if kind in WHOLE:
            return value if how == "trunc" else spark_sql("CAST(_0 AS DOUBLE)", value)
        whole = {"floor": "CAST(floor(_0) AS DOUBLE)", "ceil": "CAST(ceil(_0) AS DOUBLE)"}.get(
            how, "CASE WHEN _0 < 0 THEN CAST(ceil(_0) AS DOUBLE) ELSE CAST(floor(_0) AS DOUBLE) END"
        )
        near = f"CASE WHEN abs(_0) < 4503599627370496D THEN {_signed(whole)} ELSE _0 END"
        return once(value, lambda it: spark_sql(near, it))

    return change


def guarded(name: str) -> Callable[[Any], Any]:
    texts_ = {
        "isnan": "CASE WHEN _0 IS NOT NULL THEN isnan(_0) END",
        "isfinite": "CASE WHEN _0 IS NOT NULL THEN NOT isnan(_0) AND abs(CAST(_0 AS DOUBLE)) < double('infinity') END",
    }

    def change(node: Any) -> Any:
        value = node.expressions[0] if isinstance(node, exp.Anonymous) else node.this
        if name == "isfinite" and kind_of(value) == "DATE":
            return spark_sql("abs(CAST(unix_date(_0) AS BIGINT)) < 2147483647", formed(value))
        if name == "isfinite" and kind_of(value) in MOMENTS:
            return spark_sql("abs(unix_micros(CAST(_0 AS TIMESTAMP_LTZ))) < 9223372036854775807", formed(value))
        return once(formed(value), lambda it: spark_sql(texts_[name], it))

    return change


def sign(node: Any) -> Any:
    """Of what is no number DuckDB's is 0."""
    if family(node.this) != "double":
        return spark_sql("CAST(sign(_0) AS TINYINT)", formed(node.this))
    signs = "CASE WHEN isnan(_0) THEN 0 ELSE sign(_0) END"
    return once(formed(node.this), lambda it: spark_sql(f"CAST({signs} AS TINYINT)", it))


def power(node: Any) -> Any:
    """1 to whatever power, and -1 to an endless one, are 1."""
    base, to = formed(node.this), formed(node.expression)
    if isinstance(node.expression, exp.Literal):
        return spark_sql("power(_0, _1)", base, to)
    one = "_0 = 1 AND _1 IS NOT NULL OR _0 = -1 AND abs(_1) = double('Infinity')"
    return once(base, lambda a: once(to, lambda b: spark_sql(f"CASE WHEN {one} THEN 1D ELSE power(_0, _1) END", a, b)))
