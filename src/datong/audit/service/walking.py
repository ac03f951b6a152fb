"""From an invoice line back to where the figures come from, every record with its leaf and inclusion proof.

    walk     line -> invoice -> agreement -> usage events -> decisions, grants, share tables -> product version
             -> partition -> supplies -> their agreements; registration of product and inputs
    trace    at a provider: a supplied file (by digest) -> share table -> release -> harmonised build (source
             digests) -> agreement -> resource and its registration

Raw data never leave their node, so no node can walk the whole way: `continues` says at which node, and with which
call, it goes on; the digest of the file that crossed joins the two ends. Records that are each proven but do not belong
together are named (see fitting). Contract: tests/audit/test_audit_walk.py.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from datong.audit import store
from datong.audit.model import NO_RECORD, Fault, Problem
from datong.audit.service import fitting
from datong.ground import signing
from datong.ground.db import Tx
from datong.ground.evidence import log, note, tree
from datong.terms.verbs import view

Link = tuple[str, str, str]
"""(what it is in the chain, table, id)"""

SHOWN = {
    "invoice_line": ("description", "state", "quantity", "unit_price_fen", "amount_fen"),
    "invoice": ("seller_party", "buyer_party", "gross_fen", "state"),
    "agreement": ("dataset", "provider_party", "consumer_party", "policy_hash", "state"),
    "usage_event": ("kind", "state", "table_name", "version", "rows", "bytes_granted", "bytes_served", "at"),
    "decision": ("action", "purpose", "outcome", "rule", "at"),
    "delivery_grant": ("holder_party", "state", "issued_at"),
    "share_table": ("table_name", "version", "rows", "bytes", "state"),
    "share_file": ("digest", "rows", "bytes", "state"),
    "compose_product_version": ("product", "version", "rows", "digest"),
    "compose_partition": ("level", "state", "groups_digest"),
    "compose_supply": ("resource", "rows", "digest"),
    "received": ("dataset", "rows", "digest", "state"),
    "build": ("resource", "state", "read", "harmonised", "quarantined", "digest", "source_digest", "mapping_digest"),
    "register_product": ("code", "name_zh", "name_en"),
    "register_resource": ("code", "name_zh", "name_en", "source_kind", "source_statement"),
    "register_case": ("object_kind", "state", "code"),
    "register_ledger": ("kind", "state", "version"),
}


@dataclass
class _Walk:
    """The steps so far; each record once."""

    tx: Tx
    checkpoint: Mapping[str, Any]
    steps: list[dict[str, Any]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    seen: set[tuple[str, str]] = field(default_factory=set)

    def add(self, link: Link) -> dict[str, Any] | None:
        """The record of a link, checked and noted; None when it is not here."""
        what, table, key = link
        found = store.row(self.tx, table, key)
        if found is None:
            self.problems.append(Problem(Fault.chain_broken, what, table, key))
            return None
        if (table, key) not in self.seen:
            self.seen.add((table, key))
            self.steps.append(self._step(what, table, found))
        return found

    def _step(self, what: str, table: str, found: dict[str, Any]) -> dict[str, Any]:
        key = str(found["id"])
        shown = {name: found[name] for name in SHOWN.get(table, ()) if name in found}
        step = {"step": what, "table": table, "id": key, "shows": shown, "ok": False}
        leaf = store.last_leaf(self.tx, table, key)
        if leaf is None:
            self.problems.append(Problem(Fault.record_unlogged, what, table, key))
            return step
        step |= {"act": leaf["act"], "leaf": leaf["body"].decode("utf-8", "replace"), "index": leaf["position"]}
        if _said(leaf["body"]) != (table, key, store.row_digest(self.tx, table, found)):
            self.problems.append(Problem(Fault.record_changed, what, table, key, leaf["act"]))
            return step
        proof = self._proof(leaf)
        if proof is None:
            self.problems.append(Problem(Fault.chain_unproven, what, table, key, leaf["act"]))
            return step
        return {**step, "proof": proof, "ok": True}

    def _proof(self, leaf: Mapping[str, Any]) -> list[str] | None:
        """The inclusion proof of a leaf under the walk's checkpoint, checked; None when there is none."""
        size, place = self.checkpoint["size"], leaf["position"]
        if place is None or place >= size:
            return None
        try:
            proof = log.inclusion_proof(self.tx, place, size)
        except KeyError:
            return None
        root = bytes.fromhex(self.checkpoint["root"])
        if not tree.includes(tree.leaf_hash(leaf["body"]), place, size, root, proof):
            return None
        return [base64.b64encode(part).decode() for part in proof]


@view()
def walk(tx: Tx, *, invoice_line: str) -> dict[str, Any]:
    """Walk from an invoice line back to usage, decision, contract, product and supplies, with proofs 追溯账单行.

    Returns {ok, checkpoint, steps: [{step, table, id, act, shows, leaf, index, proof, ok}], problems, continues:
    [{node, call, arguments}]}: at those nodes the walk goes on.
    """
    if store.row(tx, "invoice_line", invoice_line) is None:
        raise NO_RECORD(table="invoice_line", id=invoice_line)
    walked = _begun(tx)
    line = walked.add(("invoice line", "invoice_line", invoice_line))
    invoice = walked.add(("invoice", "invoice", str(line["invoice"]))) if line else None
    contract = walked.add(("agreement", "agreement", str(invoice["agreement"]))) if invoice else None
    onwards: list[dict[str, Any]] = []
    if line and invoice and contract:
        if contract["consumer"] == signing.me(tx).code:
            for row in store.rows_of(tx, "received", agreement=contract["id"]):
                walked.add(("received file", "received", row["id"]))
            onwards.append(_onwards(contract["provider"], "walk", invoice_line=invoice_line))
        else:
            versions = {key for event in line["events"] for key in _usage(walked, str(event))}
            _registration(walked, "product", str(contract["dataset"]))
            onwards += [step for key in sorted(versions) for step in _product(walked, key)]
    walked.problems += [p for p in (fitting.misfits(tx, line) if line else []) if p not in walked.problems]
    return _result(walked, onwards)


@view()
def trace(tx: Tx, *, digest: str) -> dict[str, Any]:
    """Walk from a file this node supplied back to its release, build, contract and resource, with proofs 追溯供数.

    digest: of the file ("<algorithm>:<hex>"), as the receiving node's walk names it. Returns the same shape as walk.
    """
    files = store.rows_of(tx, "share_file", digest=digest)
    if not files:
        raise NO_RECORD(table="share_file", id=digest)
    walked = _begun(tx)
    for file in files:
        walked.add(("supplied file", "share_file", file["id"]))
        shared = walked.add(("share table", "share_table", str(file["share_table"])))
        if shared is None:
            continue
        source = shared["source"]
        if source.get("build"):
            walked.add(("harmonised build", "build", str(source["build"])))
        if source.get("release"):
            walked.add(("release", "deidentify_release", str(source["release"])))
        contract = walked.add(("agreement", "agreement", str(shared["agreement"])))
        walked.problems += fitting.unsigned(contract) if contract else ()
        _registration(walked, "resource", str(shared["dataset"]))
    return _result(walked, [])


def _usage(walked: _Walk, event_id: str) -> Iterator[str]:
    """One usage event with its decision, grant and share tables; the product versions that were delivered."""
    event = walked.add(("usage event", "usage_event", event_id))
    if event is None:
        return
    walked.add(("decision", "decision", str(event["decision"].get("id", ""))))
    if event["grant_id"]:
        walked.add(("grant", "delivery_grant", str(event["grant_id"])))
    for row in store.rows_of(walked.tx, "file_set", event=event_id):
        walked.add(("file set", "file_set", row["id"]))
        shared = walked.add(("share table", "share_table", str(row["share_table"])))
        if shared is not None and shared["source"].get("version"):
            yield str(shared["source"]["version"])


def _product(walked: _Walk, version_id: str) -> Iterator[dict[str, Any]]:
    """A product version with its partition, supplies and their agreements; where the walk goes on."""
    version = walked.add(("product version", "compose_product_version", version_id))
    if version is None:
        return
    walked.add(("partition", "compose_partition", str(version["partition"])))
    for part in version["inputs"]:
        same = {name: part[name] for name in ("resource", "agreement", "digest")}
        for table, what, equals in (
            ("compose_supply", "supply", {**same, "partition": version["partition"]}),
            ("received", "received file", {"agreement": part["agreement"], "digest": part["digest"]}),
        ):
            rows = store.rows_of(walked.tx, table, **equals)
            if not rows:
                walked.problems.append(Problem(Fault.chain_broken, what, table, str(part["digest"])))
            for row in rows:
                walked.add((what, table, row["id"]))
        contract = walked.add(("supply agreement", "agreement", str(part["agreement"])))
        _registration(walked, "resource", str(part["resource"]))
        if contract is not None:
            walked.problems += fitting.unsigned(contract)
            yield _onwards(str(contract["provider"]), "trace", digest=str(part["digest"]))


def _registration(walked: _Walk, kind: str, code: str) -> None:
    """The registered thing, its cases and its entry in the ledger, as far as this node keeps them."""
    for row in [*store.rows_of(walked.tx, f"register_{kind}", code=code),
                *store.rows_of(walked.tx, f"register_{kind}", id=code)]:  # fmt: skip
        walked.add((kind, f"register_{kind}", row["id"]))
        for case in store.rows_of(walked.tx, "register_case", object_id=row["id"]):
            walked.add(("registration case", "register_case", case["id"]))
    for case in store.rows_of(walked.tx, "register_case", code=code):
        walked.add(("registration case", "register_case", case["id"]))
    if store.row(walked.tx, "register_ledger", code) is not None:
        walked.add(("ledger entry", "register_ledger", code))


def _begun(tx: Tx) -> _Walk:
    checkpoint = log.last_checkpoint(tx) or {"size": 0, "root": tree.empty_root().hex(), "note": ""}
    walked = _Walk(tx, checkpoint)
    try:
        signed = note.parsed(checkpoint["note"])
        origin = note.origin_of(signing.me(tx).code)
        told = note.Checkpoint(origin, checkpoint["size"], bytes.fromhex(checkpoint["root"]))
        good = signed.text == told.text and note.is_signed_by(signed, origin, signing.node_key(tx).public)
    except ValueError:
        good = False
    if not good:
        walked.problems.append(Problem(Fault.checkpoint_signature, f"checkpoint {checkpoint['size']}"))
    return walked


def _onwards(node: str, call: str, **arguments: str) -> dict[str, Any]:
    return {"node": node, "call": f"audit.{call}", "arguments": arguments}


def _result(walked: _Walk, onwards: list[dict[str, Any]]) -> dict[str, Any]:
    checkpoint = walked.checkpoint
    return {
        "ok": not walked.problems and bool(walked.steps),
        "checkpoint": log.cosigned_note(walked.tx, checkpoint),
        "steps": walked.steps,
        "problems": [problem.as_json() for problem in walked.problems],
        "continues": onwards,
    }


def _said(body: bytes) -> tuple[str, str, str]:
    """(table, id, digest) as a leaf's body says."""
    try:
        record = json.loads(body)["record"]
        return str(record["table"]), str(record["id"]), str(record["digest"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return "", "", ""
