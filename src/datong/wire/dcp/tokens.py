"""Signed JSON of the Decentralized Claims Protocol: self-issued ID tokens made and checked, signatures of documents.

A token says iss = sub = the sender's DID, aud = the receiver's, jti, iat, exp; `token` in it is an access token for
the sender's credential service, opaque to everyone else. Pure: documents and times are given; whether a jti was used
before is the caller's question. Every fault is a ValueError whose text names no content.
Sources: DCP 1.0 "Self-Issued ID Tokens" and "Validating Self-Issued ID Tokens"; RFC 7515, 7517, 7519.
Contract: tests/wire/dcp/test_dcp_tokens.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import jwt

from datong.ground import codes
from datong.ground.identity import IdentityKey
from datong.wire.dcp.did import Document, key_id

TOKEN_SECONDS = 300
"""How long our tokens live: a counterparty may ask our credential service in between."""
AHEAD_SECONDS = 900
"""A token that lives longer than this from now is refused, so that used ones need not be remembered for ever."""
LEEWAY_SECONDS = 30
"""How far the clocks of two nodes may differ."""
TOKEN_MAX = 16_384
ALGORITHMS = {
    ("OKP", "Ed25519"): ("EdDSA",),
    ("EC", "P-256"): ("ES256",),
    ("EC", "P-384"): ("ES384",),
    ("RSA", ""): ("PS256", "RS256"),
}
"""(kty, crv) of a key -> the algorithms a signature by it may name."""
RSA_BITS_MIN = 2048


def id_token(did: str, key: IdentityKey, *, audience: str, jti: str, now: datetime, access: str = "") -> str:
    """A self-issued ID token for `audience` (a DID). access: what its receiver may show our credential service."""
    at = int(now.timestamp())
    claims = {"iss": did, "sub": did, "aud": audience, "jti": jti, "iat": at, "exp": at + TOKEN_SECONDS}
    return key.jwt({**claims, "token": access} if access else claims, key_id(did, key))


def sender_of(token: str) -> str:
    """The DID that a token says it comes from, not yet proven."""
    did = unproven(token).get("sub")
    if not codes.is_did_web(did):
        raise ValueError("its sub is no did:web")
    return str(did)


def id_claims(token: str, document: Document, *, audience: str, now: datetime) -> dict[str, Any]:
    """The claims of a self-issued ID token for `audience`, all of them checked but whether its jti is new."""
    claims = signed_claims(token, document, "capabilityInvocation")
    if claims.get("iss") != document.did or claims.get("sub") != document.did:
        raise ValueError("its iss and sub are not both its sender")
    if claims.get("aud") not in (audience, [audience]):
        raise ValueError("it is not meant for this node")
    if not (isinstance(claims.get("jti"), str) and 0 < len(claims["jti"]) <= 300):
        raise ValueError("it has no jti")
    for name in ("iat", "exp"):
        if not _is_time(claims.get(name)):
            raise ValueError(f"it has no {name}")
    in_time(claims, now)
    if claims["exp"] > now.timestamp() + AHEAD_SECONDS:
        raise ValueError("it lives too long")
    return claims


def in_time(claims: Mapping[str, Any], now: datetime) -> None:
    """ValueError when exp has passed, or nbf or iat is still to come, by more than clocks may differ."""
    at = now.timestamp()
    for name in ("exp", "nbf", "iat"):
        if name in claims and not _is_time(claims[name]):
            raise ValueError(f"its {name} is no time")
    if "exp" in claims and at >= claims["exp"] + LEEWAY_SECONDS:
        raise ValueError("it has expired")
    if any(claims.get(name, 0) > at + LEEWAY_SECONDS for name in ("nbf", "iat")):
        raise ValueError("it is not valid yet")


def signed_claims(token: str, document: Document, relation: str) -> dict[str, Any]:
    """The payload of a JWT signed by a key that `document` publishes for `relation`; times are not looked at."""
    header = header_of(token)
    named = header.get("kid")
    if named is None:
        if len(document.methods) != 1:
            raise ValueError("it does not say which key signed it")
        (named,) = document.methods
    elif isinstance(named, str) and named.startswith("#"):
        named = document.did + named
    method = document.methods.get(named) if isinstance(named, str) else None
    if method is None:
        raise ValueError("its key is not published")
    if relation not in method.relations:
        raise ValueError(f"its key is not published for {relation}")
    algorithm, key = str(header.get("alg")), method.jwk
    if algorithm not in ALGORITHMS.get((key.get("kty"), key.get("crv", "")), ()):  # type: ignore[arg-type]
        raise ValueError("its algorithm does not go with its key")
    try:
        public = jwt.PyJWK(dict(key), algorithm)
        if key["kty"] == "RSA" and public.key.key_size < RSA_BITS_MIN:
            raise ValueError("its key is too short")
        signed = jwt.api_jws.decode_complete(token, public, algorithms=[algorithm])
        claims = json.loads(signed["payload"])
    except (jwt.InvalidTokenError, jwt.PyJWKError) as broken:
        raise ValueError("its signature does not hold") from broken
    except RecursionError as broken:
        raise ValueError("it is nested too deeply") from broken
    if not isinstance(claims, dict):
        raise ValueError("it holds no claims")
    return claims


def header_of(token: str) -> dict[str, Any]:
    try:
        if not isinstance(token, str) or len(token) > TOKEN_MAX * 16:
            raise ValueError("it is no token")
        header: dict[str, Any] = jwt.get_unverified_header(token)
    except (jwt.InvalidTokenError, UnicodeError, RecursionError) as broken:
        raise ValueError("it is no token") from broken
    return header


def unproven(token: str) -> dict[str, Any]:
    """The payload of a JWT whose signature nobody has looked at."""
    try:
        if len(token) > TOKEN_MAX * 16:
            raise ValueError("it is no token")
        claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    except (jwt.InvalidTokenError, UnicodeError, RecursionError) as broken:
        raise ValueError("it is no token") from broken
    return claims


def _is_time(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e11
