"""Numbers, times, places, cells: what each does, and that what cannot be treated is told by row, never by value."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datong.deidentify.model.treatments import BadValues
from datong.deidentify.rules.treatments import cells, dates, numbers, places, tokens
from datong.deidentify.rules.treatments.columns import texts, times

KEY = bytes(range(32))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([1.0, float("nan")], "1 values are NaN or infinite (the first in row 2)"),
        ([float("inf"), 1.0], "1 values are NaN or infinite (the first in row 1)"),
        (["1", None, "3,5", "x"], "2 values are no finite numbers (the first in row 3)"),
        (["1e999"], "1 values are NaN or infinite (the first in row 1)"),
        ([2**53 + 1, 3], "1 values are beyond 2**53 and cannot be computed with exactly (the first in row 1)"),
    ],
)
def test_what_is_no_number_is_refused(values: list[object], said: str) -> None:
    with pytest.raises(BadValues) as refused:
        numbers.rounded(pa.array(values), 5)
    assert str(refused.value) == said


def test_a_whole_number_is_the_same_text_in_a_column_of_whichever_type() -> None:
    """A table with gaps keeps its phone numbers as fractions; their tokens have to meet those of another owner."""
    phones = [13800138000, None, 7]
    kinds = [
        pa.array(phones), pa.array([None if n is None else float(n) for n in phones]),
        pa.array([None if n is None else Decimal(n) for n in phones], pa.decimal128(20, 2)),
        pa.array([None if n is None else str(n) for n in phones]),
    ]  # fmt: skip
    assert [texts(column).to_pylist() for column in kinds] == [["13800138000", None, "7"]] * 4
    assert len({str(tokens.hmac_tokens(texts(column), KEY).to_pylist()) for column in kinds}) == 1
    assert texts(pa.array([1e15, -0.0, 0.5, 1e300])).to_pylist() == ["1000000000000000", "0", "0.5", "1e+300"]
    with pytest.raises(BadValues, match=r"1 values are NaN or infinite \(the first in row 2\)"):
        texts(pa.array([1.0, float("nan")]))


def test_columns_of_other_kinds_are_refused() -> None:
    for column in (pa.array([True]), pa.array([date(2026, 1, 1)]), pa.array([[1]])):
        with pytest.raises(BadValues):
            numbers.rounded(column, 5)


def test_rounding_and_coding_keep_nulls_and_whole_numbers() -> None:
    column = pa.array(["3", None, "13", "-8", ""])
    assert numbers.rounded(column, 5).to_pylist() == [5, None, 15, -10, None]
    assert numbers.rounded(pa.array([0.26, 0.74]), 0.5).to_pylist() == [0.5, 0.5]
    assert numbers.coded(column, 0, 10).to_pylist() == [3, None, 10, 0, None]
    assert numbers.coded(pa.array([1.5, 99.0]), None, 50.0).to_pylist() == [1.5, 50.0]


def test_noise_has_its_scale_and_is_the_same_for_the_same_key() -> None:
    column = pa.array(np.full(20_000, 100.0))
    for kind in ("normal", "laplace"):
        made = np.asarray(numbers.noised(column, 3.0, kind, KEY))
        assert abs(made.mean() - 100) < 0.1
        assert abs(made.std() - 3) < 0.1
        assert made.tolist() == np.asarray(numbers.noised(column, 3.0, kind, KEY)).tolist()
        assert made.tolist() != np.asarray(numbers.noised(column, 3.0, kind, KEY[::-1])).tolist()


def test_two_tables_under_one_key_do_not_tell_by_their_difference_what_changed() -> None:
    before = np.linspace(9_000, 30_000, 2_000)
    raised = np.where(np.arange(2_000) % 2, before + 500, before)
    for kind in ("normal", "laplace"):
        first, second = (np.asarray(numbers.noised(pa.array(one), 1_000.0, kind, KEY)) for one in (before, raised))
        told = (second - first)[1::2]
        assert abs(told - 500).min() > 1e-3, "no raise is seen as it was"
        assert abs(told.std() / (1_000 * np.sqrt(2)) - 1) < 0.1
        assert (second == first)[::2].all(), "what has not changed does not average its noise away"


@pytest.mark.parametrize("kind", ["normal", "laplace"])
def test_a_table_in_another_order_or_without_a_row_does_not_average_its_noise_away(kind: str) -> None:
    """Next month's table begins with another row, or is sorted otherwise: each draw anew would halve the variance."""
    incomes = np.linspace(9_000, 30_000, 500)
    once = dict(zip(incomes, numbers.noised(pa.array(incomes), 1_000.0, kind, KEY).to_pylist(), strict=True))
    for other in (incomes[::-1], incomes[1:], np.insert(incomes, 0, 8_000)):
        again = dict(zip(other, numbers.noised(pa.array(other), 1_000.0, kind, KEY).to_pylist(), strict=True))
        assert all(again[income] == once[income] for income in incomes if income in again)
    gaps = numbers.noised(pa.array([None, 0.0, None, 0.0]), 1.0, kind, KEY).to_pylist()
    assert [gaps[1], gaps[3]] == numbers.noised(pa.array([0.0, 0.0]), 1.0, kind, KEY).to_pylist()


def test_the_noise_of_a_subject_is_its_own() -> None:
    """Many are as old: with the column that says who it is, who leaves moves nobody else's noise."""
    people, ages = [f"p{n}" for n in range(400)], np.arange(400) % 7 + 30
    once = dict(
        zip(people, numbers.noised(pa.array(ages), 3.0, "normal", KEY, pa.array(people)).to_pylist(), strict=True)
    )
    left = [n for n in range(399, -1, -1) if n % 5]
    again = numbers.noised(pa.array(ages[left]), 3.0, "normal", KEY, pa.array([people[n] for n in left])).to_pylist()
    assert again == [once[people[n]] for n in left]
    off = np.array([once[who] for who in people]) - ages
    assert abs(off.std() - 3) < 0.4 and len(set(np.round(off, 6))) == 400
    twice = numbers.noised(pa.array([30, 30, None]), 3.0, "normal", KEY, pa.array(["p", "p", "p"])).to_pylist()
    assert twice[0] != twice[1] and twice[2] is None, "two rows alike of one person would show that they are"
    with pytest.raises(BadValues, match="no subject"):
        numbers.noised(pa.array([30, 31]), 3.0, "normal", KEY, pa.array(["p", None]))


def test_noise_is_of_its_distribution() -> None:
    column = pa.array(np.arange(40_000.0) % 7)
    for kind, beyond in (("normal", 0.0455), ("laplace", np.exp(-2 * np.sqrt(2)))):
        off = np.asarray(numbers.noised(column, 3.0, kind, KEY)) - np.asarray(column)
        assert abs((abs(off) > 6).mean() - beyond) < 0.005
        assert abs((off > 0).mean() - 0.5) < 0.01
        assert abs(np.corrcoef(off[:-1], off[1:])[0, 1]) < 0.02


def test_one_column_is_aggregated_in_groups_of_k() -> None:
    made = numbers.micro_aggregated([pa.array([10, 1, 2, 11, 3, 12, 30])], 3)[0].to_pylist()
    assert made == [15.75, 2.0, 2.0, 15.75, 2.0, 15.75, 15.75]


def test_several_columns_are_aggregated_together_and_keep_their_sums() -> None:
    points = np.random.default_rng(7).normal(size=(203, 2)) * [1, 1000]
    made = numbers.micro_aggregated([pa.array(points[:, 0]), pa.array(points[:, 1])], 5)
    pairs, counts = np.unique(np.column_stack([np.asarray(one) for one in made]), axis=0, return_counts=True)
    assert counts.min() >= 5
    assert counts.max() < 10
    assert len(pairs) == 40
    assert np.allclose([np.asarray(one).sum() for one in made], points.sum(axis=0))


@pytest.mark.parametrize("seed", [2, 5])
def test_columns_aggregated_with_each_other_have_the_same_groups(seed: int) -> None:
    """As a plan asks: each column with the others. Values that tie fell to other groups for every column."""
    dice = np.random.default_rng(seed)
    columns = {name: pa.array(dice.integers(0, most, 400)) for name, most in (("a", 12), ("b", 7), ("c", 30))}
    made = {
        name: numbers.micro_aggregated([one, *(columns[o] for o in columns if o != name)], 5)[0].to_pylist()
        for name, one in columns.items()
    }
    assert min(Counter(zip(*made.values(), strict=True)).values()) >= 5


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ([[1, 2, 3, 4]], "there are 4 rows, fewer than k = 5"),
        ([[1, None, 3, 4, 5, 6]], "1 values are null and belong to no group (the first in row 2)"),
        ([[1e308, -1e308, 1e308, -1e308, 1.0], [1.0, 2.0, 3.0, 4.0, 5.0]], "overflow"),
    ],
)
def test_what_cannot_be_aggregated_is_refused(columns: list[list[float | None]], said: str) -> None:
    with np.errstate(all="ignore"), pytest.raises(BadValues, match=said.replace("(", r"\(").replace(")", r"\)")):
        numbers.micro_aggregated([pa.array(column) for column in columns], 5)


def test_sums_that_would_overflow_do_not() -> None:
    made = numbers.micro_aggregated([pa.array([1.7e308, 1.7e308, 1.7e308])], 3)[0].to_pylist()
    assert made == pytest.approx([1.7e308] * 3)


def test_an_overflow_of_rounding_is_refused() -> None:
    with np.errstate(all="ignore"), pytest.raises(BadValues, match="overflow"):
        numbers.rounded(pa.array([1.7e308]), 1e-10)


def test_times_move_by_subject_and_keep_their_intervals() -> None:
    column = pa.array(["2020-01-31 08:00:00", "2020-02-29 09:30:00", None, "2021-07-01 00:00:00"])
    made = dates.shifted(column, pa.array(["a", "a", "a", "b"]), 30, KEY).to_pylist()
    read = [None if one is None else datetime.fromisoformat(one) for one in made]
    was = [datetime.fromisoformat(one.as_py()) for one in column.slice(0, 2)]
    assert read[1] - read[0] == was[1] - was[0]
    assert 1 <= abs((read[0] - was[0]).days) <= 30
    assert read[2] is None


def test_offsets_are_even_never_zero_and_bound_to_the_key() -> None:
    found = [dates.offset(f"s{number}", 3, KEY) for number in range(3000)]
    values, counts = np.unique(found, return_counts=True)
    assert values.tolist() == [-3, -2, -1, 1, 2, 3]
    assert counts.min() > 400
    assert found != [dates.offset(f"s{number}", 3, KEY[::-1]) for number in range(3000)]


def test_types_and_formats_stay_as_they_were() -> None:
    assert dates.coarser(pa.array([date(2020, 5, 17), None]), "month").to_pylist() == [date(2020, 5, 1), None]
    assert dates.coarser(pa.array(["2020/05/17"]), "year").to_pylist() == ["2020/01/01"]
    assert dates.coarser(pa.array(["20200517"]), "quarter").to_pylist() == ["20200401"]
    assert dates.coarser(pa.array(["17.05.2020"]), "month", "%d.%m.%Y").to_pylist() == ["01.05.2020"]


@pytest.mark.parametrize("values", [["2020-02-30"], ["2020-01-01", "01/02/2020"], ["yesterday"], ["2020-13-01"]])
def test_what_is_no_time_is_refused(values: list[str]) -> None:
    with pytest.raises(BadValues, match="are no times that can be read"):
        times(pa.array(values))


def test_a_time_without_a_subject_is_refused() -> None:
    with pytest.raises(BadValues, match=r"1 values have no subject to be shifted by \(the first in row 2\)"):
        dates.shifted(pa.array(["2020-01-01", "2020-01-02", None]), pa.array(["a", None, None]), 30, KEY)


def test_points_become_cells() -> None:
    longitude, latitude = pa.array([113.5, 113.5001, None, -180.0]), pa.array([22.5, 22.5001, 1.0, -90.0])
    made = places.grid_cells(longitude, latitude, 1000).to_pylist()
    assert made[0] == made[1]
    assert made[2:] == [None, "0_0"]
    assert len(set(places.grid_cells(longitude, latitude, 5).to_pylist())) == 4
    hexagons = places.h3_cells(longitude, latitude, 8).to_pylist()
    assert hexagons[0] == "8841130221fffff" or len(hexagons[0]) == 15
    assert hexagons[2] is None


def test_h3_cells_are_those_of_the_library() -> None:
    import h3

    cells = places.h3_cells(pa.array(["121.4737", "2.3522"]), pa.array(["31.2304", "48.8566"]), 9).to_pylist()
    assert cells == [h3.latlng_to_cell(31.2304, 121.4737, 9), h3.latlng_to_cell(48.8566, 2.3522, 9)]


@pytest.mark.parametrize(("x", "y", "said"), [(181.0, 0.0, "longitudes"), (0.0, -91.0, "latitudes")])
def test_what_lies_on_no_globe_is_refused(x: float, y: float, said: str) -> None:
    with pytest.raises(BadValues, match=said):
        places.grid_cells(pa.array([x]), pa.array([y]), 100)


def test_rare_values_are_left_empty() -> None:
    made = cells.rare_blanked(pa.array(["a", "a", "b", None, "a"]), 2).to_pylist()
    assert made == ["a", "a", None, None, "a"]
    assert cells.rare_blanked(pa.array([None, None], pa.string()), 2).to_pylist() == [None, None]
    assert cells.masked(pa.array(["a", None])).to_pylist() == ["*", None]


def test_rows_are_held_by_enough_rows_or_persons() -> None:
    columns = [pa.array(["a", "a", "a", "b", None, None]), pa.array([1, 1, 1, 1, 2, 2])]
    assert cells.held_by_enough(columns, 2).tolist() == [True, True, True, False, True, True]
    persons = pa.array(["p", "p", "p", "q", "r", None])
    assert cells.held_by_enough(columns, 2, persons).tolist() == [False] * 6
    ways = pa.array(["p", "p ", "ｐ", "p", "\u200bp", "p"])
    assert cells.held_by_enough(columns, 2, ways).tolist() == [False] * 6, "one person, however written"
    assert cells.held_by_enough(columns, 2, pa.array([1, 2, 1, 2, 3, 4])).tolist() == [
        True, True, True, False, True, True,
    ]  # fmt: skip
    assert cells.held_by_enough(columns, 2, pa.array(["p", "q", "p", "q", "r", "s"])).tolist() == [
        True, True, True, False, True, True,
    ]  # fmt: skip


def test_a_mean_that_is_nearly_all_one_contributors_is_left_out() -> None:
    """The second largest of five firms takes its own and knows the largest; so it does where three rows are one firm's."""
    turnover = pa.array([1.0, 2.0, 3.0, 4.0, 5000.0, 10.0, 11.0, 12.0, 13.0, 14.0][::-1])
    whole = numbers.micro_aggregated([turnover], 5)[0].to_pylist()
    top = 5 * max(whole) - 14.0
    assert abs(top - 5000) < 0.01 * 5000, "without the rule the attack works"
    kept = numbers.micro_aggregated([turnover], 5, 10)[0].to_pylist()
    assert kept.count(None) == 5 and max(value for value in kept if value is not None) < 15
    level = pa.array([10.0, 11.0, 12.0, 13.0, 14.0, 1.0, 1.0, 100.0, 100.0, 100.0])
    assert None not in numbers.micro_aggregated([level], 5, 1)[0].to_pylist()
    by_firm = numbers.micro_aggregated([pa.array([1.0, 1.0, 1.0, 1.0, 1.0, 100.0, 100.0, 100.0, 2.0, 3.0])], 5, 10,
                                       pa.array(["a", "b", "c", "d", "e", "h", "h ", "h", "i", "j"]))[0].to_pylist()  # fmt: skip
    assert by_firm.count(None) == 5
    nobody = pa.array([None] * 5 + ["x", "y", "z", "u", "w"])
    assert None in numbers.micro_aggregated([level], 5, 10, nobody)[0].to_pylist(), "whose they are is not known"
    assert None not in numbers.micro_aggregated([pa.array([0.0] * 4)], 2, 100)[0].to_pylist()


@given(st.lists(st.floats(0, 1e6, allow_nan=False), min_size=6, max_size=40), st.integers(3, 6), st.integers(1, 100))
def test_no_mean_told_is_nearly_all_one_rows(values: list[float], k: int, p: int) -> None:
    made = numbers.micro_aggregated([pa.array(values)], k, p)[0].to_pylist() if len(values) >= k else []
    groups: dict[float, list[float]] = {}
    order = sorted(range(len(values)), key=values.__getitem__)
    for place, row in enumerate(order[: len(made)]):
        groups.setdefault(min(place // k, len(values) // k - 1), []).append(row)
    for rows in groups.values():
        *others, _, largest = sorted(values[row] for row in rows)
        if made[rows[0]] is not None:
            assert 100 * sum(others) >= p * largest * (1 - 1e-9)
