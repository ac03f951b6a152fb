"""What a node does every hour, with every message or with every file reads no table from end to end: after some years
in use a table holds hundreds of thousands of rows, and who writes meanwhile waits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from datong.deliver import service as deliver
from datong.deliver.service import granting
from datong.ground.db import NODE, Tx
from datong.meter import service as meter
from datong.negotiate import service as negotiate
from neighbours import Neighbours, node_code
from statements import asked_of, read_whole

LAB = node_code("city-lab")


def nothing_granted(tx: Tx) -> None:
    meter.served(tx, "use-none", 1)
    granting.served(tx, "use-none", 1)


OFTEN: dict[str, Callable[[Tx], Any]] = {
    "what the clock has overtaken": lambda tx: [kind.all(tx) for kind in negotiate.ENDS],
    "contracts with a counterparty, as each statement asks": lambda tx: negotiate.provided_to(tx, LAB),
    "bytes served of a file": nothing_granted,
}

NEWEST = {
    "usage": lambda tx: meter.usage(tx, limit=50, offset=1),
    "contracts": lambda tx: negotiate.agreements(tx, limit=50, offset=1),
    "decisions": lambda tx: deliver.decisions(tx, limit=50, offset=1),
}
"""Lists of which a page is cut from the middle: what stands before it is passed over in an index in their order."""


@pytest.fixture
def world(tmp_path: Path) -> Neighbours:
    return Neighbours(tmp_path, "data-group")


@pytest.mark.parametrize("deed", OFTEN)
def test_no_table_is_read_from_end_to_end(world: Neighbours, deed: str) -> None:
    store = world.stores["data-group"]
    with asked_of(store) as asked, store.begin(NODE, "test") as tx:
        OFTEN[deed](tx)
    assert asked
    assert read_whole(store, [text for text in asked if text.startswith(("SELECT", "UPDATE", "DELETE"))]) == set()


@pytest.mark.parametrize("deed", NEWEST)
def test_the_rows_before_a_page_are_passed_over_in_an_index(world: Neighbours, deed: str) -> None:
    store = world.stores["data-group"]
    with asked_of(store) as asked, store.read() as tx:
        NEWEST[deed](tx)
    with store.engine.connect() as conn:
        plan = [str(row[-1]) for row in conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {asked[0]}").all()]
    passed = [step for step in plan if step.startswith("SCAN")]
    assert passed and all("INDEX" in step for step in passed)
