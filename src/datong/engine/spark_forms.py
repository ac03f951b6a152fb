"""The Spark form of a step, or the names of what Spark lacks. Pure: text in, text or problems out.

SQLGlot writes the dialect; where it writes something that Spark reads otherwise, or not at all, the form stands here.
What has no form that gives the same values (tests/engine/golden.py, value by value) is in LACKS and is refused by
name before anything runs. Timestamps: DuckDB's TIMESTAMP is Spark's TIMESTAMP_NTZ, its TIMESTAMPTZ is TIMESTAMP_LTZ.
Must never know: what the steps mean, sessions. Contract: tests/engine/test_engine_spark.py.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.tokens import TokenType  # type: ignore[attr-defined]

from datong.engine.model import Plan
from datong.engine.rules import DIALECT
from datong.ground.refusal import Problem

LACKS: Mapping[str, str] = {
    "strptime": "formats of times are read more strictly",
    "try_strptime": "formats of times are read more strictly",
    "strftime": "formats of times are other letters, some without a counterpart",
    "timezone": "of a local time that was twice, the other instant is taken",
    "strip_accents": "no such function",
    "time_bucket": "no such function",
    "date_sub": "whole units between two times are counted otherwise",
    "typeof": "types have other names",
    "chr": "only characters below 256",
    "approx_count_distinct": "another sketch gives other estimates",
    "list_aggregate": "no such function",
    "list_reduce": "no such function",
    "list_slice": "no such function for an open end",
    "list_distinct": "other order",
    "generate_series": "no such function of values",
    "map_extract": "gives a value, not a list",
    "unnest": "not inside an expression",
    "quantile_cont": "no form as a function",
    "date_add": "takes days, not an interval",
    "date_diff": "borders crossed are counted otherwise",
    "date_trunc": "gives a time with a zone",
    "epoch": "gives whole seconds",
    "isodow": "no such function",
    "to_timestamp": "reads a number otherwise",
    "week": "no such function",
    "time": "no such type",
    "element_at": "gives a value, not a list",
    "len": "of a text and of a list are two functions",
    "list_concat": "with NULL gives NULL",
    "list_contains": "with a NULL in the list gives NULL",
    "list_has_any": "with a NULL in the list gives NULL",
    "list_extract": "beyond the end is an error",
    "map": "no such form",
    "row": "no such form",
    "any_value": "no form with NULLs left out",
    "first": "no form with an order",
    "last": "no form with an order",
    "list": "leaves NULLs out",
    "array_agg": "leaves NULLs out",
    "mode": "of two as frequent, takes another",
}
"""Function -> why the same plan would not give the same on Spark."""

_GUARDED = "CASE WHEN {0} IS NOT NULL THEN "
FORMS: Mapping[str, str] = {
    "regexp_full_match": "{0} RLIKE concat('(?d)^(?:', {1}, ')\\\\z')",
    "prefix": "startswith({0}, {1})",
    "suffix": "endswith({0}, {1})",
    "isnan": _GUARDED + "isnan({0}) END",
    "isfinite": _GUARDED + "NOT isnan({0}) AND abs({0}) < double('infinity') END",
    "to_json": "to_json({0}, map('ignoreNullFields', 'false'))",
    "array_length": "size({0})",
    "strlen": "octet_length({0})",
    "epoch_ms": "unix_millis(CAST({0} AS TIMESTAMP_LTZ))",
    "epoch_us": "unix_micros(CAST({0} AS TIMESTAMP_LTZ))",
    "list_position": "nullif(array_position({0}, {1}), 0)",
    "to_days": "make_dt_interval({0})",
    "to_hours": "make_dt_interval(0, {0})",
    "to_minutes": "make_dt_interval(0, 0, {0})",
    "to_seconds": "make_dt_interval(0, 0, 0, {0})",
    "count_if": "count_if({0})",
    "to_hex": "hex({0})",
    "sign": "CAST(sign({0}) AS TINYINT)",
    "from_hex": "unhex({0})",
    "weekday": "(dayofweek({0}) - 1)",
    "dayofweek": "(dayofweek({0}) - 1)",
}
"""Function -> its Spark form over its arguments, where SQLGlot does not write it."""


def problems(plan: Plan) -> list[Problem]:
    """What is in `plan` that Spark lacks; empty when every step has a form."""
    found = []
    for step in plan.steps:
        tokens = sqlglot.tokenize(step.sql, read=DIALECT)
        brackets = itertools.pairwise(tokens)
        names = {here.text.lower() for here, after in brackets if after.token_type is TokenType.L_PAREN}
        reasons = {name: LACKS[name] for name in names & LACKS.keys()}
        for node in sqlglot.parse_one(step.sql, read=DIALECT).walk():
            reasons |= _construct(node)
        found += [
            Problem(step.name, f"Spark 没有等价的 {name}", f"Spark lacks {name}: {reasons[name]}")
            for name in sorted(reasons)
        ]
    return found


def _construct(node: Any) -> dict[str, str]:
    """A construct that is no function and has no equal, with the reason."""
    if isinstance(node, exp.Bracket):
        return {"[ ]": "beyond the end is an error"}
    if isinstance(node, exp.Extract) and node.name.upper() in {"ISODOW", "DOW", "WEEK", "EPOCH"}:
        return {f"extract({node.name.lower()})": "no such field, or other figures"}
    if isinstance(node, exp.Star) and node.args.get("replace"):
        return {"* REPLACE": "no such form"}
    if isinstance(node, exp.DataType) and node.this in {exp.DType.DECIMAL, exp.DType.TIME}:
        return {node.sql(dialect=DIALECT): "rounded otherwise" if node.this is exp.DType.DECIMAL else "no such type"}
    if isinstance(node, exp.RegexpReplace):
        everywhere = node.args.get("modifiers") is not None and node.args["modifiers"].name == "g"
        if not everywhere or "\\" in node.args["replacement"].name or "$" in node.args["replacement"].name:
            return {"regexp_replace": "only of every match, by a text without references"}
    return {}


def form(sql: str) -> str:
    """The text of a step in Spark's SQL."""
    return sqlglot.parse_one(sql, read=DIALECT).transform(_node).sql(dialect="spark")


def _node(node: exp.Expression) -> exp.Expression:
    change = _CHANGES.get(type(node))
    return change(node) if change else node


def _typed(node: exp.Expression) -> exp.Expression:
    kinds = {exp.DType.TIMESTAMP: exp.DType.TIMESTAMPNTZ, exp.DType.TIMESTAMPTZ: exp.DType.TIMESTAMPLTZ}
    if node.this in kinds:
        return exp.DataType(this=kinds[node.this])
    return node


def _named(node: exp.Expression) -> exp.Expression:
    return _filled(str(node.this).lower(), list(node.expressions)) or node


def _filled(name: str, arguments: list[exp.Expression]) -> exp.Expression | None:
    text = FORMS.get(name)
    if not text:
        return None
    # what is put in place of a node is not looked into again, so what stands inside it is changed first
    marks = {f"argument_{number}": argument.transform(_node) for number, argument in enumerate(arguments)}
    tree = sqlglot.parse_one(text.format(*marks), read="spark")
    return tree.transform(lambda n: marks[n.name].copy() if isinstance(n, exp.Column) and n.name in marks else n)


def _of(name: str) -> Callable[[exp.Expression], exp.Expression]:
    return lambda node: _filled(name, [a for a in node.iter_expressions() if isinstance(a, exp.Expression)]) or node


def _cast(node: Any) -> Any:
    """Texts of numbers that Spark reads otherwise: `1d` is none; `12.5` and `1_000` as a whole number are an error."""
    kind = node.to.this
    if kind not in {exp.DType.DOUBLE, *_WHOLE}:
        return node
    node = node.copy()
    node.set("this", node.this.transform(_node))
    text = sqlglot.parse_one("CAST(x AS STRING)", read="spark")
    text.set("this", node.this.copy())
    odd = "[0-9.][dDfF]\\s*$" if kind is exp.DType.DOUBLE else "[0-9][0-9_]*[._eE]"
    found = exp.RegexpLike(this=text, expression=exp.Literal.string(odd))
    told = exp.func("raise_error", exp.Literal.string("a whole number is written in a way that Spark reads otherwise"))
    none = exp.Null() if kind is exp.DType.DOUBLE and isinstance(node, exp.TryCast) else exp.cast(told, "BIGINT")
    return exp.Case(ifs=[exp.If(this=found, true=none)], default=node)


def _trimmed(node: Any) -> Any:
    """DuckDB trims the spaces of all scripts, Spark only the one of ASCII."""
    if node.args.get("expression") is not None:
        return node
    side = str(node.args.get("position") or "").upper()
    spaces = [r"^\p{Zs}+"] * (side != "TRAILING") + [r"\p{Zs}+\z"] * (side != "LEADING")
    text, empty = node.this.transform(_node), exp.Literal.string("")
    return exp.func("regexp_replace", text, exp.Literal.string("|".join(spaces)), empty, dialect="spark")


_WHOLE = frozenset({exp.DType.TINYINT, exp.DType.SMALLINT, exp.DType.INT, exp.DType.BIGINT})


def _bound(node: exp.Expression) -> exp.Expression:
    return exp.Placeholder(this=node.name)


_CHANGES: Mapping[type, Callable[[exp.Expression], exp.Expression]] = {
    exp.DataType: _typed,
    exp.Anonymous: _named,
    exp.Parameter: _bound,
    exp.IsNan: _of("isnan"),
    exp.RegexpFullMatch: _of("regexp_full_match"),
    exp.ToDays: _of("to_days"),
    exp.UnixToTime: _of("epoch_ms"),
    exp.ArraySize: _of("array_length"),
    exp.Sign: _of("sign"),
    exp.Trim: _trimmed,
    exp.Cast: _cast,
    exp.TryCast: _cast,
    exp.DayOfWeek: _of("dayofweek"),
    exp.JSONFormat: _of("to_json"),
}
