"""Reading what a mapping says of the meaning of a column: units, signs, datums, words, and the points of coordinates.

Must never know: files, data. Contract: tests/harmonise/meaning/test_meaning_conversions.py.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable
from collections.abc import Mapping as Map
from dataclasses import replace
from datetime import date
from typing import Any

from datong.harmonise.model.mappings import Code, Column, Element, How, Meaning, Type
from datong.harmonise.rules import amounts, datums, units
from datong.harmonise.rules.conversions.cleaning import half_width

Say = Callable[[str, str, str], None]
"""Tell a problem: where, zh, en."""

KEYS: Map[How, set[str]] = {
    How.number: {"unit", "carries_unit", "currency", "multipliers", "percent", "accounting", "negative", "decimal"},
    How.latitude: {"with"},
    How.longitude: {"with"},
    How.date: {"formats", "century", "between"},
    How.boolean: {"when_true", "when_false"},
    How.birth_date: {"of", "century", "between"},
    How.sex: {"of", "century"},
    How.text: {"digits"},
    How.code: {"on", "digits"},
}
"""The keys of each conversion that are read here."""
HIDING = (How.resident_id.value, "birth_number")
DAY_FORMATS = ("%Y-%m-%d",)
DIGITS_MAX = 40


def meaning_of(say: Say, at: str, how: How, element: Element, value: Map[str, Any], *, typed: bool = False) -> Meaning:
    """The meaning in the keys of one column; what is wrong with it is told. typed: as in Meaning."""

    def words(key: str, default: tuple[str, ...]) -> tuple[str, ...]:
        given = value.get(key, list(default))
        if not isinstance(given, list) or not all(isinstance(word, str | int | float) for word in given):
            say(f"{at}.{key}", "应为列表", "should be a list")
            return default
        return tuple(half_width(str(word).lower() if isinstance(word, bool) else str(word)).strip() for word in given)

    def yes(key: str) -> bool:
        given = value.get(key, False)
        if not isinstance(given, bool):
            say(f"{at}.{key}", "应为 true 或 false", "should be true or false")
        return given is True

    if how is How.number:
        found = _of_number(say, at, element, value, words, yes)
        return replace(found, typed=typed and found.decimal != "." and half_width(str(value.get("thousands"))) == ".")
    if how is How.boolean:
        found = Meaning(true=words("when_true", ("true",)), false=words("when_false", ("false",)))
        if shared := {w.lower() for w in found.true} & {w.lower() for w in found.false}:
            told = ", ".join(sorted(shared))
            say(f"{at}.when_false", f"同一词既为是又为否：{told}", f"these words mean yes and no: {told}")
        return found
    if how in {How.latitude, How.longitude}:
        asked = value.get("datum", "WGS84")
        datum = asked if isinstance(asked, str) and asked in datums.DEPTH else element.datum
        turned = datums.DEPTH[datum] != datums.DEPTH[element.datum]
        return Meaning(datum=datum, partner=str(value.get("with", "")) if turned else "")
    if how in {How.date, How.birth_date, How.sex}:
        return _of_day(say, at, how, value)
    return Meaning(digits=digits_of(say, at, value)) if how in {How.text, How.code} else Meaning()


def digits_of(say: Say, at: str, value: Map[str, Any]) -> int:
    """How many digits a code has; 0 where nothing is said."""
    given = value.get("digits")
    if given is None or (isinstance(given, int) and not isinstance(given, bool) and 2 <= given <= DIGITS_MAX):
        return given or 0
    say(f"{at}.digits", f"应为 2 至 {DIGITS_MAX} 的整数", f"should be a whole number from 2 to {DIGITS_MAX}")
    return 0


def _of_number(say: Say, at: str, element: Element, value: Map[str, Any], words: Any, yes: Any) -> Meaning:
    found = Meaning(
        unit=str(value.get("unit", "")),
        multipliers=words("multipliers", ()),
        percent=yes("percent"),
        accounting=yes("accounting"),
        currency=_one_of(say, f"{at}.currency", value.get("currency", ""), amounts.CURRENCY),
        negative=_one_of(say, f"{at}.negative", value.get("negative", ""), amounts.SIDES),
        marked="negative" in value and "then" in value,
        carries_unit=yes("carries_unit"),
        decimal=_decimal(say, at, value),
    )
    if found.carries_unit and (found.percent or not _may_say_its_unit(element)):
        zh, en = (
            "元素应为有单位的数，且不是比率（比率用 percent）",
            "the element should be a number that has a unit, and no share (for which there is `percent`)",
        )
        say(f"{at}.carries_unit", zh, en)
        found = replace(found, carries_unit=False)
    if found.currency:
        found = replace(found, currency=_currency(say, f"{at}.currency", element, found))
    turned = found.unit or found.multipliers or found.percent
    if turned and element.type is not Type.number:
        zh, en = "仅 number 类型的元素可换算", "only an element of type number can be converted"
        say(at, zh, en)
    if found.unit and element.unit not in units.UNITS:
        told = f"（{element.unit}）" if element.unit else ""
        zh = f"标准中该元素的单位{told}缺失或未知，无法换算；请在标准中写明 unit"
        en = f"the standard gives the element no unit{' that is known: ' + element.unit if element.unit else ''}"
        say(f"{at}.unit", zh, f"{en}; say its `unit` there, or leave `unit` out here")
    elif found.unit and units.step(found.unit, element.unit) is None:
        there = element.unit
        known = ", ".join(units.like(element.unit)[:12])
        say(
            f"{at}.unit",
            f"{found.unit} 不能换算为 {there}；可换算的有：{known}",
            f"{found.unit} cannot be turned into {there}, the element's unit; these can: {known}",
        )
    for sign in found.multipliers:
        if sign not in amounts.MULTIPLIERS:
            known = ", ".join(amounts.MULTIPLIERS)
            say(f"{at}.multipliers", f"未知的倍数 {sign}；已知：{known}", f"{sign} is not known; there are: {known}")
    if found.percent and (found.unit or units.step("1", element.unit or "1") is None):
        say(f"{at}.percent", "百分数的元素单位应为 1 或 %", "the element's unit should be 1 or %, and `unit` not given")
    return found if all(sign in amounts.MULTIPLIERS for sign in found.multipliers) else Meaning()


def _one_of(say: Say, at: str, given: Any, known: Iterable[str]) -> str:
    if given == "" or given in (words := list(known)):
        return str(given)
    told = ", ".join(words)
    say(at, f"应为 {told} 之一", f"should be one of {told}")
    return ""


def _currency(say: Say, at: str, element: Element, found: Meaning) -> str:
    """The currency, where the element is in it, and it is said in which unit the numbers are: the sign does not."""
    currency = found.currency
    if not element.unit and not found.percent and element.type is not Type.string:
        return currency
    if found.percent or not (amount := units.step(currency, element.unit)):
        if found.percent or not any(units.step(f"{currency}/{of}", element.unit) for of in ("kW.h", "m2", "kg")):
            zh = f"元素应为 {currency} 的金额或价格，或没有单位的数"
            say(at, zh, f"the element should be an amount or a price in {currency}, or a number without a unit")
            return ""
    elif amount != units.Step(1, 0, 1) and not found.unit:
        one = "元" if currency == "CNY" else currency
        zh = f"元素以 {element.unit} 计，而货币符号只说明币种：请写明数的 unit（{one}或 {element.unit}）"
        en = f"the element is in {element.unit}, and the sign tells the currency alone: say the `unit` of the numbers"
        say(at, zh, f"{en} ({one} or {element.unit})")
    return currency


def _may_say_its_unit(element: Element) -> bool:
    """Whether the unit may stand behind its numbers. Of shares it is declared by `percent`: of 0.56 among 56% nobody
    knows what it is; nor is a text of digits a quantity."""
    share = units.step("1", element.unit) is not None
    return bool(element.unit) and not share and element.type in {Type.number, Type.integer}


def _decimal(say: Say, at: str, value: Map[str, Any]) -> str:
    """The decimal sign: a comma where the point parts thousands."""
    thousands = half_width(str(value.get("thousands") or ""))
    given = value.get("decimal", "," if thousands == "." else ".")
    mark = half_width(given) if isinstance(given, str) else ""
    if mark not in (".", ","):
        say(f"{at}.decimal", "应为 . 或 ,", "should be . or , in quotes")
        return "."
    if mark == thousands:
        say(f"{at}.decimal", "不能与 thousands 相同", "is the sign of `thousands`, too: it can be one of them")
    return mark


def _of_day(say: Say, at: str, how: How, value: Map[str, Any]) -> Meaning:
    century, of = value.get("century"), str(value.get("of", ""))
    if century is not None and not (isinstance(century, int) and century % 100 == 0 and 1800 <= century <= 2100):
        say(f"{at}.century", "应为 1900 等", "should be a whole century, like 1900")
        century = None
    if how is How.date:
        for form in value.get("formats", DAY_FORMATS):
            two = "%y" in str(form)
            signs = sorted(re.findall("%(.?)", str(form).replace("%y", "%Y")))
            if form != amounts.EXCEL and not (
                "Y" in signs and set(signs) <= {*"Ymd"} and len(signs) == len(set(signs))
            ):
                say(f"{at}.formats", f"{form} 只应含 %Y %m %d", f"{form} should hold %Y, %m and %d (or be `excel`)")
            if two and (century is None or not str(form).startswith("%y")):
                zh = "两位年份须声明 century，且位于开头"
                say(f"{at}.century", zh, "years of two digits need `century`, and stand first")
    elif of not in HIDING:
        say(f"{at}.of", f"应为 {'、'.join(HIDING)} 之一", f"should be one of {', '.join(HIDING)}")
    elif of == "birth_number" and century is None:
        say(f"{at}.century", "须声明世纪", "declare the century of the years, e.g. 1900")
    return Meaning(century=century, of=of)


def points(say: Say, columns: Iterable[Column]) -> None:
    """Tell of coordinates whose datum is to be changed and whose other half is not there, or differs."""
    by_name = {column.element.name: column for column in columns}
    for name, column in by_name.items():
        if column.how not in {How.latitude, How.longitude}:
            continue
        meaning = column.meaning
        if datums.DEPTH[meaning.datum] == datums.DEPTH[column.element.datum]:
            continue
        at = f"columns.{name}.with"
        other = by_name.get(meaning.partner)
        if other is None or other.how not in {How.latitude, How.longitude} or other.how is column.how:
            zh = f"{meaning.datum} 换算须写明同一点的另一坐标，如 with: latitude"
            say(at, zh, f"{meaning.datum} is converted point by point: name the element with the other coordinate")
            continue
        same = (other.meaning.datum, other.meaning.partner, other.element.datum)
        if same != (meaning.datum, name, column.element.datum):
            zh, en = (
                f"{meaning.partner} 应有相同的 datum 且 with: {name}",
                (f"{meaning.partner} should have the same datum, and `with: {name}`"),
            )
            say(at, zh, en)


def codes_of(say: Say, entries: Map[Any, Any]) -> list[Code]:
    """The entries of a code table: {code: value}, or {code: {to, zh, en, valid_from, valid_to, successor}}."""
    found: dict[str, Code] = {}
    for key, entry in entries.items():
        told = entry if isinstance(entry, dict) else {"to": entry}
        first, last = (_day(say, f"codes.{key}.{name}", told.get(name)) for name in ("valid_from", "valid_to"))
        after = told.get("successor", [])
        successor = tuple(map(str, after if isinstance(after, list) else [after]))
        for other in successor:
            if other not in map(str, entries) or other == str(key):
                say(f"codes.{key}.successor", f"{other} 不在表中", f"{other} is not in the table")
        if successor and last is None:
            zh, en = "有后继代码则应写明失效日期", "a code with a successor says until when it was"
            say(f"codes.{key}.valid_to", zh, en)
        if first is not None and last is not None and first >= last:
            zh, en = "失效日期应晚于启用日期", "a code ends after the day on which it begins"
            say(f"codes.{key}.valid_to", zh, en)
        code = Code(_as_read(key), str(told.get("to", key)), first, last, tuple(map(_as_read, successor)))
        if found.setdefault(code.starts, code) != code:
            zh, en = "半角写法与另一代码相同而取值不同", "is another code of the table once it is written half-width"
            say(f"codes.{key}", zh, en)
    return list(found.values())


def _as_read(code: Any) -> str:
    """A code as a cleaned text has it."""
    return half_width(str(code)).strip()


def of_library(table: Map[str, Any]) -> dict[str, Any]:
    """A code table of the library as one of a workspace: a code stands for itself, and its names, and what else means
    the same elsewhere, for the code. A word that means several codes means none."""
    entries: dict[str, Any] = {}
    words: dict[str, set[str]] = {}
    for code, entry in table.get("codes", {}).items():
        days = {key: entry[key] for key in ("valid_from", "valid_to", "successor") if key in entry}
        entries[code] = {"to": code, **days}
        for word in (entry.get("zh"), entry.get("en"), *entry.get("also", ())):
            if word:
                words.setdefault(str(word), set()).add(code)
    for word, codes in words.items():
        if len(codes) == 1 and word not in entries:
            entries[word] = entries[next(iter(codes))]
    return {"codes": entries, "match": table.get("match", "whole")}


def _day(say: Say, at: str, given: Any) -> date | None:
    if given is None or isinstance(given, date):
        return given
    if isinstance(given, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", given):
        with contextlib.suppress(ValueError):
            return date.fromisoformat(given)
    say(at, "应为 YYYY-MM-DD", "should be a date, YYYY-MM-DD")
    return None


def dated(say: Say, columns: Iterable[Column]) -> list[Column]:
    """The columns, those whose codes must be valid on a day with the zone in which that day is counted."""
    every = list(columns)
    by_name = {column.element.name: column for column in every}

    def with_zone(column: Column) -> Column:
        if column.codes is None or not column.codes.on:
            return column
        day = by_name.get(column.codes.on)
        if day is None or day.element.type not in {Type.date, Type.timestamp}:
            at = f"columns.{column.element.name}.on"
            say(at, "应为本映射中的日期或时间元素", "should be a mapped element of type date or timestamp")
            return column
        zone = "" if day.element.type is Type.date else "UTC" if day.zone in ("", "offset") else day.zone
        return replace(column, codes=replace(column.codes, zone=zone))

    return [with_zone(column) for column in every]
