"""What privacy cost: one small forecast, fitted twice, on the raw trips and on the delivered product.

    clients/.venv/bin/python examples/city-mobility/forecast.py --raw TRIPS --product TABLE

TRIPS: the harmonised trips (parquet) or the bike company's file (JSON); only this example may see them.
TABLE: `mobility-flows` as the buyer received it (parquet or CSV). Prints one JSON object:
{unit, raw_mae, product_mae, raw_r2, product_r2, constant_mae} and the number of units.

A unit is an area of 10 km (grid and origin of the product's recipe) x 3 hours local time; every area that ever
has a start stands there with every window of September 2019, zeros included. Both models are fitted on 1-21
September and judged on 22-30 September against the true counts; `constant` foretells the mean of the training.

The product's groups are finer or coarser than a unit. Its `starts` are numbers of trips, so groups inside a unit
add up (distinct riders never would). A coarser group ("the rest of ...") holds the trips of those units in its
area and window that no finer group settles; it is spread over them in proportion to the product's own average
by area, window and kind of day: first evenly, then, ROUNDS times, by the averages found. Nothing raw enters.
Contract: tests/examples/test_forecast.py.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

ZONE = "America/New_York"
ORIGIN_LATITUDE, ORIGIN_LONGITUDE = 42.0, -72.8
KM_PER_DEGREE = 2 * math.pi * 6371.0088 / 360
UNIT_KM, UNIT_HOURS = 10, 3
WINDOWS = 24 // UNIT_HOURS
FIRST, TEST_FROM, LAST = "2019-09-01", "2019-09-22", "2019-09-30"
LABOR_DAY = pd.Timestamp("2019-09-02")
ROUNDS = 4
RIDGE = 3.0

UNIT = ["x", "y", "day", "window"]


# --- units and what is known of them -----------------------------------------------------------------------


def trips_of(path: Path) -> pd.DataFrame:
    """Complete starts as (at: UTC, latitude, longitude), from harmonised parquet or from the company's JSON."""
    if path.suffix == ".json":
        trips = json.loads(path.read_text(encoding="utf-8"))
        rows = [(t["start"]["at"], t["start"]["lat"], t["start"]["lng"]) for t in trips if t["start"]["at"] != "-"]
        starts = pd.DataFrame(rows, columns=["at", "latitude", "longitude"])
        return starts.assign(at=pd.to_datetime(starts["at"].str[:19], utc=True))
    table = pd.read_parquet(path)
    names = {"at": "started_at", "latitude": "start_latitude", "longitude": "start_longitude"}
    starts = pd.DataFrame({to: table[name] for to, name in names.items()}).dropna()
    return starts.assign(at=pd.to_datetime(starts["at"], utc=True))


def placed(starts: pd.DataFrame) -> pd.DataFrame:
    """The unit of each start: x, y (10 km cells), day (local midnight), window (0-7)."""
    local = starts["at"].dt.tz_convert(ZONE).dt.tz_localize(None)
    east = KM_PER_DEGREE * math.cos(math.radians(ORIGIN_LATITUDE))
    return pd.DataFrame(
        {
            "x": np.floor((starts["longitude"] - ORIGIN_LONGITUDE) * east / UNIT_KM).astype(int),
            "y": np.floor((starts["latitude"] - ORIGIN_LATITUDE) * KM_PER_DEGREE / UNIT_KM).astype(int),
            "day": local.dt.normalize(),
            "window": local.dt.hour // UNIT_HOURS,
        }
    )


def true_units(starts: pd.DataFrame) -> pd.DataFrame:
    """All units with their true number of starts, sorted: columns x, y, day, window, starts."""
    here = placed(starts)
    here = here[(here["day"] >= FIRST) & (here["day"] <= LAST)]
    counted = here.groupby(UNIT).size()
    days = pd.date_range(FIRST, LAST)
    areas = here[["x", "y"]].drop_duplicates().sort_values(["x", "y"])
    index = [(x, y, day, w) for x, y in areas.itertuples(index=False) for day in days for w in range(WINDOWS)]
    frame = pd.DataFrame(index, columns=UNIT)
    frame["starts"] = counted.reindex(pd.MultiIndex.from_frame(frame), fill_value=0).to_numpy(dtype=float)
    return frame


def product_units(product: pd.DataFrame, units: pd.DataFrame) -> np.ndarray:
    """Starts of each unit as far as the product tells, aligned with `units` (float)."""
    groups = _groups(product)
    known = np.zeros(len(units))
    settled = np.zeros(len(units), dtype=bool)
    spread: list[tuple[np.ndarray, float]] = []
    at = {key: n for n, key in enumerate(units[UNIT].itertuples(index=False, name=None))}
    whole = groups["area_km"].isna()
    fine = ~whole & (groups["area_km"] <= UNIT_KM) & (groups["hours"] <= UNIT_HOURS)
    for group in groups[fine].itertuples():
        factor = UNIT_KM / group.area_km
        key = (math.floor(group.cell_x / factor), math.floor(group.cell_y / factor), group.day, group.window)
        if key in at:
            known[at[key]] += group.starts
            settled[at[key]] |= group.area_km == UNIT_KM and group.hours == UNIT_HOURS
    first = (units["day"] + pd.to_timedelta(units["window"] * UNIT_HOURS, unit="h")).to_numpy()
    coarse = groups[~fine].assign(area=groups["area_km"].fillna(math.inf)).sort_values(["area", "hours"])
    for (_, _), level in coarse.groupby(["area", "hours"], sort=True):
        reached = np.zeros(len(units), dtype=bool)
        for group in level.itertuples():
            inside = (first >= group.start.to_datetime64()) & (first < group.end.to_datetime64())
            if math.isfinite(group.area):
                per = group.area / UNIT_KM
                inside &= (np.floor(units["x"] / per) == group.cell_x) & (np.floor(units["y"] / per) == group.cell_y)
            members = np.flatnonzero(inside & ~settled)
            reached |= inside
            if len(members) and group.starts:
                spread.append((members, group.starts))
        settled |= reached
    return known + _spread(known, spread, units)


def _groups(product: pd.DataFrame) -> pd.DataFrame:
    start, end = (
        pd.to_datetime(product[name], utc=True).dt.tz_convert(ZONE).dt.tz_localize(None)
        for name in ("window_start", "window_end")
    )
    return pd.DataFrame(
        {
            "area_km": pd.to_numeric(product["area_km"], errors="coerce"),
            "cell_x": pd.to_numeric(product["cell_x"], errors="coerce"),
            "cell_y": pd.to_numeric(product["cell_y"], errors="coerce"),
            "start": start,
            "end": end,
            "hours": (end - start).dt.total_seconds() / 3600,
            "day": start.dt.normalize(),
            "window": start.dt.hour // UNIT_HOURS,
            "starts": pd.to_numeric(product["starts"], errors="coerce").fillna(0.0).astype(float),
        }
    )


def _spread(known: np.ndarray, parts: list[tuple[np.ndarray, float]], units: pd.DataFrame) -> np.ndarray:
    """Coarse groups over their units by the product's own profile (see the module's docstring)."""
    slots = units.assign(free=_free(units["day"])).groupby(["x", "y", "window", "free"]).ngroup().to_numpy()
    sizes = np.bincount(slots)
    weight = np.ones(len(units))
    for _ in range(ROUNDS + 1):
        added = np.zeros(len(units))
        for members, starts in parts:
            share = weight[members]
            added[members] += starts * share / share.sum()
        weight = (np.bincount(slots, known + added) / sizes)[slots] + 1e-6
    return added


def _free(day: pd.Series) -> pd.Series:
    return (day.dt.dayofweek >= 5) | (day == LABOR_DAY)


# --- the model ---------------------------------------------------------------------------------------------


def features(units: pd.DataFrame, starts: np.ndarray) -> np.ndarray:
    """Features of every unit from the training days of `starts` only; a training day never sees itself."""
    frame = units.assign(
        starts=starts, free=_free(units["day"]), weekday=units["day"].dt.dayofweek, train=_training(units)
    )
    area = ["x", "y"]
    columns = [
        _average(frame, [*area, "window", "weekday"]),
        _average(frame, [*area, "window", "free"]),
        _average(frame, [*area, "window"]),
        _average(frame, [*area, "free"]),
        _average(frame, area),
    ]
    of_all = _average(frame, ["window", "free"]) / max(float(frame.loc[frame["train"], "starts"].mean()), 1e-9)
    columns.append(columns[-1] * of_all)
    columns += [np.sqrt(np.maximum(columns[1], 0)), frame["free"].to_numpy(float)]
    return np.column_stack(columns)


def _average(frame: pd.DataFrame, by: list[str]) -> np.ndarray:
    """Mean of the training units alike in `by`, without the unit's own value when it is one of them."""
    train = frame["train"].to_numpy()
    values = np.where(train, frame["starts"], 0.0)
    keys = frame.groupby(by).ngroup().to_numpy()
    total = np.bincount(keys, values)[keys] - values
    number = np.bincount(keys, train)[keys] - train
    return total / np.maximum(number, 1)


def _training(units: pd.DataFrame) -> pd.Series:
    return units["day"] < TEST_FROM


def foretold(units: pd.DataFrame, starts: np.ndarray) -> np.ndarray:
    """Ridge regression on `features`, fitted on the training days of `starts`, for every unit; never below 0."""
    table, train = features(units, starts), _training(units).to_numpy()
    mean, scale = table[train].mean(axis=0), table[train].std(axis=0)
    x = (table - mean) / np.where(scale > 0, scale, 1.0)
    level = starts[train].mean()
    gram = x[train].T @ x[train] + RIDGE * np.eye(x.shape[1])
    weights = np.linalg.solve(gram, x[train].T @ (starts[train] - level))
    return np.maximum(x @ weights + level, 0.0)


def compared(raw: pd.DataFrame, product: pd.DataFrame) -> dict[str, Any]:
    """Both models against the true counts of the test days. raw: starts as `trips_of` gives them."""
    units = true_units(raw)
    truth = units["starts"].to_numpy()
    test = ~_training(units).to_numpy()
    on_raw, on_product = foretold(units, truth), foretold(units, product_units(product, units))
    constant = np.full(len(units), truth[~test].mean())

    def error(guess: np.ndarray) -> float:
        return round(float(np.abs(guess - truth)[test].mean()), 4)

    def r2(guess: np.ndarray) -> float:
        spread = ((truth[test] - truth[test].mean()) ** 2).sum()
        return round(1.0 - float(((guess - truth)[test] ** 2).sum() / spread), 4)

    return {
        "unit": f"{UNIT_KM} km x {UNIT_HOURS} h",
        "raw_mae": error(on_raw),
        "product_mae": error(on_product),
        "raw_r2": r2(on_raw),
        "product_r2": r2(on_product),
        "constant_mae": error(constant),
        "units_train": int((~test).sum()),
        "units_test": int(test.sum()),
    }


def main() -> None:
    reading = argparse.ArgumentParser(description="One forecast, fitted on the raw trips and on the product.")
    reading.add_argument("--raw", type=Path, required=True, help="harmonised trips (.parquet) or the source (.json)")
    reading.add_argument("--product", type=Path, required=True, help="mobility-flows as received (.parquet or .csv)")
    asked = reading.parse_args()
    read = pd.read_csv if asked.product.suffix == ".csv" else pd.read_parquet
    print(json.dumps(compared(trips_of(asked.raw), read(asked.product))))


if __name__ == "__main__":
    main()
