"""Who sends a request of the national rail: by token, by signed headers, or by the message's own signature.

    Authorization: Bearer <token>      a node of this house (wire.http)
    msgcode, msgversion, timestamp,    NDI-TR-2025-03 table 16: signValue is over the RFC 8785 form of the other four
    sequenceNum, signValue             and the body; issuerConnectorId (NDI-TR-2025-05) says whose key it is
    signature in the message           where it also names its sender (issuerId, connectorId)

Must never know: what is asked. Contract: tests/wire/ndi/test_ndi_access.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from datong.ground import outbox
from datong.ground.db import NODE, Actor, Store
from datong.ground.keys import PublicKey
from datong.ground.refusal import Problem
from datong.wire.http import NOT_AUTHENTIC
from datong.wire.ndi import contracts

HEADERS = {"msgcode": 40, "msgversion": 20, "timestamp": 13, "sequenceNum": 64, "signValue": 512}
"""Table 16, with what is read where the samples themselves are longer than printed."""
VERSION = re.compile(r"1(\.[0-9]{1,6}){0,2}")
"""Of versions the document prints a sample, 1.0.0, and no list: what counts its own edition is read."""
WINDOW_SECONDS = 60
NAMES_ITS_SENDER = ("issuerId", "connectorId")

Bearer = Callable[[Mapping[str, str], bytes], Actor]
"""(headers, body) -> the peer a token proves; a denied refusal otherwise."""
KeyOf = Callable[[str], Mapping[str, Any]]
"""Node code -> its record {"public_key", "party", "state"}; a denied refusal when it is not known."""


@dataclass(frozen=True)
class Access:
    store: Store
    bearer: Bearer
    key_of: KeyOf

    def sender(self, headers: Mapping[str, str], body: bytes, message: Mapping[str, Any], interface: str) -> Actor:
        """The peer that sent `message`, the JSON value of `body`, to `interface`; NOT_AUTHENTIC otherwise."""
        if "authorization" in headers:
            return self.bearer(headers, body)
        if "signvalue" in headers:
            return self._by_headers(headers, message, interface)
        for name in NAMES_ITS_SENDER:
            code = message.get(name)
            if isinstance(code, str) and isinstance(message.get("signature"), str):
                record = self._active(code)
                if contracts.is_signed(message, str(record["public_key"]), "contractId") or contracts.is_signed(
                    message, str(record["public_key"])
                ):
                    return _peer(code, record)
                raise NOT_AUTHENTIC(why="the message's signature is not its sender's")
        raise NOT_AUTHENTIC(why="neither a token nor signed headers nor a signature that names its sender")

    def _by_headers(self, headers: Mapping[str, str], message: Mapping[str, Any], interface: str) -> Actor:
        given = {name: headers.get(name.lower(), "") for name in HEADERS}
        for name, longest in HEADERS.items():
            if not given[name] or len(given[name]) > longest:
                raise NOT_AUTHENTIC(why=f"the header {name} is missing or too long")
        code = headers.get("issuerconnectorid", "")
        record = self._active(code)
        with self.store.read() as tx:
            now = tx.wall_now
        if problems := _misfits(given, interface, now):
            names = [problem.where for problem in problems]
            raise NOT_AUTHENTIC(problems, why=f"not of this call: {', '.join(names)}", faults=names)
        value = {name: text for name, text in given.items() if name != "signValue"}
        if not PublicKey(str(record["public_key"])).verifies_value(given["signValue"], {**value, "body": message}):
            raise NOT_AUTHENTIC(why="signValue is not its sender's")
        with self.store.begin(NODE, "inbox") as tx:
            until = tx.wall_now + timedelta(seconds=WINDOW_SECONDS * 2)
            outbox.fresh_token(tx, f"{code}/{given['sequenceNum']}", until)
        return _peer(code, record)

    def _active(self, code: str) -> Mapping[str, Any]:
        record = self.key_of(code)
        if record["state"] != "active":
            raise NOT_AUTHENTIC(why=f"the node is {record['state']}")
        return record


def _misfits(given: Mapping[str, str], interface: str, now: datetime) -> list[Problem]:
    """Headers that say another call than this one, in the order of table 16. Their names are kinds of faults."""
    problems = []
    if given["msgcode"] != interface:
        problems.append(Problem("msgcode", f"所调用的接口是 {interface}", f"the interface called is {interface}"))
    if not VERSION.fullmatch(given["msgversion"]):
        problems.append(Problem("msgversion", "本节点读取的版本为 1.x.x", "this node reads the versions 1.x.x"))
    stamp = given["timestamp"]
    if not (stamp.isascii() and stamp.isdigit()):
        problems.append(Problem("timestamp", "不是毫秒数", "is no number of milliseconds"))
    elif abs((now - datetime.fromtimestamp(int(stamp) / 1000, UTC)).total_seconds()) > WINDOW_SECONDS:
        problems.append(Problem("timestamp", f"与本节点时钟相差超过 {WINDOW_SECONDS} 秒",
                                f"is more than {WINDOW_SECONDS} s from this node's clock"))  # fmt: skip
    return problems


def _peer(code: str, record: Mapping[str, Any]) -> Actor:
    return Actor(person="", role="peer", party=str(record["party"]), department=code)


def signed_headers(
    sign: Callable[[Any], str], code: str, interface: str, message: Any, at: datetime, number: str
) -> dict[str, str]:
    """The headers of table 16 for `message`. sign: signature text over a value; number: never used before."""
    value = {"msgcode": interface, "msgversion": "1.0.0", "timestamp": str(int(at.timestamp() * 1000)),
             "sequenceNum": number}  # fmt: skip
    return {**value, "issuerConnectorId": code, "signValue": sign({**value, "body": message})}
