"""Checks of a log held as values: leaves against nodes, nodes against roots, roots against signatures.

Pure; the service reads the store and the files and hands them in, in order and a part at a time: nothing here keeps all
leaves, nodes or records. Sizes come from signed checkpoints and from
the number of leaves, never from what is being checked alone.
Must never know: the database, the disk. Contract: tests/audit/test_audit_verify.py, tests/audit/test_audit_rules.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from datong.audit.model import Fault, Leaf, Problem
from datong.ground.evidence import note, tree
from datong.ground.keys import PublicKey
from datong.settle.model import WAIVED
from datong.terms.tariffs import BILLED_STATE, unit_price

NodeAt = Callable[[int, int], bytes | None]
"""The stored hash of the tree's node (level, index), None when there is none: asked where something differs."""


def leaf_problems(leaves: Iterable[Leaf], hashes: Iterable[bytes | None], node: NodeAt) -> Iterator[Problem]:
    """Leaves with a position, in its order, against the level-0 hashes by place; the parent says who is right."""
    before: Leaf | None = None
    for place, (leaf, held) in enumerate(zip(leaves, hashes, strict=False)):
        if leaf.position != place:
            yield leaf.problem(Fault.leaf_missing, f"expected at place {place}")
            return
        if before is not None and leaf.seq <= before.seq:
            yield leaf.problem(Fault.leaf_order)
        mine = tree.leaf_hash(leaf.body)
        if held is not None and mine != held and not _proves(mine, place, node):
            yield leaf.problem(Fault.leaf_changed)
        elif not leaf.sealed:
            yield leaf.problem(Fault.leaf_forged)
        yield from column_problems(leaf)
        before = leaf


def _proves(mine: bytes, place: int, node: NodeAt) -> bool:
    """True when the parent node agrees with the leaf: then the node row is what was changed."""
    parent, sibling = node(1, place >> 1), node(0, place ^ 1)
    if parent is None or sibling is None:
        return False
    pair = (sibling, mine) if place & 1 else (mine, sibling)
    return tree.node_hash(*pair) == parent


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


class _Level:
    """The stored nodes of one level, read in order as the tree grows: the last two, and what is wrong with them."""

    def __init__(self, level: int, rows: Iterator[tuple[int, bytes]]) -> None:
        self.level, self.rows = level, rows
        self.ahead = next(rows, None)
        self.size = 0
        """How many nodes were passed, whether they are there or not."""
        self.last: tuple[bytes | None, bytes | None] = (None, None)
        self.suspect = (False, False)
        self.missing = False
        """Whether the last one was: of several in a row the first is named."""

    def grown(self, below: _Level | None) -> Iterator[Problem]:
        """The next node of this level, against its two children, where all are there."""
        index, value = self.size, None
        while self.ahead is not None and self.ahead[0] < index:  # a second row of the same place
            yield Problem(Fault.node_extra, f"node {self.level}.{self.ahead[0]}")
            self.ahead = next(self.rows, None)
        if self.ahead is not None and self.ahead[0] == index:
            value, self.ahead = self.ahead[1], next(self.rows, None)
        self.size += 1
        if value is None and not self.missing:
            yield Problem(Fault.node_missing, f"node {self.level}.{index}")
        self.missing = value is None
        left, right = (None, None) if below is None else below.last
        suspect = None not in (value, left, right) and tree.node_hash(left or b"", right or b"") != value
        if suspect and below is not None and True not in below.suspect:
            yield Problem(Fault.node_changed, f"node {self.level}.{index}", detail="or one of its two children")
        self.last, self.suspect = (self.last[1], value), (self.suspect[1], suspect)

    def ended(self, size: int) -> Iterator[Problem]:
        """What is there beyond `size` nodes, or missing at their end."""
        if self.ahead is not None:
            yield Problem(Fault.node_extra, f"node {self.level}.{size}")
        elif self.size < size and not self.missing:
            yield Problem(Fault.node_missing, f"node {self.level}.{self.size}")


def tree_problems(
    levels: Sequence[Iterator[tuple[int, bytes]]], size: int, checkpoints: Iterable[Mapping[str, Any]], origin: str,
    key: PublicKey,
) -> Iterator[Problem]:  # fmt: skip
    """The tree of `size` leaves as it grew: each node against its two children, each signed checkpoint {size, root,
    note} against the nodes at its size and this node's key. levels: (index, hash) of the stored nodes, in order.

    Of the nodes the last two of each level are in memory, however many there are.
    """
    nodes = [_Level(level, rows) for level, rows in enumerate(levels)]
    signed = iter(checkpoints)
    row = next(signed, None)
    grown = 0
    while grown < size and any(level.ahead is not None for level in nodes):
        grown += 1
        for level, below in zip(nodes, (None, *nodes), strict=False):
            if grown % (1 << level.level):
                break
            yield from level.grown(below)
        while row is not None and row["size"] == grown:
            yield from _checkpoint_problems(row, _root(nodes, grown), origin, key)
            row = next(signed, None)
    while row is not None:
        yield from _checkpoint_problems(row, None, origin, key)
        row = next(signed, None)
    for level in nodes:
        yield from level.ended(size >> level.level)


def _root(nodes: Sequence[_Level], size: int) -> bytes | None:
    """The root of the `size` leaves passed so far from the nodes; None when nodes are missing."""
    parts = [nodes[level].last[1] if level < len(nodes) else None for level, _ in tree.complete_nodes((0, size))]
    return None if None in parts else tree.folded([part for part in parts if part is not None])


def _checkpoint_problems(
    row: Mapping[str, Any], root: bytes | None, origin: str, key: PublicKey
) -> Iterator[Problem]:  # fmt: skip
    where = f"checkpoint {row['size']}"
    try:
        signed = note.parsed(row["note"])
        told = note.parsed_checkpoint(signed.text)
    except ValueError as broken:
        yield Problem(Fault.checkpoint_signature, where, detail=str(broken))
        return
    if (told.origin, told.size) != (origin, row["size"]) or not note.is_signed_by(signed, origin, key):
        yield Problem(Fault.checkpoint_signature, where, detail=f"it speaks of {told.origin} at {told.size}")
    elif told.root.hex() != row["root"] or root != told.root:
        yield Problem(Fault.checkpoint_root, where)


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


def spoken_of(leaf: Leaf) -> Leaf | None:
    """The leaf as far as the last word on a record goes, by what its body says; None where that is no leaf."""
    try:
        record = json.loads(leaf.body)["record"]
        return Leaf(
            leaf.id, leaf.seq, leaf.position, leaf.act, str(record["table"]), str(record["id"]),
            str(record["digest"]), leaf.added_at, b"",
        )  # fmt: skip
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def record_problems(table: str, digests: Mapping[str, str], last: Mapping[str, Leaf]) -> Iterator[Problem]:
    """Some records of one table (id -> digest as recomputed) against the last leaf of each."""
    for key, digest in digests.items():
        leaf = last.get(key)
        if leaf is None:
            yield Problem(Fault.record_unlogged, f"{table} {key}", table, key)
        elif digest != leaf.digest:
            yield Problem(Fault.record_changed, f"{table} {key}", table, key, leaf.act)


def missing_problems(gone: Iterable[Leaf], deleted: str) -> Iterator[Problem]:
    """Records of which a leaf speaks, given by their last, and that are not there."""
    for leaf in gone:
        if leaf.digest != deleted:
            yield Problem(Fault.record_missing, f"{leaf.table} {leaf.record}", leaf.table, leaf.record, leaf.act)


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


def line_problems(
    line: Mapping[str, Any], invoice: Mapping[str, Any], contract: Mapping[str, Any]
) -> Iterator[Problem]:
    """The amount of a line against the fee of the contract; below nought on a credit note."""
    unit = unit_price(line["state"], contract["terms"]["tariff"]) * (-1 if invoice["gross_fen"] < 0 else 1)
    yield from unfit(
        "invoice line", "invoice_line", line["id"],
        quantity=(line["quantity"], len(set(line["events"]))), unit_price_fen=(line["unit_price_fen"], unit),
        amount_fen=(line["amount_fen"], line["quantity"] * unit),
    )  # fmt: skip


def event_problems(event: Mapping[str, Any], line: Mapping[str, Any], invoice: Mapping[str, Any]) -> Iterator[Problem]:
    """A usage event against the line that bills it."""
    start, at, end = (datetime.fromisoformat(text) for text in (invoice["from_at"], event["at"], invoice["until_at"]))
    inside = start <= at < end  # not by their texts: one with a fraction sorts before its whole second
    waived = line["state"] == WAIVED  # by the seller, of what would be charged
    yield from unfit(
        "usage event", "usage_event", event["id"],
        agreement=(event["agreement"], invoice["agreement"]),
        state=(event["state"], BILLED_STATE if waived else line["state"]),
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
