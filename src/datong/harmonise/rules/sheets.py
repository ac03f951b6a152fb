"""Where the header of a worksheet stands: below titles, in one row or in several that merged cells hold together.

Only the first rows are looked at; what is found is said, and a person may write it otherwise in the source.
Must never know: files, what columns mean. Contract: tests/harmonise/test_harmonise_sniffing.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from datong.ground.refusal import Text
from datong.harmonise.model.drafts import Span
from datong.harmonise.rules.headings import distinct, over_two, side_by_side

TOP_ROWS = 30
"""How many rows may stand down to the end of the header."""
_FIGURE = re.compile(r"[-+(¥￥]*\d[\d.,]*[)%]?")
SHOWN = 10
"""Columns that are named in what was found."""


def header_of(rows: Sequence[Sequence[str]], spans: Sequence[Span]) -> tuple[dict[str, Any], tuple[Text, ...]]:
    """(skip_lines and header_rows of a source where they are needed, what was found) of a sheet's first rows."""
    width = max((len(row) for row in rows), default=0)
    top = [[cell.strip() for cell in [*row, *([""] * (width - len(row)))]] for row in rows[:TOP_ROWS]]
    names = next((at for at in range(len(top)) if _is_filled(top, spans, at)), None)
    if names is None:
        return {}, ()
    first = last = names
    while first and (_is_held(spans, first) or _is_group(top[first - 1], spans, first - 1)):
        first -= 1
    for (row, left), (end, right) in sorted(spans):
        if first <= row <= last:
            last = max(last, end, row + 1 if left < right else end)
    if last >= len(top):
        return {}, ()
    facts: dict[str, Any] = {}
    found = []
    if first:
        facts["skip_lines"] = first
        zh, en = (
            f"表头在第 {first + 1} 行，之前的行跳过。",
            f"The header is row {first + 1}; the rows before it are skipped.",
        )
        found.append(Text(zh, en))
    if last > first:
        facts["header_rows"] = last - first + 1
        zh = f"第 {first + 1} 至 {last + 1} 行合起来是列名，以点相连。"
        found.append(Text(zh, f"Rows {first + 1} to {last + 1} together make the names, joined with dots."))
    return facts, tuple(found)


def named(
    names: Sequence[str], below: Sequence[Sequence[str]], facts: Mapping[str, Any], called: Callable[[int], str]
) -> tuple[dict[str, Any], tuple[Text, ...]]:
    """(the facts, with the names of all columns where those of the header do not tell them apart, what was found).

    names: of the header, some empty or there twice. below: the rows under it. called: how people call a column. A
    column without a name whose cells are mostly filled is one; what stands beside the table now and then is not."""
    there = [row for row in below if any(cell.strip() for cell in row)]
    if "header_rows" not in facts and len(names) > 1 and there and there[0] is below[0]:
        second = [cell.strip() for cell in there[0]]
        size = max(len(names), len(second))
        even = [[*row, *([""] * (size - len(row)))] for row in (names, second)]
        if over := over_two(even[0], even[1], there[1:]):
            top = facts.get("skip_lines", 0)
            zh, en = (
                f"第 {top + 1} 和 {top + 2} 行合起来是列名，以点相连。",
                f"Rows {top + 1} and {top + 2} together make the names.",
            )
            return {**facts, "skip_lines": top + 2, "columns": distinct(over)}, (Text(zh, en),)
    width = max([len(names), *map(len, there)])
    filled = [sum(bool(row[at].strip()) for row in there if at < len(row)) for at in range(width)]
    nameless = [at for at in range(width) if filled[at] and not (at < len(names) and names[at])]
    whole = [at for at in nameless if filled[at] * 2 > len(there)]
    real = [name for name in names if name]
    if not whole and len(set(real)) == len(real):
        if not nameless:
            return dict(facts), ()
        said = ", ".join(map(called, nameless[:SHOWN]))
        zh = f"{said} 列没有列名而有内容：有内容的行会被隔离（不是一条记录）。"
        en = f"Columns without a name hold something ({said}): rows with a value there are quarantined as no record."
        return dict(facts), (Text(zh, en),)
    given = [*names, *([""] * (max([len(names), *(at + 1 for at in whole)]) - len(names)))]
    found = distinct(given)
    new = ", ".join(f"{called(at)} {name}" for at, name in enumerate(found) if name != given[at])
    skipped = facts.get("skip_lines", 0) + facts.get("header_rows", 1)
    rest = {key: value for key, value in facts.items() if key != "header_rows"}
    zh, en = (
        f"有的列同名或没有列名，另行命名：{new}。",
        f"Columns that have one name, or none, are called otherwise: {new}.",
    )
    return {**rest, "skip_lines": skipped, "columns": found}, (Text(zh, en), *side_by_side(names))


def merged_down(
    names: Sequence[str], spans: Sequence[Span], below: int, rows: Sequence[Sequence[str]]
) -> tuple[dict[str, Any], tuple[Text, ...]]:
    """(`fill_down` of a source, what was found) where cells below the header are merged over rows, as those of groups
    are. Figures merged so may be of the group, and not of each row: of these nothing is said. rows: from the first."""
    over = {left for (first, left), (last, right) in spans if left == right and below <= first < last}
    of_groups = [names[at] for at in sorted(over) if at < len(names) and names[at]]
    cells = [rows[first][left] for (first, left), _ in spans if left in over and below <= first < len(rows)]
    if not of_groups or any(not cell.strip() or _FIGURE.fullmatch(cell.strip()) for cell in cells):
        return {}, ()
    told = ", ".join(of_groups[:SHOWN])
    zh = f"{told} 的单元格跨行合并：作为组名逐行向下填充（fill_down）。"
    en = f"Cells of {told} are merged over rows: as names of groups they are put into each of the rows (`fill_down`)."
    return {"fill_down": of_groups}, (Text(zh, en),)


def _is_filled(top: Sequence[Sequence[str]], spans: Sequence[Span], at: int) -> bool:
    """Whether most columns have a name in this row, or in one above that is merged down to it."""
    cells = {column for column, cell in enumerate(top[at]) if cell}
    for (first, left), (last, right) in spans:
        if first < at <= last and left == right and top[first][left]:
            cells.add(left)
    return len(cells) * 2 > len(top[at]) and (len(cells) > 1 or len(top[at]) == 1)


def _is_held(spans: Sequence[Span], at: int) -> bool:
    """Whether a cell is merged from the row above down to this one."""
    return any(first < at <= last for (first, _), (last, _) in spans)


def _is_group(cells: Sequence[str], spans: Sequence[Span], at: int) -> bool:
    """Whether a row names groups of columns: cells merged across some of them, and no facts of the sheet (制表：…)."""
    said = {cell for cell in cells if cell}
    across = any(first == last == at and left < right for (first, left), (last, right) in spans)
    return across and len(said) > 1 and not any(sign in cell for cell in said for sign in ":：")
