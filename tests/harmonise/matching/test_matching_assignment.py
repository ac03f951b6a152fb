"""The assignment is the best of all permutations, never gives a column twice, and takes no loss."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datong.harmonise.rules.matching.assignment import assigned

gains = st.lists(st.dictionaries(st.integers(0, 4), st.floats(-1, 3), max_size=4), max_size=5)


@given(gains)
def test_it_is_the_best_of_all(given: list[dict[int, float]]) -> None:
    found = assigned(given)
    taken = [column for column in found if column is not None]
    assert len(taken) == len(set(taken))
    total = sum(given[row][column] for row, column in enumerate(found) if column is not None)
    every = itertools.permutations([0, 1, 2, 3, 4, *[None] * len(given)], len(given))
    best = max(
        sum(max(0.0, row.get(c, 0.0)) if c is not None else 0.0 for row, c in zip(given, p, strict=True))
        for p in set(every)
    )
    assert total == pytest.approx(best)
    assert all(given[row][column] > 0 for row, column in enumerate(found) if column is not None)


def test_the_surer_column_gets_it_and_the_other_its_second_choice() -> None:
    assert assigned([{1: 5.0, 2: 4.0}, {1: 4.9, 2: 0.5}]) == [2, 1]
    assert assigned([{1: 5.0}, {1: 4.0}]) == [1, None]
    assert assigned([]) == []
    assert assigned([{}, {3: 1.0}]) == [None, 3]


def test_two_hundred_columns_take_no_time() -> None:
    many = [{(row * 7 + k) % 510: 1 + (row * k % 5) for k in range(1, 9)} for row in range(200)]
    found = assigned(many)
    assert len({c for c in found if c is not None}) == sum(c is not None for c in found) > 150
