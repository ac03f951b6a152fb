"""The values of a policy, the check when one is written, and its JSON form and hash."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from datong.ground.canonical import digest
from datong.ground.refusal import Kind, Problem, Reason, Text
from datong.terms.policy.values import candidates, holds, mistake
from datong.terms.policy.vocabulary import ACTIONS, CONSTRAINTS, OPERATORS, ORDERED, SPELLINGS

BAD_POLICY = Reason(
    "POL-400",
    Kind.invalid,
    Text("策略 {id} 未被接受。", "The policy {id} was not accepted."),
    Text("其中 {count} 处有误。", "{count} things in it are wrong."),
    Text("请按下列各项修改后重新提交。", "Mend the items listed and submit it again."),
    rule="TC609-6-2025-15",
    article="7.1.2.2",
)  # fmt: skip


@dataclass(frozen=True)
class Constraint:
    """`left` `op` `right`, e.g. purpose isAnyOf (public_governance,). Values are text, lists sorted."""

    left: str
    op: str
    right: str | tuple[str, ...]

    @property
    def values(self) -> tuple[str, ...]:
        return (self.right,) if isinstance(self.right, str) else self.right


@dataclass(frozen=True)
class Rule:
    """An action under constraints. `duties` are, in a permission, what must be done first (前置义务); in a
    prohibition, the remedy once it was violated (补救措施); in an obligation, the liability when it was not
    met (违约责任)."""

    action: str
    constraints: tuple[Constraint, ...] = ()
    duties: tuple[Rule, ...] = ()


@dataclass(frozen=True)
class Policy:
    """What one party may, must not and must do. `inherit`: intermediate and result data stay under it (策略继承)."""

    id: str
    permissions: tuple[Rule, ...] = ()
    prohibitions: tuple[Rule, ...] = ()
    obligations: tuple[Rule, ...] = ()
    inherit: bool = False

    def rules(self) -> Iterator[tuple[str, Rule]]:
        """Every rule with its place, e.g. ("permissions[0].duties[1]", rule)."""
        for kind in ("permissions", "prohibitions", "obligations"):
            for number, rule in enumerate(getattr(self, kind)):
                yield from _places(f"{kind}[{number}]", rule)


def _places(place: str, rule: Rule) -> Iterator[tuple[str, Rule]]:
    yield place, rule
    for number, duty in enumerate(rule.duties):
        yield from _places(f"{place}.duties[{number}]", duty)


def purposes_allowed(policy: Policy, action: str | None = None) -> list[str] | None:
    """The purposes that some permission (of `action`) admits, or None when one admits any."""
    found: list[str] = []
    for rule in policy.permissions:
        if action is not None and rule.action != action:
            continue
        bounds = [c for c in rule.constraints if c.left == "purpose"]
        if not bounds:
            return None
        tried = [v for v in candidates("purpose", [(c.op, c.values) for c in bounds], None) if isinstance(v, str)]
        found += [v for v in tried if all(holds("purpose", c.op, c.values, v) for c in bounds)]
    return sorted(set(found))


def checked(policy: Policy) -> Policy:
    """`policy` with spellings and lists in their one form; BAD_POLICY names every mistake at once.

    Checked: words and values (语法, 语义), operators that fit their operand, contradictions (冲突检测:
    an action permitted and forbidden outright, constraints that no value satisfies).
    """
    tidy = replace(
        policy,
        permissions=tuple(map(_tidy, policy.permissions)),
        prohibitions=tuple(map(_tidy, policy.prohibitions)),
        obligations=tuple(map(_tidy, policy.obligations)),
    )
    problems = [] if tidy.id else [Problem("id", "缺少编号", "the id is missing")]
    if not tidy.permissions and not tidy.prohibitions:
        problems.append(Problem("permissions", "至少需要一条允许或禁止", "it needs a permission or a prohibition"))
    for place, rule in tidy.rules():
        problems += _rule_problems(place, rule)
    forbidden = {rule.action for rule in tidy.prohibitions if not rule.constraints}
    for number, rule in enumerate(tidy.permissions):
        if rule.action in forbidden:
            problems.append(
                Problem(f"permissions[{number}]", f"{rule.action} 同时被无条件禁止（授权冲突）",
                        f"{rule.action} is forbidden outright as well")
            )  # fmt: skip
    if problems:
        raise BAD_POLICY(problems, id=policy.id[:80], count=len(problems))
    return tidy


def _tidy(rule: Rule) -> Rule:
    return Rule(
        SPELLINGS.get(rule.action, rule.action),
        tuple(map(_tidy_constraint, rule.constraints)),
        tuple(map(_tidy, rule.duties)),
    )


def _tidy_constraint(constraint: Constraint) -> Constraint:
    left = SPELLINGS.get(constraint.left, constraint.left)
    if constraint.op in OPERATORS and OPERATORS[constraint.op].takes_list:
        return Constraint(left, constraint.op, tuple(sorted(set(constraint.values))))
    lone = constraint.values
    return Constraint(left, constraint.op, lone[0] if len(lone) == 1 else lone)


def _rule_problems(place: str, rule: Rule) -> list[Problem]:
    problems = []
    if rule.action not in ACTIONS:
        problems.append(
            Problem(f"{place}.action", f"未知操作 {rule.action!r}",
                    f"unknown action {rule.action!r}; known: " + ", ".join(ACTIONS))
        )  # fmt: skip
    for number, constraint in enumerate(rule.constraints):
        problems += _constraint_problems(f"{place}.constraints[{number}]", constraint)
    if not problems:
        problems += _contradictions(place, rule)
    return problems


def _constraint_problems(place: str, constraint: Constraint) -> list[Problem]:
    left, op = CONSTRAINTS.get(constraint.left), OPERATORS.get(constraint.op)
    problems = []
    if left is None:
        problems.append(
            Problem(f"{place}.left", f"未知约束 {constraint.left!r}",
                    f"unknown constraint {constraint.left!r}; known: " + ", ".join(CONSTRAINTS))
        )  # fmt: skip
    if op is None:
        problems.append(
            Problem(f"{place}.op", f"未知运算符 {constraint.op!r}",
                    f"unknown operator {constraint.op!r}; known: " + ", ".join(OPERATORS))
        )  # fmt: skip
    if left is None or op is None:
        return problems
    if op.ordered is not None and op.ordered != (left.family in ORDERED):
        problems.append(
            Problem(f"{place}.op", f"{constraint.op} 不适用于{left.zh}",
                    f"{constraint.op} does not fit {constraint.left}")
        )  # fmt: skip
    if not constraint.values or (not op.takes_list and len(constraint.values) != 1):
        problems.append(Problem(f"{place}.right", "取值个数不符", "wrong number of values"))
    for value in constraint.values:
        if wrong := mistake(constraint.left, value):
            problems.append(
                Problem(f"{place}.right", f"取值 {value!r} 有误：{wrong}", f"the value {value!r} is {wrong}")
            )
    return problems


def _contradictions(place: str, rule: Rule) -> list[Problem]:
    """Constraints on one operand that no value can satisfy together."""
    by_left: dict[str, list[tuple[str, tuple[str, ...]]]] = {}
    for constraint in rule.constraints:
        by_left.setdefault(constraint.left, []).append((constraint.op, constraint.values))
    return [
        Problem(place, f"关于{CONSTRAINTS[left].zh}的约束相互矛盾", f"no value of {left} satisfies all its constraints")
        for left, bounds in by_left.items()
        if len(bounds) > 1 and not satisfying(left, bounds, None)
    ]


def satisfying(left: str, bounds: list[tuple[str, tuple[str, ...]]], given: Any) -> list[Any]:
    """Values of `left` that satisfy all `bounds` ((op, right) pairs), nearest to `given` first; may be empty."""
    return [
        value
        for value in candidates(left, bounds, given)
        if value not in ("", []) and all(holds(left, op, right, value) for op, right in bounds)
    ]


def to_json(policy: Policy) -> dict[str, Any]:
    """The one JSON form, kept in stores and signed in agreements."""
    return {
        "id": policy.id,
        "permissions": [_rule_json(rule) for rule in policy.permissions],
        "prohibitions": [_rule_json(rule) for rule in policy.prohibitions],
        "obligations": [_rule_json(rule) for rule in policy.obligations],
        "inherit": policy.inherit,
    }


def _rule_json(rule: Rule) -> dict[str, Any]:
    return {
        "action": rule.action,
        "constraints": [
            {"left": c.left, "op": c.op, "right": c.right if isinstance(c.right, str) else list(c.right)}
            for c in rule.constraints
        ],
        "duties": [_rule_json(duty) for duty in rule.duties],
    }


def from_json(value: Mapping[str, Any]) -> Policy:
    """The checked policy of a JSON value (as `to_json` writes it; absent lists are empty).

    Raises BAD_POLICY for anything else, also for values of the wrong JSON type.
    """
    try:
        return checked(
            Policy(
                _text(value["id"]),
                tuple(map(_rule_of, value.get("permissions", ()))),
                tuple(map(_rule_of, value.get("prohibitions", ()))),
                tuple(map(_rule_of, value.get("obligations", ()))),
                value.get("inherit", False) is True,
            )
        )
    except (KeyError, TypeError, AttributeError, RecursionError) as wrong:
        problem = Problem("policy", "结构不符", f"not of the form of a policy ({type(wrong).__name__}: {wrong})")
        raise BAD_POLICY([problem], id="?", count=1) from wrong


def _rule_of(value: Mapping[str, Any]) -> Rule:
    return Rule(
        _text(value["action"]),
        tuple(map(_constraint_of, value.get("constraints", ()))),
        tuple(map(_rule_of, value.get("duties", ()))),
    )


def _constraint_of(value: Mapping[str, Any]) -> Constraint:
    return Constraint(_text(value["left"]), _text(value["op"]), _text_or_texts(value["right"]))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _text_or_texts(value: Any) -> str | tuple[str, ...]:
    return tuple(map(_text, value)) if isinstance(value, list | tuple) else _text(value)


def policy_hash(policy: Policy) -> str:
    """ "<algorithm>:<hex>" over the rules without the id: an offer and the agreement made of it have the same."""
    return digest({name: part for name, part in to_json(policy).items() if name != "id"})
