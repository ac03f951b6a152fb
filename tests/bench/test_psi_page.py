"""The page of what an intersection takes is that of the committed results, with the load of the machine beside them."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_page_is_that_of_the_results() -> None:
    spec = importlib.util.spec_from_file_location("bench_psi", ROOT / "bench/psi.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    results = json.loads((ROOT / "bench/results/psi.json").read_text("utf-8"))
    assert (ROOT / "docs/reference/psi-measures.md").read_text("utf-8") == module.page_of(results)
    assert {(run["rows"], run["tls"]) for run in results["runs"]} >= {(1_000_000, False), (1_000_000, True)}
    assert all(run["matched"] == run["rows"] // 2 for run in results["runs"])
