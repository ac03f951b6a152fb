"""The Delta Sharing server over real stores and files, through its ASGI application."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Iterator, MutableMapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from starlette.applications import Starlette

import delivery_case as case
import postgresql
from datong.authorise import store as authorise_rows
from datong.deliver import service as deliver
from datong.deliver import store as rows
from datong.ground.db import NODE, Store, Tx
from datong.meter import service as meter
from datong.meter import store as meter_rows
from datong.wire import http
from datong.wire.delta_sharing import actions, routes

TABLE = "/delta-sharing/shares/agr-1/schemas/product/tables/mobility-flows"


@pytest.fixture
def hand() -> case.Hand:
    return case.Hand()


@pytest.fixture
def provider(tmp_path: Path, hand: case.Hand) -> Iterator[Store]:
    opened = case.open_node(tmp_path / "provider", case.OWNER_NODE, hand)
    yield opened
    opened.dispose()


@pytest.fixture
def client(provider: Store) -> case.Caller:
    """A client with the token of agr-1; agr-2 of another buyer stands beside it."""
    with provider.begin(NODE, "deliver") as tx:
        case.agree(tx)
        case.lay_out(tx)
        case.agree(tx, "agr-2", consumer=case.OTHER_NODE)
        case.lay_out(tx, "agr-2")
        token = case.grant(tx)[1]
    return case.Caller(Starlette(routes=list(routes(provider))), {"authorization": f"Bearer {token}"})


def lines(answer: Any) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def queried(client: case.Caller, body: Any = None, **headers: str) -> list[dict[str, Any]]:
    return lines(client.post(TABLE + "/query", json=body or {}, headers=headers))


def url_of(client: case.Caller) -> str:
    parts = urlsplit(queried(client)[2]["file"]["url"])
    return f"{parts.path}?{parts.query}"


def test_lists_show_only_the_share_of_the_token(client: case.Caller) -> None:
    base = "/delta-sharing/shares"
    assert [item["name"] for item in client.get(base).json()["items"]] == ["agr-1"]
    assert client.get(base + "/AGR-1").json()["share"]["name"] == "agr-1"
    assert client.get(base + "/agr-1/schemas").json()["items"] == [{"name": "product", "share": "agr-1"}]
    for path in ("/agr-1/schemas/Product/tables", "/agr-1/all-tables"):
        (table,) = client.get(base + path).json()["items"]
        assert (table["share"], table["schema"], table["name"]) == ("agr-1", "product", "mobility-flows")
    for path in ("/agr-2", "/agr-2/schemas", "/agr-2/all-tables", "/agr-1/schemas/nothing/tables"):
        answer = client.get(base + path)
        assert answer.status_code == 404 and answer.json()["errorCode"] == "USE-404"


@pytest.mark.parametrize(
    "query",
    [
        "metadata?version=%C2%B2", "metadata?version=" + "9" * 5000, "metadata?version=-1",
        "metadata?timestamp=0001-01-01T00:00:00%2B23:59", "version?startingTimestamp=9999-12-31T23:59:59-23:59",
    ],
)  # fmt: skip
def test_a_hostile_version_is_refused_not_a_fault(client: case.Caller, query: str) -> None:
    answer = client.get(f"{TABLE}/{query}")
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "DSH-400")


@pytest.mark.postgresql
def test_a_name_that_postgresql_cannot_be_asked_for_is_none(tmp_path: Path) -> None:
    provider = case.open_node(tmp_path, case.OWNER_NODE, url=postgresql.fresh_database())
    with provider.begin(NODE, "deliver") as tx:
        case.agree(tx)
        case.lay_out(tx)
        token = case.grant(tx)[1]
    client = case.Caller(Starlette(routes=list(routes(provider))), {"authorization": f"Bearer {token}"})
    assert client.get(TABLE + "/metadata").status_code == 200
    for answer in (client.get(TABLE + "%00/metadata"), client.post(TABLE + "%00/query", json={})):
        assert (answer.status_code, answer.json()["errorCode"]) == (404, "USE-404")
    provider.dispose()


@pytest.mark.parametrize("body", [b"[" * 200_000, b'{"a":' * 100_000, b"\xff", b"7", b'{"version": 1e999}'])
def test_a_hostile_query_is_refused_not_a_fault(client: case.Caller, body: bytes) -> None:
    answer = client.post(f"{TABLE}/query", content=body)
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "DSH-400")


@pytest.mark.parametrize("size", [0, 1, 2, 3, 7])
def test_pages_are_whole_and_without_repetition(size: int) -> None:
    items = [{"name": str(n)} for n in range(7)]
    first = actions.page(items, str(size), None)
    assert len(first["items"]) == size
    seen, token = list(first["items"]), first.get("nextPageToken")
    while token:
        answer = actions.page(items, str(max(size, 1)), token)
        seen += answer["items"]
        token = answer.get("nextPageToken")
    assert seen == items


@pytest.mark.parametrize(
    "query", ["maxResults=-1", "maxResults=x", "pageToken=%00", "pageToken=ZnJvbTo5OTk=", "pageToken=é"]
)
def test_bad_paging_is_a_clear_400(client: case.Caller, query: str) -> None:
    answer = client.get(f"/delta-sharing/shares?{query}")
    assert answer.status_code == 400 and answer.json()["errorCode"] == "DSH-400"


def test_version_and_metadata(client: case.Caller) -> None:
    for answer in (client.get(TABLE + "/version"), client.head(TABLE), client.get(TABLE + "/metadata")):
        assert answer.headers["delta-table-version"] == "1"
    protocol, metadata = lines(client.get(TABLE + "/metadata"))
    assert protocol == {"protocol": {"minReaderVersion": 1}}
    schema = json.loads(metadata["metaData"]["schemaString"])
    assert [field["type"] for field in schema["fields"]] == ["string", "timestamp", "long", "double"]
    assert client.get(TABLE + "/version?startingTimestamp=2030-01-01T00:00:00Z").status_code == 404
    assert client.get(TABLE + "/version?startingTimestamp=yesterday").status_code == 400


def test_a_parquet_query_and_its_file(client: case.Caller) -> None:
    protocol, metadata, file = queried(client)
    assert "protocol" in protocol
    assert json.loads(file["file"]["stats"]) == {"numRecords": 100}
    parts = urlsplit(file["file"]["url"])
    assert "X-Databricks-Signature=" in parts.query
    fetched = client.get(f"{parts.path}?{parts.query}", headers={"authorization": ""})
    assert fetched.status_code == 200 and len(fetched.content) == file["file"]["size"]
    announced = metadata["metaData"]["configuration"][f"datong.digest.{file['file']['id']}"]
    assert announced == "sha256:" + hashlib.sha256(fetched.content).hexdigest()
    assert pq.read_table(pa.BufferReader(fetched.content)).equals(case.counts())


def test_the_delta_format_wraps_the_same_file(client: case.Caller) -> None:
    answer = client.post(TABLE + "/query", json={}, headers={
        "delta-sharing-capabilities": "responseformat=delta;readerfeatures=columnmapping;includeendstreamaction=true",
    })  # fmt: skip
    assert answer.headers["delta-sharing-capabilities"] == "responseformat=delta;includeendstreamaction=true"
    protocol, metadata, file, end = lines(answer)
    assert protocol["protocol"]["deltaProtocol"]["minReaderVersion"] == 1
    assert metadata["metaData"]["deltaMetadata"]["format"] == {"provider": "parquet", "options": {}}
    assert file["file"]["deltaSingleAction"]["add"]["path"].startswith("http")
    assert end["endStreamAction"]["minUrlExpirationTimestamp"] == file["file"]["expirationTimestamp"]


@pytest.mark.parametrize(
    ("asked", "form"),
    [("", "parquet"), ("responseformat=parquet", "parquet"), ("ResponseFormat=DELTA,Parquet", "parquet"),
     ("responseformat=delta", "delta"), ("responseformat=", "parquet"), (";;=;x", "parquet")],
)  # fmt: skip
def test_the_format_follows_the_capabilities(asked: str, form: str) -> None:
    assert actions.response_format(actions.capabilities(asked)) == form


def test_a_format_that_there_is_not_is_refused_before_anything_is_granted(client: case.Caller, provider: Store) -> None:
    headers = {"delta-sharing-capabilities": "responseformat=arrow"}
    for answer in (
        client.post(TABLE + "/query", json={}, headers=headers),
        client.get(TABLE + "/metadata", headers=headers),
    ):
        assert (answer.status_code, answer.json()["errorCode"]) == (400, "DSH-400")
    with provider.read() as tx:
        assert rows.rows(tx, rows.file_sets) == []


def test_hints_are_only_hints(client: case.Caller) -> None:
    hints = {"predicateHints": ["starts = 1"], "limitHint": 1, "jsonPredicateHints": '{"op":"equal"}'}
    assert json.loads(queried(client, hints)[2]["file"]["stats"])["numRecords"] == 100


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{", 400), (b"[]", 400), (b'{"version": "1"}', 400), (b'{"version": -1}', 400), (b'{"version": true}', 400),
     (b'{"version": 1, "timestamp": "2026-11-23T12:00:00Z"}', 400), (b'{"timestamp": "2026-11-23"}', 400),
     (b'{"version": 9}', 404), (b'{"startingVersion": 0}', 400), (b'{"timestamp": "2020-01-01T00:00:00Z"}', 404),
     (b'{"x": "' + b"y" * (1024 * 1024) + b'"}', 400), (b'{"version": 1}', 200), (b"", 200)],
)  # fmt: skip
def test_queries_by_version_and_broken_ones(client: case.Caller, body: bytes, status: int) -> None:
    answer = client.post(TABLE + "/query", content=body)
    assert answer.status_code == status, answer.text
    if status != 200:
        assert set(answer.json()) == {"errorCode", "message"}


def test_the_change_feed_is_refused_clearly(client: case.Caller) -> None:
    answer = client.get(TABLE + "/changes?startingVersion=0")
    assert answer.status_code == 400 and "change data feed" in answer.json()["message"]


def test_a_bad_token_is_401_and_says_so(client: case.Caller) -> None:
    for value in ("", "Bearer x", "Basic eDp5", "Bearer"):
        answer = client.get("/delta-sharing/shares", headers={"authorization": value})
        assert answer.status_code == 401 and answer.json()["errorCode"] == "USE-401"
        assert answer.headers["www-authenticate"] == "Bearer"


def test_another_agreements_table_is_not_there(client: case.Caller) -> None:
    answer = client.post(TABLE.replace("agr-1", "agr-2") + "/query", json={})
    assert answer.status_code == 404


def test_a_denied_decision_is_403_with_the_reason_and_is_kept(client: case.Caller, provider: Store) -> None:
    with provider.begin(NODE) as tx:
        tx.change(authorise_rows.instruments, "ins-1", state="WITHDRAWN")
    answer = client.post(TABLE + "/query", json={})
    assert answer.status_code == 403
    assert "ins-1" in answer.json()["message"] and "拒绝" in answer.json()["message"]
    with provider.read() as tx:
        kept = rows.rows(tx, rows.decisions, rows.decisions.c.outcome == "denied")
        assert [row["step"] for row in kept] == ["clearance"]


def test_suspension_and_end_reach_tokens_and_addresses_at_once(client: case.Caller, provider: Store) -> None:
    address = url_of(client)
    with provider.begin(case.person(), "deliver") as tx:
        deliver.suspend(tx, agreement="agr-1", reason="invoice unpaid")
    for answer in (client.get("/delta-sharing/shares"), client.get(address), client.head(address)):
        assert answer.status_code == 403
    assert "invoice unpaid" in client.get(address).json()["message"]
    with provider.begin(case.person(), "deliver") as tx:
        deliver.end_agreement(tx, agreement="agr-1", reason="over")
    assert client.get("/delta-sharing/shares").status_code == 401
    assert client.get(address).status_code == 403


def test_an_expired_address_says_so(client: case.Caller, hand: case.Hand) -> None:
    address = url_of(client)
    hand.at += timedelta(seconds=901)
    answer = client.get(address)
    assert answer.status_code == 403 and "expired" in answer.json()["message"]


@pytest.mark.parametrize(
    "file", ["..%2F..%2Fdatong.db", "%2e%2e/%2e%2e/keys", "..%5c..%5cdatong.db", "%00", "file-x", "../../datong.db"]
)
def test_no_path_leads_out(client: case.Caller, file: str) -> None:
    _, _, query = url_of(client).partition("?")
    assert client.get(f"/delta-sharing/files/{file}?{query}").status_code in (403, 404)


RANGES = [("bytes=0-3", 206, 4), ("bytes=-8", 206, 8), ("bytes=10-", 206, -10), ("bytes=999999999-", 416, None),
          ("bytes=5-2", 400, None), ("rows=1-2", 400, None)]  # fmt: skip


@pytest.mark.parametrize(("asked", "status", "size"), RANGES)
def test_ranges(client: case.Caller, asked: str, status: int, size: int | None) -> None:
    address = url_of(client)
    whole = client.get(address).content
    answer = client.get(address, headers={"range": asked})
    assert answer.status_code == status
    if size is not None:
        assert len(answer.content) == (size if size > 0 else len(whole) + size)
        assert answer.content in whole


def test_bytes_of_many_requests_add_up_in_one_event(client: case.Caller, provider: Store) -> None:
    address = url_of(client)
    size = int(client.head(address).headers["content-length"])
    assert client.get(address).headers["accept-ranges"] == "bytes"
    for start in range(0, size, 500):
        client.get(address, headers={"range": f"bytes={start}-{start + 499}"})
    queried(client)
    with provider.begin(NODE, "deliver") as tx:
        deliver.reconcile(tx, "agr-1")
    with provider.read(case.person()) as tx:
        (event,) = meter.events(tx, "agr-1")
        assert event["bytes_served"] == 2 * size
        assert event["bytes_granted"] == size and event["rows"] == 100


async def read(
    client: case.Caller, pieces: int, *, gone: bool = False, meanwhile: Callable[[], object] = lambda: None
) -> int:
    """Bytes that a reader of the table's file gets, who after some pieces goes away, or finds that something happened
    meanwhile and reads on."""
    path, _, query = (await asyncio.to_thread(url_of, client)).partition("?")
    left, taken, seen = asyncio.Event(), 0, 0

    async def receive() -> dict[str, Any]:
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        nonlocal taken, seen
        taken += len(message.get("body", b""))
        seen += "body" in message
        if seen == pieces:
            await asyncio.to_thread(meanwhile)
            if gone:
                left.set()
                await asyncio.sleep(60)  # as one who takes no more

    scope = {"type": "http", "method": "GET", "path": path, "query_string": query.encode(), "headers": []}
    await client.app(scope, receive, send)
    return taken


@pytest.mark.parametrize("act", [deliver.suspend, deliver.end])
def test_a_file_that_is_being_read_is_broken_off_when_its_grant_is_suspended_or_ends(
    client: case.Caller, provider: Store, monkeypatch: pytest.MonkeyPatch, act: Callable[..., Any]
) -> None:
    """Who read slowly had it whole, long after its destruction was proved."""
    with provider.begin(NODE, "deliver") as tx:
        size = case.lay_out(tx, table=case.counts(30_000))["bytes"]
    monkeypatch.setattr(http, "STILL_SECONDS", 0.0)
    assert asyncio.run(read(client, 2)) == size

    def stop() -> None:
        with provider.begin(case.person("legal"), "deliver") as tx:
            act(tx, agreement="agr-1", reason="a doubt")

    assert asyncio.run(read(client, 2, meanwhile=stop)) == 2 * 64 * 1024 < size


def test_what_a_reader_took_who_went_away_is_counted_too(client: case.Caller, provider: Store, hand: case.Hand) -> None:
    """All but the last piece could be had without being counted."""
    with provider.begin(NODE, "deliver") as tx:
        case.lay_out(tx, table=case.counts(30_000))
    taken = [asyncio.run(read(client, pieces, gone=True)) for pieces in (1, 2)]
    assert taken == [64 * 1024, 128 * 1024]
    with provider.begin(NODE, "deliver") as tx:
        deliver.reconcile(tx, "agr-1")  # as an invoice does
    taken.append(asyncio.run(read(client, 1, gone=True)))

    def shown(tx: Tx) -> tuple[int, int]:
        return meter.events(tx, "agr-1")[0]["bytes_served"], meter.totals(tx, "agr-1")["bytes_served"]

    with provider.read(case.person()) as tx:
        assert shown(tx) == (sum(taken), sum(taken))
        (event,) = meter.events(tx, "agr-1")
    with provider.begin(case.person("legal"), "deliver") as tx:
        deliver.end(tx, agreement="agr-1", reason="over")
        deliver.served(tx, event["id"], 7)  # what was under way then
        assert tx.get(meter_rows.events, event["id"])["bytes_served"] == sum(taken) + 7  # type: ignore[index]
