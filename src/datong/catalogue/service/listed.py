"""What is listed here: listings with their offers, and what is missing of what each offer stands on."""

from __future__ import annotations

from typing import Any

from datong.authorise import service as authorise
from datong.catalogue import store
from datong.catalogue.model import UNKNOWN, ListingState
from datong.catalogue.service import showing
from datong.ground import signing
from datong.ground.db import Tx, Window
from datong.register import service as register
from datong.terms.verbs import view


def offer(tx: Tx, offer_id: str, *, to: str | None = None) -> dict[str, Any]:
    """{id, dataset, purpose, policy (JSON), policy_hash, terms, words, listing, state}; state "live" may be agreed.

    to: the node that asks for it; one that may not see its listing gets UNKNOWN, as for an offer that never was.
    """
    row = tx.get(store.offers, offer_id)
    if row is None or (to is not None and not showing.is_shown(tx, row["dataset"], to)):
        raise UNKNOWN(zh="要约", en="offer", id=offer_id[:80])
    of = tx.get(store.listings, row["listing"])
    assert of is not None
    about = {name: of[name] for name in ("id", "title", "kind", "agree", "state")}
    return {**row, "listing": about, "agree": of["agree"], "state": of["state"]}


def offers_of(tx: Tx, dataset: str) -> list[dict[str, Any]]:
    """The live offers of a dataset, one per purpose."""
    row = store.live_listing(tx, dataset)
    if row is None or row["state"] != ListingState.live:
        return []
    return [offer(tx, found["id"]) for found in store.offers_by_listing(tx, [row])[row["id"]]]


def listing_state(tx: Tx, dataset: str) -> str:
    """ "live", "suspended" or "withdrawn": the state of the latest listing of a dataset; "" without one."""
    current = store.live_listing(tx, dataset)
    if current is not None:
        return str(current["state"])
    past = store.all_listings(tx, window=Window(dataset))
    return str(past[-1]["state"]) if past else ""


def live_kind(tx: Tx, dataset: str) -> str:
    """ "resource" or "product" of a dataset whose listing is live; "" without one."""
    current = store.live_listing(tx, dataset)
    return str(current["kind"]) if current is not None and current["state"] == ListingState.live else ""


@view()
def listing(tx: Tx, *, dataset: str) -> dict[str, Any]:
    """One listing: schema, quality, risk, prices, and each offer's policy in words."""
    return shown(tx, live(tx, dataset))


@view()
def listings(
    tx: Tx, *, state: str | None = None, id: str = "", q: str = "", limit: int | None = None, offset: int = 0
) -> list[dict[str, Any]]:
    """The listings of this node, oldest first.

    id: those of one dataset. q: those whose title or code contains it. limit, offset: how many, after how many.
    """
    window = Window(id, limit, offset, register.sought(q))
    return all_shown(tx, store.all_listings(tx, *([state] if state else []), window=window))


def shown(tx: Tx, row: dict[str, Any]) -> dict[str, Any]:
    return all_shown(tx, [row])[0]


def all_shown(tx: Tx, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Listings with what their gates found and their offers; the offers are read in one query, however many.

    `missing` of an offer: the rights it stands on that are gone since it was listed; such an offer is not offered.
    spaces: the logical spaces whose members alone see it; none: every node does.
    """
    me, offered = signing.me(tx), store.offers_by_listing(tx, found)
    bound = store.spaces_by_dataset(tx, [row["dataset"] for row in found])
    kept = ("id", "dataset", "purpose", "policy", "policy_hash", "terms", "words")
    missing = _missing(tx, [one for offers in offered.values() for one in offers])
    return [
        {
            **{name: value for name, value in row.items() if name not in ("id", "facts")}, **row["facts"],
            "id": row["dataset"], "listing": row["id"], "provider": me.code, "provider_name": me.name,
            "spaces": bound.get(row["dataset"], []),
            "offered": row["state"] == ListingState.live and not all(missing[one["id"]] for one in offered[row["id"]]),
            "offers": [
                {**{name: one[name] for name in kept}, "missing": missing[one["id"]]} for one in offered[row["id"]]
            ],
        }
        for row in found
    ]  # fmt: skip


def offered(tx: Tx, found: list[dict[str, Any]]) -> set[str]:
    """The ids of these live listings of which something is offered; of the offers their terms alone are read."""
    terms = store.terms_by_listing(tx, [row["id"] for row in found])
    missing = _missing(tx, [one for offers in terms.values() for one in offers])
    return {row["id"] for row in found if not all(missing[one["id"]] for one in terms.get(row["id"], []))}


def _missing(tx: Tx, offers: list[dict[str, Any]]) -> dict[str, list[dict[str, str]]]:
    """Offer id -> what is missing of what it stands on, its own registration included, whose it is and the fix."""
    uses = [(one["terms"].get("inputs") or [one["dataset"]], one["purpose"]) for one in offers]
    found = authorise.clearances(tx, uses, act="list")
    made = {one["dataset"] for one, (inputs, _) in zip(offers, uses, strict=True) if one["dataset"] not in inputs}
    itself = {dataset: authorise.unregistered(tx, dataset) for dataset in register.over(tx, sorted(made))}
    return {
        one["id"]: [{"where": p.where, "zh": p.zh, "en": p.en} for p in (*itself.get(one["dataset"], ()), *problems)]
        for one, problems in zip(offers, found, strict=True)
    }


def live(tx: Tx, dataset: str) -> dict[str, Any]:
    row = store.live_listing(tx, dataset)
    if row is None:
        raise UNKNOWN(zh="目录条目", en="listing of", id=dataset[:80])
    return row
