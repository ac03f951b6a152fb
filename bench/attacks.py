"""Attacks on real data, before and after treatment: how often each one is right.

    DATONG_DATA=... python bench/attacks.py [--page]      writes bench/results/attacks.json and docs/reference/attacks.md

trajectory     four points of a rider's life, against pseudonymised trip rows and against joint counts (ValleyBike)
uniqueness     origin and destination, against orders without ids and against flows above a floor (Shanghai)
linkage        a voter list with birth date, sex and postcode, against patients without names (Synthea, made up people)
membership     whether somebody's record is in the table at all (the same patients)
differencing   two tables of counts, one of them without one rider (ValleyBike)

Membership against noisy tables: bench/attacks_noise.py, whose results stand on the same page.

Chance is seeded, data are as DATONG_DATA has them; nothing here is a test. Tests on small copies: tests/bench/.
"""

from __future__ import annotations

import csv
import gzip
import json
import os
import random
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq

from datong.deidentify import service as deidentify
from datong.deidentify.model.joint import Form
from datong.deidentify.rules.nodes import groups_of, node_at
from datong.deidentify.rules.recipe import recipe_of
from datong.deidentify.rules.release import changed_figures, figures_of
from datong.deidentify.service.table_risk import risk_of_table

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("DATONG_DATA") or ROOT / "../shared/data").resolve()
RESULTS = ROOT / "bench" / "results" / "attacks.json"
PAGE = ROOT / "docs" / "reference" / "attacks.md"
ZONE = ZoneInfo("America/New_York")
TRIP = pa.schema([
    ("trip_id", pa.string()), ("rider_id", pa.string()), ("started_at", pa.timestamp("us", "UTC")),
    ("start_lat", pa.float64()), ("start_lon", pa.float64()), ("ended_at", pa.timestamp("us", "UTC")),
    ("end_lat", pa.float64()), ("end_lon", pa.float64()),
])  # fmt: skip
MONTH = (datetime(2019, 9, 1, tzinfo=ZONE), datetime(2019, 10, 1, tzinfo=ZONE))
Trip = Mapping[str, Any]


def recipe_value(k: int) -> dict[str, Any]:
    """Starts and ends by distinct riders, as the demonstration counts them, of a bike company alone."""
    ends = {"name": "ends", "subject": "rider_id", "time": "ended_at", "lat": "end_lat", "lon": "end_lon",
            "events_as": "ends", "subjects_as": "end_riders"}  # fmt: skip
    starts = {"name": "starts", "subject": "rider_id", "time": "started_at", "lat": "start_lat", "lon": "start_lon",
              "events_as": "starts", "subjects_as": "start_riders"}  # fmt: skip
    levels = [(1, 1), (2, 3), (4, 3), (4, 24), ("whole", 24), ("whole", "whole")]
    return {
        "name": "flows", "zone": "America/New_York", "period": {"from": "2019-09-01", "until": "2019-10-01"},
        "origin": {"lat": 42.0, "lon": -72.8}, "area": {"south": 41.9, "west": -72.9, "north": 42.6, "east": -72.3},
        "levels": [{"km": km, "hours": hours} for km, hours in levels], "k": k, "form": "controlled",
        "purposes": ["industry_development"],
        "parts": [{"part": "bike", "resource": "R-BIKE", "standard": "trip", "measures": [starts, ends]}],
    }  # fmt: skip


def valleybike(data: Path) -> list[dict[str, Any]]:
    """Trips of September 2019 with times and places, local month."""
    trips = []
    with gzip.open(data / "bike_valleybike" / "trips_2018_2020.csv.gz", "rt", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            try:
                started, ended = (datetime.fromisoformat(row[name] + ":00") for name in ("start_time", "end_time"))
            except ValueError:
                continue
            if MONTH[0] <= started < MONTH[1]:
                trips.append({
                    "trip_id": row["route_id"], "rider_id": row["user_id"], "started_at": started.astimezone(UTC),
                    "start_lat": float(row["start_latitude"]), "start_lon": float(row["start_longitude"]),
                    "ended_at": ended.astimezone(UTC), "end_lat": float(row["end_latitude"]),
                    "end_lon": float(row["end_longitude"]),
                })  # fmt: skip
    return trips


def counted(trips: Sequence[Trip], k: int, folder: Path) -> tuple[list[str], pa.Table]:
    """(groups, counts) of the joint counts at k, each level's nodes all passing, as a lone provider would get them."""
    file = folder / "trips.parquet"
    pq.write_table(pa.Table.from_pylist([dict(trip) for trip in trips], TRIP), file)
    value = recipe_value(k)
    passed: list[list[str]] = []
    for level in range(len(value["levels"])):
        released = [node for nodes in passed for node in nodes]
        passed.append(deidentify.holding(data=file, recipe=value, resource="R-BIKE", level=level, released=released))
    groups = [str(group.node) for group in groups_of(recipe_of(value), passed)]
    return groups, deidentify.counts(data=file, recipe=value, resource="R-BIKE", groups=groups)


def trajectory(trips: Sequence[Trip], *, points: int = 4, k: int = 10, seed: int = 1) -> dict[str, Any]:
    """Share of riders with enough trips whom `points` of their starts and ends (1 km, 1 h) single out.

    After: the counts have no rows to link; for each known point they tell that the rider is one of f in a group, so
    the attacker is right with 1/f at the best point.
    """
    recipe = recipe_of(recipe_value(k))
    chance = random.Random(seed)  # noqa: S311 - a drawing that can be repeated
    life: dict[str, set[tuple[str, str]]] = defaultdict(set)
    places: dict[tuple[str, str], list[tuple[float, float, datetime]]] = {}
    for trip in trips:
        for kind in ("start", "end"):
            at = trip["started_at" if kind == "start" else "ended_at"].astimezone(ZONE).replace(tzinfo=None)
            where = trip[f"{kind}_lat"], trip[f"{kind}_lon"]
            point = kind, str(node_at(recipe, 0, *where, at))
            life[trip["rider_id"]].add(point)
            places[point] = [(*where, at)]
    riders_at: dict[tuple[str, str], set[str]] = defaultdict(set)
    for rider, known in life.items():
        for point in known:
            riders_at[point].add(rider)
    targets = sorted(rider for rider, known in life.items() if len(known) >= points)
    known = {rider: chance.sample(sorted(life[rider]), points) for rider in targets}
    alone = sum(len(set.intersection(*(riders_at[p] for p in known[rider]))) == 1 for rider in targets)
    with tempfile.TemporaryDirectory() as folder:
        groups, table = counted(trips, k, Path(folder))
    rows = {row["group_id"]: row for row in table.to_pylist()}
    held = set(groups)
    best = []
    for rider in targets:
        chances = [0.0]
        for point in known[rider]:
            lat, lon, at = places[point][0]
            nodes = (str(node_at(recipe, level, lat, lon, at)) for level in range(len(recipe.levels)))
            if (group := next((node for node in nodes if node in held), None)) is not None:
                chances.append(1 / rows[group][f"{point[0]}_riders"])
        best.append(max(chances))
    return {
        "riders": len(life), "targets": len(targets), "points": points, "k": k, "before": alone / len(targets),
        "after": sum(best) / len(best), "after_highest": max(best), "groups": len(groups),
    }  # fmt: skip


def uniqueness(data: Path, *, floor: int = 10) -> dict[str, Any]:
    """Shanghai orders by origin and destination: share of orders alone in their pair of cells, per side of a cell.

    The sample has no rider ids, so every order counts as another person: the figure is a lower bound of the harm and
    the floor one of orders. After: flows of at least `floor`, the share of orders they keep, and the risk of the rest.
    """
    with gzip.open(data / "bike_shanghai_mobike" / "orders_od.csv.gz", "rt", encoding="utf-8") as lines:
        orders = [
            tuple(float(row[c]) for c in ("first_x", "first_y", "last_x", "last_y")) for row in csv.DictReader(lines)
        ]
    told = []
    for side in (0.001, 0.01, 0.05):
        pairs = Counter(tuple(round(v / side) for v in order) for order in orders)
        kept = {pair: n for pair, n in pairs.items() if n >= floor}
        told.append({
            "degrees": side, "pairs": len(pairs), "before": sum(n == 1 for n in pairs.values()) / len(orders),
            "after": sum(n == 1 for n in kept.values()) / len(orders), "flows": len(kept),
            "kept": sum(kept.values()) / len(orders), "highest": max(1 / n for n in kept.values()),
        })  # fmt: skip
    return {"orders": len(orders), "floor": floor, "cells": told}


QUASI = ("BIRTHDATE", "GENDER", "ZIP")


def patients(data: Path) -> list[dict[str, str]]:
    with (data / "medical_synthea" / "patients.csv").open(encoding="utf-8", newline="") as lines:
        return [{name: row[name] for name in ("Id", *QUASI)} for row in csv.DictReader(lines)]


def generalised(row: Mapping[str, str]) -> tuple[str, ...]:
    """Twenty years and sex; the postcode left out: what k = 21 needs of 1,171 people."""
    return str(int(row["BIRTHDATE"][:4]) // 20 * 20), row["GENDER"]


def exact(row: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(row[name] for name in QUASI)


def linkage(people: Sequence[Mapping[str, str]], folder: Path) -> dict[str, Any]:
    """Everybody is on the list: the attacker takes a record of the same values, by chance among several."""
    told = {}
    for name, form, columns in (("before", exact, QUASI), ("after", generalised, ("born", "sex"))):
        file = folder / f"{name}.csv"
        rows = [(row["Id"], *form(row)) for row in people]
        sizes = Counter(values for _, *values_ in rows for values in [tuple(values_)])
        if name == "after":
            rows = [row for row in rows if sizes[tuple(row[1:])] >= 21]
        with file.open("w", encoding="utf-8", newline="") as out:
            csv.writer(out).writerows([("who", *columns), *rows])
        found = risk_of_table(file, columns, person="who", form=Form.public)
        told[name] = found["prosecutor"]["average"] * len(rows) / len(people)
        told[f"{name}_gate"] = found["passes"]
        told[f"{name}_rows"] = len(rows)
        told[f"{name}_unique"] = found["sample_uniques"] / len(people)
    return {"people": len(people), **told}


def membership(people: Sequence[Mapping[str, str]], *, seed: int = 1) -> dict[str, Any]:
    """Half of the people are in the table; the attacker says "in" when the target's values occur. TPR - FPR."""
    chance = random.Random(seed)  # noqa: S311 - a drawing that can be repeated
    inside = {row["Id"] for row in chance.sample(list(people), len(people) // 2)}
    told: dict[str, Any] = {"people": len(people), "inside": len(inside)}
    for name, form in (("before", exact), ("after", generalised)):
        there = {form(row) for row in people if row["Id"] in inside}
        right = sum(form(row) in there for row in people if row["Id"] in inside) / len(inside)
        wrong = sum(form(row) in there for row in people if row["Id"] not in inside) / (len(people) - len(inside))
        told[name] = right - wrong
    return told


def differencing(trips: Sequence[Trip], *, targets: int = 20, k: int = 10, seed: int = 1) -> dict[str, Any]:
    """Two tables of counts, the second without one rider: how often the difference shows groups of that rider.

    Before: both tables are handed out. After: the second meets the gate, which compares it with the first.
    """
    chance = random.Random(seed)  # noqa: S311 - a drawing that can be repeated
    riders = chance.sample(sorted({trip["rider_id"] for trip in trips}), targets)
    recipe = recipe_of(recipe_value(k))
    parts = list(recipe.parts)
    shown = refused = 0
    with tempfile.TemporaryDirectory() as folder:
        groups, first = counted(trips, k, Path(folder))
        before = figures_of(first.to_pylist(), parts)
        for rider in riders:
            file = Path(folder) / "without.parquet"
            left = [dict(trip) for trip in trips if trip["rider_id"] != rider]
            pq.write_table(pa.Table.from_pylist(left, TRIP), file)
            second = deidentify.counts(data=file, recipe=recipe_value(k), resource="R-BIKE", groups=groups)
            now = figures_of(second.to_pylist(), parts)
            shown += any(before[group] != now.get(group) for group in before)
            refused += bool(changed_figures(before, now, parts, k))
    return {"targets": targets, "k": k, "before": shown / targets, "after": (shown - refused) / targets}


def measured(data: Path) -> dict[str, Any]:
    trips, people = valleybike(data), patients(data)
    with tempfile.TemporaryDirectory() as folder:
        linked = linkage(people, Path(folder))
    return {
        "trajectory": trajectory(trips), "uniqueness": uniqueness(data), "linkage": linked,
        "membership": membership(people), "differencing": differencing(trips),
    }  # fmt: skip


def noise_lines(found: Mapping[str, Any]) -> list[str]:
    """The section on bench/results/attacks_noise.json."""
    lines = [
        "## Membership against noise", "",
        f"ValleyBike, {found['rides']:,} rides of {found['riders']:,} riders in {found['weeks']} weeks; the three noisy tables of [Flows](flows.md#under-differential-privacy). The attacker",
        "knows every trip of all other riders and of the target, and asks whether the target is in the data: the likelihood ratio of the",
        f"figures with and without it, over {found['draws']:,} releases drawn with it and {found['draws']:,} without. Right minus wrong: 0 is a coin, 100 % is",
        "certainty. Script: `bench/attacks_noise.py`.", "",
        f"| Epsilon | Riders by lot ({found['anybody']}) | Most exposed ({found['exposed']}) | The one most exposed | Accused rightly where {found['few']:.0%} are wrongly | Bound of the noise | Bound of (epsilon, {found['delta']:g}) |",
        "|---:|---:|---:|---:|---:|---:|---:|",
    ]  # fmt: skip
    lines += [
        f"| {epsilon} | {one['anybody']:.1%} | {one['exposed']:.1%} | {one['most exposed']:.1%} ± {one['error']:.1%} "
        f"| {one['most exposed, right at few wrong']:.1%} | {one['bound']:.1%} | {one['bound of epsilon']:.1%} |"
        for epsilon, one in found["epsilon"].items()
    ]
    return [
        *lines, "",
        "The bound of the noise is that of Gaussian noise of the whole cost: 2 Phi(sqrt(2 rho) / 2) - 1; somebody reaches it who fills every",
        "bound of the three questions. No attacker passes either bound, whatever it knows: a share measured above one is within its ± (95 %) of it.",
        "The last column holds for any mechanism and is looser.", "",
    ]  # fmt: skip


def page(found: Mapping[str, Any], noise: Mapping[str, Any]) -> str:
    """noise: bench/results/attacks_noise.json."""
    t, u, li, m, d = (found[name] for name in ("trajectory", "uniqueness", "linkage", "membership", "differencing"))
    lines = [
        "# Attacks, before and after", "",
        "How often an attacker is right, on real data. Written by `bench/attacks.py` from `bench/results/attacks.json`;",
        "the data are found by `DATONG_DATA` and are not in the repository.", "",
        "| Attack | Data | Before | After |", "|---|---|---:|---:|",
        f"| {t['points']} points (1 km, 1 h) of a rider's month, against trip rows with pseudonyms; against joint counts at "
        f"k = {t['k']} | ValleyBike, September 2019: {t['targets']:,} riders with enough points of {t['riders']:,} "
        f"| {t['before']:.1%} | {t['after']:.1%}, at most {t['after_highest']:.1%} |",
        f"| linking a list with birth date, sex and postcode to patients without names; to twenty years and sex | Synthea, "
        f"{li['people']:,} made-up patients | {li['before']:.1%} | {li['after']:.1%}, {li['after_rows']:,} rows left |",
        f"| membership: the table has the target's values, so the target is in it (right minus wrong) | the same, half of "
        f"them in the table | {m['before']:.1%} | {m['after']:.1%} |",
        f"| differencing: the same counts with and without one rider; the second table meets the gate | ValleyBike, "
        f"{d['targets']} riders | {d['before']:.0%} | {d['after']:.0%} |",
        "", "## Origin and destination are a quasi-identifier", "",
        f"Shanghai, {u['orders']:,} bike orders without any id. Share of the orders that are alone in their pair of cells; then the",
        f"flows of at least {u['floor']} orders, and how many orders they keep. The sample has no riders, so every order counts as",
        "another person; with riders known the harm is no smaller.", "",
        "| Side of a cell | Pairs | Alone | Flows kept | Orders kept | Highest 1/f |", "|---:|---:|---:|---:|---:|---:|",
        *(f"| {c['degrees']}° | {c['pairs']:,} | {c['before']:.1%} | {c['flows']:,} | {c['kept']:.1%} | {c['highest']:.1%} |"
          for c in u["cells"]),
        "", *noise_lines(noise), "## What this does not say", "",
        "Each attacker here is one that is known. The four-point figure after treatment is the best guess at one point; the",
        "groups of several points cannot be linked to each other in counts, but whoever knows much else may learn more than 1/f",
        "from a group whose people are alike. Membership by values alone falls with generalisation; it does not fall to",
        "nothing for somebody whose class would be empty. Only noise under a budget bounds every attacker.", "",
    ]  # fmt: skip
    return "\n".join(lines)


def main(arguments: Iterable[str]) -> None:
    if "--page" not in arguments:
        RESULTS.write_text(json.dumps(measured(DATA), indent=1) + "\n", "utf-8")
    noise = RESULTS.with_name("attacks_noise.json")
    PAGE.write_text(page(*(json.loads(file.read_text("utf-8")) for file in (RESULTS, noise))), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
