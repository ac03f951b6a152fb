"""Write the tables of bench/matching/data from bench/matching/pairs, byte for byte the same each time.

    .venv/bin/python bench/matching/make.py [--freeze]

Cells come from values.py; the last fifth of a left table's rows and the first of the right one's are the same entities,
as with two organisations that share some customers. A pair with a real table on one side needs `DATONG_DATA`; without
it that table stays as committed. `--freeze` also writes frozen.txt, which the tests hold the folder to: a change of a
pair is then a visible change of the benchmark. Reproduction is tested in tests/bench/test_matching_pairs.py.
"""

from __future__ import annotations

import csv
import io
import os
import random
import sys
from datetime import date
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from pairs import DATA, FROZEN, Pair, frozen_as_text, pairs, read
from values import Entity, value

SHARED = 0.2
BLANKS = ("", "", "NULL", "-", "无", "/", "N/A")
JUNK = ("测试", "#REF!", "???", "待补充", "0")


def written(pair: Pair, side: str) -> str | None:
    """The CSV of one side; None where its real source is not on this machine."""
    one = pair.left if side == "left" else pair.right
    order = list(one.kinds)
    if side == "right":
        random.Random(f"order {pair.id}").shuffle(order)  # noqa: S311 the right table has an order of its own
    columns = real(one.file, one.rows) if one.file else made(pair, side, order)
    if columns is None:
        return None
    if pair.dirty and pair.dirty["side"] == side:
        columns = {
            name: [soiled(pair, name, row, cell) for row, cell in enumerate(cells)] for name, cells in columns.items()
        }
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(order)
    writer.writerows(zip(*(columns[name] for name in order), strict=True))
    return out.getvalue()


def real(file: str, rows: int) -> dict[str, list[str]] | None:
    """The first rows of a real table, unchanged."""
    path = Path(os.environ.get("DATONG_DATA", "")) / file
    if not path.is_file():
        return None
    return {name: list(cells) for name, cells in read(path, rows).columns.items()}


def made(pair: Pair, side: str, order: list[str]) -> dict[str, list[str]]:
    one = pair.left if side == "left" else pair.right
    first = 0 if side == "left" else int(pair.left.rows * (1 - SHARED))
    entities = [Entity(pair.id, first + n, pair.lists or {}, date.fromisoformat(pair.begin)) for n in range(one.rows)]
    return {name: [value(one.kinds[name], who, one.concepts[name]) for who in entities] for name in order}


def soiled(pair: Pair, column: str, row: int, cell: str) -> str:
    """The cell as a careless owner keeps it: blank, masked or junk, at the pair's rates."""
    assert pair.dirty
    draw = random.Random(f"dirty {pair.id} {column} {row}")  # noqa: S311
    chance = draw.random()
    if chance < pair.dirty["blank"]:
        return draw.choice(BLANKS)
    chance -= pair.dirty["blank"]
    if chance < pair.dirty["mask"] and len(cell) > 1:
        keep = max(1, len(cell) // 3)
        return cell[:keep] + "*" * (len(cell) - keep)
    chance -= pair.dirty["mask"]
    if 0 <= chance < pair.dirty["junk"]:
        return draw.choice(JUNK)
    return cell


def main() -> None:
    for pair in pairs():
        folder = DATA / pair.id
        folder.mkdir(parents=True, exist_ok=True)
        for side in ("left", "right"):
            text = written(pair, side)
            if text is None:
                print(f"{pair.id} {side}: kept as committed, its real source is not here (DATONG_DATA)")
            else:
                (folder / f"{side}.csv").write_text(text, "utf-8")
    if "--freeze" in sys.argv:
        FROZEN.write_text(frozen_as_text(), "utf-8")


if __name__ == "__main__":
    main()
