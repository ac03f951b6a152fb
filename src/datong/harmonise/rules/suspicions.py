"""What a look at a sample makes one suspect: traps that are no errors of a value, found by figures over a column.

Each detector takes columns of text and gives suspicions with their evidence. A suspicion is told, never acted upon, and
refuses nothing. Thresholds were set on real tables; tests/harmonise/suspicions/judged.yaml holds every suspicion they
raise there, each judged by hand. Must never know: files, engines. Contract: tests/harmonise/suspicions.
"""

from __future__ import annotations

import math
import re
import statistics
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from collections.abc import Mapping as Map
from datetime import date
from itertools import combinations

from datong.ground.refusal import Text
from datong.harmonise.model.reading import SampleColumn, label_at
from datong.harmonise.model.suspicions import Suspicion
from datong.harmonise.rules.found import nearest
from datong.harmonise.rules.units import known

Point = tuple[float, float]
LEAST = 100
"""Values a column must have before its figures say anything."""
FEW = 20
"""Enough where some codes show the zeros that others have lost."""
MOST = 5000
"""Values of a column that are looked at, evenly spread."""


def suspected(
    columns: Sequence[SampleColumn], declared: Map[str, str] | None = None, numbers: Collection[str] = ()
) -> tuple[Suspicion, ...]:
    """Everything suspicious in a sample. declared: column -> "offset" or the zone its times are declared to be in.
    numbers: columns that are declared to be numbers, and so no codes, but where they are called a postcode."""
    found: list[Suspicion] = []
    known = declared or {}
    for column in columns:
        values = [value.strip() for value in column.values if value is not None and value.strip()]
        values = values[:: max(1, math.ceil(len(values) / MOST))]
        is_code = column.path not in numbers or _POSTCODE.search(column.path) is not None
        if is_code and len(values) >= (FEW if any(value.startswith("0") for value in values) else LEAST):
            found += leading_zeros(column.path, values)
        if column.path in numbers:
            found += unit_left_out(column.path, values)
        if len(values) < LEAST:
            continue
        if known.get(column.path) != "offset":
            found += not_local_time(column.path, values, known.get(column.path, ""))
        for detector in (constant, hidden_sex, mixed_units, sentinel, rounded, exponent, mojibake):
            found += detector(column.path, values)
    return (*found, *swapped(columns), *sums(columns), *totals(columns), *named_once(columns), *renamed(columns))


def no_list(unnest: str, columns: Sequence[SampleColumn]) -> list[Suspicion]:
    """Of a source whose records have a list at the path `unnest`: no row has a value there. The list is called
    otherwise, and its records stayed whole, or every list is empty."""
    names = unnest.split(".")
    if any(column.path.split(".")[: len(names)] == names for column in columns):
        return []
    lists = [column.path for column in columns if any(value and value.startswith("[") for value in column.values)]
    near = nearest(unnest, [column.path for column in columns])
    here = list(dict.fromkeys((*lists, *near)))[:5]
    rows = max((len(column.values) for column in columns), default=0)
    zh = f"看过的 {rows} 行中，unnest 所指的 {unnest} 没有任何值：或路径写错，一条记录仍是一行；或列表全空。"
    zh += f"相近的或含列表的列：{'、'.join(here) or '无'}"
    en = f"in {rows} rows there is nothing at {unnest}, which `unnest` names: either it is called otherwise, and each "
    en += f"record stayed one row, or every list is empty. Columns with lists, or named alike: {', '.join(here) or '-'}"
    return [Suspicion("no_list", (unnest,), {"rows": rows}, Text(zh, en))]


# --- times -------------------------------------------------------------------------------------------------------

_TIME = re.compile(r"\d{4}[-/]\d{1,2}[-/]\d{1,2}[ T](\d{1,2}):(\d{2})(?::(\d{2}))?")
_RHYTHM = 500
_QUIET_HOURS = 5
_QUIETEST = 0.45
"""Of what an even day would have in them: above that the day has no night."""
_NIGHT = (0.5, 6.5)
"""Where the middle of the quiet hours of people lies, in local time."""


def not_local_time(path: str, values: Sequence[str], zone: str) -> list[Suspicion]:
    """The day's curve: people are quiet at night. Where the quietest hours, as written, lie at another time of the day,
    the times are not local; the shift that would put them in the night is offered."""
    hours = Counter(int(form[1]) % 24 for value in values if (form := _TIME.match(value)))
    total = hours.total()
    if total < max(_RHYTHM, 0.9 * len(values)) or len(hours) < 12:
        return []
    quiet = [sum(hours[(first + n) % 24] for n in range(_QUIET_HOURS)) for first in range(24)]
    least = min(quiet)
    if least > _QUIETEST * total * _QUIET_HOURS / 24:
        return []
    firsts = [first for first, count in enumerate(quiet) if count <= least + total * 0.01]
    middle = _circular_mean([first + (_QUIET_HOURS - 1) / 2 for first in firsts])
    if _NIGHT[0] <= middle <= _NIGHT[1]:
        return []
    shift = round(3.5 - middle)
    shift = shift + 24 if shift < -12 else shift
    busiest = max(hours, key=lambda hour: hours[hour])
    first, last = round(middle - 2) % 24, round(middle + 2) % 24
    evidence = {
        "times": total,
        "quiet_from_hour": first,
        "quiet_to_hour": last,
        "share_in_quiet_hours": round(least / total, 4),
        "share_if_even": round(_QUIET_HOURS / 24, 4),
        "busiest_hour": busiest,
        "shift_hours_to_night": shift,
    }
    as_zone = f"（声明为 {zone}）" if zone else ""
    zh = (
        f"按所写时刻{as_zone}，最安静的时段为 {first}—{last} 时（仅占 {least / total:.1%}），最繁忙为 {busiest} 时："
        f"当地生活不会如此。若为 UTC，当地约为 UTC{shift:+d}；请核对 zone。"
    )
    said = f" (declared {zone})" if zone else ""
    en = (
        f"as written{said}, the quietest hours are {first} to {last} ({least / total:.1%} of all) and the busiest is "
        f"{busiest}: no local day is like that. If they are UTC, the place lies about UTC{shift:+d}; look at `zone`"
    )
    return [Suspicion("not_local_time", (path,), evidence, Text(zh, en))]


def _circular_mean(hours: Sequence[float]) -> float:
    angle = math.atan2(
        sum(math.sin(hour * math.pi / 12) for hour in hours), sum(math.cos(hour * math.pi / 12) for hour in hours)
    )
    return angle * 12 / math.pi % 24


def rounded(path: str, values: Sequence[str]) -> list[Suspicion]:
    """Times of which nearly all stand on whole hours or on every fifth minute or more, though a day has many."""
    forms = [form for value in values if (form := _TIME.match(value))]
    if len(forms) < 0.9 * len(values) or len({form[0] for form in forms}) < LEAST // 2:
        return []
    minutes = Counter(int(form[2]) for form in forms)
    seconds = Counter(int(form[3] or 0) for form in forms)
    days = all(form[1] in ("0", "00") for form in forms) and minutes[0] == len(forms)
    if days:
        return _rounded(path, forms, "day", "整日", 1.0)
    for step, zh in ((60, "整点"), (30, "半小时"), (15, "一刻钟"), (10, "十分钟"), (5, "五分钟")):
        share = sum(n for minute, n in minutes.items() if minute % step == 0) / len(forms)
        if share >= 0.98 and seconds[0] >= 0.98 * len(forms):
            return _rounded(path, forms, f"{step} minutes", zh, share)
    return []


def _rounded(path: str, forms: Sequence[object], to: str, zh: str, share: float) -> list[Suspicion]:
    told = Text(
        f"{share:.1%} 的时刻落在{zh}上：原始时刻可能已取整，或是按期采样；按时刻关联前请确认。",
        f"{share:.1%} of the times stand on whole steps of one {to}: rounded, or sampled at that pace; "
        "make sure before joining by time",
    )
    return [Suspicion("rounded", (path,), {"times": len(forms), "step": to, "share": round(share, 4)}, told)]


# --- numbers -----------------------------------------------------------------------------------------------------

_WHOLE = re.compile(r"[+-]?\d{1,15}")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")


def _numbers(values: Iterable[str]) -> list[float]:
    return [float(value) for value in values if _NUMBER.fullmatch(value)]


def constant(path: str, values: Sequence[str]) -> list[Suspicion]:
    if len(set(values)) > 1:
        return []
    told = Text(
        "看过的行中整列同一个值：可能未采集、被截断，或本不该作为列。",
        "one value in every row looked at: not collected, cut, or no column",
    )
    return [Suspicion("constant", (path,), {"values": len(values)}, told)]


def hidden_sex(path: str, values: Sequence[str]) -> list[Suspicion]:
    """Numbers of the form YYMMDD in which a second group of months lies exactly 50 higher."""
    forms = [value for value in values if re.fullmatch(r"\d{6}(/?\d{3,4})?", value)]
    if len(forms) < 0.95 * len(values) or len(set(forms)) < LEAST // 2:
        return []
    plain = sum(_is_day(value, 0) for value in forms) / len(forms)
    raised = sum(_is_day(value, 50) for value in forms) / len(forms)
    chance = 24 / 100 * 30.4 / 100
    if plain + raised < 0.98 or not 0.05 <= raised <= 0.95:
        return []
    evidence = {
        "values": len(forms), "share_dates": round(plain, 4), "share_dates_month_plus_50": round(raised, 4),
        "share_by_chance": round(chance, 4),
    }  # fmt: skip
    told = Text(
        f"{plain:.1%} 的值是日期 YYMMDD，另 {raised:.1%} 在月份减 50 后也是（随机数仅约 {chance:.0%}）："
        "这是出生编号，藏有出生日期和性别（女性月份加 50），属个人信息；可用 as: birth_date 与 as: sex 取出。",
        f"{plain:.1%} of the values are days YYMMDD, and {raised:.1%} are once 50 is taken from the month "
        f"(chance would give {chance:.0%}): birth numbers, which hide birth date and sex (women's month + 50), "
        "personal data; `as: birth_date` and `as: sex` take them out",
    )
    return [Suspicion("hidden_sex", (path,), evidence, told)]


def _is_day(value: str, raised: int) -> bool:
    try:
        date(1900 + int(value[:2]), int(value[2:4]) - raised, int(value[4:6]))
    except ValueError:
        return False
    return True


_POSTCODE = re.compile(r"zip|postal|postcode|post_code|邮编|邮政编码|youbian", re.IGNORECASE)


def leading_zeros(path: str, values: Sequence[str]) -> list[Suspicion]:
    """Codes of one length, of which some are a digit short and none begins with 0; or postcodes of four digits; or
    codes that begin with 0, and among them such as have lost theirs."""
    whole = [re.sub(r"\.0$", "", value) for value in values]
    digits = [value for value in whole if value.isascii() and value.isdigit()]
    if any(value.startswith("0") and len(value) > 1 for value in digits):  # beside them a total and notes are no code
        return _some_zeros(path, digits) if len(digits) >= 0.9 * len(values) else []
    if len(digits) < 0.95 * len(values):
        return []
    lengths = Counter(map(len, digits))
    longest = max(lengths)
    short = lengths[longest - 1] / len(digits)
    if _POSTCODE.search(path) and longest <= 5:
        longest = 5
        short = sum(n for length, n in lengths.items() if length < longest) / len(digits)
        if short < 0.01:
            return []
    else:
        numbers = [int(value) for value in set(digits)]
        if len(numbers) < LEAST // 2:
            return []
        dense = len(numbers) / (max(numbers) - min(numbers) + 1)
        firsts = Counter(value[0] for value in digits if len(value) == longest)
        round_share = sum(value.endswith("0") for value in digits) / len(digits)  # as amounts are, and codes are not
        whole_share = (lengths[longest] + lengths[longest - 1]) / len(digits)
        if longest < 5 or whole_share < 1 or not 0.01 <= short <= 0.4 or dense > 0.02 or len(firsts) < 4:
            return []
        if round_share > 0.3:
            return []
    return [_zeros_lost(path, digits, longest, short, Text("且没有一个以 0 开头", " and none begins with 0"))]


def _some_zeros(path: str, digits: Sequence[str]) -> list[Suspicion]:
    """Of codes that begin with 0 some are shorter than the rest, and begin as the others do with their zeros put back:
    some cells of the column were kept as texts, some as numbers."""
    longest = max(map(len, digits))
    begins = {value[:3] for value in digits if len(value) == longest}
    full = [value for value in digits if value.startswith("0") and len(value) == longest]
    lost = [value for value in digits if not value.startswith("0") and value.zfill(longest)[:3] in begins]
    lost = [value for value in lost if len(value) < longest]
    others = sum(len(value) < longest for value in digits) - len(lost)
    share = len(lost) / len(digits)
    if longest < 4 or len(full) < 0.1 * len(digits) or others or not 0.01 <= share <= 0.5:
        return []
    beside = Text(f"，其余以 0 开头的为 {longest} 位", ", which those that begin with 0 have")
    return [_zeros_lost(path, digits, longest, share, beside)]


def _zeros_lost(path: str, digits: Sequence[str], length: int, short: float, beside: Text) -> Suspicion:
    """short: the share of codes that have fewer digits than `length`. beside: what is seen of the others."""
    told = Text(
        f"{short:.1%} 的代码不足 {length} 位{beside.zh}：多半曾按数字保存，前导零已丢失；"
        f"映射中写 digits: {length} 即逐行补回。",
        f"{short:.1%} of the codes are shorter than {length} digits{beside.en}: they were probably kept as numbers, "
        f"and lost their leading zeros; `digits: {length}` in the mapping puts them back, row by row",
    )
    evidence = {"values": len(digits), "length": length, "share_short": round(short, 4)}
    return Suspicion("leading_zeros", (path,), evidence, told)


_FACTORS = ((3.6, "km/h, m/s"), (10, "10"), (100, "cm, m; 分, 元"), (1000, "m, km; g, kg"), (10_000, "元, 万元"))


def mixed_units(path: str, values: Sequence[str]) -> list[Suspicion]:
    """Positive numbers in two groups with a gap between, whose middles differ by a factor that units differ by."""
    numbers = sorted(math.log10(number) for number in _numbers(values) if number > 0)
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


_WITH_UNIT = re.compile(rf"(?:{_NUMBER.pattern})\s*([^\W\d_][^\s\d]{{0,9}}[23]?|[℃℉])")


def unit_left_out(path: str, values: Sequence[str]) -> list[Suspicion]:
    """Numbers of which some carry a unit, and others none: what those are in nobody has said."""
    behind = Counter(form[3] for value in values if (form := _WITH_UNIT.fullmatch(value)) and known(form[3]))
    bare = len(_numbers(values))
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


def _spread(logs: Sequence[float]) -> float:
    """From the 5th to the 95th of a hundred, of sorted values."""
    return logs[int(0.95 * (len(logs) - 1))] - logs[int(0.05 * (len(logs) - 1))]


_NO_NUMBER = {-1.0, -9.0, -99.0, -999.0, -9999.0, 999.0, 9999.0, 99999.0, 999999.0, 9999999.0, 99999999.0, 999999999.0}
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
    numbers = _numbers(values)
    if len(numbers) < 0.9 * len(values):
        return []
    for number, count in Counter(number for number in numbers if number in _NO_NUMBER).most_common():
        rest = [n for n in numbers if n != number]
        if count < 5 or len(set(rest)) < 10:
            continue
        low, high = min(rest), max(rest)
        away = number - high if number > high else low - number if number < low else 0.0
        far = away >= (1 if number == -1 and low >= 0 else max(high - low, 1) * 0.5)
        if far:
            return [_sentinel(path, f"{number:g}", count, len(numbers))]
    return []


def _sentinel(path: str, value: str, count: int, total: int) -> Suspicion:
    told = Text(
        f"{value} 出现 {count} 次（{count / total:.1%}），远离其余的值：多半表示“无”，请列入 missing。",
        f"{value} is there {count} times ({count / total:.1%}), far from all others: probably it means "
        "none; name it in `missing`",
    )
    return Suspicion("sentinel", (path,), {"value": value, "count": count, "share": round(count / total, 4)}, told)


def exponent(path: str, values: Sequence[str]) -> list[Suspicion]:
    """Whole numbers that a spreadsheet wrote as 1.23457E+17: their last digits are gone."""
    damaged = [value for value in values if re.fullmatch(r"\d(\.\d{1,16})?[eE]\+\d{2}", value)]
    others = [value for value in values if re.fullmatch(r"\d{11,20}", value)]
    if len(damaged) < 5 or len(damaged) + len(others) < 0.9 * len(values):
        return []
    share = len(damaged) / len(values)
    told = Text(
        f"{share:.1%} 的编号写成科学计数（如 1.23E+17）：曾被电子表格当作数字，末位数字已丢失，无法还原，请重新导出。",
        f"{share:.1%} of the ids are in exponent form (like 1.23E+17): a spreadsheet took them for numbers, their last "
        "digits are lost; export them again",
    )
    return [Suspicion("exponent", (path,), {"values": len(damaged), "share": round(share, 4)}, told)]


# --- texts -------------------------------------------------------------------------------------------------------


def mojibake(path: str, values: Sequence[str]) -> list[Suspicion]:
    """Text that was decoded by a wrong table, found by decoding it the other way round."""
    texts = [value for value in dict.fromkeys(values) if not value.isascii()][:2000]
    if not texts:
        return []
    lost = sum("\ufffd" in text or "锟斤拷" in text for text in texts)
    turned = {
        "UTF-8 read as GBK": sum(_otherwise(text, "gb18030", "utf-8") for text in texts),
        "UTF-8 read as Latin-1": sum(_otherwise(text, "latin-1", "utf-8") for text in texts),
        "GBK read as Latin-1": sum(_otherwise(text, "latin-1", "gb18030") for text in texts),
    }
    what, count = max([("lost", lost), *turned.items()], key=lambda entry: entry[1])
    if count < 3 or count / len(texts) < 0.2:
        return []
    zh, en = (
        ("已有字符不可还原", "signs were lost for good") if what == "lost" else (f"像是 {what}", f"looks like {what}")
    )
    share = count / len(texts)
    told = Text(
        f"{share:.1%} 的非 ASCII 文本{zh}：请核对数据源的 encoding。",
        f"{share:.1%} of the texts that are not ASCII: {en}; look at the source's `encoding`",
    )
    return [Suspicion("mojibake", (path,), {"texts": len(texts), "share": round(share, 4), "how": what}, told)]


def _otherwise(text: str, written: str, read: str) -> bool:
    """Does the text make sense, in Chinese signs, when its bytes are read by another table?"""
    try:
        other = text.encode(written).decode(read)
    except (UnicodeEncodeError, UnicodeDecodeError):
        return False
    if read == "gb18030":  # nearly any two bytes are some sign: only frequent ones, and no others, make sense
        signs = [sign for sign in other if not sign.isascii()]
        return len(signs) >= 2 and all(
            "\xb0" <= sign.encode("gb18030").decode("latin-1")[0] <= "\xd7" for sign in signs
        )
    return other != text and any("\u4e00" <= sign <= "\u9fff" for sign in other)


# --- columns together --------------------------------------------------------------------------------------------

_LATITUDE = re.compile(r"(^|[._\s])(.*_)?(e?lat(itude)?|纬度|weidu)$", re.IGNORECASE)
_LONGITUDE = re.compile(r"(^|[._\s])(.*_)?(e?lo?ng?(itude)?|经度|jingdu)$", re.IGNORECASE)


def swapped(columns: Sequence[SampleColumn]) -> list[Suspicion]:
    """A column called latitude that holds longitudes, next to one called longitude that holds its latitudes."""
    found = []
    for column in columns:
        numbers = _numbers(v for v in column.values if v)
        if not _LATITUDE.search(column.path) or len(numbers) < LEAST:
            continue
        wrong = sum(abs(number) > 90 for number in numbers)
        if wrong < 0.5 * len(numbers):
            continue
        near = [c for c in columns if _LONGITUDE.search(c.path) and c.path != column.path]
        other = next((c for c in near if _mostly_below(c, 90)), None)
        if other is None:
            continue
        share = wrong / len(numbers)
        told = Text(
            f"{column.path} 有 {share:.1%} 的值超过 90 度，而 {other.path} 都在 90 度以内：经纬度多半颠倒了。",
            f"{share:.1%} of {column.path} lie beyond 90 degrees, and {other.path} within: they are probably swapped",
        )
        evidence = {"values": len(numbers), "share_beyond_90": round(share, 4)}
        found.append(Suspicion("swapped", (column.path, other.path), evidence, told))
    return found


def _mostly_below(column: SampleColumn, limit: float) -> bool:
    numbers = _numbers(v for v in column.values if v)
    return len(numbers) >= LEAST and sum(abs(n) <= limit for n in numbers) >= 0.99 * len(numbers)


_SUM_COLUMNS, _SUM_ROWS = 24, 2000


def sums(columns: Sequence[SampleColumn]) -> list[Suspicion]:
    """a = b + c in (nearly) every row, for numbers that vary by themselves."""
    numeric: dict[str, list[float | None]] = {}
    for column in columns:
        values = [float(v) if v and _NUMBER.fullmatch(v.strip()) else None for v in column.values[:_SUM_ROWS]]
        there = [v for v in values if v is not None]
        if len(there) >= max(LEAST, 0.9 * len(values)) and len(set(there)) >= 20:
            numeric[column.path] = values
    found = []
    for one, two in combinations(list(numeric)[:_SUM_COLUMNS], 2):
        for whole in list(numeric)[:_SUM_COLUMNS]:
            if whole in (one, two):
                continue
            every = list(zip(numeric[whole], numeric[one], numeric[two], strict=True))
            if not all(_adds(r) for r in every[:20] if None not in r):
                continue
            rows = [r for r in every if None not in r]
            if len(rows) >= LEAST and sum(map(_adds, rows)) >= 0.99 * len(rows):
                told = Text(
                    f"{whole} = {one} + {two}（{len(rows)} 行）：三列只需其二，可作一致性检查。",
                    f"{whole} = {one} + {two} ({len(rows)} rows): two of the three are enough, and make a check",
                )
                found.append(Suspicion("sum", (whole, one, two), {"rows": len(rows)}, told))
    return found


def _adds(row: Sequence[float | None]) -> bool:
    whole, one, two = (value or 0.0 for value in row)
    return abs(whole - one - two) <= 1e-6 * max(1.0, abs(whole))


def totals(columns: Sequence[SampleColumn]) -> list[Suspicion]:
    """Rows that begin with 其中, a part of the one above; and with 合计 or Total, or have it behind a group's name: the
    sum of others. Both would be counted with these."""
    rows: dict[str, list[int]] = {}
    parts: dict[str, list[int]] = {}
    for at in range(min((len(column.values) for column in columns), default=0)):
        filled = [(column.path, text) for column in columns if (text := (column.values[at] or "").strip())]
        place = label_at([text for _, text in filled])
        if place < len(filled):
            rows.setdefault(filled[place][0], []).append(at + 1)
        elif len(filled) > 1 and _PART.match(filled[0][1]):
            parts.setdefault(filled[0][0], []).append(at + 1)
    return [_total(*found) for found in rows.items()] + [_part(*found) for found in parts.items()]


_PART = re.compile("其中\\s*([:：]|$)")


def _part(path: str, rows: list[int]) -> Suspicion:
    told = Text(
        f"记录中混有“其中”行（{len(rows)} 行，首见第 {rows[0]} 行）：是上一行的一部分，会重复计算；其下各行可能也是。",
        f"rows that are a part of the one above (其中) stand among the records ({len(rows)}, the first in row {rows[0]}"
        "), and are counted twice; those below them may be, too. Hold them by `checks`",
    )
    return Suspicion("part_row", (path,), {"rows": len(rows), "first_row": rows[0]}, told)


def _total(path: str, rows: list[int]) -> Suspicion:
    told = Text(
        f"记录中混有合计（{len(rows)} 行，首见第 {rows[0]} 行），会与明细重复计算；可用 checks 将其隔离。",
        f"totals stand among the records ({len(rows)}, the first in row {rows[0]}): what they add up is counted twice; "
        "hold them by `checks`",
    )
    return Suspicion("total_row", (path,), {"rows": len(rows), "first_row": rows[0]}, told)


def named_once(columns: Sequence[SampleColumn]) -> list[Suspicion]:
    """A first column whose names stand in the first row of each group alone, as where merged cells were taken apart or
    a workbook was saved as CSV: the rows below have lost their group."""
    if len(columns) < 2 or len({len(column.values) for column in columns}) > 1:  # lists: no row beside another
        return []
    texts = [(value or "").strip() for value in columns[0].values]
    names = list(filter(None, texts))
    there = [{at for at, value in enumerate(column.values) if (value or "").strip()} for column in columns[1:]]
    bare = set[int]().union(*there).difference(at for at, text in enumerate(texts) if text)
    if len(names) < 2 or not texts[0] or len(bare) < len(names) or len(set(names)) < len(names):
        return []
    if all(len(bare & filled) < 0.9 * len(bare) for filled in there):
        return []
    path = columns[0].path
    told = Text(
        f"{path} 只在每组首行有值（{len(names)} 组，{len(bare)} 行为空）：其余各行失去所属的组；请在数据源中向下填充。",
        f"{path} has a value in the first row of each group alone ({len(names)} groups, {len(bare)} rows without): "
        "those have lost their group; fill it down in the source",
    )
    return [Suspicion("named_once", (path,), {"groups": len(names), "rows": len(bare)}, told)]


def renamed(columns: Sequence[SampleColumn]) -> list[Suspicion]:
    """Columns that are filled down to one row, and others from the next row on: whoever writes the file has changed its
    names, and what reads the one reads nothing of the other."""
    ends: dict[int, list[str]] = {}
    begins: dict[int, list[str]] = {}
    for column in columns:
        there = [at for at, value in enumerate(column.values, 1) if value is not None and value.strip()]
        if len(there) < FEW or len(there) < 0.9 * (there[-1] - there[0] + 1):
            continue
        if there[0] == 1 and there[-1] < len(column.values):
            ends.setdefault(there[-1], []).append(column.path)
        elif there[0] > 1 and there[-1] == len(column.values):
            begins.setdefault(there[0], []).append(column.path)
    found = []
    for row, new in sorted(begins.items()):
        old = [path for last, paths in sorted(ends.items()) if row - 2 <= last < row for path in paths]
        if old:
            was, now = ", ".join(old[:10]), ", ".join(new[:10])
            told = Text(
                f"{was} 到第 {row - 1} 行为止，{now} 自第 {row} 行起：可能在中途改名；只读其一，另一半即为空。"
                "映射中写 from: [旧名, 新名] 则两者都读。",
                f"{was} end where {now} begin, in row {row}: they were probably renamed there; whoever reads the ones "
                "finds nothing in the rows of the others; `from: [old, new]` in the mapping reads both",
            )
            found.append(Suspicion("renamed", (*old, *new), {"row": row}, told))
    return found


# --- points against points of reference --------------------------------------------------------------------------

PAIRS = 20
_NEAR = 0.0015
"""Degrees (150 m) by which a pair may differ from the others and still speak for them."""


def datum_step(
    columns: tuple[str, str, str],
    offsets: Sequence[Point],
    steps: Map[str, Point],
    reference: tuple[str, str],
    *,
    latitude: float,
) -> list[Suspicion]:
    """One systematic offset between points and the reference points that bear the same label.

    columns: longitude, latitude and label. offsets: point minus reference, in degrees, without what the declared datums
    explain. steps: what each mistake of datum would shift, here. reference: the columns of the reference points.
    latitude: of this place, for a degree of longitude in metres.
    """
    close = [offset for offset in offsets if max(map(abs, offset)) < 0.05]
    if len(close) < PAIRS:
        return []
    middle = _mode(close)
    there = [offset for offset in close if _apart(offset, middle) < _NEAR]
    middle = (statistics.median(o[0] for o in there), statistics.median(o[1] for o in there))
    length = math.hypot(*middle)
    share = len(there) / len(close)
    name, step = min(steps.items(), key=lambda entry: _apart(entry[1], middle))
    left = _apart(step, middle)
    if length < 0.002 or share < 0.2 or left > 0.3 * length:
        return []
    metres = math.hypot(middle[0] * 111_320 * math.cos(math.radians(latitude)), middle[1] * 110_574)
    evidence: dict[str, float | int | str] = {
        "pairs": len(close), "pairs_that_agree": len(there), "offset_longitude": round(middle[0], 5),
        "offset_latitude": round(middle[1], 5), "step": name, "step_longitude": round(step[0], 5),
        "step_latitude": round(step[1], 5), "left_over_degrees": round(left, 5), "metres": round(metres),
    }  # fmt: skip
    told = Text(
        f"按 {columns[2]} 与参照点（{', '.join(reference)}）配对 {len(close)} 对，"
        f"坐标一致地偏离 {middle[0]:+.4f}, {middle[1]:+.4f} 度（约 {metres:.0f} 米），"
        f"恰为 {name} 的一步（{step[0]:+.4f}, {step[1]:+.4f}）：坐标与 {columns[2]} 相差一个坐标系，请核对 datum。",
        f"against the reference points ({', '.join(reference)}) that share {columns[2]} ({len(close)} pairs) the "
        f"coordinates are off by {middle[0]:+.4f}, {middle[1]:+.4f} degrees (about {metres:.0f} m), which is the step "
        f"{name} ({step[0]:+.4f}, {step[1]:+.4f}): they and {columns[2]} disagree by one datum; look at `datum`",
    )
    return [Suspicion("datum_step", columns, evidence, told)]


def _apart(a: Point, b: Point) -> float:
    return math.hypot(a[0] - b[0], a[1] - b[1])


def one_place(points: Sequence[Point]) -> bool:
    """Do the points of one label lie together, within some 300 m?"""
    spans = [max(p[axis] for p in points) - min(p[axis] for p in points) for axis in (0, 1)]
    return max(spans) < 2 * _NEAR


def _mode(points: Sequence[Point]) -> Point:
    """The middle of the densest square of 0.001 degrees with its neighbours."""
    cells = Counter((round(x * 1000), round(y * 1000)) for x, y in points)

    def around(cell: tuple[int, int]) -> int:
        return sum(cells[cell[0] + dx, cell[1] + dy] for dx in (-1, 0, 1) for dy in (-1, 0, 1))

    best = max(cells, key=around)
    return best[0] / 1000, best[1] / 1000


_BEFORE_STREET = re.compile(r"^.*?[省市](?=.)|^.{1,8}?[区县](?=.)")


def street(label: str) -> str:
    """An address without province, city and district, as far as its first house number: what two sources share."""
    rest, before = label.strip(), None
    while rest != before:
        before, rest = rest, _BEFORE_STREET.sub("", rest, count=1)
    house = re.match(r".{2,}?(路|街|大道|巷|公路|支路).{0,6}?\d+(弄|号)", rest)
    return house[0] if house else ""
