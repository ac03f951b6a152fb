"""The shape each source had when it was last built from. Contract: tests/harmonise/test_harmonise_drift.py."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from sqlalchemy import JSON, Column, String

from datong.ground.canonical import hexdigest
from datong.ground.db import Instant, Tx, table
from datong.harmonise.model.drift import ColumnSeen

source_schemas = table(
    "source_schema",
    Column("source", String(40), nullable=False),
    Column("columns", JSON, nullable=False),  # [{path, type, looks, print, codes}]
    Column("at", Instant, nullable=False),
)
"""id = of the workspace, the source and the mapping."""


def id_of(workspace: Path, source: str, mapping: str) -> str:
    return f"schema-{hexdigest([str(workspace), source, mapping])[:32]}"


def of(tx: Tx, key: str) -> tuple[tuple[ColumnSeen, ...], str] | None:
    """(columns, when), or None when nothing was built from it yet."""
    row = tx.get(source_schemas, key)
    if row is None:
        return None
    return tuple(_column(value) for value in row["columns"]), row["at"]


def put(tx: Tx, key: str, source: str, columns: tuple[ColumnSeen, ...]) -> bool:
    """Keep the shape; False when it is kept already."""
    values = [{**asdict(c), "print": list(c.print), "codes": list(c.codes)} for c in columns]
    row = tx.get(source_schemas, key)
    if row is not None and row["columns"] == values:
        return False
    if row is None:
        tx.add(source_schemas, {"id": key, "source": source, "columns": values, "at": tx.now})
    else:
        tx.change(source_schemas, key, columns=values, at=tx.now)
    return True


def _column(value: dict[str, Any]) -> ColumnSeen:
    return ColumnSeen(value["path"], value["type"], value["looks"], tuple(value["print"]), tuple(value["codes"]))
