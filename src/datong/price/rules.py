"""Maximum permitted revenue, ceilings and fees as pure arithmetic in integer fen; every figure with its formula.

    MPR = OC + OC*r + TAX - clawback     OC = sum of charged costs - subsidy     r <= y10 + 6 points
    clawback = max(0, actual(t-1) - MPR(t-1)) / periods + carried                sum(cap*forecast) <= MPR

Rounding: half-up to the fen, once per figure. Contract: tests/price/test_price_rules.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Any

from datong.ground.money import FEN_MAX, half_up
from datong.ground.refusal import Problem
from datong.price.model import (
    ABOVE_CEILING,
    ABOVE_REVENUE,
    BAD_SURVEY,
    COST_CATEGORIES,
    FREE_PURPOSES,
    MARGIN_OVER_BOND,
    MAX_PERIOD_YEARS,
    MUST_BE_FREE,
    NO_CEILING,
    NOT_CARRIED,
    PROFIT_RATE,
    REVENUE_ALERTS_PERCENT,
    SUBSIDY,
    TRIAL_NEEDED,
    TRIAL_OVER,
    Figure,
)


def maximum_permitted_revenue(survey: dict[str, Any]) -> list[Figure]:
    """The figures of a survey in order, the last named `mpr`.

    survey: {operator, period: {from_year, years}, costs: [{item, category, amount_fen, charged}], subsidy_fen,
    operating_cost_fen?, bond_yield, profit_rate, tax_fen,
    previous?: {mpr_fen, actual_fen, spread_periods?, carried_fen?},
    complete_year, trial}. Rates are decimal text, amounts integer fen.
    Refuses with PRC-400 (shape, all at once), PRC-604, PRC-606, PRC-607, PRC-609.
    """
    problems = survey_problems(survey)
    if problems:
        raise BAD_SURVEY(problems, count=len(problems))
    if survey["trial"] and survey["complete_year"]:
        raise TRIAL_OVER()
    if not survey["trial"] and not survey["complete_year"]:
        raise TRIAL_NEEDED()
    charged = [cost["amount_fen"] for cost in survey["costs"] if cost["charged"]]
    gross, subsidy = sum(charged), survey["subsidy_fen"]
    cost = gross - subsidy
    if survey.get("operating_cost_fen", cost) != cost:
        raise SUBSIDY(stated_fen=survey["operating_cost_fen"], net_fen=cost)
    rate, bond = Fraction(survey["profit_rate"]), Fraction(survey["bond_yield"])
    bound = bond + Fraction(MARGIN_OVER_BOND)
    if rate > bound:
        raise PROFIT_RATE(rate=survey["profit_rate"], bound=_decimal(bound), bond=survey["bond_yield"])
    profit = half_up(cost * rate)
    previous = survey.get("previous") or {"mpr_fen": 0, "actual_fen": 0}
    spread, carried = previous.get("spread_periods", 1), previous.get("carried_fen", 0)
    clawback = _instalment(previous) + carried
    tax = survey["tax_fen"]
    if carried <= cost + profit + tax < clawback:  # a revenue below nought permits nothing and loses the rest of it
        raise BAD_SURVEY([_too_much_at_once(clawback - carried, cost + profit + tax - carried)], count=1)
    inputs: dict[str, Any] = {"charged_costs_fen": charged, "subsidy_fen": subsidy}
    return [
        Figure("operating_cost", "运营成本", "OC = sum(charged_costs) - subsidy", inputs, cost),
        Figure("profit_rate_bound", "准许利润率上限", "r_max = y10 + 0.06",
               {"y10": survey["bond_yield"]}, _decimal(bound)),
        Figure("permitted_profit", "准许利润", "PP = OC * r", {"OC": cost, "r": survey["profit_rate"]}, profit),
        Figure("clawback", "上期超收扣减", "max(0, actual - MPR of the period before) / periods + carried",
               {**previous, "spread_periods": spread, "carried_fen": carried}, clawback),
        Figure("mpr", "最高准许收入", "MPR = OC + PP + TAX - clawback",
               {"OC": cost, "PP": profit, "TAX": tax, "clawback": clawback}, cost + profit + tax - clawback),
    ]  # fmt: skip


def _instalment(previous: dict[str, Any]) -> int:
    """Fen of one period's part of what the period before earned above its MPR."""
    excess = max(0, previous["actual_fen"] - previous["mpr_fen"])
    return half_up(Fraction(excess, previous.get("spread_periods", 1)))


def _too_much_at_once(instalment: int, room: int) -> Problem:
    return Problem(
        "previous.spread_periods",
        f"本期扣减 {instalment} 分超过本期可得的 {room} 分，应分摊到更多周期",
        f"deducts {instalment} fen of the {room} fen that this period may earn; spread it over more periods",
    )


def check_previous(survey: dict[str, Any], known: Iterable[dict[str, Any]]) -> None:
    """PRC-621 where a survey leaves out the account of the period before, though its MPR was verified here, or leans on
    another figure: what was earned too much is deducted, and what was spread over periods to its end.

    known: the surveys of the operator {survey, mpr_fen, serial}; of those of one period the last stands.
    """
    chain, year = list[dict[str, Any]](), survey["period"]["from_year"]
    rows = list(known)
    while before := [row for row in rows if _end_year(row) <= year]:
        chain.append(max(before, key=lambda row: (_end_year(row), row["serial"])))
        year = chain[-1]["survey"]["period"]["from_year"]
    if not chain:
        return
    spread = [(row["survey"].get("previous"), number) for number, row in enumerate(chain, 1)]
    carried = sum(_instalment(told) for told, number in spread if told and number < told.get("spread_periods", 1))
    previous = survey.get("previous") or {}
    if (previous.get("mpr_fen"), previous.get("carried_fen", 0)) != (chain[0]["mpr_fen"], carried):
        period = chain[0]["survey"]["period"]
        raise NOT_CARRIED(
            from_year=period["from_year"], to_year=_end_year(chain[0]) - 1, mpr_fen=chain[0]["mpr_fen"],
            carried_fen=carried,
        )  # fmt: skip


def _end_year(row: dict[str, Any]) -> int:
    """The year in which the period of a survey is over."""
    period = row["survey"]["period"]
    return int(period["from_year"] + period["years"])


def survey_problems(survey: dict[str, Any]) -> list[Problem]:
    """Everything wrong with the shape of a survey."""
    problems = []

    def amount(where: str, value: Any) -> None:
        problems.extend(_amount_problems(where, value))

    def rate(where: str, value: Any) -> None:
        if not isinstance(value, str) or not _RATE.fullmatch(value):
            problems.append(
                Problem(
                    where, "应为 0 至 1 的小数文本，至多 10 位小数", 'should be decimal text from 0 to 1, e.g. "0.0780"'
                )
            )

    def flag(where: str, value: Any) -> None:
        if not isinstance(value, bool):
            problems.append(Problem(where, "应为 true 或 false", "should be true or false"))

    problems += _strange("", survey, SURVEY_ITEMS)
    if not isinstance(survey.get("operator"), str) or not survey["operator"]:
        problems.append(Problem("operator", "缺少运营机构主体标识码", "missing: subject code of the operator"))
    problems += period_problems(survey.get("period"))
    costs = survey.get("costs")
    if not isinstance(costs, list) or not costs or not all(isinstance(cost, dict) for cost in costs):
        problems.append(Problem("costs", "缺少成本项", "missing: a list of costs"))
        costs = []
    for number, cost in enumerate(costs):
        problems += _strange(f"costs[{number}].", cost, COST_ITEMS)
        amount(f"costs[{number}].amount_fen", cost.get("amount_fen"))
        flag(f"costs[{number}].charged", cost.get("charged"))
        if cost.get("category") not in COST_CATEGORIES:
            names = ", ".join(COST_CATEGORIES)
            problems.append(Problem(f"costs[{number}].category", f"应为 {names} 之一", f"should be one of {names}"))
    for name in ("subsidy_fen", "tax_fen"):
        amount(name, survey.get(name))
    for name in ("bond_yield", "profit_rate"):
        rate(name, survey.get(name))
    for name in ("complete_year", "trial"):
        flag(name, survey.get(name))
    if survey.get("previous") is not None:
        problems += _previous_problems(survey["previous"])
    if "operating_cost_fen" in survey:
        amount("operating_cost_fen", survey["operating_cost_fen"])
    if not problems and (gross := sum(cost["amount_fen"] for cost in costs)) > FEN_MAX:
        zh, en = f"合计 {gross} 分，至多 {FEN_MAX} 分", f"come to {gross} fen together; at most {FEN_MAX}"
        problems.append(Problem("costs", zh, en))
    if not problems and survey["subsidy_fen"] > sum(cost["amount_fen"] for cost in costs if cost["charged"]):
        problems.append(Problem("subsidy_fen", "大于计入的成本", "is above the costs that are charged"))
    return problems


def _previous_problems(previous: Any) -> list[Problem]:
    if not isinstance(previous, dict):
        return [Problem("previous", "应为对象", "should be an object")]
    problems = _strange("previous.", previous, PREVIOUS_ITEMS)
    for name in ("mpr_fen", "actual_fen"):
        problems += _amount_problems(f"previous.{name}", previous.get(name))
    if "carried_fen" in previous:
        problems += _amount_problems("previous.carried_fen", previous["carried_fen"])
    spread = previous.get("spread_periods", 1)
    if type(spread) is not int or spread < 1:
        problems.append(Problem("previous.spread_periods", "应为正整数", "should be a positive integer"))
    return problems


def _amount_problems(where: str, value: Any) -> list[Problem]:
    if type(value) is not int or value < 0:
        return [Problem(where, "应为非负整数（分）", "should be a non-negative integer of fen")]
    if value > FEN_MAX:
        return [Problem(where, f"至多 {FEN_MAX} 分", f"should be at most {FEN_MAX} fen")]
    return []


def _strange(where: str, value: dict[str, Any], names: frozenset[str]) -> list[Problem]:
    """Items that no figure knows: what a misspelt one says is not left out in silence."""
    return [Problem(f"{where}{name[:80]}", "没有这一项", "no such item") for name in sorted(value.keys() - names)]


SURVEY_ITEMS = frozenset(
    {
        "operator", "period", "costs", "subsidy_fen", "operating_cost_fen", "bond_yield", "profit_rate", "tax_fen",
        "previous", "complete_year", "trial",
    }
)  # fmt: skip
COST_ITEMS = frozenset({"item", "category", "amount_fen", "charged"})
PREVIOUS_ITEMS = frozenset({"mpr_fen", "actual_fen", "spread_periods", "carried_fen"})


def period_problems(period: Any) -> list[Problem]:
    """What is wrong with {from_year, years} of an evaluation period."""
    told = period if isinstance(period, dict) else {}
    problems, first, years = [], told.get("from_year"), told.get("years")
    if type(years) is not int or not 1 <= years <= MAX_PERIOD_YEARS:
        problems.append(Problem("period.years", "评估周期应为 1 至 3 年", "the evaluation period is 1 to 3 years"))
    if type(first) is not int or not 2000 <= first <= 9000:
        problems.append(Problem("period.from_year", "应为起始年份", "should be the year it begins"))
    return problems


def check_ceilings(product: str, cap_fen: int, forecast: int, others: Iterable[tuple[int, int]], mpr_fen: int) -> None:
    """PRC-603 when the ceilings times forecasts of an operator and period exceed its MPR; others: (cap, forecast)."""
    used = sum(cap * count for cap, count in others)
    total = used + cap_fen * forecast
    if total > mpr_fen:
        room = max(0, mpr_fen - used) // forecast
        raise ABOVE_REVENUE(product=product, sum_fen=total, mpr_fen=mpr_fen, room_fen=room)


def in_period(period: dict[str, Any] | None, year: int) -> bool:
    """Whether a ceiling counts in a year: those of before that say no period always do."""
    return period is None or period["from_year"] <= year < period["from_year"] + period["years"]


def years(period: dict[str, Any] | None) -> dict[str, int | None]:
    """The first and the last year of a period; of before, none are told."""
    if period is None:
        return {"from_year": None, "to_year": None}
    return {"from_year": period["from_year"], "to_year": period["from_year"] + period["years"] - 1}


def same_period(one: dict[str, Any] | None, other: dict[str, Any] | None) -> bool:
    """Whether two periods {from_year, years} have a year in common; ceilings of before that say none hold in all."""
    if one is None or other is None:
        return True
    return bool(
        one["from_year"] < other["from_year"] + other["years"] and other["from_year"] < one["from_year"] + one["years"]
    )


def check_fee(product: str, purpose: str, amount_fen: int, cap_fen: int | None, *, guided: bool) -> None:
    """Purpose first (PRC-601), then the ceiling (PRC-608 none, PRC-602 above).

    guided: whether the price is under government guidance (public data among the inputs); a product of company
    data alone has a market price.
    """
    if purpose in FREE_PURPOSES:
        if amount_fen != 0:
            raise MUST_BE_FREE(product=product, purpose=purpose, amount_fen=amount_fen)
        return
    if not guided:
        return
    if cap_fen is None:
        raise NO_CEILING(product=product)
    if amount_fen > cap_fen:
        raise ABOVE_CEILING(product=product, amount_fen=amount_fen, cap_fen=cap_fen)


def revenue_state(actual_fen: int, mpr_fen: int) -> dict[str, Any]:
    """Revenue against MPR: the deviation, the alert level reached (80, 95, 100 %) and what is to be adjusted.

    Yearly deviation of at most 10 % -> specific fees, above 10 % -> ceilings; the excess is deducted next period.
    """
    deviation = Fraction(actual_fen - mpr_fen, mpr_fen) if mpr_fen else Fraction(0)
    reached = [level for level in REVENUE_ALERTS_PERCENT if 100 * actual_fen >= level * mpr_fen]
    adjust = "none" if deviation == 0 else "fees" if abs(deviation) <= Fraction(1, 10) else "ceilings"
    if actual_fen > mpr_fen == 0:  # nothing is permitted, and no percentage of it says how far it is passed
        adjust = "ceilings"
    return {
        "actual_fen": actual_fen,
        "mpr_fen": mpr_fen,
        "deviation_percent": f"{float(deviation * 100):.2f}",
        "alert_percent": max(reached, default=0),
        "adjust": adjust,
        "next_deduction_fen": max(0, actual_fen - mpr_fen),
    }


_RATE = re.compile(r"0(\.\d{1,10})?|1(\.0{1,10})?", re.ASCII)
"""Written out: "1e-999999999" is a rate too, and the fraction of it fills the machine."""


def _decimal(value: Fraction) -> str:
    return f"{(Decimal(value.numerator) / Decimal(value.denominator)):f}"
