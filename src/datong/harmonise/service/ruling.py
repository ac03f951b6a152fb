"""Running the quality rules of a contract over the rows that were built.

A rule that cannot be run is told with the reason, never taken for one that holds.
Contract: tests/harmonise/test_harmonise_contracts.py.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from datong.engine import rules as plans
from datong.engine import service as engine
from datong.engine.model import Plan, Step
from datong.ground.refusal import Refusal
from datong.harmonise.model.contracts import Rule
from datong.harmonise.model.mappings import Mapping
from datong.harmonise.rules import contracts

TABLE = "harmonised"


def results(mapping: Mapping, harmonised: engine.Input) -> list[dict[str, Any]]:
    """[{name, column, type, metric, dimension, unit, must, threshold, executed, figure, holds, why}] of each rule."""
    return [_result(mapping, rule, harmonised) for rule in mapping.standard.rules]


def _result(mapping: Mapping, rule: Rule, harmonised: engine.Input) -> dict[str, Any]:
    figure, why = _figure(mapping, rule, harmonised)
    held = contracts.holds(rule.must, rule.threshold, figure) if rule.must and not why else None
    if not why and held is None:
        why = "its figure cannot be compared with what it must be"
    return {
        "name": rule.name, "column": rule.column, "type": rule.type, "metric": rule.metric,
        "dimension": rule.dimension, "unit": rule.unit, "must": rule.must, "threshold": rule.threshold,
        "executed": not why, "figure": figure, "holds": held, "why": why,
    }  # fmt: skip


def _figure(mapping: Mapping, rule: Rule, harmonised: engine.Input) -> tuple[Any, str]:
    query, why = contracts.query_of(rule, TABLE, mapping.standard.elements)
    if why:
        return None, why
    plan = Plan((Step("figure", query),), (TABLE,))
    if found := plans.problems(plan):
        return None, f"{found[0].en} (outside the plan language)"
    try:
        answer = engine.run(plan, {TABLE: harmonised})["figure"]
    except Refusal as refusal:
        return None, refusal.texts()[1].en
    if (answer.num_rows, answer.num_columns) != (1, 1):
        return None, f"it gave {answer.num_rows} rows of {answer.num_columns} columns, not one figure"
    value = answer.column(0)[0].as_py()
    if isinstance(value, Decimal):
        value = float(value)
    if not isinstance(value, int | float):  # a text could be a value of a row
        return None, "it gave no number"
    return value, ""
