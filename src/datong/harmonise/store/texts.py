"""Reading YAML strictly, with the line of every key, every mistake of a file told at once.

Stricter than YAML where YAML surprises: a key that is there twice, aliases, characters that no database keeps and
nesting without end are refused; `no`, `on` and `0100` are the texts they look like, not `false`, `true` and 64.
Must never know: what the texts mean. Contract: tests/harmonise/test_harmonise_texts.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from importlib.resources.abc import Traversable
from typing import Any

import yaml

from datong.ground.refusal import Problem
from datong.harmonise.model.texts import Lines, Texts

DEPTH_MAX = 20
WHOLE_MAX = 2**53 - 1
"""The greatest whole number that JSON carries unharmed."""

UNREADABLE = "不是可读的 YAML", "is no YAML that can be read"
TOO_LARGE = "文件过大", "the file is too large"
_ALIAS = "不支持别名（*）", "aliases (*) are not taken; write it out"
_DEEP = "嵌套过深", "is nested too deeply"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_OPEN, _SHUT = (yaml.MappingStartEvent, yaml.SequenceStartEvent), (yaml.MappingEndEvent, yaml.SequenceEndEvent)
_SCALARS = "tag:yaml.org,2002:"
_LONE = re.compile("[\ud800-\udfff]")


def read_files(given: Iterable[tuple[str, Traversable]], bytes_max: int) -> tuple[Texts, list[Problem]]:
    """The values of files by what they are called, with the lines of their keys, and everything that is wrong."""
    files, found = Texts(), []
    for where, file in given:
        try:
            with file.open("rb") as opened:
                data = opened.read(bytes_max + 1)
        except OSError as error:
            said = error.strerror or "error"
            found.append(Problem(where, f"不能读取（{said}）", f"cannot be read ({said})"))
            continue
        value, lines, problems = read(where, data, bytes_max)
        found += problems
        if problems:
            files.unread.add(where)
        else:
            files[where], files.lines[where] = value, lines
    return files, found


def read(where: str, data: bytes, bytes_max: int) -> tuple[Any, Lines, list[Problem]]:
    """The value in a YAML text, the line of each of its keys, and everything wrong with it (then no value)."""
    if len(data) > bytes_max:
        return None, {}, [Problem(where, *TOO_LARGE)]
    try:
        text = data.decode("utf-8")
        if (wrong := _shape(text)) is not None:
            line, zh, en = wrong
            return None, {}, [Problem(f"{where}:{line}", zh, en)]
        loader = _Strict(text)
        try:
            return _value(where, loader)
        finally:
            loader.dispose()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        said = "不是 UTF-8，请另存为 UTF-8", "it is not UTF-8; save it as UTF-8"
        return None, {}, [_unreadable(f"{where}:{line}", *said)]
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        at = f"{where}:{mark.line + 1}" if mark else where
        said = (str(getattr(error, "problem", "")).split("\n")[0][:100],) * 2
        around = text.split("\n")[max(mark.line - 1, 0) : mark.line + 1] if mark else []
        if around and re.match(r" *\t", around[-1]):
            said = "缩进须用空格，不能用制表符", "lines are indented by blanks, not by tabs"
        elif any("：" in line for line in around):
            said = "冒号须用半角", "write : half-width, not ："
        return None, {}, [_unreadable(at, *said)]


def _unreadable(where: str, zh: str, en: str) -> Problem:
    return Problem(where, f"{UNREADABLE[0]}：{zh}".rstrip("："), f"{UNREADABLE[1]}: {en}".rstrip(": "))


def _value(where: str, loader: Any) -> tuple[Any, Lines, list[Problem]]:
    node = loader.get_single_node()
    if node is None:
        return None, {"": 1}, []
    lines: dict[str, int] = {"": node.start_mark.line + 1}
    found = [Problem(f"{where}:{line}", zh, en) for line, zh, en in _looked(loader, node, "", lines)]
    return (None, lines, found) if found else (loader.construct_document(node), lines, [])


def _shape(text: str) -> tuple[int, str, str] | None:
    """What is wrong with the shape of a text, before anything is made of it: the C loader ends the process on a few
    thousand levels, and ten lines of aliases can stand for a thousand million values."""
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        depth += isinstance(event, _OPEN) - isinstance(event, _SHUT)
        wrong = _ALIAS if isinstance(event, yaml.AliasEvent) else _DEEP if depth > DEPTH_MAX else None
        if wrong is not None:
            mark: Any = event.start_mark
            return mark.line + 1, *wrong
    return None


def _looked(loader: Any, node: yaml.Node, at: str, lines: dict[str, int]) -> Iterator[tuple[int, str, str]]:
    """Notes the line of everything below `node`; yields (line, zh, en) of what is wrong there."""
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                yield line, "键应为文字", "a key should be a text"
                continue
            if key.value in seen:
                yield line, "同一键出现两次", "a key is there twice"
            seen.add(key.value)
            yield from _scalar(loader, key)
            below = f"{at}.{key.value}" if at else str(key.value)
            lines[below] = line
            yield from _looked(loader, value, below, lines)
    elif isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            below = f"{at}.{number}" if at else str(number)
            lines[below] = item.start_mark.line + 1
            yield from _looked(loader, item, below, lines)
            if name := _name(item):
                lines.setdefault(f"{at}.{name}", lines[below])
    elif isinstance(node, yaml.ScalarNode):
        yield from _scalar(loader, node)


def _name(item: yaml.Node) -> str:
    """What the item of a list calls itself, so that it is also found by that."""
    pairs = item.value if isinstance(item, yaml.MappingNode) else ()
    return next((str(v.value) for k, v in pairs if k.value == "name" and isinstance(v, yaml.ScalarNode)), "")


def _scalar(loader: Any, node: yaml.ScalarNode) -> Iterator[tuple[int, str, str]]:
    line, text = node.start_mark.line + 1, node.value
    if "\0" in text or _LONE.search(text):
        yield line, "含有无法保存的字符", "holds a character that cannot be kept"
    elif node.tag == f"{_SCALARS}int" and (len(text) > 17 or abs(int(text)) > WHOLE_MAX):
        yield line, "整数过大；请加引号", "the whole number is too large; write it in quotes"
    elif node.tag == f"{_SCALARS}timestamp":
        try:
            loader.construct_yaml_timestamp(node)
        except ValueError:
            yield line, "不是存在的日期；若为文字请加引号", "is no date that exists; write it in quotes if it is a text"


class _Strict(_LOADER):  # type: ignore[misc, valid-type]
    """YAML whose plain words are what they look like: of its implicit types only null, true, false, whole and decimal
    numbers without leading zeros, and dates."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - that is how PyYAML is told
        sign: [(tag, form) for tag, form in resolvers if tag in (f"{_SCALARS}null", f"{_SCALARS}timestamp")]
        for sign, resolvers in _LOADER.yaml_implicit_resolvers.items()
    }


for _kind, _form, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)", "-+0123456789"),
    ("float", r"[-+]?(?:0|[1-9][0-9]*)\.[0-9]*(?:[eE][-+]?[0-9]{1,2})?", "-+0123456789"),
):
    _Strict.add_implicit_resolver(f"{_SCALARS}{_kind}", re.compile(f"^(?:{_form})$"), list(_first))
