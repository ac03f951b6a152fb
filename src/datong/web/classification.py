"""The page where people confirm what the columns of a dataset are: a line each, with evidence and never a value.

A data engineer keeps or changes kind and level and judges the whole; a legal officer or reviewer approves or refuses
what was asked to be lowered. Everything said on one page is one transaction of deidentify's verbs.
Must never know: how columns are judged, who may lower. Contract: tests/web/test_classification_page.py.
"""

from __future__ import annotations

import secrets
from typing import Any
from urllib.parse import urlencode

from starlette.responses import RedirectResponse, Response

from datong.ground.db import Tx
from datong.ground.idempotency import once
from datong.ground.refusal import Refusal, Text
from datong.terms.verbs import VERBS
from datong.web.api import STATUS
from datong.web.outcomes import Outcome
from datong.web.visits import Answer, Visit

PAGE_COLUMNS = 200
KIND, LEVEL, WAS, YES, IMPACT = "kind:", "level:", "was:", "yes:", "impact:"
"""Beginnings of the fields of a form: what a column is said to be, what it stood at, whether it is confirmed as it is;
the degree by which the whole hits an object."""
KINDS = ("direct", "quasi", "sensitive", "other")
DEGREES = {
    "none": Text("无影响", "no effect"), "general": Text("一般", "general"), "serious": Text("严重", "serious"),
    "especially serious": Text("特别严重", "especially serious"),
}  # fmt: skip
OBJECTS = ("national security", "economic operation", "social order", "public interest")
ACTS = {
    "propose": "deidentify.propose_classification", "confirm": "deidentify.confirm_classification",
    "approve": "deidentify.approve_lowering", "refuse": "deidentify.refuse_lowering",
}  # fmt: skip


def page(visit: Visit) -> Answer:
    """The question for a dataset, or what is known of the one in the address."""
    came = visit.outcome
    if came is None:
        return _answered(visit, {})
    if came.done:
        return _answered(visit, {"told": visit.form.get("act")})
    return _answered(visit, {"error": came.error, "given": visit.form}, came.status)


def said(visit: Visit) -> Outcome | Response:
    """What was said is kept; then the page as it now is, or another one where one turns to it."""
    at = {name: visit.form[name] for name in ("dataset", "from") if visit.form.get(name)}
    if visit.shows:
        return Outcome(visit.form, at=at)
    act = visit.form.get("act") or ("confirm" if visit.turns_to is not None else "")
    try:
        arguments = _arguments(act, visit.form)
        if arguments is not None:
            key, asked = visit.form.get("_key") or secrets.token_hex(16), arguments
            visit.store.does(
                visit.actor, "deidentify",
                lambda tx: once(tx, key, ["classify", act, asked], lambda: _done(tx, act, asked)),
            )  # fmt: skip
    except Refusal as refused:
        return Outcome(visit.form, refused.as_json(), STATUS[refused.kind], at=at)
    if visit.turns_to is not None:
        there = visit.turned(len(words_of(visit.form)[0]))
        return RedirectResponse(
            f"/classify?{urlencode({'dataset': visit.form.get('dataset', ''), 'from': there})}", 303
        )
    return Outcome({**at, "act": act if arguments is not None else ""}, done=True, at=at)


def words_of(form: dict[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """({column: what is said of it}, {impact object: degree}) of a form; a column left as it stood is not said, unless
    its box is ticked: then as the page showed it, which may be older than what stands."""
    columns: dict[str, Any] = {}
    for name, was in form.items():
        column = name.removeprefix(WAS)
        if not name.startswith(WAS):
            continue
        kind, level = form.get(KIND + column, ""), form.get(LEVEL + column, "")
        if kind and (f"{kind} {level}" != was or form.get(YES + column)):
            columns[column] = {"kind": kind, "level": int(level) if level.isdecimal() else level}
    impacts = {name.removeprefix(IMPACT): degree for name, degree in form.items() if name.startswith(IMPACT) and degree}
    return columns, impacts


def _arguments(act: str, form: dict[str, str]) -> dict[str, Any] | None:
    """What the verb of `act` is called with; None where nothing was asked for."""
    dataset = form.get("dataset", "").strip()
    if act == "propose":
        return {"dataset": dataset, "file": form.get("file", "").strip()}
    if act == "approve":
        return {"lowering": form.get("lowering", "")}
    if act == "refuse":
        return {"lowering": form.get("lowering", ""), "reason": form.get("reason", "")}
    if act in ("confirm", "rest"):
        columns, impacts = words_of(form)
        reason = form.get("reason", "")
        return {"dataset": dataset, "columns": columns, "impacts": impacts, "reason": reason, "rest": act == "rest"}
    return None


def _done(tx: Tx, act: str, arguments: dict[str, Any]) -> None:
    VERBS[ACTS["confirm" if act == "rest" else act]].call(tx, **arguments)


def _answered(visit: Visit, more: dict[str, Any], status: int = 200) -> Answer:
    given = visit.form or visit.request.query_params
    dataset = str(given.get("dataset", "")).strip()
    shown = _shown(visit, dataset)
    if dataset:
        try:
            found = visit.view("deidentify.classification", dataset=dataset)
        except Refusal as refused:
            if more:
                return "classification.html", {**shown, **more}, status
            return "classification.html", {**shown, "error": refused.as_json()}, STATUS[refused.kind]
        first = shown["first"]
        found["columns"].sort(key=lambda column: column["confirmed"])  # what needs a person comes first
        shown |= {"found": found, "page_columns": found["columns"][first : first + PAGE_COLUMNS]}
    return "classification.html", {**shown, **more}, status


def _shown(visit: Visit, dataset: str) -> dict[str, Any]:
    return {
        "dataset": dataset, "found": None, "first": visit.first, "size": PAGE_COLUMNS, "kinds": KINDS,
        "degrees": DEGREES, "objects": OBJECTS, "given": {}, "may_confirm": visit.may(ACTS["confirm"]),
        "may_approve": visit.may(ACTS["approve"]), "key": secrets.token_hex(16),
    }  # fmt: skip
