"""Where the rules of two policies meet: conflict detection 冲突检测 (TC609-6-2025-15, 7.1.2.2 d), shown as pairs.

What wins is settled and the same everywhere: a prohibition beats a permission and an obligation, and of two permissions
that must both hold the narrower decides. So a conflict never makes a decision unclear; it tells who writes policies
that one of the two rules does less than it says. Must never know: stores.
Contract: tests/terms/test_policy_conflicts.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from datong.ground.refusal import Text
from datong.terms.policy.bounds import overlap, satisfiable, some, ways
from datong.terms.policy.decision import CompiledRule, compiled, spelt
from datong.terms.policy.model import Policy, Rule
from datong.terms.policy.vocabulary import ACTIONS, CONSTRAINTS

KINDS: dict[str, Text] = {
    "grant": Text("授权冲突", "one permits what the other forbids"),
    "duty": Text("义务与禁止冲突", "one demands what the other forbids"),
    "constraint": Text("条件约束矛盾", "no request satisfies both permissions"),
    "scope": Text("范围不一致", "the permissions admit different requests"),
    "unsettled": Text("是否有请求同时符合", "whether a request meets both"),
}
"""The kinds of TC609-6-2025-15 (授权冲突, 条件约束矛盾, 范围不一致), the first split by what is forbidden, and what has
too many alternatives to tell."""


SIGNS = {"eq": "=", "gt": ">", "gteq": "≥", "lt": "<", "lteq": "≤"}


@dataclass(frozen=True)
class Place:
    """A rule: the policy's id and the place in it, e.g. ("offer-1", "permissions[0]")."""

    policy: str
    rule: str

    def __str__(self) -> str:
        return f"{self.policy} {self.rule}"


@dataclass(frozen=True)
class Meeting:
    """What two rules have in common, by operand, and a request that both speak of; settled: whether one was found."""

    meet: dict[str, dict[str, Any]]
    example: dict[str, Any]
    settled: bool = True


@dataclass(frozen=True)
class Conflict:
    """Two rules that meet. target, assignee: on what and whom ("" = any). meet: operand -> its bounds by operator, or
    {"values"}, of the requests both speak of ({} = every request, and of an unsettled one not known). example: one of
    them. wins: the place that decides, "" where both must hold."""

    kind: str
    first: Place
    second: Place
    action: str
    target: str
    assignee: str
    meet: dict[str, dict[str, Any]]
    example: dict[str, Any]
    wins: str

    @property
    def text(self) -> Text:
        kind, action = KINDS[self.kind], ACTIONS[self.action]
        on_zh = (f"，标的 {self.target}" if self.target else "") + (
            f"，使用方 {self.assignee}" if self.assignee else ""
        )
        on_en = (f" of {self.target}" if self.target else "") + (f" by {self.assignee}" if self.assignee else "")
        when = _when(self.meet) if self.kind != "constraint" else Text("任何时候", "ever")
        wins = Text("须同时满足。", "Both must hold.")
        if self.kind == "constraint":
            wins = Text("两者不能同时满足。", "Both cannot hold.")
        elif self.wins:
            wins = Text(f"以 {self.wins} 为准。", f"{self.wins} decides.")
        if self.kind == "unsettled":
            when, wins = Text("未能判明", "not settled"), Text(f"若有，{wins.zh}", f"If one does: {wins.en}")
        return Text(
            f"{kind.zh}：{self.first} 与 {self.second}，操作“{action.zh}”{on_zh}，{when.zh}；{wins.zh}",
            f"{self.first} and {self.second}: {kind.en}, {self.action}{on_en}, {when.en}. {wins.en}",
        )

    def as_json(self) -> dict[str, Any]:
        text = self.text
        return {
            "kind": self.kind, "first": {"policy": self.first.policy, "rule": self.first.rule},
            "second": {"policy": self.second.policy, "rule": self.second.rule}, "action": self.action,
            "target": self.target, "assignee": self.assignee, "meet": self.meet, "example": self.example,
            "wins": self.wins, "zh": text.zh, "en": text.en,
        }  # fmt: skip


def _when(meet: dict[str, dict[str, Any]]) -> Text:
    zh, en = [], []
    for left, part in meet.items():
        shown = " ".join(f"{SIGNS[op]} {bound}" for op, bound in part.items() if op in SIGNS)
        shown = shown or ", ".join(part.get("values", ())) or "…"
        zh.append(f"{CONSTRAINTS[left].zh} {shown}")
        en.append(f"{left} {shown}")
    return Text("当" + "、".join(zh), "when " + " and ".join(en)) if zh else Text("任何时候", "always")


def conflicts_within(policy: Policy) -> list[Conflict]:
    """The pairs of rules of one policy of which one forbids what the other permits or demands."""
    return list(_forbidden(policy, policy))


def conflicts(one: Policy, other: Policy) -> list[Conflict]:
    """The pairs of rules, one of each policy, that meet; told from the side of what permits or demands."""
    return [*_forbidden(one, other), *_forbidden(other, one), *_permissions(one, other)]


def _forbidden(giving: Policy, forbidding: Policy) -> Iterator[Conflict]:
    wanted = [("grant", f"permissions[{n}]", rule) for n, rule in enumerate(giving.permissions)]
    wanted += [
        ("duty", place, rule)
        for place, rule in giving.rules()
        if place.startswith("obligations") or (place.startswith("permissions") and ".duties[" in place)
    ]
    barred = [(f"prohibitions[{n}]", rule) for n, rule in enumerate(forbidding.prohibitions)]
    for kind, place, rule in wanted:
        for other_place, other in barred:
            met = _meeting(rule, other)
            if met is not None:
                forbids = Place(forbidding.id, other_place)
                yield _conflict(kind, Place(giving.id, place), forbids, (rule, other), met, str(forbids))


def _permissions(one: Policy, other: Policy) -> Iterator[Conflict]:
    for n, mine in enumerate(one.permissions):
        for m, theirs in enumerate(other.permissions):
            if _scope(mine, theirs) is None or mine.constraints == theirs.constraints:
                continue
            places = Place(one.id, f"permissions[{n}]"), Place(other.id, f"permissions[{m}]")
            met = _meeting(mine, theirs, both_permit=True)
            if met is None:
                yield _conflict("constraint", *places, (mine, theirs), Meeting({}, {}), "")
            else:
                narrower = _narrower(mine, theirs)
                wins = "" if narrower is None else str(places[narrower])
                yield _conflict("scope", *places, (mine, theirs), met, wins)


def _narrower(mine: Rule, theirs: Rule) -> int | None:
    """Which of the two has all the constraints of the other and more, if one has."""
    ours, others = set(mine.constraints), set(theirs.constraints)
    return 0 if ours > others else 1 if others > ours else None


def _conflict(kind: str, first: Place, second: Place, rules: tuple[Rule, Rule], met: Meeting, wins: str) -> Conflict:
    scope = _scope(*rules)
    assert scope is not None
    return Conflict(
        kind if met.settled else "unsettled", first, second, rules[0].action, *scope, met.meet, met.example, wins
    )


def _scope(mine: Rule, theirs: Rule) -> tuple[str, str] | None:
    """(target, party) on which two rules of the same action both speak; None when they never do."""
    if mine.action != theirs.action:
        return None
    for name in ("target", "assignee"):
        if getattr(mine, name) and getattr(theirs, name) and getattr(mine, name) != getattr(theirs, name):
            return None
    return mine.target or theirs.target, mine.assignee or theirs.assignee


def _meeting(mine: Rule, theirs: Rule, *, both_permit: bool = False) -> Meeting | None:
    """Where two rules meet, verified on both; None where it is proven that they never do. A permission has to be known
    to hold, a prohibition holds in doubt. both_permit: they are two permissions, else the second forbids."""
    if _scope(mine, theirs) is None:
        return None
    both = [_compiled(rule) for rule in (mine, theirs)]
    settled = True
    for way in ways(tuple(map(spelt, (*mine.constraints, *theirs.constraints)))):
        possible = [] if way is None else [satisfiable(left, bounds, lone=True) for left, bounds in way.items()]
        if False in possible:
            continue
        settled = False  # unless the example holds: of an `xone` it may satisfy a second part, which another would not
        if way is not None and None not in possible:
            example = {left: some(left, bounds, lone=True) for left, bounds in way.items()}
            permits, other = ([test(example) for test in one.tests] for one in both)
            if all(permits) and (all(other) if both_permit else False not in other):
                return Meeting({left: overlap(left, bounds) for left, bounds in way.items()}, example)
    return None if settled else Meeting({}, {}, settled=False)


def _compiled(rule: Rule) -> CompiledRule:
    return compiled(Policy("", permissions=(rule,))).permissions[rule.action][0]
