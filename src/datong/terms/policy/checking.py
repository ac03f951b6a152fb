"""The check when a policy is written: every mistake at once, with its place, and what was probably meant.

Words and values (语法, 语义), operators that fit their operand, contradictions (冲突检测). What passes here is decided
later without surprises. Must never know: stores, wire formats. Contract: tests/terms/test_policy_decision.py,
tests/terms/test_policy_reading.py.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from datong.ground.refusal import Kind, Problem, Reason, Text
from datong.terms.policy.bounds import ways
from datong.terms.policy.model import Condition, Constraint, Logical, Policy, Rule
from datong.terms.policy.values import Mistaken, instant, mistake
from datong.terms.policy.vocabulary import (
    ACTIONS,
    BY_NAME,
    CONSTRAINTS,
    LOGIC,
    OPERATORS,
    ORDERED,
    SPELLINGS,
    Operator,
)

BAD_POLICY = Reason(
    "POL-400",
    Kind.invalid,
    Text("策略 {id} 未被接受。", "The policy {id} was not accepted."),
    Text("其中 {count} 处有误。", "Mistakes in it: {count}."),
    Text("请按下列各项修改后重新提交。", "Mend the items listed and submit it again."),
    rule="TC609-6-2025-15",
    article="7.1.2.2",
)  # fmt: skip

RULES_MAX = 500
CONDITIONS_MAX = 500
DEPTH_MAX = 8
"""Rules in a policy, constraints in a rule, duties and logic inside each other: beyond it nobody reads a policy."""
TOO_MANY = Problem("policy", f"规则超过 {RULES_MAX} 条", f"it has more than {RULES_MAX} rules")
TEXT_MAX = 1024
"""Characters of a word or value: the longest of the national dictionary (C..1024)."""


_AS_OF_SCHEMA = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:Z|[+-][0-9]{2}:[0-9]{2})"
)
_NOT_KEPT = re.compile("[\0\ud800-\udfff]")


def refused(problems: Iterable[Problem], policy_id: object = "?") -> Exception:
    found = list(problems)
    return BAD_POLICY(found, id=str(policy_id)[:80], count=len(found))


def checked(policy: Policy) -> Policy:
    """`policy` with spellings and lists in their one form; BAD_POLICY names every mistake at once."""
    tidy, problems = tidied(policy)
    if problems:
        raise refused(problems, policy.id)
    return tidy


def tidied(policy: Policy) -> tuple[Policy, list[Problem]]:
    """(the policy in its one form, everything wrong with it)."""
    tidy = replace(
        policy,
        permissions=tuple(map(_tidy, policy.permissions)),
        prohibitions=tuple(map(_tidy, policy.prohibitions)),
        obligations=tuple(map(_tidy, policy.obligations)),
    )
    return tidy, list(_problems(tidy))


def _problems(policy: Policy) -> Iterator[Problem]:
    if not policy.id:
        yield Problem("id", "缺少编号", "the id is missing")
    yield from _text_problems("id", policy.id)
    if not policy.permissions and not policy.prohibitions:
        yield Problem("permissions", "至少需要一条允许或禁止", "it needs a permission or a prohibition")
    rules = list(policy.rules())
    if len(rules) > RULES_MAX:
        yield TOO_MANY
        return
    for place, rule in rules:
        yield from _rule_problems(place, rule)
    for number, rule in enumerate(policy.prohibitions):
        if rule.action == "use":  # wide to whoever reads ODRL, and here only itself: it would forbid nothing
            yield Problem(
                f"prohibitions[{number}].action", "use 在本系统中仅指其自身；请逐项写明所禁止的操作",
                "use covers only itself here; write out what is prohibited",
            )  # fmt: skip
    forbidden = [rule for rule in policy.prohibitions if not rule.constraints]
    for number, rule in enumerate(policy.permissions):
        if any(_covers(other, rule) for other in forbidden):
            yield Problem(
                f"permissions[{number}]", f"{rule.action} 同时被无条件禁止（授权冲突）",
                f"{rule.action} is forbidden outright as well",
            )  # fmt: skip


def rule_problems(place: str, rule: Rule) -> Iterator[Problem]:
    """What is wrong with one rule, without a thought of its duties and of the other rules."""
    yield from _rule_problems(place, _tidy(rule))


def _text_problems(place: str, text: str) -> Iterator[Problem]:
    if len(text) > TEXT_MAX:
        yield Problem(place, f"超过 {TEXT_MAX} 个字符", f"is longer than {TEXT_MAX} characters")
    if _NOT_KEPT.search(text):
        yield Problem(place, "含有无法保存的字符", "holds a character that cannot be kept")


def _covers(outright: Rule, rule: Rule) -> bool:
    return (
        outright.action == rule.action
        and outright.target in ("", rule.target)
        and outright.assignee in ("", rule.assignee)
    )


def _tidy(rule: Rule) -> Rule:
    """All constraints of a rule must hold anyway, so what is joined by `and` at its top stands beside the others."""
    flat = [part for condition in rule.constraints for part in _flat(_tidy_condition(condition))]
    action = SPELLINGS.get(rule.action, rule.action)
    return Rule(action, tuple(flat), tuple(map(_tidy, rule.duties)), rule.target, rule.assignee)


def _flat(condition: Condition) -> tuple[Condition, ...]:
    """The parts of an `and`, else the condition itself."""
    return condition.parts if isinstance(condition, Logical) and condition.how == "and" else (condition,)


def _tidy_condition(condition: Condition) -> Condition:
    if isinstance(condition, Logical):
        parts = tuple(map(_tidy_condition, condition.parts))
        if condition.how == "and":
            parts = tuple(part for one in parts for part in _flat(one))
        return parts[0] if len(parts) == 1 and condition.how in LOGIC else Logical(condition.how, parts)
    left = SPELLINGS.get(condition.left, condition.left)
    if left == "time":  # fourteen digits are UTC here, and China time to whoever reads them on the national rail
        condition = replace(condition, right=tuple(map(_with_offset, condition.values)))
    if condition.op in OPERATORS and OPERATORS[condition.op].takes_list:
        return Constraint(left, condition.op, tuple(sorted(set(condition.values))))
    lone = condition.values
    return Constraint(left, condition.op, lone[0] if len(lone) == 1 else lone)


def _with_offset(value: str) -> str:
    """An instant as XML Schema, too, writes it: ISO 8601 has more forms than other readers know."""
    if _AS_OF_SCHEMA.fullmatch(value):
        return value
    try:
        return instant(value).isoformat().replace("+00:00", "Z")
    except Mistaken:  # told with the other mistakes
        return value


def meant(word: str, known: Iterable[str]) -> Text:
    """What was probably meant by an unknown word, as the end of a sentence; else the words there are."""
    words = list(known)
    named = BY_NAME.get(word, "")
    lowered = {one.lower(): one for one in words}
    near = [named] if named in words else difflib.get_close_matches(word.lower(), lowered, 2, 0.6)
    if near:
        close = " / ".join(lowered.get(one, one) for one in near)
        return Text(f"；是否指 {close}？", f"; did you mean {close}?")
    return Text("；已知：" + "、".join(words), "; known: " + ", ".join(words))


def _unknown(place: str, zh: str, en: str, word: str, known: Mapping[str, object]) -> Problem:
    hint = meant(word, known)
    return Problem(place, f"未知{zh} {word[:80]!r}{hint.zh}", f"unknown {en} {word[:80]!r}{hint.en}")


def _rule_problems(place: str, rule: Rule) -> Iterator[Problem]:
    if rule.action not in ACTIONS:
        yield _unknown(f"{place}.action", "操作", "action", rule.action, ACTIONS)
    if place.count(".duties[") > DEPTH_MAX:
        yield Problem(place, "嵌套过深", "is nested too deeply")
        return
    for name in ("target", "assignee"):
        yield from _text_problems(f"{place}.{name}", getattr(rule, name))
    if len(rule.constraints) > CONDITIONS_MAX:
        most = CONDITIONS_MAX
        yield Problem(f"{place}.constraints", f"超过 {most} 项", f"has more than {most} items")
        return
    found = [
        problem
        for number, condition in enumerate(rule.constraints)
        for problem in _condition_problems(f"{place}.constraints[{number}]", condition, 0)
    ]
    yield from found
    if not found:
        yield from _contradictions(place, rule)


def _condition_problems(place: str, condition: Condition, depth: int) -> Iterator[Problem]:
    if isinstance(condition, Constraint):
        yield from _constraint_problems(place, condition)
        return
    if condition.how not in LOGIC:
        yield _unknown(place, "逻辑", "logic", condition.how, LOGIC)
    if not condition.parts:
        yield Problem(f"{place}.{condition.how}", "没有条件", "it joins no conditions")
    if depth >= DEPTH_MAX:
        yield Problem(place, "嵌套过深", "is nested too deeply")
        return
    for number, part in enumerate(condition.parts):
        yield from _condition_problems(f"{place}.{condition.how}[{number}]", part, depth + 1)


def _constraint_problems(place: str, constraint: Constraint) -> Iterator[Problem]:
    left, op = CONSTRAINTS.get(constraint.left), OPERATORS.get(constraint.op)
    if left is None:
        yield _unknown(f"{place}.left", "约束", "constraint", constraint.left, CONSTRAINTS)
    if op is None:
        yield _unknown(f"{place}.op", "运算符", "operator", constraint.op, OPERATORS)
    if left is None or op is None:
        return
    if op.ordered is not None and op.ordered != (left.family in ORDERED):
        fits = ", ".join(name for name, one in OPERATORS.items() if one.ordered in (None, left.family in ORDERED))
        yield Problem(f"{place}.op", f"{constraint.op} 不适用于{left.zh}；可用：{fits}",
                      f"{constraint.op} does not fit {constraint.left}; it takes {fits}")  # fmt: skip
    yield from _value_problems(f"{place}.right", constraint, op)


def _value_problems(place: str, constraint: Constraint, op: Operator) -> Iterator[Problem]:
    if not constraint.values or (not op.takes_list and len(constraint.values) != 1):
        yield Problem(place, "取值个数不符", "wrong number of values")
    if len(constraint.values) > CONDITIONS_MAX:
        yield Problem(place, f"取值超过 {CONDITIONS_MAX} 个", f"has more than {CONDITIONS_MAX} values")
        return
    for value in constraint.values:
        unkept = list(_text_problems(place, value))
        yield from unkept
        if not unkept and (wrong := mistake(constraint.left, value)):
            yield Problem(place, f"取值 {value!r} {wrong.zh}", f"the value {value!r} is {wrong.en}")


def _contradictions(place: str, rule: Rule) -> Iterator[Problem]:
    """Constraints that provably nothing satisfies together, told by the operand on which they fail."""
    stuck: list[str] = []
    if any(True for _ in ways(rule.constraints, stuck=stuck)):  # one way, or more than can be tried
        return
    for left in dict.fromkeys(stuck):
        yield Problem(
            place, f"关于{CONSTRAINTS[left].zh}的约束相互矛盾", f"no value of {left} satisfies all its constraints"
        )
