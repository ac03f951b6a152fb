"""What type an expression of the plan has: evident from its text, or told by DuckDB (`Describe`).

Must never know: what the steps mean, sessions. Contract: tests/engine/test_engine_spark.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlglot import exp

from datong.engine.rules import DIALECT

Describe = Callable[[str], list[str] | None]
"""A SELECT over inputs and earlier steps -> the types of its columns by DuckDB's names; None: it cannot be bound."""


class Lacks(LookupError):
    """Something that Spark has no equal of: what, why."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(what, why)
        self.what, self.why = what, why


_KIND = "kind"


def kind_of(node: Any) -> str:
    """DuckDB's type of an expression of the plan, or "" where it could not be told."""
    return str(node.meta.get(_KIND, "")) or evidently(node)


def evidently(node: Any) -> str:
    """The type that an expression has whatever its columns are, so that DuckDB need not be asked."""
    if isinstance(node, exp.Literal):
        return "VARCHAR" if node.is_string else _of_number(node.name)
    if isinstance(node, exp.Cast | exp.TryCast):
        return TARGETS.get(node.to.this, "")
    if isinstance(node, exp.Paren | exp.Nullif):
        return evidently(node.this)
    if isinstance(node, _OF_TEXT):
        return "VARCHAR"
    if isinstance(node, exp.Predicate | exp.Not | exp.Connector):
        return "BOOLEAN"
    return ""


def _of_number(text: str) -> str:
    """The type of a number that is written out; how many digits a decimal has does not matter."""
    if not text.isdigit():
        return "DOUBLE" if "e" in text.lower() else "DECIMAL(38,18)"
    return next(
        (kind for kind, bits in (("INTEGER", 31), ("BIGINT", 63), ("HUGEINT", 127)) if int(text) >> bits == 0), ""
    )


_OF_TEXT = (
    exp.Substring, exp.DPipe, exp.Concat, exp.ConcatWs, exp.Lower, exp.Upper, exp.Trim, exp.RegexpReplace, exp.Replace,
    exp.Pad, exp.Translate, exp.SplitPart,
)  # fmt: skip


def is_number(node: Any) -> bool:
    """Whether an operand of + or - makes the sum a number."""
    if isinstance(node, exp.Paren):
        return is_number(node.this)
    if isinstance(node, exp.Add | exp.Sub):
        return is_number(node.this) or is_number(node.expression)
    return isinstance(node, exp.Mul | exp.Div | exp.IntDiv | exp.Mod | exp.Pow | exp.StrPosition | exp.Length) or (
        evidently(node) in {*WHOLE, "DOUBLE", "DECIMAL(38,18)"}
    )


def family(node: Any) -> str:
    """whole, decimal or double: what kind of number an expression is; "" where it is none or cannot be told."""
    if kind := kind_of(node):
        return (
            "whole" if kind in WHOLE else "double" if kind == "DOUBLE" else "decimal" if kind[:7] == "DECIMAL" else ""
        )
    if isinstance(node, exp.Paren | exp.Neg | exp.Abs):
        return family(node.this)
    if isinstance(node, exp.Add | exp.Sub | exp.Mul | exp.Mod | exp.IntDiv):
        sides = {family(node.this), family(node.expression)}
        return next((one for one in ("", "double", "decimal") if one in sides), "whole")
    return "double" if isinstance(node, exp.Div) else "whole" if isinstance(node, exp.StrPosition) else ""


def tell_kinds(tree: Any, describe: Describe) -> None:
    """Have DuckDB say the types of the expressions whose form depends on them."""
    wanted: dict[int, tuple[Any, list[Any]]] = {}
    for node in tree.walk():
        if type(node) in TYPED or (isinstance(node, exp.Anonymous) and str(node.this).lower() in TYPED_NAMES):
            select = node.find_ancestor(exp.Select)
            if select is not None and not (isinstance(node, exp.Add | exp.Sub) and is_number(node)):
                told = family if isinstance(node, _OF_NUMBERS) else evidently
                values = map(value_of, arguments_of(node))
                asked = [value for value in values if not told(value) and _has_type(value)]
                asked += [node] if isinstance(node, _OF_OWN_TYPE) or str(node.this).lower() == "list_reduce" else []
                wanted.setdefault(id(select), (select, []))[1].extend(asked)
    outer = tree.args.get("with_")
    for select, nodes in wanted.values():
        for how in (_bare, _grouped, _inlined):
            if unknown := [node for node in nodes if not kind_of(node)]:
                _ask(select, unknown, outer, describe, how)


_OF_NUMBERS = (exp.Div, exp.IntDiv, exp.Mod)
_OF_OWN_TYPE = (exp.TimestampTrunc, exp.DateTrunc)


def value_of(node: Any) -> Any:
    """What an aggregate is of, without its DISTINCT and its order."""
    while isinstance(node, exp.Order | exp.Distinct):
        node = node.this if isinstance(node, exp.Order) else node.expressions[0]
    return node


def _has_type(node: Any) -> bool:
    """Whether it is worth asking: of a list that is written out its users know enough, but for those that add it up."""
    if isinstance(node, exp.Array):
        return str(getattr(node.parent, "this", "")).lower() in {"list_reduce", "list_aggregate"}
    return not isinstance(node, exp.DataType | exp.Var | exp.Interval | exp.Lambda)


def _ask(select: Any, nodes: list[Any], outer: Any, describe: Describe, how: Any) -> None:
    """All of them at once, which mostly goes; else half by half."""
    types = describe(how(select, nodes, outer))
    if types is not None:
        for node, found in zip(nodes, types, strict=True):
            node.meta[_KIND] = found
    elif len(nodes) > 1:
        for half in (nodes[: len(nodes) // 2], nodes[len(nodes) // 2 :]):
            _ask(select, half, outer, describe, how)


def _bare(select: Any, nodes: list[Any], outer: Any) -> str:
    asked = exp.Select(expressions=[exp.alias_(node.copy(), f"c{n}") for n, node in enumerate(nodes)])
    for part in ("from_", "joins", "laterals"):
        if (there := select.args.get(part)) is not None:
            asked.set(part, [one.copy() for one in there] if isinstance(there, list) else there.copy())
    own = select.args.get("with_") or outer
    if own is not None:
        asked.set("with_", own.copy())
    return asked.sql(dialect=DIALECT)


def _grouped(select: Any, nodes: list[Any], outer: Any) -> str:
    group = select.args.get("group")
    return _bare(select, nodes, outer) + (f" {group.sql(dialect=DIALECT)}" if group is not None else "")


def _inlined(select: Any, nodes: list[Any], outer: Any) -> str:
    """With what the statement itself names put in place of its names."""
    own = {projection.alias: projection.this for projection in select.expressions if isinstance(projection, exp.Alias)}

    def named_here(node: Any) -> Any:
        return own[node.name].copy() if isinstance(node, exp.Column) and not node.table and node.name in own else node

    return _grouped(select, [node.copy().transform(named_here) for node in nodes], outer)


def arguments_of(node: Any) -> list[Any]:
    return [child for child in node.iter_expressions() if isinstance(child, exp.Expression)]


SPARK_TYPES = {
    "VARCHAR": "STRING", "BIGINT": "BIGINT", "INTEGER": "INT", "SMALLINT": "SMALLINT", "TINYINT": "TINYINT",
    "DOUBLE": "DOUBLE", "BOOLEAN": "BOOLEAN", "DATE": "DATE", "TIMESTAMP": "TIMESTAMP_NTZ", "HUGEINT": "DECIMAL(38,0)",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMP_LTZ",
}  # fmt: skip
ZONED = "TIMESTAMP WITH TIME ZONE"
MOMENTS = {"TIMESTAMP", ZONED}
WHOLE = {"BIGINT", "INTEGER", "SMALLINT", "TINYINT", "HUGEINT"}
INTERVAL = "INTERVAL"


def spark_type(kind: str, what: str) -> str:
    if kind.startswith("DECIMAL"):
        return kind
    if kind not in SPARK_TYPES:
        raise Lacks(what, f"of type {kind or 'unknown'}")
    return SPARK_TYPES[kind]


TARGETS = {
    exp.DType.BIGINT: "BIGINT", exp.DType.INT: "INTEGER", exp.DType.SMALLINT: "SMALLINT", exp.DType.TINYINT: "TINYINT",
    exp.DType.DOUBLE: "DOUBLE", exp.DType.BOOLEAN: "BOOLEAN", exp.DType.DATE: "DATE", exp.DType.TIMESTAMP: "TIMESTAMP",
    exp.DType.TIMESTAMPNTZ: "TIMESTAMP", exp.DType.TIMESTAMPTZ: ZONED, exp.DType.TEXT: "VARCHAR",
    exp.DType.VARCHAR: "VARCHAR", exp.DType.INT128: "HUGEINT",
}  # fmt: skip

TYPED = frozenset({
    exp.Cast, exp.TryCast, exp.Round, exp.Floor, exp.Ceil, exp.Trunc, exp.AtTimeZone, exp.TimeToStr, exp.TimestampTrunc,
    exp.DateTrunc, exp.DateDiff, exp.DateBin, exp.TimeToUnix, exp.UnixToTime, exp.Extract, exp.Add, exp.Sub,
    exp.DateAdd,
    exp.DayOfWeek, exp.DayOfWeekIso, exp.Week, exp.Length, exp.Bracket, exp.PercentileCont, exp.Median, exp.Avg,
    exp.Max, exp.Min, exp.GroupConcat, exp.GenerateSeries,
    exp.Typeof, exp.JSONFormat, exp.Div, exp.IntDiv, exp.Mod, exp.Sign, exp.DPipe, exp.Concat, exp.ConcatWs,
})  # fmt: skip
TYPED_NAMES = frozenset(
    {
        "timezone",
        "date_sub",
        "list_extract",
        "to_json",
        "isfinite",
        "epoch_us",
        "epoch_ms",
        "weekday",
        "date_part",
        "list_aggregate",
        "list_reduce",
    }
)
