"""Rosters: the platform of a space tells its members who they are, so that each can show its data to them alone.

    signed_anew       at the platform, with every change: the next serial, signed, sent to all members
    received_roster   at a member: register.space_roster, kept when it is of the platform and newer than what is known
    shared_spaces     the spaces this node has in common with another; what a listing for members is shown by
    own_spaces        the spaces this node is of

A member that is refused, ended or leaves hears no more rosters; its own record says that it is none, and a member that
the directory does not know as active is none either. Contract: tests/register/test_register_rosters.py.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import select

from datong.ground import evidence, outbox, signing
from datong.ground.canonical import hexdigest
from datong.ground.db import Tx
from datong.register import store
from datong.register.model.national import NO_SPACE, MemberState, SpaceState
from datong.register.model.rosters import BAD_ROSTER, MEMBERS_MAX, ROSTER_SCHEMA, SPACE_FULL, Known
from datong.register.model.values import Membership
from datong.register.rules import rosters as rules
from datong.register.service import nodes
from datong.register.store import national as rows


def admitted(tx: Tx, space: str) -> list[dict[str, Any]]:
    """The memberships of a space that its platform has approved, by node code."""
    query = select(rows.members).where(rows.members.c.space == space, rows.members.c.state == MemberState.member.value)
    return tx.rows(query.order_by(rows.members.c.node))


def require_room(tx: Tx, space: str) -> None:
    if len(admitted(tx, space)) >= MEMBERS_MAX:
        raise SPACE_FULL(space=space, most=MEMBERS_MAX)


def signed_anew(tx: Tx, space: Mapping[str, Any]) -> dict[str, Any]:
    """The roster of a space this node runs as it stands now, signed under the next serial and sent to its members."""
    known, mine = tx.get(rows.rosters, space["id"]), signing.me(tx).code
    members = [{"node": row["node"], "party": row["party"]} for row in admitted(tx, space["id"])]
    record = signing.signed(tx, {
        "schema": ROSTER_SCHEMA, "space": space["id"], "platform": mine, "name": space["name"],
        "state": space["state"], "serial": 1 if known is None else known["serial"] + 1, "members": members,
        "issued_at": tx.now,
    })  # fmt: skip
    _keep(tx, record, "register.space_roster_signed")
    for member in members:
        if member["node"] != mine:
            key = f"roster/{hexdigest([space['id'], record['serial'], member['node']])[:40]}"
            outbox.send(tx, to=member["node"], type="register.space_roster", body={"record": record}, key=key)
    return record


def tell(tx: Tx, space: str, node: str) -> None:
    """Send the roster of a space this node runs to one member again, as it stands."""
    if (known := tx.get(rows.rosters, space)) is not None:
        outbox.send(tx, to=node, type="register.space_roster", body={"record": known["record"]})


def _keep(tx: Tx, record: dict[str, Any], act: str) -> None:
    values = {"serial": record["serial"], "record": record, "at": tx.now}
    if tx.get(rows.rosters, record["space"]) is None:
        tx.add(rows.rosters, {"id": record["space"], **values})
    else:
        tx.change(rows.rosters, record["space"], **values)
    facts = {"serial": record["serial"], "state": record["state"], "members": len(record["members"])}
    evidence.append(tx, act, rows.rosters, record["space"], **facts)


def received_space_roster(tx: Tx, *, sender: str, body: dict[str, Any]) -> None:
    """register.space_roster: who the members of a space are, from the platform we applied to and of no other space.

    An earlier one than is known, played again, changes nothing and is refused.
    """
    record = body.get("record")
    named = record.get("space") if isinstance(record, dict) else None
    space = tx.get(rows.spaces, named[:80]) if isinstance(named, str) else None
    own = tx.get(rows.members, f"{named}/{signing.me(tx).code}"[:80])
    if space is None or own is None or space["platform"] != sender:
        raise NO_SPACE(space=str(named)[:60])
    assert isinstance(record, dict)
    fault = rules.roster_fault(record, sender) or _signature_fault(tx, record, sender) or _serial_fault(tx, record)
    if fault is not None:
        raise BAD_ROSTER(space=space["id"], why_zh=fault[0], why=fault[1])
    known = tx.get(rows.rosters, space["id"])
    if known is not None and known["serial"] == record["serial"]:
        return
    _keep(tx, record, "register.space_roster_learned")
    told = {"name": record["name"].strip(), "state": record["state"]}
    if any(space[name] != value for name, value in told.items()):
        tx.change(rows.spaces, space["id"], **told)
        evidence.append(tx, "register.space_told_of", rows.spaces, space["id"], state=told["state"])


def _signature_fault(tx: Tx, record: Mapping[str, Any], platform: str) -> tuple[str, str] | None:
    """By the key the directory has for the platform, in the name of its own party."""
    of = nodes.node(tx, platform)
    given = record["signatures"] if isinstance(record["signatures"], list) else []
    by_platform = [one for one in given if isinstance(one, dict) and one.get("node") == platform]
    if signing.signed_by({**record, "signatures": by_platform}, of["party"], of["public_key"]):
        return None
    return "没有平台的有效签名", "is not signed with the platform's key"


def _serial_fault(tx: Tx, record: Mapping[str, Any]) -> tuple[str, str] | None:
    known = tx.get(rows.rosters, record["space"])
    if known is None or known["serial"] < record["serial"]:
        return None
    if known["serial"] == record["serial"]:
        same = signing.unsigned(known["record"]) == signing.unsigned(record)
        return None if same else ("与同一序号的名册内容不同", "differs from the one known under its serial")
    return f"早于已知的第 {known['serial']} 号", f"is older than number {known['serial']}, which is known"


# --- who is with whom --------------------------------------------------------------------------------------------


def shared_spaces(tx: Tx, node: str, among: Collection[str]) -> frozenset[str]:
    """Those of the spaces `among` in which this node may show something to `node`: both are of it, now."""
    active = tx.get(store.nodes, node[:80])
    if active is None or active["state"] != Membership.active:
        return frozenset()
    return rules.shared(_known(tx, among, node), signing.me(tx).code, node)


def own_spaces(tx: Tx, among: Collection[str]) -> frozenset[str]:
    """Those of the spaces `among` that this node is of: it runs them, or is a member."""
    me = signing.me(tx).code
    return frozenset(one.space for one in _known(tx, among, me) if rules.belongs(one, me))


def _known(tx: Tx, among: Collection[str], node: str) -> list[Known]:
    """The spaces `among` as far as this node and `node` are concerned."""
    me, found = signing.me(tx).code, []
    for row in tx.all(select(rows.spaces).where(rows.spaces.c.id.in_(list(among)))) if among else []:
        own = _state(tx, row.id, me)
        members = _named(tx, row.id, {me, node}) if row.platform != me else _approved(tx, row.id, node)
        found.append(Known(row.id, row.platform, row.state == SpaceState.open, own, members))
    return found


def _state(tx: Tx, space: str, node: str) -> str:
    row = tx.get(rows.members, f"{space}/{node}"[:80])
    return str(row["state"]) if row is not None else ""


def _approved(tx: Tx, space: str, node: str) -> frozenset[str]:
    """At the platform: `node` when it is approved, by its own records."""
    return frozenset({node} if _state(tx, space, node) == MemberState.member else ())


def _named(tx: Tx, space: str, asked: set[str]) -> frozenset[str]:
    """At a member: those of `asked` that the newest roster names."""
    roster = tx.get(rows.rosters, space)
    return frozenset(asked & {member["node"] for member in roster["record"]["members"]} if roster is not None else ())
