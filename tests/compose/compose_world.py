"""Two providers, the group and the bureau; messages carried from outbox to receiver, as `app` would."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml
from deidentify_world import BUREAU, GOOD, actor, introduce, new_node, recipe_value
from sqlalchemy import select

from datong.authorise.store import instruments
from datong.compose import service as compose
from datong.deidentify import service as deidentify
from datong.ground import jobs
from datong.ground.canonical import digest_bytes
from datong.ground.db import Store
from datong.register.store import ledger

LAB = "91520100CITYLAB001"
PARTIES = {"R-BIKE": "91520100BIKECO0001", "R-GATE": "11520100TRAFFIC001"}
GROUP = "91520100GROUP00001"
PRODUCT = "P-FLOWS"


class Three:
    """The nodes and what passes between them."""

    def __init__(self, folder: Path, files: dict[str, Path]) -> None:
        self.folder, self.files = folder, files
        self.bureau, self.group = new_node(folder / "bureau", BUREAU), new_node(folder / "group", GROUP)
        introduce(self.group, self.bureau)
        described(self.group)
        self.providers: dict[str, Store] = {}
        for resource, party in PARTIES.items():
            self.providers[resource] = new_node(folder / resource, party)
        compose.install(self.group, folder / "group")
        self.carried: set[str] = set()
        self.silent: set[str] = set()

    @property
    def supplies(self) -> list[dict[str, str]]:
        return [{"resource": r, "agreement": f"agr-{r}", "node": f"N-{p}"} for r, p in PARTIES.items()]

    def define(self, value: dict[str, Any] | None = None) -> dict[str, Any]:
        with self.group.begin(actor("product_manager", GROUP), "compose") as tx:
            return compose.define_product(tx, product=PRODUCT, recipe=yaml.safe_dump(value or recipe_value()))

    def propose(self, supplies: list[dict[str, str]] | None = None) -> dict[str, Any]:
        with self.group.begin(actor("product_manager", GROUP), "compose") as tx:
            return compose.propose_partition(tx, product=PRODUCT, supplies=supplies or self.supplies)

    def waiting(self) -> list[dict[str, Any]]:
        """Messages in the group's outbox that were not carried yet."""
        with self.group.read() as tx:
            rows = tx.all(select(jobs.jobs.c.payload).where(jobs.jobs.c.kind == "node.send").order_by(jobs.jobs.c.id))
        return [row.payload for row in rows if row.payload["id"] not in self.carried]

    def provider_gets(self, message: dict[str, Any]) -> dict[str, Any] | None:
        body = message["body"]
        node = self.providers[body["resource"]]
        with node.begin(actor("peer", GROUP), "compose") as tx:
            if message["type"] == "compose.partition_ask":
                data = self.files[body["resource"]]
                return deidentify.answer_round(tx, ask=body, data=data, recipient_group=GROUP)
            if message["type"] == "compose.partition_cancelled":
                deidentify.cancel_part(tx, **body, recipient_group=GROUP)
                return None
            assert message["type"] == "compose.partition_agreed"
            deidentify.keep_partition(tx, agreed=body, recipient_group=GROUP)
            return None

    def group_gets(self, resource: str, body: dict[str, Any]) -> None:
        with self.group.begin(actor("peer", PARTIES[resource]), "compose") as tx:
            compose.received_partition_hold(tx, sender=f"N-{PARTIES[resource]}", body=body)

    def carry(self, rounds: int = 100) -> None:
        """Carry messages to and fro until there is none left that somebody takes."""
        for _ in range(rounds):
            messages = [m for m in self.waiting() if m["body"]["resource"] not in self.silent]
            if not messages:
                return
            for message in messages:
                self.carried.add(message["id"])
                answer = self.provider_gets(message)
                if answer is not None:
                    self.group_gets(message["body"]["resource"], answer)

    def partition(self) -> dict[str, Any]:
        with self.group.read(actor("product_manager", GROUP)) as tx:
            return compose.partitions(tx)[-1]

    def agreed(self) -> dict[str, Any]:
        self.define()
        self.propose()
        self.carry()
        return self.partition()

    def supplied(self, resource: str) -> Path:
        """The provider's table, as a delivery would leave it in the group's folder."""
        with self.providers[resource].begin(actor("data_engineer", PARTIES[resource]), "deliver") as tx:
            part = deidentify.partition_part(tx, agreement=f"agr-{resource}")
            table = deidentify.supply(tx, part=part["id"], data=self.files[resource])
        path = self.folder / "group" / f"{resource}.parquet"
        pq.write_table(table, path)
        return path

    def receive(self, resource: str, path: Path, **items: Any) -> dict[str, Any]:
        rows = pq.ParquetFile(path).metadata.num_rows
        stored = items.pop("stored", path.name)
        told = {"agreement": f"agr-{resource}", "resource": resource, "path": stored, "rows": rows,
                "digest": digest_bytes(path.read_bytes()), **items}  # fmt: skip
        with self.group.begin(actor("node", GROUP), "deliver") as tx:
            return compose.received_supply(tx, **told)

    def assess(self, of: list[str] | None = None, **answers: str) -> dict[str, Any]:
        with self.bureau.begin(actor("assessor", BUREAU), "deidentify") as tx:
            record = deidentify.assess(
                tx, provider_parties=of or [GROUP, *PARTIES.values()], recipient_group=LAB, subject=PRODUCT,
                answers={**GOOD, **answers}, expires="2026-12-31", nodes=[],
            )  # fmt: skip
        with self.group.begin(actor("peer", BUREAU), "deidentify") as tx:
            deidentify.received_assessment(tx, sender=f"N-{BUREAU}", body=record)
        return record


def described(store: Store) -> None:
    """The ledger at the group's node: both resources with their owners, and the product made of them."""
    licence = {"name": "x", "commercial": True, "derivatives": True, "attribution": ""}
    things = [(code, "resource", party, {"grade": "general"}) for code, party in PARTIES.items()]
    things.append((PRODUCT, "product", GROUP, {"inputs": sorted(PARTIES)}))
    with store.begin(actor("node", GROUP)) as tx:
        for code, kind, party, more in things:
            thing = {"id": code, "public_data": False, "personal": False, "licence": licence, **more}
            entry = {"object": thing, "code": code, "registrants": [{"party": party, "name": party}]}
            tx.add(ledger, {"id": code, "kind": kind, "entry": entry, "state": "CODED", "version": 1, "at": tx.now})


@pytest.fixture
def three(tmp_path: Path, world: Callable[..., dict[str, Path]]) -> Iterator[Three]:
    made = Three(tmp_path, world(n=2500, riders=60, m=2500, vehicles=120))
    yield made
    for opened in (made.bureau, made.group, *made.providers.values()):
        opened.dispose()


def cleared(three: Three, purposes: tuple[str, ...] = ("industry_development",)) -> None:
    """The data-use rights the group's node would hold after authorisation."""
    with three.group.begin(actor("node", GROUP)) as tx:
        for resource, party in PARTIES.items():
            value: dict[str, Any] = {column.name: "" for column in instruments.columns if not column.nullable}
            value |= {
                "id": f"use-{resource}", "kind": "data_use", "state": "IN_FORCE", "grantor_party": party,
                "grantee_party": GROUP, "resources": [resource], "purposes": list(purposes), "acts": ["build"],
                "from_at": "2026-01-01T00:00:00Z", "until_at": "2028-01-01T00:00:00Z", "serial": 1,
            }  # fmt: skip
            tx.add(instruments, value)
