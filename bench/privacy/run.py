"""`make bench-privacy`: recoding Adult and the synthetic million rows; ARX beside it in the same run where it can be.

    .venv/bin/python bench/privacy/run.py [--adult-only] [--ten-million]

Datong's figure: encode and search, in a process that has loaded the search, best of 5 (Adult) or 2; beside it the whole
from opening the files. ARX's figure: anonymize(), its table loaded, best of 5 in one JVM (Adult) or one call. ARX_CLASSPATH
names a build of ARX 3.9.2 (never in this repository) and needs javac and java; without it ARX's published figures are
printed as "not comparable", without a ratio. Writes bench/results/recoding.json and docs/reference/recoding-measures.md.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE))

from data import QI, synthetic

ADULT = ROOT / "tests" / "data" / "adult"
QI9 = (
    "sex", "age", "race", "marital-status", "education", "native-country", "workclass", "occupation", "salary-class",
)  # fmt: skip
PUBLISHED = {
    (9, 5, 0): 0.084, (9, 5, 0.01): 1.45, (9, 5, 0.05): 1.54, (9, 10, 0): 0.037, (9, 10, 0.01): 0.77,
    (9, 10, 0.05): 1.19, (8, 5, 0): 0.053, (8, 5, 0.01): 0.47, (8, 10, 0): 0.027, (8, 10, 0.01): 0.36,
    (6, 5, 0): 11.1, (6, 5, 0.01): 33.2, (6, 5, 0.05): 39.3, (6, 10, 0): 5.6, (6, 10, 0.01): 22.4, (6, 10, 0.05): 48.9,
}  # fmt: skip
"""Seconds of ARX 3.9.2 on another day: OpenJDK 17, two cores, load not controlled. Never beside ours in a ratio."""


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="recoding-"))
    rows, load = [], os.getloadavg()[0]
    try:
        arx = Arx.built(folder)
        settings = [(k, limit) for k in (5, 10) for limit in (0, 0.01, 0.05)]
        for q in (9, 8):
            for k, limit in settings:
                names = QI9[:q]
                rows.append(
                    measured("Adult", ADULT / "adult.csv", ADULT / "adult_hierarchy_", names, k, limit, 5, arx, folder)
                )
        if "--adult-only" not in sys.argv:
            table = synthetic(folder)
            for k, limit in settings:
                rows.append(measured("synthetic 1 M", table, folder / "h_", QI, k, limit, 2, arx, folder))
        if "--ten-million" in sys.argv:
            table = synthetic(folder, 10_000_000)
            rows.append(measured("synthetic 10 M", table, folder / "h_", QI, 5, 0.01, 1, None, folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    found = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"cores": os.cpu_count(), "processor": processor(), "python": platform.python_version()},
        "load_before": load,
        "load_after": os.getloadavg()[0],
        "arx": "3.9.2, in the same run" if arx else None,
        "rows": rows,
    }
    (ROOT / "bench/results/recoding.json").write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    (ROOT / "docs/reference/recoding-measures.md").write_text(page(found), "utf-8")


CHILD = """
import json, resource, sys
from pathlib import Path
from datong.deidentify.service.recoding import recoded
runs = [recoded(Path(sys.argv[1])) for _ in range(int(sys.argv[2]))]
print(json.dumps([runs, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
"""


def measured(
    data: str,
    table: Path,
    prefix: Path,
    names: tuple[str, ...],
    k: int,
    limit: float,
    times: int,
    arx: Arx | None,
    folder: Path,
) -> dict[str, Any]:
    """One row: Datong in a process of its own, then ARX."""
    spec = folder / "spec.yaml"
    files = {name: f"{prefix}{name}.csv" for name in names}
    given = {"table": str(table), "quasi_identifiers": files, "model": {"k": k}, "suppression_limit": limit}
    spec.write_text(yaml.safe_dump(given, sort_keys=False), "utf-8")
    ran = subprocess.run([sys.executable, "-c", CHILD, spec, str(times)], check=True, capture_output=True, text=True)
    runs, peak = json.loads(ran.stdout)
    best = min(run["timing"]["search"] for run in runs)
    one = runs[0]
    row = {
        "data": data, "quasi_identifiers": len(names), "k": k, "limit": limit, "loss": one["loss"],
        "suppressed": one["suppressed"], "classes": one["classes"], "levels": "".join(map(str, one["levels"].values())),
        "checks": one["checks"], "search_s": best, "whole_s": min(run["seconds"] for run in runs),
        "peak_mb": round(peak), "load": os.getloadavg()[0],
    }  # fmt: skip
    if arx is not None:
        row["arx"] = arx.run(table, prefix, names, k, limit, times if times > 2 else 1)
    print(json.dumps(row), flush=True)
    return row


class Arx:
    """A build of ARX, and our driver compiled against it."""

    def __init__(self, classpath: str) -> None:
        self.classpath = classpath

    @classmethod
    def built(cls, folder: Path) -> Arx | None:
        path = os.environ.get("ARX_CLASSPATH", "")
        if not path or not shutil.which("javac") or not shutil.which("java"):
            print("ARX: not here (ARX_CLASSPATH, javac); its published figures are not comparable")
            return None
        subprocess.run(["javac", "-nowarn", "-d", folder, "-cp", path, HERE / "Beside.java"], check=True)
        return cls(f"{folder}:{path}")

    def run(
        self, table: Path, prefix: Path, names: tuple[str, ...], k: int, limit: float, times: int
    ) -> dict[str, Any]:
        command = [
            "java",
            "-Xmx12g",
            "-cp",
            self.classpath,
            "Beside",
            table,
            prefix,
            ",".join(names),
            str(k),
            str(limit),
            str(times),
        ]
        ran = subprocess.run(command, check=True, capture_output=True, text=True)
        lines = [line.split() for line in ran.stdout.splitlines() if line.count(" ") == 3]
        return {
            "first_s": float(lines[0][0]), "best_s": min(float(line[0]) for line in lines), "loss": float(lines[0][1]),
            "suppressed": int(lines[0][2]), "levels": lines[0][3],
        }  # fmt: skip


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else ():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


def page(found: dict[str, Any]) -> str:
    machine = found["machine"]
    beside = "ARX 3.9.2 ran beside it in the same run, one JVM a row, its best call" if found["arx"] else (
        "ARX was not there: its published figures are of another day and **not comparable**")  # fmt: skip
    lines = [
        "# What recoding costs", "", "<!-- made by bench/privacy/run.py (make bench-privacy); do not edit -->", "",
        f"Run {found['at']} on {machine['cores']} cores of {machine['processor']}, Python {machine['python']}, load "
        f"{found['load_before']:.1f} before and {found['load_after']:.1f} after, other work on the machine included. {beside}.", "",
        "**search**: encode and search, program loaded, best of 5 (Adult) or 2; ARX's `anonymize()` does the same from a table "
        "in memory. **whole**: from opening the files. In brackets: what ARX is published to take, on another day, not comparable. "
        "Loss, suppressed rows and levels do not depend on the machine.", "",
        "| data | QI | k | limit | NCP | suppressed | classes | levels | checks | search s | whole s | MB | ARX s | times faster |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for row in found["rows"]:
        beside, ratio = "–", "–"
        if "arx" in row:
            beside, ratio = f"{row['arx']['best_s']:.3f}", f"{row['arx']['best_s'] / row['search_s']:.1f}"
        elif row["data"] == "synthetic 10 M":
            beside = "–"  # nobody published it
        elif (published := PUBLISHED.get((row["quasi_identifiers"], row["k"], row["limit"]))) is not None:
            beside = f"({published})"
        lines.append(
            f"| {row['data']} | {row['quasi_identifiers']} | {row['k']} | {row['limit']:.0%} | {row['loss']:.6f} | {row['suppressed']} "
            f"| {row['classes']} | {row['levels']} | {row['checks']} | {row['search_s']:.3f} | {row['whole_s']:.3f} | {row['peak_mb']} "
            f"| {beside} | {ratio} |"
        )
    both = [row for row in found["rows"] if "arx" in row]
    if both:
        same = sum(
            row["arx"]["levels"] == row["levels"] and row["arx"]["suppressed"] == row["suppressed"]
            and abs(row["arx"]["loss"] - row["loss"]) < 5e-7
            for row in both
        )  # fmt: skip
        lines += [
            "",
            f"In {same} of {len(both)} rows ARX found the same loss to six decimals, the same levels and suppressed rows.",
        ]
    lines += ["", "Data: `tests/data/adult` (ARX's Adult) and `bench/privacy/data.py`, whose file's digest is checked."]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
