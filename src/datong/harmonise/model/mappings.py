"""A workspace as values: sources, standards and their elements, mappings and what they are made of."""

from __future__ import annotations

from collections.abc import Mapping as Map
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from typing import Any

from datong.harmonise.model.contracts import Rule


class SourceKind(StrEnum):
    """`http` and `s3` bring what one of the file kinds reads; `http` brings JSON."""

    json = "json"
    ndjson = "ndjson"
    csv = "csv"
    parquet = "parquet"
    excel = "excel"
    database = "database"
    http = "http"
    s3 = "s3"


FILE_KINDS = (SourceKind.json, SourceKind.ndjson, SourceKind.csv, SourceKind.parquet, SourceKind.excel)
"""Kinds that are files, and so may lie in a bucket too."""


BLANKS = "blanks"
"""As the delimiter of a csv source: fields are parted by any number of blanks or tabs, and have no quotes."""


WGS84 = "WGS84"
"""The datum of coordinates where none is said."""


class Page(StrEnum):
    """How an HTTP API gives its next page."""

    none = "none"
    page = "page"
    offset = "offset"
    cursor = "cursor"
    link = "link"


class LoadBy(StrEnum):
    """How a source is read again: whole each time, from where the last load came to, or compared with it."""

    whole = "whole"
    watermark = "watermark"
    snapshot = "snapshot"


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
    date = "date"
    boolean = "boolean"
    resident_id = "resident_id"
    credit_code = "credit_code"
    vin = "vin"
    phone = "phone"
    birth_date = "birth_date"
    sex = "sex"


@dataclass(frozen=True)
class Paging:
    """The pages of an HTTP API. parameter: the query parameter that asks for a page; at: path of the next cursor or
    link in the answer ("" for a link: the Link header); total: path of the number of all records, to hold against."""

    by: Page = Page.none
    parameter: str = ""
    first: int = 1
    size_parameter: str = ""
    size: int = 0
    at: str = ""
    total: str = ""
    pages_max: int = 10_000


@dataclass(frozen=True)
class Api:
    """An HTTP API that answers JSON. token_from: environment variable that holds its token; token_header: the header
    that carries it (Authorization: as a bearer token)."""

    url: str
    token_from: str = ""
    token_header: str = "Authorization"  # noqa: S105  (the name of a header)
    paging: Paging = field(default_factory=Paging)


@dataclass(frozen=True)
class Bucket:
    """S3-compatible storage: one object (`key`) or all below a `prefix`, which hold files of the kind `format`. The
    environment variables that hold the credentials are named; both empty: a public bucket."""

    endpoint: str
    bucket: str
    format: SourceKind
    key: str = ""
    prefix: str = ""
    region: str = "us-east-1"
    access_key_from: str = ""
    secret_key_from: str = ""


@dataclass(frozen=True)
class Load:
    """How the source is loaded again. key: the columns that name a row; column: what grows with every change;
    parameter: the query parameter by which an HTTP API is asked for what came since."""

    by: LoadBy = LoadBy.whole
    key: tuple[str, ...] = ()
    column: str = ""
    parameter: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it needs, each once."""
        return tuple(dict.fromkeys(column for _, column in self.asked))

    @property
    def asked(self) -> tuple[tuple[str, str], ...]:
        """(which key of it, the column named there)."""
        keys = [(f"key[{number}]", column) for number, column in enumerate(self.key)]
        return (*keys, *([("column", self.column)] if self.column else []))


@dataclass(frozen=True)
class Unpivot:
    """Columns that hold one figure each for a month, a place, a kind (宽表转长表; SQL's UNPIVOT): a record is one row
    for each of `columns` (with `*`: all that are called so), whose name stands under `name` there and its value under
    `value`; what other columns hold stands in each of the rows."""

    columns: tuple[str, ...]
    name: str
    value: str


@dataclass(frozen=True)
class Source:
    """Where rows come from. `path` is relative to the data folder; with `*` it is all files called so, as one table.
    `url_from` names the environment variable that holds a database URL; or `url` is one without its password, which
    the variable `password_from` holds. `tables`: table -> its key column in a database, its file in a source of several
    files. `encodings`: where files are in several, those that one of them may be in; `encoding` is the first then.
    `keeps_totals`: rows that add others up are records too. `unnest`: the path of a list in each record, whose items
    become rows. `fill_down`: columns that name a group in its first row alone, from the outer to the
    inner. `named`: the column that holds what stands for `*` in the name of a file or sheet, which is `part` once it is
    known. `apart`: by table what else is said of its file alone (fields of this class). `columns`, `numbered` by
    table ("" for the source's one file): the names of the columns of a file without a header line, and the column that
    holds the number of each row there."""

    name: str
    kind: SourceKind
    path: str = ""
    url_from: str = ""
    records: str = ""
    encoding: str = "utf-8"
    delimiter: str = ","
    skip_lines: int = 0
    tables: Map[str, str] = field(default_factory=dict)
    quote: str = '"'
    member: str = ""
    sheet: str = ""
    header_rows: int = 1
    api: Api | None = None
    bucket: Bucket | None = None
    load: Load = field(default_factory=Load)
    columns: Map[str, tuple[str, ...]] = field(default_factory=dict)
    numbered: Map[str, str] = field(default_factory=dict)
    url: str = ""
    password_from: str = ""
    unpivot: Unpivot | None = None
    encodings: tuple[str, ...] = ()
    keeps_totals: bool = False
    unnest: str = ""
    fill_down: tuple[str, ...] = ()
    named: str = ""
    part: str = ""
    apart: Map[str, Map[str, Any]] = field(default_factory=dict)

    @property
    def files(self) -> tuple[str, ...]:
        """The paths of its files, where it is made of files."""
        of_tables = () if self.kind is SourceKind.database else tuple(self.tables.values())
        return of_tables or ((self.path,) if self.path else ())

    @property
    def elsewhere(self) -> bool:
        """Whether another host is asked for it."""
        return bool(self.api or self.bucket or self.url_from or self.url)

    def of_table(self, table: str) -> Source:
        """One table of a source of several files, as a source of its own."""
        columns = {"": self.columns[table]} if table in self.columns else {}
        numbered = {"": self.numbered[table]} if table in self.numbered else {}
        path, apart = self.tables[table], self.apart.get(table, {})
        return replace(self, name=table, path=path, tables={}, apart={}, columns=columns, numbered=numbered, **apart)

    @property
    def format(self) -> SourceKind:
        """The kind of file it is made of."""
        if self.bucket is not None:
            return self.bucket.format
        return SourceKind.json if self.kind is SourceKind.http else self.kind


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
    datum: str = WGS84


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
    """One entry of a code table: values that begin with `starts` become `to`. valid_to: the first day on which it is
    no longer valid; successor: the codes that took its place then."""

    starts: str
    to: str
    valid_from: date | None = None
    valid_to: date | None = None
    successor: tuple[str, ...] = ()


@dataclass(frozen=True)
class Codes:
    """A code table. on: the element with the day on which a row's code must be valid; empty = any day. zone: where
    that day is counted, when the element is a time."""

    name: str
    whole: bool
    entries: tuple[Code, ...]
    on: str = ""
    zone: str = ""

    def entry(self, starts: str) -> Code:
        return next(code for code in self.entries if code.starts == starts)


@dataclass(frozen=True)
class Meaning:
    """What a source says of its numbers, dates and words, where that is not what the standard says.

    unit: of the source, to be turned into the element's. carries_unit: a number may have its own behind it.
    multipliers: signs that may follow a number, like 万.
    percent: numbers carry a percent sign. accounting: a number in brackets, or with its minus behind, is negative.
    currency: its sign may stand before a number. negative: which numbers are, those marked `debit` or `credit`;
    marked: the mark stands in a column of its own, so that every number has one.
    decimal: the sign before the part of a number that is less than one; typed: the source may give numbers that are no
    texts, which come with a point, so that of its 1.234 nobody knows whether it is 1234.
    datum: of the source's coordinates; partner: the element with the other coordinate of the point.
    century: of years that are written with two digits. of: the identifier in which a fact is hidden.
    true, false: the words for yes and no. digits: how many a code has, of which the first zeros may have been lost.
    """

    unit: str = ""
    carries_unit: bool = False
    multipliers: tuple[str, ...] = ()
    percent: bool = False
    accounting: bool = False
    currency: str = ""
    negative: str = ""
    marked: bool = False
    decimal: str = "."
    typed: bool = False
    datum: str = WGS84
    partner: str = ""
    century: int | None = None
    of: str = ""
    true: tuple[str, ...] = ("true",)
    false: tuple[str, ...] = ("false",)
    digits: int = 0

    @property
    def changes(self) -> bool:
        """Is a number here anything but what its digits say?"""
        other = self.unit or self.multipliers or self.percent or self.accounting or self.partner
        return bool(other) or self.decimal != "."


PLAIN = Meaning()
"""Numbers, days and words just as the standard writes them."""


@dataclass(frozen=True)
class Column:
    """How one element is filled: from a source path by a conversion, or with a constant. others: what the source calls
    the same field elsewhere, in other files or months; then: the columns that hold the rest of the value, as the time
    beside a day; missing: what of its texts is no value."""

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
    meaning: Meaning = PLAIN
    others: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    then: tuple[str, ...] = ()

    @property
    def paths(self) -> tuple[str, ...]:
        """Every source path that is read for it."""
        return (self.path, *self.others, *self.then) if self.path else ()

    @property
    def of_several(self) -> bool:
        """Whether its text is made of more than one column."""
        return bool(self.others or self.then)

    @property
    def table(self) -> str:
        """The table of the path, for sources with tables."""
        return self.path.split(".", 1)[0]

    @property
    def timed(self) -> bool:
        """Whether a period is said for its times, within which they count as timely."""
        return self.how is How.timestamp and self.between is not None


@dataclass(frozen=True)
class Join:
    """A look-up: rows of `table` whose `right` column equals the path `left`. `how`, `meaning`: both sides cleaned
    alike."""

    table: str
    left: str
    right: str
    how: How
    missing: str = "quarantine"
    meaning: Meaning = PLAIN


@dataclass(frozen=True)
class Check:
    """A row check over elements: rows for which `when` (SQL) is true are quarantined with `reason`. number: its place
    in the mapping's list."""

    reason: str
    when: str
    columns: tuple[str, ...]
    number: int = 0


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
    """From one source to one standard. main: the table whose rows are the rows of the result. resource: the code
    under which that is found. left: columns of the source that nothing is to be made of. lines: where its keys stand
    (model.texts.Lines)."""

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
    resource: str = ""
    lines: Map[str, int] = field(default_factory=dict, compare=False)
    freshness: Freshness | None = None
    left: tuple[str, ...] = ()

    @property
    def file(self) -> str:
        return f"mappings/{self.name}.yaml"

    @property
    def paths(self) -> tuple[str, ...]:
        """Every source path the mapping reads, in order, once."""
        read = [path for column in self.columns for path in column.paths]
        for join in self.joins:
            read += [join.left, f"{join.table}.{join.right}"]
        return tuple(dict.fromkeys(read))
