"""Cheap conditions under which a text is plainly a value: the long way would pass it without a word.

`condition` may be too narrow (such a row goes the long way, and comes to the same end), never too wide: wherever it
is true, cleaning changes nothing, the verdict is NULL and `value` is what conversions.converted would give. Only
constant work per value is done: no text is rebuilt, no format is searched.
Must never know: tables, engines. Contract: tests/harmonise/test_harmonise_quick.py holds it to the long way.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from datong.engine.model import literal
from datong.harmonise.model.mappings import Column, How, Mapping, Type
from datong.harmonise.model.reading import Needs
from datong.harmonise.rules import conversions as sql
from datong.harmonise.rules.amounts import EXACT_BELOW, NUMBER, WHOLE
from datong.harmonise.rules.checks import PLATE
from datong.harmonise.rules.conversions.bounds import fits
from datong.harmonise.rules.conversions.cleaning import all_digits, trimmed
from datong.harmonise.rules.conversions.times import TO_THE_MICROSECOND

_D = "[0-9]"
_SECONDS = f"[1-9]{_D * 3}-{_D * 2}-{_D * 2}[ T]{_D * 2}:{_D * 2}:{_D * 2}"
_TIMES = (f"{_SECONDS}[-+]0{_D}", f"{_SECONDS}Z", f"{_SECONDS}[-+]0{_D}:[0-5]{_D}")
"""Most of the times that TO_THE_MICROSECOND lets pass; telling them is half as dear so."""


@dataclass(frozen=True)
class Quick:
    """value: over from:<path>. conditions: over that and value:<element>, all of which hold where the text is plainly
    one. needs: of the text, for that to hold."""

    value: str
    conditions: tuple[str, ...]
    needs: Needs = Needs.text


def needs(mapping: Mapping) -> dict[str, Needs]:
    """path -> the most that any use of it needs."""
    joined = {path for join in mapping.joins for path in (join.left, f"{join.table}.{join.right}")}
    return {path: Needs.text if path in joined else _needs(mapping, path) for path in mapping.paths}


def _needs(mapping: Mapping, path: str) -> Needs:
    uses = [column for column in mapping.columns if path in column.paths]
    if all(_takes_numbers(column) for column in uses):
        return Needs.number
    found = {q.needs if (q := quick(use, False)) else Needs.text for use in uses}
    return next(need for need in (Needs.text, Needs.digits, Needs.value) if need in found)


def _takes_numbers(column: Column) -> bool:
    """Whether a number of the file is taken as the number it is."""
    if column.meaning.changes or column.of_several:
        return False
    number = column.how is How.number and column.element.type is Type.number
    return number or (column.how in {How.latitude, How.longitude} and column.notation == "decimal")


def quick(column: Column, is_number: bool) -> Quick | None:
    """How `column` is read quickly, or None where only the long way knows."""
    if column.meaning.changes or column.of_several:
        return None
    text = sql.raw_text(column)
    found = _number_given(column, text) if is_number else _forms(column, text)
    if found is None:
        return None
    could_be = [marker for marker in dict.fromkeys(("", *column.missing)) if re.fullmatch(found.texts, marker)]
    markers = [] if is_number else [f"{text} <> {literal(marker)}" for marker in could_be]
    met = fits(column) or [f"{sql.value(column.element.name)} IS NOT NULL"]
    there = (*markers, *found.conditions, *met)
    if column.element.required:
        return Quick(found.value, there, found.needs)
    return Quick(found.value, (f"({text} IS NULL OR ({' AND '.join(there)}))",), found.needs)


@dataclass(frozen=True)
class _Form:
    """conditions: on how the text is written. texts: a pattern of all texts that they let pass."""

    value: str
    conditions: tuple[str, ...]
    texts: str = r"[\s\S]+"
    needs: Needs = Needs.text


def _number_given(column: Column, text: str) -> _Form | None:
    """A number that the reader gives as DOUBLE."""
    it = sql.value(column.element.name)
    if column.how is How.number and column.element.type is Type.number:
        return _Form(text, (f"abs({it}) < {EXACT_BELOW}",))  # from there on the text says whether digits were lost
    if column.how in {How.latitude, How.longitude} and column.notation == "decimal":
        return _Form(text, ())
    return None


def _forms(column: Column, text: str) -> _Form | None:
    it, kind = sql.value(column.element.name), column.element.type
    if column.how is How.text and (digits := column.meaning.digits):
        return _Form(text, (all_digits(text, digits),), f"[0-9]{{{digits}}}")
    if column.how is How.text:
        return _Form(text, (trimmed(text),))
    if column.how is How.number:
        if kind is Type.number:
            nought = f"({it} <> 0 OR regexp_full_match({text}, '[+-]?[0.]+'))"
            exact = (f"regexp_full_match({text}, '{NUMBER}')", f"abs({it}) < {EXACT_BELOW}", nought)
            return _Form(f"TRY_CAST({text} AS DOUBLE)", exact, NUMBER)
        value = f"TRY_CAST({text} AS BIGINT)" if kind is Type.integer else text
        return _Form(value, (f"regexp_full_match({text}, '{WHOLE}')",), WHOLE, Needs.digits)
    if column.how in {How.latitude, How.longitude} and column.notation == "decimal":
        return _Form(f"TRY_CAST({text} AS DOUBLE)", (f"regexp_full_match({text}, '{NUMBER}')",), NUMBER)
    if column.how is How.timestamp and column.zone == "offset":
        known = " ".join(f"WHEN {text} GLOB '{form}' THEN TRUE" for form in _TIMES)
        written = f"CASE {known} ELSE regexp_full_match({text}, '{TO_THE_MICROSECOND}') END"
        return _Form(f"TRY_CAST({text} AS TIMESTAMPTZ)", (written,), TO_THE_MICROSECOND, Needs.value)
    if column.how is How.plate:
        return _Form(text, (f"regexp_full_match({text}, {literal(PLATE)})",), needs=Needs.value)
    return None
