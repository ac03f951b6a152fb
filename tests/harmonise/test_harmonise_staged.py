"""Large tables are put aside and scanned from there: the same build, to the byte, as of a table that was held."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from harmonise_desk import files, prop, write

from datong.engine import service as engine
from datong.ground.db import Actor, Store
from datong.harmonise import service as harmonise
from datong.harmonise.model.reading import BROKEN, ROW
from datong.harmonise.store import builds, rereading, staged
from datong.harmonise.store.sources import gathering

Act = Callable[..., Actor]


@pytest.fixture
def folder(store: Store, node_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    harmonise.install(store, node_folder)
    monkeypatch.setattr(gathering, "BATCH_ROWS", 7)
    return node_folder


def put(folder: Path, *lines: str, **load: Any) -> None:
    properties = (prop("id", required=True), prop("n", "number", required=True), prop("sex"))
    columns = {"id": "id", "n": {"from": "n", "as": "number"}, "sex": {"from": "s", "as": "code", "codes": "sex"}}
    texts = files(columns, *properties, unique=[{"columns": ["id"]}])
    texts["sources/things.yaml"] = {"kind": "csv", "path": "x.csv", **load}
    write(folder / "work", texts)
    (folder / "work/x.csv").write_text("\n".join(["id,n,s,note", *lines]) + "\n", "utf-8")


LINES = [f"r{n},{n if n % 11 else 'x'},{'男' if n % 2 else 'F'},note {n}" for n in range(60)]
LINES = [*LINES[:30], "no record", *LINES[30:], LINES[4], "r5,99,F,another"]


def built(store: Store, actor: Actor) -> dict[str, Any]:
    with store.begin(actor, "harmonise") as tx:
        made = harmonise.build(tx, resource="things-1", workspace="work", mapping="things")
    assert made["read"] == made["harmonised"] + made["quarantined"]
    return made


@pytest.mark.parametrize("load", [{}, {"load": {"by": "snapshot", "key": ["id"]}}], ids=["whole", "snapshot"])
def test_what_is_put_aside_builds_what_is_held_would(
    store: Store, folder: Path, act: Act, monkeypatch: pytest.MonkeyPatch, load: dict[str, Any]
) -> None:
    person = act("data_engineer")
    put(folder, *LINES, **load)
    held = built(store, person)
    with store.read(person) as tx:
        rows = harmonise.quarantined_rows(tx, build=held["id"], decision="d-1")["rows"]
    assert {json.loads(row["record"]).get("note") for row in rows if row["reason"] == "not_a_number"} >= {"note 11"}
    put(folder, *LINES[1:], **load)
    built(store, person)
    seen = []
    real = staged.staged
    for module in (gathering, staged):
        monkeypatch.setattr(module, "staged", lambda path: seen.append(path) or real(path))
    monkeypatch.setattr(staged, "STAGED_BYTES", 1)
    put(folder, *LINES, **load)
    again = built(store, person)
    assert seen
    if not load:
        assert again["id"] == held["id"]
    with store.begin(person, "harmonise") as tx:
        other = harmonise.build(tx, resource="things-2", workspace="work", mapping="things")
    assert {name: other["files"][name]["digest"] for name in other["files"]} == {
        name: held["files"][name]["digest"] for name in held["files"]
    }
    for key in ("read", "harmonised", "quarantined", "reasons", "repairs", "quality"):
        assert other[key] == held[key], key
    assert not list((folder / "data/harmonised/.staged").glob("*")), "what was put aside is gone"


def test_a_staged_table_gives_what_the_held_one_gives(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    numbers = [*range(1, 40), *range(60, 200)]  # as after a load: numbers of rows that went are not given again
    held = pa.table({
        ROW: pa.array(numbers, pa.int64()), BROKEN: pa.nulls(len(numbers), pa.string()), "a": [f"v{n}" for n in numbers],
    })  # fmt: skip
    pq.write_table(held, tmp_path / "x", row_group_size=16)
    aside = staged.staged(tmp_path / "x")
    assert rereading.count(aside) == rereading.count(held) == len(numbers)
    assert rereading.columns(aside) == rereading.columns(held) == ["a"]
    for rows in (0, 1, 5, 1000):
        assert rereading.head(aside, rows).equals(rereading.head(held, rows))
    assert (
        rereading.column(aside, "a").equals(pa.chunked_array(held["a"].chunks)) and rereading.column(aside, "b") is None
    )
    assert (
        rereading.records(aside, [1, 60, 199])
        == rereading.records(held, [1, 60, 199])
        == [{"a": "v1"}, {"a": "v60"}, {"a": "v199"}]
    )
    asked = pa.table({ROW: pa.array([199, 3, 61], pa.int64())})
    assert rereading.again(aside)(asked).equals(rereading.again(held)(asked))
    assert rereading.again(aside)(asked.slice(0, 0)).num_rows == 0


def test_rows_built_go_aside_and_are_the_same(
    store: Store, folder: Path, act: Act, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(folder, *LINES)
    person = act("data_engineer")
    held = built(store, person)
    place = folder / "data/harmonised/things-1" / held["id"] / "harmonised.parquet"
    rows = pq.read_table(place)
    with store.begin(person, "harmonise") as tx:
        kept = tx.get(builds.builds, held["id"])
    monkeypatch.setattr(engine, "HELD_BYTES", 0)
    put(folder, *LINES, "r99,1,F,one more")
    large = built(store, person)
    again = pq.read_table(place.parents[1] / large["id"] / "harmonised.parquet")
    assert again.slice(0, rows.num_rows).equals(rows)
    assert (large["harmonised"], large["quality"]["grade"]) == (held["harmonised"] + 1, held["quality"]["grade"])
    assert large["files"]["harmonised.parquet"]["rows"] == kept["files"]["harmonised.parquet"]["rows"] + 1
    assert not list((folder / "data/harmonised/.staged").glob("*"))
