"""Quarrels over the money: a supply contract renewed with another split, an invoice that was wrong and accepted."""

from __future__ import annotations

import copy
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from test_settle_month import every_record_has_a_leaf_that_fits_it
from test_settle_service import (
    BIKE,
    BUREAU,
    FEE,
    GROUP,
    SPLIT,
    at,
    balance,
    bill,
    code_of,
    contract,
    pulled,
    sums_to_zero,
    supply,
    terms,
    use,
)

from datong.deliver import store as deliver_store
from datong.ground import jobs, signing
from datong.ground.db import NODE, new_id
from datong.ground.refusal import Refusal
from datong.meter import service as meter
from datong.negotiate import store as negotiate_store
from datong.settle import rules
from datong.settle import service as settle
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
    assert periods == [
        "2026-02-28T16:00:00Z/2026-03-20T00:00:00.700000Z",
        "2026-03-20T00:00:00.700000Z/2026-03-31T16:00:00Z",
    ]
    before, after = (accepted(world, bill(world, period=period)["id"]) for period in periods)
    assert before == {GROUP: 30_000, BUREAU: 39_999, BIKE: 30_000} and sum(before.values()) == FEE
    assert after == {GROUP: 10_000, BUREAU: 40_000, BIKE: 49_999} and sum(after.values()) == FEE
    for supplier, party in zip(SUPPLIERS, (BIKE, BUREAU), strict=True):
        assert sorted(row["share_fen"] for row in at(world, supplier, "statements")) == sorted(
            [before[party], after[party]]
        )


def test_a_split_that_changes_within_a_second_is_billed_in_two_all_the_same(world: Neighbours) -> None:
    """A script that fetches every version in turn gets those made under the older and the renewed supply at once."""
    old, new = (("old-bike-company", "old-traffic-bureau"), ("new-bike-company", "new-traffic-bureau"))
    with world.as_person("bike-company") as tx:
        tx.change(negotiate_store.agreements, "old-bike-company", until=None)
    with world.as_person("traffic-bureau") as tx:
        tx.change(negotiate_store.agreements, "old-traffic-bureau", until=None)
    for at_, version, supplies in (("00.2", 1, old), ("00.8", 2, new), ("00.9", 3, old), ("01", 4, old)):
        delivered(world, f"2026-03-20T00:00:{at_}Z", version, *supplies)
    world.at("2026-04-01T00:00:00Z")
    with pytest.raises(Refusal) as refused:
        bill(world)
    periods = refused.value.facts["periods"].split(", ")
    assert len(periods) == 3
    invoices = [bill(world, period=period) for period in periods]
    assert [invoice["gross_fen"] for invoice in invoices] == [FEE, FEE, 2 * FEE]
    for invoice in invoices:
        accepted(world, invoice["id"])
    assert len(at(world, "bike-company", "statements")) == 3


@pytest.mark.parametrize("ending", [{"until": RENEWED}, {"state": "TERMINATED", "ended_at": RENEWED}])
def test_the_weights_of_a_supply_contract_that_is_over_are_refused(world: Neighbours, ending: dict[str, str]) -> None:
    """A seller that goes on splitting by the older, lower weight: nothing of a period after the end is promised by it."""
    with world.as_person("bike-company") as tx:
        tx.change(negotiate_store.agreements, "old-bike-company", until=None)
        tx.change(negotiate_store.agreements, "old-bike-company", **ending)
    delivered(world, "2026-03-20T00:00:00Z", 1)  # the seller says nothing of supplies: the buyer's contract is its word
    world.at("2026-04-01T00:00:00Z")
    told = told_to_bike(world, bill(world, period="2026-03-16/2026-04-01"))
    assert code_of(world.deliver, "bike-company", "data-group", told["type"], told["body"]) == "TRD-401"


def test_a_term_written_in_beijing_time_ends_when_it_says(world: Neighbours) -> None:
    """2026-03-16T00:00+08:00 is the 15th in UTC, before a period from 15 March 16:00 Z, whatever its text sorts after."""
    with world.as_person("bike-company") as tx:
        tx.change(negotiate_store.agreements, "old-bike-company", until="2026-03-16T00:00:00+08:00")
    delivered(world, "2026-03-20T00:00:00Z", 1)
    world.at("2026-04-01T00:00:00Z")
    told = told_to_bike(world, bill(world, period="2026-03-16/2026-04-01"))
    assert code_of(world.deliver, "bike-company", "data-group", told["type"], told["body"]) == "TRD-401"


def told_to_bike(world: Neighbours, invoice: dict[str, Any]) -> dict[str, Any]:
    """The statement on its way to the bike company once the buyer accepted the invoice."""
    world.carry()
    at(world, "city-lab", "accept_invoice", invoice=invoice["id"])
    (word,) = world.outgoing("city-lab")
    world.deliver("data-group", "city-lab", word["type"], word["body"])
    return next(m for m in world.outgoing("data-group") if m["body"].get("statement", {}).get("party") == BIKE)


def renewed_as_it_was(world: Neighbours) -> dict[str, Any]:
    """An invoice over three uses before and after both supply contracts were renewed with the split they had."""
    for supplier in SUPPLIERS:
        for name in (supplier, "data-group"):
            with world.as_person(name) as tx:
                said = terms(product="R", tariff={"kind": "free", "amount_fen": 0}, split=SPLIT)
                tx.change(negotiate_store.agreements, f"new-{supplier}", terms=said)
    delivered(world, "2026-03-10T00:00:00Z", 1, "old-bike-company", "old-traffic-bureau")
    delivered(world, "2026-03-20T00:00:00.7Z", 2, "new-bike-company", "new-traffic-bureau")
    delivered(world, "2026-03-21T00:00:00Z", 3, "new-bike-company", "new-traffic-bureau")
    world.at("2026-04-01T00:00:00Z")
    return bill(world)


def test_a_statement_tells_its_supplier_on_which_contracts_its_uses_lean_and_when_they_were_made(
    world: Neighbours,
) -> None:
    invoice = renewed_as_it_was(world)
    accepted(world, invoice["id"])
    for supplier in SUPPLIERS:
        (row,) = at(world, supplier, "statements")
        (line,) = row["value"]["lines"]
        assert line["supplies"] == [
            {"contracts": [f"old-{supplier}"], "uses": 1, "first_at": "2026-03-10T00:00:00Z",
             "last_at": "2026-03-10T00:00:00Z"},
            {"contracts": [f"new-{supplier}"], "uses": 2, "first_at": "2026-03-20T00:00:00.700000Z",
             "last_at": "2026-03-21T00:00:00Z"},
        ]  # fmt: skip
    (own,) = [row for row in at(world, "data-group", "statements") if row["direction"] == "own"]
    told = [group["contracts"] for line in own["value"]["lines"] for group in line["supplies"]]
    assert told == [[]], "whose supplies they are is between each supplier and the seller"
    last = at(world, "data-group", "invoice_shown", invoice=invoice["id"])["lines"][0]["events"][-1:]
    credited(world, invoice, *last)
    (taken,) = [row for row in at(world, "bike-company", "statements") if row["gross_fen"] < 0]
    assert [group["uses"] for line in taken["value"]["lines"] for group in line["supplies"]] == [1]


def _of_another(group: dict[str, Any]) -> None:
    group["contracts"] = ["new-traffic-bureau"]


def _of_nobody(group: dict[str, Any]) -> None:
    group["contracts"] = [7]


def _more_uses(group: dict[str, Any]) -> None:
    group["uses"] += 1


def _before_the_period(group: dict[str, Any]) -> None:
    group["first_at"] = "2026-01-20T00:00:00Z"


def _in_no_order(group: dict[str, Any]) -> None:
    group["first_at"], group["last_at"] = "2026-03-21T00:00:00Z", "2026-03-20T00:00:00Z"


def _at_no_time(group: dict[str, Any]) -> None:
    group["last_at"] = "21 March"


def _on_one_that_was_over(group: dict[str, Any]) -> None:
    """By a contract with the same split that had ended days before."""
    group["contracts"] = ["old-bike-company"]


@pytest.mark.parametrize(
    "forged",
    [_of_another, _of_nobody, _more_uses, _before_the_period, _in_no_order, _at_no_time, _on_one_that_was_over],
)  # fmt: skip
def test_a_statement_that_leans_on_what_its_supplier_has_not_signed_is_refused(world: Neighbours, forged: Any) -> None:
    told = told_to_bike(world, renewed_as_it_was(world))
    value = copy.deepcopy(signing.unsigned(told["body"]["statement"]))
    forged(value["lines"][0]["supplies"][1])
    with world.as_person("data-group") as tx:
        body = {"statement": signing.signed(tx, value)}
    assert code_of(world.deliver, "bike-company", "data-group", told["type"], body) == "TRD-401"
    world.deliver("bike-company", "data-group", told["type"], told["body"])
    assert len(at(world, "bike-company", "statements")) == 1


def test_a_statement_of_before_there_were_supplies_is_taken_by_the_contract_of_its_period(world: Neighbours) -> None:
    told = told_to_bike(world, renewed_as_it_was(world))
    value = copy.deepcopy(signing.unsigned(told["body"]["statement"]))
    for line in value["lines"]:
        del line["supplies"]
    with world.as_person("data-group") as tx:
        body = {"statement": signing.signed(tx, value)}
    world.deliver("bike-company", "data-group", told["type"], body)
    (row,) = at(world, "bike-company", "statements")
    assert all("supplies" not in line for line in row["lines"])


def test_who_leans_on_a_contract_splits_as_that_contract_says(world: Neighbours) -> None:
    """Both are in force in the month; a seller that splits all of it by the older, lower weight is held to its word."""
    delivered(world, "2026-03-20T00:00:00Z", 1, "new-bike-company", "new-traffic-bureau")
    world.at("2026-04-01T00:00:00Z")
    told = told_to_bike(world, bill(world))
    value = signing.unsigned(told["body"]["statement"])
    value["parts"] = [asdict(share) for share in rules.shares(value["gross_fen"], SPLIT)]
    with world.as_person("data-group") as tx:
        body = {"statement": signing.signed(tx, value)}
    assert code_of(world.deliver, "bike-company", "data-group", told["type"], body) == "TRD-401"


def test_a_use_made_before_the_seller_heard_of_the_end_is_paid_and_told(world: Neighbours) -> None:
    """The supplier ended its contract while the seller was out of reach: what it earned until then is not refused."""
    for when, version in (("2026-03-20T00:00:00Z", 1), ("2026-03-25T00:00:00Z", 2)):
        delivered(world, when, version, "new-bike-company", "new-traffic-bureau")
    with world.as_person("bike-company") as tx:
        tx.change(negotiate_store.agreements, "new-bike-company", state="TERMINATED", ended_at="2026-03-21T00:00:00Z")
    world.at("2026-04-01T00:00:00Z")
    shares = accepted(world, bill(world)["id"])
    (row,) = at(world, "bike-company", "statements")
    (group,) = row["lines"][0]["supplies"]
    assert row["share_fen"] == shares[BIKE]
    assert (group["last_at"], group["ended_at"]) == ("2026-03-25T00:00:00Z", "2026-03-21T00:00:00Z")
    assert "ended_at" not in row["value"]["lines"][0]["supplies"][0], "what was signed stays as it is"
    (sent,) = [one for one in at(world, "data-group", "statements") if one["id"] == row["id"]]
    assert "ended_at" not in sent["lines"][0]["supplies"][0], "at the seller it stands"


# --- what was refused where it went ---------------------------------------------------------------------------------


def refused_there(world: Neighbours, name: str) -> list[str]:
    """All that is on its way from a node is refused; its types."""
    found = world.outgoing(name)
    with world.stores[name].begin(NODE, "jobs") as tx:
        tx.execute(jobs.jobs.update().where(jobs.jobs.c.state == "waiting").values(state="failed"))
    assert world.outgoing(name) == []
    return [message["type"] for message in found]


def test_what_was_refused_once_is_sent_once_more_by_the_same_deed(world: Neighbours) -> None:
    """A supplier's node that refused a statement once (it did not know the seller's new key, say) never got it."""
    delivered(world, "2026-03-20T00:00:00Z", 1, "new-bike-company", "new-traffic-bureau")
    world.at("2026-04-01T00:00:00Z")
    invoice = bill(world)["id"]
    assert refused_there(world, "data-group") == ["settle.invoice"]
    assert bill(world)["id"] == invoice
    world.carry(times=2)
    at(world, "city-lab", "accept_invoice", invoice=invoice)
    assert refused_there(world, "city-lab") == ["settle.accepted"]
    at(world, "city-lab", "accept_invoice", invoice=invoice)
    (word,) = world.outgoing("city-lab")
    world.deliver("data-group", "city-lab", word["type"], word["body"])
    assert refused_there(world, "data-group") == ["settle.statement", "settle.statement"]
    assert at(world, "bike-company", "statements") == []
    assert bill(world)["id"] == invoice
    world.carry(times=2)
    for supplier in SUPPLIERS:
        assert len(at(world, supplier, "statements")) == 1
    note = at(world, "data-group", "credit_invoice", invoice=invoice, reason="so it was")["id"]
    assert refused_there(world, "data-group") == ["settle.credit"]
    bill(world)
    world.carry(times=2)
    assert at(world, "city-lab", "invoice_shown", invoice=note)["state"] == "RECEIVED"
    bill(world)
    assert world.outgoing("data-group") == [], "what arrived is not sent again"


# --- a use of which nothing came ---------------------------------------------------------------------------------


def one_of_two_came(world: Neighbours) -> tuple[dict[str, Any], str]:
    """An invoice over two versions of which the buyer's node got the first alone, and the use of the second."""
    contract(world, "agr-node")
    pulled(world, "agr-node", into="node")
    with world.as_person("city-lab") as tx:
        tx.add(deliver_store.received, {
            "id": "file-1", "agreement": "agr-node", "transfer": "t", "dataset": "P-FLOWS", "share": "s", "path": "p",
            "schema_name": "flows", "table_name": "cells", "version": 1, "digest": "d", "rows": 1, "bytes": 1,
            "at": "2026-03-02T00:00:00Z", "state": "held",
        })  # fmt: skip
    use(world, 1, 2, 1, agreement="agr-node")
    world.at("2026-04-01T00:00:00Z")
    with world.stores["data-group"].read() as tx:
        lost = next(event for event in meter.usage(tx, agreement="agr-node") if event["version"] == "2")
    return bill(world, "agr-node"), lost["id"]


def waived(world: Neighbours, *uses: str) -> dict[str, Any]:
    return dict(at(world, "data-group", "invoice", agreement="agr-node", period="2026-03", waived=[*uses]))


def test_a_use_of_which_nothing_came_holds_up_no_month(world: Neighbours) -> None:
    """Its download broke off for good: the buyer's node takes no invoice that charges it, and the whole month waited."""
    first, lost = one_of_two_came(world)
    (message,) = world.outgoing("data-group")
    with pytest.raises(Refusal) as refused:
        world.deliver("city-lab", "data-group", message["type"], message["body"])
    assert refused.value.code == "TRD-401" and "flows.cells v1" in str(refused.value), "what it has is told"
    at(world, "data-group", "void_invoice", invoice=first["id"], reason="one of them never came")
    invoice = waived(world, lost)
    assert invoice["gross_fen"] == FEE and waived(world, lost)["id"] == invoice["id"]
    assert [(line["state"], line["quantity"], line["amount_fen"]) for line in invoice["lines"]] == [
        ("MONETIZABLE", 1, FEE), ("INCLUDED", 1, 0), ("WAIVED", 1, 0),
    ]  # fmt: skip
    for message in world.outgoing("data-group")[1:]:  # the first is refused for good
        if message["type"] == "settle.invoice":
            world.deliver("city-lab", "data-group", message["type"], message["body"])
    at(world, "city-lab", "accept_invoice", invoice=invoice["id"])
    (word,) = world.outgoing("city-lab")
    world.deliver("data-group", "city-lab", word["type"], word["body"])
    told = at(world, "data-group", "settlement", invoice=invoice["id"])
    assert told["balanced"] and sum(part["share_fen"] for part in told["parts"]) == FEE
    with world.stores["data-group"].read() as tx:
        assert settle.due(tx, 9)["negotiate.agreements"] == [], "it waits to be billed no more"
    assert every_record_has_a_leaf_that_fits_it(world)


def test_only_what_would_be_charged_is_waived(world: Neighbours) -> None:
    first, lost = one_of_two_came(world)
    assert code_of(waived, world, lost) == "TRD-542", "an invoice of the period stands, which charges it"
    at(world, "data-group", "void_invoice", invoice=first["id"], reason="one of them never came")
    (included,) = [line["events"][0] for line in first["lines"] if line["state"] == "INCLUDED"]
    with pytest.raises(Refusal) as refused:
        waived(world, included, "use-invented", lost)
    assert refused.value.code == "TRD-542" and len(refused.value.problems) == 2
    assert waived(world, lost)["gross_fen"] == FEE


def test_a_month_may_be_waived_whole(world: Neighbours) -> None:
    first, lost = one_of_two_came(world)
    at(world, "data-group", "void_invoice", invoice=first["id"], reason="none was any good")
    (other,) = [event for line in first["lines"] if line["amount_fen"] for event in line["events"] if event != lost]
    assert waived(world, lost, other)["gross_fen"] == 0


# --- what a buyer says against what it accepted -------------------------------------------------------------------


def waits(world: Neighbours, name: str) -> list[str]:
    """The invoices that wait for a deed at a node."""
    with world.stores[name].read() as tx:
        return settle.due(tx, 9)["settle.invoices"]


def objecting(world: Neighbours, invoice: str, reason: str = "one file was damaged") -> None:
    at(world, "city-lab", "dispute_invoice", invoice=invoice, reason=reason)
    world.carry(times=2)


def paid(world: Neighbours, invoice: dict[str, Any]) -> None:
    for name in ("city-lab", "data-group"):
        at(world, name, "record_payment", invoice=invoice["id"], amount_fen=invoice["gross_fen"], reference="b-1")
    world.carry(times=2)


def test_a_buyer_asks_for_a_credit_note_of_what_it_accepted_and_gets_one(world: Neighbours) -> None:
    invoice = billed(world)
    paid(world, invoice)
    assert waits(world, "data-group") == []
    objecting(world, invoice["id"])
    for name in ("data-group", "city-lab"):
        told = at(world, name, "invoice_shown", invoice=invoice["id"])
        assert (told["state"], told["objection"]) == ("PAID", "one file was damaged"), name
        assert [word["word"] for word in told["words"]] == ["paid", "objected"]
    assert waits(world, "data-group") == [invoice["id"]], "it is seen by the seller's finance"
    books(world, invoice["id"], due=0)
    one = invoice["lines"][0]["events"][0]
    note = at(world, "data-group", "credit_invoice", invoice=invoice["id"], reason="so it was", uses=[one])
    assert waits(world, "data-group") == [], "it is answered"
    world.carry(times=2)
    at(world, "city-lab", "accept_invoice", invoice=note["id"])
    world.carry(times=2)
    books(world, invoice["id"], due=-FEE)
    assert all(not at(world, name, "invoice_shown", invoice=invoice["id"])["objection"] for name in world.stores
               if name in ("data-group", "city-lab"))  # fmt: skip


def test_a_seller_says_why_an_accepted_invoice_stands(world: Neighbours) -> None:
    invoice = billed(world)
    assert code_of(at, world, "data-group", "dispute_invoice", invoice=invoice["id"], reason="x") == "TRD-403"
    objecting(world, invoice["id"])
    assert code_of(objecting, world, invoice["id"], "once more") == "TRD-541"
    at(world, "data-group", "dispute_invoice", invoice=invoice["id"], reason="its digest is the one you signed for")
    assert waits(world, "data-group") == [invoice["id"]], "its payment"
    world.carry(times=2)
    for name in ("data-group", "city-lab"):
        told = at(world, name, "invoice_shown", invoice=invoice["id"])
        assert (told["objection"], told["reason"]) == ("", "its digest is the one you signed for"), name
        assert [word["word"] for word in told["words"]] == ["objected", "upheld"]
    books(world, invoice["id"], due=3 * FEE)
    objecting(world, invoice["id"], "two were")
    assert at(world, "data-group", "invoice_shown", invoice=invoice["id"])["objection"] == "two were"


def test_a_credit_note_that_is_voided_answers_nothing(world: Neighbours) -> None:
    invoice = billed(world)
    objecting(world, invoice["id"])
    note = at(world, "data-group", "credit_invoice", invoice=invoice["id"], reason="so it was")
    world.carry(times=2)
    at(world, "data-group", "void_invoice", invoice=note["id"], reason="no, one use only")
    world.carry(times=2)
    for name in ("data-group", "city-lab"):
        assert at(world, name, "invoice_shown", invoice=invoice["id"])["objection"], name


def test_what_charges_nothing_is_not_objected_to(world: Neighbours) -> None:
    invoice = billed(world, 1)
    note = credited(world, invoice)
    for one in (invoice, note):
        assert code_of(at, world, "city-lab", "dispute_invoice", invoice=one["id"], reason="x") == "TRD-540"


def test_an_invoice_that_the_buyer_disputes_waits_for_its_seller(world: Neighbours) -> None:
    delivered(world, "2026-03-20T00:00:00Z", 1, "new-bike-company", "new-traffic-bureau")
    world.at("2026-04-01T00:00:00Z")
    invoice = bill(world)
    world.carry()
    assert waits(world, "data-group") == []
    objecting(world, invoice["id"])
    assert waits(world, "data-group") == [invoice["id"]]


@pytest.mark.parametrize("sender", ["bike-company", "data-group"])
def test_nobody_objects_in_the_name_of_the_buyer(world: Neighbours, sender: str) -> None:
    invoice = billed(world)
    row = at(world, "data-group", "invoice_shown", invoice=invoice["id"])
    said = {
        "invoice": invoice["id"],
        "digest": row["digest"],
        "word": "objected",
        "reason": "x",
        "at": row["issued_at"],
    }
    with world.as_person(sender) as tx:
        body = {"notice": signing.signed(tx, said)}
    assert code_of(world.deliver, "data-group", sender, "settle.objected", body) == "TRD-401"
    assert code_of(world.deliver, "data-group", "city-lab", "settle.objected", body) == "TRD-401"


@pytest.mark.parametrize("when", ["never", "2026-04-01T08:00:00+08:00", "9999-99-99T00:00:00Z"])
def test_a_word_said_at_no_time_is_refused(world: Neighbours, when: str) -> None:
    """It is held against the times of credit notes on the overview of the seller's finance."""
    invoice = billed(world)
    row = at(world, "data-group", "invoice_shown", invoice=invoice["id"])
    said = {"invoice": invoice["id"], "digest": row["digest"], "word": "objected", "reason": "x", "at": when}
    with world.as_person("city-lab") as tx:
        body = {"notice": signing.signed(tx, said)}
    assert code_of(world.deliver, "data-group", "city-lab", "settle.objected", body) == "TRD-401"


def test_who_objects_without_end_drives_out_nothing_that_was_said(world: Neighbours) -> None:
    invoice = billed(world)
    paid(world, invoice)
    row = at(world, "data-group", "invoice_shown", invoice=invoice["id"])
    for n in range(120):
        said = {
            "invoice": invoice["id"],
            "digest": row["digest"],
            "word": "objected",
            "reason": f"{n}",
            "at": row["issued_at"],
        }
        with world.as_person("city-lab") as tx:
            body = {"notice": signing.signed(tx, said)}
        world.deliver("data-group", "city-lab", "settle.objected", body)
    told = at(world, "data-group", "invoice_shown", invoice=invoice["id"])
    assert [word["word"] for word in told["words"]] == ["paid", "objected"] and told["objection"] == "0"


# --- credit notes ------------------------------------------------------------------------------------------------


def billed(world: Neighbours, versions: int = 3) -> dict[str, Any]:
    """An invoice over so many uses that was accepted, its statements taken."""
    for version in range(versions):
        delivered(world, f"2026-03-{20 + version}T00:00:00Z", version, "new-bike-company", "new-traffic-bureau")
    world.at("2026-04-01T00:00:00Z")
    invoice = bill(world)
    accepted(world, invoice["id"])
    return at(world, "data-group", "invoice_shown", invoice=invoice["id"])


def credited(world: Neighbours, invoice: dict[str, Any], *uses: str) -> dict[str, Any]:
    """A credit note of the seller that the buyer accepts."""
    note = at(world, "data-group", "credit_invoice", invoice=invoice["id"], reason="one file was damaged", uses=[*uses])
    world.carry(times=2)
    at(world, "city-lab", "accept_invoice", invoice=note["id"])
    world.carry(times=2)
    return note


def books(world: Neighbours, invoice: str, *, due: int) -> None:
    """Both sides and every supplier say the same of an invoice, to the fen, and every entry sums to zero."""
    for name in ("data-group", "city-lab"):
        told = at(world, name, "settlement", invoice=invoice)
        assert told["balanced"] and told["open_fen"] == due, (name, told)
    for row in at(world, "data-group", "statements"):
        if row["direction"] == "sent":
            name = "bike-company" if row["party"] == BIKE else "traffic-bureau"
            (theirs,) = at(world, name, "statements", id=row["id"])
            assert (theirs["share_fen"], theirs["credited_fen"]) == (row["share_fen"], row["credited_fen"])
    assert sums_to_zero(world) and every_record_has_a_leaf_that_fits_it(world)


def owed(world: Neighbours) -> dict[str, int]:
    """What the seller's statements leave to each party."""
    left: dict[str, int] = {}
    for row in at(world, "data-group", "statements"):
        if row["gross_fen"] > 0:
            left[row["party"]] = left.get(row["party"], 0) + row["share_fen"] - row["credited_fen"]
    return left


def test_what_is_left_after_credit_notes_is_split_as_if_no_more_had_been_billed(world: Neighbours) -> None:
    invoice = billed(world)
    uses = [event for line in invoice["lines"] for event in line["events"]]
    for left, one in zip((2, 1, 0), uses, strict=True):
        credited(world, invoice, one)
        books(world, invoice["id"], due=left * FEE)
        shares = {share.party: share.share_fen for share in rules.shares(left * FEE, OTHER)}
        assert owed(world) == shares and sum(shares.values()) == left * FEE
    assert at(world, "city-lab", "invoice_shown", invoice=invoice["id"])["state"] == "PAID", "nothing is due on it"
    for name in ("data-group", "city-lab", *SUPPLIERS):
        assert balance(world, name) == {}, name
    assert bill(world)["id"] == invoice["id"], "its uses are not billed again"


def test_a_small_part_that_grows_by_a_credit_is_paid_out(world: Neighbours) -> None:
    """By largest remainders a part of 0 of four uses may be 1 fen of three: it is owed, and was refused as too much."""
    split = [{**part, "weight": weight} for part, weight in zip(SPLIT, (935, 70, 1), strict=True)]
    for id in ("agr-1", *(f"new-{supplier}" for supplier in SUPPLIERS)):
        for name in ("data-group", "city-lab", *SUPPLIERS):
            with world.as_person(name) as tx:
                if row := tx.get(negotiate_store.agreements, id):
                    tariff = {**row["terms"]["tariff"], **({"amount_fen": 150} if id == "agr-1" else {})}
                    tx.change(negotiate_store.agreements, id, terms={**row["terms"], "tariff": tariff, "split": split})
    invoice = billed(world, 4)
    assert owed(world) == {GROUP: 558, BUREAU: 42, BIKE: 0}
    credited(world, invoice, invoice["lines"][0]["events"][0])
    assert owed(world) == {GROUP: 418, BUREAU: 31, BIKE: 1}
    books(world, invoice["id"], due=450)
    (statement,) = [row for row in at(world, "bike-company", "statements") if row["gross_fen"] > 0]
    for name in ("data-group", "bike-company"):
        asked = {"statement": statement["id"], "reference": "o-1"}
        assert code_of(at, world, name, "record_payout", amount_fen=2, **asked) == "TRD-411"
        assert at(world, name, "record_payout", amount_fen=1, **asked)["paid_fen"] == 1
    assert balance(world, "bike-company") == {"Assets:Bank": 1, "Income:Data:Share": -1}
    assert sums_to_zero(world)


def test_what_was_paid_and_then_credited_is_paid_back(world: Neighbours) -> None:
    invoice = billed(world)
    gross = invoice["gross_fen"]
    for name in ("data-group", "city-lab"):
        at(world, name, "record_payment", invoice=invoice["id"], amount_fen=gross, reference="b-1")
    world.carry(times=2)
    (sent,) = [row for row in at(world, "data-group", "statements") if row["party"] == BIKE]
    for name in ("data-group", "bike-company"):
        at(world, name, "record_payout", statement=sent["id"], amount_fen=sent["share_fen"], reference="o-1")
    credited(world, invoice, invoice["lines"][0]["events"][0])
    books(world, invoice["id"], due=-FEE)
    for name in ("data-group", "city-lab"):
        assert code_of(
            at, world, name, "record_payment", invoice=invoice["id"], amount_fen=-FEE - 1, reference="r"
        ) == ("TRD-411")
        for _ in range(2):  # the same bank reference counts once
            at(world, name, "record_payment", invoice=invoice["id"], amount_fen=-FEE, reference="b-1")
    books(world, invoice["id"], due=0)
    back = sent["share_fen"] - owed(world)[BIKE]
    for name in ("data-group", "bike-company"):
        at(world, name, "record_payout", statement=sent["id"], amount_fen=-back, reference="o-2")
        assert at(world, name, "statements", id=sent["id"])[0]["paid_fen"] == owed(world)[BIKE]
    assert balance(world, "city-lab") == {"Expenses:Data": 2 * FEE, "Assets:Bank": -2 * FEE}
    assert balance(world, "bike-company") == {"Income:Data:Share": -owed(world)[BIKE], "Assets:Bank": owed(world)[BIKE]}
    # a refund recorded wrongly is reversed as a payment is
    (refund,) = [e for e in at(world, "data-group", "ledger", reference=invoice["id"]) if e["kind"] == "refund"]
    at(world, "data-group", "reverse_entry", entry=refund["id"], reason="not sent")
    told = at(world, "data-group", "settlement", invoice=invoice["id"])
    assert told["balanced"] and told["open_fen"] == -FEE and told["state"] == "PAID"


def test_a_payment_that_crosses_a_credit_note_is_recorded_and_paid_back(world: Neighbours) -> None:
    invoice = billed(world)
    credited(world, invoice, invoice["lines"][0]["events"][0])
    for name in ("data-group", "city-lab"):
        at(world, name, "record_payment", invoice=invoice["id"], amount_fen=3 * FEE, reference="b-1")
    world.carry(times=2)
    books(world, invoice["id"], due=-FEE)


def test_the_payment_of_what_is_left_closes_a_credited_invoice_at_both_sides(world: Neighbours) -> None:
    invoice = billed(world)
    at(world, "data-group", "record_payment", invoice=invoice["id"], amount_fen=2 * FEE, reference="b-1")
    world.carry(times=2)
    credited(world, invoice, invoice["lines"][0]["events"][0])
    books(world, invoice["id"], due=0)  # the buyer had recorded nothing: the seller's receipt says so
    for name in ("data-group", "city-lab"):
        assert at(world, name, "invoice_shown", invoice=invoice["id"])["state"] == "PAID"


def test_a_credit_note_wants_the_word_of_both_sides(world: Neighbours) -> None:
    """Until the buyer accepts it nothing is taken back; disputed it is voided, and its uses may be credited anew."""
    invoice = billed(world)
    use = invoice["lines"][0]["events"][0]
    note = at(world, "data-group", "credit_invoice", invoice=invoice["id"], reason="damaged", uses=[use])
    assert (note["gross_fen"], note["credits"], note["state"]) == (-FEE, invoice["id"], "ISSUED")
    world.carry(times=2)
    books(world, invoice["id"], due=3 * FEE)
    again = {"invoice": invoice["id"], "reason": "damaged"}
    assert code_of(at, world, "data-group", "credit_invoice", **again) == "TRD-532"
    assert code_of(at, world, "data-group", "accept_invoice", invoice=note["id"]) == "TRD-403"
    at(world, "city-lab", "dispute_invoice", invoice=note["id"], reason="all three were damaged")
    world.carry(times=2)
    at(world, "data-group", "void_invoice", invoice=note["id"], reason="agreed")
    world.carry(times=2)
    books(world, invoice["id"], due=3 * FEE)
    credited(world, invoice)
    books(world, invoice["id"], due=0)
    assert code_of(at, world, "data-group", "credit_invoice", **again) == "TRD-531"
    assert bill(world)["id"] == invoice["id"], "the same period gives the same invoice, credit notes or not"


def test_a_void_of_a_credit_note_that_crosses_its_acceptance_gives_back_what_it_took(world: Neighbours) -> None:
    invoice = billed(world)
    note = at(world, "data-group", "credit_invoice", invoice=invoice["id"], reason="damaged")
    world.carry()
    at(world, "city-lab", "accept_invoice", invoice=note["id"])
    at(world, "data-group", "void_invoice", invoice=note["id"], reason="a mistake")
    world.carry(times=2)
    books(world, invoice["id"], due=3 * FEE)
    assert at(world, "city-lab", "invoice_shown", invoice=invoice["id"])["state"] == "ACCEPTED"


@pytest.mark.parametrize(
    ("deed", "code"),
    [
        ({"uses": ["use-of-nobody"]}, "TRD-531"),
        ({"invoice": "inv-none"}, "TRD-404"),
    ],
)
def test_a_credit_note_that_takes_back_nothing_is_refused(world: Neighbours, deed: dict[str, Any], code: str) -> None:
    invoice = billed(world)
    asked = {"invoice": invoice["id"], "reason": "damaged", **deed}
    assert code_of(at, world, "data-group", "credit_invoice", **asked) == code
    assert code_of(at, world, "city-lab", "credit_invoice", **{**asked, "invoice": invoice["id"]}) == "TRD-403"


def test_what_is_not_accepted_is_voided_and_not_credited(world: Neighbours) -> None:
    delivered(world, "2026-03-20T00:00:00Z", 1, "new-bike-company")
    world.at("2026-04-01T00:00:00Z")
    issued = bill(world)["id"]
    assert code_of(at, world, "data-group", "credit_invoice", invoice=issued, reason="damaged") == "TRD-409"


def line_of(value: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**value, "lines": [{**value["lines"][0], **changes}, *value["lines"][1:]]}


@pytest.mark.parametrize(
    "forged",
    [
        lambda v: {**v, "gross_fen": v["gross_fen"] + 1},
        lambda v: {**v, "gross_fen": -v["gross_fen"]},
        lambda v: line_of(v, unit_price_fen=FEE, amount_fen=FEE) | {"gross_fen": FEE},
        lambda v: line_of(v, unit_price_fen=-1, amount_fen=-1) | {"gross_fen": -1},
        lambda v: line_of(v, events=["use-of-nobody"]),
        lambda v: line_of(v, events=[1]),
        lambda v: {**v, "lines": [], "gross_fen": 0},
        lambda v: {**v, "reason": " "},
        lambda v: {**v, "credits_digest": "sha256:other"},
        lambda v: {**v, "from": "2026-01-01T00:00:00Z"},
        lambda v: {**v, "invoice": "a/b"},
        lambda v: {**v, "tariff": {"kind": "free", "amount_fen": 0}},
    ],
)
def test_a_credit_note_that_does_not_follow_from_its_invoice_is_refused(world: Neighbours, forged: Any) -> None:
    invoice = billed(world)
    use = invoice["lines"][0]["events"][0]
    at(world, "data-group", "credit_invoice", invoice=invoice["id"], reason="damaged", uses=[use])
    (told,) = world.outgoing("data-group")
    with world.as_person("data-group") as tx:
        value = signing.signed(tx, signing.unsigned(forged(told["body"]["credit"])))
    refused = code_of(world.deliver, "city-lab", "data-group", "settle.credit", {"credit": value})
    assert refused in ("TRD-401", "TRD-531")
    unsigned = {**told["body"]["credit"], "reason": "another"}
    assert code_of(world.deliver, "city-lab", "data-group", "settle.credit", {"credit": unsigned}) == "TRD-401"
    world.carry(times=2)  # the one that was signed is taken
    assert len(at(world, "city-lab", "invoices")) == 2


@pytest.mark.parametrize(
    "forged",
    [
        lambda v: {**v, "credits": {**v["credits"], "before_fen": v["credits"]["before_fen"] + 5 * FEE}},
        lambda v: {**v, "credits": {**v["credits"], "before_fen": 1}},
        lambda v: {**v, "credits": {**v["credits"], "invoice": "inv-other"}},
        lambda v: {**v, "credits": "inv-other"},
        lambda v: {k: part for k, part in v.items() if k != "credits"},
        lambda v: {**v, "parts": [{**p, "share_fen": p["share_fen"] - 1} for p in v["parts"]]},
        lambda v: {**v, "parts": [{**p, "weight": 1} for p in v["parts"]]},
        lambda v: {**v, "gross_fen": -v["gross_fen"]},
    ],
)
def test_a_statement_that_takes_back_what_no_credit_note_can_is_refused(world: Neighbours, forged: Any) -> None:
    invoice = billed(world)
    note = at(world, "data-group", "credit_invoice", invoice=invoice["id"], reason="damaged",
              uses=[invoice["lines"][0]["events"][0]])  # fmt: skip
    world.carry()
    at(world, "city-lab", "accept_invoice", invoice=note["id"])
    (word,) = world.outgoing("city-lab")
    world.deliver("data-group", "city-lab", word["type"], word["body"])
    told = next(m for m in world.outgoing("data-group") if m["body"].get("statement", {}).get("party") == BIKE)
    before = balance(world, "bike-company")
    with world.as_person("data-group") as tx:
        value = signing.signed(tx, signing.unsigned(forged(told["body"]["statement"])))
    assert code_of(world.deliver, "bike-company", "data-group", "settle.statement", {"statement": value}) == "TRD-401"
    assert balance(world, "bike-company") == before


# --- what is not billed yet --------------------------------------------------------------------------------------


def waiting(world: Neighbours) -> list[str]:
    with world.stores["data-group"].read() as tx:
        return settle.due(tx, 9)["negotiate.agreements"]


def test_uses_of_a_month_that_is_over_wait_until_they_are_billed(world: Neighbours) -> None:
    contract(world, "agr-2")
    use(world, 1, 1, 2)
    assert waiting(world) == [], "the month is not over"
    world.at("2026-03-31T15:59:59Z")
    use(world, 1, agreement="agr-2")
    assert waiting(world) == []
    world.at("2026-03-31T16:00:00Z")  # April in Beijing
    use(world, 3)
    assert waiting(world) == ["agr-1", "agr-2"]
    first = bill(world, period="2026-03-01/2026-03-16")
    assert waiting(world) == ["agr-2"]
    bill(world, "agr-2")
    assert waiting(world) == []
    at(world, "data-group", "void_invoice", invoice=first["id"], reason="agreed")
    assert waiting(world) == ["agr-1"]
    world.at("2026-04-20T00:00:00Z")
    bill(world, period="2026-03-01/2026-04-16")  # over the edge of a month: three uses, of which two were in March
    assert waiting(world) == []
    world.at("2026-05-01T00:00:00Z")
    assert waiting(world) == []
    with world.stores["city-lab"].read() as tx:
        assert settle.due(tx, 9)["negotiate.agreements"] == []


def test_a_department_that_sells_earns_for_the_treasury(world: Neighbours) -> None:
    """Its own part is no income of its: it is due to the treasury, until it was paid there (27号 art. 20)."""
    part = rules.shares(FEE, [SPLIT[1]])
    assert [(p.account, p.amount_fen) for p in rules.charge(BUREAU, GROUP, FEE, part)] == [
        (f"Assets:Receivable:P{GROUP}", FEE), (f"Liabilities:Treasury:P{BUREAU}", -FEE),
    ]  # fmt: skip
