"""Running a mapping's plan over the source as repaired.

A repair never takes a good row away: where a repaired row shares its key with a row that differs, the repair is left
out and the plan is run again. Contract: tests/harmonise/test_harmonise_repairs.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping as Map
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from datong.engine.model import Engine, Plan, Result, Scan
from datong.engine.service import DUCKDB
from datong.harmonise.model.mappings import Mapping
from datong.harmonise.model.reading import BROKEN, Reading
from datong.harmonise.model.repairs import Repair
from datong.harmonise.rules import layer
from datong.harmonise.rules.plan import input_name
from datong.harmonise.store import rereading
from datong.harmonise.store.staged import staged

ROWS = "harmonised"
WANTED = (ROWS, "quarantined", "repairs", "measured")
CONFLICT = "conflicting_duplicate"
BY_HAND = {"state": "repaired", "rule": "by_hand"}


def run(
    mapping: Mapping,
    reading: Reading,
    plan: Plan,
    repairs: Sequence[Repair],
    aside: Path,
    engine: Engine = DUCKDB,
) -> tuple[Result, dict[str, int]]:
    """The result of `plan` over the source as repaired, and what the repairs came to. aside: a folder for what is
    large."""
    if not repairs:
        return _harmonised(reading, mapping, plan, aside, engine), {}
    result, told, held = _run(mapping, reading, plan, repairs, frozenset(), aside, engine)
    not_found = {r.number for r in repairs} - {row["number"] for row in told}
    clash = {row["row"] for row in told if not row["repeats"] and held.get(row["row"]) == CONFLICT}
    if clash:
        left_out = frozenset(row["number"] for row in told if row["row"] in clash)
        result, told, held = _run(mapping, reading, plan, repairs, left_out, aside, engine)
    counts = {**layer.counted(told, held), "conflicting": len(clash), "not_found": len(not_found)}
    return _told_as_repaired(mapping, result, told, held), counts


Told = list[dict[str, Any]]


def _harmonised(reading: Reading, mapping: Mapping, plan: Plan, aside: Path, engine: Engine) -> Result:
    inputs: dict[str, Any] = {input_name(name): table for name, table in reading.tables.items()}
    inputs |= dict.fromkeys((late.name for late in plan.late), rereading.again(reading.tables[mapping.main]))
    return engine.run(plan, inputs, want=WANTED, aside={ROWS: aside / f"{ROWS}.parquet"})


def _run(
    mapping: Mapping,
    reading: Reading,
    plan: Plan,
    repairs: Sequence[Repair],
    left_out: frozenset[int],
    aside: Path,
    engine: Engine,
) -> tuple[Result, Told, dict[int, str]]:
    main = input_name(mapping.main)
    given: dict[str, Any] = {layer.source_name(mapping): reading.tables[mapping.main]}
    for n, (known, of) in enumerate(layer.groups(mapping, repairs)):
        given[layer.held_name(n)] = _table(layer.held_rows(known, [r for r in of if r.number not in left_out]))
    mended_rows = aside / "mended.parquet"
    layered = DUCKDB.run(  # a few rows put over many, which are here
        layer.layer_plan(mapping, repairs), given, want=(main, layer.LAYERED), aside={main: mended_rows}
    )
    rows = staged(mended_rows) if isinstance(layered[main], Scan) else layered[main]
    mended = replace(reading, tables={**reading.tables, mapping.main: rows})
    result = _harmonised(mended, mapping, plan, aside, engine)
    held = result["quarantined"]
    reasons = dict(zip(held["row"].to_pylist(), held["reason"].to_pylist(), strict=True))
    return result, layered[layer.LAYERED].to_pylist(), reasons


def _table(columns: Map[str, list[Any]]) -> pa.Table:
    typed = {name: pa.int64() if name == "number" else pa.string() for name in columns}
    return pa.table({name: pa.array(values, typed[name]) for name, values in columns.items()})


def _told_as_repaired(mapping: Mapping, result: Result, told: Told, held: Map[int, str]) -> Result:
    """The result with hand repairs among its repairs, and quarantined rows with the record the source has."""
    before = {row["row"]: json.loads(row["source_record"]) for row in told}
    done = [
        {"row": row["row"], "column": row["column"], **BY_HAND, "original": before[row["row"]].get(row["column"])}
        for row in told
        if not row["repeats"] and row["row"] not in held
    ]
    repairs, quarantined = result["repairs"], result["quarantined"]
    if done:
        repairs = pa.concat_tables([repairs, pa.Table.from_pylist(done, repairs.schema)])
    records = [
        json.dumps(json.loads(record) | _by_path(mapping, before[row]), ensure_ascii=False) if row in before else record
        for row, record in zip(quarantined["row"].to_pylist(), quarantined["record"].to_pylist(), strict=True)
    ]
    place = quarantined.schema.get_field_index("record")
    quarantined = quarantined.set_column(place, "record", pa.array(records, pa.string()))
    return replace(result, tables={**result.tables, "repairs": repairs, "quarantined": quarantined})


def _by_path(mapping: Mapping, record: Map[str, Any]) -> dict[str, Any]:
    prefix = f"{mapping.main}." if mapping.source.tables else ""
    return {f"{prefix}{column}": text for column, text in record.items() if column != BROKEN}
