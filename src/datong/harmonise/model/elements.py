"""The library of data elements as values: elements, packs, code tables, and what changed between two versions."""

from __future__ import annotations

from collections.abc import Mapping as Map
from dataclasses import dataclass
from datetime import date
from enum import IntEnum, StrEnum
from functools import cached_property

from datong.ground.refusal import Text
from datong.harmonise.model.mappings import Type


class Sensitivity(StrEnum):
    """How carefully a data element must be treated, from the least to the most."""

    public = "public"
    business = "business"
    personal = "personal"
    sensitive = "sensitive"

    @property
    def rank(self) -> int:
        return list(Sensitivity).index(self)


@dataclass(frozen=True)
class Format:
    """How a value is written, after GA/T 543 (docs/reference/elements.md): its kind and the signs it may have."""

    kind: str
    shortest: int = 0
    longest: int | None = None
    decimals: int = 0


@dataclass(frozen=True)
class DataElement:
    """One data element (数据元) of a pack: what a column means, whatever it is called."""

    id: str
    name: str
    zh: str
    en: str
    pinyin: str
    initials: str
    synonyms: tuple[str, ...]
    type: Type
    format: str
    shape: Format
    sensitivity: Sensitivity
    source: str
    check: str = ""
    codes: str = ""
    unit: str = ""
    sensitivity_reason: Text | None = None
    pinyin_note: str = ""


@dataclass(frozen=True)
class Pack:
    name: str
    version: str
    title: Text
    note: str
    elements: tuple[DataElement, ...]


@dataclass(frozen=True)
class CodeEntry:
    """One code. also: how the same meaning is written elsewhere. successor: what took its place after valid_to."""

    code: str
    zh: str
    en: str
    also: tuple[str, ...] = ()
    valid_from: date | None = None
    valid_to: date | None = None
    successor: tuple[str, ...] = ()

    def valid_on(self, day: date) -> bool:
        """valid_to is the first day on which it is no longer valid."""
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day < self.valid_to)


@dataclass(frozen=True)
class CodeTable:
    """A code table. system: the name of a code system whose content is not copied here. whole: entries are whole
    values, else beginnings of them. partial: there are codes that it does not list."""

    name: str
    version: str
    title: Text
    source: str
    confidence: str
    entries: Map[str, CodeEntry]
    system: str = ""
    whole: bool = True
    partial: bool = False
    note: str = ""

    @cached_property
    def ways(self) -> tuple[frozenset[str], frozenset[str]]:
        """Its codes, and the words for them, as texts are compared with them."""
        words = (word for entry in self.entries.values() for word in (entry.zh, entry.en, *entry.also))
        return frozenset(code.casefold() for code in self.entries), frozenset(word.casefold() for word in words if word)


@dataclass(frozen=True)
class Library:
    """All packs and the code tables they name."""

    packs: tuple[Pack, ...]
    tables: Map[str, CodeTable]

    @property
    def elements(self) -> tuple[DataElement, ...]:
        return tuple(element for pack in self.packs for element in pack.elements)

    def element(self, name: str) -> DataElement:
        return next(element for element in self.elements if element.name == name)


class By(IntEnum):
    """By what an element was found, the surest first."""

    standard_name = 1
    zh = 2
    en = 3
    synonym = 4
    pinyin = 5
    initials = 6
    synonym_pinyin = 7
    synonym_initials = 8


@dataclass(frozen=True)
class Hit:
    """An element that a column's name may mean; said: which of the element's words it was found by."""

    element: DataElement
    by: By
    said: str


class Level(IntEnum):
    """Which part of a version number a change moves."""

    patch = 1
    minor = 2
    major = 3


@dataclass(frozen=True)
class Change:
    """One difference between two versions. what: a word of rules.changes.KINDS; where: the element or code."""

    what: str
    where: str
    level: Level
    told: Text

    @property
    def breaking(self) -> bool:
        return self.level is Level.major
