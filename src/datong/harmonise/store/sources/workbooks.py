"""Excel workbooks (.xlsx, .xlsb, .xls) and .ods, by calamine: one sheet, cells as one canonical text each.

A number as its digits without a needless `.0`, a date as `2026-02-01`, a date and time as `2026-02-01 08:00:00`, an
error as its name (`#N/A`), an empty cell as no value. A day alone is a date with the time 00:00:00 where the cell's
format shows a time (.xlsx), or where most dates of its column have one. In a column that has texts with a percent sign
a number whose format shows one (.xlsx) has it too: 0.35 is `35%`, as it is read. A whole number whose format is zeros
alone (.xlsx, `000000`) has so many digits, as it is shown. A formula that was never calculated is
refused: nobody knows its value. Merged header cells are refused unless `header_rows` says that several rows make the
names; then the names are joined with dots. A row that is merged across columns is no record; a cell merged over several
rows is refused, because all rows but the first would have lost their value, unless `fill_down` names its column.
Contract: tests/harmonise/test_harmonise_typed_files.py.
"""

from __future__ import annotations

import re
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path
from typing import Any
from xml.parsers.expat import ExpatError

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetVisibleEnum

from datong.ground.refusal import Text
from datong.harmonise.model.drafts import Span
from datong.harmonise.model.mappings import Source, SourceKind
from datong.harmonise.model.reading import is_foot, is_total
from datong.harmonise.store.sources import floats
from datong.harmonise.store.sources.documents import Row
from datong.harmonise.store.sources.opening import BAD_ZIP, PIECE, ZIP_MAGIC, stands_for, unfolds_too_far
from datong.harmonise.store.sources.telling import refused, refused_header, refused_os, require_places
from datong.harmonise.store.sources.worksheets import Untold, untold

_NAMED_HERE = Text(
    "或以 columns 写出全部列名并以 skip_lines 跳过表头",
    "or name all columns by `columns` and skip the header by `skip_lines`",
)
_RENAME = Text(f"请在工作簿中改名，{_NAMED_HERE.zh}", f"rename one in the workbook, {_NAMED_HERE.en}")
_SHARE = re.compile(r"\s*[+-]?[\d,.]*\d[\d,.]*\s*[%‰％]\s*")
NAMED_MAX = 10
"""Cells that a refusal names."""


def workbook_rows(source: Source, path: Path, names: Callable[[Iterable[str]], None] = lambda _: None) -> Iterator[Row]:
    """The records below the header of the sheet, or below the lines skipped where the source names the columns. names:
    told what they are called."""
    with _sheet(source, path) as sheet:
        if sheet.start is None and source.part:
            return  # an empty one among several
        spans = sorted(sheet.merged_cell_ranges or [])
        named = list(source.columns.get("", ()))
        below = source.skip_lines + (0 if named else source.header_rows)
        kinds = _kinds(sheet, below)
        timed = {column for column, count in kinds.times.items() if count > kinds.days[column]}
        untold = _untold(source, path, sheet.name, dates=bool(kinds.days.keys() - timed), shares=bool(kinds.shares))
        rows = enumerate(_texts(sheet, below, timed, kinds.shares, untold))
        above = [texts for _, texts in islice(rows, below)]
        if named and source.skip_lines and len(above) >= source.skip_lines:
            require_places(source, source.path or source.name, named, above[source.skip_lines - 1])
        header = named or _header(source, above[source.skip_lines :], spans)
        names(filter(None, header))
        across = _held(source, spans, below, header)
        heads = [_filled(texts) for texts in above[max(source.skip_lines - 1, 0) if named else source.skip_lines :]]
        heads = [head for head in heads if len(head) > 1]
        nameless, count = Counter[int](), 0
        for number, texts in rows:
            if not any(text is not None for text in texts):
                continue
            count += 1
            stray = [
                column
                for column, text in enumerate(texts)
                if text is not None and not (column < len(header) and header[column])
            ]
            nameless.update(stray if number not in across else ())
            none = is_foot(texts) or (not source.keeps_totals and is_total(texts))
            if none or stray or number in across or _filled(texts) in heads:  # the header comes again on every page
                yield {}, "\t".join(text or "" for text in texts).rstrip("\t")
            else:
                yield {name: text for name, text in zip(header, texts, strict=False) if name}, None
        if most := [letters(column) for column, cells in sorted(nameless.items()) if cells * 2 > count]:
            zh = f"{'、'.join(most)} 列多数行有内容而没有列名：请在工作簿中命名，{_NAMED_HERE.zh}"
            said = ", ".join(most)
            en = (
                f"columns without a name hold values in most rows ({said}): name them in the workbook, {_NAMED_HERE.en}"
            )
            raise refused(source, source.path or source.name, zh, en)


def of_sheets(source: Source, path: Path) -> Iterator[Source]:
    """The source once for each sheet that is called so, in the order of the workbook, where its `sheet` has a `*`."""
    if source.format is not SourceKind.excel or "*" not in source.sheet:
        yield source
        return
    with _workbook(source, path) as workbook:
        there = [sheet for sheet in _visible(workbook) if fnmatchcase(sheet, source.sheet)]
        if not there:
            listed = ", ".join(workbook.sheet_names[:20])
            zh, en = f"没有这样命名的工作表；共有：{listed}", f"no sheet is called so; there are: {listed}"
            raise refused(source, f"{source.path or source.name}: {source.sheet}", zh, en)
    for sheet in there:
        part = f"{source.part} {stands_for(source.sheet, sheet)}".strip()
        yield replace(source, path=f"{source.path} {sheet}", sheet=sheet, part=part)


def _filled(texts: Sequence[str | None]) -> list[tuple[int, str]]:
    """(column, text) of the cells of a row that hold one."""
    return [(column, text.strip()) for column, text in enumerate(texts) if text and text.strip()]


def top_of(source: Source, path: Path, count: int) -> tuple[list[list[str]], list[Span]]:
    """The first `count` rows of the sheet as texts, and its merged ranges."""
    with _sheet(source, path) as sheet:
        rows = [[_text(cell) or "" for cell in cells] for cells in islice(_cells(sheet), count)]
        return rows, sorted(sheet.merged_cell_ranges or [])


@contextmanager
def _sheet(source: Source, path: Path) -> Iterator[CalamineSheet]:
    with _workbook(source, path) as workbook:
        seen = _visible(workbook)
        name = source.sheet or (seen[0] if len(seen) == 1 else "")
        if name not in workbook.sheet_names:
            listed = ", ".join(workbook.sheet_names[:20])
            zh = f"请用 sheet 指定工作表（多张同表者可用 *）：{listed}"
            en = f"name one of its sheets with `sheet` (with * several that are one table): {listed}"
            raise refused(source, source.path or source.name, zh, en)
        yield workbook.get_sheet_by_name(name)


def _visible(workbook: CalamineWorkbook) -> list[str]:
    return [sheet.name for sheet in workbook.sheets_metadata if sheet.visible is SheetVisibleEnum.Visible]


@contextmanager
def _workbook(source: Source, path: Path) -> Iterator[CalamineWorkbook]:
    place = source.path or source.name
    _no_bomb(source, path)
    try:
        with CalamineWorkbook.from_path(path) as workbook:
            yield workbook
    except CalamineError as error:
        if "password" in type(error).__name__.lower() or "password" in str(error).lower():
            raise refused(source, place, "工作簿有密码", "the workbook has a password") from None
        raise refused(source, place, "不是可读的 Excel 工作簿", "is no workbook that can be read") from None
    except OSError as error:
        raise refused_os(source, place, error) from None


def _no_bomb(source: Source, path: Path) -> None:
    """A workbook is a zip of XML: unfold it once, holding nothing, before the library does."""
    place = source.path or source.name
    try:
        with path.open("rb") as opened:
            if opened.read(4) != ZIP_MAGIC:
                return
        size, unfolded = path.stat().st_size, 0
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                with archive.open(entry) as stream:
                    while piece := stream.read(PIECE):
                        unfolded += len(piece)
                        if unfolds_too_far(size, unfolded):
                            zh, en = "解压后过大", "unpacks to more than any real workbook does"
                            raise refused(source, place, zh, en)
    except (*BAD_ZIP, RuntimeError, NotImplementedError):
        raise refused(source, place, "不是可读的 Excel 工作簿", "is no workbook that can be read") from None
    except OSError as error:
        raise refused_os(source, place, error) from None


def _cells(sheet: CalamineSheet) -> Iterator[list[Any]]:
    """The rows from the top left corner of the sheet on, whether or not something stands there: the library begins with
    the first row, and with the first column that has a cell."""
    if sheet.start is None:
        return
    left = [""] * sheet.start[1]
    for row in sheet.iter_rows():
        yield [*left, *row]


@dataclass
class _Kinds:
    """By column, how many cells are days, and how many are days with a time; shares: columns with a percent sign."""

    days: Counter[int] = field(default_factory=Counter)
    times: Counter[int] = field(default_factory=Counter)
    shares: set[int] = field(default_factory=set)


def _kinds(sheet: CalamineSheet, below: int) -> _Kinds:
    found = _Kinds()
    for cells in islice(_cells(sheet), below, None):
        for column, cell in enumerate(cells):
            kind = type(cell)
            if kind is datetime:
                found.times[column] += 1
            elif kind is date:
                found.days[column] += 1
            elif kind is str and _SHARE.fullmatch(cell):
                found.shares.add(column)
    return found


def _untold(source: Source, path: Path, sheet: str, *, dates: bool, shares: bool) -> Untold:
    """What the library does not tell; a formula that was never calculated is refused."""
    place = source.path or source.name
    try:
        found = untold(path, sheet, dates=dates, shares=shares)
    except (ExpatError, *BAD_ZIP):
        raise refused(source, place, "不是可读的 Excel 工作簿", "is no workbook that can be read") from None
    except OSError as error:
        raise refused_os(source, place, error) from None
    without = [_name(row, column) for row, column in found.uncalculated if row >= source.skip_lines]
    if without:
        where = ", ".join(without[:NAMED_MAX]) + (" …" if len(without) > NAMED_MAX else "")
        zh, en = (
            f"{len(without)} 个公式没有计算结果：请用表格软件打开并保存，或改填数值",
            f"formulas have no value ({len(without)}): open and save it in a spreadsheet program, or put values there",
        )
        raise refused(source, f"{place} {where}", zh, en)
    return found


def _texts(
    sheet: CalamineSheet, below: int, timed: set[int], shares: set[int], untold: Untold
) -> Iterator[list[str | None]]:
    """The rows as texts. timed: columns whose days have a time; shares: those with percent signs, both in the rows from
    `below` on."""
    for row, cells in enumerate(_cells(sheet)):
        texts = [_text(cell) for cell in cells]
        for column, error in untold.errors.get(row, {}).items():
            texts += [None] * (column + 1 - len(texts))
            texts[column] = error
        if row >= below:
            for column in (*timed, *untold.midnights.get(row, ())):
                if column < len(cells) and type(cells[column]) is date:
                    texts[column] = f"{cells[column].isoformat()} 00:00:00"
            for column in shares.intersection(untold.percents.get(row, ())):
                if column < len(cells) and type(cells[column]) in (int, float):
                    texts[column] = f"{(Decimal(repr(cells[column])) * 100).normalize():f}%"
            for column, digits in untold.digits.get(row, {}).items():
                if column < len(cells) and type(cells[column]) in (int, float) and (texts[column] or "").isdigit():
                    texts[column] = (texts[column] or "").zfill(digits)
        yield texts


def _header(source: Source, rows: list[list[str | None]], spans: list[Span]) -> list[str]:
    place = source.path or source.name
    top, width = source.skip_lines, max((len(row) for row in rows), default=0)
    grid = [[text or "" for text in [*row, *([""] * (width - len(row)))]] for row in rows]
    for (first, left), (last, right) in spans:
        if last < top or first >= top + len(rows):
            continue
        if len(rows) == 1 or last >= top + len(rows):
            where = f"{place} {_name(first, left)}:{_name(last, right)}"
            zh, en = (
                "表头有合并单元格；请用 header_rows 声明表头占几行，或取消合并",
                "the header has merged cells: say with `header_rows` how many rows make the names, or unmerge them",
            )
            raise refused(source, where, zh, en)
    _fill(grid, spans, top)
    names = _joined(grid)
    real = [name for name in names if name]
    if not real or len(set(real)) != len(real):
        named = [name or f"\0{column}" for column, name in enumerate(names)]  # several may have none
        raise refused_header(source, place, named, letters, _RENAME)
    return names


def names_in(rows: Sequence[Sequence[str]], spans: Sequence[Span], top: int) -> list[str]:
    """The names that the rows of a header give, merged cells filled; some may be empty, or there twice. top: which row
    of the sheet the first is."""
    width = max((len(row) for row in rows), default=0)
    grid = [[*row, *([""] * (width - len(row)))] for row in rows]
    _fill(grid, spans, top)
    return _joined(grid)


def _fill(grid: list[list[str]], spans: Sequence[Span], top: int) -> None:
    """A merged cell counts for all it covers."""
    for (first, left), (last, right) in spans:
        for row in range(max(first, top), min(last + 1, top + len(grid))):
            for column in range(left, min(right + 1, len(grid[0]))):
                grid[row - top][column] = grid[first - top][left] if first >= top else ""


def _joined(grid: Sequence[Sequence[str]]) -> list[str]:
    width = len(grid[0]) if grid else 0
    names = [".".join(dict.fromkeys(filter(None, (row[column].strip() for row in grid)))) for column in range(width)]
    while names and not names[-1]:
        names.pop()
    return names


def _held(source: Source, spans: list[Span], below: int, header: Sequence[str]) -> set[int]:
    """Rows that are merged across columns, and so are no records. Of a column that is filled down the cells of a group
    may be one."""
    downwards = {column for column, name in enumerate(header) if name in source.fill_down}
    across: set[int] = set()
    for (first, left), (last, right) in spans:
        if first < below:
            continue
        if left == right and left in downwards:
            continue
        if left == right and first != last:
            where = f"{source.path or source.name} {_name(first, left)}:{_name(last, right)}"
            zh, en = (
                "数据区有纵向合并的单元格，请取消合并并补全；是组名的，在数据源中写 fill_down",
                "cells are merged over rows: unmerge and fill them, or say `fill_down` where they name groups",
            )
            raise refused(source, where, zh, en)
        across.update(range(first, last + 1))
    return across


def _name(row: int, column: int) -> str:
    """A1, as people call a cell."""
    return f"{letters(column)}{row + 1}"


def letters(column: int) -> str:
    """A, as people call a column."""
    said = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        said = chr(65 + rest) + said
    return said


def _digits(cell: float) -> str:
    """A whole number as its digits, a card's sixteen too; beyond what a double counts in ones it may be another than
    was typed, and is written with its exponent, by which ids that went that way are known (rules.suspicions)."""
    text = floats.text_of(cell)
    return f"{Decimal(text).normalize():e}" if cell.is_integer() and abs(cell) > floats.COUNTED[64] else text


def _text(cell: Any) -> str | None:
    if cell is None or cell == "":
        return None
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return _digits(cell)
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ")
    if isinstance(cell, date | time):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        return _elapsed(cell)
    return str(cell)


def _elapsed(cell: timedelta) -> str:
    """30:00:00, as [h]:mm:ss shows it."""
    whole, micros = divmod(abs(cell) // timedelta(microseconds=1), 1_000_000)
    sign, fraction = "-" if cell < timedelta(0) else "", f".{micros:06d}" if micros else ""
    return f"{sign}{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}{fraction}"
