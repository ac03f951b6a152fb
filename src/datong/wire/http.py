"""One guarded way to other nodes: who may be called, how requests prove who sends them, how they are checked.

Outgoing: no redirects, sizes and times limited, loopback and private networks only where `peers.allow_private` says
so; names are resolved once, and the address that was checked is the one that is called. Each request carries a token
(JWT, EdDSA; iss, aud, exp within 60 s, jti, digest of the body). Incoming: the token is checked against the sender's
registered key; a recorded request cannot be played again. Must never know: what the messages say.
Contract: tests/wire/test_http.py.
"""

from __future__ import annotations

import ipaddress
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import httpcore
import httpx
from starlette.requests import Request

from datong.ground import codes, outbox, signing
from datong.ground.canonical import digest_bytes
from datong.ground.db import NODE, Actor, Store, new_id
from datong.ground.keys import TOKEN_SECONDS, PublicKey, token_claims, unverified_claims
from datong.ground.refusal import Kind, Reason, Refusal, Text
from datong.register import service as register

TIMEOUT_SECONDS = 20.0
MESSAGE_BYTES_MAX = 8 * 1024 * 1024
FILE_BYTES_MAX = 4 * 1024 * 1024 * 1024

NOT_REACHED = Reason(
    "NET-503",
    Kind.unavailable,
    Text("节点 {to} 未应答。", "Node {to} did not answer."),
    Text("{why}", "{why}"),
    Text(
        "系统会自动重试；请检查对方地址与网络。",
        "It is tried again by itself; check the peer's address and the network.",
    ),
)
ADDRESS_REFUSED = Reason(
    "NET-403",
    Kind.denied,
    Text("未连接地址 {address}。", "The address {address} was not called."),
    Text("{why}", "{why}"),
    Text(
        "若该对端确在内网，请将 peers.allow_private 设为 true。",
        "If the peer really lives in a private network, set peers.allow_private to true.",
    ),
)
TOO_LARGE = Reason(
    "NET-413",
    Kind.invalid,
    Text("消息未被接受。", "The message was not accepted."),
    Text("大小超过 {limit} 字节。", "It is larger than {limit} bytes."),
    Text("请拆分消息，或改用数据交付。", "Split the message, or deliver the content as data."),
)
NOT_AUTHENTIC = Reason(
    "NET-401",
    Kind.denied,
    Text("请求未被接受。", "The request was not accepted."),
    Text("无法确认其发送方：{why}。", "Its sender could not be established: {why}."),
    Text("请以登记的节点密钥签发令牌后重试。", "Issue a token with the key registered for your node and try again."),
)
PEER_REFUSED = Reason(
    "NET-422",
    Kind.conflict,
    Text("节点 {to} 拒绝了消息 {type}。", "Node {to} refused the message {type}."),
    Text("对方答复：{answer}", "It answered: {answer}"),
    Text("请按对方答复处理后重新提交。", "Mend what the answer names and submit it again."),
)

STATUS = {Kind.invalid: 400, Kind.denied: 403, Kind.unknown: 404, Kind.conflict: 409, Kind.unavailable: 503}
"""Kind of refusal -> HTTP status, for all of Datong's own JSON."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body or b"null")


class Client:
    """The guarded client of one node. Thread-safe; `close` at the end."""

    def __init__(self, store: Store, *, allow_private: bool) -> None:
        self.store, self.allow_private = store, allow_private
        limits = httpx.Limits(max_keepalive_connections=8, keepalive_expiry=30)
        way = httpx.HTTPTransport(limits=limits, trust_env=False)
        if not allow_private:
            way._pool._network_backend = _PublicOnly()  # httpx has no public door to it
        self._http = httpx.Client(timeout=TIMEOUT_SECONDS, follow_redirects=False, transport=way, trust_env=False)

    def close(self) -> None:
        self._http.close()

    def post(self, to: str, url: str, body: Mapping[str, Any]) -> Answer:
        """POST `body` as JSON with a token for the node `to` (its code, or its address before it has one)."""
        data = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        with self.store.read() as tx:
            mine, key = signing.me(tx), signing.node_key(tx)
            claims = {"iss": mine.code or mine.party, "aud": to, "jti": new_id("jti"), "digest": digest_bytes(data)}
            token = key.token(claims, tx.wall_now)
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        return self.request("POST", url, content=data, headers=headers)

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        return self.request("GET", url, headers=headers)

    def request(
        self,
        method: str,
        url: str,
        *,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        bytes_max: int = MESSAGE_BYTES_MAX,
    ) -> Answer:
        """One request; NET-503 when there is no answer, NET-403 for an address that may not be called."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ADDRESS_REFUSED(address=_origin(url), why="It is no http or https address.")
        try:
            with self._http.stream(method, url, content=content, headers=dict(headers or {})) as response:
                body = bytearray()
                for chunk in response.iter_bytes():
                    body += chunk
                    if len(body) > bytes_max:
                        raise TOO_LARGE(limit=bytes_max)
                return Answer(response.status_code, dict(response.headers), bytes(body))
        except httpx.HTTPError as broken:
            raise NOT_REACHED(to=_origin(url), why=f"{type(broken).__name__}") from broken


class _PublicOnly(httpcore.SyncBackend):
    """Connections to public addresses only. TLS still proves the name: it is started above, with the host."""

    def connect_tcp(self, host: str, port: int, *rest: Any, **options: Any) -> httpcore.NetworkStream:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as broken:
            raise NOT_REACHED(to=host, why="Its name has no address.") from broken
        addresses = list(dict.fromkeys(str(address[0]) for *_rest, address in found))
        if not all(ipaddress.ip_address(address.partition("%")[0]).is_global for address in addresses):
            raise ADDRESS_REFUSED(address=host, why="It is not a public address.")
        for address in addresses[:-1]:
            try:
                return super().connect_tcp(address, port, *rest, **options)
            except httpcore.ConnectError:
                continue
        return super().connect_tcp(addresses[-1], port, *rest, **options)


async def limited_body(request: Request, bytes_max: int = MESSAGE_BYTES_MAX) -> bytes:
    """The body of `request`, or its first bytes_max + 1 bytes, which no message needs and no check passes."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > bytes_max:
            del body[bytes_max + 1 :]
            break
    return bytes(body)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def peer_key(client: Client | None, store: Store, code: str, function_node: tuple[str, str]) -> dict[str, Any]:
    """The directory record of the node `code`, fetched from the function node when not known here yet."""
    with store.read() as tx:
        try:
            return register.node(tx, code)
        except Refusal:
            pass
    address, key = function_node
    if client is None or not address or codes.node_code_fault(code) is not None:
        raise NOT_AUTHENTIC(why="an unknown node")
    answer = client.get(f"{address}/node/directory/{code}")
    if answer.status != 200:
        raise NOT_AUTHENTIC(why="a node the function node does not know")
    with store.begin(NODE, "register") as tx:
        register.learn_node(tx, record=answer.json(), function_key=key)
        return register.node(tx, code)


@dataclass(frozen=True)
class Door:
    """Checks who sends a request to this node. `function_node` = (address, public key), empty on that node."""

    store: Store
    client: Client | None
    function_node: tuple[str, str]

    def sender(self, authorization: str, body: bytes) -> Actor:
        """The peer that sent `body`; a denied refusal NET-401 otherwise. Remembers the token (no replay)."""
        if len(body) > MESSAGE_BYTES_MAX:
            raise TOO_LARGE(limit=MESSAGE_BYTES_MAX)
        token = bearer(authorization)
        try:
            code = str(unverified_claims(token)["iss"])
        except (ValueError, KeyError) as broken:
            raise NOT_AUTHENTIC(why="no valid token") from broken
        peer = peer_key(self.client, self.store, code, self.function_node)
        if peer["state"] != "active":
            raise NOT_AUTHENTIC(why=f"the node is {peer['state']}")
        self.check(token, PublicKey(peer["public_key"]), body)
        return Actor(person="", role="peer", party=peer["party"], department=code)

    def check(self, token: str, key: PublicKey, body: bytes) -> dict[str, Any]:
        """The claims of `token` under `key` for this node and this body, remembered so that it works once."""
        with self.store.read() as tx:
            mine = signing.me(tx)
            now = tx.wall_now
        audiences = [name for name in (mine.code, mine.address) if name]
        claims: dict[str, Any] = {}
        failure = "it is not meant for this node"
        for audience in audiences:
            try:
                claims = token_claims(token, key, audience, now)
                break
            except ValueError as broken:
                failure = str(broken)
        if not claims:
            raise NOT_AUTHENTIC(why=failure)
        if claims.get("digest") != digest_bytes(body):
            raise NOT_AUTHENTIC(why="the body is not the one that was signed")
        with self.store.begin(NODE, "inbox") as tx:
            outbox.fresh_token(tx, str(claims["jti"]), tx.wall_now + timedelta(seconds=TOKEN_SECONDS * 2))
        return claims


def bearer(authorization: str) -> str:
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
