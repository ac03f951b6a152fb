"""The map of the story page: cells and stations in kilometres, out of the delivered table only."""

from __future__ import annotations

import csv
import math
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
from paperwork import HERE

from datong.deidentify.rules.nodes import KM_PER_DEGREE

if TYPE_CHECKING:
    from journey import Journey

DRAWN_KM = 10
"""Coarser areas than this are the whole city: they stand in the figures, not on the map."""


def flows(j: Journey) -> dict[str, Any]:
    """Cells and stations of the map, in the product's grid, out of the delivered table only.

    {"cells": [{km, x, y, hour, starts, ends, vehicles}], "stations": [[x_km, y_km, name, town]], "trips": all starts of
    the table}; x, y in cells from the origin, hour the start of a three-hour local window, None for whole days.
    """
    recipe = j.known["version"]["recipe"]
    zone = ZoneInfo(recipe["zone"])
    table = pq.read_table(Path(j.known["received"]["path"])).to_pylist()
    cells = [
        {
            "km": row["area_km"], "x": row["cell_x"], "y": row["cell_y"], "hour": window(row, zone),
            "starts": row["starts"], "ends": row["ends"], "vehicles": row["vehicles"] or 0,
        }
        for row in table
        if row["area_km"] and row["area_km"] <= DRAWN_KM
    ]  # fmt: skip
    return {
        "cells": merged(cells),
        "stations": stations(recipe["origin"]),
        "trips": sum(row["starts"] for row in table),
    }


def window(row: dict[str, Any], zone: ZoneInfo) -> int | None:
    start: datetime = row["window_start"]
    hours = (row["window_end"] - start).total_seconds() / 3600
    return start.astimezone(zone).hour // 3 * 3 if hours <= 3 else None


def merged(cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Trips of the same cell and window of the day added up (trips add; vehicles keep their largest window)."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for cell in cells:
        key = (cell["km"], cell["x"], cell["y"], cell["hour"])
        known = found.setdefault(key, {**cell, "starts": 0, "ends": 0, "vehicles": 0})
        known["starts"] += cell["starts"]
        known["ends"] += cell["ends"]
        known["vehicles"] = max(known["vehicles"], cell["vehicles"])
    return list(found.values())


def stations(origin: dict[str, float]) -> list[list[Any]]:
    """The bike stations in kilometres from the product's origin, in its projection, with the town they stand in."""
    east = KM_PER_DEGREE * math.cos(math.radians(origin["lat"]))
    with (HERE / "data" / "bike-company" / "stations.csv").open(encoding="utf-8") as file:
        return [
            [
                round((float(row["longitude"]) - origin["lon"]) * east, 3),
                round((float(row["latitude"]) - origin["lat"]) * KM_PER_DEGREE, 3),
                row["name"], row["city"],
            ]
            for row in csv.DictReader(file)
        ]  # fmt: skip
