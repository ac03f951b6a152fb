"""`make test-matrix`: the engine and harmonise suites on DuckDB 2, on Spark and on every database that is here.

Each engine has a locked environment of its own under .matrix/, so that the daily one stays small. What cannot be run
is said with its reason; it is a failure only where CI is set.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
UV = str(ROOT / ".venv" / "bin" / "uv")
DUCKDB = "duckdb>=2.0,<3"


def environment(name: str, *more: str) -> str:
    """The python of .matrix/<name>, with the locked packages and what `more` names."""
    folder = ROOT / ".matrix" / name
    settings = {**os.environ, "UV_PROJECT_ENVIRONMENT": str(folder), "VIRTUAL_ENV": ""}
    subprocess.run([UV, "sync", "-q", "--locked", "--inexact", *more], check=True, cwd=ROOT, env=settings)
    return str(folder / "bin" / "python")


def pytest(python: str, *arguments: str) -> bool:
    return subprocess.run([python, "-m", "pytest", "-q", *arguments], cwd=ROOT, check=False).returncode == 0


def on_duckdb_2() -> str:
    python = environment("duckdb2")
    asked = [UV, "pip", "install", "-q", "--python", python, "--prerelease", "allow", DUCKDB]
    if subprocess.run(asked, check=False, cwd=ROOT).returncode:
        return f"not run: {DUCKDB} cannot be installed from the package index"
    subprocess.run([python, "-c", "import duckdb; print('DuckDB', duckdb.__version__)"], check=True)
    return "passed" if pytest(python, "-n", "2", "tests/engine", "tests/harmonise") else "FAILED"


def on_spark() -> str:
    if shutil.which("java") is None:
        return "not run: no Java (Debian: apt-get install openjdk-17-jre-headless)"
    return "passed" if pytest(environment("spark", "--extra", "spark"), "-m", "spark", "tests/engine") else "FAILED"


def on_databases() -> str:
    return "passed" if pytest(sys.executable, "tests/harmonise", "-k", "postgresql or mariadb or sqlite") else "FAILED"


def main() -> None:
    results = {}
    for name, run in {"DuckDB 2": on_duckdb_2, "Spark": on_spark, "databases": on_databases}.items():
        began = time.monotonic()
        print(f"--- {name}", flush=True)
        results[name] = f"{run()} ({time.monotonic() - began:.0f} s)"
    print("\n".join(f"{name}: {result}" for name, result in results.items()))
    unfit = ("FAILED", "not run") if os.environ.get("CI") else ("FAILED",)
    sys.exit(any(result.startswith(unfit) for result in results.values()))


if __name__ == "__main__":
    main()
