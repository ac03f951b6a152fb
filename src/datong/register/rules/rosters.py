"""Who is with whom in which logical space, and whether a roster may be believed. Pure.

Contract: tests/register/test_register_rosters.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from datong.ground import codes
from datong.register.model.national import MemberState, SpaceState
from datong.register.model.rosters import MEMBERS_MAX, ROSTER_FIELDS, ROSTER_SCHEMA, SERIAL_MAX, Known


def belongs(one: Known, me: str) -> bool:
    """Whether this node is of the space: it runs it, or its newest roster and its own record both say so."""
    inside = me in one.members and one.own == MemberState.member
    return one.is_open and (one.platform == me or inside)


def shared(spaces: Iterable[Known], me: str, other: str) -> frozenset[str]:
    """The spaces this node is of and in which `other` is a member; what is not known is no membership."""
    return frozenset(one.space for one in spaces if belongs(one, me) and other in one.members)


def roster_fault(record: Any, platform: str) -> codes.Fault | None:
    """What is wrong with the form of a roster that `platform` is to have signed; its signature is not looked at."""
    if not isinstance(record, Mapping) or set(record) != ROSTER_FIELDS or record["schema"] != ROSTER_SCHEMA:
        return f"不是 {ROSTER_SCHEMA}", f"does not follow {ROSTER_SCHEMA}"
    texts = ("space", "platform", "name", "state", "issued_at")
    if any(not isinstance(record[name], str) for name in texts) or type(record["serial"]) is not int:
        return "字段类型不符", "has fields of the wrong type"
    if record["platform"] != platform:
        return "不是由该空间的平台签发", "is not of the platform that runs the space"
    if not 1 <= record["serial"] <= SERIAL_MAX or len(record["issued_at"]) > 40:
        return "序号或时间不符", "has a wrong serial or time"
    if record["state"] not in set(SpaceState) or not 0 < len(record["name"].strip()) <= 100:
        return "状态或名称不符", "has a wrong state or name"
    return _members_fault(record["members"])


def _members_fault(members: Any) -> codes.Fault | None:
    if not isinstance(members, list) or len(members) > MEMBERS_MAX:
        return "成员列表不符", f"has no list of at most {MEMBERS_MAX} members"
    named = []
    for member in members:
        if not isinstance(member, Mapping) or set(member) != {"node", "party"}:
            return "成员列表不符", "has a member that is not a node with its party"
        node = member["node"]
        if not isinstance(node, str) or codes.node_code_fault(node) is not None:
            return "成员标识不符", "has a member whose code is none"
        if codes.parse_node_code(node).subject != member["party"]:
            return "成员标识与主体不符", "has a member whose code is of another party"
        named.append(node)
    if named != sorted(set(named)):
        return "成员有重复或次序不符", "has a member twice, or out of order"
    return None
