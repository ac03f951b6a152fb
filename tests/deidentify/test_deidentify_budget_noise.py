"""The noise has the distribution it is said to have, is whole, and costs what was debited.

Bounds are six standard errors of the statistic and more: a right sampler fails them about once in a thousand million runs.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from datong.deidentify.model.budget import NANO, Part
from datong.deidentify.rules.budget.sensitivity import scale_for
from datong.deidentify.service import noise

pytest.importorskip("opendp")
DRAWS = 20_000


def part(squared: int, rho: float) -> Part:
    cost = int(rho * NANO)
    return Part("count", cost, squared, scale_for(squared, cost))


@pytest.mark.parametrize(("squared", "rho"), [(1, 0.5), (25, 0.01)])
def test_the_noise_is_discrete_gaussian_of_the_variance_the_cost_asks_for(squared: int, rho: float) -> None:
    wanted = squared / (2 * rho)
    drawn = np.array(noise.gaussian([1000] * DRAWS, part(squared, rho))) - 1000
    error = wanted * math.sqrt(2 / DRAWS)
    assert abs(drawn.var() - wanted) < 7 * error
    assert abs(drawn.mean()) < 7 * math.sqrt(wanted / DRAWS)
    assert abs((drawn**4).mean() / wanted**2 - 3) < 7 * math.sqrt(96 / DRAWS) + 0.1, "the tails are those of a Gaussian"
    assert drawn.dtype == np.int64
    assert len({*drawn.tolist()}) > 3


def test_answers_are_whole_numbers_with_no_bits_below(tmp_path: object) -> None:
    drawn = noise.gaussian([0, 2**53 + 1, -(2**53) - 1], part(1, 2.0))
    assert all(isinstance(figure, int) for figure in drawn)
    assert abs(drawn[1] - (2**53 + 1)) < 100, "no rounding through a double"


def test_groups_of_nobody_get_noise_too() -> None:
    drawn = noise.gaussian([0] * 200, part(25, 0.01))
    assert sum(figure == 0 for figure in drawn) < 20
    assert min(drawn) < 0 < max(drawn)


def test_a_draw_that_would_cost_more_than_was_debited_is_not_made() -> None:
    cheap = part(25, 0.01)
    with pytest.raises(AssertionError, match="more than was debited"):
        noise.gaussian([1], Part("count", cheap.cost_nanorho - 1000, cheap.squared, cheap.scale))
    with pytest.raises(AssertionError, match="more than was debited"):
        noise.least([1, 2], Part("level500", cheap.cost_nanorho - 1000, cheap.squared, cheap.scale), 5)


def test_the_least_score_is_picked_as_often_as_the_exponential_mechanism_says() -> None:
    """Two candidates whose scores differ by d: the better one has odds exp(d / scale)."""
    mechanism = part(1, 0.125)
    picked = sum(noise.least([10, 12], mechanism, 1) == 0 for _ in range(2000))
    wanted = 1 / (1 + math.exp(-2 / mechanism.scale))
    assert abs(picked / 2000 - wanted) < 6.5 * math.sqrt(wanted * (1 - wanted) / 2000)
