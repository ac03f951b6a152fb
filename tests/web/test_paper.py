"""Records on paper and on a telephone, in Chromium: whole, within the sheet, with what is folded on the screen and
without what only a screen can do; whatever names people give."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from served import CHROMIUM, QUIET, need_chromium, served, wider_by
from test_console import Browser, app_of, people  # noqa: F401 - fixtures
from test_forms import DECLARED
from test_overview import added

from datong.ground.db import NODE, Store
from datong.register import service as register

pytestmark = pytest.mark.browser

SHEET, TELEPHONE = {"width": 703, "height": 1000}, {"width": 390, "height": 844}
"""A4 within its margins in the browser's pixels."""
NAMES = ("<b>过车</b>记录", "عربي 🚲 עברית", "无" * 180, "w" * 190)
DIGEST = f"sha256:{'a' * 64}"


def test_a_record_is_whole_on_paper_and_fits_every_width(store: Store, people: dict[str, str], tmp_path: Path) -> None:  # noqa: F811
    need_chromium()
    from playwright.sync_api import expect, sync_playwright

    with store.begin(NODE, "start") as tx:
        person = register.add_person(tx, login="de", name="数据员", roles=["data_engineer"])["id"]
        token = register.login_link(tx, person=person)["token"]
    browser = Browser(app_of(store, tmp_path / "story.json"), store)
    browser.enter("de")
    made = {}
    for name in NAMES:
        answer = browser.post("/do/register/declare_resource", data={**DECLARED, "name_zh": name, "abstract": name * 3})
        found = re.search(r'href="/resources/(res-\w+)"', answer.text)
        assert found is not None, name
        made[name] = found[1]
        files = f'{{"{"f" * 150}.csv": "{DIGEST}"}}'
        kept = browser.post("/do/register/preserve_evidence", data={"of": found[1], "files": files})
        assert kept.status_code == 200
    filing = {"object": {"name_zh": NAMES[0]}, "materials": {"products": "某产品"}, "signatures": []}
    added(store, "register_case", id="case-1", code=None, side="applicant", state="DRAFT", registrants=[], history=[],
          filing=filing, since="2026-03-02T00:00:00Z")  # fmt: skip
    case = "/cases/case-1"
    with served(browser.app) as address, sync_playwright() as player:
        engine = player.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        page = engine.new_context(locale="zh-CN").new_page()
        page.goto(f"{address}/enter/{token}")
        page.get_by_role("button", name="进入控制台").click()
        for media, size in (("screen", TELEPHONE), ("print", SHEET)):
            page.emulate_media(media=media)  # type: ignore[arg-type]
            page.set_viewport_size(size)  # type: ignore[arg-type]
            for path in ("/resources", *(f"/resources/{one}" for one in made.values()), case):
                page.goto(address + path)
                assert wider_by(page) <= 0, (media, path)
                assert page.locator("h1 b, td b, dd b").count() == 0, "a name is no markup"
        page.goto(address + case)
        expect(page.locator(".printed").first).to_contain_text(case)
        expect(page.locator(".printed").last).to_have_text("登记案件 case-1")
        expect(page.locator(".crumb")).to_be_hidden()
        expect(page.locator(".acts")).to_be_hidden()
        expect(page.get_by_text("某产品")).to_be_visible()
        page.emulate_media(media="screen")
        expect(page.locator(".printed").first).to_be_hidden()
        expect(page.locator(".printed").last).to_be_hidden()
        expect(page.locator(".crumb")).to_be_visible()
        expect(page.get_by_text("某产品")).to_be_hidden()
        engine.close()
