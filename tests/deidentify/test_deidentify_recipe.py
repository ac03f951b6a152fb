"""Recipes: every mistake told at once, with its place; hostile names and values refused."""

from __future__ import annotations

import copy
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datong.deidentify.rules import counting
from datong.deidentify.rules.recipe import (
    CLASSES_MAX,
    VALUES_MAX,
    figure_columns,
    geometry,
    recipe_digest,
    recipe_of,
    recipe_problems,
)
from datong.engine.rules import problems as engine_problems

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
        ({"area": {"south": 41.5, "west": -73.5, "north": 43.0, "east": 1e6}}, "area"),  # incomes for a longitude
        ({"zone": "Asia/Shanghai", "period": {"from": "0001-01-01", "until": "0001-01-05"}}, "period"),
        ({"area": {"south": -90.1, "west": -73.5, "north": 43.0, "east": -72.0}}, "area"),
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


@pytest.mark.parametrize(
    ("classes", "right"),
    [
        ({f"c{n}": [f"K{n}"] for n in range(CLASSES_MAX - 1)}, True),
        ({f"c{n}": [f"K{n}"] for n in range(CLASSES_MAX)}, False),  # and the class of all others
        ({"car": [f"K{n}" for n in range(VALUES_MAX)]}, True),
        ({"car": [f"K{n}" for n in range(VALUES_MAX + 1)]}, False),
        ({"car": ["K" * 201]}, False),
        ({f"c{n}": [f"K{n}"] for n in range(60_000)}, False),
    ],
)
def test_a_recipe_that_keeps_its_owner_busy_is_none(classes: dict[str, list[str]], right: bool) -> None:
    """The check of a plan with 60,000 classes took half a minute at each owner, for one message of 1 MB."""
    value = copy.deepcopy(RECIPE)
    value["parts"][1]["types"]["classes"] = classes
    assert [p.where for p in recipe_problems(value)] == ([] if right else ["parts[1].types.classes"])
    if right:
        recipe = recipe_of(value)
        began = time.process_time()
        assert not engine_problems(counting.counts_plan(recipe, recipe.parts[1]))
        assert time.process_time() - began < 10


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


# --- like days, weeks, marginals -----------------------------------------------------------------------------------

FINE, WEEKLY = {"km": 4, "hours": 3}, {"km": 4, "hours": "whole", "over": "week"}
ALIKE = {"km": 4, "hours": 3, "over": "week", "days": "alike"}
HALVES = {"km": 4, "hours": "day_or_night", "over": "week", "days": "alike"}
WHOLE = {"km": "whole", "hours": "whole"}
REST = {"groups_of": 1, "km": "whole", "times_of": 0}


def flows(levels: list[Any], *marginals: Any, measures: int = 2) -> dict[str, Any]:
    value = changed(levels=levels, parts=[copy.deepcopy(RECIPE["parts"][0])])
    value["parts"][0]["measures"] = value["parts"][0]["measures"][:measures]
    return {**value, "marginals": list(marginals)} if marginals else value


def test_like_days_and_marginals_are_read() -> None:
    value = flows(
        [FINE, ALIKE, HALVES, WEEKLY, {**WEEKLY, "km": "whole"}, WHOLE], REST, {**REST, "groups_of": 2, "times_of": 1}
    )
    assert recipe_problems(value) == []
    recipe = recipe_of(value)
    assert [recipe.label(n) for n in range(len(recipe.rounds))] == [
        "4 km x 3 h", "4 km x 3 h of weekdays or weekend of a week", "4 km x day or night of weekdays or weekend of a week",
        "4 km x a week", "whole area x a week", "whole area x whole period",
        "groups of 4 km x 3 h of weekdays or weekend of a week, all together by 3 h",
        "groups of 4 km x day or night of weekdays or weekend of a week, all together by 3 h of weekdays or weekend of a week",
    ]  # fmt: skip
    assert recipe.patterned and not recipe_of(RECIPE).patterned


def test_a_recipe_of_before_is_what_it_was() -> None:
    """Its digest is what partners agreed on, and its geometry what releases are compared by."""
    assert recipe_digest(RECIPE) == "sha256:6cc30393df67ddd75279bcb8e7f45724110afbcd4b2a3a46ed475e71642cc271"
    assert geometry(RECIPE, ["R-BIKE"]) == "sha256:00683f3cdf49ebb6836ddb3cf22270875391c4ce1511c56893b0a62874eaffbf"
    value = flows([FINE, ALIKE, WHOLE])
    assert geometry(value, ["R-BIKE"]) != geometry({**value, "marginals": [REST]}, ["R-BIKE"])


@pytest.mark.parametrize(
    ("levels", "where", "said"),
    [
        ([FINE, {**ALIKE, "days": "weekday"}, WHOLE], "levels[1].days", "alike"),
        ([FINE, {"km": 4, "hours": 3, "days": "alike"}, WHOLE], "levels[1].days", "needs over"),
        ([FINE, {**ALIKE, "over": "month"}, WHOLE], "levels[1].over", "week or period"),
        ([FINE, {**ALIKE, "over": []}, WHOLE], "levels[1].over", "week or period"),
        ([FINE, {**ALIKE, "hours": 24}, WHOLE], "levels[1].hours", "whole"),
        ([FINE, {"km": 4, "hours": "night", "over": "week"}, WHOLE], "levels[1].hours", "day_or_night"),
        ([FINE, {"km": 4, "hours": "whole", "over": "period"}, WHOLE], "levels[1].over", "alone"),
        ([{"km": 4, "hours": 2}, HALVES, WHOLE], "levels[1].hours", "1 or 3"),
        ([FINE, WEEKLY, ALIKE, WHOLE], "levels[2]", "do not nest"),
        ([FINE, {**ALIKE, "over": "period"}, ALIKE, WHOLE], "levels[2]", "do not nest"),
        ([FINE, {"km": 4, "hours": 3, "over": "week"}, ALIKE, WHOLE], "levels[2]", "do not nest"),
        ([ALIKE, FINE, WHOLE], "levels[1]", "do not nest"),
        ([FINE, {**ALIKE, "hours": 4}, WHOLE], "levels[1]", "do not nest"),
    ],
)
def test_levels_of_like_days_that_are_none(levels: list[Any], where: str, said: str) -> None:
    found = recipe_problems(flows(levels))
    assert [p.where for p in found] == [where] and said in found[0].en


@pytest.mark.parametrize(
    ("value", "where", "said"),
    [
        (flows([FINE, ALIKE, WHOLE], {**REST, "km": 8}), "marginals[0].km", "cannot compute others"),
        (flows([FINE, ALIKE, HALVES, WHOLE], {**REST, "groups_of": 2}), "marginals[0].times_of", "should be 1"),
        (flows([FINE, ALIKE, WHOLE], {**REST, "groups_of": 0}), "marginals[0].groups_of", "from 1 to 2"),
        (flows([FINE, ALIKE, WHOLE], {**REST, "groups_of": True}), "marginals[0].groups_of", "from 1 to 2"),
        (flows([FINE, ALIKE, WHOLE], REST, REST), "marginals[1].groups_of", "three tables"),
        (flows([FINE, ALIKE, WHOLE], {"groups_of": 1}), "marginals[0]", "times_of"),
        (flows([FINE, {**ALIKE, "km": 8}, WHOLE], REST), "marginals[0].groups_of", "same km"),
        (flows([FINE, {**ALIKE, "over": "period"}, WHOLE], REST), "marginals[0].groups_of", "level between"),
        (flows([FINE, WEEKLY, WHOLE], REST), "marginals[0].groups_of", "has 56"),
        ({**flows([FINE, ALIKE, WHOLE]), "marginals": {}}, "marginals", "should list"),
    ],
)  # fmt: skip
def test_marginals_that_the_gate_cannot_compute(value: dict[str, Any], where: str, said: str) -> None:
    found = recipe_problems(value)
    assert [p.where for p in found] == [where] and said in found[0].en


def test_a_marginal_of_distinct_vehicles_is_refused() -> None:
    value = changed(levels=[FINE, ALIKE, WHOLE], marginals=[REST])
    (found,) = recipe_problems(value)
    assert "events_as of measure vehicles" in found.en
    value = flows([FINE, ALIKE, WHOLE])
    value["parts"][0]["measures"][0]["events_as"] = "window_days"
    assert [p.where for p in recipe_problems(value)] == ["parts"], "a column of the table of such a recipe"
