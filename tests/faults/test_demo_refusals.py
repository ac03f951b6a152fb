"""A demonstration that cannot start says why, and leaves everything as it was."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from after_faults import NODES
from demo_run import PORT, ROOT, kill_node


def demo(folder: Path, port: int) -> list[str]:
    return [
        sys.executable, "examples/city-mobility/demo.py", "--once", "--folder", str(folder), "--port", str(port),
    ]  # fmt: skip


def refused(folder: Path, port: int, *options: str) -> str:
    """What a demonstration that does not start says."""
    done = subprocess.run(
        [*demo(folder, port), *options], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


def test_a_second_demonstration_while_one_runs_is_refused_with_the_reason(tmp_path: Path) -> None:
    with subprocess.Popen(demo(tmp_path, PORT + 330), cwd=ROOT, stdout=subprocess.PIPE, text=True) as first:
        try:
            assert first.stdout is not None
            assert "preparing five organisations" in first.stdout.readline()
            said = refused(tmp_path, PORT + 340)
            assert first.poll() is None, "the first one goes on"
        finally:
            first.send_signal(signal.SIGKILL)
    for node in NODES:
        kill_node(tmp_path / node)
    assert f"A demonstration is running in {tmp_path} already." in said.replace("\n", " ")
    assert "Use its consoles, or stop it with Ctrl-C" in said


def test_a_port_in_use_is_named_and_nothing_is_touched(tmp_path: Path) -> None:
    before = tmp_path / "state.json"
    before.write_text('{"prepared": true, "finished": true}')
    with socket.socket() as other:
        other.bind(("127.0.0.1", PORT + 333))
        other.listen()
        said = refused(tmp_path, PORT + 331)
    assert f"Port {PORT + 333} on 127.0.0.1 is in use" in said
    assert "PORT=" in said
    assert before.exists(), "the finished demonstration is there as before"
    assert {entry.name for entry in tmp_path.iterdir()} == {"lock", "state.json"}


@pytest.mark.parametrize(
    ("port", "options", "why"),
    [
        (65_534, (), "ports 65534 to 65538, and ports run from 1 to 65535"),
        (-1, (), "ports -1 to 3"),
        (PORT + 331, ("--report", "no/such/folder/report.json"), "The report cannot be written to no/such/folder/report.json"),
        (PORT + 331, ("--report", "docs"), "The report cannot be written to docs"),
    ],
)  # fmt: skip
def test_what_could_not_be_ended_is_not_begun(tmp_path: Path, port: int, options: tuple[str, ...], why: str) -> None:
    before = tmp_path / "state.json"
    before.write_text('{"prepared": true, "finished": true}')
    assert why in refused(tmp_path, port, *options)
    assert {entry.name for entry in tmp_path.iterdir()} == {"lock", "state.json"}


def test_an_unfinished_run_keeps_its_crypto_profile(tmp_path: Path) -> None:
    before = tmp_path / "state.json"
    before.write_text(f'{{"prepared": true, "ports": {{"data-group": {PORT + 335}}}}}')
    said = refused(tmp_path, PORT + 331, "--crypto", "guomi")
    assert "is of the crypto profile default, and its nodes keep it" in said and "make demo-clean" in said
    assert {entry.name for entry in tmp_path.iterdir()} == {"lock", "state.json"}
