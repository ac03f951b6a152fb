"""What a node does every hour, with every message or with every file reads no table from end to end: after some years
in use a table holds hundreds of thousands of rows, and who writes meanwhile waits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

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
    "what the clock has overtaken": negotiate.lapse,
    "contracts with a counterparty, as each statement asks": lambda tx: negotiate.provided_to(tx, LAB),
    "bytes served of a file": nothing_granted,
}


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
