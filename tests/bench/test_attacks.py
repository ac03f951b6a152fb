"""Attacks on real data succeed before treatment and fail after it (DATONG_DATA); the page is made of the results."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import ModuleType

import pytest

from scripts import loaded

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ["DATONG_DATA"]) if "DATONG_DATA" in os.environ else None
needs_data = pytest.mark.skipif(DATA is None, reason="DATONG_DATA is not set: the real tables are not here")


@pytest.fixture(scope="module")
def attacks() -> ModuleType:
    return loaded(ROOT / "bench" / "attacks.py")


def test_the_page_is_the_results(attacks: ModuleType) -> None:
    results = (attacks.RESULTS, attacks.RESULTS.with_name("attacks_noise.json"))
    page = attacks.page(*(json.loads(file.read_text("utf-8")) for file in results))
    assert attacks.PAGE.read_text("utf-8") == page


@needs_data
def test_four_points_single_out_a_rider_of_rows_and_none_of_counts(attacks: ModuleType) -> None:
    assert DATA is not None
    found = attacks.trajectory(attacks.valleybike(DATA))
    assert found["before"] > 0.8
    assert found["after_highest"] <= 1 / found["k"]


@needs_data
def test_a_difference_shows_a_rider_and_is_refused(attacks: ModuleType) -> None:
    assert DATA is not None
    found = attacks.differencing(attacks.valleybike(DATA), targets=3)
    assert (found["before"], found["after"]) == (1, 0)


@needs_data
def test_a_voter_list_names_patients_and_after_treatment_nobody(attacks: ModuleType, tmp_path: Path) -> None:
    assert DATA is not None
    people = attacks.patients(DATA)
    linked, member = attacks.linkage(people, tmp_path), attacks.membership(people)
    assert linked["before"] > 0.8
    assert not linked["before_gate"]
    assert linked["after"] < 0.05
    assert linked["after_gate"]
    assert member["before"] > 0.8
    assert member["after"] < 0.05


@needs_data
def test_origin_and_destination_single_out_orders(attacks: ModuleType) -> None:
    assert DATA is not None
    finest, *_, coarsest = attacks.uniqueness(DATA)["cells"]
    assert finest["before"] > 0.7
    assert finest["kept"] < 0.05
    assert coarsest["before"] < 0.01
    assert all(cells["after"] == 0 for cells in (finest, coarsest))
