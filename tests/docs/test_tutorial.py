"""The tutorial is run as written, by a real shell against a real node."""

from __future__ import annotations

import socket
import subprocess
import time
from pathlib import Path

from docs_pages import BIN, ROOT, Shell, blocks, follow

PAGE = ROOT / "docs/tutorial/your-first-node.md"


def test_the_tutorial_prints_what_it_says(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    shell = Shell(tmp_path)
    serve = tmp_path / "serve"  # the second terminal of the page: stands for `datong serve`, and waits for the node
    serve.write_text(
        f"{BIN}/datong serve car-park > serve.log 2>&1 &\necho $! > serve.pid\n"
        f"for n in $(seq 300); do (echo > /dev/tcp/127.0.0.1/{port}) 2> /dev/null && break; sleep 0.1; done\n"
    )
    try:
        compared = follow(PAGE, shell, {"8450": str(port), "datong serve car-park\n": f". {serve}\n"})
    finally:
        stop(tmp_path / "serve.pid")
        shell.close()
    assert compared >= 10, (tmp_path / "serve.log").read_text()


def stop(pid_file: Path) -> None:
    if not pid_file.exists():
        return
    pid = pid_file.read_text().strip()
    pid_file.unlink()
    subprocess.run(["kill", pid], check=False)
    for _ in range(100):
        if subprocess.run(["kill", "-0", pid], capture_output=True, check=False).returncode:
            return
        time.sleep(0.1)
    subprocess.run(["kill", "-9", pid], check=False)


def test_the_workspace_is_as_short_as_the_page_says() -> None:
    written = [b.text for b in blocks(PAGE) if b.kind == "sh" and ".yaml <<'EOF'" in b.text]
    lines = sum(text.split("<<'EOF'\n")[1].split("\nEOF")[0].count("\n") + 1 for text in written)
    assert f"Together {lines} lines" in " ".join(PAGE.read_text("utf-8").split())
    assert lines <= 40
