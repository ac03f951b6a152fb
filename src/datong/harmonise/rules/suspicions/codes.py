"""Codes and ids that lost signs on their way, or hide what they say of a person.

Must never know: code tables. Contract: tests/harmonise/suspicions/test_suspicions.py.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import date

from datong.ground.refusal import Text
from datong.harmonise.model.suspicions import Suspicion
from datong.harmonise.rules.suspicions.enough import LEAST
from datong.harmonise.rules.suspicions.numbers import NUMBER

_POSTCODE = re.compile(r"zip|postal|postcode|post_code|邮编|邮政编码|youbian", re.IGNORECASE)


def is_postcode(path: str) -> bool:
    """Whether a column is called a postcode."""
    return _POSTCODE.search(path) is not None


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
    if is_postcode(path) and longest <= 5:
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


def exponent(path: str, values: Sequence[str]) -> list[Suspicion]:
    """Whole numbers that a spreadsheet wrote as 1.23457E+17: their last digits are gone. Beside them stand ids that are
    whole, with letters in them (G5201…) or in cells of text; among other numbers it is a number."""
    damaged = [value for value in values if re.fullmatch(r"\d(\.\d{1,16})?[eE]\+\d{2}", value)]
    others = [
        v for v in values if re.fullmatch(r"\d{11,20}", v) or (re.search(r"\d{5}", v) and not NUMBER.fullmatch(v))
    ]
    if len(damaged) < 5 or len(damaged) + len(others) < 0.9 * len(values):
        return []
    share = len(damaged) / len(values)
    told = Text(
        f"{share:.1%} 的编号写成科学计数（如 1.23E+17）：曾被电子表格当作数字，末位数字已丢失，无法还原，请重新导出。",
        f"{share:.1%} of the ids are in exponent form (like 1.23E+17): a spreadsheet took them for numbers, their last "
        "digits are lost; export them again",
    )
    return [Suspicion("exponent", (path,), {"values": len(damaged), "share": round(share, 4)}, told)]


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
