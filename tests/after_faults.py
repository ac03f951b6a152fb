"""What must hold of a demonstration whose nodes died on the way: everything an uninterrupted one has, once.

`differences` compares a run with the uninterrupted one: the report, the records of every table, the evidence by
deed, the ledgers, the files left lying about. Empty means that nothing was lost and nothing was done twice.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

from paperwork import parties

from demo_run import Run

NODES = tuple(parties())
RANDOM = {"id", "node_code", "code", "policy_hash", "seconds", "negotiations_ms", "bytes", "checkpoints", "entries"}
"""Not compared; checkpoints, because a node signs one when leaves wait: how many come together is a matter of time.
Entries are compared deed by deed."""
MACHINERY = {
    "alembic_version", "evidence_asked", "evidence_checkpoint", "evidence_cosignature", "evidence_leaf", "evidence_node",
    "evidence_witnessed", "inbox", "job", "seen_token", "transfer_address",
}  # fmt: skip
"""Tables that tell how often messages and checkpoints went to and fro; every other table must have the same rows."""


HEARTS = ("register.connector_stopped", "register.connector_running")
"""Nor these: whether a heart was missed for a while is a matter of time."""

ENDED_EITHER_WAY = ("deliver.ended", "deliver.grant_ended", "deliver.transfer_terminated")
"""Nor by which link these came: of the transfer's own message, the proof of destruction and the contract's end on the
national rail, the first that arrives ends what the others then find ended."""


def comparable(value: Any) -> Any:
    """The report without times, random ids, keys and hashes."""
    if isinstance(value, dict):
        return {name: comparable(part) for name, part in value.items() if name not in RANDOM}
    if isinstance(value, list):
        return [comparable(part) for part in value]
    return value


def fired(run: Run) -> set[str]:
    """ "node:point" of every death that was planned and came about."""
    return {
        f"{log.parent.name}:{point}" for log in run.folder.glob("*/crashes.log") for point in log.read_text().split()
    }


def differences(run: Run, finished: Run) -> list[str]:
    found = _unlike("report", comparable(finished.report), comparable(run.report))
    found += _unlike("rows of", _records(finished.folder), _records(run.folder))
    found += _unlike("evidence of", _deeds(finished.folder), _deeds(run.folder))
    found += [f"{node}: {fault}" for node in NODES for fault in _faults(run.folder / node)]
    return found


def _unlike(what: str, wanted: dict[Any, Any], found: dict[Any, Any]) -> list[str]:
    names = sorted(set(wanted) | set(found), key=str)
    return [
        f"{what} {name}: {found.get(name)!r} instead of {wanted.get(name)!r}"
        for name in names
        if wanted.get(name) != found.get(name)
    ]


def _store(node: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{node / 'datong.db'}?mode=ro", uri=True)


def _records(folder: Path) -> dict[str, int]:
    """Number of rows of every table of every node, but for the machinery."""
    found = {}
    for node in NODES:
        with closing(_store(folder / node)) as store:
            names = [row[0] for row in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            for name in set(names) - MACHINERY:
                found[f"{node} {name}"] = store.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]
    return found


def _deeds(folder: Path) -> Counter[str]:
    """Number of leaves of every node by link and deed."""
    found: Counter[str] = Counter()
    for node in NODES:
        with closing(_store(folder / node)) as store:
            for act, body in store.execute("SELECT act, body FROM evidence_leaf"):
                if act in HEARTS:
                    continue
                link = json.loads(body)["link"]
                either = act in ENDED_EITHER_WAY and link in ("deliver", "ndi")
                found[f"{node} {'deliver or ndi' if either else link}: {act}"] += 1
    return found


# NET-410: the visitor of the national chapter has left, and what was still on its way to it ends. A checkpoint for a
# witness that was just killed may wait for its next try; the next one tells it all the same.
ONCE = {
    "contract": "SELECT negotiation, count(*) FROM agreement GROUP BY negotiation HAVING count(*) > 1",
    "invoice": "SELECT agreement, count(*) FROM invoice GROUP BY agreement, from_at HAVING count(*) > 1",
    "charge": "SELECT reference, count(*) FROM ledger_entry GROUP BY reference, kind HAVING count(*) > 1",
    "usage event": "SELECT agreement, count(*) FROM usage_event GROUP BY grant_id, table_name, version HAVING count(*) > 1",
    "delivery": "SELECT agreement, count(*) FROM received GROUP BY agreement, version HAVING count(*) > 1",
    "unbalanced entry": "SELECT entry, sum(amount_fen) FROM posting GROUP BY entry HAVING sum(amount_fen) <> 0",
    "failed job": "SELECT kind, last_error FROM job WHERE state = 'failed' AND last_error NOT LIKE '[NET-410]%'",
    "unfinished job": "SELECT kind, last_error FROM job WHERE state NOT IN ('done', 'failed') AND attempts > 0"
    " AND NOT (kind = 'node.send' AND payload LIKE '%\"evidence.checkpoint\"%')",
}


def _faults(node: Path) -> list[str]:
    with closing(_store(node)) as store:
        found = [f"{name} {tuple(row)}" for name, query in ONCE.items() for row in store.execute(query)]
    strays = [*node.glob("data/staging/*"), *node.glob("data/harmonised/.staged/*"), *node.glob("products/**/*.staged")]
    return found + [f"left lying about: {stray.relative_to(node)}" for stray in strays]
