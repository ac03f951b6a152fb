"""Logical data spaces (逻辑可信数据空间) of a platform: made, changed, joined by approval, watched, closed.

    create_space, change_space, close_space    at the platform, by its operator
    apply_to_space, leave_space                at a member: register.space_applied, register.space_left
    decide_member                              at the platform: register.space_decided, and a new roster (rosters)
    reported                                   their state, in the running report to the function node

Contract: tests/register/test_register_spaces.py.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import select

from datong.ground import codes, evidence, outbox, signing
from datong.ground.db import NODE, Tx, Window, new_id
from datong.ground.refusal import Problem
from datong.register.model.national import BAD_SPACE, MEMBER_STATE, NO_SPACE, MemberState, SpaceState
from datong.register.rules import text_problems
from datong.register.service import nodes, rosters
from datong.register.service.connectors import running
from datong.register.store import national as rows
from datong.terms.roles import Role
from datong.terms.verbs import verb, view

NAME_MAX, TEXT_MAX = 100, 2000
SPACE_MAX = 47
"""Of a space's id: with a node's code it names a membership, in 80 characters."""


def _problems(name: str, description: str) -> list[Problem]:
    problems = []
    if not 0 < len(name.strip()) <= NAME_MAX:
        problems.append(Problem("name", f"应为 1 至 {NAME_MAX} 字", f"should have 1 to {NAME_MAX} characters"))
    if len(description) > TEXT_MAX:
        problems.append(Problem("description", f"至多 {TEXT_MAX} 字", f"should have at most {TEXT_MAX} characters"))
    return problems


@verb(Role.operator)
def create_space(tx: Tx, *, name: str, description: str = "") -> dict[str, Any]:
    """Create a logical data space on this platform."""
    if problems := _problems(name, description):
        raise BAD_SPACE(problems, count=len(problems))
    key = new_id("space")
    row = {
        "id": key, "name": name.strip(), "description": description, "platform": signing.me(tx).code,
        "state": SpaceState.open.value, "created_by": tx.actor.person, "at": tx.now,
    }  # fmt: skip
    tx.add(rows.spaces, row)
    evidence.append(tx, "register.space_created", rows.spaces, key, name=row["name"])
    return row


@verb(Role.operator)
def change_space(tx: Tx, *, space: str, name: str, description: str = "") -> dict[str, Any]:
    """Change name and description of a space; its members get its roster anew."""
    _own(tx, space)
    if problems := _problems(name, description):
        raise BAD_SPACE(problems, count=len(problems))
    tx.change(rows.spaces, space, name=name.strip(), description=description)
    evidence.append(tx, "register.space_changed", rows.spaces, space, name=name.strip())
    row = _own(tx, space)
    rosters.signed_anew(tx, row)
    return row


@verb(Role.operator)
def close_space(tx: Tx, *, space: str, reason: str) -> dict[str, Any]:
    """Close a space for good (删除); its record and its members' stay as evidence."""
    _own(tx, space)
    tx.change(rows.spaces, space, state=SpaceState.closed.value)
    evidence.append(tx, "register.space_closed", rows.spaces, space, reason=reason)
    row = tx.get(rows.spaces, space)
    assert row is not None
    rosters.signed_anew(tx, row)
    for one in _members(tx, space):
        if one["state"] == MemberState.applied:
            _decided(tx, row, one["node"], MemberState.refused, reason)
    return row


def _own(tx: Tx, space: str, *, open_only: bool = True) -> dict[str, Any]:
    """A space that this node runs."""
    row = tx.get(rows.spaces, space[:80])
    if row is None or row["platform"] != signing.me(tx).code or (open_only and row["state"] != SpaceState.open):
        raise NO_SPACE(space=space[:60])
    return row


@view()
def spaces(tx: Tx, *, id: str = "", limit: int | None = None, offset: int = 0) -> list[dict[str, Any]]:
    """List the spaces this node runs or belongs to, with the number of members and how many of them run now.

    id: one alone. limit, offset: how many, after how many.
    """
    beating, found = running(tx), []
    query = select(rows.spaces).order_by(rows.spaces.c.at, rows.spaces.c.id)
    for row in tx.rows(Window(id, limit, offset).of(query, rows.spaces.c.id)):
        inside = [m for m in _members(tx, row["id"]) if m["state"] == MemberState.member.value]
        counts = {"members": len(inside), "members_running": sum(m["node"] in beating for m in inside)}
        found.append({**row, **counts})
    return found


def reported(tx: Tx, to: str) -> list[dict[str, Any]]:
    """[{space, name, state, members}] of the spaces this node runs, for the report to the function node `to`."""
    mine, told = signing.me(tx).code, []
    for row in spaces(tx):
        if row["platform"] == mine:
            told.append({"space": row["id"], **{name: row[name] for name in ("name", "state", "members")}})
            evidence.append(tx, "register.space_reported", rows.spaces, row["id"], to=to, members=row["members"])
    return told


@view()
def space_members(tx: Tx, *, space: str) -> list[dict[str, Any]]:
    """List the members of a space and the open applications; at a member, its own and those the roster names."""
    return _members(tx, space)


def _members(tx: Tx, space: str) -> list[dict[str, Any]]:
    query = select(rows.members).where(rows.members.c.space == space).order_by(rows.members.c.at, rows.members.c.id)
    found = tx.rows(query)
    of, roster = tx.get(rows.spaces, space[:80]), tx.get(rows.rosters, space[:80])
    if of is None or roster is None or of["platform"] == signing.me(tx).code:
        return found
    listed, known = {row["node"] for row in found}, {"state": MemberState.member.value, "reason": "", "decided_by": ""}
    others = [
        {"id": f"{space}/{member['node']}", "space": space, **member, **known, "at": roster["at"]}
        for member in roster["record"]["members"]
        if member["node"] not in listed
    ]
    return found + others


def is_member(tx: Tx, space: str, node: str) -> bool:
    """Whether a node belongs to an open space."""
    row = tx.get(rows.members, f"{space}/{node}"[:80])
    of = tx.get(rows.spaces, space)
    return row is not None and row["state"] == MemberState.member and of is not None and of["state"] == SpaceState.open


@verb(Role.operator, Role.product_manager)
def apply_to_space(tx: Tx, *, space: str, platform: str, reason: str = "") -> dict[str, Any]:
    """Apply to join a space of another platform (its node code); who is a member of it stays one."""
    known, mine = tx.get(rows.spaces, space[:80]), signing.me(tx)
    if not 0 < len(space) <= SPACE_MAX or codes.node_code_fault(platform) is not None:
        raise NO_SPACE(space=space[:60])
    key, values = (
        f"{space}/{mine.code}",
        {"state": MemberState.applied.value, "reason": reason, "at": tx.now},
    )
    own = tx.get(rows.members, key)
    if known is None:
        _keep(tx, space, platform)
    elif known["platform"] != platform:
        _asked_elsewhere(tx, known, platform)
    if own is None:
        row = {"id": key, "space": space, "node": mine.code, "party": mine.party, "decided_by": "", **values}
        tx.add(rows.members, row)
    elif own["state"] == MemberState.member:
        return {"space": space, "platform": platform, "state": MemberState.member.value}
    else:
        tx.change(rows.members, key, **values)
    evidence.append(tx, "register.space_asked", rows.members, key, platform=platform)
    body = {"space": space, "reason": reason}
    outbox.send(tx, to=platform, type="register.space_applied", body=body)
    return {"space": space, "platform": platform, "state": MemberState.applied.value}


@verb(Role.operator, Role.product_manager)
def leave_space(tx: Tx, *, space: str, platform: str) -> dict[str, Any]:
    """Leave a space; this node is no member from now on, the platform as soon as it hears of it."""
    key = f"{space[:SPACE_MAX]}/{signing.me(tx).code}"
    row, of = tx.get(rows.members, key), tx.get(rows.spaces, space[:80])
    if row is None or of is None or of["platform"] != platform:
        raise NO_SPACE(space=space[:60])
    if row["state"] != MemberState.left:
        tx.change(rows.members, key, state=MemberState.left.value, at=tx.now)
        evidence.append(tx, "register.space_left", rows.members, key)
    outbox.send(tx, to=platform, type="register.space_left", body={"space": space})
    return {"space": space, "platform": platform, "state": MemberState.left.value}


def received_space_applied(tx: Tx, *, sender: str, body: dict[str, Any]) -> None:
    """register.space_applied: keep an application to join; who has left or was refused may apply again.

    A member that applies does not know that it is one (its store was put back, say): it is told again.
    """
    space = _own(tx, str(body.get("space")))
    if problems := text_problems(body, "reason"):
        raise BAD_SPACE(problems, count=len(problems))
    key = f"{space['id']}/{sender}"[:80]
    known = tx.get(rows.members, key)
    values = {"state": MemberState.applied.value, "reason": str(body.get("reason") or "")[:500], "at": tx.now}
    if known is None:
        party = str(nodes.node(tx, sender)["party"])
        row = {"id": key, "space": space["id"], "node": sender, "party": party, "decided_by": "", **values}
        tx.add(rows.members, row)
    elif known["state"] == MemberState.applied:
        return
    elif known["state"] == MemberState.member:
        _tell(tx, space, sender, MemberState.member, known["reason"])
        rosters.tell(tx, space["id"], sender)
        return
    else:
        tx.change(rows.members, key, **values)
    evidence.append(tx, "register.space_applied", rows.members, key, node=sender)


@verb(Role.operator)
def decide_member(tx: Tx, *, space: str, node: str, admit: bool, reason: str = "") -> dict[str, Any]:
    """Approve or refuse an application to join a space, or end a membership (admit: no)."""
    of = _own(tx, space)
    row = tx.get(rows.members, f"{space}/{node}"[:80])
    open_now = (MemberState.applied,) if admit else (MemberState.applied, MemberState.member)
    if row is None or row["state"] not in open_now:
        raise MEMBER_STATE(node=node[:40], state=row["state"] if row else "unknown")
    state, was_member = MemberState.member if admit else MemberState.refused, row["state"] == MemberState.member
    if admit:
        rosters.require_room(tx, space)
    told = _decided(tx, of, node, state, reason)
    if admit or was_member:
        rosters.signed_anew(tx, of)
    return {**told, "node": node}


def _decided(tx: Tx, space: dict[str, Any], node: str, state: MemberState, reason: str) -> dict[str, Any]:
    key = f"{space['id']}/{node}"
    tx.change(rows.members, key, state=state.value, reason=reason, decided_by=tx.actor.person, at=tx.now)
    evidence.append(tx, "register.space_decided", rows.members, key, state=state.value)
    return _tell(tx, space, node, state, reason)


def _tell(tx: Tx, space: dict[str, Any], node: str, state: MemberState, reason: str) -> dict[str, Any]:
    told = {"space": space["id"], "state": state.value, "reason": reason, "name": space["name"]}
    outbox.send(tx, to=node, type="register.space_decided", body=told)
    return told


def received_space_decided(tx: Tx, *, sender: str, body: dict[str, Any]) -> None:
    """register.space_decided: what became of our application, from the platform we applied to and of no other space.

    Who has left, or was refused, and did not apply again stays what it is: a decision that comes late or is played
    again makes nobody a member.
    """
    space, state, name = body.get("space"), body.get("state"), body.get("name")
    known = tx.get(rows.spaces, space[:80]) if isinstance(space, str) else None
    key = f"{space}/{signing.me(tx).code}"[:80]
    own = tx.get(rows.members, key)
    if known is None or known["platform"] != sender or own is None:
        raise NO_SPACE(space=str(space)[:60])
    problems = [*_problems(name if isinstance(name, str) else "", ""), *text_problems(body, "reason")]
    if state not in (MemberState.member, MemberState.refused):
        problems.append(Problem("state", "应为 member 或 refused", "should be member or refused"))
    if problems:
        raise BAD_SPACE(problems, count=len(problems))
    if str(name).strip() != known["name"]:
        tx.change(rows.spaces, known["id"], name=str(name).strip())
        evidence.append(tx, "register.space_named", rows.spaces, known["id"])
    if own["state"] not in (MemberState.applied, MemberState.member):
        return
    tx.change(rows.members, key, state=str(state), reason=str(body.get("reason") or "")[:500], at=tx.now)
    evidence.append(tx, "register.space_told", rows.members, key, state=str(state))


def _asked_elsewhere(tx: Tx, known: dict[str, Any], platform: str) -> None:
    """A space that this node asked another platform for, which has never said a word of it: that was a mistake."""
    if known["name"] or known["platform"] == signing.me(tx).code:
        raise NO_SPACE(space=known["id"])
    tx.change(rows.spaces, known["id"], platform=platform)
    evidence.append(tx, "register.space_asked_elsewhere", rows.spaces, known["id"], platform=platform)


def _keep(tx: Tx, key: str, platform: str) -> None:
    """A space of another platform, whose name is known once it has answered."""
    row = {
        "id": key, "name": "", "description": "", "platform": platform, "state": SpaceState.open.value,
        "created_by": "", "at": tx.now,
    }  # fmt: skip
    tx.add(rows.spaces, row)
    evidence.append(tx, "register.space_known", rows.spaces, key)


def received_space_left(tx: Tx, *, sender: str, body: dict[str, Any]) -> None:
    """register.space_left: a member leaves, of a closed space too, whose end it may not have heard of."""
    space = _own(tx, str(body.get("space")), open_only=False)
    key = f"{space['id']}/{sender}"[:80]
    row = tx.get(rows.members, key)
    if row is None or row["state"] == MemberState.left:
        return
    was_member = row["state"] == MemberState.member
    tx.change(rows.members, key, state=MemberState.left.value, at=tx.now)
    evidence.append(tx, "register.space_left", rows.members, key, node=sender)
    if was_member and space["state"] == SpaceState.open:  # the platform's own deed, not of who leaves
        rosters.signed_anew(replace(tx, actor=NODE), space)
