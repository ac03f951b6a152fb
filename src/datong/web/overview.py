"""The page one comes in by: what there is, what waits for the person, what waits by itself, what the person may do.

A record waits for a person whom its own page offers a step onwards; the longest waiting come first. Must never know:
why a step is open. Contract: tests/web/test_overview.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Table, select

from datong.ground import jobs
from datong.ground.db import metadata
from datong.terms.verbs import VERBS, Verb
from datong.web import acts
from datong.web.pages import COUNTED, PAGES, Page, Section
from datong.web.records import PAGE_ROWS, RECENT, detail, is_cut, rows
from datong.web.visits import Answer, Visit

LOOKED_AT = 40
"""Records of one list that are looked at: some wait for another side or role."""
SHOWN = 8
"""Of one list."""


@dataclass(frozen=True)
class Open:
    """Which rows of a list's table may wait for somebody, by the column that tells since when."""

    since: str
    rows: Callable[[Table], ColumnElement[bool]]


def _in(*states: str) -> Callable[[Table], ColumnElement[bool]]:
    return lambda table: table.c.state.in_(states)


OPEN: dict[str, Open] = {
    "register.join_applications": Open("applied_at", _in("applied")),
    "register.identities": Open("at", _in("applied")),
    "register.cases": Open(
        "since", _in("DRAFT", "SUBMITTED", "SUPPLEMENT_REQUESTED", "ACCEPTED", "REVIEWED", "PUBLICISED")
    ),
    "authorise.instruments": Open(
        "changed_at", _in("DRAFT", "COLLECTIVE_DECISION", "APPROVED", "OFFERED", "SIGNED", "MAJOR_CHANGE")
    ),
    "negotiate.negotiations": Open("changed_at", _in("REQUESTED", "OFFERED", "ACCEPTED", "AGREED", "VERIFIED")),
    "deliver.transfers": Open("at", _in("REQUESTED")),
    "settle.invoices": Open("issued_at", _in("RECEIVED", "ACCEPTED", "DISPUTED")),
    "settle.statements": Open("at", lambda table: table.c.paid_fen < table.c.share_fen),
}
"""View of a list -> its rows that may wait, each as the view itself shows them to the person."""
STEPS = frozenset(
    {
        "register.admit_node", "register.decide_identity", "register.submit_case", "register.join_filing",
        "register.accept_case", "register.review_case", "register.publicise_case", "register.code_case",
        "authorise.decide_collectively", "authorise.approve", "authorise.sign", "authorise.countersign",
        "authorise.file", "negotiate.agree", "negotiate.accept", "negotiate.verify", "negotiate.finalize",
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
    found = []
    for page in PAGES:
        for section in page.sections:
            if section.view in OPEN and visit.may(section.view) and (of := _due(visit, page, section)).rows:
                found.append(of)
    return found


def _due(visit: Visit, page: Page, section: Section) -> Due:
    table, of = metadata.tables[COUNTED[section.view][0]], OPEN[section.view]
    asked = select(table.c.id).where(of.rows(table)).order_by(table.c[of.since], table.c.id).limit(LOOKED_AT)
    with visit.store.read(visit.actor) as tx:
        keys = [row.id for row in tx.all(asked)]
    waiting: list[tuple[dict[str, Any], list[Verb]]] = []
    for row in _rows_of(visit, section, keys):
        whole = {**row, **detail(visit, section, row)}
        offered = [button.verb for button in acts.buttons(visit, section.view, whole)]
        steps = [verb for verb in offered if _is_step(verb, whole)]
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


def _is_step(verb: Verb, row: dict[str, Any]) -> bool:
    """Whether the verb takes the row onwards now: a publicity lasts its days first."""
    lasts = row.get("deadline")
    public = isinstance(lasts, dict) and lasts["holder"] == "public" and not lasts["overdue"]
    return f"{verb.room}.{verb.name}" in STEPS and not public


def _count(visit: Visit, page: Page) -> int | None:
    """How many rows the first list of the page has that the person may see; None where there is none."""
    seen = [section for section in page.sections if visit.may(section.view)]
    if not seen:
        return None
    counted = visit.counted(seen[0].view)
    return len(rows(visit, seen[0])) if counted is None else counted
