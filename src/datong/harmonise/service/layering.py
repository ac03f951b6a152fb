"""Running a mapping's plan over the source as repaired.

A repair never takes a good row away: where a repaired row shares its key with a row that differs, the repair is left
out and the plan is run again. Contract: tests/harmonise/test_harmonise_repairs.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping as Map
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from datong.engine import service as engine
from datong.engine.model import Plan, Result
from datong.harmonise.model.mappings import Mapping
from datong.harmonise.model.reading import BROKEN, Reading
from datong.harmonise.model.repairs import Repair
from datong.harmonise.rules import layer
from datong.harmonise.rules.plan import input_name

WANTED = ("harmonised", "quarantined", "repairs", "measured")
CONFLICT = "conflicting_duplicate"
BY_HAND = {"state": "repaired", "rule": "by_hand"}


def run(mapping: Mapping, reading: Reading, plan: Plan, repairs: Sequence[Repair]) -> tuple[Result, dict[str, int]]:
    """The result of `plan` (layered when there are repairs), and what the repairs came to."""
    inputs = {input_name(name): table for name, table in reading.tables.items()}
    if not repairs:
        return engine.run(plan, inputs, want=WANTED), {}
    inputs[layer.source_name(mapping)] = inputs.pop(input_name(mapping.main))
    result, told, held = _run(mapping, plan, inputs, repairs, frozenset())
    not_found = {r.number for r in repairs} - {row["number"] for row in told}
    clash = {row["row"] for row in told if not row["repeats"] and held.get(row["row"]) == CONFLICT}
    if clash:
        left_out = frozenset(row["number"] for row in told if row["row"] in clash)
        result, told, held = _run(mapping, plan, inputs, repairs, left_out)
    counts = {**layer.counted(told, held), "conflicting": len(clash), "not_found": len(not_found)}
    return _told_as_repaired(mapping, result, told, held), counts


Told = list[dict[str, Any]]


def _run(
    mapping: Mapping, plan: Plan, inputs: Map[str, Any], repairs: Sequence[Repair], left_out: frozenset[int]
) -> tuple[Result, Told, dict[int, str]]:
    given = {
        layer.held_name(n): _table(layer.held_rows(known, [r for r in of if r.number not in left_out]))
        for n, (known, of) in enumerate(layer.groups(mapping, repairs))
    }
    result = engine.run(plan, {**inputs, **given}, want=(*WANTED, layer.LAYERED))
    held = result["quarantined"]
    reasons = dict(zip(held["row"].to_pylist(), held["reason"].to_pylist(), strict=True))
    return result, result[layer.LAYERED].to_pylist(), reasons


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
