"""A policy in words, zh-CN and English, for listings, contracts and refusals."""

from __future__ import annotations

from datong.ground.refusal import Text
from datong.terms.policy.model import Constraint, Policy, Rule
from datong.terms.policy.vocabulary import ACTIONS, CONSTRAINTS, OPERATORS, PURPOSES


def in_words(policy: Policy) -> Text:
    """The whole policy as sentences, one per rule: permissions, prohibitions, obligations, inheritance."""
    zh, en = [], []
    kinds = (
        (policy.permissions, "允许", "May", "，但须先", ", after"),
        (policy.prohibitions, "禁止", "Must not", "，违反时须", ", else must"),
        (policy.obligations, "必须", "Must", "，未履行时须", ", else must"),
    )
    for rules, kind_zh, kind_en, then_zh, then_en in kinds:
        for rule in rules:
            words = _rule(rule)
            duties = [_rule(duty) for duty in rule.duties]
            more_zh = then_zh + "、".join(duty.zh for duty in duties) if duties else ""
            more_en = f"{then_en} " + " and ".join(duty.en for duty in duties) if duties else ""
            zh.append(f"{kind_zh}{words.zh}{more_zh}。")
            en.append(f"{kind_en} {words.en}{more_en}.")
    if policy.inherit:
        zh.append("中间数据和结果数据仍受本策略约束。")
        en.append("Intermediate and result data stay under this policy.")
    zh.append("未列明的操作一律拒绝。")
    en.append("Everything else is denied.")
    return Text("".join(zh), " ".join(en))


def _rule(rule: Rule) -> Text:
    action = ACTIONS[rule.action]
    conditions = [constraint_in_words(constraint) for constraint in rule.constraints]
    if not conditions:
        return action
    return Text(
        action.zh + "（" + "；".join(c.zh for c in conditions) + "）",
        f"{action.en} if " + " and ".join(c.en for c in conditions),
    )


def constraint_in_words(constraint: Constraint) -> Text:
    """E.g. "purpose is any of public governance, public welfare"."""
    left, op = CONSTRAINTS[constraint.left], OPERATORS[constraint.op]
    values = [_value(constraint.left, value) for value in constraint.values]
    return Text(
        f"{left.zh}{op.zh} {'、'.join(value.zh for value in values)}",
        f"{left.en} {op.en} {', '.join(value.en for value in values)}",
    )


def _value(left: str, value: str) -> Text:
    for code, zh, en in CONSTRAINTS[left].codes:
        if code == value:
            return Text(zh, en)
    return PURPOSES.get(value, Text(value, value)) if left == "purpose" else Text(value, value)
