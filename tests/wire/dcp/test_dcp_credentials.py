"""Membership credentials and presentations: ours are taken, those of both data models are read, faults are named."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from datong.ground.identity import IdentityKey, KeyRing
from datong.wire.dcp import credentials, did
from datong.wire.dcp.credentials import MEMBERSHIP, Status
from datong.wire.dcp.tokens import unproven

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
AT = int(NOW.timestamp())
ISSUER, HOLDER, US, EVIL = (f"did:web:{name}.cn" for name in ("issuer", "holder", "us", "evil"))
LIST = "https://issuer.cn/dcp/status"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, IdentityKey]:
    folder = tmp_path_factory.mktemp("keys")
    algorithms = {ISSUER: "ES256", HOLDER: "EdDSA", EVIL: "EdDSA"}
    return {name: KeyRing(folder / name[8:]).rotate(algorithm) for name, algorithm in algorithms.items()}


@pytest.fixture
def documents(keys: dict[str, IdentityKey]) -> credentials.Documents:
    def found(name: str) -> did.Document:
        if name not in keys:
            raise ValueError("there is no such document")
        return did.read(did.document(name, f"https://{name[8:]}", [keys[name]]), name)

    return found


@pytest.fixture
def member(keys: dict[str, IdentityKey]) -> str:
    return credentials.membership(
        ISSUER, keys[ISSUER], id="crd-1", holder=HOLDER, subject={"nodeCode": "5X"}, index=70_000, list_at=LIST,
        issued=NOW - timedelta(days=1), expires=NOW + timedelta(days=30),
    )  # fmt: skip


@pytest.fixture
def older(keys: dict[str, IdentityKey]) -> Callable[..., str]:
    """A credential of the data model 1.1, as EDC's issuers write it."""

    def made(by: str = ISSUER, holder: str = HOLDER, claims: dict[str, Any] | None = None, **more: Any) -> str:
        value = {
            "@context": [credentials.VC1], "type": ["VerifiableCredential", MEMBERSHIP], "issuer": {"id": ISSUER},
            "id": "urn:uuid:1", "issuanceDate": "2026-03-01T00:00:00Z", "credentialSubject": {"id": holder}, **more,
        }  # fmt: skip
        whole = {"iss": ISSUER, "sub": holder, "nbf": AT - 60, "exp": AT + 600, "vc": value, **(claims or {})}
        return keys[by].jwt(whole, did.key_id(by, keys[by]))

    return made


def shown(keys: dict[str, IdentityKey], *texts: str, by: str = HOLDER, audience: str = US) -> list[str]:
    return credentials.presentation(by, keys[by], texts, audience=audience, jti="vp-1", now=NOW)


def read(documents: credentials.Documents, text: Any, now: datetime = NOW) -> list[credentials.Credential]:
    return credentials.presented(text, documents, holder=HOLDER, audience=US, now=now)


def test_ours_comes_back_whole(keys: dict[str, IdentityKey], documents: credentials.Documents, member: str) -> None:
    (text,) = shown(keys, member)
    (found,) = read(documents, text)
    assert (found.issuer, found.holder, found.subject["nodeCode"]) == (ISSUER, HOLDER, "5X")
    assert found.types == {"VerifiableCredential", MEMBERSHIP}
    assert found.expires == NOW + timedelta(days=30)
    assert found.status == (Status(LIST, 70_000, "BitstringStatusListEntry", "revocation"),)


def test_one_of_the_older_model_is_read(
    keys: dict[str, IdentityKey], documents: credentials.Documents, older: Callable[..., str]
) -> None:
    entry = {"id": f"{LIST}#3", "type": "StatusList2021Entry", "statusPurpose": "revocation", "statusListIndex": "3",
             "statusListCredential": LIST}  # fmt: skip
    (text,) = shown(keys, older(credentialStatus=entry))
    (found,) = read(documents, text)
    assert (found.issuer, found.holder) == (ISSUER, HOLDER)
    assert found.status == (Status(LIST, 3, "StatusList2021Entry", "revocation"),)


def test_two_models_are_two_presentations(
    keys: dict[str, IdentityKey], documents: credentials.Documents, member: str, older: Callable[..., str]
) -> None:
    texts = shown(keys, member, older())
    assert len(texts) == 2
    assert [found.id for text in texts for found in read(documents, text)] == [
        "urn:datong:credential:crd-1",
        "urn:uuid:1",
    ]
    both = {"vp": {"type": "VerifiablePresentation", "verifiableCredential": [older(), member]}, "iss": HOLDER}
    with pytest.raises(ValueError, match="mixes"):
        read(documents, keys[HOLDER].jwt(both, did.key_id(HOLDER, keys[HOLDER])))


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"by": EVIL}, "another one than its issuer"),
        ({"claims": {"iss": EVIL}}, "no one issuer"),
        ({"issuer": EVIL}, "no one issuer"),
        ({"issuer": None}, "no one issuer"),
        ({"holder": EVIL}, "of another one"),
        ({"claims": {"sub": EVIL}}, "no one holder"),
        ({"credentialSubject": {}, "claims": {"sub": 5}}, "no one holder"),
        ({"credentialSubject": [{"id": HOLDER}, {"id": EVIL}]}, "one subject"),
        ({"credentialSubject": "x"}, "one subject"),
        ({"claims": {"exp": AT - 60}}, "expired"),
        ({"claims": {"nbf": AT + 60}}, "not valid yet"),
        ({"expirationDate": "2026-03-01T00:00:00Z"}, "expired"),
        ({"issuanceDate": "2026-03-03T00:00:00Z"}, "not valid yet"),
        ({"issuanceDate": "yesterday"}, "a time that is none"),
        ({"issuanceDate": 7}, "a time that is none"),
        ({"credentialStatus": {"type": "Odd", "id": "x"}}, "way that is not known"),
        ({"credentialStatus": "x"}, "way that is not known"),
        ({"credentialStatus": {"type": "StatusList2021Entry", "statusListIndex": "-1", "statusListCredential": LIST}}, "no place"),
        ({"credentialStatus": {"type": "StatusList2021Entry", "statusListIndex": "1"}}, "no place"),
        ({"credentialSchema": {"type": "Odd", "id": "https://issuer.cn/schema"}}, "schema of a kind"),
        ({"credentialSchema": {"type": "JsonSchema"}}, "schema of a kind"),
        ({"credentialSchema": [None]}, "schema of a kind"),
    ],
)  # fmt: skip
def test_a_credential_with_a_fault(
    keys: dict[str, IdentityKey], documents: credentials.Documents, older: Callable[..., str], more: dict[str, Any],
    why: str,
) -> None:  # fmt: skip
    (text,) = shown(keys, older(**more))
    with pytest.raises(ValueError, match=why):
        read(documents, text)


def test_members_that_are_null_are_none(
    keys: dict[str, IdentityKey], documents: credentials.Documents, older: Callable[..., str]
) -> None:
    """As some issuers write what they leave out."""
    absent = dict.fromkeys(("expirationDate", "credentialStatus", "credentialSchema"))
    (text,) = shown(keys, older(**absent))
    (found,) = read(documents, text)
    assert (found.status, found.schemas) == ((), ())


SUBJECT_SCHEMA = {
    "$schema": "http://json-schema.org/draft-04/schema#", "type": "object", "required": ["id", "tier"],
    "properties": {"tier": {"type": "string", "pattern": "^(a+)+$"}},
}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "subject", "schema", "why"),
    [
        ("JsonSchemaValidator2018", {"tier": "a"}, SUBJECT_SCHEMA, ""),
        ("JsonSchemaValidator2018", {}, SUBJECT_SCHEMA, "does not follow"),
        ("JsonSchemaValidator2018", {"tier": "a" * 50 + "!"}, SUBJECT_SCHEMA, "does not follow"),  # no time to think
        ("JsonSchema", {"tier": "a"}, {"properties": {"credentialSubject": SUBJECT_SCHEMA}}, ""),
        ("JsonSchema", {}, {"properties": {"credentialSubject": SUBJECT_SCHEMA}}, "does not follow"),
        ("JsonSchema", {"tier": "a"}, SUBJECT_SCHEMA, "does not follow"),  # of that kind it is of the whole
        ("JsonSchema", {}, {"$ref": "https://elsewhere.cn/schema"}, "is none"),
        ("JsonSchema", {}, {"type": 5}, "is none"),
        ("JsonSchema", {}, {"pattern": "(?<!a)b"}, "is none"),
        ("JsonSchema", {}, [], "is none"),
        ("JsonSchema", {}, "{}", "is none"),
        ("JsonSchema", {}, None, "is none"),
    ],
)
def test_a_credential_follows_its_schema(
    keys: dict[str, IdentityKey], documents: credentials.Documents, older: Callable[..., str], kind: str,
    subject: dict[str, Any], schema: Any, why: str,
) -> None:  # fmt: skip
    named = {"type": kind, "id": "https://issuer.cn/schema"}
    (text,) = shown(keys, older(credentialSchema=named, credentialSubject={"id": HOLDER, **subject}))
    (found,) = read(documents, text)
    (only,) = found.schemas
    assert only.at == named["id"]
    if not why:
        credentials.follow(only, schema)
        return
    with pytest.raises(ValueError, match=why):
        credentials.follow(only, schema)


def test_a_presentation_with_a_fault(
    keys: dict[str, IdentityKey], documents: credentials.Documents, member: str
) -> None:
    (stolen,) = shown(keys, member, by=EVIL)
    with pytest.raises(ValueError, match="not published"):
        read(documents, stolen)
    (elsewhere,) = shown(keys, member, audience=EVIL)
    with pytest.raises(ValueError, match="not meant"):
        read(documents, elsewhere)
    (late,) = shown(keys, member)
    with pytest.raises(ValueError, match="expired"):
        read(documents, late, NOW + timedelta(days=1))
    good = {"type": ["VerifiablePresentation"], "holder": HOLDER, "verifiableCredential": [member], "iss": HOLDER}
    for more, why in [
        ({"holder": EVIL}, "another one is its holder"), ({"iss": EVIL}, "another one is its holder"),
        ({"type": "Odd"}, "no presentation"), ({"verifiableCredential": []}, "none or more"),
        ({"verifiableCredential": [member] * 21}, "none or more"), ({"verifiableCredential": [5]}, "no JWT"),
        ({"verifiableCredential": [{"id": "data:application/vc+jwt,x"}]}, "no token"), ({"aud": EVIL}, "not meant"),
    ]:  # fmt: skip
        text = keys[HOLDER].jwt({**good, **more}, did.key_id(HOLDER, keys[HOLDER]))
        with pytest.raises(ValueError, match=why):
            read(documents, text)
    for odd in (None, 5, {}, "", "a.b.c"):
        with pytest.raises(ValueError, match=r"no JWT|no token"):
            read(documents, odd)


@pytest.mark.parametrize("revoked", [[], [70_000], [0, 131_071], [200_000, 70_000]])
def test_a_status_list_tells_who_was_revoked(
    keys: dict[str, IdentityKey], documents: credentials.Documents, revoked: list[int]
) -> None:
    text = credentials.status_list(ISSUER, keys[ISSUER], at=LIST, revoked=revoked, now=NOW)
    for index in (0, 1, 69_999, 70_000, 70_001, 131_071):
        status = Status(LIST, index, "BitstringStatusListEntry", "revocation")
        assert credentials.is_set(status, text, ISSUER, documents, now=NOW) == (index in revoked)


def packed(bits: bytes) -> str:
    return base64.b64encode(gzip.compress(bits)).decode()


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"issuer": EVIL}, "another one's"), ({"type": "Odd"}, "none"), ({"credentialSubject": 5}, "none"),
        ({"credentialSubject": {"statusPurpose": "suspension", "encodedList": ""}}, "another purpose"),
        ({"credentialSubject": {"statusPurpose": "revocation", "encodedList": "!"}}, "not in its"),
        ({"credentialSubject": {"statusPurpose": "revocation"}}, "cannot be read"),
        ({"credentialSubject": {"statusPurpose": "revocation", "encodedList": packed(b"\x01")}}, "not in its"),
        ({"credentialSubject": {"statusPurpose": "revocation", "encodedList": packed(bytes(1 << 25))}}, "too long"),
        ({"validUntil": "2026-03-01T00:00:00Z"}, "expired"),
    ],
)  # fmt: skip
def test_a_status_list_that_tells_nothing(
    keys: dict[str, IdentityKey], documents: credentials.Documents, more: dict[str, Any], why: str
) -> None:
    value = {"type": ["BitstringStatusListCredential"], "issuer": ISSUER,
             "credentialSubject": {"statusPurpose": "revocation", "encodedList": packed(bytes(16_384))}, **more}  # fmt: skip
    status = Status(LIST, 100, "BitstringStatusListEntry", "revocation")
    text = keys[ISSUER].jwt(value, did.key_id(ISSUER, keys[ISSUER]))
    with pytest.raises(ValueError, match=why):
        credentials.is_set(status, text, ISSUER, documents, now=NOW)
    by_another = keys[EVIL].jwt({**value, "issuer": ISSUER}, did.key_id(EVIL, keys[EVIL]))
    with pytest.raises(ValueError, match="not published"):
        credentials.is_set(status, by_another, ISSUER, documents, now=NOW)


def test_an_older_list_in_plain_base64_is_read(keys: dict[str, IdentityKey], documents: credentials.Documents) -> None:
    bits = bytearray(16_384)
    bits[1] = 0x40  # place 9: the second bit from the left of the second byte
    value = {"type": ["VerifiableCredential", "StatusList2021Credential"], "issuer": ISSUER,
             "credentialSubject": {"statusPurpose": "revocation", "encodedList": packed(bytes(bits))}}  # fmt: skip
    text = keys[ISSUER].jwt({"vc": value, "iss": ISSUER}, did.key_id(ISSUER, keys[ISSUER]))
    seen = [
        credentials.is_set(Status(LIST, place, "StatusList2021Entry", "revocation"), text, ISSUER, documents, now=NOW)
        for place in range(8, 11)
    ]
    assert seen == [False, True, False]


@pytest.mark.parametrize("profile", credentials.PROFILES)
def test_either_profile_is_written_presented_and_revoked(
    keys: dict[str, IdentityKey], documents: credentials.Documents, profile: str
) -> None:
    place = {"index": 9, "list_at": LIST, "profile": profile}
    text = credentials.membership(
        ISSUER, keys[ISSUER], id="crd-9", holder=HOLDER, subject={"nodeCode": "5X"},
        issued=NOW - timedelta(days=1), expires=NOW + timedelta(days=30), **place,
    )  # fmt: skip
    (shown,) = credentials.presentation(HOLDER, keys[HOLDER], [text], audience=US, jti="vp", now=NOW)
    (found,) = read(documents, shown)
    assert (found.subject["nodeCode"], found.expires) == ("5X", NOW + timedelta(days=30))
    (status,) = found.status
    lists = {
        of: credentials.status_list(ISSUER, keys[ISSUER], at=LIST, revoked=[9], now=NOW, profile=of)
        for of in credentials.PROFILES
    }
    assert credentials.is_set(status, lists.pop(profile), ISSUER, documents, now=NOW)
    with pytest.raises(ValueError, match="status list is none"):
        credentials.is_set(status, *lists.values(), ISSUER, documents, now=NOW)


def test_the_older_profile_is_as_its_standard_has_it(keys: dict[str, IdentityKey]) -> None:
    """VC data model 1.1 in a JWT (6.3.1), StatusList2021 (4.2: base64 of gzip, without a prefix)."""
    text = credentials.membership(
        ISSUER, keys[ISSUER], id="crd-9", holder=HOLDER, subject={}, index=9, list_at=LIST, issued=NOW,
        expires=NOW + timedelta(days=1), profile=credentials.OLDER,
    )  # fmt: skip
    claims = unproven(text)
    assert {name: claims[name] for name in ("iss", "sub", "jti", "nbf", "exp")} == {
        "iss": ISSUER, "sub": HOLDER, "jti": claims["vc"]["id"], "nbf": AT, "exp": AT + 86_400,
    }  # fmt: skip
    assert {"issuanceDate", "expirationDate"} <= set(claims["vc"])
    value = credentials.status_value(ISSUER, at=LIST, revoked=[9], now=NOW, profile=credentials.OLDER)
    bits = gzip.decompress(base64.b64decode(value["credentialSubject"]["encodedList"], validate=True))
    assert (len(bits) * 8, bits[1]) == (credentials.STATUS_BITS, 0x40)


def test_a_presentation_in_an_envelope_is_its_holders(
    keys: dict[str, IdentityKey], documents: credentials.Documents, member: str
) -> None:
    """EDC's identity hub wraps a presentation of the newer model once more."""

    def enveloped(inner: str, by: str = HOLDER, prefix: str = "data:application/vp+jwt,") -> str:
        whole = {"iss": HOLDER, "aud": US, "exp": AT + 60, "id": prefix + inner,
                 "type": "EnvelopedVerifiablePresentation"}  # fmt: skip
        return keys[by].jwt(whole, did.key_id(by, keys[by]))

    def inner(by: str = HOLDER, **more: str) -> str:
        (text,) = credentials.presentation(by, keys[by], [member], audience=US, jti="vp", now=NOW)
        return keys[by].jwt({**unproven(text), **more}, did.key_id(by, keys[by]))

    assert read(documents, enveloped(inner()))[0].subject["nodeCode"] == "5X"
    for text, why in [
        (enveloped(inner(), prefix=""), "holds no JWT"), (enveloped(inner(EVIL)), "."), (enveloped("x.y.z"), "."),
        (enveloped(inner(holder=EVIL)), "another one is the holder"), (enveloped(inner(type="Odd")), "no presentation"),
        (enveloped(inner(), by=EVIL), "."),
    ]:  # fmt: skip
        with pytest.raises(ValueError, match=why):
            read(documents, text)
