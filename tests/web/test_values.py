"""Values as HTML: escaped, in words, in Beijing time, with links only to records."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datong.ground.refusal import Text
from datong.web.records import whole_of
from datong.web.values import Values, moment, record_address, short_id

AGREEMENT = "agr-" + "0a" * 16
NAMES = {"91520100MAXDT004X2": Text("范例数据集团", "Group"), AGREEMENT: Text("出行流量", "flows")}
ZH, EN = Values("zh", NAMES), Values("en", NAMES)
HOSTILE = '<script>alert("x")</script>&\''


@pytest.mark.parametrize(
    ("value", "column", "zh", "en"),
    [
        (None, "state", "–", "–"),
        (True, "own", "是", "yes"),
        (1180000, "gross_fen", "11,800.00 元", "CNY 11,800.00"),
        (float("inf"), "gross_fen", "inf", "inf"),
        (217573, "rows", "217,573", "217,573"),
        (2026, "version", "2026", "2026"),
        (0.25, "cr", "0.25", "0.25"),
        (0.0, "cr", "0", "0"),
        (0.000001, "delta", "1e-06", "1e-06"),
        (-0.00002, "share", "-2e-05", "-2e-05"),
        (12345.67891, "share", "12345.6789", "12345.6789"),
        ("91520100MAXDT004X2", "party", '<span title="91520100MAXDT004X2">范例数据集团</span>', '<span title="91520100MAXDT004X2">Group</span>'),
        ("91520100MAXDT004X2", "code", '<code title="91520100MAXDT004X2">91520100MAXDT004X2</code>', '<code title="91520100MAXDT004X2">91520100MAXDT004X2</code>'),
        (["operator", "auditor"], "roles", "节点运维、审计", "node operator, auditor"),
        ({"overall_risk": 0.03896}, "risk", "R = 0.0390", "R = 0.0390"),
        ({"zh": "待受理", "en": "to be accepted", "day": "2026-03-05"}, "deadline", "2026-03-05 · 待受理", "2026-03-05 · to be accepted"),
        ([], "purposes", "–", "–"),
        ([{"amount_fen": 1180000}, {"amount_fen": -688333}, {"amount_fen": -491667}], "postings", "11,800.00 元", "CNY 11,800.00"),
        ([{"amount_fen": "x"}, {}], "postings", "2", "2"),
        ({"purpose": "public_welfare", "tariff": {"amount_fen": 0}}, "terms", "公益事业 · 免费", "public welfare · free"),
        ({"purpose": "public_welfare", "tariff": None}, "terms", "公益事业 · –", "public welfare · –"),
        ({"purpose": ["x"], "tariff": {"amount_fen": "9"}}, "terms", "[&#39;x&#39;] · –", "[&#39;x&#39;] · –"),
        ({"overall_risk": None, "name": "n"}, "risk", "n", "n"),
    ],
)  # fmt: skip
def test_a_cell(value: Any, column: str, zh: str, en: str) -> None:
    assert (str(ZH.short(value, column)), str(EN.short(value, column))) == (zh, en)


def test_an_answer_is_told_as_its_form_asks_it() -> None:
    assert "良好" not in (said := ZH.full({"penalty": "good", "logging": "partial"}, "answers"))
    assert said.index("做到") < said.index("部分做到")
    assert "good" not in said


def test_words_of_both_sides_are_no_explanation() -> None:
    said = {"zh": "允许 <读取>", "en": "May <read>"}
    assert (ZH.full(said, "words"), EN.full(said, "words")) == ("允许 &lt;读取&gt;", "May &lt;read&gt;")
    assert [ZH.heading("words"), ZH.heading("words", said), ZH.heading("zh")] == ["说明"] * 3
    assert ZH.heading("words", [{"word": "paid"}]) == "双方所言（原签名）"
    assert "已付清" in ZH.full([{"word": "paid"}], "words")


def test_instants_are_told_in_beijing_time_and_midnight_is_a_day() -> None:
    assert moment("2026-03-01T16:00:00Z") == "2026-03-02"
    assert moment("2026-03-02T01:00:00Z") == "2026-03-02 09:00"
    assert 'datetime="2026-03-02T01:00:00Z"' in ZH.short("2026-03-02T01:00:00Z", "at")
    assert ZH.told("自 2026-03-01T16:00:00Z 起") == "自 2026-03-02 起"


@pytest.mark.parametrize(
    "said", ["2024-13-45T25:00:00Z", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "２０２４-01-01T00:00:00Z"]
)
def test_what_a_peer_wrote_in_the_form_of_an_instant_and_is_none_stays_as_it_is(said: str) -> None:
    assert moment(said) == said
    assert said in ZH.short(said, "reason")
    assert said in EN.full({"reason": said, "why": f"ended {said}"}, "offer")


def test_chinese_in_an_english_page_says_so() -> None:
    assert EN.text("陈品") == '<span lang="zh-CN">陈品</span>'
    assert ZH.text("陈品") == "陈品"


def test_a_text_that_turns_the_direction_turns_nothing_but_itself() -> None:
    for values in (ZH, EN):
        assert values.text("\u202eabc") == "<bdi>\u202eabc</bdi>"
        assert values.short("\u05d0\u05d1", "name") == "<bdi>\u05d0\u05d1</bdi>"
        assert values.short({"reason": "x", "name": "<\u202e>"}, "name") == "<bdi>&lt;\u202e&gt;</bdi>"


def test_a_record_is_a_link_and_nothing_else_is() -> None:
    assert record_address(AGREEMENT) == f"/contracts/{AGREEMENT}"
    assert record_address(f"inv-{'0b' * 16}-1") == f"/invoices/inv-{'0b' * 16}"
    for other in ("javascript:alert(1)", "agr-1", "//evil.test/agr", f"evil-{'0a' * 16}", f"{AGREEMENT}/../x", ""):
        assert record_address(other) == ""
    assert f'<a href="/contracts/{AGREEMENT}"' in ZH.short(AGREEMENT, "agreement")
    assert "<a " not in ZH.short(AGREEMENT, "agreement", link=False)


def test_ids_can_be_told_apart_when_short() -> None:
    assert short_id(AGREEMENT) == "agr-0a0a…0a0a"
    assert short_id("sha256:" + "ab" * 32) == "sha256:abab…abab"
    assert short_id("short") == "short"


def test_a_record_of_another_node_is_named_and_leads_nowhere() -> None:
    there, elsewhere = "inv-" + "0b" * 16, "inv-" + "0c" * 16
    values = Values("zh", {AGREEMENT: NAMES[AGREEMENT]}, lambda record: record == there)
    for whole in (values.short, values.full):
        assert f'href="/invoices/{there}"' in whole(there, "invoice")
        assert f'href="/invoices/{there}"' in whole(f"{there}-2", "invoice_line")
        for other in (elsewhere, AGREEMENT):
            assert other in whole(other, "invoice")
            assert "href" not in whole(other, "invoice")


def test_of_a_pair_in_both_languages_only_one_is_shown() -> None:
    row = {"name_zh": "甲", "name_en": "A", "zh": "一", "en": "one", "owner": "x", "owner_name": "X"}
    assert ZH.fields(row) == ["name_zh", "zh", "owner"]
    assert EN.fields(row) == ["name_en", "en", "owner"]
    assert EN.field(row, "name") == "A"
    assert ZH.field(row, "words") == "一"


def test_signatures_and_keys_are_folded() -> None:
    assert "<details>" in ZH.full([{"key": "Ed25519:x"}], "signatures")
    assert "<details>" not in ZH.full([{"party": "x"}], "parts")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.just(HOSTILE) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "state", "at", "zh", HOSTILE]), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@pytest.mark.parametrize("split", [None, "x", [None], [{"weight": "7"}], [{"party": "p"}], [{"weight": None}]])
def test_a_split_that_a_peer_wrote_and_is_none_has_no_whole(split: Any) -> None:
    assert whole_of(split) == 0
    assert whole_of([{"weight": 7}, {"weight": 5}]) == 12


@given(JSON, st.sampled_from(["name", "state", "at", "signatures", "rows", "purpose", "gross_fen", "kept2"]))
def test_nothing_a_peer_wrote_becomes_markup(value: Any, column: str) -> None:
    for shown in (ZH.short(value, column), EN.short(value, column), ZH.full(value, column), EN.full(value, column)):
        assert "<script" not in shown
        assert 'alert("x")' not in shown  # quotes are escaped too: no way out of an attribute


def test_a_structure_without_end_is_cut() -> None:
    deep: Any = "x"
    for _ in range(50):
        deep = {"filing2": deep}
    assert "<pre>" in ZH.full(deep, "anything")


@pytest.mark.parametrize(("ok", "said"), [(True, "state good"), (False, "state bad")])
def test_whether_all_holds_is_seen_at_a_glance(ok: bool, said: str) -> None:
    assert said in Values("zh", {}).full({"ok": ok, "personal": ok}, "answer")
    assert ("全部相符" if ok else "有不符") in Values("zh", {}).full({"ok": ok}, "answer")
    assert "state" not in Values("en", {}).full({"personal": ok}, "answer")
