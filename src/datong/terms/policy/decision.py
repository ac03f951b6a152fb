"""The decision: may this action be done in this context, by which rule, and what would make it pass.

A policy is compiled once to closures; a decision keeps what was found and tells it in words when asked, so that who
only wants yes or no pays for no sentence. Must never know: stores, who meters.
Contract: tests/terms/test_policy_decision.py, tests/terms/test_policy_compiled.py.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property, lru_cache
from heapq import heappop, heappush
from itertools import count
from typing import Any

from datong.ground.refusal import Text
from datong.terms.policy.bounds import Way, satisfying, some, ways
from datong.terms.policy.model import Condition, Constraint, Logical, Policy, Rule, atoms
from datong.terms.policy.values import holds, relation
from datong.terms.policy.vocabulary import ACTIONS, CONSTRAINTS, OF_THE_DEED, SPELLINGS
from datong.terms.policy.words import condition_in_words


class Outcome(StrEnum):
    """TC609-6-2025-15, 7.1.2.4. On its wire `default_denied` is sent as `denied`."""

    allowed = "allowed"
    conditional = "conditional"
    denied = "denied"
    default_denied = "default_denied"


Context = Mapping[str, Any]
Test = Callable[[Context], bool | None]
"""Whether a condition holds; None when what it asks about is not in the context."""

SCOPES = {"target": Text("标的", "target"), "assignee": Text("使用方", "party")}
"""What a rule may be limited to beside its constraints, as the context names it."""
ANOTHER_POLICY = Text(
    "本策略下无法满足，请就另一份策略重新协商。", "Nothing passes under this policy; negotiate another one."
)
NOT_FOUND = Text(
    "未找到可以通过的改法，请就另一份策略重新协商。", "No change that passes was found; negotiate another policy."
)


@dataclass(frozen=True)
class CompiledRule:
    """A rule with its place ("permissions[1]") and its conditions as closures."""

    place: str
    rule: Rule
    tests: tuple[Test, ...]
    due: tuple[tuple[Test, ...], ...] = ()
    """Of each duty, its conditions."""

    def out_of_scope(self, context: Context, *, unknown: bool) -> tuple[str, ...]:
        """The scopes ("target", "assignee") in which the request lies outside; unknown: what the absence counts as."""
        rule = self.rule
        if not rule.target and not rule.assignee:
            return ()
        return tuple(name for name in SCOPES if not _in_scope(getattr(rule, name), context.get(name), unknown=unknown))

    def failing(self, context: Context) -> list[int]:
        """The conditions that do not hold for sure."""
        return [number for number, test in enumerate(self.tests) if test(context) is not True]

    def open(self, context: Context) -> tuple[Rule, ...]:
        """Duties of a permission that are due and not done yet, in their order; one whose conditions are known not to
        hold is not due."""
        if not self.rule.duties:
            return ()
        done = context.get("done", ())
        return tuple(
            duty for duty, tests in zip(self.rule.duties, self.due, strict=True)
            if duty.action not in done and all(test(context) is not False for test in tests)
        )  # fmt: skip


def _in_scope(wanted: str, given: Any, *, unknown: bool) -> bool:
    """given: a code, or a list of codes of which one is enough (a party and the groups it belongs to)."""
    if not wanted:
        return True
    if given is None:
        return unknown
    return wanted in given if isinstance(given, list | tuple | set | frozenset) else wanted == given


@dataclass(frozen=True)
class Compiled:
    """A policy ready to decide."""

    policy: Policy
    permissions: Mapping[str, tuple[CompiledRule, ...]]
    prohibitions: Mapping[str, tuple[CompiledRule, ...]]

    def decide(self, action: str, context: Context) -> Decision:
        """See `decide` below."""
        if not SPELLINGS.keys().isdisjoint(context):
            context = {SPELLINGS.get(name, name): value for name, value in context.items()}
        action = SPELLINGS.get(action, action)
        for found in self.prohibitions.get(action, ()):
            if not found.out_of_scope(context, unknown=True) and all(t(context) is not False for t in found.tests):
                return Decision(Outcome.denied, found.place, self, action, context, found)
        granting = self.permissions.get(action, ())
        if not granting:
            return Decision(Outcome.default_denied, "", self, action, context)
        closest: tuple[CompiledRule, tuple[str, ...], list[int]] | None = None
        fewest, first_open = (1 << 30, 0), None
        for found in granting:
            outside, failing = found.out_of_scope(context, unknown=False), found.failing(context)
            missing = len(outside) + len(failing)
            open_duties = found.open(context)
            if not missing and not open_duties:
                return Decision(Outcome.allowed, found.place, self, action, context, found)
            if (missing, len(open_duties)) < fewest:
                closest, fewest, first_open = (found, outside, failing), (missing, len(open_duties)), open_duties
        assert closest is not None
        rule, outside, failing = closest
        if first_open and not outside and not failing:
            return Decision(Outcome.conditional, rule.place, self, action, context, rule, duties=first_open)
        place = f"{rule.place}.{outside[0]}" if outside else f"{rule.place}.constraints[{failing[0]}]"
        return Decision(Outcome.denied, place, self, action, context, rule, outside, tuple(failing))

    def may_pass(self, action: str, context: Context) -> bool:
        """Whether a request with these values could pass, whatever its others are."""
        barred = any(
            not found.out_of_scope(context, unknown=False) and all(test(context) is True for test in found.tests)
            for found in self.prohibitions.get(action, ())
        )
        return not barred and any(
            not found.out_of_scope(context, unknown=True) and all(test(context) is not False for test in found.tests)
            for found in self.permissions.get(action, ())
        )


@dataclass(frozen=True)
class Decision:
    """rule: place of the rule that decided ("permissions[0].constraints[1]"), "" by default denial. duties: what must
    be done first, in this order. The rest is told when asked: zh, en: why. change: the smallest change that would
    pass, None when it passes; needs: the same for machines, operand -> a value that passes (empty when only another
    policy would do). party: whom the deciding rule binds, or who asks. obligations: the rules that bind whoever acts on
    this decision."""

    outcome: Outcome
    rule: str
    compiled: Compiled
    action: str
    context: Context
    decided_by: CompiledRule | None = None
    outside: tuple[str, ...] = ()
    failing: tuple[int, ...] = ()
    duties: tuple[Rule, ...] = ()

    @property
    def allowed(self) -> bool:
        return self.outcome is Outcome.allowed

    @property
    def party(self) -> str:
        bound = self.decided_by.rule.assignee if self.decided_by else ""
        asking = self.context.get("assignee", "")
        return bound or (asking if isinstance(asking, str) else next(iter(asking), ""))

    @property
    def obligations(self) -> tuple[Rule, ...]:
        return tuple(
            rule
            for rule in self.compiled.policy.obligations
            if all(_in_scope(getattr(rule, name), self.context.get(name), unknown=True) for name in SCOPES)
        )

    @property
    def zh(self) -> str:
        return self.why.zh

    @property
    def en(self) -> str:
        return self.why.en

    @cached_property
    def why(self) -> Text:
        if self.decided_by is None:
            names = ACTIONS.get(self.action, Text(self.action, self.action))
            return Text(
                f"没有任何策略允许“{names.zh}”，默认拒绝。",
                f"No permission covers {self.action!r}; what is not permitted is denied.",
            )
        if self.outcome is Outcome.allowed:
            return Text("策略允许，全部约束均满足。", "Permitted; all constraints hold.")
        if self.outcome is Outcome.conditional:
            zh, en = _actions(self.duties)
            return Text(f"须先履行前置义务：{zh}。", f"Duties come first: {en}.")
        return (
            self._failed(self.decided_by)
            if self.outside or self.failing
            else _forbidden(self.decided_by.rule, self.context)
        )

    def _failed(self, by: CompiledRule) -> Text:
        if self.outside:
            name = self.outside[0]
            wanted, scope = getattr(by.rule, name), SCOPES[name]
            zh_given, en_given = _given(self.context.get(name))
            return Text(
                f"该规则限于{scope.zh} {wanted}，{zh_given}。", f"The rule is for the {scope.en} {wanted}; {en_given}."
            )
        first = by.rule.constraints[self.failing[0]]
        words = condition_in_words(first)
        if isinstance(first, Logical):
            return Text(f"约束不满足：{words.zh}。", f"The constraint does not hold: {words.en}.")
        zh_given, en_given = _given(self.context.get(first.left))
        if first.left in self.context and _unsure(first, self.context):
            zh_given, en_given = f"{zh_given}，不足以判定", f"{en_given}, which does not settle it"
        return Text(f"约束不满足：{words.zh}，{zh_given}。", f"The constraint does not hold: {words.en}; {en_given}.")

    @property
    def needs(self) -> dict[str, Any]:
        """The fewest operands to ask with otherwise, verified by deciding again; {} where one of them has no value of
        its own to name (any field but `secret`)."""
        return {} if self._search.invented else self._search.changes

    @cached_property
    def _search(self) -> Change:
        if self.decided_by is None or self.outcome in (Outcome.allowed, Outcome.conditional):
            return Change()
        return _smallest(self, self.decided_by)

    @cached_property
    def change(self) -> Text | None:
        if self.outcome is Outcome.allowed:
            return None
        names = ACTIONS.get(self.action, Text(self.action, self.action))
        if self.decided_by is None:
            return Text(f"请协商一份允许“{names.zh}”的策略。", f"Negotiate a policy that permits {self.action!r}.")
        if self.outcome is Outcome.conditional:
            zh, en = _actions(self.duties)
            return Text(f"请先完成：{zh}，再重新判定。", f"Do first: {en}; then ask again.")
        found = self._search
        if found.changes:
            return _asked_otherwise(found, self.context)
        return ANOTHER_POLICY if found.settled else NOT_FOUND


def _given(value: Any) -> tuple[str, str]:
    shown = ", ".join(map(str, value)) if isinstance(value, list | tuple) else value
    return ("未提供", "it was not given") if value is None else (f"实际为 {shown}", f"it is {shown}")


def _named(left: str) -> Text:
    known = CONSTRAINTS.get(left)
    return Text(known.zh, known.en) if known else SCOPES[left]


def _actions(duties: Sequence[Rule]) -> tuple[str, str]:
    return "、".join(ACTIONS[duty.action].zh for duty in duties), ", then ".join(duty.action for duty in duties)


def _forbidden(rule: Rule, context: Context) -> Text:
    conditions = [condition_in_words(c) for c in rule.constraints]
    zh = "，当" + "且".join(c.zh for c in conditions) if conditions else ""
    en = " when " + " and ".join(c.en for c in conditions) if conditions else ""
    for left in dict.fromkeys(one.left for c in rule.constraints for _, one in atoms(c) if _unsure(one, context)):
        zh_given, en_given = _given(context.get(left))
        zh += f"；{CONSTRAINTS[left].zh}{zh_given}，不能排除该情形"
        en += f"; {left} {en_given.removeprefix('it ')}, which does not rule it out"
    return Text(f"禁止“{ACTIONS[rule.action].zh}”{zh}。", f"{rule.action!r} is forbidden{en}.")


def _unsure(constraint: Constraint, context: Context) -> bool:
    given = context.get(constraint.left)
    return given is None or holds(constraint.left, constraint.op, constraint.values, given) is None


def _asked_otherwise(found: Change, context: Context) -> Text:
    """The new values; of an operand without a value to name, what must hold of it."""
    zh, en = [], []
    for left, value in found.changes.items():
        name = _named(left)
        if left not in found.invented:
            shown = ", ".join(value) if isinstance(value, list) else value
            zh.append(f"{name.zh} = {shown}")
            en.append(f"{left} = {shown}")
            continue
        for op, right in found.way[left]:
            avoided = op.startswith("not ")
            words = condition_in_words(Constraint(left, op.removeprefix("not "), right))
            zh.append(f"避免“{words.zh}”" if avoided else words.zh)
            en.append(f"not ({words.en})" if avoided else words.en)
        if context.get(left) is None:
            zh[-1] += f"（请提供{name.zh}）"
            en[-1] += f" (give {left})"
    return Text("改为：" + "；".join(zh) + "。", "Ask with " + " and ".join(en) + ".")


# --- the smallest change ---------------------------------------------------------------------------------------------


TRIES_MAX, WAYS_MAX = 256, 1024
"""Decisions made in search of a change, and ways kept for them."""
SPELT_MAX = 6
"""Parts of an `xone` for which all ways are tried; of a longer one, each part without a thought of the others."""


@dataclass(frozen=True)
class Change:
    """Another context that passes: the operands to change with their new values, all that must hold of each operand.
    invented: those of them whose value stands for any that fits. settled: no changes means that there are none."""

    changes: dict[str, Any] = field(default_factory=dict)
    way: Way = field(default_factory=dict)
    invented: frozenset[str] = frozenset()
    settled: bool = True


def _smallest(decision: Decision, by: CompiledRule) -> Change:
    """The fewest operands that make any permission of the action hold and every prohibition fall: ways are tried from
    those that change least; one that meets a prohibition goes on with each of that one's conditions turned round."""
    policy, action, context = decision.compiled, decision.action, decision.context
    order, settled = count(), True
    open_: list[tuple[int, int, CompiledRule, Change | None]] = []  # no change: the rule's ways are still to be found
    for one in sorted(policy.permissions.get(action, ()), key=lambda one: one is not by):
        heappush(open_, (_least(one, context), next(order), one, None))
    for _ in range(TRIES_MAX):
        if not open_:
            return Change(settled=settled)
        _, _, one, made = heappop(open_)
        conditions = one.rule.constraints
        if made is not None:
            again = policy.decide(action, {**context, **made.changes}) if made.changes else decision
            if again.outcome in (Outcome.allowed, Outcome.conditional):
                return made
            if again.decided_by is None or again.outside or again.failing:
                continue
            barring = again.decided_by.rule
            conditions = (Logical("or", tuple(map(_turned, barring.constraints))),)
            settled = settled and not barring.target and not barring.assignee  # nobody is told to be another party
        conditions = tuple(map(spelt, conditions))
        settled = settled and not any(map(_open_ended, conditions))
        scopes = {name: getattr(one.rule, name) for name in one.out_of_scope(context, unknown=False)}
        for way in ways(conditions, made.way if made else None):
            if way is None or len(open_) > WAYS_MAX:
                settled = False
                break
            if (further := _changed(way, context, scopes)) is not None:
                heappush(open_, (len(further.changes), next(order), one, further))
    return Change(settled=False)


def _least(one: CompiledRule, context: Context) -> int:
    """No fewer operands than these must change for a permission to hold."""
    failing = [one.rule.constraints[number] for number in one.failing(context)]
    single = {condition.left for condition in failing if isinstance(condition, Constraint)}
    return len(one.out_of_scope(context, unknown=False)) + (len(single) or bool(failing))


def _changed(way: Way, context: Context, scopes: Mapping[str, Any]) -> Change | None:
    """The nearest values where what is given does not satisfy `way`; None where there is none."""
    changes, invented = dict(scopes), set()
    for left, bounds in way.items():
        given = context.get(left)
        if given is not None and all(holds(left, op, right, given) for op, right in bounds):
            continue
        value = next(iter(satisfying(left, bounds, given)), None)
        if value is None:
            value = some(left, bounds)
            invented.add(left)
        if value is None:
            return None
        changes[left] = value
    return Change(changes, way, frozenset(invented))


def _turned(condition: Condition) -> Condition:
    """A condition that holds when the given one fails; of a long `xone` one of those: no part holds."""
    if isinstance(condition, Constraint):
        turned = condition.op.removeprefix("not ") if condition.op.startswith("not ") else f"not {condition.op}"
        return Constraint(condition.left, turned, condition.right)
    plain = spelt(condition)
    assert isinstance(plain, Logical)
    return Logical("and" if plain.how in ("or", "xone") else "or", tuple(map(_turned, plain.parts)))


def spelt(condition: Condition) -> Condition:
    """The same without `xone`: one part, and none of the others; of more than SPELT_MAX parts it is left."""
    if isinstance(condition, Constraint):
        return condition
    parts = tuple(map(spelt, condition.parts))
    if condition.how != "xone" or len(parts) > SPELT_MAX:
        return Logical(condition.how, parts)
    failing = tuple(map(_turned, parts))
    alone = (Logical("and", (part, *failing[:n], *failing[n + 1 :])) for n, part in enumerate(parts))
    return Logical("or", tuple(alone))


def _open_ended(condition: Condition) -> bool:
    """Whether not all ways to satisfy it are tried: of a long `xone`, of a list that must lack one of several parts."""
    if isinstance(condition, Constraint):
        return condition.op in ("not hasPart", "not isAllOf") and len(condition.values) > 1
    return condition.how == "xone" or any(map(_open_ended, condition.parts))


# --- compiling -----------------------------------------------------------------------------------------------------


def decide(policy: Policy, action: str, context: Context) -> Decision:
    """Whether `policy` lets `action` happen in `context`.

    context: left operand -> value (text, number, or a list of text), as {"time": "2026-03-02T01:00:00Z",
    "purpose": "public_welfare", "dataField": ["area", "starts"], "count": uses with this one}; "target" and
    "assignee": the data product and who asks (codes; a list where it also goes by others); "done": actions of duties
    already done.
    An operand that is missing fails a permission and does not lift a prohibition.
    """
    return compiled(policy).decide(action, context)


@lru_cache(maxsize=256)
def compiled(policy: Policy) -> Compiled:
    """`policy` as closures; the policies last used stay compiled, what they decided does not."""
    return Compiled(policy, _indexed("permissions", policy.permissions), _indexed("prohibitions", policy.prohibitions))


def _indexed(kind: str, rules: Sequence[Rule]) -> dict[str, tuple[CompiledRule, ...]]:
    found: dict[str, tuple[CompiledRule, ...]] = {}
    for number, rule in enumerate(rules):
        due = tuple(tuple(_test(part, OF_THE_DEED) for part in duty.constraints) for duty in rule.duties)
        one = CompiledRule(f"{kind}[{number}]", rule, tuple(map(_test, rule.constraints)), due)
        found[rule.action] = (*found.get(rule.action, ()), one)
    return found


def _test(condition: Condition, unasked: Collection[str] = ()) -> Test:
    """unasked: operands that are taken for unknown, whatever the context says of them."""
    if isinstance(condition, Logical):
        return _joined(condition.how, tuple(_test(part, unasked) for part in condition.parts))
    if condition.left in unasked:
        return lambda _context: None
    left, related = condition.left, relation(condition.left, condition.op, condition.values)

    def single(context: Context) -> bool | None:
        given = context.get(left)
        return None if given is None else related(given)

    return single


def _joined(how: str, tests: Sequence[Test]) -> Test:
    """Three-valued: what is unknown may still be either."""

    def told(context: Context) -> bool | None:
        results = [test(context) for test in tests]
        yes, unknown = results.count(True), results.count(None)
        if how == "or":
            return True if yes else None if unknown else False
        if how == "xone":
            return False if yes > 1 else None if unknown else yes == 1
        return False if yes + unknown < len(results) else None if unknown else True

    return told
