"""Somebody with the disk of a node changes what was recorded: `audit verify` and the one-file verifier name it.

The changes are made past the running node, in its database file and its log files, and taken back afterwards.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from paperwork import BIKE, BUREAU, GROUP, LAB, REGISTRY, parties

from datong.ground.evidence import tiles
from demo_run import ROOT
from living import Living

CHAIN = (
    "register_case", "register_ledger", "agreement", "usage_event", "decision", "delivery_grant", "invoice",
    "invoice_line", "ledger_entry", "posting", "statement", "compose_product_version", "deidentify_release", "fee",
    "price_ceiling", "instrument", "listing", "offer", "share_table", "share_file", "register_node", "register_product",
)  # fmt: skip
"""Tables of the group's node in which every value of a row is changed, one after the other."""


@pytest.fixture(scope="module", autouse=True)
def settled(living: Living) -> Living:
    """Nothing is under way any more: every leaf has its place."""
    living.at_rest()
    return living


def verified(living: Living, slug: str) -> dict[str, Any]:
    return dict(living.who(slug, "operator").ask("audit.verify"))


def named(found: dict[str, Any]) -> set[tuple[str, str]]:
    return {(problem["table"], problem["id"]) for problem in found["problems"]}


def other(value: Any) -> Any:
    """Another value of the same kind; in JSON texts one member is added."""
    if value is None or value == "":
        return "x"
    if isinstance(value, int | float):
        return 0 if value == 1 else value + 1  # 1 may be a truth value
    if isinstance(value, bytes):
        return value + b"x"
    if value[:1] in "{[":
        told = json.loads(value)
        return json.dumps({**told, "x": 1} if isinstance(told, dict) else [*told, "x"], ensure_ascii=False)
    return json.dumps(json.loads(value) + "x") if value[:1] == '"' else value + "x"


@contextmanager
def changed(living: Living, slug: str, table: str, key: str, column: str, value: Any) -> Iterator[None]:
    """The column of one row set past the node, and set back."""
    with closing(living.store(slug)) as store:
        before = store.execute(f'SELECT "{column}" FROM "{table}" WHERE id = ?', (key,)).fetchone()[0]
        where = key if column != "id" else value

        def write(new: Any, at: str) -> None:
            store.execute(f'UPDATE "{table}" SET "{column}" = ? WHERE id = ?', (new, at))
            store.commit()

        write(value, key)
        try:
            yield
        finally:
            write(before, where)


def first_rows(living: Living, slug: str, tables: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    with closing(living.store(slug)) as store:
        rows = {table: store.execute(f'SELECT * FROM "{table}" ORDER BY id LIMIT 1').fetchone() for table in tables}
    return {table: dict(row) for table, row in rows.items() if row is not None}


def test_every_value_of_every_record_of_the_chain_is_under_evidence(living: Living) -> None:
    """Column by column, one changed value in each of the tables at once; each is named, and nothing else is."""
    rows = first_rows(living, GROUP, CHAIN)
    assert set(rows) == set(CHAIN), "the journey left a row in each of them"
    for number in range(max(map(len, rows.values()))):
        touched: dict[tuple[str, str], str] = {}
        with closing(living.store(GROUP)) as store:
            for table, row in rows.items():
                if number < len(row):
                    column = list(row)[number]
                    touched[table, row["id"]] = column
                    set_value(store, table, row["id"], column, other(row[column]))
            store.commit()
        found = verified(living, GROUP)
        with closing(living.store(GROUP)) as store:
            for (table, key), column in touched.items():
                at = key if column != "id" else other(key)
                set_value(store, table, at, column, rows[table][column])
            store.commit()
        missed = {f"{table}.{column}" for (table, key), column in touched.items() if (table, key) not in named(found)}
        assert not missed, missed
        renamed = {(table, other(key)) for (table, key), column in touched.items() if column == "id"}
        witness = {("", "")} if "public_key" in touched.values() else set()  # its cosignatures fail with its key
        assert named(found) <= set(touched) | renamed | witness, "and only what was changed"
    assert verified(living, GROUP)["ok"]


def set_value(store: sqlite3.Connection, table: str, key: str, column: str, value: Any) -> None:
    assert store.execute(f'UPDATE "{table}" SET "{column}" = ? WHERE id = ?', (value, key)).rowcount == 1


ELSEWHERE = [
    (REGISTRY, "register_case", "state"), (REGISTRY, "register_ledger", "entry"), (REGISTRY, "cost_survey", "mpr_fen"),
    (BUREAU, "agreement", "terms"), (BUREAU, "instrument", "value"), (BUREAU, "build", "digest"), (BIKE, "decision", "outcome"),
    (BIKE, "statement", "share_fen"), (LAB, "agreement", "policy"), (LAB, "invoice", "gross_fen"), (LAB, "register_person", "roles"),
]  # fmt: skip


@pytest.mark.parametrize(("slug", "table", "column"), ELSEWHERE, ids=lambda value: value)
def test_a_value_changed_at_any_other_node_is_named_there(living: Living, slug: str, table: str, column: str) -> None:
    row = first_rows(living, slug, (table,))[table]
    with changed(living, slug, table, row["id"], column, other(row[column])):
        found = verified(living, slug)
    assert named(found) == {(table, row["id"])} and not found["ok"]
    (problem,) = found["problems"]
    assert problem["kind"] == "record.changed" and problem["act"] and problem["zh"]


def test_a_record_taken_out_or_put_in_past_the_node_is_named(living: Living) -> None:
    with closing(living.store(GROUP)) as store:
        row = store.execute("SELECT * FROM usage_event").fetchone()
        columns = ", ".join(f'"{name}"' for name in row.keys())  # noqa: SIM118 - a sqlite3.Row
        insert = f"INSERT INTO usage_event ({columns}) VALUES ({', '.join('?' * len(row))})"
        store.execute("DELETE FROM usage_event WHERE id = ?", (row["id"],))
        store.commit()
        gone = verified(living, GROUP)
        store.execute(insert, tuple(row))
        forged = {**dict(row), "id": "use-forged"} | ({"seq": 999} if "seq" in row.keys() else {})  # noqa: SIM118
        store.execute(insert, tuple(forged.values()))
        store.commit()
        added = verified(living, GROUP)
        store.execute("DELETE FROM usage_event WHERE id = 'use-forged'")
        store.commit()
    assert {("record.missing", row["id"])} == {(p["kind"], p["id"]) for p in gone["problems"]}
    assert {("record.unlogged", "use-forged")} == {(p["kind"], p["id"]) for p in added["problems"]}
    assert verified(living, GROUP)["ok"]


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


@contextmanager
def one_byte_flipped(file: Path, at: int) -> Iterator[None]:
    before = file.read_bytes()
    file.write_bytes(flipped(before, at))
    try:
        yield
    finally:
        file.write_bytes(before)


def log_files(living: Living, slug: str) -> dict[str, Path]:
    """The newest tile of hashes and of entries, and the checkpoint, by their paths in the log."""
    folder = living.folder / slug / "evidence"
    size = int((folder / "checkpoint").read_text("utf-8").splitlines()[1])
    newest = {tile.level: tile.path for tile in tiles.tiles(size) if tile.level in (tiles.ENTRIES, 0)}
    return {path: folder / path for path in (*newest.values(), "checkpoint")}


@pytest.mark.parametrize("slug", list(parties()))
def test_one_byte_of_a_log_file_is_found_and_named(living: Living, slug: str) -> None:
    files = log_files(living, slug)
    assert len(files) == 3 and all(file.is_file() for file in files.values())
    for name, file in files.items():
        size = file.stat().st_size
        for at in {size // 3, size - 2}:
            with one_byte_flipped(file, at):
                found = verified(living, slug)
            assert not found["ok"], (name, at)
            said = json.dumps(found["problems"])
            assert name in said and "file.changed" in said, (name, at, said)
    assert verified(living, slug)["ok"]


def test_the_body_of_a_leaf_changed_in_the_store_is_named(living: Living) -> None:
    with closing(living.store(GROUP)) as store:
        leaf = store.execute(
            "SELECT id, body, position, act FROM evidence_leaf WHERE table_name = 'invoice' ORDER BY seq LIMIT 1"
        ).fetchone()
        body = bytes(leaf["body"])
        for at in (3, len(body) // 2, len(body) - 3):
            store.execute("UPDATE evidence_leaf SET body = ? WHERE id = ?", (flipped(body, at), leaf["id"]))
            store.commit()
            found = verified(living, GROUP)
            store.execute("UPDATE evidence_leaf SET body = ? WHERE id = ?", (body, leaf["id"]))
            store.commit()
            faults = {(p["kind"], p["where"]) for p in found["problems"]}
            assert ("leaf.changed", f"leaf {leaf['position']}") in faults, (at, faults)
    assert verified(living, GROUP)["ok"]


# --- the command line ------------------------------------------------------------------------------------------------


def test_the_command_line_verifies_and_walks_from_an_invoice_line_to_the_sources(living: Living) -> None:
    told = living.cli(GROUP, "auditor", "audit", "verify", "--json")
    assert told.returncode == 0 and json.loads(told.stdout)["ok"] is True, told.stderr
    line = living.journey.known["invoice"]["lines"][0]["id"]
    walked = json.loads(living.cli(GROUP, "auditor", "audit", "walk", "--invoice-line", line, "--json").stdout)
    assert walked["ok"], walked["problems"]
    steps = {step["table"] for step in walked["steps"]}
    assert {
        "invoice_line", "invoice", "agreement", "usage_event", "decision", "share_table", "compose_product_version",
        "compose_supply", "register_ledger",
    } <= steps  # fmt: skip
    assert all(step["ok"] and step["proof"] for step in walked["steps"])
    slugs = {living.code(f"node:{slug}"): slug for slug in parties()}
    onward = {slugs[step["node"]]: step for step in walked["continues"]}
    assert set(onward) == {BIKE, BUREAU}, "the sources are at their owners' nodes"
    for slug, step in onward.items():
        assert step["call"] == "audit.trace"
        traced = living.cli(slug, "operator", "audit", "trace", "--digest", step["arguments"]["digest"], "--json")
        found = json.loads(traced.stdout)
        assert found["ok"], found["problems"]
        builds = [one for one in found["steps"] if one["table"] == "build"]
        assert builds and builds[0]["shows"]["source_digest"].startswith("sha256:")


def test_the_walk_stops_at_a_record_that_was_changed(living: Living) -> None:
    line = living.journey.known["invoice"]["lines"][0]["id"]
    with closing(living.store(GROUP)) as store:  # other contracts of the journey are metered too
        of_the_line = "SELECT * FROM usage_event WHERE agreement = ? ORDER BY id LIMIT 1"
        row = dict(store.execute(of_the_line, (living.journey.known["invoice"]["agreement"],)).fetchone())
    with changed(living, GROUP, "usage_event", row["id"], "rows", row["rows"] + 1):
        walked = json.loads(living.cli(GROUP, "auditor", "audit", "walk", "--invoice-line", line, "--json").stdout)
        verified_there = living.cli(GROUP, "auditor", "audit", "verify", "--json")
    assert not walked["ok"]
    assert [(p["table"], p["id"]) for p in walked["problems"]] == [("usage_event", row["id"])]
    assert row["id"] in verified_there.stdout and json.loads(verified_there.stdout)["ok"] is False


def test_the_command_line_shows_a_refusal_and_an_exit_code(living: Living) -> None:
    refused = living.cli(LAB, "analyst", "price", "survey-costs", "--survey", "{}")
    assert refused.returncode == 3 and refused.stderr.startswith("[GEN-403]") and "price_officer" in refused.stderr
    unknown = living.cli(GROUP, "auditor", "audit", "walk", "--invoice-line", "nothing")
    assert unknown.returncode == 4 and "AUD-404" in unknown.stderr


# --- the bundle --------------------------------------------------------------------------------------------------


def outsider(bundle: Path) -> tuple[int, dict[str, Any]]:
    """The one-file verifier, isolated from everything installed."""
    command = [sys.executable, "-I", "-S", str(ROOT / "tools" / "verify_evidence.py"), str(bundle), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={"PATH": os.environ["PATH"]})
    assert not done.stderr, done.stderr
    return done.returncode, json.loads(done.stdout)


@pytest.fixture(scope="module")
def bundle(living: Living, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The group's evidence bundle as the command line exports it, unpacked."""
    told = living.cli(GROUP, "auditor", "audit", "export-bundle", "--name", "for-the-auditor", "--json")
    file = Path(json.loads(told.stdout)["file"])
    folder = tmp_path_factory.mktemp("bundle") / "bundle"
    with zipfile.ZipFile(file) as packed:
        packed.extractall(folder)
    code, found = outsider(file)
    assert (code, found["problems"]) == (0, [])
    assert found["leaves"] == living.leaves(GROUP)
    return folder


def spoilt(bundle: Path, folder: Path, name: str, change: Callable[[bytes], bytes]) -> dict[str, Any]:
    """What the verifier finds in a copy of the bundle with one file changed."""
    copy = Path(shutil.copytree(bundle, folder / "copy"))
    (copy / name).write_bytes(change((copy / name).read_bytes()))
    code, found = outsider(copy)
    assert code == 1 and found["problems"]
    return found


def test_a_changed_record_of_an_exported_bundle_is_named(bundle: Path, tmp_path: Path) -> None:
    wanted = {
        "register_case": "state", "agreement": "dataset", "usage_event": "rows", "invoice": "gross_fen", "posting": "amount_fen",
    }  # fmt: skip
    touched = set()

    def change(data: bytes) -> bytes:
        lines = []
        for before in data.splitlines():
            line, told = before, json.loads(before)
            column = wanted.pop(told["table"], None)
            if column is not None:
                told["row"][column] = other(told["row"][column])
                touched.add(f"{told['table']} {told['id']}")
                line = json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
            lines.append(line)
        return b"".join(line + b"\n" for line in lines)

    found = spoilt(bundle, tmp_path, "records.jsonl", change)
    assert len(touched) == 5 and {problem["where"] for problem in found["problems"]} == touched


def test_a_changed_leaf_of_an_exported_bundle_is_named(bundle: Path, tmp_path: Path) -> None:
    lines = (bundle / "leaves.jsonl").read_bytes().splitlines(keepends=True)
    place = next(n for n, line in enumerate(lines) if b'"posting"' in line)

    def change(_data: bytes) -> bytes:
        return b"".join(flipped(line, len(line) // 2) if n == place else line for n, line in enumerate(lines))

    found = spoilt(bundle, tmp_path, "leaves.jsonl", change)
    assert any(problem["where"].startswith(f"leaf {place}") for problem in found["problems"]), found["problems"]


def test_a_record_left_out_and_a_checkpoint_changed_are_named(bundle: Path, tmp_path: Path) -> None:
    last = json.loads((bundle / "records.jsonl").read_bytes().splitlines()[-1])
    found = spoilt(bundle, tmp_path, "records.jsonl", lambda data: b"".join(data.splitlines(keepends=True)[:-1]))
    assert [problem["where"] for problem in found["problems"]] == [f"{last['table']} {last['id']}"]
    shutil.rmtree(tmp_path / "copy")
    found = spoilt(bundle, tmp_path, "checkpoint", lambda data: flipped(data, len(data) - 5))
    assert {problem["kind"] for problem in found["problems"]} <= {"checkpoint", "cosignature"}
