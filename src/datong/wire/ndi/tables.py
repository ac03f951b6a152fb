"""The interface tables of the national rail as values, and a node's own corrections of them.

The tables are data (data/interfaces-2025.yaml), because half of the documents are drafts: what changes is mended in
the file that the setting `ndi.tables` names, not in code. Must never know: what a message means.
Contract: tests/wire/ndi/test_ndi_rows.py and test_ndi_answers.py.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from datong.ground.refusal import Kind, Problem, Reason, Text

DATA = "interfaces-2025.yaml"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
TYPES = frozenset({"text", "number", "instant", "date", "date_or_open", "object", "list", "texts", "json", "any"})

BAD_TABLES = Reason(
    "NDI-410",
    Kind.invalid,
    Text("接口表更正 {file} 未被接受。", "The corrections of the interface tables in {file} were not accepted."),
    Text("其中 {count} 处有误。", "Mistakes in it: {count}."),
    Text("请按下列各项修改；格式见 docs/reference/national-rail.md。",
         "Mend the items listed; docs/reference/national-rail.md shows the form."),
)  # fmt: skip
NO_INTERFACE = Reason(
    "NDI-404",
    Kind.unknown,
    Text("没有接口 {interface}。", "There is no interface {interface}."),
    Text("它不在国家数据基础设施的接口表中。", "It is not in the tables of the national data infrastructure."),
    Text("可用接口：{known}。", "Known interfaces: {known}."),
)


@dataclass(frozen=True)
class Field:
    """One row of an interface table. path: its place in the message as the document nests it, "a.b[].c".

    length: printed maximum in characters, None where the document prints none. read_length: what is read instead where
    the printed one cannot hold what the field must carry. spellings: first as printed. when: {"field", "is"} of a
    conditional row. also: further forms that are read. accept_absent: marked required, read without. lower: read in
    lower case too, as the text of NDI-TR-2025-03 asks for it, whose tables do not (N5).
    """

    row: str
    path: str
    zh: str
    type: str
    required: bool | str
    length: int | None = None
    read_length: int | None = None
    spellings: tuple[str, ...] = ()
    codes: str = ""
    when: Mapping[str, str] = field(default_factory=dict)
    also: tuple[str, ...] = ()
    accept_absent: bool = False
    lower: bool = False
    children: tuple[Field, ...] = ()

    @property
    def name(self) -> str:
        return self.path.rsplit(".", 1)[-1].removesuffix("[]")

    @property
    def names(self) -> tuple[str, ...]:
        given = self.spellings or (self.name,)
        return (*given, self.name.lower()) if self.lower and self.name.lower() not in given else given

    @property
    def longest(self) -> int | None:
        return self.read_length or self.length


@dataclass(frozen=True)
class Interface:
    """One interface: who calls whom where, and the rows of both messages (`request`, `response`: roots of trees)."""

    id: str
    zh: str
    document: str
    envelope: str
    method: str
    path: str
    printed: bool
    caller: tuple[str, ...]
    provider: tuple[str, ...]
    request: tuple[Field, ...]
    response: tuple[Field, ...]
    flag: str = ""
    module: str = "00"

    def rows(self, part: str) -> list[Field]:
        """Every row of "request" or "response", in the order of the table."""
        return _flat(self.request if part == "request" else self.response)


@dataclass(frozen=True)
class Code:
    code: str
    zh: str
    en: str
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class Tables:
    """All interfaces, code tables, return codes by envelope, and the names of the envelope's members."""

    interfaces: Mapping[str, Interface]
    codes: Mapping[str, tuple[Code, ...]]
    return_codes: Mapping[str, Mapping[str, str]]
    envelope: Mapping[str, tuple[str, ...]]

    def interface(self, id: str) -> Interface:
        if id not in self.interfaces:
            raise NO_INTERFACE(interface=id[:60], known=", ".join(self.interfaces))
        return self.interfaces[id]

    def code_of(self, table: str, value: str) -> str | None:
        """The code as printed of a value in any spelling that is read, or None."""
        for code in self.codes[table]:
            if value == code.code or value in code.also:
                return code.code
        return None


def _flat(roots: tuple[Field, ...]) -> list[Field]:
    found: list[Field] = []
    for root in roots:
        found += [root, *_flat(root.children)]
    return found


@functools.cache
def printed() -> Tables:
    """The tables as the documents print them."""
    return _tables(_shipped())


def _shipped() -> dict[str, Any]:
    """The file of the tables, read anew. By libyaml where there is it: every start of a node waits for this."""
    text = resources.files("datong.wire.ndi").joinpath("data", DATA).read_text("utf-8")
    value: dict[str, Any] = yaml.load(text, _LOADER)  # noqa: S506 - a safe one, of either make
    return value


def tables(corrections: Path | None = None) -> Tables:
    """The printed tables, with a node's corrections; BAD_TABLES names everything wrong in the file."""
    if corrections is None:
        return printed()
    value = _shipped()
    try:
        given = yaml.safe_load(corrections.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as broken:
        problem = Problem(str(corrections), "不能读取", f"cannot be read ({type(broken).__name__})")
        raise BAD_TABLES([problem], file=str(corrections), count=1) from broken
    problems = _corrected(value, given)
    if problems:
        raise BAD_TABLES(problems, file=str(corrections), count=len(problems))
    return _tables(value)


# --- corrections of a node


_Rule = tuple[Callable[[Any], bool], str, str]
"""What a value must be, and how to say it in both languages."""
PARTS = ("interfaces", "code_tables", "return_codes", "envelope")
METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _are_names(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_name, value))


def _is_length(value: Any) -> bool:
    return type(value) is int and value >= 1


def _one_of(known: Collection[str]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and value in known


def _matches(pattern: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


_LENGTH: _Rule = (_is_length, "应为不小于 1 的整数", "should be a whole number of at least 1")
_NAMES: _Rule = (_are_names, "应为非空名称的列表", "should be a list of names, at least one")
_CODE: dict[str, _Rule] = {
    "code": (_is_name, "应为文本", "should be a text"),
    "zh": (_is_name, "应为文本", "should be a text"),
    "en": (_is_name, "应为文本", "should be a text"),
    "also": _NAMES,
}


def _corrected(value: dict[str, Any], given: Any) -> list[Problem]:
    """Put `given` into `value` in place; everything of it that does not fit."""
    problems: list[Problem] = []
    known = {interface["id"]: interface for interface in value["interfaces"]}
    tables = frozenset(value["code_tables"])
    kinds = {kind for codes in value["return_codes"].values() for kind in codes} | {"code", "conflict"}
    if not isinstance(given, Mapping):
        return [Problem("file", "应为映射", "should be a mapping")]
    for part in given:
        if part not in PARTS:
            problems.append(Problem(str(part), f"没有这一节；可用：{'、'.join(PARTS)}",
                                    f"there is no such part; known: {', '.join(PARTS)}"))  # fmt: skip
    for id, change in _members("interfaces", given.get("interfaces"), known, problems):
        _correct_interface(f"interfaces.{id}", known[id], change, tables, problems)
    for name, change in _members("code_tables", given.get("code_tables"), tables, problems):
        if not _wrong_codes(f"code_tables.{name}", change, problems):
            value["code_tables"][name] = change
    for name, change in _members("return_codes", given.get("return_codes"), value["return_codes"], problems):
        place = f"return_codes.{name}"
        for kind, code in _members(place, change, kinds, problems):
            if not _wrong(
                f"{place}.{kind}", code, (_is_name, "应为带引号的文本", "should be a text, in quotes"), problems
            ):
                value["return_codes"][name] = {**value["return_codes"][name], kind: code}
    for name, change in _members("envelope", given.get("envelope"), value["envelope"], problems):
        if not _wrong(f"envelope.{name}", change, _NAMES, problems):
            value["envelope"][name] = change
    return problems


def _wrong(place: str, value: Any, rule: _Rule, problems: list[Problem]) -> bool:
    fits, zh, en = rule
    if not fits(value):
        problems.append(Problem(place, zh, en))
        return True
    return False


def _members(place: str, given: Any, known: Collection[str], problems: list[Problem]) -> list[tuple[str, Any]]:
    """The members of `given` that are known; a part left empty has none."""
    if given is None:
        return []
    if not isinstance(given, Mapping):
        problems.append(Problem(place, "应为映射", "should be a mapping"))
        return []
    for name in given:
        if name not in known:
            shown = ", ".join(sorted(known))
            problems.append(Problem(f"{place}.{name}", f"没有这一项；可用：{shown}", f"is not known; known: {shown}"))
    return [(name, part) for name, part in given.items() if name in known]


def _correct_interface(
    place: str, interface: dict[str, Any], change: Any, tables: frozenset[str], problems: list[Problem]
) -> None:
    answer = {row["path"] for row in interface["response"]}
    rules: dict[str, _Rule] = {
        "path": (_matches(r"(/[A-Za-z0-9._~-]+)+"), "应为以 / 开头的路径", "should be a path that begins with /"),
        "method": (_one_of(METHODS), f"应为 {'、'.join(sorted(METHODS))} 之一",
                   f"should be one of {', '.join(sorted(METHODS))}"),
        "flag": (_one_of(answer), "应答中没有这一行", "should be the name of a row of the answer"),
        "module": (_matches("[0-9]{2}"), "应为两位数字文本", "should be two digits, in quotes"),
    }  # fmt: skip
    for name, new in _members(place, change, {*rules, "request", "response"}, problems):
        if name in ("request", "response"):
            _correct_rows(f"{place}.{name}", interface[name], new, tables, problems)
        elif not _wrong(f"{place}.{name}", new, rules[name], problems):
            interface[name] = new


def _correct_rows(
    place: str, rows: list[dict[str, Any]], change: Any, tables: frozenset[str], problems: list[Problem]
) -> None:
    known = {row["path"].replace("[]", ""): row for row in rows}
    if isinstance(change, Mapping):  # the marks of lists may be left out
        change = {str(path).replace("[]", ""): new for path, new in change.items()}
    for path, new in _members(place, change, known, problems):
        row = known[path]
        rules = _row_rules(row, tables)
        for name, value in _members(f"{place}.{path}", new, rules, problems):
            if not _wrong(f"{place}.{path}.{name}", value, rules[name], problems):
                row[name] = value


def _row_rules(row: Mapping[str, Any], tables: frozenset[str]) -> dict[str, _Rule]:
    when = row.get("when") is not None
    return {
        "length": _LENGTH,
        "read_length": _LENGTH,
        "required": (lambda value: type(value) is bool or (when and value == "conditional"),
                     "应为 true 或 false；只有表中说明条件的行可为 conditional",
                     "should be true or false; conditional only where the table says the condition"),
        "spellings": _NAMES,
        "codes": (_one_of({*tables, ""}),
                  f"没有这一代码表；可用：{', '.join(sorted(tables))}",
                  f"should name a code table; known: {', '.join(sorted(tables))}"),
        "type": (_one_of(TYPES), f"应为 {', '.join(sorted(TYPES))} 之一",
                 f"should be one of {', '.join(sorted(TYPES))}"),
        "accept_absent": (lambda value: type(value) is bool, "应为 true 或 false", "should be true or false"),
    }  # fmt: skip


def _wrong_codes(place: str, given: Any, problems: list[Problem]) -> bool:
    """Whether a code table is none: a list of {"code", "zh", "en"} and perhaps "also"."""
    before = len(problems)
    if not isinstance(given, list) or not given:
        problems.append(Problem(place, "应为非空列表", "should be a list, not empty"))
        return True
    for number, one in enumerate(given):
        where = f"{place}[{number}]"
        for name, part in _members(where, one if one is not None else 0, _CODE, problems):
            _wrong(f"{where}.{name}", part, _CODE[name], problems)
        if isinstance(one, Mapping):
            problems += [
                Problem(f"{where}.{name}", "缺少", "is missing") for name in ("code", "zh", "en") if name not in one
            ]
    return len(problems) > before


def _tables(value: Mapping[str, Any]) -> Tables:
    return Tables(
        {row["id"]: _interface(row) for row in value["interfaces"]},
        {
            name: tuple(Code(c["code"], c["zh"], c["en"], tuple(c.get("also", ()))) for c in codes)
            for name, codes in value["code_tables"].items()
        },
        value["return_codes"],
        {name: tuple(names) for name, names in value["envelope"].items()},
    )


def _interface(row: Mapping[str, Any]) -> Interface:
    lower = row["document"] == "NDI-TR-2025-03"
    return Interface(
        row["id"], row["zh"], row["document"], row["envelope"], row["method"] or "POST", row["path"] or f"/{row['id']}",
        row["path"] is not None, tuple(row["caller"]), tuple(row["provider"]), _tree(row["request"], lower=lower),
        _tree(row["response"], lower=lower), row.get("flag", ""), row.get("module", "00"),
    )  # fmt: skip


def _tree(rows: list[Mapping[str, Any]], *, lower: bool) -> tuple[Field, ...]:
    """Roots of the rows of one table; a row is the child of the row whose path it continues."""
    below: dict[str, list[Field]] = {}
    for row in reversed(rows):
        given = {**row, "spellings": tuple(row.get("spellings", ())), "also": tuple(row.get("also", ()))}
        bare = row["path"].replace("[]", "")
        one = replace(Field(**given), lower=lower, children=tuple(reversed(below.pop(bare, []))))
        below.setdefault(bare.rpartition(".")[0], []).append(one)
    return tuple(reversed(below.pop("", [])))
