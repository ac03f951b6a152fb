# ruff: noqa: DTZ001  (local wall-clock times are naive here)
"""Nodes: ids read back, nesting, windows across clock changes, rest of a parent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datong.deidentify.model.joint import Recipe
from datong.deidentify.rules.nodes import ancestor, groups_of, node_at, node_of, window_of
from datong.deidentify.rules.recipe import recipe_of

LEVELS = [(1, 1), (2, 1), (2, 3), (10, 3), (10, 24), ("whole", 24), ("whole", "whole")]


def recipe(zone: str = "America/New_York", since: str = "2019-09-01", until: str = "2019-10-01") -> Recipe:
    value: dict[str, Any] = {
        "name": "n", "zone": zone, "period": {"from": since, "until": until}, "origin": {"lat": 42.0, "lon": -72.8},
        "area": {"south": 41.0, "west": -74.0, "north": 43.0, "east": -72.0},
        "levels": [{"km": km, "hours": hours} for km, hours in LEVELS], "k": 5, "form": "controlled",
        "purposes": ["p"], "parts": [],
    }  # fmt: skip
    return recipe_of(value)


PLACES = st.tuples(st.floats(41, 43, exclude_max=True), st.floats(-74, -72, exclude_max=True))
TIMES = st.datetimes(datetime(2019, 9, 1), datetime(2019, 9, 30, 23, 59))


@given(place=PLACES, local=TIMES, level=st.integers(0, 6))
def test_ids_read_back_and_ancestors_agree(place: tuple[float, float], local: datetime, level: int) -> None:
    plan = recipe()
    finest = node_at(plan, 0, *place, local)
    node = node_at(plan, level, *place, local)
    assert node_of(plan, str(node)) == node == ancestor(plan, finest, level)
    for coarser in range(level, 7):
        assert ancestor(plan, node, coarser) == ancestor(plan, finest, coarser)


@pytest.mark.parametrize(
    "text",
    ["", "9:1,1:2019-09-01T04", "0:*:2019-09-01T04", "0:1,1:*", "0:01,1:2019-09-01T04", "0:1,1:2019-10-01T04",
     "2:1,1:2019-09-01T04", "0:1,1:2019-09-01T24", "6:*:* ", "0:1,1:2019-09-31T04", "0:-0,1:2019-09-01T04"],
)  # fmt: skip
def test_what_is_no_node_of_the_recipe_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        node_of(recipe(), text)


ZONES = [
    ("America/New_York", "2019-11-01", "2019-11-06"),  # a day of 25 hours
    ("America/New_York", "2019-03-08", "2019-03-13"),  # a day of 23 hours
    ("America/Sao_Paulo", "2018-11-02", "2018-11-07"),  # midnight does not exist
    ("America/Sao_Paulo", "2018-02-15", "2018-02-20"),  # the hour before midnight occurs twice
    ("Asia/Shanghai", "2019-09-01", "2019-09-05"),
    ("Asia/Kathmandu", "2019-09-01", "2019-09-05"),
]


@pytest.mark.parametrize(("zone", "since", "until"), ZONES)
def test_every_instant_lies_in_the_window_of_its_node(zone: str, since: str, until: str) -> None:
    plan = recipe(zone, since, until)
    at = window_of(plan, node_of(plan, "6:*:*"))[0]
    end = window_of(plan, node_of(plan, "6:*:*"))[1]
    while at < end:
        local = at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        for level in range(7):
            start, stop = window_of(plan, node_at(plan, level, 42.5, -72.5, local))
            assert start <= at < stop, (local, level)
        at += timedelta(minutes=20)


def test_windows_are_local_time() -> None:
    plan = recipe()
    start, end = window_of(plan, node_of(plan, "4:0,0:2019-09-07T00"))
    assert (start, end) == (datetime(2019, 9, 7, 4, tzinfo=UTC), datetime(2019, 9, 8, 4, tzinfo=UTC))


def test_the_rest_of_a_parent_is_marked() -> None:
    plan = recipe()
    child = node_at(plan, 0, 42.05, -72.75, datetime(2019, 9, 7, 8, 30))
    uncle = node_at(plan, 3, 42.55, -72.75, datetime(2019, 9, 7, 8, 30))
    passed = [[str(child)], [], [], [str(ancestor(plan, child, 3)), str(uncle)], [], [], ["6:*:*"]]
    rest = {str(group.node): group.rest for group in groups_of(plan, passed)}
    assert rest == {str(child): False, str(ancestor(plan, child, 3)): True, str(uncle): False, "6:*:*": True}
