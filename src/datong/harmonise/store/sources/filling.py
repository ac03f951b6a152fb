"""Names of groups that stand in the first row of each group alone (合并单元格, 同上), put into the rows below.

A row that is no record may have had the next name, and so ends the filling, as the end of a file does: what follows
has no name until one comes. A name of an outer column ends the inner ones.
Contract: tests/harmonise/test_harmonise_fill_down.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from datong.harmonise.model.mappings import Source
from datong.harmonise.store.sources.documents import Row
from datong.harmonise.store.sources.telling import refused


def filled(columns: tuple[str, ...], here: Source, rows: Iterable[Row]) -> Iterator[Row]:
    """The rows of one file, in its order. columns: from the outer to the inner; here: the source as it is called there,
    to be told of."""
    above: dict[str, str | None] = {}
    for values, text in rows:
        if text is not None:
            above = {}
            yield values, text
            continue
        if absent := [column for column in columns if column not in values]:
            zh, en = "没有 fill_down 所列的列", "has no columns that are called so, which `fill_down` names"
            raise refused(here, f"{here.path or here.name}: {', '.join(absent)}", zh, en)
        found = dict(values)
        for at, column in enumerate(columns):
            own = values[column]
            if own is not None and own.strip():
                above = {outer: above.get(outer) for outer in columns[:at]} | {column: own}
            elif above.get(column) is not None:
                found[column] = above[column]
        yield found, None
