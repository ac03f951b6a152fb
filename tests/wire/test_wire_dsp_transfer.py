"""Transfers over the real routes between two nodes under a contract, with the real deliver room behind."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from datong.deliver import service as deliver
from datong.ground.db import Actor, Store
from datong.ground.jobs import Worker
from datong.ground.refusal import Refusal
from datong.wire.dsp import routes, sending
from datong.wire.dsp.messages import problems, typed
from datong.wire.http import Answer
from delivery_case import (
    BUYER,
    BUYER_NODE,
    OWNER_NODE,
    SIDES,
    authenticate,
    both_under_contract,
    person,
)


class Wire:
    """Both nodes' doors; `said` keeps what was sent."""

    def __init__(self, stores: dict[str, Store]) -> None:
        self.stores, self.said = stores, []
        self.doors = {
            f"http://{code[-9:].lower()}.test": Starlette(routes=routes.routes(store, authenticate, deliver))
            for code, store in stores.items()
        }
        self.workers = []
        for code, store in stores.items():
            caller = SimpleNamespace(
                post=lambda to, url, body, code=code: self.call(code, "POST", url, body),
                get=lambda url, code=code: self.call(code, "GET", url),
            )
            self.workers.append(Worker(store, {"dsp.transfer.send": sending.transfer_job(store, caller, deliver)}))

    def call(self, sender: str, method: str, url: str, body: Any = None) -> Answer:
        if method == "POST":
            self.said.append((sender, url, body))
        root = next(root for root in self.doors if url.startswith(root + "/"))

        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(self.doors[root])) as client:
                content = json.dumps(body).encode() if body is not None else None
                return await client.request(method, url, content=content, headers={"authorization": sender})

        response = asyncio.run(ask())
        return Answer(response.status_code, dict(response.headers), response.content)

    def run(self) -> None:
        while sum(worker.run_due() for worker in self.workers):
            pass

    def state(self, code: str) -> str:
        with self.stores[code].read(person("auditor")) as tx:
            return deliver.transfers(tx)[0]["state"]


@pytest.fixture
def wire(tmp_path: Path) -> Iterator[Wire]:
    with both_under_contract(tmp_path) as stores:
        yield Wire(stores)


def requested(wire: Wire) -> dict[str, Any]:
    with wire.stores[BUYER_NODE].begin(person("analyst", BUYER), "deliver") as tx:
        process = deliver.request_transfer(tx, agreement="agr-1", into="person")
    wire.run()
    return process


def test_a_transfer_is_requested_started_and_completed(wire):
    process = requested(wire)
    assert (wire.state(OWNER_NODE), wire.state(BUYER_NODE)) == ("STARTED", "STARTED")
    kinds = [body["@type"] for _, _, body in wire.said]
    assert kinds == ["TransferRequestMessage", "TransferStartMessage"]
    for _, _, body in wire.said:
        assert problems(body) == []
    with wire.stores[BUYER_NODE].begin(person("analyst", BUYER), "deliver") as tx:
        deliver.complete_transfer(tx, transfer=process["id"])
    wire.run()
    assert (wire.state(OWNER_NODE), wire.state(BUYER_NODE)) == ("COMPLETED", "COMPLETED")


def test_a_repeated_request_makes_no_second_process(wire):
    requested(wire)
    sender, url, body = wire.said[0]
    first = wire.call(sender, "POST", url, body)
    wire.run()
    assert first.status == 201
    with wire.stores[OWNER_NODE].read(person("auditor")) as tx:
        assert len(deliver.transfers(tx)) == 1
    assert (wire.state(OWNER_NODE), wire.state(BUYER_NODE)) == ("STARTED", "STARTED")


def test_wrong_moves_are_400_and_strangers_404(wire):
    requested(wire)
    start = wire.said[1]
    pids = {name: start[2][name] for name in ("consumerPid", "providerPid")}
    base = wire.said[0][1].removesuffix("/request")
    with wire.stores[OWNER_NODE].begin(person("legal"), "deliver") as tx:
        deliver.terminate(tx, transfer=pids["providerPid"], reason="stop")
    wire.run()
    late = wire.call(
        BUYER_NODE, "POST", f"{base}/{pids['providerPid']}/completion", typed("TransferCompletionMessage", **pids)
    )
    assert (late.status, late.json()["@type"]) == (400, "TransferError")
    assert problems(late.json()) == []
    assert wire.state(OWNER_NODE) == "TERMINATED"
    own = f"{base}/{pids['providerPid']}"
    assert wire.call(BUYER_NODE, "GET", own).json()["state"] == "TERMINATED"
    for sender, url in ((OWNER_NODE, own), ("nobody", own), (BUYER_NODE, f"{base}/transfer-unknown")):
        answer = wire.call(sender, "GET", url)
        assert (answer.status, answer.json()["@type"]) == (404, "TransferError")


def test_an_unknown_agreement_ends_the_transfer_with_the_reason(wire):
    with wire.stores[OWNER_NODE].begin(person(), "test") as tx:
        from datong.negotiate import store as negotiate_rows

        tx.change(negotiate_rows.agreements, "agr-1", state="TERMINATED")
    requested(wire)
    assert wire.state(BUYER_NODE) == "TERMINATED"
    with wire.stores[BUYER_NODE].read(person("auditor")) as tx:
        (process,) = deliver.transfers(tx)
    assert "CTR-404" in process["reason"][0]
    with pytest.raises(Refusal), wire.stores[OWNER_NODE].read(person("auditor")) as tx:
        deliver.transfer(tx, sender=BUYER_NODE, pid="none")


def done(wire: Wire, code: str, verb: Any, **arguments: Any) -> None:
    """A person of the node does it, and it is said."""
    actor = Actor("p-1", "legal", SIDES[code], roles=frozenset({"legal", "analyst"}))
    with wire.stores[code].begin(actor, "deliver") as tx:
        verb(tx, transfer=deliver.transfers(tx)[0]["id"], **arguments)


def test_a_suspension_that_comes_after_the_resumption_changes_nothing(wire):
    requested(wire)
    done(wire, OWNER_NODE, deliver.suspend_transfer, reason="a moment")
    wire.run()
    late = next(said for said in wire.said if said[2]["@type"] == "TransferSuspensionMessage")
    done(wire, OWNER_NODE, deliver.resume_transfer)
    wire.run()
    assert [body.get("datong:number") for _, _, body in wire.said] == [None, 1, 2, 3]
    assert wire.call(late[0], "POST", late[1], late[2]).json()["state"] == "STARTED"
    assert wire.state(BUYER_NODE) == "STARTED"
    for number in (4, -1, True, "5", 10**12, 2.5):  # one that is none counts as left out: then the message is news
        told = wire.call(late[0], "POST", late[1], {**late[2], "datong:number": number})
        assert told.json()["state"] == "SUSPENDED"


@pytest.mark.parametrize("end", ["suspend", "complete"])
def test_what_is_done_before_the_start_has_gone_out_reaches_the_consumer(wire, end):
    with wire.stores[BUYER_NODE].begin(person("analyst", BUYER), "deliver") as tx:
        deliver.request_transfer(tx, agreement="agr-1", into="person")
    wire.workers[1].run_due()  # the request arrives; the start waits at the provider
    assert (wire.state(OWNER_NODE), wire.state(BUYER_NODE)) == ("STARTED", "REQUESTED")
    if end == "complete":
        done(wire, OWNER_NODE, deliver.complete_transfer)
        wire.run()
        assert (wire.state(OWNER_NODE), wire.state(BUYER_NODE)) == ("COMPLETED", "TERMINATED")
        return
    done(wire, OWNER_NODE, deliver.suspend_transfer, reason="a moment")
    wire.run()
    assert (wire.state(OWNER_NODE), wire.state(BUYER_NODE)) == ("SUSPENDED", "SUSPENDED")
    done(wire, OWNER_NODE, deliver.resume_transfer)
    wire.run()
    assert (wire.state(OWNER_NODE), wire.state(BUYER_NODE)) == ("STARTED", "STARTED")


def test_a_transfer_ended_while_its_request_was_on_the_way_ends_at_the_provider_too(wire):
    with wire.stores[OWNER_NODE].begin(person(), "test"):
        deliver.install(
            wire.stores[OWNER_NODE], Path(wire.stores[OWNER_NODE].engine.url.database).parent, by_hand=["start"]
        )
    call = wire.call

    def ended_meanwhile(sender: str, method: str, url: str, body: Any = None) -> Answer:
        answer = call(sender, method, url, body)
        if body and body["@type"] == "TransferRequestMessage":
            done(wire, BUYER_NODE, deliver.terminate, reason="enough")
        return answer

    wire.call = ended_meanwhile
    requested(wire)
    assert (wire.state(OWNER_NODE), wire.state(BUYER_NODE)) == ("TERMINATED", "TERMINATED")
