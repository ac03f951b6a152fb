"""`datong risk` as a stranger takes it: trips of other cities in files as they come, held against counting sets."""

from __future__ import annotations

import csv
import gzip
import json
import os
from collections import defaultdict
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from datong.cli.commands import datong

DATA = Path(os.environ.get("DATONG_DATA", "/nowhere"))
TAU = {"public": 1 / 20, "controlled": 1 / 5, "enclave": 1 / 3}
Rows = list[dict[str, str]]


def rows_of(path: str) -> Rows:
    """The rows of one of the real files; the test is skipped where they are not."""
    file = DATA / path
    if not file.exists():
        pytest.skip(f"needs {path} in the folder that DATONG_DATA names")
    with (
        gzip.open(file, "rt", encoding="utf-8-sig")
        if file.suffix == ".gz"
        else file.open(encoding="utf-8-sig") as lines
    ):
        return list(csv.DictReader(lines))


def written(path: Path, rows: Rows, encoding: str = "utf-8", delimiter: str = ",") -> Path:
    with path.open("w", encoding=encoding, newline="") as out:
        writer = csv.DictWriter(out, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    return path


def told(table: Path, columns: list[str], person: str = "", form: str = "controlled") -> dict[str, Any]:
    quoted = ",".join(f'"{name}"' for name in columns)
    asked = ["risk", str(table), "--quasi-identifiers", quoted, "--form", form, "--json"]
    done = CliRunner().invoke(datong, [*asked, *(["--person", person] if person else [])], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.output)
    return found


def counted(rows: Rows, columns: list[str], person: str, form: str) -> dict[str, Any]:
    """The figures of policy and textbook, from sets of persons."""
    who: dict[tuple[str, ...], set[Any]] = defaultdict(set)
    lines: dict[tuple[str, ...], int] = defaultdict(int)
    for number, row in enumerate(rows):
        key = tuple(row[name] for name in columns)
        who[key].add(row[person] if person else number)
        lines[key] += 1
    f = {key: len(persons) for key, persons in who.items()}
    theta, floor = [1 / n for n in f.values()], {"public": 21, "controlled": 5, "enclave": 3}[form]
    over, highest, average = sum(t > TAU[form] for t in theta) / len(f), max(theta), sum(theta) / len(f)
    overall = 1.0 if over else highest if form == "public" else average
    return {
        "rows": len(rows), "classes": len(f), "f_min": min(f.values()), "over_threshold": over,
        "max_class_risk": highest, "average_risk": average, "cr": 1.0, "overall_risk": overall,
        "overall_risk_at_cr_1": overall, "level": 3 if overall < 0.05 else 2, "marketer": len(f) / sum(f.values()),
        "persons": len(set().union(*who.values())), "sample_uniques": sum(n == 1 for n in f.values()),
        "rows_below_floor": sum(lines[key] for key, n in f.items() if n < floor),
        "passes": overall < 0.05 and min(f.values()) >= floor,
    }  # fmt: skip


def right(table: Path, rows: Rows, columns: list[str], person: str = "", form: str = "controlled") -> dict[str, Any]:
    found, expected = told(table, columns, person, form), counted(rows, columns, person, form)
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-12)
    attack = found["prosecutor"]
    assert attack["highest"] == pytest.approx(expected["max_class_risk"])
    assert attack["average"] == pytest.approx(expected["marketer"])
    return found


def taxis() -> Rows:
    """10,619 trips of 381 taxis: Chinese names with a space, a comma and a bracket; times as epoch."""
    return [
        {
            "车牌 号": row["VehicleNum"],
            "上车时刻": str(int(datetime.fromisoformat(row["Stime"]).timestamp()) // 3600 * 3600),
            "起点(经,纬)": f"{float(row['Lng']):.1f}, {float(row['Lat']):.1f}",
            "费用￥": row["price"],
        }
        for row in rows_of("vehicle_shenzhen_taxi_bus/taxi-price.csv")
    ]  # fmt: skip


@pytest.mark.parametrize("form", TAU)
def test_shenzhen_in_gb18030(form: str, tmp_path: Path) -> None:
    rows = taxis()
    table = written(tmp_path / "深圳 出租车(1).csv", rows, "gb18030")
    found = right(table, rows, ["上车时刻", "起点(经,纬)"], "车牌 号", form)
    assert found["persons"] == 381
    assert found["not_measured"] == ["费用￥"]
    right(table, rows, ["上车时刻"], "车牌 号", form)


def test_shenzhen_with_nothing_in_some_cells_and_rows_twice(tmp_path: Path) -> None:
    rows = taxis()[:3000]
    for number in range(0, 3000, 17):
        rows[number]["起点(经,纬)"] = ""
    rows += rows[:500]
    table = written(tmp_path / "t.csv", rows, "utf-8-sig", ";")
    right(table, rows, ["起点(经,纬)"], "车牌 号")
    right(table, rows, ["起点(经,纬)", "上车时刻"])  # no column says who: every row is another


def test_shenzhen_by_cell_of_a_grid(tmp_path: Path) -> None:
    """A quarter of 193,455 trips; most cells of a destination with one taxi."""
    rows = rows_of("vehicle_shenzhen_taxi_bus/taxi_od_grid.csv.gz")[::4]
    right(
        written(tmp_path / "od.csv", rows), rows, ["SLONCOL", "SLATCOL", "ELONCOL", "ELATCOL"], "VehicleNum", "enclave"
    )


def test_shanghai_bikes_in_a_packed_file() -> None:
    rows = rows_of("bike_shanghai_mobike/orders_od.csv.gz")
    right(DATA / "bike_shanghai_mobike/orders_od.csv.gz", rows, ["start_loc"], "orderid", "public")


def test_riders_of_the_valley_by_day_and_place(tmp_path: Path) -> None:
    rows = [
        {"user": row["user_id"], "day": row["start_time"][:10], "place": f"{float(row['start_latitude']):.1f}"}
        for row in rows_of("bike_valleybike/trips_2018_2020.csv.gz")
        if row["start_latitude"] and row["user_id"]
    ]
    right(written(tmp_path / "v.csv", rows), rows, ["day", "place"], "user")


@pytest.mark.parametrize(("persons", "rows"), [(1, 50), (2, 50), (60, 60), (3, 3)])
def test_few_persons_with_many_trips(persons: int, rows: int, tmp_path: Path) -> None:
    made = [{"User ID": f"u{n % persons}", "Start Hour": str(n % 3)} for n in range(rows)]
    for form in TAU:
        right(written(tmp_path / "few.csv", made), made, ["Start Hour"], "User ID", form)
    right(written(tmp_path / "few.csv", made), made, ["Start Hour"])
