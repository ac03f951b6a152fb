"""A small workspace and a way to run a mapping on a few rows, for the tests of harmonise."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from datong.engine import service as engine
from datong.engine.model import Engine, Result
from datong.harmonise.model.mappings import Mapping as Mapped
from datong.harmonise.model.reading import BROKEN, ROW
from datong.harmonise.rules import plan as planning
from datong.harmonise.rules.workspace import mapping_of
from datong.harmonise.store import rereading, scanned

EXAMPLE = Path(__file__).parents[2] / "examples" / "city-mobility"
TRIPS = EXAMPLE / "workspaces" / "bike-company"
TRIPS_DATA = EXAMPLE / "data" / "bike-company"


def prop(name: str, kind: str = "string", **more: Any) -> dict[str, Any]:
    named = {"name": name, "businessName": name, "synonyms": [{"synonym": "名", "locale": "zh-CN"}]}
    return {**named, "logicalType": kind, "physicalType": "X", **more}


def standard(*properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "v3.2.0", "kind": "DataContract", "id": "test", "version": "1.0.0", "status": "active",
        "schema": [{"name": "thing", "logicalType": "object", "properties": list(properties)}],
    }  # fmt: skip


def files(columns: dict[str, Any], *properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The files of a workspace with one JSON source `things` and one mapping `things`."""
    mapping = {"source": "things", "standard": "thing", "columns": columns, **more}
    return {
        "sources/things.yaml": {"kind": "json", "path": "things.json"},
        "standards/thing.odcs.yaml": standard(*properties),
        "mappings/things.yaml": mapping,
    }


def write(folder: Path, contents: Mapping[str, Any]) -> Path:
    """The workspace on disk."""
    for path, value in contents.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(yaml.safe_dump(value, allow_unicode=True), "utf-8")
    return folder


def mapped(contents: Mapping[str, Any], name: str = "things") -> Mapped:
    found, problems = mapping_of(contents, name)
    assert found is not None, problems
    return found


def rows_of(*rows: Mapping[str, str | None] | str) -> pa.Table:
    """An input table as sources reads it; a bare text is a row that is no record."""
    paths = list(dict.fromkeys(path for row in rows if not isinstance(row, str) for path in row))
    columns = {
        path: pa.array([None if isinstance(row, str) else row.get(path) for row in rows], pa.string()) for path in paths
    }
    broken = pa.array([row if isinstance(row, str) else None for row in rows], pa.string())
    return pa.table({ROW: pa.array(range(1, len(rows) + 1), pa.int64()), BROKEN: broken, **columns})


def run(mapping: Mapped, *, on: Engine = engine.DUCKDB, **tables: Any) -> Result:
    inputs = {planning.input_name(name): table for name, table in tables.items()}
    main = tables[mapping.main]
    scan = isinstance(main, scanned.Lines)
    plan = planning.plan_of(mapping, main.numbers, scanned=True) if scan else planning.plan_of(mapping)
    lates = dict.fromkeys((late.name for late in plan.late), rereading.again(main))
    more = {"threads": 1} if on is engine.DUCKDB else {}
    return on.run(plan, {**inputs, **lates}, want=WANTED, **more)


WANTED = ("harmonised", "quarantined", "repairs", "measured")
