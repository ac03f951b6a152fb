"""The page of what recoding costs is that of the committed results, and claims no ratio that was not measured."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
RESULTS = json.loads((ROOT / "bench/results/recoding.json").read_text("utf-8"))


def made(found: dict[str, Any]) -> str:
    spec = importlib.util.spec_from_file_location("bench_privacy_run", ROOT / "bench/privacy/run.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return str(module.page(found))


def test_the_page_is_that_of_the_results() -> None:
    assert (ROOT / "docs/reference/recoding-measures.md").read_text("utf-8") == made(RESULTS)


def test_without_arx_in_the_run_there_is_no_ratio() -> None:
    rows = [{name: value for name, value in row.items() if name != "arx"} for row in RESULTS["rows"]]
    page = made({**RESULTS, "arx": None, "rows": rows})
    assert "not comparable" in page
    assert all(line.endswith("| – |") for line in page.splitlines() if line.startswith(("| Adult", "| synthetic")))
