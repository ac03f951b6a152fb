"""`python bench/noise.py [--page]`: what an answer with noise takes, without its ledger. Writes bench/results/noise.json and
docs/reference/noise-measures.md.

Ten million rows of a million units in a Parquet file, a thousand groups; seconds of the wall clock on two threads and CPU
seconds of this process, one run each, the load of the machine beside them. Beside them a plain count of the same groups in
DuckDB, without bounds or noise. Nothing here is a test.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from run import machine

from datong.deidentify.model.budget import Query
from datong.deidentify.rules.budget.reading import query_of
from datong.deidentify.rules.budget.sensitivity import parts
from datong.deidentify.service import noise
from datong.deidentify.service.budgets import aggregated, figures_of

ROOT = Path(__file__).parents[1]
RESULTS, PAGE = ROOT / "bench/results/noise.json", ROOT / "docs/reference/noise-measures.md"
ROWS, UNITS, GROUPS, FIGURES, RUNS = 10_000_000, 1_000_000, 1_000, 100_000, 1
ZONES = {"classes": {"column": "zone", "values": [str(zone) for zone in range(GROUPS)]}}
FARE = {"column": "fare", "lower": 0, "upper": 120, "step": "0.01"}


def asked(**question: Any) -> Query:
    query, found = query_of({"spend": {"rho": "0.1"}, **question})
    assert query is not None, found.problems
    return query


QUESTIONS = {
    "count, 10 rows a unit": asked(kind="count", rows_per_unit=10, by=[ZONES]),
    "count, length 3": asked(kind="count", norm_per_unit={"most": 3}, by=[ZONES]),
    "mean, 10 rows a unit": asked(kind="mean", rows_per_unit=10, by=[ZONES], value=FARE),
    "mean, 100 rows a unit": asked(kind="mean", rows_per_unit=100, by=[ZONES], value=FARE),
}


def rides(path: Path) -> None:
    chance = np.random.default_rng(1)
    columns = {
        "rider_id": pa.array(chance.integers(0, UNITS, ROWS).astype(str)), "fare": chance.integers(0, 12_000, ROWS) / 100,
        "zone": pa.array(chance.integers(0, GROUPS, ROWS).astype(str)),
    }  # fmt: skip
    pq.write_table(pa.table(columns), path)


def timed(work: Callable[[], Any]) -> dict[str, float]:
    """{seconds, cpu_seconds} of the run that took the least CPU."""
    runs = []
    for _ in range(RUNS):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        runs.append((time.process_time() - cpu, time.perf_counter() - wall))
    cpu, wall = min(runs)
    return {"seconds": round(wall, 2), "cpu_seconds": round(cpu, 2)}


def measured() -> dict[str, Any]:
    noise.require()
    part = parts(QUESTIONS["count, 10 rows a unit"])[0]
    told: dict[str, Any] = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine(), "load": round(os.getloadavg()[0], 1),
        "rows": ROWS, "units": UNITS, "groups": GROUPS, "figures": FIGURES,
        "draw": timed(lambda: noise.gaussian([0] * FIGURES, part)), "answers": {},
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rides.parquet"
        rides(path)

        def plainly() -> None:
            with duckdb.connect(config={"threads": 2}) as connection:
                connection.execute(f"SELECT zone, count(*), sum(fare) FROM '{path}' GROUP BY zone").fetchall()

        told["answers"]["plain count and sum in DuckDB, nothing protected"] = timed(plainly)
        for name, query in QUESTIONS.items():
            told["answers"][name] = timed(lambda q=query: figures_of(q, aggregated(q, "rider_id", path)))
            print(name, told["answers"][name], flush=True)
    return told


def page(told: dict[str, Any]) -> str:
    lines = [
        "# What an answer with noise takes", "", "<!-- made by bench/noise.py; do not edit -->", "",
        f"Measured {told['at']}, two threads, {RUNS} run each; load of the machine before: {told['load']}.",
        f"Machine: {told['machine']['cores']} cores, {told['machine']['cpu']}, Python {told['machine']['python']}.", "",
        f"{told['rows']:,} rows of {told['units']:,} units in a Parquet file, {told['groups']:,} groups; bounds, aggregation and noise,",
        "without the ledger.", "",
        "| Question | Seconds | CPU seconds |", "|---|---:|---:|",
    ]  # fmt: skip
    lines += [f"| {name} | {one['seconds']:.1f} | {one['cpu_seconds']:.1f} |" for name, one in told["answers"].items()]
    lines += [
        "", f"OpenDP's exact discrete Gaussian alone: {told['figures']:,} figures in {told['draw']['cpu_seconds']:.1f} CPU seconds.", "",
        "Only units that have more rows than may count are put in an order to choose among their rows, so a bound that few pass is",
        "faster; most of the rest is reading the file and counting the rows of each unit in each group, which a plain count need not do.",
        "On a machine that is busy (see its load) the seconds of the wall clock say little, CPU seconds more. Memory is bounded by the",
        "engine, which spills to disk.", "",
    ]  # fmt: skip
    return "\n".join(lines)


def main(arguments: list[str]) -> None:
    if "--page" not in arguments:
        RESULTS.write_text(json.dumps(measured(), indent=1) + "\n", "utf-8")
    PAGE.write_text(page(json.loads(RESULTS.read_text("utf-8"))), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
