"""Bad sources at a provider's running node: a clear refusal with its place, rows quarantined with their reason and
original, nothing lost and nothing half done: the resource's current build and all files stay as they were."""

from __future__ import annotations

import json
import shutil
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml
from paperwork import BIKE, BUREAU, GROUP

from living import Living, refusal, says

Trips = list[dict[str, Any]]
Spoil = Callable[[Trips], Any]
COUNT = 200


@pytest.fixture(scope="module")
def good(living: Living) -> Trips:
    """Two hundred of the real trips, each of which harmonises."""
    raw = json.loads((living.folder / BIKE / "sources" / "trips_2019_09.json").read_text("utf-8"))
    whole = [
        trip for trip in raw if "-" not in (trip["start"]["at"], trip["end"]["at"]) and trip["start"] != trip["end"]
    ]
    return [trip for trip in whole if trip["end"]["lat"] > 41.9][:COUNT]


class Desk:
    """A data engineer's own workspace at a node: copies of the real one, with small files to spoil."""

    def __init__(self, living: Living, slug: str, mapping: str) -> None:
        self.living, self.mapping = living, mapping
        self.node, self.engineer = living.folder / slug, living.who(slug, "data_engineer")
        self.name = f"try-{uuid.uuid4().hex[:8]}"
        shutil.copytree(self.node / "workspace", self.node / self.name)
        self.data = self.node / f"{self.name}-data"
        self.data.mkdir()
        self.resource = ""

    def edit(self, file: str, change: Callable[[dict[str, Any]], Any]) -> None:
        path = self.node / self.name / file
        value = yaml.safe_load(path.read_text("utf-8"))
        change(value)
        path.write_text(yaml.safe_dump(value, allow_unicode=True), "utf-8")

    def check(self) -> dict[str, Any]:
        return dict(
            self.engineer.ask("harmonise.check", workspace=self.name, data=self.data.name, mapping=self.mapping)
        )

    def declared(self) -> str:
        """A resource of the node to try things with."""
        if not self.resource:
            thing = self.engineer.do(
                "register.declare_resource", name_zh="试验资源", name_en=self.name, abstract="试验用的小样本。",
                standard="trip", source_kind="001", source_statement="自行采集", licence="MIT",
                licence_terms={"commercial": True, "derivatives": True, "attribution": "MIT"}, public_data=False,
                update_frequency="009", scenario="试验", personal=True, grade=3, area="520100",
                security_assessment="已完成数据安全风险评估",
            )  # fmt: skip
            self.resource = str(thing["id"])
        return self.resource

    def build(self, resource: str = "") -> dict[str, Any]:
        resource = resource or self.declared()
        return dict(self.engineer.do(
            "harmonise.build", resource=resource, workspace=self.name, data=self.data.name, mapping=self.mapping,
            again=uuid.uuid4().hex,
        ))  # fmt: skip

    def built_of(self, resource: str) -> list[dict[str, Any]]:
        return [row for row in self.engineer.ask("harmonise.builds", resource=resource) if row["state"] == "built"]

    def files(self) -> dict[str, int]:
        """Everything the node keeps of data, with its size; not the lineage events, which tell every attempt."""
        kept = (path for path in (self.node / "data").iterdir() if path.name != "lineage")
        found = (path for folder in kept for path in folder.rglob("*") if path.is_file())
        return {str(path.relative_to(self.node)): path.stat().st_size for path in found}


@pytest.fixture
def bikes(living: Living) -> Desk:
    return Desk(living, BIKE, "trips")


@pytest.fixture
def bureau(living: Living) -> Iterator[Desk]:
    desk = Desk(living, BUREAU, "passages")
    with closing(sqlite3.connect(desk.data / "traffic.sqlite")) as small:
        small.execute("ATTACH ? AS whole", (str(desk.node / "sources" / "traffic.sqlite"),))
        for table, rows in (("vehicle", "1"), ("route", "1"), ("gate", "1"), ("passage", "passage_id <= 400")):
            small.execute(f"CREATE TABLE {table} AS SELECT * FROM whole.{table} WHERE {rows}")
        small.commit()
    yield desk


def refused_with_nothing_left(desk: Desk, resource: str) -> str:
    """The refusal of a build of a real, registered resource; its build, files and rows are as before."""
    before, builds = desk.files(), desk.built_of(resource)
    told = says(refusal(lambda: desk.build(resource)))
    assert desk.files() == before
    assert desk.built_of(resource) == builds
    shown = desk.engineer.do("deliver.own_rows", resource=resource, again=uuid.uuid4().hex)
    assert shown["total"] == builds[0]["quarantined"], "the resource is still the build it was"
    return told


# --- files that cannot be read -----------------------------------------------------------------------------------


def cut(trips: Trips) -> bytes:
    data = json.dumps(trips).encode()
    return data[: len(data) // 2]


def without(*names: str) -> Spoil:
    return lambda trips: [{name: part for name, part in trip.items() if name not in names} for trip in trips]


def renamed(old: str, new: str) -> Spoil:
    return lambda trips: [{(new if name == old else name): part for name, part in trip.items()} for trip in trips]


UNREADABLE: dict[str, tuple[Spoil, str, tuple[str, ...]]] = {
    "truncated JSON": (cut, "STD-411", ("trips_2019_09.json", "the JSON ends here, unfinished", "whole records were read")),
    "not JSON": (lambda _: b"tripId,bike\n1,2\n", "STD-411", ("should be an array of objects",)),
    "not UTF-8": (lambda trips: json.dumps(trips).encode("utf-16"), "STD-411", ("is not utf-8", "byte 0")),
    "an object instead of an array": (lambda trips: trips[0], "STD-411", ("should be an array of objects",)),
    "an empty array": (lambda _: [], "STD-413", ("has no rows",)),
    "a damaged gzip": (lambda _: b"\x1f\x8b\x08\x00nothing", "STD-411", ("damaged or cut short",)),
    "a missing column": (without("end"), "STD-412", ("end.at", "end.lat", "end.lng", "nearest")),
    "a renamed column": (renamed("userId", "user_id"), "STD-412", ("userId", "nearest: user_id")),
    "renamed and missing at once": (
        lambda trips: renamed("tripId", "trip_id")(without("bike")(trips)), "STD-412", ("tripId", "bike", "2 columns"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", UNREADABLE)
def test_a_file_that_does_not_fit_is_refused_with_its_place(
    living: Living, bikes: Desk, good: Trips, what: str
) -> None:
    spoil, code, words = UNREADABLE[what]
    spoilt = spoil(good)
    data = spoilt if isinstance(spoilt, bytes) else json.dumps(spoilt).encode()
    (bikes.data / "trips_2019_09.json").write_bytes(data)
    told = refused_with_nothing_left(bikes, living.code("trips"))
    assert told.startswith(f"[{code}]"), told
    assert all(word.lower() in told.lower() for word in words), told
    found = bikes.check()
    if code != "STD-413":  # an empty source is in form; only building it is refused
        assert not found["accepted"] and found["problems"], "the check says it before"


def test_no_file_and_a_path_out_of_the_folder_are_refused(living: Living, bikes: Desk) -> None:
    told = refused_with_nothing_left(bikes, living.code("trips"))
    assert "there is no such file" in told
    for path in ("../keys/node.pem", str(living.folder / GROUP / "datong.db"), "../../data-group/datong.toml"):
        bikes.edit("sources/trips.yaml", lambda source, path=path: source.update(path=path))
        told = refused_with_nothing_left(bikes, living.code("trips"))
        assert "should lie inside the data folder" in told, told
        assert "PRIVATE" not in told
    for folder in ("keys", "data/harmonised", "evidence", "products"):
        refused = refusal(
            lambda folder=folder: bikes.engineer.do(
                "harmonise.build", resource=living.code("trips"), workspace=bikes.name, data=folder, mapping="trips"
            )
        )
        assert refused.code == "STD-410" and "node's own" in says(refused), folder


DATABASES: dict[str, tuple[Callable[[Path], Any], str, tuple[str, ...]]] = {
    "no database": (lambda file: file.write_bytes(b"passage_id,plate\n1,x\n" * 400), "STD-411", ("traffic.sqlite", "SQLite")),
    "a database cut short": (
        lambda file: file.write_bytes(file.read_bytes()[:20_000]), "STD-411", ("traffic.sqlite: cannot be read",),
    ),
    "a value that is no text": (
        lambda file: sql(file, "UPDATE passage SET passed_at = CAST(x'c3' AS TEXT) WHERE passage_id = 105"), "STD-411",
        ("passage.passed_at",),
    ),
    "nothing in it": (lambda file: file.write_bytes(b""), "STD-411", ("traffic.sqlite",)),
    "a missing table": (lambda file: sql(file, "DROP TABLE gate"), "STD-412", ("gate", "no such table")),
    "a renamed column": (
        lambda file: sql(file, "ALTER TABLE passage RENAME COLUMN plate TO plate_no"), "STD-412",
        ("passage.plate", "nearest: passage.plate_no"),
    ),
    "a missing column": (
        lambda file: sql(file, "ALTER TABLE gate DROP COLUMN latitude_dms"), "STD-412", ("gate.latitude_dms",),
    ),
    "no rows": (lambda file: sql(file, "DELETE FROM passage"), "STD-413", ("has no rows",)),
}  # fmt: skip


def sql(file: Path, statement: str) -> None:
    with closing(sqlite3.connect(file)) as store:
        store.execute(statement)
        store.commit()


@pytest.mark.parametrize("what", DATABASES)
def test_a_database_that_does_not_fit_is_refused_with_its_place(living: Living, bureau: Desk, what: str) -> None:
    spoil, code, words = DATABASES[what]
    spoil(bureau.data / "traffic.sqlite")
    told = refused_with_nothing_left(bureau, living.code("passages"))
    assert told.startswith(f"[{code}]"), told
    assert all(word in told for word in words), told


def test_an_unknown_time_zone_and_other_slips_of_the_workspace_are_told_together(
    living: Living, bikes: Desk, good: Trips
) -> None:
    (bikes.data / "trips_2019_09.json").write_text(json.dumps(good))

    def spoil(mapping: dict[str, Any]) -> None:
        mapping["columns"]["started_at"]["zone"] = "Europe/Atlantis"
        mapping["columns"]["end_latitude"]["as"] = "lattitude"
        mapping["columns"]["nonsense"] = "userId"

    bikes.edit("mappings/trips.yaml", spoil)
    found = bikes.check()
    said = " ".join(f"{problem['where']} {problem['en']}" for problem in found["problems"])
    assert not found["accepted"]
    assert "Europe/Atlantis" in said and "lattitude" in said and "nonsense" in said
    told = refused_with_nothing_left(bikes, living.code("trips"))
    assert told.startswith("[STD-410]") and "Europe/Atlantis" in told


# --- rows that are bad -------------------------------------------------------------------------------------------


def rows_quarantined(desk: Desk, built: dict[str, Any]) -> list[dict[str, Any]]:
    shown = desk.engineer.do("deliver.own_rows", resource=built["resource"], limit=500)
    assert shown["total"] == built["quarantined"]
    assert built["read"] == built["harmonised"] + built["quarantined"] == built["harmonised"] + len(shown["rows"])
    return list(shown["rows"])


def test_ten_per_cent_garbage_is_quarantined_with_reason_and_original(bikes: Desk, good: Trips) -> None:
    garbage = [
        7, None, "text", [], {"tripId": "only-this"},
        {**good[5], "start": {**good[5]["start"], "lat": "north"}}, {**good[6], "bike": "one thousand"},
        {**good[7], "end": {**good[7]["end"], "at": "2019-09-31 25:00:00+00"}},
        {**good[8], "start": {**good[8]["start"], "lat": 0, "lng": 0}},
        {**good[9], "userId": None}, {**good[10], "start": "nowhere"}, {**good[11], "end": {"at": good[11]["end"]["at"]}},
        *[{**good[n], "start": {**good[n]["start"], "at": "-"}} for n in range(12, 20)],
    ]  # fmt: skip
    assert len(garbage) == COUNT // 10
    (bikes.data / "trips_2019_09.json").write_text(json.dumps([*garbage, *good[20:]]))
    checked = bikes.check()
    assert checked["accepted"], checked["problems"]
    built = bikes.build()
    assert (built["read"], built["quarantined"], built["harmonised"]) == (COUNT, COUNT // 10, COUNT * 9 // 10)
    rows = rows_quarantined(bikes, built)
    reasons = {row["row"]: row["reason"] for row in rows}
    assert sorted(reasons) == list(range(1, COUNT // 10 + 1)), "each by its row in the source"
    assert len(set(reasons.values())) >= 4 and sum(built["reasons"].values()) == COUNT // 10
    originals = json.dumps(rows, ensure_ascii=False)
    for text in ("one thousand", "north", "2019-09-31 25:00:00+00", "only-this"):
        assert text in originals, text
    assert all(row["reason"] and row["column"] is not None for row in rows)


def test_sixty_per_cent_garbage_refuses_the_build_with_a_summary(living: Living, bikes: Desk, good: Trips) -> None:
    bad = [{**trip, "start": {**trip["start"], "at": "gestern"}} for trip in good[: COUNT * 6 // 10]]
    (bikes.data / "trips_2019_09.json").write_text(json.dumps([*bad, *good[len(bad) :]]))
    told = refused_with_nothing_left(bikes, living.code("trips"))
    assert told.startswith("[STD-420]") and f"{len(bad)} of {COUNT} rows were quarantined" in told
    assert "started_at" in told and f"{len(bad)} rows" in told and "gestern" not in told, "the summary shows no value"
    recorded = bikes.engineer.ask("harmonise.builds", resource=living.code("trips"))[0]
    assert recorded["state"] == "refused" and recorded["quarantined"] == len(bad)


def test_a_trip_that_is_there_twice_counts_once(bikes: Desk, good: Trips) -> None:
    twice = [*good, *good[:9], {**good[9], "bike": "9999"}]
    (bikes.data / "trips_2019_09.json").write_text(json.dumps(twice))
    built = bikes.build()
    assert (built["read"], built["harmonised"]) == (COUNT + 10, COUNT - 1)
    assert built["reasons"] == {"duplicate": 9, "conflicting_duplicate": 2}, "of two that differ neither is believed"
    rows = rows_quarantined(bikes, built)
    assert {row["column"] for row in rows} == {"trip_id"} and len(rows) == 11


def test_a_bad_row_of_a_database_is_quarantined_and_a_foreign_key_is_checked(bureau: Desk) -> None:
    file = bureau.data / "traffic.sqlite"
    clean = bureau.build()
    for statement in (
        "UPDATE passage SET plate = NULL WHERE passage_id = 101",
        "UPDATE passage SET plate = 'not a plate' WHERE passage_id = 102",
        "UPDATE passage SET gate_id = 'G-nowhere' WHERE passage_id = 103",
        "UPDATE passage SET passed_at = 'yesterday' WHERE passage_id = 104",
        "INSERT INTO passage SELECT * FROM passage WHERE passage_id = 106",
    ):
        sql(file, statement)
    built = bureau.build()
    assert built["read"] == clean["read"] + 1 and built["quarantined"] == clean["quarantined"] + 5
    more = {name: count - clean["reasons"].get(name, 0) for name, count in built["reasons"].items()}
    assert more["missing_value"] == 1 and more["plate_format"] == 1 and more["no_gate"] == 1 and more["duplicate"] == 1
    assert more["not_a_time"] == 1


def test_building_the_same_again_is_the_same_build(bikes: Desk, good: Trips) -> None:
    (bikes.data / "trips_2019_09.json").write_text(json.dumps(good))
    first, before = bikes.build(), bikes.files()
    assert bikes.build()["id"] == first["id"] and bikes.files() == before


@pytest.mark.parametrize("slug", [BIKE, BUREAU])
def test_after_all_of_it_nothing_is_half_done(living: Living, slug: str) -> None:
    living.at_rest()
    found = living.who(slug, "operator").ask("audit.verify")
    assert found["ok"], found["problems"]
    assert not list((living.folder / slug / "data").rglob("*stag*/*"))
    named = {build["id"] for build in living.who(slug, "data_engineer").ask("harmonise.builds")}
    there = {path.name for path in (living.folder / slug / "data" / "harmonised").glob("*/*")}
    assert there <= named, "no folder without its record"
