"""What comes out of a source: tables of text with row numbers, and the first rows of one to look at."""

from __future__ import annotations

from collections.abc import Mapping as Map
from dataclasses import dataclass
from enum import Enum
from typing import Any


@dataclass(frozen=True)
class Reading:
    """What was read: per input table a pyarrow Table of text columns named by path, with `_row` (from 1) and
    `_broken` (original text of what is no record, else null); put aside as Parquet where it is large (store.staged).
    digest: of the content read. highest: the greatest value of the column a database was asked for, in its own type."""

    tables: Map[str, Any]
    digest: str
    highest: Any = None


@dataclass(frozen=True)
class Since:
    """Of `table` only rows whose `column` is `value` or more, or empty."""

    table: str
    column: str
    value: Any


@dataclass(frozen=True)
class SampleColumn:
    """The first values of one column as text. path: as a mapping names it (`table.column` for a database).

    comment: what the database says of the column. declared_type: the type that the source itself declares, "" where it
    has none (CSV, JSON)."""

    path: str
    comment: str
    values: tuple[str | None, ...]
    declared_type: str


@dataclass(frozen=True)
class Sample:
    """The first rows of a source. whole: there are no others. For a database rows_seen counts its longest table."""

    columns: tuple[SampleColumn, ...]
    rows_seen: int
    whole: bool


ROW, BROKEN, SURE = "_row", "_broken", "_sure"
"""Columns of ours in what was read; `_sure` only in scans: this row is certainly as the text reader would give it."""


class Needs(Enum):
    """What a plan needs of a field whose numbers a reader of JSON writes anew (42.100 as 42.1), so that no value is
    other than the text reader's.

    text: the text as it was. number: the number it is. digits: of whole numbers, whether 0 was -0; others do not pass.
    value: nothing, as no number passes.
    """

    text = "text"
    number = "number"
    digits = "digits"
    value = "value"
