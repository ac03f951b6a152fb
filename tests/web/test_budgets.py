"""The page of privacy budgets: what is spent and left, by whom, line by line, in both languages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from test_console import Browser, app_of, text

import datong.app.doors
from budget_world import COUNT, asked, built, cap, paid
from datong.ground.db import NODE, Store, sqlite_url
from datong.register import service as register

pytest.importorskip("opendp")
assert datong.app.doors  # declares all verbs


@pytest.fixture
def rides(node_folder: Path) -> Iterator[Store]:
    made = built(sqlite_url(node_folder / "datong.db"), node_folder)
    cap(made, None, epsilon="1", delta="0.000001")  # type: ignore[arg-type]
    yield made
    made.dispose()


def test_the_page_tells_what_is_spent_and_by_whom(rides: Store, tmp_path: Path) -> None:
    first = asked(rides, COUNT, "lab-1")
    asked(rides, COUNT, "lab-2")
    owed = paid(rides, {**COUNT, "rows_per_unit": 1}, "lab-2")
    with rides.begin(NODE, "start") as tx:
        register.bootstrap_operator(tx, login="op", name="云泰", password=None, department="平台部")
    browser = Browser(app_of(rides, tmp_path / "story.json"), rides)
    browser.enter("op")
    english = text(browser.get("/budgets?lang=en"))
    for told in ("Privacy budgets", "Spent ε", "Left ε", "Cap ε", "rides", "rider_id", "lab-1", "lab-2", "given again",
                 "paid for, not answered yet", "answered"):  # fmt: skip
        assert told in english, told
    chinese = text(browser.get("/budgets?lang=zh"))
    for told in ("隐私预算", "隐私单位", "已用 ε", "设定上限", "扣减", "再次给出", "已扣减待作答"):
        assert told in chinese, told
    whole = text(browser.get("/budgets/rides?lang=en"))
    assert "lab-2" in whole
    assert "0.02" in whole
    answer = text(browser.get(f"/budgets/{first['release']}?lang=en"))
    assert str(first["rows"][0]["count"]) in answer
    assert browser.get(f"/budgets/{owed['release']}").status_code == 200
