"""The page one comes in by: what there is, what waits for the person, what waits by itself, what the person may do.

A record waits for a person whom its own page offers a step onwards; the longest waiting come first. Must never know:
why a step is open. Contract: tests/web/test_overview.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from datong.authorise import service as authorise
from datong.deidentify import service as deidentify
from datong.deliver import service as deliver
from datong.ground import jobs
from datong.negotiate import service as negotiate
from datong.price import service as price
from datong.register import service as register
from datong.settle import service as settle
from datong.terms.verbs import VERBS, Verb
from datong.web import acts
from datong.web.pages import PAGES, Page, Section
from datong.web.records import PAGE_ROWS, RECENT, detail, is_cut, rows
from datong.web.visits import Answer, Visit

LOOKED_AT = 40
"""Records of one list that are looked at: some wait for another role."""
SHOWN = 8
"""Of one list."""


ROOMS = (register, authorise, deidentify, price, negotiate, deliver, settle)
"""Those in which records wait for somebody here: each says which, by the view that lists them."""
STEPS = frozenset(
    {
        "register.admit_node", "register.decide_identity", "register.submit_case", "register.join_filing",
        "register.accept_case", "register.review_case", "register.publicise_case", "register.code_case",
        "register.apply_to_renew", "register.end_registration",
        "register.settle_objection", "register.decide_member", "deidentify.confirm_classification",
        "deidentify.approve_lowering", "price.publish_fees",
        "authorise.decide_collectively", "authorise.approve", "authorise.sign", "authorise.countersign",
        "authorise.file", "authorise.commence",
        "negotiate.agree", "negotiate.accept", "negotiate.verify", "negotiate.finalize",
        "negotiate.offer", "negotiate.counter", "deliver.start_transfer", "settle.accept_invoice",
        "settle.dispute_invoice", "settle.record_payment", "settle.record_payout",
    }
)  # fmt: skip
"""Verbs that take a record onwards; those that stop, end or undo are on its own page only."""


@dataclass(frozen=True)
class Due:
    """What waits of one list: the rows that are shown, each with its steps, and whether there may be more.

    Steps are named and taken on the record's own page: who decides has it before them."""

    page: Page
    section: Section
    rows: list[tuple[dict[str, Any], list[Verb]]]
    more: bool


def overview(visit: Visit) -> Answer:
    doable: dict[str, list[Verb]] = {}
    for verb in VERBS.values():
        if verb.changes and visit.actor.has(*verb.roles):
            doable.setdefault(verb.room, []).append(verb)
    cards = [{"page": page, "count": _count(visit, page)} for page in PAGES]
    with visit.store.read(visit.actor) as tx:
        waiting, waiting_count = jobs.waiting(tx, besides="app.", limit=PAGE_ROWS)
    shown = {
        "cards": [card for card in cards if card["count"] is not None],
        "due": due(visit),
        "waiting": waiting,
        "waiting_count": waiting_count,
        "doable": doable,
        "recent": visit.view("audit.leaves", limit=RECENT),
    }
    return "overview.html", shown, 200


def due(visit: Visit) -> list[Due]:
    """What waits for the person, list by list in the order of the console."""
    with visit.store.read(visit.actor) as tx:
        keys = {view: keys for room in ROOMS for view, keys in room.due(tx, LOOKED_AT).items()}
    mine = {step.partition(".")[0] for step in STEPS if visit.may(step)}
    sections = [(page, section) for page in PAGES for section in page.sections if visit.may(section.view)]
    found = [
        _due(visit, page, section, keys.get(section.name, []))
        for page, section in sections
        if section.view.partition(".")[0] in mine
    ]
    return [of for of in found if of.rows or of.more]


def _due(visit: Visit, page: Page, section: Section, keys: Sequence[str]) -> Due:
    waiting: list[tuple[dict[str, Any], list[Verb]]] = []
    for row in _rows_of(visit, section, keys):
        whole = {**row, **detail(visit, section, row)}
        asking = [found for member, found in acts.of_members(visit, whole) if member["state"] == "applied"]
        offered = [button.verb for found in (acts.buttons(visit, section.view, whole), *asking) for button in found]
        steps = [verb for verb in dict.fromkeys(offered) if f"{verb.room}.{verb.name}" in STEPS]
        if steps:
            waiting.append((whole, steps))
        if len(waiting) > SHOWN:
            break
    return Due(page, section, waiting[:SHOWN], len(waiting) > SHOWN or len(keys) == LOOKED_AT)


def _rows_of(visit: Visit, section: Section, keys: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The rows of these keys, in their order; one by one of a list that gives one."""
    if is_cut(section):
        for key in keys:
            yield from rows(visit, section, **{section.one: key})
    elif keys:
        listed = {row[section.key]: row for row in rows(visit, section)}
        yield from (listed[key] for key in keys if key in listed)


def _count(visit: Visit, page: Page) -> int | None:
    """How many rows the first list of the page has that the person may see; None where there is none."""
    seen = [section for section in page.sections if visit.may(section.view)]
    if not seen:
        return None
    counted = visit.counted(seen[0].counted)
    return len(rows(visit, seen[0])) if counted is None else counted
