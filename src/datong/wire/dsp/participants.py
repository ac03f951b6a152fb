"""What nodes are called in messages: by node code, or by DID where members prove themselves by credentials.

Inside a node every node is its code, and so it is in what both sides sign; only the protocol's own members
(participantId, assigner, assignee) bear the participant id, which a counterparty compares with who sent them.
Must never know: how an id is proven. Contract: tests/wire/dcp/test_dcp_nodes.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from datong.ground import signing
from datong.ground.db import Tx


@dataclass(frozen=True)
class Participants:
    """How participants are called. kind: identifierType of the version document; id_of: node code -> participant id."""

    kind: str
    id_of: Callable[[Tx, str], str]

    def ids(self, tx: Tx, peer: str) -> dict[str, str]:
        """{node code: participant id} of this node and of `peer`, the two parties of what they say."""
        return {code: self.id_of(tx, code) for code in (signing.me(tx).code, peer)}

    def codes(self, tx: Tx, peer: str) -> dict[str, str]:
        """The same the other way round: {participant id: node code}."""
        return {participant: code for code, participant in self.ids(tx, peer).items()}


BY_CODE = Participants("NDI-TR-2025-04", lambda _tx, code: code)
