"""Forms of what is done to times.

Must never know: what the steps mean, sessions. Contract: tests/engine/test_engine_spark.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from sqlglot import exp

from datong.engine import spark_texts as texts
from datong.engine.spark_forms.kinds import INTERVAL, MOMENTS, SPARK_TYPES, ZONED, Lacks, is_number, kind_of, spark_type
from datong.engine.spark_forms.writing import formed, is_text, once, quoted, raised, spark_sql

_UNITS = {
    "microsecond": 1, "millisecond": 1_000, "second": 1_000_000, "minute": 60_000_000, "hour": 3_600_000_000,
    "day": 86_400_000_000, "week": 7 * 86_400_000_000,
}  # fmt: skip
_MONTHS = {"month": 1, "quarter": 3, "year": 12}


def _unit(node: Any, what: str) -> str:
    found = str(node.name if node is not None else "").lower().removesuffix("s")
    if found not in _UNITS and found not in _MONTHS:
        raise Lacks(what, f"by {found or 'an unknown unit'}")
    return found


def _micros(kind: str, what: str) -> str:
    if kind not in {"DATE", *MOMENTS}:
        raise Lacks(what, f"of type {kind or 'unknown'}")
    return "unix_micros(CAST({} AS TIMESTAMP_LTZ))"


def timezone(node: Any) -> Any:
    """timezone(zone, x) and x AT TIME ZONE zone. Of a local time that was twice DuckDB takes the later instant, Spark
    the earlier: a day later the clocks show the later one's offset."""
    zone, value = (node.args["zone"], node.this) if isinstance(node, exp.AtTimeZone) else node.expressions
    if not is_text(zone):
        raise Lacks("timezone", "only of a zone written out")
    if not re.fullmatch(r"UTC|GMT|PRC|[A-Z][A-Za-z_]+(/[A-Z][A-Za-z0-9_+-]*)+", zone.name):
        raise Lacks("timezone", "only of a zone named by region and place, as Asia/Shanghai")
    kind, there = kind_of(value), formed(value)
    if kind == ZONED:
        return spark_sql("CAST(from_utc_timestamp(_0, _1) AS TIMESTAMP_NTZ)", there, zone)
    if kind not in {"TIMESTAMP", "DATE"}:
        raise Lacks("timezone", f"of type {kind or 'unknown'}")

    def both(it: Any) -> Any:
        early = "to_utc_timestamp(_0, _1)"
        late = "(to_utc_timestamp(_0 + INTERVAL '24' HOURS, _1) - INTERVAL '24' HOURS)"
        twice = f"{late} > {early} AND from_utc_timestamp({late}, _1) = _0"
        return spark_sql(f"CASE WHEN {twice} THEN {late} ELSE {early} END", it, zone)

    return once(spark_sql("CAST(_0 AS TIMESTAMP_LTZ)", there), both)


def strptime(node: Any) -> Any:
    attempt = isinstance(node, exp.Anonymous)
    text, forms = node.expressions if attempt else (node.this, node.args["format"])
    given = forms.expressions if isinstance(forms, exp.Array) else [forms]
    if not all(is_text(one) for one in given):
        raise Lacks("strptime", "only by formats written out")

    def read(it: Any) -> Any:
        tried = [_read_by(it, one.name) for one in given]
        found = tried[0] if len(tried) == 1 else exp.func("coalesce", *tried, dialect="spark")
        if attempt:
            return found
        told = raised("a text does not fit the format of strptime", "TIMESTAMP_NTZ")
        return spark_sql("CASE WHEN _0 IS NOT NULL THEN coalesce(_1, _2) END", it, found, told)

    return once(formed(text), read)


def _read_by(it: Any, form: str) -> Any:
    try:
        pattern, fields = texts.shape(form)
    except LookupError as lacking:
        raise Lacks(str(lacking.args[0]), "no counterpart") from None
    at = {field: f"regexp_extract(_0, _1, {number})" for number, field in enumerate(fields, 1)}
    number = {field: f"CAST({text} AS INT)" for field, text in at.items()}
    year = number.get("Y", "1900")
    if "y" in at and "Y" not in at:
        year = f"({number['y']} + CASE WHEN {number['y']} >= 69 THEN 1900 ELSE 2000 END)"
    month = number.get("m", "1")
    for name in {"b", "B"} & at.keys():
        places = "".join(month[:3].lower() for month in texts.MONTHS)
        month = f"(CAST((locate(lower(left({at[name]}, 3)), '{places}') + 2) / 3 AS INT))"
    hour, bounds = number.get("H", "0"), []
    if "I" in at:
        bounds.append(f"{number['I']} BETWEEN 1 AND 12")
        hour = f"({number['I']} % 12 + CASE WHEN lower({at['p']}) = 'pm' THEN 12 ELSE 0 END)"
    if "S" in at:
        bounds.append(f"{number['S']} < 60")  # Spark takes 60 for the next minute
    fraction = f", '.', rpad({at['f']}, 6, '0')" if "f" in at else ""
    second = f"CAST(concat({at.get('S', chr(39) + '0' + chr(39))}{fraction}) AS DECIMAL(16, 6))"
    made = f"try_make_timestamp_ntz({year}, {month}, {number.get('d', '1')}, {hour}, {number.get('M', '0')}, {second})"
    bounded = f"CASE WHEN {' AND '.join(bounds)} THEN {made} END" if bounds else made
    told = raised("epoch or infinity for a time", "TIMESTAMP_NTZ")
    return spark_sql(f"CASE WHEN _0 RLIKE _1 THEN {bounded} WHEN _0 RLIKE _2 THEN _3 END",
                it, quoted(pattern), quoted(texts.STRPTIME_WORDS), told)  # fmt: skip


def strftime(node: Any) -> Any:
    if not is_text(node.args["format"]):
        raise Lacks("strftime", "only by a format written out")
    if kind_of(node.this) not in {"DATE", *MOMENTS}:
        raise Lacks("strftime", f"of type {kind_of(node.this) or 'unknown'}")
    try:
        letters = texts.letters(node.args["format"].name)
    except LookupError as lacking:
        raise Lacks(str(lacking.args[0]), "no counterpart") from None
    return spark_sql("date_format(_0, _1)", formed(node.this), quoted(letters))


def date_trunc(node: Any) -> Any:
    unit, kind = _unit(node.args["unit"], "date_trunc"), kind_of(node.this)
    _micros(kind, "date_trunc")
    to = spark_type(kind_of(node), "date_trunc")
    return spark_sql(f"CAST(date_trunc('{unit.upper()}', CAST(_0 AS TIMESTAMP_LTZ)) AS {to})", formed(node.this))


def date_diff(node: Any) -> Any:
    """Borders crossed from the first to the second; of weeks, so many times seven days."""
    unit = _unit(node.args.get("unit"), "date_diff")
    a, b = node.expression, node.this  # SQLGlot turns them round
    sides = formed(a), formed(b)
    for kind in (kind_of(a), kind_of(b)):
        _micros(kind, "date_diff")
    if unit in _MONTHS:
        month = "(year({0}) * 12 + month({0}) - 1)"
        size = _MONTHS[unit]
        counted = f"CAST(floor({month.format('_1')} / {size}) - floor({month.format('_0')} / {size}) AS BIGINT)"
        return spark_sql(counted, *sides)
    days = "CAST(datediff(CAST(_1 AS DATE), CAST(_0 AS DATE)) AS BIGINT)"
    if unit in {"day", "week"}:
        return spark_sql(days if unit == "day" else f"{days} DIV 7", *sides)
    micros = "unix_micros(CAST({} AS TIMESTAMP_LTZ))"
    since = f"({micros} - pmod({micros}, {_UNITS[unit]})) DIV {_UNITS[unit]}"
    return spark_sql(f"{since.replace('{}', '_1')} - {since.replace('{}', '_0')}", *sides)


def date_sub(node: Any) -> Any:
    """Whole units between two times."""
    part, a, b = node.expressions
    unit = _unit(part, "date_sub")
    if unit not in _UNITS:
        raise Lacks("date_sub", f"by {unit}")
    for side in (a, b):
        _micros(kind_of(side), "date_sub")
    micros = "unix_micros(CAST({} AS TIMESTAMP_LTZ))"
    return spark_sql(f"({micros.format('_1')} - {micros.format('_0')}) DIV {_UNITS[unit]}", formed(a), formed(b))


def time_bucket(node: Any) -> Any:
    interval, kind = node.this, kind_of(node.expression)
    amount = (
        str(interval.this.name) if isinstance(interval, exp.Interval) and isinstance(interval.this, exp.Literal) else ""
    )
    if not amount.isdigit() or int(amount) == 0 or kind not in MOMENTS or node.args.get("unit") is not None:
        raise Lacks("time_bucket", "only of a time by a width written out")
    unit = _unit(interval.args["unit"], "time_bucket")
    if unit not in _UNITS:
        raise Lacks("time_bucket", f"by {unit}")
    width, first = int(amount) * _UNITS[unit], 946_857_600_000_000  # from 2000-01-03, a Monday
    micros = "unix_micros(CAST(_0 AS TIMESTAMP_LTZ))"
    return once(
        formed(node.expression),
        lambda it: spark_sql(
            f"CAST(timestamp_micros({micros} - pmod({micros} - {first}, {width})) AS {SPARK_TYPES[kind]})", it
        ),
    )


def epoch(node: Any) -> Any:
    return _epoch(node.this if not isinstance(node, exp.Anonymous) else node.expressions[0])


def _epoch(value: Any) -> Any:
    """Of a time with a zone, DuckDB adds the thousandths and the rest as doubles."""
    micros, kind = _micros(kind_of(value), "epoch").format("_0"), kind_of(value)
    if kind == ZONED:
        thousandths = f"({micros} - pmod({micros}, 1000)) DIV 1000 / CAST(1000 AS DOUBLE)"
        return spark_sql(f"{thousandths} + pmod({micros}, 1000) / CAST(1000000 AS DOUBLE)", formed(value))
    return spark_sql(f"{micros} / CAST(1000000 AS DOUBLE)", formed(value))


def epoch_of(unit: str) -> Callable[[Any], Any]:
    def change(node: Any) -> Any:
        value = node.expressions[0] if isinstance(node, exp.Anonymous) else node.this
        scale = node.args.get("scale")
        if scale is not None and scale.name == "6":
            return spark_sql("CAST(timestamp_micros(_0) AS TIMESTAMP_NTZ)", formed(value))
        if not isinstance(node, exp.Anonymous) and (scale is None or scale.name != "3"):
            return _to_timestamp(node)
        _micros(kind_of(value), f"epoch_{unit[5:]}")
        parts = {"unix_micros": "", "unix_millis": " DIV 1000"}[unit]  # cut off, not down: Spark's unix_millis is lower
        return spark_sql(f"unix_micros(CAST(_0 AS TIMESTAMP_LTZ)){parts}", formed(value))

    return change


def _to_timestamp(node: Any) -> Any:
    return spark_sql("timestamp_micros(CAST(rint(CAST(_0 AS DOUBLE) * 1000000D) AS BIGINT))", formed(node.this))


def field(name: str, text: str) -> Callable[[Any], Any]:
    def change(node: Any) -> Any:
        value = node.expressions[0] if isinstance(node, exp.Anonymous) else node.this
        if kind_of(value) not in {"DATE", *MOMENTS}:
            raise Lacks(name, f"of type {kind_of(value) or 'unknown'}")
        return spark_sql(f"CAST({text} AS BIGINT)", formed(value))

    return change


_FIELDS = {
    "year": "year(_0)", "quarter": "quarter(_0)", "month": "month(_0)", "day": "day(_0)", "week": "weekofyear(_0)",
    "hour": "hour(CAST(_0 AS TIMESTAMP_LTZ))", "minute": "minute(CAST(_0 AS TIMESTAMP_LTZ))",
    "second": "second(CAST(_0 AS TIMESTAMP_LTZ))", "dow": "dayofweek(_0) - 1", "isodow": "weekday(_0) + 1",
    "doy": "dayofyear(_0)",
}  # fmt: skip


def extract(node: Any) -> Any:
    name = node.name.lower()
    if kind_of(node.expression) not in {"DATE", *MOMENTS}:
        raise Lacks(f"extract({name})", f"of type {kind_of(node.expression) or 'unknown'}")
    if name == "epoch":
        return _epoch(node.expression)
    if name not in _FIELDS:
        raise Lacks(f"extract({name})", "no such field, or other figures")
    return spark_sql(f"CAST({_FIELDS[name]} AS BIGINT)", formed(node.expression))


def added(node: Any) -> Any:
    """A day and an interval make a time, two days a number, as they do for DuckDB."""
    if is_number(node):
        return None
    a, b = node.this, node.expression
    kinds = kind_of(a), kind_of(b) or (INTERVAL if isinstance(b, exp.Interval) else "")
    sign = "+" if isinstance(node, exp.Add | exp.DateAdd) else "-"
    sides = formed(a), formed(b)
    if kinds == ("DATE", INTERVAL):
        return spark_sql(f"CAST(_0 AS TIMESTAMP_NTZ) {sign} _1", *sides)
    if kinds == (INTERVAL, "DATE") and sign == "+":
        return spark_sql("CAST(_1 AS TIMESTAMP_NTZ) + _0", *sides)
    if kinds == ("DATE", "DATE") and sign == "-":
        return spark_sql("CAST(datediff(_0, _1) AS BIGINT)", *sides)
    if kinds[0] in MOMENTS and kinds[1] in {"DATE", *MOMENTS} and sign == "-":
        raise Lacks("a difference of two times", "an interval of another kind")
    return spark_sql(f"_0 {sign} _1", *sides)


def interval(node: Any) -> Any:
    """INTERVAL (x) HOUR, of a number that is computed."""
    if isinstance(node.this, exp.Literal):
        return None
    unit = _unit(node.args.get("unit"), "INTERVAL")
    at = {"day": 0, "hour": 1, "minute": 2, "second": 3}
    if unit in at:
        return spark_sql(f"make_dt_interval({'0, ' * at[unit]}_0)", formed(node.this))
    if unit in {"month", "year"}:
        return spark_sql(f"make_ym_interval({'0, ' * (unit == 'month')}_0)", formed(node.this))
    raise Lacks("INTERVAL", f"by {unit}")
