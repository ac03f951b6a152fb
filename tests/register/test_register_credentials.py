"""Membership credentials: who gives them to whom, how they end, which one is shown."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from datong.ground import jobs
from datong.ground.db import NODE, Actor, Store, settings
from datong.ground.refusal import Refusal
from datong.register import service as register
from datong.register import store as rows

MEMBER = "591520100MAXDT005825201NODELABXX0"


@pytest.fixture
def registry(store: Store) -> Store:
    with store.begin(NODE) as tx:
        tx.add(settings, {"id": "register.area", "value": "5201"})
        row = {
            "id": MEMBER[:32], "party": "91520100MAXDT00582", "name": "lab", "address": "http://lab.test",
            "public_key": "Ed25519:x", "kind": "connector", "state": "active", "serial": 1, "record": {},
            "learned_at": tx.wall,
        }  # fmt: skip
        tx.add(rows.nodes, row)
    return store


@pytest.fixture
def do(registry: Store, act: Callable[..., Actor]) -> Callable[..., Any]:
    def called(verb: Callable[..., Any], *roles: str, **given: Any) -> Any:
        with registry.begin(act(*(roles or ("registrar",))), "register") as tx:
            return verb(tx, **given)

    return called


def test_a_credential_has_the_next_place_and_is_brought_by_a_job(registry: Store, do: Callable[..., Any]) -> None:
    first = do(register.issue_membership, code=MEMBER[:32], days=90)
    second = do(register.issue_membership, code=MEMBER[:32])
    assert [first["place"], second["place"]] == [0, 1]
    lasts = datetime.fromisoformat(first["expires_at"]) - datetime.fromisoformat(first["issued_at"])
    assert lasts == timedelta(days=90)
    with registry.read() as tx:
        open_jobs = [job["payload"] for job in jobs.open_jobs(tx) if job["kind"] == register.ISSUE_JOB]
    assert open_jobs == [{"credential": first["id"]}, {"credential": second["id"]}]


def test_a_revocation_is_for_good(registry: Store, do: Callable[..., Any]) -> None:
    made = do(register.issue_membership, code=MEMBER[:32])
    kept = do(register.issue_membership, code=MEMBER[:32])
    assert do(register.revoke_credential, credential=made["id"], reason="left")["state"] == "revoked"
    with registry.read() as tx:
        assert register.revoked_places(tx) == [made["place"]]
        assert register.issued(tx, kept["id"])["state"] == "issued"
    with pytest.raises(Refusal, match="IDN-461"):
        do(register.revoke_credential, credential=made["id"], reason="again")


@pytest.mark.parametrize("change", [register.suspend_node, register.revoke_node])
def test_a_node_that_rests_or_goes_loses_its_credentials(
    registry: Store, do: Callable[..., Any], change: Callable[..., Any]
) -> None:
    do(register.issue_membership, code=MEMBER[:32])
    do(change, code=MEMBER[:32], reason="a reason")
    with registry.read() as tx:
        assert register.revoked_places(tx) == [0]
    with pytest.raises(Refusal, match="IDN-"):
        do(register.issue_membership, code=MEMBER[:32])


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"code": "nobody"}, "IDN-4"),
        ({"code": MEMBER[:32], "days": 0}, "IDN-462"),
        ({"code": MEMBER[:32], "days": 367}, "IDN-462"),
    ],
)
def test_what_is_not_given(do: Callable[..., Any], given: dict[str, Any], code: str) -> None:
    with pytest.raises(Refusal, match=code):
        do(register.issue_membership, **given)


def test_only_a_function_node_gives_credentials(store: Store, act: Callable[..., Actor]) -> None:
    with store.begin(act("registrar"), "register") as tx, pytest.raises(Refusal):
        register.issue_membership(tx, code=MEMBER[:32])


def test_an_unknown_credential(do: Callable[..., Any]) -> None:
    with pytest.raises(Refusal, match="IDN-460"):
        do(register.revoke_credential, credential="crd-none", reason="x")


def test_of_those_held_the_newest_that_has_not_expired_is_shown(store: Store) -> None:
    now = datetime.now(UTC)
    held = [
        ("did:web:a", "MembershipCredential", "one", now + timedelta(days=1)),
        ("did:web:a", "MembershipCredential", "two", now + timedelta(days=1)),
        ("did:web:b", "MembershipCredential", "three", None),
        ("did:web:c", "MembershipCredential", "late", now - timedelta(days=1)),
        ("did:web:a", "OtherCredential", "four", None),
    ]
    for issuer, kind, text, expires in held:
        with store.begin(NODE) as tx:
            first = register.keep_credential(tx, issuer=issuer, kind=kind, name=f"n-{text}", text=text, expires=expires)
            assert register.keep_credential(tx, issuer=issuer, kind=kind, name="x", text=text, expires=expires) == first
    with store.read() as tx:
        none, member = frozenset[str](), frozenset({"MembershipCredential"})
        both = member | {"OtherCredential"}
        assert set(register.credential_texts(tx, kinds=member, names=none, among=both)) == {"two", "three"}
        assert register.credential_texts(tx, kinds=none, names=frozenset({"n-one"}), among=member) == ["one"]
        assert register.credential_texts(tx, kinds=both, names=none, among=both - member) == ["four"]
        for_members_only = register.credential_texts(tx, kinds=none, names=frozenset({"n-four"}), among=member)
        assert for_members_only == [], "an id opens no kind that who asks may not see"
        assert all("text" not in row for row in register.held_credentials(tx))
