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
import datong.settle.store
from datong.audit import rules
from datong.audit import service as audit
from datong.ground import evidence, signing
from datong.ground.canonical import digest
from datong.ground.db import NODE, Actor, Store, Tx, metadata, sqlite_url
from datong.ground.evidence import note, tree
from datong.ground.evidence.sequencer import Sequencer
from datong.ground.keys import PrivateKey
from datong.ground.refusal import Refusal
from datong.meter.service import _counter as counter
from stores import with_tables

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


KEYS = {code: PrivateKey.new() for code in (GROUP, BIKES, LAB)}
FEE = 1200


def contract(tx: Tx, key: str, provider: str, consumer: str, dataset: str, **changes: Any) -> None:
    """A contract that both parties signed; `changes` are made after the signing."""
    terms = {"product": dataset, "purpose": "industry", "tariff": {"kind": "per_delivery", "amount_fen": FEE}}
    content = {
        "id": key, "code": key, "dataset": dataset, "offer_id": "o", "provider": provider, "consumer": consumer,
        "provider_party": provider, "consumer_party": consumer, "policy": {}, "policy_hash": "h", "terms": terms,
        "from": "2026-03-01T00:00:00Z", "until": None, "agreed_at": "2026-03-01T00:00:00Z",
    }  # fmt: skip
    signatures = [
        {
            "party": code,
            "node": code,
            "by": "",
            "key": KEYS[code].public.text,
            "signature": KEYS[code].sign_value(content),
        }
        for code in (provider, consumer)
    ]
    keys = {code: KEYS[code].public.text for code in (provider, consumer)}
    put(tx, "agreement", key, **{**content, "signatures": signatures, "keys": keys, "signed": "both",
                                 "digest": digest(content), "state": "FINALIZED", **changes})  # fmt: skip


def sold(tx: Tx) -> None:
    put(tx, "invoice", "inv-1", agreement="agr-out", seller_party=GROUP, buyer_party=LAB, product="P", purpose="industry",
        gross_fen=FEE, from_at="2026-03-01T00:00:00Z", until_at="2026-04-01T00:00:00Z", state="ISSUED")  # fmt: skip
    put(tx, "invoice_line", "inv-1-1", invoice="inv-1", events=["use-1"], state="MONETIZABLE", quantity=1,
        unit_price_fen=FEE, amount_fen=FEE)  # fmt: skip


def node(code: str, folder: Path) -> Store:
    folder.mkdir()
    store = Store(sqlite_url(folder / "n.db"))
    with_tables(store)
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
        contract(tx, "agr-in", BIKES, GROUP, "R")
        put(tx, "received", "file-in", agreement="agr-in", dataset="R", digest=DIGEST)
        put(tx, "compose_partition", "part-1", product="P")
        put(tx, "compose_supply", "sup-1", partition="part-1", resource="R", agreement="agr-in", digest=DIGEST)
        inputs = [{"resource": "R", "agreement": "agr-in", "digest": DIGEST, "rows": 1}]
        put(tx, "compose_product_version", "P/1", product="P", partition="part-1", inputs=inputs)
        contract(tx, "agr-out", GROUP, LAB, "P")
        put(tx, "share_table", "share-1", agreement="agr-out", source={"kind": "product", "version": "P/1"})
        put(tx, "decision", "dec-1", agreement="agr-out", dataset="P", outcome="allowed", purpose="industry")
        put(tx, "delivery_grant", "grant-1", agreement="agr-out")
        tx.add(datong.meter.store.counters, {"id": counter("uses", "agr-out"), "used": 1})
        put(tx, "usage_event", "use-1", agreement="agr-out", grant_id="grant-1", decision={"id": "dec-1"},
            state="MONETIZABLE", at="2026-03-02T00:00:00Z")  # fmt: skip
        put(tx, "file_set", "set-1", share_table="share-1", event="use-1", agreement="agr-out")
        sold(tx)
        put(tx, "billed_event", "use-1", invoice="inv-1")
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
        contract(tx, "agr-in", BIKES, GROUP, "R")
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


LATE = "2026-04-01T00:00:00Z"
OTHERS = [
    ("invoice_line", "inv-1-1", {"amount_fen": 2 * FEE}, "amount_fen"),
    ("invoice_line", "inv-1-1", {"unit_price_fen": 2 * FEE, "amount_fen": 2 * FEE}, "unit_price_fen"),
    ("invoice_line", "inv-1-1", {"quantity": 2, "amount_fen": 2 * FEE}, "quantity"),
    ("invoice", "inv-1", {"gross_fen": FEE + 1}, "gross_fen"),
    ("invoice", "inv-1", {"buyer_party": BIKES}, "buyer"),
    ("invoice", "inv-1", {"product": "Q"}, "product"),
    ("agreement", "agr-out", {"dataset": "Q"}, "signed by both"),
    ("agreement", "agr-out", {"signed": "one side"}, "signed by both"),
    ("agreement", "agr-in", {"signatures": []}, "signed by both"),
    ("usage_event", "use-1", {"agreement": "agr-in"}, "agreement"),
    ("usage_event", "use-1", {"state": "INCLUDED"}, "state"),
    ("usage_event", "use-1", {"at": LATE}, "time"),
    ("decision", "dec-1", {"outcome": "denied"}, "outcome"),
    ("decision", "dec-1", {"agreement": "agr-in"}, "agreement"),
    ("decision", "dec-1", {"purpose": "credit"}, "purpose"),
    ("share_table", "share-1", {"agreement": "agr-in"}, "agreement"),
    ("compose_product_version", "P/1", {"product": "Q"}, "product"),
    ("billed_event", "use-1", {"invoice": "inv-2"}, "invoice"),
]


@pytest.mark.parametrize(("table", "key", "changes", "what"), OTHERS)
def test_records_that_do_not_belong_together_are_named(
    group: Store, tmp_path: Path, table: str, key: str, changes: dict[str, Any], what: str
) -> None:
    """Changed by the node's own program, with a leaf: every proof holds, and the chain still does not fit."""
    with group.begin(NODE, "settle") as tx:
        tx.change(metadata.tables[table], key, **changes)
        evidence.append(tx, f"{table}.changed", metadata.tables[table], key)
    sequenced(group, tmp_path / GROUP)
    report = walked(group, audit.walk, invoice_line="inv-1-1")
    assert all(step["ok"] for step in report["steps"])
    assert not report["ok"]
    assert any(p["kind"] == "chain.unfit" and what in p["detail"] for p in report["problems"]), report["problems"]
    if key != "agr-in":  # a supply contract is the walk's
        found = walked(group, audit.verify)
        assert "chain.unfit" in {problem["kind"] for problem in found["problems"]}


@pytest.mark.parametrize(
    ("at", "inside"),
    [
        ("2026-02-28T15:59:59.999999Z", False), ("2026-02-28T16:00:00Z", True), ("2026-02-28T16:00:00.000001Z", True),
        ("2026-03-31T15:59:59.999999Z", True), ("2026-03-31T16:00:00Z", False), ("2026-03-31T16:00:00.5Z", False),
    ],
)  # fmt: skip
def test_a_use_lies_in_its_period_by_time_and_not_by_the_text_of_it(at: str, inside: bool) -> None:
    """A text with a fraction sorts before that of its whole second: March's first uses were called a fault, April's not."""
    event = {"id": "use-1", "agreement": "agr-1", "state": "MONETIZABLE", "at": at}
    invoice = {"agreement": "agr-1", "from_at": "2026-02-28T16:00:00Z", "until_at": "2026-03-31T16:00:00Z"}
    found = list(rules.event_problems(event, {"state": "MONETIZABLE"}, invoice))
    assert (found == []) == inside


@pytest.mark.parametrize(("line", "fits"), [("WAIVED", True), ("INCLUDED", False), ("MONETIZABLE", True)])
def test_a_use_that_is_charged_may_be_waived_and_is_nothing_else(line: str, fits: bool) -> None:
    event = {"id": "use-1", "agreement": "agr-1", "state": "MONETIZABLE", "at": "2026-03-02T00:00:00Z"}
    invoice = {"agreement": "agr-1", "from_at": "2026-02-28T16:00:00Z", "until_at": "2026-03-31T16:00:00Z"}
    assert (list(rules.event_problems(event, {"state": line}, invoice)) == []) == fits
    free = {**event, "state": "FREE"}
    assert list(rules.event_problems(free, {"state": line}, invoice)), "what is free is not waived"


def test_verify_walks_from_the_line_it_is_given(group: Store) -> None:
    found = walked(group, audit.verify, invoice_line="inv-1-1")
    assert found["problems"] == []
    assert found["ok"] and found["walk"]["ok"]


def test_an_entry_that_does_not_balance_is_named(group: Store, tmp_path: Path) -> None:
    with group.begin(NODE, "settle") as tx:
        for entry, second in (("good", -5), ("bad", -4)):
            put(tx, "ledger_entry", entry)
            put(tx, "posting", f"{entry}-1", entry=entry, amount_fen=5)
            put(tx, "posting", f"{entry}-2", entry=entry, amount_fen=second)
        put(tx, "posting", "stray", entry="gone", amount_fen=0)
    sequenced(group, tmp_path / GROUP)
    found = walked(group, audit.verify)
    assert [(p["kind"], p["id"]) for p in found["problems"]] == [("chain.broken", "gone"), ("ledger.unbalanced", "bad")]
    assert found["problems"][1]["detail"] == "out by 1 fen"


def test_the_buyer_walks_to_the_seller(tmp_path: Path) -> None:
    store = node(LAB, tmp_path / LAB)
    with store.begin(NODE, "settle") as tx:
        contract(tx, "agr-out", GROUP, LAB, "P")
        put(tx, "received", "file-1", agreement="agr-out")
        sold(tx)
    sequenced(store, tmp_path / LAB)
    report = walked(store, audit.walk, invoice_line="inv-1-1")
    assert report["ok"] and len(report["steps"]) == 4
    assert report["continues"] == [{"node": GROUP, "call": "audit.walk", "arguments": {"invoice_line": "inv-1-1"}}]
    store.dispose()


def test_unknown(group: Store) -> None:
    for call, arguments in ((audit.walk, {"invoice_line": "x"}), (audit.trace, {"digest": "x"})):
        with pytest.raises(Refusal, match="AUD-404"):
            walked(group, call, **arguments)
