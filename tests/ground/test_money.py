"""Money as integer fen: parsing, printing, rounding, splitting."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datong.ground.money import half_up, parse_yuan, split_by_largest_remainder, yuan

FEN = st.integers(-(10**15), 10**15)
WEIGHTS = st.lists(st.integers(0, 10**6), min_size=1, max_size=12).filter(sum)


@pytest.mark.parametrize(
    ("text", "fen"),
    [
        ("12.34", 1234),
        ("12", 1200),
        ("12.5", 1250),
        ("0.01", 1),
        ("-0.50", -50),
        ("1,234,567.89", 123456789),
        (" 7 ", 700),
    ],
)
def test_amounts_in_yuan(text: str, fen: int) -> None:
    assert parse_yuan(text) == fen


@pytest.mark.parametrize(
    "text", ["", "12.345", "1e3", "12,34", "1,2345", "¥12", "--1", "12.", ".5", "nan", "１２", "+1"]
)
def test_what_is_no_amount(text: str) -> None:
    with pytest.raises(ValueError, match="yuan"):
        parse_yuan(text)


@given(FEN)
def test_printing_and_parsing_are_inverse(fen: int) -> None:
    assert parse_yuan(yuan(fen)) == fen
    assert parse_yuan(yuan(fen, "zh").removesuffix(" 元")) == fen
    assert parse_yuan(yuan(fen, "en").removeprefix("CNY ")) == fen


def test_for_people() -> None:
    assert yuan(-123456, "zh") == "-1,234.56 元"
    assert yuan(5, "en") == "CNY 0.05"


@pytest.mark.parametrize(
    ("amount", "rounded"),
    [("1/2", 1), ("-1/2", -1), ("3/2", 2), ("5/2", 3), ("149/100", 1), ("-149/100", -1), ("0", 0)],
)
def test_halves_go_up_away_from_zero(amount: str, rounded: int) -> None:
    assert half_up(Fraction(amount)) == rounded


@given(FEN, st.fractions(min_value=0, max_value=1000, max_denominator=10**6))
def test_rounding_is_near_and_symmetric(fen: int, factor: Fraction) -> None:
    assert abs(half_up(fen * factor) - fen * factor) <= Fraction(1, 2)
    assert half_up(-fen * factor) == -half_up(fen * factor)


@given(FEN, WEIGHTS)
def test_parts_sum_to_the_total_and_are_within_one_fen(total: int, weights: list[int]) -> None:
    parts = split_by_largest_remainder(total, weights)
    assert sum(parts) == total
    assert all(abs(p - Fraction(total * w, sum(weights))) < 1 for p, w in zip(parts, weights, strict=True))
    assert all(p == 0 for p, w in zip(parts, weights, strict=True) if w == 0)


@given(FEN.map(abs), WEIGHTS)
def test_a_greater_weight_never_gets_less(total: int, weights: list[int]) -> None:
    pairs = sorted(zip(weights, split_by_largest_remainder(total, weights), strict=True))
    for (smaller, less), (greater, more) in pairwise(pairs):
        assert smaller == greater or less <= more


@given(FEN, WEIGHTS)
def test_a_refund_reverses_the_charge(total: int, weights: list[int]) -> None:
    assert split_by_largest_remainder(-total, weights) == [-p for p in split_by_largest_remainder(total, weights)]


@given(FEN, st.dictionaries(st.text(min_size=1), st.integers(1, 1000), min_size=1, max_size=8), st.randoms())
def test_under_a_tie_key_the_order_of_the_parts_does_not_matter(
    total: int, weights: dict[str, int], random: object
) -> None:
    names = list(weights)
    shuffled = list(weights)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one = dict(zip(names, split_by_largest_remainder(total, [weights[n] for n in names], names), strict=True))
    two = dict(zip(shuffled, split_by_largest_remainder(total, [weights[n] for n in shuffled], shuffled), strict=True))
    assert one == two


def test_ties_go_to_the_lowest_key_or_the_first_place() -> None:
    assert split_by_largest_remainder(100, [1, 1, 1]) == [34, 33, 33]
    assert split_by_largest_remainder(100, [1, 1, 1], ["c", "b", "a"]) == [33, 33, 34]


@pytest.mark.parametrize("weights", [[], [0, 0], [1, -1], [-1]])
def test_weights_that_split_nothing_are_refused(weights: list[int]) -> None:
    with pytest.raises(ValueError, match="weights"):
        split_by_largest_remainder(100, weights)


def test_a_tie_key_per_weight() -> None:
    with pytest.raises(ValueError, match="tie key"):
        split_by_largest_remainder(100, [1, 2], ["a"])
