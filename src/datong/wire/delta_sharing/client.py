"""A small Delta Sharing client for our own pulls: every table of a profile, into a folder, checked as it comes.

Files are fetched in pieces by Range requests over the one guarded HTTP client, so sizes stay bounded and nothing
large is held in memory. Files lie at the address of the endpoint, which is the provider's: a list of them cannot
send us elsewhere. Must never know: contracts. Contract: tests/wire/test_delta_sharing_client.py.
"""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeGuard
from urllib.parse import quote, urlsplit

from datong.ground.canonical import digest_bytes
from datong.ground.crypto import hashing
from datong.ground.refusal import Kind, Reason, Text
from datong.wire.delta_sharing.actions import capabilities

PIECE_BYTES = 8 * 1024 * 1024
LIST_BYTES_MAX = 8 * 1024 * 1024
BYTES_MAX = 4 * 1024 * 1024 * 1024
SECONDS_MAX = 7200.0
"""Of a whole pull: one provider that gives a byte now and then would hold up the data of all others."""
TABLES_MAX = 1000
PAGES_MAX = 100
NAME_MAX, VERSION_MAX = 200, 2**31 - 1
"""What a received table is kept with."""

REFUSED = Reason(
    "DSH-403",
    Kind.denied,
    Text("对方未交付数据。", "The provider did not deliver."),
    Text("其答复（{status}）：{message}", "It answered {status}: {message}"),
    Text(
        "请按对方答复处理；必要时重新发起传输。", "Mend what the answer names; request the transfer again if need be."
    ),
)
BUSY = Reason(
    "DSH-503",
    Kind.unavailable,
    Text("对方暂时未能交付数据。", "The provider could not deliver just now."),
    Text("其答复（{status}）：{message}", "It answered {status}: {message}"),
    Text("系统会自动重试。", "It is tried again by itself."),
)
MALFORMED = Reason(
    "DSH-422",
    Kind.invalid,
    Text("对方的 Delta Sharing 应答不能收存。", "The provider's Delta Sharing answer cannot be kept."),
    Text("{zh}", "{en}"),
    Text("请与提供方联系。", "Tell the provider."),
)


class Answer(Protocol):
    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def body(self) -> bytes: ...


class Http(Protocol):
    """What wire.http.Client offers; tests give the ASGI application a client of this shape."""

    def request(
        self,
        method: str,
        url: str,
        *,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        bytes_max: int = LIST_BYTES_MAX,
    ) -> Answer: ...


def fetch_tables(
    http: Http, profile: Mapping[str, Any], folder: Path, *, bytes_max: int = BYTES_MAX
) -> list[dict[str, Any]]:
    """Pull every table the profile opens into `folder` (which exists).

    Returns [{"share", "schema", "table", "version", "files": [Path], "bytes", "digest", "announced_rows",
    "announced_digest"}]; bytes and digest are of what came, announced_* of what the server said (None where it did
    not). digest: of the file, or over the list of digests of several.
    """
    endpoint, token = str(profile["endpoint"]).rstrip("/"), str(profile["bearerToken"])
    pull = _Pull(http, endpoint, {"authorization": f"Bearer {token}"}, bytes_max)
    tables = list(pull.tables())
    if len(tables) > TABLES_MAX:
        raise MALFORMED(zh=f"数据表超过 {TABLES_MAX} 个。", en=f"It lists more than {TABLES_MAX} tables.")
    return [pull.table(table, folder, number) for number, table in enumerate(tables)]


class _Pull:
    def __init__(self, http: Http, endpoint: str, headers: dict[str, str], bytes_left: int) -> None:
        self.http, self.endpoint, self.headers, self.bytes_left = http, endpoint, headers, bytes_left
        self.ends = time.monotonic() + SECONDS_MAX

    def tables(self) -> Iterator[dict[str, str]]:
        for share in self._pages("/shares"):
            name = _name(share, "name")
            for table in self._pages(f"/shares/{quote(name, safe='')}/all-tables"):
                yield {"share": name, "schema": _name(table, "schema"), "table": _name(table, "name")}

    def _pages(self, path: str) -> Iterator[dict[str, Any]]:
        token = ""
        for _ in range(PAGES_MAX):
            query = f"?pageToken={quote(token, safe='')}" if token else ""
            answer = _object(
                _checked(self.http.request("GET", self.endpoint + path + query, headers=self.headers)).body
            )
            items = answer.get("items") or []
            if not isinstance(items, list):
                raise MALFORMED(zh="items 应为列表。", en="items should be a list.")
            yield from (item for item in items if isinstance(item, dict))
            token = str(answer.get("nextPageToken") or "")
            if not token:
                return
        raise MALFORMED(zh="分页没有尽头。", en="Its pages do not end.")

    def table(self, table: dict[str, str], folder: Path, number: int) -> dict[str, Any]:
        path = "/".join(("", "shares", quote(table["share"], safe=""), "schemas", quote(table["schema"], safe=""),
                         "tables", quote(table["table"], safe=""), "query"))  # fmt: skip
        headers = {**self.headers, "content-type": "application/json",
                   "delta-sharing-capabilities": "responseformat=parquet;includeendstreamaction=true"}  # fmt: skip
        answer = _checked(self.http.request("POST", self.endpoint + path, content=b"{}", headers=headers))
        lines = [_object(line) for line in answer.body.splitlines() if line.strip()]
        _whole(lines, answer.headers)
        _require_readable(lines)
        listed = [line["file"] for line in lines if isinstance(line.get("file"), dict)]
        announced = _announced(lines)
        paths, digests, size = [], [], 0
        for place, file in enumerate(listed):
            target = folder / f"{number}-{place}.parquet"
            digests.append(self._file(file, target))
            paths.append(target)
            size += target.stat().st_size
        version = {name.lower(): value for name, value in answer.headers.items()}.get("delta-table-version", "")
        if not _is_whole(version) or int(version) > VERSION_MAX:
            raise MALFORMED(zh="缺少 delta-table-version，或其值过大。",
                            en="The header delta-table-version is missing, or too large.")  # fmt: skip
        only = str(listed[0].get("id")) if len(listed) == 1 else ""
        rows_said = announced.get("datong.rows")
        return {
            **table, "version": int(version), "files": paths, "bytes": size, "digest": _digest(digests),
            "announced_digest": announced.get(f"datong.digest.{only}") if only else None,
            "announced_rows": int(rows_said) if _is_whole(rows_said) else None,
        }  # fmt: skip

    def _file(self, file: Mapping[str, Any], target: Path) -> str:
        """Fetch one file in pieces; its digest. The address is self-authorising: no token goes along."""
        url, size = _text(file, "url"), file.get("size")
        if not _same_origin(url, self.endpoint):
            raise MALFORMED(zh="文件不在提供方的地址。", en="A file lies at another address than the provider's.")
        if not isinstance(size, int) or isinstance(size, bool) or size < 0:
            raise MALFORMED(zh="文件缺少大小。", en="A file has no size.")
        self.bytes_left -= size
        if self.bytes_left < 0:
            raise MALFORMED(zh="数据超过大小上限。", en="The data are larger than this node takes.")
        seen = hashing.hasher()
        have = 0
        with target.open("wb") as out:
            while have < size:
                if time.monotonic() > self.ends:
                    raise BUSY(status=206, message=f"the data take longer than {SECONDS_MAX:.0f} s")
                last = min(have + PIECE_BYTES, size) - 1
                asked = {"range": f"bytes={have}-{last}"}
                answer = _checked(self.http.request("GET", url, headers=asked, bytes_max=PIECE_BYTES))
                if answer.status != 206:
                    raise MALFORMED(zh="不支持按范围读取文件。", en="It does not answer range requests of files.")
                piece = answer.body
                if not piece or have + len(piece) > last + 1:
                    raise MALFORMED(zh="文件大小与所述不符。", en="A file is not as large as announced.")
                out.write(piece)
                seen.update(piece)
                have += len(piece)
        return hashing.labelled(seen.hexdigest())


def _checked(answer: Answer) -> Answer:
    if 200 <= answer.status < 300:
        return answer
    message = answer.body[:500].decode("utf-8", "replace")
    with contextlib.suppress(ValueError, KeyError, TypeError, RecursionError):
        message = str(json.loads(answer.body)["message"])[:1000]
    reason = BUSY if answer.status == 429 or answer.status >= 500 else REFUSED
    raise reason(status=answer.status, message=message)


def _same_origin(url: str, other: str) -> bool:
    try:
        return urlsplit(url)[:2] == urlsplit(other)[:2]
    except ValueError:
        return False


def _whole(lines: list[dict[str, Any]], headers: Mapping[str, str]) -> None:
    """An errorMessage after the 200 means the answer failed on its way; so does no end where one was announced."""
    ends = [end for line in lines if isinstance(end := line.get("endStreamAction"), dict)]
    for end in ends:
        if end.get("errorMessage"):
            raise BUSY(status=200, message=str(end["errorMessage"])[:500])
        if end.get("nextPageToken"):
            raise MALFORMED(
                zh="文件清单分页给出，未曾请求。", en="It lists the files in pages, which nobody asked for."
            )
    said = {name.lower(): value for name, value in headers.items()}.get("delta-sharing-capabilities", "")
    if capabilities(said).get("includeendstreamaction") == {"true"} and not (lines and "endStreamAction" in lines[-1]):
        raise BUSY(status=200, message="the answer was cut off before its endStreamAction")


def _require_readable(lines: list[dict[str, Any]]) -> None:
    """MALFORMED for a table whose files alone do not hold its rows: of a later protocol, of the delta format, or
    partitioned, when the columns by which it is are in the answer only."""
    for line in lines:
        protocol, metadata, file = (_part(line, name) for name in ("protocol", "metaData", "file"))
        if protocol.get("minReaderVersion", 1) != 1 or "deltaProtocol" in protocol:
            raise MALFORMED(zh="数据表须按更高版本的协议读取。", en="The table takes a reader of a later protocol.")
        if metadata.get("partitionColumns") or file.get("partitionValues"):
            raise MALFORMED(zh="数据表分区存放，分区列不在文件中。",
                            en="The table is partitioned, and its files lack those columns.")  # fmt: skip


def _part(line: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = line.get(name)
    return part if isinstance(part, Mapping) else {}


def _announced(lines: list[dict[str, Any]]) -> dict[str, Any]:
    """The configuration of the metadata, where our servers say rows and digests."""
    for line in lines:
        configuration = line["metaData"].get("configuration") if isinstance(line.get("metaData"), dict) else None
        if isinstance(configuration, dict):
            return configuration
    return {}


def _object(data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as broken:
        raise MALFORMED(zh="应答不是 JSON。", en="It is not JSON.") from broken
    if not isinstance(value, dict):
        raise MALFORMED(zh="应答应为 JSON 对象。", en="It should be a JSON object.")
    return value


def _text(value: Mapping[str, Any], name: str) -> str:
    text = value.get(name)
    if not isinstance(text, str) or not text:
        raise MALFORMED(zh=f"缺少 {name}。", en=f"The field {name} is missing.")
    return text


def _name(value: Mapping[str, Any], name: str) -> str:
    """A name of the protocol: it has no control characters; ours are no longer than NAME_MAX."""
    text = _text(value, name)
    if len(text) > NAME_MAX or not text.isprintable():
        raise MALFORMED(zh=f"{name} 过长，或含有控制字符。",
                        en=f"The field {name} is too long, or has control characters.")  # fmt: skip
    return text


def _is_whole(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and re.fullmatch(r"[0-9]{1,18}", value) is not None


def _digest(digests: list[str]) -> str:
    if len(digests) == 1:
        return digests[0]
    return digest_bytes("\n".join(digests).encode())
