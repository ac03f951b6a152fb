"""What `make conformance` counts as passed, and what it says where it cannot run; what a node may leave to persons."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import conform
from connector import PARTY
from datong import app
from datong.ground.config import load
from datong.ground.refusal import Refusal


def printed(succeeded: int, *failed: str) -> str:
    lines = [f"Started: X:{n}\nSUCCESSFUL: X:{n}" for n in range(succeeded)]
    return "\n".join([*lines, *(f"Started: {name}\nFAILED: {name}" for name in failed), "Test run complete"])


@pytest.mark.parametrize(
    ("text", "outcome", "told"),
    [
        (printed(65), "ok", "found 65, ok 65, failed 0"),
        (printed(64), "failed", "found 64, ok 64, failed 0"),
        (printed(65, "CN:01-01"), "failed", "CN:01-01"),
        ("SUCCESSFUL: A:1\n" * 65, "failed", "fewer than 65"),
        ("", "failed", "found 0"),
    ],
)
def test_only_all_65_are_a_pass(text: str, outcome: str, told: str) -> None:
    part = conform.outcome_of(conform.DSP, text)
    assert part.outcome == outcome
    assert told in part.told


def test_tests_of_one_clause_are_counted_one_by_one() -> None:
    """The other kit names its tests by sentences; several begin with the same clause."""
    lines = "\n".join(
        f"[2026] SUCCESSFUL: 4.3.3 Verify invalid access token - case {n}" for n in range(conform.DCP.tests)
    )
    assert conform.outcome_of(conform.DCP, lines).outcome == "ok"
    assert conform.outcome_of(conform.DCP, lines.partition("\n")[2]).outcome == "failed"


@pytest.mark.parametrize("kit", [conform.DSP, conform.DCP], ids=lambda kit: kit.pom)
def test_a_folder_of_jars_stands_in_for_maven(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kit: conform.Kit
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert conform.jars(kit.pom, tmp_path / "work") == (tmp_path / "work", "there is no mvn on the PATH")
    name = {"tck": "TCK_LIB", "dcp-tck": "DCP_TCK_LIB"}[kit.pom]
    monkeypatch.setenv(name, str(tmp_path))
    assert conform.jars(kit.pom, tmp_path / "work")[1] == f"{name} names {tmp_path}, where no jar is"
    (tmp_path / "kit.jar").write_bytes(b"")
    assert conform.jars(kit.pom, tmp_path / "work") == (tmp_path, "")


@pytest.mark.parametrize(("strict", "code"), [("0", 0), ("1", 3)])
def test_without_java_nothing_is_passed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, strict: str, code: int
) -> None:  # fmt: skip
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("STRICT", strict)
    monkeypatch.setenv("REPORT", str(tmp_path / "report.json"))
    assert conform.main() == code
    parts = json.loads((tmp_path / "report.json").read_text())
    assert [part["outcome"] for part in parts] == ["not run"] * 6 + ["elsewhere"]
    assert "no java on the PATH" in parts[0]["told"]


def test_what_cannot_be_compiled_is_not_run_and_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    jar = tmp_path / "lib" / "x.jar"
    jar.parent.mkdir()
    jar.touch()
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("EDC_DCP_LIB", str(jar.parent))
    monkeypatch.setenv("EDC_DCP_VERSION", "9.9")
    (part,) = conform.edc_by_credentials(tmp_path, 9990)
    assert (part.outcome, part.told) == ("not run", "9.9: there is no javac on the PATH")


def test_a_node_refuses_to_leave_to_persons_what_is_no_act_of_its_own(tmp_path: Path) -> None:
    app.init(tmp_path / "n", name="n", party=PARTY, port=1, region="5201", kind="connector")
    file = tmp_path / "n" / "datong.toml"
    wrong = '[negotiate]\nby_hand = ["agree", "verify"]\n[deliver]\nby_hand = ["stop"]\n'
    file.write_text(file.read_text() + wrong)
    with pytest.raises(Refusal) as refused:
        app.open_store(load(tmp_path / "n"))
    assert refused.value.code == "CFG-400"
    assert [problem.where for problem in refused.value.problems] == ["negotiate.by_hand", "deliver.by_hand"]
