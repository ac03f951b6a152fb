"""The files of a build after a crash: finished or deleted, never half there."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from datong.ground.crypto.hashing import file_digest
from datong.harmonise.store import files

TABLES = {files.HARMONISED: pa.table({"a": [1, 2]}), files.QUARANTINE: pa.table({"b": ["x"]})}


def test_staged_then_in_place(tmp_path: Path) -> None:
    written = files.staged(tmp_path, "b1", TABLES, "SELECT 1")
    assert sorted(written) == ["harmonised.parquet", "plan.sql", "quarantine.parquet"]
    target = files.place(tmp_path, "r", "b1")
    assert not target.exists()
    files.put_in_place(tmp_path, "r", "b1")
    files.put_in_place(tmp_path, "r", "b1")
    for name, entry in written.items():
        assert file_digest(target / name) == entry["digest"]
        assert (target / name).stat().st_size == entry["bytes"]
    assert (written[files.HARMONISED]["rows"], written[files.QUARANTINE]["rows"]) == (2, 1)
    assert pq.ParquetFile(target / files.HARMONISED).metadata.row_group(0).column(0).compression == "ZSTD"


def test_the_sweep_finishes_what_was_committed_and_deletes_what_was_not(tmp_path: Path) -> None:
    for build in ("committed", "lost"):
        files.staged(tmp_path, build, TABLES, "")
    files.staged(tmp_path, "good", TABLES, "")
    files.put_in_place(tmp_path, "r", "good")
    files.staged(tmp_path, "stray", TABLES, "")
    files.put_in_place(tmp_path, "r", "stray")
    known = {"committed": "r", "good": "r"}
    assert len(files.swept(tmp_path, known)) == 3
    assert files.swept(tmp_path, known) == []
    assert sorted(p.name for p in (files.root(tmp_path) / "r").iterdir()) == ["committed", "good"]
    assert list((files.root(tmp_path) / files.STAGED).iterdir()) == []


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    assert files.staged(tmp_path, "b1", TABLES, "") == files.staged(tmp_path, "b2", TABLES, "")


def test_nothing_to_sweep(tmp_path: Path) -> None:
    assert files.swept(tmp_path, {}) == []


def test_the_sweep_leaves_alone_what_a_living_process_reads(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as living:
        names = [f"reading-{living.pid}-0a", f"reading-{os.getpid()}-0b", "reading-0123", f"reading-{10**30}-0c"]
        for name in names:
            (files.root(tmp_path) / files.STAGED / name).mkdir(parents=True)
        assert len(files.swept(tmp_path, {})) == 3
        assert [p.name for p in (files.root(tmp_path) / files.STAGED).iterdir()] == [f"reading-{living.pid}-0a"]
        living.kill()
    assert len(files.swept(tmp_path, {})) == 1
