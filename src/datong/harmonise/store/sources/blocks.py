"""CSV many records at a time, wherever that gives what record by record gives: it does for nearly every line.

A line with as many delimiters as the header has, no quote and no sign of anything else is left to Arrow's reader. Lines
whose quotations end in them go through Python's reader all at once. Every other line is read as
delimited.Delimited.records reads it, with the lines in which its record goes on.
Contract: tests/harmonise/test_harmonise_blocks.py, which holds that both ways give the same.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import compress, islice

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv

from datong.harmonise.model.mappings import Source
from datong.harmonise.model.reading import FOOT, has_total_label
from datong.harmonise.store.sources.delimited import (
    BOM,
    Delimited,
    begun,
    csv_rows,
    has_total_sign,
    loose_in,
    reader_of,
)
from datong.harmonise.store.sources.documents import Row
from datong.harmonise.store.sources.gathering import BATCH_ROWS, Gathered
from datong.harmonise.store.sources.opening import Content, lines_of


def gather(source: Source, content: Content, gathered: Gathered) -> None:
    """Add the records of a file."""
    by_record = source.unpivot is not None or source.fill_down or source.numbered.get("") is not None
    if by_record or len(source.delimiter) != 1 or not source.delimiter.isascii():  # BLANKS is a word
        gathered.add_rows(csv_rows(source, content, gathered.named))
        return
    lines = lines_of(source, content)
    file = begun(source, lines)
    gathered.named(file.header)
    line, before = file.first, gathered.rows
    while block := list(islice(lines, BATCH_ROWS)):
        line += _add(file, block, lines, line, gathered.rows - before, gathered)


def _add(file: Delimited, block: list[str], more: Iterator[str], line: int, read: int, gathered: Gathered) -> int:
    """Add the records that begin in `block`; how many lines they are, which is more than the block has where its last
    record goes on in lines that come after it. line, read: of the file, as Delimited.records takes them."""
    odd, quoted = _apart(file, block)
    read_together = zip(quoted, _of_quoted(file, [block[at] for at in quoted]), strict=True)
    of_quoted = {at: fields for at, fields in read_together if fields is not None}
    plain = np.ones(len(block), np.bool_)
    plain[[*odd, *quoted]] = False
    alone: list[tuple[int, Row]] = []
    past = 0
    for at in sorted({*odd, *quoted} - of_quoted.keys()):
        if at < past:  # a record before goes on in it
            continue
        read += at - past
        count, rows = next(file.records(_from(block, at, more), line + at, read))
        alone += [(at, row) for row in rows]
        past, read = at + count, read + len(rows)
        plain[at:past] = False
        for inside in range(at, min(past, len(block))):
            of_quoted.pop(inside, None)
    lines = list(compress(block, plain))
    places = np.concatenate([np.flatnonzero(plain), list(of_quoted), [at for at, _ in alone]]).astype(np.int64)
    order = None if len(places) == len(lines) else pa.array(np.argsort(places, kind="stable"))
    columns, broken = _columns(file, lines, list(of_quoted.values()), [row for _, row in alone], order)
    gathered.add(columns, len(places), broken)
    return max(past, len(block))


def _from(block: list[str], at: int, more: Iterator[str]) -> Iterator[str]:
    for place in range(at, len(block)):
        yield block[place]
    for one in more:  # noqa: UP028 - `yield from` would end the file's lines when this generator is dropped
        yield one


# --- which way a line goes ---------------------------------------------------------------------------------


def _apart(file: Delimited, block: list[str]) -> tuple[list[int], list[int]]:
    """Of the lines of a block those that are read alone, and those with quotations that end in them; all others are
    plain."""
    source, text = file.source, "".join(block)
    delimiter, quote, count = source.delimiter, source.quote, len(file.header) - 1
    looked_at, loose = _look(file, text), loose_in(source)
    quotes = bool(quote) and quote in text
    odd: list[int] = []
    quoted: list[int] = []
    for at, line in enumerate(block):
        if looked_at is not None and looked_at(line):
            odd.append(at)
        elif quotes and quote in line:
            alone = line.count(quote) % 2 or loose(line) or '="' in line
            (odd if alone else quoted).append(at)
        elif line.count(delimiter) != count:
            odd.append(at)
    return odd, quoted


def _look(file: Delimited, text: str) -> Callable[[str], bool] | None:
    """Whether a line may be another thing than a record: a header that comes again, totals, what stands below a table,
    nothing. None when no line of `text` can; each look is taken where its signs are in `text` at all."""
    source = file.source
    looks: list[Callable[[str], bool]] = []
    begins = (file.header[0] + source.delimiter, BOM + file.header[0] + source.delimiter)
    if begins[0] in text:
        looks.append(lambda line: line.startswith(begins))
    if not source.keeps_totals and has_total_sign(text):
        looks.append(lambda line: has_total_sign(line) and has_total_label(line))
    if not text.isascii() and (":" in text or "：" in text):
        foot = re.compile(rf"[\s{re.escape(source.delimiter + source.quote)}]*{FOOT}").match
        looks.append(lambda line: not line.isascii() and foot(line) is not None)
    if len(file.header) == 1:
        looks.append(lambda line: not line.rstrip("\r\n"))
    if BOM in text:  # Arrow takes one away
        looks.append(lambda line: line.startswith(BOM))
    return (lambda line: any(look(line) for look in looks)) if looks else None


# --- their values ------------------------------------------------------------------------------------------


def _of_quoted(file: Delimited, lines: list[str]) -> list[list[str] | None]:
    """The fields of each line; None of one that is to be read alone, as all are when a quotation goes on beyond one."""
    alone: list[list[str] | None] = [None] * len(lines)
    try:
        found = list(reader_of(file.source, iter([*lines, "\n"])))  # the last shows whether a quotation was left open
    except csv.Error:
        return alone
    if len(found) != len(lines) + 1 or found[-1]:
        return alone
    first = {file.header[0], BOM + file.header[0]}
    return [fields if len(fields) == len(file.header) and fields[0] not in first else None for fields in found[:-1]]


def _columns(
    file: Delimited, plain: list[str], quoted: list[list[str]], alone: list[Row], order: pa.Array | None
) -> tuple[dict[str, pa.Array], pa.Array | None]:
    """(columns, texts of what is no record) of the three kinds of rows, put into their order."""
    texts = [text for _, text in alone]
    broken = None
    if any(text is not None for text in texts):
        broken = pa.concat_arrays([pa.nulls(len(plain) + len(quoted), pa.string()), pa.array(texts, pa.string())])
        broken = broken.take(order)
    if not plain and not quoted and None not in texts:
        return {}, broken
    by_arrow = _read(file, plain)
    columns = {}
    for number, name in enumerate(file.header):
        parts = [*by_arrow[name].chunks] if by_arrow is not None else []
        if order is not None:
            parts.append(pa.array([fields[number] for fields in quoted], pa.string()))
            parts.append(pa.array([values.get(name) for values, _ in alone], pa.string()))
        whole = pa.concat_arrays(parts)
        columns[name] = whole if order is None else whole.take(order)
    return columns, broken


def _read(file: Delimited, lines: Sequence[str]) -> pa.Table | None:
    if not lines:
        return None
    content = "".join(lines).encode()
    return arrow_csv.read_csv(
        pa.BufferReader(content),
        arrow_csv.ReadOptions(
            use_threads=False, block_size=min(len(content) + 1, 2**31 - 1), column_names=file.header
        ),
        arrow_csv.ParseOptions(
            delimiter=file.source.delimiter, quote_char=False, double_quote=False, escape_char=False,
            ignore_empty_lines=False,
        ),
        arrow_csv.ConvertOptions(
            check_utf8=False, column_types=dict.fromkeys(file.header, pa.string()), strings_can_be_null=False
        ),
    )  # fmt: skip
