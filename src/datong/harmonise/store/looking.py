"""Looking at a file or database nobody has described yet: its first bytes, the encoding of all of it, its tables.

Contract: tests/harmonise/test_harmonise_sniffing.py.
"""

from __future__ import annotations

import gzip
import re
import sqlite3
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import IO, Any, cast
from urllib.parse import quote

from datong.ground.refusal import Text
from datong.harmonise.model.drafts import Look, Unfit
from datong.harmonise.model.mappings import SourceKind
from datong.harmonise.rules import sniffing

HEAD_BYTES = 4_000_000
ENCODING_BYTES = 400_000_000
"""How much of a text is read to know its encoding."""
SHEETS_BYTES = 1_000_000
TABLES_MAX = 200
_NO_TEXT = re.compile(r"[\x00\x02-\x08\x0e-\x1a]")


def looked_at(path: Path) -> Look | Unfit:
    """What the file at `path` is. An OSError when it cannot be read."""
    with path.open("rb") as opened:
        head = opened.read(64)
    if head.startswith(sniffing.PARQUET):
        return Look(SourceKind.parquet, {})
    if head.startswith(sniffing.SQLITE):
        return _database(path)
    if head.startswith(sniffing.ZIP):
        return _zip(path)
    if not head.startswith(sniffing.GZIP) and (unfit := sniffing.foreign(head)) is not None:
        return unfit
    try:
        return _text(path)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        damaged = Text("压缩文件损坏或不完整。", "The packed file is damaged or cut short.")
        return Unfit(damaged, Text("请重新获取该文件。", "Fetch it again."))


def _text(path: Path) -> Look | Unfit:
    with _stream(path) as stream:
        head = stream.read(HEAD_BYTES + 1)
    whole, head = len(head) <= HEAD_BYTES, head[:HEAD_BYTES]
    if (unfit := sniffing.foreign(head[:64])) is not None:
        return unfit
    doubts: tuple[Text, ...] = ()
    encoding = sniffing.marked(head)
    if not encoding:
        encoding, doubts = sniffing.encoding_of(_pieces(path))
    text = head.decode(encoding, "replace")  # reading the whole judges every byte
    if _NO_TEXT.search(text[:100_000]) or not text.strip():
        why = Text("这不是文本。", "It is no text.")
        return Unfit(why, Text("请另存为 CSV、JSON、.xlsx 或 Parquet。", "Save it as CSV, JSON, .xlsx or Parquet."))
    found = sniffing.text_look(text, whole=whole)
    if isinstance(found, Unfit):
        return found
    facts = found.facts if encoding == "utf-8" else {"encoding": encoding, **found.facts}
    return Look(found.kind, facts, (*doubts, *found.doubts))


def _stream(path: Path) -> IO[bytes]:
    with path.open("rb") as opened:
        packed = opened.read(2) == sniffing.GZIP
    return cast(IO[bytes], gzip.open(path)) if packed else path.open("rb")


def _pieces(path: Path) -> Iterator[bytes]:
    left = ENCODING_BYTES
    with _stream(path) as stream:
        while left > 0 and (piece := stream.read(1 << 20)):
            left -= len(piece)
            yield piece


def _zip(path: Path) -> Look | Unfit:
    """An .xlsx is a zip; so is a CSV that somebody packed."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [entry.filename for entry in archive.infolist() if not entry.is_dir()][:10_000]
            if "xl/workbook.xml" in names:
                with archive.open("xl/workbook.xml") as opened:
                    text = opened.read(SHEETS_BYTES).decode("utf-8", "replace")
                return _workbook(re.findall(r'<(?:\w+:)?sheet [^>]*?name="([^"]*)"', text))
    except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError):
        damaged = Text("压缩文件损坏或有密码。", "The packed file is damaged, or has a password.")
        return Unfit(damaged, Text("请重新获取该文件。", "Fetch it again."))
    listed = ", ".join(names[:5])
    why = Text(f"这是压缩包，内有：{listed}。", f"It is a zip archive; in it: {listed}.")
    return Unfit(why, Text("请解压后再试。", "Unpack it and try again."))


def _workbook(sheets: list[str]) -> Look:
    if len(sheets) < 2:
        return Look(SourceKind.excel, {})
    names = ", ".join(sheets[:10])
    said = Text(f"取第一张工作表；共有：{names}。", f"The first sheet is taken; there are: {names}.")
    return Look(SourceKind.excel, {"sheet": sheets[0]}, (said,))


def _database(path: Path) -> Look | Unfit:
    """Its tables, each with the column that its rows are ordered by."""
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path.resolve()))}?mode=ro", uri=True)) as opened:
            names = [
                str(name)
                for (name,) in opened.execute(
                    "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%' ORDER BY name"
                )
            ]
            tables = {name: _key(opened.execute("SELECT name, pk FROM pragma_table_info(?)", (name,)).fetchall()) for name in names[:TABLES_MAX]}  # fmt: skip
    except sqlite3.Error as error:
        said = type(error).__name__
        damaged = Text(f"SQLite 数据库不可读（{said}）。", f"The SQLite database cannot be read ({said}).")
        return Unfit(damaged, Text("请重新获取该文件。", "Fetch it again."))
    if not tables:
        return Unfit(
            Text("数据库中没有表。", "There is no table in it."), Text("请换一个文件。", "Choose another file.")
        )
    return Look(SourceKind.database, {"tables": tables})


def _key(columns: list[Any]) -> str:
    """The primary key's first column, or the first column."""
    ordered = sorted(columns, key=lambda column: (column[1] == 0, column[1]))
    return str(ordered[0][0]) if ordered else ""
