"""One month of a data group that sells a product of two providers, to the fen: amounts that do not divide, uses at both
edges of the month, a contract without a use, one that ends in mid-month, a correction, and a payout that comes back."""

from __future__ import annotations

from pathlib import Path

import pytest
import test_settle_service as case
from sqlalchemy import select
from test_settle_service import BIKE, BUREAU, GROUP, LAB, at, bill, code_of, contract, pulled, supply

from datong.ground import evidence
from datong.ground.db import NODE
from datong.ground.evidence.leaves import leaves
from datong.meter import service as meter
from datong.negotiate import store as negotiate_store
from datong.settle import store
from neighbours import Neighbours

FEE = 10_001
SPLIT = [
    {"party": GROUP, "weight": 1, "payee_kind": "company", "account": "6222-g"},
    {"party": BUREAU, "weight": 1, "payee_kind": "treasury", "account": "treasury-5201"},
    {"party": BIKE, "weight": 1, "payee_kind": "company", "account": "6222-b"},
]
NODES = ("data-group", "city-lab", "bike-company", "traffic-bureau")


@pytest.fixture
def world(tmp_path: Path) -> Neighbours:
    world = Neighbours(tmp_path, *NODES)
    for agreement in ("agr-1", "agr-2", "agr-3"):
        contract(world, agreement, tariff={"kind": "per_delivery", "amount_fen": FEE}, split=SPLIT)
        for name in ("data-group", "city-lab"):
            with world.as_person(name) as tx:
                tx.change(negotiate_store.agreements, agreement, **{"from": "2026-02-01T00:00:00Z"})
        pulled(world, agreement)
    for supplier in ("bike-company", "traffic-bureau"):
        supply(world, supplier, terms=case.terms(split=SPLIT), **{"from": "2026-02-01T00:00:00Z"})
    return world


def used(world: Neighbours, agreement: str, when: str, version: int) -> None:
    world.at(when)
    with world.stores["data-group"].begin(NODE, "deliver") as tx:
        meter.take(tx, agreement=agreement, grant="g", kind="file_set", table="flows.cells", version=version, rows=1,
                   bytes_granted=10, files=[], decision={})  # fmt: skip


def accepted(world: Neighbours, invoice: str) -> None:
    world.carry(times=2)
    at(world, "city-lab", "accept_invoice", invoice=invoice)
    world.carry(times=2)


def paid(world: Neighbours, invoice: str, *amounts: int) -> None:
    for number, amount in enumerate(amounts):
        for name in ("city-lab", "data-group"):
            at(world, name, "record_payment", invoice=invoice, amount_fen=amount, reference=f"{invoice}-{number}")
    world.carry(times=2)


def every_record_has_a_leaf_that_fits_it(world: Neighbours) -> bool:
    for opened in world.stores.values():
        with opened.read() as tx:
            for table in (store.invoices, store.lines, store.billed, store.entries, store.postings, store.statements):
                for row in tx.all(select(table)):
                    of = (leaves.c.table_name == table.name) & (leaves.c.record_id == row.id)
                    last = tx.all(select(leaves.c.record_digest).where(of).order_by(leaves.c.seq.desc()).limit(1))
                    if not last or last[0][0] != evidence.row_digest(tx, table, dict(row._mapping)):
                        return False
    return True


def balance(world: Neighbours, name: str) -> dict[str, int]:
    return case.balance(world, name)


def test_a_month_to_the_fen(world: Neighbours) -> None:
    used(world, "agr-1", "2026-02-28T15:59:59.999Z", 1)  # the last moment of February in Beijing
    used(world, "agr-1", "2026-02-28T16:00:00Z", 2)
    used(world, "agr-1", "2026-02-28T16:00:00.001Z", 3)
    used(world, "agr-2", "2026-03-14T01:00:00Z", 4)
    world.at("2026-03-15T00:00:00Z")
    for name in ("data-group", "city-lab"):
        with world.as_person(name) as tx:
            tx.change(negotiate_store.agreements, "agr-2", state="TERMINATED", ended_at=tx.now)
    used(world, "agr-1", "2026-03-31T15:59:59.5Z", 5)  # the last second of March
    used(world, "agr-1", "2026-03-31T16:00:00Z", 6)
    world.at("2026-05-02T00:00:00Z")
    assert code_of(bill, world, "agr-3", "2026-03") == "TRD-410"
    february, march, april, ended = (
        bill(world, agreement, period)
        for agreement, period in (
            ("agr-1", "2026-02"), ("agr-1", "2026-03"), ("agr-1", "2026-04"), ("agr-2", "2026-03"),
        )
    )  # fmt: skip
    assert [invoice["gross_fen"] for invoice in (february, march, april, ended)] == [FEE, 3 * FEE, FEE, FEE]
    # a correction: the buyer disputes March, the seller takes it back and bills it in two halves
    world.carry(times=2)
    at(world, "city-lab", "dispute_invoice", invoice=march["id"], reason="one file was damaged")
    world.carry(times=2)
    at(world, "data-group", "void_invoice", invoice=march["id"], reason="agreed")
    halves = [bill(world, period=period) for period in ("2026-03-01/2026-03-16", "2026-03-16/2026-04-01")]
    assert [half["gross_fen"] for half in halves] == [2 * FEE, FEE]
    assert code_of(bill, world, "agr-1", "2026-03") == "TRD-410"
    sold = [february, april, ended, *halves]
    for invoice in sold:
        accepted(world, invoice["id"])
    gross = sum(invoice["gross_fen"] for invoice in sold)
    assert gross == 6 * FEE
    # each party's own books say what the seller's say of it
    shares = {GROUP: 0, BUREAU: 0, BIKE: 0}
    for invoice in sold:
        told = at(world, "data-group", "settlement", invoice=invoice["id"])
        parts = [part["share_fen"] for part in told["parts"]]
        assert told["balanced"] and sum(parts) == invoice["gross_fen"] and max(parts) - min(parts) <= 1
        assert at(world, "city-lab", "settlement", invoice=invoice["id"])["balanced"]
        for part in told["parts"]:
            shares[part["party"]] += part["share_fen"]
    assert sum(shares.values()) == gross
    seller, buyer = balance(world, "data-group"), balance(world, "city-lab")
    assert seller[f"Assets:Receivable:P{LAB}"] == gross == -buyer[f"Liabilities:Payable:P{GROUP}"]
    for name, party, account in (
        ("bike-company", BIKE, f"Liabilities:Payable:P{BIKE}"),
        ("traffic-bureau", BUREAU, f"Liabilities:Treasury:P{BUREAU}"),
    ):
        assert balance(world, name)[f"Assets:Receivable:P{GROUP}"] == shares[party] == -seller[account]
    # paid in unequal parts; shares are paid out, one comes back and is paid out again
    for invoice in sold:
        paid(world, invoice["id"], 1, invoice["gross_fen"] - 1)
        assert at(world, "city-lab", "invoice_shown", invoice=invoice["id"])["state"] == "PAID"
    for row in at(world, "data-group", "statements"):
        if row["direction"] != "sent":
            continue
        name = "bike-company" if row["party"] == BIKE else "traffic-bureau"
        (theirs,) = [one for one in at(world, name, "statements") if one["invoice"] == row["invoice"]]
        assert (theirs["id"], theirs["share_fen"]) == (row["id"], row["share_fen"])
        out = {"statement": row["id"], "amount_fen": row["share_fen"]}
        at(world, "data-group", "record_payout", **out, reference="o-1")
        (entry,) = [one for one in at(world, "data-group", "ledger", reference=row["id"]) if one["kind"] == "payout"]
        at(world, "data-group", "reverse_entry", entry=entry["id"], reason="account closed")
        world.carry(times=2)
        at(world, "data-group", "record_payout", **out, reference="o-2")
        at(world, name, "record_payout", **out, reference="o-2")
        assert at(world, name, "statements", id=row["id"])[0]["reason"] == "account closed"
    assert balance(world, "data-group") == {"Assets:Bank": shares[GROUP], f"Income:Data:P{GROUP}": -shares[GROUP]}
    assert balance(world, "city-lab") == {"Expenses:Data": gross, "Assets:Bank": -gross}
    assert balance(world, "bike-company") == {"Assets:Bank": shares[BIKE], "Income:Data:Share": -shares[BIKE]}
    assert balance(world, "traffic-bureau") == {}, "collected for the treasury, and paid to it"
    assert case.sums_to_zero(world)
    assert every_record_has_a_leaf_that_fits_it(world)
    with world.stores["data-group"].read() as tx:
        assert len(tx.all(select(store.billed))) == 6, "each use once"
