"""bench/negotiation.py runs, and measures what its page tells."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from servers import free_port

ROOT = Path(__file__).parents[2]


def test_the_smallest_run_measures_everything() -> None:
    small = ["--count", "2", "--parallel", "2", "--offers", "3", "--no-edc", "--port", str(free_port())]
    ran = subprocess.run(
        [sys.executable, str(ROOT / "bench" / "negotiation.py"), *small], text=True, capture_output=True, check=False
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    found = json.loads(ran.stdout)
    rounds = found["negotiation"]["p50_ms_of_rounds"]
    assert found["negotiation"]["count"] == 2 * len(rounds) > 2
    assert found["parallel"]["count"] == 2
    assert min(rounds) <= found["negotiation"]["p50_ms"] <= max(rounds)
    assert found["negotiation"]["p50_ms"] >= found["negotiation"]["min_ms"] > 0
    assert found["negotiation"]["consumer_statements"] > 10
    assert found["catalogue"]["offers"] == 3
    assert "not_run" in found["edc"], "left out, and said so"
