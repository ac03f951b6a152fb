"""Tokens of requests between nodes that are forged, worn, early, late or no tokens: refused by name, never a fault."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from datong.ground.canonical import digest_bytes
from datong.ground.db import NODE, new_id
from datong.ground.keys import PrivateKey
from datong.ground.refusal import Kind, Refusal
from datong.register import store as register_rows
from datong.wire.dsp import routes as dsp_routes
from datong.wire.http import OTHER_CLOCK, Door
from delivery_case import BUYER_NODE, KEYS, OWNER_NODE, Hand, open_node
from whole import whole

BODY = b'{"a":1}'
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
AT = int(NOW.timestamp())
RIGHT = {"iss": BUYER_NODE, "aud": OWNER_NODE, "jti": "jti-1", "digest": digest_bytes(BODY), "iat": AT, "exp": AT + 60}


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    store = open_node(tmp_path_factory.mktemp("door"), OWNER_NODE, Hand())
    yield Door(store, None, ("", ""))
    store.dispose()


def signed(key: PrivateKey = KEYS[BUYER_NODE], algorithm: str = "EdDSA", **more: Any) -> str:
    """A token under the peer's key, of another id each time unless it is given; "-": without that claim."""
    claims = {name: value for name, value in {**RIGHT, "jti": new_id("jti"), **more}.items() if value != "-"}
    return "Bearer " + jwt.encode(claims, key._key, algorithm=algorithm)


def refused(door: Door, authorization: str, body: bytes = BODY) -> Refusal:
    before = whole(door.store)
    with pytest.raises(Refusal) as refused:
        door.sender(authorization, body)
    assert whole(door.store) == before
    return refused.value


def test_a_right_token_works_once(door: Door) -> None:
    assert door.sender(signed(jti="jti-1"), BODY).department == BUYER_NODE
    assert refused(door, signed(jti="jti-1")).code == "MSG-401"
    assert refused(door, signed(jti="jti-1", iat=AT - 1, exp=AT + 59)).code == "MSG-401", (
        "another token under a used id"
    )


@pytest.mark.parametrize(
    ("ahead", "taken"), [(-61, False), (-60, True), (-30, True), (0, True), (5, True), (6, False), (3600, False)]
)
def test_the_clock_of_a_peer_may_differ_by_little(door: Door, ahead: int, taken: bool) -> None:
    """ahead: by how many seconds the sender's clock is ahead of ours."""
    token = signed(iat=AT + ahead, exp=AT + ahead + 60)
    if taken:
        assert door.sender(token, BODY).department == BUYER_NODE
        return
    found = refused(door, token)
    assert (found.code, found.kind) == ("NET-425", Kind.unavailable)  # a reason to try again, not to end anything
    assert f"issued {-ahead} s ago" in found.texts()[1].en


@pytest.mark.parametrize("iat", [AT + 6, AT - 61, 10**30, -(10**30)])
def test_what_is_wrong_besides_its_time_is_refused_for_good(door: Door, iat: int) -> None:
    late = {"iat": iat, "exp": iat + 60}
    assert refused(door, signed(**late)).code == "NET-425"
    assert dsp_routes.STATUS[OTHER_CLOCK.kind] in range(500, 600)  # which a counterparty's job tries again
    assert refused(door, signed(**late), b'{"a":2}').code == "NET-401"
    assert refused(door, signed(PrivateKey.new(), **late)).code == "NET-401"
    assert refused(door, signed(**late, aud="x")).code == "NET-401"


def test_a_token_is_remembered_as_long_as_it_would_be_taken(door: Door) -> None:
    hand = door.store.wall_clock
    token = signed(iat=AT + 5, exp=AT + 65)
    door.sender(token, BODY)
    for seconds in (1, 30, 65):
        hand.at = NOW + timedelta(seconds=seconds)  # type: ignore[attr-defined]
        assert refused(door, token).code == "MSG-401"
    hand.at = NOW  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "more",
    [
        {"iss": "-"}, {"iss": "nobody"}, {"iss": "\ud800"}, {"iss": "x" * 500}, {"iss": OWNER_NODE}, {"aud": "-"}, {"aud": "x"},
        {"aud": [OWNER_NODE, "x"]}, {"aud": {"a": 1}}, {"aud": 7}, {"jti": "-"}, {"exp": "-"}, {"exp": "soon"}, {"exp": 1e300},
        {"exp": True}, {"exp": AT + 61}, {"exp": 10**30}, {"iat": "-"}, {"iat": "x"}, {"iat": AT + 0.5},
        {"iat": AT - 3600}, {"digest": "-"}, {"digest": 7}, {"digest": digest_bytes(b"x")},
        {"digest": "sha256:"}, {"digest": "md5:0"}, {"digest": "\ud800"},
    ],
    ids=lambda more: ascii(more)[:40],
)  # fmt: skip
def test_a_claim_that_is_wrong(door: Door, more: dict[str, Any]) -> None:
    if "\ud800" in more.values():
        content = f"{part({'alg': 'EdDSA', 'typ': 'JWT'})}.{part({**RIGHT, **more})}"
        signature = KEYS[BUYER_NODE]._key.sign(content.encode())
        token = f"Bearer {content}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"
    else:
        token = signed(**more)
    assert refused(door, token).code == "NET-401"


@pytest.mark.parametrize("jti", ["\ud800", "a\0b", "x" * 50_000, 7, [], {"a": []}, None, True, ""], ids=range(9))
def test_an_id_that_is_odd_is_taken_once_or_refused(door: Door, jti: Any) -> None:
    content = f"{part({'alg': 'EdDSA', 'typ': 'JWT'})}.{part({**RIGHT, 'jti': jti})}"
    signature = KEYS[BUYER_NODE]._key.sign(content.encode())
    token = f"Bearer {content}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"
    try:
        door.sender(token, BODY)
    except Refusal as first:
        assert first.code == "NET-401"
    else:
        assert refused(door, token).code == "MSG-401"


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def raw(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


HEADER = part({"alg": "EdDSA", "typ": "JWT"})
DEEP = "[" * 30_000 + "]" * 30_000
NO_TOKENS = [
    "", "Bearer", "Bearer ", "Basic x", "Bearer x", "Bearer ..", "Bearer a.b.c", "Bearer é.é.é", "Bearer \xff\xfe",
    f"Bearer {HEADER}.{raw(DEEP)}.x", f"Bearer {raw(DEEP)}.{part(RIGHT)}.x", f"Bearer {HEADER}.{raw('{') * 2}.x",
    f"Bearer {HEADER}.{raw('null')}.x", f"Bearer {HEADER}.{raw('[]')}.x", f"Bearer {HEADER}.{raw('9' * 5000)}.x",
    f"Bearer {part({'alg': 'none'})}.{part(RIGHT)}.", f"Bearer {part({'alg': 'HS256'})}.{part(RIGHT)}.eHg",
    f"Bearer {part({'alg': ['EdDSA']})}.{part(RIGHT)}.eHg", f"Bearer {part({'alg': 'EdDSA', 'crit': ['x'], 'x': 1})}.{part(RIGHT)}.eHg",
    f"Bearer {part({'alg': 'EdDSA', 'b64': False})}.{part(RIGHT)}.eHg", "Bearer " + "x" * 200_000,
]  # fmt: skip


@pytest.mark.parametrize("authorization", NO_TOKENS, ids=range(len(NO_TOKENS)))
def test_what_is_no_token_of_a_peer(door: Door, authorization: str) -> None:
    assert refused(door, authorization).code == "NET-401"


def test_a_token_under_another_key_or_for_another_body(door: Door) -> None:
    assert refused(door, signed(PrivateKey.new())).code == "NET-401"
    assert refused(door, signed(KEYS[OWNER_NODE])).code == "NET-401"
    assert refused(door, signed(), b'{"a":2}').code == "NET-401"


@pytest.mark.parametrize("state", ["suspended", "removed"])
def test_a_node_that_is_no_longer_active(door: Door, state: str) -> None:
    for now, code in ((state, "NET-401"), ("active", "")):
        with door.store.begin(NODE, "test") as tx:
            tx.change(register_rows.nodes, BUYER_NODE, state=now)
        if code:
            assert refused(door, signed()).code == code
