"""Conversions as SQL text: from the text of a source to a value of the standard, with a verdict.

Each conversion says four things about a column, as expressions over the step before:
    cleaned    the text without what is merely another way of writing (full-width, spaces, separators)
    parts      intermediate values, level over level, where the value needs several (local time; a point's datum)
    value      the value of the standard's type, or NULL
    verdict    NULL = ok, "fixed:<rule>", "suspect:<rule>" or "invalid:<reason>"; NULL and no text = empty
The original stays beside them. Nothing is guessed: what could be meant is offered as a suggestion at most.

    names          what the columns of the steps are called
    cleaning       a text without other ways of writing
    reading        the parts and the value, by the kind of a column
    times          local times and times with an offset
    coordinates    degrees, and the point they belong to
    codes          code tables, and the days on which a code is in use
    bounds         what a value must meet however it was written
    judging        ok, fixed, suspect or invalid

Numbers with units and dates are in `rules.amounts`, identifiers in `rules.identifiers`, datums in `rules.datums`.
Must never know: tables, engines. Contract: tests/harmonise/test_harmonise_conversions.py, tests/harmonise/meaning.
"""

from __future__ import annotations

from datong.harmonise.rules.conversions.cleaning import cleaned_text, cleanings, of_several
from datong.harmonise.rules.conversions.judging import judged, suggested
from datong.harmonise.rules.conversions.names import clean, original, raw_text, told_text, value, verdict
from datong.harmonise.rules.conversions.reading import converted, parts

__all__ = [
    "clean", "cleaned_text", "cleanings", "converted", "judged", "of_several", "original", "parts", "raw_text",
    "suggested", "told_text", "value", "verdict",
]  # fmt: skip
