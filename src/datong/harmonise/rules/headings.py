"""What the heading of a column says of the unit of its numbers: 里程（公里）, 用电量(万千瓦时), 身高cm, powerMW; and
headings that are there twice.

A unit in brackets is one, and so is one behind a stroke or colon that can be turned into the unit that is wanted;
letters at the end of a name are one only where they can be, too, and a person has to look (`min` is minutes, or the
least). Must never know: values, files.
Contract: tests/harmonise/test_harmonise_drafting.py.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

from datong.ground.refusal import Text
from datong.harmonise.rules.units import ALSO, UNITS, scaled, step

_BRACKETS = re.compile(r"[（(\[【<《]([^（(\[【<《）)\]】>》]{1,20})[）)\]】>》]")
_ABOVE = re.compile(r"(?<![\u3400-\u9fff])(?:计量|金额|数量|货币)?单位\s*:\s*([^()]{1,40})")
"""制表单位 and 填报单位 are offices."""
_SAID = re.compile(r"^(单位|unit)\s*[:：]\s*", re.IGNORECASE)
_BEHIND = re.compile(r"(?P<sign>[/／:：_.\s])\s*(?P<unit>[^/／:：_.\s()（）]{1,12}(?:/[^/／:：_.\s()（）]{1,6})?)$")
"""电量/万千瓦时, as the standards for quantities have it, and what a second row of a header adds: 金额.万元."""
_ENDS = re.compile(
    r"(?:(?<=[\u3400-\u9fff])|(?<=[_ ])(?=..)|(?<=[a-z])(?=[A-Z]+[a-z]*$)(?=..))[A-Za-z%°]+(?:/[A-Za-z]+)?[23]?$"
)


def distinct(names: Sequence[str]) -> list[str]:
    """Names that tell columns apart: the second 金额 is 金额_2, a fourth column without a name c4."""
    found: list[str] = []
    for number, name in enumerate(names, 1):
        base, again = name or f"c{number}", 1
        new = base
        while new in found or (new != name and new in names):
            again += 1
            new = f"{base}_{again}"
        found.append(new)
    return found


def side_by_side(names: Sequence[str]) -> tuple[Text, ...]:
    """A doubt where the names of a header are there twice or more, in the same order: tables beside one another."""
    there = [name for name in names if name]
    for count in range(2, len(there) // 2 + 1):
        block = there[: len(there) // count]
        if there == block * count and len(set(block)) == len(block):
            zh, en = (
                f"表头的 {len(block)} 个列名并排出现 {count} 次：是并排的几张表？",
                f"The {len(block)} names of the header stand there {count} times: tables side by side?",
            )
            more = "只有第一张的行成为记录；请把它们上下接起来，或各作一个数据源。"
            also = "The rows of the first alone become rows: put them below one another, or make a source of each."
            return (Text(zh + more, f"{en} {also}"),)
    return ()


def said_above(cells: Iterable[str]) -> tuple[Text, ...]:
    """A doubt where what stands above a header names units (单位：万元), which columns of the table are in."""
    said = [form[1] for cell in cells for form in _ABOVE.finditer(unicodedata.normalize("NFKC", cell))]
    found = [unit for text in said for unit in re.split(r"[、/,;\s]+", text) if unit and _known(unit, "")]
    if not found:
        return ()
    told = ", ".join(dict.fromkeys(found))
    zh = f"表头上方写有单位：{told}；列名未写单位的，请在映射中以 unit 写明。"
    en = f"Above the header stands a unit: {told}. Where a column's name says none, say it in the mapping (`unit`)."
    return (Text(zh, en),)


def over_two(first: Sequence[str], second: Sequence[str], below: Sequence[Sequence[str]]) -> list[str] | None:
    """The names that two rows make together, where the second names the parts of groups whose name stands once above
    them (重量 over 毛重, 皮重, 净重), as files do that hold no merged cells; None where it does not look so."""
    width = len(first)
    if len(second) != width or any(re.search(r"\d", cell) for cell in second):
        return None
    parts = [at for at in range(1, width) if second[at] and not first[at]]
    heads = {at for at in range(width - 1) if first[at] and second[at] and at + 1 in parts}
    whole = [at for at in range(width) if first[at] and at not in heads]
    blank = [at for at in whole if not second[at]]
    filled = any(row[at].strip() for row in below for at in blank if at < len(row))
    if not heads or len(blank) * 2 <= len(whole) or not filled:
        return None
    names, group = [], ""
    for upper, lower in zip(first, second, strict=True):
        group = upper or (group if lower else "")
        names.append(".".join(dict.fromkeys(filter(None, (group, lower)))))
    return names


def unit_of(name: str, wanted: str) -> tuple[str, bool]:
    """(the unit that the name of a column says, whether it can be nothing else); ("", False) when it says none."""
    for said in reversed(_BRACKETS.findall(name)):
        if unit := _known(_SAID.sub("", said.strip()), wanted):
            return unit, True
    if form := _BEHIND.search(name):
        unit, sure = _known(form["unit"], wanted), form["sign"] in "/／:：" or not form["unit"].isascii()
        fits = step(unit, wanted) is not None or (not wanted and form["sign"] in "/／:：")
        if unit and (sure or len(form["unit"]) > 1) and fits:
            return unit, sure
    ends = _ENDS.findall(_BRACKETS.sub("", name).strip())
    unit = next((unit for end in ends if (unit := _known(end, wanted)) and step(unit, wanted) is not None), "")
    return unit, False


_UNKNOWN = re.compile(
    "[十百千万亿兆毫微厘]{0,2}"
    "(?:[立平]?方(?:.{1,2}[尺寸米]|里|码)?|标方|[英市公][尺寸里引顷斤担两石]|[尺寸丈顷担两钱石码桶箱包袋瓶盒捆卷株棵焦牛]"
    "|加仑|蒲式耳|吨(?:公里|标准?煤|当量)?|标准?煤|卡|牛顿|摩尔|流明|勒克斯|分贝|拷贝|欧姆?|国际单位"
    "|英镑|新?台币|韩币|卢布|卢比|法郎|泰铢|[美欧日港韩澳加]?元|克|升|米|瓦|伏|安|赫|帕|秒|小?时|度|天|日|月|年|人|户|辆|台|件|个|次)"
    "(?:/.{1,6})?"
    "|[A-Za-zµμΩ%‰]{1,6}[23]?(?:[/·*^][A-Za-z0-9µμΩ-]{1,6})+"
    "|bbls?|gal|oz|yd|sq ?(?:ft|m)|cu ?(?:ft|m)|cbm|mt|[dg]wt|grt|teu|[tk]?gce|tce|toe|m*btu|dB|lx|lm|pp[bt]|[mun]?mol"
    "|meq|iu|inch(?:es)?|acres?|gbp|krw|rub|aud|sgd|twd|mop|cad|chf|thb|vnd|inr",
    re.IGNORECASE,
)
"""How units are written that are not known here, and known ones together in a way that is not."""
_REMARKS = frozenset(("y/n", "n/a", "m/f", "f/m", "and/or", "am/pm", "i/o", "a/b", "yes/no", "true/false"))


def unread(name: str, wanted: str) -> str:
    """What the name of a column says of its unit and cannot be turned into `wanted`, a known unit: of another kind
    (用水量（吨） for one in m3), or unknown (里程（英里）, 价格（美元/桶）); "" where it says none, or one that can."""
    unit, sure = unit_of(name, wanted)
    if unit or wanted not in UNITS:
        other = sure and wanted in UNITS and step(unit, wanted) is None
        return unit if other and not (len(unit) == 1 and unit.isascii()) else ""  # (A), (a): marks of columns
    said = [_SAID.sub("", unicodedata.normalize("NFKC", text).strip()) for text in _BRACKETS.findall(name)]
    return next((text for text in reversed(said) if text.lower() not in _REMARKS and _UNKNOWN.fullmatch(text)), "")


def _known(said: str, wanted: str) -> str:
    """The unit that is written so; of those that differ in capitals only, the one that can be turned into `wanted`."""
    plain = unicodedata.normalize("NFKC", said)
    if plain in UNITS:
        return plain
    if many := scaled(plain, wanted):  # 进出口额（万）
        return many
    lower = plain.casefold()
    alike = [*(unit for unit in UNITS if unit.casefold() == lower), *([ALSO[lower]] if lower in ALSO else [])]
    return next((unit for unit in alike if step(unit, wanted) is not None), alike[0] if alike else "")
