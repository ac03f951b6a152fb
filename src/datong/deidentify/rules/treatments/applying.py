"""A table treated by a plan, column by column, always from the originals; what remains is told for each.

Must never know: files, where keys are kept. Contract: tests/deidentify/treatments/test_treatments_plan.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from datong.deidentify.model.treatments import BadValues, Step, TreatmentPlan
from datong.deidentify.rules.recoding.hierarchy import Hierarchy
from datong.deidentify.rules.treatments.cells import held_by_enough
from datong.deidentify.rules.treatments.columns import Column
from datong.deidentify.rules.treatments.keys import derived
from datong.deidentify.rules.treatments.known import KNOWN, Given
from datong.ground.refusal import Problem


@dataclass(frozen=True)
class Treated:
    """table: what may be written. told: per column what was done, what remains. rows_left_out: by the plan's rows."""

    table: pa.Table
    told: tuple[Mapping[str, Any], ...]
    rows_left_out: int


def needs_key(plan: TreatmentPlan) -> bool:
    return any(KNOWN[step.treatment].keyed for step in plan.steps)


def treated(
    table: pa.Table, plan: TreatmentPlan, root: bytes, file: str, hierarchies: Mapping[str, Hierarchy] | None = None
) -> tuple[Treated | None, list[Problem]]:
    """The treated table, or what of its values cannot be treated: each column once, with the plan's line.

    table: with every column of the plan. root: the secret of the agreement; b"" where no key is needed.
    hierarchies: by the names that the plan gives their files.
    """
    originals = {name: table[name] for name in table.column_names}
    made: dict[str, Column] = {}
    problems: list[Problem] = []
    for step in plan.steps:
        known = KNOWN[step.treatment]
        given = Given(originals[step.column], step.options, originals, _keys(plan, step, root), hierarchies or {})
        try:
            column = known.does(given)
        except BadValues as bad:
            problems.append(Problem(f"{file}:{step.line}: columns.{step.column}", bad.told.zh, bad.told.en))
            continue
        if column is not None:
            made[step.column] = column
    if problems:
        return None, problems
    order = [name for name in table.column_names if name in made]
    whole = pa.table({name: made[name] for name in order})
    left = whole
    if plan.sparse is not None:
        persons = originals[plan.sparse.persons] if plan.sparse.persons else None
        try:
            enough = held_by_enough([whole[name] for name in plan.sparse.columns], plan.sparse.fewest, persons)
        except BadValues as bad:
            return None, [Problem(f"{file}:{plan.sparse.line}: rows", bad.told.zh, bad.told.en)]
        left = whole.filter(pa.array(enough))
    told = tuple(_told(step, originals[step.column], made.get(step.column)) for step in plan.steps)
    return Treated(left, told, whole.num_rows - left.num_rows), []


def _keys(plan: TreatmentPlan, step: Step, root: bytes) -> Callable[[str], bytes]:
    """The key of one step by its use. Columns that say one `domain` get equal tokens for equal values."""
    domain = step.options.get("domain") or step.column
    return lambda use: derived(root, agreement=plan.agreement, domain=domain, purpose=plan.purpose, use=use)


def _told(step: Step, before: Column, after: Column | None) -> dict[str, Any]:
    """What was done to a column and what is still to be seen of it; figures, never a value."""
    known = KNOWN[step.treatment]
    shown = {key: value for key, value in step.options.items() if value not in (None, "", ())}
    return {
        "column": step.column,
        "treatment": step.treatment,
        "options": {key: list(value) if isinstance(value, tuple) else value for key, value in shown.items()},
        "distinct_before": _distinct(before),
        "distinct_after": None if after is None else _distinct(after),
        "nulls_after": None if after is None else after.null_count,
        "remains": known.remains(step.options).as_json(),
    }


def _distinct(column: Column) -> int | None:
    """How many different values there are; None for lists and structs, which are not counted."""
    if pa.types.is_nested(column.type):
        return None
    column = pc.cast(column, column.type.value_type) if pa.types.is_dictionary(column.type) else column
    return int(pc.count_distinct(column, mode="only_valid").as_py())
