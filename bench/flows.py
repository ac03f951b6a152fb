"""What privacy costs a forecast: starts per 4 km area and 3 h window, from trip rows and from releases that may leave.

    DATONG_DATA=... python bench/flows.py [--resamples 200]   writes bench/results/flows.json; the page of it: bench/flows_page.py

One model, fed with what each release tells: the mean of four weeks by area and hour of the week, half of it pulled to
area share x hour of the week, at the level of the last two weeks. Rolling origin: 20 weeks of 2019, each forecast from the weeks
before it. Error: WAPE against the true starts of every area and window, zeros included; the cost is the WAPE over that of the same
model on trip rows, its interval from resampling riders. The releases are computed here in arrays, as riders are drawn again
hundreds of times; every run first holds them equal to what a node gives by its recipe. Nothing here is a test.
"""

from __future__ import annotations

import csv
import gzip
import json
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from datong.deidentify import service as deidentify
from datong.deidentify.rules.fitting import Told, fitted
from datong.deidentify.rules.recipe import recipe_of
from datong.deidentify.rules.rests import Tables, forcing, most_told
from datong.deidentify.rules.windows import window_at

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("DATONG_DATA") or ROOT / "../shared/data").resolve()
RESULTS = ROOT / "bench" / "results" / "flows.json"
ZONE = ZoneInfo("America/New_York")
KM_EAST, KM_NORTH = 111.195 * np.cos(np.radians(42.0)), 111.195
WINDOWS = 56
"""Windows of three hours in a week."""
HISTORY = 4
MONDAY = datetime(2018, 6, 25).toordinal()  # noqa: DTZ001 - a local day
TEST = range((datetime(2019, 6, 17).toordinal() - MONDAY) // 7, (datetime(2019, 11, 4).toordinal() - MONDAY) // 7)  # noqa: DTZ001
SEPTEMBER = range((datetime(2019, 9, 2).toordinal() - MONDAY) // 7, (datetime(2019, 9, 30).toordinal() - MONDAY) // 7)  # noqa: DTZ001
Array = np.ndarray[Any, Any]
HOUR = np.arange(WINDOWS) % 8
WEEKEND = np.arange(WINDOWS) // 8 >= 5
DAY = np.arange(WINDOWS) // 8


class Trips:
    """Starts as whole numbers: rider, area, week, window of the week; times = how often a resample drew the rider."""

    def __init__(self, rider: Array, area: Array, week: Array, window: Array, areas: int) -> None:
        self.rider, self.area, self.week, self.window, self.areas = rider, area, week, window, areas
        self.weeks = int(week.max()) + 1 if len(week) else 0
        self.cells: list[tuple[int, int]] = []

    def of(self, chosen: Array) -> Trips:
        return Trips(self.rider[chosen], self.area[chosen], self.week[chosen], self.window[chosen], self.areas)

    def counts(self) -> Array:
        """Starts by (week, area, window)."""
        key = (self.week * self.areas + self.area) * WINDOWS + self.window
        return np.bincount(key, minlength=self.weeks * self.areas * WINDOWS).reshape(self.weeks, self.areas, WINDOWS)

    def resampled(self, chance: np.random.Generator) -> Trips:
        """As many riders, drawn with return; one drawn twice is two riders with the same trips."""
        order = np.argsort(self.rider, kind="stable")
        first = np.searchsorted(self.rider[order], np.arange(self.rider.max() + 2))
        drawn = chance.integers(0, self.rider.max() + 1, self.rider.max() + 1)
        lengths = first[drawn + 1] - first[drawn]
        starts = np.repeat(first[drawn] - np.concatenate(([0], np.cumsum(lengths)[:-1])), lengths)
        rows = order[starts + np.arange(lengths.sum())]
        rider = np.repeat(np.arange(len(drawn)), lengths)
        made = Trips(rider, self.area[rows], self.week[rows], self.window[rows], self.areas)
        made.weeks = self.weeks
        return made


def valleybike(data: Path) -> Trips:
    riders: dict[str, int] = {}
    cells: dict[tuple[int, int], int] = {}
    rows = []
    with gzip.open(data / "bike_valleybike" / "trips_2018_2020.csv.gz", "rt", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            try:
                local = datetime.fromisoformat(row["start_time"] + ":00").astimezone(ZONE)
            except ValueError:
                continue
            lat, lon = float(row["start_latitude"]), float(row["start_longitude"])
            if local.toordinal() < MONDAY or not (41.9 <= lat < 42.6 and -72.9 <= lon < -72.3):
                continue
            cell = int((lon + 72.8) * KM_EAST // 4), int((lat - 42.0) * KM_NORTH // 4)
            since = local.toordinal() - MONDAY
            rows.append((
                riders.setdefault(row["user_id"], len(riders)), cells.setdefault(cell, len(cells)), since // 7,
                since % 7 * 8 + local.hour // 3,
            ))  # fmt: skip
    rider, area, week, window = np.array(rows).T
    trips = Trips(rider, area, week, window, len(cells))
    trips.cells = list(cells)
    return trips


@dataclass(frozen=True)
class Level:
    """Whether a group is of one area or of the region, and in which of its times each window of the week is."""

    by_area: bool
    time: Array

    def keys(self, area: Array, window: Array) -> Array:
        """Number of the group that holds starts of these areas and windows."""
        return area * self.by_area * self.times + self.time[window]

    @property
    def times(self) -> int:
        return int(self.time.max()) + 1


WEEK_LONG = np.zeros(WINDOWS, int)
LIKE = WEEKEND * 8 + HOUR
PATTERN = (
    Level(True, np.arange(WINDOWS)),
    Level(True, LIKE),
    Level(True, WEEKEND * 2 + ((HOUR >= 2) & (HOUR < 7))),
    Level(True, WEEK_LONG),
    Level(False, WEEK_LONG),
)
"""Area x window; x hour of weekdays or weekends; x day or night of them; x week; everything. Space gives way last."""
RESTS = (1, 2, 3)
"""Levels of PATTERN whose groups are told once more, all areas together, by the times of the level before."""

NAIVE = (Level(True, np.arange(WINDOWS)), Level(True, DAY), Level(False, DAY), Level(False, WEEK_LONG))
"""Area x window; x day; the whole region x day; everything: a hierarchy without like days."""

RECIPE: dict[str, Any] = {
    "name": "starts", "zone": "America/New_York", "period": {"from": "2019-05-20", "until": "2019-11-04"},
    "origin": {"lat": 42.0, "lon": -72.8}, "area": {"south": 41.9, "west": -72.9, "north": 42.6, "east": -72.3},
    "levels": [
        {"km": 4, "hours": 3}, {"km": 4, "hours": 3, "over": "week", "days": "alike"},
        {"km": 4, "hours": "day_or_night", "over": "week", "days": "alike"}, {"km": 4, "hours": "whole", "over": "week"},
        {"km": "whole", "hours": "whole", "over": "week"}, {"km": "whole", "hours": "whole"},
    ],
    "marginals": [{"groups_of": n, "km": "whole", "times_of": n - 1} for n in RESTS],
    "k": 5, "form": "controlled", "purposes": ["industry_development"],
    "parts": [{"part": "bikes", "resource": "R-BIKE", "standard": "trip", "measures": [
        {"name": "starts", "subject": "rider_id", "time": "started_at", "lat": "lat", "lon": "lon",
         "events_as": "starts", "subjects_as": "riders"}]}],
}  # fmt: skip
"""PATTERN and RESTS as a product says them."""


def riders_in(key: Array, rider: Array, count: int) -> Array:
    """Distinct riders by key, for the keys 0 to count - 1."""
    many = int(rider.max()) + 1 if len(rider) else 1
    return np.bincount(np.unique(key * many + rider) // many, minlength=count)


@dataclass(frozen=True)
class Release:
    """What one week's release tells, level by level; persons behind each figure as the gate counts them; kept shares."""

    told: tuple[Told, ...]
    riders: list[int]
    shares: list[float]

    def read(self) -> Array:
        """Starts by area and window as a buyer reads them."""
        return fitted(self.told, LIKE)


def released(trips: Trips, k: int, levels: Sequence[Level], marginals: Sequence[int] = ()) -> Release:
    """Groups that each hold k riders of what finer groups left, and of the `marginals` the rests that may be told.

    The twin in arrays of what a node does in SQL, for resampling; `tests/bench/test_flows.py` and every run hold them
    equal. Which rests may be told is the product's own rule.
    """
    left = np.ones(len(trips.rider), bool)
    passed: list[Array] = []
    told, riders, shares = [], [], []
    for number, level in enumerate(levels):
        count = (trips.areas if level.by_area else 1) * level.times
        key = level.keys(trips.area[left], trips.window[left])
        persons = riders_in(key, trips.rider[left], count)
        passes = persons >= k
        starts = np.bincount(key, minlength=count)
        within = np.flatnonzero(left)[passes[key]]
        rest = None
        if number in marginals:
            rest = rests_of(trips.of(within), levels, number, passed, passes, k)
            riders += [k] * int(np.isfinite(rest).sum())
        events = np.where(passes, starts, np.nan).reshape(-1, level.times)
        told.append(Told(np.arange(trips.areas) * level.by_area, level.time, events, rest))
        riders += persons[passes].tolist()
        shares.append(float(len(within) / max(len(trips.rider), 1)))
        left[within] = False
        passed.append(passes)
    return Release(tuple(told), riders, shares)


def rests_of(
    trips: Trips, levels: Sequence[Level], number: int, passed: Sequence[Array], passes: Array, k: int
) -> Array:
    """Starts of the groups of a level by the times of the level before, nan where they would force something."""
    level, before = levels[number], levels[number - 1]
    column, width = np.zeros(before.times, int), np.zeros(level.times, int)
    for time in dict.fromkeys(before.time.tolist()):
        of = level.time[before.time == time][0]
        column[time], width[of] = width[of], width[of] + 1
    groups = np.flatnonzero(passes)
    row_of = np.full(len(passes), -1)
    row_of[groups] = np.arange(len(groups))
    opened = np.zeros(len(groups), np.int64)
    for window in range(WINDOWS):
        area = groups // level.times
        mine = level.time[window] == groups % level.times
        for finer, done in zip(levels[:number], passed, strict=True):
            mine &= ~done[finer.keys(area, np.full(len(area), window))]
        opened[mine] |= 1 << column[before.time[window]]
    many = int(trips.rider.max()) + 1 if len(trips.rider) else 1
    entry = (row_of[level.keys(trips.area, trips.window)] * 8 + column[before.time[trips.window]]) * many + trips.rider
    entry, events = np.unique(entry, return_counts=True)
    tables = Tables(groups % level.times, opened, width, entry // many // 8, entry // many % 8, entry % many, events)
    sets = most_told(forcing(tables, k), tables.column_sums())
    of = np.zeros(before.times, int)
    of[before.time] = level.time
    sums = np.bincount(before.time[trips.window], minlength=before.times)
    return np.where(sets[of] >> column & 1 == 1, sums, np.nan)


# --- the same release by the node's own rounds -----------------------------------------------------------------------


def recipe_for(k: int, first_week: int, weeks: int) -> dict[str, Any]:
    since = datetime.fromordinal(MONDAY + 7 * first_week)
    until = datetime.fromordinal(MONDAY + 7 * (first_week + weeks))
    return {**RECIPE, "k": k, "period": {"from": f"{since:%Y-%m-%d}", "until": f"{until:%Y-%m-%d}"}}


def written(trips: Trips, path: Path) -> Path:
    """The trips as the standard has them: each in the middle of its area and window."""
    x, y = np.array(trips.cells)[trips.area].T
    local = [
        datetime.fromordinal(MONDAY + 7 * int(week) + int(window) // 8).replace(
            hour=int(window) % 8 * 3 + 1, tzinfo=ZONE
        )
        for week, window in zip(trips.week, trips.window, strict=True)
    ]
    table = pa.table({
        "rider_id": pa.array([f"r{rider}" for rider in trips.rider]),
        "started_at": pa.array(local, pa.timestamp("us", "UTC")),
        "lat": 42.0 + (y + 0.5) * 4 / KM_NORTH, "lon": -72.8 + (x + 0.5) * 4 / KM_EAST,
    })  # fmt: skip
    pq.write_table(table, path)
    return path


def by_the_node(data: Path, recipe: Mapping[str, Any]) -> dict[str, int]:
    """{group or rest: starts} as a provider's node finds and counts them, every round passing."""
    groups: list[str] = []
    for number in range(len(recipe["levels"]) + len(recipe["marginals"])):
        groups += deidentify.holding(data=data, recipe=recipe, resource="R-BIKE", level=number, released=groups)
    table = deidentify.counts(data=data, recipe=recipe, resource="R-BIKE", groups=groups)
    return {row["group_id"]: row["starts"] for row in table.to_pylist()}


def by_the_arrays(trips: Trips, k: int, first_week: int, weeks: int) -> dict[str, int]:
    """The same from `released`, week by week, under the names of the recipe."""
    recipe = recipe_of(recipe_for(k, first_week, weeks))
    told = {}
    for week in range(first_week, first_week + weeks):
        days = [date.fromordinal(MONDAY + 7 * week + number) for number in range(7)]
        for number, level in enumerate(released(trips.of(trips.week == week), k, PATTERN, RESTS).told):
            when = [str(window_at(recipe.levels[number], days[w // 8], w % 8 * 3)) for w in range(WINDOWS)]
            names = dict(zip(level.time.tolist(), when, strict=True))
            for place, time in zip(*np.nonzero(np.isfinite(level.events)), strict=True):
                cell = "{},{}".format(*trips.cells[place]) if PATTERN[number].by_area else "*"
                told[f"{number}:{cell}:{names[time]}"] = int(level.events[place, time])
            if level.rest is None:
                continue
            before = [str(window_at(recipe.levels[number - 1], days[w // 8], w % 8 * 3)) for w in range(WINDOWS)]
            names = dict(zip(PATTERN[number - 1].time.tolist(), before, strict=True))
            for time in np.flatnonzero(np.isfinite(level.rest)):
                told[f"{len(recipe.levels) + number - 1}:*:{names[time]}"] = int(level.rest[time])
    return told


def forecast(history: Sequence[Array]) -> Array:
    """Starts of the next week by area and window, from the weeks of `history`, latest last."""
    mean = sum(history) / len(history)
    total = mean.sum()
    product = np.outer(mean.sum(1), mean.sum(0)) / total
    level = sum(week.sum() for week in history[-2:]) / len(history[-2:])
    return (mean + product) / 2 * (level / total)


def wape(weeks: Mapping[int, Array], counts: Array, test: Sequence[int]) -> float:
    """Sum of absolute errors over the starts of the weeks of `test`; weeks: what is known of each week."""
    wrong = true = 0.0
    for week in test:
        made = forecast([weeks[before] for before in range(week - HISTORY, week)])
        wrong += float(np.abs(counts[week] - made).sum())
        true += float(counts[week].sum())
    return wrong / true


def marginals(counts: Array, trips: Trips, k: int) -> dict[int, Array]:
    """Per week the region's starts by window and the area shares of the last four weeks, each where k riders are."""
    told = {}
    for week in range(TEST[0] - HISTORY, TEST[-1] + 1):
        chosen = trips.of(trips.week == week)
        persons = riders_in(chosen.window, chosen.rider, WINDOWS)
        by_window = np.where(persons >= k, counts[week].sum(0), 0)
        month = trips.of((trips.week > week - HISTORY) & (trips.week <= week))
        persons = riders_in(month.area, month.rider, trips.areas)
        by_area = np.where(persons >= k, np.bincount(month.area, minlength=trips.areas), 0)
        told[week] = np.outer(by_area / by_area.sum(), by_window)
    return told


def compared(trips: Trips, test: Sequence[int], ks: Sequence[int]) -> dict[str, float]:
    """WAPE by release; "trip rows" is the yardstick."""
    counts = trips.counts()
    weeks = range(min(test) - HISTORY, max(test) + 1)
    by_week = {week: trips.of(trips.week == week) for week in weeks}
    found = {"trip rows": wape({week: counts[week] for week in weeks}, counts, test)}
    flat = {week: np.broadcast_to(counts[week].mean(), counts[week].shape) for week in weeks}
    found["constant"] = wape(flat, counts, test)
    for k in ks:
        for name, levels, also in (
            ("pattern and rests", PATTERN, RESTS), ("weekday pattern", PATTERN, ()), ("windows only", NAIVE, ()),
        ):  # fmt: skip
            told = {week: released(by_week[week], k, levels, also).read() for week in weeks}
            found[f"{name}, k = {k}"] = wape(told, counts, test)
        found[f"two marginals, k = {k}"] = wape(marginals(counts, trips, k), counts, test)
    return found


def risk_of(trips: Trips, k: int) -> dict[str, float]:
    """DR of GB/T 42460 over the groups of all weeks of the pattern release, R at CR = 1 and at the lowest CR of an assessment."""
    riders: list[int] = []
    shares = []
    for week in range(TEST[0] - HISTORY, TEST[-1] + 1):
        one = released(trips.of(trips.week == week), k, PATTERN, RESTS)
        riders += one.riders
        shares.append(one.shares)
    average = float(np.mean(1 / np.array(riders)))
    return {
        "groups": len(riders), "f_min": min(riders), "dr_c": average, "r_at_cr_1": average,
        "cr_needed": min(1.0, 0.05 / average), "levels": [round(float(s), 4) for s in np.mean(shares, axis=0)],
    }  # fmt: skip


def equal_to_the_node(trips: Trips, ks: Sequence[int]) -> None:
    """Stop when the node's own rounds over the twenty-four weeks do not give what is measured here."""
    first, weeks = TEST[0] - HISTORY, len(TEST) + HISTORY
    with tempfile.TemporaryDirectory() as folder:
        data = written(trips, Path(folder) / "trips.parquet")
        for k in ks:
            if by_the_node(data, recipe_for(k, first, weeks)) != by_the_arrays(trips, k, first, weeks):
                raise SystemExit(f"at k = {k} the node releases other figures than are measured here")


def pivoted(cost: float, drawn: Sequence[float]) -> list[float]:
    """The basic bootstrap interval: a rider drawn twice counts as two in a group, so resamples are biased downwards."""
    low, high = np.quantile(drawn, (0.025, 0.975))
    return [float(2 * cost - high), float(2 * cost - low)]


def measured(resamples: int) -> dict[str, Any]:
    trips, ks = valleybike(DATA), (5, 10, 21)
    equal_to_the_node(trips, ks)
    chance = np.random.default_rng(20_190_901)
    whole = {"20 weeks": (TEST, compared(trips, TEST, ks)), "September": (SEPTEMBER, compared(trips, SEPTEMBER, ks))}
    costs: dict[str, dict[str, list[float]]] = {name: {} for name in whole}
    for _ in range(resamples):
        drawn = trips.resampled(chance)
        for name, (test, _) in whole.items():
            again = compared(drawn, test, ks)
            for release, error in again.items():
                costs[name].setdefault(release, []).append(error / again["trip rows"] - 1)
    told: dict[str, Any] = {
        "measured_on": date.today().isoformat(),  # noqa: DTZ011
        "trips": len(trips.rider), "riders": int(trips.rider.max()) + 1, "areas": trips.areas, "resamples": resamples,
        "risk": {str(k): risk_of(trips, k) for k in ks},
    }  # fmt: skip
    for name, (test, errors) in whole.items():
        told[name] = {
            "weeks": len(test),
            "releases": {
                release: {
                    "wape": error,
                    "cost": error / errors["trip rows"] - 1,
                    "interval": pivoted(error / errors["trip rows"] - 1, costs[name][release]),
                }
                for release, error in errors.items()
            },
        }
    return told


def main(arguments: Sequence[str]) -> None:
    resamples = int(arguments[arguments.index("--resamples") + 1]) if "--resamples" in arguments else 200
    RESULTS.write_text(json.dumps(measured(resamples), indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
