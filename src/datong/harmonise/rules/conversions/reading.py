"""The value of a column and the parts it is made of, by the kind of the column; NULL where the text is none."""

from __future__ import annotations

from datong.engine.model import literal
from datong.harmonise.model.mappings import Column, How, Type
from datong.harmonise.rules import amounts, identifiers
from datong.harmonise.rules.checks import PLATE
from datong.harmonise.rules.conversions import codes, coordinates, times
from datong.harmonise.rules.conversions.names import clean, part


def parts(column: Column) -> list[dict[str, str]]:
    """Intermediate expressions by name, level over level: a level may name the cleaned text and the levels before."""
    name, text = column.element.name, clean(column.element.name)
    if times.is_local(column):
        return times.parts(column)
    if column.how in identifiers.CHECKED:
        return identifiers.parts(text, column.how, part(name, "{}"))
    if column.how in {How.birth_date, How.sex} and column.meaning.of == How.resident_id:
        whole = f"CASE WHEN {part(name, 'sound')} THEN {text} ELSE {part(name, 'long')} END"
        return [*identifiers.parts(text, How.resident_id, part(name, "{}")), {part(name, "whole"): whole}]
    if column.how in {How.latitude, How.longitude}:
        return coordinates.parts(column)
    if column.meaning.carries_unit:
        number, said = amounts.with_unit(text)
        return [
            {part(name, "number"): number, part(name, "said"): said},
            {part(name, "unit"): amounts.unit_key(part(name, "said"))},
        ]
    return []


def converted(column: Column) -> str:
    """The value of the standard's type, or NULL, as an expression over cleaned texts and parts."""
    text = clean(column.element.name)
    if column.how is How.number:
        return _number(text, column)
    if column.how is How.timestamp:
        return times.converted(column)
    if column.how in {How.latitude, How.longitude}:
        return coordinates.converted(column)
    if column.how is How.date:
        return amounts.day(text, column.formats, column.meaning)
    if column.how is How.boolean:
        return amounts.truth(text, column.meaning)
    if column.how is How.code and column.codes is not None:
        return codes.decoded(text, column.codes)
    return _identifier(column)


def _identifier(column: Column) -> str:
    name, text = column.element.name, clean(column.element.name)
    if column.how is How.plate:
        return f"CASE WHEN regexp_full_match({text}, {literal(PLATE)}) THEN {text} END"
    if column.how in identifiers.CHECKED:
        return identifiers.value(text, column.how, part(name, "sound"), part(name, "long"))
    if column.how in {How.birth_date, How.sex}:
        if column.meaning.of == How.resident_id:
            return identifiers.told_by_resident(part(name, "whole"), column.how)
        return identifiers.told_by_birth_number(text, column.how, column.meaning.century or 1900)
    return text


def _number(text: str, column: Column) -> str:
    kind = column.element.type
    if kind is Type.string:
        return f"CASE WHEN regexp_full_match({text}, '{amounts.WHOLE}') THEN {text} END"
    number = amounts.number(text, column.meaning, column.element.unit)
    read = number if kind is Type.number else amounts.whole(text)
    if not column.meaning.carries_unit:
        return read
    name = column.element.name
    return amounts.in_its_unit(part(name, "number"), part(name, "unit"), column.element, read)


def sql_type(kind: Type) -> str:
    """The engine's type of a value."""
    return {
        Type.string: "VARCHAR", Type.integer: "BIGINT", Type.number: "DOUBLE", Type.boolean: "BOOLEAN",
        Type.date: "DATE", Type.timestamp: "TIMESTAMPTZ",
    }[kind]  # fmt: skip
