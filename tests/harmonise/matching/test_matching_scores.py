"""Scores: between 0 and 1, monotone, fewer rivals never hurt; the shipped weights are those of the features there are."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datong.harmonise.model.matching import Verdict
from datong.harmonise.rules.matching import scores
from datong.harmonise.rules.matching.evidence import FEATURES

strengths = st.floats(-50, 50)


@given(strengths, st.lists(strengths, max_size=5), st.sampled_from(["elements", "tables"]))
def test_a_score_is_a_share_and_rivals_lower_it(strength: float, rivals: list[float], name: str) -> None:
    model = scores.models()[name]
    alone, beside = model.score(strength, []), model.score(strength, rivals)
    assert 0 <= beside <= alone + 1e-12 <= 1 + 1e-12


@given(strengths, strengths, st.lists(strengths, max_size=3))
def test_a_stronger_one_scores_no_lower(one: float, other: float, rivals: list[float]) -> None:
    model = scores.models()["elements"]
    assert model.score(min(one, other), rivals) <= model.score(max(one, other), rivals) + 1e-12


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
