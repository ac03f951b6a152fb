"""Ways in: password, one-time link, session, service token. Tokens are kept as digests only.

A session is bound to the client it was opened from, and the console gives it a new token every ROTATE_MINUTES. Seen
from another client, or under a token replaced longer ago than requests under way take, the whole chain ends: of a
thief and the person robbed, one comes with the older token. That, and a failed login, must be remembered although the
caller is refused: it is written in this transaction and, when the refusal undoes it, once more in one of its own.
Comparing a password is slow on purpose, so it holds up no other, and few are compared at a time.
Contract: tests/register/test_register_sessions.py.
"""

from __future__ import annotations

import functools
import secrets
import threading
from collections.abc import Callable
from datetime import timedelta
from math import ceil
from typing import Any

from sqlalchemy import ColumnElement, delete

from datong.ground import clock, evidence, signing
from datong.ground.canonical import digest_bytes
from datong.ground.db import NODE, READ, Actor, Tx, new_id
from datong.ground.refusal import Problem
from datong.register import store
from datong.register.model.refusals import (
    BAD_TOKEN,
    NO_LINK,
    NO_SESSION,
    NO_TOKEN,
    STOLEN_SESSION,
    THROTTLED,
    TOO_MANY_LOGINS,
    UNKNOWN_PERSON,
    WRONG_LOGIN,
)
from datong.register.rules import logins
from datong.terms.roles import Role
from datong.terms.verbs import verb, view

SESSION_HOURS = 8
ROTATE_MINUTES = 10
GRACE_SECONDS = 60
"""How long a replaced token still works: for requests sent before the browser had the new one."""
LINK_HOURS = 24
GUESSES_MAX = 4
GUESSES = threading.BoundedSemaphore(GUESSES_MAX)
"""How many passwords this process compares at a time: each takes a tenth of a second of a core and 32 MiB, and anybody
may ask for it. Who comes when there are as many is told to try again; nobody waits for a place, as every thread of the
node could."""
FORGOTTEN_DAYS = 1
"""After so many days without another the failures of a login are forgotten: strangers make logins up."""
TOKEN_DAYS_MAX = 366


def login(tx: Tx, login: str, password: str, client: str = "", hours: int = SESSION_HOURS) -> str:
    """A session token for the person with this login; WRONG_LOGIN or THROTTLED otherwise."""
    key = _digest(login)
    _require_not_blocked(tx, key)
    row = store.person_of_login(tx, login)
    kept = (row or {}).get("password") or _nobody()
    fits = _compared(tx, password, kept)
    _require_not_blocked(tx, key)  # others guessed meanwhile
    row = store.person_of_login(tx, login)
    if row is None or row["password"] != kept or row["state"] != "active" or not fits:
        _count_failure(tx, key)
        tx.after_rollback.append(lambda: _keep(tx, lambda own: _count_failure(own, key)))
        raise WRONG_LOGIN()
    tx.execute(delete(store.attempts).where(store.attempts.c.id == key))
    return _open(tx, row, client, hours, issued_by=row["password_by"])


def is_own_password(tx: Tx, login: str, password: str, kept: str) -> bool:
    """Whether it is the password of this login, asked of who is in already: a wrong one counts as a failed login does,
    when it is refused. THROTTLED or TOO_MANY_LOGINS otherwise."""
    key = _digest(login)
    _require_not_blocked(tx, key)
    fits = _compared(tx, password, kept)
    _require_not_blocked(tx, key)
    if not fits:
        tx.after_rollback.append(lambda: _keep(tx, lambda own: _count_failure(own, key)))
    return fits


def _compared(tx: Tx, password: str, kept: str) -> bool:
    """Aside, as it is slow on purpose and anybody may ask; TOO_MANY_LOGINS where as many as may be are compared."""
    if not GUESSES.acquire(blocking=False):
        raise TOO_MANY_LOGINS()
    try:
        with tx.reading():
            return logins.password_fits(password, kept)
    finally:
        GUESSES.release()


def _require_not_blocked(tx: Tx, key: str) -> None:
    attempt = tx.get(store.attempts, key)
    if attempt is not None:
        left = (clock.instant(attempt["blocked_until"]) - tx.wall_now).total_seconds()
        if 0 < left <= 2 * logins.LONGEST_BLOCK_SECONDS:  # longer only by a clock that was ahead
            raise THROTTLED(seconds=ceil(left))


@functools.cache
def _nobody() -> str:
    """What an unknown login is compared with, so that it takes as long as a known one."""
    return logins.password_hash("nobody has this password", bytes(16))


def _count_failure(tx: Tx, key: str) -> None:
    attempt = tx.get(store.attempts, key)
    failures = (attempt["failures"] if attempt else 0) + 1
    until = clock.text(tx.wall_now + timedelta(seconds=logins.block_seconds(failures)))
    if attempt is None:
        tx.add(store.attempts, {"id": key, "failures": failures, "blocked_until": until})
    else:
        tx.change(store.attempts, key, failures=failures, blocked_until=until)


def forget_attempts(tx: Tx) -> int:
    """Drop the failures of logins that nobody has tried for FORGOTTEN_DAYS; the number."""
    over = clock.text(tx.wall_now - timedelta(days=FORGOTTEN_DAYS))
    return int(tx.execute(delete(store.attempts).where(store.attempts.c.blocked_until < over)).rowcount)


def _keep(tx: Tx, write: Callable[[Tx], None]) -> None:
    with tx.store.begin(NODE, "register") as own:
        write(own)


@verb(Role.operator)
def login_link(tx: Tx, *, person: str) -> dict[str, Any]:
    """A one-time login link for a person, good for 24 hours; the token is shown only now.

    Who issues it holds it too: in four-eyes rules the issuer counts beside the person who enters by it.
    """
    if _active(tx, person) is None:
        raise UNKNOWN_PERSON(person=person[:80])
    token = secrets.token_urlsafe(32)
    expires = clock.text(tx.wall_now + timedelta(hours=LINK_HOURS))
    row = {"id": _digest(token), "person": person, "issued_by": tx.actor.person, "expires_at": expires}
    tx.add(store.login_links, row)
    evidence.append(tx, "register.login_link_issued", store.login_links, _digest(token), person=person)
    return {"token": token, "person": person, "expires_at": expires}


def login_by_link(tx: Tx, link: str, client: str = "", hours: int = SESSION_HOURS) -> str:
    """A session token for the bearer of a one-time link; NO_LINK when it is used, expired or none."""
    row = tx.get(store.login_links, _digest(link))
    person = _active(tx, row["person"]) if row is not None else None
    if row is None or person is None or row["used_at"] is not None or row["expires_at"] <= tx.wall:
        raise NO_LINK()
    tx.change(store.login_links, row["id"], used_at=tx.wall)
    evidence.append(tx, "register.login_link_used", store.login_links, row["id"], person=person["id"])
    return _open(tx, person, client, hours, issued_by=row["issued_by"])


def _open(
    tx: Tx, person: dict[str, Any], client: str, hours: int, *, issued_by: str, family: str = "", expires: str = ""
) -> str:  # fmt: skip
    token = secrets.token_urlsafe(32)
    key = _digest(token)
    row = {
        "id": key, "person": person["id"], "family": family or key, "client": _digest(client),
        "issued_by": issued_by if issued_by != person["id"] else "", "opened_at": tx.wall,
        "expires_at": expires or clock.text(tx.wall_now + timedelta(hours=hours)), "ended": "",
    }  # fmt: skip
    tx.add(store.sessions, row)
    evidence.append(
        tx, "register.session_opened", store.sessions, key, person=person["id"], issued_by=row["issued_by"]
    )  # fmt: skip
    return token


def actor_of_session(tx: Tx, token: str, client: str = "") -> Actor:
    """The person of a session; NO_SESSION, or STOLEN_SESSION (which ends it). Works in a read-only view."""
    row = _session(tx, token, client)
    if (person := _active(tx, row["person"])) is None:
        raise NO_SESSION()
    return _actor(person, signing.me(tx).party, row["issued_by"])


def _active(tx: Tx, person: str) -> dict[str, Any] | None:
    """The person, who may come in; None when there is none, or the person was disabled."""
    row = tx.get(store.people, person)
    return row if row is not None and row["state"] == "active" else None


def _actor(row: dict[str, Any], party: str, issued_by: str) -> Actor:
    """The person as who acts, let in by `issued_by`; the first role is the one shown."""
    roles = [str(role) for role in row["roles"]]
    return Actor(
        person=row["id"], role=roles[0], party=party, department=row["department"], roles=frozenset(roles),
        issued_by=issued_by if issued_by != row["id"] else "",
    )  # fmt: skip


def session_rotates(tx: Tx, token: str) -> bool:
    """Whether this token of a session has been in use for its time."""
    row = tx.get(store.sessions, _digest(token))
    due = clock.text(tx.wall_now - timedelta(minutes=ROTATE_MINUTES))
    return row is not None and row["ended"] == "" and row["opened_at"] <= due


def rotate_session(tx: Tx, token: str, client: str = "") -> str:
    """A new token for the same session, "" when it has one already; the old one's return is soon noticed as theft."""
    row = _session(tx, token, client)
    if row["ended"]:
        return ""
    if (person := _active(tx, row["person"])) is None:
        raise NO_SESSION()
    _end(tx, row["id"], "rotated")
    return _open(
        tx, person, client, 0, issued_by=row["issued_by"], family=row["family"], expires=row["expires_at"]
    )  # fmt: skip


def logout(tx: Tx, session: str) -> None:
    """End the session of this token; nothing happens when there is none."""
    row = tx.get(store.sessions, _digest(session))
    if row is not None and row["ended"] == "":
        _end(tx, row["id"], "logout")


def _session(tx: Tx, token: str, client: str) -> dict[str, Any]:
    row = tx.get(store.sessions, _digest(token))
    if row is None:
        raise NO_SESSION()
    here = row["client"] == _digest(client)
    if row["ended"] == "rotated" and here and _just_rotated(tx, row):
        return row
    if row["ended"] == "rotated" or (row["ended"] == "" and not here):
        _end_family(tx, row["family"])
        raise STOLEN_SESSION()
    if row["ended"] or row["expires_at"] <= tx.wall:
        raise NO_SESSION()
    return row


def _just_rotated(tx: Tx, row: dict[str, Any]) -> bool:
    """True within GRACE_SECONDS of the opening of the session that follows `row`, while that one stands."""
    table = store.sessions
    later = (table.c.family == row["family"]) & (table.c.opened_at >= row["opened_at"]) & (table.c.id != row["id"])
    following = store.rows(tx, table, table.c.opened_at, where=later)[:1]
    since = clock.text(tx.wall_now - timedelta(seconds=GRACE_SECONDS))
    return any(one["ended"] in ("", "rotated") and one["opened_at"] >= since for one in following)


def _end(tx: Tx, key: str, why: str) -> None:
    tx.change(store.sessions, key, ended=why)
    evidence.append(tx, "register.session_ended", store.sessions, key, why=why)


def _end_family(tx: Tx, family: str) -> None:
    """End every open session of a chain, also when `tx` is a view or is undone by the refusal that follows."""

    def end(own: Tx) -> None:
        _end_where(own, store.sessions.c.family == family, "stolen")

    if tx.link != READ:
        end(tx)
    tx.after_rollback.append(lambda: _keep(tx, end))


def end_sessions(tx: Tx, person: str) -> None:
    """End every open session of a person, whose password was changed."""
    _end_where(tx, store.sessions.c.person == person, "password")


def _end_where(tx: Tx, whose: ColumnElement[bool], why: str) -> None:
    for session in store.rows(tx, store.sessions, where=whose & (store.sessions.c.ended == "")):
        _end(tx, session["id"], why)


# --- service tokens ----------------------------------------------------------------------------------------------


@verb(Role.operator)
def issue_service_token(tx: Tx, *, person: str, label: str, scopes: list[str], days: int = 90) -> dict[str, Any]:
    """A token for a program that acts as `person`, within `scopes` (rooms or verbs like price.set_fee).

    In four-eyes rules its issuer counts beside the person.
    """
    if _active(tx, person) is None:
        raise UNKNOWN_PERSON(person=person[:80])
    problems = []
    if not 1 <= days <= TOKEN_DAYS_MAX:
        problems.append(Problem("days", f"应为 1 至 {TOKEN_DAYS_MAX}", f"should be 1 to {TOKEN_DAYS_MAX}"))
    if not scopes or not all(isinstance(s, str) and 0 < len(s) <= 80 and "*" not in s for s in scopes):
        problems.append(Problem("scopes", "至少一个模块或动作名", "at least one name of a room or verb, no stars"))
    if not 1 <= len(label.strip()) <= len(label) <= 100:
        problems.append(Problem("label", "应为 1 至 100 字", "should have 1 to 100 characters"))
    if problems:
        raise BAD_TOKEN(problems, count=len(problems))
    key, secret = new_id("token"), secrets.token_urlsafe(32)
    tx.add(
        store.service_tokens,
        {
            "id": key, "secret_digest": _digest(secret), "person": person, "label": label, "scopes": scopes,
            "issued_by": tx.actor.person, "issued_at": tx.wall,
            "expires_at": clock.text(tx.wall_now + timedelta(days=days)),
        },
    )  # fmt: skip
    evidence.append(tx, "register.service_token_issued", store.service_tokens, key, person=person, scopes=scopes)
    return {"id": key, "token": secret, "expires_at": clock.text(tx.wall_now + timedelta(days=days))}


@verb(Role.operator)
def revoke_service_token(tx: Tx, *, token_id: str) -> dict[str, Any]:
    """End a service token at once."""
    row = tx.get(store.service_tokens, token_id)
    if row is None:
        raise NO_TOKEN()
    if row["revoked_at"] is None:
        tx.change(store.service_tokens, token_id, revoked_at=tx.wall)
        evidence.append(tx, "register.service_token_revoked", store.service_tokens, token_id)
    return {"id": token_id, "revoked": True}


@view(Role.operator)
def service_tokens(tx: Tx) -> list[dict[str, Any]]:
    """The service tokens of this node, without their secrets."""
    found = store.rows(tx, store.service_tokens, store.service_tokens.c.issued_at)
    return [{name: value for name, value in row.items() if name != "secret_digest"} for row in found]


def actor_of_service_token(tx: Tx, token: str) -> tuple[Actor, list[str]]:
    """(the person it acts as, its scopes); NO_TOKEN when it is none, revoked or expired."""
    found = store.rows(tx, store.service_tokens, where=store.service_tokens.c.secret_digest == _digest(token))
    if not found or found[0]["revoked_at"] is not None or found[0]["expires_at"] <= tx.wall:
        raise NO_TOKEN()
    if (person := _active(tx, found[0]["person"])) is None:
        raise NO_TOKEN()
    actor = _actor(person, signing.me(tx).party, found[0]["issued_by"])
    return actor, [str(scope) for scope in found[0]["scopes"]]


def _digest(secret: str) -> str:
    return digest_bytes(secret.encode("utf-8", "surrogatepass"))
