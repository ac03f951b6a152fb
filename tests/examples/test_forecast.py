"""forecast.py: what the product tells of each unit on tables with known answers, and the whole on the real trips.

It runs in the locked clients/ environment (pandas, numpy), as a process of its own.
"""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "city-mobility"
PYTHON = ROOT / "clients" / ".venv" / "bin" / "python"

pytestmark = [
    pytest.mark.clients,
    pytest.mark.skipif(not PYTHON.exists(), reason="clients/ is not set up: uv sync --locked --project clients"),
]

TOLD = """
import json, sys
sys.path.insert(0, sys.argv[1])
import pandas as pd, forecast
asked = json.load(sys.stdin)
starts = pd.DataFrame(asked["starts"], columns=["at", "latitude", "longitude"])
units = forecast.true_units(starts.assign(at=pd.to_datetime(starts["at"], utc=True)))
known = forecast.product_units(pd.DataFrame(asked["groups"]), units)
keys = [f"{u.x},{u.y} {u.day:%d} {u.window}" for u in units.itertuples()]
print(json.dumps({"truth": dict(zip(keys, units["starts"])), "known": dict(zip(keys, known))}))
"""

A = (42.05, -72.75)  # 10 km cell 0,0
B = (42.05, -72.60)  # 10 km cell 1,0
STARTS = [("2019-09-02T04:00:00Z", *A), ("2019-09-02T03:59:59Z", *A), ("2019-09-09T13:30:00Z", *B)]


def group(
    km: int | None, cell: tuple[int, int] | None, start: str, end: str, starts: int, **more: Any
) -> dict[str, Any]:
    x, y = cell or (None, None)
    return {"group_id": f"{km}{cell}{start}", "level": 0, "area_km": km, "cell_x": x, "cell_y": y,
            "window_start": start, "window_end": end, "rest": False, "starts": starts, **more}  # fmt: skip


def told(groups: list[dict[str, Any]]) -> tuple[dict[str, float], dict[str, float]]:
    """(true starts, starts known from the product) by "x,y day window", zeros left out."""
    asked = json.dumps({"starts": STARTS, "groups": groups})
    done = subprocess.run([PYTHON, "-c", TOLD, EXAMPLE], input=asked, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    value = json.loads(done.stdout)
    assert len(value["truth"]) == 2 * 30 * 8  # every area that has a start, every window, zeros included
    return tuple({k: round(v, 6) for k, v in value[n].items() if v} for n in ("truth", "known"))  # type: ignore[return-value]


DAY = ("2019-09-10T04:00:00Z", "2019-09-11T04:00:00Z")


def windows(day: int, km: int, cell: tuple[int, int], starts: list[int]) -> list[dict[str, Any]]:
    """The first windows of a day as groups of their own."""
    at = [f"2019-09-{day + (4 + 3 * n) // 24:02d}T{(4 + 3 * n) % 24:02d}:00:00Z" for n in range(9)]
    return [group(km, cell, at[n], at[n + 1], number) for n, number in enumerate(starts)]


def test_units_are_local_windows_of_ten_kilometres() -> None:
    truth, known = told([group(10, (0, 0), "2019-09-02T04:00:00Z", "2019-09-02T07:00:00Z", 9)])
    assert truth == {"0,0 02 0": 1.0, "0,0 01 7": 1.0, "1,0 09 3": 1.0}
    assert known == {"0,0 02 0": 9.0}


def test_finer_groups_add_up_and_the_rest_of_their_parent_comes_on_top() -> None:
    hours = ["2019-09-10T12:00:00Z", "2019-09-10T13:00:00Z", "2019-09-10T14:00:00Z", "2019-09-10T16:00:00Z"]
    groups = [
        group(1, (10, 3), hours[0], hours[1], 5),
        group(1, (19, 9), hours[1], hours[2], 6),
        group(2, (6, 1), hours[1], hours[2], 7),
        group(2, (4, 1), hours[0], hours[1], 100),  # cell 8..9 km east: the other area
        group(10, (1, 0), "2019-09-10T13:00:00Z", hours[3], 3, rest=True),
    ]
    _, known = told(groups)
    assert known == {"1,0 10 2": 5.0, "1,0 10 3": 6.0 + 7.0 + 3.0, "0,0 10 2": 100.0}


def test_a_coarse_group_is_spread_only_over_units_that_no_finer_group_settles() -> None:
    _, known = told([*windows(10, 10, (1, 0), [4, 4, 4, 4, 4, 4]), group(10, (1, 0), *DAY, 10, rest=True)])
    assert known == {f"1,0 10 {w}": 4.0 for w in range(6)} | {"1,0 10 6": 5.0, "1,0 10 7": 5.0}


def test_it_is_spread_in_the_proportions_the_product_itself_shows() -> None:
    shown = [one for day in (11, 12, 13, 16, 17) for one in windows(day, 10, (1, 0), [0, 0, 0, 0, 0, 0, 30, 10])]
    _, known = told([*shown, *windows(10, 10, (1, 0), [0] * 6), group(10, (1, 0), *DAY, 40, rest=True)])
    assert known["1,0 10 6"] + known["1,0 10 7"] == pytest.approx(40)
    assert 2.7 < known["1,0 10 6"] / known["1,0 10 7"] <= 3.01


def test_the_whole_area_holds_only_what_no_area_and_no_window_told() -> None:
    groups = [
        group(10, (1, 0), *DAY, 16),
        group(None, None, *DAY, 8, rest=True),  # so it is all of the other area's
        group(None, None, "2019-09-01T04:00:00Z", "2019-10-01T04:00:00Z", 29 * 16, rest=True),  # and of the other days
    ]
    _, known = told(groups)
    tenth = {key: value for key, value in known.items() if " 10 " in key}
    assert tenth == {f"1,0 10 {w}": 2.0 for w in range(8)} | {f"0,0 10 {w}": 1.0 for w in range(8)}
    assert sum(known.values()) == pytest.approx(24 + 29 * 16, abs=0.01)


HIDES_NOTHING = """
import sys; sys.path.insert(0, sys.argv[1])
from pathlib import Path
import forecast, pandas as pd
u = forecast.true_units(forecast.trips_of(Path(sys.argv[2])))
start = (u.day + pd.to_timedelta(u.window * 3, unit="h")).dt.tz_localize(forecast.ZONE).dt.tz_convert("UTC")
pd.DataFrame({"area_km": 10, "cell_x": u.x, "cell_y": u.y, "window_start": start,
    "window_end": start + pd.Timedelta(hours=3), "starts": u.starts})[u.starts > 0].to_parquet(sys.argv[3])
"""


def run(raw: Path, product: Path) -> dict[str, Any]:
    command = [PYTHON, EXAMPLE / "forecast.py", "--raw", raw, "--product", product]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    value: dict[str, Any] = json.loads(done.stdout)
    return value


def test_a_product_that_hides_nothing_costs_nothing_and_the_model_beats_the_mean(tmp_path: Path) -> None:
    raw, product = EXAMPLE / "data" / "bike-company" / "trips_2019_09.json", tmp_path / "flows.parquet"
    subprocess.run([PYTHON, "-c", HIDES_NOTHING, EXAMPLE, raw, product], check=True)
    model = run(raw, product)
    assert set(model) == {
        "unit",
        "raw_mae",
        "product_mae",
        "raw_r2",
        "product_r2",
        "constant_mae",
        "units_train",
        "units_test",
    }
    assert (model["units_train"], model["units_test"]) == (8 * 21 * 8, 8 * 9 * 8)
    assert model["product_mae"] == model["raw_mae"] < model["constant_mae"] / 2
    assert model["product_r2"] == model["raw_r2"] > 0.7
    assert run(harmonised(raw, tmp_path / "trips.parquet"), product) == model


def harmonised(trips: Path, path: Path) -> Path:
    """The starts of the trips as the standard `trip` has them."""
    starts = [trip["start"] for trip in json.loads(trips.read_text(encoding="utf-8"))]
    times = [None if s["at"] == "-" else datetime.fromisoformat(s["at"]).astimezone(UTC) for s in starts]
    columns = {
        "started_at": pa.array(times, pa.timestamp("us", "UTC")),
        "start_latitude": [s["lat"] for s in starts],
        "start_longitude": [s["lng"] for s in starts],
    }
    pq.write_table(pa.table(columns), path)
    return path
