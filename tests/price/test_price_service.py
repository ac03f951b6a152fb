"""Ceilings from the authorising body to the operator, fees below them, publication; attacks on the message."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from datong.authorise import store as authorise_store
from datong.ground import evidence, signing
from datong.ground.refusal import Refusal
from datong.price import service as price
from datong.price import store
from neighbours import PARTIES, Neighbours, node_code

GROUP = PARTIES["data-group"][0]
FLOWS = "P-FLOWS"
SURVEY = {
    "operator": GROUP, "period": {"from_year": 2026, "years": 3},
    "costs": [{"item": "all", "category": "platform", "amount_fen": 1_000_000, "charged": True}],
    "subsidy_fen": 0, "bond_yield": "0.0180", "profit_rate": "0.0780", "tax_fen": 22_000,
    "complete_year": False, "trial": True,
}  # fmt: skip
MPR = 1_100_000


@pytest.fixture
def world(tmp_path: Path) -> Neighbours:
    world = Neighbours(tmp_path, "data-bureau", "data-group", "city-lab")
    world.register("resource", "R-GATES", "traffic-bureau", public_data=True)
    world.register("resource", "R-TRIPS", "bike-company")
    world.register("product", FLOWS, "data-group", inputs=["R-GATES", "R-TRIPS"])
    world.register("product", "P-BIKES", "data-group", inputs=["R-TRIPS"])
    world.register("product", "P-OTHER", "data-group", inputs=["R-GATES"])
    world.register("product", "P-LATER", "data-group", inputs=["R-GATES"])
    operates(world)
    return world


BODY, SUPPLIER = PARTIES["data-bureau"][0], PARTIES["traffic-bureau"][0]


def operates(world: Neighbours) -> None:
    """The agreement data-bureau -> data-group and the consent it stands on, as both nodes keep them."""
    for at in ("data-bureau", "data-group"):
        granted(world, at, "agreement", BODY, GROUP)
        granted(world, at, "consent", SUPPLIER, BODY)


def granted(world: Neighbours, at: str, kind: str, grantor: str, grantee: str, **changes: Any) -> None:
    row = {
        "id": f"ins-{kind}", "kind": kind, "state": "IN_FORCE", "title": "t", "grantor_party": grantor,
        "grantee_party": grantee, "grantee_node": "", "resources": ["R-GATES"], "purposes": ["industry_development"],
        "acts": [], "items": {}, "parents": [],
        "from_at": "2026-03-01T00:00:00Z", "until_at": "2027-03-01T00:00:00Z", "copies_to": [], "value": {}, "digest": "",
        "serial": 1, "drafted_by": "", "drafter_let_in_by": "", "changed_at": "2026-03-01T00:00:00Z", **changes,
    }  # fmt: skip
    with world.as_person(at) as tx:
        tx.add(authorise_store.instruments, row)


def test_only_the_implementing_body_of_the_product_sets_its_ceiling(world: Neighbours) -> None:
    """Neither the operator itself, nor a body whose agreement is over other data, nor one whose agreement ended."""
    ask = {"cap_fen": 1, "forecast_count": 1, "product": FLOWS}

    def set_at(name: str, **changes: Any) -> Any:
        with world.as_person(name) as tx:
            survey = price.survey_costs(tx, survey=SURVEY)["id"]
            return price.set_ceiling(tx, survey=survey, operator_node=node_code("data-group"), **{**ask, **changes})

    for name in ("data-group", "city-lab"):
        assert code_of(set_at, name) == "PRC-403"
    assert code_of(set_at, "data-bureau", product="P-BIKES") == "PRC-403"  # company data alone: no guided price
    assert code_of(set_at, "data-bureau", product="P-NONE") == "PRC-403"
    assert set_at("data-bureau")["cap_fen"] == 1
    with world.as_person("data-bureau") as tx:
        tx.change(authorise_store.instruments, "ins-agreement", state="WITHDRAWN")
    assert code_of(set_at, "data-bureau") == "PRC-403"


@pytest.mark.parametrize("over", ["another resource", "no consent to it"])
def test_a_ceiling_of_a_body_over_other_data_is_refused(world: Neighbours, over: str) -> None:
    """A friendly body with an agreement of its own cannot lift the ceiling of this product."""
    friend, codes = PARTIES["city-lab"][0], ["R-OTHER"] if over == "another resource" else ["R-GATES"]
    for at in ("city-lab", "data-group"):
        granted(world, at, "agreement", friend, GROUP, id="ins-friend", resources=codes)
    ceiling(world, 100_000)
    (message,) = world.outgoing("data-bureau")
    value = {**message["body"]["ceiling"], "cap_fen": 10**6, "serial": 99}
    with world.as_person("city-lab") as tx:
        forged = signing.signed(tx, {**value, "signatures": []})
    assert code_of(world.deliver, "data-group", "city-lab", "price.ceiling", {"ceiling": forged}) == "PRC-401"


def ceiling(world: Neighbours, cap_fen: int, forecast: int = 10, product: str = FLOWS) -> dict[str, Any]:
    with world.as_person("data-bureau") as tx:
        survey = price.survey_costs(tx, survey=SURVEY)
        assert survey["mpr_fen"] == MPR
        return price.set_ceiling(
            tx, survey=survey["id"], product=product, cap_fen=cap_fen, forecast_count=forecast,
            operator_node=node_code("data-group"),
        )  # fmt: skip


def fee(world: Neighbours, purpose: str, amount_fen: int, product: str = FLOWS, *, publish: bool = True) -> None:
    with world.as_person("data-group") as tx:
        price.set_fee(tx, product=product, purpose=purpose, amount_fen=amount_fen)
        if publish:
            price.publish_fees(tx, product=product)


def in_force(world: Neighbours, purpose: str = "industry_development", product: str = FLOWS) -> int:
    with world.as_person("data-group") as tx:
        return int(price.fee_in_force(tx, product, purpose)["amount_fen"])


def code_of(call: Any, *args: Any, **named: Any) -> str:
    with pytest.raises(Refusal) as refused:
        call(*args, **named)
    return refused.value.code


def test_a_forecast_is_a_count_that_every_store_holds(world: Neighbours) -> None:
    assert ceiling(world, 0, forecast=2**31 - 1)["forecast_count"] == 2**31 - 1
    for forecast in (0, 2**31, 2**60):
        assert code_of(ceiling, world, 0, forecast=forecast) == "PRC-422"


def test_from_survey_to_published_fee(world: Neighbours) -> None:
    ceiling(world, 100_000)
    world.carry(times=2)
    fee(world, "industry_development", 100_000)
    fee(world, "public_welfare", 0)
    assert in_force(world) == 100_000
    assert in_force(world, "public_welfare") == 0


def test_the_gates_of_a_fee(world: Neighbours) -> None:
    assert code_of(fee, world, "industry_development", 1) == "PRC-608"
    ceiling(world, 100_000)
    world.carry()
    assert code_of(fee, world, "industry_development", 100_001) == "PRC-602"
    assert code_of(fee, world, "public_governance", 1) == "PRC-601"
    assert code_of(fee, world, "credit_scoring", 1) == "PRC-422"
    assert code_of(fee, world, "industry_development", -1) == "PRC-422"
    fee(world, "industry_development", 5, publish=False)
    assert code_of(in_force, world) == "PRC-605"
    fee(world, "industry_development", 10**9, product="P-BIKES")  # company data alone: market price
    assert in_force(world, product="P-BIKES") == 10**9


def test_a_fee_is_of_a_registered_product_of_ones_own(world: Neighbours) -> None:
    """A mistyped code, or the product's id here, would have a fee that no listing asks for."""
    world.register("product", "P-LAB", "city-lab", inputs=["R-TRIPS"])
    for product in ("P-FLOW", f"pro-{FLOWS}", "P-LAB", "R-TRIPS", ""):
        assert code_of(fee, world, "public_welfare", 0, product) == "PRC-404", product
    with world.as_person("data-group") as tx:
        assert code_of(price.publish_fees, tx, product=FLOWS) == "PRC-404"
    fee(world, "public_welfare", 0)
    with world.as_person("data-group") as tx:
        assert len(price.publish_fees(tx, product=FLOWS)) == 1, "published already"


def test_a_ceiling_goes_to_a_node_of_the_operator(world: Neighbours) -> None:
    with world.as_person("data-bureau") as tx:
        survey = price.survey_costs(tx, survey=SURVEY)["id"]
        asked = {"survey": survey, "product": FLOWS, "cap_fen": 1, "forecast_count": 1}
        for node in (node_code("city-lab"), "nobody"):
            assert code_of(price.set_ceiling, tx, operator_node=node, **asked) == "PRC-422"


def test_a_new_fee_supersedes_and_a_lowered_ceiling_closes_the_old_one(world: Neighbours) -> None:
    ceiling(world, 100_000)
    world.carry()
    fee(world, "industry_development", 90_000)
    fee(world, "industry_development", 80_000)
    assert in_force(world) == 80_000
    ceiling(world, 70_000)
    world.carry()
    assert code_of(in_force, world) == "PRC-602"


def test_ceilings_together_stay_within_the_revenue(world: Neighbours) -> None:
    ceiling(world, 100_000)  # 1,000,000 of 1,100,000
    assert code_of(ceiling, world, 10_001, product="P-OTHER") == "PRC-603"
    ceiling(world, 10_000, product="P-OTHER")
    ceiling(world, 50_000)  # replaces the product's own, which does not count twice


def test_a_forecast_of_nothing_lets_no_cap_through(world: Neighbours) -> None:
    assert code_of(ceiling, world, 10**9, forecast=0) == "PRC-422"


def set_under(world: Neighbours, survey: str, cap_fen: int, product: str) -> dict[str, Any]:
    with world.as_person("data-bureau") as tx:
        return price.set_ceiling(
            tx, survey=survey, product=product, cap_fen=cap_fen, forecast_count=10,
            operator_node=node_code("data-group"),
        )  # fmt: skip


def surveyed(world: Neighbours, **changes: Any) -> str:
    with world.as_person("data-bureau") as tx:
        return str(price.survey_costs(tx, survey={**SURVEY, **changes})["id"])


def test_a_second_survey_opens_no_second_revenue(world: Neighbours) -> None:
    first = surveyed(world)
    set_under(world, first, 100_000, FLOWS)
    second = surveyed(world, tax_fen=22_001, period={"from_year": 2027, "years": 1})
    assert code_of(set_under, world, second, 100_000, "P-OTHER") == "PRC-603"
    assert code_of(set_under, world, first, 10_000, "P-OTHER") == "PRC-610"
    set_under(world, second, 10_000, "P-OTHER")
    later = surveyed(world, period={"from_year": 2029, "years": 3}, previous={"mpr_fen": MPR, "actual_fen": 0})
    set_under(world, later, 110_000, "P-LATER")  # another period has its own


def test_two_bodies_do_not_supersede_each_other_and_the_lower_ceiling_holds(world: Neighbours) -> None:
    ceiling(world, 50_000)
    world.carry()
    with world.as_person("data-group") as tx:
        value = {**store.ceilings_of(tx, FLOWS)[0]["value"], "ceiling": "ceil-2", "cap_fen": 10**6, "serial": 9}
        price._store_ceiling(tx, value, "another body", "price.ceiling_received")
        assert store.ceilings_of(tx, FLOWS)[0]["cap_fen"] == 50_000
        assert store.last_serial(tx, FLOWS, PARTIES["data-bureau"][0]) == 1


def test_the_order_of_arrival_does_not_matter(world: Neighbours) -> None:
    ceiling(world, 100_000)
    ceiling(world, 50_000)
    first, second = world.outgoing("data-bureau")
    for message in (second, first, first):
        world.deliver("data-group", "data-bureau", message["type"], message["body"])
    with world.as_person("data-group") as tx:
        (current,) = store.ceilings_of(tx, FLOWS)
    assert current["cap_fen"] == 50_000


def test_a_raised_or_forged_ceiling_is_refused(world: Neighbours) -> None:
    ceiling(world, 100_000)
    (message,) = world.outgoing("data-bureau")
    for change in (
        {"cap_fen": 10**6},
        {"cap_fen": -1},
        {"cap_fen": True},
        {"unit": "per_year"},
        {"period": {"from_year": 2026, "years": 9}},
        {"period": "2026"},
        {"extra": 1},
        {"signatures": []},
    ):
        body = copy.deepcopy(message["body"])
        body["ceiling"].update(change)
        assert code_of(world.deliver, "data-group", "data-bureau", "price.ceiling", body) == "PRC-401"
    assert code_of(world.deliver, "data-group", "data-bureau", "price.ceiling", {"ceiling": "x"}) == "PRC-401"
    with world.as_person("city-lab") as tx:  # a stranger signs a generous ceiling, properly
        bare = {**message["body"]["ceiling"], "signatures": []}
        generous = signing.signed(tx, {**bare, "cap_fen": 10**9, "ceiling": "ceil-x"})
    assert code_of(world.deliver, "data-group", "city-lab", "price.ceiling", {"ceiling": generous}) == "PRC-401"
    assert code_of(world.deliver, "city-lab", "data-bureau", "price.ceiling", message["body"]) == "PRC-401"
    assert code_of(fee, world, "industry_development", 1) == "PRC-608"


def test_only_the_right_roles(world: Neighbours) -> None:
    with world.as_person("data-bureau", "p-1", "product_manager") as tx:
        assert code_of(price.survey_costs, tx, survey=SURVEY) == "GEN-403"
    with world.as_person("data-group", "p-1", "finance") as tx:
        assert code_of(price.set_fee, tx, product=FLOWS, purpose="public_welfare", amount_fen=0) == "GEN-403"


def test_every_record_has_a_leaf_that_fits_it(world: Neighbours) -> None:
    ceiling(world, 100_000)
    world.carry()
    fee(world, "industry_development", 90_000)
    fee(world, "industry_development", 80_000)
    with world.stores["data-group"].read() as tx:
        for table in (store.ceilings, store.fees):
            for row in tx.all(select(table)):
                of = (evidence.leaves.c.table_name == table.name) & (evidence.leaves.c.record_id == row.id)
                last = tx.all(select(evidence.leaves).where(of).order_by(evidence.leaves.c.seq))[-1]
                assert last.record_digest == evidence.row_digest(tx, table, dict(row._mapping))


def test_a_period_ends_in_a_year_that_there_is(world: Neighbours) -> None:
    """The end of one that is mistyped is asked for by every page of revenue, long after."""
    for first in (1999, 9999, 10**6, "2026"):
        assert refused(surveyed, world, period={"from_year": first, "years": 1}) == "PRC-400"


def test_revenue_view(world: Neighbours) -> None:
    with world.as_person("data-bureau") as tx:
        survey = price.survey_costs(tx, survey=SURVEY)["id"]
        assert price.revenue(tx, survey=survey, actual_fen=MPR)["alert_percent"] == 100
        assert code_of(price.revenue, tx, survey="x", actual_fen=1) == "PRC-404"
        assert len(price.prices(tx)["surveys"]) == 1


def refused(call: Any, *args: Any, **named: Any) -> str:
    """The code of the refusal, "" when there is none."""
    try:
        call(*args, **named)
    except Refusal as refusal:
        return refusal.code
    return ""


@pytest.mark.parametrize(
    ("period", "code"),
    [
        ({"from_year": 2026, "years": 3}, ""), ({"from_year": 2024, "years": 3}, ""),
        ({"from_year": 2023, "years": 3}, "PRC-620"), ({"from_year": 2027, "years": 1}, "PRC-620"),
    ],
)  # fmt: skip
def test_a_ceiling_holds_in_its_evaluation_period(world: Neighbours, period: dict[str, int], code: str) -> None:
    """At most three years, by the business clock of 2026; after it the revenue is verified anew."""
    set_under(world, surveyed(world, period=period), 100_000, FLOWS)
    world.carry()
    assert refused(fee, world, "industry_development", 1_000) == code
    assert refused(fee, world, "public_welfare", 0) == ""  # free purposes need no ceiling


def test_a_published_fee_ends_with_the_period_of_its_ceiling(world: Neighbours) -> None:
    for at in ("data-bureau", "data-group"):
        with world.as_person(at) as tx:
            for id in ("ins-agreement", "ins-consent"):
                tx.change(authorise_store.instruments, id, until_at="2030-03-01T00:00:00Z")
    set_under(world, surveyed(world), 100_000, FLOWS)
    world.carry()
    fee(world, "industry_development", 1_000)
    world.at("2028-12-31T15:59:59Z")
    assert in_force(world) == 1_000
    world.at("2028-12-31T16:00:00Z")  # the first of January in Beijing
    assert code_of(in_force, world) == "PRC-620"
    set_under(world, surveyed(world, period={"from_year": 2029, "years": 3}, previous=PREVIOUS), 900, FLOWS)
    world.carry()
    assert code_of(in_force, world) == "PRC-602"


def test_a_ceiling_set_ahead_of_its_period_ends_none_before(world: Neighbours) -> None:
    """A body that verifies the next period in time closes no product for the rest of this one."""
    for at in ("data-bureau", "data-group"):
        with world.as_person(at) as tx:
            for id in ("ins-agreement", "ins-consent"):
                tx.change(authorise_store.instruments, id, until_at="2030-03-01T00:00:00Z")
    set_under(world, surveyed(world), 100_000, FLOWS)
    later = surveyed(world, period={"from_year": 2029, "years": 3}, previous=PREVIOUS)
    set_under(world, later, 900, FLOWS)
    world.carry(times=2)
    fee(world, "industry_development", 1_000)
    assert in_force(world) == 1_000
    set_under(world, later, 800, FLOWS)  # its own it does take the place of
    set_under(world, surveyed(world), 90_000, FLOWS)
    for message in reversed(world.outgoing("data-bureau")):
        world.deliver("data-group", "data-bureau", message["type"], message["body"])
    for at in ("data-bureau", "data-group"):
        with world.as_person(at) as tx:
            assert [one["cap_fen"] for one in store.ceilings_of(tx, FLOWS)] == [800, 90_000]
            told = [one for one in price.prices(tx)["ceilings"] if one["state"] == "IN_FORCE"]
            years = {one["cap_fen"]: (one["from_year"], one["to_year"]) for one in told}
            assert years == {800: (2029, 2031), 90_000: (2026, 2028)}
    with world.as_person("data-group") as tx:
        price.publish_fees(tx, product=FLOWS)
        assert price.fee_in_force(tx, FLOWS, "industry_development")["cap_fen"] == 90_000
    world.at("2028-12-31T16:00:00Z")
    assert code_of(in_force, world) == "PRC-602"


PREVIOUS = {"mpr_fen": MPR, "actual_fen": MPR + 300_000}
NEXT = {"period": {"from_year": 2029, "years": 3}, "complete_year": True, "trial": False}


@pytest.mark.parametrize(
    ("previous", "code"),
    [
        (None, "PRC-621"), ({**PREVIOUS, "mpr_fen": MPR + 300_000}, "PRC-621"),
        ({**PREVIOUS, "carried_fen": 1}, "PRC-621"), (PREVIOUS, ""), ({**PREVIOUS, "carried_fen": 0}, ""),
    ],
)  # fmt: skip
def test_a_survey_deducts_what_the_period_before_earned_too_much(
    world: Neighbours, previous: dict[str, int] | None, code: str
) -> None:
    """An account of the period before cannot be left out, nor lean on another permitted revenue than was verified."""
    surveyed(world, tax_fen=0)  # a survey that a later one of the same period took the place of
    surveyed(world)
    assert refused(surveyed, world, **NEXT, previous=previous) == code
    if not code:
        again = surveyed(world, **NEXT, previous=previous)
        with world.as_person("data-bureau") as tx:
            (row,) = [one for one in price.prices(tx)["surveys"] if one["id"] == again]
        assert row["mpr_fen"] == MPR - 300_000


def test_a_deduction_spread_over_periods_is_carried_to_its_end(world: Neighbours) -> None:
    def mpr_of(year: int, previous: dict[str, int]) -> int:
        id = surveyed(world, **{**NEXT, "period": {"from_year": year, "years": 1}}, previous=previous)
        with world.as_person("data-bureau") as tx:
            return int(next(one["mpr_fen"] for one in price.prices(tx)["surveys"] if one["id"] == id))

    surveyed(world)
    first = mpr_of(2029, {**PREVIOUS, "spread_periods": 3})
    assert first == MPR - 100_000
    kept = {"mpr_fen": first, "actual_fen": 0}
    assert code_of(mpr_of, 2030, kept) == "PRC-621", "the second third is left out"
    second = mpr_of(2030, {**kept, "carried_fen": 100_000})
    assert second == MPR - 100_000
    third = mpr_of(2031, {"mpr_fen": second, "actual_fen": 0, "carried_fen": 100_000})
    assert mpr_of(2032, {"mpr_fen": third, "actual_fen": 0}) == MPR
