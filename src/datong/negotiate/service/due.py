"""What waits for a deed of this node in the room: keys by the view that lists them, the longest waiting first.

Whose deed, by role, is asked where it is shown. Contract: tests/web/test_overview.py.
"""

from __future__ import annotations

import json

from sqlalchemy import Text, and_, cast, or_, select

from datong.ground.db import Tx
from datong.negotiate import store
from datong.negotiate.model import Party, State
from datong.negotiate.service import binding
from datong.register import service as register

KINDS = 200
"""Data of which contracts are looked for at once."""


def due(tx: Tx, most: int) -> dict[str, list[str]]:
    """Negotiations in which it is this side's turn, and contracts that stand though a registration under them is over,
    so that nothing is delivered, at most so many of each."""
    of = store.negotiations.c
    providing = and_(of.side == Party.provider, of.state.in_((State.REQUESTED, State.ACCEPTED, State.VERIFIED)))
    consuming = and_(of.side == Party.consumer, of.state.in_((State.OFFERED, State.AGREED)))
    return {
        "negotiate.negotiations": tx.longest(store.negotiations, "changed_at", or_(providing, consuming), most),
        "negotiate.agreements": _over(tx, most),
    }


def _over(tx: Tx, most: int) -> list[str]:
    """Of the contracts that stand, those over a registration that is over; asked once for all of the same data."""
    of, inputs = store.agreements.c, cast(store.agreements.c.terms["inputs"], Text)
    standing = of.state == State.FINALIZED
    found = tx.all(select(of.dataset, inputs.label("inputs")).where(standing).distinct())
    kinds = [(row.dataset, row.inputs) for row in found]
    under = {kind: binding.stands_on(tx, kind[0], {"inputs": json.loads(kind[1] or "null")}) for kind in kinds}
    gone = register.over(tx, list({code for kind, codes in under.items() for code in (kind[0], *codes)}))
    over = [and_(of.dataset == kind[0], inputs == kind[1]) for kind in kinds if gone & {kind[0], *under[kind]}]
    return tx.longest(store.agreements, "agreed_at", and_(standing, or_(*over[:KINDS])), most) if over else []
