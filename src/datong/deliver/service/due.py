"""What waits for a deed of this node in the room: keys by the view that lists them, the longest waiting first.

Whose deed, by role, is asked where it is shown. Contract: tests/web/test_overview.py.
"""

from __future__ import annotations

from sqlalchemy import and_

from datong.deliver import store as rows
from datong.deliver.model import Side, State
from datong.ground.db import Tx


def due(tx: Tx, most: int) -> dict[str, list[str]]:
    """Transfers that were requested of this provider, at most so many."""
    of = rows.processes.c
    asked = and_(of.state == State.REQUESTED, of.side == Side.provider)
    return {"deliver.transfers": tx.longest(rows.processes, "at", asked, most)}
