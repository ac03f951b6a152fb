"""What several constraints on one operand leave: whether anything, which values near, which interval.

Must never know: policies as a whole.
Contract: tests/terms/test_policy_conflicts.py, tests/terms/test_policy_decision.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice, product
from typing import Any

from datong.terms.policy.model import Condition, Constraint
from datong.terms.policy.values import candidates, holds, measured
from datong.terms.policy.vocabulary import CONSTRAINTS, ORDERED, Family

Bounds = list[tuple[str, tuple[str, ...]]]
"""(operator, right operands) of the constraints on one operand."""
ALTERNATIVES_MAX = 512
ANOTHER = {Family.name: "another", Family.network: "another.invalid", Family.region: "99"}
"""A value of an open family that no policy lists: it satisfies what is only excluded."""


def alternatives(conditions: Sequence[Condition]) -> Iterator[tuple[Constraint, ...]]:
    """The ways to satisfy all conditions, each as single constraints; of an `or` or `xone` one part at a time. The
    first ALTERNATIVES_MAX: what is decided never depends on them, only what is advised."""
    ways = (sum(choice, ()) for choice in product(*(list(_ways(condition)) for condition in conditions)))
    return islice(ways, ALTERNATIVES_MAX)


def _ways(condition: Condition) -> Iterator[tuple[Constraint, ...]]:
    if isinstance(condition, Constraint):
        yield (condition,)
    elif condition.how in ("or", "xone"):
        for part in condition.parts:
            yield from _ways(part)
    else:
        yield from alternatives(condition.parts)


def satisfying(left: str, bounds: Bounds, given: Any) -> list[Any]:
    """Values of `left` that satisfy all `bounds`, nearest to `given` first; may be empty."""
    found = [
        value
        for value in candidates(left, bounds, given)
        if value not in ("", []) and all(holds(left, op, right, value) for op, right in bounds)
    ]
    return _by_nearness(left, found, given) if len(found) > 1 else found


def _by_nearness(left: str, values: list[Any], given: Any) -> list[Any]:
    if CONSTRAINTS[left].family not in ORDERED or given is None:
        return values
    try:
        unit, asked = measured(left, str(given))
    except ValueError:
        return values
    sizes = [(measured(left, value), value) for value in values]
    near = sorted((one for one in sizes if one[0][0] == unit), key=lambda one: abs(one[0][1] - asked))
    return [value for _, value in near] or values


def satisfiable(left: str, bounds: Bounds) -> bool:
    """Whether any value of `left` satisfies all `bounds`."""
    another = ANOTHER.get(CONSTRAINTS[left].family)
    if another is not None and all(holds(left, op, right, another) for op, right in bounds):
        return True
    return bool(satisfying(left, bounds, None))


def overlap(left: str, bounds: Bounds) -> dict[str, Any]:
    """What `bounds` leave of `left`: of an ordered operand the tightest bound each way by its operator, as
    {"gteq": "3", "lt": "9"}; else {"values"} of those named ([] = all but the excluded ones)."""
    family = CONSTRAINTS[left].family
    if family not in ORDERED:
        return {"values": sorted({v for v in satisfying(left, bounds, None) if isinstance(v, str)})}

    def size(bound: tuple[str, tuple[str, ...]]) -> Any:
        return measured(left, bound[1][0]), bound[0] in ("gt", "eq")

    exact = [bound for bound in bounds if bound[0] == "eq"]
    lowest = [bound for bound in bounds if bound[0] in ("gt", "gteq")]
    highest = [bound for bound in bounds if bound[0] in ("lt", "lteq")]
    kept = exact[:1] or [*([max(lowest, key=size)] if lowest else []), *([min(highest, key=size)] if highest else [])]
    return {op: right[0] for op, right in kept}
