"""The whole journey with five nodes on PostgreSQL, whose connections are cut again and again while they work.

`make test-matrix` runs it (arm "PostgreSQL"); elsewhere it is skipped, because it takes as long as the demonstration.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from paperwork import GROUP, parties
from sqlalchemy import create_engine, text

import postgresql
from demo_run import PORT, ROOT, Run, run_demo

pytestmark = [
    pytest.mark.postgresql,
    pytest.mark.skipif(
        os.environ.get("DATONG_TEST_STORE") != "postgresql",
        reason="make test-matrix runs it (DATONG_TEST_STORE=postgresql)",
    ),
]


@pytest.fixture(scope="module")
def name() -> str:
    """What the names of the nodes' databases begin with."""
    return f"j{uuid.uuid4().hex[:12]}"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, name: str) -> Run:
    for slug in parties():
        url = postgresql.fresh_database(f"{name}-{slug}")
    address = url.rpartition("/")[0]
    folder = tmp_path_factory.mktemp("postgresql")
    with cutting(address, name, once=[folder / "demo" / slug / "evidence" / "checkpoint" for slug in parties()]):
        return run_demo(folder, PORT, "--store", f"{address}/{name}-{{node}}", timeout=900)


@contextmanager
def cutting(address: str, name: str, once: list[Path]) -> Iterator[None]:
    """Every connection to these databases is cut, whatever it is in the middle of; then again after half as long more,
    so that a build on a slow machine comes to its end between two cuts."""
    done = threading.Event()

    def cut() -> None:
        query = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE :those")
        seconds = 5.0
        while not done.wait(seconds):
            if not all(file.exists() for file in once):  # a node that cannot open its store does not start
                continue
            seconds *= 1.5
            with postgresql.admin(address).connect() as conn:
                conn.execute(query, {"those": f"{name}-%"})

    cutter = threading.Thread(target=cut)
    cutter.start()
    try:
        yield
    finally:
        done.set()
        cutter.join()


def test_it_ends_as_on_sqlite_and_is_proven(run: Run, name: str) -> None:
    assert run.report["evidence"]["verified"] is True
    assert run.report["settlement"]["balanced"] is True
    assert not [slug for slug in parties() if (run.folder / slug / "datong.db").exists()]
    engine = create_engine(f"{postgresql.server()[0]}/{name}-{GROUP}")
    with engine.connect() as conn:
        paid = conn.execute(text("SELECT gross_fen, paid_fen, state FROM invoice")).all()
        charged = conn.execute(text("SELECT count(*) FROM usage_event WHERE state = 'MONETIZABLE'")).scalar()
        left = conn.execute(text("SELECT count(*) FROM job WHERE state = 'failed'")).scalar()
    engine.dispose()
    assert [row.state for row in paid] == ["PAID"] and paid[0].gross_fen == paid[0].paid_fen
    assert (charged, left) == (1, 0), "nothing was charged twice, and nothing was given up"


def test_what_was_cut_is_a_line_in_the_log_and_no_traceback(run: Run) -> None:
    logs = [(log.parent.name, log.read_text()) for log in run.folder.glob("*/node.log")]
    assert [slug for slug, text in logs if "Traceback" in text] == []


def test_its_bundle_is_checked_with_standard_python_alone(run: Run) -> None:
    (bundle,) = run.folder.glob(f"{GROUP}/bundles/*.zip")
    command = [sys.executable, "-I", "-S", str(ROOT / "tools" / "verify_evidence.py"), str(bundle)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "everything holds" in done.stdout
