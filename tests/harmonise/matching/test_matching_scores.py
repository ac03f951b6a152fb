"""Scores and shares: between 0 and 1, monotone, one-to-one; the shipped weights are those of the features there are."""

from __future__ import annotations

from itertools import product
from math import exp, inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datong.harmonise.model.matching import Verdict
from datong.harmonise.rules.matching import scores
from datong.harmonise.rules.matching.evidence import FEATURES
from datong.harmonise.rules.matching.marginals import shares

shares_drawn = st.floats(0, 1)


@given(shares_drawn, shares_drawn, shares_drawn, st.sampled_from(["elements", "tables"]))
def test_a_score_is_between_0_and_1_and_grows_with_the_share_and_the_name(
    one: float, other: float, named: float, name: str
) -> None:
    model = scores.models()[name]
    low, high = sorted((one, other))
    assert 0 <= model.score(low, named) <= model.score(high, named) + 1e-12 <= 1 + 1e-12
    assert model.score(high, named) <= model.score(high, 1.0) + 1e-12


# --- shares of a whole table -------------------------------------------------------------------------------------

rows_drawn = st.lists(st.dictionaries(st.integers(0, 5), st.floats(-60, 60), max_size=6), max_size=6)


@given(rows_drawn, st.floats(-3, 3))
def test_shares_are_one_to_one(rows: list[dict[int, float]], least: float) -> None:
    found = shares(rows, least)
    for row, given_row in zip(found, rows, strict=True):
        assert row.keys() == given_row.keys()
        assert all(0 <= share <= 1 + 1e-9 for share in row.values())
        assert sum(row.values()) <= 1 + 1e-9


def by_every_pairing(rows: list[dict[int, float]]) -> list[dict[int, float]]:
    """The shares as they are: every pairing counted with its weight."""
    whole = 0.0
    got = [dict.fromkeys(row, 0.0) for row in rows]
    for pairing in product(*([None, *row] for row in rows)):
        given = [number for number in pairing if number is not None]
        if len(given) == len(set(given)):
            weight = exp(sum(row[n] for row, n in zip(rows, pairing, strict=True) if n is not None))
            whole += weight
            for at, number in enumerate(pairing):
                if number is not None:
                    got[at][number] += weight
    return [{number: weight / whole for number, weight in row.items()} for row in got]


@pytest.mark.parametrize(
    ("rows", "near"),
    [
        ([{0: 8.0}, {0: -0.1}], 1e-6), ([{0: 2.0, 1: 1.0}, {1: 3.0, 2: 0.5}, {2: 1.0}], 1e-6), ([{0: 1.0}, {0: 1.0}, {0: 1.0}], 1e-6),
        ([{0: 3.0, 1: 2.0}, {0: 2.5, 1: 3.5}], 0.1), ([{0: 1.0, 1: 1.0}, {0: 1.0, 1: 1.0}], 0.1),
    ],
)  # fmt: skip
def test_shares_are_those_of_all_pairings_and_nearly_so_where_wishes_form_a_circle(
    rows: list[dict[int, float]], near: float
) -> None:
    for told, true in zip(shares(rows, -50), by_every_pairing(rows), strict=True):
        assert told == pytest.approx(true, abs=near)


def test_what_two_columns_want_is_divided_and_the_loser_gets_its_other_candidate() -> None:
    alone = shares([{0: 4.0, 1: 3.0}], -1)[0]
    strong, weak = shares([{0: 9.0}, {0: 4.0, 1: 3.0}], -1)
    assert alone[0] > alone[1]
    assert strong[0] > 0.95
    assert weak[1] > 0.9 > alone[1]
    assert strong[0] + weak[0] <= 1.01


def test_a_candidate_too_weak_to_be_given_takes_nothing_from_other_columns() -> None:
    assert shares([{0: 5.0}, {0: -4.0}], -1)[0] == shares([{0: 5.0}], -1)[0]


def test_the_order_of_columns_changes_no_share() -> None:
    rows = [{0: 3.0, 1: 2.5}, {0: 2.9, 2: 1.0}, {1: 2.7, 2: 0.5}]
    straight, turned = shares(rows, -1), shares(rows[::-1], -1)[::-1]
    for one, other in zip(straight, turned, strict=True):
        assert one == pytest.approx(other, abs=1e-3)


@pytest.mark.parametrize("name", ["elements", "tables"])
def test_the_thresholds_are_in_order(name: str) -> None:
    model = scores.models()[name]
    assert 0 < model.ask < model.accept < 1
    assert [model.verdict(s) for s in (0.0, model.ask, model.accept, 1.0)] == [
        Verdict.leave, Verdict.ask, Verdict.accept, Verdict.accept,
    ]  # fmt: skip


def test_a_word_and_the_wanted_values_speak_for_and_wrong_ones_against() -> None:
    weights = dict(zip(FEATURES, scores.models()["elements"].weights, strict=True))
    assert min(weights[name] for name in ("word", "sound", "parts", "wanted", "codes")) > 0
    assert max(weights[name] for name in ("unwanted", "foreign", "type_bad")) < 0


def test_weights_of_other_features_are_not_taken() -> None:
    with pytest.raises(AssertionError, match="fit_matching"):
        scores.model_of({"weights": {"word": 1.0}}, FEATURES)


def test_no_strength_breaks_it() -> None:
    assert scores.logistic(-inf) == pytest.approx(0)
    assert scores.logistic(inf) == pytest.approx(1)
