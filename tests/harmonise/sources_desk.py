"""What the tests of sources share: a source of a kind, its rows, what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from datong.ground.refusal import Refusal
from datong.harmonise.model.mappings import Source, SourceKind
from datong.harmonise.model.reading import Reading
from datong.harmonise.rules.workspace import _source
from datong.harmonise.store import sources

FILES = ("csv", "json", "ndjson", "parquet", "excel")
DATABASES = (
    "sqlite",
    pytest.param("postgresql", marks=pytest.mark.postgresql),
    pytest.param("mariadb", marks=pytest.mark.mariadb),
)


def source(kind: str, path: str = "x", **more: Any) -> Source:
    return Source("things", SourceKind(kind), path, **more)


def told(**keys: Any) -> Source:
    """A source as its file says it."""
    made, problems = _source("sources/things.yaml", keys)
    assert made is not None
    assert not problems
    return made


def rows(reading: Reading, table: str = "things") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = reading.tables[table].to_pylist()
    return found


def read(given: Source, data: Path, **wanted: list[str]) -> list[dict[str, Any]]:
    return rows(sources.read(given, data, wanted))


def refused(given: Source, data: Path, **wanted: list[str]) -> Refusal:
    with pytest.raises(Refusal) as caught:
        sources.read(given, data, wanted)
    assert caught.value.code == "STD-411"
    return caught.value
