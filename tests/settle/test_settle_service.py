"""From metered uses to invoice, acceptance, postings, split and statements between real nodes: idempotent,
balanced, repeatable after a crash; altered, forged and replayed documents are refused."""

from __future__ import annotations

import copy
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from datong.deliver import store as deliver_store
from datong.ground import evidence, jobs, signing
from datong.ground.db import NODE
from datong.ground.evidence.leaves import leaves
from datong.ground.keys import PublicKey
from datong.ground.money import FEN_MAX
from datong.ground.refusal import Refusal
from datong.meter import service as meter
from datong.negotiate import store as negotiate_store
from datong.price import store as price_store
from datong.register.store import nodes
from datong.settle import rules, store
from datong.settle import service as settle
from datong.settle.service.ledger import reverse
from datong.settle.service.statements import _key as statement_key
from neighbours import PARTIES, Neighbours, node_code
from statements import asked_of

GROUP, LAB, BIKE, BUREAU = (PARTIES[name][0] for name in ("data-group", "city-lab", "bike-company", "traffic-bureau"))
SPLIT = [
    {"party": GROUP, "weight": 30, "payee_kind": "company", "account": "6222-g"},
    {"party": BUREAU, "weight": 40, "payee_kind": "treasury", "account": "treasury-5201"},
    {"party": BIKE, "weight": 30, "payee_kind": "company", "account": "6222-b"},
]
FEE = 99_999
AFTER = "2026-04-01T00:00:00Z"


def terms(**changes: Any) -> dict[str, Any]:
    return {
        "product": "P-FLOWS", "purpose": "industry_development", "delivery_form": "controlled",
        "tariff": {"kind": "per_delivery", "amount_fen": FEE}, "split": SPLIT, "inputs": [],
        "from": "2026-03-01T00:00:00Z", "until": "2027-03-01T00:00:00Z", **changes,
    }  # fmt: skip


def contract(world: Neighbours, id: str = "agr-1", **changes: Any) -> str:
    """The agreement data-group -> city-lab, as both sides hold it after the negotiation."""
    row = {
        "id": id, "code": id, "negotiation": "n", "dataset": "P-FLOWS", "offer_id": "o", "provider": node_code("data-group"),
        "consumer": node_code("city-lab"), "provider_party": GROUP, "consumer_party": LAB, "policy_hash": "h",
        "policy": {"id": id, "permissions": []}, "terms": terms(**changes), "from": "2026-03-01T00:00:00Z", "until": None,
        "agreed_at": "2026-03-01T00:00:00Z", "signatures": [], "keys": {}, "signed": "both", "digest": "d", "state": "FINALIZED",
    }  # fmt: skip
    for name in ("data-group", "city-lab"):
        with world.as_person(name) as tx:
            tx.add(negotiate_store.agreements, row)
    return id


def supply(world: Neighbours, supplier: str, **changes: Any) -> None:
    """The contract supplier -> data-group, which carries the split, as the supplier holds it."""
    row = {
        "id": f"agr-{supplier}", "code": "c", "negotiation": "n", "dataset": "R", "offer_id": "o",
        "provider": node_code(supplier), "consumer": node_code("data-group"), "provider_party": PARTIES[supplier][0],
        "consumer_party": GROUP, "policy_hash": "h", "policy": {"id": "p", "permissions": []},
        "terms": terms(product="R", tariff={"kind": "free", "amount_fen": 0}), "from": "2026-03-01T00:00:00Z",
        "until": None, "agreed_at": "2026-03-01T00:00:00Z", "signatures": [], "keys": {}, "signed": "both",
        "digest": "d", "state": "FINALIZED", **changes,
    }  # fmt: skip
    with world.as_person(supplier) as tx:
        tx.add(negotiate_store.agreements, row)


def pulled(world: Neighbours, agreement: str = "agr-1", into: str = "person", state: str = "COMPLETED") -> None:
    """The buyer's transfer, as its node keeps it."""
    with world.as_person("city-lab") as tx:
        number = deliver_store.next_process(tx)
        row = {
            "id": f"transfer-{number}", "side": "consumer", "agreement": agreement, "peer": node_code("data-group"),
            "peer_pid": "p", "callback": "", "format": "", "into": into, "state": state, "code": "", "reason": [],
            "suspended_by": "", "by": "", "at": "2026-03-02T00:00:00Z", "seq": number,
        }  # fmt: skip
        tx.add(deliver_store.processes, row)


@pytest.fixture
def world(tmp_path: Path) -> Neighbours:
    world = Neighbours(tmp_path, "data-group", "city-lab", "bike-company", "traffic-bureau")
    contract(world)
    pulled(world)
    for supplier in ("bike-company", "traffic-bureau"):
        supply(world, supplier)
    return world


def use(world: Neighbours, *versions: int, agreement: str = "agr-1", kind: str = "file_set") -> None:
    for version in versions:
        with world.stores["data-group"].begin(NODE, "deliver") as tx:
            meter.take(tx, agreement=agreement, grant="g", kind=kind, table="flows.cells", version=version, rows=1,
                       bytes_granted=10, files=[], decision={})  # fmt: skip


def bill(world: Neighbours, agreement: str = "agr-1", period: str = "2026-03") -> dict[str, Any]:
    with world.as_person("data-group") as tx:
        return settle.invoice(tx, agreement=agreement, period=period)


def at(world: Neighbours, name: str, verb: str, **named: Any) -> Any:
    with world.as_person(name) as tx:
        return getattr(settle, verb)(tx, **named)


def code_of(call: Any, *args: Any, **named: Any) -> str:
    with pytest.raises(Refusal) as refused:
        call(*args, **named)
    return refused.value.code


def balance(world: Neighbours, name: str, side: str = "posted_fen") -> dict[str, int]:
    return {row["account"]: row[side] for row in at(world, name, "balances") if row[side]}


def sums_to_zero(world: Neighbours) -> bool:
    for opened in world.stores.values():
        with opened.read() as tx:
            groups = select(func.sum(store.postings.c.amount_fen)).group_by(store.postings.c.entry)
            if any(total for (total,) in tx.all(groups)):
                return False
    return True


def settled(world: Neighbours) -> dict[str, Any]:
    """Three uses, one of a version paid before; billed, accepted, statements sent."""
    use(world, 1, 1, 2)
    world.at(AFTER)
    invoice = bill(world)
    world.carry(times=2)
    at(world, "city-lab", "accept_invoice", invoice=invoice["id"])
    world.carry(times=2)
    return invoice


def test_from_use_to_statement(world: Neighbours) -> None:
    invoice = settled(world)
    gross = 2 * FEE
    assert invoice["gross_fen"] == gross
    settlement = at(world, "data-group", "settlement", invoice=invoice["id"])
    assert settlement["state"] == "ACCEPTED"
    assert settlement["balanced"] is True
    shares = {part["party"]: part["share_fen"] for part in settlement["parts"]}
    assert shares == {GROUP: 60_000, BUREAU: 79_999, BIKE: 59_999}  # 30 : 40 : 30 of 199,998, the odd fen by party code
    assert balance(world, "data-group") == {
        f"Assets:Receivable:P{LAB}": gross, f"Income:Data:P{GROUP}": -shares[GROUP],
        f"Liabilities:Treasury:P{BUREAU}": -shares[BUREAU], f"Liabilities:Payable:P{BIKE}": -shares[BIKE],
    }  # fmt: skip
    assert balance(world, "city-lab") == {"Expenses:Data": gross, f"Liabilities:Payable:P{GROUP}": -gross}
    assert balance(world, "bike-company") == {
        f"Assets:Receivable:P{GROUP}": shares[BIKE],
        "Income:Data:Share": -shares[BIKE],
    }
    assert balance(world, "traffic-bureau") == {
        f"Assets:Receivable:P{GROUP}": shares[BUREAU],
        f"Liabilities:Treasury:P{BUREAU}": -shares[BUREAU],
    }
    (charge,) = at(world, "data-group", "ledger", reference=invoice["id"])
    assert {p["payee"] for p in charge["postings"] if "Treasury" in p["account"]} == {"treasury-5201"}
    for name, party in (("bike-company", BIKE), ("traffic-bureau", BUREAU)):
        (statement,) = at(world, name, "statements")
        assert (statement["share_fen"], statement["direction"]) == (shares[party], "received")
    assert sums_to_zero(world)


def ceiling(world: Neighbours, mpr_fen: int, **changes: Any) -> None:
    """A ceiling of the product as its operator holds it."""
    value = {"operator": GROUP, "survey": "survey-1", "period": {"from_year": 2026, "years": 1}, "trial": True,
             "mpr_fen": mpr_fen, **changes}  # fmt: skip
    row = {"survey": value["survey"], "product": "P-FLOWS", "cap_fen": FEE, "forecast_count": 2, "unit": "per_delivery",
           "issuer": BUREAU, "serial": 1, "value": value, "state": "IN_FORCE", "at": AFTER}  # fmt: skip
    with world.as_person("data-group") as tx:
        tx.add(price_store.ceilings, {"id": f"ceil-{value['survey']}", **row})


EARNED = [
    (200_000, 95, "fees", 0),
    (300_000, 0, "ceilings", 0),
    (199_998, 100, "none", 0),
    (150_000, 100, "ceilings", 49_998),
]


@pytest.mark.parametrize(("mpr_fen", "alert", "adjust", "deducted"), EARNED)
def test_an_operator_sees_what_it_earned_of_what_it_may(
    world: Neighbours, mpr_fen: int, alert: int, adjust: str, deducted: int
) -> None:
    ceiling(world, mpr_fen)
    ceiling(world, 1, survey="survey-2", operator=LAB)  # another's
    ceiling(world, 5, survey="survey-3", period={"from_year": 2027, "years": 3})
    ceiling(world, 5, survey="survey-4")
    with world.as_person("data-group") as tx:  # as one was kept that said no period yet
        old = tx.get(price_store.ceilings, "ceil-survey-4")
        assert old is not None
        tx.change(price_store.ceilings, "ceil-survey-4", value={k: v for k, v in old["value"].items() if k != "period"})
    use(world, 1, 2)
    world.at(AFTER)
    invoice = bill(world)["id"]
    earned, later = at(world, "data-group", "earnings")
    assert (earned["actual_fen"], earned["by_product"]) == (0, {}), "what the buyer has not accepted is not earned"
    world.carry(times=2)
    at(world, "city-lab", "accept_invoice", invoice=invoice)
    world.carry(times=2)
    earned, later = at(world, "data-group", "earnings")
    assert (earned["survey"], earned["from"], earned["until"]) == (
        "survey-1", "2025-12-31T16:00:00Z", "2026-12-31T16:00:00Z",
    )  # fmt: skip
    assert (earned["actual_fen"], earned["by_product"]) == (2 * FEE, {"P-FLOWS": 2 * FEE})
    running = adjust if deducted else "none"  # what is below is only known when the period is over
    assert (earned["alert_percent"], earned["adjust"], earned["next_deduction_fen"]) == (alert, running, deducted)
    world.at("2026-12-31T16:00:00Z")
    assert at(world, "data-group", "earnings")[0]["adjust"] == adjust
    assert (later["survey"], later["actual_fen"]) == ("survey-3", 0)
    assert at(world, "city-lab", "earnings") == []


def test_revenue_is_held_against_one_permitted_revenue_however_ceilings_are_set_anew(world: Neighbours) -> None:
    """Products under two surveys of one period count together against the later one, and a ceiling that another took
    the place of leaves no revenue out: what was earned under it is deducted in the next period too."""
    ceiling(world, 3 * FEE)
    contract(world, "agr-2", product="P-OTHER")
    with world.as_person("data-group") as tx:
        row = tx.get(price_store.ceilings, "ceil-survey-1")
        assert row is not None
        for id, product, survey, mpr, years in (
            ("c-2", "P-OTHER", "survey-2", FEE, 1), ("c-3", "P-FLOWS", "survey-9", 7, 3),
        ):  # fmt: skip
            value = {**row["value"], "survey": survey, "mpr_fen": mpr, "issued_at": "2026-03-01T00:00:00Z",
                     "period": {"from_year": 2026 if years == 1 else 2027, "years": years}}  # fmt: skip
            tx.add(price_store.ceilings, {**row, "id": id, "product": product, "survey": survey, "value": value})
        tx.change(price_store.ceilings, "ceil-survey-1", state="SUPERSEDED")
    use(world, 1)
    use(world, 1, agreement="agr-2")
    world.at(AFTER)
    for agreement in ("agr-1", "agr-2"):
        invoice = bill(world, agreement)["id"]
        pulled(world, agreement)
        world.carry(times=2)
        at(world, "city-lab", "accept_invoice", invoice=invoice)
        world.carry(times=2)
    earned, later = at(world, "data-group", "earnings")
    assert (earned["survey"], earned["mpr_fen"], earned["products"]) == ("survey-2", FEE, ["P-FLOWS", "P-OTHER"])
    assert (earned["actual_fen"], earned["next_deduction_fen"]) == (2 * FEE, FEE)
    assert (later["survey"], later["actual_fen"]) == ("survey-9", 0)


def test_revenue_belongs_to_the_period_in_which_it_was_used(world: Neighbours) -> None:
    """Also that of an invoice over the turn of the year; a year earned by its first day would be deducted wrongly."""
    ceiling(world, 10 * FEE)
    ceiling(world, 10 * FEE, survey="survey-2", period={"from_year": 2027, "years": 1})
    for when, versions in (("2026-12-31T15:59:59Z", (1, 2)), ("2026-12-31T16:00:00Z", (3,))):
        world.at(when)
        use(world, *versions)
    world.at("2027-02-01T00:00:00Z")
    invoice = bill(world, period="2026-12-15/2027-01-16")["id"]
    world.carry(times=2)
    at(world, "city-lab", "accept_invoice", invoice=invoice)
    world.carry(times=2)
    old, new = at(world, "data-group", "earnings")
    assert [old["actual_fen"], new["actual_fen"]] == [2 * FEE, FEE]
    assert [old["by_product"], new["by_product"]] == [{"P-FLOWS": 2 * FEE}, {"P-FLOWS": FEE}]


def test_every_use_is_billed_or_free_and_named_once(world: Neighbours) -> None:
    use(world, 1, 1, 2)
    use(world, 3, kind="preview")
    world.at(AFTER)
    lines = bill(world)["lines"]
    with world.as_person("data-group") as tx:
        totals = meter.totals(tx, "agr-1")
        ids = sorted(event["id"] for event in meter.events(tx, "agr-1"))
    assert {line["state"]: line["quantity"] for line in lines} == {n: c for n, c in totals["states"].items() if c}
    assert sorted(event for line in lines for event in line["events"]) == ids


def test_a_month_of_more_versions_than_a_line_can_name_is_billed(world: Neighbours) -> None:
    """A product built every hour has 744 versions in a month: its invoice is issued, kept by the buyer and accepted."""
    use(world, *range(1, 745))
    world.at(AFTER)
    invoice = bill(world)
    (line,) = invoice["lines"]
    assert (line["quantity"], line["amount_fen"], len(line["events"])) == (744, 744 * FEE, 744)
    assert line["description"] == "P-FLOWS flows.cells v1 … v744 (744)"
    world.carry()
    assert at(world, "city-lab", "accept_invoice", invoice=invoice["id"])["state"] == "ACCEPTED"


def test_an_invoice_that_nobody_could_write_or_read_is_refused_with_the_way_round(
    world: Neighbours, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten deliveries at the highest price come to more than one document may; so do more uses than a message holds."""
    contract(world, "agr-dear", tariff={"kind": "per_delivery", "amount_fen": FEN_MAX})
    use(world, 1, 2, agreement="agr-dear")
    world.at("2026-03-20T00:00:00Z")
    use(world, 1, 2, 3, agreement="agr-dear")
    world.at(AFTER)
    with pytest.raises(Refusal) as refused:
        bill(world, "agr-dear")
    assert (refused.value.code, refused.value.facts["gross_fen"]) == ("TRD-414", 3 * FEN_MAX)
    assert at(world, "data-group", "invoices") == []
    assert bill(world, "agr-dear", "2026-03-19/2026-04-01")["gross_fen"] == FEN_MAX
    use(world, 1, 1, 1)
    monkeypatch.setattr(rules, "USES_MAX", 2)
    world.at("2026-05-02T00:00:00Z")
    with pytest.raises(Refusal) as refused:
        bill(world, period="2026-04")
    assert (refused.value.code, refused.value.facts["uses"]) == ("TRD-414", 3)


def test_a_month_of_many_uses_is_billed_by_few_questions_each(world: Neighbours) -> None:
    """Of each use one reads back what is written of it, and nothing more, however many there are."""
    asked = []
    for month, after, uses in (("2026-03", AFTER, 10), ("2026-04", "2026-05-02T00:00:00Z", 40)):
        use(world, *[1] * uses)
        world.at(after)
        with asked_of(world.stores["data-group"]) as found:
            bill(world, period=month)
        asked.append(len([text for text in found if text.startswith("SELECT") and "usage" in text]))
    assert asked[1] - asked[0] <= 2 * 30, "the leaf's own reading of the row, and the row as it stands after"


def test_settling_twice_is_settling_once(world: Neighbours) -> None:
    invoice = settled(world)
    with world.as_person("data-group") as tx:
        before = {
            t.name: tx.all(select(t).order_by(t.c.id))
            for t in (store.invoices, store.lines, store.entries, store.postings)
        }
        again = settle.invoice(tx, agreement="agr-1", period="2026-03")
        after = {
            t.name: tx.all(select(t).order_by(t.c.id))
            for t in (store.invoices, store.lines, store.entries, store.postings)
        }
    assert again["id"] == invoice["id"]
    assert before == after
    at(world, "city-lab", "accept_invoice", invoice=invoice["id"])
    world.carry()
    assert balance(world, "city-lab")["Expenses:Data"] == 2 * FEE
    # another period that holds the same uses bills none of them again
    assert code_of(bill, world, period="2026-03-01/2026-03-31") == "TRD-410"


def test_a_crash_before_the_commit_leaves_nothing_and_the_repetition_is_whole(world: Neighbours) -> None:
    use(world, 1)
    world.at(AFTER)
    with pytest.raises(RuntimeError), world.as_person("data-group") as tx:
        settle.invoice(tx, agreement="agr-1", period="2026-03")
        raise RuntimeError("the node dies")
    assert at(world, "data-group", "invoices") == []
    assert world.outgoing("data-group") == []
    assert bill(world)["gross_fen"] == FEE
    assert len(world.outgoing("data-group")) == 1


def test_until_accepted_the_charge_is_pending(world: Neighbours) -> None:
    use(world, 1)
    world.at(AFTER)
    invoice = bill(world)
    assert balance(world, "data-group") == {}
    assert balance(world, "data-group", "pending_fen")[f"Assets:Receivable:P{LAB}"] == FEE
    world.carry()
    assert at(world, "data-group", "statements") == []
    assert (
        code_of(at, world, "data-group", "record_payment", invoice=invoice["id"], amount_fen=1, reference="b")
        == "TRD-409"
    )


def test_payment_until_nothing_is_receivable(world: Neighbours) -> None:
    invoice = settled(world)["id"]
    pay = {"invoice": invoice, "amount_fen": FEE, "reference": "bank-1"}
    for _ in range(2):  # the same bank reference counts once
        assert at(world, "data-group", "record_payment", **pay)["paid_fen"] == FEE
    assert at(world, "data-group", "record_payment", **{**pay, "reference": " bank-1\t"})["paid_fen"] == FEE
    assert code_of(at, world, "data-group", "record_payment", **{**pay, "amount_fen": FEE - 1}) == "TRD-413"
    assert (
        code_of(at, world, "data-group", "record_payment", invoice=invoice, amount_fen=FEE + 1, reference="x")
        == "TRD-411"
    )
    assert code_of(at, world, "data-group", "record_payment", invoice=invoice, amount_fen=0, reference="x") == "TRD-411"
    assert at(world, "data-group", "record_payment", **{**pay, "reference": "bank-2"})["state"] == "PAID"
    world.carry(times=2)  # the seller's receipt: the buyer's invoice is paid as well
    assert at(world, "city-lab", "invoice_shown", invoice=invoice)["state"] == "PAID"
    assert at(world, "city-lab", "settlement", invoice=invoice)["balanced"] is True
    assert f"Assets:Receivable:P{LAB}" not in balance(world, "data-group")
    assert balance(world, "city-lab") == {"Expenses:Data": 2 * FEE, "Assets:Bank": -2 * FEE}
    for name, party in (
        ("data-group", BIKE), ("bike-company", BIKE), ("data-group", BUREAU), ("traffic-bureau", BUREAU)
    ):  # fmt: skip
        (statement,) = [s for s in at(world, name, "statements") if s["party"] == party]
        for _ in range(2):
            at(
                world,
                name,
                "record_payout",
                statement=statement["id"],
                amount_fen=statement["share_fen"],
                reference="o",
            )
        other = {"statement": statement["id"], "amount_fen": 1, "reference": "o"}
        assert code_of(at, world, name, "record_payout", **other) == "TRD-413"
    assert balance(world, "data-group") == {"Assets:Bank": 60_000, f"Income:Data:P{GROUP}": -60_000}
    assert balance(world, "traffic-bureau") == {}  # collected for the treasury, paid to the treasury
    assert sums_to_zero(world)


def test_dispute_then_void_frees_the_uses_for_a_new_invoice(world: Neighbours) -> None:
    use(world, 1, 2)
    world.at(AFTER)

    def told(of: str) -> tuple[Any, ...]:
        found = at(world, of, "settlement", invoice=first)
        return tuple(found[name] for name in ("state", "open_fen", "balanced"))

    first = bill(world)["id"]
    world.carry()
    assert (told("data-group"), told("city-lab")) == (("ISSUED", 2 * FEE, True), ("RECEIVED", 0, True))
    at(world, "city-lab", "dispute_invoice", invoice=first, reason="one file was damaged")
    world.carry(times=2)
    assert (told("data-group"), told("city-lab")) == (("DISPUTED", 2 * FEE, True), ("DISPUTED", 0, True))
    at(world, "data-group", "void_invoice", invoice=first, reason="agreed")
    world.carry(times=2)
    assert (told("data-group"), told("city-lab")) == (("VOIDED", 0, True), ("VOIDED", 0, True))
    assert words_on(world, first) == [("disputed", LAB), ("voided", GROUP)]
    assert balance(world, "data-group", "pending_fen") == {}
    second = bill(world)
    assert second["id"] != first
    assert second["gross_fen"] == 2 * FEE
    world.carry()
    at(world, "city-lab", "accept_invoice", invoice=second["id"])
    world.carry()
    assert code_of(at, world, "data-group", "void_invoice", invoice=second["id"], reason="no") == "TRD-409"
    assert balance(world, "data-group")[f"Assets:Receivable:P{LAB}"] == 2 * FEE
    assert sums_to_zero(world)


def words_on(world: Neighbours, invoice: str) -> list[tuple[str, str]]:
    """What the two sides said of an invoice and whose signature stands under it: the same at both, as it was sent."""
    (sold,), (bought,) = (at(world, name, "invoices", id=invoice) for name in ("data-group", "city-lab"))
    assert sold["words"] == bought["words"]
    said = []
    for word in sold["words"]:
        (signature,) = word["signatures"]
        assert PublicKey(signature["key"]).verifies_value(signature["signature"], signing.unsigned(word))
        said.append((word["word"], signature["party"]))
    return said


@pytest.mark.parametrize("buyer_records", [False, True])
def test_a_receipt_is_kept_by_whom_it_was_given_to_also_where_it_had_recorded_the_payment_itself(
    world: Neighbours, buyer_records: bool
) -> None:
    use(world, 1)
    world.at(AFTER)
    invoice = bill(world)["id"]
    world.carry()
    at(world, "city-lab", "accept_invoice", invoice=invoice)
    world.carry()
    if buyer_records:
        at(world, "city-lab", "record_payment", invoice=invoice, amount_fen=FEE, reference="mine")
    at(world, "data-group", "record_payment", invoice=invoice, amount_fen=FEE, reference="b-1")
    world.carry(times=2)
    assert at(world, "city-lab", "settlement", invoice=invoice)["state"] == "PAID"
    assert words_on(world, invoice) == [("paid", GROUP)]
    (entry,) = [one["id"] for one in at(world, "data-group", "ledger", reference=invoice) if one["kind"] == "payment"]
    at(world, "data-group", "reverse_entry", entry=entry, reason="the bank took it back")
    world.carry(times=2)
    assert words_on(world, invoice) == [("paid", GROUP), ("unpaid", GROUP)]


def test_nothing_is_disputed_voided_or_reversed_without_a_reason(world: Neighbours) -> None:
    use(world, 1, 2)
    world.at(AFTER)
    first = bill(world, period="2026-03")["id"]
    world.carry(times=2)
    for blank in ("", " \t"):
        assert code_of(at, world, "city-lab", "dispute_invoice", invoice=first, reason=blank) == "GEN-420"
        assert code_of(at, world, "data-group", "void_invoice", invoice=first, reason=blank) == "GEN-420"
    at(world, "city-lab", "accept_invoice", invoice=first)
    world.carry(times=2)
    at(world, "data-group", "record_payment", invoice=first, amount_fen=1, reference="b-1")
    (entry,) = [one["id"] for one in at(world, "data-group", "ledger", reference=first) if one["kind"] == "payment"]
    assert code_of(at, world, "data-group", "reverse_entry", entry=entry, reason="") == "GEN-420"
    assert at(world, "data-group", "settlement", invoice=first)["open_fen"] == 2 * FEE - 1


def test_an_accepted_invoice_is_not_voided_and_the_refusal_speaks_of_the_invoice(world: Neighbours) -> None:
    invoice = settled(world)["id"]
    with pytest.raises(Refusal, match=rf"TRD-409.*{invoice} cannot void. Its state is ACCEPTED. Open now: pay, rev"):
        at(world, "data-group", "void_invoice", invoice=invoice, reason="wrong")


def test_a_reversal_undoes_a_payment_once_and_keeps_it(world: Neighbours) -> None:
    invoice = settled(world)["id"]
    at(world, "data-group", "record_payment", invoice=invoice, amount_fen=2 * FEE, reference="bank-1")
    entry = next(e["id"] for e in at(world, "data-group", "ledger", reference=invoice) if e["kind"] == "payment")
    for _ in range(2):
        made = at(world, "data-group", "reverse_entry", entry=entry, reason="wrong buyer")
        assert made["reverses"] == entry
        shown = at(world, "data-group", "settlement", invoice=invoice)
        assert (shown["state"], shown["open_fen"], shown["balanced"]) == ("ACCEPTED", 2 * FEE, True)
    assert balance(world, "data-group")[f"Assets:Receivable:P{LAB}"] == 2 * FEE
    charge = f"{invoice}-charge"
    assert code_of(at, world, "data-group", "reverse_entry", entry=charge, reason="x") == "TRD-412"
    assert code_of(at, world, "city-lab", "reverse_entry", entry=charge, reason="x") == "TRD-412"
    assert code_of(at, world, "data-group", "reverse_entry", entry=made["id"], reason="x") == "TRD-409"
    assert code_of(at, world, "data-group", "reverse_entry", entry="x", reason="x") == "TRD-404"
    assert len(at(world, "data-group", "ledger", reference=invoice)) == 3
    at(world, "data-group", "record_payment", invoice=invoice, amount_fen=2 * FEE, reference="bank-2")
    assert at(world, "data-group", "settlement", invoice=invoice)["state"] == "PAID"


def test_a_payment_that_the_bank_takes_back_is_told_to_the_buyer(world: Neighbours) -> None:
    """The buyer had it on the seller's receipt alone: the debt stands again, on both sides."""
    invoice = settled(world)["id"]
    for times in (1, 2):
        paid = {"invoice": invoice, "amount_fen": 2 * FEE, "reference": f"bank-{times}"}
        at(world, "data-group", "record_payment", **paid)
        world.carry(times=2)
        assert at(world, "city-lab", "invoice_shown", invoice=invoice)["state"] == "PAID"
        entry = payments(world, "data-group", invoice)[-1]
        at(world, "data-group", "reverse_entry", entry=entry, reason="cheque bounced")
        world.carry(times=2)
        shown = at(world, "city-lab", "settlement", invoice=invoice)
        assert (shown["state"], shown["open_fen"], shown["balanced"]) == ("ACCEPTED", 2 * FEE, True)
        assert at(world, "city-lab", "invoice_shown", invoice=invoice)["reason"] == "cheque bounced"
        assert balance(world, "city-lab") == {"Expenses:Data": 2 * FEE, f"Liabilities:Payable:P{GROUP}": -2 * FEE}
    assert sums_to_zero(world)


def test_what_the_buyer_paid_itself_stands_until_it_takes_it_back_itself(world: Neighbours) -> None:
    """A seller's word alone makes nobody owe what it has paid; it is told, and kept."""
    invoice = settled(world)["id"]
    for name in ("city-lab", "data-group"):
        at(world, name, "record_payment", invoice=invoice, amount_fen=2 * FEE, reference="bank-1")
    world.carry(times=2)
    at(world, "data-group", "reverse_entry", entry=payments(world, "data-group", invoice)[0], reason="sent back")
    world.carry(times=2)
    shown = at(world, "city-lab", "invoice_shown", invoice=invoice)
    assert (shown["state"], shown["paid_fen"], shown["reason"]) == ("PAID", 2 * FEE, "sent back")
    at(world, "city-lab", "reverse_entry", entry=payments(world, "city-lab", invoice)[0], reason="it is back")
    assert at(world, "city-lab", "settlement", invoice=invoice)["open_fen"] == 2 * FEE
    assert sums_to_zero(world)


def payments(world: Neighbours, name: str, invoice: str) -> list[str]:
    """The payments that stand, newest last."""
    entries = at(world, name, "ledger", reference=invoice)
    undone = {entry["reverses"] for entry in entries}
    return [entry["id"] for entry in entries if entry["kind"] == "payment" and entry["id"] not in undone]


def test_a_payment_recorded_wrongly_is_recorded_again_under_its_own_reference(world: Neighbours) -> None:
    """Typed 2 fees, reversed, recorded with what the bank says: the reference is the bank's and stays."""
    invoice = settled(world)["id"]
    pay = {"invoice": invoice, "reference": "bank-1"}
    for amount in (2 * FEE, FEE - 1):
        at(world, "data-group", "record_payment", **pay, amount_fen=amount)
        (entry,) = [e["id"] for e in at(world, "data-group", "ledger", reference=invoice)
                    if e["kind"] == "payment" and f"{e['id']}-rev" not in reversals(world, invoice)]  # fmt: skip
        at(world, "data-group", "reverse_entry", entry=entry, reason="typed wrongly")
    for _ in range(2):
        assert at(world, "data-group", "record_payment", **pay, amount_fen=FEE)["paid_fen"] == FEE
    shown = at(world, "data-group", "settlement", invoice=invoice)
    assert (shown["state"], shown["open_fen"], shown["balanced"]) == ("ACCEPTED", FEE, True)
    assert balance(world, "data-group")["Assets:Bank"] == FEE


def reversals(world: Neighbours, invoice: str) -> set[str]:
    return {e["id"] for e in at(world, "data-group", "ledger", reference=invoice) if e["kind"] == "reversal"}


def test_a_reference_recorded_with_another_amount_is_told_not_passed_over(world: Neighbours) -> None:
    invoice = settled(world)["id"]
    pay = {"invoice": invoice, "amount_fen": FEE, "reference": "bank-1"}
    at(world, "data-group", "record_payment", **pay)
    assert code_of(at, world, "data-group", "record_payment", **{**pay, "amount_fen": FEE - 1}) == "TRD-413"
    assert code_of(at, world, "data-group", "record_payment", **{**pay, "reference": " "}) == "TRD-413"
    (statement,) = at(world, "bike-company", "statements")
    out = {"statement": statement["id"], "amount_fen": 100, "reference": "o"}
    at(world, "bike-company", "record_payout", **out)
    assert code_of(at, world, "bike-company", "record_payout", **{**out, "amount_fen": 99}) == "TRD-413"
    assert code_of(at, world, "bike-company", "record_payout", **{**out, "reference": ""}) == "TRD-413"
    assert at(world, "bike-company", "statements")[0]["paid_fen"] == 100


def test_a_reversed_payout_is_owed_again(world: Neighbours) -> None:
    settled(world)
    (statement,) = at(world, "bike-company", "statements")
    paid = {"statement": statement["id"], "amount_fen": statement["share_fen"], "reference": "o"}
    at(world, "bike-company", "record_payout", **paid)
    entry = next(e["id"] for e in at(world, "bike-company", "ledger") if e["kind"] == "payout")
    at(world, "bike-company", "reverse_entry", entry=entry, reason="bounced")
    assert at(world, "bike-company", "statements")[0]["paid_fen"] == 0
    at(world, "bike-company", "record_payout", **paid)
    assert at(world, "bike-company", "statements")[0]["paid_fen"] == statement["share_fen"]


def paid_out_and_back(world: Neighbours, reason: str) -> None:
    """The seller pays the company's share, and the bank sends it back."""
    sent = next(row for row in at(world, "data-group", "statements") if row["party"] == BIKE)
    paid = {"statement": sent["id"], "amount_fen": sent["share_fen"], "reference": f"o-{reason}"}
    at(world, "data-group", "record_payout", **paid)
    entries = at(world, "data-group", "ledger", reference=sent["id"])
    (entry,) = {e["id"] for e in entries if e["kind"] == "payout"} - {e["reverses"] for e in entries}
    at(world, "data-group", "reverse_entry", entry=entry, reason=reason)
    world.carry(times=2)


def test_a_payout_that_comes_back_is_told_to_the_payee(world: Neighbours) -> None:
    """The payee learns why it is owed again; what its own finance recorded stands until that takes it back."""
    settled(world)
    paid_out_and_back(world, "account closed")
    (shown,) = at(world, "bike-company", "statements")
    assert (shown["reason"], shown["paid_fen"]) == ("account closed", 0)
    own = {"statement": shown["id"], "amount_fen": shown["share_fen"], "reference": "in-1"}
    at(world, "bike-company", "record_payout", **own)
    paid_out_and_back(world, "again")
    (shown,) = at(world, "bike-company", "statements")
    assert (shown["reason"], shown["paid_fen"]) == ("again", shown["share_fen"])
    assert sums_to_zero(world)


@pytest.mark.parametrize(
    ("sender", "changes"),
    [
        ("city-lab", {}),
        ("data-group", {"amount_fen": 0}),
        ("data-group", {"amount_fen": 10**9}),
        ("data-group", {"amount_fen": True}),
        ("data-group", {"digest": "sha256:" + "0" * 64}),
        ("data-group", {"statement": "st-none"}),
        ("data-group", {"more": "x"}),
    ],
)
def test_a_word_on_a_payout_is_the_issuers_on_its_own_statement(
    world: Neighbours, sender: str, changes: dict[str, Any]
) -> None:
    settled(world)
    (shown,) = at(world, "bike-company", "statements")
    with world.as_person(sender) as tx:
        bare = {"statement": shown["id"], "digest": shown["digest"], "amount_fen": 1, "reason": "x", "at": tx.now}
        notice = signing.signed(tx, {**bare, **changes})
    for body in ({"notice": notice}, {"notice": {**notice, "reason": "another"}}, {}):
        with world.as_peer("bike-company", sender) as tx:
            said = {"sender": node_code(sender), "body": body}
            assert code_of(settle.received_payout_returned, tx, **said) == "TRD-401"
    assert at(world, "bike-company", "statements")[0]["reason"] is None


def test_a_ledger_that_nets_to_nothing_is_not_called_balanced(world: Neighbours) -> None:
    invoice = settled(world)["id"]
    with world.as_person("data-group") as tx:
        reverse(tx, f"{invoice}-charge", "behind the back of the invoice")
    assert at(world, "data-group", "settlement", invoice=invoice)["balanced"] is False


def test_a_void_that_crosses_the_acceptance_holds_on_both_sides(world: Neighbours) -> None:
    use(world, 1)
    world.at(AFTER)
    first = bill(world)["id"]
    world.carry()
    at(world, "city-lab", "accept_invoice", invoice=first)
    at(world, "data-group", "void_invoice", invoice=first, reason="wrong")
    again = bill(world)["id"]
    world.carry(times=2)
    for name in ("data-group", "city-lab"):
        shown = at(world, name, "settlement", invoice=first)
        assert (shown["state"], shown["balanced"]) == ("VOIDED", True)
        assert balance(world, name) == {}
    at(world, "city-lab", "accept_invoice", invoice=again)
    world.carry()
    assert balance(world, "city-lab")["Expenses:Data"] == FEE


def test_a_void_with_the_longest_reason_is_heard_when_it_crosses_the_acceptance(world: Neighbours) -> None:
    use(world, 1)
    world.at(AFTER)
    first = bill(world)["id"]
    world.carry()
    at(world, "city-lab", "accept_invoice", invoice=first)
    at(world, "data-group", "void_invoice", invoice=first, reason="错" * 500)
    world.carry()
    assert at(world, "city-lab", "settlement", invoice=first)["state"] == "VOIDED"
    assert balance(world, "city-lab") == {}


def test_a_void_that_the_buyer_could_not_take_is_said_again_when_it_accepts(world: Neighbours) -> None:
    """A message that failed at the buyer leaves its place in the order: then the void comes before its invoice."""
    use(world, 1)
    world.at(AFTER)
    first = bill(world)["id"]
    at(world, "data-group", "void_invoice", invoice=first, reason="wrong")
    _, void = world.outgoing("data-group")
    assert code_of(world.deliver, "city-lab", "data-group", void["type"], void["body"]) == "TRD-404"
    with world.stores["data-group"].begin(NODE) as tx:
        tx.change(jobs.jobs, void["id"], state="failed")
    world.carry()
    at(world, "city-lab", "accept_invoice", invoice=first)
    assert balance(world, "city-lab")["Expenses:Data"] == FEE
    world.carry(times=2)
    assert at(world, "city-lab", "settlement", invoice=first)["state"] == "VOIDED"
    assert balance(world, "city-lab") == balance(world, "data-group") == {}


@pytest.mark.parametrize("paid_fen", [FEE, 1])
def test_a_void_that_crosses_a_payment_leaves_the_money_owed_by_the_seller(world: Neighbours, paid_fen: int) -> None:
    use(world, 1)
    world.at(AFTER)
    first = bill(world)["id"]
    world.carry()
    at(world, "city-lab", "accept_invoice", invoice=first)
    at(world, "city-lab", "record_payment", invoice=first, amount_fen=paid_fen, reference="bank-1")
    at(world, "data-group", "void_invoice", invoice=first, reason="wrong")
    again = bill(world)["id"]
    world.carry(times=2)
    shown = at(world, "city-lab", "settlement", invoice=first)
    assert (shown["state"], shown["open_fen"], shown["balanced"]) == ("VOIDED", -paid_fen, True)
    assert balance(world, "city-lab") == {f"Liabilities:Payable:P{GROUP}": paid_fen, "Assets:Bank": -paid_fen}
    entry = next(e["id"] for e in at(world, "city-lab", "ledger", reference=first) if e["kind"] == "payment")
    at(world, "city-lab", "reverse_entry", entry=entry, reason="came back")
    shown = at(world, "city-lab", "settlement", invoice=first)
    assert (shown["state"], shown["open_fen"], shown["balanced"]) == ("VOIDED", 0, True)
    at(world, "city-lab", "accept_invoice", invoice=again)
    at(world, "city-lab", "record_payment", invoice=again, amount_fen=FEE, reference="bank-1")
    world.carry()
    assert at(world, "data-group", "settlement", invoice=again)["state"] == "ACCEPTED"
    assert balance(world, "city-lab") == {"Expenses:Data": FEE, "Assets:Bank": -FEE}


def test_a_party_without_a_node_is_owed_its_share_and_holds_nobody_up(world: Neighbours) -> None:
    """A department of the split that runs no node: the buyer's acceptance counts, and the treasury is paid."""
    office = {"party": "11520000000000000X", "weight": 100, "payee_kind": "treasury", "account": "treasury-5200"}
    contract(world, "agr-office", split=[*SPLIT, office])
    pulled(world, "agr-office")
    use(world, 1, agreement="agr-office")
    world.at(AFTER)
    invoice = bill(world, "agr-office")["id"]
    world.carry()
    at(world, "city-lab", "accept_invoice", invoice=invoice)
    (accepted,) = world.outgoing("city-lab")
    world.deliver("data-group", "city-lab", accepted["type"], accepted["body"])
    assert at(world, "data-group", "settlement", invoice=invoice)["state"] == "ACCEPTED"
    (statement,) = [s for s in at(world, "data-group", "statements") if s["party"] == office["party"]]
    assert (statement["direction"], statement["share_fen"]) == ("unsent", 49_999)
    told = {m["body"]["statement"]["party"] for m in world.outgoing("data-group") if m["type"] == "settle.statement"}
    assert told == {BIKE, BUREAU}
    at(world, "data-group", "record_payout", statement=statement["id"], amount_fen=49_999, reference="o")
    assert f"Liabilities:Treasury:P{office['party']}" not in balance(world, "data-group")
    assert balance(world, "data-group")["Assets:Bank"] == -49_999


def test_a_payee_whose_node_left_is_owed_and_its_statement_is_not_called_sent(world: Neighbours) -> None:
    with world.as_person("data-group") as tx:
        tx.change(nodes, node_code("bike-company"), state="revoked")
    settled(world)
    (left,) = [row for row in at(world, "data-group", "statements") if row["party"] == BIKE]
    assert left["direction"] == "unsent" and left["share_fen"] > 0
    assert at(world, "bike-company", "statements") == []
    paid_out_and_back(world, "account closed")
    at(world, "data-group", "record_payout", statement=left["id"], amount_fen=left["share_fen"], reference="o")
    assert f"Liabilities:Payable:P{BIKE}" not in balance(world, "data-group")
    assert sums_to_zero(world)


def test_periods_must_be_over_and_hold_uses(world: Neighbours) -> None:
    use(world, 1)
    assert code_of(bill, world) == "TRD-406"
    assert code_of(bill, world, period="march") == "TRD-422"
    world.at(AFTER)
    assert code_of(bill, world, period="2026-02") == "TRD-410"
    assert code_of(at, world, "city-lab", "invoice", agreement="agr-1", period="2026-03") == "TRD-403"


@pytest.mark.parametrize(
    ("instant", "period"),
    [
        ("2026-03-31T15:59:59.999999Z", "2026-03"),
        ("2026-03-31T16:00:00Z", "2026-04"),
        ("2026-03-31T16:00:00.000001Z", "2026-04"),
        ("2026-03-31T16:00:00.5Z", "2026-04"),
        ("2028-02-29T15:59:59.5Z", "2028-02"),
        ("2028-02-29T16:00:00.5Z", "2028-03"),
    ],
)
def test_a_use_is_billed_in_the_month_in_which_it_was_made(world: Neighbours, instant: str, period: str) -> None:
    """Beijing's month, to the microsecond: as texts a half second of April sorts before its first instant."""
    world.at(instant)
    use(world, 1)
    world.at("2028-06-01T00:00:00Z")
    for other in {"2026-03", "2026-04", "2028-02", "2028-03"} - {period}:
        assert code_of(bill, world, period=other) == "TRD-410"
    assert bill(world, period=period)["gross_fen"] == FEE


def test_free_use_is_invoiced_at_zero_without_postings(world: Neighbours) -> None:
    contract(world, "agr-free", tariff={"kind": "free", "amount_fen": 0}, split=[], purpose="public_welfare")
    use(world, 1, 2, agreement="agr-free")
    world.at(AFTER)
    invoice = bill(world, "agr-free")
    assert invoice["gross_fen"] == 0
    assert [line["state"] for line in invoice["lines"]] == ["FREE"]
    world.carry()
    at(world, "city-lab", "accept_invoice", invoice=invoice["id"])
    world.carry()
    assert at(world, "data-group", "ledger") == []
    assert at(world, "data-group", "settlement", invoice=invoice["id"])["balanced"] is True
    for name in ("city-lab", "data-group"):  # nothing is due, and no payment would ever say so
        assert at(world, name, "invoice_shown", invoice=invoice["id"])["state"] == "PAID"
        with world.stores[name].read() as tx:
            assert tx.all(select(leaves).where(leaves.c.act == "settle.invoice_paid"))
    assert at(world, "city-lab", "accept_invoice", invoice=invoice["id"])["state"] == "PAID", "once more is nothing"


def test_a_contract_that_pays_a_department_in_cash_is_not_settled(world: Neighbours) -> None:
    contract(world, "agr-cash", split=[{**part, "payee_kind": "company"} for part in SPLIT])
    use(world, 1, agreement="agr-cash")
    world.at(AFTER)
    assert code_of(bill, world, "agr-cash") == "TRD-408"
    assert at(world, "data-group", "invoices") == []


# --- attacks ---------------------------------------------------------------------------------------------------


def resigned(world: Neighbours, name: str, value: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A document changed and properly signed anew by `name`."""
    with world.as_person(name) as tx:
        return signing.signed(tx, {**copy.deepcopy(value), **changes, "signatures": []})


def test_an_altered_or_inflated_invoice_is_refused(world: Neighbours) -> None:
    use(world, 1)
    world.at(AFTER)
    bill(world)
    (message,) = world.outgoing("data-group")
    value = message["body"]["invoice"]
    line = value["lines"][0]
    inflated = [
        {"gross_fen": FEE + 1},
        {"lines": [{**line, "amount_fen": FEE + 1}], "gross_fen": FEE + 1},
        {"lines": [{**line, "unit_price_fen": 2 * FEE, "amount_fen": 2 * FEE}], "gross_fen": 2 * FEE},
        {"lines": [{**line, "quantity": 2, "amount_fen": 2 * FEE}], "gross_fen": 2 * FEE},
        {"lines": [line, {**line, "number": 2}], "gross_fen": 2 * FEE},
        {"lines": [{**line, "events": [1]}]},
        {"tariff": {"kind": "per_delivery", "amount_fen": 2 * FEE}},
        {"buyer_party": BIKE},
        {"seller_party": BIKE},
        {"purpose": "public_welfare"},
    ]
    for changes in inflated:
        body = {"invoice": resigned(world, "data-group", value, **changes)}
        assert code_of(world.deliver, "city-lab", "data-group", "settle.invoice", body) == "TRD-401"
    assert (
        code_of(world.deliver, "city-lab", "data-group", "settle.invoice", {"invoice": {**value, "gross_fen": 1}})
        == "TRD-401"
    )
    assert (
        code_of(world.deliver, "city-lab", "data-group", "settle.invoice", {"invoice": {**value, "x": 1}}) == "TRD-401"
    )
    assert code_of(world.deliver, "city-lab", "data-group", "settle.invoice", {}) == "TRD-401"
    stranger = {"invoice": resigned(world, "bike-company", value)}
    assert code_of(world.deliver, "city-lab", "bike-company", "settle.invoice", stranger) == "TRD-401"
    world.deliver("city-lab", "data-group", "settle.invoice", message["body"])
    other = {"invoice": resigned(world, "data-group", value, issued_at="2026-05-01T00:00:00Z")}
    assert code_of(world.deliver, "city-lab", "data-group", "settle.invoice", other) == "TRD-401"


def sent_invoice(world: Neighbours, *versions: int) -> dict[str, Any]:
    use(world, *versions)
    world.at(AFTER)
    bill(world)
    (message,) = world.outgoing("data-group")
    return dict(message["body"]["invoice"])


def invoiced(world: Neighbours, value: dict[str, Any], **changes: Any) -> None:
    body = {"invoice": resigned(world, "data-group", value, **changes)}
    world.deliver("city-lab", "data-group", "settle.invoice", body)


def test_the_same_use_is_not_bought_twice(world: Neighbours) -> None:
    value = sent_invoice(world, 1)
    invoiced(world, value)
    april = {"invoice": "inv-2", "from": value["until"], "until": "2026-05-01T00:00:00Z"}
    assert code_of(invoiced, world, value, **april) == "TRD-401"
    assert len(at(world, "city-lab", "invoices")) == 1


@pytest.mark.parametrize(
    ("start", "end"),
    [("2025-03-01T00:00:00Z", "2025-04-01T00:00:00Z"), ("x", "y"), ("2026-04-01T00:00:00Z", "2026-03-01T00:00:00Z")],
)
def test_a_period_outside_the_contract_is_refused(world: Neighbours, start: str, end: str) -> None:
    value = sent_invoice(world, 1)
    assert code_of(invoiced, world, value, **{"from": start, "until": end}) == "TRD-401"


@pytest.mark.parametrize("changes", [
    {"invoice": 'x"\n2026-01-01 * "forged'}, {"invoice": ""}, {"invoice": "i" * 80}, {"issued_at": "tomorrow"},
    {"issued_at": "2026-04-01"}, {"issued_at": "0001-01-01T00:00:00+08:00"}, {"until": "2026-04-01T00:00:00+08:00"},
    {"lines": "twice"},
])  # fmt: skip
def test_an_invoice_that_could_not_be_kept_or_shown_is_refused(world: Neighbours, changes: dict[str, Any]) -> None:
    """Its id is part of other keys and of the text for beancount; a line number twice was a fault tried again for ever."""
    contract(world, "agr-free", tariff={"kind": "free", "amount_fen": 0})
    use(world, 1, agreement="agr-free")
    world.at(AFTER)
    bill(world, "agr-free")
    (message,) = world.outgoing("data-group")
    value = message["body"]["invoice"]
    if "lines" in changes:
        changes = {"lines": [*value["lines"], {**value["lines"][0], "quantity": 0, "events": []}]}
    assert code_of(invoiced, world, value, **changes) == "TRD-401"
    assert at(world, "city-lab", "invoices") == []


def test_deliveries_the_buyer_never_had_are_refused(world: Neighbours) -> None:
    contract(world, "agr-ghost")
    use(world, *range(50), agreement="agr-ghost")
    world.at(AFTER)
    bill(world, "agr-ghost")
    (message,) = world.outgoing("data-group")
    assert code_of(invoiced, world, message["body"]["invoice"]) == "TRD-401"
    pulled(world, "agr-ghost", into="node")
    assert code_of(invoiced, world, message["body"]["invoice"]) == "TRD-401"
    pulled(world, "agr-ghost", state="REQUESTED")
    assert code_of(invoiced, world, message["body"]["invoice"]) == "TRD-401"
    assert at(world, "city-lab", "invoices") == []


def test_deliveries_are_charged_once_over_all_invoices(world: Neighbours) -> None:
    """One table came; a second invoice charges one more under an invented use."""
    contract(world, "agr-node")
    pulled(world, "agr-node", into="node")
    kept = {"id": "file-1", "agreement": "agr-node", "transfer": "t", "dataset": "P-FLOWS", "share": "s", "path": "p",
            "schema_name": "flows", "table_name": "cells", "version": 1, "digest": "d", "rows": 1, "bytes": 1,
            "at": "2026-03-02T00:00:00Z", "state": "held"}  # fmt: skip
    with world.as_person("city-lab") as tx:
        tx.add(deliver_store.received, kept)
    use(world, 1, agreement="agr-node")
    world.at(AFTER)
    first = bill(world, "agr-node")["id"]
    (message,) = world.outgoing("data-group")
    value = message["body"]["invoice"]
    world.carry()
    more = {
        "invoice": "inv-more", "from": value["until"], "until": "2026-05-01T00:00:00Z",
        "lines": [{**value["lines"][0], "events": ["use-invented"]}],
    }  # fmt: skip
    assert code_of(invoiced, world, value, **more) == "TRD-401"
    assert [row["id"] for row in at(world, "city-lab", "invoices")] == [first]
    at(world, "data-group", "void_invoice", invoice=first, reason="wrong")
    again = bill(world, "agr-node")["id"]  # what a voided invoice charged is charged anew
    world.carry()
    assert at(world, "city-lab", "settlement", invoice=again)["state"] == "RECEIVED"


def test_a_tariff_nobody_can_compute_is_refused(world: Neighbours) -> None:
    gib = {"kind": "per_gib", "amount_fen": FEE}
    contract(world, "agr-gib", tariff=gib)
    pulled(world, "agr-gib")
    value = sent_invoice(world, 1)
    assert code_of(invoiced, world, value, agreement="agr-gib", tariff=gib, invoice="inv-gib") == "TRD-401"


def test_only_the_seller_says_that_it_is_paid(world: Neighbours) -> None:
    invoice = settled(world)
    bare = {"invoice": invoice["id"], "digest": invoice["digest"], "word": "paid", "reason": "r", "at": AFTER}
    forged = {"notice": resigned(world, "bike-company", bare)}
    assert code_of(world.deliver, "city-lab", "bike-company", "settle.paid", forged) == "TRD-401"
    assert at(world, "city-lab", "invoice_shown", invoice=invoice["id"])["state"] == "ACCEPTED"


def test_nobody_accepts_in_the_name_of_the_buyer(world: Neighbours) -> None:
    use(world, 1)
    world.at(AFTER)
    invoice = bill(world)
    bare = {"invoice": invoice["id"], "digest": invoice["digest"], "word": "accepted", "reason": "", "at": AFTER}
    forged = {"notice": resigned(world, "bike-company", bare)}
    assert code_of(world.deliver, "data-group", "bike-company", "settle.accepted", forged) == "TRD-401"
    assert code_of(world.deliver, "data-group", "city-lab", "settle.accepted", forged) == "TRD-401"
    wrong = {"notice": resigned(world, "city-lab", bare, digest="sha256:0")}
    assert code_of(world.deliver, "data-group", "city-lab", "settle.accepted", wrong) == "TRD-401"
    as_dispute = {"notice": resigned(world, "city-lab", bare, word="disputed")}
    assert code_of(world.deliver, "data-group", "city-lab", "settle.accepted", as_dispute) == "TRD-401"
    assert code_of(at, world, "data-group", "accept_invoice", invoice=invoice["id"]) == "TRD-403"


def statement_to(world: Neighbours, name: str) -> dict[str, Any]:
    use(world, 1)
    world.at(AFTER)
    invoice = bill(world)["id"]
    world.carry()
    at(world, "city-lab", "accept_invoice", invoice=invoice)
    (accepted,) = world.outgoing("city-lab")
    world.deliver("data-group", "city-lab", accepted["type"], accepted["body"])
    found = [m["body"]["statement"] for m in world.outgoing("data-group") if m["to"] == node_code(name)]
    return dict(next(value for value in found if value))


def test_a_statement_that_does_not_follow_is_refused(world: Neighbours) -> None:
    value = statement_to(world, "bike-company")
    parts = value["parts"]
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"gross_fen": value["gross_fen"] - 100}, "TRD-401"),
        ({"parts": [{**p, "share_fen": p["share_fen"] + 1} if p["party"] == GROUP else p for p in parts]}, "TRD-401"),
        ({"parts": [{**p, "weight": 1} if p["party"] == BIKE else p for p in parts]}, "TRD-401"),
        ({"parts": [p for p in parts if p["party"] != BIKE]}, "TRD-401"),
        ({"parts": [{**p, "payee_kind": "company"} for p in parts]}, "TRD-408"),
        ({"parts": []}, "TRD-400"),
        ({"party": BUREAU}, "TRD-401"),
        ({"issued_at": "soon"}, "TRD-401"),
        ({"until": "~"}, "TRD-401"),
        ({"issuer_party": BIKE}, "TRD-401"),
        ({"lines": ["x"]}, "TRD-401"),
        ({"lines": [{**line, "quantity": 7} for line in value["lines"]]}, "TRD-401"),
        ({"lines": [{**line, "unit_price_fen": 1.0} for line in value["lines"]]}, "TRD-401"),
        (owing_the_other_way(value), "TRD-401"),
    ]
    for changes, code in wrong:
        body = {"statement": resigned(world, "data-group", value, **changes)}
        assert code_of(world.deliver, "bike-company", "data-group", "settle.statement", body) == code
    assert code_of(world.deliver, "bike-company", "city-lab", "settle.statement", {"statement": value}) == "TRD-401"
    assert at(world, "bike-company", "statements") == []
    world.deliver("bike-company", "data-group", "settle.statement", {"statement": value})
    other = {"statement": resigned(world, "data-group", value, issued_at="2026-05-01T00:00:00Z")}
    assert code_of(world.deliver, "bike-company", "data-group", "settle.statement", other) == "TRD-401"


def owing_the_other_way(value: dict[str, Any]) -> dict[str, Any]:
    """The same invoice with a price below zero: the supplier would owe."""
    gross = -value["gross_fen"]
    lines = [{**x, "unit_price_fen": -x["unit_price_fen"], "amount_fen": -x["amount_fen"]} for x in value["lines"]]
    parts = [asdict(part) for part in rules.shares(gross, value["parts"])]
    return {"gross_fen": gross, "lines": lines, "parts": parts}


def test_a_stranger_posts_no_income(world: Neighbours) -> None:
    """A member without a contract, and a contract partner with another split or another number."""
    value = statement_to(world, "bike-company")
    parts = [
        {"party": BIKE, "weight": 1, "payee_kind": "company", "account": "6222-b", "share_fen": 10**9, "exact": f"{10**9}/1"}
    ]  # fmt: skip
    line = {
        "number": 1,
        "description": "d",
        "state": "MONETIZABLE",
        "quantity": 1,
        "unit_price_fen": 10**9,
        "amount_fen": 10**9,
    }
    invented = {"invoice": "inv-x", "agreement": "agr-x", "gross_fen": 10**9, "lines": [line], "parts": parts}
    for sender, party in (("city-lab", LAB), ("data-group", GROUP)):
        key = statement_key(party, "inv-x", BIKE)
        body = {"statement": resigned(world, sender, value, **invented, issuer_party=party, statement=key)}
        assert code_of(world.deliver, "bike-company", sender, "settle.statement", body) == "TRD-401"
    renumbered = {"statement": resigned(world, "data-group", value, statement="st-again")}
    assert code_of(world.deliver, "bike-company", "data-group", "settle.statement", renumbered) == "TRD-401"
    assert balance(world, "bike-company") == {}


@pytest.mark.parametrize("changes", [{"signed": "one side"}, {"until": "2026-02-20T00:00:00Z"}, {"consumer": "x"}])
def test_a_contract_that_promises_nothing_brings_no_income(world: Neighbours, changes: dict[str, str]) -> None:
    value = statement_to(world, "bike-company")
    with world.as_person("bike-company") as tx:
        tx.change(negotiate_store.agreements, "agr-bike-company", **changes)
    body = {"statement": value}
    assert code_of(world.deliver, "bike-company", "data-group", "settle.statement", body) == "TRD-401"


def test_only_finance_may(world: Neighbours) -> None:
    use(world, 1)
    world.at(AFTER)
    with world.as_person("data-group", "p-1", "product_manager") as tx:
        assert code_of(settle.invoice, tx, agreement="agr-1", period="2026-03") == "GEN-403"
        assert code_of(settle.export_beancount, tx) == "GEN-403"


def test_every_record_has_a_leaf_that_fits_it(world: Neighbours) -> None:
    invoice = settled(world)["id"]
    at(world, "data-group", "record_payment", invoice=invoice, amount_fen=FEE, reference="bank-1")
    tables = (store.invoices, store.lines, store.billed, store.entries, store.postings, store.statements)
    for name, opened in world.stores.items():
        with opened.read() as tx:
            for table in tables:
                for row in tx.all(select(table)):
                    of = (evidence.leaves.c.table_name == table.name) & (evidence.leaves.c.record_id == row.id)
                    found = tx.all(select(evidence.leaves).where(of).order_by(evidence.leaves.c.seq))
                    assert found[-1].record_digest == evidence.row_digest(tx, table, dict(row._mapping)), (name, row.id)


def test_the_export_names_every_live_entry(world: Neighbours) -> None:
    invoice = settled(world)["id"]
    text = at(world, "data-group", "export_beancount")["text"]
    assert f'id: "{invoice}-charge"' in text
    assert f"Assets:Receivable:P{LAB}  1999.98 CNY" in text
