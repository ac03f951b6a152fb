"""From evidence to a score that means something: weights and thresholds are read from data/matching/weights.json.

Evidence is added up with weights to a strength; strengths of a whole table become shares (`marginals`); a share is
then corrected so that it means what it says: of proposals scored 0.9, nine of ten were right on the development set,
table by table held out.
`tools/fit_matching.py` makes the weights again. Must never know: names, values.
Contract: tests/harmonise/matching/test_matching_scores.py.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping as Map
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from math import exp, log

from datong.harmonise.model.matching import Verdict
from datong.harmonise.rules.matching.evidence import FEATURES, TABLE_FEATURES

EDGE = 1e-9
"""Shares nearer to 0 or 1 than this are not told apart."""


@dataclass(frozen=True)
class Model:
    """rise, fall, shift, unsaid: how a share becomes a score. accept, ask: the scores from which a proposal is taken,
    or shown to a person. least: the strength under which a column rather has no partner."""

    bias: float
    weights: tuple[float, ...]
    rise: float
    fall: float
    shift: float
    unsaid: float
    accept: float
    ask: float
    least: float

    def strength(self, features: Sequence[float]) -> float:
        """Evidence added up (log odds against there being no partner)."""
        return self.bias + sum(w * f for w, f in zip(self.weights, features, strict=True) if f)

    def score(self, share: float, named: float = 1.0) -> float:
        """0..1: how often a proposal is right that has this share of all ways to pair its table. named: how far its
        name says it; values alone mislead more often than their share lets one think."""
        if share <= 0:
            return 0.0
        kept, left = log(max(share, EDGE)), log(max(1 - share, EDGE))
        return logistic(self.rise * kept - self.fall * left + self.shift - self.unsaid * (1 - named))

    def verdict(self, score: float) -> Verdict:
        return Verdict.accept if score >= self.accept else Verdict.ask if score >= self.ask else Verdict.leave


def logistic(strength: float) -> float:
    return 1 / (1 + exp(-max(-60.0, min(60.0, strength))))


@functools.cache
def models() -> Map[str, Model]:
    """elements: column against data elements; tables: column against columns of another table."""
    text = (resources.files("datong.harmonise") / "data" / "matching" / "weights.json").read_text("utf-8")
    return {
        name: model_of(given, FEATURES if name == "elements" else TABLE_FEATURES)
        for name, given in json.loads(text)["models"].items()
    }


def model_of(given: Map[str, float | Map[str, float]], features: tuple[str, ...]) -> Model:
    weights = given["weights"]
    assert isinstance(weights, dict)
    assert set(weights) == set(features), "the weights are those of other features: run tools/fit_matching.py"
    numbers = {name: float(value) for name, value in given.items() if isinstance(value, int | float)}
    return Model(weights=tuple(float(weights[name]) for name in features), **numbers)
