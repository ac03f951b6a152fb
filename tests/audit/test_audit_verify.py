"""Every attack on a node's records and log, drawn: each must be found and named."""

from __future__ import annotations

import json
import shutil
import tracemalloc
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import JSON, Column, Integer, String, Table, text

import datong.settle.service  # noqa: F401  its tables, of which one test asks
from datong.audit import rules
from datong.audit import service as audit
from datong.audit import store as audit_store
from datong.ground import clock, evidence, signing
from datong.ground.canonical import canonical
from datong.ground.db import NODE, Actor, Store, Tx, metadata, sqlite_url, table
from datong.ground.evidence import log, note, sequencer, tiles, tree, witness
from datong.ground.evidence.leaves import _sealed, leaves, salts
from datong.ground.evidence.sequencer import Sequencer
from datong.ground.keys import PrivateKey
from statements import asked_of
from stores import with_tables

AUDITOR = Actor("p-9", "auditor", roles=frozenset({"auditor"}))


@pytest.fixture(scope="module")
def invoice() -> Iterator[Table]:
    made = table(
        "audit_case_invoice",
        Column("gross_fen", Integer),
        Column("buyer", String(80), info={"personal": True}),
        Column("parts", JSON),
    )
    yield made
    metadata.remove(made)


def opened(folder: Path) -> Store:
    store = Store(sqlite_url(folder / "datong.db"))
    key = PrivateKey.at(folder / "node.pem")
    signing.install(store, key, signing.Me("AUDITED", "P", "audited", "http://test"))
    return store


@pytest.fixture(scope="module")
def template(invoice: Table, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A node with 300 leaves on 100 invoices in several checkpoints, published; made once, copied per test."""
    folder = tmp_path_factory.mktemp("template")
    store = opened(folder)
    with_tables(store)
    grower = sequencer_of(store, folder)
    for part in range(10):
        with store.begin(NODE, "settle") as tx:
            for n in range(part * 10, part * 10 + 10):
                tx.add(invoice, {"id": f"inv-{n}", "gross_fen": n, "buyer": f"买方{n}", "parts": [{"party": n}]})
                evidence.append(tx, "settle.invoiced", invoice, f"inv-{n}")
                tx.change(invoice, f"inv-{n}", gross_fen=n + 1)
                evidence.append(tx, "settle.corrected", invoice, f"inv-{n}", gross_fen=n + 1)
                evidence.append(tx, "settle.sent", invoice, f"inv-{n}")
        grower.run_once()
    store.dispose()
    return folder


@pytest.fixture
def store(template: Path, node_folder: Path) -> Iterator[Store]:
    shutil.copytree(template, node_folder, dirs_exist_ok=True)
    copy = opened(node_folder)
    sequencer_of(copy, node_folder)
    yield copy
    copy.dispose()


@pytest.fixture
def folder(store: Store, node_folder: Path) -> Path:
    return node_folder / "evidence"


def sequencer_of(store: Store, node_folder: Path) -> Sequencer:
    with store.read() as tx:
        return Sequencer(store, signing.node_key(tx), note.origin_of(signing.me(tx).code), node_folder / "evidence")


def verified(store: Store) -> dict[str, Any]:
    with store.read(AUDITOR) as tx:
        return audit.verify(tx)


def kinds(report: dict[str, Any]) -> set[tuple[str, str]]:
    return {(problem["kind"], problem["id"] or problem["where"]) for problem in report["problems"]}


def attack(store: Store, statement: str, **values: Any) -> None:
    """As somebody with the database file in hands."""
    with store.engine.begin() as conn:
        assert conn.execute(text(statement), values).rowcount != 0


def test_an_honest_node(store: Store, folder: Path) -> None:
    report = verified(store)
    assert report == {
        "ok": True, "leaves": 300, "waiting": 0, "checkpoints": 10, "cosignatures": 0, "tables": 1, "records": 100,
        "files": report["files"], "problems": [], "problem_count": 0,
    }  # fmt: skip
    assert report["files"] >= 6
    json.dumps(report)


RECORD_ATTACKS = [
    ("UPDATE audit_case_invoice SET gross_fen = gross_fen + 1 WHERE id = 'inv-7'", "record.changed", "inv-7"),
    ("UPDATE audit_case_invoice SET buyer = '别人' WHERE id = 'inv-7'", "record.changed", "inv-7"),
    ("UPDATE audit_case_invoice SET parts = '[]' WHERE id = 'inv-7'", "record.changed", "inv-7"),
    ("UPDATE audit_case_invoice SET parts = 'torn[' WHERE id = 'inv-7'", "record.changed", "inv-7"),
    ("UPDATE audit_case_invoice SET gross_fen = 9007199254740993 WHERE id = 'inv-7'", "record.changed", "inv-7"),
    ("UPDATE audit_case_invoice SET gross_fen = 'seven' WHERE id = 'inv-7'", "record.changed", "inv-7"),
    ("UPDATE audit_case_invoice SET gross_fen = NULL WHERE id = 'inv-7'", "record.changed", "inv-7"),
    ("DELETE FROM audit_case_invoice WHERE id = 'inv-7'", "record.missing", "inv-7"),
    ("INSERT INTO audit_case_invoice VALUES ('inv-x', 1, '', '[]')", "record.unlogged", "inv-x"),
    ("DELETE FROM evidence_salt WHERE id = 'audit_case_invoice/inv-7'", "record.changed", "inv-7"),
    ("UPDATE evidence_salt SET salt = '' WHERE id = 'audit_case_invoice/inv-7'", "record.changed", "inv-7"),
]


@pytest.mark.parametrize(("statement", "kind", "record"), RECORD_ATTACKS)
def test_an_attack_on_a_record(store: Store, folder: Path, statement: str, kind: str, record: str) -> None:
    attack(store, statement)
    report = verified(store)
    assert not report["ok"] and kinds(report) == {(kind, record)}
    [problem] = report["problems"]
    assert problem["table"] == "audit_case_invoice"
    assert problem["act"] == ("" if kind == "record.unlogged" else "settle.sent")
    assert problem["zh"] and problem["en"]


@pytest.mark.parametrize(("statement", "kind", "record"), RECORD_ATTACKS)
def test_an_attack_on_a_record_is_found_page_by_page(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch, statement: str, kind: str, record: str
) -> None:
    """However large a table is, some of its rows are in memory, and each is looked at once: a hundred in parts of 7."""
    attack(store, statement)
    monkeypatch.setattr(audit_store, "PAGE_ROWS", 7)
    with asked_of(store) as asked:
        report = verified(store)
    assert kinds(report) == {(kind, record)}
    assert report["records"] in (99, 100, 101)
    whole = [text for text in asked if text.startswith("SELECT audit_case_invoice") and "LIMIT" not in text]
    assert [text for text in whole if "WHERE audit_case_invoice.id =" not in text] == []


def test_an_id_swapped_between_two_records(store: Store, folder: Path) -> None:
    attack(store, "UPDATE audit_case_invoice SET id = 'inv-t' WHERE id = 'inv-1'")
    attack(store, "UPDATE audit_case_invoice SET id = 'inv-1' WHERE id = 'inv-2'")
    attack(store, "UPDATE audit_case_invoice SET id = 'inv-2' WHERE id = 'inv-t'")
    assert kinds(verified(store)) == {("record.changed", "inv-1"), ("record.changed", "inv-2")}


def test_a_table_dropped(store: Store, folder: Path) -> None:
    attack(store, "DROP TABLE audit_case_invoice")
    assert kinds(verified(store)) == {("record.unreadable", "audit_case_invoice")}


def test_a_record_put_into_a_table_that_has_no_leaf_yet(store: Store, folder: Path) -> None:
    """The first entry of a ledger, say, made past a node that never settled anything."""
    attack(store, "INSERT INTO ledger_entry VALUES ('e-1', 'payment', 'inv-1', 'x', 'POSTED', NULL, '', '')")
    for number, amount in ((1, 500), (2, -500)):
        attack(store, "INSERT INTO posting VALUES (:id, 'e-1', :n, 'Assets:Bank', 'P', :fen, '')",
               id=f"e-1-{number}", n=number, fen=amount)  # fmt: skip
    named = {("record.unlogged", "e-1"), ("record.unlogged", "e-1-1"), ("record.unlogged", "e-1-2")}
    assert kinds(verified(store)) == named


def leaf_body(store: Store, position: int) -> bytes:
    with store.read() as tx:
        return bytes(tx.all(leaves.select().where(leaves.c.position == position))[0].body)


@pytest.mark.parametrize("position", [0, 1, 150, 255, 256, 298, 299])
def test_one_byte_of_a_leaf_flipped(store: Store, folder: Path, position: int) -> None:
    body = bytearray(leaf_body(store, position))
    place = body.index(b'"facts"') + 2
    body[place] ^= 1
    attack(store, "UPDATE evidence_leaf SET body = :b WHERE position = :p", b=bytes(body), p=position)
    problems = verified(store)["problems"]
    changed = [problem for problem in problems if problem["kind"] == "leaf.changed"]
    assert [problem["where"] for problem in changed] == [f"leaf {position}"]
    assert changed[0]["id"] == f"inv-{position // 3}"
    assert {problem["kind"] for problem in problems} == {"leaf.changed", "file.changed"}
    assert {problem["id"] for problem in problems} == {f"inv-{position // 3}"}, "the files name the same leaf"


@pytest.mark.parametrize("column", ["act", "table_name", "record_id", "record_digest", "added_at", "id"])
def test_a_column_of_a_leaf_that_says_other_than_its_body(store: Store, folder: Path, column: str) -> None:
    """Every index column: with a changed digest column a changed record could hide."""
    value = "2020-01-01T00:00:00Z" if column == "added_at" else "other"
    attack(store, f"UPDATE evidence_leaf SET {column} = :v WHERE position = 5", v=value)
    problems = verified(store)["problems"]
    assert "leaf.columns" in {p["kind"] for p in problems if p["where"] == "leaf 5"}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE evidence_leaf SET body = 'text' WHERE position = 9",
        "UPDATE evidence_leaf SET body = x'ff00' WHERE position = 9",
        "UPDATE evidence_leaf SET position = 'nine' WHERE position = 9",
        "UPDATE evidence_leaf SET seq = 'nine' WHERE position = 9",
        "UPDATE evidence_leaf SET record_id = x'00' WHERE position = 9",
        "UPDATE evidence_leaf SET added_at = 7 WHERE position = 9",
        "UPDATE evidence_node SET hash = 'text' WHERE id = '00.0000000000000009'",
        "UPDATE evidence_node SET id = 'nine' WHERE id = '00.0000000000000009'",
        "UPDATE evidence_checkpoint SET size = 'nine' WHERE size = 300",
        "UPDATE evidence_checkpoint SET note = 9 WHERE size = 300",
        "UPDATE evidence_checkpoint SET wall_at = 'never', root = 5 WHERE size = 300",
        "UPDATE evidence_head SET size = 'nine'",
    ],
)
def test_values_of_a_wrong_kind_are_named_not_a_crash(store: Store, folder: Path, statement: str) -> None:
    attack(store, statement)
    assert not verified(store)["ok"]
    with store.read(AUDITOR) as tx:
        assert len(audit.leaves(tx)) == 300


def test_a_leaf_dropped(store: Store, folder: Path) -> None:
    attack(store, "DELETE FROM evidence_leaf WHERE position = 17")
    found = kinds(verified(store))
    assert ("leaf.missing", "inv-6") in found  # the next one stands where it should have been
    assert any(kind == "checkpoint.missing" for kind, _ in found)


def test_the_newest_leaves_dropped_with_all_that_speaks_of_them(store: Store, folder: Path, invoice: Table) -> None:
    """The operator rolls the node back to its ninth checkpoint; only what was published tells (and a witness)."""
    attack(store, "DELETE FROM evidence_leaf WHERE position >= 270")
    attack(store, "DELETE FROM evidence_checkpoint WHERE size > 270")
    attack(store, "UPDATE evidence_head SET size = 270")
    attack(store, "DELETE FROM audit_case_invoice WHERE id >= 'inv-90' AND length(id) = 6")
    with store.begin(NODE) as tx:
        every = [bytes(row.body) for row in tx.all(leaves.select().order_by(leaves.c.position))]
        tx.execute(log.nodes.delete())
        log.add_nodes(tx, tree.grown(0, {}, [tree.leaf_hash(body) for body in every]))
    store.wall_clock = lambda: clock.wall_clock() + timedelta(seconds=11)
    problems = verified(store)["problems"]
    assert ("checkpoint.missing", "checkpoint 300") in {(p["kind"], p["where"]) for p in problems}


def test_the_log_rolled_back_with_its_files_while_a_witness_is_remembered(
    store: Store, folder: Path, node_folder: Path, template: Path
) -> None:
    """Everything goes back to 270 leaves, its own old note and tiles too; only what the witness said stays."""
    row = {
        "id": "W",
        "cosigned_size": 300,
        "asked_size": 300,
        "asked_at": "2026-03-02T00:00:00Z",
        "job": "",
        "answered": 1,
    }
    with store.begin(NODE) as tx:
        tx.add(witness.asked, row)
    assert verified(store)["ok"]
    for statement in (
        "DELETE FROM evidence_leaf WHERE position >= 270",
        "DELETE FROM audit_case_invoice WHERE CAST(substr(id, 5) AS INTEGER) >= 90",
        "DELETE FROM evidence_checkpoint WHERE size > 270",
        "DELETE FROM evidence_node",
        "UPDATE evidence_head SET size = 270",
    ):
        attack(store, statement)
    with store.begin(NODE) as tx:
        every = [bytes(row.body) for row in tx.all(leaves.select().order_by(leaves.c.position))]
        log.add_nodes(tx, tree.grown(0, {}, [tree.leaf_hash(entry) for entry in every]))
    shutil.rmtree(folder)
    sequencer_of(store, node_folder).run_once()
    assert kinds(verified(store)) == {("checkpoint.missing", "checkpoint 300")}
    attack(store, "UPDATE evidence_asked SET cosigned_size = 'many'")
    assert not verified(store)["ok"]


def test_two_leaves_swapped(store: Store, folder: Path) -> None:
    attack(store, "UPDATE evidence_leaf SET position = NULL WHERE position = 40")
    attack(store, "UPDATE evidence_leaf SET position = 40 WHERE position = 43")
    attack(store, "UPDATE evidence_leaf SET position = 43 WHERE position IS NULL")
    problems = verified(store)["problems"]
    assert {p["where"] for p in problems if p["kind"] == "leaf.changed"} == {"leaf 40", "leaf 43"}
    assert any(p["kind"] == "leaf.order" for p in problems)


@pytest.mark.parametrize("node", ["00.0000000000000007", "00.0000000000000299", "03.0000000000000005"])
def test_a_tree_node_changed(store: Store, folder: Path, node: str) -> None:
    attack(store, "UPDATE evidence_node SET hash = :h WHERE id = :n", h=b"\7" * 32, n=node)
    problems = verified(store)["problems"]
    assert problems and "leaf.changed" not in {p["kind"] for p in problems}
    assert any(p["kind"] in {"node.changed", "checkpoint.root"} for p in problems)


@pytest.mark.parametrize("node", ["00.0000000000000007", "00.0000000000000299", "05.0000000000000002"])
def test_a_tree_node_dropped(store: Store, folder: Path, node: str) -> None:
    attack(store, "DELETE FROM evidence_node WHERE id = :n", n=node)
    level, index = (int(part) for part in node.split("."))
    assert ("node.missing", f"node {level}.{index}") in kinds(verified(store))


def test_a_history_rewritten_with_its_whole_tree(store: Store, folder: Path, invoice: Table) -> None:
    """A record, its leaf, the nodes and the columns, all made to fit: the signatures do not."""
    with store.begin(NODE) as tx:
        tx.change(invoice, "inv-99", gross_fen=1)
        row = tx.get(invoice, "inv-99")
        assert row is not None
        body = json.loads(leaf_body(store, 299))
        body["record"]["digest"] = evidence.row_digest(tx, invoice, row)
        data = canonical(body)
        tx.execute(leaves.update().where(leaves.c.position == 299).values(
            body=data, record_digest=body["record"]["digest"]))  # fmt: skip
        every = [bytes(row.body) for row in tx.all(leaves.select().order_by(leaves.c.position))]
        tx.execute(log.nodes.delete())
        log.add_nodes(tx, tree.grown(0, {}, [tree.leaf_hash(entry) for entry in every]))
    found = {(p["kind"], p["where"]) for p in verified(store)["problems"]}
    assert ("checkpoint.root", "checkpoint 300") in found
    assert ("checkpoint.root", "checkpoint 270") not in found
    assert "file.changed" in {kind for kind, _ in found}


def forged_leaf(store: Store, invoice: Table) -> str:
    """A record changed past the node, and a leaf that says the node did it: all that a database file allows."""
    with store.begin(NODE) as tx:
        tx.change(invoice, "inv-7", gross_fen=1)
        evidence.append(tx, "settle.corrected", invoice, "inv-7")
        newest = tx.all(leaves.select().order_by(leaves.c.seq.desc()).limit(1))[0]
        tx.execute(leaves.delete().where(leaves.c.id == newest.id))
        made = {**newest._mapping, "seal": "0" * 64, "id": "leaf-forged"}
        made["body"] = canonical({**json.loads(newest.body), "id": "leaf-forged"})
        tx.add(leaves, made)
    return "leaf-forged"


@pytest.mark.parametrize("seal", ["0" * 64, "", "é", "of another leaf", "of another node"])
def test_a_forged_leaf_is_not_signed_for_and_excuses_nothing(
    store: Store, folder: Path, invoice: Table, node_folder: Path, seal: str
) -> None:
    forged = forged_leaf(store, invoice)
    if seal == "of another leaf":
        with store.read() as tx:
            seal = tx.all(leaves.select().where(leaves.c.position == 23))[0].seal
    elif seal == "of another node":
        with store.read() as tx:
            row = tx.get(leaves, forged)
        assert row is not None
        seal = _sealed(PrivateKey.new().secret("evidence leaves"), row["seq"], row["body"])
    attack(store, "UPDATE evidence_leaf SET seal = :s WHERE id = :i", s=seal, i=forged)
    assert sequencer_of(store, node_folder).run_once() == 0
    assert kinds(verified(store)) == {("leaf.forged", "inv-7"), ("record.changed", "inv-7")}
    assert {p["where"] for p in verified(store)["problems"]} == {f"leaf {forged}", "audit_case_invoice inv-7"}


def test_what_this_node_does_after_a_forged_leaf_is_signed_for(
    store: Store, folder: Path, invoice: Table, node_folder: Path
) -> None:
    forged_leaf(store, invoice)
    with store.begin(NODE) as tx:
        evidence.append(tx, "settle.sent", invoice, "inv-8")
    assert sequencer_of(store, node_folder).run_once() == 1
    assert {kind for kind, _ in kinds(verified(store))} == {"leaf.forged", "record.changed"}


def test_a_waiting_leaf_moved_in_the_order_of_writing(
    store: Store, folder: Path, invoice: Table, node_folder: Path
) -> None:
    with store.begin(NODE) as tx:
        for _ in range(2):
            evidence.append(tx, "settle.sent", invoice, "inv-8")
    attack(store, "UPDATE evidence_leaf SET seq = 400 WHERE seq = 301")
    assert sequencer_of(store, node_folder).run_once() == 1
    assert ("leaf.forged", "inv-8") in kinds(verified(store))


def test_a_forged_checkpoint(store: Store, folder: Path) -> None:
    with store.read() as tx:
        origin = note.origin_of(signing.me(tx).code)
        real = log.last_checkpoint(tx)
    assert real is not None
    forged = note.signed(note.Checkpoint(origin, 300, bytes.fromhex(real["root"])).text, origin, PrivateKey.new())
    attack(store, "UPDATE evidence_checkpoint SET note = :n WHERE size = 300", n=forged)
    assert ("checkpoint.signature", "checkpoint 300") in kinds(verified(store))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE evidence_checkpoint SET root = '00' WHERE size = 60",
        "UPDATE evidence_checkpoint SET size = 61 WHERE size = 60",
        "UPDATE evidence_checkpoint SET note = 'no note' WHERE size = 60",
        "DELETE FROM evidence_checkpoint WHERE size = 300",
        "UPDATE evidence_head SET size = 299",
    ],
)
def test_a_checkpoint_or_the_head_changed(store: Store, folder: Path, statement: str) -> None:
    attack(store, statement)
    assert {kind.partition(".")[0] for kind, _ in kinds(verified(store))} >= {"checkpoint"}


def cosigned(tx: Tx) -> tuple[dict[str, Any], dict[str, Any]]:
    """The newest checkpoint, and the cosignature of a witness W on it that this node was just given."""
    key, newest = PrivateKey.new(), log.last_checkpoint(tx)
    assert newest is not None
    line = note.cosigned(note.parsed(newest["note"]).text, note.origin_of("W"), key, 1_800_000_000)
    row = {"id": "1", "witness": "W", "size": 300, "key": key.public.text, "line": line, "cosigned_at": tx.wall}
    tx.add(log.cosignatures, row)
    return newest, row


def test_a_false_cosignature(store: Store, folder: Path) -> None:
    with store.begin(NODE) as tx:
        newest, row = cosigned(tx)
    assert verified(store)["ok"]
    assert verified(store)["cosignatures"] == 1
    assert not list(rules.cosignature_problems([row], {300: newest["note"]}, {"W": row["key"]}))
    [other] = rules.cosignature_problems([row], {300: newest["note"]}, {"W": PrivateKey.new().public.text})
    assert other.detail == "of W", "signed, but not with the key the register has"
    attack(store, "UPDATE evidence_cosignature SET size = 270")
    assert kinds(verified(store)) == {("cosignature.false", "checkpoint 270")}


@pytest.mark.parametrize(
    "path", ["tile/0/000", "tile/0/001.p/44", "tile/entries/000", "tile/entries/001.p/44", "tile/1/000.p/1"]
)
def test_one_byte_of_a_file_flipped(store: Store, folder: Path, path: str) -> None:
    data = bytearray((folder / path).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / path).write_bytes(data)
    [problem] = verified(store)["problems"]
    assert problem["kind"] == "file.changed"
    assert path in {problem["where"], problem["detail"]}
    if path.startswith(("tile/0", "tile/entries")):
        assert problem["id"].startswith("inv-") and problem["where"].startswith("leaf ")


def test_files_cut_deleted_and_added(store: Store, folder: Path) -> None:
    cut = folder / "tile/entries/000"
    cut.write_bytes(cut.read_bytes()[:-3])
    (folder / "tile/0/000").unlink()
    (folder / "tile/0/007").write_bytes(b"x" * 32)
    (folder / "tile/other").write_bytes(b"x")
    assert kinds(verified(store)) == {
        ("file.changed", "tile/entries/000"), ("file.missing", "tile/0/000"), ("file.changed", "tile/0/007"),
        ("file.unexpected", "tile/other"),
    }  # fmt: skip


def test_an_old_or_foreign_published_checkpoint(store: Store, folder: Path) -> None:
    with store.read() as tx:
        old = tx.all(log.checkpoints.select().where(log.checkpoints.c.size == 270))[0].note
    store.wall_clock = lambda: clock.wall_clock() + timedelta(seconds=11)
    for text_ in (old, "nothing"):
        (folder / "checkpoint").write_text(text_)
        assert ("file.changed", "checkpoint") in kinds(verified(store))


def test_any_byte_of_the_published_checkpoint_also_in_the_second_it_was_published(store: Store, folder: Path) -> None:
    """Its cosignatures too. Only the absence of the file can be a matter of time: it is put there whole."""
    file, now = folder / "checkpoint", clock.wall_clock()
    store.wall_clock = lambda: now  # it lasts, and a while after that second its absence would be told
    with store.begin(NODE) as tx:
        newest, row = cosigned(tx)
        tx.execute(log.checkpoints.update().where(log.checkpoints.c.size == 300).values(wall_at=tx.wall))
        file.write_text(log.cosigned_note(tx, newest))
    whole = file.read_bytes()
    assert verified(store)["ok"], "it bears what the store holds"
    for at in range(len(whole)):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert kinds(verified(store)) == {("file.changed", "checkpoint")}, at
    file.write_bytes(whole.removesuffix(row["line"].encode()))
    assert verified(store)["ok"], "the cosignature came after it was published"
    file.unlink()
    assert verified(store)["ok"], "not yet published"
    store.wall_clock = lambda: clock.wall_clock() + timedelta(seconds=11)
    assert kinds(verified(store)) == {("file.changed", "checkpoint")}


@pytest.mark.parametrize("later_seconds", [0, 11], ids=["at once", "on a log that was quiet before"])
def test_what_is_published_while_it_is_looked_at_is_no_change(
    store: Store, folder: Path, invoice: Table, later_seconds: int
) -> None:
    """A cosignature, and then a whole checkpoint, come after the view of the records was opened."""
    store.wall_clock = lambda: clock.wall_clock() + timedelta(seconds=later_seconds)
    grower = sequencer_of(store, folder.parent)
    with store.read(AUDITOR) as view:
        assert log.size(view) == 300, "the view is of this moment"
        with store.begin(NODE) as tx:
            _newest, row = cosigned(tx)
        grower.run_once()
        assert (folder / "checkpoint").read_text().endswith(row["line"]) and audit.verify(view)["problems"] == []
        with store.begin(NODE) as tx:
            tx.change(invoice, "inv-3", gross_fen=0)
            evidence.append(tx, "settle.voided", invoice, "inv-3")
        grower.run_once()
        assert "\n301\n" in (folder / "checkpoint").read_text() and audit.verify(view)["problems"] == []


def test_a_leaf_that_waits_is_no_problem_for_ten_seconds(store: Store, folder: Path, invoice: Table) -> None:
    with store.begin(NODE) as tx:
        tx.change(invoice, "inv-3", gross_fen=0)
        evidence.append(tx, "settle.voided", invoice, "inv-3")
    report = verified(store)
    assert report["ok"] and report["waiting"] == 1
    store.wall_clock = lambda: clock.wall_clock() + timedelta(seconds=11)
    assert ("leaf.late", "inv-3") in kinds(verified(store))


def test_deleting_and_forgetting_by_the_book(store: Store, folder: Path, invoice: Table, node_folder: Path) -> None:
    with store.begin(NODE) as tx:
        tx.execute(invoice.delete().where(invoice.c.id == "inv-4"))
        evidence.append(tx, "settle.deleted", invoice, "inv-4")
        tx.change(invoice, "inv-5", buyer="")
        evidence.forget(tx, invoice, "inv-5")
    sequencer_of(store, node_folder).run_once()
    assert verified(store)["ok"]
    attack(store, "INSERT INTO audit_case_invoice VALUES ('inv-4', 1, '', '[]')")
    attack(store, "UPDATE audit_case_invoice SET gross_fen = 77 WHERE id = 'inv-5'")
    assert kinds(verified(store)) == {("record.changed", "inv-4"), ("record.changed", "inv-5")}


def test_a_salt_of_a_forgotten_record_does_not_come_back(store: Store, folder: Path, invoice: Table) -> None:
    with store.begin(NODE) as tx:
        evidence.forget(tx, invoice, "inv-5")
        evidence.append(tx, "settle.sent", invoice, "inv-5")
        row = tx.get(salts, "audit_case_invoice/inv-5")
    assert row is not None and row["salt"] == ""


def test_verifying_changes_nothing(store: Store, folder: Path) -> None:
    with store.begin(AUDITOR, "audit") as tx:
        audit.verify(tx)
    with store.read() as tx:
        assert tx.all(leaves.select().where(leaves.c.position.is_(None))) == []
        assert sequencer.tile_bytes(tx, tiles.Tile(0, 0, 256)) == (folder / "tile/0/000").read_bytes()


# --- a log of years ----------------------------------------------------------------------------------------------


def test_of_a_long_log_little_is_in_memory(
    store: Store, folder: Path, invoice: Table, node_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of leaves, nodes, records and files alike; a leaf is about two kilobytes there, and 6,000 of them 12 MB."""
    with store.begin(NODE, "settle") as tx:
        for n in range(3_000):
            tx.add(invoice, {"id": f"long-{n}", "gross_fen": n, "buyer": "", "parts": []})
            evidence.append(tx, "settle.invoiced", invoice, f"long-{n}", note="x" * 300)
            evidence.append(tx, "settle.sent", invoice, f"long-{n}", note="x" * 300)
    sequencer_of(store, node_folder).run_once()
    verified(store)  # what is made once and kept
    monkeypatch.setattr(audit_store, "PAGE_ROWS", 100)
    tracemalloc.start()
    report = verified(store)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (report["ok"], report["leaves"], report["records"]) == (True, 6_300, 3_100)
    assert peak < 4_000_000, peak


@pytest.mark.parametrize("size", [1, 7, 256])
@pytest.mark.parametrize(
    ("statement", "kind", "where"),
    [
        ("UPDATE evidence_leaf SET body = x'7b7d' WHERE position = 255", "leaf.changed", "leaf 255"),
        ("UPDATE evidence_leaf SET seal = '' WHERE position = 256", "leaf.forged", "leaf 256"),
        ("DELETE FROM evidence_leaf WHERE position = 17", "leaf.missing", "leaf 18"),
        ("DELETE FROM evidence_node WHERE id = '00.0000000000000007'", "node.missing", "node 0.7"),
        ("DELETE FROM evidence_node WHERE id >= '00.0000000000000290' AND id < '01.'", "node.missing", "node 0.290"),
        ("DELETE FROM evidence_node WHERE id >= '08.'", "node.missing", "node 8.0"),
        ("UPDATE evidence_node SET hash = x'00' WHERE id = '03.0000000000000005'", "node.changed", "node 3.5"),
        ("UPDATE evidence_checkpoint SET root = '00' WHERE size = 60", "checkpoint.root", "checkpoint 60"),
    ],
)
def test_an_attack_on_the_log_is_found_page_by_page(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch, size: int, statement: str, kind: str, where: str
) -> None:
    attack(store, statement)
    monkeypatch.setattr(audit_store, "PAGE_ROWS", size)
    problems = verified(store)["problems"]
    assert (kind, where) in {(problem["kind"], problem["where"]) for problem in problems}
    assert "record" not in {problem["kind"].partition(".")[0] for problem in problems}, "every record has its last leaf"


@pytest.mark.parametrize("node", ["00.9999999999999999", "40.0000000000000000", "00.0000000000000300", "00.00300"])
def test_a_node_put_where_no_tree_reaches_is_named_at_once(store: Store, folder: Path, node: str) -> None:
    """Its number says nothing of how much there is to look at."""
    attack(store, "INSERT INTO evidence_node VALUES (:n, x'07')", n=node)
    assert {kind.partition(".")[0] for kind, _ in kinds(verified(store))} <= {"node", "log"}
    assert not verified(store)["ok"]


def test_a_head_far_beyond_the_leaves_is_named_at_once(store: Store, folder: Path) -> None:
    attack(store, "UPDATE evidence_head SET size = 900000000000")
    assert {kind for kind, _ in kinds(verified(store))} >= {"checkpoint.missing", "node.missing"}
