"""The page one comes in by: what there is, what waits for the person, what waits by itself, what the person may do.

A record waits for a person whom its own page offers a step onwards; the longest waiting come first. Must never know:
why a step is open. Contract: tests/web/test_overview.py.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from datong.authorise import service as authorise
from datong.deidentify import service as deidentify
from datong.deliver import service as deliver
from datong.ground import jobs, overtaken, signing
from datong.ground.refusal import Refusal, Text
from datong.negotiate import service as negotiate
from datong.price import service as price
from datong.register import service as register
from datong.settle import service as settle
from datong.terms.verbs import VERBS, Verb
from datong.web import acts
from datong.web.pages import PAGES, Door, Page, Section
from datong.web.records import PAGE_ROWS, RECENT, detail, is_cut, rows, takes
from datong.web.visits import Answer, Visit

LOOKED_AT = 40
"""Records of one list that are looked at: some wait for another role."""
SHOWN = 8
"""Of one list."""


ROOMS = (register, authorise, deidentify, price, negotiate, deliver, settle)
"""Those in which records wait for somebody here: each says which, by the view that lists them."""
ENDS = frozenset({"negotiate.end", "authorise.suspend", "authorise.withdraw"})
"""Verbs that end what runs though what it stands on is over: named of such a record."""
ANSWERS = frozenset({"settle.void_invoice", "settle.credit_invoice"})
"""What is done with an invoice that its buyer disputes."""
BILLS = frozenset({"settle.invoice"})
"""What is done with a contract of which uses wait to be billed."""


ON_PAGES = frozenset(
    {
        *(section.view for page in PAGES for section in page.sections),
        *(section.detail.partition(":")[0] for page in PAGES for section in page.sections),
        "harmonise.match", "harmonise.lineage", "harmonise.quality_of", "harmonise.quality_history", "audit.walk",
        "deidentify.release_report", "compose.lineage", "compose.frontiers", "price.fees",
    }
)  # fmt: skip
"""Views that a page of the console shows; the others are asked for by their forms."""
BEGUN = frozenset({"resources", "products", "instruments", "cases", "listings", "contracts"})
"""Pages of which none has a record yet where a node is new."""
FIRST = (
    (Door("register.add_person"), Text("每人一个用户名和角色；登记、审核、定价由不同的人办理。",
     "Each with a login and roles; who registers, reviews and prices are different people.")),
    (Door("register.apply_to_join"), Text("向区域功能节点申请节点编码；此后才能登记、上架、签约。",
     "Ask a function node for this node's code: registering, listing and contracts need it.")),
    (Door("register.declare_resource"), Text("说明有什么数据、来源是否合法、许可条件；随后登记赋码。",
     "Say what data there are, their lawful source and licence; then they are registered and coded.")),
    (Door("harmonise.match", Text("匹配一个数据源", "Match a source"), "/match"),
     Text("看每一列是什么含义，归一到数据标准。", "See what each column means, towards a data standard.")),
    (Door("authorise.draft"), Text("谁可以为何种用途使用哪些数据。", "Who may use which data, for what.")),
    (Door("register.declare_product"), Text("产品由已登记的资源汇成；随后登记、定价、上架。",
     "A product is made of registered resources; then it is registered, priced and listed.")),
    (Door("negotiate.request", Text("检索目录", "Search the catalogue"), "/listings"),
     Text("看其他节点提供什么，向其请求合约。", "See what other nodes offer, and request a contract.")),
)  # fmt: skip
"""What begins a node's work, in the order of the journey, and why."""


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
    askable: dict[str, list[Verb]] = {}
    for name, verb in VERBS.items():
        if verb.changes and visit.actor.has(*verb.roles):
            doable.setdefault(verb.room, []).append(verb)
        elif not verb.changes and name not in ON_PAGES and visit.may(name):
            askable.setdefault(verb.room, []).append(verb)
    cards = [card for page in PAGES if (card := _card(visit, page))]
    with visit.store.read(visit.actor) as tx:
        waiting, waiting_count = jobs.waiting(tx, limit=PAGE_ROWS)
        warnings = overtaken.told(tx)
    shown = {
        "cards": cards,
        "first": first(visit, {card.page.slug for card in cards if card.count and not card.of}),
        "verbs": VERBS,
        "warnings": warnings,
        "due": due(visit),
        "waiting": waiting,
        "waiting_count": waiting_count,
        "doable": doable,
        "askable": askable,
        "recent": visit.view("audit.leaves", limit=RECENT),
    }
    return "overview.html", shown, 200


def first(visit: Visit, filled: Collection[str]) -> list[tuple[Door, Text]] | None:
    """Where a node is new, what the person may begin with; None where its work has begun."""
    if BEGUN & set(filled):
        return None
    with visit.store.read(visit.actor) as tx:
        joined = bool(signing.me(tx).code)
    open_now = [one for one in FIRST if visit.actor.has(*VERBS[one[0].verb].roles)]
    return [(door, why) for door, why in open_now if not (joined and door.verb == "register.apply_to_join")]


def due(visit: Visit) -> list[Due]:
    """What waits for the person, list by list in the order of the console."""
    with visit.store.read(visit.actor) as tx:
        told = [(room, view, found) for room in ROOMS for view, found in room.due(tx, LOOKED_AT).items()]
    keys: dict[str, list[str]] = {}
    for _, view, found in told:
        keys[view] = list(dict.fromkeys([*keys.get(view, []), *found]))
    unbilled = {key for room, view, found in told if (room, view) == (settle, "negotiate.agreements") for key in found}
    mine = {step.partition(".")[0] for step in acts.STEPS | ENDS if visit.may(step)}
    mine |= {"negotiate"} if visit.may("settle.invoice") else set()
    sections = [(page, section) for page in PAGES for section in page.sections if visit.may(section.view)]
    found = [
        _due(visit, page, section, keys.get(section.name, []), unbilled)
        for page, section in sections
        if section.view.partition(".")[0] in mine
    ]
    return [of for of in found if of.rows or of.more]


def _due(visit: Visit, page: Page, section: Section, keys: Sequence[str], unbilled: Collection[str]) -> Due:
    waiting: list[tuple[dict[str, Any], list[Verb]]] = []
    for row in _rows_of(visit, section, keys):
        whole = {**row, **detail(visit, section, row)}
        asking = [found for member, found in acts.of_members(visit, whole) if member["state"] == "applied"]
        offered = [button.verb for found in (acts.buttons(visit, section.view, whole), *asking) for button in found]
        named = acts.STEPS | (ENDS if whole.get("over") else set()) | (BILLS if whole.get("id") in unbilled else set())
        named |= ANSWERS if whole.get("objection") else set()
        steps = [verb for verb in dict.fromkeys(offered) if f"{verb.room}.{verb.name}" in named]
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


@dataclass(frozen=True)
class Card:
    """What a page holds for the person: how many rows `section` has, the first of its lists that has any; `more` where
    nobody counts them and there are more."""

    page: Page
    section: Section
    count: int
    more: bool = False

    @property
    def of(self) -> Text | None:
        """The list that is counted, where it is not the one by which the page is called."""
        return None if self.section is self.page.sections[0] else self.section.title


def _card(visit: Visit, page: Page) -> Card | None:
    """None for a page of which the person may see no list."""
    seen = [section for section in page.sections if visit.may(section.view)]
    for section in seen:
        counted, more = visit.counted(section.counted), False
        if counted is None:
            counted, more = _looked(visit, section)
        if counted:
            return Card(page, section, counted, more)
    return Card(page, seen[0], 0) if seen else None


def _looked(visit: Visit, section: Section) -> tuple[int, bool]:
    """How many rows a list has that nobody counts, up to a page of it, and whether there are more."""
    try:
        found = len(rows(visit, section, **({"limit": PAGE_ROWS + 1} if takes(section, "limit") else {})))
    except Refusal:  # of another kind of node
        return 0, False
    return (min(found, PAGE_ROWS), found > PAGE_ROWS) if takes(section, "limit") else (found, False)
