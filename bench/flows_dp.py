"""The rows of docs/reference/flows.md that are under differential privacy: what is released, and how a buyer reads it.

    DATONG_DATA=... python bench/flows_dp.py [--resamples 200]   writes bench/results/flows_dp.json, docs/reference/flows.md

Of each week three bounded counts leave, with Gaussian noise: rides by area, rides by hour of weekdays and of weekends, rides.
A rider's counts in all weeks together are a vector; its length is bounded (BOUNDS), and a rider's k-th active week may have the
share SHARE (1 - SHARE)^(k - 1) of the squared bound, so that a week's figures look at that week and earlier ones only.

A buyer follows the shares of areas and of hours from week to week with a Kalman filter (a local level model; the noise is
known, so how much of each new figure to believe is too) and feeds the model of all other rows with what it knows. It starts from what
anybody knows: an area's share of the docks in the operator's list of stations; the same rides in every window from 6 to 24 h and a sixth of
it at night. No figure here is chosen by looking at figures without noise but BOUNDS, SPLIT and the drifts: they are round numbers
taken on the season of 2018, before the weeks that are forecast, at the epsilon at which noise and rides stand as they do in
2019 at 1. `sensitivity` says what half and twice of each would do.

What is forecast, the model, the riders drawn again: bench/flows.py. Nothing here is a test.
"""

from __future__ import annotations

import csv
import gzip
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import flows
import numpy as np
from flows import DATA, HISTORY, HOUR, KM_EAST, KM_NORTH, MONDAY, SEPTEMBER, TEST, WEEKEND, WINDOWS, ZONE, Array, Trips

from datong.deidentify.model.budget import NANO
from datong.deidentify.rules.budget import zcdp

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
    """Counts by (week, value) of which one rider is a vector of length `bound` at most. inf: every ride counts whole."""
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
    return Rides(inside.rider, inside.area, inside.week - first, inside.window, trips.areas, last - first + 1)


def noise_of(epsilon: float, bounds: Mapping[str, float]) -> dict[str, float]:
    """Standard deviation of the Gaussian noise of each count; all of them together are (epsilon, DELTA)-private."""
    rho = zcdp.nanorho_of(epsilon, DELTA) / NANO
    return {name: bound / np.sqrt(2 * rho * SPLIT[name]) for name, bound in bounds.items()}


@dataclass(frozen=True)
class Read:
    """What a buyer forecasts: WAPE and its standard deviation over draws, rides forecast over true ones."""

    wape: float
    draws: float
    level: float


def errors(
    trips: Trips, test: Sequence[int], bounds: Mapping[str, float] = BOUNDS, epsilons: Sequence[int] = EPSILONS
) -> dict[str, Read]:
    """By release. Besides the noisy rows what of their error is whose: trip rows read alike, the bounds alone, and the
    noisy shares at the level that trip rows give."""
    first = min(test) - HISTORY
    rides, docks = rides_of(trips, first, max(test)), docks_by_area()
    true = trips.counts()[first : max(test) + 1]
    weeks = np.array([week - first for week in test])
    exact = {name: bounded(rides, name, np.inf)[None] for name in BOUNDS}
    cut = {name: bounded(rides, name, bounds[name])[None] for name in BOUNDS}
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
        whole = true[weeks].sum()
        return Read(float(np.mean(off) / whole), float(np.std(off) / whole), float(made.sum() / len(made) / whole))

    found = {
        ALIKE: read(*tables(rides, docks, exact, silent)),
        "bounded, no noise": read(*tables(rides, docks, cut, silent)),
    }
    for epsilon in epsilons:
        noise, chance = noise_of(epsilon, bounds), np.random.default_rng([epsilon, len(rides.rider)])
        drawn = {
            name: counts + chance.normal(0, noise[name], (DRAWS, *counts.shape[1:])) for name, counts in cut.items()
        }
        shares, level = tables(rides, docks, drawn, noise)
        found[f"noise, epsilon = {epsilon}"] = read(shares, level)
        found[f"noise, epsilon = {epsilon}, level of trip rows"] = read(shares, last_two)
    return found


@cache
def docks_by_area() -> Array:
    """Docks of the operator's list of stations by area, numbered as flows.valleybike meets the areas: (areas,)."""
    met: dict[tuple[int, int], int] = {}
    folder = DATA / "bike_valleybike"

    def cell(lat: str, lon: str) -> tuple[int, int]:
        return int((float(lon) + 72.8) * KM_EAST // 4), int((float(lat) - 42.0) * KM_NORTH // 4)

    with gzip.open(folder / "trips_2018_2020.csv.gz", "rt", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            try:
                local = datetime.fromisoformat(row["start_time"] + ":00").astimezone(ZONE)
            except ValueError:
                continue
            lat, lon = float(row["start_latitude"]), float(row["start_longitude"])
            if local.toordinal() >= MONDAY and 41.9 <= lat < 42.6 and -72.9 <= lon < -72.3:
                met.setdefault(cell(row["start_latitude"], row["start_longitude"]), len(met))
    docks = np.zeros(len(met))
    with (folder / "stations.csv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            docks[met[cell(row["latitude"], row["longitude"])]] += float(row["docks"])
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
        raw, found = raw_wape(trips, test), errors(trips, test)
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


def page_lines() -> list[str]:
    """The section of docs/reference/flows.md."""
    found = json.loads(RESULTS.read_text("utf-8"))
    lines = [
        "## Under differential privacy", "",
        f"All that a rider does in these weeks and the four before them is (epsilon, {DELTA:g})-private. Of each week leave rides by area, rides",
        "by hour of weekdays and of weekends, and rides. A rider's counts of all weeks are a vector whose length is at most "
        + ", ".join(f"{bound:g} ({name})" for name, bound in found["bounds"].items())
        + "; a",
        f"k-th active week has the share {SHARE} x {1 - SHARE}^(k - 1) of its square. A buyer follows areas and hours with a Kalman filter from the",
        "operator's list of stations on, and feeds the model with what it knows before each week. Script: `bench/flows_dp.py`.", "",
    ]  # fmt: skip
    for name in ("20 weeks", "September"):
        lines += [
            f"{name}:", "",
            "| Release | WAPE | Cost | 95 % interval | Around the cost | Over trip rows read alike | Forecast over true rides | Over trip rows at that level |",
            "|---|---:|---:|---:|---:|---:|---:|---:|",
        ]  # fmt: skip
        for release, one in found[name]["releases"].items():
            low, high = one["interval"]
            nearer, farther = one["around the cost"]
            alike = (
                ""
                if release == ALIKE
                else f"{one['over alike']:+.1%} ({one['over alike interval'][0]:+.1%} to {one['over alike interval'][1]:+.1%})"
            )
            lines.append(
                f"| {release} | {one['wape']:.3f} | {one['cost']:+.1%} | {low:+.1%} to {high:+.1%} | {nearer:+.1%} to {farther:+.1%} "
                f"| {alike} | {one['level']:.2f} | {one['over the same level']:+.1%} |"
            )
        lines.append("")
    one = found["20 weeks"]["releases"]["noise, epsilon = 1"]
    lines += [
        f"Noisy rows are the mean of {found['draws']} draws; one draw is off by {one['draws']:.1%} (standard deviation, epsilon 1). *Trip rows, read alike*:",
        "exact counts read as the noisy ones are. *Bounded, no noise*: what the bounds alone cost. *Level of trip rows*: the noisy shares at",
        "the level of the last two true weeks; no release, it shows what the level does. Heavy riders count less, so forecasts are low, and WAPE",
        "rewards low forecasts: the last column holds each row against the model on trip rows with every forecast as low.", "",
        "*Around the cost* lays the spread of the resamples around the cost itself. A rider drawn twice rides in step with a twin: that",
        "hurts a mean of four weeks more than what is smoothed over many, so resamples find noise cheaper than it is, and the basic interval",
        "turns that into dearer. The goal is held against the basic one.", "",
        "Bounds, split and drifts are round numbers taken on the season of 2018 at epsilon 2, where noise and rides stand about as in 2019 at 1.",
        "While this was built the 20 weeks were looked at too. Costs with one bound halved or doubled:", "",
        "| Season | Bound | Rides | Cost | At the level of trip rows | Forecast over true rides |", "|---|---|---:|---:|---:|---:|",
    ]  # fmt: skip
    lines += [
        f"| {season} | {row['bound']} | {row['rides'] or '':} | {row['cost']:+.1%} | {row['at the level of trip rows']:+.1%} | {row['level']:.2f} |"
        for season, rows in found["sensitivity"].items()
        for row in rows
    ]
    return [*lines, ""]


def main(arguments: Sequence[str]) -> None:
    resamples = int(arguments[arguments.index("--resamples") + 1]) if "--resamples" in arguments else 200
    RESULTS.write_text(json.dumps(measured(resamples), indent=1) + "\n", "utf-8")
    flows.main(["--page"])


if __name__ == "__main__":
    main(sys.argv[1:])
