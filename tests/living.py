"""The five nodes of a finished demonstration, alive again: a copy of its folder, the same ports, the same people.

The journey is taken up as `make demo` takes up an unfinished one: every call is made again under its idempotency
key and gets the answer of the first time, so the journey knows its codes and tokens again and nothing is done twice.
Nodes are bound to their addresses (they are signed), so only one such world is up at a time; others wait.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import uuid
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import demo
import httpx
import pytest
from paperwork import GROUP, LAB, PURPOSE
from trading import TEMPLATE
from world import Person, Refused, World

from datong.ground.canonical import digest_bytes
from datong.ground.keys import PrivateKey
from demo_run import ROOT, Run
from journey import STEPS, Journey

WITHOUT = ("harmonise", "national", "audit", "model")
"""Steps that only look or compute again, or of which the others need nothing; who does walks them (`walked`)."""
AFTERWARDS = "afterwards"
"""The step of what tests ask, which so has idempotency keys of its own."""


@dataclass(frozen=True)
class Living:
    world: World
    journey: Journey
    folder: Path

    def who(self, slug: str, role: str, number: int = 0) -> Person:
        return self.journey.who(slug, role, number)

    def address(self, slug: str) -> str:
        return self.world.nodes[slug].address

    def code(self, name: str) -> str:
        """Code of "node:<slug>", "party:<slug>", "trips", "passages" or "product"."""
        return self.journey.codes[name]

    def agreement(self, name: str) -> str:
        """The contract over "trips", "passages" or "product"."""
        return str(self.journey.known[f"{name}.agreement"])

    @property
    def inputs(self) -> list[str]:
        return [self.code("trips"), self.code("passages")]

    def to_day(self, day: str, hour: int = 9) -> None:
        """Move the business clock of all nodes by a signed demonstration message."""
        self.journey.to_day(date.fromisoformat(day), hour)

    def until(self, condition: Callable[[], Any], what: str, seconds: float = 20) -> Any:
        return self.world.wait_for(condition, what, seconds)

    def walked(self, name: str) -> None:
        """Go through one of the steps that were left out, once more."""
        self.world.step = name
        dict(STEPS)[name](self.journey)
        self.world.step = AFTERWARDS

    def at_rest(self) -> None:
        """Wait until every message is delivered and every leaf has its place."""

        def quiet(slug: str) -> bool:
            health = self.who(slug, "operator").ask("audit.health")
            return bool(health["pending"] == 0 and health["open_jobs"] == 0)

        self.until(lambda: all(quiet(slug) for slug in self.world.nodes), "the nodes to finish their messages")

    def leaves(self, slug: str) -> int:
        """How many leaves of evidence the node has; every deed leaves one. Hearts do not count: see `deeds`."""
        with closing(self.store(slug)) as store:
            return deeds(store)

    def all_leaves(self) -> dict[str, int]:
        return {slug: self.leaves(slug) for slug in self.world.nodes}

    def store(self, slug: str) -> sqlite3.Connection:
        """The node's database file, opened past the node, as somebody with access to its disk would."""
        store = sqlite3.connect(self.folder / slug / "datong.db", timeout=30)
        store.row_factory = sqlite3.Row
        return store

    def person_id(self, slug: str, role: str, number: int = 0) -> str:
        login = self.who(slug, role, number).login
        people = self.who(slug, "operator").ask("register.people")
        return next(str(person["id"]) for person in people if person["login"] == login)

    def token(self, slug: str, role: str) -> str:
        return self.world.tokens[slug, self.who(slug, role).login]

    def api(self, slug: str, verb: str, *, token: str = "", **sent: Any) -> httpx.Response:
        """One bare request to the API of a node; `sent` goes to httpx (json=, content=, headers=, cookies=)."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        headers |= sent.pop("headers", {})
        url = f"{self.address(slug)}/api/{verb.replace('.', '/')}"
        return self.world.http.request(sent.pop("method", "POST"), url, headers=headers, **sent)

    # -- what can be done with the product

    def build(self) -> dict[str, Any]:
        """The group builds the product for the lab; the same version again while nothing changed."""
        return dict(self._manager().do(
            "compose.build", product=self.code("product"), recipient_group=self.code(f"party:{LAB}"), purpose=PURPOSE,
            again=uuid.uuid4().hex,
        ))  # fmt: skip

    def publish(self) -> dict[str, Any]:
        """The group lists the product, as in the journey."""
        return dict(self._manager().do(
            "catalogue.publish", dataset=self.code("product"), template=TEMPLATE, title="城市出行流量 mobility-flows",
            description="按区域与时段统计的单车起讫、骑行人数与分类型车辆数，各组不少于 5 名不同个体。",
            purposes=["public_governance", "public_welfare", PURPOSE], from_at="2026-03-02", until_at="2029-03-01",
            split=self.journey.facts("price")["split"], again=uuid.uuid4().hex,
        ))  # fmt: skip

    def offer(self) -> dict[str, Any]:
        """The group lays the product ready for the lab."""
        return dict(self._manager().do(
            "deliver.offer_product", agreement=self.agreement("product"), again=uuid.uuid4().hex
        ))  # fmt: skip

    def _manager(self) -> Person:
        return self.who(GROUP, "product_manager")

    def transfer(
        self, agreement: str = "", slug: str = LAB, role: str = "analyst", into: str = "person"
    ) -> dict[str, Any]:
        """A consumer asks for delivery; the transfer once the provider has started or ended it."""
        asking, agreement = self.who(slug, role), agreement or self.agreement("product")
        asked = asking.do("deliver.request_transfer", agreement=agreement, into=into, again=uuid.uuid4().hex)

        def answered() -> Any:
            rows = asking.ask("deliver.transfers", agreement=agreement)
            row = next(row for row in rows if row["id"] == asked["id"])
            return row if row["state"] != "REQUESTED" else None

        return dict(self.until(answered, "the provider to answer the transfer"))

    def profile(self) -> dict[str, Any]:
        """A fresh Delta Sharing profile of the lab: an endpoint and a live token."""
        started = self.transfer()
        assert started["state"] == "STARTED", started["reason"]
        analyst = self.who(LAB, "analyst")
        return dict(analyst.do("deliver.profile", agreement=self.agreement("product"), again=uuid.uuid4().hex))

    def pull(self, profile: dict[str, Any]) -> httpx.Response:
        """Query the one table a profile opens, as any Delta Sharing client does."""
        headers = {"authorization": f"Bearer {profile['bearerToken']}"}
        shares = self.world.http.get(f"{profile['endpoint']}/shares", headers=headers)
        if shares.is_error:
            return shares
        share = f"{profile['endpoint']}/shares/{shares.json()['items'][0]['name']}"
        tables = self.world.http.get(f"{share}/all-tables", headers=headers)
        if tables.is_error or not tables.json()["items"]:
            return tables
        table = tables.json()["items"][0]
        at = f"{share}/schemas/{table['schema']}/tables/{table['name']}/query"
        return self.world.http.post(at, json={}, headers=headers)

    def files_of(self, slug: str, kind: str, agreement: str) -> list[Path]:
        """What a node keeps under an agreement; kind: "released" or "received"."""
        return list((self.folder / slug / "data" / kind / agreement).glob("*"))

    def url_keys(self, slug: str) -> list[Path]:
        return list((self.folder / slug / "keys" / "grants").glob("*"))

    # -- as a node speaks to a node

    def key(self, slug: str) -> PrivateKey:
        return PrivateKey.at(self.folder / slug / "keys" / "node.pem")

    def signed(self, slug: str, value: dict[str, Any]) -> dict[str, Any]:
        """`value` as the node of `slug` would sign it."""
        bare = {name: part for name, part in value.items() if name != "signatures"}
        key, code, party = self.key(slug), self.code(f"node:{slug}"), self.code(f"party:{slug}")
        signature = {"node": code, "party": party, "by": "", "department": "", "key": key.public.text,
                     "signature": key.sign_value(bare)}  # fmt: skip
        return {**bare, "signatures": [signature]}

    def proof(self, sender: str, to: str, data: bytes, *, key: PrivateKey | None = None, **claims: Any) -> str:
        """The token that proves `data` to come from `sender` and to be meant for `to`; `claims` and `key` spoil it."""
        told = {"iss": self.code(f"node:{sender}"), "aud": self.code(f"node:{to}"), "jti": uuid.uuid4().hex,
                "digest": digest_bytes(data), **claims}  # fmt: skip
        return (key or self.key(sender)).token(told, datetime.now(UTC))

    def post(self, to: str, path: str, data: bytes, proof: str) -> httpx.Response:
        """One request as a node sends it."""
        headers = {"authorization": f"Bearer {proof}", "content-type": "application/json"}
        return self.world.http.post(f"{self.address(to)}{path}", content=data, headers=headers)

    def message(self, sender: str, to: str, type: str, body: dict[str, Any], **spoilt: Any) -> httpx.Response:
        """A message of the node protocol from `sender` to `to`, signed by its real key."""
        message = {"id": spoilt.pop("id", uuid.uuid4().hex), "type": type, "version": 1, "body": body}
        data = json.dumps(message).encode()
        return self.post(to, "/node/messages", data, self.proof(sender, to, data, **spoilt))

    # -- as people do it

    def cli(self, slug: str, role: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`datong ROOM VERB ...` against a node."""
        environment = {
            **os.environ, "LANG": "C.UTF-8", "DATONG_NODE": self.address(slug), "DATONG_TOKEN": self.token(slug, role),
        }  # fmt: skip
        return subprocess.run(
            [sys.executable, "-m", "datong", *arguments], capture_output=True, text=True, env=environment,
            cwd=ROOT, check=False, timeout=60,
        )  # fmt: skip


def deeds(store: sqlite3.Connection) -> int:
    """How many leaves of evidence a store holds, but for hearts that were missed and heard again: a matter of time."""
    hearts = "('register.connector_running', 'register.connector_stopped')"
    return int(store.execute(f"SELECT count(*) FROM evidence_leaf WHERE act NOT IN {hearts}").fetchone()[0])


@contextmanager
def alive(finished: Run, folder: Path) -> Iterator[Living]:
    """A world that lives on from `finished` in a copy at `folder`; stopped at the end."""
    with (finished.folder.parent / "living.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        shutil.copytree(finished.folder, folder)
        state = json.loads((folder / "state.json").read_text())
        demo.ports_free(list(state["ports"].values()))
        world = demo.the_world(folder, Namespace(crash=[]), state)
        try:
            world.start()
            yield Living(world, replayed(world, folder), folder)
        finally:
            world.stop()
            world.http.close()


def replayed(world: World, folder: Path) -> Journey:
    """The journey as far as it went, out of the answers the nodes gave the first time."""
    journey = Journey(world, folder)
    for name, step in STEPS:
        if name not in WITHOUT:
            world.step = name
            step(journey)
    world.step = AFTERWARDS
    return journey


def refusal(call: Callable[[], Any]) -> Refused:
    """How `call` is refused; a failure when it is not."""
    with pytest.raises(Refused) as caught:
        call()
    return caught.value


def says(refused: Refused) -> str:
    """Everything a refusal says in English: what, why, the next step, and each problem with its place."""
    return str(refused)
