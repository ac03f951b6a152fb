"""Repairs as a CSV file that a person fills in with a spreadsheet: one line a quarantined value.

    row, column, reason, original_digest, new_text

The original itself is not in it (deliver shows originals, under a decision); its digest says which text was meant. A
text that a spreadsheet would take for a formula is written with an apostrophe before it and read back without.
Must never know: the store. Contract: tests/harmonise/test_harmonise_repairs.py.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass

from datong.ground.canonical import digest
from datong.ground.refusal import Problem
from datong.harmonise.model.repairs import AT_ONCE_MAX

HEADER = ("row", "column", "reason", "original_digest", "new_text")
NEEDED = ("row", "column", "original_digest", "new_text")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")
_BYTES_MAX = 20_000_000
_FIELD_MAX = 131_072


@dataclass(frozen=True)
class Line:
    """One line: which value of which quarantined row, and the text to put there ("" = none given)."""

    row: int
    column: str
    original_digest: str
    text: str
    reason: str = ""


def original_digest(build: str, row: int, column: str, original: str | None) -> str:
    """A digest that tells an original from another in the same place, and nothing where it stands elsewhere."""
    return digest([build, row, column, original])


def written(lines: Iterable[Line]) -> str:
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(HEADER)
    for line in lines:
        table.writerow([line.row, *(_guarded(t) for t in (line.column, line.reason, line.original_digest, line.text))])
    return out.getvalue()


def read(text: str) -> tuple[list[Line], list[Problem]]:
    """The lines that give a text, or what is wrong with them, by line of the file."""
    if len(text) > _BYTES_MAX:
        return [], [Problem("repairs.csv", "文件过大", "the file is too large")]
    rows = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    lines: list[Line] = []
    found: list[Problem] = []
    try:
        header = next(rows, [])
        if missing := [name for name in NEEDED if name not in header]:
            listed = ", ".join(missing)
            return [], [Problem("repairs.csv:1", f"表头缺少 {listed}", f"the header lacks {listed}")]
        for fields in rows:
            at = f"repairs.csv:{rows.line_num}"
            if len(fields) != len(header):
                found.append(Problem(at, "列数与表头不符", f"has {len(fields)} fields, the header has {len(header)}"))
                continue
            given = dict(zip(header, fields, strict=True))
            if not given["row"].isascii() or not given["row"].isdigit() or len(given["row"]) > 18:
                found.append(Problem(at, "row 应为行号", "row should be the number of a row"))
            elif given["new_text"]:
                texts = (given[name] for name in ("column", "original_digest", "new_text"))
                column, told, text = map(_bare, texts)
                lines.append(Line(int(given["row"]), column, told, text, _bare(given.get("reason", ""))))
    except csv.Error as error:
        found.append(Problem(f"repairs.csv:{rows.line_num}", f"不是 CSV：{error}", f"is no CSV: {error}"))
    if len(lines) > AT_ONCE_MAX:
        found.append(Problem("repairs.csv", f"超过 {AT_ONCE_MAX} 行", f"gives more than {AT_ONCE_MAX} repairs"))
    return lines, found


def _guarded(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _bare(text: str) -> str:
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA) else text
