"""What waits for a deed of this node in the room: keys by the view that lists them, the longest waiting first.

Whose deed, by role, is asked where it is shown. Contract: tests/web/test_overview.py.
"""

from __future__ import annotations

from sqlalchemy import and_, or_

from datong.authorise import store
from datong.authorise.model import InstrumentKind, State
from datong.authorise.service.records import over
from datong.ground import signing
from datong.ground.db import Tx


def due(tx: Tx, most: int) -> dict[str, list[str]]:
    """Instruments of this party before their filing, agreements it has to counter-sign, filed ones whose term has
    begun, and before these what runs though its plan is over, at most so many."""
    of, mine = store.instruments.c, signing.me(tx).party
    before = (State.DRAFT, State.COLLECTIVE_DECISION, State.APPROVED, State.SIGNED, State.MAJOR_CHANGE)
    granted = and_(of.state.in_(before), of.grantor_party == mine)
    offered = and_(of.state == State.OFFERED, of.grantee_party == mine)
    begun = and_(of.state == State.FILED, of.kind == "agreement", of.grantor_party == mine, of.from_at <= tx.now)
    waiting = tx.longest(store.instruments, "changed_at", or_(granted, offered, begun), most)
    left = [row for row in store.of_kinds(tx, InstrumentKind.agreement) if row["state"] != State.SUSPENDED]
    return {"authorise.instruments": list(dict.fromkeys([*over(tx, left), *waiting]))[:most]}
