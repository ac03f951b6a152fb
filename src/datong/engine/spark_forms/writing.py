"""Putting Spark's SQL together: templates, a value named once, errors; and the walk over a statement.

Must never know: what the steps mean, sessions. Contract: tests/engine/test_engine_spark.py.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Callable
from typing import Any

import sqlglot
from sqlglot import exp

from datong.engine.spark_forms.kinds import arguments_of


@functools.lru_cache(maxsize=1024)
def _template(text: str) -> Any:
    return sqlglot.parse_one(text, read="spark")


def spark_sql(text: str, *arguments: Any) -> Any:
    """Spark's SQL with `_0`, `_1` … standing for expressions that are in Spark's form already."""
    tree = _template(text).copy()

    def filled(node: Any) -> Any:
        if isinstance(node, exp.Column) and not node.table and (found := re.fullmatch(r"_(\d)", node.name)):
            given = arguments[int(found[1])].copy()
            return exp.paren(given, copy=False) if isinstance(given, exp.Binary | exp.Not) else given
        return node

    return tree.transform(filled, copy=False)


def quoted(value: str) -> Any:
    return exp.Literal.string(value)


_COUNT = itertools.count()


def once(argument: Any, body: Callable[[Any], Any]) -> Any:
    """`body` of an argument that it names several times, computed once."""
    if isinstance(argument, exp.Column | exp.Literal | exp.Identifier | exp.Null):
        return body(argument)
    name = exp.to_identifier(f"it_{next(_COUNT) % 10_000}")
    bound = exp.Lambda(this=body(exp.column(name.copy())), expressions=[name])
    return let(argument, bound)


def raised(why: str, kind: str) -> Any:
    return spark_sql(f"CAST(raise_error('{why}') AS {kind})")


Change = Callable[[Any], Any]
CHANGES: dict[type, Change] = {}
NAMED: dict[str, Change] = {}
"""Kind of expression, or name of a function that SQLGlot has no kind for -> its form; None: it stays as it is."""


def formed(node: Any) -> Any:
    """`node` in Spark's form. What has no form of its own keeps its place, its arguments are formed."""
    change = NAMED.get(str(node.this).lower()) if isinstance(node, exp.Anonymous) else CHANGES.get(type(node))
    if change is not None and (found := change(node)) is not None:
        return found
    for key, value in list(node.args.items()):
        if isinstance(value, exp.Expression):
            node.set(key, formed(value))
        elif isinstance(value, list):
            node.set(key, [formed(one) if isinstance(one, exp.Expression) else one for one in value])
    if isinstance(node, exp.Select):
        node.set("expressions", [_shared(one) for one in node.expressions])
    return node


SHARED, _OFTEN = "shared", 3


def _shared(projection: Any) -> Any:
    """A column in which the same number is read from a text many times (as a check sum does): read once.

    Spark looks for what is alike only when it has gone through all of it, which may take it minutes.
    """
    value = projection.this if isinstance(projection, exp.Alias) else projection
    alike: dict[str, list[Any]] = {}
    for node in value.find_all(exp.Expression):
        if node.meta.get(SHARED) and not any(c.name.startswith("it_") for c in _free(node)):
            alike.setdefault(node.meta[SHARED], []).append(node)
    for nodes in sorted(alike.values(), key=lambda nodes: -len(nodes[0].meta[SHARED])):
        here = [
            node for node in nodes if node.find_ancestor(exp.Select, exp.Lambda) is not node and _within(node, value)
        ]
        if len(here) < _OFTEN or any(node is value for node in here):
            continue
        name = f"it_{next(_COUNT) % 10_000}"
        once = here[0].copy()
        for node in here:
            node.replace(exp.column(name))
        bound = exp.Lambda(this=value.copy(), expressions=[exp.to_identifier(name)])
        new = let(once, bound)
        if isinstance(projection, exp.Alias):
            projection.set("this", new)
        else:
            projection = new
        value = new
    return projection


def _free(node: Any) -> list[Any]:
    own = {one.name for bound in node.find_all(exp.Lambda) for one in bound.expressions}
    return [column for column in node.find_all(exp.Column) if column.name not in own]


def _within(node: Any, tree: Any) -> bool:
    while node is not None and node is not tree:
        node = node.parent
    return node is tree


def let(argument: Any, bound: Any) -> Any:
    row = exp.func("transform", exp.array(argument, dialect="spark"), bound, dialect="spark")
    return exp.func("element_at", row, exp.Literal.number(1), dialect="spark")


def plainly(text: str) -> Callable[[Any], Any]:
    def change(node: Any) -> Any:
        arguments = node.expressions if isinstance(node, exp.Anonymous) else arguments_of(node)
        return spark_sql(text, *(formed(one) for one in arguments))

    return change


def is_text(node: Any) -> bool:
    return isinstance(node, exp.Literal) and bool(node.is_string)
