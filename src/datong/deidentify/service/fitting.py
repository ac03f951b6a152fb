"""A delivered product's table and its recipe, read as flows: for the buyer, without a node.

Must never know: events, owners, contracts. Contract: tests/cli/test_cli_flows.py.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from datong.deidentify.model.joint_refusals import NO_FLOWS
from datong.deidentify.rules.fitting import Flows, flows_of
from datong.deidentify.rules.recipe import recipe_of, recipe_problems
from datong.ground.refusal import Problem
from datong.harmonise import service as harmonise

RECIPE_BYTES_MAX = 262_144


def fit(table: Path, recipe: Path, figure: str, *, out: Path | None = None) -> dict[str, Any]:
    """Expected events by finest cell and window from a product's table (parquet); written to `out` as CSV where given.

    figure: a column of numbers of events. Returns {table, figure, cells, windows, events, written}. Refuses DID-437.
    """
    value, problems = _recipe(recipe)
    rows: list[dict[str, Any]] = []
    if not problems:
        rows, problems = _rows(table, value, figure)
    if problems:
        raise NO_FLOWS(problems, table=table.name, count=len(problems))
    try:
        flows = flows_of(recipe_of(value), rows, figure)
    except ValueError as wrong:
        problem = Problem("group_id", "有分组不属于该配方", f"a group is none of the recipe: {wrong}")
        raise NO_FLOWS([problem], table=table.name, count=1) from None
    if out is not None:
        _written(flows, figure, out)
    return {
        "table": str(table), "figure": figure, "cells": len(flows.cells), "windows": len(flows.windows),
        "events": round(float(flows.events.sum()), 3), "written": str(out) if out else None,
    }  # fmt: skip


def _recipe(path: Path) -> tuple[dict[str, Any], list[Problem]]:
    try:
        value, _, wrong = harmonise.yaml_of(path.name, path.read_bytes(), RECIPE_BYTES_MAX)
    except OSError:
        wrong = [Problem(path.name, "读不到", "cannot be read")]
    if wrong:
        return {}, wrong
    for part in value["parts"] if isinstance(value, dict) and isinstance(value.get("parts"), list) else []:
        if isinstance(part, dict):
            part.setdefault("resource", str(part.get("part")))  # a workspace's text leaves the codes out
    problems = recipe_problems(value)
    if not problems:
        finest = recipe_of(value).levels[0]
        if finest.km is None or finest.over is not None or not isinstance(finest.hours, int):
            en = "should have km and hours of a day; there are no finer flows than its own to fit"
            problems = [Problem("levels[0]", "应为一天内的格网时段", en)]
    return value, [Problem(f"{path.name}: {p.where}", p.zh, p.en) for p in problems]


def _rows(table: Path, value: dict[str, Any], figure: str) -> tuple[list[dict[str, Any]], list[Problem]]:
    measures = [m for part in recipe_of(value).parts for m in part.measures]
    known = [m.events_as for m in measures if m.events_as]
    if figure not in known:
        said = ", ".join(known) or "-"
        return [], [Problem(figure, f"不是配方的事件数；可选 {said}", f"is no number of events; the recipe has {said}")]
    try:
        read = pq.ParquetFile(table)
        missing = {"group_id", figure} - set(read.schema_arrow.names)
        if not missing:
            return read.read(["group_id", figure]).to_pylist(), []
    except (OSError, pa.ArrowException):
        return [], [Problem(table.name, "读不到，或不是 parquet", "cannot be read, or is no parquet file")]
    return [], [Problem(name, "缺少该列", "the column is missing") for name in sorted(missing)]


def _written(flows: Flows, figure: str, out: Path) -> None:
    with out.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["cell_x", "cell_y", "date", "hour", figure])
        for (x, y), events in zip(flows.cells, flows.events, strict=True):
            for (day, hour), count in zip(flows.windows, events, strict=True):
                lines.writerow([x, y, day.isoformat(), hour, f"{count:.4f}"])
