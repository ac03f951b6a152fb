"""Coordinates from one datum to another, as SQL over a pair of numbers.

    GCJ-02 shifts WGS84 by up to 700 m inside China; BD-09 shifts GCJ-02 once more. CGCS2000 differs from WGS84 by
    centimetres and is taken as equal. Neither shift is published by its makers: these are the formulas in common use.

The ways back have no closed form. p <- p - (f(p) - g) wins two digits or more a round: `ROUNDS` of them leave less than
2e-8 degree (2 mm; tests). Libraries that stop earlier differ from this by up to 5 cm (GCJ-02) or 20 cm (BD-09).
Outside China (a rough box) GCJ-02 and BD-09 are not applied: such a pair stays as it is, and is suspect where they were
declared. Each stage names columns of the one before, so that no text grows with the rounds and no sine is taken twice.
Must never know: tables, engines. Contract: tests/harmonise/meaning/test_datums.py.
"""

from __future__ import annotations

DATUMS = ("WGS84", "CGCS2000", "GCJ-02", "BD-09")
DEPTH = {"WGS84": 0, "CGCS2000": 0, "GCJ-02": 1, "BD-09": 2}
"""How many shifts lie between a datum and WGS84."""
ROUNDS = {1: 3, 2: 1}
"""Of the way back over the first and the second shift; that of the second starts from the usual closed form."""
CHINA = (72.004, 137.8347, 0.8293, 55.8271)
"""West, east, south, north of the box in which the shifts are applied."""

AXIS = 6378245.0
E2 = 0.00669342162296594323
BAIDU = "(pi() * 3000 / 180)"

Pair = tuple[str, str]
"""Longitude and latitude, each an expression."""


def in_china(at: Pair) -> str:
    west, east, south, north = CHINA
    return f"({at[0]} BETWEEN {west} AND {east} AND {at[1]} BETWEEN {south} AND {north})"


def stages(at: Pair, source: str, target: str, name: str) -> tuple[list[dict[str, str]], Pair]:
    """The columns of each stage on the way from `source` to `target`, and the pair at its end.

    at: columns. name: makes the names of new columns, by `{}`; a pair outside China goes through unchanged.
    """
    steps: list[dict[str, str]] = []
    here = at
    box = in_china(at)

    def stage(pair: Pair) -> None:
        nonlocal here
        names = (name.format(f"x{len(steps) + 1}"), name.format(f"y{len(steps) + 1}"))
        steps.append(dict(zip(names, pair, strict=True)))
        here = names

    depth = DEPTH[source]
    while depth > DEPTH[target]:
        shifted = here
        if depth == 2:
            stage(_from_baidu(here))
        for _ in range(ROUNDS[depth]):
            there = _to_baidu(here) if depth == 2 else _to_gcj(here)
            stage((f"{here[0]} - ({there[0]} - {shifted[0]})", f"{here[1]} - ({there[1]} - {shifted[1]})"))
        depth -= 1
    while depth < DEPTH[target]:
        stage(_to_gcj(here) if depth == 0 else _to_baidu(here))
        depth += 1
    if not steps:
        return [], at
    # half a point (box is NULL) has no place to be converted at: both come out as NULL
    ends = [f"CASE WHEN {box} THEN {new} WHEN NOT {box} THEN {old} END" for new, old in zip(here, at, strict=True)]
    stage((ends[0], ends[1]))
    return steps, here


def _to_gcj(at: Pair) -> Pair:
    x, y = f"({at[0]} - 105.0)", f"({at[1]} - 35.0)"
    angle = f"radians({at[1]})"
    sine = f"(1 - {E2} * sin({angle}) * sin({angle}))"
    shared = f"(20.0 * sin(6.0 * {x} * pi()) + 20.0 * sin(2.0 * {x} * pi())) * 2.0 / 3.0"
    north = (
        f"(-100.0 + 2.0 * {x} + 3.0 * {y} + 0.2 * {y} * {y} + 0.1 * {x} * {y} + 0.2 * sqrt(abs({x})) + {shared}"
        f" + (20.0 * sin({y} * pi()) + 40.0 * sin({y} / 3.0 * pi())) * 2.0 / 3.0"
        f" + (160.0 * sin({y} / 12.0 * pi()) + 320.0 * sin({y} * pi() / 30.0)) * 2.0 / 3.0)"
    )
    east = (
        f"(300.0 + {x} + 2.0 * {y} + 0.1 * {x} * {x} + 0.1 * {x} * {y} + 0.1 * sqrt(abs({x})) + {shared}"
        f" + (20.0 * sin({x} * pi()) + 40.0 * sin({x} / 3.0 * pi())) * 2.0 / 3.0"
        f" + (150.0 * sin({x} / 12.0 * pi()) + 300.0 * sin({x} / 30.0 * pi())) * 2.0 / 3.0)"
    )
    metres_x = f"({AXIS} / sqrt({sine}) * cos({angle}))"
    metres_y = f"({AXIS} * (1 - {E2}) / ({sine} * sqrt({sine})))"
    return f"{at[0]} + degrees({east} / {metres_x})", f"{at[1]} + degrees({north} / {metres_y})"


def _to_baidu(at: Pair) -> Pair:
    x, y = at
    far = f"(sqrt({x} * {x} + {y} * {y}) + 0.00002 * sin({y} * {BAIDU}))"
    turn = f"(atan2({y}, {x}) + 0.000003 * cos({x} * {BAIDU}))"
    return f"{far} * cos({turn}) + 0.0065", f"{far} * sin({turn}) + 0.006"


def _from_baidu(at: Pair) -> Pair:
    x, y = f"({at[0]} - 0.0065)", f"({at[1]} - 0.006)"
    far = f"(sqrt({x} * {x} + {y} * {y}) - 0.00002 * sin({y} * {BAIDU}))"
    turn = f"(atan2({y}, {x}) - 0.000003 * cos({x} * {BAIDU}))"
    return f"{far} * cos({turn})", f"{far} * sin({turn})"
