"""The second ground: pairs of two real tables, read from `DATONG_DATA` as real.yaml says.

None of their headers or values was made for a benchmark. For the statistical tables even the truth is not a judgement:
equal published series. Tested in tests/bench/test_matching_real.py, which skips where the data are not.
"""

from __future__ import annotations

import csv
import gzip
import io
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pairs import HERE, Columns, Table

ROWS = 300


@dataclass(frozen=True)
class RealPair:
    id: str
    title: str
    left: Table
    right: Table
    truth: tuple[Columns, ...]
    debatable: tuple[tuple[str, str, str], ...] = ()


def real_pairs(data: Path) -> tuple[RealPair, ...]:
    """Every pair whose files are there."""
    spec = yaml.safe_load((HERE / "real.yaml").read_text("utf-8"))
    return (*_series(spec, data), *_named(spec, data))


def _named(spec: Mapping[str, Any], data: Path) -> Iterator[RealPair]:
    for one in spec["pairs"]:
        if all((data / one[side]["file"]).is_file() for side in ("left", "right")):
            left, right = (_table(data, one[side]) for side in ("left", "right"))
            truth = tuple((str(a), str(b)) for a, b in one["truth"])
            yield RealPair(one["id"], one["title"], left, right, truth, tuple(map(tuple, one.get("debatable", ()))))


def _table(data: Path, side: Mapping[str, Any]) -> Table:
    path = data / side["file"]
    lines = (
        _parquet(path) if path.suffix == ".parquet" else _lines(path, side.get("delimiter", ","), side.get("skip", 0))
    )
    names, rows = [name.strip() for name in lines[0]], lines[1:]
    rows = rows[: side["first"]] if "first" in side else rows[-side["last"] :] if "last" in side else rows[:ROWS]
    header = side.get("header", {})
    return Table({header.get(n, n): tuple(row[i] if i < len(row) else "" for row in rows) for i, n in enumerate(names)})


def _lines(path: Path, delimiter: str, skip: int) -> list[list[str]]:
    door = gzip.open if path.suffix == ".gz" else open
    with door(path, "rt", encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter=delimiter, skipinitialspace=True)
        return [line for number, line in zip(range(skip + ROWS + 1), reader, strict=False) if number >= skip]


def _parquet(path: Path) -> list[list[str]]:
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(path).slice(0, ROWS)
    rows = zip(*(table.column(name).to_pylist() for name in table.column_names), strict=True)
    return [list(table.column_names), *([("" if cell is None else str(cell)) for cell in row] for row in rows)]


def _series(spec: Mapping[str, Any], data: Path) -> Iterator[RealPair]:
    if not (data / spec["archive"]).is_file():
        return
    with tarfile.open(data / spec["archive"]) as archive:
        for name, left, right in spec["series"]:
            one, other = (_years(archive, path) for path in (left, right))
            truth = tuple((a, b) for a, x in one.items() for b, y in other.items() if x == y)
            years = sorted({year for series in (*one.values(), *other.values()) for year in series})
            halves = (years[1::2], years[::2])
            tables = [
                Table({column: tuple(series.get(year, "") for year in half) for column, series in table.items()})
                for table, half in zip((one, other), halves, strict=True)
            ]
            yield RealPair(
                name, f"{left.removesuffix('.csv')} / {right.removesuffix('.csv')}", tables[0], tables[1], truth
            )


def _years(archive: tarfile.TarFile, path: str) -> dict[str, dict[str, str]]:
    """Column -> {year: figure}, of the columns with enough figures to know one by them."""
    member = archive.extractfile(path)
    assert member is not None
    names, *rows = csv.reader(io.StringIO(member.read().decode("utf-8-sig")))
    found = {
        name: {row[0]: row[i] for row in rows if i < len(row) and row[i].strip()} for i, name in enumerate(names[1:], 1)
    }
    return {name: series for name, series in found.items() if len(series) >= 12 and len(set(series.values())) > 8}
