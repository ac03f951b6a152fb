"""Taking uses: limits that cannot be oversold, one final state each, bytes reconciled, evidence that fits."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from datong.audit import service as audit
from datong.ground import evidence, signing
from datong.ground.db import NODE, Store
from datong.ground.refusal import Refusal
from datong.meter import service as meter
from datong.meter import store
from datong.negotiate import store as negotiate_store
from neighbours import PARTIES, Neighbours, node_code

GROUP, LAB = PARTIES["data-group"][0], PARTIES["city-lab"][0]


def contract(world: Neighbours, id: str, *, tariff: str = "per_delivery", count: int | None = None) -> str:
    """An agreement as the negotiation leaves it in the provider's store."""
    bounds = [{"left": "count", "op": "lteq", "right": str(count)}] if count is not None else []
    row = {
        "id": id, "code": id, "negotiation": "n", "dataset": "P-FLOWS", "offer_id": "o", "provider": node_code("data-group"),
        "consumer": node_code("city-lab"), "provider_party": GROUP, "consumer_party": LAB, "policy_hash": "h",
        "policy": {"id": id, "permissions": [{"action": "delivery", "constraints": bounds, "duties": []}]},
        "terms": {"tariff": {"kind": tariff, "amount_fen": 0 if tariff == "free" else 100}}, "from": "2026-03-01T00:00:00Z",
        "until": None, "agreed_at": "2026-03-01T00:00:00Z", "signatures": [], "keys": {}, "signed": "both", "digest": "d",
        "state": "FINALIZED",
    }  # fmt: skip
    with world.as_person("data-group") as tx:
        tx.add(negotiate_store.agreements, row)
    return id


@pytest.fixture
def world(tmp_path: Path) -> Neighbours:
    return Neighbours(tmp_path, "data-group")


def take(store_: Store, agreement: str, *, version: int = 1, kind: str = "file_set", **more: Any) -> str:
    with store_.begin(NODE, "deliver") as tx:
        return meter.take(
            tx, agreement=agreement, grant="g-1", kind=kind, table="flows.cells", version=version, rows=10,
            bytes_granted=1000, files=["sha256:a"], **{"decision": {"id": "dec-1"}, **more},
        )  # fmt: skip


def states(world: Neighbours, agreement: str) -> list[str]:
    with world.stores["data-group"].read() as tx:
        return [row["state"] for row in meter.events(tx, agreement)]


def test_a_version_is_billed_once_per_agreement(world: Neighbours) -> None:
    at = world.stores["data-group"]
    contract(world, "agr-1")
    contract(world, "agr-2")
    for agreement, version in (("agr-1", 1), ("agr-1", 1), ("agr-1", 2), ("agr-2", 1)):
        take(at, agreement, version=version)
    take(at, "agr-1", kind="preview")
    assert states(world, "agr-1") == ["MONETIZABLE", "INCLUDED", "MONETIZABLE", "NON_MONETIZABLE"]
    assert states(world, "agr-2") == ["MONETIZABLE"]
    with at.read() as tx:
        totals = meter.totals(tx)
        assert totals["events"] == sum(totals["states"].values()) == 5


def test_free_tariffs_and_own_work(world: Neighbours) -> None:
    at = world.stores["data-group"]
    contract(world, "agr-free", tariff="free")
    take(at, "agr-free", kind="supply")
    take(at, "", kind="own_work")
    assert states(world, "agr-free") == ["FREE"]
    assert states(world, "") == ["NON_MONETIZABLE"]


def test_the_same_key_is_one_use(world: Neighbours) -> None:
    at = world.stores["data-group"]
    contract(world, "agr-1", count=1)
    contract(world, "agr-2")
    assert take(at, "agr-1", key="use-x") == take(at, "agr-1", key="use-x") == "use-x"
    assert len(states(world, "agr-1")) == 1
    with pytest.raises(Refusal) as refused:
        take(at, "agr-2", key="use-x")
    assert refused.value.code == "MTR-409"


def test_the_count_of_another_permission_uses_nothing_up(world: Neighbours) -> None:
    """Signed: delivery without a count, one download. The choke point decides on a download itself."""
    seller = world.stores["data-group"]
    contract(world, "agr-1")
    with seller.begin(NODE, "test") as tx:
        once = [{"left": "count", "op": "lteq", "right": "1"}]
        permissions = [{"action": "delivery", "constraints": []}, {"action": "download", "constraints": once}]
        tx.change(negotiate_store.agreements, "agr-1", policy={"id": "agr-1", "permissions": permissions})
    for version in (1, 2):
        take(seller, "agr-1", version=version, decision={"rule": "permissions[0]"})
    with pytest.raises(Refusal, match="MTR-429"):
        take(seller, "agr-1", version=3, decision={"rule": "permissions[1]"})


def test_a_rolled_back_use_counts_nothing(world: Neighbours) -> None:
    at = world.stores["data-group"]
    contract(world, "agr-1", count=1)
    with pytest.raises(RuntimeError), at.begin(NODE, "deliver") as tx:
        meter.take(tx, agreement="agr-1", grant="g", kind="query", table="t", version=1, rows=1, bytes_granted=1,
                   files=[], decision={})  # fmt: skip
        raise RuntimeError("the node dies before the commit")
    take(at, "agr-1")
    assert states(world, "agr-1") == ["MONETIZABLE"]


def test_ten_racers_for_three_uses(world: Neighbours, tmp_path: Path) -> None:
    """Two stores on one database stand for two processes: the limit is never oversold, one first delivery is billed."""
    contract(world, "agr-1", count=3)
    group = world.stores["data-group"]
    stores = [Store(group.url), Store(group.url)]
    with group.read() as tx:
        for store in stores:
            signing.install(store, signing.node_key(tx), signing.me(tx))
    results: list[str] = []
    start = threading.Barrier(10)

    def race(number: int) -> None:
        start.wait()
        try:
            results.append(take(stores[number % 2], "agr-1"))
        except Refusal as refusal:
            results.append(refusal.code)

    threads = [threading.Thread(target=race, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for opened in stores:
        opened.dispose()
    assert results.count("MTR-429") == 7
    assert sorted(states(world, "agr-1")) == ["INCLUDED", "INCLUDED", "MONETIZABLE"]
    with world.stores["data-group"].read() as tx:
        assert sorted(row["number"] for row in meter.events(tx, "agr-1")) == [1, 2, 3]


def test_bytes_are_volatile_until_reconciled(world: Neighbours) -> None:
    at = world.stores["data-group"]
    contract(world, "agr-1")
    event = take(at, "agr-1")
    for size in (400, 600):
        with at.begin(NODE, "deliver") as tx:
            meter.served(tx, event, size)
    with at.begin(NODE, "deliver") as tx:
        assert meter.events(tx)[0]["bytes_served"] == 1000
        row = tx.get(store.events, event)
        assert row is not None
        assert row["bytes_served"] is None
        for _ in range(2):
            assert meter.reconcile(tx, event)["bytes_served"] == 1000
        leaves = evidence.leaves.c.record_id == event
        found = tx.all(select(evidence.leaves).where(leaves).order_by(evidence.leaves.c.seq))
        assert [leaf.act for leaf in found] == ["meter.taken", "meter.reconciled"]
        row = tx.get(store.events, event)
        assert row is not None
        assert found[-1].record_digest == evidence.row_digest(tx, store.events, row)


@pytest.mark.parametrize("change", [{"kind": "theft"}, {"rows": -1}, {"bytes_granted": 1.5}])
def test_impossible_uses_are_refused(world: Neighbours, change: dict[str, Any]) -> None:
    contract(world, "agr-1")
    asked: dict[str, Any] = {"agreement": "agr-1", "grant": "g", "kind": "query", "table": "t", "version": 1, "rows": 1,
                             "bytes_granted": 1, "files": [], "decision": {}}  # fmt: skip
    with world.as_person("data-group") as tx, pytest.raises(Refusal) as refused:
        meter.take(tx, **{**asked, **change})
    assert refused.value.code == "MTR-400"


def test_unknown_things(world: Neighbours) -> None:
    with world.as_person("data-group") as tx:
        for call in (lambda: meter.event(tx, event="x"), lambda: meter.reconcile(tx, "x")):
            with pytest.raises(Refusal) as refused:
                call()
            assert refused.value.code == "MTR-404"
        with pytest.raises(Refusal) as refused:
            meter.served(tx, "x", -1)
        assert refused.value.code == "MTR-400"


@pytest.mark.parametrize(("statement", "more", "named"), [
    (None, 0, []),
    ("UPDATE usage_counter SET used = 1", 0, [("agr-1", "3 uses bear 3 numbers up to 3, and the counter is at 1")]),
    ("UPDATE usage_counter SET used = 9 WHERE used > 1", 0, [("agr-1", "3 uses bear 3 numbers up to 3, and the counter is at 9")]),
    ("DELETE FROM usage_counter", 1, [("agr-1", "4 uses bear 3 numbers up to 3, and the counter is at 1"),
                                      ("agr-1", "version 1 of flows.cells is billed 2 times")]),
])  # fmt: skip
def test_audit_names_a_counter_that_was_set_back_or_on(
    world: Neighbours, statement: str | None, more: int, named: list[tuple[str, str]]
) -> None:
    """The counters have no leaves: with one of them set back a contract would be used, or a version billed, once more."""
    store_, contract_id = world.stores["data-group"], contract(world, "agr-1")
    for version in (1, 1, 2):
        take(store_, contract_id, version=version)
    if statement is not None:
        with store_.engine.begin() as conn:
            conn.exec_driver_sql(statement)
    for _ in range(more):
        take(store_, contract_id, version=1)
    with store_.read() as tx:
        found = audit.checked(tx)
    told = [(p.id, p.detail) for p in found.problems if p.fault == "usage.miscounted"]
    assert told == named
