"""Counting in SQL against counting in Python: same groups, same figures, nothing lost, every group holds k."""

from __future__ import annotations

import json
import tempfile
from collections import Counter, defaultdict
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from deidentify_world import PASSAGE, TRIP, passages, recipe_value, trips, written
from hypothesis import given, settings
from hypothesis import strategies as st

from datong.deidentify import service as deidentify
from datong.deidentify.model.joint import Part, Recipe
from datong.deidentify.rules.nodes import node_at
from datong.deidentify.rules.recipe import recipe_of
from datong.deidentify.service.partitions import _counted

Event = tuple[str, str, str, list[str]]
"""measure, subject, class, its node at every level."""


def events_of(recipe: Recipe, part: Part, rows: list[dict[str, Any]]) -> tuple[list[Event], Counter[str]]:
    """The events inside, worked out one by one in Python, and how many were placed where."""
    found: list[Event] = []
    places: Counter[str] = Counter()
    south, west, north, east = recipe.area
    for row in rows:
        for m in part.measures:
            subject, at, lat, lon = row[m.subject], row[m.time], row[m.lat], row[m.lon]
            if None in (subject, at, lat, lon):
                places["unplaced"] += 1
                continue
            local: datetime = at.astimezone(ZoneInfo(recipe.zone)).replace(tzinfo=None)
            if not (recipe.since <= local.date() < recipe.until and south <= lat < north and west <= lon < east):
                places["outside"] += 1
                continue
            places["inside"] += 1
            kind = {"K33": "car", "K11": "bus"}.get(row.get("vehicle_type") or "", "other") if part.types else ""
            nodes = [str(node_at(recipe, level, lat, lon, local)) for level in range(len(recipe.levels))]
            found.append((m.name, subject, kind, nodes))
    return found, places


def partition_of(value: dict[str, Any], files: dict[str, Path]) -> list[str]:
    """The released groups of all parts, bottom up, as a coordinator would find them."""
    released: list[str] = []
    for level in range(len(value["levels"])):
        held = [
            set(deidentify.holding(data=path, recipe=value, resource=resource, level=level, released=released))
            for resource, path in files.items()
        ]
        released += sorted(set.intersection(*held))
    return released


@given(seed=st.integers(0, 10_000), size=st.integers(20, 250), people=st.integers(3, 60), k=st.sampled_from([3, 5]))
@settings(max_examples=6, deadline=None)
def test_partition_against_brute_force(seed: int, size: int, people: int, k: int) -> None:
    value = recipe_value(k)
    recipe = recipe_of(value)
    rows = {"R-BIKE": trips(seed, size, people), "R-GATE": passages(seed, size, people)}
    with tempfile.TemporaryDirectory() as folder:
        files = {
            "R-BIKE": written(Path(folder) / "trip.parquet", rows["R-BIKE"], TRIP),
            "R-GATE": written(Path(folder) / "passage.parquet", rows["R-GATE"], PASSAGE),
        }
        groups = partition_of(value, files)
        assert len(set(groups)) == len(groups)
        for resource, path in files.items():
            part = recipe.part_of(resource)
            events, places = events_of(recipe, part, rows[resource])
            people_of: dict[tuple[str, str], set[str]] = defaultdict(set)
            count_of: Counter[tuple[str, str]] = Counter()
            suppressed = 0
            for measure, subject, _, nodes in events:
                mine = [node for node in nodes if node in groups]
                suppressed += not mine
                if mine:  # finest first: the one group that holds the event
                    people_of[mine[0], measure].add(subject)
                    count_of[mine[0], measure] += 1
            table, account = _counted(path, value, resource, groups)
            shown = {row["group_id"]: row for row in table.to_pylist()}
            assert sorted(shown) == sorted(groups)
            for group in groups:
                for m in part.measures:
                    assert shown[group][m.subjects_as] == len(people_of[group, m.name]) >= k
                    if m.events_as:
                        assert shown[group][m.events_as] == count_of[group, m.name]
            assert sum(line["events"] for line in account) == size * len(part.measures)
            lines: Counter[str] = Counter()
            for line in account:
                lines[line["place"]] += line["events"]
            assert {p: n for p, n in lines.items() if n} == {p: n for p, n in places.items() if n}
            assert suppressed == sum(x["events"] for x in account if x["place"] == "inside" and not x["released"])


def test_one_rider_written_in_several_ways_is_one_rider(tmp_path: Path) -> None:
    """Five ways of writing one id, which all readers take for the same, were five riders, and so a group."""
    ways = ["r1", "ｒ１", "r\u200b1", "\ufeffr1", "r１\u3000"]
    rows = [{**row, "rider_id": ways[n % 5]} for n, row in enumerate(trips(3, 400, 60)) if row["rider_id"]]
    path = written(tmp_path / "one.parquet", rows, TRIP)
    value, last = recipe_value(5), len(recipe_value(5)["levels"]) - 1
    assert deidentify.holding(data=path, recipe=value, resource="R-BIKE", level=last, released=[]) == []
    alike = written(tmp_path / "alike.parquet", [{**row, "rider_id": f"r{n % 9}"} for n, row in enumerate(rows)], TRIP)
    assert deidentify.holding(data=alike, recipe=value, resource="R-BIKE", level=last, released=[]) != []


@given(seed=st.integers(0, 10_000))
@settings(max_examples=5, deadline=None)
def test_the_finest_common_coarsening_wins(seed: int) -> None:
    """A node passes exactly when each provider holds k there among what finer groups left over."""
    value = recipe_value(3)
    recipe = recipe_of(value)
    rows = {"R-BIKE": trips(seed, 200, 25), "R-GATE": passages(seed, 200, 25)}
    with tempfile.TemporaryDirectory() as folder:
        files = {
            "R-BIKE": written(Path(folder) / "trip.parquet", rows["R-BIKE"], TRIP),
            "R-GATE": written(Path(folder) / "passage.parquet", rows["R-GATE"], PASSAGE),
        }
        found = partition_of(value, files)
    expected: list[str] = []
    for level in range(len(recipe.levels)):
        holders = []
        for resource, some in rows.items():
            part = recipe.part_of(resource)
            people: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
            for measure, subject, _, nodes in events_of(recipe, part, some)[0]:
                if not set(nodes) & set(expected):
                    people[nodes[level]][measure].add(subject)
            holders.append({n for n, by in people.items() if all(len(by[m.name]) >= recipe.k for m in part.measures)})
        expected += sorted(set.intersection(*holders))
    assert found == expected
    assert found, "the data of this test should release something"


def test_types_are_hidden_marked_and_add_up(tmp_path: Path) -> None:
    value = recipe_value(5)
    data = written(tmp_path / "passage.parquet", passages(3, 400, 80), PASSAGE)
    groups = deidentify.holding(data=data, recipe=value, resource="R-GATE", level=3, released=[])
    assert groups
    marked = 0
    for row in deidentify.counts(data=data, recipe=value, resource="R-GATE", groups=groups).to_pylist():
        names = [name for name in row["suppressed_types"].split(",") if name]
        marked += bool(names)
        assert len(names) != 1
        for name in ("car", "bus", "other"):
            figure = row[f"vehicles_{name}"]
            assert (figure is None) == (f"vehicles_{name}" in names)
            assert figure is None or figure >= 5
        if not names:
            assert row["vehicles"] == row["vehicles_car"] + row["vehicles_bus"] + row["vehicles_other"]


def test_a_vehicle_read_with_two_types_counts_once(tmp_path: Path) -> None:
    rows = passages(3, 60, 6)
    for number, row in enumerate(rows):
        row["vehicle_type"] = ["K33", "K11", "X"][number % 3]
    data = written(tmp_path / "passage.parquet", rows, PASSAGE)
    value = recipe_value(5)
    table = deidentify.counts(data=data, recipe=value, resource="R-GATE", groups=["4:*:*"]).to_pylist()
    assert table[0]["vehicles"] == 6
    assert table[0]["vehicles_bus"] == 6  # the smaller name of those it was read with
    assert table[0]["vehicles_car"] is None


def test_what_travels_is_rounded_and_what_stays_is_exact(tmp_path: Path) -> None:
    data = written(tmp_path / "trip.parquet", trips(5, 300, 30), TRIP)
    table, account = _counted(data, recipe_value(5), "R-BIKE", ["4:*:*"])
    shares = json.loads(table.schema.metadata[deidentify.METADATA])["account"]
    starts = [line for line in account if line["measure"] == "starts"]
    total = sum(line["events"] for line in starts)
    unplaced = sum(line["events"] for line in starts if line["place"] == "unplaced")
    assert total == 300
    assert shares["starts"]["unplaced"] == round(unplaced / total, 3) > 0
    assert shares["starts"]["kept"]["whole area x whole period"] == 1.0


@pytest.mark.parametrize(("riders", "told"), [(2, None), (4, None), (5, 0.4)])
def test_a_share_does_not_tell_what_few_did(tmp_path: Path, riders: int, told: float | None) -> None:
    """Riders far from all others are in no group while they are fewer than k; the share of what is in none is theirs."""
    at = datetime(2019, 9, 1, 16, tzinfo=ZoneInfo("UTC"))
    near = {
        "started_at": at,
        "start_lat": 42.013,
        "start_lon": -72.79,
        "ended_at": at,
        "end_lat": 42.013,
        "end_lon": -72.79,
    }
    far = {**near, "start_lat": 42.155, "start_lon": -72.65}
    rows = [{**near, "trip_id": f"n{n}", "rider_id": f"r{n % 30}"} for n in range(300)]
    rows += [{**far, "trip_id": f"f{n}", "rider_id": f"far{n % riders}"} for n in range(200)]
    data = written(tmp_path / "trip.parquet", rows, TRIP)
    value = {**recipe_value(5), "levels": [{"km": 1, "hours": 24}, {"km": "whole", "hours": "whole"}]}
    group = deidentify.holding(data=data, recipe=value, resource="R-BIKE", level=0, released=[])[:1]
    table, account = _counted(data, value, "R-BIKE", group)
    assert sum(line["events"] for line in account if line["measure"] == "starts") == 500, "the owner's own is whole"
    shares = json.loads(table.schema.metadata[deidentify.METADATA])["account"]["starts"]
    assert table["starts"].to_pylist() == [300]
    assert shares["suppressed"] == told, "300 exactly, and two fifths are in no group: 200 are of few"
    assert shares["kept"]["1 km x 24 h"] == (None if told is None else 0.6)


def test_daylight_saving_in_sql_as_in_python(tmp_path: Path) -> None:
    """Hours of the day on which clocks go back: both one o'clocks are one window."""
    value = recipe_value(3, period={"from": "2019-11-03", "until": "2019-11-04"})
    value["parts"] = [value["parts"][1]]
    utc = ZoneInfo("UTC")
    hours = [datetime(2019, 11, 3, 4 + n // 2, 30 * (n % 2), tzinfo=utc) for n in range(12)]
    rows = [
        {
            "passage_id": str(n),
            "plate": f"v{n}",
            "vehicle_type": "K33",
            "passed_at": at,
            "latitude": 42.01,
            "longitude": -72.79,
        }
        for n, at in enumerate(hours)
    ]
    data = written(tmp_path / "passage.parquet", rows, PASSAGE)
    held = deidentify.holding(data=data, recipe=value, resource="R-GATE", level=0, released=[])
    assert held == ["0:0,1:2019-11-03T01"]  # 05:00-07:00 UTC: four events; every other hour has two


def test_hostile_text_in_a_recipe_stays_text(tmp_path: Path) -> None:
    value = recipe_value(5)
    value["parts"][1]["types"]["classes"]["car"] = ["K33'); DROP TABLE source; --", "K33"]
    data = written(tmp_path / "passage.parquet", passages(3, 60, 40), PASSAGE)
    table = deidentify.counts(data=data, recipe=value, resource="R-GATE", groups=["4:*:*"])
    assert table.num_rows == 1


@pytest.mark.parametrize("column", ["latitude", "longitude"])
def test_a_position_that_is_no_number_is_outside_or_unplaced(tmp_path: Path, column: str) -> None:
    rows = passages(3, 60, 40)
    rows[0][column], rows[1][column], rows[2][column] = float("nan"), float("inf"), -1e300
    data = written(tmp_path / "passage.parquet", rows, PASSAGE)
    account = _counted(data, recipe_value(5), "R-GATE", ["4:*:*"])[1]
    assert sum(line["events"] for line in account) == 60
    assert sum(line["events"] for line in account if line["place"] != "inside") >= 3
