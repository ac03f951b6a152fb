"""`python bench/treatments.py`: values per second of the treatments, one thread. Writes bench/results/treatments.json and
docs/reference/treatment-measures.md.

CPU seconds of this process, the best of several runs; the load of the machine stands beside it. Nothing here is a test.
Goal: at least 8 million keyed tokens of 12-character ids per second.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from run import machine

from datong.deidentify.rules.treatments import dates, numbers, places, small_domains, tokens
from datong.deidentify.rules.treatments.ff1 import ff1_column

ROOT = Path(__file__).parents[1]
RESULTS, PAGE = ROOT / "bench/results/treatments.json", ROOT / "docs/reference/treatment-measures.md"
ROWS, FEWER, RUNS = 4_000_000, 400_000, 5
KEY = bytes(range(32))
DIGITS = "0123456789"


def main() -> None:
    pa.set_cpu_count(1)
    rng = np.random.default_rng(1)
    drawn = rng.permutation(10 * ROWS)[:ROWS]
    ids = _texts(drawn, 12)
    few = ids.slice(0, FEWER)
    long_ids = _texts(drawn[:FEWER].astype(np.int64) * 24_999_999_973 % 10**18, 18)
    longitude, latitude = pa.array(rng.uniform(103, 121, ROWS)), pa.array(rng.uniform(25, 40, ROWS))
    subjects = _texts(rng.integers(0, 20_000, FEWER), 8)
    days = pa.array(rng.integers(0, 20_000, FEWER).astype("datetime64[D]"))
    repeated = ids.take(pa.array(rng.integers(0, 50_000, ROWS)))
    cases: list[tuple[str, int, Callable[[], Any]]] = [
        ("Tokens, packed AES, distinct 12-character ids", ROWS, lambda: tokens.aes_tokens(ids, KEY)),
        ("The same, written as hexadecimal", ROWS, lambda: tokens.as_hex(tokens.aes_tokens(ids, KEY))),
        ("Tokens, HMAC-SHA256, distinct ids", FEWER, lambda: tokens.hmac_tokens(few, KEY)),
        ("Tokens, HMAC-SHA256, 50,000 different ids", ROWS, lambda: tokens.hmac_tokens(repeated, KEY)),
        ("FF1, 12 digits, distinct", FEWER, lambda: ff1_column(few, DIGITS, KEY)),
        ("FF1, 18 digits, distinct", FEWER, lambda: ff1_column(long_ids, DIGITS, KEY)),
        (
            "Permutation of 5 digits",
            FEWER,
            lambda: small_domains.permuted_column(_texts(drawn[:FEWER] % 10**5, 5), DIGITS, KEY),
        ),
        ("Dates shifted by 20,000 subjects", FEWER, lambda: dates.shifted(days, subjects, 180, KEY)),
        ("Grid cells of 1 km", ROWS, lambda: places.grid_cells(longitude, latitude, 1000)),
        (
            "H3 cells, resolution 8",
            FEWER,
            lambda: places.h3_cells(longitude.slice(0, FEWER), latitude.slice(0, FEWER), 8),
        ),
        ("Micro-aggregation of one column, k = 5", ROWS, lambda: numbers.micro_aggregated([longitude], 5)),
        ("Noise", ROWS, lambda: numbers.noised(longitude, 1.0, "laplace", KEY)),
    ]
    load = round(os.getloadavg()[0], 1)
    rates = {name: _rate(rows, work) for name, rows, work in cases}
    results = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine(), "load_before": load, "threads": 1,
        "measure": f"values per CPU second, best of {RUNS} runs", "goal_tokens_per_second": 8_000_000,
        "rows": {name: rows for name, rows, _ in cases}, "values_per_second": rates,
    }  # fmt: skip
    RESULTS.write_text(json.dumps(results, ensure_ascii=False, indent=1) + "\n", "utf-8")
    PAGE.write_text(page_of(results), "utf-8")
    for name, rate in rates.items():
        print(f"{rate:>12,}  {name}")


def page_of(results: dict[str, Any]) -> str:
    told = results["machine"]
    machine_said = f"{told['cores']} cores, {told['cpu']}, Python {told['python']}; one core did "
    machine_said += f"{told['sha256_mb_per_second']:,} MB/s of SHA-256 meanwhile"
    rows = [f"| {name} | {results['rows'][name]:,} | {rate:,} |" for name, rate in results["values_per_second"].items()]
    return "\n".join([
        "# Measures of the treatments", "", "<!-- made by bench/treatments.py; do not edit -->", "",
        f"Measured {results['at']}, one thread, {results['measure']}; load of the machine before: {results['load_before']}.",
        f"Machine: {machine_said}.", "", "| Treatment | Values | Values per second |", "|---|---:|---:|", *rows, "",
        "The goal is 8,000,000 keyed tokens of 12-character ids per second: packed AES, Arrow in and out, tokens as",
        "16 bytes each (in Parquet they stay so; in CSV they are written as 32 hexadecimal digits). Reading and writing files is",
        "not in these figures. [What each treatment leaves behind](treatments.md).", "",
    ])  # fmt: skip


def _texts(values: Any, width: int) -> Any:
    made = pa.array(np.char.zfill(values.astype("U"), width))
    return made.combine_chunks() if isinstance(made, pa.ChunkedArray) else made


def _rate(rows: int, work: Callable[[], Any]) -> int:
    best = float("inf")
    for _ in range(RUNS):
        before = time.process_time()
        work()
        best = min(best, time.process_time() - before)
    return int(rows / best)


if __name__ == "__main__":
    main()
