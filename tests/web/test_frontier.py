"""The frontier: every point in its place, every text escaped, drawn on the product's page in both languages."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from served import in_chromium, need_chromium, served, wider_by
from test_console import app_of

from asgi import Asgi
from datong.compose import service as compose
from datong.ground.db import NODE, Actor, Store
from datong.register import service as register
from datong.register.store import products
from datong.web import frontier

HOSTILE = '"><script>alert(1)</script>'
FRONTIER: dict[str, Any] = {
    "measured_by": HOSTILE, "measured_on": "2026-03-01", "data": "trips of 2019", "target": "starts by area and window",
    "points": [
        {"release": "trip rows", "cost": 0.0, "attack": 0.88, "attack_is": "four points"},
        {"release": "pattern", "k": 5, "cost": 0.01, "interval": [-0.005, 0.02], "attack": 0.14, "attack_is": "of a group"},
        {"release": "pattern", "k": 21, "cost": 0.1, "interval": [0.09, 0.12], "attack": 0.04, "attack_is": "of a group"},
        {"release": HOSTILE, "cost": 0.05, "attack": 0.0, "attack_is": "none was right"},
        {"release": "noise", "epsilon": 1, "cost": 0.2, "interval": [0.18, 0.24]},
        {"release": "noise", "epsilon": 4, "cost": 0.08},
    ],
}  # fmt: skip


def circles(drawn: str) -> list[tuple[str, float, float]]:
    found = re.findall(r'<circle class="(\w+)" cx="([\d.]+)" cy="([\d.]+)"', drawn)
    return [(kind, float(x), float(y)) for kind, x, y in found]


def test_points_stand_by_attack_cost_and_epsilon() -> None:
    rows, five, large, hostile, one, four = circles(frontier.svg(FRONTIER, zh=False))
    assert [p[0] for p in (rows, five, large, hostile, one, four)] == ["rows", "k", "k", "rows", "epsilon", "epsilon"]
    assert hostile[1] < large[1] < five[1] < rows[1] <= frontier.MIDDLE, "the more often right, the further right"
    assert frontier.SECOND < one[1] < four[1] <= frontier.RIGHT
    assert one[2] < large[2] < four[2] < five[2] < rows[2] <= frontier.BOTTOM, "the dearer, the higher"
    assert min(p[2] for p in (one, large)) >= frontier.TOP


@pytest.mark.parametrize("points", [FRONTIER["points"][:1], FRONTIER["points"][4:5], FRONTIER["points"][1:2]])
def test_a_frontier_of_one_point_is_drawn(points: list[dict[str, Any]]) -> None:
    assert len(circles(frontier.svg({**FRONTIER, "points": points}, zh=True))) == 1


def test_texts_are_escaped_and_the_page_alone_has_a_style() -> None:
    drawn = frontier.svg(FRONTIER, zh=True)
    assert "<script" not in drawn and "<style" not in drawn and "隐私预算" in drawn
    alone = frontier.svg(FRONTIER, zh=False, style=frontier.STYLE)
    assert "prefers-color-scheme: dark" in alone


def with_product(store: Store) -> str:
    """A product with a frontier; the one-time token of a person who may look at it."""
    row: dict[str, Any] = {column.name: None if column.nullable else "" for column in products.columns}
    row |= {"id": "product-1", "code": "", "owner": "me", "inputs": [], "delivery_forms": [], "name_zh": "骑行流量"}
    row |= {name: False for name in ("public_data", "personal") if name in row}
    row |= (
        {"licence": {"name": "x", "commercial": True, "derivatives": True, "attribution": ""}}
        if "licence" in row
        else {}
    )
    with store.begin(NODE, "start") as tx:
        register.bootstrap_operator(tx, login="op", name="云泰", password=None, department="平台部")
        person = register.people(tx)[0]["id"]
        tx.add(products, row)
        token = str(register.login_link(tx, person=person)["token"])
    with store.begin(Actor(person, "product_manager", "me", frozenset({"product_manager"})), "compose") as tx:
        compose.attach_frontier(tx, product="product-1", frontier=FRONTIER)
    return token


def test_the_products_page_draws_it_and_says_who_measured(store: Store, tmp_path: Path) -> None:
    token = with_product(store)
    client = Asgi(app_of(store, tmp_path / "story.json"))
    headers = {"origin": "http://node.test", "sec-fetch-site": "same-origin", "user-agent": "B"}
    assert client.post(f"/enter/{token}", headers=headers).status_code == 303
    for lang, words in (("en", "how often an attacker is right"), ("zh", "攻击者猜中的比例")):
        page = client.get(f"/products/product-1?lang={lang}", headers={"user-agent": "B"})
        assert page.status_code == 200 and 'class="frontier"' in page.text and words in page.text
        assert "2026-03-01" in page.text and "+10.0 %" in page.text and "88.0 %" in page.text
        assert "<script" not in page.text and "style=" not in page.text
        assert re.search(r"&lt;script&gt;", page.text)


@pytest.mark.browser
def test_in_chromium_the_points_are_seen_in_their_colours(store: Store, tmp_path: Path) -> None:
    """On a desk and on a telephone, without an error and without scrolling sideways."""
    need_chromium()
    token = with_product(store)
    with (
        served(app_of(store, tmp_path / "s.json")) as address,
        in_chromium(f"{address}/enter/{token}?lang=en", "en-GB") as page,
    ):
        page.goto(f"{address}/products/product-1?lang=en", wait_until="load")
        assert page.locator("svg.frontier circle").count() == 6
        colour = "element => getComputedStyle(element).fill"
        found = {
            page.locator(f"svg.frontier circle.{kind}").first.evaluate(colour) for kind in ("k", "rows", "epsilon")
        }
        assert len(found) == 3 and "rgb(0, 0, 0)" not in found
        assert page.get_by_text("Measured by").is_visible()
        page.set_viewport_size({"width": 390, "height": 844})
        assert wider_by(page) <= 0
