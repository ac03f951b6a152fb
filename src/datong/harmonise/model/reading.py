"""What comes out of a source: tables of text with row numbers, and the first rows of one to look at."""

from __future__ import annotations

import re
from collections.abc import Mapping as Map
from collections.abc import Sequence
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


_LABEL = (
    r"(?:(?:本|全|各|以上)[\x{4E00}-\x{9FFF}]{0,3})?(?:合\s*计|总\s*计|小\s*计|共\s*计)|[^,;|\t\"]{0,16}小\s*计"
    r"|(?:grand\s*|sub[\s-]?)?total"
)
"""小计 may have its group's name before it; 合计 and 总计 may be the end of what an indicator is called."""
TOTAL = rf"^(?:[^,;|\t0-9]*[,;|\t]){{0,2}}[\s,;|\"]*(?:{_LABEL})\s*[:：]?\s*([,;|\t\"]|$)"
"""Of the text of what is no record, in lower case: a row of totals, for RE2."""
_A_LABEL = rf"(?:{_LABEL})".replace("\\x{4E00}-\\x{9FFF}", "\u4e00-\u9fff")
_IS_LABEL, _HAS_LABEL = re.compile(rf"{_A_LABEL}\s*[:：]?"), re.compile(_A_LABEL)
_AMOUNT = re.compile(r"[+\-(¥￥]*\d[\d.,:/\-\s年月日]*[)%‰]?\D{0,6}|[-—–/*]*")
FOOT = (
    r"(?:注|备注|说明|资料来源|数据来源|(?:制表|填表|填报|审核|复核|负责|单位负责|经办)人?"
    r"|(?:制表|填表|填报|打印|导出)(?:日期|时间))\s*[:：]"
)
"""What stands below a table begins with, for Python's `re`."""
_IS_FOOT = re.compile(FOOT)


def is_total(cells: Sequence[str | None]) -> bool:
    """Whether a row of a table adds others up: it begins with 合计, 小计, Total, or with a group's name (or two) and
    then one of these, and holds numbers besides."""
    filled = [text for cell in cells if cell and (text := cell.strip())]
    others = filled[label_at(filled) + 1 :]
    return all(map(_AMOUNT.fullmatch, others)) and any(map(str.isdigit, "".join(others)))


def label_at(filled: Sequence[str]) -> int:
    """The place of 合计 or Total in the filled cells of a row; their number where there is none."""
    for at, text in enumerate(filled[:3]):
        if is_total_label(text):
            return at
        if any(map(str.isdigit, text)):  # an identifier, a day: the word behind it is what a record is called
            break
    return len(filled)


def is_total_label(text: str) -> bool:
    return len(text) < 20 and _IS_LABEL.fullmatch(text.strip().lower()) is not None


def has_total_label(text: str) -> bool:
    """Whether 合计 or Total stands anywhere in it."""
    return _HAS_LABEL.search(text.lower()) is not None


def is_foot(cells: Sequence[str | None]) -> bool:
    """Whether a row is what stands below a table: 制表人：…, 注：…, with hardly anything beside it."""
    filled = [text for cell in cells if cell and (text := cell.strip())]
    return len(cells) > 2 and 0 < len(filled) * 2 <= len(cells) and _IS_FOOT.match(filled[0]) is not None
