"""`datong ndi` and `datong contract`, without a node."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from datong.cli.commands import datong


@pytest.fixture
def run():
    return lambda *arguments: CliRunner().invoke(datong, [*map(str, arguments)])


def test_the_27_interfaces_and_the_rows_of_one(run) -> None:
    listed = json.loads(run("ndi", "tables", "--json").stdout)
    assert (len(listed), sum(one["rows"] for one in listed)) == (27, 398)
    rows = json.loads(run("ndi", "tables", "contractTerminate", "--json").stdout)
    kind = next(row for row in rows if row["path"] == "erminateType")
    assert kind["read_as"] == ["erminateType", "terminateType"]
    assert "contractCreate" in run("ndi", "tables").stdout


def test_a_message_in_a_file_is_checked(run, tmp_path: Path) -> None:
    file = tmp_path / "request.json"
    file.write_text('{"templateId": "t", "issuerId": "i", "issuerEntityId": "e"}', "utf-8")
    good = run("ndi", "check", "contractTemplate", file)
    assert (good.exit_code, good.stdout.strip()) == (0, "fits its table")
    file.write_text('{"templateId": 5, "issuerId": ""}', "utf-8")
    bad = run("ndi", "check", "contractTemplate", file, "--json")
    told = json.loads(bad.stdout)
    assert bad.exit_code == 2
    assert {(p["kind"], p["where"], p["row"]) for p in told["problems"]} == {
        ("format", "templateId", "1"), ("missing", "issuerId", "2"), ("missing", "issuerEntityId", "3"),
    }  # fmt: skip
    assert told["answer"]["status"] == "1"
    assert run("ndi", "check", "contractTemplate", file, "--tables", tmp_path / "none.yaml").exception.code == "NDI-410"
    assert run("ndi", "check", "contractMake", file).exception.code == "NDI-404"


def test_a_contract_is_asked_of_a_node(tmp_path: Path) -> None:
    command = [Path(sys.executable).parent / "datong", "contract", "show", "C1", "--node", "http://127.0.0.1:9"]
    done = subprocess.run([*map(str, command), "--json"], capture_output=True, text=True, check=False)
    assert (done.returncode, json.loads(done.stderr)["code"]) == (6, "CLI-503")
