"""Which column comes first row by row, and how far that agrees between two tables."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from datong.harmonise.rules.matching.order import before, support

STARTS = [f"2024-03-{d:02} 08:{d:02}:00" for d in range(1, 29)]
ENDS = [f"2024-03-{d:02}T09:{d:02}:30+08:00" for d in range(1, 29)]


def test_a_start_is_before_its_end_however_the_times_are_written() -> None:
    bare = [f"202403{d:02}1{d % 10}0000" for d in range(1, 29)]
    found = before([STARTS, ENDS, bare])
    assert found == {(0, 1): 1, (1, 0): -1, (0, 2): 1, (2, 0): -1, (1, 2): 1, (2, 1): -1}


def test_days_and_moments_are_compared_by_day_times_of_day_and_numbers_among_themselves() -> None:
    days = [f"2024/3/{d}" for d in range(2, 30)]
    clocks, later = [f"{h:02}:15" for h in range(20)] * 2, [f"{h + 1:02}:05:00" for h in range(20)] * 2
    assert before([days, STARTS]) == {(0, 1): -1, (1, 0): 1}
    assert before([clocks[:28], later[:28], days]) == {(0, 1): 1, (1, 0): -1}
    low, high = [str(n * 7 % 50) for n in range(28)], [str(n * 7 % 50 + 3) for n in range(28)]
    assert before([low, high, STARTS]) == {(0, 1): 1, (1, 0): -1}


def test_one_wrong_row_in_twenty_is_borne_more_are_not() -> None:
    swapped = [ENDS[0], *STARTS[1:]], [STARTS[0], *ENDS[1:]]
    assert before(swapped)[0, 1] == 1
    half = [*ENDS[:14], *STARTS[14:]], [*STARTS[:14], *ENDS[14:]]
    assert before(half) == {}


def test_nothing_is_said_of_equal_columns_few_rows_unlike_kinds_or_numbers_of_other_ranges() -> None:
    small, great = [str(n) for n in range(28)], [str(n + 1000) for n in range(28)]
    assert before([STARTS, STARTS]) == {}
    assert before([STARTS[:5], ENDS[:5]]) == {}
    assert before([STARTS, small]) == {}
    assert before([small, great]) == {}
    assert before([["2024-13-45"] * 28, ["25:99"] * 28, [None] * 28, [""] * 28]) == {}
    assert before([STARTS, ENDS[:20]]) == {}, "rows that do not stand beside each other are not compared"


def test_order_decides_between_two_equally_likely_pairs() -> None:
    order = {(0, 1): 1, (1, 0): -1}
    told = support(order, order, [{0: 0.5, 1: 0.5}, {0: 0.5, 1: 0.5}])
    assert told[0, 0] == told[1, 1] == 0.5
    assert told[0, 1] == told[1, 0] == -0.5
    assert support(order, {}, [{}, {}]) == {}


@given(st.lists(st.lists(st.one_of(st.none(), st.text(max_size=25)), min_size=12, max_size=12), max_size=4))
def test_any_cells_are_compared_without_fault(columns: list[list[str | None]]) -> None:
    found = before(columns)
    assert all(found[b, a] == -said for (a, b), said in found.items())
