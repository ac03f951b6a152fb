"""Tariffs and splits of a contract: shape, and departments that would be paid in cash."""

from __future__ import annotations

from typing import Any

import pytest

from datong.ground.money import FEN_MAX
from datong.terms.tariffs import (
    WEIGHT_MAX,
    paid_in_cash,
    revenue_problems,
    split_problems,
    tariff_problems,
    unit_price,
    weights,
)

COMPANY = {"party": "91520100MA6DATONG5", "weight": 3, "payee_kind": "company", "account": "a"}
BUREAU = {"party": "11520000009390180H", "weight": 1, "payee_kind": "treasury", "account": "t"}


@pytest.mark.parametrize(
    ("tariff", "sound"),
    [
        ({"kind": "free", "amount_fen": 0}, True),
        ({"kind": "per_delivery", "amount_fen": 1}, True),
        ({"kind": "per_delivery", "amount_fen": FEN_MAX}, True),
        ({"kind": "per_delivery", "amount_fen": FEN_MAX + 1}, False),
        ({"kind": "free", "amount_fen": 1}, False),
        ({"kind": "per_delivery", "amount_fen": 0}, False),
        ({"kind": "per_delivery", "amount_fen": 1.0}, False),
        ({"kind": "per_delivery", "amount_fen": True}, False),
        ({"kind": "per_delivery", "amount_fen": "1"}, False),
        ({"kind": "per_delivery", "amount_fen": -1}, False),
        ({"kind": "per_delivery"}, False),
        ({"kind": "gift", "amount_fen": 0}, False),
        ({"kind": "gift", "amount_fen": 1}, False),
        (None, False),
    ],
)
def test_tariff(tariff: Any, sound: bool) -> None:
    assert (tariff_problems(tariff) == []) is sound


@pytest.mark.parametrize(
    ("split", "places"),
    [
        ([COMPANY, BUREAU], []),
        ([], ["split"]),
        ([COMPANY, COMPANY], ["split"]),
        ([{**COMPANY, "weight": 0}], ["split"]),
        ([{**COMPANY, "weight": -1, "account": ""}], ["split[0].weight", "split[0].account"]),
        ([{**COMPANY, "weight": 0.5}], ["split[0].weight"]),
        ([{**COMPANY, "weight": WEIGHT_MAX}], []),
        ([{**COMPANY, "weight": WEIGHT_MAX + 1}], ["split[0].weight"]),
        ([{**COMPANY, "payee_kind": "cash"}], ["split[0].payee_kind"]),
        ([{**COMPANY, "party": f"{COMPANY['party']} ", "account": " "}], ["split[0].party", "split[0].account"]),
        ([{**COMPANY, "party": "9" * 41, "account": "9" * 201}], ["split[0].party", "split[0].account"]),
        ([{**COMPANY, "account": "9" * 200}], []),
        ([{**COMPANY, "party": 5, "account": 5}], ["split[0].party", "split[0].account"]),
        ([{**COMPANY, "account": ""}] * 2, ["split[0].account", "split[1].account"]),
        ([{**COMPANY, "weight": 0, "account": ""}], ["split[0].account"]),
        ([COMPANY, "the other half"], ["split"]),
        ("split", ["split"]),
        (5, ["split"]),
    ],
)
def test_split(split: Any, places: list[str]) -> None:
    assert [problem.where for problem in split_problems(split)] == places


@pytest.mark.parametrize(
    ("state", "tariff", "fen"),
    [
        ("MONETIZABLE", {"kind": "per_delivery", "amount_fen": 7}, 7),
        ("MONETIZABLE", {"kind": "free", "amount_fen": 7}, 0),
        ("INCLUDED", {"kind": "per_delivery", "amount_fen": 7}, 0),
    ],
)
def test_what_one_use_costs(state: str, tariff: dict[str, Any], fen: int) -> None:
    assert unit_price(state, tariff) == fen


FREE, FEE = {"kind": "free", "amount_fen": 0}, {"kind": "per_delivery", "amount_fen": 5}
CASH = {**BUREAU, "payee_kind": "company"}


@pytest.mark.parametrize(
    ("tariff", "split", "places"),
    [
        (FREE, [], []),
        (FREE, None, []),
        (FREE, [COMPANY], []),
        (FREE, [CASH], ["split"]),
        (FEE, [COMPANY, BUREAU], []),
        (FEE, [], ["split"]),
        (FEE, [CASH, {**CASH, "party": f"{BUREAU['party'][:-1]}0"}], ["split", "split"]),
        (FEE, [{**CASH, "weight": -1}], ["split[0].weight"]),
        ({}, [], ["tariff.kind", "split"]),
        ({**FREE, "amount_fen": 1}, [COMPANY], ["tariff.amount_fen"]),
    ],
)
def test_the_money_of_an_offer(tariff: Any, split: Any, places: list[str]) -> None:
    assert [problem.where for problem in revenue_problems(tariff, split)] == places


def test_one_split_in_whatever_order() -> None:
    assert weights([COMPANY, BUREAU]) == weights([BUREAU, COMPANY])
    for name in COMPANY:
        assert weights([{**COMPANY, name: 9}]) != weights([COMPANY])


def test_departments_are_paid_through_the_treasury() -> None:
    assert paid_in_cash([COMPANY, BUREAU]) == []
    assert paid_in_cash([COMPANY, {**BUREAU, "payee_kind": "company"}]) == [BUREAU["party"]]
    assert paid_in_cash([COMPANY], departments=[COMPANY["party"]]) == [COMPANY["party"]]
