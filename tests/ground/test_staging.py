"""A file is there whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from datong.ground.staging import STAGED, whole_file


def test_a_file_takes_its_place_at_the_end(tmp_path: Path) -> None:
    out = tmp_path / "t.csv"
    out.write_text("old")
    with whole_file(out) as staged:
        staged.write_text("new")
        assert out.read_text() == "old"
        assert staged.name.endswith(STAGED)
    assert (out.read_text(), list(tmp_path.iterdir())) == ("new", [out])


def test_what_failed_leaves_nothing(tmp_path: Path) -> None:
    out = tmp_path / "t.csv"
    with pytest.raises(ZeroDivisionError), whole_file(out) as staged:
        staged.write_text("half")
        _ = 1 / 0
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(FileNotFoundError), whole_file(out):
        pass  # nothing was written
    with pytest.raises(FileNotFoundError), whole_file(tmp_path / "no" / "t.csv") as staged:
        staged.write_text("x")


def test_two_writers_do_not_meet(tmp_path: Path) -> None:
    out = tmp_path / "t.csv"
    with whole_file(out) as first, whole_file(out) as second:
        first.write_text("first")
        second.write_text("second")
    assert (out.read_text(), list(tmp_path.iterdir())) == ("first", [out])
