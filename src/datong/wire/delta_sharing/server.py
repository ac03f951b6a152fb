"""The Delta Sharing server: shares, tables, metadata, queries, and the files behind signed addresses.

    GET  /delta-sharing/shares[/{share}[/schemas[/{schema}/tables]|/all-tables]]
    GET  …/tables/{table}/version, HEAD …/tables/{table}       header delta-table-version
    GET  …/tables/{table}/metadata
    POST …/tables/{table}/query                                parquet and delta response formats
    GET  …/tables/{table}/changes                              4xx: not offered
    GET, HEAD /delta-sharing/files/{file}?grant=…&X-Databricks-Signature=…   Range requests

A bearer token opens the share of its own agreement and nothing else. Errors are {"errorCode", "message"}: 401 for
a token that is none, 403 with the reason in clear text when a grant is over or the decision is no.
Must never know: why something is allowed. Contract: tests/wire/test_delta_sharing_server.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from datong.deliver import service as deliver
from datong.deliver.model import NO_TOKEN, UNKNOWN
from datong.ground.db import NODE, Store, Tx
from datong.ground.refusal import Refusal
from datong.wire.delta_sharing import actions
from datong.wire.http import STATUS, CountedFile, bearer, limited_body

PREFIX = "/delta-sharing"
QUERY_BYTES_MAX = 1024 * 1024
NDJSON = "application/x-ndjson; charset=utf-8"

Grant = dict[str, Any]


def routes(store: Store, address: str = "") -> list[Route]:
    """The routes of this protocol for one node. address: base of file addresses; "" = as the client called us."""
    server = _Server(store, address.rstrip("/"))
    table = PREFIX + "/shares/{share}/schemas/{schema}/tables/{table}"
    return [
        Route(PREFIX + "/shares", server.shares),
        Route(PREFIX + "/shares/{share}", server.share),
        Route(PREFIX + "/shares/{share}/schemas", server.schemas),
        Route(PREFIX + "/shares/{share}/schemas/{schema}/tables", server.tables),
        Route(PREFIX + "/shares/{share}/all-tables", server.tables),
        Route(table, server.version),
        Route(table + "/version", server.version),
        Route(table + "/metadata", server.metadata),
        Route(table + "/query", server.query, methods=["POST"]),
        Route(table + "/changes", server.changes),
        Route(PREFIX + "/files/{file}", server.file),
    ]


class _Server:
    """The endpoints over one store."""

    def __init__(self, store: Store, address: str) -> None:
        self.store, self.address = store, address

    async def shares(self, request: Request) -> Response:
        return await _answered(lambda: self._list(request, lambda tx, grant: [_share(grant)]))

    async def share(self, request: Request) -> Response:
        def one() -> Response:
            with self.store.read() as tx:
                return JSONResponse({"share": _share(_own_share(tx, request))})

        return await _answered(one)

    async def schemas(self, request: Request) -> Response:
        def named(tx: Tx, grant: Grant) -> list[dict[str, Any]]:
            _require_name(request, grant)
            names = sorted({table["schema_name"] for table in deliver.share_of(tx, grant)})
            return [{"name": name, "share": grant["share"]} for name in names]

        return await _answered(lambda: self._list(request, named))

    async def tables(self, request: Request) -> Response:
        def listed(tx: Tx, grant: Grant) -> list[dict[str, Any]]:
            _require_name(request, grant)
            found = deliver.share_of(tx, grant)
            schema = request.path_params.get("schema")
            if schema is not None:
                found = [table for table in found if table["schema_name"] == schema.lower()]
                if not found:
                    raise UNKNOWN(zh="模式", en="schema", id=schema[:100])
            return [
                {"name": t["table_name"], "schema": t["schema_name"], "share": t["share"], "shareId": t["share"],
                 "id": actions.table_id(t)}
                for t in found
            ]  # fmt: skip

        return await _answered(lambda: self._list(request, listed))

    async def version(self, request: Request) -> Response:
        def told() -> Response:
            since = request.query_params.get("startingTimestamp")
            with self.store.read() as tx:
                grant = _own_share(tx, request)
                from_time = actions.instant(since) if since else ""
                table = deliver.table_of(tx, grant, *_names(request), from_time=from_time)
            return Response(headers={"delta-table-version": str(table["version"])})

        return await _answered(told)

    async def metadata(self, request: Request) -> Response:
        def told() -> Response:
            params: dict[str, Any] = dict(request.query_params)
            if re.fullmatch(r"[0-9]{1,18}", params.get("version", "")):
                params["version"] = int(params["version"])
            version, at = actions.asked_version(params)
            with self.store.read() as tx:
                table = deliver.table_of(tx, _own_share(tx, request), *_names(request), version=version, at=at)
            form = actions.response_format(_capabilities(request))
            return _lines(request, table, form, actions.head_lines(table, form), None)

        return await _answered(told)

    async def query(self, request: Request) -> Response:
        body = await limited_body(request, QUERY_BYTES_MAX)

        def granted() -> Response:
            version, at = actions.asked_version(_query(body))
            form = actions.response_format(_capabilities(request))  # refused before anything is granted and counted
            with self.store.read() as tx:
                grant = _own_share(tx, request)
            with self.store.begin(grant["actor"], "deliver") as tx:
                table = deliver.table_of(tx, grant, *_names(request), version=version, at=at)
                given = deliver.grant_files(tx, grant, table)
            lines = actions.head_lines(table, form)
            for file in given["files"]:
                if form == "delta" and not file["rows"]:
                    continue  # the stock client makes no empty table of a file without rows, only of no file
                url = f"{self._base(request)}{PREFIX}/files/{file['id']}?{file['query']}"
                lines.append(actions.file_line(file, table, url, given["until"], form))
            return _lines(request, table, form, lines, given["until"])

        return await _answered(granted)

    async def changes(self, request: Request) -> Response:
        def refused() -> Response:
            with self.store.read() as tx:
                _own_share(tx, request)
            raise actions.NOT_OFFERED(what="a change data feed")

        return await _answered(refused)

    async def file(self, request: Request) -> Response:
        def opened() -> Response:
            with self.store.read() as tx:
                found = deliver.open_file(tx, request.path_params["file"], dict(request.query_params))
            return CountedFile(
                found["path"], found["digest"], lambda count: self._served(found["event"], count),
                lambda: self._require_open(found),
            )  # fmt: skip

        return await _answered(opened)

    def _require_open(self, found: Mapping[str, Any]) -> None:
        with self.store.read() as tx:
            deliver.require_open(tx, found)

    def _served(self, event: str, count: int) -> None:
        with self.store.begin(NODE, "deliver") as tx:
            deliver.served(tx, event, count)

    def _list(self, request: Request, items: Callable[[Tx, Grant], list[dict[str, Any]]]) -> Response:
        with self.store.read() as tx:
            found = items(tx, _grant(tx, request))
        params = request.query_params
        return JSONResponse(actions.page(found, params.get("maxResults"), params.get("pageToken")))

    def _base(self, request: Request) -> str:
        return self.address or str(request.base_url).rstrip("/")


async def _answered(call: Callable[[], Response]) -> Response:
    try:
        return await run_in_threadpool(call)
    except Refusal as refusal:
        status = 401 if refusal.reason is NO_TOKEN else STATUS[refusal.kind]
        headers = {"www-authenticate": "Bearer"} if status == 401 else None
        return JSONResponse({"errorCode": refusal.code, "message": _clear(refusal)}, status, headers)


def _clear(refusal: Refusal) -> str:
    """The refusal in both languages; a stock client shows this text to its user."""
    zh = "".join(text.zh for text in refusal.texts())
    return f"{refusal} {zh}"


def _grant(tx: Tx, request: Request) -> Grant:
    return deliver.holder_of(tx, bearer(request.headers.get("authorization", "")))


def _own_share(tx: Tx, request: Request) -> Grant:
    """The grant behind the request when the share in the path is its own; USE-404 otherwise."""
    grant = _grant(tx, request)
    _require_name(request, grant)
    return grant


def _require_name(request: Request, grant: Grant) -> None:
    name = request.path_params["share"]
    if name.lower() != grant["share"]:
        raise UNKNOWN(zh="共享", en="share", id=name[:100])


def _share(grant: Grant) -> dict[str, Any]:
    return {"name": grant["share"], "id": grant["share"]}


def _names(request: Request) -> tuple[str, str]:
    return request.path_params["schema"], request.path_params["table"]


def _capabilities(request: Request) -> dict[str, set[str]]:
    return actions.capabilities(request.headers.get("delta-sharing-capabilities", ""))


def _query(body: bytes) -> dict[str, Any]:
    """The body of a query. Its hints (predicates, limit) are hints and are not used."""
    if len(body) > QUERY_BYTES_MAX:
        raise actions.BAD_REQUEST(zh="请求体过大。", en="Its body is too large.")
    try:
        query = json.loads(body or b"{}")
    except (ValueError, RecursionError) as broken:
        raise actions.BAD_REQUEST(zh="请求体不是 JSON。", en="Its body is not JSON.") from broken
    if not isinstance(query, dict):
        raise actions.BAD_REQUEST(zh="请求体应为 JSON 对象。", en="Its body should be a JSON object.")
    return query


def _lines(
    request: Request, table: dict[str, Any], form: str, lines: list[dict[str, Any]], until: int | None
) -> Response:
    told = f"responseformat={form}"
    if until is not None and _capabilities(request).get("includeendstreamaction") == {"true"}:
        lines = [*lines, actions.end_line(until)]
        told += ";includeendstreamaction=true"
    headers = {"delta-table-version": str(table["version"]), "delta-sharing-capabilities": told}
    return Response(actions.ndjson(lines), media_type=NDJSON, headers=headers)
