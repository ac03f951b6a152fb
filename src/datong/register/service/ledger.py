"""The one ledger (一本账): an entry per registered resource or product, signed by its registry.

Entries are upserted by code and version, so that an incremental export can be replayed; other nodes keep the
entries sent to them. Contract: tests/register/test_register_ledger.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from datong.ground import codes, evidence, signing
from datong.ground.db import Tx
from datong.register import rules, store
from datong.register.model.cases import State
from datong.register.model.refusals import BAD_FILING
from datong.register.model.values import ENTRY_SCHEMA, FUNCTION_KINDS
from datong.register.service import nodes
from datong.terms.verbs import view

ENTRY_FIELDS = frozenset(
    {
        "schema", "code", "version", "kind", "type", "basis", "public_data", "state", "object", "registrants",
        "coded_on", "valid_until", "registry", "signatures",
    }
)  # fmt: skip


def enter(tx: Tx, row: Mapping[str, Any], coded_on: str) -> dict[str, Any]:
    """Enter a coded case in the ledger of this registry; the signed entry."""
    entry = signing.signed(
        tx,
        {
            "schema": ENTRY_SCHEMA, "code": row["code"], "version": store.next_ledger_version(tx),
            "kind": row["object_kind"], "type": row["type"], "basis": row["basis"], "public_data": row["public_data"],
            "state": State.CODED.value, "object": row["filing"]["object"],
            "registrants": [{"party": r["party"], "name": r["name"]} for r in row["registrants"]],
            "coded_on": coded_on, "valid_until": row["valid_until"], "registry": signing.me(tx).code, "signatures": [],
        },
    )  # fmt: skip
    _keep_entry(tx, entry, "register.ledger_entered")
    return entry


def _keep_entry(tx: Tx, entry: Mapping[str, Any], act: str) -> None:
    values = {"version": entry["version"], "kind": entry["kind"], "state": entry["state"], "entry": entry, "at": tx.now}
    if tx.get(store.ledger, entry["code"]) is None:
        tx.add(store.ledger, {"id": entry["code"], **values})
    else:
        tx.change(store.ledger, entry["code"], **values)
    evidence.append(tx, act, store.ledger, entry["code"], version=entry["version"], kind=entry["kind"])


def received_ledger_entry(tx: Tx, *, sender: str, body: dict[str, Any]) -> None:
    """register.ledger_entry: a registered resource or product, signed by its registry."""
    registry, entry = nodes.node(tx, sender), body.get("entry")
    fault = _entry_fault(registry, entry)
    if fault is not None or not isinstance(entry, dict):
        raise BAD_FILING(why_zh=(fault or ("", ""))[0], why=(fault or ("", ""))[1])
    known = tx.get(store.ledger, entry["code"])
    if known is not None and known["entry"]["registry"] != sender:
        raise BAD_FILING(why_zh="该标识属于另一登记机构", why="is about a code of another registry")
    if known is None or known["version"] < entry["version"]:
        _keep_entry(tx, entry, "register.ledger_entry_received")


def _entry_fault(registry: Mapping[str, Any], entry: Any) -> codes.Fault | None:
    if not isinstance(entry, dict) or set(entry) != ENTRY_FIELDS or entry["schema"] != ENTRY_SCHEMA:
        return f"不是 {ENTRY_SCHEMA}", f"is no {ENTRY_SCHEMA}"
    if registry["kind"] not in FUNCTION_KINDS or entry["registry"] != registry["code"]:
        return "不是由登记机构发来", "does not come from the registry"
    texts = ("code", "kind", "type", "basis", "state", "coded_on", "valid_until")
    if any(not isinstance(entry[name], str) for name in texts) or type(entry["version"]) is not int:
        return "字段类型不符", "has fields of the wrong type"
    fault = codes.data_code_fault(entry["code"])
    if fault is not None or codes.parse_data_code(entry["code"]).kind != entry["kind"]:
        return "数据标识有误", "bears a wrong data code"
    registrants, thing = entry["registrants"], entry["object"]
    sound = isinstance(registrants, list) and bool(registrants) and all(map(rules.is_registrant, registrants))
    find = rules.resource_problems if entry["kind"] == "resource" else rules.product_problems
    if not sound or not isinstance(thing, dict) or not isinstance(thing.get("id"), str) or find(thing):
        return "描述有误", "describes its object wrongly"
    if not signing.signed_by(entry, registry["party"], registry["public_key"]):
        return "签名无效", "is not signed by the registry"
    return None


@view()
def ledger(tx: Tx, *, since_version: int = 0) -> dict[str, Any]:
    """The one ledger (一本账) after a version: {version, entries (upsert by code), tombstones, counts}."""
    every = store.rows(tx, store.ledger, store.ledger.c.version)
    later = [row for row in every if row["version"] > since_version]
    coded = [row["entry"] for row in every if row["state"] == State.CODED]
    counts = Counter((e["kind"], e["object"]["area"], e["object"]["industry"], e["public_data"]) for e in coded)
    return {
        "version": every[-1]["version"] if every else 0,
        "entries": [row["entry"] for row in later if row["state"] == State.CODED],
        "tombstones": [row["id"] for row in later if row["state"] != State.CODED],
        "counts": [
            {"kind": kind, "area": area, "industry": industry, "public_data": public, "count": count}
            for (kind, area, industry, public), count in sorted(counts.items())
        ],
    }
