"""One connector under test and one kit for the whole file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from kit import Kit

from connector import CODE, Connector, opened
from servers import free_port


@pytest.fixture(scope="session")
def connector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connector]:
    listening = free_port()
    made = opened(Path(tmp_path_factory.mktemp("tck")) / "node", free_port(), f"http://127.0.0.1:{listening}", delay=0)
    made.kit_port = listening
    made.start()
    yield made
    made.stop()
    assert not made.player.faults


@pytest.fixture(scope="session")
def kit(connector: Connector) -> Iterator[Kit]:
    made = Kit(connector.kit_port, f"{connector.address}/dsp/2025-1")
    yield made
    made.close()


@pytest.fixture(scope="session")
def agent() -> str:
    return CODE
