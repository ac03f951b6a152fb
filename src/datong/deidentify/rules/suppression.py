"""Primary and complementary suppression of the classes of one group; and shares rounded until they tell of no one.

A class below k stays empty and marked. Because the total is shown, what is hidden must not follow from a
difference: never exactly one class is hidden, the hidden sum is 0 or at least k, and the sum leaves every hidden
class at least two possible sizes for a reader who knows k and this very rule (two classes of at most 4 that sum
to 8 would be 4 and 4). The next smallest shown class (ties by name) is hidden until that holds; hiding all
leaves the total alone, which is at least k.
Must never know: tables. Contract: tests/deidentify/test_deidentify_suppression.py, with both attackers.
"""

from __future__ import annotations

from collections.abc import Mapping


def hidden_classes(sizes: Mapping[str, int], k: int) -> list[str]:
    """Names of the classes to hide, sorted; `sizes` are the distinct subjects of every class of one group."""
    by_size = sorted(sizes, key=lambda name: (sizes[name], name))
    small = [name for name in by_size if sizes[name] < k]
    hidden = list(small)
    for name in by_size[len(small) :]:
        hidden_sum = sum(sizes[other] for other in hidden)
        if not _revealing(hidden_sum, len(small), len(hidden), sizes[name], k):
            break
        hidden.append(name)
    return sorted(hidden)


GRAINS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
"""What a share may be rounded to: numbers that say nothing of the size they were chosen for but its order."""


def rounded_share(part: int, whole: int, k: int) -> float:
    """`part` of `whole` to the finest grain that stands for at least k events; 0.0 when the whole allows none.

    A share to a thousandth of fewer than a thousand events would be their exact number.
    """
    grain = next((grain for grain in GRAINS if grain * whole >= k), None)
    return round(round(part / whole / grain) * grain, 3) if grain else 0.0


def _revealing(hidden_sum: int, small: int, hidden: int, next_size: int, k: int) -> bool:
    """Whether total minus shown classes tells of fewer than k, of one class, or pins down a small one.

    small: hidden because below k; hidden: all hidden, the others between k and `next_size`, the smallest shown.
    """
    if hidden == 1 or 0 < hidden_sum < k:
        return True
    others = hidden - small
    least = max(0, hidden_sum - (k - 1) * (small - 1) - next_size * others)
    most = min(k - 1, hidden_sum - k * others)
    return hidden_sum > 0 and most <= least
