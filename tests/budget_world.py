"""A node with built rides to ask about: a real workspace, built by harmonise, with known people and fares."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from datong.deidentify import service as deidentify
from datong.ground import signing
from datong.ground.db import Actor, Store
from datong.ground.keys import PrivateKey
from datong.harmonise import service as harmonise
from stores import with_tables

PARTY = "91520100MA6DATONG5"
STANDARD = """apiVersion: v3.2.0
kind: DataContract
id: ride
version: 1.0.0
status: active
schema:
  - name: ride
    properties:
      - {name: ride_id, businessName: Ride, synonyms: [{synonym: 行程编号, locale: zh-CN}], logicalType: string, required: true}
      - {name: rider_id, businessName: Rider, synonyms: [{synonym: 用户编号, locale: zh-CN}], logicalType: string, classification: personal}
      - {name: payer_id, businessName: Payer, synonyms: [{synonym: 付款人编号, locale: zh-CN}], logicalType: string, classification: personal}
      - {name: fare, businessName: Fare, synonyms: [{synonym: 费用, locale: zh-CN}], logicalType: number}
      - {name: kind, businessName: Kind, synonyms: [{synonym: 类型, locale: zh-CN}], logicalType: string}
"""
MAPPING = """source: rides
standard: ride
columns:
  ride_id: ride
  rider_id: rider
  payer_id: rider
  fare: {from: fare, as: number}
  kind: kind
"""
COUNT: dict[str, Any] = {
    "kind": "count", "rows_per_unit": 5, "by": [{"classes": {"column": "kind", "values": ["bike", "car"]}}],
    "spend": {"rho": "0.01"},
}  # fmt: skip
ENGINEER = Actor(person="p-eng", role="data_engineer", party=PARTY, roles=frozenset({"data_engineer"}))
LEGAL = Actor(person="p-law", role="legal", party=PARTY, roles=frozenset({"legal"}))


def workspace(folder: Path, rides: int = 400, riders: int = 60) -> Path:
    """A workspace with the mapping `rides`; in `folder`, which is the node's."""
    chance = random.Random(7)
    lines = ["ride,rider,fare,kind"]
    lines += [
        f"{n},r{chance.randrange(riders)},{chance.randrange(5000) / 100:.2f},{chance.choice(['bike', 'bike', 'car'])}"
        for n in range(rides)
    ]
    for name, text in {
        "rides.csv": "\n".join(lines) + "\n", "sources/rides.yaml": "kind: csv\npath: rides.csv\n",
        "standards/ride.odcs.yaml": STANDARD, "mappings/rides.yaml": MAPPING,
    }.items():  # fmt: skip
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    return folder


def opened(url: str, folder: Path) -> Store:
    """The store of the node in `folder`; its key is kept there, so that another process may sign too."""
    store = Store(url)
    me = signing.Me("5" + PARTY + "5201" + "TESTNODE0", PARTY, "test node", "http://test")
    signing.install(store, PrivateKey.at(folder / "keys" / "node.pem"), me)
    harmonise.install(store, folder)
    return store


def built(url: str, folder: Path, *, classified: bool = True, **sizes: int) -> Store:
    """A new node in `folder` whose resource `rides` is built, and its classification confirmed."""
    store = opened(url, workspace(folder, **sizes))
    with_tables(store)
    with store.begin(ENGINEER, "harmonise") as tx:
        harmonise.build(tx, workspace=str(folder), mapping="rides", resource="rides")
    if classified:
        confirmed(store)
    return store


def confirmed(store: Store, resource: str = "rides", engineer: Actor = ENGINEER) -> None:
    """Its data engineer says that the columns of the dataset are what they were found to be."""
    with store.begin(engineer, "deidentify") as tx:
        deidentify.propose_classification(tx, dataset=resource)
        deidentify.confirm_classification(tx, dataset=resource, rest=True)


def cap(store: Store, rho: str, **given: Any) -> dict[str, Any]:
    with store.begin(LEGAL, "deidentify") as tx:
        return deidentify.set_budget(tx, resource="rides", unit="rider_id", rho=rho, **given)


def paid(store: Store, query: dict[str, Any], consumer: str = "lab-1") -> dict[str, Any]:
    with store.begin(ENGINEER, "deidentify") as tx:
        return deidentify.ask(tx, resource="rides", query=query, consumer=consumer)


def asked(store: Store, query: dict[str, Any], consumer: str = "lab-1") -> dict[str, Any]:
    """Pay and draw: the answer as it may be handed on."""
    done = paid(store, query, consumer)
    deidentify.draw(store, done["release"])
    with store.read(ENGINEER) as tx:
        return {**done, **deidentify.answer(tx, release=done["release"])}


def stands(store: Store) -> dict[str, Any]:
    with store.read(ENGINEER) as tx:
        (row,) = deidentify.budget(tx, resource="rides")
    return row


def costing(rho: str, **changed: Any) -> dict[str, Any]:
    return {**COUNT, "spend": {"rho": rho}, **changed}
