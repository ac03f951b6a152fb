"""What changed between two versions of a pack, a code table or a standard, and what that does to the version number.

A change is breaking when data or mappings that were right under the old version can be wrong under the new one, or
when a value would be treated with less care. Must never know: files, data.
Contract: tests/harmonise/elements/test_elements_changes.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from collections.abc import Mapping as Map
from dataclasses import dataclass

from datong.ground.refusal import Problem, Text
from datong.harmonise.model.elements import Change, CodeEntry, CodeTable, DataElement, Format, Level, Pack, Sensitivity
from datong.harmonise.model.mappings import WGS84, Element, Standard, Type
from datong.harmonise.model.refusals import NOT_A_VERSION, VERSION_HIDES
from datong.harmonise.rules.datums import DEPTH
from datong.harmonise.rules.elements import format_of, normalised

Versioned = Pack | Standard | CodeTable

KINDS: Map[str, tuple[Level, Text]] = {
    # breaking: what was right can be wrong now
    "removed": (Level.major, Text("已删除；引用它的标准和映射失效",
                                  "is gone; standards and mappings that name it fail")),
    "renamed": (Level.major, Text("名称由 {old} 改为 {new}；引用旧名的标准和映射失效",
                                  "is called {new}, no longer {old}; standards and mappings with the old name fail")),
    "meaning_changed": (Level.major, Text("含义由“{old}”改为“{new}”；旧数据会被误读",
                                          'means "{new}", no longer "{old}"; older data would be misread')),
    "type_changed": (Level.major, Text("类型由 {old} 改为 {new}；按旧类型读取的程序失败",
                                       "is {new}, no longer {old}; programs that read the old type fail")),
    "format_narrowed": (Level.major, Text("格式由 {old} 收窄为 {new}；部分旧值不再合规",
                                          "is written {new}, no longer {old}; values that were right are refused")),
    "pattern_narrowed": (Level.major, Text("正则由 {old} 改为 {new}；部分旧值不再合规",
                                           "follows {new}, no longer {old}; values that were right may be refused")),
    "range_narrowed": (Level.major, Text("取值范围由 {old} 收窄为 {new}；部分旧值不再合规",
                                         "lies in {new}, no longer in {old}; values that were right are refused")),
    "check_added": (Level.major, Text("值校验由 {old} 改为 {new}；部分旧值不再合规",
                                      "is checked by {new}, before by {old}; values that were right may be refused")),
    "now_required": (Level.major, Text("改为必填；缺少它的行被隔离",
                                       "is required now; rows without it are quarantined")),
    "new_required": (Level.major, Text("新增的必填项；旧数据没有它", "is new and required; older data have none")),
    "unit_changed": (Level.major, Text("单位由 {old} 改为 {new}；同一数字意义不同",
                                       "is in {new}, no longer in {old}; the same number means something else")),
    "datum_changed": (Level.major, Text("坐标系由 {old} 改为 {new}；同一坐标不在同一处",
                                        "is of datum {new}, no longer {old}; the same figures are another place")),
    "codes_changed": (Level.major, Text("代码表由 {old} 改为 {new}；旧代码不再有效",
                                        "takes its codes from {new}, no longer from {old}; older codes are unknown")),
    "code_removed": (Level.major, Text("代码 {old} 已删除；含它的旧值不再合规",
                                       "has no code {old} any more; values with it are refused")),
    "code_meaning_changed": (Level.major, Text("代码 {code} 的含义由“{old}”改为“{new}”",
                                               'uses code {code} for "{new}", no longer for "{old}"')),
    "code_words_removed": (Level.major, Text("代码 {code} 不再识别 {old}；这样写的旧值不再合规",
                                             "takes {old} for code {code} no longer; values written so are refused")),
    "code_begins_later": (Level.major, Text("代码 {code} 自 {new} 起才有效，原为 {old}；更早的旧值不再合规",
                                            "begins its code {code} on {new}, before {old}; older values are refused")),
    "code_successor_changed": (Level.major, Text("代码 {code} 的后继由 {old} 改为 {new}；旧代码换成另一个",
                                                 "turns code {code} into {new}, no longer into {old}")),
    "sensitivity_lowered": (Level.major, Text("敏感级别由 {old} 降为 {new}；保护会减弱",
                                              "is {new}, no longer {old}; it would be protected less")),
    # not breaking
    "added": (Level.minor, Text("新增", "is new")),
    "type_widened": (Level.minor, Text("类型由 {old} 放宽为 {new}", "is {new}, before {old}")),
    "format_widened": (Level.minor, Text("格式由 {old} 放宽为 {new}", "may be written {new}, before {old}")),
    "pattern_dropped": (Level.minor, Text("不再限定正则 {old}", "need not follow {old} any more")),
    "range_widened": (Level.minor, Text("取值范围由 {old} 放宽为 {new}", "lies in {new}, before in {old}")),
    "check_dropped": (Level.minor, Text("不再校验 {old}", "is no longer checked by {old}")),
    "no_longer_required": (Level.minor, Text("改为选填", "need not be there any more")),
    "codes_dropped": (Level.minor, Text("不再限定代码表 {old}", "is no longer bound to the codes of {old}")),
    "code_added": (Level.minor, Text("新增代码 {new}", "has the new code {new}")),
    "code_ended": (Level.minor, Text("代码 {code} 自 {new} 起失效", "has ended its code {code} on {new}")),
    "sensitivity_raised": (Level.minor, Text("敏感级别由 {old} 升为 {new}", "is {new}, before {old}")),
    "synonyms_removed": (Level.minor, Text("不再识别 {old}", "is no longer found by {old}")),
    "wording": (Level.patch, Text("措辞或同义词有调整", "is worded otherwise, or has more synonyms")),
}  # fmt: skip
"""Every kind of change: the part of the version number it moves, and what it says."""

WIDENED = {(Type.integer, Type.number)}
"""Types that may follow each other without breaking a reader. A number read as text, or a date as a time, breaks it."""
_SEMVER = re.compile(r"(\d+)\.(\d+)\.(\d+)")


@dataclass(frozen=True)
class _Facts:
    """What packs and standards both say of an element."""

    name: str
    zh: str
    en: str
    type: Type
    unit: str
    sensitivity: Sensitivity
    words: frozenset[str] = frozenset()
    format: str = ""
    check: str = ""
    codes: str = ""
    required: bool = False
    pattern: str = ""
    minimum: float | None = None
    maximum: float | None = None
    max_length: float | None = None
    values: tuple[str, ...] = ()
    datum: str = WGS84


def changes(old: Versioned, new: Versioned) -> tuple[Change, ...]:
    """Every difference between two versions of the same thing, the breaking ones first."""
    if isinstance(old, CodeTable) and isinstance(new, CodeTable):
        found = list(_table(old, new))
    elif isinstance(old, CodeTable) or isinstance(new, CodeTable) or type(old) is not type(new):
        raise TypeError("a pack, a code table and a standard cannot be compared with each other")
    else:
        found = list(_elements(_facts(old), _facts(new)))
    return tuple(sorted(found, key=lambda change: -change.level))


def next_version(old: str, found: Iterable[Change]) -> str:
    """The lowest version number that shows these changes. Before 1.0.0 a breaking change moves the second part."""
    major, minor, patch = _numbers(old)
    level = max((change.level for change in found), default=None)
    if level is Level.major and major > 0:
        return f"{major + 1}.0.0"
    if level in (Level.major, Level.minor):
        return f"{major}.{minor + 1}.0"
    return f"{major}.{minor}.{patch + 1}" if level is Level.patch else old


def accepted(old: Versioned, new: Versioned) -> tuple[Change, ...]:
    """The changes, unless the new version's number hides a breaking one: then they are refused (STD-441)."""
    found = changes(old, new)
    breaking = [change for change in found if change.breaking]
    needed = next_version(old.version, breaking)
    if _numbers(new.version) < _numbers(needed):
        raise VERSION_HIDES(
            [Problem(change.where, change.told.zh, change.told.en) for change in breaking],
            name=new.name, version=new.version, before=old.version, breaking=len(breaking), needed=needed,
        )  # fmt: skip
    return found


def _numbers(version: str) -> tuple[int, int, int]:
    parts = _SEMVER.fullmatch(version)
    if not parts:
        raise NOT_A_VERSION(version=version)
    return int(parts[1]), int(parts[2]), int(parts[3])


def _change(what: str, where: str, **said: object) -> Change:
    level, text = KINDS[what]
    return Change(what, where, level, text.filled({key: "—" if value == "" else value for key, value in said.items()}))


def _facts(thing: Pack | Standard) -> dict[str, _Facts]:
    """By id for a pack, whose names may change; by name for a standard."""
    if isinstance(thing, Pack):
        return {element.id: _of_pack(element) for element in thing.elements}
    return {element.name: _of_standard(element) for element in thing.elements}


def _of_pack(e: DataElement) -> _Facts:
    words = frozenset(normalised(word) for word in (e.zh, e.en, *e.synonyms))
    return _Facts(
        e.name, e.zh, e.en, e.type, e.unit, e.sensitivity, words, format=e.format, check=e.check, codes=e.codes
    )


def _of_standard(e: Element) -> _Facts:
    return _Facts(
        e.name, e.zh, e.en, e.type, e.unit, Sensitivity.personal if e.personal else Sensitivity.business,
        required=e.required, pattern=e.pattern, minimum=e.minimum, maximum=e.maximum, max_length=e.max_length,
        values=e.values, datum=e.datum,
    )  # fmt: skip


def _elements(old: Map[str, _Facts], new: Map[str, _Facts]) -> Iterable[Change]:
    for key in sorted(old.keys() - new.keys()):
        yield _change("removed", key)
    for key in sorted(new.keys() - old.keys()):
        yield _change("new_required" if new[key].required else "added", key)
    for key in [key for key in old if key in new]:
        found = [*_naming(key, old[key], new[key]), *_writing(key, old[key], new[key])]
        found += [*_coding(key, old[key], new[key]), *_duties(key, old[key], new[key])]
        yield from found
        if not found and old[key] != new[key]:
            yield _change("wording", key)


def _naming(at: str, old: _Facts, new: _Facts) -> Iterable[Change]:
    if old.name != new.name:
        yield _change("renamed", at, old=old.name, new=new.name)
    kept = {normalised(word) for word in (new.zh, new.en)} | new.words
    if not {normalised(old.zh), normalised(old.en)} & kept:
        yield _change("meaning_changed", at, old=f"{old.zh} {old.en}", new=f"{new.zh} {new.en}")
    gone = old.words - kept
    if gone:
        yield _change("synonyms_removed", at, old=", ".join(sorted(gone)))
    if old.unit != new.unit:
        yield _change("unit_changed", at, old=old.unit, new=new.unit)
    if DEPTH[old.datum] != DEPTH[new.datum]:
        yield _change("datum_changed", at, old=old.datum, new=new.datum)


def _writing(at: str, old: _Facts, new: _Facts) -> Iterable[Change]:
    if old.type is not new.type:
        what = "type_widened" if (old.type, new.type) in WIDENED else "type_changed"
        yield _change(what, at, old=old.type, new=new.type)
    before, after = format_of(old.format), format_of(new.format)
    if before and after and before != after:
        yield _change(
            "format_widened" if _holds(after, before) else "format_narrowed", at, old=old.format, new=new.format
        )
    if old.pattern != new.pattern:
        yield _change("pattern_narrowed" if new.pattern else "pattern_dropped", at, old=old.pattern, new=new.pattern)
    if old.check != new.check:
        yield _change("check_added" if new.check else "check_dropped", at, old=old.check, new=new.check)
    for low, high, name in ((True, False, "minimum"), (False, True, "maximum"), (False, True, "max_length")):
        first, last = getattr(old, name), getattr(new, name)
        if first != last:
            narrower = last is not None and (first is None or (low and last > first) or (high and last < first))
            said = {"old": f"{name} {first}", "new": f"{name} {last}"}
            yield _change("range_narrowed" if narrower else "range_widened", at, **said)


def _holds(wide: Format, narrow: Format) -> bool:
    """Whether everything written in one format is written rightly in the other too."""
    if wide.kind == "u":
        return narrow.kind in ("c", "t6")
    if wide.kind != narrow.kind or wide.longest is None or narrow.longest is None:
        return False
    digits = wide.longest - wide.decimals >= narrow.longest - narrow.decimals
    return (
        wide.shortest <= narrow.shortest
        and wide.longest >= narrow.longest
        and wide.decimals >= narrow.decimals
        and digits
    )


def _coding(at: str, old: _Facts, new: _Facts) -> Iterable[Change]:
    if old.codes != new.codes:
        yield _change("codes_changed" if new.codes else "codes_dropped", at, old=old.codes, new=new.codes)
    if old.values and not new.values:
        yield _change("codes_dropped", at, old="enum")
    elif new.values and not old.values:
        yield _change("codes_changed", at, old="", new="enum")
    else:
        for value in sorted(set(old.values) - set(new.values)):
            yield _change("code_removed", at, old=value)
        for value in sorted(set(new.values) - set(old.values)):
            yield _change("code_added", at, new=value)


def _duties(at: str, old: _Facts, new: _Facts) -> Iterable[Change]:
    if old.required != new.required:
        yield _change("now_required" if new.required else "no_longer_required", at)
    if old.sensitivity is not new.sensitivity:
        lowered = new.sensitivity.rank < old.sensitivity.rank
        what = "sensitivity_lowered" if lowered else "sensitivity_raised"
        yield _change(what, at, old=old.sensitivity, new=new.sensitivity)


def _table(old: CodeTable, new: CodeTable) -> Iterable[Change]:
    at = new.name
    if (old.system, old.whole) != (new.system, new.whole):
        match = {True: "whole", False: "prefix"}
        said = (f"{old.system} {match[old.whole]}".strip(), f"{new.system} {match[new.whole]}".strip())
        yield _change("codes_changed", at, old=said[0], new=said[1])
    for code in sorted(old.entries.keys() - new.entries.keys()):
        yield _change("code_removed", at, old=code)
    for code in sorted(new.entries.keys() - old.entries.keys()):
        yield _change("code_added", at, new=code)
    for code, before in old.entries.items():
        after = new.entries.get(code)
        if after is None or after == before:
            continue
        found = []
        if before.zh != after.zh and (before.en != after.en or not before.en) and before.zh not in after.also:
            found.append(_change("code_meaning_changed", at, code=code, old=before.zh, new=after.zh))
        elif gone := sorted(_words(before) - _words(after)):
            found.append(_change("code_words_removed", at, code=code, old=", ".join(gone)))
        if after.valid_from is not None and (before.valid_from is None or before.valid_from < after.valid_from):
            found.append(_change("code_begins_later", at, code=code, old=before.valid_from or "", new=after.valid_from))
        if before.successor and before.successor != after.successor:
            said = (", ".join(before.successor), ", ".join(after.successor))
            found.append(_change("code_successor_changed", at, code=code, old=said[0], new=said[1]))
        if before.valid_to != after.valid_to and after.valid_to is not None:
            found.append(_change("code_ended", at, code=code, new=after.valid_to))
        yield from found or [_change("wording", at)]


def _words(entry: CodeEntry) -> set[str]:
    """What a source may write for a code."""
    return {word for word in (entry.zh, entry.en, *entry.also) if word}
