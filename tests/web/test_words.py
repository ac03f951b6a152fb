"""Words on the screen: every verb, role, room and state has one in Chinese; a code without one is shown as it is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import datong
import datong.app.doors
from datong.authorise.model import State as InstrumentState
from datong.harmonise.rules.quality import FORMULAS, NOT_DECLARED
from datong.negotiate.model import State as NegotiationState
from datong.register.model.cases import State as CaseState
from datong.terms.roles import Role
from datong.terms.verbs import VERBS
from datong.web import words
from datong.web.api import arguments_model
from datong.web.pages import PAGES


def test_every_verb_that_changes_something_has_a_chinese_title() -> None:
    untitled = [name for name, verb in VERBS.items() if verb.changes and name not in words.VERB_TITLES]
    assert not untitled
    assert not set(words.VERB_TITLES) - set(VERBS), "a title without its verb"


def test_the_english_title_is_the_docstring() -> None:
    verb = VERBS["price.set_fee"]
    assert words.verb_title(verb, "en") == verb.title.replace(" (公共数据运营服务费)", "")
    assert words.verb_title(verb, "zh") == "拟定公共数据运营服务费"


def test_a_title_is_a_whole_sentence() -> None:
    cut = [name for name, verb in VERBS.items() if not verb.title.endswith((".", "。"))]
    assert not [name for name in cut if "\n" in (VERBS[name].call.__doc__ or "").strip().partition("\n\n")[0]]
    assert words.verb_title(VERBS["settle.reverse_entry"], "en").endswith("so is whom a payout was for.")


def test_every_room_and_role_has_its_word() -> None:
    assert {verb.room for verb in VERBS.values()} <= set(words.ROOMS)
    assert set(Role) <= set(words.CODES)


@pytest.mark.parametrize("states", [CaseState, InstrumentState, NegotiationState])
def test_every_state_has_its_word(states: type) -> None:
    assert set(states) <= set(words.KINDS["state"])


def test_every_column_of_a_list_has_its_heading() -> None:
    shown = {column for page in PAGES for section in page.sections for column in section.columns} - {"words"}
    assert not shown - set(words.COLUMNS)


def test_every_argument_of_a_form_has_its_heading_in_both_languages() -> None:
    """A form is made of the verb: what it asks for is asked for in words, not by the name of a parameter."""
    asked = {name for verb in VERBS.values() for name in arguments_model(verb).model_fields}
    assert not {name for name in asked if name not in words.COLUMNS and not name.endswith(("_zh", "_en"))}


def test_every_deed_named_in_the_code_has_its_word_in_chinese() -> None:
    code = "".join(file.read_text("utf-8") for file in Path(datong.__file__).parent.rglob("*.py"))
    deeds = set(re.findall(r'evidence\.append\(\s*\w+, "([^"]+)"', code))
    assert len(deeds) > 100
    assert not deeds - set(words.KINDS["deed"])


def test_a_formula_of_quality_keeps_its_number_in_both_languages() -> None:
    told = "values of the last 30 days / values"
    assert words.formula(told, "zh") == "最近 30 天内的值 / 全部值"
    assert words.formula(told, "en") == told
    assert words.formula("of a later 2 kind", "zh") == "of a later 2 kind"
    assert all(words.formula(text, "zh") != text for text in (*FORMULAS.values(), NOT_DECLARED))


def test_both_languages_are_there() -> None:
    for kind, entries in words.KINDS.items():
        for key, text in entries.items():
            assert text.zh, (kind, key)
            assert text.en or kind in ("verb", "deed", "formula"), (kind, key)


@pytest.mark.parametrize(
    ("value", "column", "zh", "en"),
    [
        ("ended early: 双方同意", "reason", "提前解除：双方同意", "ended early: 双方同意"),
        ("permissions[0]", "rule", "允许 1", "permission 1"),
        ("Assets:Receivable:P9152", "account", "应收款", "receivable"),
        ("Liabilities:Payable:P91520100MA6LAB0001", "account", "应付款", "payable"),
        ("Assets:Bank", "account", "银行存款", "bank"),
        ("6.5: personal rights, serious", "rule_path", "6.5：个人权益，严重", "6.5: personal rights, serious"),
        ("node", "mode", "节点自动同意", "by the node itself"),
        ("harmonise", "scopes", "归一", "Harmonise"),
        ("the highest item is 4", "why", "最高一项为 4 级", "the highest item is 4"),
        ("FINALIZED", "state", "已成立", "final"),
        ("agreement", "kind", "运营协议", "operation agreement"),
        ("agreement", "step", "合约", "contract"),
        ("operator", "roles", "节点运维", "node operator"),
        ("credit_scoring", "purpose", "信用评分", "credit scoring"),
        ("BRAND_NEW", "state", "BRAND_NEW", "BRAND_NEW"),
        ("active", "name", "active", "active"),
        ("isAnyOf", "op", "任意属于", "is any of"),
        ("time", "left", "时间范围", "time"),
        ("or", "left", "或", "or"),
        ("public_welfare", "right", "公益事业", "public welfare"),
        ("accept", "right", "accept", "accept"),
        ("agree", "act", "同意", "agree"),
        ("UNREGISTERED", "state", "未登记", "not registered"),
    ],
)
def test_a_code_gets_its_word_only_where_codes_stand(value: str, column: str, zh: str, en: str) -> None:
    assert (words.code(value, column, "zh"), words.code(value, column, "en")) == (zh, en)


@pytest.mark.parametrize(
    ("name", "zh", "en"),
    [
        ("count", "数量", "Count"), ("on", "日期", "As of"), ("granted", "授出", "Granted"), ("FREE", "免费", "Free"),
        ("MONETIZABLE", "计费", "Charged"), ("CR", "CR", "CR"), ("signatoryTime", "签署时间", "Signed at"),
    ],
)  # fmt: skip
def test_what_a_report_is_made_of_has_its_heading(name: str, zh: str, en: str) -> None:
    """Of the disclosure, the check of capabilities, counted uses, messages of the national rail."""
    assert (words.column(name, "zh"), words.column(name, "en")) == (zh, en)


def test_a_heading_that_is_no_field_is_kept() -> None:
    assert words.column("mobility-flows.yaml", "en") == "mobility-flows.yaml"
    assert words.column("brand_new", "en") == "Brand new"
