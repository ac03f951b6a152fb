"""Membership credentials (成员凭证): which ones a function node gave out, which ones this node holds.

    issue_membership    the registrar gives an active member a credential; the job "dcp.issue" signs and delivers it
    revoke_credential   its place in the status list is set; verifiers learn it there
    keep_credential     a credential that came from an issuer this node believes, its signature checked by `wire.dcp`

Must never know: JWT, DIDs, status lists. Contract: tests/register/test_register_credentials.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from datong.ground import clock, evidence, jobs
from datong.ground.canonical import digest_bytes
from datong.ground.db import Tx, new_id, settings
from datong.register import store
from datong.register.model.refusals import (
    BAD_DAYS,
    CREDENTIAL_STATE,
    NODE_STATE,
    NOT_FUNCTION_NODE,
    UNKNOWN_CREDENTIAL,
    UNKNOWN_NODE,
)
from datong.register.model.values import SETTING_AREA
from datong.terms.roles import Role
from datong.terms.verbs import verb, view

DAYS_MAX = 366
ISSUE_JOB = "dcp.issue"
SETTING_IDENTITY = "identity.key"


# --- the issuer ----------------------------------------------------------------------------------------------------


@verb(Role.registrar)
def issue_membership(tx: Tx, *, code: str, days: int = 90) -> dict[str, Any]:
    """Give an active member a membership credential that holds for so many days, and send it to its node."""
    if tx.get(settings, SETTING_AREA) is None:
        raise NOT_FUNCTION_NODE(verb="issue_membership")
    row = tx.get(store.nodes, code)
    if row is None:
        raise UNKNOWN_NODE(code=code[:40])
    if row["state"] != "active":
        raise NODE_STATE(code=code, state=row["state"], wanted="a credential")
    if not 1 <= days <= DAYS_MAX:
        raise BAD_DAYS(days=days, most=DAYS_MAX)
    credential = new_id("crd")
    until = clock.text(tx.wall_now + timedelta(days=days))
    values = {
        "id": credential, "node": code, "place": store.next_place(tx), "state": "issued", "issued_at": tx.wall,
        "expires_at": until, "reason": "",
    }  # fmt: skip
    tx.add(store.issued_credentials, values)
    evidence.append(tx, "register.credential_issued", store.issued_credentials, credential, node=code, until=until)
    jobs.enqueue(tx, ISSUE_JOB, {"credential": credential}, lane=code)
    return issued(tx, credential)


@verb(Role.registrar)
def revoke_credential(tx: Tx, *, credential: str, reason: str) -> dict[str, Any]:
    """Revoke a membership credential for good; the status list says so from now on."""
    row = tx.get(store.issued_credentials, credential)
    if row is None:
        raise UNKNOWN_CREDENTIAL(id=credential[:80])
    if row["state"] != "issued":
        raise CREDENTIAL_STATE(id=credential, state=row["state"])
    _revoke(tx, row, reason)
    return issued(tx, credential)


def revoke_credentials_of(tx: Tx, code: str, reason: str) -> None:
    """Revoke what a node holds, because its membership ended or rests."""
    for row in store.rows(tx, store.issued_credentials, store.issued_credentials.c.place):
        if row["node"] == code and row["state"] == "issued":
            _revoke(tx, row, reason)


def _revoke(tx: Tx, row: Mapping[str, Any], reason: str) -> None:
    tx.change(store.issued_credentials, row["id"], state="revoked", reason=reason)
    evidence.append(
        tx, "register.credential_revoked", store.issued_credentials, row["id"], node=row["node"], reason=reason
    )


def issued(tx: Tx, credential: str) -> dict[str, Any]:
    """{id, node, place, state, issued_at, expires_at, reason} of a credential given out; UNKNOWN_CREDENTIAL."""
    row = tx.get(store.issued_credentials, credential)
    if row is None:
        raise UNKNOWN_CREDENTIAL(id=credential[:80])
    return dict(row)


def revoked_places(tx: Tx) -> list[int]:
    """Places in the status list whose credential was revoked."""
    rows = store.rows(tx, store.issued_credentials, store.issued_credentials.c.place)
    return [int(row["place"]) for row in rows if row["state"] == "revoked"]


@view(Role.registrar)
def issued_credentials(tx: Tx) -> list[dict[str, Any]]:
    """Membership credentials this function node gave out, newest first."""
    return store.rows(tx, store.issued_credentials, store.issued_credentials.c.place.desc())


# --- the node's own keys -------------------------------------------------------------------------------------------


def identity_key_changed(tx: Tx, *, key: str, what: str) -> None:
    """Evidence that an identity key was made or retired; the keys themselves lie in the node's folder."""
    if tx.get(settings, SETTING_IDENTITY) is None:
        tx.add(settings, {"id": SETTING_IDENTITY, "value": f"{key} {what}"})
    else:
        tx.change(settings, SETTING_IDENTITY, value=f"{key} {what}")
    evidence.append(tx, f"register.identity_key_{what}", settings, SETTING_IDENTITY, identity=key)


# --- the holder ----------------------------------------------------------------------------------------------------


def keep_credential(tx: Tx, *, issuer: str, kind: str, name: str, text: str, expires: datetime | None) -> str:
    """Keep a credential this node was given. The same text is kept once. Returns its id here."""
    credential = "held-" + digest_bytes(text.encode()).partition(":")[2][:32]
    if tx.get(store.held_credentials, credential) is not None:
        return credential
    until = clock.text(expires) if expires is not None else ""
    values = {
        "id": credential, "issuer": issuer, "kind": kind, "name": name[:200], "text": text, "received_at": tx.wall,
        "expires_at": until,
    }  # fmt: skip
    tx.add(store.held_credentials, values)
    evidence.append(tx, "register.credential_received", store.held_credentials, credential, issuer=issuer, kind=kind)
    return credential


def credential_texts(tx: Tx, *, kinds: frozenset[str], names: frozenset[str], among: frozenset[str]) -> list[str]:
    """The held credentials of these kinds or with these names that have not expired, and are of a kind `among` those
    that who asks may see.

    Of one issuer and kind only the newest: an older one may be signed with a key that is no longer published, and one
    that does not hold spoils the presentation it is in.
    """
    rows = store.rows(tx, store.held_credentials, store.held_credentials.c.received_at)
    newest: dict[tuple[str, str], str] = {}
    for row in rows:
        if row["kind"] in among and (row["expires_at"] == "" or row["expires_at"] > tx.wall):
            key = (row["issuer"], row["name"] if row["name"] in names else row["kind"])
            if row["kind"] in kinds or row["name"] in names:
                newest[key] = str(row["text"])
    return list(newest.values())


@view(Role.operator)
def held_credentials(tx: Tx) -> list[dict[str, Any]]:
    """Credentials this node can present, newest first; their texts stay inside."""
    rows = store.rows(tx, store.held_credentials, store.held_credentials.c.received_at.desc())
    return [{name: value for name, value in row.items() if name != "text"} for row in rows]
