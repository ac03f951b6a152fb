"""The sequencer: gives leaves their positions, tree nodes and a signed checkpoint within a second.

A commit that wrote leaves wakes it; a slow sweep finds what other processes wrote. One transaction does all of
a batch: positions in order of writing, the nodes that became complete, the head moved by compare-and-set, the
checkpoint signed. So a crash at any moment leaves either nothing or the whole batch, and a second sequencer on
the same store can only find less to do. The static files follow from the store, under a lock on their folder,
and are mended at start. Must never know: what leaves say. Contract: tests/ground/test_evidence_sequencer.py.
"""

from __future__ import annotations

import fcntl
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.exc import IntegrityError

from datong.ground import clock
from datong.ground.db import NODE, Store, Tx
from datong.ground.evidence import log, note, tiles, tree, witness
from datong.ground.evidence.leaves import is_sealed, leaves, wakes
from datong.ground.keys import PrivateKey
from datong.ground.prepared import Prepared
from datong.ground.refusal import Kind, Reason, Refusal, Text

logger = logging.getLogger("datong.evidence")

STORE_BEHIND = Reason(
    "GND-413",
    Kind.conflict,
    Text("节点未启动。", "The node was not started."),
    Text("数据库只有 {size} 条存证，本节点签署的 {file} 却记有 {published} 条：数据库比日志旧，继续会签出另一段历史。",
         "The store has {size} leaves of evidence, and {file}, signed by this node, speaks of {published}: the store "
         "is older than the log, and to go on would be to sign another history."),
    Text("请恢复最新的数据库备份；确无更新的备份时，将 evidence 文件夹移至他处保存，告知见证节点后再启动。",
         "Restore the newest backup of the store; where there is none, keep the folder evidence elsewhere, tell the "
         "witnesses, and start again."),
)  # fmt: skip

LINK = "evidence"
PERIOD_SECONDS = 0.2
SWEEP_SECONDS = 0.5
WITNESS_SECONDS = 1.0
"""How often it is looked whether a witness is to be asked."""
BATCH_LEAVES = 4_096


class Sequencer:
    """One thread that integrates the leaves of one store and publishes its log under `folder`.

    origin: the log's name ("datong/<node code>"), or a function that says it once the node has its code and
    the empty text before: nothing is integrated until then. period_seconds: how long leaves are gathered into
    one checkpoint. witnesses: codes of the nodes asked to cosign.
    """

    def __init__(
        self,
        store: Store,
        key: PrivateKey,
        origin: str | Callable[[], str],
        folder: Path,
        *,
        period_seconds: float = PERIOD_SECONDS,
        witnesses: Sequence[str] | Callable[[], Sequence[str]] = (),
    ) -> None:
        self.store, self.key, self.folder, self.period_seconds = store, key, folder, period_seconds
        self._origin, self._witnesses = origin, witnesses
        self._published: tuple[int, int] | None = None  # size and number of cosignatures, None until mended
        self._alarmed = self._named = False
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="datong-evidence", daemon=True)
        log.install(store, folder)

    def start(self) -> None:
        wakes(self.store, self._wake, on=True)
        self._thread.start()

    def stop(self) -> None:
        """Integrate what is there and end the thread."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)
        wakes(self.store, self._wake, on=False)

    def run_once(self, *, asking: bool = True) -> int:
        """Integrate all waiting leaves, publish, ask the witnesses (if `asking`); the number of leaves integrated."""
        origin = self._origin if isinstance(self._origin, str) else self._origin()
        self._named, done = bool(origin), 0
        while origin and (integrated := integrate(self.store, self.key, origin)):
            done += integrated
        self._publish()
        if origin and asking:
            self._ask_witnesses()
        return done

    def _run(self) -> None:
        ask_at = 0.0
        while True:
            last = self._stop.is_set()  # asked before the round, so that the last one takes what came before it
            try:
                asking = last or time.monotonic() >= ask_at
                self.run_once(asking=asking)
                ask_at = time.monotonic() + WITNESS_SECONDS if asking else ask_at
                self._alarm()
            except Refusal as refusal:
                logger.warning("the sequencer waits: %s", refusal)
            except Exception:
                logger.exception("the sequencer stumbled; it goes on")
            if last:
                return
            if self._wake.wait(SWEEP_SECONDS):
                self._stop.wait(self.period_seconds)  # gather what comes next into the same checkpoint
                self._wake.clear()

    def _alarm(self) -> None:
        if not self._named:  # leaves of a node that has not joined yet wait for its code, however long that takes
            return
        with self.store.read() as tx:
            lag = log.lag_seconds(tx)
        late = lag > log.ALARM_SECONDS
        if late and not self._alarmed:
            logger.error("a leaf has waited %.1f s for its place in the evidence log", lag)
        self._alarmed = late

    def _publish(self) -> None:
        with self.store.read() as tx:
            state = _state(tx)
        if state == self._published:
            return
        with _locked(self.folder), self.store.read() as tx:
            state = _state(tx)
            if self._published is None:
                tiles.sweep(self.folder)
                publish(tx, self.folder, tiles.missing(self.folder, state[0]))
            else:
                publish(tx, self.folder, tiles.tiles(state[0], since=self._published[0]))
        self._published = state

    def _ask_witnesses(self) -> None:
        codes = self._witnesses() if callable(self._witnesses) else self._witnesses
        with self.store.read() as tx:
            due = witness.due(tx, codes)
        if due:
            with self.store.begin(NODE, LINK) as tx:
                for code in witness.due(tx, due):
                    witness.ask(tx, code)


def require_whole(store: Store, key: PrivateKey, folder: Path) -> None:
    """STORE_BEHIND where a store was put back to a time before the newest checkpoint that this node published."""
    file = folder / "checkpoint"
    try:
        signed = note.parsed(file.read_text("utf-8"))
        published = note.parsed_checkpoint(signed.text)
    except (OSError, ValueError):  # none yet, or damaged: `datong audit verify` tells, and it is written anew
        return
    with store.read() as tx:
        size = log.size(tx)
    if published.size > size and note.is_signed_by(signed, published.origin, key.public):
        raise STORE_BEHIND(size=size, published=published.size, file=file)


CLOCK_SECONDS = 60
"""By how much a clock may be behind before it is worth a word: time services put smaller differences right."""


def warn_of_clock(store: Store) -> None:
    """Say so where this machine's clock stands before the newest checkpoint: it was set back, or was ahead then. The
    node starts all the same (it may be the earlier time that was wrong), but what had expired would be valid again."""
    with store.read() as tx:
        newest, now = log.last_checkpoint(tx), tx.wall_now
    if newest is not None and clock.instant(newest["wall_at"]) > now + timedelta(seconds=CLOCK_SECONDS):
        logger.warning(
            "the clock of this machine stands at %s, before the newest checkpoint (%s): see to its time service; "
            "expired tokens and addresses are valid again until then, and evidence is dated before what precedes it",
            clock.text(now), newest["wall_at"],
        )  # fmt: skip


def integrate(store: Store, key: PrivateKey, origin: str, limit: int = BATCH_LEAVES) -> int:
    """Give the next leaves (in order of writing) their places and sign the new checkpoint, in one transaction.

    The number of leaves; 0 when none waits or another sequencer was faster.
    """
    with store.read() as tx:
        if tx.first(_ANY) is None:
            return 0
    try:
        with store.begin(NODE, LINK) as tx:
            return _integrated(tx, key, origin, limit)
    except (_Overtaken, IntegrityError):
        return 0


_ANY = Prepared(select(leaves.c.id).where(leaves.c.position.is_(None)).limit(1))


class _Overtaken(Exception):
    """Another sequencer moved the head."""


def _integrated(tx: Tx, key: PrivateKey, origin: str, limit: int) -> int:
    size = log.size(tx)
    waiting = _waiting(tx, limit)
    if not waiting:
        return 0
    new_size = size + len(waiting)
    _move_head(tx, size, new_size)
    peaks = log.node_hashes(tx, tree.complete_nodes((0, size)))
    log.add_nodes(tx, tree.grown(size, peaks, [tree.leaf_hash(bytes(row["body"])) for row in waiting]))
    _PLACED.each(tx.conn, [{"leaf": row["id"], "place": place} for place, row in enumerate(waiting, size)])
    root = log.root(tx, new_size)
    text = note.Checkpoint(origin, new_size, root).text
    row = {
        "id": f"{new_size:016d}", "size": new_size, "root": root.hex(), "note": note.signed(text, origin, key),
        "wall_at": tx.wall,
    }  # fmt: skip
    tx.add(log.checkpoints, row)
    return len(waiting)


_PLACED = Prepared(update(leaves).where(leaves.c.id == bindparam("leaf")).values(position=bindparam("place")))


def _waiting(tx: Tx, limit: int) -> list[dict[str, Any]]:
    """The next leaves without a place. One that this node did not seal never gets one: it waits, and is named."""
    sealed = is_sealed(tx)
    return [row for row in tx.found(_WAITING, most=limit) if sealed(row["seq"], row["body"], row["seal"])]


_WAITING = Prepared(
    select(leaves.c.id, leaves.c.seq, leaves.c.body, leaves.c.seal)
    .where(leaves.c.position.is_(None))
    .order_by(leaves.c.seq)
    .limit(bindparam("most"))
)


def _move_head(tx: Tx, size: int, new_size: int) -> None:
    if size == 0 and tx.get(log.head, "head") is None:
        tx.add(log.head, {"id": "head", "size": new_size})
        return
    if _MOVED.changed(tx.conn, {"size": new_size, "known": size}) != 1:
        raise _Overtaken


_MOVED = Prepared(update(log.head).where(log.head.c.id == "head", log.head.c.size == bindparam("known")))


def publish(tx: Tx, folder: Path, wanted: Iterator[tiles.Tile]) -> int:
    """Write the wanted tiles from the store, then the newest checkpoint. The number of tiles written."""

    def content(tile: tiles.Tile) -> bytes:
        return tile_bytes(tx, tile)

    written = tiles.write(folder, wanted, content)
    newest = log.last_checkpoint(tx)
    if newest is not None:
        tiles.write_checkpoint(folder, log.cosigned_note(tx, newest))
    return written


def tile_bytes(tx: Tx, tile: tiles.Tile) -> bytes:
    """What the file of a tile must hold, from the store."""
    start = tile.index * tiles.WIDTH
    end = start + tile.width
    if tile.level != tiles.ENTRIES:
        return b"".join(log.level_hashes(tx, 8 * tile.level, start, end))
    return tiles.bundle([bytes(row["body"]) for row in tx.found(_ENTRIES, first=start, last=end - 1)])


_ENTRIES = Prepared(
    select(leaves.c.body)
    .where(leaves.c.position.between(bindparam("first"), bindparam("last")))
    .order_by(leaves.c.position)
)


def _state(tx: Tx) -> tuple[int, int]:
    """Size of the newest checkpoint and how many cosignatures it bears."""
    newest = log.last_checkpoint(tx)
    size = int(newest["size"]) if newest else 0
    (counted,) = tx.found(_COSIGNED, size=size)
    return size, int(counted["n"])


_COSIGNED = Prepared(select(func.count().label("n")).where(log.cosignatures.c.size == bindparam("size")))


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Only one process writes the files of a log at a time."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
