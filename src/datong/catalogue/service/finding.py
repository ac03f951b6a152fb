"""Search over own and harvested listings, and the taking in of peers' catalogues."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import select

from datong.catalogue import rules, store
from datong.catalogue.model import BAD_HARVEST, UNKNOWN, Searched
from datong.catalogue.service.pages import datasets
from datong.ground import evidence, signing
from datong.ground.canonical import digest
from datong.ground.db import Tx
from datong.register import service as register
from datong.terms.policy import PURPOSES
from datong.terms.verbs import view

LOOKED_AT = 200
"""How many of what may have been found are read whole at a time."""


@view()
def find(
    tx: Tx, *, q: str = "", purpose: str | None = None, id: str = "", limit: int | None = None, offset: int = 0
) -> list[dict[str, Any]]:
    """Search the catalogue, own and harvested, in Chinese and English; each hit says why it was found.

    id: one dataset alone, by its code. limit, offset: how many, after how many. Returns [{dataset, source (node code),
    title, description, purposes, prices_fen, offers, spaces, score, why}], best first; spaces: of what only members
    see, the logical spaces we see it in.
    """
    if "\0" in id or "\0" in (purpose or ""):  # which PostgreSQL cannot be asked for, and nothing holds
        return []
    me, wanted = signing.me(tx).code, max(0, offset) + limit if limit is not None else None
    like = rules.tokens(q)
    own = {f"{me}/{row['dataset']}": row for row in store.seen_of_own(tx, id, _words(like), _purposes(like))}
    others = {
        f"{row['source']}/{row['dataset']}": row
        for row in store.seen_of_others(tx, me, id, _words(like), _purposes(like), purpose or "")
    }
    found: list[dict[str, Any]] = []
    order = [key for key, _, _ in rules.ranked(q, [_light(key, row) for key, row in (own | others).items()])]
    for start in range(0, len(order), LOOKED_AT):
        if wanted is not None and len(found) >= wanted:
            break
        part = order[start : start + LOOKED_AT]
        cards = _own_cards(tx, me, [own[key]["id"] for key in part if key in own])
        cards |= _others_cards(tx, [others[key]["id"] for key in part if key in others])
        fitting = [card for key in part if (card := cards.get(key)) and purpose in (None, *card["purposes"])]
        found += [told for card in fitting for told in _told(card, q)]
    return found[max(0, offset) : wanted]


def _words(like: list[str]) -> list[str]:
    """How a text that JSON was written of holds these words, which a column of text holds as they are."""
    return [*like, *(said for word in like if (said := json.dumps(word)[1:-1]) != word)]


def _purposes(like: list[str]) -> list[str]:
    """The purposes that these words speak of by name."""
    named = [Searched(code, (("purposes", f"{p.zh} {p.en}"),)) for code, p in PURPOSES.items()]
    return [code for code, score, _ in rules.ranked(" ".join(like), named) if score]


def _light(key: str, row: dict[str, Any]) -> Searched:
    """What of a dataset is looked through, before its offers are read: all of its purposes, also of offers that are
    closed by now."""
    about = row["value"] or {}
    purposes = row.get("purposes") or [_price(one.get("terms"))[0] for one in about.get("offers", [])]
    return Searched(key, _fields({**row, "purposes": purposes, "value": about}))


def _told(card: dict[str, Any], q: str) -> list[dict[str, Any]]:
    """A hit as it is told, with what of its texts and open offers it was found by; nothing where that is no more."""
    told = {name: part for name, part in card.items() if name not in ("key", "value")}
    ranked = rules.ranked(q, [Searched(card["key"], _fields(card))])
    return [{**told, "score": score, "why": why} for _, score, why in ranked]


def _own_cards(tx: Tx, me: str, listings: list[str]) -> dict[str, dict[str, Any]]:
    found = [_card(me, shown["id"], shown) for shown in datasets(tx, listings) if shown["offers"]]
    return {card["key"]: card for card in found}


def _others_cards(tx: Tx, ids: list[str]) -> dict[str, dict[str, Any]]:
    rows = _still_ours(tx, store.harvested_called(tx, ids))
    seen = [_card(row["source"], row["dataset"], row["value"]) for row in rows]
    over = register.over(tx, [card["dataset"] for card in seen])  # the ledger is heard at once, a catalogue later
    return {card["key"]: card for card in seen if card["dataset"] not in over}


def _still_ours(tx: Tx, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of what was harvested, what this node may still see: a listing for members goes with our membership at once, not
    with the next harvest."""
    bound = {row["id"]: _spaces(row["value"]) for row in rows}
    named = {one for spaces in bound.values() for one in spaces}
    mine = register.own_spaces(tx, named) if named else frozenset()
    return [row for row in rows if rules.visible(bound[row["id"]], mine)]


def _spaces(value: dict[str, Any]) -> list[str]:
    """The spaces a peer named of a listing of its own."""
    spaces = value.get("spaces")
    return [one for one in spaces if isinstance(one, str)] if isinstance(spaces, list) else []


def _card(source: str, dataset: str, value: dict[str, Any]) -> dict[str, Any]:
    offered = value.get("offers", [])
    prices = dict(_price(one.get("terms")) for one in offered)
    return {
        "key": f"{source}/{dataset}", "source": source, "dataset": dataset, "title": value.get("title", ""),
        "description": value.get("description", ""), "purposes": sorted(filter(None, prices)), "prices_fen": prices,
        "offers": offered, "spaces": _spaces(value), "value": value,
    }  # fmt: skip


def _price(terms: Any) -> tuple[str, Any]:
    """(purpose, fen) of an offer's terms, which a peer may have written in any form."""
    told = terms if isinstance(terms, dict) else {}
    tariff = told.get("tariff")
    return str(told.get("purpose", "")), tariff.get("amount_fen") if isinstance(tariff, dict) else None


def _fields(card: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    value = card["value"]
    words = [PURPOSES[purpose] for purpose in card["purposes"] if purpose in PURPOSES]
    schema = value.get("schema") or []
    fields = [f"{c.get('name', '')} {c.get('title', '')}" for c in schema if isinstance(c, dict)]
    keywords = value.get("keywords") or []
    return (
        ("title", card["title"]), ("description", card["description"]), ("fields", " ".join(fields)),
        ("keywords", " ".join(map(str, [*keywords, card["dataset"], value.get("standard") or ""]))),
        ("purposes", " ".join(f"{p.zh} {p.en}" for p in words)),
    )  # fmt: skip


def found_offer(tx: Tx, *, provider: str, dataset: str, offer: str) -> dict[str, Any]:
    """An offer of a dataset as the harvested catalogue of its provider states it: {id, dataset, policy, terms, ...}."""
    for row in _still_ours(tx, store.harvested_called(tx, [_key(provider, dataset)])):
        for one in row["value"]["offers"]:
            if one["id"] == offer:
                return {**one, "terms": one.get("terms", {}), "dataset": row["dataset"]}
    raise UNKNOWN(zh="要约", en="offer", id=offer[:80])


def harvested(tx: Tx, sender: str, datasets: list[dict[str, Any]]) -> dict[str, Any]:
    """Take in what a peer's catalogue says now; repeated, nothing changes; what it no longer says is dropped.

    datasets: [{id, title, description, offers: [{id, policy, terms}], ...}]. Returns {source, stated, kept, changed,
    gone} where stated = kept, or BAD_HARVEST names the first item that is wrong and nothing is taken.
    """
    number = rules.harvest_fault(datasets)
    if number is not None:
        raise BAD_HARVEST(source=sender, number=number)
    wanted = {_key(sender, item["id"]): item for item in datasets}
    held = {row["id"]: row for row in store.harvested_from(tx, sender)}
    changed = [key for key, item in wanted.items() if key not in held or held[key]["digest"] != digest(item)]
    for key in changed:
        _keep(tx, key, sender, wanted[key], known=key in held)
    gone = [key for key in held if key not in wanted]
    for key in gone:
        tx.execute(store.harvested.delete().where(store.harvested.c.id == key))
        evidence.append(tx, "catalogue.harvest_dropped", store.harvested, key, source=sender)
    counts = {"stated": len(datasets), "kept": tx.count(store.harvested, source=sender)}
    _note(tx, sender, digest(sorted(wanted)), counts, fresh=bool(changed or gone))
    return {"source": sender, **counts, "changed": len(changed), "gone": len(gone)}


def _keep(tx: Tx, key: str, source: str, item: dict[str, Any], *, known: bool) -> None:
    row = {
        "source": source, "dataset": item["id"], "title": item.get("title", "")[:400],
        "description": item.get("description", ""), "value": item, "digest": digest(item), "at": tx.now,
    }  # fmt: skip
    if known:
        tx.change(store.harvested, key, **row)
    else:
        tx.add(store.harvested, {"id": key, **row})
    evidence.append(tx, "catalogue.harvested", store.harvested, key, source=source, dataset=item["id"])


def _note(tx: Tx, source: str, content: str, counts: dict[str, int], *, fresh: bool) -> None:
    """The record of the last harvest; a repetition that changes nothing leaves it as it was."""
    row = {**counts, "digest": content, "at": tx.now}
    known = tx.get(store.harvests, source)
    if known is None:
        tx.add(store.harvests, {"id": source, **row})
    elif fresh:
        tx.change(store.harvests, source, **row)
    else:
        return
    evidence.append(tx, "catalogue.peer_harvested", store.harvests, source, **counts)


@view()
def peers(tx: Tx) -> list[dict[str, Any]]:
    """The peers whose catalogues were harvested: how many datasets they stated, how many are kept, when."""
    rows = tx.rows(select(store.harvests).order_by(store.harvests.c.id))
    return [{"source": row["id"], **{n: v for n, v in row.items() if n != "id"}} for row in rows]


def _key(source: str, dataset: str) -> str:
    return digest([source, dataset])
