"""Noise from OpenDP's exact samplers, and nothing else that is random.

Discrete Gaussian for counts and sums, report-noisy-max with Gumbel noise for quantiles; whole numbers in, whole
numbers out, so no low bits of a floating-point sum can tell of the data (Mironov 2012). OpenDP computes the cost of
each mechanism itself, with directed rounding, and it is held against what was debited before a draw.
OpenDP is imported here only, when an answer is drawn. Must never know: ledgers, stores.
Contract: tests/deidentify/test_deidentify_budget_noise.py.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Sequence
from typing import Any

from datong.deidentify.model.budget import NANO, Part
from datong.deidentify.model.budget_refusals import NO_NOISE

ROUNDING = 1e-9
"""What OpenDP's directed rounding may add to the exact cost."""


def require() -> None:
    """DID-476 where OpenDP is not installed; without importing it."""
    if importlib.util.find_spec("opendp") is None:
        raise NO_NOISE()


def gaussian(figures: Sequence[int], part: Part) -> list[int]:
    """`figures` with independent discrete Gaussian noise of the part's scale; an AssertionError when it costs more."""
    dp = _opendp()
    space = dp.vector_domain(dp.atom_domain(T="i64")), dp.l2_distance(T="f64")
    measurement = dp.m.make_gaussian(*space, scale=part.scale)
    _hold(measurement.map(math.sqrt(part.squared)), part)
    return [int(figure) for figure in measurement([int(figure) for figure in figures])]


def least(scores: Sequence[int], part: Part, change: int) -> int:
    """The index of the least score, privately; change: by how much one unit changes a score at most."""
    dp = _opendp()
    space = dp.vector_domain(dp.atom_domain(T="i64")), dp.linf_distance(T="i64")
    measurement = dp.m.make_noisy_max(*space, dp.zero_concentrated_divergence(), scale=part.scale, negate=True)
    # one group holds at most `change` of a unit; over groups the squares add up to the part's
    _hold(measurement.map(change) * part.squared / change**2, part)
    return int(measurement([int(score) for score in scores]))


def _hold(rho: float, part: Part) -> None:
    assert rho <= part.cost_nanorho / NANO * (1 + ROUNDING), f"{part.name} would cost more than was debited"


def _opendp() -> Any:
    require()
    import opendp.prelude as dp  # noqa: PLC0415 - heavy, an extra

    dp.enable_features("contrib")
    return dp
