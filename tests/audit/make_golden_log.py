"""Rebuild the golden log: a small node's evidence, every byte fixed by this script.

    .venv/bin/python tests/audit/make_golden_log.py

writes tests/audit/golden_log/: bundle/ (an evidence bundle, unpacked) and log/ (checkpoint and tiles). The test
builds it again and compares: when it differs, the format of the log has changed, and old logs must still verify.
"""

from __future__ import annotations

import io
import itertools
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import JSON, Column, Float, Integer, String, Table

from datong.audit import service as audit
from datong.ground import evidence, signing
from datong.ground.db import Actor, Store, metadata, sqlite_url, table
from datong.ground.evidence import log, note
from datong.ground.evidence.sequencer import Sequencer
from datong.ground.keys import PrivateKey
from stores import with_tables

GOLDEN = Path(__file__).parent / "golden_log"
CLERK = Actor("p-1", "finance", "91520100MA6DATONG5")


@contextmanager
def declared() -> Iterator[Table]:
    made = table(
        "golden_invoice",
        Column("gross_fen", Integer),
        Column("share", Float),
        Column("buyer", String(80), info={"personal": True}),
        Column("parts", JSON),
    )
    try:
        yield made
    finally:
        metadata.remove(made)


def build(target: Path, key: PrivateKey | None = None, witness: PrivateKey | None = None) -> None:
    """Write the golden log into `target`; another one where other keys are given."""
    numbers, seconds = itertools.count(1), itertools.count()
    start = datetime(2026, 3, 2, tzinfo=UTC)
    with (
        tempfile.TemporaryDirectory() as folder,
        declared() as invoice,
        patch("datong.ground.evidence.leaves.new_id", lambda prefix: f"{prefix}-{next(numbers):032x}"),
        patch("datong.ground.evidence.leaves.secrets.token_hex", lambda size: f"{next(numbers):0{2 * size}x}"),
    ):
        store = Store(sqlite_url(Path(folder) / "n.db"), wall=lambda: start + timedelta(seconds=next(seconds)))
        invoice.create(store.engine)
        with_tables(store)
        key = key or PrivateKey(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
        witness = witness or PrivateKey(Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33))))
        signing.install(store, key, signing.Me("GOLDEN", CLERK.party, "golden", "http://golden"))
        grower = Sequencer(store, key, note.origin_of("GOLDEN"), target / "log")
        for part in range(3):
            _deeds(store, invoice, part)
            grower.run_once()
        _cosign(store, witness)
        grower.run_once()
        with store.read(CLERK) as tx, zipfile.ZipFile(io.BytesIO(audit.bundle(tx))) as packed:
            packed.extractall(target / "bundle")
        store.dispose()
    (target / "log" / ".lock").unlink()


def _deeds(store: Store, invoice: Table, part: int) -> None:
    for n in range(part, part + 2):
        with store.begin(CLERK, "settle") as tx:
            name = f"inv-{part}-{n}"
            parts = [{"party": "甲\u20ac\U0001f6b2", "weight": weight} for weight in (1, 2.5, 1e21, 1e-7)]
            tx.add(
                invoice, {"id": name, "gross_fen": 100 * n, "share": 1 / (n + 3), "buyer": f"买方{n}", "parts": parts}
            )
            evidence.append(tx, "settle.invoiced", invoice, name, gross_fen=100 * n, text='"quoted"\n\u0001')
            if n == 1:
                tx.change(invoice, name, buyer="")
                evidence.forget(tx, invoice, name)
            if n == 2:
                tx.execute(invoice.delete().where(invoice.c.id == name))
                evidence.append(tx, "settle.deleted", invoice, name)


def _cosign(store: Store, witness: PrivateKey) -> None:
    with store.begin(CLERK) as tx:
        newest = log.last_checkpoint(tx)
        assert newest is not None
        seconds = int(tx.wall_now.timestamp())
        line = note.cosigned(note.parsed(newest["note"]).text, note.origin_of("WITNESS"), witness, seconds)
        row = {
            "id": "1", "witness": "WITNESS", "size": newest["size"], "key": witness.public.text, "line": line,
            "cosigned_at": tx.wall,
        }  # fmt: skip
        tx.add(log.cosignatures, row)


if __name__ == "__main__":
    shutil.rmtree(GOLDEN, ignore_errors=True)
    build(GOLDEN)
    print(f"wrote {sum(file.is_file() for file in GOLDEN.rglob('*'))} files below {GOLDEN}")
