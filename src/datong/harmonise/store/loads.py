"""How far the loads of a resource came: a row, and the rows loaded so far as text in one Parquet file.

    <folder>/data/loaded/<resource>/<digest>.parquet

A file is written and flushed before the transaction commits that names it; its name is its content's digest, so nothing
is overwritten. What no row names is deleted after a commit, and at the start (`swept`).
Contract: tests/harmonise/test_harmonise_loads.py.
"""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import JSON, Column, Integer, String, Text, select

from datong.ground.crypto import hashing
from datong.ground.db import Instant, Tx, table
from datong.ground.staging import flush

load_marks = table(
    "load_mark",
    Column("source", String(40), nullable=False),
    Column("by", String(10), nullable=False),
    Column("key_columns", JSON, nullable=False),
    Column("column", String(200), nullable=False),
    Column("value", Text, nullable=True),  # the greatest value loaded; null: none yet
    Column("columns", JSON, nullable=False),  # of the file
    Column("rows", Integer, nullable=False),
    Column("next_row", Integer, nullable=False),  # numbers of rows are never given twice
    Column("file", String(80), nullable=False),  # digest
    Column("build", String(80), nullable=False),
    Column("at", Instant, nullable=False),
)
"""id = resource."""


def root(folder: Path) -> Path:
    return folder / "data" / "loaded"


def place(folder: Path, resource: str, digest: str) -> Path:
    return root(folder) / resource / f"{hashing.without_label(digest)}.parquet"


def kept(folder: Path, resource: str, rows: pa.Table) -> str:
    """Write the rows loaded so far; their digest, which names the file."""
    home = root(folder) / resource
    home.mkdir(parents=True, exist_ok=True)
    unfinished = home / f".{uuid.uuid4().hex}"
    pq.write_table(rows, unfinished, compression="zstd")
    digest = hashing.file_digest(unfinished)
    flush(unfinished)
    unfinished.replace(place(folder, resource, digest))
    flush(home)
    return digest


def intact(folder: Path, mark: dict[str, Any]) -> Path | None:
    """The file of a mark, when it is what was recorded."""
    path = place(folder, mark["id"], mark["file"])
    return path if path.is_file() and hashing.file_digest(path) == mark["file"] else None


def of(tx: Tx, resource: str) -> dict[str, Any] | None:
    return tx.get(load_marks, resource)


def put(tx: Tx, mark: dict[str, Any]) -> None:
    if tx.get(load_marks, mark["id"]) is None:
        tx.add(load_marks, mark)
    else:
        tx.change(load_marks, mark["id"], **{name: value for name, value in mark.items() if name != "id"})


def swept(tx: Tx, folder: Path) -> list[str]:
    """Delete every file that no mark names."""
    named = {place(folder, row.id, row.file) for row in tx.all(select(load_marks.c.id, load_marks.c.file))}
    done = []
    for path in sorted(root(folder).glob("*/*")):
        if path not in named:
            path.unlink()
            done.append(f"deleted the loaded rows {path.parent.name}/{path.name} that nothing names")
    return done


def only(folder: Path, resource: str, digest: str) -> None:
    """After a commit: the files of earlier loads of the resource go."""
    for path in (root(folder) / resource).glob("*"):
        if path != place(folder, resource, digest):
            path.unlink(missing_ok=True)
