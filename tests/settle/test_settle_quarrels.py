"""Quarrels over the money: a supply contract renewed with another split, an invoice that was wrong and accepted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from test_settle_service import BIKE, BUREAU, FEE, GROUP, SPLIT, at, bill, code_of, contract, pulled, supply, terms

from datong.deliver import store as deliver_store
from datong.ground.db import NODE, new_id
from datong.ground.refusal import Refusal
from datong.meter import service as meter
from datong.negotiate import store as negotiate_store
from neighbours import Neighbours

RENEWED = "2026-03-15T00:00:00Z"
OTHER = [{**SPLIT[0], "weight": 10}, {**SPLIT[1], "weight": 40}, {**SPLIT[2], "weight": 50}]
"""What the supplies promise from then on; the buyer's contract says SPLIT for all its term."""
SUPPLIERS = ("bike-company", "traffic-bureau")


@pytest.fixture
def world(tmp_path: Path) -> Neighbours:
    world = Neighbours(tmp_path, "data-group", "city-lab", *SUPPLIERS)
    contract(world)
    pulled(world)
    for supplier in SUPPLIERS:
        supplied(world, supplier, "old", SPLIT, until=RENEWED)
        supplied(world, supplier, "new", OTHER, **{"from": RENEWED})
    return world


def supplied(world: Neighbours, supplier: str, name: str, split: list[dict[str, Any]], **changes: Any) -> None:
    """A supply contract supplier -> data-group as both its sides hold it."""
    said = terms(product="R", tariff={"kind": "free", "amount_fen": 0}, split=split)
    supply(world, supplier, id=f"{name}-{supplier}", terms=said, **changes)
    with world.stores[supplier].read() as tx:
        row = tx.get(negotiate_store.agreements, f"{name}-{supplier}")
    with world.as_person("data-group") as tx:
        tx.add(negotiate_store.agreements, dict(row or {}))


def delivered(world: Neighbours, when: str, version: int, *supplies: str) -> None:
    """The buyer gets a version of the product that was made of what these contracts supplied."""
    world.at(when)
    laid, inputs = new_id("tab"), [{"resource": "R", "agreement": one, "digest": "d", "rows": 1} for one in supplies]
    with world.stores["data-group"].begin(NODE, "deliver") as tx:
        event = meter.take(tx, agreement="agr-1", grant="g", kind="file_set", table="flows.cells", version=version,
                           rows=1, bytes_granted=10, files=[], decision={})  # fmt: skip
        tx.add(deliver_store.share_tables, {
            "id": laid, "agreement": "agr-1", "share": "s", "schema_name": "flows", "table_name": "cells",
            "version": version, "dataset": "P-FLOWS", "schema_string": "", "rows": 1, "bytes": 10,
            "source": {"kind": "product", "inputs": inputs}, "at": tx.now, "wall_at": tx.wall, "state": "open",
        })  # fmt: skip
        tx.add(deliver_store.file_sets, {
            "id": new_id("files"), "grant_id": "g", "agreement": "agr-1", "share_table": laid, "event": event,
            "decision": "d", "until": tx.wall,
        })  # fmt: skip


def accepted(world: Neighbours, invoice: str) -> dict[str, int]:
    """The invoice accepted and its statements taken; what each party is owed at the seller."""
    world.carry(times=2)
    at(world, "city-lab", "accept_invoice", invoice=invoice)
    world.carry(times=2)
    told = at(world, "data-group", "settlement", invoice=invoice)
    assert told["balanced"] and sum(part["share_fen"] for part in told["parts"]) == told["gross_fen"]
    return {part["party"]: part["share_fen"] for part in told["parts"]}


def test_what_was_made_of_a_renewed_supply_is_split_as_that_promises(world: Neighbours) -> None:
    """The buyer's contract keeps its weights; both sides go by the supply contract of what was delivered."""
    delivered(world, "2026-03-20T00:00:00Z", 1, "new-bike-company", "new-traffic-bureau")
    delivered(world, "2026-03-21T00:00:00Z", 2, "new-bike-company", "new-traffic-bureau")
    world.at("2026-04-01T00:00:00Z")
    shares = accepted(world, bill(world)["id"])
    assert shares == {GROUP: 20_000, BUREAU: 79_999, BIKE: 99_999} and sum(shares.values()) == 2 * FEE
    for supplier, party in zip(SUPPLIERS, (BIKE, BUREAU), strict=True):
        (row,) = at(world, supplier, "statements")
        assert (row["direction"], row["share_fen"]) == ("received", shares[party])


def test_a_month_in_which_the_split_changed_is_billed_in_two(world: Neighbours) -> None:
    delivered(world, "2026-03-10T00:00:00Z", 1, "old-bike-company", "old-traffic-bureau")
    delivered(world, "2026-03-20T00:00:00.7Z", 2, "new-bike-company", "new-traffic-bureau")
    world.at("2026-04-01T00:00:00Z")
    with pytest.raises(Refusal) as refused:
        bill(world)
    assert refused.value.code == "TRD-530"
    periods = refused.value.facts["periods"].split(", ")
    assert periods == ["2026-02-28T16:00:00Z/2026-03-20T00:00:00Z", "2026-03-20T00:00:00Z/2026-03-31T16:00:00Z"]
    before, after = (accepted(world, bill(world, period=period)["id"]) for period in periods)
    assert before == {GROUP: 30_000, BUREAU: 39_999, BIKE: 30_000} and sum(before.values()) == FEE
    assert after == {GROUP: 10_000, BUREAU: 40_000, BIKE: 49_999} and sum(after.values()) == FEE
    for supplier, party in zip(SUPPLIERS, (BIKE, BUREAU), strict=True):
        assert sorted(row["share_fen"] for row in at(world, supplier, "statements")) == sorted(
            [before[party], after[party]]
        )


@pytest.mark.parametrize("ending", [{"until": RENEWED}, {"state": "TERMINATED", "ended_at": RENEWED}])
def test_the_weights_of_a_supply_contract_that_is_over_are_refused(world: Neighbours, ending: dict[str, str]) -> None:
    """A seller that goes on splitting by the older, lower weight: nothing of a period after the end is promised by it."""
    with world.as_person("bike-company") as tx:
        tx.change(negotiate_store.agreements, "old-bike-company", until=None)
        tx.change(negotiate_store.agreements, "old-bike-company", **ending)
    delivered(world, "2026-03-20T00:00:00Z", 1)  # the seller says nothing of supplies: the buyer's contract is its word
    world.at("2026-04-01T00:00:00Z")
    invoice = bill(world, period="2026-03-16/2026-04-01")["id"]
    world.carry()
    at(world, "city-lab", "accept_invoice", invoice=invoice)
    (word,) = world.outgoing("city-lab")
    world.deliver("data-group", "city-lab", word["type"], word["body"])
    told = next(m for m in world.outgoing("data-group") if m["body"].get("statement", {}).get("party") == BIKE)
    assert code_of(world.deliver, "bike-company", "data-group", told["type"], told["body"]) == "TRD-401"
