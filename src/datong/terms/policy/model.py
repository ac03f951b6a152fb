"""The values of a policy: constraints, how they are joined, rules, and the policy they make.

Must never know: how a policy is written, checked or decided. Contract: tests/terms/test_policy_*.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

KINDS = ("permissions", "prohibitions", "obligations")


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
class Logical:
    """Conditions joined as an ODRL LogicalConstraint: `how` is and, or, xone (exactly one) or andSequence (all, in
    their order; where all are judged at one moment, as here, the same as `and`)."""

    how: str
    parts: tuple[Condition, ...]


Condition: TypeAlias = Constraint | Logical


@dataclass(frozen=True)
class Rule:
    """An action under constraints, all of which must hold. `duties` are, in a permission, what must be done first
    (前置义务); in a prohibition, the remedy once it was violated (补救措施); in an obligation, the liability when it
    was not met (违约责任). target: the data product it is about, assignee: the party it binds; "" = whichever the
    policy is agreed for."""

    action: str
    constraints: tuple[Condition, ...] = ()
    duties: tuple[Rule, ...] = ()
    target: str = ""
    assignee: str = ""


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
        for kind in KINDS:
            for number, rule in enumerate(getattr(self, kind)):
                yield from _places(f"{kind}[{number}]", rule)


def _places(place: str, rule: Rule) -> Iterator[tuple[str, Rule]]:
    yield place, rule
    for number, duty in enumerate(rule.duties):
        yield from _places(f"{place}.duties[{number}]", duty)


def atoms(condition: Condition, place: str = "") -> Iterator[tuple[str, Constraint]]:
    """The single constraints of a condition with their places, e.g. ("….or[1]", constraint)."""
    if isinstance(condition, Constraint):
        yield place, condition
        return
    for number, part in enumerate(condition.parts):
        yield from atoms(part, f"{place}.{condition.how}[{number}]")
