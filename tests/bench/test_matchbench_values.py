"""bench/matching/values.py: check digits against published examples, kinds by hand."""

from datetime import datetime

import pytest
import values
from values import Entity

WHO = Entity("p", 3, {"drug": ["a|1", "b|2"]})


def test_check_digits_of_published_examples() -> None:
    assert values.resident_check("11010519491231002") == "X"  # GB 11643-1999, annex
    assert values.credit_check("91350100M000100Y4") == "3"  # GB 32100-2015, annex
    assert values.organisation_check("M000100Y") == "4"
    assert values.vin_check("1M8GDM9AXKP042788") == "X"  # the example of 49 CFR 565
    assert values.luhn("7992739871") == "3"


def test_made_identifiers_are_valid() -> None:
    for number in range(200):
        who = Entity("q", number)
        one, firm = who.person("a"), who.firm("a")
        assert one.id[-1] == values.resident_check(one.id[:17]) and one.id[6:14] == f"{one.birth:%Y%m%d}"
        assert (int(one.id[16]) % 2 == 1) == one.male
        assert firm.credit[-1] == values.credit_check(firm.credit[:17]) and len(firm.credit) == 18
        vin = values.value("vin", who, "c")
        assert len(vin) == 17 and vin[8] == values.vin_check(vin)
        card = values.value("card", who, "c")
        assert card[-1] == values.luhn(card[:-1])
        assert one.phone[3:7] == "0000"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("num 0 90 0", "num 0 90 0 x10"),
        ("place@a lon 6", "place@a lon 0 e6"),
        ("at %Y-%m-%d %H:%M:%S", "at epoch"),
        ("person@a sex M F", "person@a sex 男 女"),
    ],
)
def test_both_sides_of_a_concept_say_the_same_differently(one: str, other: str) -> None:
    a, b = values.value(one, WHO, "c1"), values.value(other, WHO, "c1")
    if "x10" in other:
        assert abs(int(b) - int(a) * 10) <= 5
    elif "e6" in other:
        assert int(b) == round(float(a) * 1_000_000)
    elif "epoch" in other:
        assert datetime.fromtimestamp(int(b), values.CHINA).strftime("%Y-%m-%d %H:%M:%S") == a
    else:
        assert (a == "M") == (b == "男")


def test_name_and_code_of_a_list_are_of_one_entry() -> None:
    assert values.value("list drug 0", WHO, "c1") + values.value("list drug 1", WHO, "c2") in ("a1", "b2")


def test_a_later_moment_is_later_and_blanks_are_blank() -> None:
    assert values.value("at+45m %Y%m%d%H%M%S", WHO, "c") > values.value("at %Y%m%d%H%M%S", WHO, "c")
    blanks = [values.value("blank=0.5 num 1 2 0", Entity("p", n), "c") == "" for n in range(200)]
    assert 60 < sum(blanks) < 140


def test_gcj02_is_the_published_shift() -> None:
    lon, lat = values.gcj02(106.6302, 26.6477)
    assert abs(lon - 106.633769) < 1e-6 and abs(lat - 26.644031) < 1e-6
