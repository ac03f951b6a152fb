"""The story page's pictures: positions and lengths for SVG, computed from the story a demonstration wrote.

Pure: values in, drawing values out; templates/story.html draws them. The map shows cells and stations only, in
kilometres from the product's origin: no borders, no tiles. Contract: tests/web/test_story.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

DAY_WINDOWS = tuple(range(0, 24, 3))


@dataclass(frozen=True)
class Square:
    """One cell of the map: SVG x, y, side; shade 0..1; lean -1 (starts prevail) .. 1 (ends prevail); its figures."""

    x: float
    y: float
    side: float
    shade: float
    lean: float
    starts: int
    ends: int
    vehicles: int


@dataclass(frozen=True)
class Map:
    width: float
    height: float
    coarse: tuple[Square, ...]
    fine: tuple[Square, ...]
    stations: tuple[tuple[float, float, str], ...]
    scale_km: float


@dataclass(frozen=True)
class Bar:
    label: str
    value: float
    share: float
    """0..1 of the longest bar."""


def flow_map(drawn: dict[str, Any], width: float = 620.0, hour: int | None = None) -> Map:
    """The map of all hours, or of one three-hour window of the day.

    drawn: {"cells": [{km, x, y, hour, starts, ends, vehicles}], "stations": [[x_km, y_km, name]]}; x, y in cells.
    """
    cells = [cell for cell in drawn["cells"] if hour is None or cell["hour"] == hour]
    frame = [(c["km"] * c["x"], c["km"] * c["y"], c["km"]) for c in drawn["cells"] if c["km"] <= 10]
    if not frame:
        return Map(width, width, (), (), (), 1.0)
    left, bottom = min(x for x, _, _ in frame), min(y for _, y, _ in frame)
    right, top = max(x + km for x, _, km in frame), max(y + km for _, y, km in frame)
    scale = width / (right - left)
    merged: dict[tuple[float, int, int], list[int]] = {}
    for cell in cells:
        key = (cell["km"], cell["x"], cell["y"])
        figures = merged.setdefault(key, [0, 0, 0])
        figures[0] += cell["starts"]
        figures[1] += cell["ends"]
        figures[2] = max(figures[2], cell["vehicles"])
    largest = {
        coarse: max((math.sqrt(v[0] + v[1]) for k, v in merged.items() if (k[0] >= 10) == coarse), default=1.0) or 1.0
        for coarse in (True, False)
    }

    def square(key: tuple[float, int, int], figures: list[int]) -> Square:
        km, x, y = key
        starts, ends, vehicles = figures
        total = starts + ends
        return Square(
            x=round((km * x - left) * scale, 1),
            y=round((top - km * (y + 1)) * scale, 1),
            side=round(km * scale, 1),
            shade=round(math.sqrt(total) / largest[km >= 10], 3) if total else 0.0,
            lean=round((ends - starts) / total, 3) if total else 0.0,
            starts=starts,
            ends=ends,
            vehicles=vehicles,
        )

    squares = [square(key, figures) for key, figures in sorted(merged.items(), key=lambda item: -item[0][0])]
    stations = tuple(
        (round((x - left) * scale, 1), round((top - y) * scale, 1), name)
        for x, y, name in drawn["stations"]
        if left <= x <= right and bottom <= y <= top
    )
    edge = 10 * scale - 0.5
    return Map(
        width=width,
        height=round((top - bottom) * scale, 1),
        coarse=tuple(s for s in squares if edge <= s.side <= edge + 1),
        fine=tuple(s for s in squares if s.side < edge),
        stations=stations,
        scale_km=round(scale, 2),
    )


def bars(values: dict[str, float]) -> list[Bar]:
    """Bars for labelled values, longest first."""
    longest = max(values.values(), default=0) or 1
    return [Bar(label, value, value / longest) for label, value in sorted(values.items(), key=lambda item: -item[1])]


def stacked(shares: dict[str, float], width: float) -> list[tuple[str, float, float, float]]:
    """(label, x, length, share) of one stacked bar of `width` in the order given."""
    at, parts = 0.0, []
    for label, share in shares.items():
        parts.append((label, round(at, 2), round(share * width, 2), share))
        at += share * width
    return parts
