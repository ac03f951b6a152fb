"""The benchmark of finding personal data: it shares nothing with the detector, and its figures are what they say."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest
import yaml

from datong.deidentify.rules.finding.types import types_in_force
from scripts import loaded

ROOT = Path(__file__).parents[2]
BENCH = ROOT / "bench" / "classify"


MAKE, MEASURED = loaded(BENCH / "make.py"), loaded(BENCH / "measured.py")


def test_the_generator_shares_no_code_with_the_detector() -> None:
    for file in ("make.py", "measured.py"):
        tree = ast.parse((BENCH / file).read_text("utf-8"))
        named = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        named |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert named <= {"__future__", "random", "string", "collections", "collections.abc", "dataclasses", "typing"}


def test_tables_are_the_same_for_a_seed_and_others_for_another() -> None:
    assert MAKE.tables(3)[:2] == MAKE.tables(3)[:2] != MAKE.tables(4)[:2]
    labels = {known.name for known in types_in_force()} | {"other"}
    for table in MAKE.tables(3)[:20]:
        assert len({column.name for column in table}) == len(table) == MAKE.COLUMNS
        assert {column.label for column in table} <= labels
        assert sum(column.label == "other" for column in table) == MAKE.COLUMNS // 2


def test_the_figures_are_shares_of_columns() -> None:
    told = MEASURED.measured(
        [("name", "name"), ("name", "other"), ("other", "name"), ("other", "other"), ("age", "sex")]
    )
    assert told["types"]["name"] == {"columns": 2, "found": 2, "right": 1, "precision": 0.5, "recall": 0.5}
    assert told["types"]["sex"] == {"columns": 0, "found": 1, "right": 0, "precision": 0.0, "recall": None}
    assert (told["precision"], told["recall"], told["personal_recall"]) == (0.3333, 0.3333, 0.6667)
    assert (told["others"], told["others_left_alone"]) == (2, 1)


def test_the_key_of_the_real_tables_uses_known_types() -> None:
    labels = {known.name for known in types_in_force()} | {"other"}
    key = yaml.safe_load((BENCH / "real.yaml").read_text("utf-8"))
    for name, table in key.items():
        assert set(table) <= {"columns", "note", "unseen"}, name
        assert set(table["columns"].values()) <= labels, name


def test_the_page_shows_the_figures_of_the_results() -> None:
    results = json.loads((ROOT / "bench" / "results" / "classify.json").read_text("utf-8"))
    page = (ROOT / "docs" / "reference" / "classify-measures.md").read_text("utf-8")
    held, blind = results["generated"], results["blind"]
    for figures in (held, blind):
        assert f"precision {figures['precision']:.1%}, recall {figures['recall']:.1%}" in page
        assert str(figures["seed"]) in page
    assert blind["seed"] not in (MAKE.DEVELOPED, MAKE.MEASURED)
    assert blind["at"][:10] in page
    for name, row in held["types"].items():
        if row["columns"]:
            assert f"| {name} | {row['columns']} | {row['found']} | {row['right']} |" in page
    for name, table in results["real"]["tables"].items():
        assert f"| {name} | {table['columns']} | {table['right']} |" in page


@pytest.mark.parametrize("trap", ["order number of 11 digits", "waybill of 18 digits", "running number of 11 digits"])
def test_hard_negatives_are_there(trap: str) -> None:
    results = json.loads((ROOT / "bench" / "results" / "classify.json").read_text("utf-8"))
    assert results["generated"]["hard_negatives"][trap]["columns"] >= 10
