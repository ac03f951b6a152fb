"""Who this node is, its private key, and values signed to travel.

A signed value is a JSON object with `signatures`, each over the object without them (RFC 8785), each naming
the node, the party, the person who signed and the key. Must never know: what is signed.
Contract: tests/ground/test_signing.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakKeyDictionary

from datong.ground.crypto.profile import require_accepted
from datong.ground.db import READ, Store, Tx, settings
from datong.ground.keys import PrivateKey, PublicKey


@dataclass(frozen=True)
class Me:
    """This node: its code (empty until assigned), subject code of its party, name and address."""

    code: str
    party: str
    name: str
    address: str


_KEYS: WeakKeyDictionary[Store, PrivateKey] = WeakKeyDictionary()
_SELF: WeakKeyDictionary[Store, Me] = WeakKeyDictionary()


def install(store: Store, key: PrivateKey, me: Me) -> None:
    """Tell this process whose node `store` is and which key signs for it (once, by app or a test)."""
    _KEYS[store] = key
    _SELF[store] = me


def node_key(tx: Tx) -> PrivateKey:
    return _KEYS[tx.store]


def me(tx: Tx) -> Me:
    """This node, with the code the function node assigned to it (kept in the store)."""
    known = _SELF[tx.store]
    if not known.code and (row := tx.get(settings, "node.code")) is not None:
        known = replace(known, code=str(row["value"]))
        if tx.link == READ:  # what is still to be committed may be undone
            _SELF[tx.store] = known
    return known


def of(store: Store) -> tuple[Me, PrivateKey]:
    """This node and its key where no transaction is open; once its code is known the store is not asked."""
    if not _SELF[store].code:
        with store.read() as tx:
            return me(tx), node_key(tx)
    return _SELF[store], _KEYS[store]


def signed(tx: Tx, value: Mapping[str, Any]) -> dict[str, Any]:
    """`value` with this node's signature by the acting person added to its `signatures`; where a peer's message made
    it, by nobody of any department: what the peer goes by is none of ours."""
    bare = unsigned(value)
    mine = me(tx)
    signature = {
        "node": mine.code,
        "party": mine.party,
        "by": tx.actor.person,
        "department": tx.actor.department if tx.actor.person else "",
        "key": node_key(tx).public.text,
        "signature": node_key(tx).sign_value(bare),
    }
    others = [s for s in value.get("signatures", []) if s.get("node") != mine.code or s.get("by") != tx.actor.person]
    return {**bare, "signatures": [*others, signature]}


def unsigned(value: Mapping[str, Any]) -> dict[str, Any]:
    return {name: part for name, part in value.items() if name != "signatures"}


def signed_by(value: Mapping[str, Any], party: str, key: str) -> bool:
    """True when `value` bears a signature of `party` that verifies under the public key `key`.

    GND-403 when the key is of a crypto profile that this node does not accept.
    """
    require_accepted(key)
    bare, signatures = unsigned(value), value.get("signatures")
    return any(
        s.get("party") == party and s.get("key") == key and PublicKey(key).verifies_value(str(s.get("signature")), bare)
        for s in (signatures if isinstance(signatures, list) else [])
        if isinstance(s, dict)
    )
