"""An operator at the console in Chromium without JavaScript: a menu on a telephone, a token that both languages show,
names of any length and direction; nothing wider than the window, no script, nothing wrong in the console."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from served import CHROMIUM, QUIET, need_chromium, served
from test_console import app_of

from datong.ground.db import NODE, Store
from datong.register import service as register

pytestmark = pytest.mark.browser
DESK, TELEPHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
NAMES = ("很长的名字" * 12, "\u202eشركة البيانات", "🚲🚦 <b>x</b>", "W" * 60)


@pytest.fixture
def console(store: Store, tmp_path: Path) -> Iterator[str]:
    """A one-time link of the operator of a node."""
    need_chromium()
    with store.begin(NODE, "start") as tx:
        operator = register.bootstrap_operator(tx, login="op", name=NAMES[1], password=None, department="平台部")
        for number, name in enumerate(NAMES):
            register.add_person(tx, login=f"p{number}", name=name, roles=["analyst"])
        token = register.login_link(tx, person=operator["id"])["token"]
    with served(app_of(store, tmp_path / "s.json")) as address:
        yield f"{address}/enter/{token}"


def test_an_operator_on_a_telephone_without_javascript(console: str, store: Store) -> None:
    from playwright.sync_api import expect, sync_playwright

    wrong: list[str] = []
    address = console.rpartition("/enter/")[0]
    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        page = browser.new_context(viewport=TELEPHONE, locale="zh-CN", java_script_enabled=False).new_page()
        page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        page.goto(console)
        page.get_by_role("button", name="进入控制台").click()
        menu = page.locator("nav.side")
        expect(menu).to_be_hidden()
        page.get_by_role("link", name="菜单").press("Enter")
        expect(menu).to_be_visible()
        expect(menu.get_by_role("link", name="存证")).to_be_visible()
        page.get_by_role("link", name="收起菜单").click()
        expect(menu).to_be_hidden()
        page.get_by_role("link", name="菜单").click()
        menu.get_by_role("link", name="人员").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("人员")
        for name in NAMES:
            expect(page.locator("tbody").first).to_contain_text(name)
        page.get_by_role("link", name=NAMES[2]).first.click()
        page.get_by_role("link", name="签发服务令牌").click()
        page.locator("[name=label]").fill("jupyter")
        page.locator("[name=scopes]").first.fill("register")
        page.get_by_role("button", name="签发服务令牌").click()
        expect(page.get_by_role("heading", name="已完成")).to_be_visible()
        token = page.locator("section.answer code").nth(1).inner_text()
        assert len(token) == 43
        page.get_by_role("button", name="English").click()
        expect(page.get_by_role("heading", name="Done")).to_be_visible()
        expect(page.locator("section.answer")).to_contain_text(token)
        page.reload()
        expect(page.locator("section.answer")).to_contain_text(token)
        for path in ("/", "/people", "/do/register/issue_service_token", "/leaves"):
            for size in (TELEPHONE, DESK):
                page.set_viewport_size(size)
                page.goto(f"{address}{path}?lang=en")
                wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
                assert wide <= 0, (path, size)
                assert page.locator("script, main b:text-is('x')").count() == 0
        expect(page.locator("nav.side")).to_be_visible()
        expect(page.get_by_role("link", name="Menu")).to_be_hidden()
        browser.close()
    assert not wrong
    with store.read(NODE) as tx:
        assert [one["label"] for one in register.service_tokens(tx)] == ["jupyter"]
