"""Whatever finance does, in whatever order, both ledgers balance and say what the invoice says."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_settle_service import AFTER, FEE, at, bill, contract, pulled, sums_to_zero, supply, use

from datong.ground.refusal import Refusal
from neighbours import Neighbours

SELLER, BUYER, PAYEE = "data-group", "city-lab", "bike-company"
DEEDS = st.tuples(
    st.sampled_from(
        [
            (BUYER, "accept"), (BUYER, "dispute"), (SELLER, "void"), (SELLER, "bill"), (SELLER, "pay"), (BUYER, "pay"),
            (SELLER, "credit"), (SELLER, "credit"), (SELLER, "pay out"), (PAYEE, "pay out"), (SELLER, "reverse"), (BUYER, "reverse"), (PAYEE, "reverse"),
            ("", "carry"),
        ]
    ),
    st.sampled_from([-FEE, -1, 0, 1, FEE, 2 * FEE, 2 * FEE, 2 * FEE + 1]),
    st.integers(0, 3),
)  # fmt: skip


def do(world: Neighbours, who: str, deed: str, amount: int, nth: int) -> None:
    """One deed on one of the invoices, statements or entries that are there; refused where it may not be."""
    if deed == "carry":
        world.carry(times=2)
        return
    if deed == "bill":
        bill(world)
        return
    if deed in ("pay out",):
        found = [row["id"] for row in at(world, who, "statements")]
        named: dict[str, Any] = {"amount_fen": amount, "reference": f"o-{nth}"}
        verb, key = "record_payout", "statement"
    elif deed == "reverse":
        found = [row["id"] for row in at(world, who, "ledger")]
        named, verb, key = {"reason": "back"}, "reverse_entry", "entry"
    else:
        found = [row["id"] for row in at(world, who, "invoices")]
        verb, key = {"accept": "accept_invoice", "dispute": "dispute_invoice", "void": "void_invoice",
                     "credit": "credit_invoice", "pay": "record_payment"}[deed], "invoice"  # fmt: skip
        uses = (
            [
                event
                for line in at(world, who, "invoice_shown", invoice=found[nth % len(found)])["lines"]
                for event in line["events"]
            ][:nth]
            if found
            else []
        )
        named = {"accept": {}, "pay": {"amount_fen": amount, "reference": f"b-{nth}"},
                 "credit": {"reason": "so", "uses": uses}}.get(deed, {"reason": "so"})  # fmt: skip
    if found:
        at(world, who, verb, **{key: found[nth % len(found)], **named})


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(accepted=st.booleans(), deeds=st.lists(DEEDS, min_size=1, max_size=24))
def test_both_ledgers_balance_after_any_deeds(accepted: bool, deeds: list[tuple[tuple[str, str], int, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = Neighbours(Path(folder), SELLER, BUYER, PAYEE, "traffic-bureau")
        contract(world)
        pulled(world)
        for supplier in (PAYEE, "traffic-bureau"):
            supply(world, supplier)
        use(world, 1, 2)
        world.at(AFTER)
        issued = bill(world)
        world.carry(times=2)
        if accepted:  # where money may move at once
            at(world, BUYER, "accept_invoice", invoice=issued["id"])
            world.carry(times=2)
        for (who, deed), amount, nth in deeds:
            try:
                do(world, who, deed, amount, nth)
            except Refusal:
                continue
        for _ in range(2):
            assert sums_to_zero(world)
            for name in (SELLER, BUYER):
                for row in at(world, name, "invoices"):
                    told = at(world, name, "settlement", invoice=row["id"])
                    assert told["balanced"], (name, told)
                    if row["gross_fen"] > 0:
                        left = row["gross_fen"] - row["credited_fen"]
                        assert 0 <= row["credited_fen"] <= row["gross_fen"] >= row["paid_fen"] >= 0
                        assert (row["state"] == "PAID") <= (row["paid_fen"] >= left)
            for name in (SELLER, PAYEE):
                for row in at(world, name, "statements"):
                    assert row["gross_fen"] < 0 or 0 <= row["paid_fen"] <= row["share_fen"] >= row["credited_fen"] >= 0
            world.carry(times=3)
        invoices = {name: {row["id"]: row for row in at(world, name, "invoices")} for name in (SELLER, BUYER)}
        for id, row in invoices[SELLER].items():
            assert row["credited_fen"] == invoices[BUYER][id]["credited_fen"], "both say the same once all is heard"
            told = [one for one in at(world, SELLER, "statements", invoice=id) if row["gross_fen"] > 0]
            if told:
                assert (
                    sum(one["share_fen"] - one["credited_fen"] for one in told)
                    == row["gross_fen"] - row["credited_fen"]
                )
        owed = {row["id"]: row for row in at(world, SELLER, "statements")}
        for row in at(world, PAYEE, "statements"):
            assert (row["share_fen"], row["credited_fen"]) == (
                owed[row["id"]]["share_fen"],
                owed[row["id"]]["credited_fen"],
            )
        for opened in world.stores.values():
            opened.dispose()
