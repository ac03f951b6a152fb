"""Forms of lists, maps, structs and of aggregates.

Must never know: what the steps mean, sessions. Contract: tests/engine/test_engine_spark.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlglot import exp

from datong.engine.spark_forms.kinds import WHOLE, Lacks, kind_of, spark_type, value_of
from datong.engine.spark_forms.of_casts import as_text
from datong.engine.spark_forms.of_times import extract
from datong.engine.spark_forms.writing import formed, is_text, once, quoted, raised, spark_sql


def length(node: Any) -> Any:
    kind = kind_of(node.this)
    if kind.endswith("]") or isinstance(node.this, exp.Array):
        return spark_sql("CAST(size(_0) AS BIGINT)", formed(node.this))
    if kind == "VARCHAR":
        return spark_sql("CAST(char_length(_0) AS BIGINT)", formed(node.this))
    raise Lacks("length", f"of type {kind or 'unknown'}")


def list_extract(node: Any) -> Any:
    """Counted from 1, from the end below 0; NULL where there is nothing. SQLGlot counts [ ] from 0."""
    bracket = isinstance(node, exp.Bracket)
    of, at = (node.this, node.expressions[0]) if bracket else node.expressions
    kind = kind_of(of)
    if isinstance(at, exp.Slice) or not (kind.endswith("]") or isinstance(of, exp.Array)):
        raise Lacks("[ ]" if bracket else "list_extract", f"of type {kind or 'unknown'}")
    if bracket and isinstance(at, exp.Literal):
        place = spark_sql(str(int(at.name) + 1))
    elif bracket and isinstance(at, exp.Neg):
        place = formed(at)
        place = spark_sql(str(int(at.this.name) * -1 + 1)) if isinstance(at.this, exp.Literal) else place
    else:
        place = formed(at)
    if isinstance(place, exp.Literal):
        return spark_sql("try_element_at(_0, _1)" if int(place.name) else "NULL", formed(of), place)
    return spark_sql("try_element_at(_0, nullif(TRY_CAST(_1 AS INT), 0))", formed(of), place)


def list_slice(node: Any) -> Any:
    of, *ends = node.expressions
    if len(ends) != 2 or not all(isinstance(end, exp.Literal) and int(end.name) > 0 for end in ends):
        raise Lacks("list_slice", "only between two places written out")
    first, last = (int(end.name) for end in ends)
    return spark_sql(f"slice(_0, {first}, {max(last - first + 1, 0)})", formed(of))


def list_concat(node: Any) -> Any:
    sides = [node.this, *node.expressions]
    if len(sides) != 2:
        raise Lacks("list_concat", "of more than two")
    if isinstance(sides[0], exp.Null) or isinstance(sides[1], exp.Null):
        return spark_sql("coalesce(_0, array())", formed(sides[isinstance(sides[0], exp.Null)]))
    both = "concat(coalesce(_0, slice(_1, 1, 0), array()), coalesce(_1, array()))"  # of two that are NULL, empty
    return spark_sql(both, *map(formed, sides))


def list_contains(node: Any) -> Any:
    if isinstance(node.expression, exp.Null):
        return exp.Null()
    return spark_sql("CASE WHEN _0 IS NOT NULL AND _1 IS NOT NULL THEN coalesce(array_contains(_0, _1), FALSE) END",
                formed(node.this), formed(node.expression))  # fmt: skip


def list_position(node: Any) -> Any:
    """Where a value stands first; NULL is found like others."""
    of, value = map(formed, node.expressions)
    null = "array_position(transform(_0, e -> e IS NULL), TRUE)"
    found = f"nullif(CASE WHEN _1 IS NULL THEN {null} ELSE array_position(_0, _1) END, 0)"
    return once(of, lambda it: spark_sql(found if not isinstance(value, exp.Null) else f"nullif({null}, 0)", it, value))


def of_elements(name: str) -> Callable[[Any], Any]:
    """list_filter, list_transform: places are counted from 1, by Spark from 0."""

    def change(node: Any) -> Any:
        if isinstance(node.expression, exp.Lambda) and len(node.expression.expressions) > 1:
            raise Lacks(name, "with the places of elements")

    return change


def list_has_any(node: Any) -> Any:
    return spark_sql("CASE WHEN _0 IS NOT NULL AND _1 IS NOT NULL THEN coalesce(arrays_overlap(_0, _1), FALSE) END",
                formed(node.this), formed(node.expression))  # fmt: skip


def list_sort(node: Any) -> Any:
    """Sorted, the order in which a list was collected does not matter."""
    inner = node.this
    order = node.args.get("nulls_first")
    if order is not None and not (isinstance(order, exp.Boolean) and not order.this):
        raise Lacks("list_sort", "NULLs first")
    if node.args.get("asc") is not None and not (isinstance(node.args["asc"], exp.Boolean) and node.args["asc"].this):
        raise Lacks("list_sort", "downwards")
    if isinstance(inner, exp.ArrayDistinct):
        return spark_sql("array_sort(array_compact(array_distinct(_0)))", formed(inner.this))
    agg, where = (inner.this, inner.expression) if isinstance(inner, exp.Filter) else (inner, None)
    if isinstance(agg, exp.ArrayAgg) and not agg.find(exp.Distinct, exp.Order):
        return spark_sql("array_sort(_0)", _collected(agg, where))
    return spark_sql("array_sort(_0)", formed(inner))


def _collected(agg: Any, where: Any, order: Sequence[Any] = ()) -> Any:
    """list() keeps NULLs and is NULL of nothing."""
    value = agg.this.this if isinstance(agg.this, exp.Order) else agg.this
    keys = "".join(f"'n{i}', _{2 * i + 1} IS NULL, 'k{i}', _{2 * i + 1}, " for i in range(len(order)))
    only = f" FILTER (WHERE _{2 * len(order) + 1})" if where is not None else ""
    given = [formed(value)]
    for one in order:
        given += [formed(one.this), exp.Null()]
    if where is not None:
        given.append(formed(where.this))
    rows = spark_sql(f"collect_list(named_struct({keys}'v', _0)){only}", *given)
    if order:
        rows = exp.func("array_sort", rows, dialect="spark")
    return spark_sql("CASE WHEN size(_0) > 0 THEN transform(_0, r -> r.v) END", rows)


def array_agg(node: Any) -> Any:
    return _ordered_list(node, None)


def _ordered_list(agg: Any, where: Any) -> Any:
    if agg.find(exp.Distinct):
        raise Lacks("list", "of DISTINCT")
    if not isinstance(agg.this, exp.Order):
        raise Lacks("list", "in an order that is not told")
    order = agg.this.expressions
    if any(one.args.get("desc") or one.args.get("nulls_first") for one in order):
        raise Lacks("list", "ordered downwards or NULLs first")
    return _collected(agg, where, order)


def filtered(node: Any) -> Any:
    """FILTER goes where the aggregate is, inside of what its form puts around it."""
    agg = node.this.this if isinstance(node.this, exp.IgnoreNulls) else node.this
    if isinstance(agg, exp.ArrayAgg):
        return _ordered_list(agg, node.expression)
    change = AGGREGATES.get(type(agg))
    return change(agg, formed(node.expression.this)) if change else None


def aggregate(change: Callable[[Any, Any], Any]) -> Callable[[Any], Any]:
    return lambda node: change(node, None)


def _only_where(text: str, where: Any, *arguments: Any, more: str = "") -> Any:
    place = len(arguments)
    conditions = [c for c in (f"_{place}" if where is not None else "", more) if c]
    only = f" FILTER (WHERE {' AND '.join(conditions)})" if conditions else ""
    return spark_sql(text + only, *arguments, *([where] if where is not None else []))


def _any_value(node: Any, where: Any) -> Any:
    return _only_where("any_value(_0)", where, formed(node.this), more="_0 IS NOT NULL")


def _by(name: str) -> Callable[[Any, Any], Any]:
    def change(node: Any, where: Any) -> Any:
        if node.args.get("count") is not None:
            raise Lacks(f"arg_{name[:3]}", "of the first few")
        return _only_where(f"{name}(_0, _1)", where, formed(node.this), formed(node.expression), more="_0 IS NOT NULL")

    return change


def _first_of(*, last: bool) -> Callable[[Any, Any], Any]:
    """first and last with one order: by the key, NULL keys behind all others."""

    def change(node: Any, where: Any) -> Any:
        name = "last" if last else "first"
        if not isinstance(node.this, exp.Order) or len(node.this.expressions) != 1:
            raise Lacks(name, "only with one order")
        key = node.this.expressions[0]
        if key.args.get("nulls_first"):
            raise Lacks(name, "NULLs first")
        down = bool(key.args.get("desc"))
        function = "max_by" if last != down else "min_by"
        there = "IS NOT NULL" if down else "IS NULL"
        return _only_where(f"{function}(_0, named_struct('n', _1 {there}, 'k', _1))", where,
                           formed(node.this.this), formed(key.this))  # fmt: skip

    return change


def _quantile(node: Any, where: Any) -> Any:
    kind = kind_of(node.this)
    if not (kind in WHOLE or kind == "DOUBLE") or not isinstance(node.expression, exp.Literal):
        raise Lacks("quantile_cont", "only of numbers, by a share written out")
    return _only_where(f"percentile(_0, {node.expression.name})", where, formed(node.this))


def _median(node: Any, where: Any) -> Any:
    kind = kind_of(value_of(node.this))
    if not (kind in WHOLE or kind == "DOUBLE"):
        raise Lacks("median", "only of whole numbers and doubles")
    return _only_where("median(_0)", where, formed(node.this))


def _average(node: Any, where: Any) -> Any:
    """A double, of an exact sum: Spark would give few digits of decimals, and add large whole numbers as doubles."""
    if (exact := _exactly(node)) is None:
        return None if where is None else _only_where("avg(_0)", where, formed(node.this))
    total, count = _only_where("sum(_0)", where, formed(exact)), _only_where("count(_0)", where, formed(node.this))
    return spark_sql(_AVERAGE, total, count)


_AVERAGE = "CAST(_0 AS DOUBLE) / nullif(_1, 0)"


def _exactly(average: Any) -> Any:
    """The values of an average as they are to be added up; None where Spark's average does."""
    kind = kind_of(value_of(average.this))
    if kind in {"DOUBLE", *(WHOLE - {"BIGINT", "HUGEINT"})}:
        return None
    if isinstance(average.this, exp.Distinct) or not (kind in WHOLE or kind.startswith("DECIMAL")):
        raise Lacks("avg", f"of {kind or 'an unknown type'}")
    value = average.this.copy()
    return exp.Cast(this=value, to=exp.DataType.build(_HUGE)) if kind in WHOLE else value


def _extreme(name: str) -> Callable[[Any, Any], Any]:
    def change(node: Any, where: Any) -> Any:
        kind = kind_of(value_of(node.this))
        if kind.endswith("]") or kind.startswith(("STRUCT", "MAP")):
            raise Lacks(name, "of lists and structs: NULLs in them stand elsewhere")
        return None if where is None else _only_where(f"{name}(_0)", where, formed(node.this))

    return change


AGGREGATES: Mapping[type, Callable[[Any, Any], Any]] = {
    exp.AnyValue: _any_value, exp.ArgMax: _by("max_by"), exp.ArgMin: _by("min_by"), exp.First: _first_of(last=False),
    exp.Last: _first_of(last=True), exp.PercentileCont: _quantile, exp.Median: _median, exp.Avg: _average,
    exp.Max: _extreme("max"), exp.Min: _extreme("min"),
}  # fmt: skip


def ignoring_nulls(node: Any) -> Any:
    change = AGGREGATES.get(type(node.this))
    return change(node.this, None) if change else None


def series(node: Any) -> Any:
    """From one number to another: nothing where the second is less. Spark would count down."""
    start, end, step = node.args.get("start"), node.args.get("end"), node.args.get("step")
    if step is not None or node.args.get("is_end_exclusive") is None:
        raise Lacks("generate_series", "with a step")
    if not all(kind_of(one) in {*WHOLE, ""} for one in (start, end)):
        raise Lacks("generate_series", "only of whole numbers")
    last = "_1 - 1" if node.args["is_end_exclusive"] else "_1"
    counted = f"CASE WHEN {last} >= _0 THEN sequence(CAST(_0 AS BIGINT), CAST({last} AS BIGINT)) ELSE {_NOTHING} END"
    return spark_sql(f"CASE WHEN _0 IS NOT NULL AND _1 IS NOT NULL THEN {counted} END", formed(start), formed(end))


_NOTHING = "CAST(array() AS ARRAY<BIGINT>)"
_THERE, _HUGE = "array_compact(_0)", "DECIMAL(38, 0)"
_SUM = f"aggregate({_THERE}, CAST(0 AS {_HUGE}), (a, e) -> CAST(a + e AS {_HUGE}))"
_OF_LISTS = {
    "min": "array_min(_0)", "max": "array_max(_0)", "sum": f"CASE WHEN size({_THERE}) > 0 THEN {_SUM} END",
    "count": f"CASE WHEN _0 IS NOT NULL THEN CAST(size({_THERE}) AS BIGINT) END",
}  # fmt: skip


def list_aggregate(node: Any) -> Any:
    of, what, *more = node.expressions
    kind = kind_of(of).removesuffix("[]")
    if not is_text(what) or what.name not in _OF_LISTS or more or (what.name == "sum" and kind not in WHOLE):
        raise Lacks(f"list_aggregate({what.name})", "no such function of a list")
    return once(formed(of), lambda it: spark_sql(_OF_LISTS[what.name], it))


def list_reduce(node: Any) -> Any:
    """From the first element on, in the elements' type; of an empty list an error, as it is for DuckDB."""
    of, step = node.expressions[0], node.expressions[1]
    kind = kind_of(of).removesuffix("[]")
    if (
        len(node.expressions) != 2
        or not isinstance(step, exp.Lambda)
        or len(step.expressions) != 2
        or kind != kind_of(node)
    ):
        raise Lacks("list_reduce", "only of two values to one of their type")
    there = spark_type(kind, "list_reduce")
    each = exp.Lambda(this=spark_sql(f"CAST(_0 AS {there})", formed(step.this)), expressions=step.expressions)
    told = raised("list_reduce of an empty list", there)
    reduced = "aggregate(slice(_0, 2, size(_0)), element_at(_0, 1), _1)"
    text = f"CASE WHEN _0 IS NOT NULL THEN CASE WHEN size(_0) = 0 THEN _2 ELSE {reduced} END END"
    return once(formed(of), lambda it: spark_sql(text, it, each, told))


def struct_extract(node: Any) -> Any:
    """By name; by place only where the struct is written there."""
    place = node.expression
    if isinstance(place, exp.Literal) and not place.is_string:
        row = node.this
        if not (isinstance(row, exp.Anonymous) and str(row.this).lower() == "row") or not place.is_int:
            raise Lacks("struct_extract", "by place")
        return formed(row.expressions[int(place.name) - 1])
    return None


def row(node: Any) -> Any:
    raise Lacks("row", "fields without names")


def unnest(node: Any) -> Any:
    """As the one column of its kind that a SELECT gives."""
    holder = node.parent.parent if isinstance(node.parent, exp.Alias) else node.parent
    if (
        not isinstance(holder, exp.Select)
        or len(list(holder.find_all(exp.Explode))) != 1
        or isinstance(node, exp.Unnest)
    ):
        raise Lacks("unnest", "only as one column of a SELECT")
    return spark_sql("explode(_0)", formed(node.this))


def date_part(node: Any) -> Any:
    part, value = node.expressions
    if not is_text(part):
        raise Lacks("date_part", "only of a part written out")
    return extract(exp.Extract(this=exp.var(part.name), expression=value))


def map_extract(node: Any) -> Any:
    """A list of the value, empty when there is none."""
    of, key = node.expressions
    found = "CASE WHEN map_contains_key(_0, _1) THEN array(_0[_1]) ELSE slice(map_values(_0), 1, 0) END"
    text = f"CASE WHEN _0 IS NOT NULL THEN {found} END"
    return once(formed(of), lambda it: spark_sql(text, it, formed(key)))


def typeof(node: Any) -> Any:
    if not kind_of(node.this) or isinstance(node.this, exp.Literal):
        raise Lacks("typeof", "of a type that is not told")
    return quoted(kind_of(node.this))


def star(node: Any) -> Any:
    """* REPLACE (x AS a): by the columns that DuckDB tells, would need them here."""
    if node.args.get("replace"):
        raise Lacks("* REPLACE", "no such form")


_ORDERED = (exp.FirstValue, exp.LastValue, exp.NthValue, exp.Lag, exp.Lead, exp.Ntile, exp.GroupConcat, exp.ArrayAgg)


def string_agg(node: Any) -> Any:
    """Of what is no text, the texts that DuckDB writes."""
    if not isinstance(node.this, exp.Order) and not isinstance(node.parent, exp.Window):
        raise Lacks("string_agg", "in an order that is not told")
    value, separator = value_of(node.this), node.args.get("separator")
    distinct = isinstance(value.parent, exp.Distinct)
    if not kind_of(value) or (distinct and kind_of(value) != "VARCHAR"):
        raise Lacks("string_agg", f"of {kind_of(value) or 'an unknown type'}")
    if distinct and len(list(node.find_ancestor(exp.Select).find_all(exp.Distinct))) > 1:
        raise Lacks("string_agg", "of DISTINCT beside another DISTINCT")
    if separator is not None and not is_text(separator):
        raise Lacks("string_agg", "only with a separator written out")
    text = as_text(value.copy())
    for key in node.this.expressions if isinstance(node.this, exp.Order) else ():
        key.set("this", formed(key.this))
    value.replace(text)
    return node


def list_distinct(node: Any) -> Any:
    """Without NULL; in which order, no engine says: only for what does not show it. list_sort sees to itself."""
    if not isinstance(node.parent, exp.ArraySize | exp.Length | exp.ArrayContains | exp.ArrayOverlaps):
        raise Lacks("list_distinct", "in an order that is not told")
    return spark_sql("array_compact(array_distinct(_0))", formed(node.this))


def window(node: Any) -> Any:
    """Rows numbered as they come: Spark wants an order, and has one in which an input's rows came."""
    spec = node.args.get("spec")
    if spec is not None and (spec.args.get("kind") == "GROUPS" or spec.args.get("exclude")):
        raise Lacks("a frame of GROUPS or with EXCLUDE", "no such form")
    if node.args.get("order") is None and (isinstance(node.this, _ORDERED) or node.args.get("partition_by")):
        of = next((one for one in node.this.walk() if isinstance(one, (exp.RowNumber, *_ORDERED))), None)
        if of is not None:
            raise Lacks(f"{of.sql_name().lower()} OVER", "in an order that is not told")
    average = node.this.this if isinstance(node.this, exp.Filter) else node.this
    if isinstance(average, exp.Avg) and (exact := _exactly(average)) is not None:
        both = exp.Sum(this=exact), exp.Count(this=average.this.copy())
        return spark_sql(_AVERAGE, *(formed(_with(node, other)) for other in both))
    if node.args.get("order") is None and isinstance(node.this, exp.RowNumber):
        node.set("order", spark_sql("row_number() OVER (ORDER BY monotonically_increasing_id())").args["order"])
    return None


def _with(node: Any, aggregate: Any) -> Any:
    """A window with another aggregate."""
    other = node.copy()
    (other.this.this if isinstance(other.this, exp.Filter) else other.this).replace(aggregate)
    return other
