"""One file by HTTP, as connectors without tables give and take it: HttpData-PULL and HttpData-PUSH.

    GET  /http-data/shares/{share}      the file that lies ready (several: an index of them), for the bearer of a token
    POST /http-data/received/{pid}      a push, for the bearer of the token this node gave with its request

Every answer passes the choke point and is counted as a pull of the share is. As a client: guarded addresses, sizes
limited, no redirects. Must never know: contracts, policies. Contract: tests/wire/test_wire_http_data.py.
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from datong.deliver import service as deliver
from datong.deliver.model import AGAIN, NO_TOKEN, UNKNOWN
from datong.ground.db import NODE, Store, new_id
from datong.ground.refusal import Kind, Reason, Refusal, Text
from datong.wire import http
from datong.wire.http import STATUS, TOO_LARGE, Client, CountedFile, bearer, file_headers

PREFIX = "/http-data"
PARQUET = "application/vnd.apache.parquet"
FILE_BYTES_MAX = 2 * 1024**3
FILE_SECONDS = 3600.0
PIECE_BYTES = 1024 * 1024
WHOLE, ACCEPTED = 200, 202
"""Of the answers that are no refusal, the one that has the file, and the one that says it is being made."""

DATA_REFUSED = Reason(
    "DSP-423",
    Kind.conflict,
    Text("数据未传输。", "The data were not transferred."),
    Text("{address} 答复 {status}。", "{address} answered {status}."),
    Text("传输已终止；请与对方核对数据地址后重新发起。",
         "The transfer was ended; compare the data address with the peer and request it again."),
)  # fmt: skip
DATA_NOT_YET = Reason(
    "DSP-504",
    Kind.unavailable,
    Text("数据尚未传输。", "The data were not transferred yet."),
    Text("{address} 答复 {status}。", "{address} answered {status}."),
    Text("系统会自动重试。", "It is tried again by itself."),
)


def routes(store: Store) -> list[Route]:
    async def shared(request: Request) -> Response:
        return await _answered(lambda: _shared(store, request))

    under_way: set[str] = set()

    def admitted(pid: str, token: str) -> int:
        """How many bytes may come; before one is taken."""
        with store.read() as tx:
            deliver.push_expected(tx, pid=pid, token=token)
            return min(FILE_BYTES_MAX, deliver.push_room(tx, pid))

    async def pushed(request: Request) -> Response:
        pid, token = request.path_params["pid"], bearer(request.headers.get("authorization", ""))
        path = None
        try:
            most = await run_in_threadpool(admitted, pid, token)
            if pid in under_way:
                raise AGAIN(id=pid, zh="上一个文件尚在传输。", en="Another file of it is on its way.")
            under_way.add(pid)
            path = deliver.push_staging(store, new_id("push"))
            await _written(request, path, most)
            return await _answered(lambda: _taken(store, request, pid, token, path))
        except Refusal as refusal:
            return _refused(refusal)
        finally:
            if path is not None:
                under_way.discard(pid)
                shutil.rmtree(path.parent, ignore_errors=True)

    return [
        Route(PREFIX + "/shares/{share}", shared, methods=["GET"]),
        Route(PREFIX + "/received/{pid}", pushed, methods=["POST", "PUT"]),
    ]


async def _written(request: Request, path: Path, most: int) -> None:
    size = 0
    with path.open("wb") as out:
        async for chunk in request.stream():
            size += len(chunk)
            if size > most:
                raise TOO_LARGE(limit=most)
            out.write(chunk)


def _taken(store: Store, request: Request, pid: str, token: str, path: Path) -> Response:
    named = re.search(r'filename="([^"/\\]{1,120})\.parquet"', request.headers.get("content-disposition", ""))
    kind = request.headers.get("content-type", "")
    with store.begin(NODE, "deliver") as tx:
        name = named.group(1) if named else ""
        digest = deliver.push_taken(tx, pid=pid, token=token, path=path, name=name, kind=kind)
    return JSONResponse({"digest": digest})


def _shared(store: Store, request: Request) -> Response:
    """The only table of the share, the one `?table=` names, or the index of several."""
    token, name = bearer(request.headers.get("authorization", "")), request.path_params["share"]
    with store.read() as tx:
        grant = deliver.holder_of(tx, token)
        if name.lower() != grant["share"]:
            raise UNKNOWN(zh="共享", en="share", id=name[:100])
        tables = deliver.share_of(tx, grant)
    asked = request.query_params.get("table", "")
    chosen = [t for t in tables if asked in ("", f"{t['schema_name']}.{t['table_name']}")]
    if not chosen:
        raise UNKNOWN(zh="数据表", en="table", id=asked[:100])
    if len(chosen) > 1:
        shown = ("schema_name", "table_name", "version", "rows", "bytes")
        return JSONResponse({"tables": [{part: table[part] for part in shown} for table in chosen]})
    if request.method == "HEAD":  # asks how large it is, and takes nothing
        return _described(store, grant, chosen[0])
    with store.begin(grant["actor"], "deliver") as tx:
        table = deliver.table_of(tx, grant, chosen[0]["schema_name"], chosen[0]["table_name"])
        given = deliver.grant_files(tx, grant, table)
        file = given["files"][0]
        query = dict(pair.split("=", 1) for pair in file["query"].split("&"))
        found = deliver.open_file(tx, file["id"], query)

    def count(sent: int) -> None:
        with store.begin(NODE, "deliver") as tx:
            deliver.served(tx, found["event"], sent)

    def still() -> None:
        with store.read() as tx:
            deliver.require_open(tx, found)

    return CountedFile(found["path"], found["digest"], count, still, PARQUET)


def _described(store: Store, grant: Mapping[str, Any], table: Mapping[str, Any]) -> Response:
    with store.read() as tx:
        (file,) = deliver.table_of(tx, grant, table["schema_name"], table["table_name"])["files"]
    headers = {"content-length": str(file["bytes"]), **file_headers(file["digest"]), "accept-ranges": "bytes"}
    return Response(headers=headers, media_type=PARQUET)


async def _answered(call: Callable[[], Response]) -> Response:
    try:
        return await run_in_threadpool(call)
    except Refusal as refusal:
        return _refused(refusal)


def _refused(refusal: Refusal) -> Response:
    status = 401 if refusal.reason is NO_TOKEN else STATUS[refusal.kind]
    headers = {"www-authenticate": "Bearer"} if status == 401 else None
    return JSONResponse({"error": refusal.as_json()}, status, headers)


# ---- as a client


def fetcher(client: Client) -> Callable[[str, Mapping[str, str], Path], str]:
    """What pulls one file into a path; its content type."""

    def fetch(address: str, headers: Mapping[str, str], path: Path) -> str:
        with path.open("wb") as out:
            answer = client.request(
                "GET", address, headers=headers, bytes_max=FILE_BYTES_MAX, seconds=FILE_SECONDS, into=out
            )
        _require_taken(address, answer.status)
        named = {name.lower(): value for name, value in answer.headers.items()}
        packed = named.get("content-encoding", "identity").strip().lower() not in ("", "identity")
        if answer.status != WHOLE or packed:  # a part of the file, a word that it will come, or the file in a wrapping
            told = f"{answer.status} ({named['content-encoding']})"[:60] if packed else answer.status
            raise (DATA_NOT_YET if answer.status == ACCEPTED else DATA_REFUSED)(address=_bare(address), status=told)
        return named.get("content-type", "")

    return fetch


def pusher(client: Client) -> Callable[[str, Mapping[str, str], Path, Callable[[], None]], None]:
    """What pushes one file to an address, while it is allowed to (see deliver.service.pushing.Push)."""

    def push(address: str, headers: Mapping[str, str], path: Path, still: Callable[[], None]) -> None:
        kind = {"content-type": PARQUET}
        size = {"content-length": str(path.stat().st_size)}
        with path.open("rb") as source:
            answer = client.request(
                "POST", address, content=_pieces(source, still), headers={**kind, **size, **headers},
                seconds=FILE_SECONDS,
            )  # fmt: skip
        _require_taken(address, answer.status)

    return push


def _pieces(source: BinaryIO, still: Callable[[], None]) -> Iterator[bytes]:
    asked = time.monotonic()
    while piece := source.read(PIECE_BYTES):
        if time.monotonic() - asked >= http.STILL_SECONDS:
            still()
            asked = time.monotonic()
        yield piece


def _require_taken(address: str, status: int) -> None:
    if 200 <= status < 300:
        return
    raise (DATA_NOT_YET if http.is_for_now(status) else DATA_REFUSED)(address=_bare(address), status=status)


def _bare(address: str) -> str:
    return address.partition("?")[0][:200]


__all__ = ["DATA_NOT_YET", "DATA_REFUSED", "PREFIX", "fetcher", "pusher", "routes"]
