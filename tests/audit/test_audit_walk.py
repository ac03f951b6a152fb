"""The walk from an invoice line to the sources, over the tables of the rooms; and what breaks it."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import JSON, Boolean, Integer, text

import datong.compose.store
import datong.deidentify.store
import datong.deliver.store
import datong.harmonise.store.builds
import datong.meter.store
import datong.negotiate.store
import datong.register.store
import datong.settle.store  # noqa: F401 - declare the tables
from datong.audit import service as audit
from datong.ground import evidence, signing
from datong.ground.db import NODE, Actor, Store, Tx, metadata, sqlite_url
from datong.ground.evidence import note, tree
from datong.ground.evidence.sequencer import Sequencer
from datong.ground.keys import PrivateKey
from datong.ground.refusal import Refusal

GROUP, BIKES, LAB = "GROUP", "BIKES", "LAB"
DIGEST = "sha256:" + "ab" * 32


def put(tx: Tx, table: str, key: str, **values: Any) -> None:
    """A row of another room with the given columns, the others filled with something of their type."""
    of = metadata.tables[table]
    row: dict[str, Any] = {"id": key}
    for column in of.columns:
        if column.name in values:
            row[column.name] = values[column.name]
        elif column.name != "id" and not column.nullable:
            filler: Any = f"{key}/{column.name}"[: getattr(column.type, "length", None) or 200]
            for kind, other in ((JSON, []), (Boolean, False), (Integer, 1)):
                filler = other if isinstance(column.type, kind) else filler
            row[column.name] = filler
    tx.add(of, row)
    evidence.append(tx, f"{table}.made", of, key)


def node(code: str, folder: Path) -> Store:
    folder.mkdir()
    store = Store(sqlite_url(folder / "n.db"))
    store.create()
    signing.install(store, PrivateKey.new(), signing.Me(code, code, code, "http://" + code))
    return store


def sequenced(store: Store, folder: Path) -> None:
    with store.read() as tx:
        key, origin = signing.node_key(tx), note.origin_of(signing.me(tx).code)
    Sequencer(store, key, origin, folder / "evidence").run_once()


@pytest.fixture
def group(tmp_path: Path) -> Iterator[Store]:
    """The data group's node after one sale: an agreement, a delivery, an invoice."""
    store = node(GROUP, tmp_path / GROUP)
    with store.begin(NODE, "settle") as tx:
        put(tx, "register_product", "prod-1", code="P", name_en="mobility flows")
        put(tx, "register_case", "case-1", object_id="prod-1", code="P", object_kind="product")
        put(tx, "agreement", "agr-in", provider=BIKES, consumer=GROUP, dataset="R")
        put(tx, "received", "file-in", agreement="agr-in", dataset="R", digest=DIGEST)
        put(tx, "compose_partition", "part-1", product="P")
        put(tx, "compose_supply", "sup-1", partition="part-1", resource="R", agreement="agr-in", digest=DIGEST)
        inputs = [{"resource": "R", "agreement": "agr-in", "digest": DIGEST, "rows": 1}]
        put(tx, "compose_product_version", "P/1", product="P", partition="part-1", inputs=inputs)
        put(tx, "agreement", "agr-out", provider=GROUP, consumer=LAB, dataset="P")
        put(tx, "share_table", "share-1", agreement="agr-out", source={"kind": "product", "version": "P/1"})
        put(tx, "decision", "dec-1", agreement="agr-out")
        put(tx, "delivery_grant", "grant-1", agreement="agr-out")
        put(tx, "usage_event", "use-1", agreement="agr-out", grant_id="grant-1", decision={"id": "dec-1"})
        put(tx, "file_set", "set-1", share_table="share-1", event="use-1", agreement="agr-out")
        put(tx, "invoice", "inv-1", agreement="agr-out")
        put(tx, "invoice_line", "inv-1-1", invoice="inv-1", events=["use-1"])
    sequenced(store, tmp_path / GROUP)
    yield store
    store.dispose()


@pytest.fixture
def bikes(tmp_path: Path) -> Iterator[Store]:
    """The provider's node: a harmonised build, released as a supply."""
    store = node(BIKES, tmp_path / BIKES)
    with store.begin(NODE, "deliver") as tx:
        put(tx, "register_resource", "res-1", code="R")
        put(tx, "register_case", "case-2", object_id="res-1", code="R")
        put(tx, "build", "build-1", resource="R")
        put(tx, "deidentify_release", "rel-1")
        put(tx, "agreement", "agr-in", provider=BIKES, consumer=GROUP, dataset="R")
        source = {"kind": "supply", "build": "build-1", "release": "rel-1"}
        put(tx, "share_table", "share-9", agreement="agr-in", dataset="R", source=source)
        put(tx, "share_file", "file-9", share_table="share-9", digest=DIGEST)
    sequenced(store, tmp_path / BIKES)
    yield store
    store.dispose()


def walked(store: Store, call: Callable[..., dict[str, Any]], **arguments: str) -> dict[str, Any]:
    with store.read(Actor("p-9", "auditor", roles=frozenset({"auditor"}))) as tx:
        return call(tx, **arguments)


def test_the_whole_way_over_two_nodes(group: Store, bikes: Store) -> None:
    first = walked(group, audit.walk, invoice_line="inv-1-1")
    assert first["ok"] and first["problems"] == []
    assert [(step["table"], step["id"]) for step in first["steps"]] == [
        ("invoice_line", "inv-1-1"), ("invoice", "inv-1"), ("agreement", "agr-out"), ("usage_event", "use-1"),
        ("decision", "dec-1"), ("delivery_grant", "grant-1"), ("file_set", "set-1"), ("share_table", "share-1"),
        ("register_product", "prod-1"), ("register_case", "case-1"), ("compose_product_version", "P/1"),
        ("compose_partition", "part-1"), ("compose_supply", "sup-1"), ("received", "file-in"),
        ("agreement", "agr-in"),
    ]  # fmt: skip
    [onwards] = first["continues"]
    assert onwards == {"node": BIKES, "call": "audit.trace", "arguments": {"digest": DIGEST}}
    second = walked(bikes, audit.trace, **onwards["arguments"])
    assert second["ok"]
    assert [(step["table"], step["id"]) for step in second["steps"]] == [
        ("share_file", "file-9"), ("share_table", "share-9"), ("build", "build-1"), ("deidentify_release", "rel-1"),
        ("agreement", "agr-in"), ("register_resource", "res-1"), ("register_case", "case-2"),
    ]  # fmt: skip


def test_every_step_can_be_proved_outside(group: Store) -> None:
    report = walked(group, audit.walk, invoice_line="inv-1-1")
    with group.read() as tx:
        key = signing.node_key(tx).public
    signed = note.parsed(report["checkpoint"])
    told = note.parsed_checkpoint(signed.text)
    assert note.is_signed_by(signed, note.origin_of(GROUP), key)
    for step in report["steps"]:
        proof = [base64.b64decode(part) for part in step["proof"]]
        assert tree.includes(tree.leaf_hash(step["leaf"].encode()), step["index"], told.size, told.root, proof)


@pytest.mark.parametrize(
    ("statement", "fault", "table"),
    [
        ("UPDATE usage_event SET rows = rows + 1", "record.changed", "usage_event"),
        ("UPDATE agreement SET policy_hash = 'x' WHERE id = 'agr-out'", "record.changed", "agreement"),
        ("UPDATE invoice_line SET amount_fen = 0", "record.changed", "invoice_line"),
        ("UPDATE invoice_line SET events = '[\"use-2\"]'", "record.changed", "invoice_line"),
        ("DELETE FROM decision", "chain.broken", "decision"),
        ("DELETE FROM compose_supply", "chain.broken", "compose_supply"),
        ("DELETE FROM evidence_leaf WHERE record_id = 'use-1'", "record.unlogged", "usage_event"),
        ("UPDATE evidence_leaf SET body = replace(CAST(body AS TEXT), 'use-1', 'use-2') WHERE record_id = 'use-1'",
         "record.changed", "usage_event"),
        ("UPDATE evidence_leaf SET position = NULL WHERE record_id = 'use-1'", "chain.unproven", "usage_event"),
        ("UPDATE evidence_checkpoint SET root = '00'", "checkpoint.signature", ""),
    ],
)  # fmt: skip
def test_a_broken_chain_is_named(group: Store, statement: str, fault: str, table: str) -> None:
    with group.engine.begin() as conn:
        assert conn.execute(text(statement)).rowcount
    report = walked(group, audit.walk, invoice_line="inv-1-1")
    assert not report["ok"]
    assert (fault, table) in {(problem["kind"], problem["table"]) for problem in report["problems"]}


def test_the_buyer_walks_to_the_seller(tmp_path: Path) -> None:
    store = node(LAB, tmp_path / LAB)
    with store.begin(NODE, "settle") as tx:
        put(tx, "agreement", "agr-out", provider=GROUP, consumer=LAB, dataset="P")
        put(tx, "received", "file-1", agreement="agr-out")
        put(tx, "invoice", "inv-1", agreement="agr-out")
        put(tx, "invoice_line", "inv-1-1", invoice="inv-1", events=["use-1"])
    sequenced(store, tmp_path / LAB)
    report = walked(store, audit.walk, invoice_line="inv-1-1")
    assert report["ok"] and len(report["steps"]) == 4
    assert report["continues"] == [{"node": GROUP, "call": "audit.walk", "arguments": {"invoice_line": "inv-1-1"}}]
    store.dispose()


def test_unknown(group: Store) -> None:
    for call, arguments in ((audit.walk, {"invoice_line": "x"}), (audit.trace, {"digest": "x"})):
        with pytest.raises(Refusal, match="AUD-404"):
            walked(group, call, **arguments)
