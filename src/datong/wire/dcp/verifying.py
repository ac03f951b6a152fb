"""Who sends a request, from its self-issued ID token to its membership credential; our own requests as such a sender.

    sender      token -> DID -> document -> signature, receiver, time, first use -> presentation -> credential -> member
    post        a message with a token of ours, which also lets its receiver ask our credential service

What was proven of a member is believed for a while (peers.believed_seconds), and so is a document. Everything
is fetched by the guarded client; a DID whose document cannot be had is not looked for again for a while.
Must never know: what the messages say. Contract: tests/wire/dcp/test_dcp_nodes.py.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from datong.ground import identity, outbox, signing
from datong.ground.db import NODE, Actor, Store, Tx, new_id
from datong.ground.refusal import Refusal
from datong.register import service as register
from datong.wire import http
from datong.wire.dcp import credentials, did, tokens
from datong.wire.dcp.credentials import MEMBERSHIP, Credential
from datong.wire.dcp.did import DCP_CONTEXT, Document

CACHE_SECONDS = 60.0
"""For how long a document is at hand; one by which a signature does not hold is fetched anew at once."""
RENEW_SECONDS = 5.0
"""How long it is not fetched anew again: anybody can send what does not hold, in the name of whom we know."""
CACHE_MAX = 10_000
DOCUMENT_BYTES_MAX = 256 * 1024
LIST_BYTES_MAX = 4 * 1024 * 1024
SECONDS = 20.0
"""For one document, presentation or list."""
STRANGERS_MAX = 8
SCOPE = f"org.eclipse.dspace.dcp.vc.type:{MEMBERSHIP}:read"
ACCESS = "datong-dcp-access"

Peer = Callable[[str], Mapping[str, Any]]
"""Node code -> its directory record, fetched from the function node when it is not known; a refusal otherwise."""


class Kept:
    """A few answers, each for a while."""

    def __init__(self, seconds: float = CACHE_SECONDS) -> None:
        self.seconds = seconds
        self._kept: dict[str, tuple[float, Any]] = {}
        self._lock = threading.Lock()

    def get(self, name: str) -> Any:
        until, value = self._kept.get(name, (0.0, None))
        return value if until > time.monotonic() else None

    def put(self, name: str, value: Any) -> Any:
        with self._lock:
            if len(self._kept) >= CACHE_MAX:
                self._kept.clear()
            self._kept[name] = (time.monotonic() + self.seconds, value)
        return value

    def drop(self, name: str) -> None:
        with self._lock:
            self._kept.pop(name, None)


@dataclass
class Verifier:
    """One node among holders of membership credentials. issuers: DIDs whose credentials are believed."""

    store: Store
    client: http.Client
    peer: Peer
    issuers: Sequence[str]
    documents: Kept = field(default_factory=Kept)
    members: Kept = field(default_factory=Kept)
    lists: Kept = field(default_factory=Kept)
    schemas: Kept = field(default_factory=Kept)
    renewed: Kept = field(default_factory=lambda: Kept(RENEW_SECONDS))
    unreached: http.Unknown = field(default_factory=http.Unknown)
    """DIDs whose document could not be had a moment ago: anybody can make DIDs up, and each would be a call of ours."""
    strangers: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(STRANGERS_MAX))
    """How many senders outside the directory are looked up at a time: their hosts may be as slow as they like, and each
    holds a thread of this node meanwhile."""

    @property
    def scheme(self) -> str:
        return "http" if self.client.allow_private else "https"

    # --- their requests ---------------------------------------------------------------------------------------

    def sender(self, authorization: str) -> Actor:
        """The member that sends a request; a denied refusal NET-401 otherwise. Remembers the token (no replay)."""
        token = http.bearer(authorization)
        try:
            who = tokens.sender_of(token)
            if self.members.get(who) is not None or self._codes_of(who):
                code = self._proven(token, who)
            elif self.strangers.acquire(blocking=False):
                try:
                    code = self._proven(token, who)
                except (ValueError, Refusal):
                    self.documents.drop(who)  # thousands of strangers' documents would fill the memory
                    raise
                finally:
                    self.strangers.release()
            else:
                raise http.NOT_REACHED(to=who[:80], why="Too many unknown senders are looked up just now.")
        except ValueError as broken:
            raise http.NOT_AUTHENTIC(why=str(broken)) from broken
        node = self.peer(code)
        if node["state"] != "active":
            raise http.NOT_AUTHENTIC(why=f"the node is {node['state']}")
        return Actor(person="", role="peer", party=str(node["party"]), department=code)

    def _proven(self, token: str, who: str) -> str:
        """The code of the node that sends `token` as `who`; ValueError when it does not hold."""
        self._look_at(who)
        access = self.claims(token, who).get("token")
        if not (isinstance(access, str) and access):
            raise ValueError("it bears no access token, by which its credentials could be asked for")
        code = self.members.get(who)
        return str(self.members.put(who, self._member(who, access)) if code is None else code)

    def _look_at(self, who: str) -> None:
        """Have the document of a sender; one that could not be had is not asked for again soon."""
        if self.documents.get(who) is not None or self.members.get(who) is not None:
            return
        if self.unreached.has(who):
            raise ValueError("its document could not be had a moment ago")
        if self.unreached.full:
            raise http.NOT_REACHED(to=who[:80], why="Too many unknown documents were looked up just now.")
        try:
            self.document(who)
        except ValueError:
            self.unreached.add(who)
            raise

    def claims(self, token: str, who: str) -> dict[str, Any]:
        """The claims of an ID token of `who` for this node, used for the first time."""
        with self.store.read() as tx:
            mine, now = did.did_of(signing.me(tx).address), tx.wall_now
        claims = self._with_document(who, lambda found: tokens.id_claims(token, found, audience=mine, now=now))
        with self.store.begin(NODE, "inbox") as tx:
            until = now + timedelta(seconds=tokens.AHEAD_SECONDS + 2 * tokens.LEEWAY_SECONDS)
            outbox.fresh_token(tx, f"{who} {claims['jti']}", until)
        return claims

    def _with_document(self, who: str, ask: Callable[[Document], dict[str, Any]]) -> dict[str, Any]:
        """Ask a document; once more of a new copy when the one at hand says no, as keys change."""
        at_hand = self.documents.get(who)
        if at_hand is None:
            return ask(self._read(who))
        try:
            return ask(at_hand)
        except ValueError:
            if self.renewed.get(who) is not None:
                raise
            self.renewed.put(who, True)
        return ask(self._read(who))

    def document(self, who: str) -> Document:
        """The DID document of `who`; ValueError when there is none."""
        at_hand = self.documents.get(who)
        return at_hand if at_hand is not None else self._read(who)

    def _read(self, who: str) -> Document:
        value = self._fetched(did.document_url(who, self.scheme), DOCUMENT_BYTES_MAX)
        return self.documents.put(who, did.read(_json(value), who))  # type: ignore[no-any-return]

    def _member(self, who: str, access: str) -> str:
        """The code of the node whose DID is `who`, proven by a membership credential it presents.

        A credential of another issuer than a function node of ours names no node: its holder is one of the directory.
        """
        proven = self.membership(who, access)
        code = proven.subject.get("nodeCode")
        if code is None:
            return self._code_of(who)
        if not isinstance(code, str):
            raise ValueError("its membership credential names no node")
        if did_of_record(self.peer(code)) != who:
            raise ValueError("its membership credential is of a node with another DID")
        return code

    def _code_of(self, who: str) -> str:
        known = self._codes_of(who)
        if len(known) != 1:
            raise ValueError("its membership credential names no node, and no one node has its DID")
        return known[0]

    def _codes_of(self, who: str) -> list[str]:
        """The nodes of the directory, as far as it is known here, that have this DID."""
        with self.store.read() as tx:
            return [str(node["code"]) for node in register.known_nodes(tx) if did_of_record(node) == who]

    def membership(self, who: str, access: str) -> Credential:
        """The membership credential `who` presents when it is asked, proven, in time and not revoked."""
        service = self.document(who).services.get(did.CREDENTIAL_SERVICE)
        if service is None:
            raise ValueError("its document names no credential service")
        with self.store.read() as tx:
            mine, now = did.did_of(signing.me(tx).address), tx.wall_now
        query = {"@context": [DCP_CONTEXT], "type": "PresentationQueryMessage", "scope": [SCOPE]}
        body = self._asked(service.rstrip("/") + "/presentations/query", query, who, access)
        answer = _json(body)
        texts = answer.get("presentation") if isinstance(answer, Mapping) else None
        if not isinstance(texts, list) or not 1 <= len(texts) <= credentials.CREDENTIALS_MAX:
            raise ValueError("it presents no credential")

        def documents(name: str) -> Document:  # of nobody else: a presentation may name hundreds of issuers
            if name != who and name not in self.issuers:
                raise ValueError("its issuer is not believed here")
            return self.document(name)

        faults = []
        for text in texts:
            try:
                for each in credentials.presented(text, documents, holder=who, audience=mine, now=now):
                    self._holds(each, now)
                    return each
            except ValueError as broken:
                faults.append(str(broken))
        raise ValueError(f"its presentation does not hold: {faults[0]}")

    def _holds(self, proven: Credential, now: datetime) -> None:
        if MEMBERSHIP not in proven.types:
            raise ValueError("it is no membership credential")
        if proven.issuer not in self.issuers:
            raise ValueError("its issuer is not believed here")
        for schema in proven.schemas:
            given = self.schemas.get(schema.at)
            if given is None:
                given = self.schemas.put(schema.at, _json(self._fetched(schema.at, DOCUMENT_BYTES_MAX)))
            credentials.follow(schema, given)
        for status in proven.status:
            text = self.lists.get(status.at)
            if text is None:
                text = self.lists.put(status.at, self._fetched(status.at, LIST_BYTES_MAX).decode("ascii", "replace"))
            if credentials.is_set(status, text, proven.issuer, self.document, now=now):
                raise ValueError("it was revoked or suspended")

    # --- our requests -------------------------------------------------------------------------------------------

    def post(self, to: str, url: str, body: Mapping[str, Any]) -> http.Answer:
        """POST `body` as JSON with a token for the node `to`, by which it may ask for our membership credential."""
        audience = did_of_record(self.peer(to))
        with self.store.read() as tx:
            token = own_token(tx, audience, access=access_for(tx, audience))
        return self._sent(url, body, token)

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> http.Answer:
        return self.client.get(url, headers)

    def deliver(self, holder: str, message: Mapping[str, Any]) -> http.Answer:
        """POST a CredentialMessage to the credential service of `holder` (a DID); ValueError when it has none."""
        service = self.document(holder).services.get(did.CREDENTIAL_SERVICE)
        if service is None:
            raise ValueError("its document names no credential service")
        with self.store.read() as tx:
            token = own_token(tx, holder)
        return self._sent(service.rstrip("/") + "/credentials", message, token)

    def _asked(self, url: str, query: Mapping[str, Any], audience: str, access: str) -> bytes:
        with self.store.read() as tx:
            token = own_token(tx, audience, access=access)
        answer = self._sent(url, query, token, DOCUMENT_BYTES_MAX, SECONDS)
        if not 200 <= answer.status < 300:
            raise ValueError(f"its credential service answers {answer.status}")
        return answer.body

    def _sent(
        self, url: str, body: Mapping[str, Any], token: str, bytes_max: int = http.MESSAGE_BYTES_MAX,
        seconds: float = http.TOTAL_SECONDS,
    ) -> http.Answer:  # fmt: skip
        data = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        return self.client.request("POST", url, content=data, headers=headers, bytes_max=bytes_max, seconds=seconds)

    def _fetched(self, url: str, bytes_max: int) -> bytes:
        try:
            answer = self.client.request("GET", url, bytes_max=bytes_max, seconds=SECONDS)
        except Refusal as refusal:
            raise ValueError(f"what it names cannot be fetched ({refusal.code})") from refusal
        if answer.status != 200:
            raise ValueError(f"what it names cannot be fetched ({answer.status})")
        return answer.body


def did_of_record(node: Mapping[str, Any]) -> str:
    """The DID of a node of the directory: of its address, but the one entered for a connector of another make."""
    return str(node["did"] or did.did_of(str(node["address"])))


def did_of_node(tx: Tx, code: str) -> str:
    """The DID of this node or of one in its directory, by node code."""
    mine = signing.me(tx)
    return did.did_of(mine.address) if code == mine.code else did_of_record(register.node(tx, code))


def own_token(tx: Tx, audience: str, *, access: str = "") -> str:
    """A self-issued ID token of this node for `audience` (a DID)."""
    mine, key = did.did_of(signing.me(tx).address), identity.ring(tx).current()
    return tokens.id_token(mine, key, audience=audience, jti=new_id("jti"), now=tx.wall_now, access=access)


def access_for(tx: Tx, who: str, scope: str = SCOPE) -> str:
    """What `who` may show our credential service to see the credentials of `scope` (several by space), for as long as
    a token lives."""
    mine, key = did.did_of(signing.me(tx).address), identity.ring(tx).current()
    at = int(tx.wall_now.timestamp())
    claims = {"iss": mine, "aud": ACCESS, "sub": who, "scope": scope, "iat": at, "exp": at + tokens.TOKEN_SECONDS}
    return key.jwt(claims, did.key_id(mine, key), "at+jwt")


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as broken:
        raise ValueError("what it names is no JSON") from broken
