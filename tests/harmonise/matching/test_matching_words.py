"""Reading names: Chinese, English, pinyin, initials and mixtures; names that say nothing; likeness."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datong.harmonise.rules.matching import glossary, words
from datong.harmonise.rules.matching.abbreviations import bones, meant


def meaning(word: str) -> frozenset[str]:
    return glossary.glossary().chinese[word]


@pytest.mark.parametrize(
    "name",
    ["客户编号", "客户-编号", "CustomerNo", "cust_id", "CUSTOMER NUMBER", "kehubianhao", "khbh", "KH_BH", "customernumber",
     "ke_hu_bh", "客户编号（必填）", "ｃｕｓｔ＿ｎｏ"],
)  # fmt: skip
def test_one_name_written_in_every_way_is_read_alike(name: str) -> None:
    wanted = (meaning("客户"), meaning("编号"))
    assert any(
        len(read.units) == 2 and all(unit.meanings & want for unit, want in zip(read.units, wanted, strict=True))
        for read in words.readings(name)
    )


@pytest.mark.parametrize(
    "name",
    ["col1", "COLUMN_07", "字段3", "列5", "F12", "field", "v1", "unnamed: 0", "x", "第3列", "_", "", "。", "123"],
)
def test_a_name_that_only_numbers_says_nothing(name: str) -> None:
    assert words.readings(name) == ()


def test_words_written_together_are_cut_apart() -> None:
    (read, *_) = words.readings("vehicletype")
    assert [
        unit.meanings & want != set() for unit, want in zip(read.units, (meaning("车辆"), meaning("类型")), strict=True)
    ] == [True] * 2


def test_the_last_word_decides_between_number_and_name() -> None:
    number, name, english = (words.readings(text)[0] for text in ("合同编号", "合同名称", "contract_no"))
    assert words.likeness(number, english) == 1.0
    assert words.likeness(name, english) < 0.5


@pytest.mark.parametrize("letters", ["chepaihaoma", "chepaihm", "cphm", "chpaihm", "chphm"])
def test_pinyin_and_initials_mixed(letters: str) -> None:
    assert words.mixed(letters, words.spoken("车牌号码"))


@pytest.mark.parametrize("letters", ["", "c", "cphmx", "chepai", "cpzl"])
def test_letters_that_are_another_word(letters: str) -> None:
    assert not words.mixed(letters, words.spoken("车牌号码"))


def test_initials_of_a_word_with_another_last_word_are_less_sure() -> None:
    found = words.initials_of("车牌号码")
    assert found["cphm"] == 1.0
    assert found["cph"] < 1.0
    assert "cpmc" not in found, "a name is no number"


@pytest.mark.parametrize(
    ("plural", "one"),
    [
        ("companies", "company"),
        ("boxes", "box"),
        ("keys", "key"),
        ("status", "status"),
        ("address", "address"),
        ("gas", "gas"),
    ],
)
def test_stems(plural: str, one: str) -> None:
    assert glossary.stem(plural) == one


def test_every_line_of_the_glossary_is_read() -> None:
    known = glossary.glossary()
    assert len(known.weights) > 350
    assert len(glossary.syllables()) > 390
    assert {"zhuang", "lv", "a"} <= glossary.syllables()
    assert "ing" not in glossary.syllables()


@given(st.text(max_size=40))
def test_any_text_is_read_without_fault(text: str) -> None:
    for read in words.readings(text):
        assert read.units
        assert 0 < read.trust <= 1
        assert words.likeness(read, read) <= 1.0 + 1e-9


@given(st.text(max_size=20), st.text(max_size=20))
def test_likeness_and_spelling_have_no_direction(left: str, right: str) -> None:
    assert words.spelling(left, right) == words.spelling(right, left)
    for one in words.readings(left):
        for other in words.readings(right):
            assert 0 <= words.likeness(one, other) <= 1
            assert words.likeness(one, other) == pytest.approx(words.likeness(other, one))


# --- abbreviations -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("letters", "word"),
    [
        ("guar", "担保"),
        ("prod", "商品"),
        ("matur", "到期"),
        ("vhcl", "车辆"),
        ("dprt", "出发"),
        ("cmmsn", "手续费"),
        ("rcvr", "收件人"),
    ],
)
def test_letters_are_short_for_a_word(letters: str, word: str) -> None:
    assert meant(letters) & meaning(word)


@pytest.mark.parametrize("letters", ["", "a", "xx", "qzx", "zzzz", "abcdefghij", "车牌", "12", "con"])
def test_letters_that_nothing_or_too_much_is_short_for_say_nothing(letters: str) -> None:
    assert meant(letters) == frozenset()


def test_bones() -> None:
    assert [bones(word) for word in ("commission", "address", "area")] == ["cmsn", "adrs", "ar"]


@given(st.text(max_size=12))
def test_any_letters_are_looked_up_without_fault(letters: str) -> None:
    assert all(line in glossary.glossary().weights for line in meant(letters))
