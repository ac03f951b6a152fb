"""The real column names of a file of any kind the data folders hold, as coverage.yaml writes them."""

from __future__ import annotations

import csv
import gzip
import io
import json
import tarfile
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


def _of_table(text: TextIO, name: str) -> set[str]:
    for start, lines in JUNK_LINES.items():
        for _ in range(lines if name.startswith(start) else 0):
            next(text)
    if name.startswith("industry_cmapss/"):
        header = next(text).split()
    else:
        header = next(csv.reader(text, delimiter=";" if name.startswith(SEMICOLONS) else ","))
    if name.startswith(HEADLESS):
        return {f"#{number}" for number in range(1, len(header) + 1)}
    return {column.strip() or f"#{number}" for number, column in enumerate(header, 1)}


def _opened(file: Path) -> Any:
    return gzip.open(file, "rt", encoding="utf-8-sig") if file.suffix == ".gz" else file.open(encoding="utf-8-sig")


def paths(value: Any, at: str = "") -> set[str]:
    """Paths to the leaves of a nested value; [] for each item of a list."""
    if isinstance(value, dict):
        return {path for key, item in value.items() for path in paths(item, f"{at}.{key}".lstrip("."))}
    if isinstance(value, list):
        return {path for item in value for path in paths(item, f"{at}[]")}
    return {at}
