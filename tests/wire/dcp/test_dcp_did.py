"""did:web: what an address is called, where its document lies, what of foreign documents is believed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datong.ground.identity import KeyRing
from datong.wire.dcp import did


@pytest.mark.parametrize(
    ("address", "name", "url", "path"),
    [  # names and addresses as the did:web method specification pairs them
        ("https://w3c-ccg.github.io", "did:web:w3c-ccg.github.io", "https://w3c-ccg.github.io/.well-known/did.json",
         "/.well-known/did.json"),
        ("https://w3c-ccg.github.io/user/alice", "did:web:w3c-ccg.github.io:user:alice",
         "https://w3c-ccg.github.io/user/alice/did.json", "/user/alice/did.json"),
        ("https://example.com:3000/user/alice/", "did:web:example.com%3A3000:user:alice",
         "https://example.com:3000/user/alice/did.json", "/user/alice/did.json"),
        ("https://127.0.0.1:8401", "did:web:127.0.0.1%3A8401", "https://127.0.0.1:8401/.well-known/did.json",
         "/.well-known/did.json"),
    ],
)  # fmt: skip
def test_an_address_its_name_and_its_document(address: str, name: str, url: str, path: str) -> None:
    assert did.did_of(address) == name
    assert did.document_url(name) == url
    assert did.document_path(address) == path


@pytest.mark.parametrize(
    "text",
    ["", "did:web:", "did:key:z6Mk", "did:web:a b", "did:web:a/../b", "did:web:a:..:b", "did:web:a:%2e%2e", "did:web:a:%2F",
     "did:web:a%3A99999999", "did:web:a?x", "did:web:a#1", "did:web:user@a", "did:web:" + "a" * 400, "did:web:a:%5c"],
)  # fmt: skip
def test_what_is_no_name_to_be_looked_up(text: str) -> None:
    with pytest.raises(ValueError, match=r"did:web|folder"):
        did.document_url(text)


@given(st.text(max_size=60))
def test_no_text_leads_out_of_its_host(text: str) -> None:
    try:
        url = did.document_url("did:web:a.cn" + text)
    except ValueError:
        return
    assert url.endswith("/did.json")
    assert "/../" not in url


def test_our_document_is_read_as_it_was_meant(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path)
    ring.rotate("EdDSA")
    ring.rotate("ES256")
    address = "https://node.cn:8401/a"
    mine = did.did_of(address)
    read = did.read(did.document(mine, address, ring.published()), mine)
    assert set(read.methods) == {f"{mine}#1-EdDSA", f"{mine}#2-ES256"}
    assert all(method.relations == set(did.RELATIONS) for method in read.methods.values())
    assert read.services == {"CredentialService": "https://node.cn:8401/a/dcp"}


JWK = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}  # RFC 8037 A.2


def of_them(**more: Any) -> dict[str, Any]:
    method = {"id": "did:web:them#k", "type": "JsonWebKey2020", "controller": "did:web:them", "publicKeyJwk": JWK}
    return {"id": "did:web:them", "verificationMethod": [method], "authentication": ["did:web:them#k"], **more}


def test_relations_in_every_way_they_are_written() -> None:
    assert did.read(of_them(), "did:web:them").methods["did:web:them#k"].relations == {"authentication"}
    short = of_them(assertionMethod=["#k"])
    assert did.read(short, "did:web:them").methods["did:web:them#k"].relations == {"authentication", "assertionMethod"}
    embedded = of_them(capabilityInvocation=[{"id": "#other", "publicKeyJwk": JWK}])
    assert did.read(embedded, "did:web:them").methods["did:web:them#other"].relations == {"capabilityInvocation"}


@pytest.mark.parametrize("value", [None, [], "text", {}, {"id": "did:web:others"}, {"id": ["did:web:them"]}])
def test_another_ones_document_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="another id"):
        did.read(value, "did:web:them")


@pytest.mark.parametrize(
    "more",
    [{"verificationMethod": None}, {"verificationMethod": {"id": 1}}, {"verificationMethod": ["did:web:them#k", 5]},
     {"authentication": "did:web:them#k", "verificationMethod": []}, {"service": [1, {"type": "CredentialService"}]},
     {"verificationMethod": [{"id": "did:web:them#k", "publicKeyJwk": {**JWK, "d": "secret"}}]}],
)  # fmt: skip
def test_what_is_malformed_in_a_document_is_not_there(more: dict[str, Any]) -> None:
    found = did.read(of_them(**more), "did:web:them")
    assert found.services == {}
    assert found.methods == {} or "service" in more
