"""Two recipients who put two partitions of the same people together: known to the owner before the second one leaves."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from deidentify_world import PROVIDER, actor, recipe_value
from sqlalchemy import select
from test_deidentify_gate import Scene, scene_of

from datong.deidentify import service as deidentify
from datong.deidentify.rules import counting
from datong.deidentify.rules.recipe import recipe_of
from datong.deidentify.service.partitions import node_table
from datong.engine.service import DUCKDB
from datong.ground import evidence

World = Callable[..., dict[str, Path]]
FRIEND = "91520100FRIEND0001"
SHIFTED = {"lat": 42.005, "lon": -72.805}


@pytest.fixture
def bikes(tmp_path: Path, world: World) -> Iterator[Scene]:
    yield from scene_of(tmp_path, world, "R-BIKE")


def second(scene: Scene, value: dict[str, Any], group: str = FRIEND) -> Path:
    """Another recipient's agreed partition of the same data, counted; the scene goes on with it."""
    scene.assess(group=group)
    scene.part = scene.agree(value, "partition-2", group)
    with scene.node.begin(actor("data_engineer", PROVIDER), "deliver") as tx:
        return scene.write(deidentify.supply(tx, part=scene.part, data=scene.data), "second.parquet")


def singled_out(scene: Scene, first: dict[str, Any], other: dict[str, Any]) -> int:
    """What the two who meet can do: riders of a group of one that are in no group of the other, where fewer than five."""
    both = [(recipe_of(value), recipe_of(value).part_of("R-BIKE")) for value in (first, other)]
    tables = [
        node_table(pq.read_table(path)["group_id"].to_pylist())
        for path in (scene.file, scene.folder / "second.parquet")
    ]
    inputs = {"harmonised": scene.data, **{f"released_{n}": table for n, table in enumerate(tables)}}
    atoms = DUCKDB.run(counting.atoms_plan(both), inputs, want=["atoms"])["atoms"].to_pylist()
    return sum(0 < row["subjects"] < 5 for row in atoms)


def test_a_second_partition_for_another_recipient_is_told_before_it_leaves(bikes: Scene) -> None:
    bikes.assess()
    first = bikes.release()
    path = second(bikes, recipe_value(origin=SHIFTED))
    assert singled_out(bikes, recipe_value(), recipe_value(origin=SHIFTED)) > 0, "together they do single riders out"
    refusal = bikes.refused(path, recipient_group=FRIEND)
    assert refusal.code == "DID-458" and first["id"] in str(refusal) and refusal.problems
    assert not any("r1" in problem.en.split() for problem in refusal.problems)
    assert bikes.remembered() == 1, "nothing left"
    released = bikes.release(path, recipient_group=FRIEND, reason="both contracts forbid passing it on")
    with bikes.node.read() as tx:
        report = deidentify.release_report(tx, release=released["id"])
        bodies = [row.body for row in tx.all(select(evidence.leaves).order_by(evidence.leaves.c.id))]
    assert report["beside"] == [first["id"]] and report["beside_reason"] == "both contracts forbid passing it on"
    (leaf,) = [json.loads(body) for body in bodies if released["id"].encode() in body and b"beside" in body]
    assert leaf["facts"]["beside"] == [first["id"]] and leaf["facts"]["reason"].startswith("both contracts")
    assert bikes.release(path, recipient_group=FRIEND)["id"] == released["id"], "what left is not asked again"


def test_the_same_groups_for_another_recipient_tell_nothing_more(bikes: Scene) -> None:
    bikes.assess()
    bikes.release()
    released = bikes.release(second(bikes, recipe_value()), recipient_group=FRIEND)
    with bikes.node.read() as tx:
        assert deidentify.release_report(tx, release=released["id"])["beside"] == []


def test_another_period_for_another_recipient_is_no_matter(bikes: Scene) -> None:
    bikes.assess()
    bikes.release()
    value = recipe_value(
        period={"from": "2019-09-04", "until": "2019-09-05"}, levels=[{"km": "whole", "hours": "whole"}]
    )
    released = bikes.release(second(bikes, value), recipient_group=FRIEND)
    with bikes.node.read() as tx:
        assert deidentify.release_report(tx, release=released["id"])["beside"] == []
