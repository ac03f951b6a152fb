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
from itertools import islice
from typing import Any

from datong.ground.refusal import Text
from datong.harmonise.model.mappings import BLANKS, Source
from datong.harmonise.model.reading import is_foot, is_total
from datong.harmonise.store.sources.documents import Row
from datong.harmonise.store.sources.opening import LINE_CHARS_MAX, Content, lines_of
from datong.harmonise.store.sources.telling import refused, refused_header, require_places

csv.field_size_limit(LINE_CHARS_MAX)
_NAMED_ANEW = Text(
    "请改名，或以 columns 写出全部列名并以 skip_lines 跳过表头",
    "rename one, or name all columns by `columns` and skip the header by `skip_lines`",
)


def csv_rows(
    source: Source, content: Content, named: Callable[[Iterable[str]], None] = lambda _: None
) -> Iterator[Row]:
    """The records below the header line, or all of them where the source names the columns. named: told the names."""
    lines = lines_of(source, content)
    skipped = deque(islice(lines, source.skip_lines), maxlen=1)
    consumed: list[str] = []  # the lines of the record being read, as they stand in the file

    def watched() -> Iterator[str]:
        for line in lines:
            consumed.append(line)
            yield line

    reader = _reader(source, watched())
    numbered = source.numbered.get("")
    read_so_far = 0
    try:
        forced = source.quote == '"' and source.delimiter != BLANKS
        header = list(source.columns.get("", ())) or [name.strip() for name in next(reader, [])]
        header = list(map(_forced_text, header)) if forced else header
        if numbered in header:
            zh, en = "已有此列，请另取行号列名（numbered）", "is a column already; give `numbered` another name"
            raise refused(source, f"{source.path or source.name}: {numbered}", zh, en)
        if not header or len(set(header)) != len(header):
            raise refused_header(source, source.path or source.name, header, lambda n: str(n + 1), _NAMED_ANEW)
        if source.columns and skipped:
            require_places(source, source.path or source.name, header, next(_reader(source, iter(skipped)), []))
        named(header)
        consumed.clear()
        loose, width, first = _loose(source), len(header), {header[0], "\ufeff" + header[0]}
        for fields in reader:
            said = _said_of(source, consumed) if len(consumed) > 1 or loose(consumed[0]) else ""
            if "unexpected end" in said:
                line = reader.line_num + source.skip_lines - len(consumed) + 1
                zh, en = "此行的引号没有结束", "a quotation that begins in this line never ends"
                raise refused(source, f"{source.path or source.name} @ line {line}", zh, en, read=read_so_far)
            if said:
                read_so_far += len(consumed)
                yield from (({}, line.rstrip("\r\n")) for line in consumed)
                consumed.clear()
                continue
            text = "".join(consumed).rstrip("\r\n")
            consumed.clear()
            if not fields:
                continue
            read_so_far += 1
            other = len(fields) != width and (len(fields) < width or any(fields[width:]))
            if other or (fields[0] in first and _is_header(fields, header)) or _is_none(source, fields, text):
                yield {}, text
                continue
            texts = map(_forced_text, fields) if forced and '="' in text else fields
            row: dict[str, str | None] = dict(zip(header, texts, strict=False))
            yield (row if numbered is None else {**row, numbered: str(read_so_far)}), None
    except csv.Error as error:
        place = f"{source.path or source.name} @ line {reader.line_num + source.skip_lines}"
        raise refused(source, place, f"不是 CSV：{error}", f"is no CSV: {error}", read=read_so_far) from None


def _forced_text(field: str) -> str:
    """00012 where ="00012" stands, by which people keep a spreadsheet from taking a code for a number."""
    return field[2:-1] if field.startswith('="') and field.endswith('"') and field.count('"') == 2 else field


def _is_none(source: Source, fields: list[str], text: str) -> bool:
    """Whether a line adds up those above it, or stands below the table. Looks first, as most do neither."""
    if not source.keeps_totals and ("计" in text or "otal" in text or "OTAL" in text) and is_total(fields):
        return True
    return ("：" in text or ":" in text) and is_foot(fields)


def _reader(source: Source, lines: Iterator[str], *, strict: bool = False) -> Any:
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


def _loose(source: Source) -> Callable[[str], object]:
    """Whether a field may go on behind a quotation in a line: another sign stands behind a quote that begins none."""
    if not source.quote or source.delimiter == BLANKS:
        return lambda _: False
    quote, delimiter = re.escape(source.quote), re.escape(source.delimiter)
    return re.compile(rf"{quote}(?<=[^{delimiter}]{quote})[^{delimiter}{quote}\r\n]").search  # found by its first sign


def _said_of(source: Source, lines: list[str]) -> str:
    """What is wrong with the quotations of a record; the file's end ends none."""
    try:
        list(_reader(source, iter(lines), strict=True))
    except csv.Error as error:
        return str(error)
    return ""


def _is_header(fields: list[str], header: list[str]) -> bool:
    return len(header) > 1 and [field.strip("\ufeff \t") for field in fields[: len(header)]] == header
