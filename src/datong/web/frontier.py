"""The frontier of a product, drawn: what each release costs a forecast, against how often an attacker is right.

Left: releases on which an attack was measured; right: answers with noise, against their epsilon. One SVG of shapes and
escaped text, with the classes of the console's sheet; `style` makes it stand alone. Must never know: the store.
Contract: tests/web/test_frontier.py.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

WIDTH, HEIGHT = 760, 340
TOP, BOTTOM, LEFT, MIDDLE, SECOND, RIGHT = 30, 282, 62, 462, 540, 736
STYLE = """<style>
svg.frontier { --ink: #16242b; --soft: #4d5d65; --line: #c9d2d3; --teal: #17697a; --amber: #9a5b12; --red: #9c3423; }
@media (prefers-color-scheme: dark) {
  svg.frontier { --ink: #eaf0f0; --soft: #b9c7cb; --line: #4d5d65; --teal: #6fc3d4; --amber: #eab06a; --red: #ef8f7e; }
}
.frontier text { fill: var(--soft); font: 13px "Noto Sans CJK SC", "Segoe UI", system-ui, sans-serif; }
.frontier .name { fill: var(--ink); } .frontier .axis { stroke: var(--line); fill: none; }
.frontier .k { fill: var(--teal); stroke: var(--teal); }
.frontier .epsilon { fill: var(--amber); stroke: var(--amber); }
.frontier .rows { fill: var(--red); stroke: var(--red); } .frontier .interval { stroke-width: 2; fill: none; }
</style>"""
"""For a page that has no sheet: the console's colours, and lighter ones on dark."""


def svg(frontier: Mapping[str, Any], *, zh: bool, style: str = "") -> str:
    """The drawing; frontier: as `compose.attach_frontier` takes it."""
    points: Sequence[Mapping[str, Any]] = frontier["points"]
    attacked = [point for point in points if point.get("attack") is not None and point.get("epsilon") is None]
    noisy = sorted((point for point in points if point.get("epsilon") is not None), key=lambda point: point["epsilon"])
    top = _ceiling(max((_high(point) for point in points), default=0.0))
    low = min(0.0, *(_low(point) for point in points)) if points else 0.0
    parts = [*_grid(low, top)]
    least = min([0.01, *(point["attack"] for point in attacked if point["attack"] > 0)])
    for share in (0.01, 0.03, 0.1, 0.3, 1.0):
        if share >= least * 0.99:
            x = _x(share, least)
            parts.append(_text(x, BOTTOM + 18, f"{share:.0%}", "middle"))
    for point in attacked:
        said = _name(point, zh=zh)
        kind = "k" if point.get("k") is not None else "rows"
        parts += _point(_x(max(point["attack"], least), least), point, low, top, kind, said)
    for number, point in enumerate(noisy):
        x = SECOND + 34 + number * (RIGHT - SECOND - 68) / max(len(noisy) - 1, 1)
        parts.append(_text(x, BOTTOM + 18, f"{point['epsilon']:g}", "middle"))
        parts += _point(x, point, low, top, "epsilon", "")
    words = (
        ("预测误差增加", "攻击者猜中的比例（对数）", "隐私预算 ε") if zh
        else ("error of the forecast, added", "how often an attacker is right (log)", "privacy budget ε")
    )  # fmt: skip
    parts += [
        _text(LEFT - 46, TOP - 12, words[0], "start"), _text((LEFT + MIDDLE) / 2, BOTTOM + 42, words[1], "middle"),
        _text((SECOND + RIGHT) / 2, BOTTOM + 42, words[2], "middle"),
    ]  # fmt: skip
    label = "隐私与效用前沿" if zh else "Frontier of privacy and utility"
    return (
        f'<svg class="frontier" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{label}">{style}{"".join(parts)}</svg>'
    )


def _grid(low: float, top: float) -> list[str]:
    step = top / 4
    lines = []
    for number in range(5):
        y = _y(step * number, low, top)
        for begin, end in ((LEFT, MIDDLE), (SECOND, RIGHT)):
            lines.append(f'<path class="axis" d="M{begin} {y:.1f}H{end}"/>')
        lines.append(_text(LEFT - 8, y + 4, f"{step * number:+.0%}" if number else "0", "end"))
    return lines


def _point(x: float, point: Mapping[str, Any], low: float, top: float, kind: str, said: str) -> list[str]:
    y = _y(point["cost"], low, top)
    drawn = []
    if point.get("interval"):
        ends = [_y(value, low, top) for value in point["interval"]]
        drawn.append(f'<path class="interval {kind}" d="M{x:.1f} {ends[0]:.1f}V{ends[1]:.1f}"/>')
    title = escape(f"{point['release']}: {point['cost']:+.1%}")
    drawn.append(f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="5"><title>{title}</title></circle>')
    if said:
        drawn.append(
            _text(x + (9 if x < MIDDLE - 70 else -9), y - 8, said, "start" if x < MIDDLE - 70 else "end", "name")
        )
    return drawn


def _name(point: Mapping[str, Any], *, zh: bool) -> str:
    if point.get("k") is not None:
        return f"k = {point['k']}"
    return ("逐条行程" if zh else "trip rows") if point["release"] == "trip rows" else str(point["release"])[:24]


def _text(x: float, y: float, said: str, anchor: str, kind: str = "") -> str:
    of = f' class="{kind}"' if kind else ""
    return f'<text{of} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(said)}</text>'


def _x(share: float, least: float) -> float:
    return LEFT + 14 + (MIDDLE - LEFT - 28) * (math.log(share) - math.log(least)) / -math.log(least)


def _y(cost: float, low: float, top: float) -> float:
    return BOTTOM - (BOTTOM - TOP) * (cost - low) / (top - low)


def _high(point: Mapping[str, Any]) -> float:
    return float(max([point["cost"], *(point.get("interval") or [])]))


def _low(point: Mapping[str, Any]) -> float:
    return float(min([point["cost"], *(point.get("interval") or [])]))


def _ceiling(value: float) -> float:
    """The next of 4 %, 8 %, 20 %, 40 %, 80 %, 200 %, ...: four even steps."""
    for power in range(7):
        for size in (0.04, 0.08, 0.2):
            if value <= size * 10**power:
                return float(size * 10**power)
    return value
