"""Version metadata: what this node says it speaks, and where a counterparty's protocol lives."""

from __future__ import annotations

from typing import Any, Protocol

from datong.ground import clock, signing
from datong.ground.db import NODE, Store, Tx
from datong.ground.refusal import Kind, Reason, Text
from datong.negotiate import service as negotiate
from datong.register import service as register
from datong.wire.dsp.messages import VERSION, answered, problems
from datong.wire.dsp.participants import BY_CODE, Participants
from datong.wire.http import is_for_now

PATH = "/dsp/2025-1"
WELL_KNOWN = "/.well-known/dspace-version"
SIGNS = "datongSignatures"
LEARNED_SECONDS = 3600
"""How long a peer's version document is believed before it is read again."""

NO_COMMON_VERSION = Reason(
    "DSP-505",
    Kind.conflict,
    Text("未能与节点 {node} 通信。", "The node {node} cannot be spoken to."),
    Text("其版本文件不含数据空间协议 2025-1。", "Its version document names no Dataspace Protocol 2025-1."),
    Text("请对方升级其连接器。", "Ask the peer to upgrade its connector."),
)
NOT_ANSWERED = Reason(
    "DSP-503",
    Kind.unavailable,
    Text("节点 {node} 未能处理消息。", "The node {node} did not process the message."),
    Text("对方答复 {status}。", "It answered {status}."),
    Text("系统会自动重试。", "It is tried again by itself."),
)


class Answer(Protocol):
    """What a counterparty answered."""

    @property
    def status(self) -> int: ...
    @property
    def body(self) -> bytes: ...


class Caller(Protocol):
    """The guarded client of `wire.http`, as far as it is used here."""

    def post(self, to: str, url: str, body: dict[str, Any]) -> Any: ...
    def get(self, url: str) -> Any: ...


def document(tx: Tx, participants: Participants = BY_CODE) -> dict[str, Any]:
    """The version document of this node: an entry for each way in which its peers may be called."""
    common = {"version": VERSION, "path": PATH, "binding": "HTTPS", "serviceId": signing.me(tx).code, SIGNS: True}
    return {
        "protocolVersions": [
            {**common, "identifierType": kind, **({"auth": dict(auth)} if auth else {})}
            for kind, auth in participants.kinds.items()
        ]
    }


def own_base(tx: Tx) -> str:
    """The base address counterparties reach us at."""
    return signing.me(tx).address.rstrip("/") + PATH


def known_base(tx: Tx, node: str) -> str | None:
    """The DSP base of a peer whose version document was read within the hour."""
    known = negotiate.peer(tx, node)
    if known is None or (tx.wall_now - clock.instant(known["learned_at"])).total_seconds() >= LEARNED_SECONDS:
        return None
    return str(known["base"])


def base_of(store: Store, caller: Caller, node: str) -> str:
    """The DSP base of a peer, from its version document, read at most once an hour. NO_COMMON_VERSION, NET-503."""
    with store.read() as tx:
        if (known := known_base(tx, node)) is not None:
            return known
        root = str(register.node(tx, node)["address"]).rstrip("/")
    answer = caller.get(root + WELL_KNOWN)
    require_answer(node, answer)
    entry = common_version(answer.body) if answer.status == 200 else None
    if entry is None:
        raise NO_COMMON_VERSION(node=node)
    base = root + "/" + str(entry["path"]).strip("/")
    with store.begin(NODE, "negotiate") as tx:
        negotiate.learned_peer(tx, node=node, base=base.rstrip("/"), signs=entry.get(SIGNS) is True)
    return base.rstrip("/")


def require_answer(node: str, answer: Answer) -> None:
    """NOT_ANSWERED when what came is no answer yet: a fault of the peer's, or its wish to be asked later."""
    if is_for_now(answer.status):
        raise NOT_ANSWERED(node=node, status=answer.status)


def common_version(body: bytes) -> dict[str, Any] | None:
    """The entry of a version document that speaks 2025-1 over HTTPS, or None. Entries of other versions and bindings
    need not follow its schema."""
    value = answered(body)
    entries = value.get("protocolVersions") if isinstance(value, dict) else None
    for entry in entries if isinstance(entries, list) else ():
        alone = {**value, "protocolVersions": [entry]}
        if (
            isinstance(entry, dict)
            and entry.get("version") == VERSION
            and not problems(alone, "common/protocol-version")
        ):
            return dict(entry)
    return None
