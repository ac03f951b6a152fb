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
import json
import re
import time
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from datong.audit import store
from datong.audit.model import BAD_NAME, NO_LOG
from datong.ground import signing
from datong.ground.canonical import canonical, digest_bytes
from datong.ground.db import Tx
from datong.ground.evidence import log, note
from datong.ground.staging import whole_file
from datong.terms.roles import Role
from datong.terms.verbs import view

FORMAT = "datong-evidence-bundle"
VERSION = 1
QUIET_TRIES, QUIET_SECONDS = 20, 0.1
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,60}[a-z0-9])?")
_FIRST_DAY = (2026, 1, 1, 0, 0, 0)


@view(Role.auditor, Role.operator)
def export_bundle(tx: Tx, *, name: str = "") -> dict[str, Any]:
    """Write an evidence bundle for checking outside, with tools/verify_evidence.py 导出存证包.

    name: of the file, by default evidence-<size>. Returns {file, digest, bytes, leaves, waiting, records}; the file
    lies in the folder "bundles" beside the node's evidence folder. It is of a moment at which no leaf waits for its
    place, if one comes within two seconds; with leaves that wait it proves less, so export it again.
    """
    folder = log.folder_of(tx.store)
    if folder is None or log.last_checkpoint(tx) is None:
        raise NO_LOG()
    if name and not _NAME.fullmatch(name):
        raise BAD_NAME(name=repr(name[:80]))
    data = _of_a_quiet_moment(tx)
    with zipfile.ZipFile(io.BytesIO(data)) as made:
        size = json.loads(made.read("bundle.json"))["size"]
        records, waiting = (made.read(f"{part}.jsonl").count(b"\n") for part in ("records", "waiting"))
    name = name or f"evidence-{size}"
    target = folder.parent / "bundles" / f"{name}.zip"
    target.parent.mkdir(parents=True, exist_ok=True)
    _place(target, data)
    return {
        "file": str(target), "digest": digest_bytes(data), "bytes": len(data), "leaves": size, "waiting": waiting,
        "records": records,
    }  # fmt: skip


def _of_a_quiet_moment(tx: Tx) -> bytes:
    """The bundle; of a record whose last leaf has no place yet nothing could be proven: the sequencer is waited for."""
    for _ in range(QUIET_TRIES):
        with tx.store.read(tx.actor) as moment:
            if not log.health(moment)["pending"]:
                return bundle(moment)
        time.sleep(QUIET_SECONDS)
    with tx.store.read(tx.actor) as moment:
        return bundle(moment)


def bundle(tx: Tx) -> bytes:
    """The bytes of the zip; NO_LOG before the first checkpoint."""
    newest = log.last_checkpoint(tx)
    if newest is None:
        raise NO_LOG()
    rows = list(store.leaf_rows(tx))
    names = sorted({row["table_name"] for row in rows}.union(store.evidenced(tx)))
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
    checkpoints = [
        {"size": row["size"], "note": row["note"] + lines.get(row["size"], "")} for row in store.checkpoint_rows(tx)
    ]
    files = {
        "bundle.json": canonical(told) + b"\n",
        "checkpoint": log.cosigned_note(tx, newest).encode(),
        "checkpoints.jsonl": _lines(canonical(one) for one in checkpoints),
        "leaves.jsonl": _lines(row["body"] for row in rows if row["position"] is not None),
        "hashes.txt": _lines(part.hex().encode() for part in log.level_hashes(tx, 0, 0, newest["size"])),
        "waiting.jsonl": _lines(row["body"] for row in rows if row["position"] is None),
        "records.jsonl": _lines(line for name in names for line in _record_lines(tx, name)),
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as out:
        for path, data in files.items():
            out.writestr(zipfile.ZipInfo(path, _FIRST_DAY), data, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def _record_lines(tx: Tx, name: str) -> Iterable[bytes]:
    table = store.known_table(name)
    if table is None:
        return
    for key, row, _ in store.records(tx, table):
        yield canonical({"table": name, "id": key, "row": row})


def _lines(values: Iterable[bytes]) -> bytes:
    return b"".join(value + b"\n" for value in values)


def _place(target: Path, data: bytes) -> None:
    with whole_file(target) as staged:
        staged.write_bytes(data)
