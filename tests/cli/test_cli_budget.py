"""datong budget set, show, ask: as a person sees them, and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from test_cli_workspace import ROWS, datong, read, work

__all__ = ["work"]
pytest.importorskip("opendp")
QUERY = """kind: count
rows_per_unit: 1
by:
  - windows: {column: entered_at, zone: Asia/Shanghai, from: 2026-02-01, until: 2026-02-02, hours: 12}
spend: {rho: 0.5}
"""


def test_a_cap_a_question_and_what_is_left(work: Path) -> None:
    assert ROWS
    assert datong(work, "build").returncode in (0, 2)
    (resource,) = (at.name for at in (work / "data/harmonised").iterdir() if not at.name.startswith("."))
    (work / "q.yaml").write_text(QUERY)
    ask = ("budget", "ask", resource, "q.yaml", "--consumer", "lab")
    early = datong(work, *ask)
    assert (early.returncode, "DID-472" in early.stderr) == (3, True)
    done = datong(work, "budget", "set", resource, "--unit", "plate", "--rho", "0.6", "--json")
    assert done.returncode == 0, done.stderr
    (row,) = read(done)
    assert row["spent_rho"] == "0"
    blind = datong(work, *ask, "--json")
    assert (blind.returncode, json.loads(blind.stderr)["code"]) == (3, "DID-463")
    confirm(work, resource)
    first = read(datong(work, *ask, "--json"))
    assert [line["entered_at"] for line in first["rows"]] == ["2026-02-01T00", "2026-02-01T12"]
    assert all(isinstance(line["count"], int) for line in first["rows"])
    again = read(datong(work, *ask, "--json"))
    assert (again["rows"], again["free"], again["cost_rho"]) == (first["rows"], True, "0")
    (work / "q.yaml").write_text(QUERY.replace("hours: 12", "hours: 6"))
    over = datong(work, *ask, "--json")
    assert (over.returncode, json.loads(over.stderr)["code"]) == (3, "DID-473")
    shown = datong(work, "budget", "show", LANG="zh_CN.UTF-8")
    assert "每个 plate" in shown.stdout
    assert "rho 0.5" in shown.stdout


def confirm(work: Path, resource: str) -> None:
    """What a person at the keyboard says of the columns; a word that is none stops it, with its file."""
    (work / "words.yaml").write_text("columns: {entered_at: {level: 9}}\nimpact: {}\n")
    bad = datong(work, "budget", "confirm", resource, "--words", "words.yaml")
    assert (bad.returncode, "words.yaml: impact" in bad.stderr) == (2, True)
    (work / "words.yaml").write_text("columns: {entered_at: {level: 9}}\n")
    bad = datong(work, "budget", "confirm", resource, "--words", "words.yaml")
    assert (bad.returncode, "columns.entered_at.level" in bad.stderr) == (2, True)
    shown = datong(work, "budget", "confirm", resource)
    assert "open" in shown.stdout
    done = datong(work, "budget", "confirm", resource, "--rest", "--json")
    assert read(done)["state"] == "confirmed", done.stderr


def test_a_question_that_cannot_be_read_is_told_with_its_line(work: Path) -> None:
    (work / "q.yaml").write_text("kind: count\nby: [\n")
    told = datong(work, "budget", "ask", "any", "q.yaml", "--consumer", "lab", "--json")
    assert (told.returncode, json.loads(told.stderr)["code"]) == (2, "CLI-401")
    assert json.loads(told.stderr)["problems"][0]["where"] == "q.yaml:3"
    told = datong(work, "budget", "ask", "any", "nowhere.yaml", "--consumer", "lab")
    assert told.returncode == 2
    assert "No such file" in told.stderr
