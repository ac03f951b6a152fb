"""The real column names of a file of any kind the data folders hold, as coverage.yaml writes them."""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

import pyarrow.parquet as pq

SEMICOLONS = ("finance_berka/", "deid_adult/")
HEADLESS = ("deid_adult/adult_hierarchy_", "industry_cmapss/")
JUNK_LINES = {"bike_valleybike/raw_days/": 2}


def columns_of(folder: Path, name: str) -> set[str]:
    file = folder / name
    if name.endswith(".parquet"):
        return set(pq.read_schema(file).names)
    if name.endswith(".tar.gz"):
        with tarfile.open(file) as packed:
            headers = [
                next(csv.reader(io.TextIOWrapper(opened, "utf-8")))
                for member in packed.getmembers()
                if (opened := packed.extractfile(member)) is not None
            ]
        assert all(not header[0] and all(header[1:]) for header in headers)
        return {"#1", "*"}
    with _opened(file) as text:
        if ".geojson" in name:
            features = json.load(text)["features"]
            return {"geometry"} | {path for feature in features for path in paths(feature["properties"])}
        if ".jsonl" in name:
            return {path for line in text for path in paths(json.loads(line))}
        if ".json" in name:
            return {path.removeprefix("[].") for path in paths(json.load(text))}
        return _of_table(text, name)


def values_of(folder: Path, name: str, most: int) -> Iterator[tuple[str, str]]:
    """(column, value) of the first rows of a table with a header or of a file of JSON lines."""
    with _opened(folder / name) as text:
        if ".jsonl" in name:
            for line in itertools.islice(text, most):
                yield from ((at, str(leaf)) for at, leaf in leaves(json.loads(line)) if leaf is not None)
            return
        _skip_junk(text, name)
        rows = csv.reader(text, delimiter=_delimiter(name))
        header = [column.strip() for column in next(rows)]
        for row in itertools.islice(rows, most):
            yield from zip(header, (cell.strip() for cell in row), strict=False)


def _skip_junk(text: TextIO, name: str) -> None:
    for start, lines in JUNK_LINES.items():
        for _ in range(lines if name.startswith(start) else 0):
            next(text)


def _delimiter(name: str) -> str:
    return ";" if name.startswith(SEMICOLONS) else ","


def _of_table(text: TextIO, name: str) -> set[str]:
    _skip_junk(text, name)
    if name.startswith("industry_cmapss/"):
        header = next(text).split()
    else:
        header = next(csv.reader(text, delimiter=_delimiter(name)))
    if name.startswith(HEADLESS):
        return {f"#{number}" for number in range(1, len(header) + 1)}
    return {column.strip() or f"#{number}" for number, column in enumerate(header, 1)}


def _opened(file: Path) -> Any:
    return gzip.open(file, "rt", encoding="utf-8-sig") if file.suffix == ".gz" else file.open(encoding="utf-8-sig")


def paths(value: Any) -> set[str]:
    return {at for at, _ in leaves(value)}


def leaves(value: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """Each leaf of a nested value with its path; [] for each item of a list."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, f"{at}.{key}".lstrip("."))
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item, f"{at}[]")
    else:
        yield at, value
