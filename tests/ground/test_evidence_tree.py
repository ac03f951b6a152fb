"""RFC 6962: known roots, the vectors of transparency-dev/merkle, and a naive tree beside ours."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datong.ground.evidence import tree

VECTORS = Path(__file__).parent / "vectors" / "merkle"

LEAVES = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def naive_root(hashes: list[bytes]) -> bytes:
    """MTH as RFC 6962 writes it."""
    if len(hashes) <= 1:
        return hashes[0] if hashes else tree.empty_root()
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    return tree.node_hash(naive_root(hashes[:k]), naive_root(hashes[k:]))


def naive_inclusion(index: int, hashes: list[bytes]) -> list[bytes]:
    if len(hashes) <= 1:
        return []
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    if index < k:
        return [*naive_inclusion(index, hashes[:k]), naive_root(hashes[k:])]
    return [*naive_inclusion(index - k, hashes[k:]), naive_root(hashes[:k])]


def hashes(count: int) -> list[bytes]:
    return [tree.leaf_hash(str(n).encode()) for n in range(count)]


def proof_of(nodes: dict[tree.Node, bytes], ranges: list[tree.Range]) -> list[bytes]:
    return [tree.folded([nodes[node] for node in tree.complete_nodes(part)]) for part in ranges]


@pytest.mark.parametrize("size", range(9))
def test_known_roots(size: int) -> None:
    nodes = tree.grown(0, {}, [tree.leaf_hash(leaf) for leaf in LEAVES[:size]])
    root = tree.folded([nodes[node] for node in tree.complete_nodes((0, size))])
    assert root.hex() == ([tree.empty_root().hex(), *ROOTS][size])


def cases(kind: str) -> list[Any]:
    return [pytest.param(case, id=case["file"]) for case in json.loads((VECTORS / f"{kind}.json").read_text())]


def b64(value: str) -> bytes:
    return base64.b64decode(value)


@pytest.mark.parametrize("case", cases("inclusion"))
def test_inclusion_vectors(case: dict[str, Any]) -> None:
    proof = [b64(part) for part in case["proof"] or []]
    index, size = case["leafIdx"], case["treeSize"]
    accepted = tree.includes(b64(case["leafHash"]), index, size, b64(case["root"]), proof)
    assert accepted is not case["wantErr"]


@pytest.mark.parametrize("case", cases("consistency"))
def test_consistency_vectors(case: dict[str, Any]) -> None:
    roots = b64(case["root1"]), b64(case["root2"])
    if any(len(root) != tree.HASH_BYTES for root in roots):
        case = {**case, "wantErr": True}  # some cases use text as a root: ours must be hashes
    proof = [b64(part) for part in case["proof"] or []]
    assert tree.consistent(case["size1"], roots[0], case["size2"], roots[1], proof) is not case["wantErr"]


@given(st.integers(0, 70), st.integers(0, 70), st.data())
def test_growing_in_steps_is_the_naive_tree(first: int, more: int, data: st.DataObject) -> None:
    every = hashes(first + more)
    nodes = tree.grown(0, {}, every[:first])
    peaks = {node: nodes[node] for node in tree.complete_nodes((0, first))}
    nodes |= tree.grown(first, peaks, every[first:])
    for size in {first, first + more}:
        root = tree.folded([nodes[node] for node in tree.complete_nodes((0, size))])
        assert root == naive_root(every[:size])
    if not every:
        return
    size, root = len(every), naive_root(every)
    index = data.draw(st.integers(0, size - 1))
    proof = proof_of(nodes, tree.inclusion_ranges(index, size))
    assert proof == naive_inclusion(index, every)
    assert tree.includes(every[index], index, size, root, proof)
    old = data.draw(st.integers(1, size))
    proof = proof_of(nodes, tree.consistency_ranges(old, size))
    assert tree.consistent(old, naive_root(every[:old]), size, root, proof)


@given(st.integers(2, 40), st.data())
def test_no_changed_proof_passes(size: int, data: st.DataObject) -> None:
    every = hashes(size)
    nodes = tree.grown(0, {}, every)
    root = naive_root(every)
    index = data.draw(st.integers(0, size - 1))
    proof = proof_of(nodes, tree.inclusion_ranges(index, size))
    other = data.draw(st.integers(0, size - 1).filter(lambda n: n != index))
    assert not tree.includes(every[other], index, size, root, proof)
    assert not tree.includes(every[index], other, size, root, proof) or naive_inclusion(other, every) == proof
    assert not tree.includes(every[index], index, size, root, proof[:-1])
    assert not tree.includes(every[index], index, size, root, [*proof, root])
    old = data.draw(st.integers(1, size - 1))
    proof = proof_of(nodes, tree.consistency_ranges(old, size))
    place, bit = data.draw(st.integers(0, len(proof) - 1)), data.draw(st.integers(0, 255))
    flipped = [*proof]
    flipped[place] = (int.from_bytes(proof[place]) ^ (1 << bit)).to_bytes(32)
    assert tree.consistent(old, naive_root(every[:old]), size, root, proof)
    assert not tree.consistent(old, naive_root(every[:old]), size, root, flipped)
    assert not tree.consistent(old, naive_root([*every[: old - 1], b"\0" * 32]), size, root, proof)


def test_sizes_come_from_the_caller() -> None:
    every = hashes(6)
    nodes = tree.grown(0, {}, every)
    proof = proof_of(nodes, tree.inclusion_ranges(2, 6))
    assert tree.includes(every[2], 2, 6, naive_root(every), proof)
    assert not tree.includes(every[2], 2, 3, naive_root(every), proof)
    assert not tree.includes(every[2], 6, 6, naive_root(every), proof)
    assert not tree.includes(every[2], -1, 6, naive_root(every), proof)
