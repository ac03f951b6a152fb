"""What a person can ask of the evidence of this node."""

from __future__ import annotations

import json
from typing import Any

from datong.audit import store
from datong.audit.service.checking import checked
from datong.audit.service.walking import walk
from datong.ground import evidence, jobs, overtaken
from datong.ground.db import Tx
from datong.ground.evidence import log
from datong.register import service as register
from datong.terms.roles import Role
from datong.terms.verbs import view

PROBLEMS_SHOWN = 200


@view()
def verify(tx: Tx, *, invoice_line: str = "") -> dict[str, Any]:
    """Recompute every record, leaf, node, checkpoint and file of this node and name what differs 核验存证.

    The entries of the ledger must sum to zero, and behind every invoice line amount, uses, decisions, product and
    contract must belong together. invoice_line: walk from this line as well (see audit.walk), in `walk`.

    Returns {ok, leaves, waiting, checkpoints, cosignatures, tables, records, files, problems: [{kind, where,
    table, id, act, zh, en, detail}], problem_count}; files is 0 when this process knows no evidence folder.
    """
    walked = walk(tx, invoice_line=invoice_line) if invoice_line else None
    found = checked(tx)
    return {
        "ok": not found.problems and (walked is None or walked["ok"]),
        "leaves": found.leaves,
        "waiting": found.waiting,
        "checkpoints": found.checkpoints,
        "cosignatures": found.cosignatures,
        "tables": found.tables,
        "records": found.records,
        "files": found.files,
        "problems": [problem.as_json() for problem in found.problems[:PROBLEMS_SHOWN]],
        "problem_count": len(found.problems),
        **({"walk": walked} if walked is not None else {}),
    }


@view()
def leaves(
    tx: Tx,
    *,
    table: str = "",
    record: str = "",
    act: str = "",
    leaf: str = "",
    q: str = "",
    limit: int = 500,
    offset: int = 0,
) -> list[dict[str, Any]]:
    """List the newest leaves of the evidence log, of one table, record or deed if named, or one leaf 存证列表.

    q: those of which the deed or the record contains it, or the record is called so. offset: how many of the newest are
    passed over.
    """
    found = []
    newest, over = max(1, min(limit, 5_000)), max(0, offset)
    about = {"table": table, "record": record, "act": act, "leaf": leaf}
    for row in store.newest_leaves(tx, **about, limit=newest, offset=over, sought=register.sought(q)):
        body = _body(row["body"])
        by = body.get("by", {})
        found.append(
            {
                "position": row["position"], "act": row["act"], "table": row["table_name"], "record": row["record_id"],
                "person": by.get("person"), "role": by.get("role"), "party": by.get("party"),
                "business_at": body.get("business_at"), "facts": body.get("facts"), "leaf": row["id"],
            }
        )  # fmt: skip
    return found


def _body(data: bytes) -> dict[str, Any]:
    """What a leaf says; nothing when it was made unreadable (`verify` names it)."""
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


@view()
def receipt(tx: Tx, *, leaf: str) -> dict[str, Any]:
    """Give the inclusion proof of one leaf with the signed checkpoint 存证回执."""
    return evidence.receipt(tx, leaf)


@view(Role.operator)
def health(tx: Tx) -> dict[str, Any]:
    """Say how far the log is: size, leaves that wait, alarm, checkpoints, cosignatures 存证状态.

    warnings: that the clock is not believed (CLK-404), that something is over and could not be ended (CLK-406).
    """
    newest = log.last_checkpoint(tx)
    due = [
        job
        for job in jobs.open_jobs(tx)
        if job["state"] != "failed" and (job["due_at"] <= tx.wall or job["attempts"])  # a retry waits, and is not over
    ]
    return {
        **evidence.health(tx),
        "open_jobs": len(due),
        "warnings": overtaken.told(tx),
        "checkpoint": log.cosigned_note(tx, newest) if newest else "",
    }
