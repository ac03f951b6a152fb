"""What an address a person gives is, and what the first answer of an API says of its pages.

postgresql://, mysql:// (MariaDB too), http(s):// and s3:// are known. An address that holds a password or a token is
not taken: it would stay in a command's history and in the workspace. Pure: texts and JSON in, keys of a source out.
Must never know: what answers there. Contract: tests/harmonise/test_harmonise_addresses.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Mapping as Map
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from datong.ground.refusal import Text
from datong.harmonise.model.drafts import Unfit
from datong.harmonise.model.mappings import Page, SourceKind

SCHEMES = {
    "postgresql": SourceKind.database, "postgres": SourceKind.database, "mysql": SourceKind.database,
    "mariadb": SourceKind.database, "http": SourceKind.http, "https": SourceKind.http, "s3": SourceKind.s3,
}  # fmt: skip
_IS_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_SECRETS = re.compile(r"(?i)pass(wor)?d|passwd|pwd|secret|token|api_?key|^key$|^sig(n|nature)?$|credential|^auth")
"""Names of query parameters that carry a secret."""


@dataclass(frozen=True)
class Address:
    """What was given: url is as it will stand in the source. stem: what the source may be called after."""

    kind: SourceKind
    url: str
    stem: str


def is_address(text: str) -> bool:
    return _IS_ADDRESS.match(text) is not None


def address_of(text: str) -> Address | Unfit:
    """The address, or why it is none that a source can have."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port, parts = "", None, urlsplit("")
    scheme = parts.scheme.partition("+")[0]
    if scheme not in SCHEMES or not host or port == 0:
        known = ", ".join(f"{name}://" for name in SCHEMES)
        why = Text("不是可作为数据源的地址。", "It is no address that a source can have.")
        return Unfit(why, Text(f"可用的地址：{known}。", f"There are: {known}."))
    if (where := holds_secret(text)) is not None:
        said = "It holds a secret, which would stay in the command's history and in the workspace"
        return Unfit(
            Text(f"地址中含有秘密（{where}），会留在命令历史和工作区中。", f"{said}: {where}."),
            Text(
                "请把它放入环境变量（或文件，由 变量名_FILE 指明），用 --secret-from 变量名 指出，地址中不写。",
                "Put it into an environment variable (or a file that VARIABLE_FILE names), say --secret-from VARIABLE, "
                "and leave it out of the address.",
            ),
        )
    kind = SCHEMES[scheme]
    last = [unquote(part) for part in parts.path.split("/") if part.strip("*")]
    if kind is SourceKind.database and not last:
        why = Text("地址没有写明数据库。", "It names no database.")
        return Unfit(why, Text(f"例如 {scheme}://用户@主机/数据库。", f"Write {scheme}://USER@HOST/DATABASE."))
    words = [stem for part in reversed(last) if re.search(r"[^\W\d]", stem := part.split(".")[0])]
    stem = words[0] if words else host.split(".")[0]
    return Address(kind, text, stem)


def holds_secret(url: str) -> str | None:
    """Where an address holds a secret: "password", or the name of a query parameter."""
    parts = urlsplit(url)
    if parts.password is not None or (parts.scheme in ("http", "https", "s3") and parts.username is not None):
        return "user:password@"
    return next((name for name, _ in parse_qsl(parts.query) if _SECRETS.search(name)), None)


def shown(text: str) -> str:
    """An address without its query and without a user or password in it, for what is told."""
    parts = text.partition("://")
    return f"{parts[0]}://{re.split('[?#]', parts[2].rpartition('@')[2])[0]}"


def object_of(url: str) -> dict[str, str]:
    """bucket, and key or prefix, of an s3:// address; one that ends in / or * names all objects below it."""
    parts = urlsplit(url)
    path = unquote(parts.path.removeprefix("/"))
    if not path or path.endswith(("/", "*")):
        return {"bucket": parts.netloc, "prefix": path.removesuffix("*")}
    return {"bucket": parts.netloc, "key": path}


def same(given: str, address: str, paging: Any) -> bool:
    """Whether a source's address is this one; what only asks for a page makes no difference."""
    one, other = urlsplit(given), urlsplit(address)
    asks = {paging.get("parameter"), paging.get("size_parameter")} if isinstance(paging, dict) else set()
    queries = [sorted(pair for pair in parse_qsl(parts.query) if pair[0] not in asks) for parts in (one, other)]
    return bool(given) and one[:3] == other[:3] and queries[0] == queries[1]


# --- answers ---------------------------------------------------------------------------------------------------

_PAGE = ("page", "pagenum", "pageno", "pageindex", "page_num", "page_no", "current", "currentpage", "p")
_OFFSET = ("offset", "start", "skip", "from", "startindex")
_SIZE = ("size", "limit", "per_page", "perpage", "pagesize", "page_size", "rows", "count", "n")
_TOTAL = ("total", "totalcount", "total_count", "totalelements", "count", "totalrecords", "totalnum", "recordcount")
_NEXT = ("next", "nextlink", "next_url", "nexturl")
_CURSOR = re.compile(r"(?i)^(next|end)?_?(cursor|page_?token|continuation_?token|marker)$")
TRIED_PAGES, TRIED_OFFSETS = ("page", "pageNum", "pageNo", "p"), ("offset", "start", "skip")
"""What is tried where an answer tells of more records than it holds, and nothing says how to ask for them."""


def records_of(answer: Any) -> tuple[str, list[Any]] | None:
    """(path, records) of the array of objects that the answer is about: the longest, of those the outermost."""
    found = [(path, value) for path, value in _below(answer, "", 0) if _are_records(value)]
    return max(found, key=lambda entry: (len(entry[1]), -entry[0].count("."))) if found else None


def _are_records(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


def _below(value: Any, path: str, depth: int) -> Iterator[tuple[str, Any]]:
    """Everything an answer holds outside its arrays, with its path."""
    yield path, value
    if isinstance(value, dict) and depth < 4:
        for name, item in value.items():
            if "." not in str(name):
                yield from _below(item, f"{path}.{name}" if path else str(name), depth + 1)


def _told(answer: Any) -> list[tuple[str, Any]]:
    """What an answer says beside its records, with its path."""
    return [(path, value) for path, value in _below(answer, "", 0) if path and not isinstance(value, dict | list)]


def total_of(answer: Any) -> tuple[str, int] | None:
    """(path, how many records there are) as an answer tells it itself."""
    totals = ((path, str(value)) for path, value in _told(answer) if _last(path) in _TOTAL)
    return next(((path, int(text)) for path, text in totals if re.fullmatch(r"\d+", text)), None)


def paging_of(
    url: str, answer: Any, headers: Map[str, str], records: str
) -> tuple[str, list[dict[str, Any]], str, int | None]:
    """(address without what asks for a page, ways of paging that fit best first, path of the total, the total).

    The last way is what the answer allows without a guess: its one page, held against the total where it tells one."""
    parts = urlsplit(url)
    query = parse_qsl(parts.query, keep_blank_values=True)
    told = _told(answer)
    total = total_of(answer)
    held = {"total": total[0]} if total else {}
    size = next(({"size_parameter": n, "size": int(v)} for n, v in query if n.lower() in _SIZE and _counts(v)), {})
    ways: list[dict[str, Any]] = []
    if 'rel="next"' in headers.get("link", ""):
        ways.append({"by": Page.link.value, **held})
    ways += [
        {"by": Page.link.value, "at": path, **held}
        for path, value in told
        if _last(path) in _NEXT and isinstance(value, str) and re.match(r"https?://|[/?]", value)
    ]
    ways += [
        {"by": Page.cursor.value, "parameter": _asks(path.rsplit(".", 1)[-1]), "at": path, **held}
        for path, value in told
        if _CURSOR.match(path.rsplit(".", 1)[-1]) and value not in (None, "", False)
    ]
    for name, value in query:
        if name.lower() in _PAGE and value.isdigit():
            first = {"first": int(value)} if int(value) != 1 else {}
            ways.append({"by": Page.page.value, "parameter": name, **first, **size, **held})
        elif name.lower() in _OFFSET and value.isdigit():
            ways.append({"by": Page.offset.value, "parameter": name, **size, **held})
    asks = {way.get("parameter") for way in ways}
    given = records_at(answer, records)
    if total and total[1] > len(given) and not ways:
        for first in ({}, {"first": 0}):
            ways += [{"by": Page.page.value, "parameter": n, **first, **size, **held} for n in TRIED_PAGES]
        ways += [{"by": Page.offset.value, "parameter": n, **size, **held} for n in TRIED_OFFSETS]
        asks = set()
    kept = [(n, v) for n, v in query if n not in asks and n != size.get("size_parameter")] if ways else query
    plain = urlunsplit(parts._replace(query=urlencode(kept)))
    ways.append({"by": Page.none.value, **held} if held else {})
    return plain, ways, total[0] if total else "", total[1] if total else None


def records_at(answer: Any, path: str) -> list[Any]:
    for name in filter(None, path.split(".")):
        answer = answer.get(name) if isinstance(answer, dict) else None
    return answer if isinstance(answer, list) else []


def _last(path: str) -> str:
    return path.rsplit(".", 1)[-1].lower()


def _counts(text: str) -> bool:
    return text.isdigit() and int(text) > 0


def _asks(name: str) -> str:
    """The parameter that a cursor of this name is probably asked for by: nextPageToken -> pageToken."""
    short = re.sub(r"(?i)^(next|end)_?", "", name)
    return short[:1].lower() + short[1:]
