"""How near the names of columns are to words and to the elements of the library: by word, pinyin, initials, parts.

For rooms that ask what a column may be without any standard. Contract: tests/harmonise/test_harmonise_naming.py.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

from datong.harmonise.rules.matching import names
from datong.harmonise.service.library import library


@dataclass(frozen=True)
class Near:
    """How near a column's name is to what `of` names (0 to 1), by which word, and in which way it was understood."""

    of: str
    score: float
    said: str
    way: str


Words = tuple[tuple[str, tuple[str, ...]], ...]
"""(what it names, the words it goes by)."""
LEAST = 0.5


@functools.cache
def element_words() -> Words:
    """Every element of the library with its words; its name stands for it."""
    return tuple((e.name, (e.name, e.zh, e.en, e.pinyin, e.initials, *e.synonyms)) for e in library().elements)


def names_near(columns: Sequence[str], words: Words) -> list[tuple[Near, ...]]:
    """For each column what its name is near to, the nearest first; the prefix that most columns share is left out."""
    known = names.index(tuple(said for _, said in words))
    prefix = names.shared_prefix(tuple(columns))
    return [_near(column, prefix, known, words) for column in columns]


def _near(column: str, prefix: str, known: names.Index, words: Words) -> tuple[Near, ...]:
    found: dict[int, Near] = {}
    for text, trust in names.texts_of(column, prefix):
        for number, ways in names.named(known, text, trust).items():
            best = names.best_of(ways.values())
            if best is None or best.score < LEAST or (number in found and found[number].score >= best.score):
                continue
            found[number] = Near(words[number][0], best.score, best.said, best.way.value)
    return tuple(sorted(found.values(), key=lambda near: (-near.score, near.of)))
