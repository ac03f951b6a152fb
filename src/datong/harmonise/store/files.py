"""The files of a build: written aside, named in the row with their digests, moved into place after the commit.

    <folder>/data/harmonised/.staged/<build>/   while the transaction is open
    <folder>/data/harmonised/<resource>/<build>/ afterwards

A crash in between is mended at the start (`swept`): what a committed row names is moved into place, what no row
names is deleted, unless a build is being made. Contract: tests/harmonise/test_harmonise_files.py.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from datong.engine.model import GROUP_ROWS, Scan
from datong.ground.crypto import hashing
from datong.ground.staging import flush

HARMONISED = "harmonised.parquet"
QUARANTINE = "quarantine.parquet"
REPAIRS = "repairs.parquet"
PLAN = "plan.sql"
STAGED = ".staged"


def root(folder: Path) -> Path:
    return folder / "data" / "harmonised"


def place(folder: Path, resource: str, build: str) -> Path:
    return root(folder) / resource / build


def staged(folder: Path, build: str, tables: Mapping[str, pa.Table | Scan], plan: str) -> dict[str, dict[str, Any]]:
    """Write a build's files aside, or move those that are written, and flush them: {file: {digest, bytes, rows}}."""
    aside = root(folder) / STAGED / build
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    for name, table in tables.items():
        if isinstance(table, Scan):
            table.path.rename(aside / name)
        else:
            pq.write_table(table, aside / name, compression="zstd", row_group_size=GROUP_ROWS)
    (aside / PLAN).write_text(plan, "utf-8")
    written = {}
    for path in sorted(aside.iterdir()):
        flush(path)
        rows = _rows(tables[path.name]) if path.name in tables else 0
        written[path.name] = {"digest": hashing.file_digest(path), "bytes": path.stat().st_size, "rows": rows}
    flush(aside)
    return written


@contextmanager
def building(folder: Path) -> Iterator[None]:
    """One build of a node at a time, whichever process makes it: the next one waits."""
    with _locked(folder, fcntl.LOCK_EX):
        yield


@contextmanager
def unless_building(folder: Path) -> Iterator[bool]:
    """Whether no build is being made; if so, none begins until the end of the block."""
    with ExitStack() as held:
        try:
            held.enter_context(_locked(folder, fcntl.LOCK_EX | fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
        else:
            yield True


@contextmanager
def _locked(folder: Path, how: int) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, how)
        yield
    finally:
        os.close(handle)


@contextmanager
def aside(folder: Path) -> Iterator[Path]:
    """A folder for what a reading puts aside; it need not be made, and is gone afterwards (after a crash: `swept`)."""
    path = root(folder) / STAGED / f"reading-{os.getpid()}-{uuid.uuid4().hex}"
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def put_in_place(folder: Path, resource: str, build: str) -> None:
    """Move a staged build to its place, of which what lay there goes; nothing to do when it is there already, or
    another process moves it."""
    target, aside = place(folder, resource, build), root(folder) / STAGED / build
    if not aside.is_dir():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        aside.rename(target)
    except FileNotFoundError:
        return
    except OSError:  # something lies there
        shutil.rmtree(target, ignore_errors=True)
        aside.rename(target)
    flush(target.parent)


def stands(folder: Path, resource: str, build: str, written: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether all files of a build are what was recorded, in their place or still aside (as of a process that died
    between its commit and the move)."""
    aside = root(folder) / STAGED / build
    home = aside if aside.is_dir() else place(folder, resource, build)
    return all(
        (home / name).is_file() and hashing.file_digest(home / name) == entry["digest"]
        for name, entry in written.items()
    )


def unstage(folder: Path, build: str) -> None:
    shutil.rmtree(root(folder) / STAGED / build, ignore_errors=True)


def swept(folder: Path, known: Mapping[str, str]) -> list[str]:
    """Finish and clean up after a crash; known: build id -> resource of every committed build. Says what it did."""
    done = []
    for aside in sorted((root(folder) / STAGED).glob("*")):
        if _is_read(aside.name):
            continue
        if aside.name in known:
            put_in_place(folder, known[aside.name], aside.name)
            done.append(f"moved {known[aside.name]}/{aside.name} into place")
        else:
            shutil.rmtree(aside)
            done.append(f"deleted the unfinished {aside.name}")
    for built in sorted(root(folder).glob("[!.]*/*")):
        if known.get(built.name) != built.parent.name:
            shutil.rmtree(built) if built.is_dir() else built.unlink()
            done.append(f"deleted the stray {built.parent.name}/{built.name}")
    return done


def _is_read(name: str) -> bool:
    """Whether another process, which lives, puts aside there what it reads."""
    kind, _, rest = name.partition("-")
    owner = rest.partition("-")[0]
    if kind != "reading" or not owner.isdecimal() or int(owner) == os.getpid():
        return False
    try:
        os.kill(int(owner), 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass  # of another user
    return True


def _rows(table: pa.Table | Scan) -> int:
    return table.rows if isinstance(table, Scan) else int(table.num_rows)
