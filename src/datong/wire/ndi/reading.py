"""A message against its table: every spelling read, every fault found at once, the printed form given back.

What the tables do not name is left as it is: a newer edition may say more (N-1). Must never know: what a message
means, who sent it. Contract: tests/wire/ndi/test_ndi_reading.py, and row by row test_ndi_rows.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from datong.ground.canonical import canonical, named_once, without_nul
from datong.ground.codes import CHINA
from datong.ground.refusal import Kind, Problem, Reason, Refusal, Text
from datong.wire.ndi.tables import Field, Interface, Tables

OPEN_END = "长期"
OPEN_TABLES = frozenset({"action"})
"""Code tables a message may go beyond: annex D of TC609-6-2025-14 itself uses an action that is not in table 4."""
DEPTH_MAX = 24

BAD_MESSAGE = Reason(
    "NDI-400",
    Kind.invalid,
    Text("接口 {interface} 的{part}未被接受。", "The {part_en} of {interface} was not accepted."),
    Text("与 {document} 的接口表有 {count} 处不符。", "It departs from the table of {document} in {count} places."),
    Text("请按下列各项修改后重新发送。", "Mend the items listed and send it again."),
)


@dataclass(frozen=True)
class Fault:
    """One departure: its kind (missing | format | too_long | empty | code | unparsed), place, table row, sentences."""

    kind: str
    where: str
    row: str
    zh: str
    en: str

    def problem(self) -> Problem:
        row = f"，第 {self.row} 行" if self.row else "", f" (row {self.row})" if self.row else ""
        return Problem(self.where, self.zh + row[0], self.en + row[1])


@dataclass(frozen=True)
class Read:
    """What was read: the message in printed spelling, its faults, and the odd spellings met ("where: given")."""

    value: dict[str, Any]
    faults: tuple[Fault, ...]
    odd: tuple[str, ...] = ()


def parsed(data: bytes) -> tuple[Any, tuple[Fault, ...]]:
    """The JSON value of a body, or the one fault that it is none (or cannot be digested, RFC 8785, or kept)."""
    if not data.strip():
        return {}, (Fault("empty", "body", "", "请求数据包为空", "the body is empty"),)
    try:
        return loaded(data), ()
    except ValueError:
        why = (
            "不是可以签名的 JSON（RFC 8785），或嵌套超过 ",
            "is not JSON that could be signed (RFC 8785), or is nested deeper than ",
        )
        return {}, (Fault("unparsed", "body", "", *(f"{one}{DEPTH_MAX}" for one in why)),)


def loaded(text: bytes | str) -> Any:
    """The value of JSON, be it a body or a text within a message; ValueError when it is none, or none that could be
    signed (RFC 8785: names that occur once, exact numbers, whole characters), kept, or walked through."""
    try:
        value = json.loads(text, object_pairs_hook=named_once)
    except RecursionError as broken:
        raise ValueError("it is nested too deeply") from broken
    if _deep(value, DEPTH_MAX):
        raise ValueError(f"it is nested deeper than {DEPTH_MAX}")
    canonical(value)
    without_nul(text.encode() if isinstance(text, str) else text)
    return value


def _deep(value: Any, left: int) -> bool:
    parts = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return left < 0 or any(_deep(part, left - 1) for part in parts)


def read(tables: Tables, interface: Interface, part: str, value: Any) -> Read:
    """`value` against the table of `part` ("request" or "response") of `interface`."""
    if not isinstance(value, Mapping):
        return Read({}, (Fault("format", "body", "", "应为 JSON 对象", "should be a JSON object"),))
    reader = _Reader(tables)
    roots = interface.request if part == "request" else interface.response
    found = reader.members(roots, value, "")
    empty = part == "request" and roots and not value
    all_empty = [Fault("empty", "body", "", "所有输入参数都为空", "all parameters are empty")] if empty else []
    return Read(found, (*all_empty, *reader.faults), tuple(reader.odd))


def checked(tables: Tables, interface: Interface, part: str, value: Any) -> dict[str, Any]:
    """The message in printed spelling; BAD_MESSAGE with every fault otherwise."""
    found = read(tables, interface, part, value)
    if found.faults:
        raise refusal(interface, part, found.faults)
    return found.value


def of_row(tables: Tables, row: Field, value: Any) -> tuple[Fault, ...]:
    """The faults of one member by its row."""
    reader = _Reader(tables)
    reader.one(row, value, row.name)
    return tuple(reader.faults)


def respelt(rows: tuple[Field, ...], value: Mapping[str, Any]) -> dict[str, Any]:
    """`value` as it was sent, but for the names of the members the rows name, which are the printed ones, and JSON in a
    text, which is the object it says. What is signed over, kept and shown has this form, whichever spelling came."""
    taken = _printed_names(rows, value)
    result = {name: part for name, part in value.items() if name not in taken}
    named = {row.name: row for row in rows}
    for name, of in reversed(taken.items()):  # of two spellings, which agree, the first in the table
        result[of] = _part_respelt(named[of], value[name])
    return result


def _printed_names(rows: tuple[Field, ...], value: Mapping[str, Any]) -> dict[str, str]:
    """Names under which `value` gives members of the rows -> the printed ones."""
    taken: dict[str, str] = {}
    for row in rows:
        taken |= {name: row.name for name in row.names if value.get(name) is not None and name not in taken}
    return taken


def _part_respelt(row: Field, value: Any) -> Any:
    if isinstance(value, str) and "json_text" in row.also:
        try:
            value = loaded(value)
        except ValueError:
            return value
    if isinstance(value, list):
        return [_part_respelt(row, one) for one in value]
    return respelt(row.children, value) if row.children and isinstance(value, Mapping) else value


def refusal(interface: Interface, part: str, faults: tuple[Fault, ...]) -> Refusal:
    zh, en = ("请求", "request") if part == "request" else ("应答", "answer")
    problems = [fault.problem() for fault in faults]
    return BAD_MESSAGE(
        problems, interface=interface.id, part=zh, part_en=en, document=interface.document, count=len(problems),
        faults=[fault.kind for fault in faults],
    )  # fmt: skip


class _Reader:
    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self.faults: list[Fault] = []
        self.odd: list[str] = []

    def fault(self, kind: str, where: str, row: Field, zh: str, en: str) -> None:
        self.faults.append(Fault(kind, where, row.row, zh, en))

    def members(self, rows: tuple[Field, ...], value: Mapping[str, Any], place: str) -> dict[str, Any]:
        """The members of one object: those the table names under their printed names, the others as they are."""
        taken = _printed_names(rows, value)
        for row in rows:
            found = [name for name, of in taken.items() if of == row.name]
            if len({json.dumps(value[name], sort_keys=True) for name in found}) > 1:
                names = "、".join(found), ", ".join(found)
                self.fault("format", place + row.name, row, f"{names[0]} 的值不一致", f"is given twice: {names[1]}")
        result = {name: part for name, part in value.items() if name not in taken}
        given_as = {of: value[name] for name, of in reversed(taken.items())}
        for row in rows:
            where = place + row.name
            given = next((name for name, of in taken.items() if of == row.name), None)
            if given is None:
                result.pop(row.name, None)
                self.absent(row, given_as, place + row.name)
                continue
            if given != row.name:
                self.odd.append(f"{where}: {given}")
            result[row.name] = self.one(row, value[given], where)
        return result

    def absent(self, row: Field, value: Mapping[str, Any], where: str) -> None:
        if row.accept_absent or row.required is False:
            return
        if row.required == "conditional":
            asked = value.get(row.when.get("field", ""))
            if not row.when or asked != row.when["is"]:
                return
            zh = f"当 {row.when['field']} 为 {row.when['is']} 时为必填"
            self.fault("missing", where, row, zh, f"is needed when {row.when['field']} is {row.when['is']}")
            return
        self.fault("missing", where, row, "必填参数为空", "is mandatory and missing")

    def one(self, row: Field, value: Any, where: str) -> Any:
        if row.type == "text" and "object" in row.also:
            if isinstance(value, Mapping | list):
                return value
            if _spoilt_json(value):
                self.fault("format", where, row, "是不能签名的 JSON 文本（RFC 8785）",
                           "is the text of JSON that could not be signed (RFC 8785)")  # fmt: skip
                return value
        if isinstance(value, str) and "json_text" in row.also:
            try:
                value = loaded(value)
            except ValueError:
                self.fault(
                    "format", where, row, "应为对象，或对象的 JSON 文本", "should be an object, or its JSON text"
                )
                return value
        if row.type == "object" and isinstance(value, list) and "list" in row.also:
            if not value:
                self.fault("empty", where, row, "列表为空", "is an empty list")
            return [self.object(row, one, f"{where}[{n}]") for n, one in enumerate(value)]
        if row.type == "object":
            return self.object(row, value, where)
        if row.type in ("list", "texts"):
            return self.list(row, value, where)
        if row.type == "json":
            if not isinstance(value, Mapping | list | str):
                self.fault("format", where, row, "应为 JSON", "should be JSON")
            elif isinstance(value, str) and not value.strip() and row.required is True:
                self.fault("missing", where, row, "必填参数为空", "is mandatory and empty")
            return value
        return value if row.type == "any" and not isinstance(value, str) else self.text(row, value, where)

    def object(self, row: Field, value: Any, where: str) -> Any:
        if not isinstance(value, Mapping):
            self.fault("format", where, row, "应为对象", "should be an object")
            return value
        return self.members(row.children, value, f"{where}.") if row.children else dict(value)

    def list(self, row: Field, value: Any, where: str) -> Any:
        if isinstance(value, str) and "text" in row.also:
            value = [value]
        if not isinstance(value, list):
            self.fault("format", where, row, "应为数组", "should be an array")
            return value
        if not value and row.required is True:
            self.fault("empty", where, row, "数组为空", "is an empty array")
        if row.children:
            return [self.object(row, one, f"{where}[{n}]") for n, one in enumerate(value)]
        if row.codes == "action":  # an extension action is an object {"expansionItem": ...}
            return [one if _is_extension(one) else self.text(row, one, f"{where}[{n}]") for n, one in enumerate(value)]
        return [self.text(row, one, f"{where}[{n}]") for n, one in enumerate(value)]

    def text(self, row: Field, value: Any, where: str) -> Any:
        if not isinstance(value, str):
            self.fault("format", where, row, "应为字符串", "should be a string")
            return value
        if not value.strip() and row.required is True:
            self.fault("missing", where, row, "必填参数为空", "is mandatory and empty")
            return value
        if row.codes:
            value = self.coded(row, value, where)
            if row.codes not in OPEN_TABLES:
                return value
        if row.longest is not None and len(value) > row.longest:
            self.fault("too_long", where, row, f"至多 {row.longest} 字符，实为 {len(value)}",
                       f"has {len(value)} characters, at most {row.longest} are allowed")  # fmt: skip
        if row.type == "number" and not (value.isascii() and value.isdigit()):
            self.fault("format", where, row, "应为数字文本", "should be a number written as a text")
        if row.type == "instant" and not is_instant(value):
            self.fault("format", where, row, "应为 ISO 8601 时间（或 YYYYMMDDHHMMSS）",
                       "should be an ISO 8601 time (or YYYYMMDDHHMMSS)")  # fmt: skip
        if row.type.startswith("date") and not (is_date(value) or (row.type == "date_or_open" and value == OPEN_END)):
            self.fault("format", where, row, "应为日期 YYYY-MM-DD", "should be a date YYYY-MM-DD")
        return value

    def coded(self, row: Field, value: str, where: str) -> str:
        code = self.tables.code_of(row.codes, value)
        if code is None:
            if row.codes not in OPEN_TABLES:
                known = ", ".join(one.code for one in self.tables.codes[row.codes])
                self.fault("code", where, row, f"不在代码表中；可用：{known}", f"is in no code table; known: {known}")
            return value
        if code != value:
            self.odd.append(f"{where}: {value}")
        return code


def _spoilt_json(value: Any) -> bool:
    """Whether a text is an object or list in JSON, yet not one to load; a text in words is left to who reads it."""
    if not isinstance(value, str) or value.strip()[:1] not in ("{", "["):
        return False
    try:
        loaded(value)
    except json.JSONDecodeError:
        return False
    except ValueError:
        return True
    return False


def _is_extension(value: Any) -> bool:
    return isinstance(value, Mapping) and "expansionItem" in value


def is_instant(text: str) -> bool:
    """Whether `text` is an ISO 8601 instant, or the fourteen digits annex C prints."""
    return instant_of(text) is not None


def instant_of(text: str) -> datetime | None:
    """The instant a text names; times without an offset are read as China time, as the fourteen digits are. None too
    for what leaves the calendar in UTC, in which instants are kept."""
    try:
        if len(text) == 14 and text.isascii() and text.isdigit():
            found = datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=CHINA)
        elif "T" in text or " " in text:
            found = datetime.fromisoformat(text)
        else:
            return None
        found = found if found.tzinfo is not None else found.replace(tzinfo=CHINA)
        found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return found


def is_date(text: str) -> bool:
    try:
        date.fromisoformat(text[:10])
    except ValueError:
        return False
    return len(text) == 10 or is_instant(text)
