"""Signed values that travel, and who this node is."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from datong.ground import signing
from datong.ground.db import NODE, Actor, Store, settings, sqlite_url
from datong.ground.keys import PrivateKey

VALUE = {"b": 1, "a": [True, None, "字"]}


def signed(store: Store, actor: Actor, value: dict[str, Any]) -> dict[str, Any]:
    with store.begin(actor) as tx:
        return signing.signed(tx, value)


def key_of(store: Store) -> str:
    with store.read() as tx:
        return signing.node_key(tx).public.text


def test_a_signature_names_node_party_person_and_key(store: Store, act: Callable[..., Actor]) -> None:
    value = signed(store, act("legal", department="法务"), VALUE)
    (signature,) = value["signatures"]
    with store.read() as tx:
        mine = signing.me(tx)
    assert set(signature) == {"node", "party", "by", "department", "key", "signature"}
    assert (signature["node"], signature["party"], signature["by"], signature["department"]) == (
        mine.code,
        mine.party,
        "p-1",
        "法务",
    )
    assert signing.signed_by(value, mine.party, key_of(store))
    assert signing.unsigned(value) == VALUE


def test_what_a_peer_made_us_sign_bears_no_department_of_the_peers(store: Store) -> None:
    """The way in of a peer's message keeps its node code where a person's department stands."""
    value = signed(store, Actor("", "peer", "91-other", department="5OTHERNODE"), VALUE)
    assert (value["signatures"][0]["by"], value["signatures"][0]["department"]) == ("", "")


def test_every_change_party_or_key_spoils_it(store: Store, act: Callable[..., Actor]) -> None:
    value = signed(store, act("legal"), VALUE)
    party = value["signatures"][0]["party"]
    assert not signing.signed_by({**value, "b": 2}, party, key_of(store))
    assert not signing.signed_by({**value, "c": None}, party, key_of(store))
    assert not signing.signed_by(value, "another", key_of(store))
    assert not signing.signed_by(value, party, PrivateKey.new().public.text)


@pytest.mark.parametrize(
    "signatures", [None, 7, {}, [], ["x"], [None], [{}], [{"party": "p", "key": "k", "signature": 7}], [[]]]
)
def test_strange_signatures_are_none(store: Store, signatures: Any) -> None:
    assert not signing.signed_by({**VALUE, "signatures": signatures}, "p", key_of(store))


def test_a_value_that_cannot_be_written_bears_no_signature(store: Store, act: Callable[..., Actor]) -> None:
    value = signed(store, act("legal"), VALUE)
    assert not signing.signed_by({**value, "n": 2**70}, value["signatures"][0]["party"], key_of(store))


def test_two_people_sign_and_signing_again_replaces_ones_own(store: Store, act: Callable[..., Actor]) -> None:
    once = signed(store, act("legal", person="p-1"), VALUE)
    both = signed(store, act("steward", person="p-2"), once)
    again = signed(store, act("legal", person="p-1"), both)
    assert [s["by"] for s in again["signatures"]] == ["p-2", "p-1"]
    assert signing.signed_by(again, again["signatures"][0]["party"], key_of(store))


def test_the_nodes_code_is_kept_in_the_store_and_only_when_committed(store: Store) -> None:
    signing.install(store, PrivateKey.new(), signing.Me("", "party", "name", "http://x"))
    with pytest.raises(RuntimeError), store.begin(NODE) as tx:
        tx.add(settings, {"id": "node.code", "value": "5CODE"})
        assert signing.me(tx).code == "5CODE"
        raise RuntimeError("no")
    with store.begin(NODE) as tx:
        assert signing.me(tx).code == ""
        tx.add(settings, {"id": "node.code", "value": "5CODE"})
    with store.read() as tx:
        assert signing.me(tx) == signing.Me("5CODE", "party", "name", "http://x")


def test_who_this_node_is_without_a_transaction(store: Store) -> None:
    key = PrivateKey.new()
    signing.install(store, key, signing.Me("", "party", "name", "http://x"))
    assert signing.of(store) == (signing.Me("", "party", "name", "http://x"), key)
    with store.begin(NODE) as tx:
        tx.add(settings, {"id": "node.code", "value": "5CODE"})
    assert [signing.of(store)[0].code for _ in range(2)] == ["5CODE", "5CODE"]


def test_the_key_of_a_store_goes_with_it(tmp_path: Path) -> None:
    gone, key = Store(sqlite_url(tmp_path / "gone.db")), PrivateKey.new()
    signing.install(gone, key, signing.Me("5CODE", "party", "name", "http://x"))
    whose, theirs = weakref.ref(gone), weakref.ref(key)
    gone.engine.dispose()
    del gone, key
    gc.collect()
    assert whose() is None
    assert theirs() is None, "or the next store at its place in memory might sign with it"
