"""The pictures of the story page: positions, classes and lengths, out of values alone."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datong.web import story


def cell(km: float, x: int, y: int, starts: int, ends: int, hour: int | None = 9, vehicles: int = 5) -> dict[str, Any]:
    return {"km": km, "x": x, "y": y, "hour": hour, "starts": starts, "ends": ends, "vehicles": vehicles}


DRAWN = {
    "cells": [
        cell(10, 1, 1, 300, 300, hour=9), cell(10, 1, 2, 40, 60, hour=None),
        cell(2, 6, 6, 200, 200, hour=9, vehicles=7), cell(2, 6, 6, 100, 0, hour=18, vehicles=11),
        cell(1, 12, 13, 25, 25, hour=18),
    ],
    "stations": [[12.5, 13.5, "Mill <b>", "Upton"], [14.5, 12.5, "Quay", "Upton"], [99.0, 99.0, "Far", "Elsewhere"]],
}  # fmt: skip


def square(drawn: story.Map, km: float) -> story.Square:
    return next(s for s in drawn.squares if s.km == km)


def test_the_frame_holds_every_cell_and_north_is_up() -> None:
    drawn = story.flow_map(DRAWN)
    assert (drawn.width, drawn.height) == (10 * story.PIXELS_PER_KM, 20 * story.PIXELS_PER_KM)
    south, north = [s for s in drawn.squares if s.km == 10]
    assert (south.starts, south.y) == (300, 10 * story.PIXELS_PER_KM)
    assert (north.starts, north.y) == (40, 0.0)
    for s in drawn.squares:
        assert 0 <= s.x <= s.x + s.side <= drawn.width + 0.1
        assert 0 <= s.y <= s.y + s.side <= drawn.height + 0.1


def test_trips_add_up_over_windows_and_distinct_vehicles_do_not() -> None:
    two = square(story.flow_map(DRAWN), 2)
    assert (two.starts, two.ends, two.vehicles) == (300, 200, 11)


def test_fine_cells_lie_on_top_of_coarse_ones() -> None:
    sizes = [s.km for s in story.flow_map(DRAWN).squares]
    assert sizes == sorted(sizes, reverse=True)


def test_a_window_shows_its_own_trips_in_the_same_frame() -> None:
    whole, evening = story.flow_map(DRAWN), story.flow_map(DRAWN, 18)
    assert (evening.width, evening.height) == (whole.width, whole.height)
    assert {s.km for s in evening.squares} == {1, 2}
    assert evening.trips == 125
    assert whole.trips == 665


def test_windows_and_whole_days_together_are_the_whole() -> None:
    windows = sum(story.flow_map(DRAWN, hour).trips for hour in story.DAY_WINDOWS)
    whole_days = sum(c["starts"] for c in DRAWN["cells"] if c["hour"] is None)
    assert windows + whole_days == story.flow_map(DRAWN).trips


def test_a_finer_cell_is_never_paler_than_the_larger_one_around_it() -> None:
    drawn = {"cells": [cell(10, 0, 0, 5_000, 5_000), cell(2, 1, 1, 3, 3)], "stations": []}
    coarse, fine = story.flow_map(drawn).squares
    assert (coarse.km, fine.km) == (10, 2)
    assert fine.shade >= coarse.shade
    assert fine.starts == 3  # the figures stay its own


def test_classes_rise_and_the_last_one_is_reached() -> None:
    bounds = story.classes(DRAWN)
    assert list(bounds) == sorted(set(bounds))
    assert bounds[0] == 0
    assert len(bounds) <= story.CLASSES
    assert max(s.shade for s in story.flow_map(DRAWN).squares) == len(bounds) - 1


@given(st.lists(st.tuples(st.sampled_from([1, 2, 10]), st.integers(0, 30), st.integers(0, 30), st.integers(0, 10**6)), max_size=20))  # fmt: skip
def test_every_cell_has_a_class_and_a_place(cells: list[tuple[int, int, int, int]]) -> None:
    drawn = {"cells": [cell(km, x, y, n, n) for km, x, y, n in cells], "stations": []}
    made = story.flow_map(drawn)
    assert len(made.squares) == len({c[:3] for c in cells})
    assert all(0 <= s.shade < len(story.classes(drawn)) for s in made.squares)
    assert made.trips == sum(c[3] for c in cells)


def test_stations_outside_the_frame_are_left_out_and_towns_are_named_once() -> None:
    drawn = story.flow_map(DRAWN)
    assert [name for _, _, name in drawn.stations] == ["Mill <b>", "Quay"]
    ((x, y, town),) = drawn.towns
    assert town == "Upton"
    assert x == pytest.approx((13.5 - 10) * story.PIXELS_PER_KM)
    assert y == min(station[1] for station in drawn.stations)  # its name stands above the northernmost station


def test_no_cells_make_an_empty_map_and_not_an_error() -> None:
    drawn = story.flow_map({"cells": [], "stations": DRAWN["stations"]})
    assert (drawn.squares, drawn.stations, drawn.trips) == ((), (), 0)
    assert story.busiest(drawn) == []


def test_the_busiest_cells_come_first() -> None:
    assert [s.km for s in story.busiest(story.flow_map(DRAWN), 2)] == [10, 2]


def test_a_stacked_bar_is_as_long_as_its_shares() -> None:
    parts = story.stacked([("a", 0.5), ("b", 0.25), ("c", 0.25)], 200)
    assert [(label, x, length) for label, x, length, _ in parts] == [("a", 0, 100), ("b", 100, 50), ("c", 150, 50)]


@pytest.mark.parametrize(("value", "passed"), [(0.039, True), (0.05, False), (0.051, False)])
def test_a_risk_passes_only_below_the_limit(value: float, passed: bool) -> None:
    drawn = story.gauge(value, 0.05, 0.156, 500)
    assert drawn.passed is passed
    assert (drawn.value_x < drawn.limit_x) is passed
    assert 0 <= drawn.value_x <= drawn.other_x <= drawn.width


@pytest.mark.parametrize(
    ("label", "zh", "en"),
    [
        ("2 km x 3 h", "2 公里 × 3 小时", "2 km × 3 h"),
        ("whole area x 24 h", "全域 × 24 小时", "whole area × 24 h"),
        ("whole area x whole period", "全域 × 全周期", "whole area × whole period"),
        ("anything else", "anything else", "anything else"),
    ],
)
def test_a_resolution_is_named_in_both_languages(label: str, zh: str, en: str) -> None:
    assert (story.resolution(label).zh, story.resolution(label).en) == (zh, en)
