"""The pages that show: lists, one record, a contract, a registration case, the story.

Contract: tests/web/test_console.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.responses import RedirectResponse, Response

from datong.deliver import service as deliver
from datong.ground.refusal import Kind, Reason, Refusal, Text
from datong.terms import policy
from datong.terms.verbs import VERBS
from datong.web import acts, frontier, releases, story, words
from datong.web.api import STATUS, arguments_model
from datong.web.pages import COUNTED, OLDEST_FIRST, Page, Section
from datong.web.visits import Answer, Visit

PAGE_ROWS = 50
LONGEST_ASKED = 200
"""Characters of what a list is asked for."""
CONTRACTS = "negotiate.agreements"
RECENT = 8
"""Of what a page of something else tells."""

NO_RECORD = Reason(
    "GEN-405",
    Kind.unknown,
    Text("没有这条记录。", "There is no such record."),
    Text("本节点的「{page_zh}」中没有 {id}；它可能存于另一个节点。",
         "{page_en} of this node holds no {id}; another node may hold it."),
    Text("请从列表中打开，或核对链接。", "Open it from the list, or check the link."),
)  # fmt: skip
NO_STORY = Reason(
    "GEN-406",
    Kind.unknown,
    Text("本节点没有全程故事。", "This node has no story."),
    Text("故事由演示程序在全程走完后写入数据集团的节点。",
         "A demonstration writes it to the data group's node when its journey is done."),
    Text("请运行 make demo。", "Run make demo."),
)  # fmt: skip


# --- lists --------------------------------------------------------------------------------------------------------


def rows(visit: Visit, section: Section, **asked: Any) -> list[dict[str, Any]]:
    """The rows of a section's view, as it is asked."""
    found = _in(visit.view(section.view, **asked), section.part)
    return [row if isinstance(row, dict) else {"value": row} for row in found]


def _in(answer: Any, part: str) -> list[Any]:
    """The rows of an answer: it itself, or this part of it."""
    return list(answer[part] if part else answer)


def is_cut(section: Section) -> bool:
    """Whether the section's view gives a part of its rows, cut in the database."""
    return section.counted is not None and takes(section, "limit")


def takes(section: Section, argument: str) -> bool:
    """Whether the section's view may be asked with this argument."""
    return argument in arguments_model(VERBS[section.view]).model_fields


def records(page: Page) -> Callable[[Visit], Answer]:
    """The handler of a page's lists, of those that the person may see; where that is none, it says so."""

    def show(visit: Visit) -> Answer:
        first = visit.first
        seen = [section for section in page.sections if visit.may(section.view)]
        asked = {name: _asked(visit, name) for name in ("agreement", "q")}
        lists = [_listed(visit, s, first, **asked) for s in seen or page.sections[:1] if _is_of(s, **asked)]
        if not lists:  # no list of this page is one of contracts, or can be looked through
            lists, asked = [_listed(visit, s, first) for s in seen or page.sections[:1]], dict.fromkeys(asked, "")
        total = max(found["total"] for found in lists)
        more = any(found["more"] for found in lists if found["total"] == total)
        refused = [found["error"] for found in lists if found["error"]]
        status = STATUS[Kind(refused[0]["kind"])] if len(refused) == len(lists) else 200
        shown = {
            "page": page, "lists": lists, "first": first, "size": PAGE_ROWS, "total": total, "more": more,
            "asked": asked,
            "may_look": any(takes(section, "q") for section in seen),
            "doors": [door for door in page.doors if visit.may(door.verb)], "verbs": VERBS,
            "begins": next((door for door in page.doors if door.at or VERBS[door.verb].changes), None),
        }  # fmt: skip
        return "records.html", shown, status

    return show


def _asked(visit: Visit, name: str) -> str:
    return visit.request.query_params.get(name, "").strip()[:LONGEST_ASKED]


def _is_of(section: Section, agreement: str, q: str) -> bool:
    """Whether the section can be asked for what belongs to one contract, and for what contains something."""
    return not (
        (agreement and not (is_cut(section) and takes(section, "agreement"))) or (q and not takes(section, "q"))
    )


def _listed(visit: Visit, section: Section, first: int, agreement: str = "", q: str = "") -> dict[str, Any]:
    """A page of a section's list, of one contract or of all, with what is looked for, the newest first where the view
    knows of time."""
    try:
        more = False
        if is_cut(section):
            total, here = cut(visit, section, first, q=q, agreement=agreement)
        elif takes(section, "limit"):  # which nobody counts: whether there is more tells one row too many
            sought = {"q": q} if q else {}
            found = rows(visit, section, limit=PAGE_ROWS + 1, offset=first, **sought)
            here, more = found[:PAGE_ROWS], len(found) > PAGE_ROWS
            total = first + len(here) if here or not first else len(rows(visit, section, limit=first, **sought))
        else:
            found = rows(visit, section, **({"q": q} if q else {}))
            here, total = found[first : first + PAGE_ROWS], len(found)
    except Refusal as refused:
        return {"section": section, "error": refused.as_json(), "rows": [], "total": 0, "more": False}
    if section.view == CONTRACTS:
        here = _with_holds(visit, here)
    return {"section": section, "error": None, "rows": here, "total": total, "more": more}


def _with_holds(visit: Visit, contracts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The contracts, of those in force with the hold that stops their deliveries for now."""
    with visit.store.read(visit.actor) as tx:
        return [
            {**row, "hold": deliver.hold_in_force(tx, row["id"])} if row["state"] == "FINALIZED" else row
            for row in contracts
        ]


def cut(
    visit: Visit, section: Section, first: int, size: int = PAGE_ROWS, *, q: str = "", agreement: str = ""
) -> tuple[int, list[dict[str, Any]]]:
    """How many rows a list has, of one contract or of all, with what is looked for, and a page of them from the
    `first`-th newest on."""
    of = {"agreement": agreement} if agreement else {}
    total = visit.counted(section.counted, q=q, **of) or 0
    asked = {**of, "q": q} if q else of
    if section.view not in OLDEST_FIRST:
        return total, rows(visit, section, limit=size, offset=first, **asked)
    last = max(total - first, 0)
    begin = max(last - size, 0)
    return total, rows(visit, section, limit=last - begin, offset=begin, **asked)[::-1]


# --- one record --------------------------------------------------------------------------------------------------

TEMPLATES = {"contracts": "contract.html", "cases": "case.html", "releases": "release.html"}


def record(page: Page) -> Callable[[Visit], Answer | Response]:
    """The handler of one record's page, found by its key, id or code in the page's lists."""

    def show(visit: Visit) -> Answer | Response:
        wanted = str(visit.request.path_params["id"])
        if not wanted:
            return RedirectResponse(f"/{page.slug}", 303)
        try:
            section, row = found_on(visit, page, wanted)
        except Refusal as refused:
            return "refused.html", {"error": refused.as_json(), "page": page}, STATUS[refused.kind]
        template, more = "record.html", {}
        if section is page.sections[0] and page.slug in TEMPLATES:
            template, more = TEMPLATES[page.slug], MORE[page.slug](visit, row)
        if page.slug == "products":
            more |= measured(visit, row)
        proofs = (
            [] if page.slug == "leaves" else visit.view("audit.leaves", record=str(row.get("id") or wanted), limit=20)
        )
        shown = {
            "page": page, "section": section, "row": row, "proofs": proofs, "of_members": acts.of_members(visit, row),
            "buttons": acts.buttons(visit, section.view, {**row, "hold": more.get("hold")}),
            "elsewhere": acts.elsewhere(visit, section.view, {**row, "hold": more.get("hold")}),
        }  # fmt: skip
        return template, {**shown, **more}, visit.outcome.status if visit.outcome else 200

    return show


def found_on(visit: Visit, page: Page, wanted: str) -> tuple[Section, dict[str, Any]]:
    """The record that a page's lists hold by this key, id or code, and its list; the Refusal where none does."""
    refused: Refusal | None = None
    for section in page.sections:
        if not section.key:
            continue
        try:
            listed = rows(visit, section, **({section.one: wanted} if takes(section, section.one) else {}))
        except Refusal as why:
            refused = refused or why
            continue
        for row in listed:
            if wanted in (str(row.get(section.key)), row.get("id"), row.get("code")):
                return section, {**row, **detail(visit, section, row)}
    raise refused or NO_RECORD(id=wanted[:80], page_zh=page.title.zh, page_en=page.title.en)


def detail(visit: Visit, section: Section, row: dict[str, Any]) -> dict[str, Any]:
    if not section.detail:
        return {}
    view, _, argument = section.detail.partition(":")
    try:
        found = visit.view(view, **{argument: row[section.key]})
    except Refusal:  # it has no more to tell yet: the receipt of a leaf that waits for its place
        return {}
    return found if isinstance(found, dict) else {view.partition(".")[2]: found}


def measured(visit: Visit, row: dict[str, Any]) -> dict[str, Any]:
    """The latest frontier attached to a product, drawn in the visitor's language; nothing where there is none."""
    attached = visit.view("compose.frontiers", product=str(row["id"])) if visit.may("compose.frontiers") else []
    if not attached:
        return {}
    latest = attached[-1]
    return {"frontier": latest, "drawn": frontier.svg(latest["frontier"], zh=visit.lang == "zh")}


def contract(visit: Visit, row: dict[str, Any]) -> dict[str, Any]:
    """What a contract's page tells beside it: whether it is held, its policy by rule, its use, whether control ends."""
    held = policy.from_json(row["policy"])
    with visit.store.read(visit.actor) as tx:
        hold = deliver.hold_in_force(tx, row["id"])
    return {
        "hold": hold,
        "whole": whole_of(row["terms"].get("split")),
        "rules": policy_lines(held),
        "inherit": held.inherit,
        "download": policy.compiled(held).may_pass(
            "download", {"target": row["dataset"], "assignee": [row["consumer_party"], row["consumer"]]}
        ),
        "totals": visit.view("meter.totals", agreement=row["id"]),
        "decided": visit.counted(COUNTED["deliver.decisions"], agreement=row["id"]),
        "performed": [
            (slug, title, columns, *cut(visit, Section(view, columns), 0, RECENT, agreement=row["id"]))
            for view, slug, title, columns in PERFORMED
        ],
    }


def whole_of(split: Any) -> float:
    """The sum of the weights of a split; 0 for what a peer wrote in its place."""
    parts = split if isinstance(split, list) else []
    weights = [part.get("weight") if isinstance(part, dict) else None for part in parts]
    return sum(weight for weight in weights if weight) if all(isinstance(w, int | float) for w in weights) else 0


def policy_lines(held: policy.Policy) -> list[dict[str, Any]]:
    """The policy's rules, those with the same conditions together: [{kind, actions, conditions}] of Texts. With the
    conditions stands what a rule says besides: whom it binds, about what, its duties."""
    lines: dict[tuple[str, tuple[Text, ...]], list[Text]] = {}
    for kind, of in (("may", "permissions"), ("must_not", "prohibitions"), ("must", "obligations")):
        for rule in getattr(held, of):
            conditions = tuple(policy.condition_in_words(condition) for condition in rule.constraints)
            conditions += tuple(policy.besides_in_words(of, rule))
            lines.setdefault((kind, conditions), []).append(policy.ACTIONS[rule.action])
    return [
        {"kind": kind, "actions": actions, "conditions": list(conditions)}
        for (kind, conditions), actions in lines.items()
    ]


def case(visit: Visit, row: dict[str, Any]) -> dict[str, Any]:
    """What a case's page tells beside the case: its way, both sides, objections to who has to settle them."""
    passed = {deed["act"]: deed for deed in row["history"]}
    may = visit.may("register.objections")
    way = ("submit", "accept", "review", "publicise", "code" if row["type"] == "first" else "enter")
    return {
        "objections": visit.view("register.objections", case=row["id"]) if may else [],
        "way": [{"act": act, "deed": passed.get(act)} for act in way],
    }


PERFORMED = (
    ("meter.usage", "usage", Text("计量", "Usage"),
     ("at", "kind", "rows", "bytes_granted", "bytes_served", "state", "id")),
    ("deliver.grants", "deliveries", Text("授予", "Grants"),
     ("issued_at", "holder_party", "state", "reason", "expires", "id")),
    ("settle.invoices", "invoices", Text("账单", "Invoices"),
     ("from_at", "until_at", "gross_fen", "paid_fen", "state", "id")),
)  # fmt: skip
"""(view, page, title, columns): what a contract's page shows the newest of."""

MORE: dict[str, Callable[[Visit, dict[str, Any]], dict[str, Any]]] = {
    "contracts": contract, "cases": case, "releases": releases.more,
}  # fmt: skip


def walk(visit: Visit) -> Answer:
    """The walk from an invoice line back to its sources."""
    line = str(visit.request.path_params["id"])
    return "walk.html", {"walk": visit.view("audit.walk", invoice_line=line), "invoice": line.rpartition("-")[0]}, 200


# --- the story ---------------------------------------------------------------------------------------------------


def told(file: Path) -> Callable[[Visit], Answer]:
    """The handler of the story page: the file a demonstration left."""

    def show(visit: Visit) -> Answer:
        if not file.exists():
            return "refused.html", {"error": NO_STORY().as_json(), "page": None}, 404
        tale = json.loads(file.read_text("utf-8"))
        report = tale["report"]
        gross = report["settlement"]["gross_fen"] or 1
        whole = story.flow_map(tale["map"])
        risk = tale["risk"]
        shown = {
            "story": tale,
            "map": whole,
            "busiest": story.busiest(whole),
            "classes": story.classes(tale["map"]),
            "day": [(hour, story.flow_map(tale["map"], hour)) for hour in story.DAY_WINDOWS],
            "widest": max((level["share"] for level in tale["resolutions"]), default=0) or 1,
            "split": story.stacked([(part["party"], part["fen"] / gross) for part in tale["split"]], 520),
            "gauge": story.gauge(risk["overall_risk"], risk["limit"], risk["overall_risk_at_cr_1"], 520),
            "resolution": lambda label: words.in_language(story.resolution(label), visit.lang),
        }
        return "story.html", shown, 200

    return show
