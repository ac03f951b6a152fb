"""What a load adds to what was loaded before, as a plan: rows are told apart by their key and keep their number.

    compared    each row of now beside the row of before that its key names
    added, changed, unchanged    the rows of now
    absent      the rows of before that now has not: removed when now is the whole source, kept when it is a part
    merged      the source as it stands, in the order of the rows' numbers

Rows are never dropped on the way: now = added + changed + unchanged, before = changed + unchanged + absent; the engine
holds the plan to it. A row without a key (what is no record) is named by its text, and rows of one name by their order.
Must never know: where rows come from. Contract: tests/harmonise/test_harmonise_loads.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from datong.engine.model import Balance, Plan, Step, quoted
from datong.harmonise.model.reading import BROKEN, ROW

BEFORE, NOW = "before", "now"
WHOLE = re.compile(r"[0-9]{1,1000}")


def merging(before: Sequence[str], now: Sequence[str], key: Sequence[str], *, whole: bool) -> Plan:
    """The plan of a load. before, now: columns of the two inputs; whole: now is all there is.

    Parameter `first`: the number of the first row that is added.
    """
    row, broken = quoted(ROW), quoted(BROKEN)
    columns = [*now, *(name for name in before if name not in now)] if not whole else list(now)
    picked = ", ".join(_from("n", name, now) for name in columns)
    held = ", ".join(_from("b", name, before) for name in columns)
    differs = " OR ".join(
        [f"n.{broken} IS DISTINCT FROM b.{broken}"]
        + [
            f"n.{quoted(name)} IS DISTINCT FROM b.{quoted(name)}" if name in before else f"n.{quoted(name)} IS NOT NULL"
            for name in now
        ]
    )
    both = "b_row IS NOT NULL AND n_row IS NOT NULL"
    parts = [
        f"SELECT a.number AS {row}, n.{broken} AS {broken}, {picked} FROM added a JOIN now n ON n.{row} = a.n_row",
        f"SELECT c.b_row AS {row}, n.{broken} AS {broken}, {picked} FROM compared c JOIN now n ON n.{row} = c.n_row "
        f"WHERE c.b_row IS NOT NULL",
    ]
    if not whole:
        parts.append(
            f"SELECT b.{row} AS {row}, b.{broken} AS {broken}, {held} FROM absent a JOIN before b ON b.{row} = a.b_row"
        )
    steps = (
        Step("now_named", _named(NOW, key, now)),
        Step("before_named", _named(BEFORE, key, before)),
        Step(
            "doubled",
            "SELECT ident FROM now_named WHERE nth > 1 UNION ALL SELECT ident FROM before_named WHERE nth > 1",
        ),
        Step(
            "matched",
            f"SELECT n.{row} AS n_row, b.{row} AS b_row FROM now_named n "
            f"FULL OUTER JOIN before_named b ON n.ident = b.ident AND n.nth = b.nth",
        ),
        Step(
            "compared",
            f"SELECT m.n_row, m.b_row, ({differs}) AS differs FROM matched m LEFT JOIN now n ON n.{row} = m.n_row "
            f"LEFT JOIN before b ON b.{row} = m.b_row",
        ),
        Step(
            "added",
            "SELECT n_row, CAST($first AS BIGINT) + row_number() OVER (ORDER BY n_row) - 1 AS number FROM compared "
            "WHERE b_row IS NULL",
        ),
        Step("changed", f"SELECT n_row, b_row FROM compared WHERE {both} AND differs"),
        Step("unchanged", f"SELECT n_row, b_row FROM compared WHERE {both} AND NOT differs"),
        Step("absent", "SELECT b_row FROM compared WHERE n_row IS NULL"),
        Step("merged", f"SELECT * FROM ({' UNION ALL '.join(parts)}) AS every ORDER BY {row}"),
    )
    balances = (
        Balance(NOW, ("added", "changed", "unchanged")),
        Balance(BEFORE, ("changed", "unchanged", "absent")),
        Balance("merged", ("added", "changed", "unchanged") if whole else ("added", "changed", "unchanged", "absent")),
    )
    return Plan(steps, (BEFORE, NOW), ("first",), balances)


def _from(table: str, name: str, there: Sequence[str]) -> str:
    value = f"{table}.{quoted(name)}" if name in there else "CAST(NULL AS VARCHAR)"
    return f"{value} AS {quoted(name)}"


def _named(table: str, key: Sequence[str], there: Sequence[str]) -> str:
    """The rows with the text that names them. Lengths stand before the parts of a key, so that none runs together."""
    row, broken = quoted(ROW), quoted(BROKEN)
    parts = [
        f"COALESCE(concat(length({quoted(name)}), ':', {quoted(name)}), '-')" if name in there else "'-'"
        for name in key
    ]
    ident = f"CASE WHEN {broken} IS NOT NULL THEN concat('!', {broken}) ELSE concat({', '.join(parts)}) END"
    inner = f"SELECT {row}, {ident} AS ident FROM {table}"
    return f"SELECT {row}, ident, row_number() OVER (PARTITION BY ident ORDER BY {row}) AS nth FROM ({inner}) AS named"


# --- watermarks --------------------------------------------------------------------------------------------


def kept_value(value: Any) -> str:
    """A value of a database's own type as text that `value_of` reads again."""
    for kind, name in ((datetime, "datetime"), (date, "date")):
        if isinstance(value, kind):
            return json.dumps([name, value.isoformat()])
    if isinstance(value, Decimal):
        return json.dumps(["decimal", str(value)])
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        return json.dumps(["plain", value], ensure_ascii=False)
    raise TypeError(type(value).__name__)


def value_of(kept: str) -> Any:
    name, value = json.loads(kept)
    read: dict[str, Callable[[str], Any]] = {
        "datetime": datetime.fromisoformat, "date": date.fromisoformat, "decimal": Decimal,
    }  # fmt: skip
    return read[name](value) if name in read else value


def went_back(now: Any, before: Any) -> bool:
    """Whether the greatest value of a column is less than it was, or of another kind; None: it has no value now."""
    if now is None:
        return False
    try:
        return bool(now < before)
    except TypeError:
        return True


def shown_value(kept: str) -> str:
    return str(json.loads(kept)[1])


def greatest(texts: Sequence[str | None]) -> str | None:
    """The greatest of the texts of an API: as whole numbers when all are, else in the order of texts (ISO times)."""
    there = [text for text in texts if text]
    if not there:
        return None
    return max(there, key=int) if all(WHOLE.fullmatch(text) for text in there) else max(there)
