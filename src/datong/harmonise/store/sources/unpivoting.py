"""Records whose columns are months, places or kinds, to a row for each of them (宽表转长表): SQL's UNPIVOT.

Nothing is left out: an empty cell is a row whose value is empty, and a record that has none of the columns stays one
row. What is no record passes as it is.
Contract: tests/harmonise/test_harmonise_unpivot.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from datong.harmonise.model.mappings import Source, SourceKind, Unpivot
from datong.harmonise.store.sources.documents import Row
from datong.harmonise.store.sources.telling import refused

FORMS_MAX = 1_000
"""Sets of columns that are remembered: in JSON each record may have its own."""
_WITH_HEADER = (SourceKind.csv, SourceKind.excel)
"""Kinds whose records all have every column; in JSON a field may be left out."""


def unpivoted(unpivot: Unpivot, here: Source, rows: Iterable[Row]) -> Iterator[Row]:
    """The rows that the records of a file are. here: the source as it is called there, to be told of."""
    known: dict[tuple[str, ...], tuple[list[str], list[str]]] = {}
    for values, text in rows:
        if text is not None:
            yield values, text
            continue
        columns = tuple(values)
        if columns not in known:
            if len(known) == FORMS_MAX:
                known.clear()
            known[columns] = _parted(unpivot, here, columns)
        turned, others = known[columns]
        kept = {column: values[column] for column in others}
        for column in turned:
            yield {**kept, unpivot.name: column, unpivot.value: values.get(column)}, None
        if not turned:
            yield {**kept, unpivot.name: None, unpivot.value: None}, None


def _parted(unpivot: Unpivot, here: Source, columns: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """(the columns that become rows, the others), each in their order."""
    called = {one: re.compile(".*".join(map(re.escape, one.split("*"))), re.DOTALL) for one in unpivot.columns}
    turned = [column for column in columns if any(form.fullmatch(column) for form in called.values())]
    others = [column for column in columns if column not in turned]
    place = here.path or here.name
    absent = [one for one, form in called.items() if not any(map(form.fullmatch, columns))]
    if absent and here.format in _WITH_HEADER:
        zh, en = "没有 unpivot 所列的列", "has no columns that are called so, which `unpivot` names"
        raise refused(here, f"{place}: {', '.join(absent)}", zh, en)
    if taken := [name for name in (unpivot.name, unpivot.value) if name in others]:
        zh, en = (
            "已有同名的列；请在 unpivot 中另取 name 或 value",
            "is a column of the file already: call `name` or `value` of `unpivot` otherwise",
        )
        raise refused(here, f"{place}: {', '.join(taken)}", zh, en)
    return turned, others
