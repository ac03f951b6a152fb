"""bench/integration.py at its smallest: the plan gives what SQL by hand gives, and its parts are all measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scripts import loaded

SCRIPT = Path(__file__).parents[2] / "bench" / "integration.py"
ROWS = 120_000
"""Enough bytes that the file is scanned."""


@pytest.fixture(scope="module")
def integration() -> Any:
    return loaded(SCRIPT)


def test_the_plan_and_the_sql_by_hand_agree_and_the_parts_are_told(integration: Any, tmp_path: Path) -> None:
    path = tmp_path / "trips.ndjson"
    integration.write_trips(path, ROWS)
    figures, held = integration.datong(path)
    assert (figures, held) == integration.by_hand(path)
    assert sum(each["trips"] for each in figures) + sum(held.values()) == ROWS
    spent = integration.parts(path)
    assert set(spent) == {*integration.PARTS, "again", "close"}
    assert min(spent.values()) >= 0 and spent["digest"] > 0 and spent["typed"] > 0, spent
