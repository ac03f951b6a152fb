"""What privacy costs a forecast: starts per 4 km area and 3 h window, from trip rows and from releases that may leave.

    DATONG_DATA=... python bench/flows.py [--resamples 200] [--page]   writes bench/results/flows.json, docs/reference/flows.md

One model, fed with what each release tells: the mean of four weeks by area and hour of the week, half of it pulled to
area share x hour of the week, at the level of the last two weeks. Rolling origin: 20 weeks of 2019, each forecast from the weeks
before it. Error: WAPE against the true starts of every area and window, zeros included; the cost is the WAPE over that of the same
model on trip rows, its interval from resampling riders. The releases are computed here, with distinct riders in every
group, because a recipe cannot say "weekday" yet. Nothing here is a test.
"""

from __future__ import annotations

import csv
import gzip
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("DATONG_DATA") or ROOT / "../shared/data").resolve()
RESULTS = ROOT / "bench" / "results" / "flows.json"
PAGE = ROOT / "docs" / "reference" / "flows.md"
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
        self.weeks = int(week.max()) + 1

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
    return Trips(rider, area, week, window, len(cells))


Level = Callable[[Array, Array], Array]
"""(area, window of the week) -> number of the group at this level."""

PATTERN: tuple[Level, ...] = (
    lambda area, window: area * WINDOWS + window,
    lambda area, window: area * 16 + WEEKEND[window] * 8 + HOUR[window],
    lambda area, window: area * 4 + WEEKEND[window] * 2 + ((HOUR[window] >= 2) & (HOUR[window] < 7)),
    lambda area, window: area,
    lambda area, window: area * 0,
)
"""Area x window; x hour of weekdays or weekends; x day or night of them; x week; everything. Space gives way last."""

NAIVE: tuple[Level, ...] = (
    lambda area, window: area * WINDOWS + window,
    lambda area, window: area * 7 + DAY[window],
    lambda area, window: DAY[window] + area * 0,
    lambda area, window: area * 0,
)
"""Area x window; x day; the whole region x day; everything: a hierarchy of windows alone, as a recipe has it today."""


def riders_in(key: Array, rider: Array, count: int) -> Array:
    """Distinct riders by key, for the keys 0 to count - 1."""
    many = int(rider.max()) + 1 if len(rider) else 1
    return np.bincount(np.unique(key * many + rider) // many, minlength=count)


def rests(trips: Trips, left: Array, k: int, levels: Sequence[Level]) -> Array:
    """The second marginal: per window the starts of the region that are in no cell of their own, nan where not told.

    Joint disclosure: told with the groups, a rest is what both have in common. It is told where k riders are behind it
    and where no group, all others of its window full, would have to hold some of its starts in that very window.
    """
    window, rider, area = trips.window[left], trips.rider[left], trips.area[left]
    starts = np.bincount(window, minlength=WINDOWS)
    passes = riders_in(window, rider, WINDOWS) >= k
    group = levels[1](area, window)
    sizes = np.bincount(group, minlength=trips.areas * 16)
    cells = levels[1](np.arange(trips.areas)[:, None], np.arange(WINDOWS)[None, :])
    around = sizes[cells]
    forced = starts[None, :] - (around.sum(0)[None, :] - around) > 0
    return np.where(passes & ~(forced & (around > 0)).any(0), starts, np.nan)


def partition(
    trips: Trips, k: int, levels: Sequence[Level], *, with_rests: bool = False
) -> tuple[Array, list[int], list[float]]:
    """(starts by area and window as a buyer would read them, riders per group, share of the starts per level).

    A group takes what of it finer groups did not; each holds at least k distinct riders, and what reaches none is not
    told. A buyer spreads a group over its cells as the rests lie over the windows, or where they are not told as the
    finer groups do.
    """
    rest = np.full(WINDOWS, np.nan)
    areas, windows = np.meshgrid(np.arange(trips.areas), np.arange(WINDOWS), indexing="ij")
    told = np.zeros((trips.areas, WINDOWS))
    left, done = np.ones(len(trips.rider), bool), np.zeros(told.shape, bool)
    riders: list[int] = []
    shares = []
    for level in levels:
        cells = level(areas, windows)
        count = int(cells.max()) + 1
        key = level(trips.area[left], trips.window[left])
        persons = riders_in(key, trips.rider[left], count)
        starts = np.bincount(key, minlength=count)
        passes = persons >= k
        here = passes[cells] & ~done
        guessed = told.sum(0) + 1e-3 * (1 + told.sum() / WINDOWS)
        if np.isfinite(rest).any():
            known = np.isfinite(rest)
            guessed = np.where(known, rest + 1e-3, guessed * (rest[known].sum() + 1e-3) / guessed[known].sum())
        profile = np.broadcast_to(guessed, told.shape)
        weight = np.where(here, profile, 0)
        whole = np.bincount(cells.ravel(), weights=weight.ravel(), minlength=count)
        each = np.divide(starts, whole, out=np.zeros(count), where=whole > 0)
        told += weight * each[cells]
        done |= here
        riders += persons[passes].tolist()
        shares.append(float(passes[key].sum() / max(len(trips.rider), 1)))
        still = np.flatnonzero(left)
        left[still[passes[key]]] = False
        if with_rests and level is levels[0]:
            rest = rests(trips, left, k, levels)
            riders += riders_in(trips.window[left], trips.rider[left], WINDOWS)[np.isfinite(rest)].tolist()
    return told, riders, shares


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
        for name, levels in (("pattern and rests", PATTERN), ("weekday pattern", PATTERN), ("windows only", NAIVE)):
            rests_too = name == "pattern and rests"
            told = {week: partition(by_week[week], k, levels, with_rests=rests_too)[0] for week in weeks}
            found[f"{name}, k = {k}"] = wape(told, counts, test)
        found[f"two marginals, k = {k}"] = wape(marginals(counts, trips, k), counts, test)
    return found


def risk_of(trips: Trips, k: int) -> dict[str, float]:
    """DR of GB/T 42460 over the groups of all weeks of the pattern release, R at CR = 1 and at the lowest CR of an assessment."""
    riders: list[int] = []
    shares = []
    for week in range(TEST[0] - HISTORY, TEST[-1] + 1):
        _, more, share = partition(trips.of(trips.week == week), k, PATTERN, with_rests=True)
        riders += more
        shares.append(share)
    average = float(np.mean(1 / np.array(riders)))
    return {
        "groups": len(riders), "f_min": min(riders), "dr_c": average, "r_at_cr_1": average,
        "cr_needed": min(1.0, 0.05 / average), "levels": [round(float(s), 4) for s in np.mean(shares, axis=0)],
    }  # fmt: skip


def pivoted(cost: float, drawn: Sequence[float]) -> list[float]:
    """The basic bootstrap interval: a rider drawn twice counts as two in a group, so resamples are biased downwards."""
    low, high = np.quantile(drawn, (0.025, 0.975))
    return [float(2 * cost - high), float(2 * cost - low)]


def measured(resamples: int) -> dict[str, Any]:
    trips, ks = valleybike(DATA), (5, 10, 21)
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


NOISE = [f"noise, epsilon = {epsilon}" for epsilon in (1, 2, 4)]
"""Rows that bench/flows_dp.py computes."""
GOALS = {"noise, epsilon = 1": 0.08, "pattern and rests, k = 5": 0.03, "pattern and rests, k = 10": 0.05}


def page(found: Mapping[str, Any]) -> str:
    import flows_dp

    noise = json.loads(flows_dp.RESULTS.read_text("utf-8"))
    lines = [
        "# What privacy costs a forecast", "",
        f"Written by `bench/flows.py` from `bench/results/flows.json`. {found['trips']:,} trips of {found['riders']:,} riders "
        f"(ValleyBike, found by `DATONG_DATA`), {found['areas']} areas of 4 km, windows of 3 h, zeros included. The same model is fed "
        "with each release; the cost is its WAPE over that on trip rows, with the 95 % interval of "
        f"{found['resamples']} resamples of riders.", "",
    ]  # fmt: skip
    for name in ("20 weeks", "September"):
        of = found[name]
        lines += [
            f"## {name}, forecast week by week",
            "",
            "| Release | WAPE | Cost | 95 % interval | Goal for its upper end |",
            "|---|---:|---:|---:|---|",
        ]
        noisy = {name: one for name, one in noise[name]["releases"].items() if name in NOISE}
        for release, one in (of["releases"] | noisy).items():
            low, high = one["interval"]
            goal = GOALS.get(release) if name == "20 weeks" else None
            said = "" if goal is None else f"+{goal:.0%}: {'reached' if high <= goal else 'missed'}"
            spread = "" if release == "trip rows" else f"{low:+.1%} to {high:+.1%}"
            cost = "" if release == "trip rows" else f"{one['cost']:+.1%}"
            lines.append(f"| {release} | {one['wape']:.3f} | {cost} | {spread} | {said} |")
        lines.append("")
    lines += [
        "*Pattern and rests*: two marginals of each week, gated together: the weekday pattern, and per window how many of the",
        "region's starts are in no cell of their own. A rest is told where k riders are behind it and no group would have to hold a",
        "known part of it. *Weekday pattern*: each week is a partition of its own. A start is told in its area and window where that holds k riders, else",
        "in the same hour of the week's weekdays or weekend, else in their days or nights, else in the week, always of its area;",
        "only then in the region. *Windows only*: area and window, area and day, region and day, week: what a recipe can say today. *Two",
        "marginals*: the region by window and the shares of the areas over four weeks; their joint disclosure is not gated here.",
        "", "The interval is the basic bootstrap's. A rider drawn twice is two riders in a group, so resamples lose less than the data do",
        "and the interval leans to the expensive side; where that is large (the coarser releases) it does not hold the cost itself.", "",
        *flows_dp.page_lines(), "## Risk of the pattern and rests", "", "| k | Groups | Fewest riders | R at CR = 1 | CR that would pass | Starts by level, finest first |", "|---:|---:|---:|---:|---:|---|",
    ]  # fmt: skip
    for k, one in found["risk"].items():
        lines.append(
            f"| {k} | {one['groups']:,} | {one['f_min']} | {one['r_at_cr_1']:.3f} | {one['cr_needed']:.2f} "
            f"| {', '.join(f'{share:.1%}' for share in one['levels'])} |"
        )
    lines += [
        "", "R must be below 0.05: without a signed assessment CR is 1 and only large classes pass. The pattern is no recipe of",
        "`compose` yet; the releases above are computed by the script.", "",
    ]  # fmt: skip
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> None:
    if "--page" not in arguments:
        resamples = int(arguments[arguments.index("--resamples") + 1]) if "--resamples" in arguments else 200
        RESULTS.write_text(json.dumps(measured(resamples), indent=1) + "\n", "utf-8")
    PAGE.write_text(page(json.loads(RESULTS.read_text("utf-8"))), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
