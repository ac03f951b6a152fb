"""A reviewer at the page of a release, in Chromium: reads the report, signs it, takes the PDF; on a desk and on a
telephone, nothing wrong in the console, nothing wider than the window."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from served import in_chromium, need_chromium, served, wider_by
from test_console import app_of

from datong.ground.db import NODE, Store
from datong.register import service as register
from release_world import released

pytestmark = pytest.mark.browser


@pytest.fixture
def console(store: Store, tmp_path: Path) -> Iterator[tuple[str, str, str]]:
    """(address of the console, a one-time link of its reviewer, the release)."""
    need_chromium()
    pytest.importorskip("reportlab")
    with store.begin(NODE, "start") as tx:
        register.bootstrap_operator(tx, login="op", name="云泰", password=None, department="平台部")
        asker = register.add_person(tx, login="de", name="工程师", roles=["data_engineer"])["id"]
        person = register.add_person(tx, login="re", name="周审核", roles=["reviewer"])["id"]
        token = register.login_link(tx, person=person)["token"]
    release = released(store, tmp_path, asker)
    with served(app_of(store, tmp_path / "s.json")) as address:
        yield address, f"{address}/enter/{token}", release


def test_a_reviewer_signs_a_release(console: tuple[str, str, str]) -> None:
    from playwright.sync_api import expect

    address, link, release = console
    with in_chromium(link) as page:
        page.get_by_role("link", name="风险与放行").first.click()
        page.get_by_role("link", name="P-DAYS").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("今日可交付")
        page.get_by_label("意见（可不填，至多 500 字）").fill("已核对")
        page.get_by_role("button", name="签署此报告").click()
        expect(page.locator("#signatures tbody tr")).to_contain_text("周审核")
        expect(page.locator("#signatures tbody tr")).to_contain_text("已核对")
        with page.expect_download() as got:
            page.get_by_role("link", name="下载 PDF 报告").click()
        assert got.value.suggested_filename == f"risk-{release}.pdf"
        assert Path(got.value.path()).read_bytes().startswith(b"%PDF-")
        for width in (1440, 390):
            page.set_viewport_size({"width": width, "height": 844})
            page.goto(f"{address}/releases/{release}?lang=en")
            expect(page.get_by_role("heading", name="Three attackers")).to_be_visible()
            assert wider_by(page) <= 0, f"wider than {width}"
