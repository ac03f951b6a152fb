"""Catalogue reporting (数据目录上报): a node says what it lists, a function node merges what its members say.

    report_catalogue     the whole list to the function node, as it stands: catalogue.report
    report_again         the same by itself, where it was reported before and something was taken back or hidden
    received_report      kept by node and dataset; what is no longer said is marked withdrawn
    merged_catalogue     the catalogue of all members, for everybody to search

Contract: tests/catalogue/test_catalogue_reporting.py.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from datong.catalogue.model import BAD_REPORT
from datong.catalogue.service import pages
from datong.catalogue.store import WORDS_MAX, reports
from datong.ground import evidence, outbox
from datong.ground.canonical import digest
from datong.ground.db import Tx, Window, settings
from datong.register import service as register
from datong.terms.roles import Role
from datong.terms.verbs import verb, view

FIELDS = {"dataset": 80, "title": 200, "description": 2000, "kind": 10, "delivery_form": 12}
"""What is told of a listing, and how long it may be: a listing that says more is not published, for with it the whole
report would be refused."""
ENTRIES_MAX = 10_000
REPORTED_TO = "catalogue.reported_to"
"""The setting that keeps the function nodes it was reported to, by node code."""


@verb(Role.product_manager, Role.operator)
def report_catalogue(tx: Tx, *, function_node: str) -> dict[str, Any]:
    """Report what this node lists to the function node (数据目录上报); repeated, it brings it up to date.

    The merged catalogue is for everybody, so what only the members of a space see is not reported. From then on what
    is suspended, withdrawn or shown to members alone is told by itself; what is listed anew, with the next report.
    """
    register.node(tx, function_node)
    before = _reported_to(tx)
    if before is None:
        tx.add(settings, {"id": REPORTED_TO, "value": [function_node]})
    elif function_node not in before:
        tx.change(settings, REPORTED_TO, value=[*before, function_node])
    if function_node not in (before or ()):
        evidence.append(tx, "catalogue.reports_to", settings, REPORTED_TO, node=function_node)
    return {"function_node": function_node, "entries": _told(tx, function_node)}


def report_again(tx: Tx) -> None:
    """To every function node that this node's list was reported to: what it is now."""
    for function_node in _reported_to(tx) or ():
        _told(tx, function_node)


def _reported_to(tx: Tx) -> list[str] | None:
    known = tx.get(settings, REPORTED_TO)
    return None if known is None else list(known["value"])


def _told(tx: Tx, function_node: str) -> int:
    found = [{name: row[name] for name in FIELDS} for row in pages.reported(tx)]
    outbox.send(tx, to=function_node, type="catalogue.report", body={"entries": found})
    return len(found)


def received_report(tx: Tx, *, sender: str, body: dict[str, Any]) -> None:
    """catalogue.report: {"entries": [{dataset, title, description, kind, delivery_form}]}, all a member lists."""
    if not register.is_registry(tx):
        raise BAD_REPORT(why_zh="本节点不是功能节点", why="This node is no function node")
    entries = body.get("entries")
    if not isinstance(entries, list) or len(entries) > ENTRIES_MAX or not all(map(_sound, entries)):
        names = ", ".join(FIELDS)
        raise BAD_REPORT(why_zh=f"每项应含 {names}", why=f"Every entry needs {names} as texts that are not too long")
    _require_own(tx, [str(entry["dataset"]) for entry in entries])
    known = {row["id"]: row for row in _of(tx, sender)}
    said = {digest([sender, entry["dataset"]]): entry for entry in entries}
    for key, entry in said.items():
        values = {**{name: entry[name] for name in FIELDS}, "node": sender, "state": "listed"}
        before = known.get(key)
        if before is None:
            tx.add(reports, {"id": key, **values, "at": tx.now})
        elif any(before[name] != value for name, value in values.items()):
            tx.change(reports, key, **values, at=tx.now)
        else:
            continue
        evidence.append(tx, "catalogue.reported", reports, key, node=sender, dataset=entry["dataset"])
    for key, row in known.items():
        if key not in said and row["state"] == "listed":
            tx.change(reports, key, state="withdrawn", at=tx.now)
            evidence.append(tx, "catalogue.report_withdrawn", reports, key, node=sender, dataset=row["dataset"])


def _require_own(tx: Tx, datasets: list[str]) -> None:
    """Nobody lists what is registered for others."""
    for dataset in datasets:
        owners = register.registered_to(tx, dataset)
        if owners and tx.actor.party not in owners:
            names = ", ".join(sorted(owners))
            raise BAD_REPORT(why_zh=f"{dataset} 登记在 {names} 名下", why=f"{dataset} is registered for {names}")


def _sound(entry: Any) -> bool:
    return isinstance(entry, dict) and all(
        isinstance(entry.get(name), str) and len(entry[name]) <= longest for name, longest in FIELDS.items()
    )


def _of(tx: Tx, node: str) -> list[dict[str, Any]]:
    return tx.rows(select(reports).where(reports.c.node == node))


@view()
def merged_catalogue(tx: Tx, *, q: str = "", limit: int | None = None, offset: int = 0) -> list[dict[str, Any]]:
    """Search what the members of this function node list (全域数据目录), newest first; every word of `q` must occur.

    limit, offset: how many, after how many.
    """
    if "\0" in q:  # which PostgreSQL cannot be asked for, and nothing holds
        return []
    said = reports.c.title + " " + reports.c.description + " " + reports.c.dataset
    query = select(reports).where(reports.c.state == "listed").order_by(reports.c.at.desc(), reports.c.id)
    query = query.where(*(said.icontains(word, autoescape=True) for word in q.split()[:WORDS_MAX]))
    return tx.rows(Window(limit=limit, offset=offset).of(query, reports.c.id))
