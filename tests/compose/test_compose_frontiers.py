"""A measured frontier on a product: kept as it was told, with its evidence; what is none is refused, all at once."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from compose_world import GROUP, PRODUCT, described
from deidentify_world import actor

from datong.compose import service as compose
from datong.compose.rules import frontier_problems
from datong.ground.db import Store
from datong.ground.refusal import Refusal

FRONTIER: dict[str, Any] = {
    "measured_by": "the data group", "measured_on": "2026-03-01", "data": "trips of 2019", "target": "starts",
    "points": [
        {"release": "trip rows", "cost": 0.0, "attack": 0.88, "attack_is": "four points"},
        {"release": "pattern", "k": 5, "cost": 0.01, "interval": [0.0, 0.02], "attack": 0.14, "attack_is": "one of a group"},
        {"release": "noise", "epsilon": 1, "cost": 0.2},
    ],
}  # fmt: skip


@pytest.fixture
def described_store(store: Store) -> Store:
    described(store)
    return store


def attach(store: Store, value: Any, product: str = PRODUCT, role: str = "product_manager") -> dict[str, Any]:
    with store.begin(actor(role, GROUP), "compose") as tx:
        return compose.attach_frontier(tx, product=product, frontier=value)


def test_the_latest_counts_and_the_same_again_changes_nothing(described_store: Store) -> None:
    first = attach(described_store, FRONTIER)
    assert attach(described_store, FRONTIER) == first
    second = attach(described_store, {**FRONTIER, "measured_on": "2026-03-02"})
    with described_store.read(actor("auditor", GROUP)) as tx:
        kept = compose.frontiers(tx, product=PRODUCT)
        with pytest.raises(Refusal):
            compose.frontiers(tx, product="another")
    assert [row["id"] for row in kept] == [first["id"], second["id"]]
    assert kept[1]["frontier"]["measured_on"] == "2026-03-02" and kept[0]["by"] == "p-1"


def test_a_product_that_is_none_and_a_person_who_may_not(described_store: Store) -> None:
    with pytest.raises(Refusal):
        attach(described_store, FRONTIER, product="P-NONE")
    with pytest.raises(Refusal):
        attach(described_store, FRONTIER, role="finance")


@pytest.mark.parametrize(
    ("where", "change"),
    [
        ("frontier", lambda v: []),
        ("measured_by", lambda v: {**v, "measured_by": " "}),
        ("measured_on", lambda v: {**v, "measured_on": "yesterday"}),
        ("note", lambda v: {**v, "note": "x"}),
        ("points", lambda v: {**v, "points": []}),
        ("points", lambda v: {**v, "points": v["points"] * 20}),
        ("points[1].cost", lambda v: v["points"][1].update(cost=float("nan")) or v),
        ("points[1].interval", lambda v: v["points"][1].update(interval=[0.3, 0.1]) or v),
        ("points[1].k", lambda v: v["points"][1].update(k=True) or v),
        ("points[2].epsilon", lambda v: v["points"][2].update(epsilon=0) or v),
        ("points[0].attack", lambda v: v["points"][0].pop("attack_is") and v),
        ("points[0].attack", lambda v: v["points"][0].update(attack=88) or v),
        ("points[0]", lambda v: v["points"][0].update(colour="red") or v),
    ],
)
def test_what_is_no_frontier_is_refused(where: str, change: Callable[[Any], Any]) -> None:
    assert frontier_problems(FRONTIER) == []
    assert where in [p.where for p in frontier_problems(change(copy.deepcopy(FRONTIER)))]


def test_all_mistakes_at_once(described_store: Store) -> None:
    with pytest.raises(Refusal) as refusal:
        attach(described_store, {**FRONTIER, "data": 3, "measured_on": 1})
    assert refusal.value.code == "CMP-414" and [p.where for p in refusal.value.problems] == ["data", "measured_on"]
