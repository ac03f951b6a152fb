"""What nodes are called in messages: by node code, or by DID where they prove themselves by credentials.

Inside a node every node is its code, and so it is in what both sides sign; only the protocol's own members
(participantId, assigner, assignee) bear the participant id, which a counterparty compares with who sent them.
Must never know: how an id is proven. Contract: tests/wire/dcp/test_dcp_nodes.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from datong.ground import signing
from datong.ground.db import Tx

CODE, DID = "NDI-TR-2025-04", "did:web"
"""identifierType of the version document."""


@dataclass(frozen=True)
class Participants:
    """How participants are called.

    kinds: an entry of the version document each: identifierType, and how peers then prove who they are, where DSP has a
    name for it; id_of: (node code, the other party of what is said) -> participant id.
    """

    kinds: Mapping[str, Mapping[str, Any] | None]
    id_of: Callable[[Tx, str, str], str]

    def ids(self, tx: Tx, peer: str) -> dict[str, str]:
        """{node code: participant id} of this node and of `peer`, the two parties of what they say."""
        return {code: self.id_of(tx, code, peer) for code in (signing.me(tx).code, peer)}

    def codes(self, tx: Tx, peer: str) -> dict[str, str]:
        """The same the other way round: {participant id: node code}."""
        return {participant: code for code, participant in self.ids(tx, peer).items()}


BY_CODE = Participants({CODE: None}, lambda _tx, code, _peer: code)
