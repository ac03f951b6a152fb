"""One file by HTTP, pulled and pushed between two nodes under a contract, with the real deliver room behind."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from datong.deliver import service as deliver
from datong.deliver.model import EDC, HTTP_ENDPOINT
from datong.deliver.rules import read_address
from datong.deliver.service import pushing
from datong.ground.db import Store
from datong.ground.jobs import Worker, open_jobs
from datong.ground.refusal import Refusal
from datong.meter import service as meter
from datong.wire import http, http_data
from datong.wire.dsp import routes, sending
from datong.wire.http import ADDRESS_REFUSED, Answer
from delivery_case import (
    BUYER,
    BUYER_NODE,
    OWNER_NODE,
    authenticate,
    both_under_contract,
    lay_out,
    person,
)


class Wire:
    """Both nodes' doors over their real routes, and their workers. `refused` addresses are not called."""

    def __init__(self, stores: dict[str, Store]) -> None:
        self.stores, self.refused = stores, ""
        self.said: list[dict[str, Any]] = []
        self.doors = {
            f"http://{code[-9:].lower()}.test": Starlette(
                routes=[*routes.routes(store, authenticate, deliver), *http_data.routes(store)]
            )
            for code, store in stores.items()
        }
        self.workers = [self._worker(code, store) for code, store in stores.items()]

    def _worker(self, code: str, store: Store) -> Worker:
        client = SimpleNamespace(request=self.request)
        caller = SimpleNamespace(
            post=lambda to, url, body: self._said(code, url, body), get=lambda url: self.request("GET", url)
        )

        def no_share(*_given: Any) -> Any:
            raise AssertionError("nothing is pulled as a share")

        return Worker(
            store,
            {
                "dsp.transfer.send": sending.transfer_job(store, caller, deliver),
                "deliver.fetch": deliver.fetch_job(store, no_share, http_data.fetcher(client)),
                "deliver.push": deliver.push_job(store, http_data.pusher(client)),
            },
        )

    def _said(self, code: str, url: str, body: dict[str, Any]) -> Answer:
        self.said.append(body)
        return self.request("POST", url, content=json.dumps(body).encode(), headers={"authorization": code})

    def request(
        self, method: str, url: str, *, content: Any = None, headers: Any = None, into: Any = None, **_limits: Any
    ) -> Answer:
        if self.refused and url.startswith(self.refused):
            raise ADDRESS_REFUSED(address=url, why="It is not a public address.")
        root = next(root for root in self.doors if url.startswith(root + "/"))
        data = content if content is None or isinstance(content, bytes) else b"".join(content)

        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(self.doors[root])) as client:
                return await client.request(method, url, content=data, headers=dict(headers or {}))

        answer = asyncio.run(ask())
        if into is not None and answer.is_success:
            into.write(answer.content)
        return Answer(answer.status_code, dict(answer.headers), answer.content)

    def run(self) -> None:
        while sum(worker.run_due() for worker in self.workers):
            pass

    def process(self, code: str) -> dict[str, Any]:
        with self.stores[code].read(person("auditor")) as tx:
            return dict(deliver.transfers(tx)[0])

    def states(self) -> tuple[str, str]:
        return self.process(OWNER_NODE)["state"], self.process(BUYER_NODE)["state"]

    def held(self) -> list[dict[str, Any]]:
        with self.stores[BUYER_NODE].read(person("auditor")) as tx:
            return list(deliver.held(tx))


@pytest.fixture
def wire(tmp_path: Path) -> Iterator[Wire]:
    with both_under_contract(tmp_path) as stores:
        yield Wire(stores)


def ask(wire: Wire, format: str, into: str = "node") -> dict[str, Any]:
    with wire.stores[BUYER_NODE].begin(person("analyst", BUYER), "deliver") as tx:
        return dict(deliver.request_transfer(tx, agreement="agr-1", into=into, format=format))


def laid(wire: Wire) -> dict[str, Any]:
    with wire.stores[OWNER_NODE].read(person("auditor")) as tx:
        (share,) = deliver.shares(tx, agreement="agr-1")
    return dict(share["files"][0])


def usage(wire: Wire) -> list[dict[str, Any]]:
    with wire.stores[OWNER_NODE].read(person("auditor")) as tx:
        return list(meter.usage(tx, agreement="agr-1"))


@pytest.mark.parametrize("format", ["HttpData-PULL", "HttpData-PUSH"])
def test_the_file_arrives_whole_is_counted_once_and_both_sides_are_done(wire: Wire, format: str) -> None:
    ask(wire, format)
    wire.run()
    assert wire.states() == ("COMPLETED", "COMPLETED")
    (held,) = wire.held()
    assert (held["digest"], held["rows"], held["bytes"]) == (laid(wire)["digest"], 100, laid(wire)["bytes"])
    (event,) = usage(wire)
    assert (event["rows"], event["bytes_served"]) == (100, laid(wire)["bytes"])


def test_the_index_of_several_tables_is_not_taken_for_data(wire: Wire) -> None:
    with wire.stores[OWNER_NODE].begin(person(), "test") as tx:
        lay_out(tx, name="another")
    ask(wire, "HttpData-PULL")
    wire.run()
    assert wire.states() == ("TERMINATED", "TERMINATED") and wire.held() == []
    assert "DeltaSharing-PULL" in wire.process(OWNER_NODE)["reason"][0]


def test_a_push_says_where_to_in_the_request_and_nothing_in_the_start(wire: Wire) -> None:
    ask(wire, "HttpData-PUSH")
    wire.run()
    request, start = wire.said[:2]
    assert request["dataAddress"]["endpointType"] == HTTP_ENDPOINT
    assert "dataAddress" not in start
    with wire.stores[BUYER_NODE].read(person("auditor")) as tx:
        kept = json.dumps([job["payload"] for job in open_jobs(tx)])
    assert "dt_" not in kept, "no token lies in a job"


def pull_address(wire: Wire) -> tuple[str, dict[str, str]]:
    ask(wire, "HttpData-PULL", into="person")
    wire.run()
    address = read_address(wire.said[-1]["dataAddress"], HTTP_ENDPOINT)
    return address.endpoint, {"authorization": f"Bearer {address.token}"}


def test_a_pull_needs_its_own_live_token(wire: Wire) -> None:
    url, headers = pull_address(wire)
    assert wire.request("GET", url, headers=headers).status == 200
    for bad in ({}, {"authorization": "Bearer dt_" + "x" * 40}, {"authorization": "Basic eDp5"}):
        assert wire.request("GET", url, headers=bad).status == 401
    assert wire.request("GET", url.replace("agr-1", "agr-2"), headers=headers).status == 404
    assert wire.request("GET", url + "?table=other.table", headers=headers).status == 404
    with wire.stores[OWNER_NODE].begin(person("legal"), "deliver") as tx:
        deliver.suspend_transfer(tx, transfer=wire.process(OWNER_NODE)["id"], reason="a doubt")
    assert wire.request("GET", url, headers=headers).status == 403
    with wire.stores[OWNER_NODE].begin(person("legal"), "deliver") as tx:
        deliver.resume_transfer(tx, transfer=wire.process(OWNER_NODE)["id"])
    wire.run()
    again = read_address(wire.said[-1]["dataAddress"], HTTP_ENDPOINT)
    assert wire.request("GET", url, headers={"authorization": f"Bearer {again.token}"}).status == 200
    with wire.stores[OWNER_NODE].begin(person("legal"), "deliver") as tx:
        deliver.terminate(tx, transfer=wire.process(OWNER_NODE)["id"], reason="over")
    assert wire.request("GET", url, headers={"authorization": f"Bearer {again.token}"}).status == 401


def test_who_asks_how_large_the_file_is_has_not_used_it(wire: Wire) -> None:
    url, headers = pull_address(wire)
    told = wire.request("HEAD", url, headers=headers)
    assert (told.status, told.body, usage(wire)) == (200, b"", [])
    given = wire.request("GET", url, headers=headers)
    names = ("content-length", "etag", "accept-ranges", "content-type", "cache-control")
    assert [told.headers[name] for name in names] == [given.headers[name] for name in names]
    assert len(given.body) == int(told.headers["content-length"]) and len(usage(wire)) == 1
    assert wire.request("HEAD", url).status == 401


def test_a_push_is_taken_under_its_token_while_started_and_once(wire: Wire) -> None:
    process = ask(wire, "HttpData-PUSH")
    wire.workers[1].run_due()  # the request goes out; the provider's start does not yet
    goal = read_address(wire.said[0]["dataAddress"], HTTP_ENDPOINT)
    headers = {"authorization": f"Bearer {goal.token}", "content-type": "text/csv"}

    def push(url: str = goal.endpoint, **other: str) -> int:
        return wire.request("POST", url, content=b"a,b\n1,2\n", headers={**headers, **other}).status

    assert wire.process(BUYER_NODE)["state"] == "REQUESTED"
    assert push() == 503, "before its start it is to be tried again"
    assert push(authorization="Bearer dt_wrong") == 401
    assert push(goal.endpoint + "x") == 404
    assert wire.held() == []
    pids = {"consumerPid": process["id"], "providerPid": wire.process(OWNER_NODE)["id"]}
    with wire.stores[BUYER_NODE].begin(person("analyst", BUYER), "test") as tx:
        deliver.transfer_started(tx, sender=OWNER_NODE, pid=pids["consumerPid"], data_address=None)
    assert wire.request("POST", goal.endpoint, content=b"PAR1 and no more", headers=headers).status == 400
    with wire.stores[BUYER_NODE].begin(person("legal", BUYER), "deliver") as tx:
        deliver.suspend_transfer(tx, transfer=process["id"], reason="not today")
    assert push() == 503, "its suspension may be on its way: it is tried again"
    with wire.stores[BUYER_NODE].begin(person("legal", BUYER), "deliver") as tx:
        deliver.resume_transfer(tx, transfer=process["id"])
    assert [push(), push()] == [200, 200]
    (held,) = wire.held()
    assert (held["bytes"], held["path"].rpartition(".")[2], held["rows"]) == (8, "csv", 0)
    with wire.stores[BUYER_NODE].begin(person("analyst", BUYER), "deliver") as tx:
        deliver.terminate(tx, transfer=process["id"], reason="enough")
    assert push() == 401, "its address is forgotten with its end"


def started(wire: Wire) -> tuple[str, str, dict[str, str]]:
    """A push that may come: our pid, where to, and the headers of its provider."""
    process = ask(wire, "HttpData-PUSH")
    wire.workers[1].run_due()
    goal = read_address(wire.said[0]["dataAddress"], HTTP_ENDPOINT)
    with wire.stores[BUYER_NODE].begin(person("analyst", BUYER), "test") as tx:
        deliver.transfer_started(tx, sender=OWNER_NODE, pid=process["id"], data_address=None)
    return str(process["id"]), goal.endpoint, {"authorization": f"Bearer {goal.token}", "content-type": "text/csv"}


def test_who_may_push_once_does_not_fill_the_disk(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    _pid, url, headers = started(wire)
    monkeypatch.setattr(pushing, "BYTES_MAX", 30)
    monkeypatch.setattr(pushing, "TABLES_MAX", 3)

    def push(content: bytes) -> int:
        return wire.request("POST", url, content=content, headers=headers).status

    assert push(b"x" * 31) == 400, "more than all may be, before it is kept"
    assert [push(b"a" * 20), push(b"b" * 11), push(b"b" * 10)] == [200, 400, 200]
    assert push(b"a" * 20) == 200, "the same again is no more than once"
    assert push(b"c") == 400
    monkeypatch.setattr(pushing, "BYTES_MAX", 1000)
    assert [push(b"c"), push(b"d")] == [200, 400], "as many files as may be"
    assert sorted(row["bytes"] for row in wire.held()) == [1, 10, 20]


def test_of_one_transfer_one_file_comes_at_a_time(wire: Wire) -> None:
    """Else each of a hundred at once could be as large as the last one may be."""
    _pid, url, headers = started(wire)
    door = wire.doors[next(root for root in wire.doors if url.startswith(root + "/"))]

    async def two() -> list[int]:
        go_on, begun = asyncio.Event(), asyncio.Event()

        async def slowly() -> AsyncIterator[bytes]:
            yield b"a,b"
            begun.set()
            await go_on.wait()
            yield b",c"

        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=door), base_url=url) as client:
            first = asyncio.create_task(client.post(url, content=slowly(), headers=headers))
            await asyncio.wait_for(begun.wait(), 20)
            second = await client.post(url, content=b"d,e", headers=headers)
            go_on.set()
            return [second.status_code, (await first).status_code,
                    (await client.post(url, content=b"d,e", headers=headers)).status_code]  # fmt: skip

    assert asyncio.run(two()) == [503, 200, 200]


def test_a_push_that_is_suspended_on_its_way_stops_and_goes_on_when_it_is_resumed(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "STILL_SECONDS", 0.0)
    monkeypatch.setattr(http_data, "PIECE_BYTES", 1000)
    provider, sent = wire.stores[OWNER_NODE], []

    def suspended_meanwhile(method: str, url: str, *, content: Any, **given: Any) -> Answer:
        for piece in content:
            sent.append(piece)
            if len(sent) == 1:
                with provider.begin(person("legal"), "deliver") as tx:
                    deliver.suspend(tx, agreement="agr-1", reason="a doubt")
        return wire.request(method, url, content=b"".join(sent), **given)

    push = wire.workers[0].handlers["deliver.push"]
    client = SimpleNamespace(request=suspended_meanwhile)
    wire.workers[0].handlers["deliver.push"] = deliver.push_job(provider, http_data.pusher(client))  # type: ignore[index]
    ask(wire, "HttpData-PUSH")
    wire.run()
    assert len(sent) == 1 and wire.held() == []
    assert wire.states() == ("SUSPENDED", "SUSPENDED")
    wire.workers[0].handlers["deliver.push"] = push  # type: ignore[index]
    with provider.begin(person("legal"), "deliver") as tx:
        deliver.resume(tx, agreement="agr-1")
    wire.run()
    assert wire.states() == ("COMPLETED", "COMPLETED") and len(wire.held()) == 1


@pytest.mark.parametrize("where", ["http://169.254.169.254/latest", "http://127.0.0.1:1/x", "file:///etc/passwd"])
def test_a_push_to_elsewhere_is_refused_at_the_door(wire: Wire, where: str) -> None:
    address = {"@type": "DataAddress", "endpointType": HTTP_ENDPOINT, "endpoint": where}
    request = {"@context": ["https://w3id.org/dspace/2025/1/context.jsonld"], "@type": "TransferRequestMessage",
               "consumerPid": "cp-1", "agreementId": "agr-1", "format": "HttpData-PUSH",
               "callbackAddress": "http://buyer0000.test/dsp/2025-1", "dataAddress": address}  # fmt: skip
    answer = wire._said(BUYER_NODE, "http://provide00.test/dsp/2025-1/transfers/request", request)
    assert answer.status == 400
    with wire.stores[OWNER_NODE].read(person("auditor")) as tx:
        assert deliver.transfers(tx) == []


def test_an_address_the_guard_refuses_ends_the_transfer_with_the_reason(wire: Wire) -> None:
    wire.refused = "http://buyer0000.test/http-data"
    ask(wire, "HttpData-PUSH")
    wire.run()
    assert wire.states() == ("TERMINATED", "TERMINATED")
    assert "NET-403" in wire.process(OWNER_NODE)["reason"][0]
    assert wire.held() == []


def test_other_connectors_ways_of_writing_an_address_are_read() -> None:
    named = [{"@type": "EndpointProperty", "name": f"{EDC}baseUrl", "value": "http://sink.test/in"}]
    address = read_address(
        {"@type": "DataAddress", "endpointType": "HttpData", "endpointProperties": named}, HTTP_ENDPOINT
    )
    assert (address.endpoint, address.token) == ("http://sink.test/in", "")
    with pytest.raises(Refusal):
        read_address({"@type": "DataAddress", "endpointType": "AmazonS3"}, HTTP_ENDPOINT)


@pytest.mark.parametrize("message", ["transfer-start-message", "transfer-request-message"])
def test_the_address_of_the_protocol_s_own_examples_is_read(message: str) -> None:
    example = json.loads((Path(__file__).parent / "golden" / "dsp" / "transfer" / f"{message}.json").read_text("utf-8"))
    address = read_address(example["dataAddress"], HTTP_ENDPOINT)
    assert (address.endpoint, address.token) == ("http://example.com", "TOKEN-ABCDEFG")


def test_a_file_is_asked_for_at_the_very_address_that_was_given() -> None:
    given = {"endpointType": HTTP_ENDPOINT, "endpoint": "http://p.test/files/"}
    assert read_address(given, HTTP_ENDPOINT).endpoint == "http://p.test/files/"


NO_FILES = [
    (206, {"content-range": "bytes 0-3/9"}, "DSP-423"), (204, {}, "DSP-423"), (202, {}, "DSP-504"),
    (200, {"Content-Encoding": "gzip"}, "DSP-423"), (200, {"content-encoding": "identity"}, ""), (200, {}, ""),
]  # fmt: skip


@pytest.mark.parametrize(("status", "headers", "code"), NO_FILES)
def test_what_is_not_the_whole_file_is_not_kept_as_it(
    tmp_path: Path, status: int, headers: dict[str, str], code: str
) -> None:
    client: Any = SimpleNamespace(request=lambda *_given, **_limits: Answer(status, headers, b""))
    fetch = http_data.fetcher(client)
    if not code:
        assert fetch("http://p.test/f?sig=secret", {}, tmp_path / "f") == ""
        return
    with pytest.raises(Refusal) as refused:
        fetch("http://p.test/f?sig=secret", {}, tmp_path / "f")
    assert refused.value.code == code
    assert "secret" not in str(refused.value)


def test_an_unknown_format_and_a_push_to_a_person_are_refused_when_asked(wire: Wire) -> None:
    for format, into, code in (("AmazonS3-PUSH", "node", "USE-415"), ("HttpData-PUSH", "person", "USE-400")):
        with pytest.raises(Refusal) as refused:
            ask(wire, format, into)
        assert refused.value.code == code
