"""What is recorded of a build: its row, its account, the leaf that tells of it; and of one that is refused the reason.

Contract: tests/harmonise/test_harmonise_service.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from datong.engine.model import Engine
from datong.engine.service import DUCKDB
from datong.ground import evidence
from datong.ground.canonical import digest
from datong.ground.db import Actor, Store, Tx
from datong.ground.refusal import Problem, Refusal
from datong.harmonise.model.builds import State
from datong.harmonise.model.refusals import TOO_MANY_QUARANTINED
from datong.harmonise.service.showing import note_of
from datong.harmonise.store import accounts
from datong.harmonise.store import builds as kept


def record(tx: Tx, row: dict[str, Any], account: dict[str, Any], engine: Engine) -> dict[str, Any]:
    """The row of a build whose files are written aside, recorded; they move into place after the commit."""
    if (known := tx.get(kept.builds, row["id"])) is None:
        row = {**row, "seq": kept.next_seq(tx), "at": tx.now}
        tx.add(kept.builds, row)
        tx.add(accounts.accounts, account)
    else:  # whose files were lost or changed
        row = {**known, "files": row["files"], "digest": row["digest"]}
        tx.change(kept.builds, row["id"], files=row["files"], digest=row["digest"])
    by = {"engine": engine.name} if engine is not DUCKDB else {}
    _witness(tx, "harmonise.built", row, account=digest(account), **by)
    return row


def make_current(tx: Tx, resource: str, build_id: str) -> bool:
    """Make it the build under which the resource is found; whether another one was."""
    moved = kept.point_to(tx, resource, build_id)
    if moved:
        evidence.append(tx, "harmonise.made_current", kept.currents, resource, build=build_id)
    return moved


def refusal(tx: Tx, row: dict[str, Any], changed: list[Problem], *, recorded: bool) -> Refusal:
    """The refusal of a build; its record is written in a transaction of its own, after this one is undone. changed: how
    the source differs from the last build's, which is why, often enough."""
    if not recorded:
        tx.after_rollback.append(_recorder(tx.store, tx.actor, tx.link, row))
    problems = [
        Problem(entry["column"] or "row", f"{entry['rows']} 行：{note_of(entry['reason'])[0]}",
                f"{entry['rows']} rows: {entry['reason']} ({note_of(entry['reason'])[1]})")
        for entry in row["reasons_by_column"]
    ]  # fmt: skip
    facts = {key: row[key] for key in ("resource", "read", "quarantined", "reasons")}
    return TOO_MANY_QUARANTINED([*problems, *changed], build=row["id"], **facts)


def _recorder(store: Store, actor: Actor, link: str, row: dict[str, Any]) -> Callable[[], None]:
    def write() -> None:
        with store.begin(actor, link) as tx:
            if tx.get(kept.builds, row["id"]) is None:
                refused = {**row, "state": State.refused.value, "seq": kept.next_seq(tx), "at": tx.now}
                tx.add(kept.builds, refused)
                _witness(tx, "harmonise.refused", refused)

    return write


def _witness(tx: Tx, act: str, row: dict[str, Any], **more: Any) -> None:
    told = (
        "resource", "source", "standard", "read", "harmonised", "quarantined", "reasons", "digest", "source_digest",
        "standard_digest", "mapping_digest", "plan_digest",
    )  # fmt: skip
    evidence.append(tx, act, kept.builds, row["id"], **{name: row[name] for name in told}, **more)
