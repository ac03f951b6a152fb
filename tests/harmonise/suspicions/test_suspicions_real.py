"""Every suspicion raised by every real table that is here, held to the ones judged by hand; and the traps known of them."""

from __future__ import annotations

import os
import re
import sys
from functools import cache
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parents[1] / "elements"))

from columns_of import values_of

from datong.harmonise.model.reading import SampleColumn
from datong.harmonise.model.suspicions import Suspicion
from datong.harmonise.rules import suspicions as rules

HERE = Path(__file__).parent
JUDGED: dict[str, dict[str, dict[str, str]]] = yaml.safe_load((HERE / "judged.yaml").read_text("utf-8"))
COVERED = yaml.safe_load((HERE.parent / "elements" / "coverage.yaml").read_text("utf-8"))
TABLES = [file for file in COVERED if re.search(r"\.(csv|jsonl)(\.gz)?$", file) and "hierarchy_" not in file]
DATA = Path(os.environ.get("DATONG_DATA") or HERE.parents[2] / "../shared/data").resolve()
NO_DATA = f"the data folder is not there: {DATA} (set DATONG_DATA to test on the real files)"


@cache
def raised(file: str) -> tuple[Suspicion, ...]:
    if not (DATA / file).exists():
        pytest.skip(NO_DATA if not DATA.is_dir() else f"{file} is not in {DATA}")
    columns: dict[str, list[str | None]] = {}
    for path, value in values_of(DATA, file, 10_000):
        columns.setdefault(path, []).append(value)
    return rules.suspected([SampleColumn(path, "", tuple(values), "") for path, values in columns.items()])


@pytest.mark.parametrize("file", TABLES)
def test_what_a_real_table_raises_was_judged(file: str) -> None:
    found = {f"{one.kind} {one.columns[0]}" for one in raised(file)}
    assert found == set(JUDGED.get(file, {}))


def test_the_judgement_says_how_often_it_is_wrong() -> None:
    every = [entry["judged"] for entries in JUDGED.values() for entry in entries.values()]
    assert set(JUDGED) <= set(TABLES)
    assert [word for word in every if str(word).lower() not in ("true", "noise", "false")] == []
    assert not [word for word in every if word is False]
    telling = [key for entries in JUDGED.values() for key in entries if not key.startswith("constant")]
    assert all(JUDGED[file][key]["judged"] is True for file in JUDGED for key in JUDGED[file] if key in telling)


def test_valleybike_times_cannot_be_local() -> None:
    found = next(one for one in raised("bike_valleybike/trips_2018_2020.csv.gz") if one.columns == ("start_time",))
    assert found.kind == "not_local_time"
    assert -6 <= int(found.evidence["shift_hours_to_night"]) <= -4  # New York is UTC-4 in summer, -5 in winter
    assert float(found.evidence["share_in_quiet_hours"]) < 0.05


def test_shenzhen_taxis_keep_local_time() -> None:
    assert not [one for one in raised("vehicle_shenzhen_taxi_bus/taxi-price.csv") if one.kind == "not_local_time"]


def test_berka_birth_numbers_hide_sex() -> None:
    (found,) = raised("finance_berka/client.csv")
    assert found.kind == "hidden_sex"
    assert float(found.evidence["share_dates"]) + float(found.evidence["share_dates_month_plus_50"]) == pytest.approx(1)
    assert 0.4 < float(found.evidence["share_dates_month_plus_50"]) < 0.6
