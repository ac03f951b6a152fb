"""A file as a table of text: what any source can be is read, what is no table is told why, broken rows are counted."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datong.harmonise import service as harmonise


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("comma.csv", "a,b\n01,王\n02,\n".encode()),
        ("semicolon.csv", "\ufeffa;b\n01;王\n02;\n".encode()),
        ("tab.tsv", "a\tb\n01\t王\n02\t\n".encode("gb18030")),
        ("lines.ndjson", '{"a": "01", "b": "王"}\n{"a": "02", "b": ""}\n'.encode()),
    ],
)
def test_files_are_read_as_the_text_they_hold(name: str, data: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    table, broken = harmonise.table_at(tmp_path / name)
    assert table.to_pylist() == [{"a": "01", "b": "王"}, {"a": "02", "b": ""}]
    assert broken == []
    sample = harmonise.first_rows_at(tmp_path / name, 1)
    assert (sample.rows_seen, sample.whole, sample.columns[0].values) == (1, False, ("01",))


def test_parquet_is_read_too(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1, 2]}), tmp_path / "t.parquet")
    assert harmonise.table_at(tmp_path / "t.parquet")[0].to_pylist() == [{"a": "1"}, {"a": "2"}]


def test_broken_rows_are_named(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\n1,2\n1,2,3\n", "utf-8")
    table, broken = harmonise.table_at(tmp_path / "t.csv")
    assert (table.num_rows, broken) == (1, [2])


@pytest.mark.parametrize("data", [b"", b"\x00\x01\x02\x03", b"%PDF-1.7"])
def test_what_is_no_table_is_told_why(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "t").write_bytes(data)
    for read in (harmonise.table_at(tmp_path / "t"), harmonise.first_rows_at(tmp_path / "t", 5)):
        assert isinstance(read, harmonise.Unfit)
        assert read.why.zh
        assert read.why.en


def test_yaml_comes_with_the_lines_of_its_keys(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("a: 1\nb:\n  c: no\n", "utf-8")
    assert harmonise.read_yaml(tmp_path / "p.yaml") == (
        {"a": 1, "b": {"c": "no"}},
        {"": 1, "a": 1, "b": 2, "b.c": 3},
        [],
    )
    (tmp_path / "p.yaml").write_text("a: [\n", "utf-8")
    assert [problem.where for problem in harmonise.read_yaml(tmp_path / "p.yaml")[2]] == ["p.yaml:2"]
    assert harmonise.read_yaml(tmp_path / "none.yaml")[2][0].where == "none.yaml"
