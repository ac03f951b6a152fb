"""The roster of a logical space (空间成员名册): who its members are, signed by the platform that runs it.

One record a space; every change makes a new one with the next serial, as a membership record of a node has one
(register.service.nodes). Must never know: the database. Contract: tests/register/test_register_rosters.py.
"""

from __future__ import annotations

from dataclasses import dataclass

from datong.ground.refusal import Kind, Reason, Text

ROSTER_SCHEMA = "datong.space-roster/1"
ROSTER_FIELDS = frozenset(
    {"schema", "space", "platform", "name", "state", "serial", "members", "issued_at", "signatures"}
)
"""members: [{"node", "party"}] in the order of the codes, each once."""
MEMBERS_MAX = 10_000
"""Members of one space; the record of so many is about a megabyte."""

SERIAL_MAX = 2**31 - 1


@dataclass(frozen=True)
class Known:
    """A logical space as one node knows it. own: the state of its own membership, "" without one."""

    space: str
    platform: str
    is_open: bool
    own: str
    members: frozenset[str]


BAD_ROSTER = Reason(
    "IDN-455",
    Kind.denied,
    Text("空间 {space} 的成员名册未被采用。", "The roster of the space {space} was not taken."),
    Text("它{why_zh}。", "It {why}."),
    Text("请由该空间的平台重新发出名册（变更空间即可）。",
         "Let the space's platform send it again (change-space does)."),
)  # fmt: skip
SPACE_FULL = Reason(
    "IDN-456",
    Kind.conflict,
    Text("未批准加入空间 {space}。", "Nobody more was admitted to the space {space}."),
    Text("它已有 {most} 个成员。", "It has {most} members."),
    Text("请另建空间，或先结束一些成员资格。", "Create another space, or end some memberships first."),
)
