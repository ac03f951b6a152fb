"""What a source's file may say: each kind takes its own keys, secrets are in no file, mistakes are told all at once."""

from __future__ import annotations

from typing import Any

import pytest

from datong.harmonise.model.mappings import LoadBy, Page, SourceKind
from datong.harmonise.rules.workspace import _source

HTTP = {"kind": "http", "url": "https://api.example.cn/trips"}
S3 = {"kind": "s3", "endpoint": "https://s3.example.cn", "bucket": "b", "key": "k", "format": "csv"}
DATABASE = {"kind": "database", "url_from": "X", "tables": {"t": "id"}}


def problems(**keys: Any) -> list[tuple[str, str]]:
    return [
        (p.where.removeprefix("sources/things.yaml").removeprefix(": "), p.en)
        for p in _source("sources/things.yaml", keys)[1]
    ]


@pytest.mark.parametrize(
    ("given", "at", "said"),
    [
        ({"kind": "csv", "path": "x", "sheet": "a"}, "sheet", "takes no sheet"),
        ({"kind": "parquet", "path": "x", "encoding": "utf-8"}, "encoding", "takes no encoding"),
        ({"kind": "csv", "path": "x", "quote": "''"}, "quote", "one character"),
        ({"kind": "csv", "path": "x", "encoding": "hex"}, "encoding", "no known encoding"),
        ({"kind": "excel", "path": "x", "header_rows": 0}, "header_rows", "1 or more"),
        ({"kind": "excel", "path": "x", "header_rows": True}, "header_rows", "1 or more"),
        ({"kind": "http"}, "url", "http or https"),
        ({**HTTP, "url": "ftp://x/y"}, "url", "http or https"),
        ({**HTTP, "url": "http://x:99999/y"}, "url", "http or https"),
        ({**HTTP, "url": "https://me:secret@x/y"}, "url", "holds a password"),
        ({**HTTP, "url": "https://x/y?api_key=SECRET"}, "url", "holds a secret (api_key)"),
        ({**HTTP, "path": "x"}, "path", "takes no path"),
        ({**HTTP, "token_from": "not a name"}, "token_from", "environment variable"),
        ({**HTTP, "token_header": "x: y"}, "token_header", "name of a header"),
        ({**HTTP, "paging": {"by": "pages"}}, "paging.by", "none, page, offset, cursor, link"),
        ({**HTTP, "paging": {"by": "page"}}, "paging.parameter", "query parameter"),
        ({**HTTP, "paging": {"by": "cursor", "parameter": "c"}}, "paging.at", "next cursor"),
        ({**HTTP, "paging": {"by": "page", "parameter": "p", "size": 5}}, "paging.size", "size_parameter"),
        ({**HTTP, "paging": {"by": "link", "nexd": 1}}, "paging.nexd", "no such item"),
        ({**S3, "format": "database"}, "format", "json, ndjson, csv, parquet, excel"),
        ({**S3, "prefix": "p"}, "key", "either"),
        ({**S3, "access_key_from": "A"}, "secret_key_from", "both"),
        ({**S3, "sheet": "a"}, "sheet", "takes no sheet"),
        ({"kind": "csv", "path": "x", "load": {"by": "watermark", "key": ["id"], "column": "at"}}, "load.by", "snapshot"),
        ({"kind": "csv", "path": "x", "load": {"by": "snapshot"}}, "load.key", "name a row"),
        ({**DATABASE, "load": {"by": "watermark", "key": "id"}}, "load.column", "grows"),
        ({**HTTP, "load": {"by": "watermark", "key": "id", "column": "at"}}, "load.parameter", "asks for what came since"),
        ({**DATABASE, "load": {"by": "daily"}}, "load.by", "whole, watermark, snapshot"),
    ],
)  # fmt: skip
def test_each_mistake_is_named(given: dict[str, Any], at: str, said: str) -> None:
    assert any(where == at and said in en for where, en in problems(**given)), problems(**given)


def test_what_is_right_is_taken(tmp_path: Any) -> None:
    made, wrong = _source(
        "sources/things.yaml",
        {
            **HTTP, "records": "a.b", "token_from": "T",
            "paging": {"by": "offset", "parameter": "from", "size_parameter": "n", "size": 50, "total": "count"},
            "load": {"by": "watermark", "key": "id", "column": "at", "parameter": "since"},
        },
    )  # fmt: skip
    assert made is not None
    assert made.api is not None
    assert wrong == []
    assert (made.format, made.api.paging.by, made.api.paging.size) == (SourceKind.json, Page.offset, 50)
    assert (made.load.by, made.load.key) == (LoadBy.watermark, ("id",))
    stored, wrong = _source("sources/things.yaml", {**S3, "delimiter": "\t", "quote": "", "encoding": "gb18030"})
    assert stored is not None
    assert wrong == []
    assert (stored.format, stored.delimiter, stored.quote, stored.path) == (SourceKind.csv, "\t", "", "")
