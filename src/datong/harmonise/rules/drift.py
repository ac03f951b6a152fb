"""What is different between a source now and at the last build: columns, types, order, values; renamed columns found.

Pure: columns in, differences out. Must never know: where the columns were seen.
Contract: tests/harmonise/test_harmonise_drift.py.
"""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Collection, Iterable, Sequence

from datong.ground.refusal import Text
from datong.harmonise.model.drift import ColumnSeen, Difference
from datong.harmonise.model.reading import SampleColumn
from datong.harmonise.rules.headings import unit_of
from datong.harmonise.rules.units import Step, step

PRINTS = 16
PRINTED_VALUES = 300
LOOKS_SHARE = 0.5
"""A column looks like what so many of its values look like: dirty values are for the quarantine, not for this."""
RENAMED = 0.5
CODES_MAX = 500
CODES_SHOWN = 20

_LOOKS = (
    ("integer", re.compile(r"[+-]?\d{1,18}")),
    ("number", re.compile(r"[+-]?(\d[\d,]*\.?\d*|\.\d+)([eE][+-]?\d+)?")),
    ("boolean", re.compile(r"(?i)true|false|yes|no|[是否]")),
    ("date", re.compile(r"\d{4}[-/.年]?\d{1,2}[-/.月]?\d{1,2}日?")),
    ("time", re.compile(r"\d{4}[-/.年]?\d{1,2}[-/.月]?\d{1,2}日?[ T]\d{1,2}:?\d{2}.*")),
)
_WIDER = {("integer", "number"), ("empty", "*"), ("*", "empty"), ("text", "*")}
"""Changes of looks that lose nothing."""


def seen(column: SampleColumn, codes: Iterable[str] = ()) -> ColumnSeen:
    values = [value for value in column.values if value not in (None, "")]
    print_ = fingerprint([str(value) for value in values])
    return ColumnSeen(column.path, column.declared_type, looks_like(values), print_, tuple(sorted(codes))[:CODES_MAX])


def looks_like(values: Sequence[str | None]) -> str:
    """integer, number, boolean, date, time, text, or empty."""
    there = [value.strip() for value in values if value is not None and value.strip()]
    if not there:
        return "empty"
    for name, form in _LOOKS:
        if sum(form.fullmatch(value) is not None for value in there) >= LOOKS_SHARE * len(there):
            return name
    return "text"


def fingerprint(values: Sequence[str]) -> tuple[int, ...]:
    """Least hashes of the values (MinHash): two columns share about as many of them as they share values."""
    some = list(dict.fromkeys(values))[:PRINTED_VALUES]
    if not some:
        return ()
    words = [hashlib.blake2b(value.encode("utf-8", "surrogatepass"), digest_size=4 * PRINTS).digest() for value in some]
    return tuple(min(int.from_bytes(word[4 * n : 4 * n + 4]) for word in words) for n in range(PRINTS))


def alike(one: ColumnSeen, other: ColumnSeen) -> float:
    """How much two columns look like one that was renamed: 0 to 1, by name and by values."""
    names = difflib.SequenceMatcher(None, _plain(one.path), _plain(other.path)).ratio()
    if not one.print or not other.print or one.looks != other.looks:
        return 0.5 * names
    values = sum(a == b for a, b in zip(one.print, other.print, strict=True)) / PRINTS
    return max(values, 0.75 * names + 0.25 * values)


def _plain(path: str) -> str:
    return re.sub(r"[\W_]", "", path.rsplit(".", 1)[-1].lower())


def differences(
    before: Sequence[ColumnSeen], now: Sequence[ColumnSeen], mapped: Collection[str]
) -> tuple[Difference, ...]:
    """Everything that is different, in the order of the columns."""
    old, new = {c.path: c for c in before}, {c.path: c for c in now}
    gone = [c for c in before if c.path not in new]
    come = [c for c in now if c.path not in old]
    partners = renamed(before, now)
    found = []
    for column in gone:
        partner = partners.get(column.path)
        breaking = column.path in mapped
        if partner is not None:
            zh, en = _other_unit(column.path, partner)
            said = Text(f"已不存在；多半改名为 {partner}{zh}", f"is gone; it is probably called {partner} now{en}")
            found.append(Difference("renamed", column.path, said, breaking))
        else:
            found.append(Difference("removed", column.path, Text("已不存在", "is gone"), breaking))
    found += [
        Difference("added", column.path, Text("新增的列", "is new"))
        for column in come
        if column.path not in partners.values()
    ]
    for column in now:
        if column.path in old:
            found += _changed(old[column.path], column, mapped=column.path in mapped)
    common = [c.path for c in before if c.path in new]
    if common != [c.path for c in now if c.path in old]:
        found.append(Difference("order", "", Text("列的次序已变", "the columns stand in another order")))
    return tuple(found)


def _other_unit(before: str, now: str) -> tuple[str, str]:
    """What is added where the new name says another unit: who changes the name alone reads a thousand times as much."""
    (old, sure), (new, also) = unit_of(before, ""), unit_of(now, "")
    if not (sure and also) or old == new or step(old, new) == Step(1, 0, 1):
        return "", ""
    return f"，单位由 {old} 变为 {new}：unit 也要核对", f", and says {new}, not {old}: make sure of its `unit`, too"


def renamed(before: Sequence[ColumnSeen], now: Sequence[ColumnSeen]) -> dict[str, str]:
    """Removed path -> the new one that is most like it; each once."""
    old, new = ({column.path for column in some} for some in (before, now))
    gone, come = [c for c in before if c.path not in new], [c for c in now if c.path not in old]
    pairs = sorted(((alike(a, b), a.path, b.path) for a in gone for b in come), reverse=True)
    found: dict[str, str] = {}
    for score, one, other in pairs:
        if score >= RENAMED and one not in found and other not in found.values():
            found[one] = other
    return found


def _changed(old: ColumnSeen, new: ColumnSeen, *, mapped: bool) -> list[Difference]:
    found = []
    types = [column.type.removesuffix(" not null") for column in (old, new)]
    if types[0] != types[1] and all(types):
        said = Text(f"类型由 {types[0]} 变为 {types[1]}", f"was {types[0]} and is {types[1]}")
        found.append(Difference("type", new.path, said, mapped))
    elif old.type != new.type and all(types):
        now_required = new.type.endswith(" not null")
        said = Text(
            "不再允许空值" if now_required else "现在允许空值",
            "is required now" if now_required else "may be empty now",
        )
        found.append(Difference("nullable", new.path, said))
    if old.looks != new.looks and not any(types):
        wider = {(old.looks, new.looks), (old.looks, "*"), ("*", new.looks)} & _WIDER
        said = Text(
            f"值的形式由 {old.looks} 变为 {new.looks}", f"its values looked like {old.looks} and now like {new.looks}"
        )
        found.append(Difference("looks", new.path, said, mapped and not wider))
    if old.codes and (fresh := [code for code in new.codes if code not in old.codes]):
        listed = ", ".join(fresh[:CODES_SHOWN])
        found.append(Difference("codes", new.path, Text(f"新的代码值：{listed}", f"has new code values: {listed}")))
    return found
