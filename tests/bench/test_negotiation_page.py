"""The page of what a negotiation costs is that of the committed results, and says when the machine was not quiet."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
RESULTS = json.loads((ROOT / "bench/results/negotiation.json").read_text("utf-8"))


def made(found: dict[str, Any]) -> str:
    spec = importlib.util.spec_from_file_location("bench_negotiation", ROOT / "bench/negotiation.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return str(module.page(found))


def test_the_page_is_that_of_the_results() -> None:
    assert (ROOT / "docs/reference/negotiation-measures.md").read_text("utf-8") == made(RESULTS)


def test_a_busy_machine_is_named() -> None:
    assert "not quiet" in made({**RESULTS, "load_before": 9.0, "cores": 2})
    assert "not quiet" not in made({**RESULTS, "load_before": 0.3, "cores": 2})
