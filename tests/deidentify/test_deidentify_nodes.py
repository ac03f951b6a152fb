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


PATTERNED = [
    {"km": 1, "hours": 3},
    {"km": 1, "hours": "day_or_night"},
    {"km": 2, "hours": "day_or_night", "over": "week", "days": "alike"},
    {"km": 2, "hours": "whole", "over": "week", "days": "alike"},
    {"km": 2, "hours": "whole", "over": "period", "days": "alike"},
    {"km": "whole", "hours": "whole"},
]
WEEKLY = [
    {"km": 1, "hours": 3},
    {"km": 1, "hours": 6, "over": "week", "days": "alike"},
    {"km": 1, "hours": 6, "over": "week"},
    {"km": 1, "hours": "whole", "over": "week"},
    {"km": "whole", "hours": "whole", "over": "week"},
    {"km": "whole", "hours": "whole"},
]


def recipe(zone: str = "America/New_York", since: str = "2019-09-01", until: str = "2019-10-01") -> Recipe:
    return recipe_of(recipe_json(zone, since, until))


def recipe_json(
    zone: str = "America/New_York", since: str = "2019-09-01", until: str = "2019-10-01", **items: Any
) -> dict[str, Any]:
    return {
        "name": "n", "zone": zone, "period": {"from": since, "until": until}, "origin": {"lat": 42.0, "lon": -72.8},
        "area": {"south": 41.0, "west": -74.0, "north": 43.0, "east": -72.0},
        "levels": [{"km": km, "hours": hours} for km, hours in LEVELS], "k": 5, "form": "controlled",
        "purposes": ["p"], "parts": [], **items,
    }  # fmt: skip


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


@given(place=PLACES, local=TIMES, level=st.integers(0, 5), levels=st.sampled_from([PATTERNED, WEEKLY]))
def test_like_days_and_weeks_read_back_and_nest(
    place: tuple[float, float], local: datetime, level: int, levels: list[dict[str, Any]]
) -> None:
    plan = recipe_of(recipe_json(levels=levels))
    finest, node = (node_at(plan, n, *place, local) for n in (0, level))
    assert node_of(plan, str(node)) == node == ancestor(plan, finest, level)
    for coarser in range(level, 6):
        assert ancestor(plan, node, coarser) == ancestor(plan, finest, coarser)
    start, end = window_of(plan, node)
    assert start <= local.replace(tzinfo=ZoneInfo(plan.zone)) < end


def test_ids_a_person_can_read() -> None:
    at = datetime(2019, 9, 7, 22, 30)  # a Saturday
    told = [str(node_at(recipe_of(recipe_json(levels=PATTERNED)), n, 42.05, -72.75, at)) for n in range(6)]
    assert told == [
        "0:4,5:2019-09-07T21", "1:4,5:2019-09-07-night", "2:2,2:week-2019-09-02-weekend-night",
        "3:2,2:week-2019-09-02-weekend", "4:2,2:weekend", "5:*:*",
    ]  # fmt: skip
    weekly = recipe_of(recipe_json(levels=WEEKLY))
    told = [str(node_at(weekly, n, 42.05, -72.75, at)) for n in (1, 2, 3)]
    assert told == ["1:4,5:week-2019-09-02-weekend-T18", "2:4,5:week-2019-09-02-T18", "3:4,5:week-2019-09-02"]
    assert weekly.levels[1].label == "1 km x 6 h of weekdays or weekend of a week"


@pytest.mark.parametrize(
    "text",
    ["2:2,2:week-2019-09-03-weekend-night",  # no Monday
     "2:2,2:week-2019-09-02-weekendnight", "2:2,2:week-2019-09-02-night", "2:2,2:2019-09-02-weekend-night",
     "2:2,2:week-2019-09-02-weekend-T21", "2:2,2:week-2019-08-19-weekend-night", "3:2,2:week-2019-09-30-weekend",
     "3:2,2:week-2019-08-26-weekdays",  # the period begins on the Sunday after
     "4:2,2:*", "4:2,2:", "4:2,2:-weekend", "4:2,2:holidays", "1:4,5:2019-09-07T21", "0:4,5:2019-09-07-T21",
     "5:*:week-2019-09-02"],
)  # fmt: skip
def test_what_is_no_node_of_like_days_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        node_of(recipe_of(recipe_json(levels=PATTERNED)), text)
