"""Suppression of classes against two attackers: one who subtracts, one who also knows k and the rule."""

from __future__ import annotations

import itertools
from collections import defaultdict
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datong.deidentify.rules.suppression import hidden_classes, rounded_share


@pytest.mark.parametrize(
    ("sizes", "hidden"),
    [
        ({"bus": 9, "car": 80, "truck": 7}, []),
        ({"bus": 3, "car": 80, "truck": 7}, ["bus", "truck"]),  # a second one, because one follows from the total
        ({"bus": 2, "car": 80, "truck": 4}, ["bus", "truck"]),  # 6 together, 2 + 4 or 3 + 3 or 4 + 2
        ({"bus": 2, "car": 80, "truck": 3}, ["bus", "truck"]),  # 5 together: enough
        ({"bus": 1, "car": 80, "truck": 2}, ["bus", "car", "truck"]),  # 3 together: fewer than 5
        ({"bus": 4, "car": 80, "truck": 4, "van": 5}, ["bus", "truck", "van"]),  # 8 together can only be 4 + 4
        ({"bus": 0, "car": 80, "truck": 0}, ["bus", "truck"]),
        ({"bus": 0, "car": 80, "truck": 9}, ["bus", "truck"]),  # never exactly one
        ({"bus": 0, "car": 3, "truck": 2}, ["bus", "car", "truck"]),
        ({"car": 6}, []),
    ],
)
def test_examples(sizes: dict[str, int], hidden: list[str]) -> None:
    assert hidden_classes(sizes, 5) == hidden


@given(
    st.dictionaries(st.sampled_from("abcdefg"), st.integers(0, 30), min_size=2, max_size=7).filter(
        lambda sizes: sum(sizes.values()) >= 5
    )
)
def test_no_difference_of_shown_figures_tells_of_fewer_than_k(sizes: dict[str, int]) -> None:
    hidden = hidden_classes(sizes, 5)
    difference = sum(sizes.values()) - sum(size for name, size in sizes.items() if name not in hidden)
    assert all(size >= 5 for name, size in sizes.items() if name not in hidden)
    assert len(hidden) != 1
    assert difference == 0 or difference >= 5


@pytest.mark.parametrize(("k", "classes", "most"), [(3, 2, 9), (3, 3, 8), (3, 4, 6), (4, 3, 9), (5, 3, 11)])
def test_who_knows_the_rule_cannot_pin_down_a_small_class(k: int, classes: int, most: int) -> None:
    """All inputs that give the same output are the attacker's candidates: each small class keeps two sizes."""
    candidates = defaultdict(list)
    for values in itertools.product(range(most + 1), repeat=classes):
        if k <= sum(values) <= most:  # every input of these totals is enumerated
            sizes = dict(zip("abcdefg", values, strict=False))
            hidden = tuple(hidden_classes(sizes, k))
            shown = tuple((name, size) for name, size in sizes.items() if name not in hidden)
            candidates[sum(values), shown, hidden].append(sizes)
    assert candidates
    for (_, _, hidden), possible in candidates.items():
        for name in hidden:
            found = {sizes[name] for sizes in possible}
            assert len(found) > 1 or found == {0} or min(found) >= k, (name, possible)


@given(st.integers(1, 4000), st.integers(3, 50))
def test_two_shares_that_differ_are_k_events_apart(whole: int, k: int) -> None:
    """Else a reader who knows the size would read an exact count out of a share."""
    shares = sorted({rounded_share(part, whole, k) for part in range(whole + 1)})
    assert all((after - before) * whole >= k - 1e-6 for before, after in pairwise(shares))
    assert shares[0] == 0.0 and all(0 <= share <= 1 for share in shares)


def test_a_share_says_as_much_as_its_size_allows() -> None:
    assert rounded_share(1234, 13_652, 5) == 0.09
    assert rounded_share(317, 1000, 5) == 0.315
    assert rounded_share(3, 9, 5) == 0.0, "no share of nine can be told"
    assert rounded_share(0, 0, 5) == 0.0


@pytest.mark.parametrize(
    ("whole", "grain"),
    [
        (5000, 0.001), (4999, 0.002), (2500, 0.002), (2499, 0.005), (1000, 0.005), (999, 0.01), (500, 0.01),
        (499, 0.02), (250, 0.02), (249, 0.05), (100, 0.05), (99, 0.1), (50, 0.1), (49, 0.2), (25, 0.2), (24, 0.5),
        (10, 0.5),
    ],
)  # fmt: skip
def test_the_finest_grain_that_stands_for_k_events_is_taken(whole: int, grain: float) -> None:
    assert sorted({rounded_share(part, whole, 5) for part in range(whole + 1)})[1] == grain
