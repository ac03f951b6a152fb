"""Cheap conditions under which a text is plainly a value: the long way would pass it without a word.

`condition` may be too narrow (such a row goes the long way, and comes to the same end), never too wide: wherever it
is true, cleaning changes nothing, the verdict is NULL and `value` is what conversions.converted would give. Only
constant work per value is done: no text is rebuilt, no format is searched.
Must never know: tables, engines. Contract: tests/harmonise/test_harmonise_quick.py holds it to the long way.
"""

from __future__ import annotations

from dataclasses import dataclass

from datong.engine.model import literal, quoted
from datong.harmonise.model.mappings import Column, How, Type
from datong.harmonise.rules import conversions as sql
from datong.harmonise.rules.checks import PLATE


@dataclass(frozen=True)
class Quick:
    """value: over from:<path>. condition: over that and value:<element>."""

    value: str
    condition: str


def is_plain(name: str) -> str:
    return quoted(f"plain:{name}")


def quick(column: Column, missing: tuple[str, ...], is_number: bool) -> Quick | None:
    """How `column` is read quickly, or None where only the long way knows."""
    if column.constant is not None:
        return Quick(sql.converted(column), "TRUE")
    if column.meaning.changes:
        return None
    text = sql.original(column.path)
    found = _number_given(column, text) if is_number else _forms(column, text)
    if found is None:
        return None
    value, written = found
    markers = [] if is_number else [f"{text} <> {literal(marker)}" for marker in dict.fromkeys(("", *missing))]
    fits = [f"NOT ({condition})" for condition in sql.broken(column)]
    there = " AND ".join([f"{sql.value(column.element.name)} IS NOT NULL", *markers, *written, *fits])
    return Quick(value, f"({there})" if column.element.required else f"({text} IS NULL OR ({there}))")


Form = tuple[str, list[str]]
"""(value, conditions on how it is written)."""


def _number_given(column: Column, text: str) -> Form | None:
    """A number that the reader gives as DOUBLE."""
    it = sql.value(column.element.name)
    if column.how is How.number and column.element.type is Type.number:
        return text, [f"isfinite({it})"]
    if column.how in {How.latitude, How.longitude} and column.notation == "decimal":
        return text, [f"{it} BETWEEN -{sql.limit(column)} AND {sql.limit(column)}"]
    return None


def _forms(column: Column, text: str) -> Form | None:
    it, kind = sql.value(column.element.name), column.element.type
    if column.how is How.text:
        # trim knows the spaces of all scripts and is dear; most texts are seen to need none
        seen = f"regexp_full_match({text}, '[!-~]([ -~]*[!-~])?')"
        return text, [f"CASE WHEN {seen} THEN TRUE ELSE {text} = trim({text}) END"]
    if column.how is How.number:
        ungrouped = [f"NOT contains({text}, {literal(column.thousands)})"] if column.thousands else []
        if kind is Type.number:
            value = f"TRY_CAST({text} AS DOUBLE)"
            return value, [*ungrouped, f"regexp_full_match({text}, '{sql.NUMBER}')", f"isfinite({it})"]
        value = f"TRY_CAST({text} AS BIGINT)" if kind is Type.integer else text
        return value, [*ungrouped, f"regexp_full_match({text}, '{sql.WHOLE}')"]
    if column.how in {How.latitude, How.longitude} and column.notation == "decimal":
        inside = f"{it} BETWEEN -{sql.limit(column)} AND {sql.limit(column)}"
        return f"TRY_CAST({text} AS DOUBLE)", [inside, f"regexp_full_match({text}, '{sql.NUMBER}')"]
    if column.how is How.timestamp and column.zone == "offset":
        return f"TRY_CAST({text} AS TIMESTAMPTZ)", [f"regexp_full_match({text}, '{sql.WITH_OFFSET}')"]
    if column.how is How.plate:
        return text, [f"regexp_full_match({text}, {literal(PLATE)})"]
    return None
