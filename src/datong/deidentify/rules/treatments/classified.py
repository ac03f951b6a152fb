"""What a plan may not do with columns that people confirmed as direct identifiers: let their values out.

Whether a treatment does is what it says that it leaves behind (`known`), not its name.
Must never know: the table's values, stores. Contract: tests/deidentify/treatments/test_treatments_plan.py.
"""

from __future__ import annotations

from datong.deidentify.model.classification import Confirmed
from datong.deidentify.model.treatments import Trace, TreatmentPlan
from datong.deidentify.rules.treatments.known import KNOWN
from datong.ground.refusal import Problem


def direct_let_out(plan: TreatmentPlan, file: str, confirmed: Confirmed) -> list[Problem]:
    """The columns confirmed as direct identifiers of which the plan lets values out, each with its line."""
    problems = []
    for step in plan.steps:
        remains = KNOWN[step.treatment].remains(step.options)
        if confirmed.direct([step.column]) and Trace.value in remains.traces:
            where = f"{file}:{step.line}: columns.{step.column}"
            en = f"is confirmed as a direct identifier, and {step.treatment} lets its values out"
            problems.append(Problem(where, f"已确认为直接标识符，而 {step.treatment} 让其值流出", en))
    return problems
