"""JSON and NDJSON, record by record: nested objects become paths, numbers stay as they were written, no field is lost.

An array of any length is read through a window that holds one record. Of a record with a list that `unnest` names each
item is a row, with what else the record holds; an empty list is one row without. What is no object, names a field
twice, has a value where others have an object from which a field is wanted, or holds half a character (an unpaired
surrogate, which no text can hold) is kept as its text.
Contract: tests/harmonise/test_harmonise_sources.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from datong.ground.refusal import Refusal
from datong.harmonise.model.mappings import Source
from datong.harmonise.store.sources.opening import LINE_CHARS_MAX, Content, lines_of, text_of, too_long
from datong.harmonise.store.sources.telling import refused

Row = tuple[dict[str, str | None], str | None]
"""(values by path, broken text)."""
Inner: TypeAlias = Mapping[str, tuple[str, ...]]
"""Objects by path, and the wanted paths inside each."""
UNNESTED_CHARS_MAX = 1_000_000_000
"""Of the rows that one record becomes: each holds what else the record holds, so that a list could be made a bomb."""
RECORD_VALUES_MAX = 5_000_000
"""Of one record: each is an object of its own while it is read, a hundred bytes where the text has two."""
_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)')
"""Also one that is not there to its end."""
NOTHING = frozenset({None, "", "[]", "false"})
"""What programs write for an object that is not there."""


def inner_of(wanted: Iterable[str]) -> Inner:
    """The objects that wanted paths lie in; not those that are wanted themselves, whose values are not lost."""
    paths = set(wanted)
    found: dict[str, tuple[str, ...]] = {}
    for path in sorted(paths):
        for before in (path[:at] for at, sign in enumerate(path) if sign == "." and path[:at] not in paths):
            found[before] = (*found.get(before, ()), path)
    return found


def json_rows(source: Source, content: Content, inner: Inner | None = None) -> Iterator[Row]:
    """The objects of the array (the one under `records`)."""
    window = _Window(source, text_of(source, content))
    for name in filter(None, source.records.split(".")):
        _enter(window, name)
    if not window.take("["):
        raise _no_array(source)
    if not window.take("]"):
        while True:
            item = window.value()
            try:
                yield from rows_of(source, item, inner=inner)
            except RecursionError:
                raise too_deep(source, window.read) from None
            window.read += 1
            if window.take("]"):
                break
            window.need(",")
    if not source.records:
        window.end()


def ndjson_rows(source: Source, content: Content, inner: Inner | None = None) -> Iterator[Row]:
    """One object a line; a line that is none is kept as its text."""
    for ended in lines_of(source, content):
        line = ended.rstrip("\r\n")
        if not line.strip():
            continue
        _require_few(source, line)
        try:
            item = DECODER.decode(line)
            yield from rows_of(source, item, line, inner)
        except (json.JSONDecodeError, RecursionError):
            yield {}, line


def rows_of(source: Source, item: Any, text: str | None = None, inner: Inner | None = None) -> Iterator[Row]:
    """The rows that a record is: one, or one for each item of the list that `unnest` of its source names."""
    if not source.unnest:
        yield row_of(item, text, inner)
        return
    chars = 0
    for number, part in enumerate(_unnested(item, source.unnest.split("."))):
        try:
            values, broken = row_of(part, text if number == 0 and part is item else None, inner)
        except RecursionError:
            if text is None:
                raise
            values, broken = {}, text
        chars += sum(map(len, filter(None, (*values.values(), broken))))
        if chars > UNNESTED_CHARS_MAX:
            zh, en = (
                f"一条记录按 unnest 展开后超过 {UNNESTED_CHARS_MAX} 个字符",
                f"one record would be more than {UNNESTED_CHARS_MAX} characters in the rows that `unnest` makes of it",
            )
            raise refused(source, source.path or source.name, zh, en)
        yield values, broken


def _unnested(item: Any, names: list[str]) -> Iterator[Any]:
    """`item` once for each item of the list at the path `names`, and of every list on the way there, which stands in
    the list's place; itself where there is no list."""
    if not isinstance(item, dict) or names[0] not in item:
        yield item
        return
    here, further = item[names[0]], names[1:]
    whole = not isinstance(here, list) or isinstance(here, _Twice)
    if not whole and not here:
        yield {name: value for name, value in item.items() if name != names[0]}
    for part in [here] if whole else here:
        for one in _unnested(part, further) if further else [part]:
            yield item if one is here else {**item, names[0]: one}


def row_of(item: Any, text: str | None = None, inner: Inner | None = None) -> Row:
    """An object as values by path; anything else as its text, half a character in it escaped as JSON does."""
    values = flat(item)
    if values is not None and not (inner and _other_shape(values, inner)):
        return values, None
    return {}, written(item).encode("utf-8", "backslashreplace").decode() if text is None else text


def _require_few(source: Source, record: str, read: int = 0) -> None:
    """Refuses a record of more values than may be held, before they are."""
    most = RECORD_VALUES_MAX
    if holds_more(record, most):
        zh = f"一条记录含有超过 {most} 个值：请把其中的列表单独作为一个数组（records）提供，一项一条记录"
        en = f"one record holds more than {most} values: give its list as an array by itself (`records`)"
        raise refused(source, source.path or source.name, zh, en, read=read)


def holds_more(text: str, values: int) -> bool:
    """Whether a text of JSON holds more than so many values, told without reading it."""
    return len(text) > values and text.count(",") > values and _STRING.sub("", text).count(",") > values


def too_deep(source: Source, read: int) -> Refusal:
    return refused(source, source.path or source.name, "JSON 嵌套过深", "the JSON is nested too deeply", read=read)


def _no_array(source: Source) -> Refusal:
    at = source.records or source.path or source.name
    return refused(source, at, "应为对象数组", "should be an array of objects; set `records` to its path")


def _enter(window: _Window, wanted: str) -> None:
    """Go to the value of the field `wanted` of the object that begins here, past the fields before it."""
    if not window.take("{") or window.take("}"):
        raise _no_array(window.source)
    while True:
        name = window.value()
        window.need(":")
        if name == wanted:
            return
        window.value()
        if window.take("}"):
            raise _no_array(window.source)
        window.need(",")


class _Window:
    """JSON text that comes in pieces, of which the piece that is being read is held."""

    def __init__(self, source: Source, pieces: Iterator[str]) -> None:
        self.source, self.pieces = source, pieces
        self.text, self.at, self.before, self.lines, self.last_line, self.read = "", 0, 0, 0, 0, 0
        self.whole = False  # whether `text` holds the end

    def value(self) -> Any:
        """The next value, whole."""
        self._space()
        while True:
            try:
                found, end = DECODER.raw_decode(self.text, self.at)
                if end < len(self.text) or self.whole:  # else a number may go on
                    self.at = end
                    return found
            except json.JSONDecodeError as error:
                cut = error.msg.startswith("Unterminated string") or error.pos >= len(self.text) - 12
                if self.whole or not cut:
                    raise self._broken(error.pos) from None
            except RecursionError:
                raise too_deep(self.source, self.read) from None
            self._more()

    def take(self, sign: str) -> bool:
        """Whether `sign` comes next; it is passed then."""
        self._space()
        if self.text.startswith(sign, self.at):
            self.at += 1
            return True
        return False

    def need(self, sign: str) -> None:
        if not self.take(sign):
            raise self._broken(self.at)

    def end(self) -> None:
        """Nothing may follow."""
        self._space()
        if self.at < len(self.text):
            raise self._broken(self.at)

    def _space(self) -> None:
        while True:
            while self.at < len(self.text) and self.text[self.at] in " \t\r\n":
                self.at += 1
            if self.at < len(self.text) or self.whole:
                return
            self._more()

    def _more(self) -> None:
        """Let go of what was read and take on at least as much as is held (so a long value is not tried too often)."""
        kept = self.text[self.at :]
        if len(kept) > LINE_CHARS_MAX:
            raise too_long(self.source, self.read)
        _require_few(self.source, kept, self.read)
        passed = self.text[: self.at]
        self.lines += passed.count("\n")
        newline = passed.rfind("\n")
        self.last_line = self.before + newline + 1 if newline >= 0 else self.last_line
        self.before, self.at = self.before + len(passed), 0
        parts, size = [kept], 0
        while size <= len(kept):
            piece = next(self.pieces, None)
            if piece is None:
                self.whole = True
                break
            parts.append(piece)
            size += len(piece)
        self.text = "".join(parts)

    def _broken(self, pos: int) -> Refusal:
        at = self.before + pos
        line = self.lines + self.text.count("\n", 0, pos) + 1
        newline = self.text.rfind("\n", 0, pos)
        column = at - (self.before + newline + 1 if newline >= 0 else self.last_line) + 1
        cut = self.whole and pos >= len(self.text.rstrip())
        size = f" of {self.before + len(self.text)}" if self.whole else ""
        place = f"{self.source.path or self.source.name} @ {line}:{column} (character {at}{size})"
        zh, en = (
            ("JSON 在此中断（文件不完整）", "the JSON ends here, unfinished")
            if cut
            else ("不是有效的 JSON", "is no JSON")
        )
        return refused(self.source, place, zh, en, read=self.read)


def flat(item: Any) -> dict[str, str | None] | None:
    """The values of an object by path; None when it is no object, two values stand at one path, or half a character
    stands in one."""
    found: dict[str, str | None] = {}
    return found if isinstance(item, dict) and _spread(item, "", found) else None


def _spread(item: dict[str, Any], before: str, into: dict[str, str | None]) -> bool:
    """Put the values of `item` into `into`; False when one is there already, would be lost or is no whole text."""
    for name, value in item.items():
        path = f"{before}{name}"
        if isinstance(value, dict):
            if not _spread(value, f"{path}.", into):
                return False
        elif isinstance(value, _Twice) or path in into:
            return False
        else:
            text = value if value is None or isinstance(value, str) else written(value)
            if not (f"{path}{text}".isascii() or _is_whole(f"{path}{text}")):
                return False
            into[path] = text
    return True


def _other_shape(values: dict[str, str | None], inner: Inner) -> bool:
    """Whether a value stands where an object should: what is wanted of it would be lost without a word."""
    return any(values.get(name) not in NOTHING and values.keys().isdisjoint(paths) for name, paths in inner.items())


def _is_whole(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class Number(str):
    """A number of a JSON text, as it was written there."""

    __slots__ = ()


class _Twice(list[tuple[str, Any]]):
    """The fields of a JSON object that names one of them twice, as they stand there."""


def _object(fields: list[tuple[str, Any]]) -> dict[str, Any] | _Twice:
    found = dict(fields)
    return found if len(found) == len(fields) else _Twice(fields)


DECODER = json.JSONDecoder(
    parse_float=Number, parse_int=Number, parse_constant=Number, object_pairs_hook=_object
)  # fmt: skip
"""How JSON is read: numbers as they were written, no field lost. One for all: making it costs as much as a record."""


def written(value: Any) -> str:
    """`value` as JSON again, its numbers as they were written."""
    if isinstance(value, Number):
        return value
    if isinstance(value, dict | _Twice):
        fields = value.items() if isinstance(value, dict) else value
        return "{" + ", ".join(f"{json.dumps(k, ensure_ascii=False)}: {written(v)}" for k, v in fields) + "}"
    if isinstance(value, list):
        return "[" + ", ".join([item if type(item) is Number else written(item) for item in value]) + "]"
    return json.dumps(value, ensure_ascii=False)
