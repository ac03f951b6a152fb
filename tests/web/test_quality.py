"""The quality page: figures with both numbers, a chart of the builds, the ways to repair."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette

import datong.app.doors
from asgi import Asgi
from datong.deliver import service as deliver
from datong.ground.db import NODE, Actor, Store
from datong.harmonise import service as harmonise
from datong.register import service as register
from datong.web import console, quality

assert datong.app.doors  # declares all verbs


def row(score: float, accuracy: float, day: int) -> dict[str, Any]:
    return {"score": score, "dimensions": {"accuracy": accuracy}, "at": f"2026-03-{day:02}T00:00:00Z"}


def test_the_chart_places_each_build() -> None:
    drawn = quality.chart([row(1.0, 0.95, 1), row(0.9, 0.85, 2), row(0.95, 0.9, 3)])
    lines = {line.name: line for line in drawn.lines}
    assert set(lines) == {"score", "accuracy"}
    xs = [x for x, _, _ in lines["score"].points]
    assert xs == [quality.LEFT, (quality.LEFT + quality.WIDTH - quality.RIGHT) / 2, quality.WIDTH - quality.RIGHT]
    ys = [y for _, y, _ in lines["score"].points]
    assert ys[0] == quality.TOP
    assert ys[0] < ys[2] < ys[1]
    assert drawn.least == 0.8
    assert [label for _, label in drawn.grid] == ["80%", "85%", "90%", "95%", "100%"]
    assert [day for _, day in drawn.days] == ["2026-03-01", "2026-03-02", "2026-03-03"]


def test_names_of_lines_do_not_lie_on_each_other() -> None:
    same = {"score": 1.0, "dimensions": dict.fromkeys(quality.LINES[1:], 1.0), "at": "2026-03-01T00:00:00Z"}
    places = sorted(line.label_y for line in quality.chart([same]).lines)
    assert len(places) == 7
    assert all(b - a >= 15 for a, b in itertools.pairwise(places))


def test_an_empty_history_and_a_chart_of_noughts() -> None:
    assert quality.chart([]).lines == ()
    assert quality.chart([row(0.0, 0.0, 1)]).lines[0].points[0][1] == quality.HEIGHT - quality.BOTTOM


@pytest.fixture
def browser(store: Store, node_folder: Path, act: Callable[..., Actor]) -> Asgi:
    harmonise.install(store, node_folder)
    named = {
        "businessName": "N",
        "synonyms": [{"synonym": "名<b>", "locale": "zh-CN"}],
        "logicalType": "integer",
        "name": "n",
    }
    standard = {
        "apiVersion": "v3.2.0", "kind": "DataContract", "id": "t", "version": "1.0.0", "status": "active",
        "schema": [{"name": "t", "properties": [named], "quality": [{"name": "many", "metric": "rowCount", "mustBe": 9}]}],
    }  # fmt: skip
    texts = {
        "sources/s.yaml": {"kind": "json", "path": "s.json"}, "standards/t.odcs.yaml": standard,
        "mappings/m.yaml": {"source": "s", "standard": "t", "columns": {"n": {"from": "n", "as": "number"}}},
    }  # fmt: skip
    for path, value in texts.items():
        file = node_folder / "work" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(value), "utf-8")
    for rows in ([{"n": "1"}, {"n": "2"}], [{"n": "1"}, {"n": "x"}, {"n": "3"}]):
        (node_folder / "work" / "s.json").write_text(json.dumps(rows))
        with store.begin(act("data_engineer"), "harmonise") as tx:
            harmonise.build(tx, resource="r-1", workspace="work", mapping="m")
    with store.begin(NODE, "start") as tx:
        register.bootstrap_operator(tx, login="op", name="云泰", password=None, department="平台部")
        engineer = register.add_person(tx, login="de", name="工程师", roles=["data_engineer"])["id"]
        token = register.login_link(tx, person=engineer)["token"]
    client = Asgi(Starlette(routes=console.routes(store, node_folder / "story.json")))
    assert client.post(f"/enter/{token}", headers=HEADERS).status_code == 303
    return client


HEADERS = {"origin": "http://node.test", "sec-fetch-site": "same-origin", "user-agent": "B"}


def test_the_page_shows_figures_history_rules_and_ways_to_repair(browser: Asgi) -> None:
    page = browser.get("/quality/r-1?lang=en", headers=HEADERS)
    assert page.status_code == 200
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.text))
    assert "read 3 = written 2 + quarantined 1" in text
    assert "66.67 %" in text
    assert "not measured" in text
    assert "does not hold" in text
    assert page.text.count("<polyline") >= 3
    assert "名<b>" not in page.text
    for link in (
        "/do/harmonise/repair?build=",
        "/do/harmonise/replay?resource=r-1",
        "/do/harmonise/rows_behind?build=",
    ):
        assert link in page.text


def test_the_columns_of_a_wide_table_are_turned_over(
    browser: Asgi, store: Store, node_folder: Path, act: Callable[..., Actor]
) -> None:
    names = [f"c{n:03}" for n in range(203)]
    kept = json.loads((node_folder / "work/standards/t.odcs.yaml").read_text("utf-8"))
    properties = [{**kept["schema"][0]["properties"][0], "name": name} for name in names]
    columns = {name: {"from": name, "as": "number"} for name in names}
    for path, value in (
        ("standards/w.odcs.yaml", {**kept, "id": "w", "schema": [{"name": "w", "properties": properties}]}),
        ("mappings/w.yaml", {"source": "s", "standard": "w", "columns": columns}), ("s.json", [dict.fromkeys(names, "1")]),
    ):  # fmt: skip
        (node_folder / "work" / path).write_text(json.dumps(value), "utf-8")
    with store.begin(act("data_engineer"), "harmonise") as tx:
        harmonise.build(tx, resource="r-2", workspace="work", mapping="w")
    pages = [browser.get(f"/quality/r-2?lang=en{turn}", headers=HEADERS).text for turn in ("", "&from=200")]
    listed = [re.findall(r'\?at=(c\d{3})"', page) for page in pages]
    assert [*listed[0], *listed[1]] == names
    assert len(listed[0]) == 200
    assert "1–200 / 203" in pages[0]
    assert "201–203 / 203" in pages[1]
    assert re.search(r'href="\?build=build-\w+&amp;from=200#columns">Next', pages[0])


def test_a_chinese_page_tells_every_formula_in_chinese(browser: Asgi) -> None:
    page = browser.get("/quality/r-1?lang=zh", headers=HEADERS).text
    table = page.split("公式")[1].split("</table>")[0]
    rows = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in re.findall(r"<tr>(.*?)</tr>", table, re.DOTALL)]
    told = [cell for row in rows for cell in row[:2]] + re.findall(r'class="number" title="([^"]*)"', page)
    assert len(told) > 16
    assert not [one for one in told if re.search(r"[a-z]{3}", re.sub("<.?small>", "", one))]


def test_a_person_repairs_and_replays_by_the_console(browser: Asgi, store: Store) -> None:
    page = browser.get("/quality/r-1", headers=HEADERS).text
    build = re.search(r"repair\?build=(build-[0-9a-f]+)", page).group(1)  # type: ignore[union-attr]
    done = browser.post(
        "/do/harmonise/repair",
        data={"build": build, "row": "2", "column": "n", "text": "2", "_key": "k1"},
        headers=HEADERS,
    )
    assert "已完成" in browser.get(done.headers["location"], headers=HEADERS).text
    done = browser.post("/do/harmonise/replay", data={"resource": "r-1", "_key": "k2"}, headers=HEADERS)
    assert "已完成" in browser.get(done.headers["location"], headers=HEADERS).text
    with store.read() as tx:
        assert harmonise.current(tx, "r-1")["rows"] == 3
    listed = browser.get("/repairs?lang=en", headers=HEADERS).text
    assert "not_a_number" in listed
    sheet = browser.get(f"/do/harmonise/import_repairs?build={build}", headers=HEADERS).text
    assert '<textarea name="csv"' in sheet


def test_the_page_is_of_the_current_build_and_its_rows(
    browser: Asgi, store: Store, node_folder: Path, act: Callable[..., Actor]
) -> None:
    newest = browser.get("/quality/r-1?lang=en", headers=HEADERS).text
    assert "kind=quarantined&amp;reason=not_a_number" in newest
    build = re.search(r"repair\?build=(build-[0-9a-f]+)", newest).group(1)  # type: ignore[union-attr]
    with store.begin(act("data_engineer"), "deliver") as tx:
        shown = {
            why: deliver.own_rows(tx, resource="r-1", reason=why)["total"] for why in ("not_a_number", "other", None)
        }
    assert shown == {"not_a_number": 1, "other": 0, None: 1}
    (node_folder / "work" / "s.json").write_text(json.dumps([{"n": "1"}, {"n": "2"}]))
    with store.begin(act("data_engineer"), "harmonise") as tx:  # as before: the first build is the current one again
        harmonise.build(tx, resource="r-1", workspace="work", mapping="m")
    page = browser.get("/quality/r-1?lang=en", headers=HEADERS).text
    assert "read 2 = written 2 + quarantined 0" in re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
    other = browser.get(f"/quality/r-1?lang=en&build={build}", headers=HEADERS).text
    assert "not_a_number" in other
    assert "kind=quarantined" not in other, "originals are shown of the current build alone"
    assert "does not hold" not in other


def test_a_resource_that_was_not_built(browser: Asgi) -> None:
    assert "STD-421" in browser.get("/quality/none", headers=HEADERS).text
