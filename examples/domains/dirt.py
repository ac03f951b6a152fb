"""Planting dirt into a copy of a real file: what kind, in which record, and what should be said of it.

Each record gets one kind at most, chosen by a seed, so that the same file always gets the same dirt; what is appended
stands at the end, so that no record changes its number.
"""

from __future__ import annotations

import csv
import gzip
import io
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Row = dict[str, str]

FULL_WIDTH = str.maketrans("0123456789.-", "０１２３４５６７８９．－")


@dataclass(frozen=True)
class Planted:
    """Dirt of one kind in one record. expect: the reason of its quarantine, or "fixed:<rule>"."""

    row: int
    kind: str
    expect: str


def letter_o(text: str) -> str:
    """The letter O where a digit was: no number any more, whatever the digits were."""
    at = next(place for place, sign in enumerate(text) if sign.isdigit())
    return text[:at] + "O" + text[at + 1 :]


def month_13(text: str) -> str:
    return text[:5] + "13" + text[7:] if "-" in text else text[:2] + "13" + text[4:]


CHANGES: dict[str, Callable[[str], str]] = {
    "letter_o": letter_o,
    "month_13": month_13,
    "blank": lambda text: "",
    "unknown": lambda text: "??",
    "orphan": lambda text: "999999",
    "spaces": lambda text: f"  {text} ",
    "full_width": lambda text: text.translate(FULL_WIDTH),
    "far": lambda text: str(float(text) - 10),
    "times_1000": lambda text: str(float(text) * 1000 + 1_000_000),
    "no_offset": lambda text: text.removesuffix("Z"),
}
"""What is done to one value. Besides: swap (two values change places), cut (the last field is lost), again (the record is
sent a second time)."""


def planted(path: Path, told: dict[str, Any], seed: int) -> list[Planted]:
    """Plant the dirt of `told` into the file, in place; what was planted, by record."""
    lines = _text(path).splitlines()
    header = told.get("columns") or next(csv.reader([lines[0]], delimiter=told["delimiter"]))
    header = [name.strip() for name in header]
    first = 0 if "columns" in told else 1
    records, chosen = lines[first:], random.Random(seed)
    free = list(range(len(records)))
    chosen.shuffle(free)
    found: list[Planted] = []
    for number, kind in enumerate(told["kinds"]):
        count = max(1, round(kind["rate"] * len(records)))
        name = f"{number + 1} {kind['kind']}" + (f" {kind['column']}" if "column" in kind else "")
        for place in sorted(_taken(free, count, records, header, told, kind)):
            again = kind["kind"] == "again"
            if again:
                records.append(records[place])
            else:
                records[place] = _changed(records[place], header, told["delimiter"], kind)
            found.append(Planted(len(records) if again else place + 1, name, kind["expect"]))
    path.write_text("\n".join([*lines[:first], *records]) + "\n", "utf-8")
    return found


def _taken(
    free: list[int], count: int, records: list[str], header: list[str], told: dict[str, Any], kind: dict[str, Any]
) -> list[int]:
    """Records that hold something to spoil, no longer free afterwards."""
    taken = []
    while len(taken) < count:
        place = free.pop()
        fields = _fields(records[place], told["delimiter"])
        if "column" not in kind or fields[header.index(kind["column"])].strip():
            taken.append(place)
    return taken


def _changed(record: str, header: list[str], delimiter: str, kind: dict[str, Any]) -> str:
    fields = _fields(record, delimiter)
    if kind["kind"] == "cut":
        fields = fields[:-1]
    elif kind["kind"] == "swap":
        one, other = (header.index(kind[name]) for name in ("column", "other"))
        fields[one], fields[other] = fields[other], fields[one]
    else:
        place = header.index(kind["column"])
        fields[place] = CHANGES[kind["kind"]](fields[place])
    return _line(fields, delimiter)


def _fields(record: str, delimiter: str) -> list[str]:
    return record.split() if delimiter == "blanks" else next(csv.reader([record], delimiter=delimiter))


def _line(fields: Iterable[str], delimiter: str) -> str:
    if delimiter == "blanks":
        return " ".join(fields)
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="").writerow(fields)
    return out.getvalue()


def _text(path: Path) -> str:
    raw = path.read_bytes()
    return (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode("utf-8-sig")
