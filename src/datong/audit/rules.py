"""Checks of a log held as values: leaves against nodes, nodes against roots, roots against signatures.

Pure; the service reads the store and the files and hands them in. Sizes come from signed checkpoints and from
the number of leaves, never from what is being checked alone.
Must never know: the database, the disk. Contract: tests/audit/test_audit_verify.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from datong.audit.model import Fault, Problem
from datong.ground.evidence import note, tree
from datong.ground.keys import PublicKey
from datong.terms.tariffs import unit_price


@dataclass(frozen=True)
class Leaf:
    """A row of the log as the store has it."""

    id: str
    seq: int
    position: int | None
    act: str
    table: str
    record: str
    digest: str
    added_at: str
    body: bytes
    sealed: bool = True

    def problem(self, fault: Fault, detail: str = "") -> Problem:
        where = f"leaf {self.position}" if self.position is not None else f"leaf {self.id}"
        return Problem(fault, where, self.table, self.record, self.act, detail)


def leaf_problems(leaves: Sequence[Leaf], hashes: Sequence[bytes], parents: Sequence[bytes]) -> Iterator[Problem]:
    """Leaves with a position, in its order, against the level-0 hashes; `parents` (level 1) say who is right."""
    for place, leaf in enumerate(leaves):
        if leaf.position != place:
            yield leaf.problem(Fault.leaf_missing, f"expected at place {place}")
            return
        if place and leaf.seq <= leaves[place - 1].seq:
            yield leaf.problem(Fault.leaf_order)
        mine = tree.leaf_hash(leaf.body)
        if place < len(hashes) and mine != hashes[place] and not _proves(mine, place, hashes, parents):
            yield leaf.problem(Fault.leaf_changed)
        elif not leaf.sealed:
            yield leaf.problem(Fault.leaf_forged)
        yield from column_problems(leaf)


def _proves(mine: bytes, place: int, hashes: Sequence[bytes], parents: Sequence[bytes]) -> bool:
    """True when the parent node agrees with the leaf: then the node row is what was changed."""
    if place >> 1 >= len(parents) or place ^ 1 >= len(hashes):
        return False
    pair = (hashes[place - 1], mine) if place & 1 else (mine, hashes[place + 1])
    return tree.node_hash(*pair) == parents[place >> 1]


def column_problems(leaf: Leaf) -> Iterator[Problem]:
    """The columns by which leaves are found must say what the body says."""
    try:
        body = json.loads(leaf.body)
        said = (body["id"], body["act"], body["record"]["table"], body["record"]["id"], body["record"]["digest"],
                body["wall_at"])  # fmt: skip
    except (ValueError, KeyError, TypeError, RecursionError):
        yield leaf.problem(Fault.leaf_columns, "the body is no leaf")
        return
    columns = (leaf.id, leaf.act, leaf.table, leaf.record, leaf.digest, leaf.added_at)
    if said != columns:
        yield leaf.problem(Fault.leaf_columns, f"the body speaks of {said[2]} {said[3]} ({said[1]})")


def node_problems(levels: Sequence[Sequence[bytes]], size: int) -> Iterator[Problem]:
    """Each inner node against its two children, where both are there."""
    suspects: set[tree.Node] = set()
    for level, hashes in enumerate(levels):
        if len(hashes) > size >> level:
            yield Problem(Fault.node_extra, f"node {level}.{size >> level}")
        if len(hashes) < size >> level:
            yield Problem(Fault.node_missing, f"node {level}.{len(hashes)}")
        for index, value in enumerate(hashes):
            if not level or 2 * index + 1 >= len(levels[level - 1]):
                continue
            children = (level - 1, 2 * index), (level - 1, 2 * index + 1)
            if tree.node_hash(*levels[level - 1][2 * index : 2 * index + 2]) == value:
                continue
            suspects.add((level, index))
            if not suspects.intersection(children):
                yield Problem(Fault.node_changed, f"node {level}.{index}", detail="or one of its two children")


def checkpoint_problems(
    checkpoints: Iterable[Mapping[str, Any]], levels: Sequence[Sequence[bytes]], origin: str, key: PublicKey
) -> Iterator[Problem]:
    """Each signed checkpoint {size, root, note} against the tree and this node's key."""
    for row in checkpoints:
        where = f"checkpoint {row['size']}"
        try:
            signed = note.parsed(row["note"])
            told = note.parsed_checkpoint(signed.text)
        except ValueError as broken:
            yield Problem(Fault.checkpoint_signature, where, detail=str(broken))
            continue
        if (told.origin, told.size) != (origin, row["size"]) or not note.is_signed_by(signed, origin, key):
            yield Problem(Fault.checkpoint_signature, where, detail=f"it speaks of {told.origin} at {told.size}")
        elif told.root.hex() != row["root"] or root_of(levels, told.size) != told.root:
            yield Problem(Fault.checkpoint_root, where)


def root_of(levels: Sequence[Sequence[bytes]], size: int) -> bytes | None:
    """The root of the first `size` leaves from the nodes; None when nodes are missing."""
    try:
        return tree.folded([levels[level][index] for level, index in tree.complete_nodes((0, size))])
    except IndexError:
        return None


def cosignature_problems(
    rows: Iterable[Mapping[str, Any]], notes: Mapping[int, str], registered: Mapping[str, str]
) -> Iterator[Problem]:
    """Each cosignature {witness, size, key, line} against the checkpoint it cosigns.

    registered: the public keys of nodes known here; a witness among them must have used that one.
    """
    for row in rows:
        try:
            text = note.parsed(notes[row["size"]]).text
            line = note.parsed_line(row["line"].removesuffix("\n"))
            key = registered.get(row["witness"], row["key"])
            good = note.cosigned_at(text, line, note.origin_of(row["witness"]), PublicKey(key)) is not None
        except (KeyError, ValueError):
            good = False
        if not good:
            yield Problem(Fault.cosignature_false, f"checkpoint {row['size']}", detail=f"of {row['witness']}")


def latest(leaves: Iterable[Leaf]) -> dict[tuple[str, str], Leaf]:
    """The last leaf of every record, by what the bodies say."""
    found: dict[tuple[str, str], Leaf] = {}
    for leaf in sorted(leaves, key=lambda one: one.seq):
        try:
            record = json.loads(leaf.body)["record"]
            found[str(record["table"]), str(record["id"])] = Leaf(
                leaf.id, leaf.seq, leaf.position, leaf.act, str(record["table"]), str(record["id"]),
                str(record["digest"]), leaf.added_at, b"",
            )  # fmt: skip
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
    return found


def record_problems(
    table: str, expected: Mapping[str, Leaf], digests: Mapping[str, str], deleted: str
) -> Iterator[Problem]:
    """The records of one table (id -> digest as recomputed) against their last leaves."""
    for key, leaf in expected.items():
        where = f"{table} {key}"
        if key not in digests:
            if leaf.digest != deleted:
                yield Problem(Fault.record_missing, where, table, key, leaf.act)
        elif digests[key] != leaf.digest:
            yield Problem(Fault.record_changed, where, table, key, leaf.act)
    for key in digests.keys() - expected.keys():
        yield Problem(Fault.record_unlogged, f"{table} {key}", table, key)


# --- whether records belong together -----------------------------------------------------------------------------


def ledger_problems(entries: Iterable[str], postings: Iterable[Mapping[str, Any]]) -> Iterator[Problem]:
    """Entries whose postings do not sum to zero, and postings of no entry."""
    totals = dict.fromkeys(entries, 0)
    for posting in postings:
        if posting["entry"] not in totals:
            yield Problem(Fault.chain_broken, "ledger entry", "ledger_entry", str(posting["entry"]))
        else:
            totals[posting["entry"]] += posting["amount_fen"]
    for entry, total in totals.items():
        if total:
            yield Problem(Fault.ledger_unbalanced, "ledger entry", "ledger_entry", entry, detail=f"out by {total} fen")


def unfit(what: str, table: str, key: str, **pairs: tuple[Any, Any]) -> Iterator[Problem]:
    """A problem for every named pair (is, should be) that differs."""
    for name, (found, wanted) in pairs.items():
        if found != wanted:
            yield Problem(Fault.chain_unfit, what, table, key, detail=f"{name} is {found!s:.80}, not {wanted!s:.80}")


def invoice_problems(
    invoice: Mapping[str, Any], lines: Sequence[Mapping[str, Any]], contract: Mapping[str, Any]
) -> Iterator[Problem]:
    """An invoice against its contract and its lines."""
    terms = contract["terms"]
    yield from unfit(
        "invoice", "invoice", invoice["id"],
        seller=(invoice["seller_party"], contract["provider_party"]),
        buyer=(invoice["buyer_party"], contract["consumer_party"]),
        product=(invoice["product"], terms["product"]), dataset=(terms["product"], contract["dataset"]),
        purpose=(invoice["purpose"], terms["purpose"]),
        gross_fen=(invoice["gross_fen"], sum(line["amount_fen"] for line in lines)),
    )  # fmt: skip


def line_problems(line: Mapping[str, Any], contract: Mapping[str, Any]) -> Iterator[Problem]:
    """The amount of a line against the fee of the contract."""
    unit = unit_price(line["state"], contract["terms"]["tariff"])
    yield from unfit(
        "invoice line", "invoice_line", line["id"],
        quantity=(line["quantity"], len(set(line["events"]))), unit_price_fen=(line["unit_price_fen"], unit),
        amount_fen=(line["amount_fen"], line["quantity"] * unit),
    )  # fmt: skip


def event_problems(event: Mapping[str, Any], line: Mapping[str, Any], invoice: Mapping[str, Any]) -> Iterator[Problem]:
    """A usage event against the line that bills it."""
    inside = invoice["from_at"] <= event["at"] < invoice["until_at"]
    yield from unfit(
        "usage event", "usage_event", event["id"],
        agreement=(event["agreement"], invoice["agreement"]), state=(event["state"], line["state"]),
        time=(event["at"], event["at"] if inside else f"from {invoice['from_at']} until {invoice['until_at']}"),
    )  # fmt: skip


def decision_problems(
    decision: Mapping[str, Any], event: Mapping[str, Any], contract: Mapping[str, Any]
) -> Iterator[Problem]:
    """The decision that a use names: that it allowed it, and under this contract."""
    yield from unfit(
        "decision", "decision", decision["id"],
        outcome=(decision["outcome"], "allowed"), agreement=(decision["agreement"], event["agreement"]),
        dataset=(decision["dataset"], contract["dataset"]), purpose=(decision["purpose"], contract["terms"]["purpose"]),
    )  # fmt: skip
