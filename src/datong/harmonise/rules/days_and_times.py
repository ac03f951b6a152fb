"""A day in one column and its time in the next: drafted as one time, for a person to confirm.

Must never know: files, databases. Contract: tests/harmonise/test_harmonise_in_parts.py.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from datong.harmonise.model.drafts import Entry
from datong.harmonise.model.mappings import Type
from datong.harmonise.model.matching import Proposal
from datong.harmonise.model.reading import SampleColumn
from datong.harmonise.rules.drafting import DAY_FORMS, formats_of, texts_of

_TIMES = {
    "%H:%M:%S": r"([01]?\d|2[0-3]):[0-5]\d:[0-5]\d",
    "%H:%M": r"([01]?\d|2[0-3]):[0-5]\d",
    "%H%M%S": r"([01]\d|2[0-3])[0-5]\d[0-5]\d",
}  # fmt: skip
_CALLED_TIME = re.compile("时间|时刻|time|shijian", re.IGNORECASE)
"""Six digits may be anything; only of a column that is called so are they a time."""


def put_together(
    entry: Entry, made: Type, wanted: Type, columns: Sequence[SampleColumn], missing: Sequence[str]
) -> tuple[Entry, Type]:
    """`entry` and its type; where a time is wanted and its column has days alone, or times alone, with the column
    beside it that has the other."""
    if wanted is not Type.timestamp:
        return entry, made
    at = next(number for number, column in enumerate(columns) if column.path == entry.column)
    own, beside = columns[at], [columns[number] for number in (at + 1, at - 1) if 0 <= number < len(columns)]
    for day, time in [*((own, other) for other in beside), *((other, own) for other in reversed(beside))]:
        clock = _clock_of(time, missing)
        if clock and (days := formats_of(texts_of(day, missing), DAY_FORMS)):
            return _of_both(entry, day.path, time.path, [f"{form} {clock}" for form in days]), Type.timestamp
    return entry, made


def once(proposals: Sequence[Proposal], entries: Sequence[Entry]) -> list[int]:
    """Which of `entries`, made of `proposals`, are to stay where two are made of the same day and time: the one whose
    column was surer of its element, and of two alike that of the day."""

    def sureness(number: int) -> tuple[float, bool]:
        return proposals[number].score, proposals[number].column == entries[number].column

    alike: dict[tuple[str, ...], list[int]] = {}
    for number, entry in enumerate(entries):
        alike.setdefault(entry.columns if "then" in entry.keys else (entry.column, entry.element), []).append(number)
    return sorted(max(numbers, key=sureness) for numbers in alike.values())


def _clock_of(column: SampleColumn, missing: Sequence[str]) -> str:
    """The format of a column that holds times of day and nothing else, or ""."""
    texts = texts_of(column, missing)
    fitting = (form for form, written in _TIMES.items() if texts and all(re.fullmatch(written, text) for text in texts))
    form = next(fitting, "")
    return form if form != "%H%M%S" or _CALLED_TIME.search(column.path) else ""


def _of_both(entry: Entry, day: str, time: str, formats: list[str]) -> Entry:
    keys: dict[str, Any] = {"then": time, "as": "timestamp", "zone": "Asia/Shanghai"}
    if formats != ["%Y-%m-%d %H:%M:%S"]:
        keys |= {"formats": formats}
    why = entry.said.partition("; ")[0]
    said = f"{why}; the day is in {day}, its time in {time}; no zone stands in the values: Asia/Shanghai?"
    return replace(entry, column=day, keys=keys, said=said, confirm=True)
