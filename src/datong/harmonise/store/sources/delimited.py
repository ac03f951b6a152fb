"""CSV and its kin, record by record: a line with too few or too many fields is kept as its text, and so is each line
of a quotation behind whose end a field goes on (two stray quotes would swallow what stands between them), and the
header where it comes again. Empty fields too many are none.

Fields may be parted by runs of blanks too; such a line cannot hold an empty field.

Contract: tests/harmonise/test_harmonise_sources.py.
"""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from datong.ground.refusal import Text
from datong.harmonise.model.mappings import BLANKS, Source
from datong.harmonise.model.reading import is_foot, is_total
from datong.harmonise.store.sources.documents import Row
from datong.harmonise.store.sources.opening import LINE_CHARS_MAX, Content, lines_of
from datong.harmonise.store.sources.telling import refused, refused_header, require_places

csv.field_size_limit(LINE_CHARS_MAX)
BOM = "\ufeff"
_NAMED_ANEW = Text(
    "请改名，或以 columns 写出全部列名并以 skip_lines 跳过表头",
    "rename one, or name all columns by `columns` and skip the header by `skip_lines`",
)


@dataclass(frozen=True)
class Delimited:
    """What the records of a file are read by: its header, and the line with which the first of them begins (from 1)."""

    source: Source
    header: list[str]
    forced: bool
    first: int

    def records(self, lines: Iterator[str], line: int, read: int) -> Iterator[tuple[int, list[Row]]]:
        """Each record of `lines`: of how many of them it is, and its rows; none of an empty line, and of lines with
        stray quotes one for each. line: which line of the file the first is; read: how many rows there were before."""
        source, header, forced, width = self.source, self.header, self.forced, len(self.header)
        consumed: list[str] = []  # the lines of the record being read, as they stand in the file

        def watched() -> Iterator[str]:
            for one in lines:
                consumed.append(one)
                yield one

        reader = reader_of(source, watched())
        loose, first = loose_in(source), {header[0], BOM + header[0]}
        try:
            for fields in reader:
                said = _said_of(source, consumed) if len(consumed) > 1 or loose(consumed[0]) else ""
                if "unexpected end" in said:
                    zh, en = "此行的引号没有结束", "a quotation that begins in this line never ends"
                    place = f"{source.path or source.name} @ line {line + reader.line_num - len(consumed)}"
                    raise refused(source, place, zh, en, read=read)
                count = len(consumed)
                rows: list[Row] = []
                if said:
                    rows = [({}, text.rstrip("\r\n")) for text in consumed]
                elif fields:
                    text = "".join(consumed).rstrip("\r\n")
                    other = len(fields) != width and (len(fields) < width or any(fields[width:]))
                    if other or (fields[0] in first and _is_header(fields, header)) or _is_none(source, fields, text):
                        rows = [({}, text)]
                    else:
                        texts = map(_forced_text, fields) if forced and '="' in text else fields
                        rows = [(dict(zip(header, texts, strict=False)), None)]
                consumed.clear()
                read += len(rows)
                yield count, rows
        except csv.Error as error:
            place = f"{source.path or source.name} @ line {line + reader.line_num - 1}"
            raise refused(source, place, f"不是 CSV：{error}", f"is no CSV: {error}", read=read) from None


def begun(source: Source, lines: Iterator[str]) -> Delimited:
    """The file whose header `lines` begin with; they are then at its first record."""
    place = source.path or source.name
    skipped = deque(islice(lines, source.skip_lines), maxlen=1)
    reader = reader_of(source, lines)
    try:
        forced = source.quote == '"' and source.delimiter != BLANKS
        header = list(source.columns.get("", ())) or [name.strip() for name in next(reader, [])]
    except csv.Error as error:
        place = f"{place} @ line {reader.line_num + source.skip_lines}"
        raise refused(source, place, f"不是 CSV：{error}", f"is no CSV: {error}") from None
    header = list(map(_forced_text, header)) if forced else header
    if (numbered := source.numbered.get("")) in header:
        zh, en = "已有此列，请另取行号列名（numbered）", "is a column already; give `numbered` another name"
        raise refused(source, f"{place}: {numbered}", zh, en)
    if not header or len(set(header)) != len(header):
        raise refused_header(source, place, header, lambda n: str(n + 1), _NAMED_ANEW)
    if source.columns and skipped:
        require_places(source, place, header, next(reader_of(source, iter(skipped)), []))
    return Delimited(source, header, forced, source.skip_lines + reader.line_num + 1)


def csv_rows(
    source: Source, content: Content, named: Callable[[Iterable[str]], None] = lambda _: None
) -> Iterator[Row]:
    """The records below the header line, or all of them where the source names the columns. named: told the names."""
    lines = lines_of(source, content)
    file = begun(source, lines)
    named(file.header)
    rows = (row for _, rows in file.records(lines, file.first, 0) for row in rows)
    if (numbered := source.numbered.get("")) is None:
        yield from rows
        return
    for number, (values, text) in enumerate(rows, 1):
        yield ({**values, numbered: str(number)} if text is None else values), text


def _forced_text(field: str) -> str:
    """00012 where ="00012" stands, by which people keep a spreadsheet from taking a code for a number."""
    return field[2:-1] if field.startswith('="') and field.endswith('"') and field.count('"') == 2 else field


def _is_none(source: Source, fields: list[str], text: str) -> bool:
    """Whether a line adds up those above it, or stands below the table. Looks first, as most do neither."""
    if not source.keeps_totals and has_total_sign(text) and is_total(fields):
        return True
    return ("：" in text or ":" in text) and is_foot(fields)


def has_total_sign(text: str) -> bool:
    return "计" in text or "otal" in text or "OTAL" in text


def reader_of(source: Source, lines: Iterator[str], *, strict: bool = False) -> Any:
    if source.delimiter == BLANKS:
        return _Blanks(lines)
    if not source.quote:
        return csv.reader(lines, delimiter=source.delimiter, quoting=csv.QUOTE_NONE, strict=strict)
    return csv.reader(lines, delimiter=source.delimiter, quotechar=source.quote, strict=strict)


class _Blanks:
    """The fields of lines that runs of blanks part, in the manner of csv.reader."""

    def __init__(self, lines: Iterator[str]) -> None:
        self.lines, self.line_num = lines, 0

    def __iter__(self) -> _Blanks:
        return self

    def __next__(self) -> list[str]:
        self.line_num += 1
        return next(self.lines).split()


def loose_in(source: Source) -> Callable[[str], object]:
    """Whether a field may go on behind a quotation in a line: another sign stands behind a quote that begins none."""
    if not source.quote or source.delimiter == BLANKS:
        return lambda _: False
    quote, delimiter = re.escape(source.quote), re.escape(source.delimiter)
    return re.compile(rf"{quote}(?<=[^{delimiter}]{quote})[^{delimiter}{quote}\r\n]").search  # found by its first sign


def _said_of(source: Source, lines: list[str]) -> str:
    """What is wrong with the quotations of a record; the file's end ends none."""
    try:
        list(reader_of(source, iter(lines), strict=True))
    except csv.Error as error:
        return str(error)
    return ""


def _is_header(fields: list[str], header: list[str]) -> bool:
    return len(header) > 1 and [field.strip("\ufeff \t") for field in fields[: len(header)]] == header
