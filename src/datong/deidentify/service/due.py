"""What waits for a deed of this node in the room: keys by the view that lists them, the longest waiting first.

Whose deed, by role, is asked where it is shown. Contract: tests/web/test_overview.py.
"""

from __future__ import annotations

from datong.deidentify.store import classification
from datong.ground.db import Tx


def due(tx: Tx, most: int) -> dict[str, list[str]]:
    """Datasets with a column that nobody confirmed or a lowering that nobody answered, at most so many."""
    return {"deidentify.classifications": classification.open_datasets(tx, most)}
