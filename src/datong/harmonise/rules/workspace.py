"""Reading a workspace: the texts of sources, code tables and mappings, every mistake told at once.

`files` is {path in the workspace: parsed YAML}, as the store read it; when it knows the lines too (model.texts.Texts),
every problem says in which line it stands. A mapping names its source, its standard and
its code tables; `mapping_of` follows the names. Must never know: where the files lie, data.
Contract: tests/harmonise/test_harmonise_workspace.py.
"""

from __future__ import annotations

import difflib
import functools
import re
import zoneinfo
from collections.abc import Iterable
from collections.abc import Mapping as Map
from datetime import UTC, date, datetime
from math import isfinite
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from datong.engine import rules as plans
from datong.engine.model import FUNCTION_GROUPS, Plan, Step
from datong.engine.rules import DIALECT
from datong.ground.canonical import digest
from datong.ground.refusal import Problem
from datong.harmonise.model.mappings import (
    BLANKS,
    Check,
    Codes,
    Column,
    Element,
    Freshness,
    How,
    Join,
    Mapping,
    Source,
    SourceKind,
    Standard,
    Type,
    Unique,
)
from datong.harmonise.model.notes import NOTES
from datong.harmonise.model.texts import LIBRARY
from datong.harmonise.rules import meaning as reading
from datong.harmonise.rules import source_keys
from datong.harmonise.rules.conversions import LOCAL_FORMATS
from datong.harmonise.rules.datums import DATUMS
from datong.harmonise.rules.places import placed
from datong.harmonise.rules.source_tables import headings_of, inside_data, tables_of
from datong.harmonise.rules.standards import standard_of

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
RESOURCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,78}\*?")  # the check character of a code may be an asterisk
Files = Map[str, Any]

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
OF_MANY_ROWS = frozenset(f"{FUNCTION_GROUPS['aggregates']} {FUNCTION_GROUPS['windows']} unnest generate_series".split())


class Found:
    """Problems found so far; `at` is where in which file."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []

    def say(self, at: str, zh: str, en: str) -> None:
        self.problems.append(Problem(f"{self.file}: {at}" if at else self.file, zh, en))

    def items(self, at: str, value: Any) -> list[Any]:
        """`value` as a list."""
        if isinstance(value, list):
            return value
        self.say(at, "应为列表", "should be a list")
        return []

    def texts(self, at: str, value: Any) -> tuple[str, ...]:
        """`value` as a list of texts (or numbers, as they are written)."""
        items = self.items(at, value)
        if all(isinstance(item, str | int | float) for item in items):
            return tuple(map(str, items))
        self.say(at, "应为文字列表", "should be a list of texts")
        return ()

    def word(self, at: str, value: Any, default: str = "") -> str:
        """`value` as a text; nothing stands for `default`."""
        if value is None:
            return default
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            return str(value)
        self.say(at, "应为文字", "should be a text")
        return default

    def only(self, value: Any, at: str, allowed: Iterable[str]) -> dict[str, Any]:
        """`value` as a dict; its unknown keys are told with the nearest known ones."""
        if not isinstance(value, dict):
            self.say(at, "应为一组 键: 值", "should be a set of key: value")
            return {}
        known = sorted(allowed)
        for key in value:
            if str(key) not in known:
                near = nearest(str(key), known)
                self.say(f"{at}.{key}".lstrip("."), f"没有这一项{_zh(near)}", f"there is no such item{_en(near)}")
        return value


def nearest(name: str, known: Iterable[str]) -> list[str]:
    """Up to three of `known` that look like `name`, likest first; also when only the last part of a path does."""
    pool = list(known)
    last = {k.rsplit(".", 1)[-1].lower(): k for k in pool}
    close = difflib.get_close_matches(name, pool, 3, 0.5)
    close += [last[k] for k in difflib.get_close_matches(name.rsplit(".", 1)[-1].lower(), list(last), 2, 0.6)]
    return list(dict.fromkeys(close))[:3]


def mapping_names(files: Files) -> list[str]:
    return sorted(
        path[len("mappings/") : -len(".yaml")] for path in files if re.fullmatch(r"mappings/[^/]+\.yaml", path)
    )


def mapping_of(files: Files, name: str) -> tuple[Mapping | None, list[Problem]]:
    """The mapping `name` with the source, standard and code tables it names, or everything wrong with them."""
    mapping, problems = _mapping(files, name)
    return mapping, placed(problems, files)


def source_of(files: Files, name: str) -> tuple[Source | None, list[Problem]]:
    """The source `name`, or everything wrong with it."""
    file = f"sources/{name}.yaml"
    if file not in files:
        known = [path[len("sources/") : -len(".yaml")] for path in files if path.startswith("sources/")]
        near = nearest(name, known) or known
        return None, [Problem(file, f"没有这个数据源{_zh(near)}", f"there is no such source{_en(near)}")]
    source, problems = _source(file, files[file])
    return (None, placed(problems, files)) if problems else (source, [])


def unnamed(files: Files) -> list[Problem]:
    """Everything wrong with the sources and standards that no mapping names (the others are read with theirs)."""
    named = {str(text.get(key)) for text in files.values() if isinstance(text, dict) for key in ("source", "standard")}
    problems: list[Problem] = []
    for path, text in files.items():
        for form, read in ((r"sources/(.*)\.yaml", _source), (r"standards/(.*)\.odcs\.yaml", standard_of)):
            found = re.fullmatch(form, path)
            if found and found[1] not in named:
                problems += read(path, text)[1]
    return placed(problems, files)


def _mapping(files: Files, name: str) -> tuple[Mapping | None, list[Problem]]:
    found = Found(f"mappings/{name}.yaml")
    if found.file not in files:
        near = nearest(name, mapping_names(files))
        found.say("", f"没有这个映射{_zh(near)}", f"there is no such mapping{_en(near)}")
        return None, found.problems
    keys = {
        "source", "standard", "resource", "table", "missing", "columns", "joins", "checks", "unique", "freshness",
        "left", "note",
    }  # fmt: skip
    value = found.only(files[found.file], "", keys)
    source = _named(files, found, value, key="source", pattern="sources/{}.yaml", read=_source)
    standard = _named(files, found, value, key="standard", pattern="standards/{}.odcs.yaml", read=standard_of)
    if standard is None:
        return None, found.problems
    known = source or Source("", SourceKind.csv)  # what does not hang on the source is told all the same
    main = str(value.get("table", "")) if known.tables else known.name
    if known.tables and main not in known.tables:
        found.say("table", "应为数据源中的一张表", f"should be one of the source's tables: {', '.join(known.tables)}")
    resource = str(value.get("resource", name))
    if not RESOURCE.fullmatch(resource):
        found.say("resource", "应为资源标识码", "should be a resource code: letters, digits, - and _")
    for other in mapping_names(files):
        text = files[f"mappings/{other}.yaml"]
        if other != name and isinstance(text, dict) and str(text.get("resource", other)) == resource:
            zh, en = f"映射 {other} 已用此资源标识码", f"the mapping {other} has this resource, too; each needs its own"
            found.say("resource", f"{resource}：{zh}", f"{resource}: {en}")
    reader = _Reader(found, files, known, standard, main)
    columns = reader.columns(value.get("columns"))
    joins = reader.joins(value.get("joins", [])) if source is not None else ()
    if source is not None:
        reader.paths_known(columns, joins)
    checks = reader.checks(value.get("checks", []))
    unique = reader.unique(value.get("unique", []))
    freshness = reader.freshness(value.get("freshness"))
    missing = found.texts("missing", value.get("missing", [""])) or ("",)
    found.texts("left", value.get("left", []))
    if found.problems or source is None:
        return None, found.problems
    used = {path: files[path] for path in (found.file, f"sources/{source.name}.yaml", *reader.used)}
    lines = getattr(files, "lines", {}).get(found.file, {})
    fields = (columns, joins, checks, unique, missing)
    return Mapping(name, source, standard, main, *fields, digest(used), resource, lines, freshness), []


def _named(files: Files, found: Found, value: Map[str, Any], *, key: str, pattern: str, read: Any) -> Any:
    """The thing that `value[key]` names, read from its own file."""
    name, _, part = str(value[key]).partition("#") if isinstance(value.get(key), str) else (None, "", "")
    file = pattern.format(name)
    if not isinstance(name, str) or file not in files:
        head, tail = pattern.split("{}")
        known = ", ".join(f[len(head) : -len(tail)] for f in files if f.startswith(head) and f.endswith(tail))
        zh, en = (f"没有文件 {file}", f"there is no file {file}") if name else ("缺少此项", "is not given")
        found.say(key, f"{zh}；已有：{known}", f"{en}; there are: {known}")
        return None
    thing, problems = read(file, files[file], part) if part else read(file, files[file])
    found.problems += problems
    return thing


def _source(file: str, given: Any) -> tuple[Source | None, list[Problem]]:
    """The source, also when something in it is wrong, so that the mapping's own mistakes are told with it."""
    found = Found(file)
    keys = {
        "kind", "path", "url_from", "records", "encoding", "delimiter", "skip_lines", "tables", "columns", "numbered",
        "quote", "member", "sheet", "header_rows", "url", "token_from", "token_header", "paging", "endpoint", "bucket",
        "key", "prefix", "region", "format", "access_key_from", "secret_key_from", "password_from", "load",
        "title", "note",
    }  # fmt: skip
    value = found.only(given, "", keys)
    name = file.removeprefix("sources/").removesuffix(".yaml")
    if not NAME.fullmatch(name):
        found.say("", "文件名应为小写名称", "the file's name should be a-z, 0-9 and _")
    if value.get("kind") not in [kind.value for kind in SourceKind]:
        kinds = ", ".join(SourceKind)
        found.say("kind", f"应为 {kinds} 之一", f"should be one of {kinds}")
        return None, found.problems
    kind = SourceKind(value["kind"])
    path = found.word("path", value.get("path"))
    url_from, records = found.word("url_from", value.get("url_from")), found.word("records", value.get("records"))
    encoding = found.word("encoding", value.get("encoding"), "utf-8")
    delimiter = found.word("delimiter", value.get("delimiter"), ",")
    tables = tables_of(found, kind, value)
    columns, numbered = headings_of(found, kind, value, tables)
    elsewhere = kind in (SourceKind.http, SourceKind.s3) or value.get("url_from") or value.get("url")
    if not path and not elsewhere and not (tables and kind is not SourceKind.database):
        found.say("path", "缺少 path", "there is no path")
    more = source_keys.more_of(found, kind, value)
    if not inside_data(path):
        found.say("path", "应为数据目录内的相对路径", "should lie inside the data folder")
    skip = value.get("skip_lines", 0)
    if not isinstance(skip, int) or isinstance(skip, bool) or skip < 0:
        found.say("skip_lines", "应为非负整数", "should be a whole number, 0 or more")
        skip = 0
    if delimiter != BLANKS and (len(delimiter) != 1 or delimiter in '\r\n"'):
        found.say("delimiter", f"应为一个字符或 {BLANKS}", f"should be one character, or {BLANKS}")
    if not _is_encoding(encoding):
        found.say("encoding", "未知编码", "is no known encoding")
    return (
        Source(
            name, kind, path, url_from, records, encoding, delimiter, skip,
            {table: one.place for table, one in tables.items()}, columns=columns, numbered=numbered, **more,
        ),
        found.problems,
    )  # fmt: skip


def _is_encoding(name: str) -> bool:
    try:
        return isinstance("".encode(name), bytes) and "\n".encode(name) != b""
    except (LookupError, ValueError):  # such as `hex`, which Python knows and which is no encoding of texts
        return False


class _Reader:
    """Reads the parts of one mapping against its source and standard."""

    def __init__(self, found: Found, files: Files, source: Source, standard: Standard, main: str) -> None:
        self.found, self.files, self.source, self.standard, self.main = found, files, source, standard, main
        self.used: list[str] = []
        self.mapped: list[str] = []

    def columns(self, given: Any) -> tuple[Column, ...]:
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
        how = self._how(at, value.get("as", "text") if isinstance(value, dict) else "text")
        value = self.found.only(value, at, {"from", "as", "constant", "confirm", "note"} | OPTIONS[how])
        if value.get("confirm", False) is not False:
            zh, en = (
                "核对后删去 confirm，或改列入 left",
                "look at it, then take `confirm` away, or move the column to `left`",
            )
            self.found.say(f"{at}.confirm", f"待人确认：{zh}", f"waits for a person: {en}")
        if ("from" in value) == ("constant" in value):
            self.found.say(at, "from 与 constant 须且只须其一", "needs either `from` or `constant`")
        if ("from" in value or "constant" in value) and element.type not in MAKES[how]:
            self.found.say(at, f"{how} 不能得到 {element.type}", f"{how} cannot make a {element.type}")
        if "from" in value and value["from"] in ("", None):
            place = at if isinstance(given, str) else f"{at}.from"
            self.found.say(place, "未指明数据源的列", "names no column of the source")
        constant = self._constant(f"{at}.constant", value["constant"]) if "constant" in value else None
        return Column(
            element=element,
            path=self.found.word(f"{at}.from", value.get("from")),
            how=how,
            constant=constant,
            zone=self._zone(at, how, value),
            formats=self._formats(f"{at}.formats", how, value.get("formats")),
            ambiguous=self._one_of(f"{at}.ambiguous", value.get("ambiguous", "quarantine"), ("quarantine", "earlier")),
            notation=self._notation(at, how, value),
            thousands=self._thousands(f"{at}.thousands", value.get("thousands")),
            between=self._between(at, how, value.get("between")),
            codes=self._codes(at, how, value),
            meaning=reading.meaning_of(self.found.say, at, how, element, value),
        )

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
        formats = self.found.texts(at, given) if given is not None else usual
        for form in formats if how is How.timestamp else ():
            if "%y" in form:
                self.found.say(at, f"{form}：年份须为四位（%Y）", f"{form}: years need four digits, %Y")
            elif not _is_time_format(form):
                zh = f"{form} 应含 %Y，另可含 %m（或 %b %B）、%d、%H（或 %I 与 %p）、%M、%S、%f，各至多一次"
                en = (
                    f"{form} should hold %Y, %m (or %b, %B) and %d once each, and may hold %H, or %I and %p, %M, %S, %f"
                )
                self.found.say(at, zh, en)
        return formats or usual

    def _thousands(self, at: str, given: Any) -> str:
        mark = self.found.word(at, given)
        if mark and (len(mark) > 1 or mark.isalnum() or mark in "+-"):
            self.found.say(
                at, "应为一个分隔符，如逗号", "should be one sign that stands between digits, such as a comma"
            )
        return mark

    def _how(self, at: str, name: Any) -> How:
        if name not in [how.value for how in How]:
            near, known = nearest(str(name), How), ", ".join(How)
            zh, en = (
                f"未知的转换；可用：{known}{_zh(near)}",
                f"{name} is no known conversion; there are: {known}{_en(near)}",
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
            near = nearest(str(zone), _zones())
            self.found.say(f"{at}.zone", f"未知时区 {zone}{_zh(near)}", f"{zone} is no known time zone{_en(near)}")
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
        return self._one_of(f"{at}.notation", value.get("notation"), ("decimal", "dms"))

    def _between(self, at: str, how: How, value: Any) -> tuple[str, str] | None:
        if value is None:
            return None
        if not (isinstance(value, list) and len(value) == 2):
            self.found.say(f"{at}.between", "应为 [下限, 上限]", "should be [lowest, highest]")
            return None
        try:
            if how in {How.timestamp, How.date, How.birth_date}:
                ends = [v if isinstance(v, date) else datetime.fromisoformat(str(v)) for v in value]
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
        file = own if own in self.files else f"{LIBRARY}/{value.get('codes')}.yaml"
        if file not in self.files:
            zh, en = (
                f"没有代码表 {own}，代码表库中也没有",
                f"there is no code table {own}, nor one in the library",
            )
            self.found.say(f"{at}.codes", zh, en)
            return None
        self.used.append(file)
        found = Found(file)
        given = self.files[file] if file == own else reading.of_library(self.files[file])
        if file != own and not given["codes"]:
            zh, en = "库中没有这套代码的内容", "the library names this code system and does not hold its codes"
            self.found.say(f"{at}.codes", zh, en)
            return None
        codes = _code_table(found, str(value["codes"]), given, str(value.get("on", "")))
        self.found.problems += [problem for problem in found.problems if problem not in self.found.problems]
        return codes

    def _one_of(self, at: str, value: Any, known: tuple[str, ...]) -> str:
        if value not in known:
            self.found.say(at, f"应为 {'、'.join(known)} 之一", f"should be one of {', '.join(known)}")
            return known[0]
        return str(value)

    def joins(self, given: Any) -> tuple[Join, ...]:
        joins: list[Join] = []
        for number, item in enumerate(self.found.items("joins", given)):
            at = f"joins[{number}]"
            value = self.found.only(item, at, {"table", "on", "as", "missing", "note"})
            on = value.get("on")
            table = str(value.get("table", ""))
            if table not in self.source.tables or table == self.main or table in [j.table for j in joins]:
                self.found.say(f"{at}.table", "应为数据源的另一张表", "should be another table of the source, once")
            if not (isinstance(on, dict) and len(on) == 1):
                self.found.say(f"{at}.on", "应为 左列: 右列", "should be one pair, left path: right path")
                continue
            (left, right), how = next(iter(on.items())), self._how(at, value.get("as", "text"))
            if not (isinstance(left, str) and str(right).startswith(f"{table}.")):
                self.found.say(f"{at}.on", f"右列应为 {table}.列", f"the right path should be {table}.column")
            held = self._one_of(f"{at}.missing", value.get("missing", "quarantine"), ("quarantine", "keep"))
            joins.append(Join(table, str(left), str(right).removeprefix(f"{table}."), how, held))
        return tuple(joins)

    def paths_known(self, columns: Iterable[Column], joins: Iterable[Join]) -> None:
        """Where the source has tables: every path names one that is the main one or was joined before."""
        if not self.source.tables:
            if joins:
                zh, en = "数据源没有声明多张表（tables）", "the source declares no tables, so there is nothing to join"
                self.found.say("joins", zh, en)
            return
        reached = {self.main}
        for join in joins:
            if join.left.split(".")[0] not in reached:
                self.found.say("joins", f"{join.left} 尚未关联", f"{join.left} is of a table not joined before")
            reached.add(join.table)
        for column in columns:
            if column.path and ("." not in column.path or column.table not in reached):
                said = f"{column.path} should be table.column of {', '.join(sorted(reached))}"
                self.found.say(f"columns.{column.element.name}.from", f"{column.path} 应为 表.列", said)

    def checks(self, given: Any) -> tuple[Check, ...]:
        checks = []
        for number, item in enumerate(self.found.items("checks", given)):
            at = f"checks[{number}]"
            value = self.found.only(item, at, {"reason", "when", "note"})
            reason = str(value.get("reason", ""))
            if not NAME.fullmatch(reason) or reason in NOTES:
                self.found.say(f"{at}.reason", "应为新的小写名称", "should be a new name: a-z, 0-9 and _")
            try:
                tree = sqlglot.parse_one(str(value.get("when", "")), read=DIALECT)
            except (SqlglotError, RecursionError):
                self.found.say(f"{at}.when", "不是可读的条件", "is no condition that can be read")
                continue
            names = tuple(dict.fromkeys(node.name for node in tree.find_all(exp.Column)))
            if list(tree.find_all(exp.Query)) or not names:
                self.found.say(f"{at}.when", "应为元素之间的条件", "should be a condition on elements")
            else:
                self._of_one_row(f"{at}.when", str(value["when"]))
            self._elements(f"{at}.when", names)
            checks.append(Check(reason, str(value["when"]), names))
        return tuple(checks)

    def _of_one_row(self, at: str, when: str) -> None:
        """A condition asks one row, by functions of the plan language."""
        for problem in plans.problems(Plan((Step("asked", f"SELECT ({when}) FROM rows_read"),), ("rows_read",))):
            self.found.say(at, problem.zh, problem.en)
        many = sorted({name for name in plans.called(sqlglot.tokenize(when, read=DIALECT)) if name in OF_MANY_ROWS})
        if many:
            names = ", ".join(many)
            self.found.say(at, f"条件只看一行，不能用 {names}", f"a condition looks at one row and cannot use {names}")

    def unique(self, given: Any) -> tuple[Unique, ...]:
        keys = []
        for number, item in enumerate(self.found.items("unique", given)):
            at = f"unique[{number}]"
            value = self.found.only(item, at, {"columns", "apart_from", "note"})
            columns, apart = (self.found.texts(f"{at}.{key}", value.get(key, [])) for key in ("columns", "apart_from"))
            if not columns:
                self.found.say(f"{at}.columns", "缺少列", "names no columns")
            self._elements(at, (*columns, *apart))
            keys.append(Unique(columns, apart))
        return tuple(keys)

    def freshness(self, given: Any) -> Freshness | None:
        if given is None:
            return None
        value = self.found.only(given, "freshness", {"column", "within_days", "note"})
        column, days = value.get("column"), value.get("within_days")
        kinds = {element.name: element.type for element in self.standard.elements if element.name in self.mapped}
        if kinds.get(str(column)) not in (Type.timestamp, Type.date):
            said = "should be an element of type timestamp or date that the mapping fills"
            self.found.say("freshness.column", "应为映射填写的 timestamp 或 date 元素", said)
        if not isinstance(days, int) or isinstance(days, bool) or not 0 < days < 36_525:
            self.found.say("freshness.within_days", "应为正整数（天）", "should be a whole number of days, 1 or more")
            return None
        return Freshness(str(column), days)

    def _elements(self, at: str, names: Iterable[str]) -> None:
        for name in names:
            if name not in self.mapped:
                near = nearest(name, self.mapped)
                self.found.say(at, f"映射中没有 {name}{_zh(near)}", f"the mapping fills no element {name}{_en(near)}")


_AS_IT_IS: Map[Type, Map[str, str]] = {
    Type.string: {"as": How.text},
    Type.integer: {"as": How.number},
    Type.number: {"as": How.number},
    Type.boolean: {"as": How.boolean},
    Type.date: {"as": How.date},
    Type.timestamp: {"as": How.timestamp, "zone": "offset"},
}
"""How a constant is read that says nothing of it, by the type it is to be."""


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
        to = entry.get("to") if isinstance(entry, dict) else entry
        if to is None:
            found.say(f"codes.{code}", "缺少取值（to）", "has no value (`to`)")
        found.word(f"codes.{code}", to)
    codes = reading.codes_of(found.say, entries)
    whole = table.get("match", "whole") == "whole"
    return Codes(name, whole, tuple(sorted(codes, key=lambda c: (-len(c.starts), c.starts))), on)


@functools.cache
def _zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def _zh(near: list[str]) -> str:
    return f"；相近：{'、'.join(near)}" if near else ""


def _en(near: list[str]) -> str:
    return f"; nearest: {', '.join(near)}" if near else ""
