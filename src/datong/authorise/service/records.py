"""Instruments as records: kept, moved with their leaf, shown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from datong.authorise import rules, store
from datong.authorise.model import COLUMNS, NOT_YOURS, OVER, RUNNING, UNKNOWN, Deed, InstrumentKind, State
from datong.ground import evidence, signing
from datong.ground.canonical import digest
from datong.ground.db import Actor, Tx, Window
from datong.ground.refusal import Problem
from datong.register import service as register
from datong.terms.verbs import view


@view()
def instrument(tx: Tx, *, instrument: str) -> dict[str, Any]:
    """One instrument with its state, terms and signatures; of an agreement of this body, what of it no plan stands
    behind any more (over)."""
    row = known(tx, instrument)
    return {
        **shown(row),
        "over": [{"where": p.where, "zh": p.zh, "en": p.en} for p in over(tx, [row]).get(row["id"], ())],
    }


def over(tx: Tx, rows: Iterable[dict[str, Any]]) -> dict[str, list[Problem]]:
    """Of those that are agreements which this body granted and which run: what none of its plans stands behind since
    one was withdrawn, closed or ran out. A filed plan that is being changed stands until it is filed anew."""
    mine = signing.me(tx).party
    run = [row for row in rows if row["kind"] == InstrumentKind.agreement and row["state"] in RUNNING
           and row["grantor_party"] == mine]  # fmt: skip
    plans = store.of_kinds(tx, InstrumentKind.plan) if run else []
    standing = [{**plan, "state": State.FILED} for plan in plans if plan["filing_ref"] and plan["state"] not in OVER]
    found = {row["id"]: rules.outside(row, standing, tx.now) for row in run}
    return {key: problems for key, problems in found.items() if problems}


@view()
def instruments(
    tx: Tx, *, kind: str | None = None, id: str = "", q: str = "", limit: int | None = None, offset: int = 0
) -> list[dict[str, Any]]:
    """All instruments this node holds, its own and copies, the oldest change first.

    id: one alone. q: those whose title, id or party contains it. limit, offset: how many, after how many.
    """
    return [shown(row) for row in store.listed(tx, kind, Window(id, limit, offset, register.sought(q)))]


def insert(
    tx: Tx, content: dict[str, Any], state: State, *, serial: int = 0, notice: dict[str, Any] | None = None,
    drafter: Actor | None = None,
) -> None:  # fmt: skip
    tx.add(
        store.instruments,
        {
            **content_columns(content), "id": content["id"], "state": state.value, "notice": notice, "serial": serial,
            "reason": notice["reason"] if notice else None, "changed_at": tx.now,
            "drafted_by": drafter.person if drafter else "", "drafter_let_in_by": drafter.issued_by if drafter else "",
        },
    )  # fmt: skip


def move(tx: Tx, row: dict[str, Any], after: State, past: str, **values: Any) -> dict[str, Any]:
    tx.change(store.instruments, row["id"], state=after.value, changed_at=tx.now, **values)
    evidence.append(tx, f"authorise.{past}", store.instruments, row["id"], kind=row["kind"], state=after.value)
    return shown(known(tx, row["id"]))


def content_columns(content: dict[str, Any]) -> dict[str, Any]:
    """What of an instrument's content stands in columns of its own, with its digest."""
    return {
        **{name: content[name] for name in COLUMNS}, "from_at": content["from"], "until_at": content["until"],
        "value": content if "signatures" in content else {**content, "signatures": []},
        "digest": digest(signing.unsigned(content)),
    }  # fmt: skip


def rewrite(tx: Tx, instrument_id: str, content: dict[str, Any], fields: list[str]) -> dict[str, Any]:
    """Other content under the same id, unsigned, as if drafted by who acts, who then neither approves nor signs it."""
    by = {"drafted_by": tx.actor.person, "drafter_let_in_by": tx.actor.issued_by}
    tx.change(store.instruments, instrument_id, **content_columns(content), **by)
    evidence.append(tx, "authorise.rewritten", store.instruments, instrument_id, fields=fields)
    return shown(known(tx, instrument_id))


def known(tx: Tx, instrument_id: str) -> dict[str, Any]:
    row = tx.get(store.instruments, instrument_id)
    if row is None:
        raise UNKNOWN(id=instrument_id)
    return row


def mine(tx: Tx, instrument_id: str, deed: Deed) -> dict[str, Any]:
    row = known(tx, instrument_id)
    if row["grantor_party"] != signing.me(tx).party:
        raise NOT_YOURS(deed=deed.value, party=row["grantor_party"])
    return row


def shown(row: dict[str, Any]) -> dict[str, Any]:
    hidden = {"value", "notice", "from_at", "until_at"}
    shown = {name: value for name, value in row.items() if name not in hidden}
    return {
        **shown, "from": row["from_at"], "until": row["until_at"], "signatures": row["value"]["signatures"],
        "open": rules.open_deeds(row["kind"], row["state"]),
    }  # fmt: skip
