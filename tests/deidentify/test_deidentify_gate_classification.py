"""The release gate and the classification of its sources: what nobody confirmed, what identifies, important and core."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from deidentify_world import PROVIDER, actor
from test_deidentify_gate import Scene, scene_of

from datong.authorise.store import instruments
from datong.deidentify import service as deidentify
from datong.deidentify.rules.finding.grading import PUBLIC_OBJECTS
from datong.ground.crypto import hashing
from datong.ground.refusal import Refusal
from datong.harmonise import service as harmonise
from datong.register.store import ledger

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


def registered(scene: Scene, **facts: Any) -> None:
    """What the owner's registration says of the source."""
    thing = {
        "id": "res-1", "public_data": False, "personal": True, "grade": 3, "level": "general", "name_zh": "行程",
        "licence": {"name": "CC BY", "commercial": True, "derivatives": True}, **facts,
    }  # fmt: skip
    entry = {"code": scene.resource, "registrants": [{"party": PROVIDER, "name": "provider"}], "object": thing}
    with scene.node.begin(actor("node", PROVIDER)) as tx:
        tx.execute(ledger.delete().where(ledger.c.id == scene.resource))
        row = {"id": scene.resource, "version": 1, "kind": "resource", "state": "CODED", "entry": entry, "at": tx.now}
        tx.add(ledger, row)


def test_of_the_registered_and_the_confirmed_level_the_higher_counts(bikes: Scene) -> None:
    classified(bikes)
    registered(bikes, level="important")
    assert bikes.refused().code == "DID-468"
    bikes.assess()
    released = bikes.release()["id"]
    registered(bikes, level="core")
    assert bikes.refused().code == "DID-467"
    with pytest.raises(Refusal) as later:
        bikes.still_low(released)
    assert later.value.code == "DID-467"


def test_persons_found_in_what_was_registered_as_none_need_a_legal_basis(bikes: Scene) -> None:
    """The registration says no personal data, so nobody asked for a legal basis; the confirmed columns say otherwise."""
    classified(bikes)
    bikes.assess()
    registered(bikes, personal=False)
    told = bikes.refused()
    assert (told.code, "rider_id" in str(told)) == ("AUT-520", True)
    basis = {
        "id": "ins-basis", "kind": "legal_basis", "state": "WITHDRAWN", "title": "t", "grantor_party": PROVIDER,
        "grantee_party": "", "grantee_node": "", "resources": ["R-BIKE"], "purposes": ["industry_development"],
        "acts": [], "items": {}, "parents": [], "from_at": "2026-01-01T00:00:00Z", "until_at": "2027-01-01T00:00:00Z",
        "copies_to": [], "value": {}, "digest": "", "serial": 1, "drafted_by": "", "drafter_let_in_by": "",
        "changed_at": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    with bikes.node.begin(actor("node", PROVIDER)) as tx:
        tx.add(instruments, basis)
    assert bikes.refused().code == "AUT-520"
    with bikes.node.begin(actor("node", PROVIDER)) as tx:
        tx.change(instruments, "ins-basis", state="IN_FORCE")
    released = bikes.release()["id"]
    with bikes.node.begin(actor("node", PROVIDER)) as tx:
        tx.change(instruments, "ins-basis", state="WITHDRAWN")
    with pytest.raises(Refusal) as later:
        bikes.still_low(released)
    assert later.value.code == "AUT-520"
