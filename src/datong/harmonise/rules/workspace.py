"""Reading a workspace: the texts of sources, code tables and mappings, every mistake told at once.

`files` is {path in the workspace: parsed YAML}, as the store read it; when it knows the lines too (model.texts.Texts),
every problem says in which line it stands. A mapping names its source, its standard and
its code tables; `mapping_of` follows the names. Must never know: where the files lie, data.
Contract: tests/harmonise/test_harmonise_workspace.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from collections.abc import Mapping as Map
from dataclasses import replace
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
    Column,
    Freshness,
    How,
    Join,
    Mapping,
    Meaning,
    Source,
    SourceKind,
    Standard,
    Type,
    Unique,
)
from datong.harmonise.model.notes import NOTES
from datong.harmonise.model.texts import NAME, Files, is_unread
from datong.harmonise.rules import source_keys
from datong.harmonise.rules.columns import Columns
from datong.harmonise.rules.found import Found, nearest, nearest_en, nearest_zh
from datong.harmonise.rules.meaning import digits_of
from datong.harmonise.rules.places import placed
from datong.harmonise.rules.source_tables import headings_of, inside_data, tables_of
from datong.harmonise.rules.standards import objects_of, outlined, standard_of

RESOURCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,78}\*?")  # the check character of a code may be an asterisk

OF_MANY_ROWS = frozenset(f"{FUNCTION_GROUPS['aggregates']} {FUNCTION_GROUPS['windows']} unnest generate_series".split())


def mapping_names(files: Files) -> list[str]:
    return sorted(
        path[len("mappings/") : -len(".yaml")] for path in files if re.fullmatch(r"mappings/[^/]+\.yaml", path)
    )


def mapping_of(files: Files, name: str) -> tuple[Mapping | None, list[Problem]]:
    """The mapping `name` with the source, standard and code tables it names, or everything wrong with them."""
    mapping, problems = _mapping(files, name)
    return None if problems else mapping, placed(problems, files)


def asking(files: Files, name: str) -> Mapping | None:
    """What a mapping in which something is wrong asks of its source: its columns, each as a plain text, so that those
    which are not there are told with the rest. None where what says where they are is itself wrong."""
    mapping, problems = _mapping(files, name)
    if mapping is None:
        return None
    doubtful = ("sources/", *(f"{mapping.file}: {key}" for key in ("source", "table", "joins")))
    if any(problem.where.startswith(doubtful) for problem in problems):
        return None
    tables = {mapping.main, *(join.table for join in mapping.joins)}
    columns = tuple(
        Column(column.element, column.path, How.text, others=column.others, then=column.then)
        for column in mapping.columns
        if column.path and (not mapping.source.tables or ("." in column.path and column.table in tables))
    )
    return replace(mapping, columns=columns, checks=(), unique=()) if columns else None


def sound_part(files: Files, name: str) -> Mapping | None:
    """Of a mapping in which something is wrong the columns and checks in which nothing is, so that they can be tried
    all the same; None where there are none."""
    mapping, problems = _mapping(files, name)
    if mapping is None:
        return None
    wrong = {re.split(r"[.:]", p.where.removeprefix(f"{mapping.file}: columns."))[0] for p in problems}
    wrong |= {p.where.removeprefix(f"{mapping.file}: ").partition(".")[0] for p in problems}
    known = {element.name for element in mapping.standard.elements}
    columns = tuple(c for c in mapping.columns if c.element.name in known - wrong)
    checks = tuple(c for c in mapping.checks if f"checks[{c.number}]" not in wrong and known.issuperset(c.columns))
    return replace(mapping, columns=columns, checks=checks, joins=(), unique=()) if columns or checks else None


def source_of(files: Files, name: str) -> tuple[Source | None, list[Problem]]:
    """The source `name`, or everything wrong with it."""
    file = f"sources/{name}.yaml"
    if file not in files:
        known = [path[len("sources/") : -len(".yaml")] for path in files if path.startswith("sources/")]
        near = nearest(name, known) or known
        return None, [Problem(file, f"没有这个数据源{nearest_zh(near)}", f"there is no such source{nearest_en(near)}")]
    source, problems = _source(file, files[file])
    return (None, placed(problems, files)) if problems else (source, [])


def unnamed(files: Files) -> list[Problem]:
    """Everything wrong with the sources and standards that no mapping names (the others are read with theirs). Of a
    standard of several objects those that are named count: somebody else's contract may hold more than Datong reads."""
    texts = [text for text in files.values() if isinstance(text, dict)]
    named = {str(text.get(key)).partition("#")[0] for text in texts for key in ("source", "standard")}
    problems: list[Problem] = []
    for path, text in files.items():
        if (found := re.fullmatch(r"sources/(.*)\.yaml", path)) and found[1] not in named:
            problems += _source(path, text)[1]
        elif (found := re.fullmatch(r"standards/(.*)\.odcs\.yaml", path)) and found[1] not in named:
            for part in objects_of(text):
                problems += standard_of(path, text, part)[1]
    return placed(list(dict.fromkeys(problems)), files)


def _mapping(files: Files, name: str) -> tuple[Mapping | None, list[Problem]]:
    """The mapping as far as it can be read, and everything wrong with it and what it names."""
    found = Found(f"mappings/{name}.yaml")
    if found.file not in files:
        near = nearest(name, mapping_names(files))
        found.say("", f"没有这个映射{nearest_zh(near)}", f"there is no such mapping{nearest_en(near)}")
        return None, found.problems
    keys = {
        "source", "standard", "resource", "table", "missing", "columns", "joins", "checks", "unique", "freshness",
        "left", "note",
    }  # fmt: skip
    value = found.only(files[found.file], "", keys)
    source = _named(files, found, value, key="source", pattern="sources/{}.yaml", read=_source)
    outline = _named(files, found, value, key="standard", pattern="standards/{}.odcs.yaml", read=outlined)
    if outline is None:
        return None, found.problems
    standard = outline.standard
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
    of_columns = Columns(found, files, standard, known)
    columns = of_columns.read(value.get("columns"), value.get("missing", [""]))
    reader = _Reader(found, known, standard, main, of_columns)
    joins = reader.joins(value.get("joins", [])) if source is not None else ()
    if source is not None:
        reader.paths_known(columns, joins)
        reader.told_apart(columns, joins)
    checks = reader.checks(value.get("checks", []))
    unique = reader.unique(value.get("unique", []))
    freshness = reader.freshness(value.get("freshness"))
    left = tuple(found.texts("left", value.get("left", [])))
    hanging = {f"{found.file}: columns.{name}{key}" for name in outline.doubtful for key in ("", ".unit", ".percent")}
    found.problems = [problem for problem in found.problems if problem.where not in hanging]
    standard = replace(standard, elements=tuple(e for e in standard.elements if e.name not in outline.untyped))
    lines = getattr(files, "lines", {}).get(found.file, {})
    fields = (columns, joins, checks, unique, of_columns.missing)
    used = (found.file, f"sources/{known.name}.yaml", *of_columns.used)
    made_of = "" if found.problems else digest({path: files[path] for path in used})
    return Mapping(name, known, standard, main, *fields, made_of, resource, lines, freshness, left), found.problems


def _named(files: Files, found: Found, value: Map[str, Any], *, key: str, pattern: str, read: Any) -> Any:
    """The thing that `value[key]` names, read from its own file."""
    name, _, part = str(value[key]).partition("#") if isinstance(value.get(key), str) else (None, "", "")
    file = pattern.format(name)
    if name and is_unread(files, file):
        found.say(key, f"{file} 不可读", f"{file} cannot be read")
        return None
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
        "totals", "unnest", "fill_down", "unpivot", "named", "title", "note",
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
    encodings = _encodings(found, value.get("encoding"))
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
    if not all(map(_is_encoding, encodings)):
        found.say("encoding", "未知编码", "is no known encoding")
    return (
        Source(
            name, kind, path, url_from, records, encodings[0], delimiter, skip,
            {table: one.place for table, one in tables.items()}, columns=columns, numbered=numbered,
            encodings=encodings if len(encodings) > 1 else (), **more,
            apart=source_keys.apart_of(found, kind, tables) if kind is not SourceKind.database else {},
        ),
        found.problems,
    )  # fmt: skip


def _encodings(found: Found, given: Any) -> tuple[str, ...]:
    """UTF-8 stands first, in which hardly any text of another encoding can be read; the others as they are named."""
    if not isinstance(given, list):
        return (found.word("encoding", given, "utf-8"),)
    names = [name for name in found.texts("encoding", given) if name]
    return tuple(sorted(names, key=lambda name: name.lower() not in ("utf-8", "utf8"))) or ("utf-8",)


def _is_encoding(name: str) -> bool:
    try:
        return isinstance("".encode(name), bytes) and "\n".encode(name) != b""
    except (LookupError, ValueError):  # such as `hex`, which Python knows and which is no encoding of texts
        return False


class _Reader:
    """Reads the parts of one mapping beside its columns against its source and standard."""

    def __init__(self, found: Found, source: Source, standard: Standard, main: str, columns: Columns) -> None:
        self.found, self.source, self.standard, self.main, self.columns = found, source, standard, main, columns

    def joins(self, given: Any) -> tuple[Join, ...]:
        joins: list[Join] = []
        for number, item in enumerate(self.found.items("joins", given)):
            at = f"joins[{number}]"
            value = self.found.only(item, at, {"table", "on", "as", "digits", "missing", "note"})
            on = value.get("on")
            table = str(value.get("table", ""))
            if table not in self.source.tables or table == self.main or table in [j.table for j in joins]:
                self.found.say(f"{at}.table", "应为数据源的另一张表", "should be another table of the source, once")
            if not (isinstance(on, dict) and len(on) == 1):
                self.found.say(f"{at}.on", "应为 左列: 右列", "should be one pair, left path: right path")
                continue
            (left, right), how = next(iter(on.items())), self.columns.how(at, value.get("as", "text"))
            if not (isinstance(left, str) and str(right).startswith(f"{table}.")):
                self.found.say(f"{at}.on", f"右列应为 {table}.列", f"the right path should be {table}.column")
            held = self.columns.one_of(f"{at}.missing", value.get("missing", "quarantine"), ("quarantine", "keep"))
            meaning = Meaning(digits=digits_of(self.found.say, at, value))
            if meaning.digits and how not in {How.text, How.code}:
                self.found.say(f"{at}.digits", "仅用于 as: text", "is for `as: text` only")
            joins.append(Join(table, str(left), str(right).removeprefix(f"{table}."), how, held, meaning))
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
            for path in column.paths:
                at = f"columns.{column.element.name}.{'then' if path in column.then else 'from'}"
                if "." not in path or path.split(".")[0] not in reached:
                    said = f"{path} should be table.column of {', '.join(sorted(reached))}"
                    self.found.say(at, f"{path} 应为 表.列", said)
                elif path.split(".")[0] != column.table:
                    self.found.say(at, "几个列名应属同一张表", "the names of one field should be of one table")

    def told_apart(self, columns: Iterable[Column], joins: Iterable[Join]) -> None:
        """No two names that the mapping needs differ in case alone: databases that run its plan take them for one."""
        own, prefix = f"{self.found.file}: ", f"{self.main}." if self.source.tables else ""
        tables, paths, elements = [(f"{own}table", self.main)], list[tuple[str, str]](), list[tuple[str, str]]()
        for column in columns:
            at = f"{own}columns.{column.element.name}"
            elements.append((at, column.element.name))
            paths += [(f"{at}.{'then' if path in column.then else 'from'}", path) for path in column.paths]
        for number, join in enumerate(joins):
            tables.append((f"{own}joins[{number}].table", join.table))
            paths += [(f"{own}joins[{number}].on", path) for path in (join.left, f"{join.table}.{join.right}")]
        paths += [(f"sources/{self.source.name}.yaml: load.{at}", prefix + name) for at, name in self.source.load.asked]
        for named in (tables, paths, elements):
            first: dict[str, str] = {}
            for at, name in named:
                if (other := first.setdefault(name.lower(), name)) != name:
                    zh = f"{name} 与 {other} 仅大小写不同，执行计划的数据库不能区分：请改名其一（数据库可用视图）"
                    en = f"{name} and {other} differ in case alone, which databases that run plans do not tell apart: "
                    self.found.problems.append(Problem(at, zh, en + "rename one (in a database by a view)"))

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
            checks.append(Check(reason, str(value["when"]), names, number))
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
        kinds = {
            element.name: element.type for element in self.standard.elements if element.name in self.columns.mapped
        }
        if kinds.get(str(column)) not in (Type.timestamp, Type.date):
            said = "should be an element of type timestamp or date that the mapping fills"
            self.found.say("freshness.column", "应为映射填写的 timestamp 或 date 元素", said)
        if not isinstance(days, int) or isinstance(days, bool) or not 0 < days < 36_525:
            self.found.say("freshness.within_days", "应为正整数（天）", "should be a whole number of days, 1 or more")
            return None
        return Freshness(str(column), days)

    def _elements(self, at: str, names: Iterable[str]) -> None:
        for name in names:
            if name not in self.columns.mapped:
                near = nearest(name, self.columns.mapped)
                self.found.say(
                    at, f"映射中没有 {name}{nearest_zh(near)}", f"the mapping fills no element {name}{nearest_en(near)}"
                )
