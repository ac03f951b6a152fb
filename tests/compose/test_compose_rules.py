"""Pure rules of composing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from datong.compose import rules
from datong.deidentify.model.joint import Measure, Part, Types
from datong.deidentify.rules.release import table_problems


@given(st.lists(st.lists(st.sampled_from("abcdef"), unique=True), min_size=1, max_size=4))
def test_only_what_every_provider_holds_passes(held: list[list[str]]) -> None:
    passed = rules.held_by_all(held)
    assert passed == sorted(passed)
    for node in "abcdef":
        assert (node in passed) == all(node in nodes for nodes in held)


def test_rows_are_joined_by_group_and_figures_never_added() -> None:
    places = [{"group_id": "g1", "level": 0}, {"group_id": "g2", "level": 1}]
    bikes = [
        {"group_id": "g2", "starts": 7, "suppressed_types": ""},
        {"group_id": "g1", "starts": 9, "suppressed_types": None},
    ]
    gates = [
        {"group_id": "g1", "vehicles": 5, "suppressed_types": "vehicles_bus,vehicles_car"},
        {"group_id": "g2", "vehicles": 6, "suppressed_types": ""},
    ]
    assert rules.joined(places, [bikes, gates]) == [
        {"group_id": "g1", "level": 0, "starts": 9, "vehicles": 5, "suppressed_types": "vehicles_bus,vehicles_car"},
        {"group_id": "g2", "level": 1, "starts": 7, "vehicles": 6, "suppressed_types": ""},
    ]


def test_shares_kept_add_up_to_what_was_not_suppressed() -> None:
    rows = [{"level": 0, "starts": 10}, {"level": 0, "starts": 20}, {"level": 2, "starts": 70}]
    assert rules.shares_kept(rows, "starts", ["a", "b", "c"], 0.1) == {"a": 0.27, "b": 0.0, "c": 0.63}
    assert rules.shares_kept([], "starts", ["a"], 0.0) == {"a": 0.0}


def test_waiting_on_names_who_has_not_answered() -> None:
    supplies = [{"resource": "a", "node": "n1"}, {"resource": "b", "node": "n2"}]
    assert rules.waiting_on(supplies, ["a"]) == [{"resource": "b", "node": "n2"}]


def test_two_parts_with_a_class_of_the_same_name_keep_their_marks_apart() -> None:
    """Both count cars; one hides them and the other does not."""
    gate, bridge = (
        Part(name, f"R-{name}", "vehicle_passage",
             (Measure("passages", "plate", "at", "lat", "lon", subjects_as=name),),
             Types("kind", "passages", {"bus": ("K11",), "car": ("K33",)}, other=""))
        for name in ("gate", "bridge")
    )  # fmt: skip
    hidden = {"group_id": "g", "gate": 12, "gate_bus": None, "gate_car": None, "suppressed_types": "gate_bus,gate_car"}
    shown = {"group_id": "g", "bridge": 14, "bridge_bus": 5, "bridge_car": 9, "suppressed_types": ""}
    (row,) = rules.joined([{"group_id": "g"}], [[hidden], [shown]])
    assert row["suppressed_types"] == "gate_bus,gate_car"
    assert table_problems([row], [gate, bridge], ["g"], 5) == []
    assert table_problems([{**row, "suppressed_types": "gate_bus,bridge_car"}], [gate, bridge], ["g"], 5)


def test_a_share_that_its_owner_may_not_tell_is_none_and_nothing_else() -> None:
    told = {"outside": 0.0, "unplaced": None, "suppressed": None, "kept": {"1 km": None}}
    assert rules.account_problems({"starts": told}, ["starts"], ["1 km"]) == []
    for wrong in ({"suppressed": "few"}, {"suppressed": -0.1}, {"kept": {"1 km": True}}, {"kept": {}}):
        (problem,) = rules.account_problems({"starts": {**told, **wrong}}, ["starts"], ["1 km"])
        assert problem.where == "account.starts", wrong
