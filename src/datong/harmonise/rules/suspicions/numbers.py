"""Numbers, and what stands among them: two units, none, one that means "none", one alone.

Must never know: mappings. Contract: tests/harmonise/suspicions/test_suspicions.py.
"""

from __future__ import annotations

import math
import re
import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from collections.abc import Mapping as Map

from datong.ground.refusal import Text
from datong.harmonise.model.suspicions import Suspicion
from datong.harmonise.rules.headings import unread
from datong.harmonise.rules.suspicions.enough import LEAST
from datong.harmonise.rules.units import known

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")


def numbers_of(values: Iterable[str]) -> list[float]:
    return [float(value) for value in values if NUMBER.fullmatch(value)]


def constant(path: str, values: Sequence[str]) -> list[Suspicion]:
    if len(set(values)) > 1:
        return []
    told = Text(
        "看过的行中整列同一个值：可能未采集、被截断，或本不该作为列。",
        "one value in every row looked at: not collected, cut, or no column",
    )
    return [Suspicion("constant", (path,), {"values": len(values)}, told)]


_FACTORS = ((3.6, "km/h, m/s"), (10, "10"), (100, "cm, m; 分, 元"), (1000, "m, km; g, kg"), (10_000, "元, 万元"))


def mixed_units(path: str, values: Sequence[str]) -> list[Suspicion]:
    """Positive numbers in two groups with a gap between, whose middles differ by a factor that units differ by."""
    numbers = sorted(math.log10(number) for number in numbers_of(values) if number > 0)
    if len(numbers) < 0.9 * len(values) or len(set(numbers)) < LEAST // 2:
        return []
    few = max(len(numbers) // 20, 10)
    gaps = [(numbers[n + 1] - numbers[n], n + 1) for n in range(few, len(numbers) - few)]
    if not gaps:
        return []
    gap, cut = max(gaps)
    low, high = numbers[:cut], numbers[cut:]
    between = statistics.median(high) - statistics.median(low)
    for factor, example in _FACTORS:
        wide = math.log10(factor)
        spread = max(_spread(low), _spread(high))
        alike = min(_spread(low), _spread(high)) > 0.3 * spread
        if abs(between - wide) < 0.06 * max(wide, 1) and gap > 0.35 * wide and alike and spread < 0.5 * wide:
            share = len(high) / len(numbers)
            evidence = {
                "values": len(numbers), "factor": factor, "share_high": round(share, 4), "gap_log10": round(gap, 3),
                "median_ratio": round(10**between, 3),
            }  # fmt: skip
            told = Text(
                f"数值分为两群，中位数相差 {10**between:.3g} 倍，其间没有值："
                f"可能混用了相差 {factor:g} 倍的两种单位（{example}）。",
                f"the numbers fall into two groups with nothing between, a factor of {10**between:.3g} apart: "
                f"perhaps two units that differ by {factor:g} ({example})",
            )
            return [Suspicion("mixed_units", (path,), evidence, told)]
    return []


def _spread(logs: Sequence[float]) -> float:
    """From the 5th to the 95th of a hundred, of sorted values."""
    return logs[int(0.95 * (len(logs) - 1))] - logs[int(0.05 * (len(logs) - 1))]


_WITH_UNIT = re.compile(rf"(?:{NUMBER.pattern})\s*([^\W\d_][^\s\d]{{0,9}}[23]?|[℃℉])")


def unit_left_out(path: str, values: Sequence[str]) -> list[Suspicion]:
    """Numbers of which some carry a unit, and others none: what those are in nobody has said."""
    behind = Counter(form[3] for value in values if (form := _WITH_UNIT.fullmatch(value)) and known(form[3]))
    bare = len(numbers_of(values))
    if min(behind.total(), bare) < 5 or behind.total() + bare < 0.9 * len(values):
        return []
    unit, share = behind.most_common(1)[0][0], bare / len(values)
    told = Text(
        f"{share:.1%} 的数值没有写单位，而其余的写有（多为 {unit}）：没写的按元素的单位读取，"
        "请核对，并在映射中以 unit 写明。",
        f"{share:.1%} of the numbers carry no unit, where the others do (mostly {unit}): they are read in the "
        "element's; make sure, and say it in the mapping (`unit`)",
    )
    return [Suspicion("unit_left_out", (path,), {"values": len(values), "unit": unit, "share": round(share, 4)}, told)]


def unit_unread(path: str, wanted: str) -> list[Suspicion]:
    """A column whose name says a unit that is unknown, or of another kind than the element's: its numbers are taken as
    numbers of that. wanted: the element's unit, which the mapping does not repeat."""
    said = unread(path, wanted)
    if not said:
        return []
    told = Text(
        f"列名写的单位是 {said}，不能换算为元素的单位 {wanted}，数值按 {wanted} 读取：请核对；"
        f"无误则在映射中写 unit: {wanted}，否则先在数据源中换算。",
        f"its name says {said}, which does not become {wanted}, the element's unit; its numbers are read in that: "
        f"make sure, and say `unit: {wanted}` in the mapping where it is right; else turn them before",
    )
    return [Suspicion("unit_unread", (path,), {"unit": said, "element_unit": wanted}, told)]


_NO_NUMBER = re.compile(
    r"-1|-9|-99|-?9{3,9}|-?9{2,4}\.9{1,2}|9999[0-9]{2}|999017|32744|32766|32767|-32768|65535|-?214748364[78]"
)
"""As statistics write it, weather services (999990 a trace, 32766 no reading), and programs: their greatest number."""
_NO_DAY = re.compile(
    r"(1900-01-01|1899-12-30|1970-01-01|0001-01-01|9999-12-31|2099-12-31|1753-01-01)([ T]00:00(:00)?.*)?"
)


def sentinel(path: str, values: Sequence[str]) -> list[Suspicion]:
    """A number or day that is used for "none", seen several times and far from all others."""
    days = Counter(form[1] for value in values if (form := _NO_DAY.fullmatch(value)))
    for day, count in days.most_common(1):
        others = [value[:10] for value in values if value[:10] != day]
        outside = bool(others) and (day < min(others) or day > max(others))
        if count >= 5 and count < len(values) and outside:
            return [_sentinel(path, day, count, len(values))]
    written = [value for value in values if NUMBER.fullmatch(value)]
    if len(written) < 0.9 * len(values):
        return []
    numbers = {text: float(text) for text in written}
    seen = Counter(written)
    found: list[Suspicion] = []
    while text := _far(numbers, seen):  # one may hide behind another that is farther away
        found.append(_sentinel(path, text, seen[text], len(written)))
        del numbers[text]
    return found


def _far(numbers: Map[str, float], seen: Map[str, int]) -> str:
    """The text of a number that is used for "none", far from all others; "" where there is none. seen: how often."""
    several = [text for text in numbers if seen[text] >= 5 and _NO_NUMBER.fullmatch(re.sub(r"\.0+$", "", text))]
    for text in sorted(several, key=lambda one: -seen[one]):
        number = numbers[text]
        rest = {n for n in numbers.values() if n != number}
        if len(rest) < 10:
            continue
        low, high = min(rest), max(rest)
        away = number - high if number > high else low - number if number < low else 0.0
        if away >= (1 if number == -1 and low >= 0 else max(high - low, 1) * 0.5):
            return text
    return ""


def _sentinel(path: str, value: str, count: int, total: int) -> Suspicion:
    told = Text(
        f"{value} 出现 {count} 次（{count / total:.1%}），远离其余的值：多半表示“无”，请列入该列的 missing。",
        f"{value} is there {count} times ({count / total:.1%}), far from all others: probably it means "
        "none; name it in the column's `missing`",
    )
    return Suspicion("sentinel", (path,), {"value": value, "count": count, "share": round(count / total, 4)}, told)
