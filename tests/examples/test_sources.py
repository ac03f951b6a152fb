"""Every count and digest that data/bike-company/SOURCE.md tells is true of the files beside it."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

FOLDER = Path(__file__).parents[2] / "examples" / "city-mobility" / "data" / "bike-company"
SOURCE = (FOLDER / "SOURCE.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def trips() -> list[dict[str, Any]]:
    loaded: list[dict[str, Any]] = json.loads((FOLDER / "trips_2019_09.json").read_text(encoding="utf-8"))
    return loaded


def told(what: str) -> int:
    """The count that SOURCE.md gives in the row beginning with `what`."""
    match = re.search(rf"^\| {re.escape(what)}[^|]*\| ([\d,]+) \|$", SOURCE, re.MULTILINE)
    assert match, what
    return int(match[1].replace(",", ""))


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(ZoneInfo("America/New_York"))


def test_every_carried_file_has_the_digest_told() -> None:
    listed = dict(re.findall(r"^\| `([^`]+)` \|.*\| `([0-9a-f]{64})` \|$", SOURCE, re.MULTILINE))
    carried = {str(p.relative_to(FOLDER)) for p in FOLDER.rglob("*") if p.is_file()} - {"SOURCE.md"}
    assert set(listed) == carried
    assert {name: hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() for name in listed} == listed


def test_the_licence_lets_us_carry_it() -> None:
    assert "Permission is hereby granted, free of charge" in (FOLDER / "LICENSE").read_text(encoding="utf-8")


def test_counts_of_the_trips(trips: list[dict[str, Any]]) -> None:
    ends = [trip["end"] for trip in trips]
    found = {
        "trips, all with different ids": len({trip["tripId"] for trip in trips}),
        "users (pseudonymous ids)": len({trip["userId"] for trip in trips}),
        "bikes": len({trip["bike"] for trip in trips}),
        "start time missing": sum(trip["start"]["at"] == "-" for trip in trips),
        "end time missing": sum(end["at"] == "-" for end in ends),
        "trips that end outside the area": sum(end["lng"] > -72.0 for end in ends),
        "trips that start and end at one point and time": sum(trip["start"] == trip["end"] for trip in trips),
        "end times with microseconds": sum("." in end["at"] for end in ends),
        "starts on 1 October local time": sum(
            local(trip["start"]["at"]).month == 10 for trip in trips if trip["start"]["at"] != "-"
        ),
    }
    assert found == {what: told(what) for what in found}
    assert len(trips) == told("trips, all with different ids") == 13_652
    assert [found[what] for what in list(found)[1:7]] == [1_610, 378, 40, 4, 1, 242]
    assert all(trip["start"]["at"] == "-" for trip in trips if trip["end"]["at"] == "-")


def test_times_are_utc_because_the_quiet_hours_are_the_small_ones_of_massachusetts(trips: list[dict[str, Any]]) -> None:
    hours = [local(trip["start"]["at"]).hour for trip in trips if trip["start"]["at"] != "-"]
    by_hour = [hours.count(hour) for hour in range(24)]
    assert by_hour.index(min(by_hour)) == 4
    assert 14 <= by_hour.index(max(by_hour)) <= 18


def test_the_raw_day_has_junk_lines_and_thousands_separators() -> None:
    lines = (
        gzip.decompress((FOLDER / "raw_days" / "VB_Routes_Data_2018_06_28.csv.gz").read_bytes()).decode().splitlines()
    )
    rows = list(csv.reader(lines))
    assert len(lines) == 3_614
    assert not any(rows[1]) and rows[0][0] == "Routes & locations"
    assert rows[2] == ["Route ID", "Bike", "Date", "Latitude", "Longitude", "User ID"]
    points = rows[3:]
    assert (len(points), sum("," in point[1] for point in points)) == (3_611, 1_320)
    assert (len({point[0] for point in points}), len({point[5] for point in points})) == (31, 11)


def test_stations_are_places_and_nothing_about_persons() -> None:
    with (FOLDER / "stations.csv").open(encoding="utf-8") as file:
        stations = list(csv.DictReader(file))
    assert len(stations) == 54
    assert list(stations[0]) == ["serial_num", "name", "address", "city", "latitude", "longitude", "docks", "display"]
    assert all(42.0 < float(s["latitude"]) < 42.5 and -72.8 < float(s["longitude"]) < -72.4 for s in stations)
