"""The columns of a mapping: by which conversion each element of the standard is read, with what it needs to be told.

Must never know: sources, joins, data. Contract: tests/harmonise/test_harmonise_workspace.py.
"""

from __future__ import annotations

import functools
import re
import zoneinfo
from collections.abc import Mapping as Map
from datetime import UTC, date, datetime, time
from math import isfinite
from typing import Any

from datong.harmonise.model.mappings import Codes, Column, Element, How, Source, SourceKind, Standard, Type
from datong.harmonise.model.texts import LIBRARY, is_unread
from datong.harmonise.rules import meaning as reading
from datong.harmonise.rules.amounts import EXCEL
from datong.harmonise.rules.conversions.cleaning import half_width
from datong.harmonise.rules.conversions.times import EPOCHS, LOCAL_FORMATS, only_digits
from datong.harmonise.rules.datums import DATUMS
from datong.harmonise.rules.elements import table_of
from datong.harmonise.rules.found import Found, nearest, nearest_en, nearest_zh
from datong.harmonise.rules.headings import unit_of
from datong.harmonise.rules.units import step

MAKES = {
    How.text: {Type.string},
    How.number: {Type.number, Type.integer, Type.string},
    How.timestamp: {Type.timestamp},
    How.latitude: {Type.number},
    How.longitude: {Type.number},
    How.plate: {Type.string},
    How.code: {Type.string},
    How.date: {Type.date},
    How.boolean: {Type.boolean},
    How.resident_id: {Type.string},
    How.credit_code: {Type.string},
    How.vin: {Type.string},
    How.phone: {Type.string},
    How.birth_date: {Type.date},
    How.sex: {Type.string},
}
"""The types of element each conversion can make."""

_OWN_OPTIONS = {
    How.number: {"thousands", "between"},
    How.timestamp: {"zone", "formats", "ambiguous", "between"},
    How.latitude: {"notation", "datum", "between"},
    How.longitude: {"notation", "datum", "between"},
    How.code: {"codes"},
}
OPTIONS = {how: _OWN_OPTIONS.get(how, set[str]()) | reading.KEYS.get(how, set[str]()) for how in How}
"""The keys that each conversion may have."""
_BEIJING = re.compile(
    r"((utc|gmt)\s?)?[+]?0?8(:?00)?|(asia/)?(beijing|peking)|china|cst|北京(时间)?|东八区", re.IGNORECASE
)
"""What people write for the time of Beijing, whose zone is called after Shanghai."""
_OF_CODES = {"to", "zh", "en", "valid_from", "valid_to", "successor"}
"""The keys of one code of a table."""
_AS_IT_IS: Map[Type, Map[str, str]] = {
    Type.string: {"as": How.text},
    Type.integer: {"as": How.number},
    Type.number: {"as": How.number},
    Type.boolean: {"as": How.boolean},
    Type.date: {"as": How.date},
    Type.timestamp: {"as": How.timestamp, "zone": "offset"},
}
"""How a constant is read that says nothing of it, by the type it is to be."""


class Columns:
    """Reads the columns of one mapping against its standard. used: the files of code tables they name; mapped: the
    elements they fill; missing: the texts that are no value where a column says none of its own."""

    def __init__(self, found: Found, files: Map[str, Any], standard: Standard, source: Source) -> None:
        self.found, self.files, self.standard = found, files, standard
        self.typed = source.format is not SourceKind.csv
        self.used: list[str] = []
        self.mapped: list[str] = []
        self.missing: tuple[str, ...] = ("",)

    def read(self, given: Any, missing: Any) -> tuple[Column, ...]:
        """`missing` of the mapping holds for the columns that say none of their own."""
        self.missing = self.no_values("missing", missing)
        known = [element.name for element in self.standard.elements]
        value = self.found.only(given, "columns", known)
        columns = []
        for element in self.standard.elements:
            if element.name in value:
                columns.append(self._column(element, value[element.name]))
                self.mapped.append(element.name)
            elif element.required:
                self.found.say(
                    "columns", f"缺少必填元素 {element.name}", f"the required element {element.name} is not filled"
                )
        reading.points(self.found.say, columns)
        return tuple(reading.dated(self.found.say, columns))

    def _column(self, element: Element, given: Any) -> Column:
        at = f"columns.{element.name}"
        value = {"from": given} if isinstance(given, str | int) and not isinstance(given, bool) else given
        if isinstance(value, dict) and "constant" in value and "as" not in value:
            value = {**_AS_IT_IS[element.type], **value}
        asked = value.get("as", "text") if isinstance(value, dict) else "text"
        how, known = self.how(at, asked), asked in [how.value for how in How]
        options = OPTIONS[how] if known else set[str]().union(*OPTIONS.values())
        value = self.found.only(value, at, {"from", "then", "as", "constant", "confirm", "missing", "note"} | options)
        if value.get("confirm", False) is not False:
            zh, en = (
                "核对后删去 confirm，或改列入 left",
                "look at it, then take `confirm` away, or move the column to `left`",
            )
            self.found.say(f"{at}.confirm", f"待人确认：{zh}", f"waits for a person: {en}")
        if ("from" in value) == ("constant" in value):
            self.found.say(at, "from 与 constant 须且只须其一", "needs either `from` or `constant`")
        if known and ("from" in value or "constant" in value) and element.type not in MAKES[how]:
            self.found.say(at, f"{how} 不能得到 {element.type}", f"{how} cannot make a {element.type}")
        path, *others = self._paths(at if isinstance(given, str) else f"{at}.from", value)
        if how is How.number and path:
            self._units_said(at, element, value, (path, *others))
        constant = self._constant(f"{at}.constant", value["constant"]) if "constant" in value else None
        return Column(
            element=element,
            path=path,
            how=how,
            constant=constant,
            zone=self._zone(at, how, value),
            formats=self._formats(f"{at}.formats", how, value.get("formats")),
            ambiguous=self.one_of(f"{at}.ambiguous", value.get("ambiguous", "quarantine"), ("quarantine", "earlier")),
            notation=self._notation(at, how, value),
            thousands=self._thousands(f"{at}.thousands", value.get("thousands")),
            between=self._between(at, how, value.get("between")),
            codes=self._codes(at, how, value),
            meaning=reading.meaning_of(self.found.say, at, how, element, value, typed=self.typed),
            others=tuple(others),
            missing=self.no_values(f"{at}.missing", value["missing"]) if "missing" in value else self.missing,
            then=self._rest(f"{at}.then", value, (path, *others)),
        )

    def no_values(self, at: str, given: Any) -> tuple[str, ...]:
        """The texts that stand for no value, as they are compared."""
        return tuple(text.strip() for text in self.found.texts(at, given)) or ("",)

    def _paths(self, at: str, value: Map[str, Any]) -> tuple[str, ...]:
        """The source path, and what else the field is called; [""] where there is none."""
        if "from" not in value:
            return ("",)
        several = isinstance(value["from"], list)
        paths = self.found.texts(at, value["from"]) if several else (self.found.word(at, value["from"]),)
        if value["from"] in ("", None) or (several and "" in (paths or ("",))):
            self.found.say(at, "未指明数据源的列", "names no column of the source")
        elif len(set(paths)) < len(paths):
            self.found.say(at, "同一列名写了两次", "names a column twice")
        return paths or ("",)

    def _rest(self, at: str, value: Map[str, Any], before: tuple[str, ...]) -> tuple[str, ...]:
        """The columns with the rest of the value."""
        if "then" not in value:
            return ()
        paths = self.found.texts(at, value["then"] if isinstance(value["then"], list) else [value["then"]])
        if not paths or "" in paths:
            self.found.say(at, "未指明数据源的列", "names no column of the source")
        elif len({*before, *paths}) < len(before) + len(paths):
            self.found.say(at, "同一列名写了两次", "names a column twice")
        if len(before) > 1 or "constant" in value:
            zh, en = "仅用于 from 为一列时", "goes with one column in `from`: what has several names is read first"
            self.found.say(at, zh, en)
        return tuple(paths)

    def _units_said(self, at: str, element: Element, value: Map[str, Any], paths: tuple[str, ...]) -> None:
        """A unit in brackets behind the name of a column, when the numbers are read in another: 1.2 of 电量（万千瓦时）
        would be 1.2 kW.h. What the mapping says of the unit of one column is a person's word."""
        said = {path: unit for path in paths for unit, sure in [unit_of(path, element.unit)] if unit and sure}
        first = next(iter(said.values()), "")
        if other := next((path for path, unit in said.items() if not _alike(unit, first)), ""):
            names = f"{next(iter(said))}, {other}"
            zh = f"几个列名写的单位不同（{names}），而一列只按一个单位读取；请按单位分成几个数据源"
            en = (
                f"its names say different units ({names}), and are read in one: make a source of the files of each unit"
            )
            self.found.say(f"{at}.from", zh, en)
        turned = step(first, element.unit) is not None and not _alike(first, element.unit)
        if not other and turned and not {"unit", "percent"} & value.keys():
            wanted = element.unit
            zh = f"列名写的单位是 {first}，元素以 {wanted} 计：请写明 unit: {first}（列名有误则写 unit: {wanted}）"
            en = f"the column's name says {first}, the element is in {wanted}: say `unit: {first}`"
            self.found.say(f"{at}.unit", zh, f"{en} (or `unit: {wanted}` where the name is wrong)")

    def _constant(self, at: str, given: Any) -> str:
        """A constant as the text that its conversion reads; nothing is a value that is missing."""
        if given is None:
            return ""
        if isinstance(given, bool):
            return str(given).lower()
        if isinstance(given, str | int | float | date):
            return str(given)
        self.found.say(at, "应为一个值", "should be one value")
        return ""

    def _formats(self, at: str, how: How, given: Any) -> tuple[str, ...]:
        usual = reading.DAY_FORMATS if how is How.date else LOCAL_FORMATS
        formats = tuple(map(half_width, self.found.texts(at, given))) if given is not None else usual
        for form in formats if how is How.timestamp else ():
            if "%y" in form:
                self.found.say(at, f"{form}：年份须为四位（%Y）", f"{form}: years need four digits, %Y")
            elif form not in {*EPOCHS, EXCEL} and not _is_time_format(form):
                zh = f"{form} 应含 %Y，另可含 %m（或 %b %B）、%d、%H（或 %I 与 %p）、%M、%S、%f，各至多一次"
                en = (
                    f"{form} should hold %Y, %m (or %b, %B) and %d once each, and may hold %H, or %I and %p, %M, %S, %f"
                )
                counted = (*EPOCHS, EXCEL)
                self.found.say(at, f"{zh}；或为 {'、'.join(counted)}", f"{en}; or be {' or '.join(counted)}")
        alike = tuple(form for form in formats if how is How.timestamp and only_digits(form))
        if alike and (counts := [form for form in formats if form in EPOCHS]):
            zh, en = (
                f"{counts[0]} 与 {alike[0]} 都只含数字，无法区分，请只留其一",
                f"{counts[0]} and {alike[0]} are both digits alone and cannot be told apart: keep one of them",
            )
            self.found.say(at, zh, en)
        return formats or usual

    def _thousands(self, at: str, given: Any) -> str:
        mark = half_width(self.found.word(at, given))
        if mark and (len(mark) > 1 or mark.isalnum() or mark in "+-"):
            self.found.say(
                at, "应为一个分隔符，如逗号", "should be one sign that stands between digits, such as a comma"
            )
        return mark

    def how(self, at: str, name: Any) -> How:
        if name not in [how.value for how in How]:
            near, known = nearest(str(name), How), ", ".join(How)
            zh, en = (
                f"未知的转换；可用：{known}{nearest_zh(near)}",
                f"{name} is no known conversion; there are: {known}{nearest_en(near)}",
            )
            self.found.say(f"{at}.as", zh, en)
            return How.text
        return How(name)

    def _zone(self, at: str, how: How, value: Map[str, Any]) -> str:
        if how is not How.timestamp:
            return ""
        zone = value.get("zone")
        if zone is None:
            self.found.say(
                f"{at}.zone", "须声明时区（offset 或时区名）", "declare the zone: `offset` (in the text) or a name"
            )
        elif zone != "offset" and str(zone) not in _zones():
            near = ["Asia/Shanghai"] if _BEIJING.fullmatch(str(zone)) else nearest(str(zone), _zones())
            self.found.say(
                f"{at}.zone", f"未知时区 {zone}{nearest_zh(near)}", f"{zone} is no known time zone{nearest_en(near)}"
            )
        elif zone != "UTC" and isinstance(forms := value.get("formats"), list) and forms and set(forms) <= set(EPOCHS):
            zh, en = f"{forms[0]} 按 UTC 计：zone 应为 UTC", f"{forms[0]} is counted in UTC: the zone should be UTC"
            self.found.say(f"{at}.zone", zh, en)
        return str(zone)

    def _notation(self, at: str, how: How, value: Map[str, Any]) -> str:
        if how not in {How.latitude, How.longitude}:
            return "decimal"
        datum = value.get("datum")
        if datum is None:
            self.found.say(f"{at}.datum", "坐标系未声明", "declare the datum of the coordinates, e.g. WGS84")
        elif datum not in DATUMS:
            known = ", ".join(DATUMS)
            self.found.say(f"{at}.datum", f"未知坐标系 {datum}；可用 {known}", f"{datum} is no datum of: {known}")
        return self.one_of(f"{at}.notation", value.get("notation"), ("decimal", "dms"))

    def _between(self, at: str, how: How, value: Any) -> tuple[str, str] | None:
        if value is None:
            return None
        if not (isinstance(value, list) and len(value) == 2):
            self.found.say(f"{at}.between", "应为 [下限, 上限]", "should be [lowest, highest]")
            return None
        try:
            if how in {How.timestamp, How.date, How.birth_date}:
                ends = [v if isinstance(v, date) else datetime.fromisoformat(str(v)) for v in value]
                if how is How.timestamp and re.fullmatch(r"\d{4}-?\d\d-?\d\d", str(value[1])):
                    ends[1] = datetime.combine(ends[1], time.max)  # the last day is in it
                told, turned = (ends[0].isoformat(), ends[1].isoformat()), _moment(ends[0]) > _moment(ends[1])
            else:
                low, high = float(value[0]), float(value[1])
                if not (isfinite(low) and isfinite(high)):
                    raise ValueError("no finite range")
                told, turned = (repr(low), repr(high)), low > high
        except (ValueError, TypeError, OverflowError):
            self.found.say(f"{at}.between", "上下限不可读", "its ends cannot be read")
            return None
        if turned:
            self.found.say(
                f"{at}.between", "下限大于上限，应为 [下限, 上限]", "should be [lowest, highest], the lowest first"
            )
        return told

    def _codes(self, at: str, how: How, value: Map[str, Any]) -> Codes | None:
        if how is not How.code:
            return None
        own = f"standards/{value.get('codes')}.codes.yaml"
        places = (own, f"codes/{value.get('codes')}.yaml", f"{LIBRARY}/{value.get('codes')}.yaml")
        file = next((place for place in places if place in self.files), "")
        unread = next((place for place in places if is_unread(self.files, place)), "")
        if unread or not file:
            zh, en = f"没有代码表 {own}，代码表库中也没有", f"there is no code table {own}, nor one in the library"
            if unread:
                zh, en = f"{unread} 不可读", f"{unread} cannot be read"
            self.found.say(f"{at}.codes", zh, en)
            return None
        self.used.append(file)
        found = Found(file)
        wrong = table_of(file, self.files[file])[1] if file == places[1] else []
        if wrong:
            self.found.problems += [problem for problem in wrong if problem not in self.found.problems]
            return None
        given = self.files[file] if file == own else reading.of_library(self.files[file])
        if file != own and not given["codes"]:
            zh, en = "库中没有这套代码的内容", "the library names this code system and does not hold its codes"
            self.found.say(f"{at}.codes", zh, en)
            return None
        codes = _code_table(found, str(value["codes"]), given, str(value.get("on", "")))
        self.found.problems += [problem for problem in found.problems if problem not in self.found.problems]
        return codes

    def one_of(self, at: str, value: Any, known: tuple[str, ...]) -> str:
        if value not in known:
            self.found.say(at, f"应为 {'、'.join(known)} 之一", f"should be one of {', '.join(known)}")
            return known[0]
        return str(value)


def _alike(one: str, other: str) -> bool:
    """Whether a number is the same in both units."""
    turn = step(one, other)
    return one == other or (turn is not None and (turn.n, turn.m) == (turn.d, 0))


def _is_time_format(form: str) -> bool:
    """Whether a text can be a time by `form`: it has a year, and what it says is known to every engine."""
    signs = re.findall(r"%-?(.?)", form)
    once = len(signs) == len(set(signs)) and set(signs) <= set("YmbBdaAHIpMSf")
    return (
        once
        and "Y" in signs
        and len({"m", "b", "B"} & set(signs)) < 2
        and ("I" in signs) == ("p" in signs)
        and not {"H", "I"} <= set(signs)
    )


def _moment(end: date) -> datetime:
    """An end of a period to compare with the other; without an offset as if it were of UTC."""
    moment = end if isinstance(end, datetime) else datetime(end.year, end.month, end.day)  # noqa: DTZ001
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _code_table(found: Found, name: str, given: Any, on: str = "") -> Codes | None:
    table = found.only(given, "", {"title", "source", "match", "codes", "note"})
    entries = table.get("codes")
    if not (isinstance(entries, dict) and entries):
        found.say("codes", "代码表为空", "the code table is empty")
        return None
    if table.get("match", "whole") not in ("whole", "prefix"):
        found.say("match", "应为 whole 或 prefix", "should be whole or prefix")
    for code, entry in entries.items():
        to = found.only(entry, f"codes.{code}", _OF_CODES).get("to") if isinstance(entry, dict) else entry
        if to is None:
            found.say(f"codes.{code}", "缺少取值（to）", "has no value (`to`)")
        found.word(f"codes.{code}", to)
    codes = reading.codes_of(found.say, entries)
    whole = table.get("match", "whole") == "whole"
    return Codes(name, whole, tuple(sorted(codes, key=lambda c: (-len(c.starts), c.starts))), on)


@functools.cache
def _zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())
