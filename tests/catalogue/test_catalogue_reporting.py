"""What members list, merged at the function node."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from datong.catalogue import service as catalogue
from datong.ground import jobs
from datong.ground.db import Actor, Store, settings
from datong.ground.refusal import Refusal
from datong.register import service as register
from datong.register import store as register_store
from datong.register.model.refusals import UNKNOWN_NODE

Act = Callable[..., Actor]

ENTRY = {"dataset": "flows", "title": "出行流量", "description": "按小时 hourly", "kind": "product",
         "delivery_form": "controlled"}  # fmt: skip


def report(store: Store, *entries: object, sender: str = "node-a") -> None:
    with store.begin(Actor("", "peer", "p", sender), "catalogue") as tx:
        catalogue.received_report(tx, sender=sender, body={"entries": list(entries)})


def merged(store: Store, q: str = "") -> list[tuple[str, str]]:
    with store.read() as tx:
        return sorted((row["node"], row["dataset"]) for row in catalogue.merged_catalogue(tx, q=q))


@pytest.fixture
def registry(store: Store) -> Store:
    with store.begin(Actor("p", "operator", "p")) as tx:
        tx.add(settings, {"id": "register.area", "value": "5201"})
    return store


def test_reports_of_several_nodes_are_merged_and_a_repeated_one_brings_up_to_date(registry: Store) -> None:
    report(registry, ENTRY, {**ENTRY, "dataset": "trips"})
    report(registry, ENTRY, sender="node-b")
    assert merged(registry) == [("node-a", "flows"), ("node-a", "trips"), ("node-b", "flows")]
    report(registry, {**ENTRY, "title": "新的标题"})
    assert merged(registry) == [("node-a", "flows"), ("node-b", "flows")]
    assert merged(registry, "新的 hourly") == [("node-a", "flows")]
    assert merged(registry, "absent") == []
    report(registry, ENTRY, {**ENTRY, "dataset": "trips"})
    assert len(merged(registry)) == 3


@pytest.mark.parametrize("wrong", [5, {}, {**ENTRY, "title": None}, {**ENTRY, "dataset": "d" * 81}])
def test_a_report_with_a_wrong_entry_changes_nothing(registry: Store, wrong: object) -> None:
    report(registry, ENTRY)
    with pytest.raises(Refusal) as caught:
        report(registry, ENTRY, wrong)
    assert caught.value.code == "CAT-423"
    assert merged(registry) == [("node-a", "flows")]


def test_only_a_function_node_merges(store: Store) -> None:
    with pytest.raises(Refusal) as caught:
        report(store, ENTRY)
    assert caught.value.code == "CAT-423"


def test_nobody_lists_what_is_registered_for_others(registry: Store) -> None:
    with registry.begin(Actor("", "node")) as tx:
        for code, state in (("ours", "CODED"), ("theirs", "CODED"), ("lapsed", "EXPIRED")):
            entry = {"registrants": [{"party": "p" if code == "ours" else "q", "name": code}]}
            tx.add(register_store.ledger,
                   {"id": code, "version": 1, "kind": "product", "state": state, "entry": entry, "at": tx.now})  # fmt: skip
    report(registry, {**ENTRY, "dataset": "ours"}, {**ENTRY, "dataset": "lapsed"})
    with pytest.raises(Refusal) as caught:
        report(registry, {**ENTRY, "dataset": "ours"}, {**ENTRY, "dataset": "theirs"})
    assert (caught.value.code, "theirs" in str(caught.value)) == ("CAT-423", True)
    assert merged(registry) == [("node-a", "lapsed"), ("node-a", "ours")]


@pytest.mark.parametrize(
    "order",
    [
        lambda tx, node: catalogue.report_catalogue(tx, function_node=node),
        lambda tx, node: register.report_running(tx, function_node=node),
        lambda tx, node: register.apply_to_leave(tx, function_node=node, reason="moved"),
    ],
)
def test_a_report_to_a_node_nobody_knows_is_refused_at_once(store: Store, act: Act, order: Any) -> None:
    """It was answered as done, and failed where nobody looked."""
    with pytest.raises(Refusal) as caught, store.begin(act("operator", "product_manager")) as tx:
        order(tx, "N-INVENTED")
    assert caught.value.code == UNKNOWN_NODE.code
    with store.read() as tx:
        assert not jobs.open_jobs(tx) and not tx.count(settings)
