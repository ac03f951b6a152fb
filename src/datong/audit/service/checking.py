"""The whole check of this node: records against leaves, leaves against the tree, the tree against what was
signed, the files against the store; every entry of the ledger to zero, the counters of uses against their events,
every invoice line against its uses, decisions and contract.
Contract: tests/audit/test_audit_verify.py, where every attack is drawn.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from datong.audit import rules, store
from datong.audit.model import Fault, Leaf, Problem
from datong.audit.service import fitting
from datong.ground import clock, signing
from datong.ground.canonical import digest_bytes
from datong.ground.db import Tx
from datong.ground.evidence import log, note, tiles
from datong.ground.evidence.leaves import DELETED, is_sealed
from datong.ground.keys import PublicKey
from datong.ground.staging import STAGED
from datong.meter import service as meter


@dataclass
class Checked:
    """What was looked at, and what is wrong with it."""

    leaves: int = 0
    waiting: int = 0
    checkpoints: int = 0
    cosignatures: int = 0
    tables: int = 0
    records: int = 0
    files: int = 0
    problems: list[Problem] = field(default_factory=list)


def checked(tx: Tx) -> Checked:
    """Everything this node holds, recomputed. Values of a wrong kind are named like any other change.

    Leaves, nodes and records are read in order and a part at a time, so that however long the log is little of it is
    in memory.
    """
    found = Checked()
    with store.LastLeaves() as last:
        for check in (
            _check_leaves,
            _check_tree,
            _check_records,
            _check_files,
            _check_ledger,
            _check_uses,
            _check_lines,
        ):
            try:
                check(tx, found, last)
            except (ValueError, TypeError, LookupError, SQLAlchemyError, sqlite3.Error) as fault:
                where, detail = check.__name__.removeprefix("_check_"), f"{type(fault).__name__}: {fault}"[:200]
                found.problems.append(Problem(Fault.log_unreadable, where, detail=detail))
    return found


def _fresh(tx: Tx, at: str) -> bool:
    """True when `at` is not longer ago than a leaf may wait."""
    try:
        return (tx.wall_now - clock.instant(at)).total_seconds() < log.ALARM_SECONDS
    except (ValueError, TypeError):
        return False


def _leaf(row: dict[str, Any], sealed: Callable[[Any, Any, Any], bool]) -> Leaf:
    return Leaf(
        row["id"], row["seq"], row["position"], row["act"], row["table_name"], row["record_id"],
        row["record_digest"], row["added_at"], row["body"], sealed(row["seq"], row["body"], row["seal"]),
    )  # fmt: skip


def _check_leaves(tx: Tx, found: Checked, last: store.LastLeaves) -> None:
    """Each leaf against the tree and its own columns; on the way, the last of every record is noted."""
    sealed = is_sealed(tx)

    def passed(*, placed: bool) -> Iterator[Leaf]:
        for row in store.leaf_rows(tx, placed=placed):
            leaf = _leaf(row, sealed)
            found.leaves, found.waiting = found.leaves + 1, found.waiting + (not placed)
            if leaf.sealed or placed:  # a forged leaf excuses no change
                last.tables.add(leaf.table)
                if (word := rules.spoken_of(leaf)) is not None:
                    last.note(word)
            yield leaf

    for leaf in passed(placed=False):
        if not leaf.sealed:
            found.problems.append(leaf.problem(Fault.leaf_forged))
        elif not _fresh(tx, leaf.added_at):
            found.problems.append(leaf.problem(Fault.leaf_late))
    in_order = passed(placed=True)
    try:
        found.problems += rules.leaf_problems(in_order, store.leaf_hashes(tx), partial(store.node, tx))
    finally:
        for _ in in_order:  # what comes after the first gap still speaks of records
            pass


def _check_tree(tx: Tx, found: Checked, _last: store.LastLeaves) -> None:
    found.checkpoints, found.cosignatures = tx.count(log.checkpoints), tx.count(log.cosignatures)
    origin, key = note.origin_of(signing.me(tx).code), signing.node_key(tx).public
    placed, head = store.placed_number(tx), log.size(tx)
    size = max(placed, head)
    found.problems += rules.tree_problems(store.levels(tx, size), size, store.checkpoint_rows(tx), origin, key)
    registered = store.registered_keys(tx)
    for rows, notes in store.cosignatures(tx):
        found.problems += rules.cosignature_problems(rows, notes, registered)
    signed = store.signed_size(tx)
    if not signed == head == placed:
        detail = f"{placed} leaves have places, the head is at {head}, signed are {signed}"
        found.problems.append(Problem(Fault.checkpoint_missing, f"checkpoint {placed}", detail=detail))
    for code, size in store.cosigned_sizes(tx).items():
        if size > signed:
            detail = f"{code} cosigned {size} leaves, signed are {signed}"
            found.problems.append(Problem(Fault.checkpoint_missing, f"checkpoint {size}", detail=detail))


def _check_records(tx: Tx, found: Checked, last: store.LastLeaves) -> None:
    for name in sorted(last.tables.union(store.evidenced(tx))):
        found.tables += 1
        try:
            records, problems = _record_problems(tx, name, last)
        except (LookupError, SQLAlchemyError) as fault:
            found.problems.append(Problem(Fault.record_unreadable, name, name, detail=type(fault).__name__))
            continue
        found.records += records
        found.problems += problems


def _record_problems(tx: Tx, name: str, last: store.LastLeaves) -> tuple[int, list[Problem]]:
    """How many records a table holds, and what is wrong with them."""
    table = store.known_table(name)
    if table is None:
        raise LookupError(name)
    number, problems, rows = 0, list[Problem](), store.records(tx, table)
    while part := {
        key: "unreadable" if form is None else digest_bytes(data) for key, form, data in islice(rows, store.PAGE_ROWS)
    }:
        number += len(part)
        problems += rules.record_problems(name, part, last.of(name, list(part)))
    problems += rules.missing_problems(last.unseen(name), DELETED)
    return number, problems


def _check_ledger(tx: Tx, found: Checked, _last: store.LastLeaves) -> None:
    """Entries that do not balance; where a posting was found changed, that is what is wrong."""
    entries, postings = store.rows_of(tx, "ledger_entry"), store.rows_of(tx, "posting")
    named = _named(found)
    spoilt = {row["entry"] for row in postings if ("posting", row["id"]) in named}
    spoilt |= {key for table, key in named if table == "ledger_entry"}
    unbalanced = rules.ledger_problems([row["id"] for row in entries], postings)
    found.problems += [problem for problem in unbalanced if problem.id not in spoilt]


def _check_uses(tx: Tx, found: Checked, _last: store.LastLeaves) -> None:
    """Counters that were set back or on; where a usage event was found changed or gone, that is what is wrong."""
    if any(table == "usage_event" for table, _ in _named(found)):
        return
    for agreement, detail in meter.miscounts(tx):
        found.problems.append(Problem(Fault.usage_miscounted, "uses", "agreement", agreement, detail=detail))


def _check_lines(tx: Tx, found: Checked, _last: store.LastLeaves) -> None:
    """What does not belong together; where a record was found changed or gone, that is what is wrong."""
    named = _named(found)
    found.problems += [
        problem for problem in dict.fromkeys(fitting.every_line(tx, named)) if (problem.table, problem.id) not in named
    ]


def _named(found: Checked) -> set[tuple[str, str]]:
    return {(problem.table, problem.id) for problem in found.problems}


def _check_files(tx: Tx, found: Checked, _last: store.LastLeaves) -> None:
    """Every file of the log against the store. What is published may lag behind the store by the alarm time."""
    folder = log.folder_of(tx.store)
    if folder is None:
        return
    text = _published(folder)
    published = _signed(text, signing.node_key(tx).public, note.origin_of(signing.me(tx).code))
    # what is published was committed before: a view opened after the reading holds all of it, `tx` may be older
    with tx.store.read() as since:
        newest = log.last_checkpoint(since)
        as_held = published is not None and store.wrote(since, published.size, text or "")
    if newest is None and text is None:
        return
    fresh = newest is not None and _fresh(tx, newest["wall_at"])
    if published is None:
        # it is put there whole or not at all: only its absence can be a matter of time
        if text is not None or not fresh:
            found.problems.append(Problem(Fault.file_changed, "checkpoint", detail="no checkpoint of this node"))
        return
    signed = newest["size"] if newest else 0
    if published.size > signed:
        detail = f"{published.size} leaves were published, {signed} are signed in the store"
        found.problems.append(Problem(Fault.checkpoint_missing, f"checkpoint {published.size}", detail=detail))
    elif not as_held or (published.size < signed and not fresh):
        found.problems.append(Problem(Fault.file_changed, "checkpoint", detail=f"it says {published.size} leaves"))
    found.problems += _tile_problems(tx, folder, min(published.size, store.placed_number(tx)), found)


def _published(folder: Path) -> str | None:
    """What the file of the checkpoint holds, the empty text when that is no text; None where there is no file."""
    try:
        return (folder / "checkpoint").read_bytes().decode()
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        return ""


def _signed(text: str | None, key: PublicKey, origin: str) -> note.Checkpoint | None:
    """The checkpoint that this text is, when this node signed it."""
    try:
        signed = note.parsed(text or "")
        told = note.parsed_checkpoint(signed.text)
    except ValueError:
        return None
    return told if told.origin == origin and note.is_signed_by(signed, origin, key) else None


def _tile_problems(tx: Tx, folder: Path, size: int, found: Checked) -> Iterator[Problem]:
    wanted = {tile.path: tile for tile in tiles.tiles(size)}
    # os.walk, as a folder of partial tiles may go while it is looked at
    there = {str((Path(at) / name).relative_to(folder)) for at, _, names in os.walk(folder / "tile") for name in names}
    for path, tile in wanted.items():
        full = tiles.Tile(tile.level, tile.index, tiles.WIDTH).path
        if path not in there and full not in there:
            yield Problem(Fault.file_missing, path)
    for path in sorted(there):
        tile_read = tiles.parsed_path(path)
        if tile_read is None:
            if not path.endswith(STAGED):
                yield Problem(Fault.file_unexpected, path)
            continue
        found.files += 1
        yield from _tile_problem(tx, folder / path, tile_read)


def _tile_problem(tx: Tx, file: Path, tile: tiles.Tile) -> Iterator[Problem]:
    """One file; in tiles of leaves the first that differs is named."""
    start = tile.index * tiles.WIDTH
    end = start + tile.width
    try:
        data = file.read_bytes()
    except OSError:
        return  # a partial tile that its full one just replaced
    try:
        if tile.level == tiles.ENTRIES:
            parts = tiles.entries_in(data)
            bodies = store.bodies(tx, start, end)
            held = [bodies.get(at) for at in range(start, max(bodies, default=-1) + 1)]
        else:
            parts = [data[at : at + 32] for at in range(0, len(data), 32)]
            held = [*store.nodes(tx, 8 * tile.level, start, end)]
    except ValueError as torn:
        yield Problem(Fault.file_changed, tile.path, detail=str(torn))
        return
    known = len(held)
    differing = next((n for n in range(min(len(parts), known)) if parts[n] != held[n]), None)
    named = None if differing is None or tile.level > 0 else store.leaf_at(tx, start + differing)
    if named is not None:
        yield _leaf(named, lambda *_: True).problem(Fault.file_changed, tile.path)
    elif differing is not None or len(parts) != tile.width:
        yield Problem(Fault.file_changed, tile.path)
