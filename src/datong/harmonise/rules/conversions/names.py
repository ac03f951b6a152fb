"""What the columns of a conversion's steps are called, as they are named in SQL; and the text it begins with."""

from __future__ import annotations

from datong.engine.model import literal, quoted
from datong.harmonise.model.mappings import Column

Cases = list[tuple[str, str]]
"""(condition, what is said of a column then: a verdict or an expression of one), in the order of asking."""


def original(path: str) -> str:
    return quoted(f"from:{path}")


def raw_text(column: Column) -> str:
    """The text that a column's conversion reads: of the source, or its constant."""
    if column.of_several:
        return quoted(f"text:{column.element.name}")
    return original(column.path) if column.constant is None else f"CAST({literal(column.constant)} AS VARCHAR)"


def told_text(column: Column) -> str:
    """What the source has of a column as it is told: of several names that contradict each other, all they have."""
    if not column.others:
        return raw_text(column)
    every = f"concat_ws(' | ', {', '.join(map(original, column.paths))})"
    return f"CASE WHEN {differs(column)} THEN {every} ELSE {raw_text(column)} END"


def differs(column: Column) -> str:
    """Whether the names of one field have different values in a row."""
    return quoted(f"differs:{column.element.name}")


def clean(name: str) -> str:
    return quoted(f"clean:{name}")


def part(name: str, what: str) -> str:
    return quoted(f"part:{name}.{what}")


def value(name: str) -> str:
    return quoted(f"value:{name}")


def verdict(name: str) -> str:
    return quoted(f"verdict:{name}")
