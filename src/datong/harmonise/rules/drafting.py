"""Texts of a workspace drafted from what was proposed: a source, a standard in ODCS, a mapping; a person confirms them.

How a column is converted is told from its values as far as they tell it. What they cannot tell (a zone, a datum, which
of two ways a date is written) is marked `confirm: true`, and nothing is built until a person has looked. Texts hold
names, shares and reasons, never a value of a row.
Must never know: files, databases. Contract: tests/harmonise/test_harmonise_drafting.py.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from datong.ground.refusal import Text
from datong.ground.signs import NARROW, WIDE
from datong.harmonise.model.drafts import Entry
from datong.harmonise.model.elements import DataElement, Sensitivity
from datong.harmonise.model.mappings import How, Source, SourceKind, Standard, Type
from datong.harmonise.model.matching import Proposal, Verdict
from datong.harmonise.model.reading import SampleColumn
from datong.harmonise.rules.amounts import CURRENCY, EXCEL, SIDES, before_it, behind_it, with_side
from datong.harmonise.rules.conversions.times import HALVES, only_digits
from datong.harmonise.rules.elements import pinyin_of
from datong.harmonise.rules.headings import unit_of, unread
from datong.harmonise.rules.units import UNITS, Step, counts, key, step, written

MARKERS = (
    "-", "--", "NA", "N/A", "n/a", "#N/A", "NULL", "null", "None", "\\N", "NaN", "nan", "?", "无", "空",
    "－", "—", "——", "/",
)  # fmt: skip
"""Texts that stand for no value in tables out there; those that a sample has are listed under `missing`."""
_DASHES = frozenset(("-", "--", "－", "—", "——"))
_FINDING = re.compile(r"\+{1,4}|[1-4]\+|\+/?-|-/\+|±|\([+±-]\)|(弱?阳性|阴性)(\([+±-]\))?", re.IGNORECASE)
"""Findings of a laboratory; among them a dash is one too: negative."""
_IN_HALVES = tuple(
    f"{day}{between}%p{after}{time}"
    for day in ("%Y年%m月%d日", "%Y-%m-%d", "%Y/%m/%d")
    for time in ("%I:%M:%S", "%I:%M", "%I时%M分")
    for between in (" ", "")
    for after in ("", " ")
)
"""2026年3月1日 下午2时30分, 2026/3/1 上午 9:05:00."""
FORMATS = (
    "%Y-%m-%d %H:%M:%S", "%Y/%m/%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y%m%d%H%M%S",
    "%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%dT%H:%M:%S.%f", "%Y年%m月%d日 %H:%M:%S", "%Y年%m月%d日 %H:%M",
    "%Y年%m月%d日%H时%M分", *_IN_HALVES, "%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%Y年%m月%d日", "%Y.%m.%d",
)  # fmt: skip
DAY_FORMS = tuple(form for form in FORMATS if "%M" not in form)
_MIDNIGHTS = tuple(
    f"{day}{midnight}"
    for day in ("%Y-%m-%d", "%Y/%m/%d")
    for midnight in (" 00:00:00", " 0:00:00", " 00:00", " 0:00", " 00:00:00.000", " 00:00:00.0", "T00:00:00")
)
"""Days as spreadsheets and databases hand them over that know times alone."""
LOOKED = 2_000
"""How many values of a column are looked at."""
MOST = 0.9

_TWO_LETTERS = re.compile(r"[A-Z]{2}")
"""Among codes of two letters NA is one of them: Namibia."""
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?")
_GROUPED = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?")
_BOOKED = re.compile(rf"\(({_NUMBER.pattern}|{_GROUPED.pattern})\)|({_NUMBER.pattern}|{_GROUPED.pattern})-")
_COMMA = re.compile(r"[+-]?(\d{1,3}(\.\d{3})+|\d+)(,\d+)?")
"""A number with a comma as its decimal sign."""
_WHOLE = re.compile(r"[+-]?\d{1,18}(\.0*)?")
_SIGNS = ("万亿", "亿", "千万", "百万", "十万", "万", "千", "百")
"""What may stand behind a number and is no unit; the longest first. K and M are, as often, names of something else."""
_SHARE = re.compile(rf"({_NUMBER.pattern}|{_GROUPED.pattern})\s*[%‰]")
_SCALED = re.compile(rf"(?:{_NUMBER.pattern}|{_GROUPED.pattern})\s*({'|'.join(_SIGNS)})")
_WITH_WORD = re.compile(rf"({_GROUPED.pattern}|{_NUMBER.pattern})\s*(?P<word>[^\s\d.,].*)")
_FORMS = {"division_code": r"[1-9]\d{5}"}
"""Check of an element whose values stay text -> the pattern of a standard that is drafted for it."""
_TOLD = {"months", "angle"}
"""Kinds of units that a number is hardly ever written in another of: years of age, degrees."""
_OFFSET = re.compile(r"\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}:\d{2}(\.\d{1,9})?\s?([zZ]|[+-]\d{2}(:?\d{2})?)")
_COUNTED = {"epoch_s": re.compile(r"[1-3]\d{9}(\.\d+)?"), "epoch_ms": re.compile(r"[1-3]\d{12}(\.\d{1,3})?")}
"""Seconds and milliseconds since 1970 as they are written from 2001 to 2096."""
_DAYS = re.compile(r"[2-6]\d{4}(\.\d+)?")
"""Days as Excel counts them from 1954 to 2091, with a part of a day behind the point."""
_DMS = re.compile(r"([东西南北][经纬]|[NSEWnsew])?\s*\d{1,3}\s*[°º度]\s*\d{1,2}(\.\d+)?\s*['′’＇分].*")
_TO_NARROW = str.maketrans(WIDE, NARROW)


def name_of(stem: str) -> str:
    """A name for a source from the name of its file: 车辆-2019 -> cheliang_2019."""
    parts = re.split(r"([^\u3400-\u9fff]+)", unicodedata.normalize("NFKC", stem).casefold())
    words = "_".join(pinyin_of(part)[0] if re.match(r"[\u3400-\u9fff]", part) else part for part in parts if part)
    plain = re.sub(r"[^a-z0-9]+", "_", words).strip("_")
    return (plain if plain[:1].isalpha() else f"t_{plain}".rstrip("_"))[:40].rstrip("_")


def missing_of(columns: Iterable[SampleColumn]) -> tuple[str, ...]:
    """The markers of missing values that the sample has, without the empty text."""
    seen: Counter[str] = Counter()
    for column in columns:
        texts = {str(value).strip() for value in column.values[:LOOKED] if value is not None}
        if len(texts) > 1:
            found = texts.intersection(MARKERS)
            alike = sum(bool(_TWO_LETTERS.fullmatch(text)) for text in texts)
            found -= {"NA"} if alike > MOST * len(texts) else set()
            seen.update(found - _DASHES if _has_findings(column) else found)
    return tuple(marker for marker in MARKERS if seen[marker])


def _has_findings(column: SampleColumn) -> bool:
    return any(map(_FINDING.fullmatch, texts_of(column, ())))


def lists_in(columns: Iterable[SampleColumn]) -> list[str]:
    """The columns whose values are mostly lists of objects, as JSON; an empty list says nothing."""
    found = []
    for column in columns:
        texts = [value for value in column.values[:LOOKED] if value not in (None, "", "[]")]
        if texts and sum(text.startswith("[{") for text in texts) * 2 > len(texts):
            found.append(column.path)
    return found


def given_in(contents: Mapping[str, Any], source: str, table: str = "") -> dict[str, str]:
    """{column: element} of the mappings of a source (and table) there are, but for what is still to be confirmed."""
    found: dict[str, str] = {}
    for file, text in sorted(contents.items()):
        if not file.startswith("mappings/") or not isinstance(text, dict) or text.get("source") != source:
            continue
        columns = text.get("columns")
        if (table and text.get("table") != table) or not isinstance(columns, dict):
            continue
        for element, entry in columns.items():
            column = entry.get("from") if isinstance(entry, dict) else entry
            for name in column if isinstance(column, list) else [column]:
                if isinstance(name, str) and not (isinstance(entry, dict) and entry.get("confirm")):
                    found[name] = str(element)
    return found


# --- one column ------------------------------------------------------------------------------------------------


def entry_of(
    proposal: Proposal,
    column: SampleColumn,
    missing: Sequence[str],
    kind: Type | None = None,
    codes: Mapping[str, Any] | None = None,
) -> tuple[Entry, Type]:
    """How the column fills its element, and the type that the element then has; kind: the type it must have. codes:
    the element's code table in the library, what means a code in it by its text, None where the library holds none."""
    element = proposal.element
    assert element is not None, "a column that is left has no entry"
    own = [marker for marker in missing if marker not in _DASHES]
    dashed = len(own) < len(missing) and _has_findings(column)
    texts = texts_of(column, own if dashed else missing)
    wanted = kind or element.type
    keys, doubts, made = _converted(element, texts, wanted)
    if not keys and made is Type.string and codes and texts and all(text in codes for text in texts):
        keys = {"as": "code", "codes": element.codes}  # every value is one of its codes, or means one
    if kind is not None and made is not kind:
        doubts = (
            *doubts,
            Text(f"标准要求 {kind}，而取值不像。", f"the standard asks for a {kind}, the values do not look it"),
        )
        keys, made = _as_told(kind, keys), kind
    if keys.get("as") == "number" and not (texts and len(_carried(texts, element.unit)) == len(texts)):
        keys, more, made = _in_unit(keys, column, element.unit, made if kind is None else Type.number)
        doubts, made = (*doubts, *more), kind or made
    elif element.check in _FORMS and (
        other := [text for text in texts if not re.fullmatch(_FORMS[element.check], text)]
    ):
        zh = f"看过的 {len(texts)} 个值中有 {len(other)} 个不成{element.zh}。"
        doubts = (*doubts, Text(zh, f"{len(other)} of the {len(texts)} values looked at are no {element.en}"))
    if dashed:
        keys = {**keys, "missing": ["", *own]}
        doubts = (*doubts, Text("此列的“-”是检验结果，不作缺失。", "a dash is a finding here, and no missing value"))
    said = f"{proposal.score:.2f} {proposal.reason.en}"
    if doubts:
        said = f"{said}; " + "; ".join(doubt.en for doubt in doubts)
    confirm = proposal.verdict is Verdict.ask or bool(doubts)
    return Entry(element.name, column.path, keys, said, confirm), made


def texts_of(column: SampleColumn, missing: Sequence[str]) -> list[str]:
    """The first values of a column that are some, half-width and without the blanks around them."""
    cleaned = (str(value).translate(_TO_NARROW).strip() for value in column.values[:LOOKED] if value is not None)
    return [text for text in cleaned if text and text not in missing]


Converted = tuple[dict[str, Any], tuple[Text, ...], Type]
"""(keys of the mapping, doubts, type made)."""


def _converted(element: DataElement, texts: list[str], wanted: Type) -> Converted:
    if element.check in ("latitude", "longitude") and wanted is Type.number:
        return _degrees(element.check, texts)
    if element.check in {how.value for how in How} and wanted is Type.string:
        return {"as": element.check}, (), Type.string
    if wanted in (Type.number, Type.integer):
        return _number(texts, wanted, element.unit)
    if wanted is Type.timestamp:
        return _timestamp(texts)
    if wanted is Type.date:
        days = [*DAY_FORMS, EXCEL]
        formats = formats_of(texts, days)
        if not formats and _unread(texts, [*days, *_MIDNIGHTS]) == ():
            formats = formats_of(texts, [*days, *_MIDNIGHTS])
        if formats and _can("date"):
            return {"as": "date", "formats": formats}, (*_unread(texts, formats), *_in_days(formats)), Type.date
        if not formats:  # of times, or told to be none
            return _timestamp(texts)
    return {}, (), Type.string


def _as_told(kind: Type, keys: dict[str, Any]) -> dict[str, Any]:
    """The keys for a type that a standard demands, whatever the values look like."""
    if kind in (Type.number, Type.integer):
        return keys if keys.get("as") == "number" else {"as": "number"}
    if kind is Type.timestamp:
        return {"as": "timestamp", "zone": "Asia/Shanghai"}
    return {"as": kind.value} if _can(kind.value) else keys


def _can(name: str) -> bool:
    return name in {how.value for how in How}


def _number(texts: list[str], wanted: Type, unit: str) -> Converted:
    signs, said_of_signs, texts = _bare(texts, unit)
    keys: dict[str, Any] = {"as": "number", **signs}
    plain = sum(bool(_NUMBER.fullmatch(text)) for text in texts)
    grouped = sum(bool(_GROUPED.fullmatch(text)) for text in texts)
    shares = sum(bool(_SHARE.fullmatch(text)) for text in texts) if step("1", unit or "1") else 0
    behind = {form[form.lastindex or 0] for text in texts if (form := _SCALED.fullmatch(text))}
    scaled = sum(bool(_SCALED.fullmatch(text)) for text in texts) if behind else 0
    if any("," in text for text in texts if any(form.fullmatch(text) for form in (_GROUPED, _SHARE, _SCALED, _BOOKED))):
        keys["thousands"] = ","
    if shares * 2 > len(texts):  # then a number without the sign is no number: 0.56 among 56%
        keys["percent"], wanted, plain, grouped, scaled = True, Type.number, shares, 0, 0
    elif scaled:
        keys["multipliers"] = [sign for sign in _SIGNS if sign in behind]
        wanted = Type.number
    carried = _carried(texts, unit) if "percent" not in keys else []
    if carried:
        keys |= {"carries_unit": True}
        keys |= {"thousands": ","} if any("," in number for number, _ in carried) else {}
        wanted = wanted if all((turn.n, turn.m) == (turn.d, 0) for _, turn in carried) else Type.number
    booked = sum(bool(_BOOKED.fullmatch(text)) for text in texts)
    if booked:
        keys["accounting"] = True
    read = plain + grouped + scaled + booked + len(carried)
    comma = sum(bool(_COMMA.fullmatch(text)) for text in texts)
    if comma > read:
        keys, read, wanted = {"as": "number", **signs, "decimal": ","}, comma, Type.number
        keys |= {"thousands": "."} if any("." in text for text in texts if _COMMA.fullmatch(text)) else {}
    share = read / len(texts) if texts else 1.0
    if share < 0.5:
        return (
            {},
            (Text("取值不是数，按文本。", f"{share:.0%} of its values are numbers, so it is taken as text"),),
            Type.string,
        )
    said = Text(f"只有 {share:.0%} 是数。", f"only {share:.0%} of its values are numbers")
    doubts = said_of_signs if share >= MOST else (*said_of_signs, said)
    if carried and len(carried) < read:
        bare = (read - len(carried)) / len(texts)
        doubts += (Text(f"{bare:.0%} 的数没有写单位。", f"{bare:.0%} of its numbers carry no unit, the others do"),)
    numbers = [number.replace(",", "") for number in (*texts, *(number for number, _ in carried))]
    decimal = "decimal" not in keys and any(not _WHOLE.fullmatch(n) for n in numbers if _NUMBER.fullmatch(n))
    return keys, doubts, Type.number if decimal else wanted


def _bare(texts: list[str], unit: str) -> tuple[dict[str, Any], tuple[Text, ...], list[str]]:
    """The keys for signs of a currency, where `unit` is of it or there is none, and for DR and CR; what these leave
    open; and the texts without them. On which side a number is negative nobody can see."""
    keys: dict[str, Any] = {}
    doubts: tuple[Text, ...] = ()
    of_side = {side: re.compile(with_side(written)) for side, written in SIDES.items()}
    seen = {side: sum(bool(form.fullmatch(text)) for text in texts) for side, form in of_side.items()}
    if any(seen.values()):
        negative = "credit" if not seen["debit"] and seen["credit"] < len(texts) else "debit"
        keys["negative"] = negative
        zh, en = {"debit": ("借（DR）", "debit (DR, 借)"), "credit": ("贷（CR）", "credit (CR, 贷)")}[negative]
        doubts = (Text(f"{zh}为负？", f"an amount with {en} is negative?"),)
        for form in of_side.values():
            texts = [form.sub(lambda found: found[1] or found[2], text) for text in texts]
    bare = {
        currency: [re.sub(before_it(currency), r"\1", text) for text in texts]
        for currency in CURRENCY
        if not unit or step(currency, unit) or step(f"{currency}/kW.h", unit)
    }
    if not unit:  # else what stands behind is a unit, of some scale
        bare = {one: [re.sub(behind_it(one), r"\1", text) for text in left] for one, left in bare.items()}
    found = max(bare, key=lambda one: sum(a != b for a, b in zip(bare[one], texts, strict=True)), default="")
    if found and bare[found] != texts:
        return keys | {"currency": found}, doubts, bare[found]
    return keys, doubts, texts


def _carried(texts: list[str], unit: str) -> list[tuple[str, Step]]:
    """The numbers with a unit behind them that can be turned into the element's, and how."""
    if not unit or step("1", unit) is not None:
        return []
    known = written(unit)
    forms = (form for text in texts if (form := _WITH_WORD.fullmatch(text)))
    return [(form[1], known[said]) for form in forms if (said := key(form["word"])) in known]


def _in_unit(keys: dict[str, Any], column: SampleColumn, wanted: str, made: Type) -> Converted:
    """The keys with the unit that the column's name or comment says, where that is another than the element's."""
    if "percent" in keys:
        return keys, (), made  # the values say it themselves
    unit, sure = next(
        (said for text in (column.path, column.comment) if (said := unit_of(text, wanted))[0]), ("", False)
    )
    turn = step(unit, wanted) if unit else None
    scaled = step(keys.get("currency", ""), wanted)  # its sign before the numbers tells no scale
    if not unit and scaled == Step(1, 0, 1):
        return keys, (), made
    if scaled and scaled != Step(1, 0, 1) and (not unit or turn):
        doubts = () if unit and sure else (Text("￥ 之后的数以元计？", f"its numbers are in {unit or '元'}?"),)
        return {**keys, "unit": unit or keys["currency"]}, doubts, Type.number
    if not unit and (other := unread(column.path, wanted)):
        zh, en = (
            f"列名写的 {other} 不是已知的单位：{wanted}？",
            f"its name says {other}, no unit that is known: {wanted}?",
        )
        return keys, (Text(zh, en),), made
    if not unit and any(kind.kind not in _TOLD for kind in UNITS.get(wanted, ())):
        return keys, (Text(f"没有写明单位：{wanted}？", f"no unit stands in its name: {wanted}?"),), made
    if unit and turn is None and (wanted in UNITS or (not wanted and not counts(unit))):
        zh = f"列名写的单位是 {unit}，数据元{f'以 {wanted} 计' if wanted else '没有单位'}。"
        en = f"its name says {unit}, the element {f'is in {wanted}' if wanted else 'has no unit'}"
        return keys, (Text(zh, en),), made
    if turn is None or (turn.n, turn.m) == (turn.d, 0):
        return keys, (), made
    doubts = () if sure else (Text(f"列名末尾的 {unit} 视为单位。", f"{unit} at the end of its name is its unit?"),)
    return {**keys, "unit": unit}, doubts, made if (turn.m, turn.d) == (0, 1) else Type.number


def _degrees(check: str, texts: list[str]) -> Converted:
    dms = sum(bool(_DMS.fullmatch(text)) for text in texts)
    decimal = sum(bool(_NUMBER.fullmatch(text)) for text in texts)
    if texts and max(dms, decimal) * 2 < len(texts):
        return (
            {},
            (Text("取值不是坐标，按文本。", "its values are no coordinates, so it is taken as text"),),
            Type.string,
        )
    notation = "dms" if dms > decimal else "decimal"
    doubt = Text("取值不能说明坐标系，请核对。", "no datum stands in the values: WGS84?")
    return {"as": check, "notation": notation, "datum": "WGS84"}, (doubt,), Type.number


def _timestamp(texts: list[str]) -> Converted:
    with_offset = sum(bool(_OFFSET.fullmatch(text)) for text in texts)
    if texts and with_offset >= MOST * len(texts):
        return {"as": "timestamp", "zone": "offset"}, (), Type.timestamp
    for form, counted in _COUNTED.items():
        if texts and sum(bool(counted.fullmatch(text)) for text in texts) >= MOST * len(texts):
            return {"as": "timestamp", "zone": "UTC", "formats": [form]}, (), Type.timestamp
    formats = formats_of(texts, [*FORMATS, EXCEL, *_COUNTED])
    local = [form for form in formats if form not in _COUNTED]
    if not local or any(only_digits(form) for form in local):  # beside digits alone a count of seconds could be either
        formats = local
    if not formats:
        said = "its values are no date and time that can be read with the year first, so it is taken as text"
        return {}, (Text("取值不是年在前的日期时间，按文本。", said),), Type.string
    keys: dict[str, Any] = {"as": "timestamp", "zone": "Asia/Shanghai"}
    if formats != ["%Y-%m-%d %H:%M:%S"]:
        keys["formats"] = formats
    doubt = Text("取值不能说明时区，请核对。", "no zone stands in the values: Asia/Shanghai?")
    return keys, (doubt, *_unread(texts, formats), *_in_days(formats)), Type.timestamp


def _in_days(formats: Sequence[str]) -> tuple[Text, ...]:
    """A doubt where numbers of five digits are taken for days."""
    if EXCEL not in formats:
        return ()
    return (Text("五位数按 Excel 的天数读取？", "its numbers of five digits are days as Excel counts them?"),)


def formats_of(texts: list[str], known: Sequence[str]) -> list[str]:
    """The ways in which the values are written, the commonest first; [] when most can be read in none."""
    count: Counter[str] = Counter()
    for text in texts:
        form = next((form for form in known if _reads(text, form)), "")
        count[form] += 1
    if count[""] * 2 > len(texts):
        return []
    return [form for form, _ in count.most_common() if form] or [known[0]]


def _unread(texts: list[str], known: Sequence[str]) -> tuple[Text, ...]:
    """A doubt where many values can be read in none of the ways."""
    share = sum(any(_reads(text, form) for form in known) for text in texts) / max(len(texts), 1)
    if not texts or share >= MOST:
        return ()
    return (Text(f"只有 {share:.0%} 可读。", f"only {share:.0%} of its values can be read so"),)


def _reads(text: str, form: str) -> bool:
    if form == EXCEL:
        return _DAYS.fullmatch(text) is not None
    if form in _COUNTED:
        return _COUNTED[form].fullmatch(text) is not None
    if "%p" in form:
        if "午" not in text:
            return False
        for half, said in HALVES.items():
            text = text.replace(half, said)
    try:
        read = datetime.strptime(text, form)  # noqa: DTZ007 - only whether it reads
    except ValueError:
        return False
    return "%Y%m%d" not in form or read.strftime(form) == text  # of digits that nothing divides none is missing


# --- texts -----------------------------------------------------------------------------------------------------


def source_text(kind: SourceKind, facts: Mapping[str, Any], doubts: Sequence[Text]) -> str:
    lines = [f"# {doubt.en}" for doubt in doubts]
    given = {"kind": kind.value, **facts}
    return _yaml([*lines, *(f"{key}: {inline(value)}" for key, value in given.items())])


def standard_text(name: str, entries: Sequence[tuple[DataElement, Type]]) -> str:
    """An ODCS document whose elements are those of the library that were matched."""
    head = [
        "apiVersion: v3.2.0", "kind: DataContract", f"id: {name}", f"name: {name}", "version: 0.1.0", "status: draft",
        "schema:", f"  - name: {name}", "    logicalType: object", "    properties:",
    ]  # fmt: skip
    return _yaml([*head, *(f"      - {inline(_property(element, kind))}" for element, kind in entries)])


def _property(element: DataElement, kind: Type) -> dict[str, Any]:
    custom = [{"property": "element", "value": element.id}]
    if element.unit:
        custom.append({"property": "unit", "value": element.unit})
    personal = element.sensitivity in (Sensitivity.personal, Sensitivity.sensitive)
    return {
        "name": element.name,
        "businessName": element.en[:1].upper() + element.en[1:],
        "synonyms": [{"synonym": element.zh, "locale": "zh-CN"}],
        "logicalType": kind.value,
        **({"classification": "personal"} if personal else {}),
        **(
            {"logicalTypeOptions": {"pattern": _FORMS[element.check]}}
            if element.check in _FORMS and kind is Type.string
            else {}
        ),
        "customProperties": custom,
    }


def mapping_text(
    source: Source, standard: str, table: str, entries: Sequence[Entry], *, left: Sequence[str], missing: Sequence[str]
) -> str:
    lines = [f"source: {source.name}", f"standard: {standard}"]
    lines += [f"table: {inline(table)}"] if source.tables else []
    lines += [f"missing: {inline(['', *missing])}"] if missing else []
    lines.append("columns:")
    for entry in entries:
        keys = {**entry.keys, **({"confirm": True} if entry.confirm else {})}
        column = [entry.column, *entry.others] if entry.others else entry.column
        given = inline({"from": column, **keys} if keys else column)
        lines.append(f"  {inline(entry.element)}: {given}  # {_comment(entry.said)}")
    return _yaml([*lines, *([f"left: {inline(list(left))}"] if left else [])])


def required_unfilled(standard: Standard, entries: Sequence[Entry]) -> list[str]:
    """Required elements of a standard that no column was proposed for."""
    filled = {entry.element for entry in entries}
    return [element.name for element in standard.elements if element.required and element.name not in filled]


def _yaml(lines: Sequence[str]) -> str:
    return "\n".join(lines) + "\n"


def _comment(text: str) -> str:
    return re.sub(r"[^\S ]+|[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff]", " ", text)


_PLAIN = re.compile(r"[A-Za-z_\u4e00-\u9fff][\w\u4e00-\u9fff./%/ -]*(?<! )")
_OTHER_WORDS = {"null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan", "inf"}
"""Words that some reader of YAML takes for something else than themselves."""


def inline(value: Any) -> str:
    """`value` as YAML on one line, every text of it read back as it is."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{inline(key)}: {inline(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(inline, value)) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    text = str(value)
    if _PLAIN.fullmatch(text) and text.lower() not in _OTHER_WORDS:
        return text
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(sign: str) -> str:
    if sign in '"\\':
        return f"\\{sign}"
    code = ord(sign)
    return sign if sign.isprintable() else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
