"""The rows of docs/reference/flows.md that are under differential privacy: what is released, and how a buyer reads it.

    DATONG_DATA=... python bench/flows_dp.py [--resamples 200]   writes bench/results/flows_dp.json

Of each week three bounded counts leave, as answers to questions of a privacy budget (norm_per_unit): rides by area, rides by hour of weekdays and of weekends, rides.
A rider's counts in all weeks together are a vector; its length is bounded (BOUNDS), and a rider's k-th active week may have the
share SHARE (1 - SHARE)^(k - 1) of the squared bound, so that a week's figures look at that week and earlier ones only.

A buyer follows the shares of areas and of hours from week to week with a Kalman filter (a local level model; the noise is
known, so how much of each new figure to believe is too) and feeds the model of all other rows with what it knows. It starts from what
anybody knows: an area's share of the docks in the operator's list of stations; the same rides in every window from 6 to 24 h
and a sixth of it at night. BOUNDS, SPLIT, SHARE and the constants of the filter are round numbers taken on the season of 2018, before
the weeks that are forecast, at an epsilon of 2, where noise and rides stand about as they do in 2019 at 1; the weeks that are forecast were
looked at too while this was built. `sensitivity` says what half and twice of each bound would do.

What is forecast, the model, the riders drawn again: bench/flows.py; the page: bench/flows_page.py. Nothing here is a test.
"""

from __future__ import annotations

import csv
import gzip
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import flows
import numpy as np
import pyarrow as pa
from flows import DATA, HISTORY, HOUR, KM_EAST, KM_NORTH, MONDAY, SEPTEMBER, TEST, WEEKEND, WINDOWS, ZONE, Array, Trips

from datong.deidentify.model.budget import NANO, NORM_STEPS, Query
from datong.deidentify.rules.budget import answers, zcdp
from datong.deidentify.rules.budget.answers import groups_in, spread
from datong.deidentify.rules.budget.reading import name_of, query_of, size_of
from datong.deidentify.rules.budget.sensitivity import parts
from datong.deidentify.service import noise
from datong.deidentify.service.budgets import aggregated

RESULTS = flows.ROOT / "bench" / "results" / "flows_dp.json"
EPSILONS, DELTA = (1, 2, 4), 1e-6
DRAWS = 20
"""The cost of an epsilon is the mean over so many drawings of the noise."""
BOUNDS: Mapping[str, float] = {"areas": 3.0, "hours": 3.0, "rides": 32.0}
"""Length of a rider's vector of counts over all weeks, in rides."""
SPLIT: Mapping[str, float] = {"areas": 0.5, "hours": 0.35, "rides": 0.15}
SHARE = 0.2
AREA_KNOWN, AREA_DRIFT = 0.5, 0.15
"""Standard deviation of an area's share around that of its docks, and of its change in a week, of the share of its docks."""
HOUR_KNOWN, HOUR_DRIFT = (0.5, 0.1), (0.03, 0.03)
"""The same of an hour's share: (that all days have in common, that weekdays and weekends have of their own)."""
ORIGIN = {"lat": 42.0, "lon": -72.8}
BOX = {"south": 42.05, "west": -72.7, "north": 42.44, "east": -72.46}
"""Where stations stand; rides elsewhere are in no area."""
SEASON_2018 = range(HISTORY, 21)
"""Weeks to forecast in the season before: what BOUNDS, SPLIT and the drifts are taken on."""
LEVEL_HALF = 2.0
"""Half-life of the level, weeks."""
CLUMPED = 3.0
"""Rides come in clumps: variance of a count over that of a Poisson count."""
CLOCK = HOUR + 8 * WEEKEND
"""Window of the week -> hour of weekdays (0-7) or of weekends (8-15)."""
DAYS = np.where(np.arange(16) < 8, 5, 2)
ALIKE = "trip rows, read alike"


@dataclass(frozen=True)
class Rides:
    """Starts in the weeks of a release: rider, area, week (0 = the first), window of the week; all of shape (rides,)."""

    rider: Array
    area: Array
    week: Array
    window: Array
    areas: int
    weeks: int
    monday: date

    def of(self, name: str) -> tuple[Array, int]:
        """(value of each ride, number of values) of what is counted."""
        match name:
            case "areas":
                return self.area, self.areas
            case "hours":
                return CLOCK[self.window], 16
            case _:
                return np.zeros_like(self.area), 1


def bounded(rides: Rides, name: str, bound: float, share: float = SHARE) -> Array:
    """Counts by (week, value) of which one rider is a vector of length `bound` at most: what `question` asks, in NumPy, for resamples; `held`
    holds the two against each other."""
    value, values = rides.of(name)
    key, rows = np.unique(
        (rides.rider.astype(np.int64) * rides.weeks + rides.week) * values + value, return_counts=True
    )
    visit, of_visit = np.unique(key // values, return_inverse=True)
    rider = visit // rides.weeks
    first = np.r_[True, rider[1:] != rider[:-1]]
    place = np.arange(len(rider)) - np.maximum.accumulate(np.where(first, np.arange(len(rider)), 0))
    length = np.sqrt(np.bincount(of_visit, weights=rows.astype(float) ** 2))
    allowed = bound * np.sqrt(share * (1 - share) ** place)
    counted = rows * np.minimum(1, allowed / length)[of_visit]
    cell = key // values % rides.weeks * values + key % values
    return np.bincount(cell, weights=counted, minlength=rides.weeks * values).reshape(rides.weeks, values)


def exact(rides: Rides, name: str) -> Array:
    """Counts by (week, value), every ride whole."""
    value, values = rides.of(name)
    return np.bincount(rides.week * values + value, minlength=rides.weeks * values).reshape(rides.weeks, values)


@cache
def whole_rho(epsilon: float) -> int:
    """Nano-rho of all counts together."""
    return zcdp.nanorho_of(epsilon, DELTA)


def question(rides: Rides, name: str, bound: float, epsilon: float) -> Query:
    """What `datong budget ask` is asked for this count, at its part of the cost."""
    days = {
        "column": "at",
        "zone": str(ZONE),
        "from": str(rides.monday),
        "until": str(rides.monday + timedelta(weeks=rides.weeks)),
    }
    by: list[dict[str, Any]] = [{"windows": {**days, "days": 7, "name": "week"}}]
    if name == "areas":
        by.append({"cells": {"name": "area", "lat": "lat", "lon": "lon", "km": 4, "origin": ORIGIN, "area": BOX}})
    if name == "hours":
        by.append({"windows": {**days, "hours": 3, "clock": True, "weekends": True, "name": "hour"}})
    rho = Decimal(int(whole_rho(epsilon) * SPLIT[name])) / NANO
    asked = {
        "kind": "count",
        "norm_per_unit": {"most": str(bound), "share": str(SHARE)},
        "by": by,
        "spend": {"rho": str(rho)},
    }
    query, found = query_of(asked)
    assert query is not None, found.problems
    return query


def shaped(rides: Rides, query: Query, name: str, figures: Array) -> Array:
    """Figures of an answer, (..., groups) in steps, as rides by (..., week, value)."""
    sizes = [size_of(dimension) for dimension in query.by]
    weekly = next(n for n, dimension in enumerate(query.by) if name_of(dimension) == "week")
    table = (
        np.moveaxis(figures.reshape(*figures.shape[:-1], *sizes), figures.ndim - 1 + weekly, figures.ndim - 1)
        / NORM_STEPS
    )
    if name == "rides":
        return table[..., None]
    if name == "hours":
        return table
    placed = np.zeros((*table.shape[:-1], rides.areas))
    labels = answers.labels_of(query.by[1 - weekly])
    for area, cell in enumerate(cells_in_order()):
        if (label := f"{cell[0]},{cell[1]}") in labels:
            placed[..., area] = table[..., labels.index(label)]
    return placed


def held(rides: Rides, name: str, bound: float) -> Array:
    """Counts by (week, value) as the product bounds them, before noise."""
    query = question(rides, name, bound, 1)
    found = aggregated(query, "rider", rows_of(rides))
    counts = shaped(rides, query, name, spread(groups_in(query), found, "n"))
    there = docks_by_area() > 0 if name == "areas" else np.ones(counts.shape[1], bool)
    off = np.abs(counts - bounded(rides, name, bound))[:, there].max()
    assert off <= len(np.unique(rides.rider)) / NORM_STEPS, f"{name}: the question's figures are off by {off}"
    return counts


def rows_of(rides: Rides) -> pa.Table:
    """The rides as rows of a table, each in the middle of its area and its window."""
    start = datetime.fromisoformat(f"{rides.monday}T01:30")
    hours = [
        start + timedelta(weeks=week, hours=3 * window) for week in range(rides.weeks) for window in range(WINDOWS)
    ]
    at = np.array([hour.replace(tzinfo=ZONE).timestamp() * 1e6 for hour in hours], dtype=np.int64)
    x, y = np.array(cells_in_order()).T
    return pa.table({
        "rider": pa.array(rides.rider.astype(str)), "at": pa.array(at[rides.week * WINDOWS + rides.window], pa.timestamp("us", "UTC")),
        "lat": 42.0 + (y[rides.area] + 0.5) * 4 / KM_NORTH, "lon": -72.8 + (x[rides.area] + 0.5) * 4 / KM_EAST,
    })  # fmt: skip


def followed(told: Array, noise: float, known: Array, start: Array, drift: Array) -> Array:
    """Shares as they are known before each week, from the noisy counts of the weeks before it.

    told: (draws, weeks, values). noise: its standard deviation. known: shares before any figure, (values,); start, drift: the
    covariance of what they may be off, and of their change in a week. Returns (draws, weeks, values), not negative, of sum 1.
    """
    draws, weeks, values = told.shape
    share, spread = np.broadcast_to(known, (draws, values)), np.broadcast_to(start, (draws, values, values))
    whole = np.maximum(told[:, 0].sum(1), 1)
    before = np.empty(told.shape)
    for week in range(weeks):
        before[:, week] = share
        whole = np.maximum((whole + told[:, week].sum(1)) / 2, 1)
        spread = spread + drift
        sampled = CLUMPED * np.maximum(share, 1e-4) / whole[:, None]
        error = (sampled + (noise / whole[:, None]) ** 2)[:, :, None] * np.eye(values)
        gain = np.linalg.solve(spread + error, spread).transpose(0, 2, 1)
        share = share + np.einsum("dij,dj->di", gain, told[:, week] / whole[:, None] - share)
        spread = spread - gain @ spread
    before = np.maximum(before, 0)
    return before / before.sum(2, keepdims=True)


def levels(told: Array) -> Array:
    """Rides of a week as known before it, (draws, weeks); the first is not known. told: (draws, weeks)."""
    weeks = told.shape[1]
    age = np.arange(weeks)[None, :] - np.arange(weeks)[:, None] - 1
    weight = np.where(age >= 0, 0.5 ** (np.maximum(age, 0) / LEVEL_HALF), 0)
    return np.maximum(told @ weight / np.maximum(weight.sum(0), 1e-9), 1)


def hours_known() -> tuple[Array, Array, Array]:
    """(shares, start, drift) of the hours of weekdays and weekends: neighbouring hours are alike, more so in common."""
    flat = np.where(np.arange(16) % 8 < 2, 1.0, 6.0) * DAYS
    flat /= flat.sum()
    hour, weekend = np.arange(16) % 8, np.arange(16) >= 8
    near = np.exp(-2 * np.sin((hour[:, None] - hour) * np.pi / 8) ** 2)
    own = near * (weekend[:, None] == weekend)
    start, drift = ((a**2 * near + b**2 * own) * np.outer(flat, flat) for a, b in (HOUR_KNOWN, HOUR_DRIFT))
    return flat, start, drift


def tables(rides: Rides, docks: Array, counts: Mapping[str, Array], noise: Mapping[str, float]) -> tuple[Array, Array]:
    """(shares of area x window, rides) as known before each week: (draws, weeks, areas, windows), (draws, weeks)."""
    there = np.flatnonzero(docks)
    known = docks[there] / docks.sum()
    spread = np.diag(known**2)
    area = followed(counts["areas"][:, :, there], noise["areas"], known, AREA_KNOWN**2 * spread, AREA_DRIFT**2 * spread)
    hour = followed(counts["hours"], noise["hours"], *hours_known())[:, :, CLOCK] / DAYS[CLOCK]
    shares = np.zeros((*area.shape[:2], rides.areas, WINDOWS))
    shares[:, :, there] = area[:, :, :, None] * hour[:, :, None, :]
    return shares, levels(counts["rides"][:, :, 0])


def rides_of(trips: Trips, first: int, last: int) -> Rides:
    """The weeks `first` to `last`."""
    inside = trips.of((trips.week >= first) & (trips.week <= last))
    return Rides(inside.rider, inside.area, inside.week - first, inside.window, trips.areas, last - first + 1,
                 date.fromordinal(MONDAY + 7 * first))  # fmt: skip


@dataclass(frozen=True)
class Read:
    """What a buyer forecasts: WAPE and its standard deviation over draws, rides forecast over true ones."""

    wape: float
    draws: float
    level: float


def errors(
    trips: Trips, test: Sequence[int], bounds: Mapping[str, float] = BOUNDS, epsilons: Sequence[int] = EPSILONS,
    *, exactly: bool = False,
) -> dict[str, Read]:  # fmt: skip
    """By release. Besides the noisy rows what of their error is whose: trip rows read alike, the bounds alone, and the
    noisy shares at the level that trip rows give.

    exactly: bounded and drawn as a release is (the question's plan, OpenDP's noise); else by NumPy, for resamples.
    """
    first = min(test) - HISTORY
    rides, docks = rides_of(trips, first, max(test)), docks_by_area()
    true = trips.counts()[first : max(test) + 1]
    weeks = np.array([week - first for week in test])
    whole = {name: exact(rides, name)[None] for name in BOUNDS}
    cut = {name: held(rides, name, bounds[name]) if exactly else bounded(rides, name, bounds[name]) for name in BOUNDS}
    silent = dict.fromkeys(BOUNDS, 0.0)
    last_two = np.array(
        [[true[max(week - 2, 0) : max(week, 1)].sum() / min(max(week, 1), 2) for week in range(rides.weeks)]]
    )

    def read(shares: Array, level: Array) -> Read:
        made = (shares * level[:, :, None, None])[:, weeks]
        off = [
            sum(
                np.abs(true[week] - flows.forecast([table] * HISTORY)).sum()
                for week, table in zip(weeks, draw, strict=True)
            )
            for draw in made
        ]
        starts = true[weeks].sum()
        return Read(float(np.mean(off) / starts), float(np.std(off) / starts), float(made.sum() / len(made) / starts))

    found = {
        ALIKE: read(*tables(rides, docks, whole, silent)),
        "bounded, no noise": read(*tables(rides, docks, {name: counts[None] for name, counts in cut.items()}, silent)),
    }
    for epsilon in epsilons:
        chance, drawn, scales = np.random.default_rng([epsilon, len(rides.rider)]), {}, {}
        for name in BOUNDS:
            (part,) = parts(question(rides, name, bounds[name], epsilon))
            scales[name] = part.scale / NORM_STEPS
            steps = np.rint(cut[name] * NORM_STEPS).astype(np.int64)
            if exactly:
                figures = np.array([noise.gaussian(steps.ravel().tolist(), part) for _ in range(DRAWS)])
            else:
                figures = steps.ravel() + chance.normal(0, part.scale, (DRAWS, steps.size))
            drawn[name] = figures.reshape(DRAWS, *steps.shape) / NORM_STEPS
        shares, level = tables(rides, docks, drawn, scales)
        found[f"noise, epsilon = {epsilon}"] = read(shares, level)
        found[f"noise, epsilon = {epsilon}, level of trip rows"] = read(shares, last_two)
    return found


@cache
def cells_in_order() -> list[tuple[int, int]]:
    """The areas as (x, y) in the order in which flows.valleybike meets and numbers them."""
    met: dict[tuple[int, int], int] = {}
    with gzip.open(DATA / "bike_valleybike" / "trips_2018_2020.csv.gz", "rt", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            try:
                local = datetime.fromisoformat(row["start_time"] + ":00").astimezone(ZONE)
            except ValueError:
                continue
            lat, lon = float(row["start_latitude"]), float(row["start_longitude"])
            if local.toordinal() >= MONDAY and 41.9 <= lat < 42.6 and -72.9 <= lon < -72.3:
                met.setdefault(cell_of(lat, lon), len(met))
    return list(met)


def cell_of(lat: float, lon: float) -> tuple[int, int]:
    return int((lon + 72.8) * KM_EAST // 4), int((lat - 42.0) * KM_NORTH // 4)


@cache
def docks_by_area() -> Array:
    """Docks of the operator's list of stations by area: (areas,)."""
    docks = np.zeros(len(cells_in_order()))
    with (DATA / "bike_valleybike" / "stations.csv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            docks[cells_in_order().index(cell_of(float(row["latitude"]), float(row["longitude"])))] += float(
                row["docks"]
            )
    return docks


def raw_wape(trips: Trips, test: Sequence[int]) -> float:
    """The yardstick: WAPE of the model on trip rows."""
    counts = trips.counts()
    return flows.wape({week: counts[week] for week in range(min(test) - HISTORY, max(test) + 1)}, counts, test)


def scaled_down(trips: Trips, test: Sequence[int], level: float) -> float:
    """WAPE of the model on trip rows whose every forecast is taken `level` times: low forecasts err less in WAPE."""
    counts = trips.counts()
    made = (level * flows.forecast([counts[before] for before in range(week - HISTORY, week)]) for week in test)
    wrong = sum(float(np.abs(counts[week] - table).sum()) for week, table in zip(test, made, strict=True))
    return wrong / float(sum(counts[week].sum() for week in test))


def measured(resamples: int) -> dict[str, Any]:
    trips, chance = flows.valleybike(DATA), np.random.default_rng(20_190_902)
    tests: dict[str, Sequence[int]] = {"20 weeks": TEST, "September": SEPTEMBER}
    again: dict[str, dict[str, list[float]]] = {name: {} for name in tests}
    for _ in range(resamples):
        drawn = trips.resampled(chance)
        for name, test in tests.items():
            raw = raw_wape(drawn, test)
            for release, read in errors(drawn, test).items():
                again[name].setdefault(release, []).append(read.wape / raw - 1)
    told: dict[str, Any] = {"draws": DRAWS, "resamples": resamples, "bounds": dict(BOUNDS), "split": dict(SPLIT)}
    for name, test in tests.items():
        raw, found = raw_wape(trips, test), errors(trips, test, exactly=True)
        alike = np.array(again[name][ALIKE])
        told[name] = {"wape on trip rows": raw, "releases": {}}
        for release, read in found.items():
            cost, costs = read.wape / raw - 1, np.array(again[name][release])
            over, overs = read.wape / found[ALIKE].wape - 1, (1 + costs) / (1 + alike) - 1
            told[name]["releases"][release] = {
                "wape": read.wape, "cost": cost, "interval": flows.pivoted(cost, costs.tolist()),
                "around the cost": around(cost, costs), "over alike": over,
                "over alike interval": flows.pivoted(over, overs.tolist()), "draws": read.draws / raw, "level": read.level,
                "over the same level": read.wape / scaled_down(trips, test, read.level) - 1,
            }  # fmt: skip
    told["sensitivity"] = {
        "2018, epsilon = 2": sensitivity(trips, SEASON_2018, 2),
        "2019, epsilon = 1": sensitivity(trips, TEST, 1),
    }
    return told


def around(cost: float, costs: Array) -> list[float]:
    """What resamples vary by, laid around the cost itself: their own mean is off because riders drawn twice come in clumps."""
    low, high = np.quantile(costs, (0.025, 0.975))
    return [float(cost + low - costs.mean()), float(cost + high - costs.mean())]


def sensitivity(trips: Trips, test: Sequence[int], epsilon: int) -> list[dict[str, Any]]:
    """Cost with the bounds as they are, and with one of them halved or doubled."""
    raw, tried = raw_wape(trips, test), [("as they are", dict(BOUNDS))]
    tried += [(name, {**BOUNDS, name: bound * factor}) for name, bound in BOUNDS.items() for factor in (0.5, 2)]
    found = [(name, bounds, errors(trips, test, bounds, [epsilon])) for name, bounds in tried]
    return [
        {
            "bound": name, "rides": bounds.get(name), "level": read[f"noise, epsilon = {epsilon}"].level,
            "cost": read[f"noise, epsilon = {epsilon}"].wape / raw - 1,
            "at the level of trip rows": read[f"noise, epsilon = {epsilon}, level of trip rows"].wape / raw - 1,
        }
        for name, bounds, read in found
    ]  # fmt: skip


def main(arguments: Sequence[str]) -> None:
    resamples = int(arguments[arguments.index("--resamples") + 1]) if "--resamples" in arguments else 200
    RESULTS.write_text(json.dumps(measured(resamples), indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
