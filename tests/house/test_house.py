"""The plan of the house holds, and the checker really looked at it."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted(
    file for file in (ROOT / "src/datong").rglob("*.py") if "versions" not in file.parts and file.name != "env.py"
)


def test_the_plan_of_the_house_holds_and_was_looked_at() -> None:
    run = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout
    files = int(re.search(r"Analyzed (\d+) files", run.stdout).group(1))  # type: ignore[union-attr]
    assert files >= len(MODULES) - 5
    assert "0 broken" in run.stdout


def test_tables_and_rules_of_a_room_are_its_own() -> None:
    """Other rooms and the edges say `service`; values and refusals (`model`) may be read."""
    graph = grimp.build_graph("datong", cache_dir=None)
    own = re.compile(r"datong\.(?P<room>(?!engine)\w+)\.(store|rules)\b")
    assert sum(bool(own.match(module)) for module in graph.modules) > 100
    foreign = [
        f"{importer} imports {module}"
        for module in graph.modules
        if (found := own.match(module))
        for importer in graph.find_modules_that_directly_import(module)
        if not importer.startswith(f"datong.{found['room']}.")
    ]
    assert foreign == []


@pytest.mark.parametrize("module", MODULES, ids=lambda file: str(file.relative_to(ROOT / "src/datong")))
def test_every_module_says_what_it_is(module: Path) -> None:
    assert ast.get_docstring(ast.parse(module.read_text("utf-8"))), f"{module} has no docstring"


def test_names_that_say_nothing_are_not_used() -> None:
    assert not [file for file in MODULES if file.stem in {"utils", "helpers", "helper", "manager", "base", "common"}]


@pytest.mark.parametrize("module", MODULES, ids=lambda file: str(file.relative_to(ROOT / "src/datong")))
def test_the_tests_a_module_names_are_there(module: Path) -> None:
    said = ast.get_docstring(ast.parse(module.read_text("utf-8"))) or ""
    for named in re.findall(r"tests/[\w/*{},]*\w(?:\*?\.py)?", said):
        assert list(ROOT.glob(named)) or list(ROOT.glob(f"{named}*")), f"{module} names {named}, which is not there"
    for bare in re.findall(r"(?<![\w/*])test_\w+\.py", said):  # "tests/a/test_b.py, test_c.py"
        assert list((ROOT / "tests").rglob(bare)), f"{module} names {bare}, which is not there"
