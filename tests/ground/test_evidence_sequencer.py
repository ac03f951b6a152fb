"""The sequencer and the log: order, crashes, two sequencers, receipts, files that follow the store."""

from __future__ import annotations

import base64
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from datong.ground import evidence, signing
from datong.ground.db import NODE, Store, settings, sqlite_url
from datong.ground.evidence import log, note, sequencer, tiles, tree
from datong.ground.evidence.leaves import leaves
from datong.ground.evidence.sequencer import Sequencer, integrate, require_whole, warn_of_clock
from datong.ground.keys import PrivateKey
from datong.ground.refusal import Refusal
from stores import with_tables

ORIGIN = "datong/TEST"
KEY = PrivateKey.new()
ME = signing.Me("TEST", "P", "test", "http://test")


def deed(store: Store, times: int = 1, name: str = "s") -> list[str]:
    """`times` leaves in one transaction."""
    with store.begin(NODE) as tx:
        if tx.get(settings, name) is None:
            tx.add(settings, {"id": name, "value": 0})
        return [evidence.append(tx, "ground.set", settings, name, n=n) for n in range(times)]


def expected(store: Store) -> tuple[int, bytes]:
    """Size and root of the tree over all leaves in order of writing, computed afresh."""
    with store.read() as tx:
        hashes = [tree.leaf_hash(bytes(row.body)) for row in tx.all(select(leaves).order_by(leaves.c.seq))]
    nodes = tree.grown(0, {}, hashes)
    return len(hashes), tree.folded([nodes[node] for node in tree.complete_nodes((0, len(hashes)))])


def assert_whole(store: Store, folder: Path) -> None:
    """The store's tree, its newest checkpoint and the files are those of the leaves in order."""
    size, root = expected(store)
    with store.read() as tx:
        positions = [row.position for row in tx.all(select(leaves.c.position).order_by(leaves.c.seq))]
        assert positions == list(range(size))
        newest = log.last_checkpoint(tx)
        assert newest is not None and (newest["size"], newest["root"]) == (size, root.hex())
        signed = note.parsed(newest["note"])
        assert note.parsed_checkpoint(signed.text) == note.Checkpoint(ORIGIN, size, root)
        assert note.is_signed_by(signed, ORIGIN, KEY.public)
        assert (folder / "checkpoint").read_text() == newest["note"]
        for tile in tiles.tiles(size):
            assert (folder / tile.path).read_bytes() == sequencer.tile_bytes(tx, tile)
    entries = [
        entry
        for tile in tiles.tiles(size)
        if tile.level == tiles.ENTRIES
        for entry in tiles.entries_in((folder / tile.path).read_bytes())
    ]
    nodes = tree.grown(0, {}, [tree.leaf_hash(entry) for entry in entries])
    assert tree.folded([nodes[node] for node in tree.complete_nodes((0, size))]) == root
    assert not list(folder.rglob("*.staged"))


def test_grows_over_many_runs(store: Store, tmp_path: Path) -> None:
    grower = Sequencer(store, KEY, ORIGIN, tmp_path)
    assert grower.run_once() == 0
    for times in (1, 2, 254, 1, 300, 700):
        deed(store, times)
        assert grower.run_once() == times
        assert_whole(store, tmp_path)


def test_a_large_backlog_is_taken_in_batches(store: Store, tmp_path: Path) -> None:
    deed(store, 100)
    while integrate(store, KEY, ORIGIN, limit=7):
        pass
    assert Sequencer(store, KEY, ORIGIN, tmp_path).run_once() == 0
    assert_whole(store, tmp_path)


def test_every_checkpoint_continues_every_earlier_one(store: Store, tmp_path: Path) -> None:
    for times in (1, 5, 2, 8, 1):
        deed(store, times)
        integrate(store, KEY, ORIGIN)
    with store.read() as tx:
        signed = tx.all(select(log.checkpoints).order_by(log.checkpoints.c.size))
        assert len(signed) == 5
        for old in signed:
            for new in signed:
                if old.size <= new.size:
                    proof = log.consistency_proof(tx, old.size, new.size)
                    roots = bytes.fromhex(old.root), bytes.fromhex(new.root)
                    assert tree.consistent(old.size, roots[0], new.size, roots[1], proof)


def test_receipts_wait_for_the_checkpoint(store: Store) -> None:
    ids = deed(store, 5)
    with store.read() as tx, pytest.raises(Refusal) as refused:
        evidence.receipt(tx, ids[2])
    assert refused.value.code == "EVD-503" and refused.value.kind == "unavailable"
    integrate(store, KEY, ORIGIN)
    with store.read() as tx:
        found = evidence.receipt(tx, ids[2])
        with pytest.raises(Refusal, match="EVD-404"):
            evidence.receipt(tx, "leaf-none")
    signed = note.parsed(found["checkpoint"])
    checkpoint = note.parsed_checkpoint(signed.text)
    proof = [base64.b64decode(part) for part in found["proof"]]
    leaf = tree.leaf_hash(found["leaf"].encode())
    assert note.is_signed_by(signed, ORIGIN, KEY.public)
    assert tree.includes(leaf, found["index"], checkpoint.size, checkpoint.root, proof)
    assert not tree.includes(tree.leaf_hash(b"{}"), found["index"], checkpoint.size, checkpoint.root, proof)


def test_a_proof_of_another_tree(store: Store, tmp_path: Path) -> None:
    other = Store(sqlite_url(tmp_path / "other.db"))
    with_tables(other)
    signing.install(other, KEY, ME)
    ids = deed(store, 6)
    deed(other, 6)
    integrate(store, KEY, ORIGIN)
    integrate(other, KEY, ORIGIN)
    with store.read() as tx, other.read() as theirs:
        found = evidence.receipt(tx, ids[3])
        checkpoint = log.last_checkpoint(theirs)
    assert checkpoint is not None and checkpoint["size"] == 6
    proof = [base64.b64decode(part) for part in found["proof"]]
    root = bytes.fromhex(checkpoint["root"])
    assert not tree.includes(tree.leaf_hash(found["leaf"].encode()), found["index"], 6, root, proof)
    other.dispose()


def test_nothing_is_signed_before_the_node_has_its_name(store: Store, tmp_path: Path) -> None:
    names = [""]
    waiting = Sequencer(store, KEY, lambda: names[0], tmp_path)
    deed(store)
    assert waiting.run_once() == 0
    names[0] = ORIGIN
    assert waiting.run_once() == 1
    assert_whole(store, tmp_path)


def test_the_alarm_after_ten_seconds(tmp_path: Path) -> None:
    now = [datetime(2026, 3, 2, 8, tzinfo=UTC)]
    store = Store(sqlite_url(tmp_path / "n.db"), wall=lambda: now[0])
    with_tables(store)
    signing.install(store, KEY, ME)
    deed(store)
    for seconds, alarm in ((9, False), (11, True)):
        now[0] = datetime(2026, 3, 2, 8, tzinfo=UTC) + timedelta(seconds=seconds)
        with store.read() as tx:
            assert evidence.lag_seconds(tx) == seconds
            assert evidence.health(tx)["alarm"] is alarm
    integrate(store, KEY, ORIGIN)
    with store.read() as tx:
        assert evidence.health(tx) == {
            "leaves": 1, "pending": 0, "lag_seconds": 0.0, "alarm": False, "checkpoint_size": 1,
            "checkpoint_at": "2026-03-02T08:00:11Z", "cosignatures": 0,
        }  # fmt: skip
    store.dispose()


def test_two_sequencers_make_one_tree(store: Store, tmp_path: Path) -> None:
    """Four threads over two connections pools on one file, while leaves are written."""
    twin = Store(store.url)
    with store.read() as tx:
        signing.install(twin, signing.node_key(tx), ME)
    both = [Sequencer(s, KEY, ORIGIN, tmp_path, period_seconds=0) for s in (store, twin)]
    done: list[int] = []

    def work(one: Sequencer) -> None:
        for _ in range(30):
            done.append(one.run_once())

    threads = [threading.Thread(target=work, args=(one,)) for one in both]
    for thread in threads:
        thread.start()
    for _ in range(40):
        deed(store, 3)
    for thread in threads:
        thread.join()
    done.append(both[0].run_once())
    assert sum(done) == 120
    Sequencer(store, KEY, ORIGIN, tmp_path).run_once()
    assert_whole(store, tmp_path)
    twin.dispose()


def test_an_overtaken_sequencer_undoes_its_batch(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on PostgreSQL, where both read the head before either moves it."""
    deed(store, 4)
    integrate(store, KEY, ORIGIN)
    deed(store, 2)
    monkeypatch.setattr(log, "size", lambda _tx: 3)
    assert integrate(store, KEY, ORIGIN) == 0
    monkeypatch.undo()
    assert integrate(store, KEY, ORIGIN) == 2
    with store.read() as tx:
        assert log.size(tx) == 6


def test_a_commit_wakes_the_thread(store: Store, tmp_path: Path) -> None:
    running = Sequencer(store, KEY, ORIGIN, tmp_path, period_seconds=0.01)
    running.start()
    try:
        ids = deed(store)
        until = time.monotonic() + 5
        while time.monotonic() < until:
            with store.read() as tx:
                if log.size(tx) == 1:
                    break
            time.sleep(0.01)
        with store.read() as tx:
            assert evidence.receipt(tx, ids[0])["index"] == 0
    finally:
        deed(store, 2)
        running.stop()
    assert_whole(store, tmp_path)  # stopping integrated what was left


def test_files_are_mended_from_the_store(store: Store, tmp_path: Path) -> None:
    deed(store, 600)
    Sequencer(store, KEY, ORIGIN, tmp_path).run_once()
    (tmp_path / "tile/0/000").write_bytes(b"short")
    (tmp_path / "tile/entries/001").unlink()
    (tmp_path / "checkpoint").write_text("old")
    (tmp_path / "tile/0/001.staged").write_bytes(b"torn")
    Sequencer(store, KEY, ORIGIN, tmp_path).run_once()
    assert_whole(store, tmp_path)
    shutil.rmtree(tmp_path / "tile")
    Sequencer(store, KEY, ORIGIN, tmp_path).run_once()
    assert_whole(store, tmp_path)


CHILD = """
import sys
from pathlib import Path
from datong.ground.db import Store
from datong.ground.evidence import tiles
from datong.ground.evidence.sequencer import Sequencer
from datong.ground.keys import PrivateKey
from datong.ground import crash, signing
folder = Path(sys.argv[1])
if sys.argv[2] == "files":
    place = tiles._place
    def torn(*args):
        place(*args)
        crash.point("files")
    tiles._place = torn
store, key = Store(sys.argv[3]), PrivateKey.at(folder / "key.pem")
signing.install(store, key, signing.Me("TEST", "P", "test", "http://test"))
Sequencer(store, key, "datong/TEST", folder / "log").run_once()
"""


def test_a_store_put_back_to_an_older_backup_does_not_sign_another_history(tmp_path: Path) -> None:
    now, folder = Store(sqlite_url(tmp_path / "now.db")), tmp_path / "evidence"
    with_tables(now)
    signing.install(now, KEY, ME)
    require_whole(now, KEY, folder)  # nothing was published yet
    deed(now, 3)
    run = Sequencer(now, KEY, ORIGIN, folder)
    run.run_once()
    now.dispose()
    shutil.copy(tmp_path / "now.db", tmp_path / "backup.db")
    deed(now, 2)
    run.run_once()
    require_whole(now, KEY, folder)
    now.dispose()
    backup = Store(sqlite_url(tmp_path / "backup.db"))
    with pytest.raises(Refusal, match=r"GND-413.* 3 leaves .* speaks of 5"):
        require_whole(backup, KEY, folder)
    require_whole(backup, PrivateKey.new(), folder)  # another key's checkpoint says nothing of this node
    (folder / "checkpoint").write_bytes(b"\xff torn")
    require_whole(backup, KEY, folder)
    shutil.rmtree(folder)  # kept elsewhere by the operator, who has no newer backup
    require_whole(backup, KEY, folder)
    backup.dispose()


@pytest.mark.parametrize(("seconds", "told"), [(0, False), (30, False), (-3600, False), (3600, True)])
def test_a_clock_that_was_set_back_is_told_at_the_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, seconds: int, told: bool
) -> None:
    here = Store(sqlite_url(tmp_path / "n.db"))
    with_tables(here)
    signing.install(here, KEY, ME)
    warn_of_clock(here)  # nothing was signed yet
    deed(here)
    Sequencer(here, KEY, ORIGIN, tmp_path / "evidence").run_once()
    here.wall_clock = lambda: datetime.now(UTC) - timedelta(seconds=seconds)
    warn_of_clock(here)
    assert [record.levelname for record in caplog.records] == ["WARNING"] * told
    assert not told or "before the newest checkpoint" in caplog.text
    here.dispose()


@pytest.mark.parametrize("point", ["evidence.before_commit", "evidence.after_commit", "files"])
def test_killed_and_started_again_it_continues_to_the_same_tree(store: Store, node_folder: Path, point: str) -> None:
    key = PrivateKey.at(node_folder / "key.pem")
    signing.install(store, key, ME)
    deed(store, 10)
    env = {**os.environ, "DATONG_CRASH": point, "DATONG_CRASH_LOG": str(node_folder / "crash.log")}
    died = subprocess.run([sys.executable, "-c", CHILD, str(node_folder), point, store.url], env=env, check=False)
    assert died.returncode == -signal.SIGKILL
    with store.read() as tx:
        assert log.size(tx) == (0 if point == "evidence.before_commit" else 10)
        newest = log.last_checkpoint(tx)
        assert (newest is None) == (point == "evidence.before_commit")
    deed(store, 3)
    Sequencer(store, key, ORIGIN, node_folder / "log").run_once()
    size, root = expected(store)
    with store.read() as tx:
        newest = log.last_checkpoint(tx)
    assert newest is not None and (newest["size"], newest["root"]) == (size, root.hex()) and size == 13
    assert (node_folder / "log" / "checkpoint").read_text() == newest["note"]


def test_a_missing_node_is_a_fault_not_a_wrong_proof(store: Store) -> None:
    deed(store, 8)
    integrate(store, KEY, ORIGIN)
    with store.begin(NODE) as tx:
        tx.execute(delete(log.nodes).where(log.nodes.c.id == log.node_id((1, 0))))
    with store.read() as tx, pytest.raises(KeyError):
        log.inclusion_proof(tx, 3, 8)
