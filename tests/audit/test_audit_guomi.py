"""The log of a node of profile guomi: SM3 tree, SM2 checkpoints, checked by the node and by the tool alone."""

from __future__ import annotations

import base64
import json
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import make_golden_log as golden
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_audit_bundle import VERIFIER, ran

from datong.audit import service as audit
from datong.ground import evidence, signing
from datong.ground.crypto import hashing, sm2
from datong.ground.crypto.profile import GUOMI, as_if
from datong.ground.db import NODE, Actor, Store
from datong.ground.db import settings as node_settings
from datong.ground.evidence import note, tree, witness
from datong.ground.evidence.sequencer import Sequencer
from datong.ground.keys import PrivateKey, PublicKey
from datong.ground.refusal import Refusal
from stores import with_tables

pytest.importorskip("tongsuopy", reason="needs the extra guomi")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle like the golden one, of a node of profile guomi."""
    folder = tmp_path_factory.mktemp("guomi")
    with as_if(GUOMI):
        golden.build(folder, PrivateKey.new(), PrivateKey.new())
    return folder / "bundle"


@pytest.fixture
def bundle(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "bundle"))


def test_the_tool_checks_it_without_any_library(bundle: Path) -> None:
    told = json.loads((bundle / "bundle.json").read_text())
    assert told["key"].startswith("SM2:") and told["witnesses"][0]["key"].startswith("SM2:")
    own, other = f"{told['origin']}={told['key']}", f"{told['witnesses'][0]['name']}={told['witnesses'][0]['key']}"
    code, report = ran(str(bundle), "--key", own, "--key", other)
    assert (code, report["problems"]) == (0, [])
    assert report["leaves"] == 10 and report["cosignatures"] == 1 and report["keys"][told["origin"]] == told["key"]


def test_nothing_in_it_is_of_the_default_profile(bundle: Path) -> None:
    for file in bundle.iterdir():
        text = file.read_bytes()
        assert b"sha256" not in text and b"Ed25519" not in text, file.name
    assert b'"digest":"sm3:' in (bundle / "leaves.jsonl").read_bytes()


def changed(bundle: Path, name: str, old: bytes, new: bytes) -> None:
    data = (bundle / name).read_bytes()
    assert old in data
    (bundle / name).write_bytes(data.replace(old, new, 1))


@pytest.mark.parametrize(
    ("name", "old", "new", "kind"),
    [
        ("records.jsonl", b'"gross_fen":', b'"gross_fen":1', "record"),
        ("leaves.jsonl", b"settle.invoiced", b"settle.invoicec", "leaf"),
        ("leaves.jsonl", b'"digest":"sm3:', b'"digest":"sha256:', "leaf"),
        ("bundle.json", b'"key":"SM2:A', b'"key":"SM2:B', "unreadable"),
    ],
)
def test_what_is_changed_is_named(bundle: Path, name: str, old: bytes, new: bytes, kind: str) -> None:
    changed(bundle, name, old, new)
    code, report = ran(str(bundle))
    assert code == (2 if kind == "unreadable" else 1)
    assert report.get("unreadable") if kind == "unreadable" else kind in {p["kind"] for p in report["problems"]}


def test_a_checkpoint_signed_by_another_key_or_hashed_otherwise_is_named(bundle: Path) -> None:
    """The tree of the default profile under the right signature's name is another tree; a bent signature is none."""
    text = (bundle / "checkpoint").read_text()
    line = next(line for line in text.splitlines() if line.startswith("—"))
    data = bytearray(base64.b64decode(line.split(" ")[2]))
    data[-1] ^= 1
    (bundle / "checkpoint").write_text(text.replace(line.split(" ")[2], base64.b64encode(bytes(data)).decode()))
    code, report = ran(str(bundle))
    assert code == 1 and "it is not signed by the log's key" in {p["what"] for p in report["problems"]}


@settings(max_examples=15, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 511))
def test_its_sm2_is_the_librarys(message: bytes, bit: int) -> None:
    key = KEY
    signature = key.sign_raw(message)
    assert VERIFIER.sm2_verifies(key.public.raw, signature, message)
    flipped = (int.from_bytes(signature, "big") ^ (1 << bit)).to_bytes(64, "big")
    assert not VERIFIER.sm2_verifies(key.public.raw, flipped, message)
    assert not VERIFIER.sm2_verifies(key.public.raw, signature, message + b"x")


KEY = PrivateKey.new(GUOMI)


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=300))
def test_its_sm3_is_the_librarys(message: bytes) -> None:
    assert VERIFIER.sm3_in_python(message) == VERIFIER.sm3(message) == hashing.hash_bytes(message, "sm3")


def test_the_tool_refuses_numbers_out_of_range_and_what_is_no_point() -> None:
    signature = KEY.sign_raw(b"x")
    r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
    for numbers in ((0, s), (r, 0), (r, sm2.N - r), (sm2.N, s), (r, sm2.N), (2**256 - 1, s)):
        made = b"".join(value.to_bytes(32, "big") for value in numbers)
        assert not VERIFIER.sm2_verifies(KEY.public.raw, made, b"x")
    for public in (b"", b"\x02" + (5).to_bytes(32, "big"), b"\x02" + b"\xff" * 32, b"\x04" + KEY.public.raw[1:]):
        assert not VERIFIER.sm2_verifies(public, signature, b"x")
        with pytest.raises(ValueError, match="unknown kind of key"):
            VERIFIER.Key("SM2:" + base64.urlsafe_b64encode(public).decode())


# --- the node itself, and witnesses of either profile ---


@pytest.fixture
def national(node_folder: Path) -> Iterator[Store]:
    with as_if(GUOMI):
        store = Store(f"sqlite:///{node_folder / 'n.db'}")
        with_tables(store)
        signing.install(store, PrivateKey.new(), signing.Me("NATIONAL", "91520100MA6DATONG5", "n", "http://n"))
        yield store
        store.dispose()


def grown(store: Store, folder: Path) -> Sequencer:
    with store.begin(NODE) as tx:
        tx.add(node_settings, {"id": "s", "value": {"n": 1.5}})
        evidence.append(tx, "ground.set", node_settings, "s")
        made = Sequencer(store, signing.node_key(tx), note.origin_of("NATIONAL"), folder / "evidence")
    made.run_once()
    return made


def test_the_node_verifies_itself_and_names_what_was_changed(
    national: Store, node_folder: Path, act: Callable[..., Actor]
) -> None:
    grown(national, node_folder)
    with national.read(act("auditor")) as tx:
        assert audit.verify(tx)["ok"]
        made = audit.export_bundle(tx)
    assert made["digest"].startswith("sm3:") and ran(made["file"])[0] == 0
    with zipfile.ZipFile(made["file"]) as packed:
        assert b"SM2:" in packed.read("bundle.json")
    with national.begin(NODE) as tx:
        tx.change(node_settings, "s", value={"n": 2})
    with national.read(act("auditor")) as tx:
        assert [problem["kind"] for problem in audit.verify(tx)["problems"]] == ["record.changed"]


def test_a_log_of_sm3_is_witnessed_by_the_algorithm_of_its_key(store: Store) -> None:
    """A witness of the default profile folds the proof with the hash of the log's key, not with its own."""
    key = PrivateKey.new(GUOMI)
    entries = [b"one", b"two", b"three"]
    with as_if(GUOMI):
        hashes = [tree.leaf_hash(entry) for entry in entries]
        nodes = tree.grown(0, {}, hashes)
    origin = note.origin_of("PEER")

    def message(size: int, old: int) -> dict[str, Any]:
        with as_if(GUOMI):
            root = tree.folded([nodes[node] for node in tree.complete_nodes((0, size))])
            ranges = tree.consistency_ranges(old, size) if old else []
            proof = [tree.folded([nodes[node] for node in tree.complete_nodes(part)]) for part in ranges]
        signed = note.signed(note.Checkpoint(origin, size, root).text, origin, key)
        return {"note": signed, "old_size": old, "proof": [base64.b64encode(part).decode() for part in proof]}

    with store.begin(NODE) as tx:
        witness.received_checkpoint(tx, sender="PEER", sender_key=key.public.text, body=message(1, 0))
        witness.received_checkpoint(tx, sender="PEER", sender_key=key.public.text, body=message(3, 1))
        assert tx.get(witness.witnessed, "PEER")["size"] == 3  # type: ignore[index]
    bent = message(3, 1)
    bent["proof"][0] = base64.b64encode(bytes(32)).decode()
    with pytest.raises(Refusal, match="EVD-409"), store.begin(NODE) as tx:
        tx.change(witness.witnessed, "PEER", size=1, root=hashes[0].hex())
        witness.received_checkpoint(tx, sender="PEER", sender_key=key.public.text, body=bent)


def test_key_ids_tell_the_algorithms_and_the_uses_apart() -> None:
    ids = [note.key_id("datong/N", kind, PublicKey(KEY.public.text)) for kind in (note.ED25519, note.COSIGNATURE_V1)]
    wanted = [
        hashing.hash_bytes(b"datong/N\n\xff" + name + KEY.public.raw, "sm3")[:4]
        for name in (b"datong/sm2-sm3/v1", b"datong/sm2-sm3-cosignature/v1")
    ]
    assert ids == wanted and ids[0] != ids[1]
    text = "datong/N\n0\nAAAA\n"
    line = note.parsed_line(note.cosigned(text, "datong/N", KEY, 1_700_000_000).rstrip("\n"))
    assert note.cosigned_at(text, line, "datong/N", KEY.public) == 1_700_000_000
    assert note.cosigned_at(text, line, "datong/N", PrivateKey.new().public) is None
