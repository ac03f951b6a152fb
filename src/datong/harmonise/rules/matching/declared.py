"""What a source's own type of a column lets one expect: date, numeric(10, 2), varchar(18), int64, timestamp[us].

A declared text may hold anything, so it speaks neither for nor against, but for its length.
Must never know: names, values. Contract: tests/harmonise/matching/test_matching_declared.py.
"""

from __future__ import annotations

import functools
import re

from datong.harmonise.model.elements import Format
from datong.harmonise.model.mappings import Type

_FORMS = (
    ("timestamp", r"(?:small)?datetime|timestamp"), ("date", r"date"), ("time", r"time(?:\W|$)"),
    ("boolean", r"bool|bit$|bit\(1\)|tinyint\(1\)"),
    ("integer", r"(?:tiny|small|medium|big|u|h)?int(?:eger)?\d*|serial|bigserial|year|number\(\d+(?:, ?0)?\)$"),
    ("number", r"decimal|numeric|number|double|float|real|money"),
    ("text", r"n?(?:var)?char|character|string|(?:tiny|medium|long)?text|n?clob|enum|large_string|utf8"),
)  # fmt: skip
_LENGTH = re.compile(r"char[^(]*\((\d+)\)")
_OF_TYPE = {
    Type.date: {"date": 1.0, "timestamp": 0.6, "number": -1.0, "boolean": -1.0, "time": -0.6},
    Type.timestamp: {"timestamp": 1.0, "date": 0.5, "time": 0.2, "number": -1.0, "boolean": -1.0},
    Type.integer: {"integer": 0.6, "number": 0.3, "date": -1.0, "timestamp": -1.0, "time": -1.0, "boolean": -0.6},
    Type.number: {"number": 0.8, "integer": 0.4, "date": -1.0, "timestamp": -1.0, "time": -1.0, "boolean": -1.0},
    Type.boolean: {"boolean": 1.0, "date": -1.0, "timestamp": -1.0, "time": -1.0, "number": -1.0},
    Type.string: {"date": -1.0, "timestamp": -1.0, "time": -0.8, "boolean": -0.6, "number": -0.6},
}  # fmt: skip


@functools.lru_cache(maxsize=2_000)
def family(text: str) -> str:
    """date | timestamp | time | boolean | integer | number | text, or "" when nothing is declared or it is unknown."""
    plain = text.strip().casefold()
    return next((name for name, form in _FORMS if plain and re.match(form, plain)), "")


def of_element(declared: str, wanted: Type, shape: Format) -> float:
    """-1..1: how far what is declared speaks for an element of this type and format."""
    told = _OF_TYPE[wanted].get(family(declared), 0.0)
    length = _LENGTH.search(declared.casefold())
    if told == 0.0 and wanted is Type.string and length and shape.shortest >= 6:
        return 0.5 if int(length[1]) == shape.longest else -1.0 if int(length[1]) < shape.shortest else 0.0
    return told


def alike(left: str, right: str) -> float:
    """-1..1: how far what two sources declare speaks for one meaning."""
    both = {family(left), family(right)}
    if "" in both or "text" in both:
        return 0.0
    if len(both) == 1:
        return 0.5
    return 0.25 if both in ({"date", "timestamp"}, {"integer", "number"}) else -0.3 if "integer" in both else -1.0
