"""Signatures under a contract: over the agreement's content, or over the form the rail's own messages have.

A signature that says `over` covers that value instead (the strategies of TC609-6-2025-14, which both sides and the
platform see); it binds the contract because the id in it is the contract's.
Contract: tests/wire/ndi/test_ndi_contracts.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from datong.ground import signing
from datong.ground.db import Tx
from datong.ground.keys import PublicKey
from datong.negotiate.store import national as rows

Form = Callable[[Mapping[str, Any], str], dict[str, Any]]
FORMS: dict[str, Form] = {}
"""Rail -> (agreement's content, name of its contract -> the value that is signed there); set by `app`."""


def signed(tx: Tx, content: Mapping[str, Any], rail: str) -> dict[str, Any]:
    """`content` with this node's signature added, over the form of the rail."""
    others = list(content.get("signatures", []))
    if rail not in FORMS:
        return signing.signed(tx, content)
    over = next((s["over"] for s in others if isinstance(s.get("over"), Mapping)), None)
    begun = tx.get(rows.contracts, str(content["code"])) or {}
    over = over or FORMS[rail](signing.unsigned(content), str(begun.get("name", "")))
    (mine,) = signing.signed(tx, over)["signatures"]
    rest = [s for s in others if s.get("node") != mine["node"]]
    return {**content, "signatures": [*rest, {**mine, "over": over}]}


def signed_by(content: Mapping[str, Any], signatures: Iterable[Any], party: str, key: str) -> bool:
    """Whether one of `signatures` is the party's under `key` over `content`, or over a form of it."""
    for one in signatures:
        if not isinstance(one, Mapping) or (one.get("party"), one.get("key")) != (party, key):
            continue
        over = one.get("over")
        if over is not None and (not isinstance(over, Mapping) or over.get("contractId") != content.get("code")):
            continue
        if PublicKey(key).verifies_value(str(one.get("signature")), content if over is None else over):
            return True
    return False
