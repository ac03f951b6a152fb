"""What values look like: kinds, shares, dirt, hostile texts."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from values_for import values

from datong.harmonise.rules.matching import values as looked
from datong.harmonise.rules.matching.values import (
    LOOKED_AT,
    alike,
    kinds_of,
    number_of,
    overlap,
    pattern_of,
    profile,
    ranges_alike,
)

MADE = {
    "resident_id": "resident_checked", "credit": "credit_checked", "plate": "plate", "vin": "vin", "mobile": "phone",
    "landline": "landline", "email": "email", "date": "date", "date8": "date", "date_slash": "date", "time": "timestamp",
    "time14": "timestamp", "address": "address", "person": "person", "company": "organisation", "uuid": "uuid",
    "bank_card": "luhn", "lon": "longitude", "lat": "latitude", "money": "cents", "division": "division_code",
    "postcode": "postcode", "year": "year",
}  # fmt: skip


@pytest.mark.parametrize(("kind", "told"), MADE.items())
def test_values_of_a_kind_are_told(kind: str, told: str) -> None:
    assert profile(values(kind, "a", 200)).share(told) > 0.97


@pytest.mark.parametrize("kind", ["resident_id", "plate", "mobile", "date"])
def test_dirt_lowers_the_share_and_does_not_hide_the_kind(kind: str) -> None:
    assert 0.6 < profile(values(kind, "a", 400, 0.3)).share(MADE[kind].replace("_checked", "_id")) < 1


@pytest.mark.parametrize(
    ("text", "no"),
    [("11010519491331002X", "resident_id"), ("10010519491231002X", "resident_id"), ("2024-13-01", "date"),
     ("12345678901", "phone"), ("6222020000000000001", "luhn"), ("贵AI2345", "plate"), ("1.5", "integer")],
)  # fmt: skip
def test_what_only_resembles_a_kind_is_not_of_it(text: str, no: str) -> None:
    assert no not in kinds_of(text)


def test_full_width_and_blanks_are_no_other_kind() -> None:
    assert profile([" 贵Ａ１２３４５ "]).share("plate") == 1


def test_ways_of_writing_nothing_are_no_values() -> None:
    look = profile([None, "", " ", "NULL", "无", "-", "N/A", "x"])
    assert (look.seen, look.filled, look.distinct) == (8, 1, 1)
    assert look.empty_share == 7 / 8
    assert profile([]).empty_share == 1


def test_a_long_column_costs_no_more_and_all_of_it_is_looked_over() -> None:
    look = profile([str(n) for n in range(10_000)])
    assert (look.filled, look.distinct) == (10_000, 10_000)
    assert look.high is not None
    assert look.high > 9_000
    assert len(look.texts) <= LOOKED_AT


@pytest.mark.parametrize(
    ("text", "number"),
    [("1,234.5", 1234.5), ("-3", -3), ("5%", 5), ("1e3", 1000), ("1,23", None), ("", None), (".", None), ("١", None)],
)
def test_numbers(text: str, number: float | None) -> None:
    assert number_of(text) == number


def test_patterns_tell_shapes() -> None:
    assert pattern_of("HT-2023007") == "a2-9" + "7"
    assert pattern_of("贵A12345") == "文a1" + "95"


@pytest.mark.parametrize(
    "text",
    ["a'" * 5000, "路" * 5000, "1," * 5000, "a-" * 5000, "((" * 5000, "{" * 5000, "a@" + "a." * 5000, "9" * 5000],
)
def test_no_text_makes_it_slow(text: str) -> None:
    began = time.process_time()
    profile([text] * 5)
    kinds_of(text)
    assert time.process_time() - began < 1


@given(st.lists(st.one_of(st.none(), st.text(max_size=30)), max_size=20), st.lists(st.text(max_size=10), max_size=20))
def test_any_values_have_a_look_and_likeness_has_no_direction(left: list[str | None], right: list[str]) -> None:
    one, other = profile(left), profile(right)
    assert all(0 <= share <= 1 for share in one.shares.values())
    assert 0 <= alike(one, other) <= 1 + 1e-9
    assert alike(one, other) == pytest.approx(alike(other, one))
    assert 0 <= overlap(one, other) == overlap(other, one) <= 1
    close = ranges_alike(one, other)
    assert close is None or 0 <= close <= 1


# --- two columns -------------------------------------------------------------------------------------------------


def test_times_and_days_written_without_signs_are_told_by_the_whole_column() -> None:
    clocks = [f"{h:02}{m:02}{m:02}" for h in range(6) for m in range(0, 60, 7)]
    days = [f"{m:02}{d:02}" for m in range(1, 13) for d in (3, 17, 28)]
    assert profile(clocks).share("time") == 1
    assert profile(days).share("date") == 1
    assert profile([*clocks, "998877", "987654"]).share("time") == 0
    assert profile(["010203"] * 30).share("time") == 0, "one value is no column of times"


def test_ranges_that_differ_by_a_power_of_ten() -> None:
    yuan, fen = (profile([f"{n * 37.31 * k:.{p}f}" for n in range(1, 90)]) for k, p in ((1, 2), (100, 0)))
    thirds = profile([f"{n * 37.31 * 3:.2f}" for n in range(1, 90)])
    assert looked.scaled(yuan, fen) > 0.95
    assert looked.scaled(yuan, thirds) < 0.3
    assert looked.scaled(yuan, profile(["a"] * 30)) == looked.scaled(profile(["0"] * 30), yuan) == 0


def test_beginnings_heaps_and_what_stands_within() -> None:
    cards, others = profile([f"622848{n:010}" for n in range(50)]), profile([f"9558{n:012}" for n in range(50)])
    assert looked.beginnings_alike(cards, cards) == 1
    assert looked.beginnings_alike(cards, others) == 0
    sexes, codes = profile(["男"] * 30 + ["女"] * 20), profile(["1"] * 29 + ["2"] * 21)
    assert looked.heaps_alike(sexes, codes) > 0.9
    assert looked.heaps_alike(sexes, cards) == 0
    addresses = profile([f"贵阳市{d}北京路{n}号" for d in ("云岩区", "南明区") for n in range(20)])
    assert looked.contained(addresses, profile(["云岩区", "南明区"] * 10)) == 1
    assert looked.contained(profile(["106.71,26.58"] * 20), profile([f"106.{n}1234" for n in range(20)])) == 1
    assert looked.contained(addresses, sexes) == 0
