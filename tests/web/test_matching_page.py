"""The page of a match: proposals with score and reason, one choice per column, all sure ones at once, no value shown."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest
from test_console import Browser, app_of, text

from datong.ground.db import NODE, Store
from datong.harmonise import service as harmonise
from datong.register import service as register
from datong.web import matching
from datong.web.matching import choices

SECRET = "贵A4F7K2"
HOSTILE = '"><script>alert(1)</script>'
ASKED = {"workspace": "work", "source": "cars", "standard": "transport"}


@pytest.fixture
def browser(store: Store, node_folder: Path, tmp_path: Path) -> Browser:
    harmonise.install(store, node_folder)
    work = node_folder / "work"
    (work / "sources").mkdir(parents=True)
    (work / "sources" / "cars.yaml").write_text("kind: csv\npath: cars.csv\n", "utf-8")
    header = ["cph", "vin", "gmrq_x", '"""><script>alert(1)</script>"', *(f"c{n}" for n in range(250))]
    row = [SECRET, "LSVAA4182E2184847", "20240105", "x", *("1" for _ in range(250))]
    (work / "cars.csv").write_text("\n".join([",".join(header), *[",".join(row)] * 20]) + "\n", "utf-8")
    with store.begin(NODE, "start") as tx:
        register.bootstrap_operator(tx, login="op", name="云泰", password=None, department="平台部")
        for login, role in (("de", "data_engineer"), ("fi", "finance"), ("au", "auditor")):
            register.add_person(tx, login=login, name=f"{login} 名", roles=[role])
    return Browser(app_of(store, tmp_path / "story.json"), store)


def matched(browser: Browser, **more: str) -> httpx.Response:
    return browser.get("/match", params={**ASKED, **more})


def known(store: Store) -> set[tuple[str, str, str]]:
    with store.read() as tx:
        return {
            (row["column"], row["element"], row["said"]) for row in harmonise.synonyms(tx) if row["state"] == "standing"
        }


def test_the_page_asks_then_shows_meaning_score_and_reason_in_both_languages(browser: Browser) -> None:
    browser.enter("de")
    assert 'name="workspace"' in browser.get("/match").text
    assert 'href="/match"' in browser.get("/meanings").text
    zh, en = matched(browser), matched(browser, lang="en")
    assert "机动车号牌号码" in text(zh)
    assert "车牌号" in text(zh)
    assert "vehicle plate number" in text(en)
    assert re.search(r"\d+ %", text(en))
    for answer in (zh, en):
        assert SECRET not in answer.text
        assert "LSVAA4182E2184847" not in answer.text
        assert HOSTILE not in answer.text
        assert "<script" not in answer.text


def test_two_hundred_columns_are_a_page_and_the_rest_the_next(browser: Browser) -> None:
    browser.enter("de")
    first = matched(browser)
    assert first.text.count("<select") == 200
    assert "1–200 / 254" in text(first)
    assert matched(browser, **{"from": "200"}).text.count("<select") == 54
    assert matched(browser, **{"from": "nonsense"}).status_code == 200


def test_turning_the_page_saves_what_it_says_and_skips_no_column(browser: Browser, store: Store) -> None:
    browser.enter("de")
    assert "保存，到下一页" in text(matched(browser))
    turned = browser.post("/match", data={**ASKED, "from": "0", "turn": "200", "say:gmrq_x": "+registration_date"})
    assert turned.status_code == 303
    assert known(store) == {("gmrq_x", "registration_date", "confirmed")}
    assert "200–254 / 254" in text(browser.get(turned.headers["location"]))
    refused = browser.post("/match", data={**ASKED, "turn": "200", "say:gmrq_x": "+no_such_element"})
    assert refused.status_code >= 400


def test_the_button_promises_no_more_than_it_does(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    browser.enter("de")
    assert "确认本页所有把握充分的" in text(matched(browser))
    monkeypatch.setattr(matching, "PAGE_COLUMNS", 300)
    assert "确认所有把握充分的" in text(matched(browser))
    monkeypatch.undo()
    browser.enter("au")
    assert "保存我的选择" not in text(matched(browser))


def test_each_choice_is_remembered_and_shown(browser: Browser, store: Store) -> None:
    browser.enter("de")
    form = {**ASKED, "say:gmrq_x": "+registration_date", "say:cph": "-vehicle_plate", "say:vin": ""}
    answer = browser.post("/match", data=form)
    assert answer.status_code == 200
    assert "确认 1 项，否定 1 项" in text(answer)
    assert known(store) == {("gmrq_x", "registration_date", "confirmed"), ("cph", "vehicle_plate", "rejected")}
    assert "本节点已确认过" in text(answer)
    assert "registration_date" in browser.get("/meanings").text


def test_all_sure_ones_at_once_but_not_against_a_choice(browser: Browser, store: Store) -> None:
    browser.enter("de")
    hidden = dict(re.findall(r'name="(sure:[^"]+)" value="([^"]+)"', matched(browser).text))
    assert {"sure:cph": "vehicle_plate", "sure:vin": "vin"}.items() <= hidden.items()
    browser.post("/match", data={**ASKED, **hidden, "say:vin": "-vin", "all": "yes"})
    assert ("vin", "vin", "rejected") in known(store)
    assert ("cph", "vehicle_plate", "confirmed") in known(store)
    assert ("vin", "vin", "confirmed") not in known(store)


def test_the_same_form_sent_twice_says_it_once(browser: Browser, store: Store) -> None:
    browser.enter("de")
    for _ in range(2):
        answer = browser.post("/match", data={**ASKED, "say:cph": "+vehicle_plate", "_key": "k" * 32})
        assert "确认 1 项" in text(answer)
    with store.read() as tx:
        assert len(harmonise.synonyms(tx)) == 1


def test_what_is_wrong_is_said_on_the_page(browser: Browser, store: Store) -> None:
    browser.enter("de")
    answer = browser.get("/match", params={**ASKED, "source": "car"})
    assert answer.status_code == 400
    assert "STD-460" in answer.text
    bad = browser.post("/match", data={**ASKED, "say:cph": "+no_such"})
    assert (bad.status_code, "STD-461" in bad.text) == (400, True)
    assert known(store) == set()


def test_a_refused_form_keeps_every_choice(browser: Browser, store: Store) -> None:
    browser.enter("de")
    said = {"say:cph": "-vehicle_plate", "say:vin": "+vin"}
    bad = browser.post("/match", data={**ASKED, **said, "say:nowhere": "+no_such"})
    assert bad.status_code == 400
    chosen = {m.group(1): m.group(2) for m in re.finditer(r'value="([+-]\w+)" selected>([^<]*)', bad.text)}
    assert set(chosen) == {"-vehicle_plate", "+vin"}
    assert "selected" not in browser.post("/match", data={**ASKED, **said}).text


def test_the_other_language_shows_every_choice_and_remembers_none(browser: Browser, store: Store) -> None:
    browser.enter("de")
    english = browser.post("/match", data={**ASKED, "say:cph": "+vehicle_plate", "_show": "en"})
    assert "Source column" in text(english)
    assert '<option value="+vehicle_plate" selected>' in english.text
    assert known(store) == set()


def test_only_a_data_engineer_confirms_an_auditor_may_look(browser: Browser, store: Store) -> None:
    browser.enter("au")
    assert matched(browser).status_code == 200
    assert browser.post("/match", data={**ASKED, "say:cph": "+vehicle_plate"}).status_code == 403
    other = Browser(browser.app, store)
    other.enter("fi")
    assert matched(other).status_code == 403
    assert known(store) == set()


def test_a_form_of_another_site_is_refused(browser: Browser, store: Store) -> None:
    browser.enter("de")
    form = {**ASKED, "say:cph": "+vehicle_plate"}
    answer = browser.post("/match", data=form, headers={"origin": "http://evil.test", "sec-fetch-site": "cross-site"})
    assert answer.status_code == 403
    assert known(store) == set()


def test_choices_of_a_form() -> None:
    form = {"say:a": "+x", "say:b": "-y", "say:c": "", "sure:c": "z", "sure:a": "w", "other": "+q"}
    assert choices(form) == ({"a": "x"}, {"b": "y"})
    assert choices({**form, "all": "yes"}) == ({"a": "x", "c": "z"}, {"b": "y"})
