"""What an operator has earned against what it may: revenue as invoices stand, per evaluation period (评估周期).

Contract: tests/settle/test_settle_service.py.
"""

from __future__ import annotations

from typing import Any

from datong.ground import clock, signing
from datong.ground.db import Tx
from datong.meter import service as meter
from datong.price import service as pricing
from datong.settle import rules, store
from datong.terms.verbs import view


@view()
def earnings(tx: Tx) -> list[dict[str, Any]]:
    """This operator's revenue (实际收入) against its maximum permitted revenue, per evaluation period of ceilings in
    force: deviation, the alert reached (80, 95 or 100 percent), what is to be adjusted, what the next survey deducts.

    Revenue is what invoices charge that were accepted or paid, of the products under these ceilings, by the time at
    which each was used (发改价格〔2025〕65号). What is below is to be adjusted only when the period is over.
    """
    told = []
    for may in pricing.permitted_revenues(tx):
        first, years = may["period"]["from_year"], may["period"]["years"]
        start, end = map(clock.text, rules.period_bounds(f"{first}-01-01/{first + years}-01-01"))
        of_products = _charged(tx, may["products"], start, end)
        state = pricing.revenue_state(sum(of_products.values()), may["mpr_fen"])
        if state["actual_fen"] < may["mpr_fen"] and tx.business_now < clock.instant(end):
            state["adjust"] = "none"
        told.append({**may, **state, "from": start, "until": end, "by_product": of_products})
    return told


def _charged(tx: Tx, products: list[str], start: str, end: str) -> dict[str, int]:
    """Product -> fen of this seller's uses from `start` to before `end`; of invoices over an edge, use by use."""
    me = signing.me(tx).party
    found = store.charged_between(tx, me, products, start, end)
    for invoice in store.charged_across(tx, me, products, start, end):
        within = meter.events_between(
            tx, agreement=invoice["agreement"], start=max(start, invoice["from_at"]), end=min(end, invoice["until_at"])
        )
        used = {event["id"] for event in within}
        lines = store.lines_of(tx, invoice["id"])
        fen = sum(line["unit_price_fen"] * len(used.intersection(line["events"])) for line in lines)
        found[invoice["product"]] = found.get(invoice["product"], 0) + fen
    return found
