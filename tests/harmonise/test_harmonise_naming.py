"""Names of columns without a standard: near to elements by word, sound and initials; a shared prefix is left out."""

from __future__ import annotations

from datong.harmonise import service as harmonise

WORDS = (("phone", ("手机号码", "mobile phone")), ("age", ("年龄", "age")), ("total", ("合计", "total")))


def test_names_are_near_in_several_ways() -> None:
    found = harmonise.names_near(("手机号码", "shoujihaoma", "sjhm", "MobilePhone", "zzz"), WORDS)
    assert [near[0].of for near in found[:4]] == ["phone"] * 4
    assert [near[0].way for near in found[:4]] == ["word", "sound", "initials", "word"]
    assert found[4] == ()
    assert all(near[0].score >= 0.5 for near in found[:4])


def test_what_most_columns_begin_with_is_no_part_of_their_names() -> None:
    columns = ("cust_age", "cust_total", "cust_x", "cust_y", "cust_z")
    assert harmonise.names_near(columns, WORDS)[0][0].of == "age"


def test_every_element_is_known_by_its_words() -> None:
    words = dict(harmonise.element_words())
    assert {"公民身份号码", "sfzh", "id_card"} <= set(words["resident_id"])
