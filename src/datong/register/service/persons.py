"""People of this node, their departments, and the parties it knows.

Names and logins are personal columns: in evidence they stand as salted hashes only.
"""

from __future__ import annotations

import secrets
from typing import Any

from datong.ground import codes, evidence, signing
from datong.ground.db import Tx, new_id
from datong.ground.refusal import Problem
from datong.register import rules, store
from datong.register.model.refusals import (
    ALREADY_STARTED,
    BAD_CODE,
    BAD_PERSON,
    OWN_ROLES,
    UNKNOWN_PARTY,
    UNKNOWN_PERSON,
)
from datong.register.model.values import PARTY_KINDS
from datong.register.rules import logins
from datong.register.service.sessions import end_sessions, is_own_password
from datong.terms.roles import PERSON_ROLES, Role
from datong.terms.verbs import verb, view

EVERYBODY = tuple(sorted(PERSON_ROLES - {Role.auditor}))
"""Every role that may change something."""


def bootstrap_operator(tx: Tx, *, login: str, name: str, password: str | None, department: str = "") -> dict[str, Any]:
    """The first person of a new node, with the role operator; not a verb. Adds the node's own party too."""
    if store.count(tx, store.people):
        raise ALREADY_STARTED()
    mine = signing.me(tx)
    if codes.subject_code_fault(mine.party) is None and tx.get(store.parties, mine.party) is None:
        remember_party(tx, mine.party, mine.name, own=True)
    return _add(tx, login=login, name=name, roles=["operator"], department=department, password=password)


@verb(Role.operator)
def add_person(
    tx: Tx, *, login: str, name: str, roles: list[str], department: str = "", password: str | None = None
) -> dict[str, Any]:
    """Add a person with roles; without a password they enter by a one-time link."""
    return _add(tx, login=login, name=name, roles=roles, department=department, password=password)


def _add(tx: Tx, *, login: str, name: str, roles: list[str], department: str, password: str | None) -> dict[str, Any]:
    taken = store.person_of_login(tx, login) is not None
    problems = logins.person_problems(login=login, name=name, roles=roles, password=password, taken=taken)
    if len(department) > 100:
        problems.append(Problem("department", "至多 100 字", "should have at most 100 characters"))
    if problems:
        raise BAD_PERSON(problems, count=len(problems))
    department = rules.department_name(department)
    if department:
        _remember_department(tx, department)
    person = new_id("person")
    row = {
        "id": person, "login": login, "name": name.strip(), "password": _hashed(password),
        "password_by": tx.actor.person if password is not None else "", "department": department,
        "roles": list(dict.fromkeys(roles)), "state": "active", "added_by": tx.actor.person, "added_at": tx.now,
    }  # fmt: skip
    tx.add(store.people, row)
    evidence.append(tx, "register.person_added", store.people, person, roles=row["roles"], department=department)
    return _card(row)


def _hashed(password: str | None) -> str | None:
    return logins.password_hash(password, secrets.token_bytes(16)) if password is not None else None


def _remember_department(tx: Tx, name: str) -> None:
    if any(known["name"] == name for known in store.rows(tx, store.departments)):
        return
    key = new_id("department")
    tx.add(store.departments, {"id": key, "name": name, "added_at": tx.now})
    evidence.append(tx, "register.department_added", store.departments, key, name=name)


@verb(Role.operator)
def set_roles(tx: Tx, *, person: str, roles: list[str]) -> dict[str, Any]:
    """Replace the roles of another person; nobody changes their own."""
    row = _known(tx, person)
    if person == tx.actor.person:
        raise OWN_ROLES(verb="set_roles")
    problems = logins.role_problems(roles)
    if problems:
        raise BAD_PERSON(problems, count=len(problems))
    tx.change(store.people, person, roles=list(dict.fromkeys(roles)))
    evidence.append(tx, "register.roles_changed", store.people, person, before=row["roles"], after=roles)
    return person_card(tx, person)


@verb(Role.operator)
def disable_person(tx: Tx, *, person: str) -> dict[str, Any]:
    """Take away all access of another person: sessions and service tokens end at once."""
    _known(tx, person)
    if person == tx.actor.person:
        raise OWN_ROLES(verb="disable_person")
    tx.change(store.people, person, state="disabled")
    evidence.append(tx, "register.person_disabled", store.people, person)
    return person_card(tx, person)


@verb(*sorted(PERSON_ROLES))
def change_password(tx: Tx, *, old: str | None = None, new: str) -> dict[str, Any]:
    """Change one's own password; the old one is needed when there is one. All sessions of the person end."""
    row = _known(tx, tx.actor.person)
    problems = logins.password_problems(new, row["login"])
    if row["password"] and not is_own_password(tx, row["login"], old or "", row["password"]):
        problems.append(Problem("old", "原口令不正确", "the old password is wrong"))
    if not problems and _known(tx, tx.actor.person)["password"] != row["password"]:
        problems.append(Problem("old", "口令刚被更改", "the password was changed just now"))
    if problems:
        raise BAD_PERSON(problems, count=len(problems))
    tx.change(store.people, row["id"], password=_hashed(new), password_by=tx.actor.issued_by)
    evidence.append(tx, "register.password_changed", store.people, row["id"])
    end_sessions(tx, row["id"])
    return person_card(tx, row["id"])


@view(Role.operator)
def people(tx: Tx) -> list[dict[str, Any]]:
    """The people of this node."""
    return [_card(row) for row in store.rows(tx, store.people, store.people.c.added_at, store.people.c.id)]


@view()
def departments(tx: Tx) -> list[dict[str, Any]]:
    """The departments of this organisation."""
    return store.rows(tx, store.departments, store.departments.c.name)


def roles_held(tx: Tx) -> frozenset[str]:
    """The roles that somebody active at this node has."""
    active = store.rows(tx, store.people, where=store.people.c.state == "active")
    return frozenset(role for row in active for role in row["roles"])


def person_card(tx: Tx, person: str) -> dict[str, Any]:
    """{id, login, name, department, roles, state, has_password} of a person of this node."""
    return _card(_known(tx, person))


def active_person(tx: Tx, person: str) -> str:
    """The id of a person of this node who may act, named by id or by login; "" when there is none."""
    row = tx.get(store.people, person) or store.person_of_login(tx, person)
    return str(row["id"]) if row is not None and row["state"] == "active" else ""


def _known(tx: Tx, person: str) -> dict[str, Any]:
    row = tx.get(store.people, person)
    if row is None:
        raise UNKNOWN_PERSON(person=person[:80])
    return row


def _card(row: dict[str, Any]) -> dict[str, Any]:
    shown = {name: row[name] for name in ("id", "login", "name", "department", "roles", "state", "added_at")}
    return {**shown, "has_password": row["password"] is not None}


# --- parties -----------------------------------------------------------------------------------------------------


@verb(Role.operator, Role.registrar)
def add_party(tx: Tx, *, code: str, name: str, kind: str = "1") -> dict[str, Any]:
    """Add an organisation by its unified social credit code (kind: 0 organ, 1 enterprise or institution ...)."""
    fault = codes.credit_code_fault(code)
    if fault is None and kind not in PARTY_KINDS:
        fault = (f"类型应为 {'、'.join(PARTY_KINDS)}", f"its kind should be one of {', '.join(PARTY_KINDS)}")
    if fault is None and not 1 <= len(name.strip()) <= 200:
        fault = ("名称应为 1 至 200 字", "its name should have 1 to 200 characters")
    if fault:
        raise BAD_CODE(code=code[:40], why_zh=fault[0], why=fault[1])
    remember_party(tx, code, name.strip(), kind=kind, own=code == signing.me(tx).party)
    return party(tx, code)


def remember_party(tx: Tx, code: str, name: str, *, kind: str = "1", own: bool = False) -> None:
    """Store a party the first time it is heard of, or its new name."""
    known = tx.get(store.parties, code)
    if known is not None and known["name"] == name:
        return
    if known is None:
        tx.add(store.parties, {"id": code, "name": name, "kind": kind, "own": own, "added_at": tx.now})
    else:
        tx.change(store.parties, code, name=name)
    evidence.append(tx, "register.party_recorded", store.parties, code, name=name)


def party(tx: Tx, code: str) -> dict[str, Any]:
    """{code, name, kind, own} of an organisation known here; an unknown refusal IDN-414 otherwise."""
    row = tx.get(store.parties, code)
    if row is None:
        raise UNKNOWN_PARTY(code=code[:40])
    return {"code": row["id"], "name": row["name"], "kind": row["kind"], "own": row["own"]}


@view()
def parties(tx: Tx) -> list[dict[str, Any]]:
    """The organisations known here."""
    return [party(tx, row["id"]) for row in store.rows(tx, store.parties, store.parties.c.added_at, store.parties.c.id)]
