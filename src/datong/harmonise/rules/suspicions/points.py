"""Points against points of reference that bear the same label: a step of one datum between them.

Must never know: how points are converted; the steps are given. Contract: tests/harmonise/suspicions/test_suspicions.py.
"""

from __future__ import annotations

import math
import re
import statistics
from collections import Counter
from collections.abc import Mapping as Map
from collections.abc import Sequence

from datong.ground.refusal import Text
from datong.harmonise.model.suspicions import Suspicion

Point = tuple[float, float]
PAIRS = 20
_NEAR = 0.0015
"""Degrees (150 m) by which a pair may differ from the others and still speak for them."""


def datum_step(
    columns: tuple[str, str, str],
    offsets: Sequence[Point],
    steps: Map[str, Point],
    reference: tuple[str, str],
    *,
    latitude: float,
) -> list[Suspicion]:
    """One systematic offset between points and the reference points that bear the same label.

    columns: longitude, latitude and label. offsets: point minus reference, in degrees, without what the declared datums
    explain. steps: what each mistake of datum would shift, here. reference: the columns of the reference points.
    latitude: of this place, for a degree of longitude in metres.
    """
    close = [offset for offset in offsets if max(map(abs, offset)) < 0.05]
    if len(close) < PAIRS:
        return []
    middle = _mode(close)
    there = [offset for offset in close if _apart(offset, middle) < _NEAR]
    middle = (statistics.median(o[0] for o in there), statistics.median(o[1] for o in there))
    length = math.hypot(*middle)
    share = len(there) / len(close)
    name, step = min(steps.items(), key=lambda entry: _apart(entry[1], middle))
    left = _apart(step, middle)
    if length < 0.002 or share < 0.2 or left > 0.3 * length:
        return []
    metres = math.hypot(middle[0] * 111_320 * math.cos(math.radians(latitude)), middle[1] * 110_574)
    evidence: dict[str, float | int | str] = {
        "pairs": len(close), "pairs_that_agree": len(there), "offset_longitude": round(middle[0], 5),
        "offset_latitude": round(middle[1], 5), "step": name, "step_longitude": round(step[0], 5),
        "step_latitude": round(step[1], 5), "left_over_degrees": round(left, 5), "metres": round(metres),
    }  # fmt: skip
    told = Text(
        f"按 {columns[2]} 与参照点（{', '.join(reference)}）配对 {len(close)} 对，"
        f"坐标一致地偏离 {middle[0]:+.4f}, {middle[1]:+.4f} 度（约 {metres:.0f} 米），"
        f"恰为 {name} 的一步（{step[0]:+.4f}, {step[1]:+.4f}）：坐标与 {columns[2]} 相差一个坐标系，请核对 datum。",
        f"against the reference points ({', '.join(reference)}) that share {columns[2]} ({len(close)} pairs) the "
        f"coordinates are off by {middle[0]:+.4f}, {middle[1]:+.4f} degrees (about {metres:.0f} m), which is the step "
        f"{name} ({step[0]:+.4f}, {step[1]:+.4f}): they and {columns[2]} disagree by one datum; look at `datum`",
    )
    return [Suspicion("datum_step", columns, evidence, told)]


def _apart(a: Point, b: Point) -> float:
    return math.hypot(a[0] - b[0], a[1] - b[1])


def one_place(points: Sequence[Point]) -> bool:
    """Do the points of one label lie together, within some 300 m?"""
    spans = [max(p[axis] for p in points) - min(p[axis] for p in points) for axis in (0, 1)]
    return max(spans) < 2 * _NEAR


def _mode(points: Sequence[Point]) -> Point:
    """The middle of the densest square of 0.001 degrees with its neighbours."""
    cells = Counter((round(x * 1000), round(y * 1000)) for x, y in points)

    def around(cell: tuple[int, int]) -> int:
        return sum(cells[cell[0] + dx, cell[1] + dy] for dx in (-1, 0, 1) for dy in (-1, 0, 1))

    best = max(cells, key=around)
    return best[0] / 1000, best[1] / 1000


_BEFORE_STREET = re.compile(r"^.*?[省市](?=.)|^.{1,8}?[区县](?=.)")


def street(label: str) -> str:
    """An address without province, city and district, as far as its first house number: what two sources share."""
    rest, before = label.strip(), None
    while rest != before:
        before, rest = rest, _BEFORE_STREET.sub("", rest, count=1)
    house = re.match(r".{2,}?(路|街|大道|巷|公路|支路).{0,6}?\d+(弄|号)", rest)
    return house[0] if house else ""
