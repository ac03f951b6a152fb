"""The first bytes of a file nobody has described yet, all of them in pieces, what a zip or a database holds.

Contract: tests/harmonise/test_harmonise_sniffing.py.
"""

from __future__ import annotations

import gzip
import re
import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from html import unescape
from pathlib import Path
from typing import IO, Any, cast
from urllib.parse import quote

from datong.harmonise.store.sources.opening import BAD_ZIP

GZIP, ZIP = b"\x1f\x8b", b"PK\x03\x04"
TEXT_BYTES_MAX = 400_000_000
"""How much of a text is read to know its encoding."""
SHEETS_BYTES_MAX = 1_000_000
TABLES_MAX = 200
DAMAGED = (*BAD_ZIP, gzip.BadGzipFile, RuntimeError, NotImplementedError, sqlite3.Error)
"""What reading a damaged file, or one with a password, raises."""


def head_of(path: Path, size: int, *, unpacked: bool = False) -> bytes:
    with _stream(path) if unpacked else path.open("rb") as stream:
        return stream.read(size)


def pieces_of(path: Path) -> Iterator[bytes]:
    """The content, unpacked, piece by piece."""
    left = TEXT_BYTES_MAX
    with _stream(path) as stream:
        while left > 0 and (piece := stream.read(1 << 20)):
            left -= len(piece)
            yield piece


@contextmanager
def _stream(path: Path) -> Iterator[IO[bytes]]:
    """The content of a file, of a gzip, or of the one file in a zip."""
    start = head_of(path, len(ZIP))
    if start == ZIP:
        with zipfile.ZipFile(path) as archive, archive.open(names_in(path)[0][0]) as stream:
            yield stream
    elif start.startswith(GZIP):
        with gzip.open(path) as stream:
            yield cast(IO[bytes], stream)
    else:
        with path.open("rb") as stream:
            yield stream


def names_in(path: Path) -> tuple[list[str], list[str] | None]:
    """(files in a zip, names of the sheets that are seen when it is a workbook)."""
    with zipfile.ZipFile(path) as archive:
        names = [entry.filename for entry in archive.infolist() if not entry.is_dir()][:10_000]
        if "xl/workbook.xml" not in names:
            return names, None
        with archive.open("xl/workbook.xml") as opened:
            text = opened.read(SHEETS_BYTES_MAX).decode("utf-8", "replace")
    sheets = re.findall(r'<(?:\w+:)?sheet (?![^>]*?state="(?:very)?hidden")[^>]*?name="([^"]*)"', text, re.IGNORECASE)
    return names, [unescape(name) for name in sheets]


def tables_of(path: Path) -> dict[str, str]:
    """The tables and views of a SQLite file, each with its key's first column, or its first column."""
    every = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%' ORDER BY name"
    columns = "SELECT name, pk FROM pragma_table_info(?)"
    with closing(sqlite3.connect(f"file:{quote(str(path.resolve()))}?mode=ro", uri=True)) as opened:
        names = [str(name) for (name,) in opened.execute(every)][:TABLES_MAX]
        return {name: _key(opened.execute(columns, (name,)).fetchall()) for name in names}


def _key(columns: list[Any]) -> str:
    ordered = sorted(columns, key=lambda column: (column[1] == 0, column[1]))
    return str(ordered[0][0]) if ordered else ""
