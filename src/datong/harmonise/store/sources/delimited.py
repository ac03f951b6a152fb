"""CSV and its kin, record by record: a line with too few or too many fields is kept as its text.

Fields may be parted by runs of blanks too; such a line cannot hold an empty field.

Contract: tests/harmonise/test_harmonise_sources.py.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import Any

from datong.ground.refusal import Text
from datong.harmonise.model.mappings import BLANKS, Source
from datong.harmonise.store.sources.documents import Row
from datong.harmonise.store.sources.opening import LINE_CHARS_MAX, Content, lines_of
from datong.harmonise.store.sources.telling import refused, refused_header, require_places

csv.field_size_limit(LINE_CHARS_MAX)
_NAMED_ANEW = Text(
    "请改名，或以 columns 写出全部列名并以 skip_lines 跳过表头",
    "rename one, or name all columns by `columns` and skip the header by `skip_lines`",
)


def csv_rows(source: Source, content: Content) -> Iterator[Row]:
    """The records below the header line, or all of them where the source names the columns."""
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
        header = list(source.columns.get("", ())) or [name.strip() for name in next(reader, [])]
        if numbered in header:
            zh, en = "已有此列，请另取行号列名（numbered）", "is a column already; give `numbered` another name"
            raise refused(source, f"{source.path or source.name}: {numbered}", zh, en)
        if not header or len(set(header)) != len(header):
            raise refused_header(source, source.path or source.name, header, lambda n: str(n + 1), _NAMED_ANEW)
        if source.columns and skipped:
            require_places(source, source.path or source.name, header, next(_reader(source, iter(skipped)), []))
        consumed.clear()
        for fields in reader:
            if len(consumed) > 1 and not _closed(source, consumed):
                line = reader.line_num + source.skip_lines - len(consumed) + 1
                zh, en = "此行的引号没有结束", "a quotation that begins in this line never ends"
                raise refused(source, f"{source.path or source.name} @ line {line}", zh, en, read=read_so_far)
            text = "".join(consumed).rstrip("\r\n")
            consumed.clear()
            if not fields:
                continue
            read_so_far += 1
            if len(fields) != len(header):
                yield {}, text
                continue
            row: dict[str, str | None] = dict(zip(header, fields, strict=True))
            yield (row if numbered is None else {**row, numbered: str(read_so_far)}), None
    except csv.Error as error:
        place = f"{source.path or source.name} @ line {reader.line_num + source.skip_lines}"
        raise refused(source, place, f"不是 CSV：{error}", f"is no CSV: {error}", read=read_so_far) from None


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


def _closed(source: Source, lines: list[str]) -> bool:
    """Whether the record of several lines ends its last quotation; the file's end ends none."""
    try:
        return len(list(_reader(source, iter(lines), strict=True))) == 1
    except csv.Error as error:
        return "unexpected end" not in str(error)
