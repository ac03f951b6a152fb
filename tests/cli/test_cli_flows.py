"""`datong flows fit`: both sums are met, nothing is counted twice, and what it cannot read is refused with the reason."""

from __future__ import annotations

import csv
import itertools
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from click.testing import CliRunner

from datong.cli.commands import datong
from datong.ground.refusal import Refusal

RECIPE: dict[str, Any] = {
    "name": "starts", "zone": "Asia/Shanghai", "period": {"from": "2026-03-02", "until": "2026-03-09"},
    "origin": {"lat": 26.0, "lon": 106.0}, "area": {"south": 26.0, "west": 106.0, "north": 27.0, "east": 107.0},
    "levels": [{"km": 4, "hours": 3}, {"km": 4, "hours": 3, "over": "week", "days": "alike"}, {"km": "whole", "hours": "whole"}],
    "marginals": [{"groups_of": 1, "km": "whole", "times_of": 0}], "k": 5, "form": "controlled",
    "purposes": ["industry_development"],
    "parts": [{"part": "bikes", "standard": "trip", "measures": [
        {"name": "starts", "subject": "rider_id", "time": "at", "lat": "lat", "lon": "lon",
         "events_as": "starts", "subjects_as": "riders"}]}],
}  # fmt: skip
WEEKDAYS = "week-2026-03-02-weekdays-T18"
ROWS = {"0:2,7:2026-03-02T18": 12, f"1:2,7:{WEEKDAYS}": 40, f"1:3,7:{WEEKDAYS}": 20, "3:*:2026-03-03T18": 21,
        "3:*:2026-03-04T18": 9, "2:*:*": 30}  # fmt: skip


def files(folder: Path, rows: dict[str, int], **items: Any) -> tuple[Path, Path]:
    table, recipe = folder / "flows.parquet", folder / "recipe.yaml"
    pq.write_table(pa.table({"group_id": list(rows), "starts": list(rows.values())}), table)
    recipe.write_text(yaml.safe_dump({**RECIPE, **items}), "utf-8")
    return table, recipe


def fit(table: Path, recipe: Path, *more: object, figure: str = "starts") -> Any:
    return CliRunner().invoke(
        datong, ["flows", "fit", str(table), "--recipe", str(recipe), "--figure", figure, *map(str, more)]
    )  # fmt: skip


def test_groups_and_rests_are_both_met(tmp_path: Path) -> None:
    table, recipe = files(tmp_path, ROWS)
    done = fit(table, recipe, "--out", tmp_path / "out.csv", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.output)
    assert (told["cells"], told["windows"], told["events"]) == (2, 56, 102.0)
    by_day: dict[str, float] = defaultdict(float)
    by_cell: dict[str, float] = defaultdict(float)
    single = {}
    with (tmp_path / "out.csv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            starts = float(row["starts"])
            if row["hour"] == "18" and row["date"] < "2026-03-07":
                by_day[row["date"]] += starts
                by_cell[row["cell_x"]] += starts
            single[row["cell_x"], row["date"], row["hour"]] = starts
    assert single["2", "2026-03-02", "18"] == 12, "what was told of a cell is kept"
    assert by_day["2026-03-03"] == pytest.approx(21, abs=1e-3) and by_day["2026-03-04"] == pytest.approx(9, abs=1e-3)
    assert single["2", "2026-03-06", "18"] == single["2", "2026-03-05", "18"], "what is not told is alike on like days"
    assert by_cell["2"] == pytest.approx(52, abs=1e-3) and by_cell["3"] == pytest.approx(20, abs=1e-3)
    assert sum(single.values()) == pytest.approx(102, abs=0.01), "a rest is the same events once more"
    assert single["3", "2026-03-08", "3"] > 0, "the rest of the period lies somewhere"


@pytest.mark.parametrize(
    ("rows", "items", "figure", "where"),
    [
        (ROWS, {"k": 1}, "starts", "recipe.yaml: k"),
        (ROWS, {}, "riders", "riders"),
        ({"9:*:*": 5}, {}, "starts", "group_id"),
        (ROWS, {"levels": [{"km": "whole", "hours": "whole"}], "marginals": []}, "starts", "recipe.yaml: marginals"),
    ],
)
def test_what_is_no_table_of_the_recipe_is_refused(
    tmp_path: Path, rows: dict[str, int], items: dict[str, Any], figure: str, where: str
) -> None:
    table, recipe = files(tmp_path, rows, **items)
    refusal = fit(table, recipe, figure=figure).exception
    assert isinstance(refusal, Refusal) and refusal.code == "DID-437"
    assert [p.where for p in refusal.problems] == [where]


def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    table, recipe = files(tmp_path, ROWS)
    other = tmp_path / "other.parquet"
    pq.write_table(pa.table({"group_id": ["2:*:*"]}), other)
    no_parquet = tmp_path / "no.parquet"
    no_parquet.write_text("a,b\n", "utf-8")
    for wrong, said in ((other, "starts"), (no_parquet, "no.parquet"), (tmp_path / "none.parquet", "none.parquet")):
        refusal = fit(wrong, recipe).exception
        assert isinstance(refusal, Refusal) and [p.where for p in refusal.problems] == [said]
    refusal = fit(table, tmp_path / "none.yaml").exception
    assert isinstance(refusal, Refusal) and refusal.code == "DID-437"


def test_a_recipe_of_another_that_stands_for_a_thousand_million_values_is_refused_at_once(tmp_path: Path) -> None:
    table, _ = files(tmp_path, ROWS)
    bomb = tmp_path / "bomb.yaml"
    names = "abcdefghij"
    lines = [f"{names[0]}: &a [{', '.join(['x'] * 10)}]"]
    lines += [f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]" for before, name in itertools.pairwise(names)]
    bomb.write_text("\n".join(lines), "utf-8")
    refusal = fit(table, bomb).exception
    assert isinstance(refusal, Refusal) and refusal.code == "DID-437" and "aliases" in str(refusal)
