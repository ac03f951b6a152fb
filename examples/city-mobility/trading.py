"""Price, catalogue, negotiate, deliver, settle: what is bought of whom, for how much, and where the money goes.

Contract: tests/journey/test_journey_delivery.py and test_journey_evidence.py.
"""

from __future__ import annotations

import json
import subprocess
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paperwork import BIKE, BUREAU, GROUP, HERE, LAB, PURPOSE, REGISTRY, ROOT, first_day, parties
from reporting import counted
from world import Person, Refused, keep

if TYPE_CHECKING:
    from journey import Journey

TEMPLATE = "mobility-sale"
"""Of the group's own making: policies/mobility-sale.yaml."""
FROM, UNTIL = first_day().isoformat(), "2029-03-01"


def supply(j: Journey) -> str:
    """The two owners offer counts of their resources for a weight of the revenue, which so stands in a contract that
    they sign; the group contracts with both by the Dataspace Protocol. What is made of the counts stays under their
    policy (policies/mobility-supply.json), so it names every purpose the product is to be sold for."""
    policy = json.loads((HERE / "policies" / "mobility-supply.json").read_text("utf-8"))
    for slug, name in ((BIKE, "trips"), (BUREAU, "passages")):
        manager = j.who(slug, "product_manager")
        title = "共享单车骑行行程（仅供联合统计）" if name == "trips" else "卡口过车记录（仅供联合统计）"
        manager.do(
            "catalogue.publish", dataset=j.codes[name], title=title,
            description="在提供方节点内按约定分组计数，交付每组不少于 5 名不同个体的统计结果。",
            purposes=[PURPOSE], from_at=FROM, until_at=UNTIL, split=j.facts("price")["split"], policy=policy,
        )  # fmt: skip
        j.known[f"{name}.agreement"] = contract(j, j.who(GROUP, "product_manager"), slug, j.codes[name])
    made = counted(len(j.known["negotiations"]), "contract")
    return f"{made}, each requested, agreed, verified and finalized by signed messages"


def contract(j: Journey, buyer: Person, provider: str, dataset: str, purpose: str = PURPOSE) -> str:
    """Read the provider's catalogue, request its offer for `purpose`, wait for both signatures; the agreement's id."""
    node = j.codes[f"node:{provider}"]
    buyer.do("catalogue.harvest", node=node)
    found = j.until(
        buyer, "catalogue.find", lambda rows: [r for r in rows if r["dataset"] == dataset], f"the offer of {provider}"
    )
    listing = next(row for row in found if row["dataset"] == dataset)
    offer = next(o for o in listing["offers"] if o["terms"]["purpose"] == purpose)
    done = requested(j, buyer, "the contract", provider=node, dataset=dataset, offer_id=offer["id"], purpose=purpose)
    if done["state"] != "FINALIZED":
        raise TimeoutError(f"the negotiation with {provider} ended: {done.get('reason')}")
    j.known.setdefault("negotiations", []).append(done)
    return str(done["agreement"])


def requested(j: Journey, buyer: Person, what: str, **asked: str) -> dict[str, Any]:
    """A negotiation that the buyer began, as it stands at its end."""
    begun = buyer.do("negotiate.request", **asked)
    over = ("FINALIZED", "TERMINATED")
    return dict(j.until(buyer, "negotiate.negotiation", lambda n: n["state"] in over, what, id=begun["id"]))


def price(j: Journey) -> str:
    """Cost survey, maximum permitted revenue, ceiling; the fee at or below it; one above it is refused."""
    officer = j.who(REGISTRY, "price_officer")
    manager = j.who(GROUP, "product_manager")
    told = j.facts("price")
    survey = officer.do("price.survey_costs", survey=j.facts("cost-survey"))
    ceiling = told["ceiling"]
    officer.do("price.set_ceiling", survey=survey["id"], operator_node=j.codes[f"node:{GROUP}"], **ceiling)
    j.until(manager, "price.prices", lambda found: found["ceilings"], "the ceiling to arrive at the group")
    try:
        manager.do("price.set_fee", product=j.codes["product"], **told["refused_fee"])
    except Refused as refused:
        above = j.known["refused_fee"] = refused.code
    else:
        raise TimeoutError("a fee above the ceiling was accepted")
    for fee in told["fees"]:
        manager.do("price.set_fee", product=j.codes["product"], **fee)
    manager.do("price.publish_fees", product=j.codes["product"])
    fee = next(f["amount_fen"] for f in told["fees"] if f["purpose"] == PURPOSE)
    j.known["mpr_fen"] = survey["mpr_fen"]
    return (
        f"maximum permitted revenue ¥{survey['mpr_fen'] / 100:,.2f}; ceiling ¥{ceiling['cap_fen'] / 100:,.2f};"
        f" fee ¥{fee / 100:,.2f}; one fen above the ceiling was refused ({above})"
    )


def catalogue(j: Journey) -> str:
    """The group's lawyer writes the template of its sales; the product is listed by it once every gate passed; the
    buyer's search finds it."""
    manager = j.who(GROUP, "product_manager")
    text = (HERE / "policies" / f"{TEMPLATE}.yaml").read_text("utf-8")
    j.who(GROUP, "legal").do("catalogue.write_policy_template", name=TEMPLATE, text=text)
    manager.do(
        "catalogue.publish", dataset=j.codes["product"], template=TEMPLATE, title="城市出行流量 mobility-flows",
        description="按区域与时段统计的单车起讫、骑行人数与分类型车辆数，各组不少于 5 名不同个体。",
        purposes=["public_governance", "public_welfare", PURPOSE], from_at=FROM, until_at=UNTIL,
        split=j.facts("price")["split"],
    )  # fmt: skip
    analyst = j.who(LAB, "analyst")
    analyst.do("catalogue.harvest", node=j.codes[f"node:{GROUP}"])
    found = j.until(analyst, "catalogue.find", len, "the product in the search", q="出行流量")
    return f"listed with one offer per purpose; city-lab's search for 出行流量 finds {len(found)}"


def negotiate(j: Journey) -> str:
    """The buyer contracts for the product; a purpose that the policy does not allow is refused."""
    analyst = j.who(LAB, "analyst")
    refused = refused_purpose(j, analyst)
    j.known["product.agreement"] = contract(j, analyst, GROUP, j.codes["product"])
    mine = analyst.ask("negotiate.contract", id=j.known["product.agreement"])
    signed = f"{str(mine['state']).lower()} and signed by {mine['signed']}"
    return f"city-lab's contract is {signed}; a request for credit scoring was refused ({refused})"


def refused_purpose(j: Journey, analyst: Person) -> str:
    node = j.codes[f"node:{GROUP}"]
    found = analyst.ask("catalogue.find", q="出行流量")
    offer = next(o for o in found[0]["offers"] if o["terms"]["purpose"] == PURPOSE)
    asked = {"provider": node, "dataset": j.codes["product"], "offer_id": offer["id"], "purpose": "credit_scoring"}
    done = requested(j, analyst, "the refusal", **asked)
    if done["state"] == "FINALIZED":
        raise TimeoutError("a purchase for credit scoring was accepted")
    j.known["refused_purpose"] = done
    return str((done.get("reason") or {}).get("code") or done["state"])


def deliver(j: Journey) -> str:
    """The buyer receives with the stock delta-sharing client; the grant is one usage event, its bytes reconciled."""
    agreement = j.known["product.agreement"]
    manager, analyst = j.who(GROUP, "product_manager"), j.who(LAB, "analyst")
    j.until(manager, "negotiate.agreements", lambda rows: any(r["id"] == agreement and r["state"] == "FINALIZED" for r in rows), "the group's side")  # fmt: skip
    manager.do("deliver.offer_product", agreement=agreement)
    transfer = analyst.do("deliver.request_transfer", agreement=agreement, into="person")
    j.until(
        analyst,
        "deliver.transfers",
        lambda rows: any(r["state"] in ("STARTED", "COMPLETED") for r in rows),
        "the transfer",
        agreement=agreement,
    )
    profile = analyst.do("deliver.profile", agreement=agreement)
    share = j.folder / LAB / "mobility-flows.share"
    share.write_text(json.dumps(profile))
    share.chmod(0o600)
    j.known["received"] = receive(j, share)
    j.known["transfer"] = transfer
    analyst.do("deliver.complete_transfer", transfer=transfer["id"])
    events = j.until(
        j.who(GROUP, "finance"), "meter.usage", lambda rows: rows and all(r["reconciled_at"] for r in rows),
        "the bytes to be reconciled", agreement=agreement,
    )  # fmt: skip
    j.known["usage"] = events
    got = j.known["received"]
    return f"{got['client']} received {got['rows']:,} rows, {got['bytes']:,} bytes; {len(events)} usage event"


def receive(j: Journey, share: Path) -> dict[str, Any]:
    out = j.folder / LAB / "received"
    kept = out / "received.json"
    if kept.exists():  # a resumed run: the transfer is complete, its token is void
        return dict(json.loads(kept.read_text()))
    command = [ROOT / "clients/.venv/bin/python", ROOT / "clients/receive.py", share, out]

    def attempt() -> Any:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return json.loads(done.stdout.strip().splitlines()[-1])
        j.known["receive_error"] = done.stderr[-500:]
        return None

    got = dict(j.world.wait_for(attempt, "the stock client to receive"))
    keep(kept, got)
    return got


def settle(j: Journey) -> str:
    """An invoice from the metered event, balanced postings, the split of the contract, a statement per party; paid,
    and paid out: the bureau's share to the treasury account."""
    finance, buyer = j.who(GROUP, "finance"), j.who(LAB, "finance")
    month = j.known["today"].strftime("%Y-%m")
    j.to_day(first_of_next_month(j.known["today"]) + timedelta(days=5))  # only a finished period is invoiced
    invoice = finance.do("settle.invoice", agreement=j.known["product.agreement"], period=month)
    j.known["invoice"] = invoice
    j.until(buyer, "settle.invoices", len, "the invoice at the buyer")
    buyer.do("settle.accept_invoice", invoice=invoice["id"])
    j.until(
        finance, "settle.invoice_shown", lambda found: found["state"] not in ("ISSUED", "issued", "pending"),
        "the acceptance at the group", invoice=invoice["id"],
    )  # fmt: skip
    finance.do(
        "settle.record_payment", invoice=invoice["id"], amount_fen=invoice["gross_fen"], reference="演示收款 0001"
    )
    for slug in (BIKE, BUREAU):
        j.until(j.who(slug, "finance"), "settle.statements", len, f"the statement at {slug}")
    for person in (finance, buyer):
        j.until(
            person, "settle.settlement", lambda found: found["state"] == "PAID" and found["balanced"],
            "both sides to hold the invoice as paid", invoice=invoice["id"],
        )  # fmt: skip
    pay_out(j, finance, invoice["id"])
    j.known["settlement"] = finance.ask("settle.settlement", invoice=invoice["id"])
    j.known["statements"] = finance.ask("settle.statements", invoice=invoice["id"])
    j.known["balances"] = finance.ask("settle.balances")
    names = {party["credit_code"]: slug for slug, party in parties().items()}
    parts = ", ".join(f"{names[s['party']]} ¥{s['share_fen'] / 100:,.2f}" for s in j.known["statements"])
    paid = sum(1 for s in j.known["statements"] if s["direction"] == "sent" and s["paid_fen"] == s["share_fen"])
    return f"invoice ¥{invoice['gross_fen'] / 100:,.2f}; split {parts}; paid, and {counted(paid, 'share')} paid out"


def pay_out(j: Journey, finance: Person, invoice: str) -> None:
    """Each share is paid to the account the contract names; payer and payee record it under one reference."""
    slugs = {party["credit_code"]: slug for slug, party in parties().items()}
    for number, sent in enumerate(finance.ask("settle.statements", invoice=invoice), 1):
        if sent["direction"] != "sent":
            continue
        paid = {"statement": sent["id"], "amount_fen": sent["share_fen"], "reference": f"演示付款 {number:04}"}
        for person in (finance, j.who(slugs[sent["party"]], "finance")):
            person.do("settle.record_payout", **paid)


def first_of_next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
