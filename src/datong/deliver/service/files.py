"""The files of delivery in the node's folder.

    data/staging/<id>.parquet             written before the commit that names it
    data/released/<agreement>/<id>.parquet   ours, for the consumer of that agreement
    data/received/<agreement>/<id>.parquet   another owner's, held under that agreement
    keys/grants/<key id>                  256 bit key of one grant's file addresses, mode 0600

A file is staged, the row with its digest is committed, then the file is renamed; `sweep` at start does the
renames a crash left over and deletes strays. Contract: tests/deliver/test_deliver_files.py.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakKeyDictionary

from datong.deliver import store as rows
from datong.deliver.model import GrantState
from datong.ground.db import Store, Tx


@dataclass(frozen=True)
class Place:
    """Where this node keeps its files, how many seconds of the wall clock a file address lives, and its customs."""

    folder: Path
    url_seconds: int
    data_elsewhere: bool = False
    """Whether a peer's data may lie at another address than the one it registered."""
    by_hand: frozenset[str] = frozenset()
    """Acts that wait for a person: "start"."""
    on_signing: bool = False
    """Whether a contract's delivery is asked for as soon as it is signed."""
    open_per_contract: int = 100
    """How many transfers that its consumer asked for may be open at once under one contract."""


_PLACES: WeakKeyDictionary[Store, Place] = WeakKeyDictionary()


def install(
    store: Store, folder: Path, url_seconds: int = 900, *, data_elsewhere: bool = False, by_hand: Iterable[str] = (),
    on_signing: bool = False, open_per_contract: int = Place.open_per_contract,
) -> None:  # fmt: skip
    """Tell this process the folder and the customs of the node whose store this is (once, by app or a test)."""
    _PLACES[store] = Place(folder, url_seconds, data_elsewhere, frozenset(by_hand), on_signing, open_per_contract)


def place(store: Store) -> Place:
    return _PLACES[store]


def is_asked_on_signing(store: Store) -> bool:
    """Whether the node of this store has it so; one that delivers nothing does not."""
    return store in _PLACES and place(store).on_signing


def target(kind: str, agreement: str, file: str, suffix: str = "parquet") -> str:
    """Path below the node's folder of a "released" or "received" file; made of safe characters only."""
    safe = re.sub(r"[^0-9A-Za-z_\-]", "-", agreement)[:100]
    return f"data/{kind}/{safe}/{file}.{suffix}"


def staged(store: Store, file: str) -> Path:
    path = place(store).folder / "data" / "staging" / f"{file}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def settle(tx: Tx, file: str, relative: str) -> None:
    """Rename the staged file to its place once this transaction is committed; drop it if it is rolled back."""
    source, goal = staged(tx.store, file), place(tx.store).folder / relative
    tx.after_commit.append(lambda: _renamed(source, goal))
    tx.after_rollback.append(lambda: source.unlink(missing_ok=True))


def there(store: Store, file: str, relative: str) -> Path:
    """Where a committed file lies; finishes a rename that a crash prevented."""
    goal = place(store).folder / relative
    if not goal.exists():
        _renamed(staged(store, file), goal)
    return goal


def _renamed(source: Path, goal: Path) -> None:
    if source.exists():
        goal.parent.mkdir(parents=True, exist_ok=True)
        source.rename(goal)


# ---- url keys


def new_url_key(store: Store, key_id: str) -> None:
    path = _key_path(store, key_id)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        out.write(secrets.token_bytes(32))
        out.flush()
        os.fsync(out.fileno())


def url_key(store: Store, key_id: str) -> bytes | None:
    """The key, or None once it is destroyed."""
    try:
        return _key_path(store, key_id).read_bytes()
    except FileNotFoundError:
        return None


def destroy_url_key(store: Store, key_id: str) -> None:
    """Overwrite and delete. (A copy-on-write disk may keep old blocks; the grant's state refuses in any case.)"""
    path = _key_path(store, key_id)
    if path.exists():
        with path.open("r+b") as old:
            old.write(secrets.token_bytes(32))
            old.flush()
            os.fsync(old.fileno())
        path.unlink()


def _key_path(store: Store, key_id: str) -> Path:
    return place(store).folder / "keys" / "grants" / re.sub(r"[^0-9a-z\-]", "", key_id)


# ---- strays


def sweep(tx: Tx) -> dict[str, int]:
    """At start: finish renames of committed files, delete strays and keys of grants that are over.

    Returns {"renamed", "deleted", "keys"} counts. Nothing that a committed row names is deleted.
    """
    counts = {"renamed": 0, "deleted": 0, "keys": 0}
    for pull in (place(tx.store).folder / "data" / "staging").glob("pull-*"):
        shutil.rmtree(pull)
        counts["deleted"] += 1
    for path in (place(tx.store).folder / "data" / "staging").glob("*.parquet"):
        relative = _committed(tx, path.stem)
        if relative is None:
            path.unlink()
            counts["deleted"] += 1
        else:
            _renamed(path, place(tx.store).folder / relative)
            counts["renamed"] += 1
    live = {g["key_id"] for g in rows.rows(tx, rows.grants, rows.grants.c.state != GrantState.ended.value)}
    for path in (place(tx.store).folder / "keys" / "grants").glob("*"):
        if path.name not in live:
            destroy_url_key(tx.store, path.name)
            counts["keys"] += 1
    return counts


def _committed(tx: Tx, file: str) -> str | None:
    for of, live in ((rows.share_files, "open"), (rows.received, "held")):
        row = tx.get(of, file)
        if row is not None and row["state"] == live:
            return str(row["path"])
    return None
