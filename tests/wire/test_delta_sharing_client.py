"""Our own small client: against our server, and against servers that lie."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

import delivery_case as case
from datong.deliver import service as deliver
from datong.ground.db import NODE, Store
from datong.ground.refusal import Refusal
from datong.wire.delta_sharing import client as client_module
from datong.wire.delta_sharing import fetch_tables, routes


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[Store]:
    opened = case.open_node(tmp_path / "provider", case.OWNER_NODE)
    yield opened
    opened.dispose()


def profile(token: str) -> dict[str, Any]:
    return {"shareCredentialsVersion": 1, "endpoint": "http://provide00.test/delta-sharing/", "bearerToken": token}


def granted(provider: Store) -> tuple[case.Caller, str]:
    with provider.begin(NODE, "deliver") as tx:
        case.agree(tx)
        case.lay_out(tx)
        token = case.grant(tx)[1]
    return case.Caller(Starlette(routes=list(routes(provider)))), token


def test_it_pulls_every_table_with_rows_and_digest(
    provider: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "PIECE_BYTES", 1000)  # so that a file takes several pieces
    caller, token = granted(provider)
    (table,) = fetch_tables(caller, profile(token), tmp_path)
    assert (table["share"], table["schema"], table["table"], table["version"]) == (
        "agr-1", "product", "mobility-flows", 1,
    )  # fmt: skip
    assert table["announced_rows"] == 100
    assert table["digest"] == table["announced_digest"]
    assert pq.read_table(table["files"][0]).equals(case.counts())
    assert caller.calls > 4


def test_the_servers_reason_reaches_the_person(provider: Store, tmp_path: Path) -> None:
    caller, token = granted(provider)
    with provider.begin(case.person(), "deliver") as tx:
        deliver.suspend(tx, agreement="agr-1", reason="invoice unpaid")
    with pytest.raises(Refusal) as refused:
        fetch_tables(caller, profile(token), tmp_path)
    assert refused.value.code == "DSH-403" and "invoice unpaid" in str(refused.value)


def test_more_bytes_than_allowed_are_not_fetched(provider: Store, tmp_path: Path) -> None:
    caller, token = granted(provider)
    with pytest.raises(Refusal) as refused:
        fetch_tables(caller, profile(token), tmp_path, bytes_max=100)
    assert refused.value.code == "DSH-422"
    assert list(tmp_path.glob("*.parquet")) == []


def test_a_pull_that_takes_too_long_gives_way(provider: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    caller, token = granted(provider)
    monkeypatch.setattr(client_module, "SECONDS_MAX", 0.0)
    with pytest.raises(Refusal) as refused:
        fetch_tables(caller, profile(token), tmp_path)
    assert refused.value.code == "DSH-503", "it is tried again after the data of others"


METADATA = {"metaData": {"id": "x", "configuration": {}}}
FILE = {"file": {"id": "f", "url": "http://provide00.test/file", "size": 4, "stats": None}}


def liar(**told: Any) -> case.Caller:
    """A server that answers as told."""

    async def shares(_request: Request) -> Response:
        return told.get("shares") or JSONResponse({"items": [{"name": "s"}]})

    async def tables(_request: Request) -> Response:
        return told.get("tables") or JSONResponse({"items": [{"name": "t", "schema": "d", "share": "s"}]})

    async def query(_request: Request) -> Response:
        lines = told.get("lines", [METADATA, FILE])
        body = lines if isinstance(lines, bytes) else b"\n".join(json.dumps(line).encode() for line in lines)
        return Response(body, told.get("status", 200), told.get("headers", {"delta-table-version": "0"}))

    async def file(request: Request) -> Response:
        return Response(told.get("body", b"1234"), told.get("file_status", 206))

    return case.Caller(
        Starlette(
            routes=[
                Route("/delta-sharing/shares", shares), Route("/delta-sharing/shares/s/all-tables", tables),
                Route("/delta-sharing/shares/s/schemas/d/tables/t/query", query, methods=["POST"]), Route("/file", file),
            ]
        )
    )  # fmt: skip


def test_a_server_that_announces_nothing_will_do(tmp_path: Path) -> None:
    (table,) = fetch_tables(liar(), profile("x"), tmp_path)
    assert table["files"][0].read_bytes() == b"1234"
    assert table["announced_rows"] is None and table["announced_digest"] is None


def test_a_whole_answer_with_its_end_will_do(tmp_path: Path) -> None:
    file = {"file": {**FILE["file"], "partitionValues": {}}}
    lines = [{"protocol": {"minReaderVersion": 1}}, METADATA, file, {"endStreamAction": {"nextPageToken": None}}]
    announced = {
        "delta-table-version": "0",
        "delta-sharing-capabilities": "responseformat=parquet;includeendstreamaction=true",
    }
    assert len(fetch_tables(liar(lines=lines, headers=announced), profile("x"), tmp_path)) == 1


LIES = [
    ({"body": b"12345"}, "DSH-422"),
    ({"body": b""}, "DSH-422"),
    ({"file_status": 200}, "DSH-422"),
    ({"file_status": 403}, "DSH-403"),
    ({"file_status": 503}, "DSH-503"),
    ({"status": 429}, "DSH-503"),
    ({"status": 302}, "DSH-403"),
    ({"headers": {}}, "DSH-422"),
    ({"headers": {"delta-table-version": "9" * 5000}}, "DSH-422"),
    ({"headers": {"delta-table-version": "2147483648"}}, "DSH-422"),
    ({"lines": b"[" * 100_000}, "DSH-422"),
    ({"lines": b"not json"}, "DSH-422"),
    ({"lines": [1, 2]}, "DSH-422"),
    ({"lines": [{"file": {"id": "f", "url": 7, "size": 4}}]}, "DSH-422"),
    ({"lines": [METADATA, {"file": {**FILE["file"], "url": "http://127.0.0.1:9/file"}}]}, "DSH-422"),
    ({"lines": [METADATA, {"file": {**FILE["file"], "url": "https://provide00.test/file"}}]}, "DSH-422"),
    ({"lines": [METADATA, {"file": {**FILE["file"], "url": "http://["}}]}, "DSH-422"),
    ({"lines": [{"file": {"id": "f", "url": "http://provide00.test/x", "size": "4"}}]}, "DSH-422"),
    ({"lines": [{"file": {"id": "f", "url": "http://provide00.test/x", "size": 5 << 40}}]}, "DSH-422"),
    ({"lines": [METADATA, FILE, {"endStreamAction": {"errorMessage": "broke half way"}}]}, "DSH-503"),
    ({"lines": [METADATA, FILE, {"endStreamAction": {"nextPageToken": "2"}}]}, "DSH-422"),
    ({"headers": {"delta-table-version": "0", "Delta-Sharing-Capabilities": "includeEndStreamAction=true"}}, "DSH-503"),
    ({"lines": [{"protocol": {"minReaderVersion": 2}}, METADATA, FILE]}, "DSH-422"),
    ({"lines": [{"protocol": {"deltaProtocol": {"minReaderVersion": 3}}}, METADATA]}, "DSH-422"),
    ({"lines": [{"metaData": {"id": "x", "partitionColumns": ["day"]}}, FILE]}, "DSH-422"),
    ({"lines": [METADATA, {"file": {**FILE["file"], "partitionValues": {"day": "2026-03-02"}}}]}, "DSH-422"),
    ({"shares": JSONResponse({"items": 7})}, "DSH-422"),
    ({"shares": JSONResponse({"items": [{"name": ""}]})}, "DSH-422"),
    ({"shares": JSONResponse({"items": [{"name": "s" * 201}]})}, "DSH-422"),
    ({"tables": JSONResponse({"items": [{"name": "t\0", "schema": "d"}]})}, "DSH-422"),
    ({"shares": JSONResponse({"items": [], "nextPageToken": "again"})}, "DSH-422"),
    ({"tables": JSONResponse({"items": [{"name": "t"}]})}, "DSH-422"),
    ({"tables": JSONResponse({"items": [{"name": "t", "schema": "d"}] * 1001})}, "DSH-422"),
]


@pytest.mark.parametrize(("told", "code"), LIES, ids=[str(n) for n in range(len(LIES))])
def test_lies_are_refused(tmp_path: Path, told: dict[str, Any], code: str) -> None:
    with pytest.raises(Refusal) as refused:
        fetch_tables(liar(**told), profile("x"), tmp_path)
    assert refused.value.code == code
