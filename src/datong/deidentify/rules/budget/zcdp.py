"""Zero-concentrated differential privacy: whole nano-rho, and (epsilon, delta) for people.

rho adds up over adaptive answers (Bun and Steinke 2016, arXiv:1605.02065, Lemma 2.3), epsilon does not: so the ledger
is kept in rho and converted once, at the end. The conversion is that of Canonne, Kamath and Steinke 2020
(arXiv:2004.00010, Proposition 12 with Lemma 3.5 there): rho-zCDP gives (epsilon, delta) for every alpha > 1 with
    epsilon = alpha rho + (ln(1/delta) + (alpha - 1) ln(1 - 1/alpha) - ln alpha) / (alpha - 1).
Each alpha is a valid bound, so that a search that misses the least one errs on the safe side.
Must never know: what is asked. Contract: tests/deidentify/test_deidentify_budget_zcdp.py (held against OpenDP).
"""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from datong.deidentify.model.budget import NANO

RHO_MAX = 100
"""A cap above this promises nothing; it keeps every sum far below what a column of whole numbers holds."""
DELTA_MAX = Decimal("0.0001")
DELTA_DEFAULT = Decimal("0.000001")
_SEARCHED = 200


def epsilon(rho: float, delta: float) -> float:
    """The least epsilon found such that rho-zCDP implies (epsilon, delta)-DP; 0 for rho = 0, rounded up."""
    if rho <= 0:
        return 0.0
    # the bound is a unimodal function of log(alpha - 1): golden section over a bracket that holds its least point
    low, high = math.log(1e-6), math.log(1e12)
    ratio = (math.sqrt(5) - 1) / 2
    for _ in range(_SEARCHED):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        if _bound(rho, delta, math.exp(left)) <= _bound(rho, delta, math.exp(right)):
            high = right
        else:
            low = left
    return max(0.0, _bound(rho, delta, math.exp((low + high) / 2)) * (1 + 1e-12))


def _bound(rho: float, delta: float, above: float) -> float:
    """The bound at alpha = 1 + above."""
    alpha = 1 + above
    return alpha * rho + (-math.log(delta) + above * (math.log(above) - math.log(alpha)) - math.log(alpha)) / above


def nanorho_of(epsilon_wanted: float, delta: float) -> int:
    """The most nano-rho whose `epsilon` at `delta` is at most `epsilon_wanted`; rounded down."""
    low, high = 0, RHO_MAX * NANO
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if epsilon(middle / NANO, delta) <= epsilon_wanted else (low, middle - 1)
    return low


def nanorho_down(rho: Decimal) -> int:
    """A cap in nano-rho, rounded down."""
    return int((rho * NANO).to_integral_value(ROUND_FLOOR))


def nanorho_up(rho: Decimal) -> int:
    """A cost in nano-rho, rounded up."""
    return int((rho * NANO).to_integral_value(ROUND_CEILING))


def rho_text(nanorho: int) -> str:
    """Nano-rho as rho in plain decimals, exact, e.g. "0.005"."""
    return format((Decimal(nanorho) / NANO).normalize(), "f")
