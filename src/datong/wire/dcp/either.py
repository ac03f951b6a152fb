"""A space of both kinds: nodes that prove themselves by the keys of the directory, connectors of another make by
credentials. Which of the two a peer does stands in its signed record, and each is taken in its own way only.

Must never know: what the messages say. Contract: tests/wire/dcp/test_dcp_either.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from datong.ground import codes
from datong.ground.db import Actor, Tx
from datong.register import service as register
from datong.wire import http
from datong.wire.dcp import tokens
from datong.wire.dcp.verifying import Verifier, did_of_node


@dataclass(frozen=True)
class Either:
    """One node among both kinds of peers."""

    client: http.Client
    door: http.Door
    verifier: Verifier

    def sender(self, authorization: str, body: bytes) -> Actor:
        """The peer that sends a request; a denied refusal NET-401 otherwise."""
        if not _bears_did(http.bearer(authorization)):
            return self.door.sender(authorization, body)
        found = self.verifier.sender(authorization)
        if not self._by_credentials(found.department):
            raise http.NOT_AUTHENTIC(why="a node with a key in the directory proves itself by that here")
        return found

    def post(self, to: str, url: str, body: Mapping[str, Any]) -> http.Answer:
        """POST `body` as JSON to the node `to`, with the token that it takes."""
        caller = self.verifier if self._by_credentials(to) else self.client
        return caller.post(to, url, body)

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> http.Answer:
        return self.client.get(url, headers)

    def _by_credentials(self, code: str) -> bool:
        return bool(self.verifier.peer(code)["did"])


def called(tx: Tx, code: str, peer: str) -> str:
    """What a node is called in messages with `peer`: by its DID where that goes by credentials, else by its code."""
    return did_of_node(tx, code) if register.node(tx, peer)["did"] else code


def _bears_did(token: str) -> bool:
    try:
        return codes.is_did_web(tokens.unproven(token).get("sub"))
    except ValueError:
        return False
