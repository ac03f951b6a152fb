"""Noise and the classification: what nobody confirmed, what identifies, important and core data are not answered of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from budget_world import (
    COUNT,
    ENGINEER,
    LEGAL,
    PARTY,
    asked,
    built,
    cap,
    confirmed,
    opened,
    paid,
    stands,
    workspace,
)
from datong.deidentify import service as deidentify
from datong.deidentify import store as rows
from datong.deidentify.store import budget as kept
from datong.ground.db import NODE, Store, sqlite_url
from datong.ground.refusal import Refusal
from datong.harmonise import service as harmonise
from stores import with_tables

pytest.importorskip("opendp")
OF_RIDERS = {**COUNT, "by": [{"classes": {"column": "rider_id", "values": ["r1", "r2"]}}]}
OF_VALUES = {"kind": "quantile", "rows_per_unit": 1, "levels": [0.5], "spend": {"rho": "0.01"},
             "value": {"column": "payer_id", "lower": 0, "upper": 100}}  # fmt: skip


@pytest.fixture
def fresh(node_folder: Path) -> Iterator[Store]:
    """Rides that are built and capped; nobody has looked at their columns."""
    made = built(sqlite_url(node_folder / "datong.db"), node_folder, classified=False)
    cap(made, "1")
    yield made
    made.dispose()


@pytest.fixture
def rides(fresh: Store) -> Store:
    confirmed(fresh)
    return fresh


def refused(store: Store, query: dict[str, Any] = COUNT, consumer: str = "lab-1") -> Refusal:
    with pytest.raises(Refusal) as told:
        paid(store, query, consumer)
    assert stands(store)["spent_rho"] == "0", "before the debit"
    return told.value


def say(store: Store, **said: Any) -> None:
    with store.begin(ENGINEER, "deidentify") as tx:
        deidentify.confirm_classification(tx, dataset="rides", **said)


def record(store: Store, group: str) -> None:
    """A record that this node keeps; how one is signed and received: test_deidentify_assessment.py."""
    value = {"provider_parties": [PARTY], "cr": 0.3, "serial": 1, "assessed_at": "2026-01-01T00:00:00Z",
             "expires": "2099-01-01"}  # fmt: skip
    dated = {name: value[name] for name in ("cr", "serial", "assessed_at", "expires")}
    with store.begin(NODE) as tx:
        tx.add(rows.assessments, {"id": f"a-{group}", "subject": "rides", "recipient_group": group, **dated,
                                  "record": {"id": f"a-{group}", **value}, "sent_to": [], "withdrawal": None})  # fmt: skip


def test_what_nobody_confirmed_is_not_answered_of(fresh: Store) -> None:
    assert refused(fresh).code == "DID-463"
    with fresh.begin(ENGINEER, "deidentify") as tx:
        deidentify.propose_classification(tx, dataset="rides")
    told = refused(fresh)
    assert (told.code, {problem.where for problem in told.problems}) == (
        "DID-463", {"ride_id", "rider_id", "payer_id", "fare", "kind"},
    )  # fmt: skip
    say(fresh, rest=True)
    assert asked(fresh, COUNT)["state"] == "answered"


def test_noise_for_what_names_nobody_is_not_answered_with(rides: Store) -> None:
    """A standard may call a fare personal, too: a rider has as many as rides."""
    say(rides, columns={"rider_id": {"kind": "quasi", "reason": "number of a ride's bill"}})
    with rides.read(ENGINEER) as tx:
        (lowering,) = deidentify.classification(tx, dataset="rides")["lowerings"]
    assert paid(rides, COUNT)["state"] == "debited", "what was asked to be lowered counts as it stands"
    spent = stands(rides)["spent_rho"]
    with rides.begin(LEGAL, "deidentify") as tx:
        deidentify.approve_lowering(tx, lowering=lowering["lowering"])
    with pytest.raises(Refusal) as told:
        paid(rides, {**COUNT, "rows_per_unit": 2})
    assert (told.value.code, stands(rides)["spent_rho"]) == ("DID-497", spent)
    with pytest.raises(Refusal) as told:
        cap(rides, "2")
    assert (told.value.code, [problem.where for problem in told.value.problems]) == ("DID-471", ["unit"])


def test_a_measure_that_a_standard_calls_personal_is_of_somebody_and_names_nobody(node_folder: Path) -> None:
    """What a household burns is personal; as a unit it would be protected itself, and no household with it."""
    store = opened(sqlite_url(node_folder / "datong.db"), workspace(node_folder))
    standard = node_folder / "standards" / "ride.odcs.yaml"
    number = "logicalType: number}"
    standard.write_text(standard.read_text("utf-8").replace(number, "logicalType: number, classification: personal}"))
    with_tables(store)
    with store.begin(ENGINEER, "harmonise") as tx:
        harmonise.build(tx, workspace=str(node_folder), mapping="rides", resource="rides")
    confirmed(store)
    with store.read(ENGINEER) as tx:
        columns = {one["column"]: one for one in deidentify.classification(tx, dataset="rides")["columns"]}
    assert (columns["fare"]["kind"], columns["fare"]["level"]) == ("quasi", 3)
    assert (columns["payer_id"]["kind"], columns["payer_id"]["level"]) == ("direct", 3)
    with store.begin(LEGAL, "deidentify") as tx, pytest.raises(Refusal) as told:
        deidentify.set_budget(tx, resource="rides", unit="fare", rho="1")
    assert (told.value.code, [problem.where for problem in told.value.problems]) == ("DID-471", ["unit"])
    cap(store, "1")
    fares = {"kind": "mean", "rows_per_unit": 2, "value": {"column": "fare", "lower": 0, "upper": 50},
             "spend": {"rho": "0.01"}}  # fmt: skip
    assert asked(store, fares)["state"] == "answered", "and it may be asked about"
    store.dispose()


@pytest.mark.parametrize(("query", "column"), [(OF_RIDERS, "rider_id"), (OF_VALUES, "payer_id")])
def test_what_names_somebody_does_not_stand_in_an_answer(rides: Store, query: dict[str, Any], column: str) -> None:
    say(rides, columns={"payer_id": {"kind": "direct"}, "rider_id": {"kind": "direct"}})
    told = refused(rides, query)
    assert (told.code, column in str(told), "r1" in str(told)) == ("DID-495", True, False)


def test_core_data_are_not_answered_of_whatever_was_answered_before(rides: Store) -> None:
    asked(rides, COUNT)
    say(rides, impacts={"social order": "especially serious"})
    with pytest.raises(Refusal, match="DID-467"):
        paid(rides, COUNT)


def test_important_data_are_answered_to_whom_an_assessment_is_of(rides: Store) -> None:
    say(rides, impacts={"social order": "serious"})
    assert refused(rides).code == "DID-468"
    record(rides, "lab-2")
    assert refused(rides).code == "DID-468"
    assert paid(rides, COUNT, "lab-2")["cost_rho"] == "0.01"


# --- one ledger for one source -----------------------------------------------------------------------------------


def second(store: Store, folder: Path) -> None:
    """The same source built once more, under another name, with a cap of its own."""
    with store.begin(ENGINEER, "harmonise") as tx:
        harmonise.build(tx, workspace=str(folder), mapping="rides", resource="rides-2")
    confirmed(store, "rides-2")


def cap_second(store: Store) -> None:
    with store.begin(LEGAL, "deidentify") as tx:
        deidentify.set_budget(tx, resource="rides-2", unit="rider_id", rho="1")


def ask_second(store: Store) -> dict[str, Any]:
    with store.begin(ENGINEER, "deidentify") as tx:
        return deidentify.ask(tx, resource="rides-2", query=COUNT, consumer="lab-1")


def test_the_same_rows_under_another_name_have_no_second_cap(rides: Store, node_folder: Path) -> None:
    second(rides, node_folder)
    cap_second(rides)
    asked(rides, COUNT)
    with pytest.raises(Refusal, match="DID-496") as told:
        ask_second(rides)
    assert "rides-2" in str(told.value)
    with pytest.raises(Refusal, match="DID-496"):
        cap_second(rides)
    assert paid(rides, {**COUNT, "rows_per_unit": 1})["cost_rho"] == "0.01", "the first goes on"


def test_whoever_answered_first_goes_on(rides: Store, node_folder: Path) -> None:
    """Two ledgers that both paid before this was asked: the older one stays open."""
    second(rides, node_folder)
    cap_second(rides)
    ask_second(rides)
    with pytest.raises(Refusal, match="DID-496"):
        paid(rides, COUNT)
    with rides.begin(NODE) as tx:
        tx.execute(update(kept.ledger).where(kept.ledger.c.dataset == "rides-2").values(at="2026-01-01T00:00:00Z"))
    assert ask_second(rides)["free"]


def test_another_content_of_the_same_source_is_other_rows(rides: Store, node_folder: Path) -> None:
    """As another table of one database is: another mapping, other content; two ledgers, which the docs say."""
    renamed = (node_folder / "mappings" / "rides.yaml").read_text("utf-8")
    (node_folder / "mappings" / "rides-2.yaml").write_text(renamed, "utf-8")
    (node_folder / "rides.csv").write_text("ride,rider,fare,kind\n1,z1,2.00,car\n2,z2,3.00,bike\n", "utf-8")
    with rides.begin(ENGINEER, "harmonise") as tx:
        assert harmonise.of_one_source(tx, "rides") == []
        harmonise.build(tx, workspace=str(node_folder), mapping="rides-2", resource="rides-2")
        assert harmonise.of_one_source(tx, "rides") == harmonise.of_one_source(tx, "rides-2") == []
    with rides.begin(ENGINEER, "harmonise") as tx:
        harmonise.build(tx, workspace=str(node_folder), mapping="rides", resource="rides")
        assert harmonise.of_one_source(tx, "rides") == ["rides-2"], "now it was built from the same content too"
