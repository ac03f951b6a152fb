"""did:web: the identifier an address has, the document a node publishes there, and documents of others read.

    did:web:example.cn               https://example.cn/.well-known/did.json
    did:web:example.cn%3A8401:a:b    https://example.cn:8401/a/b/did.json

http instead of https only where peers may be private (`peers.allow_private`), as for every other call. Pure.
Sources: did:web method specification (W3C CCG), DID core 1.0, DCP 1.0 "Credential Service Endpoint Discovery".
Contract: tests/wire/dcp/test_dcp_did.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from datong.ground import codes
from datong.ground.identity import IdentityKey

DID_CONTEXT = "https://www.w3.org/ns/did/v1"
JWK_CONTEXT = "https://w3id.org/security/suites/jws-2020/v1"
DCP_CONTEXT = "https://w3id.org/dspace-dcp/v1.0/dcp.jsonld"
PATH = "/dcp"
CREDENTIAL_SERVICE = "CredentialService"
RELATIONS = ("authentication", "assertionMethod", "capabilityInvocation")
"""What a node's keys are for: presentations, credentials, tokens."""


@dataclass(frozen=True)
class Method:
    """A verification method: its key as JWK, and what the document says it is for."""

    jwk: Mapping[str, Any]
    relations: frozenset[str]


@dataclass(frozen=True)
class Document:
    """What of a DID document is used here. methods: by their full id; services: type -> address."""

    did: str
    methods: Mapping[str, Method]
    services: Mapping[str, str]


did_of = codes.did_of
"""The did:web of a node that is reached at an address."""


def document_path(address: str) -> str:
    """Where below its host the node at `address` publishes its document."""
    path = urlsplit(address).path.rstrip("/")
    return f"{path}/did.json" if path else "/.well-known/did.json"


def document_url(did: str, scheme: str = "https") -> str:
    """Where the document of a did:web lies; ValueError when `did` is none."""
    match = codes.DID_WEB.fullmatch(did) if codes.is_did_web(did) else None
    if match is None:
        raise ValueError("it is no did:web")
    port = f":{match['port'][3:]}" if match["port"] else ""
    parts = [unquote(part) for part in match["path"].split(":")[1:]]
    if any(part in (".", "..") or "/" in part or "\\" in part for part in parts):
        raise ValueError("its path leaves its folder")
    path = "/".join(quote(part, safe="~._-") for part in parts)
    return f"{scheme}://{match['host']}{port}/{path or '.well-known'}/did.json"


def key_id(did: str, key: IdentityKey) -> str:
    return f"{did}#{key.name}"


def document(did: str, address: str, keys: Sequence[IdentityKey]) -> dict[str, Any]:
    """The document of the node at `address`, which publishes `keys`."""
    methods = [
        {"id": key_id(did, key), "type": "JsonWebKey2020", "controller": did, "publicKeyJwk": key.public_jwk()}
        for key in keys
    ]
    base = address.rstrip("/") + PATH
    services = [{"id": f"{did}#credentials", "type": CREDENTIAL_SERVICE, "serviceEndpoint": base}]
    ids = [method["id"] for method in methods]
    return {
        "@context": [DID_CONTEXT, JWK_CONTEXT, DCP_CONTEXT], "id": did, "verificationMethod": methods,
        **dict.fromkeys(RELATIONS, ids), "service": services,
    }  # fmt: skip


def read(value: Any, did: str) -> Document:
    """A document that came from where `did` lives; ValueError when it is none, or another's."""
    if not isinstance(value, Mapping) or value.get("id") != did:
        raise ValueError("its document bears another id")
    methods: dict[str, Method] = {}
    for entry in [*_list(value.get("verificationMethod")), *_embedded(value)]:
        jwk = entry.get("publicKeyJwk")
        if isinstance(entry.get("id"), str) and isinstance(jwk, Mapping) and "d" not in jwk:
            name = _full(did, entry["id"])
            methods[name] = Method(jwk, frozenset(r for r in RELATIONS if name in _named(value, r, did)))
    services = {
        entry["type"]: entry["serviceEndpoint"]
        for entry in reversed(_list(value.get("service")))
        if isinstance(entry.get("type"), str) and isinstance(entry.get("serviceEndpoint"), str)
    }
    return Document(did, methods, services)


def _list(value: Any) -> list[Mapping[str, Any]]:
    return [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, list) else []


def _embedded(value: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Methods written where they are used (DID core 5.3)."""
    return [entry for relation in RELATIONS for entry in _list(value.get(relation))]


def _named(value: Mapping[str, Any], relation: str, did: str) -> set[str]:
    entries = value.get(relation)
    names = [e["id"] if isinstance(e, Mapping) else e for e in (entries if isinstance(entries, list) else []) if e]
    return {_full(did, name) for name in names if isinstance(name, str)}


def _full(did: str, name: str) -> str:
    return did + name if name.startswith("#") else name
