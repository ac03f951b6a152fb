"""The whole journey on national cryptography: five nodes of profile guomi, and not a trace of the default profile.

`make test-matrix` runs it (arm "guomi"); elsewhere it is skipped, because it takes as long as the demonstration.
"""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from paperwork import parties

from demo_run import PORT, ROOT, Run, run_demo

pytestmark = [
    pytest.mark.guomi,
    pytest.mark.skipif(
        not os.environ.get("DATONG_TEST_GUOMI"), reason="make test-matrix runs it (DATONG_TEST_GUOMI=1)"
    ),
]

OF_THE_DEFAULT = re.compile(rb"sha-?256|sha-?512|ed25519|eddsa|aes-?(128|256)|scrypt\$", re.IGNORECASE)
"""Every name by which the default profile's algorithms stand beside what they made."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_demo(tmp_path_factory.mktemp("guomi"), PORT, "--crypto", "guomi", timeout=900)


def kept(folder: Path) -> Iterator[tuple[str, bytes]]:
    """(where, bytes) of everything five nodes keep: rows, evidence, messages, contracts, bundles, files, logs."""
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = str(file.relative_to(folder))
        if file.suffix == ".db":
            with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as store:
                for (table,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                    for row in store.execute(f'SELECT * FROM "{table}"'):
                        yield f"{name} {table}", b"\n".join(v if isinstance(v, bytes) else str(v).encode() for v in row)
        elif file.suffix == ".zip":
            with zipfile.ZipFile(file) as packed:
                for part in packed.namelist():
                    yield f"{name} {part}", packed.read(part)
        elif "/sources/" not in name and "/workspace/" not in name:  # what the owners brought, not what a node made
            yield name, file.read_bytes()


def test_nothing_of_the_default_profile_is_in_what_the_nodes_keep(run: Run) -> None:
    places = list(kept(run.folder))
    found = {(where, match[0].decode()) for where, data in places for match in OF_THE_DEFAULT.finditer(data)}
    assert found == set()
    together = b"\n".join(data for _, data in places)
    for own in (b"sm3:", b"SM2:", b"SM4-GCM"):
        assert own in together
    tables = {where.split(" ")[1] for where, _ in places if " " in where}
    assert {"evidence_leaf", "evidence_checkpoint", "job", "agreement", "idempotent_request", "received"} <= tables


def test_nor_in_the_report_or_on_the_screen(run: Run) -> None:
    report = (run.folder.parent / "report.json").read_bytes()
    assert OF_THE_DEFAULT.search(report) is None
    assert OF_THE_DEFAULT.search(run.output.encode()) is None
    assert b"sm3:" in report
    assert run.report["evidence"]["verified"] is True


def test_its_bundles_are_checked_with_standard_python_alone(run: Run) -> None:
    (bundle,) = run.folder.glob("data-group/bundles/*.zip")
    command = [sys.executable, "-I", "-S", str(ROOT / "tools" / "verify_evidence.py"), str(bundle)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "SM2:" in done.stdout and "everything holds" in done.stdout


def test_keys_are_of_sm2_and_only_their_owners(run: Run) -> None:
    keys = sorted(run.folder.glob("*/keys/node.pem"))
    assert len(keys) == len(parties()) + 1  # and the visitor of the national rail's chapter
    for key in keys:
        assert key.stat().st_mode & 0o777 == 0o600
