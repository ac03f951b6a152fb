"""The page of a classification: every column with its evidence, one form, two people for a lowering, no value shown."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from test_console import Browser, app_of, text

from datong.deidentify import service as deidentify
from datong.ground.db import NODE, Store
from datong.harmonise import service as harmonise
from datong.register import service as register
from datong.web.classification import words_of

SECRET = "王伟芳"
HOSTILE = '"><script>alert(1)</script>'


@pytest.fixture
def browser(store: Store, node_folder: Path, tmp_path: Path) -> Browser:
    harmonise.install(store, node_folder)
    header = ["姓名", "年龄", '"""><script>alert(1)</script>"']
    for name, more in (("people", ["c0"]), ("wide", [f"c{n}" for n in range(203)])):
        rows = [header + more, *([SECRET, str(20 + n), "x", *("1" for _ in more)] for n in range(60))]
        (node_folder / f"{name}.csv").write_text("\n".join(",".join(row) for row in rows) + "\n", "utf-8")
    with store.begin(NODE, "start") as tx:
        register.bootstrap_operator(tx, login="op", name="云泰", password=None, department="平台部")
        for login, role in (("de", "data_engineer"), ("la", "legal"), ("fi", "finance"), ("au", "auditor")):
            register.add_person(tx, login=login, name=f"{login} 名", roles=[role])
        deidentify.propose_classification(tx, dataset="people", file="people.csv")
    return Browser(app_of(store, tmp_path / "story.json"), store)


def shown(browser: Browser, **more: str) -> httpx.Response:
    return browser.get("/classify", params={"dataset": "people", **more})


def known(store: Store, column: str) -> dict[str, Any]:
    with store.read() as tx:
        found = deidentify.classification(tx, dataset="people")
    return next(one for one in found["columns"] if one["column"] == column)


def fields(answer: httpx.Response, prefix: str) -> dict[str, str]:
    return dict(re.findall(rf'name="({prefix}[^"]*)" value="([^"]*)"', answer.text))


def say(browser: Browser, act: str = "confirm", **fields: str) -> httpx.Response:
    return browser.post("/classify", data={"dataset": "people", "act": act, **fields})


def test_columns_with_evidence_in_both_languages_and_no_value(browser: Browser) -> None:
    browser.enter("de")
    assert 'href="/classify"' in browser.get("/classifications").text
    assert 'href="/classify?dataset=people"' in browser.get("/classifications/people").text
    zh, en = shown(browser), shown(browser, lang="en")
    assert "直接标识符" in text(zh)
    assert "person&#39;s name" in en.text
    assert "distinct" in text(en)
    for answer in (zh, en):
        assert SECRET not in answer.text
        assert "<script" not in answer.text


def test_two_hundred_columns_are_a_page_and_the_rest_the_next(browser: Browser) -> None:
    browser.enter("de")
    first = browser.post("/classify", data={"dataset": "wide", "act": "propose", "file": "wide.csv"})
    assert first.text.count('name="level:') == 200
    assert "1–200 / 206" in text(first)
    assert browser.get("/classify", params={"dataset": "wide", "from": "200"}).text.count('name="level:') == 6


def test_what_is_said_is_kept_and_what_is_left_is_not_said(browser: Browser, store: Store) -> None:
    browser.enter("de")
    was = fields(shown(browser), "was:")
    answer = say(browser, **was, **{"kind:姓名": "direct", "level:姓名": "3", "yes:姓名": "yes",
                                    "kind:年龄": "quasi", "level:年龄": "4"})  # fmt: skip
    assert answer.status_code == 200
    assert "已记下" in text(answer)
    assert (known(store, "姓名")["confirmed"], known(store, "年龄")["level"]) == (True, 4)
    assert not known(store, "c0")["confirmed"]
    assert "确认数据集的分类分级" in (due := browser.get("/").text) and 'href="/classifications/people"' in due
    say(browser, "rest")
    assert known(store, "c0")["confirmed"]
    assert (
        "确认数据集的分类分级"
        not in browser.get("/").text.partition('<section class="due">')[2].partition("</section>")[0]
    )
    assert "已确认" in text(shown(browser))


def test_a_refused_form_keeps_what_was_said(browser: Browser) -> None:
    browser.enter("de")
    was = fields(shown(browser), "was:")
    said = {"kind:姓名": "other", "level:姓名": "1", "kind:年龄": was["was:年龄"].split()[0], "level:年龄": "4",
            "yes:c0": "yes", "kind:c0": "other", "level:c0": "1"}  # fmt: skip
    refused = say(browser, **was, **said)
    assert refused.status_code == 400
    name, age = (refused.text.split(f'name="kind:{column}"')[1].split("</tr>")[0] for column in ("姓名", "年龄"))
    assert re.findall(r'<option (?:value="(\w+)" )?selected>(\d?)', name) == [("other", ""), ("", "1")]
    assert re.findall(r"<option selected>(\d)", age) == ["4"]
    assert len(re.findall(r'name="yes:[^"]*" value="yes" checked', refused.text)) == 1
    browser.enter("la")
    wrong = say(browser, "refuse", lowering="none", reason="w" * 501)
    assert wrong.status_code >= 400
    browser.enter("de")
    asked = say(browser, **was, **{**said, "kind:姓名": "nonsense"}, reason="of <shops>")
    assert 'name="reason" value="of &lt;shops&gt;"' in asked.text


def test_a_tick_confirms_what_the_page_showed_and_not_what_was_said_meanwhile(browser: Browser, store: Store) -> None:
    browser.enter("de")
    was = fields(shown(browser), "was:")
    kind, level = was["was:年龄"].split()
    say(browser, **{"was:年龄": was["was:年龄"], "kind:年龄": "direct", "level:年龄": "4"})
    old_page = {"was:年龄": was["was:年龄"], "kind:年龄": kind, "level:年龄": level, "yes:年龄": "yes"}
    answer = say(browser, **old_page)
    assert (answer.status_code, "DID-462" in answer.text) == (400, True), "it would lower what stands, unseen"
    assert (known(store, "年龄")["kind"], known(store, "年龄")["level"]) == ("direct", 4)


def test_the_other_language_shows_what_was_said_and_keeps_none_of_it(browser: Browser, store: Store) -> None:
    browser.enter("de")
    was = fields(shown(browser), "was:")
    said = {"kind:姓名": "direct", "level:姓名": "4", "yes:c0": "yes", "reason": "why not"}
    english = say(browser, **was, **said, _show="en")
    assert "Confirm a classification" in text(english)
    assert fields(english, "was:") == was
    assert 'name="yes:c0" value="yes" checked' in english.text
    assert 'value="why not"' in english.text
    assert 'name="act" value="confirm"></button><button form="asked"' in english.text, "Enter does what it did"
    assert not known(store, "c0")["confirmed"]


def test_a_lowering_waits_for_another_person(browser: Browser, store: Store) -> None:
    browser.enter("de")
    lower = {"was:姓名": "direct 3", "kind:姓名": "other", "level:姓名": "1"}
    refused = say(browser, **lower)
    assert (refused.status_code, "DID-462" in refused.text) == (400, True)
    answer = say(browser, **lower, reason="of shops")
    assert known(store, "姓名")["level"] == 3
    assert 'value="approve"' not in answer.text, "who asks is not offered to approve"
    browser.enter("la")
    page = shown(browser)
    key = fields(page, "lowering")
    assert "of shops" in page.text
    assert say(browser, "refuse", **key).status_code == 400, "a refusal needs a reason"
    assert say(browser, "approve", **key).status_code == 200
    assert (known(store, "姓名")["kind"], known(store, "姓名")["level"]) == ("other", 1)
    assert "DID-466" in say(browser, "approve", **key).text


def test_a_dataset_that_nobody_proposed_is_asked_for_and_proposed(browser: Browser) -> None:
    browser.enter("de")
    assert 'value="propose"' in browser.get("/classify").text
    assert "DID-464" in browser.get("/classify", params={"dataset": "fresh"}).text
    answer = browser.post("/classify", data={"dataset": "fresh", "act": "propose", "file": "people.csv"})
    assert "直接标识符" in text(answer)
    assert "DID-461" in browser.post("/classify", data={"dataset": "nowhere", "act": "propose"}).text
    assert browser.post("/classify", data={"dataset": "fresh", "act": "nonsense"}).status_code == 200


@pytest.mark.parametrize("login", ["fi", "au"])
def test_others_read_and_are_refused(browser: Browser, login: str) -> None:
    browser.enter(login)
    assert 'value="rest"' not in shown(browser).text
    refused = say(browser, "rest")
    assert (refused.status_code, "GEN-403" in refused.text) == (403, True)


def test_the_same_form_sent_twice_says_it_once(browser: Browser, store: Store) -> None:
    browser.enter("de")
    form = {"_key": "k-1", "was:姓名": "direct 3", "kind:姓名": "direct", "level:姓名": "3", "yes:姓名": "yes"}
    assert say(browser, **form).status_code == say(browser, **form).status_code == 200
    with store.read() as tx:
        assert len(deidentify.classification(tx, dataset="people")["history"]) == 1


def test_fields_become_words() -> None:
    form = {
        "was:a": "quasi 2", "kind:a": "quasi", "level:a": "2", "was:b": "quasi 2", "kind:b": "direct", "level:b": "2",
        "was:c": "other 1", "kind:c": "other", "level:c": "1", "yes:c": "yes", "was:d": "other 1", "kind:d": "other",
        "level:d": "x", "impact:social order": "none", "impact:public interest": "",
    }  # fmt: skip
    columns, impacts = words_of(form)
    assert columns == {
        "b": {"kind": "direct", "level": 2},
        "c": {"kind": "other", "level": 1},
        "d": {"kind": "other", "level": "x"},
    }
    assert impacts == {"social order": "none"}
