"""One table in several files: its first rows over all of them, what was renamed from one to the next, what one lacks.

Must never know: files, only their names. Contract: tests/harmonise/test_harmonise_drafting.py.
"""

from __future__ import annotations

from collections.abc import Mapping as Map
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

from datong.ground.refusal import Text
from datong.harmonise.model.reading import Sample, SampleColumn
from datong.harmonise.rules import drift

NAMED = 6
"""How many columns of a file are named."""


@dataclass(frozen=True)
class Together:
    """others: what a column of the sample is called in other files; doubts: what a person should look at."""

    sample: Sample
    others: Map[str, tuple[str, ...]]
    doubts: tuple[Text, ...]


def together(files: Sequence[tuple[str, Sample]], *, may_lack: bool) -> Together:
    """The columns of the first of `files` (name, its first rows), with rows of all of them in turn.

    may_lack: fields may be left out, as in JSON; then the columns of all files are those of the table.
    """
    if may_lack:
        named = {column.path: column for _, sample in reversed(files) for column in sample.columns}
        base = tuple(dict.fromkeys(column.path for _, sample in files for column in sample.columns))
        return Together(_over(files, [(named[path], (path,)) for path in base]), {}, ())
    others = _renamed(files)
    columns = [(column, (column.path, *others.get(column.path, ()))) for column in files[0][1].columns]
    return Together(_over(files, columns), others, _told(files, {column.path: names for column, names in columns}))


def _renamed(files: Sequence[tuple[str, Sample]]) -> dict[str, tuple[str, ...]]:
    """Column of the first file -> its names in files that have it not; no file has two names of one column."""
    first = [drift.seen(column) for column in files[0][1].columns]
    has = [{column.path for column in sample.columns} for _, sample in files]
    found: dict[str, dict[str, None]] = {}
    for _, sample in files[1:]:
        here = [drift.seen(column) for column in sample.columns]
        for one, other in drift.renamed(first, here).items():
            if not any({one, other} <= names for names in has):
                found.setdefault(one, {})[other] = None
    return {one: tuple(names) for one, names in found.items()}


def _over(files: Sequence[tuple[str, Sample]], columns: Sequence[tuple[SampleColumn, tuple[str, ...]]]) -> Sample:
    """The rows of all files in turn, so that those looked at first are of all of them."""
    merged = []
    for column, names in columns:
        values = []
        for _, sample in files:
            here = next((c.values for c in sample.columns if c.path in names), None)
            values.append((None,) * sample.rows_seen if here is None else here)
        in_turn = [value for row in zip_longest(*values, fillvalue=_NONE) for value in row if value is not _NONE]
        merged.append(SampleColumn(column.path, column.comment, tuple(in_turn), column.declared_type))
    rows = sum(sample.rows_seen for _, sample in files)
    return Sample(tuple(merged), rows, all(sample.whole for _, sample in files))


_NONE = "\0none"


def _told(files: Sequence[tuple[str, Sample]], names: Map[str, tuple[str, ...]]) -> tuple[Text, ...]:
    """A doubt for the first file whose header is another, for each way in which one is."""
    known = {name for called in names.values() for name in called}
    doubts: dict[tuple[tuple[str, ...], tuple[str, ...]], Text] = {}
    for file, sample in files[1:]:
        here = {column.path for column in sample.columns}
        lacks = tuple(column for column, called in names.items() if here.isdisjoint(called))
        more = tuple(sorted(here - known))
        if (not lacks and not more) or (lacks, more) in doubts:
            continue
        listed = [", ".join(some[:NAMED]) + (", …" if len(some) > NAMED else "") for some in (lacks, more)]
        zh = "；".join(f"{word} {some}" for word, some in zip(("缺", "另有"), listed, strict=True) if some)
        en = " and ".join(f"{word} {some}" for word, some in zip(("lacks", "has also"), listed, strict=True) if some)
        doubts[lacks, more] = Text(f"{file} 的表头不同：{zh}。", f"The header of {file} is another: it {en}.")
    return tuple(doubts.values())
