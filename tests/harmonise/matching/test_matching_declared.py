"""Types as sources declare them."""

from __future__ import annotations

import pytest

from datong.harmonise.model.elements import Format
from datong.harmonise.model.mappings import Type
from datong.harmonise.rules.matching import declared


@pytest.mark.parametrize(
    ("text", "family"),
    [
        ("DATE", "date"), ("timestamp without time zone", "timestamp"), ("DATETIME(6)", "timestamp"), ("timestamp[us]", "timestamp"),
        ("date32[day]", "date"), ("time", "time"), ("TIME(0)", "time"), ("tinyint(1)", "boolean"), ("bool", "boolean"), ("bigint", "integer"),
        ("int64", "integer"), ("NUMBER(10)", "integer"), ("NUMBER(10, 2)", "number"), ("decimal(18,2)", "number"), ("double", "number"),
        ("varchar(18)", "text"), ("CHARACTER VARYING(20)", "text"), ("string", "text"), ("", ""), ("geometry", ""), ("jsonb", ""),
    ],
)  # fmt: skip
def test_families(text: str, family: str) -> None:
    assert declared.family(text) == family


def test_what_is_declared_speaks_for_and_against_an_element() -> None:
    text = Format("u")
    assert declared.of_element("date", Type.date, text) == 1
    assert declared.of_element("date", Type.string, text) == declared.of_element("double", Type.date, text) == -1
    assert declared.of_element("text", Type.date, text) == 0, "a text may hold anything"
    eighteen = Format("c", 18, 18)
    assert declared.of_element("char(18)", Type.string, eighteen) > 0
    assert declared.of_element("varchar(200)", Type.string, eighteen) == 0
    assert declared.of_element("varchar(10)", Type.string, eighteen) < 0


def test_two_sources() -> None:
    assert declared.alike("date", "DATE") > declared.alike("date", "timestamp") > declared.alike("", "date") == 0
    assert declared.alike("date", "double") < 0
    assert declared.alike("varchar(9)", "date") == 0
