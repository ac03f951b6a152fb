"""The keys of a source's text that belong to one kind of source, and how it is loaded again.

Which keys a kind takes is a table here: a key of another kind is a mistake and is told. Secrets are in no text: keys
that end in `_from` name environment variables. Must never know: what the sources hold.
Contract: tests/harmonise/test_harmonise_source_keys.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping as Map
from typing import Any
from urllib.parse import urlsplit

from datong.harmonise.model.drafts import Unfit
from datong.harmonise.model.mappings import FILE_KINDS, Api, Bucket, Load, LoadBy, Page, Paging, SourceKind, Unpivot
from datong.harmonise.model.reading import BROKEN, ROW
from datong.harmonise.rules.addresses import address_of, holds_secret
from datong.harmonise.rules.found import Found
from datong.harmonise.rules.source_tables import OF_A_TABLE, OneTable

ALL = {"kind", "title", "note", "load"}
FILE = {"path", "tables"}
TEXT = {*FILE, "encoding", "member", "named"}
KEYS: Map[SourceKind, set[str]] = {
    SourceKind.json: {*TEXT, "records", "unnest", "unpivot"},
    SourceKind.ndjson: {*TEXT, "unnest", "unpivot"},
    SourceKind.csv: {
        *TEXT,
        "delimiter",
        "quote",
        "skip_lines",
        "columns",
        "numbered",
        "totals",
        "fill_down",
        "unpivot",
    },
    SourceKind.parquet: {*FILE, "named"},
    SourceKind.excel: {
        *FILE,
        "named",
        "sheet",
        "skip_lines",
        "header_rows",
        "columns",
        "totals",
        "fill_down",
        "unpivot",
    },
    SourceKind.database: {"path", "url_from", "url", "password_from", "tables"},
    SourceKind.http: {"url", "records", "token_from", "token_header", "paging", "unnest", "unpivot"},
    SourceKind.s3: {"endpoint", "bucket", "key", "prefix", "region", "format", "access_key_from", "secret_key_from"},
}
"""The keys of each kind, besides those of ALL. A bucket takes those of its `format` too, but no FILE."""

VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
HEADER = re.compile(r"[A-Za-z0-9-]{1,60}")


def more_of(found: Found, kind: SourceKind, value: Map[str, Any]) -> dict[str, Any]:
    """The parts of a Source that only some kinds have."""
    form = _format(found, kind, value)
    taken = ALL | KEYS[kind] | (KEYS[form] - FILE if kind is SourceKind.s3 else set())
    for key in value:
        if key not in taken and any(key in keys for keys in KEYS.values()):
            found.say(key, f"{kind} 数据源不用此项", f"a source of kind {kind} takes no {key}")
    quote = found.word("quote", value.get("quote"), '"')
    if len(quote) > 1:
        found.say("quote", "应为一个字符，或空文本（无引号）", "should be one character, or empty: no quotes")
    for key in value:
        if str(key).endswith("_from") and not VARIABLE.fullmatch(str(value[key])):
            found.say(key, "应为环境变量名", "should be the name of an environment variable, which holds the secret")
    totals = value.get("totals", "hold")
    if totals not in ("hold", "keep"):
        found.say("totals", "应为 hold 或 keep", "should be hold or keep")
    if kind is SourceKind.s3 and "*" in str(value.get("sheet", "")):
        found.say("sheet", "桶中的工作簿须写明一个工作表", "of workbooks in a bucket is one sheet, without *")
    return {
        "named": _named(found, "named", value),
        "keeps_totals": totals == "keep",
        "quote": quote,
        "member": found.word("member", value.get("member")),
        "sheet": found.word("sheet", value.get("sheet")),
        "header_rows": _whole(found, "header_rows", value.get("header_rows", 1), 1),
        "api": _api(found, value) if kind is SourceKind.http else None,
        "bucket": _bucket(found, value, form) if kind is SourceKind.s3 else None,
        "load": load_of(found, kind, value.get("load")),
        "url": _database_url(found, value) if kind is SourceKind.database else "",
        "password_from": found.word("password_from", value.get("password_from")),
        "unpivot": _unpivot(found, value),
        "unnest": _unnest(found, "unnest", value),
        "fill_down": _fill_down(found, "fill_down", value),
    }


def apart_of(found: Found, kind: SourceKind, tables: Map[str, OneTable]) -> dict[str, dict[str, Any]]:
    """By table what is said of its file alone, where one workbook or document holds several."""
    return {name: _apart(found, kind, f"tables.{name}", one.given) for name, one in tables.items()}


def _apart(found: Found, kind: SourceKind, at: str, given: Map[str, Any]) -> dict[str, Any]:
    for key in given.keys() & OF_A_TABLE - KEYS[kind]:
        found.say(f"{at}.{key}", f"{kind} 数据源不用此项", f"a source of kind {kind} takes no {key}")
    texts = {key: found.word(f"{at}.{key}", given[key]) for key in ("sheet", "records") if key in given}
    least = {"skip_lines": 0, "header_rows": 1}
    wholes = {key: _whole(found, f"{at}.{key}", given[key], low) for key, low in least.items() if key in given}
    own = {"unnest": _unnest, "fill_down": _fill_down, "named": _named}
    return {**texts, **wholes, **{key: read(found, f"{at}.{key}", given) for key, read in own.items() if key in given}}


def _fill_down(found: Found, at: str, given: Map[str, Any]) -> tuple[str, ...]:
    if "fill_down" not in given:
        return ()
    names = found.texts(at, given["fill_down"])
    if isinstance(given["fill_down"], list) and (not names or not all(names) or len(set(names)) < len(names)):
        zh, en = "应为列名的列表，由外到内，不重复", "should be a list of columns, each once, the outer groups first"
        found.say(at, zh, en)
    if given.get("tables") and given.get("kind") != SourceKind.database:
        found.say(at, "应写在各表之下", "belongs under each table that it is of")
    return names


def _named(found: Found, at: str, given: Map[str, Any]) -> str:
    name = found.word(at, given.get("named"))
    if "named" not in given:
        return ""
    starred = any("*" in str(given.get(key, "")) for key in ("path", "sheet")) or "prefix" in given
    if not name or name in (ROW, BROKEN):
        found.say(at, "应为新的列名", "should be the name of a new column")
    elif given.get("tables"):
        found.say(at, "应写在各表之下", "belongs under each table that it is of")
    elif not starred:
        zh = "仅用于名中有 *（或 prefix 之下）的多个文件或工作表"
        found.say(at, zh, "is for several files or sheets: there is no * in `path` or `sheet`, and no `prefix`")
    return name


def _unnest(found: Found, at: str, given: Map[str, Any]) -> str:
    path = found.word(at, given.get("unnest"))
    if "unnest" in given and "" in path.split("."):
        found.say(at, "应为记录中一个列表的路径", "should be the path of a list in each record")
    if path and given.get("tables"):
        found.say(at, "应写在各表之下", "belongs under each table that it is of")
    return path


def _unpivot(found: Found, value: Map[str, Any]) -> Unpivot | None:
    if "unpivot" not in value:
        return None
    given = found.only(value["unpivot"], "unpivot", {"columns", "name", "value"})
    columns = given.get("columns")
    names = tuple(map(str, columns)) if isinstance(columns, list) else ()
    if not names or not all(names) or len(set(names)) < len(names):
        zh, en = (
            "应为列名的列表，不重复；可含 *",
            'should be a list of columns, each once, with * where you like ("*月")',
        )
        found.say("unpivot.columns", zh, en)
    name, figure = (found.word(f"unpivot.{key}", given.get(key)) for key in ("name", "value"))
    if not name or not figure or name == figure:
        zh, en = (
            "name 与 value 应为两个不同的列名",
            "`name` and `value` should be two columns to be: what the columns are called by, and what they hold",
        )
        found.say("unpivot.name", zh, en)
    if value.get("tables"):
        zh, en = (
            "多文件数据源不用此项；请为该表单写一个数据源",
            "is for a source of one table: describe this table by a source of its own",
        )
        found.say("unpivot", zh, en)
    return Unpivot(names, name, figure)


def _database_url(found: Found, value: Map[str, Any]) -> str:
    """The address of a database, without its password."""
    url = found.word("url", value.get("url"))
    if sum(key in value for key in ("path", "url_from", "url")) > 1:
        found.say("url", "path、url_from 与 url 须且只须其一", "needs one of `path`, `url_from` and `url`")
    if "password_from" in value and not url:
        found.say(
            "password_from", "须与 url 同用", "goes with `url`; the address that `url_from` holds has its password"
        )
    address = address_of(url) if url else None
    if isinstance(address, Unfit):
        found.say("url", address.why.zh + address.fix.zh, f"{address.why.en} {address.fix.en}")
    elif address is not None and address.kind is not SourceKind.database:
        found.say("url", "应为 postgresql:// 或 mysql://", "should be postgresql:// or mysql://")
    return url


def _format(found: Found, kind: SourceKind, value: Map[str, Any]) -> SourceKind:
    if kind is not SourceKind.s3:
        return kind
    if value.get("format") not in [kind.value for kind in FILE_KINDS]:
        known = ", ".join(FILE_KINDS)
        found.say("format", f"应为 {known} 之一", f"should be one of {known}: the kind of its files")
        return SourceKind.json
    return SourceKind(value["format"])


def _api(found: Found, value: Map[str, Any]) -> Api:
    url, header = (
        found.word("url", value.get("url")),
        found.word("token_header", value.get("token_header"), "Authorization"),
    )
    _address(found, "url", url)
    if not HEADER.fullmatch(header):
        found.say("token_header", "应为请求头名称", "should be the name of a header")
    return Api(url, found.word("token_from", value.get("token_from")), header, _paging(found, value.get("paging")))


def _paging(found: Found, given: Any) -> Paging:
    if given is None:
        return Paging()
    value = found.only(
        given, "paging", {"by", "parameter", "first", "size_parameter", "size", "at", "total", "pages_max"}
    )
    if value.get("by") not in [page.value for page in Page]:
        known = ", ".join(Page)
        found.say("paging.by", f"应为 {known} 之一", f"should be one of {known}")
        return Paging()
    by = Page(value["by"])
    if by in (Page.page, Page.offset, Page.cursor) and not value.get("parameter"):
        found.say("paging.parameter", "缺少查询参数名", "name the query parameter that asks for a page")
    if by is Page.cursor and not value.get("at"):
        found.say("paging.at", "缺少游标在应答中的路径", "name the path of the next cursor in the answer")
    if bool(value.get("size_parameter")) != bool(value.get("size")):
        found.say(
            "paging.size", "size 与 size_parameter 须同时给出", "needs both `size` and `size_parameter`, or neither"
        )
    return Paging(
        by, found.word("parameter", value.get("parameter")), _whole(found, "paging.first", value.get("first", 1), 0),
        found.word("size_parameter", value.get("size_parameter")),
        _whole(found, "paging.size", value.get("size", 0), 0),
        found.word("at", value.get("at")), found.word("total", value.get("total")),
        _whole(found, "paging.pages_max", value.get("pages_max", 10_000), 1),
    )  # fmt: skip


def _bucket(found: Found, value: Map[str, Any], form: SourceKind) -> Bucket:
    endpoint = found.word("endpoint", value.get("endpoint"))
    _address(found, "endpoint", endpoint)
    if not value.get("bucket"):
        found.say("bucket", "缺少存储桶名", "there is no bucket")
    if ("key" in value) == ("prefix" in value):
        found.say("key", "key 与 prefix 须且只须其一", "needs either `key` (one object) or `prefix` (all below it)")
    if ("access_key_from" in value) != ("secret_key_from" in value):
        zh, en = "两个密钥变量须同时给出", "needs both `access_key_from` and `secret_key_from`, or neither"
        found.say("secret_key_from", zh, en)
    parts = ("key", "prefix", "region", "access_key_from", "secret_key_from")
    given = {name: found.word(name, value[name]) for name in parts if name in value}
    return Bucket(endpoint, found.word("bucket", value.get("bucket")), form, **given)


def load_of(found: Found, kind: SourceKind, given: Any) -> Load:
    """How the source is loaded again; what a kind cannot do is told."""
    if given is None:
        return Load()
    value = found.only(given, "load", {"by", "key", "column", "parameter"})
    if value.get("by") not in [by.value for by in LoadBy]:
        known = ", ".join(LoadBy)
        found.say("load.by", f"应为 {known} 之一", f"should be one of {known}")
        return Load()
    by, key = LoadBy(value["by"]), value.get("key", [])
    keys = tuple(str(k) for k in (key if isinstance(key, list) else [key]))
    if by is not LoadBy.whole and not keys:
        found.say("load.key", "缺少标识一行的列", "name the columns that name a row")
    if by is LoadBy.watermark:
        if not value.get("column"):
            found.say("load.column", "缺少随每次变更增长的列", "name the column that grows with every change")
        if kind not in (SourceKind.database, SourceKind.http):
            zh, en = "文件总是整体读取，请用 snapshot", "a file is read whole in any case: use `by: snapshot`"
            found.say("load.by", zh, en)
        if (kind is SourceKind.http) != bool(value.get("parameter")):
            zh, en = (
                "http 数据源须指明起始查询参数 parameter，其他不用",
                "an http source names the query parameter that asks for what came since; others have none",
            )
            found.say("load.parameter", zh, en)
    return Load(by, keys, found.word("column", value.get("column")), found.word("parameter", value.get("parameter")))


def _address(found: Found, at: str, url: str) -> None:
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        good, parts = False, urlsplit("")
    if not good:
        found.say(at, "应为 http(s) 地址", "should be an http or https address")
    elif parts.username or parts.password:
        found.say(at, "地址中不得含密码", "holds a password: name an environment variable instead")
    elif (where := holds_secret(url)) is not None:
        found.say(at, f"地址中不得含密钥（{where}）；请用 token_from 指明环境变量",
                  f"holds a secret ({where}): name an environment variable in `token_from` instead")  # fmt: skip


def _whole(found: Found, at: str, value: Any, least: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        found.say(at, f"应为不小于 {least} 的整数", f"should be a whole number, {least} or more")
        return least
    return value
