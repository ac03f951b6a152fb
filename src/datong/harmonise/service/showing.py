"""What came of the builds: figures, reasons, digests; never a value of a row."""

from __future__ import annotations

from typing import Any

from datong.ground.db import Tx, Window
from datong.harmonise.model.notes import NOTES
from datong.harmonise.model.refusals import NO_BUILD
from datong.harmonise.store import builds as kept
from datong.terms.verbs import view

_LONG = ("elements", "files", "quality")


@view()
def builds(
    tx: Tx, *, resource: str | None = None, id: str = "", limit: int | None = None, offset: int = 0
) -> list[dict[str, Any]]:
    """Builds of this node, newest first: figures, reasons, digests.

    id: one alone. limit, offset: how many, after how many.
    """
    rows = [shown(row) for row in kept.all_builds(tx, resource, Window(id, limit, offset))]
    return [{**{k: v for k, v in row.items() if k not in _LONG}, "grade": row["quality"]["grade"]} for row in rows]


@view()
def build_of(tx: Tx, *, build: str) -> dict[str, Any]:
    """One build with its quality figures, elements and files."""
    row = tx.get(kept.builds, build)
    if row is None:
        raise NO_BUILD(what=build)
    return shown(row)


@view()
def quarantine_summary(
    tx: Tx, *, build: str | None = None, limit: int | None = None, offset: int = 0
) -> list[dict[str, Any]]:
    """What was quarantined and why, the newest build first: counts per build, reason and column; never a value.

    limit, offset: how many of these lines, after how many; of one build always all.
    """
    if build is None:
        rows = kept.reasons_of_all(tx, Window("", limit, offset))
    else:
        of = build_of(tx, build=build)
        rows = [{**of, **entry} for entry in of["reasons_by_column"]]
    return [
        {
            "build": row["id"], "resource": row["resource"], "state": row["state"], "reason": row["reason"],
            "column": row["column"], "rows": row["rows"], "zh": note_of(row["reason"])[0],
            "en": note_of(row["reason"])[1],
        }
        for row in rows
    ]  # fmt: skip


def shown(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "seq"}


def note_of(reason: str) -> tuple[str, str]:
    """What a reason means, in both languages."""
    if reason in NOTES:
        return NOTES[reason].zh, NOTES[reason].en
    if reason.startswith("no_"):
        return (
            f"在 {reason[3:]} 中没有对应行，或未通过同名的行检查",
            f"has no row in {reason[3:]}, or fails the check of that name",
        )
    return reason, "a row check of the mapping"
