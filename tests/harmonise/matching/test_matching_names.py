"""Candidates by name: which way finds them, what is not found, prefixes and paths."""

from __future__ import annotations

import pytest

from datong.harmonise.model.matching import Way
from datong.harmonise.rules.matching import names

KNOWN = names.index(
    (
        ("vehicle_plate", "车牌号码", "hphm"),
        ("person_name", "姓名"),
        ("contract_no", "合同编号"),
        ("started_at", "开始时间", "start time"),
    )
)


def best(text: str) -> tuple[int, Way]:
    found = names.named(KNOWN, text)
    number = max(found, key=lambda n: max(named.score for named in found[n].values()))
    told = names.best_of(found[number].values())
    assert told is not None
    return number, told.way


@pytest.mark.parametrize(
    ("text", "number", "way"),
    [
        ("HPHM", 0, Way.word), ("车牌号码（必填）", 0, Way.word), ("chepaihaoma", 0, Way.sound), ("cphm", 0, Way.initials),
        ("cph", 0, Way.initials), ("che_pai_hm", 0, Way.mixed), ("plate_number", 0, Way.parts), ("车牌号马", 0, Way.sound),
        ("contarct_no", 2, Way.spelling), ("合同号", 2, Way.parts), ("ht_no", 2, Way.parts), ("beginTime", 3, Way.parts),
        ("full_name", 1, Way.parts), ("xm", 1, Way.parts),
    ],
)  # fmt: skip
def test_a_name_is_found_in_its_way(text: str, number: int, way: Way) -> None:
    assert best(text) == (number, way)


@pytest.mark.parametrize("text", ["col7", "", "…", "温度", "humidity"])
def test_what_nothing_is_near_to_finds_nothing_near(text: str) -> None:
    scores = [named.score for ways in names.named(KNOWN, text).values() for named in ways.values()]
    assert max(scores, default=0) < 0.5


def test_chinese_finds_columns_that_are_written_in_letters() -> None:
    other = names.index((("cphm",), ("chepaihm",), ("chepaihaoma",)))
    assert {number: next(iter(ways)) for number, ways in names.named(other, "车牌号码").items()} == {
        0: Way.initials, 1: Way.mixed, 2: Way.sound,
    }  # fmt: skip


def test_a_path_is_read_by_its_end_and_with_what_is_above() -> None:
    assert dict(names.texts_of("trip.start.time")) == {"time": 0.93, "start time": 1.0, "trip.start.time": 1.0}
    assert dict(names.texts_of("topics[].id"))["id"] == 0.93
    assert names.texts_of("") == ()


def test_a_first_word_that_most_columns_share_is_left_out() -> None:
    paths = ("cust_no", "cust_name", "cust_tel", "cust_addr", "memo")
    assert names.shared_prefix(paths) == "cust_"
    assert names.shared_prefix(paths[2:]) == ""
    assert dict(names.texts_of("CUST_no", "cust_")) == {"CUST_no": 1.0, "no": 0.95}


def test_letters_beside_their_chinese_word_stand_for_that_word_alone() -> None:
    both, bare = names.index((("出院时间", "cysj"),)), names.index((("cysj",),))
    assert {named.said for named in names.named(both, "采样时间").get(0, {}).values()} <= {"出院时间"}
    assert Way.initials in names.named(bare, "采样时间")[0]
    assert Way.word in names.named(both, "CYSJ")[0]
