"""Two real nodes in one process that know each other: own stores, own keys, a published listing at the provider.

`Loop` carries their Dataspace Protocol messages over the real routes (in-process ASGI). Who sends is told by the
Authorization header alone; the real proof of it (signed tokens) has its tests in tests/wire/test_http.py.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request

from datong.authorise import store as authorise_rows
from datong.catalogue import service as catalogue
from datong.catalogue import store as catalogue_rows
from datong.deliver import service as deliver
from datong.ground import clock, codes, signing
from datong.ground.db import NODE, Actor, Store, Tx, business_clock, sqlite_url
from datong.ground.jobs import Worker, open_jobs
from datong.ground.keys import PrivateKey
from datong.negotiate import service as negotiate
from datong.negotiate.model import NO_SUCH
from datong.price import store as price_rows
from datong.register import store as register_rows
from datong.terms.policy import Constraint, Policy, Rule, policy_hash, to_json
from datong.wire.dsp import catalogue as dsp_catalogue
from datong.wire.dsp import routes as dsp_routes
from datong.wire.dsp import sending, versions
from datong.wire.http import Answer
from stores import with_tables

NOW = "2026-03-02T00:00:00Z"
UNTIL = "2027-03-02T00:00:00Z"
DATASET, OFFER = "mobility-flows", "offer-flows"
PARTY = {"provider": "91520000MA6GROUP01", "consumer": "91520100MA6LAB0001"}
CAP = 200_000
"""The ceiling of the dataset in fen."""
PURPOSES = ("industry_development", "public_welfare")

POLICY = Policy(
    OFFER,
    (
        Rule("delivery", (Constraint("purpose", "isAnyOf", PURPOSES), Constraint("time", "lt", UNTIL))),
        Rule("compute", (Constraint("purpose", "isAnyOf", PURPOSES),)),
    ),
    (Rule("distribute"),),
    (Rule("delete"),),
)
TERMS = {
    "product": DATASET, "purpose": "industry_development", "delivery_form": "controlled",
    "tariff": {"kind": "per_delivery", "amount_fen": 120_000},
    "split": [{"party": PARTY["provider"], "weight": 1, "payee_kind": "company", "account": "ACC-1"}],
    "inputs": ["RES-1", "RES-2"], "from": NOW, "until": UNTIL,
}  # fmt: skip


@dataclass
class Node:
    name: str
    store: Store
    key: PrivateKey
    code: str
    party: str
    address: str
    wall: datetime = field(default_factory=lambda: datetime.now(UTC))

    def by(self, *roles: str, person: str = "p-1") -> Actor:
        return Actor(person, roles[0], self.party, "sales", frozenset(roles))

    @contextmanager
    def as_(self, *roles: str, person: str = "p-1") -> Iterator[Tx]:
        """A transaction of a person of this node."""
        with self.store.begin(self.by(*roles, person=person), "negotiate") as tx:
            yield tx

    @contextmanager
    def heard(self, sender: Node) -> Iterator[Tx]:
        """A transaction in which `sender` speaks to this node."""
        with self.store.begin(Actor("", "peer", sender.party, sender.code), "negotiate") as tx:
            yield tx

    def negotiation(self) -> dict[str, Any]:
        """The only negotiation of this node."""
        with self.store.read(self.by("auditor")) as tx:
            (row,) = negotiate.negotiations(tx)
        return row

    def agreements(self) -> list[dict[str, Any]]:
        with self.store.read(self.by("auditor")) as tx:
            return negotiate.agreements(tx)


def _node(folder: Path, name: str) -> Node:
    folder.mkdir(parents=True)
    party = PARTY[name]
    code = codes.node_code("5", party, "5201", f"NODE{name[:4].upper()}")
    node = Node(name, Store(sqlite_url(folder / "datong.db")), PrivateKey.new(), code, party, f"http://{name}.test")
    node.store.wall_clock = lambda: node.wall
    with_tables(node.store)
    signing.install(node.store, node.key, signing.Me(code, party, name, node.address))
    with node.store.begin(NODE) as tx:
        tx.add(business_clock, {"id": "now", "at": NOW, "seq": 1})
    return node


def two_nodes(folder: Path) -> tuple[Node, Node]:
    """(provider, consumer), each knowing both from the directory."""
    provider, consumer = _node(folder / "provider", "provider"), _node(folder / "consumer", "consumer")
    for at in (provider, consumer):
        with at.store.begin(NODE) as tx:
            for node in (provider, consumer):
                row = {
                    "id": node.code, "party": node.party, "name": node.name, "address": node.address,
                    "kind": "connector", "public_key": node.key.public.text, "state": "active", "serial": 1,
                    "record": {}, "learned_at": NOW,
                }  # fmt: skip
                tx.add(register_rows.nodes, row)
    supplied(provider)
    return provider, consumer


SUPPLIER = "91520100MA6BIKE00X"


def registered(tx: Tx, code: str, kind: str, owner: str, **facts: Any) -> None:
    """A resource or product as the ledger has it."""
    licence = {"name": "CC BY", "commercial": True, "derivatives": True}
    thing = {"id": code, "public_data": False, "personal": False, "licence": licence, **facts}
    entry = {"code": code, "object": thing, "registrants": [{"party": owner, "name": "单车企业"}]}
    row = {"id": code, "version": 1, "kind": kind, "state": "CODED", "entry": entry, "at": NOW}
    tx.add(register_rows.ledger, row)


def granted(tx: Tx, kind: str, grantor: str, grantee: str = "", resources: list[str] = TERMS["inputs"]) -> None:
    """A right in force, ins-<kind>, as authorise keeps it."""
    row = {
        "id": f"ins-{kind}", "kind": kind, "state": "IN_FORCE", "title": kind, "grantor_party": grantor,
        "grantee_party": grantee, "grantee_node": "", "resources": resources, "purposes": list(PURPOSES), "acts": [],
        "from_at": NOW, "until_at": "2099-01-01T00:00:00Z", "items": {}, "parents": [], "copies_to": [],
        "value": {"signatures": []}, "digest": "", "serial": 1, "drafted_by": "", "drafter_let_in_by": "",
        "changed_at": NOW,
    }  # fmt: skip
    tx.add(authorise_rows.instruments, row)


def supplied(node: Node) -> None:
    """The inputs of the listing, registered, and the supplier's authorisation of this node's party to use them."""
    with node.store.begin(NODE) as tx:
        for code in TERMS["inputs"]:
            registered(tx, code, "resource", SUPPLIER)
        granted(tx, "data_use", SUPPLIER, node.party)


def listed(
    node: Node, dataset: str = DATASET, *, policy: Policy = POLICY, terms: dict[str, Any] = TERMS, agree: str = "node",
    state: str = "live",
) -> dict[str, Any]:  # fmt: skip
    """A listing with one offer, as it stands after catalogue's gates (which have their own tests)."""
    with node.store.begin(NODE) as tx:
        ceiling = {
            "id": f"ceil-{dataset}", "survey": "s", "product": dataset, "cap_fen": CAP, "forecast_count": 1,
            "unit": "per_delivery", "issuer": "i", "serial": 1, "value": {}, "state": "IN_FORCE", "at": NOW,
        }  # fmt: skip
        tx.add(price_rows.ceilings, ceiling)
        fee = {
            "id": f"fee-{dataset}", "product": dataset, "purpose": str(terms["purpose"]),
            "amount_fen": terms["tariff"]["amount_fen"], "unit": "per_delivery", "ceiling": ceiling["id"], "cap_fen": CAP,
            "state": "PUBLISHED", "set_by": "p-9", "set_at": NOW, "published_at": NOW,
        }  # fmt: skip
        tx.add(price_rows.fees, fee)
        listing = {
            "id": f"listing-{dataset}", "dataset": dataset, "kind": "product", "title": "Mobility flows 出行流量",
            "description": "", "delivery_form": "controlled", "inputs": [], "facts": {"quality": {"rows": 3}},
            "agree": agree, "state": state, "reason": None, "published_by": "p-9", "published_at": NOW,
        }  # fmt: skip
        tx.add(catalogue_rows.listings, listing)
        registered(tx, dataset, "product", node.party, inputs=terms["inputs"])
        offer = {
            "id": policy.id, "listing": listing["id"], "dataset": dataset, "purpose": str(terms["purpose"]),
            "policy": to_json(policy), "policy_hash": policy_hash(policy), "terms": terms, "words": {},
        }  # fmt: skip
        tx.add(catalogue_rows.offers, offer)
    return {"policy": to_json(policy), "terms": terms}


def business_time(node: Node, days: int) -> None:
    """Move the business clock of the node to `days` after the start."""
    with node.store.begin(NODE) as tx:
        at = clock.text(clock.instant(NOW) + timedelta(days=days))
        tx.change(business_clock, "now", at=at)


def application(node: Node, peers: dict[str, Node], transfers: Any = deliver) -> Starlette:
    def authenticate(request: Request, _body: bytes) -> Actor:
        peer = peers.get(request.headers.get("authorization", "").removeprefix("Node "))
        if peer is None:
            raise NO_SUCH(id="sender")
        return Actor("", "peer", peer.party, peer.code)

    found = dsp_routes.routes(node.store, authenticate, transfers)
    found += dsp_catalogue.routes(node.store, authenticate, catalogue, page_size=2)
    return Starlette(routes=found)


Tamper = Callable[[str, dict[str, Any]], dict[str, Any]]


class Loop:
    """Both nodes' doors and clients. `tamper` may change what a node sends; `outages` answers are 503 first;
    `lost` acknowledgements never arrive (the message did); `said` keeps every message that was sent."""

    def __init__(self, provider: Node, consumer: Node, transfers: Any = deliver) -> None:
        self.nodes = {node.code: node for node in (provider, consumer)}
        self.doors = {
            node.address: httpx.ASGITransport(application(node, self.nodes, transfers)) for node in self.nodes.values()
        }
        self.tamper: Tamper = lambda _url, body: body
        self.outages = 0
        self.lost = 0
        self.copies = 1
        self.said: list[tuple[Node, str, dict[str, Any]]] = []
        self.versions = 0
        self.workers = {node.name: self._worker(node) for node in self.nodes.values()}

    def _worker(self, node: Node) -> Worker:
        caller = _Caller(self, node)
        handlers = {
            "dsp.send": sending.negotiation_job(node.store, caller),
            "dsp.transfer.send": sending.transfer_job(node.store, caller, deliver),
        }
        return Worker(node.store, handlers)

    def call(self, sender: Node | None, method: str, url: str, body: Any = None) -> Answer:
        """One request as `sender` (None: without authorization)."""
        root = next(address for address in self.doors if url.startswith(address + "/"))
        headers = {"authorization": f"Node {sender.code}"} if sender is not None else {}
        content = body if isinstance(body, bytes) else (json.dumps(body).encode() if body is not None else None)

        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(transport=self.doors[root]) as client:
                return await client.request(method, url, content=content, headers=headers)

        response = asyncio.run(ask())
        return Answer(response.status_code, dict(response.headers), response.content)

    def run(self, *, most: int = 60) -> None:
        """Do the jobs of both nodes until none is due, waiting out retries."""
        for _ in range(most):
            done = sum(worker.run_due() for worker in self.workers.values())
            if not done and not self._waiting():
                return
            for node in self.nodes.values():
                node.wall += timedelta(seconds=120)
        raise AssertionError("the jobs do not come to an end")

    def _waiting(self) -> bool:
        for node in self.nodes.values():
            with node.store.read() as tx:
                if any(job["state"] != "failed" for job in open_jobs(tx)):
                    return True
        return False


@dataclass
class _Caller:
    loop: Loop
    node: Node

    def post(self, to: str, url: str, body: dict[str, Any]) -> Answer:
        loop = self.loop
        body = loop.tamper(url, json.loads(json.dumps(body)))
        if loop.outages > 0:
            loop.outages -= 1
            return Answer(503, {}, b"")
        assert url.startswith(loop.nodes[to].address)
        loop.said.append((self.node, url, body))
        answers = [loop.call(self.node, "POST", url, body) for _ in range(loop.copies)]
        if loop.lost > 0:
            loop.lost -= 1
            raise versions.NOT_ANSWERED(node=to, status="nothing")
        return answers[-1]

    def get(self, url: str) -> Answer:
        self.loop.versions += 1
        return self.loop.call(None, "GET", url)
