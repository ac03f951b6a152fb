"""Small worlds for the tests of partitions and the gate: parquet files with known people, nodes, assessors."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datong.deidentify import service as deidentify
from datong.ground import signing
from datong.ground.db import Actor, Store, business_clock, sqlite_url
from datong.ground.keys import PrivateKey
from datong.register import store as directory
from stores import with_tables

ROWS = list[dict[str, Any]]
LEVELS = [(1, 1), (2, 3), (4, 24), ("whole", 24), ("whole", "whole")]


def recipe_value(k: int = 5, **items: Any) -> dict[str, Any]:
    return {
        "name": "mobility-flows", "zone": "America/New_York", "period": {"from": "2019-09-01", "until": "2019-09-04"},
        "origin": {"lat": 42.0, "lon": -72.8}, "area": {"south": 42.0, "west": -72.8, "north": 42.2, "east": -72.6},
        "levels": [{"km": km, "hours": hours} for km, hours in LEVELS], "k": k,
        "form": "enclave" if k < 5 else "controlled", "purposes": ["industry_development"],
        "parts": [
            {"part": "bike", "resource": "R-BIKE", "standard": "trip", "measures": [
                {"name": "starts", "subject": "rider_id", "time": "started_at", "lat": "start_lat",
                 "lon": "start_lon", "events_as": "starts", "subjects_as": "start_riders"},
                {"name": "ends", "subject": "rider_id", "time": "ended_at", "lat": "end_lat", "lon": "end_lon",
                 "events_as": "ends", "subjects_as": "end_riders"}]},
            {"part": "traffic", "resource": "R-GATE", "standard": "vehicle_passage", "measures": [
                {"name": "vehicles", "subject": "plate", "time": "passed_at", "lat": "latitude", "lon": "longitude",
                 "subjects_as": "vehicles"}],
             "types": {"column": "vehicle_type", "of": "vehicles", "classes": {"car": ["K33"], "bus": ["K11"]}}},
        ],
        **items,
    }  # fmt: skip


def moment(rng: random.Random) -> datetime:
    """Somewhere in the period, or a little before or after; half of them in the busy hours of the evening."""
    begin = datetime(2019, 9, 1, 3, tzinfo=UTC)
    if rng.random() < 0.5:
        return begin + timedelta(days=rng.randrange(3), hours=19, minutes=rng.randrange(120))
    return begin + timedelta(minutes=rng.randrange(75 * 60))


def place(rng: random.Random) -> tuple[float, float]:
    """Somewhere in an area of 6 km; half of them at the busy place."""
    if rng.random() < 0.5:
        return 42.013, -72.79
    return 42.0 + rng.random() * 0.06, -72.8 + rng.random() * 0.06


def trips(seed: int, count: int, riders: int) -> ROWS:
    """Random trips, some of them incomplete, some outside the period or the area."""
    rng = random.Random(seed)
    rows = []
    for number in range(count):
        start, (lat, lon) = moment(rng), place(rng)
        row: dict[str, Any] = {
            "trip_id": f"t{number}", "rider_id": f"r{rng.randrange(riders)}", "started_at": start,
            "start_lat": lat, "start_lon": lon, "ended_at": start + timedelta(minutes=rng.randrange(90)),
            "end_lat": (end := place(rng))[0], "end_lon": end[1],
        }  # fmt: skip
        if rng.random() < 0.05:
            row[rng.choice(["rider_id", "started_at", "start_lat", "end_lon"])] = None
        if rng.random() < 0.03:
            row["end_lat"] = 47.0
        rows.append(row)
    return rows


def passages(seed: int, count: int, vehicles: int) -> ROWS:
    rng = random.Random(seed)
    kinds = {f"v{n}": rng.choice(["K33", "K33", "K33", "K11", "H11", None]) for n in range(vehicles)}
    return [
        {
            "passage_id": f"p{n}", "plate": (plate := f"v{rng.randrange(vehicles)}"), "vehicle_type": kinds[plate],
            "passed_at": moment(rng),
            "latitude": (at := place(rng))[0], "longitude": at[1],
        }
        for n in range(count)
    ]  # fmt: skip


TIME, NUMBER, TEXT = pa.timestamp("us", "UTC"), pa.float64(), pa.string()
TRIP = pa.schema([("trip_id", TEXT), ("rider_id", TEXT), ("started_at", TIME), ("start_lat", NUMBER),
                  ("start_lon", NUMBER), ("ended_at", TIME), ("end_lat", NUMBER), ("end_lon", NUMBER)])  # fmt: skip
PASSAGE = pa.schema([("passage_id", TEXT), ("plate", TEXT), ("vehicle_type", TEXT), ("passed_at", TIME),
                     ("latitude", NUMBER), ("longitude", NUMBER)])  # fmt: skip


def written(path: Path, rows: ROWS, schema: pa.Schema) -> Path:
    pq.write_table(pa.Table.from_pylist(rows, schema), path)
    return path


@pytest.fixture
def world(tmp_path: Path) -> Callable[..., dict[str, Path]]:
    """world(seed, trips, riders, passages, vehicles) -> {resource: parquet file}."""

    def made(seed: int = 7, n: int = 900, riders: int = 60, m: int = 900, vehicles: int = 90) -> dict[str, Path]:
        return {
            "R-BIKE": written(tmp_path / f"trip-{seed}.parquet", trips(seed, n, riders), TRIP),
            "R-GATE": written(tmp_path / f"passage-{seed}.parquet", passages(seed, m, vehicles), PASSAGE),
        }

    return made


# --- assessors and the business clock ---------------------------------------------------------------------------

BUREAU, PROVIDER, GROUP = "11520100BUREAU0001", "91520100PROVIDER01", "91520100GROUP00001"
GOOD = dict.fromkeys(
    (
        "purpose_limited", "no_reidentification", "no_onward", "penalty", "linkable_data", "training",
        "separate_environment", "access_control", "logging", "encryption", "breach_history", "retention",
    ),
    "good",
)  # fmt: skip


def actor(role: str, party: str, person: str = "p-1") -> Actor:
    return Actor(person=person, role=role, party=party, roles=frozenset({role}))


def set_clock(store: Store, at: str) -> None:
    with store.begin(actor("node", "")) as tx:
        tx.execute(business_clock.delete())
        tx.add(business_clock, {"id": "now", "at": at, "seq": 1})


def new_node(folder: Path, party: str) -> Store:
    """A node of `party` with its own store and key; its code is "N-" and the party."""
    folder.mkdir(parents=True, exist_ok=True)
    opened = Store(sqlite_url(folder / "datong.db"))
    with_tables(opened)
    signing.install(opened, PrivateKey.new(), signing.Me(f"N-{party}", party, party, "http://test"))
    set_clock(opened, "2026-03-02T01:00:00Z")
    introduce(opened, opened)
    return opened


def reopened(folder: Path, like: Store) -> Store:
    """A copy of a node's folder as a store of its own, with the same key and name as the node it was copied from."""
    store = Store(sqlite_url(folder / "datong.db"))
    with like.read() as tx:
        signing.install(store, signing.node_key(tx), signing.me(tx))
    return store


def introduce(to: Store, other: Store) -> None:
    """Put the other node into the directory of `to`, as the function node's signed record would."""
    with other.read() as theirs:
        me, key = signing.me(theirs), signing.node_key(theirs).public.text
    with to.begin(actor("node", "")) as tx:
        row = {"id": me.code, "party": me.party, "name": me.name, "address": me.address, "public_key": key}
        tx.add(directory.nodes, {**row, "kind": "regional" if me.party == BUREAU else "connector", "state": "active", "serial": 1, "record": {},
                                 "learned_at": tx.now})  # fmt: skip


def withdrawn(bureau: Store, to: Store, record: dict[str, Any]) -> dict[str, Any]:
    """Have the bureau's assessor withdraw the record and the node `to` hear of it."""
    with bureau.begin(actor("assessor", BUREAU), "deidentify") as tx:
        notice = deidentify.withdraw_assessment(tx, assessment=record["id"], reason="an answer was wrong")
    with to.begin(actor("peer", BUREAU), "deidentify") as tx:
        deidentify.received_assessment_withdrawn(tx, sender=f"N-{BUREAU}", body=notice)
    return notice


def assessed(bureau: Store, to: Store, subject: str, group: str = GROUP, **items: Any) -> dict[str, Any]:
    """Have the bureau's assessor assess and the node `to` receive the record; answers may be changed by items."""
    answers = {**GOOD, **items.pop("answers", {})}
    with bureau.begin(actor("assessor", BUREAU), "deidentify") as tx:
        record = deidentify.assess(
            tx, provider_parties=[PROVIDER], recipient_group=group, subject=subject, answers=answers,
            expires=items.pop("expires", "2026-12-31"), nodes=items.pop("nodes", []), **items,
        )  # fmt: skip
    with to.begin(actor("peer", BUREAU), "deidentify") as tx:
        deidentify.received_assessment(tx, sender=f"N-{BUREAU}", body=record)
    return record
