"""Identities by proxy: a business node applies, the function node decides, assigns and vouches (NDI-TR-2025-03).

    apply_identity       at the business node: register, update, cancel; register.identity_applied
    decide_identity      at the function node, by a registrar; register.identity_decided
    authorise_identity   the subject lets one node read it: a code that works once, for a token of a minute
    identity_of_token    what the token opens, for the interfaces that carry it

Attributes are sealed in the store, also while a message waits; evidence has digests of sealed texts only.
Contract: tests/register/test_register_identities.py.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import select

from datong.ground import clock, codes, evidence, jobs, outbox, sealing, signing
from datong.ground.canonical import canonical, digest
from datong.ground.crypto import hashing
from datong.ground.db import Store, Tx, new_id
from datong.ground.keys import TOKEN_SECONDS, OutOfTime, token_claims, unverified_claims
from datong.ground.refusal import Problem
from datong.register.model.national import (
    ACCESS_MINUTES,
    ACTS,
    AGENTS_FIRST,
    BAD_ACCESS,
    BAD_IDENTITY,
    IDENTITY_TWICE,
    KEY,
    NEEDED,
    NO_IDENTITY,
    Identity,
    IdentityState,
)
from datong.register.model.values import FUNCTION_KINDS
from datong.register.rules import text_problems
from datong.register.service import nodes
from datong.register.store import national as rows
from datong.terms.roles import Role
from datong.terms.verbs import verb, view

SEALED_FOR = "identities"
SEND_IDENTITY = "register.identity_send"
"""Kind of the jobs that carry applications; payload {"application", "to"}: what they say is sealed until then."""
VALUE_MAX, ATTRIBUTES_MAX, CODE_MAX = 255, 100, 64
_ALPHABET = codes.CODE_ALPHABET[:36]
_MISFITS: WeakKeyDictionary[Store, Callable[[str, Mapping[str, str]], list[Problem]]] = WeakKeyDictionary()


def use_forms(store: Store, misfits: Callable[[str, Mapping[str, str]], list[Problem]]) -> None:
    """Tell this process what the interfaces that show an identity have no room for: (kind, attributes) -> problems.
    What could not be shown is not registered."""
    _MISFITS[store] = misfits


@verb(Role.operator, Role.legal)
def apply_identity(
    tx: Tx, *, kind: str, function_node: str, act: str = "register", attributes: dict[str, str] | None = None,
    identity: str = "",
) -> dict[str, Any]:  # fmt: skip
    """Apply for an identity at the function node in its subject's name: register, update or cancel (代理).

    kind: person, organisation, agent. attributes: by their wire names. identity: its code, for update and cancel.
    function_node: node code.
    """
    given = dict(attributes or {})
    problems = _problems(tx, kind, act, given, identity)
    if (
        codes.node_code_fault(function_node) is not None
        or codes.parse_node_code(function_node).kind not in FUNCTION_KINDS
    ):
        problems.append(Problem("function_node", "不是功能节点的标识", "is no code of a function node"))
    if problems:
        raise BAD_IDENTITY(problems, count=len(problems))
    key = new_id("idn")
    row = _row(tx, key, kind, act, given, identity, (signing.me(tx).code, function_node))
    tx.add(rows.identities, row)
    evidence.append(tx, "register.identity_applied", rows.identities, key, kind=kind, deed=act)
    jobs.enqueue(tx, SEND_IDENTITY, {"application": key, "to": function_node}, key=f"identity/{key}")
    return _shown(row)


def identity_message(tx: Tx, application: str) -> dict[str, Any]:
    """The body of register.identity_applied for an application of ours, opened when it is sent."""
    row = tx.get(rows.identities, application)
    assert row is not None, "only kept applications are sent"
    return {
        "application": application, "kind": row["kind"], "act": row["act"], "identity": row["identity_code"],
        "attributes": sealing.opened(tx, SEALED_FOR, application, row["attributes"]),
    }  # fmt: skip


def _problems(tx: Tx, kind: Any, act: Any, attributes: Mapping[str, Any], identity: Any) -> list[Problem]:
    """Everything wrong with an application; never a value of it."""
    if not isinstance(kind, str) or kind not in set(Identity):
        return [Problem("kind", "应为 person、organisation 或 agent", "should be person, organisation or agent")]
    problems = []
    if len(attributes) > ATTRIBUTES_MAX:
        return [Problem("attributes", f"至多 {ATTRIBUTES_MAX} 项", f"should be at most {ATTRIBUTES_MAX}")]
    if act not in ACTS:
        problems.append(Problem("act", "应为 register、update 或 cancel", "should be register, update or cancel"))
    if act != "register" and not (isinstance(identity, str) and 0 < len(identity) <= CODE_MAX):
        said = f"应为身份标识，至多 {CODE_MAX} 字", f"should be the identity's code, at most {CODE_MAX} characters"
        problems.append(Problem("identity", *said))
    if act == "update" and not attributes:
        problems.append(Problem("attributes", "没有要变更的信息", "name nothing to change"))
    texts = {
        name for name, value in attributes.items() if isinstance(value, str) and 0 < len(value.strip()) <= VALUE_MAX
    }
    problems += [
        Problem(str(name)[:60], "应为 1 至 255 字的文本", "should be a text of 1 to 255 characters")
        for name in attributes
        if name not in texts
    ]
    if act == "register":
        problems += [
            Problem(name, "必填参数为空", "is mandatory and missing")
            for name in NEEDED[Identity(kind)]
            if name not in attributes
        ]
    code = attributes.get("enterpriseCode")
    if isinstance(code, str) and (fault := codes.credit_code_fault(code)) is not None:
        problems.append(Problem("enterpriseCode", *fault))
    if misfits := _MISFITS.get(tx.store):
        problems += misfits(kind, {name: value for name, value in attributes.items() if name in texts})
    return problems


def _row(
    tx: Tx, key: str, kind: str, act: str, attributes: Mapping[str, Any], identity: str, between: tuple[str, str]
) -> dict[str, Any]:
    """between: the node that applies, the function node that decides."""
    return {
        "id": key, "kind": kind, "act": act, "identity_code": identity,
        "organisation": attributes.get("enterpriseCode", ""),
        "subject_key": _subject(tx, Identity(kind), attributes) if act == "register" else "",
        "attributes": sealing.sealed(tx, SEALED_FOR, key, dict(attributes)),
        "state": IdentityState.applied.value, "pending": act, "proxy": between[0], "decider": between[1], "reason": "",
        "by": tx.actor.person, "at": tx.now,
    }  # fmt: skip


def _subject(tx: Tx, kind: Identity, attributes: Mapping[str, Any]) -> str:
    """Keyed digest of what makes a subject unique: nobody without this node's key can try numbers against it."""
    value = canonical([kind.value, *(attributes.get(name, "") for name in KEY[kind])])
    return hashing.mac(signing.node_key(tx).secret("identity subjects"), value).hex()


def received_identity_applied(tx: Tx, *, sender: str, body: dict[str, Any]) -> None:
    """register.identity_applied: keep an application for the registrar, or answer at once why it cannot be one."""
    nodes.area(tx, "register.identity_applied")
    attributes = body.get("attributes")
    attributes = attributes if isinstance(attributes, dict) else {}
    kind, act, identity, key = body.get("kind"), body.get("act"), body.get("identity") or "", body.get("application")
    problems = _problems(tx, kind, act, attributes, identity)
    if not (isinstance(key, str) and key.startswith("idn-") and len(key) <= 80):
        problems.append(Problem("application", "应以 idn- 开头，至多 80 字",
                                "should begin with idn- and have at most 80 characters"))  # fmt: skip
    if problems:
        raise BAD_IDENTITY(problems, count=len(problems))
    assert isinstance(key, str), "checked above"
    code = "" if act == "register" else identity
    row = _row(tx, key, str(kind), str(act), attributes, code, (sender, signing.me(tx).code))
    if (known := tx.get(rows.identities, key)) is not None:
        if any(known[name] != row[name] for name in ("proxy", "kind", "act", "subject_key")):
            problem = Problem("application", "该编号已用于另一份申请", "stands for another application already")
            raise BAD_IDENTITY([problem], count=1)
        return
    tx.add(rows.identities, row)
    evidence.append(tx, "register.identity_received", rows.identities, key, kind=row["kind"], deed=row["act"])


@verb(Role.registrar)
def decide_identity(tx: Tx, *, application: str, admit: bool, reason: str = "") -> dict[str, Any]:
    """Decide an application for an identity: assign, change or cancel, or refuse it with the reason."""
    nodes.area(tx, "decide_identity")
    row = tx.get(rows.identities, application)
    if row is None or row["state"] != IdentityState.applied:
        raise NO_IDENTITY(identity=application[:64])
    state, code = IdentityState.refused.value, row["identity_code"]
    if admit:
        state, code = {"register": _registered, "update": _updated, "cancel": _cancelled}[row["act"]](tx, row)
    tx.change(rows.identities, application, state=state, identity_code=code, pending="", reason=reason)
    evidence.append(tx, "register.identity_decided", rows.identities, application, state=state, identity=code)
    told = {"application": application, "state": state, "identity": code, "reason": reason}
    if row["proxy"] != signing.me(tx).code:
        outbox.send(tx, to=row["proxy"], type="register.identity_decided", body=told, key=f"decided/{application}")
    return told


def _registered(tx: Tx, row: Mapping[str, Any]) -> tuple[str, str]:
    same = select(rows.identities).where(
        rows.identities.c.subject_key == row["subject_key"], rows.identities.c.state == IdentityState.active.value
    )
    if tx.all(same):
        raise IDENTITY_TWICE(kind=row["kind"])
    if row["kind"] == Identity.agent:
        _require_no_cancelled_firm(tx, row["organisation"])
    subject = "".join(secrets.choice(_ALPHABET) for _ in range(18))
    code = {
        Identity.organisation: row["organisation"], Identity.person: subject,
        Identity.agent: f"{row['organisation']}/{subject}",
    }[Identity(row["kind"])]  # fmt: skip
    return IdentityState.active.value, str(code)


def _require_no_cancelled_firm(tx: Tx, organisation: str) -> None:
    """An agent acts for an organisation; one whose identity was cancelled here has none."""
    firms = select(rows.identities.c.state).where(
        rows.identities.c.kind == Identity.organisation.value, rows.identities.c.identity_code == organisation,
        rows.identities.c.act == "register",
    )  # fmt: skip
    states = {row.state for row in tx.all(firms)}
    if states and IdentityState.active not in states:
        raise NO_IDENTITY(identity=organisation)


def _updated(tx: Tx, row: Mapping[str, Any]) -> tuple[str, str]:
    known = _active_of(tx, row)
    old = sealing.opened(tx, SEALED_FOR, known["id"], known["attributes"])
    new = {**old, **sealing.opened(tx, SEALED_FOR, row["id"], row["attributes"])}
    said = "是该主体的唯一标识，不因变更而改变", "says which subject it is: another one is registered, not changed to"
    if problems := [Problem(name, *said) for name in KEY[Identity(known["kind"])] if new[name] != old[name]]:
        raise BAD_IDENTITY(problems, count=len(problems))
    tx.change(rows.identities, known["id"], attributes=sealing.sealed(tx, SEALED_FOR, known["id"], new), at=tx.now)
    evidence.append(tx, "register.identity_updated", rows.identities, known["id"])
    return IdentityState.done.value, str(row["identity_code"])


def _cancelled(tx: Tx, row: Mapping[str, Any]) -> tuple[str, str]:
    known = _active_of(tx, row)
    if known["kind"] == Identity.organisation.value:
        agents = select(rows.identities.c.id).where(
            rows.identities.c.kind == Identity.agent.value, rows.identities.c.organisation == known["organisation"],
            rows.identities.c.state == IdentityState.active.value,
        )  # fmt: skip
        if count := len(tx.all(agents)):
            raise AGENTS_FIRST(identity=known["identity_code"], count=count)
    tx.change(rows.identities, known["id"], state=IdentityState.cancelled.value)
    evidence.append(tx, "register.identity_cancelled", rows.identities, known["id"])
    return IdentityState.done.value, str(row["identity_code"])


def _active(tx: Tx, code: str) -> dict[str, Any]:
    """The valid identity of a code."""
    found = tx.rows(
        select(rows.identities).where(
            rows.identities.c.identity_code == code, rows.identities.c.state == IdentityState.active.value
        )
    )
    if not found:
        raise NO_IDENTITY(identity=code[:64])
    return found[0]


def _active_of(tx: Tx, application: Mapping[str, Any]) -> dict[str, Any]:
    """The valid identity that an application is about: of its kind, and registered by the node that applies."""
    known = _active(tx, application["identity_code"])
    if (known["kind"], known["proxy"]) != (application["kind"], application["proxy"]):
        raise NO_IDENTITY(identity=application["identity_code"])
    return known


def received_identity_decided(tx: Tx, *, sender: str, body: dict[str, Any]) -> None:
    """register.identity_decided: what became of an open application of ours, from the node it was made to."""
    told = {name: body.get(name) for name in ("application", "state", "identity", "reason")}
    row = tx.get(rows.identities, str(told["application"])[:80])
    if row is None or (row["proxy"], row["decider"]) != (signing.me(tx).code, sender):
        raise NO_IDENTITY(identity=str(told["application"])[:64])
    done = IdentityState.active if row["act"] == "register" else IdentityState.done
    if told["state"] not in (done, IdentityState.refused):
        raise NO_IDENTITY(identity=str(told["application"])[:64])
    if problems := text_problems(told, "identity", "reason"):
        raise BAD_IDENTITY(problems, count=len(problems))
    if row["state"] != IdentityState.applied:
        return
    values = {
        "identity_code": str(told["identity"] or "")[:64],
        "reason": str(told["reason"] or "")[:500],
        "pending": "",
    }
    tx.change(rows.identities, row["id"], state=str(told["state"]), **values)
    evidence.append(tx, "register.identity_told", rows.identities, row["id"], state=str(told["state"]))
    if (row["act"], told["state"]) == ("cancel", IdentityState.done):
        _end(tx, row["identity_code"], "register.identity_ended", decider=sender)


def _end(tx: Tx, code: str, act: str, decider: str = "") -> None:
    """The identity of this code (that `decider` assigned) is no longer valid; `act` says how that came about."""
    for row in tx.all(select(rows.identities).where(rows.identities.c.identity_code == code)):
        if row.state == IdentityState.active.value and decider in ("", row.decider):
            tx.change(rows.identities, row.id, state=IdentityState.cancelled.value)
            evidence.append(tx, act, rows.identities, row.id)


@view(Role.registrar, Role.operator, Role.legal)
def identities(tx: Tx) -> list[dict[str, Any]]:
    """List identities and applications for them, without their attributes."""
    return [_shown(row) for row in tx.rows(select(rows.identities).order_by(rows.identities.c.at))]


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    return {n: row[n] for n in ("id", "kind", "act", "identity_code", "state", "pending", "proxy", "reason", "at")}


# --- reading, with the subject's authorisation -------------------------------------------------------------------


@verb(Role.registrar)
def authorise_identity(tx: Tx, *, identity: str, node: str) -> dict[str, Any]:
    """Give the subject's authorisation for one node to read an identity once: a code for ten minutes (authCode)."""
    row, reader = _active(tx, identity), nodes.node(tx, node)
    code = secrets.token_urlsafe(24)
    key = digest(code)
    until = clock.text(tx.wall_now + timedelta(minutes=ACCESS_MINUTES))
    tx.add(rows.accesses, {"id": key, "identity": row["id"], "node": reader["code"], "until": until, "used_at": None})
    evidence.append(tx, "register.identity_authorised", rows.accesses, key, node=reader["code"])
    return {"auth_code": code, "until": until, "node": reader["code"]}


def token_for(tx: Tx, *, auth_code: str, node: str) -> str:
    """The token of a minute that an authorisation code buys, once, by the node it was given for."""
    row = tx.get(rows.accesses, digest(auth_code))
    if row is None or row["node"] != node or row["used_at"] is not None or row["until"] < tx.wall:
        raise BAD_ACCESS()
    tx.change(rows.accesses, row["id"], used_at=tx.wall)
    evidence.append(tx, "register.identity_token", rows.accesses, row["id"], node=node)
    mine = signing.me(tx).code
    claims = {"iss": mine, "aud": mine, "sub": row["identity"], "auth": node, "jti": new_id("jti")}
    return signing.node_key(tx).token(claims, tx.wall_now, TOKEN_SECONDS)


def identity_of_token(tx: Tx, *, token: str, node: str, kind: str) -> dict[str, Any]:
    """{"identityCode", "identityStatus", ...attributes} that a token opens for `node`; BAD_ACCESS otherwise."""
    try:
        mine = str(unverified_claims(token).get("aud"))
        claims = token_claims(token, signing.node_key(tx).public, mine, tx.wall_now)
    except OutOfTime as late:
        raise BAD_ACCESS(faults=["token"]) from late
    except ValueError as broken:
        raise BAD_ACCESS() from broken
    if mine != signing.me(tx).code or claims.get("auth") != node:
        raise BAD_ACCESS()
    row = tx.get(rows.identities, str(claims.get("sub")))
    if row is None or row["kind"] != kind:
        raise NO_IDENTITY(identity=kind)
    if row["state"] != IdentityState.active:
        raise NO_IDENTITY(identity=row["identity_code"], faults=["gone"])
    attributes = sealing.opened(tx, SEALED_FOR, row["id"], row["attributes"])
    return {**attributes, "identityCode": row["identity_code"], "identityStatus": "1"}


def agent_is_valid(tx: Tx, code: str) -> bool:
    """Whether the agent with this identity code is valid; NO_IDENTITY when there never was one."""
    found = tx.all(
        select(rows.identities.c.state).where(
            rows.identities.c.identity_code == code, rows.identities.c.kind == Identity.agent.value,
            rows.identities.c.act == "register",
        )
    )  # fmt: skip
    if not found:
        raise NO_IDENTITY(identity=code[:64])
    return any(row.state == IdentityState.active.value for row in found)


def agent_logged_off(tx: Tx, *, code: str) -> None:
    """Another function node reports an agent that is no longer valid (SyncLogoffInfo)."""
    agent_is_valid(tx, code)
    _end(tx, code, "register.identity_logged_off")
