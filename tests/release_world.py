"""A node that released counts of bike trips in whole days: few classes, large enough to leave without an assessment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from datong.deidentify import service as deidentify
from datong.ground import signing
from datong.ground.db import Actor, Store

RIDERS = (25, 40, 100)
RECIPE: dict[str, Any] = {
    "name": "bike-days", "zone": "Asia/Shanghai", "period": {"from": "2026-03-01", "until": "2026-03-04"},
    "origin": {"lat": 26.0, "lon": 106.0}, "area": {"south": 26.0, "west": 106.0, "north": 27.0, "east": 107.0},
    "levels": [{"km": "whole", "hours": 24}, {"km": "whole", "hours": "whole"}], "k": 5, "form": "controlled",
    "purposes": ["industry_development"],
    "parts": [{"part": "bike", "resource": "R-BIKE", "standard": "trip", "measures": [
        {"name": "starts", "subject": "rider_id", "time": "started_at", "lat": "start_lat", "lon": "start_lon",
         "events_as": "starts", "subjects_as": "start_riders"}]}],
}  # fmt: skip


def released(store: Store, folder: Path, asker: str) -> str:
    """The id of a release that the person `asker` asked for."""
    rows = [
        {"group_id": f"0:*:2026-03-0{day}T00", "starts": 3 * riders, "start_riders": riders, "suppressed_types": ""}
        for day, riders in enumerate(RIDERS, 1)
    ]
    path = folder / "days.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path)
    with store.read() as reading:
        party = signing.me(reading).party
    who = Actor(person=asker, role="data_engineer", party=party, roles=frozenset({"data_engineer"}))
    with store.begin(who, "deliver") as tx:
        release = deidentify.release(
            tx, dataset="P-DAYS", recipient_group="91520100BUYER00001", agreement="agr-1", form="controlled",
            path=path, providers=[party], recipe=RECIPE,
        )  # fmt: skip
    return str(release["id"])
