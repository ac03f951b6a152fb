"""Guessing what English words letters may be short for: guar -> guarantee, prod -> product, tckt -> ticket.

Letters are short for a word when they begin it (three at least), or when they are what is left of it without its
vowels, whole or cut off. Letters that many words could be short for say nothing.
Must never know: anything but words of the glossary. Contract: tests/harmonise/matching/test_matching_words.py.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping as Map

from datong.harmonise.rules.matching.glossary import glossary

SHORTEST, LONGEST = 3, 7
_WORD_LEAST = 5
_MEANINGS_MOST = 5
_VOWELS = re.compile("[aeiou]")


def bones(word: str) -> str:
    """The first letter, and what follows without its vowels; doubled letters once: commission -> cmsn."""
    bare = word[0] + _VOWELS.sub("", word[1:])
    return re.sub(r"(.)\1+", r"\1", bare)


@functools.cache
def _short() -> Map[str, Map[str, frozenset[str]]]:
    """Beginnings, bones and beginnings of bones -> what the words they come from mean, the surest kind first."""
    found: dict[str, dict[str, set[str]]] = {"bones": {}, "begin": {}, "cut": {}, "some": {}}
    for word, meanings in glossary().english.items():
        if len(word) < _WORD_LEAST or not word.isalpha():
            continue
        bare = bones(word)
        shorts = {
            "bones": {bare} if len(bare) >= SHORTEST else set(),
            "begin": {word[:end] for end in range(SHORTEST, min(LONGEST, len(word) - 1) + 1)},
            "cut": {bare[:end] for end in range(SHORTEST, len(bare))},
            "some": {bare[:end] + bare[-1] for end in range(SHORTEST - 1, len(bare) - 1)},
        }
        for kind, ways in shorts.items():
            for way in ways:
                found[kind].setdefault(way, set()).update(meanings)
    return {kind: {way: frozenset(lines) for way, lines in ways.items()} for kind, ways in found.items()}


@functools.lru_cache(maxsize=20_000)
def meant(letters: str) -> frozenset[str]:
    """What the letters may mean as an abbreviation; empty when nothing, or too much."""
    if not SHORTEST <= len(letters) <= LONGEST or not letters.isalpha() or not letters.isascii():
        return frozenset()
    once = re.sub(r"(.)\1+", r"\1", letters)
    for kind, ways in _short().items():
        lines = ways.get(letters, frozenset()) | ways.get(once, frozenset())
        if lines:
            return lines if len(lines) <= _MEANINGS_MOST * (1 + (kind in ("bones", "begin"))) else frozenset()
    return frozenset()
