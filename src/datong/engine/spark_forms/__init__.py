"""The Spark form of a step, or the names of what Spark lacks. Pure: text in, text or problems out.

SQLGlot writes the dialect; where it writes something that Spark reads otherwise, or not at all, the form stands here.
What has no form that gives the same values (tests/engine/golden.py, value by value) is refused by name before anything
runs: `problems` says so from the text alone, `form` knows the types besides, which DuckDB tells (`Describe`).
Timestamps: DuckDB's TIMESTAMP is Spark's TIMESTAMP_NTZ, its TIMESTAMPTZ is TIMESTAMP_LTZ; the session's zone is UTC.
Where DuckDB ends with an error (the root of a negative number), the form does too: Spark would go on with a value.
Must never know: what the steps mean, sessions. Contract: tests/engine/test_engine_spark.py.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.tokens import TokenType  # type: ignore[attr-defined]

from datong.engine.model import Plan
from datong.engine.rules import DIALECT
from datong.engine.spark_forms import of_casts, of_lists, of_numbers, of_texts, of_times
from datong.engine.spark_forms.kinds import Describe, Lacks, tell_kinds
from datong.engine.spark_forms.writing import CHANGES, NAMED, formed, is_text, plainly
from datong.ground.refusal import Problem

__all__ = ["FORMS", "LACKS", "Lacks", "form", "named", "problems"]

LACKS: Mapping[str, str] = {
    "strip_accents": "no such function",
    "approx_count_distinct": "another sketch gives other estimates",
    "mode": "of two as frequent, takes another",
    "time": "no such type",
}
"""Function -> why the same plan would not give the same on Spark."""


def problems(plan: Plan) -> list[Problem]:
    """What is in `plan` that Spark lacks whatever the types are; empty when there is nothing."""
    return [problem for step in plan.steps for problem in named(step.name, _lacking(step.sql))]


def named(step: str, reasons: Mapping[str, str]) -> list[Problem]:
    return [
        Problem(step, f"Spark 没有等价的 {name}", f"Spark lacks {name}: {why}") for name, why in sorted(reasons.items())
    ]


def form(sql: str, describe: Describe) -> str:
    """The text of a step in Spark's SQL. Refuses with Lacks."""
    tree = sqlglot.parse_one(sql, read=DIALECT)
    tell_kinds(tree, describe)
    _hold_alike(tree, describe)
    try:
        return str(formed(tree).sql(dialect="spark", unsupported_level=sqlglot.ErrorLevel.RAISE))
    except sqlglot.UnsupportedError as lacking:
        raise Lacks(str(lacking).splitlines()[0], "no such form") from None


def _hold_alike(tree: Any, describe: Describe) -> None:
    """Refuse a set operation of texts and of what is none: DuckDB makes texts of both, Spark reads the texts."""
    for node in tree.find_all(exp.SetOperation):
        if isinstance(node.parent, exp.SetOperation):
            continue
        told = [_kinds(leaf, found) for leaf in _leaves(node) if (found := describe(_alone(leaf, tree))) is not None]
        for kinds in zip(*told, strict=False):
            others = {*kinds} - {"VARCHAR", ""}
            if "VARCHAR" in kinds and others:
                raise Lacks(node.key.upper(), f"of VARCHAR and {min(others)}")


def _kinds(select: Any, told: list[str]) -> list[str]:
    """The types of a SELECT's columns; "" of NULL, which DuckDB calls a whole number when nothing stands beside it."""
    columns = select.expressions if len(select.expressions) == len(told) else [None] * len(told)
    return [
        "" if column is not None and isinstance(column.unalias(), exp.Null) else kind
        for column, kind in zip(columns, told, strict=True)
    ]


def _leaves(node: Any) -> list[Any]:
    """The SELECTs that set operations put together."""
    node = node.unnest()
    if not isinstance(node, exp.SetOperation):
        return [node]
    return [leaf for side in (node.this, node.expression) for leaf in _leaves(side)]


def _alone(select: Any, tree: Any) -> str:
    """A part of a statement that stands by itself."""
    outer = tree.args.get("with_")
    alone = select.copy()
    if outer is not None and alone.args.get("with_") is None:
        alone.set("with_", outer.copy())
    return str(alone.sql(dialect=DIALECT))


def _lacking(sql: str) -> dict[str, str]:
    tokens = sqlglot.tokenize(sql, read=DIALECT)
    tree = sqlglot.parse_one(sql, read=DIALECT)
    brackets = itertools.pairwise(tokens)
    names = {here.text.lower() for here, after in brackets if after.token_type is TokenType.L_PAREN}
    found = {name: LACKS[name] for name in names & LACKS.keys()}
    if any(token.token_type is TokenType.TILDE for token in tokens) and tree.find(exp.RegexpLike):
        found["~"] = "read as a match of any part; write regexp_full_match"
    for node in tree.walk():
        found |= _construct(node)
    return found


def _construct(node: Any) -> dict[str, str]:
    """A construct that is no function and has no equal, with the reason."""
    if isinstance(node, exp.DataType) and node.this is exp.DType.TIME:
        return {"time": LACKS["time"]}
    if isinstance(node, exp.Join) and str(node.args.get("method") or "").upper() in {"ASOF", "POSITIONAL"}:
        return {f"{node.args['method']} JOIN": "no such join"}
    if isinstance(node, exp.Distinct) and node.args.get("on") is not None:
        return {"DISTINCT ON": "no such form"}
    if isinstance(node, exp.With) and node.args.get("recursive"):
        return {"WITH RECURSIVE": "no such form"}
    if isinstance(node, exp.Like | exp.ILike) and not is_text(node.expression):
        return {"LIKE": "only by a constant pattern"}
    if type(node) in _OPERATORS:
        return {_OPERATORS[type(node)]: "no such form"}
    if isinstance(node, exp.Rollup | exp.Cube) or (isinstance(node, exp.GroupingSets) and _whole(node)):
        return {"ROLLUP, CUBE and the grouping set ()": "of no rows it gives no row"}
    if isinstance(node, exp.SetOperation) and node.args.get("by_name"):
        return {"BY NAME": "no such form"}
    return {}


def _whole(sets: Any) -> bool:
    """Whether all rows together are one of the sets."""
    return any(isinstance(one, exp.Tuple) and not one.expressions for one in sets.expressions)


_OPERATORS = {exp.SimilarTo: "SIMILAR TO", exp.Collate: "COLLATE", exp.All: "ALL", exp.Any: "ANY",
              exp.BitwiseLeftShift: "<<"}  # fmt: skip


def _typed(node: Any) -> Any:
    kinds = {exp.DType.TIMESTAMP: exp.DType.TIMESTAMPNTZ, exp.DType.TIMESTAMPTZ: exp.DType.TIMESTAMPLTZ}
    return exp.DataType(this=kinds[node.this]) if node.this in kinds else None


def _bound(node: Any) -> Any:
    return exp.Placeholder(this=node.name)


NAMED |= {
    "timezone": of_times.timezone,
    "try_strptime": of_times.strptime,
    "date_sub": of_times.date_sub,
    "list_extract": of_lists.list_extract,
    "date_part": of_lists.date_part,
    "list_aggregate": of_lists.list_aggregate,
    "list_reduce": of_lists.list_reduce,
    "row": of_lists.row,
    "list_slice": of_lists.list_slice,
    "map_extract": of_lists.map_extract,
    "element_at": of_lists.map_extract,
    "to_json": of_texts.to_json,
    "isfinite": of_numbers.guarded("isfinite"),
    "epoch_us": of_times.epoch_of("unix_micros"),
    "epoch_ms": of_times.epoch_of("unix_millis"),
    "weekday": of_times.field("weekday", "dayofweek(_0) - 1"),
    "strlen": plainly("CAST(octet_length(_0) AS BIGINT)"),
    "prefix": plainly("startswith(_0, _1)"),
    "suffix": plainly("endswith(_0, _1)"),
    "list_position": of_lists.list_position,
    "to_hours": plainly("make_dt_interval(0, _0)"),
    "to_minutes": plainly("make_dt_interval(0, 0, _0)"),
    "to_seconds": plainly("make_dt_interval(0, 0, 0, _0)"),
    "to_hex": plainly("hex(_0)"),
    "from_hex": plainly("unhex(_0)"),
}

CHANGES |= {
    exp.DataType: _typed,
    exp.Parameter: _bound,
    exp.Star: of_lists.star,
    exp.RegexpLike: of_texts.regexp_matches,
    exp.RegexpFullMatch: of_texts.regexp_full_match,
    exp.RegexpExtract: of_texts.regexp_extract,
    exp.RegexpReplace: of_texts.regexp_replace,
    exp.Trim: of_texts.trimmed,
    exp.Upper: of_texts.cased("upper"),
    exp.Lower: of_texts.cased("lower"),
    exp.Reverse: of_texts.turned_round,
    exp.Left: of_texts.side("left"),
    exp.Right: of_texts.side("right"),
    exp.Substring: of_texts.substring,
    exp.SplitPart: of_texts.split_part,
    exp.Split: of_texts.split,
    exp.Pad: of_texts.padded,
    exp.DPipe: of_texts.joined,
    exp.Concat: of_texts.joined,
    exp.ConcatWs: of_texts.joined,
    exp.Like: of_texts.like,
    exp.ILike: of_texts.like,
    exp.Glob: of_texts.glob,
    exp.Chr: of_texts.chr,
    exp.JSONFormat: of_texts.to_json,
    exp.Length: of_lists.length,
    exp.Sqrt: of_numbers.only("_0 < 0", "the root of a negative number", "sqrt(_0)"),
    exp.Ln: of_numbers.only("_0 <= 0", "the logarithm of what is not above 0", "ln(_0)"),
    exp.Log: of_numbers.only("_0 <= 0", "the logarithm of what is not above 0", "log10(_0)"),
    exp.Acos: of_numbers.only("abs(_0) > 1", "acos outside [-1, 1]", "acos(_0)"),
    exp.Asin: of_numbers.only("abs(_0) > 1", "asin outside [-1, 1]", "asin(_0)"),
    exp.Div: of_numbers.divided,
    exp.IntDiv: of_numbers.divided,
    exp.Mod: of_numbers.divided,
    exp.Round: of_numbers.rounded,
    exp.Floor: of_numbers.cut("floor"),
    exp.Ceil: of_numbers.cut("ceil"),
    exp.Trunc: of_numbers.cut("trunc"),
    exp.Sign: of_numbers.sign,
    exp.Pow: of_numbers.power,
    exp.IsNan: of_numbers.guarded("isnan"),
    exp.Cast: of_casts.cast,
    exp.TryCast: of_casts.cast,
    exp.AtTimeZone: of_times.timezone,
    exp.StrToTime: of_times.strptime,
    exp.TimeToStr: of_times.strftime,
    exp.TimestampTrunc: of_times.date_trunc,
    exp.DateTrunc: of_times.date_trunc,
    exp.DateDiff: of_times.date_diff,
    exp.DateBin: of_times.time_bucket,
    exp.TimeToUnix: of_times.epoch,
    exp.UnixToTime: of_times.epoch_of("unix_millis"),
    exp.Extract: of_times.extract,
    exp.Add: of_times.added,
    exp.Sub: of_times.added,
    exp.DateAdd: of_times.added,
    exp.Interval: of_times.interval,
    exp.ToDays: plainly("make_dt_interval(_0)"),
    exp.DayOfWeek: of_times.field("dayofweek", "dayofweek(_0) - 1"),
    exp.DayOfWeekIso: of_times.field("isodow", "weekday(_0) + 1"),
    exp.Week: of_times.field("week", "weekofyear(_0)"),
    exp.ArraySize: plainly("CAST(size(_0) AS BIGINT)"),
    exp.StructExtract: of_lists.struct_extract,
    exp.Explode: of_lists.unnest,
    exp.Unnest: of_lists.unnest,
    exp.Bracket: of_lists.list_extract,
    exp.ArrayConcat: of_lists.list_concat,
    exp.ArrayContains: of_lists.list_contains,
    exp.ArrayOverlaps: of_lists.list_has_any,
    exp.ArraySort: of_lists.list_sort,
    exp.ArrayFilter: of_lists.of_elements("list_filter"),
    exp.Transform: of_lists.of_elements("list_transform"),
    exp.Flatten: plainly("flatten(array_compact(_0))"),
    exp.ArrayAgg: of_lists.array_agg,
    exp.ArrayDistinct: of_lists.list_distinct,
    exp.GroupConcat: of_lists.string_agg,
    exp.Filter: of_lists.filtered,
    exp.IgnoreNulls: of_lists.ignoring_nulls,
    exp.GenerateSeries: of_lists.series,
    exp.Typeof: of_lists.typeof,
    exp.CountIf: plainly("sum(CASE WHEN _0 THEN 1 ELSE 0 END)"),
    exp.Window: of_lists.window,
    **{kind: of_lists.aggregate(change) for kind, change in of_lists.AGGREGATES.items()},
}

FORMS = frozenset(NAMED)
"""Functions with a form that go by their names."""
