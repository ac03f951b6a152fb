"""Money: integer fen (分), never a float. Parse, print, round, split. Pure.

Rounding happens in one place per amount, half up and symmetric about zero, so that a reversal undoes exactly
what it reverses. Must never know: who pays, and for what. Contract: tests/ground/test_money.py.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

FEN_MAX = 10**13
"""The largest amount that anything may cost, or that one document may come to: 100 billion yuan. Hundreds of them add
up to what every JSON reader holds exactly (2^53), and hundreds of thousands to what a database does."""

_YUAN = re.compile(r"(-?)([0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.([0-9]{1,2}))?")


def parse_yuan(text: str) -> int:
    """Fen of an amount in yuan: "12.34" -> 1234, "1,200" -> 120000; ValueError for anything else."""
    found = _YUAN.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no amount in yuan with at most two decimals, like 12.34")
    sign, yuan, decimals = found.groups()
    fen = int(yuan.replace(",", "")) * 100 + int((decimals or "0").ljust(2, "0"))
    return -fen if sign else fen


def yuan(fen: int, language: str = "") -> str:
    """The amount in yuan: plain "1234.56", or for people "1,234.56 元" (zh) and "CNY 1,234.56" (en)."""
    sign, whole, rest = "-" if fen < 0 else "", abs(fen) // 100, abs(fen) % 100
    if not language:
        return f"{sign}{whole}.{rest:02d}"
    amount = f"{sign}{whole:,}.{rest:02d}"
    return f"{amount} 元" if language == "zh" else f"CNY {amount}"


def half_up(amount: Fraction | Decimal | int) -> int:
    """The nearest integer; halves go away from zero (1.5 -> 2, -1.5 -> -2)."""
    exact = Fraction(amount)
    whole = (2 * abs(exact) + 1) // 2
    return int(-whole if exact < 0 else whole)


def split_by_largest_remainder(
    total_fen: int, weights: Sequence[int], tie_order: Sequence[str] | None = None
) -> list[int]:
    """Parts of `total_fen` in proportion to `weights`, in their order, summing to the total exactly.

    Each part is less than one fen from its exact share. The odd fen go to the largest remainders; between equal
    remainders to the lowest `tie_order` (one text per weight, e.g. party codes, so that the order of the parts
    does not matter; without it the position). The split of -x is minus the split of x. ValueError for no
    weight, a negative one, or none above zero.
    """
    if not weights or min(weights) < 0 or sum(weights) == 0:
        raise ValueError("weights must be whole numbers not below zero, at least one above")
    if tie_order is not None and len(tie_order) != len(weights):
        raise ValueError("one tie key per weight is needed")
    whole, amount = sum(weights), abs(total_fen)
    parts = [amount * weight // whole for weight in weights]
    remainders = [amount * weight % whole for weight in weights]
    keys = [(-remainders[i], tie_order[i] if tie_order is not None else "", i) for i in range(len(weights))]
    for _key, _tie, index in sorted(keys)[: amount - sum(parts)]:
        parts[index] += 1
    return parts if total_fen >= 0 else [-part for part in parts]
