"""The view of suspicions: a source without a mapping, a mapping's declared zone, points against points of reference."""

from __future__ import annotations

import csv
import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harmonise_desk import files, prop, write

from datong.ground.db import Actor, Store
from datong.ground.refusal import Refusal
from datong.harmonise import service as harmonise

Act = Callable[..., Actor]
DATA = Path(os.environ.get("DATONG_DATA") or Path(__file__).parents[3] / "../shared/data").resolve()


@pytest.fixture
def folder(store: Store, node_folder: Path) -> Path:
    harmonise.install(store, node_folder)
    return node_folder


def asked(store: Store, actor: Actor, **more: Any) -> list[dict[str, Any]]:
    with store.begin(actor, "harmonise") as tx:
        return harmonise.suspicions(tx, workspace="work", **more)


def checked(store: Store, actor: Actor, **more: Any) -> dict[str, Any]:
    with store.begin(actor, "harmonise") as tx:
        return harmonise.check(tx, workspace="work", **more)


def test_a_source_and_a_mapping_are_looked_at(store: Store, folder: Path, act: Act) -> None:
    contents = files({"n": {"from": "n", "as": "number"}}, prop("n", "number"))
    write(folder / "work", contents)
    (folder / "work" / "things.json").write_text(json.dumps([{"n": 7, "c": "x"} for _ in range(120)]))
    engineer = act("data_engineer")
    found = asked(store, engineer, source="things")
    assert [(one["kind"], one["columns"]) for one in found] == [("constant", ["n"]), ("constant", ["c"])]
    assert all(one["zh"] and one["en"] and one["evidence"] for one in found)
    assert asked(store, engineer, mapping="things") == found
    (told,) = checked(store, engineer)["mappings"]
    assert told["suspicions"] == found
    assert checked(store, engineer)["accepted"]


def test_what_the_mapping_minds_already_is_no_suspicion(store: Store, folder: Path, act: Act) -> None:
    """Texts that it names as no value, and old identity numbers beside new ones, which are no two units."""
    areas = ("110103", "330106", "520103")
    ids = [
        f"{areas[d % 3]}19{d % 80 + 10}01010{d:03d}" if d % 9 else f"{areas[d % 4 % 3]}{d % 80 + 10}0101{d:03d}"
        for d in range(200)
    ]
    numbers = [-999 if day % 20 == 0 else day for day in range(200)]
    rows = [{"n": number, "m": number, "id": one} for number, one in zip(numbers, ids, strict=True)]
    columns = {"n": {"from": "n", "as": "number"}, "m": {"from": "m", "as": "number"}, "id": {"from": "id"}}
    for changed, expected in (
        ({}, [("sentinel", ["n"]), ("sentinel", ["m"]), ("mixed_units", ["id"])]),
        ({"n": {"from": "n", "as": "number", "missing": ["-999"]}}, [("sentinel", ["m"]), ("mixed_units", ["id"])]),
        ({"id": {"from": "id", "as": "resident_id"}}, [("sentinel", ["n"]), ("sentinel", ["m"])]),
    ):
        write(folder / "work", files({**columns, **changed}, prop("n", "number"), prop("m", "number"), prop("id")))
        (folder / "work" / "things.json").write_text(json.dumps(rows))
        found = [(one["kind"], one["columns"]) for one in asked(store, act("data_engineer"), mapping="things")]
        assert sorted(found) == sorted(expected), changed


def test_a_unit_of_a_heading_is_minded_where_the_mapping_says_one(store: Store, folder: Path, act: Act) -> None:
    rows = [{"用水量（吨）": n, "c": "x"} for n in range(20)]
    for more, expected in (({}, ["unit_unread"]), ({"unit": "m3"}, []), ({"carries_unit": True}, [])):
        column = {"n": {"from": "用水量（吨）", "as": "number", **more}}
        write(
            folder / "work", files(column, prop("n", "number", customProperties=[{"property": "unit", "value": "m3"}]))
        )
        (folder / "work" / "things.json").write_text(json.dumps(rows))
        assert [one["kind"] for one in asked(store, act("data_engineer"), mapping="things")] == expected, more


def test_what_is_asked_wrongly_is_refused(store: Store, folder: Path, act: Act) -> None:
    write(folder / "work", files({"n": "n"}, prop("n")))
    engineer = act("data_engineer")
    for more, said in (
        ({}, "either a mapping or a source"),
        ({"mapping": "things", "source": "things"}, "either a mapping or a source"),
        ({"source": "thing"}, "nearest: things"),
        ({"mapping": "thing"}, "no such mapping"),
    ):
        with pytest.raises(Refusal) as caught:
            asked(store, engineer, **more)
        assert caught.value.code == "STD-410"
        assert any(said in problem.en for problem in caught.value.problems)


def half(name: str, path: str, datum: str, other: str) -> dict[str, Any]:
    return {"from": path, "as": name, "notation": "decimal", "datum": datum, "with": other}


def points(x: str, y: str, datum: str) -> dict[str, Any]:
    return {"longitude": half("longitude", x, datum, "latitude"), "latitude": half("latitude", y, datum, "longitude")}


def workspace(folder: Path, datum: str) -> None:
    """Two sources with points and addresses: trips in a declared datum, places in WGS84."""
    contents = files(points("x", "y", datum), prop("longitude", "number"), prop("latitude", "number"))
    contents |= {
        "sources/things.yaml": {"kind": "csv", "path": "trips.csv"},
        "sources/places.yaml": {"kind": "csv", "path": "places.csv"},
        "mappings/places.yaml": {"source": "places", "standard": "thing", "columns": points("lon", "lat", "WGS84")},
    }
    write(folder / "work", contents)


def test_points_a_datum_away_from_places_with_the_same_address(store: Store, folder: Path, act: Act) -> None:
    workspace(folder, "WGS84")
    places = [(121.40 + n / 500, 31.20 + n / 700, f"某某路{n}号") for n in range(60)]
    # trips that were made in BD-09 near Shanghai: about +0.0111, +0.0041 from WGS84
    trips = [(x + 0.01103, y + 0.00414, f"上海市某某区{label}") for x, y, label in places]
    for name, header, rows in (("places", "lon,lat,address", places), ("trips", "x,y,address", trips)):
        lines = [header, *(f"{x:.5f},{y:.5f},{label}" for x, y, label in rows)]
        (folder / "work" / f"{name}.csv").write_text("\n".join(lines) + "\n", "utf-8")
    (found,) = [one for one in asked(store, act("data_engineer"), mapping="things") if one["kind"] == "datum_step"]
    assert found["evidence"]["step"] == "WGS84 -> BD-09"
    assert found["columns"] == ["x", "y", "address"]
    assert found["evidence"]["pairs_that_agree"] >= 50
    workspace(folder, "BD-09")  # declared rightly, nothing is left to suspect
    assert not [one for one in asked(store, act("data_engineer"), mapping="things") if one["kind"] == "datum_step"]


def test_shanghai_bikes_and_their_addresses_disagree_by_one_datum_step(store: Store, folder: Path, act: Act) -> None:
    bikes = DATA / "bike_shanghai_mobike" / "orders_od.csv.gz"
    schools = DATA / "transit_shanghai"
    if not (bikes.exists() and schools.is_dir()):
        pytest.skip(f"the data folder is not there: {DATA} (set DATONG_DATA to test on the real files)")
    contents = files(points("first_x", "first_y", "WGS84"), prop("longitude", "number"), prop("latitude", "number"))
    contents["sources/things.yaml"] = {"kind": "csv", "path": "bikes.csv"}
    for name in ("hospital", "school"):
        contents[f"sources/{name}.yaml"] = {"kind": "csv", "path": f"{name}.csv"}
        columns = points("lon", "lat", "WGS84")
        contents[f"mappings/{name}.yaml"] = {"source": name, "standard": "thing", "columns": columns}
        (folder / "work").mkdir(exist_ok=True)
        (folder / "work" / f"{name}.csv").write_bytes((schools / f"poi_shanghai_{name}.csv").read_bytes())
    write(folder / "work", contents)
    with (
        gzip.open(bikes, "rt", encoding="utf-8") as opened,
        (folder / "work" / "bikes.csv").open("w", encoding="utf-8") as out,
    ):
        csv.writer(out).writerows(csv.reader(opened))
    found = [one for one in asked(store, act("data_engineer"), mapping="things") if one["kind"] == "datum_step"]
    assert {tuple(one["columns"]) for one in found} == {("first_x", "first_y", "start_loc")}
    for one in found:
        evidence = one["evidence"]
        assert evidence["step"] == "WGS84 -> BD-09"
        assert evidence["left_over_degrees"] < 0.0005
        assert 1000 < evidence["metres"] < 1300


def head(file: str, to: Path, rows: int = 10_000) -> None:
    """The first lines of a real file, unpacked; skips where it is not there."""
    if not (DATA / file).exists():
        pytest.skip(f"{file} is not in {DATA} (set DATONG_DATA to test on the real files)")
    unpack = gzip.open if file.endswith(".gz") else open
    with unpack(DATA / file, "rt", encoding="utf-8") as given, to.open("w", encoding="utf-8") as out:
        out.writelines(line for line, _ in zip(given, range(rows + 1), strict=False))


def built(store: Store, actor: Actor, mapping: str = "things") -> dict[str, dict[str, Any]]:
    """What a build tells that nobody asked for: kind -> the first of its kind."""
    with store.begin(actor, "harmonise") as tx:
        made = harmonise.build(tx, workspace="work", mapping=mapping)
    return {one["kind"]: one for one in reversed(made["suspicions"])}


def test_a_build_tells_that_valleybike_times_cannot_be_local(store: Store, folder: Path, act: Act) -> None:
    at = {"from": "start_time", "as": "timestamp", "zone": "America/New_York", "ambiguous": "earlier",
          "formats": ["%Y-%m-%d %H:%M:%S+00"]}  # fmt: skip
    contents = files({"at": at}, prop("at", "timestamp"))
    contents["sources/things.yaml"] = {"kind": "csv", "path": "trips.csv"}
    write(folder / "work", contents)
    head("bike_valleybike/trips_2018_2020.csv.gz", folder / "work/trips.csv")
    found = built(store, act("data_engineer"))["not_local_time"]
    assert (found["columns"], -6 <= int(found["evidence"]["shift_hours_to_night"]) <= -4) == (["start_time"], True)


def test_a_build_tells_that_a_berka_birth_number_hides_sex(store: Store, folder: Path, act: Act) -> None:
    contents = files({"id": "client_id", "born": "birth_number"}, prop("id"), prop("born"))
    contents["sources/things.yaml"] = {"kind": "csv", "path": "client.csv", "delimiter": ";"}
    write(folder / "work", contents)
    head("finance_berka/client.csv", folder / "work/client.csv")
    assert built(store, act("data_engineer"))["hidden_sex"]["columns"] == ["birth_number"]


def test_a_build_tells_that_shanghai_bikes_are_a_datum_step_away(store: Store, folder: Path, act: Act) -> None:
    contents = files(points("first_x", "first_y", "WGS84"), prop("longitude", "number"), prop("latitude", "number"))
    contents["sources/things.yaml"] = {"kind": "csv", "path": "bikes.csv"}
    contents["sources/school.yaml"] = {"kind": "csv", "path": "school.csv"}
    contents["mappings/school.yaml"] = {
        "source": "school",
        "standard": "thing",
        "columns": points("lon", "lat", "WGS84"),
    }
    write(folder / "work", contents)
    head("bike_shanghai_mobike/orders_od.csv.gz", folder / "work/bikes.csv")
    head("transit_shanghai/poi_shanghai_school.csv", folder / "work/school.csv", 1_000_000)
    found = built(store, act("data_engineer"))["datum_step"]
    assert (found["evidence"]["step"], found["columns"]) == ("WGS84 -> BD-09", ["first_x", "first_y", "start_loc"])
