"""Reading the files of a recoding: the spec, hierarchies, and the few columns of a table that are needed, as codes.

A table is a delimited text whose first line names its columns. Only the columns asked for are read, each as a
dictionary of its values and one code per row. What is wrong is told by file and line, never by a cell's value.
Must never know: what the codes are used for. Contract: tests/deidentify/test_recoding_refusals.py.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from datong.deidentify.rules.recoding.hierarchy import Hierarchy, hierarchy_of, lines_of
from datong.ground.refusal import Problem
from datong.ground.staging import whole_file

DELIMITERS = ",;\t|^"
HEAD_BYTES = 1 << 20
LINES_LISTED_MAX = 10
BLOCK_BYTES = 4 << 20

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Read:
    """Columns of a table: values[column] and codes[column][row]; how the file is cut, and all its columns."""

    values: dict[str, list[str]]
    codes: dict[str, Array]
    rows: int
    delimiter: str
    encoding: str
    header: tuple[str, ...]


def text_of(path: Path, where: str) -> tuple[str, list[Problem]]:
    """A small text file: UTF-8, else GB 18030."""
    try:
        data = path.read_bytes()
    except OSError as error:
        return "", [_unread(where, error)]
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding), []
        except UnicodeDecodeError:
            continue
    return "", [Problem(where, "既不是 UTF-8 也不是 GB 18030 文本", "is neither UTF-8 nor GB 18030 text")]


def hierarchy_in(path: Path, where: str) -> tuple[Hierarchy | None, list[Problem]]:
    text, problems = text_of(path, where)
    return (None, problems) if problems else hierarchy_of(where, lines_of(text)[0])


def _unread(where: str, error: OSError) -> Problem:
    if isinstance(error, FileNotFoundError):
        return Problem(where, "没有这个文件", "there is no such file")
    said = error.strerror or "error"
    return Problem(where, f"不能读取（{said}）", f"cannot be read ({said})")


def read_table(
    path: Path, where: str, columns: Sequence[str], *, delimiter: str = "", encoding: str = ""
) -> tuple[Read | None, list[Problem]]:
    """The columns of a table, or everything that keeps it from being read."""
    try:
        with path.open("rb") as opened:
            head = opened.read(HEAD_BYTES)
    except OSError as error:
        return None, [_unread(where, error)]
    if not head.strip():
        return None, [Problem(where, "文件为空", "is empty")]
    tried = [encoding] if encoding else ["utf-8", "gb18030"]
    for name in tried:
        try:
            header, sign = _header(head, name, columns, delimiter)
            problems = _header_problems(where, header, columns, delimiter or sign)
            if problems:
                return None, problems
            return _columns(path, where, columns, header, delimiter or sign, name)
        except (UnicodeError, LookupError, _NotText):
            continue
    said = " / ".join(tried)
    return None, [Problem(where, f"不是 {said} 文本", f"is no text in {said}; say its `encoding`")]


class _NotText(Exception):
    pass


def _header(head: bytes, encoding: str, columns: Sequence[str], delimiter: str) -> tuple[tuple[str, ...], str]:
    """The names of the first line and the delimiter under which most of `columns` are among them."""
    line = head.split(b"\n", 1)[0].rstrip(b"\r").removeprefix(b"\xef\xbb\xbf")
    text = line.decode(encoding)
    best: tuple[tuple[str, ...], str] = ((text,), "")
    most = -1
    for sign in [delimiter] if delimiter else DELIMITERS:
        names = tuple(next(csv.reader(io.StringIO(text), delimiter=sign), []))
        known = len(set(columns) & set(names))
        if known > most:
            best, most = (names, sign), known
    return best


def _header_problems(where: str, header: Sequence[str], columns: Sequence[str], sign: str) -> list[Problem]:
    missing = [column for column in columns if column not in header]
    if len(missing) == len(columns):
        return [Problem(
            f"{where}:1",
            f"无法识别分隔符：第一行没有列 {', '.join(missing)}；请写明 delimiter 或改列名",
            f"no delimiter is found under which the first line names {', '.join(missing)}; say the `delimiter`, "
            "or mend the names",
        )]  # fmt: skip
    found = [Problem(f"{where}:1", f"没有列 {name}", f"has no column {name}") for name in missing]
    twice = sorted({name for name in columns if list(header).count(name) > 1})
    return found + [Problem(f"{where}:1", f"有两列名为 {name}", f"has two columns {name}") for name in twice]


def _columns(
    path: Path, where: str, columns: Sequence[str], header: Sequence[str], sign: str, encoding: str
) -> tuple[Read | None, list[Problem]]:
    import pyarrow as pa  # noqa: PLC0415 - heavy
    from pyarrow import csv as arrow_csv  # noqa: PLC0415

    uneven = 0

    def skip(row: Any) -> str:
        nonlocal uneven
        uneven += 1
        return "skip"

    text = pa.dictionary(pa.int32(), pa.string())
    try:
        table = arrow_csv.read_csv(
            path,
            read_options=arrow_csv.ReadOptions(
                column_names=list(header), skip_rows=1, encoding=encoding, block_size=BLOCK_BYTES
            ),
            parse_options=arrow_csv.ParseOptions(delimiter=sign, invalid_row_handler=skip),
            convert_options=arrow_csv.ConvertOptions(
                include_columns=list(columns), column_types=dict.fromkeys(columns, text), strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as error:
        if "UTF8" in str(error) or "transcod" in str(error).lower():
            raise _NotText from error
        if "Empty CSV" in str(error):
            return None, [Problem(where, "除表头外没有行", "has no rows below its header")]
        return None, [Problem(where, "不能按分隔文本读取", "cannot be read as delimited text")]
    if uneven:
        return None, _uneven(path, where, len(header), sign, encoding, uneven)
    if table.num_rows == 0:
        return None, [Problem(where, "除表头外没有行", "has no rows below its header")]
    values, codes = {}, {}
    for column in columns:
        values[column], codes[column] = _codes(table[column])
    return Read(values, codes, table.num_rows, sign, encoding, tuple(header)), []


def _codes(column: Any) -> tuple[list[str], Array]:
    column = column.unify_dictionaries()
    chunks = column.chunks
    codes = np.concatenate([chunk.indices.to_numpy(zero_copy_only=False) for chunk in chunks])
    return chunks[0].dictionary.to_pylist(), codes.astype(np.int32, copy=False)


def _uneven(path: Path, where: str, width: int, sign: str, encoding: str, count: int) -> list[Problem]:
    """The lines with another number of fields than the header."""
    found: list[Problem] = []
    with path.open(encoding=encoding, newline="") as opened:
        reader = csv.reader(opened, delimiter=sign)
        at = 1
        for fields in reader:
            if fields and len(fields) != width and len(found) < LINES_LISTED_MAX:
                found.append(
                    Problem(f"{where}:{at}", f"有 {len(fields)} 个字段，表头有 {width} 个",
                            f"has {len(fields)} fields, its header {width}")
                )  # fmt: skip
            at = reader.line_num + 1
    if count > len(found):
        found.append(Problem(where, f"共有 {count} 行字段数不符", f"{count} lines have another number of fields"))
    return found


def line_of_row(read: Read, path: Path, row: int) -> int:
    """The line at which data row `row` (from 0) begins; blank lines are no rows."""
    with path.open(encoding=read.encoding, newline="") as opened:
        reader = csv.reader(opened, delimiter=read.delimiter)
        at, seen = 1, -1
        for fields in reader:
            if fields:
                if seen == row:
                    return at
                seen += 1
            at = reader.line_num + 1
    return at


def write_table(path: Path, header: Sequence[str], columns: Sequence[tuple[Sequence[str], Array]], sign: str) -> None:
    """Writes columns, each as texts and one code per row, as UTF-8, the rows in the order of what stands in them: in
    that of the table read they would say who is who to somebody with a list in that order."""
    import pyarrow as pa  # noqa: PLC0415 - heavy
    from pyarrow import csv as arrow_csv  # noqa: PLC0415

    order = _by_content(columns)
    arrays = [
        pa.DictionaryArray.from_arrays(pa.array(codes[order]), pa.array(list(texts), pa.string())).cast(pa.string())
        for texts, codes in columns
    ]
    options = arrow_csv.WriteOptions(delimiter=sign, quoting_style="needed")
    with whole_file(path) as staged:
        arrow_csv.write_csv(pa.table(arrays, names=list(header)), staged, write_options=options)


def _by_content(columns: Sequence[tuple[Sequence[str], Array]]) -> Array:
    """The rows' numbers in the order of their texts, the first column first."""
    place, size = np.zeros(len(columns[0][1]), dtype=np.int64), 1
    for texts, codes in columns:
        if size * len(texts) >= 1 << 62:
            _, place = np.unique(place, return_inverse=True)
            size = len(place)
        rank = np.empty(len(texts), dtype=np.int64)
        rank[sorted(range(len(texts)), key=texts.__getitem__)] = np.arange(len(texts))
        place, size = place * len(texts) + rank[codes], size * len(texts)
    return np.argsort(place, kind="stable")
