"""Column lineage of a mapping, from what the mapping itself says.

SQLGlot finds the same when it follows the plan's SQL; the test holds the two against each other. This way costs
nothing for a thousand columns, and does not change when the plan is written differently.
Must never know: engines, wire formats. Contract: tests/harmonise/test_harmonise_lineage.py.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from datong.harmonise.model.lineage import Field, Input, Kind, Lineage, Part
from datong.harmonise.model.mappings import Column, How, Join, Mapping

_SAID_ELSEWHERE = ("element", "path", "how", "constant", "meaning", "others", "missing")
_MEANT = {
    "unit": "unit", "carries_unit": "carries_unit",
    "multipliers": "multipliers", "percent": "percent", "accounting": "accounting",
    "currency": "currency", "negative": "negative", "partner": "with",
    "century": "century", "of": "of", "true": "when_true", "false": "when_false", "digits": "digits",
}  # fmt: skip
"""What a mapping says of meaning, by its key there."""


def lineage_of(mapping: Mapping) -> Lineage:
    return Lineage(
        source=mapping.source.name,
        standard=mapping.standard.name,
        tables=tuple(dict.fromkeys((mapping.main, *(join.table for join in mapping.joins)))),
        fields=tuple(_field(mapping, column) for column in mapping.columns),
        whole=tuple(dict.fromkeys(_deciding(mapping))),
    )


def how_told(column: Column) -> str:
    """A conversion with the options that were given it, e.g. `timestamp(zone=Asia/Shanghai)`."""
    if column.constant is not None:
        return f"constant({column.constant})"
    given = []
    for field in dataclasses.fields(column):
        value = getattr(column, field.name)
        unset = value == field.default or (field.name == "formats" and not _formed(column))
        if field.name not in _SAID_ELSEWHERE and not unset:
            given.append(f"{field.name}={_told(value)}")
    given += [
        f"{_MEANT[field.name]}={_told(value)}"
        for field in dataclasses.fields(column.meaning)
        if field.name in _MEANT and (value := getattr(column.meaning, field.name)) != field.default
    ]
    if column.how in {How.latitude, How.longitude}:
        given.append(f"datum={column.meaning.datum}")
    if column.codes is not None and column.codes.on:
        given.append(f"on={column.codes.on}")
    return f"{column.how}({', '.join(given)})"


def _formed(column: Column) -> bool:
    """Whether its texts are read by formats."""
    return column.how is How.date or (column.how is How.timestamp and column.zone != "offset")


def _told(value: Any) -> str:
    if isinstance(value, tuple):
        return " | ".join(map(str, value))
    return str(getattr(value, "name", value))


def _field(mapping: Mapping, column: Column) -> Field:
    element = column.element
    by_name = {c.element.name: c for c in mapping.columns}
    inputs = []
    for of, kind, part in (
        (column, Kind.direct, Part.transformation),
        (by_name.get(column.meaning.partner), Kind.direct, Part.transformation),  # a point is converted as one
        (by_name.get(column.codes.on if column.codes else ""), Kind.indirect, Part.conditional),
    ):
        if of is not None and of.constant is None:
            inputs += [_input(mapping, path, kind, part) for path in of.paths]
            inputs += [i for join in _way_to(mapping, inputs[-1].table) for i in _joining(mapping, join)]
    made_of = tuple(dict.fromkeys(inputs))
    return Field(element.name, element.zh, element.en, element.type.value, how_told(column), made_of)


def _way_to(mapping: Mapping, table: str) -> Iterator[Join]:
    """The joins through which a row reaches `table`, nearest first."""
    join = next((j for j in mapping.joins if j.table == table), None)
    if join is not None:
        yield join
        yield from _way_to(mapping, _table(mapping, join.left))


def _joining(mapping: Mapping, join: Join) -> tuple[Input, Input]:
    right = Input(join.table, join.right, Kind.indirect, Part.joined)
    return _input(mapping, join.left, Kind.indirect, Part.joined), right


def _deciding(mapping: Mapping) -> Iterator[Input]:
    """Columns by which a row may be held back."""
    paths = {column.element.name: column.paths for column in mapping.columns if column.constant is None}
    for join in mapping.joins:
        yield from _joining(mapping, join)
    for path in (path for several in paths.values() for path in several):
        yield _input(mapping, path, Kind.indirect, Part.filter)  # a value that cannot be converted holds its row
    for unique in mapping.unique:
        for path in (path for name in unique.columns for path in paths.get(name, ())):
            yield _input(mapping, path, Kind.indirect, Part.window)


def _input(mapping: Mapping, path: str, kind: Kind, part: Part) -> Input:
    return Input(_table(mapping, path), plain(mapping, path), kind, part)


def _table(mapping: Mapping, path: str) -> str:
    return path.split(".", 1)[0] if mapping.source.tables else mapping.main


def plain(mapping: Mapping, path: str) -> str:
    """The column's name in its own table."""
    return path.split(".", 1)[1] if mapping.source.tables else path
