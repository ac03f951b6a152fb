"""The bundle and the verifier that knows nothing of Datong: what holds, and every attack, named."""

from __future__ import annotations

import ast
import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import make_golden_log as golden
import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from asgi import Asgi
from datong.audit import service as audit
from datong.ground import evidence, signing
from datong.ground.canonical import canonical
from datong.ground.db import NODE, Actor, Store
from datong.ground.db import settings as node_settings
from datong.ground.evidence import note, tree
from datong.ground.evidence.sequencer import Sequencer
from datong.ground.keys import PrivateKey
from datong.ground.refusal import Refusal
from datong.register import service as register
from datong.web.api import api
from scripts import loaded

TOOL = Path(__file__).parents[2] / "tools" / "verify_evidence.py"


VERIFIER = loaded(TOOL)


def ran(*arguments: str) -> tuple[int, dict[str, Any]]:
    """The tool as an outsider runs it: isolated, without any installed package."""
    command = [sys.executable, "-I", "-S", str(TOOL), *arguments, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={"PATH": os.environ["PATH"]})
    assert not done.stderr, done.stderr
    return done.returncode, json.loads(done.stdout)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A copy of the golden bundle to be attacked."""
    return Path(shutil.copytree(golden.GOLDEN / "bundle", tmp_path / "bundle"))


def lines(bundle: Path, name: str) -> list[bytes]:
    return (bundle / name).read_bytes().splitlines()


def write(bundle: Path, name: str, values: list[bytes]) -> None:
    (bundle / name).write_bytes(b"".join(value + b"\n" for value in values))


def found(bundle: Path, *arguments: str) -> set[tuple[str, str]]:
    check = VERIFIER.Check(VERIFIER.read_bundle(bundle), dict(part.partition("=")[::2] for part in arguments))
    check.run()
    return {(problem["kind"], problem["where"]) for problem in check.problems}


def test_the_tool_imports_nothing_but_the_standard_library() -> None:
    imported = {
        (name.name if isinstance(node, ast.Import) else node.module or "").split(".")[0]
        for node in ast.walk(ast.parse(TOOL.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in node.names
    }
    assert imported <= sys.stdlib_module_names


def test_the_golden_log_is_still_what_we_write(tmp_path: Path) -> None:
    golden.build(tmp_path)
    files = {str(file.relative_to(golden.GOLDEN)) for file in golden.GOLDEN.rglob("*") if file.is_file()}
    made = {str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*") if file.is_file()}
    assert files == made
    for name in files:
        assert (tmp_path / name).read_bytes() == (golden.GOLDEN / name).read_bytes(), name


def test_the_golden_log_verifies() -> None:
    told = json.loads((golden.GOLDEN / "bundle" / "bundle.json").read_text())
    code, report = ran(str(golden.GOLDEN / "bundle"), "--key", f"{told['origin']}={told['key']}")
    assert (code, report["problems"]) == (0, [])
    assert {name: report[name] for name in ("leaves", "checkpoints", "cosignatures", "records", "waiting")} == {
        "leaves": 10, "checkpoints": 3, "cosignatures": 1, "records": 4, "waiting": 0,
    }  # fmt: skip
    assert report["keys_given"] == [told["origin"]]


def witness_of(bundle: Path) -> tuple[str, str]:
    (witness,) = json.loads((bundle / "bundle.json").read_text())["witnesses"]
    return witness["name"], f"{witness['name']}={witness['key']}"


def stripped_of_witnesses(bundle: Path) -> None:
    """As a node would that shows another log than it showed its witnesses: no cosignature, no witness named."""
    told = json.loads((bundle / "bundle.json").read_text())
    name = witness_of(bundle)[0]
    (bundle / "bundle.json").write_text(json.dumps({**told, "witnesses": []}))
    note_text = (bundle / "checkpoint").read_text()
    kept = [line for line in note_text.splitlines(keepends=True) if name not in line]
    (bundle / "checkpoint").write_text("".join(kept))
    checkpoints = [json.loads(line) for line in lines(bundle, "checkpoints.jsonl")]
    for one in checkpoints:
        one["note"] = "".join(line for line in one["note"].splitlines(keepends=True) if name not in line)
    write(bundle, "checkpoints.jsonl", [canonical(one) for one in checkpoints])


def test_a_witness_whose_key_is_given_must_have_cosigned(bundle: Path) -> None:
    name, key = witness_of(bundle)
    assert found(bundle, key) == set()
    stripped_of_witnesses(bundle)
    assert found(bundle) == set(), "without a key nothing says that there should be a witness"
    assert found(bundle, key) == {("key", name)}
    assert ran(str(bundle), "--key", key)[0] == 1


def test_a_cosignature_counts_under_the_key_given_though_the_bundle_names_no_witness(bundle: Path) -> None:
    name, key = witness_of(bundle)
    told = json.loads((bundle / "bundle.json").read_text())
    (bundle / "bundle.json").write_text(json.dumps({**told, "witnesses": []}))
    assert found(bundle, key) == set()
    other = PrivateKey.new().public.text
    assert ("key", name) in found(bundle, f"{name}={other}")


def test_a_mistyped_name_of_a_key_is_named(bundle: Path) -> None:
    told = json.loads((bundle / "bundle.json").read_text())
    assert found(bundle, f"{told['origin']}x={told['key']}") == {("key", f"{told['origin']}x")}


def test_in_words(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert VERIFIER.main([str(bundle)]) == 0
    assert "compare it with the published one" in capsys.readouterr().out
    write(bundle, "records.jsonl", lines(bundle, "records.jsonl")[1:])
    assert VERIFIER.main([str(bundle)]) == 1
    assert "golden_invoice inv-0-0: it is gone" in capsys.readouterr().out
    assert VERIFIER.main([str(bundle / "nothing")]) == 2


@pytest.mark.parametrize("place", range(10))
def test_one_byte_of_a_leaf_flipped(bundle: Path, place: int) -> None:
    every = lines(bundle, "leaves.jsonl")
    every[place] = every[place].replace(b'"finance"', b'"financf"')
    write(bundle, "leaves.jsonl", every)
    record = json.loads(every[place])["record"]
    assert ("leaf", f"leaf {place} ({record['table']} {record['id']})") in found(bundle)
    code, report = ran(str(bundle))
    assert code == 1 and not report["ok"]


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (lambda every: every[:4] + every[5:], "leaf 4 "),  # dropped: the next one stands in its place
        (lambda every: [*every[:2], every[3], every[2], *every[4:]], "leaf 2 "),  # swapped
        (lambda every: [*every[:6], every[5], *every[6:]], "leaf 6 "),  # one twice
        (lambda every: [*every[:6], every[5].replace(b"a", b"b"), *every[6:]], "leaf 6"),  # one slipped in
    ],
)
def test_leaves_dropped_swapped_added(bundle: Path, change: Callable[[list[bytes]], list[bytes]], where: str) -> None:
    write(bundle, "leaves.jsonl", change(lines(bundle, "leaves.jsonl")))
    problems = found(bundle)
    assert any(kind == "leaf" and place.startswith(where) for kind, place in problems)
    assert any(kind == "checkpoint" for kind, _ in problems)


def test_the_newest_leaves_cut_off(bundle: Path) -> None:
    write(bundle, "leaves.jsonl", lines(bundle, "leaves.jsonl")[:7])
    assert ("checkpoint", "checkpoint 10") in found(bundle)
    write(bundle, "checkpoints.jsonl", lines(bundle, "checkpoints.jsonl")[:2])  # and the signed proof of them
    assert ("checkpoint", "checkpoint 10") in found(bundle)


@pytest.mark.parametrize("number", range(4))
def test_records_edited_dropped_and_added(bundle: Path, number: int) -> None:
    every = lines(bundle, "records.jsonl")
    value = json.loads(every[number])
    where = ("record", f"golden_invoice {value['id']}")
    for name, other in (("gross_fen", 7), ("buyer", "x"), ("share", None), ("parts", []), ("id", "other")):
        changed = {**value, "row": {**value["row"], name: other}}
        write(bundle, "records.jsonl", [*every[:number], canonical(changed), *every[number + 1 :]])
        assert found(bundle) == {where}, name
    write(bundle, "records.jsonl", [*every[:number], *every[number + 1 :]])
    assert found(bundle) == {where}
    added = canonical({**value, "id": "inv-9", "row": {**value["row"], "id": "inv-9"}})
    write(bundle, "records.jsonl", [*every, added])
    assert found(bundle) == {("record", "golden_invoice inv-9")}
    write(bundle, "records.jsonl", [*every, every[number]])
    assert found(bundle) == {where}


def test_a_deleted_record_that_came_back(bundle: Path) -> None:
    deleted = json.loads(lines(bundle, "records.jsonl")[0])
    deleted["id"] = deleted["row"]["id"] = "inv-1-2"
    write(bundle, "records.jsonl", [*lines(bundle, "records.jsonl"), canonical(deleted)])
    assert found(bundle) == {("record", "golden_invoice inv-1-2")}


def test_a_record_explained_by_a_leaf_outside_the_signed_log(bundle: Path) -> None:
    """A forger changes a record and adds a fitting leaf that is only "waiting"."""
    value = json.loads(lines(bundle, "records.jsonl")[0])
    value["row"]["gross_fen"] = 1
    leaf = json.loads(lines(bundle, "leaves.jsonl")[0])
    leaf["id"] = "leaf-new"
    leaf["record"]["digest"] = VERIFIER.digest(value["row"], VERIFIER.sha256)
    write(bundle, "records.jsonl", [canonical(value), *lines(bundle, "records.jsonl")[1:]])
    write(bundle, "waiting.jsonl", [canonical(leaf)])
    assert found(bundle) == {("record", f"golden_invoice {value['id']}")}


def forged(bundle: Path, key: PrivateKey, leaves: list[bytes], origin: str = "datong/GOLDEN") -> None:
    """Everything in the bundle made to fit `leaves`, signed with `key`."""
    hashes = [tree.leaf_hash(leaf) for leaf in leaves]
    nodes = tree.grown(0, {}, hashes)
    root = tree.folded([nodes[node] for node in tree.complete_nodes((0, len(leaves)))])
    text = note.signed(note.Checkpoint(origin, len(leaves), root).text, origin, key)
    write(bundle, "leaves.jsonl", leaves)
    write(bundle, "hashes.txt", [part.hex().encode() for part in hashes])
    (bundle / "checkpoint").write_text(text)
    write(bundle, "checkpoints.jsonl", [canonical({"size": len(leaves), "note": text})])


def test_a_whole_forged_log(bundle: Path) -> None:
    told = json.loads((bundle / "bundle.json").read_text())
    key = PrivateKey.new()
    every = lines(bundle, "leaves.jsonl")
    forged(bundle, key, [every[0].replace(b'"finance"', b'"auditor"'), *every[1:]])
    assert ("checkpoint", "checkpoint 10") in found(bundle)
    (bundle / "bundle.json").write_bytes(canonical({**told, "key": key.public.text}))
    assert found(bundle) == set(), "a bundle alone proves nothing about whose it is"
    trusted = f"{told['origin']}={told['key']}"
    assert found(bundle, trusted) == {("key", told["origin"]), ("checkpoint", "checkpoint 10")}
    code, report = ran(str(bundle), "--key", trusted)
    assert code == 1 and report["keys"][told["origin"]] == told["key"]


def test_a_forged_checkpoint_of_another_origin(bundle: Path) -> None:
    forged(bundle, PrivateKey.new(), lines(bundle, "leaves.jsonl"), origin="datong/OTHER")
    assert ("checkpoint", "checkpoint 10") in found(bundle)


def test_a_false_cosignature(bundle: Path) -> None:
    text = (bundle / "checkpoint").read_text()
    name = "datong/WITNESS"
    read = note.parsed(text)
    ours = read.signatures[1]
    late = note.Signature(name, ours.key_id, (int.from_bytes(ours.value[:8]) + 1).to_bytes(8) + ours.value[8:])
    (bundle / "checkpoint").write_text(note.written(note.Note(read.text, (read.signatures[0], late))))
    assert found(bundle) == {("cosignature", "checkpoint 10")}


@pytest.mark.parametrize("name", ["checkpoint", "checkpoints.jsonl", "leaves.jsonl", "records.jsonl"])
@pytest.mark.parametrize("garbage", [b"\xff\xfe", b"null\n", b"[]\n", b"{}\n", b"[" * 5000 + b"\n", b""])
def test_garbage_is_named_and_never_passes(bundle: Path, name: str, garbage: bytes) -> None:
    (bundle / name).write_bytes(garbage)
    if name == "checkpoints.jsonl" and garbage == b"":
        assert found(bundle) == set()  # the newest checkpoint alone covers all leaves
    else:
        assert found(bundle)


@pytest.mark.parametrize(
    "change", [{"format": "x"}, {"version": 2}, {"key": "SM2:AA"}, {"witnesses": None}, {"tables": 3}]
)
def test_no_bundle(bundle: Path, change: dict[str, Any]) -> None:
    told = json.loads((bundle / "bundle.json").read_text())
    (bundle / "bundle.json").write_text(json.dumps({**told, **change}))
    code, report = ran(str(bundle))
    assert code == 2 and report["unreadable"]


def zipped(bundle: Path, **other: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as out:
        for name in VERIFIER.FILES:
            out.writestr(name, other.get(name.partition(".")[0], (bundle / name).read_bytes()))
    return packed.getvalue()


def everywhere(data: bytes, mark: bytes, at: int, value: bytes) -> bytes:
    """The zip with `value` at this place of each of its headers of a kind."""
    parts = data.split(mark)
    return mark.join([parts[0], *(part[: at - 4] + value + part[at - 4 + len(value) :] for part in parts[1:])])


TORN: dict[str, Callable[[bytes], bytes]] = {
    "cut": lambda data: data[: len(data) // 2],
    "without its end": lambda data: data[:-10],
    "packed in a way nobody knows": lambda data: everywhere(data, b"PK\x01\x02", 10, b"\x63\x00"),
    "encrypted": lambda data: everywhere(everywhere(data, b"PK\x01\x02", 8, b"\x01"), b"PK\x03\x04", 6, b"\x01"),
    "with a name that is no text": lambda data: everywhere(everywhere(data, b"PK\x01\x02", 8, b"\0\x08"), b"PK\x01\x02", 46, b"\xb6"),
    "torn inside": lambda data: data[:200] + b"\xff" * 40 + data[240:],
    "empty": lambda _data: b"",
}  # fmt: skip


@pytest.mark.parametrize("how", TORN)
def test_a_torn_zip_is_unreadable_and_no_crash(bundle: Path, tmp_path: Path, how: str) -> None:
    """Exit status 1 would say that the log differs."""
    whole = zipped(bundle)
    file = tmp_path / "bundle.zip"
    file.write_bytes(whole)
    assert ran(str(file))[0] == 0
    file.write_bytes(TORN[how](whole))
    code, report = ran(str(file))
    assert code == 2 and report["unreadable"]


def test_a_zip_that_would_fill_the_memory_is_not_unpacked(bundle: Path, tmp_path: Path) -> None:
    file = tmp_path / "bundle.zip"
    file.write_bytes(zipped(bundle, waiting=b"\n" * 50_000_000))
    assert ran(str(file)) == (2, {"ok": False, "unreadable": "waiting.jsonl is too large"})


# --- the parts the tool writes out itself ---


@settings(max_examples=20)
@given(st.binary(min_size=32, max_size=32), st.binary(max_size=200), st.integers(0, 511))
def test_its_ed25519_is_the_librarys(seed: bytes, message: bytes, bit: int) -> None:
    key = Ed25519PrivateKey.from_private_bytes(seed)
    public, signature = key.public_key().public_bytes_raw(), key.sign(message)
    assert VERIFIER.ed25519_verifies(public, signature, message)
    flipped = (int.from_bytes(signature) ^ (1 << bit)).to_bytes(64)
    assert not VERIFIER.ed25519_verifies(public, flipped, message)
    assert not VERIFIER.ed25519_verifies(public, signature, message + b"x")


def test_rfc_8032_and_malleable_signatures() -> None:
    public = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
    signature = bytes.fromhex(
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )
    assert VERIFIER.ed25519_verifies(public, signature, b"\x72")
    s = int.from_bytes(signature[32:], "little") + VERIFIER.L  # the same point, another text
    assert not VERIFIER.ed25519_verifies(public, signature[:32] + s.to_bytes(32, "little"), b"\x72")
    assert not VERIFIER.ed25519_verifies(b"\xff" * 32, signature, b"\x72")
    assert not VERIFIER.ed25519_verifies(public, signature[:63], b"\x72")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)  # fmt: skip


@settings(max_examples=300)
@given(VALUES)
def test_its_canonical_json_is_the_librarys(value: Any) -> None:
    text = rfc8785.dumps(value)
    assert VERIFIER.canonical_text(value).encode() == text
    assert VERIFIER.canonical_text(VERIFIER.parsed(text)).encode() == text


# --- exporting ---


@pytest.fixture
def grown(store: Store, node_folder: Path) -> Sequencer:
    with store.begin(NODE) as tx:
        tx.add(node_settings, {"id": "s", "value": {"n": 1.5}})
        evidence.append(tx, "ground.set", node_settings, "s")
        return Sequencer(
            store, signing.node_key(tx), note.origin_of(signing.me(tx).code), node_folder / "evidence"
        )  # fmt: skip


def test_exported_and_checked(store: Store, grown: Sequencer, act: Callable[..., Actor], tmp_path: Path) -> None:
    with store.read(act("auditor")) as tx, pytest.raises(Refusal, match="AUD-503"):
        audit.export_bundle(tx)
    grown.run_once()
    with store.read(act("auditor")) as tx:
        made = audit.export_bundle(tx)
        with pytest.raises(Refusal, match="AUD-400"):
            audit.export_bundle(tx, name="../../etc/passwd")
        key = signing.node_key(tx).public.text
    assert Path(made["file"]).parent.name == "bundles" and made["leaves"] == made["records"] == 1
    code, report = ran(made["file"], "--key", f"{grown._origin}={key}")
    assert (code, report["problems"], report["leaves"]) == (0, [], 1)
    with zipfile.ZipFile(io.BytesIO(Path(made["file"]).read_bytes())) as packed:
        assert {info.filename for info in packed.infolist()} == set(VERIFIER.FILES)


def test_an_export_waits_for_the_leaf_that_was_just_written(
    store: Store, grown: Sequencer, act: Callable[..., Actor]
) -> None:
    """The record it speaks of would be without proof, and the bundle would have to be exported again."""
    grown.run_once()
    with store.begin(NODE) as tx:
        tx.change(node_settings, "s", value={"n": 2})
        evidence.append(tx, "ground.set", node_settings, "s")
    grown.start()
    with store.begin(act("auditor"), "audit") as tx:
        made = audit.export_bundle(tx)
    grown.stop()
    assert (made["leaves"], made["waiting"]) == (2, 0) and made["file"].endswith("evidence-2.zip")
    assert ran(made["file"])[0] == 0
    with store.begin(NODE) as tx:
        evidence.append(tx, "ground.set", node_settings, "s")
    with store.read(act("auditor")) as tx:  # nobody gives it a place now: the bundle is made, and says so
        assert audit.export_bundle(tx)["waiting"] == 1


def test_a_file_is_written_by_a_post_only(store: Store, grown: Sequencer, node_folder: Path) -> None:
    """As whatever writes: no link and no picture on another's page makes a node write bundles all day long."""
    grown.run_once()
    with store.begin(NODE, "start") as tx:
        person = register.bootstrap_operator(tx, login="op", name="运维", password=None)["id"]
        token = register.issue_service_token(tx, person=person, label="t", scopes=["audit"], days=1)["token"]
    grown.run_once()
    asking = {"authorization": f"Bearer {token}", "idempotency-key": "k-1"}
    door = Asgi(api(store))
    assert door.get("/audit/export_bundle?name=got", headers=asking).status_code == 405
    assert not (node_folder / "bundles").exists()
    made = door.request("POST", "/audit/export_bundle", json={"name": "posted"}, headers=asking).json()
    assert [path.name for path in (node_folder / "bundles").iterdir()] == ["posted.zip"]
    assert ran(made["result"]["file"] if "result" in made else made["file"])[0] == 0


def test_who_may_export(store: Store, grown: Sequencer, act: Callable[..., Actor]) -> None:
    grown.run_once()
    for role, may in (("operator", True), ("auditor", True), ("analyst", False), ("peer", False)):
        with store.read(act(role)) as tx:
            if may:
                audit.export_bundle(tx, name=f"for-{role}")
            else:
                with pytest.raises(Refusal, match="GEN-403"):
                    audit.export_bundle(tx)


def test_lists_and_receipts(store: Store, grown: Sequencer, act: Callable[..., Actor]) -> None:
    grown.run_once()
    with store.read(act("analyst")) as tx:
        [row] = audit.leaves(tx)
        assert (row["position"], row["act"], row["table"], row["record"]) == (0, "ground.set", "node_setting", "s")
        assert audit.leaves(tx, table="other") == [] and len(audit.leaves(tx, record="s")) == 1
        assert audit.receipt(tx, leaf=row["leaf"])["size"] == 1
    with store.read(act("operator")) as tx:
        assert audit.health(tx)["checkpoint"].startswith("datong/")


def test_no_bundle_writes_over_its_findings_on_the_screen_of_who_checks_it(bundle: Path) -> None:
    """The name of a record that differs stands in what is printed: with signs that move the cursor or turn the reading
    round its maker could write over the finding."""
    over = "\x1b[2K\x1b[1A\u202e\x9beverything holds\r"
    records = [json.loads(line) for line in lines(bundle, "records.jsonl")]
    records[0]["id"] = records[0]["row"]["id"] = over
    write(bundle, "records.jsonl", [json.dumps(record).encode() for record in records])
    command = [sys.executable, "-I", "-S", str(TOOL), str(bundle)]
    done = subprocess.run(command, capture_output=True, check=False, env={"PATH": os.environ["PATH"],
                                                                          "PYTHONIOENCODING": "utf-8"})  # fmt: skip
    told = done.stdout.decode()
    assert done.returncode == 1 and "DIFFERS" in told and "everything holds" in told, "it is told, as a name"
    assert all(sign.isprintable() for line in told.split("\n") for sign in line)
    assert told.rstrip("\n").rpartition("\n")[2].endswith("things differ")
