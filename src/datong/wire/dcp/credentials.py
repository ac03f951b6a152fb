"""Membership credentials, presentations of them, and status lists, as JWT: written by us, read from anyone. Pure.

Written and read in the profiles vc20-bssl/jwt (VC data model 2.0, BitstringStatusList, JOSE) and vc11-sl2021/jwt (data
model 1.1, StatusList2021). A presentation holds credentials of one model only. Every fault is a ValueError whose text
names no content. Must never know: who asks, where documents and lists come from.
Sources: DCP 1.0 "Presentation Validation" and profiles; W3C vc-data-model-2.0, vc-jose-cose, vc-bitstring-status-list.
Contract: tests/wire/dcp/test_dcp_credentials.py.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from jsonschema_rs import RegexOptions, validator_for

from datong.ground.identity import IdentityKey
from datong.wire.dcp.did import Document, key_id
from datong.wire.dcp.tokens import LEEWAY_SECONDS, TOKEN_SECONDS, header_of, in_time, signed_claims, unproven

MEMBERSHIP = "MembershipCredential"
VC2, VC1 = "https://www.w3.org/ns/credentials/v2", "https://www.w3.org/2018/credentials/v1"
LIST_2021 = "https://w3id.org/vc/status-list/2021/v1"
NEWER, OLDER = PROFILES = ("vc20-bssl/jwt", "vc11-sl2021/jwt")
AUTH = {"protocol": "DCP", "version": "1.0", "profile": list(PROFILES)}
"""How a node of such a space is spoken to, as its version document says it: the profiles it reads."""
STATUS_BITS = 131_072
"""Least length of a list, so that an entry hides among others (vc-bitstring-status-list 3.2)."""
STATUS_BYTES_MAX = 16 * 1024 * 1024
CREDENTIALS_MAX = 20
_ENVELOPED, _ENVELOPED_PRESENTATION = "data:application/vc+jwt,", "data:application/vp+jwt,"
_LISTS = {NEWER: "BitstringStatusList", OLDER: "StatusList2021"}
_STATUS_TYPES = {f"{name}Entry": f"{name}Credential" for name in _LISTS.values()}


@dataclass(frozen=True)
class Status:
    """Where it stands whether a credential still holds. at: address of the list; entry: the type of the entry."""

    at: str
    index: int
    entry: str
    purpose: str


@dataclass(frozen=True)
class Schema:
    """A JSON schema that lies `at` an address, and the part of a credential that has to follow it."""

    at: str
    value: Mapping[str, Any]


@dataclass(frozen=True)
class Credential:
    """A credential that was read: its facts are proven by its issuer; whether it was revoked stands in `status`, what
    it has to follow in `schemas`."""

    id: str
    issuer: str
    holder: str
    types: frozenset[str]
    subject: Mapping[str, Any]
    expires: datetime | None
    status: tuple[Status, ...]
    schemas: tuple[Schema, ...]
    text: str


Documents = Callable[[str], Document]
"""DID -> its document; ValueError when it cannot be had."""


# --- writing -----------------------------------------------------------------------------------------------


def membership(
    issuer: str, key: IdentityKey, *, id: str, holder: str, subject: Mapping[str, Any], index: int, list_at: str,
    issued: datetime, expires: datetime, profile: str = NEWER,
) -> str:  # fmt: skip
    """A membership credential. subject: facts beside the holder's DID; index: its place in the status list."""
    entry = {
        "id": f"{list_at}#{index}", "type": f"{_LISTS[profile]}Entry", "statusPurpose": "revocation",
        "statusListIndex": str(index), "statusListCredential": list_at,
    }  # fmt: skip
    value = {
        **_dated(profile, issued, expires), "id": f"urn:datong:credential:{id}", "issuer": issuer,
        "type": ["VerifiableCredential", MEMBERSHIP], "credentialSubject": {"id": holder, **subject},
        "credentialStatus": entry,
    }  # fmt: skip
    return _signed(value, profile, issuer, key, {"sub": holder, "exp": int(expires.timestamp())}, issued)


def _dated(profile: str, begins: datetime, ends: datetime | None = None) -> dict[str, Any]:
    """The context and the times of a credential, as its data model calls them."""
    context, first, last = (
        (VC2, "validFrom", "validUntil") if profile == NEWER else (VC1, "issuanceDate", "expirationDate")
    )
    return {"@context": [context], first: _text(begins), **({last: _text(ends)} if ends else {})}


def _signed(
    value: Mapping[str, Any], profile: str, issuer: str, key: IdentityKey, claims: Mapping[str, Any], at: datetime
) -> str:
    """A credential as JWT: its members are the claims, in the older model one claim `vc` beside those of a JWT."""
    seconds = int(at.timestamp())
    if profile == NEWER:
        return key.jwt({**value, "iss": issuer, "iat": seconds, **claims}, key_id(issuer, key), "vc+jwt")
    own = {"iss": issuer, "jti": value["id"], "iat": seconds, "nbf": seconds, "sub": value["credentialSubject"]["id"]}
    return key.jwt({"vc": value, **own, **claims}, key_id(issuer, key))


def status_list(
    issuer: str, key: IdentityKey, *, at: str, revoked: Iterable[int], now: datetime, profile: str = NEWER
) -> str:
    """The list of one issuer as a signed credential; revoked: the indices whose bit is set."""
    return _signed(
        status_value(issuer, at=at, revoked=revoked, now=now, profile=profile), profile, issuer, key, {}, now
    )


def status_value(issuer: str, *, at: str, revoked: Iterable[int], now: datetime, profile: str) -> dict[str, Any]:
    """What the list says, unsigned."""
    set_bits = sorted(revoked)
    size = max(STATUS_BITS, -(-(set_bits[-1] + 1) // 8) * 8 if set_bits else 0)
    bits = bytearray(size // 8)
    for index in set_bits:
        bits[index // 8] |= 0x80 >> index % 8
    packed = gzip.compress(bytes(bits), mtime=0)
    if profile == OLDER:
        encoded = base64.b64encode(packed).decode()
    else:
        encoded = "u" + base64.urlsafe_b64encode(packed).rstrip(b"=").decode()
    name, dated = _LISTS[profile], _dated(profile, now)
    if profile == OLDER:
        dated["@context"].append(LIST_2021)
    subject = {"id": f"{at}#list", "type": name, "statusPurpose": "revocation", "encodedList": encoded}
    return {**dated, "id": at, "type": ["VerifiableCredential", f"{name}Credential"], "issuer": issuer,
            "credentialSubject": subject}  # fmt: skip


def presentation(
    holder: str, key: IdentityKey, texts: Sequence[str], *, audience: str, jti: str, now: datetime
) -> list[str]:
    """Presentations of credentials for one verifier: one per data model."""
    newer = [text for text in texts if "vc" not in unproven(text)]
    older = [text for text in texts if "vc" in unproven(text)]
    at = int(now.timestamp())
    claims = {"iss": holder, "aud": audience, "iat": at, "exp": at + TOKEN_SECONDS}
    made = []
    if newer:
        enveloped = [
            {"@context": VC2, "id": _ENVELOPED + text, "type": "EnvelopedVerifiableCredential"} for text in newer
        ]
        value = {
            "@context": [VC2],
            "type": ["VerifiablePresentation"],
            "holder": holder,
            "verifiableCredential": enveloped,
        }
        made.append(key.jwt({**value, **claims, "jti": f"{jti}-2"}, key_id(holder, key), "vp+jwt"))
    if older:
        value = {"@context": [VC1], "type": ["VerifiablePresentation"], "verifiableCredential": older}
        made.append(key.jwt({"vp": value, **claims, "sub": holder, "jti": f"{jti}-1"}, key_id(holder, key)))
    return made


# --- reading -----------------------------------------------------------------------------------------------


def presented(text: Any, documents: Documents, *, holder: str, audience: str, now: datetime) -> list[Credential]:
    """The credentials of a presentation by `holder` to `audience`, all of them proven and in time.

    ValueError when anything in it does not hold. Whether a credential was revoked is not looked up here.
    """
    if not isinstance(text, str):
        raise ValueError("it is no JWT")
    claims = signed_claims(text, documents(holder), "authentication")
    in_time(claims, now)
    if claims.get("aud") not in (None, audience, [audience]):
        raise ValueError("it is not meant for this node")
    older = claims.get("vp")
    value = older if isinstance(older, Mapping) else claims
    if claims.get("iss", holder) != holder or value.get("holder", holder) != holder:
        raise ValueError("another one is its holder")
    if "EnvelopedVerifiablePresentation" in _types(value):
        value = _inside(value, documents(holder))
    if "VerifiablePresentation" not in _types(value):
        raise ValueError("it is no presentation")
    entries = value.get("verifiableCredential", [])
    entries = entries if isinstance(entries, list) else [entries]
    if not 1 <= len(entries) <= CREDENTIALS_MAX:
        raise ValueError(f"it holds none or more than {CREDENTIALS_MAX} credentials")
    found = [credential(_text_of(entry), documents, now=now) for entry in entries]
    if {("vc" in unproven(each.text)) for each in found} != {isinstance(older, Mapping)}:
        raise ValueError("it mixes data models")
    if any(each.holder != holder for each in found):
        raise ValueError("it holds a credential of another one")
    return found


def _inside(envelope: Mapping[str, Any], holder: Document) -> Mapping[str, Any]:
    """The presentation in an envelope, as EDC wraps one of the newer model: a JWT of the same holder's in `id`."""
    text = str(envelope.get("id", ""))
    if not text.startswith(_ENVELOPED_PRESENTATION):
        raise ValueError("its envelope holds no JWT")
    claims = signed_claims(text.removeprefix(_ENVELOPED_PRESENTATION), holder, "authentication")
    if claims.get("iss", holder.did) != holder.did or claims.get("holder", holder.did) != holder.did:
        raise ValueError("another one is the holder of what is in its envelope")
    return claims


def _text_of(entry: Any) -> str:
    if isinstance(entry, Mapping):
        entry = str(entry.get("id", "")).removeprefix(_ENVELOPED)
    if not isinstance(entry, str):
        raise ValueError("it holds a credential that is no JWT")
    return entry


def credential(text: str, documents: Documents, *, now: datetime) -> Credential:
    """A credential as JWT, its signature by its issuer and its times checked."""
    kid = header_of(text).get("kid")
    claims = unproven(text)
    older = claims.get("vc")
    value = older if isinstance(older, Mapping) else claims
    issuer = value.get("issuer", claims.get("iss"))
    issuer = issuer.get("id") if isinstance(issuer, Mapping) else issuer
    if not isinstance(issuer, str) or claims.get("iss", issuer) != issuer:
        raise ValueError("it names no one issuer")
    if isinstance(kid, str) and not kid.startswith("#") and kid.partition("#")[0] != issuer:
        raise ValueError("another one than its issuer signed it")
    signed_claims(text, documents(issuer), "assertionMethod")
    in_time(claims, now)
    subject = value.get("credentialSubject")
    subject = subject[0] if isinstance(subject, list) and len(subject) == 1 else subject
    if not isinstance(subject, Mapping):
        raise ValueError("it has not one subject")
    holder = subject.get("id", claims.get("sub"))
    if not isinstance(holder, str) or claims.get("sub", holder) != holder:
        raise ValueError("it has no one holder")
    expires = _valid(value, claims, now)
    name = str(value.get("id", claims.get("jti", "")))
    schemas = _schemas(value, subject)
    return Credential(name, issuer, holder, _types(value), dict(subject), expires, _status(value), schemas, text)


def _valid(value: Mapping[str, Any], claims: Mapping[str, Any], now: datetime) -> datetime | None:
    """The end of a credential's time; ValueError when it is not `now`."""
    for name in ("validFrom", "issuanceDate"):
        if value.get(name) is not None and _time(value[name]) > now + timedelta(seconds=LEEWAY_SECONDS):
            raise ValueError("it is not valid yet")
    ends = [_time(value[name]) for name in ("validUntil", "expirationDate") if value.get(name) is not None]
    if "exp" in claims:
        ends.append(datetime.fromtimestamp(claims["exp"], UTC))
    if any(end <= now for end in ends):
        raise ValueError("it has expired")
    return min(ends, default=None)


def _time(text: Any) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except (TypeError, ValueError) as broken:
        raise ValueError("it has a time that is none") from broken
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _types(value: Mapping[str, Any]) -> frozenset[str]:
    types = value.get("type")
    return frozenset(t for t in ([types] if isinstance(types, str) else types or []) if isinstance(t, str))


def _status(value: Mapping[str, Any]) -> tuple[Status, ...]:
    found = []
    for entry in _listed(value, "credentialStatus"):
        kind = entry.get("type") if isinstance(entry, Mapping) else None
        if kind not in _STATUS_TYPES:
            raise ValueError("it can be revoked in a way that is not known here")
        index, at = str(entry.get("statusListIndex")), entry.get("statusListCredential")
        if not (index.isascii() and index.isdigit() and len(index) <= 9 and isinstance(at, str)):
            raise ValueError("its status names no place in a list")
        found.append(Status(at, int(index), kind, str(entry.get("statusPurpose", "revocation"))))
    return tuple(found)


def _listed(value: Mapping[str, Any], name: str) -> list[Any]:
    """The entries of a member that may be one, several or (also as null) none."""
    entries = value.get(name)
    return entries if isinstance(entries, list) else [] if entries is None else [entries]


def _schemas(value: Mapping[str, Any], subject: Mapping[str, Any]) -> tuple[Schema, ...]:
    """What is named as credentialSchema: of JsonSchema the whole credential is an instance (vc-json-schema 2.1), of
    the older JsonSchemaValidator2018 its subject, as the compatibility kit of DCP has it."""
    found = []
    for entry in _listed(value, "credentialSchema"):
        kind, at = (entry.get("type"), entry.get("id")) if isinstance(entry, Mapping) else (None, None)
        if kind not in ("JsonSchema", "JsonSchemaValidator2018") or not isinstance(at, str):
            raise ValueError("it has a schema of a kind that is not known here")
        found.append(Schema(at, value if kind == "JsonSchema" else subject))
    return tuple(found)


def follow(schema: Schema, given: Any) -> None:
    """ValueError when the part of the credential does not follow `given`, what lies at the address of its schema.

    Another's schema is foreign code: it may name no further documents, and its patterns take linear time.
    """
    if not isinstance(given, dict):
        raise ValueError("its schema is none")
    try:
        right = validator_for(given, offline=True, pattern_options=RegexOptions()).is_valid(schema.value)
    except (ValueError, RecursionError) as broken:
        raise ValueError("its schema is none") from broken
    if not right:
        raise ValueError("it does not follow its schema")


def is_set(status: Status, text: str, issuer: str, documents: Documents, *, now: datetime) -> bool:
    """Whether the bit of `status` is set in the list `text`, which only the credential's own issuer may write."""
    signed = credential_value(text, issuer, documents, now)
    subject = signed.get("credentialSubject")
    if _STATUS_TYPES[status.entry] not in _types(signed) or not isinstance(subject, Mapping):
        raise ValueError("its status list is none")
    if subject.get("statusPurpose") != status.purpose:
        raise ValueError("its status list has another purpose")
    bits = _unpacked(subject.get("encodedList"))
    if status.index >= 8 * len(bits):
        raise ValueError("its place is not in its status list")
    return bool(bits[status.index // 8] & (0x80 >> status.index % 8))


def credential_value(text: str, issuer: str, documents: Documents, now: datetime) -> Mapping[str, Any]:
    """The value of a credential about no holder (a status list), proven to be the issuer's and in time."""
    claims = signed_claims(text, documents(issuer), "assertionMethod")
    in_time(claims, now)
    older = claims.get("vc")
    value: Mapping[str, Any] = older if isinstance(older, Mapping) else claims
    named = value.get("issuer", claims.get("iss"))
    if (named.get("id") if isinstance(named, Mapping) else named) != issuer:
        raise ValueError("its status list is another one's")
    _valid(value, claims, now)
    return value


def _unpacked(encoded: Any) -> bytes:
    try:
        text = str(encoded).removeprefix("u").translate({ord("+"): "-", ord("/"): "_"}).rstrip("=")
        packed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        with gzip.GzipFile(fileobj=io.BytesIO(packed)) as opened:
            bits = opened.read(STATUS_BYTES_MAX + 1)
    except (OSError, EOFError, binascii.Error, ValueError) as broken:
        raise ValueError("its status list cannot be read") from broken
    if len(bits) > STATUS_BYTES_MAX:
        raise ValueError("its status list is too long")
    return bits


def _text(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
