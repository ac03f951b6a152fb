"""`make bench`: measure, write bench/results/latest.json and docs/reference/measures.md.

Whole demonstration, negotiation request to finalized, evidence leaves per second, peak memory, cold starts. Medians over
several runs, the machine named. Nothing here is a test.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from datong.ground import evidence, signing
from datong.ground.db import NODE, Store, settings, sqlite_url
from datong.ground.evidence.sequencer import Sequencer
from datong.ground.keys import PrivateKey

ROOT = Path(__file__).parents[1]
PYTHON = sys.executable


def machine() -> dict[str, Any]:
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.processor(),
    )
    return {"cpu": model, "cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()}


def cold_start(*arguments: str, runs: int = 7) -> float:
    """Median wall seconds of a command from nothing to exit."""
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        subprocess.run([PYTHON, "-m", "datong", *arguments], check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def leaves_per_second(leaves: int = 5000) -> dict[str, float]:
    """Leaves written one transaction each, and leaves sequenced into tree, tiles and checkpoint."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(sqlite_url(Path(folder) / "n.db"))
        store.create()
        key = PrivateKey.new()
        signing.install(store, key, signing.Me("5" * 32, "9" * 18, "bench", "http://bench"))
        began = time.perf_counter()
        for number in range(leaves):
            with store.begin(NODE) as tx:
                tx.add(settings, {"id": f"s{number}", "value": number})
                evidence.append(tx, "bench.wrote", settings, f"s{number}", number=number)
        written = leaves / (time.perf_counter() - began)
        sequencer = Sequencer(store, key, "datong/bench", Path(folder) / "evidence")
        began = time.perf_counter()
        while sequencer.run_once():
            pass
        sequenced = leaves / (time.perf_counter() - began)
        store.dispose()
    return {"written_one_transaction_each": written, "sequenced": sequenced}


def demo(runs: int = 3) -> dict[str, Any]:
    """Whole demonstration after set-up: seconds (median, all), peak memory of the largest process, steps of the last."""
    seconds, report = [], {}
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "report.json"
            began = time.perf_counter()
            command = [
                PYTHON,
                "examples/city-mobility/demo.py",
                "--once",
                "--report",
                str(file),
                "--folder",
                f"{folder}/demo",
            ]
            subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
            seconds.append(time.perf_counter() - began)
            report = json.loads(file.read_text())
    return {
        "seconds_median": statistics.median(seconds),
        "seconds_all": seconds,
        "steps_seconds": report["seconds"],
        "peak_memory_mb_largest_process": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024,
        "negotiations_ms": report.get("negotiations_ms"),
    }


def main() -> None:
    results = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "cold_start_seconds": {"datong --help": cold_start("--help")},
        "evidence_per_second": leaves_per_second(),
        "demo": demo(),
    }
    folder = ROOT / "bench" / "results"
    folder.mkdir(exist_ok=True)
    (folder / "latest.json").write_text(json.dumps(results, indent=1) + "\n")
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
