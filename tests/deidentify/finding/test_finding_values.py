"""Checks of values: what they take and what they must not, and that columns are judged by shares."""

from __future__ import annotations

import random

import pytest

from datong.deidentify.rules.finding import values
from datong.deidentify.rules.finding.values import CHECKS


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        ("resident_id", ["11010519491231002X", "110105491231002", "110105********002X"],
         ["110105194912310021", "990105194912310021", "11010519491331002X", "123456789012345678", "１１０１０５１９４９１２３１００２Ｘ"]),
        ("phone", ["13812345678", "+86 138-1234-5678", "0851-85951234", "400-810-1234", "138****5678", "(413) 555-0100"],
         ["12345678901", "10000000000", "1600000000", "14012345678", "1381234567", "138123456789"]),
        ("plate", ["贵A12345", "京AD12345", "粤B·8K123", "沪A1234学"], ["贵I12345", "A12345", "贵A1234", "贵A123456789"]),
        ("vin", ["1HGCM82633A004352", "1M8GDM9AXKP042788"], ["1HGCM82633A004353", "12345678901234567", "1HGCM82633A00435I"]),
        ("bank_card", ["4111111111111111", "5500 0055 5555 5559", "6222********1234"],
         ["4111111111111112", "8111111111111118", "411111111111"]),
        ("device", ["356938035643809", "00:1A:2B:3C:4D:5E", "460011234567890"], ["356938035643808", "123456789012345", "001A2B"]),
        ("email", ["a.b@c.cn", "x+y@mail.example.com"], ["a@b", "@c.cn", "a b@c.cn"]),
        ("ip", ["192.168.1.1", "2001:db8::1"], ["1.2.3", "999.1.1.1", "1.2.3.4.5", "12:30:15"]),
        ("person", ["王伟", "欧阳娜娜", "张*", "李某某", "阿依古丽·买买提"], ["王府井大街", "贵州省", "张家口市", "Wang Wei", "王", "黄桃罐头"]),
        ("address", ["贵阳市南明区中山路12号", "427 Balistreri Way Unit 19"], ["贵阳市", "中山路", "无线鼠标", "route 66"]),
        ("birth_date", ["1949-12-31", "19491231", "706213", "1949年"], ["1949-02-30", "3020-01-01", "123"]),
        ("coordinate", ["114.11113", "-72.5892", "114.11,22.57"], ["1141", "200.123", "x"]),
        ("postcode", ["550001", "01013", "SW1A 1AA"], ["990001", "12345678"]),
    ],
)  # fmt: skip
def test_a_check_takes_what_is_genuine_and_nothing_else(check: str, good: list[str], bad: list[str]) -> None:
    assert [text for text in good if not CHECKS[check](text)] == []
    assert [text for text in bad if CHECKS[check](text)] == []


def test_code_words_are_whole_words() -> None:
    assert CHECKS["sex"]("女")
    assert CHECKS["ethnic"]("布依族")
    assert CHECKS["ethnic"]("布依")
    assert CHECKS["political"]("中共党员")
    assert not CHECKS["ethnic"]("水果")


def test_shares_are_of_distinct_values_and_of_rows_for_code_words() -> None:
    found = values.shares({"男": 60, "女": 39, "x1": 1})
    assert found["sex"] == 0.99
    assert values.shares({"13812345678": 90, "nothing": 10})["phone"] == 0.5
    assert values.shares({}) == {}


def test_random_numbers_seldom_pass_for_resident_ids() -> None:
    drawn = random.Random(5)
    numbers = {str(drawn.randrange(10**17, 10**18)): 1 for _ in range(2000)}
    assert values.shares(numbers).get("resident_id", 0.0) < 0.005


def test_running_numbers_are_told_from_phones() -> None:
    assert values.sequential([str(13_800_000_000 + 3 * number) for number in range(100)])
    drawn = random.Random(6)
    assert not values.sequential([f"138{drawn.randrange(10**8):08}" for _ in range(100)])
    assert not values.sequential(["a"] * 100)


def test_nothing_is_no_value_and_long_texts_are_cut() -> None:
    assert values.there([None, " ", "NULL", "无", " a "]) == ["a"]
    assert len(values.there(["9" * 100_000])[0]) == values.TEXT_MAX
    assert values.shape(["AB12", "CD345"]) == "A9"
    assert values.shape(["王伟"]) == "文"
