"""A data engineer at the page of a match, in Chromium: looks, chooses, confirms all that is sure; on a desk and on a
telephone, by keyboard, with no script of ours, nothing wrong in the console, nothing wider than the window."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from served import in_chromium, need_chromium, served, wider_by
from test_console import app_of

from datong.ground.db import NODE, Store
from datong.harmonise import service as harmonise
from datong.register import service as register

pytestmark = pytest.mark.browser
ASKED = "workspace=work&source=cars&standard=transport"


@pytest.fixture
def console(store: Store, node_folder: Path, tmp_path: Path) -> Iterator[str]:
    """The address at which the console of a node answers, with a one-time link of its data engineer."""
    need_chromium()
    harmonise.install(store, node_folder)
    work = node_folder / "work"
    (work / "sources").mkdir(parents=True)
    (work / "sources" / "cars.yaml").write_text("kind: csv\npath: cars.csv\n", "utf-8")
    header = [
        "cph",
        "车辆识别代号",
        "gmrq_x",
        "某个名称非常非常长的字段_with_a_very_long_name_indeed",
        *(f"c{n}" for n in range(60)),
    ]
    row = ["贵A4F7K2", "LSVAA4182E2184847", "20240105", "x", *("1" for _ in range(60))]
    (work / "cars.csv").write_text("\n".join([",".join(header), *[",".join(row)] * 20]) + "\n", "utf-8")
    with store.begin(NODE, "start") as tx:
        register.bootstrap_operator(tx, login="op", name="云泰", password=None, department="平台部")
        person = register.add_person(tx, login="de", name="工程师", roles=["data_engineer"])["id"]
        token = register.login_link(tx, person=person)["token"]
    with served(app_of(store, tmp_path / "s.json")) as address:
        yield f"{address}/enter/{token}"


def test_an_engineer_confirms_columns(console: str, store: Store) -> None:
    from playwright.sync_api import expect

    address = console.rpartition("/enter/")[0]
    with in_chromium(console) as page:
        page.get_by_role("link", name="字段含义").first.click()
        page.get_by_role("link", name="匹配一个数据源").click()
        for name, value in (("workspace", "work"), ("source", "cars"), ("standard", "transport")):
            page.locator(f"input[name={name}]").fill(value)
        page.get_by_role("button", name="匹配", exact=True).click()
        expect(page.locator("tbody tr")).to_have_count(64)
        assert "贵A4F7K2" not in page.content()
        page.get_by_label("对 gmrq_x 的决定").focus()
        page.locator("[name='say:gmrq_x']").select_option(index=1)
        page.get_by_role("button", name="保存，并确认所有把握充分的").click()
        expect(page.get_by_role("status")).to_contain_text("已记住")
        expect(page.locator("tr", has_text="车辆识别代号").first).to_contain_text("本节点已确认过")
        for width in (1440, 390):
            page.set_viewport_size({"width": width, "height": 844})
            page.goto(f"{address}/match?{ASKED}&lang=en")
            expect(page.get_by_role("heading", level=1)).to_have_text("Match columns")
            assert wider_by(page) <= 0, f"wider than {width}"
    with store.read() as tx:
        said = {row["column"]: row["said"] for row in harmonise.synonyms(tx)}
    assert said["车辆识别代号"] == said["gmrq_x"] == "confirmed"
