"""What a node does by itself while it runs: terms that end, whatever else fails, and what is forgotten."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import datong.app
from datong.app import work
from datong.authorise import store as authorise_rows
from datong.ground import jobs, signing
from datong.ground.config import load
from datong.ground.db import NODE, Store

PARTY = "91520100MAXDT0015L"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[datong.app.Node]:
    """A node that runs without its web, as `datong serve` starts it."""
    datong.app.init(tmp_path / "n", name="N", party=PARTY, port=65000, region="5201", kind="regional")
    made = datong.app.open_node(load(tmp_path / "n"))
    yield made
    made.stop()


def instrument(store: Store, key: str, until: str) -> None:
    """A legal basis in force of this node's party until then."""
    with store.begin(NODE, "test") as tx:
        party = signing.me(tx).party
        tx.add(
            authorise_rows.instruments,
            {
                "id": key, "kind": "legal_basis", "state": "IN_FORCE", "title": "basis", "grantor_party": party,
                "grantee_party": "", "grantee_node": "", "resources": [], "purposes": [], "acts": [],
                "from_at": "2020-01-01T00:00:00Z", "until_at": until, "items": {}, "parents": [], "copies_to": [],
                "value": {"signatures": []}, "digest": "", "serial": 1, "drafted_by": "p-0", "drafter_let_in_by": "",
                "changed_at": until,
            },
        )  # fmt: skip


def state(store: Store, key: str) -> Any:
    with store.read() as tx:
        row = tx.get(authorise_rows.instruments, key)
    assert row is not None
    return row["state"]


def comes(true: Callable[[], bool]) -> bool:
    until = time.monotonic() + 10
    while not true() and time.monotonic() < until:
        time.sleep(0.05)
    return true()


def test_a_term_that_ended_while_the_node_was_down_is_over_when_it_has_started(node: datong.app.Node) -> None:
    instrument(node.store, "past", "2021-01-01T00:00:00Z")
    instrument(node.store, "open", "2900-01-01T00:00:00Z")
    node.start()
    assert comes(lambda: state(node.store, "past") == "EXPIRED")
    assert state(node.store, "open") == "IN_FORCE"


def test_a_term_that_ends_while_the_node_runs_is_over_within_the_hour(
    node: datong.app.Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "LOOK_SECONDS", 0.05)
    seen: list[str] = []
    monkeypatch.setattr(work, "DUE", (lambda tx: seen.append(tx.wall),))
    wall = node.store.wall_clock
    node.start()
    assert comes(lambda: len(seen) == 1)
    time.sleep(0.3)
    assert len(seen) == 1, "once an hour"
    for hours in (1, 24 * 365, 0):  # forwards, far forwards, and back again, as a clock that was wrong is put right
        node.store.wall_clock = lambda hours=hours: wall() + HOUR * hours
        before = len(seen)
        assert comes(lambda before=before: len(seen) == before + 1), hours


def test_what_cannot_be_ended_holds_nothing_else_up(
    node: datong.app.Node, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def torn(_tx: Any) -> None:
        raise ValueError("a row that nobody foresaw")

    monkeypatch.setattr(work, "DUE", (torn, *work.DUE))
    instrument(node.store, "past", "2021-01-01T00:00:00Z")
    node.start()
    assert comes(lambda: state(node.store, "past") == "EXPIRED")
    assert "a row that nobody foresaw" in caplog.text


def test_what_was_done_long_ago_is_forgotten(node: datong.app.Node) -> None:
    wall, done = node.store.wall_clock, []
    node.store.wall_clock = lambda: wall() - (jobs.KEPT_DAYS + 1) * DAY
    with node.store.begin(NODE, "test") as tx:
        old = jobs.enqueue(tx, "k", {})
    jobs.Worker(node.store, {"k": done.append}).run_due()
    node.store.wall_clock = wall
    with node.store.begin(NODE, "test") as tx:
        new = jobs.enqueue(tx, "k", {})
    jobs.Worker(node.store, {"k": done.append}).run_due()
    assert len(done) == 2
    node.start()

    def there(key: str) -> bool:
        with node.store.read() as tx:
            return tx.get(jobs.jobs, key) is not None

    assert comes(lambda: not there(old))
    assert there(new)
