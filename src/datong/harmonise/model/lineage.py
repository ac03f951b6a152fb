"""Where each element of a result comes from: source columns, how they were converted, what else had a say.

The kinds are those of OpenLineage's column lineage: DIRECT where a value is made of another, INDIRECT where another
decides whether or which (a join, a filter). Contract: tests/harmonise/test_harmonise_lineage.py.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    direct = "DIRECT"
    indirect = "INDIRECT"


class Part(StrEnum):
    """What a source column does for a result."""

    transformation = "TRANSFORMATION"
    joined = "JOIN"
    conditional = "CONDITIONAL"
    filter = "FILTER"
    window = "WINDOW"


@dataclass(frozen=True)
class Input:
    """One source column that has a part in something."""

    table: str
    column: str
    kind: Kind
    part: Part


@dataclass(frozen=True)
class Field:
    """One element and what it is made of; no inputs where it is a constant."""

    element: str
    zh: str
    en: str
    type: str
    how: str
    inputs: tuple[Input, ...]


@dataclass(frozen=True)
class Lineage:
    """fields: element by element. whole: columns that decide whether a row is there at all."""

    source: str
    standard: str
    tables: tuple[str, ...]
    fields: tuple[Field, ...]
    whole: tuple[Input, ...]


def as_json(lineage: Lineage) -> dict[str, Any]:
    return asdict(lineage)
