"""`datong deidentify --spec`: figures as JSON, refusals with their exit code; without --spec, the room's verbs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("numba", reason="the extra privacy is not installed")


def datong(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "LANG": "C.UTF-8", **more}
    return subprocess.run(
        [sys.executable, "-m", "datong", *arguments], capture_output=True, text=True, env=env, check=False
    )


def test_a_table_is_recoded_and_a_wrong_spec_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("age\n" + "20\n21\n" * 3, "utf-8")
    (tmp_path / "age.csv").write_text("20;*\n21;*\n", "utf-8")
    spec = tmp_path / "spec.yaml"
    spec.write_text("table: none.csv\nquasi_identifiers: {age: age.csv}\nmodel: {k: 6}\n", "utf-8")
    ran = datong("deidentify", str(tmp_path / "t.csv"), "--spec", str(spec), "--json")
    assert ran.returncode == 0, ran.stderr
    answer = json.loads(ran.stdout)
    expected = {"levels": {"age": 1}, "loss": 1.0, "suppressed": 0, "classes": 1}
    assert {name: answer[name] for name in expected} == expected
    assert answer["checks"] >= 1
    assert answer["seconds"] > 0
    wrong = datong("deidentify", "--spec", str(spec), "--json")
    assert wrong.returncode == 2
    assert json.loads(wrong.stderr)["problems"] == [
        {"where": "none.csv", "zh": "没有这个文件", "en": "there is no such file"}
    ]


def test_without_spec_it_is_the_room() -> None:
    shown = datong("deidentify", "--help")
    assert shown.returncode == 0
    assert "datong deidentify [TABLE] --spec SPEC" in " ".join(shown.stdout.split())
    assert "Commands:" in shown.stdout


def test_without_the_extra_the_refusal_names_it(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text("table: t.csv\nquasi_identifiers: {age: age.csv}\nmodel: {k: 6}\n", "utf-8")
    script = (
        "import importlib.util, pathlib, sys\nfind = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *rest: None if name == 'numba' else find(name, *rest)\n"
        "from datong.deidentify.service.recoding import recoded\n"
        "recoded(pathlib.Path(sys.argv[1]))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "spec.yaml")], capture_output=True, text=True, check=False
    )
    assert "DID-454" in ran.stderr
    assert "pip install 'datong[privacy]'" in ran.stderr
