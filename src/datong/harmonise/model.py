"""What the room speaks of: sources, standards, mappings, reasons, refusals. Values only.

Must never know: databases, files, how SQL is run. Contract: tests/harmonise/.
"""

from __future__ import annotations

from collections.abc import Mapping as Map
from dataclasses import dataclass, field
from datetime import date
from enum import IntEnum, StrEnum
from typing import Any

from datong.ground.refusal import Kind, Reason, Text

BAD_WORKSPACE = Reason(
    "STD-410",
    Kind.invalid,
    Text("工作区 {workspace} 未被接受，未读取任何数据。",
         "The workspace {workspace} was not accepted; no data was read."),
    Text("其中 {count} 处有误。", "{count} things in its files are wrong."),
    Text("请按下列各项修改，并用 harmonise check 复查。", "Mend the items listed, then run harmonise check again."),
)  # fmt: skip
UNREADABLE = Reason(
    "STD-411",
    Kind.invalid,
    Text("数据源 {source} 未能读完，未写入任何内容。",
         "The source {source} could not be read to its end; nothing was written."),
    Text("{place}：{zh}。此前已读到 {read} 条完整记录。", "{place}: {en}. {read} whole records were read before it."),
    Text("请修复或重新获取该数据源后重试。", "Mend the source or fetch it again, then repeat."),
)  # fmt: skip
COLUMNS_MISSING = Reason(
    "STD-412",
    Kind.invalid,
    Text("数据源 {source} 与映射不符，未写入任何内容。",
         "The source {source} does not fit the mapping; nothing was written."),
    Text("缺少 {count} 个列（或表）。", "{count} columns (or tables) that the mapping names are not there."),
    Text("若已改名，请修改映射中的 from；相近的名称列于下方。",
         "If they were renamed, change `from` in the mapping; the nearest names are listed."),
)  # fmt: skip
NO_ROWS = Reason(
    "STD-413",
    Kind.invalid,
    Text("数据源 {source} 没有任何记录，未构建。", "The source {source} has no rows; nothing was built."),
    Text("空的数据源通常意味着取数失败。", "An empty source usually means that fetching it failed."),
    Text("请检查数据源后重试。", "Check the source, then repeat."),
)  # fmt: skip
TOO_MANY_QUARANTINED = Reason(
    "STD-420",
    Kind.invalid,
    Text("{resource} 的构建被拒绝，未留下任何文件。", "The build of {resource} was refused; no file was left behind."),
    Text("{read} 行中有 {quarantined} 行被隔离，超过一半：映射或数据源多半有误。",
         "{quarantined} of {read} rows were quarantined, more than half: the mapping or the source is probably wrong."),
    Text("请按下列原因修正映射或数据源；该次拒绝记录为 {build}。",
         "Mend the mapping or the source by the reasons listed; the refused build is recorded as {build}."),
)  # fmt: skip
NO_BUILD = Reason(
    "STD-421",
    Kind.unknown,
    Text("没有找到 {what} 的归一数据。", "There are no harmonised data of {what}."),
    Text("该资源尚未在本节点构建，或编号有误。", "It has not been built at this node, or the name is wrong."),
    Text("请由数据工程师执行 harmonise build。", "Let a data engineer run harmonise build."),
)  # fmt: skip
FILES_CHANGED = Reason(
    "STD-422",
    Kind.conflict,
    Text("{resource} 的归一数据不可用。", "The harmonised data of {resource} cannot be used."),
    Text("构建 {build} 的文件 {file} 缺失或与登记的摘要不符。",
         "The file {file} of build {build} is missing or differs from its recorded digest."),
    Text("请重新构建。", "Build it again."),
)  # fmt: skip
NOT_THE_OWNER = Reason(
    "STD-430",
    Kind.denied,
    Text("隔离行的原文未显示。", "The originals of the quarantined rows were not shown."),
    Text("原文只向数据持有方本单位的数据工程师显示，并须有使用决策。",
         "Originals are shown only to a data engineer of the owner itself, under a usage decision."),
    Text("请由持有方的数据工程师以“本单位工作”为用途申请。",
         'Let a data engineer of the owner ask for them with the purpose "own work".'),
)  # fmt: skip
BAD_ELEMENTS = Reason(
    "STD-440",
    Kind.invalid,
    Text("数据元库未被采用。", "The library of data elements was not taken up."),
    Text("其中 {count} 处有误。", "{count} things in its files are wrong."),
    Text("请按下列各项修改数据元包和代码表。", "Mend the items listed in the packs and code tables."),
)  # fmt: skip
VERSION_HIDES = Reason(
    "STD-441",
    Kind.invalid,
    Text("{name} 的版本号 {version} 未被接受。", "The version {version} of {name} was not accepted."),
    Text("与 {before} 相比的不兼容变更（{breaking} 处）没有在版本号中显示出来。",
         "Breaking changes against {before} that the number does not show: {breaking}."),
    Text("请改为 {needed} 或更高的版本号，或撤回下列变更。",
         "Give it the number {needed} or a higher one, or take the changes listed back."),
)  # fmt: skip
NOT_A_VERSION = Reason(
    "STD-442",
    Kind.invalid,
    Text("版本号 {version} 无法比较。", "The version {version} cannot be compared."),
    Text("它不是 主版本.次版本.修订号 的形式。", "It is not of the form major.minor.patch."),
    Text("请写成如 1.0.0 的版本号。", "Write it like 1.0.0."),
)  # fmt: skip


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


class State(StrEnum):
    """States of a build."""

    built = "built"
    refused = "refused"


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

    @property
    def paths(self) -> tuple[str, ...]:
        """Every source path the mapping reads, in order, once."""
        read = [column.path for column in self.columns if column.path]
        for join in self.joins:
            read += [join.left, f"{join.table}.{join.right}"]
        return tuple(dict.fromkeys(read))


@dataclass(frozen=True)
class Reading:
    """What was read: per input table a pyarrow Table of text columns named by path, with `_row` (from 1) and
    `_broken` (original text of what is no record, else null). digest: of the content read."""

    tables: Map[str, Any]
    digest: str


ROW, BROKEN = "_row", "_broken"

NOTES: Map[str, Text] = {
    # why a row is quarantined
    "not_a_record": Text("不是一条记录", "is no record (wrong shape or number of fields)"),
    "missing_value": Text("必填项缺失", "a required value is missing"),
    "not_a_number": Text("不是数", "is no number"),
    "not_a_time": Text("不是有效的日期时间", "is no date and time that exists"),
    "no_offset": Text("时间缺少时区偏移", "is a time without its offset from UTC"),
    "no_such_local_time": Text("当地不存在的时刻（夏令时起）", "is a local time that never was (clocks went forward)"),
    "ambiguous_local_time": Text("当地出现两次的时刻（夏令时止）", "is a local time that was twice (clocks went back)"),
    "outside_period": Text("超出声明的时段", "lies outside the declared period"),
    "not_a_coordinate": Text("不是声明记法的坐标", "is no coordinate in the declared notation"),
    "outside_area": Text("超出声明的区域", "lies outside the declared area"),
    "outside_range": Text("超出声明的范围", "lies outside the declared range"),
    "outside_standard": Text("不符合数据标准", "breaks a rule of the data standard"),
    "plate_format": Text("号牌格式不符（GA 36）", "is no plate of GA 36"),
    "unknown_code": Text("代码表中没有", "is not in the code table"),
    "duplicate": Text("与前一行重复", "repeats an earlier row"),
    "conflicting_duplicate": Text("键相同而内容不同（全部隔离）", "shares its key with rows that differ (all held)"),
    # what was repaired
    "full_width": Text("全角字符已转半角", "full-width characters made half-width"),
    "spaces": Text("首尾空格已去除", "spaces around it removed"),
    "separators": Text("空格、点等分隔符已去除", "spaces, dots or dashes inside it removed"),
    "lower_case": Text("小写已转大写", "lower case made upper case"),
    "thousands_separator": Text("千位分隔符已去除", "thousands separators removed"),
    "other_format": Text("另一种日期时间写法", "another declared way of writing the time"),
}  # fmt: skip
"""What each reason and repair means. Look-ups add no_<table> and ambiguous_<table>; checks add their own."""


class Sensitivity(StrEnum):
    """How carefully a data element must be treated, from the least to the most."""

    public = "public"
    business = "business"
    personal = "personal"
    sensitive = "sensitive"

    @property
    def rank(self) -> int:
        return list(Sensitivity).index(self)


@dataclass(frozen=True)
class Format:
    """How a value is written, after GA/T 543 (docs/reference/elements.md): its kind and the signs it may have."""

    kind: str
    shortest: int = 0
    longest: int | None = None
    decimals: int = 0


@dataclass(frozen=True)
class DataElement:
    """One data element (数据元) of a pack: what a column means, whatever it is called."""

    id: str
    name: str
    zh: str
    en: str
    pinyin: str
    initials: str
    synonyms: tuple[str, ...]
    type: Type
    format: str
    shape: Format
    sensitivity: Sensitivity
    source: str
    check: str = ""
    codes: str = ""
    unit: str = ""
    sensitivity_reason: Text | None = None
    pinyin_note: str = ""


@dataclass(frozen=True)
class Pack:
    name: str
    version: str
    title: Text
    note: str
    elements: tuple[DataElement, ...]


@dataclass(frozen=True)
class CodeEntry:
    """One code. also: how the same meaning is written elsewhere. successor: what took its place after valid_to."""

    code: str
    zh: str
    en: str
    also: tuple[str, ...] = ()
    valid_from: date | None = None
    valid_to: date | None = None
    successor: tuple[str, ...] = ()

    def valid_on(self, day: date) -> bool:
        """valid_to is the first day on which it is no longer valid."""
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day < self.valid_to)


@dataclass(frozen=True)
class CodeTable:
    """A code table. system: the name of a code system whose content is not copied here. whole: entries are whole
    values, else beginnings of them. partial: there are codes that it does not list."""

    name: str
    version: str
    title: Text
    source: str
    confidence: str
    entries: Map[str, CodeEntry]
    system: str = ""
    whole: bool = True
    partial: bool = False
    note: str = ""


@dataclass(frozen=True)
class Library:
    """All packs and the code tables they name."""

    packs: tuple[Pack, ...]
    tables: Map[str, CodeTable]

    @property
    def elements(self) -> tuple[DataElement, ...]:
        return tuple(element for pack in self.packs for element in pack.elements)

    def element(self, name: str) -> DataElement:
        return next(element for element in self.elements if element.name == name)


class By(IntEnum):
    """By what an element was found, the surest first."""

    standard_name = 1
    zh = 2
    en = 3
    synonym = 4
    pinyin = 5
    initials = 6
    synonym_pinyin = 7
    synonym_initials = 8


@dataclass(frozen=True)
class Hit:
    """An element that a column's name may mean; said: which of the element's words it was found by."""

    element: DataElement
    by: By
    said: str


class Level(IntEnum):
    """Which part of a version number a change moves."""

    patch = 1
    minor = 2
    major = 3


@dataclass(frozen=True)
class Change:
    """One difference between two versions. what: a word of rules.changes.KINDS; where: the element or code."""

    what: str
    where: str
    level: Level
    told: Text

    @property
    def breaking(self) -> bool:
        return self.level is Level.major
