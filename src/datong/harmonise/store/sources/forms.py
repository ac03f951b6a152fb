"""Records by the form they are written in: what a program writes line after line differs in its values alone.

A line that has exactly the form of another is read by one pattern, ten times as fast as by a reader of JSON, and to the
same values: its names and punctuation are those of a record that was read as JSON, its values are strings without
escapes and numbers. Any other line is for documents. Contract: tests/harmonise/test_harmonise_forms.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from datong.harmonise.store.sources import documents

FIELDS_MAX = 200
"""Of a form; it takes its time to make a pattern of many."""

_STRING = r'"([^"\\\x00-\x1f]*)"'
_NUMBER = r"(-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)"
_TOKEN = re.compile(rf"(?P<name>{_STRING}\s*:)|(?P<string>{_STRING})|(?P<number>{_NUMBER})|(?P<mark>[{{}},\s])|.")


@dataclass(frozen=True)
class Form:
    """The pattern of a line (a value has no line end in it), and the path of each value."""

    pattern: re.Pattern[str]
    paths: tuple[str, ...]

    def values(self, line: str) -> dict[str, str | None] | None:
        """The values of `line` by path, as documents.flat gives them; None when it has another form."""
        found = self.pattern.fullmatch(line)
        return dict(zip(self.paths, found.groups(), strict=False)) if found else None

    def columns(self, text: str, count: int) -> dict[str, tuple[str, ...]] | None:
        """path -> its values in each of the `count` lines of `text`; None unless all of them have this form."""
        rows = self.pattern.findall(text)
        return dict(zip(self.paths, zip(*rows, strict=True), strict=False)) if len(rows) == count else None


def form_of(line: str) -> Form | None:
    """The form of a record; None of one that holds more than objects, strings without escapes, and numbers."""
    try:
        values = documents.flat(documents.DECODER.decode(line))
    except (ValueError, RecursionError):
        return None
    if not values or len(values) > FIELDS_MAX or "\\" in line:
        return None
    parts = []
    for token in _TOKEN.finditer(line):
        kind = token.lastgroup
        if kind is None:  # a list, true, false or null
            return None
        parts.append({"string": _STRING, "number": _NUMBER}.get(kind, re.escape(token[0])))
    # an empty group at the end, as of one group alone findall gives no tuples
    return Form(re.compile(rf"^{''.join(parts)}()$", re.MULTILINE), tuple(values))
