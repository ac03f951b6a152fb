"""Recipes: every mistake told at once, with its place; hostile names and values refused."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datong.deidentify.rules.recipe import figure_columns, recipe_digest, recipe_of, recipe_problems

RECIPE: dict[str, Any] = {
    "name": "mobility-flows",
    "zone": "America/New_York",
    "period": {"from": "2019-09-01", "until": "2019-10-01"},
    "origin": {"lat": 42.0, "lon": -72.8},
    "area": {"south": 41.5, "west": -73.5, "north": 43.0, "east": -72.0},
    "levels": [{"km": 1, "hours": 1}, {"km": 2, "hours": 3}, {"km": "whole", "hours": 24}, {"km": "whole", "hours": "whole"}],
    "k": 5,
    "form": "controlled",
    "purposes": ["industry_development"],
    "parts": [
        {
            "part": "bike", "resource": "R-BIKE", "standard": "trip",
            "measures": [
                {"name": "starts", "subject": "rider_id", "time": "started_at", "lat": "start_lat", "lon": "start_lon",
                 "events_as": "starts", "subjects_as": "start_riders"},
                {"name": "ends", "subject": "rider_id", "time": "ended_at", "lat": "end_lat", "lon": "end_lon",
                 "events_as": "ends", "subjects_as": "end_riders"},
            ],
        },
        {
            "part": "traffic", "resource": "R-GATE", "standard": "vehicle_passage",
            "measures": [{"name": "vehicles", "subject": "plate", "time": "passed_at", "lat": "latitude",
                          "lon": "longitude", "subjects_as": "vehicles"}],
            "types": {"column": "vehicle_type", "of": "vehicles", "classes": {"car": ["K33"], "bus": ["K11", "K12"]}},
        },
    ],
}  # fmt: skip


def changed(**items: Any) -> dict[str, Any]:
    return {**copy.deepcopy(RECIPE), **items}


def test_a_right_recipe_is_read() -> None:
    assert recipe_problems(RECIPE) == []
    recipe = recipe_of(RECIPE)
    assert [level.label for level in recipe.levels] == [
        "1 km x 1 h", "2 km x 3 h", "whole area x 24 h", "whole area x whole period"]  # fmt: skip
    assert figure_columns(recipe.parts[0]) == ["starts", "ends", "start_riders", "end_riders"]
    assert figure_columns(recipe.parts[1]) == ["vehicles", "vehicles_bus", "vehicles_car", "vehicles_other"]


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ({"zone": "Mars/Olympus"}, "zone"),
        ({"zone": "../../etc/passwd"}, "zone"),
        ({"period": {"from": "2019-10-01", "until": "2019-09-01"}}, "period"),
        ({"period": "september"}, "period"),
        ({"origin": {"lat": 91, "lon": 0}}, "origin"),
        ({"area": {"south": 43.0, "west": -73.5, "north": 41.5, "east": -72.0}}, "area"),
        ({"k": 4}, "k"),
        ({"k": True}, "k"),
        ({"k": 20, "form": "public"}, "k"),
        ({"form": []}, "form"),
        ({"levels": [{"km": 1, "hours": 1}]}, "levels"),
        ({"levels": [{"km": 2, "hours": 1}, {"km": 3, "hours": 1}, {"km": "whole", "hours": "whole"}]}, "levels[1].km"),
        ({"levels": [{"km": 1, "hours": -1}, {"km": "whole", "hours": "whole"}]}, "levels[0].hours"),
        (
            {"levels": [{"km": 1, "hours": 2}, {"km": 1, "hours": 3}, {"km": "whole", "hours": "whole"}]},
            "levels[1].hours",
        ),
        ({"parts": []}, "parts"),
        ({"purposes": []}, "purposes"),
        ({"extra": 1}, "extra"),
    ],
)
def test_each_mistake_has_its_place(wrong: dict[str, Any], where: str) -> None:
    assert [p.where for p in recipe_problems(changed(**wrong))] == [where]


def test_all_mistakes_are_told_together() -> None:
    wrong = changed(zone="nowhere", k=1, purposes=[], period={})
    assert {p.where for p in recipe_problems(wrong)} == {"zone", "k", "purposes", "period"}


@pytest.mark.parametrize("name", ['rider"; DROP TABLE x; --', "Rider", "", "group id", 7, None])
def test_a_column_name_that_is_none_is_refused(name: Any) -> None:
    wrong = copy.deepcopy(RECIPE)
    wrong["parts"][0]["measures"][0]["subject"] = name
    assert [p.where for p in recipe_problems(wrong)] == ["parts[0].measures[0].subject"]


def test_a_product_column_may_not_be_used_twice_or_be_reserved() -> None:
    wrong = copy.deepcopy(RECIPE)
    wrong["parts"][0]["measures"][1]["subjects_as"] = "start_riders"
    wrong["parts"][1]["measures"][0]["subjects_as"] = "level"
    assert len([p for p in recipe_problems(wrong) if p.where == "parts"]) == 2


def test_the_digest_follows_every_item() -> None:
    assert recipe_digest(RECIPE) != recipe_digest(changed(k=6))
    assert recipe_digest(RECIPE) == recipe_digest(copy.deepcopy(RECIPE))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(key=st.sampled_from(sorted(RECIPE)), value=JSON)
def test_hostile_values_are_problems_and_never_faults(key: str, value: Any) -> None:
    problems = recipe_problems(changed(**{key: value}))
    if not problems:
        recipe_of(changed(**{key: value}))


@given(key=st.sampled_from(["part", "resource", "standard", "measures", "types"]), value=JSON)
def test_hostile_parts_are_problems_and_never_faults(key: str, value: Any) -> None:
    wrong = copy.deepcopy(RECIPE)
    wrong["parts"][1][key] = value
    if not recipe_problems(wrong):
        recipe_of(wrong)
