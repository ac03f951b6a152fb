"""`datong classify` on files: every kind of file, the proposal as a text, what people confirmed, what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from datong.cli.commands import datong
from datong.ground.refusal import Refusal

ROWS = [{"姓名": f"王{'伟芳娜敏静'[n % 5]}", "年龄": str(20 + n), "备注": "x"} for n in range(60)]


def classify(table: Path, *more: str) -> str:
    told = CliRunner().invoke(datong, ["classify", str(table), *more])
    if isinstance(told.exception, Refusal):
        return str(told.exception)
    assert told.exception is None, told.exception
    return told.output


@pytest.fixture
def table(tmp_path: Path) -> Path:
    file = tmp_path / "people.csv"
    file.write_text("姓名,年龄,备注\n" + "".join(f"{row['姓名']},{row['年龄']},x\n" for row in ROWS), "utf-8")
    return file


def test_csv_parquet_and_ndjson_give_the_same_findings(table: Path, tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "people.parquet")
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS)
    (tmp_path / "people.ndjson").write_text(lines, "utf-8")
    told = [json.loads(classify(tmp_path / f"people.{end}", "--json")) for end in ("csv", "parquet", "ndjson")]
    assert [column["type"] for column in told[0]["columns"]] == ["name", "age", "other"]
    assert told[0]["columns"] == told[1]["columns"] == told[2]["columns"]
    assert told[0]["whole"]
    assert told[0]["proposal"]["level"] == 3
    assert "王伟" not in classify(table)


def test_a_proposal_is_written_confirmed_and_held(table: Path, tmp_path: Path) -> None:
    file = tmp_path / "people.yaml"
    classify(table, "--write", str(file))
    text = file.read_text("utf-8")
    assert "'姓名': {level: 3}  # direct identifier: person's name" in text
    assert json.loads(classify(table, "--confirmed", str(file), "--json"))["confirmed"] == {
        "姓名": 3,
        "年龄": 2,
        "备注": 1,
    }
    file.write_text(text.replace("'年龄': {level: 2}", "'年龄': {level: 1}"), "utf-8")
    refused = classify(table, "--confirmed", str(file))
    assert refused.startswith("[DID-460]")
    assert "people.yaml:5: columns.年龄: is below the proposed 2" in refused
    assert classify(table, "--write", str(file)).startswith("[DID-456]"), "nothing is written over"


@pytest.mark.parametrize("content", [None, b"", b"%PDF-1.7", b"\x00\x01\x02", b"a,b\n"])
def test_what_is_no_table_is_refused(content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "t.csv").write_bytes(content)
    assert classify(tmp_path / "t.csv").startswith("[DID-455]")


def test_a_confirmed_file_that_is_none_is_refused(table: Path, tmp_path: Path) -> None:
    assert classify(table, "--confirmed", str(tmp_path / "none.yaml")).startswith("[DID-460]")
