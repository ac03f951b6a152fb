"""Private set intersection of two organisations by `datong psi`: seconds and memory, written to bench/results/psi.json
and docs/reference/psi-measures.md.

    .venv/bin/python bench/psi.py [ROWS ...]

Both sides on this machine, over loopback without TLS (as the figures it is compared with) and with it; ids `user%08d`,
half of them in both. Seconds are of the whole command: reading, hashing, starting the environment, the protocol.
Needs `make psi` or DATONG_PSI_PYTHON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULT, PAGE = ROOT / "bench/results/psi.json", ROOT / "docs/reference/psi-measures.md"
PORTS = (9471, 9472)


def tables(folder: Path, rows: int) -> None:
    for side, first in (("left", 0), ("right", rows // 2)):
        (folder / f"{side}.csv").write_text(
            "id\n" + "\n".join(f"user{n:08d}" for n in range(first, first + rows)) + "\n"
        )


def certificates(folder: Path) -> None:
    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=both", "-days", "2")
    (folder / "address").write_text("subjectAltName=IP:127.0.0.1\n")
    for side in ("left", "right"):
        openssl("req", *key, "-keyout", f"{side}.key", "-out", f"{side}.csr", "-subj", "/CN=127.0.0.1")
        openssl("x509", "-req", "-in", f"{side}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
                "-extfile", "address", "-out", f"{side}.pem")  # fmt: skip


def measured(folder: Path, *, tls: bool) -> dict[str, Any]:
    """One intersection: seconds until both sides are done, processor seconds of both, the largest process in MB."""
    addresses = ["--left", f"127.0.0.1:{PORTS[0]}", "--right", f"127.0.0.1:{PORTS[1]}", "--receiver", "left", "--json"]
    began = time.perf_counter()
    running = []
    for side in ("left", "right"):
        how = (
            ["--certificate", f"{side}.pem", "--key", f"{side}.key", "--authority", "ca.pem"]
            if tls
            else ["--without-tls"]
        )
        command = [
            sys.executable,
            "-m",
            "datong",
            "psi",
            f"{side}.csv",
            "--column",
            "id",
            "--side",
            side,
            *addresses,
            *how,
        ]
        measure = ["/usr/bin/time", "-f", "%M %U %S"] if Path("/usr/bin/time").exists() else []
        running.append(
            subprocess.Popen(
                [*measure, *command], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
        )
    told = [process.communicate() for process in running]
    seconds = time.perf_counter() - began
    assert all(process.returncode == 0 for process in running), told
    timed = [said[1].strip().splitlines()[-1].split() for said in told] if Path("/usr/bin/time").exists() else []
    return {
        "tls": tls, "seconds": round(seconds, 2),
        "peak_mb_of_a_process": round(max(int(t[0]) for t in timed) / 1024) if timed else None,
        "cpu_seconds": round(sum(float(t[1]) + float(t[2]) for t in timed), 1) if timed else None,
        **json.loads(told[0][0]),
    }  # fmt: skip


def page_of(facts: dict[str, Any]) -> str:
    """The page of the results."""
    machine = facts["machine"]
    rows = "\n".join(
        f"| {run['rows']:,} | {run['matched']:,} | {'mutual TLS' if run['tls'] else 'no TLS'} | {run['seconds']:.1f} "
        f"| {run['cpu_seconds'] or '–'} | {run['peak_mb_of_a_process'] or '–'} "
        f"| {run['load_before']:.1f} | {run['load_after']:.1f} |"
        for run in facts["runs"]
    )
    return f"""# Measures of the intersection

<!-- made by bench/psi.py; do not edit -->

What `datong psi` takes, both sides on this one machine, over loopback: seconds of the two whole commands side by side, which
read CSV, hash, start the environment of the protocol (RR22 of spu) and run it. Measured {facts["at"]}.
Machine: {machine["cores"]} cores, {machine["cpu"]}, Python {machine["python"]}; one core did
{machine["sha256_mb_per_second"]:,} MB/s of SHA-256 before. The load stands beside each run: where it is above 2 other work ran
on the two cores meanwhile, and the seconds are an upper bound; processor seconds, of both sides together, hardly change.

| Ids a side | In both | Over | Seconds | Processor seconds | Peak MB of a process | Load before | Load after |
|---:|---:|---|---:|---:|---:|---:|---:|
{rows}

The peak is that of the larger of the two processes of a side.
[How to intersect](../how-to/intersect-without-showing.md).
"""


def main() -> None:
    from run import machine

    sizes = [int(size) for size in sys.argv[1:]] or [10_000, 1_000_000]
    facts = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine(), "runs": []}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        certificates(folder)
        for rows in sizes:
            tables(folder, rows)
            for tls in (False, True):
                before = round(os.getloadavg()[0], 1)
                run = {"rows": rows, "load_before": before, **measured(folder, tls=tls),
                       "load_after": round(os.getloadavg()[0], 1)}  # fmt: skip
                print(json.dumps(run))
                facts["runs"].append(run)
    RESULT.write_text(json.dumps(facts, indent=1) + "\n")
    PAGE.write_text(page_of(facts), "utf-8")


if __name__ == "__main__":
    main()
