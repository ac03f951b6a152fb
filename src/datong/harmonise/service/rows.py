"""Rows of builds for the rooms above: the harmonised file, quarantined rows under a decision."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datong.ground import signing
from datong.ground.canonical import plain
from datong.ground.crypto import hashing
from datong.ground.db import Tx
from datong.ground.refusal import Refusal
from datong.harmonise.model.builds import State
from datong.harmonise.model.refusals import (
    BUILD_REFUSED,
    FILES_CHANGED,
    NO_BUILD,
    NOT_THE_OWNER,
)
from datong.harmonise.service.folders import folder_of
from datong.harmonise.store import builds as kept
from datong.harmonise.store import files
from datong.terms.roles import Role

ROWS_SHOWN_MAX = 500


def current(tx: Tx, resource: str) -> dict[str, Any]:
    """The current build of a resource: {build, path, rows, digest, standard, quality, schema, at}.

    path: the harmonised Parquet file (raw rows: it never leaves the node). Refuses: STD-421 when there is none,
    STD-470 when there is none and the last was refused, STD-422 when the file is missing or is not what was recorded.
    """
    row = _current(tx, resource)
    path = intact(tx, row, files.HARMONISED)
    return {
        "build": row["id"],
        "path": path,
        "rows": row["harmonised"],
        "digest": row["digest"],
        "standard": row["standard"],
        "quality": row["quality"],
        "schema": row["elements"],
        "at": row["at"],
    }


def _current(tx: Tx, resource: str) -> dict[str, Any]:
    row = kept.current_build(tx, resource)
    if row is None:
        raise refused_build(tx, resource) or NO_BUILD(what=resource)
    return row


def refused_build(tx: Tx, resource: str) -> Refusal | None:
    """Where a resource has no build because its last one was refused: that, to be raised."""
    told = None if is_built(tx, resource) else refused_last(tx, resource)
    return BUILD_REFUSED(what=resource, **told) if told else None


def refused_last(tx: Tx, resource: str) -> dict[str, Any] | None:
    """The last build of a resource where it was refused, so that the rows there are are of one before it: {build, read,
    quarantined, reasons in words}."""
    row = kept.refused_last(tx, resource)
    if row is None:
        return None
    reasons = ", ".join(f"{reason} {rows}" for reason, rows in row["reasons"].items())
    return {"build": row["id"], "read": row["read"], "quarantined": row["quarantined"], "reasons": reasons}


def is_built(tx: Tx, resource: str) -> bool:
    """Whether this node has a current build under that name."""
    return kept.current_build(tx, resource) is not None


def of_one_source(tx: Tx, resource: str) -> list[str]:
    """Other resources of this node that were built from the same content, or by the same mapping of the same source:
    the same rows, so the same persons."""
    return kept.of_one_source(tx, resource)


def quarantined_rows(
    tx: Tx, *, build: str, decision: str, reason: str | None = None, offset: int = 0, limit: int = 100
) -> dict[str, Any]:
    """Quarantined rows with their originals, for a data engineer of the owner; called by deliver alone.

    decision: id of the usage decision (purpose "own work") under which deliver asks; no verb, so that no door leads
    past deliver. Returns {build, decision, total, rows: [{source, row, column, reason, original, suggestion,
    record, also}]}. Refuses: STD-430, STD-421, STD-422.
    """
    require_owner(tx)
    if not decision:
        raise NOT_THE_OWNER()
    row = tx.get(kept.builds, build)
    if row is None or row["state"] != State.built.value:
        raise NO_BUILD(what=build)
    table = quarantine(tx, row)
    if reason is not None:
        table = table.filter(pc.equal(table["reason"], reason))
    return {"build": build, "decision": decision, "total": table.num_rows, "rows": plain_rows(table, offset, limit)}


def own_rows(tx: Tx, *, resource: str, kind: str, limit: int) -> list[dict[str, Any]]:
    """Rows of the current build for the owner's own work: kind "quarantined" or "raw" (harmonised); see deliver."""
    require_owner(tx)
    row = _current(tx, resource)
    rows = quarantine(tx, row) if kind == "quarantined" else pq.ParquetFile(intact(tx, row, files.HARMONISED)).read()
    return plain_rows(rows, 0, limit)


def require_owner(tx: Tx) -> None:
    """Only a data engineer of this node's own party: what a node harmonises is its owner's."""
    if not tx.actor.has(Role.data_engineer) or tx.actor.party != signing.me(tx).party:
        raise NOT_THE_OWNER()


def plain_rows(table: pa.Table, offset: int, limit: int) -> list[dict[str, Any]]:
    shown = table.slice(max(offset, 0), min(max(limit, 0), ROWS_SHOWN_MAX))
    return [plain(row) for row in shown.to_pylist()]


def quarantine(tx: Tx, row: dict[str, Any]) -> pa.Table:
    """The quarantined rows of a build. One of before `also` was kept says nothing there."""
    table = pq.ParquetFile(intact(tx, row, files.QUARANTINE)).read()
    return table if "also" in table.column_names else table.append_column("also", pa.array([""] * table.num_rows))


def intact(tx: Tx, row: dict[str, Any], name: str) -> Path:
    path = files.place(folder_of(tx), row["resource"], row["id"]) / name
    if not path.is_file() or hashing.file_digest(path) != row["files"][name]["digest"]:
        raise FILES_CHANGED(resource=row["resource"], build=row["id"], file=name)
    return path
