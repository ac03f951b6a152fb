"""What is published to peers, page by page, to each what it may see (showing): a fixed number of queries a page and a
few for each resource its offers stand on, whatever else the catalogue holds. An offer whose rights are gone is not
published."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from datong.catalogue import rules, store
from datong.catalogue.model import UNKNOWN, ListingState
from datong.catalogue.service.listed import all_shown, offered
from datong.catalogue.service.showing import is_shown, spaces_shared, told_to
from datong.ground.db import Tx

KEPT_HERE = frozenset({"listing", "dataset", "state", "reason", "published_by", "agree", "offered", "spaces"})
"""What a listing says that stays at home."""


def datasets(tx: Tx, ids: list[str] | None = None) -> list[dict[str, Any]]:
    """Live listings for people of this node, all or those with these ids: [{id (dataset code), title, description, ...,
    offers: those open}]."""
    found = store.all_listings(tx, ListingState.live) if ids is None else store.live_called(tx, ids)
    return _published(tx, found, None)


def published_page(tx: Tx, *, to: str, offset: int, limit: int) -> list[dict[str, Any]]:
    """A page, by dataset code, of the live listings that the node `to` may see."""
    shared = spaces_shared(tx, to)
    return _published(tx, store.live_page(tx, offset, limit, shared), shared)


def published_dataset(tx: Tx, dataset: str, *, to: str) -> dict[str, Any]:
    """One of them; UNKNOWN when it is not live, nothing of it is offered, or the node `to` may not see it."""
    row = None if "\0" in dataset else store.live_listing(tx, dataset)  # NUL: PostgreSQL cannot be asked for it
    shown = row is not None and row["state"] == ListingState.live and is_shown(tx, dataset, to)
    found = _published(tx, [row], spaces_shared(tx, to)) if row is not None and shown else []
    if not found or not found[0]["offers"]:
        raise UNKNOWN(zh="目录条目", en="listing of", id=dataset[:80])
    return found[0]


def listings_for(tx: Tx, to: str) -> list[dict[str, Any]]:
    """The live listings that the node `to` may see and of which something is offered, without their offers, by dataset
    code: {dataset, title, description, kind, delivery_form, published_at}."""
    return reported(tx, spaces_shared(tx, to))


def reported(tx: Tx, shared: Collection[str] = ()) -> list[dict[str, Any]]:
    """The same of what is bound to no space, or to one of `shared`."""
    live = store.live_page(tx, 0, None, shared)
    open_ones = offered(tx, live)
    return [_plainly(row) for row in live if row["id"] in open_ones]


def listing_for(tx: Tx, dataset: str, to: str) -> dict[str, Any]:
    """One of them; UNKNOWN otherwise."""
    row = store.live_listing(tx, dataset)
    shown = row is not None and row["state"] == ListingState.live and is_shown(tx, dataset, to)
    if row is None or not shown or not offered(tx, [row]):
        raise UNKNOWN(zh="目录条目", en="listing of", id=dataset[:80])
    return _plainly(row)


def _plainly(row: dict[str, Any]) -> dict[str, Any]:
    names = ("dataset", "title", "description", "kind", "delivery_form", "published_at")
    return {name: row[name] for name in names}


def _published(tx: Tx, found: list[dict[str, Any]], shared: Collection[str] | None) -> list[dict[str, Any]]:
    """shared: the spaces in common with who is told; None for people of this node, who are told all of them."""
    return [
        {
            **_told({name: v for name, v in shown.items() if name not in KEPT_HERE}, at_home=shared is None),
            **told_to(shown["spaces"], shown["spaces"] if shared is None else shared),
            "offers": _open(shown["offers"]),
        }
        for shown in all_shown(tx, found)
    ]


def _told(facts: dict[str, Any], *, at_home: bool) -> dict[str, Any]:
    """A product's figures are of a table that passed the gate; a resource's are of raw rows, and told roughly. Where
    its owner asks for the p% rule, no number of rows is told: beside the exact numbers of all groups it would be what
    is withheld, which may be nearly all one contributor's."""
    if at_home or facts["kind"] != "resource":
        return facts
    by_sums = any(one["terms"].get("p") for one in facts["offers"])
    return rules.roughly({name: fact for name, fact in facts.items() if not (by_sums and name == "rows")})


def _open(offers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: v for name, v in one.items() if name != "missing"} for one in offers if not one["missing"]]
