"""A person at the data group's console in Chromium, after a whole demonstration: log in, overview, lists, a contract,
a case, an invoice walked back, the story in both languages, on a desk and on a telephone. Nothing leaves 127.0.0.1."""

from __future__ import annotations

import os
import re
import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from world import NodeProcess, World

from datong import app
from datong.ground.config import load
from datong.ground.db import NODE
from datong.ground.keys import PrivateKey
from datong.register import service as register
from demo_run import Run

pytestmark = pytest.mark.browser

CHROMIUM = "/usr/bin/chromium"
QUIET = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run",
]  # fmt: skip
DESK, TELEPHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
LISTS = ("parties", "people", "nodes", "products", "cases", "ledger", "instruments", "releases", "versions", "fees",
         "listings", "contracts", "deliveries", "decisions", "usage", "invoices", "statements", "accounts", "leaves")  # fmt: skip


@dataclass
class Console:
    """The node's address, a fresh one-time link, and all that went wrong or elsewhere."""

    address: str
    link: str
    wrong: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def chromium() -> str:
    if Path(CHROMIUM).exists():
        return CHROMIUM
    reason = f"Debian's Chromium is not at {CHROMIUM}: apt-get install chromium"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture
def group(finished: Run, tmp_path: Path) -> Iterator[Console]:
    """The data group's node once more, from a copy of the folder it left (others read the original)."""
    folder = tmp_path / "data-group"
    shutil.copytree(finished.folder / "data-group", folder)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    settings = folder / "datong.toml"
    address = re.search(r'address = "http://127\.0\.0\.1:(\d+)"', settings.read_text("utf-8"))
    assert address is not None
    settings.write_text(settings.read_text("utf-8").replace(address.group(1), str(port), 2), "utf-8")
    link = link_for(folder, "auditor")
    world = World({"data-group": NodeProcess("data-group", folder, port)}, PrivateKey.at(finished.folder / "demo.pem"))
    world.start()
    try:
        yield Console(f"http://127.0.0.1:{port}", link)
    finally:
        world.stop()


def link_for(folder: Path, role: str) -> str:
    store = app.open_store(load(folder))
    try:
        with store.begin(NODE, "start") as tx:
            person = next(p["id"] for p in register.people(tx) if role in p["roles"])
            return str(register.login_link(tx, person=person)["token"])
    finally:
        store.dispose()


def test_a_person_walks_the_console(chromium: str, group: Console, finished: Run) -> None:
    from playwright.sync_api import Page, expect, sync_playwright

    def watch(page: Page) -> None:
        page.on("request", lambda request: group.asked.append(request.url))
        page.on("pageerror", lambda error: group.wrong.append(f"{page.url}: {error}"))
        page.on(
            "console", lambda said: group.wrong.append(f"{page.url}: {said.text}") if said.type == "error" else None
        )

    def at(page: Page, path: str) -> None:
        answer = page.goto(group.address + path)
        assert answer is not None
        assert answer.status == 200, path
        overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert overflow <= 0, f"{path} is wider than the window"

    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path=chromium, args=QUIET)
        page = browser.new_context(viewport=DESK, locale="zh-CN").new_page()
        watch(page)
        at(page, f"/enter/{group.link}")
        page.get_by_role("button", name="进入控制台").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("范例数据集团有限公司")
        for slug in LISTS:
            at(page, f"/{slug}")
            expect(page.locator("tbody tr").first).to_be_visible()
        walks_a_contract(page, finished, expect)
        walks_a_case_and_an_invoice(page, group.address, expect)
        reads_the_story(page, at, finished, expect)
        page.keyboard.press("Tab")
        expect(page.locator("a.skip")).to_be_focused()  # the first stop of the keyboard skips the navigation
        page.get_by_role("button", name="Log out").click()
        expect(page).to_have_url(re.compile("/login"))
        browser.close()
    assert not group.wrong
    assert len(group.asked) > 40
    assert {urlsplit(url).hostname for url in group.asked} == {"127.0.0.1"}


def walks_a_contract(page, finished: Run, expect) -> None:  # type: ignore[no-untyped-def]
    sold = next(c for c in finished.report["contracts"] if c["provider"] == "data-group")
    page.get_by_role("link", name="合约", exact=True).first.click()
    page.locator(f"a[href='/contracts/{sold['id']}']").first.click()
    expect(page.locator(".control.ends")).to_contain_text("离开本系统的控制")
    expect(page.locator(".policy")).to_contain_text("禁止")
    expect(page.locator("main")).to_contain_text(sold["policy_hash"])
    page.get_by_role("link", name="English").click()
    expect(page).to_have_url(re.compile(f"/contracts/{sold['id']}"))
    expect(page.locator(".control.ends")).to_contain_text("control by this system ends")
    page.get_by_role("link", name="中文").click()


def walks_a_case_and_an_invoice(page, address: str, expect) -> None:  # type: ignore[no-untyped-def]
    page.goto(address + "/cases")
    page.locator("tbody a").first.click()
    expect(page.locator(".way li.passed")).to_have_count(5)
    expect(page.locator(".sides")).to_contain_text("登记中心")
    page.goto(address + "/invoices")
    page.locator("tbody a").first.click()
    page.get_by_role("link", name="从第 1 行走回来源").click()
    expect(page.locator("h1")).to_contain_text("全部相符")
    assert page.locator(".trail li").count() >= 20
    page.goto(address + "/contracts")
    page.locator("tbody a").first.click()
    page.locator(".proofs a").first.click()
    expect(page.locator("dl.facts")).to_contain_text("negotiate.")


def reads_the_story(page, at, finished: Run, expect) -> None:  # type: ignore[no-untyped-def]
    report = finished.report
    figures = [
        f"{sum(source['read'] for source in report['sources'].values()):,}", f"{report['product']['rows']:,}",
        f"{report['privacy']['overall_risk']:.4f}", f"{report['evidence']['entries']:,}",
        f"{report['model']['product_mae']:.3f}",
    ]  # fmt: skip
    for lang, title, unlike in (
        ("zh", "两份互不相识的数据", "quarantined"),
        ("en", "How the data of two strangers", "隔离"),
    ):
        for size in (DESK, TELEPHONE):
            page.set_viewport_size(size)
            at(page, f"/story?lang={lang}")
            story = page.locator("article.story")
            expect(story.locator("h1")).to_contain_text(title)
            for figure in figures:
                expect(story).to_contain_text(figure)
            expect(story).not_to_contain_text(unlike)
            expect(story.locator(".links li")).to_have_count(14)
            assert story.locator("svg.map rect").count() > 20
            assert story.locator("svg.map circle").count() > 20
            expect(story.locator(".walks li").first).to_be_visible()
    page.set_viewport_size(DESK)
    assert page.locator("main a[href^='/contracts/']").count() == len(report["contracts"])
    assert len(page.pdf(format="A4", print_background=True)) > 20_000
