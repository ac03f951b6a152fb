"""Values of constraints: how the text of each family is read and compared.

Values are text (or lists of text) everywhere, because ODRL in DSP messages allows no bare numbers and a
signed policy must not depend on how a number is written. `measured` gives the comparable form. Comparing is
three-valued: what cannot be measured, has another unit, or is coarser than what is asked is unknown (None).
"""

from __future__ import annotations

import ipaddress
import operator
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from datong.ground.codes import PROVINCES
from datong.ground.refusal import Text
from datong.terms.policy.vocabulary import CONSTRAINTS, ORDERED, PURPOSES, Family

MULTIPLES = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}
CONTRACT_INSTANT = re.compile(r"[0-9]{14}")
PERIOD = re.compile(r"P(?:([0-9]+)W)?(?:([0-9]+)D)?(?:T(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+)S)?)?")
NUMBER = re.compile(r"[0-9]{1,16}")
RATE = re.compile(r"([0-9]{1,16})/(minute|hour|day)")
SIZE = re.compile(r"([0-9]{1,16})([KMGT]?)B?")
AMOUNT = re.compile(r"([0-9]{1,14})(?:\.([0-9]{2}))? ?([A-Z]{3})")
REGION = re.compile("[0-9]+")
REGION_SIZES = (2, 4, 6, 9, 12)
"""Digits of a region code: province, prefecture, county (GB/T 2260), township (GB/T 10114), village."""
HOST = re.compile(r"(?![0-9.-]*\.[0-9]+\Z)[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
"""A domain name, which does not end in a number: 10.0.0.256 is a slip of an address."""


class Mistaken(ValueError):
    """A value that cannot be measured; `text` says what it is instead of a value."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.text = Text(zh, en)


def instant(value: str) -> datetime:
    """An aware UTC instant of ISO 8601 text with offset, or of the contract dictionary's YYYYMMDDHHMMSS."""
    try:
        if CONTRACT_INSTANT.fullmatch(value):
            return datetime.strptime(value, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        parsed = datetime.fromisoformat(value)
    except ValueError:
        raise Mistaken("不是 ISO 8601 时间或 YYYYMMDDHHMMSS", "no ISO 8601 instant and no YYYYMMDDHHMMSS") from None
    if parsed.tzinfo is None:
        raise Mistaken("没有与 UTC 的时差", "without an offset from UTC")
    try:
        return parsed.astimezone(UTC)
    except OverflowError:
        raise Mistaken("换算为 UTC 后超出历法范围", "outside the calendar in UTC") from None


def period(value: str) -> timedelta:
    found = PERIOD.fullmatch(value)
    if found is None or not any(found.groups()):
        raise Mistaken("不是由周、日和时间构成的 ISO 8601 时长", "no ISO 8601 period of weeks, days and times")
    try:
        weeks, days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
        return timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    except (OverflowError, ValueError):
        raise Mistaken("时长超出一切历法", "a period beyond all calendars") from None


def _matched(pattern: re.Pattern[str], value: str, zh: str, en: str) -> re.Match[str]:
    found = pattern.fullmatch(value)
    if found is None:
        raise Mistaken(f"不是{zh}", f"not of the form {en}")
    return found


def _rate(value: str) -> tuple[str, int]:
    found = _matched(RATE, value, " 60/hour 这样的频次", "60/hour")
    return found[2], int(found[1])


def _size(value: str) -> tuple[str, int]:
    found = _matched(SIZE, value, " 10G 这样的数据量", "10G")
    return "", int(found[1]) * MULTIPLES[found[2]]


def _amount(value: str) -> tuple[str, int]:
    found = _matched(AMOUNT, value, " 100.00 CNY 这样的金额", "100.00 CNY")
    return found[3], int(found[1]) * 100 + int(found[2] or 0)


def _network(value: str) -> tuple[int, int, int] | str:
    """(version, first, last address) of an address or range, a domain name in lower case."""
    try:
        net = ipaddress.ip_network(value, strict=False)
    except ValueError:
        return _matched(HOST, value, "域名、地址或网段", "a domain name, address or range")[0].lower()
    first, last = int(net.network_address), int(net.broadcast_address)
    if net.version == 6 and first >> 32 == last >> 32 == 0xFFFF:  # ::ffff:10.1.2.3 is 10.1.2.3
        return 4, first & 0xFFFFFFFF, last & 0xFFFFFFFF
    return net.version, first, last


def _region(value: str) -> str:
    """A code without the noughts that only fill it up: 520100 is the prefecture 5201, 520000 the province 52."""
    code = _matched(REGION, value, "区划代码的数字", "digits of a region code")[0]
    if len(code) not in REGION_SIZES:
        raise Mistaken("不是 2、4、6、9 或 12 位区划代码", "no region code of 2, 4, 6, 9 or 12 digits")
    if code[:2] not in PROVINCES:  # 100000 for the whole country, a slip: no region lies in it, so nothing is forbidden
        raise Mistaken("前两位不是省级区划（GB/T 2260）", "a region code of no province (GB/T 2260)")
    for size in reversed(REGION_SIZES[:-1]):
        if len(code) > size and not code[size:].strip("0"):
            code = code[:size]
    return code


def _purpose(value: str) -> str:
    if value not in PURPOSES:
        known = "、".join(f"{text.zh} {name}" for name, text in PURPOSES.items())
        raise Mistaken(f"不是已知的使用目的；已知：{known}", f"none of the known purposes: {', '.join(PURPOSES)}")
    return value


def _text(value: str) -> str:
    if not value:
        raise Mistaken("空值", "empty")
    return value


Measure = Callable[[str], Any]
MEASURES: dict[Family, Measure] = {
    Family.instant: lambda value: ("", instant(value)),
    Family.period: lambda value: ("", period(value)),
    Family.number: lambda value: ("", int(_matched(NUMBER, value, "整数", "a whole number")[0])),
    Family.rate: _rate,
    Family.size: _size,
    Family.amount: _amount,
    Family.region: _region,
    Family.network: _network,
    Family.purpose: _purpose,
    Family.name: _text,
}


def measuring(left: str) -> Measure:
    """What gives the comparable form of a value of `left`; a Mistaken says what is wrong with it.

    Ordered families give (unit, magnitude): only equal units compare.
    """
    operand = CONSTRAINTS[left]
    if not operand.codes:
        return MEASURES[operand.family]
    codes = {code for code, *_ in operand.codes}

    def coded(value: str) -> str:
        if value not in codes:
            known = "、".join(f"{code} {zh}" for code, zh, _ in operand.codes)
            raise Mistaken(f"不是已知的代码；已知：{known}", "none of the codes " + ", ".join(sorted(codes)))
        return value

    return coded


def measured(left: str, value: str) -> Any:
    """The comparable form of one value; see `measuring`."""
    return measuring(left)(value)


def mistake(left: str, value: str) -> Text | None:
    """What is wrong with `value` as a value of `left`."""
    try:
        measured(left, value)
    except Mistaken as wrong:
        if any(sign.isdecimal() and not sign.isascii() for sign in value):
            return Text("含有 0-9 以外的数字，请改用半角数字", "written with digits other than 0-9")
        return wrong.text
    return None


Relation = Callable[[Any], bool | None]


def holds(left: str, op: str, right: tuple[str, ...], given: Any) -> bool | None:
    """Whether the given value (text, number or a list of text) stands in the relation `op` to `right`; None when that
    is not known."""
    return relation(left, op, right)(given)


@lru_cache(maxsize=4096)
def relation(left: str, op: str, right: tuple[str, ...]) -> Relation:
    """`holds` with all but the given value settled, the right operands measured once. An `op` that begins with "not "
    is the opposite of the operator it names."""
    if op.startswith("not "):
        opposite = relation(left, op.removeprefix("not "), right)
        return lambda given: _not(opposite(given))
    family = CONSTRAINTS[left].family
    if family in ORDERED:
        return _comparing(left, op, right[0])
    return _matching(left, op, right) if family in EXACT else _relating(left, op, right)


def _unknown(_given: Any) -> None:
    return None


ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq, "neq": operator.ne, "gt": operator.gt, "gteq": operator.ge, "lt": operator.lt,
    "lteq": operator.le,
}  # fmt: skip
LISTS = (list, tuple, set, frozenset)


def _comparing(left: str, op: str, right: str) -> Relation:
    """Another unit compares with nothing, by `neq` neither: that 0.00 USD is another sum than 0.00 CNY is not known. Of
    a list the one value of the unit counts ("60/hour" and "5/minute" of one request)."""
    compare, measure = ORDER.get(op), measuring(left)
    [bound] = measured_all(measure, [right])
    if compare is None or bound is None:
        return _unknown
    unit, size = bound

    def compares(given: Any) -> bool | None:
        if isinstance(given, LISTS):
            found = measured_all(measure, map(str, given))
            mine = [one for one in found if one is None or one[0] == unit]
            return compare(mine[0][1], size) if len(mine) == 1 and mine[0] is not None else None
        try:
            my_unit, my_size = measure(given if isinstance(given, str) else str(given))
        except ValueError:
            return None
        return compare(my_size, size) if my_unit == unit else None

    return compares


EXACT = frozenset({Family.name, Family.code, Family.purpose})
"""Families of which a value lies in nothing but itself: what is asked of them is asked of sets."""
_EXACTLY: dict[str, Callable[[set[str], frozenset[str]], bool]] = {
    "eq": operator.eq, "neq": operator.ne, "isA": operator.le, "isPartOf": operator.le, "isAllOf": operator.ge,
    "hasPart": operator.ge, "isAnyOf": lambda given, wanted: not wanted.isdisjoint(given),
    "isNoneOf": lambda given, wanted: wanted.isdisjoint(given),
}  # fmt: skip


def _matching(left: str, op: str, right: Sequence[str]) -> Relation:
    """Sets of what is known compare as they stand; a purpose or code that is not in its table goes the long way."""
    match, wanted, general, table = _EXACTLY.get(op), frozenset(right), _relating(left, op, right), _table(left)
    if match is None or (table and not wanted <= table):
        return general

    def matches(given: Any) -> bool | None:
        values = {given} if isinstance(given, str) else set(map(str, given if isinstance(given, LISTS) else (given,)))
        known = values <= table if table else "" not in values
        return match(values, wanted) if known and values else general(given)

    return matches


def _table(left: str) -> frozenset[str]:
    """All values of a code or a purpose; empty for what may be any text."""
    operand = CONSTRAINTS[left]
    return frozenset(PURPOSES) if operand.family is Family.purpose else frozenset(code for code, *_ in operand.codes)


def _relating(left: str, op: str, right: Sequence[str]) -> Relation:
    relate, measure = _SETS.get(op), measuring(left)
    within = WITHIN.get(CONSTRAINTS[left].family, operator.eq)
    wholes = measured_all(measure, right)
    if relate is None:
        return _unknown

    def relates(given: Any) -> bool | None:
        values = [str(one) for one in given] if isinstance(given, LISTS) else [str(given)]
        return relate(_knowing(within), measured_all(measure, values), wholes) if values else None

    return relates


def measured_all(measure: Measure, values: Iterable[str]) -> list[Any]:
    """The comparable forms, None in the place of what has none."""
    found: list[Any] = []
    for value in values:
        try:
            found.append(measure(value))
        except ValueError:
            found.append(None)
    return found


def _not(one: bool | None) -> bool | None:
    return None if one is None else not one


def _any(found: Iterable[bool | None]) -> bool | None:
    unknown = False
    for one in found:
        if one:
            return True
        unknown = unknown or one is None
    return None if unknown else False


def _every(found: Iterable[bool | None]) -> bool | None:
    return _not(_any(_not(one) for one in found))


Within = Callable[[Any, Any], bool | None]
"""Whether one measured value lies in another."""


def _net_within(inner: Any, outer: Any) -> bool | None:
    """Not known of an address and a domain name, which may be the name of that address."""
    if isinstance(inner, str) or isinstance(outer, str):
        return inner == outer if isinstance(inner, str) and isinstance(outer, str) else None
    return bool(inner[0] == outer[0] and inner[1] >= outer[1] and inner[2] <= outer[2])


WITHIN: dict[Family, Within] = {Family.region: str.startswith, Family.network: _net_within}


def _knowing(within: Within) -> Within:
    """`within`, None of what could not be measured."""
    return lambda inner, outer: None if inner is None or outer is None else within(inner, outer)


def _inside(within: Within, given: Any, wanted: Any) -> bool | None:
    """Whether what is given lies in what is wanted; not known when it is coarser: 5201 may be 520102."""
    found = within(given, wanted)
    return None if found is False and within(wanted, given) else found


def _same(within: Within, given: Any, wanted: Any) -> bool | None:
    return _inside(within, given, wanted) and given == wanted


def _all_inside(within: Within, given: list[Any], wholes: list[Any]) -> bool | None:
    return _every(_any(_inside(within, one, whole) for whole in wholes) for one in given)


def _any_inside(within: Within, given: list[Any], wholes: list[Any]) -> bool | None:
    return _any(_inside(within, one, whole) for one in given for whole in wholes)


def _equal(within: Within, given: list[Any], wanted: list[Any]) -> bool | None:
    return _every(
        [
            *(_any(_same(within, one, two) for two in wanted) for one in given),
            *(_any(_same(within, one, two) for one in given) for two in wanted),
        ]
    )


_SETS: dict[str, Callable[[Within, list[Any], list[Any]], bool | None]] = {
    "eq": _equal,
    "neq": lambda within, given, wanted: _not(_equal(within, given, wanted)),
    "isA": _all_inside,
    "isPartOf": _all_inside,
    "isAnyOf": _any_inside,
    "isNoneOf": lambda within, given, wholes: _not(_any_inside(within, given, wholes)),
    "isAllOf": lambda within, given, wholes: _every(_any(_inside(within, g, w) for g in given) for w in wholes),
    "hasPart": lambda within, given, parts: _every(_any(within(part, one) for one in given) for part in parts),
}

EACH = frozenset({"isA", "isPartOf", "isNoneOf", "eq", "not isAnyOf", "not neq"})
"""What holds of a list when it holds of each of its values."""


def candidates(left: str, constraints: Sequence[tuple[str, tuple[str, ...]]], given: Any) -> list[Any]:
    """Values near the bounds of `constraints` ((op, right) pairs), nearest to `given` first: of an ordered operand
    enough to find one that satisfies them all when there is one, of another those that the constraints name."""
    family = CONSTRAINTS[left].family
    listed = [value for _op, right in constraints for value in right]
    if family in ORDERED:
        near = [value for one in listed for value in (one, _moved(left, one, -1), _moved(left, one, 1)) if value]
        return [str(given)] * (given is not None and not isinstance(given, LISTS)) + near
    barred = {value for op, right in constraints if op in BARRING for value in right}
    wanted = [value for value in dict.fromkeys(listed) if value not in barred]
    kept = list(given) if isinstance(given, list | tuple) else []
    tests = [relation(left, op, right) for op, right in constraints]
    narrowed = [[one for one in kept if all(test([one]) for test in tests)]]
    known = [code for code, *_ in CONSTRAINTS[left].codes] or (list(PURPOSES) if family is Family.purpose else [])
    # one request has one purpose, region, environment
    together = [wanted, *(list(right) for _op, right in constraints)] if family is Family.name else []
    return [
        *(choice for choice in narrowed if choice),
        *wanted,
        *together,
        *(one for one in known if one not in barred),
    ]


BARRING = frozenset({"isNoneOf", "neq", "not isAnyOf", "not eq", "not isPartOf", "not isA"})


def invented(left: str, constraints: Sequence[tuple[str, tuple[str, ...]]]) -> list[str]:
    """Values beside those that the constraints name, one for each way in which a value can stand to all of them."""
    listed = list(dict.fromkeys(value for _op, right in constraints for value in right))
    match CONSTRAINTS[left].family:
        case Family.instant:
            return [value for one in listed for step in (-1, 1) if (value := _moved(left, one, step, finest=True))]
        case Family.name:
            another = "another"
            while another in listed:
                another += "-"
            return [*listed, another]
        case Family.region:
            stems = {code[:size] for code in listed for size in REGION_SIZES if size <= len(code)}
            pairs = sorted(PROVINCES, reverse=True)
            below = (_region_below(stem, stems) for stem in stems if len(stem) < REGION_SIZES[-1])
            return [*sorted(stems), *sorted(filter(None, below)), *[pair for pair in pairs if pair not in stems][:1]]
        case Family.network:
            return [*listed, "another.invalid", *_hosts(listed)]
        case _:
            return sorted(_table(left))


def _region_below(stem: str, stems: Collection[str]) -> str:
    """A region within `stem` that none of `stems` is or lies in; "" when there is none."""
    digits = REGION_SIZES[REGION_SIZES.index(len(stem)) + 1] - len(stem)
    named = (f"{stem}{number:0{digits}}" for number in range(10**digits - 1, 0, -1))
    return next((code for code in named if code not in stems), "")


def _hosts(listed: Sequence[str]) -> list[str]:
    """The addresses at the edges of networks, in and out, and the range that holds all of them."""
    nets = [net for net in measured_all(_network, listed) if isinstance(net, tuple)]
    edges = {(4, 0), (6, 0), *((version, one) for version, first, last in nets for one in (first, last + 1))}
    bits = {4: 32, 6: 128}
    make = {4: ipaddress.IPv4Address, 6: ipaddress.IPv6Address}
    addresses = [str(make[version](one)) for version, one in sorted(edges) if one < 1 << bits[version]]
    return [*addresses, *(_range(make[v], bits[v], of) for v in bits if (of := [net for net in nets if net[0] == v]))]


def _range(make: Callable[[int], object], bits: int, nets: Sequence[tuple[int, int, int]]) -> str:
    first, last = min(first for _, first, _ in nets), max(last for _, _, last in nets)
    open_ = (first ^ last).bit_length()
    return f"{make(first >> open_ << open_)}/{bits - open_}"


def _moved(left: str, value: str, step: int, *, finest: bool = False) -> str:
    """`value` one unit lower or higher, in the text form of its family; "" when there is none. Of an instant the unit
    is a second, the finest a microsecond."""
    family = CONSTRAINTS[left].family
    try:
        unit, size = measured(left, value)
        if family is Family.instant:
            moved: datetime = size + (timedelta(microseconds=step) if finest else timedelta(seconds=step))
            return moved.isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError):  # no value, or the first or last moment of the calendar
        return ""
    if family is Family.period:
        seconds = int(size.total_seconds()) + step
        return f"PT{seconds}S" if seconds >= 0 else ""
    if size + step < 0:
        return ""
    if family is Family.rate:
        return f"{size + step}/{unit}"
    if family is Family.amount:
        return f"{(size + step) // 100}.{(size + step) % 100:02d} {unit}"
    if family is Family.size:  # in bytes, or in the smallest unit that can still be written
        for letter, bytes_each in MULTIPLES.items():
            if size // bytes_each < 10**16 - 1:
                return f"{(size // bytes_each + 1) if step > 0 else (size - 1) // bytes_each}{letter}"
        return ""
    return str(size + step)
