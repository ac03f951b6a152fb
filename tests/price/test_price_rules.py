"""Maximum permitted revenue, ceilings and fees: the worked case of the rules, the bounds, the gates."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datong.ground.money import FEN_MAX
from datong.ground.refusal import Refusal
from datong.price import rules

WORKED: dict[str, Any] = {
    "operator": "91520100MA6DATONG5",
    "period": {"from_year": 2026, "years": 3},
    "costs": [
        {"item": "platform", "category": "platform", "amount_fen": 700_000_000, "charged": True},
        {"item": "people", "category": "labour", "amount_fen": 600_000_000, "charged": True},
        {"item": "welfare site", "category": "platform", "amount_fen": 90_000_000, "charged": False},
    ],
    "subsidy_fen": 100_000_000,
    "bond_yield": "0.0180",
    "profit_rate": "0.0780",
    "tax_fen": 15_000_000,
    "complete_year": False,
    "trial": True,
}


def survey(**changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(WORKED), **changes}


def mpr(value: dict[str, Any]) -> int:
    return int(rules.maximum_permitted_revenue(value)[-1].value)


def test_worked_case() -> None:
    # OC 12,000,000 yuan; y10 1.80 % -> r_max 7.80 % -> PP 936,000; tax 150,000 -> MPR 13,086,000
    figures = {f.name: f for f in rules.maximum_permitted_revenue(WORKED)}
    assert figures["operating_cost"].value == 1_200_000_000
    assert figures["profit_rate_bound"].value == "0.078"
    assert figures["permitted_profit"].value == 93_600_000
    assert figures["mpr"].value == 1_308_600_000
    assert all(f.formula and f.inputs for f in figures.values())
    state = rules.revenue_state(1_350_000_000, 1_308_600_000)
    assert state["next_deduction_fen"] == 41_400_000
    assert state["deviation_percent"] == "3.16"
    assert state["adjust"] == "fees"
    assert state["alert_percent"] == 100


def test_excess_of_the_period_before_is_deducted_and_may_be_spread() -> None:
    previous = {"mpr_fen": 1_308_600_000, "actual_fen": 1_350_000_000}
    assert mpr(survey(previous=previous)) == 1_308_600_000 - 41_400_000
    assert mpr(survey(previous={**previous, "spread_periods": 3})) == 1_308_600_000 - 13_800_000
    assert mpr(survey(previous={"mpr_fen": 10, "actual_fen": 3})) == 1_308_600_000


def test_no_more_is_deducted_than_a_period_may_earn() -> None:
    """A revenue below nought would permit nothing, and the next survey could not name it as the one before."""
    once = {"mpr_fen": 0, "actual_fen": 2 * 1_308_600_000 + 2}
    with pytest.raises(Refusal) as refused:
        mpr(survey(previous=once))
    assert refused.value.code == "PRC-400"
    assert [problem.where for problem in refused.value.problems] == ["previous.spread_periods"]
    assert mpr(survey(previous={**once, "spread_periods": 4})) > 0
    assert mpr(survey(previous={"mpr_fen": 0, "actual_fen": 1_308_600_000})) == 0
    with pytest.raises(Refusal):
        mpr(survey(previous={"mpr_fen": 0, "actual_fen": 1, "carried_fen": 1_308_600_000}))


def test_revenue_where_none_is_permitted_is_not_called_in_order() -> None:
    assert [rules.revenue_state(actual, 0)["adjust"] for actual in (0, 1)] == ["none", "ceilings"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"profit_rate": "0.0781"}, "PRC-604"),
        ({"operating_cost_fen": 1_300_000_000}, "PRC-606"),
        ({"complete_year": True}, "PRC-607"),
        ({"trial": False}, "PRC-609"),
        ({"period": {"years": 3}}, "PRC-400"),
        ({"subsidy_fen": None}, "PRC-400"),
        ({"subsidy_fen": 1.5}, "PRC-400"),
        ({"bond_yield": "NaN"}, "PRC-400"),
        ({"bond_yield": "1e-9"}, "PRC-400"),
        ({"bond_yield": "1e-999999999"}, "PRC-400"),  # as a fraction it has a thousand million digits
        ({"profit_rate": "0_1"}, "PRC-400"),
        ({"profit_rate": "1.01"}, "PRC-400"),
        ({"profit_rate": "0.00000000001"}, "PRC-400"),
        ({"bond_yield": 0.018}, "PRC-400"),
        ({"costs": []}, "PRC-400"),
        ({"period": {"years": 4}}, "PRC-400"),
        ({"tax_fen": True}, "PRC-400"),
        ({"operator": 5}, "PRC-400"),
        ({"subsidy_fen": 1_300_000_001}, "PRC-400"),
        ({"operating_cost_fen": "1200000000"}, "PRC-400"),
    ],
)
def test_survey_refused(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(Refusal) as refused:
        rules.maximum_permitted_revenue(survey(**changes))
    assert refused.value.code == code


def test_all_mistakes_of_a_survey_are_told_at_once() -> None:
    with pytest.raises(Refusal) as refused:
        rules.maximum_permitted_revenue({"costs": [{"amount_fen": -1, "charged": "yes", "category": "fun"}]})
    places = {p.where for p in refused.value.problems}
    assert {"operator", "costs[0].amount_fen", "costs[0].charged", "costs[0].category", "tax_fen", "trial"} <= places


def test_no_amount_is_beyond_what_every_figure_can_be_kept_and_signed_with() -> None:
    """Each within bounds and their sum beyond them, it was computed and then could not be written."""
    cost = {**WORKED["costs"][0], "amount_fen": FEN_MAX, "charged": True}
    assert mpr(survey(costs=[cost], subsidy_fen=0, tax_fen=FEN_MAX)) < 2**53
    for changes, where in (
        ({"costs": [cost, {**cost, "amount_fen": 1}]}, "costs"),
        ({"costs": [{**cost, "amount_fen": FEN_MAX + 1}]}, "costs[0].amount_fen"),
        ({"tax_fen": 2**80}, "tax_fen"),
        ({"previous": {"mpr_fen": 0, "actual_fen": FEN_MAX + 1}}, "previous.actual_fen"),
    ):
        with pytest.raises(Refusal) as refused:
            mpr(survey(**changes))
        assert [problem.where for problem in refused.value.problems] == [where]


def test_a_misspelt_item_is_told_and_not_left_out_of_the_revenue() -> None:
    """The excess of the period before would not have been deducted."""
    cost = {**WORKED["costs"][0], "amount": 5}
    previous = {"mpr_fen": 10, "actual_fen": 20, "spread": 2}
    with pytest.raises(Refusal) as refused:
        rules.maximum_permitted_revenue(survey(prevous=previous, previous=previous, costs=[cost]))
    assert {p.where for p in refused.value.problems} == {"prevous", "previous.spread", "costs[0].amount"}


def test_ceilings_may_not_exceed_the_revenue_and_the_refusal_names_the_room() -> None:
    rules.check_ceilings("p", 100, 5, [(50, 10)], 1000)
    with pytest.raises(Refusal) as refused:
        rules.check_ceilings("p", 101, 5, [(50, 10)], 1000)
    assert refused.value.code == "PRC-603"
    assert refused.value.facts["room_fen"] == 100


@given(st.integers(0, 10**9), st.integers(1, 1000), st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 50))))
def test_the_named_room_fits_and_one_more_does_not(revenue: int, forecast: int, others: list[tuple[int, int]]) -> None:
    if sum(c * n for c, n in others) > revenue:
        return
    with pytest.raises(Refusal) as refused:
        rules.check_ceilings("p", 10**9 + 1, forecast, others, revenue)
    room = refused.value.facts["room_fen"]
    rules.check_ceilings("p", room, forecast, others, revenue)
    with pytest.raises(Refusal):
        rules.check_ceilings("p", room + 1, forecast, others, revenue)


@pytest.mark.parametrize(
    ("purpose", "amount", "cap", "guided", "code"),
    [
        ("public_welfare", 0, None, True, None),
        ("public_governance", 1, 100, True, "PRC-601"),
        ("public_welfare", 1, None, False, "PRC-601"),
        ("industry_development", 100, 100, True, None),
        ("industry_development", 101, 100, True, "PRC-602"),
        ("industry_development", 1, None, True, "PRC-608"),
        ("industry_development", 10**9, None, False, None),
    ],
)
def test_fee_gate(purpose: str, amount: int, cap: int | None, guided: bool, code: str | None) -> None:
    if code is None:
        rules.check_fee("p", purpose, amount, cap, guided=guided)
        return
    with pytest.raises(Refusal) as refused:
        rules.check_fee("p", purpose, amount, cap, guided=guided)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("actual", "level", "adjust"),
    [(790, 0, "ceilings"), (800, 80, "ceilings"), (950, 95, "fees"), (1000, 100, "none"), (1101, 100, "ceilings")],
)
def test_revenue_alerts(actual: int, level: int, adjust: str) -> None:
    state = rules.revenue_state(actual, 1000)
    assert (state["alert_percent"], state["adjust"]) == (level, adjust)
