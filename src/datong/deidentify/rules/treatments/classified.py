"""What a plan may not do with columns that people confirmed as direct identifiers: let their values out.

Whether a treatment does is what it says that it leaves behind (`known`), not its name; of a hierarchy, how many values
its groups hold.
Must never know: the table's values, stores. Contract: tests/deidentify/treatments/test_treatments_plan.py.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from datong.deidentify.model.classification import Confirmed
from datong.deidentify.model.treatments import Trace, TreatmentPlan
from datong.deidentify.rules.recoding.hierarchy import Hierarchy
from datong.deidentify.rules.treatments.known import KNOWN
from datong.ground.refusal import Problem

HIDING = frozenset((Trace.equality, Trace.frequency, Trace.length, Trace.presence))
"""What may be seen of a direct identifier: how values repeat, not what they are, nor about what."""


def direct_let_out(
    plan: TreatmentPlan, file: str, confirmed: Confirmed, hierarchies: Mapping[str, Hierarchy]
) -> list[Problem]:
    """The columns confirmed as direct identifiers of which the plan lets values out, wholly or roughly, each with its
    line. hierarchies: by the names that the plan gives their files."""
    problems = []
    for step in plan.steps:
        if not confirmed.direct([step.column]):
            continue
        traces = KNOWN[step.treatment].remains(step.options).traces
        if step.treatment == "generalised":
            shown = _of_one_value(hierarchies[step.options["hierarchy"]], step.options["level"])
        elif Trace.value in traces:
            shown = f"{step.treatment} 让其值流出", f"{step.treatment} lets its values out"
        elif traces - HIDING:
            shown = f"{step.treatment} 仍显示其大致的值", f"{step.treatment} shows about what they are"
        else:
            continue
        if shown is not None:
            where = f"{file}:{step.line}: columns.{step.column}"
            en = f"is confirmed as a direct identifier, and {shown[1]}"
            problems.append(Problem(where, f"已确认为直接标识符，而 {shown[0]}", en))
    return problems


def _of_one_value(hierarchy: Hierarchy, level: int) -> tuple[str, str] | None:
    """A label that stands for one value is that value under another name."""
    alone = int((np.bincount(hierarchy.up[level]) == 1).sum())
    if not alone:
        return None
    return f"该层级有 {alone} 组只含一个值", f"{alone} groups of that level hold one value only"
