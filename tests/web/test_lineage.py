"""The lineage page: small and usable with a thousand columns; a focus shows a column with its neighbours."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from served import in_chromium, need_chromium, served, wider_by
from test_console import app_of

from asgi import Asgi
from datong.compose import store as versions
from datong.ground.db import NODE, Actor, Store
from datong.harmonise import service as harmonise
from datong.harmonise.model.lineage import as_json
from datong.harmonise.rules.lineage import lineage_of
from datong.harmonise.rules.workspace import mapping_of
from datong.harmonise.store import accounts, builds
from datong.register import service as register
from datong.web import console, lineage

EXAMPLE = Path(__file__).parents[2] / "examples" / "city-mobility"
COLUMNS = 1000
PAGE_BYTES_MAX = 60_000
HOSTILE = '"><script>alert(1)</script>'


def prop(name: str) -> dict[str, Any]:
    named = {
        "name": name,
        "businessName": f"Element {name}",
        "synonyms": [{"synonym": f"元素{name}", "locale": "zh-CN"}],
    }
    return {**named, "logicalType": "string", "physicalType": "X"}


@functools.cache
def wide() -> dict[str, Any]:
    """A thousand elements, two of each source column, half of them looked up in a second table."""
    names = [f"e{n:04}" for n in range(COLUMNS)]
    texts = {
        "sources/s.yaml": {"kind": "database", "path": "d.db", "tables": {"facts": "id", "looked": "id"}},
        "standards/t.odcs.yaml": {
            "apiVersion": "v3.2.0", "kind": "DataContract", "id": "t", "version": "1.0.0", "status": "active",
            "schema": [{"name": "t", "properties": [prop(name) for name in names]}],
        },
        "mappings/m.yaml": {
            "source": "s", "standard": "t", "table": "facts",
            "joins": [{"table": "looked", "on": {"facts.key": "looked.id"}}],
            "columns": {n: f"{'facts' if k % 2 else 'looked'}.c{k // 4:04}" for k, n in enumerate(names)},
        },
    }  # fmt: skip
    found, problems = mapping_of(texts, "m")
    assert found is not None, problems
    return as_json(lineage_of(found))


def console_with_wide(store: Store) -> str:
    """A node that built the wide table; the one-time token of a person."""
    empty = dict.fromkeys((c.name for c in builds.builds.columns), "")
    lists = {
        "reasons": {},
        "reasons_by_column": [],
        "repairs": [],
        "quality": {"grade": "A"},
        "elements": [],
        "files": {},
    }
    row = {**empty, **lists, "id": "build-" + "0" * 32, "seq": 1, "resource": "wide-1", "state": "built",
           "read": 1, "harmonised": 1, "quarantined": 0}  # fmt: skip
    with store.begin(NODE, "start") as tx:
        tx.add(builds.builds, row)
        builds.point_to(tx, "wide-1", row["id"])
        tx.add(accounts.accounts, {"id": row["id"], "workspace": "w", "data": None, "contract": {}, "lineage": wide(),
                                   "columns": [], "rules": [], "repaired": {}})  # fmt: skip
        register.bootstrap_operator(tx, login="op", name="云泰", password=None, department="平台部")
        return str(register.login_link(tx, person=register.people(tx)[0]["id"])["token"])


@pytest.fixture
def browser(store: Store, tmp_path: Path) -> Iterator[Asgi]:
    """A person at the console of a node that built the wide table."""
    token = console_with_wide(store)
    from starlette.applications import Starlette

    client = Asgi(Starlette(routes=console.routes(store, tmp_path / "story.json")))
    headers = {"origin": "http://node.test", "sec-fetch-site": "same-origin", "user-agent": "B"}
    assert client.post(f"/enter/{token}", headers=headers).status_code == 303
    yield client


def shown(browser: Asgi, query: str = "", lang: str = "en") -> str:
    answer = browser.get(f"/lineage/wide-1?lang={lang}{query}", headers={"user-agent": "B"})
    assert answer.status_code == 200
    assert len(answer.content) < PAGE_BYTES_MAX, f"{len(answer.content)} bytes"
    assert "<script" not in answer.text
    return str(answer.text)


def test_a_thousand_columns_make_a_small_page(browser: Asgi) -> None:
    page = shown(browser)
    assert "1,000" in page
    assert page.count("<rect") == 3, "tables and the resource: columns are collapsed"
    assert page.count("<tr>") == 1 + lineage.LISTED
    assert "e0000" in page
    assert "e0060" not in page
    assert "e0060" in shown(browser, "&from=60")


def test_a_search_finds_elements_and_source_columns(browser: Asgi) -> None:
    assert "e0777" in shown(browser, "&find=e0777")
    assert set(re.findall(r"\?at=(e\d+)", shown(browser, "&find=facts.c0123"))) == {"e0493", "e0495"}
    assert "e0042" in shown(browser, "&find=元素e0042")
    assert "No element matches" in shown(browser, "&find=zzz")


def test_a_focus_shows_an_element_with_its_neighbours(browser: Asgi) -> None:
    page = shown(browser, "&at=e0494")
    boxes = re.findall(r'<g class="(focus|)"><title>(\S+)', page)
    assert boxes == [
        ("", "looked.c0123"), ("", "facts.key"), ("", "looked.id"), ("focus", "e0494"), ("", "e0492"),
    ]  # fmt: skip
    assert page.count('class="direct"') == 2
    assert page.count('class="indirect"') == 4


def test_a_focus_on_a_source_column_shows_what_it_feeds_and_says_what_is_not_drawn(browser: Asgi) -> None:
    page = shown(browser, "&of=facts.key")  # the key of the look-up has a part in 500 elements
    assert page.count("<rect") == 1 + lineage.LISTED
    assert "Not drawn: 440." in page
    assert shown(browser, "&of=facts.c0000").count("<rect") == 3


@pytest.mark.parametrize(
    "query", [f"&find={HOSTILE}", f"&at={HOSTILE}", f"&of={HOSTILE}", "&from=-1", "&from=x", "&from=²"]
)
def test_hostile_questions_are_text(browser: Asgi, query: str) -> None:
    assert "<script" not in shown(browser, query)


def test_a_resource_that_was_not_built_is_refused(browser: Asgi) -> None:
    answer = browser.get(f"/lineage/{HOSTILE.replace('/', '')}", headers={"user-agent": "B"})
    assert answer.status_code == 404
    assert "STD-421" in answer.text
    assert "<script" not in answer.text


def test_the_lineage_of_the_wide_table_is_what_the_room_keeps(browser: Asgi, store: Store) -> None:
    with store.read(Actor("", "node")) as tx:
        assert len(harmonise.lineage(tx, resource="wide-1")["fields"]) == COLUMNS


def test_the_page_of_a_product_leads_from_figures_to_elements(browser: Asgi, store: Store) -> None:
    """Its resources are the tables, their elements the columns; each that was built here leads on to its own page."""
    value = yaml.safe_load((EXAMPLE / "facts/mobility-flows.yaml").read_text("utf-8"))
    for part in value["parts"]:
        part["resource"] = "wide-1" if part is value["parts"][0] else f"R-{part['part']}"
    row = {
        "id": "flows/1", "product": "flows", "version": 1, "partition": "p", "recipe": value, "path": "x", "digest": "d",
        "rows": 7, "recipient_group": "g", "risk": {}, "kept": {}, "account": {}, "inputs": [],
    }  # fmt: skip
    with store.begin(NODE, "start") as tx:
        tx.add(versions.versions, {**row, "at": tx.now})
    answer = browser.get("/lineage/flows?lang=en", headers={"user-agent": "B"})
    assert answer.status_code == 200 and "Recipe" in answer.text
    part = value["parts"][0]
    measure = part["measures"][0]
    assert 'href="/lineage/wide-1"' in answer.text
    elsewhere = value["parts"][1]["resource"]
    assert elsewhere in answer.text
    assert f'href="/lineage/{elsewhere}"' not in answer.text, "it was built at another node"
    assert measure["subjects_as"] in answer.text and f"{part['resource']}.{measure['subject']}" in answer.text
    focus = browser.get(f"/lineage/flows?lang=en&at={measure['subjects_as']}", headers={"user-agent": "B"})
    assert 'class="direct"' in focus.text and 'class="indirect"' in focus.text
    assert browser.get("/lineage/none", headers={"user-agent": "B"}).status_code == 404


@pytest.mark.browser
def test_a_thousand_columns_in_chromium(store: Store, tmp_path: Path) -> None:
    """Drawn, searched and focused in Chromium, on a desk and on a telephone; a page never draws more than it shows."""
    need_chromium()
    token = console_with_wide(store)
    with (
        served(app_of(store, tmp_path / "s.json")) as address,
        in_chromium(f"{address}/enter/{token}?lang=en", "en-GB") as page,
    ):
        for name, query, boxes in (
            ("whole", "", 3), ("search", "&find=e0777", 3), ("element", "&at=e0494", 5), ("column", "&of=facts.key", 61),
        ):  # fmt: skip
            page.goto(f"{address}/lineage/wide-1?lang=en{query}", wait_until="load")
            assert page.locator("svg.lineage rect").count() == boxes, name
        page.goto(f"{address}/lineage/wide-1?lang=en")
        page.locator("input[name=find]").fill("e0999")
        page.get_by_role("button", name="Find").click()
        page.get_by_role("link", name="e0999").click()
        assert page.locator("svg.lineage g.focus").count() == 1
        page.set_viewport_size({"width": 390, "height": 844})
        assert wider_by(page) <= 0
