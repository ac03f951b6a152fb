"""Every column of every real table has its element; where the data are, the file's real columns are the ones named."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import pytest
import yaml
from columns_of import columns_of

from datong.harmonise import service

HERE = Path(__file__).parent
COVERAGE: dict[str, dict[str, str]] = yaml.safe_load((HERE / "coverage.yaml").read_text("utf-8"))
DATA = Path(os.environ.get("DATONG_DATA") or HERE.parents[2] / "../shared/data").resolve()
NO_DATA = f"the data folder is not there: {DATA} (set DATONG_DATA to test the columns of the real files)"
NO_TABLES = {"SOURCE.md", "LICENSE", "LICENSE.upstream", "source.txt"}
NO_TABLE_ENDS = (".jsonld", ".schema.json")


@cache
def names() -> frozenset[str]:
    return frozenset(element.name for element in service.library().elements)


@pytest.mark.parametrize("file", COVERAGE)
def test_every_column_names_an_element_that_exists(file: str) -> None:
    for column, element in COVERAGE[file].items():
        assert element in names() or element.startswith("none: "), f"{file}: {column}: {element}"


def test_none_is_the_exception() -> None:
    said = [element for columns in COVERAGE.values() for element in columns.values()]
    assert len(said) > 550
    assert sum(element.startswith("none: ") for element in said) <= 5


@pytest.mark.parametrize("file", COVERAGE)
def test_the_columns_are_those_of_the_file(file: str) -> None:
    if not DATA.is_dir():
        pytest.skip(NO_DATA)
    if not (DATA / file).exists():
        pytest.skip(f"{file} is not in {DATA}")
    assert columns_of(DATA, file) == set(COVERAGE[file])


def test_every_table_of_the_data_folder_is_here() -> None:
    if not DATA.is_dir():
        pytest.skip(NO_DATA)
    domains = {name.split("/")[0] for name in COVERAGE}
    tables = {
        str(file.relative_to(DATA))
        for domain in domains
        for file in (DATA / domain).rglob("*")
        if file.is_file() and file.name not in NO_TABLES and not file.name.endswith(NO_TABLE_ENDS)
    }
    assert tables == {name for name in COVERAGE if (DATA / name).exists()}
