"""Datums: published reference values, the way there and back, what lies outside China, and points in a mapping.

The reference values are those of the tests of eviltransform (BSD-2-Clause), coordtransform (MIT) and transbigdata
(BSD-3-Clause). Their ways back stop after one round: ours put back must give the original, theirs be within a metre.
"""

from __future__ import annotations

import random

import pyarrow as pa
import pytest
from harmonise_desk import files, mapped, prop, rows_of, run

from datong.engine import service as engine
from datong.engine.model import Plan, Step
from datong.harmonise.rules import datums
from datong.harmonise.rules.workspace import mapping_of

Point = tuple[float, float]


def moved(points: list[Point], source: str, target: str) -> list[Point]:
    """Points (longitude, latitude) through the stages, in the plan language."""
    steps, end = datums.stages(("x", "y"), source, target, "to_{}")
    sql = "SELECT * FROM given"
    for step in steps:
        sql = f"SELECT *, {', '.join(f'{text} AS {name}' for name, text in step.items())} FROM ({sql}) AS before"
    plan = Plan((Step("moved", f"SELECT {end[0]} AS a, {end[1]} AS b, n FROM ({sql}) AS every"),), ("given",))
    given = pa.table({"x": [p[0] for p in points], "y": [p[1] for p in points], "n": range(len(points))})
    rows = engine.run(plan, {"given": given}, threads=1)["moved"].sort_by("n").to_pylist()
    return [(row["a"], row["b"]) for row in rows]


def apart(a: Point, b: Point) -> float:
    return max(abs(a[0] - b[0]), abs(a[1] - b[1]))


FORWARD = [
    ("WGS84", "GCJ-02", (121.5272106, 31.1774276), (121.531541859215, 31.17530398364597), 1e-9),
    ("WGS84", "GCJ-02", (113.912316, 22.543847), (113.9171764808363, 22.540796131694766), 1e-9),
    ("WGS84", "GCJ-02", (116.377817, 39.911954), (116.38404722455657, 39.91334545536069), 1e-9),
    ("WGS84", "GCJ-02", (116.404, 39.915), (116.41024449916938, 39.91640428150164), 1e-9),
    ("GCJ-02", "BD-09", (116.404, 39.915), (116.41036949371029, 39.92133699351021), 1e-9),
    ("GCJ-02", "BD-09", (120.0, 30.0), (120.00640999946, 30.006359999864998), 1e-9),
    ("WGS84", "BD-09", (120.0, 30.0), (120.011070620552, 30.003883055512777), 1e-9),
    ("WGS84", "BD-09", (121.432966, 31.130154), (121.44400198, 31.13461178), 1e-8),
    ("CGCS2000", "GCJ-02", (106.6302, 26.6477), (106.633769, 26.644031), 1e-6),
    ("CGCS2000", "BD-09", (106.6302, 26.6477), (106.640333, 26.649791), 1e-6),
]
BACK = [
    ("GCJ-02", "WGS84", (116.404, 39.915), (116.39775550083061, 39.91359571849836)),
    ("BD-09", "GCJ-02", (116.404, 39.915), (116.39762729119315, 39.90865673957631)),
    ("BD-09", "WGS84", (121.432966, 31.130154), (121.42189628157456, 31.125775772415125)),
]


@pytest.mark.parametrize(("source", "target", "point", "there", "tolerance"), FORWARD)
def test_reference_values(source: str, target: str, point: Point, there: Point, tolerance: float) -> None:
    assert apart(moved([point], source, target)[0], there) < tolerance
    assert apart(moved([there], target, source)[0], point) < tolerance * 10


@pytest.mark.parametrize(("source", "target", "point", "theirs"), BACK)
def test_ways_back_are_exact_where_theirs_are_near(source: str, target: str, point: Point, theirs: Point) -> None:
    (ours,) = moved([point], source, target)
    assert apart(moved([ours], target, source)[0], point) < 2e-8
    assert apart(ours, theirs) < 1e-5


@pytest.mark.parametrize("target", ["GCJ-02", "BD-09"])
def test_there_and_back_all_over_china(target: str) -> None:
    chance = random.Random(3)
    points = [(chance.uniform(73, 135), chance.uniform(2, 54)) for _ in range(20_000)]
    there = moved(points, "WGS84", target)
    assert max(apart(a, b) for a, b in zip(points, moved(there, target, "WGS84"), strict=True)) < 2e-8
    assert sum(apart(a, b) > 1e-4 for a, b in zip(points, there, strict=True)) > 19_900


def test_outside_china_nothing_is_moved() -> None:
    abroad = [(-72.6, 42.3), (2.35, 48.85), (139.7, 35.7), (100.0, 0.5), (0.0, 0.0), (-180.0, -90.0)]
    for target in ("GCJ-02", "BD-09"):
        assert moved(abroad, "WGS84", target) == abroad
        assert moved(abroad, target, "WGS84") == abroad
    assert moved(abroad, "WGS84", "CGCS2000") == abroad


def point(datum: str, *, target: str = "WGS84", **more: object) -> dict[str, object]:
    def column(name: str, other: str, path: str) -> dict[str, object]:
        return {"from": path, "as": name, "notation": "decimal", "datum": datum, "with": other, **more}

    said = {"customProperties": [{"property": "datum", "value": target}]}
    return files(
        {"longitude": column("longitude", "latitude", "x"), "latitude": column("latitude", "longitude", "y")},
        prop("longitude", "number", required=True, **said),
        prop("latitude", "number", **said),
    )


def test_both_halves_of_a_point_are_converted_together() -> None:
    rows = [
        {"x": "116.404", "y": "39.915"},
        {"x": "116.404", "y": "abc"},
        {"x": "116.404", "y": None},
        {"x": "-72.6", "y": "42.3"},
        {"x": "１１６.404", "y": "39.915"},
        {"x": "116.404", "y": "139.915"},
    ]
    result = run(mapped(point("GCJ-02")), things=rows_of(*rows))
    good = {row["source_row"]: (row["longitude"], row["latitude"]) for row in result["harmonised"].to_pylist()}
    held = {row["row"]: (row["column"], row["reason"]) for row in result["quarantined"].to_pylist()}
    repairs = {(r["row"], r["column"]): f"{r['state']}:{r['rule']}" for r in result["repairs"].to_pylist()}
    assert apart(good[1], BACK[0][3]) < 1e-5
    assert good[5] == good[1]
    assert good[4] == (-72.6, 42.3)
    assert held == {
        2: ("longitude", "no_other_coordinate"), 3: ("longitude", "no_other_coordinate"),
        6: ("longitude", "no_other_coordinate"),
    }  # fmt: skip
    assert repairs == {
        (4, "longitude"): "suspect:outside_china", (4, "latitude"): "suspect:outside_china",
        (5, "longitude"): "fixed:full_width",
    }  # fmt: skip


def test_the_standard_says_which_datum_comes_out() -> None:
    (there,) = moved([(116.404, 39.915)], "BD-09", "GCJ-02")
    result = run(mapped(point("BD-09", target="GCJ-02")), things=rows_of({"x": "116.404", "y": "39.915"}))
    (row,) = result["harmonised"].to_pylist()
    assert (row["longitude"], row["latitude"]) == there
    # where both are of one datum, no partner is needed and nothing is computed
    contents = point("GCJ-02", target="GCJ-02")
    (row,) = run(mapped(contents), things=rows_of({"x": "116.404", "y": "39.915"}))["harmonised"].to_pylist()
    assert (row["longitude"], row["latitude"]) == (116.404, 39.915)


def test_points_in_degrees_minutes_and_seconds_too() -> None:
    contents = point("GCJ-02", notation="dms")
    (row,) = run(mapped(contents), things=rows_of({"x": "116°24'14.4\"E", "y": "39°54'54\"N"}))[
        "harmonised"
    ].to_pylist()
    assert apart((row["longitude"], row["latitude"]), BACK[0][3]) < 1e-5


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"with": "nothing"}, "name the element with the other coordinate"),
        ({"with": "longitude"}, "name the element with the other coordinate"),
        ({"datum": "BD-09"}, "should have the same datum"),
        ({"datum": "GCJ02"}, "is no datum of"),
    ],
)
def test_half_a_point_is_refused(change: dict[str, str], said: str) -> None:
    contents = point("GCJ-02")
    contents["mappings/things.yaml"]["columns"]["longitude"] |= change  # type: ignore[index]
    assert any(said in problem.en for problem in mapping_of(contents, "things")[1])


def test_a_standard_with_an_unknown_datum_is_refused() -> None:
    contents = point("WGS84", target="Beijing54")
    assert any("datum should be one of" in problem.en for problem in mapping_of(contents, "things")[1])
