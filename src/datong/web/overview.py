"""The page one comes in by: what there is, what waits for the person, what waits by itself, what the person may do.

A record waits for a person whom its own page offers a step onwards; the longest waiting come first. Must never know:
why a step is open. Contract: tests/web/test_overview.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from datong.ground import clock, jobs
from datong.ground.db import metadata
from datong.terms.verbs import VERBS, Verb
from datong.web import acts
from datong.web.pages import COUNTED, PAGES, Page, Section
from datong.web.records import PAGE_ROWS, RECENT, detail, is_cut, rows
from datong.web.visits import Answer, Visit

Columns = ReadOnlyColumnCollection[str, Any]
LOOKED_AT = 40
"""Records of one list that are looked at: some wait for another role."""
SHOWN = 8
"""Of one list."""


@dataclass(frozen=True)
class Now:
    """For whom and when: what this side is called (Visit.sides), the business time."""

    sides: frozenset[str]
    at: datetime

    def days_ago(self, days: int) -> str:
        return clock.text(self.at - timedelta(days=days))


@dataclass(frozen=True)
class Open:
    """Which rows of a list's table may wait for somebody here, by the column that tells since when."""

    since: str
    rows: Callable[[Columns, Now], ColumnElement[bool]]


def _negotiations(of: Columns, _now: Now) -> ColumnElement[bool]:
    ours = and_(of.side == "provider", of.state.in_(("REQUESTED", "ACCEPTED", "VERIFIED")))
    return or_(ours, and_(of.side == "consumer", of.state.in_(("OFFERED", "AGREED"))))


def _cases(of: Columns, now: Now) -> ColumnElement[bool]:
    """A publicity of ten working days lasts fourteen at the least."""
    registry = or_(
        of.state.in_(("SUBMITTED", "ACCEPTED", "REVIEWED")),
        and_(of.state == "PUBLICISED", of.publicised_at < now.days_ago(14)),
    )
    return or_(of.state.in_(("DRAFT", "SUPPLEMENT_REQUESTED")), and_(of.side != "applicant", registry))


def _invoices(of: Columns, now: Now) -> ColumnElement[bool]:
    bought = and_(of.state.in_(("RECEIVED", "DISPUTED")), of.buyer_party.in_(now.sides))
    return or_(bought, of.state == "ACCEPTED")


def _instruments(of: Columns, now: Now) -> ColumnElement[bool]:
    granted = of.state.in_(("DRAFT", "COLLECTIVE_DECISION", "APPROVED", "SIGNED", "MAJOR_CHANGE"))
    taken = and_(of.state == "OFFERED", of.grantee_party.in_(now.sides))
    return or_(and_(granted, of.grantor_party.in_(now.sides)), taken)


OPEN: dict[str, Open] = {
    "register.join_applications": Open("applied_at", lambda of, now: of.state == "applied"),
    "register.identities": Open("at", lambda of, now: and_(of.state == "applied", of.decider.in_(now.sides))),
    "register.cases": Open("since", _cases),
    "authorise.instruments": Open("changed_at", _instruments),
    "negotiate.negotiations": Open("changed_at", _negotiations),
    "deliver.transfers": Open("at", lambda of, now: and_(of.state == "REQUESTED", of.side == "provider")),
    "settle.invoices": Open("issued_at", _invoices),
    "settle.statements": Open("at", lambda of, now: and_(of.direction != "own", of.paid_fen < of.share_fen)),
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
    of, open_ = metadata.tables[COUNTED[section.view][0]].c, OPEN[section.view]
    with visit.store.read(visit.actor) as tx:
        may_wait = open_.rows(of, Now(visit.sides, tx.business_now))
        asked = select(of.id).where(may_wait).order_by(of[open_.since], of.id).limit(LOOKED_AT)
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
