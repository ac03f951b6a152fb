"""Sealed texts: opened by the node that sealed them, for the purpose and record they were sealed for, and no other."""

from __future__ import annotations

import pytest

from datong.ground import sealing, signing
from datong.ground.crypto.profile import GUOMI
from datong.ground.db import NODE, Store
from datong.ground.keys import PrivateKey


def test_a_sealed_text_names_its_algorithm_and_opens_here_only(store: Store) -> None:
    value = {"amount_fen": 120_000, "名": "出行"}
    with store.begin(NODE) as tx:
        text = sealing.sealed(tx, "filed contracts", "C1/1", value)
        assert text.startswith("AES-256-GCM:")
        assert "120000" not in text
        assert sealing.sealed(tx, "filed contracts", "C1/1", value) != text
        assert sealing.opened(tx, "filed contracts", "C1/1", text) == value
        for purpose, of, given in (
            ("filed contracts", "C1/2", text),
            ("something else", "C1/1", text),
            ("filed contracts", "C1/1", text[:-4] + "AAAA"),
            ("filed contracts", "C1/1", text.replace("AES-256-GCM", "ROT13")),
        ):
            with pytest.raises(ValueError):
                sealing.opened(tx, purpose, of, given)
        mine = signing.me(tx)
    signing.install(store, PrivateKey.new(), mine)
    with store.begin(NODE) as tx, pytest.raises(ValueError):
        sealing.opened(tx, "filed contracts", "C1/1", text)


def test_a_node_on_national_cryptography_seals_with_sm4(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with store.begin(NODE) as tx:
        before = sealing.sealed(tx, "filed contracts", "C1/1", [1])
        monkeypatch.setattr(sealing, "running", lambda: GUOMI)
        text = sealing.sealed(tx, "filed contracts", "C1/1", [2])
        assert text.startswith("SM4-GCM:")
        assert [sealing.opened(tx, "filed contracts", "C1/1", each) for each in (before, text)] == [[1], [2]]
        with pytest.raises(ValueError, match="changed"):
            sealing.opened(tx, "filed contracts", "C1/2", text)
