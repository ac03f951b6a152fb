"""The first rows of a source, to look at: as text by path, the rest unread."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from datong.ground.refusal import Refusal
from datong.harmonise.model.mappings import Source, SourceKind
from datong.harmonise.store import sources


def test_the_first_records_of_a_file(tmp_path: Path) -> None:
    records = [{"id": n, "at": {"x": f"{n}.50"}} for n in range(30)]
    (tmp_path / "x.json").write_text(json.dumps(records) + " and no JSON after them")
    source = Source("things", SourceKind.json, "x.json")
    found = sources.sample(source, tmp_path, rows=10)
    assert [(c.path, c.values[:2], c.declared_type) for c in found.columns] == [
        ("id", ("0", "1"), ""),
        ("at.x", ("0.50", "1.50"), ""),
    ]
    assert (found.rows_seen, found.whole) == (10, False)
    with pytest.raises(Refusal, match="is no JSON"):
        sources.read(source, tmp_path, {})


def test_a_short_file_is_seen_whole(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("id,n\n1,2\nshifted\n")
    found = sources.sample(Source("things", SourceKind.csv, "x.csv"), tmp_path)
    assert [(c.path, c.values) for c in found.columns] == [("id", ("1", None)), ("n", ("2", None))]
    assert (found.rows_seen, found.whole) == (2, True)


def test_every_table_of_a_database_with_what_it_declares(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "x.db") as connection:
        connection.executescript(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, v VARCHAR(8)); CREATE TABLE empty (k TEXT, n REAL);"
            "INSERT INTO t VALUES (2, 'b'), (1, NULL), (3, 'c');"
        )
    source = Source("things", SourceKind.database, "x.db", tables={"t": "id", "empty": "k", "gone": "k"})
    found = sources.sample(source, tmp_path, rows=2)
    assert [(c.path, c.values, c.declared_type) for c in found.columns] == [
        ("t.id", ("1", "2"), "integer"),
        ("t.v", (None, "b"), "varchar(8)"),
        ("empty.k", (), "text"),
        ("empty.n", (), "real"),
    ]
    assert (found.rows_seen, found.whole) == (2, False)
