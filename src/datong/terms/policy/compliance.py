"""What a request means under a policy of any ODRL vocabulary: a compliance report. Pure.

The decision (decision.py) answers for the words of the national list. A peer's ODRL may use any action, operand and
party; here each premise of each rule is judged as ODRL's formal semantics has it and the states are told with the
terms of the ODRL Compliance Report Model (https://w3id.org/force/compliance-report#): a rule is Active when all its
premises are Satisfied and, for a permission, none of its duties is Violated. What nothing is said about does not
satisfy. Of several things asked for in one rule, a permission has to fit all, a prohibition one.
Must never know: Turtle, files.
Contract: tests/terms/test_policy_compliance.py, tests/wire/test_wire_odrl_suite.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from datong.terms.policy.literals import measured, order

ODRL = "http://www.w3.org/ns/odrl/2/"
CC = "http://creativecommons.org/ns#"
CLOCK = f"{ODRL}dateTime"

BROADER = {"display": "play", "extract": "reproduce", "give": "transfer", "sell": "transfer"}
"""ODRL actions that are included in another than `use` (ODRL Vocabulary 2.2, odrl:includedIn)."""
OF_USE = (
    "acceptTracking", "aggregate", "annotate", "anonymize", "archive", "attribute", "compensate", "concurrentUse",
    "delete", "derive", "digitize", "distribute", "ensureExclusivity", "execute", "grantUse", "include", "index",
    "inform", "install", "modify", "move", "nextPolicy", "obtainConsent", "play", "present", "print", "read",
    "reproduce", "reviewPolicy", "stream", "synchronize", "textToSpeech", "transform", "translate", "uninstall",
    "watermark",
)  # fmt: skip
OF_USE_CC = (
    "Attribution", "CommercialUse", "DerivativeWorks", "Distribution", "Notice", "Reproduction", "ShareAlike",
    "Sharing", "SourceCode",
)  # fmt: skip
SAME = {
    "append": f"{ODRL}modify", "appendTo": f"{ODRL}modify", "write": f"{ODRL}modify", "writeTo": f"{ODRL}modify",
    "attachPolicy": f"{CC}Notice", "attachSource": f"{CC}SourceCode", "commercialize": f"{CC}CommercialUse",
    "copy": f"{ODRL}reproduce", "export": f"{ODRL}transform", "license": f"{ODRL}grantUse", "pay": f"{ODRL}compensate",
    "share": f"{CC}Sharing", "shareAlike": f"{CC}ShareAlike",
}  # fmt: skip
"""Deprecated actions and what they are called since (skos:exactMatch of the same vocabulary)."""

INCLUDED: dict[str, frozenset[str]] = {
    **{f"{ODRL}{name}": frozenset({f"{ODRL}use"}) for name in OF_USE},
    **{f"{CC}{name}": frozenset({f"{ODRL}use"}) for name in OF_USE_CC},
    **{f"{ODRL}{name}": frozenset({f"{ODRL}{wider}"}) for name, wider in BROADER.items()},
}
RENAMED = {f"{ODRL}{old}": new for old, new in SAME.items()}


@dataclass(frozen=True, order=True)
class Term:
    """A value of a graph. datatype: the IRI of a literal's type; "@" of a thing that is named, not written. unit: what
    an amount is counted in, "" where nothing is said of it."""

    text: str
    datatype: str = "@"
    unit: str = ""

    @property
    def literal(self) -> bool:
        return self.datatype != "@"


@dataclass(frozen=True)
class Atomic:
    """An ODRL Constraint; `right` has all right operands, the items of a list among them."""

    id: str
    left: str
    op: str
    right: tuple[Term, ...]


@dataclass(frozen=True)
class Joined:
    """An ODRL LogicalConstraint: how = and, or, xone, andSequence."""

    id: str
    how: str
    parts: tuple[Atomic | Joined, ...]


@dataclass(frozen=True)
class OdrlRule:
    """A rule, compact or not: an empty tuple means that anything will do, several that any of them will.

    Each of targets, assignees, actions: (IRI, its refinements). kind: Permission, Prohibition, Duty. duties: of a
    permission, their ids."""

    id: str
    kind: str
    targets: tuple[tuple[str, tuple[Atomic | Joined, ...]], ...] = ()
    assignees: tuple[tuple[str, tuple[Atomic | Joined, ...]], ...] = ()
    actions: tuple[tuple[str, tuple[Atomic | Joined, ...]], ...] = ()
    constraints: tuple[Atomic | Joined, ...] = ()
    duties: tuple[str, ...] = ()


@dataclass(frozen=True)
class OdrlPolicy:
    """conflict: perm, prohibit or invalid, as odrl:conflict has it."""

    id: str
    rules: tuple[OdrlRule, ...]
    conflict: str = "prohibit"


@dataclass(frozen=True)
class Asked:
    """One rule of a request. given: left operand -> the values the request states for it."""

    id: str
    targets: tuple[str, ...] = ()
    assignees: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    given: Mapping[str, tuple[Term, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class DutyState:
    """What the world's own report says of a duty: Performed, Unperformed or Unknown; Fulfilled, Violated or NonSet."""

    report: str
    performance: str = "Unknown"
    deontic: str = ""


@dataclass(frozen=True)
class World:
    """The state of the world. wholes: IRI -> what it is part of; kinds: IRI -> its types and wider concepts;
    collections: what is declared one, with the names it goes by; wider: action -> actions that include it."""

    now: Term
    given: Mapping[str, tuple[Term, ...]] = field(default_factory=dict)
    wholes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    kinds: Mapping[str, frozenset[str]] = field(default_factory=dict)
    collections: Mapping[str, frozenset[str]] = field(default_factory=dict)
    wider: Mapping[str, frozenset[str]] = field(default_factory=dict)
    duties: Mapping[str, DutyState] = field(default_factory=dict)


@dataclass(frozen=True)
class Premise:
    """kind: TargetReport, PartyReport, ActionReport, ConstraintReport. left: the values that were compared."""

    kind: str
    satisfied: bool
    constraint: Atomic | Joined | None = None
    left: tuple[Term, ...] = ()
    parts: tuple[Premise, ...] = ()


@dataclass(frozen=True)
class RuleReport:
    """active: may (permission), must not (prohibition), must (duty). conditions: the world's reports of its duties."""

    rule: OdrlRule
    asked: str
    premises: tuple[Premise, ...]
    active: bool
    conditions: tuple[DutyState, ...] = ()
    performance: str = ""
    deontic: str = ""


@dataclass(frozen=True)
class PolicyReport:
    policy: str
    request: str
    created: Term
    rules: tuple[RuleReport, ...]
    outcome: str
    """allowed, conditional (a duty of what permits is neither fulfilled nor violated), denied, default_denied."""


def report(policy: OdrlPolicy, request: str, asked: Sequence[Asked], world: World) -> PolicyReport:
    """Every rule of `policy` against every rule of the request; the outcome is the worst of those asked for. Where
    the world gives no time, it is the request's."""
    if not world.now.text:
        world = replace(world, now=next((now for one in asked for now in one.given.get(CLOCK, ())), world.now))
    made = [
        [_duty_report(rule, one, world) if rule.kind == "Duty" else _rule_report(rule, one, world) for one in asked]
        for rule in policy.rules
    ]
    outcomes = [_outcome(policy, [row[number] for row in made]) for number in range(len(asked))]
    worst = min(outcomes, key=OUTCOMES.index, default="default_denied")
    return PolicyReport(policy.id, request, world.now, tuple(one for row in made for one in row), worst)


OUTCOMES = ("denied", "default_denied", "conditional", "allowed")
"""The worst first."""


def _outcome(policy: OdrlPolicy, made: Sequence[RuleReport]) -> str:
    """Of one asked rule. A permission that names no action is told of in the report, and permits none."""
    may = [one for one in made if one.rule.kind == "Permission" and one.active and one.rule.actions]
    must_not = [one for one in made if one.rule.kind == "Prohibition" and one.active]
    if must_not and not (may and policy.conflict == "perm"):
        return "denied"
    if not may:
        return "default_denied"
    return "allowed" if any(not _open(one) for one in may) else "conditional"


def _open(report_: RuleReport) -> bool:
    known = [state for state in report_.conditions if state.deontic == "Fulfilled"]
    return len(known) < len(report_.rule.duties)


def _rule_report(rule: OdrlRule, asked: Asked, world: World) -> RuleReport:
    premises = tuple(_premises(rule, asked, world))
    conditions = tuple(_condition(world.duties[duty]) for duty in rule.duties if duty in world.duties)
    broken = any(state.deontic == "Violated" for state in conditions)
    return RuleReport(rule, asked.id, premises, all(one.satisfied for one in premises) and not broken, conditions)


def _condition(state: DutyState) -> DutyState:
    """A permission's duty has to be done before: whether it was performed says whether it is fulfilled, whatever the
    duty's own constraints, so that no doubt about them permits."""
    return state if state.deontic else replace(state, deontic=DEONTIC.get(("Active", state.performance), "NonSet"))


DEONTIC = {("Active", "Performed"): "Fulfilled", ("Active", "Unperformed"): "Violated"}
"""Of a duty; every other pair is NonSet (Compliance Report Model, table of deontic states)."""


def _duty_report(rule: OdrlRule, asked: Asked, world: World) -> RuleReport:
    """A duty is not asked for: who asks need not be its party, and its action is what is owed, no premise."""
    premises = tuple(_judged(one, asked, world) for one in rule.constraints)
    active = all(one.satisfied for one in premises)
    state = world.duties.get(rule.id, DutyState(""))
    deontic = state.deontic or DEONTIC.get(("Active" if active else "Inactive", state.performance), "NonSet")
    return RuleReport(rule, "", premises, active, (), state.performance, deontic)


def _premises(rule: OdrlRule, asked: Asked, world: World) -> Iterator[Premise]:
    enough = any if rule.kind == "Prohibition" else all
    for kind, wanted, given, fits in (
        ("TargetReport", rule.targets, asked.targets, _within),
        ("PartyReport", rule.assignees, asked.assignees, _within),
        ("ActionReport", rule.actions, asked.actions, _included),
    ):
        if wanted:
            met = [_met(wanted, one, asked, world, fits) for one in given]
            yield Premise(kind, bool(met) and enough(met))
    for constraint in rule.constraints:
        yield _judged(constraint, asked, world)


def _met(
    wanted: Sequence[tuple[str, tuple[Atomic | Joined, ...]]], one: str, asked: Asked, world: World,
    fits: Callable[[str, str, World], bool],
) -> bool:  # fmt: skip
    """Whether the thing asked for fits one of those wanted, with its refinements."""
    return any(
        fits(one, want, world) and all(_judged(r, asked, world).satisfied for r in refined) for want, refined in wanted
    )


def _within(one: str, wanted: str, world: World) -> bool:
    """The same, or a part of the collection (which also goes by its odrl:source)."""
    return one == wanted or not _closure(one, world.wholes).isdisjoint(world.collections.get(wanted, {wanted}))


def _included(one: str, wanted: str, world: World) -> bool:
    asked, rule = RENAMED.get(one, one), RENAMED.get(wanted, wanted)
    return asked == rule or rule in _closure(asked, INCLUDED, world.wider) or wanted in _closure(one, world.wider)


def _closure(start: str, *steps: Mapping[str, frozenset[str]]) -> set[str]:
    """What is reached from `start` by one step or more."""
    found: set[str] = set()
    todo = [start]
    while todo:
        here = todo.pop()
        for step in steps:
            new = step.get(here, frozenset()) - found
            found |= new
            todo += new
    return found


# --- constraints ---------------------------------------------------------------------------------------------------


def _judged(constraint: Atomic | Joined, asked: Asked, world: World) -> Premise:
    if isinstance(constraint, Joined):
        parts = tuple(_judged(part, asked, world) for part in constraint.parts)
        held = sum(part.satisfied for part in parts)
        met = {"or": held > 0, "xone": held == 1}.get(constraint.how, held == len(parts))
        return Premise("ConstraintReport", met, constraint, parts=parts)
    left = _left(constraint.left, asked, world)
    return Premise("ConstraintReport", _holds(constraint.op, left, constraint.right, world), constraint, left)


def _left(operand: str, asked: Asked, world: World) -> tuple[Term, ...]:
    if operand == CLOCK:
        return (world.now,)
    return asked.given.get(operand) or world.given.get(operand, ())


def _holds(op: str, left: Sequence[Term], right: Sequence[Term], world: World) -> bool:
    """Of values in different units nothing is known: 5 of one may be 5 of another, or not."""
    if left and len({one.unit for one in (*left, *right)}) > 1:
        return False
    if op == "isNoneOf":
        return not any(same(mine, one) for mine in left for one in right)
    if not left or not right:
        return False
    match op:
        case "eq":
            return all(any(same(mine, one) for one in right) for mine in left)
        case "neq":
            return not any(same(mine, one) for mine in left for one in right)
        case "isAnyOf":
            return any(same(mine, one) for mine in left for one in right)
        case "isAllOf":
            return all(any(same(mine, one) for mine in left) for one in right)
        case "isA":
            return all(any(one.text in _closure(mine.text, world.kinds) for one in right) for mine in left)
        case "isPartOf":
            return all(any(_part(mine, one, world) for one in right) for mine in left)
        case "hasPart":
            return all(any(_part(one, mine, world) for mine in left) for one in right)
        case "lt" | "lteq" | "gt" | "gteq":
            return len(left) == 1 and all(_ordered(op, left[0], one) for one in right)
    return False


def _part(part: Term, whole: Term, world: World) -> bool:
    return same(part, whole) or (not part.literal and whole.text in _closure(part.text, world.wholes))


def same(mine: Term, other: Term) -> bool:
    """Whether two terms mean the same."""
    if mine == other:
        return True
    one, two = _measured(mine), _measured(other)
    return one is not None and one == two


def _ordered(op: str, mine: Term, other: Term) -> bool:
    one, two = _measured(mine), _measured(other)
    found = order(one, two) if one is not None and two is not None else None
    if found is None:
        return False
    return {"lt": found < 0, "lteq": found <= 0, "gt": found > 0, "gteq": found >= 0}[op]


def _measured(term: Term) -> tuple[str, Any] | None:
    """The comparable form of a literal; None of a name and of what is not of its type."""
    try:
        return measured(term.text, term.datatype) if term.literal else None
    except ValueError:
        return None
