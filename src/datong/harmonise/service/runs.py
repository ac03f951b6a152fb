"""The attempts to build, and lineage as other tools ask for it.

An attempt is kept whether it ends well or is refused; `on_run` lets the edge tell others of it (as OpenLineage events,
say), after the commit. Contract: tests/harmonise/test_harmonise_lineage.py.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from datong.ground import clock
from datong.ground.db import Store, Tx
from datong.ground.refusal import Refusal
from datong.harmonise.model.refusals import NO_ACCOUNT, NO_BUILD
from datong.harmonise.store import accounts
from datong.harmonise.store import builds as kept
from datong.harmonise.store import runs as attempts
from datong.terms.verbs import view

Listener = Callable[[dict[str, Any]], None]
RUN = "harmonise.run"
RUNS_MAX = 1000


def on_run(store: Store, listener: Listener) -> None:
    """From now on `listener` is called with every attempt of `store` that ended, as `lineage_runs` shows it."""
    store.listen(RUN, listener)


@dataclass
class Attempt:
    """One attempt to build, as it goes."""

    resource: str | None
    mapping: str
    began_at: str
    source: str = ""
    read_whole: bool | None = None

    def ended(self, tx: Tx, *, build: str = "", refusal: Refusal | None = None) -> dict[str, Any]:
        what, why, _ = refusal.texts() if refusal else (None, None, None)
        return {
            "id": str(uuid.uuid4()), "resource": (self.resource or "")[:80], "mapping": self.mapping[:40],
            "source": self.source, "build": build, "read_whole": self.read_whole,
            "code": refusal.code if refusal else "",
            "zh": (what.zh + why.zh)[:1000] if what and why else "",
            "en": f"{what.en} {why.en}"[:1000] if what and why else "",
            "began_at": self.began_at, "ended_at": clock.text(tx.store.wall_clock()),
        }  # fmt: skip


def began(tx: Tx, resource: str | None, mapping: str) -> Attempt:
    return Attempt(resource, mapping, clock.text(tx.store.wall_clock()))


def completed(tx: Tx, attempt: Attempt, build: str) -> None:
    row = attempt.ended(tx, build=build)
    attempts.add(tx, row)
    tx.after_commit.append(lambda: _tell(tx.store, row["id"]))


def failed(tx: Tx, attempt: Attempt, refusal: Refusal) -> None:
    """Keep the attempt in a transaction of its own, once this one is undone."""
    row, store, actor, link = attempt.ended(tx, refusal=refusal), tx.store, tx.actor, tx.link

    def record() -> None:
        with store.begin(actor, link) as own:
            attempts.add(own, row)
        _tell(store, row["id"])

    if link != "read":
        tx.after_rollback.append(record)


def _tell(store: Store, run: str) -> None:
    def told(tx: Tx) -> dict[str, Any] | None:
        row = tx.get(attempts.runs, run)
        return None if row is None else _told(tx, row)

    store.tell(RUN, told)


@view()
def lineage_runs(
    tx: Tx, *, resource: str | None = None, after: int | None = None, limit: int = 100
) -> list[dict[str, Any]]:
    """Attempts to build in the order they ended, with figures and column lineage: what an OpenLineage event says.

    after: the number (`seq`) of the last attempt already known. Without it, the newest ones.
    """
    asked = attempts.ended(tx, resource, after, min(max(limit, 0), RUNS_MAX))
    return [_told(tx, row) for row in asked]


def _told(tx: Tx, row: dict[str, Any]) -> dict[str, Any]:
    build = tx.get(kept.builds, row["build"]) if row["build"] else None
    account = accounts.of(tx, row["build"]) if row["build"] else None
    figures = {key: build[key] if build else None for key in ("read", "harmonised", "quarantined", "standard", "files")}
    return {
        **row, **figures, "state": "FAIL" if row["code"] else "COMPLETE",
        "lineage": account["lineage"] if account else None, "rules": account["rules"] if account else [],
    }  # fmt: skip


@view()
def lineage(tx: Tx, *, resource: str, build: str | None = None) -> dict[str, Any]:
    """Where each element of a built resource comes from: source columns, conversion, joins, and what may hold a row.

    build: one of its builds; the current one when not given. Refuses: STD-421, STD-507.
    """
    row, account = account_of(tx, resource, build)
    return {"resource": resource, "build": row["id"], **account["lineage"]}


def account_of(tx: Tx, resource: str, build: str | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
    """(build, what is kept beside it); STD-421 when there is no such build, STD-507 when it is from before."""
    row = kept.current_build(tx, resource) if build is None else tx.get(kept.builds, build)
    if row is None or row["resource"] != resource:
        raise NO_BUILD(what=resource if build is None else build)
    account = accounts.of(tx, row["id"])
    if account is None:
        raise NO_ACCOUNT(build=row["id"])
    return row, account
