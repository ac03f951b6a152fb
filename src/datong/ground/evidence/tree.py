"""The Merkle tree of RFC 6962 section 2.1, pure.

A leaf is H(0x00 || entry), an inner node H(0x01 || left || right); H is SHA-256, and SM3 in the log of a node that
signs with SM2. `algorithm` names it where the log is another node's; empty means this node's own.
A `Node` (level, index) is the complete subtree over the leaves [index * 2**level, (index + 1) * 2**level); every root
and every proof is folded from such nodes, which never change once complete, so a store of them answers in O(log n).
The verifying functions take sizes and roots from the caller (who took them from signed checkpoints), never
from the proof. Must never know: where nodes are kept, what a leaf says.
Contract: tests/ground/test_evidence_tree.py, with the known roots and the vectors of transparency-dev/merkle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from datong.ground.crypto.hashing import DIGEST_BYTES, hash_bytes

Node = tuple[int, int]
Range = tuple[int, int]
"""Leaves [start, end)."""

HASH_BYTES = DIGEST_BYTES


def empty_root(algorithm: str = "") -> bytes:
    return hash_bytes(b"", algorithm)


def leaf_hash(entry: bytes, algorithm: str = "") -> bytes:
    return hash_bytes(b"\x00" + entry, algorithm)


def node_hash(left: bytes, right: bytes, algorithm: str = "") -> bytes:
    return hash_bytes(b"\x01" + left + right, algorithm)


def complete_nodes(leaves: Range) -> list[Node]:
    """The complete subtrees that together hold `leaves`, left to right (a range as the proofs name them)."""
    start, end = leaves
    nodes = []
    while start < end:
        level = (start & -start).bit_length() - 1 if start else end.bit_length()
        while start + (1 << level) > end:
            level -= 1
        nodes.append((level, start >> level))
        start += 1 << level
    return nodes


def folded(hashes: Sequence[bytes]) -> bytes:
    """The hash over the subtrees of one range (the root, when the range is the whole tree)."""
    if not hashes:
        return empty_root()
    total = hashes[-1]
    for left in reversed(hashes[:-1]):
        total = node_hash(left, total)
    return total


def grown(size: int, peaks: Mapping[Node, bytes], leaf_hashes: Sequence[bytes]) -> dict[Node, bytes]:
    """The nodes that become complete when `leaf_hashes` follow a tree of `size`, itself given by its peaks
    (the `complete_nodes((0, size))` with their hashes)."""
    made: dict[Node, bytes] = {}
    for index, leaf in enumerate(leaf_hashes, size):
        level, at, total = 0, index, leaf
        made[level, at] = total
        while at & 1:
            sibling = (level, at - 1)
            total = node_hash(made[sibling] if sibling in made else peaks[sibling], total)
            level, at = level + 1, at >> 1
            made[level, at] = total
    return made


def inclusion_ranges(index: int, size: int) -> list[Range]:
    """PATH(index, D[size]): the ranges whose hashes prove that leaf `index` is in the tree, leaf first."""
    start, end = 0, size
    ranges: list[Range] = []
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    return ranges[::-1]


def consistency_ranges(old: int, new: int) -> list[Range]:
    """PROOF(old, D[new]) for 0 < old <= new: the ranges whose hashes prove that the old tree is a prefix."""
    start, end = 0, new
    whole = True
    ranges: list[Range] = []
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start, whole = middle, False
    if not whole:
        ranges.append((start, end))
    return ranges[::-1]


def includes(leaf: bytes, index: int, size: int, root: bytes, proof: Sequence[bytes], algorithm: str = "") -> bool:
    """True when `proof` shows the leaf hash at `index` of the tree of `size` with `root` (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size or not _are_hashes(leaf, root, *proof):
        return False
    at, last, total = index, size - 1, leaf
    for part in proof:
        if last == 0:
            return False
        if at & 1 or at == last:
            total = node_hash(part, total, algorithm)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            total = node_hash(total, part, algorithm)
        at, last = at >> 1, last >> 1
    return last == 0 and total == root


def consistent(
    old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes], algorithm: str = ""
) -> bool:
    """True when `proof` shows that the tree `old` is a prefix of the tree `new` (RFC 9162, 2.1.4.2).

    A proof from the empty tree says nothing and is not accepted: who has seen nothing has nothing to compare.
    """
    if not 0 < old <= new or not _are_hashes(old_root, new_root, *proof):
        return False
    if old == new:
        return not proof and old_root == new_root
    path = list(proof) if old & (old - 1) else [old_root, *proof]
    if not path:
        return False
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    old_total = new_total = path[0]
    for part in path[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            old_total, new_total = node_hash(part, old_total, algorithm), node_hash(part, new_total, algorithm)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            new_total = node_hash(new_total, part, algorithm)
        at, last = at >> 1, last >> 1
    return last == 0 and old_total == old_root and new_total == new_root


def _split(length: int) -> int:
    """The largest power of two smaller than `length` (> 1)."""
    return 1 << (length - 1).bit_length() - 1


def _are_hashes(*values: bytes) -> bool:
    return all(len(value) == HASH_BYTES for value in values)
