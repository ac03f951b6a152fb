"""Tables of identities, connectors' states and reports, and logical spaces.

Beats of a heart change without a deed and have no leaf; a change between running and stopped has one.
"""

from __future__ import annotations

from sqlalchemy import JSON, Column, Integer, String, Text, UniqueConstraint

from datong.ground.db import Instant, table

identities = table(
    "register_identity",  # id = of the application; at the proxy and at the function node
    Column("kind", String(12), nullable=False),
    Column("act", String(10), nullable=False),  # register | update | cancel: the last one applied for
    Column("identity_code", String(64), nullable=False, index=True),  # "" until assigned
    Column("subject_key", String(80), nullable=False, index=True),  # keyed digest of what makes the subject unique
    Column("organisation", String(18), nullable=False),  # credit code of an organisation or of an agent's
    Column("attributes", Text, nullable=False),  # sealed
    Column("state", String(10), nullable=False),
    Column("pending", String(10), nullable=False),  # "" | register | update | cancel
    Column("proxy", String(32), nullable=False),  # node that applied
    Column("decider", String(32), nullable=False),  # function node it applied to
    Column("reason", String(500), nullable=False),
    Column("by", String(80), nullable=False),
    Column("at", Instant, nullable=False),
)
accesses = table(
    "register_identity_access",  # id = digest of the code handed out
    Column("identity", String(80), nullable=False),
    Column("node", String(32), nullable=False),
    Column("until", Instant, nullable=False),
    Column("used_at", Instant),
)
connectors = table(
    "register_connector_state",  # id = node code
    Column("state", String(8), nullable=False),  # running | stopped
    Column("beat_at", Instant, nullable=False),  # wall time: the beat with which it last began to run
    Column("changed_at", Instant, nullable=False),
)
beats = table(
    "register_heartbeat",  # id = node code: the newest beat, every few seconds another, of which no evidence is kept
    Column("at", Instant, nullable=False),  # wall time
)
reports = table(
    "register_connector_report",
    Column("node", String(32), nullable=False, index=True),
    Column("kind", String(8), nullable=False),  # running | log | leave
    Column("body", JSON, nullable=False),
    Column("at", Instant, nullable=False),
)
spaces = table(
    "logical_space",
    Column("name", String(100), nullable=False),
    Column("description", Text, nullable=False),
    Column("platform", String(32), nullable=False),  # node code of who runs it
    Column("state", String(8), nullable=False),  # open | closed
    Column("created_by", String(80), nullable=False),
    Column("at", Instant, nullable=False),
)
members = table(
    "logical_space_member",  # id = space/node
    Column("space", String(80), nullable=False, index=True),
    Column("node", String(32), nullable=False),
    Column("party", String(18), nullable=False),
    Column("state", String(8), nullable=False),
    Column("reason", String(500), nullable=False),
    Column("decided_by", String(80), nullable=False),
    Column("at", Instant, nullable=False),
    UniqueConstraint("space", "node"),
)
rosters = table(
    "logical_space_roster",  # id = space; the newest: at the platform what it signed, at a member what it learned
    Column("serial", Integer, nullable=False),
    Column("record", JSON, nullable=False),
    Column("at", Instant, nullable=False),
)
