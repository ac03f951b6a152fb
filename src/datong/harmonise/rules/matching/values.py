"""What the values of a column look like: which checks they pass, their type, lengths, patterns, and how they repeat.

`profile` looks at up to LOOKED_AT values, evenly spread, so that a column of any length costs the same. The checks
are cheap ones: they tell kinds of values apart, masked and loosely written ones too; they do not clean or judge a value
(that is rules.conversions and rules.checks, whose signs of provinces and form of a UUID they share).
Must never know: names of columns, elements. Contract: tests/harmonise/matching/test_matching_values.py.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from collections.abc import Mapping as Map
from datetime import date
from math import log10

from datong.ground import codes
from datong.harmonise.model.matching import Profile
from datong.harmonise.rules import checks

LOOKED_AT = 400
TEXTS_MAX = 400
TEXT_MAX = 160
"""Only so much of a long text is looked at: some forms cost the square of it."""
NOTHING = frozenset(("", "null", "none", "nan", "n/a", "na", "-", "--", "\\n", "无", "空", "未知", "不详", "/", "?"))
"""Ways of writing that there is no value."""

_MONTH, _DAY = r"(?:0?[1-9]|1[0-2])", r"(?:0?[1-9]|[12]\d|3[01])"
_YEAR = r"(?:1[89]|20|21)\d\d"
_DAY8 = rf"{_YEAR}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
_DATES = "|".join((
    rf"{_YEAR}[-/.]{_MONTH}[-/.]{_DAY}", rf"{_YEAR}年{_MONTH}月{_DAY}日?", _DAY8, rf"{_MONTH}/{_DAY}/{_YEAR}",
    rf"{_DAY}\.{_MONTH}\.{_YEAR}",
))  # fmt: skip
_TIME = r"(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d+)?)?"
_SAID = r"(?:[上下]午\s?)?(?:[01]?\d|2[0-3])[:时][0-5]?\d(?:[:分](?:[0-5]?\d秒?)?)?"
_ZONE = r"(?:Z|[+-]\d\d:?\d\d)?"
_SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢"
    "姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤温康施文牛"
    "樊葛邢安齐易乔伍庞颜倪庄聂章鲁岳翟殷詹申欧耿关兰焦俞左柳甘祝包宁尚符舒阮柯纪梅童凌毕单季裴霍涂成苗谷曲盛冉骆"
    "蓝路游辛欧靳管柴蒙鲍华喻祁房蒲滕萧屈饶解牟艾尤时穆农司卓古吉缪简车项连芦麦褚娄窦戚岑景党宫费卜冷晏席卫米柏宗"
)
_PLACES = "省|市|区|县|镇|乡|村|路|街|道|巷|弄|号|室|栋|幢|组|园"
_STREETS = "St|Street|Ave|Avenue|Rd|Road|Blvd|Lane|Ln|Dr|Drive|Way"
_BODIES = (
    "公司|集团|局|厂|店|医院|学校|大学|学院|中学|小学|幼儿园|中心|委员会|委|所|院|银行|支行|行|社|会|部|队|科|处|站|馆|厅|办"
    "|政府|合作社"
)
_BODIES_EN = "Inc|Ltd|LLC|Co|Corp|Company|Hospital|University|School|Center|Centre|Bank"
_NUMBER = re.compile(r"[-+]?(?:\d+|\d{1,3}(?:,\d{3})+)?(?:\.\d*)?(?:[eE][-+]?\d+)?%?", re.ASCII)

FORMS: Map[str, re.Pattern[str]] = {
    kind: re.compile(form, re.ASCII)
    for kind, form in {
        "date": _DATES,
        "timestamp": rf"(?:{_DATES})(?:[T ]?\s?{_TIME}\s?{_ZONE}|\s?{_SAID})|{_DAY8}(?:[01]\d|2[0-3])[0-5]\d[0-5]\d"
        r"|1\d{9}(?:\d{3})?",
        "time": _TIME,
        "boolean": r"(?i:true|false|yes|no|y|n|t|f|是|否|有|0|1)",
        "plate": rf"[{checks.PLATE_PROVINCES}][A-Z][·\- ]?(?:[A-HJ-NP-Z0-9]{{5,6}}|[A-Z0-9]{{4}}[学警港澳挂])",
        "phone": r"(?:\+?86[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4}|1[3-9]\d\*{4}\d{4}",
        "landline": r"(?:\(?0\d{2,3}\)?[- ]?)[2-9]\d{6,7}(?:[-转]\d{1,6})?|400[- ]?\d{3}[- ]?\d{4}"
        r"|\(?\d{3}\)?[- ]\d{3}-\d{4}",
        "email": r"[\w.+*-]+@[\w-]+(?:\.[\w-]+)+",
        "url": r"(?:https?|ftp)://\S+|www\.\S+",
        "uuid": checks.UUID,
        "ip": r"(?:\d{1,3}\.){3}\d{1,3}",
        "hash": r"(?i:[0-9a-f]{24,128})",
        "postcode": r"[0-9]{6}",
        "year": _YEAR,
        "chinese": r"[^\u3400-\u9fff]*(?:[\u3400-\u9fff][^\u3400-\u9fff]*)+",
        "person": rf"(?:[{_SURNAMES}]|欧阳|司马|上官|诸葛|夏侯|皇甫)[\u4e00-\u9fff·]{{1,3}}"
        rf"|[{_SURNAMES}][\*某×]{{1,2}}[\u4e00-\u9fff]?",
        "address": rf"(?=.*[\u4e00-\u9fff]).*(?:{_PLACES}|旗).*(?:{_PLACES}|楼|层|厦).*"
        rf"|\d+ [A-Z][\w' .]+(?:{_STREETS})\b.*",
        "organisation": rf".*[\u4e00-\u9fff].*(?:{_BODIES})(?:[（(].*[)）])?|.*\b(?:{_BODIES_EN})\b.*",
        "words": r"[A-Za-z][a-z]+(?:[ '\-][A-Za-z]+)+\.?",
        "letters": r"[A-Za-z]+",
        "code": r"(?=.*\d)(?=.*[A-Za-z])[A-Za-z0-9_\-/.#]+",
        "digits": r"\d+",
        "leading_zero": r"0\d+",
        "bare_time": r"(?:[01]\d|2[0-3])[0-5]\d[0-5]\d",
        "bare_day": r"(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])",
        "coordinates": r"[-+]?\d{1,3}\.\d{2,}\s?[,;/ ]\s?[-+]?\d{1,3}\.\d{2,}",
        "list": r"[\[{].*[\]}]|.*[;|].*[;|].*",
    }.items()
}  # fmt: skip
"""Kinds that a form tells. A value may be of several."""


_ANYWHERE = frozenset(("boolean", "list", "timestamp", "date"))
_NUMERIC = _ANYWHERE | {
    "time", "phone", "landline", "ip", "hash", "postcode", "year", "digits", "leading_zero", "uuid", "bare_time",
    "bare_day", "coordinates",
}  # fmt: skip
_CHINESE = _ANYWHERE | {"plate", "chinese", "person", "address", "organisation"}
_LETTERS = _ANYWHERE | {
    "email", "url", "uuid", "hash", "words", "letters", "code", "address", "organisation", "landline", "phone",
}  # fmt: skip
_DIGITS_ONLY = re.compile(r"[\d\s:./,+()%*TZxX-]+", re.ASCII)
_ANY_CHINESE = re.compile(r"[\u3400-\u9fff]")


def _forms_for(text: str) -> Map[str, re.Pattern[str]]:
    """The forms a value can have at all, by the signs in it."""
    return _BY_SIGNS[
        "chinese" if _ANY_CHINESE.search(text) else "numeric" if _DIGITS_ONLY.fullmatch(text) else "letters"
    ]


def clean(text: str) -> str:
    """Half-width, without blanks around it."""
    return unicodedata.normalize("NFKC", text).strip() if not text.isascii() else text.strip()


_BY_SIGNS = {
    signs: {kind: FORMS[kind] for kind in FORMS if kind in kinds}
    for signs, kinds in (("chinese", _CHINESE), ("numeric", _NUMERIC), ("letters", _LETTERS))
}


def _digits(text: str) -> bool:
    """0 to 9 only: isdigit alone takes superscripts and other scripts too."""
    return text.isascii() and text.isdigit()


def _resident(text: str) -> bool:
    if len(text) == 18 and "*" in text:
        return bool(re.fullmatch(r"[1-8]\d{2,9}\*{4,12}[\dXx]{1,4}", text, re.ASCII))
    if len(text) != 18 or not _digits(text[:17]) or text[:2] not in codes.PROVINCES:
        return False
    try:
        date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
    except ValueError:
        return False
    return 1880 <= int(text[6:10]) <= 2100


def _resident_checked(text: str) -> bool:
    return _resident(text) and _digits(text[:17]) and codes.resident_check(text[:17]) == text[17].upper()


_CREDIT = re.compile(r"[1-9ANY][1-9ANY]?\d{6}[0-9A-HJ-NPQRTUWXY]{10}|[1-9ANY][1-9]\d{6}[0-9A-Z*]{10}")


def _credit(text: str) -> bool:
    return len(text) == 18 and _CREDIT.fullmatch(text.upper()) is not None and not _resident(text)


def _credit_checked(text: str) -> bool:
    return _credit(text) and codes.credit_code_fault(text.upper()) is None


_VIN = re.compile(r"(?=.*[A-Z])(?=.*\d)[A-HJ-NPR-Z0-9*]{17}")


def _vin(text: str) -> bool:
    return len(text) == 17 and _VIN.fullmatch(text.upper()) is not None


def _luhn(text: str) -> bool:
    if not 13 <= len(text) <= 19 or not _digits(text):
        return False
    digits = [int(digit) for digit in reversed(text)]
    doubled = sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return (sum(digits[::2]) + doubled) % 10 == 0


def _division(text: str) -> bool:
    return len(text) in (6, 9, 12) and _digits(text) and text[:2] in codes.PROVINCES and text[2:4] <= "90"


TESTS: Map[str, Callable[[str], bool]] = {
    "resident_id": _resident,
    "resident_checked": _resident_checked,
    "credit_code": _credit,
    "credit_checked": _credit_checked,
    "vin": _vin,
    "luhn": _luhn,
    "division_code": _division,
}
_LENGTHS = frozenset((6, 9, 12, *range(13, 20)))
"""Kinds that need more than a form. The check digits are kinds of their own, so that masked values still tell."""

SELECTIVE = (
    "plate", "resident_id", "credit_code", "vin", "phone", "email", "url", "uuid", "date", "timestamp", "address",
    "person", "organisation", "landline", "ip",
)  # fmt: skip
"""Kinds that few columns are of: being of one speaks for what the column means."""


def number_of(text: str) -> float | None:
    if not text or not _NUMBER.fullmatch(text) or not any(sign.isdigit() for sign in text):
        return None
    try:
        return float(text.rstrip("%").replace(",", ""))
    except ValueError:
        return None


def pattern_of(text: str) -> str:
    """The shape of a value: 9 digit, A and a letter, 文 Chinese, each run as one sign with its length up to 20."""
    said = []
    last, length = "", 0
    for sign in text[:60]:
        kind = "9" if sign.isdigit() else "文" if "\u3400" <= sign <= "\u9fff" else "a" if sign.isalpha() else sign
        if kind == last:
            length += 1
            continue
        said.append(f"{last}{length if last in '9a' and length else ''}")
        last, length = kind, 1
    said.append(f"{last}{length if last in '9a' and length else ''}")
    return "".join(said)


def profile(values: Sequence[str | None]) -> Profile:
    """What the values look like; shares are of the values that are there."""
    there = [text for value in values if value is not None and (text := clean(value)).casefold() not in NOTHING]
    looked = there if len(there) <= LOOKED_AT else [there[at * len(there) // LOOKED_AT] for at in range(LOOKED_AT)]
    counted = Counter(looked)
    shares: Counter[str] = Counter()
    numbers: list[float] = []
    patterns: Counter[str] = Counter()
    beginnings: Counter[str] = Counter()
    for text, times in counted.items():
        for kind in kinds_of(text):
            shares[kind] += times
        number = number_of(text)
        if number is not None:
            numbers += [number] * times
        patterns[pattern_of(text)] += times
        if len(text) >= 5 and text.isascii():
            beginnings[text[:3].casefold()] += times
    lengths = sorted(len(text) for text in looked)
    numbers.sort()
    total = len(looked) or 1
    _written_bare(shares, counted, total)
    return Profile(
        seen=len(values),
        filled=len(there),
        distinct=len(set(there)),
        shortest=lengths[0] if lengths else 0,
        longest=lengths[-1] if lengths else 0,
        usual_length=sum(lengths) / total,
        shares={kind: times / total for kind, times in sorted(shares.items())},
        low=_at(numbers, 0.02),
        high=_at(numbers, 0.98),
        middle=_at(numbers, 0.5),
        patterns={shape: times / total for shape, times in patterns.most_common(12)},
        beginnings={signs: times / total for signs, times in beginnings.most_common(12)},
        heaps=tuple(times / total for _, times in counted.most_common(8)),
        texts=frozenset(text.casefold() for text in sorted(counted)[:TEXTS_MAX]),
    )


def _written_bare(shares: Counter[str], counted: Counter[str], total: int) -> None:
    """Times of day and days of a year written without signs (140720, 0118) look like numbers one by one; a whole column
    in which no value is anything else is of that kind."""
    for bare, kind in (("bare_time", "time"), ("bare_day", "date")):
        if len(counted) >= 12 and shares[bare] >= 0.98 * total:
            shares[kind] = shares[bare]


def _at(numbers: list[float], share: float) -> float | None:
    return numbers[min(len(numbers) - 1, int(share * len(numbers)))] if numbers else None


def kinds_of(text: str) -> list[str]:
    """Every kind that one value is of."""
    text = text[:TEXT_MAX]
    found = [kind for kind, form in _forms_for(text).items() if form.fullmatch(text)]
    found += [kind for kind, test in TESTS.items() if len(text) in _LENGTHS and test(text)]
    number = number_of(text)
    if number is not None:
        found.append("number")
        if number == int(number) if abs(number) < 1e15 else False:
            found.append("integer")
        else:
            found.append("fraction")
        if re.fullmatch(r"-?[\d,]+\.\d\d", text):
            found.append("cents")
        places = len(text.partition(".")[2])
        if places >= 3 and 73 <= number <= 136:
            found.append("longitude_china")
        if places >= 3 and 3 <= number <= 54:
            found.append("latitude_china")
        if places >= 3 and abs(number) <= 180:
            found.append("longitude")
        if places >= 3 and abs(number) <= 90:
            found.append("latitude")
    if len(text) > 30:
        found.append("long")
    return found


def overlap(left: Profile, right: Profile) -> float:
    """0..1: share of the smaller set of distinct values that the other has too; 0 when there are too few to tell."""
    few = min(len(left.texts), len(right.texts))
    return len(left.texts & right.texts) / few if few else 0.0


def alike(left: Profile, right: Profile) -> float:
    """0..1: how much two columns' values look alike, whatever they are: kinds, patterns, lengths, repetition."""
    if not left.filled or not right.filled:
        return 0.5
    kinds = set(left.shares) | set(right.shares)
    apart = sum(abs(left.share(kind) - right.share(kind)) for kind in kinds)
    both = sum(max(left.share(kind), right.share(kind)) for kind in kinds) or 1.0
    lengths = min(left.usual_length, right.usual_length) / max(left.usual_length, right.usual_length, 1)
    shapes = sum(min(share, right.patterns.get(shape, 0.0)) for shape, share in left.patterns.items())
    repeats = 1 - abs(left.distinct_share - right.distinct_share)
    return 0.45 * (1 - apart / both if both else 1) + 0.2 * lengths + 0.2 * shapes + 0.15 * repeats


def beginnings_alike(left: Profile, right: Profile) -> float:
    """0..1: how far codes begin with the same signs; 0 where there is no usual beginning."""
    return sum(min(share, right.beginnings.get(signs, 0.0)) for signs, share in left.beginnings.items())


def heaps_alike(left: Profile, right: Profile) -> float:
    """0..1: whether two columns of few kinds of values have as many kinds, as often each; 0 for columns of many."""
    if not (1 < left.distinct <= 30 and 1 < right.distinct <= 30) or min(left.filled, right.filled) < 20:
        return 0.0
    longest = max(len(left.heaps), len(right.heaps))
    one, other = (heaps + (0.0,) * (longest - len(heaps)) for heaps in (left.heaps, right.heaps))
    few = min(left.distinct, right.distinct) / max(left.distinct, right.distinct)
    return few * (1 - sum(abs(a - b) for a, b in zip(one, other, strict=True)) / 2)


def scaled(left: Profile, right: Profile) -> float:
    """0..1: whether two columns of numbers lie in one range but for a power of ten (yuan and fen, kW and W)."""
    ends = (left.high, right.high, left.middle, right.middle)
    if min(left.share("number"), right.share("number")) < 0.8 or any(end is None or end <= 0 for end in ends):
        return 0.0
    one, other, mine, theirs = (float(end) for end in ends if end is not None)
    steps = log10(one / other)
    if abs(steps) > 6.5:
        return 0.0
    return max(0.0, 1 - 8 * abs(steps - round(steps))) * max(0.0, 1 - 2 * abs(log10(mine / theirs) - round(steps)))


def contained(left: Profile, right: Profile) -> float:
    """0..1: how far the values of one column stand within those of the other: a district within addresses, a longitude
    within coordinates."""
    short, long = sorted((left, right), key=lambda look: look.usual_length)
    if long.share("coordinates") > 0.5:
        return max(short.share("longitude"), short.share("latitude"))
    if long.usual_length < 1.5 * short.usual_length or short.usual_length < 2 or short.distinct > 60:
        return 0.0
    pieces = [text for text in short.texts if len(text) > 1 and not text.isascii()]
    if len(pieces) < 0.5 * len(short.texts) or not pieces:
        return 0.0
    whole = "\n".join(sorted(long.texts))
    return sum(piece in whole for piece in pieces) / len(pieces)


def ranges_alike(left: Profile, right: Profile) -> float | None:
    """0..1: how far two columns of numbers lie in the same range; None when one of them is no column of numbers."""
    if left.low is None or right.low is None or min(left.share("number"), right.share("number")) < 0.8:
        return None
    assert left.high is not None
    assert right.high is not None
    low, high = max(left.low, right.low), min(left.high, right.high)
    span = max(left.high, right.high) - min(left.low, right.low)
    return 1.0 if span == 0 else max(0.0, high - low) / span
