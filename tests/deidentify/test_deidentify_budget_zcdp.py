"""rho to (epsilon, delta): equal to OpenDP's conversion, never below it, and back again."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datong.deidentify.model.budget import NANO
from datong.deidentify.rules.budget import zcdp


@pytest.mark.parametrize("rho", [0.0001, 0.005, 0.045, 0.1, 0.5, 2.0, 20.0])
@pytest.mark.parametrize("delta", [1e-4, 1e-6, 1e-9, 1e-15])
def test_the_conversion_is_opendps(rho: float, delta: float) -> None:
    dp = pytest.importorskip("opendp.prelude")
    dp.enable_features("contrib")
    space = dp.vector_domain(dp.atom_domain(T="i64")), dp.l2_distance(T="f64")
    gaussian = dp.m.make_gaussian(*space, scale=math.sqrt(1 / (2 * rho)))
    theirs = dp.c.make_zCDP_to_approxDP(gaussian).map(1.0).epsilon(delta)
    ours = zcdp.epsilon(rho, delta)
    assert ours == pytest.approx(theirs, rel=1e-6)
    assert ours <= rho + 2 * math.sqrt(rho * math.log(1 / delta)), "tighter than Bun and Steinke 2016, Proposition 1.3"


@settings(max_examples=60, deadline=None)
@given(st.floats(0.001, 30), st.sampled_from([1e-4, 1e-6, 1e-9]))
def test_a_cap_in_epsilon_is_converted_once_and_rounded_down(epsilon: float, delta: float) -> None:
    nanorho = zcdp.nanorho_of(epsilon, delta)
    assert zcdp.epsilon(nanorho / NANO, delta) <= epsilon
    assert zcdp.epsilon((nanorho + 1) / NANO, delta) > epsilon


@settings(max_examples=60, deadline=None)
@given(st.floats(1e-6, 50), st.floats(1e-6, 50))
def test_more_rho_is_more_epsilon_and_two_answers_cost_less_than_their_epsilons(one: float, other: float) -> None:
    delta = 1e-6
    both = zcdp.epsilon(one + other, delta)
    assert both > zcdp.epsilon(max(one, other), delta)
    assert both <= zcdp.epsilon(one, delta / 2) + zcdp.epsilon(other, delta / 2) + 1e-9


def test_nothing_spent_is_nothing_told() -> None:
    assert zcdp.epsilon(0, 1e-6) == 0
    assert (zcdp.rho_text(5_000_000), zcdp.rho_text(0), zcdp.rho_text(3 * NANO)) == ("0.005", "0", "3")
