"""Coordinates as cells: a square grid in degrees scaled at the equator, and H3.

A cell alone makes nobody anonymous: a cell with one person in it is that person's. The gate asks for a smallest number
of distinct persons per cell besides. Must never know: plans.
Contract: tests/deidentify/treatments/test_treatments_values.py.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from datong.deidentify.model.treatments import Remains, Trace
from datong.deidentify.rules.treatments.columns import Bools, Column, Floats, numbers, require
from datong.ground.refusal import Text

METRES_A_DEGREE = 111_320.0
"""Of latitude, and of longitude at the equator (WGS 84, 2 * pi * 6378137 / 360, rounded)."""

CELLS = Remains(
    frozenset((Trace.neighbourhood, Trace.equality, Trace.frequency, Trace.presence)),
    Text("留下所在的网格；网格内人少时仍可识别，往返的两端尤甚，须另有每格最少人数。",
         "the cell remains; where few people are in it it singles them out, the two ends of a journey above all: a "
         "smallest number of persons per cell is needed besides"),
)  # fmt: skip


def grid_cells(longitude: Column, latitude: Column, metres: float) -> pa.Array:
    """The cell of each point as "row_column", counted from 90 S, 180 W; a side is `metres` from south to north, and as
    many degrees from west to east, so that no cell depends on where the others are. Null where a coordinate is."""
    x, y, empty = _points(longitude, latitude)
    step = metres / METRES_A_DEGREE
    rows = np.floor((y + 90.0) / step).astype(np.int64)
    columns = np.floor((x + 180.0) / step).astype(np.int64)
    across = int(360.0 / step) + 2
    codes, places = np.unique(rows * across + columns, return_inverse=True)
    names = pa.array([f"{code // across}_{code % across}" for code in codes.tolist()], pa.string())
    return names.take(pa.array(places, mask=empty))


def h3_cells(longitude: Column, latitude: Column, resolution: int) -> pa.Array:
    """The H3 cell of each point (resolution 0-15) as its usual text; null where a coordinate is. Needs the extra
    privacy; ImportError without it."""
    import h3.api.basic_int as h3  # noqa: PLC0415 - optional, loaded only where cells are made

    x, y, empty = _points(longitude, latitude)
    cells = [h3.latlng_to_cell(b, a, resolution) for a, b in zip(x.tolist(), y.tolist(), strict=True)]
    codes, places = np.unique(np.array(cells, dtype=np.uint64), return_inverse=True)
    names = pa.array([f"{int(code):x}" for code in codes], pa.string())
    return names.take(pa.array(places, mask=empty))


def _points(longitude: Column, latitude: Column) -> tuple[Floats, Floats, Bools]:
    x, no_x = numbers(longitude)
    y, no_y = numbers(latitude)
    empty: npt.NDArray[np.bool_] = no_x | no_y
    require((np.abs(x) > 180) & ~empty, "不是经度", "are no longitudes")
    require((np.abs(y) > 90) & ~empty, "不是纬度", "are no latitudes")
    return np.where(empty, 0.0, x), np.where(empty, 0.0, y), empty
