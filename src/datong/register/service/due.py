"""What waits for a deed of this node in the room: keys by the view that lists them, the longest waiting first.

Whose deed, by role, is asked where it is shown. Contract: tests/web/test_overview.py.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import and_, func, or_, select

from datong.ground import clock, signing, workdays
from datong.ground.db import Tx
from datong.register import store
from datong.register.model.cases import RENEWAL_DAYS, State
from datong.register.model.national import IdentityState, MemberState, SpaceState
from datong.register.service.following import deadline_of
from datong.register.store import national


def due(tx: Tx, most: int) -> dict[str, list[str]]:
    """Applications to join, of identities to decide here, to spaces that this node runs, and cases, at most so many of
    each."""
    me, cases, identities = signing.me(tx), store.cases.c, national.identities.c
    today = workdays.china_date(tx.business_now)
    lasted = clock.text(tx.business_now - timedelta(days=14))  # a publicity of ten working days lasts that at the least
    registry = or_(
        cases.state.in_((State.SUBMITTED, State.ACCEPTED, State.REVIEWED, State.OBJECTED)),
        and_(cases.state == State.PUBLICISED, cases.publicised_at < lasted),
        cases.state.in_((State.RENEWAL_FILED, State.RENEWAL_ACCEPTED)),
        cases.state.in_((State.CANCELLATION_FILED, State.CANCELLATION_ACCEPTED)),
        and_(cases.state == State.CODED, cases.valid_until < today.isoformat()),  # lapsed: to be cancelled (art. 15)
    )
    expiring = cases.valid_until.between(today.isoformat(), (today + timedelta(days=RENEWAL_DAYS)).isoformat())
    filed = or_(
        cases.state.in_((State.DRAFT, State.SUPPLEMENT_REQUESTED)),
        and_(cases.state == State.CODED, cases.side.in_(("applicant", "both")), expiring),
    )
    applied = and_(identities.state == IdentityState.applied, identities.decider.in_((me.party, me.code)))
    joining = store.applications.c.state == "applied"
    open_cases = tx.longest(store.cases, "since", or_(filed, and_(cases.side != "applicant", registry)), most)
    return {
        "register.join_applications": tx.longest(store.applications, "applied_at", joining, most),
        "register.identities": tx.longest(national.identities, "at", applied, most),
        "register.spaces": _asked_for(tx, me.code, most),
        "register.cases": [key for key in open_cases if not _still_public(tx, key)],
    }


def _asked_for(tx: Tx, me: str, most: int) -> list[str]:
    """The open spaces run here to which somebody applied, the longest waiting application first."""
    spaces, members = national.spaces.c, national.members.c
    own = select(spaces.id).where(spaces.platform == me, spaces.state == SpaceState.open)
    asked = select(members.space).where(members.state == MemberState.applied, members.space.in_(own))
    first = asked.group_by(members.space).order_by(func.min(members.at), members.space).limit(most)
    return [row.space for row in tx.all(first)]


def _still_public(tx: Tx, case: str) -> bool:
    """Whether its publicity, which holidays lengthen, lasts on."""
    row = tx.get(store.cases, case) or {}
    lasts = deadline_of(tx, row) if row.get("state") == State.PUBLICISED else None
    return lasts is not None and not lasts["overdue"]
