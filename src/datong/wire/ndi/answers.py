"""What a node answers on the national rail: each document's envelope and return codes.

TC609-6-2025-14 and -15 answer one digit in a field of the interface's own ("0" done, "1" not); NDI-TR-2025-05 answers
code, message, data with five digits; NDI-TR-2025-03 the same with six, two of which say the module. The HTTP status
says it too. Beside the members of the tables a refusal carries Datong's own `error` with every problem.
Must never know: what was asked. Contract: tests/wire/ndi/test_ndi_answers.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from datong.ground.refusal import Kind, Refusal
from datong.wire.ndi.reading import BAD_MESSAGE
from datong.wire.ndi.tables import Field, Interface, Tables

MESSAGES = {"success": "请求成功"}
_ORDER = ("unparsed", "empty", "missing", "too_long", "format", "code")
_OTHERS = ("msgcode", "msgversion", "timestamp", "token", "gone")
"""Headers that do not fit the call, a token out of its time, an identity no longer valid: kinds for which
NDI-TR-2025-03 alone has codes."""


def done(tables: Tables, interface: Interface, content: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The answer of success with `content`: beside the flag, or under data."""
    given = dict(content or {})
    if interface.envelope == "flag":
        return {**given, interface.flag: given.pop(interface.flag, tables.return_codes["flag"]["success"])}
    code, message, data = (tables.envelope[name][0] for name in ("code", "message", "data"))
    answer: dict[str, Any] = {code: return_code(tables, interface, "success"), message: MESSAGES["success"]}
    has_data = any(row.name == "data" for row in interface.response)
    return {**answer, **({data: given} if has_data else given)}


def refused(tables: Tables, interface: Interface, refusal: Refusal, faults: tuple[str, ...] = ()) -> dict[str, Any]:
    """The answer to a request that is refused; faults: kinds of the faults found in it, where the refusal does not name
    them itself. Faults for which the document has no code are told by the refusal's own kind."""
    faults = faults or tuple(refusal.facts.get("faults", ()))
    known = [*_ORDER, *(kind for kind in _OTHERS if kind in tables.return_codes[interface.envelope])]
    kind = next((kind for kind in known if kind in faults), refusal.kind.value)
    if kind == Kind.invalid.value:
        kind = "format"
    error = {"error": refusal.as_json()}
    message = refusal.texts()[0].zh
    if interface.envelope == "flag":
        empty = {row.name: "" for row in interface.response if row.type == "text" and row.required is True}
        return {**empty, interface.flag: return_code(tables, interface, kind), **error}
    code, said = (tables.envelope[name][0] for name in ("code", "message"))
    return {code: return_code(tables, interface, kind), said: message[: _length(interface, said)], **error}


def _length(interface: Interface, name: str) -> int:
    row: Field | None = next((row for row in interface.response if row.name == name), None)
    return (row.length if row is not None else None) or 255


def return_code(tables: Tables, interface: Interface, kind: str) -> str:
    """The return code of a kind of answer; kinds without a code of their own get the document's general one."""
    codes = tables.return_codes[interface.envelope]
    kind = "format" if kind in ("code", "unparsed") and kind not in codes else kind
    return codes.get(kind, codes["*"]).replace("XX", interface.module)


def succeeded(tables: Tables, interface: Interface, answer: Mapping[str, Any]) -> bool:
    """Whether a peer's answer says success, in the tables' names of the envelope or the samples'; a code may be a
    number, as many write it, instead of the text the tables print: what the peer took would count as refused here."""
    if interface.envelope == "flag":
        return str(answer.get(interface.flag)) == tables.return_codes["flag"]["success"]
    given = next((answer[name] for name in tables.envelope["code"] if name in answer), None)
    wanted = tables.return_codes[interface.envelope]["success"]
    text = str(given)
    if "XX" not in wanted:
        return text == wanted
    head, tail = wanted.split("XX")
    return len(text) == len(wanted) and text.startswith(head) and text.endswith(tail)


def data_of(tables: Tables, answer: Mapping[str, Any]) -> dict[str, Any]:
    """The data of an enveloped answer, {} when there is none."""
    data = next((answer[name] for name in tables.envelope["data"] if name in answer), None)
    return dict(data) if isinstance(data, Mapping) else {}


def json_object(body: bytes) -> dict[str, Any]:
    """The JSON object of a peer's answer, {} when it is none."""
    try:
        value = json.loads(body or b"null")
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def error_in(value: Mapping[str, Any]) -> tuple[str, str]:
    """(code, text) of an answer that refuses, as far as it says why."""
    error = value.get("error")
    if isinstance(error, Mapping) and isinstance(error.get("what"), Mapping):
        problems = [f"{p.get('where')}: {p.get('en')}" for p in error.get("problems", []) if isinstance(p, Mapping)]
        said = " ".join(str(error[part].get("en", "")) for part in ("what", "why", "next") if part in error)
        return str(error.get("code", ""))[:60], "; ".join([said, *problems])[:2000]
    return str(value.get("code", ""))[:60], str(value.get("message", value.get("msg", "")))[:2000]


__all__ = ["BAD_MESSAGE", "data_of", "done", "error_in", "json_object", "refused", "return_code", "succeeded"]
