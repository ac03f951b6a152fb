"""The evidence bundle: everything an outsider needs to check this node without trusting it, in one zip.

    bundle.json         format, origin, size, public keys, tables, when made
    checkpoint          the newest signed checkpoint with its cosignatures (C2SP signed note)
    checkpoints.jsonl   every checkpoint ever signed, {size, note}
    leaves.jsonl        every leaf with a place, in order, one canonical JSON value a line (its exact bytes)
    hashes.txt          the hash of each, as the tree has it: tells which leaf was changed when one was
    waiting.jsonl       leaves that have no place yet (seldom any)
    records.jsonl       {table, id, row}: the rows the leaves speak of; personal and secret values as salted hashes

tools/verify_evidence.py checks it. Contract: tests/audit/test_audit_bundle.py.
"""

from __future__ import annotations

import io
import re
import time
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import IO, Any

from datong.audit import store
from datong.audit.model import BAD_NAME, NO_LOG
from datong.ground import signing
from datong.ground.canonical import canonical
from datong.ground.crypto import hashing
from datong.ground.db import Tx
from datong.ground.evidence import log, note
from datong.ground.staging import whole_file
from datong.terms.roles import Role
from datong.terms.verbs import verb

FORMAT = "datong-evidence-bundle"
VERSION = 1
QUIET_TRIES, QUIET_SECONDS = 20, 0.1
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,60}[a-z0-9])?")
_FIRST_DAY = (2026, 1, 1, 0, 0, 0)


@verb(Role.auditor, Role.operator)
def export_bundle(tx: Tx, *, name: str = "") -> dict[str, Any]:
    """Write an evidence bundle for checking outside, with tools/verify_evidence.py 导出存证包.

    name: of the file, by default evidence-<size>; a file of that name is replaced. Returns {file, digest, bytes,
    leaves, waiting, records}; the file lies in the folder "bundles" beside the node's evidence folder. It is of a
    moment at which no leaf waits for its place, if one comes within two seconds; with leaves that wait it proves less,
    so export it again.
    """
    folder = log.folder_of(tx.store)
    if folder is None or log.last_checkpoint(tx) is None:
        raise NO_LOG()
    if name and not _NAME.fullmatch(name):
        raise BAD_NAME(name=repr(name[:80]))
    bundles = folder.parent / "bundles"
    bundles.mkdir(parents=True, exist_ok=True)
    with tx.reading(), _a_quiet_moment(tx) as moment:  # others write meanwhile, above all the sequencer
        target = bundles / f"{name or f'evidence-{log.size(moment)}'}.zip"
        with whole_file(target) as staged:
            with staged.open("wb") as out:
                counts = written(moment, out)
            with staged.open("rb") as out:
                digest = hashing.labelled(hashing.file_hex(out))
    return {"file": str(target), "digest": digest, "bytes": target.stat().st_size, **counts}


@contextmanager
def _a_quiet_moment(tx: Tx) -> Iterator[Tx]:
    """A view in which no leaf waits: of a record whose last leaf has no place yet nothing could be proven. The
    sequencer is waited for, up to two seconds."""
    for tried in range(QUIET_TRIES + 1):
        with tx.store.read(tx.actor) as moment:
            if tried == QUIET_TRIES or not log.health(moment)["pending"]:
                yield moment
                return
        time.sleep(QUIET_SECONDS)


def bundle(tx: Tx) -> bytes:
    """The bytes of the zip; NO_LOG before the first checkpoint."""
    packed = io.BytesIO()
    written(tx, packed)
    return packed.getvalue()


def written(tx: Tx, to: IO[bytes]) -> dict[str, int]:
    """Write the zip, a line after the other, so that little of it is in memory; {leaves, waiting, records}: how many.

    NO_LOG before the first checkpoint.
    """
    newest = log.last_checkpoint(tx)
    if newest is None:
        raise NO_LOG()
    names = sorted(store.leaf_tables(tx).union(store.evidenced(tx)))
    cosignatures = store.cosignature_rows(tx)
    witnesses = {(row["witness"], row["key"]) for row in cosignatures}
    told = {
        "format": FORMAT,
        "version": VERSION,
        "origin": note.origin_of(signing.me(tx).code),
        "key": signing.node_key(tx).public.text,
        "witnesses": [{"name": note.origin_of(code), "key": key} for code, key in sorted(witnesses)],
        "size": newest["size"],
        "tables": names,
        "made_at": tx.wall,
    }
    lines: dict[int, str] = {}
    for row in cosignatures:
        lines[row["size"]] = lines.get(row["size"], "") + row["line"]
    checkpoints = (
        canonical({"size": row["size"], "note": row["note"] + lines.get(row["size"], "")})
        for row in store.checkpoint_rows(tx)
    )
    files: dict[str, Iterable[bytes]] = {
        "bundle.json": [canonical(told)],
        "checkpoint": [log.cosigned_note(tx, newest).encode().removesuffix(b"\n")],
        "checkpoints.jsonl": checkpoints,
        "leaves.jsonl": (row["body"] for row in store.leaf_rows(tx, placed=True)),
        "hashes.txt": (hash.hex().encode() for hash in islice(store.leaf_hashes(tx), newest["size"]) if hash),
        "waiting.jsonl": (row["body"] for row in store.leaf_rows(tx, placed=False)),
        "records.jsonl": (line for name in names for line in _record_lines(tx, name)),
    }
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as out:
        counts = {path: _put(out, path, of) for path, of in files.items()}
    return {"leaves": newest["size"], "waiting": counts["waiting.jsonl"], "records": counts["records.jsonl"]}


def _put(out: zipfile.ZipFile, path: str, lines: Iterable[bytes]) -> int:
    """Write one file of the bundle; how many lines it has."""
    about = zipfile.ZipInfo(path, _FIRST_DAY)
    about.compress_type, number = zipfile.ZIP_DEFLATED, 0
    with out.open(about, "w", force_zip64=True) as file:
        for line in lines:
            file.write(line + b"\n")
            number += 1
    return number


def _record_lines(tx: Tx, name: str) -> Iterable[bytes]:
    table = store.known_table(name)
    if table is None:
        return
    for key, row, _ in store.records(tx, table):
        yield canonical({"table": name, "id": key, "row": row})
