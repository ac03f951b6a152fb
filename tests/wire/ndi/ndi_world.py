"""A platform and two parties in one process, on the national rail: own stores, own keys, real signed requests."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from datong import app
from datong.deliver import service as deliver
from datong.ground import codes, signing
from datong.ground.db import NODE, Tx
from datong.ground.jobs import Worker, open_jobs
from datong.negotiate import service as negotiate
from datong.negotiate.service import platforms
from datong.register import store as register_rows
from datong.wire import http
from datong.wire.http import Answer
from datong.wire.ndi import access, identity, routes, sending, serving
from datong.wire.ndi.tables import printed
from two_nodes import DATASET, NOW, OFFER, TERMS, Node, _node, listed, supplied

PLATFORM_PARTY = "91520100MA6PLAT001"


class Country:
    """provider, consumer, platform; `run` does their jobs; `said` keeps (sender, url, body, status)."""

    def __init__(self, folder: Path, *, tables=None) -> None:
        self.tables = tables or printed()
        self.provider, self.consumer = _node(folder / "provider", "provider"), _node(folder / "consumer", "consumer")
        self.platform = self._platform(folder)
        self.nodes = [self.provider, self.consumer, self.platform]
        for at in self.nodes:
            with at.store.begin(NODE) as tx:
                for node in self.nodes:
                    tx.add(register_rows.nodes, self._record(node))
            app.on_national_rail(at.store, self.platform.code, self.tables)
            deliver.install(at.store, folder / at.name, 900)
        supplied(self.provider)
        self.offer = listed(self.provider)
        self.said: list[tuple[str, str, dict[str, Any], int]] = []
        self.outages = 0
        self.unserved: set[str] = (
            set()
        )  # interfaces that nobody serves, as connectors of another make may leave them out
        self.copies = 1
        self.late_answers = False  # what a receiver does about a message happens before its answer is heard
        self.callers = {node.code: _Caller(self, node) for node in self.nodes}
        self.doors = {node.address: httpx.ASGITransport(self._application(node)) for node in self.nodes}
        self.workers = {node.name: Worker(node.store, self._handlers(node)) for node in self.nodes}

    def _platform(self, folder: Path) -> Node:
        import two_nodes

        two_nodes.PARTY["platform"] = PLATFORM_PARTY
        node = _node(folder / "platform", "platform")
        node.code = codes.node_code("4", PLATFORM_PARTY, "5201", "NODEPLAT")
        signing.install(node.store, node.key, signing.Me(node.code, PLATFORM_PARTY, "platform", node.address))
        return node

    def _record(self, node: Node) -> dict[str, Any]:
        return {
            "id": node.code, "party": node.party, "name": node.name, "address": node.address,
            "kind": "business" if node.name == "platform" else "connector", "public_key": node.key.public.text,
            "state": "active", "serial": 1, "record": {}, "learned_at": NOW,
        }  # fmt: skip

    def _application(self, node: Node) -> Starlette:
        door = http.Door(node.store, None, ("", ""))
        served = {**serving.serving(self.tables), **identity.serving(self.tables)}
        before = serving.before(node.store, self.callers[node.code], self.tables, "")
        checks = access.Access(
            node.store, lambda headers, body: door.sender(headers["authorization"], body),
            lambda code: http.peer_key(None, node.store, code, ("", "")),
        )  # fmt: skip
        return Starlette(routes=routes.routes(node.store, checks, self.tables, served, before))

    def _handlers(self, node: Node) -> dict[str, Any]:
        sender = sending.Sender(node.store, self.callers[node.code], self.tables)
        return {
            "ndi.send": sending.negotiation_job(sender),
            platforms.CALL: sending.call_job(sender),
            "deliver.destroy": deliver.destroy_job(node.store),
            "node.send": lambda _job: None,
        }

    def call(self, node: Node, path: str, body: Any, headers: dict[str, str] | None = None) -> httpx.Response:
        """One request, as anybody might send it."""
        content = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()

        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(transport=self.doors[node.address]) as client:
                return await client.post(f"{node.address}{path}", content=content, headers=headers or {})

        return asyncio.run(ask())

    def run(self, *, most: int = 60) -> None:
        """Do the jobs of all nodes until none is due, waiting out retries."""
        for _ in range(most):
            done = sum(worker.run_due() for worker in self.workers.values())
            if not done and not self._waiting():
                return
            for node in self.nodes:
                node.wall += timedelta(seconds=30)
        raise AssertionError(f"the jobs do not come to an end: {self.stuck()}")

    def _waiting(self) -> bool:
        for node in self.nodes:
            with node.store.read() as tx:
                if any(job["state"] != "failed" for job in open_jobs(tx)):
                    return True
        return False

    def stuck(self) -> list[Any]:
        found = []
        for node in self.nodes:
            with node.store.read() as tx:
                found += [
                    (
                        node.name,
                        job["kind"],
                        job["payload"],
                        {k: v for k, v in job.items() if k in ("why", "attempts", "last_error", "failure")},
                    )
                    for job in open_jobs(tx)
                ]
        return found

    def ask(self, rail: str = "national", **more: Any) -> dict[str, Any]:
        given = {"purpose": "industry_development", "offer": self.offer, "offer_id": OFFER, **more}
        with self.consumer.as_("analyst") as tx:
            return negotiate.request(tx, provider=self.provider.code, dataset=DATASET, rail=rail, **given)

    def concluded(self, rail: str = "national") -> dict[str, Any]:
        """A contract both have signed, filed at the platform."""
        self.ask(rail)
        self.run()
        (agreement,) = self.consumer.agreements()
        return agreement

    @contextmanager
    def reads(self, node: Node, *roles: str) -> Iterator[Tx]:
        with node.store.read(node.by(*roles or ("auditor",))) as tx:
            yield tx

    def paths(self) -> list[tuple[str, str]]:
        return [(sender, url.rsplit("/", 1)[-1]) for sender, url, _, _ in self.said]


class _Caller:
    def __init__(self, country: Country, node: Node) -> None:
        self.country, self.node = country, node
        self.client = http.Client(node.store, allow_private=True)

    def post(self, to: str, url: str, body: dict[str, Any]) -> Answer:
        """As wire.http's client posts: a signed token over the body; only the socket is left out."""
        country = self.country
        if country.outages > 0:
            country.outages -= 1
            return Answer(503, {}, b"")
        if url.rsplit("/", 1)[-1] in country.unserved:
            return Answer(404, {}, b"")
        answers: list[Answer] = []

        def request(_method: str, url: str, *, content: bytes, headers: dict[str, str], **_more: Any) -> Answer:
            at = next(node for node in country.nodes if url.startswith(node.address + "/"))
            response = country.call(at, url.removeprefix(at.address), content, headers)
            country.said.append((self.node.name, url, json.loads(content), response.status_code))
            return Answer(response.status_code, dict(response.headers), response.content)

        self.client.request = request  # type: ignore[method-assign]
        for _ in range(country.copies):
            answers.append(self.client.post(to, url, body))
        if country.late_answers:
            for worker in country.workers.values():
                worker.run_due()
        return answers[-1]


@pytest.fixture
def country(tmp_path: Path) -> Iterator[Country]:
    made = Country(tmp_path)
    yield made
    for node in made.nodes:
        node.store.dispose()


@pytest.fixture(scope="module")
def concluded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Country]:
    """One for all tests of a module, with a contract that both have signed."""
    made = Country(tmp_path_factory.mktemp("country"))
    made.concluded()
    yield made
    for node in made.nodes:
        node.store.dispose()


__all__ = ["DATASET", "OFFER", "TERMS", "Country", "concluded", "country"]
