"""`make bench`: measure, write bench/results/latest.json and the page docs/reference/measures.md.

Whole demonstration, negotiation request to finalized, evidence leaves per second, peak memory, cold starts. Medians over
several runs, the machine and its speed named. Nothing here is a test. `--page` writes the page only, from the results
that are there: those of bench/integration.py and bench/meaning.py too.
"""

from __future__ import annotations

import hashlib
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

sys.path.insert(0, str(Path(__file__).parents[1] / "examples" / "city-mobility"))

import httpx
from world import NodeProcess, World

from datong import app
from datong.ground import evidence, signing
from datong.ground.config import load
from datong.ground.db import NODE, Store, metadata, settings, sqlite_url
from datong.ground.evidence.sequencer import Sequencer
from datong.ground.keys import PrivateKey
from datong.register import service as register

ROOT = Path(__file__).parents[1]
PYTHON = sys.executable


def machine() -> dict[str, Any]:
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.processor(),
    )
    return {
        "cpu": model, "cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform(),
        "sha256_mb_per_second": round(sha256_speed()), "load_before": os.getloadavg()[0],
    }  # fmt: skip


def sha256_speed(runs: int = 5) -> float:
    """Median MB/s of one core: how fast the machine was while this was measured (rented ones vary by half)."""
    block, rates = b"x" * 100_000_000, []
    for _ in range(runs):
        began = time.perf_counter()
        hashlib.sha256(block).digest()
        rates.append(100 / (time.perf_counter() - began))
    return statistics.median(rates)


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
        metadata.create_all(store.engine)
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


def cold_serve(runs: int = 5) -> float:
    """Median seconds from starting `datong serve` on a new folder to its first answer."""
    times = []
    for number in range(runs):
        with tempfile.TemporaryDirectory() as folder:
            port = 9880 + number
            app.init(
                Path(folder) / "n", name="bench", party="91520100MAXDT0015L", port=port, region="5201", kind="connector"
            )
            began = time.perf_counter()
            node = subprocess.Popen([PYTHON, "-m", "datong", "serve", f"{folder}/n"], stderr=subprocess.DEVNULL)
            while True:
                try:
                    if httpx.get(f"http://127.0.0.1:{port}/node").status_code == 200:
                        break
                except httpx.TransportError:
                    time.sleep(0.01)
            times.append(time.perf_counter() - began)
            node.terminate()
            node.wait()
    return statistics.median(times)


def negotiations(folder: Path, count: int = 40) -> dict[str, float]:
    """Milliseconds from a person's request to FINALIZED at both nodes, on loopback, one after the other.

    folder: a finished demonstration. The consumer's node is asked every 2 ms.
    """
    state = json.loads((folder / "state.json").read_text())
    slugs = ("data-bureau", "data-group", "city-lab")
    nodes = {slug: NodeProcess(slug, folder / slug, state["ports"][slug]) for slug in slugs}
    world = World(nodes, PrivateKey.at(folder / "demo.pem"))
    token = _analyst_token(folder / "city-lab")
    world.tokens["city-lab", "analyst"] = token
    analyst = world.person("city-lab", "analyst")
    world.start()
    times = []
    try:
        listing = analyst.ask("catalogue.find", q="出行流量")[0]
        offer = next(o for o in listing["offers"] if o["terms"]["purpose"] == "industry_development")
        for number in range(count + 3):
            began = time.perf_counter()
            asked = analyst.do(
                "negotiate.request", provider=listing["source"], dataset=listing["dataset"], offer_id=offer["id"],
                purpose="industry_development", again=f"{number} {time.time()}",
            )  # fmt: skip
            while analyst.ask("negotiate.negotiation", id=asked["id"])["state"] != "FINALIZED":
                time.sleep(0.002)
            times.append((time.perf_counter() - began) * 1000)
    finally:
        world.stop()
    counted = sorted(times[3:])
    return {"count": count, "p50_ms": statistics.median(counted), "p95_ms": counted[int(len(counted) * 0.95) - 1]}


def _analyst_token(folder: Path) -> str:
    """A service token for the analyst, made by the node's operator beside the stopped node."""
    store = app.open_store(load(folder))
    with store.begin(NODE, "register") as tx:
        analyst = next(person for person in register.people(tx) if "analyst" in person["roles"])
        token = register.issue_service_token(
            tx, person=analyst["id"], label="bench", scopes=["negotiate", "catalogue"], days=1
        )
    store.dispose()
    return str(token["token"])


def demo(runs: int = 3) -> dict[str, Any]:
    """Whole demonstration after set-up: seconds (median, all), peak memory of the largest process, steps of the last."""
    seconds, report, negotiated = [], {}, {}
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
            if len(seconds) == runs:
                negotiated = negotiations(Path(folder) / "demo")
    return {
        "seconds_median": statistics.median(seconds),
        "seconds_all": seconds,
        "steps_seconds": report["seconds"],
        "peak_memory_mb_largest_process": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024,
        "negotiation_request_to_finalized": negotiated,
    }


def page(found: dict[str, Any]) -> str:
    """docs/reference/measures.md."""
    negotiated, shown = found["demo"]["negotiation_request_to_finalized"], found["demo"]
    rows = [
        ("Whole demonstration after set-up, five nodes, median of 3", f"{shown['seconds_median']:.1f} s", "under 60 s"),
        ("Negotiation, request to finalized at the consumer, p50", f"{negotiated['p50_ms']:.0f} ms", ""),
        ("Negotiation, p95", f"{negotiated['p95_ms']:.0f} ms", ""),
        ("Evidence leaves, one transaction each", f"{found['evidence_per_second']['written_one_transaction_each']:,.0f} /s", ""),
        ("Evidence leaves, sequenced into tree and tiles", f"{found['evidence_per_second']['sequenced']:,.0f} /s", ""),
        ("Peak memory of the largest process of the demonstration", f"{shown['peak_memory_mb_largest_process']:.0f} MB", ""),
        ("Cold start of `datong --help`, median of 7", f"{found['cold_start_seconds']['datong --help']:.2f} s", ""),
        ("Cold start of `datong serve` on a new folder to its first answer, median of 5",
         f"{found['cold_start_seconds']['datong serve']:.2f} s", ""),
    ]  # fmt: skip
    lines = ["# Measures", "", "<!-- made by `make bench`; do not edit -->", ""]
    lines += [
        f"Measured {found['at']} on {found['machine']['cores']} cores, {found['machine']['cpu']}, Python"
        f" {found['machine']['python']}; one core did {found['machine']['sha256_mb_per_second']:,} MB/s of SHA-256 meanwhile.",
        "",
    ]
    lines += ["| What | Measured | Goal |", "|---|---|---|", *[f"| {a} | {b} | {c} |" for a, b, c in rows], ""]
    lines += [
        "Steps of the last run, in seconds: "
        + ", ".join(f"{n} {s:.1f}" for n, s in shown["steps_seconds"].items())
        + ".",
        "",
    ]
    lines += ["The figures stand in `bench/results/latest.json`; `make bench` measures again.", ""]
    return "\n".join(lines + integration_lines() + meaning_lines())


INTEGRATION = {
    "datong": "Datong: the plan of a mapping, and the product's steps", "by hand": "DuckDB SQL by hand",
    "spark local[2]": "Spark SQL by hand, local[2]", "datong build": "`datong build`, everything written",
    "dlt": "dlt, load into DuckDB",
}  # fmt: skip


def integration_lines() -> list[str]:
    """The section of bench/integration.py: a build against SQL written by hand for the same result."""
    found = _results("integration")
    lines = [
        "## A build against hand-written SQL, Spark and dlt", "",
        "Nested JSON trips harmonised, their keys tokenised, joined to 200,000 vehicles and aggregated: the first three give the",
        "same aggregate and the same counts of quarantined rows. The last two only load: `datong build` writes every row, those",
        "held with their reasons, repairs, quality, lineage and evidence; dlt flattens and infers types.",
        "Up to ten million rows the run in the middle of three is told (a build of ten million ran once). What was measured at",
        "another time stays as it was, beside the SQL by hand of that time: the machine is shared, and its pace changes.",
        f"DuckDB {found['duckdb']}. Aims: 1.15 times the CPU of the SQL by hand, a fifth of Spark's, less than 4 GB.", "",
        "| Rows | What | CPU | Times by hand | Wall | Peak MB | Load before | Measured |",
        "|---:|---|---:|---:|---:|---:|---:|---|",
    ]  # fmt: skip
    for run in found["runs"]:
        for name in (name for name in INTEGRATION if name in run):
            one = {"at": run["at"], "load": run["load"], "hand": run["by hand"]["cpu_seconds"], **run[name]}
            lines.append(
                f"| {run['rows']:,} | {INTEGRATION[name]} | {one['cpu_seconds']:.1f} s "
                f"| {one['cpu_seconds'] / one['hand']:.2f} | {one['wall_seconds']:.1f} s | {one['peak_mb']:,} "
                f"| {one['load']:.1f} | {one['at'][:16].replace('T', ' ')} |"
            )
    lines += ["", *parts_lines(found["runs"])]
    return [*lines, "", "`.venv/bin/python bench/integration.py ROWS... [--peers]` measures again.", ""]


PARTS = {
    "digest": "the digest of the file, which its evidence stands on",
    "look": "the rest of the one pass over its bytes: lines, and signs of what a scan would read otherwise",
    "typed": "reading, typing and judging every row (by hand: the same, without what makes a row sure)",
    "twins": "keys that repeat (by hand: the same)",
    "again": "the records of rows that need a closer look, as they are written",
    "close": "those rows the long way: what is wrong with them, repairs, duplicates, quarantine; counts for quality",
    "product": "tokens, join and aggregate (by hand: the same)",
}


def parts_lines(runs: list[dict[str, Any]]) -> list[str]:
    """What the CPU of the plan is spent on, as far as it was measured."""
    told = [run for run in runs if "parts" in run["datong"]]
    if not told:
        return []
    shares = [
        f"| {what} | " + " | ".join(f"{run['datong']['parts'][part]:.2f} s" for run in told) + " |"
        for part, what in PARTS.items()
    ]
    return [
        "Why it is more than the SQL by hand: that keeps no digest of what it read, no record of a row as it was written, tries",
        "no repair and counts no quality. Where the CPU of the plan goes, in a run of its own:", "",
        "| What | " + " | ".join(f"{run['rows']:,} rows" for run in told) + " |", "|---|" + "---:|" * len(told), *shares,
    ]  # fmt: skip


def meaning_lines() -> list[str]:
    """The section of bench/meaning.py: value checks and datums, in values per CPU second."""
    found = _results("meaning")
    lines = [
        "## Value checks and datums", "",
        f"Per CPU second of one thread, {found['values']:,} values; the machine did "
        f"{found['machine']['sha256_mb_per_second']:,} MB/s of SHA-256 meanwhile. Aim: 1,000,000.", "",
        "| Check or conversion | Per CPU second | Plain Python |", "|---|---:|---:|",
    ]  # fmt: skip
    for part, unit in (("checks", "per_second"), ("datums", "points_per_second")):
        for name, rates in found[part].items():
            peer = rates.get("plain_python_per_second")
            lines.append(f"| {name} | {rates[unit]:,} | {f'{peer:,}' if peer else ''} |")
    return [*lines, "", "`.venv/bin/python bench/meaning.py` measures again.", ""]


def _results(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "bench" / "results" / f"{name}.json").read_text("utf-8"))
    return found


def main() -> None:
    folder = ROOT / "bench" / "results"
    target = ROOT / "docs" / "reference" / "measures.md"
    if "--page" in sys.argv:
        target.write_text(page(_results("latest")), "utf-8")
        return
    results = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "cold_start_seconds": {"datong --help": cold_start("--help"), "datong serve": cold_serve()},
        "evidence_per_second": leaves_per_second(),
        "demo": demo(),
    }
    (folder / "latest.json").write_text(json.dumps(results, indent=1) + "\n")
    target.write_text(page(results), "utf-8")
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
