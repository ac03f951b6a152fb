"""Tables of catalogue: own listings and offers, datasets harvested from peers.

Contract: tests/catalogue/.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Index,
    Integer,
    String,
    Text,
    bindparam,
    cast,
    exists,
    false,
    null,
    or_,
    select,
    true,
)

from datong.ground.db import EVERY, SOUGHT, Instant, Tx, Window, table
from datong.ground.prepared import Prepared

listings = table(
    "listing",
    Column("dataset", String(80), nullable=False, index=True, info=SOUGHT),
    Column("kind", String(10), nullable=False),  # resource | product
    Column("title", String(200), nullable=False, info=SOUGHT),
    Column("description", Text, nullable=False),
    Column("delivery_form", String(12), nullable=False),
    Column("inputs", JSON, nullable=False),
    Column("facts", JSON, nullable=False),  # what the gates found: schema, quality, risk, registration
    Column("agree", String(10), nullable=False),  # node | person: who answers a request that equals an offer
    Column("state", String(12), nullable=False),
    Column("reason", String(500)),
    Column("published_by", String(80), nullable=False),
    Column("published_at", Instant, nullable=False),
)
offers = table(
    "offer",
    Column("listing", String(80), nullable=False, index=True),
    Column("dataset", String(80), nullable=False),
    Column("purpose", String(40), nullable=False),
    Column("policy", JSON, nullable=False),
    Column("policy_hash", String(80), nullable=False),
    Column("terms", JSON, nullable=False),
    Column("words", JSON, nullable=False),  # {"zh", "en"}: the policy in words
)
listing_spaces = table(
    "listing_space",  # a dataset with rows here is shown to the members of these spaces only, whichever its listing
    Column("dataset", String(80), nullable=False, index=True),
    Column("space", String(80), nullable=False, index=True),
    Column("added_by", String(80), nullable=False),
    Column("at", Instant, nullable=False),
)
harvested = table(
    "harvested_dataset",
    Column("source", String(80), nullable=False),  # node code
    Column("dataset", String(200), nullable=False),
    Column("title", String(400), nullable=False),
    Column("description", Text, nullable=False),
    Column("value", JSON, nullable=False),
    Column("digest", String(80), nullable=False),
    Column("at", Instant, nullable=False),
    Index("ix_harvested_dataset_source", "source", "dataset"),
)
harvests = table(
    "harvest",
    Column("stated", Integer, nullable=False),
    Column("kept", Integer, nullable=False),
    Column("digest", String(80), nullable=False),
    Column("at", Instant, nullable=False),
)
"""id = node code: the last harvest of a peer; stated = kept, or something is wrong."""
reports = table(
    "catalogue_report",  # at a function node: what its members list
    Column("node", String(80), nullable=False, index=True),
    Column("dataset", String(80), nullable=False),
    Column("title", String(200), nullable=False),
    Column("description", Text, nullable=False),
    Column("kind", String(10), nullable=False),
    Column("delivery_form", String(12), nullable=False),
    Column("state", String(10), nullable=False),  # listed | withdrawn
    Column("at", Instant, nullable=False),
)


WORDS_MAX = 60


def live_listing(tx: Tx, dataset: str) -> dict[str, Any] | None:
    """The listing of a dataset that is not withdrawn, or None."""
    return tx.first(_LIVE, dataset=dataset)


_LIVE = Prepared(select(listings).where(listings.c.dataset == bindparam("dataset"), listings.c.state != "withdrawn"))


def all_listings(tx: Tx, *states: str, window: Window = EVERY) -> list[dict[str, Any]]:
    query = select(listings).order_by(listings.c.published_at, listings.c.id)
    if states:
        query = query.where(listings.c.state.in_(states))
    return tx.rows(window.of(query, listings.c.id, listings.c.dataset))


def live_called(tx: Tx, ids: list[str]) -> list[dict[str, Any]]:
    """The live ones of these listings."""
    query = select(listings).where(listings.c.id.in_(ids), listings.c.state == "live").order_by(listings.c.id)
    return tx.rows(query)


def seen_of_own(tx: Tx, dataset: str, words: list[str], purposes: list[str]) -> list[dict[str, Any]]:
    """{id, dataset, title, description, value: facts, purposes} of the live listings (of one dataset) that hold one of
    these words or are offered for one of these purposes; without either all of them, then without their facts."""
    of, sought = listings.c, bool(words or purposes)
    facts = (of.facts if sought else null()).label("value")
    query = select(of.id, of.dataset, of.title, of.description, facts).where(of.state == "live")
    query = query.where(of.dataset == dataset) if dataset else query
    if sought:
        offered = exists().where(offers.c.listing == of.id, offers.c.purpose.in_(purposes))
        query = query.where(or_(_holds(words, of.dataset, of.title, of.description, of.facts), offered))
    found = {row["id"]: {**row, "purposes": list[str]()} for row in tx.rows(query)}
    if sought:
        for one in tx.all(select(offers.c.listing, offers.c.purpose).where(offers.c.listing.in_(select(of.id)))):
            if one.listing in found:
                found[one.listing]["purposes"].append(one.purpose)
    return list(found.values())


def seen_of_others(
    tx: Tx, me: str, dataset: str, words: list[str], purposes: list[str], purpose: str
) -> list[dict[str, Any]]:
    """The same of what was harvested from others, with its whole value where something is sought in it: it names all
    there is to be found by. purpose: only what names that one too."""
    of, sought = harvested.c, bool(words or purposes)
    value = (of.value if sought else null()).label("value")
    query = select(of.id, of.source, of.dataset, of.title, of.description, value).where(of.source != me)
    query = query.where(of.dataset == dataset) if dataset else query
    if sought:
        query = query.where(_holds([*words, *purposes], of.dataset, of.title, of.description, of.value))
    if purpose:
        query = query.where(_holds([purpose], of.value))
    return tx.rows(query)


def _holds(words: list[str], *columns: Column[Any]) -> ColumnElement[bool]:
    """Whether one of these columns contains one of the words, small or capital letters alike; always, where there are
    more words than a database takes in one question: then its rows are looked through elsewhere."""
    if len(words) > WORDS_MAX:
        return true()
    texts = [cast(column, Text) for column in columns]
    return or_(false(), *(text.icontains(word, autoescape=True) for text in texts for word in words))


def live_page(tx: Tx, offset: int, limit: int | None, spaces: Collection[str]) -> list[dict[str, Any]]:
    """Live listings by dataset code that may be shown to a node of these spaces: `rules.visible`, in the database, so
    that what is not shown leaves no gap in a page."""
    query = select(listings).where(listings.c.state == "live").order_by(listings.c.dataset)
    bound = exists().where(listing_spaces.c.dataset == listings.c.dataset)
    query = query.where(or_(~bound, bound.where(listing_spaces.c.space.in_(list(spaces)))))
    return tx.rows(query.offset(offset).limit(limit))


def named_spaces(tx: Tx) -> list[str]:
    """Every space that some listing is bound to."""
    return [row.space for row in tx.all(select(listing_spaces.c.space).distinct())]


def spaces_by_dataset(tx: Tx, datasets: Collection[str]) -> dict[str, list[str]]:
    """The spaces that some datasets are bound to, in one query: dataset -> spaces in order; a free one is left out."""
    if len(datasets) == 1:  # as each negotiation asks
        (dataset,) = datasets
        bound = [row["space"] for row in tx.found(_SPACES_OF, dataset=dataset)]
        return {dataset: bound} if bound else {}
    of: dict[str, list[str]] = {}
    query = select(listing_spaces).where(listing_spaces.c.dataset.in_(list(datasets)))
    for row in tx.all(query.order_by(listing_spaces.c.space)):
        of.setdefault(row.dataset, []).append(row.space)
    return of


_SPACES_OF = Prepared(
    select(listing_spaces).where(listing_spaces.c.dataset == bindparam("dataset")).order_by(listing_spaces.c.space)
)


def offers_by_listing(tx: Tx, found: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The offers of some listings in one query: listing id -> offers by purpose."""
    of: dict[str, list[dict[str, Any]]] = {row["id"]: [] for row in found}
    if len(of) == 1:  # as each negotiation asks
        (listing,) = of
        return {listing: tx.found(_OFFERS_OF, listing=listing)}
    for offer in tx.rows(select(offers).where(offers.c.listing.in_(list(of))).order_by(offers.c.purpose)):
        of[offer["listing"]].append(offer)
    return of


def terms_by_listing(tx: Tx, ids: list[str]) -> dict[str, list[dict[str, Any]]]:
    """{id, dataset, purpose, terms} of the offers of some listings: listing id -> offers by purpose."""
    of: dict[str, list[dict[str, Any]]] = {}
    query = select(offers.c.id, offers.c.listing, offers.c.dataset, offers.c.purpose, offers.c.terms)
    for start in range(0, len(ids), 500):
        part = query.where(offers.c.listing.in_(ids[start : start + 500])).order_by(offers.c.purpose)
        for row in tx.rows(part):
            of.setdefault(row["listing"], []).append(row)
    return of


_OFFERS_OF = Prepared(select(offers).where(offers.c.listing == bindparam("listing")).order_by(offers.c.purpose))


def harvested_called(tx: Tx, ids: list[str]) -> list[dict[str, Any]]:
    """What was harvested under these ids."""
    return tx.rows(select(harvested).where(harvested.c.id.in_(ids)).order_by(harvested.c.id))


def harvested_from(tx: Tx, source: str | None = None) -> list[dict[str, Any]]:
    query = select(harvested).order_by(harvested.c.source, harvested.c.dataset)
    if source is not None:
        query = query.where(harvested.c.source == source)
    return tx.rows(query)
