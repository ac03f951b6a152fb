"""The library of data elements: reading its packs and code tables, and finding an element by what people call it.

A pack says for each element its id, names, pinyin and initials, synonyms, type, format, check, code table, unit and
sensitivity, in the manner of GA/T 543; docs/reference/elements.md lists them. `library_of` reads parsed files and
tells every mistake at once; `index_of` and `found` look an element up by a column's name.
Must never know: files, columns' values. Contract: tests/harmonise/elements/test_elements_library.py.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterable
from collections.abc import Mapping as Map
from datetime import date
from typing import Any

from datong.ground.refusal import Problem, Text
from datong.harmonise.model.elements import (
    By,
    CodeEntry,
    CodeTable,
    DataElement,
    Format,
    Hit,
    Library,
    Pack,
    Sensitivity,
)
from datong.harmonise.model.mappings import Type
from datong.harmonise.model.texts import NAME, Files
from datong.harmonise.rules.found import Found, nearest

CHECKS = (
    "plate", "resident_id", "credit_code", "vin", "phone", "division_code", "luhn", "email", "url", "uuid", "iso_date",
    "longitude", "latitude",
)  # fmt: skip
"""The value checks that an element may name."""
CONFIDENCE = ("high", "medium", "low")
WRITES = {
    "c": {Type.string},
    "n": {Type.integer, Type.number, Type.string},
    "d8": {Type.date},
    "d14": {Type.timestamp},
    "t6": {Type.string},
    "b": {Type.boolean},
    "u": {Type.string},
}
"""The types that each kind of format can write."""

WAYS: Map[str, Text] = {
    "c18": Text("定长 18 个字符", "18 characters"),
    "c..50": Text("不超过 50 个字符", "up to 50 characters"),
    "c5..10": Text("5 至 10 个字符", "5 to 10 characters"),
    "n4": Text("定长 4 位数字", "4 digits"),
    "n..3": Text("不超过 3 位数字", "up to 3 digits"),
    "n13..19": Text("13 至 19 位数字", "13 to 19 digits"),
    "n..18,2": Text("不超过 18 位数字，其中小数 2 位", "up to 18 digits, 2 of them after the point"),
    "d8": Text("日期 YYYYMMDD", "a date, YYYYMMDD"),
    "d14": Text("日期时间 YYYYMMDDhhmmss", "a date and time, YYYYMMDDhhmmss"),
    "t6": Text("时刻 hhmmss", "a time of day, hhmmss"),
    "b": Text("是或否", "yes or no"),
    "u": Text("长度不限的文本", "text of any length"),
}
"""An example of every way of writing, and what it says. The notation is that of GA/T 543; `t6`, `b`, `u` are ours."""

_ID = re.compile(r"[A-Z][A-Z0-9]*(-[A-Z0-9]+)+")
_VERSION = re.compile(r"\d+\.\d+\.\d+")
_CHINESE = re.compile(r"[\u3400-\u9fff]")
_SIGNS = re.compile(r"(?P<kind>[cn])(?P<low>\d{1,6})?(?:\.\.(?P<high>\d{1,6}))?(?:,(?P<decimals>\d{1,2}))?")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_REMARK = re.compile(r"[（(\[【].*?[）)\]】]")
_SHORTEST_INITIALS = 2
_SHORTEST_SYNONYM_INITIALS = 3


# --- reading -----------------------------------------------------------------------------------------------------


def library_of(files: Files) -> tuple[Library, list[Problem]]:
    """The packs and code tables in `files` ({elements/<pack>.yaml, codes/<table>.yaml: parsed YAML}) that are right,
    and everything wrong with the others."""
    problems: list[Problem] = []
    tables: dict[str, CodeTable] = {}
    for path in _below(files, "codes"):
        table, wrong = table_of(path, files[path])
        problems += wrong
        if table is not None:
            tables[table.name] = table
    named = {path.removeprefix("codes/").removesuffix(".yaml") for path in _below(files, "codes")}
    packs = []
    for path in _below(files, "elements"):
        pack, wrong = pack_of(path, files[path], named)
        problems += wrong
        if pack is not None:
            packs.append(pack)
    problems += _shared(packs)
    packs.sort(key=lambda pack: (pack.name != "common", pack.name))
    return Library(tuple(packs), tables), problems


def pack_of(path: str, given: Any, tables: Iterable[str]) -> tuple[Pack | None, list[Problem]]:
    """The pack in a file, or everything wrong with it. tables: the names of the code tables there are."""
    found = Found(path)
    value = found.only(given, "", {"pack", "version", "title", "note", "elements"})
    name = path.removeprefix("elements/").removesuffix(".yaml")
    if value.get("pack") != name or not NAME.fullmatch(name):
        found.say("pack", "应与文件名相同（小写）", "should be the file's name, in lower case")
    title = _text(found, "title", value.get("title"))
    version = _version(found, value.get("version"))
    entries = value.get("elements")
    if not isinstance(entries, dict) or not entries:
        found.say("elements", "应为 标识符: 数据元", "should list elements under their ids")
        entries = {}
    known = sorted(tables)
    elements = [element for id, entry in entries.items() if (element := _element(found, str(id), entry, known))]
    if found.problems or title is None:
        return None, found.problems
    return Pack(name, version, title, str(value.get("note", "")).strip(), tuple(elements)), []


_KEYS = {
    "name", "zh", "en", "pinyin", "initials", "pinyin_note", "synonyms", "type", "format", "check", "codes", "unit",
    "sensitivity", "sensitivity_reason", "source",
}  # fmt: skip


def _element(found: Found, id: str, given: Any, tables: list[str]) -> DataElement | None:
    before = len(found.problems)
    value = found.only(given, id, _KEYS)

    def said(key: str, form: str, zh: str, en: str) -> str:
        text = value.get(key)
        if isinstance(text, str) and re.search(form, text):
            return text
        found.say(f"{id}.{key}", zh, en)
        return ""

    def one_of(key: str, known: Iterable[str], *, needed: bool = False) -> str:
        text = value.get(key, "")
        if (text or needed) and (not isinstance(text, str) or text not in set(known)):
            near = nearest(str(text), known) or sorted(known)
            found.say(
                f"{id}.{key}", f"未知；相近：{', '.join(near[:8])}", f"is not known; near it: {', '.join(near[:8])}"
            )
        return str(text)

    if not _ID.fullmatch(id):
        found.say(id, "标识符应如 DT-TR-0001", "the id should look like DT-TR-0001")
    name = said("name", rf"^{NAME.pattern}$", "应为小写英文名称", "should be a-z, 0-9 and _")
    zh = said("zh", _CHINESE.pattern, "应有中文名称", "should be the Chinese name")
    en = said("en", r"\S", "应有英文名称", "should be the English name")
    pinyin = said("pinyin", r"^[a-z0-9]+$", "应为全拼（小写连写）", "should be the full pinyin, lower case, in one")
    initials = said("initials", r"^[A-Z0-9]+$", "应为拼音首字母（大写）", "should be the initials, upper case")
    source = said("source", r"\S", "应写明标准或 own", "should name the standard, or own")
    type_ = one_of("type", Type, needed=True)
    shape = format_of(str(value.get("format", "")))
    if shape is None:
        found.say(f"{id}.format", "不是已知的写法", "is no known way of writing (docs/reference/elements.md)")
    elif type_ in set(Type) and (Type(type_) not in WRITES[shape.kind] or (type_ == Type.integer and shape.decimals)):
        found.say(f"{id}.format", f"不能表示 {type_}", f"cannot write a {type_}")
    check, codes = one_of("check", CHECKS), one_of("codes", tables)
    sensitivity = one_of("sensitivity", Sensitivity, needed=True)
    reason = value.get("sensitivity_reason")
    why = _text(found, f"{id}.sensitivity_reason", reason) if reason is not None else None
    if sensitivity == Sensitivity.sensitive and reason is None:
        found.say(f"{id}.sensitivity_reason", "敏感数据元应写明理由", "a sensitive element says why it is")
    synonyms = value.get("synonyms")
    if not isinstance(synonyms, list) or not synonyms or not all(isinstance(s, str) and s.strip() for s in synonyms):
        found.say(f"{id}.synonyms", "应为同义词列表", "should be a list of the words in use")
        synonyms = []
    for twice in sorted({s for s in synonyms if synonyms.count(s) > 1}):
        found.say(f"{id}.synonyms", f"{twice} 出现两次", f"{twice} is there twice")
    if len(found.problems) > before or shape is None:
        return None
    return DataElement(
        id, name, zh, en, pinyin, initials, tuple(synonyms), Type(type_), str(value["format"]), shape,
        Sensitivity(sensitivity), source, check, codes, str(value.get("unit", "")), why,
        str(value.get("pinyin_note", "")),
    )  # fmt: skip


def format_of(text: str) -> Format | None:
    """What a way of writing says: c18, c..50, c5..10, n..3, n..18,2, d8, d14, t6, b, u; None when it is none."""
    if text in WRITES and text not in ("c", "n"):
        return Format(text)
    form = _SIGNS.fullmatch(text)
    if not form or not (form["low"] or form["high"]) or (form["decimals"] and form["kind"] != "n"):
        return None
    low = int(form["low"] or 0)
    high = int(form["high"]) if form["high"] else low
    decimals = int(form["decimals"] or 0)
    return Format(form["kind"], low, high, decimals) if low <= high and decimals <= high else None


def table_of(path: str, given: Any) -> tuple[CodeTable | None, list[Problem]]:
    """The code table in a file, or everything wrong with it."""
    found = Found(path)
    keys = {"table", "version", "title", "source", "confidence", "partial", "match", "system", "note", "codes"}
    value = found.only(given, "", keys)
    name = path.removeprefix("codes/").removesuffix(".yaml")
    if value.get("table") != name or not NAME.fullmatch(name):
        found.say("table", "应与文件名相同（小写）", "should be the file's name, in lower case")
    title = _text(found, "title", value.get("title"))
    version = _version(found, value.get("version"))
    if not str(value.get("source", "")).strip():
        found.say("source", "应写明来源", "should say where the codes are from")
    if value.get("confidence") not in CONFIDENCE:
        kinds = ", ".join(CONFIDENCE)
        found.say("confidence", f"应为 {kinds} 之一", f"should be one of {kinds}")
    if value.get("match", "whole") not in ("whole", "prefix"):
        found.say("match", "应为 whole 或 prefix", "should be whole or prefix")
    entries = value.get("codes", {})
    if not isinstance(entries, dict) or not (entries or value.get("system")):
        found.say("codes", "应列出代码，或写明 system", "should list codes, or the table should name its system")
        entries = {}
    codes = {str(code): _entry(found, code, entry) for code, entry in entries.items()}
    _successors_known(found, codes)
    if found.problems or title is None:
        return None, found.problems
    table = CodeTable(
        name, version, title, str(value["source"]), str(value["confidence"]), codes,
        system=str(value.get("system", "")), whole=value.get("match", "whole") == "whole",
        partial=bool(value.get("partial", False)), note=str(value.get("note", "")).strip(),
    )  # fmt: skip
    return table, []


def _entry(found: Found, code: Any, given: Any) -> CodeEntry:
    at = f"codes.{code}"
    if not isinstance(code, str):
        found.say(at, "代码应加引号（否则前导零会丢失）", "the code needs quotes, or its leading zeros are lost")
    value = found.only(given, at, {"zh", "en", "also", "valid_from", "valid_to", "successor"})
    if not str(value.get("zh", "")).strip():
        found.say(f"{at}.zh", "应有中文名称", "should be the Chinese name")
    days: dict[str, date | None] = {}
    for key in ("valid_from", "valid_to"):
        day = value.get(key)
        days[key] = day if isinstance(day, date) else None
        if day is not None and days[key] is None:
            found.say(f"{at}.{key}", "应为 YYYY-MM-DD", "should be a date, YYYY-MM-DD")
    first, last = days["valid_from"], days["valid_to"]
    if first and last and first >= last:
        found.say(f"{at}.valid_to", "应晚于 valid_from", "should be after valid_from")
    lists = {}
    for key in ("also", "successor"):
        words = value.get(key, [])
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            found.say(f"{at}.{key}", "应为文本列表（加引号）", "should be a list of texts, in quotes")
            words = []
        lists[key] = tuple(words)
    return CodeEntry(
        str(code), str(value.get("zh", "")), str(value.get("en", "")), lists["also"], first, last, lists["successor"]
    )


def _successors_known(found: Found, codes: Map[str, CodeEntry]) -> None:
    meant: dict[str, str] = {}
    for code, entry in codes.items():
        for other in entry.successor:
            if other not in codes or other == code:
                found.say(f"codes.{code}.successor", f"{other} 不在表中", f"{other} is not in the table")
        if entry.successor and entry.valid_to is None:
            found.say(
                f"codes.{code}.valid_to", "有后继代码则应写明失效日期", "a code with a successor says until when it was"
            )
        for word in entry.also:
            if meant.setdefault(word, code) != code or (word in codes and word != code):
                found.say(f"codes.{code}.also", f"{word} 已有别的含义", f"{word} means another code already")


def _shared(packs: Iterable[Pack]) -> list[Problem]:
    """Ids and names that two elements share, over all packs."""
    seen: dict[tuple[str, str], str] = {}
    problems = []
    for pack in packs:
        for element in pack.elements:
            here = f"elements/{pack.name}.yaml: {element.id}"
            for what in ("id", "name", "zh"):
                there = seen.setdefault((what, getattr(element, what)), here)
                if there is not here:
                    said = getattr(element, what)
                    problems.append(Problem(here, f"{said} 已用于 {there}", f"{said} is used already by {there}"))
    return problems


def _below(files: Files, folder: str) -> list[str]:
    return sorted(path for path in files if re.fullmatch(rf"{folder}/[^/]+\.yaml", path))


def _text(found: Found, at: str, value: Any) -> Text | None:
    if isinstance(value, dict) and set(value) == {"zh", "en"} and all(str(v).strip() for v in value.values()):
        return Text(str(value["zh"]), str(value["en"]))
    found.say(at, "应有 zh 和 en", "should have zh and en")
    return None


def _version(found: Found, value: Any) -> str:
    if not isinstance(value, str) or not _VERSION.fullmatch(value):
        found.say("version", "应如 1.0.0", "should look like 1.0.0")
    return str(value)


# --- finding -----------------------------------------------------------------------------------------------------

Index = Map[str, tuple[Hit, ...]]
"""Key of a word (`normalised`, without "_") -> what it may mean, the surest first."""


def normalised(text: str) -> str:
    """One way of writing a column's name: half-width, lower case, its words divided by one "_".

    VehicleNum, vehicle-num, ＶＥＨＩＣＬＥ＿ＮＵＭ and " Vehicle num " all become vehicle_num.
    """
    plain = unicodedata.normalize("NFKC", text).replace("\ufeff", "")
    return re.sub(r"[\W_]+", "_", _HUMP.sub("_", plain)).strip("_").casefold()


@functools.lru_cache(maxsize=50_000)
def syllables_of(plain: str) -> tuple[str, ...]:
    """The syllables of a text without blanks and signs; runs of other letters as they are."""
    from pypinyin import lazy_pinyin  # noqa: PLC0415 - 0.8 s, only for those who look words up

    return tuple(lazy_pinyin(plain))


def pinyin_of(text: str) -> tuple[str, str]:
    """The full pinyin of a Chinese text, in one, and its initials: 车牌号 -> chepaihao, CPH. ü is written v."""
    said = syllables_of(normalised(text).replace("_", ""))
    return "".join(said), "".join(part if part.isdigit() else part[0] for part in said).upper()


def index_of(library: Library) -> Index:
    """Every word by which an element of the library may be found."""
    index: dict[str, dict[str, Hit]] = {}

    def add(word: str, element: DataElement, by: By, said: str) -> None:
        hits = index.setdefault(key_of(word), {})
        if element.name not in hits or by < hits[element.name].by:
            hits[element.name] = Hit(element, by, said)

    for element in library.elements:
        add(element.name, element, By.standard_name, element.name)
        add(element.zh, element, By.zh, element.zh)
        add(element.en, element, By.en, element.en)
        add(element.pinyin, element, By.pinyin, element.pinyin)
        if len(element.initials) >= _SHORTEST_INITIALS:
            add(element.initials, element, By.initials, element.initials)
        for synonym in element.synonyms:
            add(synonym, element, By.synonym, synonym)
            if _CHINESE.search(synonym):
                full, initials = pinyin_of(synonym)
                add(full, element, By.synonym_pinyin, synonym)
                if len(initials) >= _SHORTEST_SYNONYM_INITIALS:
                    add(initials, element, By.synonym_initials, synonym)
    return {key: tuple(sorted(hits.values(), key=lambda hit: hit.by)) for key, hits in index.items() if key}


def found(index: Index, text: str) -> tuple[Hit, ...]:
    """What a column called `text` may mean, the surest first; none when the library does not know the word.

    A remark in brackets is left out when the whole is unknown, and Chinese that is unknown is tried by its sound,
    which finds words written with a wrong sign of the same sound.
    """
    without = _REMARK.sub("", text)
    for word in dict.fromkeys((text, without)):
        hits = index.get(key_of(word), ())
        if hits:
            return hits
    if _CHINESE.search(without):
        full, _ = pinyin_of(without)
        return tuple(hit for hit in index.get(full, ()) if hit.by in (By.pinyin, By.synonym_pinyin))
    return ()


@functools.lru_cache(maxsize=50_000)
def key_of(text: str) -> str:
    """What of a name is the same however it is written: 车牌-号 and 车牌号, plateNo and PLATE_NO."""
    return normalised(text).replace("_", "")


def current(table: CodeTable, code: str, day: date) -> tuple[CodeEntry, ...]:
    """What a code stands for on a day: itself while it is valid, else those that took its place; none if unknown."""
    now: dict[str, CodeEntry] = {}
    asked = [code]
    for one in asked:
        entry = table.entries.get(one)
        if entry is None or (entry.valid_from is not None and day < entry.valid_from):
            continue
        if entry.valid_on(day):
            now[one] = entry
        else:
            asked += [other for other in entry.successor if other not in asked]
    return tuple(now.values())
