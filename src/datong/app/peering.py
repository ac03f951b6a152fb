"""How this node and its counterparties prove to each other who they are (peers.identity): by the keys of the directory,
by membership credentials, or by either in one space. Contract: tests/wire/dcp/, tests/wire/test_wire_dsp_peers.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from datong.ground import identity
from datong.ground.config import Config
from datong.ground.db import Actor, Store
from datong.wire import http
from datong.wire.dcp.credentials import AUTH
from datong.wire.dcp.did import did_of
from datong.wire.dcp.either import Either, called
from datong.wire.dcp.verifying import Kept, Verifier, did_of_node
from datong.wire.dsp.participants import BY_CODE, CODE, DID, Participants

BY_DID = Participants({DID: AUTH}, lambda tx, code, _peer: did_of_node(tx, code))
"""In a space of membership credentials a participant is called by the DID its tokens bear."""
BY_EITHER = Participants({CODE: None, DID: AUTH}, called)


@dataclass(frozen=True)
class Peering:
    """Who sends a request (authorization, body), how requests are sent, and what participants are called meanwhile."""

    sender: Callable[[str, bytes], Actor]
    caller: http.Client | Verifier | Either
    participants: Participants


def peering_of(client: http.Client, door: http.Door, verifier: Verifier, config: Config) -> Peering:
    """What the node's configuration says."""
    match config["peers.identity"]:
        case "dcp":
            return Peering(lambda authorization, _body: verifier.sender(authorization), verifier, BY_DID)
        case "either":
            either = Either(client, door, verifier)
            return Peering(either.sender, either, BY_EITHER)
        case _:
            return Peering(door.sender, client, BY_CODE)


def verifier_of(store: Store, client: http.Client, config: Config) -> Verifier:
    """Who proves and checks membership credentials for this node; it makes its first identity key when it needs one."""
    function_node = (str(config["function_node.address"]), str(config["function_node.key"]))
    issuers = [str(issuer) for issuer in config["peers.issuers"]]
    if not issuers:
        issuers = [did_of(function_node[0] or str(config["node.address"]))]
    if config["peers.identity"] != "directory":
        identity.KeyRing(config.folder).current()
    half = float(config["peers.believed_seconds"]) / 2  # of a member and of the list asked about it: both may be old

    def peer(code: str) -> Mapping[str, Any]:
        return http.peer_key(client, store, code, function_node)

    return Verifier(store, client, peer, issuers, members=Kept(half), lists=Kept(half))
