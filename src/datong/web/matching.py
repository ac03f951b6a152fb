"""The page where a data engineer sees what the columns of a source are proposed to mean, and says yes or no to each.

One choice per column (confirm the proposal, confirm another, reject), or all sure ones at once; what is chosen goes to
harmonise.confirm in one transaction. Shows names, scores and reasons, never a value of the source.
Must never know: how scores come about. Contract: tests/web/test_matching_page.py.
"""

from __future__ import annotations

import secrets
from typing import Any
from urllib.parse import urlencode

from starlette.responses import RedirectResponse, Response

from datong.ground.db import Tx
from datong.ground.idempotency import once
from datong.ground.refusal import Refusal
from datong.terms.verbs import VERBS
from datong.web.api import STATUS
from datong.web.outcomes import Outcome
from datong.web.visits import Answer, Visit

ASKED = ("workspace", "source", "standard", "data")
PAGE_COLUMNS = 200
CHOSEN, SURE = "say:", "sure:"
"""Beginnings of the fields of a form: the choice for a column, and the element a sure proposal gave it."""
ORDER = ("ask", "accept", "leave")


def page(visit: Visit) -> Answer:
    """The question, and its answer when workspace, source and standard are in the address."""
    asked = _asked(visit)
    came = visit.outcome
    if not all(asked[name] for name in ASKED[:3]):
        return "matching.html", {**_shown(visit, asked), "error": came and came.error}, came.status if came else 200
    if came is None:
        return _answered(visit, asked, {})
    if came.done:
        told = {name: int(visit.form[name]) for name in ("confirmed", "rejected")}
        return _answered(visit, asked, {"told": told})
    return _answered(visit, asked, {"error": came.error, "given": visit.form}, came.status)


def said(visit: Visit) -> Outcome | Response:
    """What was chosen is remembered; then the page as it now is, or another one where one turns to it."""
    asked = _asked(visit)
    at = {name: value for name, value in {**asked, "from": visit.form.get("from", "")}.items() if value}
    if visit.shows:
        return Outcome(visit.form, at=at)
    confirmed, rejected = choices(visit.form)
    try:
        with visit.store.begin(visit.actor, "harmonise") as tx:
            key = visit.form.get("_key") or secrets.token_hex(16)
            told = once(
                tx, key, ["match", asked, confirmed, rejected], lambda: _confirm(tx, asked, confirmed, rejected)
            )
    except Refusal as refused:
        return Outcome(visit.form, refused.as_json(), STATUS[refused.kind], at=at)
    if visit.turns_to is not None:
        there = visit.turned(len(confirmed) + len(rejected))
        return RedirectResponse(f"/match?{urlencode({**asked, 'from': there})}", 303)
    return Outcome({**at, **{name: str(number) for name, number in told.items()}}, done=True, at=at)


def choices(form: dict[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """({column: element} confirmed, the same rejected) of a form; with `all` the sure ones without a choice too."""
    chosen = {name.removeprefix(CHOSEN): value for name, value in form.items() if name.startswith(CHOSEN) and value}
    confirmed = {column: value[1:] for column, value in chosen.items() if value.startswith("+")}
    rejected = {column: value[1:] for column, value in chosen.items() if value.startswith("-")}
    if form.get("all"):
        for name, element in form.items():
            column = name.removeprefix(SURE)
            if name.startswith(SURE) and column not in chosen:
                confirmed[column] = element
    return confirmed, rejected


def _confirm(tx: Tx, asked: dict[str, str], confirmed: dict[str, str], rejected: dict[str, str]) -> dict[str, int]:
    about = {name: asked[name] for name in ("workspace", "source", "standard")}
    for pairs, no in ((confirmed, False), (rejected, True)):
        if pairs:
            VERBS["harmonise.confirm"].call(tx, pairs=pairs, rejected=no, **about)
    return {"confirmed": len(confirmed), "rejected": len(rejected)}


def _asked(visit: Visit) -> dict[str, str]:
    given = visit.form or visit.request.query_params
    return {name: str(given.get(name, "")).strip() for name in ASKED}


def _answered(visit: Visit, asked: dict[str, str], more: dict[str, Any], status: int = 200) -> Answer:
    arguments = {name: value for name, value in asked.items() if value}
    try:
        rows = visit.view("harmonise.match", **arguments)
    except Refusal as refused:
        shown = {**_shown(visit, asked), **more, "error": more.get("error") or refused.as_json()}
        return "matching.html", shown, STATUS[refused.kind]
    rows.sort(key=lambda row: ORDER.index(row["verdict"]))  # what needs a person comes first
    return "matching.html", {**_shown(visit, asked, rows), **more}, status


def _shown(visit: Visit, asked: dict[str, str], rows: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    every = rows or []
    counts = {verdict: sum(row["verdict"] == verdict for row in every) for verdict in ORDER}
    return {
        "asked": asked, "rows": None if rows is None else every[visit.first : visit.first + PAGE_COLUMNS],
        "counts": counts, "first": visit.first, "size": PAGE_COLUMNS, "total": len(every), "key": secrets.token_hex(16),
        "may_confirm": visit.may("harmonise.confirm"), "given": {},
    }  # fmt: skip
