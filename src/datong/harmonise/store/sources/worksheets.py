"""What the library does not tell of cells of an .xlsx: errors, formulas never calculated, midnights, percents, codes.

It gives an error and a formula without a value as an empty cell, a date with the time 00:00:00 as a date, and of a
number not whether it is shown in percent, nor that it is a code shown in so many digits (000123). A sheet
is looked at once more, as the XML it is, only where it shows signs of these; of .xlsb, .xls and .ods nothing is told.
Contract: tests/harmonise/test_harmonise_typed_files.py.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO
from xml.parsers import expat

from datong.harmonise.store.sources.opening import PIECE

Cell = tuple[int, int]
"""(row, column), from 0."""

BOOK, STYLES = "xl/workbook.xml", "xl/styles.xml"
DAY_AND_TIME = 22
"""The number of the built-in format m/d/yy h:mm; no other has both."""
PERCENTS = ("9", "10")
"""The numbers of the built-in formats 0% and 0.00%."""
_DIGITS = re.compile(r"(?:\[\$-[^\]]*\])?(0{2,})(?:;@)?")
"""A number format of zeros alone, as people choose for codes."""
_NOT_SHOWN = re.compile(r'"[^"]*"|\\.|_.|\*.|\[[^\]]*\]')
"""Of a number format: what it shows as it stands, colours, conditions, languages, elapsed time."""
_SIGNS = re.compile(
    rb"""\st=["']e["']|(?:</(?:\w+:)?f>|<(?:\w+:)?f(?:\s[^>]*)?/>)\s*(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v></(?:\w+:)?v>)?\s*</"""
)
"""An error, or a formula that nothing follows."""
_SIGN_BYTES_MAX = 4096


@dataclass
class Untold:
    """By row, from 0."""

    errors: dict[int, dict[int, str]] = field(default_factory=dict)
    midnights: dict[int, list[int]] = field(default_factory=dict)
    percents: dict[int, list[int]] = field(default_factory=dict)
    digits: dict[int, dict[int, int]] = field(default_factory=dict)
    uncalculated: list[Cell] = field(default_factory=list)


def untold(path: Path, sheet: str, *, dates: bool, shares: bool = False) -> Untold:
    """What is untold of the sheet of this name. dates: whether it has dates, of which some may have a time. shares:
    whether it has texts with a percent sign, beside which numbers may be shown with one."""
    found = Untold()
    if not zipfile.is_zipfile(path):
        return found
    with zipfile.ZipFile(path) as archive:
        part = _part(archive, sheet) if BOOK in archive.namelist() else None
        if part is None:
            return found
        timed, percents, digits = _styles(archive)
        timed, percents = timed if dates else set(), percents if shares else set()
        with archive.open(part) as opened:
            if not timed and not percents and not digits and not _has_signs(opened):
                return found
        with archive.open(part) as opened:
            _look(opened, timed, percents, digits, found)
    return found


def _part(archive: zipfile.ZipFile, sheet: str) -> str | None:
    """Where the sheet lies."""
    ids: list[str] = []
    targets: dict[str, str] = {}

    def named(name: str, given: dict[str, str]) -> None:
        if name == "sheet" and given.get("name") == sheet:
            ids.append(given.get("id", ""))

    def related(name: str, given: dict[str, str]) -> None:
        if name == "Relationship":
            targets[given.get("Id", "")] = given.get("Target", "")

    _walk(archive, BOOK, named)
    _walk(archive, "xl/_rels/workbook.xml.rels", related)
    part = posixpath.normpath(posixpath.join("/xl", targets.get(ids[0], ""))).lstrip("/") if ids else ""
    return part if part in archive.namelist() else None


def _styles(archive: zipfile.ZipFile) -> tuple[set[str], set[str], dict[str, int]]:
    """The styles of cells that show a day and a time, of those that show a percent sign, and of those that show so many
    digits."""
    codes: dict[str, str] = {}
    formats: list[str] = []
    within = ""

    def style(name: str, given: dict[str, str]) -> None:
        nonlocal within
        if name == "numFmt":
            codes[given.get("numFmtId", "")] = given.get("formatCode", "")
        elif name in ("cellXfs", "cellStyleXfs", "cellStyles", "dxfs"):
            within = name
        elif name == "xf" and within == "cellXfs":
            formats.append(given.get("numFmtId", ""))

    if STYLES in archive.namelist():
        _walk(archive, STYLES, style)
    shown = {number: _NOT_SHOWN.sub("", code).lower() for number, code in codes.items()}
    both = {number for number, code in shown.items() if re.search("[yd]", code) and re.search("[hs]", code)}
    both.add(str(DAY_AND_TIME))
    percents = {*PERCENTS, *(number for number, code in shown.items() if "%" in code)}
    timed, shares = ({str(at) for at, number in enumerate(formats) if number in of} for of in (both, percents))
    zeros = {number: len(found[1]) for number, code in codes.items() if (found := _DIGITS.fullmatch(code))}
    return timed, shares, {str(at): zeros[number] for at, number in enumerate(formats) if number in zeros}


def _has_signs(opened: IO[bytes]) -> bool:
    rest = b""
    while piece := opened.read(PIECE):
        if _SIGNS.search(rest + piece):
            return True
        rest = piece[-_SIGN_BYTES_MAX:]
    return False


def _look(opened: IO[bytes], timed: set[str], percents: set[str], digits: dict[str, int], found: Untold) -> None:
    """Cell by cell."""
    row, column, within = -1, -1, ""
    kind, style, formula = "", "", False
    value: list[str] = []

    def start(qualified: str, given: dict[str, str]) -> None:
        nonlocal row, column, within, kind, style, formula
        name = _local(qualified)
        if name == "row":
            row, column = int(given.get("r", row + 2)) - 1, -1
        elif name == "c":
            column = _column(given["r"]) if "r" in given else column + 1
            kind, style, formula = given.get("t", "n"), given.get("s", "0"), False
            value.clear()
        elif name == "f":
            formula = True
        within = name

    def text(given: str) -> None:
        if within == "v":
            value.append(given)

    def end(qualified: str) -> None:
        nonlocal within
        within = ""
        if _local(qualified) != "c":
            return
        said = "".join(value).strip()
        if kind == "e":
            found.errors.setdefault(row, {})[column] = said or "#VALUE!"
        elif formula and kind == "n" and not said:  # a text may be empty: it is t="str"
            found.uncalculated.append((row, column))
        elif style in timed and kind == "n" and said and _is_day(said):
            found.midnights.setdefault(row, []).append(column)
        elif style in percents and kind == "n" and said:
            found.percents.setdefault(row, []).append(column)
        elif style in digits and kind == "n" and said:
            found.digits.setdefault(row, {})[column] = digits[style]

    parser = _parser(start)
    parser.CharacterDataHandler, parser.EndElementHandler = text, end
    for piece in iter(lambda: opened.read(PIECE), b""):
        parser.Parse(piece)
    parser.Parse(b"", True)


def _walk(archive: zipfile.ZipFile, part: str, seen: Callable[[str, dict[str, str]], None]) -> None:
    """Every element of a part, without the namespaces of its name and of its attributes."""
    parser = _parser(lambda name, given: seen(_local(name), {_local(key): value for key, value in given.items()}))
    with archive.open(part) as opened:
        parser.ParseFile(opened)


def _parser(start: Callable[[str, dict[str, str]], None]) -> expat.XMLParserType:
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = start
    return parser


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _column(reference: str) -> int:
    """0 of A1."""
    column = 0
    for letter in reference.rstrip("0123456789").upper():
        column = column * 26 + ord(letter) - 64
    return column - 1


def _is_day(number: str) -> bool:
    try:
        return float(number).is_integer()
    except ValueError:
        return False
