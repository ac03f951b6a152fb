"""`make test-matrix`: the engine and harmonise suites on DuckDB 2, on every database, plans and mappings on Spark, and
the whole journey on national cryptography and on PostgreSQL; the five domains on their raw files.

What each arm runs is chosen so that it proves much and costs little:

    DuckDB 2    everything of engine and harmonise that runs SQL; texts that only Python reads are left to `make test`
    databases   sources in a real PostgreSQL and MariaDB, read by DuckDB 2
    Spark       the golden values of every function, dirty mappings and a build, on two workers of their own
    guomi       `make demo ONCE=1 CRYPTO=guomi`, and a search of all that its five nodes keep for the default profile
    PostgreSQL  `make demo ONCE=1` with all five nodes on a PostgreSQL that cuts their connections now and then
    raw files   the figures of the five domains, of those whose files DATONG_DATA has

Each has a locked environment under .matrix/, so that the daily one stays small. What cannot be run is said with its
reason; it is a failure only where CI is set, as is a test that is skipped there for want of a server.
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
SERVERS = "postgresql or mariadb"
NO_SQL = ("elements", "matching/test_matching_names.py", "matching/test_matching_words.py",
          "matching/test_matching_assignment.py", "matching/test_matching_scores.py", "odcs")  # fmt: skip
"""Of tests/harmonise: what never comes near a database."""


MARKED = ("tests/engine/test_engine_spark.py", "tests/harmonise/test_harmonise_spark.py",
          "tests/deidentify/test_deidentify_spark.py")  # fmt: skip


def environment(name: str, *more: str) -> str:
    """The python of .matrix/<name>, with the locked packages and what `more` names."""
    folder = ROOT / ".matrix" / name
    settings = {**os.environ, "UV_PROJECT_ENVIRONMENT": str(folder), "VIRTUAL_ENV": ""}
    asked = [UV, "sync", "-q", "--locked", "--inexact", "--python", sys.executable, *more]
    subprocess.run(asked, check=True, cwd=ROOT, env=settings)
    return str(folder / "bin" / "python")


def duckdb_2() -> str | None:
    """The python of an environment with DuckDB 2, or None where the index does not have it."""
    python = environment("duckdb2")
    asked = [UV, "pip", "install", "-q", "--python", python, "--prerelease", "allow", DUCKDB]
    return None if subprocess.run(asked, check=False, cwd=ROOT).returncode else python


def pytest(python: str, *arguments: str) -> str:
    done = subprocess.run([python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments], cwd=ROOT, check=False)
    return "FAILED" if done.returncode else "passed"


def on_duckdb_2() -> str:
    if (python := duckdb_2()) is None:
        return f"not run: {DUCKDB} cannot be installed from the package index"
    subprocess.run([python, "-c", "import duckdb; print('DuckDB', duckdb.__version__)"], check=True)
    left_out = [f"--ignore=tests/harmonise/{path}" for path in NO_SQL]
    folders = ("tests/engine", "tests/harmonise")
    return pytest(python, "-n", "2", "--dist", "loadfile", "-k", f"not ({SERVERS})", *left_out, *folders)


def on_databases() -> str:
    return pytest(duckdb_2() or sys.executable, "-k", SERVERS, "tests/harmonise")


def on_spark() -> str:
    if shutil.which("java") is None:
        return "not run: no Java (Debian: apt-get install openjdk-17-jre-headless)"
    return pytest(environment("spark", "--extra", "spark"), "-m", "spark", *MARKED)


def on_guomi() -> str:
    """In an environment with this extra alone, so that it is known to be enough."""
    try:
        python = environment("guomi", "--extra", "guomi")
    except subprocess.CalledProcessError:
        return "not run: the extra guomi cannot be installed here (no wheel of tongsuopy-crayon for this machine)"
    os.environ["DATONG_TEST_GUOMI"] = "1"
    return pytest(python, "-m", "guomi", "tests/journey/test_journey_guomi.py")


def on_postgresql() -> str:
    os.environ["DATONG_TEST_STORE"] = "postgresql"
    return pytest(sys.executable, "tests/journey/test_journey_postgresql.py")


def on_raw_files() -> str:
    return pytest(sys.executable, "-n", "2", "--dist", "load", "--raw", "-rs", "tests/examples/test_domains.py")


ARMS = {
    "DuckDB 2": on_duckdb_2, "databases": on_databases, "Spark": on_spark, "guomi": on_guomi,
    "PostgreSQL": on_postgresql, "raw files": on_raw_files,
}  # fmt: skip


def main() -> None:
    results = {}
    for name, run in ARMS.items():
        began = time.monotonic()
        print(f"--- {name}", flush=True)
        results[name] = f"{run()} ({time.monotonic() - began:.0f} s)"
    print("\n".join(f"{name}: {result}" for name, result in results.items()))
    unfit = ("FAILED", "not run") if os.environ.get("CI") else ("FAILED",)
    sys.exit(any(result.startswith(unfit) for result in results.values()))


if __name__ == "__main__":
    main()
