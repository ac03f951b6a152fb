"""What is published to peers, page by page: two queries a page, whatever the catalogue holds."""

from __future__ import annotations

from typing import Any

from datong.catalogue import store
from datong.catalogue.model import UNKNOWN, ListingState
from datong.catalogue.service.listings import all_shown
from datong.ground.db import Tx

KEPT_HERE = frozenset({"listing", "dataset", "state", "reason", "published_by", "agree"})
"""What a listing says that stays at home."""


def datasets(tx: Tx) -> list[dict[str, Any]]:
    """All live listings as peers see them: [{id (dataset code), title, description, ..., offers: [...]}]."""
    return _published(tx, store.all_listings(tx, ListingState.live))


def published_page(tx: Tx, *, offset: int, limit: int) -> list[dict[str, Any]]:
    """A page of them, by dataset code."""
    return _published(tx, store.live_page(tx, offset, limit))


def published_dataset(tx: Tx, dataset: str) -> dict[str, Any]:
    """One of them; UNKNOWN when it is not live."""
    row = store.live_listing(tx, dataset)
    if row is None or row["state"] != ListingState.live:
        raise UNKNOWN(zh="目录条目", en="listing of", id=dataset[:80])
    return _published(tx, [row])[0]


def _published(tx: Tx, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: v for name, v in shown.items() if name not in KEPT_HERE} for shown in all_shown(tx, found)]
