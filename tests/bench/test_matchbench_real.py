"""bench/matching/real.py: real pairs from the data folder, and what is refused to count as a column."""

import os
from pathlib import Path

import pytest
import real
import yaml
from pairs import HERE

DATA = os.environ.get("DATONG_DATA")
needs_data = pytest.mark.skipif(not DATA, reason="DATONG_DATA is not set: the real tables are not here")


@needs_data
def test_every_real_pair_is_there_and_its_truth_names_columns() -> None:
    found = real.real_pairs(Path(DATA or ""))
    spec = yaml.safe_load((HERE / "real.yaml").read_text("utf-8"))
    assert len(found) == len(spec["series"]) + len(spec["pairs"]) >= 20
    for pair in found:
        named = [*pair.truth, *((a, b) for a, b, _ in pair.debatable)]
        assert pair.truth, pair.id
        assert {a for a, _ in named} <= set(pair.left.columns), pair.id
        assert {b for _, b in named} <= set(pair.right.columns), pair.id


@needs_data
def test_the_two_halves_of_a_statistical_table_share_no_year() -> None:
    pair = next(pair for pair in real.real_pairs(Path(DATA or "")) if pair.id == "nbs-01")
    a, b = pair.truth[0]
    assert a != b and len(pair.left.columns[a]) + len(pair.right.columns[b]) == 37
    assert not {c for c in pair.left.columns[a] if c} & {c for c in pair.right.columns[b] if c}


def test_without_data_there_are_no_real_pairs(tmp_path: Path) -> None:
    assert real.real_pairs(tmp_path) == ()


def test_a_table_can_skip_lines_take_a_part_and_rename(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("junk\n;\na; b\n1;2\n3;4\n5\n", "utf-8")
    table = real._table(tmp_path, {"file": "t.csv", "delimiter": ";", "skip": 2, "last": 2, "header": {"b": "B"}})
    assert table.columns == {"a": ("3", "5"), "B": ("4", "")}
