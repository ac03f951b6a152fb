"""What came of a form has an address of its own: Back and reload send nothing again, and whoever else has the address
finds nothing there."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from served import CHROMIUM, QUIET, in_chromium, need_chromium, served
from test_console import Browser, app_of, browser, hidden, later, people, text  # noqa: F401 - fixtures

from asgi import Asgi
from datong.ground.db import NODE, Store
from datong.register import service as register
from datong.web.outcomes import ALL, EACH, KEPT_FOR, SIGNS_OF_ALL, Outcome, Outcomes

ADD, TOKEN, SPACE = "/do/register/add_person", "/do/register/issue_service_token", "/do/register/create_space"
WRONG = {"login": "x y", "name": "欧阳新人", "password": "short-secret", "roles": "king"}


def sent(browser: Browser, path: str, fields: dict[str, str]) -> str:  # noqa: F811
    """The address to which a form leads, as the server says it."""
    there = {"origin": "http://node.test", "sec-fetch-site": "same-origin", "user-agent": "Browser/1.0"}
    answer = Asgi.request(browser, "POST", path, data=fields, headers=there)
    assert answer.status_code == 303
    return answer.headers["location"]


def spaces(store: Store) -> list[str]:
    with store.read(NODE) as tx:
        return [space["name"] for space in register.spaces(tx)]


def test_what_a_deed_was_answered_is_read_again_and_is_done_once(browser: Browser, store: Store) -> None:  # noqa: F811
    browser.enter("op")
    person = browser.get("/people").text.partition("/people/person-")[2][:32]
    fields = {"person": f"person-{person}", "label": "jupyter", "scopes": "register", "_key": "k" * 32}
    address = sent(browser, TOKEN, fields)
    assert re.fullmatch(rf"{TOKEN}\?_told=[\w-]+", address), "neither a key nor what was typed stands in it"
    told = [browser.get(address) for _ in range(2)]
    found = {re.search(r"<code>([\w-]{43})</code>", page.text)[1] for page in told}  # type: ignore[index]
    assert len(found) == 1
    (token,) = found
    assert token not in address
    assert 'value="jupyter"' not in told[0].text
    assert "<title>已完成：" in told[0].text
    english = browser.post(TOKEN, data={**hidden(told[0]), "_show": "en"})
    assert token in english.text
    assert ">Done</h2>" in english.text
    with store.read(NODE) as tx:
        assert [one["label"] for one in register.service_tokens(tx)] == ["jupyter"]


def test_a_refusal_is_read_again_in_both_languages_with_what_was_typed(browser: Browser) -> None:  # noqa: F811
    browser.enter("op")
    address = sent(browser, ADD, WRONG)
    assert not set(WRONG.values()) & set(httpx.URL(address).params.values())
    told = [browser.get(address) for _ in range(2)]
    assert [page.status_code for page in told] == [400, 400]
    for page in told:
        assert "<title>未完成：添加人员" in page.text
        assert "下一步" in page.text
        assert 'value="欧阳新人"' in page.text
        assert "short-secret" not in page.text
    english = browser.post(ADD, data={**WRONG, **hidden(told[0]), "name": "欧阳另人", "_show": "en"})
    assert english.status_code == 400
    assert "king" in text(english)
    assert '<section class="refusal invalid" role="alert">' in english.text
    assert 'value="欧阳另人"' in english.text, "and what was typed since"
    assert "添加人员" not in english.text
    short = sent(browser, ADD, {"name": "x"})
    assert "Add a person with roles was not done" in text(
        browser.post(ADD, data={**hidden(browser.get(short)), "_show": "en"})
    )
    assert "「添加人员」未执行" in text(browser.get(f"{short}&lang=zh"))
    assert "short-secret" not in english.text


def test_after_a_refusal_the_form_is_done_once_from_whichever_page(browser: Browser, store: Store) -> None:  # noqa: F811
    browser.enter("op")
    key = hidden(browser.get(SPACE))["_key"]
    refused = sent(browser, SPACE, {"_key": key, "name": ""})
    assert hidden(browser.get(refused))["_key"] == key
    done = sent(browser, SPACE, {"_key": key, "name": "甲"})
    assert "已完成" in browser.get(done).text
    again = {**hidden(browser.get(refused)), "name": "甲"}  # back, and pressed again
    assert "已完成" in browser.get(sent(browser, SPACE, again)).text
    other = browser.get(sent(browser, SPACE, {**again, "name": "乙"}))
    assert (other.status_code, "此前已执行过一次" in other.text) == (409, True)
    assert hidden(other)["_key"] != key
    assert spaces(store) == ["甲"]


def test_two_tabs_do_not_mix(browser: Browser, store: Store) -> None:  # noqa: F811
    browser.enter("op")
    first, second, third = (sent(browser, SPACE, {"name": name}) for name in ("甲", "", "乙"))
    assert [browser.get(one).status_code for one in (first, second, third)] == [200, 400, 200]
    assert "甲" in browser.get(first).text and "乙" not in text(browser.get(first))
    assert spaces(store) == ["甲", "乙"]


def test_nobody_else_and_no_other_page_finds_what_came_of_a_form(
    browser: Browser,  # noqa: F811
    store: Store,
) -> None:
    browser.enter("op")
    address = sent(browser, ADD, WRONG)
    name = address.partition("=")[2]
    for there in (
        f"{SPACE}?_told={name}",
        f"/people?_told={name}",
        f"{ADD}?_told=nothing",
        f"{ADD}?_told=" + "x" * 4000,
    ):
        assert "欧阳新人" not in browser.get(there).text
    lost = browser.get(f"{ADD}?_told=nothing")
    assert "这份表单此前已提交" in lost.text, "an address without its outcome is no untouched form"
    other = Browser(browser.app, store)
    other.enter("pm")
    assert "欧阳新人" not in other.get(address).text
    assert "欧阳新人" in browser.get(address).text
    browser.post("/logout")
    browser.enter("op")
    assert "欧阳新人" not in browser.get(address).text
    address = sent(browser, ADD, WRONG)
    later(store, minutes=31)
    assert "欧阳新人" not in browser.get(address).text


def test_what_is_kept_has_an_end() -> None:
    now = datetime(2026, 3, 2, tzinfo=UTC)
    kept = Outcomes()
    mine = [kept.keep("me", "/do/a/b", Outcome({"n": str(n)}), now) for n in range(EACH + 1)]
    assert [kept.of(name, "me", "/do/a/b", now) is not None for name in mine] == [False, *[True] * EACH]
    others = [kept.keep(f"p{n}", "/", Outcome({}), now) for n in range(ALL)]
    assert kept.of(mine[-1], "me", "/do/a/b", now) is None
    assert kept.of(others[0], "p0", "/", now) is not None
    large = [kept.keep(f"q{n}", "/", Outcome({"a": "x" * (SIGNS_OF_ALL // 2)}), now) for n in range(3)]
    assert [kept.of(name, f"q{n}", "/", now) is not None for n, name in enumerate(large)] == [False, False, True]
    assert kept.of(large[-1], "q2", "/", now + KEPT_FOR + timedelta(seconds=1)) is None


@pytest.mark.browser
def test_back_and_reload_in_a_browser_never_ask_to_send_again(
    store: Store,
    people: dict[str, str],  # noqa: F811
    tmp_path: Path,
) -> None:
    need_chromium()
    from playwright.sync_api import expect, sync_playwright

    with store.begin(NODE, "start") as tx:
        link = register.login_link(tx, person=people["op"])["token"]
    posts: list[str] = []
    with served(app_of(store, tmp_path / "s.json")) as address, sync_playwright() as player:
        engine = player.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        page = engine.new_context(locale="zh-CN").new_page()
        page.goto(f"{address}/enter/{link}")
        page.get_by_role("button", name="进入控制台").click()
        page.on("request", lambda request: posts.append(request.url) if request.method == "POST" else None)
        refused, done = page.get_by_role("alert"), page.get_by_role("heading", name="已完成")
        page.goto(f"{address}/spaces")
        page.goto(address + SPACE)
        for name, told in (("  ", refused), ("出行空间", done)):
            page.locator("[name=name]").fill(name)
            page.locator(".arguments > button").click()
            expect(told).to_be_visible()
            page.reload()
            expect(told).to_be_visible()
        page.go_back()
        expect(refused).to_be_visible()
        page.go_back()
        expect(page).to_have_url(address + SPACE)
        page.go_back()
        expect(page).to_have_url(f"{address}/spaces")
        for _ in range(3):
            page.go_forward()
        expect(done).to_be_visible()
        engine.close()
    assert len(posts) == 2
    assert spaces(store) == ["出行空间"]


@pytest.mark.browser
def test_a_form_to_which_one_goes_back_does_nothing_twice_in_a_browser(
    store: Store,
    people: dict[str, str],  # noqa: F811
    tmp_path: Path,
) -> None:
    need_chromium()
    from playwright.sync_api import expect

    with store.begin(NODE, "start") as tx:
        link = register.login_link(tx, person=people["op"])["token"]
    with served(app_of(store, tmp_path / "s.json")) as address, in_chromium(f"{address}/enter/{link}") as page:
        done = page.get_by_role("heading", name="已完成")
        page.goto(address + SPACE)
        page.locator("[name=name]").fill("出行空间")
        page.locator(".arguments > button").click()
        expect(done).to_be_visible()
        page.go_back()
        expect(page.locator("[name=name]")).to_have_value("出行空间")
        page.locator(".arguments > button").click()
        expect(done).to_be_visible()
        assert spaces(store) == ["出行空间"]
        page.goto(address + SPACE)
        page.locator("[name=name]").fill("出行空间")
        page.locator(".arguments > button").click()
        expect(done).to_be_visible()
        assert spaces(store) == ["出行空间"] * 2, "a form opened anew is another one"
        page.get_by_role("button", name="退出").click()
        page.go_back()
        page.go_back()
        expect(page.locator("input[name=login]")).to_be_visible()
        assert page.locator("[name=name]").count() == 0, "who logs out leaves no form behind"


def test_only_a_blank_form_is_kept_by_a_browser(browser: Browser) -> None:  # noqa: F811
    browser.enter("op")
    kept = {"private, max-age=0"}
    assert {browser.get(SPACE).headers["cache-control"]} == kept
    refused, done = sent(browser, SPACE, {"name": ""}), sent(browser, SPACE, {"name": "甲"})
    for path in ("/people", refused, done, "/do/audit/verify", f"{SPACE}?_told=none"):
        assert browser.get(path).headers["cache-control"] == "no-store", path
    assert browser.post("/logout").headers["clear-site-data"] == '"cache"'
