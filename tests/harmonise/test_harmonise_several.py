"""Sources of several tables or files, of every kind that can have them: drafted, matched, built, loaded again, drifted.

`tables`: a table of trips that looks up a table of vehicles. `files`: one table in several files (`path` with *).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from harmonise_desk import prop, standard, write
from sources_desk import DATABASES, FILES
from sqlalchemy import create_engine

import mariadb
import postgresql
from datong.ground.db import Actor, Store
from datong.ground.refusal import Refusal
from datong.harmonise import service as harmonise

Act = Callable[..., Actor]
Rows = list[dict[str, Any]]
TRIPS: Rows = [
    {"id": f"t{n}", "plate": f"贵A{n:05}", "km": str(n), "at": f"2026-02-01 08:00:{n:02}"} for n in range(30)
]
VEHICLES: Rows = [{"plate": f"贵A{n:05}", "seats": str(4 + n % 3)} for n in range(30)]


def put(path: Path, kind: str, rows: Rows) -> None:
    """One table of texts as a file of the kind."""
    path.parent.mkdir(parents=True, exist_ok=True)
    names = list(rows[0])
    if kind == "csv":
        path.write_text("\n".join([",".join(names), *(",".join(r.values()) for r in rows)]) + "\n", "utf-8")
    elif kind in ("json", "ndjson"):
        text = "\n".join(json.dumps(r) for r in rows) if kind == "ndjson" else json.dumps(rows)
        path.write_text(text, "utf-8")
    elif kind == "parquet":
        pq.write_table(pa.table({name: [r[name] for r in rows] for name in names}), path)
    else:
        book = openpyxl.Workbook()
        for row in (names, *([r[name] for name in names] for r in rows)):
            book.active.append(row)
        book.save(path)


@pytest.fixture
def tables(store: Store, node_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """Write trips and vehicles as two tables of a source of the kind; the source's text."""
    harmonise.install(store, node_folder)
    url = ""

    def put_tables(kind: str, trips: Rows = TRIPS, vehicles: Rows = VEHICLES) -> dict[str, Any]:
        nonlocal url
        work = node_folder / "work"
        work.mkdir(exist_ok=True)
        if kind in FILES:
            put(work / "trips.x", kind, trips)
            put(work / "vehicles.x", kind, vehicles)
            return {"kind": kind, "tables": {"trips": "trips.x", "vehicles": "vehicles.x"}}
        found = {"kind": "database", "tables": {"trips": "id", "vehicles": "plate"}}
        if kind == "sqlite":
            url, found = f"sqlite:///{work / 'x.db'}", {**found, "path": "x.db"}
        else:
            url = url or {"postgresql": postgresql, "mariadb": mariadb}[kind].fresh_database()
            monkeypatch.setenv("FLEET_URL", url)
            found = {**found, "url_from": "FLEET_URL"}
        opened = create_engine(url.replace("mysql:", "mysql+pymysql:"))
        with opened.begin() as connection:
            for name, rows in (("trips", trips), ("vehicles", vehicles)):
                connection.exec_driver_sql(f"DROP TABLE IF EXISTS {name}")
                kinds = ", ".join(f"{c} varchar(40)" for c in rows[0])
                connection.exec_driver_sql(f"CREATE TABLE {name} ({kinds})")
                values = ", ".join("(" + ", ".join(f"'{v}'" for v in row.values()) + ")" for row in rows)
                connection.exec_driver_sql(f"INSERT INTO {name} VALUES {values}")
        opened.dispose()
        return found

    return put_tables


MAPPING = {
    "source": "fleet", "standard": "thing", "table": "trips",
    "joins": [{"table": "vehicles", "on": {"trips.plate": "vehicles.plate"}}],
    "columns": {"id": "trips.id", "km": {"from": "trips.km", "as": "number"}, "seats": "vehicles.seats"},
}  # fmt: skip
PROPERTIES = (prop("id", required=True), prop("km", "number", required=True), prop("seats"))


def workspace(folder: Path, source: dict[str, Any], mapping: dict[str, Any] = MAPPING, **more: Any) -> None:
    texts = {"sources/fleet.yaml": {**source, **more}, "mappings/trips.yaml": mapping}
    write(folder / "work", {**texts, "standards/thing.odcs.yaml": standard(*PROPERTIES)})


def built(store: Store, actor: Actor, **more: Any) -> dict[str, Any]:
    with store.begin(actor, "harmonise") as tx:
        made = harmonise.build(tx, resource="trips-1", workspace="work", mapping="trips", **more)
    assert made["read"] == made["harmonised"] + made["quarantined"]
    return made


def harmonised(store: Store) -> list[tuple[Any, ...]]:
    with store.read() as tx:
        table = pq.ParquetFile(harmonise.current(tx, "trips-1")["path"]).read()
    return [tuple(row.values()) for row in table.select(["source_row", "id", "km", "seats"]).to_pylist()]


# --- tables ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [*FILES, *DATABASES])
def test_every_change_of_every_table_is_told(
    store: Store, node_folder: Path, act: Act, tables: Callable[..., Any], kind: str
) -> None:
    person = act("data_engineer")
    workspace(node_folder, tables(kind))
    assert built(store, person)["harmonised"] == 30
    turned = [{**row, "km": f"far {row['km']}"} for row in TRIPS]
    more = [{**row, "colour": "blue"} for row in VEHICLES]
    tables(kind, TRIPS, more)
    with store.read(person) as tx:
        checked = harmonise.check(tx, workspace="work")
    assert (checked["accepted"], [(c["kind"], c["path"]) for c in checked["changes"]]) == (
        True,
        [("added", "vehicles.colour")],
    )
    assert [(c["kind"], c["path"]) for c in built(store, person)["changes"]] == [("added", "vehicles.colour")]
    renamed = [{"plate": row["plate"], "places": row["seats"], "colour": "blue"} for row in VEHICLES]
    tables(kind, TRIPS, renamed)
    with pytest.raises(Refusal) as caught:
        built(store, person)
    said = {p.where: p.en for p in caught.value.problems}
    assert (caught.value.code, said["vehicles.seats"]) == (
        "STD-480",
        "is gone; it is probably called vehicles.places now",
    )
    tables(kind, turned, more)
    with pytest.raises(Refusal) as caught:
        built(store, person)
    said = {p.where: p.en for p in caught.value.problems}
    assert (caught.value.code, said["km"]) == (
        "STD-420",
        "30 rows: not_a_number (is no number; `carries_unit` reads a unit behind one, `currency` the sign of a currency, `negative` DR and CR)",
    )
    if kind in ("csv", "json", "ndjson", "excel"):  # what declares its types declares text, before and now
        assert said["trips.km"] == "its values looked like integer and now like text"


@pytest.mark.parametrize("kind", [*FILES, *DATABASES])
def test_a_snapshot_of_one_table_with_the_others_looked_up(
    store: Store, node_folder: Path, act: Act, tables: Callable[..., Any], kind: str
) -> None:
    person = act("data_engineer")
    load = {"by": "snapshot", "key": ["id"]}
    workspace(node_folder, tables(kind, TRIPS[:4]), load=load)
    first = built(store, person)
    assert (first["load"]["added"], first["load"]["because"]) == (4, "first load")
    now = [TRIPS[0], {**TRIPS[2], "km": "77"}, TRIPS[3], TRIPS[5]]
    tables(kind, now)
    second = built(store, person)["load"]
    assert {k: second[k] for k in ("added", "changed", "unchanged", "removed")} == {
        "added": 1, "changed": 1, "unchanged": 2, "removed": 1,
    }  # fmt: skip
    assert [(number, id_) for number, id_, _, _ in harmonised(store)] == [(1, "t0"), (3, "t2"), (4, "t3"), (5, "t5")]
    again = built(store, person)
    tables(kind, now, [{**row, "seats": "9"} for row in VEHICLES])
    looked_up = built(store, person)
    assert (looked_up["load"]["unchanged"], looked_up["id"] != again["id"]) == (4, True)
    assert {seats for *_, seats in harmonised(store)} == {"9"}


@pytest.mark.parametrize("kind", FILES)
def test_a_key_of_the_load_that_is_not_there(
    store: Store, node_folder: Path, act: Act, tables: Callable[..., Any], kind: str
) -> None:
    workspace(node_folder, tables(kind), load={"by": "snapshot", "key": ["idd"]})
    with pytest.raises(Refusal) as caught:
        built(store, act("data_engineer"))
    assert (caught.value.code, [p.where for p in caught.value.problems]) == (
        "STD-412",
        ["sources/fleet.yaml: load.key[0]"],
    )
    assert "nearest: id" in caught.value.problems[0].en


@pytest.mark.parametrize("kind", DATABASES)
def test_a_watermark_on_one_of_several_tables(
    store: Store, node_folder: Path, act: Act, tables: Callable[..., Any], kind: str
) -> None:
    person = act("data_engineer")
    workspace(node_folder, tables(kind, TRIPS[:5]), load={"by": "watermark", "key": ["id"], "column": "at"})
    assert built(store, person)["load"]["added"] == 5
    tables(kind, [*TRIPS[:5], TRIPS[9]])
    second = built(store, person)["load"]
    assert (second["read"], second["added"], second["unchanged"]) == (2, 1, 1)
    assert [id_ for _, id_, _, _ in harmonised(store)] == ["t0", "t1", "t2", "t3", "t4", "t9"]


@pytest.mark.parametrize("kind", [*FILES, *DATABASES])
def test_tables_are_matched_and_drafted(
    store: Store, node_folder: Path, act: Act, tables: Callable[..., Any], kind: str
) -> None:
    write(node_folder / "work", {"sources/fleet.yaml": tables(kind)})
    with store.begin(act("data_engineer"), "harmonise") as tx:
        told = harmonise.match(tx, workspace="work", source="fleet", standard="transport")
        with pytest.raises(Refusal) as caught:
            harmonise.draft(tx, workspace="work", source="fleet", standard="transport")
        drafted = harmonise.draft(tx, workspace="work", source="fleet", standard="transport", table="trips")
    columns = [f"{table}.{c}" for table, rows in (("trips", TRIPS), ("vehicles", VEHICLES)) for c in rows[0]]
    assert [one["source_column"] for one in told] == columns
    assert {one["source_column"]: one["element"] for one in told}["vehicles.plate"] == "vehicle_plate"
    assert (caught.value.code, caught.value.facts["tables"]) == ("STD-452", "trips, vehicles")
    assert [p.column for p in drafted.proposals] == columns[:4]
    assert drafted.written == ["standards/fleet_trips.odcs.yaml", "mappings/fleet_trips.yaml"]
    text = (node_folder / "work/mappings/fleet_trips.yaml").read_text("utf-8")
    assert "table: trips\n" in text and len(text.splitlines()) < 12
    (node_folder / "work/mappings/fleet_trips.yaml").write_text(text.replace(", confirm: true", ""), "utf-8")
    with store.begin(act("data_engineer"), "harmonise") as tx:
        made = harmonise.build(tx, workspace="work", mapping="fleet_trips")
    assert (made["read"], made["harmonised"]) == (30, 30)


# --- files -------------------------------------------------------------------------------------------------

ONE = {
    "source": "fleet", "standard": "thing",
    "columns": {"id": "id", "km": {"from": "km", "as": "number"}, "seats": {"constant": "4"}},
}  # fmt: skip


@pytest.fixture
def parts(store: Store, node_folder: Path) -> Callable[..., None]:
    """Write trips into files of one kind; the workspace reads all that are there as one table."""
    harmonise.install(store, node_folder)

    def put_parts(kind: str, *given: Rows, **more: Any) -> None:
        folder = node_folder / "work" / "in"
        for old in folder.glob("*"):
            old.unlink()
        for number, rows in enumerate(given, 1):
            put(folder / f"2026-{number:02}.x", kind, rows)
        workspace(node_folder, {"kind": kind, "path": "in/2026-*.x"}, ONE, **more)

    return put_parts


@pytest.mark.parametrize("kind", FILES)
def test_all_files_called_so_are_one_table(
    store: Store, node_folder: Path, act: Act, parts: Callable[..., None], kind: str
) -> None:
    person = act("data_engineer")
    parts(kind, TRIPS[:10], TRIPS[10:25])
    (node_folder / "work/in/README.md").write_text("none of them")
    first = built(store, person)
    assert (first["read"], [row[1] for row in harmonised(store)]) == (25, [f"t{n}" for n in range(25)])
    assert built(store, person)["id"] == first["id"]
    parts(kind, TRIPS[:10], TRIPS[10:25], TRIPS[25:])
    assert built(store, person)["read"] == 30
    parts(kind, TRIPS[:10], [{**row, "weather": "雨"} for row in TRIPS[10:]])
    assert built(store, person)["harmonised"] == 30


@pytest.mark.parametrize("called", ["kilometres", "KM"])
@pytest.mark.parametrize("kind", FILES)
def test_a_file_whose_mapped_column_is_called_otherwise_is_refused(
    store: Store, node_folder: Path, act: Act, parts: Callable[..., None], kind: str, called: str
) -> None:
    """Its values would be lost among those of the others; in JSON a field may be left out, so its rows are held. Names
    that differ in case alone are not to be given both: the mapping that has them is refused, too."""
    renamed = [{"id": row["id"], "plate": row["plate"], called: row["km"], "at": row["at"]} for row in TRIPS[20:]]
    parts(kind, TRIPS[:20], renamed)
    if kind in ("json", "ndjson"):
        made = built(store, act("data_engineer"))
        assert (made["quarantined"], made["reasons"]) == (10, {"missing_value": 10})
        return
    with pytest.raises(Refusal) as caught:
        built(store, act("data_engineer"))
    assert (caught.value.code, caught.value.facts["place"]) == ("STD-411", "in/2026-02.x: km")
    assert ("case alone" in str(caught.value), "both names" in str(caught.value)) == (called == "KM", called != "KM")
    assert not list((node_folder / "data").rglob("*.parquet"))


@pytest.mark.parametrize("kind", FILES)
def test_snapshots_and_drift_of_files(
    store: Store, node_folder: Path, act: Act, parts: Callable[..., None], kind: str
) -> None:
    person = act("data_engineer")
    load = {"by": "snapshot", "key": ["id"]}
    parts(kind, TRIPS[:3], TRIPS[3:6], load=load)
    built(store, person)
    parts(kind, TRIPS[:3], [TRIPS[4], {**TRIPS[5], "km": "70"}], TRIPS[7:8], load=load)
    told = built(store, person)["load"]
    assert [told[k] for k in ("added", "changed", "unchanged", "removed")] == [1, 1, 4, 1]
    renamed = [{"id": r["id"], "plate": r["plate"], "distance_km": r["km"], "at": r["at"]} for r in TRIPS]
    parts(kind, renamed[:15], renamed[15:], load=load)
    with pytest.raises(Refusal) as caught:
        built(store, person)
    assert (caught.value.code, caught.value.problems[0].where) == ("STD-480", "km")


@pytest.mark.parametrize("kind", FILES)
def test_files_are_drafted_by_a_name_with_a_star(
    store: Store, node_folder: Path, act: Act, parts: Callable[..., None], kind: str
) -> None:
    parts(kind, TRIPS[:20], TRIPS[20:])
    (node_folder / "work/sources/fleet.yaml").unlink()
    (node_folder / "work/mappings/trips.yaml").unlink()
    with store.begin(act("data_engineer"), "harmonise") as tx:
        given = str(node_folder / "work/in/2026-*.x")
        drafted = harmonise.draft(tx, workspace="work", source=given, standard="transport")
    assert "sources/in.yaml" in drafted.written
    text = (node_folder / "work/sources/in.yaml").read_text("utf-8")
    assert f"kind: {kind}\n" in text and 'path: "in/2026-*.x"' in text
    mapping = node_folder / "work/mappings/in.yaml"
    mapping.write_text(mapping.read_text("utf-8").replace(", confirm: true", ""), "utf-8")
    with store.begin(act("data_engineer"), "harmonise") as tx:
        assert harmonise.build(tx, workspace="work", mapping="in")["harmonised"] == 30


def test_a_name_that_no_file_has_and_one_that_leads_to_the_nodes_own(store: Store, node_folder: Path, act: Act) -> None:
    harmonise.install(store, node_folder)
    workspace(node_folder, {"kind": "csv", "path": "in/*.csv"}, ONE)
    with pytest.raises(Refusal) as caught:
        built(store, act("data_engineer"))
    assert (caught.value.code, caught.value.facts["en"]) == ("STD-411", "no file is called so")
    (node_folder / "keys").mkdir(exist_ok=True)
    (node_folder / "keys/node.pem").write_text("id,km\n1,2\n")
    workspace(node_folder, {"kind": "csv", "path": "ke*/node.pem"}, ONE)
    with pytest.raises(Refusal) as caught:
        built(store, act("data_engineer"), data=".")
    assert "the node's own" in " ".join(p.en for p in caught.value.problems)
    (node_folder / "work/in").mkdir()
    (node_folder / "work/in/a.csv").symlink_to("/etc/passwd")
    workspace(node_folder, {"kind": "csv", "path": "in/*.csv"}, ONE)
    with pytest.raises(Refusal) as caught:
        built(store, act("data_engineer"))
    assert "leads out of the data folder" in str(caught.value)
