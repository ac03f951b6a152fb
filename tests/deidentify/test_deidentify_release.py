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
        (gates(vehicles_bus=5, vehicles_other=2, suppressed_types=""), False),  # nor by five
        (gates(vehicles_bus=4, suppressed_types="vehicles_other"), False),  # one hidden: it is 8
        (gates(vehicles_car=25), True),  # the hidden sum is 5
        (gates(vehicles_car=26), False),  # the hidden sum is 4
        (gates(vehicles_car=29), False),
        (gates(vehicles_car=30), True),  # the hidden sum is 0
        (gates(vehicles_car=31), False),
        (gates(suppressed_types="vehicles_bus"), False),
        (gates(vehicles=None), False),
    ],
)
def test_suppression_is_checked_on_the_table_itself(row: dict[str, Any], right: bool) -> None:
    assert (rules.table_problems([row], [GATE], ["g"], 5) == []) is right


@pytest.mark.parametrize(
    ("row", "places"),
    [
        (bikes(), []),
        (bikes(starts=7, ends=6), []),  # one event of each
        (bikes(starts=6), ["g.starts"]),  # fewer events than riders
        (bikes(starts=0, start_riders=0), []),
        (bikes(starts=None), ["g.starts", "g.starts"]),
        (bikes(end_riders=None), ["g.end_riders"]),
    ],
)
def test_every_figure_is_there_and_no_rider_has_less_than_one_event(row: dict[str, Any], places: list[str]) -> None:
    assert [problem.where for problem in rules.table_problems([row], [BIKE], ["g"], 5)] == places


REST = {"group_id": "g", "starts": 5, "ends": 60}


@pytest.mark.parametrize(
    ("row", "places"),
    [
        (REST, []),
        ({**REST, "starts": 4}, ["g.starts"]),
        ({**REST, "ends": None}, ["g.ends"]),
        ({**REST, "start_riders": 5}, ["g.start_riders"]),
        ({**REST, "start_riders": None}, []),
        ({"group_id": "g", "end_riders": 0}, ["g.starts", "g.ends", "g.end_riders"]),
    ],
)
def test_a_marginal_tells_numbers_of_events_and_nothing_else(row: dict[str, Any], places: list[str]) -> None:
    assert [problem.where for problem in rules.table_problems([row], [BIKE], ["g"], 5, {"g"})] == places
    assert rules.classes_of([REST], [BIKE], 5)[0].persons == 5, "shows no riders: the k it is known to hold"


def test_a_table_has_the_agreed_groups_each_once() -> None:
    rows = [bikes(group_id=group) for group in "dbb"]
    told = [(problem.where, problem.en) for problem in rules.table_problems(rows, [BIKE], "acb", 5)]
    assert told == [
        ("a", "the group is missing"), ("c", "the group is missing"), ("d", "is no agreed group"),
        ("group_id", "a group occurs twice"),
    ]  # fmt: skip
    many = [str(number) for number in range(100, 120)]
    assert [problem.where for problem in rules.table_problems([], [BIKE], many, 5)] == many[:10]


def test_columns_that_nobody_declared() -> None:
    known = ["group_id", "suppressed_types", "cell", "starts", "ends", "start_riders", "end_riders"]
    assert rules.undeclared_columns(known, [BIKE], ["cell"]) == []
    assert rules.undeclared_columns([*known, "rider_id", "name"], [BIKE], ["cell"]) == ["name", "rider_id"]
    assert rules.undeclared_columns(["cell", "vehicles"], [BIKE], []) == ["cell", "vehicles"]


def test_figures_of_fewer_than_k_are_told_wherever_they_stand() -> None:
    rows = [bikes(start_riders=5, end_riders=4), {**gates(vehicles_car=3), "group_id": "h"}]
    told = [problem.where for problem in rules.small_figures(rows, [BIKE, GATE], 5)]
    assert told == ["g.end_riders", "h.vehicles_car"]


def test_what_is_remembered_of_a_release_gives_its_classes() -> None:
    rows = [bikes(), bikes(group_id="h", end_riders=5)]
    assert rules.remembered_classes(rules.figures_of(rows, [BIKE]), [BIKE]) == rules.classes_of(rows, [BIKE])


def test_a_class_hidden_in_one_release_moved_and_one_hidden_in_both_did_not() -> None:
    shown = gates(vehicles_bus=5, vehicles_other=7, suppressed_types="")
    before, after = (rules.figures_of([row], [GATE]) for row in (gates(), shown))
    for one, other in ((before, after), (after, before)):
        told = [problem.where for problem in rules.changed_figures(one, other, [GATE], 5)]
        assert told == ["g.vehicles_bus", "g.vehicles_other"]
    assert rules.changed_figures(before, before, [GATE], 5) == []
    assert rules.changed_figures(before, rules.figures_of([bikes(group_id="h")], [GATE]), [GATE], 5) == []


@pytest.mark.parametrize(
    ("items", "places"),
    [
        ({}, []),
        ({"starts": 19, "start_riders": 12}, ["g.starts"]),  # by five riders, and who rode how often is not known
        ({"start_riders": 12}, []),  # no event more
        ({"start_riders": 8}, ["g.starts"]),
    ],
)
def test_under_a_dominance_rule_every_changed_number_of_events_is_told(
    items: dict[str, Any], places: list[str]
) -> None:
    before, after = (rules.figures_of([row], [BIKE]) for row in (bikes(), bikes(**items)))
    assert [problem.where for problem in rules.changed_figures(before, after, [BIKE], 5, 15)] == places


def test_a_dominance_rule_says_nothing_of_numbers_of_persons() -> None:
    more = gates(vehicles=40, vehicles_car=28)
    before, after = (rules.figures_of([row], [GATE]) for row in (gates(), more))
    assert rules.changed_figures(before, after, [GATE], 5, 15) == []


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
    sizes = [(0, []), (1, ["a | b"]), (4, ["a | b"]), (5, [])]
    for subjects, places in sizes:
        row = {"g0": "a", "g1": "b", "kind": "starts", "subjects": subjects, "class": "bus"}
        shown: list[dict[str, set[str]]] = [{"a": {"bus"}}, {}]
        assert [p.where for p in rules.small_atoms([row], [], [{}, {}], 5)] == places
        assert [p.where for p in rules.small_atoms([], [row], shown, 5)] == places
    one_has_all = {"g0": "a", "g1": "b", "kind": "starts", "subjects": 50, "dominated": True}
    assert [p.where for p in rules.small_atoms([one_has_all], [], [{}, {}], 5)] == ["a | b"]


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


def test_a_row_of_this_release_counts_as_its_smallest_atom_in_whatever_order_they_come() -> None:
    atoms = [{"g0": "a", "g1": group, "kind": "ends", "subjects": size} for group, size in (("c", 20), ("b", 9))]
    assert [(one.persons, one.rows) for one in rules.union_classes(atoms, [], [{}, {}])] == [(9, 1), (20, 0)]


def test_a_class_that_one_release_shows_makes_its_atom_as_small_as_itself() -> None:
    """Thirty vehicles of which five are buses: whoever is told of the buses is told of five."""
    atoms = [{"g0": "a", "g1": "b", "kind": "v", "subjects": 30}]
    buses = [{"g0": "a", "g1": "b", "kind": "v", "class": "bus", "subjects": 5}]
    for shown, size in (([{"a": {"bus"}}, {}], 5), ([{}, {"b": {"bus"}}], 5), ([{"a": {"car"}}, {}], 30)):
        assert [one.persons for one in rules.union_classes(atoms, buses, shown)] == [size]
