"""A file as a table of text, for rooms that work on one file at a time: looked at, then read as any source is.

Contract: tests/harmonise/test_harmonise_tables.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from datong.ground.refusal import Text
from datong.harmonise.model.drafts import Unfit
from datong.harmonise.model.mappings import Source
from datong.harmonise.model.reading import BROKEN, ROW, Sample
from datong.harmonise.model.texts import Lines, Texts
from datong.harmonise.rules import drafting
from datong.harmonise.rules.places import line_of
from datong.harmonise.rules.workspace import source_of
from datong.harmonise.service.looking import looked_at
from datong.harmonise.store import sources, texts
from datong.harmonise.store import workspace as folder_texts

__all__ = ["Lines", "Unfit", "first_rows_at", "line_of", "read_yaml", "table_at"]


@dataclass(frozen=True)
class Opened:
    """A file that can be read: what it is, told as the source it would be."""

    source: Source
    folder: Path
    doubts: tuple[Text, ...]


def table_at(path: Path) -> tuple[pa.Table, list[int]] | Unfit:
    """(every row of the file at `path`, each column as the text it was, nested fields as paths start.at; the numbers,
    from 1, of the rows that were no records and are left out), or why the file cannot be read as one table."""
    opened = _opened(path)
    if isinstance(opened, Unfit):
        return opened
    name = opened.source.name
    table: Any = sources.read(opened.source, opened.folder, {name: []}).tables[name]
    good = pc.is_null(table[BROKEN])
    broken = table[ROW].filter(pc.invert(good)).to_pylist()
    return table.filter(good).drop_columns([ROW, BROKEN]), broken


def first_rows_at(path: Path, rows: int) -> Sample | Unfit:
    """The first `rows` rows of the file at `path`, or why it cannot be read as one table."""
    opened = _opened(path)
    return opened if isinstance(opened, Unfit) else sources.sample(opened.source, opened.folder, rows)


def read_yaml(path: Path) -> tuple[Any, Lines, list[Any]]:
    """(the value in the YAML file at `path`, the line of each of its keys, everything wrong with it as Problems)."""
    found, problems = texts.read_files([(path.name, path)], folder_texts.FILE_BYTES_MAX)
    return found.get(path.name), found.lines.get(path.name, {}), problems


def _opened(path: Path) -> Opened | Unfit:
    look = looked_at(path)
    if isinstance(look, Unfit):
        return look
    if "tables" in look.facts:
        return Unfit(
            Text("文件中有多张表。", "There are several tables in it."),
            Text("请先导出其中一张。", "Export one of them first."),
        )
    name = drafting.name_of(path.name.split(".")[0])
    file = f"sources/{name}.yaml"
    text = drafting.source_text(look.kind, {"path": path.name, **look.facts}, look.doubts)
    value, lines, problems = texts.read(file, text.encode(), folder_texts.FILE_BYTES_MAX)
    contents = Texts({file: value})
    contents.lines[file] = lines
    source, wrong = source_of(contents, name)
    if source is None or problems:
        said = [*problems, *wrong][0]
        return Unfit(Text(said.zh, said.en), Text("请改名后重试。", "Rename it and try again."))
    return Opened(source, path.parent, look.doubts)
