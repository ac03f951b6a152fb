"""Values of constraints: how the text of each family is read and compared.

Values are text (or lists of text) everywhere, because ODRL in DSP messages allows no bare numbers and a
signed policy must not depend on how a number is written. `measured` gives the comparable form.
"""

from __future__ import annotations

import ipaddress
import operator
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from datong.terms.policy.vocabulary import CONSTRAINTS, ORDERED, PURPOSES, Family

MULTIPLES = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}
CONTRACT_INSTANT = re.compile(r"\d{14}")
PERIOD = re.compile(r"P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")


def instant(value: str) -> datetime:
    """An aware UTC instant of ISO 8601 text with offset, or of the contract dictionary's YYYYMMDDHHMMSS."""
    if CONTRACT_INSTANT.fullmatch(value):
        return datetime.strptime(value, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    parsed = datetime.fromisoformat(value)
    if parsed.tzinfo is None:
        raise ValueError("no offset from UTC")
    try:
        return parsed.astimezone(UTC)
    except OverflowError as broken:
        raise ValueError("outside the calendar in UTC") from broken


def period(value: str) -> timedelta:
    found = PERIOD.fullmatch(value)
    if found is None or not any(found.groups()):
        raise ValueError("no ISO 8601 period of weeks, days and times")
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    try:
        return timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    except OverflowError as broken:
        raise ValueError("a period beyond all calendars") from broken


def _matched(pattern: str, value: str, form: str) -> re.Match[str]:
    found = re.fullmatch(pattern, value)
    if found is None:
        raise ValueError(f"not of the form {form}")
    return found


def measured(family: Family, value: str) -> Any:
    """The comparable form of a value; a ValueError says what is wrong with it.

    Ordered families give (unit, magnitude): only equal units compare.
    """
    match family:
        case Family.instant:
            return "", instant(value)
        case Family.period:
            return "", period(value)
        case Family.number:
            return "", int(_matched(r"\d{1,16}", value, "a whole number")[0])
        case Family.rate:
            found = _matched(r"(\d{1,16})/(minute|hour|day)", value, "60/hour")
            return found[2], int(found[1])
        case Family.size:
            found = _matched(r"(\d{1,16})([KMGT]?)B?", value, "10G")
            return "", int(found[1]) * MULTIPLES[found[2]]
        case Family.amount:
            found = _matched(r"(\d{1,14})(?:\.(\d{2}))? ?([A-Z]{3})", value, "100.00 CNY")
            return found[3], int(found[1]) * 100 + int(found[2] or 0)
        case Family.region:
            return _matched(r"\d{2,12}", value, "digits of a region code")[0]
        case Family.network:
            return _network(value)
        case Family.purpose:
            if value not in PURPOSES:
                raise ValueError(f"none of the known purposes: {', '.join(PURPOSES)}")
            return value
        case _:
            if not value:
                raise ValueError("empty")
            return value


def _network(value: str) -> Any:
    try:
        return ipaddress.ip_network(value, strict=False)
    except ValueError:
        return _matched(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?", value, "a domain name, address or range")[
            0
        ].lower()


def mistake(left: str, value: str) -> str:
    """What is wrong with `value` as a value of `left`, or ""."""
    operand = CONSTRAINTS[left]
    if operand.family is Family.code and value not in {code for code, *_ in operand.codes}:
        return "none of the codes " + ", ".join(code for code, *_ in operand.codes)
    try:
        measured(operand.family, value)
    except ValueError as wrong:
        return str(wrong)
    return ""


Relation = Callable[[Any], bool]


def holds(left: str, op: str, right: Sequence[str], given: Any) -> bool:
    """Whether the given value (text, number or a list of text) stands in the relation `op` to `right`."""
    return relation(left, op, right)(given)


def relation(left: str, op: str, right: Sequence[str]) -> Relation:
    """`holds` with all but the given value settled, the right operands measured once."""
    family = CONSTRAINTS[left].family
    if family in ORDERED:
        return _comparing(family, op, right[0])
    return _matching(op, frozenset(right)) if family in EXACT else _relating(family, op, right)


ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq, "neq": operator.ne, "gt": operator.gt, "gteq": operator.ge, "lt": operator.lt,
    "lteq": operator.le,
}  # fmt: skip
LISTS = (list, tuple, set, frozenset)


def _comparing(family: Family, op: str, right: str) -> Relation:
    compare = ORDER.get(op)
    try:
        unit, bound = measured(family, right)
    except ValueError:
        return lambda _given: False

    def compares(given: Any) -> bool:
        if isinstance(given, LISTS):
            return op == "isNoneOf" if not given else len(given) == 1 and compares(next(iter(given)))
        try:
            my_unit, mine = measured(family, given if isinstance(given, str) else str(given))
        except ValueError:
            return False
        if my_unit != unit:
            return op == "neq"
        return compare is not None and compare(mine, bound)

    return compares


EXACT = frozenset({Family.name, Family.code, Family.purpose})
"""Families of which a value lies in nothing but itself: what is asked of them is asked of sets."""
_EXACTLY: dict[str, Callable[[set[str], frozenset[str]], bool]] = {
    "eq": operator.eq, "neq": operator.ne, "isA": operator.le, "isPartOf": operator.le, "isAllOf": operator.ge,
    "hasPart": operator.ge, "isAnyOf": lambda given, wanted: not wanted.isdisjoint(given),
    "isNoneOf": lambda given, wanted: wanted.isdisjoint(given),
}  # fmt: skip


def _matching(op: str, wanted: frozenset[str]) -> Relation:
    match = _EXACTLY.get(op)

    def matches(given: Any) -> bool:
        values = {given} if isinstance(given, str) else set(map(str, given if isinstance(given, LISTS) else (given,)))
        if not values:
            return op == "isNoneOf"
        return match is not None and match(values, wanted)

    return matches


def _relating(family: Family, op: str, right: Sequence[str]) -> Relation:
    relate = _SETS.get(op)
    wholes = _measured_all(family, right)
    wanted = frozenset(right)

    def relates(given: Any) -> bool:
        values = [str(one) for one in given] if isinstance(given, LISTS) else [str(given)]
        if not values:
            return op == "isNoneOf"
        if op in ("eq", "neq"):
            return (set(values) == wanted) is (op == "eq")
        return relate is not None and relate(family, _measured_all(family, values), wholes)

    return relates


def _measured_all(family: Family, values: Iterable[str]) -> list[Any]:
    """The comparable forms, None in the place of what has none: it lies in nothing and nothing in it."""
    found: list[Any] = []
    for value in values:
        try:
            found.append(measured(family, value))
        except ValueError:
            found.append(None)
    return found


def _inside(family: Family, inner: Any, outer: Any) -> bool:
    if inner is None or outer is None:
        return False
    if family is Family.region:
        return bool(inner.startswith(outer))
    if family is Family.network and not isinstance(inner, str) and not isinstance(outer, str):
        return inner.version == outer.version and bool(inner.subnet_of(outer))
    return bool(inner == outer)


def _all_inside(family: Family, given: list[Any], wholes: list[Any]) -> bool:
    return all(any(_inside(family, one, whole) for whole in wholes) for one in given)


def _any_inside(family: Family, given: list[Any], wholes: list[Any]) -> bool:
    return any(_inside(family, one, whole) for one in given for whole in wholes)


_SETS: dict[str, Callable[[Family, list[Any], list[Any]], bool]] = {
    "isA": _all_inside,
    "isPartOf": _all_inside,
    "isAnyOf": _any_inside,
    "isNoneOf": lambda family, given, wholes: not _any_inside(family, given, wholes),
    "isAllOf": lambda family, given, wholes: all(any(_inside(family, one, whole) for one in given) for whole in wholes),
    "hasPart": lambda family, given, parts: _all_inside(family, parts, given),
}


def candidates(left: str, constraints: Sequence[tuple[str, Sequence[str]]], given: Any) -> list[Any]:
    """Values near the bounds of `constraints` ((op, right) pairs), nearest to `given` first: enough to find one
    that satisfies them all when there is one."""
    family = CONSTRAINTS[left].family
    listed = [value for _op, right in constraints for value in right]
    if family in ORDERED:
        near = [value for one in listed for value in (one, _moved(family, one, -1), _moved(family, one, 1)) if value]
        return [str(given)] * (given is not None) + near
    barred = {value for op, right in constraints if op in ("isNoneOf", "neq") for value in right}
    wanted = [value for value in dict.fromkeys(listed) if value not in barred]
    kept = list(given) if isinstance(given, list | tuple) else []
    narrowed = [[one for one in kept if all(holds(left, op, right, [one]) for op, right in constraints)]]
    known = [code for code, *_ in CONSTRAINTS[left].codes] or (list(PURPOSES) if family is Family.purpose else [])
    together = [wanted] if family is Family.name else []  # one request has one purpose, region, environment
    return [
        *(choice for choice in narrowed if choice),
        *wanted,
        *together,
        *(one for one in known if one not in barred),
    ]


def _moved(family: Family, value: str, step: int) -> str:
    """`value` one unit lower or higher, in the text form of its family; "" when there is none."""
    try:
        unit, size = measured(family, value)
    except ValueError:
        return ""
    if family is Family.instant:
        moved: datetime = size + timedelta(seconds=step)
        return moved.isoformat().replace("+00:00", "Z")
    if family is Family.period:
        seconds = int(size.total_seconds()) + step
        return f"PT{seconds}S" if seconds >= 0 else ""
    if size + step < 0:
        return ""
    if family is Family.rate:
        return f"{size + step}/{unit}"
    if family is Family.amount:
        return f"{(size + step) // 100}.{(size + step) % 100:02d} {unit}"
    return str(size + step)
