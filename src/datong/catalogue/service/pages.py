"""What is published to peers, page by page: a fixed number of queries a page and a few for each resource its offers
stand on, whatever else the catalogue holds. An offer whose rights are gone is not published."""

from __future__ import annotations

from typing import Any

from datong.catalogue import store
from datong.catalogue.model import UNKNOWN, ListingState
from datong.catalogue.service.listings import all_shown
from datong.ground.db import Tx

KEPT_HERE = frozenset({"listing", "dataset", "state", "reason", "published_by", "agree", "offered"})
"""What a listing says that stays at home."""


def datasets(tx: Tx) -> list[dict[str, Any]]:
    """All live listings as peers see them: [{id (dataset code), title, description, ..., offers: those open now}]."""
    return _published(tx, store.all_listings(tx, ListingState.live))


def published_page(tx: Tx, *, offset: int, limit: int) -> list[dict[str, Any]]:
    """A page of them, by dataset code."""
    return _published(tx, store.live_page(tx, offset, limit))


def published_dataset(tx: Tx, dataset: str) -> dict[str, Any]:
    """One of them; UNKNOWN when it is not live or nothing of it is offered."""
    row = store.live_listing(tx, dataset)
    found = _published(tx, [row]) if row is not None and row["state"] == ListingState.live else []
    if not found or not found[0]["offers"]:
        raise UNKNOWN(zh="目录条目", en="listing of", id=dataset[:80])
    return found[0]


def _published(tx: Tx, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {**{name: v for name, v in shown.items() if name not in KEPT_HERE}, "offers": _open(shown["offers"])}
        for shown in all_shown(tx, found)
    ]


def _open(offers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: v for name, v in one.items() if name != "missing"} for one in offers if not one["missing"]]
