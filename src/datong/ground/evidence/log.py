"""The log in the store: tree nodes, signed checkpoints, and what they prove.

Every complete subtree is a row, so that any root and any proof takes O(log n) look-ups. Rows are only added,
by the sequencer, together with the positions of the leaves and the checkpoint that signs them.
Must never know: how leaves are worded, who witnesses. Contract: tests/ground/test_evidence_sequencer.py.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Column, Integer, LargeBinary, String, bindparam, func, insert, select
from sqlalchemy import Text as LongText

from datong.ground import clock
from datong.ground.db import Instant, Store, Tx, table
from datong.ground.evidence import tree
from datong.ground.evidence.leaves import leaves
from datong.ground.prepared import Prepared
from datong.ground.refusal import Kind, Reason, Text

ALARM_SECONDS = 10.0
_CHUNK = 500

NO_LEAF = Reason(
    "EVD-404",
    Kind.unknown,
    Text("没有存证记录 {leaf}。", "There is no leaf {leaf}."),
    Text("本节点的存证日志中没有该编号。", "This node's evidence log has no leaf of that id."),
    Text("请核对编号；datong audit leaves 可列出。", "Check the id; datong audit leaves lists them."),
)
NOT_INTEGRATED = Reason(
    "EVD-503",
    Kind.unavailable,
    Text("存证 {leaf} 尚无回执。", "There is no receipt of leaf {leaf} yet."),
    Text("该记录尚未进入已签名的检查点。", "It is not covered by a signed checkpoint so far."),
    Text("请在一秒后重试；持续十秒以上请查看节点告警。",
         "Try again in a second; if it lasts over ten seconds, see the node's alarms."),
)  # fmt: skip

nodes = table("evidence_node", Column("hash", LargeBinary, nullable=False))
"""id = "<level>.<index>", zero-padded so that one level's nodes lie in order."""

checkpoints = table(
    "evidence_checkpoint",
    Column("size", Integer, nullable=False, unique=True),
    Column("root", String(64), nullable=False),  # hex
    Column("note", LongText, nullable=False),
    Column("wall_at", Instant, nullable=False),
)
"""id = the size, zero-padded."""

head = table("evidence_head", Column("size", Integer, nullable=False))
"""One row "head": the number of leaves with positions. It is moved by compare-and-set, so of two sequencers
one wins and the other finds nothing left to do."""

cosignatures = table(
    "evidence_cosignature",
    Column("witness", String(80), nullable=False),  # node code
    Column("size", Integer, nullable=False, index=True),
    Column("key", String(80), nullable=False),
    Column("line", LongText, nullable=False),
    Column("cosigned_at", Instant, nullable=False),
)

_FOLDERS: WeakKeyDictionary[Store, Path] = WeakKeyDictionary()


def install(store: Store, folder: Path) -> None:
    """Tell this process where the static files of this store's log are."""
    _FOLDERS[store] = folder


def folder_of(store: Store) -> Path | None:
    return _FOLDERS.get(store)


def node_id(node: tree.Node) -> str:
    return f"{node[0]:02d}.{node[1]:016d}"


def node_hashes(tx: Tx, wanted: Iterable[tree.Node]) -> dict[tree.Node, bytes]:
    """The hashes of these nodes; a KeyError when one is not there."""
    ids = {node_id(node): node for node in wanted}
    found: dict[tree.Node, bytes] = {}
    keys = list(ids)
    for start in range(0, len(keys), _CHUNK):
        for row in tx.all(select(nodes).where(nodes.c.id.in_(keys[start : start + _CHUNK]))):
            found[ids[row.id]] = bytes(row.hash)
    absent = [key for key in keys if ids[key] not in found]
    if absent:
        raise KeyError(f"tree nodes {', '.join(absent[:5])} are not there")
    return found


def level_hashes(tx: Tx, level: int, start: int, end: int) -> list[bytes]:
    """The hashes of the nodes [start, end) of one level, in order."""
    rows = tx.found(_LEVEL, first=node_id((level, start)), last=node_id((level, end - 1)))
    return [bytes(row["hash"]) for row in rows]


_LEVEL = Prepared(
    select(nodes.c.hash).where(nodes.c.id.between(bindparam("first"), bindparam("last"))).order_by(nodes.c.id)
)


def add_nodes(tx: Tx, made: Mapping[tree.Node, bytes]) -> None:
    _NODES.each(tx.conn, [{"id": node_id(node), "hash": value} for node, value in made.items()])


_NODES = Prepared(insert(nodes))


def range_hashes(tx: Tx, ranges: Sequence[tree.Range]) -> list[bytes]:
    """The hash over each range of leaves."""
    wanted = [tree.complete_nodes(leaves_range) for leaves_range in ranges]
    known = node_hashes(tx, [node for group in wanted for node in group])
    return [tree.folded([known[node] for node in group]) for group in wanted]


def root(tx: Tx, size: int) -> bytes:
    return range_hashes(tx, [(0, size)])[0]


def inclusion_proof(tx: Tx, index: int, size: int) -> list[bytes]:
    return range_hashes(tx, tree.inclusion_ranges(index, size))


def consistency_proof(tx: Tx, old: int, new: int) -> list[bytes]:
    """Empty for old == 0, where there is nothing to prove."""
    return range_hashes(tx, tree.consistency_ranges(old, new)) if old else []


def size(tx: Tx) -> int:
    """How many leaves have their position."""
    row = tx.get(head, "head")
    return int(row["size"]) if row else 0


def last_checkpoint(tx: Tx) -> dict[str, Any] | None:
    """The newest checkpoint {id, size, root, note, wall_at}, or None."""
    return tx.first(_NEWEST)


_NEWEST = Prepared(select(checkpoints).order_by(checkpoints.c.size.desc()).limit(1))


def cosigned_note(tx: Tx, checkpoint: Mapping[str, Any]) -> str:
    """The checkpoint's note with the cosignatures this node has received on it."""
    return str(checkpoint["note"]) + "".join(row["line"] for row in tx.found(_COSIGNED, size=checkpoint["size"]))


_COSIGNED = Prepared(
    select(cosignatures.c.line).where(cosignatures.c.size == bindparam("size")).order_by(cosignatures.c.id)
)


def lag_seconds(tx: Tx) -> float:
    """Age of the oldest leaf without a position; over ALARM_SECONDS is an alarm."""
    oldest = tx.first(_OLDEST_WAITING)
    if oldest is None or oldest["at"] is None:
        return 0.0
    return max(0.0, (tx.wall_now - clock.instant(oldest["at"])) / timedelta(seconds=1))


_OLDEST_WAITING = Prepared(select(func.min(leaves.c.added_at).label("at")).where(leaves.c.position.is_(None)))


def health(tx: Tx) -> dict[str, Any]:
    """{leaves, pending, lag_seconds, alarm, checkpoint_size, checkpoint_at, cosignatures}."""
    lag = lag_seconds(tx)
    newest = last_checkpoint(tx)
    at = newest["size"] if newest else 0
    pending = tx.execute(select(func.count()).select_from(leaves).where(leaves.c.position.is_(None))).scalar_one()
    cosigned = tx.execute(select(func.count()).select_from(cosignatures).where(cosignatures.c.size == at)).scalar_one()
    return {
        "leaves": size(tx), "pending": pending, "lag_seconds": round(lag, 3), "alarm": lag > ALARM_SECONDS,
        "checkpoint_size": at, "checkpoint_at": newest["wall_at"] if newest else "", "cosignatures": cosigned,
    }  # fmt: skip


def receipt(tx: Tx, leaf_id: str) -> dict[str, Any]:
    """The proof that a leaf is in the log, for anybody who has the log's public key.

    {leaf: its canonical text, index, size, proof: [base64], checkpoint: note with cosignatures}; against the
    newest checkpoint that a witness cosigned, else the newest of all.
    """
    row = tx.get(leaves, leaf_id)
    if row is None:
        raise NO_LEAF(leaf=leaf_id)
    covering = checkpoints.c.size > (row["position"] if row["position"] is not None else (1 << 31) - 1)
    newest = select(checkpoints).where(covering).order_by(checkpoints.c.size.desc()).limit(1)
    cosigned = newest.where(checkpoints.c.size.in_(select(cosignatures.c.size)))
    checkpoint = tx.row(cosigned) or tx.row(newest)
    if checkpoint is None:
        raise NOT_INTEGRATED(leaf=leaf_id)
    proof = inclusion_proof(tx, row["position"], checkpoint["size"])
    return {
        "leaf": bytes(row["body"]).decode(),
        "index": row["position"],
        "size": checkpoint["size"],
        "proof": [base64.b64encode(part).decode() for part in proof],
        "checkpoint": cosigned_note(tx, checkpoint),
    }
