"""What waits for a deed of this node in the room: keys by the view that lists them, the longest waiting first.

Whose deed, by role, is asked where it is shown. Contract: tests/web/test_overview.py.
"""

from __future__ import annotations

from sqlalchemy import and_, or_

from datong.ground.db import Tx
from datong.negotiate import store
from datong.negotiate.model import Party, State


def due(tx: Tx, most: int) -> dict[str, list[str]]:
    """Negotiations in which it is this side's turn, at most so many."""
    of = store.negotiations.c
    providing = and_(of.side == Party.provider, of.state.in_((State.REQUESTED, State.ACCEPTED, State.VERIFIED)))
    consuming = and_(of.side == Party.consumer, of.state.in_((State.OFFERED, State.AGREED)))
    return {"negotiate.negotiations": tx.longest(store.negotiations, "changed_at", or_(providing, consuming), most)}
