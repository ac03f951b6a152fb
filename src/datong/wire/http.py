"""One guarded way to other nodes: who may be called, how requests prove who sends them, how they are checked.

Outgoing: no redirects, no cookies, sizes and the whole time limited, loopback and private networks only where
`peers.allow_private` says so, link-local and metadata addresses never; names are resolved once, and the address that
was checked is the one that is called.
Each request carries a token (JWT; iss, aud, exp within 60 s, jti, digest of the body). Incoming: the token is checked
against the sender's registered key; a recorded request cannot be played again; bodies are counted as they
come. The connections are those of ground.guard. Must never know: what the messages say.
Contract: tests/wire/test_http.py, tests/web/test_limits.py.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

import httpx
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from datong.ground import codes, guard, outbox, signing
from datong.ground.canonical import digest_bytes, is_digest_of_bytes
from datong.ground.crypto import hashing
from datong.ground.crypto.profile import require_accepted
from datong.ground.db import NODE, Actor, Store, new_id
from datong.ground.keys import TOKEN_SECONDS, OutOfTime, PublicKey, token_claims, unverified_claims
from datong.ground.refusal import Kind, Reason, Refusal, Text, unless_unknown
from datong.register import service as register

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 20.0
TOTAL_SECONDS = 120.0
"""For a whole request: a peer that sends a byte now and then would hold a worker for ever."""
UNTRUSTED = "certificate not trusted (SSL_CERT_FILE of this node's environment names the authorities it trusts)"
MESSAGE_BYTES_MAX = 8 * 1024 * 1024
FORM_BYTES_MAX = 1024 * 1024
STILL_SECONDS = 2.0
"""How often it is asked whether a file that is being read may be read on."""
CODE_MAX = 40
UNKNOWN_SECONDS, UNKNOWN_MAX = 30.0, 100

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
OTHER_CLOCK = Reason(
    "NET-425",
    Kind.unavailable,
    Text("请求暂不能处理。", "The request cannot be taken now."),
    Text("其令牌按本节点时钟{seconds} 秒前签发，不在有效期内：两节点时钟不一致。",
         "By this node's clock its token was issued {seconds} s ago, and is not in its time: the two clocks differ."),
    Text("请双方校准时钟；系统会以新令牌自动重试。",
         "Set both clocks right; it is tried again by itself, with a new token."),
)  # fmt: skip
NOT_YET = Reason(
    "NET-504",
    Kind.unavailable,
    Text("请求暂不能处理。", "The request cannot be taken yet."),
    Text(
        "它发往一个节点代码，而本节点尚未收到自己的代码。",
        "It is addressed to a node's code, and this node has not heard its own yet.",
    ),
    Text("系统会自动重试。", "It is tried again by itself."),
)
PEER_REFUSED = Reason(
    "NET-422",
    Kind.conflict,
    Text("节点 {to} 拒绝了消息 {type}。", "Node {to} refused the message {type}."),
    Text("对方答复：{answer}", "It answered: {answer}"),
    Text("请按对方答复处理后重新提交。", "Mend what the answer names and submit it again."),
)
PEER_STUMBLED = Reason(
    "GND-520",
    Kind.unavailable,
    Text("节点 {to} 尚未接受消息 {type}。", "Node {to} has not taken the message {type} yet."),
    Text("对方答复（{status}）：{answer}", "It answered ({status}): {answer}"),
    Text("系统会自动重试；长时间如此请联系对方运维人员。",
         "It is tried again by itself; if that lasts, speak to the operator of that node."),
)  # fmt: skip
OTHER_MAKE = Reason(
    "NET-411",
    Kind.conflict,
    Text("消息 {type} 未发给 {to}。", "The message {type} was not sent to {to}."),
    Text("对方为异构连接器（{make}），不接收节点间消息。",
         "It is a connector of another make ({make}), which takes no messages between nodes."),
    Text("请以其他方式告知该主体。", "Tell its party by other means."),
)  # fmt: skip
PEER_GONE = Reason(
    "NET-410",
    Kind.conflict,
    Text("消息 {type} 未送达节点 {to}。", "The message {type} did not reach node {to}."),
    Text(
        "该节点的成员资格已被撤销，且不再应答。", "That node's membership was revoked, and it does not answer any more."
    ),
    Text(
        "不再重试；如有需要，请与该主体直接联系。",
        "It is not tried again; speak to its party where something is still due.",
    ),
)

NOT_CALLED = {
    False: "It is not a public address.",
    True: "It is a link-local, multicast or metadata address, which no setting opens.",
}
"""peers.allow_private -> why an address was not called."""

AGAIN = frozenset({408, 425, 429})

STATUS = {Kind.invalid: 400, Kind.denied: 403, Kind.unknown: 404, Kind.conflict: 409, Kind.unavailable: 503}
"""Kind of refusal -> HTTP status, for all of Datong's own JSON."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body or b"null")


def is_for_now(status: int) -> bool:
    """Whether an answer is none yet, so that the same request is worth another try: a fault of who gives it, or its
    wish to be asked later."""
    return status >= 500 or status in AGAIN


class NotTaken(Exception):
    """A counterparty, or our own guard, will not take a message: trying again would change nothing."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


@contextmanager
def not_taken_if_refused() -> Iterator[None]:
    """What is refused within it, unless it may pass by itself, is NotTaken."""
    try:
        yield
    except Refusal as refusal:
        if refusal.kind is Kind.unavailable:
            raise
        raise NotTaken(refusal.code, str(refusal)) from refusal


class Client:
    """The guarded client of one node. Thread-safe; `close` at the end."""

    def __init__(self, store: Store, *, allow_private: bool) -> None:
        self.store, self.allow_private, self.unknown = store, allow_private, Unknown()
        limits = httpx.Limits(max_keepalive_connections=8, keepalive_expiry=30)
        self._deadline = guard.Deadline()
        way = guard.transport(self._deadline, guard.is_somewhere if allow_private else guard.is_public, limits)
        self._http = httpx.Client(
            timeout=TIMEOUT_SECONDS, follow_redirects=False, transport=way, trust_env=False,
            headers={"accept-encoding": "identity"}, cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        )  # fmt: skip

    def close(self) -> None:
        self._http.close()

    def post(self, to: str, url: str, body: Mapping[str, Any]) -> Answer:
        """POST `body` as JSON with a token for the node `to` (its code, or its address before it has one)."""
        data = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        mine, key = signing.of(self.store)
        claims = {"iss": mine.code or mine.party, "aud": to, "jti": new_id("jti"), "digest": digest_bytes(data)}
        token = key.token(claims, self.store.wall_clock())
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        return self.request("POST", url, content=data, headers=headers)

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        return self.request("GET", url, headers=headers)

    def request(
        self,
        method: str,
        url: str,
        *,
        content: bytes | Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        bytes_max: int = MESSAGE_BYTES_MAX,
        seconds: float = TOTAL_SECONDS,
        into: BinaryIO | None = None,
    ) -> Answer:
        """One request; NET-503 when there is no answer, NET-403 for an address that may not be called.

        into: a file opened for writing that takes the body of a 2xx answer, which is then not in the Answer.
        """
        if not _is_web_address(url):
            raise ADDRESS_REFUSED(address=_origin(url), why="It is no http or https address.")
        self._deadline.begin(seconds)
        try:
            with self._http.stream(method, url, content=content, headers=dict(headers or {})) as response:
                body, size, kept = bytearray(), 0, into is not None and response.is_success
                for chunk in response.iter_raw():  # as it came: a packed answer could unfold to any size
                    size += len(chunk)
                    if size > bytes_max:
                        raise TOO_LARGE(limit=bytes_max)
                    if kept and into is not None:
                        into.write(chunk)
                    else:
                        body += chunk
                return Answer(response.status_code, dict(response.headers), bytes(body))
        except guard.AddressNotAllowed as broken:
            raise ADDRESS_REFUSED(address=broken.host, why=NOT_CALLED[self.allow_private]) from broken
        except guard.NoAddress as broken:
            raise NOT_REACHED(to=broken.host, why="Its name has no address.") from broken
        except (httpx.InvalidURL, UnicodeError) as broken:  # a host whose labels are empty, too long or no IDNA
            raise ADDRESS_REFUSED(address=_origin(url), why="It is no http or https address.") from broken
        except httpx.HTTPError as broken:
            why = f"{UNTRUSTED}: {told}" if (told := guard.distrust(broken)) else type(broken).__name__
            raise NOT_REACHED(to=_origin(url), why=why) from broken


def _told(_request: Request, refused: Refusal, status: int) -> Response:
    return JSONResponse({"error": refused.as_json()}, status)


class Limited:
    """An application that gets at most bytes_max of a body, whoever sends it; a longer one is answered 413 by `say`."""

    def __init__(
        self, app: ASGIApp, bytes_max: int = MESSAGE_BYTES_MAX,
        say: Callable[[Request, Refusal, int], Response] = _told,
    ) -> None:  # fmt: skip
        self.app, self.bytes_max, self.say = app, bytes_max, say

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        count, begun = 0, False

        async def counted() -> Message:
            nonlocal count
            message = await receive()
            count += len(message.get("body", b""))
            if count > self.bytes_max:
                raise _TooLong
            return message

        async def answered(message: Message) -> None:
            nonlocal begun
            if begun or count <= self.bytes_max:  # what the application makes of a torn body is not told
                begun = True
                await send(message)

        try:
            await self.app(scope, counted, answered)
        except Exception:
            if count <= self.bytes_max:
                raise
        if count > self.bytes_max and not begun:
            answer = await run_in_threadpool(self.say, Request(scope), TOO_LARGE(limit=self.bytes_max), 413)
            await answer(scope, receive, send)


class _TooLong(Exception):
    """Ends the reading of a body inside an application."""


def file_headers(digest: str) -> dict[str, str]:
    """What is said of a file beside its size."""
    return {"etag": f'"{hashing.without_label(digest)}"', "cache-control": "private, no-store"}


class CountedFile(FileResponse):
    """A file with HEAD and Range, whose sent bytes are counted: before its last piece goes out, or as far as it came
    when its reader goes away before. `still` is asked while it is read, and its refusal breaks the answer off."""

    def __init__(
        self, path: Path, digest: str, count: Callable[[int], None], still: Callable[[], object],
        media_type: str = "application/octet-stream",
    ) -> None:  # fmt: skip
        super().__init__(path, media_type=media_type, headers=file_headers(digest))
        self.count, self.still = count, still

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sent, told, asked = 0, 0, time.monotonic()

        async def count() -> None:
            nonlocal told
            if sent > told:
                await run_in_threadpool(self.count, sent - told)
                told = sent

        async def counted(message: Message) -> None:
            nonlocal sent, asked
            if message["type"] == "http.response.body":
                if time.monotonic() - asked >= STILL_SECONDS:
                    await run_in_threadpool(self.still)
                    asked = time.monotonic()
                sent += len(message.get("body", b""))
                if not message.get("more_body", False):
                    await count()
            await send(message)

        try:
            await super().__call__(scope, receive, counted)
        except Refusal as refusal:  # the headers are out: all that can be said is the end of the connection
            log.info("a file was broken off after %s bytes: %s", sent, refusal.code)
        finally:
            await count()


async def limited_body(request: Request, bytes_max: int = MESSAGE_BYTES_MAX) -> bytes:
    """The body of `request`, or its first bytes_max + 1 bytes, which no message needs and no check passes."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > bytes_max:
            del body[bytes_max + 1 :]
            break
    return bytes(body)


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        url.encode()
        port = parts.port
    except ValueError:  # brackets without an IPv6 address in them, a port beyond 65535, halves of surrogate pairs
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and port != 0


def _origin(url: str) -> str:
    """Scheme and host of an address as far as it has them, without what stands before the host (it may be a secret)."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "?"
    host = parts.netloc.rpartition("@")[2].encode("utf-8", "replace").decode()
    return f"{parts.scheme}://{host}"[:200]


def peer_key(client: Client | None, store: Store, code: str, function_node: tuple[str, str]) -> dict[str, Any]:
    """The directory record of the node `code`, fetched from the function node when not known here yet."""
    if not (code.isascii() and code.isprintable() and len(code) <= CODE_MAX):  # the check sign may be "*"
        raise NOT_AUTHENTIC(why="an unknown node")
    with store.read() as tx:
        if (known := unless_unknown(lambda: register.node(tx, code))) is not None:
            return known
    address, key = function_node
    if client is None or not address or codes.node_code_fault(code) is not None:
        raise NOT_AUTHENTIC(why="an unknown node")
    if client.unknown.has(code):
        raise NOT_AUTHENTIC(why="a node the function node does not know")
    if client.unknown.full:
        raise NOT_REACHED(to=code, why="Too many unknown nodes were looked up just now.")
    answer = client.get(f"{address}/node/directory/{code}")
    if answer.status != 200:
        client.unknown.add(code)
        raise NOT_AUTHENTIC(why="a node the function node does not know")
    with store.begin(NODE, "register") as tx:
        register.learn_node(tx, record=answer.json(), function_key=key)
        return register.node(tx, code)


class Unknown:
    """Names nobody could place a moment ago: node codes the function node did not know, DIDs without a document.
    Anybody can make them up, and each would be a question to another node: the same one is not asked again soon, and
    while it is full none is."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}
        self._lock = threading.Lock()

    def has(self, code: str) -> bool:
        return self._until.get(code, 0.0) > time.monotonic()

    @property
    def full(self) -> bool:
        with self._lock:
            now = time.monotonic()
            self._until = {code: until for code, until in self._until.items() if until > now}
            return len(self._until) >= UNKNOWN_MAX

    def add(self, code: str) -> None:
        with self._lock:
            self._until[code] = time.monotonic() + UNKNOWN_SECONDS


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
        if not peer["public_key"]:
            raise NOT_AUTHENTIC(why="a connector of another make proves itself by credentials only")
        self.check(token, PublicKey(peer["public_key"]), body)
        return Actor(person="", role="peer", party=peer["party"], department=code)

    def check(self, token: str, key: PublicKey, body: bytes) -> dict[str, Any]:
        """The claims of `token` under `key` for this node and this body, remembered so that it works once. A right one
        at a wrong time is OTHER_CLOCK, which the sender tries again.

        GND-403 when the key is of a crypto profile that this node does not accept.
        """
        require_accepted(key.text)
        mine, _ = signing.of(self.store)
        now = self.store.wall_clock()
        late: OutOfTime | None = None
        try:
            audience = str(unverified_claims(token).get("aud"))
            claims = token_claims(token, key, audience, now)
        except OutOfTime as found:
            late, claims = found, found.claims
        except ValueError as broken:
            raise NOT_AUTHENTIC(why=str(broken)) from broken
        if audience not in {mine.code, mine.address} - {""}:
            # its admission travels to its address, in another lane than messages to its code: they may overtake it
            raise NOT_AUTHENTIC(why="it is not meant for this node") if mine.code else NOT_YET()
        if not is_digest_of_bytes(claims.get("digest"), body):
            raise NOT_AUTHENTIC(why="the body is not the one that was signed")
        if late is not None:  # its sender's, for us and of this body: no reason to end what it belongs to
            raise OTHER_CLOCK(seconds=late.age_seconds)
        # not flushed alone: what the message does is flushed after it, or was not done
        with self.store.begin(NODE, "inbox", flushed=False) as tx:
            outbox.fresh_token(tx, str(claims["jti"]), tx.wall_now + timedelta(seconds=TOKEN_SECONDS * 2))
        return claims


def bearer(authorization: str) -> str:
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
