"""A workspace as values: sources, standards and their elements, mappings and what they are made of."""

from __future__ import annotations

from collections.abc import Mapping as Map
from dataclasses import dataclass, field
from enum import StrEnum

from datong.harmonise.model.contracts import Rule


class SourceKind(StrEnum):
    json = "json"
    ndjson = "ndjson"
    csv = "csv"
    database = "database"


class Type(StrEnum):
    """Types of elements: those ODCS logical types that are built today."""

    string = "string"
    integer = "integer"
    number = "number"
    boolean = "boolean"
    date = "date"
    timestamp = "timestamp"


class How(StrEnum):
    """Conversions a mapping may name."""

    text = "text"
    number = "number"
    timestamp = "timestamp"
    latitude = "latitude"
    longitude = "longitude"
    plate = "plate"
    code = "code"


@dataclass(frozen=True)
class Source:
    """Where rows come from. `path` is relative to the data folder; `url_from` names the environment variable that
    holds a database URL (the URL itself, with its password, is in no file). `tables`: table -> its key column."""

    name: str
    kind: SourceKind
    path: str = ""
    url_from: str = ""
    records: str = ""
    encoding: str = "utf-8"
    delimiter: str = ","
    skip_lines: int = 0
    tables: Map[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Element:
    """One data element (数据元) of a standard."""

    name: str
    zh: str
    en: str
    type: Type
    unit: str = ""
    required: bool = False
    personal: bool = False
    minimum: float | None = None
    maximum: float | None = None
    max_length: int | None = None
    pattern: str = ""
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Standard:
    name: str
    version: str
    elements: tuple[Element, ...]
    digest: str
    rules: tuple[Rule, ...] = ()

    def element(self, name: str) -> Element:
        return next(element for element in self.elements if element.name == name)


@dataclass(frozen=True)
class Code:
    """One entry of a code table: values that begin with `starts` become `to`."""

    starts: str
    to: str


@dataclass(frozen=True)
class Codes:
    name: str
    whole: bool
    entries: tuple[Code, ...]


@dataclass(frozen=True)
class Column:
    """How one element is filled: from a source path by a conversion, or with a constant."""

    element: Element
    path: str
    how: How
    constant: str | None = None
    zone: str = ""
    formats: tuple[str, ...] = ()
    ambiguous: str = "quarantine"
    notation: str = "decimal"
    thousands: str = ""
    between: tuple[str, str] | None = None
    codes: Codes | None = None

    @property
    def table(self) -> str:
        """The table of the path, for database sources."""
        return self.path.split(".", 1)[0]


@dataclass(frozen=True)
class Join:
    """A look-up: rows of `table` whose `right` column equals the path `left`. `how`: both sides cleaned alike."""

    table: str
    left: str
    right: str
    how: How
    missing: str = "quarantine"


@dataclass(frozen=True)
class Check:
    """A row check over elements: rows for which `when` (SQL) is true are quarantined with `reason`."""

    reason: str
    when: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Unique:
    """Rows equal in `columns` are one row sent several times. `apart_from`: columns that may differ then."""

    columns: tuple[str, ...]
    apart_from: tuple[str, ...] = ()


@dataclass(frozen=True)
class Freshness:
    """How old values of `column` may be when they are built: what timeliness is measured against."""

    column: str
    within_days: int


@dataclass(frozen=True)
class Mapping:
    """From one source to one standard. main: the table whose rows are the rows of the result."""

    name: str
    source: Source
    standard: Standard
    main: str
    columns: tuple[Column, ...]
    joins: tuple[Join, ...]
    checks: tuple[Check, ...]
    unique: tuple[Unique, ...]
    missing: tuple[str, ...]
    digest: str
    freshness: Freshness | None = None

    @property
    def paths(self) -> tuple[str, ...]:
        """Every source path the mapping reads, in order, once."""
        read = [column.path for column in self.columns if column.path]
        for join in self.joins:
            read += [join.left, f"{join.table}.{join.right}"]
        return tuple(dict.fromkeys(read))
