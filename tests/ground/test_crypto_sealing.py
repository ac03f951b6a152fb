"""Authenticated encryption by name: official vectors, and every way in which it is another text."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import select

from datong.ground import idempotency
from datong.ground.crypto import sealing
from datong.ground.crypto.profile import GUOMI, as_if
from datong.ground.db import Store

KEY = bytes.fromhex("0123456789abcdeffedcba9876543210")
NONCE = bytes.fromhex("00001234567800000000abcd")
ABOUT = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
PLAIN = bytes.fromhex("aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd"
                      "eeeeeeeeeeeeeeeeffffffffffffffffeeeeeeeeeeeeeeeeaaaaaaaaaaaaaaaa")  # fmt: skip
SEALED = bytes.fromhex("17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735"
                       "d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397b4024a2691233b8d"
                       "83de3541e4c2b58177e065a9bf7b62ec")  # fmt: skip


def test_sm4_has_the_value_of_its_standard() -> None:
    """GB/T 32907-2016, annex A.1."""
    done = Cipher(algorithms.SM4(KEY), modes.ECB()).encryptor()  # noqa: S305 - one block, as the standard gives it
    assert done.update(KEY).hex() == "681edf34d206965e86b3e94f536e4246"


def test_sm4_gcm_has_the_value_of_rfc_8998() -> None:
    """RFC 8998, appendix A.1."""
    assert sealing.sealed("SM4-GCM", KEY, NONCE, PLAIN, ABOUT) == SEALED
    assert sealing.opened("SM4-GCM", KEY, NONCE, SEALED, ABOUT) == PLAIN


def test_aes_256_gcm_has_the_value_of_its_standard() -> None:
    """The GCM specification (McGrew, Viega), test case 14: a zero key, nonce and block."""
    made = sealing.sealed("AES-256-GCM", bytes(32), bytes(12), bytes(16), b"")
    assert made.hex() == "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"


@pytest.mark.parametrize("algorithm", ["SM4-GCM", "AES-256-GCM"])
@pytest.mark.parametrize("change", ["key", "nonce", "data", "tag", "about", "short", "empty"])
def test_what_was_changed_does_not_open(algorithm: str, change: str) -> None:
    given: dict[str, bytes] = {"key": bytes(sealing.KEY_BYTES[algorithm]), "nonce": NONCE, "about": b"this"}
    made = sealing.sealed(algorithm, given["key"], given["nonce"], b"a secret", given["about"])
    if change in given:
        given[change] = bytes([given[change][0] ^ 1]) + given[change][1:]
    data = {"data": b"\0" + made[1:], "tag": made[:-1] + bytes([made[-1] ^ 1]), "short": made[:15], "empty": b""}
    with pytest.raises(sealing.Fault):
        sealing.opened(algorithm, given["key"], given["nonce"], data.get(change, made), given["about"])


def test_a_seal_nobody_knows_is_named() -> None:
    with pytest.raises(ValueError, match="'DES' is not known here"):
        sealing.opened("DES", KEY, NONCE, SEALED, ABOUT)


def test_kept_answers_name_their_seal_and_are_opened_by_it(store: Store, act: Any) -> None:
    with as_if(GUOMI), store.begin(act("operator")) as tx:
        assert idempotency.once(tx, "k" * 32, {"a": 1}, lambda: {"token": "secret"}) == {"token": "secret"}
        row = tx.all(select(idempotency.requests))[0]
        assert row.seal == "SM4-GCM" and row.request_digest.startswith("sm3:") and b"secret" not in bytes(row.answer)
        assert idempotency.once(tx, "k" * 32, {"a": 1}, lambda: {"token": "other"}) == {"token": "secret"}


def test_answers_kept_before_there_were_profiles_are_opened(store: Store, act: Any) -> None:
    """Sealed here as that version did: AES-256-GCM under HMAC-SHA256 of the key the caller has."""
    actor, key, request = act("operator"), "k" * 32, {"a": 1}
    row_id = "sha256:" + hashlib.sha256(f"{actor.person}/{key}".encode()).hexdigest()
    under = hmac.digest(b"datong idempotency 1", key.encode(), "sha256")
    answer = NONCE + AESGCM(under).encrypt(NONCE, b'{"token": "old"}', row_id.encode())
    asked = "sha256:" + hashlib.sha256(b'{"a":1}').hexdigest()
    row = {"id": row_id, "person": actor.person, "request_digest": asked, "seal": "AES-256-GCM", "answer": answer}
    with store.begin(actor) as tx:
        tx.add(idempotency.requests, {**row, "at": tx.wall})
        assert idempotency.once(tx, key, request, lambda: {"token": "new"}) == {"token": "old"}
