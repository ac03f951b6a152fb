"""The glossary: what words in the names of columns mean, read once from data/matching.

words.tsv holds the meanings with their Chinese and English ways of saying them, opposites.tsv the words that set two
names apart (start and end, planned and actual). Pinyin and initials are computed from the Chinese.
Must never know: columns, elements. Contract: tests/harmonise/matching/test_matching_words.py.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Mapping as Map
from dataclasses import dataclass
from importlib import resources

from datong.harmonise.rules.elements import pinyin_of

WEIGHTS = {"": 1.0, "h": 0.5, "s": 0.0}


@dataclass(frozen=True)
class Glossary:
    """words.tsv by what may stand in a name: signs, words, syllables, initials -> the lines they may mean."""

    weights: Map[str, float]
    chinese: Map[str, frozenset[str]]
    english: Map[str, frozenset[str]]
    pinyin: Map[str, frozenset[str]]
    initials: Map[str, frozenset[str]]
    longest_chinese: int
    longest_english: int
    heads: Map[str, frozenset[str]]
    """A Chinese general last word -> the initials of all words that say the same: 号码 -> hm, h, bh, ..."""
    ends: Map[str, tuple[tuple[int, int], ...]]
    """A line -> the scales on which it stands, and at which end of them (opposites.tsv)."""


@functools.cache
def glossary() -> Glossary:
    text = _data("words.tsv")
    weights: dict[str, float] = {}
    found: dict[str, dict[str, set[str]]] = {kind: {} for kind in ("chinese", "english", "pinyin", "initials")}
    heads: dict[str, frozenset[str]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        chinese, english, weight = line.split("\t")
        meaning = f"w{number}"
        weights[meaning] = WEIGHTS[weight]
        letters = set()
        for way in chinese.split(","):
            found["chinese"].setdefault(way, set()).add(meaning)
            full, initials = pinyin_of(way)
            found["pinyin"].setdefault(full, set()).add(meaning)
            letters.add(initials.lower())
            if len(way) > 1 or weight == "h":
                found["initials"].setdefault(initials.lower(), set()).add(meaning)
        for way in english.split(","):
            found["english"].setdefault(" ".join(map(stem, way.split())), set()).add(meaning)
        if weight == "h":
            heads.update(dict.fromkeys(chinese.split(","), frozenset(letters)))
    frozen = {kind: {way: frozenset(lines) for way, lines in ways.items()} for kind, ways in found.items()}
    return Glossary(
        weights, **frozen, longest_chinese=max(map(len, frozen["chinese"])),
        longest_english=max(len(way.split()) for way in frozen["english"]), heads=heads,
        ends=_ends(frozen["chinese"]),
    )  # fmt: skip


def _data(name: str) -> str:
    return (resources.files("datong.harmonise") / "data" / "matching" / name).read_text("utf-8")


def _ends(chinese: Map[str, frozenset[str]]) -> Map[str, tuple[tuple[int, int], ...]]:
    found: dict[str, list[tuple[int, int]]] = {}
    scales = [line.split("\t") for line in _data("opposites.tsv").splitlines() if line and not line.startswith("#")]
    for scale, kinds in enumerate(scales):
        for end, ways in enumerate(kinds):
            for meaning in sorted({meaning for way in ways.split(",") for meaning in chinese[way]}):
                found.setdefault(meaning, []).append((scale, end))
    return {meaning: tuple(places) for meaning, places in found.items()}


@functools.cache
def syllables() -> frozenset[str]:
    """Every syllable of Mandarin as pinyin is typed; ü is v."""
    from pypinyin.constants import PINYIN_DICT  # noqa: PLC0415 - slow, only for those who match

    said = {way for sign, ways in PINYIN_DICT.items() if 0x4E00 <= sign <= 0x9FA5 for way in ways.split(",")}
    split = {unicodedata.normalize("NFD", s).replace("u\u0308", "v") for s in said}
    plain = {"".join(filter(str.isalpha, s)) for s in split}
    return frozenset(s for s in plain if re.search("[aeiouv]", s) and s.isascii())


@functools.lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """An English word without the sign of its plural."""
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("sses", "xes", "ches", "shes")):
        return word[:-2]
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")) else word
