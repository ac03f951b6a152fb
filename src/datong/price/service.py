"""The verbs of price: survey costs and set ceilings (authorising body), set and publish fees (operator).

Message: price.ceiling carries a ceiling signed by the authorising body to the operator's node.
Contract: tests/price/.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from datong.authorise import service as authorise
from datong.ground import evidence, outbox, signing, workdays
from datong.ground.canonical import hexdigest
from datong.ground.db import Tx, Window, new_id
from datong.ground.money import FEN_MAX
from datong.ground.refusal import refusal_in, unless_unknown
from datong.price import rules, store
from datong.price.model import (
    ABOVE_CEILING,
    BAD_AMOUNT,
    BAD_MESSAGE,
    CEILING_LOWERED,
    CHARGED_PURPOSES,
    FREE_PURPOSES,
    MUST_BE_FREE,
    NOT_IMPLEMENTING,
    NOT_PUBLISHED,
    OTHER_PRICE,
    PERIOD_OVER,
    SURVEY_OVER,
    UNITS,
    UNKNOWN,
    CeilingState,
    FeeState,
)
from datong.register import service as register
from datong.terms.roles import Role
from datong.terms.verbs import verb, view

CEILING_FIELDS = {
    "ceiling": str, "survey": str, "product": str, "operator": str, "cap_fen": int, "forecast_count": int,
    "unit": str, "mpr_fen": int, "period": dict, "trial": bool, "serial": int, "issued_at": str, "signatures": list,
}  # fmt: skip

COUNT_MAX = 2**31 - 1
"""The largest count that every store holds."""


@verb(Role.price_officer)
def survey_costs(tx: Tx, *, survey: dict[str, Any]) -> dict[str, Any]:
    """Record a cost survey (成本监审) and compute the maximum permitted revenue (最高准许收入) from it.

    The same survey again gives the same record. Shape: see datong.price.rules.maximum_permitted_revenue; previous is
    left out for an operator's first period only (PRC-621).
    """
    figures = [asdict(figure) for figure in rules.maximum_permitted_revenue(survey)]
    rules.check_previous(survey, store.surveys_of(tx, str(survey["operator"])))
    key = f"survey-{hexdigest(survey)[:32]}"
    if tx.get(store.surveys, key) is None:
        mpr = int(figures[-1]["value"])
        tx.add(
            store.surveys,
            {
                "id": key, "operator": str(survey["operator"]), "serial": store.next_survey(tx), "survey": survey,
                "figures": figures, "mpr_fen": mpr, "surveyed_by": tx.actor.person, "at": tx.now,
            },
        )  # fmt: skip
        evidence.append(tx, "price.costs_surveyed", store.surveys, key, operator=survey["operator"], mpr_fen=mpr)
    row = tx.get(store.surveys, key)
    assert row is not None
    return row


@verb(Role.price_officer)
def set_ceiling(
    tx: Tx, *, survey: str, product: str, cap_fen: int, forecast_count: int, operator_node: str = "",
    unit: str = "per_delivery",
) -> dict[str, Any]:  # fmt: skip
    """Set the ceiling fee of a product within the maximum permitted revenue and send it, signed, to the operator.

    Only the implementing body may, under whose agreement the operator uses the product's public data.
    forecast_count: expected charged deliveries in the period, at least 1; the sum of cap x forecast over all products
    of the operator in the period may not exceed the MPR of its latest survey.
    """
    basis = tx.get(store.surveys, survey)
    if basis is None:
        raise UNKNOWN(thing=f"survey {survey}")
    _amount("cap_fen", cap_fen)
    _amount("forecast_count", forecast_count, least=1, most=COUNT_MAX)
    _unit(unit)
    if operator_node and operator_node[1:19] != basis["operator"]:
        zh, en = f"运营机构 {basis['operator']} 的节点", f"a node of the operator {basis['operator']}"
        raise BAD_AMOUNT(field="operator_node", value=operator_node[:40], zh=zh, en=en)
    issuer = signing.me(tx).party
    if issuer not in _implementing(tx, product, basis["operator"]):
        raise NOT_IMPLEMENTING(product=product, operator=basis["operator"])
    same = _same_period(tx, basis)
    if same[-1]["id"] != survey:
        raise SURVEY_OVER(product=product, latest=same[-1]["id"])
    others = store.other_ceilings(tx, issuer, [one["id"] for one in same], product)
    rules.check_ceilings(product, cap_fen, forecast_count, others, basis["mpr_fen"])
    bare = {
        "ceiling": new_id("ceil"), "survey": survey, "product": product, "operator": basis["operator"],
        "cap_fen": cap_fen, "forecast_count": forecast_count, "unit": unit, "mpr_fen": basis["mpr_fen"],
        "period": basis["survey"]["period"], "trial": basis["survey"]["trial"],
        "serial": store.last_serial(tx, product, issuer) + 1, "issued_at": tx.now,
    }  # fmt: skip
    value = signing.signed(tx, bare)
    _store_ceiling(tx, value, issuer, "price.ceiling_set")
    if operator_node and operator_node != signing.me(tx).code:
        outbox.send(tx, to=operator_node, type="price.ceiling", body={"ceiling": value}, key=str(value["ceiling"]))
    return value


@verb(Role.product_manager)
def set_fee(tx: Tx, *, product: str, purpose: str, amount_fen: int, unit: str = "per_delivery") -> dict[str, Any]:
    """Set the fee (公共数据运营服务费) of a product for one purpose; it holds once published.

    product: the code of a registered product of this organisation.
    """
    _own_product(tx, product)
    _amount("amount_fen", amount_fen)
    _unit(unit)
    if purpose not in FREE_PURPOSES | CHARGED_PURPOSES:
        known = ", ".join(sorted(FREE_PURPOSES | CHARGED_PURPOSES))
        raise BAD_AMOUNT(field="purpose", value=purpose, zh=f" {known} 之一", en=f"one of {known}")
    ceiling = check_tariff(tx, product=product, purpose=purpose, amount_fen=amount_fen)
    for old in store.fees_of(tx, product, FeeState.SET, purpose=purpose):
        _supersede_fee(tx, old["id"])
    key = new_id("fee")
    tx.add(
        store.fees,
        {
            "id": key, "product": product, "purpose": purpose, "amount_fen": amount_fen, "unit": unit,
            **_bound(ceiling), "state": FeeState.SET.value,
            "set_by": tx.actor.person, "set_at": tx.now,
        },
    )  # fmt: skip
    evidence.append(tx, "price.fee_set", store.fees, key, product=product, purpose=purpose, amount_fen=amount_fen)
    return dict(tx.get(store.fees, key) or {})


@verb(Role.product_manager)
def publish_fees(tx: Tx, *, product: str) -> list[dict[str, Any]]:
    """Publish the fees set for a product; earlier ones for the same purposes are superseded."""
    fresh = store.fees_of(tx, product, FeeState.SET)
    if not fresh and not store.fees_of(tx, product, FeeState.PUBLISHED):
        raise UNKNOWN(thing=f"fee of {product[:80]}")
    for fee in fresh:
        # the ceiling may have been lowered since the fee was set
        check_tariff(tx, product=product, purpose=fee["purpose"], amount_fen=fee["amount_fen"])
        for old in store.fees_of(tx, product, FeeState.PUBLISHED, purpose=fee["purpose"]):
            _supersede_fee(tx, old["id"])
        tx.change(store.fees, fee["id"], state=FeeState.PUBLISHED.value, published_at=tx.now)
        evidence.append(tx, "price.fee_published", store.fees, fee["id"], product=product, purpose=fee["purpose"])
    return store.fees_of(tx, product, FeeState.PUBLISHED)


def fee_in_force(tx: Tx, product: str, purpose: str) -> dict[str, Any]:
    """The published fee {amount_fen, unit, cap_fen, ceiling, ...} of a product for a purpose.

    PRC-605 when none is published; PRC-602 when a later ceiling is below it.
    """
    published = store.fees_of(tx, product, FeeState.PUBLISHED, purpose=purpose)
    if not published:
        raise NOT_PUBLISHED(product=product, purpose=purpose)
    fee = published[-1]
    return {**fee, **_bound(check_tariff(tx, product=product, purpose=purpose, amount_fen=fee["amount_fen"]))}


def check_tariff(tx: Tx, *, product: str, purpose: str, amount_fen: int) -> dict[str, Any] | None:
    """The ceiling in force under which an amount may be charged for a purpose, or None where none is needed.

    PRC-601 when the purpose is free, PRC-608 without a ceiling, PRC-620 with one of another period, PRC-602 above it.
    """
    known, year = store.ceilings_of(tx, product), workdays.china_date(tx.business_now).year
    ceiling = next((one for one in known if rules.in_period(one["value"].get("period"), year)), None)
    cap, under = ceiling["cap_fen"] if ceiling else None, guided(tx, product)
    if known and ceiling is None and under and purpose not in FREE_PURPOSES:
        period = max((one["value"]["period"] for one in known), key=lambda told: int(told["from_year"]))
        told = rules.years(period)
        raise PERIOD_OVER(product=product, from_year=told["from_year"], to_year=told["to_year"], year=year)
    rules.check_fee(product, purpose, amount_fen, cap, guided=under)
    return ceiling


def check_contracted(tx: Tx, *, product: str, purpose: str, amount_fen: int) -> None:
    """Whether an amount may stand in a contract: of a product with public data among its inputs the published fee alone
    (PRC-611, PRC-605), so that all have it at the same price (27号 art. 3); of others what the two agree on."""
    if not guided(tx, product):
        return
    fee = fee_in_force(tx, product, purpose)
    if fee["amount_fen"] != amount_fen:
        raise OTHER_PRICE(product=product, purpose=purpose, amount_fen=amount_fen, fee_fen=fee["amount_fen"])


def check_delivered(tx: Tx, *, product: str, purpose: str, amount_fen: int) -> None:
    """PRC-630 where a contract charges more for a product of public data than its ceiling is by now: a ceiling bounds
    what is charged, whenever it was agreed."""
    if not amount_fen:
        return
    refused = refusal_in(lambda: check_tariff(tx, product=product, purpose=purpose, amount_fen=amount_fen))
    if refused is not None and refused.code == ABOVE_CEILING.code:
        raise CEILING_LOWERED(product=product, amount_fen=amount_fen, cap_fen=refused.facts["cap_fen"])


def check_supplied(tx: Tx, *, resource: str, purpose: str, amount_fen: int) -> None:
    """PRC-601 where a resource of public data would cost something for governance or welfare; what a company takes for
    its own data, and a body for its data from industry, the two agree on."""
    if purpose in FREE_PURPOSES and amount_fen and register.resource(tx, resource)["public_data"]:
        raise MUST_BE_FREE(product=resource, purpose=purpose, amount_fen=amount_fen)


def _own_product(tx: Tx, product: str) -> None:
    """PRC-404 unless a product of this party is registered with that code: a fee of another name, its id here among
    them, is asked for by nobody."""
    row = unless_unknown(lambda: register.product(tx, product)) or {}
    if (row.get("code"), row.get("owner")) != (product, signing.me(tx).party):
        raise UNKNOWN(thing=f"product {product[:80]}")


def _bound(ceiling: dict[str, Any] | None) -> dict[str, Any]:
    return {"ceiling": ceiling["id"] if ceiling else None, "cap_fen": ceiling["cap_fen"] if ceiling else None}


def guided(tx: Tx, product: str) -> bool:
    """Whether public data are among the inputs, so that the price is under government guidance.

    A product whose inputs are not all known here counts as guided.
    """
    public = unless_unknown(lambda: [register.resource(tx, code)["public_data"] for code in _inputs(tx, product)])
    return not public or any(public)


def _inputs(tx: Tx, product: str) -> list[str]:
    return list(register.product(tx, product).get("inputs") or [])


def _implementing(tx: Tx, product: str, operator: str) -> set[str]:
    """The bodies that may set the ceiling of a product of `operator`; none for a product that is not known here."""
    bodies = unless_unknown(lambda: authorise.implementing_parties(tx, inputs=_inputs(tx, product), operator=operator))
    return bodies or set()


@view()
def prices(tx: Tx, *, id: str = "", limit: int | None = None, offset: int = 0) -> dict[str, Any]:
    """Surveys with every figure's formula, ceilings with their years, and fees known at this node, oldest first.

    id: one alone. limit, offset: how many of each, after how many.
    """
    told = store.everything(tx, Window(id, limit, offset))
    return {**told, "ceilings": [{**one, **rules.years(one["value"].get("period"))} for one in told["ceilings"]]}


@view()
def fees(
    tx: Tx, *, product: str | None = None, limit: int | None = None, offset: int = 0
) -> list[dict[str, Any]]:  # fmt: skip
    """Fees with their ceilings, of one product or all, oldest first.

    limit, offset: how many, after how many.
    """
    return store.all_fees(tx, product, Window(limit=limit, offset=offset))


def due(tx: Tx, most: int) -> dict[str, list[str]]:
    """What waits for a deed of this node in the room, by the view that lists it and its part: fees that are set and not
    published, the longest waiting first, at most so many. Contract: tests/web/test_overview.py."""
    return {"price.prices:fees": tx.longest(store.fees, "set_at", store.fees.c.state == FeeState.SET, most)}


def permitted_revenues(tx: Tx) -> list[dict[str, Any]]:
    """What this party may earn as operator, per body and evaluation period with ceilings in force, the oldest period
    first: {survey, issuer, period: {from_year, years}, trial, mpr_fen, products}. One revenue for a period, that of the
    survey under which a ceiling was set last; products: all that had a ceiling of that body in a year of it, for what
    was sold under a superseded one counts too. Ceilings of before say no period, and are left out until set anew."""
    mine, of_period = signing.me(tx).party, dict[tuple[Any, ...], list[dict[str, Any]]]()
    known = [row for row in store.all_ceilings(tx) if row["value"]["operator"] == mine and "period" in row["value"]]
    for row in sorted(known, key=lambda row: str(row["value"].get("issued_at", ""))):
        period = row["value"]["period"]
        of_period.setdefault((row["issuer"], period["from_year"], period["years"]), []).append(row)
    told = [
        {**{name: rows[-1]["value"][name] for name in ("survey", "period", "trial", "mpr_fen")}, "issuer": issuer,
         "products": _ceiled(known, issuer, rows[-1]["value"]["period"])}
        for (issuer, *_), rows in of_period.items() if any(row["state"] == CeilingState.IN_FORCE for row in rows)
    ]  # fmt: skip
    return sorted(told, key=lambda one: (one["period"]["from_year"], one["survey"]))


def _ceiled(known: list[dict[str, Any]], issuer: str, period: dict[str, Any]) -> list[str]:
    """The products for which a body set a ceiling in a year of a period."""
    of = (row for row in known if row["issuer"] == issuer and rules.same_period(row["value"]["period"], period))
    return sorted({row["product"] for row in of})


revenue_state = rules.revenue_state


@view()
def revenue(tx: Tx, *, survey: str, actual_fen: int) -> dict[str, Any]:
    """Actual revenue against the maximum permitted revenue of a survey: deviation, alert level, what to adjust."""
    basis = tx.get(store.surveys, survey)
    if basis is None:
        raise UNKNOWN(thing=f"survey {survey}")
    return rules.revenue_state(actual_fen, basis["mpr_fen"])


def received_ceiling(tx: Tx, *, sender: str, body: dict[str, Any]) -> None:
    """price.ceiling: a ceiling for this party, signed by a body whose agreement it operates under."""
    value = body.get("ceiling")
    if not isinstance(value, dict) or set(value) != set(CEILING_FIELDS):
        raise BAD_MESSAGE(why="消息结构不符。", why_en="The message is not of the agreed form.")
    if any(type(value[name]) is not kind for name, kind in CEILING_FIELDS.items()):
        raise BAD_MESSAGE(why="字段类型不符。", why_en="A field is of the wrong type.")
    sound = 0 <= value["cap_fen"] <= FEN_MAX and value["unit"] in UNITS and not rules.period_problems(value["period"])
    if not sound or not all(isinstance(s, dict) for s in value["signatures"]):
        raise BAD_MESSAGE(why="字段取值不符。", why_en="A field has a value that is not allowed.")
    party = register.node(tx, sender)
    if not signing.signed_by(value, party["party"], party["public_key"]):
        raise BAD_MESSAGE(why="签名无效。", why_en="The signature does not verify.")
    if value["operator"] != signing.me(tx).party:
        raise BAD_MESSAGE(why="该上限不是给本主体的。", why_en="The ceiling is for another operator.")
    if party["party"] not in _implementing(tx, value["product"], value["operator"]):
        raise BAD_MESSAGE(
            why="发送方不是授权本主体运营该产品公共数据的实施机构。",
            why_en="The sender is not the implementing body under whose agreement this party uses the product's data.",
        )
    if tx.get(store.ceilings, value["ceiling"]) is None:
        _store_ceiling(tx, value, str(party["party"]), "price.ceiling_received")


def _store_ceiling(tx: Tx, value: dict[str, Any], issuer: str, act: str) -> None:
    """Keep a ceiling; of one issuer and period the one with the highest serial is in force, whatever the order of
    arrival: one that is set ahead for the next period leaves this one's standing."""
    period = value["period"]
    others = [
        one for one in store.ceilings_by(tx, value["product"], issuer)
        if rules.same_period(one["value"].get("period"), period)
    ]  # fmt: skip
    newer = all(one["serial"] < value["serial"] for one in others)
    for one in others:
        if one["serial"] < value["serial"] and one["state"] == CeilingState.IN_FORCE:
            tx.change(store.ceilings, one["id"], state=CeilingState.SUPERSEDED.value)
            evidence.append(tx, "price.ceiling_superseded", store.ceilings, one["id"], by=value["ceiling"])
    same = ("survey", "product", "cap_fen", "forecast_count", "unit", "serial")
    row = {name: value[name] for name in same}
    state = CeilingState.IN_FORCE if newer else CeilingState.SUPERSEDED
    tx.add(
        store.ceilings,
        {**row, "id": value["ceiling"], "issuer": issuer, "value": value, "state": state.value, "at": tx.now},
    )
    evidence.append(tx, act, store.ceilings, value["ceiling"], product=value["product"], cap_fen=value["cap_fen"])


def _supersede_fee(tx: Tx, fee: str) -> None:
    tx.change(store.fees, fee, state=FeeState.SUPERSEDED.value)
    evidence.append(tx, "price.fee_superseded", store.fees, fee)


def _same_period(tx: Tx, basis: dict[str, Any]) -> list[dict[str, Any]]:
    """The surveys of the operator of `basis` that share a year with it, itself among them, the latest last."""
    period = basis["survey"]["period"]
    return [
        one for one in store.surveys_of(tx, basis["operator"]) if rules.same_period(one["survey"]["period"], period)
    ]


def _amount(field: str, value: int, least: int = 0, most: int = FEN_MAX) -> None:
    if type(value) is not int or not least <= value <= most:
        zh, en = f"{least} 至 {most} 的整数", f"an integer of {least} to {most}"
        raise BAD_AMOUNT(field=field, value=value, zh=zh, en=en)


def _unit(unit: str) -> None:
    if unit not in UNITS:
        raise BAD_AMOUNT(field="unit", value=unit, zh=f" {', '.join(UNITS)} 之一", en=f"one of {', '.join(UNITS)}")
