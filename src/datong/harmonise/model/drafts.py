"""What is found by looking at a file nobody has described yet, and what is drafted from it for a person to confirm."""

from __future__ import annotations

from collections.abc import Mapping as Map
from dataclasses import dataclass
from typing import Any

from datong.ground.refusal import Text
from datong.harmonise.model.mappings import SourceKind

Span = tuple[tuple[int, int], tuple[int, int]]
"""Merged cells of a sheet: (first row, first column), (last row, last column), from 0."""


@dataclass(frozen=True)
class Look:
    """What a file seems to be. facts: the keys of its source besides kind and path. doubts: what a person should look
    at, because it was not sure."""

    kind: SourceKind
    facts: Map[str, Any]
    doubts: tuple[Text, ...] = ()


@dataclass(frozen=True)
class Unfit:
    """Why a file cannot be a source, and what to do about it."""

    why: Text
    fix: Text


@dataclass(frozen=True)
class Entry:
    """One drafted column of a mapping. keys: as, zone, formats, …; said: why; confirm: a person must look at it.
    others: what other files of the source call the column."""

    element: str
    column: str
    keys: Map[str, Any]
    said: str
    confirm: bool
    others: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of which its value is made: one, or those that hold its parts."""
        return (self.column, self.keys["then"]) if "then" in self.keys else (self.column,)
