"""Quarrels over the money on the real nodes: a use that was billed wrongly and accepted, a supply contract renewed with
another split, and what the seller, the buyer and a supplier make of each."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from paperwork import BIKE, BUREAU, GROUP, LAB, PURPOSE
from trading import contract

from datong.ground.canonical import hexdigest
from datong.settle import rules
from living import Living, refusal

SIDES = (GROUP, LAB)
SUPPLIERS = (BIKE, BUREAU)


def invoice_of(living: Living) -> dict[str, Any]:
    found = living.who(GROUP, "finance").ask("settle.invoices", agreement=living.agreement("product"))
    return dict(next(row for row in found if row["gross_fen"] > 0))


def test_an_accepted_invoice_is_credited_by_both_sides_to_the_fen(living: Living) -> None:
    invoice = invoice_of(living)
    seller, buyer = living.who(GROUP, "finance"), living.who(LAB, "finance")
    assert invoice["state"] == "PAID" and seller.ask("settle.settlement", invoice=invoice["id"])["balanced"]
    asked = {"invoice": invoice["id"], "reason": "文件损坏 the file was damaged"}
    assert refusal(lambda: buyer.do("settle.credit_invoice", **asked)).code == "TRD-403"
    note = seller.do("settle.credit_invoice", **asked)
    living.until(
        lambda: note["id"] in [row["id"] for row in buyer.ask("settle.invoices")], "the credit note at the buyer"
    )
    for side in (seller, buyer):
        assert side.ask("settle.settlement", invoice=invoice["id"])["open_fen"] == 0, "nothing is taken back yet"
    buyer.do("settle.accept_invoice", invoice=note["id"])
    living.at_rest()
    for side in (seller, buyer):
        told = side.ask("settle.settlement", invoice=invoice["id"])
        assert (told["balanced"], told["open_fen"]) == (True, -invoice["gross_fen"])
        side.do("settle.record_payment", invoice=invoice["id"], amount_fen=-invoice["gross_fen"], reference="退款 0001")
        told = side.ask("settle.settlement", invoice=invoice["id"])
        assert (told["balanced"], told["open_fen"], told["state"]) == (True, 0, "PAID")
    sent = {row["id"]: row for row in seller.ask("settle.statements") if row["direction"] == "sent"}
    for slug in SUPPLIERS:
        finance = living.who(slug, "finance")
        (row,) = [one for one in finance.ask("settle.statements") if one["invoice"] == invoice["id"]]
        assert row["credited_fen"] == row["share_fen"] == sent[row["id"]]["credited_fen"] > 0
        for side in (seller, finance):
            side.do("settle.record_payout", statement=row["id"], amount_fen=-row["paid_fen"], reference="退回 0001")
        assert not any(one["posted_fen"] for one in finance.ask("settle.balances")), slug
    for slug in SIDES:
        assert not any(one["posted_fen"] for one in living.who(slug, "finance").ask("settle.balances")), slug
    for slug in (*SIDES, *SUPPLIERS):
        report = living.who(slug, "operator").ask("audit.verify")
        assert report["ok"], report


def test_a_supplier_takes_statements_by_the_contract_that_was_in_force(living: Living) -> None:
    """The bike company renews with a higher weight for itself and ends the old contract: what the group tells of a month
    after it is taken by the new weights alone, whoever signed the old ones."""
    group, party = living.who(GROUP, "product_manager"), living.code(f"party:{BIKE}")
    old = group.ask("negotiate.contract", id=living.agreement("trips"))
    split = [
        {**part, "weight": part["weight"] * (2 if part["party"] == party else 1)} for part in old["terms"]["split"]
    ]
    living.who(BIKE, "product_manager").do(
        "catalogue.publish", dataset=living.code("trips"), title="共享单车骑行行程（续约）", description="续约，分成另定。",
        purposes=[PURPOSE], from_at="2026-03-02", until_at="2029-03-01", split=split, policy=old["policy"],
    )  # fmt: skip
    group.do("catalogue.harvest", node=living.code(f"node:{BIKE}"))
    living.until(lambda: split in offered(group.ask("catalogue.find"), living.code("trips")), "the new offer")
    renewed = contract(living.journey, group, BIKE, living.code("trips"))
    assert group.ask("negotiate.contract", id=renewed)["terms"]["split"] == split
    finance = living.who(BIKE, "finance")
    (known,) = [row for row in finance.ask("settle.statements") if row["share_fen"] > 0]
    before = old["terms"]["split"]
    assert statement(living, known["value"], before, "before", old["id"]) == 200, "both are in force"
    living.who(BIKE, "legal").do("negotiate.end", agreement=old["id"], reason="续约 renewed")
    living.at_rest()
    living.to_day("2026-08-03")
    for under in (old["id"], renewed):  # one is over, the other promises more
        assert statement(living, known["value"], before, "after", under) in (400, 403), under
    assert statement(living, known["value"], split, "after", old["id"]) in (400, 403), "it is over, and says less"
    assert statement(living, known["value"], split, "after", renewed) == 200
    (line,) = next(row for row in finance.ask("settle.statements") if row["invoice"].endswith("after"))["lines"]
    assert [used["contracts"] for used in line["supplies"]] == [[renewed]]
    told = [row["share_fen"] for row in finance.ask("settle.statements") if row["invoice"].endswith("after")]
    (part,) = [part for part in rules.shares(known["gross_fen"], split) if part.party == party]
    assert told == [part.share_fen]


def offered(found: list[dict[str, Any]], dataset: str) -> list[Any]:
    """The splits that the offers of a dataset say."""
    return [offer["terms"].get("split") for row in found if row["dataset"] == dataset for offer in row["offers"]]


def statement(living: Living, known: dict[str, Any], split: list[dict[str, Any]], when: str, under: str) -> int:
    """How the bike company's node answers a statement of the group by these weights, of a period as long as it has run
    ("before"), or of July ("after"), whose uses lean on a contract of its own."""
    told = {"before": (known["from"], known["until"]), "after": ("2026-06-30T16:00:00Z", "2026-07-31T16:00:00Z")}[when]
    invoice = f"inv-{when}"
    key = f"st-{hexdigest([known['issuer_party'], invoice, known['party']])[:32]}"
    parts = [asdict(share) for share in rules.shares(known["gross_fen"], split)]
    times = {"first_at": told[0], "last_at": told[0]}
    lines = [
        {**line, "supplies": [{"contracts": [under], "uses": line["quantity"], **times}]} for line in known["lines"]
    ]
    said = {"lines": lines, "statement": key, "invoice": invoice, "from": told[0], "until": told[1], "parts": parts}
    value = living.signed(GROUP, {**known, **said})
    return living.message(GROUP, BIKE, "settle.statement", {"statement": value}).status_code
