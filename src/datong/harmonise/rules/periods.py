"""Columns that are days, months, quarters or years: one figure over time, laid out sideways as people make tables.

Names and cells in, the `unpivot` of a source out, for a person to look at. Must never know: files, what the figure is.
Contract: tests/harmonise/test_harmonise_unpivot.py.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

from datong.ground.refusal import Text
from datong.harmonise.rules.headings import distinct

LEAST = 3
NAME, VALUE = "统计期间", "指标值"
"""What the two columns are called, where nothing else says it: words of the library's elements for them."""
_YEAR, _MONTH_ZH = r"(?:19|20)\d\d", "(?:0?[1-9]|1[0-2]|[一二三四五六七八九十]|十[一二])月份?"
_MONTH_EN = (
    "jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    "|nov(?:ember)?|dec(?:ember)?"
)
_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_PERIOD = re.compile(
    rf"(?:{_YEAR}[年/.-]?)?(?:{_MONTH_ZH}|第?[1-4一二三四]季度|[qQ][1-4])"
    rf"|{_YEAR}(?:年|年度|[/.-]?(?:0[1-9]|1[0-2])|[/.-][1-9])?"
    rf"|(?:{_YEAR}[ -]?)?(?i:{_MONTH_EN})(?:[ -]?(?:19|20)?\d\d)?"
    rf"|{_YEAR}(?P<sign>[-/.])(?:0?[1-9]|1[0-2])(?P=sign){_DAY}(?: 0?0:00:00)?"
    rf"|(?:(?:{_YEAR}年)?(?:0?[1-9]|1[0-2])月)?{_DAY}日"
)
"""2026-01-01 is how a month in the heading of a workbook is told, too."""
_FIGURE = re.compile(r"[+-]?\d[\d,，]*(?:\.\d+)?%?|[-–—/…]+|\.{2,}")
"""A number, or the sign for none."""
_ENDS = ("月", "年", "度", "日")


def over_time(names: Sequence[str], below: Sequence[Sequence[str]]) -> tuple[dict[str, Any], tuple[Text, ...]]:
    """(`unpivot` of a source, what was found) where columns are points of time that hold one figure each; nothing where
    they are not. below: the rows under the names."""
    parts = [name.rpartition(".") for name in names]
    at = [place for place, (_, _, last) in enumerate(parts) if is_period(last)]
    others = [name for place, name in enumerate(names) if place not in at]
    groups = {parts[place][0] for place in at}
    groups = {""} if all(map(is_period, groups)) else groups  # 2025年.1月: years over their months
    cells = [cell for row in below for place in at if place < len(row) and (cell := row[place].strip())]
    figures = sum(bool(_FIGURE.fullmatch(cell)) for cell in cells)
    if len(at) < LEAST or not others or len(groups) > 1 or not cells or figures * 4 < len(cells) * 3:
        return {}, ()
    columns = [names[place] for place in at]
    name, value = distinct([*others, NAME, groups.pop() or VALUE])[-2:]
    turned = {"columns": _called(columns, others), "name": name, "value": value}
    zh = f"{columns[0]} 至 {columns[-1]} 共 {len(columns)} 列是同一数据在各期间的值：每格成为一行（{name}、{value}）。"
    en = (
        f"The {len(columns)} columns {columns[0]} to {columns[-1]} are one figure over time: each cell becomes a row "
        f"({name}, {value}). If they are not one figure, delete `unpivot`."
    )
    return {"unpivot": turned}, (Text(f"{zh}若不是同一数据，请删去 unpivot。", en),)


def is_period(name: str) -> bool:
    """Whether a name is a day, month, quarter or year, or one of these without the year."""
    return _PERIOD.fullmatch(unicodedata.normalize("NFKC", name)) is not None


def _called(columns: list[str], others: list[str]) -> list[str]:
    """The columns, by their common end where it tells them from the others: months to come are then among them."""
    end = columns[0][-1]
    if end in _ENDS and all(name.endswith(end) for name in columns) and not any(name.endswith(end) for name in others):
        return [f"*{end}"]
    return columns
