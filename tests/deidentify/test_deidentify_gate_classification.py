"""The release gate and the classification of its sources: what nobody confirmed, what identifies, important and core."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from deidentify_world import PROVIDER, actor
from test_deidentify_gate import Scene, scene_of

from datong.deidentify import service as deidentify
from datong.deidentify.rules.finding.grading import PUBLIC_OBJECTS
from datong.ground.crypto import hashing
from datong.ground.refusal import Refusal
from datong.harmonise import service as harmonise

World = Callable[..., dict[str, Path]]


@pytest.fixture
def bikes(tmp_path: Path, world: World) -> Iterator[Scene]:
    yield from scene_of(tmp_path, world, "R-BIKE")


@pytest.fixture
def gates(tmp_path: Path, world: World) -> Iterator[Scene]:
    yield from scene_of(tmp_path, world, "R-GATE")


def classified(scene: Scene, **items: Any) -> None:
    """The provider's people confirm what its data are; the node's own file is looked at where it lies."""
    harmonise.install(scene.node, scene.folder / "place")
    with scene.node.begin(actor("data_engineer", PROVIDER), "deidentify") as tx:
        deidentify.propose_classification(tx, dataset=scene.resource, file=str(scene.data))
        impacts = dict.fromkeys(PUBLIC_OBJECTS, "none")
        deidentify.confirm_classification(
            tx,
            dataset=scene.resource,
            rest=True,
            impacts={**impacts, **items.get("impacts", {})},
            columns=items.get("columns"),
        )


def test_what_was_proposed_and_not_confirmed_is_not_let_out(bikes: Scene) -> None:
    bikes.assess()
    harmonise.install(bikes.node, bikes.folder / "place")
    with bikes.node.begin(actor("data_engineer", PROVIDER), "deidentify") as tx:
        deidentify.propose_classification(tx, dataset="R-BIKE", file=str(bikes.data))
    told = bikes.refused()
    assert (told.code, "rider_id" in {problem.where for problem in told.problems}) == ("DID-463", True)
    classified(bikes)
    assert bikes.release()["risk"]["level"] == 3


def test_a_build_without_any_classification_is_not_let_out(bikes: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    bikes.assess()
    schema = [{"name": name, "personal": False} for name in pq.read_schema(bikes.data).names]
    with bikes.data.open("rb") as opened:
        of_file = hashing.labelled(hashing.file_hex(opened))
    current = {"build": "build-1", "path": bikes.data, "rows": 1, "digest": of_file, "schema": schema}
    monkeypatch.setattr(harmonise, "is_built", lambda tx, resource: resource == "R-BIKE")
    monkeypatch.setattr(harmonise, "current", lambda tx, resource: current)
    assert bikes.refused().code == "DID-463"
    classified(bikes)
    assert bikes.release()["risk"]["level"] == 3


def test_a_confirmed_direct_identifier_makes_no_classes(gates: Scene) -> None:
    gates.assess()
    classified(gates)
    released = gates.release()["id"]
    gates.still_low(released)
    with gates.node.begin(actor("data_engineer", PROVIDER), "deidentify") as tx:
        deidentify.confirm_classification(tx, dataset="R-GATE", columns={"vehicle_type": {"kind": "direct"}})
    told = gates.refused()
    assert (told.code, "vehicle_type" in str(told)) == ("DID-410", True)
    with pytest.raises(Refusal) as later:
        gates.still_low(released)
    assert later.value.code == "DID-410", "what was said since counts at the next delivery"


def test_important_data_need_an_assessment_and_core_data_never_leave(bikes: Scene) -> None:
    classified(bikes, impacts={"social order": "serious"})
    assert bikes.refused().code == "DID-468"
    bikes.assess()
    released = bikes.release()["id"]
    with bikes.node.begin(actor("data_engineer", PROVIDER), "deidentify") as tx:
        deidentify.confirm_classification(tx, dataset="R-BIKE", impacts={"social order": "especially serious"})
    assert bikes.refused().code == "DID-467"
    with pytest.raises(Refusal) as later:
        bikes.still_low(released)
    assert later.value.code == "DID-467"
