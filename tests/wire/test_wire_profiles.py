"""Nodes of two crypto profiles: what the other's messages are answered, and that they are read by what they name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from datong.ground import signing
from datong.ground.canonical import digest_bytes
from datong.ground.crypto.profile import DEFAULT, GUOMI, Profile, as_if
from datong.ground.db import Store, new_id
from datong.ground.keys import PrivateKey
from datong.ground.refusal import Refusal
from datong.register import rules
from datong.wire.http import Door
from datong.wire.node import _newcomer

pytest.importorskip("tongsuopy", reason="needs the extra guomi")

PARTY = "91520100MA6DATONG5"
BOTH = [pytest.param(DEFAULT, GUOMI, id="default, from guomi"), pytest.param(GUOMI, DEFAULT, id="guomi, from default")]


def asked(store: Store, key: PrivateKey, body: bytes, digest: str) -> tuple[Door, str]:
    """A door, and a token of a peer for it."""
    with store.read() as tx:
        claims = {"iss": "peer", "aud": signing.me(tx).code, "jti": new_id("jti"), "digest": digest}
        return Door(store, None, ("", "")), key.token(claims, tx.wall_now)


@pytest.mark.parametrize(("mine", "theirs"), BOTH)
def test_a_message_of_a_profile_that_is_not_accepted_is_refused_with_the_next_step(
    store: Store, mine: Profile, theirs: Profile
) -> None:
    key, body = PrivateKey.new(theirs), b"{}"
    door, token = asked(store, key, body, digest_bytes(body, theirs.digest))
    with as_if(mine), pytest.raises(Refusal) as refused:
        door.check(token, key.public, body)
    told = refused.value.as_json()
    assert (told["code"], told["kind"]) == ("GND-403", "denied")
    assert theirs.signature in told["what"]["en"] and mine.name in told["why"]["zh"]
    assert "crypto.accepts" in told["next"]["en"] and "crypto.accepts" in told["next"]["zh"]


@pytest.mark.parametrize(("mine", "theirs"), BOTH)
def test_where_it_is_accepted_its_signature_and_digest_are_read_by_their_names(
    store: Store, mine: Profile, theirs: Profile
) -> None:
    key, body = PrivateKey.new(theirs), b'{"a": 1}'
    with as_if(mine, [theirs.name]):
        door, token = asked(store, key, body, digest_bytes(body, theirs.digest))
        assert door.check(token, key.public, body)["iss"] == "peer"
        for wrong in (digest_bytes(b"other", theirs.digest), "md5:00", digest_bytes(body, theirs.digest)[4:], None):
            door, token = asked(store, key, body, wrong)  # type: ignore[arg-type]
            with pytest.raises(Refusal, match="not the one that was signed"):
                door.check(token, key.public, body)


@pytest.mark.parametrize(("mine", "theirs"), BOTH)
def test_an_application_to_join_with_a_key_of_the_other_profile(store: Store, mine: Profile, theirs: Profile) -> None:
    key = PrivateKey.new(theirs)
    body: dict[str, Any] = {"public_key": key.public.text}
    data = json.dumps(body).encode()
    with as_if(mine):
        door, token = asked(store, key, data, digest_bytes(data))
        with pytest.raises(Refusal, match="GND-403"):
            _newcomer(door, f"Bearer {token}", data, body)
    with as_if(mine, [theirs.name]):
        door, token = asked(store, key, data, digest_bytes(data))
        assert _newcomer(door, f"Bearer {token}", data, body).role == "peer"


def test_a_key_that_is_no_point_is_no_key(store: Store) -> None:
    with as_if(GUOMI):
        for text in ("SM2:", "SM2:AAAA", "SM2:" + "A" * 44, "SM9:" + "A" * 44):
            door, token = asked(store, PrivateKey.new(), b"{}", "")
            with pytest.raises(Refusal, match="public key in the application is none"):
                _newcomer(door, f"Bearer {token}", b"{}", {"public_key": text})


@pytest.mark.parametrize(("mine", "theirs"), BOTH)
def test_a_signed_value_of_the_other_profile(store: Store, mine: Profile, theirs: Profile) -> None:
    key = PrivateKey.new(theirs)
    value = {"a": 1}
    signed = {**value, "signatures": [{"party": PARTY, "key": key.public.text, "signature": key.sign_value(value)}]}
    with as_if(mine), pytest.raises(Refusal, match="GND-403"):
        signing.signed_by(signed, PARTY, key.public.text)
    with as_if(mine, [theirs.name]):
        assert signing.signed_by(signed, PARTY, key.public.text)
        assert not signing.signed_by({**signed, "a": 2}, PARTY, key.public.text)


def test_evidence_of_files_is_of_the_nodes_own_digest() -> None:
    """A digest with an unknown algorithm is refused by both; one of the other profile by who does not accept it."""
    files = {"a.csv": "sm3:" + "0" * 64, "b.csv": "sha256:" + "0" * 64, "c.csv": "md5:" + "0" * 64, "d.csv": "0" * 64}
    for mine, wrong in ((DEFAULT, {"a.csv", "c.csv", "d.csv"}), (GUOMI, {"b.csv", "c.csv", "d.csv"})):
        with as_if(mine):
            found = rules.evidence_problems(files)
        assert {problem.where for problem in found} == wrong
        assert all(f"{mine.digest}:<64" in problem.en for problem in found)
