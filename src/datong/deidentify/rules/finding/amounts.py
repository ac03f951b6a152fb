"""Whether a whole number says how many or how much, by what a standard calls it: trips in a month, days in hospital.

By its values alone it cannot be told from a number that names somebody: riders are numbered from 1 as their trips are
counted. So it is one only where its unit or a name says so, none of its names says the contrary, and persons share its
values. Must never know: cells. Contract: tests/deidentify/finding/test_finding_amounts.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from datong.deidentify.rules.finding.deciding import DISTINCT_LEAST

AMOUNT_ZH = re.compile(r"(数|次数|数量|量|额|得分|积分|学分|评分|时长|工龄|年限|间隔)$")
"""What Chinese words for an amount end in. Not 次: of a batch or a train (批次, 车次) it is the number."""
NUMBER_ZH = re.compile(r"(号|号码|编号|编码|代码|码|标识|证|账户|账号|用户|帐户)$")
"""What words for a number that names something end in."""
AMOUNT_EN = frozenset((
    "count", "counts", "cnt", "total", "totals", "qty", "quantity", "amount", "volume", "times", "days", "nights",
    "hours", "minutes", "seconds", "weeks", "months", "years", "score", "points", "steps", "size", "duration",
    "distance", "frequency",
))  # fmt: skip
NUMBER_EN = frozenset((
    "id", "ids", "no", "nr", "number", "numbers", "code", "key", "uid", "uuid", "account", "accounts", "card", "phone",
    "mobile", "tel", "telephone", "identifier", "ref", "reference", "index", "serial", "meter", "sn", "hao", "bianhao",
))  # fmt: skip
HOW_MANY = ("number of", "num of", "no of", "count of", "total of", "amount of", "how many", "how much", "num", "n")
"""What a name begins with that counts what follows; the last two only before a plural."""
PLURAL = re.compile(r"(?<![su])s$|^(children|people)$")


def says_how_much(names: Iterable[str], unit: str, distinct: int, filled: int) -> bool:
    """Whether a whole number called `names` (its column, its titles) is an amount of somebody. unit: its own, "" where
    none is given; distinct, filled: values and rows that have one. A key of the rows is none, whatever it is called."""
    if distinct == filled and distinct >= DISTINCT_LEAST:
        return False
    said = [name for name in names if name.strip()]
    return not any(_names(name) for name in said) and (bool(unit) or any(_counts(name) for name in said))


def _counts(name: str) -> bool:
    if AMOUNT_ZH.search(_bare(name)):
        return True
    words = _words(name)
    return bool(words) and (words[-1] in AMOUNT_EN or _begins(words))


def _begins(words: list[str]) -> bool:
    text = " ".join(words)
    of = next((start for start in HOW_MANY if text.startswith(start + " ")), "")
    return bool(of) and (" " in of or bool(PLURAL.search(words[-1])))


def _names(name: str) -> bool:
    words = _words(name)
    number = bool(words) and not _begins(words) and bool({words[-1], words[0]} & NUMBER_EN)
    return number or bool(NUMBER_ZH.search(_bare(name)))


def _bare(name: str) -> str:
    """Without what stands in brackets at its end: 骑行次数（次）."""
    return re.sub(r"[（(\[【][^）)\]】]*[）)\]】]\s*$", "", name).strip()


def _words(name: str) -> list[str]:
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", _bare(name))
    return [word for word in re.split(r"[^a-z]+", parted.casefold()) if word]
