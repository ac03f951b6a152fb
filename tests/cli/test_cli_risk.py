"""`datong risk` and its PDF: the figures of the JSON, the digest of the very file, nothing half written."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import pypdf
import pytest
from click.testing import CliRunner

from datong.cli.commands import datong
from datong.ground.refusal import Refusal


def visits(path: Path, people: int) -> Path:
    lines = [f"p{n},{1950 + n % 3 * 10},{'FM'[n % 2]}" for n in range(people)]
    path.write_text("\n".join(["person,born,sex", *lines]) + "\n", "utf-8")
    return path


def run(*arguments: object) -> str:
    done = CliRunner().invoke(datong, [str(a) for a in arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_the_pdf_says_what_the_json_says(tmp_path: Path) -> None:
    table, pdf = visits(tmp_path / "visits.csv", 61), tmp_path / "report.pdf"
    told = json.loads(run(
        "risk", table, "--quasi-identifiers", "born,sex", "--person", "person", "--form", "public", "--pdf", pdf, "--json"
    ))  # fmt: skip
    text = "".join(page.extract_text() for page in pypdf.PdfReader(pdf).pages)
    digest = "sha256:" + hashlib.sha256(table.read_bytes()).hexdigest()
    assert told["digest"] == digest
    assert told["f_min"] == 10
    for words in (digest, "不能放行", "It may not leave", told["change"]["en"][:20], f"{told['average_risk']:.4f}",
                  "born=1960, sex=M", "10 (21)", "签名", "完全公开"):  # fmt: skip
        assert words in text, words
    assert list(tmp_path.glob(".*")) == []


def test_a_value_is_text_and_no_markup(tmp_path: Path) -> None:
    table, pdf = tmp_path / "t.csv", tmp_path / "r.pdf"
    table.write_text('name,x\na,"<b>&"\nb,"<b>&"\n', "utf-8")
    run("risk", table, "--quasi-identifiers", "x", "--pdf", pdf)
    assert "x=<b>&" in "".join(page.extract_text() for page in pypdf.PdfReader(pdf).pages)


def test_where_no_pdf_can_be_written_nothing_is(tmp_path: Path) -> None:
    table = visits(tmp_path / "visits.csv", 10)
    done = CliRunner().invoke(
        datong, ["risk", str(table), "--quasi-identifiers", "born", "--pdf", str(tmp_path / "no" / "r.pdf")]
    )
    assert done.exit_code == 1
    assert [p.name for p in tmp_path.iterdir()] == ["visits.csv"]


def test_without_the_extra_the_pdf_is_refused_and_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "reportlab.pdfbase", None)
    table = visits(tmp_path / "visits.csv", 10)
    asked = ["risk", str(table), "--quasi-identifiers", "born", "--pdf", str(tmp_path / "r.pdf")]
    done = CliRunner().invoke(datong, asked)
    assert (done.exit_code, isinstance(done.exception, Refusal)) == (1, True)
    assert "pip install 'datong[privacy]'" in str(done.exception)
    assert [p.name for p in tmp_path.iterdir()] == ["visits.csv"]


def test_names_with_commas_and_lists_in_pieces(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text('"at (lat,lon)",hour,x\n' + "a,1,2\n" * 30, "utf-8")
    told = json.loads(run("risk", table, "--quasi-identifiers", '"at (lat,lon)", hour', "--quasi-identifiers", "x",
                          "--json"))  # fmt: skip
    assert told["quasi_identifiers"] == ["at (lat,lon)", "hour", "x"]
