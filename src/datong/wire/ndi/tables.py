"""The interface tables of the national rail as values, and a node's own corrections of them.

The tables are data (data/interfaces-2025.yaml), because half of the documents are drafts: what changes is mended in
the file that the setting `ndi.tables` names, not in code. Must never know: what a message means.
Contract: tests/wire/ndi/test_ndi_rows.py and test_ndi_answers.py.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from datong.ground.refusal import Kind, Problem, Reason, Text

DATA = "interfaces-2025.yaml"
TYPES = frozenset({"text", "instant", "date", "date_or_open", "object", "list", "texts", "json", "any"})

BAD_TABLES = Reason(
    "NDI-410",
    Kind.invalid,
    Text("接口表更正 {file} 未被接受。", "The corrections of the interface tables in {file} were not accepted."),
    Text("其中 {count} 处有误。", "{count} things in it are wrong."),
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
    conditional row. also: further forms that are read. accept_absent: marked required, read without.
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
    children: tuple[Field, ...] = ()

    @property
    def name(self) -> str:
        return self.path.rsplit(".", 1)[-1].removesuffix("[]")

    @property
    def names(self) -> tuple[str, ...]:
        return self.spellings or (self.name,)

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
    text = resources.files("datong.wire.ndi").joinpath("data", DATA).read_text("utf-8")
    return _tables(yaml.safe_load(text))


def tables(corrections: Path | None = None) -> Tables:
    """The printed tables, with a node's corrections; BAD_TABLES names everything wrong in the file."""
    if corrections is None:
        return printed()
    text = resources.files("datong.wire.ndi").joinpath("data", DATA).read_text("utf-8")
    value = yaml.safe_load(text)
    try:
        given = yaml.safe_load(corrections.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as broken:
        problem = Problem(str(corrections), "不能读取", f"cannot be read ({type(broken).__name__})")
        raise BAD_TABLES([problem], file=str(corrections), count=1) from broken
    problems = _corrected(value, given)
    if problems:
        raise BAD_TABLES(problems, file=str(corrections), count=len(problems))
    return _tables(value)


_MAY_INTERFACE = {"path": str, "method": str, "flag": str, "module": str}
_MAY_ROW = {"length": int, "read_length": int, "required": (bool, str), "spellings": list, "codes": str, "type": str,
            "accept_absent": bool}  # fmt: skip


def _corrected(value: dict[str, Any], given: Any) -> list[Problem]:
    """Put `given` into `value` in place; what of it does not fit."""
    if not isinstance(given, Mapping):
        return [Problem("file", "应为映射", "should be a mapping")]
    problems = [
        Problem(
            str(part), "没有这一节", "there is no such part; known: interfaces, code_tables, return_codes, envelope"
        )
        for part in given
        if part not in ("interfaces", "code_tables", "return_codes", "envelope")
    ]
    known = {interface["id"]: interface for interface in value["interfaces"]}
    for id, change in _mapping(given.get("interfaces")).items():
        if id not in known:
            problems.append(Problem(f"interfaces.{id}", "没有这个接口", "there is no such interface"))
            continue
        problems += _correct_interface(f"interfaces.{id}", known[id], change)
    for part in ("code_tables", "return_codes", "envelope"):
        for name, change in _mapping(given.get(part)).items():
            if name not in value[part]:
                problems.append(Problem(f"{part}.{name}", "没有这一表", "there is no such table"))
            elif isinstance(value[part][name], Mapping):
                value[part][name] = {**value[part][name], **_mapping(change)}
            elif not isinstance(change, list):
                problems.append(Problem(f"{part}.{name}", "应为列表", "should be a list"))
            else:
                value[part][name] = change
    return problems


def _mapping(value: Any) -> dict[Any, Any]:
    return dict(value) if isinstance(value, Mapping) else {}


def _correct_interface(place: str, interface: dict[str, Any], change: Any) -> list[Problem]:
    problems = []
    for name, new in _mapping(change).items():
        if name in ("request", "response"):
            problems += _correct_rows(f"{place}.{name}", interface[name], new)
        elif name not in _MAY_INTERFACE or not isinstance(new, _MAY_INTERFACE[name]):
            problems.append(Problem(f"{place}.{name}", "不能更正", "cannot be corrected, or has the wrong type"))
        else:
            interface[name] = new
    return problems


def _correct_rows(place: str, rows: list[dict[str, Any]], change: Any) -> list[Problem]:
    problems, known = [], {row["path"].replace("[]", ""): row for row in rows}
    for path, new in _mapping(change).items():
        row = known.get(str(path).replace("[]", ""))
        if row is None:
            problems.append(Problem(f"{place}.{path}", "没有这一行", "there is no such row"))
            continue
        for name, value in _mapping(new).items():
            fits = name in _MAY_ROW and isinstance(value, _MAY_ROW[name])  # type: ignore[arg-type]
            if not fits or (name == "type" and value not in TYPES) or (name == "length" and value < 1):
                problems.append(Problem(f"{place}.{path}.{name}", "不能更正", "cannot be corrected so"))
            else:
                row[name] = value
    return problems


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
    return Interface(
        row["id"], row["zh"], row["document"], row["envelope"], row["method"] or "POST", row["path"] or f"/{row['id']}",
        row["path"] is not None, tuple(row["caller"]), tuple(row["provider"]), _tree(row["request"]),
        _tree(row["response"]), row.get("flag", ""), row.get("module", "00"),
    )  # fmt: skip


def _tree(rows: list[Mapping[str, Any]]) -> tuple[Field, ...]:
    """Roots of the rows of one table; a row is the child of the row whose path it continues."""
    below: dict[str, list[Field]] = {}
    for row in reversed(rows):
        given = {**row, "spellings": tuple(row.get("spellings", ())), "also": tuple(row.get("also", ()))}
        bare = row["path"].replace("[]", "")
        one = replace(Field(**given), children=tuple(reversed(below.pop(bare, []))))
        below.setdefault(bare.rpartition(".")[0], []).append(one)
    return tuple(reversed(below.pop("", [])))
