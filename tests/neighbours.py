"""Several real nodes in one process for tests: own stores, own keys, known to each other, messages carried by hand.

Nothing is pretended: rows of the register are written as the register writes them, signatures are real, and
`carry` hands every queued message to the room it names, at least once.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import select

from datong.ground import codes, jobs, outbox, signing
from datong.ground.db import Actor, Store, Tx, business_clock, sqlite_url
from datong.ground.keys import PrivateKey
from datong.register import store as register_store
from datong.terms.roles import PERSON_ROLES
from stores import with_tables

PARTIES = {
    "bike-company": ("91520100MA6BIKE00X", "共享单车企业"),
    "traffic-bureau": ("11520000009390180H", "交通局"),
    "data-bureau": ("11520000MB1234567X", "数据主管部门"),
    "data-group": ("91520000MA6GROUP01", "数据集团"),
    "city-lab": ("91520100MA6LAB0001", "城市实验室"),
}
PEOPLE = ("p-1", "p-2", "p-3")
"""People every node has."""
START = "2026-03-02T00:00:00Z"


def node_code(name: str) -> str:
    return codes.node_code("5", PARTIES[name][0], "5201", f"NODE{list(PARTIES).index(name):04d}")


class Neighbours:
    """The nodes by name; every one knows all nodes and all things given to `register`."""

    def __init__(self, folder: Path, *names: str) -> None:
        self.stores: dict[str, Store] = {}
        self.keys = {name: PrivateKey.new() for name in PARTIES}
        for name in names or PARTIES:
            (folder / name).mkdir()
            store = Store(sqlite_url(folder / name / "datong.db"))
            with_tables(store)
            party, title = PARTIES[name]
            signing.install(store, self.keys[name], signing.Me(node_code(name), party, title, f"http://{name}.test"))
            self.stores[name] = store
            self._introduce(store)
        self.at(START)

    def _introduce(self, store: Store) -> None:
        with store.begin(Actor("", "node")) as tx:
            for name, (party, title) in PARTIES.items():
                row = {
                    "id": node_code(name), "party": party, "name": title, "address": f"http://{name}.test", "kind": "connector",
                    "public_key": self.keys[name].public.text, "state": "active", "serial": 1, "record": {}, "learned_at": tx.now,
                }  # fmt: skip
                tx.add(register_store.nodes, row)
            for person in PEOPLE:
                row = {
                    "id": person, "login": person, "name": person, "password": None, "password_by": "", "roles": [],
                    "department": "department", "state": "active", "added_by": "", "added_at": tx.now,
                }  # fmt: skip
                tx.add(register_store.people, row)

    def at(self, instant: str) -> None:
        """Move the business clock of every node."""
        for store in self.stores.values():
            with store.begin(Actor("", "node")) as tx:
                tx.execute(business_clock.delete())
                tx.add(business_clock, {"id": "now", "at": instant, "seq": 1})

    def register(self, kind: str, code: str, owner: str, *, state: str = "CODED", **facts: Any) -> None:
        """Write a ledger entry of a resource or product at every node."""
        party, title = PARTIES[owner]
        thing = {
            "id": f"{kind[:3]}-{code}", "public_data": False, "personal": True, "grade": 3, "name_zh": code, "name_en": code,
            "licence": {"name": "CC BY", "commercial": True, "derivatives": True}, "standard": "trip", **facts,
        }  # fmt: skip
        entry = {"code": code, "registrants": [{"party": party, "name": title}], "object": thing}
        for store in self.stores.values():
            with store.begin(Actor("", "node")) as tx:
                tx.execute(register_store.ledger.delete().where(register_store.ledger.c.id == code))
                row = {"id": code, "version": 1, "kind": kind, "state": state, "entry": entry, "at": tx.now}
                tx.add(register_store.ledger, row)

    @contextmanager
    def as_person(self, name: str, person: str = "p-1", *roles: str, let_in_by: str = "") -> Iterator[Tx]:
        """A transaction of a person (with all roles, where none is named) at a node."""
        held = frozenset(roles or PERSON_ROLES)
        actor = Actor(person, next(iter(sorted(held))), PARTIES[name][0], "department", held, let_in_by)
        with self.stores[name].begin(actor, "test") as tx:
            yield tx

    @contextmanager
    def as_peer(self, name: str, sender: str) -> Iterator[Tx]:
        with self.stores[name].begin(Actor("", "peer", PARTIES[sender][0]), "test") as tx:
            yield tx

    def outgoing(self, name: str) -> list[dict[str, Any]]:
        """The messages queued at a node and not carried yet, in order."""
        with self.stores[name].read() as tx:
            query = select(jobs.jobs).where(jobs.jobs.c.kind == outbox.SEND, jobs.jobs.c.state == "waiting")
            return [row.payload for row in tx.all(query.order_by(jobs.jobs.c.added_at, jobs.jobs.c.due_at))]

    def deliver(self, to: str, sender: str, type: str, body: dict[str, Any]) -> None:
        """Hand one message to the room it names."""
        room, _, message = type.partition(".")
        service = importlib.import_module(f"datong.{room}.service")
        with self.as_peer(to, sender) as tx:
            getattr(service, f"received_{message}")(tx, sender=node_code(sender), body=body)

    def carry(self, *, times: int = 1) -> int:
        """Carry all queued messages until none is left, each `times` times; the number of different messages."""
        by_code = {node_code(name): name for name in PARTIES}
        carried = 0
        while waiting := [(name, m) for name in self.stores for m in self.outgoing(name)]:
            for name, message in waiting:
                for _ in range(times):
                    self.deliver(by_code[message["to"]], name, message["type"], message["body"])
                with self.stores[name].begin(Actor("", "node")) as tx:
                    tx.change(jobs.jobs, message["id"], state="done")
                carried += 1
        return carried
