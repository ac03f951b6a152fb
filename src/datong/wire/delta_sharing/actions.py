"""The lines and pages of the Delta Sharing protocol, pure: capabilities, NDJSON actions, page tokens.

Contract: tests/wire/test_delta_sharing_server.py.
"""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from datong.ground import clock
from datong.ground.refusal import Kind, Reason, Text

BAD_REQUEST = Reason(
    "DSH-400",
    Kind.invalid,
    Text("Delta Sharing 请求未被接受。", "The Delta Sharing request was not accepted."),
    Text("{zh}", "{en}"),
    Text("请按 Delta Sharing 协议修改后重试。", "Mend it by the Delta Sharing protocol and try again."),
)
NOT_OFFERED = Reason(
    "DSH-405",
    Kind.invalid,
    Text("此共享不提供「{what}」。", "This share does not offer {what}."),
    Text("数据产品按版本整体交付，没有逐行变更记录。",
         "Products are delivered version by version; there is no feed of row changes."),
    Text("请查询所需版本（version 或 timestamp）。", "Query the version you need (version or timestamp)."),
)  # fmt: skip

PAGE = 500


def capabilities(header: str) -> dict[str, set[str]]:
    """`responseformat=delta,parquet;readerfeatures=…` as {name: values}, lower case."""
    found: dict[str, set[str]] = {}
    for part in header.lower().split(";"):
        name, _, values = part.partition("=")
        if name.strip():
            found[name.strip()] = {value.strip() for value in values.split(",") if value.strip()}
    return found


def response_format(asked: Mapping[str, set[str]]) -> str:
    """parquet unless the client does not take it (our tables need no advanced feature); BAD_REQUEST for one that takes
    neither parquet nor delta."""
    formats = asked.get("responseformat") or {"parquet"}
    for form in ("parquet", "delta"):
        if form in formats:
            return form
    raise BAD_REQUEST(zh="responseFormat 应为 parquet 或 delta。", en="The responseFormat is parquet or delta here.")


def page(items: Sequence[dict[str, Any]], max_results: str | None, token: str | None) -> dict[str, Any]:
    """{"items", "nextPageToken"?}; a page token is opaque and only ever a place in the list."""
    try:
        size = PAGE if max_results is None else min(int(max_results), PAGE)
        start = 0 if not token else int(base64.urlsafe_b64decode(token.encode()).decode("ascii").removeprefix("from:"))
    except (ValueError, UnicodeError) as broken:
        raise BAD_REQUEST(zh="maxResults 或 pageToken 有误。", en="maxResults or pageToken is wrong.") from broken
    if size < 0 or not 0 <= start <= len(items):
        raise BAD_REQUEST(zh="maxResults 或 pageToken 有误。", en="maxResults or pageToken is wrong.")
    answer: dict[str, Any] = {"items": list(items[start : start + size])}
    if start + size < len(items):
        answer["nextPageToken"] = base64.urlsafe_b64encode(f"from:{start + size}".encode()).decode()
    return answer


def table_id(table: Mapping[str, Any]) -> str:
    """The same for every version of a table."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{table['agreement']}/{table['schema_name']}/{table['table_name']}"))


def head_lines(table: Mapping[str, Any], form: str) -> list[dict[str, Any]]:
    """protocol and metaData. The configuration announces rows and digest of every file."""
    configuration = {"datong.rows": str(table["rows"])} | {
        f"datong.digest.{f['id']}": f["digest"] for f in table["files"]
    }
    common = {
        "id": table_id(table), "name": table["table_name"], "schemaString": table["schema_string"],
        "partitionColumns": [], "configuration": configuration,
    }  # fmt: skip
    size = {"version": table["version"], "size": table["bytes"], "numFiles": len(table["files"])}
    if form == "parquet":
        return [
            {"protocol": {"minReaderVersion": 1}},
            {"metaData": {**common, "format": {"provider": "parquet"}, **size}},
        ]
    created = int(clock.instant(table["wall_at"]).timestamp() * 1000)
    delta = {**common, "format": {"provider": "parquet", "options": {}}, "createdTime": created}
    return [
        {"protocol": {"deltaProtocol": {"minReaderVersion": 1, "minWriterVersion": 2}}},
        {"metaData": {**size, "deltaMetadata": delta}},
    ]


def file_line(file: Mapping[str, Any], table: Mapping[str, Any], url: str, until: int, form: str) -> dict[str, Any]:
    """One file action with its signed address. until: Unix seconds."""
    stats = json.dumps({"numRecords": file["rows"]})
    expires = until * 1000
    if form == "parquet":
        return {
            "file": {"url": url, "id": file["id"], "partitionValues": {}, "size": file["bytes"], "stats": stats,
                     "expirationTimestamp": expires}
        }  # fmt: skip
    made = int(clock.instant(table["wall_at"]).timestamp() * 1000)
    add = {"path": url, "partitionValues": {}, "size": file["bytes"], "modificationTime": made, "dataChange": True,
           "stats": stats}  # fmt: skip
    return {
        "file": {"id": file["id"], "version": table["version"], "timestamp": made, "expirationTimestamp": expires,
                 "deltaSingleAction": {"add": add}}
    }  # fmt: skip


def end_line(until: int) -> dict[str, Any]:
    """endStreamAction: the answer is whole, and until when its addresses live."""
    return {"endStreamAction": {"refreshToken": None, "nextPageToken": None, "minUrlExpirationTimestamp": until * 1000}}


def ndjson(lines: Sequence[Mapping[str, Any]]) -> bytes:
    return b"".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n" for line in lines)


def asked_version(query: Mapping[str, Any]) -> tuple[int | None, str]:
    """(version, wall instant) that a query travels to; BAD_REQUEST when either is malformed or both are given."""
    version, at = query.get("version"), query.get("timestamp")
    if query.get("startingVersion") is not None or query.get("startingTimestamp") is not None:
        raise NOT_OFFERED(what="a stream of versions")
    if version is not None and at is not None:
        raise BAD_REQUEST(zh="version 与 timestamp 只能给一个。", en="Give a version or a timestamp, not both.")
    if version is not None and (not isinstance(version, int) or isinstance(version, bool) or version < 0):
        raise BAD_REQUEST(zh="version 应为非负整数。", en="The version should be a whole number.")
    return version, instant(at) if at is not None else ""


def instant(value: Any) -> str:
    try:
        return clock.text(clock.instant(str(value)))
    except ValueError as broken:
        raise BAD_REQUEST(
            zh="timestamp 应为带时区的 ISO 8601 时间。", en="A timestamp is ISO 8601 with an offset."
        ) from broken
