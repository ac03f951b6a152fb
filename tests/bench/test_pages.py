"""Every page of measures is that of the committed results, and claims nothing the results do not say."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PAGES = {  # script of bench/ and its function -> results, page of docs/reference
    ("classify/run", "page_of"): ("classify", "classify-measures"),
    ("crypto", "page_of"): ("crypto", "crypto-measures"),
    ("negotiation", "page"): ("negotiation", "negotiation-measures"),
    ("noise", "page"): ("noise", "noise-measures"),
    ("policy", "page"): ("policy", "policy-measures"),
    ("privacy/run", "page"): ("recoding", "recoding-measures"),
    ("psi", "page_of"): ("psi", "psi-measures"),
    ("run", "page"): ("latest", "measures"),
    ("treatments", "page_of"): ("treatments", "treatment-measures"),
}
_MAKING = """
import importlib, json, sys
made = []
for folder, name, function, results in json.load(sys.stdin):
    sys.path.insert(0, folder)
    made.append(getattr(importlib.import_module(name), function)(results))
    sys.path.remove(folder)
    for own in [n for n, m in sys.modules.items() if "/bench/" in (getattr(m, "__file__", None) or "")]:
        del sys.modules[own]
json.dump(made, sys.stdout)
"""


def made(*asked: tuple[tuple[str, str], Any]) -> list[str]:
    """The pages that scripts make of results, in a process of its own: several scripts are called run."""
    given = []
    for (script, function), results in asked:
        place = ROOT / "bench" / script
        given.append((str(place.parent), place.name, function, results))
    ran = subprocess.run(
        [sys.executable, "-c", _MAKING], input=json.dumps(given), text=True, capture_output=True, check=True, cwd=ROOT,
        env={"PYTHONPATH": str(ROOT / "bench")},
    )  # fmt: skip
    return list(json.loads(ran.stdout))


def results_of(name: str) -> Any:
    return json.loads((ROOT / f"bench/results/{name}.json").read_text("utf-8"))


def test_the_pages_are_those_of_the_results() -> None:
    pages = made(*((script, results_of(results)) for script, (results, _) in PAGES.items()))
    for page, (_, name) in zip(pages, PAGES.values(), strict=True):
        assert (ROOT / f"docs/reference/{name}.md").read_text("utf-8") == page, name


def test_a_busy_machine_and_a_missing_peer_are_told() -> None:
    talks, recoded = {**results_of("negotiation"), "cores": 2}, results_of("recoding")
    rows = [{name: value for name, value in row.items() if name != "arx"} for row in recoded["rows"]]
    busy, quiet, alone = made(
        (("negotiation", "page"), {**talks, "load_before": 9.0}),
        (("negotiation", "page"), {**talks, "load_before": 0.3}),
        (("privacy/run", "page"), {**recoded, "arx": None, "rows": rows}),
    )
    assert ("not quiet" in busy, "not quiet" in quiet) == (True, False)
    assert "not comparable" in alone
    assert all(line.endswith("| – |") for line in alone.splitlines() if line.startswith(("| Adult", "| synthetic")))


def test_intersections_were_of_a_million_ids_and_right() -> None:
    runs = results_of("psi")["runs"]
    assert {(run["rows"], run["tls"]) for run in runs} >= {(1_000_000, False), (1_000_000, True)}
    assert all(run["matched"] == run["rows"] // 2 for run in runs)
