"""What sets two names apart: ends of a scale, another word in the place of one; every word of opposites.tsv is known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datong.harmonise.rules.matching.glossary import glossary
from datong.harmonise.rules.matching.qualifiers import compared, turn


@pytest.mark.parametrize(
    ("left", "right", "ends"),
    [
        ("开始时间", "start_time", 1), ("开始时间", "end_time", -1), ("入口站", "EXIT_STATION", -1), ("上车站点", "ENTRY_STATION", 1),
        ("发车时间", "arrival_time", -1), ("出发时间", "arrival_time", -1), ("计划数量", "actual_qty", -1), ("付款人账号", "PayerAcct", 1),
        ("付款人账号", "payee_account", -1), ("毛重", "net_weight", -1), ("最高气温", "min_temp", -1), ("经度", "latitude", -1),
        ("客户姓名", "customer_name", 0), ("进出口总额", "export_value", 0), ("qssj", "结束时间", 0),
    ],
)  # fmt: skip
def test_ends_of_a_scale(left: str, right: str, ends: int) -> None:
    told, _ = compared([left], [right])
    assert (told > 0) - (told < 0) == ends
    assert compared([right], [left])[0] == told


def test_another_word_in_the_place_of_one_is_seen_and_a_word_more_is_not() -> None:
    assert compared(["本科毕业生数"], ["专科毕业生数"])[1] > 0.3
    assert compared(["毕业生数"], ["专科毕业生数"])[1] == 0
    assert compared(["order_no"], ["订单编号"])[1] == 0


@pytest.mark.parametrize(
    ("names", "way"),
    [
        (["开始时间", "started at"], -1),
        (["结束时间"], 1),
        (["创建时间"], 0),
        (["出发", "到达"], 0),
        ([], 0),
        (["col1"], 0),
    ],
)
def test_what_begins_and_what_ends(names: list[str], way: int) -> None:
    assert turn(names) == way


def test_every_scale_has_two_ends_of_known_words() -> None:
    places = [place for places in glossary().ends.values() for place in places]
    scales = {scale for scale, _ in places}
    assert len(scales) > 35
    for scale in scales:
        assert len({end for at, end in places if at == scale}) >= 2, scale


@given(st.text(max_size=20), st.text(max_size=20))
def test_any_two_names_are_compared_without_fault(left: str, right: str) -> None:
    ends, swapped = compared([left], [right])
    assert -1 <= ends <= 1
    assert 0 <= swapped <= 1 + 1e-9
    assert compared([], [right]) == (0.0, 0.0)
