"""What several constraints on one operand leave: whether anything, which values near, which interval.

Must never know: policies as a whole.
Contract: tests/terms/test_policy_conflicts.py, tests/terms/test_policy_decision.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from datong.terms.policy.model import Condition, Constraint
from datong.terms.policy.values import EACH, candidates, invented, measured, measured_all, measuring, relation
from datong.terms.policy.vocabulary import CONSTRAINTS, ORDERED, Family

Bounds = list[tuple[str, tuple[str, ...]]]
"""(operator, right operands) of the constraints on one operand."""
Way = Mapping[str, Bounds]
"""A way to satisfy conditions: operand -> what must hold of it."""
STEPS_MAX = 1024
WORK_MAX = 1_000_000
"""Comparisons for one operand: what would take more is not known."""


def ways(
    conditions: Sequence[Condition], begun: Way | None = None, stuck: list[str] | None = None
) -> Iterator[Way | None]:
    """The ways to satisfy all conditions (beside those of `begun`) that do not contradict themselves; of an `or` or
    `xone` one part at a time. A last None: more than STEPS_MAX would have to be tried, so there may be others.
    stuck: takes the operands on which ways fail."""
    open_: list[tuple[tuple[Condition, ...], Way]] = [
        (tuple(sorted(conditions, key=lambda one: not isinstance(one, Constraint))), begun or {})
    ]
    for _ in range(STEPS_MAX):
        if not open_:
            return
        pending, way = open_.pop()
        bounds, pending, touched = _settled(pending, way)
        failing = [left for left in touched if len(bounds[left]) > 1 and satisfiable(left, bounds[left]) is False]
        if failing:
            if stuck is not None:
                stuck += failing
        elif not pending:
            yield bounds
        else:
            first, rest = pending[0], pending[1:]
            assert not isinstance(first, Constraint)
            if first.how in ("or", "xone"):
                open_ += [((part, *rest), bounds) for part in reversed(first.parts)]
            else:
                open_.append(((*first.parts, *rest), bounds))
    if open_:
        yield None


def _settled(pending: tuple[Condition, ...], way: Way) -> tuple[dict[str, Bounds], tuple[Condition, ...], list[str]]:
    """(`way` with the single constraints at the head of `pending`, what is left of it, the operands newly bound)."""
    bounds = dict(way)
    touched: dict[str, None] = {}
    for number, condition in enumerate(pending):
        if not isinstance(condition, Constraint):
            return bounds, pending[number:], list(touched)
        before, one = bounds.get(condition.left, []), (condition.op, condition.values)
        if one not in before:
            bounds[condition.left] = [*before, one]
            touched[condition.left] = None
    return bounds, (), list(touched)


def satisfying(left: str, bounds: Bounds, given: Any) -> list[Any]:
    """Values of `left`, of those that the bounds name and those beside them, that satisfy all `bounds`, nearest to
    `given` first; may be empty."""
    by_unit = _by_unit(left, bounds)
    if len(by_unit) > 1:  # one value of each unit
        each = [satisfying(left, part, given)[:1] for part in by_unit.values()]
        return [[one for [one] in each]] if all(each) else []
    tests = [relation(left, op, right) for op, right in bounds]

    def fitting(values: Sequence[Any]) -> list[Any]:
        return [value for value in values if value not in ("", []) and all(test(value) for test in tests)]

    found = fitting(candidates(left, bounds, given))
    if not found and CONSTRAINTS[left].family is Family.instant:
        found = fitting(invented(left, bounds))
    return _by_nearness(left, found, given) if len(found) > 1 else found


def _by_unit(left: str, bounds: Bounds) -> dict[str, Bounds]:
    found: dict[str, Bounds] = {}
    if CONSTRAINTS[left].family in ORDERED:
        sizes = measured_all(measuring(left), (right[0] for _op, right in bounds))
        for bound, size in zip(bounds, sizes, strict=True):
            found.setdefault(size[0] if size else "", []).append(bound)
    return found


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


def some(left: str, bounds: Bounds, *, lone: bool = False) -> Any:
    """A value, or a list of them, that satisfies all `bounds`, an invented one where those named do not; None when none
    was found. lone: a request has one purpose, one region, one environment; lists are of names only."""
    if named := satisfying(left, bounds, None):
        return named[0]
    if CONSTRAINTS[left].family in ORDERED or _too_much(left, bounds):
        return None
    tests = [(op, relation(left, op, right)) for op, right in bounds]
    fitting = [one for one in invented(left, bounds) if all(test([one]) for op, test in tests if op in EACH)]
    # what is asked of a list beside that grows with it: when all that fits together does not satisfy, nothing does
    listed = [fitting] if fitting and not (lone and CONSTRAINTS[left].family is not Family.name) else []
    choices: list[Any] = [*fitting, *listed]
    return next((one for one in choices if all(test(one) for _, test in tests)), None)


def _too_much(left: str, bounds: Bounds) -> bool:
    listed = sum(len(right) for _op, right in bounds)
    return listed * listed * (24 if CONSTRAINTS[left].family is Family.region else 2) > WORK_MAX


def satisfiable(left: str, bounds: Bounds, *, lone: bool = False) -> bool | None:
    """Whether any value of `left` (or list; lone: see `some`) satisfies all `bounds`; None where that is not known."""
    if some(left, bounds, lone=lone) is not None:
        return True
    family = CONSTRAINTS[left].family
    named = {isinstance(net, str) for _op, right in bounds for net in measured_all(measuring(left), right)}
    unsure = family not in ORDERED and _too_much(left, bounds)
    # whether a domain name lies in a range of addresses is known to nobody here
    return None if unsure or (family is Family.network and len(named) > 1) else False


def overlap(left: str, bounds: Bounds) -> dict[str, Any]:
    """What `bounds` leave of `left`: of an ordered operand the tightest bound each way by its operator, as
    {"gteq": "3", "lt": "9"}, one of each unit; else {"values"} of those named ([] = all but the excluded ones)."""
    if CONSTRAINTS[left].family not in ORDERED:
        return {"values": sorted({v for v in satisfying(left, bounds, None) if isinstance(v, str)})}
    found: dict[str, str] = {}
    for part in _by_unit(left, bounds).values():
        for op, right in _tightest(left, part):
            found[op] = f"{found[op]}, {right[0]}" if op in found else right[0]
    return found


def _tightest(left: str, bounds: Bounds) -> Bounds:
    def size(bound: tuple[str, tuple[str, ...]]) -> Any:
        return measured(left, bound[1][0]), bound[0] in ("gt", "lteq")

    exact = [bound for bound in bounds if bound[0] == "eq"]
    lowest = [bound for bound in bounds if bound[0] in ("gt", "gteq")]
    highest = [bound for bound in bounds if bound[0] in ("lt", "lteq")]
    return exact[:1] or [*([max(lowest, key=size)] if lowest else []), *([min(highest, key=size)] if highest else [])]
