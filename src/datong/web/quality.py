"""The page of a resource's quality: figures with both numbers, a chart over its builds, what is behind, what to mend.

The chart is positions for SVG, computed here. Must never know: the store. Contract: tests/web/test_quality.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from datong.web.visits import Answer, Visit

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 860, 240, 44, 150, 12, 28
BUILDS = 40
"""Builds in the chart, the newest."""
LINES = ("score", "normativity", "completeness", "accuracy", "consistency", "timeliness", "accessibility")
COLUMNS = 200
"""Of a page of them."""


@dataclass(frozen=True)
class Line:
    """One line of the chart: its points, where its name stands, its place in LINES."""

    name: str
    number: int
    points: tuple[tuple[float, float, str], ...]
    label_y: float

    @property
    def path(self) -> str:
        return " ".join(f"{x:g},{y:g}" for x, y, _ in self.points)


@dataclass(frozen=True)
class Chart:
    lines: tuple[Line, ...]
    grid: tuple[tuple[float, str], ...]
    days: tuple[tuple[float, str], ...]
    least: float


def page(visit: Visit) -> Answer:
    """The page of /quality/{resource}."""
    resource = str(visit.request.path_params["resource"])
    history = visit.view("harmonise.quality_history", resource=resource)
    now = visit.view("harmonise.contract", resource=resource) if any(r["state"] == "built" for r in history) else None
    wanted = visit.request.query_params.get("build", "")
    build = wanted if wanted in {row["build"] for row in history} else now["build"] if now else resource
    # a resource that was never built is refused as the room refuses it
    figures = visit.view("harmonise.quality_of", build=build)
    is_current = now is not None and build == now["build"]
    shown = {
        "resource": resource, "history": list(reversed(history)), "figures": figures,
        "rules": now["rules"] if now and is_current else [], "is_current": is_current,
        "chart": chart(history[-BUILDS:]), "width": WIDTH, "height": HEIGHT, "left": LEFT, "right": WIDTH - RIGHT,
        "may_repair": visit.may("harmonise.repair"), "first": visit.first, "size": COLUMNS,
    }  # fmt: skip
    return "quality.html", shown, 200


def chart(history: list[dict[str, Any]]) -> Chart:
    """Score and dimensions over the builds, oldest to the left; the axis begins below the least figure."""
    values = [{"score": row["score"], **row["dimensions"]} for row in history]
    least = min((value for row in values for value in row.values()), default=0.0)
    floor = max(0.0, int(least * 10) / 10 - (0.1 if least == int(least * 10) / 10 else 0.0))
    span = (1.0 - floor) or 1.0
    step = (WIDTH - LEFT - RIGHT) / max(len(history) - 1, 1)

    def y_of(value: float) -> float:
        return round(TOP + (1.0 - value) / span * (HEIGHT - TOP - BOTTOM), 1)

    lines = []
    for number, name in enumerate(LINES):
        points = tuple(
            (round(LEFT + step * n, 1), y_of(row[name]), f"{row[name]:.4f}")
            for n, row in enumerate(values)
            if name in row
        )
        if points:
            lines.append(Line(name, number, points, points[-1][1]))
    grid = tuple((y_of(floor + span * k / 4), f"{floor + span * k / 4:.1%}".replace(".0%", "%")) for k in range(5))
    every = max(len(history) // 6, 1)
    days = tuple((round(LEFT + step * n, 1), str(row["at"])[:10]) for n, row in enumerate(history) if n % every == 0)
    return Chart(_apart(lines), grid, days, floor)


def _apart(lines: list[Line], gap: float = 15.0) -> tuple[Line, ...]:
    """The lines with their names far enough from each other to be read."""
    placed: list[Line] = []
    for line in sorted(lines, key=lambda line: (line.label_y, line.number)):
        lowest = placed[-1].label_y + gap if placed else line.label_y
        placed.append(Line(line.name, line.number, line.points, max(line.label_y, lowest)))
    return tuple(placed)
