"""What an operator has earned against what it may: revenue as invoices stand, per evaluation period (评估周期).

Contract: tests/settle/test_settle_service.py.
"""

from __future__ import annotations

from typing import Any

from datong.ground import clock, signing
from datong.ground.db import Tx
from datong.price import service as pricing
from datong.settle import rules, store
from datong.terms.verbs import view


@view()
def earnings(tx: Tx) -> list[dict[str, Any]]:
    """This operator's revenue (实际收入) against its maximum permitted revenue, per cost survey that ceilings in force
    rest on: deviation, the alert reached (80, 95 or 100 percent), what is to be adjusted, what the next survey deducts.

    Revenue is what invoices charge that were accepted or paid, of the products under these ceilings, by the period in
    which they were used (发改价格〔2025〕65号).
    """
    told = []
    for may in pricing.permitted_revenues(tx):
        first, years = may["period"]["from_year"], may["period"]["years"]
        start, end = map(clock.text, rules.period_bounds(f"{first}-01-01/{first + years}-01-01"))
        of_products = store.charged_between(tx, signing.me(tx).party, may["products"], start, end)
        state = pricing.revenue_state(sum(of_products.values()), may["mpr_fen"])
        told.append({**may, **state, "from": start, "until": end, "by_product": of_products})
    return told
