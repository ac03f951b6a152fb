"""The decision: may this action be done in this context, by which rule, and what would make it pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from datong.ground.refusal import Text
from datong.terms.policy.model import Constraint, Policy, Rule, satisfying
from datong.terms.policy.values import holds
from datong.terms.policy.vocabulary import ACTIONS, CONSTRAINTS, SPELLINGS
from datong.terms.policy.words import constraint_in_words


class Outcome(StrEnum):
    """TC609-6-2025-15, 7.1.2.4. On its wire `default_denied` is sent as `denied`."""

    allowed = "allowed"
    conditional = "conditional"
    denied = "denied"
    default_denied = "default_denied"


@dataclass(frozen=True)
class Decision:
    """rule: place of the rule that decided ("permissions[0].constraints[1]"), "" by default denial.
    zh, en: why. change: the smallest change that would pass, None when it passes; needs: the same for machines,
    operand -> a value that passes (empty when only another policy would do). duties: what must be done first.
    """

    outcome: Outcome
    rule: str
    zh: str
    en: str
    change: Text | None = None
    needs: Mapping[str, Any] = field(default_factory=dict)
    duties: tuple[Rule, ...] = ()

    @property
    def allowed(self) -> bool:
        return self.outcome is Outcome.allowed


def decide(policy: Policy, action: str, context: Mapping[str, Any]) -> Decision:
    """Whether `policy` lets `action` happen in `context`.

    context: left operand -> value (text, number, or a list of text), as {"time": "2026-03-02T01:00:00Z",
    "purpose": "public_welfare", "dataField": ["area", "starts"], "count": uses with this one}; "done": actions of
    duties already done.
    An operand that is missing fails a permission and does not lift a prohibition.
    """
    known = {SPELLINGS.get(name, name): value for name, value in context.items()}
    decision = _decided(policy, SPELLINGS.get(action, action), known)
    if decision.needs and not _would_pass(policy, action, {**known, **decision.needs}):
        return Decision(decision.outcome, decision.rule, decision.zh, decision.en, ANOTHER_POLICY)
    return decision


ANOTHER_POLICY = Text(
    "本策略下无法满足，请就另一份策略重新协商。", "Nothing passes under this policy; negotiate another one."
)


def _would_pass(policy: Policy, action: str, context: Mapping[str, Any]) -> bool:
    return _decided(policy, action, context).outcome in (Outcome.allowed, Outcome.conditional)


def _decided(policy: Policy, action: str, context: Mapping[str, Any]) -> Decision:
    for number, rule in enumerate(policy.prohibitions):
        if rule.action == action and all(_holds(c, context, unknown=True) for c in rule.constraints):
            return _forbidden(f"prohibitions[{number}]", rule, context)
    granting = [(f"permissions[{n}]", rule) for n, rule in enumerate(policy.permissions) if rule.action == action]
    if not granting:
        names = ACTIONS.get(action, Text(action, action))
        return Decision(
            Outcome.default_denied,
            "",
            f"没有任何策略允许“{names.zh}”，默认拒绝。",
            f"No permission covers {action!r}; what is not permitted is denied.",
            Text(f"请协商一份允许“{names.zh}”的策略。", f"Negotiate a policy that permits {action!r}."),
        )
    place, closest = min(granting, key=lambda found: (len(_failing(found[1], context)), len(_open(found[1], context))))
    failing = _failing(closest, context)
    if failing:
        return _failed(place, closest, failing, context)
    open_duties = _open(closest, context)
    if open_duties:
        zh = "、".join(ACTIONS[duty.action].zh for duty in open_duties)
        en = ", then ".join(duty.action for duty in open_duties)
        return Decision(
            Outcome.conditional,
            place,
            f"须先履行前置义务：{zh}。",
            f"Duties come first: {en}.",
            Text(f"请先完成：{zh}，再重新判定。", f"Do first: {en}; then ask again."),
            duties=open_duties,
        )
    return Decision(Outcome.allowed, place, "策略允许，全部约束均满足。", "Permitted; all constraints hold.")


def _holds(constraint: Constraint, context: Mapping[str, Any], *, unknown: bool) -> bool:
    given = context.get(constraint.left)
    if given is None:
        return unknown
    return holds(constraint.left, constraint.op, constraint.values, given)


def _failing(rule: Rule, context: Mapping[str, Any]) -> list[int]:
    return [n for n, constraint in enumerate(rule.constraints) if not _holds(constraint, context, unknown=False)]


def _open(rule: Rule, context: Mapping[str, Any]) -> tuple[Rule, ...]:
    """Duties of a permission that are not done yet."""
    done = context.get("done", ())
    return tuple(duty for duty in rule.duties if duty.action not in done)


def _failed(place: str, rule: Rule, failing: list[int], context: Mapping[str, Any]) -> Decision:
    first = rule.constraints[failing[0]]
    words = constraint_in_words(first)
    given = context.get(first.left)
    zh_given, en_given = ("未提供", "it was not given") if given is None else (f"实际为 {given}", f"it is {given}")
    needs: dict[str, Any] = {}
    for left in dict.fromkeys(rule.constraints[number].left for number in failing):
        bounds = [(c.op, c.values) for c in rule.constraints if c.left == left]
        values = satisfying(left, bounds, context.get(left))
        if not values:
            needs = {}
            break
        needs[left] = values[0]
    change = ANOTHER_POLICY
    if needs:
        pairs = [(CONSTRAINTS[left], left, value) for left, value in needs.items()]
        change = Text(
            "改为：" + "；".join(f"{operand.zh} = {value}" for operand, _, value in pairs) + "。",
            "Ask with " + " and ".join(f"{left} = {value}" for _, left, value in pairs) + ".",
        )
    return Decision(
        Outcome.denied,
        f"{place}.constraints[{failing[0]}]",
        f"约束不满足：{words.zh}，{zh_given}。",
        f"The constraint does not hold: {words.en}; {en_given}.",
        change,
        needs,
    )


def _forbidden(place: str, rule: Rule, context: Mapping[str, Any]) -> Decision:
    conditions = [constraint_in_words(c) for c in rule.constraints]
    zh = "，当" + "且".join(c.zh for c in conditions) if conditions else ""
    en = " when " + " and ".join(c.en for c in conditions) if conditions else ""
    missing = [c for c in rule.constraints if context.get(c.left) is None]
    change = ANOTHER_POLICY
    if missing:
        change = Text(
            "请提供：" + "、".join(CONSTRAINTS[c.left].zh for c in missing) + "，以证明禁止情形不成立。",
            "Give " + " and ".join(c.left for c in missing) + " to show that the prohibition does not apply.",
        )
    elif conditions:
        zh_any, en_any = "；".join(c.zh for c in conditions), "; ".join(c.en for c in conditions)
        change = Text(f"避免以下任一条件：{zh_any}。", f"Avoid one of: {en_any}.")
    names = ACTIONS[rule.action]
    return Decision(Outcome.denied, place, f"禁止“{names.zh}”{zh}。", f"{rule.action!r} is forbidden{en}.", change)
