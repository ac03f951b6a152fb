"""The verbs: build and build again, refusals that leave nothing, what readers and owners get, and the real trips."""

from __future__ import annotations

import json
import random
import resource
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from harmonise_desk import TRIPS, TRIPS_DATA, files, prop, write
from sqlalchemy import select

from datong.engine.model import STEP_FAILED
from datong.ground.db import NODE, Actor, Store, settings
from datong.ground.evidence import leaves
from datong.ground.refusal import Refusal
from datong.harmonise import service as harmonise
from datong.harmonise.service import layering
from datong.harmonise.store import builds as tables
from datong.harmonise.store import files as stored
from datong.harmonise.store import scanned

Act = Callable[..., Actor]
COLUMNS = {"id": "id", "n": {"from": "n", "as": "number", "thousands": ","}}
PROPERTIES = (prop("id", required=True), prop("n", "integer", required=True))


@pytest.fixture
def folder(store: Store, node_folder: Path) -> Path:
    harmonise.install(store, node_folder)
    write(node_folder / "work", files(COLUMNS, *PROPERTIES, missing=["-"], unique=[{"columns": ["id"]}]))
    return node_folder


def rows(folder: Path, *given: Any) -> None:
    (folder / "work" / "things.json").write_text(json.dumps(given))


def numbers(count: int, bad: int = 0) -> list[dict[str, str]]:
    return [{"id": f"r{k}", "n": "secret-value" if k < bad else str(k)} for k in range(count)]


def built(store: Store, actor: Actor, resource: str = "things-1", **more: Any) -> dict[str, Any]:
    with store.begin(actor, "harmonise") as tx:
        return harmonise.build(tx, resource=resource, **{"workspace": "work", "mapping": "things", **more})


def refused(store: Store, actor: Actor, code: str, **more: Any) -> Refusal:
    with pytest.raises(Refusal) as caught:
        built(store, actor, **more)
    assert caught.value.code == code
    return caught.value


def left_behind(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in (folder / "data").rglob("*") if p.is_file())


@dataclass
class Gate:
    """Where a build waits, once it has read its source, until it may go on."""

    reached: threading.Event = field(default_factory=threading.Event)
    open: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    gate, run = Gate(), layering.run

    def waiting(*given: Any) -> Any:
        gate.reached.set()
        assert gate.open.wait(30)
        return run(*given)

    monkeypatch.setattr(layering, "run", waiting)
    yield gate
    gate.open.set()


def test_while_a_build_reads_and_runs_others_write_and_nobody_else_builds(
    store: Store, folder: Path, act: Act, gate: Gate
) -> None:
    rows(folder, *numbers(4))
    made: list[str] = []
    builds = [
        threading.Thread(target=lambda: made.append(built(store, act("data_engineer"), data="work")["id"]))
        for _ in range(2)
    ]
    builds[0].start()
    assert gate.reached.wait(30)
    with store.begin(NODE) as tx:  # which waited for the whole build before
        tx.add(settings, {"id": "meanwhile", "value": 1})
    builds[1].start()
    with store.begin(NODE) as tx:
        assert harmonise.sweep(tx) == [], "a node that starts leaves the files of a build alone"
    assert made == []
    gate.open.set()
    for thread in builds:
        thread.join(60)
    assert len(made) == 2 and len(set(made)) == 1, "the second waited, and found it built"
    with store.read() as tx:
        assert len(tx.all(select(tables.builds))) == 1
    assert len(left_behind(folder)) == 4
    with store.begin(NODE) as tx:
        assert harmonise.sweep(tx) == []


def test_what_a_scan_stumbles_over_is_built_from_its_text_and_is_there(
    store: Store, folder: Path, act: Act, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "work/sources/things.yaml").write_text("kind: ndjson\npath: things.json\n")
    (folder / "work/things.json").write_text("\n".join(map(json.dumps, numbers(30))))
    monkeypatch.setattr(scanned, "reading", partial(scanned.reading, scan_from=0))
    run, read = layering.run, []

    def stumbling(mapping: Any, reading: Any, *given: Any) -> Any:
        read.append(type(reading.tables["things"]).__name__)
        if read[-1] == "Lines":
            raise STEP_FAILED(step="typed", error="Invalid Input Error")
        return run(mapping, reading, *given)

    monkeypatch.setattr(layering, "run", stumbling)
    for _ in range(2):
        made = built(store, act("data_engineer"), data="work")
        with store.read() as tx:
            assert harmonise.current(tx, "things-1")["build"] == made["id"]
        assert made["harmonised"] == 30
        assert (stored.place(folder, "things-1", made["id"]) / stored.HARMONISED).is_file()
    assert read[0] == "Lines" and read[1] != "Lines"


def test_a_quarantined_row_keeps_what_no_mapping_names(store: Store, folder: Path, act: Act) -> None:
    rows(
        folder, {"id": "a", "n": "1"}, {"id": "b", "n": "x", "note": {"by": "王"}, "none": None}, {"id": "c", "n": "2"}
    )
    made = built(store, act("data_engineer"), data="work")
    with store.read(act("data_engineer")) as tx:
        held = harmonise.quarantined_rows(tx, build=made["id"], decision="d-1")["rows"]
    assert [json.loads(row["record"]) for row in held] == [{"id": "b", "n": "x", "note.by": "王"}]


def test_a_build_and_what_readers_get(store: Store, folder: Path, act: Act) -> None:
    rows(
        folder,
        {"id": "a", "n": "1,000"},
        {"id": "b", "n": "x"},
        {"id": "a", "n": "1000"},
        {"id": "c", "n": "-"},
        {"id": "d", "n": 7},
        {"id": "e", "n": "8"},
    )
    made = built(store, act("data_engineer"), data="work")
    assert (made["read"], made["harmonised"], made["quarantined"]) == (6, 3, 3)
    assert made["reasons"] == {"duplicate": 1, "missing_value": 1, "not_a_number": 1}
    assert made["repairs"] == [{"state": "fixed", "rule": "thousands_separator", "column": "n", "values": 1}]
    with store.read(act("analyst")) as tx:
        found = harmonise.current(tx, "things-1")
        assert harmonise.build_of(tx, build=made["id"]) == made
        assert [b["id"] for b in harmonise.builds(tx, resource="things-1")] == [made["id"]]
        summary = harmonise.quarantine_summary(tx)
        assert {(s["reason"], s["column"], s["rows"]) for s in summary} == {
            ("duplicate", "id", 1), ("missing_value", "n", 1), ("not_a_number", "n", 1),
        }  # fmt: skip
        assert all(s["zh"] and s["en"] for s in summary)
        assert harmonise.quarantine_summary(tx, build=made["id"]) == summary
    table = pq.ParquetFile(found["path"]).read()
    assert table.schema.names == ["id", "n", "source_row"]
    assert table.to_pylist() == [
        {"id": "a", "n": 1000, "source_row": 1},
        {"id": "d", "n": 7, "source_row": 5},
        {"id": "e", "n": 8, "source_row": 6},
    ]
    assert (found["rows"], found["digest"], found["standard"]) == (3, made["digest"], "thing")
    assert [element["name"] for element in found["schema"]] == ["id", "n"]
    json.dumps(made)
    repairs = pq.ParquetFile(found["path"].with_name(stored.REPAIRS)).read().to_pylist()
    assert repairs == [{"row": 1, "column": "n", "state": "fixed", "rule": "thousands_separator", "original": "1,000"}]


def test_the_leaf_names_counts_and_digests_never_values(store: Store, folder: Path, act: Act) -> None:
    rows(folder, *numbers(10, bad=2))
    made = built(store, act("data_engineer", person="p-7"))
    with store.read() as tx:
        bodies = [json.loads(row.body) for row in tx.all(select(leaves.c.body).order_by(leaves.c.seq))]
    assert [body["act"] for body in bodies] == ["harmonise.source_seen", "harmonise.built", "harmonise.made_current"]
    facts = bodies[1]["facts"]
    assert (facts["read"], facts["harmonised"], facts["quarantined"]) == (10, 8, 2)
    assert facts["digest"] == made["digest"]
    assert bodies[0]["by"]["person"] == "p-7"
    assert "secret" not in json.dumps(bodies)


def test_building_the_same_again_adds_nothing(store: Store, folder: Path, act: Act) -> None:
    rows(folder, *numbers(5))
    first = built(store, act("data_engineer"))
    before = left_behind(folder)
    with store.read() as tx:
        count = len(tx.all(select(leaves.c.id)))
    assert built(store, act("data_engineer", person="p-2")) == first
    with store.read() as tx:
        assert len(tx.all(select(leaves.c.id))) == count
        assert len(harmonise.builds(tx)) == 1
    assert left_behind(folder) == before


def test_other_software_builds_anew(store: Store, folder: Path, act: Act, monkeypatch: pytest.MonkeyPatch) -> None:
    """A newer one may read right what an older one did not."""
    rows(folder, *numbers(5))
    first = built(store, act("data_engineer"))
    monkeypatch.setattr("datong.harmonise.service.building.__version__", "0.1.1")
    assert built(store, act("data_engineer"))["id"] != first["id"]


def test_new_content_is_a_new_build_and_the_old_one_can_come_back(store: Store, folder: Path, act: Act) -> None:
    rows(folder, *numbers(5))
    first = built(store, act("data_engineer"))
    rows(folder, *numbers(6))
    second = built(store, act("data_engineer"))
    assert second["id"] != first["id"]
    with store.read() as tx:
        assert harmonise.current(tx, "things-1")["build"] == second["id"]
        assert [b["id"] for b in harmonise.builds(tx)] == [second["id"], first["id"]]
    rows(folder, *numbers(5))
    assert built(store, act("data_engineer"))["id"] == first["id"]
    with store.read() as tx:
        assert harmonise.current(tx, "things-1")["build"] == first["id"]


def test_a_changed_mapping_or_standard_is_a_new_build(store: Store, folder: Path, act: Act) -> None:
    rows(folder, *numbers(5))
    first = built(store, act("data_engineer"))
    write(folder / "work", files(COLUMNS, *PROPERTIES))
    second = built(store, act("data_engineer"))
    write(folder / "work", files(COLUMNS, *PROPERTIES[:1], prop("n", "integer", required=True, description="new")))
    third = built(store, act("data_engineer"))
    assert len({first["id"], second["id"], third["id"]}) == 3
    assert first["digest"] == second["digest"] == third["digest"]  # the same rows, whatever made them


def test_ten_percent_garbage_is_quarantined_sixty_refused(store: Store, folder: Path, act: Act) -> None:
    rows(folder, *numbers(100, bad=10))
    assert built(store, act("data_engineer"))["quarantined"] == 10
    before = left_behind(folder)
    rows(folder, *numbers(100, bad=60))
    refusal = refused(store, act("data_engineer"), "STD-420")
    assert refusal.facts["reasons"] == {"not_a_number": 60}
    assert "60 rows: not_a_number" in refusal.problems[0].en
    assert "secret-value" not in json.dumps(refusal.as_json())
    assert left_behind(folder) == before
    with store.read() as tx:
        kept = harmonise.build_of(tx, build=refusal.facts["build"])
        assert (kept["state"], kept["quarantined"], kept["files"], kept["digest"]) == ("refused", 60, {}, "")
        assert harmonise.current(tx, "things-1")["rows"] == 90
        acts = [json.loads(row.body)["act"] for row in tx.all(select(leaves.c.body).order_by(leaves.c.seq))]
    assert acts[-1] == "harmonise.refused"
    refused(store, act("data_engineer"), "STD-420")
    with store.read() as tx:
        assert len(harmonise.builds(tx)) == 2


def test_where_the_only_build_was_refused_that_is_said(store: Store, folder: Path, act: Act) -> None:
    rows(folder, *numbers(10, bad=6))
    refusal = refused(store, act("data_engineer"), "STD-420")
    for asked in (harmonise.current, partial(harmonise.own_rows, kind="quarantined", limit=9)):
        with store.begin(act("data_engineer"), "harmonise") as tx, pytest.raises(Refusal, match="STD-470") as caught:
            asked(tx, resource="things-1")
        assert "6 of 10 rows" in str(caught.value) and "not_a_number 6" in str(caught.value)
        assert caught.value.facts["build"] == refusal.facts["build"]
    rows(folder, *numbers(10))
    built(store, act("data_engineer"))
    rows(folder, *numbers(10, bad=6))
    refused(store, act("data_engineer"), "STD-420")
    with store.read() as tx:
        assert harmonise.current(tx, resource="things-1")["rows"] == 10, "what was built stands"


def test_half_is_still_built(store: Store, folder: Path, act: Act) -> None:
    rows(folder, *numbers(100, bad=50))
    assert built(store, act("data_engineer"))["state"] == "built"


def test_a_rolled_back_build_leaves_nothing(store: Store, folder: Path, act: Act) -> None:
    rows(folder, *numbers(5))
    with pytest.raises(RuntimeError), store.begin(act("data_engineer")) as tx:
        harmonise.build(tx, resource="r", workspace="work", mapping="things")
        raise RuntimeError
    assert left_behind(folder) == []
    with store.read() as tx:
        assert harmonise.builds(tx) == []


def test_a_crash_after_the_commit_is_mended_at_the_start(store: Store, folder: Path, act: Act) -> None:
    rows(folder, *numbers(5))
    made = built(store, act("data_engineer"))
    place = stored.place(folder, "things-1", made["id"])
    (stored.root(folder) / stored.STAGED).mkdir(exist_ok=True)
    place.rename(stored.root(folder) / stored.STAGED / made["id"])  # as if killed before the move
    stored.staged(folder, "build-unfinished", {stored.HARMONISED: pa.table({"a": [1]})}, "")
    with store.begin(NODE) as tx:
        assert len(harmonise.sweep(tx)) == 2
        assert harmonise.current(tx, "things-1")["path"].is_file()
        assert harmonise.sweep(tx) == []


def test_building_again_brings_back_files_that_are_not_in_their_place(store: Store, folder: Path, act: Act) -> None:
    """As STD-422 says: also without a node that is started, whose process died before the move, or where they are lost
    or were changed."""
    rows(folder, *numbers(5))
    made = built(store, act("data_engineer"))
    place = stored.place(folder, "things-1", made["id"])

    def killed_before_the_move() -> None:
        (stored.root(folder) / stored.STAGED).mkdir(exist_ok=True)
        place.rename(stored.root(folder) / stored.STAGED / made["id"])

    def lost() -> None:
        (place / stored.QUARANTINE).unlink()

    def changed() -> None:
        (place / stored.HARMONISED).write_bytes(b"x")

    for evil in (killed_before_the_move, lost, changed):
        evil()
        assert built(store, act("data_engineer")) == made
        with store.read() as tx:
            assert harmonise.current(tx, "things-1")["digest"] == made["digest"]
            assert len(harmonise.builds(tx)) == 1
        assert sorted(p.name for p in place.iterdir()) == sorted(made["files"])
        assert list((stored.root(folder) / stored.STAGED).iterdir()) == []


def test_a_full_disk_is_one_refusal_and_leaves_what_was_there(store: Store, folder: Path, act: Act) -> None:
    rows(folder, *numbers(5))
    built(store, act("data_engineer"))
    before = left_behind(folder)
    drawn = random.Random(3)
    rows(folder, *({"id": drawn.randbytes(20).hex(), "n": "1"} for _ in range(20_000)))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))  # as a disk that is full, for every file of this process
    try:
        refused(store, act("data_engineer"), "STD-414")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert left_behind(folder) == before
    assert built(store, act("data_engineer"))["read"] == 20_000


BAD_SOURCES = [
    ('[{"id": "a", "n": "1"}, {"id": "b", "n', "STD-411", "1 whole records were read"),
    ('{"id": "a"}', "STD-411", "array of objects"),
    ("[]", "STD-413", "no rows"),
    ('[{"ident": "a", "N": "1"}]', "STD-412", "nearest: N"),
    ('[{"id": "a", "n": {"x": 1}}]', "STD-412", "nearest: n.x"),
    ("[1, 2, 3]", "STD-412", "no such column"),
    ('[{"id": "a", "n": true}, {"id": "b", "n": [1]}]', "STD-420", "2 rows: not_a_number"),
]


@pytest.mark.parametrize(("text", "code", "said"), BAD_SOURCES)
def test_bad_sources(store: Store, folder: Path, act: Act, *, text: str, code: str, said: str) -> None:
    (folder / "work" / "things.json").write_text(text)
    assert said in str(refused(store, act("data_engineer"), code))
    assert left_behind(folder) == []


def test_all_missing_columns_at_once(store: Store, folder: Path, act: Act) -> None:
    rows(folder, {"Id": "a", "number": "1"})
    refusal = refused(store, act("data_engineer"), "STD-412")
    assert [(p.where, p.en.rsplit(": ", 1)[1]) for p in refusal.problems] == [
        ("mappings/things.yaml:2: columns.id", "Id"), ("mappings/things.yaml:3: columns.n", "none"),
    ]  # fmt: skip


def test_a_bad_workspace_is_refused_before_anything_is_read(store: Store, folder: Path, act: Act) -> None:
    write(folder / "work", files({"id": {"from": "id", "as": "txt"}}, *PROPERTIES))
    refusal = refused(store, act("data_engineer"), "STD-410")
    assert len(refusal.problems) == 2
    refused(store, act("data_engineer"), "STD-410", mapping="none")
    refused(store, act("data_engineer"), "STD-410", workspace="nowhere")


@pytest.mark.parametrize("place", ["keys", "evidence/tile", "data/harmonised", "work/../keys", "link", "datong.db"])
def test_the_nodes_own_files_are_no_source(store: Store, folder: Path, act: Act, place: str) -> None:
    """An engineer cannot have the node's key read as a CSV and shown as quarantined rows."""
    (folder / "keys").mkdir()
    (folder / "keys" / "things.json").write_text('[{"id": "PRIVATE KEY", "n": "1"}]')
    (folder / "link").symlink_to(folder / "keys")
    for given in ({"data": place}, {"workspace": place}):
        refusal = refused(store, act("data_engineer"), "STD-410", **given)
        assert "node's own" in refusal.problems[0].en
        with store.read(act("data_engineer")) as tx, pytest.raises(Refusal, match="STD-410"):
            harmonise.check(tx, **{"workspace": "work", **given})


@pytest.mark.parametrize(
    ("data", "path"),
    [(".", "keys/things.json"), ("..", "node/keys/things.json"), ("work", "inside"), (".", "datong.db"),
     (".", "data/harmonised/x/things.json"), ("/", "{folder}/keys/things.json")],
)  # fmt: skip
def test_a_source_is_none_of_the_nodes_own_files(store: Store, folder: Path, act: Act, data: str, path: str) -> None:
    """The data folder may be the node's, or hold it: then each source's file is looked at, through links too."""
    for own in ("keys", "data/harmonised/x"):
        (folder / own).mkdir(parents=True)
        (folder / own / "things.json").write_text('[{"id": "PRIVATE KEY", "n": "1"}]')
    (folder / "work" / "inside").symlink_to(folder / "keys" / "things.json")
    (folder / "work" / "sources" / "things.yaml").write_text(
        f"kind: json\npath: {path.format(folder=str(folder)[1:])}\n"
    )
    refusal = refused(store, act("data_engineer"), "STD-410", data=data)
    assert "node's own" in refusal.problems[0].en
    with store.read(act("data_engineer")) as tx:
        told = harmonise.check(tx, workspace="work", data=data)
    assert [(p["file"], p["line"]) for p in told["problems"]] == [("sources/things.yaml", 2)]


@pytest.mark.parametrize("resource", ["../up", "a/b", "", ".hidden", "x" * 81])
def test_a_resource_is_a_code_not_a_path(store: Store, folder: Path, act: Act, resource: str) -> None:
    rows(folder, *numbers(3))
    refused(store, act("data_engineer"), "STD-410", resource=resource)


def test_check_tells_everything_and_changes_nothing(store: Store, folder: Path, act: Act) -> None:
    rows(folder, *numbers(3))
    with store.read(act("data_engineer")) as tx:
        fine = harmonise.check(tx, workspace="work")
    assert fine == {
        "accepted": True,
        "mappings": [
            {"mapping": "things", "source": "things", "standard": "thing", "rows": 3, "unmapped": [], "suspicions": []}
        ],
        "problems": [],
        "changes": [],
    }
    write(folder / "work", {"mappings/more.yaml": {"source": "things", "standard": "none", "columns": {}}})
    rows(folder, {"ID": "a"})
    with store.read(act("data_engineer")) as tx:
        wrong = harmonise.check(tx, workspace="work")
        one = harmonise.check(tx, workspace="work", mapping="more")
    assert not wrong["accepted"]

    def places(told: dict[str, Any]) -> list[tuple[Any, ...]]:
        return [(p["file"], p["line"], p["where"]) for p in told["problems"]]

    none = ("mappings/more.yaml", 3, "standard")
    assert places(one) == [none]
    assert places(wrong) == [none, ("mappings/things.yaml", 2, "columns.id"), ("mappings/things.yaml", 3, "columns.n")]
    (folder / "work" / "things.json").unlink()
    with store.read(act("data_engineer")) as tx:
        gone = harmonise.check(tx, workspace="work", mapping="things")
        assert "no such file" in gone["problems"][0]["en"]
        assert not harmonise.check(tx, workspace="empty")["accepted"]


@pytest.mark.parametrize("role", ["analyst", "product_manager", "operator", "auditor"])
def test_only_a_data_engineer_builds_and_checks(store: Store, folder: Path, act: Act, role: str) -> None:
    rows(folder, *numbers(3))
    refused(store, act(role), "GEN-403")
    if role != "auditor":
        with store.read(act(role)) as tx, pytest.raises(Refusal):
            harmonise.check(tx, workspace="work")


def test_a_changed_file_is_not_used(store: Store, folder: Path, act: Act) -> None:
    rows(folder, *numbers(3))
    made = built(store, act("data_engineer"))
    path = stored.place(folder, "things-1", made["id"]) / stored.HARMONISED
    path.write_bytes(path.read_bytes() + b"x")
    with store.read() as tx:
        with pytest.raises(Refusal, match="STD-422"):
            harmonise.current(tx, "things-1")
        with pytest.raises(Refusal, match="STD-421"):
            harmonise.current(tx, "other")
        with pytest.raises(Refusal, match="STD-421"):
            harmonise.build_of(tx, build="other")
    path.unlink()
    with store.read() as tx, pytest.raises(Refusal, match="STD-422"):
        harmonise.current(tx, "things-1")


def test_originals_only_for_the_owners_engineer_under_a_decision(store: Store, folder: Path, act: Act) -> None:
    rows(folder, *numbers(10, bad=3))
    made = built(store, act("data_engineer"))
    with store.read(act("data_engineer")) as tx:
        shown = harmonise.quarantined_rows(tx, build=made["id"], decision="d-1", limit=2)
        assert (shown["total"], len(shown["rows"]), shown["decision"]) == (3, 2, "d-1")
        assert shown["rows"][0]["original"] == "secret-value"
        assert harmonise.quarantined_rows(tx, build=made["id"], decision="d", reason="duplicate")["total"] == 0
        assert len(harmonise.own_rows(tx, resource="things-1", kind="quarantined", limit=9)) == 3
        assert harmonise.own_rows(tx, resource="things-1", kind="raw", limit=1)[0]["id"] == "r3"
        with pytest.raises(Refusal, match="STD-430"):
            harmonise.quarantined_rows(tx, build=made["id"], decision="")
    for stranger in (act("analyst"), act("auditor"), act("data_engineer", party="91520100MA6OTHERX0"), NODE):
        with store.read(stranger) as tx:
            with pytest.raises(Refusal, match="STD-430"):
                harmonise.quarantined_rows(tx, build=made["id"], decision="d-1")
            with pytest.raises(Refusal, match="STD-430"):
                harmonise.own_rows(tx, resource="things-1", kind="raw", limit=1)


def test_no_door_leads_past_deliver_to_raw_rows() -> None:
    from datong.terms.verbs import VERBS

    behind = {"current", "own_rows", "quarantined_rows", "folder_of", "library", "on_run"}
    assert not {f"harmonise.{name}" for name in behind} & set(VERBS)


def test_the_real_trips(store: Store, node_folder: Path, act: Act) -> None:
    """13,652 trips: 40 without a start time, one that ends outside the area, 242 that end where and when they began
    (4 of which have no time and are held for that first)."""
    harmonise.install(store, node_folder)
    made = built(store, act("data_engineer"), workspace=str(TRIPS), mapping="trips", data=str(TRIPS_DATA))
    assert (made["read"], made["harmonised"], made["quarantined"]) == (13652, 13373, 279)
    assert made["reasons"] == {"no_movement": 238, "missing_value": 40, "outside_area": 1}
    table = pq.ParquetFile(stored.place(node_folder, "things-1", made["id"]) / stored.HARMONISED).read()
    assert str(table.schema.field("started_at").type) == "timestamp[us, tz=UTC]"
    first = table.slice(0, 1).to_pylist()[0]
    assert first["started_at"].isoformat() == "2019-09-01T04:08:00+00:00"  # as the text says, not four hours later
    assert first["start_latitude"] == 42.100811666666665
    assert len(set(table.column("rider_id").to_pylist())) > 1500


def test_the_raw_day(store: Store, node_folder: Path, act: Act) -> None:
    harmonise.install(store, node_folder)
    made = built(store, act("data_engineer"), workspace=str(TRIPS), mapping="positions", data=str(TRIPS_DATA))
    assert (made["read"], made["harmonised"]) == (3611, 3611)
    assert made["repairs"] == [{"state": "fixed", "rule": "thousands_separator", "column": "bike_id", "values": 1320}]


def test_the_tables_have_what_audit_needs() -> None:
    assert tables.builds.primary_key.columns.keys() == ["id"]
    assert tables.currents.primary_key.columns.keys() == ["id"]
