"""Connectors at their function node: heartbeat, running state, logs, leaving; and what a code stands for.

    heard_beat        POST /node/heartbeat every 5 s; three missed beats and the node counts as stopped
    connectors        their state, with the reports they sent (reporting: register.connector_report)
    resolve           a node's, resource's or product's code -> where it is and its state, asked level by level

Contract: tests/register/test_register_connectors.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from datong.ground import clock, codes, evidence, signing
from datong.ground.db import Tx, new_id
from datong.register import rules, store
from datong.register.model.national import BAD_REPORT, OVERDUE_SECONDS, UNRESOLVED
from datong.register.model.values import Membership
from datong.register.service import nodes
from datong.register.store import national as rows
from datong.terms.roles import Role
from datong.terms.verbs import view

KINDS = ("running", "log", "leave")
BODY_MAX = 20_000


def heard_beat(tx: Tx, *, node: str) -> dict[str, str]:
    """A beat of a member's heart; when it counted as stopped it runs again, which leaves evidence."""
    nodes.area(tx, "heartbeat")
    if tx.get(rows.beats, node) is None:
        tx.add(rows.beats, {"id": node, "at": tx.wall})
    else:
        tx.change(rows.beats, node, at=tx.wall)
    known, runs = tx.get(rows.connectors, node), {"state": "running", "beat_at": tx.wall, "changed_at": tx.wall}
    if known is None:
        tx.add(rows.connectors, {"id": node, **runs})
    elif known["state"] != "running":
        tx.change(rows.connectors, node, **runs)
    else:
        return {"node": node, "state": "running"}
    evidence.append(tx, "register.connector_running", rows.connectors, node)
    return {"node": node, "state": "running"}


def mark_overdue(tx: Tx) -> list[str]:
    """Mark every connector whose heart was not heard as stopped; their codes. (app calls it.)

    Nobody listens for the heart of a connector that was deregistered.
    """
    late = [code for code, row in _known(tx).items() if row["state"] == "running" and _is_overdue(tx, row)]
    late = [code for code in late if _membership(tx, code) != Membership.revoked]
    for code in late:
        tx.change(rows.connectors, code, state="stopped", changed_at=tx.wall)
        evidence.append(tx, "register.connector_stopped", rows.connectors, code)
    return late


def _known(tx: Tx) -> dict[str, dict[str, Any]]:
    """Every connector ever heard by its code, with its newest beat."""
    newest = {row.id: row.at for row in tx.all(select(rows.beats))}
    found = tx.rows(select(rows.connectors).order_by(rows.connectors.c.id))
    return {row["id"]: {**row, "beat_at": newest.get(row["id"], row["beat_at"])} for row in found}


def _is_overdue(tx: Tx, row: Mapping[str, Any]) -> bool:
    return bool(row["beat_at"] < clock.text(tx.wall_now - timedelta(seconds=OVERDUE_SECONDS)))


def running(tx: Tx) -> set[str]:
    """The codes of the connectors that run now, in two queries."""
    gone = {row.id for row in tx.all(select(store.nodes.c.id).where(store.nodes.c.state == Membership.revoked.value))}
    found = {code for code, row in _known(tx).items() if row["state"] == "running" and not _is_overdue(tx, row)}
    return found - gone


def _membership(tx: Tx, code: str) -> str:
    row = tx.get(store.nodes, code)
    return str(row["state"]) if row is not None else ""


@view()
def connectors(tx: Tx) -> list[dict[str, Any]]:
    """List the connectors of this function node with their running state, last beat and last report.

    state: running, stopped, or left for a connector that was deregistered.
    """
    found = []
    for code, row in _known(tx).items():
        reports = select(rows.reports).where(rows.reports.c.node == code).order_by(rows.reports.c.at.desc())
        last, left = tx.all(reports.limit(1)), _membership(tx, code) == Membership.revoked
        state = "left" if left else "stopped" if _is_overdue(tx, row) else row["state"]
        report = {"kind": last[0].kind, "at": last[0].at, **last[0].body} if last else None
        found.append({"node": code, "state": state, "beat_at": row["beat_at"], "last_report": report})
    return found


def received_connector_report(tx: Tx, *, sender: str, body: dict[str, Any]) -> None:
    """register.connector_report: {"kind": running | log | leave, ...}."""
    nodes.area(tx, "register.connector_report")
    if body.get("kind") not in KINDS:
        raise BAD_REPORT(why_zh="kind 应为 running、log 或 leave", why="kind should be running, log or leave")
    if len(str(body)) > BODY_MAX:
        raise BAD_REPORT(why_zh="内容过长", why="it is too long")
    if problems := rules.report_problems(body):
        count = len(problems)
        raise BAD_REPORT(problems, why_zh=f"{count} 项类型不符", why=f"{count} of its members are of another type")
    key = new_id("rep")
    content = {name: part for name, part in body.items() if name != "kind"}
    tx.add(rows.reports, {"id": key, "node": sender, "kind": body["kind"], "body": content, "at": tx.now})
    evidence.append(tx, "register.connector_reported", rows.reports, key, node=sender, kind=body["kind"])


@view(Role.registrar, Role.operator)
def connector_reports(tx: Tx, *, node: str = "") -> list[dict[str, Any]]:
    """List what connectors reported: running states, logs, applications to leave."""
    query = select(rows.reports).order_by(rows.reports.c.at, rows.reports.c.id)
    return tx.rows(query.where(rows.reports.c.node == node) if node else query)


@view()
def resolve(tx: Tx, *, code: str) -> dict[str, Any]:
    """Resolve a code (标识解析): {code, kind, holder, address, state} as this node knows it.

    A node that does not know it names the function node above, which is asked next (GET /node/resolve/CODE).
    """
    row = tx.get(store.nodes, code)
    if row is not None:
        names = ("kind", "address", "state", "party", "name")
        return {"code": code, "holder": code, **{name: row[name] for name in names}}
    entry = tx.get(store.ledger, code.replace("·", codes.BULLET))
    if entry is not None:
        return {"code": code, "kind": entry["kind"], "state": entry["state"], **_held(tx, entry["entry"])}
    upper = [one["id"] for one in store.active_nodes(tx) if nodes.is_function_node(tx, one["id"])]
    mine = signing.me(tx).code
    raise UNRESOLVED(code=code[:70], upper=", ".join(one for one in upper if one != mine) or "—")


def _held(tx: Tx, entry: dict[str, Any]) -> dict[str, Any]:
    """Where an entry of the ledger lives: the node of its first registrant, as far as the directory knows it."""
    registrants = entry.get("registrants") or [{}]
    party = str(registrants[0].get("party", ""))
    found = store.nodes_of_party(tx, party)
    name = str(entry.get("object", {}).get("name_zh", ""))
    where = {"holder": found[0]["id"], "address": found[0]["address"]} if found else {"holder": "", "address": ""}
    return {**where, "party": party, "name": name}
