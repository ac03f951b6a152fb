"""bench/attacks_noise.py: the attacker is the best there is and gets what theory says; the committed results keep it."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def noisy() -> Iterator[ModuleType]:
    sys.path.append(str(ROOT / "bench"))  # the scripts it imports lie beside it
    import attacks_noise

    yield attacks_noise
    sys.path.remove(str(ROOT / "bench"))


def test_the_ratio_is_that_of_the_two_densities(noisy: ModuleType) -> None:
    """Log density of the figures told under the table with the target less that under the table without."""
    chance, scale = np.random.default_rng(3), 7.0
    with_target = chance.integers(0, 50, (2, 9))
    change = chance.integers(-3, 9, (2, 9))
    noises = chance.normal(0, scale, (10, 9))
    inside, outside = noisy.ratios(change, noises, scale)
    for target in range(2):
        tables = with_target[target], with_target[target] - change[target]
        for told, draws, table in ((inside, noises[:5], tables[0]), (outside, noises[5:], tables[1])):
            y = table + draws
            density = [-((y - of) ** 2).sum(1) / (2 * scale**2) for of in tables]
            assert told[target] == pytest.approx(density[0] - density[1])


def test_it_gains_what_two_gaussians_apart_give_away(noisy: ModuleType) -> None:
    chance, scale, draws = np.random.default_rng(4), 10.0, 20_000
    change = np.array([[6, 0, -8], [0, 0, 1]])
    inside, outside = noisy.ratios(change, np.rint(chance.normal(0, scale, (2 * draws, 3))).astype(int), scale)
    gain = (inside > 0).mean(1) - (outside > 0).mean(1)
    apart = noisy.exposed({"one": change}, {"one": scale})
    assert apart.tolist() == [1.0, 0.1]
    assert gain == pytest.approx([noisy.gained(1.0), noisy.gained(0.1)], abs=6 * math.sqrt(0.5 / draws))
    assert noisy.gained(1.0) == pytest.approx(0.3829, abs=1e-4)


def test_the_bound_of_the_noise_is_below_that_of_its_epsilon(noisy: ModuleType) -> None:
    from datong.deidentify.rules.budget import zcdp

    for epsilon in noisy.EPSILONS:
        rho = zcdp.nanorho_of(epsilon, noisy.DELTA) / noisy.NANO
        assert noisy.gained(math.sqrt(2 * rho)) < noisy.bound_of(epsilon, noisy.DELTA)
    assert noisy.bound_of(0, 0) == 0
    assert noisy.bound_of(math.log(3), 0) == pytest.approx(0.5)


def test_what_was_measured_keeps_the_bounds(noisy: ModuleType) -> None:
    """Of the committed results: nobody's two tables are farther apart than the cost allows; the shares measured are
    those that the distance gives, within twice their 95 % interval."""
    found = json.loads(noisy.RESULTS.read_text("utf-8"))
    for one in found["epsilon"].values():
        assert 0 < one["anybody"] < one["exposed"]
        assert one["most exposed, expected"] <= one["bound"] * (1 + 1e-3)
        assert abs(one["most exposed"] - one["most exposed, expected"]) < 2 * one["error"]
        assert one["most exposed"] - 2 * one["error"] < one["bound"]
