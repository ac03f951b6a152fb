"""The tables of a source, and the names of columns that a file does not say itself.

A database has `tables: {table: key column}`; a source of several files of one kind has `tables: {table: file}`, or
`{table: {path, columns, numbered, …}}` for a file without a header line, or of which more is to be said. From then on
both are alike: paths are `table.column`, a mapping names its main `table` and joins the others. Must never know: what
the files hold.
Contract: tests/harmonise/test_harmonise_source_tables.py.
"""

from __future__ import annotations

from collections.abc import Mapping as Map
from dataclasses import dataclass
from typing import Any

from datong.harmonise.model.mappings import FILE_KINDS, SourceKind
from datong.harmonise.model.reading import BROKEN, ROW
from datong.harmonise.rules.found import Found

OF_A_TABLE = frozenset({"sheet", "skip_lines", "header_rows", "records", "unnest", "fill_down", "named"})
"""What besides `columns` and `numbered` may be said of one table's file alone."""

_OF_FILES = "应为 表: 文件", "should name each table with its file"
_OF_KEYS = "应为 表: 主键列", "should name each table with its key column"


@dataclass(frozen=True)
class OneTable:
    """place: its key column in a database, its file otherwise. given: what else is said of it."""

    place: str
    given: Map[str, Any]


def tables_of(found: Found, kind: SourceKind, value: Map[str, Any]) -> dict[str, OneTable]:
    """The tables that `tables` declares; what is wrong with them is told."""
    of_files = kind in FILE_KINDS
    given = value.get("tables", {})
    if not isinstance(given, dict) or (kind is SourceKind.database and not given):
        found.say("tables", *(_OF_FILES if of_files else _OF_KEYS))
        return {}
    if kind is not SourceKind.database and not of_files:
        return {}  # source_keys tells that it takes none
    if not of_files:
        for table in given:
            if "." in str(table):
                zh = (
                    "表名不得含点（路径为 表.列）；其他模式的表：在 PostgreSQL 地址后写 ?options=-csearch_path%3D模式名"
                )
                en = "a table's name has no dot (paths are table.column); a table of another schema is found when "
                en += "PostgreSQL's URL ends with ?options=-csearch_path%3DSCHEMA"
                found.say(f"tables.{table}", zh, en)
        return {str(table): OneTable(found.word(f"tables.{table}", key), {}) for table, key in given.items()}
    if given and value.get("path"):
        found.say("path", "path 与 tables 只须其一", "needs either `path` (one file) or `tables` (several)")
    return {str(table): _file_table(found, f"tables.{table}", str(table), one) for table, one in given.items()}


def headings_of(
    found: Found, kind: SourceKind, value: Map[str, Any], tables: Map[str, OneTable]
) -> tuple[dict[str, tuple[str, ...]], dict[str, str]]:
    """`columns` and `numbered` of the source, by table ("" for its one file)."""
    said = {f"tables.{name}": one.given for name, one in tables.items()}
    where = {f"tables.{name}": name for name in tables}
    if tables:
        for key in ("columns", "numbered"):
            if key in value:
                found.say(key, "应写在各表之下", "belongs under each table that it is of")
    else:
        said, where = {"": value}, {"": ""}
    columns: dict[str, tuple[str, ...]] = {}
    numbered: dict[str, str] = {}
    for at, given in said.items():
        head = f"{at}." if at else ""
        form = value.get("format") if kind is SourceKind.s3 else kind.value
        if at:  # of the source itself source_keys tells it
            if "columns" in given and form not in ("csv", "excel"):
                found.say(f"{head}columns", "仅用于 csv 和 excel", "is for csv and excel files only")
            if "numbered" in given and form != "csv":
                found.say(f"{head}numbered", "仅用于 csv", "is for csv files only")
        if "columns" in given and form in ("csv", "excel"):
            columns[where[at]] = _columns(found, f"{head}columns", given["columns"])
        if "numbered" in given and form == "csv":
            numbered[where[at]] = name = found.word(f"{head}numbered", given["numbered"])
            if not name or name in (ROW, BROKEN) or name in columns.get(where[at], ()):
                found.say(f"{head}numbered", "应为新的列名", "should be the name of a new column")
    return columns, numbered


def inside_data(path: str) -> bool:
    """Whether a path stays in the data folder, as far as its text says."""
    return not (path.startswith(("/", "~")) or ".." in path.split("/"))


def _file_table(found: Found, at: str, table: str, one: Any) -> OneTable:
    keys = {"path", "columns", "numbered", "note", *OF_A_TABLE}
    given = found.only(one, at, keys) if isinstance(one, dict) else {"path": one}
    path = found.word(f"{at}.path", given.get("path"))
    if not path:
        found.say(at, *_OF_FILES)
    elif not inside_data(path):
        found.say(at, "应为数据目录内的相对路径", "should lie inside the data folder")
    if "." in table or not table:
        found.say(at, "表名不得含点", "a table's name has no dot: paths are table.column")
    return OneTable(path, given)


def _columns(found: Found, at: str, value: Any) -> tuple[str, ...]:
    names = tuple(name.strip() for name in found.texts(at, value))
    if not names or "" in names or len(set(names)) != len(names) or {ROW, BROKEN} & set(names):
        found.say(at, "应为互不相同的列名", "should name every column once, in order")
    return names
