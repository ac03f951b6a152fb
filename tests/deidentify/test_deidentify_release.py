"""Pure rules of releases: tables, changed figures, atoms of a common refinement."""

from __future__ import annotations

from typing import Any

import pytest
from deidentify_world import recipe_value

from datong.deidentify.model.risk_report import Class
from datong.deidentify.rules import release as rules
from datong.deidentify.rules.recipe import recipe_of

BIKE, GATE = recipe_of(recipe_value()).parts


def bikes(**items: Any) -> dict[str, Any]:
    figures = {"starts": 9, "ends": 8, "start_riders": 7, "end_riders": 6, "suppressed_types": ""}
    return {"group_id": "g", **figures, **items}


def gates(**items: Any) -> dict[str, Any]:
    figures = {"vehicles": 30, "vehicles_car": 18, "vehicles_bus": None, "vehicles_other": None}
    return {"group_id": "g", **figures, "suppressed_types": "vehicles_bus,vehicles_other", **items}


def test_the_smallest_figure_of_all_providers_is_the_size_of_the_class() -> None:
    assert rules.classes_of([{**gates(), **bikes()}], [BIKE, GATE]) == [Class(("g",), (), 6, 1)]
    assert rules.classes_of([gates(vehicles_car=5)], [GATE]) == [Class(("g",), (), 5, 1)]


@pytest.mark.parametrize(
    ("row", "right"),
    [
        (gates(), True),
        (gates(vehicles_bus=5, vehicles_other=7, suppressed_types=""), True),
        (gates(vehicles_bus=5, vehicles_other=6, suppressed_types=""), False),  # does not add up
        (gates(vehicles_bus=9, suppressed_types="vehicles_other"), False),  # one hidden: it is 3
        (gates(vehicles_car=26), False),  # the hidden sum is 4
        (gates(vehicles_car=30), True),  # the hidden sum is 0
        (gates(vehicles_car=31), False),
        (gates(suppressed_types="vehicles_bus"), False),
        (gates(vehicles=None), False),
    ],
)
def test_suppression_is_checked_on_the_table_itself(row: dict[str, Any], right: bool) -> None:
    assert (rules.table_problems([row], [GATE], ["g"], 5) == []) is right


@pytest.mark.parametrize(
    ("items", "right"),
    [
        ({}, True),
        ({"starts": 10}, False),  # one trip more by no new rider: somebody's trip
        ({"starts": 19, "start_riders": 11}, False),  # four riders
        ({"starts": 19, "start_riders": 12}, True),  # five riders
        ({"end_riders": 7}, False),
    ],
)
def test_figures_that_moved(items: dict[str, Any], right: bool) -> None:
    before, after = (rules.figures_of([row], [BIKE]) for row in (bikes(), bikes(**items)))
    assert (rules.changed_figures(before, after, [BIKE], 5) == []) is right


def test_small_atoms_are_told_by_place_and_not_by_number() -> None:
    atoms = [
        {"g0": "a", "g1": "b", "kind": "starts", "subjects": 12},
        {"g0": "a", "g1": None, "kind": "starts", "subjects": 3},
    ]
    problems = rules.small_atoms(atoms, [], [{}, {}], 5)
    assert [p.where for p in problems] == ["a | -"]
    assert "3" not in problems[0].en


def test_a_class_matters_where_one_of_the_releases_shows_it() -> None:
    by_class = [{"g0": "a", "g1": "b", "kind": "v", "class": "bus", "subjects": 2}]
    assert rules.small_atoms([], by_class, [{"a": {"car"}}, {"b": {"car"}}], 5) == []
    assert len(rules.small_atoms([], by_class, [{"a": {"car"}}, {"b": {"car", "bus"}}], 5)) == 1


def test_classes_of_a_union_are_its_atoms() -> None:
    atoms = [
        {"g0": "a", "g1": "b", "kind": "starts", "subjects": 12},
        {"g0": "a", "g1": "b", "kind": "ends", "subjects": 9},
        {"g0": "a", "g1": "c", "kind": "ends", "subjects": 20},
        {"g0": None, "g1": "c", "kind": "ends", "subjects": 30},
    ]
    assert rules.union_classes(atoms, [], [{}, {}]) == [
        Class(("a",), ("b",), 9, 1), Class(("a",), ("c",), 20, 0), Class(None, ("c",), 30, 0),
    ]  # fmt: skip


def test_a_class_that_one_release_shows_makes_its_atom_as_small_as_itself() -> None:
    """Thirty vehicles of which five are buses: whoever is told of the buses is told of five."""
    atoms = [{"g0": "a", "g1": "b", "kind": "v", "subjects": 30}]
    buses = [{"g0": "a", "g1": "b", "kind": "v", "class": "bus", "subjects": 5}]
    for shown, size in (([{"a": {"bus"}}, {}], 5), ([{}, {"b": {"bus"}}], 5), ([{"a": {"car"}}, {}], 30)):
        assert [one.persons for one in rules.union_classes(atoms, buses, shown)] == [size]
