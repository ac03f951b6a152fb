"""A compliance report as JSON-LD in the terms of the ODRL Compliance Report Model, which any RDF tool reads.

Ids are derived from what a report is of, so that the same input gives the same text. Must never know: how a premise is
judged. Contract: tests/wire/test_wire_odrl_suite.py.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from datong.terms.policy.compliance import ODRL, Joined, PolicyReport, Premise, RuleReport, Term
from datong.wire.odrl.graphs import as_written

SPACE = uuid.UUID("c2f0a2de-6f0e-4f3c-9e0a-2f6f3a9d7b15")
TERM = "https://w3id.org/force/compliance-report#"
_ID = {"@type": "@id"}
_STATE = {"@type": "@vocab"}
CONTEXT: dict[str, Any] = {
    "@version": 1.1,
    "cr": TERM,
    "odrl": ODRL,
    "reports": "@graph",
    **{name: f"cr:{name}" for name in (
        "PolicyReport", "PermissionReport", "ProhibitionReport", "DutyReport", "TargetReport", "PartyReport",
        "ActionReport", "ConstraintReport", "Active", "Inactive", "Attempted", "NotAttempted", "Satisfied",
        "Unsatisfied", "Performed", "Unperformed", "Unknown", "Fulfilled", "Violated", "NonSet",
    )},
    **{name: {"@id": f"cr:{name}", **_ID} for name in (
        "policy", "policyRequest", "rule", "ruleRequest", "ruleReport", "premiseReport", "conditionReport",
        "constraint", "constraintOperator", "constraintLogicalOperand",
    )},
    **{name: {"@id": f"cr:{name}", **_STATE} for name in (
        "activationState", "attemptState", "satisfactionState", "performanceState", "deonticState",
    )},
    **{name: f"cr:{name}" for name in ("constraintLeftOperand", "constraintRightOperand")},
    "created": "http://purl.org/dc/terms/created",
}  # fmt: skip


def as_json_ld(made: Sequence[PolicyReport]) -> dict[str, Any]:
    """{"@context", "reports": [PolicyReport]}.

    `outcome` of a policy and `wanted` of a constraint that is not satisfied are ours and no RDF: the model states
    operator and right operand of satisfied constraints only.
    """
    return {"@context": CONTEXT, "reports": [_policy(one) for one in made]}


def _policy(made: PolicyReport) -> dict[str, Any]:
    key = f"{made.policy} {made.request} {made.created.text}"
    return {
        "@id": _urn(key), "@type": "PolicyReport", "created": _value(made.created), "policy": made.policy,
        "policyRequest": made.request, "outcome": made.outcome,
        "ruleReport": [_rule(f"{key} {number}", one) for number, one in enumerate(made.rules)],
    }  # fmt: skip


def _rule(key: str, made: RuleReport) -> dict[str, Any]:
    asked = {"ruleRequest": made.asked} if made.asked else {}
    conditions = {"conditionReport": [state.report for state in made.conditions]} if made.conditions else {}
    duty = {"performanceState": made.performance, "deonticState": made.deontic} if made.deontic else {}
    return {
        "@id": _urn(key), "@type": f"{made.rule.kind}Report",
        "attemptState": "Attempted" if made.asked else "NotAttempted", "rule": made.rule.id, **asked,
        "premiseReport": [_premise(f"{key} {number}", one) for number, one in enumerate(made.premises)],
        **conditions, "activationState": "Active" if made.active else "Inactive", **duty,
    }  # fmt: skip


def _premise(key: str, made: Premise) -> dict[str, Any]:
    state = "Satisfied" if made.satisfied else "Unsatisfied"
    told: dict[str, Any] = {"@id": _urn(key), "@type": made.kind, "satisfactionState": state}
    if made.constraint is None:
        return told
    told["constraint"] = made.constraint.id
    if isinstance(made.constraint, Joined):
        parts = [_premise(f"{key} {number}", one) for number, one in enumerate(made.parts)]
        return {**told, "constraintLogicalOperand": ODRL + made.constraint.how, "premiseReport": parts}
    told["constraintLeftOperand"] = [_value(one) for one in made.left] or [""]
    op, right = ODRL + made.constraint.op, [_value(one) for one in made.constraint.right]
    if made.satisfied:
        return {**told, "constraintOperator": op, "constraintRightOperand": right}
    return {**told, "wanted": {"operator": op, "rightOperand": right}}


def _value(term: Term) -> Any:
    if not term.literal:
        return {"@id": term.text}
    if not term.datatype:
        return {"@value": term.text}
    if term.datatype.startswith("@"):
        return {"@value": term.text, "@language": term.datatype[1:]}
    return {"@value": term.text, "@type": term.datatype}


def _urn(key: str) -> str:
    return f"urn:uuid:{uuid.uuid5(SPACE, key)}"


def as_turtle(json_ld: Any) -> str:
    """A report, as reports.as_json_ld gives it, in Turtle."""
    import json  # noqa: PLC0415
    import warnings  # noqa: PLC0415

    import rdflib  # noqa: PLC0415 - the extra `odrl`

    graph = rdflib.Graph()
    with warnings.catch_warnings(), as_written():
        warnings.simplefilter("ignore", DeprecationWarning)  # rdflib's own reader of JSON-LD uses what it deprecates
        graph.parse(data=json.dumps(json_ld), format="json-ld")
    return str(graph.serialize(format="turtle")).strip()
