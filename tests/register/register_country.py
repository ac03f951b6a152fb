"""A small country for the register's tests: a function node and members, each with a real store of its own.

Messages travel as JSON through the outbox; who sends is established as the wire does it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from datong.audit import service as audit
from datong.ground import clock, codes, jobs, outbox, signing
from datong.ground.db import NODE, Actor, Store, Tx, business_clock, sqlite_url
from datong.ground.keys import PrivateKey
from datong.ground.refusal import Refusal
from datong.register import service as register
from stores import with_tables

NAMES = {
    "data-bureau": codes.credit_code("1", "1", "520100", "MB0DB001"),
    "traffic-bureau": codes.credit_code("1", "1", "520100", "MB0TB002"),
    "bike-company": codes.credit_code("9", "1", "520100", "MA0BK003"),
    "data-group": codes.credit_code("9", "1", "520100", "MA0DG004"),
}  # fmt: skip
MONDAY = datetime(2026, 3, 2, 1, tzinfo=UTC)


class Country:
    """Nodes by name; `act` runs a call as a person, `post` carries all waiting messages."""

    def __init__(self, folder: Path) -> None:
        self.stores: dict[str, Store] = {}
        self.keys: dict[str, PrivateKey] = {}
        self.refused: list[Refusal] = []
        self.people: dict[tuple[str, str], Actor] = {}
        self.carried = 0
        for name, party in NAMES.items():
            store = Store(sqlite_url(folder / f"{name}.db"))
            with_tables(store)
            self.stores[name], self.keys[name] = store, PrivateKey.new()
            signing.install(store, self.keys[name], signing.Me("", party, name, f"http://{name}.test"))
        self.move_to(MONDAY)

    def move_to(self, at: datetime) -> None:
        for store in self.stores.values():
            with store.begin(NODE) as tx:
                if tx.get(business_clock, "now") is None:
                    tx.add(business_clock, {"id": "now", "at": clock.text(at), "seq": 1})
                else:
                    tx.change(business_clock, "now", at=clock.text(at))

    def person(self, node: str, *roles: str, department: str = "") -> Actor:
        key = (node, "+".join(roles) + department)
        if key not in self.people:
            with self.stores[node].begin(Actor("p-root", "operator", NAMES[node]), "register") as tx:
                card = register.add_person(
                    tx, login=f"u{len(self.people)}", name=f"Person {len(self.people)}", roles=list(roles),
                    department=department,
                )  # fmt: skip
            self.people[key] = Actor(card["id"], roles[0], NAMES[node], department, frozenset(roles))
        return self.people[key]

    def act(self, node: str, actor: Actor, call: Callable[..., Any], **arguments: Any) -> Any:
        with self.stores[node].begin(actor, "register") as tx:
            return call(tx, **arguments)

    def as_(self, node: str, role: str, call: Callable[..., Any], department: str = "", **arguments: Any) -> Any:
        return self.act(node, self.person(node, role, department=department), call, **arguments)

    def code(self, node: str) -> str:
        with self.stores[node].read() as tx:
            return signing.me(tx).code

    def view(self, node: str, call: Callable[..., Any], **arguments: Any) -> Any:
        with self.stores[node].read() as tx:
            return call(tx, **arguments)

    def deliver(self, sender: str, type: str, body: Any, to: str) -> None:
        """Hand a message to a node as the wire would; a Refusal comes through."""
        with self.stores[sender].read() as tx:
            code = signing.me(tx).code or NAMES[sender]
        self._know(to, code)
        peer = Actor("", "peer", NAMES[sender], department=code)
        with self.stores[to].begin(peer, "register") as tx:
            getattr(register, "received_" + type.partition(".")[2])(tx, sender=code, body=json.loads(json.dumps(body)))

    def _know(self, at: str, code: str) -> None:
        with self.stores[at].read() as tx:
            if len(code) != 32 or any(n["code"] == code for n in register.directory(tx)):
                return
        with self.stores["data-bureau"].read() as tx:
            record = register.membership(tx, code)
        with self.stores[at].begin(NODE, "register") as tx:
            register.learn_node(tx, record=record, function_key=self.keys["data-bureau"].public.text)

    def post(self) -> None:
        """Carry messages until none waits; refusals by receivers end a job and are kept in `refused`."""
        while sum(
            jobs.Worker(
                store, {outbox.SEND: self._carrier(name), register.SEND_IDENTITY: self._applicant(name)}
            ).run_due()
            for name, store in self.stores.items()
        ):
            pass

    def _carrier(self, sender: str) -> Callable[[jobs.Job], None]:
        def carry(job: jobs.Job) -> None:
            to = next(n for n in NAMES if job.payload["to"] in (f"http://{n}.test", self.code(n)))
            self.carried += 1
            try:
                self.deliver(sender, job.payload["type"], job.payload["body"], to)
            except Refusal as refusal:
                self.refused.append(refusal)
                raise

        return carry

    def _applicant(self, sender: str) -> Callable[[jobs.Job], None]:
        """As wire.node sends an application for an identity: opened from the sealed row when it goes."""
        carry = self._carrier(sender)

        def apply(job: jobs.Job) -> None:
            with self.stores[sender].read() as tx:
                body = register.identity_message(tx, job.payload["application"])
            carry(replace(job, payload={"to": job.payload["to"], "type": "register.identity_applied", "body": body}))

        return apply

    def join(self, *names: str) -> None:
        """Found the function node and admit everybody named."""
        with self.stores["data-bureau"].begin(NODE, "register") as tx:
            register.found(tx, area="5201")
        for name in names:
            self.join_one(name)

    def join_one(self, name: str) -> None:
        self.as_(name, "operator", register.apply_to_join, function_node="http://data-bureau.test")
        self.post()
        waiting = self.as_("data-bureau", "registrar", register.join_applications)
        mine = next(a for a in waiting if a["name"] == name)
        self.as_("data-bureau", "registrar", register.admit_node, application=mine["id"])
        self.post()


def resource_facts(**changes: Any) -> dict[str, Any]:
    """Arguments of declare_resource for a sound public resource."""
    return {
        "name_zh": "卡口过车记录 2019-09", "name_en": "gate passages 2019-09", "abstract": "卡口过车的时间与号牌。",
        "standard": "vehicle_passage", "source_kind": "001", "source_statement": "依法履职采集。", "licence": "public-1",
        "licence_terms": {"commercial": True, "derivatives": True, "attribution": "traffic bureau"},
        "public_data": True, "personal": True, "grade": 3, "update_frequency": "009", "area": "5201",
        "scenario": "交通治理", "security_assessment": "DSA-2026-01",
    } | changes  # fmt: skip


DIGEST = "sha256:" + "ab" * 32


def declared(country: Country, node: str, digest: str = DIGEST, **changes: Any) -> dict[str, Any]:
    """A declared resource with its evidence preserved."""
    made = country.as_(node, "data_engineer", register.declare_resource, "数据处", **resource_facts(**changes))
    return dict(
        country.as_(node, "data_engineer", register.preserve_evidence, "数据处", of=made["id"], files={"a.db": digest})
    )


def in_tx(country: Country, node: str, call: Callable[[Tx], Any]) -> Any:
    with country.stores[node].begin(NODE, "register") as tx:
        return call(tx)


def changed_past_the_log(country: Country, node: str) -> list[str]:
    """The records of a node that are not as their last leaf left them, as its own verification finds them."""
    with country.stores[node].read(country.person(node, "auditor")) as tx:
        return [problem["where"] for problem in audit.verify(tx)["problems"] if problem["kind"] == "record.changed"]
