"""Every column of every real table has its element; where the data are, the file's real columns are the ones named."""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path

import pytest
import yaml
from columns_of import columns_of, values_of

from datong.harmonise import service
from datong.harmonise.model.elements import DataElement, Library
from datong.harmonise.model.mappings import Type

HERE = Path(__file__).parent
COVERAGE: dict[str, dict[str, str]] = yaml.safe_load((HERE / "coverage.yaml").read_text("utf-8"))
DATA = Path(os.environ.get("DATONG_DATA") or HERE.parents[2] / "../shared/data").resolve()
NO_DATA = f"the data folder is not there: {DATA} (set DATONG_DATA to test the columns of the real files)"
NO_TABLES = {"SOURCE.md", "LICENSE", "LICENSE.upstream", "source.txt"}
NO_TABLE_ENDS = (".jsonld", ".schema.json")


@cache
def library() -> Library:
    return service.library()


@cache
def elements() -> dict[str, DataElement]:
    return {element.name: element for element in library().elements}


@pytest.mark.parametrize("file", COVERAGE)
def test_every_column_names_an_element_that_exists(file: str) -> None:
    for column, element in COVERAGE[file].items():
        assert element in elements() or element.startswith("none: "), f"{file}: {column}: {element}"


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


NUMBER = re.compile(r"-?\d*\.?\d+(e-?\d+)?")
WITH_ROWS = [file for file in COVERAGE if re.search(r"\.(csv|jsonl)(\.gz)?$", file) and "hierarchy_" not in file]


@pytest.mark.parametrize("file", WITH_ROWS)
def test_the_elements_fit_the_values(file: str) -> None:
    """Types, lengths and code tables hold what the columns really contain; what they do not is known dirt."""
    if not (DATA / file).exists():
        pytest.skip(NO_DATA)
    odd: set[tuple[str, str]] = set()
    for column, value in values_of(DATA, file, 3000):
        element = elements()[COVERAGE[file][column]]
        if value and not fits(element, value):
            odd.add((element.name, value))
    assert not {(name, value) for name, value in odd if not re.fullmatch(DIRT.get(name, ""), value, re.DOTALL)}


def fits(element: DataElement, value: str) -> bool:
    shape, table = element.shape, library().tables.get(element.codes)
    if element.type in (Type.integer, Type.number):
        whole = value.replace(",", "").removesuffix(".0")
        return bool(NUMBER.fullmatch(whole)) and (element.type is Type.number or "." not in whole)
    if table is not None and table.entries and not table.partial:
        return value in table.entries or any(value in entry.also for entry in table.entries.values())
    if table is not None:
        return True
    return shape.kind != "c" or shape.longest is None or len(value) <= shape.longest


DIRT = {
    "marital_status": "Separated",  # the standard has no code for it
    "unemployment_rate_1995": r"\?",
    "crimes_1995": r"\?",
    "phone": r"[\d-]{12} Or [\d-]{12}",
    "indicator_value": r"\d{4}年",  # the list holds the year and the figure
    "macroregion_code": "World",
    "resource_title": r".{201,}",  # sentences of a program that was asked for the name and had none
}
"""What the columns of some elements hold that the elements rightly do not."""


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
