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
    assert all(f.formula for f in figures.values())
    state = rules.revenue_state(1_350_000_000, 1_308_600_000)
    assert state["next_deduction_fen"] == 41_400_000
    assert state["deviation_percent"] == "3.16"
    assert state["adjust"] == "fees"
    assert state["alert_percent"] == 100


def test_every_figure_comes_with_what_it_was_made_of() -> None:
    previous = {"mpr_fen": 10, "actual_fen": 40, "spread_periods": 3, "carried_fen": 5}
    oc, pp, tax = 1_200_000_000, 93_600_000, 15_000_000
    for told, back in (
        (previous, 15),
        ({**previous, "carried_fen": 0}, 10),
        ({"mpr_fen": 10, "actual_fen": 40}, 30),
        (None, 0),
    ):
        figures = rules.maximum_permitted_revenue(survey(previous=told))
        defaults = {"spread_periods": 1, "carried_fen": 0}
        assert [(figure.name, figure.value, figure.inputs) for figure in figures] == [
            ("operating_cost", oc, {"charged_costs_fen": [700_000_000, 600_000_000], "subsidy_fen": 100_000_000}),
            ("profit_rate_bound", "0.078", {"y10": "0.0180"}),
            ("permitted_profit", pp, {"OC": oc, "r": "0.0780"}),
            ("clawback", back, {**defaults, **(told or {"mpr_fen": 0, "actual_fen": 0})}),
            ("mpr", oc + pp + tax - back, {"OC": oc, "PP": pp, "TAX": tax, "clawback": back}),
        ]  # fmt: skip


def test_a_year_without_a_complete_one_before_it_is_a_trial_and_no_other_is() -> None:
    assert mpr(survey(trial=False, complete_year=True)) == mpr(survey(trial=True, complete_year=False))


def test_what_is_wholly_subsidised_may_earn_its_tax() -> None:
    assert mpr(survey(subsidy_fen=1_300_000_000)) == WORKED["tax_fen"]
    assert mpr(survey(operating_cost_fen=1_200_000_000)) == 1_308_600_000


def of_period(first: int, years: int, permitted: int, serial: int, **previous: int) -> dict[str, Any]:
    told = {"period": {"from_year": first, "years": years}, **({"previous": previous} if previous else {})}
    return {"survey": told, "mpr_fen": permitted, "serial": serial}


ONE, OTHER = of_period(2023, 3, 100, 1), of_period(2023, 3, 120, 2)
SPREAD = [of_period(2020, 3, 90, 1), of_period(2023, 3, 100, 2, mpr_fen=90, actual_fen=99, spread_periods=3)]


@pytest.mark.parametrize(
    ("known", "previous", "carried"),
    [
        ([], None, None),
        ([], {"mpr_fen": 7, "actual_fen": 9}, None),  # of before this node; nothing here says otherwise
        ([ONE], {"mpr_fen": 100, "actual_fen": 0}, None),
        ([ONE], {"mpr_fen": 100, "actual_fen": 0, "carried_fen": 0}, None),
        ([ONE], None, 0),
        ([ONE], {"mpr_fen": 99, "actual_fen": 0}, 0),
        ([ONE], {"mpr_fen": 100, "actual_fen": 0, "carried_fen": 1}, 0),
        ([ONE, OTHER], {"mpr_fen": 120, "actual_fen": 0}, None),  # of one period the last stands
        ([OTHER, ONE], {"mpr_fen": 100, "actual_fen": 0}, 0),
        ([of_period(2024, 3, 100, 1)], None, None),  # not over in 2026
        ([of_period(2020, 3, 90, 3), ONE], {"mpr_fen": 100, "actual_fen": 0}, None),
        (SPREAD, {"mpr_fen": 100, "actual_fen": 0, "carried_fen": 3}, None),
        (SPREAD, {"mpr_fen": 100, "actual_fen": 0}, 3),
        ([SPREAD[0], of_period(2023, 3, 100, 2, mpr_fen=90, actual_fen=99)], {"mpr_fen": 100, "actual_fen": 0}, None),
        ([*SPREAD, of_period(2022, 1, 80, 3)], {"mpr_fen": 100, "actual_fen": 0, "carried_fen": 3}, None),
    ],
)
def test_what_was_earned_too_much_is_carried_to_its_end(
    known: list[dict[str, Any]], previous: dict[str, int] | None, carried: int | None
) -> None:
    """carried: what the refusal asks for; None where the survey stands."""
    asked = survey(previous=previous)
    if carried is None:
        rules.check_previous(asked, iter(known))
        return
    with pytest.raises(Refusal) as refused:
        rules.check_previous(asked, iter(known))
    assert refused.value.code == "PRC-621"
    found = refused.value.facts
    assert (found["from_year"], found["to_year"], found["carried_fen"]) == (2023, 2025, carried)


def test_the_last_of_three_parts_is_carried_and_no_fourth() -> None:
    third = of_period(2026, 3, 110, 3, mpr_fen=100, actual_fen=0, carried_fen=3)
    fourth = of_period(2029, 3, 115, 4, mpr_fen=110, actual_fen=0, carried_fen=3)
    for first, known, carried in ((2029, [*SPREAD, third], 3), (2032, [*SPREAD, third, fourth], 0)):
        previous = {"mpr_fen": known[-1]["mpr_fen"], "actual_fen": 0}
        asked = survey(period={"from_year": first, "years": 3}, previous={**previous, "carried_fen": carried})
        rules.check_previous(asked, known)
        with pytest.raises(Refusal):
            rules.check_previous({**asked, "previous": {**previous, "carried_fen": 3 - carried}}, known)


@pytest.mark.parametrize(
    ("changes", "places"),
    [
        ({"operator": ""}, ["operator"]),
        ({"costs": None}, ["costs"]),
        ({"costs": 5}, ["costs"]),
        ({"costs": {"amount_fen": 1}}, ["costs"]),
        ({"costs": [WORKED["costs"][0], 5]}, ["costs"]),
        ({"costs": []}, ["costs"]),
        ({"complete_year": 0, "trial": None}, ["complete_year", "trial"]),
        ({"bond_yield": None, "profit_rate": None}, ["bond_yield", "profit_rate"]),
        ({"subsidy_fen": -1, "tax_fen": -1}, ["subsidy_fen", "tax_fen"]),
        ({"zeal": 1, "age": 2}, ["age", "zeal"]),
        ({"previous": 5}, ["previous"]),
        ({"previous": {}}, ["previous.mpr_fen", "previous.actual_fen"]),
        ({"previous": {"mpr_fen": -1, "actual_fen": 1, "carried_fen": -1}}, ["previous.mpr_fen", "previous.carried_fen"]),
        *(
            ({"previous": {"mpr_fen": 1, "actual_fen": 1, "spread_periods": periods}}, ["previous.spread_periods"])
            for periods in (0, -1, "2", 1.0, True)
        ),
    ],
)  # fmt: skip
def test_where_a_survey_is_wrong(changes: dict[str, Any], places: list[str]) -> None:
    assert [problem.where for problem in rules.survey_problems(survey(**changes))] == places


@pytest.mark.parametrize(
    ("period", "places"),
    [
        ({"from_year": 2026, "years": 1}, []),
        ({"from_year": 2000, "years": 3}, []),
        ({"from_year": 9000, "years": 2}, []),
        ({"from_year": 1999, "years": 0}, ["period.years", "period.from_year"]),
        ({"from_year": 9001, "years": 4}, ["period.years", "period.from_year"]),
        ({"from_year": "2026", "years": True}, ["period.years", "period.from_year"]),
        ([2026, 3], ["period.years", "period.from_year"]),
    ],
)
def test_the_evaluation_period(period: Any, places: list[str]) -> None:
    assert [problem.where for problem in rules.period_problems(period)] == places


def test_the_years_of_a_period_and_what_it_shares_with_another() -> None:
    def period(first: int, years: int) -> dict[str, int]:
        return {"from_year": first, "years": years}

    now = period(2026, 3)
    assert [year for year in range(2020, 2035) if rules.in_period(now, year)] == [2026, 2027, 2028]
    assert rules.in_period(None, 1900)
    assert rules.years(now) == {"from_year": 2026, "to_year": 2028}
    assert rules.years(None) == {"from_year": None, "to_year": None}
    for other, shares in ((period(2023, 3), False), (period(2024, 3), True), (period(2027, 1), True),
                          (period(2028, 1), True), (period(2029, 1), False), (None, True)):  # fmt: skip
        assert rules.same_period(now, other) is rules.same_period(other, now) is shares


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
    [
        (799, 0, "ceilings"), (800, 80, "ceilings"), (899, 80, "ceilings"), (900, 80, "fees"), (949, 80, "fees"),
        (950, 95, "fees"), (999, 95, "fees"), (1000, 100, "none"), (1100, 100, "fees"), (1101, 100, "ceilings"),
    ],
)  # fmt: skip
def test_revenue_alerts(actual: int, level: int, adjust: str) -> None:
    state = rules.revenue_state(actual, 1000)
    assert (state["alert_percent"], state["adjust"]) == (level, adjust)
    assert (state["actual_fen"], state["mpr_fen"], state["next_deduction_fen"]) == (actual, 1000, max(0, actual - 1000))
