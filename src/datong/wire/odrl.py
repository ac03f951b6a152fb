"""Policies as ODRL in the compact JSON of the Dataspace Protocol 2025-1, and back without loss.

Words with the same meaning in ODRL 2.2 are written as its terms: bare where the DSP context defines them
(`use`, operators), else with the prefix `odrl:` it defines (`odrl:purpose`), so that a JSON-LD peer expands
them; the other words of the national list are absolute IRIs under OWN. Values are text or lists of text (the
schema admits no bare numbers). Duties stand where ODRL puts them: duty, remedy, consequence.
Must never know: negotiations, transport. Contract: tests/wire/test_wire_odrl.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from datong.ground.refusal import Problem
from datong.terms.policy import BAD_POLICY, Constraint, Policy, Rule, checked

OWN = "urn:datong:ns:"
ODRL = "http://www.w3.org/ns/odrl/2/"
INHERIT = "datong:inherit"

SAME_ACTIONS = {
    "transform": "transform",
    "anonymize": "anonymize",
    "read": "read",
    "reproduce": "reproduce",
    "distribute": "distribute",
    "grantUse": "grantUse",
    "policyTransmit": "nextPolicy",
    "sell": "sell",
    "delete": "delete",
    "compensate": "compensate",
}
"""Datong's action -> the ODRL action of the same meaning."""

SAME_OPERANDS = {
    "time": "dateTime",
    "region": "spatial",
    "count": "count",
    "payAmount": "payAmount",
    "purpose": "purpose",
}
IN_CONTEXT = frozenset({"use"})
"""Terms the DSP context defines without a prefix."""

KINDS = (("permissions", "permission", "duty"), ("prohibitions", "prohibition", "odrl:remedy"),
         ("obligations", "obligation", "odrl:consequence"))  # fmt: skip
"""(Datong's list, ODRL's list, where ODRL puts what follows)."""
MAX_DEPTH = 8


def to_offer(policy: Policy, *, target: str = "") -> dict[str, Any]:
    """An Offer; with `target` (a dataset id) as messages carry it, without as a catalogue does."""
    return {"@id": policy.id, "@type": "Offer", **({"target": target} if target else {}), **_rules(policy)}


def to_agreement(policy: Policy, *, target: str, assigner: str, assignee: str, timestamp: str) -> dict[str, Any]:
    """An Agreement whose `@id` is the policy's id."""
    parties = {"target": target, "assigner": assigner, "assignee": assignee, "timestamp": timestamp}
    return {"@id": policy.id, "@type": "Agreement", **parties, **_rules(policy)}


def _rules(policy: Policy) -> dict[str, Any]:
    lists = {name: [_rule(rule, then) for rule in getattr(policy, kind)] for kind, name, then in KINDS}
    inherited = {INHERIT: True} if policy.inherit else {}
    return {**{name: rules for name, rules in lists.items() if rules}, **inherited}


def _rule(rule: Rule, then: str) -> dict[str, Any]:
    written: dict[str, Any] = {"action": _term(rule.action, SAME_ACTIONS)}
    if rule.constraints:
        written["constraint"] = [
            {
                "leftOperand": _term(constraint.left, SAME_OPERANDS),
                "operator": constraint.op,
                "rightOperand": constraint.right if isinstance(constraint.right, str) else list(constraint.right),
            }
            for constraint in rule.constraints
        ]
    if rule.duties:
        written[then] = [_rule(duty, "odrl:consequence") for duty in rule.duties]
    return written


def _term(word: str, same: Mapping[str, str]) -> str:
    if word in IN_CONTEXT:
        return word
    return f"odrl:{same[word]}" if word in same else OWN + word


def from_odrl(value: Mapping[str, Any]) -> Policy:
    """The policy of an Offer or Agreement; BAD_POLICY names every part that has no equal in the model.

    Terms are read bare, with `odrl:` or as full IRIs; `and` is flattened (all constraints must hold anyway);
    `or`, `xone` and `andSequence` are refused, because dropping them would widen what is permitted.
    """
    problems: list[Problem] = []
    lists = {}
    for kind, name, then in KINDS:
        given = value.get(name, [])
        given = given if isinstance(given, list) else [given]
        lists[kind] = tuple(_read_rule(rule, f"{name}[{n}]", then, problems, 0) for n, rule in enumerate(given))
    policy_id = value.get("@id")
    if not isinstance(policy_id, str):
        problems.append(Problem("@id", "应为文本", "should be text"))
    if problems:
        raise BAD_POLICY(problems, id=str(policy_id)[:80], count=len(problems))
    return checked(Policy(str(policy_id), **lists, inherit=value.get(INHERIT) is True))


def _read_rule(value: Any, place: str, then: str, problems: list[Problem], depth: int) -> Rule:
    if not isinstance(value, Mapping) or depth > MAX_DEPTH:
        problems.append(Problem(place, "不是规则", "is no rule"))
        return Rule("")
    action = value.get("action")
    if isinstance(action, list) and len(action) == 1:
        action = action[0]
    given = value.get("constraint", [])
    constraints: list[Constraint] = []
    for number, one in enumerate(given if isinstance(given, list) else [given]):
        constraints += _read_constraint(one, f"{place}.constraint[{number}]", problems, depth)
    after = value.get(then, value.get(then.removeprefix("odrl:"), []))
    duties = tuple(
        _read_rule(duty, f"{place}.{then}[{number}]", "odrl:consequence", problems, depth + 1)
        for number, duty in enumerate(after if isinstance(after, list) else [after])
    )
    return Rule(_word(action, SAME_ACTIONS), tuple(constraints), duties)


def _read_constraint(value: Any, place: str, problems: list[Problem], depth: int) -> list[Constraint]:
    if not isinstance(value, Mapping) or depth > MAX_DEPTH:
        problems.append(Problem(place, "不是约束", "is no constraint"))
        return []
    if isinstance(value.get("and"), list):
        parts = [_read_constraint(one, f"{place}.and[{n}]", problems, depth + 1) for n, one in enumerate(value["and"])]
        return [constraint for part in parts for constraint in part]
    for logical in ("or", "xone", "andSequence"):
        if logical in value:
            problems.append(
                Problem(f"{place}.{logical}", "不支持该逻辑约束", "this logical constraint is not understood")
            )
            return []
    operator = value.get("operator")
    right = value.get("rightOperand")
    values = tuple(_plain(one) for one in right) if isinstance(right, list) else _plain(right)
    return [
        Constraint(
            _word(value.get("leftOperand"), SAME_OPERANDS),
            operator.removeprefix("odrl:").removeprefix(ODRL) if isinstance(operator, str) else "",
            values,
        )
    ]


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        value = value.get("@value", value.get("@id", ""))
    return value if isinstance(value, str) else ""


def _word(term: Any, same: Mapping[str, str]) -> str:
    """Datong's word for a term; a term it does not know stays as it is and is refused by `checked`."""
    if not isinstance(term, str):
        return ""
    if term.startswith(OWN):
        return term.removeprefix(OWN)
    bare = term.removeprefix("odrl:").removeprefix(ODRL)
    back = {theirs: ours for ours, theirs in same.items()}
    return back.get(bare, bare)
