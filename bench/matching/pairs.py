"""The benchmark's pairs as values: two tables' headers, how their cells are made, and which columns mean the same.

A truth is a set of (left, right) columns; one column against several is several truths. `debatable` pairs are matched
for neither gain nor loss, with the reason beside them. Nothing here reads a clock or knows Datong. Held to its files by
tests/bench/test_matching_pairs.py.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
PAIRS, DATA, FROZEN = HERE / "pairs", HERE / "data", HERE / "frozen.txt"
Columns = tuple[str, str]
SPLITS = ("known", "held-out-pair", "held-out-domain")
DIFFICULTIES = ("easy", "hard", "dirty")


@dataclass(frozen=True)
class Table:
    """Columns of text by name, in the order of the file."""

    columns: Mapping[str, tuple[str, ...]]

    def names(self) -> tuple[str, ...]:
        return tuple(self.columns)


@dataclass(frozen=True)
class Side:
    organisation: str
    rows: int
    kinds: Mapping[str, str]
    concepts: Mapping[str, str]
    file: str = ""


@dataclass(frozen=True)
class Pair:
    id: str
    domain: str
    split: str
    difficulty: str
    title: str
    source: str
    left: Side
    right: Side
    truth: tuple[tuple[str, str], ...]
    debatable: tuple[tuple[str, str, str], ...] = ()
    lists: Mapping[str, Sequence[str]] | None = None
    dirty: Mapping[str, Any] | None = None
    begin: str = "2023-03-01"
    notes: str = ""


def pairs(folder: Path = PAIRS) -> tuple[Pair, ...]:
    """Every pair of the folder, by file and then in the file's order."""
    return tuple(pair for path in sorted(folder.glob("*.yaml")) for pair in _file(path))


def _file(path: Path) -> Iterator[Pair]:
    whole = yaml.safe_load(path.read_text("utf-8"))
    for one in whole["pairs"]:
        yield _pair(whole["domain"], whole.get("lists", {}), one)


def _pair(domain: str, lists: Mapping[str, Sequence[str]], one: Mapping[str, Any]) -> Pair:
    kinds: dict[str, dict[str, str]] = {"left": {}, "right": {}}
    concepts: dict[str, dict[str, str]] = {"left": {}, "right": {}}
    truth = []
    for number, line in enumerate(one["columns"]):
        left, right, *how = (None if word is None else str(word) for word in line)
        # "" where the column's kind was said by an earlier line (one column against several)
        for side, name, kind in (("left", left, how[0]), ("right", right, how[-1])):
            if name is not None and kind != "":
                kinds[side][name] = str(kind)
                concepts[side][name] = f"c{number}"
        if left is not None and right is not None:
            truth.append((left, right))
    sides = {
        side: Side(one[side]["organisation"], one[side]["rows"], kinds[side], concepts[side], one[side].get("file", ""))
        for side in ("left", "right")
    }
    return Pair(
        one["id"], domain, one["split"], one["difficulty"], one["title"], one["from"], sides["left"], sides["right"],
        tuple(truth), tuple((str(a), str(b), str(c)) for a, b, c in one.get("debatable", ())), lists, one.get("dirty"),
        str(one.get("begin", "2023-03-01")), one.get("notes", ""),
    )  # fmt: skip


def read(path: Path, rows: int | None = None, delimiter: str = ",", encoding: str = "utf-8-sig") -> Table:
    """A CSV file as text."""
    with path.open(encoding=encoding, newline="") as file:
        reader = csv.reader(file, delimiter=delimiter, skipinitialspace=True)
        names = next(reader)
        body = [line for _, line in zip(range(rows or 10**9), reader, strict=False)]
    return Table(
        {name.strip(): tuple(line[i] if i < len(line) else "" for line in body) for i, name in enumerate(names)}
    )


def tables(pair: Pair) -> tuple[Table, Table]:
    return read(DATA / pair.id / "left.csv"), read(DATA / pair.id / "right.csv")


def frozen() -> dict[str, str]:
    """File below this folder -> sha256, of everything the figures depend on: definitions and tables."""
    files = sorted([*PAIRS.glob("*.yaml"), *DATA.glob("*/*.csv"), HERE / "real.yaml"])
    return {path.relative_to(HERE).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def frozen_as_text() -> str:
    """As `sha256sum` writes it, after the split of every pair."""
    splits = "".join(f"# {pair.id} {pair.split} {pair.difficulty}\n" for pair in pairs())
    return splits + "".join(f"{digest}  {name}\n" for name, digest in frozen().items())
