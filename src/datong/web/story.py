"""The story page's pictures: positions and lengths for SVG, computed from the story a demonstration wrote.

Pure: values in, drawing values out; templates/story.html draws them. The map shows cells and stations only, in
kilometres from the product's origin: no borders, no tiles. One scale of trips per square kilometre serves cells of
every size; trips counted only for a larger cell are spread evenly over it and added to the finer cells inside.
Must never know: where the figures come from. Contract: tests/web/test_story.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from datong.ground.refusal import Text

DAY_WINDOWS = tuple(range(0, 24, 3))
CLASSES = 6
STEPS = (1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000, 100_000)
"""Trips per square kilometre at which a darker class may begin."""
PIXELS_PER_KM = 18.0


@dataclass(frozen=True)
class Square:
    """One cell of the map: SVG x, y, side; class 0 (fewest trips per km²) .. CLASSES - 1; its figures."""

    x: float
    y: float
    side: float
    shade: int
    km: float
    starts: int
    ends: int
    vehicles: int
    """Distinct vehicles in the busiest window: distinct counts do not add up."""


@dataclass(frozen=True)
class Map:
    width: float
    height: float
    squares: tuple[Square, ...]
    """Large ones first, so that fine cells lie on top."""
    stations: tuple[tuple[float, float, str], ...]
    towns: tuple[tuple[float, float, str], ...]
    """Where a group of stations is named: SVG x, y and the town."""
    km: float
    """Length of a kilometre in the drawing."""
    trips: int
    """Starts that are drawn."""


def classes(drawn: dict[str, Any]) -> tuple[int, ...]:
    """The lower bounds, in trips (starts and ends) per km², of the CLASSES shades; the last one is reached."""
    most = max(_densities(_merged(drawn["cells"])).values(), default=0.0)
    reached = [step for step in STEPS if step <= most] or [STEPS[0]]
    last = STEPS.index(reached[-1])
    first = max(0, last - CLASSES + 1)
    return (0, *STEPS[first + 1 : last + 1])


def flow_map(drawn: dict[str, Any], hour: int | None = None) -> Map:
    """The map of the whole period, or of one three-hour window of the day, in one frame and on one scale.

    drawn: {"cells": [{km, x, y, hour, starts, ends, vehicles}], "stations": [[x_km, y_km, name, town]]}; x, y in
    cells from the origin; hour is None for counts of whole days, which stand in the map of the period only.
    """
    frame = _frame(drawn)
    if frame is None:
        return Map(1.0, 1.0, (), (), (), 1.0, 0)
    left, bottom, right, top = frame
    bounds = classes(drawn)
    scale = PIXELS_PER_KM
    merged = _merged(cell for cell in drawn["cells"] if hour is None or cell["hour"] == hour)
    densities = _densities(merged)

    def square(key: tuple[float, int, int], figures: list[int]) -> Square:
        km, x, y = key
        return Square(
            x=round((km * x - left) * scale, 1),
            y=round((top - km * (y + 1)) * scale, 1),
            side=round(km * scale, 1),
            shade=max(index for index, bound in enumerate(bounds) if densities[key] >= bound),
            km=km,
            starts=figures[0],
            ends=figures[1],
            vehicles=figures[2],
        )

    def place(x: float, y: float) -> tuple[float, float]:
        return round((x - left) * scale, 1), round((top - y) * scale, 1)

    seen = [s for s in drawn["stations"] if left <= s[0] <= right and bottom <= s[1] <= top]
    return Map(
        width=round((right - left) * scale, 1),
        height=round((top - bottom) * scale, 1),
        squares=tuple(square(key, merged[key]) for key in sorted(merged, key=lambda key: (-key[0], key[1:]))),
        stations=tuple((*place(s[0], s[1]), s[2]) for s in seen),
        towns=tuple((*place(x, y), town) for town, (x, y) in _towns(seen).items()),
        km=scale,
        trips=sum(figures[0] for figures in merged.values()),
    )


def _frame(drawn: dict[str, Any]) -> tuple[float, float, float, float] | None:
    """(left, bottom, right, top) in km around every cell."""
    boxes = [(c["km"] * c["x"], c["km"] * c["y"], c["km"]) for c in drawn["cells"]]
    if not boxes:
        return None
    return (
        min(x for x, _, _ in boxes),
        min(y for _, y, _ in boxes),
        max(x + km for x, _, km in boxes),
        max(y + km for _, y, km in boxes),
    )


def _merged(cells: Any) -> dict[tuple[float, int, int], list[int]]:
    """[starts, ends, most vehicles] per cell, over its windows."""
    merged: dict[tuple[float, int, int], list[int]] = {}
    for cell in cells:
        figures = merged.setdefault((cell["km"], cell["x"], cell["y"]), [0, 0, 0])
        figures[0] += cell["starts"]
        figures[1] += cell["ends"]
        figures[2] = max(figures[2], cell["vehicles"])
    return merged


def _densities(merged: dict[tuple[float, int, int], list[int]]) -> dict[tuple[float, int, int], float]:
    """Starts and ends per km² of each cell: its own and its even part of the larger cells around it."""
    own = {key: (figures[0] + figures[1]) / (key[0] * key[0]) for key, figures in merged.items()}
    sizes = sorted({key[0] for key in merged})
    return {
        (km, x, y): sum(
            own.get((size, math.floor(x * km / size), math.floor(y * km / size)), 0.0) for size in sizes if size >= km
        )
        for km, x, y in merged
    }


def _towns(stations: list[Any]) -> dict[str, tuple[float, float]]:
    """The northernmost point of each town's stations, at their mean longitude: its name stands above it."""
    by_town: dict[str, list[Any]] = {}
    for station in stations:
        if len(station) > 3 and station[3]:
            by_town.setdefault(station[3], []).append(station)
    return {
        town: (sum(s[0] for s in found) / len(found), max(s[1] for s in found))
        for town, found in sorted(by_town.items())
    }


def busiest(drawn: Map, count: int = 8) -> list[Square]:
    """The cells of the map with the most starts and ends, for readers who do not see it."""
    return sorted(drawn.squares, key=lambda s: -(s.starts + s.ends))[:count]


def stacked(shares: list[tuple[str, float]], width: float) -> list[tuple[str, float, float, float]]:
    """(label, x, length, share) of one stacked bar of `width` in the order given; shares add up to at most 1."""
    at, parts = 0.0, []
    for label, share in shares:
        parts.append((label, round(at, 2), round(share * width, 2), share))
        at += share * width
    return parts


@dataclass(frozen=True)
class Gauge:
    """A line from 0 to `top` of `width`, with the limit and two figures on it as x positions."""

    width: float
    top: float
    limit_x: float
    value_x: float
    other_x: float
    passed: bool


def gauge(value: float, limit: float, other: float, width: float) -> Gauge:
    """Where a risk, the limit it must stay below and a risk to compare with stand on one line."""
    top = max(value, limit, other) * 1.15 or 1.0

    def x(figure: float) -> float:
        return round(figure / top * width, 1)

    return Gauge(width, top, x(limit), x(value), x(other), value < limit)


WHOLE = {"area": Text("全域", "whole area"), "period": Text("全周期", "whole period")}


ELSEWHERE = {
    "in no group": Text("不在任何组（时段或区域之外，或缺时间、地点）", "in no group (outside, or no time or place)"),
    "quarantined": Text("已隔离", "quarantined"),
}
"""What became of the trips that stand at no resolution."""


def resolution(label: str) -> Text:
    """A resolution's name in both languages: "2 km x 3 h" -> 2 公里 × 3 小时."""
    if " x " not in label:
        return ELSEWHERE.get(label, Text(label, label))
    area, _, time = label.partition(" x ")
    zh_area = WHOLE["area"].zh if area == WHOLE["area"].en else area.replace(" km", " 公里")
    zh_time = WHOLE["period"].zh if time == WHOLE["period"].en else time.replace(" h", " 小时")
    return Text(f"{zh_area} × {zh_time}", f"{area} × {time}")
