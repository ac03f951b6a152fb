"""Every value check against its standard in plain Python, official examples, and what no check may accept."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta

import by_the_book as book
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datong.engine import service as engine
from datong.engine.model import Plan, Step
from datong.harmonise.rules import checks
from datong.harmonise.rules.elements import CHECKS as NAMES


def asked(sql: str, texts: Sequence[str | None]) -> list[object]:
    """What `sql` says of each text, through the plan language and its engine."""
    plan = Plan((Step("said", f"SELECT {sql} AS said, n FROM given"),), ("given",))
    given_ = pa.table({"a": pa.array(texts, pa.string()), "n": range(len(texts))})
    said = engine.run(plan, {"given": given_}, threads=1)["said"].sort_by("n")
    return list(said["said"].to_pylist())


def agree(name: str, rule: Callable[[str], bool], texts: Iterable[str]) -> list[bool]:
    every = list(texts)
    said = asked(checks.CHECKS[name].sql('"a"'), every)
    right = [rule(text) for text in every]
    wrong = [(t, s) for t, s, r in zip(every, said, right, strict=True) if s is not r]
    assert not wrong, wrong[:5]
    return right


def test_every_check_an_element_may_name_is_there_and_no_other() -> None:
    assert tuple(checks.CHECKS) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_no_value_gives_no_answer_and_odd_texts_are_refused(name: str) -> None:
    odd = ["", " ", "0", "-", "\n", "null", "🙂" * 18, "１２３４５６７８９０１２３４５６７８", "9" * 400, "\\", "'", "NaN", "inf", "-0x1",
           "1E10000000000000000", "12345678901234E005", "9E0000018M000100Y43", "93E00018M000100Y43"]  # fmt: skip
    said = asked(checks.CHECKS[name].sql('"a"'), [None, *odd])
    assert said[0] is None
    assert None not in said[1:]
    may = {"longitude": {"0"}, "latitude": {"0"}}.get(name, set())
    assert [text for text, ok in zip(odd, said[1:], strict=True) if ok] == [t for t in odd if t in may]


# --- resident id -------------------------------------------------------------------------------------------------

RESIDENTS = [
    ("11010519491231002X", True),  # the example of GB 11643-1999
    ("440524188001010014", True),  # its second one
    ("110105194912310021", False),
    ("11010519491231002x", False),
    ("11010519490231002X", False),
    ("110105491231002", False),
    ("11010519491331002", False),
    ("11010519490229002", False),
    ("99010519491231002", False),
    (" 11010519491231002", False),
    ("1234567890123456e1", False),
    ("-11010519491231002", False),
    ("+11010519491231002", False),
    ("11010519491231002.", False),
    ("11010519491231002XX", False),
]


@pytest.mark.parametrize(("text", "right"), RESIDENTS)
def test_resident_id(text: str, right: bool) -> None:
    assert asked(checks.CHECKS["resident_id"].sql('"a"'), [text]) == [right]
    assert book.resident_id(text) is right


def with_check(first: str) -> str:
    return first + book.resident_check(first)


def test_resident_id_of_every_day_of_three_centuries() -> None:
    """Every day that could be written from 1845 to 2105, those that never were among them."""
    days = (
        f"{year:04}{month:02}{day:02}"
        for year in range(1845, 2106)
        for month, day in itertools.product(range(14), range(33))
    )
    right = agree("resident_id", book.resident_id, (with_check(f"520102{day}001") for day in days))
    assert sum(right) == (date(2101, 1, 1) - date(1850, 1, 1)).days


def test_resident_id_of_every_area_and_every_sequence() -> None:
    areas = agree("resident_id", book.resident_id, (with_check(f"{area:02}010119900101001") for area in range(100)))
    assert sum(areas) == 35
    right = agree("resident_id", book.resident_id, (with_check(f"52010219900101{n:03}") for n in range(1000)))
    assert all(right)


def test_every_single_sign_changed_and_every_neighbours_swapped_is_found() -> None:
    chance = random.Random(5)
    ids = [with_check(f"52010219{chance.randrange(60, 99)}0{chance.randrange(1, 10)}11{n:03}") for n in range(60)]
    changed = {
        one[:i] + sign + one[i + 1 :] for one in ids for i in range(18) for sign in "0123456789X" if one[i] != sign
    }
    swapped = {one[:i] + one[i + 1] + one[i] + one[i + 2 :] for one in ids for i in range(17) if one[i] != one[i + 1]}
    assert not any(agree("resident_id", book.resident_id, sorted((changed | swapped) - set(ids))))


def test_fifteen_digits_become_the_eighteen_they_were_given() -> None:
    old = ["110105491231002", "520102900101001", "520102900230001", "990102900101001", "52010290010100", "52010290010100X",
           "-52010290010101", None]  # fmt: skip
    long = [None if text is None else text[:6] + "19" + text[6:] for text in old]
    right = [with_check(text) if text and text.isdigit() and len(text) == 17 else None for text in long]
    number = checks.resident_number_from_15('"a"')
    assert asked(f"CAST({number} AS VARCHAR) || {checks.resident_check(number)}", old) == [
        text if text and book.resident_id(text) else None for text in right
    ]


def test_a_minus_is_no_digit() -> None:
    """The rest of a number below nought is below nought, and met the places of check characters."""
    texts = [f"-2806903200{n:06}{sign}" for n in range(914_500, 914_600) for sign in "0123456789X"]
    assert not any(agree("resident_id", book.resident_id, texts))
    vins = [f"1M8GDM9A{sign}KP04-{n:03}" for n in range(1000) for sign in "0123456789X"]
    assert not any(agree("vin", book.vin, vins))


# --- credit code -------------------------------------------------------------------------------------------------

CREDIT_CODES = [
    ("91350100M000100Y43", True),  # GB 32100-2015, annex
    ("91520100MAXDT0015L", None),
    ("91350100M000100Y44", False),
    ("91350100M000100Y4", False),
    ("91350100M000100Y433", False),
    ("91350100m000100y43", False),
    ("9135O100M000100Y43", False),
]


@pytest.mark.parametrize(("text", "right"), CREDIT_CODES)
def test_credit_code(text: str, right: bool | None) -> None:
    said = asked(checks.CHECKS["credit_code"].sql('"a"'), [text])
    assert said == [book.credit_code(text)]
    assert right is None or said == [right]


def random_credit(chance: random.Random) -> str:
    first = chance.choice("123456789ANY") + chance.choice("123456789")
    first += f"{chance.randrange(10**6):06}" + "".join(chance.choices(book.CREDIT, k=9))
    return first + book.credit_check(first)


def test_credit_codes_with_every_sign_at_every_place() -> None:
    chance = random.Random(7)
    ones = [random_credit(chance) for _ in range(100)]
    changed = [one[:i] + sign + one[i + 1 :] for one in ones for i in range(18) for sign in book.ALPHABET]
    assert sum(agree("credit_code", book.credit_code, changed)) == 1800  # each code itself, once a place


def test_organisation_code_inside_the_credit_code() -> None:
    assert book.organisation_check("D2143569") == "X"  # the example of GB 11714-1997
    chance = random.Random(9)
    firsts = ["".join(chance.choices(checks.ORGANISATION_ALPHABET, k=8)) for _ in range(500)]
    texts = [first + sign for first in firsts for sign in "0123456789X"]
    said = asked(checks.organisation_check('"a"'), texts)
    assert said == [book.organisation_check(text[:8]) == text[8] for text in texts]


# --- vin, cards --------------------------------------------------------------------------------------------------

VINS = [
    ("1M8GDM9AXKP042788", True),  # the common worked example of the check digit
    ("11111111111111111", True),
    ("1M8GDM9A1KP042788", False),
    ("IM8GDM9AXKP042788", False),
    ("1M8GDM9AXKP04278", False),
    ("1M8GDM9AXKP04278B", False),
]


@pytest.mark.parametrize(("text", "right"), VINS)
def test_vin(text: str, right: bool) -> None:
    assert asked(checks.CHECKS["vin"].sql('"a"'), [text]) == [right]
    assert book.vin(text) is right


def test_vins_with_every_sign_at_every_place() -> None:
    chance = random.Random(11)
    drawn = ["".join(chance.choices(sorted(book.VIN), k=13)) + f"{chance.randrange(10**4):04}" for _ in range(60)]
    ones = [one[:8] + book.vin_check(one) + one[9:] for one in drawn]
    changed = [one[:i] + sign + one[i + 1 :] for one in ones for i in range(17) for sign in book.ALPHABET]
    assert sum(agree("vin", book.vin, changed)) >= 17 * 60


@given(st.lists(st.text("0123456789", min_size=1, max_size=21), min_size=200, max_size=200))
@settings(max_examples=5, deadline=None)
def test_luhn(texts: list[str]) -> None:
    agree("luhn", book.luhn, texts)


def test_luhn_with_every_last_digit() -> None:
    firsts = ["7992739871", "411111111111111", "62284800000000000", "6222021001116245702"]
    right = agree("luhn", book.luhn, [first + str(last) for first in firsts[1:3] for last in range(10)])
    assert sum(right) == 2
    assert asked(checks.CHECKS["luhn"].sql('"a"'), ["4111111111111111", "79927398713"]) == [True, False]


@given(st.lists(st.text("0123456789EX+-. ", min_size=12, max_size=19), min_size=300, max_size=300))
@settings(max_examples=5, deadline=None)
def test_texts_that_look_like_numbers_stop_nothing(texts: list[str]) -> None:
    agree("resident_id", book.resident_id, texts)
    agree("credit_code", book.credit_code, texts)
    agree("vin", book.vin, texts)


# --- dates and divisions, exhaustively ---------------------------------------------------------------------------


def test_every_day_from_1890_on_and_every_day_that_is_none() -> None:
    first = date(1890, 1, 1)
    real = [first + timedelta(days=n) for n in range(45_000)]
    right = agree("iso_date", book.iso_date, [d.isoformat() for d in real] + [f"{d:%Y%m%d}" for d in real])
    assert all(right)
    others = [f"{y}-{m:02}-{d:02}" for y in (1900, 2000, 2019, 2020, 2100) for m in range(100) for d in range(100)]
    assert sum(agree("iso_date", book.iso_date, others)) == 365 + 366 + 365 + 366 + 365
    agree(
        "iso_date", book.iso_date, ["2019-9-1", "2019-0901", "201909-01", "20190901 ", "+2019-09-01", "2019-09-01T00"]
    )


def test_every_area_and_every_place_in_four_of_them_as_a_division_code() -> None:
    assert sum(agree("division_code", book.division_code, (f"{area:02}0100" for area in range(100)))) == 34
    every = (f"{area}{place:04}" for area in (11, 52, 83, 99) for place in range(10_000))
    assert sum(agree("division_code", book.division_code, every)) == 2 * (1 + 71 * 100)


# --- forms -------------------------------------------------------------------------------------------------------

FORMS = {
    "plate": (["贵A12345", "贵AD12345", "贵A12345D", "粤Z1234港", "京AF0236", "沪A1234学"],
              ["贵AO1234", "贵AI1234", "贵A1234", "贵a12345", "贵A·12345", "X12345", "贵А12345"]),
    "phone": (["13812345678", "+8613812345678", "+86 138-1234-5678", "0086-13812345678", "0851-86891234", "010-62781234",
               "(010)62781234", "02062781234", "0851-86891234-801", "400-812-3456", "8008123456", "+14155552671",
               "+44 20 7946 0958", "138 1234 5678"],
              ["12812345678", "1381234567", "138123456789", "110", "2019-09-01", "20190901", "0000000000", "+0123456789",
               "86891234", "520102199001010017"]),
    "email": (["a@b.cn", "first.last+tag@sub.example.com", "x_y@data-group.gov.cn", "o'neil@example.org"],
              ["a@b", "@b.cn", "a@.cn", "a..b@c.cn", "a@b.c", "a b@c.cn", "a@b_c.cn", "a@-b.cn", f"{'a' * 250}@b.cn"]),
    "url": (["http://a.cn", "https://a.cn/x?y=1#z", "HTTP://user@a.cn:8080/", "http://[::1]:80/", "http://贵州.中国/数据"],
            ["ftp://a.cn", "a.cn", "http://", "http:///x", "http://a b.cn", "https:/a.cn", "http://a.cn:port/"]),
    "uuid": (["123e4567-e89b-12d3-a456-426614174000", "123E4567E89B12D3A456426614174000"],
             ["123e4567-e89b-12d3-a456-42661417400", "123e4567-e89b-12d3-a456-42661417400g", "{" + "0" * 32 + "}"]),
    "longitude": (["0", "121.4737", "-180", "+180.0", "180.000"], ["180.0001", "181", "1e2", "121,47", "E121", "121.", "1210"]),
    "latitude": (["0", "31.2304", "-90", "90.0"], ["90.0001", "121.4737", "31.23.04", "N31"]),
    "division_code": (["520100", "520102", "110000", "469021", "659001", "710000"],
                      ["520003", "530", "52010", "5201021", "990000", "529500", "830000"]),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
def test_forms(name: str) -> None:
    right, wrong = FORMS[name]
    assert asked(checks.CHECKS[name].sql('"a"'), right) == [True] * len(right)
    assert asked(checks.CHECKS[name].sql('"a"'), wrong) == [False] * len(wrong)
